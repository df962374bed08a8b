#pragma once

/// The language of a checklist's conditions and calculations: small, without loops, integers only. Everything is
/// checked when a template is read; after that evaluation cannot fail and takes time in proportion to the text's
/// length.
///
///     boarding = 'yes' and (beds < boarders or answered(B2.04))
///     . = 999 or (. >= 0 and . <= classrooms)
///     ratio(pupils, teachers, 1) > 19.5
///
/// expression := or                                  text      := '...' with '' for one quote inside
/// or   := and {"or" and}                            number    := digits [ "." digits ], at most 15 and 6
/// and  := not {"and" not}                           item      := code of an item, or "." for the item itself
/// not  := "not" not | compare
/// compare := sum [("=" | "!=" | "<" | "<=" | ">" | ">=") sum | ["not"] "in" "(" literal {"," literal} ")"]
/// sum  := product {("+" | "-") product}
/// product := sign {("*" | "div" | "mod") sign}
/// sign := "-" sign | number | text | "true" | "false" | item | call | "(" or ")"
/// call := answered(item)             true if it has a value
///       | selected(item, 'option')   of a single or multi item
///       | count_selected(item)       of a multi item
///       | total(item)                the "of" of a count_of item, which itself stands for the number present
///       | if(condition, a, b)        | coalesce(a, b)      a, or b where a is absent
///       | ratio(a, b, decimals)      a / b, rounded half away from zero to so many decimals (0 to 6)
///       | date('2026-09-01')
///       and in dudao-checklist-2:
///       | floor(a) | abs(a)          the next whole number below or at a; a without its sign
///       | min(a, b, ...) | max(a, b, ...)      of at least two numbers, or of dates
///       | length(t)                  Unicode code points of a text
///       | contains(t, 'x') | starts_with(t, 'x') | ends_with(t, 'x')
///       | matches(t, '[0-9]{11}')    the whole text is as schema/pattern.hpp says
///
/// Absence. What is hidden, NA, not answered or not asked is absent. Arithmetic and comparison with something absent
/// are absent; and / or / not follow Kleene ("absent and false" is false, "absent or true" is true). At the top absent
/// means: visible_if hides, finding_if finds nothing, constraint accepts, met_if leaves the item out of the score.
/// Kinds. Numbers, dates, yes/no, texts do not mix, and options compare only with codes of that item's options. A
/// yes_no item is a condition by itself and equals 'yes' or 'no'. A multi item equals a code when that is all that was
/// chosen, and '' when none was. date - date is a number of days; date + number and date - number are dates. Decimals.
/// A value with d decimals is an integer in units of 10^-d. + - and comparisons scale the coarser side up;
/// * adds the decimals; div and mod scale both to the finer, then divide: `div` gives the whole quotient, cut towards
/// zero, without decimals; `mod` what is left, with the sign of the left side. div, mod and ratio by zero are absent.
/// Overflow. From the least and largest value of each item it is worked out when the template is read that no step can
/// leave 64 bits; where it could, the template is refused. Item values without min and max are within one billion.

#include "platform/error.hpp"
#include "schema/pattern.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

struct Item;

inline constexpr std::size_t kMaxExpressionBytes = 2'000;
inline constexpr std::size_t kMaxExpressionDepth = 16;  ///< Parentheses, calls, "not" and "-" within one another.
inline constexpr unsigned kMaxExpressionDecimals = 9;   ///< Of anything in between; more is refused.

/// What an expression works with: an item's value, or its own result.
struct ExpressionValue {
  bool known = false;       ///< False: absent.
  std::int64_t number = 0;  ///< Numbers scaled, dates as days, conditions as 0 and 1.
  std::string_view text;    ///< Texts and options, as stored.
  std::int64_t total = 0;   ///< count_of only.
};

/// The kind of an expression's result.
enum class ExpressionKind : std::uint8_t { kCondition, kNumber, kDate, kText, kOption, kOptions };

/// What is known of a result before any answer is.
struct ExpressionType {
  ExpressionKind kind{};
  unsigned decimals = 0;
  std::int64_t least = 0;  ///< Numbers and dates never leave these.
  std::int64_t most = 0;
};

/// One parsed expression. Immutable after check(); then evaluate() may be called from any thread.
class Expression {
 public:
  /// The index of an item with this code.
  using FindItem = std::function<std::optional<std::size_t>(std::string_view code)>;
  /// The item with an index. The pointer is used during the call only.
  using GetItem = std::function<const Item&(std::size_t index)>;

  /// `self` is the item that "." stands for, or nothing where "." has no meaning. Errors, with the byte position from 1
  /// in their detail: kChecklistExpression (form, length, depth), kChecklistReference (no such item).
  /// `format`: functions that came with a later one are not known.
  static Result<Expression> parse(std::string_view text, const FindItem& find, std::optional<std::size_t> self,
                                  unsigned format);

  /// Checks kinds, options and bounds; must be called once, after calculated items that it names have their bounds.
  /// Errors: kChecklistTypes, kChecklistReference (no such option), kChecklistOverflow.
  Result<ExpressionType> check(const GetItem& get);

  /// REQUIRES: check() succeeded. values: by item index.
  ExpressionValue evaluate(std::span<const ExpressionValue> values) const;
  /// True, false, or nothing when absent. REQUIRES: the result is a condition.
  std::optional<bool> holds(std::span<const ExpressionValue> values) const;

  /// The items that it looks at, ascending, each once.
  const std::vector<std::size_t>& references() const noexcept { return references_; }
  const std::string& source() const noexcept { return source_; }

 private:
  friend class ExpressionParser;
  friend class ExpressionChecker;
  friend class ExpressionTree;

  enum class Op : std::uint8_t {
    kNumber,
    kText,
    kTrue,
    kFalse,
    kDate,
    kItem,
    kTotal,
    kAnswered,
    kSelected,
    kCountSelected,
    kNegate,
    kNot,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kModulo,
    kRatio,
    kFloor,
    kAbs,
    kLeast,
    kGreatest,
    kLength,
    kContains,
    kStartsWith,
    kEndsWith,
    kMatches,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kAnd,
    kOr,
    kIn,
    kIf,
    kCoalesce,
  };
  /// One step of a machine with a stack: operands come before their operator.
  struct Step {
    Op op{};
    std::uint32_t position = 0;  ///< Byte in the source, from 1.
    std::size_t item = 0;
    std::int64_t number = 0;   ///< A literal; the number of literals of kIn; the decimals of kRatio.
    std::string text;          ///< A literal; the option of kSelected; what kContains and its kin look for.
    unsigned decimals = 0;     ///< Of a number literal.
    std::int64_t scale_a = 1;  ///< Set by check(): factors that bring operands to the same decimals.
    std::int64_t scale_b = 1;
    bool as_text = false;  ///< Set by check(): compare texts, not numbers.
    std::shared_ptr<const Pattern> pattern;
  };

  std::string source_;
  std::vector<Step> steps_;
  std::vector<std::size_t> references_;
  std::size_t stack_ = 0;  ///< The most operands at one time.
};

}  // namespace dudao
