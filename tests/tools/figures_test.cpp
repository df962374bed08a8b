/// Statistics as people take them along.

#include "tools/office/figures.hpp"

#include "platform/desktop/files.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"
#include "tools/office/spreadsheet.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

const json kCounted = {
    {"statistic", "coverage"},
    {"groups", {"unit", "kind"}},
    {"measures", {"schools", "visits"}},
    {"lines",
     {{{"group", {"9901", "ROUTINE"}}, {"figures", {12, 3}}}, {{"group", {"=cmd", "a\"b,c"}}, {"figures", {0, -1}}}}},
    {"names", {{"unit", {{"9901", "栖云县"}}}}}};

}  // namespace

TEST_CASE("a statistic becomes CSV that a spreadsheet reads as text and never as a formula") {
  CHECK(figures_csv(kCounted, true) ==
        "\xEF\xBB\xBF"
        "机构,督导类型,学校数,督导次数\r\n9901 栖云县,ROUTINE,12,3\r\n'=cmd,\"a\"\"b,c\",0,'-1\r\n");
  CHECK(figure_heading("visits", false) == "Visits");
  CHECK(figure_heading("whatever", false) == "whatever");
}

TEST_CASE("a statistic becomes a workbook whose cells are what was counted") {
  const TempFolder folder;
  DesktopFiles files;
  const std::string path = folder / "coverage.xlsx";
  REQUIRE(write_figures_workbook(files, path, kCounted, false));
  const auto sheets = read_spreadsheet(view(slurp(path)));
  REQUIRE(sheets);
  const auto& rows = sheets->at("coverage");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == std::vector<std::string>{"Unit", "Kind of visit", "Schools", "Visits"});
  CHECK(rows[1] == std::vector<std::string>{"9901 栖云县", "ROUTINE", "12", "3"});
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  CHECK(write_figures_workbook(files, folder / "no/such/folder.xlsx", kCounted, false).error().code ==
        Code::kFileWrite);
}

TEST_CASE("the office counts from a shell, and explains each figure by the statements under it") {
  const TempFolder folder;
  const Environment environment = {{"DUDAO_OFFICE_DATA", folder / "office"},
                                   {"DUDAO_OFFICE_SECRET", folder / "secret/office"},
                                   {"DUDAO_ACTOR", "clerk"},
                                   {"DUDAO_OFFICE_PASS_PHRASE", ""}};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.push_back("--json");
    return run_program("dudao-office", arguments, environment);
  };
  const auto done = [&](const std::vector<std::string>& arguments) {
    const Ran ran = run(arguments);
    INFO(arguments.front() << ": " << ran.out << ran.err);
    REQUIRE(ran.exit_code == 0);
    return json::parse(ran.out);
  };
  const std::string sample = DUDAO_SOURCE_DIR "/tools/sample/";
  done({"init", "--origin", "test.dudao/office"});
  for (const auto& [what, file] : {std::pair<std::string, std::string>{"org-units", "org_units"},
                                   {"schools", "schools"},
                                   {"inspectors", "inspectors"},
                                   {"zones", "zones"}})
    done({"import-" + what, sample + file + ".csv", "--map", sample + file + ".columns"});

  const json staffing = done({"statistics", "staffing", "--csv", folder / "s.csv", "--xlsx", folder / "s.xlsx"});
  std::int64_t schools = 0;
  for (const json& line : staffing.at("lines"))
    schools += line.at("figures").at(0).get<std::int64_t>() + line.at("figures").at(1).get<std::int64_t>();
  CHECK(schools == 59);  // One of sixty is closed.
  CHECK(slurp(folder / "s.csv").find("Inspectors needed") != std::string::npos);
  CHECK(std::filesystem::file_size(folder / "s.xlsx") > 1'000);

  const std::string unit = staffing.at("lines").at(0).at("group").at(0);
  CHECK(staffing.at("names").at("unit").contains(unit));
  const json under = done({"explain", "staffing", "needed", "--group", unit});
  CHECK(under.at("value") == staffing.at("lines").at(0).at("figures").at(2));
  REQUIRE(!under.at("statements").empty());
  CHECK(under.at("statements").at(0).at("device").is_null());
  CHECK(under.at("statements").at(0).at("id").get<std::string>().size() == 64);

  const json records = done({"export-records", folder / "records.jsonl"});
  const std::string lines = slurp(folder / "records.jsonl");
  CHECK(std::count(lines.begin(), lines.end(), '\n') == records.at("records").get<std::int64_t>());
  const json first = json::parse(lines.substr(0, lines.find('\n')));
  CHECK(first.at("table") == "org_unit");
  CHECK(first.at("statements").at(0).at("id").get<std::string>().size() == 64);

  CHECK(run({"statistics", "anything"}).exit_code == 2);
  CHECK(run({"statistics", "coverage", "--unit", "nowhere"}).exit_code == 1);
  CHECK(run({"explain", "coverage", "anything", "--group", "a,b"}).exit_code == 1);
  CHECK(run({"explain", "coverage", "visits", "--group", "a,b"}).exit_code == 1);
}
