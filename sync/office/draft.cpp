#include "sync/office/draft.hpp"

#include "sync/changes.hpp"

#include <algorithm>

namespace dudao {
namespace {

bool is_before(const StoredRow& row, std::span<const ValueView> key) {
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto order = compare(as_view(row.cells[i]), key[i]);
    if (!std::is_eq(order)) return std::is_lt(order);
  }
  return false;
}

bool has_key(const StoredRow& row, std::span<const ValueView> key) {
  for (std::size_t i = 0; i < key.size(); ++i)
    if (!equal(as_view(row.cells[i]), key[i])) return false;
  return true;
}

/// Where the row with this key is or belongs.
template <class Rows>
auto place_of(Rows& rows, std::span<const ValueView> key) {
  // Rows of a statement come in rising order, so most of them belong at the end.
  if (rows.empty() || is_before(rows.back().row, key)) return rows.end();
  return std::partition_point(rows.begin(), rows.end(), [&](const auto& held) { return is_before(held.row, key); });
}

}  // namespace

Result<Draft::Visit*> Draft::visit(BytesView id) {
  if (last_ && std::equal(id.begin(), id.end(), last_->first.begin(), last_->first.end())) return &last_->second;
  auto found = visits_.find(to_bytes(id));
  if (found == visits_.end()) {
    Visit made;
    made.tables.resize(synced_tables().size() + 1);
    DUDAO_TRY(made.touches, store_.touches_of(id));
    found = visits_.emplace(to_bytes(id), std::move(made)).first;
  }
  last_ = &*found;
  return &last_->second;
}

Result<Draft::Rows*> Draft::rows_of(const Table& table, BytesView id) {
  DUDAO_TRY(Visit* const held, visit(id));
  auto& rows = held->tables[static_cast<std::size_t>(table.id)];
  if (rows) return &*rows;
  rows.emplace();
  const bool any = std::any_of(held->touches.begin(), held->touches.end(),
                               [&](const VisitTouch& touch) { return touch.has(table); });
  if (any)
    DUDAO_CHECK(store_.each_row_of_visit(table, id, 0, [&](const StoredRow& row) -> Status {
      rows->push_back({row, false});
      return {};
    }));
  return &*rows;
}

Result<std::optional<StoredRow>> Draft::row(const Table& table, std::span<const ValueView> key) {
  Rows* rows = nullptr;
  if (table.scope == Scope::kVisit) {
    DUDAO_TRY(rows, rows_of(table, std::get<BytesView>(key[0])));
  } else {
    rows = &others_[table.id];
  }
  const auto place = place_of(*rows, key);
  if (place != rows->end() && has_key(place->row, key)) return std::optional(place->row);
  if (table.scope == Scope::kVisit) return std::optional<StoredRow>();
  return store_.row(table, key);
}

Status Draft::put_row(const Table& table, std::span<const ValueView> cells, const RowClock& clock) {
  Rows* rows = nullptr;
  if (table.scope == Scope::kVisit) {
    const BytesView id = std::get<BytesView>(cells[0]);
    DUDAO_TRY(rows, rows_of(table, id));
    DUDAO_TRY(Visit* const held, visit(id));
    auto touch = std::find_if(held->touches.begin(), held->touches.end(),
                              [&](const VisitTouch& each) { return each.feed_author == clock.feed_author; });
    if (touch == held->touches.end()) touch = held->touches.insert(touch, {clock.feed_author, 0, 0});
    touch->add(table, clock.feed);
    held->touched = true;
  } else {
    rows = &others_[table.id];
  }
  const auto key = cells.first(table.key_columns);
  auto place = place_of(*rows, key);
  if (place == rows->end() || !has_key(place->row, key)) place = rows->insert(place, Held{});
  place->row.cells.clear();
  place->row.cells.reserve(cells.size());
  for (const ValueView& cell : cells) place->row.cells.push_back(to_value(cell));
  place->row.clock = clock;
  place->changed = true;
  return {};
}

Result<std::optional<RowClock>> Draft::cell_clock(const Table& table, BytesView row_key, std::size_t column) {
  const auto found = cell_clocks_.find({table.id, to_bytes(row_key), column});
  if (found != cell_clocks_.end()) return std::optional(found->second.second);
  return store_.cell_clock(table, row_key, column);
}

void Draft::put_cell_clock(const Table& table, BytesView row_key, std::size_t column, const RowClock& clock) {
  cell_clocks_.insert_or_assign({table.id, to_bytes(row_key), column}, std::pair(&table, clock));
}

Status Draft::each_row_of_visit(const Table& table, BytesView visit, const Store::RowVisitor& visitor) {
  DUDAO_TRY(const Rows* const rows, rows_of(table, visit));
  for (const Held& each : *rows) DUDAO_CHECK(visitor(each.row));
  return {};
}

Status Draft::write() {
  std::vector<const StoredRow*> changed;
  const auto put = [&](const Table& table, const Rows& rows) -> Status {
    changed.clear();
    for (const Held& held : rows)
      if (held.changed) changed.push_back(&held.row);
    return store_.put_rows(table, changed);
  };
  for (const auto& [id, rows] : others_) DUDAO_CHECK(put(*find_table(id), rows));
  for (const auto& [id, visit] : visits_) {
    for (const Table& table : synced_tables())
      if (const auto& rows = visit.tables[static_cast<std::size_t>(table.id)]) DUDAO_CHECK(put(table, *rows));
    if (!visit.touched) continue;
    for (const VisitTouch& touch : visit.touches) DUDAO_CHECK(store_.put_touch(id, touch));
  }
  for (const auto& [at, clock] : cell_clocks_)
    DUDAO_CHECK(store_.put_cell_clock(*clock.first, std::get<1>(at), std::get<2>(at), clock.second));
  forget();
  return {};
}

void Draft::forget() {
  last_ = nullptr;
  visits_.clear();
  others_.clear();
  cell_clocks_.clear();
}

}  // namespace dudao
