#pragma once

/// What the figures stand beside: SQLite alone with the same rows, the fewest bytes that the same content takes
/// unsigned, and the ways of others.

#include "schema/sqlite.hpp"
#include "tests/bench/field.hpp"
#include "tests/bench/workload.hpp"
#include "tests/support/temp_folder.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_session;
struct sqlite3_stmt;

namespace dudao::test {

/// SQLite alone, as durable as the agent: writes to a copy of its database, into the same tables with the same indexes,
/// the rows that stand in the agent's journal, a transaction for each of the journal's.
class PlainAgent {
 public:
  /// with_session: SQLite's session extension notes each transaction's changes, and they are kept in a table within it,
  /// as anything must that wants to know afterwards what was changed.
  PlainAgent(Database& agent, bool with_session);
  ~PlainAgent();
  PlainAgent(const PlainAgent&) = delete;
  PlainAgent& operator=(const PlainAgent&) = delete;

  /// Seconds for what the agent has written since the last time.
  double write_s();

 private:
  using Write = std::pair<sqlite3_stmt*, std::vector<Value>>;

  sqlite3_stmt* prepared(const std::string& sql);
  Write write_of(const RowChange& change);
  Result<std::vector<std::vector<Write>>> read();
  void keep_changes(sqlite3_session* session);

  Database& agent_;
  const bool with_session_;
  const TempFolder folder_;
  sqlite3* db_ = nullptr;
  std::map<std::string, sqlite3_stmt*> statements_;
  sqlite3_stmt *begin_ = nullptr, *commit_ = nullptr, *keep_ = nullptr;
  std::int64_t read_to_ = 0;
};

/// Rows as the office holds them after a sync, a list for each of its transactions: what SQLite alone is given to
/// write.
class PlainOffice {
 public:
  /// shapes: a database of a device, whose tables lack the office's own columns.
  PlainOffice(const std::string& office_db, Database& shapes);

  double insert_s() const;
  std::size_t rows() const;
  std::size_t transactions() const { return transactions_.size(); }

 private:
  struct Shape {
    std::string create, insert;
  };
  Status read(const std::string& office_db, Database& shapes);

  std::vector<Shape> shapes_;
  std::vector<std::vector<std::pair<std::size_t, std::vector<Value>>>> transactions_;
};

/// Bytes of one zstd frame at level 19 around the content in columns, positions as differences: no keys but an item's
/// code, no times, no signatures. Nothing that keeps every word is much smaller.
std::size_t floor_bytes(const std::vector<MadeVisit>& work);
/// The same as JSON, a visit a line, in such a frame.
std::size_t json_bytes(const std::vector<MadeVisit>& work);

struct Posted {
  double seconds = 0;
  std::uint64_t bytes = 0;  ///< both ways
  int round_trips = 0;
};

/// The floor as a process of the same kind: columns and frame made, sent over loopback, and inserted row by row into an
/// empty database, durable before the answer.
Posted send_floor(const std::vector<MadeVisit>& work);

/// As the OpenRosa protocol has it: an XML form a visit, each its own multipart POST to a server that commits it before
/// it answers.
Posted post_as_open_rosa(const std::vector<MadeVisit>& work);

/// PouchDB, a document a visit, replicated to a CouchDB-compatible server; script: tests/bench/pouchdb/run.mjs where
/// its packages are installed.
struct Replicated {
  Posted write, sync, nothing, edit;  ///< writing sends nothing
  double memory_mib = 0;
};
Replicated replicate_by_pouchdb(const std::vector<MadeVisit>& work, const std::string& script);

}  // namespace dudao::test
