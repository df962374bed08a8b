#pragma once

/// A visit as the inspector does it, step by step: each function is one use case, one transaction (but for
/// take_derived_findings), durable when it returns and undone altogether when it fails. What may be done when stands in
/// schema/visit_state.hpp; what may be answered in the visit's checklist.

#include "platform/platform.hpp"
#include "schema/checklist.hpp"
#include "schema/document.hpp"
#include "schema/visit_state.hpp"
#include "sync/author.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dudao {

// Characters are Unicode code points, so that every language has as many.
inline constexpr std::size_t kMaxNoteChars = 10'000;     ///< of a note, a highlight or a feedback text
inline constexpr std::size_t kMaxFindingChars = 4'000;   ///< of a finding's text
inline constexpr std::size_t kMaxRemarkChars = 2'000;    ///< of a remark beside an answer, a reason, a name
inline constexpr std::size_t kMaxStrokesBytes = 20'000;  ///< of a drawn signature

/// Where the device believes to be: as measured, never improved. Positions in 1e-7 degrees (WGS-84).
struct Place {
  std::int64_t lat_e7 = 0;
  std::int64_t lon_e7 = 0;
  std::int64_t accuracy_cm = 0;
};

struct NewFinding {
  std::string item;      ///< checkpoint; empty for none
  std::string severity;  ///< ADVICE, ORDINARY, COMPLEX, SERIOUS or DANGER
  std::string clause;    ///< article; empty for none
  std::string text;
  std::optional<std::int64_t> due_day;
  std::string superior_unit;  ///< who answers for the school; empty for the school's own
};

/// What somebody signed, or why not.
struct NewSignature {
  std::string role;     ///< HEAD, DEPUTY, TEACHER, INSPECTOR or OTHER
  std::string name;     ///< as written
  std::string outcome;  ///< SIGNED, REFUSED or ABSENT
  Bytes strokes;        ///< drawn lines, for SIGNED
  std::string witness;  ///< for REFUSED: who saw it, or
  std::string reason;   ///< why
};

/// How a finding, a note or a highlight of a visit is named: who made it (device number) and their count.
struct EntryId {
  std::int64_t author = 0;
  std::int64_t n = 0;
};

/// Everything that is known of a visit here, for showing it.
struct VisitView {
  Bytes id;
  VisitState state{};
  Actor actor{};  ///< what this inspector is in the team
  std::string school, kind, template_code, reason, clock;
  std::int64_t template_version = 0, from_day = 0, to_day = 0;
  std::optional<std::int64_t> unseal_at_utc_ms;
  Answers own;  ///< this inspector's
  std::vector<std::string> visible, missing;
  std::vector<Violation> violations;
  std::vector<DerivedFinding> derived;
  Score score;
  std::vector<VisitEvent> allowed;  ///< what this inspector may do next
};

/// One book for one agent's database; used by one thread at a time. Errors of all functions beside their own:
/// kNotEnrolled, kVisitNotHere, kTransitionNotAllowed, kTextTooLong, kTextNotUtf8, database errors.
class VisitBook {
 public:
  VisitBook(Platform& platform, Database& db) : platform_(platform), db_(db) {}

  /// Opens a sealed assignment with the code that the office told by telephone; opened before, nothing changes. Errors:
  /// kUnsealCode (wrong code, or none that could be one).
  Status unseal(BytesView visit, std::string_view code);

  /// The visit's package is whole: its checklist is here, parses, and the chosen items are its own. ASSIGNED becomes
  /// READY, after which the inspector can no longer recuse themselves. Errors: kTemplateUnknown, those of Checklist.
  Status prepare(BytesView visit);

  /// Prepares first where that was not done. Errors: kSealed (not before unseal_at), kPlaceOrReason (neither a place
  /// nor why there is none), kPlaceWrong. The time is the office's where the device knows better than its wall clock.
  Status check_in(BytesView visit, const std::optional<Place>& place, std::string_view reason);
  Status pause(BytesView visit, std::string_view reason);
  Status resume(BytesView visit);
  /// Nobody lets the team in, or there is nobody. Prepares first as check_in() does. Needs words: they are the
  /// evidence. Errors: kWordsMissing, kSealed, kPlaceWrong.
  Status refuse_entry(BytesView visit, const std::optional<Place>& place, std::string_view reason);
  Status no_access(BytesView visit, const std::optional<Place>& place, std::string_view reason);

  /// An empty answer takes back what was answered. Errors: those of Checklist::check_answer, kVisitNotOpen.
  Status answer(BytesView visit, std::string_view item, const AnswerValue& value, std::string_view note);
  /// The lead settles what a member of the team observed differently: their answer is changed, which both ends keep as
  /// the lead's word. Errors: those of answer(), kNotYours (not the lead), kRowUnknown (the member has not answered).
  Status reconcile(BytesView visit, std::string_view item, std::string_view observer, const AnswerValue& value,
                   std::string_view note);

  /// A finding of severity DANGER is sealed at once, as a statement that says it is urgent; where the key store cannot
  /// sign just then, the finding stands all the same and is sealed by the next sync. An empty superior_unit is filled
  /// in from the school. Errors: kVisitNotOpen, kSeverityUnknown, kAnswerUnknownItem, kWordsMissing.
  Result<EntryId> add_finding(BytesView visit, const NewFinding& finding);
  /// Takes over what the answers call for and is not there yet; returns how many. What was voided stays dismissed. Each
  /// is a step of its own: after an error a repeat goes on where it stopped.
  Result<int> take_derived_findings(BytesView visit, std::string_view language);
  /// Replaces all of a finding's content as add_finding() would write it. Errors: as add_finding(), kRowUnknown,
  /// kNotYours.
  Status change_finding(BytesView visit, EntryId id, const NewFinding& finding);
  Status void_finding(BytesView visit, EntryId id, std::string_view reason);
  Status fix_finding_on_site(BytesView visit, EntryId id);
  /// What the team saw of an earlier visit's finding that this one re-inspects; said again, it replaces what was said.
  /// `outcome`: VERIFIED, or REJECTED with what is still missing. Errors: kNotCarried, kResultWrong,
  /// kWordsMissing, kVisitNotOpen.
  Status judge_finding(BytesView visit, BytesView finding_visit, EntryId id, std::string_view outcome,
                       std::string_view text);
  /// A note is what the team keeps for itself and the office; a highlight what others could learn from the school: it
  /// stands in the documents, and the office proposes a commendation for it.
  Result<EntryId> add_note(BytesView visit, std::string_view item, std::string_view text);
  /// Errors: kWordsMissing, kRowUnknown (none such, or voided), kNotYours (another's, and not the lead).
  Status change_note(BytesView visit, EntryId id, std::string_view text);
  Status void_note(BytesView visit, EntryId id, std::string_view reason);
  /// As with notes.
  Result<EntryId> add_highlight(BytesView visit, std::string_view item, std::string_view text);
  Status change_highlight(BytesView visit, EntryId id, std::string_view text);
  Status void_highlight(BytesView visit, EntryId id, std::string_view reason);

  /// Draws classes by the seed that came with a drawn visit; the same list gives the same order everywhere.
  /// Errors: kNoClassSeed, kClassList, kVisitNotOpen, kChangeTooLarge (the names together over some 60 KB).
  Result<std::vector<std::string>> draw_classes(BytesView visit, const std::vector<std::string>& classes,
                                                std::size_t pick);

  /// Ends the recording. Errors: kAnswersMissing (the items), kAnswersWrong (items whose answers no longer hold),
  /// kResultsMissing (carried findings of which nothing was said).
  Status finish(BytesView visit);
  /// The words for the school; the document's hash covers them and everything recorded. Replaces the one before.
  Result<Hash> feedback(BytesView visit, std::string_view text);
  /// Under the newest feedback. Errors: kFeedbackMissing, kFeedbackOutdated (something it speaks of was changed since),
  /// kSignatureWrong (what the outcome needs is not there).
  Status sign(BytesView visit, const NewSignature& signature);
  /// Signs the hash over everything and seals, or leaves sealing to the next sync where the key store cannot sign.
  /// `waived`: why the visit goes in without the part of a member of whom nothing has arrived here. Errors:
  /// kEvidenceMissing (obstructed or no access without note or finding), kPartsMissing (members).
  Status submit(BytesView visit, std::string_view waived = {});

  /// After submission: what should stand instead, and why. The old value stays. target: answer, finding, note or
  /// highlight; key as shown ("A1.03/I001", "3/1"). The new value must be one that could have been recorded. Errors:
  /// kAmendTooEarly, kRowUnknown, kWordsMissing, kAmendmentWrong, kSeverityUnknown, those of Checklist::check_answer.
  Status amend(BytesView visit, std::string_view target, std::string_view key, std::string_view field,
               const Value& value, std::string_view reason);
  /// Before checking in: R1 to R5. Errors: kReasonCode.
  Status recuse(BytesView visit, std::string_view code);

  Result<VisitView> look(BytesView visit);
  Result<Checklist> checklist(BytesView visit);
  /// The sheet to hand over, as far as it is signed. Errors: kFeedbackMissing, kFeedbackOutdated (before it is signed,
  /// something it speaks of was changed), kTemplateUnknown.
  Result<Document> feedback_sheet(BytesView visit, bool chinese);

 private:
  struct Open;
  Result<Open> open(BytesView visit);
  Status write_event(const Open& visit, VisitEvent event, const std::optional<Place>& place, std::string_view reason);
  Status step(BytesView visit, VisitEvent event, std::string_view reason = {});
  Status arrive(BytesView visit, VisitEvent event, const std::optional<Place>& place, std::string_view reason);
  void seal_now();
  Result<Checklist> checklist_of(const Open& visit);
  Status check_finding(const Open& visit, const NewFinding& finding);
  Result<std::string> superior_of(const Open& visit, const NewFinding& finding);
  Status check_amended_answer(const Open& visit, const std::string& item, const std::string& observer,
                              std::string_view field, const Value& value);
  static Status check_amended_entry(std::string_view target, std::string_view field, const Value& value);
  Status editable(const Open& visit) const;
  Result<std::int64_t> next_number(const Open& visit, std::string_view table);
  Result<Answers> answers_of(const Open& visit, std::string_view observer);
  Status put_answer(const Open& visit, std::string_view item, std::string_view observer, const AnswerValue& value,
                    std::string_view note);
  /// Notes and highlights are alike.
  Result<EntryId> add_words(BytesView visit, std::string_view table, std::string_view item, std::string_view text);
  Status change_words(BytesView visit, std::string_view table, EntryId id, std::string_view text);
  Status void_words(BytesView visit, std::string_view table, EntryId id, std::string_view reason);
  Status change_entry(BytesView visit, std::string_view table, EntryId id,
                      const std::function<Status(const Open&)>& change);

  Platform& platform_;
  Database& db_;
  std::map<std::pair<std::string, std::int64_t>, Checklist> checklists_;
};

}  // namespace dudao
