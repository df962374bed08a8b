#include "sync/visit_root.hpp"

#include "platform/crypto.hpp"
#include "sync/changes.hpp"

namespace dudao {

// The table's number comes first, so that a row of one table can never pass for a row of another.
void VisitRoot::add(const Table& table, std::span<const ValueView> row) {
  row_.integer(table.id);
  for (const ValueView& cell : row) write_cell(row_, cell);
  add_written();
}

void VisitRoot::add(const Table& table, std::span<const Value> row) {
  row_.integer(table.id);
  for (const Value& cell : row) write_cell(row_, as_view(cell));
  add_written();
}

void VisitRoot::add_written() {
  running_ = sha256({running_, row_.written()});
  row_.clear();
  ++rows_;
}

Hash VisitRoot::finish() const {
  const ValueView count = rows_;
  return sha256({running_, encode_key(std::span(&count, 1))});
}

Hash document_hash(BytesView visit, const Hash& root, std::string_view feedback_text) {
  return sha256({view("dudao feedback\n"), visit, root, view(feedback_text)});
}

Result<Hash> visit_root(Database& db, BytesView visit, std::span<const std::string_view> tables) {
  VisitRoot root;
  for (const std::string_view name : tables) {
    const Table& table = *find_table(name);
    std::string columns;
    std::string order;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      columns += (i ? ", " : "") + table.columns[i].name;
      if (i < table.key_columns) order += (i ? ", " : "") + table.columns[i].name;
    }
    DUDAO_TRY(auto q,
              db.query("SELECT " + columns + " FROM " + std::string(name) + " WHERE visit = ? ORDER BY " + order));
    q.bind(visit);
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) break;
      std::vector<ValueView> row;
      for (int i = 0; i < q.columns(); ++i) row.push_back(q.value(i));
      root.add(table, row);
    }
  }
  return root.finish();
}

}  // namespace dudao
