#include "sync/office/proceeding.hpp"

#include "schema/answer.hpp"
#include "schema/enum_names.hpp"
#include "sync/office/jurisdiction.hpp"
#include "sync/office/rows.hpp"

#include <algorithm>
#include <set>

namespace dudao {
namespace {

using std::string_view;

constexpr std::array<string_view, kProceedingKinds> kKindNames = {
    "REPORT", "OPINION", "COMMENDATION", "REFERRAL", "INTERVIEW", "NOTIFICATION", "SANCTION"};
constexpr std::array<string_view, kProceedingStates> kStateNames = {"NONE",
                                                                    "DRAFT",
                                                                    "APPROVED",
                                                                    "FILED",
                                                                    "PUBLISHED",
                                                                    "PRELIM",
                                                                    "PLEA_OPEN",
                                                                    "PLEADED",
                                                                    "PLEA_ANSWERED",
                                                                    "PLEA_WAIVED",
                                                                    "ISSUED",
                                                                    "REVIEW_REQUESTED",
                                                                    "REVIEW_ANSWERED",
                                                                    "PROPOSED",
                                                                    "DECIDED",
                                                                    "DECLINED",
                                                                    "SENT",
                                                                    "ACKNOWLEDGED",
                                                                    "ANSWERED",
                                                                    "CLOSED",
                                                                    "SUMMONED",
                                                                    "HELD",
                                                                    "DISMISSED",
                                                                    "TEAM_FORMED",
                                                                    "INVESTIGATED",
                                                                    "PLEA_HEARD",
                                                                    "SERVED",
                                                                    "APPEALED",
                                                                    "APPEAL_REJECTED",
                                                                    "APPEAL_GRANTED",
                                                                    "CORRECTED"};
constexpr std::array<string_view, kProceedingEvents> kEventNames = {
    "open",          "revise",       "approve",     "send_back", "file",           "publish",       "give_feedback",
    "plead",         "answer_plea",  "waive_plea",  "issue",     "request_review", "answer_review", "decide",
    "decline",       "acknowledge",  "answer",      "close",     "summon",         "hold",          "send",
    "dismiss",       "form_team",    "investigate", "hear_plea", "serve",          "execute",       "receive_appeal",
    "reject_appeal", "grant_appeal", "correct",     "late"};

std::string joined(const std::vector<std::string>& parts, char between) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += between;
    out += part;
  }
  return out;
}
std::vector<std::string> parts_of(string_view text, char between) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(between), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string refusal(ProceedingKind kind, ProceedingState state, ProceedingEvent event) {
  return std::string(to_string(event)) + " in " + std::string(to_string(state)) + " of " + std::string(to_string(kind));
}

/// What a person gives with any step.
struct Given {
  const std::string& person;
  const std::string& text;
  const std::string& basis;
  const std::vector<std::string>& recipients;
  const std::vector<std::string>& measures;
  const Bytes& document_hash;
};

Status check_given(const ProceedingTransition& row, const Given& given, bool private_school) {
  const auto lacks = [&](const char* what) {
    return fail(Code::kProceedingWrong, std::string(to_string(row.event)) + ": " + what);
  };
  DUDAO_CHECK(check_words(given.text, kMaxProceedingChars, "text"));
  DUDAO_CHECK(check_words(given.basis, kMaxProceedingNameChars, "basis"));
  DUDAO_CHECK(check_words(given.person, kMaxProceedingNameChars, "person"));
  if (given.person.empty()) return lacks("person");
  if ((row.needs & kNeedsText) != 0 && given.text.empty()) return lacks("text");
  if ((row.needs & kNeedsBasis) != 0 && given.basis.empty()) return lacks("basis");
  if ((row.needs & kNeedsDocument) != 0 && given.document_hash.empty()) return lacks("document");
  if ((row.needs & kNeedsMeasures) != 0 && given.measures.empty()) return lacks("measures");
  if (!given.document_hash.empty() && given.document_hash.size() != 32) return lacks("document hash of 32 bytes");
  if (given.recipients.size() < row.recipients)
    return lacks(("recipients, at least " + std::to_string(row.recipients)).c_str());
  if (given.recipients.size() > kMaxRecipients) return lacks("fewer recipients");
  for (const std::string& one : given.recipients) {
    DUDAO_CHECK(check_words(one, kMaxProceedingNameChars, "recipient"));
    if (one.empty() || one.find('\n') != std::string::npos) return lacks("a recipient in one line");
  }
  if (!given.measures.empty() && row.kind != ProceedingKind::kSanction) return lacks("no measures");
  std::set<string_view> once;
  for (const std::string& code : given.measures) {
    const Measure* const measure = find_measure(code);
    if (!measure || !once.insert(code).second) return lacks(("measure " + code.substr(0, 40)).c_str());
    if (measure->private_school && !private_school) return lacks((code + " is for private schools").c_str());
  }
  return {};
}

Result<bool> is_private(Store& rows, const std::string& school) {
  if (school.empty()) return false;
  const ValueView key = string_view(school);
  DUDAO_TRY(const auto row, rows.row(table_of("school"), std::span(&key, 1)));
  return row && text_in(table_of("school"), *row, "ownership") == "PRIVATE";
}

Result<std::optional<StoredRow>> visit_row(Store& rows, BytesView visit) {
  const ValueView id = visit;
  return rows.row(table_of("visit"), std::span(&id, 1));
}
Result<std::string> kind_of_visit(Store& rows, BytesView visit) {
  if (visit.empty()) return std::string();
  DUDAO_TRY(const auto row, visit_row(rows, visit));
  return row ? text_in(table_of("visit"), *row, "kind") : std::string();
}

std::optional<DeadlineStep> deadline_step_from(string_view name) noexcept {
  for (auto step = static_cast<int>(DeadlineStep::kPriorNotice);
       step <= static_cast<int>(DeadlineStep::kAppealCorrection); ++step)
    if (to_string(static_cast<DeadlineStep>(step)) == name) return static_cast<DeadlineStep>(step);
  return std::nullopt;
}

Result<ProceedingView> view_of(const StoredRow& row) {
  const Table& table = table_of("proceeding");
  ProceedingView out;
  out.code = text_in(table, row, "code");
  const auto kind = proceeding_kind_from(text_in(table, row, "kind"));
  const auto state = proceeding_state_from(text_in(table, row, "state"));
  if (!kind || !state) return fail(Code::kStateUnknown, out.code);
  out.kind = *kind;
  out.state = *state;
  out.org_unit = text_in(table, row, "org_unit");
  out.school = text_in(table, row, "school");
  out.visit = bytes_in(table, row, "visit");
  const auto author = integer_in(table, row, "finding_author");
  const auto n = integer_in(table, row, "finding_n");
  if (author && n) out.finding = FindingKey{out.visit, *author, *n};
  out.subject = text_in(table, row, "subject");
  out.basis = text_in(table, row, "basis");
  out.facts = text_in(table, row, "facts");
  out.measures = parts_of(text_in(table, row, "measures"), ',');
  out.opened_day = integer_in(table, row, "opened_day").value_or(0);
  out.due_day = integer_in(table, row, "due_day");
  out.due_step = deadline_step_from(text_in(table, row, "due_step"));
  out.due_rule = text_in(table, row, "due_rule");
  return out;
}

/// Which steps are the events that limits count from.
std::optional<DeadlineAnchor> anchor_of(ProceedingEvent event) noexcept {
  switch (event) {
    case ProceedingEvent::kGiveFeedback:
      return DeadlineAnchor::kFeedbackGiven;
    case ProceedingEvent::kIssue:
      return DeadlineAnchor::kOpinionIssued;
    case ProceedingEvent::kRequestReview:
      return DeadlineAnchor::kReviewRequested;
    case ProceedingEvent::kAnswerReview:
      return DeadlineAnchor::kReviewAnswered;
    case ProceedingEvent::kServe:
      return DeadlineAnchor::kDecisionServed;
    case ProceedingEvent::kReceiveAppeal:
      return DeadlineAnchor::kAppealReceived;
    case ProceedingEvent::kRejectAppeal:
    case ProceedingEvent::kGrantAppeal:
      return DeadlineAnchor::kAppealDecided;
    default:
      return std::nullopt;
  }
}

/// What the limits of one proceeding are worked out from.
struct Clockwork {
  std::string visit_kind;
  std::vector<std::string> jurisdictions;
  std::map<DeadlineAnchor, std::int64_t> events;

  static Result<Clockwork> of(Store& rows, const ProceedingView& proceeding) {
    Clockwork out;
    DUDAO_TRY(out.visit_kind, kind_of_visit(rows, proceeding.visit));
    DUDAO_TRY(out.jurisdictions, DeadlineRules::jurisdictions(rows, proceeding.org_unit));
    if (!proceeding.visit.empty()) {
      DUDAO_TRY(const auto ended, end_of_visit(rows, proceeding.visit));
      if (ended) out.events[DeadlineAnchor::kVisitEnded] = *ended;
    }
    DUDAO_TRY(const auto steps, proceeding_steps(rows, proceeding.code));
    for (const ProceedingStepView& step : steps)
      if (const auto anchor = anchor_of(step.event)) out.events[*anchor] = step.day;
    return out;
  }
  std::optional<OpenLimit> limit(const DeadlineRules& rules, DeadlineStep step, std::int64_t today) const {
    return rules.limit(step, visit_kind, jurisdictions, events, today);
  }
  /// The first that runs in the state.
  std::optional<OpenLimit> next(const DeadlineRules& rules, ProceedingKind kind, ProceedingState state,
                                std::int64_t today) const {
    for (const RunningLimit& running : kRunningLimits)
      if (running.kind == kind && running.state == state)
        if (auto found = limit(rules, running.step, today)) return found;
    return std::nullopt;
  }
};

/// A limit as it counts for a step: as the office's decision set it, otherwise as the rules have it.
std::optional<OpenLimit> limit_on(const ProceedingView& at, const Clockwork& clock, const DeadlineRules& rules,
                                  DeadlineStep step, std::int64_t day) {
  auto found = clock.limit(rules, step, day);
  if (!at.due_day || at.due_step != step) return found;
  const bool provisional = found && found->day == *at.due_day && found->provisional;
  return OpenLimit{*at.due_day, step, at.due_rule, provisional};
}

Result<std::string> free_code(Store& rows, ProceedingKind kind, std::int64_t day) {
  const std::string start = std::string(to_string(kind)) + "-" + date_text(day).substr(0, 4) + "-";
  std::int64_t n = 1;
  DUDAO_CHECK(rows.each_row(table_of("proceeding"), [&](const StoredRow& row) -> Status {
    n += std::get<std::string>(row.cells[0]).starts_with(start) ? 1 : 0;
    return {};
  }));
  while (true) {
    std::string code = start + std::to_string(n);
    const ValueView key = string_view(code);
    DUDAO_TRY(const auto taken, rows.row(table_of("proceeding"), std::span(&key, 1)));
    if (!taken) return code;
    ++n;
  }
}

std::vector<Value> step_cells(const std::string& code, std::int64_t n, ProceedingEvent event, ProceedingState state,
                              const Given& given, std::int64_t day, const std::optional<OpenLimit>& sets,
                              std::int64_t utc_ms) {
  return {code,
          n,
          std::string(to_string(event)),
          std::string(to_string(state)),
          given.person,
          or_null(given.text),
          or_null(joined(given.recipients, '\n')),
          or_null(given.document_hash),
          day,
          sets ? Value(sets->day) : Value(),
          utc_ms};
}

bool needs_plea(string_view visit_kind) { return visit_kind == "SPECIAL" || visit_kind == "COMPREHENSIVE"; }

}  // namespace

std::string_view to_string(ProceedingKind kind) noexcept {
  return name_at(kKindNames, static_cast<std::size_t>(kind) - 1);
}
std::string_view to_string(ProceedingState state) noexcept {
  return name_at(kStateNames, static_cast<std::size_t>(state));
}
std::string_view to_string(ProceedingEvent event) noexcept {
  return name_at(kEventNames, static_cast<std::size_t>(event) - 1);
}
std::optional<ProceedingKind> proceeding_kind_from(std::string_view name) noexcept {
  return find_name<ProceedingKind>(kKindNames, name, 1);
}
std::optional<ProceedingState> proceeding_state_from(std::string_view name) noexcept {
  const auto state = find_name<ProceedingState>(kStateNames, name, 0);
  return state == ProceedingState::kNone ? std::nullopt : state;
}
std::optional<ProceedingEvent> proceeding_event_from(std::string_view name) noexcept {
  const auto event = find_name<ProceedingEvent>(kEventNames, name, 1);
  return event == ProceedingEvent::kLate ? std::nullopt : event;
}

const Measure* find_measure(std::string_view code) noexcept {
  for (const Measure& measure : kMeasures)
    if (measure.code == code) return &measure;
  return nullptr;
}

Result<DeadlineRules> DeadlineRules::published(Store& rows) {
  DeadlineRules out;
  auto book = published_deadlines(rows);
  if (book)
    out.book_ = *std::move(book);
  else if (book.error().code != Code::kDeadlineBookMissing)
    return fail(book.error());
  return out;
}

Result<std::vector<std::string>> DeadlineRules::jurisdictions(Store& rows, std::string_view unit) {
  auto above = units_from(rows, unit);
  if (above) return *std::move(above);
  if (above.error().code == Code::kUnitUnknown) return std::vector<std::string>();
  return fail(above.error());
}

std::optional<OpenLimit> DeadlineRules::limit(DeadlineStep step, std::string_view visit_kind,
                                              std::span<const std::string> jurisdictions,
                                              const std::map<DeadlineAnchor, std::int64_t>& events,
                                              std::int64_t today) const {
  const DeadlineRule* rule = book_.rule_for(step, visit_kind, jurisdictions, today);
  if (!rule) return std::nullopt;
  auto event = events.find(rule->anchor);
  if (event == events.end()) return std::nullopt;
  // A rule made since does not reach back. Which event counts is in the rule, so it has to be asked first.
  rule = book_.rule_for(step, visit_kind, jurisdictions, event->second);
  if (!rule) return std::nullopt;
  event = events.find(rule->anchor);
  if (event == events.end()) return std::nullopt;
  const auto found = due(*rule, event->second, book_.calendar);
  if (!found) return std::nullopt;
  return OpenLimit{found->day, step, rule->code, found->provisional};
}

Result<std::optional<std::int64_t>> end_of_visit(Store& rows, BytesView visit) {
  const Table& events = table_of("visit_event");
  std::optional<std::int64_t> last_ms;
  std::int64_t offset_min = 0;
  DUDAO_CHECK(rows.each_row_of_visit(events, visit, 0, [&](const StoredRow& row) -> Status {
    const auto event = visit_event_from(text_in(events, row, "event"));
    if (event != VisitEvent::kFinish && event != VisitEvent::kRefuseEntry && event != VisitEvent::kNoAccess) return {};
    const std::int64_t at_ms = integer_in(events, row, "at_utc_ms").value_or(0);
    if (last_ms && *last_ms > at_ms) return {};
    last_ms = at_ms;
    offset_min = integer_in(events, row, "at_offset_min").value_or(0);
    return {};
  }));
  if (!last_ms) return std::optional<std::int64_t>();
  return std::optional(local_day(*last_ms, static_cast<int>(offset_min)));
}

Result<std::vector<OpenLimit>> running_limits(Store& rows, const DeadlineRules& rules, const ProceedingView& proceeding,
                                              std::int64_t today) {
  std::vector<OpenLimit> out;
  std::optional<Clockwork> clock;
  for (const RunningLimit& running : kRunningLimits) {
    if (running.kind != proceeding.kind || running.state != proceeding.state) continue;
    if (!clock) {
      DUDAO_TRY(clock, Clockwork::of(rows, proceeding));
    }
    if (const auto found = limit_on(proceeding, *clock, rules, running.step, today)) out.push_back(*found);
  }
  return out;
}

Result<bool> is_behind(Store& rows, const DeadlineRules& rules, const ProceedingView& proceeding, std::int64_t today) {
  DUDAO_TRY(const auto limits, running_limits(rows, rules, proceeding, today));
  return std::any_of(limits.begin(), limits.end(),
                     [&](const OpenLimit& limit) { return !is_of_others(limit.step) && limit.day < today; });
}

Result<std::string> open_proceeding(Store& rows, const ProceedingOpening& opening, const Moment& at,
                                    ChangesBuilder& out) {
  const std::int64_t today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  const auto wrong = [](const std::string& what) { return fail(Code::kProceedingWrong, "open: " + what); };
  const ProceedingTransition* const row = find_transition(opening.kind, ProceedingState::kNone, ProceedingEvent::kOpen);
  if (!row) return wrong("kind");
  ProceedingView made;
  made.kind = opening.kind;
  made.state = row->to;
  made.visit = opening.finding ? opening.finding->visit : opening.visit;
  made.finding = opening.finding;
  made.school = opening.school;
  made.opened_day = opening.day.value_or(today);
  if (made.opened_day > today) return wrong("a day that has not come");
  if (opening.finding) {
    if (!opening.visit.empty() && opening.visit != opening.finding->visit) return wrong("the finding's visit");
    DUDAO_CHECK(find_finding(rows, *opening.finding));
  }
  if (opening.kind == ProceedingKind::kOpinion && made.visit.empty()) return wrong("visit");
  if (!made.visit.empty()) {
    DUDAO_TRY(const auto visit, visit_row(rows, made.visit));
    if (!visit) return fail(Code::kVisitUnknown, to_hex(made.visit));
    const std::string school = text_in(table_of("visit"), *visit, "school");
    if (!made.school.empty() && made.school != school) return wrong("the visit's school is " + school);
    made.school = school;
  }
  made.org_unit = opening.org_unit;
  if (!made.school.empty()) {
    DUDAO_TRY(const std::string unit, unit_of_school(rows, made.school));
    if (made.org_unit.empty()) made.org_unit = unit;
  }
  if (!opening.org_unit.empty()) DUDAO_CHECK(units_from(rows, opening.org_unit));
  made.subject = opening.subject.empty() ? made.school : opening.subject;
  DUDAO_CHECK(check_words(made.subject, kMaxProceedingNameChars, "subject"));
  if (made.subject.empty()) return wrong("subject");
  DUDAO_TRY(const bool private_school, is_private(rows, made.school));
  const Given given{opening.person,     opening.text,     opening.basis,
                    opening.recipients, opening.measures, opening.document_hash};
  DUDAO_CHECK(check_given(*row, given, private_school));
  made.code = opening.code;
  if (made.code.empty()) {
    DUDAO_TRY(made.code, free_code(rows, opening.kind, made.opened_day));
  }
  DUDAO_CHECK(check_words(made.code, kMaxProceedingNameChars, "code"));
  const ValueView key = string_view(made.code);
  DUDAO_TRY(const auto before, rows.row(table_of("proceeding"), std::span(&key, 1)));
  if (before) return wrong("there is a proceeding " + made.code);
  DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
  DUDAO_TRY(const Clockwork clock, Clockwork::of(rows, made));
  const auto due = clock.next(rules, made.kind, made.state, made.opened_day);
  out.insert(
      "proceeding",
      {made.code, std::string(to_string(made.kind)), std::string(to_string(made.state)), or_null(made.org_unit),
       or_null(made.school), or_null(made.visit), made.finding ? Value(made.finding->author) : Value(),
       made.finding ? Value(made.finding->n) : Value(), made.subject, or_null(opening.basis),
       or_null(joined(opening.measures, ',')), or_null(opening.text), made.opened_day, due ? Value(due->day) : Value(),
       due ? Value(std::string(to_string(due->step))) : Value(), due ? Value(due->rule) : Value()});
  out.insert("proceeding_step",
             step_cells(made.code, 1, ProceedingEvent::kOpen, made.state, given, made.opened_day, due, at.utc_ms));
  return made.code;
}

Status take_proceeding_step(Store& rows, const ProceedingAct& act, const Moment& at, ChangesBuilder& out) {
  const std::int64_t today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  DUDAO_TRY(const ProceedingView before, find_proceeding(rows, act.code));
  const ProceedingTransition* const row = find_transition(before.kind, before.state, act.event);
  if (!row) return fail(Code::kProceedingTransitionNotAllowed, refusal(before.kind, before.state, act.event));
  const auto wrong = [&](const std::string& what) {
    return fail(Code::kProceedingWrong, std::string(to_string(act.event)) + ": " + what);
  };
  DUDAO_TRY(const bool private_school, is_private(rows, before.school));
  const std::string no_basis;
  const Given given{act.person, act.text, no_basis, act.recipients, act.measures, act.document_hash};
  DUDAO_CHECK(check_given(*row, given, private_school));
  DUDAO_CHECK(check_words(act.late_reason, kMaxProceedingNameChars, "reason"));
  const bool may_measure = (row->needs & kNeedsMeasures) != 0 || act.event == ProceedingEvent::kAnswerReview ||
                           act.event == ProceedingEvent::kCorrect;
  if (!act.measures.empty() && !may_measure) return wrong("measures are decided, reviewed or corrected");

  DUDAO_TRY(const auto steps, proceeding_steps(rows, act.code));
  const std::int64_t day = act.day.value_or(today);
  if (day > today) return wrong("a day that has not come");
  if (!steps.empty() && day < steps.back().day) return wrong("a day before " + date_text(steps.back().day));

  DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
  DUDAO_TRY(Clockwork clock, Clockwork::of(rows, before));
  if (before.kind == ProceedingKind::kOpinion && act.event == ProceedingEvent::kIssue) {
    // Regulations art. 20: in special and comprehensive inspection the school may plead before the opinion is issued.
    if (before.state == ProceedingState::kPrelim && needs_plea(clock.visit_kind))
      return fail(Code::kProceedingTransitionNotAllowed, refusal(before.kind, before.state, act.event) + " before " +
                                                             std::string(to_string(ProceedingEvent::kGiveFeedback)));
    const Table& visits = table_of("visit");
    DUDAO_TRY(const auto visit, visit_row(rows, before.visit));
    if (!visit) return fail(Code::kVisitUnknown, to_hex(before.visit));
    const auto state = visit_state_from(text_in(visits, *visit, "state")).value_or(VisitState::kNone);
    if (state != VisitState::kOpinionIssued && state != VisitState::kClosed) {
      DUDAO_TRY(const VisitState to, advance(state, VisitEvent::kIssueOpinion, Actor::kOffice));
      out.update("visit", {before.visit}, {{visits.column("state"), std::string(to_string(to))}});
    }
  }
  if (before.kind == ProceedingKind::kSanction && act.event == ProceedingEvent::kFile &&
      std::none_of(steps.begin(), steps.end(),
                   [](const ProceedingStepView& step) { return step.event == ProceedingEvent::kExecute; }))
    return wrong(std::string(to_string(ProceedingEvent::kExecute)) + " comes first");
  if (row->awaits) {
    const auto open = limit_on(before, clock, rules, *row->awaits, day);
    if (open && day <= open->day)
      return fail(Code::kTooEarly, std::string(to_string(open->step)) + " " + date_text(open->day + 1));
  }

  std::int64_t n = steps.empty() ? 0 : steps.back().n;
  if (row->ends) {
    const auto limit = limit_on(before, clock, rules, *row->ends, day);
    if (limit && day > limit->day) {
      const bool of_others = is_of_others(limit->step);
      const std::string missed = std::string(to_string(limit->step)) + " " + date_text(limit->day);
      if (of_others && act.late_reason.empty()) return fail(Code::kTooLate, missed);
      const std::string words = of_others ? missed + ": " + act.late_reason : missed;
      const std::vector<std::string> nobody;
      const Bytes nothing;
      const Given note{act.person, words, no_basis, nobody, nobody, nothing};
      out.insert("proceeding_step",
                 step_cells(act.code, ++n, ProceedingEvent::kLate, before.state, note, day, limit, at.utc_ms));
    }
  }
  if (const auto anchor = anchor_of(act.event)) clock.events[*anchor] = day;
  const auto due = clock.next(rules, before.kind, row->to, day);
  const Table& table = table_of("proceeding");
  std::vector<std::pair<std::size_t, Value>> cells = {{table.column("state"), std::string(to_string(row->to))}};
  if (!act.measures.empty()) cells.emplace_back(table.column("measures"), joined(act.measures, ','));
  cells.emplace_back(table.column("due_day"), due ? Value(due->day) : Value());
  cells.emplace_back(table.column("due_step"), due ? Value(std::string(to_string(due->step))) : Value());
  cells.emplace_back(table.column("due_rule"), due ? Value(due->rule) : Value());
  out.update("proceeding", {act.code}, std::move(cells));
  out.insert("proceeding_step", step_cells(act.code, n + 1, act.event, row->to, given, day, due, at.utc_ms));
  return {};
}

Result<ProceedingView> find_proceeding(Store& rows, std::string_view code) {
  const ValueView key = code;
  DUDAO_TRY(const auto row, rows.row(table_of("proceeding"), std::span(&key, 1)));
  if (!row) return fail(Code::kProceedingUnknown, std::string(code.substr(0, 60)));
  return view_of(*row);
}

Result<std::vector<ProceedingView>> all_proceedings(Store& rows) {
  std::vector<ProceedingView> out;
  DUDAO_CHECK(rows.each_row(table_of("proceeding"), [&](const StoredRow& row) -> Status {
    DUDAO_TRY(auto one, view_of(row));
    out.push_back(std::move(one));
    return {};
  }));
  return out;
}

Result<std::vector<ProceedingStepView>> proceeding_steps(Store& rows, std::string_view code) {
  const Table& table = table_of("proceeding_step");
  std::vector<ProceedingStepView> out;
  for (std::int64_t n = 1;; ++n) {
    const ValueView key[] = {code, n};
    DUDAO_TRY(const auto row, rows.row(table, key));
    if (!row) return out;
    ProceedingStepView step;
    step.n = n;
    const auto event = find_name<ProceedingEvent>(kEventNames, text_in(table, *row, "event"), 1);
    const auto state = proceeding_state_from(text_in(table, *row, "state"));
    if (!event || !state) return fail(Code::kStateUnknown, std::string(code) + " " + std::to_string(n));
    step.event = *event;
    step.state = *state;
    step.person = text_in(table, *row, "person");
    step.text = text_in(table, *row, "text");
    step.recipients = parts_of(text_in(table, *row, "recipients"), '\n');
    step.document_hash = bytes_in(table, *row, "document_hash");
    step.day = integer_in(table, *row, "day").value_or(0);
    step.due_day = integer_in(table, *row, "due_day");
    step.at_utc_ms = integer_in(table, *row, "at_utc_ms").value_or(0);
    step.log_index = row->clock.index;
    out.push_back(std::move(step));
  }
}

Result<std::int64_t> sanctions_in_year(Store& rows, std::string_view subject, std::int64_t day) {
  // The same date a year before; 29 February has none and counts as 28.
  std::string before = date_text(day);
  before.replace(0, 4, std::to_string(10'000 + std::stoi(before.substr(0, 4)) - 1).substr(1));
  const auto same = parse_date(before);
  const std::int64_t from_day = same.value_or(day - 366);
  DUDAO_TRY(const auto all, all_proceedings(rows));
  std::int64_t count = 0;
  for (const ProceedingView& one : all) {
    if (one.kind != ProceedingKind::kSanction || one.subject != subject || one.state == ProceedingState::kDismissed)
      continue;
    DUDAO_TRY(const auto steps, proceeding_steps(rows, one.code));
    count += std::any_of(steps.begin(), steps.end(), [&](const ProceedingStepView& step) {
      return step.event == ProceedingEvent::kDecide && step.day > from_day && step.day <= day;
    });
  }
  return count;
}

Status check_no_opinion_pending(Store& rows, BytesView visit) {
  DUDAO_TRY(const auto all, all_proceedings(rows));
  for (const ProceedingView& one : all)
    if (one.kind == ProceedingKind::kOpinion && one.visit == to_bytes(visit) && one.state < ProceedingState::kIssued)
      return fail(Code::kProceedingTransitionNotAllowed, one.code + " " + std::string(to_string(one.state)));
  return {};
}

}  // namespace dudao
