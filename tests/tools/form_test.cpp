// Checklists from other people's forms, on the command line.

#include "tests/support/has.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <xlsxwriter.h>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

const std::string kSurvey =
    "type,name,label,relevant\nstart,start,,\nselect_one yn,meals,Are there meals?,\ninteger,eat,How many "
    "eat?,${meals} = 'yes'\n";
const std::string kChoices = "list_name,name,label\nyn,yes,Yes\nyn,no,No\n";

struct FormDesk {
  TempFolder folder;
  Environment environment = {{"DUDAO_OFFICE_DATA", folder / "office"},
                             {"DUDAO_OFFICE_SECRET", folder / "secret/office"},
                             {"DUDAO_OFFICE_PASS_PHRASE", ""}};
  Ran run(const std::vector<std::string>& arguments) const {
    return run_program("dudao-office", arguments, environment);
  }
  std::vector<std::string> form(const std::string& survey, std::vector<std::string> more) const {
    spill(folder / "survey.csv", survey);
    spill(folder / "choices.csv", kChoices);
    more.insert(more.begin(), {"import-xlsform", "--survey", folder / "survey.csv", "--choices", folder / "choices.csv",
                               "--code", "meals"});
    return more;
  }
};

}  // namespace

TEST_CASE("a form given as CSV becomes a checklist, in both languages of the program") {
  const FormDesk desk;
  const Ran english = desk.run(desk.form(kSurvey, {"--version", "3", "--out", desk.folder / "meals.json"}));
  INFO(english.out << english.err);
  REQUIRE(english.exit_code == 0);
  CHECK(has(english.out, "survey row 2: start"));
  CHECK(has(english.out, "items 2"));
  const json list = json::parse(slurp(desk.folder / "meals.json"));
  CHECK(list["code"] == "meals");
  CHECK(list["version"] == 3);
  CHECK(list["sections"][0]["items"][1]["visible_if"] == "meals = 'yes'");
  const Ran chinese = desk.run(desk.form(kSurvey, {"--lang", "zh"}));
  CHECK(chinese.exit_code == 0);
  CHECK(has(chinese.out, "检查点 2"));
  CHECK(has(chinese.out, "无需填写"));
  const Ran document = desk.run(desk.form(kSurvey, {"--json"}));
  CHECK(json::parse(document.out)["remarks"][0]["row"] == 2);
}

TEST_CASE("a form that cannot be taken is listed by row, and nothing is written") {
  const FormDesk desk;
  const std::string survey = kSurvey + "audio,talk,Talk,\ntext,why,Why,${nobody} = 1\n";
  const Ran ran = desk.run(desk.form(survey, {"--out", desk.folder / "meals.json"}));
  CHECK(ran.exit_code == 1);
  CHECK(has(ran.out, "survey row 5: talk"));
  CHECK(has(ran.out, "survey row 6: why"));
  CHECK(has(ran.err, "2431"));
  CHECK_FALSE(std::filesystem::exists(desk.folder / "meals.json"));
  const Ran document = desk.run(desk.form(survey, {"--json"}));
  CHECK(document.exit_code == 1);
  const json listed = json::parse(document.out);
  CHECK(listed["refused"].size() == 2);
  CHECK(listed["error"]["code"] == 2431);
}

TEST_CASE("a form given as a workbook is published like any checklist") {
  const FormDesk desk;
  REQUIRE(desk.run({"init", "--origin", "test.dudao/office"}).exit_code == 0);
  const std::string path = desk.folder / "form.xlsx";
  lxw_workbook* book = workbook_new(path.c_str());
  const auto fill = [&](const char* name, const std::vector<std::vector<const char*>>& rows) {
    lxw_worksheet* sheet = workbook_add_worksheet(book, name);
    for (lxw_row_t r = 0; r < rows.size(); ++r)
      for (lxw_col_t c = 0; c < rows[r].size(); ++c) worksheet_write_string(sheet, r, c, rows[r][c], nullptr);
  };
  fill("survey", {{"type", "name", "label::English (en)", "label::中文 (zh)"},
                  {"select_one yn", "meals", "Are there meals?", "是否供餐？"}});
  fill("choices", {{"list_name", "name", "label::English (en)", "label::中文 (zh)"},
                   {"yn", "yes", "Yes", "是"},
                   {"yn", "no", "No", "否"}});
  fill("settings", {{"form_title", "form_id", "default_language"}, {"供餐", "meals", "中文 (zh)"}});
  REQUIRE(workbook_close(book) == LXW_NO_ERROR);
  const Ran ran = desk.run({"import-xlsform", path, "--publish", "--json"});
  INFO(ran.out << ran.err);
  REQUIRE(ran.exit_code == 0);
  CHECK(json::parse(ran.out)["published"]["code"] == "meals");
  CHECK(json::parse(desk.run({"status", "--json"}).out)["rows"]["template"] == 1);
  spill(desk.folder / "no.xlsx", "not a workbook");
  const Ran refused = desk.run({"import-xlsform", desk.folder / "no.xlsx", "--code", "x"});
  CHECK(refused.exit_code == 1);
  CHECK(has(refused.err, "2470"));
}

TEST_CASE("a system of indicators becomes a checklist on the command line") {
  const FormDesk desk;
  spill(
      desk.folder / "system.json",
      R"({"name":"体系","tree":[{"code":"1","name":"域","weight":10,"children":[{"code":"1.1","name":"指标","isLeaf":true,
           "dataIndicators":[{"code":"1.1-D1","name":"率","dataType":"数字","threshold":">= 5%","precision":1}]}]}]})");
  const Ran ran = desk.run({"import-indicators", desk.folder / "system.json", "--code", "system", "--out",
                            desk.folder / "out.json", "--lang", "zh"});
  INFO(ran.out << ran.err);
  REQUIRE(ran.exit_code == 0);
  CHECK(has(ran.out, "末级指标 1"));
  CHECK(json::parse(slurp(desk.folder / "out.json"))["weight"] == 10);
  spill(desk.folder / "system.json", "{}");
  CHECK(has(desk.run({"import-indicators", desk.folder / "system.json", "--code", "system"}).err, "2460"));
}
