#include "platform/crypto.hpp"
#include "schema/tables.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <csignal>
#include <optional>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao::test;
using nlohmann::json;

namespace {

const std::string kSample = DUDAO_SOURCE_DIR "/tools/sample/";

json parsed(const Ran& ran) {
  INFO(ran.out << ran.err);
  REQUIRE(ran.exit_code == 0);
  json out = json::parse(ran.out, nullptr, false);
  REQUIRE(!out.is_discarded());
  return out;
}

/// An office with the sample registers and one visit for D001, and the tablet of D001.
struct Town {
  TempFolder folder;
  Environment environment = {{"DUDAO_OFFICE_DATA", folder / "office"},
                             {"DUDAO_OFFICE_SECRET", folder / "secret/office"},
                             {"DUDAO_OFFICE_PASS_PHRASE", ""},
                             {"DUDAO_HOME", folder / "agent"}};
  std::optional<Running> serving;
  std::string url;

  Town() {
    office({"init", "--origin", "test.dudao/office"});
    for (const auto& [kind, file] : {std::pair{"org-units", "org_units"},
                                     {"schools", "schools"},
                                     {"inspectors", "inspectors"},
                                     {"zones", "zones"}})
      office({std::string("import-") + kind, kSample + file + ".csv", "--map", kSample + file + ".columns"});
    office({"publish-template", kSample + "checklists/food-and-safety.json"});
    office({"plan", "--school", "9901210001", "--team", "D001", "--template", "food-and-safety", "--from", "2026-01-01",
            "--to", "2028-08-31"});
  }
  void serve() {
    const std::string address = url.empty() ? "127.0.0.1:0" : url.substr(url.find("//") + 2);
    serving.emplace("dudao-office", std::vector<std::string>{"serve", "--listen", address, "--log", folder / "log"},
                    environment);
    const std::string said = serving->line();
    REQUIRE(has(said, "http://"));
    url = said.substr(said.find("http://"));
  }
  json office(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    return parsed(run_program("dudao-office", arguments, environment));
  }
  Ran agent(const std::vector<std::string>& arguments) const { return run_program("dudao", arguments, environment); }
  json done(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    return parsed(agent(arguments));
  }
  void enrol() const {
    const json offer = office({"enrol", "offer", "D001"});
    done({"office", "set", url, "--key", offer.at("office_key")});
    CHECK(done({"enrol", "request", "D001", "平板", "--code", offer.at("code")}).at("enrolled") == true);
  }
};

}  // namespace

TEST_CASE("the command line explains itself: help, unknown words, completion, an agent that is not enrolled") {
  const TempFolder folder;
  const Environment home = {{"DUDAO_HOME", folder / "agent"}};
  const Ran help = run_program("dudao", {"visit", "answer", "--help"}, home);
  CHECK(help.exit_code == 0);
  CHECK(has(help.out, "Examples:"));
  CHECK(has(run_program("dudao", {"visit", "answer", "--help", "--lang", "zh"}, home).out, "dudao visit answer"));
  const Ran unknown = run_program("dudao", {"visit", "dance"}, home);
  CHECK(unknown.exit_code != 0);
  CHECK(has(unknown.err, "--help"));
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran completion = run_program("dudao", {"completion", shell}, home);
    CHECK(completion.exit_code == 0);
    CHECK(has(completion.out, "check_in"));
  }
  CHECK(parsed(run_program("dudao", {"agent", "status", "--json"}, home)).at("enrolled") == false);
  const Ran early = run_program("dudao", {"sync", "run"}, home);
  CHECK(early.exit_code != 0);
  CHECK_FALSE(early.err.empty());
}

TEST_CASE("a visit goes from the plan to receipts through the command line, over a broken connection") {
  Town town;
  town.serve();
  town.enrol();
  town.done({"sync", "run"});
  const json visits = town.done({"visit", "list"}).at("visits");
  REQUIRE(visits.size() == 1);
  const std::string visit = visits.at(0).at("visit");
  REQUIRE(town.serving->stop(SIGTERM) == 0);

  town.done({"visit", "prepare", visit.substr(0, 12)});  // as people type it
  town.done({"visit", "check_in", visit, "--place", "36.7610,112.4139,8.5"});
  town.done({"visit", "answer", visit, "K1.01", "none"});
  const Ran outside = town.agent({"visit", "answer", visit, "S1.07", "11"});
  CHECK(outside.exit_code != 0);
  CHECK(has(outside.err, "21"));
  const Ran unknown = town.agent({"visit", "answer", visit, "Z9", "1"});
  CHECK(unknown.exit_code != 0);
  const json before = town.done({"visit", "get", visit});
  CHECK(before.at("answers").size() == 1);
  CHECK(town.agent({"visit", "submit", visit}).exit_code != 0);
  for (const auto& [item, value] : {std::pair{"S1.01", "true"},
                                    {"S1.02", "true"},
                                    {"S1.03", "2026-03-02"},
                                    {"S1.04", "860"},
                                    {"S1.05", "2"},
                                    {"S1.07", "7"}})
    town.done({"visit", "answer", visit, item, value});
  town.done({"finding", "add", visit, "ORDINARY", "北门未关", "--item", "S1.01"});
  town.done({"visit", "finish", visit});
  town.done({"visit", "feedback", visit, "总体良好"});
  spill(town.folder / "strokes", "0,0;1,1;2,3");
  town.done({"visit", "sign", visit, "HEAD", "SIGNED", "--name", "李校长", "--strokes", "@" + town.folder / "strokes"});
  town.done({"visit", "submit", visit});
  const json sheet = town.done({"visit", "feedback_sheet", visit});
  const Ran page = town.agent({"visit", "feedback_sheet", visit});
  CHECK(page.out == sheet.at("html").get<std::string>());
  CHECK(page.out.starts_with("<!DOCTYPE html>"));

  const Ran offline = town.agent({"sync", "run"});
  CHECK(offline.exit_code == 75);
  CHECK(has(offline.err, "1201"));
  CHECK(town.done({"agent", "status"}).at("waiting").get<int>() > 0);
  CHECK(town.office({"visit", "list"}).at("visits").at(0).at("state") == "ASSIGNED");

  town.serve();
  CHECK(town.done({"sync", "run"}).at("complete") == true);
  CHECK(town.done({"agent", "status"}).at("waiting") == 0);
  const json listed = town.done({"statement", "list"});
  for (const json& statement : listed.at("statements")) CHECK(statement.at("state") == "RECEIPTED");
  CHECK(town.office({"visit", "list"}).at("visits").at(0).at("state") == "RECEIVED");
  CHECK(town.done({"sync", "run"}).at("sent") == 0);  // nothing goes twice

  // The office's feedback sheet is the one that was handed over.
  const std::string pdf = town.folder / "sheet.pdf";
  const json printed = town.office({"document", "feedback", visit, "--out", pdf});
  CHECK(printed.at("hash") == sheet.at("hash"));
  CHECK(printed.at("number") == sheet.at("number"));
  CHECK(slurp(pdf).starts_with("%PDF-"));
  town.office({"document", "feedback", visit, "--html", "--out", town.folder / "sheet.html"});
  CHECK(slurp(town.folder / "sheet.html") == page.out);
  spill(town.folder / "words", "请尽快落实。");
  for (const auto& [kind, number] : {std::pair{"notice", "栖教督整〔2026〕12号"},
                                     {"opinion", "栖教督意〔2026〕12号"},
                                     {"report", "栖教督报〔2026〕12号"}}) {
    const json issued = town.office({"document", kind, visit, "--number", "12", "--word", "栖教督", "--issuer",
                                     "督导办", "--date", "2026-03-08", "--due", "2026-04-08", "--text",
                                     town.folder / "words", "--out", town.folder / "issued.pdf"});
    CHECK(issued.at("number") == number);
    CHECK(issued.at("date") == "2026-03-08");
    CHECK(slurp(town.folder / "issued.pdf").size() == issued.at("bytes"));
  }
  const auto wrong = [&](std::vector<std::string> arguments, const Environment& more = {}) {
    Environment around = town.environment;
    around.insert(more.begin(), more.end());
    arguments.insert(arguments.begin(), "document");
    return run_program("dudao-office", arguments, around);
  };
  CHECK(wrong({"notice", visit}).exit_code == 2);  // no number
  CHECK(has(wrong({"feedback", std::string(32, '0')}).err, "4102"));
  CHECK(has(wrong({"feedback", visit, "--out", town.folder / "none/sheet.pdf"}).err, "1005"));
  CHECK(
      has(wrong({"report", visit, "--number", "1", "--word", "x", "--issuer", "y", "--date", "8.3.2026"}).err, "6024"));
  town.office({"visit", "query", visit, "--item", "S1.04", "--reason", "人数与学籍不符"});
  town.done({"sync", "run"});
  CHECK(town.done({"visit", "get", visit}).at("questions").size() == 1);

  // From the finding to its end: notice, what the school says, and the re-inspection that takes it along.
  const json open = town.office({"finding", "list", "--visit", visit}).at("findings");
  REQUIRE(open.size() == 1);
  const std::string finding = open.at(0).at("finding");
  CHECK(has(run_program("dudao-office", {"finding", "notice", finding, "--due", "2020-01-01"}, town.environment).err,
            "4128"));
  CHECK(has(run_program("dudao-office", {"finding", "show", visit}, town.environment).err, "6024"));
  town.office({"finding", "notice", finding, "--due", "2099-01-01", "--superior", "县教育局", "--text", "限期关闭"});
  CHECK(town.office({"school-code", visit}).at("code").get<std::string>().size() == 32);
  town.office({"finding", "acknowledge", finding, "--person", "李校长"});
  town.office({"finding", "plan", finding, "--person", "李校长", "--responsible", "张主任", "--text", "加锁"});
  const std::string photo = "\xFF\xD8\xFF 已加锁";
  spill(town.folder / "after.jpg", photo);
  spill(town.folder / "no-photo.jpg", "text");
  const std::vector<std::string> report = {"finding",  "report", finding,  "--by",   "inspector",
                                           "--person", "D001",   "--text", "已加锁", "--after"};
  const auto with = [&](const std::string& file) {
    std::vector<std::string> all = report;
    all.push_back(town.folder / file);
    return all;
  };
  CHECK(has(run_program("dudao-office", with("no-photo.jpg"), town.environment).err, "4134"));
  CHECK(has(run_program("dudao-office", with("nowhere.jpg"), town.environment).err, "nowhere.jpg"));
  const json reported = town.office(with("after.jpg"));
  CHECK(reported.at("photos").at(0).at("shows") == "AFTER");
  std::filesystem::create_directory(town.folder / "photos");
  CHECK(town.office({"finding", "photos", finding, "--out", town.folder / "photos"}).at("photos").size() == 1);
  CHECK(slurp(town.folder / "photos/after-1.jpg") == photo);
  CHECK(reported.at("state") == "REPORTED");
  CHECK(reported.at("steps").size() == 4);
  CHECK(reported.at("steps").at(3).at("actor") == "inspector");
  const std::string again =
      town.office({"plan", "--school", "9901210001", "--team", "D001", "--template", "food-and-safety", "--from",
                   "2026-01-01", "--to", "2028-08-31", "--kind", "REINSPECT", "--finding", finding})
          .at("visit");
  town.done({"sync", "run"});
  CHECK(town.done({"visit", "get", visit}).at("rectifications").at(0).at("state") == "REPORTED");
  CHECK(town.done({"visit", "get", visit}).at("rectification_photos").at(0).at("sha256") ==
        dudao::to_hex(dudao::sha256(dudao::view(photo))));
  const json carried = town.done({"visit", "get", again}).at("carried_findings");
  REQUIRE(carried.size() == 1);
  CHECK(carried.at(0).at("report") == "已加锁");
  town.done({"visit", "check_in", again, "--reason", "室内无信号"});
  const std::string author = std::to_string(carried.at(0).at("finding_author").get<int>());
  const std::string n = std::to_string(carried.at(0).at("finding_n").get<int>());
  CHECK(has(town.agent({"finding", "judge", again, visit, author, n, "REJECTED"}).err, "5015"));
  CHECK(has(town.agent({"finding", "judge", again, visit, author, "9", "VERIFIED"}).err, "5029"));
  CHECK(has(town.agent({"visit", "finish", again}).err, "50"));
  town.done({"finding", "judge", again, visit, author, n, "VERIFIED"});
  CHECK(town.done({"visit", "get", again}).at("results").at(0).at("outcome") == "VERIFIED");

  // A machine without the font says so, and what can be done without it still is.
  REQUIRE(town.serving->stop(SIGTERM) == 0);
  spill(town.folder / "fonts.conf", "<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig/>");
  const Environment bare = {{"FONTCONFIG_FILE", town.folder / "fonts.conf"}};
  const Ran fontless = wrong({"feedback", visit, "--out", pdf}, bare);
  CHECK(fontless.exit_code != 0);
  CHECK(has(fontless.err, "2502"));
  CHECK(wrong({"feedback", visit, "--html", "--out", town.folder / "sheet.html"}, bare).exit_code == 0);
}

TEST_CASE("an office whose key is not the one on the paper is not believed, and the right one still is afterwards") {
  Town town;
  town.serve();
  const json offer = town.office({"enrol", "offer", "D001"});
  std::string other = offer.at("office_key");
  other[0] = other[0] == '0' ? '1' : '0';
  town.done({"office", "set", town.url, "--key", other});
  const Ran refused = town.agent({"enrol", "request", "D001", "平板", "--code", offer.at("code")});
  CHECK(refused.exit_code != 0);
  CHECK_FALSE(refused.err.empty());
  CHECK(town.done({"agent", "status"}).at("enrolled") == false);
  CHECK(town.agent({"sync", "run"}).exit_code != 0);
  town.done({"office", "set", town.url, "--key", offer.at("office_key")});
  CHECK(town.done({"enrol", "request", "D001", "平板", "--code", offer.at("code")}).at("enrolled") == true);
  CHECK(town.office({"devices"}).at("devices").size() == 1);
}

TEST_CASE("a key under a pass phrase opens with this pass phrase only") {
  const TempFolder folder;
  const Environment home = {{"DUDAO_HOME", folder / "agent"}};
  spill(folder / "right", "正确的口令\n");
  spill(folder / "wrong", "something else\n");
  const auto request = [&](const std::string& file) {
    return run_program("dudao", {"--pass-phrase-file", folder / file, "enrol", "request", "D001", "平板"}, home);
  };
  REQUIRE(run_program("dudao", {"--pass-phrase-file", folder / "right", "office", "set", "http://127.0.0.1:9"}, home)
              .exit_code == 0);
  CHECK(has(request("right").err, "1201"));  // the key is made, nobody answers
  const Ran wrong = request("wrong");
  CHECK(wrong.exit_code != 0);
  CHECK_FALSE(has(wrong.err, "1201"));
  CHECK(request("missing").exit_code != 0);
  CHECK(has(request("right").err, "1201"));
}

TEST_CASE("two programs never share a tablet's database, and one of a newer program is left alone") {
  Town town;
  town.serve();
  town.enrol();
  town.done({"sync", "run"});
  const std::string path = town.folder / "agent/data/agent.db";
  const auto refused = [&](const std::string& number) {
    for (const std::vector<std::string>& command : {std::vector<std::string>{"visit", "list"},
                                                    {"sync", "run"},
                                                    {"agent", "status"},
                                                    {"visit", "list", "--json"}}) {
      const Ran ran = town.agent(command);
      INFO(command.front() << ": " << ran.out << ran.err);
      CHECK(ran.exit_code != 0);
      CHECK(has(ran.out + ran.err, number));
    }
  };
  {
    auto other = dudao::open_database(path, dudao::Database::Mode::kOpen, dudao::DatabaseKind::kDevice);
    REQUIRE(other);
    refused("2002");
  }
  const json before = town.done({"visit", "list"});
  {
    auto newer = dudao::open_database(path, dudao::Database::Mode::kOpen, dudao::DatabaseKind::kDevice);
    REQUIRE(newer);
    REQUIRE((*newer)->script("PRAGMA user_version=1000"));
  }
  const std::string bytes = slurp(path);
  refused("2008");
  CHECK(slurp(path) == bytes);
  {
    auto back = dudao::Database::open(path, dudao::Database::Mode::kOpen, dudao::kDeviceApplicationId);
    REQUIRE(back);
    REQUIRE((*back)->script("PRAGMA user_version=" + std::to_string(dudao::kSchemaVersion)));
  }
  CHECK(town.done({"visit", "list"}) == before);
}
