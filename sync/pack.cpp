#include "sync/pack.hpp"

#include "sync/cbor.hpp"
#include "sync/payloads.hpp"
#include "sync/statement.hpp"
#include "sync/visit_root.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace dudao {
namespace {

constexpr std::size_t kParts = 12;

using Cells = std::vector<ValueView>;

/// A change set taken apart, with what of its statement does not follow from its neighbours.
struct Loose {
  std::int64_t issued_utc_s = 0;
  ChangeSet set;
  BytesView signature;
  std::vector<BytesView> visits;  ///< that it speaks of, rising
};

BytesView visit_of(const ValueView& cell) {
  const auto* bytes = std::get_if<BytesView>(&cell);
  return bytes ? *bytes : BytesView();
}

std::span<ValueView> row_of(TableChanges& table, std::size_t n) {
  return std::span(table.inserted).subspan(n * table.table->columns.size(), table.table->columns.size());
}

/// Shows every cell of the visit that follows from its other rows in the same change set, with what it must be: the
/// document that feedback and signatures are bound to, and the root under a submission.
template <class See>
void each_derived(Changes& changes, BytesView visit, const See& see) {
  const auto each_row = [&](std::string_view name, const auto& take) {
    for (TableChanges& table : changes.tables) {
      if (table.table->name != name) continue;
      std::size_t low = 0;
      std::size_t high = table.inserted_rows();
      const ValueView key = visit;
      while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (std::is_lt(compare(table.row(middle)[0], key)))
          low = middle + 1;
        else
          high = middle;
      }
      for (; low < table.inserted_rows() && equal(table.row(low)[0], key); ++low)
        take(*table.table, row_of(table, low));
    }
  };
  const auto add_to = [](VisitRoot& root) {
    return [&root](const Table& table, std::span<const ValueView> row) { root.add(table, row); };
  };
  // Both roots begin with the same tables, which are most of a visit.
  const auto shared =
      static_cast<std::size_t>(std::ranges::mismatch(kFeedbackTables, kRootTables).in1 - kFeedbackTables.begin());
  VisitRoot root;
  for (const std::string_view name : std::span(kRootTables).first(shared)) each_row(name, add_to(root));
  VisitRoot feedback_root = root;
  for (const std::string_view name : std::span(kFeedbackTables).subspan(shared)) each_row(name, add_to(feedback_root));
  std::optional<Hash> document;
  each_row("feedback", [&](const Table& table, std::span<ValueView> row) {
    const auto* words = std::get_if<std::string_view>(&row[table.column("text")]);
    document = document_hash(visit, feedback_root.finish(), words ? *words : std::string_view());
    see(row[table.column("document_hash")], *document);
  });
  each_row("signature", [&](const Table& table, std::span<ValueView> row) {
    if (document) see(row[table.column("document_hash")], *document);
  });
  for (const std::string_view name : std::span(kRootTables).subspan(shared)) each_row(name, add_to(root));
  each_row("submission",
           [&](const Table& table, std::span<ValueView> row) { see(row[table.column("root")], root.finish()); });
}

Result<Bytes> assemble(const Loose& loose, std::int64_t device, const PublicKey& key) {
  return sign_statement({.type = StatementType::kChangeSet,
                         .issuer = "d" + std::to_string(device),
                         .subject = std::to_string(loose.set.seq),
                         .issued_utc_s = loose.issued_utc_s},
                        write_change_set(loose.set), key,
                        [&](BytesView) { return Result<Bytes>(to_bytes(loose.signature)); });
}

/// Absent: the pack could not give this statement back.
std::optional<Loose> loosen(const Bytes& statement, std::int64_t device, const PublicKey& key) {
  const auto parsed = parse_statement(statement);
  if (!parsed || parsed->type != StatementType::kChangeSet) return {};
  auto set = read_change_set(parsed->payload);
  if (!set || set->changes.empty()) return {};
  Loose out{parsed->issued_utc_s, *std::move(set), parsed->signature, {}};
  const auto again = assemble(out, device, key);
  if (!again || *again != statement) return {};
  for (const TableChanges& table : out.set.changes.tables) {
    if (table.table->scope != Scope::kVisit) return {};
    for (std::size_t n = 0; n < table.inserted_rows(); ++n) out.visits.push_back(visit_of(table.row(n)[0]));
    for (const RowUpdate& update : table.updated) out.visits.push_back(visit_of(update.key[0]));
  }
  const auto less = [](BytesView a, BytesView b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  };
  std::sort(out.visits.begin(), out.visits.end(), less);
  out.visits.erase(std::unique(out.visits.begin(), out.visits.end(),
                               [](BytesView a, BytesView b) { return std::ranges::equal(a, b); }),
                   out.visits.end());
  std::vector<ValueView*> holes;
  for (const BytesView visit : out.visits) {
    if (visit.size() != 16) return {};
    bool exact = true;
    each_derived(out.set.changes, visit, [&](ValueView& cell, const Hash& hash) {
      exact = exact && !equal(cell, BytesView());  // Which is the sign of a hole.
      if (equal(cell, BytesView(hash))) holes.push_back(&cell);
    });
    if (!exact) return {};
  }
  for (ValueView* hole : holes) *hole = BytesView();
  return out;
}

/// At least as many as Unpacker counts: of each visit there are two in every table of the pack, which others may have
/// brought into it.
std::size_t cells_in(const Loose& loose) {
  std::size_t cells = 8 + loose.visits.size() * (1 + 2 * synced_tables().size());
  for (const TableChanges& table : loose.set.changes.tables) {
    cells += table.inserted.size();
    for (const RowUpdate& update : table.updated) cells += update.key.size() + 1 + 2 * update.cells.size();
  }
  return cells;
}

void write_table(CborWriter& out, const Table& table, const std::vector<Loose>& all) {
  const std::size_t width = table.columns.size();
  Cells rows;  // How many for each visit of each change set.
  Cells updates;
  std::vector<Cells> columns(width);
  std::vector<Cells> keys(table.key_columns);
  Cells changed;
  Cells positions;
  Cells values;
  for (const Loose& loose : all) {
    const auto& tables = loose.set.changes.tables;
    const auto found = std::ranges::find(tables, &table, &TableChanges::table);
    std::size_t row = 0;
    std::size_t update = 0;
    for (const BytesView visit : loose.visits) {
      const std::size_t first_row = row;
      const std::size_t first_update = update;
      if (found != tables.end()) {
        for (; row < found->inserted_rows() && equal(found->row(row)[0], visit); ++row)
          for (std::size_t i = 1; i < width; ++i) columns[i].push_back(found->row(row)[i]);
        for (; update < found->updated.size() && equal(found->updated[update].key[0], visit); ++update) {
          const RowUpdate& each = found->updated[update];
          for (std::size_t i = 1; i < table.key_columns; ++i) keys[i].push_back(each.key[i]);
          changed.emplace_back(static_cast<std::int64_t>(each.cells.size()));
          for (const auto& [position, value] : each.cells) {
            positions.emplace_back(static_cast<std::int64_t>(position));
            values.push_back(value);
          }
        }
      }
      rows.emplace_back(static_cast<std::int64_t>(row - first_row));
      updates.emplace_back(static_cast<std::int64_t>(update - first_update));
    }
  }
  out.array(5);
  out.integer(table.id);
  write_column(out, rows);
  out.array(columns[1].empty() ? 0 : width - 1);
  for (std::size_t i = 1; i < width && !columns[1].empty(); ++i) write_column(out, columns[i]);
  write_column(out, updates);
  out.array(changed.empty() ? 0 : table.key_columns + 2);
  if (changed.empty()) return;
  for (std::size_t i = 1; i < table.key_columns; ++i) write_column(out, keys[i]);
  for (const Cells& each : {changed, positions, values}) write_column(out, each);
}

Bytes write_pack(const std::vector<Loose>& all) {
  CborWriter out;
  out.array(kParts);
  out.integer(static_cast<std::int64_t>(all.front().set.seq));
  out.bytes(all.front().set.prev);
  out.integer(static_cast<std::int64_t>(all.size()));
  const auto column = [&](const auto& cell_of) {
    Cells cells;
    for (const Loose& loose : all) cells.emplace_back(cell_of(loose));
    write_column(out, cells);
  };
  column([](const Loose& loose) { return loose.issued_utc_s; });
  column([](const Loose& loose) { return static_cast<std::int64_t>(loose.set.seen.size); });
  column([](const Loose& loose) { return BytesView(loose.set.seen.root); });
  column([](const Loose& loose) { return static_cast<std::int64_t>(loose.set.hlc); });
  column([](const Loose& loose) { return std::int64_t{loose.set.schema_version}; });
  column([](const Loose& loose) { return static_cast<std::int64_t>(loose.visits.size()); });
  Bytes visits;
  Bytes signatures;
  std::map<int, const Table*> tables;
  for (const Loose& loose : all) {
    for (const BytesView visit : loose.visits) append(visits, visit);
    append(signatures, loose.signature);
    for (const TableChanges& table : loose.set.changes.tables) tables[table.table->id] = table.table;
  }
  out.bytes(visits);
  out.bytes(signatures);
  out.array(tables.size());
  for (const auto& [id, table] : tables) write_table(out, *table, all);
  return std::move(out).take();
}

/// Reads one pack.
class Unpacker {
 public:
  Unpacker(CborReader& in, std::size_t most) : in_(in), most_(most) {}

  /// The change sets, but for what follows from the others; views point into the body.
  Result<std::vector<Loose>> read() {
    DUDAO_TRY(const std::uint64_t parts, in_.array());
    if (parts != kParts) return fail(Code::kPackForm, "parts");
    DUDAO_TRY(const std::int64_t first, in_.integer());
    DUDAO_TRY(const BytesView prev, in_.bytes());
    const auto first_prev = to_array<32>(prev);
    DUDAO_TRY(const std::int64_t count, in_.integer());
    if (first < 1 || !first_prev || count < 1 || first > INT64_MAX - count) return fail(Code::kPackForm, "head");
    if (static_cast<std::uint64_t>(count) > most_) return fail(Code::kTooManyStatements, std::to_string(most_));
    all_.resize(static_cast<std::size_t>(count));
    for (std::size_t n = 0; n < all_.size(); ++n) all_[n].set.seq = static_cast<std::uint64_t>(first) + n;
    all_.front().set.prev = *first_prev;
    DUDAO_TRY(const Cells issued, column(all_.size()));
    DUDAO_TRY(const Cells sizes, column(all_.size()));
    DUDAO_TRY(const Cells roots, column(all_.size()));
    DUDAO_TRY(const Cells hlcs, column(all_.size()));
    DUDAO_TRY(const Cells versions, column(all_.size()));
    DUDAO_TRY(const std::vector<std::size_t> visits, counts(all_.size()));
    DUDAO_TRY(const BytesView ids, in_.bytes());
    DUDAO_TRY(const BytesView signatures, in_.bytes());
    std::size_t all_visits = 0;
    for (const std::size_t each : visits) all_visits += each;
    if (ids.size() != all_visits * 16 || signatures.size() != all_.size() * 64) return fail(Code::kPackForm, "sizes");
    std::size_t visit = 0;
    for (std::size_t n = 0; n < all_.size(); ++n) {
      Loose& loose = all_[n];
      const auto* root = std::get_if<BytesView>(&roots[n]);
      const auto hash = root ? to_array<32>(*root) : std::nullopt;
      DUDAO_TRY(loose.issued_utc_s, natural(issued[n]));
      DUDAO_TRY(const std::int64_t size, natural(sizes[n]));
      DUDAO_TRY(const std::int64_t hlc, natural(hlcs[n]));
      DUDAO_TRY(const std::int64_t version, natural(versions[n]));
      if (!hash || version > INT32_MAX) return fail(Code::kPackForm, "seen");
      loose.set.seen = {static_cast<std::uint64_t>(size), *hash};
      loose.set.hlc = static_cast<std::uint64_t>(hlc);
      loose.set.schema_version = static_cast<int>(version);
      loose.signature = signatures.subspan(n * 64, 64);
      for (std::size_t i = 0; i < visits[n]; ++i) loose.visits.push_back(ids.subspan(16 * visit++, 16));
    }
    DUDAO_TRY(const std::uint64_t tables, in_.array());
    int last = 0;
    for (std::uint64_t n = 0; n < tables; ++n) {
      DUDAO_TRY(const std::uint64_t fields, in_.array());
      DUDAO_TRY(const std::int64_t id, in_.integer());
      const Table* table = id > last ? find_table(id) : nullptr;
      if (fields != 5 || !table || table->scope != Scope::kVisit) return fail(Code::kPackForm, "table");
      last = table->id;
      DUDAO_CHECK(read_table(*table, all_visits));
    }
    return std::move(all_);
  }

 private:
  static Result<std::int64_t> natural(const ValueView& cell) {
    const auto* integer = std::get_if<std::int64_t>(&cell);
    if (!integer || *integer < 0) return fail(Code::kPackForm, "number");
    return *integer;
  }
  Result<Cells> column(std::size_t size) {
    if (size > kMaxPackedCells - cells_) return fail(Code::kPackForm, "too many cells");
    cells_ += size;
    Cells out(size);
    DUDAO_CHECK(read_column(in_, out));
    return out;
  }
  /// A column of numbers of things, of which there cannot be more than cells.
  Result<std::vector<std::size_t>> counts(std::size_t size) {
    DUDAO_TRY(const Cells cells, column(size));
    std::vector<std::size_t> out;
    for (const ValueView& cell : cells) {
      DUDAO_TRY(const std::int64_t number, natural(cell));
      if (static_cast<std::uint64_t>(number) > kMaxPackedCells) return fail(Code::kPackForm, "too many cells");
      out.push_back(static_cast<std::size_t>(number));
    }
    return out;
  }
  static std::size_t sum(const std::vector<std::size_t>& counts) {
    std::size_t out = 0;
    for (const std::size_t each : counts) out += each;
    return out;
  }
  Result<std::vector<Cells>> columns(std::size_t many, std::size_t size) {
    DUDAO_TRY(const std::uint64_t there, in_.array());
    if (there != (size == 0 ? 0 : many)) return fail(Code::kPackForm, "columns");
    std::vector<Cells> out;
    for (std::uint64_t i = 0; i < there; ++i) {
      DUDAO_TRY(Cells cells, column(size));
      out.push_back(std::move(cells));
    }
    return out;
  }

  Status read_table(const Table& table, std::size_t all_visits) {
    DUDAO_TRY(const auto rows, counts(all_visits));
    DUDAO_TRY(const auto cells, columns(table.columns.size() - 1, sum(rows)));
    DUDAO_TRY(const auto updates, counts(all_visits));
    const std::size_t all_updates = sum(updates);
    DUDAO_TRY(const std::uint64_t parts, in_.array());
    if (parts != (all_updates == 0 ? 0 : table.key_columns + 2)) return fail(Code::kPackForm, "updates");
    std::vector<Cells> keys;
    std::vector<std::size_t> changed;
    std::vector<std::size_t> positions;
    Cells values;
    if (all_updates > 0) {
      for (std::size_t i = 1; i < table.key_columns; ++i) {
        DUDAO_TRY(Cells key, column(all_updates));
        keys.push_back(std::move(key));
      }
      DUDAO_TRY(changed, counts(all_updates));
      DUDAO_TRY(positions, counts(sum(changed)));
      DUDAO_TRY(values, column(positions.size()));
    }
    std::size_t visit = 0;
    std::size_t row = 0;
    std::size_t update = 0;
    std::size_t value = 0;
    for (Loose& loose : all_) {
      TableChanges mine{&table, {}, {}};
      for (const BytesView id : loose.visits) {
        for (std::size_t n = 0; n < rows[visit]; ++n, ++row) {
          mine.inserted.emplace_back(id);
          for (const Cells& each : cells) mine.inserted.push_back(each[row]);
        }
        for (std::size_t n = 0; n < updates[visit]; ++n, ++update) {
          RowUpdate each{{id}, {}};
          for (const Cells& key : keys) each.key.push_back(key[update]);
          for (std::size_t i = 0; i < changed[update]; ++i, ++value)
            each.cells.emplace_back(positions[value], values[value]);
          mine.updated.push_back(std::move(each));
        }
        ++visit;
      }
      if (!mine.inserted.empty() || !mine.updated.empty()) loose.set.changes.tables.push_back(std::move(mine));
    }
    return {};
  }

  CborReader& in_;
  std::size_t most_;
  std::size_t cells_ = 0;
  std::vector<Loose> all_;
};

}  // namespace

Bytes pack_statements(std::span<const Bytes> statements, std::int64_t device, const PublicKey& device_key) {
  Bytes out;
  std::vector<Loose> run;
  std::size_t cells = 0;
  const auto end_run = [&] {
    if (!run.empty()) append(out, write_pack(run));
    run.clear();
    cells = 0;
  };
  std::optional<Hash> before;  // Id of the statement before, where that goes into the same pack.
  for (const Bytes& statement : statements) {
    auto loose = loosen(statement, device, device_key);
    const std::size_t size = loose ? cells_in(*loose) : 0;
    if (!loose || size > kMaxPackedCells) {
      end_run();
      append(out, statement);
      continue;
    }
    if (!run.empty() &&
        (cells + size > kMaxPackedCells || loose->set.seq != run.back().set.seq + 1 || loose->set.prev != before))
      end_run();
    before = parse_statement(statement)->id;
    cells += size;
    run.push_back(std::move(*loose));
  }
  end_run();
  return out;
}

void call_in_turn(std::size_t count, const std::function<void(std::size_t)>& work) {
  for (std::size_t n = 0; n < count; ++n) work(n);
}

Result<std::vector<Bytes>> unpack_statements(BytesView packed, std::int64_t device, const PublicKey& device_key,
                                             std::size_t most, std::size_t max_bytes, const CallEach& each) {
  CborReader in(packed);
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  const auto add = [&](Bytes statement) -> Status {
    bytes += statement.size();
    if (bytes > max_bytes) return fail(Code::kCompressedTooLarge, std::to_string(max_bytes) + " bytes");
    out.push_back(std::move(statement));
    return {};
  };
  while (!in.at_end()) {
    if (out.size() == most) return fail(Code::kTooManyStatements, std::to_string(most));
    DUDAO_TRY(const CborType type, in.peek());
    if (type != CborType::kArray) {
      DUDAO_TRY(const BytesView statement, in.item());
      DUDAO_CHECK(add(to_bytes(statement)));
      continue;
    }
    DUDAO_TRY(std::vector<Loose> all, Unpacker(in, most - out.size()).read());
    std::vector<std::deque<Hash>> made(all.size());  // Keeps what the cells point to.
    each(all.size(), [&](std::size_t n) {
      for (const BytesView visit : all[n].visits)
        each_derived(all[n].set.changes, visit, [&](ValueView& cell, const Hash& hash) {
          if (equal(cell, BytesView())) cell = BytesView(made[n].emplace_back(hash));
        });
    });
    std::optional<Hash> before;
    for (Loose& loose : all) {
      if (before) loose.set.prev = *before;
      DUDAO_TRY(Bytes statement, assemble(loose, device, device_key));
      DUDAO_TRY(const Statement parsed, parse_statement(statement));
      before = parsed.id;
      DUDAO_CHECK(add(std::move(statement)));
    }
  }
  return out;
}

}  // namespace dudao
