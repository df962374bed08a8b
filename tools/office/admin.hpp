#pragma once

/// What people at the office do, as methods on JSON: parameters in, a plain document out. dudao-office calls it on the
/// opened database, or through the socket of the office that is running (admin_socket.hpp); both give the same answer.

#include "platform/platform.hpp"
#include "schema/register_import.hpp"
#include "sync/office/login.hpp"
#include "sync/office/office.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  Logins& logins;
  std::string unit;                  ///< the caller's: lists show no more than it and what is below; empty: everything
  const LoggedIn* caller = nullptr;  ///< null while the office is being founded, and for kOpen
  Bytes token;                       ///< of the caller's session
  const AdminProgress& progress;
  bool serving = false;  ///< an office that answers devices

  /// Parameter of the name; `otherwise` when it is not there or null.
  std::string text(const char* name, std::string otherwise = {}) const;
  /// A list of them; none when it is not there.
  std::vector<std::string> texts(const char* name) const;
  /// The unit that a list was asked for; the caller's where none was named.
  std::string scope() const { return text("unit").empty() ? unit : text("unit"); }
  /// A day like 2026-03-02. Error: kOptionWrong, also when it is empty.
  Result<std::int64_t> day(const char* name) const;
  /// `otherwise` when it is empty.
  Result<std::int64_t> day(const char* name, std::int64_t otherwise) const;
  /// Nothing when it is empty.
  Result<std::optional<std::int64_t>> given_day(const char* name) const;
  /// The visit that the call is about. Error: kOptionWrong.
  Result<Bytes> visit() const;
};
/// The methods of an area, by name; each area has a file of its own.
using AdminArea = std::map<std::string_view, Result<nlohmann::json> (*)(const AdminCall&), std::less<>>;
const AdminArea& checklist_methods();
const AdminArea& device_methods();
const AdminArea& document_methods();
const AdminArea& draw_methods();
const AdminArea& figure_methods();
const AdminArea& finding_methods();
const AdminArea& inspector_methods();
const AdminArea& jurisdiction_methods();
const AdminArea& people_methods();
const AdminArea& plan_methods();
const AdminArea& proceeding_methods();
const AdminArea& register_methods();
const AdminArea& visit_methods();

// What areas show alike.
/// Bytes in hex.
nlohmann::json cell_json(const Value& cell);
/// A row by the names of its columns.
nlohmann::json row_json(const Table& table, const StoredRow& row);
/// {"code", "english", "chinese", "detail"}.
nlohmann::json error_json(const Error& error);
/// null for an empty text.
nlohmann::json text_or_null(std::string_view text);
/// "2026-03-02"; null where there is no day.
nlohmann::json date_or_null(const std::optional<std::int64_t>& day);

/// The organisation tree as it is. Errors: database errors.
Result<std::vector<OrgUnit>> known_units(Office& office);

/// May be called from any thread.
class Admin {
 public:
  /// Both outlive it. `serving`: an office that answers devices, as opposed to one that was opened for one command.
  /// `cost`: of passwords that are set through it.
  Admin(Platform& platform, Office& office, bool serving, PasswordCost cost = {})
      : platform_(platform), office_(office), serving_(serving), logins_(platform, office, cost) {}

  /// Methods are named as the commands are, e.g. "draw commit". Who decides: until somebody was entered as a person of
  /// the office, whoever `params.actor` names; from then on the person whose session (`params.session`, hex) it is, and
  /// only what their roles and their unit allow (access.hpp, gate.hpp).
  ///
  /// Errors: those of Office and of the imports, kOptionWrong, kFileWrite; kSessionOver, kNotAllowed, kOutsideUnit,
  /// kSecondFactorMissing (an administrator who has yet to set it up); kInternal for an unknown method or malformed
  /// parameters, which our own command line never sends.
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params, const AdminProgress& progress);
  /// The names of all methods.
  static std::vector<std::string_view> methods();

 private:
  Platform& platform_;
  Office& office_;
  bool serving_;
  Logins logins_;
};

}  // namespace dudao
