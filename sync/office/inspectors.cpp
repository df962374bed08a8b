#include "sync/office/inspectors.hpp"

#include "schema/answer.hpp"
#include "schema/checklist.hpp"
#include "schema/deadline.hpp"
#include "schema/draw.hpp"
#include "schema/visit_state.hpp"
#include "sync/office/jurisdiction.hpp"
#include "sync/office/rows.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxEducationYears = 80;
constexpr std::int64_t kWhole = 10'000;       ///< hundredths of a point
constexpr std::int64_t kBreachCosts = 2'000;  ///< of recusal, each
constexpr std::int64_t kNothingAsked = 7'500;
constexpr std::int64_t kTermsOfSchoolYear = 2;

/// Rows of an inspector that are numbered from 1 and never deleted.
Result<std::vector<StoredRow>> numbered(Store& rows, std::string_view table, std::string_view inspector) {
  std::vector<StoredRow> out;
  while (true) {
    DUDAO_TRY(auto row, row_of(rows, table, {inspector, static_cast<std::int64_t>(out.size()) + 1}));
    if (!row) return out;
    out.push_back(*std::move(row));
  }
}

Status check_person(std::string_view person) {
  if (person.empty()) return fail(Code::kWordsMissing, "person");
  return check_words(person, kMaxInspectorNameChars, "person");
}
/// As the import of registers takes them.
bool is_code(std::string_view code) {
  return !code.empty() && code.size() <= 64 && std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::chrono::year_month_day date_of(std::int64_t day) { return std::chrono::sys_days{std::chrono::days{day}}; }
std::int64_t day_of(const std::chrono::year_month_day& date) {
  return std::chrono::sys_days{date}.time_since_epoch().count();
}
std::int64_t months_since_0(std::int64_t day) {
  const auto date = date_of(day);
  return static_cast<std::int64_t>(static_cast<int>(date.year())) * 12 + static_cast<unsigned>(date.month());
}
Result<std::int64_t> policy_value(Store& rows, Policy policy, std::string_view unit, std::int64_t day) {
  DUDAO_TRY(const PolicyValue counts, policy_for(rows, policy, unit, day));
  return counts.value;
}

/// A circle or gap in the tree keeps nobody from being of the unit that their register names.
Result<std::vector<std::string>> chain_of(Store& rows, const std::string& unit) {
  auto above = units_from(rows, unit);
  if (above) return *std::move(above);
  if (above.error().code != Code::kUnitUnknown) return fail(above.error());
  return std::vector{unit};
}

/// 4503 and 4504.
Status check_term(const std::vector<TermOfOffice>& before, const TermOfOffice& fresh, bool part_time,
                  std::int64_t most_years, std::int64_t most_in_a_row) {
  if (fresh.to_day < fresh.from_day) return fail(Code::kTermOfOfficeWrong, "ends before it begins");
  if (part_time && fresh.to_day >= months_after(fresh.from_day, 12 * most_years))
    return fail(Code::kTermOfOfficeWrong, "longer than " + std::to_string(most_years) + " years");
  std::vector<TermOfOffice> all = {fresh};
  for (const TermOfOffice& term : before) {
    if (!term.begun()) continue;
    if (term.from_day <= fresh.to_day && fresh.from_day <= term.last_day())
      return fail(Code::kTermOfOfficeWrong, "overlaps term " + std::to_string(term.n));
    all.push_back(term);
  }
  if (!part_time) return {};
  std::sort(all.begin(), all.end(),
            [](const TermOfOffice& a, const TermOfOffice& b) { return a.from_day < b.from_day; });
  std::int64_t in_a_row = 0;
  bool has_fresh = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool paused = i > 0 && all[i].from_day >= months_after(all[i - 1].last_day() + 1, 12 * most_years);
    if (paused && has_fresh) break;
    if (paused) in_a_row = 0;
    ++in_a_row;
    has_fresh = has_fresh || all[i].n == fresh.n;
  }
  return in_a_row <= most_in_a_row ? Status() : fail(Code::kTermLimit, std::to_string(in_a_row) + " terms in a row");
}
Status check_term_by_policy(Store& rows, const InspectorView& who, const std::vector<TermOfOffice>& before,
                            const TermOfOffice& fresh, std::string_view unit) {
  DUDAO_TRY(const std::int64_t years, policy_value(rows, Policy::kTermYears, unit, fresh.from_day));
  DUDAO_TRY(const std::int64_t in_a_row, policy_value(rows, Policy::kTermsInARow, unit, fresh.from_day));
  return check_term(before, fresh, !who.full_time, years, in_a_row);
}

/// In office on every day of the year, by the steps; before the first of them as that one lets suppose.
bool in_office_all(const std::vector<StoredRow>& steps, InspectorState now, std::int64_t year) {
  const Table& table = table_of("inspector_step");
  const std::int64_t first = first_day_of_year(year);
  const std::int64_t after = first_day_of_year(year + 1);
  bool all =
      steps.empty() ? in_office(now) : text_in(table, steps.front(), "event") != to_string(InspectorEvent::kNominate);
  for (const StoredRow& step : steps) {
    const std::int64_t day = integer_in(table, step, "day").value_or(0);
    if (day >= after) break;
    const bool in = in_office(inspector_state_from(text_in(table, step, "state")).value_or(InspectorState::kNone));
    all = day <= first ? in : all && in;
  }
  return all;
}

/// The term that the appointment gives; none of a full-time inspector for whom none is given.
Result<std::optional<TermOfOffice>> check_appointment(Store& rows, const InspectorAct& act, const InspectorView& who,
                                                      const std::vector<StoredRow>& steps) {
  DUDAO_TRY(const std::string unit, unit_of_inspector(rows, act.inspector, act.day));
  DUDAO_TRY(const std::int64_t education_years, policy_value(rows, Policy::kEducationYears, unit, act.day));
  if (!who.has_profile || !who.degree || who.education_years < education_years)
    return fail(Code::kInspectorNotQualified, act.inspector + ", " + std::to_string(education_years) + " years");
  std::optional<TermOfOffice> term;
  if (!who.full_time || act.from_day || act.to_day) {
    DUDAO_TRY(const auto before, terms_of(rows, act.inspector));
    term.emplace();
    term->n = static_cast<std::int64_t>(before.size()) + 1;
    std::int64_t begins = act.day;
    if (who.state == InspectorState::kActive)
      for (const TermOfOffice& one : before)
        if (one.begun()) begins = std::max(begins, one.last_day() + 1);
    term->from_day = act.from_day.value_or(begins);
    if (!act.to_day && who.full_time) return fail(Code::kTermOfOfficeWrong, "has no last day");
    DUDAO_TRY(const std::int64_t years, policy_value(rows, Policy::kTermYears, unit, term->from_day));
    term->to_day = act.to_day.value_or(months_after(term->from_day, 12 * years) - 1);
    DUDAO_CHECK(check_term_by_policy(rows, who, before, *term, unit));
  }
  const std::int64_t year = year_of(act.day) - 1;
  if (in_office_all(steps, who.state, year)) {
    DUDAO_TRY(const TrainingYear training, training_of(rows, act.inspector, unit, year, act.day));
    if (training.missing() > 0)
      return fail(Code::kTrainingShort, std::to_string(year) + ": " + std::to_string(training.hours) + " of " +
                                            std::to_string(training.minimum));
  }
  return term;
}

std::vector<Value> term_cells(std::string_view inspector, const TermOfOffice& term) {
  return {std::string(inspector), term.n, term.from_day, term.to_day, or_null(term.ended_day)};
}

/// What the office knows of one visit of an inspector.
struct VisitOfYear {
  std::string school;
  VisitState state{};
  std::int64_t from_day = 0, to_day = 0;
  std::optional<std::int64_t> arrival_day;

  std::int64_t day() const { return arrival_day.value_or(from_day); }
  bool done() const { return state >= VisitState::kSubmitted && state <= VisitState::kClosed; }
};

/// Visits of the teams in which the inspector is and from which they did not withdraw.
Result<VisitOfYear> read_visit(Store& rows, BytesView id) {
  const Table& table = table_of("visit");
  DUDAO_TRY(const auto row, row_of(rows, "visit", {id}));
  if (!row) return fail(Code::kVisitUnknown, to_hex(id));
  VisitOfYear out;
  out.school = text_in(table, *row, "school");
  const auto state = visit_state_from(text_in(table, *row, "state"));
  if (!state) return fail(Code::kStateUnknown, to_hex(id));
  out.state = *state;
  out.from_day = integer_in(table, *row, "from_day").value_or(0);
  out.to_day = integer_in(table, *row, "to_day").value_or(0);
  return out;
}
std::int64_t moment_day(const Table& table, const StoredRow& row) {
  return local_day(integer_in(table, row, "at_utc_ms").value_or(0),
                   static_cast<int>(integer_in(table, row, "at_offset_min").value_or(0)));
}

Status count_findings(Store& rows, std::string_view inspector, BytesView visit, AssessmentInputs& out) {
  const Table& findings = table_of("finding");
  const Table& rectifications = table_of("rectification");
  std::vector<StoredRow> made;
  DUDAO_CHECK(rows.each_row_of_visit(findings, visit, 0, [&](const StoredRow& row) -> Status {
    if (text_in(findings, row, "inspector") == inspector && text_in(findings, row, "void_reason").empty())
      made.push_back(row);
    return {};
  }));
  for (const StoredRow& row : made) {
    std::string name = text_in(findings, row, "state");
    auto due_day = integer_in(findings, row, "due_day");
    DUDAO_TRY(const auto since,
              row_of(rows, "rectification", {as_view(row.cells[0]), as_view(row.cells[1]), as_view(row.cells[2])}));
    if (since) {
      name = text_in(rectifications, *since, "state");
      due_day = integer_in(rectifications, *since, "due_day");
    }
    const auto state = finding_state_from(name);
    if (!state) return fail(Code::kStateUnknown, to_hex(visit));
    if (*state == FindingState::kReferred) continue;
    const bool closed = is_final(*state);
    if (!closed && (!due_day || *due_day >= out.as_of_day)) continue;
    ++out.findings_due;
    if (closed) ++out.findings_verified;
  }
  return {};
}

Status count_done_visit(Store& rows, std::string_view inspector, BytesView id, const VisitOfYear& visit,
                        AssessmentInputs& out) {
  ++out.visits_done;
  const Table& submissions = table_of("submission");
  DUDAO_TRY(const auto submission, row_of(rows, "submission", {id}));
  if (submission && text_in(submissions, *submission, "inspector") == inspector) {
    ++out.submitted;
    if (moment_day(submissions, *submission) <= visit.to_day) ++out.submitted_in_time;
  }
  bool returned = false;
  DUDAO_CHECK(rows.each_row_of_visit(table_of("question"), id, 0, [&](const StoredRow&) -> Status {
    returned = true;
    return {};
  }));
  if (returned) ++out.visits_returned;
  const Table& conflicts = table_of("conflict_of_interest");
  DUDAO_TRY(const auto conflict, row_of(rows, "conflict_of_interest", {inspector, std::string_view(visit.school)}));
  if (conflict && integer_in(conflicts, *conflict, "until_day").value_or(visit.day()) >= visit.day())
    ++out.recusal_breaches;
  return count_findings(rows, inspector, id, out);
}

/// One part of the assessment.
struct Share {
  const char* name;
  std::int64_t weight, part, whole;

  std::int64_t value() const { return std::min(part, whole) * kWhole / whole; }  ///< REQUIRES: whole > 0
};
std::array<Share, 5> shares_of(const AssessmentInputs& in) {
  return {{{"visits", 40, in.visits_done, in.visits_required},
           {"in_time", 20, in.submitted_in_time, in.submitted},
           {"findings", 15, in.findings_verified, in.findings_due},
           {"training", 15, in.training_hours, in.training_minimum},
           {"not_returned", 10, in.visits_done - in.visits_returned, in.visits_done}}};
}

constexpr std::array<std::string_view, 4> kGrades = {"EXCELLENT", "GOOD", "PASS", "FAIL"};

}  // namespace

std::int64_t year_of(std::int64_t day) noexcept { return static_cast<int>(date_of(day).year()); }
std::int64_t first_day_of_year(std::int64_t year) noexcept {
  return day_of(std::chrono::year{static_cast<int>(year)} / std::chrono::January / 1);
}

// --- Who they are.

Result<InspectorView> find_inspector(Store& rows, std::string_view inspector) {
  const Table& table = table_of("inspector");
  DUDAO_TRY(const auto row, row_of(rows, "inspector", {inspector}));
  if (!row) return fail(Code::kInspectorUnknown, std::string(inspector.substr(0, 64)));
  InspectorView out;
  out.code = inspector;
  out.name = text_in(table, *row, "name");
  const auto state = inspector_state_from(text_in(table, *row, "status"));
  if (!state) return fail(Code::kStateUnknown, out.code);
  out.state = *state;
  out.full_time = integer_in(table, *row, "full_time").value_or(0) != 0;
  out.lead = integer_in(table, *row, "lead").value_or(0) != 0;
  out.credential = text_in(table, *row, "credential");
  out.credential_until_day = integer_in(table, *row, "credential_until_day");
  out.capacity = integer_in(table, *row, "capacity").value_or(0);
  const Table& profiles = table_of("inspector_profile");
  DUDAO_TRY(const auto profile, row_of(rows, "inspector_profile", {inspector}));
  if (!profile) return out;
  out.has_profile = true;
  out.unit = text_in(profiles, *profile, "org_unit");
  out.degree = integer_in(profiles, *profile, "degree").value_or(0) != 0;
  out.education_years = integer_in(profiles, *profile, "education_years").value_or(0);
  out.subjects = text_in(profiles, *profile, "subjects");
  return out;
}

Result<std::map<std::string, std::string>> units_of_inspectors(Store& rows, std::int64_t day) {
  std::map<std::string, std::string> out;
  const Table& profiles = table_of("inspector_profile");
  DUDAO_CHECK(rows.each_row(profiles, [&](const StoredRow& row) -> Status {
    if (std::string unit = text_in(profiles, row, "org_unit"); !unit.empty())
      out.emplace(text_in(profiles, row, "inspector"), std::move(unit));
    return {};
  }));
  const Table& zones = table_of("zone");
  std::map<std::string, std::vector<std::string>> schools;
  DUDAO_CHECK(rows.each_row(zones, [&](const StoredRow& row) -> Status {
    std::string inspector = text_in(zones, row, "inspector");
    if (integer_in(zones, row, "until_day").value_or(day) >= day && !out.contains(inspector))
      schools[std::move(inspector)].push_back(text_in(zones, row, "school"));
    return {};
  }));
  for (const auto& [inspector, of_zone] : schools) {
    std::vector<std::string> common;
    std::set<std::string> seen;
    for (const std::string& school : of_zone) {
      const auto unit = unit_of_school(rows, school);
      if (!unit && unit.error().code != Code::kSchoolUnknown) return fail(unit.error());
      if (!unit || unit->empty() || !seen.insert(*unit).second) continue;
      DUDAO_TRY(auto chain, chain_of(rows, *unit));
      if (seen.size() == 1)
        common = std::move(chain);
      else
        std::erase_if(common,
                      [&](const std::string& at) { return std::find(chain.begin(), chain.end(), at) == chain.end(); });
    }
    if (!common.empty()) out.emplace(inspector, common.front());
  }
  return out;
}

Result<std::string> unit_of_inspector(Store& rows, std::string_view inspector, std::int64_t day) {
  DUDAO_TRY(const InspectorView who, find_inspector(rows, inspector));
  if (!who.unit.empty()) return who.unit;
  DUDAO_TRY(const auto units, units_of_inspectors(rows, day));
  const auto found = units.find(who.code);
  return found == units.end() ? std::string() : found->second;
}

Result<ChangesBuilder> change_profile(Store& rows, std::string_view inspector, const ProfileChange& change) {
  DUDAO_TRY(const InspectorView who, find_inspector(rows, inspector));
  if (change.unit && !change.unit->empty()) DUDAO_CHECK(units_from(rows, *change.unit));
  const auto outside = [](const std::optional<std::int64_t>& number, std::int64_t most) {
    return number && (*number < 0 || *number > most);
  };
  if (outside(change.education_years, kMaxEducationYears)) return fail(Code::kRowNumber, "education_years");
  if (outside(change.capacity, kMaxCapacity)) return fail(Code::kRowNumber, "capacity");
  for (const auto& [words, what] : {std::pair(change.subjects, "subjects"), {change.credential, "credential"}})
    if (words) DUDAO_CHECK(check_words(*words, kMaxInspectorNameChars, what));

  ChangesBuilder out;
  const auto update = [&](std::string_view table,
                          const std::vector<std::pair<std::string_view, Value>>& wanted) -> Status {
    DUDAO_TRY(const auto before, row_of(rows, table, {inspector}));
    std::vector<std::pair<std::size_t, Value>> cells;
    for (const auto& [column, value] : wanted) {
      const std::size_t at = table_of(table).column(column);
      if (before->cells[at] != value) cells.emplace_back(at, value);
    }
    std::sort(cells.begin(), cells.end());
    if (!cells.empty()) out.update(table, {std::string(inspector)}, std::move(cells));
    return {};
  };
  std::vector<std::pair<std::string_view, Value>> duties;
  if (change.lead) duties.emplace_back("lead", std::int64_t{*change.lead});
  if (change.credential) duties.emplace_back("credential", or_null(*change.credential));
  if (change.credential_until_day) duties.emplace_back("credential_until_day", *change.credential_until_day);
  if (change.capacity) duties.emplace_back("capacity", *change.capacity);
  DUDAO_CHECK(update("inspector", duties));

  const bool any = change.unit || change.degree || change.education_years || change.subjects;
  const std::string unit = change.unit.value_or(who.unit);
  const std::int64_t degree{change.degree.value_or(who.degree)};
  const std::int64_t education_years = change.education_years.value_or(who.education_years);
  const std::string subjects = change.subjects.value_or(who.subjects);
  if (any && !who.has_profile)
    out.insert("inspector_profile",
               {std::string(inspector), or_null(unit), degree, education_years, or_null(subjects)});
  else if (any)
    DUDAO_CHECK(update("inspector_profile", {{"org_unit", or_null(unit)},
                                             {"degree", degree},
                                             {"education_years", education_years},
                                             {"subjects", or_null(subjects)}}));
  return out;
}

Result<ChangesBuilder> declare_conflict(Store& rows, std::string_view inspector, std::string_view school,
                                        std::string_view reason, std::optional<std::int64_t> until_day) {
  DUDAO_CHECK(find_inspector(rows, inspector));
  DUDAO_CHECK(unit_of_school(rows, school));
  if (reason.size() != 2 || reason[0] != 'R' || reason[1] < '1' || reason[1] > '5')
    return fail(Code::kRowValue, "reason " + std::string(reason.substr(0, 40)));
  ChangesBuilder out;
  DUDAO_TRY(const auto before, row_of(rows, "conflict_of_interest", {inspector, school}));
  if (before)
    out.update("conflict_of_interest", {std::string(inspector), std::string(school)},
               {{2, std::string(reason)}, {3, or_null(until_day)}});
  else
    out.insert("conflict_of_interest",
               {std::string(inspector), std::string(school), std::string(reason), or_null(until_day)});
  return out;
}

// --- Steps and terms.

Result<std::vector<TermOfOffice>> terms_of(Store& rows, std::string_view inspector) {
  DUDAO_TRY(const auto found, numbered(rows, "term_of_office", inspector));
  const Table& table = table_of("term_of_office");
  std::vector<TermOfOffice> out;
  for (const StoredRow& row : found)
    out.push_back({integer_in(table, row, "n").value_or(0), integer_in(table, row, "from_day").value_or(0),
                   integer_in(table, row, "to_day").value_or(0), integer_in(table, row, "ended_day")});
  return out;
}

Result<std::vector<StoredRow>> inspector_steps(Store& rows, std::string_view inspector) {
  return numbered(rows, "inspector_step", inspector);
}

Result<ChangesBuilder> take_inspector_step(Store& rows, const InspectorAct& act, std::int64_t utc_ms,
                                           std::int64_t today) {
  const std::string event(to_string(act.event));
  DUDAO_TRY(const auto row, row_of(rows, "inspector", {std::string_view(act.inspector)}));
  const bool fresh = !row;
  if (fresh && act.event != InspectorEvent::kNominate)
    return fail(Code::kInspectorUnknown, act.inspector.substr(0, 64));
  InspectorView who;
  if (!fresh) {
    DUDAO_TRY(who, find_inspector(rows, act.inspector));
  }
  DUDAO_TRY(const InspectorState to, advance(who.state, act.event));
  DUDAO_TRY(const auto steps, inspector_steps(rows, act.inspector));
  const std::int64_t last_day =
      steps.empty() ? act.day : integer_in(table_of("inspector_step"), steps.back(), "day").value_or(act.day);
  if (act.day > today || act.day < last_day)
    return fail(Code::kInspectorTransitionNotAllowed, event + " on " + date_text(act.day));
  DUDAO_CHECK(check_person(act.person));
  DUDAO_CHECK(check_words(act.reason, kMaxInspectorReasonChars, "reason"));
  const bool needs_reason = act.event == InspectorEvent::kSuspend || act.event == InspectorEvent::kReject;
  if ((needs_reason && act.reason.empty()) || (act.event == InspectorEvent::kExit && !act.cause))
    return fail(Code::kReasonMissing, event);

  ChangesBuilder out;
  if (fresh) {
    if (!is_code(act.inspector)) return fail(Code::kRowCode, "inspector");
    if (act.name.empty()) return fail(Code::kWordsMissing, "name");
    DUDAO_CHECK(check_words(act.name, kMaxInspectorNameChars, "name"));
    if (act.capacity < 0 || act.capacity > kMaxCapacity) return fail(Code::kRowNumber, "capacity");
    out.insert("inspector", {act.inspector, act.name, std::int64_t{act.full_time}, std::int64_t{act.lead}, Value(),
                             Value(), act.capacity, std::string(to_string(to))});
  } else if (to != who.state) {
    out.update("inspector", {act.inspector}, {{table_of("inspector").column("status"), std::string(to_string(to))}});
  }
  if (act.event == InspectorEvent::kAppoint) {
    DUDAO_TRY(const auto term, check_appointment(rows, act, who, steps));
    if (term) out.insert("term_of_office", term_cells(act.inspector, *term));
  }
  std::string reason = act.reason;
  if (act.event == InspectorEvent::kExit) {
    reason = std::string(to_string(*act.cause)) + (reason.empty() ? "" : ": " + reason);
    DUDAO_TRY(const auto terms, terms_of(rows, act.inspector));
    for (const TermOfOffice& term : terms)
      if (!term.ended_day && term.to_day > act.day)
        out.update("term_of_office", {act.inspector, term.n},
                   {{table_of("term_of_office").column("ended_day"), act.day}});
  }
  out.insert("inspector_step", {act.inspector, static_cast<std::int64_t>(steps.size()) + 1, event,
                                std::string(to_string(to)), act.person, or_null(reason), act.day, utc_ms});
  return out;
}

Result<ChangesBuilder> record_term(Store& rows, std::string_view inspector, std::int64_t from_day, std::int64_t to_day,
                                   std::int64_t today) {
  DUDAO_TRY(const InspectorView who, find_inspector(rows, inspector));
  DUDAO_TRY(const auto before, terms_of(rows, inspector));
  DUDAO_TRY(const auto steps, inspector_steps(rows, inspector));
  const Table& table = table_of("inspector_step");
  bool by_appointment = from_day > today;
  for (const StoredRow& step : steps)
    by_appointment = by_appointment || (text_in(table, step, "event") == to_string(InspectorEvent::kAppoint) &&
                                        integer_in(table, step, "day").value_or(0) <= from_day);
  // Otherwise a term could be had past what an appointment asks for.
  if (by_appointment) return fail(Code::kTermOfOfficeWrong, "comes with an appointment");
  const TermOfOffice term{static_cast<std::int64_t>(before.size()) + 1, from_day, to_day, std::nullopt};
  DUDAO_TRY(const std::string unit, unit_of_inspector(rows, inspector, today));
  DUDAO_CHECK(check_term_by_policy(rows, who, before, term, unit));
  ChangesBuilder out;
  out.insert("term_of_office", term_cells(inspector, term));
  return out;
}

// --- Training.

Result<ChangesBuilder> add_training(Store& rows, std::string_view inspector, const TrainingEntry& entry,
                                    std::int64_t utc_ms, std::int64_t today) {
  DUDAO_CHECK(find_inspector(rows, inspector));
  if (entry.title.empty()) return fail(Code::kTrainingWrong, "title");
  if (entry.day > today) return fail(Code::kTrainingWrong, date_text(entry.day));
  if (entry.hours < 1 || entry.hours > kMaxTrainingHours)
    return fail(Code::kTrainingWrong, std::to_string(entry.hours) + " hours");
  DUDAO_CHECK(check_words(entry.title, kMaxInspectorNameChars, "title"));
  DUDAO_CHECK(check_words(entry.provider, kMaxInspectorNameChars, "provider"));
  DUDAO_CHECK(check_person(entry.person));
  DUDAO_TRY(const auto before, training_entries(rows, inspector));
  ChangesBuilder out;
  out.insert("training", {std::string(inspector), static_cast<std::int64_t>(before.size()) + 1, entry.day, entry.hours,
                          entry.title, or_null(entry.provider), Value(), entry.person, utc_ms});
  return out;
}

Result<ChangesBuilder> void_training(Store& rows, std::string_view inspector, std::int64_t n, std::string_view reason) {
  DUDAO_CHECK(find_inspector(rows, inspector));
  if (reason.empty()) return fail(Code::kReasonMissing, "training");
  DUDAO_CHECK(check_words(reason, kMaxInspectorReasonChars, "reason"));
  const Table& table = table_of("training");
  DUDAO_TRY(const auto row, row_of(rows, "training", {inspector, n}));
  if (!row) return fail(Code::kTrainingWrong, "there is no entry " + std::to_string(n));
  if (!text_in(table, *row, "void_reason").empty())
    return fail(Code::kTrainingWrong, "entry " + std::to_string(n) + " is void");
  ChangesBuilder out;
  out.update("training", {std::string(inspector), n}, {{table.column("void_reason"), std::string(reason)}});
  return out;
}

Result<std::vector<StoredRow>> training_entries(Store& rows, std::string_view inspector) {
  return numbered(rows, "training", inspector);
}

Result<TrainingYear> training_of(Store& rows, std::string_view inspector, std::string_view unit, std::int64_t year,
                                 std::int64_t today) {
  TrainingYear out;
  out.year = year;
  const std::int64_t last = first_day_of_year(year + 1) - 1;
  DUDAO_TRY(out.minimum, policy_value(rows, Policy::kTrainingHours, unit, std::min(last, today)));
  DUDAO_TRY(const auto entries, training_entries(rows, inspector));
  const Table& table = table_of("training");
  for (const StoredRow& entry : entries) {
    if (!text_in(table, entry, "void_reason").empty() || year_of(integer_in(table, entry, "day").value_or(0)) != year)
      continue;
    out.hours += integer_in(table, entry, "hours").value_or(0);
    out.entries.push_back(integer_in(table, entry, "n").value_or(0));
  }
  const std::int64_t fourth_quarter = day_of(std::chrono::year{static_cast<int>(year)} / std::chrono::October / 1);
  out.warned = out.missing() > 0 && today >= fourth_quarter;
  return out;
}

// --- Assigning.

Status check_available(Store& rows, std::string_view inspector, std::int64_t from_day, std::int64_t to_day,
                       std::int64_t also_assigned) {
  DUDAO_TRY(const InspectorView who, find_inspector(rows, inspector));
  if (who.state != InspectorState::kActive) return fail(Code::kTeamWrong, who.code + " is not active");
  if (who.credential_until_day && *who.credential_until_day < to_day)
    return fail(Code::kCredentialOver, who.code + " " + date_text(*who.credential_until_day));
  DUDAO_TRY(auto terms, terms_of(rows, inspector));
  std::erase_if(terms, [](const TermOfOffice& term) { return !term.begun(); });
  for (std::int64_t day = from_day; !terms.empty() && day <= to_day;) {
    const auto term =
        std::find_if(terms.begin(), terms.end(), [&](const TermOfOffice& one) { return one.running(day); });
    if (term == terms.end()) return fail(Code::kTeamWrong, who.code + " has no term on " + date_text(day));
    day = term->last_day() + 1;
  }
  if (who.capacity == 0) return {};  // Takes part in no draw; how much to ask of them is left to who plans.
  std::int64_t assigned = also_assigned;
  DUDAO_TRY(const auto visits, rows.visits_of_inspector(inspector));
  for (const Bytes& id : visits) {
    if (assigned >= who.capacity) break;
    DUDAO_TRY(const VisitOfYear visit, read_visit(rows, id));
    if (visit.state != VisitState::kCancelled && months_since_0(visit.from_day) == months_since_0(from_day)) ++assigned;
  }
  if (assigned >= who.capacity) return fail(Code::kCapacityFull, who.code + " " + date_text(from_day).substr(0, 7));
  return {};
}

// --- The yearly assessment.

std::string_view to_string(AssessmentGrade grade) noexcept {
  const auto at = static_cast<std::size_t>(grade) - 1;
  return at < kGrades.size() ? kGrades[at] : std::string_view("UNKNOWN");
}
std::optional<AssessmentGrade> assessment_grade_from(std::string_view name) noexcept {
  const auto* const found = std::find(kGrades.begin(), kGrades.end(), name);
  if (found == kGrades.end()) return std::nullopt;
  return static_cast<AssessmentGrade>(found - kGrades.begin() + 1);
}

std::int64_t assessment_score(const AssessmentInputs& inputs) noexcept {
  std::int64_t sum = 0;
  std::int64_t weights = 0;
  for (const Share& share : shares_of(inputs)) {
    if (share.whole <= 0) continue;
    sum += share.weight * share.value();
    weights += share.weight;
  }
  const std::int64_t score = weights == 0 ? kNothingAsked : sum / weights;
  return std::max<std::int64_t>(0, score - kBreachCosts * inputs.recusal_breaches);
}

AssessmentGrade proposed_grade(std::int64_t score) noexcept {
  if (score >= 9'000) return AssessmentGrade::kExcellent;
  if (score >= 8'000) return AssessmentGrade::kGood;
  return score >= 6'000 ? AssessmentGrade::kPass : AssessmentGrade::kFail;
}

std::string assessment_json(const AssessmentInputs& inputs) {
  json shares = json::object();
  for (const Share& share : shares_of(inputs))
    shares[share.name] = {{"weight", share.weight},
                          {"part", share.part},
                          {"whole", share.whole},
                          {"share", share.whole > 0 ? json(share.value()) : json()}};
  const json out = {{"format", "dudao-assessment-1"},
                    {"year", inputs.year},
                    {"as_of", date_text(inputs.as_of_day)},
                    {"unit", inputs.unit},
                    {"zone_schools", inputs.zone_schools},
                    {"assigned", inputs.assigned},
                    {"visits_returned", inputs.visits_returned},
                    {"recusal_breaches", inputs.recusal_breaches},
                    {"shares", std::move(shares)},
                    {"score", assessment_score(inputs)}};
  return out.dump();
}

Result<AssessmentInputs> assess(Store& rows, std::string_view inspector, std::int64_t year, std::int64_t today) {
  DUDAO_TRY(const InspectorView who, find_inspector(rows, inspector));
  if (!in_office(who.state) && who.state != InspectorState::kExited)
    return fail(Code::kInspectorTransitionNotAllowed, "assess in " + std::string(to_string(who.state)));
  if (year < 1900 || year > year_of(today)) return fail(Code::kAssessmentWrong, std::to_string(year));
  AssessmentInputs out;
  out.year = year;
  out.as_of_day = std::min(today, first_day_of_year(year + 1) - 1);
  DUDAO_TRY(out.unit, unit_of_inspector(rows, inspector, out.as_of_day));
  DUDAO_TRY(const TrainingYear training, training_of(rows, inspector, out.unit, year, today));
  out.training_hours = training.hours;
  out.training_minimum = training.minimum;

  const Table& zones = table_of("zone");
  DUDAO_CHECK(rows.each_row(zones, [&](const StoredRow& row) -> Status {
    if (text_in(zones, row, "inspector") == inspector &&
        integer_in(zones, row, "until_day").value_or(out.as_of_day) >= first_day_of_year(year))
      ++out.zone_schools;
    return {};
  }));
  DUDAO_TRY(const std::int64_t per_term, policy_value(rows, Policy::kRoutineVisitsPerTerm, out.unit, out.as_of_day));

  const Table& events = table_of("visit_event");
  DUDAO_TRY(const auto visits, rows.visits_of_inspector(inspector));
  for (const Bytes& id : visits) {
    DUDAO_TRY(VisitOfYear visit, read_visit(rows, id));
    DUDAO_CHECK(rows.each_row_of_visit(events, id, 0, [&](const StoredRow& row) -> Status {
      const std::string event = text_in(events, row, "event");
      if (event != "check_in" && event != "refuse_entry" && event != "no_access") return {};
      const std::int64_t day = moment_day(events, row);
      visit.arrival_day = std::min(visit.arrival_day.value_or(day), day);
      return {};
    }));
    if (visit.state == VisitState::kCancelled || year_of(visit.day()) != year) continue;
    // What may still be done in time is not missed yet.
    if (!visit.done() && visit.to_day >= out.as_of_day) continue;
    ++out.assigned;
    if (visit.done()) DUDAO_CHECK(count_done_visit(rows, inspector, id, visit, out));
  }
  out.visits_required = std::max(out.assigned, out.zone_schools * per_term * kTermsOfSchoolYear);
  return out;
}

Result<ChangesBuilder> decide_assessment(Store& rows, std::string_view inspector, std::int64_t year,
                                         std::string_view grade, std::string_view person, std::string_view reason,
                                         std::int64_t utc_ms, std::int64_t today) {
  DUDAO_TRY(const AssessmentInputs inputs, assess(rows, inspector, year, today));
  const auto decided = assessment_grade_from(grade);
  if (!decided) return fail(Code::kAssessmentWrong, std::string(grade.substr(0, 40)));
  DUDAO_CHECK(check_person(person));
  DUDAO_CHECK(check_words(reason, kMaxInspectorReasonChars, "reason"));
  const AssessmentGrade proposed = proposed_grade(assessment_score(inputs));
  DUDAO_TRY(const auto before, row_of(rows, "assessment", {inspector, year}));
  if (reason.empty() && (proposed != *decided || before))
    return fail(Code::kAssessmentWrong, "proposed " + std::string(to_string(proposed)));
  std::vector<Value> cells = {std::string(inspector),
                              year,
                              assessment_json(inputs),
                              std::string(to_string(proposed)),
                              std::string(to_string(*decided)),
                              std::string(person),
                              or_null(reason),
                              utc_ms};
  ChangesBuilder out;
  if (!before) {
    out.insert("assessment", std::move(cells));
    return out;
  }
  std::vector<std::pair<std::size_t, Value>> changed;
  for (std::size_t at = table_of("assessment").key_columns; at < cells.size(); ++at)
    if (cells[at] != before->cells[at]) changed.emplace_back(at, cells[at]);
  if (!changed.empty()) out.update("assessment", {std::string(inspector), year}, std::move(changed));
  return out;
}

}  // namespace dudao
