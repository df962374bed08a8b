/// Figures are what was done, whoever counts, and lead to the very statements in which it was signed.

#include "sync/office/statistics.hpp"

#include "schema/deadline.hpp"
#include "sync/office/inspectors.hpp"
#include "sync/office/jurisdiction.hpp"
#include "tests/sync/office/county.hpp"

#include <algorithm>
#include <set>

using namespace dudao;
using namespace dudao::test;

namespace {

/// Two units below one, two schools in the first and one in the second.
void place_schools(TestOffice& office) {
  const auto done = office->decide("王处长", "register.import", [](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.insert("org_unit", {std::string("99"), std::string("澄川市"), std::string("市"), Value()});
    rows.insert("org_unit", {std::string("9901"), std::string("栖云县"), std::string("县"), std::string("99")});
    rows.insert("org_unit", {std::string("9902"), std::string("望河县"), std::string("县"), std::string("99")});
    const std::size_t unit = find_table("school")->column("org_unit");
    for (const auto& [school, place] : {std::pair("140001", "9901"), {"140002", "9901"}, {"140003", "9902"}})
      rows.update("school", {std::string(school)}, {{unit, std::string(place)}});
    return rows;
  });
  if (!done) FAIL(done.error().message());
}

struct CountedCounty {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes done, waiting, called_off;
  std::int64_t today = 0;

  CountedCounty() {
    office.add_people_and_schools();
    place_schools(office);
    device.enrol();
    done = office.plan({"I001", "I002"}, "140001");
    waiting = office.plan({"I001"}, "140003");
    called_off = office.plan({"I001"}, "140002");
    device.must_sync();
    device.check_in(done);
    find("SERIOUS", 1, -1);
    find("ADVICE", 2, 30);
    find("ORDINARY", 3, -5);
    device.write([&] { return device.db->execute("UPDATE finding SET void_reason = '看错了' WHERE n = 3"); });
    device.write([&] { return device.answer(done, "S1", std::int64_t{1}); });
    device.write([&] { return device.answer(done, "S2", std::int64_t{12}); });
    device.finish_and_submit(done);
    REQUIRE(seal(device.platform, *device.db).value() == 1);
    REQUIRE(device.must_sync().refusals.empty());
    REQUIRE(office.visit_state(done) == "RECEIVED");
    REQUIRE(office->visit_event("王处长", called_off, "cancel", "", "停课"));
    const Moment at = now(device.platform.clock);
    today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  }
  /// A finding whose day is so many days from today.
  void find(std::string_view severity, std::int64_t n, std::int64_t due_in) {
    const Moment at = now(device.platform.clock);
    const std::int64_t day = local_day(at.utc_ms, static_cast<int>(at.offset_min)) + due_in;
    device.write([&] {
      return device.db->execute(
          "INSERT INTO finding VALUES (?, ?, ?, 'S1', ?, NULL, '通道堵塞', ?, NULL, 'OPEN', NULL, 'I001', ?, ?, ?)",
          BytesView(done), device.number(), n, severity, day, at.utc_ms, at.offset_min, at.boot_ms);
    });
  }

  Statistic count(StatisticKind kind, StatisticScope scope = {}) {
    scope.today = today;
    Statistic out;
    const auto counted = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(out, count_statistic(rows, kind, scope));
      return {};
    });
    if (!counted) FAIL(counted.error().message());
    for (const StatisticLine& line : out.lines) {
      CHECK(line.group.size() == out.groups.size());
      CHECK(line.figures.size() == out.measures.size());
    }
    return out;
  }
  static std::vector<std::int64_t> figures(const Statistic& counted, const std::vector<std::string>& group) {
    const auto line = std::find_if(counted.lines.begin(), counted.lines.end(),
                                   [&](const StatisticLine& one) { return one.group == group; });
    std::vector<std::int64_t> out;
    if (line != counted.lines.end())
      for (const Figure& figure : line->figures) out.push_back(figure.value);
    return out;
  }
};

using Figures = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("each statistic counts what was done, in its unit, and nothing that was voided or called off") {
  CountedCounty at;
  const Statistic coverage = at.count(StatisticKind::kCoverage);
  CHECK(coverage.lines.size() == 2);
  CHECK(CountedCounty::figures(coverage, {"9901", "ROUTINE"}) == Figures{2, 1, 1});
  CHECK(CountedCounty::figures(coverage, {"9902", ""}) == Figures{1, 0, 0});

  const Statistic visits = at.count(StatisticKind::kVisits);
  CHECK(CountedCounty::figures(visits, {"I001"}) == Figures{3, 1, 1, 0, 0, 1});
  CHECK(CountedCounty::figures(visits, {"I002"}) == Figures{1, 1, 0, 0, 0, 0});

  const Statistic findings = at.count(StatisticKind::kFindings);
  CHECK(findings.lines.size() == 2);
  CHECK(CountedCounty::figures(findings, {"S1", "SERIOUS", "OPEN"}) == Figures{1, 1});
  CHECK(CountedCounty::figures(findings, {"S1", "ADVICE", "OPEN"}) == Figures{1, 0});
  CHECK(CountedCounty::figures(at.count(StatisticKind::kOpen), {"SERIOUS", "0-30"}) == Figures{1});
  CHECK(CountedCounty::figures(at.count(StatisticKind::kOverdue), {"9901", "140001"}) == Figures{1});

  // I001 answers for one of three schools, each with 400 pupils.
  const Statistic staffing = at.count(StatisticKind::kStaffing);
  CHECK(CountedCounty::figures(staffing, {"9901"}) == Figures{2, 0, 1, 1, 0});
  CHECK(CountedCounty::figures(staffing, {"9902"}) == Figures{1, 0, 1, 0, 1});
  StatisticScope all_large;
  all_large.large_school_pupils = 400;
  CHECK(CountedCounty::figures(at.count(StatisticKind::kStaffing, all_large), {"9901"}) == Figures{0, 2, 2, 1, 1});
  CHECK(at.count(StatisticKind::kDraws).lines.empty());

  REQUIRE(at.office->visit_event("王处长", at.done, "query", "S1", "请补充"));
  CHECK(CountedCounty::figures(at.count(StatisticKind::kVisits), {"I001"}) == Figures{3, 1, 1, 0, 1, 1});
}

TEST_CASE("a statistic can be of one unit and of some days only") {
  CountedCounty at;
  StatisticScope scope;
  scope.unit = "9902";
  CHECK(at.count(StatisticKind::kCoverage, scope).lines.size() == 1);
  CHECK(CountedCounty::figures(at.count(StatisticKind::kVisits, scope), {"I001"}) == Figures{1, 0, 0, 0, 0, 0});
  scope.unit = "99";
  CHECK(CountedCounty::figures(at.count(StatisticKind::kCoverage, scope), {"9901", "ROUTINE"}) == Figures{2, 1, 1});
  // Five schools to one inspector are counted for the city as a whole, not rounded up in each county.
  scope.level = "市";
  CHECK(CountedCounty::figures(at.count(StatisticKind::kStaffing, scope), {"99"}) == Figures{3, 0, 1, 1, 0});
  scope.level = "乡";
  CHECK(at.count(StatisticKind::kStaffing, scope).lines.size() == 2);
  scope.unit = "77";
  const auto unknown = at.office->read(
      [&](Store& rows) -> Status { return count_statistic(rows, StatisticKind::kCoverage, scope).map([](auto&&) {}); });
  CHECK(unknown.error().code == Code::kUnitUnknown);

  // The visit took place today; the others count with the first day of their windows.
  scope.unit = "";
  scope.from_day = scope.to_day = at.today;
  CHECK(CountedCounty::figures(at.count(StatisticKind::kVisits, scope), {"I001"}) == Figures{1, 1, 1, 0, 0, 0});
  scope.from_day = scope.to_day = 20'500;
  if (at.today != 20'500)
    CHECK(CountedCounty::figures(at.count(StatisticKind::kVisits, scope), {"I001"}) == Figures{2, 0, 0, 0, 0, 1});
}

TEST_CASE("a figure leads to the statements that were signed, and to no other") {
  CountedCounty at;
  const auto sealed = outbox(*at.device.db, false);
  REQUIRE(sealed);
  REQUIRE(sealed->size() == 1);
  const Statistic overdue = at.count(StatisticKind::kOverdue);
  REQUIRE(overdue.lines.size() == 1);
  const Statistic visits = at.count(StatisticKind::kCoverage);
  const auto done = at.office->read([&](Store& rows) -> Status {
    DUDAO_TRY(const auto finding, statements_under(rows, overdue.lines[0].figures[0].rows));
    REQUIRE(finding.size() == 1);
    CHECK(finding[0].id == sealed->front().id);
    CHECK(finding[0].author == at.device.number());
    CHECK(finding[0].index == sealed->front().log_index);
    REQUIRE(finding[0].rows.size() == 1);
    CHECK(finding[0].rows[0].starts_with("finding " + to_hex(at.done)));

    // The office planned it, the device carried it out: its state is of both.
    DUDAO_TRY(const auto visit, statements_under(rows, visits.lines[0].figures[2].rows));
    REQUIRE(visit.size() == 2);
    CHECK(visit[0].author == kOfficeAuthor);
    CHECK(visit[1].id == sealed->front().id);
    CHECK(visit[0].registered_utc_ms <= visit[1].registered_utc_ms);

    const CountedRow nowhere{find_table("school"), {std::string("none")}};
    CHECK(statements_under(rows, {nowhere}).error().code == Code::kLedgerBroken);
    return {};
  });
  CHECK(done);
}

TEST_CASE("staffing and training are counted by what each unit settled and whose inspector each is") {
  CountedCounty at;
  const auto decide = [&](const std::function<Result<ChangesBuilder>(Store&)>& build) {
    const auto done = at.office->decide("王处长", "test", build);
    if (!done) FAIL(done.error().message());
  };
  const auto settle = [&](Policy policy, std::string_view unit, std::int64_t value) {
    decide([&](Store& rows) { return settle_policy(rows, policy, unit, at.today - 400, value, "地方规定"); });
  };
  const auto place = [&](std::string_view inspector, std::string_view unit) {
    ProfileChange change;
    change.unit = unit;
    decide([&](Store& rows) { return change_profile(rows, inspector, change); });
  };
  const auto under = [&](const Figure& figure) {
    std::set<std::string> out;
    const auto done = at.office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto statements, statements_under(rows, figure.rows));
      for (const StatementUnder& one : statements) out.insert(one.rows.begin(), one.rows.end());
      return {};
    });
    if (!done) FAIL(done.error().message());
    return out;
  };

  settle(Policy::kLargeSchoolPupils, "9901", 400);
  Statistic staffing = at.count(StatisticKind::kStaffing);
  CHECK(CountedCounty::figures(staffing, {"9901"}) == Figures{0, 2, 2, 1, 1});
  CHECK(CountedCounty::figures(staffing, {"9902"}) == Figures{1, 0, 1, 0, 1});
  CHECK(under(staffing.lines.at(0).figures.at(2))
            .count("policy 9901/LARGE_SCHOOL_PUPILS/" + std::to_string(at.today - 400)) == 1);
  settle(Policy::kSchoolsPerInspector, "99", 1);
  StatisticScope whole;
  whole.level = "市";
  CHECK(CountedCounty::figures(at.count(StatisticKind::kStaffing, whole), {"99"}) == Figures{3, 0, 3, 1, 2});
  StatisticScope large;
  large.large_school_pupils = 5'000;
  CHECK(CountedCounty::figures(at.count(StatisticKind::kStaffing, large), {"9901"}) == Figures{2, 0, 2, 1, 1});

  place("I002", "9902");
  CHECK(CountedCounty::figures(at.count(StatisticKind::kStaffing), {"9902"}) == Figures{1, 0, 1, 1, 0});
  place("I001", "9902");  // the profile counts, not the zone
  staffing = at.count(StatisticKind::kStaffing);
  CHECK(CountedCounty::figures(staffing, {"9901"}) == Figures{0, 2, 2, 0, 2});
  CHECK(CountedCounty::figures(staffing, {"9902"}) == Figures{1, 0, 1, 2, 0});
  CHECK(under(staffing.lines.at(1).figures.at(3)) ==
        std::set<std::string>{"inspector I001", "inspector I002", "inspector_profile I001", "inspector_profile I002"});

  settle(Policy::kTrainingHours, "9902", 30);
  const auto train = [&](std::string_view inspector, std::int64_t day, std::int64_t hours) {
    decide([&](Store& rows) {
      return add_training(rows, inspector, {day, hours, "集中培训", "", "王处长"}, 1, at.today);
    });
  };
  train("I002", at.today, 16);
  train("I002", at.today - 366, 20);
  train("I002", at.today, 8);
  decide([&](Store& rows) { return void_training(rows, "I002", 3, "重复登记"); });
  Statistic training = at.count(StatisticKind::kTraining);
  CHECK(training.lines.size() == 3);
  CHECK(CountedCounty::figures(training, {"9902", "I002"}) == Figures{16, 30, 14});
  CHECK(CountedCounty::figures(training, {"9902", "I001"}) == Figures{0, 30, 30});
  CHECK(CountedCounty::figures(training, {"", "I003"}) == Figures{0, 40, 40});
  const auto line = std::find_if(training.lines.begin(), training.lines.end(),
                                 [](const StatisticLine& one) { return one.group.back() == "I002"; });
  CHECK(under(line->figures[0]) == std::set<std::string>{"training I002/1"});
  CHECK(under(line->figures[2]).count("training I002/1") == 1);
  CHECK(under(line->figures[2]).count("inspector I002") == 1);
  StatisticScope last_year;
  last_year.unit = "9902";
  last_year.to_day = at.today - 366;
  training = at.count(StatisticKind::kTraining, last_year);
  CHECK(training.lines.size() == 2);
  CHECK(CountedCounty::figures(training, {"9902", "I002"}) == Figures{20, 30, 10});
}

TEST_CASE("statistics have names, each its own") {
  for (const StatisticKind kind : kStatisticKinds) CHECK(statistic_kind_from(to_string(kind)) == kind);
  CHECK_FALSE(statistic_kind_from("anything"));
}
