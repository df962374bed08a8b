#pragma once

/// What is thrown at the program, and what must hold whatever comes. Under libFuzzer one target a program, among the
/// ordinary tests all of them with their seeds and some thousand changes of each.

#include "platform/bytes.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace dudao::fuzz {

struct Target {
  std::string_view name;
  /// Ends the process when something that must hold does not.
  void (*run)(BytesView input);
  std::vector<Bytes> (*seeds)();
};

std::span<const Target> targets();
/// Null when there is none of this name.
const Target* find_target(std::string_view name);

}  // namespace dudao::fuzz
