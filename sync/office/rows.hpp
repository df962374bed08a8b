#pragma once

/// Rows by the names of their columns, as the office's use cases read and write them. Pure but for row_of(); any
/// thread.

#include "platform/bytes.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// REQUIRES, here and below: the table and the column exist.
inline const Table& table_of(std::string_view name) { return *find_table(name); }

/// Empty where the cell is NULL.
inline std::string text_in(const Table& table, const std::vector<Value>& cells, std::string_view column) {
  const auto* const value = std::get_if<std::string>(&cells[table.column(column)]);
  return value ? *value : std::string();
}
inline std::string text_in(const Table& table, const StoredRow& row, std::string_view column) {
  return text_in(table, row.cells, column);
}
/// Empty where the cell is NULL.
inline Bytes bytes_in(const Table& table, const StoredRow& row, std::string_view column) {
  const auto* const value = std::get_if<Bytes>(&row.cells[table.column(column)]);
  return value ? *value : Bytes();
}
/// Nothing where the cell is NULL.
inline std::optional<std::int64_t> integer_in(const Table& table, const std::vector<Value>& cells,
                                              std::string_view column) {
  const auto* const value = std::get_if<std::int64_t>(&cells[table.column(column)]);
  return value ? std::optional(*value) : std::nullopt;
}
inline std::optional<std::int64_t> integer_in(const Table& table, const StoredRow& row, std::string_view column) {
  return integer_in(table, row.cells, column);
}

/// NULL for what is empty.
inline Value or_null(std::string_view text) { return text.empty() ? Value() : Value(std::string(text)); }
inline Value or_null(const Bytes& bytes) { return bytes.empty() ? Value() : Value(bytes); }
inline Value or_null(const std::optional<std::int64_t>& number) { return number ? Value(*number) : Value(); }

/// Errors: database errors.
inline Result<std::optional<StoredRow>> row_of(Store& rows, std::string_view table,
                                               std::initializer_list<ValueView> key) {
  return rows.row(table_of(table), std::vector<ValueView>(key));
}

/// What people write, before it goes into a row. Errors: kTextNotUtf8 (also for a NUL), kTextTooLong; `what` is named.
inline Status check_words(std::string_view text, std::size_t most_chars, const char* what) {
  if (!is_utf8(view(text)) || text.find('\0') != std::string_view::npos) return fail(Code::kTextNotUtf8, what);
  return count_characters(text) <= most_chars ? Status() : fail(Code::kTextTooLong, what);
}

}  // namespace dudao
