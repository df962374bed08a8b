#include "sync/office/apply.hpp"

#include "schema/visit_state.hpp"
#include "sync/office/draft.hpp"
#include "sync/visit_root.hpp"

#include <algorithm>
#include <set>

namespace dudao {
namespace {

std::int64_t integer_at(std::span<const ValueView> row, std::size_t column) {
  const auto* value = std::get_if<std::int64_t>(&row[column]);
  return value ? *value : 0;
}
std::string_view text_at(std::span<const ValueView> row, std::size_t column) {
  const auto* value = std::get_if<std::string_view>(&row[column]);
  return value ? *value : std::string_view();
}
BytesView bytes_at(std::span<const ValueView> row, std::size_t column) {
  const auto* value = std::get_if<BytesView>(&row[column]);
  return value ? *value : BytesView();
}
std::vector<ValueView> views(const std::vector<Value>& cells) {
  std::vector<ValueView> out;
  out.reserve(cells.size());
  for (const Value& cell : cells) out.push_back(as_view(cell));
  return out;
}

/// Who writes, when, and what they knew.
struct Writing {
  Registration where;
  std::int64_t hlc = 0;
  std::int64_t seen = 0;
  bool saw(const RowClock& clock) const { return clock.author == where.author || clock.index < seen; }
};

/// Rows and cells: the ledger's order is the truth; of two writers that did not know of each other the later hybrid
/// clock wins and the other value is kept as a disagreement.
class Merger {
 public:
  Merger(Draft& draft, const Writing& writing) : draft_(draft), w_(writing) {}

  Status insert(const Table& table, std::span<const ValueView> row) {
    const auto key = row.first(table.key_columns);
    DUDAO_TRY(auto existing, draft_.row(table, key));
    if (existing) {
      std::vector<std::pair<std::size_t, ValueView>> cells;
      for (std::size_t i = table.key_columns; i < row.size(); ++i) cells.emplace_back(i, row[i]);
      return change(table, key, std::move(*existing), cells);
    }
    DUDAO_CHECK(draft_.put_row(table, row, {w_.where.index, w_.where.author, w_.hlc, w_.where.index, w_.where.author}));
    return after(table, row);
  }

  Status update(const Table& table, const RowUpdate& update) {
    DUDAO_TRY(auto existing, draft_.row(table, update.key));
    if (!existing) return fail(Code::kRowUnknown, std::string(table.name) + " " + readable_key(table, update.key));
    return change(table, update.key, std::move(*existing), update.cells);
  }

  /// For a device that shows something else in its place.
  Status show_again(const Table& table, std::span<const ValueView> key) {
    DUDAO_TRY(auto row, draft_.row(table, key));
    if (!row) return {};
    return reveal(table, std::move(*row));
  }

  /// A cell that a rule derives; nobody's opinion, so nothing to merge.
  Status derive(const Table& table, std::span<const ValueView> key, std::size_t column, const ValueView& value,
                bool device_knows) {
    DUDAO_TRY(auto existing, draft_.row(table, key));
    if (!existing) return fail(Code::kRowUnknown, std::string(table.name));
    existing->cells[column] = to_value(value);
    existing->clock.feed_author = device_knows && knew(existing->clock) ? w_.where.author : 0;
    existing->clock.feed = w_.where.index;
    DUDAO_CHECK(draft_.put_row(table, views(existing->cells), existing->clock));
    draft_.put_cell_clock(table, encode_key(key), column, {w_.where.index, w_.where.author, w_.hlc, 0, 0});
    return {};
  }

 private:
  bool knew(const RowClock& clock) const { return clock.feed_author == w_.where.author || clock.feed < w_.seen; }

  Status change(const Table& table, std::span<const ValueView> key, StoredRow existing,
                const std::vector<std::pair<std::size_t, ValueView>>& cells) {
    const Bytes row_key = encode_key(key);
    // A row that the device knew whole before, and whose every cell it set, it still knows whole.
    const bool knew_before = knew(existing.clock);
    bool all_won = true;
    bool any = false;
    for (const auto& [column, value] : cells) {
      if (equal(as_view(existing.cells[column]), value)) continue;
      any = true;
      DUDAO_TRY(const auto own_clock, draft_.cell_clock(table, row_key, column));
      const RowClock before = own_clock.value_or(existing.clock);
      const bool concurrent = !w_.saw(before);
      const bool won = !concurrent || std::pair(w_.hlc, w_.where.author) > std::pair(before.hlc, before.author);
      all_won = all_won && won;
      if (concurrent)
        DUDAO_CHECK(disagree(table, key, column, won ? as_view(existing.cells[column]) : value,
                             won ? w_.where.author : before.author, won ? before.author : w_.where.author));
      else
        DUDAO_CHECK(settle(table, key, column));
      if (!won) continue;
      existing.cells[column] = to_value(value);
      draft_.put_cell_clock(table, row_key, column, {w_.where.index, w_.where.author, w_.hlc, 0, 0});
    }
    if (any || existing.clock.feed_author != w_.where.author) {
      existing.clock.feed = w_.where.index;
      existing.clock.feed_author = all_won && knew_before ? w_.where.author : 0;
    }
    DUDAO_CHECK(draft_.put_row(table, views(existing.cells), existing.clock));
    return after(table, views(existing.cells));
  }

  Status disagree(const Table& table, std::span<const ValueView> key, std::size_t column, const ValueView& other,
                  std::int64_t kept_author, std::int64_t other_author) {
    if (table.scope != Scope::kVisit) return {};
    const Table& disagreements = *find_table("disagreement");
    const BytesView visit = bytes_at(key, 0);
    std::int64_t n = 1;
    DUDAO_CHECK(draft_.each_row_of_visit(disagreements, visit, [&](const StoredRow& row) -> Status {
      n = std::max(n, std::get<std::int64_t>(row.cells[1]) + 1);
      return {};
    }));
    const std::string readable = readable_key(table, key);
    const ValueView row[] = {visit,
                             n,
                             table.name,
                             std::string_view(readable),
                             std::string_view(table.columns[column].name),
                             kept_author,
                             other_author,
                             other,
                             std::int64_t{0}};
    return draft_.put_row(disagreements, row, {w_.where.index, kOfficeAuthor, w_.hlc, w_.where.index, 0});
  }

  /// Whoever writes a cell again, knowing both values, has decided.
  Status settle(const Table& table, std::span<const ValueView> key, std::size_t column) {
    if (table.scope != Scope::kVisit) return {};
    const Table& disagreements = *find_table("disagreement");
    const std::string readable = readable_key(table, key);
    std::vector<StoredRow> open;
    DUDAO_CHECK(draft_.each_row_of_visit(disagreements, bytes_at(key, 0), [&](const StoredRow& row) -> Status {
      if (std::get<std::string>(row.cells[2]) == table.name && std::get<std::string>(row.cells[3]) == readable &&
          std::get<std::string>(row.cells[4]) == table.columns[column].name &&
          std::get<std::int64_t>(row.cells[8]) == 0 && w_.saw({row.clock.index, kOfficeAuthor, 0, 0, 0}))
        open.push_back(row);
      return {};
    }));
    for (StoredRow& row : open) {
      row.cells[8] = std::int64_t{1};
      row.clock.feed = w_.where.index;
      DUDAO_CHECK(draft_.put_row(disagreements, views(row.cells), row.clock));
    }
    return {};
  }

  /// What else a row brings into somebody's sight.
  Status after(const Table& table, std::span<const ValueView> row) {
    if (table.name == "team_member") return reveal_visit(bytes_at(row, 0), false);
    if (table.name == "visit" && !is_sealed(row[table.column("unseal_at_utc_ms")]))
      return reveal_school(text_at(row, 1));
    if (table.name == "zone") return reveal_school(text_at(row, 1));
    if (table.name == "sealed_assignment" && !is_null(row[table.column("seal_key")]))
      return reveal_visit(bytes_at(row, 1), true);
    return {};
  }

  /// By the time of the log. A row that is handed out again for the sake of a sealed visit would tell whoever holds it,
  /// above all the inspector in whose zone the school is, that somebody comes.
  bool is_sealed(const ValueView& unseal_at_utc_ms) const {
    const auto* const at_utc_ms = std::get_if<std::int64_t>(&unseal_at_utc_ms);
    return at_utc_ms && *at_utc_ms > w_.where.registered_utc_ms;
  }

  Status reveal(const Table& table, StoredRow row) {
    row.clock.feed = w_.where.index;
    row.clock.feed_author = 0;
    return draft_.put_row(table, views(row.cells), row.clock);
  }
  Status reveal_school(std::string_view code) {
    const Table& schools = *find_table("school");
    const ValueView key = code;
    DUDAO_TRY(auto school, draft_.row(schools, std::span(&key, 1)));
    return school ? reveal(schools, std::move(*school)) : Status();
  }
  /// Somebody joined or left the team, or its seal was opened: every member gets everything of the visit again.
  Status reveal_visit(BytesView visit, bool opened) {
    const Table& visits = *find_table("visit");
    const ValueView key = visit;
    DUDAO_TRY(const auto shown, draft_.row(visits, std::span(&key, 1)));
    const bool sealed = !opened && shown && is_sealed(as_view(shown->cells[visits.column("unseal_at_utc_ms")]));
    for (const Table& table : synced_tables()) {
      if (table.scope != Scope::kVisit) continue;
      std::vector<StoredRow> rows;
      DUDAO_CHECK(draft_.each_row_of_visit(table, visit, [&](const StoredRow& row) -> Status {
        rows.push_back(row);
        return {};
      }));
      for (StoredRow& row : rows) {
        const bool is_visit = table.name == "visit";
        const std::string school = is_visit ? std::get<std::string>(row.cells[1]) : std::string();
        if (table.name == "team_member" && !sealed) {
          const Table& inspectors = *find_table("inspector");
          const ValueView member = std::string_view(std::get<std::string>(row.cells[1]));
          DUDAO_TRY(auto inspector, draft_.row(inspectors, std::span(&member, 1)));
          if (inspector) DUDAO_CHECK(reveal(inspectors, std::move(*inspector)));
        }
        DUDAO_CHECK(reveal(table, std::move(row)));
        if (is_visit && !sealed) DUDAO_CHECK(reveal_school(school));
      }
    }
    return {};
  }

  Draft& draft_;
  const Writing& w_;
};

/// Trouble of the machine, or a bug: not the statement's fault. So is a broken constraint: whether rows have what their
/// columns need was judged when the statement was read.
bool is_trouble(const Error& error) {
  const auto number = static_cast<std::uint16_t>(error.code);
  return number < 1000 || (number >= 2001 && number <= 2010);
}

}  // namespace

/// What a device sent, one visit at a time: who they are in it, what happened, what they wrote.
class DeviceChanges {
 public:
  DeviceChanges(Applier& applier, Store& store, const Device& device, const Writing& writing)
      : applier_(applier), store_(store), device_(device), w_(writing), draft_(store), merger_(draft_, writing) {}

  /// Visits stand or fall by themselves: what a team did in one is not undone by what happened in another. Present: the
  /// first that was refused, where there are several. Error: nothing stands.
  Result<std::optional<Error>> apply(const Changes& changes) {
    ValueView at_id;  // Rows of one visit come one after the other.
    Visit* at = nullptr;
    for (const TableChanges& table : changes.tables) {
      if (table.table->scope != Scope::kVisit) return fail(Code::kNotYours, std::string(table.table->name));
      for (std::size_t n = 0; n < table.inserted_rows(); ++n) {
        if (table.table->writer != Writer::kDevice) return fail(Code::kNotYours, std::string(table.table->name));
        const auto row = table.row(n);
        DUDAO_CHECK(visit_of(row[0]));
        if (!at || !equal(row[0], at_id)) at = &visits_[key_of(at_id = row[0])];
        at->inserted.emplace_back(table.table, row);
      }
      for (const RowUpdate& update : table.updated) {
        DUDAO_CHECK(visit_of(update.key[0]));
        visits_[key_of(update.key[0])].updated.emplace_back(table.table, &update);
      }
    }
    std::optional<Error> refused;
    for (auto& [id, visit] : visits_) {
      const Status done = apply_visit(view(id), visit);
      if (done) {
        DUDAO_CHECK(draft_.write());
        continue;
      }
      if (visits_.size() == 1 || is_trouble(done.error())) return fail(done.error());
      draft_.forget();
      if (!refused) refused = Error{done.error().code, "visit " + to_hex(view(id)) + ": " + done.error().detail};
    }
    return refused;
  }

  /// After a refusal: the device shows what it wrote, so it gets again what stands here of all that it spoke of.
  Status show_again(const Changes& changes) {
    const auto show = [&](const Table& table, std::span<const ValueView> key) -> Status {
      if (table.scope != Scope::kVisit || !visit_of(key[0])) return {};
      DUDAO_TRY(const auto role, role_in(std::get<BytesView>(key[0])));
      return role ? merger_.show_again(table, key) : Status();
    };
    for (const TableChanges& table : changes.tables) {
      for (std::size_t n = 0; n < table.inserted_rows(); ++n)
        DUDAO_CHECK(show(*table.table, table.row(n).first(table.table->key_columns)));
      for (const RowUpdate& update : table.updated) DUDAO_CHECK(show(*table.table, update.key));
    }
    return draft_.write();
  }

 private:
  struct Visit {
    std::vector<std::pair<const Table*, std::span<const ValueView>>> inserted;
    std::vector<std::pair<const Table*, const RowUpdate*>> updated;
  };

  static std::string key_of(const ValueView& cell) { return std::string(text(std::get<BytesView>(cell))); }
  static Status visit_of(const ValueView& cell) {
    const auto* id = std::get_if<BytesView>(&cell);
    if (!id || id->size() != 16) return fail(Code::kChangesShape, "visit id");
    return {};
  }

  /// What the device's inspector is in the visit; absent when they are not, or no longer, in its team.
  Result<std::optional<Actor>> role_in(BytesView visit) {
    const ValueView key[] = {visit, std::string_view(device_.inspector)};
    DUDAO_TRY(const auto member, draft_.row(*find_table("team_member"), key));
    if (!member || !std::holds_alternative<std::monostate>(member->cells[3])) return std::optional<Actor>();
    return std::optional(std::get<std::string>(member->cells[2]) == "LEAD" ? Actor::kLead : Actor::kInspector);
  }

  Status apply_visit(BytesView id, Visit& visit) {
    const Table& visits = *find_table("visit");
    const ValueView key = id;
    DUDAO_TRY(auto row, draft_.row(visits, std::span(&key, 1)));
    if (!row) return fail(Code::kVisitUnknown, to_hex(id));
    DUDAO_TRY(const auto role, role_in(id));
    if (!role) return fail(Code::kNotInTeam, to_hex(id));
    const Actor actor = *role;
    const auto state_column = visits.column("state");
    const auto before = visit_state_from(std::get<std::string>(row->cells[state_column])).value_or(VisitState::kNone);

    DUDAO_TRY(const Walk walk, walk_events(id, visit, before, actor));
    bool touches_content = false;
    for (const auto& [table, cells] : visit.inserted) {
      touches_content = touches_content || is_content(*table);
      DUDAO_CHECK(check_own(*table, cells, actor));
    }
    for (const auto& [table, update] : visit.updated) {
      touches_content = touches_content || is_content(*table);
      DUDAO_CHECK(check_update(*table, *update, actor));
    }
    if (touches_content && !walk.may_edit)
      return fail(before >= VisitState::kSubmitted ? Code::kVisitSubmitted : Code::kVisitNotOpen, to_hex(id));
    DUDAO_CHECK(check_amendments(visit, before, walk));

    for (const auto& [table, cells] : visit.inserted) DUDAO_CHECK(merger_.insert(*table, cells));
    for (const auto& [table, update] : visit.updated) {
      if (table->name == "visit") continue;  // Its state follows from the events.
      DUDAO_CHECK(merger_.update(*table, *update));
    }
    DUDAO_CHECK(check_answers(id, visit, *row));
    DUDAO_CHECK(settle_state(id, visit, *row, before, walk));
    return {};
  }

  /// What the events of this change set come to.
  struct Walk {
    VisitState last = VisitState::kNone;  ///< where they lead; kNone when there are none
    bool from_current = false;            ///< they start where the office stands
    bool may_edit = false;                ///< content could be written somewhere on the way
    bool submitted = false;
  };

  /// The device worked from the state that it knew: the office's now, where its own events left it, or, if the office
  /// has changed the state since, what the visit was when it was handed out.
  Result<Walk> walk_events(BytesView id, const Visit& visit, VisitState before, Actor actor) {
    const Table& events = *find_table("visit_event");
    std::vector<std::span<const ValueView>> steps;
    for (const auto& [table, cells] : visit.inserted)
      if (table == &events) steps.push_back(cells);
    std::sort(steps.begin(), steps.end(),
              [](const auto& a, const auto& b) { return integer_at(a, 2) < integer_at(b, 2); });

    std::int64_t last_n = 0;
    std::optional<VisitState> own_last;
    VisitState own_state = VisitState::kAssigned;
    DUDAO_CHECK(draft_.each_row_of_visit(events, id, [&](const StoredRow& row) -> Status {
      if (std::get<std::int64_t>(row.cells[1]) != device_.no) return {};
      last_n = std::get<std::int64_t>(row.cells[2]);
      const auto event = visit_event_from(std::get<std::string>(row.cells[3]));
      if (const auto to = event ? next(own_state, *event, Actor::kLead) : std::nullopt) own_state = *to;
      own_last = own_state;
      return {};
    }));
    std::set<VisitState> starts{before};
    if (before < VisitState::kSubmitted || before == VisitState::kCancelled) {
      if (own_last) starts.insert(*own_last);
      starts.insert(VisitState::kAssigned);
    }

    Walk best;
    Error refusal{Code::kTransitionNotAllowed, {}};
    bool found = false;
    for (const VisitState start : starts) {
      Walk walk;
      walk.last = start;
      walk.from_current = start == before;
      walk.may_edit = may_edit(start);
      bool possible = true;
      std::int64_t n = last_n;
      for (const auto& step : steps) {
        const auto event = visit_event_from(text_at(step, 3));
        if (!event || integer_at(step, 2) != ++n) {
          refusal = {event ? Code::kEventOrder : Code::kTransitionNotAllowed, std::string(text_at(step, 3))};
          possible = false;
          break;
        }
        const auto to = next(walk.last, *event, actor);
        if (!to) {
          refusal = {Code::kTransitionNotAllowed, std::string(to_string(*event)) + " in " +
                                                      std::string(to_string(walk.last)) + " by " +
                                                      std::string(to_string(actor))};
          possible = false;
          break;
        }
        walk.last = *to;
        walk.may_edit = walk.may_edit || may_edit(*to);
        walk.submitted = walk.submitted || *event == VisitEvent::kSubmit;
      }
      // The way from where the office stands is preferred; else the one that got furthest.
      if (possible && (!found || walk.from_current)) best = walk;
      found = found || possible;
    }
    if (!found) return fail(refusal);
    if (steps.empty()) best.last = VisitState::kNone;
    // After submission nothing but amendments, whatever a device thought the state was.
    if (before >= VisitState::kSubmitted && before != VisitState::kCancelled) best.may_edit = false;
    return best;
  }

  static bool is_content(const Table& table) {
    return table.writer == Writer::kDevice && table.name != "visit_event" && table.name != "submission" &&
           table.name != "amendment";
  }

  /// A device writes in its own name only.
  Status check_own(const Table& table, std::span<const ValueView> row, Actor actor) {
    if (table.name == "answer")
      return text_at(row, 2) == device_.inspector ? Status() : fail(Code::kNotYours, "answer.observer");
    if (table.name == "reinspection_result") {
      for (std::size_t i = table.key_columns; i < row.size(); ++i) DUDAO_CHECK(check_result(table.columns[i], row[i]));
      DUDAO_TRY(const auto carried, draft_.row(*find_table("carried_finding"), row.first(table.key_columns)));
      if (!carried) return fail(Code::kResultWrong, readable_key(table, row.first(table.key_columns)));
    }
    if (table.name == "finding") DUDAO_CHECK(check_finding_state(row[table.column("state")]));
    if (table.name == "submission" && actor != Actor::kLead) return fail(Code::kNotYours, "submission");
    const bool has_author = table.columns[1].name == "author";
    if (has_author && integer_at(row, 1) != device_.no)
      return fail(Code::kNotYours, std::string(table.name) + ".author");
    if (text_at(row, table.column("inspector")) != device_.inspector)
      return fail(Code::kNotYours, std::string(table.name) + ".inspector");
    return {};
  }

  /// A team says whether a finding was put right before its eyes; whatever comes after is the office's and the
  /// school's.
  static Status check_finding_state(const ValueView& cell) {
    const bool own = equal(cell, to_string(FindingState::kOpen)) || equal(cell, to_string(FindingState::kFixedOnSite));
    return own ? Status() : fail(Code::kNotYours, "finding.state");
  }

  /// Cell by cell, since two that did not know of each other may each bring in some.
  static Status check_result(const Column& column, const ValueView& cell) {
    const auto* said = std::get_if<std::string_view>(&cell);
    if (column.name == "outcome" && (!said || !result_from(*said)))
      return fail(Code::kResultWrong, "outcome " + std::string(excerpt(said ? *said : "", 40)));
    if (column.name == "text" && said &&
        (count_characters(*said) > kMaxRectificationChars || said->find('\0') != std::string_view::npos))
      return fail(Code::kResultWrong, "text");
    return {};
  }

  /// A result is the word of whoever spoke last, and says who that is.
  Status check_result_update(const Table& table, const RowUpdate& update) {
    const std::size_t inspector = table.column("inspector");
    bool named = false;
    for (const auto& [column, cell] : update.cells) {
      DUDAO_CHECK(check_result(table.columns[column], cell));
      if (column != inspector) continue;
      named = true;
      if (!equal(cell, std::string_view(device_.inspector))) return fail(Code::kNotYours, "inspector");
    }
    if (named) return {};
    // Not named anew: then it was theirs already, as far as they knew.
    DUDAO_TRY(const auto row, draft_.row(table, update.key));
    if (!row || std::get<std::string>(row->cells[inspector]) == device_.inspector) return {};
    DUDAO_TRY(const auto clock, draft_.cell_clock(table, encode_key(update.key), inspector));
    return w_.saw(clock.value_or(row->clock)) ? fail(Code::kNotYours, "inspector") : Status();
  }

  Status check_update(const Table& table, const RowUpdate& update, Actor actor) {
    if (table.writer == Writer::kOffice) {
      for (const auto& [column, value] : update.cells)
        if (std::find(table.device_may_update.begin(), table.device_may_update.end(), table.columns[column].name) ==
            table.device_may_update.end())
          return fail(Code::kNotYours, std::string(table.name) + "." + table.columns[column].name);
      if (table.name == "team_member" && text_at(update.key, 1) != device_.inspector)
        return fail(Code::kNotYours, "team_member");
      return {};
    }
    // What happened, what was signed and what was submitted is never rewritten.
    static constexpr std::string_view kEditable[] = {"answer", "finding", "note", "highlight", "reinspection_result"};
    if (std::find(std::begin(kEditable), std::end(kEditable), table.name) == std::end(kEditable))
      return fail(Code::kNotYours, std::string(table.name));
    if (table.name == "reinspection_result") return check_result_update(table, update);
    if (table.name == "finding")
      for (const auto& [column, cell] : update.cells)
        if (column == table.column("state")) DUDAO_CHECK(check_finding_state(cell));
    if (actor == Actor::kLead) return {};  // The lead reconciles what the team recorded.
    const bool own =
        table.name == "answer" ? text_at(update.key, 2) == device_.inspector : integer_at(update.key, 1) == device_.no;
    return own ? Status() : fail(Code::kNotYours, std::string(table.name));
  }

  /// A device that could not seal when it submitted sends its submission and amendments of it together.
  Status check_amendments(const Visit& visit, VisitState before, const Walk& walk) const {
    for (const auto& [table, cells] : visit.inserted)
      if (table->name == "amendment" && !may_amend(before) && !walk.submitted)
        return fail(Code::kAmendTooEarly, std::string(to_string(before)));
    return {};
  }

  /// Every answer that this change set touched, as it stands now, against the checklist that the visit is pinned to.
  Status check_answers(BytesView id, const Visit& visit, const StoredRow& row) {
    const Table& answers = *find_table("answer");
    std::vector<std::pair<std::string_view, std::string_view>> touched;  // observer, item
    for (const auto& [table, cells] : visit.inserted)
      if (table == &answers) touched.emplace_back(text_at(cells, 2), text_at(cells, 1));
    for (const auto& [table, update] : visit.updated)
      if (table == &answers) touched.emplace_back(text_at(update->key, 2), text_at(update->key, 1));
    if (touched.empty()) return {};
    DUDAO_TRY(const Checklist checklist, applier_.checklist_for(row));
    std::map<std::string, Answers, std::less<>> by_observer;
    DUDAO_CHECK(draft_.each_row_of_visit(answers, id, [&](const StoredRow& answer) -> Status {
      AnswerValue value;
      if (const auto* integer = std::get_if<std::int64_t>(&answer.cells[3])) value.value = *integer;
      if (const auto* text_value = std::get_if<std::string>(&answer.cells[3])) value.value = *text_value;
      if (const auto* total = std::get_if<std::int64_t>(&answer.cells[4])) value.total = *total;
      if (const auto* reason = std::get_if<std::string>(&answer.cells[5])) value.na_reason = *reason;
      if (std::holds_alternative<Bytes>(answer.cells[3]))
        return fail(Code::kAnswerType, std::get<std::string>(answer.cells[1]));
      Answers& all = by_observer[std::get<std::string>(answer.cells[2])];
      all.emplace_hint(all.end(), std::get<std::string>(answer.cells[1]), std::move(value));
      return {};
    }));
    for (const auto& [observer, item] : touched) {
      const Answers& all = by_observer.find(observer)->second;
      const AnswerValue& answer = all.find(item)->second;
      if (answer.is_empty()) {
        if (!checklist.item(item)) return fail(Code::kAnswerUnknownItem, std::string(item));
        continue;
      }
      const Status taken = checklist.check_answer(item, answer, all);
      // An answer that a later answer hid stays where it is and counts as absent.
      if (!taken && taken.error().code != Code::kAnswerHidden) return taken;
    }
    return {};
  }

  Status settle_state(BytesView id, const Visit& visit, const StoredRow& row, VisitState before, const Walk& walk) {
    const Table& visits = *find_table("visit");
    const ValueView key = id;
    VisitState after = before;
    if (walk.last != VisitState::kNone) {
      if (walk.from_current)
        after = walk.last;
      else if (before == VisitState::kCancelled)
        after = resolve_cancel(walk.last).state;
      else
        after = std::max(before, walk.last);
    }
    for (const auto& [table, update] : visit.updated) {
      if (table->name != "visit") continue;
      const auto claimed = visit_state_from(text_at(std::vector<ValueView>{update->cells.front().second}, 0));
      if (walk.last == VisitState::kNone || claimed != walk.last) return fail(Code::kStateNotFollowed, to_hex(id));
    }
    if (walk.submitted) {
      DUDAO_CHECK(check_root(id, visit, row));
      after = *next(VisitState::kSubmitted, VisitEvent::kReceive, Actor::kOffice);
    }
    DUDAO_CHECK(judge_clock(id, visit, row));
    // The device went a way that the office has passed: it shows where it left the visit until it is told.
    if (after == before)
      return walk.last == VisitState::kNone || walk.last == after ? Status()
                                                                  : merger_.show_again(visits, std::span(&key, 1));
    const bool device_knows =
        (walk.from_current || before < VisitState::kInProgress) && (after == walk.last || walk.submitted);
    return merger_.derive(visits, std::span(&key, 1), visits.column("state"), to_string(after), device_knows);
  }

  /// A clock that says the device recorded this after the office had it, or before something that it had already seen,
  /// is not to be believed; nor is one that the device itself does not believe.
  Status judge_clock(BytesView id, const Visit& visit, const StoredRow& row) {
    constexpr std::int64_t kTolerance_ms = 5 * 60 * 1000;
    const Table& visits = *find_table("visit");
    const std::size_t column = visits.column("clock");
    if (std::holds_alternative<std::string>(row.cells[column])) return {};
    std::int64_t earliest = 0;
    if (w_.seen > 0) {
      DUDAO_TRY(const Batch batch, store_.batch_of(w_.seen - 1));
      earliest = batch.registered_utc_ms - kTolerance_ms;
    }
    bool wrong = false;
    for (const auto& [table, cells] : visit.inserted) {
      if (table->name != "visit_event") continue;
      const std::int64_t at_utc_ms = integer_at(cells, table->column("at_utc_ms"));
      wrong = wrong || text_at(cells, table->column("clock")) == "WRONG" || at_utc_ms < earliest ||
              at_utc_ms > w_.where.registered_utc_ms + kTolerance_ms;
    }
    if (!wrong) return {};
    const ValueView key = id;
    return merger_.derive(visits, std::span(&key, 1), column, std::string_view("WRONG"), false);
  }

  /// The root that the lead signed is the root of what the office now holds, unless somebody of the team was faster
  /// with something that the lead had not seen: then the parts are there, and the disagreement says so.
  Status check_root(BytesView id, const Visit& visit, const StoredRow&) {
    const Table& submissions = *find_table("submission");
    const std::span<const ValueView>* submitted = nullptr;
    for (const auto& [table, cells] : visit.inserted)
      if (table == &submissions) submitted = &cells;
    if (!submitted) return fail(Code::kRootMissing, to_hex(id));
    VisitRoot root;
    bool unseen = false;
    for (const std::string_view name : kRootTables) {
      const Table& table = *find_table(name);
      DUDAO_CHECK(draft_.each_row_of_visit(table, id, [&](const StoredRow& stored) -> Status {
        unseen = unseen || (stored.clock.feed_author != device_.no && stored.clock.feed >= w_.seen);
        root.add(table, stored.cells);
        return {};
      }));
    }
    const Hash computed = root.finish();
    const BytesView claimed = bytes_at(*submitted, 2);
    if (std::equal(computed.begin(), computed.end(), claimed.begin(), claimed.end())) return {};
    if (!unseen) return fail(Code::kRootWrong, to_hex(id));
    const Table& disagreements = *find_table("disagreement");
    std::int64_t n = 1;
    DUDAO_CHECK(draft_.each_row_of_visit(disagreements, id, [&](const StoredRow& stored) -> Status {
      n = std::max(n, std::get<std::int64_t>(stored.cells[1]) + 1);
      return {};
    }));
    const ValueView row[] = {id,
                             n,
                             std::string_view("submission"),
                             std::string_view(device_.inspector),
                             std::string_view("root"),
                             device_.no,
                             kOfficeAuthor,
                             BytesView(computed),
                             std::int64_t{0}};
    return draft_.put_row(disagreements, row, {w_.where.index, kOfficeAuthor, w_.hlc, w_.where.index, 0});
  }

  Applier& applier_;
  Store& store_;
  const Device& device_;
  const Writing& w_;
  Draft draft_;
  Merger merger_;
  std::map<std::string, Visit> visits_;
};

Result<std::optional<Error>> Applier::apply(const Statement& statement, const Registration& where,
                                            const ChangeSet* change_set) {
  if (where.author != kOfficeAuthor) {
    DUDAO_TRY(auto device, store_.device(where.author));
    if (!device) return fail(Code::kLedgerBroken, "author " + std::to_string(where.author));
    device->head_seq = where.seq;
    device->head_id = statement.id;
    DUDAO_CHECK(store_.put_device(*device));
  }
  auto done = apply_now(statement, where, change_set);
  if (!done) {
    if (is_trouble(done.error())) return fail(done.error());
    done = std::optional(done.error());
  }
  if (*done && where.author != kOfficeAuthor) DUDAO_CHECK(show_again(statement, where));
  return done;
}

Status Applier::show_again(const Statement& statement, const Registration& where) {
  const auto change_set = read_change_set(statement.payload);
  if (!change_set) return {};
  DUDAO_TRY(const auto device, store_.device(where.author));
  if (!device) return fail(Code::kLedgerBroken, "author " + std::to_string(where.author));
  const Writing writing{where, static_cast<std::int64_t>(change_set->hlc), 0};
  return DeviceChanges(*this, store_, *device, writing).show_again(change_set->changes);
}

Result<std::optional<Error>> Applier::apply_now(const Statement& statement, const Registration& where,
                                                const ChangeSet* change_set) {
  const BytesView payload = statement.payload;
  const auto whole = [](const Status& status) {
    return status ? Result<std::optional<Error>>(std::nullopt) : fail(status.error());
  };
  switch (statement.type) {
    case StatementType::kGenesis:
      return std::optional<Error>();
    case StatementType::kEnrolment:
      return whole(apply_enrolment(payload, statement, where));
    case StatementType::kRevocation:
      return whole(apply_revocation(payload));
    case StatementType::kDraw:
      return whole(apply_draw_step(payload, where));
    case StatementType::kChangeSet:
    case StatementType::kOfficeDecision: {
      if (change_set) return apply_change_set(*change_set, where);
      DUDAO_TRY(const ChangeSet read, read_change_set(payload));
      return apply_change_set(read, where);
    }
    default:
      return fail(Code::kTypeNotLogged, std::to_string(static_cast<int>(statement.type)));
  }
}

Status Applier::apply_enrolment(BytesView payload, const Statement& statement, const Registration& where) {
  DUDAO_TRY(const Enrolment enrolment, read_enrolment(payload));
  DUDAO_TRY(auto key, PublicKey::from_raw(enrolment.algorithm, enrolment.public_key));
  return store_.put_device({.no = enrolment.device,
                            .key = std::move(key),
                            .inspector = std::string(enrolment.inspector),
                            .name = std::string(enrolment.device_name),
                            .state = DeviceState::kActive,
                            .enrolled_index = where.index,
                            .expires_utc_s = enrolment.expires_utc_s,
                            .head_seq = 0,
                            .head_id = statement.id,
                            .cut_seq = std::nullopt,
                            .reason = {}});
}

Status Applier::apply_revocation(BytesView payload) {
  DUDAO_TRY(const Revocation revocation, read_revocation(payload));
  DUDAO_TRY(auto device, store_.device(revocation.device));
  if (!device) return fail(Code::kDeviceUnknown, std::to_string(revocation.device));
  device->state = revocation.reason.starts_with("fork") ? DeviceState::kForked : DeviceState::kRevoked;
  device->cut_seq = revocation.cut_seq;
  device->reason = revocation.reason;
  return store_.put_device(*device);
}

Status Applier::apply_draw_step(BytesView payload, const Registration& where) {
  DUDAO_TRY(const DrawStep step, read_draw_step(payload));
  const Table& draws = *find_table("draw");
  const ValueView key = step.draw;
  DUDAO_TRY(auto existing, store_.row(draws, std::span(&key, 1)));
  const std::string state = existing ? std::get<std::string>(existing->cells[1]) : "";
  const RowClock clock{where.index, where.author, 0, where.index, 0};
  switch (step.stage) {
    case DrawStage::kFile:
      // Who is recused after the draw is told as it happens; the list grows, and the newest is the whole one.
      if (step.file == kRecusedLater ? state != "COMMITTED" : existing.has_value())
        return fail(Code::kDrawStage, std::string(step.file) + " in state " + (existing ? state : "none"));
      return {};
    case DrawStage::kCommit:
      if (existing) return fail(Code::kDrawStage, "committed twice");
      return store_.put_row(draws, {{std::string(step.draw), std::string("COMMITTED"), std::string(step.content),
                                     to_bytes(step.commitment), Value(), Value(), Value()},
                                    clock});
    case DrawStage::kReveal:
      if (state != "COMMITTED") return fail(Code::kDrawStage, "revealed in state " + state);
      existing->cells[1] = std::string("REVEALED");
      existing->cells[4] = std::string(step.entropy);
      existing->cells[5] = to_bytes(step.secret);
      return store_.put_row(draws, {existing->cells, clock});
    case DrawStage::kVoid:
      if (state != "COMMITTED") return fail(Code::kDrawStage, "void in state " + state);
      existing->cells[1] = std::string("VOID");
      existing->cells[6] = std::string(step.reason);
      return store_.put_row(draws, {existing->cells, clock});
  }
  return fail(Code::kPayloadShape, "draw stage");
}

Result<std::optional<Error>> Applier::apply_change_set(const ChangeSet& change_set, const Registration& where) {
  const Writing writing{where, static_cast<std::int64_t>(change_set.hlc),
                        where.author == kOfficeAuthor ? where.index : static_cast<std::int64_t>(change_set.seen.size)};
  if (where.author != kOfficeAuthor) {
    DUDAO_TRY(const auto device, store_.device(where.author));
    if (!device) return fail(Code::kDeviceUnknown, std::to_string(where.author));
    // Only a log that was closed by a batch before this one can have been seen. Judged by batches, it comes out the
    // same while this one is still open and when everything is rebuilt.
    if (writing.seen > 0) {
      DUDAO_TRY(const auto closed, store_.batches(writing.seen - 1, 1));
      if (closed.empty() || closed.front().size > where.index)
        return fail(Code::kPayloadShape, "seen " + std::to_string(writing.seen));
    }
    return DeviceChanges(*this, store_, *device, writing).apply(change_set.changes);
  }
  Draft draft(store_);
  Merger merger(draft, writing);
  for (const TableChanges& table : change_set.changes.tables) {
    if (table.table->writer != Writer::kOffice) return fail(Code::kNotYours, std::string(table.table->name));
    for (std::size_t n = 0; n < table.inserted_rows(); ++n) DUDAO_CHECK(merger.insert(*table.table, table.row(n)));
    for (const RowUpdate& update : table.updated) DUDAO_CHECK(merger.update(*table.table, update));
  }
  DUDAO_CHECK(draft.write());
  return std::optional<Error>();
}

Result<Checklist> Applier::checklist_for(const StoredRow& visit) {
  const Table& visits = *find_table("visit");
  const std::string code = std::get<std::string>(visit.cells[visits.column("template")]);
  const std::int64_t version = std::get<std::int64_t>(visit.cells[visits.column("template_version")]);
  auto found = checklists_.find({code, version});
  if (found == checklists_.end()) {
    const Table& templates = *find_table("template");
    const ValueView key[] = {std::string_view(code), version};
    DUDAO_TRY(const auto row, store_.row(templates, key));
    if (!row) return fail(Code::kTemplateUnknown, code + " " + std::to_string(version));
    DUDAO_TRY(auto checklist, Checklist::parse(std::get<std::string>(row->cells[3])));
    found = checklists_.emplace(std::pair(code, version), std::move(checklist)).first;
  }
  const auto* items = std::get_if<std::string>(&visit.cells[visits.column("items")]);
  if (!items) return found->second;
  std::vector<std::string> chosen;
  for (std::size_t at = 0; at <= items->size();) {
    const std::size_t comma = std::min(items->find(',', at), items->size());
    chosen.push_back(items->substr(at, comma - at));
    at = comma + 1;
  }
  return found->second.subset(chosen);
}

}  // namespace dudao
