#pragma once

/// The one table of the states of an inspector (督学), from nomination to exit. All functions are pure, hold no state,
/// and may be called from any thread. Every step is the office's; guards that need data (degree, terms, training,
/// reasons) are not here but in sync/office/inspectors.hpp.

#include "platform/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dudao {

/// Stored and sent by name: `inspector.status` and `inspector_step.state`.
enum class InspectorState : std::uint8_t {
  kNone = 0,  ///< Nobody has named them yet. Never stored.
  kNominated = 1,
  kReviewed = 2,
  kPublicised = 3,  ///< The public may object.
  kAppointed = 4,   ///< Has a term, and waits for the credential or the day to begin.
  kActive = 5,      ///< The only state in which they are planned for and drawn.
  kSuspended = 6,
  kExited = 7,
  kRejected = 8,  ///< Turned down before appointment.
};
inline constexpr std::size_t kInspectorStates = 9;

enum class InspectorEvent : std::uint8_t {
  kNominate = 1,
  kReview = 2,
  kPublicise = 3,
  kAppoint = 4,  ///< For a term; of an active inspector for one more.
  kActivate = 5,
  kSuspend = 6,
  kResume = 7,
  kExit = 8,
  kReject = 9,
};
inline constexpr std::size_t kInspectorEvents = 9;

struct InspectorTransition {
  InspectorState from;
  InspectorEvent event;
  InspectorState to;
};

/// Every transition that exists. What is not here is refused.
inline constexpr auto kInspectorTransitions = std::to_array<InspectorTransition>({
    {InspectorState::kNone, InspectorEvent::kNominate, InspectorState::kNominated},
    {InspectorState::kRejected, InspectorEvent::kNominate, InspectorState::kNominated},
    {InspectorState::kExited, InspectorEvent::kNominate, InspectorState::kNominated},
    {InspectorState::kNominated, InspectorEvent::kReview, InspectorState::kReviewed},
    {InspectorState::kReviewed, InspectorEvent::kPublicise, InspectorState::kPublicised},
    {InspectorState::kPublicised, InspectorEvent::kAppoint, InspectorState::kAppointed},
    {InspectorState::kNominated, InspectorEvent::kReject, InspectorState::kRejected},
    {InspectorState::kReviewed, InspectorEvent::kReject, InspectorState::kRejected},
    {InspectorState::kPublicised, InspectorEvent::kReject, InspectorState::kRejected},
    {InspectorState::kAppointed, InspectorEvent::kActivate, InspectorState::kActive},
    {InspectorState::kActive, InspectorEvent::kAppoint, InspectorState::kActive},
    {InspectorState::kActive, InspectorEvent::kSuspend, InspectorState::kSuspended},
    {InspectorState::kSuspended, InspectorEvent::kResume, InspectorState::kActive},
    {InspectorState::kAppointed, InspectorEvent::kExit, InspectorState::kExited},
    {InspectorState::kActive, InspectorEvent::kExit, InspectorState::kExited},
    {InspectorState::kSuspended, InspectorEvent::kExit, InspectorState::kExited},
});

/// The state after the event, or nothing if that is not allowed.
constexpr std::optional<InspectorState> next(InspectorState state, InspectorEvent event) noexcept {
  for (const InspectorTransition& row : kInspectorTransitions)
    if (row.from == state && row.event == event) return row.to;
  return std::nullopt;
}

/// next() with a numbered refusal that names state and event: kInspectorTransitionNotAllowed.
Result<InspectorState> advance(InspectorState state, InspectorEvent event);

/// The events that may come now, in the order of the table.
std::vector<InspectorEvent> allowed(InspectorState state);

/// An inspector, whether or not they may work now: who trains, is assessed, and gets a new term.
constexpr bool in_office(InspectorState state) noexcept {
  return state == InspectorState::kActive || state == InspectorState::kSuspended;
}

/// Why an inspector leaves; stored by name at the head of the step's reason.
enum class ExitCause : std::uint8_t { kTermLimit = 1, kFailedAssessment, kViolation, kResigned };
inline constexpr std::size_t kExitCauses = 4;

std::string_view to_string(InspectorState state) noexcept;  ///< "ACTIVE"
std::string_view to_string(InspectorEvent event) noexcept;  ///< "activate"
std::string_view to_string(ExitCause cause) noexcept;       ///< "TERM_LIMIT"
/// Nothing for "NONE", which is never stored.
std::optional<InspectorState> inspector_state_from(std::string_view name) noexcept;
std::optional<InspectorEvent> inspector_event_from(std::string_view name) noexcept;
std::optional<ExitCause> exit_cause_from(std::string_view name) noexcept;

}  // namespace dudao
