#pragma once

/// How often each thing happened that can happen, over all stories: so that one sees what they never reached.

#include "platform/error.hpp"
#include "schema/visit_state.hpp"

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace dudao::simulation {

/// Everything that goes wrong in these stories.
inline constexpr std::string_view kFaults[] = {"the request is lost",
                                               "the request arrives after the device gave up",
                                               "the request arrives twice",
                                               "a byte of the request is changed",
                                               "the request is cut short",
                                               "a copy of an earlier request arrives first",
                                               "the answer is lost",
                                               "the answer breaks off",
                                               "half of the answer arrives and looks complete",
                                               "a byte of the answer is changed",
                                               "an earlier answer arrives in its place",
                                               "a portal answers",
                                               "a proxy answers 503",
                                               "a device dies in the midst of something",
                                               "the office dies in the midst of something",
                                               "records are changed by hand",
                                               "a device's clock is set",
                                               "a device's key store is locked",
                                               "a device is restored from a backup",
                                               "a device is cloned"};

struct Tally {
  std::map<Code, std::uint64_t> errors;    ///< that a use case, a sync or an office call answered with
  std::map<Code, std::uint64_t> refusals;  ///< with which the office refused a statement
  std::map<std::tuple<VisitState, VisitEvent, Actor>, std::uint64_t> transitions;
  std::map<std::tuple<FindingState, FindingEvent, Actor>, std::uint64_t> finding_steps;
  std::map<std::string, std::uint64_t> faults;
  std::map<std::string, std::uint64_t> actions;
  std::map<std::string, std::uint64_t> sizes;  ///< of the worlds: statements, receipts, disagreements …

  void add(const Tally& other);
  /// A table of all of it.
  void print(std::ostream& out) const;
  /// What should have happened at least once in many stories and did not: a line each.
  std::vector<std::string> missing() const;
};

}  // namespace dudao::simulation
