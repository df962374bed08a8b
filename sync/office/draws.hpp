#pragma once

/// The office's side of a draw: the files, secret and result that it keeps, the steps that go into the log, and the
/// visits that are planned from it. Who is drawn is decided in schema/draw.hpp alone.

#include "schema/draw.hpp"
#include "sync/office/planning.hpp"
#include "sync/payloads.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dudao {

// All of these are called within one transaction, and what they return is its one decision.

/// Puts a step into the log in the name of whoever decides.
using DrawLog = std::function<Status(DrawStep step)>;

/// Freezes and publishes the files and the commitment; the secret is made here. Errors: those of read_draw(),
/// kDrawManifest (of another draw), kDrawExists, those of check_drawn_team().
Status commit_draw(Store& rows, std::string_view draw, const DrawFiles& files, const PlanningDesk& desk,
                   const DrawLog& log);

struct DrawnVisits {
  Draw draw;
  PlannedVisits visits;
};
/// Draws, and plans the visits as the pattern says. Errors: kDrawNotThere, kDrawStage (run already, or not committed
/// any more), kDrawEntropy, those of plan_visits().
Result<DrawnVisits> run_draw(Store& rows, std::string_view draw, std::string_view entropy, const VisitPlan& pattern,
                             const PlanningDesk& desk);

struct ReplacedVisit {
  ChangesBuilder rows;
  Bytes visit;  ///< the one that stands now
};
/// Another in the place of a drawn inspector, or another school in the place of the school. Errors: those of
/// Office::replace_drawn().
Result<ReplacedVisit> replace_drawn(Store& rows, BytesView visit, std::string_view inspector, std::string_view reason,
                                    const PlanningDesk& desk, const DrawLog& log);

/// Errors: kDrawNotThere, kDrawStage (was not run yet, is revealed or void).
Status reveal_draw(Store& rows, std::string_view draw, const DrawLog& log);
/// Errors: kDrawNotThere, kDrawStage (is revealed or void), kReasonMissing.
Status void_draw(Store& rows, std::string_view draw, std::string_view reason, const DrawLog& log);

/// What may be published of it at its stage: name and content of each file. Error: kDrawNotThere.
Result<std::vector<std::pair<std::string, std::string>>> draw_publication(Store& rows, std::string_view draw);

}  // namespace dudao
