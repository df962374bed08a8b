#pragma once

/// What an XLSForm's expressions mean in the language of checklists. Shared by the files of the import; not installed.
///
/// XPath knows no absence: what is not answered is empty, an empty value compared is false (with != true), and so a
/// condition is always true or false. Here absence spreads. Where the two would come out differently, the comparison
/// is wrapped into coalesce(), and only there: that depends on what absence counts as at its place.

#include "schema/checklist.hpp"
#include "schema/xpath.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dudao {

/// What an expression can name.
struct FormQuestion {
  std::string code;              ///< Of its item.
  std::optional<ItemType> type;  ///< Nothing: no item came of it, so that nothing can look at it.
  unsigned decimals = 0;         ///< kDecimal, kCalculated.
  const std::map<std::string, std::string>* options = nullptr;  ///< A choice's name to its option's code.
};

struct FormContext {
  /// The question of this name. Error: kFormReference, or why its own calculation cannot be taken.
  std::function<Result<const FormQuestion*>(std::string_view name)> find;
  const FormQuestion* self = nullptr;  ///< What "." is; null where there is no answer to speak of.
  /// In choice_filter: the cells of the choice by column. Null elsewhere.
  const std::map<std::string, std::string>* columns = nullptr;
};

/// What an absent result counts as at its place.
enum class Absent : std::uint8_t {
  kFalse,    ///< relevant, choice_filter
  kTrue,     ///< constraint
  kDefinite  ///< must not come out absent
};

struct FormNumber {
  std::string text;
  unsigned decimals = 0;
  /// It uses functions of dudao-checklist-2.
  bool newer = false;
};

/// Errors of both: kFormFunction, kFormReference, kFormKinds; the detail begins with the position.
Result<FormNumber> form_condition(const XPath& xpath, const FormContext& context, Absent absent);
Result<FormNumber> form_number(const XPath& xpath, const FormContext& context);

/// Quotients have so many decimals, rounded half away from zero, as have decimal questions.
inline constexpr unsigned kFormDecimals = 4;

}  // namespace dudao
