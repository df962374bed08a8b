#pragma once

/// Lets the commands of dudao-office reach the office that is running: a Unix socket beside its database, mode 0600,
/// which answers nobody but the user that the office runs as. One line of JSON each way; progress lines in between.

#include "platform/error.hpp"
#include "tools/office/admin.hpp"

#include <memory>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

/// Answers one command at a time until it is destroyed. The database of `folder` must be open, so that nobody else is
/// listening there: what an office that was killed has left behind is cleared away.
class AdminSocket {
 public:
  /// Error: kListenFailed.
  static Result<std::unique_ptr<AdminSocket>> start(const std::string& folder, Admin& admin);
  ~AdminSocket();
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;

 private:
  AdminSocket(int listening, int wake_read, int wake_write, int folder, Admin& admin);
  void serve();
  void answer(int connection);

  int listening_, wake_read_, wake_write_, folder_;
  Admin& admin_;
  std::thread thread_;
};

/// The answer of the office that is running in the folder; nothing if none is. Errors: what it answered with,
/// kOfficeBrokeOff.
Result<std::optional<nlohmann::json>> ask_running_office(const std::string& folder, std::string_view method,
                                                         const nlohmann::json& params, const AdminProgress& progress);

}  // namespace dudao
