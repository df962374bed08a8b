#pragma once

#include "schema/sqlite.hpp"
#include "sync/changes.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace dudao::test {

/// As long as it lives the database fails with kDatabaseConstraint: at once where `when` happens, e.g. "UPDATE ON
/// journal", or only when a transaction in which it happened is committed.
class Failing {
 public:
  enum class Where : std::uint8_t { kAtOnce, kAtCommit };
  Failing(Database& db, const std::string& when, Where where = Where::kAtOnce) : db_(db) {
    const std::string fault =
        where == Where::kAtOnce ? "SELECT RAISE(ABORT, 'fault')" : "INSERT INTO promised VALUES (1)";
    REQUIRE(
        db_.script("CREATE TABLE kept (n INTEGER PRIMARY KEY);"
                   "CREATE TABLE promised (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED);"
                   "CREATE TRIGGER fault BEFORE " +
                   when + " BEGIN " + fault + "; END"));
  }
  ~Failing() { CHECK(db_.script("DROP TRIGGER fault; DROP TABLE promised; DROP TABLE kept")); }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;

 private:
  Database& db_;
};

/// Every cell of every table.
inline Bytes content_of(Database& db) {
  CborWriter out;
  auto tables = db.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  REQUIRE(tables);
  while (tables->step().value()) {
    auto rows = db.query("SELECT * FROM " + std::string(tables->text(0)));
    REQUIRE(rows);
    while (rows->step().value())
      for (int column = 0; column < rows->columns(); ++column) write_cell(out, rows->value(column));
  }
  return std::move(out).take();
}

}  // namespace dudao::test
