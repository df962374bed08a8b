#include "tools/office/admin.hpp"

#include "schema/checklist.hpp"
#include "schema/deadline.hpp"
#include "schema/document_html.hpp"
#include "schema/register_import.hpp"
#include "schema/visit_documents.hpp"
#include "schema/visit_state.hpp"
#include "sync/office/inspectors.hpp"
#include "sync/office/rows.hpp"
#include "sync/office/school_desk.hpp"
#include "sync/office/statistics.hpp"
#include "tools/console/console.hpp"
#include "tools/office/document_pdf.hpp"
#include "tools/office/findings.hpp"
#include "tools/office/gate.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kShownRefusals = 1'000;
constexpr std::int64_t kDay_ms = 86'400'000;

std::string text_of(const json& params, const char* name, std::string otherwise = {}) {
  const auto found = params.find(name);
  return found == params.end() || found->is_null() ? std::move(otherwise) : found->get<std::string>();
}
std::vector<std::string> texts_of(const json& params, const char* name) {
  return params.value(name, std::vector<std::string>());
}

json cell_json(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* words = std::get_if<std::string>(&value)) return *words;
  if (const auto* bytes = std::get_if<Bytes>(&value)) return to_hex(*bytes);
  return nullptr;
}

Result<std::int64_t> day_param(const json& params, const char* name) {
  const std::string typed = text_of(params, name);
  const auto day = day_from_date(typed);
  if (!day) return fail(Code::kOptionWrong, "--" + std::string(name) + " takes a day like 2026-03-02");
  return *day;
}

/// "2026-03-02T08:00", by the machine's offset, or with Z or an offset of its own.
Result<std::int64_t> instant_param(const std::string& typed, int utc_offset_min) {
  const auto wrong = [&] {
    return fail(Code::kOptionWrong, typed + " must be a time like 2026-03-02T08:00 or 2026-03-02T08:00+08:00");
  };
  const auto two = [&](std::size_t at) -> int {
    if (at + 2 > typed.size() || typed[at] < '0' || typed[at] > '9' || typed[at + 1] < '0' || typed[at + 1] > '9')
      return -1;
    return (typed[at] - '0') * 10 + (typed[at + 1] - '0');
  };
  if (typed.size() < 16 || typed[10] != 'T' || typed[13] != ':') return wrong();
  const auto day = day_from_date(std::string_view(typed).substr(0, 10));
  const int hour = two(11);
  const int minute = two(14);
  if (!day || hour < 0 || hour > 23 || minute < 0 || minute > 59) return wrong();
  int offset_min = utc_offset_min;
  const std::string_view zone = std::string_view(typed).substr(16);
  if (zone == "Z") {
    offset_min = 0;
  } else if (!zone.empty()) {
    const int hours = two(17);
    const int minutes = two(20);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 || hours > 14 ||
        minutes < 0 || minutes > 59)
      return wrong();
    offset_min = (zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  return *day * kDay_ms + (std::int64_t{hour} * 60 + minute - offset_min) * 60'000;
}

template <class T>
Value or_null(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}

std::vector<Value> zone_cells(const InspectorSchool& z) { return {z.inspector, z.school, or_null(z.until_day)}; }
std::vector<Value> conflict_cells(const InspectorSchool& c) {
  return {c.inspector, c.school, or_null(c.reason), or_null(c.until_day)};
}

}  // namespace

json row_json(const Table& table, const StoredRow& row) {
  json out = json::object();
  for (std::size_t i = 0; i < table.columns.size(); ++i) out[table.columns[i].name] = cell_json(row.cells[i]);
  return out;
}

class AdminMethods {
 public:
  AdminMethods(Admin& admin, const AdminCall& call, const AdminProgress& progress)
      : platform_(admin.platform_),
        office_(admin.office_),
        serving_(admin.serving_),
        params_(call.params),
        progress_(progress),
        actor_(call.actor),
        unit_(call.unit) {}

  using Method = Result<json> (AdminMethods::*)();
  static const std::map<std::string, Method, std::less<>>& table() {
    static const std::map<std::string, Method, std::less<>> methods = {
        {"status", &AdminMethods::status},
        {"import", &AdminMethods::import},
        {"publish-template", &AdminMethods::publish_template},
        {"plan", &AdminMethods::plan},
        {"visit list", &AdminMethods::visits},
        {"visit show", &AdminMethods::visit},
        {"visit event", &AdminMethods::visit_event},
        {"finding list", &AdminMethods::findings},
        {"finding show", &AdminMethods::finding},
        {"finding act", &AdminMethods::finding_act},
        {"school-code", &AdminMethods::school_code},
        {"document", &AdminMethods::document},
        {"draw freeze", &AdminMethods::draw_freeze},
        {"draw commit", &AdminMethods::draw_commit},
        {"draw run", &AdminMethods::draw_run},
        {"draw reveal", &AdminMethods::draw_reveal},
        {"draw void", &AdminMethods::draw_void},
        {"draw files", &AdminMethods::draw_files},
        {"draw list", &AdminMethods::draws},
        {"enrol offer", &AdminMethods::enrol_offer},
        {"enrol list", &AdminMethods::enrol_list},
        {"enrol approve", &AdminMethods::enrol_approve},
        {"devices", &AdminMethods::devices},
        {"revoke", &AdminMethods::revoke},
        {"quarantine", &AdminMethods::quarantine},
        {"statistics", &AdminMethods::statistics},
        {"explain", &AdminMethods::explain},
        {"export-records", &AdminMethods::export_records},
        {"export-ledger", &AdminMethods::export_ledger},
        {"rebuild", &AdminMethods::rebuild},
        {"backup", &AdminMethods::backup},
    };
    return methods;
  }

 private:
  std::int64_t today() const { return day_of(platform_.clock.wall_utc_ms(), platform_.clock.utc_offset_min()); }

  Result<json> rows_of(std::string_view name) {
    const Table& table = *find_table(name);
    json out = json::array();
    DUDAO_CHECK(office_.read([&](Store& rows) {
      return rows.each_row(table, [&](const StoredRow& row) -> Status {
        out.push_back(row_json(table, row));
        return {};
      });
    }));
    return out;
  }

  Result<json> status() {
    json out = {
        {"origin", office_.origin()}, {"office_key", to_hex(office_.key().thumbprint())}, {"serving", serving_}};
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      DUDAO_TRY(const std::int64_t statements, rows.size());
      out["statements"] = statements;
      out["database_bytes"] = rows.size_bytes();
      if (statements > 0) {
        DUDAO_TRY(const Batch batch, rows.batch_of(statements - 1));
        out["last_registered_utc"] = utc_text(batch.registered_utc_ms);
      }
      DUDAO_TRY(const Reach reach, Reach::of(rows, unit_));
      std::map<std::string, int> states;
      for (const char* name :
           {"org_unit", "school", "inspector", "zone", "conflict_of_interest", "template", "draw", "visit"}) {
        const Table& table = *find_table(name);
        std::int64_t count = 0;
        DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
          Result<bool> within = true;
          if (table.name == "org_unit") within = reach.has_unit(text_in(table, row, "code"));
          if (table.name == "school") within = reach.has_unit(text_in(table, row, "org_unit"));
          if (table.name == "visit") within = reach.has_school(rows, text_in(table, row, "school"));
          DUDAO_TRY(const bool counts, within);
          if (!counts) return {};
          ++count;
          if (table.name == "visit") ++states[text_in(table, row, "state")];
          return {};
        }));
        out["rows"][name] = count;
      }
      out["visit_states"] = states;
      return {};
    }));
    DUDAO_TRY(const auto devices, office_.devices());
    DUDAO_TRY(const auto apart, office_.quarantine());
    DUDAO_TRY(const auto waiting, office_.pending_enrolments());
    out["devices"] = devices.size();
    out["quarantined"] = apart.size();
    out["enrolments_waiting"] = waiting.size();
    const OfficeCounters counters = office_.counters();
    if (serving_)
      out["since_start"] = {{"requests", counters.requests},
                            {"registered", counters.registered},
                            {"duplicates", counters.duplicates},
                            {"refused", counters.refused},
                            {"commits", counters.commits}};
    return out;
  }

  // --- Registers.

  struct Taken {
    std::size_t fresh = 0, changed = 0, same = 0;
    std::vector<std::int64_t> indices;
  };

  /// One decision: rows that are not there yet are inserted, those that differ are changed, the others left alone.
  Result<Taken> take_rows(const std::vector<std::pair<std::string_view, std::vector<std::vector<Value>>>>& tables) {
    Taken taken;
    std::uint64_t all = 0;
    for (const auto& [name, rows] : tables) all += rows.size();
    DUDAO_TRY(taken.indices, office_.decide(actor_, "register.import", [&](Store& store) -> Result<ChangesBuilder> {
      ChangesBuilder out;
      DUDAO_TRY(const Reach reach, Reach::of(store, unit_));
      std::uint64_t done = 0;
      for (const auto& [name, rows] : tables) {
        const Table& table = *find_table(name);
        for (const std::vector<Value>& cells : rows) {
          std::vector<ValueView> key;
          for (std::size_t i = 0; i < table.key_columns; ++i) key.push_back(as_view(cells[i]));
          DUDAO_TRY(const auto before, store.row(table, key));
          DUDAO_TRY(const bool within, reach.has_row(store, table, cells));
          if (!within) return fail(Code::kOutsideUnit, std::string(name) + " " + readable_key(table, key));
          if (++done % 1'000 == 0 || done == all) progress_("rows", done, all);
          if (!before) {
            ++taken.fresh;
            out.insert(name, cells);
            continue;
          }
          // Where steps are on record they say what an inspector is, whatever somebody else's list says.
          std::optional<std::size_t> kept;
          if (name == "inspector") {
            DUDAO_TRY(const auto steps, inspector_steps(store, std::get<std::string>(cells[0])));
            if (!steps.empty()) kept = table.column("status");
          }
          std::vector<std::pair<std::size_t, Value>> different;
          for (std::size_t i = table.key_columns; i < cells.size(); ++i)
            if (i != kept && cells[i] != before->cells[i]) different.emplace_back(i, cells[i]);
          if (different.empty()) {
            ++taken.same;
            continue;
          }
          ++taken.changed;
          out.update(name, {cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(table.key_columns)},
                     std::move(different));
        }
      }
      return out;
    }));
    return taken;
  }

  template <class Record>
  json report(const Import<Record>& read, const Taken& taken, const std::vector<Error>& unknown) const {
    json refused = json::array();
    const auto add = [&](const Error& error) {
      json one = {{"code", static_cast<int>(error.code)},
                  {"english", info(error.code).english},
                  {"chinese", info(error.code).chinese},
                  {"detail", error.detail}};
      refused.push_back(std::move(one));
    };
    for (const RefusedRow& row : read.refused) {
      if (refused.size() == kShownRefusals) break;
      add(row.error);
      refused.back()["line"] = row.line;
    }
    for (const Error& error : unknown) {
      if (refused.size() == kShownRefusals) break;
      add(error);
    }
    return {{"rows", read.rows},
            {"new", taken.fresh},
            {"changed", taken.changed},
            {"unchanged", taken.same},
            {"refused", refused},
            {"refused_rows", read.refused.size() + unknown.size()},
            {"statements", taken.indices.size()}};
  }

  Result<std::set<std::string>> codes(std::string_view name) {
    std::set<std::string> out;
    DUDAO_CHECK(office_.read([&](Store& rows) {
      return rows.each_row(*find_table(name), [&](const StoredRow& row) -> Status {
        out.insert(std::get<std::string>(row.cells[0]));
        return {};
      });
    }));
    return out;
  }

  Result<std::vector<OrgUnit>> known_units() {
    std::vector<OrgUnit> out;
    const Table& table = *find_table("org_unit");
    DUDAO_CHECK(office_.read([&](Store& rows) {
      return rows.each_row(table, [&](const StoredRow& row) -> Status {
        OrgUnit unit{text_in(table, row, "code"), text_in(table, row, "name"), text_in(table, row, "level"), {}};
        if (const std::string parent = text_in(table, row, "parent"); !parent.empty()) unit.parent = parent;
        out.push_back(std::move(unit));
        return {};
      });
    }));
    return out;
  }

  Result<json> import() {
    const std::string kind = text_of(params_, "kind");
    const auto bytes = from_base64(text_of(params_, "content"));
    if (!bytes) return fail(Code::kInternal, "content");
    const std::string_view content = text(*bytes);
    const TextEncoding encoding =
        text_of(params_, "encoding", "utf-8") == "gb18030" ? TextEncoding::kGb18030 : TextEncoding::kUtf8;
    DUDAO_TRY(const ColumnMap map, ColumnMap::parse(texts_of(params_, "map")));
    std::vector<std::vector<Value>> rows;
    if (kind == "org-units") {
      DUDAO_TRY(const auto known, known_units());
      DUDAO_TRY(const auto read, import_org_units(content, encoding, map, known));
      for (const OrgUnit& unit : read.records) rows.push_back(row_of(unit));
      DUDAO_TRY(const Taken taken, take_rows({{"org_unit", rows}}));
      return report(read, taken, {});
    }
    if (kind == "schools") {
      SchoolImportOptions options;
      DUDAO_TRY(options.known, known_units());
      options.root = text_of(params_, "root");
      options.make_units = params_.value("make_units", false);
      DUDAO_TRY(const SchoolImport read, import_schools(content, encoding, map, options));
      std::vector<std::vector<Value>> units;
      for (const OrgUnit& unit : read.made_units) units.push_back(row_of(unit));
      for (const School& school : read.records) rows.push_back(row_of(school));
      DUDAO_TRY(const Taken taken, take_rows({{"org_unit", units}, {"school", rows}}));
      json out = report(read, taken, {});
      out["new"] = taken.fresh - units.size();  // what the tree lacked cannot have been there
      out["made_units"] = units.size();
      return out;
    }
    if (kind == "inspectors") {
      DUDAO_TRY(const auto read, import_inspectors(content, encoding, map));
      for (const Inspector& inspector : read.records) rows.push_back(row_of(inspector));
      DUDAO_TRY(const Taken taken, take_rows({{"inspector", rows}}));
      return report(read, taken, {});
    }
    const bool zones = kind == "zones";
    if (!zones && kind != "conflicts") return fail(Code::kInternal, "kind " + kind);
    DUDAO_TRY(const auto read, zones ? import_zones(content, encoding, map) : import_conflicts(content, encoding, map));
    DUDAO_TRY(const auto inspectors, codes("inspector"));
    DUDAO_TRY(const auto schools, codes("school"));
    std::vector<Error> unknown;
    for (const InspectorSchool& pair : read.records) {
      if (!inspectors.contains(pair.inspector))
        unknown.push_back({Code::kInspectorUnknown, pair.inspector});
      else if (!schools.contains(pair.school))
        unknown.push_back({Code::kSchoolUnknown, pair.school});
      else
        rows.push_back(zones ? zone_cells(pair) : conflict_cells(pair));
    }
    DUDAO_TRY(const Taken taken, take_rows({{zones ? "zone" : "conflict_of_interest", rows}}));
    return report(read, taken, unknown);
  }

  Result<json> publish_template() {
    const auto bytes = from_base64(text_of(params_, "content"));
    if (!bytes) return fail(Code::kInternal, "content");
    DUDAO_TRY(const Checklist checklist, Checklist::parse(text(*bytes)));
    DUDAO_TRY(const std::int64_t index, office_.publish_template(actor_, text(*bytes)));
    return json{{"code", checklist.code()}, {"version", checklist.version()}, {"index", index}};
  }

  // --- Visits.

  /// What a plan and the pattern of a draw have in common. `template`: CODE, which means its newest version, or
  /// CODE@VERSION.
  Result<VisitPlan> pattern() {
    VisitPlan plan;
    plan.kind = text_of(params_, "kind", "ROUTINE");
    plan.announced = params_.value("announced", false);
    plan.campaign = text_of(params_, "campaign");
    plan.items = texts_of(params_, "items");
    const std::string named = text_of(params_, "template");
    const std::size_t at = named.rfind('@');
    plan.template_code = named.substr(0, at);
    if (at != std::string::npos) {
      const std::string version = named.substr(at + 1);
      if (version.empty() || version.size() > 9 || version.find_first_not_of("0123456789") != std::string::npos)
        return fail(Code::kOptionWrong, "--template takes CODE or CODE@VERSION");
      plan.template_version = std::stoll(version);
    } else {
      const Table& table = *find_table("template");
      DUDAO_CHECK(office_.read([&](Store& rows) {
        return rows.each_row(table, [&](const StoredRow& row) -> Status {
          if (text_in(table, row, "code") == plan.template_code)
            plan.template_version = std::max(plan.template_version, *integer_in(table, row, "version"));
          return {};
        });
      }));
    }
    DUDAO_TRY(plan.from_day, day_param(params_, "from"));
    DUDAO_TRY(plan.to_day, day_param(params_, "to"));
    if (const std::string unseal = text_of(params_, "unseal_at"); !unseal.empty()) {
      DUDAO_TRY(const std::int64_t at_utc_ms, instant_param(unseal, platform_.clock.utc_offset_min()));
      plan.unseal_at_utc_ms = at_utc_ms;
    }
    return plan;
  }

  Result<json> plan() {
    DUDAO_TRY(VisitPlan plan, pattern());
    plan.school = text_of(params_, "school");
    plan.team = texts_of(params_, "team");
    plan.reason = text_of(params_, "reason");
    for (const std::string& name : texts_of(params_, "findings")) {
      DUDAO_TRY(FindingKey key, finding_from(name));
      plan.findings.push_back(std::move(key));
    }
    DUDAO_TRY(const auto ids, office_.plan(actor_, {plan}));
    return json{{"visit", to_hex(ids.front())}};
  }

  Result<json> visits() {
    const std::string state = text_of(params_, "state");
    const std::string school = text_of(params_, "school");
    const Table& visits = *find_table("visit");
    const Table& team = *find_table("team_member");
    json out = json::array();
    std::map<std::string, std::size_t> places;
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      DUDAO_TRY(const Reach reach, Reach::of(rows, unit_));
      DUDAO_CHECK(rows.each_row(visits, [&](const StoredRow& row) -> Status {
        if ((!state.empty() && text_in(visits, row, "state") != state) ||
            (!school.empty() && text_in(visits, row, "school") != school))
          return {};
        DUDAO_TRY(const bool within, reach.has_school(rows, text_in(visits, row, "school")));
        if (!within) return {};
        const std::string id = to_hex(std::get<Bytes>(row.cells[0]));
        places[id] = out.size();
        const std::string code = text_in(visits, row, "school");
        const ValueView key = std::string_view(code);
        DUDAO_TRY(const auto place, rows.row(*find_table("school"), std::span(&key, 1)));
        json one = {{"visit", id},
                    {"state", text_in(visits, row, "state")},
                    {"kind", text_in(visits, row, "kind")},
                    {"school", code},
                    {"school_name", place ? json(text_in(*find_table("school"), *place, "name")) : json()},
                    {"from", day_text(*integer_in(visits, row, "from_day"))},
                    {"to", day_text(*integer_in(visits, row, "to_day"))},
                    {"draw", cell_json(row.cells[visits.column("draw")])},
                    {"clock", cell_json(row.cells[visits.column("clock")])},
                    {"team", json::array()}};
        out.push_back(std::move(one));
        return {};
      }));
      return rows.each_row(team, [&](const StoredRow& row) -> Status {
        const auto found = places.find(to_hex(std::get<Bytes>(row.cells[0])));
        if (found == places.end() || !text_in(team, row, "recusal").empty()) return {};
        json& members = out[found->second]["team"];
        const std::string who = text_in(team, row, "inspector");
        if (text_in(team, row, "role") == "LEAD")
          members.insert(members.begin(), who);
        else
          members.push_back(who);
        return {};
      });
    }));
    return json{{"visits", std::move(out)}};
  }

  Result<Bytes> visit_id() const {
    const auto id = from_hex(text_of(params_, "visit"));
    if (!id || id->size() != 16) return fail(Code::kOptionWrong, "a visit is named by 32 hex digits");
    return *id;
  }

  Result<json> visit() {
    DUDAO_TRY(const Bytes id, visit_id());
    json out;
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      const Table& visits = *find_table("visit");
      const ValueView key = BytesView(id);
      DUDAO_TRY(const auto row, rows.row(visits, std::span(&key, 1)));
      if (!row) return fail(Code::kVisitUnknown, to_hex(id));
      out = row_json(visits, *row);
      for (const Table& table : synced_tables()) {
        if (table.scope != Scope::kVisit || table.name == "visit") continue;
        json& list = out[std::string(table.name)] = json::array();
        DUDAO_CHECK(rows.each_row_of_visit(table, id, 0, [&](const StoredRow& one) -> Status {
          json shown = row_json(table, one);
          shown.erase("visit");
          shown["log_index"] = one.clock.index;
          list.push_back(std::move(shown));
          return {};
        }));
      }
      return {};
    }));
    return out;
  }

  Result<json> visit_event() {
    DUDAO_TRY(const Bytes id, visit_id());
    DUDAO_CHECK(office_.visit_event(actor_, id, text_of(params_, "event"), text_of(params_, "item"),
                                    text_of(params_, "reason")));
    return visit();
  }

  // --- Findings.

  Result<json> findings() { return list_findings(office_, params_, today(), unit_); }
  Result<json> finding() { return show_finding(office_, params_, today()); }
  Result<json> finding_act() { return act_on_finding(office_, platform_.clock, actor_, params_, today()); }
  Result<json> school_code() {
    DUDAO_TRY(const Bytes id, visit_id());
    DUDAO_TRY(const Bytes code, offer_school_code(office_, platform_.clock, actor_, id));
    return json{{"visit", to_hex(id)}, {"code", to_hex(code)}, {"path", kSchoolPath}};
  }

  // --- Documents.

  Result<VisitRecord> visit_record() {
    DUDAO_TRY(const Bytes id, visit_id());
    std::optional<VisitRecord> out;
    DUDAO_CHECK(office_.read([&](Store& store) -> Status {
      VisitRows rows;
      rows.row = [&](const Table& table, std::span<const ValueView> key) -> Result<std::optional<std::vector<Value>>> {
        DUDAO_TRY(auto found, store.row(table, key));
        if (!found) return std::optional<std::vector<Value>>();
        return std::optional(std::move(found->cells));
      };
      rows.of_visit = [&](const Table& table, const auto& take) {
        return store.each_row_of_visit(table, id, 0, [&](const StoredRow& row) { return take(row.cells); });
      };
      DUDAO_TRY(out, read_visit(id, rows));
      return {};
    }));
    return *std::move(out);
  }

  /// What the office adds to a document beside its feedback sheet.
  Result<IssueWords> issue_words(DocumentKind kind) const {
    IssueWords words;
    words.day = today();
    if (!text_of(params_, "date").empty()) {
      DUDAO_TRY(words.day, day_param(params_, "date"));
    }
    if (!text_of(params_, "due").empty()) {
      DUDAO_TRY(words.due_day, day_param(params_, "due"));
    }
    const std::string year = date_text(words.day).substr(0, 4);
    words.number =
        document_number(text_of(params_, "word"), kind, std::stoll(year), params_.at("number").get<std::int64_t>());
    words.issuer = text_of(params_, "issuer");
    words.addressee = text_of(params_, "addressee");
    words.basis = text_of(params_, "basis");
    words.text = text_of(params_, "text");
    return words;
  }

  Result<Document> written(DocumentKind kind) {
    const bool chinese = text_of(params_, "language", "zh") == "zh";
    DUDAO_TRY(const VisitRecord visit, visit_record());
    if (kind == DocumentKind::kFeedback) return feedback_sheet(visit, chinese);
    DUDAO_TRY(const IssueWords words, issue_words(kind));
    if (kind == DocumentKind::kNotice) return rectification_notice(visit, words, chinese);
    return kind == DocumentKind::kOpinion ? opinion_letter(visit, words, chinese)
                                          : inspection_report(visit, words, chinese);
  }

  Result<json> document() {
    const auto kind = document_kind_from(text_of(params_, "kind"));
    if (!kind) return fail(Code::kInternal, "kind");
    DUDAO_TRY(const Document document, written(*kind));
    json out = {{"kind", std::string(to_string(*kind))},
                {"title", document.head().title},
                {"number", document.head().number},
                {"date", document.head().date},
                {"hash", to_hex(document.hash())}};
    if (params_.value("html", false)) {
      out["content"] = to_base64(view(document_html(document)));
      return out;
    }
    DUDAO_TRY(const Bytes pdf, document_pdf(document));
    out["content"] = to_base64(pdf);
    return out;
  }

  // --- Draws.

  /// The unit of the wanted level that a school belongs to, or the nearest one above it; "NONE" without any.
  static std::string stratum_of(const std::map<std::string, OrgUnit>& units, std::string at, const std::string& level) {
    std::string newest = at.empty() ? "NONE" : at;
    for (int steps = 0; steps < 10; ++steps) {
      const auto unit = units.find(at);
      if (unit == units.end()) break;
      newest = at;
      if (unit->second.level == level || !unit->second.parent) break;
      at = *unit->second.parent;
    }
    return newest;
  }

  Result<json> draw_freeze() {
    const std::string draw = text_of(params_, "draw");
    const std::string by = text_of(params_, "by", "none");
    const std::int64_t interval_days = params_.value("interval_days", std::int64_t{0});
    const auto team = params_.value("team", std::uint32_t{2});
    DUDAO_TRY(const auto known, known_units());
    std::map<std::string, OrgUnit> units;
    for (const OrgUnit& unit : known) units.emplace(unit.code, unit);
    const std::int64_t now_day = today();

    std::vector<FrameEntry> frame;
    std::vector<PoolEntry> pool;
    std::vector<Recusal> recusals;
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      std::set<std::string> planned;
      std::map<std::string, std::int64_t> visited;  // newest day
      const Table& visits = *find_table("visit");
      DUDAO_CHECK(rows.each_row(visits, [&](const StoredRow& row) -> Status {
        const auto state = visit_state_from(text_in(visits, row, "state"));
        const std::string school = text_in(visits, row, "school");
        if (!state || *state == VisitState::kCancelled) return {};
        if (*state < VisitState::kSubmitted) {
          planned.insert(school);
        } else {
          std::int64_t& day = visited[school];
          day = std::max(day, *integer_in(visits, row, "to_day"));
        }
        return {};
      }));
      const Table& schools = *find_table("school");
      std::set<std::string> framed;
      DUDAO_TRY(const Reach reach, Reach::of(rows, unit_));
      DUDAO_CHECK(rows.each_row(schools, [&](const StoredRow& row) -> Status {
        if (!reach.has_unit(text_in(schools, row, "org_unit"))) return {};
        FrameEntry entry;
        entry.school = text_in(schools, row, "code");
        const std::string stages = text_in(schools, row, "stages");
        entry.stratum = by == "none"    ? "ALL"
                        : by == "stage" ? (stages.empty() ? "NONE" : stages.substr(0, stages.find(',')))
                                        : stratum_of(units, text_in(schools, row, "org_unit"), by);
        entry.weight = static_cast<std::uint32_t>(integer_in(schools, row, "weight").value_or(1));
        const auto last = visited.find(entry.school);
        entry.status = text_in(schools, row, "status") != "OPEN"                         ? FrameStatus::kClosed
                       : planned.contains(entry.school)                                  ? FrameStatus::kAlreadyPlanned
                       : last != visited.end() && last->second + interval_days > now_day ? FrameStatus::kMinimumInterval
                                                                                         : FrameStatus::kEligible;
        framed.insert(entry.school);
        frame.push_back(std::move(entry));
        return {};
      }));
      const Table& inspectors = *find_table("inspector");
      std::set<std::string> pooled;
      DUDAO_CHECK(rows.each_row(inspectors, [&](const StoredRow& row) -> Status {
        const auto until = integer_in(inspectors, row, "credential_until_day");
        if (text_in(inspectors, row, "status") != "ACTIVE" || (until && *until < now_day)) return {};
        const std::string code = text_in(inspectors, row, "code");
        pool.push_back({code, static_cast<std::uint32_t>(*integer_in(inspectors, row, "capacity")),
                        *integer_in(inspectors, row, "lead") != 0});
        pooled.insert(code);
        return {};
      }));
      const Table& conflicts = *find_table("conflict_of_interest");
      return rows.each_row(conflicts, [&](const StoredRow& row) -> Status {
        const auto until = integer_in(conflicts, row, "until_day");
        Recusal recusal{text_in(conflicts, row, "inspector"), text_in(conflicts, row, "school"), 5};
        const std::string reason = text_in(conflicts, row, "reason");
        if (reason.size() == 2 && reason[1] >= '1' && reason[1] <= '5')
          recusal.reason = static_cast<std::uint8_t>(reason[1] - '0');
        if ((!until || *until >= now_day) && pooled.contains(recusal.inspector) && framed.contains(recusal.school))
          recusals.push_back(std::move(recusal));
        return {};
      });
    }));

    // "3" for every stratum, or "990121=3" for one; strata without a quota draw nobody.
    std::uint32_t each = 0;
    std::map<std::string, std::uint32_t> quotas;
    for (const std::string& typed : texts_of(params_, "quota")) {
      const std::size_t equals = typed.find('=');
      const std::string number = equals == std::string::npos ? typed : typed.substr(equals + 1);
      if (number.empty() || number.size() > 6 || number.find_first_not_of("0123456789") != std::string::npos)
        return fail(Code::kOptionWrong, "--quota " + typed);
      const auto schools = static_cast<std::uint32_t>(std::stoul(number));
      if (equals == std::string::npos)
        each = schools;
      else
        quotas[typed.substr(0, equals)] = schools;
    }
    std::set<std::string> strata;
    for (const FrameEntry& entry : frame) strata.insert(entry.stratum);
    std::vector<DrawManifest::Quota> list;
    for (const std::string& stratum : strata) {
      const auto own = quotas.find(stratum);
      list.push_back({stratum, own == quotas.end() ? each : own->second});
    }
    for (const auto& [stratum, schools] : quotas)
      if (!strata.contains(stratum))
        return fail(Code::kOptionWrong, "--quota " + stratum + ": there is no such stratum");
    DUDAO_TRY(const DrawFiles files, freeze_draw(draw, list, team, text_of(params_, "event"), frame, pool, recusals));
    json counted = json::array();
    for (const auto& quota : list) {
      const auto of = [&](bool eligible) {
        return std::count_if(frame.begin(), frame.end(), [&](const FrameEntry& entry) {
          return entry.stratum == quota.stratum && (entry.status == FrameStatus::kEligible) == eligible;
        });
      };
      counted.push_back(
          {{"stratum", quota.stratum}, {"quota", quota.schools}, {"eligible", of(true)}, {"excluded", of(false)}});
    }
    return json{{"draw", draw},
                {"strata", std::move(counted)},
                {"inspectors", pool.size()},
                {"recusals", recusals.size()},
                {"files",
                 {{"manifest.txt", files.manifest},
                  {"frame.txt", files.frame},
                  {"pool.txt", files.pool},
                  {"recuse.txt", files.recuse}}}};
  }

  Result<json> draw_commit() {
    const json& given = params_.at("files");
    const DrawFiles files{given.at("manifest.txt"), given.at("frame.txt"), given.at("pool.txt"),
                          given.at("recuse.txt")};
    DUDAO_TRY(const DrawManifest manifest, parse_manifest(files.manifest));
    DUDAO_CHECK(office_.commit_draw(actor_, manifest.draw, files));
    DUDAO_TRY(const auto publication, office_.draw_publication(manifest.draw));
    json out = {
        {"draw", manifest.draw}, {"manifest_hash", to_hex(manifest_hash(files.manifest))}, {"event", manifest.entropy}};
    for (const auto& [name, content] : publication)
      if (name == "commitment.txt") out["commitment"] = content.substr(0, content.find('\n'));
    return out;
  }

  Result<json> draw_run() {
    VisitPlan plan;
    DUDAO_TRY(plan, pattern());
    std::string entropy = text_of(params_, "numbers");
    if (params_.contains("sources")) {
      DUDAO_TRY(entropy, canonical_entropy(params_.at("sources").get<std::vector<std::vector<std::uint64_t>>>()));
    }
    const std::string code = text_of(params_, "draw");
    DUDAO_TRY(const Draw draw, office_.run_draw(actor_, code, entropy, plan));
    DUDAO_TRY(const json schools, rows_of("school"));
    std::map<std::string, std::string> names;
    for (const json& school : schools) names[school.at("code")] = school.at("name");
    json drawn = json::array();
    for (const DrawnStratum& stratum : draw.strata()) {
      for (const DrawnSchool& school : stratum.schools) {
        if (school.state != DrawnState::kSelected) continue;
        const std::string& place = draw.inputs().frame[school.school].school;
        const auto lead = draw.lead_of(school);
        json team = json::array();
        if (lead) team.push_back(draw.inputs().pool[*lead].inspector);
        for (const std::uint32_t member : school.team)
          if (member != lead) team.push_back(draw.inputs().pool[member].inspector);
        drawn.push_back(
            {{"stratum", stratum.stratum}, {"school", place}, {"school_name", names[place]}, {"team", team}});
      }
    }
    return json{{"draw", code}, {"numbers", entropy}, {"schools", std::move(drawn)}};
  }

  Result<json> draw_reveal() {
    const std::string code = text_of(params_, "draw");
    DUDAO_CHECK(office_.reveal_draw(actor_, code));
    return json{{"draw", code}};
  }

  Result<json> draw_void() {
    const std::string code = text_of(params_, "draw");
    DUDAO_CHECK(office_.void_draw(actor_, code, text_of(params_, "reason")));
    return json{{"draw", code}};
  }

  Result<json> draw_files() {
    const std::string code = text_of(params_, "draw");
    DUDAO_TRY(const auto publication, office_.draw_publication(code));
    json files = json::object();
    for (const auto& [name, content] : publication) files[name] = content;
    return json{{"draw", code}, {"files", std::move(files)}};
  }

  Result<json> draws() {
    DUDAO_TRY(json rows, rows_of("draw"));
    for (json& row : rows) row.erase("manifest");
    return json{{"draws", std::move(rows)}};
  }

  // --- Devices.

  Result<json> enrol_offer() {
    const std::string inspector = text_of(params_, "inspector");
    DUDAO_TRY(const Bytes code, office_.offer_enrolment(actor_, inspector));
    return json{{"inspector", inspector}, {"code", to_hex(code)}, {"office_key", to_hex(office_.key().thumbprint())}};
  }

  /// Those of whom the caller may know.
  Result<std::set<std::string>> inspectors_seen(std::set<std::string> inspectors) {
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      DUDAO_TRY(const Reach reach, Reach::of(rows, unit_));
      for (auto at = inspectors.begin(); at != inspectors.end();) {
        DUDAO_TRY(const bool within, reach.has_inspector(rows, *at));
        at = within ? std::next(at) : inspectors.erase(at);
      }
      return {};
    }));
    return inspectors;
  }
  Result<std::set<std::string>> inspectors_seen(const std::vector<Device>& devices) {
    std::set<std::string> all;
    for (const Device& device : devices) all.insert(device.inspector);
    return inspectors_seen(std::move(all));
  }

  Result<json> enrol_list() {
    DUDAO_TRY(const auto waiting, office_.pending_enrolments());
    std::set<std::string> claimed;
    for (const PendingEnrolment& one : waiting) claimed.insert(one.inspector);
    DUDAO_TRY(const auto seen, inspectors_seen(std::move(claimed)));
    json out = json::array();
    for (const PendingEnrolment& one : waiting)
      if (seen.contains(one.inspector))
        out.push_back({{"thumbprint", one.thumbprint}, {"device_name", one.device_name}, {"inspector", one.inspector}});
    return json{{"waiting", std::move(out)}};
  }

  /// The thumbprint may be shortened to what is unique, but not below 8 digits: the inspector reads it out.
  Result<json> enrol_approve() {
    const std::string typed = plain_thumbprint(text_of(params_, "thumbprint"));
    if (typed.size() < 8) return fail(Code::kOptionWrong, "at least the first 8 digits of the fingerprint");
    DUDAO_TRY(const auto waiting, office_.pending_enrolments());
    const PendingEnrolment* found = nullptr;
    for (const PendingEnrolment& one : waiting) {
      if (!one.thumbprint.starts_with(typed)) continue;
      if (found) return fail(Code::kOptionWrong, "several devices begin with " + typed);
      found = &one;
    }
    if (!found) return fail(Code::kEnrolmentUnknown, typed);
    const std::string inspector = text_of(params_, "inspector", found->inspector);
    DUDAO_TRY(const std::int64_t number, office_.approve_enrolment(actor_, found->thumbprint, inspector));
    return json{{"device", number}, {"inspector", inspector}, {"thumbprint", found->thumbprint}};
  }

  Result<json> devices() {
    DUDAO_TRY(const auto all, office_.devices());
    DUDAO_TRY(const auto seen, inspectors_seen(all));
    json out = json::array();
    for (const Device& device : all) {
      if (!seen.contains(device.inspector)) continue;
      json one = {{"device", device.no},
                  {"inspector", device.inspector},
                  {"name", device.name},
                  {"state", to_string(device.state)},
                  {"thumbprint", to_hex(device.key.thumbprint())},
                  {"statements", device.head_seq},
                  {"expires_utc", utc_text(device.expires_utc_s * 1000)}};
      if (device.cut_seq) one["cut"] = *device.cut_seq;
      if (!device.reason.empty()) one["reason"] = device.reason;
      out.push_back(std::move(one));
    }
    return json{{"devices", std::move(out)}};
  }

  Result<json> revoke() {
    const auto device = params_.at("device").get<std::int64_t>();
    DUDAO_CHECK(office_.revoke(actor_, device, text_of(params_, "reason")));
    return json{{"device", device}};
  }

  Result<json> quarantine() {
    DUDAO_TRY(const auto kept, office_.quarantine());
    DUDAO_TRY(const auto devices, office_.devices());
    DUDAO_TRY(const auto seen, inspectors_seen(devices));
    std::set<std::int64_t> numbers;
    for (const Device& device : devices)
      if (seen.contains(device.inspector)) numbers.insert(device.no);
    json out = json::array();
    for (const Quarantined& one : kept)
      if (unit_.empty() || numbers.contains(one.device))
        out.push_back({{"id", to_hex(one.id)},
                       {"device", one.device},
                       {"seq", one.seq},
                       {"code", one.code},
                       {"english", find_code(one.code) ? find_code(one.code)->english : ""},
                       {"chinese", find_code(one.code) ? find_code(one.code)->chinese : ""},
                       {"received_utc", utc_text(one.received_utc_ms)},
                       {"bytes", one.bytes.size()}});
    return json{{"quarantine", std::move(out)}};
  }

  // --- Figures.

  Result<StatisticKind> statistic_kind() const {
    const std::string name = text_of(params_, "statistic");
    const auto kind = statistic_kind_from(name);
    if (!kind) return fail(Code::kOptionWrong, "there is no statistic " + name.substr(0, 40));
    return *kind;
  }
  Result<StatisticScope> statistic_scope() const {
    StatisticScope scope;
    scope.unit = text_of(params_, "unit");
    if (scope.unit.empty()) scope.unit = unit_;
    scope.level = text_of(params_, "level");
    if (!text_of(params_, "from").empty()) {
      DUDAO_TRY(scope.from_day, day_param(params_, "from"));
    }
    if (!text_of(params_, "to").empty()) {
      DUDAO_TRY(scope.to_day, day_param(params_, "to"));
    }
    if (text_of(params_, "today").empty()) {
      scope.today = local_day(platform_.clock.wall_utc_ms(), platform_.clock.utc_offset_min());
    } else {
      DUDAO_TRY(scope.today, day_param(params_, "today"));
    }
    if (params_.contains("large")) scope.large_school_pupils = params_.at("large").get<std::int64_t>();
    return scope;
  }
  /// Codes are what is counted by; people know the names.
  Result<json> names_in(const Statistic& counted) {
    static constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
        {"unit", "org_unit"}, {"school", "school"}, {"inspector", "inspector"}};
    json out = json::object();
    for (const auto& named : kNamed) {
      const std::string group(named.first);
      const auto at = std::find(counted.groups.begin(), counted.groups.end(), group);
      if (at == counted.groups.end()) continue;
      const Table& table = *find_table(named.second);
      DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
        for (const StatisticLine& line : counted.lines) {
          const std::string& code = line.group[static_cast<std::size_t>(at - counted.groups.begin())];
          const ValueView key = std::string_view(code);
          DUDAO_TRY(const auto row, rows.row(table, std::span(&key, 1)));
          if (row) out[group][code] = text_in(table, *row, "name");
        }
        return {};
      }));
    }
    return out;
  }

  Result<json> statistics() {
    DUDAO_TRY(const StatisticKind kind, statistic_kind());
    DUDAO_TRY(const StatisticScope scope, statistic_scope());
    Statistic counted;
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      DUDAO_TRY(counted, count_statistic(rows, kind, scope));
      return {};
    }));
    DUDAO_TRY(json names, names_in(counted));
    json lines = json::array();
    for (const StatisticLine& line : counted.lines) {
      json figures = json::array();
      for (const Figure& figure : line.figures) figures.push_back(figure.value);
      lines.push_back({{"group", line.group}, {"figures", std::move(figures)}});
    }
    return json{{"statistic", std::string(to_string(kind))},
                {"today", day_text(scope.today)},
                {"groups", counted.groups},
                {"measures", counted.measures},
                {"lines", std::move(lines)},
                {"names", std::move(names)}};
  }

  /// From one figure to the signed statements under it.
  Result<json> explain() {
    DUDAO_TRY(const StatisticKind kind, statistic_kind());
    DUDAO_TRY(const StatisticScope scope, statistic_scope());
    const std::string measure = text_of(params_, "measure");
    const auto group = texts_of(params_, "group");
    Figure figure;
    std::vector<StatementUnder> under;
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      DUDAO_TRY(const Statistic counted, count_statistic(rows, kind, scope));
      const auto at = std::find(counted.measures.begin(), counted.measures.end(), measure);
      if (at == counted.measures.end())
        return fail(Code::kOptionWrong, std::string(to_string(kind)) + " has no measure " + measure.substr(0, 40));
      const auto line = std::find_if(counted.lines.begin(), counted.lines.end(),
                                     [&](const StatisticLine& one) { return one.group == group; });
      if (line == counted.lines.end()) return fail(Code::kOptionWrong, "there is no line of this --group");
      figure = line->figures[static_cast<std::size_t>(at - counted.measures.begin())];
      DUDAO_TRY(under, statements_under(rows, figure.rows));
      return {};
    }));
    DUDAO_TRY(const auto all, office_.devices());
    std::map<std::int64_t, std::string> inspectors;
    for (const Device& device : all) inspectors[device.no] = device.inspector;
    json statements = json::array();
    for (const StatementUnder& one : under) {
      json shown = {{"index", one.index},
                    {"id", to_hex(one.id)},
                    {"registered_utc", utc_text(one.registered_utc_ms)},
                    {"device", one.author == kOfficeAuthor ? json() : json(one.author)},
                    {"inspector", one.author == kOfficeAuthor ? json() : json(inspectors[one.author])},
                    {"rows", one.rows}};
      statements.push_back(std::move(shown));
    }
    return json{{"value", figure.value}, {"rows", figure.rows.size()}, {"statements", std::move(statements)}};
  }

  /// Every row with the statements that made it, a line each.
  Result<json> export_records() {
    const std::string path = text_of(params_, "path");
    std::string out;
    std::uint64_t count = 0;
    DUDAO_CHECK(office_.read([&](Store& rows) -> Status {
      for (const Table& table : synced_tables()) {
        DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
          json line = {
              {"table", std::string(table.name)}, {"row", row_json(table, row)}, {"statements", json::array()}};
          DUDAO_TRY(const auto indices, written_by(rows, table, row));
          for (const std::int64_t index : indices) {
            DUDAO_TRY(const auto entry, rows.entry(index));
            if (!entry) return fail(Code::kLedgerBroken, std::to_string(index));
            line["statements"].push_back({{"index", index}, {"id", to_hex(entry->id)}});
          }
          out += line.dump() + "\n";
          ++count;
          return {};
        }));
      }
      return {};
    }));
    DUDAO_CHECK(platform_.files.write(path, view(out)));
    return json{{"path", path}, {"records", count}, {"bytes", out.size()}};
  }

  // --- The ledger.

  Result<json> export_ledger() {
    const std::string path = text_of(params_, "path");
    Bytes file;
    DUDAO_CHECK(office_.export_ledger([&](BytesView piece) -> Status {
      append(file, piece);
      return {};
    }));
    DUDAO_CHECK(platform_.files.write(path, file));
    return json{{"path", path}, {"bytes", file.size()}, {"office_key", to_hex(office_.key().thumbprint())}};
  }

  Result<json> rebuild() {
    DUDAO_CHECK(office_.rebuild());
    return json{{"equal", true}};
  }

  Result<json> backup() {
    const std::string path = text_of(params_, "path");
    if (platform_.files.exists(path)) return fail(Code::kOptionWrong, path + " exists already");
    // Under its name it is whole: a copy that was cut short must not pass for a backup.
    const std::string part = path + ".part";
    DUDAO_CHECK(platform_.files.remove(part));
    const Status copied = office_.backup(part);
    if (!copied) {
      static_cast<void>(platform_.files.remove(part));
      return fail(copied.error());
    }
    DUDAO_CHECK(platform_.files.move(part, path));
    return json{{"path", path}};
  }

  Platform& platform_;
  Office& office_;
  bool serving_;
  const json& params_;
  const AdminProgress& progress_;
  std::string actor_;
  std::string unit_;
};

std::string AdminCall::text(const char* name) const { return text_of(params, name); }
std::vector<std::string> AdminCall::texts(const char* name) const { return texts_of(params, name); }
Result<std::int64_t> AdminCall::day(const char* name, std::int64_t otherwise) const {
  if (text(name).empty()) return otherwise;
  return day_param(params, name);
}

namespace {

const auto& areas() {
  static const std::array all = {&inspector_methods(), &jurisdiction_methods(), &people_methods(), &plan_methods(),
                                 &proceeding_methods()};
  return all;
}

}  // namespace

std::vector<std::string_view> Admin::methods() {
  std::vector<std::string_view> out;
  for (const auto& [name, method] : AdminMethods::table()) out.push_back(name);
  for (const AdminArea* area : areas())
    for (const auto& [name, method] : *area) out.push_back(name);
  return out;
}

Result<json> Admin::call(std::string_view method, const json& params, const AdminProgress& progress) {
  try {
    const auto in_area = [&]() -> AdminArea::mapped_type {
      for (const AdminArea* area : areas())
        if (const auto own = area->find(method); own != area->end()) return own->second;
      return nullptr;
    }();
    const auto found = AdminMethods::table().find(method);
    if (in_area == nullptr && found == AdminMethods::table().end())
      return fail(Code::kInternal, "method " + std::string(method.substr(0, 40)));
    DUDAO_TRY(const Admitted admitted, admit(office_, logins_, method, params));
    const AdminCall call{platform_,
                         office_,
                         params,
                         admitted.actor,
                         day_of(platform_.clock.wall_utc_ms(), platform_.clock.utc_offset_min()),
                         logins_,
                         admitted.caller ? admitted.caller->person.unit : std::string(),
                         admitted.caller ? &*admitted.caller : nullptr,
                         admitted.token};
    if (in_area != nullptr) return in_area(call);
    AdminMethods methods(*this, call, progress);
    return (methods.*found->second)();
  } catch (const json::exception& error) {
    return fail(Code::kInternal, error.what());
  }
}

}  // namespace dudao
