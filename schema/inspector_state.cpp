#include "schema/inspector_state.hpp"

#include "schema/enum_names.hpp"

#include <algorithm>
#include <string>

namespace dudao {
namespace {

using std::string_view;

constexpr std::array<string_view, kInspectorStates> kStateNames = {
    "NONE", "NOMINATED", "REVIEWED", "PUBLICISED", "APPOINTED", "ACTIVE", "SUSPENDED", "EXITED", "REJECTED"};

// Events and causes are numbered from 1.
constexpr std::array<string_view, kInspectorEvents> kEventNames = {
    "nominate", "review", "publicise", "appoint", "activate", "suspend", "resume", "exit", "reject"};
constexpr std::array<string_view, kExitCauses> kCauseNames = {"TERM_LIMIT", "FAILED_ASSESSMENT", "VIOLATION",
                                                              "RESIGNED"};

}  // namespace

Result<InspectorState> advance(InspectorState state, InspectorEvent event) {
  if (const auto to = next(state, event)) return *to;
  return fail(Code::kInspectorTransitionNotAllowed,
              std::string(to_string(event)) + " in " + std::string(to_string(state)));
}

std::vector<InspectorEvent> allowed(InspectorState state) {
  std::vector<InspectorEvent> events;
  for (const InspectorTransition& row : kInspectorTransitions)
    if (row.from == state) events.push_back(row.event);
  return events;
}

string_view to_string(InspectorState state) noexcept { return name_at(kStateNames, static_cast<std::size_t>(state)); }
string_view to_string(InspectorEvent event) noexcept {
  return name_at(kEventNames, static_cast<std::size_t>(event) - 1);
}
string_view to_string(ExitCause cause) noexcept { return name_at(kCauseNames, static_cast<std::size_t>(cause) - 1); }

std::optional<InspectorState> inspector_state_from(string_view name) noexcept {
  const auto state = find_name<InspectorState>(kStateNames, name, 0);
  return state == InspectorState::kNone ? std::nullopt : state;
}
std::optional<InspectorEvent> inspector_event_from(string_view name) noexcept {
  return find_name<InspectorEvent>(kEventNames, name, 1);
}
std::optional<ExitCause> exit_cause_from(string_view name) noexcept {
  return find_name<ExitCause>(kCauseNames, name, 1);
}

}  // namespace dudao
