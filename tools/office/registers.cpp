/// Registers that come as CSV: the organisation tree, schools, inspectors, zones, reasons to recuse. Methods of
/// admin.hpp and their commands.

#include "schema/register_import.hpp"
#include "sync/office/inspectors.hpp"
#include "sync/office/rows.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"

#include <algorithm>
#include <memory>
#include <set>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kShownRefusals = 1'000;

std::vector<Value> zone_cells(const InspectorSchool& z) { return {z.inspector, z.school, or_null(z.until_day)}; }
std::vector<Value> conflict_cells(const InspectorSchool& c) {
  return {c.inspector, c.school, c.reason ? Value(*c.reason) : Value(), or_null(c.until_day)};
}

struct Taken {
  std::size_t fresh = 0, changed = 0, same = 0;
  std::vector<std::int64_t> indices;
};

/// One decision: rows that are not there yet are inserted, those that differ are changed, the others left alone.
Result<Taken> take_rows(const AdminCall& call,
                        const std::vector<std::pair<std::string_view, std::vector<std::vector<Value>>>>& tables) {
  Taken taken;
  std::uint64_t all = 0;
  for (const auto& [name, rows] : tables) all += rows.size();
  const auto build = [&](Store& store) -> Result<ChangesBuilder> {
    ChangesBuilder out;
    DUDAO_TRY(const Reach reach, Reach::of(store, call.unit));
    std::uint64_t done = 0;
    for (const auto& [name, rows] : tables) {
      const Table& table = *find_table(name);
      for (const std::vector<Value>& cells : rows) {
        std::vector<ValueView> key;
        for (std::size_t i = 0; i < table.key_columns; ++i) key.push_back(as_view(cells[i]));
        DUDAO_TRY(const auto before, store.row(table, key));
        DUDAO_TRY(const bool within, reach.has_row(store, table, cells));
        if (!within) return fail(Code::kOutsideUnit, std::string(name) + " " + readable_key(table, key));
        if (++done % 1'000 == 0 || done == all) call.progress("rows", done, all);
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
  };
  DUDAO_TRY(taken.indices, call.office.decide(call.actor, "register.import", build));
  return taken;
}

template <class Record>
json report(const Import<Record>& read, const Taken& taken, const std::vector<Error>& unknown = {}) {
  json refused = json::array();
  for (const RefusedRow& row : read.refused) {
    if (refused.size() == kShownRefusals) break;
    refused.push_back(error_json(row.error));
    refused.back()["line"] = row.line;
  }
  for (const Error& error : unknown) {
    if (refused.size() == kShownRefusals) break;
    refused.push_back(error_json(error));
  }
  return {{"rows", read.rows},
          {"new", taken.fresh},
          {"changed", taken.changed},
          {"unchanged", taken.same},
          {"refused", refused},
          {"refused_rows", read.refused.size() + unknown.size()},
          {"statements", taken.indices.size()}};
}

Result<std::set<std::string>> codes(Office& office, std::string_view name) {
  std::set<std::string> out;
  DUDAO_CHECK(office.read([&](Store& rows) {
    return rows.each_row(*find_table(name), [&](const StoredRow& row) -> Status {
      out.insert(std::get<std::string>(row.cells[0]));
      return {};
    });
  }));
  return out;
}

Result<json> import_register(const AdminCall& call) {
  const std::string kind = call.text("kind");
  const auto bytes = from_base64(call.text("content"));
  if (!bytes) return fail(Code::kInternal, "content");
  const std::string_view content = text(*bytes);
  const TextEncoding encoding =
      call.text("encoding", "utf-8") == "gb18030" ? TextEncoding::kGb18030 : TextEncoding::kUtf8;
  DUDAO_TRY(const ColumnMap map, ColumnMap::parse(call.texts("map")));
  std::vector<std::vector<Value>> rows;
  if (kind == "org-units") {
    DUDAO_TRY(const auto known, known_units(call.office));
    DUDAO_TRY(const auto read, import_org_units(content, encoding, map, known));
    for (const OrgUnit& unit : read.records) rows.push_back(row_of(unit));
    DUDAO_TRY(const Taken taken, take_rows(call, {{"org_unit", rows}}));
    return report(read, taken);
  }
  if (kind == "schools") {
    SchoolImportOptions options;
    DUDAO_TRY(options.known, known_units(call.office));
    options.root = call.text("root");
    options.make_units = call.params.value("make_units", false);
    DUDAO_TRY(const SchoolImport read, import_schools(content, encoding, map, options));
    std::vector<std::vector<Value>> units;
    for (const OrgUnit& unit : read.made_units) units.push_back(row_of(unit));
    for (const School& school : read.records) rows.push_back(row_of(school));
    DUDAO_TRY(const Taken taken, take_rows(call, {{"org_unit", units}, {"school", rows}}));
    json out = report(read, taken);
    out["new"] = taken.fresh - units.size();  // what the tree lacked cannot have been there
    out["made_units"] = units.size();
    return out;
  }
  if (kind == "inspectors") {
    DUDAO_TRY(const auto read, import_inspectors(content, encoding, map));
    for (const Inspector& inspector : read.records) rows.push_back(row_of(inspector));
    DUDAO_TRY(const Taken taken, take_rows(call, {{"inspector", rows}}));
    return report(read, taken);
  }
  const bool zones = kind == "zones";
  if (!zones && kind != "conflicts") return fail(Code::kInternal, "kind " + kind);
  DUDAO_TRY(const auto read, zones ? import_zones(content, encoding, map) : import_conflicts(content, encoding, map));
  DUDAO_TRY(const auto inspectors, codes(call.office, "inspector"));
  DUDAO_TRY(const auto schools, codes(call.office, "school"));
  std::vector<Error> unknown;
  for (const InspectorSchool& pair : read.records) {
    if (!inspectors.contains(pair.inspector))
      unknown.push_back({Code::kInspectorUnknown, pair.inspector});
    else if (!schools.contains(pair.school))
      unknown.push_back({Code::kSchoolUnknown, pair.school});
    else
      rows.push_back(zones ? zone_cells(pair) : conflict_cells(pair));
  }
  DUDAO_TRY(const Taken taken, take_rows(call, {{zones ? "zone" : "conflict_of_interest", rows}}));
  return report(read, taken, unknown);
}

struct RegisterOptions {
  std::string path, encoding, root;
  std::vector<std::string> map;
  bool make_units = false;
};

int take_in(const OfficeCommands& at, const RegisterOptions& given, const std::string& kind) {
  const auto params = [&]() -> Result<json> {
    DUDAO_TRY(const Bytes content, at.read(given.path, kMaxImportBytes));
    std::vector<std::string> assignments;
    for (const std::string& typed : given.map) {
      if (typed.find('=') != std::string::npos) {
        assignments.push_back(typed);
        continue;
      }
      DUDAO_TRY(const Bytes file, at.read(typed));
      const std::string lines(text(file));
      for (std::size_t from = 0; from < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', from), lines.size());
        std::string line = lines.substr(from, end - from);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!line.empty() && line.front() != '#') assignments.push_back(std::move(line));
        from = end + 1;
      }
    }
    return json{
        {"kind", kind},       {"content", to_base64(content)}, {"encoding", given.encoding}, {"map", assignments},
        {"root", given.root}, {"make_units", given.make_units}};
  }();
  if (!params) return at.console.fail(params.error());
  return at.tell("import", *params, [&](const json& done) {
    for (const json& row : done.at("refused")) {
      std::string line = at.tr("  refused", "  拒收");
      if (row.contains("line"))
        line += at.tr(" line ", " 第 ") + std::to_string(row.at("line").get<std::size_t>()) + at.tr("", " 行");
      at.say(line + ": " + std::to_string(row.at("code").get<int>()) + " " +
             row.at(at.console.chinese() ? "chinese" : "english").get<std::string>() +
             (row.at("detail").get<std::string>().empty() ? "" : " (" + row.at("detail").get<std::string>() + ")"));
    }
    if (const std::size_t left = done.at("refused_rows").get<std::size_t>() - done.at("refused").size(); left > 0)
      at.say(at.tr("  and more that are not listed: ", "  另有未列出的拒收行：") + std::to_string(left));
    if (done.contains("made_units") && done.at("made_units") != 0)
      at.say(at.tr("Units of the organisation tree made on the way: ", "同时新建机构：") +
             done.at("made_units").dump());
    at.say(at.tr("Rows read ", "读取 ") + done.at("rows").dump() + at.tr(": new ", " 行：新增 ") +
           done.at("new").dump() + at.tr(", changed ", "，更新 ") + done.at("changed").dump() +
           at.tr(", as before ", "，不变 ") + done.at("unchanged").dump() + at.tr(", refused ", "，拒收 ") +
           done.at("refused_rows").dump());
  });
}

void add_import(CLI::App& app, const OfficeCommands& office, const std::shared_ptr<RegisterOptions>& given,
                const char* name, const char* kind, std::string_view english, std::string_view chinese,
                std::string_view examples) {
  const auto* const at = &office;
  CLI::App* command = office.add(
      app, name, english, chinese, [=] { return take_in(*at, *given, kind); }, examples);
  command->add_option("file", given->path, office.tr("CSV file", "CSV 文件"))->required();
  command
      ->add_option(
          "--map", given->map,
          office.tr("Which column holds which field: FIELD=HEADING or FIELD:=VALUE, or a file with one a line; may "
                    "be given several times",
                    "字段对应：字段=表头 或 字段:=固定值，或每行一项的文件；可多次给出"))
      ->required()
      ->allow_extra_args(false);
  command->add_option("--encoding", given->encoding, office.tr("utf-8 or gb18030", "utf-8 或 gb18030"))
      ->check(CLI::IsMember({"utf-8", "gb18030"}))
      ->default_val("utf-8");
  if (std::string_view(kind) == "schools") {
    command->add_option("--root", given->root,
                        office.tr("Unit at which paths of names begin", "名称路径的起始机构代码"));
    command->add_flag("--make-units", given->make_units,
                      office.tr("Make units that a path names and the tree lacks", "自动新建路径中缺少的机构"));
  }
}

}  // namespace

const AdminArea& register_methods() {
  static const AdminArea methods = {{"import", import_register}};
  return methods;
}

void add_register_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<RegisterOptions>();
  add_import(app, office, given, "import-org-units", "org-units", "Take the organisation tree from CSV",
             "从 CSV 导入机构树", "dudao-office import-org-units units.csv --map units.columns");
  add_import(
      app, office, given, "import-schools", "schools", "Take schools from CSV", "从 CSV 导入学校",
      "dudao-office import-schools schools.csv --map schools.columns\ndudao-office import-schools schools.csv --map "
      "name=school_name --map 'place=province>city>area' --make-units\ndudao-office import-schools 学校.csv "
      "--encoding "
      "gb18030 --map code=学校标识码 --map name=学校名称 --map org_unit=单位代码");
  add_import(app, office, given, "import-inspectors", "inspectors", "Take inspectors from CSV", "从 CSV 导入督学",
             "dudao-office import-inspectors inspectors.csv --map inspectors.columns");
  add_import(app, office, given, "import-zones", "zones", "Take from CSV who answers for which school",
             "从 CSV 导入责任区", "dudao-office import-zones zones.csv --map zones.columns");
  add_import(app, office, given, "import-conflicts", "conflicts", "Take reasons to recuse from CSV",
             "从 CSV 导入回避情形", "dudao-office import-conflicts conflicts.csv --map conflicts.columns");
}

}  // namespace dudao
