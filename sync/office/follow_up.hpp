#pragma once

/// What should be seen to after visits, worked out anew from the rows each time: limits that run, commendations
/// and what the chain from interview to sanction proposes, what came back after it was put right, and what the public
/// may read. Nothing here changes anything; a person takes a proposal over by opening the proceeding.

#include "sync/office/proceeding.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// A limit that runs, and of what.
struct DueItem {
  OpenLimit limit;
  bool of_others = false;  ///< the school's or whoever the proceeding is against
  /// Of the office: its last day has passed. Of a finding: also where the school has not reported in time.
  bool overdue = false;
  std::string proceeding;  ///< code; empty: of a finding's rectification
  std::optional<FindingKey> finding;
  std::string school, unit;
};
/// All whose last day lies in these days, both included, by rising day: of proceedings; of findings the day of the
/// notice, the report on it, the re-inspection after the school's report and the check for rebound after
/// verification, which any later visit to the school answers. What others might have done within a limit, and did not,
/// runs no more. `at`: the office's time, whose offset is that of the
/// place. Errors: those of DeadlineBook::parse, database errors.
Result<std::vector<DueItem>> deadlines_due(Store& rows, std::int64_t from_day, std::int64_t to_day, const Moment& at);

/// A new finding on the item of one that had been verified at the same school, made before the end of the term after
/// that; where no terms are published so far, within 365 days.
struct Rebound {
  FindingKey finding, before;
  std::string school, item;
  std::int64_t verified_day = 0, found_day = 0;
};
/// By rising keys; of several verified before the newest. Errors: as deadlines_due().
Result<std::vector<Rebound>> rebounds(Store& rows, const Moment& at);

enum class ProposalReason : std::uint8_t { kRejected = 1, kOverdue, kRebound, kHighlight };
/// "REJECTED". Static storage.
std::string_view to_string(ProposalReason reason) noexcept;

struct Proposal {
  std::optional<ProceedingKind> kind;  ///< nothing: a re-inspection, which is planned as a visit
  Bytes visit;
  std::optional<FindingKey> finding;  ///< of the visit; a commendation has none
  std::string school, unit;
  ProposalReason reason{};
  /// Rejections, or days overdue, or days from verification to the new finding, or highlights.
  std::int64_t count = 0;
  std::int64_t limit = 0;               ///< that the count has reached; of days overdue that it is above
  std::string source;                   ///< of the limit
  std::string after;                    ///< code of the proceeding before it in the chain; empty: the first
  std::optional<FindingKey> before;     ///< of a rebound: what had been verified
  std::vector<std::string> highlights;  ///< of a commendation: what the team wrote, each on one line and cut

  /// "INTERVIEW:0199…:3/1", "REINSPECT:0199…:3/1", "COMMENDATION:0199…": what a person names who takes it over.
  std::string name() const;
  /// What the proceeding states, in the office's language.
  std::string facts() const;
  /// Regulations on Education Inspection art. 25: whoever does not put right what was found answers for it; of a
  /// commendation art. 24: what was found counts when a school is judged and rewarded. Static storage.
  std::string_view basis() const noexcept;
};
/// By visits and findings. Of each visit that was accepted, ended within the last 365 days and has highlights that
/// stand, and no commendation yet: one.
/// Of each finding that is rejected so often or overdue so long as policy_for() says at the school's unit: an
/// interview. Once that was filed, and it was rejected or overdue as long once more since: a notification. Once that
/// was sent, likewise: a sanction. While one of them is under way there is no proposal, and after one was dismissed
/// only for what happened since. Errors: as deadlines_due().
Result<std::vector<Proposal>> proposals(Store& rows, const Moment& at);
/// Error: kProceedingUnknown (nothing of the name is proposed now).
Result<Proposal> find_proposal(Store& rows, std::string_view name, const Moment& at);

/// A proceeding as the public may read it.
struct PublicNotice {
  std::string code;
  ProceedingKind kind{};
  std::string about;  ///< name of the school or unit in the registers; empty where it is a person
  std::int64_t day = 0;
  std::string text;
  std::vector<std::string> measures;
};
/// Reports, commendations and sanctions that were published and notifications that were sent, newest first. The words
/// are those of that step, without the names of persons that the office knows: inspectors, heads, who signed or
/// witnessed, who was made responsible, who took a step, who is the subject. Errors: database errors.
Result<std::vector<PublicNotice>> public_notices(Store& rows);
/// The text with each of the names replaced; longer names first. A name in Latin letters is replaced as a whole word.
std::string without_names(std::string_view text, std::vector<std::string> names);

}  // namespace dudao
