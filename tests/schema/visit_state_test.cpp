#include "schema/visit_state.hpp"

#include <map>
#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

constexpr Actor kAllActors[] = {Actor::kOffice, Actor::kInspector, Actor::kLead, Actor::kSchool};

/// "state event actor" -> state, written out by hand from the printed table and not from the code.
const std::map<std::string, std::string> kVisitTable = {
    {"NONE plan office", "PLANNED"},
    {"PLANNED assign office", "ASSIGNED"},
    {"ASSIGNED recuse office", "PLANNED"},
    {"ASSIGNED recuse inspector", "PLANNED"},
    {"ASSIGNED recuse lead", "PLANNED"},
    {"ASSIGNED recuse school", "PLANNED"},
    {"ASSIGNED verify_package inspector", "READY"},
    {"ASSIGNED verify_package lead", "READY"},
    {"READY check_in inspector", "IN_PROGRESS"},
    {"READY check_in lead", "IN_PROGRESS"},
    {"IN_PROGRESS pause inspector", "SUSPENDED"},
    {"IN_PROGRESS pause lead", "SUSPENDED"},
    {"SUSPENDED resume inspector", "IN_PROGRESS"},
    {"SUSPENDED resume lead", "IN_PROGRESS"},
    {"READY refuse_entry inspector", "OBSTRUCTED"},
    {"READY refuse_entry lead", "OBSTRUCTED"},
    {"IN_PROGRESS refuse_entry inspector", "OBSTRUCTED"},
    {"IN_PROGRESS refuse_entry lead", "OBSTRUCTED"},
    {"READY no_access inspector", "NO_ACCESS"},
    {"READY no_access lead", "NO_ACCESS"},
    {"IN_PROGRESS no_access inspector", "NO_ACCESS"},
    {"IN_PROGRESS no_access lead", "NO_ACCESS"},
    {"IN_PROGRESS finish inspector", "FEEDBACK"},
    {"IN_PROGRESS finish lead", "FEEDBACK"},
    {"FEEDBACK sign inspector", "SIGNED"},
    {"FEEDBACK sign lead", "SIGNED"},
    {"FEEDBACK refuse_signature inspector", "SIGNED"},
    {"FEEDBACK refuse_signature lead", "SIGNED"},
    {"FEEDBACK signer_absent inspector", "SIGNED"},
    {"FEEDBACK signer_absent lead", "SIGNED"},
    {"SIGNED submit lead", "SUBMITTED"},
    {"OBSTRUCTED submit lead", "SUBMITTED"},
    {"NO_ACCESS submit lead", "SUBMITTED"},
    {"SUBMITTED receive office", "RECEIVED"},
    {"RECEIVED query office", "RETURNED"},
    {"RETURNED amend inspector", "RECEIVED"},
    {"RETURNED amend lead", "RECEIVED"},
    {"RECEIVED accept office", "ACCEPTED"},
    {"ACCEPTED issue_opinion office", "OPINION_ISSUED"},
    {"ACCEPTED close office", "CLOSED"},
    {"OPINION_ISSUED close office", "CLOSED"},
    {"PLANNED cancel office", "CANCELLED"},
    {"ASSIGNED cancel office", "CANCELLED"},
    {"READY cancel office", "CANCELLED"},
};

const std::map<std::string, std::string> kFindingTable = {
    {"OPEN fix_on_site inspector", "FIXED_ON_SITE"},
    {"OPEN fix_on_site lead", "FIXED_ON_SITE"},
    {"OPEN notice office", "NOTICED"},
    {"OPEN refer office", "REFERRED"},
    {"NOTICED acknowledge school", "ACKNOWLEDGED"},
    {"NOTICED acknowledge inspector", "ACKNOWLEDGED"},
    {"NOTICED acknowledge lead", "ACKNOWLEDGED"},
    {"ACKNOWLEDGED plan school", "PLANNED"},
    {"ACKNOWLEDGED plan inspector", "PLANNED"},
    {"ACKNOWLEDGED plan lead", "PLANNED"},
    {"PLANNED report school", "REPORTED"},
    {"PLANNED report inspector", "REPORTED"},
    {"PLANNED report lead", "REPORTED"},
    {"REPORTED verify office", "VERIFIED"},
    {"REPORTED verify inspector", "VERIFIED"},
    {"REPORTED verify lead", "VERIFIED"},
    {"REPORTED reject office", "REJECTED"},
    {"REPORTED reject inspector", "REJECTED"},
    {"REPORTED reject lead", "REJECTED"},
    {"REJECTED notice office", "NOTICED"},
    {"REJECTED refer office", "REFERRED"},
};

template <class State, class Event>
std::string key(State state, Event event, Actor actor) {
  return std::string(to_string(state)) + " " + std::string(to_string(event)) + " " + std::string(to_string(actor));
}

/// Walks every triple and compares with the table; returns how many were allowed.
template <class State, class Event>
std::size_t compare(const std::map<std::string, std::string>& table, std::size_t first_state, std::size_t states,
                    std::size_t events, Code refusal) {
  std::size_t found = 0;
  for (std::size_t s = first_state; s < first_state + states; ++s)
    for (std::size_t e = 1; e <= events; ++e)
      for (const Actor actor : kAllActors) {
        const auto state = static_cast<State>(s);
        const auto event = static_cast<Event>(e);
        const auto row = table.find(key(state, event, actor));
        INFO(key(state, event, actor));
        const auto to = next(state, event, actor);
        const auto result = advance(state, event, actor);
        if (row == table.end()) {
          CHECK_FALSE(to);
          REQUIRE_FALSE(result);
          CHECK(result.error().code == refusal);
          CHECK(result.error().detail.find(to_string(event)) != std::string::npos);
        } else {
          ++found;
          REQUIRE(to);
          CHECK(to_string(*to) == row->second);
          CHECK(result == *to);
        }
      }
  return found;
}

}  // namespace

TEST_CASE("a visit takes exactly the printed transitions, by exactly those who may, and no other") {
  CHECK(compare<VisitState, VisitEvent>(kVisitTable, 0, kVisitStates, kVisitEvents, Code::kTransitionNotAllowed) ==
        kVisitTable.size());
}

TEST_CASE("a finding takes exactly the printed transitions, by exactly those who may, and no other") {
  CHECK(compare<FindingState, FindingEvent>(kFindingTable, 1, kFindingStates, kFindingEvents,
                                            Code::kFindingTransitionNotAllowed) == kFindingTable.size());
}

TEST_CASE("the events offered to somebody are those that would be accepted") {
  for (std::size_t s = 0; s < kVisitStates; ++s)
    for (const Actor actor : kAllActors) {
      const auto state = static_cast<VisitState>(s);
      std::set<VisitEvent> expected;
      for (std::size_t e = 1; e <= kVisitEvents; ++e)
        if (next(state, static_cast<VisitEvent>(e), actor)) expected.insert(static_cast<VisitEvent>(e));
      const auto offered = allowed(state, actor);
      CHECK(std::set<VisitEvent>(offered.begin(), offered.end()) == expected);
      CHECK(offered.size() == expected.size());
      if (is_final(state)) CHECK(offered.empty());
    }
}

TEST_CASE("the lead may do whatever a member may") {
  for (const VisitTransition& row : kVisitTransitions)
    if (row.actors & bit(Actor::kInspector)) CHECK((row.actors & bit(Actor::kLead)) != 0);
}

TEST_CASE("a whole visit made offline is reachable for its lead, and not for a member or past the office's turn") {
  CHECK(reachable(VisitState::kAssigned, VisitState::kSubmitted, Actor::kLead));
  CHECK(reachable(VisitState::kReady, VisitState::kSubmitted, Actor::kLead));
  CHECK(reachable(VisitState::kReady, VisitState::kSigned, Actor::kInspector));
  CHECK_FALSE(reachable(VisitState::kReady, VisitState::kSubmitted, Actor::kInspector));
  CHECK_FALSE(reachable(VisitState::kReady, VisitState::kReceived, Actor::kLead));
  CHECK_FALSE(reachable(VisitState::kPlanned, VisitState::kReady, Actor::kLead));
  CHECK_FALSE(reachable(VisitState::kSubmitted, VisitState::kInProgress, Actor::kLead));
  CHECK_FALSE(reachable(VisitState::kReady, VisitState::kReady, Actor::kLead));
  CHECK(reachable(VisitState::kInProgress, VisitState::kInProgress, Actor::kLead));  // Paused and resumed.
  CHECK(reachable(FindingState::kNoticed, FindingState::kReported, Actor::kSchool));
  CHECK_FALSE(reachable(FindingState::kOpen, FindingState::kReported, Actor::kSchool));
}

TEST_CASE("a cancellation that meets a team which has checked in is late, and the field's work stands") {
  for (const auto state :
       {VisitState::kNone, VisitState::kPlanned, VisitState::kAssigned, VisitState::kReady, VisitState::kCancelled}) {
    CHECK(resolve_cancel(state).state == VisitState::kCancelled);
    CHECK_FALSE(resolve_cancel(state).late);
  }
  for (const auto state :
       {VisitState::kInProgress, VisitState::kSuspended, VisitState::kObstructed, VisitState::kNoAccess,
        VisitState::kFeedback, VisitState::kSigned, VisitState::kSubmitted, VisitState::kReceived,
        VisitState::kReturned, VisitState::kAccepted, VisitState::kOpinionIssued, VisitState::kClosed}) {
    CHECK(resolve_cancel(state).state == state);
    CHECK(resolve_cancel(state).late);
    CHECK_FALSE(next(state, VisitEvent::kCancel, Actor::kOffice));
  }
}

TEST_CASE("answers are open on site until the school has signed, amendments from submission on, never both") {
  const std::set<std::string_view> edit = {"IN_PROGRESS", "SUSPENDED", "FEEDBACK", "OBSTRUCTED", "NO_ACCESS"};
  const std::set<std::string_view> amend = {"SUBMITTED", "RECEIVED",       "RETURNED",
                                            "ACCEPTED",  "OPINION_ISSUED", "CLOSED"};
  for (std::size_t s = 0; s < kVisitStates; ++s) {
    const auto state = static_cast<VisitState>(s);
    INFO(to_string(state));
    CHECK(may_edit(state) == (edit.count(to_string(state)) == 1));
    CHECK(may_amend(state) == (amend.count(to_string(state)) == 1));
  }
}

TEST_CASE("a visit is at its end where nobody may do anything more, a finding where nothing is asked of the school") {
  for (std::size_t s = 0; s < kVisitStates; ++s) {
    const auto state = static_cast<VisitState>(s);
    INFO(to_string(state));
    bool leads_on = false;
    for (std::size_t a = 0; a < kActors; ++a) leads_on = leads_on || !allowed(state, static_cast<Actor>(a)).empty();
    CHECK(is_final(state) == !leads_on);
  }
  const std::set<std::string_view> final = {"FIXED_ON_SITE", "VERIFIED", "REFERRED"};
  for (std::size_t s = 1; s <= kFindingStates; ++s) {
    const auto state = static_cast<FindingState>(s);
    INFO(to_string(state));
    CHECK(is_final(state) == (final.count(to_string(state)) == 1));
  }
}

TEST_CASE("what has no name is told as unknown") {
  CHECK(to_string(static_cast<VisitState>(kVisitStates)) == "UNKNOWN");
  CHECK(to_string(static_cast<VisitEvent>(kVisitEvents + 1)) == "UNKNOWN");
  CHECK(to_string(static_cast<Actor>(kActors)) == "UNKNOWN");
  CHECK(to_string(static_cast<FindingState>(kFindingStates + 1)) == "UNKNOWN");
}

TEST_CASE("names of states and events come back as they were, and nothing else is taken for one") {
  for (std::size_t s = 1; s < kVisitStates; ++s) {
    const auto state = static_cast<VisitState>(s);
    CHECK(visit_state_from(to_string(state)) == state);
  }
  for (std::size_t e = 1; e <= kVisitEvents; ++e)
    CHECK(visit_event_from(to_string(static_cast<VisitEvent>(e))) == static_cast<VisitEvent>(e));
  for (std::size_t s = 1; s <= kFindingStates; ++s) {
    const auto state = static_cast<FindingState>(s);
    CHECK(finding_state_from(to_string(state)) == state);
  }
  for (std::size_t e = 1; e <= kFindingEvents; ++e)
    CHECK(finding_event_from(to_string(static_cast<FindingEvent>(e))) == static_cast<FindingEvent>(e));
  for (const char* bad : {"", "NONE", "planned", "PLANNED ", "UNKNOWN"}) {
    CHECK_FALSE(visit_state_from(bad));
    CHECK_FALSE(visit_event_from(bad));
    CHECK_FALSE(finding_event_from(bad));
  }
  CHECK_FALSE(finding_state_from("CLOSED"));
}

TEST_CASE("a finding that is open or waits for the school is overdue once its last day has passed") {
  const std::set<std::string_view> awaited = {"NOTICED", "ACKNOWLEDGED", "PLANNED"};
  for (std::size_t s = 1; s <= kFindingStates; ++s) {
    const auto state = static_cast<FindingState>(s);
    INFO(to_string(state));
    const bool waits = awaited.count(to_string(state)) == 1;
    CHECK(awaits_school(state) == waits);
    CHECK(is_overdue(state, 20'500, 20'501) == (waits || state == FindingState::kOpen));
    CHECK_FALSE(is_overdue(state, 20'500, 20'500));
    CHECK_FALSE(is_overdue(state, std::nullopt, 20'501));
  }
}

TEST_CASE("a re-inspection finds no more than that something was put right or was not") {
  for (std::size_t s = 1; s <= kFindingStates; ++s) {
    const std::string_view name = to_string(static_cast<FindingState>(s));
    INFO(name);
    CHECK(result_from(name).has_value() == (name == "VERIFIED" || name == "REJECTED"));
  }
  CHECK_FALSE(result_from("verified"));
}
