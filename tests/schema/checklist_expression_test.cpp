#include "schema/checklist_expression.hpp"

#include "tests/schema/checklist_builder.hpp"

#include <fstream>
#include <limits>
#include <random>
#include <set>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

/// Items of every type, to write expressions about.
const std::string kItems = R"J(
  {"code":"yes","title":"t","type":"yes_no"},
  {"code":"no2","title":"t","type":"yes_no"},
  {"code":"road","title":"t","type":"single","options":[{"code":"asphalt","label":"l"},{"code":"dirt","label":"l"},{"code":"other","label":"l"}]},
  {"code":"road2","title":"t","type":"single","options":[{"code":"asphalt","label":"l"},{"code":"dirt","label":"l"}]},
  {"code":"power","title":"t","type":"multi","options":[{"code":"grid","label":"l"},{"code":"solar","label":"l"},{"code":"none","label":"l"}]},
  {"code":"mark","title":"t","type":"scale","min":1,"max":5},
  {"code":"boys","title":"t","type":"integer"},
  {"code":"girls","title":"t","type":"integer"},
  {"code":"small","title":"t","type":"integer","min":-9,"max":9},
  {"code":"grams","title":"t","type":"decimal","decimals":1},
  {"code":"metres","title":"t","type":"decimal","decimals":2},
  {"code":"A1.03","title":"t","type":"date"},
  {"code":"day2","title":"t","type":"date"},
  {"code":"name","title":"t","type":"text"},
  {"code":"staff","title":"t","type":"count_of"})J";

/// What is answered; what is not here is absent.
Answers answers() {
  return {{"yes", test::number(1)},       {"no2", test::number(0)},
          {"road", test::text("dirt")},   {"power", test::text("grid,solar")},
          {"mark", test::number(4)},      {"boys", test::number(17)},
          {"small", test::number(-7)},    {"grams", test::number(125)},
          {"metres", test::number(1250)}, {"A1.03", test::number(20697)},
          {"day2", test::number(20700)},  {"name", test::text("张老师")},
          {"staff", test::count(18, 20)}};
}

std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// "true", "false" or "absent", as a finding and its opposite see it.
std::string condition(const std::string& expression) {
  const std::string when = quoted(expression);
  const Checklist list =
      test::checklist(kItems + R"(,{"code":"probe","title":"t","type":"yes_no","finding_if":[{"when":")" + when +
                      R"(","severity":"ADVICE","text":"holds"},{"when":"not ()" + when +
                      ")\",\"severity\":\"ADVICE\",\"text\":\"no\"}]}");
  const auto findings = list.derived_findings(answers());
  if (findings.empty()) return "absent";
  CHECK(findings.size() == 1);
  return findings[0].text.in("") == "holds" ? "true" : "false";
}

/// The value with so many decimals, or "absent".
std::string value(const std::string& expression, unsigned decimals = 0) {
  const Checklist list = test::checklist(kItems + R"(,{"code":"probe","title":"t","type":"calculated","decimals":)" +
                                         std::to_string(decimals) + R"(,"calculate":")" + quoted(expression) + R"("})");
  const auto values = list.calculated(answers());
  return values.contains("probe") ? decimal_text(values.at("probe"), decimals) : "absent";
}

Error refused(const std::string& expression, const char* where = "visible_if") {
  return test::refusal(test::template_json(kItems + R"(,{"code":"probe","title":"t","type":"yes_no",")" + where +
                                           R"(":")" + quoted(expression) + R"("})"));
}

}  // namespace

TEST_CASE("conditions over every type of answer") {
  const std::pair<const char*, const char*> rows[] = {
      {"yes", "true"},
      {"yes = 'yes'", "true"},
      {"'no' = yes", "false"},
      {"yes != no2", "true"},
      {"no2", "false"},
      {"yes = true", "true"},
      {"not no2", "true"},
      {"not not no2", "false"},
      {"road = 'dirt'", "true"},
      {"road != 'dirt'", "false"},
      {"road in ('asphalt', 'dirt')", "true"},
      {"road not in ('asphalt', 'dirt')", "false"},
      {"selected(road, 'dirt')", "true"},
      {"selected(road, 'other')", "false"},
      {"power = 'grid'", "false"},
      {"power != 'none'", "true"},
      {"power = ''", "false"},
      {"selected(power, 'solar')", "true"},
      {"selected(power, 'none')", "false"},
      {"count_selected(power) = 2", "true"},
      {"mark >= 4 and mark <= 4", "true"},
      {"boys in (1, 17, 30)", "true"},
      {"small in (-7)", "true"},
      {"grams in (12.5)", "true"},
      {"grams in (12.50, 3)", "true"},
      {"grams = 12.5", "true"},
      {"grams = metres", "true"},
      {"metres > 12.49", "true"},
      {"metres < 12.5", "false"},
      {"A1.03 = date('2026-09-01')", "true"},
      {"day2 - A1.03 = 3", "true"},
      {"A1.03 + 3 = day2", "true"},
      {"3 + A1.03 <= day2", "true"},
      {"day2 - 4 < A1.03", "true"},
      {"name = '张老师'", "true"},
      {"name in ('a', 'b''c')", "false"},
      {"staff < total(staff)", "true"},
      {"staff * 10 >= total(staff) * 9", "true"},
      {"answered(yes)", "true"},
      {"answered(girls)", "false"},
      {"not answered(road2)", "true"},
      {"1 + 2 * 3 = 7", "true"},
      {"(1 + 2) * 3 = 9", "true"},
      {"2 - 1 - 1 = 0", "true"},
      {"- 2 + 3 = 1", "true"},
      {"- (2 + 3) = -5", "true"},
      {"true or false and false", "true"},
      {"not false and false", "false"},
      {"(true or false) and false", "false"},
      {"if(yes, 1, 2) = 1", "true"},
      {"if(no2, false, yes)", "true"},
      {"coalesce(girls, 3) = 3", "true"},
      {"coalesce(boys, 3) = 17", "true"},
      {".5 = 1", nullptr},
  };
  for (const auto& [expression, expected] : rows) {
    INFO(expression);
    if (expected)
      CHECK(condition(expression) == expected);
    else
      CHECK(refused(expression).code == Code::kChecklistExpression);
  }
}

TEST_CASE("what is absent stays absent, unless the rest decides") {
  const std::pair<const char*, const char*> rows[] = {{"girls = 1", "absent"},
                                                      {"girls != 1", "absent"},
                                                      {"not (girls = 1)", "absent"},
                                                      {"girls + boys > 0", "absent"},
                                                      {"girls = girls", "absent"},
                                                      {"girls in (1, 2)", "absent"},
                                                      {"girls not in (1, 2)", "absent"},
                                                      {"girls = 1 and false", "false"},
                                                      {"false and girls = 1", "false"},
                                                      {"girls = 1 and true", "absent"},
                                                      {"girls = 1 or true", "true"},
                                                      {"true or girls = 1", "true"},
                                                      {"girls = 1 or false", "absent"},
                                                      {"girls = 1 or girls != 1", "absent"},
                                                      {"selected(road2, 'dirt')", "absent"},
                                                      {"road2 = 'dirt'", "absent"},
                                                      {"if(girls > 1, true, true)", "absent"},
                                                      {"if(yes, true, girls > 1)", "true"},
                                                      {"if(yes, girls > 1, true)", "absent"},
                                                      {"coalesce(girls, 0) + boys = 17", "true"},
                                                      {"coalesce(girls, girls) = 0", "absent"},
                                                      {"boys div 0 = 1", "absent"},
                                                      {"boys mod 0 = 1", "absent"},
                                                      {"ratio(boys, 0, 2) > 0", "absent"},
                                                      {"- girls = 0", "absent"}};
  for (const auto& [expression, expected] : rows) {
    INFO(expression);
    CHECK(condition(expression) == expected);
  }
}

TEST_CASE("division cuts towards zero, ratio rounds half away from zero") {
  CHECK(value("17 div 5") == "3");
  CHECK(value("-17 div 5") == "-3");
  CHECK(value("17 div -5") == "-3");
  CHECK(value("17 mod 5") == "2");
  CHECK(value("-17 mod 5") == "-2");
  CHECK(value("17 mod -5") == "2");
  CHECK(value("1.0 div 0.3") == "3");
  CHECK(value("1.0 mod 0.3", 1) == "0.1");
  CHECK(value("ratio(1, 8, 2)", 2) == "0.13");
  CHECK(value("ratio(-1, 8, 2)", 2) == "-0.13");
  CHECK(value("ratio(1, -8, 2)", 2) == "-0.13");
  CHECK(value("ratio(1, 3, 4)", 4) == "0.3333");
  CHECK(value("ratio(2, 3, 0)") == "1");
  CHECK(value("ratio(1, 2, 0)") == "1");
  CHECK(value("ratio(-1, 2, 0)") == "-1");
  CHECK(value("ratio(12.5, 0.05, 1)", 1) == "250.0");
}

TEST_CASE("decimals scale to the finer side and add up in products") {
  CHECK(value("grams + metres", 2) == "25.00");
  CHECK(value("grams + 1", 1) == "13.5");
  CHECK(value("grams - 0.25", 2) == "12.25");
  CHECK(value("small * 0.5", 1) == "-3.5");
  CHECK(value("small * 1.5 * 0.01", 3) == "-0.105");
  CHECK(value("boys", 3) == "17.000");
  CHECK(value("if(yes, 1.5, 2)", 1) == "1.5");
  CHECK(value("if(no2, 1.5, 2)", 1) == "2.0");
  CHECK(value("coalesce(girls, 0.25)", 2) == "0.25");
}

TEST_CASE("an expression that cannot be read is refused with its position") {
  struct Row {
    std::string expression;
    const char* position;
  };
  const Row rows[] = {{"", "position 1:"},
                      {"   ", "position 4:"},
                      {"yes and", "position 8:"},
                      {"and yes", "position 1:"},
                      {"yes yes", "position 5:"},
                      {"(yes", "position 5:"},
                      {"yes)", "position 4:"},
                      {"1 < 2 < 3", "position 7:"},
                      {"yes && no2", "position 5:"},
                      {"boys == 1", "position 7:"},
                      {"boys < = 1", "position 8:"},
                      {"name = 'x", "position 8:"},
                      {"name = \"x\"", "position 8:"},
                      {"${boys} > 1", "position 1:"},
                      {"1a = 1", "position 2:"},
                      {"1.2345678 = 1", "position 1:"},
                      {"1234567890123456 = 1", "position 1:"},
                      {"boys in ()", "position 10:"},
                      {"boys in (girls)", "position 10:"},
                      {"boys in (1", "position 11:"},
                      {"boys not (1)", "position 10:"},
                      {"boys in 1", "position 9:"},
                      {"frob(1)", "position 1:"},
                      {"answered(1)", "position 10:"},
                      {"answered(boys, girls)", "position 14:"},
                      {"selected(road)", "position 14:"},
                      {"selected(road, dirt)", "position 16:"},
                      {"ratio(1, 2)", "position 11:"},
                      {"ratio(1, 2, 7) = 1", "position 13:"},
                      {"if(yes, 1) = 1", "position 10:"},
                      {"date('2026-02-30') = A1.03", "position 6:"},
                      {"date(1) = A1.03", "position 6:"},
                      {"yes \xE4\xB8\x94 no2", "position 5:"},
                      {"yes;", "position 4:"},
                      {"1 + = 2", "position 5:"},
                      {". = 1", "position 1:"},
                      {"answered(.)", "position 10:"},
                      {"boys = true = true", "position 13:"},
                      {"-", "position 2:"}};
  for (const Row& row : rows) {
    const Error error = refused(row.expression);
    INFO(row.expression << " -> " << error.message());
    CHECK(error.code == Code::kChecklistExpression);
    CHECK(error.detail.find("item probe visible_if") == 0);
    CHECK(error.detail.find(row.position) != std::string::npos);
  }
}

TEST_CASE("an expression that is too long or too deep is refused") {
  const std::string longest = "boys = 1" + std::string(kMaxExpressionBytes - 8, ' ');
  CHECK(test::checklist(kItems + R"(,{"code":"p","title":"t","type":"yes_no","visible_if":")" + longest + "\"}")
            .item("p"));
  CHECK(refused(longest + " ").code == Code::kChecklistExpression);
  const auto nested = [](std::size_t depth, const std::string& open, const std::string& close,
                         const std::string& inner) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += inner;
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  CHECK(condition(nested(kMaxExpressionDepth - 2, "(", ")", "yes")) == "true");
  CHECK(refused(nested(kMaxExpressionDepth + 1, "(", ")", "yes")).code == Code::kChecklistExpression);
  CHECK(refused(nested(500, "(", ")", "yes")).code == Code::kChecklistExpression);
  CHECK(refused(nested(400, "not ", "", "yes")).code == Code::kChecklistExpression);
  CHECK(refused(nested(900, "-", "", "1") + " = 1").code == Code::kChecklistExpression);
  CHECK(refused(nested(200, "if(yes,1,", ")", "1") + " = 1").code == Code::kChecklistExpression);
}

TEST_CASE("an unknown item or option is refused") {
  for (const char* expression : {"boyz = 1", "answered(boyz)", "selected(boyz, 'x')", "total(boyz) = 1", "road = 'mud'",
                                 "'mud' != road", "power = 'wind'", "selected(road, 'mud')", "selected(power, '')",
                                 "road in ('dirt', 'mud')", "A1 = 1", "A1.03.x = 1", "S"}) {
    INFO(expression);
    CHECK(refused(expression).code == Code::kChecklistReference);
  }
}

TEST_CASE("kinds that do not go together are refused") {
  for (const char* expression : {"boys",
                                 "1",
                                 "'yes'",
                                 "name",
                                 "road",
                                 "A1.03",
                                 "boys = 'x'",
                                 "boys = yes",
                                 "yes = 'maybe'",
                                 "yes < 'yes'",
                                 "road < 'dirt'",
                                 "road = name",
                                 "road = 1",
                                 "power = road",
                                 "power = power",
                                 "power in ('grid')",
                                 "yes in (1)",
                                 "A1.03 in (1)",
                                 "name < 'x'",
                                 "A1.03 = 20697",
                                 "A1.03 = '2026-09-01'",
                                 "A1.03 + day2 = 1",
                                 "A1.03 - name = 1",
                                 "5 - A1.03 = 1",
                                 "A1.03 + 1.5 = day2",
                                 "A1.03 * 2 = 1",
                                 "- A1.03 = 1",
                                 "- yes",
                                 "not boys",
                                 "boys and yes",
                                 "yes or 1",
                                 "yes + 1 = 2",
                                 "name + name = name",
                                 "road * 2 = 1",
                                 "boys div name = 1",
                                 "ratio(yes, 1, 2) = 1",
                                 "boys in ('a')",
                                 "name in (1)",
                                 "name in ('a', 1)",
                                 "total(boys) = 1",
                                 "count_selected(road) = 1",
                                 "selected(boys, '1')",
                                 "if(boys, 1, 2) = 1",
                                 "if(yes, 1, A1.03) = 1",
                                 "if(yes, 'a', 'b') = name",
                                 "coalesce(road, road) = 'dirt'",
                                 "coalesce(boys, yes)"}) {
    INFO(expression);
    CHECK(refused(expression).code == Code::kChecklistTypes);
  }
}

TEST_CASE("what could leave 64 bits is refused before anybody answers") {
  for (const char* expression :
       {"boys * girls * 100 = 1", "grams * metres * 1000 = 1", "boys * boys * boys = 1", "ratio(boys * boys, 1, 6) = 1",
        "metres * metres = 1", "small * 0.000001 * 0.0001 = 1", "999999999999999 * 999999999999999 = 1",
        "boys * girls * 9 + boys * girls * 9 = 1", "boys * girls = 0.01"}) {
    INFO(expression);
    CHECK(refused(expression).code == Code::kChecklistOverflow);
  }
  CHECK(condition("small * small * small = -343") == "true");
  CHECK(condition("boys * girls = 1") == "absent");
  CHECK(condition("small * 999999999999999 < 0") == "true");
}

TEST_CASE("no answer within an item's range makes an accepted calculation leave its announced bounds") {
  std::mt19937_64 random(20260901);
  const auto pick = [&random](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  // Builds random arithmetic; what is accepted is evaluated at the corners and at random points of the ranges. The
  // sanitizer build turns any overflow into a failure; here the promised bounds are checked.
  int accepted = 0;
  for (int round = 0; round < 300; ++round) {
    const std::function<std::string(int)> build = [&](int depth) -> std::string {
      if (depth == 0 || pick(4) == 0) {
        static const char* const kLeaves[] = {"a", "b", "c", "7", "-3", "0.25", "total(n)", "n", "100000"};
        return kLeaves[pick(9)];
      }
      static const char* const kOperators[] = {" + ", " - ", " * ", " div ", " mod "};
      switch (pick(8)) {
        case 0:
          return "ratio(" + build(depth - 1) + ", " + build(depth - 1) + ", " + std::to_string(pick(4)) + ")";
        case 1:
          return "if(" + build(depth - 1) + " < " + build(depth - 1) + ", " + build(depth - 1) + ", " +
                 build(depth - 1) + ")";
        case 2:
          return "coalesce(" + build(depth - 1) + ", " + build(depth - 1) + ")";
        default:
          return "(" + build(depth - 1) + kOperators[pick(5)] + build(depth - 1) + ")";
      }
    };
    const auto list = Checklist::parse(test::template_json(
        R"({"code":"a","title":"t","type":"integer"},{"code":"b","title":"t","type":"decimal","decimals":2,"min":"-0.50","max":"99.99"},)"
        R"({"code":"c","title":"t","type":"integer","min":-1000000000000000,"max":1000000000000000},)"
        R"({"code":"n","title":"t","type":"count_of","max":50},{"code":"r","title":"t","type":"calculated","decimals":6,"calculate":")" +
        build(3) + "\"}"));
    if (!list) {
      CHECK((list.error().code == Code::kChecklistOverflow || list.error().code == Code::kChecklistTypes));
      continue;
    }
    ++accepted;
    const Item& result = *list->item("r");
    for (int trial = 0; trial < 40; ++trial) {
      Answers given;
      for (const char* code : {"a", "b", "c"}) {
        const Item& item = *list->item(code);
        const std::int64_t choice = pick(5);
        if (choice == 4) continue;
        given[code] = test::number(choice == 0   ? item.min
                                   : choice == 1 ? item.max
                                   : choice == 2 ? std::clamp<std::int64_t>(pick(5) - 2, item.min, item.max)
                                                 : item.min + pick(item.max - item.min + 1));
      }
      const std::int64_t of = pick(51);
      given["n"] = test::count(pick(of + 1), of);
      const auto values = list->calculated(given);
      if (!values.contains("r")) continue;
      REQUIRE(values.at("r") >= result.min);
      REQUIRE(values.at("r") <= result.max);
    }
  }
  CHECK(accepted > 50);
}

TEST_CASE("random bytes in place of an expression are refused or read, and never more") {
  std::mt19937 random(7);
  static const char* const kPieces[] = {
      "yes", "boys", "road", "'dirt'", "(",         ")",  " and ", " or ", "not ",  "=",      "<",     ".",   "-",
      "1",   "2.5",  ",",    "if(",    "selected(", "in", "'",     " ",    "date(", "total(", "staff", "mod", "*"};
  int read = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (auto i = random() % 12; i > 0; --i) text += kPieces[random() % std::size(kPieces)];
    const auto list = Checklist::parse(
        test::template_json(kItems + R"(,{"code":"p","title":"t","type":"yes_no","constraint":")" + text + "\"}"));
    if (list) {
      ++read;
      CHECK(list->visible(answers()).size() == list->items().size());
      (void)list->check_answer("p", test::number(1), answers());
    } else {
      const auto number = static_cast<int>(list.error().code);
      CHECK((number >= 2107 && number <= 2111));
    }
  }
  CHECK(read > 5);
}
