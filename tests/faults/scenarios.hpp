#pragma once

/// What is done while the machine fails: steps that people and programs take, at either end.

#include "tests/faults/county.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dudao::faults {

struct Step {
  std::string name;
  std::function<Status(World&)> run;
  /// The first thing that it saves is what it reports; the others may come with a later step.
  bool first_counts = false;
  /// Done again though this end has done it, since the other may not know.
  bool again = false;
};

struct Scenario {
  std::string name;
  std::string watched;   ///< whose disk breaks
  std::string database;  ///< that is looked at
  std::vector<Step> setup, steps;
  bool only_this_end = false;  ///< the other may have more of what was tried twice
};

std::vector<Scenario> scenarios();
Status run_all(World& world, const std::vector<Step>& steps);

}  // namespace dudao::faults
