/// Kills a real office and real agents under load, again and again, and checks afterwards what each had been told:
///
///   every save that returned stands on its device and at the office, once;
///   every receipt that a device was given still verifies, in a ledger that is sound;
///   the office's rows are what its ledger gives.
///
///     dudao_kill_loop [--kills 100] [--agents 4] [--seed N]

#include "agent/agent.hpp"
#include "platform/desktop/desktop.hpp"
#include "platform/desktop/files.hpp"
#include "schema/register_import.hpp"
#include "sync/ledger_file.hpp"
#include "sync/office/office.hpp"
#include "sync/receipt.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// Twice what was seen to be saved, so that every kill hits somebody who saves.
constexpr std::size_t kNotesPerKill = 300;
constexpr int kNotesPerSync = 7;
constexpr std::size_t kVisits = 200;

[[noreturn]] void give_up(const std::string& what) {
  std::cerr << "kill loop: " << what << std::endl;
  std::_Exit(1);
}
template <class T>
T must(Result<T> result, const std::string& what) {
  if (!result) give_up(what + ": " + result.error().message());
  return *std::move(result);
}
void must(const Status& status, const std::string& what) {
  if (!status) give_up(what + ": " + status.error().message());
}

struct Machine {
  std::unique_ptr<DesktopPlatform> desktop;
  std::optional<Platform> platform;
};
Machine machine(const std::string& folder, const std::string& data) {
  DesktopOptions options;
  options.keys.folder = folder + "/keys";
  options.keys.data_folder = folder + "/" + data;
  options.keys.machine_secret_file = folder + "/secret";
  options.log.least = Log::Level::kError;
  options.log.file = folder + "/log";
  must(DesktopFiles().make_folder(folder + "/" + data), "folder");
  Machine out;
  out.desktop = must(open_desktop_platform(std::move(options)), "platform");
  out.platform.emplace(out.desktop->view());
  return out;
}

// ---- an agent's process: saves, now and then sends, and says what it was told. Ends by being killed, or, with
// "finish", when nothing waits any more.

json call(Agent& agent, const char* method, json params) {
  return json::parse(
      agent.call(json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}}.dump()));
}

int run_agent(const std::string& folder, const std::string& url, const std::string& inspector, const std::string& code,
              bool finish, std::size_t notes_per_visit) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Machine own = machine(folder, "data");
  const auto agent = must(Agent::open(*own.platform, folder + "/data/agent.db"), "agent");
  if (call(*agent, "office.set", {{"url", url}}).contains("error")) give_up("office.set");
  const auto sync = [&] {
    const json answer = call(*agent, "sync.run", json::object());
    // What the office refused would never come in; that is not what is tried here, so it must not be.
    if (answer.contains("result") && !answer["result"]["refusals"].empty())
      give_up(answer["result"]["refusals"].dump());
    if (answer.contains("error") && answer["error"]["data"]["class"] != "retry") give_up(answer["error"].dump());
    const json listed = call(*agent, "statement.list", {{"limit", 10}});
    for (const json& statement : listed["result"]["statements"])
      if (statement["state"] == "RECEIPTED")
        std::cout << "R " << statement["seq"] << ' ' << statement["id"].get<std::string>() << ' '
                  << statement["log_index"] << std::endl;
    return answer.contains("result") && answer["result"]["complete"] == true;
  };
  while (call(*agent, "agent.status", json::object())["result"]["enrolled"] == false) {
    const json asked = call(*agent, "enrol.request", {{"inspector", inspector}, {"device_name", "x"}, {"code", code}});
    if (asked.contains("error")) std::this_thread::sleep_for(20ms);
  }
  if (finish) {
    for (int tries = 0; tries < 200; ++tries)
      if (sync()) return 0;
    give_up(inspector + " could not finish");
  }
  json visits;
  do {
    sync();
    visits = call(*agent, "visit.list", json::object())["result"]["visits"];
  } while (visits.empty());
  int saves = 0;
  for (const json& visit : visits) {
    const json only = {{"visit", visit["visit"]}};
    json seen = call(*agent, "visit.get", only)["result"];
    std::size_t notes = seen["notes"].size();
    if (notes >= notes_per_visit) continue;
    if (seen["state"] == "ASSIGNED" || seen["state"] == "READY")
      if (call(*agent, "visit.check_in", {{"visit", visit["visit"]}, {"reason", "室内"}}).contains("error")) continue;
    for (; notes < notes_per_visit; ++notes) {
      const std::string token = inspector + "/" + visit["visit"].get<std::string>() + "/" + std::to_string(notes);
      const json saved = call(*agent, "note.add", {{"visit", visit["visit"]}, {"text", token}});
      if (saved.contains("error")) give_up(saved.dump());
      std::cout << "S " << token << std::endl;
      if (++saves % kNotesPerSync == 0) sync();
    }
  }
  std::cout << "D" << std::endl;
  while (true) sync();  // until killed
}

// ---- the other processes

struct Told {
  std::mutex lock;
  std::set<std::string> saved;
  std::set<std::size_t> done;                                             ///< agents that have nothing left to save
  std::map<std::string, std::pair<std::string, std::int64_t>> receipted;  ///< "agent/number": id, log index
};

struct Target {
  std::atomic<pid_t> id{-1};
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "agent")
    return run_agent(arguments.at(1), arguments.at(2), arguments.at(3), arguments.at(4), arguments.at(5) == "finish",
                     std::stoul(arguments.at(6)));
  int kills = 100;
  std::size_t agents = 4;
  std::uint64_t seed = std::random_device()();
  CLI::App app{"Kills a real office and real agents under load, and looks for what was lost or doubled."};
  app.add_option("--kills", kills, "how often")->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--agents", agents, "at once")->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--seed", seed, "of a run that is to begin as another did");
  CLI11_PARSE(app, argc, argv);
  std::cout << "seed " << seed << std::endl;
  const std::string notes_per_visit =
      std::to_string(1 + static_cast<std::size_t>(kills) * kNotesPerKill / (agents * kVisits));
  std::mt19937_64 chance(seed);

  const TempFolder folder;
  const std::string office_folder = folder / "office";
  const Environment environment = {{"DUDAO_OFFICE_DATA", office_folder},
                                   {"DUDAO_OFFICE_SECRET", folder / "secret"},
                                   {"DUDAO_OFFICE_PASS_PHRASE", ""}};
  if (run_program("dudao-office", {"init", "--origin", "kill.dudao/loop"}, environment).exit_code != 0)
    give_up("dudao-office init");

  const auto open_office = [&](Machine& place) {
    DesktopOptions options;
    options.keys.folder = office_folder + "/keys";
    options.keys.data_folder = office_folder;
    options.keys.machine_secret_file = folder / "secret";
    options.log.least = Log::Level::kError;
    place.desktop = must(open_desktop_platform(std::move(options)), "platform");
    place.platform.emplace(place.desktop->view());
    return must(Office::open(*place.platform, {.database = office_folder + "/office.db", .origin = "kill.dudao/loop"}),
                "office");
  };
  const auto inspector = [](std::size_t agent) { return "K" + std::to_string(agent + 1); };
  std::vector<std::string> codes;
  {
    Machine place;
    const auto office = open_office(place);
    must(office->decide("test", "register.import",
                        [&](Store&) -> Result<ChangesBuilder> {
                          ChangesBuilder rows;
                          School school;
                          school.code = "S1";
                          school.name = "学校";
                          rows.insert("school", row_of(school));
                          for (std::size_t agent = 0; agent < agents; ++agent) {
                            Inspector person;
                            person.code = person.name = inspector(agent);
                            person.lead = true;
                            rows.insert("inspector", row_of(person));
                          }
                          return rows;
                        }),
         "registers");
    must(office->publish_template("test", slurp(DUDAO_SOURCE_DIR "/tools/sample/checklists/routine-visit.json")),
         "checklist");
    std::vector<VisitPlan> plans;
    for (std::size_t agent = 0; agent < agents; ++agent) {
      VisitPlan plan;
      plan.school = "S1";
      plan.kind = "ROUTINE";
      plan.template_code = "routine-visit";
      plan.template_version = 1;
      plan.from_day = 20'000;
      plan.to_day = 30'000;
      plan.team = {inspector(agent)};
      plan.reason = "test";
      plans.insert(plans.end(), kVisits, plan);
    }
    must(office->plan("test", plans), "plan");
    for (std::size_t agent = 0; agent < agents; ++agent)
      codes.push_back(to_hex(must(office->offer_enrolment("test", inspector(agent)), "offer")));
  }

  // The office on one address, started again whenever it was killed.
  std::atomic<bool> stopping{false};
  Target office_target;
  std::string url;
  std::mutex url_lock;
  std::condition_variable url_known;
  std::thread office_keeper([&] {
    std::string address = "127.0.0.1:0";
    while (!stopping) {
      Running office("dudao-office", {"serve", "--listen", address, "--log", folder / "log"}, environment);
      office_target.id = office.id();
      const std::string said = office.line(20);
      if (const auto at = said.find("http://"); at != std::string::npos) {
        const std::lock_guard guard(url_lock);
        url = said.substr(at);
        address = url.substr(7);
        url_known.notify_all();
      }
      while (!stopping && !office.ended()) std::this_thread::sleep_for(5ms);
      office_target.id = -1;
      if (stopping) office.stop(SIGTERM);
    }
  });
  {
    std::unique_lock guard(url_lock);
    if (!url_known.wait_for(guard, 30s, [&] { return !url.empty(); })) give_up("the office did not start");
  }

  Told told;
  const auto listen = [&](Running& agent, std::size_t n) {
    // Lines that were not finished when the agent was killed are not read.
    for (std::string line = agent.line(60); !line.empty(); line = agent.line(60)) {
      const std::lock_guard guard(told.lock);
      if (line.starts_with("S ")) {
        if (!told.saved.insert(line.substr(2)).second) give_up("saved twice: " + line);
      } else if (line.starts_with("R ")) {
        std::istringstream words(line.substr(2));
        std::string seq;
        std::string id;
        std::int64_t index = 0;
        words >> seq >> id >> index;
        const auto [there, fresh] = told.receipted.emplace(inspector(n) + "/" + seq, std::pair(id, index));
        if (!fresh && there->second != std::pair(id, index)) give_up("another receipt: " + line);
      } else if (line == "D") {
        told.done.insert(n);
      }
    }
  };
  std::vector<Target> targets(agents);
  std::vector<std::thread> keepers;
  for (std::size_t n = 0; n < agents; ++n)
    keepers.emplace_back([&, n] {
      while (!stopping) {
        Running agent("dudao_kill_loop",
                      {"agent", folder / inspector(n), url, inspector(n), codes[n], "go", notes_per_visit});
        targets[n].id = agent.id();
        listen(agent, n);
        targets[n].id = -1;
        if (agent.stop(0, 60) != 128 + SIGKILL) give_up(inspector(n) + " ended by itself");
      }
    });

  const auto began = std::chrono::steady_clock::now();
  std::uniform_int_distribution<int> pause_ms(50, 500);
  std::uniform_int_distribution<std::size_t> whom(0, agents);
  int office_kills = 0;
  // On a busy machine nobody would live long enough to save anything, and nothing could get lost.
  constexpr int kPatience = 25;  // kills
  std::size_t saved_before = 0;
  int stretch = 1;
  int longest = 1;
  int kills_with_saves = 0;  // when everything was saved before the end
  for (int done = 0; done < kills;) {
    std::this_thread::sleep_for(stretch * std::chrono::milliseconds(pause_ms(chance)));
    const std::size_t victim = whom(chance);
    const pid_t id = victim == agents ? office_target.id.load() : targets[victim].id.load();
    if (id <= 0) continue;
    kill(id, SIGKILL);
    ++done;
    if (done % kPatience == 0) {
      const std::lock_guard guard(told.lock);
      const bool idle = told.saved.size() == saved_before && told.done.size() < agents;
      stretch = idle ? std::min(stretch * 2, 16) : std::max(stretch / 2, 1);
      longest = std::max(longest, stretch);
      saved_before = told.saved.size();
      if (told.done.size() == agents && kills_with_saves == 0) kills_with_saves = done;
    }
    office_kills += victim == agents ? 1 : 0;
  }
  // Agents first, while the office goes on: then each gets to its end.
  stopping = true;
  for (const Target& target : targets)
    if (const pid_t id = target.id.load(); id > 0) kill(id, SIGKILL);
  for (std::thread& keeper : keepers) keeper.join();
  office_keeper.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

  Running office("dudao-office", {"serve", "--listen", url.substr(7), "--log", folder / "log"}, environment);
  if (office.line(30).empty()) give_up("the office did not start again");
  for (std::size_t n = 0; n < agents; ++n) {
    Running agent("dudao_kill_loop",
                  {"agent", folder / inspector(n), url, inspector(n), codes[n], "finish", notes_per_visit});
    listen(agent, n);
    if (agent.stop(0, 60) != 0) give_up(inspector(n) + " did not finish");
  }
  office.stop(SIGTERM);

  // ---- what was promised
  Machine place;
  const auto held = open_office(place);
  std::map<std::string, int> at_office;
  must(held->read([&](Store& rows) {
    return rows.each_row(*find_table("note"), [&](const StoredRow& row) -> Status {
      ++at_office[std::get<std::string>(row.cells[4])];
      return {};
    });
  }),
       "read");
  if (told.saved.empty())
    give_up("nothing was saved, so that nothing is shown: try again on a machine that is less busy");
  for (const std::string& token : told.saved)
    if (!at_office.contains(token)) give_up("lost: " + token);
  for (const auto& [token, times] : at_office)
    if (times != 1) give_up("doubled: " + token);
  Bytes ledger;
  must(held->export_ledger([&](BytesView piece) -> Status {
    append(ledger, piece);
    return {};
  }),
       "export");
  const LedgerReport report = check_ledger(ledger, held->key().thumbprint());
  if (!report.sound()) give_up("ledger: " + report.problems.front().error.message());
  must(held->rebuild(), "rebuild");
  std::size_t receipts = 0;
  std::size_t on_devices = 0;
  for (std::size_t n = 0; n < agents; ++n) {
    Machine own = machine(folder / inspector(n), "data");
    const auto agent = must(Agent::open(*own.platform, folder / inspector(n) + "/data/agent.db"), "agent");
    const json listed = call(*agent, "visit.list", json::object());
    for (const json& visit : listed["result"]["visits"])
      on_devices += call(*agent, "visit.get", {{"visit", visit["visit"]}})["result"]["notes"].size();
    for (int seq = 1;; ++seq) {
      const json one = call(*agent, "statement.get", {{"seq", seq}});
      if (one.contains("error")) break;
      if (one["result"]["receipt"].is_null()) give_up("no receipt at the end");
      const Bytes statement = from_base64(one["result"]["statement"].get<std::string>()).value();
      const Bytes receipt = from_base64(one["result"]["receipt"].get<std::string>()).value();
      const Receipt proven = must(verify_receipt(receipt, statement, held->key()), "receipt");
      if (const auto root = report.roots.find(proven.size); root == report.roots.end() || root->second != proven.root)
        give_up("a receipt is of another log than the one that the checkpoint signs");
      must(held->read([&](Store& rows) -> Status {
        DUDAO_TRY(const auto entry, rows.entry(proven.index));
        if (!entry || entry->bytes != statement) give_up("a receipt names a place where something else stands");
        return {};
      }),
           "read");
      const auto said = told.receipted.find(inspector(n) + "/" + std::to_string(seq));
      if (said != told.receipted.end() &&
          (said->second.second != proven.index ||
           said->second.first != to_hex(must(parse_statement(statement), "statement").id)))
        give_up("a receipt that was told is not the one that is kept");
      ++receipts;
    }
  }
  if (on_devices != at_office.size())
    give_up("devices hold " + std::to_string(on_devices) + " notes, the office " + std::to_string(at_office.size()));
  if (receipts != static_cast<std::size_t>(report.change_sets)) give_up("change sets without a receipt");
  std::cout << kills << " kills in " << static_cast<int>(seconds) << " s, pauses of " << 50 * longest << " to "
            << 500 * longest << " ms at the longest, " << office_kills << " of the office; " << told.saved.size()
            << " saves acknowledged, " << at_office.size() << " at the office; " << receipts
            << " receipts verify; ledger of " << report.statements << " statements sound; lost 0, doubled 0"
            << std::endl;
  if (kills_with_saves > 0) std::cout << "nothing was left to save after " << kills_with_saves << " kills" << std::endl;
  return 0;
}
