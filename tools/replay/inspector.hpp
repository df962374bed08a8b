#pragma once

/// One inspector of the replay, in a process of their own: takes the tasks from the office, makes each visit through
/// the agent's door as people tap it, and sends everything. Can be stopped anywhere and started again.

#include "platform/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace dudao::replay {

/// What one inspector's agent did, over all its runs that ended by themselves.
struct Figures {
  std::int64_t visits = 0;  ///< recorded and submitted
  std::int64_t saves = 0;   ///< calls that had to be durable before they returned
  double record_s = 0;      ///< inside these calls
  double slowest_save_s = 0;
  std::int64_t exchanges = 0;
  std::int64_t sent_bytes = 0, received_bytes = 0;  ///< bodies and heads of HTTP, as the agent counts them
  double sync_s = 0;
  std::int64_t peak_memory_kib = 0;
  std::int64_t database_bytes = 0;
};
nlohmann::json to_json(const Figures& figures);
Figures figures_from(const nlohmann::json& document);

/// Highest resident memory of a running process, by its number or "self"; 0 where the system does not tell.
std::int64_t peak_memory_kib(const std::string& process);

/// From here on SIGINT and SIGTERM only set what stop_asked() tells. For a program's one main thread.
void stop_on_signals() noexcept;
bool stop_asked() noexcept;

double seconds_since(std::chrono::steady_clock::time_point began);

/// What an inspector is started with.
struct Assignment {
  std::string folder;     ///< holds work.json, which says what to answer; everything of the agent is kept here
  std::string inspector;  ///< code
  std::string office_url, office_key;
  std::string one_time_code;  ///< for an agent that is not enrolled
  bool send = false;          ///< send what is recorded; otherwise fetch the tasks and record
};

/// Does it, printing the number of finished visits (when sending: of statements that got receipts), one a line, and
/// leaves the figures in folder/figures.json.
/// Errors: kCancelled after SIGINT or SIGTERM, and whatever the agent's door answers.
Status run_inspector(const Assignment& assignment);

}  // namespace dudao::replay
