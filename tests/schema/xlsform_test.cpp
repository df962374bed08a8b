#include "schema/xlsform.hpp"

#include "schema/checklist.hpp"
#include "schema/csv.hpp"
#include "tests/schema/checklist_builder.hpp"
#include "tests/support/text_file.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using nlohmann::json;
using test::code_of;
using test::number;
using test::text;

namespace {

Sheet sheet(const std::string& csv) {
  Sheet rows;
  REQUIRE(read_csv(csv, TextEncoding::kUtf8, [&](CsvRow& row) -> Status {
    rows.push_back({row.line, std::move(row.cells)});
    return {};
  }));
  return rows;
}

FormImport imported(const std::string& survey, const std::string& choices = "", const std::string& settings = "") {
  const auto form = import_xlsform({sheet(survey), sheet(choices), sheet(settings)}, {"form", 1, "Form", ""});
  if (!form) FAIL(form.error().message());
  return *form;
}

std::string listing(const FormImport& form) {
  std::string out;
  for (const auto* list : {&form.refused, &form.remarks})
    for (const FormRemark& one : *list)
      out += one.sheet + ":" + std::to_string(one.row) + " " + std::to_string(static_cast<int>(one.error.code)) + " " +
             one.error.detail + "\n";
  return out;
}

Checklist taken(const FormImport& form) {
  INFO(listing(form));
  REQUIRE(form.refused.empty());
  const auto list = Checklist::parse(form.checklist);
  REQUIRE(list);
  return *list;
}
json document(const FormImport& form) {
  taken(form);
  return json::parse(form.checklist);
}
/// The first item, or the one with this code.
json item(const FormImport& form, const std::string& code = "") {
  json found;
  const std::function<void(const json&)> walk = [&](const json& section) {
    for (const json& below : section.value("sections", json::array())) walk(below);
    for (const json& one : section.value("items", json::array()))
      if (found.is_null() && (code.empty() || one["code"] == code)) found = one;
  };
  walk(document(form));
  return found;
}

bool remarked(const FormImport& form, std::size_t row, Code code) {
  return std::any_of(form.remarks.begin(), form.remarks.end(),
                     [&](const FormRemark& one) { return one.row == row && one.error.code == code; });
}

const std::string kLists =
    "list_name,name,label\nyn,yes,Yes\nyn,no,No\npower,grid,Grid\npower,solar,Solar\npower,none,None\nmark,1,One\nmark,"
    "2,Two\n";
const std::string kHeader = "type,name,label,relevant,constraint,calculation,required\n";
const std::string kAsked =
    "integer,a,A,,,,\ninteger,b,B,,,,\nselect_one yn,one,One,,,,\nselect_multiple power,many,Many,,,,\n"
    "text,words,Words,,,,\ndate,day,Day,,,,\ndecimal,part,Part,,,,\nselect_one mark,mark,Mark,,,,\n";

std::string cell(std::string text) {
  for (auto at = text.find('"'); at != std::string::npos; at = text.find('"', at + 2)) text.insert(at, 1, '"');
  return '"' + text + '"';
}

/// What a condition becomes where it decides whether something is asked.
std::string relevant(const std::string& xpath) {
  const FormImport form = imported(kHeader + kAsked + "text,probe,Probe," + cell(xpath) + ",,,\n", kLists);
  if (!form.refused.empty()) return std::to_string(static_cast<int>(form.refused[0].error.code));
  return item(form, "probe").value("visible_if", "");
}
std::string constraint(const std::string& type, const std::string& xpath) {
  const FormImport form = imported(kHeader + kAsked + type + ",probe,Probe,," + cell(xpath) + ",,\n", kLists);
  if (!form.refused.empty()) return std::to_string(static_cast<int>(form.refused[0].error.code));
  return item(form, "probe").value("constraint", "");
}
std::string calculation(const std::string& xpath) {
  const FormImport form = imported(kHeader + kAsked + "calculate,probe,,,," + cell(xpath) + ",\n", kLists);
  if (!form.refused.empty()) return std::to_string(static_cast<int>(form.refused[0].error.code));
  return item(form, "probe").value("calculate", "");
}

Code refused(const std::string& survey, std::size_t row, const std::string& choices = kLists) {
  const FormImport form = imported(survey, choices);
  INFO(survey << listing(form));
  CHECK(form.checklist.empty());
  REQUIRE_FALSE(form.refused.empty());
  CHECK(form.refused[0].row == row);
  return form.refused[0].error.code;
}

}  // namespace

TEST_CASE("conditions of a form are put into the words of a checklist") {
  CHECK(relevant("${a} > 5") == "a > 5");
  CHECK(relevant("5 < ${a} and (${b} = 1 or ${a}+${b}>2)") == "5 < a and (b = 1 or a + b > 2)");
  CHECK(relevant("selected(${many}, 'grid')") == "selected(many, 'grid')");
  CHECK(relevant("${one}='yes'") == "one = 'yes'");
  CHECK(relevant("'yes' = ${one}") == "one = 'yes'");
  CHECK(relevant("${mark} = 2") == "mark = '2'");
  CHECK(relevant("${a} = '5'") == "a = 5");
  CHECK(relevant("${day} > '2020-01-31'") == "day > date('2020-01-31')");
  CHECK(relevant("${day} > date('2020-01-31') + 30") == "day > date('2020-01-31') + 30");
  CHECK(relevant("${words} = 'it''s'") == std::to_string(static_cast<int>(Code::kFormXPath)));
  CHECK(relevant("${words} = \"it's\"") == "words = 'it''s'");
  CHECK(relevant("${words} != ''") == "answered(words)");
  CHECK(relevant("${a} = ''") == "not answered(a)");
  CHECK(relevant("${many} != ''") == "coalesce(count_selected(many) > 0, false)");
  CHECK(relevant("count-selected(${many}) >= 2") == "coalesce(count_selected(many), 0) >= 2");
  CHECK(relevant("string-length(${words}) > 3") == "coalesce(length(words), 0) > 3");
  CHECK(relevant("contains(${words}, 'x')") == "contains(words, 'x')");
  CHECK(constraint("text", "regex(., '^[0-9]{11}$')") == "matches(., '^[0-9]{11}$')");
  CHECK(relevant("${one}") == "answered(one)");
  CHECK(relevant("true()") == "true");
  CHECK(relevant("if(${a} > 1, ${b} = 2, false())") == "if(coalesce(a > 1, false), b = 2, false)");
}

TEST_CASE("what is not answered counts as empty, as it did in the form") {
  // != is true beside an empty value, and so is not() of what is false.
  CHECK(relevant("${a} != 5") == "coalesce(a != 5, true)");
  CHECK(relevant("not(${a} = 5)") == "not coalesce(a = 5, false)");
  CHECK(relevant("not(${a} != 5)") == "not a != 5");
  CHECK(relevant("not(selected(${many}, 'grid') or ${b} > 1)") ==
        "not (coalesce(selected(many, 'grid'), false) or coalesce(b > 1, false))");
  CHECK(relevant("not(not(${a} = 5))") == "not not a = 5");
  CHECK(relevant("${a} = ${b}") == "coalesce(a = b, not (answered(a) or answered(b)))");
  CHECK(constraint("integer", ". <= ${a}") == "coalesce(. <= a, false)");
  CHECK(constraint("integer", ". != ${a}") == ". != a");
  CHECK(constraint("integer", ".=999 or . >= 0") == ". = 999 or . >= 0");
  CHECK(constraint("integer", "${probe} < ${a}") == "coalesce(. < a, false)");
  CHECK(constraint("select_multiple power", "(.='none' or not(selected(., 'none')))") ==
        ". = 'none' or not selected(., 'none')");

  const Checklist list =
      taken(imported(kHeader + kAsked + "text,p,P,${a} != 5,,,\ntext,q,Q,not(${one}='yes'),,,\n", kLists));
  const auto shown = [&](const Answers& answers) {
    const auto codes = list.visible(answers);
    return std::string(std::count(codes.begin(), codes.end(), "p") ? "p" : "") +
           (std::count(codes.begin(), codes.end(), "q") ? "q" : "");
  };
  CHECK(shown({}) == "pq");
  CHECK(shown({{"a", number(5)}}) == "q");
  CHECK(shown({{"a", number(6)}, {"one", text("yes")}}) == "p");
}

namespace {

/// A random condition as text, and what XPath makes of it, worked out apart from the product.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  struct Answered {
    std::optional<int> a, b;
    std::optional<std::string> one;
    std::optional<std::set<std::string>> many;
  };
  struct Condition {
    std::string text;
    std::function<bool(const Answered&)> holds;
  };

  Answered answers() {
    Answered out;
    if (pick(3) > 0) out.a = pick(4);
    if (pick(3) > 0) out.b = pick(4);
    if (pick(3) > 0) out.one = pick(2) == 0 ? "yes" : "no";
    if (pick(3) > 0) {
      out.many.emplace();
      for (const char* option : {"grid", "solar", "none"})
        if (pick(2) == 0) out.many->insert(option);
    }
    return out;
  }

  Condition condition(int depth) {
    const int kind = depth == 0 ? 0 : pick(5);
    if (kind < 2) return atom();
    if (kind == 2) {
      const Condition inner = condition(depth - 1);
      return {"not(" + inner.text + ")", [inner](const Answered& given) { return !inner.holds(given); }};
    }
    const Condition left = condition(depth - 1);
    const Condition right = condition(depth - 1);
    const bool both = kind == 3;
    return {"(" + left.text + (both ? " and " : " or ") + right.text + ")", [left, right, both](const Answered& given) {
              return both ? left.holds(given) && right.holds(given) : left.holds(given) || right.holds(given);
            }};
  }

  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

 private:
  static bool compare(double left, int op, double right) {
    switch (op) {
      case 0:
        return left == right;
      case 1:
        return left != right;
      case 2:
        return left < right;
      default:
        return left >= right;
    }
  }

  Condition atom() {
    const int op = pick(4);
    const char* const written[] = {" = ", " != ", " < ", " >= "};
    const int n = pick(4);
    const auto number = [](const std::optional<int>& of) { return of ? double(*of) : std::nan(""); };
    switch (pick(8)) {
      case 0:
        return {"${a}" + std::string(written[op]) + std::to_string(n),
                [=](const Answered& given) { return compare(number(given.a), op, n); }};
      case 1:
        return {std::to_string(n) + written[op] + "${b}",
                [=](const Answered& given) { return compare(n, op, number(given.b)); }};
      case 2:
        return {"${a}" + std::string(written[op]) + "${b}", [=](const Answered& given) {
                  if (!given.a && !given.b && op < 2) return op == 0;  // two empty texts
                  return compare(number(given.a), op, number(given.b));
                }};
      case 3:
        return {"${a} + ${b}" + std::string(written[op]) + std::to_string(n),
                [=](const Answered& given) { return compare(number(given.a) + number(given.b), op, n); }};
      case 4:
        return {op % 2 == 0 ? "${one} = 'yes'" : "${one} != 'yes'",
                [=](const Answered& given) { return (given.one.value_or("") == "yes") == (op % 2 == 0); }};
      case 5:
        return {"selected(${many}, 'grid')",
                [](const Answered& given) { return given.many && given.many->contains("grid"); }};
      case 6:
        return {"count-selected(${many})" + std::string(written[op]) + std::to_string(n), [=](const Answered& given) {
                  return compare(given.many ? static_cast<double>(given.many->size()) : 0, op, n);
                }};
      default:
        return {op % 2 == 0 ? "${a} = ''" : "${many} != ''", [=](const Answered& given) {
                  return op % 2 == 0 ? !given.a.has_value() : given.many && !given.many->empty();
                }};
    }
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("a random condition decides as XPath would, whatever is answered") {
  Chance chance(5);
  int asked = 0;
  for (int round = 0; round < 400; ++round) {
    const Chance::Condition condition = chance.condition(3);
    INFO(condition.text);
    const FormImport form = imported(kHeader + kAsked + "text,probe,Probe," + cell(condition.text) +
                                         ",,,\ntext,free,Free,," + cell(condition.text) + ",,\n",
                                     kLists);
    if (!form.refused.empty()) {
      // One that can never hold is not published.
      REQUIRE(form.refused[0].error.code == Code::kChecklistUnreachable);
      for (int k = 0; k < 50; ++k) CHECK_FALSE(condition.holds(chance.answers()));
      continue;
    }
    const Checklist list = taken(form);
    for (int k = 0; k < 20; ++k) {
      const Chance::Answered given = chance.answers();
      Answers answers;
      if (given.a) answers["a"] = number(*given.a);
      if (given.b) answers["b"] = number(*given.b);
      if (given.one) answers["one"] = text(*given.one);
      if (given.many) {
        std::string chosen;
        for (const std::string& option : *given.many) chosen += (chosen.empty() ? "" : ",") + option;
        answers["many"] = text(chosen);
      }
      const auto shown = list.visible(answers);
      const bool holds = condition.holds(given);
      CHECK((std::find(shown.begin(), shown.end(), "probe") != shown.end()) == holds);
      CHECK(list.check_answer("free", text("y"), answers).has_value() == holds);
      ++asked;
    }
  }
  CHECK(asked > 5'000);
}

TEST_CASE("calculations of a form stay whole numbers and decimals") {
  CHECK(calculation("${a}+${b}") == "a + b");
  CHECK(calculation("(${a} - ${b}) * 2") == "(a - b) * 2");
  CHECK(calculation("${a} div ${b}") == "ratio(a, b, 4)");
  CHECK(calculation("int(${a} div ${b})") == "a div b");
  CHECK(calculation("int(${part})") == "part div 1");
  CHECK(calculation("round(${part})") == "floor(part + 0.5)");
  CHECK(calculation("round(${a} div ${b}, 2)") == "ratio(ratio(a, b, 4), 1, 2)");
  CHECK(calculation("floor(${part})") == "floor(part)");
  CHECK(calculation("ceiling(${part})") == "-floor(-part)");
  CHECK(calculation("abs(${a})") == "abs(a)");
  CHECK(calculation("max(${a}, ${b}, 0)") == "max(a, b, 0)");
  CHECK(calculation("number(${a}) mod 7") == "a mod 7");
  CHECK(calculation("if(${a} = '', 0, ${a})") == "if(not answered(a), 0, a)");
  CHECK(calculation("coalesce(${a}, 0)") == "coalesce(a, 0)");
  CHECK(calculation("${day} - date('2020-01-01')") == "day - date('2020-01-01')");

  const FormImport chain =
      imported(kHeader + "calculate,second,,,,${first} * 2,\ncalculate,first,,,,${a} div 4,\ninteger,a,A,,,,\n");
  CHECK(item(chain, "second")["decimals"] == 4);
  CHECK(taken(chain).calculated({{"a", number(10)}}).at("second") == 50'000);
}

TEST_CASE("what has no counterpart in an expression is refused with row and reason") {
  struct Row {
    const char* xpath;
    Code code;
  };
  for (const Row& row : {Row{"${nobody} = 1", Code::kFormReference},
                         {"${one} = 'maybe'", Code::kFormReference},
                         {"selected(${many}, 'coal')", Code::kFormReference},
                         {"a = 1", Code::kFormReference},
                         {". = 1", Code::kFormReference},
                         {"${day} <= today()", Code::kFormFunction},
                         {"regex(${words}, '(?=x)y')", Code::kFormFunction},
                         {"frobnicate(${a})", Code::kFormFunction},
                         {"concat(${words}, 'x') = 'yx'", Code::kFormFunction},
                         {"${one} > 'no'", Code::kFormKinds},
                         {"${a} = 'many'", Code::kFormKinds},
                         {"${words} + 1 = 2", Code::kFormKinds},
                         {"selected(${a}, '1')", Code::kFormKinds},
                         {"selected(${many})", Code::kFormXPath},
                         {"${a} >", Code::kFormXPath}}) {
    INFO(row.xpath);
    if (std::string_view(row.xpath) == "${a} >")  // a slip that is mended
      CHECK(relevant(row.xpath) == "a > 0");
    else
      CHECK(relevant(row.xpath) == std::to_string(static_cast<int>(row.code)));
  }
  CHECK(refused(kHeader + "calculate,x,,,,${y} + 1,\ncalculate,y,,,,${x} + 1,\n", 2) == Code::kFormReference);
  CHECK(refused(kHeader + "calculate,x,,,,\"if(1 = 1, 'yes', 'no')\",\n", 2) == Code::kFormKinds);
}

TEST_CASE("every type of question becomes an item, or is refused by row") {
  const auto type = [](const std::string& written) {
    return item(imported("type,name,label\n" + written + ",q,Q\n", kLists)).value("type", "");
  };
  CHECK(type("integer") == "integer");
  CHECK(type("int") == "integer");
  CHECK(type("decimal") == "decimal");
  CHECK(type("text") == "text");
  CHECK(type("string") == "text");
  CHECK(type("barcode") == "text");
  CHECK(type("date") == "date");
  CHECK(type("note") == "text");
  CHECK(type("photo") == "text");
  CHECK(type("acknowledge") == "single");
  for (const char* written : {"select_one yn", "select one yn", "select one from yn", "Select_One  yn", "select1 yn"})
    CHECK(type(written) == "single");
  for (const char* written : {"select_multiple yn", "select all that apply from yn", "select multiple yn"})
    CHECK(type(written) == "multi");
  for (const char* written : {"audio", "video", "file", "time", "dateTime", "geotrace", "rank yn", "nonsense",
                              "select_one_from_file x.csv"}) {
    INFO(written);
    CHECK(refused("type,name,label\n" + std::string(written) + ",q,Q\n", 2) == Code::kFormType);
  }
  CHECK(refused("type,name,label\ntext,a,A\nbegin repeat,r,R\ntext,b,B\nend repeat,,\n", 3) == Code::kFormRepeat);
  CHECK(refused("type,name,label\nselect_one nowhere,a,A\n", 2) == Code::kFormList);
}

TEST_CASE("a position is two items, a photo is evidence, a range has bounds and steps") {
  const FormImport gps = imported("type,name,label,required\ngps,here,Here,yes\nphoto,view,View,\n");
  CHECK(item(gps, "here.lat")["max"] == "90");
  CHECK(item(gps, "here.lon")["title"] == "Here (longitude)");
  CHECK(item(gps, "here.lon")["required"] == true);
  CHECK(item(gps, "view")["min_photos"] == 1);
  const FormImport range = imported(
      "type,name,label,parameters\nrange,r,R,start=0 end=20 step=5\nrange,d,D,start=0.5 end=2 step=0.5\nrange,p,P,\n");
  CHECK(item(range, "r")["max"] == 20);
  CHECK(item(range, "r")["constraint"] == "(. - 0) mod 5 = 0");
  CHECK(item(range, "d")["type"] == "decimal");
  CHECK(item(range, "p")["max"] == 10);
  const Checklist list = taken(range);
  CHECK(list.check_answer("r", number(15), {}));
  CHECK(code_of(list.check_answer("r", number(16), {})) == Code::kAnswerConstraint);
  CHECK(refused("type,name,label,parameters\nrange,r,R,start=9 end=2\n", 2) == Code::kFormCell);
}

TEST_CASE("or_other adds an option and a text beside it") {
  const FormImport form = imported("type,name,label\nselect_one yn or_other,q,Q\n", kLists);
  CHECK(item(form, "q")["options"].size() == 3);
  CHECK(item(form, "q_other")["visible_if"] == "selected(q, 'other')");
  const Checklist list = taken(form);
  CHECK(list.check_answer("q_other", text("mill"), {{"q", text("other")}}));
  CHECK(code_of(list.check_answer("q_other", text("mill"), {{"q", text("yes")}})) == Code::kAnswerHidden);
}

TEST_CASE("a choice_filter decides which options are offered") {
  const FormImport form =
      imported("type,name,label,choice_filter\nselect_one state,state,State,\nselect_one lga,lga,LGA,state=${state}\n",
               "list_name,name,label,state\nstate,abia,Abia,\nstate,oyo,Oyo,\nlga,aba,Aba,abia\nlga,ibadan,Ibadan,"
               "oyo\nlga,moon,Moon,luna\n");
  CHECK(document(form)["format"] == "dudao-checklist-2");
  const Checklist list = taken(form);
  CHECK(list.offered("lga", {}).empty());
  CHECK(list.offered("lga", {{"state", text("oyo")}}) == std::vector<std::string>{"ibadan"});
  CHECK(refused("type,name,label,choice_filter\nselect_one yn,q,Q,region=1\n", 2) == Code::kFormReference);
}

TEST_CASE("groups become sections, what stands between them too, and a note guides what it leads to") {
  const FormImport form = imported(
      "type,name,label,relevant\ntext,first,First,\nbegin group,g,Group,${first} != ''\nnote,n,Read "
      "this,\ninteger,a,A,\n"
      "begin group,inner,,\ninteger,b,B,\nend group,,,\nnote,m,About c,${a} > 1\ninteger,c,C,${a} > 1\nnote,w,Too "
      "many,${c} > 9\n"
      "end group,,,\nbegin group,empty,Empty,\nend group,,,\ntext,last,Last,\n");
  const json sections = document(form)["sections"];
  REQUIRE(sections.size() == 3);
  CHECK(sections[0]["items"][0]["code"] == "first");
  CHECK(sections[1]["code"] == "g");
  CHECK(sections[1]["visible_if"] == "answered(first)");
  CHECK(sections[1]["guidance"] == "Read this");
  REQUIRE(sections[1]["sections"].size() == 3);
  CHECK(sections[1]["sections"][1]["title"] == "inner");
  CHECK(item(form, "c")["guidance"] == "About c");
  CHECK(item(form, "w")["required"] == false);
  CHECK(sections[2]["items"][0]["code"] == "last");
  CHECK(form.sections == 6);
  CHECK(form.items == 6);
  CHECK(refused("type,name,label\nbegin group,g,G\ntext,a,A\n", 2) == Code::kFormGroup);
  CHECK(refused("type,name,label\ntext,a,A\nend group,,\n", 3) == Code::kFormGroup);
  std::string deep = "type,name,label\n";
  for (int i = 0; i < 5; ++i) deep += "begin group,g" + std::to_string(i) + ",G\n";
  deep += "text,a,A\n";
  for (int i = 0; i < 5; ++i) deep += "end group,,\n";
  CHECK(refused(deep, 6) == Code::kFormGroup);
}

TEST_CASE("dialects seen in life are read alike") {
  // Columns with bind:, names with no-break blanks, blank rows, rows that hold nothing but required, doubled choices.
  const FormImport form = imported(
      "type,name,label,bind:relevant,bind:constraint,bind:required\n,,,,,\n"
      "integer,total\xC2\xA0,Total,,.>=0,true()\n,,,,,true()\nselect_one fees,fee ,Fee,${total} > 0,,\n"
      "text,which,Which,\"selected(${fee},'other')\",,yes\n",
      "list name,name,label\nfees,book ,Books\n,,\nfees,other,Other material\nfees,other,Other\n");
  CHECK(form.rows == 3);
  CHECK(item(form, "total")["required"] == true);
  CHECK(item(form, "total")["min"] == 0);
  CHECK(item(form, "fee")["options"].size() == 2);
  CHECK(item(form, "fee")["options"][0]["code"] == "book");
  CHECK(item(form, "fee")["options"][1]["label"] == "Other material / Other");
  CHECK(item(form, "fee")["required"] == false);
  CHECK(remarked(form, 5, Code::kFormMerged));
  // What the form itself has switched off, and what nobody could answer.
  const FormImport off = imported("type,name,label,disabled\ntext,a,A,\naudio,b,B,yes\n");
  CHECK(off.items == 1);
  CHECK(remarked(off, 3, Code::kFormAdapted));
  CHECK(refused("type,name,label,read_only\ntext,a,A,yes\n", 2) == Code::kFormCell);
  CHECK(refused("type,name,label,constraint\nnote,a,A,. > 1\n", 2) == Code::kFormCell);
  // What phones record by themselves, and how a form looks.
  const FormImport meta = imported("type,name,label,appearance\nstart,start,,\ndeviceid,d,,\ntext,a,A,multiline\n");
  CHECK(meta.items == 1);
  CHECK(remarked(meta, 2, Code::kFormElsewhere));
  CHECK(remarked(meta, 1, Code::kFormColumn));
  CHECK(refused("type,name,label,relevant\nstart,start,,\ntext,a,A,${start} != ''\n", 3) == Code::kFormReference);
}

TEST_CASE("names that cannot be codes are changed everywhere they are used") {
  const FormImport form = imported(
      "type,name,label,relevant\nselect_one 水,water-source,W,\ntext,div,D,\"selected(${water-source}, '井')\"\n"
      "text,2nd,S,${div} != ''\n",
      "list_name,name,label\n水,井,井水\n水,tap water,自来水\n");
  CHECK(item(form, "water_source")["options"][0]["code"] == "option_1");
  CHECK(item(form, "water_source")["options"][1]["code"] == "tap_water_2");
  CHECK(item(form, "div_")["visible_if"] == "selected(water_source, 'option_1')");
  CHECK(item(form, "q2nd")["visible_if"] == "answered(div_)");
  CHECK(remarked(form, 2, Code::kFormRenamed));
  CHECK(refused("type,name,label\ntext,a,A\ntext,a,B\n", 3) == Code::kFormName);
  CHECK(refused("type,name,label\ntext,,A\n", 2) == Code::kFormName);
}

TEST_CASE("labels in several languages become texts in several languages") {
  const FormImport form = imported(
      "type,name,label::English (en),label::中文 (zh),hint::English (en),constraint,constraint_message::中文 (zh)\n"
      "integer,a,How many?,多少？,all of them,. > 0,须大于零\nselect_one yn,b,,有吗？,,,\n",
      "list_name,name,label::English (en),label::中文 (zh)\nyn,yes,Yes,有\nyn,no,No,无\n",
      "form_title,form_id,default_language\n表,f,中文 (zh)\n");
  const json list = document(form);
  CHECK(list["languages"] == json::array({"zh", "en"}));
  CHECK(item(form, "a")["title"]["zh"] == "多少？");
  CHECK(item(form, "a")["guidance"]["en"] == "all of them");
  CHECK(item(form, "b")["options"][0]["label"]["en"] == "Yes");
}

TEST_CASE("a form is taken whole or not at all, and every reason is given at once") {
  const FormImport form =
      imported(kHeader + "text,a,A,,,,\naudio,b,B,,,,\ntext,c,C,${zz} = 1,,,sometimes\ninteger,d,D,,regex(.),,\n");
  CHECK(form.checklist.empty());
  REQUIRE(form.refused.size() == 4);
  CHECK(form.refused[0].row == 3);
  CHECK(form.refused[1].row == 4);
  CHECK(form.refused[2].row == 4);
  CHECK(form.refused[3].row == 5);
  // What only the finished template shows has its row as well.
  CHECK(refused(kHeader + "decimal,a,A,,,,\ncalculate,b,,,,${a} * ${a} * ${a},\n", 3) == Code::kChecklistOverflow);
  CHECK(refused(kHeader + "integer,a,A,,. >= 0 and . <= 9,,\ntext,b,B,${a} > 9,,,\n", 3) ==
        Code::kChecklistUnreachable);
  CHECK(import_xlsform({}, {}).error().code == Code::kFormSheet);
  CHECK(import_xlsform({sheet("type,label\ntext,A\n"), {}, {}}, {}).error().code == Code::kFormSheet);
  std::string many = "type,name,label\nselect_one big,q,Q\n";
  std::string list = "list_name,name,label\n";
  for (int i = 0; i < 201; ++i) list += "big,o" + std::to_string(i) + ",O\n";
  CHECK(refused(many, 2, list) == Code::kFormTooBig);
}

TEST_CASE("the form of eleven thousand real visits in Nigeria is taken whole") {
  const std::filesystem::path folder = std::filesystem::path(DUDAO_SHARED_DIR) / "data/nigeria-form";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: " << folder << " is not there");
    return;
  }
  const FormImport form = imported(test::read_text(folder / "Education_17_04_2012__survey.csv"),
                                   test::read_text(folder / "Education_17_04_2012__choices.csv"));
  const Checklist list = taken(form);
  CHECK(form.rows == 179);
  CHECK(form.items == 144);
  std::map<std::string_view, int> used;
  for (const Item* one : list.items()) ++used[to_string(one->type)];
  CHECK(used["single"] == 38);
  CHECK(used["multi"] == 7);
  CHECK(used["integer"] == 48);
  CHECK(used["calculated"] == 9);
  std::map<Code, int> said;
  for (const FormRemark& one : form.remarks) ++said[one.error.code];
  CHECK(said[Code::kFormElsewhere] == 9);
  CHECK(said[Code::kFormMended] == 5);
  CHECK(said[Code::kFormMerged] == 1);

  Answers answers = {{"num_students_female", number(120)}, {"num_students_male", number(130)}};
  CHECK(list.calculated(answers).at("num_students_total_calc") == 250);
  CHECK(list.check_answer("num_students_total", number(250), answers));
  CHECK(list.check_answer("num_students_total", number(999), answers));
  CHECK(code_of(list.check_answer("num_students_total", number(251), answers)) == Code::kAnswerConstraint);
  CHECK(code_of(list.check_answer("num_pry_female", number(1), answers)) == Code::kAnswerHidden);
  answers["level_of_education"] = text("preprimary_and_primary");
  CHECK(list.check_answer("num_pry_female", number(1), answers));
  answers["power_sources"] = text("generator,solar_system");
  CHECK(list.check_answer("solar_funct_yn", text("yes"), answers));
  CHECK_FALSE(list.check_answer("power_sources", text("generator,none"), answers));
  answers["num_students_total"] = number(250);
  answers["num_toilet_total"] = number(2);
  answers["toilet"] = text("open_pit_latrine");
  CHECK(list.calculated(answers).at("ratio_students_to_toilet") == 1'250'000);
  const auto shown = list.visible(answers);
  CHECK(std::count(shown.begin(), shown.end(), "note_ratio_student_to_toilet") == 1);
}
