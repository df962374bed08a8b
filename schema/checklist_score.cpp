#include "schema/checklist.hpp"
#include "schema/checklist_impl.hpp"

#include <algorithm>

namespace dudao {
namespace {

using std::int64_t;
using std::size_t;

// Largest numbers: weights and points 10^6, scaled maximum 10^12, values 10^4, answers 10^15; 10^3 items. No product
// below leaves 64 bits.

/// REQUIRES: part >= 0, whole > 0.
int64_t divide_half_up(int64_t part, int64_t whole) { return part / whole + (2 * (part % whole) >= whole ? 1 : 0); }

int64_t share(int64_t part, int64_t whole) {
  if (part <= 0) return 0;
  if (part >= whole) return kFullScore;
  return divide_half_up(kFullScore * part, whole);
}

int64_t chosen_points(const Item& item, std::string_view chosen) {
  int64_t points = 0;
  while (!chosen.empty()) {
    const size_t comma = chosen.find(',');
    for (const Option& option : item.options)
      if (option.code == chosen.substr(0, comma)) points += option.value;
    if (comma == std::string_view::npos) break;
    chosen.remove_prefix(comma + 1);
  }
  return points;
}

int64_t scaled(int64_t hundredths, unsigned decimals) {
  for (; decimals > 0; --decimals) hundredths *= 10;
  return hundredths;
}

/// What is left of `max` when `each` is lost `count` times; both max and count are in the same units.
int64_t after_loss(int64_t max, int64_t each, int64_t count) {
  if (count <= 0) return kFullScore;
  if (count > max / each) return 0;
  return share(max - each * count, max);
}

/// 0 to 10,000; nothing when there is nothing to judge. REQUIRES: the answer is known.
std::optional<int64_t> item_value(const Item& item, const ItemRules& rules, const ExpressionValue& answer,
                                  const std::vector<ExpressionValue>& values) {
  const Scoring& rule = item.scoring;
  const bool counts_nothing = item.type == ItemType::kCountOf && answer.total == 0;
  switch (rule.mode) {
    case ScoringMode::kUnscored:
      return std::nullopt;
    case ScoringMode::kMet:
      if (!rules.met_if) return answer.number != 0 ? kFullScore : 0;
      if (const std::optional<bool> met = rules.met_if->holds(values)) return *met ? kFullScore : 0;
      return std::nullopt;
    case ScoringMode::kGrade:
      return chosen_points(item, answer.text);
    case ScoringMode::kPoints:
      if (counts_nothing) return std::nullopt;
      if (item.type == ItemType::kCountOf) return share(answer.number, answer.total);
      if (!item.options.empty()) return share(chosen_points(item, answer.text), rule.max);
      // Points are in hundredths, the answer in units of 10^-decimals.
      return share(answer.number * 100, scaled(rule.max, item.decimals));
    case ScoringMode::kDeduction:
      if (counts_nothing) return std::nullopt;
      if (item.type == ItemType::kYesNo) return after_loss(rule.max, rule.deduct, answer.number != 0 ? 0 : 1);
      if (!item.options.empty()) return share(rule.max - chosen_points(item, answer.text), rule.max);
      if (item.type == ItemType::kCountOf) return after_loss(rule.max, rule.deduct, answer.total - answer.number);
      return after_loss(scaled(rule.max, item.decimals), rule.deduct, answer.number);
  }
  return std::nullopt;
}

/// Adds up weighted values.
struct Mean {
  int64_t sum = 0;
  int64_t weight = 0;

  void add(const ItemScore& item) {
    sum += item.value * item.weight;
    weight += item.weight;
  }
  std::optional<int64_t> result() const {
    if (weight == 0) return std::nullopt;
    return divide_half_up(sum, weight);
  }
};

}  // namespace

Score Checklist::score(const Answers& answers) const {
  const Evaluation now(*impl_, chosen_->asked, answers, impl_->order);
  Score score;
  Mean whole;
  std::vector<Mean> sections(impl_->sections.size());
  for (size_t i = 0; i < impl_->items.size(); ++i) {
    const Item& item = impl_->items[i];
    if (item.scoring.mode == ScoringMode::kUnscored || !now.shown(i)) continue;
    const ExpressionValue& answer = now.values()[i];
    if (!answer.known && !now.na(i) && item.type != ItemType::kCalculated) {
      ++score.open;
      continue;
    }
    const std::optional<int64_t> value =
        answer.known ? item_value(item, impl_->rules[i], answer, now.values()) : std::nullopt;
    if (!value) {
      ++score.not_applicable;
      continue;
    }
    const ItemScore& entry = score.items.emplace_back(ItemScore{item.code, *value, item.scoring.weight});
    whole.add(entry);
    for (std::optional<size_t> at = item.section; at; at = impl_->sections[*at].parent) sections[*at].add(entry);
    if (*value < impl_->fail_below) {
      if (item.critical) score.failed_critical.push_back(item.code);
      if (item.veto) score.failed_veto.push_back(item.code);
    }
  }
  for (size_t i = 0; i < sections.size(); ++i)
    score.sections.push_back({impl_->sections[i].code, sections[i].result(), sections[i].weight});
  score.score = score.uncapped = whole.result();
  if (!score.score) return score;

  const bool capped = !score.failed_critical.empty() && impl_->cap.has_value();
  if (capped && impl_->cap->score) score.score = std::min(*score.score, *impl_->cap->score);
  if (!score.failed_veto.empty()) score.score = 0;
  if (impl_->bands.empty()) return score;
  // The last band begins at 0.
  size_t band = 0;
  while (*score.score < impl_->bands[band].from) ++band;
  if (capped && impl_->cap->band) band = std::max(band, *impl_->cap->band);
  score.band = impl_->bands[band].code;
  return score;
}

}  // namespace dudao
