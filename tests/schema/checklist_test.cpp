#include "schema/checklist.hpp"

#include "platform/crypto.hpp"
#include "tests/schema/checklist_builder.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <catch2/catch.hpp>

using namespace dudao;
using test::code_of;
using test::count;
using test::na;
using test::number;
using test::refusal;
using test::template_json;
using test::text;

namespace {

const std::string kYes = R"({"code":"a","title":"t","type":"yes_no"})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto place = text.find(from);
  REQUIRE(place != std::string::npos);
  return text.replace(place, from.size(), to);
}

const std::string kSchool = R"J(
  {"code":"meals","title":"t","type":"yes_no"},
  {"code":"pupils","title":"t","type":"integer","min":0,"max":9999},
  {"code":"eat","title":"t","type":"integer","min":0,"max":9999,"visible_if":"meals","constraint":". = 999 or . <= pupils",
   "constraint_message":{"zh":"就餐人数不应多于学生数","en":"more eat than there are"},
   "finding_if":[{"when":". * 2 < pupils","severity":"ADVICE","text":{"zh":"就餐人数少","en":"few eat"},"clause":"own clause"}]},
  {"code":"share","title":"t","type":"calculated","decimals":1,"visible_if":"meals","calculate":"ratio(eat * 100, pupils, 1)","clause":"item clause",
   "finding_if":[{"when":". < 10","severity":"SERIOUS","text":"very few"}]},
  {"code":"staff","title":"t","type":"count_of","max":100,"allow_na":true,"visible_if":"meals and eat > 0"},
  {"code":"faults","title":"t","type":"multi","options":[{"code":"b","label":"l"},{"code":"a","label":"l"},{"code":"none","label":"l"}],
   "constraint":". = 'none' or not selected(., 'none')"},
  {"code":"level","title":"t","type":"single","options":[{"code":"x","label":"l"},{"code":"y","label":"l"}]},
  {"code":"mark","title":"t","type":"scale","min":1,"max":5,"allow_na":true},
  {"code":"grams","title":"t","type":"decimal","decimals":2,"min":"0.5","max":"10.25"},
  {"code":"day","title":"t","type":"date"},
  {"code":"note","title":"t","type":"text","max_length":5,"required":false})J";

}  // namespace

TEST_CASE("a template gives its items, sections, texts and hash") {
  const std::string body =
      R"({"format":"dudao-checklist-1","code":"2026-routine","version":3,"title":{"en":"Visit","zh":"督导"},"languages":["zh","en"],)"
      R"("sections":[{"code":"D1","title":"领域","guidance":"g","sections":[{"code":"D1.1","title":"指标","items":[)"
      R"({"code":"D1.1.a","type":"decimal","decimals":2,"title":{"zh":"面积","en":"Area"},"guidance":{"zh":"量"},"unit":"㎡","min":0,)"
      R"("max":"99.50","required":false,"allow_na":true,"statutory":true,"clause":"条","min_photos":2},)"
      R"({"code":"D1.1.b","type":"single","title":"t","options":[{"code":"1","label":{"zh":"一"}}]}]}]}]})";
  const auto list = Checklist::parse(body);
  REQUIRE(list);
  CHECK(list->code() == "2026-routine");
  CHECK(list->version() == 3);
  CHECK(list->title().in("zh") == "督导");
  CHECK(list->title().in("en") == "Visit");
  CHECK(list->title().in("fr") == "督导");
  CHECK(list->title().all().front().first == "zh");
  CHECK(list->languages() == std::vector<std::string>{"zh", "en"});
  CHECK(list->hash() == sha256(view(body)));
  REQUIRE(list->sections().size() == 2);
  CHECK_FALSE(list->sections()[0].parent);
  CHECK(list->sections()[1].parent == 0);
  CHECK(list->sections()[1].depth == 1);
  REQUIRE(list->items().size() == 2);
  const Item& item = *list->items()[0];
  CHECK(list->item("D1.1.a") == &item);
  CHECK_FALSE(list->item("D1"));
  CHECK(item.type == ItemType::kDecimal);
  CHECK(item.unit.in("zh") == "㎡");
  CHECK(item.min == 0);
  CHECK(item.max == 9'950);
  CHECK(item.section == 1);
  CHECK(item.min_photos == 2);
  CHECK((!item.required && item.allow_na && item.statutory && !item.critical && !item.veto));
  CHECK(list->items()[1]->options[0].label.in("en") == "一");
  CHECK(list->items()[1]->required);
}

TEST_CASE("a copy shares what it is made of, and outlives the original") {
  const Item* item = nullptr;
  std::optional<Checklist> copy;
  {
    const Checklist list = test::checklist(kYes);
    item = list.item("a");
    copy = list;
  }
  CHECK(copy->item("a") == item);
}

TEST_CASE("what is not strict JSON is refused") {
  const std::string good = template_json(kYes);
  REQUIRE(Checklist::parse(good));
  const std::string rows[] = {"",
                              "nothing",
                              good.substr(0, good.size() - 1),
                              good + "x",
                              good + good,
                              replaced(good, "\"version\":1", "\"version\":1.0"),
                              replaced(good, "\"version\":1", "\"version\":1,\"version\":1"),
                              replaced(good, "\"version\":1", "\"version\":01"),
                              replaced(good, "\"version\":1", "\"version\":1e0"),
                              replaced(good, "\"version\":1", "\"version\":99999999999999999999"),
                              replaced(good, "\"version\":1", "\"version\":NaN"),
                              replaced(good, "Section", "Sec\xFFtion"),
                              replaced(good, "Section", "Sec\ntion"),
                              replaced(good, "Section", "\xED\xA0\x80"),
                              "// comment\n" + good,
                              std::string(100'000, '['),
                              std::string(50'000, '['),
                              std::string(20, '[') + std::string(20, ']')};
  for (const std::string& body : rows) {
    const auto list = Checklist::parse(body);
    INFO(body.substr(0, 200));
    REQUIRE_FALSE(list);
    CHECK((list.error().code == Code::kChecklistNotJson ||
           (body.size() > kMaxChecklistBytes && list.error().code == Code::kChecklistTooBig)));
  }
}

TEST_CASE("every prefix and every damaged byte of a template is refused or is a template") {
  const std::string good = template_json(kSchool);
  for (std::size_t size = 0; size < good.size(); ++size) REQUIRE_FALSE(Checklist::parse(good.substr(0, size)));
  std::mt19937 random(5);
  for (int round = 0; round < 3'000; ++round) {
    std::string damaged = good;
    damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
    const auto list = Checklist::parse(damaged);
    if (list)
      CHECK(list->visible({}).size() <= list->items().size());
    else
      CHECK(info(list.error().code).error_class == ErrorClass::kFixInput);
  }
}

TEST_CASE("sizes are bounded") {
  const auto items = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
      text += (i > 0 ? "," : "") + std::string(R"({"code":"i)") + std::to_string(i) + R"(","title":"t","type":"text"})";
    return text;
  };
  CHECK(test::checklist(items(kMaxChecklistItems)).items().size() == kMaxChecklistItems);
  CHECK(refusal(template_json(items(kMaxChecklistItems + 1))).code == Code::kChecklistTooBig);
  const std::string good = template_json(kYes);
  CHECK(Checklist::parse(good + std::string(kMaxChecklistBytes - good.size(), ' ')));
  CHECK(refusal(good + std::string(kMaxChecklistBytes - good.size() + 1, ' ')).code == Code::kChecklistTooBig);
  std::string options;
  for (std::size_t i = 0; i <= kMaxItemOptions; ++i)
    options += (i > 0 ? "," : "") + std::string(R"({"label":"l","code":"o)") + std::to_string(i) + "\"}";
  CHECK(refusal(template_json(R"({"code":"a","title":"t","type":"single","options":[)" + options + "]}")).code ==
        Code::kChecklistTooBig);
  std::string deep = R"({"code":"s0","title":"t","items":[)" + kYes + "]}";
  for (int i = 1; i <= 4; ++i)
    deep = R"({"code":"s)" + std::to_string(i) + R"(","title":"t","sections":[)" + deep + "]}";
  const std::string heading =
      R"({"format":"dudao-checklist-1","code":"t","version":1,"title":"t","languages":["zh"],"sections":[)";
  CHECK(refusal(heading + deep + "]}").code == Code::kChecklistTooBig);
  std::string many;
  for (std::size_t i = 0; i < kMaxChecklistSections + 1; ++i)
    many += (i > 0 ? "," : "") + std::string(R"({"code":"s)") + std::to_string(i) +
            R"(","title":"t","items":[{"code":"i)" + std::to_string(i) + R"(","title":"t","type":"text"}]})";
  CHECK(refusal(heading + many + "]}").code == Code::kChecklistTooBig);
  const std::string long_text(kMaxTextBytes, 'x');
  CHECK(test::checklist(replaced(kYes, "\"t\"", "\"" + long_text + "\"")).item("a"));
  CHECK(refusal(template_json(replaced(kYes, "\"t\"", "\"" + long_text + "x\""))).code == Code::kChecklistText);
}

TEST_CASE("every flaw of a template has its number, and its place is named") {
  struct Row {
    std::string items;
    Code code;
    const char* place;
  };
  const auto with = [](const std::string& members) { return R"({"code":"a","title":"t",)" + members + "}"; };
  const std::string options = R"("options":[{"code":"x","label":"l"},{"code":"y","label":"l"}])";
  const std::string valued = R"("options":[{"code":"x","label":"l","value":1},{"code":"y","label":"l","value":0}])";
  const Row rows[] = {
      {R"(5)", Code::kChecklistShape, "item 1"},
      {R"({"title":"t","type":"text"})", Code::kChecklistShape, "'code'"},
      {R"({"code":5,"title":"t","type":"text"})", Code::kChecklistShape, "'code'"},
      {R"({"code":"a","type":"text"})", Code::kChecklistShape, "item a"},
      {R"({"code":"a","title":"t"})", Code::kChecklistShape, "'type'"},
      {with(R"("type":"photo")"), Code::kChecklistShape, "photo"},
      {with(R"("type":"text","colour":"red")"), Code::kChecklistShape, "colour"},
      {with(R"("type":"text","required":"yes")"), Code::kChecklistShape, "'required'"},
      {with(R"("type":"text","required":1)"), Code::kChecklistShape, "'required'"},
      {with(R"("type":"text","options":[])"), Code::kChecklistShape, "options"},
      {with(R"("type":"text","unit":"m")"), Code::kChecklistShape, "unit"},
      {with(R"("type":"integer","decimals":2)"), Code::kChecklistShape, "decimals"},
      {with(R"("type":"date","min":0)"), Code::kChecklistShape, "min"},
      {with(R"("type":"count_of","min":0)"), Code::kChecklistShape, "min"},
      {with(R"("type":"integer","max_length":5)"), Code::kChecklistShape, "max_length"},
      {with(R"("type":"integer","calculate":"1")"), Code::kChecklistShape, "calculate"},
      {with(R"("type":"calculated")"), Code::kChecklistShape, "calculate"},
      {with(R"("type":"calculated","calculate":"1","required":true)"), Code::kChecklistShape, "required"},
      {with(R"("type":"calculated","calculate":"1","allow_na":true)"), Code::kChecklistShape, "allow_na"},
      {with(R"("type":"calculated","calculate":"1","constraint":"true")"), Code::kChecklistShape, "constraint"},
      {with(R"("type":"scale","min":1)"), Code::kChecklistShape, "max"},
      {with(R"("type":"decimal")"), Code::kChecklistShape, "decimals"},
      {with(R"("type":"single")"), Code::kChecklistShape, "options"},
      {with(R"("type":"single","options":[])"), Code::kChecklistShape, "options"},
      {with(R"("type":"single","options":{})"), Code::kChecklistShape, "options"},
      {with(R"("type":"single","options":[{"code":"x"}])"), Code::kChecklistShape, "label"},
      {with(R"("type":"single","options":[{"code":"x","label":"l","colour":1}])"), Code::kChecklistShape, "colour"},
      {with(R"("type":"integer","min":true)"), Code::kChecklistShape, "min"},
      {with(R"("type":"integer","min":"1")"), Code::kChecklistShape, "min"},
      {with(R"("type":"text","constraint":5)"), Code::kChecklistShape, "constraint"},
      {with(R"("type":"text","constraint_message":"m")"), Code::kChecklistShape, "constraint_message"},
      {with(R"("type":"text","finding_if":[])"), Code::kChecklistShape, "finding_if"},
      {with(R"("type":"text","finding_if":[{"severity":"ADVICE","text":"t"}])"), Code::kChecklistShape, "when"},
      {with(R"("type":"yes_no","finding_if":[{"when":".","severity":"GRAVE","text":"t"}])"), Code::kChecklistShape,
       "GRAVE"},
      {with(R"("type":"yes_no","finding_if":[{"when":".","severity":"ADVICE"}])"), Code::kChecklistShape, "text"},
      {with(R"("type":"yes_no","scoring":5)"), Code::kChecklistShape, "scoring"},
      {with(R"("type":"yes_no","scoring":{})"), Code::kChecklistShape, "mode"},
      {with(R"("type":"yes_no","scoring":{"mode":"stars","weight":1})"), Code::kChecklistShape, "stars"},
      {with(R"("type":"yes_no","scoring":{"mode":"met"})"), Code::kChecklistShape, "weight"},
      {with(R"("type":"single",)" + options + R"(,"scoring":{"mode":"grade","weight":1})"), Code::kChecklistShape,
       "value"},
      {R"({"code":"1a","title":"t","type":"text"})", Code::kChecklistCodeForm, "1a"},
      {R"({"code":"","title":"t","type":"text"})", Code::kChecklistCodeForm, "item 1"},
      {R"({"code":"a-b","title":"t","type":"text"})", Code::kChecklistCodeForm, "a-b"},
      {R"({"code":"a..b","title":"t","type":"text"})", Code::kChecklistCodeForm, "a..b"},
      {R"({"code":"a.","title":"t","type":"text"})", Code::kChecklistCodeForm, "a."},
      {R"({"code":"食堂","title":"t","type":"text"})", Code::kChecklistCodeForm, "item 1"},
      {R"({"code":"not","title":"t","type":"text"})", Code::kChecklistCodeForm, "not"},
      {R"({"code":")" + std::string(65, 'a') + R"(","title":"t","type":"text"})", Code::kChecklistCodeForm, "aaaa"},
      {with(R"("type":"single","options":[{"code":"x,y","label":"l"}])"), Code::kChecklistCodeForm, "x,y"},
      {with(R"("type":"single","options":[{"code":"","label":"l"}])"), Code::kChecklistCodeForm, "option 1"},
      {kYes + "," + kYes, Code::kChecklistCodeTwice, "a"},
      {R"({"code":"S","title":"t","type":"text"})", Code::kChecklistCodeTwice, "S"},
      {with(R"("type":"single","options":[{"code":"x","label":"l"},{"code":"x","label":"m"}])"),
       Code::kChecklistCodeTwice, "option x"},
      {R"({"code":"a","title":"","type":"text"})", Code::kChecklistText, "title"},
      {R"({"code":"a","title":"  \n","type":"text"})", Code::kChecklistText, "title"},
      {R"({"code":"a","title":"x\u0000y","type":"text"})", Code::kChecklistText, "title"},
      {R"({"code":"a","title":{"en":"only"},"type":"text"})", Code::kChecklistText, "'zh'"},
      {R"({"code":"a","title":{},"type":"text"})", Code::kChecklistText, "'zh'"},
      {R"({"code":"a","title":{"zh":"t","fr":"t"},"type":"text"})", Code::kChecklistText, "'fr'"},
      {R"({"code":"a","title":{"zh":5},"type":"text"})", Code::kChecklistShape, "'zh'"},
      {R"({"code":"a","title":["t"],"type":"text"})", Code::kChecklistShape, "title"},
      {with(R"("type":"integer","min":5,"max":4)"), Code::kChecklistRange, "item a"},
      {with(R"("type":"integer","max":1000000000000001)"), Code::kChecklistRange, "max"},
      {with(R"("type":"count_of","max":-1)"), Code::kChecklistRange, "max"},
      {with(R"("type":"decimal","decimals":1,"max":"1.25")"), Code::kChecklistRange, "max"},
      {with(R"("type":"decimal","decimals":7)"), Code::kChecklistRange, "decimals"},
      {with(R"("type":"decimal","decimals":0)"), Code::kChecklistRange, "decimals"},
      {with(R"("type":"text","max_length":0)"), Code::kChecklistRange, "max_length"},
      {with(R"("type":"text","max_length":4001)"), Code::kChecklistRange, "max_length"},
      {with(R"("type":"text","min_photos":21)"), Code::kChecklistRange, "min_photos"},
      {with(R"("type":"yes_no","scoring":{"mode":"met","weight":0})"), Code::kChecklistRange, "weight"},
      {with(R"("type":"yes_no","scoring":{"mode":"met","weight":-1})"), Code::kChecklistRange, "weight"},
      {with(R"("type":"yes_no","scoring":{"mode":"met","weight":"1.005"})"), Code::kChecklistRange, "weight"},
      {with(R"("type":"yes_no","scoring":{"mode":"met","weight":10001})"), Code::kChecklistRange, "weight"},
      {with(R"("type":"text","scoring":{"mode":"met","weight":1})"), Code::kChecklistScoring, "met_if"},
      {with(R"("type":"yes_no","scoring":{"mode":"unscored","weight":1})"), Code::kChecklistScoring, "weight"},
      {with(R"("type":"yes_no","scoring":{"mode":"met","weight":1,"max":1})"), Code::kChecklistScoring, "max"},
      {with(R"("type":"yes_no","scoring":{"mode":"points","weight":1,"max":1})"), Code::kChecklistScoring, "points"},
      {with(R"("type":"date","scoring":{"mode":"deduction","weight":1,"max":1,"deduct":1})"), Code::kChecklistScoring,
       "deduction"},
      {with(R"("type":"scale","min":0,"max":5,"scoring":{"mode":"deduction","weight":1,"max":1,"deduct":1})"),
       Code::kChecklistScoring, "deduction"},
      {with(R"("type":"count_of","scoring":{"mode":"points","weight":1,"max":1})"), Code::kChecklistScoring, "max"},
      {with(R"("type":"integer","scoring":{"mode":"points","weight":1,"max":1,"met_if":". > 1"})"),
       Code::kChecklistScoring, "met_if"},
      {with(R"("type":"multi",)" + valued + R"(,"scoring":{"mode":"grade","weight":1})"), Code::kChecklistScoring,
       "grade"},
      {with(R"("type":"single",)" + valued + R"(,"scoring":{"mode":"deduction","weight":1,"max":1,"deduct":1})"),
       Code::kChecklistScoring, "deduct"},
      {with(R"("type":"single",)" + valued), Code::kChecklistScoring, "value"},
      {with(R"("type":"integer","scoring":{"mode":"points","weight":1})"), Code::kChecklistShape, "max"},
      {with(R"("type":"integer","scoring":{"mode":"deduction","weight":1,"max":1})"), Code::kChecklistShape, "deduct"},
      {with(R"("type":"yes_no","critical":true)"), Code::kChecklistScoring, "critical"},
      {with(R"("type":"yes_no","critical":true,"scoring":{"mode":"met","weight":1})"), Code::kChecklistScoring, "cap"},
      {with(R"("type":"yes_no","veto":true,"scoring":{"mode":"met","weight":1})"), Code::kChecklistVeto, "item a"},
      {with(R"("type":"yes_no","visible_if":"b")"), Code::kChecklistReference, "visible_if"},
      {with(R"("type":"yes_no","finding_if":[{"when":"b","severity":"ADVICE","text":"t"}])"), Code::kChecklistReference,
       "finding_if 1"},
      {with(R"("type":"calculated","calculate":".")"), Code::kChecklistExpression, "calculate"},
      {with(R"("type":"calculated","calculate":"true")"), Code::kChecklistTypes, "not a number"},
      {with(R"("type":"calculated","calculate":"1.25","decimals":1)"), Code::kChecklistTypes, "ratio()"},
      {with(R"("type":"calculated","calculate":"999999999999999 * 2")"), Code::kChecklistOverflow, "calculate"},
      {with(R"("type":"calculated","calculate":"999999999999999","decimals":1)"), Code::kChecklistOverflow,
       "calculate"},
  };
  for (const Row& row : rows) {
    const Error error = refusal(template_json(row.items));
    INFO(row.items << " -> " << error.message());
    CHECK(error.code == row.code);
    CHECK(error.detail.find(row.place) != std::string::npos);
  }
}

TEST_CASE("every flaw of a template's heading has its number") {
  const std::string good =
      template_json(kYes, R"("bands":[{"code":"A","title":"t","from":60},{"code":"B","title":"t","from":0}],)");
  REQUIRE(Checklist::parse(good));
  struct Row {
    const char* from;
    const char* to;
    Code code;
  };
  const Row rows[] = {
      {"\"format\":\"dudao-checklist-1\",", "", Code::kChecklistShape},
      {"dudao-checklist-1", "dudao-checklist-3", Code::kChecklistShape},
      {"\"code\":\"t\",", "", Code::kChecklistShape},
      {"\"code\":\"t\"", "\"code\":\"a b\"", Code::kChecklistCodeForm},
      {"\"version\":1,", "", Code::kChecklistShape},
      {"\"version\":1", "\"version\":0", Code::kChecklistRange},
      {"\"version\":1", "\"version\":\"1\"", Code::kChecklistShape},
      {"\"version\":1", "\"version\":-1", Code::kChecklistRange},
      {"\"version\":1", "\"version\":1,\"colour\":1", Code::kChecklistShape},
      {"\"version\":1", "\"version\":1,\"$schema\":5", Code::kChecklistShape},
      {"\"version\":1", "\"version\":1,\"veto\":1", Code::kChecklistShape},
      {"\"version\":1", "\"version\":1,\"fail_below\":\"100.01\"", Code::kChecklistRange},
      {"\"version\":1", "\"version\":1,\"fail_below\":0", Code::kChecklistRange},
      {"[\"zh\",\"en\"]", "[]", Code::kChecklistShape},
      {"[\"zh\",\"en\"]", "[5]", Code::kChecklistShape},
      {"[\"zh\",\"en\"]", "[\"zh\",\"zh\"]", Code::kChecklistCodeTwice},
      {"[\"zh\",\"en\"]", "[\"en\"]", Code::kChecklistText},
      {"\"from\":60", "\"from\":0", Code::kChecklistBands},
      {"\"from\":60", "\"from\":101", Code::kChecklistRange},
      {"\"from\":0", "\"from\":10", Code::kChecklistBands},
      {"\"from\":0", "\"from\":70", Code::kChecklistBands},
      {"\"code\":\"B\"", "\"code\":\"A\"", Code::kChecklistCodeTwice},
      {"\"version\":1", "\"version\":1,\"weight\":1", Code::kChecklistWeights},
      {"\"code\":\"S\"", "\"code\":\"S\",\"weight\":\"0.01\"", Code::kChecklistWeights},
      {"\"code\":\"S\"", "\"code\":\"S\",\"sections\":[]", Code::kChecklistShape},
      {"\"code\":\"S\"", "\"code\":\"S\",\"visible_if\":\"a =\"", Code::kChecklistExpression},
      {"\"code\":\"S\"", "\"code\":\"S\",\"visible_if\":\".\"", Code::kChecklistExpression},
      {"\"code\":\"S\"", "\"code\":\"S.\"", Code::kChecklistCodeForm},
      {"\"items\":[", "\"items\":[],\"x\":[", Code::kChecklistShape},
  };
  for (const Row& row : rows) {
    const Error error = refusal(replaced(good, row.from, row.to));
    INFO(row.to << " -> " << error.message());
    CHECK(error.code == row.code);
    CHECK_FALSE(error.detail.empty());
  }
  // After "bands", so that the bands are known.
  for (const char* cap : {R"({})", R"({"band":"Z"})", R"({"score":101})", R"({"colour":1})", R"(5)", R"({"band":5})"}) {
    INFO(cap);
    const Code code = refusal(replaced(good, "\"sections\":[", "\"cap\":" + std::string(cap) + ",\"sections\":[")).code;
    CHECK((code == Code::kChecklistShape || code == Code::kChecklistBands || code == Code::kChecklistRange));
  }
}

TEST_CASE("circles are refused and shown") {
  const auto item = [](const std::string& code, const std::string& visible_if) {
    return R"({"code":")" + code + R"(","title":"t","type":"yes_no","visible_if":")" + visible_if + "\"}";
  };
  CHECK(refusal(template_json(item("a", "a"))).detail == "a -> a");
  CHECK(refusal(template_json(item("a", "b") + "," + item("b", "a"))).detail == "a -> b -> a");
  const Error behind = refusal(
      template_json(item("z", "a") + "," + item("a", "b") + "," + item("b", "c and a") + "," + item("c", "true")));
  CHECK(behind.code == Code::kChecklistCycle);
  CHECK(behind.detail == "a -> b -> a");
  CHECK(refusal(template_json(R"({"code":"x","title":"t","type":"calculated","calculate":"y + 1"},)"
                              R"({"code":"y","title":"t","type":"calculated","calculate":"x - 1"})"))
            .code == Code::kChecklistCycle);
  CHECK(refusal(replaced(template_json(kYes), R"("code":"S")", R"("code":"S","visible_if":"a")")).detail == "a -> a");
  std::string chain;
  for (int i = 0; i < 50; ++i)
    chain += (i > 0 ? "," : "") + item("i" + std::to_string(i), "i" + std::to_string((i + 1) % 50));
  CHECK(refusal(template_json(chain)).code == Code::kChecklistCycle);
  // A constraint may look at an item that looks back: neither changes what the other is.
  CHECK(
      test::checklist(
          R"({"code":"a","title":"t","type":"integer","constraint":". <= b"},{"code":"b","title":"t","type":"integer","constraint":". >= a"})")
          .item("b"));
}

TEST_CASE("a chain of a thousand conditions is worked out without trouble") {
  std::string items = R"({"code":"i0","title":"t","type":"yes_no"})";
  for (int i = 1; i < 700; ++i)
    items = R"({"code":"i)" + std::to_string(i) + R"(","title":"t","type":"yes_no","visible_if":"i)" +
            std::to_string(i - 1) + "\"}," + items;
  const Checklist list = test::checklist(items);
  Answers answers;
  for (int i = 0; i < 700; ++i) answers["i" + std::to_string(i)] = number(1);
  CHECK(list.visible(answers).size() == 700);
  answers["i10"] = number(0);
  CHECK(list.visible(answers).size() == 11);
  CHECK(code_of(list.check_answer("i699", number(1), answers)) == Code::kAnswerHidden);
}

TEST_CASE("an answer is taken or refused by number") {
  const Checklist list = test::checklist(kSchool);
  const Answers answers{{"meals", number(1)}, {"pupils", number(500)}, {"eat", number(20)}};
  struct Row {
    const char* item;
    AnswerValue answer;
    std::optional<Code> code;
  };
  const Row rows[] = {
      {"meals", number(0), std::nullopt},
      {"meals", number(2), Code::kAnswerType},
      {"meals", text("yes"), Code::kAnswerType},
      {"meals", count(1, 1), Code::kAnswerType},
      {"meals", na("why"), Code::kAnswerNaNotAllowed},
      {"meals", AnswerValue{}, std::nullopt},
      {"nothing", number(1), Code::kAnswerUnknownItem},
      {"S", number(1), Code::kAnswerUnknownItem},
      {"", number(1), Code::kAnswerUnknownItem},
      {"share", number(1), Code::kAnswerCalculated},
      {"share", AnswerValue{}, Code::kAnswerCalculated},
      {"pupils", number(0), std::nullopt},
      {"pupils", number(9'999), std::nullopt},
      {"pupils", number(-1), Code::kAnswerRange},
      {"pupils", number(10'000), Code::kAnswerRange},
      {"pupils", number(std::numeric_limits<std::int64_t>::min()), Code::kAnswerRange},
      {"eat", number(500), std::nullopt},
      {"eat", number(501), Code::kAnswerConstraint},
      {"eat", number(999), std::nullopt},
      {"staff", count(18, 20), std::nullopt},
      {"staff", count(0, 0), std::nullopt},
      {"staff", count(21, 20), Code::kAnswerRange},
      {"staff", count(-1, 20), Code::kAnswerRange},
      {"staff", count(1, 101), Code::kAnswerRange},
      {"staff", count(0, -1), Code::kAnswerRange},
      {"staff", number(18), Code::kAnswerType},
      {"staff", {std::monostate(), 20, ""}, Code::kAnswerType},
      {"staff", na("正在装修"), std::nullopt},
      {"staff", na(" \n"), Code::kAnswerReasonMissing},
      {"staff", na(std::string(1'001, 'x')), Code::kAnswerTextBad},
      {"staff", na("a\xFF"), Code::kAnswerTextBad},
      {"staff", {std::int64_t{1}, 2, "both"}, Code::kAnswerReasonMissing},
      {"mark", {std::int64_t{1}, std::nullopt, "both"}, Code::kAnswerReasonMissing},
      {"faults", text("a,b"), std::nullopt},
      {"faults", text(""), std::nullopt},
      {"faults", text("none"), std::nullopt},
      {"faults", text("b,a"), Code::kAnswerOption},
      {"faults", text("a,a"), Code::kAnswerOption},
      {"faults", text("a,"), Code::kAnswerOption},
      {"faults", text(",a"), Code::kAnswerOption},
      {"faults", text("a, b"), Code::kAnswerOption},
      {"faults", text("c"), Code::kAnswerOption},
      {"faults", text("a,none"), Code::kAnswerConstraint},
      {"faults", number(1), Code::kAnswerType},
      {"level", text("x"), std::nullopt},
      {"level", text("z"), Code::kAnswerOption},
      {"level", text(""), Code::kAnswerOption},
      {"level", text("x,y"), Code::kAnswerOption},
      {"mark", number(5), std::nullopt},
      {"mark", number(6), Code::kAnswerRange},
      {"grams", number(50), std::nullopt},
      {"grams", number(49), Code::kAnswerRange},
      {"grams", number(1'025), std::nullopt},
      {"grams", number(1'026), Code::kAnswerRange},
      {"grams", text("1.00"), Code::kAnswerType},
      {"day", number(20'697), std::nullopt},
      {"day", number(99'999'999), Code::kAnswerRange},
      {"note", text("操场有积水"), std::nullopt},
      {"note", text("操场有积水。"), Code::kAnswerTextBad},
      {"note", text(""), Code::kAnswerTextBad},
      {"note", text(" \n "), Code::kAnswerTextBad},
      {"note", text("a\x01"), Code::kAnswerTextBad},
      {"note", text("\xC0\x80"), Code::kAnswerTextBad},
      {"note", text("a\nb\tc"), std::nullopt},
  };
  for (const Row& row : rows) {
    const Status status = list.check_answer(row.item, row.answer, answers);
    INFO(row.item << " " << (status ? "taken" : status.error().message()));
    CHECK(code_of(status) == row.code);
    if (!status && row.code != Code::kAnswerUnknownItem) CHECK(status.error().detail.starts_with(row.item));
  }
  CHECK(list.check_answer("eat", number(501), answers).error().detail == "eat: 就餐人数不应多于学生数");
  CHECK(list.check_answer("faults", text("a,none"), answers).error().detail ==
        "faults: . = 'none' or not selected(., 'none')");
}

TEST_CASE("a refusal does not repeat what was answered") {
  const Checklist list = test::checklist(kSchool);
  const std::string secret = "张三丰同学";
  for (const char* item : {"meals", "faults", "level", "note", "pupils"}) {
    const Status status = list.check_answer(item, text(secret + secret), {});
    REQUIRE_FALSE(status);
    CHECK(status.error().message().find(secret) == std::string::npos);
  }
}

TEST_CASE("conditions on absent answers let a constraint pass and keep an item hidden") {
  const Checklist list = test::checklist(kSchool);
  CHECK(code_of(list.check_answer("eat", number(1), {})) == Code::kAnswerHidden);
  CHECK(list.check_answer("eat", number(9'000), {{"meals", number(1)}}));
  CHECK(code_of(list.check_answer("staff", count(1, 1), {{"meals", number(1)}})) == Code::kAnswerHidden);
  // Form is looked at first: what is refused as hidden could stand.
  CHECK(code_of(list.check_answer("eat", number(-1), {})) == Code::kAnswerRange);
  CHECK(code_of(list.check_answer("eat", na("why"), {})) == Code::kAnswerNaNotAllowed);
  CHECK(code_of(list.check_answer("staff", na("why"), {})) == Code::kAnswerHidden);
  CHECK(list.violations({{"eat", number(-1)}}).size() == 1);
  // An answer that is not of its item's form counts as absent too.
  CHECK(code_of(list.check_answer("eat", number(1), {{"meals", text("yes")}})) == Code::kAnswerHidden);
  CHECK(code_of(list.check_answer("eat", number(1), {{"meals", na("no")}})) == Code::kAnswerHidden);
}

TEST_CASE("hiding and showing follow the answers, and what is hidden is not asked") {
  const Checklist list = test::checklist(kSchool);
  Answers answers{{"meals", number(1)}, {"pupils", number(500)}, {"eat", number(20)}, {"staff", count(1, 2)}};
  CHECK(list.visible(answers).size() == 11);
  CHECK(list.missing(answers) == std::vector<std::string>{"faults", "level", "mark", "grams", "day"});
  CHECK(list.calculated(answers) == std::map<std::string, std::int64_t>{{"share", 40}});
  answers["meals"] = number(0);
  CHECK(list.visible(answers) ==
        std::vector<std::string>{"meals", "pupils", "faults", "level", "mark", "grams", "day", "note"});
  CHECK(list.calculated(answers).empty());
  CHECK(list.violations(answers).empty());
  answers["meals"] = number(1);
  CHECK(list.calculated(answers).at("share") == 40);
  answers["pupils"] = number(0);
  CHECK(list.calculated(answers).empty());
  answers["mark"] = na("当日无课");
  answers["level"] = na("not allowed here");
  CHECK(list.missing(answers) == std::vector<std::string>{"faults", "level", "grams", "day"});
}

TEST_CASE("a section that is hidden hides all below it") {
  const auto list = Checklist::parse(
      R"({"format":"dudao-checklist-1","code":"t","version":1,"title":"t","languages":["zh"],"sections":[)"
      R"({"code":"P","title":"t","items":[{"code":"board","title":"t","type":"yes_no"},{"code":"big","title":"t","type":"yes_no"}]},)"
      R"({"code":"D","title":"t","visible_if":"board","sections":[{"code":"D1","title":"t","visible_if":"big","items":[{"code":"x","title":"t","type":"text"}]},)"
      R"({"code":"D2","title":"t","items":[{"code":"y","title":"t","type":"text"}]}]}]})");
  REQUIRE(list);
  using Codes = std::vector<std::string>;
  CHECK(list->visible({}) == Codes{"board", "big"});
  CHECK(list->visible({{"big", number(1)}}) == Codes{"board", "big"});
  CHECK(list->visible({{"board", number(1)}}) == Codes{"board", "big", "y"});
  CHECK(list->visible({{"board", number(1)}, {"big", number(1)}}) == Codes{"board", "big", "x", "y"});
}

TEST_CASE("findings follow from answers, each with its severity and clause") {
  const Checklist list = test::checklist(kSchool);
  Answers answers{{"meals", number(1)}, {"pupils", number(500)}, {"eat", number(20)}};
  const auto findings = list.derived_findings(answers);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].item == "eat");
  CHECK(findings[0].severity == Severity::kAdvice);
  CHECK(findings[0].text.in("en") == "few eat");
  CHECK(findings[0].clause.in("zh") == "own clause");
  CHECK(findings[1].item == "share");
  CHECK(findings[1].severity == Severity::kSerious);
  CHECK(findings[1].clause.in("zh") == "item clause");
  answers["eat"] = number(300);
  CHECK(list.derived_findings(answers).empty());
  answers["eat"] = number(20);
  answers["meals"] = number(0);
  CHECK(list.derived_findings(answers).empty());
  CHECK(list.derived_findings({}).empty());
}

TEST_CASE("answers that no longer hold are found") {
  const Checklist list = test::checklist(kSchool);
  Answers answers{{"meals", number(1)}, {"pupils", number(500)}, {"eat", number(400)}, {"mark", number(3)}};
  CHECK(list.violations(answers).empty());
  answers["pupils"] = number(300);
  auto found = list.violations(answers);
  REQUIRE(found.size() == 1);
  CHECK(found[0].item == "eat");
  CHECK(found[0].error.code == Code::kAnswerConstraint);
  answers["mark"] = number(9);
  answers["ghost"] = number(1);
  answers["share"] = number(1);
  found = list.violations(answers);
  std::set<Code> codes;
  for (const Violation& violation : found) codes.insert(violation.error.code);
  CHECK(codes ==
        std::set<Code>{Code::kAnswerConstraint, Code::kAnswerRange, Code::kAnswerUnknownItem, Code::kAnswerCalculated});
  answers = {{"meals", number(0)}, {"pupils", number(300)}, {"eat", number(400)}};
  CHECK(list.violations(answers).empty());
}

TEST_CASE("a subset asks only what was chosen") {
  const Checklist list = test::checklist(kSchool);
  const auto subset = list.subset({"level", "pupils", "meals", "eat"});
  REQUIRE(subset);
  REQUIRE(subset->items().size() == 4);
  CHECK(subset->items()[0]->code == "meals");
  CHECK(subset->items()[3]->code == "level");
  CHECK_FALSE(subset->item("mark"));
  CHECK(subset->hash() == list.hash());
  const Answers answers{{"meals", number(1)}, {"pupils", number(500)}, {"eat", number(20)}, {"mark", number(1)}};
  CHECK(subset->visible(answers) == std::vector<std::string>{"meals", "pupils", "eat", "level"});
  CHECK(subset->missing(answers) == std::vector<std::string>{"level"});
  CHECK(subset->derived_findings(answers).size() == 1);
  CHECK(subset->calculated(answers).empty());
  CHECK(code_of(subset->check_answer("mark", number(1), {})) == Code::kAnswerUnknownItem);
  REQUIRE(subset->violations(answers).size() == 1);
  CHECK(subset->subset({"meals"}));
  CHECK(list.items().size() == 11);

  const auto refused = [&](const std::vector<std::string>& codes) {
    const auto result = list.subset(codes);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::kChecklistSubset);
    return result.error().detail;
  };
  CHECK(refused({}) == "no item is chosen");
  CHECK(refused({"meals", "ghost"}) == "there is no item 'ghost'");
  CHECK(refused({"meals", "meals"}) == "meals is chosen twice");
  CHECK(refused({"eat", "meals"}) == "eat needs pupils");
  CHECK(refused({"eat", "pupils"}) == "eat needs meals");
  CHECK(refused({"S"}) == "there is no item 'S'");
  CHECK_FALSE(subset->subset({"mark"}));
}

TEST_CASE("what is published never changes") {
  const std::string body = template_json(kYes);
  const auto first = Checklist::parse(body);
  const auto spaced = Checklist::parse(body + " ");
  const auto second = Checklist::parse(replaced(body, "\"version\":1", "\"version\":2"));
  REQUIRE((first && spaced && second));
  CHECK(check_republication(*first, *first));
  CHECK(check_republication(*first, *second));
  CHECK(code_of(check_republication(*first, *spaced)) == Code::kChecklistPublished);
}

TEST_CASE("the compact form keeps order and content, and nothing else") {
  CHECK(*Checklist::compact("{ \"b\" : [1, 2 ,3],\n\"a\":{\"zh\":\"\\u4e2d 文\"} }") ==
        R"({"b":[1,2,3],"a":{"zh":"中 文"}})");
  CHECK(Checklist::compact("{\"a\":1,\"a\":2}").error().code == Code::kChecklistNotJson);
  CHECK(Checklist::compact("{").error().code == Code::kChecklistNotJson);
  CHECK(Checklist::compact(std::string(1'000'001, ' ')).error().code == Code::kChecklistTooBig);
  const auto compact = Checklist::compact(template_json(kSchool));
  REQUIRE(compact);
  CHECK(*Checklist::compact(*compact) == *compact);
  CHECK(Checklist::parse(*compact)->items().size() == 11);
}

TEST_CASE("names read back") {
  for (int i = 0; i < 10; ++i) CHECK(item_type_from(to_string(static_cast<ItemType>(i))) == static_cast<ItemType>(i));
  for (int i = 0; i < 5; ++i) {
    CHECK(severity_from(to_string(static_cast<Severity>(i))) == static_cast<Severity>(i));
    CHECK(scoring_mode_from(to_string(static_cast<ScoringMode>(i))) == static_cast<ScoringMode>(i));
  }
  CHECK_FALSE(item_type_from("Yes_no"));
  CHECK_FALSE(severity_from(""));
}

TEST_CASE("what somebody wrote is repeated in an error only as far as it is short, valid text") {
  const Checklist list = test::checklist(kYes);
  std::string chinese;
  for (int i = 0; i < 200; ++i) chinese += "督";
  const auto detail = [&list](std::string_view code) { return list.check_answer(code, number(1), {}).error().detail; };
  CHECK(detail("\xFF\xFE") == "?");
  CHECK(detail(chinese).size() == 63);
  CHECK(is_utf8(view(detail("x" + chinese))));
  CHECK(is_utf8(view(detail("xy" + chinese))));
  const std::string rows[] = {
      replaced(template_json(kYes), "\"code\":\"a\"", "\"code\":\"" + chinese + "\""),
      replaced(template_json(kYes), "\"type\"", "\"" + chinese + "\":1,\"type\""),
      replaced(template_json(kYes), "\"yes_no\"", "\"x" + chinese + "\""),
      replaced(template_json(kYes), "\"yes_no\"", "\"yes_no\",\"visible_if\":\"a = '" + chinese + "'\""),
      replaced(template_json(kYes), "\"yes_no\"", "\"yes_no\",\"visible_if\":\"a '" + chinese + "'\""),
      "{\"" + chinese + "\":1,\"" + chinese + "\":2}"};
  for (const std::string& body : rows) {
    const Error error = refusal(body);
    INFO(error.detail);
    CHECK(error.detail.size() < 200);
    CHECK(is_utf8(view(error.detail)));
  }
}
