#pragma once

/// The change list that a change set, an office decision and a feed page carry: rows inserted, column by column, then
/// rows updated as (key, changed columns). The bytes are described in sync/PROTOCOL.md, section "Changes".

#include "platform/bytes.hpp"
#include "platform/error.hpp"
#include "schema/sqlite.hpp"
#include "schema/tables.hpp"
#include "sync/cbor.hpp"

#include <compare>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace dudao {

/// An update of one row: the key's cells in the table's order, then (position, new value) with rising positions.
struct RowUpdate {
  std::vector<ValueView> key;
  std::vector<std::pair<std::size_t, ValueView>> cells;
};

struct TableChanges {
  const Table* table = nullptr;
  /// Row by row, table->columns.size() cells each, by rising keys; so are the updates. A column that a later version
  /// added and the writer did not know is NULL.
  std::vector<ValueView> inserted;
  std::vector<RowUpdate> updated;

  std::size_t inserted_rows() const { return inserted.size() / table->columns.size(); }
  std::span<const ValueView> row(std::size_t n) const {
    return std::span(inserted).subspan(n * table->columns.size(), table->columns.size());
  }
};

/// Views point into the bytes that the changes were read from or the values that they were made of.
struct Changes {
  std::vector<TableChanges> tables;  ///< rising table ids, each once
  bool empty() const { return tables.empty(); }
};

/// Rows of one statement, inserted and updated together.
inline constexpr std::size_t kMaxChangedRows = 20'000;
/// Rows of one feed page.
inline constexpr std::size_t kMaxFeedRows = 100'000;

/// One column of cells, in the shortest of its layouts.
void write_column(CborWriter& out, std::span<const ValueView> cells);
/// Reads as many cells as there is room for; views point into the input. Errors: CBOR errors, kChangesShape.
Status read_column(CborReader& in, std::span<ValueView> cells);

/// Some order of cells in which only equal ones are equal: null, integers, texts, byte strings; each by value or bytes.
std::strong_ordering compare(const ValueView& a, const ValueView& b);
std::strong_ordering compare(std::span<const ValueView> a, std::span<const ValueView> b);

void write_changes(CborWriter& out, const Changes& changes);

/// Reads what write_changes wrote. Checks what can be known without a database: tables and columns exist, keys and
/// required cells are not NULL, every other cell is of its column's kind, a row stands once, updates change something
/// and no key.
/// Errors: CBOR errors, kChangesTable, kChangesShape, kChangesTooMany.
Result<Changes> read_changes(CborReader& in, std::size_t max_rows = kMaxChangedRows);

/// Owns what a Changes points into: for changes that are made here and not read.
class ChangesBuilder {
 public:
  /// A whole row; cells in the table's order. REQUIRES: as many cells as columns.
  void insert(std::string_view table, std::vector<Value> cells);
  void update(std::string_view table, std::vector<Value> key, std::vector<std::pair<std::size_t, Value>> cells);
  void add(const ChangesBuilder& other) { rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end()); }
  bool empty() const { return rows_.empty(); }
  std::size_t rows() const { return rows_.size(); }
  /// Valid until the builder changes or ends.
  Changes changes() const;
  /// The same rows in order, in portions of about so many bytes each; none when there are no rows.
  std::vector<ChangesBuilder> split(std::size_t bytes) const;

 private:
  struct Row {
    const Table* table;
    bool insert;
    std::vector<Value> key_or_cells;
    std::vector<std::pair<std::size_t, Value>> cells;
  };
  std::vector<Row> rows_;
};

/// What an SQLite changeset says, as changes. Errors: kChangesetBroken, kChangesDelete (a synced row was deleted: a
/// bug).
Result<ChangesBuilder> changes_of(BytesView changeset);

/// Key cells as one blob that sorts and compares as the key does: what cell clocks and messages name a row by.
Bytes encode_key(std::span<const ValueView> key);
/// One cell, in the same encoding.
void write_cell(CborWriter& out, const ValueView& cell);
/// The same for people: "A1.03/I001", a visit's id in hex left out when `without_visit`.
std::string readable_key(const Table& table, std::span<const ValueView> key, bool without_visit = true);

}  // namespace dudao
