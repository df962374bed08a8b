/// What Capture notes of random changes is what SQLite's own session extension notes of them.

#include "schema/tables.hpp"

#include <algorithm>
#include <random>
#include <tuple>

#include <catch2/catch.hpp>
#include <sqlite3.h>

using namespace dudao;

namespace {

struct Watched {
  std::unique_ptr<Database> db;
  Watched() : db(*Database::open(":memory:", Database::Mode::kOpenOrCreate, 1)) {
    REQUIRE(db->script(
        "CREATE TABLE seen (a TEXT, b INTEGER, c, d BLOB, e INTEGER NOT NULL, PRIMARY KEY (b, a)) WITHOUT ROWID;"
        "CREATE TABLE plain (n INTEGER PRIMARY KEY, x);"
        "CREATE TABLE unwatched (n INTEGER PRIMARY KEY, x)"));
  }
};
const std::vector<std::string_view> kTables = {"seen", "plain"};

std::string shown(const ValueView& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* some = std::get_if<std::string_view>(&value)) return "'" + std::string(*some) + "'";
  if (const auto* blob = std::get_if<BytesView>(&value)) return "x" + to_hex(*blob);
  return "null";
}

/// A line a change, sorted: neither promises an order.
std::vector<std::string> lines_of(const Bytes& changeset) {
  std::vector<std::string> lines;
  const auto folded = fold_changesets({changeset});
  REQUIRE(folded);
  const auto read = for_each_change(*folded, [&](const RowChange& change) -> Status {
    std::string line = std::string(change.table) + " " + std::to_string(static_cast<int>(change.kind));
    for (const auto& side : {change.before, change.after})
      for (const auto& cell : side) line += " " + (cell ? shown(*cell) : std::string("-"));
    for (const bool key : change.key) line += key ? " k" : " .";
    lines.push_back(line);
    return {};
  });
  REQUIRE(read);
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string random_change(std::mt19937& chance) {
  const auto any = [&](int below) { return std::to_string(chance() % static_cast<unsigned>(below)); };
  const std::string values[] = {"NULL",
                                "0",
                                "-9223372036854775808",
                                "x''",
                                "x'00ff'",
                                "''",
                                "'督导'",
                                "'" + std::string(200, 'y') + "'",
                                "zeroblob(70000)",
                                any(1000)};
  const auto value = [&] { return values[chance() % std::size(values)]; };
  const std::string key = "a = 'k" + any(3) + "' AND b = " + any(3);
  switch (chance() % 9) {
    case 0:
    case 1:
      return "INSERT INTO seen VALUES ('k" + any(3) + "', " + any(3) + ", " + value() + ", x'01', " + any(5) +
             ") ON CONFLICT DO UPDATE SET c = excluded.c, e = excluded.e";
    case 2:
      return "UPDATE seen SET c = " + value() + " WHERE " + key;
    case 3:
      return "UPDATE seen SET e = e + 1, d = " + std::string(chance() % 2 ? "x'02'" : "d");
    case 4:
      return "UPDATE seen SET c = c WHERE " + key;
    case 5:
      return "DELETE FROM seen WHERE " + key;
    case 6:
      return "INSERT INTO plain VALUES (" + any(4) + ", " + value() + ") ON CONFLICT DO UPDATE SET x = excluded.x";
    case 7:
      return "DELETE FROM plain WHERE n = " + any(4);
    default:
      return "INSERT INTO unwatched (x) VALUES (" + value() + ")";
  }
}

}  // namespace

TEST_CASE("capture notes what SQLite's session extension notes") {
  std::mt19937 chance(20'261'125);
  Watched ours;
  Watched theirs;
  std::size_t noted = 0;
  for (int round = 0; round < 2'000; ++round) {
    INFO("round " << round);
    std::vector<std::string> changes(1 + chance() % 5);
    for (std::string& change : changes) change = random_change(chance);

    auto transaction = Transaction::begin(*ours.db);
    REQUIRE(transaction);
    auto capture = Capture::begin(*ours.db, kTables);
    REQUIRE(capture);
    for (const std::string& change : changes) REQUIRE(ours.db->script(change));
    const auto mine = capture->changeset();
    REQUIRE(mine);
    REQUIRE(transaction->commit());

    sqlite3_session* session = nullptr;
    REQUIRE(theirs.db->script("BEGIN"));
    REQUIRE(sqlite3session_create(theirs.db->handle(), "main", &session) == SQLITE_OK);
    for (const std::string_view table : kTables) REQUIRE(sqlite3session_attach(session, table.data()) == SQLITE_OK);
    for (const std::string& change : changes) REQUIRE(theirs.db->script(change));
    int size = 0;
    void* data = nullptr;
    REQUIRE(sqlite3session_changeset(session, &size, &data) == SQLITE_OK);
    const auto* first = static_cast<const std::uint8_t*>(data);
    const Bytes reference(first, first + size);
    sqlite3_free(data);
    sqlite3session_delete(session);
    REQUIRE(theirs.db->script("COMMIT"));

    const auto lines = lines_of(*mine);
    CHECK(lines == lines_of(reference));
    noted += lines.size();
  }
  CHECK(noted > 2'000);
}

TEST_CASE("a capture in which a statement failed knows nothing, and the next one is whole") {
  Watched at;
  {
    auto transaction = Transaction::begin(*at.db);
    auto capture = Capture::begin(*at.db, kTables);
    REQUIRE(at.db->execute("INSERT INTO plain VALUES (1, 1)"));
    // The first row goes in and out again.
    const auto failed = at.db->execute("INSERT INTO plain VALUES (2, 2), (1, 3)");
    CHECK(failed.error().code == Code::kDatabaseConstraint);
    CHECK(capture->changeset().error().code == Code::kDatabaseConstraint);
  }
  {
    auto transaction = Transaction::begin(*at.db);
    auto capture = Capture::begin(*at.db, kTables);
    CHECK_FALSE(at.db->script("INSERT INTO plain VALUES (2, 2), (2, 3)"));
    CHECK(capture->changeset().error().code == Code::kDatabaseConstraint);
  }
  auto transaction = Transaction::begin(*at.db);
  auto capture = Capture::begin(*at.db, kTables);
  REQUIRE(at.db->execute("INSERT INTO plain VALUES (1, 1)"));
  CHECK(lines_of(*capture->changeset()).size() == 1);
}

TEST_CASE("a floating-point number in a watched table is a bug that capture tells") {
  Watched at;
  auto transaction = Transaction::begin(*at.db);
  auto capture = Capture::begin(*at.db, kTables);
  REQUIRE(at.db->execute("INSERT INTO plain VALUES (1, 0.5)"));
  CHECK(capture->changeset().error().code == Code::kInternal);
}
