#pragma once

/// Checklist templates: what is asked on a visit, what may be answered, what follows from it and what it scores. Both
/// ends and every platform work out the same from the same bytes: integers only, no clock, no locale, no floats.
/// The document's form is schema/checklist.schema.json; the language of its conditions is described in
/// schema/checklist_expression.hpp.

#include "platform/bytes.hpp"
#include "platform/error.hpp"
#include "schema/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dudao {

/// A stored template travels in one signed statement of at most 65,535 bytes. Some 200 items in two languages fit; a
/// larger system of indicators is published as one template for each of its domains.
inline constexpr std::size_t kMaxChecklistBytes = 60'000;
inline constexpr std::size_t kMaxChecklistItems = 1'000;
inline constexpr std::size_t kMaxChecklistSections = 200;
inline constexpr std::size_t kMaxChecklistDepth = 4;  ///< Sections within sections.
inline constexpr std::size_t kMaxItemOptions = 200;
inline constexpr unsigned kChecklistFormats = 2;  ///< dudao-checklist-1 and dudao-checklist-2 are read.
inline constexpr std::size_t kMaxCodeBytes = 64;
inline constexpr std::size_t kMaxTextBytes = 2'000;                ///< Of any text in a template, in one language.
inline constexpr std::size_t kMaxNaReasonBytes = 1'000;            ///< Of the reason for NA.
inline constexpr std::int64_t kMaxTextAnswerChars = 4'000;         ///< Unicode code points.
inline constexpr std::int64_t kMaxNumber = 1'000'000'000'000'000;  ///< Of any answer or calculated value, scaled.
inline constexpr unsigned kMaxDecimals = 6;
/// Scores and what they are made of are integers in hundredths: 10,000 is 100.00.
inline constexpr std::int64_t kFullScore = 10'000;

/// A text of a template in one or several languages.
class Text {
 public:
  Text() = default;
  /// Language tag and text, the template's first language first; a text without a language has tag "".
  explicit Text(std::vector<std::pair<std::string, std::string>> texts) : texts_(std::move(texts)) {}

  /// In this language ("zh", "en"); else in the template's first language; "" only if empty(). The view lives as long
  /// as the Text.
  std::string_view in(std::string_view language) const noexcept;
  bool empty() const noexcept { return texts_.empty(); }
  const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return texts_; }
  bool operator==(const Text&) const = default;

 private:
  std::vector<std::pair<std::string, std::string>> texts_;
};

enum class ItemType : std::uint8_t {
  kYesNo,
  kSingle,
  kMulti,
  kScale,
  kInteger,
  kDecimal,
  kDate,
  kText,
  kCountOf,
  kCalculated,
};

/// How grave a finding is, and with it its way: advice to the school, notice to rectify, consultation with a
/// department, escalation to the office, and danger to life, which goes at once.
enum class Severity : std::uint8_t { kAdvice, kOrdinary, kComplex, kSerious, kDanger };

/// How an answer becomes a value from 0.00 to 100.00. Each value is rounded half up to hundredths.
enum class ScoringMode : std::uint8_t {
  kUnscored,
  kMet,        ///< 100 if met_if holds (yes_no without met_if: if yes), else 0.
  kPoints,     ///< Points / max, kept within 0 and max: the number itself, the options' values, or present / of.
  kDeduction,  ///< (max - points lost) / max, not below 0: `deduct` for each one counted, missing or "no".
  kGrade,      ///< The chosen option's value, which is already a value from 0 to 100.
};

struct Option {
  std::string code;
  Text label;
  std::int64_t value = 0;  ///< Hundredths of a point (or of a per cent for kGrade).
};

struct Scoring {
  ScoringMode mode = ScoringMode::kUnscored;
  std::int64_t weight = 0;  ///< Hundredths.
  std::int64_t max = 0;     ///< Hundredths of a point.
  std::int64_t deduct = 0;  ///< Hundredths of a point for each.
};

struct Item {
  std::string code;
  ItemType type{};
  Text title;
  Text guidance;
  std::vector<Option> options;  ///< kSingle, kMulti.
  Text unit;
  unsigned decimals = 0;       ///< kDecimal, kCalculated: values are in units of 10^-decimals.
  std::int64_t min = 0;        ///< Least value of a number, in its own units.
  std::int64_t max = 0;        ///< Largest value of a number; of the total for kCountOf.
  std::int64_t max_chars = 0;  ///< kText: code points.
  bool required = true;        ///< Must be answered, or be NA with a reason, before the visit is finished.
  bool allow_na = false;
  bool statutory = false;  ///< The law demands it; `clause` says where.
  bool critical = false;   ///< Failing it caps the result (Checklist::Cap).
  bool veto = false;       ///< Failing it makes the score 0; only if the template switches veto on.
  Text clause;
  Text constraint_message;
  unsigned min_photos = 0;  ///< Asked for; not enforced by the checklist.
  Scoring scoring;
  std::size_t section = 0;  ///< Index into Checklist::sections().
};

struct Section {
  std::string code;
  Text title;
  Text guidance;
  std::optional<std::size_t> parent;  ///< Index into Checklist::sections(); always smaller than its own.
  std::size_t depth = 0;
};

/// A band of results: this score or more.
struct Band {
  std::string code;
  Text title;
  std::int64_t from = 0;  ///< Hundredths.
};

/// What failing a critical item does to the result.
struct Cap {
  std::optional<std::int64_t> score;  ///< The score is at most this, hundredths.
  std::optional<std::size_t> band;    ///< The band is at best this one.
};

struct DerivedFinding {
  std::string item;
  Severity severity{};
  Text text;
  Text clause;  ///< The finding's own, else the item's; may be empty.
  bool operator==(const DerivedFinding&) const = default;
};

struct ItemScore {
  std::string item;
  std::int64_t value = 0;   ///< 0 to 10,000.
  std::int64_t weight = 0;  ///< Hundredths.
};

struct SectionScore {
  std::string section;
  std::optional<std::int64_t> score;  ///< Nothing when no item below it applies.
  std::int64_t weight = 0;            ///< Of the items that apply, hundredths.
};

struct Score {
  /// 0 to 10,000 after cap and veto. Nothing when no scored item applies.
  std::optional<std::int64_t> score;
  std::optional<std::int64_t> uncapped;      ///< Before cap and veto.
  std::optional<std::string> band;           ///< Code of the band, where the template has bands.
  std::vector<std::string> failed_critical;  ///< Items, in order.
  std::vector<std::string> failed_veto;
  std::vector<SectionScore> sections;  ///< All, in the order of Checklist::sections().
  std::vector<ItemScore> items;        ///< Those that apply, in order.
  /// Scored items that are shown and leave the denominator: NA, a count out of 0, a calculation or a met_if that looks
  /// at something absent.
  std::size_t not_applicable = 0;
  std::size_t open = 0;  ///< Scored items shown and neither answered nor NA. The score is final at 0.
};

/// An answer that stands although the checklist does not take it, e.g. because another answer has changed since.
struct Violation {
  std::string item;
  Error error;
};

/// A published template, or a chosen subset of one. Immutable and cheap to copy (shared inside); every function is pure
/// and may be called from any thread.
class Checklist {
 public:
  /// Reads and checks a template completely; a checklist that parses cannot fail later. `json` is the published bytes,
  /// UTF-8, at most kMaxChecklistBytes. Every error's detail names the item (or place) and what is wrong:
  /// kChecklistNotJson, kChecklistTooBig, kChecklistShape, kChecklistCodeForm, kChecklistCodeTwice, kChecklistText,
  /// kChecklistExpression, kChecklistReference, kChecklistTypes, kChecklistOverflow, kChecklistCycle,
  /// kChecklistScoring, kChecklistWeights, kChecklistBands, kChecklistRange, kChecklistVeto.
  static Result<Checklist> parse(std::string_view json);
  /// What no program that reads a published template minds, and nobody means: kChecklistUnreachable (an item that no
  /// answers can bring to be asked) and kChecklistFullMarks (points that no answer gives), each with the first item.
  /// Asked before publishing, never of what is published already. An item is called unreachable only when that is
  /// proved; what takes too many steps to decide passes.
  Status check_publishable() const;
  /// The form to publish: the same document without white space between its parts, members in their order.
  /// `json`: at most 1,000,000 bytes. Error: kChecklistNotJson, kChecklistTooBig.
  static Result<std::string> compact(std::string_view json);

  const std::string& code() const noexcept;
  std::int64_t version() const noexcept;
  const Text& title() const noexcept;
  const std::vector<std::string>& languages() const noexcept;  ///< The first one has every text.
  /// SHA-256 over the exact published bytes; a subset has its template's.
  const Hash& hash() const noexcept;
  /// In the order of the document. A subset has only the chosen ones.
  const std::vector<const Item*>& items() const noexcept;
  /// Of this subset; null if there is none. Lives as long as any copy of the checklist.
  const Item* item(std::string_view code) const noexcept;
  /// Parents before children. A subset has all of its template's.
  const std::vector<Section>& sections() const noexcept;
  const std::vector<Band>& bands() const noexcept;  ///< Best first; may be empty.

  /// This checklist for a visit that asks only these items. Whatever a chosen item's conditions look at must be chosen
  /// too. Error: kChecklistSubset (empty, unknown or doubled code, or something needed left out).
  Result<Checklist> subset(const std::vector<std::string>& codes) const;

  /// May this answer be saved beside `answers` (which may hold the item's former answer; it is not looked at)?
  /// Taking an answer back (AnswerValue::is_empty()) is always allowed. Errors, in this order: kAnswerUnknownItem,
  /// kAnswerCalculated; its form: kAnswerNaNotAllowed, kAnswerReasonMissing, kAnswerType, kAnswerOption, kAnswerRange,
  /// kAnswerTextBad; beside the others: kAnswerHidden, kAnswerOption (not offered), kAnswerConstraint. So an answer
  /// refused as hidden is well formed, and may stand where it was given before it was hidden.
  Status check_answer(std::string_view code, const AnswerValue& answer, const Answers& answers) const;
  /// False where check_answer() looks at no other answer of the item's observer, so that none need be given.
  bool looks_at_others(std::string_view code) const;

  // In all of these an answer that is hidden, NA, not of the item's type or to an item that is not asked counts as
  // absent, and stays where it is stored. The order in which answers were given makes no difference.

  /// Codes of the options of a single or multi item that may be chosen beside these answers, in order: those without
  /// offered_if, and those whose offered_if holds. Empty if the item is not asked or has no options.
  std::vector<std::string> offered(std::string_view code, const Answers& answers) const;
  /// Codes of the items that are shown, in order.
  std::vector<std::string> visible(const Answers& answers) const;
  /// Codes of the required items that are shown and neither answered nor NA, in order.
  std::vector<std::string> missing(const Answers& answers) const;
  /// The stored answers that check_answer() would not take today, but for well-formed ones of hidden items. Empty
  /// before a visit can be finished, and at the office before it is taken.
  std::vector<Violation> violations(const Answers& answers) const;
  std::vector<DerivedFinding> derived_findings(const Answers& answers) const;
  /// Values of the calculated items that are shown and can be worked out, in units of 10^-decimals.
  std::map<std::string, std::int64_t> calculated(const Answers& answers) const;
  /// score = sum(weight * value) / sum(weight) over the scored items that are shown and answered, rounded half up to
  /// hundredths; NA leaves the denominator. Works on a visit in progress too: see Score::open.
  Score score(const Answers& answers) const;

  struct Impl;

 private:
  struct Chosen;  ///< Which items are asked.
  Checklist(std::shared_ptr<const Impl> impl, std::shared_ptr<const Chosen> chosen);

  std::shared_ptr<const Impl> impl_;
  std::shared_ptr<const Chosen> chosen_;
};

/// Guards immutability: publishing the same bytes again is harmless, other bytes under the same code and version are
/// not. Error: kChecklistPublished.
Status check_republication(const Checklist& published, const Checklist& again);

/// "yes_no", "DANGER", "deduction". Static storage.
std::string_view to_string(ItemType type) noexcept;
std::string_view to_string(Severity severity) noexcept;
std::string_view to_string(ScoringMode mode) noexcept;
std::optional<ItemType> item_type_from(std::string_view name) noexcept;
std::optional<Severity> severity_from(std::string_view name) noexcept;
std::optional<ScoringMode> scoring_mode_from(std::string_view name) noexcept;

}  // namespace dudao
