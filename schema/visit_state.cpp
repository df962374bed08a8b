#include "schema/visit_state.hpp"

#include "schema/enum_names.hpp"

#include <bitset>
#include <string>

namespace dudao {
namespace {

using std::string_view;

constexpr std::array<string_view, kVisitStates> kVisitStateNames = {
    "NONE",       "PLANNED",   "ASSIGNED",       "READY",  "IN_PROGRESS", "SUSPENDED",
    "OBSTRUCTED", "NO_ACCESS", "FEEDBACK",       "SIGNED", "SUBMITTED",   "RECEIVED",
    "RETURNED",   "ACCEPTED",  "OPINION_ISSUED", "CLOSED", "CANCELLED"};

// Events are numbered from 1.
constexpr std::array<string_view, kVisitEvents> kVisitEventNames = {
    "plan",         "assign",    "recuse", "verify_package", "check_in",         "pause",         "resume",
    "refuse_entry", "no_access", "finish", "sign",           "refuse_signature", "signer_absent", "submit",
    "receive",      "query",     "amend",  "accept",         "issue_opinion",    "close",         "cancel"};

constexpr std::array<string_view, kActors> kActorNames = {"office", "inspector", "lead", "school"};

constexpr std::array<string_view, kFindingStates> kFindingStateNames = {
    "OPEN", "FIXED_ON_SITE", "NOTICED", "ACKNOWLEDGED", "PLANNED", "REPORTED", "VERIFIED", "REJECTED", "REFERRED"};

constexpr std::array<string_view, kFindingEvents> kFindingEventNames = {
    "fix_on_site", "notice", "acknowledge", "plan", "report", "verify", "reject", "refer"};

template <class State, class Table>
bool reachable_in(const Table& table, State from, State to, Actor actor) noexcept {
  std::bitset<32> seen;
  bool grown = true;
  const auto number = [](State state) { return static_cast<std::size_t>(state) & 31U; };
  while (grown) {
    grown = false;
    for (const auto& row : table) {
      const bool start = row.from == from || seen.test(number(row.from));
      if (!start || (row.actors & bit(actor)) == 0 || seen.test(number(row.to))) continue;
      seen.set(number(row.to));
      grown = true;
    }
  }
  return seen.test(number(to));
}

template <class State, class Event>
std::string refusal(State state, Event event, Actor actor) {
  return std::string(to_string(event)) + " in " + std::string(to_string(state)) + " by " +
         std::string(to_string(actor));
}

}  // namespace

Result<VisitState> advance(VisitState state, VisitEvent event, Actor actor) {
  if (const auto to = next(state, event, actor)) return *to;
  return fail(Code::kTransitionNotAllowed, refusal(state, event, actor));
}

std::vector<VisitEvent> allowed(VisitState state, Actor actor) {
  std::vector<VisitEvent> events;
  for (const VisitTransition& row : kVisitTransitions)
    if (row.from == state && (row.actors & bit(actor)) != 0) events.push_back(row.event);
  return events;
}

bool reachable(VisitState from, VisitState to, Actor actor) noexcept {
  return reachable_in(kVisitTransitions, from, to, actor);
}

string_view to_string(VisitState state) noexcept { return name_at(kVisitStateNames, static_cast<std::size_t>(state)); }
string_view to_string(VisitEvent event) noexcept {
  return name_at(kVisitEventNames, static_cast<std::size_t>(event) - 1);
}
string_view to_string(Actor actor) noexcept { return name_at(kActorNames, static_cast<std::size_t>(actor)); }

std::optional<VisitState> visit_state_from(string_view name) noexcept {
  const auto state = find_name<VisitState>(kVisitStateNames, name, 0);
  return state == VisitState::kNone ? std::nullopt : state;
}
std::optional<VisitEvent> visit_event_from(string_view name) noexcept {
  return find_name<VisitEvent>(kVisitEventNames, name, 1);
}

Result<FindingState> advance(FindingState state, FindingEvent event, Actor actor) {
  if (const auto to = next(state, event, actor)) return *to;
  return fail(Code::kFindingTransitionNotAllowed, refusal(state, event, actor));
}

bool reachable(FindingState from, FindingState to, Actor actor) noexcept {
  return reachable_in(kFindingTransitions, from, to, actor);
}

string_view to_string(FindingState state) noexcept {
  return name_at(kFindingStateNames, static_cast<std::size_t>(state) - 1);
}
string_view to_string(FindingEvent event) noexcept {
  return name_at(kFindingEventNames, static_cast<std::size_t>(event) - 1);
}
std::optional<FindingState> finding_state_from(string_view name) noexcept {
  return find_name<FindingState>(kFindingStateNames, name, 1);
}

std::optional<FindingState> result_from(string_view name) noexcept {
  const auto state = finding_state_from(name);
  return state == FindingState::kVerified || state == FindingState::kRejected ? state : std::nullopt;
}
std::optional<FindingEvent> finding_event_from(string_view name) noexcept {
  return find_name<FindingEvent>(kFindingEventNames, name, 1);
}

}  // namespace dudao
