#include "schema/deadline.hpp"

#include "schema/answer.hpp"

#include <fstream>
#include <iterator>
#include <random>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;

namespace {

std::int64_t day(std::string_view date) { return parse_date(date).value(); }

std::string sample() {
  std::ifstream in(DUDAO_SOURCE_DIR "/tools/sample/deadlines/china.json");
  return {std::istreambuf_iterator<char>(in), {}};
}

DeadlineRule rule(std::int64_t amount, DeadlineUnit unit, bool to_worked_day = true) {
  DeadlineRule out;
  out.amount = amount;
  out.unit = unit;
  out.to_worked_day = to_worked_day;
  return out;
}

/// "2026-10-08", or with a '?' behind it when it is provisional.
std::string due_text(const DeadlineRule& rule, std::string_view anchor, const WorkCalendar& calendar) {
  const auto found = due(rule, day(anchor), calendar);
  return found ? date_text(found->day) + (found->provisional ? "?" : "") : found.error().message();
}

/// Holidays at random, a make-up day for some of them, announced for ten years.
WorkCalendar some_calendar(std::mt19937& dice) {
  WorkCalendar out;
  for (int i = 0; i < 200; ++i)
    out.mark(day("2024-01-01") + static_cast<std::int64_t>(dice() % 3'650), dice() % 3 == 0);
  out.set_announced_until(day("2033-12-31"));
  return out;
}

}  // namespace

TEST_CASE("limits in days, working days, months and terms end where the law says, around holidays too") {
  const WorkCalendar calendar = DeadlineBook::parse(sample()).value().calendar;
  using Unit = DeadlineUnit;
  // Days: the day of the event does not count; an end on a day off moves to the next worked day.
  CHECK(due_text(rule(5, Unit::kDay), "2026-03-02", calendar) == "2026-03-09");
  CHECK(due_text(rule(5, Unit::kDay, false), "2026-03-02", calendar) == "2026-03-07");
  CHECK(due_text(rule(10, Unit::kDay), "2026-09-21", calendar) == "2026-10-08");
  CHECK(due_text(rule(0, Unit::kDay, false), "2026-10-01", calendar) == "2026-10-01");
  // Working days: National Day's week falls out, the Saturday that makes up for it counts.
  CHECK(due_text(rule(3, Unit::kWorkingDay), "2026-09-29", calendar) == "2026-10-09");
  CHECK(due_text(rule(4, Unit::kWorkingDay), "2026-09-29", calendar) == "2026-10-10");
  CHECK(due_text(rule(10, Unit::kWorkingDay), "2026-02-10", calendar) == "2026-03-02");
  CHECK(due_text(rule(-2, Unit::kWorkingDay), "2026-10-08", calendar) == "2026-09-29");
  CHECK(due_text(rule(-2, Unit::kDay, false), "2026-10-08", calendar) == "2026-10-06");
  // Months: the day of the same number, or the last.
  CHECK(due_text(rule(1, Unit::kMonth, false), "2026-01-31", calendar) == "2026-02-28");
  CHECK(due_text(rule(1, Unit::kMonth, false), "2024-01-31", calendar) == "2024-02-29");
  CHECK(due_text(rule(1, Unit::kMonth), "2026-01-20", calendar) == "2026-02-24");
  CHECK(due_text(rule(12, Unit::kMonth, false), "2026-08-31", calendar) == "2027-08-31");
  CHECK(due_text(rule(-1, Unit::kMonth, false), "2026-03-31", calendar) == "2026-02-28");
  // Terms: of a day between terms the one before counts.
  CHECK(due_text(rule(0, Unit::kTerm), "2026-05-20", calendar) == "2026-07-10");
  CHECK(due_text(rule(1, Unit::kTerm), "2026-05-20", calendar) == "2027-01-29");
  CHECK(due_text(rule(1, Unit::kTerm), "2026-08-15", calendar) == "2027-01-29");
  CHECK(due(rule(1, Unit::kTerm), day("2027-03-05"), calendar).error().code == Code::kTermWrong);
  CHECK(due(rule(0, Unit::kTerm), day("2025-08-31"), calendar).error().code == Code::kTermWrong);
  // Next year's holidays are not announced yet.
  CHECK(due_text(rule(10, Unit::kWorkingDay), "2026-12-25", calendar) == "2027-01-08?");
  CHECK(due_text(rule(10, Unit::kDay), "2026-12-25", calendar) == "2027-01-04?");
  CHECK(due_text(rule(10, Unit::kDay, false), "2026-12-25", calendar) == "2027-01-04");
}

TEST_CASE(
    "whatever the holidays, a limit in working days has exactly so many of them, and later events end no earlier") {
  std::mt19937 dice(20261124);
  for (int round = 0; round < 200; ++round) {
    const WorkCalendar calendar = some_calendar(dice);
    const std::int64_t anchor = day("2026-01-01") + static_cast<std::int64_t>(dice() % 1'000);
    const std::int64_t amount = static_cast<std::int64_t>(dice() % 60) + 1;
    const std::int64_t end = due(rule(amount, DeadlineUnit::kWorkingDay), anchor, calendar)->day;
    std::int64_t worked = 0;
    for (std::int64_t at = anchor + 1; at <= end; ++at) worked += calendar.is_worked(at) ? 1 : 0;
    CHECK(worked == amount);
    CHECK(calendar.is_worked(end));
    // Counted back it is the mirror.
    const std::int64_t begin = due(rule(-amount, DeadlineUnit::kWorkingDay), anchor, calendar)->day;
    worked = 0;
    for (std::int64_t at = begin; at < anchor; ++at) worked += calendar.is_worked(at) ? 1 : 0;
    CHECK(worked == amount);
    for (const DeadlineUnit unit : {DeadlineUnit::kDay, DeadlineUnit::kWorkingDay, DeadlineUnit::kMonth}) {
      const Due one = *due(rule(amount, unit), anchor, calendar);
      CHECK(calendar.is_worked(one.day));
      CHECK(due(rule(amount, unit), anchor + 1, calendar)->day >= one.day);
      CHECK(due(rule(amount + 1, unit), anchor, calendar)->day >= one.day);
      CHECK_FALSE(one.provisional);
    }
  }
}

TEST_CASE("the day of an event is the day at its place, in every time zone") {
  // 23:30 on 1 March in Taiyuan, 15:30 in London.
  const std::int64_t instant_utc_ms = day("2026-03-01") * 86'400'000 + 15 * 3'600'000 + 30 * 60'000;
  CHECK(local_day(instant_utc_ms, 480) == day("2026-03-01"));
  CHECK(local_day(instant_utc_ms + 30 * 60'000, 480) == day("2026-03-02"));
  CHECK(local_day(instant_utc_ms, -720) == day("2026-03-01"));
  CHECK(local_day(instant_utc_ms, 840) == day("2026-03-02"));
  CHECK(local_day(-1, 0) == -1);
  std::mt19937_64 dice(7);
  for (int round = 0; round < 10'000; ++round) {
    const auto utc_ms = static_cast<std::int64_t>(dice() % 8'000'000'000'000) - 4'000'000'000'000;
    const int offset_min = static_cast<int>(dice() % 1'561) - 720;  // -12:00 to +14:00
    const std::int64_t at = local_day(utc_ms, offset_min);
    CHECK(begin_of_day_utc_ms(at, offset_min) <= utc_ms);
    CHECK(utc_ms < begin_of_day_utc_ms(at + 1, offset_min));
  }
}

TEST_CASE(
    "the nearest jurisdiction's rule holds, one for the kind of visit before one for all, and only while in force") {
  DeadlineBook book = DeadlineBook::parse(sample()).value();
  const std::vector<std::string> taiyuan = {"140105", "140100", "140000"};
  const std::vector<std::string> pudong = {"310115", "310000"};
  const std::vector<std::string> chongqing = {"500101", "500000"};
  const auto code = [&](DeadlineStep step, std::string_view kind, const std::vector<std::string>& where,
                        std::string_view date = "2026-05-01") {
    const DeadlineRule* found = book.rule_for(step, kind, where, day(date));
    return found ? found->code : std::string();
  };
  CHECK(code(DeadlineStep::kPlea, "SPECIAL", pudong) == "SH-PLEA");
  CHECK(code(DeadlineStep::kPlea, "SPECIAL", taiyuan).empty());
  CHECK(code(DeadlineStep::kReinspection, "ROUTINE", taiyuan) == "CN-REINSPECT");
  CHECK(code(DeadlineStep::kPreliminaryFeedback, "SPECIAL", chongqing) == "CQ-FEEDBACK-SPECIAL");
  CHECK(code(DeadlineStep::kPreliminaryFeedback, "COMPREHENSIVE", chongqing) == "CQ-FEEDBACK-COMPREHENSIVE");
  CHECK(code(DeadlineStep::kPreliminaryFeedback, "ROUTINE", chongqing).empty());
  CHECK(code(DeadlineStep::kAppeal, "ROUTINE", taiyuan, "2021-08-31").empty());
  CHECK(code(DeadlineStep::kAppeal, "ROUTINE", taiyuan, "2021-09-01") == "CN-APPEAL");

  const auto add = [&](const std::string& name, const std::string& where, std::vector<std::string> kinds,
                       std::string_view from, std::optional<std::int64_t> to = {}) {
    DeadlineRule more = rule(3, DeadlineUnit::kDay);
    more.code = name;
    more.jurisdiction = where;
    more.step = DeadlineStep::kReinspection;
    more.visit_kinds = std::move(kinds);
    more.from_day = day(from);
    more.to_day = to;
    book.rules.push_back(std::move(more));
  };
  add("PROVINCE", "140000", {}, "2020-01-01");
  add("CITY", "140100", {}, "2020-01-01");
  add("CITY-SPECIAL", "140100", {"SPECIAL"}, "2020-01-01", day("2026-06-30"));
  add("CITY-NEWER", "140100", {}, "2026-03-01");
  CHECK(code(DeadlineStep::kReinspection, "ROUTINE", taiyuan) == "CITY-NEWER");
  CHECK(code(DeadlineStep::kReinspection, "ROUTINE", taiyuan, "2026-02-28") == "CITY");
  CHECK(code(DeadlineStep::kReinspection, "SPECIAL", taiyuan, "2026-06-30") == "CITY-SPECIAL");
  CHECK(code(DeadlineStep::kReinspection, "SPECIAL", taiyuan, "2026-07-01") == "CITY-NEWER");
  CHECK(code(DeadlineStep::kReinspection, "SPECIAL", {"140200", "140000"}) == "PROVINCE");
  CHECK(code(DeadlineStep::kReinspection, "SPECIAL", {}) == "CN-REINSPECT");
}

TEST_CASE("the sample's rules say whence they come and are read back by their names") {
  const DeadlineBook book = DeadlineBook::parse(sample()).value();
  CHECK(book.rules.size() == 24);
  const nlohmann::json whole = nlohmann::json::parse(sample());
  for (std::size_t i = 0; i < book.rules.size(); ++i) {
    const DeadlineRule& each = book.rules[i];
    const auto& written = whole["rules"][i];
    INFO(each.code);
    CHECK(to_string(each.step) == written["step"].get<std::string>());
    CHECK(to_string(each.anchor) == written["anchor"].get<std::string>());
    CHECK(to_string(each.unit) == written["unit"].get<std::string>());
    CHECK(each.source.size() > 10);
    CHECK(due(each, day("2026-04-08"), book.calendar));
  }
}

TEST_CASE("deadlines that are not whole are refused with their place, and terms that overlap") {
  using nlohmann::json;
  const json good = json::parse(sample());
  const auto refused = [&](const std::string& pointer, const json& value) {
    json changed = good;
    if (value.is_discarded())
      changed.at(json::json_pointer(pointer).parent_pointer()).erase(json::json_pointer(pointer).back());
    else
      changed[json::json_pointer(pointer)] = value;
    const auto parsed = DeadlineBook::parse(changed.dump());
    return parsed ? std::string("taken")
                  : std::to_string(static_cast<int>(parsed.error().code)) + " " + parsed.error().detail;
  };
  const json gone(json::value_t::discarded);
  CHECK(refused("/format", "dudao-deadlines-2") == "2151 deadlines.format");
  CHECK(refused("/rules", 7) == "2151 deadlines.rules");
  CHECK(refused("/more", 7) == "2151 deadlines.more");
  CHECK(refused("/rules/1", 7) == "2151 rules[1]");
  CHECK(refused("/rules/1/code", "CN-REINSPECT") == "2151 rules[1].code");
  CHECK(refused("/rules/1/code", "") == "2151 rules[1].code");
  CHECK(refused("/rules/1/code", gone) == "2151 rules[1].code");
  CHECK(refused("/rules/1/step", "PLEAS") == "2151 rules[1].step");
  CHECK(refused("/rules/1/anchor", "NOON") == "2151 rules[1].anchor");
  CHECK(refused("/rules/1/unit", "YEAR") == "2151 rules[1].unit");
  CHECK(refused("/rules/1/amount", "1") == "2151 rules[1].amount");
  CHECK(refused("/rules/1/amount", 1.5) == "2151 rules[1].amount");
  CHECK(refused("/rules/1/amount", 1'001) == "2151 rules[1].amount");
  CHECK(refused("/rules/1/amount", -1) == "2151 rules[1].amount");
  CHECK(refused("/rules/1/to_worked_day", 1) == "2151 rules[1].to_worked_day");
  CHECK(refused("/rules/1/from", "2026-02-30") == "2151 rules[1].from");
  CHECK(refused("/rules/1/to", "2011-01-01") == "2151 rules[1].to");
  CHECK(refused("/rules/1/to", "2031-01-01") == "taken");
  CHECK(refused("/rules/1/source", gone) == "2151 rules[1].source");
  CHECK(refused("/rules/1/visit_kinds", json::array({"SOME"})) == "2151 rules[1].visit_kinds");
  CHECK(refused("/rules/1/visit_kinds", json::array({7})) == "2151 rules[1].visit_kinds");
  CHECK(refused("/rules/1/note", "x") == "2151 rules[1].note");
  CHECK(refused("/announced_until", gone) == "2151 deadlines.announced_until");
  CHECK(refused("/days/0/to", "2025-12-31") == "2151 days[0].to");
  CHECK(refused("/days/0/to", "2028-01-01") == "2151 days[0].to");
  CHECK(refused("/days/1/from", "2026-01-03") == "2151 days[1].from");
  CHECK(refused("/days/1/name", gone) == "2151 days[1].name");
  CHECK(refused("/terms/0/to", "2025-08-01") == "2152 2025-09-01 2025-08-01");
  CHECK(refused("/terms/0/to", "2026-03-02") == "2152 2026-03-02 2026-07-10");
  CHECK(refused("/terms/0/to", "2026-03-01") == "taken");
  CHECK(DeadlineBook::parse("[]").error().code == Code::kDeadlineShape);
  CHECK(DeadlineBook::parse("{").error().code == Code::kDeadlineShape);

  WorkCalendar calendar;
  REQUIRE(calendar.add_term(100, 200));
  REQUIRE(calendar.add_term(300, 400));
  for (const auto& [first, last] : {std::pair{150, 160}, {50, 100}, {50, 500}, {200, 250}, {250, 300}, {400, 450}})
    CHECK(calendar.add_term(first, last).error().code == Code::kTermWrong);
  CHECK(calendar.add_term(201, 299));
}
