#pragma once

/// The part of XPath that XLSForms write in relevant, constraint, calculation and choice_filter, read into a tree.
/// What it means is the business of xlsform.cpp. Pure; any thread.
///
/// Read as meant, though not as written, and noted in `mended`: no-break and ideographic blanks between words,
/// "< =" for "<=", "$ {x}" for "${x}", typographic quotes, and a comparison that breaks off at the very end, whose
/// right side becomes 0.

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

inline constexpr std::size_t kMaxXPathBytes = 8'000;
inline constexpr std::size_t kMaxXPathDepth = 32;  ///< Parentheses, calls and signs within one another.

struct XPathNode {
  enum class Kind : std::uint8_t {
    kNumber,    ///< text: the digits, perhaps with a point
    kText,      ///< text: without its quotes
    kSelf,      ///< .
    kQuestion,  ///< ${name}, ../name or /data/group/name; text: the name
    kColumn,    ///< a bare name: in choice_filter a column of the choices
    kCall,      ///< text: the function's name
    kOperator,  ///< text: or and = != < <= > >= + - * div mod, or "neg" with one operand
  };
  Kind kind{};
  std::string text;
  std::vector<XPathNode> below;
  std::size_t position = 1;  ///< Byte in the source, from 1.
};

struct XPath {
  XPathNode root;
  std::vector<std::string> mended;  ///< In words, each once.
};

/// Error: kFormXPath with the position. `text` is UTF-8.
Result<XPath> parse_xpath(std::string_view text);

}  // namespace dudao
