#pragma once

/// What follows from a visit besides rectification: report, opinion, commendation, referral, interview (约谈),
/// notification (通报) and sanction (问责). One table says which step may follow which and what each needs; everything
/// else is refused. Limits of time come from the published rules (schema/deadline.hpp) and from nowhere else: where
/// nobody set one, nothing is due.
///
/// Nothing here decides by itself. The software works out, shows and proposes (follow_up.hpp); every step is taken by a
/// person, in a signed decision of the office that names them.
///
/// The steps follow the Regulations on Education Inspection (教育督导条例, Decree 624): report art. 15 and 23, feedback
/// and plea art. 20, opinion art. 21, incentive art. 24, accountability art. 25; those of a sanction, its review and
/// its appeal the Measures for Accountability (教育督导问责办法, 2021).

#include "schema/deadline.hpp"
#include "sync/author.hpp"
#include "sync/changes.hpp"
#include "sync/office/rectification.hpp"
#include "sync/office/store.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// Stored and sent by name, as states and events are.
enum class ProceedingKind : std::uint8_t {
  kReport = 1,    ///< to the own government, filed one level up, published without names
  kOpinion,       ///< preliminary feedback, plea, the opinion itself, its review
  kCommendation,  ///< of what was done well
  kReferral,      ///< to another body, which answers with an outcome
  kInterview,     ///< of those who answer for what was not put right
  kNotification,  ///< to superiors and the public
  kSanction,
};
inline constexpr std::size_t kProceedingKinds = 7;

enum class ProceedingState : std::uint8_t {
  kNone = 0,  ///< Before it is opened.
  kDraft,
  kApproved,
  kFiled,
  kPublished,
  kPrelim,
  kPleaOpen,  ///< Feedback was given; the school may plead.
  kPleaded,   ///< The plea has to be answered before anything is issued.
  kPleaAnswered,
  kPleaWaived,
  kIssued,
  kReviewRequested,
  kReviewAnswered,
  kProposed,
  kDecided,
  kDeclined,
  kSent,
  kAcknowledged,
  kAnswered,
  kClosed,
  kSummoned,
  kHeld,
  kDismissed,
  kTeamFormed,
  kInvestigated,
  kPleaHeard,
  kServed,
  kAppealed,
  kAppealRejected,
  kAppealGranted,  ///< The decision has to be corrected.
  kCorrected,
};
inline constexpr std::size_t kProceedingStates = 31;

enum class ProceedingEvent : std::uint8_t {
  kOpen = 1,
  kRevise,
  kApprove,
  kSendBack,
  kFile,
  kPublish,
  kGiveFeedback,
  kPlead,
  kAnswerPlea,
  kWaivePlea,
  kIssue,
  kRequestReview,
  kAnswerReview,
  kDecide,
  kDecline,
  kAcknowledge,
  kAnswer,
  kClose,
  kSummon,
  kHold,
  kSend,
  kDismiss,
  kFormTeam,
  kInvestigate,
  kHearPlea,
  kServe,
  kExecute,
  kReceiveAppeal,
  kRejectAppeal,
  kGrantAppeal,
  kCorrect,
  kLate,  ///< Nobody takes it: it is noted before a step whose limit had run out.
};
inline constexpr std::size_t kProceedingEvents = 32;

/// What a step cannot do without.
using StepNeeds = std::uint8_t;
inline constexpr StepNeeds kNeedsNothing = 0;
inline constexpr StepNeeds kNeedsText = 1;
inline constexpr StepNeeds kNeedsDocument = 2;  ///< its hash
inline constexpr StepNeeds kNeedsMeasures = 4;
inline constexpr StepNeeds kNeedsBasis = 8;  ///< law and article

struct ProceedingTransition {
  ProceedingKind kind;
  ProceedingState from;
  ProceedingEvent event;
  ProceedingState to;
  StepNeeds needs = kNeedsNothing;
  std::uint8_t recipients = 0;                        ///< so many at least
  std::optional<DeadlineStep> ends = std::nullopt;    ///< the limit within which it has to be taken
  std::optional<DeadlineStep> awaits = std::nullopt;  ///< the limit of others that must have run out before
};

/// Every transition that exists. What is not here is refused.
inline constexpr auto kProceedingTransitions = [] {
  using Kind = ProceedingKind;
  using State = ProceedingState;
  using Event = ProceedingEvent;
  using Step = DeadlineStep;
  constexpr StepNeeds kText = kNeedsText;
  constexpr StepNeeds kDocument = kNeedsDocument;
  constexpr StepNeeds kCharge = kNeedsText | kNeedsBasis;
  return std::to_array<ProceedingTransition>({
      {Kind::kReport, State::kNone, Event::kOpen, State::kDraft, kText},
      {Kind::kReport, State::kDraft, Event::kRevise, State::kDraft, kText},
      {Kind::kReport, State::kDraft, Event::kApprove, State::kApproved, kDocument},
      {Kind::kReport, State::kApproved, Event::kSendBack, State::kDraft, kText},
      {Kind::kReport, State::kApproved, Event::kFile, State::kFiled, kNeedsNothing, 1, Step::kGovernmentReport},
      {Kind::kReport, State::kFiled, Event::kSendBack, State::kDraft, kText},
      {Kind::kReport, State::kFiled, Event::kPublish, State::kPublished, kText},

      {Kind::kOpinion, State::kNone, Event::kOpen, State::kPrelim, kText},
      {Kind::kOpinion, State::kPrelim, Event::kGiveFeedback, State::kPleaOpen, kText, 1, Step::kPreliminaryFeedback},
      {Kind::kOpinion, State::kPrelim, Event::kIssue, State::kIssued, kDocument, 1, Step::kOpinion},
      {Kind::kOpinion, State::kPleaOpen, Event::kPlead, State::kPleaded, kText, 0, Step::kPlea},
      {Kind::kOpinion, State::kPleaOpen, Event::kWaivePlea, State::kPleaWaived, kText},
      {Kind::kOpinion, State::kPleaOpen, Event::kIssue, State::kIssued, kDocument, 1, Step::kOpinion, Step::kPlea},
      {Kind::kOpinion, State::kPleaded, Event::kAnswerPlea, State::kPleaAnswered, kText},
      {Kind::kOpinion, State::kPleaAnswered, Event::kPlead, State::kPleaded, kText, 0, Step::kPlea},
      {Kind::kOpinion, State::kPleaAnswered, Event::kWaivePlea, State::kPleaWaived, kText},
      {Kind::kOpinion, State::kPleaAnswered, Event::kIssue, State::kIssued, kDocument, 1, Step::kOpinion, Step::kPlea},
      {Kind::kOpinion, State::kPleaWaived, Event::kIssue, State::kIssued, kDocument, 1, Step::kOpinion},
      {Kind::kOpinion, State::kIssued, Event::kRequestReview, State::kReviewRequested, kText, 0,
       Step::kOpinionReviewRequest},
      {Kind::kOpinion, State::kReviewRequested, Event::kAnswerReview, State::kReviewAnswered, kText, 0,
       Step::kOpinionReview},

      {Kind::kCommendation, State::kNone, Event::kOpen, State::kProposed, kText},
      {Kind::kCommendation, State::kProposed, Event::kDecide, State::kDecided, kText},
      {Kind::kCommendation, State::kProposed, Event::kDecline, State::kDeclined, kText},
      {Kind::kCommendation, State::kDecided, Event::kPublish, State::kPublished, kText},

      {Kind::kReferral, State::kNone, Event::kOpen, State::kSent, kText, 1},
      {Kind::kReferral, State::kSent, Event::kAcknowledge, State::kAcknowledged},
      {Kind::kReferral, State::kAcknowledged, Event::kAnswer, State::kAnswered, kText},
      {Kind::kReferral, State::kAnswered, Event::kClose, State::kClosed},

      {Kind::kInterview, State::kNone, Event::kOpen, State::kProposed, kCharge},
      {Kind::kInterview, State::kProposed, Event::kSummon, State::kSummoned, kText, 1},
      {Kind::kInterview, State::kProposed, Event::kDismiss, State::kDismissed, kText},
      {Kind::kInterview, State::kSummoned, Event::kHold, State::kHeld, kText | kDocument},
      {Kind::kInterview, State::kSummoned, Event::kDismiss, State::kDismissed, kText},
      // Party committee, government and superior.
      {Kind::kInterview, State::kHeld, Event::kFile, State::kFiled, kNeedsNothing, 3},

      {Kind::kNotification, State::kNone, Event::kOpen, State::kProposed, kCharge},
      {Kind::kNotification, State::kProposed, Event::kApprove, State::kApproved, kDocument},
      {Kind::kNotification, State::kProposed, Event::kDismiss, State::kDismissed, kText},
      {Kind::kNotification, State::kApproved, Event::kSend, State::kSent, kText, 1},
      {Kind::kNotification, State::kApproved, Event::kDismiss, State::kDismissed, kText},
      {Kind::kNotification, State::kSent, Event::kAcknowledge, State::kAcknowledged},

      {Kind::kSanction, State::kNone, Event::kOpen, State::kProposed, kCharge},
      {Kind::kSanction, State::kProposed, Event::kFormTeam, State::kTeamFormed, kText, 0, Step::kInvestigationTeam},
      {Kind::kSanction, State::kProposed, Event::kDismiss, State::kDismissed, kText},
      {Kind::kSanction, State::kTeamFormed, Event::kInvestigate, State::kInvestigated, kText | kDocument},
      {Kind::kSanction, State::kTeamFormed, Event::kDismiss, State::kDismissed, kText},
      {Kind::kSanction, State::kInvestigated, Event::kHearPlea, State::kPleaHeard, kText},
      {Kind::kSanction, State::kInvestigated, Event::kDismiss, State::kDismissed, kText},
      {Kind::kSanction, State::kPleaHeard, Event::kDecide, State::kDecided, kText | kDocument | kNeedsMeasures},
      {Kind::kSanction, State::kPleaHeard, Event::kDismiss, State::kDismissed, kText},
      {Kind::kSanction, State::kDecided, Event::kServe, State::kServed, kNeedsNothing, 1},
      {Kind::kSanction, State::kServed, Event::kRequestReview, State::kReviewRequested, kText, 0,
       Step::kDecisionReviewRequest},
      {Kind::kSanction, State::kReviewRequested, Event::kAnswerReview, State::kReviewAnswered, kText, 0,
       Step::kDecisionReview},
      {Kind::kSanction, State::kReviewAnswered, Event::kReceiveAppeal, State::kAppealed, kText, 0, Step::kAppeal},
      {Kind::kSanction, State::kReviewAnswered, Event::kDismiss, State::kDismissed, kText},
      {Kind::kSanction, State::kAppealed, Event::kRejectAppeal, State::kAppealRejected, kText, 0,
       Step::kAppealDecision},
      {Kind::kSanction, State::kAppealed, Event::kGrantAppeal, State::kAppealGranted, kText, 0, Step::kAppealDecision},
      {Kind::kSanction, State::kAppealGranted, Event::kCorrect, State::kCorrected, kText | kDocument, 0,
       Step::kAppealCorrection},
      {Kind::kSanction, State::kCorrected, Event::kDismiss, State::kDismissed, kText},
      // Neither review nor appeal suspends the decision, so carrying it out is a step that leads nowhere else.
      {Kind::kSanction, State::kServed, Event::kExecute, State::kServed, kText},
      {Kind::kSanction, State::kReviewRequested, Event::kExecute, State::kReviewRequested, kText},
      {Kind::kSanction, State::kReviewAnswered, Event::kExecute, State::kReviewAnswered, kText},
      {Kind::kSanction, State::kAppealed, Event::kExecute, State::kAppealed, kText},
      {Kind::kSanction, State::kAppealRejected, Event::kExecute, State::kAppealRejected, kText},
      {Kind::kSanction, State::kCorrected, Event::kExecute, State::kCorrected, kText},
      {Kind::kSanction, State::kServed, Event::kFile, State::kFiled, kNeedsNothing, 1, std::nullopt,
       Step::kDecisionReviewRequest},
      {Kind::kSanction, State::kReviewAnswered, Event::kFile, State::kFiled, kNeedsNothing, 1, std::nullopt,
       Step::kAppeal},
      {Kind::kSanction, State::kAppealRejected, Event::kFile, State::kFiled, kNeedsNothing, 1},
      {Kind::kSanction, State::kCorrected, Event::kFile, State::kFiled, kNeedsNothing, 1},
      {Kind::kSanction, State::kFiled, Event::kPublish, State::kPublished, kText},
      {Kind::kSanction, State::kFiled, Event::kClose, State::kClosed},
      {Kind::kSanction, State::kPublished, Event::kClose, State::kClosed},
  });
}();

/// A limit that runs while a proceeding is in a state; of several in one state the first is shown as due.
struct RunningLimit {
  ProceedingKind kind;
  ProceedingState state;
  DeadlineStep step;
};
inline constexpr auto kRunningLimits = std::to_array<RunningLimit>({
    {ProceedingKind::kReport, ProceedingState::kDraft, DeadlineStep::kGovernmentReport},
    {ProceedingKind::kReport, ProceedingState::kApproved, DeadlineStep::kGovernmentReport},
    {ProceedingKind::kOpinion, ProceedingState::kPrelim, DeadlineStep::kPreliminaryFeedback},
    {ProceedingKind::kOpinion, ProceedingState::kPrelim, DeadlineStep::kOpinion},
    {ProceedingKind::kOpinion, ProceedingState::kPleaOpen, DeadlineStep::kPlea},
    {ProceedingKind::kOpinion, ProceedingState::kPleaOpen, DeadlineStep::kOpinion},
    {ProceedingKind::kOpinion, ProceedingState::kPleaded, DeadlineStep::kOpinion},
    {ProceedingKind::kOpinion, ProceedingState::kPleaAnswered, DeadlineStep::kPlea},
    {ProceedingKind::kOpinion, ProceedingState::kPleaAnswered, DeadlineStep::kOpinion},
    {ProceedingKind::kOpinion, ProceedingState::kPleaWaived, DeadlineStep::kOpinion},
    {ProceedingKind::kOpinion, ProceedingState::kIssued, DeadlineStep::kOpinionReviewRequest},
    {ProceedingKind::kOpinion, ProceedingState::kReviewRequested, DeadlineStep::kOpinionReview},
    {ProceedingKind::kSanction, ProceedingState::kProposed, DeadlineStep::kInvestigationTeam},
    {ProceedingKind::kSanction, ProceedingState::kServed, DeadlineStep::kDecisionReviewRequest},
    {ProceedingKind::kSanction, ProceedingState::kReviewRequested, DeadlineStep::kDecisionReview},
    {ProceedingKind::kSanction, ProceedingState::kReviewAnswered, DeadlineStep::kAppeal},
    {ProceedingKind::kSanction, ProceedingState::kAppealed, DeadlineStep::kAppealDecision},
    {ProceedingKind::kSanction, ProceedingState::kAppealGranted, DeadlineStep::kAppealCorrection},
});

/// The row of the table, or null. Static storage.
constexpr const ProceedingTransition* find_transition(ProceedingKind kind, ProceedingState from,
                                                      ProceedingEvent event) noexcept {
  for (const ProceedingTransition& row : kProceedingTransitions)
    if (row.kind == kind && row.from == from && row.event == event) return &row;
  return nullptr;
}
/// Nothing leads out of here.
constexpr bool is_final(ProceedingKind kind, ProceedingState state) noexcept {
  for (const ProceedingTransition& row : kProceedingTransitions)
    if (row.kind == kind && row.from == state) return false;
  return true;
}
/// The limit is the school's or whoever the proceeding is against, not the office's: once it has run out nobody is
/// behind, and what comes all the same needs a reason.
constexpr bool is_of_others(DeadlineStep step) noexcept {
  return step == DeadlineStep::kPlea || step == DeadlineStep::kOpinionReviewRequest ||
         step == DeadlineStep::kDecisionReviewRequest || step == DeadlineStep::kAppeal ||
         step == DeadlineStep::kRectification || step == DeadlineStep::kRectificationReport;
}

/// "INTERVIEW", "PLEA_OPEN", "give_feedback". Static storage.
std::string_view to_string(ProceedingKind kind) noexcept;
std::string_view to_string(ProceedingState state) noexcept;
std::string_view to_string(ProceedingEvent event) noexcept;
/// Exactly those names, or nothing; "NONE" and "late" are the names of nothing that anybody can ask for.
std::optional<ProceedingKind> proceeding_kind_from(std::string_view name) noexcept;
std::optional<ProceedingState> proceeding_state_from(std::string_view name) noexcept;
std::optional<ProceedingEvent> proceeding_event_from(std::string_view name) noexcept;

/// What a sanction may consist of, and against whom.
struct Measure {
  std::string_view code;
  bool unit = false, person = false;
  bool private_school = false;  ///< only where the register says that the school is private
};
inline constexpr auto kMeasures = std::to_array<Measure>({
    {"PUBLIC_CRITICISM", true, false, false},
    {"INTERVIEW", true, true, false},
    {"NOTIFICATION", true, false, false},
    {"RESOURCE_ADJUSTMENT", true, false, false},
    {"PENALTY", true, false, false},
    {"SELF_EXAMINATION", false, true, false},
    {"CRITICISM", false, true, false},
    {"REASSIGNMENT", false, true, false},
    {"DISCIPLINE", false, true, false},
    {"TRANSFER", false, true, false},
    {"CONFISCATION", true, false, true},
    {"INDUSTRY_BAN", true, true, true},
    {"CREDIT_RECORD", true, true, true},
});
const Measure* find_measure(std::string_view code) noexcept;

inline constexpr std::size_t kMaxProceedingChars = 20'000;   ///< of a text
inline constexpr std::size_t kMaxProceedingNameChars = 200;  ///< of a code, a person, a unit, one recipient
inline constexpr std::size_t kMaxRecipients = 100;

/// What is opened.
struct ProceedingOpening {
  std::string code;  ///< empty: the next free one, e.g. "INTERVIEW-2026-3"
  ProceedingKind kind{};
  Bytes visit;                        ///< 16 bytes; an opinion needs one
  std::optional<FindingKey> finding;  ///< the visit is its
  std::string school;                 ///< empty: the visit's
  std::string org_unit;               ///< empty: the school's
  std::string subject;                ///< unit or person; empty: the school's code
  std::string basis;                  ///< law and article
  std::string text;                   ///< facts, draft, preliminary opinion, what is commended or referred
  std::vector<std::string> measures, recipients;
  Bytes document_hash;              ///< 32 bytes; empty: no document
  std::optional<std::int64_t> day;  ///< absent: today
  std::string person;               ///< who opens it
};

/// One step on one proceeding.
struct ProceedingAct {
  std::string code;
  ProceedingEvent event{};
  std::string person;  ///< who takes it
  std::string text;    ///< minutes, plea, decision, answer or reason; for publication the words that are published
  std::vector<std::string> recipients;
  Bytes document_hash;                ///< 32 bytes; empty: no document
  std::vector<std::string> measures;  ///< decided; those of an answered review or a correction replace them
  std::optional<std::int64_t> day;    ///< on which it took effect; absent: today
  std::string late_reason;            ///< why a step of others is taken although its limit has run out
};

/// A limit that runs.
struct OpenLimit {
  std::int64_t day = 0;  ///< last one, days since 1970-01-01 at the place
  DeadlineStep step{};
  std::string rule;          ///< its code; empty: set by a notice
  bool provisional = false;  ///< days count on it whose holidays are not announced yet
  bool operator==(const OpenLimit&) const = default;
};

struct ProceedingStepView {
  std::int64_t n = 0;
  ProceedingEvent event{};
  ProceedingState state{};
  std::string person, text;
  std::vector<std::string> recipients;
  Bytes document_hash;
  std::int64_t day = 0;
  std::optional<std::int64_t> due_day;  ///< that it set; of kLate the day that was missed
  std::int64_t at_utc_ms = 0;
  std::int64_t log_index = 0;
};

/// A proceeding as it stands.
struct ProceedingView {
  std::string code;
  ProceedingKind kind{};
  ProceedingState state{};
  std::string org_unit, school;
  Bytes visit;
  std::optional<FindingKey> finding;
  std::string subject, basis, facts;
  std::vector<std::string> measures;
  std::int64_t opened_day = 0;
  std::optional<std::int64_t> due_day;
  std::optional<DeadlineStep> due_step;
  std::string due_rule;
};

/// Writes what opens it into `out` and returns its code. `at`: the office's time, whose offset is that of the place.
/// Errors: kProceedingWrong (names what is lacking or does not fit), kVisitUnknown, kFindingUnknown, kSchoolUnknown,
/// kUnitUnknown, kTextTooLong, kTextNotUtf8, database errors.
Result<std::string> open_proceeding(Store& rows, const ProceedingOpening& opening, const Moment& at,
                                    ChangesBuilder& out);

/// Writes the step into `out`. Issuing the opinion on a visit that is accepted is the visit's issue_opinion, too.
/// Errors: kProceedingUnknown, kProceedingTransitionNotAllowed (not in the table; an opinion on a special or
/// comprehensive visit without feedback), kProceedingWrong (names what is lacking), kTooEarly (a limit of others runs
/// until the day before the one named), kTooLate (a limit of others has run out and no reason is given),
/// kTransitionNotAllowed (an opinion on a visit that is not accepted yet), kTextTooLong, kTextNotUtf8, database errors.
/// A limit of the office that has run out refuses nothing: kLate is noted before the step.
Status take_proceeding_step(Store& rows, const ProceedingAct& act, const Moment& at, ChangesBuilder& out);

/// Error: kProceedingUnknown, database errors.
Result<ProceedingView> find_proceeding(Store& rows, std::string_view code);
/// All, by code. Errors: database errors.
Result<std::vector<ProceedingView>> all_proceedings(Store& rows);
/// Of one, oldest first. Errors: database errors.
Result<std::vector<ProceedingStepView>> proceeding_steps(Store& rows, std::string_view code);

/// Limits by the rules that are published, for one place and kind of visit.
class DeadlineRules {
 public:
  /// Without a published book there are no limits. Errors: those of DeadlineBook::parse, database errors.
  static Result<DeadlineRules> published(Store& rows);

  const WorkCalendar& calendar() const { return book_.calendar; }
  /// Units of a place, nearest first; none where its unit is not known. Errors: database errors.
  static Result<std::vector<std::string>> jurisdictions(Store& rows, std::string_view unit);
  /// When the step is due, where a rule sets it and its event has happened. The rule is the one that was in force on
  /// the day of the event. Nothing where the calendar does not reach so far.
  std::optional<OpenLimit> limit(DeadlineStep step, std::string_view visit_kind,
                                 std::span<const std::string> jurisdictions,
                                 const std::map<DeadlineAnchor, std::int64_t>& events, std::int64_t today) const;

 private:
  DeadlineBook book_;
};
/// The day at the place on which the visit ended for its team: of the last finish, refusal or closed gate. Nothing
/// while it goes on. Errors: database errors.
Result<std::optional<std::int64_t>> end_of_visit(Store& rows, BytesView visit);
/// All that run, in the order of kRunningLimits; the one that the office's decision set comes as it was set. Errors:
/// database errors.
Result<std::vector<OpenLimit>> running_limits(Store& rows, const DeadlineRules& rules, const ProceedingView& proceeding,
                                              std::int64_t today);
/// The office is behind: one of its own limits that run has passed. Errors: database errors.
Result<bool> is_behind(Store& rows, const DeadlineRules& rules, const ProceedingView& proceeding, std::int64_t today);

/// How many sanctions against the subject were decided within the year that ends on the day, and not dismissed since.
/// Errors: database errors.
Result<std::int64_t> sanctions_in_year(Store& rows, std::string_view subject, std::int64_t day);
/// From so many in a year on the rules ask for a heavier one (问责办法 2021). Shown to whoever decides, never applied.
inline constexpr std::int64_t kHeavierFrom = 2;

/// Error: kProceedingTransitionNotAllowed: an opinion on the visit is in preparation, and issuing that is the way.
Status check_no_opinion_pending(Store& rows, BytesView visit);

}  // namespace dudao
