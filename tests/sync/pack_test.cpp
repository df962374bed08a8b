#include "sync/pack.hpp"

#include "platform/crypto.hpp"
#include "sync/cbor.hpp"
#include "sync/payloads.hpp"
#include "sync/statement.hpp"
#include "sync/visit_root.hpp"

#include <random>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

constexpr std::size_t kMost = 2'000;
constexpr std::size_t kMaxBytes = 16u << 20;

/// A device that writes statements one after the other.
struct Author {
  PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  std::uint64_t seq = 0;
  Hash head{};
  std::vector<Bytes> sent;

  void seal(const ChangesBuilder& rows) {
    ChangeSet set;
    set.seq = ++seq;
    set.prev = head;
    set.seen = {seq * 3, sha256(view("root " + std::to_string(seq / 4)))};
    set.hlc = (std::uint64_t{1'767'232'803'000} << 16) + seq;
    set.schema_version = 1;
    set.changes = rows.changes();
    add(write_change_set(set));
  }
  void add(const Bytes& payload, std::string subject = {}, std::string issuer = "d7") {
    if (subject.empty()) subject = std::to_string(seq);
    const auto bytes =
        sign_statement({StatementType::kChangeSet, std::move(issuer), std::move(subject), 1'767'232'803}, payload,
                       key.public_key(), [&](BytesView message) { return Result<Bytes>(key.sign(message)); });
    REQUIRE(bytes);
    head = parse_statement(*bytes)->id;
    sent.push_back(*bytes);
  }
  Bytes packed() const { return pack_statements(sent, 7, key.public_key()); }
  Result<std::vector<Bytes>> unpack(BytesView bytes, std::size_t most = kMost,
                                    std::size_t max_bytes = kMaxBytes) const {
    return unpack_statements(bytes, 7, key.public_key(), most, max_bytes);
  }
};

Bytes visit_id(int n) {
  const Hash hash = sha256(view("visit " + std::to_string(n)));
  return {hash.begin(), hash.begin() + 16};
}

std::vector<Value> moment(int n) {
  return {std::int64_t{1'767'232'800'000 + n * 7'013}, std::int64_t{480}, std::int64_t{5'000 + n * 7'013}};
}
std::vector<Value> row(std::vector<Value> cells, int n, bool inspector = true) {
  if (inspector) cells.emplace_back(std::string("I001"));
  for (Value& each : moment(n)) cells.push_back(std::move(each));
  return cells;
}

/// A whole visit in one change set, submitted with its true root unless told otherwise.
ChangesBuilder whole_visit(int n, int answers = 12, bool true_hashes = true) {
  const Bytes visit = visit_id(n);
  ChangesBuilder rows;
  rows.update("visit", {visit}, {{13, std::string("SUBMITTED")}});
  for (int i = 0; i < answers; ++i)
    rows.insert("answer", row({visit, "S" + std::to_string(i), std::string("I001"), std::int64_t{i * n % 7}, Value(),
                               Value(), i % 5 == 0 ? Value(std::string("说明")) : Value()},
                              i, false));
  rows.insert("note", row({visit, std::int64_t{7}, std::int64_t{1}, Value(), std::string("校门有保安"), Value()}, 40));
  Changes now = rows.changes();
  const auto root_over = [&](std::span<const std::string_view> tables) {
    VisitRoot root;
    now = rows.changes();
    for (const std::string_view name : tables)
      for (const TableChanges& table : now.tables)
        if (table.table->name == name)
          for (std::size_t r = 0; r < table.inserted_rows(); ++r) root.add(*table.table, table.row(r));
    return root.finish();
  };
  const Hash document = true_hashes ? document_hash(visit, root_over(kFeedbackTables), "已反馈") : Hash{};
  rows.insert("feedback",
              row({visit, std::int64_t{7}, std::int64_t{1}, std::string("已反馈"), to_bytes(document)}, 50));
  rows.insert("signature", row({visit, std::int64_t{7}, std::int64_t{1}, std::string("HEAD"), Value(),
                                std::string("ABSENT"), Value(), to_bytes(document), Value(), std::string("外出")},
                               51));
  const Hash root = true_hashes ? root_over(kRootTables) : Hash{};
  rows.insert("submission", row({visit, std::string("I001"), to_bytes(root), Value()}, 52, false));
  return rows;
}

}  // namespace

TEST_CASE("statements come out of a pack as they went in, to the byte") {
  Author author;
  SECTION("none") {}
  SECTION("one") { author.seal(whole_visit(1)); }
  SECTION("many alike") {
    for (int n = 1; n <= 60; ++n) author.seal(whole_visit(n));
    std::size_t plain = 0;
    for (const Bytes& each : author.sent) plain += each.size();
    CHECK(author.packed().size() < plain * 3 / 4);
  }
  SECTION("hashes that do not follow from what is there") {
    author.seal(whole_visit(1, 3, false));
    author.seal(whole_visit(2, 3));
  }
  SECTION("a visit in several statements, and several visits in one") {
    ChangesBuilder rows = whole_visit(1);
    author.seal(rows);
    rows = ChangesBuilder();
    for (int n = 5; n > 1; --n) {
      rows.update("answer", {visit_id(n), std::string("S1"), std::string("I001")},
                  {{3, std::int64_t{n}}, {6, std::string("改")}});
      rows.update("visit", {visit_id(n)}, {{13, std::string("FEEDBACK")}});
      rows.insert("note", row({visit_id(n), std::int64_t{7}, std::int64_t{2}, Value(), std::string("n"), Value()}, n));
    }
    author.seal(rows);
    author.seal(whole_visit(6));
  }
  SECTION("a number left out, as when a statement goes again alone") {
    for (int n = 1; n <= 4; ++n) author.seal(whole_visit(n));
    author.sent.erase(author.sent.begin() + 2);
  }
  SECTION("numbers and links that do not follow each other") {
    author.seal(whole_visit(1));
    ++author.seq;
    author.seal(whole_visit(2));
    author.head = {};
    author.seal(whole_visit(3));
  }
  SECTION("what a pack cannot hold goes as it is") {
    author.seal(whole_visit(1));
    author.seal({});  // No rows.
    ChangesBuilder shared;
    shared.insert("zone", {std::string("I001"), std::string("S1"), Value()});
    author.seal(shared);  // Not about a visit.
    ChangesBuilder bad;
    bad.insert("submission", row({visit_id(3), std::string("I001"), Bytes(), Value()}, 52, false));
    author.seal(bad);  // Looks as if something were left out.
    ++author.seq;
    author.add(Bytes{0x01});  // Nothing that can be read.
    for (const std::size_t size : {15u, 17u}) {
      ChangesBuilder misnamed;
      misnamed.update("visit", {Bytes(size, 1)}, {{13, std::string("READY")}});
      author.seal(misnamed);  // Of a visit whose id is none.
    }
    author.seal(whole_visit(2));
    author.seal(whole_visit(3));
    ChangeSet other;
    other.seq = ++author.seq;
    other.schema_version = 1;
    const ChangesBuilder rows = whole_visit(9);
    other.changes = rows.changes();
    author.add(write_change_set(other), "another subject");
    author.add(write_change_set(other), {}, "d8");
  }
  const Bytes packed = author.packed();
  const auto out = author.unpack(packed);
  REQUIRE(out);
  CHECK(*out == author.sent);
}

TEST_CASE("random changes come out of packs as they went in") {
  std::mt19937 chance(20260101);
  for (int round = 0; round < 40; ++round) {
    Author author;
    for (int n = 0; n < 8; ++n) {
      ChangesBuilder rows;
      const int visits = 1 + static_cast<int>(chance() % 3);
      for (int v = 0; v < visits; ++v) {
        const Bytes visit = visit_id(static_cast<int>(chance() % 20) * 10 + v);
        for (unsigned i = 0; i < chance() % 6; ++i) {
          const Value value = chance() % 3 == 0 ? Value()
                              : chance() % 2    ? Value(std::int64_t{static_cast<std::int32_t>(chance())})
                                                : Value(std::string("答"));
          if (chance() % 2)
            rows.insert("answer",
                        row({visit, "A" + std::to_string(i), std::string("I001"), value, Value(), Value(), Value()},
                            static_cast<int>(chance() % 99), false));
          else
            rows.update("answer", {visit, "B" + std::to_string(i), std::string("I001")}, {{3, value}});
        }
        rows.update("visit", {visit}, {{13, std::string("READY")}});
      }
      author.seal(rows);
    }
    const auto out = author.unpack(author.packed());
    REQUIRE(out);
    CHECK(*out == author.sent);
  }
}

TEST_CASE("a pack with any byte changed gives other statements or a number, and never those that were signed") {
  Author author;
  for (int n = 1; n <= 3; ++n) author.seal(whole_visit(n, 4));
  const Bytes good = author.packed();
  int verified = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::uint8_t>(1 << bit);
      const auto out = author.unpack(bad);
      if (!out) {
        CHECK(find_code(static_cast<std::uint16_t>(out.error().code)));
        continue;
      }
      // Statements in front of the changed place still stand for themselves.
      std::size_t whole = 0;
      for (const Bytes& each : *out) {
        const auto statement = parse_statement(each);
        if (statement && verify_statement(*statement, author.key.public_key())) ++whole;
      }
      if (whole == author.sent.size()) ++verified;
    }
  CHECK(verified == 0);
  for (std::size_t size = 1; size < good.size(); ++size) CHECK_FALSE(author.unpack(BytesView(good).first(size)));
}

TEST_CASE("a pack that claims too much is refused before anything is made of it") {
  Author author;
  author.seal(whole_visit(1));
  author.seal(whole_visit(2));
  const Bytes good = author.packed();
  const std::size_t bytes = author.sent[0].size() + author.sent[1].size();
  CHECK(author.unpack(good, 2, bytes));
  CHECK(author.unpack(good, 1).error().code == Code::kTooManyStatements);
  CHECK(author.unpack(good, 2, bytes - 1).error().code == Code::kCompressedTooLarge);

  // Every column is one value, which costs a few bytes however many cells it claims.
  struct Claim {
    std::int64_t first = 1;
    std::int64_t count = 1;
    std::int64_t version = 1;
    std::int64_t visits = 1;
    std::int64_t rows = 1;
    std::int64_t table = 12;
    std::size_t tables = 1;
    std::size_t columns_short = 0;
    bool column_of_no_kind = false;
    std::size_t update_columns = 0;
  };
  const auto unpacked = [&](const Claim& claim) {
    CborWriter out;
    const auto same = [&](const ValueView& value, std::int64_t kind = 1) {
      out.map(1);
      out.integer(kind);
      if (kind == 1)
        write_cell(out, value);
      else
        out.array(0);
    };
    out.array(12);
    out.integer(claim.first);
    out.bytes(Hash{});
    out.integer(claim.count);
    same(std::int64_t{1});
    same(std::int64_t{1});
    same(BytesView(Hash{}));
    same(std::int64_t{1});
    same(claim.version);
    same(claim.visits);
    out.bytes(Bytes(16, 0xaa));
    out.bytes(Bytes(claim.count > 0 && claim.count < 10'000 ? static_cast<std::size_t>(claim.count) * 64 : 0, 0));
    out.array(claim.tables);
    const Table* table = find_table(claim.table);
    const std::size_t columns = (table ? table->columns.size() - 1 : 1) - claim.columns_short;
    for (std::size_t n = 0; n < claim.tables; ++n) {
      out.array(5);
      out.integer(claim.table);
      same(claim.rows);
      out.array(columns);
      for (std::size_t i = 0; i < columns; ++i) same({}, claim.column_of_no_kind ? 9 : 1);
      same(std::int64_t{0});
      out.array(claim.update_columns);
      for (std::size_t i = 0; i < claim.update_columns; ++i) out.null();
    }
    const auto all = author.unpack(out.written());
    return all ? Code{} : all.error().code;
  };
  CHECK(unpacked({}) == Code{});
  // A question has four columns beside its visit, and eight cells stand around them.
  constexpr std::int64_t kMostQuestions = (kMaxPackedCells - 8) / 4;
  CHECK(unpacked({.rows = kMostQuestions, .table = 11}) == Code{});
  CHECK(unpacked({.rows = kMostQuestions + 1, .table = 11}) == Code::kPackForm);
  CHECK(unpacked({.rows = 1'000'000}) == Code::kPackForm);
  CHECK(unpacked({.rows = -1}) == Code::kPackForm);
  CHECK(unpacked({.visits = 2}) == Code::kPackForm);
  CHECK(unpacked({.visits = std::int64_t{1} << 60}) == Code::kPackForm);
  CHECK(unpacked({.visits = (std::int64_t{1} << 60) + 1}) == Code::kPackForm);  // whose bytes are counted as 16
  CHECK(unpacked({.count = 0}) == Code::kPackForm);
  CHECK(unpacked({.count = std::int64_t{1} << 40}) == Code::kTooManyStatements);
  CHECK(unpacked({.first = INT64_MAX - 1}) == Code{});
  CHECK(unpacked({.first = INT64_MAX}) == Code::kPackForm);  // the next one would have no number
  CHECK(unpacked({.version = INT32_MAX}) == Code{});
  CHECK(unpacked({.version = std::int64_t{INT32_MAX} + 1}) == Code::kPackForm);
  CHECK(unpacked({.table = 999}) == Code::kPackForm);
  CHECK(unpacked({.table = (std::int64_t{1} << 32) + 12}) == Code::kPackForm);
  CHECK(unpacked({.table = 2}) == Code::kPackForm);   // Schools are not a device's to send.
  CHECK(unpacked({.tables = 2}) == Code::kPackForm);  // The same one twice.
  CHECK(unpacked({.columns_short = 1}) == Code::kPackForm);
  CHECK(unpacked({.column_of_no_kind = true}) == Code::kChangesShape);
  CHECK(unpacked({.update_columns = 1}) == Code::kPackForm);
  CHECK(author.unpack(Bytes{0x80}).error().code == Code::kPackForm);
}

TEST_CASE("statements that go as they are count like those of a pack") {
  Author author;
  author.seal({});
  author.seal({});
  const Bytes good = author.packed();
  const std::size_t bytes = author.sent[0].size() + author.sent[1].size();
  CHECK(author.unpack(good, 2, bytes).value() == author.sent);
  CHECK(author.unpack(good, 2, bytes - 1).error().code == Code::kCompressedTooLarge);
  CHECK(author.unpack(good, 1, bytes).error().code == Code::kTooManyStatements);
}

TEST_CASE("a pack is filled up to as many cells as it may have, and what is more goes into another") {
  const auto note = [](int n) {
    return row({visit_id(1), std::int64_t{7}, std::int64_t{n}, Value(), std::string("n"), Value()}, 0);
  };
  ChangesBuilder full;
  for (int n = 1; n <= 20'000; ++n) full.insert("note", note(n));
  const std::size_t around = 9 + 2 * synced_tables().size();  // beside the cells of rows, where there is one visit
  std::size_t left = kMaxPackedCells - 4 * (around + 20'000 * 10) - around;
  ChangesBuilder last;
  for (std::int64_t n = 1; left % 10 != 0; ++n, left -= 13)
    last.insert("visit_event",
                {visit_id(1), std::int64_t{7}, n, std::string("check_in"), std::string("I001"), std::string("CHECKED"),
                 Value(), Value(), Value(), Value(), std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
  int notes = 0;
  for (; left > 0; left -= 10) last.insert("note", note(++notes));
  Author author;
  for (int n = 0; n < 4; ++n) author.seal(full);
  const Hash before = author.head;
  const auto packs = [&] {
    const Bytes packed = author.packed();
    CHECK((author.unpack(packed).value() == author.sent));
    std::size_t count = 0;
    for (CborReader in(packed); !in.at_end(); ++count) REQUIRE(in.item());
    return count;
  };
  author.seal(last);
  CHECK(packs() == 1);
  author.sent.pop_back();
  author.head = before;
  --author.seq;
  last.insert("note", note(notes + 1));
  author.seal(last);
  CHECK(packs() == 2);
}

TEST_CASE("what is packed can be unpacked, however many visits are told of in however many tables") {
  Author author;
  author.seal(whole_visit(1));
  ChangesBuilder many;
  for (int n = 1; n <= 400; ++n) many.update("visit", {visit_id(n)}, {{13, std::string("READY")}});
  for (int n = 0; n < 300; ++n) author.seal(many);
  const auto out = author.unpack(author.packed());
  REQUIRE(out);
  CHECK((*out == author.sent));
}
