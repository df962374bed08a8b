#pragma once

/// How often each thing happened that can happen, over all stories: so that one sees what they never reached.

#include "platform/error.hpp"
#include "schema/visit_state.hpp"

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <tuple>

namespace dudao::simulation {

struct Tally {
  std::map<Code, std::uint64_t> errors;    ///< that a use case, a sync or an office call answered with
  std::map<Code, std::uint64_t> refusals;  ///< with which the office refused a statement
  std::map<std::tuple<VisitState, VisitEvent, Actor>, std::uint64_t> transitions;
  std::map<std::string, std::uint64_t> faults;
  std::map<std::string, std::uint64_t> actions;
  std::map<std::string, std::uint64_t> sizes;  ///< of the worlds: statements, receipts, disagreements …

  void add(const Tally& other);
  /// A table of all of it, then what was never reached.
  void print(std::ostream& out) const;
};

}  // namespace dudao::simulation
