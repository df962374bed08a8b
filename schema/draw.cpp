#include "schema/draw.hpp"

#include "platform/crypto.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace dudao {
namespace {

using std::string;
using std::string_view;

constexpr std::size_t kMaxCodeBytes = 64;
constexpr std::size_t kMaxEntropyEventBytes = 500;
constexpr std::size_t kMaxEntropyParts = 100;
constexpr string_view kName = "INSPECT-DRAW-1";

bool is_code(string_view s) noexcept {
  if (s.empty() || s.size() > kMaxCodeBytes) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// Decimal without sign or leading zeros, at most `max`.
template <class T>
std::optional<T> number(string_view s, T max) noexcept {
  if (s.empty() || s.size() > 20 || (s.size() > 1 && s[0] == '0') || s[0] < '0' || s[0] > '9') return std::nullopt;
  T value{};
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc{} || end != s.data() + s.size() || value > max) return std::nullopt;
  return value;
}

std::optional<Hash> hash_from(string_view hex) {
  // One spelling only: from_hex takes both cases.
  if (hex.size() != 64 || std::any_of(hex.begin(), hex.end(), [](char c) { return c >= 'A' && c <= 'F'; }))
    return std::nullopt;
  const auto bytes = from_hex(hex);
  return bytes ? to_array<32>(*bytes) : std::nullopt;
}

bool has_control(string_view s) noexcept {
  return std::any_of(s.begin(), s.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

std::vector<string_view> split(string_view s, char at) {
  std::vector<string_view> parts;
  for (std::size_t from = 0;;) {
    const std::size_t to = s.find(at, from);
    parts.push_back(s.substr(from, to - from));
    if (to == string_view::npos) return parts;
    from = to + 1;
  }
}

string at_line(string_view file, std::size_t line, string_view what = {}) {
  string s(file);
  s.append(" line ").append(std::to_string(line));
  if (!what.empty()) s.append(": ").append(what);
  return s;
}

/// The lines of one of the three lists, each cut into three or four fields, in order and none twice. The first
/// `key_fields` fields together name a line.
template <class Entry, class Read>
Result<std::vector<Entry>> parse_list(string_view file, string_view text, std::size_t fields, std::size_t key_fields,
                                      Read read) {
  std::vector<Entry> entries;
  string_view previous, previous_key;
  for (std::size_t line_no = 1; !text.empty(); ++line_no) {
    if (line_no > kMaxDrawLines) return fail(Code::kDrawTooLarge, string(file));
    const std::size_t end = text.find('\n');
    if (end == string_view::npos) return fail(Code::kDrawLine, at_line(file, line_no, "no line feed at the end"));
    const string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto parts = split(line, '|');
    if (parts.size() != fields)
      return fail(Code::kDrawLine, at_line(file, line_no, std::to_string(fields) + " fields are needed"));
    const auto entry = read(parts);
    if (!entry) return fail(Code::kDrawLine, at_line(file, line_no, entry.error()));
    std::size_t key_bytes = key_fields - 1;
    for (std::size_t i = 0; i < key_fields; ++i) key_bytes += parts[i].size();
    const string_view key = line.substr(0, key_bytes);
    if (line_no > 1) {
      // All lines of one key stand together, because '|' sorts behind every character of a code.
      if (key == previous_key) return fail(Code::kDrawDuplicate, at_line(file, line_no));
      if (line < previous) return fail(Code::kDrawOrder, at_line(file, line_no));
    }
    previous = line;
    previous_key = key;
    entries.push_back(*entry);
  }
  return entries;
}

constexpr std::array<string_view, 5> kStatusNames = {"E", "X1", "X2", "X3", "X4"};

template <class Entry>
using Read = tl::expected<Entry, const char*>;
tl::unexpected<const char*> unread(const char* what) { return tl::unexpected<const char*>(what); }

string join_sorted(std::vector<string> lines) {
  std::sort(lines.begin(), lines.end());
  string text;
  for (const string& line : lines) text.append(line).append("\n");
  return text;
}

/// A list that its own reader takes.
template <class Parse>
Result<string> checked(string text, Parse parse) {
  const auto back = parse(string_view(text));
  if (!back) return fail(back.error());
  return text;
}

bool is_entropy_event(string_view s) noexcept {
  return !s.empty() && s.size() <= kMaxEntropyEventBytes && is_utf8(view(s)) && !has_control(s);
}

/// The files fit each other.
Status check_fit(const DrawInputs& inputs) {
  std::unordered_set<string_view> strata, quota_strata, schools, inspectors;
  for (const auto& quota : inputs.manifest.quotas) quota_strata.insert(quota.stratum);
  for (const auto& entry : inputs.frame) {
    if (!quota_strata.contains(entry.stratum)) return fail(Code::kDrawUnknown, "no quota for stratum " + entry.stratum);
    strata.insert(entry.stratum);
    schools.insert(entry.school);
  }
  for (const auto& quota : inputs.manifest.quotas)
    if (!strata.contains(quota.stratum)) return fail(Code::kDrawUnknown, "no school in stratum " + quota.stratum);
  for (const auto& entry : inputs.pool) inspectors.insert(entry.inspector);
  for (const auto& recusal : inputs.recusals) {
    if (!inspectors.contains(recusal.inspector)) return fail(Code::kDrawUnknown, "inspector " + recusal.inspector);
    if (!schools.contains(recusal.school)) return fail(Code::kDrawUnknown, "school " + recusal.school);
  }
  return {};
}

string_view state_name(DrawnState state) noexcept {
  switch (state) {
    case DrawnState::kSelected:
      return "SELECTED";
    case DrawnState::kNoTeam:
      return "X4";
    case DrawnState::kReserve:
      return "RESERVE";
  }
  return "RESERVE";
}

Hash key_of(const Hash& seed, string_view message) { return hmac_sha256(seed, view(message)); }

}  // namespace

Result<std::vector<FrameEntry>> parse_frame(string_view text) {
  return parse_list<FrameEntry>("frame.txt", text, 4, 1, [](const auto& parts) -> Read<FrameEntry> {
    if (!is_code(parts[0])) return unread("the school's code");
    if (!is_code(parts[1])) return unread("the stratum");
    const auto weight = number<std::uint32_t>(parts[2], kMaxWeight);
    if (!weight || *weight == 0) return unread("the weight is 1 to 10000");
    const auto status = std::find(kStatusNames.begin(), kStatusNames.end(), parts[3]);
    if (status == kStatusNames.end()) return unread("the status is E or X1 to X4");
    return FrameEntry{string(parts[0]), string(parts[1]), *weight,
                      static_cast<FrameStatus>(status - kStatusNames.begin())};
  });
}

Result<std::vector<PoolEntry>> parse_pool(string_view text) {
  return parse_list<PoolEntry>("pool.txt", text, 3, 1, [](const auto& parts) -> Read<PoolEntry> {
    if (!is_code(parts[0])) return unread("the inspector's code");
    const auto capacity = number<std::uint32_t>(parts[1], kMaxCapacity);
    if (!capacity) return unread("the capacity is 0 to 10000");
    if (parts[2] != "0" && parts[2] != "1") return unread("lead is 0 or 1");
    return PoolEntry{string(parts[0]), *capacity, parts[2] == "1"};
  });
}

Result<std::vector<Recusal>> parse_recusals(string_view text) {
  return parse_list<Recusal>("recuse.txt", text, 3, 2, [](const auto& parts) -> Read<Recusal> {
    if (!is_code(parts[0])) return unread("the inspector's code");
    if (!is_code(parts[1])) return unread("the school's code");
    if (parts[2].size() != 2 || parts[2][0] != 'R' || parts[2][1] < '1' || parts[2][1] > '5')
      return unread("the reason is R1 to R5");
    return Recusal{string(parts[0]), string(parts[1]), static_cast<std::uint8_t>(parts[2][1] - '0')};
  });
}

Result<string> frame_text(const std::vector<FrameEntry>& entries) {
  std::vector<string> lines;
  for (const auto& e : entries) {
    const auto status = static_cast<std::size_t>(e.status);
    lines.push_back(e.school + "|" + e.stratum + "|" + std::to_string(e.weight) + "|" +
                    string(status < kStatusNames.size() ? kStatusNames[status] : ""));
  }
  return checked(join_sorted(std::move(lines)), parse_frame);
}

Result<string> pool_text(const std::vector<PoolEntry>& entries) {
  std::vector<string> lines;
  for (const auto& e : entries)
    lines.push_back(e.inspector + "|" + std::to_string(e.capacity) + "|" + (e.lead ? "1" : "0"));
  return checked(join_sorted(std::move(lines)), parse_pool);
}

Result<string> recusal_text(const std::vector<Recusal>& entries) {
  std::vector<string> lines;
  for (const auto& e : entries) lines.push_back(e.inspector + "|" + e.school + "|R" + std::to_string(e.reason));
  return checked(join_sorted(std::move(lines)), parse_recusals);
}

Result<DrawManifest> parse_manifest(string_view text) {
  const auto bad = [](std::size_t line, string_view what) {
    return fail(Code::kDrawManifest, at_line("manifest.txt", line, what));
  };
  const auto lines = split(text, '\n');
  if (lines.size() != 9 || !lines[8].empty())
    return bad(std::min<std::size_t>(lines.size(), 9), "eight lines are needed");
  if (lines[0] != kName) return bad(1, kName);
  constexpr std::array<string_view, 7> kKeys = {"draw=", "quota=", "team=", "frame=", "pool=", "recuse=", "entropy="};
  std::array<string_view, 7> values;
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (!lines[i + 1].starts_with(kKeys[i])) return bad(i + 2, kKeys[i]);
    values[i] = lines[i + 1].substr(kKeys[i].size());
  }
  DrawManifest manifest;
  if (!is_code(values[0])) return bad(2, "the draw's code");
  manifest.draw = values[0];
  for (const string_view item : split(values[1], ',')) {
    const std::size_t colon = item.find(':');
    if (colon == string_view::npos || !is_code(item.substr(0, colon))) return bad(3, "a stratum and its quota");
    const auto schools = number<std::uint32_t>(item.substr(colon + 1), static_cast<std::uint32_t>(kMaxDrawLines));
    if (!schools) return bad(3, "a quota is 0 to 1000000");
    if (!manifest.quotas.empty() && manifest.quotas.back().stratum >= item.substr(0, colon))
      return bad(3, "strata are sorted, none twice");
    manifest.quotas.push_back({string(item.substr(0, colon)), *schools});
  }
  const auto team = number<std::uint32_t>(values[2], kMaxTeam);
  if (!team || *team == 0) return bad(4, "a team is 1 to 20");
  manifest.team = *team;
  const std::array<Hash*, 3> hashes = {&manifest.frame, &manifest.pool, &manifest.recuse};
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const auto hash = hash_from(values[3 + i]);
    if (!hash) return bad(5 + i, "64 digits of lower-case hex");
    *hashes[i] = *hash;
  }
  if (!is_entropy_event(values[6])) return bad(8, "1 to 500 bytes of text");
  manifest.entropy = values[6];
  return manifest;
}

Result<string> manifest_text(const DrawManifest& manifest) {
  auto quotas = manifest.quotas;
  std::sort(quotas.begin(), quotas.end(), [](const auto& a, const auto& b) { return a.stratum < b.stratum; });
  string text(kName);
  text.append("\ndraw=").append(manifest.draw).append("\nquota=");
  for (std::size_t i = 0; i < quotas.size(); ++i)
    text.append(i ? "," : "").append(quotas[i].stratum).append(":").append(std::to_string(quotas[i].schools));
  text.append("\nteam=").append(std::to_string(manifest.team));
  text.append("\nframe=").append(to_hex(manifest.frame));
  text.append("\npool=").append(to_hex(manifest.pool));
  text.append("\nrecuse=").append(to_hex(manifest.recuse));
  text.append("\nentropy=").append(manifest.entropy).append("\n");
  return checked(std::move(text), parse_manifest);
}

Result<DrawFiles> freeze_draw(string_view draw, const std::vector<DrawManifest::Quota>& quotas, std::uint32_t team,
                              string_view entropy_event, const std::vector<FrameEntry>& frame,
                              const std::vector<PoolEntry>& pool, const std::vector<Recusal>& recusals) {
  DrawFiles files;
  DUDAO_TRY(files.frame, frame_text(frame));
  DUDAO_TRY(files.pool, pool_text(pool));
  DUDAO_TRY(files.recuse, recusal_text(recusals));
  const DrawManifest manifest{string(draw),
                              quotas,
                              team,
                              sha256(view(files.frame)),
                              sha256(view(files.pool)),
                              sha256(view(files.recuse)),
                              string(entropy_event)};
  DUDAO_TRY(files.manifest, manifest_text(manifest));
  DUDAO_CHECK(check_fit({manifest, frame, pool, recusals}));
  return files;
}

Result<DrawInputs> read_draw(const DrawFiles& files) {
  DrawInputs inputs;
  DUDAO_TRY(inputs.manifest, parse_manifest(files.manifest));
  if (sha256(view(files.frame)) != inputs.manifest.frame) return fail(Code::kDrawFileChanged, "frame.txt");
  if (sha256(view(files.pool)) != inputs.manifest.pool) return fail(Code::kDrawFileChanged, "pool.txt");
  if (sha256(view(files.recuse)) != inputs.manifest.recuse) return fail(Code::kDrawFileChanged, "recuse.txt");
  DUDAO_TRY(inputs.frame, parse_frame(files.frame));
  DUDAO_TRY(inputs.pool, parse_pool(files.pool));
  DUDAO_TRY(inputs.recusals, parse_recusals(files.recuse));
  DUDAO_CHECK(check_fit(inputs));
  return inputs;
}

Hash manifest_hash(string_view manifest) { return sha256(view(manifest)); }

Hash draw_commitment(const Hash& manifest_hash, const Hash& secret) {
  return sha256({view("INSPECT-DRAW-1|commit\n"), manifest_hash, secret});
}

Result<Hash> draw_seed(const Hash& manifest_hash, const Hash& commitment, const Hash& secret, string_view entropy) {
  if (draw_commitment(manifest_hash, secret) != commitment) return fail(Code::kDrawCommitment);
  if (!is_canonical_entropy(entropy)) return fail(Code::kDrawEntropy);
  return sha256({view("INSPECT-DRAW-1|seed\n"), manifest_hash, secret, view(entropy)});
}

Result<string> canonical_entropy(const std::vector<std::vector<std::uint64_t>>& sources) {
  if (sources.empty() || sources.size() > kMaxEntropyParts) return fail(Code::kDrawEntropy, "1 to 100 sources");
  string text;
  for (auto numbers : sources) {
    if (numbers.empty() || numbers.size() > kMaxEntropyParts) return fail(Code::kDrawEntropy, "1 to 100 numbers each");
    std::sort(numbers.begin(), numbers.end());
    for (const std::uint64_t n : numbers) text.append(std::to_string(n)).append(".");
    text.append("/");
  }
  return text;
}

bool is_canonical_entropy(string_view entropy) noexcept {
  std::size_t sources = 0;
  while (!entropy.empty()) {
    const std::size_t slash = entropy.find('/');
    if (slash == string_view::npos || ++sources > kMaxEntropyParts) return false;
    string_view source = entropy.substr(0, slash);
    entropy.remove_prefix(slash + 1);
    std::size_t numbers = 0;
    std::uint64_t previous = 0;
    while (!source.empty()) {
      const std::size_t dot = source.find('.');
      if (dot == string_view::npos || ++numbers > kMaxEntropyParts) return false;
      const auto value = number<std::uint64_t>(source.substr(0, dot), UINT64_MAX);
      if (!value || *value < previous) return false;
      previous = *value;
      source.remove_prefix(dot + 1);
    }
    if (numbers == 0) return false;
  }
  return sources > 0;
}

string_view to_string(TicketOutcome outcome) noexcept {
  constexpr std::array<string_view, 9> kNames = {"OK", "R1", "R2", "R3", "R4", "R5", "CAP", "LEAD", "TEAM"};
  const auto i = static_cast<std::size_t>(outcome);
  return i < kNames.size() ? kNames[i] : string_view("UNKNOWN");
}

Hash school_key(const Hash& seed, string_view draw, string_view stratum, string_view school, std::uint32_t weight) {
  string message("S|");
  message.append(draw).append("|").append(stratum).append("|").append(school).append("|");
  const std::size_t stem = message.size();
  Hash least;
  least.fill(0xff);
  for (std::uint32_t j = 0; j < weight; ++j) {
    message.resize(stem);
    message.append(std::to_string(j));
    least = std::min(least, key_of(seed, message));
  }
  return least;
}

Hash inspector_key(const Hash& seed, string_view draw, string_view school, string_view inspector) {
  string message("I|");
  message.append(draw).append("|").append(school).append("|").append(inspector);
  return key_of(seed, message);
}

Hash visit_seed(const Hash& seed, string_view draw, string_view school) {
  string message("V|");
  message.append(draw).append("|").append(school);
  return key_of(seed, message);
}

Result<std::vector<DrawnClass>> draw_classes(const Hash& visit_seed, const std::vector<string>& names) {
  if (names.empty() || names.size() > kMaxClasses) return fail(Code::kClassList, "1 to 2000 names");
  std::vector<DrawnClass> classes;
  std::unordered_set<string_view> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const string& name = names[i];
    const string place = "name " + std::to_string(i + 1);
    if (name.empty() || name.size() > 100 || !is_utf8(view(name)) || has_control(name) || name.front() == ' ' ||
        name.back() == ' ')
      return fail(Code::kClassList, place);
    if (!seen.insert(name).second) return fail(Code::kClassList, place + " is there twice");
    classes.push_back({name, key_of(visit_seed, "C|" + name)});
  }
  std::sort(classes.begin(), classes.end(),
            [](const DrawnClass& a, const DrawnClass& b) { return a.key != b.key ? a.key < b.key : a.name < b.name; });
  return classes;
}

Status Draw::order_schools() {
  for (const auto& quota : inputs_.manifest.quotas) strata_.push_back({quota.stratum, quota.schools, {}});
  std::uint64_t tickets = 0;
  for (const auto& entry : inputs_.frame)
    if (entry.status == FrameStatus::kEligible) tickets += entry.weight;
  if (tickets > kMaxDrawTickets) return fail(Code::kDrawTooLarge, std::to_string(tickets) + " tickets of schools");
  tickets_made_ = tickets;
  for (std::size_t i = 0; i < inputs_.frame.size(); ++i) {
    const FrameEntry& entry = inputs_.frame[i];
    if (entry.status != FrameStatus::kEligible) continue;
    const auto stratum = std::lower_bound(strata_.begin(), strata_.end(), entry.stratum,
                                          [](const DrawnStratum& s, const string& name) { return s.stratum < name; });
    stratum->schools.push_back({static_cast<std::uint32_t>(i),
                                school_key(seed_, inputs_.manifest.draw, entry.stratum, entry.school, entry.weight),
                                DrawnState::kReserve,
                                {},
                                {}});
  }
  for (auto& stratum : strata_)
    std::sort(stratum.schools.begin(), stratum.schools.end(), [&](const DrawnSchool& a, const DrawnSchool& b) {
      return a.key != b.key ? a.key < b.key : inputs_.frame[a.school].school < inputs_.frame[b.school].school;
    });
  return {};
}

Result<std::vector<std::uint32_t>> Draw::ticket_order(string_view school) {
  tickets_made_ += inputs_.pool.size();
  if (tickets_made_ > kMaxDrawTickets) return fail(Code::kDrawTooLarge, std::to_string(tickets_made_) + " tickets");
  std::vector<std::pair<Hash, std::uint32_t>> keys(inputs_.pool.size());
  for (std::uint32_t i = 0; i < keys.size(); ++i)
    keys[i] = {inspector_key(seed_, inputs_.manifest.draw, school, inputs_.pool[i].inspector), i};
  std::sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : inputs_.pool[a.second].inspector < inputs_.pool[b.second].inspector;
  });
  std::vector<std::uint32_t> order;
  order.reserve(keys.size());
  for (const auto& key : keys) order.push_back(key.second);
  return order;
}

Status Draw::ask(DrawnSchool& school) {
  const string& code = inputs_.frame[school.school].school;
  DUDAO_TRY(const auto order, ticket_order(code));
  std::vector<std::uint8_t> recused(inputs_.pool.size(), 0);
  if (const auto row = recused_.find(code); row != recused_.end())
    for (const auto& [inspector, reason] : row->second) recused[inspector] = reason;
  bool has_lead = lead_of(school).has_value();
  const auto in_team = [&](std::uint32_t i) {
    return std::find(school.team.begin(), school.team.end(), i) != school.team.end();
  };
  school.log.clear();
  for (const std::uint32_t i : order) {
    if (school.team.size() == inputs_.manifest.team) break;
    const PoolEntry& inspector = inputs_.pool[i];
    TicketOutcome outcome = TicketOutcome::kTaken;
    if (in_team(i))
      outcome = TicketOutcome::kInTeam;
    else if (recused[i] != 0)
      outcome = static_cast<TicketOutcome>(recused[i]);
    else if (used_[i] >= inspector.capacity)
      outcome = TicketOutcome::kCapacity;
    else if (!has_lead && !inspector.lead && school.team.size() + 1 == inputs_.manifest.team)
      outcome = TicketOutcome::kLead;
    school.log.push_back({i, outcome});
    if (outcome != TicketOutcome::kTaken) continue;
    school.team.push_back(i);
    ++used_[i];
    has_lead = has_lead || inspector.lead;
  }
  if (school.team.size() == inputs_.manifest.team) {
    school.state = DrawnState::kSelected;
  } else {
    for (const std::uint32_t i : school.team) --used_[i];
    school.team.clear();
    school.state = DrawnState::kNoTeam;
  }
  return {};
}

bool Draw::pool_can_serve() const noexcept {
  std::size_t free = 0;
  bool lead = false;
  for (std::size_t i = 0; i < inputs_.pool.size(); ++i) {
    if (used_[i] >= inputs_.pool[i].capacity) continue;
    ++free;
    lead = lead || inputs_.pool[i].lead;
  }
  return lead && free >= inputs_.manifest.team;
}

Status Draw::fill(DrawnStratum& stratum, std::vector<std::size_t>& asked) {
  auto selected =
      static_cast<std::size_t>(std::count_if(stratum.schools.begin(), stratum.schools.end(),
                                             [](const DrawnSchool& s) { return s.state == DrawnState::kSelected; }));
  for (std::size_t i = 0; i < stratum.schools.size(); ++i) {
    if (selected >= stratum.quota || !pool_can_serve()) break;
    DrawnSchool& school = stratum.schools[i];
    if (school.state != DrawnState::kReserve) continue;
    asked.push_back(i);
    DUDAO_CHECK(ask(school));
    if (school.state == DrawnState::kSelected) ++selected;
  }
  return {};
}

void Draw::render(const DrawnStratum& stratum, const DrawnSchool& school) {
  const string& code = inputs_.frame[school.school].school;
  const auto rank = static_cast<std::size_t>(&school - stratum.schools.data()) + 1;
  text_.append("school|").append(stratum.stratum).append("|").append(std::to_string(rank)).append("|").append(code);
  text_.append("|").append(state_name(school.state)).append("|").append(to_hex(school.key)).append("\n");
  for (const Ticket& ticket : school.log) {
    text_.append("ticket|").append(code).append("|").append(inputs_.pool[ticket.inspector].inspector);
    text_.append("|").append(to_string(ticket.outcome)).append("\n");
  }
  if (school.team.empty()) return;
  text_.append("team|").append(code).append("|");
  for (std::size_t i = 0; i < school.team.size(); ++i)
    text_.append(i ? "+" : "").append(inputs_.pool[school.team[i]].inspector);
  text_.append("|").append(inputs_.pool[lead_of(school).value_or(school.team[0])].inspector).append("\n");
}

Result<Draw> Draw::run(DrawInputs inputs, const Hash& seed) {
  DUDAO_CHECK(check_fit(inputs));
  Draw draw;
  draw.inputs_ = std::move(inputs);
  draw.seed_ = seed;
  draw.used_.assign(draw.inputs_.pool.size(), 0);
  std::unordered_map<string_view, std::uint32_t> places;
  for (std::uint32_t i = 0; i < draw.inputs_.pool.size(); ++i) places.emplace(draw.inputs_.pool[i].inspector, i);
  for (const Recusal& recusal : draw.inputs_.recusals)
    if (const auto place = places.find(recusal.inspector); place != places.end())
      draw.recused_[recusal.school].emplace_back(place->second, recusal.reason);
  DUDAO_CHECK(draw.order_schools());
  std::vector<std::size_t> asked;
  for (DrawnStratum& stratum : draw.strata_) DUDAO_CHECK(draw.fill(stratum, asked));

  DUDAO_TRY(const string manifest, manifest_text(draw.inputs_.manifest));
  draw.text_.append(kName).append("|result\ndraw|").append(draw.inputs_.manifest.draw);
  draw.text_.append("\nmanifest|").append(to_hex(manifest_hash(manifest)));
  draw.text_.append("\nseed|").append(to_hex(seed)).append("\n");
  for (const DrawnStratum& stratum : draw.strata_) {
    const auto selected = std::count_if(stratum.schools.begin(), stratum.schools.end(),
                                        [](const DrawnSchool& s) { return s.state == DrawnState::kSelected; });
    draw.text_.append("stratum|").append(stratum.stratum).append("|").append(std::to_string(stratum.quota));
    draw.text_.append("|").append(std::to_string(selected)).append("\n");
    for (const DrawnSchool& school : stratum.schools) draw.render(stratum, school);
  }
  return draw;
}

std::optional<std::uint32_t> Draw::lead_of(const DrawnSchool& school) const noexcept {
  for (const std::uint32_t i : school.team)
    if (inputs_.pool[i].lead) return i;
  return std::nullopt;
}

const DrawnSchool* Draw::find(string_view school) const noexcept {
  for (const DrawnStratum& stratum : strata_)
    for (const DrawnSchool& drawn : stratum.schools)
      if (inputs_.frame[drawn.school].school == school) return &drawn;
  return nullptr;
}

Status Draw::recuse(string_view school, string_view inspector, std::uint8_t reason) {
  if (reason < 1 || reason > 5) return fail(Code::kDrawLine, "the reason is R1 to R5");
  const string refused = string(inspector) + " at " + string(school);
  for (DrawnStratum& stratum : strata_)
    for (DrawnSchool& drawn : stratum.schools) {
      if (inputs_.frame[drawn.school].school != school) continue;
      const auto member = std::find_if(drawn.team.begin(), drawn.team.end(),
                                       [&](std::uint32_t i) { return inputs_.pool[i].inspector == inspector; });
      if (member == drawn.team.end()) return fail(Code::kDrawNotInTeam, refused);

      const DrawnSchool before = drawn;
      const auto used_before = used_;
      const std::uint32_t place = *member;
      auto& recused = recused_[string(school)];
      recused.emplace_back(place, reason);
      --used_[place];
      drawn.team.erase(member);
      tickets_made_ = 0;
      std::vector<std::size_t> asked;
      Status status = ask(drawn);
      if (status && drawn.state == DrawnState::kNoTeam) status = fill(stratum, asked);
      if (!status) {
        for (const std::size_t i : asked) {
          stratum.schools[i].state = DrawnState::kReserve;
          stratum.schools[i].log.clear();
          stratum.schools[i].team.clear();
        }
        drawn = before;
        used_ = used_before;
        recused.pop_back();
        return status;
      }
      text_.append("recuse|").append(school).append("|").append(inspector).append("|R").append(std::to_string(reason));
      text_.append("\n");
      render(stratum, drawn);
      for (const std::size_t i : asked) render(stratum, stratum.schools[i]);
      return {};
    }
  return fail(Code::kDrawNotInTeam, refused);
}

Status Draw::recuse_all(string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const auto parts = split(lines.substr(0, end), '|');
    if (end == string_view::npos || parts.size() != 3 || parts[2].size() != 2 || parts[2][0] != 'R')
      return fail(Code::kDrawLine, "school|inspector|reason");
    DUDAO_CHECK(recuse(parts[0], parts[1], static_cast<std::uint8_t>(parts[2][1] - '0')));
    lines.remove_prefix(end + 1);
  }
  return {};
}

bool DrawReport::agrees() const noexcept {
  return !lines.empty() && std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.agrees; });
}

namespace {

/// "…abc…" of a published line, fit to be shown.
string shown(string_view line) {
  constexpr std::size_t kMaxShown = 200;
  string text(line.substr(0, kMaxShown));
  for (char& c : text)
    if (c < 0x20 || c == 0x7f) c = '?';
  return line.size() > kMaxShown ? text + "..." : text;
}

/// The first line in which the two differ, counted from 1; 0 if they are equal.
std::size_t first_difference(string_view a, string_view b, string_view& line_a, string_view& line_b) {
  for (std::size_t n = 1; !a.empty() || !b.empty(); ++n) {
    const auto take = [](string_view& s) {
      const std::size_t end = std::min(s.find('\n'), s.size() - 1);
      const string_view line = s.substr(0, s.empty() ? 0 : end + 1);
      s.remove_prefix(line.size());
      return line;
    };
    line_a = take(a);
    line_b = take(b);
    if (line_a != line_b) return n;
  }
  return 0;
}

/// Applies the later recusals in their order and says how it went.
bool replay(Draw& draw, string_view text, DrawReport& report) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const std::size_t end = text.find('\n');
    const Status status = draw.recuse_all(text.substr(0, end == string_view::npos ? end : end + 1));
    if (!status) {
      report.lines.push_back({false, "Later recusal " + std::to_string(count + 1) +
                                         " cannot be applied: " + shown(status.error().message())});
      return false;
    }
    text.remove_prefix(end + 1);
  }
  report.lines.push_back({true, "Later recusals replayed in the order given: " + std::to_string(count) + "."});
  return true;
}

}  // namespace

DrawReport verify_draw(const PublishedDraw& published) {
  DrawReport report;
  const auto say = [&](bool agrees, string text) {
    report.lines.push_back({agrees, std::move(text)});
    return agrees;
  };
  const auto manifest = parse_manifest(published.files.manifest);
  if (!manifest) {
    say(false, "The manifest cannot be read, so nothing can be checked: " + manifest.error().message());
    return report;
  }
  const Hash m = manifest_hash(published.files.manifest);
  say(true, "The manifest of draw " + manifest->draw + " is in order. Its fingerprint is " + to_hex(m) + ".");

  struct File {
    string_view name;
    const string& text;
    const Hash& fixed;
  };
  bool fixed = true;
  for (const File& file : {File{"frame.txt", published.files.frame, manifest->frame},
                           File{"pool.txt", published.files.pool, manifest->pool},
                           File{"recuse.txt", published.files.recuse, manifest->recuse}}) {
    const Hash hash = sha256(view(file.text));
    if (hash == file.fixed)
      say(true, string(file.name) + " is the file that the manifest fixes.");
    else
      fixed = say(false, string(file.name) + " is not the file that the manifest fixes: its fingerprint is " +
                             to_hex(hash) + ", the manifest says " + to_hex(file.fixed) + ".");
  }

  const auto secret = to_array<32>(published.secret);
  bool committed = false;
  if (!secret)
    say(false, "The secret has " + std::to_string(published.secret.size()) +
                   " bytes instead of 32, so the draw cannot be computed.");
  else if (draw_commitment(m, *secret) == published.commitment)
    committed = say(true, "The secret is the one that the office committed to before the event.");
  else
    say(false,
        "The secret and this manifest do not give the commitment that was published before the event: one of the three "
        "was changed afterwards.");
  const bool canonical = is_canonical_entropy(published.entropy);
  if (canonical)
    say(true, "The event's numbers are written in the one form that is allowed: " + published.entropy +
                  " Compare them yourself with what was announced for " + manifest->entropy + ".");
  else
    say(false, "The event's numbers are not written in the one form that is allowed, such as 9319./2.5.8.10.12./");
  if (!fixed || !committed || !canonical) return report;

  auto inputs = read_draw(published.files);
  if (!inputs) {
    say(false, "The files cannot be drawn from: " + inputs.error().message());
    return report;
  }
  const auto seed = draw_seed(m, published.commitment, *secret, published.entropy);
  auto draw = seed ? Draw::run(*std::move(inputs), *seed) : Result<Draw>(fail(seed.error()));
  if (!draw) {
    say(false, "The draw cannot be computed: " + draw.error().message());
    return report;
  }
  for (const DrawnStratum& stratum : draw->strata()) {
    std::size_t selected = 0, no_team = 0;
    for (const DrawnSchool& school : stratum.schools) {
      selected += school.state == DrawnState::kSelected;
      no_team += school.state == DrawnState::kNoTeam;
    }
    say(true, "Stratum " + stratum.stratum + ": of " + std::to_string(stratum.schools.size()) +
                  " eligible schools and a quota of " + std::to_string(stratum.quota) + ", " +
                  std::to_string(selected) + " are drawn with a team; for " + std::to_string(no_team) +
                  " no team could be found.");
  }
  if (!published.recused_later.empty() && !replay(*draw, published.recused_later, report)) return report;
  if (published.result) {
    string_view theirs, ours;
    const std::size_t line = first_difference(*published.result, draw->text(), theirs, ours);
    if (line == 0)
      say(true, "The published result is what these files, the secret and the event give, to the byte.");
    else
      say(false, "The published result differs from line " + std::to_string(line) + " on. Published: \"" +
                     shown(theirs) + "\". Recomputed: \"" + shown(ours) + "\".");
  }
  report.draw = *std::move(draw);
  return report;
}

}  // namespace dudao
