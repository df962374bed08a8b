/// What a plan must be, and assignments that nobody can read before their time.

#include "sync/office/planning.hpp"

#include "sync/office/apply.hpp"
#include "sync/office/jurisdiction.hpp"
#include "sync/sealed_assignment.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr std::int64_t kHour_ms = 3'600'000;

VisitPlan plan_of(std::string kind, std::vector<std::string> team, std::int64_t from_day = 20'500,
                  std::int64_t to_day = 20'504) {
  VisitPlan plan = daily_plan(std::move(kind), std::move(team), from_day, to_day);
  plan.announced = true;
  return plan;
}

struct PlannedCounty {
  TestOffice office;
  PlannedCounty() {
    office.add_people_and_schools(5);
    decide([](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      rows.insert("org_unit", {std::string("14"), std::string("山西省"), std::string("省"), Value()});
      rows.insert("org_unit", {std::string("1402"), std::string("大同市"), std::string("市"), std::string("14")});
      rows.insert("org_unit", {std::string("1403"), std::string("阳泉市"), std::string("市"), std::string("14")});
      rows.update("school", {std::string("140001")}, {{find_table("school")->column("org_unit"), std::string("1402")}});
      rows.update("school", {std::string("140002")}, {{find_table("school")->column("org_unit"), std::string("1403")}});
      return rows;
    });
  }
  void decide(const std::function<Result<ChangesBuilder>(Store&)>& build) {
    const auto done = office->decide("王处长", "test", build);
    if (!done) FAIL(done.error().message());
  }
  Code plan(const VisitPlan& plan) {
    const auto done = office->plan("王处长", {plan});
    return done ? Code{} : done.error().code;
  }
  void settle(Policy policy, std::string_view unit, std::int64_t value) {
    decide([&](Store& rows) { return settle_policy(rows, policy, unit, 20'000, value, "test"); });
  }
  std::int64_t count(std::string_view table) {
    std::int64_t out = 0;
    const auto done = office->read([&](Store& rows) {
      return rows.each_row(*find_table(table), [&](const StoredRow&) -> Status {
        ++out;
        return {};
      });
    });
    if (!done) FAIL(done.error().message());
    return out;
  }
};

}  // namespace

TEST_CASE("a team is as large as its kind of visit asks for, by law or as the place settled it") {
  PlannedCounty county;
  CHECK(county.plan(plan_of("SPECIAL", {"I001", "I002"})) == Code::kTeamTooSmall);
  CHECK(county.plan(plan_of("COMPREHENSIVE", {"I001", "I002"})) == Code::kTeamTooSmall);
  CHECK(county.plan(plan_of("RANDOM", {"I001"})) == Code::kTeamTooSmall);
  CHECK(county.count("visit") == 0);
  CHECK(county.plan(plan_of("RANDOM", {"I001", "I002"})) == Code{});
  CHECK(county.plan(plan_of("SPECIAL", {"I001", "I002", "I003"}, 20'600, 20'604)) == Code{});
  CHECK(county.plan(plan_of("ROUTINE", {"I001"}, 20'700, 20'704)) == Code{});
  county.settle(Policy::kTeamRoutine, "1402", 2);
  CHECK(county.plan(plan_of("ROUTINE", {"I001"}, 20'800, 20'804)) == Code::kTeamTooSmall);
  VisitPlan elsewhere = plan_of("ROUTINE", {"I001"}, 20'800, 20'804);
  elsewhere.school = "140002";
  CHECK(county.plan(elsewhere) == Code{});
}

TEST_CASE("special and comprehensive visits are announced, unless the place allows otherwise") {
  PlannedCounty county;
  VisitPlan plan = plan_of("COMPREHENSIVE", {"I001", "I002", "I003"});
  plan.announced = false;
  CHECK(county.plan(plan) == Code::kUnannouncedComprehensive);
  county.settle(Policy::kUnannouncedComprehensive, "14", 1);
  CHECK(county.plan(plan) == Code{});
}

TEST_CASE("another visit to the school in these weeks needs a reason, which stands on record") {
  PlannedCounty county;
  REQUIRE(county.plan(plan_of("ROUTINE", {"I001"}, 20'500, 20'504)) == Code{});
  VisitPlan second = plan_of("ROUTINE", {"I002"}, 20'518, 20'518);
  CHECK(county.plan(second) == Code::kOtherVisits);
  CHECK(county.plan(plan_of("ROUTINE", {"I002"}, 20'519, 20'519)) == Code{});
  second.kind = "EMERGENCY";
  CHECK(county.plan(second) == Code{});
  second.kind = "ROUTINE";
  second.reason = "家长投诉集中";
  const auto ids = county.office->plan("王处长", {second});
  REQUIRE(ids);
  CHECK(county.office.cell("visit", {BytesView(ids->front())}, "reason") == "家长投诉集中");
  const auto others = [&](std::int64_t from_day, std::int64_t to_day) {
    std::size_t found = 0;
    REQUIRE(county.office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto all, other_visits(rows, "140001", from_day, to_day));
      found = all.size();
      return {};
    }));
    return found;
  };
  CHECK(others(20'504, 20'517) == 1);
  CHECK(others(20'505, 20'517) == 0);
  CHECK(others(20'400, 20'600) == 3);
  REQUIRE(county.office->visit_event("王处长", ids->front(), "cancel", "", "并入下次"));
  CHECK(others(20'400, 20'600) == 2);
}

TEST_CASE("a campaign off the annual list says why, and its visits keep to its design") {
  PlannedCounty county;
  CampaignPlan campaign;
  campaign.code = "FIRE-2026";
  campaign.title = "消防专项";
  campaign.kind = "SPECIAL";
  campaign.on_annual_list = false;
  campaign.from_day = 20'500;
  campaign.to_day = 20'530;
  campaign.org_unit = "1402";
  campaign.template_code = "daily";
  campaign.template_version = 1;
  campaign.items = {"S1"};
  const auto enter = [&](const CampaignPlan& plan) {
    const auto done =
        county.office->decide("王处长", "campaign.enter", [&](Store& rows) { return enter_campaign(rows, plan); });
    return done ? Code{} : done.error().code;
  };
  CHECK(enter(campaign) == Code::kNotOnAnnualList);
  campaign.justification = "市安委会通知";
  for (const auto& spoil : std::vector<std::function<void(CampaignPlan&)>>{
           [](CampaignPlan& c) { c.code = "消防"; }, [](CampaignPlan& c) { c.title.clear(); },
           [](CampaignPlan& c) { c.kind = "PARTY"; }, [](CampaignPlan& c) { c.to_day = 20'400; },
           [](CampaignPlan& c) { c.scope = "COMPREHENSIVE"; }, [](CampaignPlan& c) { c.trigger = "RANDOM"; },
           [](CampaignPlan& c) { c.focus = "ALL"; }, [](CampaignPlan& c) { c.intent = "PUNISH"; },
           [](CampaignPlan& c) { c.template_code.clear(); }}) {
    CampaignPlan wrong = campaign;
    spoil(wrong);
    CHECK(enter(wrong) == Code::kCampaignWrong);
  }
  CampaignPlan nowhere = campaign;
  nowhere.org_unit = "15";
  CHECK(enter(nowhere) == Code::kUnitUnknown);
  CHECK(county.count("campaign") == 0);
  REQUIRE(enter(campaign) == Code{});
  campaign.title = "校园消防专项";
  REQUIRE(enter(campaign) == Code{});

  VisitPlan plan = plan_of("SPECIAL", {"I001", "I002", "I003"});
  plan.items = {"S1"};
  plan.campaign = "FIRE-2027";
  CHECK(county.plan(plan) == Code::kCampaignUnknown);
  plan.campaign = "FIRE-2026";
  for (const auto& spoil : std::vector<std::function<void(VisitPlan&)>>{
           [](VisitPlan& p) { p.to_day = 20'531; }, [](VisitPlan& p) { p.from_day = 20'499; },
           [](VisitPlan& p) { p.kind = "COMPREHENSIVE"; }, [](VisitPlan& p) { p.items.clear(); },
           [](VisitPlan& p) { p.school = "140002"; }, [](VisitPlan& p) { p.school = "140003"; },
           [](VisitPlan& p) { p.draw = "SX-2026-01"; }}) {
    VisitPlan wrong = plan;
    spoil(wrong);
    CHECK(county.plan(wrong) == Code::kOutsideCampaign);
  }
  CHECK(county.plan(plan) == Code{});
  CHECK(enter(campaign) == Code::kCampaignWrong);  // It has visits now.
}

TEST_CASE("a visit planned without a team, or that somebody left, gets one that fits") {
  PlannedCounty county;
  const auto ids = county.office->plan("王处长", {plan_of("RANDOM", {})});
  REQUIRE(ids);
  const Bytes& visit = ids->front();
  CHECK(county.office.visit_state(visit) == "PLANNED");
  const auto assign = [&](const std::vector<std::string>& team) {
    const auto done = county.office->assign("王处长", visit, team);
    return done ? Code{} : done.error().code;
  };
  CHECK(assign({}) == Code::kTeamTooSmall);
  CHECK(assign({"I001"}) == Code::kTeamTooSmall);
  CHECK(assign({"I001", "I009"}) == Code::kInspectorUnknown);
  CHECK(assign({"I001", "I001"}) == Code::kTeamWrong);
  CHECK(county.office->visit_event("王处长", visit, "assign", "", "").error().code == Code::kTransitionNotAllowed);
  REQUIRE(assign({"I001", "I002"}) == Code{});
  CHECK(assign({"I001", "I002"}) == Code::kTransitionNotAllowed);
  REQUIRE(county.office->visit_event("王处长", visit, "recuse", "I001", "R1"));
  CHECK(county.office.visit_state(visit) == "PLANNED");
  CHECK(assign({"I002", "I001"}) == Code::kRecused);
  REQUIRE(assign({"I002", "I003"}) == Code{});
  CHECK(county.office.visit_state(visit) == "ASSIGNED");
  CHECK(county.office.cell("team_member", {BytesView(visit), "I002"}, "role") == "LEAD");
  CHECK(county.office.cell("team_member", {BytesView(visit), "I003"}, "role") == "MEMBER");
  CHECK(county.office.cell("team_member", {BytesView(visit), "I001"}, "recusal") == "R1");
  CHECK(county.office->assign("王处长", Bytes(16, 1), {"I001"}).error().code == Code::kVisitUnknown);
  REQUIRE(county.office->rebuild());
}

TEST_CASE("what is due follows from the visits of the month, the years, and what the place settled") {
  PlannedCounty county;
  const auto due = [&](std::string_view unit, std::int64_t from_day, std::int64_t to_day) {
    std::vector<std::string> out;
    REQUIRE(county.office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto all, visits_due(rows, unit, from_day, to_day));
      for (const DueVisit& one : all)
        out.push_back(one.school + " " + one.kind + " " + std::to_string(one.done) + "/" +
                      std::to_string(one.required) + (one.inspector.empty() ? "" : " " + one.inspector));
      return {};
    }));
    return out;
  };
  // 2026-03-01 is day 20,513.
  CHECK(due("1402", 20'513, 20'543) ==
        std::vector<std::string>{"140001 ROUTINE 0/1 I001", "140001 COMPREHENSIVE 0/1 I001"});
  CHECK(due("", 20'513, 20'543).size() == 6);
  REQUIRE(county.plan(plan_of("ROUTINE", {"I001"}, 20'520, 20'521)) == Code{});
  CHECK(due("1402", 20'513, 20'543) == std::vector<std::string>{"140001 COMPREHENSIVE 0/1 I001"});
  CHECK(due("1402", 20'513, 20'513 + 61).front() == "140001 ROUTINE 1/2 I001");
  VisitPlan whole = plan_of("COMPREHENSIVE", {"I001", "I002", "I003"}, 20'540, 20'541);
  REQUIRE(county.plan(whole) == Code{});
  CHECK(due("1402", 20'513, 20'543).empty());
  CHECK(due("1402", 20'543 + 5 * 366, 20'543 + 5 * 366) ==
        std::vector<std::string>{"140001 ROUTINE 0/1 I001", "140001 COMPREHENSIVE 0/1 I001"});
  county.settle(Policy::kRoutineVisitsPerMonth, "1402", 0);
  CHECK(due("1402", 20'513, 20'513 + 61).empty());
  CHECK(county.office->read([](Store& rows) { return visits_due(rows, "15", 1, 2).map([](auto&&) {}); }).error().code ==
        Code::kUnitUnknown);
}

TEST_CASE("what is due is planned where the rule wants it, and what cannot be is left with its reason") {
  PlannedCounty county;
  constexpr std::int64_t kMarch = 20'513;
  constexpr std::int64_t kApril = 20'544;
  VisitPlan pattern = plan_of("ROUTINE", {}, kMarch, kApril + 29);
  REQUIRE(county.plan(plan_of("ROUTINE", {"I001"}, kMarch + 7, kMarch + 8)) == Code{});
  VisitPlan special = plan_of("SPECIAL", {"I001", "I002", "I003"}, kMarch + 1, kMarch + 2);
  special.school = "140003";
  REQUIRE(county.plan(special) == Code{});
  const auto plan_due = [&](std::string_view unit = {}) { return county.office->plan_due("王处长", unit, pattern); };
  const auto planned = [&](const PlannedDue& due) {
    std::vector<std::string> out;
    for (const Bytes& id : due.visits.ids) {
      const auto cell = [&](const char* column) { return county.office.cell("visit", {BytesView(id)}, column); };
      out.push_back(cell("school") + " " + cell("from_day") + ".." + cell("to_day") + " " + cell("state"));
    }
    return out;
  };
  pattern.kind = "SPECIAL";
  CHECK(plan_due().error().code == Code::kPlanWrong);
  pattern.kind = "ROUTINE";
  pattern.template_code = "none";
  CHECK(plan_due().error().code == Code::kTemplateUnknown);
  pattern.template_code = "daily";
  CHECK(plan_due("15").error().code == Code::kUnitUnknown);

  const auto due = plan_due();
  REQUIRE(due);
  CHECK(planned(*due) == std::vector<std::string>{"140001 20544..20573 ASSIGNED", "140002 20513..20543 PLANNED",
                                                  "140002 20544..20573 PLANNED", "140003 20544..20573 PLANNED"});
  CHECK(county.office.cell("team_member", {BytesView(due->visits.ids[0]), "I001"}, "role") == "LEAD");
  REQUIRE(due->left.size() == 1);
  CHECK(due->left[0].school == "140003");
  CHECK(due->left[0].window.from_day == kMarch);
  CHECK(due->left[0].why.code == Code::kOtherVisits);
  // Asked again, nothing is planned twice; with a reason, what others stood in the way of is.
  const auto again = plan_due();
  REQUIRE(again);
  CHECK(again->visits.ids.empty());
  CHECK(again->left.size() == 1);
  pattern.reason = "开学检查";
  CHECK(planned(plan_due().value()) == std::vector<std::string>{"140003 20513..20543 PLANNED"});

  // Two a month: the month's other half. The visit of the other month is no reason to ask.
  county.settle(Policy::kRoutineVisitsPerMonth, "1402", 2);
  pattern.reason.clear();
  CHECK(planned(plan_due("1402").value()) ==
        std::vector<std::string>{"140001 20528..20543 ASSIGNED", "140001 20559..20573 ASSIGNED"});
  // Who may not go there is not sent.
  county.settle(Policy::kRoutineVisitsPerMonth, "1402", 3);
  county.decide([](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.insert("conflict_of_interest", {std::string("I001"), std::string("140001"), std::string("R1"), Value()});
    return rows;
  });
  const auto kept_away = plan_due("1402");
  REQUIRE(kept_away);
  CHECK(kept_away->visits.ids.empty());
  REQUIRE(kept_away->left.size() == 2);
  CHECK(kept_away->left[0].why.code == Code::kRecused);

  pattern.kind = "COMPREHENSIVE";
  pattern.announced = false;
  CHECK(plan_due("1403").error().code == Code::kUnannouncedComprehensive);
  pattern.announced = true;
  pattern.reason = "五年一次";
  CHECK(planned(plan_due("1403").value()) == std::vector<std::string>{"140002 20513..20573 PLANNED"});
  REQUIRE(county.office->rebuild());
}

TEST_CASE("of two visits to a school one is made, which looks at all that both would have") {
  PlannedCounty county;
  const auto planned = [&](const VisitPlan& plan) { return county.office->plan("王处长", {plan}).value().front(); };
  VisitPlan plan = plan_of("ROUTINE", {"I001"}, 20'500, 20'510);
  plan.reason = "随访";
  plan.items = {"S1"};
  const Bytes visit = planned(plan);
  plan.from_day = 20'505;
  plan.to_day = 20'520;
  plan.items = {"S1", "S2"};
  plan.team = {"I002"};
  const Bytes other = planned(plan);
  const auto merge = [&](BytesView one, BytesView two) {
    const auto done = county.office->merge("王处长", one, two);
    return done ? Code{} : done.error().code;
  };
  const auto cell = [&](const char* column) { return county.office.cell("visit", {BytesView(visit)}, column); };
  CHECK(merge(visit, visit) == Code::kNotMergeable);
  CHECK(merge(visit, Bytes(16, 1)) == Code::kVisitUnknown);
  plan.school = "140002";
  CHECK(merge(visit, planned(plan)) == Code::kNotMergeable);
  plan.school = "140001";
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  CHECK(merge(visit, planned(plan)) == Code::kNotMergeable);
  plan.unseal_at_utc_ms.reset();
  plan.kind = "SPECIAL";
  plan.team = {"I003", "I004", "I005"};
  CHECK(merge(visit, planned(plan)) == Code::kNotMergeable);  // It asks for a larger team and a notice.
  plan.kind = "EMERGENCY";
  const Bytes emergency = planned(plan);
  CHECK(merge(visit, emergency) == Code::kNotMergeable);  // It cannot wait.
  CHECK(county.office.visit_state(emergency) == "ASSIGNED");
  CHECK(cell("items") == "S1");

  REQUIRE(merge(visit, other) == Code{});
  CHECK(cell("items") == "S1,S2");
  CHECK(cell("from_day") == "20505");
  CHECK(cell("to_day") == "20510");
  CHECK(cell("state") == "ASSIGNED");
  CHECK(county.office.visit_state(other) == "CANCELLED");
  CHECK(county.office.cell("visit", {BytesView(other)}, "reason") == "merged into " + to_hex(visit));
  CHECK(merge(visit, other) == Code::kTransitionNotAllowed);

  // One that asks for everything makes the other ask for everything; days that never meet stay the visit's own.
  plan = plan_of("ROUTINE", {"I002"}, 20'600, 20'601);
  REQUIRE(merge(visit, planned(plan)) == Code{});
  CHECK(cell("items") == "null");
  CHECK(cell("from_day") == "20505");
  TestDevice device(county.office, "I001");
  device.enrol();
  device.must_sync();
  device.check_in(visit);
  device.must_sync();
  plan.from_day = plan.to_day = 20'700;
  CHECK(merge(visit, planned(plan)) == Code::kTransitionNotAllowed);
  REQUIRE(county.office->rebuild());
}

TEST_CASE("visits of a campaign or of a draw are counted there, and not merged away") {
  PlannedCounty county;
  CampaignPlan campaign;
  campaign.code = "READ-2026";
  campaign.title = "阅读";
  campaign.kind = "ROUTINE";
  county.decide([&](Store& rows) { return enter_campaign(rows, campaign); });
  const auto planned = [&](const VisitPlan& plan) { return county.office->plan("王处长", {plan}).value().front(); };
  VisitPlan plan = plan_of("ROUTINE", {"I001"});
  plan.reason = "随访";
  plan.items = {"S1"};
  const Bytes own = planned(plan);
  plan.campaign = campaign.code;
  const Bytes counted = planned(plan);
  plan.campaign.clear();
  plan.items = {"S2"};
  const Bytes more = planned(plan);
  const auto merge = [&](BytesView one, BytesView two) {
    const auto done = county.office->merge("王处长", one, two);
    return done ? Code{} : done.error().code;
  };
  CHECK(merge(own, counted) == Code::kNotMergeable);
  CHECK(merge(counted, more) == Code::kNotMergeable);
  CHECK(merge(counted, own) == Code{});
}

TEST_CASE("a code is read out, typed as people type, and never another one") {
  for (const int byte : {0, 1, 127, 255}) {
    const Bytes code(kSealCodeBytes, static_cast<std::uint8_t>(byte));
    const std::string shown = seal_code_text(code);
    CHECK(shown.size() == 19);
    CHECK(seal_code_from(shown) == code);
  }
  const Bytes code = seal_code(Bytes(32, 1), Bytes(16, 2));
  CHECK(code != seal_code(Bytes(32, 1), Bytes(16, 3)));
  CHECK(code != seal_code(Bytes(32, 2), Bytes(16, 2)));
  const std::string shown = seal_code_text(code);
  std::string typed;
  for (const char sign : shown)
    typed += sign == '0' ? 'o' : sign == '1' ? 'l' : sign == '-' ? ' ' : static_cast<char>(std::tolower(sign));
  CHECK(seal_code_from(typed) == code);
  CHECK_FALSE(seal_code_from(shown.substr(1)));
  CHECK_FALSE(seal_code_from(shown + "0"));
  CHECK_FALSE(seal_code_from("U" + shown.substr(1)));
  CHECK_FALSE(seal_code_from(""));
}

TEST_CASE("a sealed assignment opens with its code alone, for its inspector, visit and time alone") {
  const Bytes visit(16, 7);
  const Bytes code = seal_code(Bytes(32, 1), visit);
  ChangesBuilder rows;
  rows.insert("team_member", {visit, std::string("I001"), std::string("LEAD"), Value()});
  const SealedFor whom{visit, "I001", 1'000};
  const Bytes body = seal_assignment(code, whom, rows.changes());
  CHECK(body != seal_assignment(code, whom, rows.changes()));
  const auto opened = open_assignment(code, whom, body);
  REQUIRE(opened);
  CHECK(opened->rows() == 1);
  const Bytes other_visit(16, 8);
  CHECK(open_assignment(seal_code(Bytes(32, 1), other_visit), whom, body).error().code == Code::kUnsealCode);
  CHECK(open_assignment(code, {other_visit, "I001", 1'000}, body).error().code == Code::kUnsealCode);
  CHECK(open_assignment(code, {visit, "I002", 1'000}, body).error().code == Code::kUnsealCode);
  CHECK(open_assignment(code, {visit, "I001", 999}, body).error().code == Code::kUnsealCode);
  for (std::size_t at = 0; at < body.size(); ++at) {
    Bytes changed = body;
    changed[at] ^= 1;
    CHECK(open_assignment(code, whom, changed).error().code == Code::kUnsealCode);
  }
}

TEST_CASE("of a sealed visit a device learns neither school nor day nor colleague until the office's clock has come") {
  PlannedCounty county;
  TestDevice device(county.office, "I002");
  device.enrol();
  VisitPlan plan = plan_of("RANDOM", {"I002", "I003"});
  plan.school = "140003";
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  const auto ids = county.office->plan("王处长", {plan});
  REQUIRE(ids);
  const Bytes& visit = ids->front();
  const auto knows = [&](std::string_view what) {
    return device.db->integer("SELECT count(*) FROM " + std::string(what));
  };
  // Whatever the device's own clock says.
  device.machine.clock.set_wall(device.machine.clock.wall_utc_ms() + 100 * 24 * kHour_ms);
  device.must_sync();
  CHECK(device.state(visit) == "absent");
  CHECK(knows("team_member") == 0);
  CHECK(knows("school") == 0);
  CHECK(knows("inspector") == 1);
  CHECK(knows("sealed_assignment WHERE seal_key IS NULL") == 1);
  county.office.machine.clock.advance(kHour_ms - 1);
  device.must_sync();
  CHECK(device.state(visit) == "absent");
  county.office.machine.clock.advance(1);
  device.must_sync();
  CHECK(device.state(visit) == "ASSIGNED");
  CHECK(knows("school") == 1);
  CHECK(knows("inspector") == 2);
  CHECK(knows("sealed_assignment WHERE seal_key IS NULL") == 0);
  const std::int64_t size = county.count("sealed_assignment");
  CHECK(size == 2);
  REQUIRE(county.office->rebuild());
  county.office.restart();
  device.must_sync();
  device.whole_visit(visit);
  CHECK(device.must_sync().refusals.empty());
  CHECK(county.office.visit_state(visit) == "RECEIVED");
}

TEST_CASE("the office opens a seal before its time only with a reason, and the log says who did") {
  PlannedCounty county;
  TestDevice device(county.office, "I002");
  device.enrol();
  VisitPlan plan = plan_of("RANDOM", {"I002", "I003"});
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  const auto ids = county.office->plan("王处长", {plan, plan_of("ROUTINE", {"I001"})});
  REQUIRE(ids);
  const auto code = [&](BytesView visit, std::string_view reason) {
    const auto done = county.office->unseal_code("李主任", visit, reason);
    return done ? Code{} : done.error().code;
  };
  CHECK(code(ids->front(), "") == Code::kReasonMissing);
  CHECK(code(ids->back(), "x") == Code::kNotSealed);
  CHECK(code(Bytes(16, 1), "x") == Code::kVisitUnknown);
  CHECK(code(ids->front(), std::string("\xff")) == Code::kTextNotUtf8);
  device.must_sync();
  CHECK(device.state(ids->front()) == "absent");
  CHECK(code(ids->front(), "暴雨，提前一小时") == Code{});
  CHECK(county.office.cell("visit", {BytesView(ids->front())}, "reason") == "暴雨，提前一小时");
  device.must_sync();
  CHECK(device.state(ids->front()) == "ASSIGNED");
  CHECK(code(ids->front(), "") == Code{});  // Told again.
}

TEST_CASE("who joins a sealed team learns of it at the same time as the others") {
  PlannedCounty county;
  TestDevice device(county.office, "I004");
  device.enrol();
  VisitPlan plan = plan_of("RANDOM", {"I002", "I003"});
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  const auto ids = county.office->plan("王处长", {plan});
  REQUIRE(ids);
  REQUIRE(county.office->visit_event("王处长", ids->front(), "recuse", "I003", "R2"));
  REQUIRE(county.office->assign("王处长", ids->front(), {"I002", "I004"}));
  device.must_sync();
  CHECK(device.state(ids->front()) == "absent");
  county.office.machine.clock.advance(kHour_ms);
  device.must_sync();
  CHECK(device.state(ids->front()) == "ASSIGNED");
}

TEST_CASE("who is recused from a drawn visit is replaced by the next ticket, and anybody can follow it") {
  PlannedCounty county;
  FrameEntry entry;
  std::vector<FrameEntry> frame;
  for (const char* school : {"140001", "140002", "140003"}) {
    entry.school = school;
    entry.stratum = "A";
    entry.weight = 1;
    frame.push_back(entry);
  }
  std::vector<PoolEntry> pool;
  for (int number = 1; number <= 5; ++number) {
    PoolEntry one;
    one.inspector = TestOffice::inspector(number);
    one.capacity = 1;
    one.lead = true;
    pool.push_back(one);
  }
  const auto files = freeze_draw("SX-2026-02", {{"A", 2}}, 2, "lottery of 2026-03-01", frame, pool, {});
  REQUIRE(files);
  REQUIRE(county.office->commit_draw("王处长", "SX-2026-02", *files));
  VisitPlan pattern = plan_of("RANDOM", {});
  pattern.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  CHECK(county.office->replace_drawn("王处长", Bytes(16, 1), "I001", "R1").error().code == Code::kVisitUnknown);
  const auto draw = county.office->run_draw("王处长", "SX-2026-02", "2.5.8.10.12./", pattern);
  REQUIRE(draw);
  struct Stands {
    Bytes visit;
    std::string school, state;
    std::vector<std::string> team;
  };
  const auto standing = [&] {
    std::vector<Stands> out;
    REQUIRE(county.office->read([&](Store& rows) {
      return rows.each_row(*find_table("visit"), [&](const StoredRow& row) -> Status {
        Stands one{std::get<Bytes>(row.cells[0]),
                   std::get<std::string>(row.cells[1]),
                   std::get<std::string>(row.cells[find_table("visit")->column("state")]),
                   {}};
        DUDAO_CHECK(
            rows.each_row_of_visit(*find_table("team_member"), one.visit, 0, [&](const StoredRow& member) -> Status {
              if (std::holds_alternative<std::monostate>(member.cells[3]))
                one.team.push_back(std::get<std::string>(member.cells[1]));
              return {};
            }));
        out.push_back(std::move(one));
        return {};
      });
    }));
    return out;
  };
  auto all = standing();
  REQUIRE(all.size() == 2);
  const Stands first = all.front();
  const std::string leaves = first.team.front();
  CHECK(county.office->replace_drawn("王处长", first.visit, leaves, "R9").error().code == Code::kDrawLine);
  for (const char* reason : {"近亲", "X1", "R12", "R", ""})
    CHECK(county.office->replace_drawn("王处长", first.visit, leaves, reason).error().code == Code::kReasonCode);
  CHECK(county.office->replace_drawn("王处长", first.visit, "I009", "R1").error().code == Code::kDrawNotInTeam);
  const auto same = county.office->replace_drawn("王处长", first.visit, leaves, "R1");
  REQUIRE(same);
  CHECK(*same == first.visit);
  all = standing();
  REQUIRE(all.size() == 2);
  CHECK(all.front().state == "ASSIGNED");
  CHECK(all.front().team.size() == 2);
  CHECK(std::find(all.front().team.begin(), all.front().team.end(), leaves) == all.front().team.end());
  CHECK(county.office.cell("team_member", {BytesView(first.visit), leaves}, "recusal") == "R1");
  // Nobody has capacity left but the one who left, so that the next school takes the place, if it can have a team.
  const std::string second = all.front().team.front();
  REQUIRE(county.office->visit_event("王处长", first.visit, "recuse", second, "R3"));
  const auto other = county.office->replace_drawn("王处长", first.visit, second, "R3");
  REQUIRE(other);
  all = standing();
  const auto cancelled = std::find_if(all.begin(), all.end(), [&](const Stands& s) { return s.visit == first.visit; });
  CHECK(cancelled->state == "CANCELLED");
  REQUIRE(all.size() == 3);
  const auto next = std::find_if(all.begin(), all.end(), [&](const Stands& s) { return s.visit == *other; });
  REQUIRE(next != all.end());
  CHECK(next->visit != first.visit);
  CHECK(next->team.size() == 2);

  REQUIRE(county.office->reveal_draw("王处长", "SX-2026-02"));
  CHECK(county.office->replace_drawn("王处长", *other, next->team.front(), "R1").error().code == Code::kDrawStage);
  const auto publication = county.office->draw_publication("SX-2026-02");
  REQUIRE(publication);
  std::map<std::string, std::string> published(publication->begin(), publication->end());
  const auto trim = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  PublishedDraw check;
  check.files = {published["manifest.txt"], published["frame.txt"], published["pool.txt"], published["recuse.txt"]};
  check.commitment = *to_array<32>(from_hex(trim(published["commitment.txt"])).value());
  check.secret = from_hex(trim(published["secret.txt"])).value();
  check.entropy = trim(published["entropy.txt"]);
  check.result = published["result.txt"];
  CHECK_FALSE(verify_draw(check).agrees());
  check.recused_later = published["recused-later.txt"];
  const DrawReport report = verify_draw(check);
  for (const DrawReport::Line& line : report.lines) UNSCOPED_INFO(line.text);
  CHECK(report.agrees());
  REQUIRE(county.office->rebuild());
}

TEST_CASE("nobody else hears of a sealed visit either: who answers for the school, who knows the team") {
  PlannedCounty county;
  TestDevice responsible(county.office, "I001");  // 140001 is of their zone.
  TestDevice colleague(county.office, "I004");
  responsible.enrol();
  colleague.enrol();
  REQUIRE(county.plan(plan_of("RANDOM", {"I002", "I004"}, 20'400, 20'401)) == Code{});
  responsible.must_sync();
  colleague.must_sync();
  VisitPlan plan = plan_of("RANDOM", {"I002", "I003"});
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  const auto ids = county.office->plan("王处长", {plan, plan_of("RANDOM", {}, 20'600, 20'601)});
  REQUIRE(ids);
  responsible.must_sync();  // The second is not sealed: its school comes again.
  colleague.must_sync();
  VisitPlan late = plan;
  late.team.clear();
  const auto unnamed = county.office->plan("王处长", {plan, late});
  REQUIRE(unnamed);
  CHECK(responsible.must_sync().rows == 0);
  CHECK(colleague.must_sync().rows == 0);
  REQUIRE(county.office->assign("王处长", unnamed->back(), {"I002", "I005"}));
  REQUIRE(county.office->visit_event("王处长", unnamed->front(), "recuse", "I003", "R2"));
  REQUIRE(county.office->assign("王处长", unnamed->front(), {"I002", "I005"}));
  REQUIRE(county.office->visit_event("王处长", ids->front(), "cancel", "", "学校停课"));
  CHECK(responsible.must_sync().rows == 0);
  CHECK(colleague.must_sync().rows == 0);
  REQUIRE(county.office->rebuild());
}

TEST_CASE("what becomes of a visit is hidden from others before the second of its time, also when its code was told") {
  PlannedCounty county;
  TestDevice responsible(county.office, "I001");  // 140001 is of their zone.
  responsible.enrol();
  VisitPlan plan = plan_of("RANDOM", {"I002", "I003"});
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + kHour_ms;
  const auto ids = county.office->plan("王处长", {plan, plan});
  REQUIRE(ids);
  for (const Bytes& id : *ids) REQUIRE(county.office->unseal_code("王处长", id, "校门口无信号"));
  responsible.must_sync();
  const auto pass = [&](std::int64_t ms) {
    for (FakePlatform* machine : {&county.office.machine, &responsible.machine}) machine->clock.advance(ms);
  };
  pass(kHour_ms - 1'000);
  REQUIRE(county.office->visit_event("王处长", ids->front(), "cancel", "", "停课"));
  CHECK(responsible.must_sync().rows == 0);
  pass(1'000);
  REQUIRE(county.office->visit_event("王处长", ids->back(), "cancel", "", "停课"));
  CHECK(responsible.must_sync().rows == 1);  // The school.
  REQUIRE(county.office->rebuild());
}

TEST_CASE("a draw that is not there, is called otherwise or has not come so far is refused, and nothing changes") {
  PlannedCounty county;
  county.settle(Policy::kTeamRandom, "", 1);
  const auto files =
      freeze_draw("SX-2026-04", {{"A", 1}}, 1, "lottery",
                  {{"140001", "A", 1, FrameStatus::kEligible}, {"140002", "A", 1, FrameStatus::kEligible}},
                  {{"I001", 2, true}}, {});
  REQUIRE(files);
  const auto entries = [&] { return county.office.check().statements; };
  const auto state = [&](std::string_view draw) { return county.office.cell("draw", {draw}, "state"); };
  const VisitPlan pattern = plan_of("RANDOM", {});
  std::int64_t before = entries();
  CHECK(county.office->commit_draw("王处长", "SX-2026-05", *files).error().code == Code::kDrawManifest);
  CHECK(county.office->run_draw("王处长", "SX-2026-04", "1.2./", pattern).error().code == Code::kDrawNotThere);
  CHECK(county.office->reveal_draw("王处长", "SX-2026-04").error().code == Code::kDrawNotThere);
  CHECK(county.office->void_draw("王处长", "SX-2026-04", "名册有误").error().code == Code::kDrawNotThere);
  CHECK(county.office->draw_publication("SX-2026-04").error().code == Code::kDrawNotThere);
  CHECK(entries() == before);
  CHECK(county.count("draw") == 0);

  REQUIRE(county.office->commit_draw("王处长", "SX-2026-04", *files));
  VisitPlan named = plan_of("RANDOM", {"I001"});
  named.draw = "SX-2026-04";
  const auto ids = county.office->plan("王处长", {plan_of("ROUTINE", {"I001"}), named});
  REQUIRE(ids);
  before = entries();
  for (const Bytes& visit : *ids)
    CHECK(county.office->replace_drawn("王处长", visit, "I001", "R1").error().code == Code::kDrawStage);
  CHECK(county.office->reveal_draw("王处长", "SX-2026-04").error().code == Code::kDrawStage);
  CHECK(county.office->void_draw("王处长", "SX-2026-04", "").error().code == Code::kReasonMissing);
  CHECK(entries() == before);
  CHECK(state("SX-2026-04") == "COMMITTED");

  SECTION("declared void") {
    REQUIRE(county.office->void_draw("王处长", "SX-2026-04", "名册有误"));
    CHECK(state("SX-2026-04") == "VOID");
    CHECK(county.office.cell("draw", {std::string_view("SX-2026-04")}, "reason") == "名册有误");
  }
  SECTION("revealed") {
    REQUIRE(county.office->run_draw("王处长", "SX-2026-04", "1.2./", pattern));
    REQUIRE(county.office->reveal_draw("王处长", "SX-2026-04"));
    CHECK(state("SX-2026-04") == "REVEALED");
  }
  const std::string stands = state("SX-2026-04");
  before = entries();
  county.office.machine.clock.advance(1'000);  // The same step in the same second would be the same statement.
  CHECK(county.office->run_draw("王处长", "SX-2026-04", "1.2./", pattern).error().code == Code::kDrawStage);
  CHECK(county.office->reveal_draw("王处长", "SX-2026-04").error().code == Code::kDrawStage);
  CHECK(county.office->void_draw("王处长", "SX-2026-04", "又有误").error().code == Code::kDrawStage);
  CHECK(entries() == before);
  CHECK(state("SX-2026-04") == stands);
  REQUIRE(county.office->rebuild());
}

TEST_CASE("of the steps of a draw in the log each counts in its turn alone, and any other has no effect and a number") {
  PlannedCounty county;
  const auto step = [](DrawStage stage, std::string_view file = {}) {
    static const Bytes bytes(32, 1);
    DrawStep out;
    out.draw = "SX-2026-06";
    out.stage = stage;
    out.file = file;
    out.parts = stage == DrawStage::kFile ? 1 : 0;
    if (stage == DrawStage::kCommit) out.commitment = bytes;
    if (stage == DrawStage::kReveal) out.secret = bytes;
    if (stage == DrawStage::kVoid) out.reason = "名册有误";
    out.actor = "王处长";
    return out;
  };
  const DrawStep frame = step(DrawStage::kFile, "frame");
  const DrawStep recused = step(DrawStage::kFile, kRecusedLater);
  const DrawStep commit = step(DrawStage::kCommit);
  const DrawStep reveal = step(DrawStage::kReveal);
  const DrawStep voided = step(DrawStage::kVoid);
  struct Stands {
    std::string state;
    std::vector<const DrawStep*> way;      ///< on which it is reached
    std::vector<const DrawStep*> allowed;  ///< from there
  };
  const Stands all[] = {{"absent", {}, {&frame, &commit}},
                        {"COMMITTED", {&frame, &commit}, {&recused, &reveal, &voided}},
                        {"REVEALED", {&commit, &reveal}, {}},
                        {"VOID", {&commit, &voided}, {}}};
  for (const Stands& at : all)
    for (const DrawStep* next : {&frame, &recused, &commit, &reveal, &voided}) {
      INFO(at.state << ", stage " << static_cast<int>(next->stage) << " " << next->file);
      std::string state = "absent";
      std::optional<Error> refused;
      const auto look = [&](Store& rows) -> Status {
        Registration where;
        DUDAO_TRY(where.index, rows.size());
        const auto apply = [&](const DrawStep& each) -> Status {
          DUDAO_TRY(const Bytes bytes,
                    sign_statement({StatementType::kDraw, county.office->origin(), std::string(each.draw), 1},
                                   write_draw_step(each), county.office->key(), [&](BytesView message) {
                                     return county.office.platform.keys.sign("office", message);
                                   }));
          DUDAO_TRY(const Statement statement, parse_statement(bytes));
          DUDAO_TRY(refused, Applier(rows).apply(statement, where));
          ++where.index;
          return {};
        };
        for (const DrawStep* before : at.way) {
          DUDAO_CHECK(apply(*before));
          REQUIRE_FALSE(refused);
        }
        DUDAO_CHECK(apply(*next));
        const ValueView key = next->draw;
        DUDAO_TRY(const auto row, rows.row(*find_table("draw"), std::span(&key, 1)));
        if (row) state = std::get<std::string>(row->cells[1]);
        return {};
      };
      REQUIRE(county.office->read([&](Store& rows) -> Status {
        DUDAO_CHECK(rows.begin());
        Status done = look(rows);
        rows.rollback();
        return done;
      }));
      const bool allowed = std::find(at.allowed.begin(), at.allowed.end(), next) != at.allowed.end();
      CHECK(refused.has_value() == !allowed);
      if (!refused) continue;
      CHECK(refused->code == Code::kDrawStage);
      CHECK(state == at.state);
    }
}

TEST_CASE("who has begun a drawn visit is not replaced, and no other school is visited in its place") {
  PlannedCounty county;
  county.settle(Policy::kTeamRandom, "", 1);
  std::vector<FrameEntry> frame;
  for (const char* school : {"140001", "140002", "140003"}) frame.push_back({school, "A", 1, FrameStatus::kEligible});
  // Nobody else could go there: the next school would take its place.
  const auto files = freeze_draw("SX-2026-03", {{"A", 1}}, 1, "lottery", frame, {{"I001", 1, true}}, {});
  REQUIRE(files);
  REQUIRE(county.office->commit_draw("王处长", "SX-2026-03", *files));
  REQUIRE(county.office->run_draw("王处长", "SX-2026-03", "1.2./", plan_of("RANDOM", {})));
  TestDevice device(county.office, "I001");
  device.enrol();
  device.must_sync();
  const Bytes visit = std::get<Bytes>(*device.db->lookup("SELECT id FROM visit").value());
  device.check_in(visit);
  device.must_sync();
  CHECK(county.office->replace_drawn("王处长", visit, "I001", "R1").error().code == Code::kTransitionNotAllowed);
  CHECK(county.count("visit") == 1);
  REQUIRE(county.office->reveal_draw("王处长", "SX-2026-03"));
  CHECK(county.office->draw_publication("SX-2026-03")->back().first == "result.txt");
}

TEST_CASE("a campaign has no more visits than its quota, and one that was called off makes room") {
  PlannedCounty county;
  CampaignPlan campaign;
  campaign.code = "READ-2026";
  campaign.title = "阅读";
  campaign.kind = "ROUTINE";
  campaign.quota = 0;
  const auto enter = [&] {
    const auto done =
        county.office->decide("王处长", "campaign.enter", [&](Store& rows) { return enter_campaign(rows, campaign); });
    return done ? Code{} : done.error().code;
  };
  CHECK(enter() == Code::kCampaignWrong);
  campaign.quota = 2;
  REQUIRE(enter() == Code{});
  const auto plan = [](std::int64_t day) {
    VisitPlan one = plan_of("ROUTINE", {"I001"}, day, day);
    one.campaign = "READ-2026";
    return one;
  };
  CHECK(county.office->plan("王处长", {plan(20'500), plan(20'600), plan(20'700)}).error().code ==
        Code::kOutsideCampaign);
  const auto ids = county.office->plan("王处长", {plan(20'500), plan(20'600)});
  REQUIRE(ids);
  CHECK(county.plan(plan(20'700)) == Code::kOutsideCampaign);
  REQUIRE(county.office->visit_event("王处长", ids->front(), "cancel", "", "停课"));
  CHECK(county.plan(plan(20'700)) == Code{});
}
