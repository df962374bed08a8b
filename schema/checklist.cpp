#include "schema/checklist.hpp"

#include "schema/checklist_impl.hpp"

#include <algorithm>
#include <array>

namespace dudao {
namespace {

using std::int64_t;
using std::size_t;
using std::string;
using std::string_view;

constexpr std::array<string_view, 10> kItemTypes = {"yes_no",  "single", "multi", "scale",    "integer",
                                                    "decimal", "date",   "text",  "count_of", "calculated"};
constexpr std::array<string_view, 5> kSeverities = {"ADVICE", "ORDINARY", "COMPLEX", "SERIOUS", "DANGER"};
constexpr std::array<string_view, 5> kScoringModes = {"unscored", "met", "points", "deduction", "grade"};

template <class Enum, size_t N>
std::optional<Enum> find_name(const std::array<string_view, N>& names, string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

bool has_option(const Item& item, string_view code) {
  return std::any_of(item.options.begin(), item.options.end(),
                     [&](const Option& option) { return option.code == code; });
}

bool is_blank(string_view text) { return text.find_first_not_of(" \t\r\n") == string_view::npos; }

bool has_controls(string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F; });
}

Status check_text(const Item& item, string_view text) {
  const auto chars = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (is_blank(text)) return fail(Code::kAnswerTextBad, item.code + ": empty");
  if (!is_utf8(view(text))) return fail(Code::kAnswerTextBad, item.code + ": not UTF-8");
  if (has_controls(text)) return fail(Code::kAnswerTextBad, item.code + ": control character");
  if (chars > item.max_chars)
    return fail(Code::kAnswerTextBad, item.code + ": more than " + std::to_string(item.max_chars) + " characters");
  return {};
}

Status check_choices(const Item& item, string_view chosen) {
  string_view before;
  while (!chosen.empty()) {
    const size_t comma = chosen.find(',');
    const string_view code = chosen.substr(0, comma);
    if (!has_option(item, code)) return fail(Code::kAnswerOption, item.code + ": no such option");
    if (code <= before) return fail(Code::kAnswerOption, item.code + ": options twice or not in stored order");
    before = code;
    if (comma == string_view::npos) break;
    chosen.remove_prefix(comma + 1);
    if (chosen.empty()) return fail(Code::kAnswerOption, item.code + ": no such option");
  }
  return {};
}

/// Is the code one of a stored choice, "a" or "a,b"?
bool is_chosen(string_view chosen, string_view code) {
  for (size_t at = chosen.find(code); at != string_view::npos; at = chosen.find(code, at + 1)) {
    const size_t end = at + code.size();
    if ((at == 0 || chosen[at - 1] == ',') && (end == chosen.size() || chosen[end] == ',')) return true;
  }
  return false;
}

Status check_range(const Item& item, int64_t number, int64_t least, int64_t most) {
  if (number >= least && number <= most) return {};
  const bool date = item.type == ItemType::kDate;
  const auto shown = [&](int64_t limit) { return date ? date_text(limit) : decimal_text(limit, item.decimals); };
  return fail(Code::kAnswerRange, item.code + ": from " + shown(least) + " to " + shown(most));
}

Status check_na(const Item& item, const AnswerValue& answer) {
  if (!item.allow_na) return fail(Code::kAnswerNaNotAllowed, item.code);
  const bool alone = std::holds_alternative<std::monostate>(answer.value) && !answer.total;
  if (!alone || is_blank(answer.na_reason)) return fail(Code::kAnswerReasonMissing, item.code);
  if (answer.na_reason.size() > kMaxNaReasonBytes || !is_utf8(view(answer.na_reason)) || has_controls(answer.na_reason))
    return fail(Code::kAnswerTextBad, item.code + ": reason");
  return {};
}

}  // namespace

string quotable(string_view text) {
  string_view cut = text.substr(0, kMaxCodeBytes);
  // At most three bytes of a character can have been cut off.
  for (int i = 0; i < 3 && cut.size() < text.size() && !is_utf8(view(cut)); ++i) cut.remove_suffix(1);
  return is_utf8(view(cut)) ? string(cut) : "?";
}

Status check_form(const Item& item, const AnswerValue& answer) {
  const auto wrong = [&] { return fail(Code::kAnswerType, item.code + ": " + string(to_string(item.type))); };
  const auto* number = std::get_if<int64_t>(&answer.value);
  const auto* text = std::get_if<string>(&answer.value);
  if (answer.total.has_value() != (item.type == ItemType::kCountOf)) return wrong();
  switch (item.type) {
    case ItemType::kYesNo:
      if (!number || (*number != 0 && *number != 1)) return wrong();
      return {};
    case ItemType::kSingle:
      if (!text) return wrong();
      if (!has_option(item, *text)) return fail(Code::kAnswerOption, item.code + ": no such option");
      return {};
    case ItemType::kMulti:
      if (!text) return wrong();
      return check_choices(item, *text);
    case ItemType::kScale:
    case ItemType::kInteger:
    case ItemType::kDecimal:
    case ItemType::kDate:
      if (!number) return wrong();
      return check_range(item, *number, item.min, item.max);
    case ItemType::kText:
      if (!text) return wrong();
      return check_text(item, *text);
    case ItemType::kCountOf:
      if (!number) return wrong();
      DUDAO_CHECK(check_range(item, *answer.total, 0, item.max));
      return check_range(item, *number, 0, *answer.total);
    case ItemType::kCalculated:
      return fail(Code::kAnswerCalculated, item.code);
  }
  return wrong();
}

Evaluation::Evaluation(const Checklist::Impl& list, const std::vector<bool>& asked, const Answers& answers,
                       const std::vector<size_t>& wanted)
    : values_(list.items.size()), shown_(list.items.size(), false), na_(list.items.size(), false) {
  for (const size_t item : wanted)
    if (asked[item]) work_out(list, answers, item);
}

void Evaluation::work_out(const Checklist::Impl& list, const Answers& answers, size_t index) {
  const Item& item = list.items[index];
  const ItemRules& rules = list.rules[index];
  for (std::optional<size_t> at = item.section; at; at = list.sections[*at].parent)
    if (const auto& condition = list.section_visible_if[*at]; condition && !condition->holds(values_).value_or(false))
      return;
  if (rules.visible_if && !rules.visible_if->holds(values_).value_or(false)) return;
  shown_[index] = true;
  if (rules.calculate) {
    values_[index] = rules.calculate->evaluate(values_);
    values_[index].number *= rules.calculate_scale;
    return;
  }
  const auto found = answers.find(item.code);
  if (found == answers.end()) return;
  const AnswerValue& answer = found->second;
  if (answer.is_na()) {
    na_[index] = item.allow_na && std::holds_alternative<std::monostate>(answer.value) && !answer.total;
    return;
  }
  if (answer.is_empty() || !check_form(item, answer)) return;
  ExpressionValue& value = values_[index];
  value.known = true;
  if (const auto* number = std::get_if<int64_t>(&answer.value)) value.number = *number;
  if (const auto* text = std::get_if<string>(&answer.value)) value.text = *text;
  value.total = answer.total.value_or(0);
}

string_view Text::in(string_view language) const noexcept {
  for (const auto& [tag, text] : texts_)
    if (tag == language) return text;
  return texts_.empty() ? string_view() : string_view(texts_.front().second);
}

Checklist::Checklist(std::shared_ptr<const Impl> impl, std::shared_ptr<const Chosen> chosen)
    : impl_(std::move(impl)), chosen_(std::move(chosen)) {}

const string& Checklist::code() const noexcept { return impl_->code; }
int64_t Checklist::version() const noexcept { return impl_->version; }
const Text& Checklist::title() const noexcept { return impl_->title; }
const std::vector<string>& Checklist::languages() const noexcept { return impl_->languages; }
const Hash& Checklist::hash() const noexcept { return impl_->hash; }
const std::vector<const Item*>& Checklist::items() const noexcept { return chosen_->items; }
const std::vector<Section>& Checklist::sections() const noexcept { return impl_->sections; }
const std::vector<Band>& Checklist::bands() const noexcept { return impl_->bands; }

namespace {

/// True if no condition decides whether the item is shown, as with most items of most checklists.
bool always_shown(const Checklist::Impl& list, size_t index) {
  if (list.rules[index].visible_if) return false;
  for (std::optional<size_t> at = list.items[index].section; at; at = list.sections[*at].parent)
    if (list.section_visible_if[*at]) return false;
  return true;
}

}  // namespace

const Item* Checklist::item(string_view code) const noexcept {
  const auto found = impl_->index.find(code);
  if (found == impl_->index.end() || !chosen_->asked[found->second]) return nullptr;
  return &impl_->items[found->second];
}

Result<Checklist> Checklist::subset(const std::vector<string>& codes) const {
  if (codes.empty()) return fail(Code::kChecklistSubset, "no item is chosen");
  auto chosen = std::make_shared<Chosen>();
  chosen->asked.resize(impl_->items.size());
  for (const string& code : codes) {
    if (!item(code)) return fail(Code::kChecklistSubset, "there is no item '" + quotable(code) + "'");
    const size_t index = impl_->index.find(code)->second;
    if (chosen->asked[index]) return fail(Code::kChecklistSubset, code + " is chosen twice");
    chosen->asked[index] = true;
  }
  for (size_t i = 0; i < impl_->items.size(); ++i) {
    if (!chosen->asked[i]) continue;
    const Item& item = impl_->items[i];
    chosen->items.push_back(&item);
    std::vector<const Expression*> looked_at;
    const ItemRules& rules = impl_->rules[i];
    for (const auto* rule : {&rules.visible_if, &rules.constraint, &rules.calculate, &rules.met_if})
      if (*rule) looked_at.push_back(&**rule);
    for (const FindingRule& finding : rules.finding_if) looked_at.push_back(&finding.when);
    for (const auto& offered : rules.offered_if)
      if (offered) looked_at.push_back(&*offered);
    for (std::optional<size_t> at = item.section; at; at = impl_->sections[*at].parent)
      if (const auto& condition = impl_->section_visible_if[*at]) looked_at.push_back(&*condition);
    for (const Expression* expression : looked_at)
      for (const size_t needed : expression->references())
        if (!chosen->asked[needed])
          return fail(Code::kChecklistSubset, item.code + " needs " + impl_->items[needed].code);
  }
  return Checklist(impl_, std::move(chosen));
}

Status Checklist::check_answer(string_view code, const AnswerValue& answer, const Answers& answers) const {
  const Item* item = this->item(code);
  if (!item) return fail(Code::kAnswerUnknownItem, quotable(code));
  if (item->type == ItemType::kCalculated) return fail(Code::kAnswerCalculated, item->code);
  if (answer.is_empty() && !answer.total) return {};
  // Form comes before visibility, so that whoever lets a hidden answer stand still lets no malformed one in.
  DUDAO_CHECK(answer.is_na() ? check_na(*item, answer) : check_form(*item, answer));
  const auto index = static_cast<size_t>(item - impl_->items.data());
  const ItemRules& rules = impl_->rules[index];
  if (!looks_at_others(code)) return {};
  Evaluation now(*impl_, chosen_->asked, answers, rules.needs);
  if (!now.shown(index)) return fail(Code::kAnswerHidden, item->code);
  if (answer.is_na()) return {};
  for (size_t n = 0; n < rules.offered_if.size(); ++n)
    if (rules.offered_if[n] && is_chosen(std::get<string>(answer.value), item->options[n].code) &&
        !rules.offered_if[n]->holds(now.values()).value_or(false))
      return fail(Code::kAnswerOption, item->code + ": not offered beside the other answers");
  if (!rules.constraint) return {};
  ExpressionValue value{true, 0, {}, answer.total.value_or(0)};
  if (const auto* number = std::get_if<int64_t>(&answer.value)) value.number = *number;
  if (const auto* text = std::get_if<string>(&answer.value)) value.text = *text;
  now.set(index, value);
  if (rules.constraint->holds(now.values()).value_or(true)) return {};
  const string message(item->constraint_message.in(""));
  return fail(Code::kAnswerConstraint, item->code + ": " + (message.empty() ? rules.constraint->source() : message));
}

bool Checklist::looks_at_others(string_view code) const {
  const Item* item = this->item(code);
  if (!item) return false;
  const auto index = static_cast<size_t>(item - impl_->items.data());
  const ItemRules& rules = impl_->rules[index];
  return rules.constraint || !rules.offered_if.empty() || !always_shown(*impl_, index);
}

std::vector<string> Checklist::offered(string_view code, const Answers& answers) const {
  std::vector<string> codes;
  const Item* item = this->item(code);
  if (!item) return codes;
  const ItemRules& rules = impl_->rules[static_cast<size_t>(item - impl_->items.data())];
  const Evaluation now(*impl_, chosen_->asked, answers, rules.needs);
  for (size_t n = 0; n < item->options.size(); ++n) {
    const bool always = rules.offered_if.empty() || !rules.offered_if[n];
    if (always || rules.offered_if[n]->holds(now.values()).value_or(false)) codes.push_back(item->options[n].code);
  }
  return codes;
}

std::vector<string> Checklist::visible(const Answers& answers) const {
  const Evaluation now(*impl_, chosen_->asked, answers, impl_->order);
  std::vector<string> codes;
  for (size_t i = 0; i < impl_->items.size(); ++i)
    if (now.shown(i)) codes.push_back(impl_->items[i].code);
  return codes;
}

std::vector<string> Checklist::missing(const Answers& answers) const {
  const Evaluation now(*impl_, chosen_->asked, answers, impl_->order);
  std::vector<string> codes;
  for (size_t i = 0; i < impl_->items.size(); ++i)
    if (impl_->items[i].required && now.shown(i) && !now.values()[i].known && !now.na(i))
      codes.push_back(impl_->items[i].code);
  return codes;
}

std::vector<Violation> Checklist::violations(const Answers& answers) const {
  std::vector<Violation> found;
  for (const auto& [code, answer] : answers) {
    Status status = check_answer(code, answer, answers);
    if (!status && status.error().code != Code::kAnswerHidden) found.push_back({code, std::move(status).error()});
  }
  return found;
}

std::vector<DerivedFinding> Checklist::derived_findings(const Answers& answers) const {
  const Evaluation now(*impl_, chosen_->asked, answers, impl_->order);
  std::vector<DerivedFinding> findings;
  for (size_t i = 0; i < impl_->items.size(); ++i) {
    const Item& item = impl_->items[i];
    if (!now.shown(i) || now.na(i)) continue;
    for (const FindingRule& rule : impl_->rules[i].finding_if)
      if (rule.when.holds(now.values()).value_or(false))
        findings.push_back({item.code, rule.severity, rule.text, rule.clause.empty() ? item.clause : rule.clause});
  }
  return findings;
}

std::map<string, int64_t> Checklist::calculated(const Answers& answers) const {
  const Evaluation now(*impl_, chosen_->asked, answers, impl_->order);
  std::map<string, int64_t> values;
  for (size_t i = 0; i < impl_->items.size(); ++i)
    if (impl_->rules[i].calculate && now.values()[i].known) values[impl_->items[i].code] = now.values()[i].number;
  return values;
}

Status check_republication(const Checklist& published, const Checklist& again) {
  const bool same = published.code() == again.code() && published.version() == again.version();
  if (same && published.hash() != again.hash())
    return fail(Code::kChecklistPublished, again.code() + " version " + std::to_string(again.version()));
  return {};
}

string_view to_string(ItemType type) noexcept { return kItemTypes[static_cast<size_t>(type)]; }
string_view to_string(Severity severity) noexcept { return kSeverities[static_cast<size_t>(severity)]; }
string_view to_string(ScoringMode mode) noexcept { return kScoringModes[static_cast<size_t>(mode)]; }
std::optional<ItemType> item_type_from(string_view name) noexcept { return find_name<ItemType>(kItemTypes, name); }
std::optional<Severity> severity_from(string_view name) noexcept { return find_name<Severity>(kSeverities, name); }
std::optional<ScoringMode> scoring_mode_from(string_view name) noexcept {
  return find_name<ScoringMode>(kScoringModes, name);
}

}  // namespace dudao
