#pragma once

/// Passwords of the office's people: what may be one, and what is kept of it. password.cpp is the only file that
/// includes libargon2. All functions are pure but for the salt, and may be called from any thread.

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dudao {

inline constexpr std::size_t kMinPasswordChars = 12;
inline constexpr std::size_t kMaxPasswordChars = 128;

/// What one try costs, ours and an attacker's. The default is the second recommendation of RFC 9106, section 4, but for
/// the lanes: four would be four threads to the attacker, and to the office one after the other.
struct PasswordCost {
  std::uint32_t memory_kib = 64 * 1024;
  std::uint32_t passes = 3;
  std::uint32_t lanes = 1;
};

/// Errors: kPasswordWeak (detail: why), kTextNotUtf8.
Status check_password(std::string_view password, std::string_view code, std::string_view name);

/// "$argon2id$v=19$m=…,t=…,p=…$salt$hash" with a salt of its own. Error: kOutOfMemory.
Result<std::string> hash_password(std::string_view password, const PasswordCost& cost);

/// Whether it is the password that the encoded hash was made of, in time that does not depend on how it differs.
/// Errors: kOutOfMemory; kInternal where `encoded` is none of hash_password().
Result<bool> password_matches(const std::string& encoded, std::string_view password);

}  // namespace dudao
