#include "sync/office/password.hpp"

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"

#include <argon2.h>

namespace dudao {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

}  // namespace

Status check_password(std::string_view password, std::string_view code, std::string_view name) {
  if (!is_utf8(view(password))) return fail(Code::kTextNotUtf8, "password");
  const std::size_t characters = count_characters(password);
  if (characters < kMinPasswordChars || characters > kMaxPasswordChars)
    return fail(Code::kPasswordWeak, std::to_string(characters) + " characters");
  if (password == code || password == name) return fail(Code::kPasswordWeak, password == code ? "code" : "name");
  return {};
}

Result<std::string> hash_password(std::string_view password, const PasswordCost& cost) {
  const Bytes salt = random_bytes(kSaltBytes);
  std::string encoded(argon2_encodedlen(cost.passes, cost.memory_kib, cost.lanes, kSaltBytes, kHashBytes, Argon2_id),
                      '\0');
  const int done = argon2id_hash_encoded(cost.passes, cost.memory_kib, cost.lanes, password.data(), password.size(),
                                         salt.data(), salt.size(), kHashBytes, encoded.data(), encoded.size());
  if (done == ARGON2_MEMORY_ALLOCATION_ERROR) return fail(Code::kOutOfMemory);
  if (done != ARGON2_OK) return fail(Code::kInternal, argon2_error_message(done));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<bool> password_matches(const std::string& encoded, std::string_view password) {
  const int done = argon2id_verify(encoded.c_str(), password.data(), password.size());
  if (done == ARGON2_MEMORY_ALLOCATION_ERROR) return fail(Code::kOutOfMemory);
  if (done != ARGON2_OK && done != ARGON2_VERIFY_MISMATCH) return fail(Code::kInternal, argon2_error_message(done));
  return done == ARGON2_OK;
}

}  // namespace dudao
