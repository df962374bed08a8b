#include "sync/office/follow_up.hpp"

#include "sync/office/jurisdiction.hpp"
#include "sync/office/rows.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <tuple>

namespace dudao {
namespace {

constexpr std::int64_t kReboundDays = 365;
// Schools are commended for a year's work.
constexpr std::int64_t kHighlightDays = 365;
// As much of what was seen on a visit as its commendation is opened with.
constexpr std::size_t kToldHighlights = 10;
constexpr std::size_t kToldHighlightBytes = 600;

/// One finding, and what happened to it when.
struct Followed {
  FindingView view;
  std::string visit_kind, unit;
  std::int64_t found_utc_ms = 0, found_day = 0;
  struct Step {
    FindingEvent event{};
    std::int64_t utc_ms = 0, day = 0;
  };
  std::vector<Step> steps;

  const Step* last(FindingEvent event) const {
    const Step* out = nullptr;
    for (const Step& step : steps)
      if (step.event == event) out = &step;
    return out;
  }
};

struct VisitRow {
  Bytes id;
  std::string school, kind;
  VisitState state{};
};

/// All visits and findings as they stand.
struct Seen {
  std::vector<VisitRow> visits;
  std::vector<Followed> findings;  ///< by rising keys

  static Result<Seen> look(Store& rows, const Moment& at) {
    Seen out;
    const Table& visits = table_of("visit");
    DUDAO_CHECK(rows.each_row(visits, [&](const StoredRow& row) -> Status {
      out.visits.push_back({std::get<Bytes>(row.cells[0]), text_in(visits, row, "school"), text_in(visits, row, "kind"),
                            visit_state_from(text_in(visits, row, "state")).value_or(VisitState::kNone)});
      return {};
    }));
    std::map<std::string, std::string> units;
    for (const VisitRow& visit : out.visits) {
      DUDAO_TRY(auto findings, findings_of(rows, visit.id));
      if (findings.empty()) continue;
      if (!units.contains(visit.school)) {
        DUDAO_TRY(units[visit.school], unit_of_school(rows, visit.school));
      }
      std::map<FindingKey, Followed> all;
      for (FindingView& view : findings) {
        Followed& one = all[view.key];
        one.view = std::move(view);
        one.visit_kind = visit.kind;
        one.unit = units[visit.school];
      }
      DUDAO_CHECK(one_visit(rows, visit.id, at, all));
      for (auto& [key, one] : all) out.findings.push_back(std::move(one));
    }
    return out;
  }

 private:
  static Status one_visit(Store& rows, BytesView visit, const Moment& at, std::map<FindingKey, Followed>& all) {
    const auto of = [&](const StoredRow& row) {
      const auto found = all.find(
          {std::get<Bytes>(row.cells[0]), std::get<std::int64_t>(row.cells[1]), std::get<std::int64_t>(row.cells[2])});
      return found == all.end() ? nullptr : &found->second;
    };
    const Table& findings = table_of("finding");
    DUDAO_CHECK(rows.each_row_of_visit(findings, visit, 0, [&](const StoredRow& row) -> Status {
      if (Followed* const one = of(row)) {
        one->found_utc_ms = integer_in(findings, row, "at_utc_ms").value_or(0);
        one->found_day =
            local_day(one->found_utc_ms, static_cast<int>(integer_in(findings, row, "at_offset_min").value_or(0)));
      }
      return {};
    }));
    const Table& steps = table_of("rectification_step");
    return rows.each_row_of_visit(steps, visit, 0, [&](const StoredRow& row) -> Status {
      Followed* const one = of(row);
      const auto event = finding_event_from(text_in(steps, row, "event"));
      if (!one || !event) return {};
      const std::int64_t utc_ms = integer_in(steps, row, "at_utc_ms").value_or(0);
      one->steps.push_back({*event, utc_ms, local_day(utc_ms, static_cast<int>(at.offset_min))});
      return {};
    });
  }
};

std::string name_of(const FindingKey& key) {
  return to_hex(key.visit) + ":" + std::to_string(key.author) + "/" + std::to_string(key.n);
}

bool took_place(VisitState state) { return state >= VisitState::kSubmitted && state <= VisitState::kClosed; }

/// Schools and the days on which visits to them ended.
Result<std::map<std::string, std::set<std::int64_t>>> visit_days(Store& rows, const Seen& seen) {
  std::map<std::string, std::set<std::int64_t>> out;
  for (const VisitRow& visit : seen.visits) {
    if (!took_place(visit.state)) continue;
    DUDAO_TRY(const auto day, end_of_visit(rows, visit.id));
    if (day) out[visit.school].insert(*day);
  }
  return out;
}

std::vector<Rebound> rebounds_in(const Seen& seen, const DeadlineRules& rules) {
  std::map<std::pair<std::string, std::string>, std::vector<const Followed*>> places;
  for (const Followed& one : seen.findings)
    if (!one.view.item.empty()) places[{one.view.school, one.view.item}].push_back(&one);
  std::map<FindingKey, Rebound> out;
  for (const auto& [place, all] : places)
    for (const Followed* before : all) {
      const Followed::Step* const verified = before->last(FindingEvent::kVerify);
      if (before->view.state != FindingState::kVerified || !verified) continue;
      const std::int64_t until = rules.calendar().end_of_term(verified->day, 1).value_or(verified->day + kReboundDays);
      for (const Followed* one : all) {
        if (one->found_utc_ms <= verified->utc_ms || one->found_day > until) continue;
        Rebound& rebound = out[one->view.key];
        if (!rebound.item.empty() && rebound.verified_day >= verified->day) continue;
        rebound = {one->view.key, before->view.key, place.first, place.second, verified->day, one->found_day};
      }
    }
  std::vector<Rebound> sorted;
  for (auto& [key, rebound] : out) sorted.push_back(std::move(rebound));
  return sorted;
}

/// The proceedings about one finding that the chain looks at.
struct Chain {
  bool under_way = false;
  std::optional<ProceedingKind> done;  ///< the furthest that was carried through
  std::string after;                   ///< its code
  /// The last that was carried through or dismissed: what happened before counts no more.
  std::optional<std::int64_t> since_day, since_utc_ms;
};

/// The step with which one of the chain has had its effect, or null.
const ProceedingStepView* effect_of(ProceedingKind kind, const std::vector<ProceedingStepView>& steps) {
  const ProceedingEvent event = kind == ProceedingKind::kNotification ? ProceedingEvent::kSend : ProceedingEvent::kFile;
  for (const ProceedingStepView& step : steps)
    if (step.event == event) return &step;
  return nullptr;
}

Result<std::map<FindingKey, Chain>> chains(Store& rows) {
  DUDAO_TRY(const auto all, all_proceedings(rows));
  std::map<FindingKey, Chain> out;
  for (const ProceedingView& one : all) {
    if (!one.finding || one.kind < ProceedingKind::kInterview) continue;
    Chain& chain = out[*one.finding];
    DUDAO_TRY(const auto steps, proceeding_steps(rows, one.code));
    const ProceedingStepView* const effect = effect_of(one.kind, steps);
    const bool dismissed = one.state == ProceedingState::kDismissed;
    if (steps.empty() || (!effect && !dismissed)) {
      chain.under_way = true;
      continue;
    }
    const ProceedingStepView& end = effect ? *effect : steps.back();
    chain.since_day = std::max(chain.since_day.value_or(end.day), end.day);
    chain.since_utc_ms = std::max(chain.since_utc_ms.value_or(end.at_utc_ms), end.at_utc_ms);
    if (!effect || (chain.done && *chain.done > one.kind)) continue;
    chain.done = one.kind;
    chain.after = one.code;
  }
  return out;
}

ProceedingKind next_in_chain(const std::optional<ProceedingKind>& done) {
  if (!done) return ProceedingKind::kInterview;
  return *done == ProceedingKind::kInterview ? ProceedingKind::kNotification : ProceedingKind::kSanction;
}

Result<std::optional<Proposal>> propose(Store& rows, const Followed& one, const Chain& chain, std::int64_t today) {
  if (chain.under_way || is_final(one.view.state)) return std::optional<Proposal>();
  Proposal out;
  out.kind = next_in_chain(chain.done);
  out.visit = one.view.key.visit;
  out.finding = one.view.key;
  out.school = one.view.school;
  out.unit = one.unit;
  out.after = chain.after;
  const auto rejected = std::count_if(one.steps.begin(), one.steps.end(), [&](const Followed::Step& step) {
    return step.event == FindingEvent::kReject && (!chain.since_utc_ms || step.utc_ms > *chain.since_utc_ms);
  });
  DUDAO_TRY(const PolicyValue most_rejections, policy_for(rows, Policy::kRejectionsBeforeInterview, one.unit, today));
  // Whoever was talked to already, and is rejected again, is not given as many attempts once more.
  const std::int64_t enough = chain.since_utc_ms ? 1 : most_rejections.value;
  if (rejected >= enough) {
    out.reason = ProposalReason::kRejected;
    out.count = rejected;
    out.limit = enough;
    out.source = most_rejections.source;
    return std::optional(std::move(out));
  }
  if (!one.view.overdue(today)) return std::optional<Proposal>();
  DUDAO_TRY(const PolicyValue most_days, policy_for(rows, Policy::kOverdueDaysBeforeInterview, one.unit, today));
  const std::int64_t from_day = std::max(*one.view.due_day, chain.since_day.value_or(*one.view.due_day));
  if (today - from_day <= most_days.value) return std::optional<Proposal>();
  out.reason = ProposalReason::kOverdue;
  out.count = today - from_day;
  out.limit = most_days.value;
  out.source = most_days.source;
  return std::optional(std::move(out));
}

/// On one line, and no longer than a proceeding should begin with.
std::string told(std::string_view text) {
  std::string out(excerpt(text, kToldHighlightBytes));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return out.size() < text.size() ? out + "……" : out;
}

/// What was written on each visit and not taken back; where it was amended after submission, it says so.
Result<std::map<Bytes, std::vector<std::string>>> standing_highlights(Store& rows) {
  std::set<std::pair<Bytes, std::string>> amended;
  const Table& amendments = table_of("amendment");
  DUDAO_CHECK(rows.each_row(amendments, [&](const StoredRow& row) -> Status {
    if (text_in(amendments, row, "target") == "highlight")
      amended.emplace(std::get<Bytes>(row.cells[0]), text_in(amendments, row, "target_key"));
    return {};
  }));
  std::map<Bytes, std::vector<std::string>> out;
  const Table& table = table_of("highlight");
  DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
    if (!text_in(table, row, "void_reason").empty()) return {};
    const auto& visit = std::get<Bytes>(row.cells[0]);
    const std::string key = std::to_string(std::get<std::int64_t>(row.cells[1])) + "/" +
                            std::to_string(std::get<std::int64_t>(row.cells[2]));
    out[visit].push_back(told(text_in(table, row, "text")) + (amended.contains({visit, key}) ? "（另有更正）" : ""));
    return {};
  }));
  return out;
}

/// One for each accepted visit with highlights that ended not too long ago and has no commendation yet.
Status propose_commendations(Store& rows, const Seen& seen, std::int64_t today, std::vector<Proposal>& out) {
  DUDAO_TRY(auto highlights, standing_highlights(rows));
  DUDAO_TRY(const auto begun, all_proceedings(rows));
  for (const ProceedingView& one : begun)
    if (one.kind == ProceedingKind::kCommendation) highlights.erase(one.visit);
  for (const VisitRow& visit : seen.visits) {
    const auto recorded = highlights.find(visit.id);
    if (recorded == highlights.end() || visit.state < VisitState::kAccepted || visit.state > VisitState::kClosed)
      continue;
    DUDAO_TRY(const auto ended, end_of_visit(rows, visit.id));
    if (!ended || today - *ended > kHighlightDays) continue;
    Proposal proposal;
    proposal.kind = ProceedingKind::kCommendation;
    proposal.visit = visit.id;
    proposal.school = visit.school;
    DUDAO_TRY(proposal.unit, unit_of_school(rows, visit.school));
    proposal.reason = ProposalReason::kHighlight;
    proposal.highlights = std::move(recorded->second);
    proposal.count = static_cast<std::int64_t>(proposal.highlights.size());
    out.push_back(std::move(proposal));
  }
  return {};
}

Result<std::set<FindingKey>> carried(Store& rows) {
  std::set<FindingKey> out;
  const Table& table = table_of("carried_finding");
  DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
    out.insert(
        {std::get<Bytes>(row.cells[1]), std::get<std::int64_t>(row.cells[2]), std::get<std::int64_t>(row.cells[3])});
    return {};
  }));
  return out;
}

Status due_of_proceedings(Store& rows, const DeadlineRules& rules, std::int64_t today, std::vector<DueItem>& out) {
  DUDAO_TRY(const auto all, all_proceedings(rows));
  for (const ProceedingView& one : all) {
    DUDAO_TRY(const auto limits, running_limits(rows, rules, one, today));
    for (const OpenLimit& limit : limits) {
      DueItem item;
      item.limit = limit;
      item.of_others = is_of_others(limit.step);
      const bool passed = limit.day < today;
      if (passed && item.of_others) continue;  // They let it pass, which they may.
      item.overdue = passed;
      item.proceeding = one.code;
      item.finding = one.finding;
      item.school = one.school;
      item.unit = one.org_unit;
      out.push_back(std::move(item));
    }
  }
  return {};
}

/// What a finding's rectification has to keep, as far as it has got.
std::vector<OpenLimit> limits_of(const Followed& one, const DeadlineRules& rules,
                                 std::span<const std::string> jurisdictions, std::int64_t today) {
  std::vector<OpenLimit> out;
  std::map<DeadlineAnchor, std::int64_t> events;
  const auto add = [&](DeadlineStep step) {
    if (auto limit = rules.limit(step, one.visit_kind, jurisdictions, events, today)) out.push_back(std::move(*limit));
  };
  if (one.view.due_day && (one.view.state == FindingState::kOpen || awaits_school(one.view.state)))
    out.push_back({*one.view.due_day, DeadlineStep::kRectification, "", false});
  if (one.view.due_day && awaits_school(one.view.state)) {
    events[DeadlineAnchor::kRectificationDue] = *one.view.due_day;
    add(DeadlineStep::kRectificationReport);
  }
  if (const auto* const reported = one.last(FindingEvent::kReport);
      reported && one.view.state == FindingState::kReported) {
    events[DeadlineAnchor::kRectificationReported] = reported->day;
    add(DeadlineStep::kReinspection);
  }
  if (const auto* const verified = one.last(FindingEvent::kVerify);
      verified && one.view.state == FindingState::kVerified) {
    events[DeadlineAnchor::kRectificationVerified] = verified->day;
    add(DeadlineStep::kReboundCheck);
  }
  return out;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

/// Where the name stands from `from` on.
std::size_t find_person(std::string_view text, std::string_view name, bool latin, std::size_t from) {
  for (std::size_t at = text.find(name, from); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if (!latin) return at;
    const std::size_t end = at + name.size();
    // Chinese words touch Latin ones without a space.
    const auto latin_word = [](char c) { return is_word(c) && static_cast<unsigned char>(c) < 0x80; };
    if ((at == 0 || !latin_word(text[at - 1])) && (end == text.size() || !latin_word(text[end]))) return at;
  }
  return std::string_view::npos;
}

Result<std::vector<std::string>> names_of_persons(Store& rows) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"inspector", "name"},
                                                                             {"inspector", "code"},
                                                                             {"school", "head"},
                                                                             {"signature", "name"},
                                                                             {"signature", "witness"},
                                                                             {"rectification", "responsible"},
                                                                             {"rectification_step", "person"},
                                                                             {"proceeding_step", "person"},
                                                                             {"person", "name"}};
  std::set<std::string> out;
  for (const auto& [name, column] : kNames) {
    const Table& table = table_of(name);
    DUDAO_CHECK(rows.each_row(table, [&, at = column](const StoredRow& row) -> Status {
      out.insert(text_in(table, row, at));
      return {};
    }));
  }
  return std::vector<std::string>(out.begin(), out.end());
}

/// What is not a person: names of schools and units, by their codes and by themselves.
Result<std::map<std::string, std::string>> names_of_units(Store& rows) {
  std::map<std::string, std::string> out;
  const Table& units = table_of("org_unit");
  DUDAO_CHECK(rows.each_row(units, [&](const StoredRow& row) -> Status {
    const std::string name = text_in(units, row, "name");
    out[name] = out[text_in(units, row, "code")] = name;
    return {};
  }));
  const Table& schools = table_of("school");
  DUDAO_CHECK(rows.each_row(schools, [&](const StoredRow& row) -> Status {
    const std::string name = text_in(schools, row, "name");
    out[name] = out[text_in(schools, row, "code")] = name;
    const std::string superior = text_in(schools, row, "superior_unit");
    out[superior] = superior;
    return {};
  }));
  return out;
}

}  // namespace

Result<std::vector<DueItem>> deadlines_due(Store& rows, std::int64_t from_day, std::int64_t to_day, const Moment& at) {
  const std::int64_t today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
  DUDAO_TRY(const Seen seen, Seen::look(rows, at));
  DUDAO_TRY(const auto visited, visit_days(rows, seen));
  std::vector<DueItem> out;
  DUDAO_CHECK(due_of_proceedings(rows, rules, today, out));
  std::map<std::string, std::vector<std::string>> jurisdictions;
  for (const Followed& one : seen.findings) {
    if (!jurisdictions.contains(one.unit)) {
      DUDAO_TRY(jurisdictions[one.unit], DeadlineRules::jurisdictions(rows, one.unit));
    }
    for (const OpenLimit& limit : limits_of(one, rules, jurisdictions[one.unit], today)) {
      if (limit.step == DeadlineStep::kReboundCheck) {
        const auto days = visited.find(one.view.school);
        if (days != visited.end() &&
            days->second.upper_bound(one.last(FindingEvent::kVerify)->day) != days->second.end())
          continue;
      }
      out.push_back({limit, is_of_others(limit.step), limit.day < today, "", one.view.key, one.view.school, one.unit});
    }
  }
  std::erase_if(out, [&](const DueItem& item) { return item.limit.day < from_day || item.limit.day > to_day; });
  std::stable_sort(out.begin(), out.end(),
                   [](const DueItem& a, const DueItem& b) { return a.limit.day < b.limit.day; });
  return out;
}

Result<std::vector<Rebound>> rebounds(Store& rows, const Moment& at) {
  DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
  DUDAO_TRY(const Seen seen, Seen::look(rows, at));
  return rebounds_in(seen, rules);
}

std::string_view to_string(ProposalReason reason) noexcept {
  switch (reason) {
    case ProposalReason::kRejected:
      return "REJECTED";
    case ProposalReason::kOverdue:
      return "OVERDUE";
    case ProposalReason::kRebound:
      return "REBOUND";
    case ProposalReason::kHighlight:
      return "HIGHLIGHT";
  }
  return "UNKNOWN";
}

std::string Proposal::name() const {
  return (kind ? std::string(to_string(*kind)) : std::string("REINSPECT")) + ":" +
         (finding ? name_of(*finding) : to_hex(visit));
}

std::string_view Proposal::basis() const noexcept {
  return reason == ProposalReason::kHighlight ? "《教育督导条例》第二十四条" : "《教育督导条例》第二十五条";
}

std::string Proposal::facts() const {
  const std::string which =
      finding ? "问题 " + std::to_string(finding->author) + "/" + std::to_string(finding->n) : std::string();
  const std::string since = after.empty() ? "" : "（" + after + " 之后）";
  switch (reason) {
    case ProposalReason::kRejected:
      return which + " 整改未通过 " + std::to_string(count) + " 次" + since;
    case ProposalReason::kOverdue:
      return which + " 逾期未整改 " + std::to_string(count) + " 天" + since;
    case ProposalReason::kRebound:
      return which + " 销号 " + std::to_string(count) + " 天后再次出现";
    case ProposalReason::kHighlight: {
      std::string out = "现场记录亮点 " + std::to_string(count) + " 项";
      for (std::size_t i = 0; i < std::min(highlights.size(), kToldHighlights); ++i)
        out += "\n" + std::to_string(i + 1) + ". " + highlights[i];
      return out + (highlights.size() > kToldHighlights ? "\n……" : "");
    }
  }
  return which;
}

Result<std::vector<Proposal>> proposals(Store& rows, const Moment& at) {
  const std::int64_t today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
  DUDAO_TRY(const Seen seen, Seen::look(rows, at));
  DUDAO_TRY(auto begun, chains(rows));
  DUDAO_TRY(const auto carried_already, carried(rows));
  std::map<FindingKey, Rebound> back;
  for (Rebound& one : rebounds_in(seen, rules)) back.emplace(one.finding, std::move(one));
  std::vector<Proposal> out;
  for (const Followed& one : seen.findings) {
    DUDAO_TRY(auto proposal, propose(rows, one, begun[one.view.key], today));
    if (proposal) out.push_back(*std::move(proposal));
    const auto rebound = back.find(one.view.key);
    if (rebound == back.end() || is_final(one.view.state) || carried_already.contains(one.view.key)) continue;
    Proposal again;
    again.visit = one.view.key.visit;
    again.finding = one.view.key;
    again.school = one.view.school;
    again.unit = one.unit;
    again.reason = ProposalReason::kRebound;
    again.count = rebound->second.found_day - rebound->second.verified_day;
    again.before = rebound->second.before;
    out.push_back(std::move(again));
  }
  DUDAO_CHECK(propose_commendations(rows, seen, today, out));
  std::stable_sort(out.begin(), out.end(), [](const Proposal& a, const Proposal& b) {
    return std::tie(a.visit, a.finding) < std::tie(b.visit, b.finding);
  });
  return out;
}

Result<Proposal> find_proposal(Store& rows, std::string_view name, const Moment& at) {
  DUDAO_TRY(auto all, proposals(rows, at));
  for (Proposal& one : all)
    if (one.name() == name) return std::move(one);
  return fail(Code::kProceedingUnknown, "proposal " + std::string(name.substr(0, 80)));
}

std::string without_names(std::string_view text, std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) {
    // One character, in Chinese three bytes, stands in too many words.
    const bool latin =
        std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return name.size() < (latin ? 2U : 6U);
  });
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::tuple(b.size(), a) < std::tuple(a.size(), b);
  });
  std::string out(text);
  for (const std::string& name : names) {
    const bool latin =
        std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const std::string_view instead = latin ? "N. N." : "某某";
    for (std::size_t at = find_person(out, name, latin, 0); at != std::string::npos;
         at = find_person(out, name, latin, at + instead.size()))
      out.replace(at, name.size(), instead);
  }
  return out;
}

Result<std::vector<PublicNotice>> public_notices(Store& rows) {
  DUDAO_TRY(const auto all, all_proceedings(rows));
  DUDAO_TRY(auto names, names_of_persons(rows));
  DUDAO_TRY(const auto units, names_of_units(rows));
  std::vector<PublicNotice> out;
  for (const ProceedingView& one : all) {
    DUDAO_TRY(const auto steps, proceeding_steps(rows, one.code));
    const bool sent = one.kind == ProceedingKind::kNotification;
    const auto step = std::find_if(steps.begin(), steps.end(), [&](const ProceedingStepView& each) {
      return each.event == (sent ? ProceedingEvent::kSend : ProceedingEvent::kPublish);
    });
    if (step == steps.end()) continue;
    PublicNotice notice;
    notice.code = one.code;
    notice.kind = one.kind;
    notice.day = step->day;
    notice.text = step->text;
    notice.measures = one.measures;
    if (const auto unit = units.find(one.subject); unit != units.end())
      notice.about = unit->second;
    else
      names.push_back(one.subject);
    out.push_back(std::move(notice));
  }
  for (PublicNotice& notice : out) notice.text = without_names(notice.text, names);
  std::stable_sort(out.begin(), out.end(), [](const PublicNotice& a, const PublicNotice& b) { return a.day > b.day; });
  return out;
}

}  // namespace dudao
