#pragma once

/// What people at the office do, as methods on JSON: parameters in, a plain document out. dudao-office calls it on the
/// opened database, or through the socket of the office that is running (admin_socket.hpp); both give the same answer.

#include "platform/platform.hpp"
#include "sync/office/office.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

/// How far a long step is.
using AdminProgress = std::function<void(std::string_view what, std::uint64_t done, std::uint64_t all)>;

/// One call, as the methods of an area see it.
struct AdminCall {
  Platform& platform;
  Office& office;
  const nlohmann::json& params;
  std::string actor;       ///< who decides
  std::int64_t today = 0;  ///< at the office

  /// Parameter of the name; empty when it is not there or null.
  std::string text(const char* name) const;
  /// A day like 2026-03-02; `otherwise` when it is empty. Error: kOptionWrong.
  Result<std::int64_t> day(const char* name, std::int64_t otherwise) const;
};
/// The methods of an area, by name; each area has a file of its own.
using AdminArea = std::map<std::string_view, Result<nlohmann::json> (*)(const AdminCall&), std::less<>>;
const AdminArea& inspector_methods();
const AdminArea& jurisdiction_methods();
const AdminArea& plan_methods();
const AdminArea& proceeding_methods();

/// A row by the names of its columns; bytes in hex.
nlohmann::json row_json(const Table& table, const StoredRow& row);

/// May be called from any thread.
class Admin {
 public:
  /// Both outlive it. `serving`: an office that answers devices, as opposed to one that was opened for one command.
  Admin(Platform& platform, Office& office, bool serving) : platform_(platform), office_(office), serving_(serving) {}

  /// Methods are named as the commands are, e.g. "draw commit". `params.actor` says who decides. Errors: those of
  /// Office and of the imports, kOptionWrong, kFileWrite; kInternal for an unknown method or malformed parameters,
  /// which our own command line never sends.
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params, const AdminProgress& progress);

 private:
  friend class AdminMethods;
  Platform& platform_;
  Office& office_;
  bool serving_;
};

}  // namespace dudao
