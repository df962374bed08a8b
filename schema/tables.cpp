#include "schema/tables.hpp"

#include "schema/sql_text.hpp"

#include <algorithm>
#include <cassert>

namespace dudao {
namespace {

struct Declared {
  int id;
  std::string_view name;
  Scope scope;
  Writer writer;
  std::vector<std::string_view> device_may_update = {};
};

const std::vector<Declared>& declared() {
  static const std::vector<Declared> tables = {
      {1, "org_unit", Scope::kEverybody, Writer::kOffice},
      {2, "school", Scope::kSchool, Writer::kOffice},
      {3, "inspector", Scope::kInspector, Writer::kOffice},
      {4, "zone", Scope::kInspector, Writer::kOffice},
      {5, "conflict_of_interest", Scope::kInspector, Writer::kOffice},
      {6, "template", Scope::kEverybody, Writer::kOffice},
      {7, "campaign", Scope::kEverybody, Writer::kOffice},
      {8, "draw", Scope::kEverybody, Writer::kOffice},
      {9, "visit", Scope::kVisit, Writer::kOffice, {"state"}},
      {10, "team_member", Scope::kVisit, Writer::kOffice, {"recusal"}},
      {11, "question", Scope::kVisit, Writer::kOffice},
      {12, "visit_event", Scope::kVisit, Writer::kDevice},
      {13, "answer", Scope::kVisit, Writer::kDevice},
      {14, "finding", Scope::kVisit, Writer::kDevice},
      {15, "note", Scope::kVisit, Writer::kDevice},
      {16, "feedback", Scope::kVisit, Writer::kDevice},
      {17, "signature", Scope::kVisit, Writer::kDevice},
      {18, "class_draw", Scope::kVisit, Writer::kDevice},
      {19, "submission", Scope::kVisit, Writer::kDevice},
      {20, "amendment", Scope::kVisit, Writer::kDevice},
      {21, "disagreement", Scope::kVisit, Writer::kOffice},
      {22, "rectification", Scope::kVisit, Writer::kOffice},
      {23, "rectification_step", Scope::kVisit, Writer::kOffice},
      {24, "carried_finding", Scope::kVisit, Writer::kOffice},
      {25, "reinspection_result", Scope::kVisit, Writer::kDevice},
      {26, "policy", Scope::kEverybody, Writer::kOffice},
      {27, "deadline_book", Scope::kOffice, Writer::kOffice},
      {28, "inspector_profile", Scope::kInspector, Writer::kOffice},
      {29, "inspector_step", Scope::kInspector, Writer::kOffice},
      {30, "term_of_office", Scope::kInspector, Writer::kOffice},
      {31, "training", Scope::kInspector, Writer::kOffice},
      {32, "assessment", Scope::kInspector, Writer::kOffice},
      {33, "campaign_design", Scope::kEverybody, Writer::kOffice},
      {34, "sealed_assignment", Scope::kInspector, Writer::kOffice},
      {35, "person", Scope::kOffice, Writer::kOffice},
      {36, "proceeding", Scope::kOffice, Writer::kOffice},
      {37, "proceeding_step", Scope::kOffice, Writer::kOffice},
      {38, "rectification_photo", Scope::kVisit, Writer::kOffice},
      {39, "highlight", Scope::kVisit, Writer::kDevice},
  };
  return tables;
}

/// The records, and what the kind of database keeps besides.
struct Migration {
  std::string_view device[2];
  std::string_view office[2];
};
constexpr Migration kMigrations[] = {
    {{sql::kRecords1, sql::kDevice1}, {sql::kOfficeRecords1, sql::kOffice1}},
    {{sql::kRecords2, sql::kDevice2}, {sql::kOfficeRecords2, sql::kOffice2}},
};
static_assert(std::size(kMigrations) == kSchemaVersion);

Status migrate(Database& database, DatabaseKind kind, const std::string& path) {
  DUDAO_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version > kSchemaVersion) return fail(Code::kDatabaseNewer, path);
  for (auto step = static_cast<std::size_t>(version); step < std::size(kMigrations); ++step) {
    DUDAO_TRY(auto transaction, Transaction::begin(database));
    for (const std::string_view part :
         kind == DatabaseKind::kDevice ? kMigrations[step].device : kMigrations[step].office)
      DUDAO_CHECK(database.script(part));
    DUDAO_CHECK(database.script("PRAGMA user_version=" + std::to_string(step + 1)));
    DUDAO_CHECK(transaction.commit());
  }
  return {};
}

CellKind kind_of(std::string_view declared_type) {
  if (declared_type == "INTEGER") return CellKind::kInteger;
  if (declared_type == "TEXT") return CellKind::kText;
  if (declared_type == "BLOB") return CellKind::kBytes;
  assert(declared_type.empty());
  return CellKind::kAny;
}

std::vector<Table> read_tables() {
  auto database = Database::open(":memory:", Database::Mode::kOpenOrCreate, kDeviceApplicationId);
  assert(database);
  Database& db = **database;
  std::vector<Table> tables;
  for (const Migration& migration : kMigrations) {
    [[maybe_unused]] const Status made = db.script(migration.device[0]);
    assert(made);
  }
  for (const Declared& row : declared()) {
    Table table{row.id, row.name, row.scope, row.writer, row.device_may_update, {}, 0};
    auto q = db.query("SELECT name, pk, \"notnull\", type FROM pragma_table_info(?) ORDER BY cid");
    assert(q);
    q->bind(row.name);
    while (q->step().value_or(false)) {
      const bool key = q->integer(1) != 0;
      assert(!key || table.key_columns == table.columns.size());
      if (key) ++table.key_columns;
      table.columns.push_back({std::string(q->text(0)), kind_of(q->text(3)), key, q->integer(2) != 0});
    }
    assert(table.key_columns > 0);
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

bool Column::takes(const ValueView& cell) const {
  if (is_null(cell)) return !required;
  switch (kind) {
    case CellKind::kInteger:
      return std::holds_alternative<std::int64_t>(cell);
    case CellKind::kText:
      return std::holds_alternative<std::string_view>(cell);
    case CellKind::kBytes:
      return std::holds_alternative<BytesView>(cell);
    case CellKind::kAny:
      break;
  }
  return true;
}

std::size_t Table::column(std::string_view column_name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == column_name; });
  assert(found != columns.end());
  return static_cast<std::size_t>(found - columns.begin());
}

const std::vector<Table>& synced_tables() {
  static const std::vector<Table> tables = read_tables();
  return tables;
}

const Table* find_table(std::int64_t id) {
  const auto& tables = synced_tables();
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.id == id; });
  return found == tables.end() ? nullptr : &*found;
}

const Table* find_table(std::string_view name) {
  const auto& tables = synced_tables();
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

const std::vector<std::string_view>& synced_table_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Declared& row : declared()) all.push_back(row.name);
    return all;
  }();
  return names;
}

Result<std::unique_ptr<Database>> open_database(const std::string& path, Database::Mode mode, DatabaseKind kind) {
  const std::int32_t id = kind == DatabaseKind::kDevice ? kDeviceApplicationId : kOfficeApplicationId;
  DUDAO_TRY(auto database, Database::open(path, mode, id));
  if (mode == Database::Mode::kReadOnly) {
    DUDAO_TRY(const std::int64_t version, database->integer("PRAGMA user_version"));
    if (version > kSchemaVersion) return fail(Code::kDatabaseNewer, path);
    return database;
  }
  DUDAO_CHECK(migrate(*database, kind, path));
  return database;
}

}  // namespace dudao
