#include "sync/changes.hpp"

#include "sync/payloads.hpp"

#include <limits>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

Bytes encoded(const Changes& changes) {
  CborWriter out;
  write_changes(out, changes);
  return std::move(out).take();
}

std::vector<Value> answer(std::uint8_t visit, std::string item, Value value, std::int64_t at) {
  return {Bytes(16, visit),  std::move(item),  std::string("I001"), std::move(value),
          std::monostate{},  std::monostate{}, std::monostate{},    at,
          std::int64_t{480}, at - 1000};
}

ChangesBuilder sample() {
  ChangesBuilder builder;
  builder.insert("answer", answer(1, "A1", std::int64_t{1}, 1'700'000'000'000));
  builder.insert("answer", answer(1, "A2", std::string("是"), 1'700'000'004'000));
  builder.insert("answer", answer(1, "A3", std::monostate{}, 1'700'000'009'000));
  builder.update("visit", {Bytes(16, 1)}, {{find_table("visit")->column("state"), std::string("IN_PROGRESS")}});
  return builder;
}

}  // namespace

TEST_CASE("changes come back as they were, and written again are the same bytes") {
  const ChangesBuilder builder = sample();
  const Bytes bytes = encoded(builder.changes());
  CborReader in(bytes);
  const auto changes = read_changes(in);
  REQUIRE(changes);
  REQUIRE(in.at_end());
  CHECK(encoded(*changes) == bytes);
  REQUIRE(changes->tables.size() == 2);
  CHECK(changes->tables[0].table->name == "visit");
  CHECK(changes->tables[1].inserted_rows() == 3);
  CHECK(equal(changes->tables[1].row(1)[3], std::string_view("是")));
  CHECK(equal(changes->tables[1].row(2)[7], std::int64_t{1'700'000'009'000}));
}

TEST_CASE("rows of one visit cost little more than what differs between them") {
  ChangesBuilder builder;
  for (int i = 0; i < 40; ++i)
    builder.insert("answer", answer(1, "A" + std::to_string(i), std::int64_t{i % 2}, 1'700'000'000'000 + i * 4000));
  CHECK(encoded(builder.changes()).size() < 40 * 14);
}

TEST_CASE("changes cut anywhere, or with a byte changed, never crash and are never half read") {
  const ChangesBuilder builder = sample();
  const Bytes bytes = encoded(builder.changes());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CborReader in(BytesView(bytes).first(n));
    CHECK_FALSE(read_changes(in));
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = bytes;
      changed[i] ^= static_cast<std::uint8_t>(1 << bit);
      CborReader in(changed);
      static_cast<void>(read_changes(in));
    }
  }
}

TEST_CASE("an unknown table, a missing key, a key twice and too many rows are each refused") {
  const auto refused = [](auto write) {
    CborWriter out;
    write(out);
    const Bytes bytes = std::move(out).take();
    CborReader in(bytes);
    auto result = read_changes(in);
    REQUIRE_FALSE(result);
    return result.error().code;
  };
  const auto table = [](CborWriter& out, std::int64_t id, std::int64_t rows) {
    out.array(1);
    out.array(4);
    out.integer(id);
    out.integer(rows);
  };
  for (const std::int64_t unknown : {std::int64_t{999}, (std::int64_t{1} << 32) + 13})
    CHECK(refused([&](CborWriter& out) {
            table(out, unknown, 1);
            out.array(0);
            out.array(0);
          }) == Code::kChangesTable);
  CHECK(refused([&](CborWriter& out) {
          table(out, 13, 1'000'000);
          out.array(0);
          out.array(0);
        }) == Code::kChangesTooMany);
  CHECK(refused([&](CborWriter& out) {
          table(out, 13, 0);
          out.array(0);
          out.array(0);
        }) == Code::kChangesShape);
  ChangesBuilder twice;
  twice.insert("answer", answer(1, "A1", std::int64_t{1}, 5));
  twice.insert("answer", answer(1, "A1", std::int64_t{0}, 6));
  CHECK(refused([&](CborWriter& out) { write_changes(out, twice.changes()); }) == Code::kChangesShape);
  ChangesBuilder keyless;
  keyless.insert("answer", {Bytes(16, 1), std::monostate{}, std::string("I"), std::monostate{}, std::monostate{},
                            std::monostate{}, std::monostate{}, std::int64_t{1}, std::int64_t{1}, std::int64_t{1}});
  CHECK(refused([&](CborWriter& out) { write_changes(out, keyless.changes()); }) == Code::kChangesShape);
}

TEST_CASE("an update names a row by its whole key and changes cells that the row has") {
  const auto verdict = [](std::size_t parts, std::size_t key_cells, const std::vector<std::int64_t>& columns) {
    CborWriter out;
    out.array(1);
    out.array(4);
    out.integer(13);
    out.integer(0);
    out.array(0);
    out.array(1);
    out.array(parts);
    out.array(key_cells);
    out.bytes(Bytes(16, 1));
    for (std::size_t n = 1; n < key_cells; ++n) out.text("A1");
    if (parts > 1) out.map(columns.size());
    for (std::size_t n = 0; parts > 1 && n < columns.size(); ++n) {
      out.integer(columns[n]);
      out.null();
    }
    for (std::size_t n = 2; n < parts; ++n) out.null();
    CborReader in(out.written());
    const auto read = read_changes(in);
    return read ? "taken" : read.error().detail;
  };
  CHECK(verdict(2, 3, {6}) == "taken");
  CHECK(verdict(1, 3, {6}) == "update");
  CHECK(verdict(3, 3, {6}) == "update");
  CHECK(verdict(2, 2, {6}) == "answer key");
  CHECK(verdict(2, 4, {6}) == "answer key");
  CHECK(verdict(2, 3, {}) == "answer update");
  CHECK(verdict(2, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) == "answer update");
  CHECK(verdict(2, 3, {3, 4, 5, 6, 7, 8, 9}) == "answer.at_utc_ms");  // whose null is none
  CHECK(verdict(2, 3, {2}) == "answer column");
  CHECK(verdict(2, 3, {10}) == "answer column");
}

TEST_CASE("a change set's payload comes back field by field") {
  const ChangesBuilder builder = sample();
  ChangeSet change_set;
  change_set.seq = 7;
  change_set.prev.fill(3);
  change_set.seen.size = 12;
  change_set.seen.root.fill(4);
  change_set.hlc = 1'700'000'000'000ull << 16 | 5;
  change_set.schema_version = 1;
  change_set.changes = builder.changes();
  const Bytes bytes = write_change_set(change_set);
  const auto read = read_change_set(bytes);
  REQUIRE(read);
  CHECK(read->seq == 7);
  CHECK(read->prev == change_set.prev);
  CHECK(read->seen == change_set.seen);
  CHECK(read->hlc == change_set.hlc);
  CHECK(read->action.empty());
  CHECK(write_change_set(*read) == bytes);
  change_set.actor = "王处长";
  change_set.action = "visit.assign";
  const Bytes decision = write_change_set(change_set);
  CHECK(read_change_set(decision)->actor == "王处长");
  change_set.schema_version = kSchemaVersion + 1;
  const Bytes newer = write_change_set(change_set);
  CHECK(read_change_set(newer).error().code == Code::kSchemaNewer);
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(read_change_set(BytesView(bytes).first(n)));
}

TEST_CASE("a column of integers is written in the shorter of its two forms, at each size that integers have") {
  const auto in_differences = [](const std::vector<std::int64_t>& column) {
    std::vector<ValueView> cells(column.begin(), column.end());
    CborWriter out;
    write_column(out, cells);
    return out.written()[0] == 0xa1;
  };
  CHECK(in_differences({25, 24, 25, 24}));       // 7 bytes against 8
  CHECK_FALSE(in_differences({254, 255, 254}));  // 6 against 6, so plain
  CHECK(in_differences({300, 301, 302}));
  CHECK_FALSE(in_differences({65'534, 65'535}));
  CHECK(in_differences({65'536, 65'537}));
  CHECK_FALSE(in_differences({0xf0000000, 0xffffffff}));
  CHECK(in_differences({0x100000000, 0x100000001}));
  CHECK(in_differences({-25, -26, -25, -26}));
  CHECK_FALSE(in_differences({0, 100, 0, 100}));
}

TEST_CASE("rows and updates up to the limit are read, one more is not") {
  const auto code = [](std::size_t rows, std::size_t updates, std::size_t most) {
    ChangesBuilder builder;
    for (std::size_t i = 0; i < rows; ++i)
      builder.insert("answer", answer(1, "A" + std::to_string(100 + i), Value(), 1));
    for (std::size_t i = 0; i < updates; ++i)
      builder.update("answer", {Bytes(16, 2), "A" + std::to_string(100 + i), std::string("I001")},
                     {{3, std::int64_t{1}}});
    const Bytes bytes = encoded(builder.changes());
    CborReader in(bytes);
    const auto read = read_changes(in, most);
    return read ? Code{} : read.error().code;
  };
  CHECK(code(3, 0, 3) == Code{});
  CHECK(code(3, 0, 2) == Code::kChangesTooMany);
  CHECK(code(0, 3, 3) == Code{});
  CHECK(code(0, 3, 2) == Code::kChangesTooMany);
  CHECK(code(2, 2, 4) == Code{});
  CHECK(code(2, 2, 3) == Code::kChangesTooMany);
}

TEST_CASE("keys that fall anywhere, or stand among rows and updates, are refused wherever they stand") {
  const Bytes visit(16, 1);
  const auto read = [&](const std::vector<int>& rows, const std::vector<int>& updates) {
    TableChanges table;
    table.table = find_table("question");
    for (const int n : rows)
      for (const ValueView& cell : {ValueView(BytesView(visit)), ValueView(std::int64_t{n}), ValueView(),
                                    ValueView(std::string_view("问")), ValueView(std::int64_t{1})})
        table.inserted.push_back(cell);
    for (const int n : updates)
      table.updated.push_back({{BytesView(visit), std::int64_t{n}}, {{3, std::string_view("问")}}});
    const Bytes bytes = encoded({{table}});
    CborReader in(bytes);
    const auto changes = read_changes(in);
    return changes ? Code{} : changes.error().code;
  };
  CHECK(read({1, 2, 3}, {4, 5, 6}) == Code{});
  CHECK(read({2, 1, 3}, {}) == Code::kChangesShape);
  CHECK(read({1, 3, 2}, {}) == Code::kChangesShape);
  CHECK(read({1, 1}, {}) == Code::kChangesShape);
  CHECK(read({}, {2, 1, 3}) == Code::kChangesShape);
  CHECK(read({}, {1, 3, 2}) == Code::kChangesShape);
  CHECK(read({}, {1, 1}) == Code::kChangesShape);
  CHECK(read({1, 2, 3}, {3}) == Code::kChangesShape);
  CHECK(read({1, 2, 3}, {1}) == Code::kChangesShape);
  CHECK(read({2}, {1, 3}) == Code{});
}

TEST_CASE("a table of three or five parts, or with a column that is none, is refused") {
  const auto code = [](std::size_t parts, bool whole_column, std::size_t columns) {
    CborWriter out;
    out.array(1);
    out.array(parts);
    out.integer(find_table("zone")->id);
    out.integer(1);
    out.array(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      out.array(whole_column || i > 0 ? 1 : 2);
      out.text("A1");
      if (!whole_column && i == 0) out.text("A2");
    }
    out.array(0);
    if (parts > 4) out.array(0);
    CborReader in(out.written());
    const auto read = read_changes(in);
    return read ? Code{} : read.error().code;
  };
  CHECK(code(4, true, 2) == Code{});  // as a program wrote it that knew no day of its end
  CHECK(code(5, true, 2) == Code::kChangesShape);
  CHECK(code(3, true, 2) == Code::kChangesShape);
  CHECK(code(4, true, 1) == Code::kChangesShape);
  CHECK(code(4, false, 2) != Code{});
}

TEST_CASE("a column whose sums leave what an integer holds is refused, though everything around it can be read") {
  const auto code = [](std::int64_t second) {
    CborWriter out;
    out.array(1);
    out.array(4);
    out.integer(find_table("answer")->id);
    out.integer(2);
    out.array(find_table("answer")->columns.size());
    const std::vector<Value> rows[] = {answer(1, "A1", std::int64_t{1}, 5), answer(1, "A2", std::int64_t{1}, 5)};
    for (std::size_t column = 0; column < rows[0].size(); ++column) {
      if (column != 8) {
        write_column(out, std::vector<ValueView>{as_view(rows[0][column]), as_view(rows[1][column])});
        continue;
      }
      out.map(1);
      out.integer(2);  // as differences
      out.array(2);
      out.integer(std::numeric_limits<std::int64_t>::max() - 1);
      out.integer(second);
    }
    out.array(0);
    CborReader in(out.written());
    const auto read = read_changes(in);
    return read ? Code{} : read.error().code;
  };
  CHECK(code(1) == Code{});
  CHECK(code(2) == Code::kChangesShape);
}

TEST_CASE("rows of several tables count together, and too many are refused before a cell of them is read") {
  const auto code = [](std::size_t most) {
    CborWriter out;
    out.array(2);
    for (const char* name : {"zone", "conflict_of_interest"}) {
      out.array(4);
      out.integer(find_table(name)->id);
      out.integer(2);
      out.array(2);
      for (int column = 0; column < 2; ++column) {
        if (name == std::string_view("zone"))
          write_column(out, std::vector<ValueView>{std::string_view("A1"), std::string_view("A2")});
        else
          out.null();
      }
      out.array(0);
    }
    CborReader in(out.written());
    return read_changes(in, most).error().code;
  };
  CHECK(code(4) == Code::kCborType);  // as far as the cells, which are none
  CHECK(code(3) == Code::kChangesTooMany);
}

TEST_CASE("rows are divided into portions that are filled up to the limit") {
  ChangesBuilder builder;
  for (int n = 0; n < 4; ++n) builder.insert("zone", {std::string("I001"), "14000" + std::to_string(n), Value()});
  const auto portions = [&](std::size_t bytes) {
    std::vector<std::size_t> out;
    for (const ChangesBuilder& portion : builder.split(bytes)) out.push_back(portion.rows());
    return out;
  };
  constexpr std::size_t kRow = 8 + (4 + 3) + (6 + 3) + 9;
  CHECK(portions(2 * kRow) == std::vector<std::size_t>{2, 2});
  CHECK(portions(2 * kRow - 1) == std::vector<std::size_t>{1, 1, 1, 1});
  CHECK(portions(3 * kRow) == std::vector<std::size_t>{3, 1});
  CHECK(portions(1) == std::vector<std::size_t>{1, 1, 1, 1});
  CHECK(ChangesBuilder().split(1).empty());
}

TEST_CASE("a changeset of a table that is not shared, of other columns, or of a row that went is refused") {
  const auto code = [](const std::string& table, const std::string& columns, const std::string& change) {
    const auto db = Database::open(":memory:", Database::Mode::kOpenOrCreate, kDeviceApplicationId).value();
    REQUIRE(db->script("CREATE TABLE " + table + " (inspector, school" + columns +
                       ", PRIMARY KEY (inspector, school)) WITHOUT ROWID;"
                       "INSERT INTO " +
                       table + " (inspector, school) VALUES ('I001', 'A1')"));
    const std::vector<std::string_view> watched{table};
    auto capture = Capture::begin(*db, watched);
    REQUIRE(capture);
    REQUIRE(db->script(change));
    const Bytes changeset = capture->changeset().value();
    REQUIRE_FALSE(changeset.empty());
    const auto read = changes_of(changeset);
    return read ? Code{} : read.error().code;
  };
  CHECK(code("zone", ", until_day", "UPDATE zone SET until_day = 1") == Code{});
  CHECK(code("zones", ", until_day", "UPDATE zones SET until_day = 1") == Code::kChangesTable);
  CHECK(code("zone", ", until_day, since_day", "UPDATE zone SET until_day = 1") == Code::kChangesShape);
  CHECK(code("zone", "", "INSERT INTO zone VALUES ('I002', 'A1')") == Code::kChangesShape);
  CHECK(code("zone", ", until_day", "DELETE FROM zone") == Code::kChangesDelete);
}

TEST_CASE("a table stands in changes once and has columns only where it has rows") {
  const auto code = [](const std::vector<std::pair<std::int64_t, std::size_t>>& tables) {
    CborWriter out;
    out.array(tables.size());
    for (const auto& [id, columns] : tables) {
      out.array(4);
      out.integer(id);
      out.integer(0);
      out.array(columns);
      for (std::size_t i = 0; i < columns; ++i) out.array(0);
      out.array(1);
      out.array(2);
      out.array(1);
      out.bytes(Bytes(16, 1));
      out.map(1);
      out.integer(static_cast<std::int64_t>(find_table("visit")->column("state")));
      out.text("READY");
    }
    CborReader in(out.written());
    const auto read = read_changes(in);
    return read ? Code{} : read.error().code;
  };
  const std::int64_t visit = find_table("visit")->id;
  CHECK(code({{visit, 0}}) == Code{});
  CHECK(code({{visit, 0}, {visit, 0}}) == Code::kChangesTable);
  CHECK(code({{visit, 1}}) == Code::kChangesShape);
}
