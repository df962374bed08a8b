#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>;  ///< SHA-256

inline BytesView view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(BytesView bytes) { return {bytes.begin(), bytes.end()}; }
inline void append(Bytes& out, BytesView more) { out.insert(out.end(), more.begin(), more.end()); }

std::string to_hex(BytesView bytes);                        ///< Lower case.
std::optional<Bytes> from_hex(std::string_view hex);        ///< Either case; nothing else between the digits.
std::string to_base64(BytesView bytes);                     ///< RFC 4648 section 4, with padding.
std::optional<Bytes> from_base64(std::string_view base64);  ///< Strict: canonical padding, no white space.

/// The array with these bytes, if their number is right.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> to_array(BytesView bytes) {
  if (bytes.size() != N) return std::nullopt;
  std::array<std::uint8_t, N> out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

/// True if the bytes are UTF-8 as RFC 3629 defines it (no surrogates, shortest form).
bool is_utf8(BytesView bytes) noexcept;
/// The front of a text, for a message: whole characters of UTF-8 only, however it was cut or whatever came.
std::string_view excerpt(std::string_view text, std::size_t max_bytes) noexcept;
/// Code points in a text that is UTF-8.
std::size_t count_characters(std::string_view utf8) noexcept;

}  // namespace dudao
