#pragma once

/// Enumerators and the names by which they are stored and sent: a list of names in the order of the numbers.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace dudao {

/// The enumerator whose name it is; `first` is the number of the first name.
template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name,
                              std::size_t first) noexcept {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(static_cast<std::size_t>(found - names.begin()) + first);
}

/// "UNKNOWN" beyond the last.
template <std::size_t N>
std::string_view name_at(const std::array<std::string_view, N>& names, std::size_t index) noexcept {
  return index < N ? names[index] : std::string_view("UNKNOWN");
}

}  // namespace dudao
