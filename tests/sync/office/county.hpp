#pragma once

/// An office and its devices in one process, meeting through a loopback: no sockets, no sleeping, real SQLite.

#include "sync/author.hpp"
#include "sync/compress.hpp"
#include "sync/ledger_file.hpp"
#include "sync/office/office.hpp"
#include "sync/pass.hpp"
#include "sync/receipt.hpp"
#include "sync/visit_root.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>

#include <catch2/catch.hpp>

namespace dudao::test {

inline constexpr std::string_view kChecklist = R"({"format": "dudao-checklist-1", "code": "daily", "version": 1,
  "title": {"zh": "日常督导"}, "languages": ["zh"], "weight": 1, "sections": [{"code": "S", "title": {"zh": "安全"}, "items": [
  {"code": "S1", "type": "yes_no", "title": {"zh": "消防通道畅通"}, "scoring": {"mode": "met", "weight": 1}},
  {"code": "S2", "type": "integer", "min": 0, "max": 100, "title": {"zh": "灭火器数量"}},
  {"code": "S3", "type": "text", "required": false, "title": {"zh": "其他情况"}}]}]})";

/// Numbers that come out the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T, std::size_t N>
  const T& of(const T (&all)[N]) {
    return all[below(N)];
  }
  template <class T>
  void shuffle(std::vector<T>& all) {
    for (std::size_t left = all.size(); left > 1; --left) std::swap(all[left - 1], all[below(left)]);
  }

 private:
  std::mt19937 engine_;
};

/// To the first school with the checklist of all tests.
inline VisitPlan daily_plan(std::string kind, std::vector<std::string> team = {}, std::int64_t from_day = 20'500,
                            std::int64_t to_day = 20'520) {
  VisitPlan plan;
  plan.school = "140001";
  plan.kind = std::move(kind);
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = from_day;
  plan.to_day = to_day;
  plan.team = std::move(team);
  return plan;
}

struct TestOffice {
  FakePlatform machine;
  TempFolder folder;
  Platform platform = machine.view();
  std::unique_ptr<Office> office;

  TestOffice() { open(); }
  void open() { open(folder / "office.db"); }
  /// Goes on from this database; the one before is closed and stays as it is.
  void open(const std::string& database) {
    auto opened = Office::open(platform, {.database = database, .origin = "office.example/log"});
    if (!opened) FAIL(opened.error().message());
    office = std::move(*opened);
  }
  /// As after a crash: whatever was committed is there.
  void restart() {
    office.reset();
    open();
  }
  Office* operator->() { return office.get(); }

  /// I001, I002 and so on.
  static std::string inspector(int number) { return "I" + std::to_string(1000 + number).substr(1); }
  void add_people_and_schools(int inspectors = 3) {
    const auto done = office->decide("王处长", "register.import", [&](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      for (int number = 1; number <= inspectors; ++number)
        rows.insert("inspector", {inspector(number), "督学" + inspector(number), std::int64_t{1}, std::int64_t{1},
                                  Value(), Value(), std::int64_t{10'000}, std::string("ACTIVE")});
      for (int i = 1; i <= 3; ++i)
        rows.insert("school", {"14000" + std::to_string(i), "第" + std::to_string(i) + "小学", Value(), Value(),
                               Value(), std::int64_t{400}, Value(), Value(), Value(), Value(), std::string("OPEN"),
                               std::int64_t{1}, Value(), Value()});
      rows.insert("zone", {std::string("I001"), std::string("140001"), Value()});
      return rows;
    });
    if (!done) FAIL(done.error().message());
    const auto published = office->publish_template("王处长", kChecklist);
    if (!published) FAIL(published.error().message());
  }

  Bytes plan(std::vector<std::string> team, std::string school = "140001") {
    VisitPlan plan = daily_plan("ROUTINE", std::move(team));
    plan.school = std::move(school);
    plan.reason = "随访";
    const auto ids = office->plan("王处长", {plan});
    if (!ids) FAIL(ids.error().message());
    return ids->front();
  }

  std::string visit_state(BytesView id) { return cell("visit", {id}, "state"); }
  std::string cell(std::string_view table, std::vector<ValueView> key, std::string_view column) {
    std::string out = "absent";
    const auto done = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto row, rows.row(*find_table(table), key));
      if (!row) return {};
      const Value& value = row->cells[find_table(table)->column(column)];
      if (const auto* text_value = std::get_if<std::string>(&value)) out = *text_value;
      if (const auto* integer = std::get_if<std::int64_t>(&value)) out = std::to_string(*integer);
      if (std::holds_alternative<std::monostate>(value)) out = "null";
      return {};
    });
    if (!done) FAIL(done.error().message());
    return out;
  }
  Bytes ledger() {
    Bytes file;
    const auto done = office->export_ledger([&](BytesView piece) -> Status {
      append(file, piece);
      return {};
    });
    if (!done) FAIL(done.error().message());
    return file;
  }
  LedgerReport check() { return check_ledger(ledger(), office->key().thumbprint()); }
  /// What the log holds of this device, in the log's order.
  std::vector<Bytes> log_of(std::int64_t device) {
    const Bytes file = ledger();
    std::vector<Bytes> out;
    for (CborReader in(file); !in.at_end();) {
      CborReader record(in.item().value());
      REQUIRE(record.array());
      if (record.integer().value() != 1) continue;
      const BytesView bytes = record.bytes().value();
      const Statement statement = parse_statement(bytes).value();
      if (statement.type == StatementType::kChangeSet && statement.issuer == "d" + std::to_string(device))
        out.push_back(to_bytes(bytes));
    }
    return out;
  }
};

struct TestDevice {
  TestOffice& office;
  FakePlatform machine;
  TempFolder folder;
  Platform platform = machine.view();
  std::unique_ptr<Database> db;
  std::string inspector;

  TestDevice(TestOffice& at, std::string who) : office(at), inspector(std::move(who)) {
    machine.http.set_handler([this](const HttpRequest& request) { return carry(request); });
    open();
  }
  /// What the office answers, whatever has become of the device since the request was made.
  HttpResponse carry(const HttpRequest& request) const {
    Request out;
    out.method = request.method;
    out.path = request.url.substr(request.url.find("/v1"));
    out.headers = request.headers;
    out.body = request.body;
    Response in = office.office->handle(out);
    HttpResponse answer;
    answer.status = in.status;
    answer.headers = std::move(in.headers);
    answer.body = std::move(in.body);
    return answer;
  }
  void open() {
    auto opened = open_database(folder / "agent.db", Database::Mode::kOpenOrCreate, DatabaseKind::kDevice);
    if (!opened) FAIL(opened.error().message());
    db = std::move(*opened);
  }
  void restart() {
    db.reset();
    open();
  }
  /// Goes on from a copy of its database, as one that was restored or cloned.
  void take_database(const std::string& path) {
    auto opened = open_database(path, Database::Mode::kOpen, DatabaseKind::kDevice);
    if (!opened) FAIL(opened.error().message());
    db = std::move(*opened);
  }
  Result<HttpResponse> post(std::string_view path, Bytes body) {
    HttpRequest request;
    request.method = "POST";
    request.url = "http://office" + std::string(path);
    request.body = std::move(body);
    return platform.http.send(request);
  }
  static std::string content_type(const HttpResponse& answer) {
    const auto found = answer.headers.find("content-type");
    return found == answer.headers.end() ? "" : found->second;
  }

  Result<bool> enrol_with(BytesView code) {
    auto key = platform.keys.public_key("device");
    if (!key) key = platform.keys.create("device", Algorithm::kEd25519);
    DUDAO_TRY(Bytes body, enrolment_request(platform, "device", *key, inspector, "笔记本", code));
    DUDAO_TRY(const HttpResponse answer, post("/v1/enrol", std::move(body)));
    return take_enrolment(platform, *db, "device", *key, answer.status, content_type(answer), answer.body,
                          office.office->key().thumbprint());
  }
  void enrol() {
    const auto code = office.office->offer_enrolment("王处长", inspector);
    if (!code) FAIL(code.error().message());
    const auto enrolled = enrol_with(*code);
    if (!enrolled) FAIL(enrolled.error().message());
    REQUIRE(*enrolled);
  }
  std::int64_t number() { return identity(*db)->device; }

  Result<PassReport> exchange(SyncPass& pass) {
    DUDAO_TRY(Bytes body, pass.request());
    DUDAO_TRY(const HttpResponse answer, post(kSyncPath, std::move(body)));
    return pass.take_answer(answer.status, content_type(answer), answer.body);
  }
  Result<PassReport> sync(PassBudget budget = {}) {
    SyncPass pass(platform, *db, budget);
    PassReport all;
    while (true) {
      auto one = exchange(pass);
      if (!one && one.error().code == Code::kClockAgreed) continue;
      if (!one) return one;
      all.sent += one->sent;
      all.receipted += one->receipted;
      all.rows += one->rows;
      all.refusals.insert(all.refusals.end(), one->refusals.begin(), one->refusals.end());
      if (!one->again) return all;
    }
  }
  PassReport must_sync() {
    auto report = sync();
    if (!report) FAIL(report.error().message());
    for (const Refusal& refusal : report->refusals)
      UNSCOPED_INFO("refused " << refusal.seq << " " << refusal.code << " " << refusal.detail);
    return *report;
  }

  void write(const std::function<Status()>& change) {
    const auto done = record(*db, change);
    if (!done) FAIL(done.error().message());
  }
  Status event(BytesView visit, std::string_view name, std::string_view state) {
    const Moment at = now(platform.clock);
    DUDAO_TRY(
        const std::int64_t n,
        db->integer("SELECT coalesce(max(n), 0) + 1 FROM visit_event WHERE visit = ? AND author = ?", visit, number()));
    DUDAO_TRY(const ClockQuality quality, clock_quality(*db, platform.clock));
    DUDAO_CHECK(db->execute(
        "INSERT INTO visit_event VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, NULL, '室内无信号', ?, ?, ?)", visit, number(),
        n, name, std::string_view(inspector), to_string(quality), at.utc_ms, at.offset_min, at.boot_ms));
    return db->execute("UPDATE visit SET state = ? WHERE id = ?", state, visit);
  }
  Status answer(BytesView visit, std::string_view item, const ValueView& value) {
    const Moment at = now(platform.clock);
    return db->execute(
        "INSERT INTO answer VALUES (?, ?, ?, ?, NULL, NULL, NULL, ?, ?, ?) ON CONFLICT DO UPDATE SET value = "
        "excluded.value",
        visit, item, std::string_view(inspector), value, at.utc_ms, at.offset_min, at.boot_ms);
  }
  void add_note(BytesView visit, std::int64_t n, std::string_view words = "记录") {
    write([&] {
      return db->execute("INSERT INTO note VALUES (?, ?, ?, NULL, ?, NULL, ?, 1, 480, 1)", visit, number(), n, words,
                         std::string_view(inspector));
    });
  }
  /// A statement of its own.
  void seal_note(BytesView visit, std::int64_t n, std::string_view words = "记录") {
    add_note(visit, n, words);
    const auto sealed = seal(platform, *db);
    if (!sealed) FAIL(sealed.error().message());
    REQUIRE(*sealed == 1);
  }
  /// All that it ever sealed, in order.
  std::vector<Bytes> statements() {
    const auto all = outbox(*db, false);
    if (!all) FAIL(all.error().message());
    std::vector<Bytes> out;
    for (const OutboxEntry& entry : *all) out.push_back(statement_of(*db, entry.seq).value().statement);
    return out;
  }
  void check_in(BytesView visit) {
    write([&]() -> Status {
      DUDAO_CHECK(event(visit, "verify_package", "READY"));
      return event(visit, "check_in", "IN_PROGRESS");
    });
  }
  void finish_and_submit(BytesView visit) {
    write([&] { return event(visit, "finish", "FEEDBACK"); });
    write([&]() -> Status {
      const Moment at = now(platform.clock);
      const Hash document = sha256(view("document"));
      DUDAO_CHECK(db->execute(
          "INSERT INTO signature VALUES (?, ?, 1, 'HEAD', '李校长', 'SIGNED', x'0102', ?, NULL, NULL, ?, ?, ?, ?)",
          visit, number(), BytesView(document), std::string_view(inspector), at.utc_ms, at.offset_min, at.boot_ms));
      return event(visit, "sign", "SIGNED");
    });
    write([&]() -> Status {
      const Moment at = now(platform.clock);
      DUDAO_TRY(const Hash root, visit_root(*db, visit));
      DUDAO_CHECK(db->execute("INSERT INTO submission VALUES (?, ?, ?, NULL, ?, ?, ?)", visit,
                              std::string_view(inspector), BytesView(root), at.utc_ms, at.offset_min, at.boot_ms));
      return event(visit, "submit", "SUBMITTED");
    });
  }
  void whole_visit(BytesView visit) {
    check_in(visit);
    write([&] { return answer(visit, "S1", std::int64_t{1}); });
    write([&] { return answer(visit, "S2", std::int64_t{12}); });
    write([&] { return answer(visit, "S3", std::string_view("楼道整洁")); });
    finish_and_submit(visit);
  }
  std::string state(BytesView visit) {
    const auto found = db->lookup("SELECT state FROM visit WHERE id = ?", visit);
    return found && *found ? std::get<std::string>(**found) : "absent";
  }
};

/// An office, and a device that has its first visit at hand.
struct OneVisit {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes visit;

  OneVisit() {
    office.add_people_and_schools();
    device.enrol();
    visit = office.plan({"I001"});
    device.must_sync();
  }
};

}  // namespace dudao::test
