#include "sync/office/one_time_code.hpp"

#include "platform/crypto.hpp"
#include "platform/hmac_sha1.hpp"

#include <algorithm>

namespace dudao {
namespace {

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return out;
}

}  // namespace

std::string one_time_code(BytesView secret, std::int64_t step, int digits) {
  std::array<std::uint8_t, 8> counter{};
  for (std::size_t i = 0; i < counter.size(); ++i)
    counter[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(step) >> (8 * (7 - i)));
  const auto mac = hmac_sha1(secret, counter);
  const std::size_t at = mac.back() & 15U;
  const std::uint32_t truncated = (static_cast<std::uint32_t>(mac[at] & 0x7fU) << 24U) |
                                  (static_cast<std::uint32_t>(mac[at + 1]) << 16U) |
                                  (static_cast<std::uint32_t>(mac[at + 2]) << 8U) | mac[at + 3];
  std::uint32_t modulus = 1;
  for (int i = 0; i < digits; ++i) modulus *= 10;
  const std::string number = std::to_string(truncated % modulus);
  return std::string(static_cast<std::size_t>(digits) - number.size(), '0') + number;
}

std::optional<std::int64_t> one_time_step(BytesView secret, std::string_view code, std::int64_t utc_ms,
                                          std::int64_t used) {
  const std::int64_t present = utc_ms / kOneTimeStep_ms;
  for (std::int64_t step = std::max(present - 1, used + 1); step <= present + 1; ++step)
    if (equal_constant_time(view(one_time_code(secret, step)), view(code))) return step;
  return std::nullopt;
}

std::string to_base32(BytesView bytes) {
  static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    held = (held << 8U) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) out += kLetters[(held >> (bits - 5)) & 31U];
    held &= (1U << bits) - 1;
  }
  if (bits > 0) out += kLetters[(held << (5 - bits)) & 31U];
  return out;
}

std::string otpauth_uri(std::string_view issuer, std::string_view person, BytesView secret) {
  const std::string by = percent_encoded(issuer);
  return "otpauth://totp/" + by + ":" + percent_encoded(person) + "?secret=" + to_base32(secret) + "&issuer=" + by +
         "&algorithm=SHA1&digits=6&period=30";
}

}  // namespace dudao
