#pragma once

/// The one place where a call to the office is let in or not: session, role, and whether what it names lies in the
/// caller's part of the tree. What lists show of the rest is left out by the methods that make them, with the same
/// Reach.

#include "sync/office/login.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

struct Admitted {
  std::string actor;               ///< whose decision it is: stands in the log
  std::optional<LoggedIn> caller;  ///< none while the office is being founded, and where no session is asked for
  Bytes token;
};

/// Until somebody was entered, everything is admitted: whoever may read the office's database founds it.
/// Errors: kSessionOver; kSecondFactorMissing (LoggedIn::confined); kNotAllowed (detail: the right); kOutsideUnit
/// (detail: what lies outside); kOptionWrong for a malformed id; database errors.
Result<Admitted> admit(Office& office, Logins& logins, std::string_view method, const nlohmann::json& params);

/// A fingerprint as it was read out, without what people put between its digits.
std::string plain_thumbprint(std::string typed);

/// Whether what a call names lies within the unit: the parameters visit, finding, findings, proposal and school of
/// every method; unit, person, inspector, device, thumbprint, draw, files and campaign where something is done to it,
/// since what is decided above may be seen below. What is not there passes: the method says so itself. Errors:
/// kOutsideUnit, kOptionWrong, database errors.
Status check_reach(Office& office, std::string_view unit, std::string_view method, Right right,
                   const nlohmann::json& params);

}  // namespace dudao
