#include "sync/changes.hpp"

#include "sync/payloads.hpp"

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
  CHECK(refused([&](CborWriter& out) {
          table(out, 999, 1);
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
