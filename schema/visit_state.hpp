#pragma once

/// The one table of visit and finding states. The device asks it before it writes, the office asks it again before it
/// applies what a device sent, so both refuse the same things. All functions are pure, hold no state, and may be called
/// from any thread. Guards that need data (team size, required answers, evidence, time of unsealing) are not here.

#include "platform/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dudao {

/// Stored and sent by name.
enum class VisitState : std::uint8_t {
  kNone = 0,  ///< There is no visit yet. Never stored.
  kPlanned = 1,
  kAssigned = 2,
  kReady = 3,
  kInProgress = 4,
  kSuspended = 5,
  kObstructed = 6,  ///< Entry or inspection refused; a normal outcome with evidence.
  kNoAccess = 7,    ///< Closed, flooded, moved away: nobody refused, but there was no getting in.
  kFeedback = 8,
  kSigned = 9,
  kSubmitted = 10,
  kReceived = 11,
  kReturned = 12,  ///< The office asked about an item; the team answers with amendments.
  kAccepted = 13,
  kOpinionIssued = 14,
  kClosed = 15,
  kCancelled = 16,
};
inline constexpr std::size_t kVisitStates = 17;

enum class VisitEvent : std::uint8_t {
  kPlan = 1,  ///< Plan or draw approved.
  kAssign = 2,
  kRecuse = 3,
  kVerifyPackage = 4,  ///< The device checked the signed visit package and its template.
  kCheckIn = 5,
  kPause = 6,
  kResume = 7,
  kRefuseEntry = 8,
  kNoAccess = 9,
  kFinish = 10,
  kSign = 11,
  kRefuseSignature = 12,  ///< Needs a witness or a note.
  kSignerAbsent = 13,
  kSubmit = 14,
  kReceive = 15,
  kQuery = 16,
  kAmend = 17,  ///< Answers a query. Amendments without a query leave the state as it is: may_amend().
  kAccept = 18,
  kIssueOpinion = 19,
  kClose = 20,  ///< The last finding is closed.
  kCancel = 21,
};
inline constexpr std::size_t kVisitEvents = 21;

/// By whose authority something happens: whose key signs it, or for whom the office records it.
enum class Actor : std::uint8_t {
  kOffice = 0,
  kInspector = 1,  ///< A member of the team with their device.
  kLead = 2,       ///< The member who leads the team; may do whatever a member may.
  kSchool = 3,     ///< Through the office's link, or recorded for it at the gate.
};
inline constexpr std::size_t kActors = 4;

/// One set of actors; bit n stands for the actor with number n.
using ActorSet = std::uint8_t;
constexpr ActorSet bit(Actor actor) noexcept { return static_cast<ActorSet>(1U << static_cast<unsigned>(actor)); }
inline constexpr ActorSet kOfficeOnly = bit(Actor::kOffice);
inline constexpr ActorSet kTeam = bit(Actor::kInspector) | bit(Actor::kLead);
inline constexpr ActorSet kLeadOnly = bit(Actor::kLead);

struct VisitTransition {
  VisitState from;
  VisitEvent event;
  ActorSet actors;
  VisitState to;
};

/// Every transition that exists. What is not here is refused.
inline constexpr auto kVisitTransitions = std::to_array<VisitTransition>({
    {VisitState::kNone, VisitEvent::kPlan, kOfficeOnly, VisitState::kPlanned},
    {VisitState::kPlanned, VisitEvent::kAssign, kOfficeOnly, VisitState::kAssigned},
    {VisitState::kAssigned, VisitEvent::kRecuse, kOfficeOnly | kTeam | bit(Actor::kSchool), VisitState::kPlanned},
    {VisitState::kAssigned, VisitEvent::kVerifyPackage, kTeam, VisitState::kReady},
    {VisitState::kReady, VisitEvent::kCheckIn, kTeam, VisitState::kInProgress},
    {VisitState::kInProgress, VisitEvent::kPause, kTeam, VisitState::kSuspended},
    {VisitState::kSuspended, VisitEvent::kResume, kTeam, VisitState::kInProgress},
    {VisitState::kReady, VisitEvent::kRefuseEntry, kTeam, VisitState::kObstructed},
    {VisitState::kInProgress, VisitEvent::kRefuseEntry, kTeam, VisitState::kObstructed},
    {VisitState::kReady, VisitEvent::kNoAccess, kTeam, VisitState::kNoAccess},
    {VisitState::kInProgress, VisitEvent::kNoAccess, kTeam, VisitState::kNoAccess},
    {VisitState::kInProgress, VisitEvent::kFinish, kTeam, VisitState::kFeedback},
    {VisitState::kFeedback, VisitEvent::kSign, kTeam, VisitState::kSigned},
    {VisitState::kFeedback, VisitEvent::kRefuseSignature, kTeam, VisitState::kSigned},
    {VisitState::kFeedback, VisitEvent::kSignerAbsent, kTeam, VisitState::kSigned},
    {VisitState::kSigned, VisitEvent::kSubmit, kLeadOnly, VisitState::kSubmitted},
    {VisitState::kObstructed, VisitEvent::kSubmit, kLeadOnly, VisitState::kSubmitted},
    {VisitState::kNoAccess, VisitEvent::kSubmit, kLeadOnly, VisitState::kSubmitted},
    {VisitState::kSubmitted, VisitEvent::kReceive, kOfficeOnly, VisitState::kReceived},
    {VisitState::kReceived, VisitEvent::kQuery, kOfficeOnly, VisitState::kReturned},
    {VisitState::kReturned, VisitEvent::kAmend, kTeam, VisitState::kReceived},
    {VisitState::kReceived, VisitEvent::kAccept, kOfficeOnly, VisitState::kAccepted},
    {VisitState::kAccepted, VisitEvent::kIssueOpinion, kOfficeOnly, VisitState::kOpinionIssued},
    {VisitState::kAccepted, VisitEvent::kClose, kOfficeOnly, VisitState::kClosed},
    {VisitState::kOpinionIssued, VisitEvent::kClose, kOfficeOnly, VisitState::kClosed},
    {VisitState::kPlanned, VisitEvent::kCancel, kOfficeOnly, VisitState::kCancelled},
    {VisitState::kAssigned, VisitEvent::kCancel, kOfficeOnly, VisitState::kCancelled},
    {VisitState::kReady, VisitEvent::kCancel, kOfficeOnly, VisitState::kCancelled},
});

/// The state after the event, or nothing if that is not allowed.
constexpr std::optional<VisitState> next(VisitState state, VisitEvent event, Actor actor) noexcept {
  for (const VisitTransition& row : kVisitTransitions)
    if (row.from == state && row.event == event && (row.actors & bit(actor)) != 0) return row.to;
  return std::nullopt;
}

/// next() with a numbered refusal that names state, event and actor: kTransitionNotAllowed.
Result<VisitState> advance(VisitState state, VisitEvent event, Actor actor);

/// The events that this actor may cause now, in the order of the table. Empty when it is not their turn.
std::vector<VisitEvent> allowed(VisitState state, Actor actor);

/// True if `to` can be reached from `from` by one or more steps that this actor may take. A change set holds only the
/// first and the last state of what happened offline, so this is what the office checks.
bool reachable(VisitState from, VisitState to, Actor actor) noexcept;

/// What a cancellation comes to when it meets what the team did in the meantime.
struct CancelOutcome {
  VisitState state;
  bool late;  ///< The cancellation came too late: it is recorded, and the field's work stands.
};
/// The field wins: a visit whose team has checked in, or has stood before a closed gate, stays in `field_state`.
/// A repeat is harmless.
constexpr CancelOutcome resolve_cancel(VisitState field_state) noexcept {
  switch (field_state) {
    case VisitState::kNone:
    case VisitState::kPlanned:
    case VisitState::kAssigned:
    case VisitState::kReady:
    case VisitState::kCancelled:
      return {VisitState::kCancelled, false};
    default:
      return {field_state, true};
  }
}

/// Answers, findings, notes, highlights and evidence may be written and changed freely. Not once it is signed: the
/// school's signature stands for the text as it was then, and what must be changed later is an amendment.
constexpr bool may_edit(VisitState state) noexcept {
  return state == VisitState::kInProgress || state == VisitState::kSuspended || state == VisitState::kFeedback ||
         state == VisitState::kObstructed || state == VisitState::kNoAccess;
}
/// Amendments may be made: for ever after submission, since they never overwrite anything.
constexpr bool may_amend(VisitState state) noexcept {
  return state >= VisitState::kSubmitted && state <= VisitState::kClosed;
}
/// Nothing leads out of here.
constexpr bool is_final(VisitState state) noexcept {
  return state == VisitState::kClosed || state == VisitState::kCancelled;
}

/// "IN_PROGRESS", "check_in", "lead". The views have static storage.
std::string_view to_string(VisitState state) noexcept;
std::string_view to_string(VisitEvent event) noexcept;
std::string_view to_string(Actor actor) noexcept;
/// Exactly those names, or nothing. "NONE" is not the name of a state that anything can have.
std::optional<VisitState> visit_state_from(std::string_view name) noexcept;
std::optional<VisitEvent> visit_event_from(std::string_view name) noexcept;

/// A finding's way to its end. Stored and sent by name.
enum class FindingState : std::uint8_t {
  kOpen = 1,
  kFixedOnSite = 2,
  kNoticed = 3,  ///< The school was given notice; each further notice is a new round.
  kAcknowledged = 4,
  kPlanned = 5,
  kReported = 6,
  kVerified = 7,
  kRejected = 8,
  kReferred = 9,  ///< Handed to another body, whose outcome the referral records.
};
inline constexpr std::size_t kFindingStates = 9;

enum class FindingEvent : std::uint8_t {
  kFixOnSite = 1,
  kNotice = 2,
  kAcknowledge = 3,
  kPlan = 4,
  kReport = 5,
  kVerify = 6,
  kReject = 7,
  kRefer = 8,
};
inline constexpr std::size_t kFindingEvents = 8;

struct FindingTransition {
  FindingState from;
  FindingEvent event;
  ActorSet actors;
  FindingState to;
};

inline constexpr ActorSet kSchoolOrTeam = bit(Actor::kSchool) | kTeam;  ///< The inspector may report on its behalf.
inline constexpr ActorSet kOfficeOrTeam = kOfficeOnly | kTeam;

inline constexpr auto kFindingTransitions = std::to_array<FindingTransition>({
    {FindingState::kOpen, FindingEvent::kFixOnSite, kTeam, FindingState::kFixedOnSite},
    {FindingState::kOpen, FindingEvent::kNotice, kOfficeOnly, FindingState::kNoticed},
    {FindingState::kOpen, FindingEvent::kRefer, kOfficeOnly, FindingState::kReferred},
    {FindingState::kNoticed, FindingEvent::kAcknowledge, kSchoolOrTeam, FindingState::kAcknowledged},
    {FindingState::kAcknowledged, FindingEvent::kPlan, kSchoolOrTeam, FindingState::kPlanned},
    {FindingState::kPlanned, FindingEvent::kReport, kSchoolOrTeam, FindingState::kReported},
    {FindingState::kReported, FindingEvent::kVerify, kOfficeOrTeam, FindingState::kVerified},
    {FindingState::kReported, FindingEvent::kReject, kOfficeOrTeam, FindingState::kRejected},
    {FindingState::kRejected, FindingEvent::kNotice, kOfficeOnly, FindingState::kNoticed},
    {FindingState::kRejected, FindingEvent::kRefer, kOfficeOnly, FindingState::kReferred},
});

constexpr std::optional<FindingState> next(FindingState state, FindingEvent event, Actor actor) noexcept {
  for (const FindingTransition& row : kFindingTransitions)
    if (row.from == state && row.event == event && (row.actors & bit(actor)) != 0) return row.to;
  return std::nullopt;
}
/// next() with a numbered refusal: kFindingTransitionNotAllowed.
Result<FindingState> advance(FindingState state, FindingEvent event, Actor actor);
bool reachable(FindingState from, FindingState to, Actor actor) noexcept;
/// True where nothing more is asked of the school, so that the visit may be closed.
constexpr bool is_final(FindingState state) noexcept {
  return state == FindingState::kFixedOnSite || state == FindingState::kVerified || state == FindingState::kReferred;
}

/// It is the school's turn: notice was given, and it has not reported.
constexpr bool awaits_school(FindingState state) noexcept {
  return state == FindingState::kNoticed || state == FindingState::kAcknowledged || state == FindingState::kPlanned;
}
/// The last day has passed, and the school has not reported. Days since 1970-01-01 at the place.
constexpr bool is_overdue(FindingState state, std::optional<std::int64_t> due_day, std::int64_t today) noexcept {
  return due_day && *due_day < today && (state == FindingState::kOpen || awaits_school(state));
}
/// Characters of what is demanded, planned, reported or seen again.
inline constexpr std::size_t kMaxRectificationChars = 4'000;
/// What a re-inspection may say of a finding: "VERIFIED" or "REJECTED", or nothing.
std::optional<FindingState> result_from(std::string_view name) noexcept;

std::string_view to_string(FindingState state) noexcept;
std::string_view to_string(FindingEvent event) noexcept;
std::optional<FindingState> finding_state_from(std::string_view name) noexcept;
std::optional<FindingEvent> finding_event_from(std::string_view name) noexcept;

}  // namespace dudao
