#include "schema/sqlite.hpp"

#include "schema/sql_text.hpp"
#include "schema/tables.hpp"

#include <filesystem>
#include <map>
#include <tuple>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("dudao-" + to_hex(random_name()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
  static Bytes random_name() {
    static int n = 0;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    return to_bytes(view(std::to_string(now) + std::to_string(n++)));
  }
};

}  // namespace

TEST_CASE("a cell comes back as it was written, whatever its kind") {
  auto database = Database::open(":memory:", Database::Mode::kOpenOrCreate, 1);
  REQUIRE(database);
  Database& db = **database;
  REQUIRE(db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, v)"));
  const Value values[] = {std::monostate{},    std::int64_t{-9223372036854775807 - 1},
                          std::string(),       std::string("a\0b", 3),
                          std::string("督导"), Bytes{},
                          Bytes{0, 255}};
  std::int64_t id = 0;
  for (const Value& value : values) {
    REQUIRE(db.execute("INSERT INTO t VALUES (?, ?)", ++id, as_view(value)));
    auto q = db.query("SELECT v FROM t WHERE id = ?");
    REQUIRE(q);
    q->bind(id);
    REQUIRE(q->step().value());
    CHECK(equal(q->value(0), as_view(value)));
    CHECK(to_value(q->value(0)) == value);
  }
}

TEST_CASE("a nested use of one statement text gets a statement of its own") {
  auto database = Database::open(":memory:", Database::Mode::kOpenOrCreate, 1);
  REQUIRE(database);
  auto outer = (*database)->query("SELECT 1 UNION SELECT 2");
  REQUIRE(outer->step().value());
  auto inner = (*database)->query("SELECT 1 UNION SELECT 2");
  REQUIRE(inner->step().value());
  REQUIRE(inner->step().value());
  CHECK(inner->integer(0) == 2);
  CHECK(outer->integer(0) == 1);
}

TEST_CASE("a transaction that is not committed leaves nothing") {
  auto database = Database::open(":memory:", Database::Mode::kOpenOrCreate, 1);
  Database& db = **database;
  REQUIRE(db.script("CREATE TABLE t (id INTEGER PRIMARY KEY)"));
  {
    auto transaction = Transaction::begin(db);
    REQUIRE(transaction);
    REQUIRE(db.execute("INSERT INTO t VALUES (1)"));
  }
  CHECK(db.integer("SELECT count(*) FROM t") == 0);
  {
    auto transaction = Transaction::begin(db);
    REQUIRE(db.execute("INSERT INTO t VALUES (1)"));
    REQUIRE(transaction->commit());
  }
  CHECK(db.integer("SELECT count(*) FROM t") == 1);
}

TEST_CASE("twenty edits of an answer fold into one change") {
  auto database = open_database(":memory:", Database::Mode::kOpenOrCreate, DatabaseKind::kDevice);
  REQUIRE(database);
  Database& db = **database;
  const Bytes visit(16, 7);
  std::vector<Bytes> changesets;
  for (std::int64_t i = 0; i < 20; ++i) {
    auto transaction = Transaction::begin(db);
    auto capture = Capture::begin(db, synced_table_names());
    REQUIRE(capture);
    REQUIRE(
        db.execute("INSERT INTO answer VALUES (?, 'A1', 'I001', ?, NULL, NULL, NULL, 5, 480, 6) "
                   "ON CONFLICT DO UPDATE SET value = excluded.value",
                   BytesView(visit), i));
    auto changeset = capture->changeset();
    REQUIRE(changeset);
    changesets.push_back(*changeset);
    REQUIRE(transaction->commit());
  }
  auto folded = fold_changesets(changesets);
  REQUIRE(folded);
  int changes = 0;
  REQUIRE(for_each_change(*folded, [&](const RowChange& change) -> Status {
    ++changes;
    CHECK(change.kind == RowChange::Kind::kInsert);
    CHECK(change.table == "answer");
    CHECK(change.key == std::vector<bool>{true, true, true, false, false, false, false, false, false, false});
    CHECK(equal(*change.after[0], BytesView(visit)));
    CHECK(equal(*change.after[3], std::int64_t{19}));
    CHECK(equal(*change.after[4], std::monostate{}));
    return {};
  }));
  CHECK(changes == 1);
}

TEST_CASE("a second program on the same database is refused, and let in when the first is gone") {
  const Folder folder;
  auto first = open_database(folder.file("a.db"), Database::Mode::kOpenOrCreate, DatabaseKind::kDevice);
  REQUIRE(first);
  auto second = open_database(folder.file("a.db"), Database::Mode::kOpenOrCreate, DatabaseKind::kDevice);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::kDatabaseInUse);
  first->reset();
  CHECK(open_database(folder.file("a.db"), Database::Mode::kOpen, DatabaseKind::kDevice));
}

TEST_CASE("another program's file, a newer version, no database and a missing one are each refused") {
  const Folder folder;
  {
    auto other = Database::open(folder.file("other.db"), Database::Mode::kOpenOrCreate, 4711);
    REQUIRE((*other)->script("CREATE TABLE t (id INTEGER PRIMARY KEY)"));
    auto newer = open_database(folder.file("newer.db"), Database::Mode::kOpenOrCreate, DatabaseKind::kOffice);
    REQUIRE((*newer)->script("PRAGMA user_version=1000"));
    REQUIRE((*newer)->script("INSERT INTO setting VALUES ('x', 1)"));
  }
  CHECK(open_database(folder.file("other.db"), Database::Mode::kOpen, DatabaseKind::kOffice).error().code ==
        Code::kDatabaseForeign);
  CHECK(open_database(folder.file("newer.db"), Database::Mode::kOpen, DatabaseKind::kOffice).error().code ==
        Code::kDatabaseNewer);
  CHECK(open_database(folder.file("newer.db"), Database::Mode::kOpen, DatabaseKind::kDevice).error().code ==
        Code::kDatabaseForeign);
  CHECK(open_database(folder.file("absent.db"), Database::Mode::kOpen, DatabaseKind::kDevice).error().code ==
        Code::kDatabaseMissing);
  CHECK(open_database(folder.file("no/folder.db"), Database::Mode::kOpenOrCreate, DatabaseKind::kDevice).error().code ==
        Code::kDatabaseMissing);
  {
    std::unique_ptr<FILE, int (*)(FILE*)> junk(std::fopen(folder.file("junk.db").c_str(), "wb"), &std::fclose);
    for (int i = 0; i < 4096; ++i) std::fputc(i * 31 & 255, junk.get());
  }
  CHECK(open_database(folder.file("junk.db"), Database::Mode::kOpen, DatabaseKind::kDevice).error().code ==
        Code::kDatabaseCorrupt);
}

TEST_CASE("a full disk refuses the step, keeps what was saved, and goes on when there is room") {
  const Folder folder;
  auto database = Database::open(folder.file("a.db"), Database::Mode::kOpenOrCreate, 1);
  Database& db = **database;
  REQUIRE(db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, v)"));
  REQUIRE(db.execute("INSERT INTO t VALUES (1, 'kept')"));
  REQUIRE(db.script("PRAGMA max_page_count=8"));
  const std::string large(100000, 'x');
  const Status full = db.execute("INSERT INTO t VALUES (2, ?)", std::string_view(large));
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::kDatabaseFull);
  CHECK(full.error().retryable());
  CHECK(db.integer("SELECT count(*) FROM t") == 1);
  REQUIRE(db.script("PRAGMA max_page_count=1000"));
  CHECK(db.execute("INSERT INTO t VALUES (2, ?)", std::string_view(large)));
}

TEST_CASE("a copy made while open holds everything committed") {
  const Folder folder;
  auto database = Database::open(folder.file("a.db"), Database::Mode::kOpenOrCreate, 1);
  REQUIRE((*database)->script("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (41)"));
  REQUIRE((*database)->copy_to(folder.file("b.db")));
  auto copy = Database::open(folder.file("b.db"), Database::Mode::kReadOnly, 1);
  REQUIRE(copy);
  CHECK((*copy)->integer("SELECT id FROM t") == 41);
}

TEST_CASE("every synced table has its key in front, and both databases hold all of them") {
  for (const DatabaseKind kind : {DatabaseKind::kDevice, DatabaseKind::kOffice}) {
    auto database = open_database(":memory:", Database::Mode::kOpenOrCreate, kind);
    REQUIRE(database);
    int id = 0;
    for (const Table& table : synced_tables()) {
      CHECK(table.id == ++id);
      CHECK(table.key_columns > 0);
      CHECK(find_table(table.name) == &table);
      CHECK((*database)->query("SELECT count(*) FROM " + std::string(table.name)));
      for (std::size_t i = 0; i < table.columns.size(); ++i) CHECK(table.columns[i].key == (i < table.key_columns));
      if (table.scope == Scope::kVisit) CHECK(table.columns[0].name == (table.name == "visit" ? "id" : "visit"));
    }
  }
}

TEST_CASE("a database of the version before gets the new tables and loses nothing") {
  const auto layout_of = [](Database& db) {
    std::map<std::string, std::string> out;
    auto q = db.query("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'");
    REQUIRE(q);
    while (*q->step()) out[std::string(q->text(0))] = q->text(1);
    return out;
  };
  const Folder folder;
  for (const auto& [kind, name, id, records, own] :
       {std::tuple{DatabaseKind::kDevice, "device", kDeviceApplicationId, sql::kRecords1, sql::kDevice1},
        {DatabaseKind::kOffice, "office", kOfficeApplicationId, sql::kOfficeRecords1, sql::kOffice1}}) {
    INFO(name);
    const std::string path = folder.file(name);
    {
      auto old = Database::open(path, Database::Mode::kOpenOrCreate, id);
      REQUIRE(old);
      REQUIRE((*old)->script(records));
      REQUIRE((*old)->script(own));
      REQUIRE((*old)->script("PRAGMA user_version=1"));
      REQUIRE((*old)->execute("INSERT INTO org_unit (code, name, level) VALUES ('9901', '栖云县', '县')"));
    }
    // Only looked at, it stays as it is.
    CHECK(open_database(path, Database::Mode::kReadOnly, kind));
    auto migrated = open_database(path, Database::Mode::kOpen, kind);
    REQUIRE(migrated);
    CHECK((*migrated)->integer("PRAGMA user_version").value() == kSchemaVersion);
    CHECK((*migrated)->integer("SELECT count(*) FROM org_unit WHERE name = '栖云县'").value() == 1);
    auto fresh = open_database(folder.file("fresh") + name, Database::Mode::kOpenOrCreate, kind);
    REQUIRE(fresh);
    CHECK(layout_of(**migrated) == layout_of(**fresh));
  }
}
