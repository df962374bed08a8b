#include "sync/changes.hpp"

#include <algorithm>
#include <cassert>

namespace dudao {
namespace {

// How a column of inserted cells is laid out; the writer takes the shortest, in this order where they are equal.
constexpr std::int64_t kSameForAll = 1;  // {1: value}
constexpr std::int64_t kDeltas = 2;      // {2: [first, difference, difference …]}

Result<ValueView> read_cell(CborReader& in) {
  DUDAO_TRY(const CborType type, in.peek());
  switch (type) {
    case CborType::kInteger: {
      DUDAO_TRY(const std::int64_t integer, in.integer());
      return ValueView(integer);
    }
    case CborType::kText: {
      DUDAO_TRY(const std::string_view text, in.text());
      return ValueView(text);
    }
    case CborType::kBytes: {
      DUDAO_TRY(const BytesView bytes, in.bytes());
      return ValueView(bytes);
    }
    case CborType::kNull:
      static_cast<void>(in.null());  // which it is
      return ValueView();
    default:
      return fail(Code::kChangesShape, "cell");
  }
}

std::size_t integer_bytes(std::int64_t value) {
  const std::uint64_t size = value < 0 ? ~static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  return size < 24 ? 1 : size <= 0xff ? 2 : size <= 0xffff ? 3 : size <= 0xffffffff ? 5 : 9;
}

bool subtract(std::int64_t a, std::int64_t b, std::int64_t& difference) {
  return !__builtin_sub_overflow(a, b, &difference);
}

Status check_rows(const TableChanges& changes) {
  const Table& table = *changes.table;
  for (std::size_t row = 0; row < changes.inserted_rows(); ++row)
    for (std::size_t column = 0; column < table.columns.size(); ++column)
      if (!table.columns[column].takes(changes.row(row)[column]))
        return fail(Code::kChangesShape, std::string(table.name) + "." + table.columns[column].name);
  // One order, so that the same changes are always the same bytes; and no key twice, whose result would depend on it.
  const auto key_of_row = [&](std::size_t row) { return changes.row(row).first(table.key_columns); };
  bool rising = true;
  for (std::size_t row = 1; row < changes.inserted_rows(); ++row)
    rising = rising && std::is_lt(compare(key_of_row(row - 1), key_of_row(row)));
  for (std::size_t n = 1; n < changes.updated.size(); ++n)
    rising = rising && std::is_lt(compare(changes.updated[n - 1].key, changes.updated[n].key));
  if (!rising) return fail(Code::kChangesShape, std::string(table.name) + " keys not rising");
  std::size_t row = 0;
  for (const RowUpdate& update : changes.updated) {
    while (row < changes.inserted_rows() && std::is_lt(compare(key_of_row(row), update.key))) ++row;
    if (row < changes.inserted_rows() && std::is_eq(compare(key_of_row(row), update.key)))
      return fail(Code::kChangesShape, std::string(table.name) + " key twice");
  }
  return {};
}

Result<RowUpdate> read_update(CborReader& in, const Table& table) {
  DUDAO_TRY(const std::uint64_t parts, in.array());
  if (parts != 2) return fail(Code::kChangesShape, "update");
  DUDAO_TRY(const std::uint64_t key_cells, in.array());
  if (key_cells != table.key_columns) return fail(Code::kChangesShape, std::string(table.name) + " key");
  RowUpdate update;
  for (std::uint64_t i = 0; i < key_cells; ++i) {
    DUDAO_TRY(const ValueView cell, read_cell(in));
    if (!table.columns[static_cast<std::size_t>(i)].takes(cell))
      return fail(Code::kChangesShape, std::string(table.name) + " key");
    update.key.push_back(cell);
  }
  DUDAO_TRY(const std::uint64_t cells, in.map());
  if (cells == 0 || cells > table.columns.size() - table.key_columns)
    return fail(Code::kChangesShape, std::string(table.name) + " update");
  for (std::uint64_t i = 0; i < cells; ++i) {
    DUDAO_TRY(const std::int64_t column, in.integer());
    if (column < static_cast<std::int64_t>(table.key_columns) ||
        column >= static_cast<std::int64_t>(table.columns.size()))
      return fail(Code::kChangesShape, std::string(table.name) + " column");
    DUDAO_TRY(const ValueView cell, read_cell(in));
    const auto at = static_cast<std::size_t>(column);
    if (!table.columns[at].takes(cell))
      return fail(Code::kChangesShape, std::string(table.name) + "." + table.columns[at].name);
    update.cells.emplace_back(at, cell);
  }
  return update;
}

}  // namespace

void write_cell(CborWriter& out, const ValueView& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell))
    out.integer(*integer);
  else if (const auto* text = std::get_if<std::string_view>(&cell))
    out.text(*text);
  else if (const auto* bytes = std::get_if<BytesView>(&cell))
    out.bytes(*bytes);
  else
    out.null();
}

void write_column(CborWriter& out, std::span<const ValueView> cells) {
  bool same = true;
  bool integers = true;
  std::size_t plain_bytes = 0;
  std::size_t delta_bytes = 1;  // The map's key.
  for (std::size_t row = 0; row < cells.size(); ++row) {
    same = same && equal(cells[row], cells[0]);
    const auto* value = std::get_if<std::int64_t>(&cells[row]);
    integers = integers && value;
    if (!integers) continue;
    plain_bytes += integer_bytes(*value);
    std::int64_t difference = *value;
    if (row > 0) integers = subtract(*value, std::get<std::int64_t>(cells[row - 1]), difference);
    delta_bytes += integer_bytes(difference);
  }
  if (cells.size() > 1 && same) {
    out.map(1);
    out.integer(kSameForAll);
    write_cell(out, cells[0]);
  } else if (integers && delta_bytes + 1 < plain_bytes) {
    out.map(1);
    out.integer(kDeltas);
    out.array(cells.size());
    std::int64_t last = 0;
    for (std::size_t row = 0; row < cells.size(); ++row) {
      const std::int64_t value = std::get<std::int64_t>(cells[row]);
      out.integer(row == 0 ? value : value - last);
      last = value;
    }
  } else {
    out.array(cells.size());
    for (const ValueView& cell : cells) write_cell(out, cell);
  }
}

Status read_column(CborReader& in, std::span<ValueView> cells) {
  DUDAO_TRY(const CborType type, in.peek());
  if (type == CborType::kArray) {
    DUDAO_TRY(const std::uint64_t count, in.array());
    if (count != cells.size()) return fail(Code::kChangesShape, "cells");
    for (ValueView& cell : cells) {
      DUDAO_TRY(cell, read_cell(in));
    }
    return {};
  }
  DUDAO_TRY(const std::uint64_t entries, in.map());
  if (entries != 1) return fail(Code::kChangesShape, "column");
  DUDAO_TRY(const std::int64_t layout, in.integer());
  if (layout == kSameForAll) {
    DUDAO_TRY(const ValueView cell, read_cell(in));
    std::fill(cells.begin(), cells.end(), cell);
    return {};
  }
  DUDAO_TRY(const std::uint64_t count, in.array());
  if (layout != kDeltas || count != cells.size()) return fail(Code::kChangesShape, "column");
  std::int64_t value = 0;
  for (ValueView& cell : cells) {
    DUDAO_TRY(const std::int64_t difference, in.integer());
    if (__builtin_add_overflow(value, difference, &value)) return fail(Code::kChangesShape, "column");
    cell = value;
  }
  return {};
}

std::strong_ordering compare(const ValueView& a, const ValueView& b) {
  if (a.index() != b.index()) return a.index() <=> b.index();
  if (const auto* integer = std::get_if<std::int64_t>(&a)) return *integer <=> std::get<std::int64_t>(b);
  if (const auto* text = std::get_if<std::string_view>(&a)) return *text <=> std::get<std::string_view>(b);
  if (const auto* bytes = std::get_if<BytesView>(&a)) {
    const auto& other = std::get<BytesView>(b);
    return std::lexicographical_compare_three_way(bytes->begin(), bytes->end(), other.begin(), other.end());
  }
  return std::strong_ordering::equal;
}

std::strong_ordering compare(std::span<const ValueView> a, std::span<const ValueView> b) {
  return std::lexicographical_compare_three_way(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const ValueView& one, const ValueView& other) { return compare(one, other); });
}

void write_changes(CborWriter& out, const Changes& changes) {
  out.array(changes.tables.size());
  for (const TableChanges& table : changes.tables) {
    const std::size_t rows = table.inserted_rows();
    out.array(4);
    out.integer(table.table->id);
    out.integer(static_cast<std::int64_t>(rows));
    out.array(rows == 0 ? 0 : table.table->columns.size());
    std::vector<ValueView> cells(rows);
    for (std::size_t column = 0; rows != 0 && column < table.table->columns.size(); ++column) {
      for (std::size_t row = 0; row < rows; ++row) cells[row] = table.row(row)[column];
      write_column(out, cells);
    }
    out.array(table.updated.size());
    for (const RowUpdate& update : table.updated) {
      out.array(2);
      out.array(update.key.size());
      for (const ValueView& cell : update.key) write_cell(out, cell);
      out.map(update.cells.size());
      for (const auto& [column, cell] : update.cells) {
        out.integer(static_cast<std::int64_t>(column));
        write_cell(out, cell);
      }
    }
  }
}

Result<Changes> read_changes(CborReader& in, std::size_t max_rows) {
  Changes changes;
  DUDAO_TRY(const std::uint64_t tables, in.array());
  std::uint64_t all_rows = 0;
  int last_id = 0;
  for (std::uint64_t t = 0; t < tables; ++t) {
    DUDAO_TRY(const std::uint64_t parts, in.array());
    if (parts != 4) return fail(Code::kChangesShape, "table");
    DUDAO_TRY(const std::int64_t id, in.integer());
    TableChanges table;
    table.table = id > last_id ? find_table(id) : nullptr;
    if (!table.table) return fail(Code::kChangesTable, std::to_string(id));
    last_id = table.table->id;
    DUDAO_TRY(const std::int64_t rows, in.integer());
    DUDAO_TRY(const std::uint64_t columns, in.array());
    if (rows < 0 || rows > static_cast<std::int64_t>(max_rows))
      return fail(Code::kChangesTooMany, std::to_string(rows));
    // Fewer columns than today come from an older program; none at all only when there are no rows.
    if (columns > table.table->columns.size() || (rows == 0) != (columns == 0) ||
        (rows > 0 && columns < table.table->key_columns))
      return fail(Code::kChangesShape, std::string(table.table->name) + " columns");
    all_rows += static_cast<std::uint64_t>(rows);
    if (all_rows > max_rows) return fail(Code::kChangesTooMany, std::to_string(all_rows));
    table.inserted.resize(static_cast<std::size_t>(rows) * table.table->columns.size());
    std::vector<ValueView> cells(static_cast<std::size_t>(rows));
    for (std::size_t column = 0; column < columns; ++column) {
      DUDAO_CHECK(read_column(in, cells));
      for (std::size_t row = 0; row < cells.size(); ++row)
        table.inserted[row * table.table->columns.size() + column] = cells[row];
    }
    DUDAO_TRY(const std::uint64_t updates, in.array());
    all_rows += updates;
    if (all_rows > max_rows) return fail(Code::kChangesTooMany, std::to_string(all_rows));
    if (rows == 0 && updates == 0) return fail(Code::kChangesShape, std::string(table.table->name) + " empty");
    for (std::uint64_t u = 0; u < updates; ++u) {
      DUDAO_TRY(auto update, read_update(in, *table.table));
      table.updated.push_back(std::move(update));
    }
    DUDAO_CHECK(check_rows(table));
    changes.tables.push_back(std::move(table));
  }
  return changes;
}

void ChangesBuilder::insert(std::string_view table, std::vector<Value> cells) {
  const Table* found = find_table(table);
  assert(found && cells.size() == found->columns.size());
  rows_.push_back({found, true, std::move(cells), {}});
}

void ChangesBuilder::update(std::string_view table, std::vector<Value> key,
                            std::vector<std::pair<std::size_t, Value>> cells) {
  const Table* found = find_table(table);
  assert(found && key.size() == found->key_columns && !cells.empty());
  rows_.push_back({found, false, std::move(key), std::move(cells)});
}

Changes ChangesBuilder::changes() const {
  std::vector<std::pair<std::vector<ValueView>, const Row*>> order;
  for (const Row& row : rows_) {
    std::vector<ValueView> key{std::int64_t{row.table->id}};
    for (std::size_t i = 0; i < row.table->key_columns; ++i) key.push_back(as_view(row.key_or_cells[i]));
    order.emplace_back(std::move(key), &row);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return std::is_lt(compare(a.first, b.first)); });
  Changes changes;
  for (const auto& [key, row] : order) {
    if (changes.tables.empty() || changes.tables.back().table != row->table)
      changes.tables.push_back({row->table, {}, {}});
    TableChanges& table = changes.tables.back();
    if (row->insert) {
      for (const Value& cell : row->key_or_cells) table.inserted.push_back(as_view(cell));
      continue;
    }
    RowUpdate update{{key.begin() + 1, key.end()}, {}};
    for (const auto& [column, cell] : row->cells) update.cells.emplace_back(column, as_view(cell));
    table.updated.push_back(std::move(update));
  }
  return changes;
}

std::vector<ChangesBuilder> ChangesBuilder::split(std::size_t bytes) const {
  std::vector<ChangesBuilder> out;
  std::size_t filled = bytes;
  const auto weight = [](const Value& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return text->size() + 3;
    if (const auto* blob = std::get_if<Bytes>(&cell)) return blob->size() + 3;
    return std::size_t{9};
  };
  for (const Row& row : rows_) {
    std::size_t size = 8;
    for (const Value& cell : row.key_or_cells) size += weight(cell);
    for (const auto& [column, cell] : row.cells) size += weight(cell);
    if (filled + size > bytes) {
      out.emplace_back();
      filled = 0;
    }
    out.back().rows_.push_back(row);
    filled += size;
  }
  return out;
}

Result<ChangesBuilder> changes_of(BytesView changeset) {
  ChangesBuilder builder;
  DUDAO_CHECK(for_each_change(changeset, [&](const RowChange& change) -> Status {
    const Table* table = find_table(change.table);
    if (!table) return fail(Code::kChangesTable, std::string(change.table));
    // The office's own columns behind the shared ones are not there on a device; a device's changeset has exactly
    // these.
    if (change.key.size() != table->columns.size()) return fail(Code::kChangesShape, std::string(change.table));
    if (change.kind == RowChange::Kind::kDelete) return fail(Code::kChangesDelete, std::string(change.table));
    std::vector<Value> key;
    std::vector<std::pair<std::size_t, Value>> cells;
    std::vector<Value> row;
    for (std::size_t column = 0; column < table->columns.size(); ++column) {
      if (change.kind == RowChange::Kind::kInsert)
        row.push_back(to_value(*change.after[column]));
      else if (change.key[column])
        key.push_back(to_value(*change.before[column]));
      else if (change.after[column])
        cells.emplace_back(column, to_value(*change.after[column]));
    }
    if (change.kind == RowChange::Kind::kInsert)
      builder.insert(change.table, std::move(row));
    else if (!cells.empty())
      builder.update(change.table, std::move(key), std::move(cells));
    return {};
  }));
  return builder;
}

Bytes encode_key(std::span<const ValueView> key) {
  CborWriter out;
  for (const ValueView& cell : key) write_cell(out, cell);
  return std::move(out).take();
}

std::string readable_key(const Table& table, std::span<const ValueView> key, bool without_visit) {
  std::string out;
  for (std::size_t column = 0; column < key.size(); ++column) {
    if (without_visit && table.scope == Scope::kVisit && column == 0 && key.size() > 1) continue;
    if (!out.empty()) out.push_back('/');
    if (const auto* integer = std::get_if<std::int64_t>(&key[column])) out.append(std::to_string(*integer));
    if (const auto* text = std::get_if<std::string_view>(&key[column])) out.append(*text);
    if (const auto* bytes = std::get_if<BytesView>(&key[column])) out.append(to_hex(*bytes));
  }
  return out;
}

}  // namespace dudao
