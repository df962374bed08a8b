#pragma once

/// What a parsed checklist is made of; shared by the files that read, ask and score it. Not installed.

#include "schema/checklist.hpp"
#include "schema/checklist_expression.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dudao {

struct FindingRule {
  Expression when;
  Severity severity{};
  Text text;
  Text clause;
};

/// The expressions of one item.
struct ItemRules {
  std::optional<Expression> visible_if;
  std::optional<Expression> constraint;
  std::optional<Expression> calculate;
  std::int64_t calculate_scale = 1;  ///< Brings what calculate gives to the item's decimals.
  std::optional<Expression> met_if;
  std::vector<FindingRule> finding_if;
  std::vector<std::optional<Expression>> offered_if;  ///< By option; empty when no option has one.
  /// The items that must be worked out, in this order, to know whether this one is shown, its value and its constraint.
  /// It is the last of them.
  std::vector<std::size_t> needs;
};

struct Checklist::Impl {
  unsigned format = 1;
  std::string code;
  std::int64_t version = 0;
  Text title;
  std::vector<std::string> languages;
  Hash hash{};
  std::vector<Section> sections;
  std::vector<std::optional<Expression>> section_visible_if;
  std::vector<Band> bands;
  std::optional<Cap> cap;
  std::int64_t fail_below = 0;
  bool veto = false;

  std::vector<Item> items;
  std::vector<ItemRules> rules;  ///< By item.
  std::map<std::string, std::size_t, std::less<>> index;
  std::vector<std::size_t> order;  ///< All items, each after those that its visibility and its value depend on.
};

struct Checklist::Chosen {
  std::vector<const Item*> items;
  std::vector<bool> asked;  ///< By item of the whole template.
};

/// The values and the visibility that follow from stored answers.
class Evaluation {
 public:
  /// Works out only `wanted`, which is ordered as Impl::order is. The arguments must outlive it.
  Evaluation(const Checklist::Impl& list, const std::vector<bool>& asked, const Answers& answers,
             const std::vector<std::size_t>& wanted);
  bool shown(std::size_t item) const { return shown_[item]; }
  bool na(std::size_t item) const { return na_[item]; }
  const std::vector<ExpressionValue>& values() const noexcept { return values_; }
  /// Lets the item have this value from here on.
  void set(std::size_t item, const ExpressionValue& value) { values_[item] = value; }

 private:
  void work_out(const Checklist::Impl& list, const Answers& answers, std::size_t index);

  std::vector<ExpressionValue> values_;
  std::vector<bool> shown_;
  std::vector<bool> na_;
};

/// What somebody wrote, fit to stand in an error's detail: at most kMaxCodeBytes of valid UTF-8, or "?".
std::string quotable(std::string_view text);

/// Is the answer of the item's type and within its range? The checks that look at no other answer; not for NA.
Status check_form(const Item& item, const AnswerValue& answer);

}  // namespace dudao
