#pragma once

/// One answer as both ends store it, and the form that the API shows to people's programs. Pure, no state, any thread.

#include "platform/error.hpp"
#include "platform/variant.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

struct Item;

/// What stands in the columns value, total and na_reason of table answer. By the item's type, `value` is
///   yes_no      integer 1 or 0
///   single      text: the option's code
///   multi       text: the codes of the chosen options, sorted bytewise, joined by ','; "" when none was chosen
///   scale       integer
///   integer     integer
///   decimal     integer, in units of 10^-decimals: 12.50 with two decimals is 1250
///   date        integer: days since 1970-01-01 in the proleptic Gregorian calendar
///   text        text, at least one character
///   count_of    integer present, and `total` the integer that it is out of: 18 of 20
///   calculated  never stored: always worked out again from the other answers
/// No value and a reason: not applicable (NA). No value and no reason: not answered, or taken back.
struct AnswerValue {
  Variant<std::monostate, std::int64_t, std::string> value;
  std::optional<std::int64_t> total;
  std::string na_reason;

  bool is_na() const noexcept { return !na_reason.empty(); }
  bool is_empty() const noexcept { return std::holds_alternative<std::monostate>(value) && !is_na(); }
  bool operator==(const AnswerValue&) const = default;
};

/// By item code.
using Answers = std::map<std::string, AnswerValue, std::less<>>;

/// Reads what the API takes: true, "code", ["a","b"] in any order, 12, "12.50" (text, or a whole number), "2026-09-01",
/// "free text", {"present":18,"of":20}, {"na":"why"}, or null for not answered. Checks form only: ask
/// Checklist::check_answer() whether the checklist takes it. Errors: kAnswerType, kAnswerOption (chosen twice),
/// kAnswerReasonMissing, kAnswerCalculated.
Result<AnswerValue> answer_from_json(const Item& item, const nlohmann::json& value);
/// The inverse: a decimal always with all its digits, chosen options in stored order. For a calculated item the value
/// is taken as an integer in units of 10^-decimals. An answer that does not fit the item's type gives null.
nlohmann::json answer_to_json(const Item& item, const AnswerValue& answer);

/// "12.50" for 1250 with two decimals.
std::string decimal_text(std::int64_t scaled, unsigned decimals);
/// 1250 for "12.5" with two decimals: an optional '-', digits, and at most `decimals` digits after a point, at most 15
/// digits in all once scaled. Nothing else is a number; nothing is ever rounded.
std::optional<std::int64_t> parse_decimal(std::string_view text, unsigned decimals);
/// "2026-09-01", for days of the years 1 to 9999.
std::string date_text(std::int64_t days);
/// Exactly YYYY-MM-DD and a day that exists.
std::optional<std::int64_t> parse_date(std::string_view text);

}  // namespace dudao
