#pragma once

/// The inspector's agent: one database, one key, one door. Everything that an app, the command line or a page can do
/// goes through call(); schema/agent-api.json describes each method, and what is not described there cannot be called.

#include "agent/visit_book.hpp"
#include "platform/platform.hpp"
#include "schema/sqlite.hpp"

#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace dudao {

/// Under which the agent's key is in the platform's key store.
inline constexpr std::string_view kDeviceKeyName = "device";

/// The OpenRPC document of the door, as JSON text with static storage.
std::string_view agent_api();

/// Used by one thread at a time. What a call reported as done is durable.
class Agent {
 public:
  /// Opens or makes the agent's database. `platform` outlives the agent. Errors: those of open_database.
  static Result<std::unique_ptr<Agent>> open(Platform& platform, const std::string& database_path);
  ~Agent();

  /// One JSON-RPC 2.0 request or batch, and its answer; empty for notifications only. Never fails: what goes wrong is
  /// in the answer's error, whose data hold our number, its class, and advice in English and Chinese. At most 4 MiB.
  /// Throws std::bad_alloc only where there is not even memory for the answer; then nothing of the call was saved by
  /// half.
  std::string call(std::string_view request);

  /// The oldest notification not yet taken ({"jsonrpc": "2.0", "method": …}), or empty.
  std::string poll();

  /// Asked during long calls; true stops them with kCancelled. May be set from another thread before the call only.
  void set_cancelled(std::function<bool()> cancelled) { cancelled_ = std::move(cancelled); }

 private:
  friend class AgentMethods;
  Agent(Platform& platform, std::unique_ptr<Database> db)
      : platform_(platform), db_(std::move(db)), book_(platform, *db_) {}

  Platform& platform_;
  std::unique_ptr<Database> db_;
  VisitBook book_;
  std::deque<std::string> notifications_;
  std::function<bool()> cancelled_;
};

}  // namespace dudao
