#include "agent/visit_book.hpp"

#include "schema/draw.hpp"
#include "schema/visit_documents.hpp"
#include "sync/sealed_assignment.hpp"
#include "sync/visit_root.hpp"

#include <algorithm>
#include <charconv>

namespace dudao {
namespace {

Status check_text(std::string_view text, std::size_t most, std::string_view what) {
  if (!is_utf8(view(text)) || text.find('\0') != std::string_view::npos)
    return fail(Code::kTextNotUtf8, std::string(what));
  const std::size_t characters = count_characters(text);
  if (characters > most)
    return fail(Code::kTextTooLong,
                std::string(what) + ": " + std::to_string(characters) + " characters, at most " + std::to_string(most));
  return {};
}

Status check_place(const std::optional<Place>& place) {
  if (!place) return {};
  const bool on_earth = place->lat_e7 >= -900'000'000 && place->lat_e7 <= 900'000'000 &&
                        place->lon_e7 >= -1'800'000'000 && place->lon_e7 <= 1'800'000'000;
  return on_earth && place->accuracy_cm >= 0 ? Status() : fail(Code::kPlaceWrong);
}

/// The number of an entry as it is shown: "3", not "03" or "3x".
std::optional<std::int64_t> entry_number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(out) != text) return std::nullopt;
  return out;
}

Result<Hash> document_hash(Database& db, BytesView visit, std::string_view text) {
  DUDAO_TRY(const Hash root, visit_root(db, visit, kFeedbackTables));
  return dudao::document_hash(visit, root, text);
}

ValueView text_or_null(std::string_view text) { return text.empty() ? ValueView() : ValueView(text); }

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

std::vector<std::string> split(std::string_view text, char mark) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(mark, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

VisitEvent event_of(std::string_view outcome) {
  return outcome == "SIGNED"    ? VisitEvent::kSign
         : outcome == "REFUSED" ? VisitEvent::kRefuseSignature
                                : VisitEvent::kSignerAbsent;
}

/// Rows of a table whose first columns have these values, in key order.
Status each_row(Database& db, const Table& table, std::span<const ValueView> key,
                const std::function<Status(std::span<const Value> cells)>& take) {
  std::string columns;
  std::string order;
  std::string where;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    columns += (i > 0 ? ", " : "") + table.columns[i].name;
    if (i < table.key_columns) order += (i > 0 ? ", " : "") + table.columns[i].name;
    if (i < key.size()) where += (i > 0 ? " AND " : "") + table.columns[i].name + " = ?";
  }
  DUDAO_TRY(auto q, db.query("SELECT " + columns + " FROM " + std::string(table.name) + " WHERE " + where +
                             " ORDER BY " + order));
  for (const ValueView& cell : key) q.bind(cell);
  while (true) {
    DUDAO_TRY(const bool found, q.step());
    if (!found) return {};
    std::vector<Value> cells;
    for (int i = 0; i < q.columns(); ++i) cells.push_back(to_value(q.value(i)));
    DUDAO_CHECK(take(cells));
  }
}

Value value_of(const AnswerValue& answer) {
  if (const auto* integer = std::get_if<std::int64_t>(&answer.value)) return *integer;
  if (const auto* text = std::get_if<std::string>(&answer.value)) return *text;
  return std::monostate{};
}

}  // namespace

/// A visit as it stands, and what this inspector is in it.
struct VisitBook::Open {
  Author who;
  Bytes id;
  VisitState state{};
  Actor actor = Actor::kInspector;
  std::string school, kind, template_code, items, reason, clock;
  std::int64_t template_version = 0, from_day = 0, to_day = 0;
  std::optional<std::int64_t> unseal_at_utc_ms;
  Bytes class_seed;
};

Result<VisitBook::Open> VisitBook::open(BytesView visit) {
  Open out;
  DUDAO_TRY(out.who, author(db_));
  DUDAO_TRY(auto q, db_.query("SELECT v.state, v.school, v.kind, v.template, v.template_version, v.items, v.from_day, "
                              "v.to_day, v.unseal_at_utc_ms, "
                              "v.class_seed, v.reason, v.clock, m.role, m.recusal FROM visit v LEFT JOIN team_member m "
                              "ON m.visit = v.id AND m.inspector = ? WHERE v.id = ?"));
  q.bind(std::string_view(out.who.inspector)).bind(visit);
  DUDAO_TRY(const bool found, q.step());
  if (!found || q.null(12) || !q.null(13)) return fail(Code::kVisitNotHere, to_hex(visit));
  const auto state = visit_state_from(q.text(0));
  if (!state) return fail(Code::kDatabaseCorrupt, "visit.state");
  out.id = to_bytes(visit);
  out.state = *state;
  out.school = q.text(1);
  out.kind = q.text(2);
  out.template_code = q.text(3);
  out.template_version = q.integer(4);
  out.items = q.text(5);
  out.from_day = q.integer(6);
  out.to_day = q.integer(7);
  if (!q.null(8)) out.unseal_at_utc_ms = q.integer(8);
  out.class_seed = to_bytes(q.blob(9));
  out.reason = q.text(10);
  out.clock = q.text(11);
  out.actor = q.text(12) == "LEAD" ? Actor::kLead : Actor::kInspector;
  return out;
}

Status VisitBook::write_event(const Open& visit, VisitEvent event, const std::optional<Place>& place,
                              std::string_view reason) {
  DUDAO_CHECK(check_text(reason, kMaxRemarkChars, "reason"));
  DUDAO_CHECK(check_place(place));
  DUDAO_TRY(const VisitState to, advance(visit.state, event, visit.actor));
  DUDAO_TRY(const std::int64_t n, next_number(visit, "visit_event"));
  DUDAO_TRY(const ClockQuality clock, clock_quality(db_, platform_.clock));
  const Moment at = now(platform_.clock);
  std::optional<std::int64_t> lat;
  std::optional<std::int64_t> lon;
  std::optional<std::int64_t> accuracy;
  if (place) {
    lat = place->lat_e7;
    lon = place->lon_e7;
    accuracy = place->accuracy_cm;
  }
  DUDAO_CHECK(
      db_.execute("INSERT INTO visit_event (visit, author, n, event, inspector, clock, lat_e7, lon_e7, accuracy_cm, "
                  "reason, at_utc_ms, "
                  "at_offset_min, at_boot_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  BytesView(visit.id), visit.who.device, n, to_string(event), std::string_view(visit.who.inspector),
                  to_string(clock), lat, lon, accuracy, text_or_null(reason), at.utc_ms, at.offset_min, at.boot_ms));
  return db_.execute("UPDATE visit SET state = ? WHERE id = ?", to_string(to), BytesView(visit.id));
}

Status VisitBook::step(BytesView id, VisitEvent event, std::string_view reason) {
  DUDAO_TRY(const Open visit, open(id));
  return record(db_, [&] { return write_event(visit, event, {}, reason); });
}

Status VisitBook::editable(const Open& visit) const {
  if (may_edit(visit.state)) return {};
  return fail(visit.state >= VisitState::kSubmitted && visit.state != VisitState::kCancelled ? Code::kVisitSubmitted
                                                                                             : Code::kVisitNotOpen,
              std::string(to_string(visit.state)));
}

Result<std::int64_t> VisitBook::next_number(const Open& visit, std::string_view table) {
  return db_.integer("SELECT coalesce(max(n), 0) + 1 FROM " + std::string(table) + " WHERE visit = ? AND author = ?",
                     BytesView(visit.id), visit.who.device);
}

Result<Answers> VisitBook::answers_of(const Open& visit, std::string_view observer) {
  Answers out;
  DUDAO_TRY(auto q, db_.query("SELECT item, value, total, na_reason FROM answer WHERE visit = ? AND observer = ?"));
  q.bind(BytesView(visit.id)).bind(observer);
  while (true) {
    DUDAO_TRY(const bool found, q.step());
    if (!found) return out;
    AnswerValue value;
    const ValueView cell = q.value(1);
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) value.value = *integer;
    if (const auto* text = std::get_if<std::string_view>(&cell)) value.value = std::string(*text);
    if (!q.null(2)) value.total = q.integer(2);
    value.na_reason = q.text(3);
    out.emplace(q.text(0), std::move(value));
  }
}

Status VisitBook::unseal(BytesView id, std::string_view typed) {
  DUDAO_TRY(const Author who, author(db_));
  Bytes body;
  std::int64_t unseal_at_utc_ms = 0;
  {
    DUDAO_TRY(auto q,
              db_.query("SELECT body, unseal_at_utc_ms, seal_key FROM sealed_assignment WHERE inspector = ? AND "
                        "visit = ?"));
    q.bind(std::string_view(who.inspector)).bind(id);
    DUDAO_TRY(const bool found, q.step());
    if (!found) return fail(Code::kVisitNotHere, to_hex(id));
    if (!q.null(2)) return {};
    body = to_bytes(q.blob(0));
    unseal_at_utc_ms = q.integer(1);
  }
  const auto code = seal_code_from(typed);
  if (!code) return fail(Code::kUnsealCode, "16 signs");
  DUDAO_TRY(const ChangesBuilder rows, open_assignment(*code, {id, who.inspector, unseal_at_utc_ms}, body));
  // The office's rows, as a feed would bring them: nothing of it is this device's own change.
  DUDAO_TRY(auto transaction, Transaction::begin(db_));
  const Changes opened = rows.changes();
  for (const TableChanges& table : opened.tables) {
    std::string marks;
    for (std::size_t i = 0; i < table.table->columns.size(); ++i) marks += i ? ", ?" : "?";
    for (std::size_t n = 0; n < table.inserted_rows(); ++n) {
      DUDAO_TRY(auto q, db_.query("INSERT INTO " + std::string(table.table->name) + " VALUES (" + marks +
                                  ") ON CONFLICT DO NOTHING"));
      for (const ValueView& cell : table.row(n)) q.bind(cell);
      DUDAO_CHECK(q.run());
    }
  }
  DUDAO_CHECK(db_.execute("UPDATE sealed_assignment SET seal_key = ? WHERE inspector = ? AND visit = ?",
                          BytesView(*code), std::string_view(who.inspector), id));
  return transaction.commit();
}

Status VisitBook::prepare(BytesView id) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(checklist_of(visit));
  return record(db_, [&] { return write_event(visit, VisitEvent::kVerifyPackage, {}, {}); });
}

Result<Checklist> VisitBook::checklist(BytesView id) {
  DUDAO_TRY(const Open visit, open(id));
  return checklist_of(visit);
}

Result<Checklist> VisitBook::checklist_of(const Open& visit) {
  const auto key = std::pair(visit.template_code, visit.template_version);
  auto found = checklists_.find(key);
  if (found == checklists_.end()) {
    DUDAO_TRY(const auto body, db_.lookup("SELECT body FROM template WHERE code = ? AND version = ?",
                                          std::string_view(visit.template_code), visit.template_version));
    const auto* text = body ? std::get_if<std::string>(&*body) : nullptr;
    if (!text) return fail(Code::kTemplateUnknown, visit.template_code + " " + std::to_string(visit.template_version));
    DUDAO_TRY(auto parsed, Checklist::parse(*text));
    found = checklists_.emplace(key, std::move(parsed)).first;
  }
  if (visit.items.empty()) return found->second;
  return found->second.subset(split(visit.items, ','));
}

Status VisitBook::check_in(BytesView id, const std::optional<Place>& place, std::string_view reason) {
  if (!place && reason.empty()) return fail(Code::kPlaceOrReason);
  return arrive(id, VisitEvent::kCheckIn, place, reason);
}

Status VisitBook::arrive(BytesView id, VisitEvent event, const std::optional<Place>& place, std::string_view reason) {
  DUDAO_TRY(Open visit, open(id));
  if (visit.unseal_at_utc_ms) {
    // Where the office opened it, its word counts for more than this device's clock.
    DUDAO_TRY(const auto opened, db_.lookup("SELECT 1 FROM sealed_assignment WHERE visit = ? AND inspector = ? AND "
                                            "seal_key IS NOT NULL",
                                            id, std::string_view(visit.who.inspector)));
    DUDAO_TRY(const std::int64_t now_utc_ms, likely_utc_ms(db_, platform_.clock));
    if (!opened && now_utc_ms < *visit.unseal_at_utc_ms)
      return fail(Code::kSealed, std::to_string(*visit.unseal_at_utc_ms));
  }
  if (visit.state == VisitState::kAssigned) DUDAO_CHECK(checklist_of(visit));
  return record(db_, [&]() -> Status {
    if (visit.state == VisitState::kAssigned) {
      DUDAO_CHECK(write_event(visit, VisitEvent::kVerifyPackage, {}, {}));
      DUDAO_TRY(visit.state, advance(visit.state, VisitEvent::kVerifyPackage, visit.actor));
    }
    return write_event(visit, event, place, reason);
  });
}

Status VisitBook::pause(BytesView visit, std::string_view reason) { return step(visit, VisitEvent::kPause, reason); }
Status VisitBook::resume(BytesView visit) { return step(visit, VisitEvent::kResume); }

Status VisitBook::refuse_entry(BytesView visit, const std::optional<Place>& place, std::string_view reason) {
  if (reason.empty()) return fail(Code::kWordsMissing, "reason");
  return arrive(visit, VisitEvent::kRefuseEntry, place, reason);
}
Status VisitBook::no_access(BytesView visit, const std::optional<Place>& place, std::string_view reason) {
  if (reason.empty()) return fail(Code::kWordsMissing, "reason");
  return arrive(visit, VisitEvent::kNoAccess, place, reason);
}

Status VisitBook::put_answer(const Open& visit, std::string_view item, std::string_view observer,
                             const AnswerValue& value, std::string_view note) {
  DUDAO_CHECK(editable(visit));
  DUDAO_CHECK(check_text(note, kMaxRemarkChars, "note"));
  DUDAO_TRY(const Checklist list, checklist_of(visit));
  Answers others;
  if (list.looks_at_others(item)) {
    DUDAO_TRY(others, answers_of(visit, observer));
  }
  DUDAO_CHECK(list.check_answer(item, value, others));
  const Value cell = value_of(value);
  const Moment at = now(platform_.clock);
  return record(db_, [&] {
    return db_.execute(
        "INSERT INTO answer (visit, item, observer, value, total, na_reason, note, at_utc_ms, at_offset_min, "
        "at_boot_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, total = "
        "excluded.total, "
        "na_reason = excluded.na_reason, note = excluded.note, at_utc_ms = excluded.at_utc_ms, "
        "at_offset_min = excluded.at_offset_min, at_boot_ms = excluded.at_boot_ms",
        BytesView(visit.id), item, observer, as_view(cell), value.total, text_or_null(value.na_reason),
        text_or_null(note), at.utc_ms, at.offset_min, at.boot_ms);
  });
}

Status VisitBook::answer(BytesView id, std::string_view item, const AnswerValue& value, std::string_view note) {
  DUDAO_TRY(const Open visit, open(id));
  return put_answer(visit, item, visit.who.inspector, value, note);
}

Status VisitBook::reconcile(BytesView id, std::string_view item, std::string_view observer, const AnswerValue& value,
                            std::string_view note) {
  DUDAO_TRY(const Open visit, open(id));
  if (visit.actor != Actor::kLead) return fail(Code::kNotYours, "answer");
  DUDAO_TRY(const auto there, db_.lookup("SELECT 1 FROM answer WHERE visit = ? AND item = ? AND observer = ?",
                                         BytesView(visit.id), item, observer));
  if (!there)
    return fail(Code::kRowUnknown,
                "answer " + std::string(item.substr(0, 64)) + "/" + std::string(observer.substr(0, 64)));
  return put_answer(visit, item, observer, value, note);
}

Status VisitBook::check_finding(const Open& visit, const NewFinding& finding) {
  if (!severity_from(finding.severity)) return fail(Code::kSeverityUnknown, finding.severity.substr(0, 40));
  if (finding.text.empty()) return fail(Code::kWordsMissing, "text");
  DUDAO_CHECK(check_text(finding.text, kMaxFindingChars, "text"));
  DUDAO_CHECK(check_text(finding.clause, kMaxRemarkChars, "clause"));
  DUDAO_CHECK(check_text(finding.superior_unit, kMaxRemarkChars, "superior_unit"));
  if (finding.item.empty()) return {};
  DUDAO_TRY(const Checklist list, checklist_of(visit));
  return list.item(finding.item) ? Status() : fail(Code::kAnswerUnknownItem, finding.item.substr(0, 64));
}

Result<std::string> VisitBook::superior_of(const Open& visit, const NewFinding& finding) {
  if (!finding.superior_unit.empty()) return finding.superior_unit;
  DUDAO_TRY(const auto unit,
            db_.lookup("SELECT superior_unit FROM school WHERE code = ?", std::string_view(visit.school)));
  const auto* name = unit ? std::get_if<std::string>(&*unit) : nullptr;
  return name ? *name : std::string();
}

void VisitBook::seal_now() {
  // What was recorded stands whatever becomes of the seal, for want of memory, too; the next synchronisation makes it.
  static_cast<void>(without_throwing([&]() -> Status {
    const auto sealed = seal(platform_, db_);
    if (!sealed)
      platform_.log.write(Log::Level::kWarning, "seal",
                          "error " + std::to_string(static_cast<int>(sealed.error().code)));
    return {};
  }));
}

Result<EntryId> VisitBook::add_finding(BytesView id, const NewFinding& finding) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(editable(visit));
  DUDAO_CHECK(check_finding(visit, finding));
  DUDAO_TRY(const std::string superior, superior_of(visit, finding));
  EntryId made{visit.who.device, 0};
  const Moment at = now(platform_.clock);
  DUDAO_CHECK(record(db_, [&]() -> Status {
    DUDAO_TRY(made.n, next_number(visit, "finding"));
    return db_.execute(
        "INSERT INTO finding (visit, author, n, item, severity, clause, text, due_day, superior_unit, state, "
        "inspector, at_utc_ms, "
        "at_offset_min, at_boot_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        BytesView(visit.id), made.author, made.n, text_or_null(finding.item), std::string_view(finding.severity),
        text_or_null(finding.clause), std::string_view(finding.text), finding.due_day, text_or_null(superior),
        to_string(FindingState::kOpen), std::string_view(visit.who.inspector), at.utc_ms, at.offset_min, at.boot_ms);
  }));
  if (finding.severity == to_string(Severity::kDanger)) seal_now();
  return made;
}

Result<int> VisitBook::take_derived_findings(BytesView id, std::string_view language) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_TRY(const Checklist list, checklist_of(visit));
  DUDAO_TRY(const Answers answers, answers_of(visit, visit.who.inspector));
  struct There {
    std::string item, severity, text;
  };
  std::vector<There> there;  // Voided ones too: they were dismissed with a reason.
  {
    DUDAO_TRY(auto q, db_.query("SELECT item, severity, text FROM finding WHERE visit = ? AND item IS NOT NULL"));
    q.bind(BytesView(visit.id));
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) break;
      there.push_back({std::string(q.text(0)), std::string(q.text(1)), std::string(q.text(2))});
    }
  }
  std::vector<DerivedFinding> wanted = list.derived_findings(answers);
  // Each finding that is there stands for one that is called for: first by its text in any language, then, since texts
  // are often improved by hand, by its severity.
  const auto strike_out = [&](const auto& same) {
    std::erase_if(wanted, [&](const DerivedFinding& derived) {
      const auto found = std::find_if(there.begin(), there.end(),
                                      [&](const There& one) { return one.item == derived.item && same(one, derived); });
      if (found == there.end()) return false;
      there.erase(found);
      return true;
    });
  };
  strike_out([&](const There& one, const DerivedFinding& derived) {
    return std::any_of(list.languages().begin(), list.languages().end(),
                       [&](const std::string& each) { return one.text == derived.text.in(each); });
  });
  strike_out(
      [](const There& one, const DerivedFinding& derived) { return one.severity == to_string(derived.severity); });
  for (const DerivedFinding& derived : wanted)
    DUDAO_CHECK(add_finding(id, {.item = derived.item,
                                 .severity = std::string(to_string(derived.severity)),
                                 .clause = std::string(derived.clause.in(language)),
                                 .text = std::string(derived.text.in(language)),
                                 .due_day = std::nullopt,
                                 .superior_unit = {}}));
  return static_cast<int>(wanted.size());
}

Status VisitBook::change_entry(BytesView id, std::string_view table, EntryId entry,
                               const std::function<Status(const Open&)>& change) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(editable(visit));
  DUDAO_TRY(const auto there, db_.lookup("SELECT 1 FROM " + std::string(table) +
                                             " WHERE visit = ? AND author = ? AND n = ? AND void_reason IS NULL",
                                         BytesView(visit.id), entry.author, entry.n));
  if (!there)
    return fail(Code::kRowUnknown,
                std::string(table) + " " + std::to_string(entry.author) + "/" + std::to_string(entry.n));
  // What others of the team recorded is theirs; the lead reconciles.
  if (entry.author != visit.who.device && visit.actor != Actor::kLead) return fail(Code::kNotYours, std::string(table));
  return record(db_, [&] { return change(visit); });
}

Status VisitBook::change_finding(BytesView id, EntryId entry, const NewFinding& finding) {
  DUDAO_CHECK(change_entry(id, "finding", entry, [&](const Open& visit) -> Status {
    DUDAO_CHECK(check_finding(visit, finding));
    DUDAO_TRY(const std::string superior, superior_of(visit, finding));
    return db_.execute(
        "UPDATE finding SET item = ?, severity = ?, clause = ?, text = ?, due_day = ?, superior_unit = ? "
        "WHERE visit = ? AND author = ? AND n = ?",
        text_or_null(finding.item), std::string_view(finding.severity), text_or_null(finding.clause),
        std::string_view(finding.text), finding.due_day, text_or_null(superior), BytesView(visit.id), entry.author,
        entry.n);
  }));
  if (finding.severity == to_string(Severity::kDanger)) seal_now();
  return {};
}

Status VisitBook::void_finding(BytesView id, EntryId entry, std::string_view reason) {
  if (reason.empty()) return fail(Code::kWordsMissing, "reason");
  DUDAO_CHECK(check_text(reason, kMaxRemarkChars, "reason"));
  return change_entry(id, "finding", entry, [&](const Open& visit) {
    return db_.execute("UPDATE finding SET void_reason = ? WHERE visit = ? AND author = ? AND n = ?", reason,
                       BytesView(visit.id), entry.author, entry.n);
  });
}

Status VisitBook::fix_finding_on_site(BytesView id, EntryId entry) {
  return change_entry(id, "finding", entry, [&](const Open& visit) -> Status {
    DUDAO_TRY(const auto state, db_.lookup("SELECT state FROM finding WHERE visit = ? AND author = ? AND n = ?",
                                           BytesView(visit.id), entry.author, entry.n));
    const auto from = state ? finding_state_from(std::get<std::string>(*state)) : std::nullopt;
    if (!from) return fail(Code::kDatabaseCorrupt, "finding.state");
    DUDAO_TRY(const FindingState to, advance(*from, FindingEvent::kFixOnSite, visit.actor));
    return db_.execute("UPDATE finding SET state = ? WHERE visit = ? AND author = ? AND n = ?", to_string(to),
                       BytesView(visit.id), entry.author, entry.n);
  });
}

Status VisitBook::judge_finding(BytesView id, BytesView finding_visit, EntryId finding, std::string_view outcome,
                                std::string_view text) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(editable(visit));
  const auto result = result_from(outcome);
  if (!result) return fail(Code::kResultWrong, "outcome " + std::string(excerpt(outcome, 40)));
  if (result == FindingState::kRejected && text.empty()) return fail(Code::kWordsMissing, "text");
  DUDAO_CHECK(check_text(text, kMaxRectificationChars, "text"));
  DUDAO_TRY(const auto carried, db_.lookup("SELECT 1 FROM carried_finding WHERE visit = ? AND finding_visit = ? AND "
                                           "finding_author = ? AND finding_n = ?",
                                           BytesView(visit.id), finding_visit, finding.author, finding.n));
  if (!carried)
    return fail(Code::kNotCarried,
                to_hex(finding_visit) + " " + std::to_string(finding.author) + "/" + std::to_string(finding.n));
  const Moment at = now(platform_.clock);
  return record(db_, [&] {
    return db_.execute(
        "INSERT INTO reinspection_result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET outcome = "
        "excluded.outcome, text = excluded.text, inspector = excluded.inspector, at_utc_ms = excluded.at_utc_ms, "
        "at_offset_min = excluded.at_offset_min, at_boot_ms = excluded.at_boot_ms",
        BytesView(visit.id), finding_visit, finding.author, finding.n, outcome, text_or_null(text),
        std::string_view(visit.who.inspector), at.utc_ms, at.offset_min, at.boot_ms);
  });
}

Result<EntryId> VisitBook::add_words(BytesView id, std::string_view table, std::string_view item,
                                     std::string_view text) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(editable(visit));
  if (text.empty()) return fail(Code::kWordsMissing, "text");
  DUDAO_CHECK(check_text(text, kMaxNoteChars, "text"));
  if (!item.empty()) {
    DUDAO_TRY(const Checklist list, checklist_of(visit));
    if (!list.item(item)) return fail(Code::kAnswerUnknownItem, std::string(item.substr(0, 64)));
  }
  EntryId made{visit.who.device, 0};
  const Moment at = now(platform_.clock);
  DUDAO_CHECK(record(db_, [&]() -> Status {
    DUDAO_TRY(made.n, next_number(visit, table));
    return db_.execute(
        "INSERT INTO " + std::string(table) +
            " (visit, author, n, item, text, inspector, at_utc_ms, at_offset_min, at_boot_ms) VALUES (?, "
            "?, ?, ?, ?, ?, ?, ?, ?)",
        BytesView(visit.id), made.author, made.n, text_or_null(item), text, std::string_view(visit.who.inspector),
        at.utc_ms, at.offset_min, at.boot_ms);
  }));
  return made;
}

Status VisitBook::change_words(BytesView id, std::string_view table, EntryId entry, std::string_view text) {
  if (text.empty()) return fail(Code::kWordsMissing, "text");
  DUDAO_CHECK(check_text(text, kMaxNoteChars, "text"));
  return change_entry(id, table, entry, [&](const Open& visit) {
    return db_.execute("UPDATE " + std::string(table) + " SET text = ? WHERE visit = ? AND author = ? AND n = ?", text,
                       BytesView(visit.id), entry.author, entry.n);
  });
}

Status VisitBook::void_words(BytesView id, std::string_view table, EntryId entry, std::string_view reason) {
  if (reason.empty()) return fail(Code::kWordsMissing, "reason");
  DUDAO_CHECK(check_text(reason, kMaxRemarkChars, "reason"));
  return change_entry(id, table, entry, [&](const Open& visit) {
    return db_.execute("UPDATE " + std::string(table) + " SET void_reason = ? WHERE visit = ? AND author = ? AND n = ?",
                       reason, BytesView(visit.id), entry.author, entry.n);
  });
}

Result<EntryId> VisitBook::add_note(BytesView id, std::string_view item, std::string_view text) {
  return add_words(id, "note", item, text);
}
Status VisitBook::change_note(BytesView id, EntryId entry, std::string_view text) {
  return change_words(id, "note", entry, text);
}
Status VisitBook::void_note(BytesView id, EntryId entry, std::string_view reason) {
  return void_words(id, "note", entry, reason);
}

Result<EntryId> VisitBook::add_highlight(BytesView id, std::string_view item, std::string_view text) {
  return add_words(id, "highlight", item, text);
}
Status VisitBook::change_highlight(BytesView id, EntryId entry, std::string_view text) {
  return change_words(id, "highlight", entry, text);
}
Status VisitBook::void_highlight(BytesView id, EntryId entry, std::string_view reason) {
  return void_words(id, "highlight", entry, reason);
}

Result<std::vector<std::string>> VisitBook::draw_classes(BytesView id, const std::vector<std::string>& classes,
                                                         std::size_t pick) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(editable(visit));
  const auto seed = to_array<32>(visit.class_seed);
  if (!seed) return fail(Code::kNoClassSeed, visit.kind);
  if (pick == 0 || pick > classes.size())
    return fail(Code::kClassList, "pick " + std::to_string(pick) + " of " + std::to_string(classes.size()));
  DUDAO_TRY(const auto drawn, dudao::draw_classes(*seed, classes));
  std::vector<std::string> picked;
  for (std::size_t i = 0; i < pick; ++i) picked.push_back(drawn[i].name);
  const auto lines = [](const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += name + "\n";
    return out;
  };
  const std::string all = lines(classes);
  const std::string chosen = lines(picked);
  const Moment at = now(platform_.clock);
  DUDAO_CHECK(record(db_, [&]() -> Status {
    DUDAO_TRY(const std::int64_t n, next_number(visit, "class_draw"));
    return db_.execute(
        "INSERT INTO class_draw (visit, author, n, classes, picked, inspector, at_utc_ms, at_offset_min, at_boot_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        BytesView(visit.id), visit.who.device, n, std::string_view(all), std::string_view(chosen),
        std::string_view(visit.who.inspector), at.utc_ms, at.offset_min, at.boot_ms);
  }));
  return picked;
}

Status VisitBook::finish(BytesView id) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(advance(visit.state, VisitEvent::kFinish, visit.actor));
  DUDAO_TRY(const Checklist list, checklist_of(visit));
  DUDAO_TRY(const Answers answers, answers_of(visit, visit.who.inspector));
  if (const auto missing = list.missing(answers); !missing.empty()) return fail(Code::kAnswersMissing, joined(missing));
  std::vector<std::string> wrong;
  for (const Violation& violation : list.violations(answers)) wrong.push_back(violation.item);
  if (!wrong.empty()) return fail(Code::kAnswersWrong, joined(wrong));
  DUDAO_TRY(const std::int64_t unsaid,
            db_.integer("SELECT count(*) FROM carried_finding c LEFT JOIN reinspection_result r USING (visit, "
                        "finding_visit, finding_author, finding_n) WHERE c.visit = ? AND r.visit IS NULL",
                        BytesView(visit.id)));
  if (unsaid > 0) return fail(Code::kResultsMissing, std::to_string(unsaid));
  return record(db_, [&] { return write_event(visit, VisitEvent::kFinish, {}, {}); });
}

Result<Hash> VisitBook::feedback(BytesView id, std::string_view text) {
  DUDAO_TRY(const Open visit, open(id));
  if (visit.state != VisitState::kFeedback) return fail(Code::kVisitNotOpen, std::string(to_string(visit.state)));
  if (text.empty()) return fail(Code::kWordsMissing, "text");
  DUDAO_CHECK(check_text(text, kMaxNoteChars, "text"));
  DUDAO_TRY(const Hash document, document_hash(db_, visit.id, text));
  const Moment at = now(platform_.clock);
  DUDAO_CHECK(record(db_, [&]() -> Status {
    DUDAO_TRY(const std::int64_t n, next_number(visit, "feedback"));
    return db_.execute(
        "INSERT INTO feedback (visit, author, n, text, document_hash, inspector, at_utc_ms, at_offset_min, at_boot_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        BytesView(visit.id), visit.who.device, n, text, BytesView(document), std::string_view(visit.who.inspector),
        at.utc_ms, at.offset_min, at.boot_ms);
  }));
  return document;
}

Result<Document> VisitBook::feedback_sheet(BytesView id, bool chinese) {
  DUDAO_TRY(const Open visit, open(id));
  VisitRows rows;
  rows.row = [&](const Table& table, std::span<const ValueView> key) -> Result<std::optional<std::vector<Value>>> {
    std::optional<std::vector<Value>> out;
    DUDAO_CHECK(each_row(db_, table, key, [&](std::span<const Value> cells) -> Status {
      out.emplace(cells.begin(), cells.end());
      return {};
    }));
    return out;
  };
  rows.of_visit = [&](const Table& table, const auto& take) {
    const ValueView key = BytesView(visit.id);
    return each_row(db_, table, std::span(&key, 1), take);
  };
  DUDAO_TRY(const VisitRecord found, read_visit(visit.id, rows));
  DUDAO_TRY(Document sheet, dudao::feedback_sheet(found, chinese));
  if (visit.state == VisitState::kFeedback) {
    DUDAO_TRY(const Hash today, document_hash(db_, visit.id, found.feedback->text));
    if (to_bytes(today) != found.feedback->document_hash) return fail(Code::kFeedbackOutdated);
  }
  return sheet;
}

Status VisitBook::sign(BytesView id, const NewSignature& signature) {
  static constexpr std::string_view kRoles[] = {"HEAD", "DEPUTY", "TEACHER", "INSPECTOR", "OTHER"};
  static constexpr std::string_view kOutcomes[] = {"SIGNED", "REFUSED", "ABSENT"};
  const auto known = [](const auto& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  if (!known(kRoles, signature.role)) return fail(Code::kSignatureWrong, "role");
  if (!known(kOutcomes, signature.outcome)) return fail(Code::kSignatureWrong, "outcome");
  if (signature.outcome == "SIGNED" && (signature.strokes.empty() || signature.name.empty()))
    return fail(Code::kSignatureWrong, "strokes and name");
  if (signature.outcome == "REFUSED" && signature.witness.empty() && signature.reason.empty())
    return fail(Code::kSignatureWrong, "witness or reason");
  if (signature.outcome != "SIGNED" && !signature.strokes.empty())
    return fail(Code::kSignatureWrong, "strokes without signature");
  if (signature.strokes.size() > kMaxStrokesBytes)
    return fail(Code::kTextTooLong, "strokes: " + std::to_string(signature.strokes.size()) + " bytes");
  for (const std::string* text : {&signature.name, &signature.witness, &signature.reason})
    DUDAO_CHECK(check_text(*text, kMaxRemarkChars, "name"));
  DUDAO_TRY(const Open visit, open(id));
  Bytes document;
  {
    DUDAO_TRY(auto q, db_.query("SELECT document_hash, text FROM feedback WHERE visit = ? ORDER BY at_utc_ms DESC, "
                                "author, n DESC LIMIT 1"));
    q.bind(BytesView(visit.id));
    DUDAO_TRY(const bool found, q.step());
    if (!found) return fail(Code::kFeedbackMissing);
    document = to_bytes(q.blob(0));
    DUDAO_TRY(const Hash today, document_hash(db_, visit.id, q.text(1)));
    if (!std::equal(today.begin(), today.end(), document.begin(), document.end())) return fail(Code::kFeedbackOutdated);
  }
  const Moment at = now(platform_.clock);
  return record(db_, [&]() -> Status {
    DUDAO_TRY(const std::int64_t n, next_number(visit, "signature"));
    DUDAO_CHECK(
        db_.execute("INSERT INTO signature (visit, author, n, role, name, outcome, strokes, document_hash, witness, "
                    "reason, inspector, at_utc_ms, "
                    "at_offset_min, at_boot_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    BytesView(visit.id), visit.who.device, n, std::string_view(signature.role),
                    text_or_null(signature.name), std::string_view(signature.outcome),
                    signature.strokes.empty() ? ValueView() : ValueView(BytesView(signature.strokes)),
                    BytesView(document), text_or_null(signature.witness), text_or_null(signature.reason),
                    std::string_view(visit.who.inspector), at.utc_ms, at.offset_min, at.boot_ms));
    return write_event(visit, event_of(signature.outcome), {}, {});
  });
}

Status VisitBook::submit(BytesView id, std::string_view waived) {
  DUDAO_TRY(const Open visit, open(id));
  DUDAO_CHECK(advance(visit.state, VisitEvent::kSubmit, visit.actor));
  DUDAO_CHECK(check_text(waived, kMaxRemarkChars, "waived"));
  if (visit.state == VisitState::kObstructed || visit.state == VisitState::kNoAccess) {
    DUDAO_TRY(
        const std::int64_t words,
        db_.integer(
            "SELECT (SELECT count(*) FROM note WHERE visit = ?1) + (SELECT count(*) FROM finding WHERE visit = ?1)",
            BytesView(visit.id)));
    if (words == 0) return fail(Code::kEvidenceMissing);
  }
  if (waived.empty()) {
    std::vector<std::string> absent;
    DUDAO_TRY(auto q,
              db_.query("SELECT inspector FROM team_member m WHERE visit = ?1 AND recusal IS NULL AND NOT EXISTS "
                        "(SELECT 1 FROM visit_event e WHERE e.visit = ?1 AND e.inspector = m.inspector) AND NOT EXISTS "
                        "(SELECT 1 FROM answer a WHERE a.visit = ?1 AND a.observer = m.inspector) AND NOT EXISTS "
                        "(SELECT 1 FROM finding f WHERE f.visit = ?1 AND f.inspector = m.inspector) AND NOT EXISTS "
                        "(SELECT 1 FROM note n WHERE n.visit = ?1 AND n.inspector = m.inspector) AND NOT EXISTS "
                        "(SELECT 1 FROM highlight h WHERE h.visit = ?1 AND h.inspector = m.inspector) AND NOT EXISTS "
                        "(SELECT 1 FROM reinspection_result r WHERE r.visit = ?1 AND r.inspector = m.inspector) "
                        "ORDER BY 1"));
    q.bind(BytesView(visit.id));
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) break;
      absent.emplace_back(q.text(0));
    }
    if (!absent.empty()) return fail(Code::kPartsMissing, joined(absent));
  }
  const Moment at = now(platform_.clock);
  DUDAO_CHECK(record(db_, [&]() -> Status {
    DUDAO_TRY(const Hash root, visit_root(db_, visit.id));
    DUDAO_CHECK(db_.execute(
        "INSERT INTO submission (visit, inspector, root, waived, at_utc_ms, at_offset_min, at_boot_ms) VALUES (?, "
        "?, ?, ?, ?, ?, ?)",
        BytesView(visit.id), std::string_view(visit.who.inspector), BytesView(root), text_or_null(waived), at.utc_ms,
        at.offset_min, at.boot_ms));
    return write_event(visit, VisitEvent::kSubmit, {}, {});
  }));
  seal_now();
  return {};
}

Status VisitBook::check_amended_answer(const Open& visit, const std::string& item, const std::string& observer,
                                       std::string_view field, const Value& value) {
  DUDAO_TRY(const Answers answers, answers_of(visit, observer));
  const auto found = answers.find(item);
  if (found == answers.end()) return fail(Code::kRowUnknown, "answer " + item.substr(0, 64));
  const auto* text = std::get_if<std::string>(&value);
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (field == "note") {
    if (integer) return fail(Code::kAmendmentWrong, "note");
    return text ? check_text(*text, kMaxRemarkChars, "note") : Status();
  }
  AnswerValue amended = found->second;
  if (field == "value") {
    amended.na_reason.clear();
    amended.value = std::monostate{};
    if (integer) amended.value = *integer;
    if (text) amended.value = *text;
    if (amended.is_empty()) amended.total.reset();
  } else if (field == "total") {
    if (text) return fail(Code::kAmendmentWrong, "total");
    amended.total = integer ? std::optional(*integer) : std::nullopt;
  } else {
    if (integer) return fail(Code::kAmendmentWrong, "na_reason");
    if (text) amended = {.value = {}, .total = std::nullopt, .na_reason = *text};
  }
  DUDAO_TRY(const Checklist list, checklist_of(visit));
  return list.check_answer(item, amended, answers);
}

Status VisitBook::check_amended_entry(std::string_view target, std::string_view field, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (field == "due_day") return text ? fail(Code::kAmendmentWrong, "due_day") : Status();
  if (field == "severity")
    return text && severity_from(*text) ? Status() : fail(Code::kSeverityUnknown, text ? text->substr(0, 40) : "");
  if (field == "text") {
    if (!text || text->empty()) return fail(Code::kWordsMissing, "text");
    return check_text(*text, target == "finding" ? kMaxFindingChars : kMaxNoteChars, "text");
  }
  if (std::holds_alternative<std::int64_t>(value)) return fail(Code::kAmendmentWrong, std::string(field));
  return text ? check_text(*text, kMaxRemarkChars, field) : Status();
}

Status VisitBook::amend(BytesView id, std::string_view target, std::string_view key, std::string_view field,
                        const Value& value, std::string_view reason) {
  DUDAO_TRY(const Open visit, open(id));
  if (!may_amend(visit.state)) return fail(Code::kAmendTooEarly, std::string(to_string(visit.state)));
  if (reason.empty()) return fail(Code::kWordsMissing, "reason");
  DUDAO_CHECK(check_text(reason, kMaxRemarkChars, "reason"));
  if (const auto* text = std::get_if<std::string>(&value)) DUDAO_CHECK(check_text(*text, kMaxNoteChars, "value"));
  if (std::holds_alternative<Bytes>(value)) return fail(Code::kAmendmentWrong, "bytes");
  // What can be amended, and how its row is found by the key that people see.
  const auto parts = split(key, '/');
  static const std::map<std::string_view, std::vector<std::string_view>> kFields = {
      {"answer", {"value", "total", "na_reason", "note"}},
      {"finding", {"severity", "clause", "text", "due_day", "superior_unit"}},
      {"note", {"text"}},
      {"highlight", {"text"}}};
  const auto fields = kFields.find(target);
  if (fields == kFields.end() || parts.size() != 2 ||
      std::find(fields->second.begin(), fields->second.end(), field) == fields->second.end())
    return fail(Code::kRowUnknown, std::string(target.substr(0, 40)) + "." + std::string(field.substr(0, 40)));
  if (target == "answer") {
    DUDAO_CHECK(check_amended_answer(visit, parts[0], parts[1], field, value));
  } else {
    if (!entry_number(parts[0]) || !entry_number(parts[1]))
      return fail(Code::kRowUnknown, std::string(target) + " " + std::string(key.substr(0, 80)));
    DUDAO_CHECK(check_amended_entry(target, field, value));
  }
  const std::string match =
      target == "answer" ? "item = ? AND observer = ?" : "author = CAST(? AS INTEGER) AND n = CAST(? AS INTEGER)";
  Bytes old;
  {
    DUDAO_TRY(auto q, db_.query("SELECT " + std::string(field) + " FROM " + std::string(target) +
                                " WHERE visit = ? AND " + match));
    q.bind(BytesView(visit.id)).bind(std::string_view(parts[0])).bind(std::string_view(parts[1]));
    DUDAO_TRY(const bool found, q.step());
    if (!found) return fail(Code::kRowUnknown, std::string(target) + " " + std::string(key.substr(0, 80)));
    const ValueView before = q.value(0);
    old = encode_key(std::span(&before, 1));
  }
  const Hash old_hash = sha256(old);
  const Moment at = now(platform_.clock);
  return record(db_, [&]() -> Status {
    DUDAO_TRY(const std::int64_t n, next_number(visit, "amendment"));
    DUDAO_CHECK(
        db_.execute("INSERT INTO amendment (visit, author, n, target, target_key, field, old_hash, new_value, reason, "
                    "inspector, at_utc_ms, "
                    "at_offset_min, at_boot_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    BytesView(visit.id), visit.who.device, n, target, key, field, BytesView(old_hash), as_view(value),
                    reason, std::string_view(visit.who.inspector), at.utc_ms, at.offset_min, at.boot_ms));
    // Answering the office's question gives the visit back to it.
    return visit.state == VisitState::kReturned ? write_event(visit, VisitEvent::kAmend, {}, {}) : Status();
  });
}

Status VisitBook::recuse(BytesView id, std::string_view code) {
  if (code.size() != 2 || code[0] != 'R' || code[1] < '1' || code[1] > '5')
    return fail(Code::kReasonCode, std::string(code.substr(0, 20)));
  DUDAO_TRY(const Open visit, open(id));
  return record(db_, [&]() -> Status {
    DUDAO_CHECK(write_event(visit, VisitEvent::kRecuse, {}, code));
    return db_.execute("UPDATE team_member SET recusal = ? WHERE visit = ? AND inspector = ?", code,
                       BytesView(visit.id), std::string_view(visit.who.inspector));
  });
}

Result<VisitView> VisitBook::look(BytesView id) {
  DUDAO_TRY(Open visit, open(id));
  VisitView out;
  out.id = visit.id;
  out.state = visit.state;
  out.actor = visit.actor;
  out.school = std::move(visit.school);
  out.kind = std::move(visit.kind);
  out.template_code = visit.template_code;
  out.template_version = visit.template_version;
  out.from_day = visit.from_day;
  out.to_day = visit.to_day;
  out.unseal_at_utc_ms = visit.unseal_at_utc_ms;
  out.reason = visit.reason;
  out.clock = visit.clock;
  out.allowed = allowed(visit.state, visit.actor);
  DUDAO_TRY(out.own, answers_of(visit, visit.who.inspector));
  // Before its package has come whole there is nothing to ask yet.
  if (const auto list = checklist_of(visit)) {
    out.visible = list->visible(out.own);
    out.missing = list->missing(out.own);
    out.violations = list->violations(out.own);
    out.derived = list->derived_findings(out.own);
    out.score = list->score(out.own);
  }
  return out;
}

}  // namespace dudao
