#include "schema/inspector_state.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

/// "state event" -> state, written out by hand from the rules and not from the code.
const std::map<std::string, std::string> kTable = {
    {"NONE nominate", "NOMINATED"},   {"REJECTED nominate", "NOMINATED"},   {"EXITED nominate", "NOMINATED"},
    {"NOMINATED review", "REVIEWED"}, {"REVIEWED publicise", "PUBLICISED"}, {"PUBLICISED appoint", "APPOINTED"},
    {"NOMINATED reject", "REJECTED"}, {"REVIEWED reject", "REJECTED"},      {"PUBLICISED reject", "REJECTED"},
    {"APPOINTED activate", "ACTIVE"}, {"ACTIVE appoint", "ACTIVE"},         {"ACTIVE suspend", "SUSPENDED"},
    {"SUSPENDED resume", "ACTIVE"},   {"APPOINTED exit", "EXITED"},         {"ACTIVE exit", "EXITED"},
    {"SUSPENDED exit", "EXITED"},
};

InspectorState state(std::size_t number) { return static_cast<InspectorState>(number); }
InspectorEvent event(std::size_t number) { return static_cast<InspectorEvent>(number); }

}  // namespace

TEST_CASE("an inspector's every step that the table names is allowed, and every other is refused by number") {
  std::size_t found = 0;
  for (std::size_t s = 0; s < kInspectorStates; ++s)
    for (std::size_t e = 1; e <= kInspectorEvents; ++e) {
      const std::string key = std::string(to_string(state(s))) + " " + std::string(to_string(event(e)));
      INFO(key);
      const auto row = kTable.find(key);
      const auto to = next(state(s), event(e));
      const auto advanced = advance(state(s), event(e));
      if (row == kTable.end()) {
        CHECK_FALSE(to);
        REQUIRE_FALSE(advanced);
        CHECK(advanced.error().code == Code::kInspectorTransitionNotAllowed);
        CHECK(static_cast<int>(advanced.error().code) == 4501);
        CHECK(advanced.error().detail.find(to_string(event(e))) != std::string::npos);
        continue;
      }
      ++found;
      REQUIRE(to);
      CHECK(to_string(*to) == row->second);
      CHECK(advanced == *to);
    }
  CHECK(found == kTable.size());
  CHECK(found == kInspectorTransitions.size());
}

TEST_CASE("what is allowed to an inspector next is what the table says, and nobody is stuck") {
  for (std::size_t s = 0; s < kInspectorStates; ++s) {
    const auto events = allowed(state(s));
    INFO(to_string(state(s)));
    CHECK_FALSE(events.empty());
    for (std::size_t e = 1; e <= kInspectorEvents; ++e)
      CHECK((std::find(events.begin(), events.end(), event(e)) != events.end()) ==
            next(state(s), event(e)).has_value());
  }
  CHECK(allowed(InspectorState::kPublicised) == std::vector{InspectorEvent::kAppoint, InspectorEvent::kReject});
}

TEST_CASE("nobody becomes active but by nomination, review, publication and appointment, in this order") {
  for (const InspectorTransition& row : kInspectorTransitions) {
    if (row.to != InspectorState::kActive) continue;
    CHECK((row.from == InspectorState::kAppointed || in_office(row.from)));
  }
  InspectorState at = InspectorState::kNone;
  for (const auto step : {InspectorEvent::kNominate, InspectorEvent::kReview, InspectorEvent::kPublicise,
                          InspectorEvent::kAppoint, InspectorEvent::kActivate})
    at = advance(at, step).value();
  CHECK(at == InspectorState::kActive);
}

TEST_CASE("states, events and causes of an inspector's years have names, each its own") {
  std::set<std::string_view> names;
  for (std::size_t s = 1; s < kInspectorStates; ++s) {
    CHECK(inspector_state_from(to_string(state(s))) == state(s));
    CHECK(names.insert(to_string(state(s))).second);
  }
  for (std::size_t e = 1; e <= kInspectorEvents; ++e) {
    CHECK(inspector_event_from(to_string(event(e))) == event(e));
    CHECK(names.insert(to_string(event(e))).second);
  }
  for (std::size_t c = 1; c <= kExitCauses; ++c) {
    CHECK(exit_cause_from(to_string(static_cast<ExitCause>(c))) == static_cast<ExitCause>(c));
    CHECK(names.insert(to_string(static_cast<ExitCause>(c))).second);
  }
  CHECK_FALSE(inspector_state_from("NONE"));
  CHECK_FALSE(inspector_state_from("active"));
  CHECK_FALSE(inspector_event_from("ACTIVE"));
  CHECK_FALSE(exit_cause_from(""));
  CHECK(to_string(static_cast<InspectorState>(99)) == "UNKNOWN");
  CHECK(to_string(static_cast<InspectorEvent>(0)) == "UNKNOWN");
}
