#pragma once

/// Patterns for texts, as forms use them for telephone numbers and codes: a small part of what regular expressions can
/// be, with one meaning on every machine and time in proportion to pattern and text.
///
///     [0-9]{11}        [A-Z]{2}-\d+        (yes|no)?        .*@.*\..+
///
/// A pattern is for the whole text. Known: characters; . for any; [a-z_] and [^a-z]; \d \w \s and \D \W \S (of ASCII);
/// \ before any other sign for itself; ( ) or (?: ) and |; * + ? {n} {n,} {n,m}; ^ at the very beginning and $ at the
/// very end, which change nothing. Characters are Unicode code points, compared as they are.

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace dudao {

inline constexpr std::size_t kMaxPatternBytes = 500;
inline constexpr std::size_t kMaxPatternSteps = 2'000;  ///< Once counts are written out.
inline constexpr std::size_t kMaxPatternDepth = 16;     ///< Parentheses within one another.

/// Immutable; any thread.
class Pattern {
 public:
  /// Error: kChecklistExpression, saying what is wrong and at which byte of the pattern, from 1. `text` is UTF-8.
  static Result<Pattern> parse(std::string_view text);
  /// Is the whole text such? `text` is UTF-8.
  bool matches(std::string_view text) const;

 private:
  friend class PatternParser;

  /// Code points from the first to the second, both included.
  struct Set {
    std::vector<std::pair<char32_t, char32_t>> ranges;
    bool inverted = false;
    bool holds(char32_t c) const;
  };
  /// One step of a machine that follows all ways at once.
  struct Step {
    enum class Op : std::uint8_t { kTake, kSplit, kJump, kDone } op{};
    std::size_t a = 0;  ///< kTake: the set. kSplit, kJump: where to go on.
    std::size_t b = 0;  ///< kSplit: the other way.
  };

  void follow(std::size_t step, std::vector<std::size_t>& at, std::vector<bool>& seen) const;

  std::vector<Set> sets_;
  std::vector<Step> steps_;
};

}  // namespace dudao
