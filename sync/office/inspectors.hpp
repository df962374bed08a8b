#pragma once

/// Inspectors from nomination to exit: what each step asks for, what they are and have learned, when they may be
/// assigned, and what a year of theirs came to. Which step may follow which stands in schema/inspector_state.hpp.
///
/// `inspector.status` is the state after the newest step; an inspector whom the register brought in has no steps and is
/// what the register says. Figures come from the policies (schema/policy.hpp) of the inspector's unit.
///
/// What returns a ChangesBuilder is the content of a decision, for Office::decide. Days are days since 1970-01-01 at
/// the place, `utc_ms` is the office's time. Errors of every function besides those named: database errors.

#include "schema/inspector_state.hpp"
#include "sync/changes.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

inline constexpr std::size_t kMaxInspectorNameChars = 200;  ///< of a person, a course, who held it
inline constexpr std::size_t kMaxInspectorReasonChars = 4'000;
inline constexpr std::int64_t kMaxTrainingHours = 400;  ///< of one entry
/// Schools of a responsibility zone as a rule; more are shown, never refused.
inline constexpr std::int64_t kZoneSchoolsAsARule = 20;

/// The calendar year of a day, and its first day.
std::int64_t year_of(std::int64_t day) noexcept;
std::int64_t first_day_of_year(std::int64_t year) noexcept;

// --- Who they are.

struct InspectorView {
  std::string code, name;
  InspectorState state{};
  bool full_time = false, lead = false;
  std::string credential;  ///< empty: not issued
  std::optional<std::int64_t> credential_until_day;
  std::int64_t capacity = 0;
  bool has_profile = false;
  std::string unit;  ///< of the profile; empty: not known
  bool degree = false;
  std::int64_t education_years = 0;
  std::string subjects;
};
/// Errors: kInspectorUnknown, kStateUnknown.
Result<InspectorView> find_inspector(Store& rows, std::string_view inspector);
/// The unit whose figures count for each inspector of a profile or a zone: that of the profile, where it names none
/// the nearest that all schools of the zone are in. Not in it, or empty: nothing is known, so the nation's figures.
Result<std::map<std::string, std::string>> units_of_inspectors(Store& rows, std::int64_t day);
Result<std::string> unit_of_inspector(Store& rows, std::string_view inspector, std::int64_t day);

struct ProfileChange {  ///< Absent: stays as it is; an empty text takes back.
  std::optional<std::string> unit, subjects, credential;
  std::optional<bool> degree, lead;
  std::optional<std::int64_t> education_years, capacity, credential_until_day;
};
/// Empty when nothing changes. Errors: kInspectorUnknown, kUnitUnknown, kRowNumber (years beyond 0 to 80, capacity
/// beyond 0 to kMaxCapacity of schema/draw.hpp), kTextTooLong, kTextNotUtf8.
Result<ChangesBuilder> change_profile(Store& rows, std::string_view inspector, const ProfileChange& change);
/// R1 to R5, entered by the office; once more about the same school replaces. Errors: kInspectorUnknown,
/// kSchoolUnknown, kRowValue (no such reason).
Result<ChangesBuilder> declare_conflict(Store& rows, std::string_view inspector, std::string_view school,
                                        std::string_view reason, std::optional<std::int64_t> until_day);

// --- Steps and terms.

struct TermOfOffice {
  std::int64_t n = 0;  ///< from 1
  std::int64_t from_day = 0, to_day = 0;
  std::optional<std::int64_t> ended_day;

  std::int64_t last_day() const noexcept { return ended_day.value_or(to_day); }
  bool begun() const noexcept { return last_day() >= from_day; }  ///< not ended before it began
  bool running(std::int64_t day) const noexcept { return from_day <= day && day <= last_day(); }
};
Result<std::vector<TermOfOffice>> terms_of(Store& rows, std::string_view inspector);

/// One step of an inspector.
struct InspectorAct {
  std::string inspector;
  InspectorEvent event{};
  std::string person;                            ///< who decides
  std::string reason;                            ///< needed to suspend and to reject
  std::int64_t day = 0;                          ///< takes effect; neither after today nor before the step before
  std::optional<ExitCause> cause;                ///< needed to exit
  std::optional<std::int64_t> from_day, to_day;  ///< of the term of an appointment
  // Of a nomination, where there is no inspector of the code yet.
  std::string name;
  bool full_time = false, lead = false;
  std::int64_t capacity = 0;
};
/// What an appointment asks for: a degree and EDUCATION_YEARS of work in education by the profile; of a part-time
/// inspector a term of TERM_YEARS at most, and of TERMS_IN_A_ROW at most in a row (a pause as long as a term ends the
/// row); no overlap of terms; of whoever was an inspector all through the year before, TRAINING_HOURS of that year. The
/// term of a part-time inspector begins, where no day is given, on the day of the step, of an active one on the day
/// after the term before, and is as long as is allowed; a full-time inspector has one only where it is given. An exit
/// ends terms that go on.
/// Errors: kInspectorUnknown, kInspectorTransitionNotAllowed (also for a wrong day), kReasonMissing, kWordsMissing,
/// kTextTooLong, kTextNotUtf8, kRowCode and kRowNumber (nominate), kInspectorNotQualified, kTermOfOfficeWrong,
/// kTermLimit, kTrainingShort.
Result<ChangesBuilder> take_inspector_step(Store& rows, const InspectorAct& act, std::int64_t utc_ms,
                                           std::int64_t today);
/// Oldest first, as rows of inspector_step.
Result<std::vector<StoredRow>> inspector_steps(Store& rows, std::string_view inspector);
/// A term that began before the office kept terms here; one that an appointment on record would give comes with that.
/// Errors: kInspectorUnknown, kTermOfOfficeWrong, kTermLimit.
Result<ChangesBuilder> record_term(Store& rows, std::string_view inspector, std::int64_t from_day, std::int64_t to_day,
                                   std::int64_t today);

// --- Training.

struct TrainingEntry {
  std::int64_t day = 0;    ///< last day of the course
  std::int64_t hours = 0;  ///< 学时
  std::string title, provider, person;
};
/// Errors: kInspectorUnknown, kTrainingWrong, kWordsMissing (person), kTextTooLong, kTextNotUtf8.
Result<ChangesBuilder> add_training(Store& rows, std::string_view inspector, const TrainingEntry& entry,
                                    std::int64_t utc_ms, std::int64_t today);
/// Errors: kInspectorUnknown, kReasonMissing, kTrainingWrong (no such entry, or void already), kTextTooLong,
/// kTextNotUtf8.
Result<ChangesBuilder> void_training(Store& rows, std::string_view inspector, std::int64_t n, std::string_view reason);
/// Oldest entry first, void ones too, as rows of training.
Result<std::vector<StoredRow>> training_entries(Store& rows, std::string_view inspector);

struct TrainingYear {
  std::int64_t year = 0;
  std::int64_t hours = 0, minimum = 0;  ///< 学时
  std::vector<std::int64_t> entries;    ///< that count
  /// Short, and three quarters of the year are over, from 1 October on.
  bool warned = false;

  std::int64_t missing() const noexcept { return hours < minimum ? minimum - hours : 0; }
};
/// `unit`: whose TRAINING_HOURS count, those in force on the last day of the year, or today while it goes on.
Result<TrainingYear> training_of(Store& rows, std::string_view inspector, std::string_view unit, std::int64_t year,
                                 std::int64_t today);

// --- Assigning.

/// Whether the inspector may be assigned a visit whose window has these days: active; the credential is valid on all of
/// them (one without a last day is, and so is one that the register does not know); a term runs on all of them, where
/// there are terms; where a capacity is set, in the month in which the window begins fewer visits than `capacity` are
/// assigned, counting those whose windows begin in it and that were not cancelled, and `also_assigned`, those that the
/// same decision assigns. Errors: kInspectorUnknown, kTeamWrong (not active, no term), kCredentialOver, kCapacityFull.
Status check_available(Store& rows, std::string_view inspector, std::int64_t from_day, std::int64_t to_day,
                       std::int64_t also_assigned = 0);

// --- The yearly assessment.

enum class AssessmentGrade : std::uint8_t { kExcellent = 1, kGood, kPass, kFail };
std::string_view to_string(AssessmentGrade grade) noexcept;  ///< "EXCELLENT"
std::optional<AssessmentGrade> assessment_grade_from(std::string_view name) noexcept;

/// What is counted of a year up to `as_of_day`: the last day of the year, or today while it goes on. A visit is of the
/// year of its first check-in, without one of the first day of its window; it is done once the office holds its
/// submission. Visits from which the inspector withdrew do not count.
struct AssessmentInputs {
  std::int64_t year = 0, as_of_day = 0;
  std::string unit;               ///< whose policies counted
  std::int64_t zone_schools = 0;  ///< for which the inspector answers in that year
  std::int64_t assigned = 0;      ///< visits, done or past their window; not cancelled
  /// The larger of `assigned` and two terms' ROUTINE_VISITS_PER_TERM to each school of the zone.
  std::int64_t visits_required = 0;
  std::int64_t visits_done = 0;
  std::int64_t submitted = 0, submitted_in_time = 0;  ///< by the inspector; in time: on a day of the window
  /// Findings of the inspector, neither void nor referred: closed, or past the day for putting them right.
  std::int64_t findings_due = 0, findings_verified = 0;
  std::int64_t training_hours = 0, training_minimum = 0;
  std::int64_t visits_returned = 0;  ///< done ones about which the office asked
  /// Visits done at a school about which a conflict of interest is on record that lasted until then. When it arose the
  /// register does not say, which is for the person who decides to know.
  std::int64_t recusal_breaches = 0;
};
/// In hundredths of a point, 0 to 10,000. Shares, each cut at one: visits done of required (weight 40), submitted in
/// time of submitted (20), findings verified of due (15), hours of training of the minimum (15), done visits that were
/// not returned of done (10). share = part · 10,000 / whole; a share whose whole is 0 is left out with its weight;
/// score = Σ weight · share / Σ weight − 2,000 for each recusal breach, not below 0. All divisions round down. 7,500
/// where nothing at all was asked. Pure.
std::int64_t assessment_score(const AssessmentInputs& inputs) noexcept;
/// From 9,000 on EXCELLENT, from 8,000 GOOD, from 6,000 PASS. Pure.
AssessmentGrade proposed_grade(std::int64_t score) noexcept;
/// As they are kept in assessment.inputs: JSON of the form "dudao-assessment-1" with counts, shares, weights and score.
std::string assessment_json(const AssessmentInputs& inputs);

/// Counts. Errors: kInspectorUnknown, kInspectorTransitionNotAllowed (never became an inspector), kAssessmentWrong (the
/// year has not begun).
Result<AssessmentInputs> assess(Store& rows, std::string_view inspector, std::int64_t year, std::int64_t today);
/// Counts and records what the person decided; deciding once more needs a reason. Errors: those of assess(),
/// kAssessmentWrong (no such grade, or no reason where it differs from what is proposed or from what was decided),
/// kWordsMissing (person), kTextTooLong, kTextNotUtf8.
Result<ChangesBuilder> decide_assessment(Store& rows, std::string_view inspector, std::int64_t year,
                                         std::string_view grade, std::string_view person, std::string_view reason,
                                         std::int64_t utc_ms, std::int64_t today);

}  // namespace dudao
