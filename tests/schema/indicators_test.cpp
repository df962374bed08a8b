#include "schema/indicators.hpp"

#include "schema/checklist.hpp"
#include "tests/schema/checklist_builder.hpp"
#include "tests/support/text_file.hpp"

#include <algorithm>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using nlohmann::json;
using test::number;
using test::text;

namespace {

/// Two domains: a figure, a judgement in steps, a text with a threshold, a yes or no, a document alone.
json small() {
  return json::parse(R"J({"name":"指标体系","type":"达标类","target":"区县","description":"总述","tree":[
    {"id":"x1","code":"1","name":"保障","description":"d","level":1,"isLeaf":false,"weight":60,"children":[
      {"code":"1.1","name":"入园率","level":2,"isLeaf":true,"dataIndicators":[
        {"code":"1.1-D1","name":"毛入园率","dataType":"数字","unit":"%","threshold":">= 85%","thresholdType":"single","precision":2,
         "description":"在园/人口","calculationMethod":"(在园/人口)*100"}],
       "supportingMaterials":[{"code":"1.1-M1","name":"名单","fileTypes":"PDF","maxSize":"20MB","description":"名单网址","required":true}]},
      {"code":"1.2","name":"工资","level":2,"isLeaf":true,"dataIndicators":[
        {"code":"1.2-D1","name":"落实","dataType":"逻辑","threshold":"合格/基本合格","thresholdType":"tiered","precision":0}]},
      {"code":"1.3","name":"师幼比","level":2,"isLeaf":true,"dataIndicators":[
        {"code":"1.3-D1","name":"师幼比","dataType":"文本","threshold":"<= 1:15","thresholdType":"single","precision":0}]}]},
    {"code":"2","name":"质量","level":1,"isLeaf":false,"weight":40,"children":[
      {"code":"2.1","name":"无违规","level":2,"isLeaf":true,"dataIndicators":[
        {"code":"2.1-D1","name":"无违规","dataType":"逻辑","threshold":"达标","thresholdType":"single","precision":0}]},
      {"code":"2.2","name":"规划合理","level":2,"isLeaf":true,"dataIndicators":[],"supportingMaterials":[{"code":"2.2-M1","name":"批复"}]}]}],
    "gradingCriteria":{"name":"评定","totalIndicators":5,"levels":[
      {"level":1,"name":"巩固","minQualified":4,"maxBasicallyQualified":1,"maxUnqualified":0},
      {"level":2,"name":"创优","minQualified":5,"maxBasicallyQualified":0,"maxUnqualified":0}],
      "failureCondition":{"maxUnqualified":0}}})J");
}

Result<IndicatorImport> read(const json& system) { return import_indicators(system.dump(), {"system", 2}); }

Checklist taken(const json& system) {
  const auto made = read(system);
  if (!made) FAIL(made.error().message());
  return *Checklist::parse(made->checklist);
}

}  // namespace

TEST_CASE("a system of indicators is a checklist with its thresholds, weights and levels") {
  const auto made = read(small());
  REQUIRE(made);
  CHECK(made->indicators == 5);
  CHECK(made->data == 4);
  CHECK(made->documents == 2);
  const Checklist list = taken(small());
  CHECK(list.code() == "system");
  CHECK(list.version() == 2);
  CHECK(list.title().in("zh") == "指标体系");
  CHECK(list.item("I1.1_D1")->type == ItemType::kDecimal);
  CHECK(list.item("I1.1_D1")->unit.in("zh") == "%");
  CHECK(list.item("I1.1_D1")->scoring.weight == 2'000);
  CHECK(list.item("I1.1_M1")->required);
  CHECK_FALSE(list.item("I2.2_M1")->required);
  CHECK(list.item("I1.2_D1")->options.size() == 3);
  CHECK(list.item("I1.3_D1_judged")->type == ItemType::kYesNo);
  CHECK(list.item("I2.2_met")->scoring.weight == 2'000);
  // The system's own words open the guidance of its first section.
  CHECK(list.sections()[0].guidance.in("zh").starts_with("总述"));

  Answers answers = {{"I1.1_D1", number(8'500)},
                     {"I1.2_D1", text("qualified")},
                     {"I1.3_D1_judged", number(1)},
                     {"I2.1_D1", number(1)},
                     {"I2.2_met", number(1)}};
  CHECK(list.score(answers).score == 10'000);
  CHECK(list.calculated(answers).at("level") == 2);
  answers["I1.2_D1"] = text("basic");
  CHECK(list.score(answers).score == 10'000);
  CHECK(list.calculated(answers).at("basic") == 1);
  CHECK(list.calculated(answers).at("level") == 1);
  answers["I1.1_D1"] = number(8'499);
  CHECK(list.score(answers).score == 8'000);
  CHECK(list.calculated(answers).at("unqualified") == 1);
  CHECK(list.calculated(answers).at("level") == 0);
  CHECK(list.calculated({}).at("unqualified") == 5);
}

TEST_CASE("what a system of indicators says in words is listed") {
  const auto made = read(small());
  REQUIRE(made);
  const auto said = [&](const char* place, Code code) {
    return std::any_of(made->remarks.begin(), made->remarks.end(),
                       [&](const IndicatorRemark& one) { return one.place == place && one.error.code == code; });
  };
  CHECK(said("I1.1_D1", Code::kIndicatorCalculated));
  CHECK(said("I1.2_D1", Code::kIndicatorJudged));
  CHECK(said("I1.3_D1", Code::kIndicatorJudged));
  json more = small();
  more["tags"] = {"a"};
  more["tree"][0]["children"][0]["colour"] = "red";
  const auto again = read(more);
  REQUIRE(again);
  CHECK(again->remarks.size() == made->remarks.size() + 2);
}

TEST_CASE("a system of indicators with a fault is refused whole, and the place is named") {
  const auto refused = [](const char* pointer, json value) {
    json system = small();
    system[json::json_pointer(pointer)] = std::move(value);
    const auto made = read(system);
    REQUIRE_FALSE(made);
    return made.error();
  };
  CHECK(refused("/name", "").code == Code::kIndicatorsShape);
  CHECK(refused("/tree", json::array()).code == Code::kIndicatorsShape);
  CHECK(refused("/tree/0/code", 5).code == Code::kIndicatorsShape);
  CHECK(refused("/tree/0/weight", -1).code == Code::kIndicatorsShape);
  CHECK(refused("/tree/0/children/0/name", "").detail.find("I1.1") != std::string::npos);
  CHECK(refused("/tree/0/children/0/weight", 5).code == Code::kIndicatorsShape);
  CHECK(refused("/tree/0/children/0/dataIndicators/0/dataType", "图片").detail.find("I1.1_D1") != std::string::npos);
  CHECK(refused("/tree/0/children/0/dataIndicators/0/precision", 9).code == Code::kIndicatorsShape);
  CHECK(refused("/tree/0/children/1/code", "1.1").code == Code::kChecklistCodeTwice);
  CHECK(refused("/gradingCriteria/totalIndicators", 6).code == Code::kIndicatorsShape);
  CHECK(refused("/gradingCriteria/levels/1/level", 1).code == Code::kIndicatorsShape);
  for (const char* bytes : {"", "[]", "{", "\xFF", "{\"name\":\"x\"}"})
    CHECK(import_indicators(bytes, {"x", 1}).error().code == Code::kIndicatorsShape);
}

TEST_CASE("two systems of indicators in use are taken whole") {
  const auto folder = std::filesystem::path(DUDAO_SHARED_DIR) / "data/china-supervision";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: " << folder << " is not there");
    return;
  }
  std::size_t systems = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    ++systems;
    const auto made = import_indicators(test::read_text(entry.path()), {"system", 1});
    INFO(entry.path().filename() << " " << (made ? "" : made.error().message()));
    REQUIRE(made);
    const bool kindergartens = made->indicators == 36;
    CHECK((kindergartens || made->indicators == 26));
    CHECK(made->data == (kindergartens ? 36 : 40));
    CHECK(made->documents == (kindergartens ? 28 : 7));
    const auto list = Checklist::parse(made->checklist);
    REQUIRE(list);
    CHECK(list->calculated({}).contains("level") == kindergartens);
    // Every scored item answered as badly as can be scores nothing; as there are no answers, nothing is scored yet.
    CHECK_FALSE(list->score({}).score);
    CHECK(list->score({}).open > 20);
  }
  CHECK(systems == 2);
}
