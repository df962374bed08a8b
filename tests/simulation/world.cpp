#include "tests/simulation/world.hpp"

#include "sync/answer.hpp"
#include "sync/author.hpp"
#include "sync/compress.hpp"
#include "sync/pack.hpp"

#include <algorithm>
#include <filesystem>

namespace dudao::simulation {
namespace {

constexpr std::int64_t kHour_ms = 3'600'000;
constexpr std::int64_t kDay_ms = 24 * kHour_ms;
constexpr std::size_t kMostDevices = 6;
constexpr std::size_t kMostVisits = 8;
constexpr std::string_view kOrigin = "office.example/log";
constexpr std::string_view kUrl = "https://office.example";
constexpr std::string_view kBoss = "王处长";
constexpr std::string_view kSchools[] = {"140001", "140002", "140003", "140004"};
constexpr std::string_view kInspectors[] = {"I001", "I002", "I003"};

std::string checklist(int version) {
  return R"({"format": "dudao-checklist-1", "code": "daily", "version": )" + std::to_string(version) +
         R"(, "title": {"zh": "日常督导"}, "languages": ["zh"], "weight": 2, "sections": [{"code": "S",
  "title": {"zh": "安全"}, "items": [
  {"code": "S1", "type": "yes_no", "title": {"zh": "消防通道畅通"}, "scoring": {"mode": "met", "weight": 1},
   "finding_if": [{"when": ". = 'no'", "severity": "SERIOUS", "text": {"zh": "消防通道堵塞"}}]},
  {"code": "S2", "type": "integer", "min": 0, "max": 100, "title": {"zh": "灭火器数量"}},
  {"code": "S3", "type": "text", "required": false, "title": {"zh": "其他情况"}, "visible_if": "S1 = 'no'"},
  {"code": "S4", "type": "yes_no", "required": false, "title": {"zh": "燃气报警器正常"},
   "scoring": {"mode": "met", "weight": 1},
   "finding_if": [{"when": ". = 'no'", "severity": "DANGER", "text": {"zh": "燃气报警器失效"}}]},
  {"code": "S5", "type": "single", "required": false, "allow_na": true, "title": {"zh": "食堂供餐方式"},
   "options": [{"code": "own", "label": {"zh": "自营"}}, {"code": "hired", "label": {"zh": "委托"}}]},
  {"code": "S6", "type": "calculated", "calculate": "S2 * 2", "title": {"zh": "应有灭火器"}},
  {"code": "S7", "type": "integer", "required": false, "min": 0, "max": 100, "constraint": ". < 50",
   "title": {"zh": "过期灭火器数量"}}]}]})";
}

Error error_of(const Status& status) { return status ? Error{Code::kInternal, {}} : status.error(); }

[[noreturn]] void broke(std::string promise, std::string what) { throw Broken{std::move(promise), std::move(what)}; }

template <class T>
T must(Result<T> result, std::string_view what) {
  if (!result) broke(std::string(what) + " works", result.error().message());
  return *std::move(result);
}
void must(const Status& status, std::string_view what) {
  if (!status) broke(std::string(what) + " works", status.error().message());
}

std::vector<Value> cells_of(const Query& q) {
  std::vector<Value> cells;
  for (int i = 0; i < q.columns(); ++i) cells.push_back(to_value(q.value(i)));
  return cells;
}
Bytes key_of(const Table& table, const std::vector<Value>& cells) {
  std::vector<ValueView> key;
  for (std::size_t i = 0; i < table.key_columns; ++i) key.push_back(as_view(cells[i]));
  return encode_key(key);
}

std::string content_type_of(const HttpResponse& answer) {
  const auto found = answer.headers.find("content-type");
  return found == answer.headers.end() ? std::string() : found->second;
}

HttpResponse page(int status) {
  HttpResponse out;
  out.status = status;
  out.headers["content-type"] = "text/html; charset=utf-8";
  out.body = to_bytes(view("<!DOCTYPE html><html><body>Buy an hour of Internet to go on.</body></html>"));
  return out;
}

void corrupt(Bytes& body, std::uint32_t where) {
  if (!body.empty()) body[where % body.size()] ^= static_cast<std::uint8_t>(1 + (where >> 24) % 255);
}

std::vector<Fact> difference(const Rows& before, const Rows& after) {
  std::vector<Fact> out;
  for (const auto& [key, cells] : after) {
    const auto old = before.find(key);
    const std::size_t first = find_table(key.first)->key_columns;
    for (std::size_t i = first; i < cells.size(); ++i)
      if (old == before.end() || old->second[i] != cells[i]) out.push_back({key.first, key.second, i, cells[i]});
    if (old == before.end() && first == cells.size()) out.push_back({key.first, key.second, first, {}});
  }
  return out;
}

std::int64_t last_step(Database& db) { return must(db.integer("SELECT max(n) FROM journal"), "reading the journal"); }

}  // namespace

std::string_view to_string(Trouble trouble) {
  return trouble == Trouble::kNone ? "no trouble" : kFaults[static_cast<std::size_t>(trouble) - 1];
}

Rows rows_of(Database& db, bool only_visits) {
  Rows out;
  for (const Table& table : synced_tables()) {
    if (only_visits && table.scope != Scope::kVisit) continue;
    auto q = must(db.query("SELECT * FROM " + std::string(table.name)), "reading a table");
    while (must(q.step(), "reading a row")) {
      auto cells = cells_of(q);
      Bytes key = key_of(table, cells);
      out.emplace(std::pair(table.id, std::move(key)), std::move(cells));
    }
  }
  return out;
}

Rows rows_of(Office& office) {
  Rows out;
  must(office.read([&](Store& store) -> Status {
    for (const Table& table : synced_tables())
      DUDAO_CHECK(store.each_row(table, [&](const StoredRow& row) -> Status {
        out.emplace(std::pair(table.id, key_of(table, row.cells)), row.cells);
        return {};
      }));
    return {};
  }),
       "reading the office's rows");
  return out;
}

std::string name_of(const std::pair<int, Bytes>& key, const Rows& rows) {
  const Table& table = *find_table(key.first);
  const auto found = rows.find(key);
  if (found == rows.end()) return std::string(table.name);
  std::vector<ValueView> cells;
  for (std::size_t i = 0; i < table.key_columns; ++i) cells.push_back(as_view(found->second[i]));
  return std::string(table.name) + " " + readable_key(table, cells);
}

// --- The beginning.

World::World(const Story& story, Tally& tally) : tally_(tally), seed_(story.seed) {
  seed_random_bytes(seed_);
  must(office_machine_.keys.create("office", Algorithm::kEd25519).map([](auto&&) {}), "making the office's key");
  open_office(next_path("office"));
  must(office_->decide(kBoss, "register.import",
                       [](Store&) -> Result<ChangesBuilder> {
                         ChangesBuilder rows;
                         for (const std::string_view code : kInspectors)
                           rows.insert("inspector",
                                       {std::string(code), "督学" + std::string(code), std::int64_t{1}, std::int64_t{1},
                                        Value(), Value(), std::int64_t{10'000}, std::string("ACTIVE")});
                         for (const std::string_view code : kSchools)
                           rows.insert("school", {std::string(code), std::string(code) + "小学", Value(), Value(),
                                                  Value(), std::int64_t{400}, Value(), Value(), Value(), Value(),
                                                  std::string("OPEN"), std::int64_t{1}, Value(), Value()});
                         rows.insert("zone", {std::string("I001"), std::string("140001"), Value()});
                         return rows;
                       }),
       "importing the register");
  must(office_->publish_template(kBoss, checklist(1)), "publishing the checklist");
  for (const std::string_view inspector : {"I001", "I002"}) {
    Agent& device = new_device(std::string(inspector));
    enrol(device);
    if (device.number == 0) broke("enrolling works", device.name);
  }
  for (std::uint32_t i = 0; i < 2; ++i) plan_visit({Kind::kPlan, 0, i, i + 1, 0, 0});
  for (Agent& device : devices_) sync(device);
  told_.clear();
}

std::string World::next_path(const std::string& what) {
  const std::string path = folder_ / (what + "-" + std::to_string(++paths_));
  std::filesystem::create_directories(path);
  return path + "/data.db";
}

void World::open_office(std::string path) {
  office_machine_.database = path;
  office_machine_.image = next_path("office");
  office_ = must(Office::open(office_machine_.platform, {.database = path, .origin = std::string(kOrigin)}),
                 "opening the office");
}

void World::open(Agent& device, std::string path) {
  device.pass.reset();
  device.book.reset();
  device.db.reset();
  device.machine.database = path;
  device.machine.image = next_path("device");
  device.db = must(open_database(path, Database::Mode::kOpenOrCreate, DatabaseKind::kDevice), "opening a device");
  device.book = std::make_unique<VisitBook>(device.machine.platform, *device.db);
}

Agent& World::new_device(const std::string& inspector) {
  Agent& device = devices_.emplace_back(now_utc_ms_, devices_.size());
  device.inspector = inspector;
  device.name = inspector + "'s device " + std::to_string(devices_.size());
  device.machine.http.network = [this, &device](const HttpRequest& request) { return network(device, request); };
  open(device, next_path("device"));
  return device;
}

void World::enrol(Agent& device) {
  if (device.code.empty()) {
    device.code = must(office_->offer_enrolment(kBoss, device.inspector), "offering an enrolment");
  }
  const Status done = [&]() -> Status {
    auto& platform = device.machine.platform;
    auto key = platform.keys.public_key("device");
    if (!key && key.error().code == Code::kKeyMissing) key = platform.keys.create("device", Algorithm::kEd25519);
    if (!key) return fail(key.error());
    HttpRequest request;
    request.method = "POST";
    request.url = std::string(kUrl) + "/v1/enrol";
    DUDAO_TRY(request.body, enrolment_request(platform, "device", *key, device.inspector, device.name, device.code));
    DUDAO_TRY(const HttpResponse answer, platform.http.send(request));
    DUDAO_TRY(const bool enrolled, take_enrolment(platform, *device.db, "device", *key, answer.status,
                                                  content_type_of(answer), answer.body, office_->key().thumbprint()));
    if (enrolled) {
      DUDAO_TRY(const Identity who, identity(*device.db));
      device.number = who.device;
    }
    return {};
  }();
  // Codes end after 72 hours; the inspector asks for another one.
  if (!done && error_of(done).code == Code::kOfferUnknown) device.code.clear();
  count(done);
  say(device.name + " enrols: " + (done ? "as number " + std::to_string(device.number) : error_of(done).message()));
}

// --- Saving.

void World::count(const Status& status) {
  if (!status) ++tally_.errors[status.error().code];
}

void World::use(Agent& device, const std::string& what, const std::function<Status()>& call, bool one_step) {
  const Rows before = rows_of(*device.db, true);
  const std::int64_t step_before = last_step(*device.db);
  device.machine.begin();
  const Status done = call();
  if (device.machine.end()) {
    after_life(device, what);
    // Nobody was told that it succeeded, so both are right: all of it, or nothing.
    std::vector<Fact> facts = difference(before, rows_of(*device.db, true));
    if (device.memory.last_step == step_before && !facts.empty())
      broke("P2 what is changed is in the journal", what + ", cut short");
    if (device.memory.last_step > step_before)
      device.memory.saves.push_back({device.memory.last_step, std::move(facts)});
    return;
  }
  count(done);
  say(device.name + ": " + what + (done ? "" : ": " + error_of(done).message()));
  if (!done && (error_of(done).code == Code::kDatabaseConstraint || error_of(done).code == Code::kDatabaseCorrupt ||
                error_of(done).code == Code::kInternal))
    broke("P9 no input meets a bug", what + ": " + error_of(done).message());
  const Rows after = rows_of(*device.db, true);
  const std::int64_t step = last_step(*device.db);
  std::vector<Fact> facts = difference(before, after);
  if (after.size() < before.size()) broke("synced rows are never deleted", what);
  if (!done && one_step && (!facts.empty() || step != step_before)) broke("P9 what fails leaves nothing", what);
  if (!facts.empty() && step == step_before) broke("P2 what is changed is in the journal", what);
  if (step != step_before) device.memory.saves.push_back({step, std::move(facts)});
  device.memory.last_step = step;
  remember_seals(device);
}

void World::after_life(Agent& device, const std::string& what) {
  ++tally_.faults["a device dies in the midst of something"];
  say(device.name + ": " + what + ": dies in the midst of it and starts again");
  device.on_its_way.reset();
  open(device, device.machine.image);
  device.machine.clock.reboot();
  if (last_step(*device.db) < device.memory.last_step)
    broke("P1 a save that returned survives", device.name + " has lost its newest step");
  const auto sealed = must(device.db->integer("SELECT coalesce(max(seq), 0) FROM outbox"), "reading the outbox");
  if (static_cast<std::uint64_t>(sealed) < device.memory.last_sealed)
    broke("P1 a save that returned survives", device.name + " has lost a sealed statement");
  remember_seals(device);
  remember_receipts(device);
}

void World::remember_seals(Agent& device) {
  device.memory.last_sealed = static_cast<std::uint64_t>(
      must(device.db->integer("SELECT coalesce(max(seq), 0) FROM outbox"), "reading the outbox"));
  device.memory.last_step = last_step(*device.db);
}

void World::remember_receipts(Agent& device) {
  auto q = must(device.db->query("SELECT id, log_index, receipt FROM outbox WHERE log_index IS NOT NULL"), "outbox");
  while (must(q.step(), "reading the outbox")) {
    const Hash id = *to_array<32>(q.blob(0));
    const auto [known, fresh] = receipts_.try_emplace(id, Acknowledged{q.integer(1), to_bytes(q.blob(2))});
    if (fresh) continue;
    const BytesView receipt = q.blob(2);
    if (known->second.index != q.integer(1) ||
        !std::equal(receipt.begin(), receipt.end(), known->second.receipt.begin(), known->second.receipt.end()))
      broke("P4 one statement, one receipt", device.name);
  }
}

// --- The network.

Result<HttpResponse> World::deliver(const HttpRequest& request) {
  strays_.push_back(request);
  if (strays_.size() > 30) strays_.pop_front();
  Request in;
  in.method = request.method;
  in.path = request.url.substr(request.url.find("/v1"));
  in.headers = request.headers;
  in.body = request.body;
  office_machine_.begin();
  Response out = office_->handle(in);
  if (office_machine_.end()) {
    office_lives_on();
    return fail(Code::kTimedOut);
  }
  remember_delivered(in, out);
  HttpResponse answer;
  answer.status = out.status;
  answer.headers = std::move(out.headers);
  answer.body = std::move(out.body);
  return answer;
}

/// What came whole and was signed by whom it says must be somewhere from now on.
void World::remember_delivered(const Request& in, const Response& out) {
  if (in.path != kSyncPath) return;
  if (out.status != 200) {
    // These were judged statement by statement before the whole was refused.
    const auto refusal = read_error_answer(out.body);
    if (!refusal || (refusal->code != static_cast<int>(Code::kDeviceRevoked) &&
                     refusal->code != static_cast<int>(Code::kDeviceForked)))
      return;
  }
  const auto plain = decompress(in.body, kMaxSyncPlainBytes);
  if (!plain) return;
  CborReader body(*plain);
  const auto first = body.item();
  if (!first) return;
  const auto bare = read_bare_statement(*first);
  if (!bare) return;
  const auto request = read_sync_request(bare->payload);
  if (!request) return;
  const auto device = std::find_if(devices_.begin(), devices_.end(), [&](const Agent& each) {
    return each.machine.keys.own() && each.number == request->device;
  });
  if (device == devices_.end()) return;
  const auto statements = unpack_statements(BytesView(*plain).subspan(first->size()), request->device,
                                            *device->machine.keys.own(), kMaxStatementsPerRequest, kMaxSyncPlainBytes);
  for (std::size_t i = 0; statements && i < statements->size(); ++i) {
    const auto statement = parse_statement((*statements)[i]);
    if (!statement || !verify_statement(*statement, *device->machine.keys.own())) continue;
    if (const auto link = read_chain_link(statement->payload))
      delivered_.try_emplace(statement->id, device->number, link->seq);
  }
}

Result<HttpResponse> World::network(Agent& device, const HttpRequest& request) {
  PlannedTrouble trouble;
  if (!device.troubles.empty()) {
    trouble = device.troubles.front();
    device.troubles.pop_front();
  }
  if (device.machine.dead()) return fail(Code::kNoConnection);
  if (trouble.trouble != Trouble::kNone) {
    ++tally_.faults[std::string(to_string(trouble.trouble))];
    device.met += ", " + std::string(to_string(trouble.trouble));
  }
  HttpRequest sent = request;
  switch (trouble.trouble) {
    case Trouble::kRequestLost:
      return fail(Code::kNoConnection);
    case Trouble::kRequestLate:
      strays_.push_back(request);
      return fail(Code::kTimedOut);
    case Trouble::kRequestDoubled:
      static_cast<void>(deliver(request));
      break;
    case Trouble::kRequestCorrupt:
      corrupt(sent.body, trouble.where);
      break;
    case Trouble::kRequestCut:
      sent.body.resize(sent.body.size() / 2);
      break;
    case Trouble::kStrayFirst:
      if (!strays_.empty()) static_cast<void>(deliver(HttpRequest(strays_[trouble.where % strays_.size()])));
      break;
    case Trouble::kPortal:
      return page(200);
    case Trouble::kProxyError:
      return page(503);
    default:
      break;
  }
  auto answer = deliver(sent);
  if (!answer) return answer;
  switch (trouble.trouble) {
    case Trouble::kAnswerLost:
      return fail(Code::kTimedOut);
    case Trouble::kAnswerCut:
      return fail(Code::kAnswerCutShort);
    case Trouble::kAnswerHalf:
      answer->body.resize(answer->body.size() / 2);
      return answer;
    case Trouble::kAnswerCorrupt:
      corrupt(answer->body, trouble.where);
      return answer;
    case Trouble::kAnswerOld:
      if (device.earlier) return *device.earlier;
      break;
    default:
      break;
  }
  device.earlier = *answer;
  return answer;
}

void World::plan_faults(Agent& device, const Action& action) {
  device.troubles.clear();
  // Half of the exchanges go well; trouble may also come at the second or third.
  if (action.how % 2 == 0) return;
  for (std::uint32_t i = action.how / 2 % 6; i > 3; --i) device.troubles.push_back({});
  device.troubles.push_back({static_cast<Trouble>(1 + action.more % (kTroubles - 1)), action.what});
}

void World::count(const SyncReport& report) {
  if (report.error) ++tally_.errors[report.error->code];
  for (const Refusal& refusal : report.refusals)
    if (const CodeInfo* known = find_code(refusal.code)) ++tally_.refusals[known->code];
}

void World::sync(Agent& device) {
  device.met.clear();
  device.pass.reset();
  device.on_its_way.reset();
  device.machine.begin();
  const auto report =
      run_sync(device.machine.platform, *device.db, {.office_url = std::string(kUrl), .cancelled = {}, .progress = {}});
  device.troubles.clear();
  if (device.machine.end()) {
    after_life(device, "synchronises" + device.met);
    return;
  }
  if (!report) {
    count(Status(fail(report.error())));
    say(device.name + " cannot synchronise: " + report.error().message());
    if (report.error().code != Code::kNotEnrolled)
      broke("run_sync says in its report why it ended", report.error().message());
    device.end = report.error();
    return;
  }
  count(*report);
  std::string line = device.name + " synchronises" + device.met + ": " + std::to_string(report->sent) + " sent, " +
                     std::to_string(report->receipted) + " receipted, " + std::to_string(report->rows) + " rows";
  for (const Refusal& refusal : report->refusals)
    line += ", refused " + std::to_string(refusal.seq) + " with " + std::to_string(refusal.code) + " " + refusal.detail;
  if (report->error) line += ", " + report->error->message();
  say(std::move(line));
  device.end = report->error;
  remember_seals(device);
  remember_receipts(device);
}

void World::ask(Agent& device, const Action& action) {
  device.on_its_way.reset();
  device.met.clear();
  device.pass = std::make_unique<SyncPass>(
      device.machine.platform, *device.db,
      PassBudget{action.more % 3 == 0 ? 500u : 1u << 20, action.more % 5 == 0 ? 300u : 1u << 20});
  device.machine.begin();
  HttpRequest request;
  request.method = "POST";
  request.url = std::string(kUrl) + std::string(kSyncPath);
  auto body = device.pass->request();
  std::string result;
  if (body) {
    request.body = std::move(*body);
    auto answer = device.machine.platform.http.send(request);
    result = answer ? "the answer is on its way" : answer.error().message();
    if (answer) device.on_its_way = std::move(*answer);
  } else {
    count(Status(fail(body.error())));
    result = body.error().message();
  }
  device.troubles.clear();
  if (device.machine.end()) {
    after_life(device, "asks the office" + device.met);
    return;
  }
  say(device.name + " asks the office" + device.met + ": " + result);
  remember_seals(device);
}

void World::take(Agent& device, const Action& action) {
  if (!device.pass || !device.on_its_way) return say(device.name + " waits for an answer in vain");
  HttpResponse answer = std::move(*device.on_its_way);
  device.on_its_way.reset();
  const bool damaged = action.how % 8 == 0;
  if (damaged) {
    corrupt(answer.body, action.more);
    ++tally_.faults[std::string(to_string(Trouble::kAnswerCorrupt))];
  }
  const Rows before = rows_of(*device.db, false);
  device.machine.begin();
  const auto report = device.pass->take_answer(answer.status, content_type_of(answer), answer.body);
  if (device.machine.end()) return after_life(device, "takes the answer");
  count(report ? Status() : Status(fail(report.error())));
  say(device.name + " takes the answer" + (damaged ? " with a byte changed" : "") + ": " +
      (report ? std::to_string(report->receipted) + " receipted, " + std::to_string(report->rows) + " rows"
              : report.error().message()));
  if (!report && rows_of(*device.db, false) != before) broke("P9 what fails leaves nothing", "an answer refused");
  if (report)
    for (const Refusal& refusal : report->refusals)
      if (const CodeInfo* known = find_code(refusal.code)) ++tally_.refusals[known->code];
  remember_receipts(device);
}

// --- The office.

void World::office_lives_on() {
  ++tally_.faults["the office dies in the midst of something"];
  say("the office dies in the midst of it and starts again");
  office_.reset();
  open_office(office_machine_.image);
  office_machine_.clock.reboot();
  must(office_->read([&](Store& store) -> Status {
    DUDAO_TRY(const std::int64_t size, store.size());
    if (size < office_size_) broke("P5 what the office said it holds is durable", std::to_string(size));
    return {};
  }),
       "reading the size of the log");
}

void World::decide(const std::string& what, const std::function<Status()>& call) {
  office_machine_.begin();
  const Status done = call();
  if (office_machine_.end()) {
    say("the office: " + what);
    return office_lives_on();
  }
  count(done);
  say("the office: " + what + (done ? "" : ": " + error_of(done).message()));
  if (!done && error_of(done).code == Code::kInternal) broke("P9 no input meets a bug", error_of(done).message());
  must(office_->read([&](Store& store) { return store.size().map([&](std::int64_t size) { office_size_ = size; }); }),
       "reading the size of the log");
}

const Bytes* World::some_visit(std::uint32_t which) const {
  return visits_.empty() ? nullptr : &visits_[which % visits_.size()];
}

std::string World::visit_name(BytesView id) {
  for (std::size_t i = 0; i < visits_.size(); ++i)
    if (std::equal(id.begin(), id.end(), visits_[i].begin(), visits_[i].end())) return "visit " + std::to_string(i + 1);
  return "visit " + to_hex(id);
}

void World::plan_visit(const Action& action) {
  if (visits_.size() >= kMostVisits) return say("the office has planned enough");
  VisitPlan plan;
  plan.school = kSchools[action.what % std::size(kSchools)];
  plan.kind = "ROUTINE";
  plan.template_code = "daily";
  plan.template_version = 1 + action.more % static_cast<std::uint32_t>(templates_);
  plan.from_day = 20'500;
  plan.to_day = 20'520;
  plan.reason = "随访";
  if (action.more % 4 == 0) plan.class_seed = to_bytes(BytesView(sha256(view("seed"))));
  if (action.more % 7 == 3) plan.unseal_at_utc_ms = now_utc_ms_ + kDay_ms;
  if (action.more % 3 == 0) {
    for (const FindingView& finding : findings_at_office())
      if (finding.school == plan.school && finding.round > 0 && !is_final(finding.state) &&
          finding.state != FindingState::kRejected)
        plan.findings.push_back(finding.key);
    if (!plan.findings.empty()) plan.kind = "REINSPECT";
  }
  for (std::uint32_t i = 0; i < 1 + action.how % 3; ++i)
    plan.team.emplace_back(kInspectors[(action.what + i) % std::size(kInspectors)]);
  std::string team;
  for (const std::string& each : plan.team) team += " " + each;
  std::vector<Bytes> ids;
  decide("plans visit " + std::to_string(visits_.size() + 1) + " for" + team + " at " + plan.school, [&]() -> Status {
    DUDAO_TRY(ids, office_->plan(kBoss, {plan}));
    return {};
  });
  if (!ids.empty() && rows_of(*office_).contains(
                          {find_table("visit")->id, encode_key(std::vector<ValueView>{BytesView(ids.front())})})) {
    visits_.push_back(ids.front());
    ++tally_.transitions[{VisitState::kNone, VisitEvent::kPlan, Actor::kOffice}];
    ++tally_.transitions[{VisitState::kPlanned, VisitEvent::kAssign, Actor::kOffice}];
  }
}

void World::office_decides(const Action& action) {
  const Bytes* visit = some_visit(action.what);
  if (!visit) return say("the office has no visit");
  static constexpr std::string_view kEvents[] = {"query", "accept", "issue_opinion", "close", "cancel", "recuse"};
  // Mostly what can be done just then; else anything.
  std::string event(kEvents[action.more % std::size(kEvents)]);
  VisitState state = VisitState::kNone;
  const Rows rows = rows_of(*office_);
  const auto row = rows.find({find_table("visit")->id, encode_key(std::vector<ValueView>{BytesView(*visit)})});
  if (row != rows.end())
    state = visit_state_from(std::get<std::string>(row->second[find_table("visit")->column("state")]))
                .value_or(VisitState::kNone);
  auto possible = allowed(state, Actor::kOffice);
  std::erase_if(possible, [](VisitEvent each) {
    return each == VisitEvent::kAssign || each == VisitEvent::kReceive || each == VisitEvent::kPlan;
  });
  if (!possible.empty() && action.how % 4 != 0) {
    const VisitEvent chosen = possible[action.more % possible.size()];
    // A cancelled visit is the end of the story, so not too often.
    if (chosen != VisitEvent::kCancel || action.how % 3 == 0) event = to_string(chosen);
  }
  const std::string item = event == "recuse" ? std::string(kInspectors[action.more / 7 % std::size(kInspectors)])
                           : action.more % 2 ? "S1"
                                             : "";
  bool done = false;
  decide(event + " " + visit_name(*visit) + (event == "recuse" ? " " + item : ""), [&] {
    Status status = office_->visit_event(kBoss, *visit, event, item, "请说明");
    done = status.has_value();
    return status;
  });
  if (done)
    if (const auto known = visit_event_from(event)) ++tally_.transitions[{state, *known, Actor::kOffice}];
}

std::vector<FindingView> World::findings_at_office() {
  std::vector<FindingView> out;
  must(office_->read([&](Store& rows) -> Status {
    for (const Bytes& visit : visits_) {
      DUDAO_TRY(const auto found, findings_of(rows, visit));
      out.insert(out.end(), found.begin(), found.end());
    }
    return {};
  }),
       "reading findings");
  return out;
}

void World::follow_finding(const Action& action) {
  const auto all = findings_at_office();
  if (all.empty()) return say("the office knows of no finding");
  const FindingKey finding = all[action.what % all.size()].key;
  for (std::uint32_t n = 0; n <= action.how % 6; ++n)
    step_on_finding(finding, action.more + n * (1 + action.who), action.how);
}

void World::step_on_finding(const FindingKey& key, std::uint32_t which, std::uint32_t how) {
  std::optional<FindingView> finding;
  must(office_->read([&](Store& rows) -> Status {
    DUDAO_TRY(finding, find_finding(rows, key));
    return {};
  }),
       "reading a finding");
  // Mostly what can be done just then, by one of those who may; else anything.
  std::vector<std::pair<FindingEvent, Actor>> possible;
  for (const FindingTransition& row : kFindingTransitions)
    for (const Actor actor : {Actor::kOffice, Actor::kInspector, Actor::kLead, Actor::kSchool})
      if (row.from == finding->state && (row.actors & bit(actor)) != 0 && row.event != FindingEvent::kFixOnSite)
        possible.emplace_back(row.event, actor);
  RectificationAct act;
  act.event = static_cast<FindingEvent>(1 + which % kFindingEvents);
  act.actor = static_cast<Actor>(which / 8 % kActors);
  if (!possible.empty() && how % 5 != 0) std::tie(act.event, act.actor) = possible[which % possible.size()];
  act.finding = key;
  act.person = act.actor == Actor::kSchool ? "李校长" : kBoss;
  act.text = "按要求办理";
  act.responsible = "张主任";
  act.superior_unit = "县教育局";
  const std::int64_t today = now_utc_ms_ / kDay_ms;
  act.due_day = today + 10;
  const std::string event(to_string(act.event));
  bool done = false;
  decide(event + " by " + std::string(to_string(act.actor)) + " of a finding in " + visit_name(key.visit), [&] {
    Status status = office_
                        ->decide(kBoss, "finding." + event,
                                 [&](Store& rows) -> Result<ChangesBuilder> {
                                   RectificationSteps steps(rows, now_utc_ms_, today);
                                   DUDAO_CHECK(steps.take(act));
                                   ChangesBuilder out;
                                   steps.write(out);
                                   return out;
                                 })
                        .map([](auto&&) {});
    done = status.has_value();
    return status;
  });
  if (done) ++tally_.finding_steps[{finding->state, act.event, act.actor}];
}

// --- What people do.

void World::work(const Action& action) {
  Agent& device = devices_[action.who % devices_.size()];
  if (by_hand_.contains(device.number)) return say(device.name + " is not trusted any more");
  std::vector<Bytes> visits;
  {
    auto q =
        must(device.db->query("SELECT v.id FROM visit v JOIN team_member m ON m.visit = v.id WHERE m.inspector = ? "
                              "ORDER BY v.id"),
             "listing visits");
    q.bind(std::string_view(device.inspector));
    while (must(q.step(), "listing visits")) visits.push_back(to_bytes(q.blob(0)));
  }
  if (visits.empty()) return say(device.name + " has no visit");
  work_in(device, visits[action.what % visits.size()], action);
}

void World::work_in(Agent& device, const Bytes& visit, const Action& action) {
  VisitBook& book = *device.book;
  const auto looked = book.look(visit);
  const std::string here = " in " + visit_name(visit);
  if (!looked) {
    const bool known = looked.error().code == Code::kVisitNotHere || looked.error().code == Code::kNotEnrolled;
    if (!known) broke("a visit that is listed can be looked at", looked.error().message());
    count(Status(fail(looked.error())));
    return say(device.name + " looks at " + visit_name(visit) + ": " + looked.error().message());
  }
  const VisitState state = looked->state;
  const Actor actor = looked->actor;
  const std::uint32_t more = action.more;
  const auto some_entry = [&](std::string_view table) {
    std::vector<EntryId> all;
    auto q = must(device.db->query("SELECT author, n FROM " + std::string(table) + " WHERE visit = ? ORDER BY 1, 2"),
                  "listing entries");
    q.bind(BytesView(visit));
    while (must(q.step(), "listing entries")) all.push_back({q.integer(0), q.integer(1)});
    return all.empty() ? EntryId{device.number, 1} : all[more % all.size()];
  };
  const auto step = [&](VisitEvent event, const std::string& what, const std::function<Status()>& call) {
    bool done = false;
    use(device, what + here, [&] {
      Status status = call();
      done = status.has_value();
      return status;
    });
    if (done && next(state, event, actor)) ++tally_.transitions[{state, event, actor}];
  };
  const std::optional<Place> place =
      more % 2 ? std::optional(Place{380'000'000 + (more % 1000), 1'120'000'000, 500}) : std::nullopt;

  const auto prepare = [&] { step(VisitEvent::kVerifyPackage, "prepares", [&] { return book.prepare(visit); }); };
  const auto check_in = [&] {
    step(VisitEvent::kCheckIn, "checks in", [&] { return book.check_in(visit, place, more % 7 ? "室内无信号" : ""); });
  };
  const auto refuse_entry = [&] {
    step(VisitEvent::kRefuseEntry, "is not let in", [&] { return book.refuse_entry(visit, place, "门卫拒绝"); });
  };
  const auto no_access = [&] {
    step(VisitEvent::kNoAccess, "finds nobody", [&] { return book.no_access(visit, place, "学校放假"); });
  };
  const auto recuse = [&] {
    step(VisitEvent::kRecuse, "recuses themselves", [&] { return book.recuse(visit, more % 5 ? "R1" : "R9"); });
  };
  const auto answer_with = [&](const std::string& item, const AnswerValue& value, const std::string& words) {
    use(device, "answers " + item + " with " + words + here,
        [&] { return book.answer(visit, item, value, more % 3 ? "" : "看过" + std::to_string(more % 10)); });
  };
  const auto value_for = [&](const std::string& item) {
    AnswerValue value;
    if (item == "S3")
      value.value = "楼道堆物" + std::to_string(more % 10);
    else if (item == "S2")
      value.value = std::int64_t{more % 11 == 0 ? 101 : more % 101};
    else if (item == "S5")
      value.value = more % 2 ? "own" : "hired";
    else
      value.value = std::int64_t{more % 3 ? 1 : 0};
    if (more % 13 == 0) value = {};
    return value;
  };
  const auto answer = [&] {
    const std::string item = !looked->missing.empty() && more % 4 ? looked->missing[more % looked->missing.size()]
                                                                  : "S" + std::to_string(1 + more % 8);
    const AnswerValue value = value_for(item);
    std::string words = "nothing";
    if (const auto* integer = std::get_if<std::int64_t>(&value.value)) words = std::to_string(*integer);
    if (std::holds_alternative<std::string>(value.value)) words = "words";
    answer_with(item, value, words);
  };
  const auto reconcile = [&] {
    const std::string item = "S" + std::to_string(1 + more % 2);
    const std::string observer(kInspectors[more / 3 % std::size(kInspectors)]);
    use(device, "settles " + item + " of " + observer + here,
        [&] { return book.reconcile(visit, item, observer, value_for(item), "复核"); });
  };
  const auto finding = [&] {
    static constexpr std::string_view kSeverities[] = {"ADVICE", "ORDINARY", "COMPLEX", "SERIOUS", "DANGER", "NONE"};
    return NewFinding{.item = more % 2 ? "S1" : "",
                      .severity = std::string(kSeverities[more / 2 % std::size(kSeverities)]),
                      .clause = "第十六条",
                      .text = "发现问题" + std::to_string(more % 10),
                      .due_day = std::nullopt,
                      .superior_unit = {}};
  };
  const auto add_finding = [&] {
    const NewFinding made = finding();
    use(device, "records a finding (" + made.severity + ")" + here,
        [&] { return book.add_finding(visit, made).map([](auto&&) {}); });
  };
  const auto change_finding = [&] {
    use(device, "changes a finding" + here,
        [&] { return book.change_finding(visit, some_entry("finding"), finding()); });
  };
  const auto void_finding = [&] {
    use(device, "takes back a finding" + here,
        [&] { return book.void_finding(visit, some_entry("finding"), "记错了"); });
  };
  const auto fix_finding = [&] {
    bool done = false;
    use(device, "sees a finding put right" + here, [&] {
      Status status = book.fix_finding_on_site(visit, some_entry("finding"));
      done = status.has_value();
      return status;
    });
    if (done) ++tally_.finding_steps[{FindingState::kOpen, FindingEvent::kFixOnSite, actor}];
  };
  struct Carried {
    Bytes visit;
    EntryId id;
  };
  const auto carried = [&] {
    std::vector<Carried> all;
    auto q =
        must(device.db->query("SELECT finding_visit, finding_author, finding_n FROM carried_finding WHERE visit = ? "
                              "ORDER BY 1, 2, 3"),
             "listing carried findings");
    q.bind(BytesView(visit));
    while (must(q.step(), "listing carried findings"))
      all.push_back({to_bytes(q.blob(0)), {q.integer(1), q.integer(2)}});
    return all;
  }();
  const auto judge = [&] {
    const Carried one = carried.empty() ? Carried{visit, {device.number, 1}} : carried[more % carried.size()];
    const std::string outcome = more % 17 == 0 ? "CLOSED" : more % 3 ? "VERIFIED" : "REJECTED";
    use(device, "looks again at a finding (" + outcome + ")" + here,
        [&] { return book.judge_finding(visit, one.visit, one.id, outcome, more % 19 ? "已查看" : ""); });
  };
  const auto derive = [&] {
    use(
        device, "takes over what the answers call for" + here,
        [&] { return book.take_derived_findings(visit, "zh").map([](auto&&) {}); }, false);
  };
  // Every fourth is a highlight.
  const bool highlight = more % 4 == 0;
  const std::string words = highlight ? "highlight" : "note";
  const auto note = [&] {
    const std::string text = "记录" + std::to_string(more % 100);
    use(device, "writes a " + words + here, [&] {
      return (highlight ? book.add_highlight(visit, "", text) : book.add_note(visit, "", text)).map([](auto&&) {});
    });
  };
  const auto change_note = [&] {
    const std::string text = "改为" + std::to_string(more % 100);
    use(device, "changes a " + words + here, [&] {
      const EntryId id = some_entry(words);
      return highlight ? book.change_highlight(visit, id, text) : book.change_note(visit, id, text);
    });
  };
  const auto void_note = [&] {
    use(device, "takes back a " + words + here, [&] {
      const EntryId id = some_entry(words);
      return highlight ? book.void_highlight(visit, id, "重复") : book.void_note(visit, id, "重复");
    });
  };
  const auto classes = [&] {
    use(device, "draws classes" + here, [&] {
      return book.draw_classes(visit, {"一班", "二班", "三班"}, 1 + more % 4).map([](auto&&) {});
    });
  };
  const auto pause = [&] { step(VisitEvent::kPause, "pauses", [&] { return book.pause(visit, "午休"); }); };
  const auto resume = [&] { step(VisitEvent::kResume, "goes on", [&] { return book.resume(visit); }); };
  const auto finish = [&] { step(VisitEvent::kFinish, "finishes", [&] { return book.finish(visit); }); };
  const auto feedback = [&] {
    use(device, "gives feedback" + here,
        [&] { return book.feedback(visit, "总体良好" + std::to_string(more % 10)).map([](auto&&) {}); });
  };
  const auto sign = [&] {
    const std::uint32_t how = more % 5;
    NewSignature signature{.role = "HEAD", .name = "李校长", .outcome = {}, .strokes = {}, .witness = {}, .reason = {}};
    if (how < 3) {
      signature.outcome = "SIGNED";
      if (more % 9) signature.strokes = {1, 2, 3};
    } else {
      signature.outcome = how == 3 ? "REFUSED" : "ABSENT";
      signature.witness = "赵老师";
    }
    step(how < 3    ? VisitEvent::kSign
         : how == 3 ? VisitEvent::kRefuseSignature
                    : VisitEvent::kSignerAbsent,
         "has it signed (" + signature.outcome + ")", [&] { return book.sign(visit, signature); });
  };
  const auto submit = [&] {
    step(VisitEvent::kSubmit, more % 3 ? "submits, waiving absent parts" : "submits",
         [&] { return book.submit(visit, more % 3 ? "队员未到" : ""); });
  };
  const auto amend = [&] {
    const bool to_note = more % 4 == 0;
    const std::string target = !to_note ? "answer" : more % 3 == 0 ? "highlight" : "note";
    const EntryId entry = some_entry(to_note ? target : "note");
    const std::string item = "S" + std::to_string(1 + more % 2);
    // Mostly what somebody did answer.
    std::string observer(kInspectors[more / 3 % std::size(kInspectors)]);
    if (more % 7 != 0) {
      const auto who = must(device.db->lookup("SELECT observer FROM answer WHERE visit = ? AND item = ? LIMIT 1",
                                              BytesView(visit), std::string_view(item)),
                            "looking for an answer");
      if (who) observer = std::get<std::string>(*who);
    }
    const std::string key =
        to_note ? std::to_string(entry.author) + "/" + std::to_string(entry.n) : item + "/" + observer;
    const Value value = to_note        ? Value("更正" + std::to_string(more % 10))
                        : item == "S1" ? Value(std::int64_t{more / 5 % 2})
                                       : Value(std::int64_t{more / 5 % 102});
    step(VisitEvent::kAmend, "amends " + target + " " + key,
         [&] { return book.amend(visit, target, key, to_note ? "text" : "value", value, "核对后更正"); });
  };

  using Deed = std::function<void()>;
  std::vector<Deed> deeds;
  switch (state) {
    case VisitState::kAssigned:
      deeds = {check_in, check_in, check_in,  check_in,     prepare, prepare,
               prepare,  check_in, no_access, refuse_entry, recuse};
      break;
    case VisitState::kReady:
      deeds = {check_in, check_in, check_in, check_in, check_in, no_access, refuse_entry, recuse};
      break;
    case VisitState::kInProgress:
      deeds = {answer,       answer,      answer, answer, finish,      finish,    finish,  add_finding, change_finding,
               void_finding, fix_finding, derive, note,   change_note, void_note, classes, pause,       reconcile};
      if (!carried.empty()) deeds.insert(deeds.end(), {judge, judge, judge, judge, judge});
      if (more % 29 == 0) deeds = {no_access, refuse_entry};
      break;
    case VisitState::kSuspended:
      deeds = {resume, resume, resume, answer, note};
      break;
    case VisitState::kFeedback:
      deeds = {feedback, feedback, feedback, sign, sign, sign, sign, answer, note, add_finding, reconcile};
      break;
    case VisitState::kSigned:
      deeds = {submit, submit, submit, submit, amend};
      break;
    case VisitState::kObstructed:
    case VisitState::kNoAccess:
      deeds = {note, submit, submit, add_finding};
      break;
    default:
      deeds = {amend, amend, amend, answer, check_in};
      break;
  }
  if (action.how % 16 == 0)
    deeds = {prepare,        check_in,     refuse_entry, no_access, recuse, answer,      reconcile, add_finding,
             change_finding, void_finding, fix_finding,  derive,    note,   change_note, void_note, classes,
             pause,          resume,       finish,       feedback,  sign,   submit,      amend,     judge};
  deeds[action.how / 16 % deeds.size()]();
}

/// Signed like everything, since the device has its key; what the office makes of it is the point.
void World::change_by_hand(Agent& device, const Action& action) {
  Database& db = *device.db;
  const auto own_visits = [&] {
    std::vector<std::pair<Bytes, VisitState>> out;
    auto q =
        must(db.query("SELECT v.id, v.state FROM visit v JOIN team_member m ON m.visit = v.id WHERE m.inspector = ? "
                      "ORDER BY v.id"),
             "listing visits");
    q.bind(std::string_view(device.inspector));
    while (must(q.step(), "listing visits"))
      out.emplace_back(to_bytes(q.blob(0)), visit_state_from(q.text(1)).value_or(VisitState::kNone));
    return out;
  }();
  if (device.number == 0 || own_visits.empty()) return say("nobody touches " + device.name);
  const auto& [id, state] = own_visits[action.what % own_visits.size()];
  const BytesView visit = id;
  const std::string_view inspector = device.inspector;
  const std::string_view colleague = kInspectors[device.inspector == kInspectors[0] ? 1 : 0];
  const std::int64_t number = device.number;

  const auto add_note = [&](BytesView to) {
    return db.execute(
        "INSERT INTO note VALUES (?, ?, (SELECT coalesce(max(n), 0) + 1 FROM note), NULL, '补记', NULL, ?, 1, 480, 1)",
        to, number, inspector);
  };
  const auto add_answer = [&](std::string_view item, std::string_view observer, const ValueView& value) {
    return db.execute(
        "INSERT INTO answer VALUES (?1, ?2, ?3, ?4, NULL, NULL, NULL, 1, 480, 1) "
        "ON CONFLICT DO UPDATE SET value = ?4",
        visit, item, observer, value);
  };
  const auto add_event = [&](std::string_view event, std::int64_t after) {
    return db.execute(
        "INSERT INTO visit_event VALUES (?1, ?2, (SELECT coalesce(max(n), 0) FROM visit_event WHERE visit = "
        "?1 AND author = ?2) + ?3, ?4, ?5, 'GOOD', NULL, NULL, NULL, NULL, 1, 480, 1)",
        visit, number, after, event, inspector);
  };
  using Deed = std::pair<std::string, std::function<Status()>>;
  const Deed claim = {"claims that it was accepted",
                      [&] { return db.execute("UPDATE visit SET state = 'ACCEPTED' WHERE id = ?", visit); }};
  const Deed event_unknown = {"invents an event", [&] { return add_event("accept", 1); }};
  const Deed event_later = {"leaves out an event", [&] { return add_event("check_in", 3); }};
  const Deed rename = {"renames the school", [&] { return db.execute("UPDATE school SET name = '别校'"); }};
  const Deed foreign = {"writes into a visit that nobody planned", [&] { return add_note(Bytes(16, 7)); }};
  const Deed misshapen = {"writes into a visit without a proper name", [&] { return add_note(Bytes(3, 7)); }};
  const Deed plain_note = {"writes a note past the rules", [&] { return add_note(visit); }};
  const Deed untold = {"changes a note that the office was never told of", [&]() -> Status {
                         return db.execute("UPDATE note SET text = '改' WHERE visit = ? AND n >= 1000", visit);
                       }};
  const Deed amend = {"amends out of turn", [&] {
                        return db.execute(
                            "INSERT INTO amendment VALUES (?, ?, 1000, 'answer', 'S1/I001', 'value', zeroblob(32), 0, "
                            "'更正', ?, 1, 480, 1)",
                            visit, number, inspector);
                      }};
  const Deed as_colleague = {"answers in a colleague's name",
                             [&] { return add_answer("S1", colleague, std::int64_t{1}); }};
  const Deed unasked = {"answers what nobody asked", [&] { return add_answer("S99", inspector, std::int64_t{1}); }};
  const Deed bytes = {"answers with bytes", [&] { return add_answer("S1", inspector, visit); }};
  const Deed words = {"answers a number with words",
                      [&] { return add_answer("S2", inspector, std::string_view("许多")); }};
  const Deed too_many = {"answers beyond the range",
                         [&] { return add_answer("S2", inspector, std::int64_t{1'000'000}); }};
  const Deed no_option = {"answers with what is no option",
                          [&] { return add_answer("S5", inspector, std::string_view("none")); }};
  const Deed worked_out = {"answers what is worked out", [&] { return add_answer("S6", inspector, std::int64_t{1}); }};
  const Deed against = {"answers against the condition", [&] { return add_answer("S7", inspector, std::int64_t{60}); }};
  const Deed controls = {"answers with control characters",
                         [&] { return add_answer("S3", inspector, std::string_view("\a")); }};
  const auto mark_na = [&](std::string_view item, const ValueView& value) -> Status {
    DUDAO_CHECK(add_answer(item, inspector, value));
    return db.execute("UPDATE answer SET na_reason = '无' WHERE visit = ? AND item = ? AND observer = ?", visit, item,
                      inspector);
  };
  const Deed must_answer = {"marks as not applicable what must be answered", [&] { return mark_na("S1", {}); }};
  const Deed both = {"answers and marks as not applicable", [&] { return mark_na("S5", std::string_view("own")); }};
  const Deed rootless = {"submits without the signed hash", [&] { return add_event("submit", 1); }};
  const Deed other_root = {"submits another hash", [&]() -> Status {
                             DUDAO_CHECK(add_event("submit", 1));
                             return db.execute("INSERT INTO submission VALUES (?, ?, zeroblob(32), NULL, 1, 480, 1)",
                                               visit, inspector);
                           }};
  const Deed gap = {"skips a number of its chain", [&]() -> Status {
                      DUDAO_TRY(const auto seq, integer_setting(db, "chain_seq"));
                      DUDAO_CHECK(put_setting(db, "chain_seq", seq.value_or(0) + 1));
                      return add_note(visit);
                    }};
  std::vector<Deed> deeds = {claim,     event_unknown, event_later, rename, foreign,
                             misshapen, plain_note,    untold,      amend,  gap};
  const Deed result = {"judges a finding that nobody carried", [&] {
                         return db.execute(
                             "INSERT INTO reinspection_result VALUES (?1, ?1, ?2, 1, 'VERIFIED', NULL, ?3, 1, 480, 1) "
                             "ON CONFLICT DO UPDATE SET outcome = 'CLOSED'",
                             visit, number, inspector);
                       }};
  if (may_edit(state))
    deeds = {result,  as_colleague, unasked,     bytes, words,       too_many, no_option, worked_out,
             against, controls,     must_answer, both,  event_later, untold,   amend};
  if (state == VisitState::kSigned || state == VisitState::kObstructed || state == VisitState::kNoAccess)
    deeds = {rootless, other_root};
  const auto& [what, deed] = deeds[action.more % deeds.size()];

  if (what == untold.first) {
    // Past the journal, too.
    must(db.execute("INSERT INTO note VALUES (?, ?, 1000, NULL, '补记', NULL, ?, 1, 480, 1) ON CONFLICT DO NOTHING",
                    visit, number, inspector),
         "writing by hand");
  }
  device.on_its_way.reset();
  device.machine.begin();
  const Status done = record(db, deed);
  by_hand_.insert(device.number);
  ++tally_.faults["records are changed by hand"];
  if (device.machine.end()) return after_life(device, what + " in " + visit_name(visit));
  count(done);
  say("somebody at " + device.name + " " + what + " in " + visit_name(visit) +
      (done ? "" : ": " + error_of(done).message()));
  remember_seals(device);
}

void World::play(const Action& action) {
  seed_random_bytes(seed_ ^ (std::uint64_t{action.number} << 32 | 0x5bd1e995u));
  ++tally_.actions[std::string(to_string(action.kind))];
  now_utc_ms_ += 1'000 + action.more % (action.how % 40 == 0 ? kDay_ms : 20 * 60'000);
  Agent& device = devices_[action.who % devices_.size()];
  switch (action.kind) {
    case Kind::kWork:
      return work(action);
    case Kind::kSync:
      plan_faults(device, action);
      return sync(device);
    case Kind::kAsk:
      plan_faults(device, action);
      return ask(device, action);
    case Kind::kTake:
      return take(device, action);
    case Kind::kCrash:
      device.machine.dies_after = 1 + static_cast<int>(action.how % 6);
      return say(device.name + " is about to die");
    case Kind::kReboot:
      open(device, device.machine.database);
      device.on_its_way.reset();
      device.machine.clock.reboot();
      return say(device.name + " is switched off and on");
    case Kind::kClock: {
      static constexpr std::int64_t kWrongs_ms[] = {0,       -kHour_ms,     kHour_ms, 400 * kDay_ms, -4'000 * kDay_ms,
                                                    120'000, -400 * kDay_ms};
      device.machine.clock.wrong_ms = kWrongs_ms[action.how % std::size(kWrongs_ms)];
      ++tally_.faults["a device's clock is set"];
      return say(device.name + "'s clock is set " + std::to_string(device.machine.clock.wrong_ms / 1000) +
                 " s off the true time");
    }
    case Kind::kLockKeys:
      device.machine.keys.locked = !device.machine.keys.locked;
      ++tally_.faults["a device's key store is locked"];
      return say(device.name + "'s key store is " + (device.machine.keys.locked ? "locked" : "open again"));
    case Kind::kBackup: {
      if (device.number == 0) return say(device.name + " has nothing to put aside");
      const std::string path = next_path("backup");
      must(device.db->copy_to(path), "copying a database");
      device.backup = Agent::Backup{path, device.memory, device.number};
      return say(device.name + "'s data are put aside");
    }
    case Kind::kRestore: {
      if (!device.backup) return say(device.name + " has no backup");
      const std::string path = next_path("device");
      device.pass.reset();
      device.book.reset();
      device.db.reset();
      copy_database(device.backup->path, path);
      open(device, path);
      device.on_its_way.reset();
      device.memory = device.backup->memory;
      copied_.insert(device.number);
      ++tally_.faults["a device is restored from a backup"];
      return say(device.name + " is restored from its backup");
    }
    case Kind::kByHand:
      return change_by_hand(device, action);
    case Kind::kClone: {
      if (devices_.size() >= kMostDevices || device.number == 0) return say("nobody clones anything");
      Agent& twin = new_device(device.inspector);
      Agent& original = devices_[device.index];
      twin.name += " (clone of device " + std::to_string(original.index + 1) + ")";
      const std::string path = next_path("device");
      std::filesystem::remove(path);
      must(original.db->copy_to(path), "copying a database");
      open(twin, path);
      twin.machine.keys.copy_from(original.machine.keys);
      twin.memory = original.memory;
      twin.number = original.number;
      copied_.insert(twin.number);
      ++tally_.faults["a device is cloned"];
      return say(twin.name + " begins");
    }
    case Kind::kEnrol: {
      for (Agent& each : devices_)
        if (each.number == 0) {
          plan_faults(each, action);
          enrol(each);
          each.troubles.clear();
          return;
        }
      if (devices_.size() >= kMostDevices) return say("nobody has another device");
      Agent& fresh = new_device(std::string(kInspectors[action.what % std::size(kInspectors)]));
      plan_faults(fresh, action);
      enrol(fresh);
      fresh.troubles.clear();
      return;
    }
    case Kind::kPlan:
      return plan_visit(action);
    case Kind::kDecide:
      return office_decides(action);
    case Kind::kFollow:
      return follow_finding(action);
    case Kind::kJoin: {
      const Bytes* visit = some_visit(action.what);
      if (!visit) return say("nobody joins");
      const std::string inspector(kInspectors[action.more % std::size(kInspectors)]);
      const ValueView key[] = {BytesView(*visit), std::string_view(inspector)};
      if (rows_of(*office_).contains({find_table("team_member")->id, encode_key(key)}))
        return say(inspector + " is in the team of " + visit_name(*visit) + " already");
      return decide(inspector + " joins " + visit_name(*visit), [&]() -> Status {
        return office_
            ->decide(kBoss, "team.join",
                     [&](Store&) -> Result<ChangesBuilder> {
                       ChangesBuilder rows;
                       rows.insert("team_member", {*visit, inspector, std::string("MEMBER"), Value()});
                       return rows;
                     })
            .map([](auto&&) {});
      });
    }
    case Kind::kRegister:
      return decide("changes the register", [&]() -> Status {
        return office_
            ->decide(kBoss, "register.change",
                     [&](Store&) -> Result<ChangesBuilder> {
                       ChangesBuilder rows;
                       rows.update("school", {std::string(kSchools[action.what % std::size(kSchools)])},
                                   {{find_table("school")->column("name"), "新校名" + std::to_string(action.more)}});
                       return rows;
                     })
            .map([](auto&&) {});
      });
    case Kind::kPublish:
      return decide("publishes version " + std::to_string(templates_ + 1) + " of the checklist", [&]() -> Status {
        DUDAO_TRY([[maybe_unused]] const auto index, office_->publish_template(kBoss, checklist(templates_ + 1)));
        if (!office_machine_.dead()) ++templates_;
        return {};
      });
    case Kind::kRevoke: {
      if (device.number == 0) return say("nobody is revoked");
      revoked_.insert(device.number);
      return decide("revokes " + device.name, [&] { return office_->revoke(kBoss, device.number, "平板丢失"); });
    }
    case Kind::kCrashOffice:
      office_machine_.dies_after = 1 + static_cast<int>(action.how % 6);
      return say("the office is about to die");
    case Kind::kRestartOffice:
      office_.reset();
      open_office(office_machine_.database);
      return say("the office is stopped and started");
    case Kind::kRebuildOffice:
      say("the office derives everything again");
      must(office_->rebuild(), "P6 rebuilding");
      return;
  }
}

void World::settle() {
  seed_random_bytes(seed_ ^ 0x27d4eb2f165667c5u);
  office_machine_.dies_after.reset();
  for (Agent& device : devices_) {
    device.machine.dies_after.reset();
    device.machine.keys.locked = false;
    device.troubles.clear();
    for (int tries = 0; device.number == 0 && tries < 2; ++tries) enrol(device);
  }
  say("the network is well, and everybody synchronises");
  constexpr int kRounds = 6;
  for (int round = 0;; ++round) {
    if (round == kRounds) broke("P6 synchronising comes to an end", told_.back());
    const std::size_t statements = delivered_.size();
    bool quiet = true;
    for (Agent& device : devices_) {
      if (device.number == 0) broke("enrolling works", told_.back());
      now_utc_ms_ += 60'000;
      const std::size_t lines = told_.size();
      sync(device);
      // What was changed by hand may be refused for ever.
      const char* const nothing =
          by_hand_.contains(device.number) ? " 0 receipted, 0 rows" : ": 0 sent, 0 receipted, 0 rows";
      quiet = quiet && told_[lines].find(nothing) != std::string::npos;
    }
    if (quiet && statements == delivered_.size()) return;
    // Whoever is refused for good says so every time and has nothing more to give.
    if (round > 2 && statements == delivered_.size() &&
        std::all_of(devices_.begin(), devices_.end(), [](const Agent& each) { return each.end.has_value(); }))
      return;
  }
}

Outcome play(const Story& story, Tally& tally) {
  Outcome out;
  std::unique_ptr<World> world;
  try {
    world = std::make_unique<World>(story, tally);
    for (const Action& action : story.actions) world->play(action);
    world->settle();
    world->check();
  } catch (const Broken& broken) {
    out.broken = broken;
  }
  if (world) out.told = world->told();
  return out;
}

}  // namespace dudao::simulation
