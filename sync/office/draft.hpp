#pragma once

/// What a statement would write, held in memory until all of it has been judged. Reads see it on top of what the store
/// holds; write() puts down each row once, however often it was written; forget() leaves the store as it was.
///
/// The rows of a visit are read once, table by table, and only those of tables that have any. One thread at a time;
/// between the making and write() nobody else writes to the store.

#include "sync/office/store.hpp"

#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

namespace dudao {

/// Errors of every function: those of Store.
class Draft {
 public:
  explicit Draft(Store& store) : store_(store) {}

  Result<std::optional<StoredRow>> row(const Table& table, std::span<const ValueView> key);
  /// Inserts or replaces.
  Status put_row(const Table& table, std::span<const ValueView> cells, const RowClock& clock);
  Result<std::optional<RowClock>> cell_clock(const Table& table, BytesView row_key, std::size_t column);
  void put_cell_clock(const Table& table, BytesView row_key, std::size_t column, const RowClock& clock);
  /// In key order. REQUIRES: table.scope is kVisit; the visitor writes nothing.
  Status each_row_of_visit(const Table& table, BytesView visit, const Store::RowVisitor& visitor);

  Status write();
  void forget();

 private:
  struct Held {
    StoredRow row;
    bool changed = false;
  };
  using Rows = std::vector<Held>;  ///< in key order
  struct Visit {
    std::vector<std::optional<Rows>> tables;  ///< by table number; absent: not read yet
    std::vector<VisitTouch> touches;
    bool touched = false;
  };
  Result<Visit*> visit(BytesView id);
  Result<Rows*> rows_of(const Table& table, BytesView visit);

  Store& store_;
  std::map<Bytes, Visit> visits_;
  std::pair<const Bytes, Visit>* last_ = nullptr;  ///< of visits_: the one that was asked for last
  std::map<int, Rows> others_;                     ///< rows of tables without visits, as far as they were asked for
  std::map<std::tuple<int, Bytes, std::size_t>, std::pair<const Table*, RowClock>> cell_clocks_;
};

}  // namespace dudao
