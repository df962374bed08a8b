#include "schema/answer.hpp"

#include "schema/checklist.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;
using std::int64_t;
using std::string;
using std::string_view;

tl::unexpected<Error> wrong(const Item& item, string_view wanted) {
  return fail(Code::kAnswerType, item.code + ": " + string(to_string(item.type)) + " takes " + string(wanted));
}

std::optional<int64_t> integer(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(kMaxNumber)) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  return std::nullopt;
}

std::optional<string> plain(const json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<string>();
}

/// Exactly these members and no others.
bool has_only(const json& object, std::initializer_list<const char*> names) {
  return object.is_object() && object.size() == names.size() &&
         std::all_of(names.begin(), names.end(), [&](const char* name) { return object.contains(name); });
}

Result<AnswerValue> choices(const Item& item, const json& value) {
  if (!value.is_array()) return wrong(item, "an array of codes");
  std::vector<string> codes;
  for (const json& code : value) {
    const std::optional<string> text = plain(code);
    if (!text) return wrong(item, "an array of codes");
    codes.push_back(*text);
  }
  std::sort(codes.begin(), codes.end());
  if (std::adjacent_find(codes.begin(), codes.end()) != codes.end())
    return fail(Code::kAnswerOption, item.code + ": an option is chosen twice");
  string joined;
  for (const string& code : codes) {
    // Here, since joining would hide it: a comma or nothing would be read back as other options.
    if (code.empty() || code.find(',') != string::npos)
      return fail(Code::kAnswerOption, item.code + ": no such option");
    if (!joined.empty()) joined += ',';
    joined += code;
  }
  return AnswerValue{joined, std::nullopt, ""};
}

json split(string_view chosen) {
  json codes = json::array();
  while (!chosen.empty()) {
    const size_t comma = chosen.find(',');
    codes.push_back(string(chosen.substr(0, comma)));
    if (comma == string_view::npos) break;
    chosen.remove_prefix(comma + 1);
  }
  return codes;
}

}  // namespace

Result<AnswerValue> answer_from_json(const Item& item, const json& value) {
  if (item.type == ItemType::kCalculated) return fail(Code::kAnswerCalculated, item.code);
  if (value.is_null()) return AnswerValue{};
  if (has_only(value, {"na"})) {
    const std::optional<string> reason = plain(value["na"]);
    if (!reason || reason->find_first_not_of(" \t\r\n") == string::npos)
      return fail(Code::kAnswerReasonMissing, item.code);
    return AnswerValue{{}, std::nullopt, *reason};
  }
  switch (item.type) {
    case ItemType::kYesNo:
      if (!value.is_boolean()) return wrong(item, "true or false");
      return AnswerValue{int64_t{value.get<bool>() ? 1 : 0}, std::nullopt, ""};
    case ItemType::kSingle:
    case ItemType::kText: {
      const std::optional<string> text = plain(value);
      if (!text) return wrong(item, item.type == ItemType::kSingle ? "the code of one option" : "a text");
      return AnswerValue{*text, std::nullopt, ""};
    }
    case ItemType::kMulti:
      return choices(item, value);
    case ItemType::kScale:
    case ItemType::kInteger: {
      const std::optional<int64_t> number = integer(value);
      if (!number) return wrong(item, "a whole number");
      return AnswerValue{*number, std::nullopt, ""};
    }
    case ItemType::kDecimal: {
      const std::optional<int64_t> whole = integer(value);
      const std::optional<string> text = whole ? std::to_string(*whole) : plain(value);
      const std::optional<int64_t> scaled = text ? parse_decimal(*text, item.decimals) : std::nullopt;
      if (!scaled)
        return wrong(item,
                     "a number as text with at most " + std::to_string(item.decimals) + " decimals, like \"12.5\"");
      return AnswerValue{*scaled, std::nullopt, ""};
    }
    case ItemType::kDate: {
      const std::optional<string> text = plain(value);
      const std::optional<int64_t> days = text ? parse_date(*text) : std::nullopt;
      if (!days) return wrong(item, "a date like \"2026-09-01\"");
      return AnswerValue{*days, std::nullopt, ""};
    }
    case ItemType::kCountOf: {
      const bool form = has_only(value, {"present", "of"});
      const std::optional<int64_t> present = form ? integer(value["present"]) : std::nullopt;
      const std::optional<int64_t> of = form ? integer(value["of"]) : std::nullopt;
      if (!present || !of) return wrong(item, R"(two whole numbers, like {"present":18,"of":20})");
      return AnswerValue{*present, *of, ""};
    }
    case ItemType::kCalculated:
      break;
  }
  return fail(Code::kAnswerCalculated, item.code);
}

json answer_to_json(const Item& item, const AnswerValue& answer) {
  if (answer.is_na()) return {{"na", answer.na_reason}};
  const auto* number = std::get_if<int64_t>(&answer.value);
  const auto* text = std::get_if<string>(&answer.value);
  switch (item.type) {
    case ItemType::kYesNo:
      return number ? json(*number != 0) : json();
    case ItemType::kSingle:
    case ItemType::kText:
      return text ? json(*text) : json();
    case ItemType::kMulti:
      return text ? split(*text) : json();
    case ItemType::kScale:
    case ItemType::kInteger:
      return number ? json(*number) : json();
    case ItemType::kDecimal:
      return number ? json(decimal_text(*number, item.decimals)) : json();
    case ItemType::kCalculated:
      return !number ? json() : item.decimals == 0 ? json(*number) : json(decimal_text(*number, item.decimals));
    case ItemType::kDate: {
      const string shown = number ? date_text(*number) : "";
      return shown.empty() ? json() : json(shown);
    }
    case ItemType::kCountOf:
      return number && answer.total ? json({{"present", *number}, {"of", *answer.total}}) : json();
  }
  return {};
}

string decimal_text(int64_t scaled, unsigned decimals) {
  string digits = std::to_string(scaled);
  const bool negative = digits.front() == '-';
  if (negative) digits.erase(0, 1);
  if (decimals > 0) {
    if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
    digits.insert(digits.size() - decimals, 1, '.');
  }
  return negative ? "-" + digits : digits;
}

std::optional<int64_t> parse_decimal(string_view text, unsigned decimals) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  const string_view whole = text.substr(0, point);
  const string_view fraction = point == string_view::npos ? string_view() : text.substr(point + 1);
  if (whole.empty() || (point != string_view::npos && fraction.empty()) || fraction.size() > decimals)
    return std::nullopt;
  int64_t number = 0;
  const auto take = [&number](string_view digits) {
    for (const char digit : digits) {
      if (digit < '0' || digit > '9' || number > kMaxNumber / 10) return false;
      number = number * 10 + (digit - '0');
    }
    return true;
  };
  if (!take(whole) || !take(fraction) || !take(string(decimals - fraction.size(), '0')) || number > kMaxNumber)
    return std::nullopt;
  return negative ? -number : number;
}

namespace {
constexpr int64_t kFirstDay = -719162;  // 0001-01-01
constexpr int64_t kLastDay = 2932896;   // 9999-12-31
}  // namespace

string date_text(int64_t days) {
  if (days < kFirstDay || days > kLastDay) return "";
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  const auto padded = [](unsigned number, size_t width) {
    const string digits = std::to_string(number);
    return string(width - std::min(width, digits.size()), '0') + digits;
  };
  return padded(static_cast<unsigned>(static_cast<int>(date.year())), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" + padded(static_cast<unsigned>(date.day()), 2);
}

std::optional<int64_t> parse_date(string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&text](size_t from, size_t count) -> int {
    int value = 0;
    for (const char digit : text.substr(from, count)) {
      if (digit < '0' || digit > '9') return -1;
      value = value * 10 + (digit - '0');
    }
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (year < 1 || month < 1 || day < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

}  // namespace dudao
