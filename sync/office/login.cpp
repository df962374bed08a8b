#include "sync/office/login.hpp"

#include "schema/answer.hpp"
#include "schema/deadline.hpp"
#include "sync/office/one_time_code.hpp"

#include <algorithm>

namespace dudao {
namespace {

constexpr std::size_t kMaxStrangers = 4'096;
constexpr std::int64_t kMinute_ms = 60'000;
/// A clock that was put right by so much does not end the sessions of the morning.
constexpr std::int64_t kClockStep_ms = 5 * kMinute_ms;

std::string local_time(std::int64_t utc_ms, int offset_min) {
  // The next whole second: who waits until then has waited long enough.
  const std::int64_t local_s = (utc_ms + offset_min * kMinute_ms + 999) / 1000;
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::int64_t in_day_s = local_s % 86'400;
  return date_text(local_s / 86'400) + " " + two(in_day_s / 3600) + ":" + two(in_day_s / 60 % 60) + ":" +
         two(in_day_s % 60);
}

bool over(const LoginSession& session, std::int64_t now_utc_ms) {
  return session.begun_utc_ms > now_utc_ms + kClockStep_ms || session.begun_utc_ms + kSessionLife_ms <= now_utc_ms ||
         session.used_utc_ms + kSessionIdle_ms <= now_utc_ms;
}

/// A clock that was set back must not keep anybody out for longer than a wrong try may.
bool waits(std::int64_t not_before_utc_ms, std::int64_t now_utc_ms) {
  return now_utc_ms < not_before_utc_ms && not_before_utc_ms - now_utc_ms <= kLongestWait_ms;
}

bool confirmed(const Credential& credential) {
  return credential.totp_secret && credential.totp_last != kSecondFactorUnconfirmed;
}

}  // namespace

void Logins::count(Tries& tries, std::int64_t now_utc_ms) {
  ++tries.failures;
  if (tries.failures < kFreeFailures) return;
  std::int64_t wait_ms = kFirstWait_ms;
  for (std::int64_t i = kFreeFailures; i < tries.failures && wait_ms < kLongestWait_ms; ++i) wait_ms *= 2;
  tries.not_before_utc_ms = now_utc_ms + std::min(wait_ms, kLongestWait_ms);
}

tl::unexpected<Error> Logins::slowed(std::int64_t not_before_utc_ms) const {
  return fail(Code::kLoginSlowed, local_time(not_before_utc_ms, platform_.clock.utc_offset_min()));
}

/// One transaction beside the log: what a decision without rows does.
Status Logins::keep(std::string_view person, const std::function<Status(Store& rows)>& change) {
  return office_
      .decide(person, "login",
              [&](Store& rows) -> Result<ChangesBuilder> {
                DUDAO_CHECK(change(rows));
                return ChangesBuilder();
              })
      .map([](auto&&) {});
}

Error Logins::failed(Credential& credential) {
  Tries tries{credential.failures, credential.not_before_utc_ms};
  count(tries, platform_.clock.wall_utc_ms());
  credential.failures = tries.failures;
  credential.not_before_utc_ms = tries.not_before_utc_ms;
  platform_.log.write(Log::Level::kWarning, "login.refused",
                      "person=" + credential.person + " failures=" + std::to_string(tries.failures));
  const Status kept = keep(credential.person, [&](Store& rows) { return rows.put_credential(credential); });
  return kept ? Error{Code::kLoginWrong, {}} : kept.error();
}

/// The credential, if the password is right. The caller holds lock_.
Result<Credential> Logins::proven(std::string_view person, std::string_view password) {
  const std::int64_t now_utc_ms = platform_.clock.wall_utc_ms();
  std::optional<Credential> known;
  DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
    const auto found = active_person(rows, person);
    if (!found) return found.error().code == Code::kPersonUnknown ? Status() : fail(found.error());
    DUDAO_TRY(known, rows.credential(person));
    return {};
  }));
  if (known) {
    if (waits(known->not_before_utc_ms, now_utc_ms)) return slowed(known->not_before_utc_ms);
    DUDAO_TRY(const bool right, password_matches(known->password, password));
    if (!right) return fail(failed(*known));
    return *std::move(known);
  }
  const Hash name = sha256(view(person));
  if (const auto before = strangers_.find(name);
      before != strangers_.end() && waits(before->second.not_before_utc_ms, now_utc_ms))
    return slowed(before->second.not_before_utc_ms);
  DUDAO_CHECK(hash_password(password, cost_));
  if (strangers_.size() >= kMaxStrangers && !strangers_.contains(name)) strangers_.erase(strangers_.begin());
  count(strangers_[name], now_utc_ms);
  return fail(Code::kLoginWrong);
}

/// Whoever has a code again that was used must not get in, so the credential has to be kept before the caller goes on.
Status Logins::take_code(Credential& credential, std::string_view code) {
  if (code.empty()) return fail(Code::kSecondFactorMissing);
  const auto step = one_time_step(*credential.totp_secret, code, platform_.clock.wall_utc_ms(), credential.totp_last);
  if (!step) return fail(failed(credential));
  credential.totp_last = *step;
  return {};
}

Result<Bytes> Logins::login(std::string_view person, std::string_view password, std::string_view code) {
  const std::lock_guard guard(lock_);
  DUDAO_TRY(Credential credential, proven(person, password));
  if (confirmed(credential)) DUDAO_CHECK(take_code(credential, code));
  const std::int64_t now_utc_ms = platform_.clock.wall_utc_ms();
  credential.failures = 0;
  credential.not_before_utc_ms = 0;
  Bytes token = random_bytes(32);
  DUDAO_CHECK(keep(person, [&](Store& rows) -> Status {
    DUDAO_CHECK(rows.put_credential(credential));
    DUDAO_CHECK(rows.remove_old_login_sessions(now_utc_ms - kSessionLife_ms, now_utc_ms - kSessionIdle_ms));
    return rows.put_login_session({sha256(token), std::string(person), now_utc_ms, now_utc_ms});
  }));
  platform_.log.write(Log::Level::kInfo, "login", "person=" + credential.person);
  return token;
}

Result<LoggedIn> Logins::who(BytesView token) {
  const std::int64_t now_utc_ms = platform_.clock.wall_utc_ms();
  std::optional<LoginSession> session;
  LoggedIn out;
  DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
    DUDAO_TRY(session, rows.login_session(sha256(token)));
    if (!session || over(*session, now_utc_ms)) return fail(Code::kSessionOver);
    auto person = active_person(rows, session->person);
    if (!person) return person.error().code == Code::kPersonUnknown ? fail(Code::kSessionOver) : fail(person.error());
    out.person = *std::move(person);
    DUDAO_TRY(const auto credential, rows.credential(session->person));
    out.second_factor = credential && confirmed(*credential);
    return {};
  }));
  if (now_utc_ms - session->used_utc_ms >= kMinute_ms) {
    session->used_utc_ms = now_utc_ms;
    DUDAO_CHECK(keep(session->person, [&](Store& rows) -> Status {
      // It may have been ended meanwhile.
      DUDAO_TRY(const auto still, rows.login_session(session->token_hash));
      return still ? rows.put_login_session(*session) : fail(Code::kSessionOver);
    }));
  }
  out.begun_utc_ms = session->begun_utc_ms;
  out.ends_utc_ms = std::min(session->begun_utc_ms + kSessionLife_ms, session->used_utc_ms + kSessionIdle_ms);
  return out;
}

Status Logins::logout(BytesView token) {
  return keep("logout", [&](Store& rows) { return rows.remove_login_session(sha256(token)); });
}

Result<std::string> Logins::hashed(std::string_view person, std::string_view name, std::string_view password) const {
  DUDAO_CHECK(check_password(password, person, name));
  return hash_password(password, cost_);
}

Result<std::int64_t> Logins::enter(std::string_view actor, const Person& person, std::string_view password) {
  const std::lock_guard guard(lock_);
  DUDAO_TRY(std::string hash, hashed(person.code, person.name, password));
  DUDAO_TRY(const auto indices, office_.decide(actor, "person.enter", [&](Store& rows) -> Result<ChangesBuilder> {
    DUDAO_TRY(ChangesBuilder out, enter_person(rows, person));
    DUDAO_CHECK(rows.put_credential({person.code, std::move(hash), {}, 0, 0, 0}));
    return out;
  }));
  return indices.front();
}

Result<std::int64_t> Logins::leave(std::string_view actor, std::string_view person) {
  const std::lock_guard guard(lock_);
  DUDAO_TRY(const auto indices, office_.decide(actor, "person.leave", [&](Store& rows) -> Result<ChangesBuilder> {
    DUDAO_TRY(ChangesBuilder out, part_with_person(rows, person));
    DUDAO_CHECK(rows.remove_login_sessions_of(person));
    return out;
  }));
  return indices.front();
}

Status Logins::set_password(std::string_view person, std::string_view password) {
  const std::lock_guard guard(lock_);
  std::string name;
  DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Person found, active_person(rows, person));
    name = found.name;
    return {};
  }));
  DUDAO_TRY(std::string hash, hashed(person, name, password));
  return keep(person, [&](Store& rows) -> Status {
    DUDAO_CHECK(active_person(rows, person));
    DUDAO_TRY(auto credential, rows.credential(person));
    Credential next = credential ? *std::move(credential) : Credential{std::string(person), {}, {}, 0, 0, 0};
    next.password = std::move(hash);
    next.failures = 0;
    next.not_before_utc_ms = 0;
    DUDAO_CHECK(rows.put_credential(next));
    return rows.remove_login_sessions_of(person);
  });
}

Status Logins::drop_second_factor(std::string_view person) {
  const std::lock_guard guard(lock_);
  return keep(person, [&](Store& rows) -> Status {
    DUDAO_CHECK(active_person(rows, person));
    DUDAO_TRY(auto credential, rows.credential(person));
    if (!credential) return {};
    credential->totp_secret.reset();
    credential->totp_last = 0;
    DUDAO_CHECK(rows.put_credential(*credential));
    return rows.remove_login_sessions_of(person);
  });
}

Status Logins::change_password(BytesView token, std::string_view password, std::string_view next) {
  DUDAO_TRY(const LoggedIn caller, who(token));
  const std::lock_guard guard(lock_);
  DUDAO_TRY(Credential credential, proven(caller.person.code, password));
  DUDAO_TRY(credential.password, hashed(caller.person.code, caller.person.name, next));
  credential.failures = 0;
  return keep(caller.person.code, [&](Store& rows) -> Status {
    DUDAO_TRY(const auto session, rows.login_session(sha256(token)));
    if (!session) return fail(Code::kSessionOver);
    DUDAO_CHECK(rows.put_credential(credential));
    DUDAO_CHECK(rows.remove_login_sessions_of(caller.person.code));
    return rows.put_login_session(*session);
  });
}

Result<SecondFactorOffer> Logins::begin_second_factor(BytesView token, std::string_view password, std::string_view code,
                                                      std::string_view issuer) {
  DUDAO_TRY(const LoggedIn caller, who(token));
  const std::lock_guard guard(lock_);
  DUDAO_TRY(Credential credential, proven(caller.person.code, password));
  if (confirmed(credential)) DUDAO_CHECK(take_code(credential, code));
  credential.totp_secret = random_bytes(kSecondFactorBytes);
  credential.totp_last = kSecondFactorUnconfirmed;
  credential.failures = 0;
  DUDAO_CHECK(keep(caller.person.code, [&](Store& rows) { return rows.put_credential(credential); }));
  return SecondFactorOffer{to_base32(*credential.totp_secret),
                           otpauth_uri(issuer, caller.person.code, *credential.totp_secret)};
}

Status Logins::confirm_second_factor(BytesView token, std::string_view code) {
  DUDAO_TRY(const LoggedIn caller, who(token));
  const std::lock_guard guard(lock_);
  std::optional<Credential> credential;
  DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
    DUDAO_TRY(credential, rows.credential(caller.person.code));
    return {};
  }));
  if (!credential || !credential->totp_secret || confirmed(*credential)) return fail(Code::kSecondFactorMissing);
  if (waits(credential->not_before_utc_ms, platform_.clock.wall_utc_ms())) return slowed(credential->not_before_utc_ms);
  DUDAO_CHECK(take_code(*credential, code));
  credential->failures = 0;
  return keep(caller.person.code, [&](Store& rows) { return rows.put_credential(*credential); });
}

}  // namespace dudao
