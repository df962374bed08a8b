#pragma once

/// The central office as a function on bytes: handle(Request) → Response, no sockets, no threads of its own. The
/// listener, tests and the demonstration run the same code. Every decision of the office is a signed statement in the
/// log, like everything that devices send.

#include "platform/platform.hpp"
#include "schema/draw.hpp"
#include "sync/changes.hpp"
#include "sync/office/http_message.hpp"
#include "sync/office/planning.hpp"
#include "sync/office/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// Counts since the office was opened, for the dashboard and benchmarks.
struct OfficeCounters {
  std::uint64_t requests = 0;
  std::uint64_t registered = 0;  ///< statements that got a place in the log
  std::uint64_t duplicates = 0;  ///< statements that had one already
  std::uint64_t refused = 0;     ///< statements that got none
  std::uint64_t commits = 0;     ///< group commits; registered / commits is how many shared one
};

/// A device that asks to be enrolled.
struct PendingEnrolment {
  std::string thumbprint;  ///< hex, what the inspector reads out
  std::string device_name;
  std::string inspector;  ///< as the device claims
};

/// All functions may be called from any thread. Errors of all that change something: database errors, key-store errors.
class Office {
 public:
  struct Options {
    std::string database;  ///< path; made when absent; unused where a store is given
    std::string origin;    ///< name of the log; of an existing database it must be the same
    std::string key_name = "office";
    std::int64_t clock_tolerance_ms = 5 * 60 * 1000;
  };
  /// Opens or founds the office: a new log begins with its genesis statement. `platform` outlives it.
  /// Errors: those of open_database, kOriginChanged, kOfficeKeyChanged, kLedgerBroken.
  static Result<std::unique_ptr<Office>> open(Platform& platform, const Options& options);
  /// On a store that is open, of whatever kind. Errors: as above, but for those of open_database.
  static Result<std::unique_ptr<Office>> open(Platform& platform, const Options& options, std::unique_ptr<Store> store);
  ~Office();

  /// POST /v1/sync, POST /v1/enrol, POST /v1/school (school_desk.hpp), GET /v1/checkpoint, GET /v1/key. Never fails:
  /// every refusal is a response.
  Response handle(const Request& request);

  const PublicKey& key() const;
  const std::string& origin() const;

  // Registry.
  /// A single-use code for one device of this inspector, valid 72 hours. Error: kInspectorUnknown.
  Result<Bytes> offer_enrolment(std::string_view actor, std::string_view inspector);
  Result<std::vector<PendingEnrolment>> pending_enrolments();
  /// Approves what a device asked for; inspector as the office says. Returns the device's number.
  /// Errors: kEnrolmentUnknown, kInspectorUnknown.
  Result<std::int64_t> approve_enrolment(std::string_view actor, std::string_view thumbprint_hex,
                                         std::string_view inspector);
  Result<std::vector<Device>> devices();
  /// Nothing past what the log holds now comes in any more. Errors: kDeviceUnknown, kDeviceRevoked.
  Status revoke(std::string_view actor, std::int64_t device, std::string_view reason);

  // Decisions. `build` sees the rows as they are and says what shall change; all of it is one statement, or several
  // when it is large. Rows must be whole and in the table's order.
  /// Returns the log indices. Error: those of build, and of the rules that apply.cpp checks.
  Result<std::vector<std::int64_t>> decide(std::string_view actor, std::string_view action,
                                           const std::function<Result<ChangesBuilder>(Store& rows)>& build);
  /// Publishes a checklist. Errors: those of Checklist::parse and check_publishable, kChecklistPublished (other content
  /// under the same version).
  Result<std::int64_t> publish_template(std::string_view actor, std::string_view json);
  /// Plans and assigns visits; returns their ids. Errors: those of plan_visits().
  Result<std::vector<Bytes>> plan(std::string_view actor, const std::vector<VisitPlan>& plans);
  /// Plans what is due in a unit; returns what was planned, and what was not and why. Errors: those of plan_due().
  Result<PlannedDue> plan_due(std::string_view actor, std::string_view unit, const VisitPlan& pattern);
  /// Makes one visit of two. Errors: those of merge_visits().
  Status merge(std::string_view actor, BytesView visit, BytesView other);
  /// Gives a planned visit its team. Errors: those of assign_team().
  Status assign(std::string_view actor, BytesView visit, const std::vector<std::string>& team);
  /// Opens a sealed assignment and gives the code that opens it on a device without a network, to be told by telephone.
  /// Who opened it stands in the log. Errors: those of unseal_visit().
  Result<std::string> unseal_code(std::string_view actor, BytesView visit, std::string_view reason);
  /// query, accept, issue_opinion, close, cancel, recuse. What a re-inspection found takes effect when it is accepted.
  /// Errors: kVisitUnknown, kTransitionNotAllowed, kReasonMissing, kFindingsOpen (close),
  /// kProceedingTransitionNotAllowed (issue_opinion while one on the visit is in preparation: issuing that does it).
  Status visit_event(std::string_view actor, BytesView visit, std::string_view event, std::string_view item,
                     std::string_view reason);

  // The draw (schema/draw.hpp).
  /// Freezes and publishes the files and the commitment. The secret stays with the office. Errors: those of
  /// schema/draw.hpp, kDrawExists, kSchoolUnknown, kTeamTooSmall.
  Status commit_draw(std::string_view actor, std::string_view draw, const DrawFiles& files);
  /// After the public event: draws, plans the visits (sealed until then), returns the result. Errors: kDrawNotThere,
  /// kDrawStage.
  Result<Draw> run_draw(std::string_view actor, std::string_view draw, std::string_view entropy,
                        const VisitPlan& pattern);
  /// An inspector of a drawn team is recused (R1 to R5), before or after they said so themselves: the next in the
  /// school's ticket order takes the place, or, where nobody fits, the next school takes that of the school. Returns
  /// the visit that stands then. Errors: kVisitUnknown, kDrawStage (not drawn, not run, or revealed), kReasonCode,
  /// kTransitionNotAllowed, those of Draw::recuse and plan_visits().
  Result<Bytes> replace_drawn(std::string_view actor, BytesView visit, std::string_view inspector,
                              std::string_view reason);
  /// After the last visit: publishes secret and entropy. Errors: kDrawNotThere, kDrawStage.
  Status reveal_draw(std::string_view actor, std::string_view draw);
  Status void_draw(std::string_view actor, std::string_view draw, std::string_view reason);
  /// The published files of a draw, as `dudao-audit draw` takes them: name and content.
  Result<std::vector<std::pair<std::string, std::string>>> draw_publication(std::string_view draw);

  // Looking.
  /// Reads rows under the office's lock.
  Status read(const std::function<Status(Store& rows)>& look);
  Result<std::vector<Quarantined>> quarantine();
  OfficeCounters counters() const;
  /// Writes the ledger as sync/ledger_file.hpp describes, piece by piece.
  Status export_ledger(const std::function<Status(BytesView piece)>& write);
  /// Derives everything again from the ledger and compares. Error: kLedgerBroken with the first difference.
  Status rebuild();
  Status backup(const std::string& path);

 private:
  struct Impl;
  explicit Office(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dudao
