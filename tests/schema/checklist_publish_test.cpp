// What is asked of a template only when it is published, and what came with dudao-checklist-2.

#include "tests/schema/checklist_builder.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace dudao;
using test::code_of;
using test::number;
using test::text;

namespace {

std::string newer(const std::string& items) {
  std::string json = test::template_json(items);
  const std::string old = "dudao-checklist-1";
  return json.replace(json.find(old), old.size(), "dudao-checklist-2");
}

Checklist parsed(const std::string& json) {
  const auto list = Checklist::parse(json);
  if (!list) FAIL(list.error().message());
  return *list;
}

const std::string kAsked = R"J(
  {"code":"yes","title":"t","type":"yes_no"},
  {"code":"road","title":"t","type":"single","options":[{"code":"dirt","label":"l"},{"code":"tar","label":"l"}]},
  {"code":"power","title":"t","type":"multi","options":[{"code":"grid","label":"l"},{"code":"none","label":"l"}]},
  {"code":"pupils","title":"t","type":"integer","min":0,"max":2000},
  {"code":"grams","title":"t","type":"decimal","decimals":1,"min":"0.5","max":"9.5"},
  {"code":"day","title":"t","type":"date"},
  {"code":"beds","title":"t","type":"integer","min":0,"max":500,"visible_if":"yes"},
  {"code":"double_","title":"t","type":"calculated","calculate":"pupils * 2"},
  {"code":"name","title":"t","type":"text"},)J";

/// What becomes of an item with this condition when it is published.
std::optional<Code> published(const std::string& visible_if) {
  return code_of(
      test::checklist(kAsked + R"({"code":"probe","title":"t","type":"yes_no","visible_if":")" + visible_if + R"("})")
          .check_publishable());
}

}  // namespace

TEST_CASE("an item that no answers can bring to be asked is not published") {
  for (const char* never :
       {"false", "not true", "road = 'dirt' and road = 'tar'", "road != 'dirt' and road != 'tar'",
        "selected(power, 'grid') and not selected(power, 'grid')", "pupils > 2000", "pupils < 0", "2000 < pupils",
        "pupils > 100 and pupils < 50", "pupils = 1.5", "grams < 0.5", "grams = 0.25", "not (pupils <= 2000)",
        "beds > 3 and not yes", "yes and yes = 'no'", "double_ > 4000", "(yes or beds > 1) and not yes",
        "answered(beds) and not yes", "day > date('2020-01-01') and day < date('2019-01-01')"}) {
    INFO(never);
    CHECK(published(never) == Code::kChecklistUnreachable);
  }
  for (const char* sometimes :
       {"true", "road = 'dirt' or road = 'tar'", "road != 'dirt'",
        "selected(power, 'grid') and selected(power, 'none')", "pupils >= 2000", "pupils > 100 and pupils < 102",
        "grams = 0.5", "beds > 3", "not yes", "double_ = 4000", "not answered(beds) and not yes",
        "pupils + beds > 100000", "name = 'x'", "coalesce(beds > 3, true) and not yes", "day > date('2020-01-01')",
        "pupils in (1, 2)"}) {
    INFO(sometimes);
    CHECK_FALSE(published(sometimes));
  }
}

TEST_CASE("conditions of sections and of other items count for what is below and behind them") {
  const auto with = [](const std::string& section, const std::string& item) {
    return parsed(R"J({"format":"dudao-checklist-1","code":"t","version":1,"title":"T","languages":["en"],"sections":[
      {"code":"A","title":"A","items":[{"code":"kind","title":"t","type":"single","options":[{"code":"day","label":"l"},{"code":"boarding","label":"l"}]}]},
      {"code":"B","title":"B","visible_if":")J" +
                  section + R"J(","items":[{"code":"beds","title":"t","type":"integer","visible_if":")J" + item +
                  R"J("},{"code":"rooms","title":"t","type":"integer","visible_if":"beds > 3"}]}]})J");
  };
  CHECK(with("kind = 'boarding'", "true").check_publishable());
  const Status status = with("kind = 'boarding'", "kind = 'day'").check_publishable();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kChecklistUnreachable);
  CHECK(status.error().detail == "beds");
}

TEST_CASE("a search that would take too long lets the item pass") {
  std::string items;
  std::string condition = "false";
  for (int i = 0; i < 30; ++i) {
    const std::string code = "y" + std::to_string(i);
    items += R"({"code":")" + code + R"(","title":"t","type":"yes_no"},)";
    condition += " and (" + code + " or not " + code + ")";
  }
  CHECK(test::checklist(items + R"({"code":"probe","title":"t","type":"yes_no","visible_if":")" + condition + R"("})")
            .check_publishable());
}

TEST_CASE("points that no answer can give are not published") {
  const auto scored = [](const std::string& members) {
    return code_of(test::checklist(R"({"code":"a","title":"t",)" + members + "}").check_publishable());
  };
  const auto options = [](const char* first, const char* second) {
    return R"("options":[{"code":"x","label":"l","value":)" + std::string(first) +
           R"(},{"code":"y","label":"l","value":)" + second + "}]";
  };
  const auto points = [](const char* max) {
    return R"(,"scoring":{"mode":"points","weight":1,"max":)" + std::string(max) + "}";
  };
  CHECK_FALSE(scored(R"("type":"single",)" + options("5", "0") + points("5")));
  CHECK(scored(R"("type":"single",)" + options("4", "0") + points("5")) == Code::kChecklistFullMarks);
  CHECK_FALSE(scored(R"("type":"multi",)" + options("3", "2") + points("5")));
  CHECK(scored(R"("type":"multi",)" + options("3", "1") + points("5")) == Code::kChecklistFullMarks);
  CHECK_FALSE(scored(R"("type":"scale","min":1,"max":5)" + points("5")));
  CHECK(scored(R"("type":"scale","min":1,"max":5)" + points("10")) == Code::kChecklistFullMarks);
  const std::string deduction = R"(,"scoring":{"mode":"deduction","weight":1,"max":5)";
  CHECK_FALSE(scored(R"("type":"single",)" + options("5", "0") + deduction + "}"));
  CHECK(scored(R"("type":"single",)" + options("5", "1") + deduction + "}") == Code::kChecklistFullMarks);
  CHECK_FALSE(scored(R"("type":"integer","min":0)" + deduction + R"(,"deduct":1})"));
  CHECK(scored(R"("type":"integer","min":1)" + deduction + R"(,"deduct":1})") == Code::kChecklistFullMarks);
}

TEST_CASE("the functions of dudao-checklist-2 are unknown to dudao-checklist-1") {
  const std::string items =
      R"({"code":"n","title":"t","type":"decimal","decimals":1},{"code":"w","title":"t","type":"text"},)";
  for (const char* call : {"floor(n) = 1", "abs(n) = 1", "min(n, 1) = 1", "max(n, 1) = 1", "length(w) = 1",
                           "contains(w, 'x')", "starts_with(w, 'x')", "ends_with(w, 'x')", "matches(w, '[a-z]+')"}) {
    const std::string all = items + R"({"code":"probe","title":"t","type":"yes_no","visible_if":")" + call + R"("})";
    INFO(call);
    CHECK(test::refusal(test::template_json(all)).code == Code::kChecklistExpression);
    CHECK(Checklist::parse(newer(all)));
  }
  CHECK(test::refusal(
            test::template_json(
                R"({"code":"a","title":"t","type":"single","options":[{"code":"x","label":"l","offered_if":"true"}]})"))
            .code == Code::kChecklistShape);
}

TEST_CASE("the functions of dudao-checklist-2 work out what they promise, also below zero") {
  const Answers answers = {{"n", number(-25)}, {"m", number(34)}, {"w", text("督导 visit")}};
  const std::string items =
      R"({"code":"n","title":"t","type":"decimal","decimals":1},{"code":"m","title":"t","type":"integer"},{"code":"w","title":"t","type":"text"},{"code":"open","title":"t","type":"integer"},)";
  const auto value = [&](const std::string& expression, unsigned decimals) {
    const Checklist list = parsed(newer(items + R"({"code":"p","title":"t","type":"calculated","decimals":)" +
                                        std::to_string(decimals) + R"(,"calculate":")" + expression + R"("})"));
    const auto values = list.calculated(answers);
    return values.contains("p") ? decimal_text(values.at("p"), decimals) : "absent";
  };
  CHECK(value("floor(n)", 0) == "-3");
  CHECK(value("-floor(-n)", 0) == "-2");
  CHECK(value("floor(n + 0.5)", 0) == "-2");
  CHECK(value("floor(m)", 0) == "34");
  CHECK(value("abs(n)", 1) == "2.5");
  CHECK(value("min(n, m, 7)", 1) == "-2.5");
  CHECK(value("max(n, 7, m)", 1) == "34.0");
  CHECK(value("max(n, open)", 1) == "absent");
  CHECK(value("length(w)", 0) == "8");
  const auto holds = [&](const std::string& condition) {
    return parsed(newer(items + R"({"code":"p","title":"t","type":"yes_no","visible_if":")" + condition + R"("})"))
               .visible(answers)
               .size() == 5;
  };
  CHECK(holds("contains(w, '导 v')"));
  CHECK_FALSE(holds("contains(w, 'V')"));
  CHECK(holds("starts_with(w, '督')"));
  CHECK_FALSE(holds("starts_with(w, '导')"));
  CHECK(holds("ends_with(w, 'visit')"));
  CHECK(holds("matches(w, '[^a-z]{3}visit')"));
  CHECK_FALSE(holds("matches(w, 'visit')"));
  for (const char* wrong : {"length(m) = 1", "floor(w) = 1", "min(m, w) = 1", "contains(m, 'x')", "contains(w, '')",
                            "min(m) = 1", "contains(w, w)", "matches(w, '[')"}) {
    INFO(wrong);
    CHECK_FALSE(
        Checklist::parse(newer(items + R"({"code":"p","title":"t","type":"yes_no","visible_if":")" + wrong + R"("})")));
  }
}

TEST_CASE("an option is offered beside the answers that it goes with, and refused beside others") {
  const Checklist list = parsed(newer(R"J(
    {"code":"state","title":"t","type":"single","options":[{"code":"abia","label":"l"},{"code":"oyo","label":"l"}]},
    {"code":"lga","title":"t","type":"single","options":[{"code":"aba","label":"l","offered_if":"state = 'abia'"},
      {"code":"ibadan","label":"l","offered_if":"state = 'oyo'"},{"code":"dk","label":"l"}]},
    {"code":"both","title":"t","type":"multi","options":[{"code":"a","label":"l","offered_if":"state = 'abia'"},{"code":"ab","label":"l"}]})J"));
  Answers answers;
  CHECK(list.offered("lga", answers) == std::vector<std::string>{"dk"});
  CHECK(list.check_answer("lga", text("dk"), answers));
  CHECK(code_of(list.check_answer("lga", text("aba"), answers)) == Code::kAnswerOption);
  answers["state"] = text("oyo");
  CHECK(list.offered("lga", answers) == std::vector<std::string>{"ibadan", "dk"});
  CHECK(list.check_answer("lga", text("ibadan"), answers));
  CHECK(code_of(list.check_answer("lga", text("aba"), answers)) == Code::kAnswerOption);
  CHECK(list.check_answer("both", text("ab"), answers));
  CHECK(code_of(list.check_answer("both", text("a,ab"), answers)) == Code::kAnswerOption);
  CHECK(list.offered("none", answers).empty());
  // An answer that stands while the one before it changes is found.
  answers["lga"] = text("ibadan");
  CHECK(list.violations(answers).empty());
  answers["state"] = text("abia");
  REQUIRE(list.violations(answers).size() == 1);
  CHECK(list.violations(answers)[0].item == "lga");
  CHECK_FALSE(list.subset({"lga"}));
  CHECK(list.subset({"state", "lga"}));
}
