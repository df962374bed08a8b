// Are templates able to hold what inspectors really fill in? Two foreign systems are turned into templates
// mechanically.

#include "schema/checklist.hpp"
#include "schema/csv.hpp"
#include "tests/support/text_file.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using nlohmann::json;

namespace {

const std::filesystem::path kShared = DUDAO_SHARED_DIR;

std::string trimmed(std::string text) {
  for (auto nbsp = text.find("\xC2\xA0"); nbsp != std::string::npos; nbsp = text.find("\xC2\xA0"))
    text.replace(nbsp, 2, " ");
  const auto from = text.find_first_not_of(" \r\n\t");
  if (from == std::string::npos) return "";
  return text.substr(from, text.find_last_not_of(" \r\n\t") - from + 1);
}

using Rows = std::vector<std::map<std::string, std::string>>;

Rows read_rows(const std::filesystem::path& path) {
  Rows rows;
  std::vector<std::string> header;
  REQUIRE(read_csv(test::read_text(path), TextEncoding::kUtf8, [&](CsvRow& row) -> Status {
    if (header.empty()) {
      header = row.cells;
      return {};
    }
    auto& cells = rows.emplace_back();
    for (std::size_t i = 0; i < row.cells.size() && i < header.size(); ++i) cells[header[i]] = trimmed(row.cells[i]);
    return {};
  }));
  return rows;
}

/// XPath as ODK writes it, in our words.
std::string expression(std::string xpath) {
  std::erase_if(xpath, [](char c) { return c == '$' || c == '{' || c == '}'; });
  for (auto at = xpath.find("< ="); at != std::string::npos; at = xpath.find("< =")) xpath.erase(at + 1, 1);
  // The form itself breaks off here.
  return xpath.ends_with(">=") ? xpath + " 0" : xpath;
}

std::string both(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a + b;
  return "(" + a + ") and (" + b + ")";
}

}  // namespace

TEST_CASE("the form of eleven thousand real visits in Nigeria is a template") {
  const auto folder = kShared / "data/nigeria-form";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: " << folder << " is not there");
    return;
  }
  std::map<std::string, json> options;
  std::map<std::string, std::set<std::string>> seen;
  for (auto& row : read_rows(folder / "Education_17_04_2012__choices.csv"))
    if (!row["name"].empty() && seen[row["list name"]].insert(row["name"]).second)
      options[row["list name"]].push_back({{"code", row["name"]}, {"label", row["label"].substr(0, 500)}});

  json items = json::array();
  std::string group;
  std::map<std::string, int> used;
  for (auto& row : read_rows(folder / "Education_17_04_2012__survey.csv")) {
    const std::string type = row["type"];
    const std::string visible_if = both(group, expression(row["bind:relevant"]));
    if (type == "begin group") group = expression(row["bind:relevant"]);
    if (type == "end group") group.clear();
    json item = {{"code", row["name"]}, {"title", row["label"].empty() ? row["name"] : row["label"]}};
    if (type == "integer") {
      item["type"] = "integer";
      item["min"] = 0;
      item["max"] = 1'000'000;
    } else if (type == "text" || type == "string") {
      item["type"] = "text";
    } else if (type.starts_with("select_one ") || type.starts_with("select_multiple ")) {
      item["type"] = type.starts_with("select_one ") ? "single" : "multi";
      item["options"] = options.at(type.substr(type.find(' ') + 1));
    } else if (type == "calculate" && row["calculation"] != "uuid()") {
      item["type"] = "calculated";
      item["calculate"] = expression(row["calculation"]);
    } else if (type == "note" && !visible_if.empty()) {
      // A note that shows when figures disagree is a finding.
      item["type"] = "text";
      item["required"] = false;
      item["finding_if"] = json::array({{{"when", visible_if}, {"severity", "ADVICE"}, {"text", "note"}}});
    } else {
      continue;
    }
    if (!visible_if.empty() && type != "note") item["visible_if"] = visible_if;
    if (!row["bind:constraint"].empty()) item["constraint"] = expression(row["bind:constraint"]);
    if (type != "calculate" && type != "note") item["required"] = row["bind:required"] == "true()";
    ++used[item["type"]];
    items.push_back(item);
  }
  const json list = {{"format", "dudao-checklist-1"},
                     {"code", "nmis-2012"},
                     {"version", 1},
                     {"title", "Education 2012"},
                     {"languages", {"en"}},
                     {"sections", {{{"code", "all"}, {"title", "All"}, {"items", items}}}}};
  const auto parsed = Checklist::parse(list.dump());
  INFO((parsed ? "" : parsed.error().message()));
  REQUIRE(parsed);
  CHECK(used["single"] == 38);
  CHECK(used["multi"] == 7);
  CHECK(used["integer"] == 48);
  CHECK(used["calculated"] == 9);

  Answers answers;
  const auto set = [&answers](const char* code, auto value) { answers[code] = {value, std::nullopt, ""}; };
  const auto number = [](std::int64_t value) { return AnswerValue{value, std::nullopt, ""}; };
  set("num_students_female", std::int64_t{120});
  set("num_students_male", std::int64_t{130});
  CHECK(parsed->calculated(answers).at("num_students_total_calc") == 250);
  CHECK(parsed->check_answer("num_students_total", number(250), answers));
  CHECK(parsed->check_answer("num_students_total", number(999), answers));
  CHECK(parsed->check_answer("num_students_total", number(251), answers).error().code == Code::kAnswerConstraint);
  CHECK(parsed->check_answer("num_pry_female", number(1), answers).error().code == Code::kAnswerHidden);
  set("level_of_education", std::string("preprimary_and_primary"));
  CHECK(parsed->check_answer("num_pry_female", number(1), answers));
  CHECK(parsed->check_answer("solar_funct_yn", {std::string("yes"), std::nullopt, ""}, answers).error().code ==
        Code::kAnswerHidden);
  set("power_sources", std::string("generator,solar_system"));
  CHECK(parsed->check_answer("solar_funct_yn", {std::string("yes"), std::nullopt, ""}, answers));
  CHECK_FALSE(parsed->check_answer("power_sources", {std::string("generator,none"), std::nullopt, ""}, answers));
}

TEST_CASE("Chinese systems of indicators in three levels are templates") {
  const auto folder = kShared / "data/china-supervision";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: " << folder << " is not there");
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const json system = json::parse(test::read_text(entry.path()));
    int leaves = 0;
    int measured = 0;
    const auto code = [](const json& node) {
      std::string text = "X" + node.at("code").get<std::string>();
      std::replace(text.begin(), text.end(), '-', '_');
      return text;
    };
    const auto item = [&](const json& data) {
      ++measured;
      json out = {{"code", code(data) + "_"}, {"title", data.at("name")}, {"guidance", data.value("description", "-")}};
      const int precision = data.value("precision", 0);
      const std::string type = data.at("dataType");
      const std::string threshold = data.value("threshold", "");
      if (type != "数字") {
        out["type"] = type == "逻辑" ? "yes_no" : "text";
        if (type == "逻辑") out["scoring"] = {{"mode", "met"}, {"weight", 1}};
      } else {
        out["type"] = precision > 0 ? "decimal" : "integer";
        if (precision > 0) out["decimals"] = precision;
        if (!data.value("unit", "").empty()) out["unit"] = data["unit"];
        // ">= 95%", "= 0"; what is more involved stays unscored.
        std::string met_if = ". " + threshold.substr(0, threshold.find('%'));
        const bool plain = threshold.find_first_not_of("<>=. %0123456789") == std::string::npos && !threshold.empty();
        if (plain) out["scoring"] = {{"mode", "met"}, {"weight", 1}, {"met_if", met_if}};
      }
      return out;
    };
    const std::function<json(const json&)> section = [&](const json& node) -> json {
      json out = {{"code", code(node)}, {"title", node.at("name")}};
      if (node.contains("children") && !node["children"].empty()) {
        for (const json& child : node["children"]) out["sections"].push_back(section(child));
        return out;
      }
      ++leaves;
      for (const json& data : node.value("dataIndicators", json::array())) out["items"].push_back(item(data));
      if (!out.contains("items"))
        out["items"].push_back({{"code", code(node) + "_"}, {"title", node.at("name")}, {"type", "yes_no"}});
      return out;
    };
    json list = {{"format", "dudao-checklist-1"},
                 {"code", "system"},
                 {"version", 1},
                 {"title", system.at("name")},
                 {"languages", {"zh"}}};
    for (const json& node : system.at("tree")) list["sections"].push_back(section(node));
    const auto parsed = Checklist::parse(list.dump());
    INFO(entry.path().filename() << " " << (parsed ? "" : parsed.error().message()));
    REQUIRE(parsed);
    CHECK(parsed->items().size() >= static_cast<std::size_t>(measured));
    CHECK((leaves == 26 || leaves == 36));
    CHECK(parsed->score({}).sections.size() == parsed->sections().size());
  }
}
