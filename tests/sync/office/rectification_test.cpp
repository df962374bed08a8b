/// From the finding to its end: notice, what the school does, re-inspection; each rule refuses what it must, and all of
/// it follows from the ledger.

#include "sync/office/rectification.hpp"

#include "schema/deadline.hpp"
#include "sync/office/school_desk.hpp"
#include "tests/sync/office/county.hpp"

#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

/// A visit with three findings that the office has received: 1 ordinary, 2 voided, 3 dangerous.
struct RectifyingCounty {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes visit;
  std::int64_t today = 0;

  RectifyingCounty() {
    office.add_people_and_schools();
    const auto superior = office->decide("王处长", "register.import", [](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      rows.update("school", {std::string("140001")},
                  {{find_table("school")->column("superior_unit"), std::string("栖云县教育局")}});
      return rows;
    });
    REQUIRE(superior);
    device.enrol();
    visit = office.plan({"I001", "I002"});
    device.must_sync();
    const Moment at = now(office.platform.clock);
    today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
    device.check_in(visit);
    find(1, "ORDINARY");
    find(2, "SERIOUS");
    find(3, "DANGER");
    device.write([&] { return device.db->execute("UPDATE finding SET void_reason = '看错了' WHERE n = 2"); });
  }
  void submit() {
    device.write([&] { return device.answer(visit, "S1", std::int64_t{0}); });
    device.write([&] { return device.answer(visit, "S2", std::int64_t{2}); });
    device.finish_and_submit(visit);
    REQUIRE(device.must_sync().refusals.empty());
    REQUIRE(office.visit_state(visit) == "RECEIVED");
  }
  void find(std::int64_t n, std::string_view severity) {
    const Moment at = now(device.platform.clock);
    device.write([&] {
      return device.db->execute(
          "INSERT INTO finding VALUES (?, ?, ?, 'S1', ?, NULL, '通道堵塞', ?, NULL, 'OPEN', NULL, 'I001', ?, ?, ?)",
          BytesView(visit), device.number(), n, severity, today + 30, at.utc_ms, at.offset_min, at.boot_ms);
    });
  }
  FindingKey finding(std::int64_t n) { return {visit, device.number(), n}; }

  RectificationAct step(std::int64_t n, FindingEvent event, Actor actor = Actor::kOffice) {
    RectificationAct act;
    act.finding = finding(n);
    act.event = event;
    act.actor = actor;
    act.person = actor == Actor::kSchool ? "李校长" : "王处长";
    act.responsible = event == FindingEvent::kPlan ? "张主任" : "";
    act.text = event == FindingEvent::kNotice || event == FindingEvent::kAcknowledge ? "" : "已清理通道";
    return act;
  }
  Code act(const RectificationAct& act) {
    const auto before = office.check().statements;
    const auto done = office->decide(act.person, "finding", [&](Store& rows) -> Result<ChangesBuilder> {
      RectificationSteps steps(rows, now(office.platform.clock).utc_ms, today);
      DUDAO_CHECK(steps.take(act));
      ChangesBuilder out;
      steps.write(out);
      return out;
    });
    CHECK(office.check().statements == before + (done ? 1 : 0));
    return done ? Code{} : done.error().code;
  }
  FindingView look(std::int64_t n) {
    FindingView out;
    const auto done = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(out, find_finding(rows, finding(n)));
      return {};
    });
    if (!done) FAIL(done.error().message());
    return out;
  }
  void to_reported(std::int64_t n) {
    for (const auto& [event, actor] : {std::pair{FindingEvent::kNotice, Actor::kOffice},
                                       {FindingEvent::kAcknowledge, Actor::kSchool},
                                       {FindingEvent::kPlan, Actor::kSchool},
                                       {FindingEvent::kReport, Actor::kSchool}})
      REQUIRE(act(step(n, event, actor)) == Code{});
  }
  Result<std::vector<Bytes>> plan_again(std::vector<FindingKey> findings, std::string school = "140001",
                                        std::vector<std::string> team = {"I001"}) {
    VisitPlan plan;
    plan.school = std::move(school);
    plan.kind = "REINSPECT";
    plan.template_code = "daily";
    plan.template_version = 1;
    plan.from_day = 20'500;
    plan.to_day = 20'520;
    plan.team = std::move(team);
    plan.findings = std::move(findings);
    return office->plan("王处长", {plan});
  }
  /// A re-inspection with these outcomes that the office has received.
  Bytes record_again(const std::vector<std::pair<FindingKey, std::string>>& outcomes) {
    std::vector<FindingKey> keys;
    for (const auto& [key, outcome] : outcomes) keys.push_back(key);
    const Bytes again = plan_again(keys).value().front();
    device.must_sync();
    device.check_in(again);
    for (const auto& [key, outcome] : outcomes) {
      const Moment at = now(device.platform.clock);
      device.write([&] {
        return device.db->execute("INSERT INTO reinspection_result VALUES (?, ?, ?, ?, ?, '仍有杂物', 'I001', ?, ?, ?)",
                                  BytesView(again), BytesView(key.visit), key.author, key.n, std::string_view(outcome),
                                  at.utc_ms, at.offset_min, at.boot_ms);
      });
    }
    device.write([&] { return device.answer(again, "S1", std::int64_t{1}); });
    device.write([&] { return device.answer(again, "S2", std::int64_t{3}); });
    device.finish_and_submit(again);
    REQUIRE(device.must_sync().refusals.empty());
    return again;
  }
  /// A whole re-inspection.
  Bytes inspect_again(const std::vector<std::pair<FindingKey, std::string>>& outcomes) {
    Bytes again = record_again(outcomes);
    REQUIRE(office->visit_event("王处长", again, "accept", "", ""));
    return again;
  }
  /// Written into the office's database past the office.
  void damage(const std::string& sql) {
    office.office.reset();
    {
      auto database = open_database(office.folder / "office.db", Database::Mode::kOpen, DatabaseKind::kOffice);
      REQUIRE(database);
      REQUIRE((*database)->script(sql));
    }
    office.open();
  }
  json school(json request, int status = 200) {
    Request http;
    http.method = "POST";
    http.path = kSchoolPath;
    http.body = to_bytes(view(request.dump()));
    const Response answer = office->handle(http);
    CHECK(answer.status == status);
    return json::parse(answer.body.begin(), answer.body.end());
  }
};

}  // namespace

TEST_CASE("every step of the table may be taken on a finding by whom it names, and no other") {
  const Actor actors[] = {Actor::kOffice, Actor::kInspector, Actor::kLead, Actor::kSchool};
  // The way on which each state is reached.
  const std::map<FindingState, std::vector<std::pair<FindingEvent, Actor>>> ways = {
      {FindingState::kOpen, {}},
      {FindingState::kNoticed, {{FindingEvent::kNotice, Actor::kOffice}}},
      {FindingState::kAcknowledged,
       {{FindingEvent::kNotice, Actor::kOffice}, {FindingEvent::kAcknowledge, Actor::kSchool}}},
      {FindingState::kPlanned,
       {{FindingEvent::kNotice, Actor::kOffice},
        {FindingEvent::kAcknowledge, Actor::kSchool},
        {FindingEvent::kPlan, Actor::kSchool}}},
      {FindingState::kReported,
       {{FindingEvent::kNotice, Actor::kOffice},
        {FindingEvent::kAcknowledge, Actor::kSchool},
        {FindingEvent::kPlan, Actor::kSchool},
        {FindingEvent::kReport, Actor::kSchool}}},
  };
  RectifyingCounty at;
  at.submit();
  for (const auto& [from, way] : ways)
    for (int event = 1; event <= static_cast<int>(kFindingEvents); ++event)
      for (const Actor actor : actors) {
        const auto told = static_cast<FindingEvent>(event);
        INFO(to_string(from) << " " << to_string(told) << " " << to_string(actor));
        // In a decision that is not written.
        std::optional<Error> refused;
        const auto looked = at.office->read([&](Store& rows) -> Status {
          RectificationSteps steps(rows, 1, at.today);
          for (const auto& [before, who] : way) DUDAO_CHECK(steps.take(at.step(1, before, who)));
          const Status taken = steps.take(at.step(1, told, actor));
          if (!taken) refused = taken.error();
          return {};
        });
        REQUIRE(looked);
        const auto allowed = told == FindingEvent::kFixOnSite ? std::nullopt : next(from, told, actor);
        CHECK(refused.has_value() == !allowed.has_value());
        if (refused) CHECK(refused->code == Code::kFindingTransitionNotAllowed);
      }
}

TEST_CASE("a notice names the day and who answers for the school, and only danger goes before submission") {
  RectifyingCounty at;
  at.device.must_sync();
  CHECK(at.act(at.step(1, FindingEvent::kNotice)) == Code::kVisitNotSubmitted);
  CHECK(at.act(at.step(3, FindingEvent::kNotice)) == Code{});
  CHECK(at.look(3).route == "ESCALATION");
  at.submit();
  CHECK(at.act(at.step(2, FindingEvent::kNotice)) == Code::kFindingUnknown);
  CHECK(at.act(at.step(9, FindingEvent::kNotice)) == Code::kFindingUnknown);
  RectificationAct notice = at.step(1, FindingEvent::kNotice);
  notice.due_day = at.today - 1;
  CHECK(at.act(notice) == Code::kDueDayWrong);
  notice.due_day.reset();
  notice.route = "LETTER";
  CHECK(at.act(notice) == Code::kRouteUnknown);
  notice.route.clear();
  notice.person.clear();
  CHECK(at.act(notice) == Code::kWordsMissing);
  notice.person = "王处长";
  notice.text = std::string(kMaxRectificationChars + 1, 'x');
  CHECK(at.act(notice) == Code::kTextTooLong);
  notice.text = "\xff";
  CHECK(at.act(notice) == Code::kTextNotUtf8);
  notice.text = "限期清理";
  CHECK(at.act(notice) == Code{});
  const FindingView view = at.look(1);
  CHECK(view.state == FindingState::kNoticed);
  CHECK(view.round == 1);
  CHECK(view.route == "NOTICE");
  CHECK(view.superior_unit == "栖云县教育局");
  CHECK(view.due_day == at.today + 30);
  CHECK(view.demand == "限期清理");
  CHECK_FALSE(view.overdue(at.today + 30));
  CHECK(view.overdue(at.today + 31));
  REQUIRE(at.act(at.step(1, FindingEvent::kAcknowledge, Actor::kSchool)) == Code{});
  RectificationAct plan = at.step(1, FindingEvent::kPlan, Actor::kSchool);
  plan.responsible.clear();
  CHECK(at.act(plan) == Code::kWordsMissing);
}

TEST_CASE("whoever plans or reports or rejects or refers says so in words") {
  RectifyingCounty at;
  at.submit();
  const auto needs_words = [&](FindingEvent event, Actor actor) {
    RectificationAct act = at.step(1, event, actor);
    act.text.clear();
    CHECK(at.act(act) == Code::kWordsMissing);
  };
  needs_words(FindingEvent::kRefer, Actor::kOffice);
  for (const FindingEvent event : {FindingEvent::kNotice, FindingEvent::kAcknowledge, FindingEvent::kPlan,
                                   FindingEvent::kReport, FindingEvent::kReject}) {
    const Actor actor = event == FindingEvent::kNotice   ? Actor::kOffice
                        : event == FindingEvent::kReject ? Actor::kInspector
                                                         : Actor::kSchool;
    if (event != FindingEvent::kNotice && event != FindingEvent::kAcknowledge) needs_words(event, actor);
    CHECK(at.act(at.step(1, event, actor)) == Code{});
  }
}

TEST_CASE("a notice or referral names the unit above the school, and a notice may ask for the very day") {
  RectifyingCounty at;
  at.submit();
  REQUIRE(at.office->decide("王处长", "register.import", [](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.update("school", {std::string("140001")}, {{find_table("school")->column("superior_unit"), Value()}});
    return rows;
  }));
  for (const FindingEvent event : {FindingEvent::kNotice, FindingEvent::kRefer})
    CHECK(at.act(at.step(1, event)) == Code::kSuperiorUnitMissing);
  CHECK(at.look(1).state == FindingState::kOpen);
  RectificationAct notice = at.step(1, FindingEvent::kNotice);
  notice.superior_unit = "栖云县教育局";
  notice.due_day = at.today;
  REQUIRE(at.act(notice) == Code{});
  CHECK(at.look(1).superior_unit == "栖云县教育局");
  CHECK(at.look(1).due_day == at.today);
  RectificationAct referral = at.step(3, FindingEvent::kRefer);
  referral.superior_unit = "栖云县消防大队";
  REQUIRE(at.act(referral) == Code{});
  CHECK(at.look(3).superior_unit == "栖云县消防大队");
  CHECK(at.office->rebuild());
}

TEST_CASE("of a step on a finding nothing is longer than a notice has room for") {
  RectifyingCounty at;
  at.submit();
  const auto too_long = [&](std::string RectificationAct::*part, std::size_t most_chars) {
    RectificationAct notice = at.step(1, FindingEvent::kNotice);
    notice.*part = std::string(most_chars + 1, 'x');
    CHECK(at.act(notice) == Code::kTextTooLong);
    CHECK(at.look(1).state == FindingState::kOpen);
  };
  too_long(&RectificationAct::text, kMaxRectificationChars);
  too_long(&RectificationAct::person, kMaxRectificationNameChars);
  too_long(&RectificationAct::superior_unit, kMaxRectificationNameChars);
  too_long(&RectificationAct::responsible, kMaxRectificationNameChars);
  REQUIRE(at.act(at.step(1, FindingEvent::kNotice)) == Code{});
  REQUIRE(at.office->read([&](Store& rows) -> Status {
    RectificationSteps steps(rows, 1, at.today);
    CHECK(steps.take_result(at.finding(1), FindingState::kVerified, {}, {}, Bytes(16, 1)).error().code ==
          Code::kWordsMissing);
    return {};
  }));
}

TEST_CASE("a finding is named by device and count, and by nothing that only begins like it") {
  const auto key = finding_key(Bytes(16, 7), "3/12");
  REQUIRE(key);
  CHECK(key->visit == Bytes(16, 7));
  CHECK(key->author == 3);
  CHECK(key->n == 12);
  for (const char* entry : {"", "3", "3/", "/12", "3x12", "3 /12", "3/12x", "3/12/1", "3/ 12", "x/12", "3/x",
                            "9999999999999999999/1", "1/9999999999999999999"}) {
    INFO(entry);
    CHECK_FALSE(finding_key(Bytes(16, 7), entry));
  }
}

TEST_CASE("of a visit that is not there nobody is told that it has no findings") {
  RectifyingCounty at;
  std::optional<Error> refused;
  REQUIRE(at.office->read([&](Store& rows) -> Status {
    const auto found = findings_of(rows, Bytes(16, 9));
    if (!found) refused = found.error();
    return {};
  }));
  REQUIRE(refused);
  CHECK(refused->code == Code::kVisitUnknown);
}

TEST_CASE("a state in the database that there is not is a damage, which no acceptance goes over") {
  RectifyingCounty at;
  at.submit();
  at.to_reported(1);
  const Bytes again = at.record_again({{at.finding(1), "VERIFIED"}});
  const Bytes ledger = at.office.ledger();
  const auto accept = [&] { return at.office->visit_event("王处长", again, "accept", "", ""); };
  for (const auto& [damage, repair] : {
           std::pair{"UPDATE reinspection_result SET outcome = 'MAYBE'",
                     "UPDATE reinspection_result SET outcome = 'VERIFIED'"},
           {"UPDATE rectification SET state = 'MAYBE'", "UPDATE rectification SET state = 'REPORTED'"},
           {"UPDATE visit SET state = 'MAYBE'", "UPDATE visit SET state = 'RECEIVED'"},
       }) {
    INFO(damage);
    at.damage(damage);
    const Status accepted = accept();
    REQUIRE_FALSE(accepted);
    CHECK(accepted.error().code == Code::kStateUnknown);
    CHECK(at.office.ledger() == ledger);
    at.damage(repair);
  }
  REQUIRE(accept());
  CHECK(at.look(1).state == FindingState::kVerified);
  CHECK(at.office->rebuild());
}

TEST_CASE(
    "a device says of a finding no more than whether it was put right on site, so that nobody closes it for the "
    "school") {
  RectifyingCounty at;
  at.submit();
  REQUIRE(at.office->visit_event("王处长", at.visit, "query", "S1", "请补充"));
  at.device.must_sync();
  const auto say = [&](std::string_view state, bool fresh) {
    const Moment now_ = now(at.device.platform.clock);
    at.device.write([&]() -> Status {
      if (fresh)
        return at.device.db->execute(
            "INSERT INTO finding VALUES (?, ?, 9, 'S1', 'ORDINARY', NULL, '通道堵塞', NULL, NULL, ?, "
            "NULL, 'I001', ?, ?, ?)",
            BytesView(at.visit), at.device.number(), state, now_.utc_ms, now_.offset_min, now_.boot_ms);
      return at.device.db->execute("UPDATE finding SET state = ? WHERE n = 1", state);
    });
    const PassReport report = at.device.must_sync();
    return report.refusals.empty() ? Code{} : static_cast<Code>(report.refusals.front().code);
  };
  for (const char* state : {"VERIFIED", "NOTICED", "LOST", ""}) {
    INFO(state);
    CHECK(say(state, false) == Code::kNotYours);
    CHECK(at.look(1).state == FindingState::kOpen);
  }
  CHECK(say("REFERRED", true) == Code::kNotYours);
  CHECK(at.office.cell("finding", {BytesView(at.visit), at.device.number(), std::int64_t{9}}, "state") == "absent");
}

TEST_CASE("a re-inspection carries the findings, and what it saw counts once the office accepts it") {
  RectifyingCounty at;
  at.submit();
  REQUIRE(at.office->visit_event("王处长", at.visit, "accept", "", ""));
  CHECK(at.plan_again({at.finding(1)}).error().code == Code::kCarriedFinding);  // No notice yet.
  at.to_reported(1);
  REQUIRE(at.act(at.step(3, FindingEvent::kNotice)) == Code{});  // The school never answers this one.
  CHECK(at.plan_again({at.finding(1)}, "140002").error().code == Code::kCarriedFinding);
  CHECK(at.plan_again({at.finding(1), at.finding(1)}).error().code == Code::kCarriedFinding);
  CHECK(at.office->visit_event("王处长", at.visit, "close", "", "").error().code == Code::kFindingsOpen);

  const Bytes again = at.inspect_again({{at.finding(1), "VERIFIED"}, {at.finding(3), "REJECTED"}});
  CHECK(at.office.cell("carried_finding", {BytesView(again), BytesView(at.visit), at.device.number(), std::int64_t{1}},
                       "report") == "已清理通道");
  CHECK(at.look(1).state == FindingState::kVerified);
  CHECK(at.look(3).state == FindingState::kRejected);
  CHECK(at.look(3).report == "仍有杂物");

  // A second round, which the first visit's device sees, too.
  RectificationAct notice = at.step(3, FindingEvent::kNotice);
  CHECK(at.act(notice) == Code::kDueDayWrong);  // A new day must be set.
  notice.due_day = at.today + 10;
  REQUIRE(at.act(notice) == Code{});
  CHECK(at.look(3).round == 2);
  at.device.must_sync();
  CHECK(at.device.db->integer("SELECT round FROM rectification WHERE n = 3").value() == 2);
  CHECK(at.device.db->integer("SELECT count(*) FROM rectification_step WHERE n = 3").value() == 6);
  at.inspect_again({{at.finding(3), "VERIFIED"}});
  REQUIRE(at.office->visit_event("王处长", at.visit, "close", "", ""));
  CHECK(at.office.visit_state(at.visit) == "CLOSED");
  CHECK(at.office->rebuild());
  CHECK(at.office.check().sound());
}

TEST_CASE("a device says nothing of findings that its visit does not carry, nor anything but the two outcomes") {
  RectifyingCounty at;
  at.submit();
  at.to_reported(1);
  const Bytes again = at.plan_again({at.finding(1)}).value().front();
  at.device.must_sync();
  at.device.check_in(again);
  const auto say = [&](std::int64_t n, std::string_view outcome, std::string_view text = {}) {
    at.device.write([&] {
      return at.device.db->execute("INSERT INTO reinspection_result VALUES (?, ?, ?, ?, ?, ?, 'I001', 1, 480, 1)",
                                   BytesView(again), BytesView(at.visit), at.device.number(), n, outcome, text);
    });
    const PassReport report = at.device.must_sync();
    REQUIRE(report.refusals.size() == 1);
    return static_cast<Code>(report.refusals.front().code);
  };
  CHECK(say(3, "VERIFIED") == Code::kResultWrong);
  CHECK(say(1, "CLOSED") == Code::kResultWrong);
  CHECK(at.look(1).state == FindingState::kReported);
}

TEST_CASE("what a device says of a finding is short enough for a notice, so that the office can accept the visit") {
  RectifyingCounty at;
  at.submit();
  at.to_reported(1);
  const Bytes again = at.plan_again({at.finding(1)}).value().front();
  at.device.must_sync();
  at.device.check_in(again);
  REQUIRE(at.device.must_sync().refusals.empty());
  const auto say = [&](std::size_t chars) {
    at.device.write([&] {
      return at.device.db->execute(
          "INSERT INTO reinspection_result VALUES (?, ?, ?, 1, 'REJECTED', ?, 'I001', 1, 480, 1)", BytesView(again),
          BytesView(at.visit), at.device.number(), std::string_view(std::string(chars, 'x')));
    });
    return at.device.must_sync().refusals;
  };
  const auto stands = [&] {
    return at.office.cell("reinspection_result",
                          {BytesView(again), BytesView(at.visit), at.device.number(), std::int64_t{1}}, "text");
  };
  const std::vector<Refusal> refusals = say(kMaxRectificationChars + 1);
  REQUIRE(refusals.size() == 1);
  CHECK(static_cast<Code>(refusals.front().code) == Code::kResultWrong);
  CHECK(stands() == "absent");
  CHECK(say(kMaxRectificationChars).empty());
  CHECK(stands().size() == kMaxRectificationChars);
  at.device.write([&] { return at.device.db->execute("UPDATE reinspection_result SET text = text || 'x'"); });
  const PassReport longer = at.device.must_sync();
  REQUIRE(longer.refusals.size() == 1);
  CHECK(static_cast<Code>(longer.refusals.front().code) == Code::kResultWrong);
  CHECK(stands().size() == kMaxRectificationChars);
  at.device.write([&] { return at.device.db->execute("UPDATE reinspection_result SET text = '仍有杂物'"); });
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(stands() == "仍有杂物");
}

TEST_CASE("of two members who judge at once both words are kept, each in its own name, and the office can accept") {
  RectifyingCounty at;
  TestDevice other{at.office, "I002"};
  other.enrol();
  at.submit();
  at.to_reported(1);
  const Bytes again = at.plan_again({at.finding(1)}, "140001", {"I001", "I002"}).value().front();
  const auto judge = [&](TestDevice& device, std::string_view outcome) {
    device.write([&] {
      return device.db->execute("INSERT INTO reinspection_result VALUES (?, ?, ?, 1, ?, NULL, ?, 1, 480, 1)",
                                BytesView(again), BytesView(at.visit), at.device.number(), outcome,
                                std::string_view(device.inspector));
    });
  };
  const auto stands = [&](std::string_view column) {
    return at.office.cell("reinspection_result",
                          {BytesView(again), BytesView(at.visit), at.device.number(), std::int64_t{1}}, column);
  };
  for (TestDevice* device : {&at.device, &other}) {
    device->must_sync();
    device->check_in(again);
  }
  judge(at.device, "VERIFIED");
  judge(other, "REJECTED");
  for (TestDevice* device : {&at.device, &other, &at.device}) REQUIRE(device->must_sync().refusals.empty());
  const std::string kept = stands("outcome");
  CHECK(stands("inspector") == (kept == "VERIFIED" ? "I001" : "I002"));
  for (TestDevice* device : {&at.device, &other}) {
    CHECK(std::get<std::string>(**device->db->lookup("SELECT outcome FROM reinspection_result")) == kept);
    CHECK(device->db->integer("SELECT count(*) FROM disagreement WHERE field = 'outcome' AND resolved = 0").value() ==
          1);
  }

  // Who knows whose word stands does not change it without saying who now speaks.
  TestDevice& loser = kept == "VERIFIED" ? other : at.device;
  const std::string turned = kept == "VERIFIED" ? "REJECTED" : "VERIFIED";
  loser.write(
      [&] { return loser.db->execute("UPDATE reinspection_result SET outcome = ?", std::string_view(turned)); });
  const PassReport report = loser.must_sync();
  REQUIRE(report.refusals.size() == 1);
  CHECK(static_cast<Code>(report.refusals.front().code) == Code::kNotYours);
  CHECK(stands("outcome") == kept);
  loser.write([&] {
    return loser.db->execute("UPDATE reinspection_result SET outcome = 'REJECTED', inspector = ?",
                             std::string_view(loser.inspector));
  });
  REQUIRE(loser.must_sync().refusals.empty());
  CHECK(stands("outcome") == "REJECTED");
  CHECK(stands("inspector") == loser.inspector);
  loser.write(
      [&] { return loser.db->execute("UPDATE reinspection_result SET outcome = 'VERIFIED', inspector = 'I003'"); });
  const PassReport in_other_name = loser.must_sync();
  REQUIRE(in_other_name.refusals.size() == 1);
  CHECK(static_cast<Code>(in_other_name.refusals.front().code) == Code::kNotYours);
  CHECK(stands("outcome") == "REJECTED");
  CHECK(stands("inspector") == loser.inspector);

  // Rejected without a word: the outcome stands for it.
  at.device.must_sync();
  at.device.write([&] { return at.device.answer(again, "S1", std::int64_t{1}); });
  at.device.write([&] { return at.device.answer(again, "S2", std::int64_t{3}); });
  at.device.finish_and_submit(again);
  REQUIRE(at.device.must_sync().refusals.empty());
  REQUIRE(at.office->visit_event("王处长", again, "accept", "", ""));
  CHECK(at.look(1).state == FindingState::kRejected);
  CHECK(at.office->rebuild());
}

TEST_CASE("a finding that was taken back after it was carried keeps nobody from accepting the re-inspection") {
  RectifyingCounty at;
  at.device.must_sync();
  REQUIRE(at.act(at.step(3, FindingEvent::kNotice)) == Code{});
  const Bytes again = at.plan_again({at.finding(3)}).value().front();
  at.device.must_sync();
  at.device.write([&] { return at.device.db->execute("UPDATE finding SET void_reason = '看错了' WHERE n = 3"); });
  at.device.check_in(again);
  at.device.write([&] {
    return at.device.db->execute(
        "INSERT INTO reinspection_result VALUES (?, ?, ?, 3, 'VERIFIED', NULL, 'I001', 1, 480, 1)", BytesView(again),
        BytesView(at.visit), at.device.number());
  });
  at.device.write([&] { return at.device.answer(again, "S1", std::int64_t{1}); });
  at.device.write([&] { return at.device.answer(again, "S2", std::int64_t{3}); });
  at.device.finish_and_submit(again);
  REQUIRE(at.device.must_sync().refusals.empty());
  CHECK(at.office->visit_event("王处长", again, "accept", "", ""));
}

TEST_CASE("a school with the code sees its findings and answers for them, and nobody without it") {
  RectifyingCounty at;
  at.submit();
  REQUIRE(at.act(at.step(1, FindingEvent::kNotice)) == Code{});
  const std::string code =
      to_hex(offer_school_code(*at.office.office, at.office.platform.clock, "王处长", at.visit).value());
  const std::string finding = std::to_string(at.device.number()) + "/1";

  CHECK(at.school({{"code", std::string(32, '0')}, {"do", "show"}}, 403).at("error").at("number") ==
        static_cast<int>(Code::kSchoolCode));
  CHECK(at.school({{"code", code}, {"do", "show"}, {"more", "x"}}, 400).contains("error"));
  CHECK(
      at.school({{"code", code}, {"do", "verify"}, {"finding", finding}, {"person", "李校长"}}, 400).contains("error"));
  CHECK(at.school(json::array(), 400).contains("error"));

  // Of danger no notice was given yet, and what was voided is nobody's business.
  json seen = at.school({{"code", code}, {"do", "show"}});
  REQUIRE(seen.at("findings").size() == 1);
  CHECK(seen.at("findings")[0].at("state") == "NOTICED");
  CHECK(seen.at("school").at("name") == "第1小学");
  CHECK(at.school({{"code", code}, {"do", "report"}, {"finding", finding}, {"person", "李校长"}, {"text", "完成"}}, 400)
            .at("error")
            .at("number") == static_cast<int>(Code::kFindingTransitionNotAllowed));
  at.school({{"code", code}, {"do", "acknowledge"}, {"finding", finding}, {"person", "李校长"}});
  at.school({{"code", code},
             {"do", "plan"},
             {"finding", finding},
             {"person", "李校长"},
             {"responsible", "张主任"},
             {"text", "三日内清理"}});
  seen =
      at.school({{"code", code}, {"do", "report"}, {"finding", finding}, {"person", "李校长"}, {"text", "通道已清理"}});
  CHECK(seen.at("findings")[0].at("state") == "REPORTED");
  CHECK(seen.at("findings")[0].at("responsible") == "张主任");
  CHECK(at.look(1).report == "通道已清理");

  // A new code takes the place of the old one; and no code is for ever.
  const std::string newer =
      to_hex(offer_school_code(*at.office.office, at.office.platform.clock, "王处长", at.visit).value());
  at.school({{"code", code}, {"do", "show"}}, 403);
  at.school({{"code", newer}, {"do", "show"}});
  at.office.machine.clock.advance(kSchoolCodeLife_ms + 1);
  at.school({{"code", newer}, {"do", "show"}}, 403);
  CHECK(offer_school_code(*at.office.office, at.office.platform.clock, "王处长", Bytes(16, 9)).error().code ==
        Code::kVisitUnknown);
  CHECK(at.office->rebuild());
}

TEST_CASE("a school shows with photographs what it was like before and after") {
  RectifyingCounty at;
  at.submit();
  for (const std::int64_t n : {1, 3}) REQUIRE(at.act(at.step(n, FindingEvent::kNotice)) == Code{});
  const std::string code =
      to_hex(offer_school_code(*at.office.office, at.office.platform.clock, "王处长", at.visit).value());
  const std::string finding = std::to_string(at.device.number()) + "/1";
  const auto kept = [&](std::string_view body, int status = 200) {
    return at.school({{"code", code}, {"do", "photo"}, {"data", to_base64(view(body))}}, status);
  };
  const auto refused = [&](json request) {
    request["code"] = code;
    return Code{at.school(request, 400).at("error").at("number").get<std::uint16_t>()};
  };
  const std::string jpeg = "\xFF\xD8\xFF before";
  const std::string png = "\x89PNG\r\n\x1A\n after";
  const std::string before = kept(jpeg).at("photo");
  const std::string after = kept(png).at("photo");
  CHECK(before == to_hex(sha256(view(jpeg))));
  CHECK(kept(jpeg).at("photo") == before);
  CHECK(kept(std::string("RIFF\0\0\0\0WEBP", 12)).contains("photo"));

  for (const std::string& wrong : {std::string(), std::string("GIF89a"), std::string("RIFF\0\0\0\0WAVE", 12),
                                   jpeg + std::string(kMaxPhotoBytes + 1 - jpeg.size(), 'x')})
    CHECK(kept(wrong, 400).at("error").at("number") == static_cast<int>(Code::kPhotoWrong));
  CHECK(kept(jpeg + std::string(kMaxPhotoBytes - jpeg.size(), 'x')).contains("photo"));
  CHECK(refused({{"do", "photo"}, {"data", "no base64"}}) == Code::kParameterWrong);

  const json step = {{"finding", finding}, {"person", "李校长"}, {"responsible", "张主任"}, {"text", "已清理"}};
  const auto with = [&](std::string_view deed, const json& more = json::object()) {
    json out = step;
    if (deed != "plan") out.erase("responsible");
    out["do"] = deed;
    out.update(more);
    return out;
  };
  const auto done = [&](json request) {
    request["code"] = code;
    return at.school(request);
  };
  done(with("acknowledge"));
  CHECK(refused(with("plan", {{"before", {before}}})) == Code::kPhotosNamedWrong);
  done(with("plan"));
  const std::string unknown(64, '0');
  for (const json& wrong :
       {json{{"after", {unknown}}}, json{{"before", {before, before}}}, json{{"before", {before}}, {"after", {before}}},
        json{{"before", std::vector<std::string>(kMaxPhotosOfReport + 1, before)}}})
    CHECK(refused(with("report", wrong)) == Code::kPhotosNamedWrong);
  CHECK(refused(with("report", {{"after", {"00"}}})) == Code::kPhotoUnknown);
  CHECK(refused(with("report", {{"after", {7}}})) == Code::kPhotoUnknown);
  CHECK(refused(with("report", {{"after", after}})) == Code::kParameterWrong);
  CHECK(at.look(1).state == FindingState::kPlanned);

  const json seen = done(with("report", {{"before", {before}}, {"after", {after}}}));
  const auto photos = [](const json& all, const char* shows) {
    json out = json::array();
    for (const json& photo : all)
      if (photo.at("shows") == shows) out.push_back(photo);
    return out;
  };
  const json& shown = seen.at("findings")[0].at("photos");
  CHECK(shown.size() == 2);
  CHECK(photos(shown, "BEFORE") ==
        json::array({{{"photo", before}, {"shows", "BEFORE"}, {"media", "image/jpeg"}, {"size", jpeg.size()}}}));
  CHECK(photos(shown, "AFTER") ==
        json::array({{{"photo", after}, {"shows", "AFTER"}, {"media", "image/png"}, {"size", png.size()}}}));
  CHECK(seen.at("findings")[1].at("photos").empty());
  CHECK(done({{"do", "see"}, {"photo", after}}) ==
        json{{"photo", after}, {"media", "image/png"}, {"data", to_base64(view(png))}});
  CHECK(refused({{"do", "see"}, {"photo", unknown}}) == Code::kPhotoUnknown);

  // The report on another finding, its fourth step too, has none.
  const json other_finding = {{"finding", std::to_string(at.device.number()) + "/3"}};
  for (const char* deed : {"acknowledge", "plan"}) done(with(deed, other_finding));
  done(with("report", other_finding));
  CHECK(at.look(3).state == FindingState::kReported);
  CHECK(at.look(3).photos.empty());

  // Whoever holds the code of another visit sees none of them.
  const Bytes other = at.office.plan({"I001", "I002"});
  json elsewhere = {{"do", "see"}, {"photo", after}};
  elsewhere["code"] = to_hex(offer_school_code(*at.office.office, at.office.platform.clock, "王处长", other).value());
  at.school(elsewhere, 400);

  // The team gets to know; nobody can put other pictures in their place; and a rebuild finds them again.
  at.device.must_sync();
  CHECK(at.device.db->integer("SELECT count(*) FROM rectification_photo").value() == 2);
  REQUIRE(at.office->rebuild());
  CHECK(at.look(1).photos.size() == 2);
  CHECK(done({{"do", "see"}, {"photo", before}}).at("media") == "image/jpeg");

  // A file that is not the named one any more is not shown as it; sent again, it is there again.
  at.damage("UPDATE photo SET body = x'FFD8FF00' WHERE sha256 = x'" + after + "'");
  CHECK(refused({{"do", "see"}, {"photo", after}}) == Code::kDatabaseCorrupt);
  CHECK(done({{"do", "see"}, {"photo", before}}).at("media") == "image/jpeg");
  CHECK(kept(png).at("photo") == after);
  CHECK(done({{"do", "see"}, {"photo", after}}).at("data") == to_base64(view(png)));

  // What was not enough stays on record, and a second round begins without pictures.
  REQUIRE(at.act(at.step(1, FindingEvent::kReject)) == Code{});
  RectificationAct again = at.step(1, FindingEvent::kNotice);
  again.due_day = at.today + 10;
  REQUIRE(at.act(again) == Code{});
  CHECK(at.look(1).photos.empty());

  const std::int64_t free = kMaxPhotosOfVisit - 4;
  std::vector<std::string> many;
  for (std::int64_t n = 0; n < free; ++n) many.push_back(kept(jpeg + std::to_string(n)).at("photo"));
  CHECK(kept(jpeg + "one more", 400).at("error").at("number") == static_cast<int>(Code::kTooManyPhotos));
  CHECK(kept(jpeg).at("photo") == before);
  for (const char* deed : {"acknowledge", "plan"}) done(with(deed));
  many.resize(kMaxPhotosOfReport + 1);
  CHECK(refused(with("report", {{"before", many}})) == Code::kPhotosNamedWrong);
  many.pop_back();
  done(with("report", {{"before", many}}));
  CHECK(at.look(1).photos.size() == kMaxPhotosOfReport);
}
