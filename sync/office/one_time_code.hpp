#pragma once

/// The second factor: time-based one-time codes as every authenticator app computes them (RFC 6238 with SHA-1, steps of
/// 30 s, six digits). All functions are pure and may be called from any thread.

#include "platform/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dudao {

inline constexpr std::size_t kSecondFactorBytes = 20;  ///< of a secret, as RFC 4226 section 4 asks for
inline constexpr std::int64_t kOneTimeStep_ms = 30'000;

/// The code of a step, counted from 1970. digits: 6 to 8.
std::string one_time_code(BytesView secret, std::int64_t step, int digits = 6);

/// The step whose code it is: the present one or the one before or after it, since clocks differ, but newer than
/// `used`, since no code counts twice. Nothing if it is none of them.
std::optional<std::int64_t> one_time_step(BytesView secret, std::string_view code, std::int64_t utc_ms,
                                          std::int64_t used);

/// RFC 4648 section 6, without padding: what a person types into the app.
std::string to_base32(BytesView bytes);

/// What the app reads from a QR code: "otpauth://totp/ISSUER:PERSON?secret=…".
std::string otpauth_uri(std::string_view issuer, std::string_view person, BytesView secret);

}  // namespace dudao
