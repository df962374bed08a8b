#include "sync/office/statistics.hpp"

#include "schema/deadline.hpp"
#include "schema/visit_state.hpp"
#include "sync/changes.hpp"
#include "sync/office/inspectors.hpp"
#include "sync/office/jurisdiction.hpp"
#include "sync/office/proceeding.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace dudao {
namespace {

struct Shape {
  StatisticKind kind;
  std::string_view name;
  std::vector<std::string_view> groups, measures;
};
const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {StatisticKind::kCoverage, "coverage", {"unit", "kind"}, {"schools", "visited", "visits"}},
      {StatisticKind::kVisits,
       "visits",
       {"inspector"},
       {"assigned", "took_place", "led", "not_let_in", "returned", "cancelled"}},
      {StatisticKind::kFindings, "findings", {"item", "severity", "state"}, {"findings", "overdue"}},
      {StatisticKind::kOpen, "open", {"severity", "age_days"}, {"findings"}},
      {StatisticKind::kOverdue, "overdue", {"unit", "school"}, {"findings"}},
      {StatisticKind::kStaffing, "staffing", {"unit"}, {"normal", "large", "needed", "there", "missing"}},
      {StatisticKind::kDraws, "draws", {"draw", "state"}, {"drawn", "took_place", "outstanding"}},
      {StatisticKind::kTraining, "training", {"unit", "inspector"}, {"hours", "minimum", "missing"}},
      {StatisticKind::kProceedings, "proceedings", {"unit", "proceeding", "state"}, {"proceedings", "overdue"}},
  };
  return all;
}
const Shape& shape_of(StatisticKind kind) { return shapes()[static_cast<std::size_t>(kind) - 1]; }

/// The columns of a row by their names.
class Cells {
 public:
  Cells(const Table& table, const StoredRow& row) : table_(table), row_(row) {}
  std::string text(std::string_view column) const {
    const auto* value = std::get_if<std::string>(&row_.cells[table_.column(column)]);
    return value ? *value : std::string();
  }
  std::optional<std::int64_t> integer(std::string_view column) const {
    const auto* value = std::get_if<std::int64_t>(&row_.cells[table_.column(column)]);
    return value ? std::optional(*value) : std::nullopt;
  }
  bool null(std::string_view column) const {
    return std::holds_alternative<std::monostate>(row_.cells[table_.column(column)]);
  }
  Bytes visit() const { return std::get<Bytes>(row_.cells[0]); }
  CountedRow counted() const {
    return {&table_, {row_.cells.begin(), row_.cells.begin() + static_cast<std::ptrdiff_t>(table_.key_columns)}};
  }

 private:
  const Table& table_;
  const StoredRow& row_;
};

Status each(Store& rows, std::string_view name, const std::function<void(const Cells&)>& take) {
  const Table& table = *find_table(name);
  return rows.each_row(table, [&](const StoredRow& row) -> Status {
    take(Cells(table, row));
    return {};
  });
}

struct School {
  std::string unit;
  std::int64_t pupils = 0;
  CountedRow row;
};
struct Visit {
  std::string school, kind, draw;
  VisitState state{};
  bool let_in = true, asked_back = false;
  std::int64_t first_day = 0;               ///< of its window
  std::optional<std::int64_t> arrival_day;  ///< at the place
  CountedRow row;

  std::int64_t day() const { return arrival_day.value_or(first_day); }
  bool took_place() const { return state >= VisitState::kSubmitted && state <= VisitState::kClosed; }
};

/// What all statistics look at, within the scope.
struct Seen {
  std::map<std::string, School> schools;  ///< open ones, and closed ones that were visited
  std::set<std::string> open;
  std::map<Bytes, Visit> visits;
};

/// The organisation tree.
class Tree {
 public:
  static Result<Tree> read(Store& rows) {
    Tree out;
    DUDAO_CHECK(each(rows, "org_unit", [&](const Cells& unit) {
      out.units_[unit.text("code")] = {unit.text("parent"), unit.text("level")};
    }));
    return out;
  }
  bool has(const std::string& unit) const { return units_.contains(unit); }
  /// The nearest at or above `unit` for which `fits` holds. A register may hold a circle.
  std::optional<std::string> upwards(std::string unit, const std::function<bool(const std::string&)>& fits) const {
    for (std::size_t step = 0; step <= units_.size(); ++step) {
      if (fits(unit)) return unit;
      const auto found = units_.find(unit);
      if (found == units_.end()) break;
      unit = found->second.parent;
    }
    return std::nullopt;
  }
  std::string level(const std::string& unit) const {
    const auto found = units_.find(unit);
    return found == units_.end() ? std::string() : found->second.level;
  }

 private:
  struct Unit {
    std::string parent, level;
  };
  std::map<std::string, Unit> units_;
};

/// The unit under which a unit's things are counted.
class Places {
 public:
  /// Error: kUnitUnknown.
  static Result<Places> read(Store& rows, const StatisticScope& scope) {
    Places out(scope);
    DUDAO_TRY(out.tree_, Tree::read(rows));
    if (!scope.unit.empty() && !out.tree_.has(scope.unit)) return fail(Code::kUnitUnknown, scope.unit);
    return out;
  }
  /// Nothing outside the scope.
  std::optional<std::string> of(const std::string& unit) const {
    if (!scope_.unit.empty() && !tree_.upwards(unit, [&](const std::string& at) { return at == scope_.unit; }))
      return std::nullopt;
    if (scope_.level.empty()) return unit;
    return tree_.upwards(unit, [&](const std::string& at) { return tree_.level(at) == scope_.level; }).value_or(unit);
  }

 private:
  explicit Places(const StatisticScope& scope) : scope_(scope) {}
  const StatisticScope& scope_;
  Tree tree_;
};

Result<Seen> look(Store& rows, const StatisticScope& scope, const Places& places) {
  Seen out;
  DUDAO_CHECK(each(rows, "school", [&](const Cells& school) {
    const auto unit = places.of(school.text("org_unit"));
    if (!unit) return;
    const std::string code = school.text("code");
    out.schools.emplace(code, School{*unit, school.integer("pupils").value_or(0), school.counted()});
    if (school.text("status") == "OPEN") out.open.insert(code);
  }));
  DUDAO_CHECK(each(rows, "visit", [&](const Cells& visit) {
    const auto state = visit_state_from(visit.text("state"));
    if (!state || !out.schools.contains(visit.text("school"))) return;
    Visit one;
    one.school = visit.text("school");
    one.kind = visit.text("kind");
    one.draw = visit.text("draw");
    one.state = *state;
    one.first_day = visit.integer("from_day").value_or(0);
    one.row = visit.counted();
    out.visits.emplace(visit.visit(), std::move(one));
  }));
  DUDAO_CHECK(each(rows, "visit_event", [&](const Cells& event) {
    const auto found = out.visits.find(event.visit());
    if (found == out.visits.end()) return;
    const std::string name = event.text("event");
    const bool turned_away = name == "refuse_entry" || name == "no_access";
    if (!turned_away && name != "check_in") return;
    Visit& visit = found->second;
    if (turned_away) visit.let_in = false;
    const std::int64_t day =
        local_day(event.integer("at_utc_ms").value_or(0), static_cast<int>(event.integer("at_offset_min").value_or(0)));
    visit.arrival_day = std::min(visit.arrival_day.value_or(day), day);
  }));
  std::erase_if(out.visits, [&](const auto& each) {
    const std::int64_t day = each.second.day();
    return (scope.from_day && day < *scope.from_day) || (scope.to_day && day > *scope.to_day);
  });
  DUDAO_CHECK(each(rows, "question", [&](const Cells& question) {
    if (const auto found = out.visits.find(question.visit()); found != out.visits.end())
      found->second.asked_back = true;
  }));
  return out;
}

/// Lines in the making.
class Lines {
 public:
  explicit Lines(std::size_t measures) : measures_(measures) {}

  Figure& at(const std::vector<std::string>& group, std::size_t measure) {
    auto& figures = lines_[group];
    figures.resize(measures_);
    return figures[measure];
  }
  void count(const std::vector<std::string>& group, std::size_t measure, CountedRow row) {
    Figure& figure = at(group, measure);
    ++figure.value;
    figure.rows.push_back(std::move(row));
  }
  std::vector<StatisticLine> take() {
    std::vector<StatisticLine> out;
    for (auto& [group, figures] : lines_) out.push_back({group, std::move(figures)});
    return out;
  }
  std::map<std::vector<std::string>, std::vector<Figure>>& all() { return lines_; }

 private:
  std::size_t measures_;
  std::map<std::vector<std::string>, std::vector<Figure>> lines_;
};

void coverage(const Seen& seen, Lines& lines) {
  // A unit has as many schools whatever kind of visit is looked at, so each kind that there was gets all of them.
  std::map<std::string, std::set<std::string>> kinds;
  std::map<std::vector<std::string>, std::set<std::string>> visited;
  for (const auto& [id, visit] : seen.visits) {
    if (!visit.took_place()) continue;
    const std::vector<std::string> group = {seen.schools.at(visit.school).unit, visit.kind};
    kinds[group[0]].insert(visit.kind);
    visited[group].insert(visit.school);
    lines.at(group, 1).rows.push_back(visit.row);
    lines.count(group, 2, visit.row);
  }
  for (const auto& [group, schools] : visited) lines.at(group, 1).value = static_cast<std::int64_t>(schools.size());
  for (const std::string& code : seen.open) {
    const School& school = seen.schools.at(code);
    const auto found = kinds.find(school.unit);
    if (found == kinds.end()) {
      lines.count({school.unit, ""}, 0, school.row);
      continue;
    }
    for (const std::string& kind : found->second) lines.count({school.unit, kind}, 0, school.row);
  }
}

Status visits_by_inspector(Store& rows, const Seen& seen, Lines& lines) {
  return each(rows, "team_member", [&](const Cells& member) {
    const auto found = seen.visits.find(member.visit());
    if (found == seen.visits.end() || !member.null("recusal")) return;
    const Visit& visit = found->second;
    const std::vector<std::string> group = {member.text("inspector")};
    const bool happened = visit.took_place();
    const bool counts[] = {true,
                           happened,
                           happened && member.text("role") == "LEAD",
                           happened && !visit.let_in,
                           visit.asked_back,
                           visit.state == VisitState::kCancelled};
    for (std::size_t measure = 0; measure < std::size(counts); ++measure) {
      if (!counts[measure]) continue;
      lines.count(group, measure, member.counted());
      lines.at(group, measure).rows.push_back(visit.row);
    }
  });
}

std::string age_of(std::int64_t days) {
  if (days <= 30) return "0-30";
  if (days <= 90) return "31-90";
  return days <= 180 ? "91-180" : "181-";
}

Bytes key_of(const CountedRow& row) {
  std::vector<ValueView> cells;
  for (const Value& cell : row.key) cells.push_back(as_view(cell));
  return encode_key(cells);
}

/// Where the rectification of a finding has got.
struct Rectified {
  std::string state;
  std::optional<std::int64_t> due_day;
  CountedRow row;
};

Status findings(Store& rows, const Seen& seen, StatisticKind kind, std::int64_t today, Lines& lines) {
  std::map<Bytes, Rectified> rectified;
  DUDAO_CHECK(each(rows, "rectification", [&](const Cells& one) {
    CountedRow row = one.counted();
    Bytes key = key_of(row);
    rectified.emplace(std::move(key), Rectified{one.text("state"), one.integer("due_day"), std::move(row)});
  }));
  return each(rows, "finding", [&](const Cells& finding) {
    const auto found = seen.visits.find(finding.visit());
    if (found == seen.visits.end() || !finding.null("void_reason")) return;
    const CountedRow row = finding.counted();
    const auto since = rectified.find(key_of(row));
    const bool begun = since != rectified.end();
    const std::string name = begun ? since->second.state : finding.text("state");
    const auto state = finding_state_from(name);
    const bool open = state && !is_final(*state);
    const auto due_day = begun ? since->second.due_day : finding.integer("due_day");
    const bool overdue = state && is_overdue(*state, due_day, today);
    const std::string& school = found->second.school;
    const auto count = [&](const std::vector<std::string>& group, std::size_t measure) {
      lines.count(group, measure, row);
      if (begun) lines.at(group, measure).rows.push_back(since->second.row);
    };
    if (kind == StatisticKind::kFindings) {
      const std::vector<std::string> group = {finding.text("item"), finding.text("severity"), name};
      count(group, 0);
      if (overdue) count(group, 1);
    } else if (kind == StatisticKind::kOpen && open) {
      const std::int64_t day = local_day(finding.integer("at_utc_ms").value_or(0),
                                         static_cast<int>(finding.integer("at_offset_min").value_or(0)));
      count({finding.text("severity"), age_of(today - day)}, 0);
    } else if (kind == StatisticKind::kOverdue && overdue) {
      count({seen.schools.at(school).unit, school}, 0);
    }
  });
}

/// A figure that units settle, with the row in which they did.
class Settled {
 public:
  Settled(Store& rows, Policy policy, std::int64_t day) : rows_(rows), policy_(policy), day_(day) {}

  Result<const PolicyValue*> of(const std::string& unit) {
    const auto found = known_.find(unit);
    if (found != known_.end()) return &found->second;
    DUDAO_TRY(PolicyValue value, policy_for(rows_, policy_, unit, day_));
    return &known_.emplace(unit, std::move(value)).first->second;
  }
  /// Nothing where nobody settled it.
  void add_row(const PolicyValue& value, Figure& figure) const {
    if (value.from_day)
      figure.rows.push_back(
          {find_table("policy"), {value.jurisdiction, std::string(info(policy_).name), *value.from_day}});
  }

 private:
  Store& rows_;
  Policy policy_;
  std::int64_t day_;
  std::map<std::string, PolicyValue> known_;
};

Status staffing(Store& rows, const Seen& seen, const StatisticScope& scope, const Places& places, Lines& lines) {
  std::map<std::string, CountedRow> active;
  DUDAO_CHECK(each(rows, "inspector", [&](const Cells& inspector) {
    if (inspector.text("status") == to_string(InspectorState::kActive))
      active.emplace(inspector.text("code"), inspector.counted());
  }));
  Settled large(rows, Policy::kLargeSchoolPupils, scope.today);
  for (const std::string& code : seen.open) {
    const School& school = seen.schools.at(code);
    std::int64_t from_pupils = scope.large_school_pupils.value_or(0);
    if (!scope.large_school_pupils) {
      DUDAO_TRY(const PolicyValue* const settled, large.of(school.unit));
      from_pupils = settled->value;
    }
    lines.count({school.unit}, school.pupils >= from_pupils ? 1 : 0, school.row);
  }
  std::set<std::string> with_profile;
  DUDAO_CHECK(each(rows, "inspector_profile", [&](const Cells& profile) {
    const auto inspector = active.find(profile.text("inspector"));
    if (inspector == active.end() || profile.null("org_unit")) return;
    with_profile.insert(inspector->first);
    const auto unit = places.of(profile.text("org_unit"));
    if (!unit) return;
    lines.count({*unit}, 3, inspector->second);
    lines.at({*unit}, 3).rows.push_back(profile.counted());
  }));
  std::set<std::pair<std::string, std::string>> there;
  DUDAO_CHECK(each(rows, "zone", [&](const Cells& zone) {
    const std::string school = zone.text("school");
    const auto until_day = zone.integer("until_day");
    if (!seen.open.contains(school) || (until_day && *until_day < scope.today)) return;
    const std::string& unit = seen.schools.at(school).unit;
    const auto inspector = active.find(zone.text("inspector"));
    if (inspector == active.end() || with_profile.contains(inspector->first)) return;
    Figure& figure = lines.at({unit}, 3);
    figure.rows.push_back(zone.counted());
    if (!there.emplace(unit, inspector->first).second) return;
    ++figure.value;
    figure.rows.push_back(inspector->second);
  }));
  Settled schools_of_one(rows, Policy::kSchoolsPerInspector, scope.today);
  for (auto& [group, figures] : lines.all()) {
    DUDAO_TRY(const PolicyValue* const of_one, schools_of_one.of(group[0]));
    Figure& needed = figures[2];
    needed.value = (figures[0].value + of_one->value - 1) / of_one->value + figures[1].value;
    schools_of_one.add_row(*of_one, needed);
    if (!scope.large_school_pupils) {
      DUDAO_TRY(const PolicyValue* const settled, large.of(group[0]));
      large.add_row(*settled, needed);
    }
    for (const std::size_t of : {0U, 1U})
      needed.rows.insert(needed.rows.end(), figures[of].rows.begin(), figures[of].rows.end());
    Figure& missing = figures[4];
    missing.value = std::max<std::int64_t>(0, needed.value - figures[3].value);
    for (const std::size_t of : {2U, 3U})
      missing.rows.insert(missing.rows.end(), figures[of].rows.begin(), figures[of].rows.end());
  }
  return {};
}

Status training(Store& rows, const StatisticScope& scope, const Places& places, Lines& lines) {
  const std::int64_t year = year_of(scope.to_day.value_or(scope.today));
  const std::int64_t as_of = std::min(scope.today, first_day_of_year(year + 1) - 1);
  std::map<std::string, CountedRow> in_post;
  DUDAO_CHECK(each(rows, "inspector", [&](const Cells& inspector) {
    const auto state = inspector_state_from(inspector.text("status"));
    if (state && in_office(*state)) in_post.emplace(inspector.text("code"), inspector.counted());
  }));
  DUDAO_TRY(const auto units, units_of_inspectors(rows, as_of));
  Settled minimum(rows, Policy::kTrainingHours, as_of);
  for (const auto& [inspector, row] : in_post) {
    const auto found = units.find(inspector);
    const std::string own = found == units.end() ? std::string() : found->second;
    const auto unit = places.of(own);
    if (!unit) continue;
    const std::vector<std::string> group = {*unit, inspector};
    DUDAO_TRY(const TrainingYear done, training_of(rows, inspector, own, year, scope.today));
    Figure& hours = lines.at(group, 0);
    hours.value = done.hours;
    for (const std::int64_t n : done.entries) hours.rows.push_back({find_table("training"), {inspector, n}});
    DUDAO_TRY(const PolicyValue* const asked, minimum.of(own));
    Figure& least = lines.at(group, 1);
    least.value = asked->value;
    least.rows.push_back(row);
    minimum.add_row(*asked, least);
    Figure& missing = lines.at(group, 2);
    missing.value = done.missing();
    for (const std::size_t of : {0U, 1U}) {
      const auto& under = lines.at(group, of).rows;
      missing.rows.insert(missing.rows.end(), under.begin(), under.end());
    }
  }
  return {};
}

Status draws(Store& rows, const Seen& seen, Lines& lines) {
  std::map<std::string, std::vector<std::string>> groups;
  DUDAO_CHECK(each(rows, "draw", [&](const Cells& draw) {
    const std::vector<std::string> group = {draw.text("code"), draw.text("state")};
    lines.at(group, 0).rows.push_back(draw.counted());
    groups.emplace(group[0], group);
  }));
  for (const auto& [id, visit] : seen.visits) {
    const auto found = groups.find(visit.draw);
    if (found == groups.end()) continue;
    lines.count(found->second, 0, visit.row);
    if (visit.took_place())
      lines.count(found->second, 1, visit.row);
    else if (visit.state != VisitState::kCancelled)
      lines.count(found->second, 2, visit.row);
  }
  return {};
}

Status proceedings(Store& rows, const StatisticScope& scope, const Places& places, Lines& lines) {
  DUDAO_TRY(const auto all, all_proceedings(rows));
  DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
  for (const ProceedingView& one : all) {
    const auto unit = places.of(one.org_unit);
    if (!unit || (scope.from_day && one.opened_day < *scope.from_day) ||
        (scope.to_day && one.opened_day > *scope.to_day))
      continue;
    const std::vector<std::string> group = {*unit, std::string(to_string(one.kind)), std::string(to_string(one.state))};
    std::vector<CountedRow> under = {{find_table("proceeding"), {one.code}}};
    DUDAO_TRY(const auto steps, proceeding_steps(rows, one.code));
    for (const ProceedingStepView& step : steps) under.push_back({find_table("proceeding_step"), {one.code, step.n}});
    DUDAO_TRY(const bool behind, is_behind(rows, rules, one, scope.today));
    for (const std::size_t measure : {0U, 1U}) {
      if (measure == 1 && !behind) continue;
      Figure& figure = lines.at(group, measure);
      ++figure.value;
      figure.rows.insert(figure.rows.end(), under.begin(), under.end());
    }
  }
  return {};
}

}  // namespace

std::string_view to_string(StatisticKind kind) noexcept { return shape_of(kind).name; }
std::optional<StatisticKind> statistic_kind_from(std::string_view name) noexcept {
  for (const StatisticKind kind : kStatisticKinds)
    if (to_string(kind) == name) return kind;
  return std::nullopt;
}

Result<Statistic> count_statistic(Store& rows, StatisticKind kind, const StatisticScope& scope) {
  const Shape& shape = shape_of(kind);
  DUDAO_TRY(const Places places, Places::read(rows, scope));
  DUDAO_TRY(const Seen seen, look(rows, scope, places));
  Lines lines(shape.measures.size());
  switch (kind) {
    case StatisticKind::kCoverage:
      coverage(seen, lines);
      break;
    case StatisticKind::kVisits:
      DUDAO_CHECK(visits_by_inspector(rows, seen, lines));
      break;
    case StatisticKind::kFindings:
    case StatisticKind::kOpen:
    case StatisticKind::kOverdue:
      DUDAO_CHECK(findings(rows, seen, kind, scope.today, lines));
      break;
    case StatisticKind::kStaffing:
      DUDAO_CHECK(staffing(rows, seen, scope, places, lines));
      break;
    case StatisticKind::kDraws:
      DUDAO_CHECK(draws(rows, seen, lines));
      break;
    case StatisticKind::kTraining:
      DUDAO_CHECK(training(rows, scope, places, lines));
      break;
    case StatisticKind::kProceedings:
      DUDAO_CHECK(proceedings(rows, scope, places, lines));
      break;
  }
  return Statistic{shape.groups, shape.measures, lines.take()};
}

Result<std::vector<std::int64_t>> written_by(Store& rows, const Table& table, const StoredRow& row) {
  std::vector<ValueView> key;
  for (std::size_t i = 0; i < table.key_columns; ++i) key.push_back(as_view(row.cells[i]));
  const Bytes row_key = encode_key(key);
  std::set<std::int64_t> out = {row.clock.index};
  for (std::size_t column = table.key_columns; column < table.columns.size(); ++column) {
    DUDAO_TRY(const auto own, rows.cell_clock(table, row_key, column));
    if (own) out.insert(own->index);
  }
  return std::vector(out.begin(), out.end());
}

Result<std::vector<StatementUnder>> statements_under(Store& rows, const std::vector<CountedRow>& counted) {
  std::map<std::int64_t, std::set<std::string>> written;
  for (const CountedRow& one : counted) {
    std::vector<ValueView> key;
    for (const Value& cell : one.key) key.push_back(as_view(cell));
    DUDAO_TRY(const auto row, rows.row(*one.table, key));
    if (!row) return fail(Code::kLedgerBroken, std::string(one.table->name));
    DUDAO_TRY(const auto indices, written_by(rows, *one.table, *row));
    const std::string name = std::string(one.table->name) + " " + readable_key(*one.table, key, false);
    for (const std::int64_t index : indices) written[index].insert(name);
  }
  std::vector<StatementUnder> out;
  for (const auto& [index, names] : written) {
    DUDAO_TRY(const auto entry, rows.entry(index));
    if (!entry) return fail(Code::kLedgerBroken, std::to_string(index));
    DUDAO_TRY(const Batch batch, rows.batch_of(index));
    out.push_back({index, entry->id, entry->author, batch.registered_utc_ms, {names.begin(), names.end()}});
  }
  return out;
}

}  // namespace dudao
