#pragma once

/// What the office wants to have done, and by whom: campaigns, visits with their teams, what is due. Every rule of a
/// plan stands here; what it comes to is rows of one decision.

#include "sync/author.hpp"
#include "sync/changes.hpp"
#include "sync/office/rectification.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

struct VisitPlan {
  std::string school;
  std::string kind;  ///< ROUTINE, RANDOM, SPECIAL, COMPREHENSIVE, REINSPECT, COMPLAINT or EMERGENCY
  bool announced = false;
  std::string campaign;  ///< code; empty for none
  std::string draw;      ///< code; empty for none
  std::string template_code;
  std::int64_t template_version = 0;
  std::vector<std::string> items;  ///< subset; empty for all
  std::int64_t from_day = 0, to_day = 0;
  /// In the future: nobody of the team can read the visit earlier (sync/sealed_assignment.hpp).
  std::optional<std::int64_t> unseal_at_utc_ms;
  std::vector<std::string> team;     ///< inspectors, the lead first; may be assigned later
  Bytes class_seed;                  ///< 32 bytes from a draw, or empty
  std::vector<FindingKey> findings;  ///< of earlier visits to the school, which the team looks at again
  std::string reason;                ///< why the school is visited although others visit it in these weeks; else empty
};

/// Another visit to the school, of which its teachers have the trouble, too.
struct OtherVisit {
  Bytes visit;
  std::string kind, state, campaign;
  std::int64_t from_day = 0, to_day = 0;
};
/// Routine, random, special and comprehensive visits that are not called off and whose days overlap these. Errors:
/// database errors.
Result<std::vector<OtherVisit>> other_visits(Store& rows, std::string_view school, std::int64_t from_day,
                                             std::int64_t to_day);

/// What the office has beside the rows: its time, and what codes of sealed assignments are made of.
struct PlanningDesk {
  Moment at;
  BytesView seal_secret;  ///< 32 bytes
};

struct PlannedVisits {
  ChangesBuilder rows;
  std::vector<Bytes> ids;  ///< in the order of the plans
};
/// Errors: kSchoolUnknown, kInspectorUnknown, kTemplateUnknown, kTeamWrong, kCredentialOver, kCapacityFull,
/// kTeamTooSmall (fewer than the kind asks for, art. 16), kRecused, kPlanWrong, kUnannouncedComprehensive (art. 17),
/// kCampaignUnknown, kOutsideCampaign, kOtherVisits (within BURDEN_DAYS of a routine, special or comprehensive one, and
/// no reason is given), kFindingUnknown, kCarriedFinding, kTextTooLong, those of Checklist::subset, database errors.
Result<PlannedVisits> plan_visits(Store& rows, const std::vector<VisitPlan>& plans, const PlanningDesk& desk);

/// Whether visits to all of these may go to teams of so many, if they are drawn. Errors: kSchoolUnknown, kTeamTooSmall.
Status check_drawn_team(Store& rows, const std::vector<std::string>& schools, std::int64_t team,
                        const PlanningDesk& desk);

/// Gives a planned visit its team, after it was planned without one or somebody was recused. Errors: kVisitUnknown,
/// kTransitionNotAllowed, those of plan_visits() about teams.
Result<ChangesBuilder> assign_team(Store& rows, BytesView visit, const std::vector<std::string>& team,
                                   const PlanningDesk& desk);

/// Makes one visit of two to the same school with the same checklist, none of them begun, drawn or still sealed, and
/// `other` none that asks for more (special, comprehensive, complaint, emergency) unless `id` is of that kind: `id`
/// asks for the items of both and takes over the findings of `other` to look at again, on the days that both have in
/// common, if there are some; `other` is called off. Errors: kVisitUnknown, kTransitionNotAllowed (one has begun),
/// kNotMergeable, kFindingUnknown, kCarriedFinding, kTextTooLong, database errors.
Result<ChangesBuilder> merge_visits(Store& rows, BytesView id, BytesView other, const PlanningDesk& desk);

/// What a visit was planned as, but for its team and findings.
VisitPlan pattern_of(const StoredRow& visit);
/// Where the visit stands once this member is out of it, who may have said so before. Errors: kVisitUnknown,
/// kNotInTeam, kTransitionNotAllowed (the team has begun).
Result<VisitState> state_after_recusal(Store& rows, BytesView visit, std::string_view recused);
/// The team with another in the place of one who is recused (R1 to R5). Errors: those of state_after_recusal() and
/// assign_team().
Result<ChangesBuilder> replace_team(Store& rows, BytesView visit, std::string_view recused, std::string_view reason,
                                    const std::vector<std::string>& team, const PlanningDesk& desk);

/// When the next sealed assignment has to be opened; nothing: none waits.
Result<std::optional<std::int64_t>> next_unsealing(Store& rows);
/// Opens those whose time has come: their codes go out with the feed, and so do the visits.
Result<ChangesBuilder> unseal_due(Store& rows, const PlanningDesk& desk);

/// Opens one, also before its time where there is a reason. Errors: kVisitUnknown, kNotSealed, kReasonMissing,
/// kTextTooLong, kTextNotUtf8, database errors.
Result<ChangesBuilder> unseal_visit(Store& rows, BytesView visit, std::string_view reason, const PlanningDesk& desk);

/// A campaign, in the four pairs of the 2020 reform: comprehensive or special, process or result, scheduled or random,
/// to supervise or to guide.
struct CampaignPlan {
  std::string code, title;
  std::string kind;       ///< of its visits
  std::string authority;  ///< code of the unit that ordered it; empty: not named
  bool on_annual_list = true;
  std::string justification;  ///< why it is held though it is not on the annual list
  std::optional<std::int64_t> from_day, to_day;
  std::string org_unit;  ///< whose schools it is about; empty: the whole tree
  std::string scope = "SPECIAL", focus = "RESULT", trigger = "SCHEDULED", intent = "SUPERVISE";
  std::string template_code;  ///< empty: any
  std::int64_t template_version = 0;
  std::vector<std::string> items;
  std::optional<std::int64_t> quota;  ///< visits that it may have; those called off do not count
};
/// A new campaign, or another design of one that has no visits yet. Errors: kCampaignWrong, kNotOnAnnualList,
/// kUnitUnknown, kTemplateUnknown, kTextTooLong, kTextNotUtf8, those of Checklist::subset, database errors.
Result<ChangesBuilder> enter_campaign(Store& rows, const CampaignPlan& plan);

/// From one day to another, both included.
struct Window {
  std::int64_t from_day = 0, to_day = 0;
};
/// A school that has to be visited for the rule of its jurisdiction to be kept.
struct DueVisit {
  std::string school, kind;  ///< ROUTINE or COMPREHENSIVE
  std::string inspector;     ///< who answers for the school; empty: nobody
  std::int64_t done = 0, required = 0;
  std::optional<std::int64_t> last_day;  ///< of the newest visit of the kind
  std::vector<Window> windows;           ///< one for each visit that lacks: days that keep it apart from the others
};
/// Open schools of the unit that lack visits: routine ones between the two days (planned ones count), as
/// ROUTINE_VISITS_PER_MONTH asks, taken as so many for each month that begins there; comprehensive ones within
/// COMPREHENSIVE_YEARS before `to_day`. By school. Errors: kUnitUnknown, kPlanWrong, database errors.
Result<std::vector<DueVisit>> visits_due(Store& rows, std::string_view unit, std::int64_t from_day,
                                         std::int64_t to_day);

struct PlannedDue {
  PlannedVisits visits;
  struct Left {
    std::string school;
    Window window;
    Error why;
  };
  std::vector<Left> left;  ///< schools that somebody has to look at: nobody may go there, or others visit them
};
/// Plans what is due in the unit between the pattern's days, each visit in its window with whoever answers for the
/// school; without a team, where nobody does or the kind asks for more. The pattern's kind is ROUTINE or COMPREHENSIVE.
/// Errors: those of visits_due(), and of plan_visits() where the pattern itself is wrong.
Result<PlannedDue> plan_due(Store& rows, std::string_view unit, const VisitPlan& pattern, const PlanningDesk& desk);

}  // namespace dudao
