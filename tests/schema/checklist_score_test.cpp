#include "tests/schema/checklist_builder.hpp"
#include "tests/support/text_file.hpp"

#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

/// The value that one item gets, in hundredths, or nothing.
std::optional<std::int64_t> value_of(const std::string& item, const AnswerValue& answer) {
  const Checklist list = test::checklist(item);
  const Score score = list.score({{list.items().front()->code, answer}});
  if (score.items.empty()) {
    CHECK_FALSE(score.score);
    return std::nullopt;
  }
  CHECK(score.score == score.items.front().value);
  return score.items.front().value;
}

std::string sample(const char* name) {
  const auto compact =
      Checklist::compact(test::read_text(std::string(DUDAO_SOURCE_DIR) + "/tools/sample/checklists/" + name));
  REQUIRE(compact);
  return *compact;
}

/// Any answer that the item's form allows.
AnswerValue random_answer(const Item& item, std::mt19937_64& random) {
  const auto pick = [&random](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  switch (item.type) {
    case ItemType::kYesNo:
      return test::number(pick(2));
    case ItemType::kSingle:
      return test::text(
          item.options[static_cast<std::size_t>(pick(static_cast<std::int64_t>(item.options.size())))].code);
    case ItemType::kMulti: {
      std::vector<std::string> codes;
      for (const Option& option : item.options)
        if (pick(2) == 0) codes.push_back(option.code);
      std::sort(codes.begin(), codes.end());
      std::string joined;
      for (const std::string& code : codes) joined += (joined.empty() ? "" : ",") + code;
      return test::text(joined);
    }
    case ItemType::kScale:
    case ItemType::kInteger:
    case ItemType::kDecimal:
      return test::number(item.min + pick(std::min<std::int64_t>(item.max - item.min, 60) + 1));
    case ItemType::kDate:
      return test::number(20'600 + pick(200));
    case ItemType::kText:
      return test::text("很好");
    case ItemType::kCountOf: {
      const std::int64_t of = pick(21);
      return test::count(pick(of + 1), of);
    }
    case ItemType::kCalculated:
      break;
  }
  return {};
}

Answers random_answers(const Checklist& list, std::mt19937_64& random) {
  Answers answers;
  for (const Item* item : list.items()) {
    const auto luck = random() % 10;
    if (item->type == ItemType::kCalculated || luck == 0) continue;
    answers[item->code] = luck == 1 ? test::na("不适用") : random_answer(*item, random);
  }
  return answers;
}

}  // namespace

TEST_CASE("met scores all or nothing") {
  const std::string plain = R"({"code":"a","title":"t","type":"yes_no","scoring":{"mode":"met","weight":3}})";
  CHECK(value_of(plain, test::number(1)) == 10'000);
  CHECK(value_of(plain, test::number(0)) == 0);
  const std::string hours =
      R"({"code":"a","title":"t","type":"decimal","decimals":1,"scoring":{"mode":"met","weight":3,"met_if":". >= 2"}})";
  CHECK(value_of(hours, test::number(20)) == 10'000);
  CHECK(value_of(hours, test::number(19)) == 0);
  const std::string inverse =
      R"({"code":"a","title":"t","type":"yes_no","scoring":{"mode":"met","weight":3,"met_if":". = 'no'"}})";
  CHECK(value_of(inverse, test::number(0)) == 10'000);
  const std::string none =
      R"J({"code":"a","title":"t","type":"count_of","scoring":{"mode":"met","weight":3,"met_if":". = total(.)"}})J";
  CHECK(value_of(none, test::count(0, 0)) == 10'000);
}

TEST_CASE("points count options, numbers and shares") {
  const std::string single =
      R"({"code":"a","title":"t","type":"single","options":[{"code":"x","label":"l","value":6},{"code":"y","label":"l","value":"2.5"},)"
      R"({"code":"z","label":"l","value":0},{"code":"w","label":"l","value":9}],"scoring":{"mode":"points","max":6,"weight":1}})";
  CHECK(value_of(single, test::text("x")) == 10'000);
  CHECK(value_of(single, test::text("y")) == 4'167);
  CHECK(value_of(single, test::text("z")) == 0);
  CHECK(value_of(single, test::text("w")) == 10'000);
  const std::string multi =
      R"({"code":"a","title":"t","type":"multi","options":[{"code":"x","label":"l","value":1},{"code":"y","label":"l","value":2},)"
      R"({"code":"z","label":"l","value":4}],"scoring":{"mode":"points","max":6,"weight":1}})";
  CHECK(value_of(multi, test::text("")) == 0);
  CHECK(value_of(multi, test::text("x,y")) == 5'000);
  CHECK(value_of(multi, test::text("x,y,z")) == 10'000);
  const std::string scale =
      R"({"code":"a","title":"t","type":"scale","min":-2,"max":5,"scoring":{"mode":"points","max":5,"weight":1}})";
  CHECK(value_of(scale, test::number(4)) == 8'000);
  CHECK(value_of(scale, test::number(-2)) == 0);
  const std::string decimal =
      R"({"code":"a","title":"t","type":"decimal","decimals":2,"scoring":{"mode":"points","max":"7.5","weight":1}})";
  CHECK(value_of(decimal, test::number(250)) == 3'333);
  CHECK(value_of(decimal, test::number(749)) == 9'987);
  CHECK(value_of(decimal, test::number(100'000'000'000)) == 10'000);
  const std::string count = R"({"code":"a","title":"t","type":"count_of","scoring":{"mode":"points","weight":1}})";
  CHECK(value_of(count, test::count(18, 20)) == 9'000);
  CHECK(value_of(count, test::count(2, 3)) == 6'667);
  CHECK(value_of(count, test::count(0, 0)) == std::nullopt);
  const std::string calculated =
      R"({"code":"b","title":"t","type":"integer"},{"code":"a","title":"t","type":"calculated","calculate":"b * 2","scoring":{"mode":"points","max":10,"weight":1}})";
  const Checklist list = test::checklist(calculated);
  CHECK(list.score({{"b", test::number(4)}}).score == 8'000);
}

TEST_CASE("deductions stop at nothing left") {
  const std::string each =
      R"({"code":"a","title":"t","type":"integer","scoring":{"mode":"deduction","max":6,"deduct":2,"weight":1}})";
  CHECK(value_of(each, test::number(0)) == 10'000);
  CHECK(value_of(each, test::number(-5)) == 10'000);
  CHECK(value_of(each, test::number(1)) == 6'667);
  CHECK(value_of(each, test::number(3)) == 0);
  CHECK(value_of(each, test::number(1'000'000'000)) == 0);
  const std::string half =
      R"({"code":"a","title":"t","type":"decimal","decimals":1,"scoring":{"mode":"deduction","max":"10000","deduct":"10000","weight":1}})";
  CHECK(value_of(half, test::number(5)) == 5'000);
  CHECK(value_of(half, test::number(10'000'000'000)) == 0);
  const std::string missing =
      R"({"code":"a","title":"t","type":"count_of","scoring":{"mode":"deduction","max":10,"deduct":"2.5","weight":1}})";
  CHECK(value_of(missing, test::count(18, 20)) == 5'000);
  CHECK(value_of(missing, test::count(0, 20)) == 0);
  CHECK(value_of(missing, test::count(0, 0)) == std::nullopt);
  const std::string no =
      R"({"code":"a","title":"t","type":"yes_no","scoring":{"mode":"deduction","max":10,"deduct":4,"weight":1}})";
  CHECK(value_of(no, test::number(1)) == 10'000);
  CHECK(value_of(no, test::number(0)) == 6'000);
  const std::string faults =
      R"({"code":"a","title":"t","type":"multi","options":[{"code":"x","label":"l","value":4},{"code":"y","label":"l","value":3}],)"
      R"("scoring":{"mode":"deduction","max":6,"weight":1}})";
  CHECK(value_of(faults, test::text("")) == 10'000);
  CHECK(value_of(faults, test::text("y")) == 5'000);
  CHECK(value_of(faults, test::text("x,y")) == 0);
}

TEST_CASE("grades carry their own values") {
  const std::string grade =
      R"({"code":"a","title":"t","type":"single","options":[{"code":"A","label":"l","value":100},{"code":"B","label":"l","value":"85.25"},)"
      R"({"code":"D","label":"l","value":0}],"scoring":{"mode":"grade","weight":1}})";
  CHECK(value_of(grade, test::text("A")) == 10'000);
  CHECK(value_of(grade, test::text("B")) == 8'525);
  CHECK(value_of(grade, test::text("D")) == 0);
}

TEST_CASE("the score is the weighted mean of what applies, rounded half up") {
  const std::string item = R"("title":"t","type":"yes_no","allow_na":true,"scoring":{"mode":"met","weight":)";
  const Checklist list =
      test::checklist(R"({"code":"a",)" + item + R"("2.5"}},{"code":"b",)" + item + R"(1}},{"code":"c",)" + item +
                      "\"0.5\"}},{\"code\":\"u\",\"title\":\"t\",\"type\":\"text\"}");
  Answers answers{{"a", test::number(1)}, {"b", test::number(0)}, {"c", test::number(0)}, {"u", test::text("x")}};
  CHECK(list.score(answers).score == 6'250);
  answers["c"] = test::na("停用");
  Score score = list.score(answers);
  CHECK(score.score == 7'143);  // 2.5 / 3.5 = 71.4286
  CHECK(score.not_applicable == 1);
  CHECK(score.open == 0);
  CHECK(score.items.size() == 2);
  answers.erase("b");
  score = list.score(answers);
  CHECK(score.score == 10'000);
  CHECK(score.open == 1);
  score = list.score({});
  CHECK_FALSE(score.score);
  CHECK_FALSE(score.uncapped);
  CHECK(score.open == 3);

  const Checklist eighths = test::checklist(R"({"code":"a",)" + item + R"(1}},{"code":"b",)" + item + R"(799}})");
  CHECK(eighths.score({{"a", test::number(1)}, {"b", test::number(0)}}).score == 13);  // 0.125 becomes 0.13
}

TEST_CASE("a hidden item keeps its answer and counts as absent") {
  const Checklist list = test::checklist(
      R"({"code":"g","title":"t","type":"yes_no"},{"code":"a","title":"t","type":"yes_no","scoring":{"mode":"met","weight":1}},)"
      R"({"code":"b","title":"t","type":"yes_no","visible_if":"g","scoring":{"mode":"met","weight":1}},)"
      R"({"code":"c","title":"t","type":"yes_no","scoring":{"mode":"met","weight":1,"met_if":". and b"}})");
  Answers answers{{"g", test::number(1)}, {"a", test::number(1)}, {"b", test::number(0)}, {"c", test::number(1)}};
  CHECK(list.score(answers).score == 3'333);
  answers["g"] = test::number(0);
  const Score hidden = list.score(answers);
  CHECK(hidden.score == 10'000);
  CHECK(hidden.items.size() == 1);
  CHECK(hidden.not_applicable == 1);  // c looks at b, which is absent now
  answers["g"] = test::number(1);
  CHECK(list.score(answers).score == 3'333);
}

TEST_CASE("every section has its own score") {
  const auto list = Checklist::parse(
      R"({"format":"dudao-checklist-1","code":"t","version":1,"title":"t","languages":["zh"],"weight":7,"sections":[)"
      R"({"code":"D1","title":"t","weight":"6.00","sections":[{"code":"I1","title":"t","items":[)"
      R"({"code":"a","title":"t","type":"yes_no","scoring":{"mode":"met","weight":1}},{"code":"b","title":"t","type":"yes_no","scoring":{"mode":"met","weight":3}}]},)"
      R"({"code":"I2","title":"t","items":[{"code":"c","title":"t","type":"yes_no","scoring":{"mode":"met","weight":2}}]}]},)"
      R"({"code":"D2","title":"t","items":[{"code":"d","title":"t","type":"yes_no","scoring":{"mode":"met","weight":1}}]}]})");
  REQUIRE(list);
  const Score score = list->score({{"a", test::number(1)}, {"b", test::number(0)}, {"c", test::number(1)}});
  REQUIRE(score.sections.size() == 4);
  CHECK(score.sections[0].section == "D1");
  CHECK(score.sections[0].score == 5'000);
  CHECK(score.sections[0].weight == 600);
  CHECK(score.sections[1].score == 2'500);
  CHECK(score.sections[2].score == 10'000);
  CHECK_FALSE(score.sections[3].score);
  CHECK(score.sections[3].weight == 0);
  CHECK(score.score == 5'000);
}

TEST_CASE("bands begin at their thresholds") {
  const std::string bands =
      R"("bands":[{"code":"A","title":"t","from":90},{"code":"B","title":"t","from":"59.99"},{"code":"C","title":"t","from":0}],)";
  const Checklist list = test::checklist(
      R"({"code":"a","title":"t","type":"decimal","decimals":2,"min":0,"max":100,"scoring":{"mode":"points","max":100,"weight":1}})",
      bands);
  const std::pair<std::int64_t, const char*> rows[] = {{10'000, "A"}, {9'000, "A"}, {8'999, "B"},
                                                       {5'999, "B"},  {5'998, "C"}, {0, "C"}};
  for (const auto& [points, band] : rows) {
    const Score score = list.score({{"a", test::number(points)}});
    CHECK(score.score == points);
    CHECK(score.band == band);
  }
  CHECK_FALSE(list.score({}).band);
}

TEST_CASE("a failed critical item caps the score, the band, or both") {
  const std::string bands =
      R"("bands":[{"code":"A","title":"t","from":80},{"code":"B","title":"t","from":60},{"code":"C","title":"t","from":0}],)";
  const std::string items =
      R"({"code":"a","title":"t","type":"yes_no","scoring":{"mode":"met","weight":99}},)"
      R"({"code":"k","title":"t","type":"scale","min":0,"max":10,"allow_na":true,"critical":true,"scoring":{"mode":"points","max":10,"weight":1}})";
  const Answers failed{{"a", test::number(1)}, {"k", test::number(5)}};
  const Answers passed{{"a", test::number(1)}, {"k", test::number(6)}};
  const Answers not_applicable{{"a", test::number(1)}, {"k", test::na("无此设施")}};

  const Checklist by_score = test::checklist(items, bands + R"("cap":{"score":"59.99"},)");
  CHECK(by_score.score(failed).score == 5'999);
  CHECK(by_score.score(failed).uncapped == 9'950);
  CHECK(by_score.score(failed).band == "C");
  CHECK(by_score.score(failed).failed_critical == std::vector<std::string>{"k"});
  CHECK(by_score.score(passed).score == 9'960);
  CHECK(by_score.score(passed).failed_critical.empty());
  CHECK(by_score.score(not_applicable).score == 10'000);
  CHECK(by_score.score({{"a", test::number(0)}, {"k", test::number(5)}}).score == 50);  // a cap never lifts

  const Checklist by_band = test::checklist(items, bands + R"("cap":{"band":"B"},)");
  CHECK(by_band.score(failed).score == 9'950);
  CHECK(by_band.score(failed).band == "B");
  CHECK(by_band.score(passed).band == "A");
  CHECK(by_band.score({{"a", test::number(0)}, {"k", test::number(0)}}).band == "C");

  const Checklist both = test::checklist(items, bands + R"("fail_below":100,"cap":{"score":70,"band":"C"},)");
  CHECK(both.score(passed).score == 7'000);
  CHECK(both.score(passed).band == "C");
}

TEST_CASE("a failed veto makes the score nothing, where the template allows vetoes") {
  const std::string items =
      R"({"code":"a","title":"t","type":"yes_no","scoring":{"mode":"met","weight":9}},)"
      R"({"code":"v","title":"t","type":"yes_no","veto":true,"scoring":{"mode":"met","weight":1}})";
  CHECK(test::refusal(test::template_json(items)).code == Code::kChecklistVeto);
  CHECK(test::refusal(test::template_json(items, R"("veto":false,)")).code == Code::kChecklistVeto);
  const Checklist list = test::checklist(
      items, R"("veto":true,"bands":[{"code":"A","title":"t","from":1},{"code":"B","title":"t","from":0}],)");
  const Score score = list.score({{"a", test::number(1)}, {"v", test::number(0)}});
  CHECK(score.score == 0);
  CHECK(score.uncapped == 9'000);
  CHECK(score.band == "B");
  CHECK(score.failed_veto == std::vector<std::string>{"v"});
  CHECK(list.score({{"a", test::number(1)}, {"v", test::number(1)}}).score == 10'000);
}

TEST_CASE("the largest weights, points and answers do not overflow") {
  std::string items;
  Answers answers;
  for (int i = 0; i < 300; ++i) {
    items += (i > 0 ? "," : "") + std::string(R"({"code":"i)") + std::to_string(i) +
             R"(","title":"t","type":"decimal","decimals":6,"min":-1000000000,"max":1000000000,"scoring":{"mode":")" +
             (i % 2 == 0 ? R"(points","max":10000,"weight":10000}})"
                         : R"(deduction","max":10000,"deduct":10000,"weight":10000}})");
    answers["i" + std::to_string(i)] = test::number(i % 4 < 2 ? kMaxNumber : -kMaxNumber);
  }
  const Score score = test::checklist(items).score(answers);
  CHECK(score.items.size() == 300);
  CHECK(score.score == 5'000);
}

TEST_CASE("whatever is answered, a score stays within 0 and 100 and agrees with a plain recomputation") {
  std::mt19937_64 random(11);
  for (const char* name : {"routine-visit.json", "food-and-safety.json"}) {
    const auto list = Checklist::parse(sample(name));
    REQUIRE(list);
    for (int round = 0; round < 2'000; ++round) {
      const Answers answers = random_answers(*list, random);
      const Score score = list->score(answers);
      std::int64_t sum = 0;
      std::int64_t weight = 0;
      for (const ItemScore& item : score.items) {
        REQUIRE(item.value >= 0);
        REQUIRE(item.value <= kFullScore);
        sum += item.value * item.weight;
        weight += item.weight;
      }
      REQUIRE(score.uncapped.has_value() == (weight > 0));
      if (weight == 0) continue;
      REQUIRE(*score.uncapped == (2 * sum + weight) / (2 * weight));
      REQUIRE(*score.score <= *score.uncapped);
      REQUIRE(*score.score >= 0);
      const auto visible = list->visible(answers);
      for (const ItemScore& item : score.items)
        REQUIRE(std::find(visible.begin(), visible.end(), item.item) != visible.end());
    }
  }
}

TEST_CASE("an item that becomes NA moves the score away from its value, never towards it") {
  std::mt19937_64 random(12);
  std::string items;
  for (int i = 0; i < 12; ++i)
    items +=
        (i > 0 ? "," : "") + std::string(R"({"code":"i)") + std::to_string(i) +
        R"(","title":"t","type":"scale","min":0,"max":10,"allow_na":true,"scoring":{"mode":"points","max":10,"weight":)" +
        std::to_string(1 + i % 5) + "}}";
  const Checklist list = test::checklist(items);
  for (int round = 0; round < 1'000; ++round) {
    Answers answers = random_answers(list, random);
    const Score before = list.score(answers);
    if (before.items.size() < 2) continue;
    const ItemScore item = before.items[random() % before.items.size()];
    answers[item.item] = test::na("不适用");
    const Score after = list.score(answers);
    REQUIRE(after.items.size() + 1 == before.items.size());
    if (item.value <= *before.score) CHECK(*after.score >= *before.score);
    if (item.value >= *before.score) CHECK(*after.score <= *before.score);
  }
}

TEST_CASE("the order of answering makes no difference, nor does an answer to an item that is not asked") {
  std::mt19937_64 random(13);
  const auto list = Checklist::parse(sample("routine-visit.json"));
  REQUIRE(list);
  for (int round = 0; round < 200; ++round) {
    const Answers answers = random_answers(*list, random);
    std::vector<std::pair<std::string, AnswerValue>> shuffled(answers.begin(), answers.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    Answers again;
    for (auto& [code, answer] : shuffled) again.insert_or_assign(code, test::number(0));
    for (auto& [code, answer] : shuffled) again.insert_or_assign(code, answer);
    again["ZZ9"] = test::number(1);
    CHECK(list->score(again).score == list->score(answers).score);
    CHECK(list->visible(again) == list->visible(answers));
    CHECK(list->derived_findings(again) == list->derived_findings(answers));
    CHECK(list->missing(again) == list->missing(answers));
  }
}
