#include "sync/office/one_time_code.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

const std::string kSample = DUDAO_SOURCE_DIR "/tools/sample/";

/// An office of its own, worked from the command line as its people do.
struct Desk {
  TempFolder folder;
  Environment environment = {{"DUDAO_OFFICE_DATA", folder / "office"},
                             {"DUDAO_OFFICE_SECRET", folder / "secret/office"},
                             {"DUDAO_ACTOR", "clerk"},
                             {"DUDAO_OFFICE_PASS_PHRASE", ""}};

  Ran run(const std::vector<std::string>& arguments) const {
    return run_program("dudao-office", arguments, environment);
  }
  /// Must succeed; what it printed as JSON.
  json done(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Ran ran = run(arguments);
    INFO(arguments.front() << ": " << ran.out << ran.err);
    REQUIRE(ran.exit_code == 0);
    json out = json::parse(ran.out, nullptr, false);
    REQUIRE(!out.is_discarded());
    return out;
  }
  json take(const std::string& kind, std::string file) const {
    file = kSample + file;
    return done({"import-" + kind, file + ".csv", "--map", file + ".columns"});
  }
  void found() const { done({"init", "--origin", "test.dudao/office"}); }
  void fill() const {
    found();
    take("org-units", "org_units");
    take("schools", "schools");
    take("inspectors", "inspectors");
    take("zones", "zones");
    take("conflicts", "conflicts");
    done({"publish-template", kSample + "checklists/routine-visit.json"});
  }
};

}  // namespace

TEST_CASE("an office is founded once, and each refusal before and after says what to do") {
  const Desk desk;
  const Ran before = desk.run({"status"});
  CHECK(before.exit_code != 0);
  CHECK(has(before.err, "6021"));
  CHECK(has(before.err, "dudao-office init"));
  const Ran wrong = desk.run({"init", "--origin", "two words"});
  CHECK(wrong.exit_code != 0);
  CHECK(has(wrong.err, "6024"));
  CHECK_FALSE(std::filesystem::exists(desk.folder / "office/office.db"));

  desk.found();
  const std::string key = desk.done({"status"}).at("office_key");
  const Ran again = desk.run({"init", "--origin", "other.dudao/office"});
  CHECK(again.exit_code != 0);
  CHECK(has(again.err, "6022"));
  CHECK(desk.done({"status"}).at("office_key") == key);
  CHECK(desk.done({"status"}).at("origin") == "test.dudao/office");
  const Ran chinese = desk.run({"status", "--lang", "zh"});
  CHECK(has(chinese.out, "督导办 test.dudao/office"));
}

TEST_CASE("the office's key is readable by its owner only and is in no database and no backup") {
  const Desk desk;
  desk.found();
  namespace fs = std::filesystem;
  const auto others = fs::perms::group_all | fs::perms::others_all;
  CHECK((fs::status(desk.folder / "office/keys/office.key").permissions() & others) == fs::perms::none);
  CHECK((fs::status(desk.folder / "secret/office").permissions() & others) == fs::perms::none);
  desk.done({"backup", desk.folder / "copy.db"});
  const std::string sealed = slurp(desk.folder / "office/keys/office.key");
  REQUIRE(sealed.size() > 48);
  CHECK_FALSE(has(slurp(desk.folder / "copy.db"), sealed.substr(sealed.size() - 48)));
  const Ran twice = desk.run({"backup", desk.folder / "copy.db"});
  CHECK(twice.exit_code != 0);

  // Without the machine's secret the key stays shut, and a new one is not made in silence.
  fs::remove(desk.folder / "secret/office");
  const Ran shut = desk.run({"status"});
  CHECK(shut.exit_code != 0);
  CHECK_FALSE(shut.err.empty());
}

TEST_CASE("registers are taken once however often they are given, with refused rows by line and reason") {
  const Desk desk;
  desk.found();
  CHECK(desk.take("org-units", "org_units").at("new") == 12);
  CHECK(desk.take("schools", "schools").at("new") == 60);
  const json again = desk.take("schools", "schools");
  CHECK(again.at("new") == 0);
  CHECK(again.at("changed") == 0);
  CHECK(again.at("unchanged") == 60);
  CHECK(again.at("statements") == 0);

  SECTION("a changed row changes, a wrong one is refused, the others go in") {
    std::string text = slurp(kSample + "schools.csv");
    const std::size_t at = text.find("云麓镇中心幼儿园");
    REQUIRE(at != std::string::npos);
    text.replace(at, std::string("云麓镇中心幼儿园").size(), "云麓镇第一幼儿园");
    spill(desk.folder / "schools.csv", "\xef\xbb\xbf" + text + "9901299999,不完整\r\n");
    const json done = desk.done({"import-schools", desk.folder / "schools.csv", "--map", kSample + "schools.columns"});
    CHECK(done.at("changed") == 1);
    CHECK(done.at("unchanged") == 59);
    CHECK(done.at("refused_rows") == 1);
    CHECK(done.at("refused").at(0).at("line") == 62);
    CHECK(done.at("refused").at(0).at("code").get<int>() / 1000 == 2);
  }
  SECTION("text that is not valid is refused whole and clearly") {
    spill(desk.folder / "schools.csv", slurp(kSample + "schools.csv") + "9901299999,\xff\xfe\r\n");
    const Ran refused = desk.run({"import-schools", desk.folder / "schools.csv", "--map", kSample + "schools.columns"});
    CHECK(refused.exit_code != 0);
    CHECK(desk.done({"status"}).at("rows").at("school") == 60);
  }
  SECTION("a file that is not there") {
    CHECK(desk.run({"import-schools", desk.folder / "none.csv", "--map", "code=x"}).exit_code != 0);
  }
}

TEST_CASE("commands work beside a running office, which ends what it has begun when it is told to stop") {
  Desk desk;
  desk.found();
  Running office("dudao-office", {"serve", "--listen", "127.0.0.1:0", "--log", desk.folder / "log"}, desk.environment);
  const std::string said = office.line();
  REQUIRE(has(said, "http://127.0.0.1:"));
  CHECK(desk.done({"status"}).at("serving") == true);
  CHECK(desk.take("org-units", "org_units").at("new") == 12);
  CHECK(desk.take("schools", "schools").at("new") == 60);
  const Ran second = desk.run({"serve", "--listen", "127.0.0.1:0"});
  CHECK(second.exit_code != 0);
  CHECK(has(second.err, "2002"));
  CHECK(office.stop(SIGTERM) == 0);
  CHECK(desk.done({"status"}).at("serving") == false);
  CHECK(desk.done({"status"}).at("rows").at("school") == 60);
}

TEST_CASE("an office that was killed leaves nothing that keeps the next one from starting") {
  Desk desk;
  desk.found();
  {
    Running office("dudao-office", {"serve", "--listen", "127.0.0.1:0", "--log", desk.folder / "log"},
                   desk.environment);
    REQUIRE(has(office.line(), "http://"));
    CHECK(desk.take("org-units", "org_units").at("new") == 12);
    office.stop(SIGKILL);
  }
  CHECK(desk.done({"status"}).at("serving") == false);
  CHECK(desk.done({"status"}).at("rows").at("org_unit") == 12);
  Running office("dudao-office", {"serve", "--listen", "127.0.0.1:0", "--log", desk.folder / "log"}, desk.environment);
  REQUIRE(has(office.line(), "http://"));
  CHECK(desk.done({"status"}).at("serving") == true);
  CHECK(office.stop(SIGINT) == 0);
}

TEST_CASE("a draw goes from the registers to visits, and its published files and the ledger prove it") {
  const Desk desk;
  desk.fill();
  const std::string files = desk.folder / "draw";
  const json frozen = desk.done(
      {"draw", "freeze", "T-1", "--by", "县", "--quota", "2", "--team", "2", "--event", "lottery", "--out", files});
  CHECK(frozen.at("strata").size() == 2);
  CHECK(desk.run({"draw", "run", "T-1", "--source", "1,2,3", "--template", "routine-visit", "--from", "2026-03-02",
                  "--to", "2026-03-06"})
            .exit_code != 0);
  desk.done({"draw", "commit", files});
  CHECK(desk.run({"draw", "commit", files}).exit_code != 0);
  CHECK(desk.run({"draw", "reveal", "T-1"}).exit_code != 0);
  const std::vector<std::string> run = {"draw",       "run",           "T-1",    "--source",   "5,12,18,22,27,31",
                                        "--template", "routine-visit", "--from", "2026-03-02", "--to",
                                        "2026-03-06"};
  const json drawn = desk.done(run);
  REQUIRE(drawn.at("schools").size() == 4);
  CHECK(desk.run(run).exit_code != 0);
  const json visits = desk.done({"visit", "list"}).at("visits");
  CHECK(visits.size() == 4);
  const std::string recused = visits.at(0).at("team").at(0);
  const json replaced = desk.done({"replace", visits.at(0).at("visit"), recused, "R2"});
  CHECK(replaced.at("same") == true);
  REQUIRE(replaced.at("team").size() == 2);
  CHECK(replaced.at("team").at(0) != recused);
  CHECK(replaced.at("team").at(1) != recused);
  desk.done({"draw", "reveal", "T-1"});
  desk.done({"draw", "files", "T-1", "--out", desk.folder / "published"});
  CHECK(run_program("dudao-audit", {"draw", desk.folder / "published"}).exit_code == 0);

  const json exported = desk.done({"export-ledger", desk.folder / "ledger"});
  const std::vector<std::string> audit = {"ledger", desk.folder / "ledger", "--office-key", exported.at("office_key")};
  CHECK(run_program("dudao-audit", audit).exit_code == 0);
  CHECK(run_program("dudao-audit", {"draw", "--ledger", desk.folder / "ledger", "--draw", "T-1"}).exit_code == 0);
  const Ran rebuilt = desk.run({"rebuild"});
  CHECK(rebuilt.exit_code == 0);

  std::string bytes = slurp(desk.folder / "ledger");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  spill(desk.folder / "ledger", bytes);
  const Ran changed = run_program("dudao-audit", audit);
  CHECK(changed.exit_code != 0);
  CHECK(has(changed.out + changed.err, "WRONG"));
}

TEST_CASE("campaigns, teams, what is due and seals are kept from the command line") {
  const Desk desk;
  desk.fill();
  const auto campaign = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"campaign", "add", "FIRE-2026", "--title", "校园消防专项", "--kind", "SPECIAL", "--unit",
                               "990121", "--from", "2026-03-01", "--to", "2026-05-31"});
    return more;
  };
  CHECK(desk.run(campaign({"--items", "A1.01"})).exit_code == 1);
  desk.done(campaign({"--off-list", "市安委会通知", "--template", "routine-visit"}));
  const json campaigns = desk.done({"campaign", "list"}).at("campaigns");
  REQUIRE(campaigns.size() == 1);
  CHECK(campaigns.at(0).at("on_annual_list") == false);
  CHECK(campaigns.at(0).at("justification") == "市安委会通知");
  CHECK(campaigns.at(0).at("org_unit") == "990121");
  CHECK(campaigns.at(0).at("from") == "2026-03-01");
  CHECK(has(desk.run({"campaign", "list", "--lang", "zh"}).out, "未列入年度清单：市安委会通知"));

  const json due = desk.done({"due", "--unit", "990121", "--from", "2026-03-01", "--to", "2026-03-31"}).at("due");
  REQUIRE(!due.empty());
  const std::string school = due.at(0).at("school");
  CHECK(due.at(0).at("kind") == "ROUTINE");
  CHECK(has(desk.run({"due", "--unit", "nowhere"}).err, "4133"));
  const std::string visit = desk.done({"plan", "--school", school, "--template", "routine-visit", "--from",
                                       "2026-03-02", "--to", "2026-03-06", "--unseal-at", "2099-01-01T08:00"})
                                .at("visit");
  CHECK(has(desk.run({"plan", "--school", school, "--template", "routine-visit", "--from", "2026-03-09", "--to",
                      "2026-03-10"})
                .err,
            "4705"));
  const json left = desk.done({"due", "--unit", "990121", "--from", "2026-03-01", "--to", "2026-03-31"}).at("due");
  CHECK(left.size() + 1 == due.size());
  CHECK(has(desk.run({"unseal-code", visit}).err, "4709"));  // Nobody has it yet.
  desk.done({"assign", visit, "--team", "D001,D002"});
  CHECK(has(desk.run({"assign", visit, "--team", "D001"}).err, "2201"));
  CHECK(has(desk.run({"unseal-code", visit}).err, "4121"));
  const std::string code = desk.done({"unseal-code", visit, "--reason", "暴雨"}).at("code");
  CHECK(code.size() == 19);
  CHECK(has(desk.run({"unseal-code", "x"}).err, "6024"));
  CHECK(has(desk.run({"replace", visit, "D001", "R1"}).err, "4114"));

  // What else is due is planned in one step; of two visits to a school one is made.
  const auto plan_due = [&] {
    return desk.done(
        {"plan-due", "--unit", "990121", "--template", "routine-visit", "--from", "2026-03-01", "--to", "2026-03-31"});
  };
  const auto routine =
      std::count_if(left.begin(), left.end(), [](const json& one) { return one.at("kind") == "ROUTINE"; });
  const json planned = plan_due();
  CHECK(planned.at("visits").size() + planned.at("left").size() == static_cast<std::size_t>(routine));
  CHECK(!planned.at("visits").empty());
  CHECK(plan_due().at("visits").empty());
  CHECK(has(desk.run({"plan-due", "--unit", "990121", "--template", "routine-visit", "--from", "2026-03-01", "--to",
                      "2026-03-31", "--lang", "zh"})
                .out,
            "已安排：0"));
  const std::string stands = planned.at("visits").at(0);
  const json row = desk.done({"visit", "show", stands});
  const std::string also = desk.done({"plan", "--school", row.at("school"), "--template", "routine-visit", "--from",
                                      "2026-03-09", "--to", "2026-03-12", "--reason", "家长来信"})
                               .at("visit");
  CHECK(has(desk.run({"merge", stands, stands}).err, "4710"));
  CHECK(has(desk.run({"merge", stands, "x"}).err, "6024"));
  CHECK(desk.done({"merge", stands, also}).at("visit") == stands);
  CHECK(desk.done({"visit", "show", also}).at("state") == "CANCELLED");
  desk.done({"rebuild"});
}

TEST_CASE("visits are planned only for schools, inspectors, checklists and days that there are") {
  const Desk desk;
  desk.fill();
  const auto plan = [&](const std::string& school, const std::string& team, const std::string& checklist,
                        const std::string& from, const std::string& to) {
    return desk.run({"plan", "--school", school, "--team", team, "--template", checklist, "--from", from, "--to", to});
  };
  CHECK(has(plan("9909999999", "D001", "routine-visit", "2026-03-02", "2026-03-06").err, "4117"));
  CHECK(has(plan("9901210001", "D999", "routine-visit", "2026-03-02", "2026-03-06").err, "4005"));
  CHECK(plan("9901210001", "D001", "no-such", "2026-03-02", "2026-03-06").exit_code != 0);
  CHECK(has(plan("9901210001", "D001", "routine-visit", "2026-02-30", "2026-03-06").err, "6024"));
  CHECK(plan("9901210001", "D001", "routine-visit", "2026-03-06", "2026-03-02").exit_code != 0);
  CHECK(desk.done({"visit", "list"}).at("visits").empty());
  REQUIRE(plan("9901210001", "D001", "routine-visit", "2026-03-02", "2026-03-06").exit_code == 0);
  const json visits = desk.done({"visit", "list"}).at("visits");
  REQUIRE(visits.size() == 1);
  const std::string id = visits.at(0).at("visit");
  CHECK(desk.run({"visit", "accept", id}).exit_code != 0);  // nothing was submitted
  CHECK(desk.done({"visit", "list"}).at("visits").at(0).at("state") == "ASSIGNED");
  CHECK(desk.run({"visit", "cancel", id}).exit_code != 0);  // no reason
  desk.done({"visit", "cancel", id, "--reason", "学校停课"});
  CHECK(desk.done({"visit", "list"}).at("visits").at(0).at("state") == "CANCELLED");
}

TEST_CASE("an inspector goes from nomination to exit by commands, and a list of the register takes no step back") {
  const Desk desk;
  desk.fill();
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "inspector");
    return desk.run(arguments);
  };
  const auto done = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "inspector");
    return desk.done(arguments);
  };
  CHECK(run({"nominate", "D099"}).exit_code != 0);  // no name
  CHECK(done({"nominate", "D099", "--name", "王小明", "--capacity", "4"}).at("state") == "NOMINATED");
  CHECK(has(run({"activate", "D099"}).err, "4501"));
  done({"review", "D099"});
  done({"publicise", "D099"});
  CHECK(has(run({"appoint", "D099"}).err, "4502"));
  CHECK(has(run({"profile", "D099", "--unit", "nowhere"}).err, "4133"));
  done({"profile", "D099", "--unit", "990121", "--degree", "yes", "--years", "12", "--subjects", "语文"});
  CHECK(has(run({"appoint", "D099", "--from", "2026-09-01", "--to", "2031-08-31"}).err, "4504"));
  CHECK(done({"appoint", "D099", "--from", "2026-09-01"}).at("state") == "APPOINTED");
  CHECK(done({"activate", "D099"}).at("state") == "ACTIVE");
  const json shown = done({"show", "D099"});
  CHECK(shown.at("name") == "王小明");
  CHECK(shown.at("unit") == "990121");
  CHECK(shown.at("profile").at("education_years") == 12);
  REQUIRE(shown.at("terms").size() == 1);
  CHECK(shown.at("terms").at(0).at("to_day") == "2029-08-31");
  CHECK(shown.at("steps").size() == 5);
  CHECK(shown.at("steps").at(0).at("person") == "clerk");
  CHECK(shown.at("next") == json({"appoint", "suspend", "exit"}));
  const Ran chinese = run({"show", "D099", "--lang", "zh"});
  CHECK(has(chinese.out, "教育工作年限：12"));

  // The register's list says that D001 is in office; steps say more.
  CHECK(run({"suspend", "D001"}).exit_code == 2);  // no reason
  CHECK(done({"suspend", "D001", "--reason", "正在核查"}).at("state") == "SUSPENDED");
  CHECK(desk.take("inspectors", "inspectors").at("changed") == 0);
  CHECK(done({"show", "D001"}).at("state") == "SUSPENDED");
  CHECK(desk.run({"plan", "--school", "9901210001", "--team", "D001", "--template", "routine-visit", "--from",
                  "2026-03-02", "--to", "2026-03-06"})
            .exit_code != 0);
  done({"resume", "D001"});
  CHECK(run({"exit", "D003"}).exit_code == 2);  // no cause
  CHECK(run({"exit", "D003", "--cause", "BOREDOM"}).exit_code == 2);
  CHECK(done({"exit", "D003", "--cause", "RESIGNED", "--reason", "调任"}).at("state") == "EXITED");
  CHECK(done({"show", "D003"}).at("steps").at(0).at("reason") == "RESIGNED: 调任");
  done({"conflict", "D002", "9901210003", "--reason", "R2"});
  CHECK(has(run({"conflict", "D002", "9901210003", "--reason", "R9"}).err, "2417"));
  CHECK_FALSE(done({"show", "D002"}).at("conflicts").empty());
  done({"term", "D002", "--from", "2020-09-01", "--to", "2020-12-31"});
  CHECK(done({"list", "--state", "EXITED"}).at("inspectors").size() == 1);

  // More schools than a zone has as a rule are shown, and keep nobody from anything.
  std::string zones = "督学编号,学校标识码,责任期至\r\n";
  for (int n = 1; n <= 21; ++n) zones += "D004,99012100" + std::to_string(100 + n).substr(1) + ",\r\n";
  spill(desk.folder / "zones.csv", zones);
  CHECK(done({"show", "D004"}).at("zone_beyond_rule") == false);
  CHECK(desk.done({"import-zones", desk.folder / "zones.csv", "--map", kSample + "zones.columns"}).at("refused_rows") ==
        0);
  CHECK(done({"show", "D004"}).at("zone_schools").get<int>() >= 21);
  CHECK(done({"show", "D004"}).at("zone_beyond_rule") == true);
  CHECK(desk.run({"rebuild"}).exit_code == 0);
}

TEST_CASE("training, what is short of it, and the yearly assessment are entered and seen by commands") {
  const Desk desk;
  desk.fill();
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "inspector");
    return desk.run(arguments);
  };
  const auto done = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "inspector");
    return desk.done(arguments);
  };
  const std::size_t all = done({"list"}).at("inspectors").size();
  CHECK(done({"list", "--short-of-training"}).at("inspectors").size() == all);
  CHECK(has(run({"train", "D001", "--hours", "0", "--title", "集中培训"}).err, "4505"));
  json trained = done({"train", "D001", "--hours", "40", "--title", "集中培训", "--provider", "省教育厅"});
  CHECK(trained.at("n") == 1);
  CHECK(trained.at("training").at("missing") == 0);
  CHECK(done({"list", "--short-of-training"}).at("inspectors").size() == all - 1);
  const json counted = desk.done({"statistics", "training"});
  bool found = false;
  for (const json& line : counted.at("lines")) {
    if (line.at("group").at(1) != "D001") continue;
    found = true;
    CHECK(line.at("figures") == json({40, 40, 0}));
    const std::string unit = line.at("group").at(0);
    CHECK(counted.at("names").at("inspector").at("D001") == "傅慧敏");
    const json under = desk.done({"explain", "training", "hours", "--group", unit + ",D001"});
    CHECK(under.at("value") == 40);
    CHECK(under.at("statements").size() == 1);
  }
  CHECK(found);
  const std::string year = trained.at("training").at("year").dump();
  CHECK(has(run({"assessment", "decide", "D001", "--year", year, "--grade", "BEST"}).err, "4507"));
  const json assessed = done({"assess", "D001", "--year", year});
  CHECK(assessed.at("decided").is_null());
  CHECK(assessed.at("inputs").at("shares").at("training").at("part") == 40);
  const std::string proposed = assessed.at("proposed");
  done({"assessment", "decide", "D001", "--year", year, "--grade", proposed});
  CHECK(done({"assess", "D001", "--year", year}).at("decided") == proposed);
  CHECK(done({"show", "D001"}).at("assessments").at(0).at("inputs").at("format") == "dudao-assessment-1");
  CHECK(run({"assess", "D001", "--year", year}).exit_code == 0);
  CHECK(run({"void-training", "D001", "1"}).exit_code == 2);  // no reason
  done({"void-training", "D001", "1", "--reason", "重复登记"});
  CHECK(done({"list", "--short-of-training"}).at("inspectors").size() == all);

  const json gap = done({"list", "--gap", "--level", "县"}).at("gap");
  for (const json& one : gap) CHECK(one.at("missing").get<int>() > 0);
  CHECK(done({"list", "--unit", "990122"}).at("inspectors").size() < all);
  CHECK(has(run({"list", "--unit", "nowhere"}).err, "4133"));
  CHECK(run({"list", "--gap"}).exit_code == 0);
}

TEST_CASE("a checklist that nobody can have meant is not published") {
  const Desk desk;
  desk.found();
  const auto publish = [&](const std::string& items) {
    spill(
        desk.folder / "list.json",
        R"({"format":"dudao-checklist-1","code":"t","version":1,"title":"T","languages":["zh"],"sections":[{"code":"S",)"
        R"("title":"S","items":[{"code":"a","title":"A","type":"yes_no"},)" +
            items + "]}]}");
    return desk.run({"publish-template", desk.folder / "list.json"});
  };
  const Ran never = publish(R"({"code":"b","title":"B","type":"text","visible_if":"a and not a"})");
  CHECK(never.exit_code == 1);
  CHECK(has(never.err, "2119"));
  const Ran points = publish(R"({"code":"b","title":"B","type":"scale","min":1,"max":5,)"
                             R"("scoring":{"mode":"points","max":9,"weight":1}})");
  CHECK(points.exit_code == 1);
  CHECK(has(points.err, "2120"));
  CHECK(desk.done({"status"}).at("rows").at("template") == 0);
  CHECK(publish(R"({"code":"b","title":"B","type":"text","visible_if":"not a"})").exit_code == 0);
}

TEST_CASE("proceedings are opened, followed and published from the command line, with their limits") {
  const Desk desk;
  desk.fill();
  desk.done({"deadlines", "publish", kSample + "deadlines/china.json", "--code", "cn", "--title", "督导期限"});
  CHECK(desk.done({"deadlines", "due"}).at("due").empty());
  CHECK(desk.done({"proceeding", "proposals"}).at("proposals").empty());
  CHECK(has(desk.run({"proceeding", "open", "REVENGE", "--text", "x"}).err, "6024"));
  CHECK(has(desk.run({"proceeding", "open", "SANCTION", "--school", "9901210001", "--text", "拒不整改"}).err, "4603"));
  CHECK(has(desk.run({"proceeding", "open", "--proposal", "INTERVIEW:0199:3/1"}).err, "4601"));
  const json opened = desk.done({"proceeding", "open", "SANCTION", "--school", "9901210001", "--text", "拒不整改",
                                 "--basis", "《教育督导条例》第二十五条", "--code", "S-1", "--day", "2024-03-04"});
  CHECK(opened.at("code") == "S-1");
  CHECK(opened.at("state") == "PROPOSED");
  CHECK(opened.at("subject") == "9901210001");
  CHECK(opened.at("unit") == "990121100");
  CHECK(opened.at("heavier") == false);
  CHECK(has(desk.run({"proceeding", "step", "S-1", "close"}).err, "4602"));
  CHECK(has(desk.run({"proceeding", "step", "S-9", "close"}).err, "4601"));
  spill(desk.folder / "decision.txt", "问责决定书");
  const std::string document = desk.folder / "decision.txt";
  const auto step = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"proceeding", "step", "S-1"});
    words.insert(words.end(), {"--day", "2024-03-05"});
    return desk.done(words);
  };
  step({"form_team", "--text", "组长王处长", "--person", "王处长"});
  step({"investigate", "--text", "属实", "--document", document});
  step({"hear_plea", "--text", "无异议"});
  CHECK(step({"decide", "--text", "责令检查", "--document", document, "--measure", "SELF_EXAMINATION", "--measure",
              "CRITICISM"})
            .at("measures")
            .size() == 2);
  const json served = step({"serve", "--to", "云麓镇中心幼儿园"});
  CHECK(served.at("due") == "2024-04-04");
  CHECK(served.at("due_rule") == "CN-REVIEW-REQUEST");
  CHECK(desk.done({"deadlines", "due"}).at("due").empty());  // Years later nobody may ask any more.
  CHECK(has(desk.run({"proceeding", "step", "S-1", "file", "--to", "县政府", "--day", "2024-03-06"}).err, "4603"));
  step({"execute", "--text", "已作检查"});
  CHECK(has(desk.run({"proceeding", "step", "S-1", "file", "--to", "县政府", "--day", "2024-04-04"}).err, "4604"));
  CHECK(has(desk.run({"proceeding", "step", "S-1", "request_review", "--text", "申请", "--day", "2024-04-05"}).err,
            "4605"));
  desk.done({"proceeding", "step", "S-1", "file", "--to", "县政府", "--day", "2024-04-05"});
  desk.done({"proceeding", "step", "S-1", "publish", "--text", "园长薛彩虹拒不整改 <，已问责", "--day", "2024-04-05"});
  const json notices = desk.done({"proceeding", "publish-list"}).at("notices");
  REQUIRE(notices.size() == 1);
  CHECK(notices.at(0).at("about") == "云麓镇中心幼儿园");
  CHECK(notices.at(0).at("text") == "园长某某拒不整改 <，已问责");
  CHECK(has(desk.run({"proceeding", "publish-list", "--html"}).out, "拒不整改 &lt;，已问责"));

  const json shown = desk.done({"proceeding", "show", "S-1"});
  CHECK(shown.at("state") == "PUBLISHED");
  CHECK(shown.at("late") == false);
  CHECK(shown.at("sanctions_in_year") == 1);
  CHECK(shown.at("steps").at(1).at("person") == "王处长");
  CHECK(shown.at("steps").at(0).at("person") == "clerk");
  CHECK(shown.at("next") == json({"close"}));
  desk.done({"proceeding", "open", "SANCTION", "--school", "9901210001", "--text", "再次", "--basis", "第二十五条",
             "--day", "2024-05-06", "--code", "S-2"});
  CHECK(desk.done({"proceeding", "list"}).at("proceedings").size() == 2);
  CHECK(desk.done({"proceeding", "list", "--state", "PROPOSED"}).at("proceedings").at(0).at("code") == "S-2");
  CHECK(desk.done({"proceeding", "list", "--unit", "990100", "--kind", "SANCTION"}).at("proceedings").size() == 2);
  CHECK(desk.done({"proceeding", "list", "--unit", "990122"}).at("proceedings").empty());
  const auto again = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"proceeding", "step", "S-2"});
    return desk.done(words);
  };
  again({"form_team", "--text", "组长王处长"});
  again({"investigate", "--text", "属实", "--document", document});
  again({"hear_plea", "--text", "无异议"});
  again({"decide", "--text", "通报批评", "--document", document, "--measure", "PUBLIC_CRITICISM"});
  const std::string last = again({"serve", "--to", "云麓镇中心幼儿园"}).at("due");
  const json due = desk.done({"deadlines", "due", "--to", last}).at("due");
  REQUIRE(due.size() == 1);
  CHECK(due.at(0).at("step") == "DECISION_REVIEW_REQUEST");
  CHECK(due.at(0).at("day") == last);
  CHECK(due.at(0).at("proceeding") == "S-2");
  CHECK(due.at(0).at("overdue") == false);
  CHECK(desk.done({"deadlines", "due", "--to", "2024-04-30"}).at("due").empty());
  CHECK(has(desk.run({"deadlines", "due", "--from", "tomorrow"}).err, "6024"));
  CHECK(has(desk.run({"proceeding", "show", "S-1", "--lang", "zh"}).out, "下一步：close"));
  const json counted = desk.done({"statistics", "proceedings"});
  CHECK(counted.at("lines").size() == 2);
  const json explained = desk.done(
      {"explain", "proceedings", "proceedings", "--group", "990121100", "--group", "SANCTION", "--group", "PUBLISHED"});
  CHECK(explained.at("statements").size() == 9);
  desk.done({"rebuild"});
}

namespace {

const std::string kPassword = "a long enough password";

/// The same office at another screen: who is logged in there is nobody's business here.
struct Screen {
  Desk& desk;
  std::string name;

  Ran run(const std::vector<std::string>& arguments, const Environment& more = {}) const {
    Environment environment = desk.environment;
    environment["DUDAO_OFFICE_SESSION"] = file();
    environment["DUDAO_OFFICE_PASSWORD"] = "";
    environment["DUDAO_OFFICE_NEW_PASSWORD"] = "";
    for (const auto& [key, value] : more) environment[key] = value;
    return run_program("dudao-office", arguments, environment);
  }
  json done(std::vector<std::string> arguments, const Environment& more = {}) const {
    arguments.push_back("--json");
    const Ran ran = run(arguments, more);
    INFO(arguments.front() << ": " << ran.out << ran.err);
    REQUIRE(ran.exit_code == 0);
    json out = json::parse(ran.out, nullptr, false);
    REQUIRE(!out.is_discarded());
    return out;
  }
  std::string file() const { return desk.folder / ("sessions/" + name); }
  json log_in(const std::string& who) const { return done({"login", who}, {{"DUDAO_OFFICE_PASSWORD", kPassword}}); }
};

std::string code_now(const std::string& base32) {
  static const std::string kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  Bytes secret;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char letter : base32) {
    held = (held << 5U) | static_cast<std::uint32_t>(kLetters.find(letter));
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    secret.push_back(static_cast<std::uint8_t>(held >> static_cast<unsigned>(bits)));
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  return one_time_code(secret, now.count() / kOneTimeStep_ms);
}

struct Typed {
  std::string after;  ///< the prompt that is waited for
  std::string line;
};

/// Runs the program at a terminal of its own and types; exit code and all that stood on the screen.
Ran run_at_terminal(const std::vector<std::string>& arguments, const Environment& environment,
                    const std::vector<Typed>& talk) {
  Ran ran;
  std::string program = DUDAO_PROGRAMS "/dudao-office";
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = {program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    setenv("DUDAO_LANG", "en", 1);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  std::size_t said = 0;
  std::size_t searched = 0;
  while (true) {
    pollfd waiting{terminal, POLLIN, 0};
    if (poll(&waiting, 1, 60'000) <= 0) {
      kill(child, SIGKILL);
      break;
    }
    char piece[4096];
    const ssize_t n = read(terminal, piece, sizeof piece);
    if (n <= 0) break;  // EIO once the other end has closed it
    ran.out.append(piece, static_cast<std::size_t>(n));
    if (said == talk.size()) continue;
    const std::size_t at = ran.out.find(talk[said].after, searched);
    if (at == std::string::npos) continue;
    searched = at + talk[said].after.size();
    const std::string line = talk[said++].line + "\n";
    if (write(terminal, line.data(), line.size()) != static_cast<ssize_t>(line.size())) break;
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(terminal);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

}  // namespace

TEST_CASE("a password that is typed at a terminal is asked for in words and never shown") {
  Desk desk;
  desk.found();
  Environment environment = desk.environment;
  environment["DUDAO_OFFICE_PASSWORD"] = "";
  environment["DUDAO_OFFICE_NEW_PASSWORD"] = "";
  const std::vector<std::string> add = {"person", "add", "WANG", "--name", "Wang", "--roles", "ADMINISTRATOR"};
  const Ran differing =
      run_at_terminal(add, environment, {{"New password: ", kPassword}, {"New password: ", "something else entirely"}});
  CHECK(differing.exit_code == 1);
  CHECK(has(differing.out, "6024"));
  const Ran added = run_at_terminal(add, environment, {{"New password: ", kPassword}, {"New password: ", kPassword}});
  CHECK(added.exit_code == 0);
  CHECK(has(added.out, "Entered: WANG"));
  const Ran wrong = run_at_terminal({"login", "WANG"}, environment, {{"Your password: ", "not that password"}});
  CHECK(has(wrong.out, "4403"));
  CHECK(run_at_terminal({"login", "WANG"}, environment, {{"Your password: ", kPassword}}).exit_code == 0);
  // The screen shows no password, and everything else as it is typed.
  const Ran factor = run_at_terminal({"person", "second-factor"}, environment,
                                     {{"Your password: ", kPassword}, {"Code that it shows now: ", "000000"}});
  CHECK(factor.exit_code == 1);
  CHECK(has(factor.out, "000000"));
  for (const Ran& ran : {differing, added, wrong, factor}) {
    INFO(ran.out);
    CHECK_FALSE(has(ran.out, kPassword));
    CHECK_FALSE(has(ran.out, "not that password"));
  }
}

TEST_CASE("the first administrator ends the founding, and from then on people work under their own names") {
  Desk desk;
  desk.fill();
  const Screen wang{desk, "wang"};
  const Screen li{desk, "li"};
  CHECK(desk.done({"whoami"}).at("founding") == true);
  spill(desk.folder / "password", kPassword + "\r\nsecond line\n");
  // Nobody sits at a terminal here, and nothing was named that holds a password.
  if (access("/dev/tty", R_OK | W_OK) != 0)
    CHECK(has(wang.run({"person", "add", "WANG", "--name", "王处长", "--roles", "ADMINISTRATOR"}).err, "6024"));
  CHECK(has(wang.run({"person", "add", "LI", "--name", "李", "--roles", "PLANNER", "--password-file",
                      desk.folder / "password"})
                .err,
            "4402"));
  const json entered = wang.done({"person", "add", "WANG", "--name", "王处长", "--roles", "ADMINISTRATOR",
                                  "--password-file", desk.folder / "password"});
  CHECK(entered.at("person") == "WANG");
  CHECK(entered.at("roles") == json({"ADMINISTRATOR"}));

  // The founder's word counts no more.
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"status"}, {"visit", "list"}, {"whoami"}, {"backup", desk.folder / "copy"}, {"person", "list"}}) {
    const Ran refused = desk.run(command);
    CHECK(refused.exit_code == 1);
    CHECK(has(refused.err, "4405"));
  }
  CHECK(has(wang.run({"login", "WANG"}, {{"DUDAO_OFFICE_PASSWORD", "not this password"}}).err, "4403"));
  CHECK(has(wang.run({"login", "NOBODY"}, {{"DUDAO_OFFICE_PASSWORD", kPassword}}).err, "4403"));
  CHECK_FALSE(std::filesystem::exists(wang.file()));
  const json in = wang.done({"login", "WANG", "--password-file", desk.folder / "password"});
  CHECK(in.at("confined") == true);
  CHECK_FALSE(in.contains("session"));
  namespace fs = std::filesystem;
  const auto others = fs::perms::group_all | fs::perms::others_all;
  CHECK((fs::status(wang.file()).permissions() & others) == fs::perms::none);
  std::string token = slurp(wang.file());
  REQUIRE(token.size() == 65);
  CHECK_FALSE(has(slurp(desk.folder / "office/office.db"), token.substr(0, 64)));

  // An administrator sets up the second factor before anything else.
  CHECK(has(wang.run({"status"}).err, "4409"));
  const json factor = wang.done({"person", "second-factor"}, {{"DUDAO_OFFICE_PASSWORD", kPassword}});
  CHECK(factor.at("uri").get<std::string>().starts_with("otpauth://totp/test.dudao%2Foffice:WANG?secret="));
  CHECK(has(wang.run({"person", "second-factor", "--confirm", "12345"}).err, "4403"));
  wang.done({"person", "second-factor", "--confirm", code_now(factor.at("secret"))});
  CHECK(wang.done({"status"}).at("rows").at("school") == 60);
  CHECK(has(li.run({"login", "WANG"}, {{"DUDAO_OFFICE_PASSWORD", kPassword}}).err, "4409"));

  const auto add = [&](const std::string& who, const std::string& name, const std::string& roles,
                       const std::string& unit) {
    wang.done({"person", "add", who, "--name", name, "--roles", roles, "--unit", unit},
              {{"DUDAO_OFFICE_NEW_PASSWORD", kPassword}});
  };
  add("LI", "李科长", "COUNTY_OFFICER", "990121");
  CHECK(wang.done({"person", "list"}).at("people").size() == 2);
  const Ran listed = wang.run({"person", "list", "--lang", "zh"});
  CHECK(has(listed.out, "李科长"));
  CHECK(has(listed.out, "人数：2"));

  const auto plan = [&](const Screen& screen, const std::string& school) {
    return screen.run({"plan", "--school", school, "--team", "D001", "--template", "routine-visit", "--from",
                       "2026-03-02", "--to", "2026-03-06", "--reason", "随访", "--actor", "somebody else"});
  };
  const auto work = [&] {
    li.log_in("LI");
    CHECK(li.done({"whoami"}).at("unit") == "990121");
    CHECK(has(plan(wang, "9901210001").err, "4406"));
    CHECK(has(plan(li, "9901220001").err, "4407"));
    CHECK(plan(li, "9901210001").exit_code == 0);
    CHECK(has(li.run({"backup", desk.folder / "copy"}).err, "4406"));
    CHECK_FALSE(li.done({"visit", "list"}).at("visits").empty());
    li.done({"logout"});
    CHECK_FALSE(fs::exists(li.file()));
    CHECK(has(li.run({"visit", "list"}).err, "4405"));
    li.done({"logout"});
  };
  work();
  {
    Running office("dudao-office", {"serve", "--listen", "127.0.0.1:0", "--log", desk.folder / "log"},
                   desk.environment);
    REQUIRE(has(office.line(), "http://"));
    CHECK(wang.done({"status"}).at("serving") == true);
    CHECK(has(desk.run({"status"}).err, "4405"));
    work();
    CHECK(office.stop(SIGTERM) == 0);
  }
  const std::string log = slurp(desk.folder / "log");
  CHECK(has(log, "person=LI"));
  CHECK_FALSE(has(log, kPassword));

  // Passwords and roles change, and people leave.
  li.log_in("LI");
  const Environment both = {{"DUDAO_OFFICE_PASSWORD", kPassword}, {"DUDAO_OFFICE_NEW_PASSWORD", "quite another one"}};
  li.done({"person", "password"}, both);
  CHECK(has(li.run({"person", "password"}, both).err, "4403"));
  CHECK(has(li.run({"login", "LI"}, {{"DUDAO_OFFICE_PASSWORD", kPassword}}).err, "4403"));
  wang.done({"person", "password", "LI"}, {{"DUDAO_OFFICE_NEW_PASSWORD", kPassword}});
  li.log_in("LI");
  CHECK(wang.done({"person", "change", "LI", "--roles", "AUDITOR,REVIEWER"}).at("roles") ==
        json({"REVIEWER", "AUDITOR"}));
  CHECK(wang.done({"person", "change", "LI", "--unit", ""}).at("unit") == "");
  CHECK(has(plan(li, "9901210001").err, "4406"));
  CHECK(has(wang.run({"person", "second-factor", "LI"}).err, "6024"));
  wang.done({"person", "second-factor", "LI", "--remove"});
  CHECK(has(li.run({"whoami"}).err, "4405"));
  CHECK(has(wang.run({"person", "leave", "WANG"}).err, "4410"));
  wang.done({"person", "leave", "LI"});
  CHECK(has(li.run({"login", "LI"}, {{"DUDAO_OFFICE_PASSWORD", kPassword}}).err, "4403"));

  // Everything follows from the log, under the names of those who decided.
  wang.done({"rebuild"});
  const json exported = wang.done({"export-ledger", desk.folder / "ledger"});
  CHECK(run_program("dudao-audit", {"ledger", desk.folder / "ledger", "--office-key", exported.at("office_key")})
            .exit_code == 0);
  const std::string ledger = slurp(desk.folder / "ledger");
  CHECK_FALSE(has(ledger, "somebody else"));
  CHECK_FALSE(has(ledger, "argon2id"));
}
