#include "schema/deadline.hpp"

#include "schema/answer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::int64_t kDay_ms = 86'400'000;

constexpr std::array<std::string_view, 17> kSteps = {"PRIOR_NOTICE",
                                                     "PRELIMINARY_FEEDBACK",
                                                     "PLEA",
                                                     "OPINION",
                                                     "OPINION_REVIEW_REQUEST",
                                                     "OPINION_REVIEW",
                                                     "RECTIFICATION",
                                                     "RECTIFICATION_REPORT",
                                                     "REINSPECTION",
                                                     "REBOUND_CHECK",
                                                     "GOVERNMENT_REPORT",
                                                     "INVESTIGATION_TEAM",
                                                     "DECISION_REVIEW_REQUEST",
                                                     "DECISION_REVIEW",
                                                     "APPEAL",
                                                     "APPEAL_DECISION",
                                                     "APPEAL_CORRECTION"};
constexpr std::array<std::string_view, 12> kAnchors = {
    "VISIT_BEGINS",     "VISIT_ENDED",       "FEEDBACK_GIVEN",         "OPINION_ISSUED",
    "REVIEW_REQUESTED", "RECTIFICATION_DUE", "RECTIFICATION_REPORTED", "RECTIFICATION_VERIFIED",
    "DECISION_SERVED",  "REVIEW_ANSWERED",   "APPEAL_RECEIVED",        "APPEAL_DECIDED"};
constexpr std::array<std::string_view, 4> kUnits = {"DAY", "WORKING_DAY", "MONTH", "TERM"};
constexpr std::array<std::string_view, 7> kVisitKinds = {"ROUTINE",   "RANDOM",    "SPECIAL",  "COMPREHENSIVE",
                                                         "REINSPECT", "COMPLAINT", "EMERGENCY"};

template <class Number, std::size_t N>
std::optional<Number> number_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Number>(found - names.begin() + 1);
}
template <class Number, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Number number) {
  return names.at(static_cast<std::size_t>(number) - 1);
}

/// Reads one object: every field is asked for once, and what nobody asked for is a fault.
class Fields {
 public:
  Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {}

  Result<std::string> text(const char* name, bool required = true) {
    asked_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() && !required) return std::string();
    if (found == object_.end() || !found->is_string() || (required && found->get_ref<const std::string&>().empty()))
      return wrong(name);
    return found->get<std::string>();
  }
  Result<std::int64_t> integer(const char* name, std::int64_t least, std::int64_t most) {
    asked_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number_integer()) return wrong(name);
    const auto value = found->get<std::int64_t>();
    if (value < least || value > most) return wrong(name);
    return value;
  }
  Result<bool> boolean(const char* name, bool otherwise) {
    asked_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end()) return otherwise;
    if (!found->is_boolean()) return wrong(name);
    return found->get<bool>();
  }
  Result<std::optional<std::int64_t>> date(const char* name, bool required = true) {
    DUDAO_TRY(const std::string written, text(name, required));
    if (written.empty()) return std::optional<std::int64_t>();
    const auto day = parse_date(written);
    if (!day) return wrong(name);
    return day;
  }
  template <class Number, std::size_t N>
  Result<Number> one_of(const char* name, const std::array<std::string_view, N>& names) {
    DUDAO_TRY(const std::string written, text(name));
    const auto number = number_of<Number>(names, written);
    if (!number) return wrong(name);
    return *number;
  }
  /// The array, or null where it may be absent and is.
  Result<const json*> array(const char* name, bool required = true) {
    asked_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() && !required) return nullptr;
    if (found == object_.end() || !found->is_array()) return wrong(name);
    return &*found;
  }
  Status finish() const {
    for (const auto& [name, value] : object_.items())
      if (!asked_.contains(name)) return wrong(name);
    return {};
  }
  tl::unexpected<Error> wrong(const std::string& name) const { return fail(Code::kDeadlineShape, where_ + "." + name); }

 private:
  const json& object_;
  std::string where_;
  std::set<std::string> asked_;
};

/// Calls each(fields) for every object of the array, which names its place in errors.
template <class Each>
Status for_each_object(const json* array, const std::string& name, const Each& each) {
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    const std::string where = name + "[" + std::to_string(i) + "]";
    if (!(*array)[i].is_object()) return fail(Code::kDeadlineShape, where);
    Fields fields((*array)[i], where);
    DUDAO_CHECK(each(fields));
    DUDAO_CHECK(fields.finish());
  }
  return {};
}

Result<DeadlineRule> read_rule(Fields& fields) {
  DeadlineRule rule;
  DUDAO_TRY(rule.code, fields.text("code"));
  DUDAO_TRY(rule.jurisdiction, fields.text("jurisdiction", false));
  DUDAO_TRY(rule.step, fields.one_of<DeadlineStep>("step", kSteps));
  DUDAO_TRY(const json* kinds, fields.array("visit_kinds", false));
  for (std::size_t i = 0; kinds && i < kinds->size(); ++i) {
    if (!(*kinds)[i].is_string()) return fields.wrong("visit_kinds");
    rule.visit_kinds.push_back((*kinds)[i].get<std::string>());
    if (std::find(kVisitKinds.begin(), kVisitKinds.end(), rule.visit_kinds.back()) == kVisitKinds.end())
      return fields.wrong("visit_kinds");
  }
  DUDAO_TRY(rule.anchor, fields.one_of<DeadlineAnchor>("anchor", kAnchors));
  DUDAO_TRY(rule.amount, fields.integer("amount", -1'000, 1'000));
  DUDAO_TRY(rule.unit, fields.one_of<DeadlineUnit>("unit", kUnits));
  if (rule.unit == DeadlineUnit::kTerm && rule.amount < 0) return fields.wrong("amount");
  DUDAO_TRY(rule.to_worked_day, fields.boolean("to_worked_day", rule.amount >= 0));
  DUDAO_TRY(const auto from, fields.date("from"));
  rule.from_day = *from;
  DUDAO_TRY(rule.to_day, fields.date("to", false));
  if (rule.to_day && *rule.to_day < rule.from_day) return fields.wrong("to");
  DUDAO_TRY(rule.source, fields.text("source"));
  return rule;
}

}  // namespace

std::string_view to_string(DeadlineStep step) noexcept { return name_of(kSteps, step); }
std::string_view to_string(DeadlineAnchor anchor) noexcept { return name_of(kAnchors, anchor); }
std::string_view to_string(DeadlineUnit unit) noexcept { return name_of(kUnits, unit); }

std::int64_t local_day(std::int64_t utc_ms, int offset_min) noexcept {
  const std::int64_t local_ms = utc_ms + std::int64_t{offset_min} * 60'000;
  return local_ms / kDay_ms - (local_ms % kDay_ms < 0 ? 1 : 0);
}

std::int64_t begin_of_day_utc_ms(std::int64_t day, int offset_min) noexcept {
  return day * kDay_ms - std::int64_t{offset_min} * 60'000;
}

Status WorkCalendar::add_term(std::int64_t first_day, std::int64_t last_day) {
  const auto after = terms_.lower_bound(first_day);
  const bool overlaps = (after != terms_.end() && after->first <= last_day) ||
                        (after != terms_.begin() && std::prev(after)->second >= first_day);
  if (last_day < first_day || overlaps) return fail(Code::kTermWrong, date_text(first_day) + " " + date_text(last_day));
  terms_.emplace(first_day, last_day);
  return {};
}

bool WorkCalendar::is_worked(std::int64_t day) const noexcept {
  if (const auto found = marked_.find(day); found != marked_.end()) return found->second;
  return std::chrono::weekday{std::chrono::sys_days{std::chrono::days{day}}}.iso_encoding() <= 5;
}

std::optional<std::int64_t> WorkCalendar::end_of_term(std::int64_t day, std::int64_t terms) const {
  auto at = terms_.upper_bound(day);
  if (at == terms_.begin()) return std::nullopt;
  at = std::prev(at);
  for (; terms > 0 && at != terms_.end(); --terms) ++at;
  if (at == terms_.end()) return std::nullopt;
  return at->second;
}

std::int64_t months_after(std::int64_t day, std::int64_t months) {
  using namespace std::chrono;
  const year_month_day from{sys_days{days{day}}};
  const year_month month = year_month{from.year(), from.month()} + std::chrono::months{months};
  const year_month_day same{month.year(), month.month(), from.day()};
  const sys_days to =
      same.ok() ? sys_days{same} : sys_days{year_month_day_last{month.year(), month_day_last{month.month()}}};
  return to.time_since_epoch().count();
}

Result<Due> due(const DeadlineRule& rule, std::int64_t anchor_day, const WorkCalendar& calendar) {
  const std::int64_t step = rule.amount < 0 ? -1 : 1;
  std::int64_t day = anchor_day;
  switch (rule.unit) {
    case DeadlineUnit::kDay:
      day += rule.amount;
      break;
    case DeadlineUnit::kWorkingDay:
      for (std::int64_t left = rule.amount; left != 0;) {
        day += step;
        if (calendar.is_worked(day)) left -= step;
      }
      break;
    case DeadlineUnit::kMonth:
      day = months_after(day, rule.amount);
      break;
    case DeadlineUnit::kTerm: {
      const auto end = calendar.end_of_term(day, rule.amount);
      if (!end) return fail(Code::kTermWrong, date_text(anchor_day));
      day = *end;
      break;
    }
  }
  const bool moves = rule.to_worked_day && rule.unit != DeadlineUnit::kTerm;
  while (moves && !calendar.is_worked(day)) day += step;
  const bool asks_calendar = moves || rule.unit == DeadlineUnit::kWorkingDay;
  return Due{day, asks_calendar && std::max(day, anchor_day) > calendar.announced_until()};
}

Result<DeadlineBook> DeadlineBook::parse(std::string_view text) {
  const json whole = json::parse(text, nullptr, false);
  if (!whole.is_object()) return fail(Code::kDeadlineShape, "not a JSON object");
  DeadlineBook out;
  Fields fields(whole, "deadlines");
  DUDAO_TRY(const std::string format, fields.text("format"));
  if (format != "dudao-deadlines-1") return fields.wrong("format");
  DUDAO_TRY(const json* rules, fields.array("rules"));
  std::set<std::string> codes;
  DUDAO_CHECK(for_each_object(rules, "rules", [&](Fields& each) -> Status {
    DUDAO_TRY(auto rule, read_rule(each));
    if (!codes.insert(rule.code).second) return each.wrong("code");
    out.rules.push_back(std::move(rule));
    return {};
  }));
  DUDAO_TRY(const auto announced, fields.date("announced_until"));
  out.calendar.set_announced_until(*announced);
  DUDAO_TRY(const json* days, fields.array("days"));
  std::set<std::int64_t> marked;
  DUDAO_CHECK(for_each_object(days, "days", [&](Fields& each) -> Status {
    DUDAO_TRY(const auto from, each.date("from"));
    DUDAO_TRY(const auto to, each.date("to", false));
    DUDAO_TRY(const bool worked, each.boolean("worked", false));
    DUDAO_CHECK(each.text("name").map([](auto&&) {}));
    if (to && (*to < *from || *to - *from > 366)) return each.wrong("to");
    for (std::int64_t day = *from; day <= to.value_or(*from); ++day) {
      if (!marked.insert(day).second) return each.wrong("from");
      out.calendar.mark(day, worked);
    }
    return {};
  }));
  DUDAO_TRY(const json* terms, fields.array("terms"));
  DUDAO_CHECK(for_each_object(terms, "terms", [&](Fields& each) -> Status {
    DUDAO_TRY(const auto from, each.date("from"));
    DUDAO_TRY(const auto to, each.date("to"));
    DUDAO_CHECK(each.text("name").map([](auto&&) {}));
    return out.calendar.add_term(*from, *to);
  }));
  DUDAO_CHECK(fields.finish());
  return out;
}

const DeadlineRule* DeadlineBook::rule_for(DeadlineStep step, std::string_view visit_kind,
                                           std::span<const std::string> jurisdictions, std::int64_t day) const {
  const DeadlineRule* best = nullptr;
  std::pair<std::size_t, bool> best_rank;  // distance, for all kinds
  for (const DeadlineRule& rule : rules) {
    if (rule.step != step || rule.from_day > day || (rule.to_day && *rule.to_day < day)) continue;
    const auto& kinds = rule.visit_kinds;
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), visit_kind) == kinds.end()) continue;
    const auto at = std::find(jurisdictions.begin(), jurisdictions.end(), rule.jurisdiction);
    if (at == jurisdictions.end() && !rule.jurisdiction.empty()) continue;
    const std::pair<std::size_t, bool> rank{static_cast<std::size_t>(at - jurisdictions.begin()), kinds.empty()};
    // The newer one, where a rule was changed without ending the old.
    if (!best || rank < best_rank || (rank == best_rank && rule.from_day > best->from_day)) {
      best = &rule;
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace dudao
