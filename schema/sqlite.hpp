#pragma once

/// SQLite as dudao uses it; sqlite.cpp is the only file that includes sqlite3.h.
///
/// One Database is one connection, used by one thread at a time. It holds the file exclusively: a second process (or a
/// second Database) on the same file gets kDatabaseInUse. What a committed transaction wrote survives kill -9 and loss
/// of power (WAL, synchronous=FULL). Nothing here throws.

#include "platform/bytes.hpp"
#include "platform/error.hpp"
#include "platform/variant.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace dudao {

/// A cell: NULL, integer, text (UTF-8) or blob. dudao stores no floating-point numbers.
using Value = Variant<std::monostate, std::int64_t, std::string, Bytes>;
/// The same without owning: valid as long as what it points into.
using ValueView = std::variant<std::monostate, std::int64_t, std::string_view, BytesView>;

ValueView as_view(const Value& value);
Value to_value(ValueView value);
inline bool is_null(const ValueView& value) { return std::holds_alternative<std::monostate>(value); }
bool equal(const ValueView& a, const ValueView& b);

class Database;

/// A prepared statement, lent by Database::query and given back when destroyed. Columns count from 0; the views that
/// text() and blob() return are valid until the next step() or the end of the Query.
class Query {
 public:
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  /// Binds the next parameter, from the first on. The bytes of text and blob are not copied: REQUIRES that they live
  /// until the last step().
  Query& bind(std::int64_t value);
  Query& bind(std::string_view text);
  Query& bind(BytesView blob);
  /// A template so that no conversion leads here.
  template <class V>
  requires std::same_as<V, ValueView> Query& bind(const V& value) { return bind_value(value); }
  Query& bind(std::nullptr_t);
  template <class T>
  Query& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind(nullptr);
  }

  /// True: a row is there. False: done. Errors: those of Database::execute.
  Result<bool> step();
  /// Steps through everything; for statements that give no rows.
  Status run();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  BytesView blob(int column) const;
  bool null(int column) const;
  ValueView value(int column) const;
  int columns() const;

 private:
  friend class Database;
  Query& bind_value(const ValueView& value);
  Query(Database& database, sqlite3_stmt* statement, bool* lent)
      : database_(&database), statement_(statement), lent_(lent) {}
  Database* database_;
  sqlite3_stmt* statement_;
  bool* lent_;  // Cleared when given back.
  int next_parameter_ = 1;
};

/// One change of one row, as a changeset says it.
struct RowChange {
  enum class Kind : std::uint8_t { kInsert, kUpdate, kDelete };
  Kind kind;
  std::string_view table;
  /// A column at a time, in the table's order. For an update `before` and `after` are absent where nothing changed, but
  /// `before` is present for key columns; for an insert only `after`, for a delete only `before`.
  std::vector<std::optional<ValueView>> before, after;
  std::vector<bool> key;  ///< true for primary-key columns
};

class Database {
 public:
  enum class Mode : std::uint8_t { kOpenOrCreate, kOpen, kReadOnly };

  /// Opens the file (":memory:" for none). application_id marks whose file it is: another value is refused, a new file
  /// gets it. Errors: kDatabaseMissing, kDatabaseInUse, kDatabaseReadOnly, kDatabaseForeign, kDatabaseCorrupt,
  /// kDatabaseIo.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode, std::int32_t application_id);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Prepares once and lends the statement; a nested use of the same text gets a second one.
  /// Error: kInternal (the text is not valid SQL for this schema).
  Result<Query> query(std::string_view sql);

  /// query, bind all, run. Errors: kDatabaseFull, kDatabaseReadOnly, kDatabaseIo, kDatabaseCorrupt, kDatabaseInUse,
  /// kDatabaseConstraint.
  template <class... Args>
  Status execute(std::string_view sql, const Args&... args) {
    DUDAO_TRY(auto q, query(sql));
    (q.bind(args), ...);
    return q.run();
  }
  /// Several statements without parameters.
  Status script(std::string_view sql);
  /// The first column of the first row, absent when there is no row or it is NULL.
  template <class... Args>
  Result<std::optional<Value>> lookup(std::string_view sql, const Args&... args) {
    DUDAO_TRY(auto q, query(sql));
    (q.bind(args), ...);
    DUDAO_TRY(const bool row, q.step());
    if (!row || q.null(0)) return std::optional<Value>();
    return std::optional<Value>(to_value(q.value(0)));
  }
  template <class... Args>
  Result<std::int64_t> integer(std::string_view sql, const Args&... args) {
    DUDAO_TRY(auto found, lookup(sql, args...));
    if (!found || !std::holds_alternative<std::int64_t>(*found)) return std::int64_t{0};
    return std::get<std::int64_t>(*found);
  }

  std::int64_t rows_changed() const;
  bool in_transaction() const;
  /// BEGIN IMMEDIATE; for whoever cannot use a Transaction. Not nested.
  Status begin();
  /// Ends what begin() began, if it is still open, as if it had never begun. Needs no memory: it works when all else
  /// fails.
  void rollback() noexcept;
  /// PRAGMA quick_check. Error: kDatabaseCorrupt.
  Status quick_check();
  /// A consistent copy of the whole database, while it is open. Errors: as execute.
  Status copy_to(const std::string& path);
  std::int64_t file_bytes();
  sqlite3* handle() const { return handle_; }

 private:
  friend class Capture;
  friend class Query;
  Database() = default;
  Error error(int rc, std::string_view what) const;
  struct Cached;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* rollback_ = nullptr;
  /// By SQL text; more than one where uses are nested.
  std::unordered_multimap<std::string, std::unique_ptr<Cached>, TextHash, std::equal_to<>> cache_;
  std::string path_;
  /// For Capture: of each watched table a byte a column, its place in the key from 1 or 0; and what failed last.
  std::unordered_map<std::string, Bytes, TextHash, std::equal_to<>> key_places_;
  std::optional<Error> failed_;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back when destroyed without commit(). Not nested.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Durable when it returns. On error everything is rolled back.
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

/// Watches tables from its making on; changeset() is everything that changed since, as an SQLite changeset with the
/// changes one after the other, so that fold_changesets makes one of several for a row. Not nested.
///
/// SQLite's session extension notes the same, but reads a table's columns twice with statements that it prepares anew
/// in every transaction: two thirds of what a tap costs the processor. So its hook is used directly.
class Capture {
 public:
  /// REQUIRES: `tables` outlives it and none of them changes its columns meanwhile.
  static Result<Capture> begin(Database& database, const std::vector<std::string_view>& tables);
  Capture(Capture&& other) noexcept;
  Capture& operator=(Capture&&) = delete;
  ~Capture();
  /// Empty when nothing changed. Error: that of a statement that failed since the beginning, for whatever it changed
  /// before is undone and no longer known; kOutOfMemory.
  Result<Bytes> changeset();

 private:
  struct State;
  explicit Capture(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Several changesets, oldest first, as one: twenty edits of a cell leave as one. Errors: kChangesetBroken,
/// kOutOfMemory.
Result<Bytes> fold_changesets(const std::vector<Bytes>& changesets);

/// Calls visit for each row change; an error from it stops and is returned. Errors: kChangesetBroken, kOutOfMemory.
/// REQUIRES: changeset is whole, as Capture or fold_changesets gave it: SQLite 3.40 loops for ever on a cut one, so
/// whoever stores one must be able to tell.
Status for_each_change(BytesView changeset, const std::function<Status(const RowChange&)>& visit);

}  // namespace dudao
