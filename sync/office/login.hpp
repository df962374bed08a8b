#pragma once

/// How people of the office prove who they are: password, second factor, session. Nothing of it stands in the log, and
/// a rebuild keeps it. Who they are and what they may do is access.hpp.

#include "platform/platform.hpp"
#include "sync/office/access.hpp"
#include "sync/office/office.hpp"
#include "sync/office/password.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace dudao {

inline constexpr std::int64_t kSessionIdle_ms = std::int64_t{8} * 3'600'000;
inline constexpr std::int64_t kSessionLife_ms = std::int64_t{24} * 3'600'000;
/// So many wrong tries are anybody's mistake; each one more doubles the time until the next may be made.
inline constexpr std::int64_t kFreeFailures = 5;
inline constexpr std::int64_t kFirstWait_ms = 30'000;
inline constexpr std::int64_t kLongestWait_ms = 3'600'000;

/// Who calls, as a session shows it.
struct LoggedIn {
  Person person;
  bool second_factor = false;  ///< set up and confirmed
  std::int64_t begun_utc_ms = 0;
  std::int64_t ends_utc_ms = 0;  ///< if it is not used any more

  /// An administrator who has yet to set up the second factor may do that and nothing else.
  bool confined() const noexcept { return person.has(Role::kAdministrator) && !second_factor; }
};

/// A second factor that was begun: what goes into the app.
struct SecondFactorOffer {
  std::string secret;  ///< base32
  std::string uri;     ///< "otpauth://…"
};

/// May be called from any thread. All functions that change something are durable when they return, and give database
/// errors besides. Passwords and codes are borrowed and never stand in an error or a log.
///
/// Wrong tries count for each person, over password and code together, also for codes of nobody: those are counted in
/// memory only, of some thousand names. What a try costs does not depend on whether there is such a person.
class Logins {
 public:
  /// Both outlive it. `cost` is of passwords that are set from now on.
  Logins(Platform& platform, Office& office, PasswordCost cost = {})
      : platform_(platform), office_(office), cost_(cost) {}

  /// A session: 32 bytes, of which only the hash is kept. `code`: of the second factor, where the person has one.
  /// Errors: kLoginWrong, kLoginSlowed (detail: the time, of the office's clock), kSecondFactorMissing (the password
  /// was right, the code is still to come).
  Result<Bytes> login(std::string_view person, std::string_view password, std::string_view code);
  /// Who it is, with their roles as they are now; use keeps a session alive, noted to the minute.
  /// Error: kSessionOver.
  Result<LoggedIn> who(BytesView token);
  /// No error where there was no such session.
  Status logout(BytesView token);

  /// Enters a person together with their first password: nobody is there who cannot log in. Returns the log index.
  /// Errors: those of enter_person() and check_password().
  Result<std::int64_t> enter(std::string_view actor, const Person& person, std::string_view password);
  /// The person leaves, and all their sessions end. Errors: those of part_with_person().
  Result<std::int64_t> leave(std::string_view actor, std::string_view person);
  /// In place of one that was forgotten; ends all sessions of the person. Errors: kPersonUnknown, those of
  /// check_password().
  Status set_password(std::string_view person, std::string_view password);
  /// For a new phone: the person logs in without second factor next time. Ends all their sessions. Error:
  /// kPersonUnknown.
  Status drop_second_factor(std::string_view person);

  // What people do for themselves; a right session is not enough, since it may be of a screen that was left open.
  /// Ends all other sessions of the person. Errors: as login() for the password; those of check_password().
  Status change_password(BytesView token, std::string_view password, std::string_view next);
  /// In place of the second factor before, which counts no more; where there is one, `code` is of it. `issuer`: what
  /// the app shows. Errors: kSessionOver, those of login().
  Result<SecondFactorOffer> begin_second_factor(BytesView token, std::string_view password, std::string_view code,
                                                std::string_view issuer);
  /// From now on it is asked for. Errors: kSessionOver, kLoginWrong, kLoginSlowed; kSecondFactorMissing where none was
  /// begun.
  Status confirm_second_factor(BytesView token, std::string_view code);

 private:
  struct Tries {
    std::int64_t failures = 0;
    std::int64_t not_before_utc_ms = 0;
  };
  Result<Credential> proven(std::string_view person, std::string_view password);
  Status take_code(Credential& credential, std::string_view code);
  Error failed(Credential& credential);
  static void count(Tries& tries, std::int64_t now_utc_ms);
  tl::unexpected<Error> slowed(std::int64_t not_before_utc_ms) const;
  Status keep(std::string_view person, const std::function<Status(Store& rows)>& change);
  Result<std::string> hashed(std::string_view person, std::string_view name, std::string_view password) const;

  Platform& platform_;
  Office& office_;
  PasswordCost cost_;
  std::mutex lock_;  ///< One try at a time: what the one before has counted must be known, and memory is bounded.
  std::map<Hash, Tries> strangers_;  ///< by the hash of the code that was given
};

}  // namespace dudao
