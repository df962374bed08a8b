// Keeps schema/checklist.schema.json honest: what the parser takes, the schema takes, and both know the same names.

#include "tests/schema/checklist_builder.hpp"
#include "tests/support/text_file.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using nlohmann::json;

namespace {

const std::filesystem::path kRoot = DUDAO_SOURCE_DIR;

const json& schema() {
  static const json document = json::parse(test::read_text(kRoot / "schema/checklist.schema.json"));
  return document;
}

/// Consumes characters of a class; how many there were.
template <class Class>
std::size_t take(std::string_view& text, Class is_of_class) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_of_class);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}
bool digit(char c) { return c >= '0' && c <= '9'; }
bool word(char c) { return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_decimal(std::string_view text, std::size_t decimals) {
  if (take(text, digit) == 0) return false;
  if (text.empty()) return true;
  if (text.front() != '.') return false;
  text.remove_prefix(1);
  const std::size_t count = take(text, digit);
  return count >= 1 && count <= decimals && text.empty();
}

/// The patterns of the schema, each as a function: std::regex compiles too slowly for thousands of documents.
bool matches(const std::string& value, const std::string& pattern) {
  static const std::map<std::string, std::function<bool(std::string_view)>> kPatterns = {
      {"^[A-Za-z0-9_.-]+$",
       [](std::string_view text) {
         return !text.empty() && (take(text, [](char c) { return word(c) || c == '.' || c == '-'; }), text.empty());
       }},
      {"^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z0-9_]+)*$",
       [](std::string_view text) {
         if (text.empty() || digit(text.front())) return false;
         while (take(text, word) > 0 && text.starts_with('.')) {
           text.remove_prefix(1);
           if (text.empty()) return false;
         }
         return text.empty();
       }},
      {"^[0-9]+(\\.[0-9]{1,2})?$", [](std::string_view text) { return is_decimal(text, 2); }},
      {"^-?[0-9]+(\\.[0-9]{1,6})?$", [](std::string_view text) {
         if (text.starts_with('-')) text.remove_prefix(1);
         return is_decimal(text, 6);
       }}};
  const auto known = kPatterns.find(pattern);
  if (known == kPatterns.end()) FAIL("the test does not know the pattern " << pattern);
  return known->second(value);
}

/// As much of JSON Schema 2020-12 as the document uses; any other keyword is a failure. "" if the value is valid, else
/// the place and the keyword that refuses it.
class Validator {
 public:
  std::string check(const json& value) { return check(schema(), value, "$"); }

 private:
  static std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }

  static bool is_type(const json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    FAIL("type " << type);
    return false;
  }

  std::string check(const json& rule, const json& value, const std::string& place) {
    if (rule.is_boolean()) return rule.get<bool>() ? "" : place + " false";
    for (const auto& [keyword, argument] : rule.items()) {
      const std::string problem = keyword_problem(rule, keyword, argument, value, place);
      if (!problem.empty()) return problem;
    }
    return "";
  }

  std::string keyword_problem(const json& rule, const std::string& keyword, const json& argument, const json& value,
                              const std::string& place) {
    static const std::set<std::string> kNotes = {"$schema", "$id", "$defs", "title", "description", "then", "else"};
    if (kNotes.contains(keyword)) return "";
    const std::string bad = place + " " + keyword;
    const auto verdict = [&bad](bool good) { return good ? std::string() : bad; };
    const auto count_valid = [&] {
      return std::count_if(argument.begin(), argument.end(),
                           [&](const json& option) { return check(option, value, place).empty(); });
    };
    if (keyword == "$ref") {
      const auto name = argument.get<std::string>();
      REQUIRE(name.starts_with("#/$defs/"));
      return check(schema().at("$defs").at(name.substr(8)), value, place);
    }
    if (keyword == "type") return verdict(is_type(value, argument));
    if (keyword == "const") return verdict(value == argument);
    if (keyword == "enum") return verdict(std::find(argument.begin(), argument.end(), value) != argument.end());
    if (keyword == "not") return verdict(!check(argument, value, place).empty());
    if (keyword == "anyOf") return verdict(count_valid() >= 1);
    if (keyword == "oneOf") return verdict(count_valid() == 1);
    if (keyword == "allOf") {
      for (const json& part : argument)
        if (const std::string problem = check(part, value, place); !problem.empty()) return problem;
      return "";
    }
    if (keyword == "if") {
      const char* branch = check(argument, value, place).empty() ? "then" : "else";
      return rule.contains(branch) ? check(rule.at(branch), value, place) : "";
    }
    if (keyword == "pattern") return verdict(!value.is_string() || matches(value, argument));
    if (keyword == "minLength") return verdict(!value.is_string() || characters(value) >= argument.get<std::size_t>());
    if (keyword == "maxLength") return verdict(!value.is_string() || characters(value) <= argument.get<std::size_t>());
    if (keyword == "minimum") return verdict(!value.is_number() || value >= argument);
    if (keyword == "maximum") return verdict(!value.is_number() || value <= argument);
    if (keyword == "minItems") return verdict(!value.is_array() || value.size() >= argument.get<std::size_t>());
    if (keyword == "maxItems") return verdict(!value.is_array() || value.size() <= argument.get<std::size_t>());
    if (keyword == "uniqueItems")
      return verdict(!value.is_array() || std::set<json>(value.begin(), value.end()).size() == value.size());
    if (keyword == "minProperties") return verdict(!value.is_object() || value.size() >= argument.get<std::size_t>());
    if (keyword == "maxProperties") return verdict(!value.is_object() || value.size() <= argument.get<std::size_t>());
    if (keyword == "required") {
      for (const json& name : argument)
        if (value.is_object() && !value.contains(name.get<std::string>())) return bad + " " + name.get<std::string>();
      return "";
    }
    if (keyword == "items") {
      if (!value.is_array()) return "";
      for (std::size_t i = 0; i < value.size(); ++i)
        if (const std::string problem = check(argument, value[i], place + "[" + std::to_string(i) + "]");
            !problem.empty())
          return problem;
      return "";
    }
    if (keyword == "properties") {
      if (!value.is_object()) return "";
      for (const auto& [name, part] : argument.items())
        if (value.contains(name))
          if (const std::string problem = check(part, value.at(name), place + "." + name); !problem.empty())
            return problem;
      return "";
    }
    if (keyword == "additionalProperties") {
      if (!value.is_object()) return "";
      for (const auto& [name, part] : value.items())
        if (!rule.contains("properties") || !rule["properties"].contains(name))
          if (const std::string problem = check(argument, part, place + "." + name); !problem.empty()) return problem;
      return "";
    }
    FAIL("the test does not know the keyword " << keyword);
    return bad;
  }
};

/// Every member that the format has, each at least once.
json full_template() {
  json list = json::parse(test::template_json(R"J(
    {"code":"yes","title":{"zh":"题","en":"T"},"guidance":"g","type":"yes_no","allow_na":true,"required":false,"statutory":true,"clause":"c",
     "critical":true,"veto":true,"min_photos":1,"scoring":{"mode":"met","weight":1,"met_if":"."}},
    {"code":"one","title":"t","type":"single","options":[{"code":"x","label":"l","value":"2.5"}],"scoring":{"mode":"points","max":5,"weight":2}},
    {"code":"many","title":"t","type":"multi","options":[{"code":"x","label":"l","offered_if":"yes"}]},
    {"code":"scale","title":"t","type":"scale","min":1,"max":5,"scoring":{"mode":"unscored"}},
    {"code":"whole","title":"t","type":"integer","unit":"人","visible_if":"yes","constraint":". >= 0","constraint_message":"m",
     "finding_if":[{"when":". > 5","severity":"DANGER","text":"t","clause":"c"}],"scoring":{"mode":"deduction","max":6,"deduct":"0.5","weight":1}},
    {"code":"part","title":"t","type":"decimal","decimals":2,"min":"-0.50","max":7},
    {"code":"day","title":"t","type":"date"},{"code":"words","title":"t","type":"text","max_length":10},
    {"code":"of","title":"t","type":"count_of","max":50},
    {"code":"calc","title":"t","type":"calculated","decimals":1,"unit":"u","calculate":"whole * 0.5"},
    {"code":"grade","title":"t","type":"single","options":[{"code":"A","label":"l","value":100}],"scoring":{"mode":"grade","weight":"1.5"}})J"));
  list["$schema"] = "checklist.schema.json";
  list["format"] = "dudao-checklist-2";
  list["bands"] = json::parse(R"([{"code":"A","title":"t","from":"60.5"},{"code":"B","title":"t","from":0}])");
  list["fail_below"] = 50;
  list["cap"] = {{"score", 59}, {"band", "B"}};
  list["veto"] = true;
  list["weight"] = "5.5";
  list["sections"][0]["weight"] = "5.50";
  list["sections"][0]["guidance"] = "g";
  list["sections"][0]["visible_if"] = "true";
  list["sections"].push_back(json::parse(
      R"({"code":"X","title":"t","sections":[{"code":"X1","title":"t","items":[{"code":"x1","title":"t","type":"text"}]}]})"));
  return list;
}

std::vector<json> samples() {
  std::vector<json> found = {full_template()};
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "tools/sample/checklists"))
    if (entry.path().extension() == ".json") found.push_back(json::parse(test::read_text(entry.path())));
  return found;
}

/// A place in full_template(), and the definition that the schema has for it.
struct Place {
  const char* pointer;
  const char* definition;
};
const Place kObjects[] = {{"", ""},
                          {"/bands/0", "/properties/bands/items"},
                          {"/cap", "/properties/cap"},
                          {"/sections/0", "/$defs/section"},
                          {"/sections/0/items/0", "/$defs/item"},
                          {"/sections/0/items/1/options/0", "/$defs/item/properties/options/items"},
                          {"/sections/0/items/4/finding_if/0", "/$defs/item/properties/finding_if/items"},
                          {"/sections/0/items/0/scoring", "/$defs/item/properties/scoring"}};

/// Every quoted word of a source file.
std::set<std::string> words_of(const char* file) {
  const std::string source = test::read_text(kRoot / file);
  std::set<std::string> words;
  for (auto from = source.find('"'); from != std::string::npos; from = source.find('"', from + 1)) {
    std::string_view rest = std::string_view(source).substr(from + 1);
    const std::size_t length = take(rest, [](char c) { return word(c) || c == '$'; });
    if (length > 0 && rest.starts_with('"')) words.insert(source.substr(from + 1, length));
  }
  return words;
}

}  // namespace

TEST_CASE("the sample checklists and a template with every member are taken by parser and schema alike") {
  REQUIRE(samples().size() >= 3);
  for (const json& sample : samples()) {
    const auto list = Checklist::parse(sample.dump());
    INFO(sample["code"] << " " << (list ? "" : list.error().message()));
    CHECK(list);
    CHECK(Validator().check(sample) == "");
  }
}

TEST_CASE("the template with every member leaves none out") {
  const json list = full_template();
  for (const Place& object : kObjects) {
    const json& properties = schema().at(json::json_pointer(object.definition)).at("properties");
    for (const auto& [name, rule] : properties.items()) {
      INFO(object.pointer << " " << name);
      // Objects of the same kind stand in many places.
      std::function<bool(const json&)> stands = [&, &wanted = name](const json& value) -> bool {
        if (value.is_object() && value.contains(wanted)) return true;
        return value.is_structured() && std::any_of(value.begin(), value.end(), stands);
      };
      CHECK(stands(list));
    }
  }
}

TEST_CASE("parser and schema know the same members of every object") {
  std::set<std::string> words = words_of("schema/checklist_parse.cpp");
  REQUIRE(words.size() > 40);
  for (const Place& object : kObjects) {
    const json& properties = schema().at(json::json_pointer(object.definition)).at("properties");
    for (const auto& [name, rule] : properties.items()) words.insert(name);
  }
  for (const Place& object : kObjects) {
    const json& properties = schema().at(json::json_pointer(object.definition)).at("properties");
    for (const std::string& word : words) {
      json list = full_template();
      json& target = list.at(json::json_pointer(object.pointer));
      if (target.contains(word)) continue;  // known to both, since the whole is taken
      target[word] = json::array({json::array()});
      const auto parsed = Checklist::parse(list.dump());
      INFO(object.pointer << " " << word);
      REQUIRE_FALSE(parsed);
      const bool unknown = parsed.error().detail.find("'" + word + "' is unknown") != std::string::npos;
      CHECK(unknown != properties.contains(word));
    }
  }
}

TEST_CASE("parser and schema know the same types, severities and modes") {
  std::set<std::string> words = words_of("schema/checklist.cpp");
  const json& item = schema().at("$defs").at("item").at("properties");
  const json& types = item.at("type").at("enum");
  const json& severities = item.at("finding_if").at("items").at("properties").at("severity").at("enum");
  const json& modes = item.at("scoring").at("properties").at("mode").at("enum");
  for (const json* names : {&types, &severities, &modes})
    for (const json& name : *names) words.insert(name.get<std::string>());
  const auto has = [](const json& names, const std::string& word) {
    return std::find(names.begin(), names.end(), json(word)) != names.end();
  };
  for (const std::string& word : words) {
    INFO(word);
    CHECK(item_type_from(word).has_value() == has(types, word));
    CHECK(severity_from(word).has_value() == has(severities, word));
    CHECK(scoring_mode_from(word).has_value() == has(modes, word));
  }
}

TEST_CASE("parser and schema state the same limits") {
  const json& defs = schema().at("$defs");
  const json& item = defs.at("item").at("properties");
  CHECK(defs.at("section").at("properties").at("items").at("maxItems") == kMaxChecklistItems);
  CHECK(schema().at("properties").at("sections").at("maxItems") == kMaxChecklistSections);
  CHECK(item.at("options").at("maxItems") == kMaxItemOptions);
  CHECK(item.at("decimals").at("maximum") == kMaxDecimals);
  CHECK(item.at("max_length").at("maximum") == kMaxTextAnswerChars);
  CHECK(defs.at("code").at("maxLength") == kMaxCodeBytes);
  CHECK(defs.at("text").at("anyOf")[0].at("maxLength") == kMaxTextBytes);
}

TEST_CASE("whatever the parser takes of damaged templates, the schema takes") {
  std::mt19937 random(21);
  const std::vector<json> whole = samples();
  std::vector<json> leaves;
  for (const json& list : whole) leaves.push_back(list.flatten());
  std::vector<json> pieces = {
      nullptr, true, 0, -1, 5, 101, "", "x", "yes", "2.5", "0.005", json::array(), json::object(), json::array({1})};
  int taken = 0;
  for (int round = 0; round < 1'500; ++round) {
    const std::size_t which = random() % whole.size();
    json list = whole[which];
    const json& flat = leaves[which];
    auto leaf = flat.begin();
    std::advance(leaf, static_cast<std::ptrdiff_t>(random() % flat.size()));
    json::json_pointer place(leaf.key());
    for (auto up = random() % 3; up > 0 && !place.parent_pointer().empty(); --up) place = place.parent_pointer();
    switch (random() % 4) {
      case 0:
        list[place] = pieces[random() % pieces.size()];
        break;
      case 1: {  // another part of the same document
        auto other = flat.begin();
        std::advance(other, static_cast<std::ptrdiff_t>(random() % flat.size()));
        list[place] = other.value();
        break;
      }
      case 2: {
        json& parent = list[place.parent_pointer()];
        if (parent.is_object()) parent.erase(place.back());
        if (parent.is_array()) parent.erase(parent.begin() + static_cast<std::ptrdiff_t>(random() % parent.size()));
        break;
      }
      default: {
        json& parent = list[place.parent_pointer()];
        static const char* const kNames[] = {"min",       "max",        "unit",     "options",  "decimals",
                                             "calculate", "max_length", "required", "allow_na", "weight"};
        if (parent.is_object()) parent[kNames[random() % std::size(kNames)]] = pieces[random() % pieces.size()];
        break;
      }
    }
    const auto parsed = Checklist::parse(list.dump());
    if (!parsed) continue;
    ++taken;
    INFO(place.to_string());
    REQUIRE(Validator().check(list) == "");
  }
  CHECK(taken > 100);
}

TEST_CASE("the worked example of the format's page is true") {
  const std::string page = test::read_text(kRoot / "schema/CHECKLIST.md");
  const auto from = page.find("```json\n");
  REQUIRE(from != std::string::npos);
  const std::string example = page.substr(from + 8, page.find("```", from + 8) - from - 8);
  CHECK(Validator().check(json::parse(example)) == "");
  const auto list = Checklist::parse(example);
  REQUIRE(list);
  Answers answers{{"own", test::number(1)}, {"staff", test::count(2, 3)}, {"stale", test::number(1)}};
  const Score score = list->score(answers);
  CHECK(score.items[0].value == 6'667);
  CHECK(score.items[1].value == 5'833);
  CHECK(score.score == 6'333);
  CHECK(score.band == "B");
  CHECK(list->derived_findings(answers).size() == 1);
  answers["own"] = test::number(0);
  CHECK(list->score(answers).score == 5'833);
  CHECK(list->derived_findings(answers).empty());
}
