#include "agent/visit_book.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr std::string_view kWithFindings = R"({"format": "dudao-checklist-1", "code": "safety", "version": 1,
  "title": {"zh": "安全", "en": "Safety"}, "languages": ["zh", "en"], "weight": 2,
  "sections": [{"code": "S", "title": {"zh": "安全", "en": "Safety"}, "items": [
  {"code": "S1", "type": "yes_no", "title": {"zh": "消防通道畅通", "en": "Ways out are free"},
   "scoring": {"mode": "met", "weight": 1},
   "finding_if": [{"when": ". = 'no'", "severity": "SERIOUS", "text": {"zh": "消防通道堵塞", "en": "A way out is blocked"}}]},
  {"code": "S2", "type": "yes_no", "title": {"zh": "应急灯完好", "en": "Lamps work"},
   "scoring": {"mode": "met", "weight": 1},
   "finding_if": [{"when": ". = 'no'", "severity": "ORDINARY", "text": {"zh": "应急灯不亮", "en": "Lamps are dark"}}]}]}]})";

AnswerValue whole(std::int64_t value) {
  AnswerValue out;
  out.value = value;
  return out;
}

/// So many characters of three bytes each.
std::string words(std::size_t characters) {
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += "查";
  return out;
}

NewFinding finding(std::string severity, std::string text) {
  NewFinding out;
  out.severity = std::move(severity);
  out.text = std::move(text);
  return out;
}

/// An office, an inspector who leads one visit, and the book.
struct Visiting {
  TestOffice office;
  TestDevice device{office, "I001"};
  VisitBook book{device.platform, *device.db};
  Bytes visit;

  explicit Visiting(std::string_view checklist = kChecklist) {
    office.add_people_and_schools();
    device.enrol();
    VisitPlan plan;
    plan.school = "140001";
    plan.kind = "ROUTINE";
    plan.template_code = checklist == kChecklist ? "daily" : "safety";
    plan.template_version = 1;
    plan.from_day = 20'500;
    plan.to_day = 20'520;
    plan.team = {"I001"};
    if (checklist != kChecklist) must(office->publish_template("王处长", checklist).map([](auto&&...) {}));
    const auto ids = office->plan("王处长", {plan});
    if (!ids) FAIL(ids.error().message());
    visit = ids->front();
    device.must_sync();
  }
  void must(const Status& done) {
    if (!done) FAIL(done.error().message());
  }
  void begin() { must(book.check_in(visit, {}, "室内无信号")); }
  std::int64_t rows(const std::string& table) { return *device.db->integer("SELECT count(*) FROM " + table); }
  std::string text(const std::string& sql) {
    const auto found = device.db->lookup(sql);
    return found && *found && std::holds_alternative<std::string>(**found) ? std::get<std::string>(**found) : "";
  }
};

}  // namespace

TEST_CASE("a check-in that is refused leaves the visit as it was assigned") {
  Visiting at;
  CHECK(at.book.check_in(at.visit, {}, words(10'000)).error().code == Code::kTextTooLong);
  CHECK(at.device.state(at.visit) == "ASSIGNED");
  CHECK(at.rows("visit_event") == 0);
  at.must(at.book.recuse(at.visit, "R1"));
}

TEST_CASE("who stands before a closed gate need not have prepared first") {
  Visiting at;
  at.must(at.book.no_access(at.visit, {}, "大门紧闭，电话无人接听"));
  CHECK(at.device.state(at.visit) == "NO_ACCESS");
  REQUIRE(at.book.add_note(at.visit, "", "09:00 至 09:30 在门外等候"));
  at.must(at.book.submit(at.visit));
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(at.office.visit_state(at.visit) == "RECEIVED");
}

TEST_CASE("what was recorded stands when the key store cannot sign, and leaves with the next synchronisation") {
  Visiting at;
  at.begin();
  at.device.machine.keys.set_locked(true);
  REQUIRE(at.book.add_finding(at.visit, finding("DANGER", "教学楼外墙砖脱落")));
  CHECK(at.rows("finding") == 1);
  CHECK(at.device.machine.log.contains("seal"));
  CHECK_FALSE(at.device.machine.log.contains("外墙"));
  at.must(at.book.answer(at.visit, "S1", whole(1), ""));
  at.must(at.book.answer(at.visit, "S2", whole(1), ""));
  at.must(at.book.finish(at.visit));
  REQUIRE(at.book.feedback(at.visit, "总体良好"));
  at.must(at.book.sign(at.visit,
                       {.role = "HEAD", .name = "", .outcome = "ABSENT", .strokes = {}, .witness = "", .reason = ""}));
  at.must(at.book.submit(at.visit));
  CHECK(at.device.state(at.visit) == "SUBMITTED");
  at.device.machine.keys.set_locked(false);
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(outbox(*at.device.db, false)->front().urgent);
  CHECK(at.office.visit_state(at.visit) == "RECEIVED");
}

TEST_CASE("a changed finding is replaced as a whole, and becomes urgent when it becomes a danger") {
  Visiting at;
  at.begin();
  NewFinding first = finding("ORDINARY", "应急灯不亮");
  first.superior_unit = "县教育局";
  const auto made = at.book.add_finding(at.visit, first);
  REQUIRE(made);
  NewFinding second = finding("DANGER", "外墙砖脱落");
  second.item = "S1";
  second.superior_unit = "县教育局";
  second.due_day = 20'530;
  at.must(at.book.change_finding(at.visit, *made, second));
  CHECK(at.text("SELECT item FROM finding") == "S1");
  CHECK(at.text("SELECT superior_unit FROM finding") == "县教育局");
  REQUIRE(outbox(*at.device.db, true)->size() == 1);
  CHECK(outbox(*at.device.db, true)->front().urgent);
  second.item = "S9";
  CHECK(at.book.change_finding(at.visit, *made, second).error().code == Code::kAnswerUnknownItem);
  second.item = "S2";
  second.superior_unit = "市教育局";
  at.must(at.book.change_finding(at.visit, *made, second));
  CHECK(at.text("SELECT superior_unit FROM finding") == "市教育局");
  CHECK(at.device.must_sync().refusals.empty());
}

TEST_CASE("derived findings are taken once, whatever the language, and not again after they were voided") {
  Visiting at(kWithFindings);
  at.begin();
  at.must(at.book.answer(at.visit, "S1", whole(0), ""));
  at.must(at.book.answer(at.visit, "S2", whole(0), ""));
  CHECK(*at.book.take_derived_findings(at.visit, "zh") == 2);
  CHECK(*at.book.take_derived_findings(at.visit, "zh") == 0);
  CHECK(*at.book.take_derived_findings(at.visit, "en") == 0);
  at.must(at.book.void_finding(at.visit, {at.device.number(), 1}, "已当场清理"));
  CHECK(*at.book.take_derived_findings(at.visit, "zh") == 0);
  CHECK(at.rows("finding") == 2);
}

TEST_CASE("what changes after the feedback was written must be in the feedback that is signed") {
  Visiting at;
  at.begin();
  at.must(at.book.answer(at.visit, "S1", whole(1), ""));
  at.must(at.book.answer(at.visit, "S2", whole(3), ""));
  at.must(at.book.finish(at.visit));
  const auto before = at.book.feedback(at.visit, "总体良好");
  REQUIRE(before);
  const NewSignature signature{
      .role = "HEAD", .name = "李校长", .outcome = "SIGNED", .strokes = Bytes{1}, .witness = "", .reason = ""};
  at.must(at.book.answer(at.visit, "S2", whole(4), ""));
  CHECK(at.book.sign(at.visit, signature).error().code == Code::kFeedbackOutdated);
  CHECK(at.device.state(at.visit) == "FEEDBACK");
  CHECK(at.rows("signature") == 0);
  const auto after = at.book.feedback(at.visit, "总体良好");
  REQUIRE(after);
  CHECK(*before != *after);
  at.must(at.book.sign(at.visit, signature));
  CHECK(at.device.must_sync().refusals.empty());
}

TEST_CASE("texts are measured in characters, so that Chinese has as many as English") {
  Visiting at;
  at.begin();
  at.must(at.book.answer(at.visit, "S1", whole(1), words(2'000)));
  CHECK(at.book.answer(at.visit, "S1", whole(1), words(2'001)).error().code == Code::kTextTooLong);
  REQUIRE(at.book.add_note(at.visit, "", words(10'000)));
  CHECK(at.book.add_note(at.visit, "", words(10'001)).error().code == Code::kTextTooLong);
  REQUIRE(at.book.add_finding(at.visit, finding("ADVICE", words(4'000))));
  CHECK(at.book.add_finding(at.visit, finding("ADVICE", words(4'001))).error().code == Code::kTextTooLong);
  CHECK(at.rows("note") == 1);
  CHECK(at.rows("finding") == 1);
}

TEST_CASE("a note is changed by who wrote it, and a voided one no more") {
  Visiting at;
  at.begin();
  const auto made = at.book.add_note(at.visit, "", "随访两间教室");
  REQUIRE(made);
  at.must(at.book.change_note(at.visit, *made, "随访三间教室"));
  CHECK(at.text("SELECT text FROM note") == "随访三间教室");
  CHECK(at.book.change_note(at.visit, *made, "").error().code == Code::kWordsMissing);
  CHECK(at.book.change_note(at.visit, {made->author, 7}, "x").error().code == Code::kRowUnknown);
  at.must(at.book.void_note(at.visit, *made, "重复"));
  CHECK(at.book.change_note(at.visit, *made, "x").error().code == Code::kRowUnknown);
}

TEST_CASE("an amendment must be something that could have been recorded") {
  Visiting at;
  at.begin();
  at.must(at.book.answer(at.visit, "S1", whole(1), ""));
  at.must(at.book.answer(at.visit, "S2", whole(3), ""));
  REQUIRE(at.book.add_finding(at.visit, finding("ADVICE", "走廊昏暗")));
  at.must(at.book.finish(at.visit));
  REQUIRE(at.book.feedback(at.visit, "总体良好"));
  at.must(at.book.sign(at.visit,
                       {.role = "HEAD", .name = "", .outcome = "ABSENT", .strokes = {}, .witness = "", .reason = ""}));
  at.must(at.book.submit(at.visit));
  const auto amend = [&](std::string_view target, const std::string& key, std::string_view field, const Value& value) {
    const Status done = at.book.amend(at.visit, target, key, field, value, "核实");
    return done ? Code{} : done.error().code;
  };
  const std::string own = std::to_string(at.device.number());
  CHECK(amend("answer", "S2/I001", "value", std::int64_t{5'000}) == Code::kAnswerRange);
  CHECK(amend("answer", "S2/I001", "value", std::string("many")) == Code::kAnswerType);
  CHECK(amend("finding", own + "/1", "severity", std::string("TERRIBLE")) == Code::kSeverityUnknown);
  CHECK(amend("finding", own + "/1", "text", Value()) == Code::kWordsMissing);
  CHECK(amend("finding", own + "/1", "text", std::int64_t{4}) == Code::kWordsMissing);
  CHECK(amend("finding", own + "/1", "due_day", std::string("soon")) == Code::kAmendmentWrong);
  CHECK(amend("finding", own + "x/1", "text", std::string("y")) == Code::kRowUnknown);
  CHECK(amend("finding", own + "/01", "text", std::string("y")) == Code::kRowUnknown);
  CHECK(at.rows("amendment") == 0);
  CHECK(amend("answer", "S2/I001", "value", std::int64_t{50}) == Code{});
  CHECK(amend("finding", own + "/1", "due_day", std::int64_t{20'600}) == Code{});
  CHECK(at.device.must_sync().refusals.empty());
}

TEST_CASE(
    "a sealed visit opens with the code that the office tells, where there is no network, whatever the clock says") {
  Visiting at;
  VisitPlan plan;
  plan.school = "140002";
  plan.kind = "RANDOM";
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = 20'500;
  plan.to_day = 20'520;
  plan.team = {"I001", "I002"};
  FakeClock& clock = at.device.machine.clock;
  const std::int64_t start_utc_ms = clock.wall_utc_ms();
  constexpr std::int64_t kHour_ms = 3'600'000;
  constexpr std::int64_t kTenYears_ms = 10 * 365 * 24 * kHour_ms;
  plan.unseal_at_utc_ms = start_utc_ms + kHour_ms;
  const auto ids = at.office->plan("王处长", {plan});
  REQUIRE(ids);
  at.device.must_sync();
  const Bytes& sealed = ids->front();
  CHECK(at.book.check_in(sealed, {}, "x").error().code == Code::kVisitNotHere);
  clock.set_wall(start_utc_ms + kTenYears_ms);
  CHECK(at.book.check_in(sealed, {}, "x").error().code == Code::kVisitNotHere);
  CHECK(at.book.unseal(sealed, "0000-0000-0000-0000").error().code == Code::kUnsealCode);
  CHECK(at.book.unseal(sealed, "1234").error().code == Code::kUnsealCode);
  CHECK(at.book.unseal(at.visit, "0000-0000-0000-0000").error().code == Code::kVisitNotHere);
  CHECK(at.device.state(sealed) == "absent");

  at.office.machine.clock.advance(kHour_ms);
  const auto code = at.office->unseal_code("王处长", sealed, "");
  REQUIRE(code);
  clock.set_wall(start_utc_ms - kTenYears_ms);
  at.must(at.book.unseal(sealed, *code));
  at.must(at.book.unseal(sealed, "whatever"));  // It is open.
  CHECK(at.device.state(sealed) == "ASSIGNED");
  CHECK(at.text("SELECT name FROM school WHERE code = '140002'") == "第2小学");
  at.must(at.book.check_in(sealed, {}, "室内无信号"));
  CHECK(at.text("SELECT clock FROM visit_event LIMIT 1") == "WRONG");
  at.must(at.book.answer(sealed, "S1", whole(1), ""));
  // What was recorded meanwhile stays, and the office takes it.
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(at.device.state(sealed) == "IN_PROGRESS");
  CHECK(at.office.visit_state(sealed) == "IN_PROGRESS");
  CHECK(at.device.db->integer("SELECT count(*) FROM answer WHERE visit = ?", BytesView(sealed)) == 1);
}

TEST_CASE("a visit that waits for its hour opens by the office's time where the wall clock is wrong") {
  Visiting at;
  FakeClock& clock = at.device.machine.clock;
  const std::int64_t start_utc_ms = clock.wall_utc_ms();
  constexpr std::int64_t kHour_ms = 3'600'000;
  constexpr std::int64_t kTenYears_ms = 10 * 365 * 24 * kHour_ms;
  // As one that was planned before assignments were sealed.
  REQUIRE(at.device.db->execute("UPDATE visit SET unseal_at_utc_ms = ?", start_utc_ms + kHour_ms));
  CHECK(at.book.check_in(at.visit, {}, "x").error().code == Code::kSealed);
  clock.set_wall(start_utc_ms + kTenYears_ms);
  CHECK(at.book.check_in(at.visit, {}, "x").error().code == Code::kSealed);
  CHECK(at.book.refuse_entry(at.visit, {}, "x").error().code == Code::kSealed);
  CHECK(at.device.state(at.visit) == "ASSIGNED");
  clock.set_wall(start_utc_ms - kTenYears_ms);
  clock.advance(kHour_ms);
  at.must(at.book.check_in(at.visit, {}, "室内无信号"));
  CHECK(at.text("SELECT clock FROM visit_event LIMIT 1") == "WRONG");
}

TEST_CASE("a step that no statement could carry is refused when it is recorded, not when all else waits behind it") {
  Visiting at;
  VisitPlan plan;
  plan.school = "140002";
  plan.kind = "RANDOM";
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = 20'500;
  plan.to_day = 20'520;
  plan.team = {"I001", "I002"};
  plan.class_seed = Bytes(32, 7);
  const auto ids = at.office->plan("王处长", {plan});
  REQUIRE(ids);
  at.device.must_sync();
  at.must(at.book.check_in(ids->front(), {}, "室内无信号"));
  std::vector<std::string> classes;
  for (int i = 0; i < 2'000; ++i) classes.push_back(std::to_string(i) + std::string(90, 'x'));
  CHECK(at.book.draw_classes(ids->front(), classes, 3).error().code == Code::kChangeTooLarge);
  CHECK(at.rows("class_draw") == 0);
  at.must(at.book.answer(ids->front(), "S1", whole(1), ""));
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(at.rows("outbox WHERE log_index IS NULL") == 0);
  // The largest texts that are allowed pass, and so does changing one into another.
  const auto note = at.book.add_note(ids->front(), "", words(10'000));
  REQUIRE(note);
  at.must(at.book.change_note(ids->front(), *note, "新" + words(9'999)));
  CHECK(at.device.must_sync().refusals.empty());
}

TEST_CASE("a place that is not on the earth is refused") {
  Visiting at;
  CHECK(at.book.check_in(at.visit, Place{900'000'001, 0, 1}, "").error().code == Code::kPlaceWrong);
  CHECK(at.book.check_in(at.visit, Place{0, -1'800'000'001, 1}, "").error().code == Code::kPlaceWrong);
  CHECK(at.book.check_in(at.visit, Place{0, 0, -1}, "").error().code == Code::kPlaceWrong);
  CHECK(at.device.state(at.visit) == "ASSIGNED");
}

TEST_CASE("a submission that could not be sealed goes together with what was amended since") {
  Visiting at;
  at.must(at.book.no_access(at.visit, {}, "大门紧闭"));
  REQUIRE(at.book.add_note(at.visit, "", "09:00 至 09:30 在门外等候"));
  at.device.machine.keys.set_locked(true);
  at.must(at.book.submit(at.visit));
  at.must(at.book.amend(at.visit, "note", std::to_string(at.device.number()) + "/1", "text",
                        std::string("09:00 至 09:40 在门外等候"), "看错时间"));
  at.device.machine.keys.set_locked(false);
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(at.office.visit_state(at.visit) == "RECEIVED");
  CHECK(at.office.check().sound());
  CHECK(at.office->rebuild());
}

namespace {

/// Every use case of a whole visit, in order; each says whether it was done.
struct UseCase {
  const char* name;
  std::function<Status(VisitBook&, BytesView)> run;
};

const std::vector<UseCase>& whole_visit() {
  static const std::vector<UseCase> steps = {
      {"check_in", [](VisitBook& book, BytesView visit) { return book.check_in(visit, {}, "室内无信号"); }},
      {"pause", [](VisitBook& book, BytesView visit) { return book.pause(visit, "午休"); }},
      {"resume", [](VisitBook& book, BytesView visit) { return book.resume(visit); }},
      {"answer", [](VisitBook& book, BytesView visit) { return book.answer(visit, "S1", whole(0), "北门堆放杂物"); }},
      {"answer again", [](VisitBook& book, BytesView visit) { return book.answer(visit, "S1", whole(1), ""); }},
      {"answer the other", [](VisitBook& book, BytesView visit) { return book.answer(visit, "S2", whole(3), ""); }},
      {"add_finding",
       [](VisitBook& book, BytesView visit) {
         return book.add_finding(visit, finding("ORDINARY", words(1'500))).map([](auto) {});
       }},
      {"add_finding of danger",
       [](VisitBook& book, BytesView visit) {
         return book.add_finding(visit, finding("DANGER", words(3'000))).map([](auto) {});
       }},
      {"change_finding",
       [](VisitBook& book, BytesView visit) {
         return book.change_finding(visit, {1, 1}, finding("DANGER", "外墙砖脱落"));
       }},
      {"void_finding",
       [](VisitBook& book, BytesView visit) {
         return book.void_finding(visit, {1, 1}, "记错");
       }},
      {"fix_finding_on_site",
       [](VisitBook& book, BytesView visit) {
         return book.fix_finding_on_site(visit, {1, 2});
       }},
      {"add_note",
       [](VisitBook& book, BytesView visit) { return book.add_note(visit, "", words(6'000)).map([](auto) {}); }},
      {"change_note",
       [](VisitBook& book, BytesView visit) {
         return book.change_note(visit, {1, 1}, words(7'000));
       }},
      {"void_note",
       [](VisitBook& book, BytesView visit) {
         return book.void_note(visit, {1, 1}, "重复");
       }},
      {"finish", [](VisitBook& book, BytesView visit) { return book.finish(visit); }},
      {"feedback",
       [](VisitBook& book, BytesView visit) { return book.feedback(visit, words(2'000)).map([](auto) {}); }},
      {"sign",
       [](VisitBook& book, BytesView visit) {
         return book.sign(visit, {.role = "HEAD",
                                  .name = "李校长",
                                  .outcome = "SIGNED",
                                  .strokes = Bytes(9'000, 7),
                                  .witness = "",
                                  .reason = ""});
       }},
      {"submit", [](VisitBook& book, BytesView visit) { return book.submit(visit); }},
      {"amend",
       [](VisitBook& book, BytesView visit) {
         return book.amend(visit, "answer", "S2/I001", "value", std::int64_t{4}, "漏数一具");
       }},
  };
  return steps;
}

std::vector<std::string> tables_of(Database& db) {
  std::vector<std::string> out;
  auto q = db.query("SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name");
  REQUIRE(q);
  while (*q->step()) out.emplace_back(q->text(0));
  return out;
}

/// Everything in the database, for comparing.
Hash contents(Database& db) {
  Bytes all;
  for (const std::string& table : tables_of(db)) {
    auto q = db.query("SELECT * FROM main." + table);
    REQUIRE(q);
    append(all, view(table));
    while (*q->step())
      for (int i = 0; i < q->columns(); ++i) {
        const Value cell = to_value(q->value(i));
        const ValueView shown = as_view(cell);
        append(all, encode_key(std::span(&shown, 1)));
      }
  }
  return sha256(all);
}

/// Does each use case under ever weaker faults until it is done, and holds that a refused one changed nothing.
/// `weaken` is called before each try with the number of tries so far; `code` is what a refusal must be.
void do_whole_visit(Visiting& at, Code code, const std::function<void(std::int64_t tries)>& weaken,
                    const std::function<void()>& heal) {
  REQUIRE(at.device.number() == 1);
  int refused = 0;
  for (const UseCase& step : whole_visit()) {
    INFO(step.name);
    bool done = false;
    for (std::int64_t tries = 0; !done; ++tries) {
      REQUIRE(tries < 60);
      const Hash before = contents(*at.device.db);
      weaken(tries);
      const Status status = step.run(at.book, at.visit);
      heal();
      CHECK_FALSE(at.device.db->in_transaction());
      done = status.has_value();
      if (done) continue;
      ++refused;
      REQUIRE(status.error().code == code);
      REQUIRE(contents(*at.device.db) == before);
    }
  }
  CHECK(refused >= static_cast<int>(whole_visit().size()) / 2);
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(at.office.visit_state(at.visit) == "RECEIVED");
  CHECK(at.rows("outbox WHERE log_index IS NULL") == 0);
  CHECK(at.office.check().sound());
}

}  // namespace

TEST_CASE("whichever write of a use case fails, nothing of it stands and the same call completes") {
  Visiting at;
  Database& db = *at.device.db;
  REQUIRE(db.script("CREATE TEMP TABLE allowance (writes INTEGER); INSERT INTO allowance VALUES (1000000)"));
  for (const std::string& table : tables_of(db))
    for (const std::string operation : {"INSERT", "UPDATE", "DELETE"})
      REQUIRE(db.script("CREATE TEMP TRIGGER fault_" + table + operation + " BEFORE " + operation + " ON main." +
                        table +
                        " BEGIN UPDATE allowance SET writes = writes - 1;"
                        " SELECT RAISE(ABORT, 'fault') FROM allowance WHERE writes < 0; END"));
  do_whole_visit(
      at, Code::kDatabaseConstraint,
      [&](std::int64_t tries) { REQUIRE(db.execute("UPDATE allowance SET writes = ?", tries)); },
      [&] { REQUIRE(db.execute("UPDATE allowance SET writes = 1000000")); });
}

TEST_CASE("a full disk leaves everything as it was, and with room the visit goes on") {
  Visiting at;
  Database& db = *at.device.db;
  do_whole_visit(
      at, Code::kDatabaseFull,
      [&](std::int64_t tries) {
        const std::int64_t pages = *db.integer("PRAGMA page_count");
        REQUIRE(db.script("PRAGMA max_page_count=" + std::to_string(pages + tries)));
      },
      [&] { REQUIRE(db.script("PRAGMA max_page_count=100000")); });
}

TEST_CASE("a database that can only be read leaves everything as it was") {
  Visiting at;
  Database& db = *at.device.db;
  do_whole_visit(
      at, Code::kDatabaseReadOnly,
      [&](std::int64_t tries) { REQUIRE(db.script(tries == 0 ? "PRAGMA query_only=1" : "PRAGMA query_only=0")); },
      [&] { REQUIRE(db.script("PRAGMA query_only=0")); });
}
