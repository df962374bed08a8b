#pragma once

/// What becomes of a finding after the visit: the office gives notice, the school (or an inspector on its behalf) plans
/// and reports, a re-inspection or the office verifies or rejects. Which step may follow which stands in
/// schema/visit_state.hpp; what the inspectors recorded is never touched.

#include "schema/visit_state.hpp"
#include "sync/changes.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace dudao {

inline constexpr std::size_t kMaxRectificationNameChars = 200;  ///< of a person, a unit, who is responsible
inline constexpr std::size_t kMaxPhotosOfReport = 20;           ///< from before, and as many from after

/// A finding of a visit: who made it (device number) and their count.
struct FindingKey {
  Bytes visit;  ///< 16 bytes
  std::int64_t author = 0;
  std::int64_t n = 0;
  bool operator<(const FindingKey& other) const {
    return std::tie(visit, author, n) < std::tie(other.visit, other.author, other.n);
  }
};

/// What a report shows; the file is Store::photo of the finding's visit.
struct ReportPhoto {
  Hash sha256{};
  std::string shows;  ///< BEFORE or AFTER
  std::string media;
  std::int64_t size = 0;  ///< bytes
};

/// A finding as it stands, with where its rectification has got.
struct FindingView {
  FindingKey key;
  std::string school, item, severity, clause, text;
  std::string superior_unit;  ///< of the notice, of the finding, or of the school; empty when nobody names one
  FindingState state{};
  std::int64_t round = 0;               ///< notices so far
  std::optional<std::int64_t> due_day;  ///< by the newest notice, before it as the inspector proposed
  std::string route, responsible, plan, report;
  std::string demand;               ///< words of the newest notice
  std::vector<ReportPhoto> photos;  ///< of the newest report

  bool overdue(std::int64_t today) const noexcept { return is_overdue(state, due_day, today); }
};
/// A finding of the visit as people name it: "3/1", device and count. Nothing for anything else.
std::optional<FindingKey> finding_key(Bytes visit, std::string_view entry);
/// Errors: kFindingUnknown (none such, or voided), database errors.
Result<FindingView> find_finding(Store& rows, const FindingKey& key);
/// Of a visit, in key order, without those that were voided. Error: kVisitUnknown, database errors.
Result<std::vector<FindingView>> findings_of(Store& rows, BytesView visit);

/// One step on one finding.
struct RectificationAct {
  FindingKey finding;
  FindingEvent event{};
  Actor actor = Actor::kOffice;
  std::string person;  ///< who does it
  /// Demand of a notice (may be empty), plan, report, reason of a rejection, to whom and why it is referred.
  std::string text;
  std::string route;  ///< of a notice: ADVICE, NOTICE, CONSULTATION, ESCALATION; empty: as the severity asks for
  std::string superior_unit;            ///< of a notice or referral; empty: as the finding or school names it
  std::string responsible;              ///< of a plan: at the school
  std::optional<std::int64_t> due_day;  ///< of a notice; absent: of a first one the day that the inspector proposed
  Bytes reinspection;                   ///< of verify and reject: the visit on which it was seen; empty: none
  std::vector<Hash> before, after;      ///< of a report: photographs that were kept (photos.hpp)
};

/// The steps that one decision takes; several on one finding follow each other.
class RectificationSteps {
 public:
  /// `utc_ms`: the office's time; `today`: the day at the place, by which days are judged.
  RectificationSteps(Store& rows, std::int64_t utc_ms, std::int64_t today)
      : rows_(rows), utc_ms_(utc_ms), today_(today) {}

  /// Errors: kFindingUnknown, kFindingTransitionNotAllowed, kVisitNotSubmitted (a notice before, but of danger),
  /// kWordsMissing, kTextTooLong, kTextNotUtf8, kRouteUnknown, kDueDayWrong (missing or past), kSuperiorUnitMissing,
  /// kPhotosNamedWrong, kDatabaseCorrupt, database errors. A step that was refused leaves nothing.
  Status take(const RectificationAct& act);
  /// What a re-inspection found: where the school has not said so itself, the steps up to its report are taken in the
  /// inspector's name first. Where there are no words the outcome stands for them. Errors: as take().
  Status take_result(const FindingKey& finding, FindingState outcome, std::string_view text, std::string_view inspector,
                     BytesView reinspection);
  void write(ChangesBuilder& out) const;

 private:
  struct Changed {
    bool fresh = true;                      ///< there was no rectification before
    std::vector<Value> row;                 ///< of rectification
    std::vector<std::vector<Value>> steps;  ///< new ones
    std::vector<std::vector<Value>> photos;
    std::int64_t last_step = 0;
    FindingView view;
  };
  Result<Changed*> changed(const FindingKey& key);
  Result<std::vector<ReportPhoto>> photos_of(const RectificationAct& act);

  Store& rows_;
  std::int64_t utc_ms_;
  std::int64_t today_;
  std::map<FindingKey, Changed> changed_;
};

/// All steps taken on a finding, oldest first, as rows of rectification_step.
Result<std::vector<StoredRow>> rectification_steps(Store& rows, const FindingKey& key);

/// The rows with which a visit takes these findings along. Errors: kFindingUnknown, kCarriedFinding (named twice,
/// of another school, or nothing is asked of the school), database errors.
Status carry_findings(Store& rows, BytesView visit, std::string_view school, const std::vector<FindingKey>& findings,
                      ChangesBuilder& out);
/// The results of a visit's carried findings, as steps. One on a finding that was settled otherwise or taken back since
/// changes nothing. Errors: database errors, and none that a device's words could cause.
Status take_results(Store& rows, BytesView visit, RectificationSteps& steps);
/// Error: kFindingsOpen (one of the visit's findings still asks something of the school; names it).
Status check_findings_closed(Store& rows, BytesView visit);

}  // namespace dudao
