/// Inspectors from nomination to exit: each guard lets through what it must and refuses the rest, and all of it follows
/// from the ledger.

#include "sync/office/inspectors.hpp"

#include "schema/answer.hpp"
#include "schema/deadline.hpp"
#include "sync/office/jurisdiction.hpp"
#include "tests/sync/office/county.hpp"

#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

std::int64_t day(std::string_view date) { return parse_date(date).value(); }

/// A city with two counties, three schools, and inspectors I001 to I003, full time, from a register.
struct Place {
  TestOffice office;
  std::int64_t today = local_day(office.platform.clock.wall_utc_ms(), office.platform.clock.utc_offset_min());

  Place() {
    office.add_people_and_schools();
    REQUIRE(date_text(today) == "2026-03-02");
    REQUIRE(
        decide([](Store&) -> Result<ChangesBuilder> {
          ChangesBuilder rows;
          rows.insert("org_unit", {std::string("99"), std::string("澄川市"), std::string("市"), Value()});
          rows.insert("org_unit", {std::string("9901"), std::string("栖云县"), std::string("县"), std::string("99")});
          rows.insert("org_unit", {std::string("9902"), std::string("望河县"), std::string("县"), std::string("99")});
          const std::size_t unit = find_table("school")->column("org_unit");
          for (const auto& [school, place] : {std::pair("140001", "9901"), {"140002", "9901"}, {"140003", "9902"}})
            rows.update("school", {std::string(school)}, {{unit, std::string(place)}});
          return rows;
        }) == Code{});
  }
  /// What it is refused with; Code{} when it is done.
  Code decide(const std::function<Result<ChangesBuilder>(Store& rows)>& build) {
    const auto done = office->decide("王处长", "test", build);
    return done ? Code{} : done.error().code;
  }
  template <class T>
  T look(const std::function<Result<T>(Store& rows)>& of) {
    std::optional<T> out;
    const auto done = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(out, of(rows));
      return {};
    });
    if (!done) FAIL(done.error().message());
    return *std::move(out);
  }
  InspectorAct step(std::string inspector, InspectorEvent event) const {
    InspectorAct act;
    act.inspector = std::move(inspector);
    act.event = event;
    act.person = "王处长";
    act.day = today;
    act.name = "新督学";
    act.capacity = 4;
    if (event == InspectorEvent::kSuspend || event == InspectorEvent::kReject) act.reason = "正在核查";
    if (event == InspectorEvent::kExit) act.cause = ExitCause::kResigned;
    return act;
  }
  Code take(const InspectorAct& act) {
    return decide([&](Store& rows) {
      return take_inspector_step(rows, act, office.platform.clock.wall_utc_ms(), std::max(today, act.day));
    });
  }
  Code take(const std::string& inspector, InspectorEvent event) { return take(step(inspector, event)); }
  Code change(const std::string& inspector, const ProfileChange& change) {
    return decide([&](Store& rows) { return change_profile(rows, inspector, change); });
  }
  void qualify(const std::string& inspector) {
    ProfileChange profile;
    profile.degree = true;
    profile.education_years = 12;
    REQUIRE(change(inspector, profile) == Code{});
  }
  /// Up to the state, by the steps that lead there.
  void bring(const std::string& inspector, InspectorState state, bool full_time = true) {
    using Event = InspectorEvent;
    InspectorAct first = step(inspector, Event::kNominate);
    first.full_time = full_time;
    REQUIRE(take(first) == Code{});
    qualify(inspector);
    std::vector<Event> way = {Event::kReview, Event::kPublicise, Event::kAppoint, Event::kActivate};
    if (state == InspectorState::kRejected) way = {Event::kReject};
    if (state == InspectorState::kSuspended) way.push_back(Event::kSuspend);
    if (state == InspectorState::kExited) way.push_back(Event::kExit);
    for (const Event event : way) {
      if (office.cell("inspector", {std::string_view(inspector)}, "status") == to_string(state)) break;
      REQUIRE(take(inspector, event) == Code{});
    }
    REQUIRE(status(inspector) == to_string(state));
  }
  std::string status(const std::string& inspector) {
    return office.cell("inspector", {std::string_view(inspector)}, "status");
  }
  Code train(const std::string& inspector, std::int64_t on_day, std::int64_t hours,
             const std::string& title = "集中培训") {
    return decide([&](Store& rows) {
      return add_training(rows, inspector, {on_day, hours, title, "省教育厅", "王处长"},
                          office.platform.clock.wall_utc_ms(), today);
    });
  }
  Code void_entry(const std::string& inspector, std::int64_t n, std::string_view reason = "重复登记") {
    return decide([&](Store& rows) { return void_training(rows, inspector, n, reason); });
  }
  Code settle(Policy policy, std::int64_t value, std::string_view unit = "") {
    return decide([&](Store& rows) { return settle_policy(rows, policy, unit, today - 4'000, value, "地方规定"); });
  }
  Code term(const std::string& inspector, std::string_view from, std::string_view to) {
    return decide([&](Store& rows) { return record_term(rows, inspector, day(from), day(to), today); });
  }
  Code available(const std::string& inspector, std::int64_t from_day, std::int64_t to_day, std::int64_t also = 0) {
    Code out{};
    const auto done =
        office->read([&](Store& rows) -> Status { return check_available(rows, inspector, from_day, to_day, also); });
    if (!done) out = done.error().code;
    return out;
  }
  TrainingYear training(const std::string& inspector, std::int64_t year, std::int64_t on_day) {
    return look<TrainingYear>([&](Store& rows) -> Result<TrainingYear> {
      DUDAO_TRY(const std::string unit, unit_of_inspector(rows, inspector, on_day));
      return training_of(rows, inspector, unit, year, on_day);
    });
  }
  std::vector<TermOfOffice> terms(const std::string& inspector) {
    return look<std::vector<TermOfOffice>>([&](Store& rows) { return terms_of(rows, inspector); });
  }
  AssessmentInputs assessed(const std::string& inspector, std::int64_t year) {
    return look<AssessmentInputs>([&](Store& rows) { return assess(rows, inspector, year, today); });
  }
  Code decide_grade(const std::string& inspector, std::int64_t year, std::string_view grade,
                    std::string_view reason = "") {
    return decide([&](Store& rows) {
      return decide_assessment(rows, inspector, year, grade, "王处长", reason, office.platform.clock.wall_utc_ms(),
                               today);
    });
  }
};

}  // namespace

TEST_CASE("every step of an inspector that the table has may be taken, and no other, and each is kept") {
  Place at;
  int number = 100;
  for (std::size_t s = 1; s < kInspectorStates; ++s) {
    const auto state = static_cast<InspectorState>(s);
    const std::string waiting = TestOffice::inspector(number++);
    at.bring(waiting, state);
    for (std::size_t e = 1; e <= kInspectorEvents; ++e) {
      const auto event = static_cast<InspectorEvent>(e);
      INFO(to_string(event) << " in " << to_string(state));
      const auto to = next(state, event);
      if (!to) {
        CHECK(at.take(waiting, event) == Code::kInspectorTransitionNotAllowed);
        CHECK(at.status(waiting) == to_string(state));
        continue;
      }
      const std::string fresh = TestOffice::inspector(number++);
      at.bring(fresh, state);
      const auto before = at.look<std::vector<StoredRow>>([&](Store& rows) { return inspector_steps(rows, fresh); });
      REQUIRE(at.take(fresh, event) == Code{});
      CHECK(at.status(fresh) == to_string(*to));
      const auto n = static_cast<std::int64_t>(before.size()) + 1;
      CHECK(at.office.cell("inspector_step", {std::string_view(fresh), n}, "event") == to_string(event));
      CHECK(at.office.cell("inspector_step", {std::string_view(fresh), n}, "state") == to_string(*to));
      CHECK(at.office.cell("inspector_step", {std::string_view(fresh), n}, "person") == "王处长");
    }
  }
  for (std::size_t e = 2; e <= kInspectorEvents; ++e)
    CHECK(at.take("X001", static_cast<InspectorEvent>(e)) == Code::kInspectorUnknown);
  CHECK(at.office->rebuild());
}

TEST_CASE("somebody new is nominated with a code and a name, and is planned for only once they are active") {
  Place at;
  InspectorAct act = at.step("bad code", InspectorEvent::kNominate);
  CHECK(at.take(act) == Code::kRowCode);
  act.inspector = "D021";
  act.name = "";
  CHECK(at.take(act) == Code::kWordsMissing);
  act.name = "王小明";
  act.capacity = -1;
  CHECK(at.take(act) == Code::kRowNumber);
  act.capacity = 4;
  act.person = "";
  CHECK(at.take(act) == Code::kWordsMissing);
  act.person = "王\xff";
  CHECK(at.take(act) == Code::kTextNotUtf8);
  act.person = "王处长";
  act.reason = std::string(kMaxInspectorReasonChars + 1, 'x');
  CHECK(at.take(act) == Code::kTextTooLong);
  act.reason = "";
  CHECK(at.status("D021") == "absent");
  REQUIRE(at.take(act) == Code{});
  CHECK(at.office.cell("inspector", {std::string_view("D021")}, "name") == "王小明");
  CHECK(at.available("D021", at.today, at.today) == Code::kTeamWrong);
  VisitPlan plan;
  plan.school = "140001";
  plan.kind = "ROUTINE";
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = plan.to_day = at.today;
  plan.team = {"I001", "D021"};
  CHECK(at.office->plan("王处长", {plan}).error().code == Code::kTeamWrong);
  at.qualify("D021");
  for (const auto event : {InspectorEvent::kReview, InspectorEvent::kPublicise, InspectorEvent::kAppoint})
    REQUIRE(at.take("D021", event) == Code{});
  CHECK(at.office->plan("王处长", {plan}).error().code == Code::kTeamWrong);
  REQUIRE(at.take("D021", InspectorEvent::kActivate) == Code{});
  CHECK(at.available("D021", at.today, at.today) == Code{});
  CHECK(at.office->plan("王处长", {plan}));
}

TEST_CASE("a step takes effect neither in the future nor before the step before, and says why where it must") {
  Place at;
  const auto on = [&](InspectorAct act, std::int64_t when, std::int64_t today) {
    act.day = when;
    return at.decide([&](Store& rows) { return take_inspector_step(rows, act, 1, today); });
  };
  const InspectorAct suspend = at.step("I001", InspectorEvent::kSuspend);
  CHECK(on(suspend, at.today + 1, at.today) == Code::kInspectorTransitionNotAllowed);
  InspectorAct without = suspend;
  without.reason = "";
  CHECK(on(without, at.today, at.today) == Code::kReasonMissing);
  REQUIRE(on(suspend, at.today - 5, at.today) == Code{});
  const InspectorAct resume = at.step("I001", InspectorEvent::kResume);
  CHECK(on(resume, at.today - 6, at.today) == Code::kInspectorTransitionNotAllowed);
  REQUIRE(on(resume, at.today - 5, at.today) == Code{});
  InspectorAct leave = at.step("I001", InspectorEvent::kExit);
  leave.cause.reset();
  leave.reason = "调离";
  CHECK(on(leave, at.today, at.today) == Code::kReasonMissing);
  leave.cause = ExitCause::kViolation;
  REQUIRE(on(leave, at.today, at.today) == Code{});
  CHECK(at.office.cell("inspector_step", {std::string_view("I001"), std::int64_t{3}}, "reason") == "VIOLATION: 调离");
  at.bring("D030", InspectorState::kNominated);
  InspectorAct reject = at.step("D030", InspectorEvent::kReject);
  reject.reason = "";
  CHECK(at.take(reject) == Code::kReasonMissing);
}

TEST_CASE("an inspector from a register has no steps and can be suspended, resumed and let go") {
  Place at;
  CHECK(at.available("I002", at.today, at.today) == Code{});
  REQUIRE(at.take("I002", InspectorEvent::kSuspend) == Code{});
  CHECK(at.status("I002") == "SUSPENDED");
  CHECK(at.available("I002", at.today, at.today) == Code::kTeamWrong);
  REQUIRE(at.take("I002", InspectorEvent::kResume) == Code{});
  CHECK(at.available("I002", at.today, at.today) == Code{});
  REQUIRE(at.take("I002", InspectorEvent::kExit) == Code{});
  CHECK(at.status("I002") == "EXITED");
  CHECK(at.take("I002", InspectorEvent::kResume) == Code::kInspectorTransitionNotAllowed);
  REQUIRE(at.take("I002", InspectorEvent::kNominate) == Code{});
  CHECK(at.status("I002") == "NOMINATED");
  CHECK(at.office.cell("inspector", {std::string_view("I002")}, "name") == "督学I002");
  CHECK(at.office->rebuild());
}

TEST_CASE("nobody is appointed without a degree and the years of work in education that their unit asks for") {
  Place at;
  REQUIRE(at.take("D040", InspectorEvent::kNominate) == Code{});
  REQUIRE(at.take("D040", InspectorEvent::kReview) == Code{});
  REQUIRE(at.take("D040", InspectorEvent::kPublicise) == Code{});
  CHECK(at.take("D040", InspectorEvent::kAppoint) == Code::kInspectorNotQualified);  // no profile
  ProfileChange profile;
  profile.education_years = 10;
  REQUIRE(at.change("D040", profile) == Code{});
  CHECK(at.take("D040", InspectorEvent::kAppoint) == Code::kInspectorNotQualified);  // no degree
  profile.degree = true;
  profile.education_years = 9;
  profile.unit = "9902";
  REQUIRE(at.change("D040", profile) == Code{});
  CHECK(at.take("D040", InspectorEvent::kAppoint) == Code::kInspectorNotQualified);  // too short
  REQUIRE(at.settle(Policy::kEducationYears, 9, "9901") == Code{});
  CHECK(at.take("D040", InspectorEvent::kAppoint) == Code::kInspectorNotQualified);  // elsewhere it would do
  REQUIRE(at.settle(Policy::kEducationYears, 9, "9902") == Code{});
  CHECK(at.take("D040", InspectorEvent::kAppoint) == Code{});
}

TEST_CASE("a part-time inspector has a term, as long as is allowed and no longer, that overlaps no other") {
  Place at;
  at.bring("D050", InspectorState::kPublicised, false);
  InspectorAct appoint = at.step("D050", InspectorEvent::kAppoint);
  appoint.from_day = at.today;
  appoint.to_day = at.today - 1;
  CHECK(at.take(appoint) == Code::kTermOfOfficeWrong);
  appoint.to_day = day("2029-03-02");
  CHECK(at.take(appoint) == Code::kTermOfOfficeWrong);
  appoint.to_day = day("2029-03-01");
  REQUIRE(at.take(appoint) == Code{});
  REQUIRE(at.take("D050", InspectorEvent::kActivate) == Code{});

  // Once more: the next term follows the one before, whenever it is decided.
  InspectorAct again = at.step("D050", InspectorEvent::kAppoint);
  again.from_day = day("2029-03-01");
  CHECK(at.take(again) == Code::kTermOfOfficeWrong);
  again.from_day.reset();
  REQUIRE(at.take(again) == Code{});
  const auto terms = at.terms("D050");
  REQUIRE(terms.size() == 2);
  CHECK(date_text(terms[1].from_day) == "2029-03-02");
  CHECK(date_text(terms[1].to_day) == "2032-03-01");

  // Leaving ends the term that runs, and the next never begins.
  InspectorAct leave = at.step("D050", InspectorEvent::kExit);
  leave.day = at.today + 10;
  REQUIRE(at.take(leave) == Code{});
  const auto ended = at.terms("D050");
  CHECK(ended[0].ended_day == at.today + 10);
  CHECK(ended[0].begun());
  CHECK_FALSE(ended[1].begun());

  // A full-time inspector has a term only where one is given, and then with its last day.
  at.bring("D051", InspectorState::kAppointed, true);
  CHECK(at.terms("D051").empty());
  at.bring("D052", InspectorState::kPublicised, true);
  InspectorAct full_time = at.step("D052", InspectorEvent::kAppoint);
  full_time.from_day = at.today;
  CHECK(at.take(full_time) == Code::kTermOfOfficeWrong);
  full_time.to_day = day("2036-03-01");
  CHECK(at.take(full_time) == Code{});

  REQUIRE(at.settle(Policy::kTermYears, 5) == Code{});
  at.bring("D053", InspectorState::kAppointed, false);
  CHECK(date_text(at.terms("D053").at(0).to_day) == "2031-03-01");
  CHECK(at.office->rebuild());
}

TEST_CASE("a part-time inspector serves so many terms in a row, and a pause as long as a term begins anew") {
  Place at;
  at.bring("D060", InspectorState::kPublicised, false);
  REQUIRE(at.term("D060", "2017-03-02", "2020-03-01") == Code{});
  CHECK(at.term("D060", "2020-03-01", "2022-03-01") == Code::kTermOfOfficeWrong);
  REQUIRE(at.term("D060", "2020-03-02", "2023-03-01") == Code{});
  REQUIRE(at.term("D060", "2023-03-02", "2026-03-01") == Code{});
  CHECK(at.term("D060", "2014-03-02", "2017-03-01") == Code::kTermLimit);
  CHECK(at.take("D060", InspectorEvent::kAppoint) == Code::kTermLimit);
  // One day short of a whole term is no pause.
  InspectorAct later = at.step("D060", InspectorEvent::kAppoint);
  later.from_day = day("2029-03-01");
  CHECK(at.take(later) == Code::kTermLimit);
  later.from_day = day("2029-03-02");
  CHECK(at.take(later) == Code{});

  at.bring("D061", InspectorState::kPublicised, false);
  for (const auto& [from, to] :
       {std::pair("2014-03-02", "2017-03-01"), {"2017-03-02", "2020-03-01"}, {"2020-03-02", "2023-03-01"}})
    REQUIRE(at.term("D061", from, to) == Code{});
  CHECK(at.take("D061", InspectorEvent::kAppoint) == Code{});

  at.bring("D062", InspectorState::kPublicised, false);
  REQUIRE(at.settle(Policy::kTermsInARow, 1) == Code{});
  REQUIRE(at.term("D062", "2023-03-02", "2026-03-01") == Code{});
  CHECK(at.take("D062", InspectorEvent::kAppoint) == Code::kTermLimit);
  // What an appointment gives cannot be had past it.
  CHECK(at.term("D061", "2026-03-02", "2027-03-01") == Code::kTermOfOfficeWrong);
  CHECK(at.term("I001", "2026-03-03", "2027-03-01") == Code::kTermOfOfficeWrong);
  CHECK(at.term("X001", "2017-03-02", "2020-03-01") == Code::kInspectorUnknown);
}

TEST_CASE("hours that were short last year bar a new appointment of whoever was an inspector, and nothing else") {
  Place at;
  at.qualify("I001");
  CHECK(at.take("I001", InspectorEvent::kAppoint) == Code::kTrainingShort);
  CHECK(at.available("I001", at.today, at.today) == Code{});
  CHECK(at.take("I001", InspectorEvent::kSuspend) == Code{});
  CHECK(at.take("I001", InspectorEvent::kResume) == Code{});
  REQUIRE(at.train("I001", day("2025-06-01"), 39) == Code{});
  REQUIRE(at.train("I001", day("2026-01-10"), 40) == Code{});  // of another year
  CHECK(at.take("I001", InspectorEvent::kAppoint) == Code::kTrainingShort);
  REQUIRE(at.train("I001", day("2025-12-31"), 1) == Code{});
  CHECK(at.take("I001", InspectorEvent::kAppoint) == Code{});
  REQUIRE(at.void_entry("I001", 3) == Code{});
  CHECK(at.take("I001", InspectorEvent::kAppoint) == Code::kTrainingShort);
  REQUIRE(at.settle(Policy::kTrainingHours, 30, "9901") == Code{});  // its zone is there
  CHECK(at.take("I001", InspectorEvent::kAppoint) == Code{});

  // Who became an inspector since has had no year to train in; who left since had one.
  at.bring("D070", InspectorState::kActive);
  CHECK(at.take("D070", InspectorEvent::kAppoint) == Code{});
  REQUIRE(at.take("I003", InspectorEvent::kExit) == Code{});
  at.qualify("I003");
  for (const auto event : {InspectorEvent::kNominate, InspectorEvent::kReview, InspectorEvent::kPublicise})
    REQUIRE(at.take("I003", event) == Code{});
  CHECK(at.take("I003", InspectorEvent::kAppoint) == Code::kTrainingShort);
}

TEST_CASE("training is entered with its title, day and hours, and voided with a reason, once") {
  Place at;
  CHECK(at.train("I001", at.today, 8, "") == Code::kTrainingWrong);
  CHECK(at.train("I001", at.today + 1, 8) == Code::kTrainingWrong);
  CHECK(at.train("I001", at.today, 0) == Code::kTrainingWrong);
  CHECK(at.train("I001", at.today, 401) == Code::kTrainingWrong);
  CHECK(at.train("X001", at.today, 8) == Code::kInspectorUnknown);
  CHECK(at.train("I001", at.today, 8, std::string(kMaxInspectorNameChars + 1, 'x')) == Code::kTextTooLong);
  REQUIRE(at.train("I001", at.today, 400) == Code{});
  REQUIRE(at.train("I001", at.today, 1) == Code{});
  CHECK(at.training("I001", 2026, at.today).hours == 401);
  CHECK(at.training("I001", 2026, at.today).entries == std::vector<std::int64_t>{1, 2});
  CHECK(at.void_entry("I001", 1, "") == Code::kReasonMissing);
  CHECK(at.void_entry("I001", 3) == Code::kTrainingWrong);
  CHECK(at.void_entry("X001", 1) == Code::kInspectorUnknown);
  REQUIRE(at.void_entry("I001", 1) == Code{});
  CHECK(at.void_entry("I001", 1) == Code::kTrainingWrong);
  CHECK(at.training("I001", 2026, at.today).hours == 1);
  REQUIRE(at.train("I001", at.today, 2) == Code{});  // numbers are not used again
  CHECK(at.training("I001", 2026, at.today).entries == std::vector<std::int64_t>{2, 3});
  CHECK(at.office->rebuild());
}

TEST_CASE("hours of a year stand against the minimum of the unit, with a warning from three quarters of the year on") {
  Place at;
  REQUIRE(at.settle(Policy::kTrainingHours, 30, "9902") == Code{});
  CHECK(at.training("I001", 2026, at.today).minimum == 40);
  ProfileChange elsewhere;
  elsewhere.unit = "9902";
  REQUIRE(at.change("I001", elsewhere) == Code{});
  REQUIRE(at.train("I001", day("2026-02-01"), 29) == Code{});
  const TrainingYear early = at.training("I001", 2026, day("2026-09-30"));
  CHECK(early.minimum == 30);
  CHECK(early.missing() == 1);
  CHECK_FALSE(early.warned);
  CHECK(at.training("I001", 2026, day("2026-10-01")).warned);
  CHECK(at.training("I001", 2026, day("2027-05-01")).warned);
  REQUIRE(at.train("I001", day("2026-03-02"), 1) == Code{});
  CHECK_FALSE(at.training("I001", 2026, day("2026-10-01")).warned);
  CHECK(at.training("I001", 2025, day("2026-10-01")).missing() == 30);

  // What is settled later does not change a year that is over.
  REQUIRE(at.decide([&](Store& rows) {
    return settle_policy(rows, Policy::kTrainingHours, "9902", day("2027-01-01"), 50, "新规定");
  }) == Code{});
  CHECK(at.training("I001", 2026, day("2027-06-01")).minimum == 30);
  CHECK(at.training("I001", 2027, day("2027-06-01")).minimum == 50);
}

TEST_CASE("the unit of an inspector is that of the profile, or the nearest that all schools of the zone are in") {
  Place at;
  const auto unit = [&](std::string_view inspector) {
    return at.look<std::string>([&](Store& rows) { return unit_of_inspector(rows, inspector, at.today); });
  };
  CHECK(unit("I001") == "9901");
  CHECK(unit("I002").empty());
  REQUIRE(at.decide([](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.insert("zone", {std::string("I002"), std::string("140002"), Value()});
    rows.insert("zone", {std::string("I002"), std::string("140003"), Value()});
    rows.insert("zone", {std::string("I003"), std::string("140003"), std::int64_t{100}});
    return rows;
  }) == Code{});
  CHECK(unit("I002") == "99");
  CHECK(unit("I003").empty());  // the zone is over
  ProfileChange change;
  change.unit = "9902";
  REQUIRE(at.change("I002", change) == Code{});
  CHECK(unit("I002") == "9902");
}

TEST_CASE("a profile changes what is named and nothing else, and only to what there is") {
  Place at;
  ProfileChange change;
  change.unit = "nowhere";
  CHECK(at.change("I001", change) == Code::kUnitUnknown);
  change.unit = "9901";
  change.education_years = 81;
  CHECK(at.change("I001", change) == Code::kRowNumber);
  change.education_years = 20;
  change.capacity = -1;
  CHECK(at.change("I001", change) == Code::kRowNumber);
  change.capacity = 7;
  change.subjects = "语文,安全";
  change.credential = "DXZ-2026-001";
  change.credential_until_day = at.today + 365;
  change.lead = false;
  CHECK(at.change("X001", change) == Code::kInspectorUnknown);
  REQUIRE(at.change("I001", change) == Code{});
  const auto before = at.office.check().statements;
  REQUIRE(at.change("I001", change) == Code{});  // the same once more changes nothing
  CHECK(at.office.check().statements == before);
  ProfileChange degree;
  degree.degree = true;
  REQUIRE(at.change("I001", degree) == Code{});
  const auto who = at.look<InspectorView>([](Store& rows) { return find_inspector(rows, "I001"); });
  CHECK(who.unit == "9901");
  CHECK(who.education_years == 20);
  CHECK(who.degree);
  CHECK(who.subjects == "语文,安全");
  CHECK(who.capacity == 7);
  CHECK_FALSE(who.lead);
  CHECK(who.credential == "DXZ-2026-001");
  CHECK(who.credential_until_day == at.today + 365);
  CHECK(who.name == "督学I001");
  CHECK(at.office->rebuild());
}

TEST_CASE("the office can recuse an inspector from a school for each of the reasons, and for no other") {
  Place at;
  const auto declare = [&](std::string_view inspector, std::string_view school, std::string_view reason) {
    return at.decide([&](Store& rows) { return declare_conflict(rows, inspector, school, reason, at.today); });
  };
  for (const std::string_view reason : {"R1", "R2", "R3", "R4", "R5"})
    CHECK(declare("I001", "140001", reason) == Code{});
  for (const std::string_view reason : {"", "R0", "R6", "R11", "X1"})
    CHECK(declare("I001", "140001", reason) == Code::kRowValue);
  CHECK(declare("X001", "140001", "R1") == Code::kInspectorUnknown);
  CHECK(declare("I001", "999999", "R1") == Code::kSchoolUnknown);
  CHECK(at.office.cell("conflict_of_interest", {std::string_view("I001"), std::string_view("140001")}, "reason") ==
        "R5");
}

TEST_CASE("an inspector is available while active, with a credential, a term and capacity left in the month") {
  Place at;
  const std::int64_t from = day("2026-02-16");
  const std::int64_t to = day("2026-03-08");
  CHECK(at.available("X001", from, to) == Code::kInspectorUnknown);
  CHECK(at.available("I001", from, to) == Code{});

  SECTION("a credential that ends within the window") {
    ProfileChange change;
    change.credential_until_day = to - 1;
    REQUIRE(at.change("I001", change) == Code{});
    CHECK(at.available("I001", from, to) == Code::kCredentialOver);
    CHECK(at.available("I001", from, to - 1) == Code{});
  }
  SECTION("as many visits as fit into the month in which the window begins") {
    ProfileChange change;
    change.capacity = 2;
    REQUIRE(at.change("I001", change) == Code{});
    CHECK(at.available("I001", from, to, 1) == Code{});
    CHECK(at.available("I001", from, to, 2) == Code::kCapacityFull);
    const Bytes first = at.office.plan({"I001", "I002"}, "140001");  // 2026-02-16 to 2026-03-08
    CHECK(at.available("I001", from, to) == Code{});
    CHECK(at.available("I001", from, to, 1) == Code::kCapacityFull);
    at.office.plan({"I002", "I001"}, "140002");
    CHECK(at.available("I001", from, to) == Code::kCapacityFull);
    CHECK(at.available("I001", day("2026-02-01"), day("2026-02-01")) == Code::kCapacityFull);
    CHECK(at.available("I001", day("2026-03-01"), to) == Code{});
    CHECK(at.available("I001", day("2025-02-16"), day("2025-02-20")) == Code{});
    CHECK(at.available("I002", from, to) == Code{});
    REQUIRE(at.office->visit_event("王处长", first, "cancel", "", "停课"));
    CHECK(at.available("I001", from, to) == Code{});
    change.capacity = 0;
    REQUIRE(at.change("I003", change) == Code{});
    CHECK(at.available("I003", from, to, 100) == Code{});  // None is set.
  }
  SECTION("terms that run on all days, one after the other") {
    REQUIRE(at.term("I001", "2020-01-01", "2026-02-28") == Code{});
    CHECK(at.available("I001", from, to) == Code::kTeamWrong);
    CHECK(at.available("I001", from, day("2026-02-28")) == Code{});
    REQUIRE(at.term("I001", "2026-03-01", "2029-02-28") == Code{});
    CHECK(at.available("I001", from, to) == Code{});
    CHECK(at.available("I001", day("2019-12-31"), to) == Code::kTeamWrong);
  }
  SECTION("nobody who is suspended") {
    REQUIRE(at.take("I001", InspectorEvent::kSuspend) == Code{});
    CHECK(at.available("I001", from, to) == Code::kTeamWrong);
  }
}

TEST_CASE("whatever steps are taken, an inspector is what the steps come to, and the ledger gives the same") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    Place at;
    Dice dice(seed);
    std::map<std::string, InspectorState> expected;
    std::int64_t when = day("2020-01-01");
    for (int i = 0; i < 150; ++i) {
      const std::string who = "P" + std::to_string(dice.below(4));
      const auto event = static_cast<InspectorEvent>(1 + dice.below(kInspectorEvents));
      InspectorState& state = expected[who];
      InspectorAct act = at.step(who, event);
      when += static_cast<std::int64_t>(dice.below(60));
      act.day = when;
      act.full_time = who == "P0";
      if (event == InspectorEvent::kAppoint && state != InspectorState::kNone) at.qualify(who);
      const Code code = at.take(act);
      INFO("seed " << seed << ", step " << i << ": " << to_string(event) << " of " << who << " in " << to_string(state)
                   << " gave " << static_cast<int>(code));
      const auto to = next(state, event);
      if (code == Code{}) {
        REQUIRE(to);
        state = *to;
      } else if (to) {
        CHECK(event == InspectorEvent::kAppoint);
        CHECK((code == Code::kTermLimit || code == Code::kTermOfOfficeWrong || code == Code::kTrainingShort));
      } else {
        CHECK((code == Code::kInspectorTransitionNotAllowed || code == Code::kInspectorUnknown));
      }
      CHECK(at.status(who) == (state == InspectorState::kNone ? "absent" : to_string(state)));
    }
    for (const auto& [who, state] : expected) {
      InspectorState replayed = InspectorState::kNone;
      const auto steps =
          at.look<std::vector<StoredRow>>([&, who = who](Store& rows) { return inspector_steps(rows, who); });
      for (const StoredRow& step : steps) {
        replayed = advance(replayed, inspector_event_from(std::get<std::string>(step.cells[2])).value()).value();
        CHECK(std::get<std::string>(step.cells[3]) == to_string(replayed));
      }
      CHECK(replayed == state);
      const auto terms = at.terms(who);
      for (const TermOfOffice& a : terms)
        for (const TermOfOffice& b : terms)
          CHECK((a.n == b.n || !a.begun() || !b.begun() || a.last_day() < b.from_day || b.last_day() < a.from_day));
    }
    CHECK(at.office->rebuild());
  }
}

TEST_CASE("a score is worked out in whole numbers from what was counted, and what was not asked is left out") {
  AssessmentInputs in;
  CHECK(assessment_score(in) == 7'500);
  CHECK(proposed_grade(assessment_score(in)) == AssessmentGrade::kPass);
  in.visits_required = 3;
  in.visits_done = 1;
  in.submitted = in.submitted_in_time = 1;
  // (40 · 3,333 + 20 · 10,000 + 10 · 10,000) / 70
  CHECK(assessment_score(in) == 6'190);
  in.findings_due = 2;
  in.findings_verified = 1;
  in.training_hours = 30;
  in.training_minimum = 40;
  // (40 · 3,333 + 20 · 10,000 + 15 · 5,000 + 15 · 7,500 + 10 · 10,000) / 100
  CHECK(assessment_score(in) == 6'208);
  in.visits_returned = 1;
  CHECK(assessment_score(in) == 5'208);
  in.recusal_breaches = 1;
  CHECK(assessment_score(in) == 3'208);
  in.recusal_breaches = 2;
  CHECK(assessment_score(in) == 1'208);
  in.recusal_breaches = 3;
  CHECK(assessment_score(in) == 0);
  in = {};
  in.visits_required = 4;
  in.visits_done = 9;
  in.training_hours = 99;
  in.training_minimum = 40;
  CHECK(assessment_score(in) == 10'000);
  for (const auto& [score, grade] : {std::pair(10'000, "EXCELLENT"),
                                     {9'000, "EXCELLENT"},
                                     {8'999, "GOOD"},
                                     {8'000, "GOOD"},
                                     {7'999, "PASS"},
                                     {6'000, "PASS"},
                                     {5'999, "FAIL"},
                                     {0, "FAIL"}})
    CHECK(to_string(proposed_grade(score)) == grade);
  for (const std::string_view name : {"EXCELLENT", "GOOD", "PASS", "FAIL"})
    CHECK(to_string(assessment_grade_from(name).value()) == name);
  CHECK_FALSE(assessment_grade_from("BAD"));
}

TEST_CASE("a year is assessed from what is on record, and a person decides it") {
  Place at;
  TestDevice device(at.office, "I001");
  device.enrol();
  const Bytes visit = at.office.plan({"I001", "I002"}, "140001");
  at.office.plan({"I001"}, "140002");  // may still be done
  device.must_sync();
  device.check_in(visit);
  const Moment now_at = now(device.platform.clock);
  for (const auto& [n, due_in, void_reason] : {std::tuple(1, -1, ""), {2, 30, ""}, {3, -1, "看错了"}})
    device.write([&, n = n, due_in = due_in, void_reason = std::string_view(void_reason)] {
      return device.db->execute(
          "INSERT INTO finding VALUES (?, ?, ?, 'S1', 'SERIOUS', NULL, '通道堵塞', ?, '栖云县教育局', 'OPEN', "
          "nullif(?, ''), 'I001', ?, ?, ?)",
          BytesView(visit), device.number(), std::int64_t{n}, at.today + due_in, void_reason, now_at.utc_ms,
          now_at.offset_min, now_at.boot_ms);
    });
  device.write([&] { return device.answer(visit, "S1", std::int64_t{1}); });
  device.write([&] { return device.answer(visit, "S2", std::int64_t{12}); });
  device.finish_and_submit(visit);
  REQUIRE(device.must_sync().refusals.empty());
  REQUIRE(at.office.visit_state(visit) == "RECEIVED");

  AssessmentInputs counted = at.assessed("I001", 2026);
  CHECK(counted.unit == "9901");
  CHECK(counted.as_of_day == at.today);
  CHECK(counted.zone_schools == 1);
  CHECK(counted.assigned == 1);
  CHECK(counted.visits_required == 4);
  CHECK(counted.visits_done == 1);
  CHECK(counted.submitted == 1);
  CHECK(counted.submitted_in_time == 1);
  CHECK(counted.findings_due == 1);
  CHECK(counted.findings_verified == 0);
  CHECK(counted.training_minimum == 40);
  CHECK(counted.visits_returned == 0);
  CHECK(counted.recusal_breaches == 0);
  CHECK(assessment_score(counted) == 4'000);
  const AssessmentInputs member = at.assessed("I002", 2026);
  CHECK(member.visits_done == 1);
  CHECK(member.visits_required == 1);
  CHECK(member.submitted == 0);
  CHECK(member.findings_due == 0);
  CHECK(at.assessed("I001", 2025).visits_done == 0);

  REQUIRE(at.train("I001", at.today, 40) == Code{});
  REQUIRE(at.office->visit_event("王处长", visit, "query", "S1", "请补充"));
  REQUIRE(at.settle(Policy::kRoutineVisitsPerTerm, 0, "9901") == Code{});
  counted = at.assessed("I001", 2026);
  CHECK(counted.visits_required == 1);
  CHECK(counted.training_hours == 40);
  CHECK(counted.visits_returned == 1);
  CHECK(assessment_score(counted) == 7'500);
  REQUIRE(at.decide([&](Store& rows) { return declare_conflict(rows, "I001", "140001", "R2", std::nullopt); }) ==
          Code{});
  CHECK(at.assessed("I001", 2026).recusal_breaches == 1);
  REQUIRE(at.decide([&](Store& rows) { return declare_conflict(rows, "I001", "140001", "R2", at.today - 1); }) ==
          Code{});
  CHECK(at.assessed("I001", 2026).recusal_breaches == 0);

  CHECK(at.decide_grade("I001", 2026, "BEST") == Code::kAssessmentWrong);
  CHECK(at.decide_grade("I001", 2027, "PASS") == Code::kAssessmentWrong);
  CHECK(at.decide_grade("X001", 2026, "PASS") == Code::kInspectorUnknown);
  at.bring("D080", InspectorState::kAppointed);
  CHECK(at.decide_grade("D080", 2026, "PASS") == Code::kInspectorTransitionNotAllowed);
  CHECK(at.decide_grade("I001", 2026, "GOOD") == Code::kAssessmentWrong);  // proposed is PASS
  const ValueView key[] = {std::string_view("I001"), std::int64_t{2026}};
  const std::vector<ValueView> row(std::begin(key), std::end(key));
  CHECK(at.office.cell("assessment", row, "decided") == "absent");
  REQUIRE(at.decide_grade("I001", 2026, "PASS") == Code{});
  CHECK(at.office.cell("assessment", row, "proposed") == "PASS");
  CHECK(at.office.cell("assessment", row, "reason") == "null");
  CHECK(at.decide_grade("I001", 2026, "PASS") == Code::kAssessmentWrong);  // once more needs a reason
  REQUIRE(at.decide_grade("I001", 2026, "GOOD", "抽查结果优良") == Code{});
  CHECK(at.office.cell("assessment", row, "decided") == "GOOD");
  CHECK(at.office.cell("assessment", row, "proposed") == "PASS");
  const json inputs = json::parse(at.office.cell("assessment", row, "inputs"));
  CHECK(inputs.at("format") == "dudao-assessment-1");
  CHECK(inputs.at("score") == 7'500);
  CHECK(inputs.at("shares").at("visits").at("part") == 1);
  CHECK(inputs.at("shares").at("findings").at("share") == 0);
  CHECK(at.office->rebuild());
}
