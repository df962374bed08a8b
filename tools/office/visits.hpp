#pragma once

/// What a planned visit and the pattern of a draw have in common: typed on the command line, and as the office reads it
/// again.

#include "sync/office/planning.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"

#include <string>
#include <vector>

namespace dudao {

/// Outlives the command that it was added to.
class VisitPattern {
 public:
  void add_options(CLI::App* command, const OfficeCommands& office);
  /// As visit_plan() takes them.
  nlohmann::json params() const;

  std::string kind;  ///< asked for with a single visit only: those of a draw are RANDOM

 private:
  std::string checklist_, from_, to_, unseal_at_, campaign_;
  std::vector<std::string> items_;
  bool announced_ = false;
};

/// Without school and team. `template`: CODE, which means its newest version, or CODE@VERSION. `unseal_at`:
/// "2026-03-02T08:00", by the machine's offset, or with Z or an offset of its own. Errors: kOptionWrong, database
/// errors.
Result<VisitPlan> visit_plan(const AdminCall& call);

}  // namespace dudao
