#include "tools/replay/nigeria.hpp"

#include "tests/tools/replay/made_survey.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::replay;
using namespace dudao::test;

namespace {

Checklist checklist_for(const std::string& visits) {
  const auto bytes = make_template(kSurvey, kChoices, visits);
  if (!bytes) FAIL(bytes.error().message());
  auto checklist = Checklist::parse(*bytes);
  REQUIRE(checklist);
  return *checklist;
}

Source read(const std::vector<Cells>& rows) {
  const std::string visits = csv(rows);
  auto source = read_source(kDistricts, visits, checklist_for(visits));
  REQUIRE(source);
  CHECK(source->visits.size() + source->refused.size() == rows.size());
  return *std::move(source);
}

}  // namespace

TEST_CASE("a survey form becomes a checklist with its questions, choices and constraints") {
  Cells other = good_row(1);
  other["facility_type"] = "js";
  const Checklist checklist = checklist_for(csv({good_row(0), other}));
  CHECK(checklist.items().size() == 65);
  CHECK(checklist.item("gps")->title.in("en") == "1.1 Where is it?");
  CHECK(checklist.item("facility_type")->title.in("en") == "11. Which level?");
  CHECK(checklist.item("facility_type")->guidance.in("en") == "Select ONLY one.");
  std::vector<std::string> codes;
  for (const auto& option : checklist.item("facility_type")->options) codes.push_back(option.code);
  CHECK(codes == std::vector<std::string>{"js", "primary_only", "vocational"});
  CHECK(checklist.item("natl_curriculum_yn")->type == ItemType::kYesNo);
  CHECK(checklist.item("covered_roof_good_condi")->title.in("en") == "Covered roof good condi");
  CHECK(checklist.item("zone") == nullptr);

  const auto number = [](std::int64_t n) { return AnswerValue{n, {}, {}}; };
  const Answers pupils = {{"num_students_female", number(10)},
                          {"num_students_male", number(20)},
                          {"num_classrms_total", number(4)},
                          {"num_tchrs_total", number(3)}};
  CHECK(checklist.check_answer("num_students_total", number(30), pupils));
  CHECK(checklist.check_answer("num_students_total", number(999), pupils));
  CHECK(checklist.check_answer("num_students_total", number(31), pupils).error().code == Code::kAnswerConstraint);
  CHECK(checklist.check_answer("num_classrms_need_maj_repairs", number(4), pupils));
  CHECK(checklist.check_answer("num_classrms_need_maj_repairs", number(5), pupils).error().code ==
        Code::kAnswerConstraint);
  CHECK(checklist.check_answer("num_tchrs_attended_training", number(4), pupils));  // As the header says.
  CHECK(checklist.check_answer("num_textbooks", number(4), pupils));  // Looks at a question that nobody asks.
}

TEST_CASE("a form or a register without the columns that are needed is refused") {
  const std::string visits = csv({good_row(0)});
  CHECK(make_template("type,name\n", kChoices, visits).error().code == Code::kCsvHeader);
  CHECK(make_template(kSurvey, "name,label\n", visits).error().code == Code::kCsvHeader);
  CHECK(make_template(kSurvey, kChoices, "uuid,lga\n").error().code == Code::kCsvHeader);
  CHECK(make_template(kSurvey, kChoices, "").error().code == Code::kCsvHeader);
  CHECK(make_template(kSurvey, kChoices, visits + "\xff\n").error().code == Code::kTextNotValid);
  const Checklist checklist = checklist_for(visits);
  CHECK(read_source("lga_id\n", visits, checklist).error().code == Code::kCsvHeader);
  CHECK(read_source(kDistricts, "uuid\n", checklist).error().code == Code::kCsvHeader);
}

TEST_CASE("a row becomes a school, a day, a position, answers and findings, and nothing of it is lost") {
  const Source source = read({good_row(0)});
  REQUIRE(source.visits.size() == 1);
  const SourceVisit& visit = source.visits[0];
  CHECK(visit.line == 2);
  CHECK(visit.school.code == "E-ABCA");
  CHECK(visit.school.name == "River school");
  CHECK(visit.school.org_unit == "LGA-7");
  CHECK(visit.school.lat_e7 == 90884455);
  CHECK(visit.school.lon_e7 == -38426545);
  CHECK(visit.accuracy_cm == 500);
  CHECK(visit.day == day_from_date("2012-07-27"));
  CHECK(visit.answers.size() == 18);
  CHECK(visit.answers.at("education_type").value == decltype(AnswerValue::value)(std::string("formal_educ")));
  CHECK(visit.answers.at("power_access").value == decltype(AnswerValue::value)(std::int64_t{1}));
  CHECK(visit.answers.at("facility_name").value == decltype(AnswerValue::value)(std::string(" River\nschool ")));
  CHECK(visit.answers.count("ward") == 0);

  const StoredVisit stored = expected(visit, source);
  CHECK(stored.place == std::vector<std::string>{"South", "Westland", "Old Town-East"});
  CHECK(stored.finding_items ==
        std::vector<std::string>{"covered_roof_good_condi", "tchr_pay_delay", "num_toilets_total"});
  CHECK(compare(visit, source, stored).empty());

  // The checklist derives the same findings by itself.
  std::vector<std::string> derived;
  for (const auto& finding : checklist_for(csv({good_row(0)})).derived_findings(visit.answers))
    derived.push_back(finding.item);
  std::sort(derived.begin(), derived.end());
  auto own = stored.finding_items;
  std::sort(own.begin(), own.end());
  CHECK(derived == own);
}

TEST_CASE("whatever differs between a row and what is stored is named") {
  const Source source = read({good_row(0)});
  const SourceVisit& visit = source.visits.at(0);
  const auto difference = [&](auto change) {
    StoredVisit stored = expected(visit, source);
    change(stored);
    return compare(visit, source, stored);
  };
  using Names = std::vector<std::string>;
  for (const auto& [item, answer] : visit.answers) {
    CHECK(difference([&](StoredVisit& s) { s.answers.erase(item); }) == Names{item});
    CHECK(difference([&](StoredVisit& s) { s.answers[item] = AnswerValue{}; }) == Names{item});
    CHECK(difference([&](StoredVisit& s) { s.answers[item] = AnswerValue{{}, {}, "not applicable"}; }) == Names{item});
    CHECK(difference([&](StoredVisit& s) { s.answers[item].total = 3; }) == Names{item});
    CHECK(difference([&, stored_answer = answer](StoredVisit& s) {
            auto& value = s.answers[item].value;
            if (auto* number = std::get_if<std::int64_t>(&value))
              ++*number;
            else
              std::get<std::string>(value) += "x";
          }) == Names{item});
  }
  CHECK(difference([](StoredVisit& s) { s.answers["ward"] = AnswerValue{std::string("5"), {}, {}}; }) == Names{"ward"});
  CHECK(difference([](StoredVisit& s) {
          s.answers["unknown"] = AnswerValue{std::int64_t{5}, {}, {}};
        }) == Names{"an answer to unknown"});
  CHECK(difference([](StoredVisit& s) { s.school = "E-ABCB"; }) == Names{"facility_ID"});
  CHECK(difference([](StoredVisit& s) { s.school_name += "!"; }) == Names{"the school's name"});
  CHECK(difference([](StoredVisit& s) { s.unit = "LGA-8"; }) == Names{"lga_id"});
  CHECK(difference([](StoredVisit& s) { s.place[2] = "Hill"; }) == Names{"lga", "unique_lga"});
  CHECK(difference([](StoredVisit& s) { s.place[0] = "North"; }) == Names{"zone"});
  CHECK(difference([](StoredVisit& s) { s.place.clear(); }).size() == 6);
  CHECK(difference([](StoredVisit& s) { ++s.day; }) == Names{"the day"});
  CHECK(difference([](StoredVisit& s) { ++s.lat_e7; }) == Names{"the position"});
  CHECK(difference([](StoredVisit& s) { ++s.lon_e7; }) == Names{"the position"});
  CHECK(difference([](StoredVisit& s) { ++s.accuracy_cm; }) == Names{"the position's accuracy"});
  CHECK(difference([](StoredVisit& s) { s.finding_items.pop_back(); }) == Names{"the findings"});
  CHECK(difference([](StoredVisit& s) { s.finding_items.push_back("power_access"); }) == Names{"the findings"});
  CHECK(difference([](StoredVisit& s) { std::reverse(s.finding_items.begin(), s.finding_items.end()); }).empty());
}

TEST_CASE("each row that cannot be taken is listed with its line and reason") {
  const auto refused = [](const std::string& column, const std::string& cell) {
    INFO(column << " = " << cell);
    Cells bad = good_row(1);
    bad[column] = cell;
    const std::string with = csv({good_row(0), bad, good_row(2)});
    const auto source = read_source(kDistricts, with, checklist_for(csv({good_row(0)})));
    REQUIRE(source);
    CHECK(source->visits.size() == 2);
    REQUIRE(source->refused.size() == 1);
    CHECK(source->refused[0].line == 4);  // The name before it takes two lines.
    return source->refused[0].error;
  };
  CHECK(refused("uuid", "u-0").code == Code::kRowRepeated);
  CHECK(refused("uuid", "u-0").detail == "uuid as in line 2");
  CHECK(refused("uuid", "").code == Code::kRowMissing);
  for (const char* bad : {"", "9.1 3.8", "9.1 3.8 0", "9.1 3.8 0 5 6", "9.1  3.8 0 5", "91 3.8 0 5", "9.1 181 0 5",
                          "0 0 0 5", "a b c d", "9.1 3.8 0 -1", "9.1,3.8,0,5"})
    CHECK(refused("gps", bad).code == Code::kRowPosition);
  for (const char* bad : {"", "2012-02-30", "2009-07-14", "2014-01-01", "1970-01-01", "27/07/2012"})
    CHECK(refused("date_of_survey", bad).detail == "date_of_survey");
  CHECK(refused("lga_id", "9").code == Code::kRowPlace);
  CHECK(refused("lga", "Hill").code == Code::kRowPlace);
  CHECK(refused("unique_lga", "x").detail == "unique_lga");
  CHECK(refused("facility_ID", "E:ABCB").code == Code::kRowPlace);
  CHECK(refused("facility_ID", "E:abca").code == Code::kRowConflict);
  CHECK(refused("power_access", "true").code == Code::kRowValue);
  CHECK(refused("num_students_male", "020").code == Code::kRowValue);
  CHECK(refused("num_students_male", "2.0").code == Code::kRowValue);
  CHECK(refused("num_toilets_total", "-1").code == Code::kAnswerRange);
  CHECK(refused("num_students_total", "31").code == Code::kAnswerConstraint);
  CHECK(refused("facility_type", "castle").code == Code::kAnswerOption);
  CHECK(refused("ward", "\x01").code == Code::kAnswerTextBad);
}

TEST_CASE("a school without a name goes by its number") {
  Cells row = good_row(0);
  row["facility_name"] = "";
  const Source source = read({row});
  REQUIRE(source.visits.size() == 1);
  CHECK(source.visits[0].school.name == "E:abca");
  CHECK(compare(source.visits[0], source, expected(source.visits[0], source)).empty());
}

TEST_CASE("all real visits are taken but those that were loaded twice, and each can be written back to the byte") {
  const auto visits = shared("/data/nigeria-visits/visits_top3states.csv");
  if (!visits) {
    WARN("skipped: the shared data are not beside this checkout");
    return;
  }
  const auto bytes = make_template(*shared("/data/nigeria-form/Education_17_04_2012__survey.csv"),
                                   *shared("/data/nigeria-form/Education_17_04_2012__choices.csv"), *visits);
  if (!bytes) FAIL(bytes.error().message());
  const auto checklist = Checklist::parse(*bytes);
  REQUIRE(checklist);
  const auto source = read_source(*shared("/data/nigeria-visits/lgas.csv"), *visits, *checklist);
  REQUIRE(source);
  CHECK(source->visits.size() == 11'488);
  CHECK(source->refused.size() == 57);
  for (const auto& row : source->refused) CHECK(row.error.code == Code::kRowRepeated);
  std::map<std::string, std::size_t> findings;
  for (const auto& visit : source->visits) {
    const StoredVisit stored = expected(visit, *source);
    REQUIRE(compare(visit, *source, stored).empty());
    std::vector<std::string> derived;
    for (const auto& finding : checklist->derived_findings(visit.answers)) derived.push_back(finding.item);
    auto own = stored.finding_items;
    std::sort(own.begin(), own.end());
    std::sort(derived.begin(), derived.end());
    REQUIRE(derived == own);
    for (const auto& item : own) ++findings[item];
  }
  CHECK(findings.size() == 7);
  CHECK(findings["class_held_outside"] > 3'500);
  CHECK(findings["tchr_pay_delay"] > 3'700);
}
