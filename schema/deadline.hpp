#pragma once

/// When something is due. The nation's law sets few limits and leaves the rest to provinces, so every limit is data: a
/// rule says from which event on, how long, in which unit; a calendar says which days are worked and when terms are.
/// Pure, any thread.
///
/// How time is counted follows the Civil Code of the PRC: the day of the event does not count (art. 201), a month ends
/// on the day of the same number or, where there is none, on its last day (art. 202), and a limit that would end on a
/// day off ends on the next worked day (art. 203), unless the rule says otherwise.

#include "platform/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// The day (since 1970-01-01) that it is at the place, whose time is `offset_min` minutes ahead of UTC.
std::int64_t local_day(std::int64_t utc_ms, int offset_min) noexcept;
/// When that day begins there, in ms since 1970-01-01 UTC.
std::int64_t begin_of_day_utc_ms(std::int64_t day, int offset_min) noexcept;

/// The day of the same number so many months later, or where there is none the last of that month (art. 202).
std::int64_t months_after(std::int64_t day, std::int64_t months);

/// What has to be done in time.
enum class DeadlineStep : std::uint8_t {
  kPriorNotice = 1,
  kPreliminaryFeedback,
  kPlea,
  kOpinion,
  kOpinionReviewRequest,
  kOpinionReview,
  kRectification,
  kRectificationReport,
  kReinspection,
  kReboundCheck,
  kGovernmentReport,
  kInvestigationTeam,
  kDecisionReviewRequest,
  kDecisionReview,
  kAppeal,
  kAppealDecision,
  kAppealCorrection,
};
/// What sets the time running.
enum class DeadlineAnchor : std::uint8_t {
  kVisitBegins = 1,
  kVisitEnded,
  kFeedbackGiven,
  kOpinionIssued,
  kReviewRequested,
  kRectificationDue,
  kRectificationReported,
  kRectificationVerified,
  kDecisionServed,
  kReviewAnswered,
  kAppealReceived,
  kAppealDecided,
};
enum class DeadlineUnit : std::uint8_t { kDay = 1, kWorkingDay, kMonth, kTerm };
/// As they stand in files: "PRIOR_NOTICE", "VISIT_ENDED", "WORKING_DAY".
std::string_view to_string(DeadlineStep step) noexcept;
std::string_view to_string(DeadlineAnchor anchor) noexcept;
std::string_view to_string(DeadlineUnit unit) noexcept;

/// Which days are worked, and when terms are.
class WorkCalendar {
 public:
  /// Monday to Friday are worked, but for the days that are marked. Marking again replaces.
  void mark(std::int64_t day, bool worked) { marked_[day] = worked; }
  /// Up to this day all holidays are marked; beyond it they are not announced yet.
  void set_announced_until(std::int64_t day) { announced_until_ = day; }
  /// Error: kTermWrong (ends before it begins, or overlaps another).
  Status add_term(std::int64_t first_day, std::int64_t last_day);

  bool is_worked(std::int64_t day) const noexcept;
  std::int64_t announced_until() const noexcept { return announced_until_; }
  /// Last day of the term that is `terms` after the one of the day; a day between terms counts with the term before it.
  std::optional<std::int64_t> end_of_term(std::int64_t day, std::int64_t terms) const;

 private:
  std::map<std::int64_t, bool> marked_;
  std::map<std::int64_t, std::int64_t> terms_;  ///< first day → last day
  std::int64_t announced_until_ = 0;
};

struct DeadlineRule {
  std::string code;
  std::string jurisdiction;  ///< code of an organisational unit; empty: the whole nation
  DeadlineStep step{};
  std::vector<std::string> visit_kinds;  ///< SPECIAL, COMPREHENSIVE …; empty: all
  DeadlineAnchor anchor{};
  std::int64_t amount = 0;  ///< negative: so long before the event, and not earlier
  DeadlineUnit unit{};
  bool to_worked_day = true;  ///< art. 203; not for working days, which end on one anyway
  std::int64_t from_day = 0;  ///< in force
  std::optional<std::int64_t> to_day;
  std::string source;  ///< law and article
};

struct Due {
  std::int64_t day = 0;
  bool provisional = false;  ///< days count on it whose holidays are not announced yet
};
/// Error: kTermWrong (the calendar does not reach so far).
Result<Due> due(const DeadlineRule& rule, std::int64_t anchor_day, const WorkCalendar& calendar);

/// Rules and calendar as an office keeps them.
struct DeadlineBook {
  std::vector<DeadlineRule> rules;
  WorkCalendar calendar;

  /// From JSON of the form "dudao-deadlines-1", see tools/sample/deadlines. Errors: kDeadlineShape (names the place),
  /// kTermWrong.
  static Result<DeadlineBook> parse(std::string_view json);

  /// The rule in force on the day, from the nearest jurisdiction that has one: `jurisdictions` from the county up, the
  /// nation after them; among equals one that names the kind of visit goes before one for all. Null: nobody has set a
  /// limit.
  const DeadlineRule* rule_for(DeadlineStep step, std::string_view visit_kind,
                               std::span<const std::string> jurisdictions, std::int64_t day) const;
};

}  // namespace dudao
