#include "tools/office/admin.hpp"

#include "schema/answer.hpp"
#include "sync/office/rows.hpp"
#include "tools/console/console.hpp"
#include "tools/office/gate.hpp"

#include <array>
#include <map>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

// --- What belongs to the office as a whole.

Result<json> status(const AdminCall& call) {
  json out = {{"origin", call.office.origin()},
              {"office_key", to_hex(call.office.key().thumbprint())},
              {"serving", call.serving}};
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const std::int64_t statements, rows.size());
    out["statements"] = statements;
    out["database_bytes"] = rows.size_bytes();
    if (statements > 0) {
      DUDAO_TRY(const Batch batch, rows.batch_of(statements - 1));
      out["last_registered_utc"] = utc_text(batch.registered_utc_ms);
    }
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
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
  DUDAO_TRY(const auto devices, call.office.devices());
  DUDAO_TRY(const auto apart, call.office.quarantine());
  DUDAO_TRY(const auto waiting, call.office.pending_enrolments());
  out["devices"] = devices.size();
  out["quarantined"] = apart.size();
  out["enrolments_waiting"] = waiting.size();
  const OfficeCounters counters = call.office.counters();
  if (call.serving)
    out["since_start"] = {{"requests", counters.requests},
                          {"registered", counters.registered},
                          {"duplicates", counters.duplicates},
                          {"refused", counters.refused},
                          {"commits", counters.commits}};
  return out;
}

Result<json> export_ledger(const AdminCall& call) {
  const std::string path = call.text("path");
  Bytes file;
  DUDAO_CHECK(call.office.export_ledger([&](BytesView piece) -> Status {
    append(file, piece);
    return {};
  }));
  DUDAO_CHECK(call.platform.files.write(path, file));
  return json{{"path", path}, {"bytes", file.size()}, {"office_key", to_hex(call.office.key().thumbprint())}};
}

Result<json> rebuild(const AdminCall& call) {
  DUDAO_CHECK(call.office.rebuild());
  return json{{"equal", true}};
}

Result<json> backup(const AdminCall& call) {
  const std::string path = call.text("path");
  if (call.platform.files.exists(path)) return fail(Code::kOptionWrong, path + " exists already");
  // Under its name it is whole: a copy that was cut short must not pass for a backup.
  const std::string part = path + ".part";
  DUDAO_CHECK(call.platform.files.remove(part));
  const Status copied = call.office.backup(part);
  if (!copied) {
    static_cast<void>(call.platform.files.remove(part));
    return fail(copied.error());
  }
  DUDAO_CHECK(call.platform.files.move(part, path));
  return json{{"path", path}};
}

const AdminArea& own_methods() {
  static const AdminArea methods = {
      {"status", status}, {"export-ledger", export_ledger}, {"rebuild", rebuild}, {"backup", backup}};
  return methods;
}

const auto& areas() {
  static const std::array all = {
      &own_methods(),       &register_methods(), &checklist_methods(),    &visit_methods(), &finding_methods(),
      &inspector_methods(), &people_methods(),   &jurisdiction_methods(), &plan_methods(),  &proceeding_methods(),
      &document_methods(),  &draw_methods(),     &device_methods(),       &figure_methods()};
  return all;
}

AdminArea::mapped_type find_method(std::string_view name) {
  for (const AdminArea* area : areas())
    if (const auto found = area->find(name); found != area->end()) return found->second;
  return nullptr;
}

}  // namespace

std::string AdminCall::text(const char* name, std::string otherwise) const {
  const auto found = params.find(name);
  return found == params.end() || found->is_null() ? std::move(otherwise) : found->get<std::string>();
}

std::vector<std::string> AdminCall::texts(const char* name) const {
  return params.value(name, std::vector<std::string>());
}

Result<std::int64_t> AdminCall::day(const char* name) const {
  const auto day = day_from_date(text(name));
  if (!day) return fail(Code::kOptionWrong, "--" + std::string(name) + " takes a day like 2026-03-02");
  return *day;
}

Result<std::int64_t> AdminCall::day(const char* name, std::int64_t otherwise) const {
  if (text(name).empty()) return otherwise;
  return day(name);
}

Result<std::optional<std::int64_t>> AdminCall::given_day(const char* name) const {
  if (text(name).empty()) return std::optional<std::int64_t>();
  DUDAO_TRY(const std::int64_t found, day(name));
  return std::optional(found);
}

Result<Bytes> AdminCall::visit() const {
  const auto id = from_hex(text("visit"));
  if (!id || id->size() != 16) return fail(Code::kOptionWrong, "a visit is named by 32 hex digits");
  return *id;
}

json cell_json(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* words = std::get_if<std::string>(&value)) return *words;
  if (const auto* bytes = std::get_if<Bytes>(&value)) return to_hex(*bytes);
  return nullptr;
}

json row_json(const Table& table, const StoredRow& row) {
  json out = json::object();
  for (std::size_t i = 0; i < table.columns.size(); ++i) out[table.columns[i].name] = cell_json(row.cells[i]);
  return out;
}

json error_json(const Error& error) {
  return {{"code", static_cast<int>(error.code)},
          {"english", info(error.code).english},
          {"chinese", info(error.code).chinese},
          {"detail", error.detail}};
}

json text_or_null(std::string_view text) { return text.empty() ? json() : json(text); }

json date_or_null(const std::optional<std::int64_t>& day) { return day ? json(date_text(*day)) : json(); }

Result<std::vector<OrgUnit>> known_units(Office& office) {
  std::vector<OrgUnit> out;
  const Table& table = *find_table("org_unit");
  DUDAO_CHECK(office.read([&](Store& rows) {
    return rows.each_row(table, [&](const StoredRow& row) -> Status {
      OrgUnit unit{text_in(table, row, "code"), text_in(table, row, "name"), text_in(table, row, "level"), {}};
      if (const std::string parent = text_in(table, row, "parent"); !parent.empty()) unit.parent = parent;
      out.push_back(std::move(unit));
      return {};
    });
  }));
  return out;
}

std::vector<std::string_view> Admin::methods() {
  std::vector<std::string_view> out;
  for (const AdminArea* area : areas())
    for (const auto& [name, method] : *area) out.push_back(name);
  return out;
}

Result<json> Admin::call(std::string_view method, const json& params, const AdminProgress& progress) {
  try {
    const auto run = find_method(method);
    if (run == nullptr) return fail(Code::kInternal, "method " + std::string(method.substr(0, 40)));
    DUDAO_TRY(const Admitted admitted, admit(office_, logins_, method, params));
    return run({platform_, office_, params, admitted.actor,
                day_of(platform_.clock.wall_utc_ms(), platform_.clock.utc_offset_min()), logins_,
                admitted.caller ? admitted.caller->person.unit : std::string(),
                admitted.caller ? &*admitted.caller : nullptr, admitted.token, progress, serving_});
  } catch (const json::exception& error) {
    return fail(Code::kInternal, error.what());
  }
}

}  // namespace dudao
