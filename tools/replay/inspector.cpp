#include "tools/replay/inspector.hpp"

#include "agent/agent.hpp"
#include "platform/desktop/desktop.hpp"
#include "platform/desktop/files.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>
namespace dudao::replay {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxWorkBytes = 256u << 20;
constexpr int kMaxSyncTries = 100;

// All that a signal handler reaches. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t stop_signalled = 0;

class ReplayedInspector {
 public:
  explicit ReplayedInspector(Assignment assignment) : assignment_(std::move(assignment)) {}

  Status open() {
    DesktopOptions options;
    options.keys.folder = assignment_.folder + "/keys";
    options.keys.data_folder = assignment_.folder + "/data";
    options.keys.machine_secret_file = assignment_.folder + "/secret/machine";
    options.log.least = Log::Level::kWarning;
    options.log.file = assignment_.folder + "/log";
    DUDAO_CHECK(files_.make_folder(assignment_.folder + "/data"));
    DUDAO_CHECK(files_.make_folder(assignment_.folder + "/secret"));
    DUDAO_TRY(desktop_, open_desktop_platform(std::move(options)));
    platform_.emplace(desktop_->view());
    DUDAO_TRY(agent_, Agent::open(*platform_, database()));
    agent_->set_cancelled([] { return stop_asked(); });
    if (const auto before = files_.read(assignment_.folder + "/figures.json", kMaxWorkBytes))
      figures_ = figures_from(json::parse(text(*before), nullptr, false));
    return {};
  }

  Status run() {
    const Status done = assignment_.send ? send() : record_all();
    figures_.peak_memory_kib = std::max(figures_.peak_memory_kib, peak_memory_kib("self"));
    std::error_code ignored;
    figures_.database_bytes = static_cast<std::int64_t>(std::filesystem::file_size(database(), ignored));
    DUDAO_CHECK(files_.write(assignment_.folder + "/figures.json", view(to_json(figures_).dump(2))));
    return done;
  }

 private:
  std::string database() const { return assignment_.folder + "/data/agent.db"; }

  Result<json> call(const char* method, json params) {
    const json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
    json answer = json::parse(agent_->call(request.dump()));
    if (!answer.contains("error")) return std::move(answer["result"]);
    const json& data = answer["error"]["data"];
    const CodeInfo* known = find_code(data["number"].get<std::uint16_t>());
    return fail(known ? known->code : Code::kInternal, std::string(method) + ": " + data["detail"].get<std::string>());
  }
  /// A call that is durable when it returns.
  Status save(const char* method, json params) {
    const auto began = Clock::now();
    DUDAO_CHECK(call(method, std::move(params)));
    const double took_s = seconds_since(began);
    figures_.record_s += took_s;
    figures_.slowest_save_s = std::max(figures_.slowest_save_s, took_s);
    ++figures_.saves;
    return {};
  }

  /// Until nothing waits; returns how many statements got their receipts. A broken exchange is repeated, as a device in
  /// the field would.
  Result<std::int64_t> sync() {
    std::int64_t receipted = 0;
    const auto began = Clock::now();
    Error last{Code::kNoConnection, {}};
    for (int tries = 0; tries < kMaxSyncTries; ++tries) {
      DUDAO_TRY(const json report, call("sync.run", json::object()));
      receipted += report["receipted"].get<std::int64_t>();
      figures_.exchanges += report["exchanges"].get<std::int64_t>();
      figures_.sent_bytes += report["sent_bytes"].get<std::int64_t>();
      figures_.received_bytes += report["received_bytes"].get<std::int64_t>();
      if (!report["refusals"].empty()) {
        const json& refusal = report["refusals"].front();
        const CodeInfo* known = find_code(refusal["number"].get<std::uint16_t>());
        return fail(known ? known->code : Code::kInternal, refusal["detail"].get<std::string>());
      }
      if (report["complete"] == true) {
        figures_.sync_s += seconds_since(began);
        return receipted;
      }
      const CodeInfo* known = find_code(report["error"]["number"].get<std::uint16_t>());
      last = {known ? known->code : Code::kInternal, report["error"]["detail"].get<std::string>()};
      if (stop_asked()) return fail(Code::kCancelled);
      if (!last.retryable()) return fail(last);
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    return fail(last);
  }

  Status send() {
    DUDAO_CHECK(call("office.set", {{"url", assignment_.office_url}, {"key", assignment_.office_key}}));
    DUDAO_TRY(const std::int64_t receipted, sync());
    std::cout << receipted << std::endl;
    return {};
  }

  Status record_all() {
    DUDAO_CHECK(call("office.set", {{"url", assignment_.office_url}, {"key", assignment_.office_key}}));
    DUDAO_TRY(const json status, call("agent.status", json::object()));
    if (status["enrolled"] == false) {
      DUDAO_CHECK(call("enrol.request", {{"inspector", assignment_.inspector},
                                         {"device_name", assignment_.inspector},
                                         {"code", assignment_.one_time_code}}));
    }
    DUDAO_CHECK(sync());
    DUDAO_TRY(const Bytes bytes, files_.read(assignment_.folder + "/work.json", kMaxWorkBytes));
    const json work = json::parse(text(bytes), nullptr, false);
    if (!work.is_object()) return fail(Code::kSettingsFile, assignment_.folder + "/work.json");
    DUDAO_TRY(const json visits, call("visit.list", json::object()));
    std::int64_t finished = 0;
    for (const json& visit : visits["visits"]) {
      if (stop_asked()) return fail(Code::kCancelled);
      const std::string school = visit["school"];
      const auto task = work.find(school);
      if (task == work.end()) return fail(Code::kSettingsFile, "work.json: " + school);
      DUDAO_CHECK(record(visit["visit"], visit["state"], *task));
      std::cout << ++finished << std::endl;
    }
    return {};
  }

  /// Goes on wherever the visit stands.
  Status record(const std::string& visit, std::string state, const json& task) {
    const json only = {{"visit", visit}};
    if (state == "ASSIGNED" || state == "READY") {
      DUDAO_CHECK(save("visit.check_in", {{"visit", visit}, {"place", task["place"]}}));
      DUDAO_CHECK(answer_all(visit, task["answers"], {}));
      state = "FEEDBACK";
    } else if (state == "IN_PROGRESS") {
      DUDAO_TRY(const json seen, call("visit.get", only));
      std::set<std::string> there;
      for (const auto& [item, value] : seen["answers"].items()) there.insert(item);
      DUDAO_CHECK(answer_all(visit, task["answers"], there));
      state = "FEEDBACK";
    }
    if (state == "FEEDBACK") {
      DUDAO_CHECK(save("visit.feedback", {{"visit", visit}, {"text", "As recorded in the survey."}}));
      DUDAO_CHECK(save(
          "visit.sign",
          {{"visit", visit}, {"role", "HEAD"}, {"outcome", "ABSENT"}, {"reason", "The survey took no signatures."}}));
      state = "SIGNED";
    }
    if (state == "SIGNED") {
      DUDAO_CHECK(save("visit.submit", only));
      ++figures_.visits;
    }
    return {};
  }

  Status answer_all(const std::string& visit, const json& answers, const std::set<std::string>& there) {
    for (const json& answer : answers)
      if (!there.contains(answer["item"].get<std::string>()))
        DUDAO_CHECK(save("visit.answer", {{"visit", visit}, {"item", answer["item"]}, {"value", answer["value"]}}));
    DUDAO_CHECK(save("finding.take_derived", {{"visit", visit}, {"language", "en"}}));
    return save("visit.finish", {{"visit", visit}});
  }

  Assignment assignment_;
  DesktopFiles files_;
  std::unique_ptr<DesktopPlatform> desktop_;
  std::optional<Platform> platform_;
  std::unique_ptr<Agent> agent_;
  Figures figures_;
};

}  // namespace

// Not getrusage(): what it tells is inherited from the program that started this one.
std::int64_t peak_memory_kib(const std::string& process) {
  const auto status = DesktopFiles().read("/proc/" + process + "/status", 1u << 20);
  if (!status) return 0;
  const std::string_view all = text(*status);
  const std::size_t at = all.find("VmHWM:");
  return at == std::string_view::npos ? 0 : std::strtoll(std::string(all.substr(at + 6, 20)).c_str(), nullptr, 10);
}

json to_json(const Figures& f) {
  return {{"visits", f.visits},
          {"saves", f.saves},
          {"record_s", f.record_s},
          {"slowest_save_s", f.slowest_save_s},
          {"exchanges", f.exchanges},
          {"sent_bytes", f.sent_bytes},
          {"received_bytes", f.received_bytes},
          {"sync_s", f.sync_s},
          {"peak_memory_kib", f.peak_memory_kib},
          {"database_bytes", f.database_bytes}};
}

Figures figures_from(const json& document) {
  Figures f;
  if (!document.is_object()) return f;
  f.visits = document.value("visits", f.visits);
  f.saves = document.value("saves", f.saves);
  f.record_s = document.value("record_s", f.record_s);
  f.slowest_save_s = document.value("slowest_save_s", f.slowest_save_s);
  f.exchanges = document.value("exchanges", f.exchanges);
  f.sent_bytes = document.value("sent_bytes", f.sent_bytes);
  f.received_bytes = document.value("received_bytes", f.received_bytes);
  f.sync_s = document.value("sync_s", f.sync_s);
  f.peak_memory_kib = document.value("peak_memory_kib", f.peak_memory_kib);
  f.database_bytes = document.value("database_bytes", f.database_bytes);
  return f;
}

void stop_on_signals() noexcept {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { stop_signalled = 1; });
}

bool stop_asked() noexcept { return stop_signalled != 0; }

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

Status run_inspector(const Assignment& assignment) {
  stop_on_signals();
  ReplayedInspector inspector(assignment);
  DUDAO_CHECK(inspector.open());
  return inspector.run();
}

}  // namespace dudao::replay
