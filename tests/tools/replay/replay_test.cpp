#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"
#include "tests/tools/replay/made_survey.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao::test;
using nlohmann::json;

namespace {

/// Must end well; what it printed as JSON.
json done(const Ran& ran) {
  INFO(ran.out << ran.err);
  REQUIRE(ran.exit_code == 0);
  return json::parse(ran.out);
}

std::vector<std::string> replay_arguments(const std::string& data, const std::string& state, int agents,
                                          int visits = 0) {
  return {"run",      "--json",
          "--data",   data,
          "--state",  state,
          "--agents", std::to_string(agents),
          "--visits", std::to_string(visits)};
}

/// The header and the first rows of a CSV file; a line break inside quotes ends none.
std::string first_rows(const std::string& csv, int rows) {
  bool quoted = false;
  for (std::size_t at = 0; at < csv.size(); ++at) {
    if (csv[at] == '"') quoted = !quoted;
    if (csv[at] == '\n' && !quoted && rows-- == 0) return csv.substr(0, at + 1);
  }
  return csv;
}

void check_proven(const json& out, std::size_t visits, const std::string& state) {
  CHECK(out.at("visits") == visits);
  CHECK(out.at("equal") == visits);
  CHECK(out.at("different").empty());
  CHECK(out.at("receipts_verified") == out.at("statements"));
  CHECK(out.at("statements").get<std::size_t>() >= visits);
  CHECK(out.at("ledger_sound") == true);
  CHECK(run_program("dudao-audit", {"ledger", state + "/ledger"}).exit_code == 0);
}

}  // namespace

TEST_CASE("made visits go through agents and office and come out equal, with rows that cannot be taken named") {
  const TempFolder folder;
  namespace fs = std::filesystem;
  fs::create_directories(folder / "data/nigeria-form");
  fs::create_directories(folder / "data/nigeria-visits");
  spill(folder / "data/nigeria-form/Education_17_04_2012__survey.csv", kSurvey);
  spill(folder / "data/nigeria-form/Education_17_04_2012__choices.csv", kChoices);
  spill(folder / "data/nigeria-visits/lgas.csv", kDistricts);
  std::vector<Cells> rows;
  for (int i = 0; i < 7; ++i) rows.push_back(good_row(i));
  rows.push_back(good_row(3));
  spill(folder / "data/nigeria-visits/visits_top3states.csv", csv(rows));

  const json out = done(run_program("dudao-replay", replay_arguments(folder / "data", folder / "state", 3), {}, 120));
  check_proven(out, 7, folder / "state");
  REQUIRE(out.at("refused").size() == 1);
  CHECK(out.at("refused").at(0).at("error").get<std::string>().find("2420") != std::string::npos);
  CHECK(out.at("recorded_here") == 7);

  SECTION("running it again does nothing twice") {
    const json again =
        done(run_program("dudao-replay", replay_arguments(folder / "data", folder / "state", 3), {}, 120));
    check_proven(again, 7, folder / "state");
    CHECK(again.at("recorded_here") == 7);
    CHECK(again.at("statements") == out.at("statements"));
  }
  SECTION("another number of agents does not fit what is there") {
    const Ran refused = run_program("dudao-replay", replay_arguments(folder / "data", folder / "state", 2), {}, 120);
    CHECK(refused.exit_code != 0);
    CHECK(refused.err.find("6024") != std::string::npos);
  }
  SECTION("a row that changed after it was recorded is named, with the fields") {
    rows[2]["num_classrms_total"] = "5";
    spill(folder / "data/nigeria-visits/visits_top3states.csv", csv(rows));
    const Ran ran = run_program("dudao-replay", replay_arguments(folder / "data", folder / "state", 3), {}, 120);
    CHECK(ran.exit_code == 3);
    const json differing = json::parse(ran.out).at("different");
    REQUIRE(differing.size() == 1);
    CHECK(differing.at(0).at("fields").at(0) == "num_classrms_total");
  }
}

TEST_CASE("real visits survive interruptions at any moment and come out equal") {
  if (!shared("/data/nigeria-visits/lgas.csv")) {
    WARN("skipped: the folder with the real visits is not present");
    return;
  }
  // Only the first rows of the large file: reading all of it takes longer than everything else that is tried here.
  const TempFolder folder;
  std::filesystem::create_directories(folder / "data/nigeria-form");
  std::filesystem::create_directories(folder / "data/nigeria-visits");
  for (const std::string file :
       {"nigeria-form/Education_17_04_2012__survey.csv", "nigeria-form/Education_17_04_2012__choices.csv",
        "nigeria-visits/lgas.csv", "nigeria-visits/visits_top3states.csv"}) {
    const auto whole = shared("/data/" + file);
    REQUIRE(whole);
    spill(folder / ("data/" + file), file == "nigeria-visits/visits_top3states.csv" ? first_rows(*whole, 60) : *whole);
  }
  const auto arguments = replay_arguments(folder / "data", folder / "state", 3);
  for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
    Running run("dudao-replay", arguments);
    for (int waited = 0; waited < 300; ++waited) {
      // Some way into the recording: an agent has its database and a journal with something in it.
      std::error_code none;
      const auto grown = std::filesystem::file_size(folder / "state/agents/002/data/agent.db-wal", none);
      if (!none && grown > 300'000) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    CHECK(run.stop(signal, 60) != 0);
  }
  const json out = done(run_program("dudao-replay", arguments, {}, 300));
  check_proven(out, 60, folder / "state");
  CHECK(out.at("refused").empty());
}

TEST_CASE("without the data the replay says what is missing") {
  const TempFolder folder;
  const Ran ran = run_program("dudao-replay", replay_arguments(folder / "none", folder / "state", 1));
  CHECK(ran.exit_code != 0);
  CHECK(ran.err.find("nigeria-form") != std::string::npos);
}
