// Every item in its place: each part of each structure replaced by a part of every other kind, or left out.

#include "platform/crypto.hpp"
#include "sync/answer.hpp"
#include "sync/cbor.hpp"
#include "sync/merkle.hpp"
#include "sync/pack.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"
#include "sync/statement.hpp"

#include <functional>
#include <map>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

/// Where each item of an encoding begins and ends, those inside others too, but not the whole.
std::vector<std::pair<std::size_t, std::size_t>> items_of(BytesView whole) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  std::function<std::size_t(std::size_t)> walk = [&](std::size_t at) {
    const std::size_t begin = at;
    const unsigned major = whole[at] >> 5U;
    const unsigned info = whole[at] & 31U;
    ++at;
    std::uint64_t argument = info;
    if (info >= 24 && info <= 27) {
      argument = 0;
      for (unsigned n = 1U << (info - 24); n > 0; --n) argument = argument << 8U | whole[at++];
    }
    if (major == 2 || major == 3) at += static_cast<std::size_t>(argument);
    if (major == 4 || major == 5)
      for (std::uint64_t n = argument * (major - 3); n > 0; --n) at = walk(at);
    if (major == 6) at = walk(at);
    out.emplace_back(begin, at);
    return at;
  };
  walk(0);
  out.pop_back();
  return out;
}

/// One part replaced; `read` must refuse with one of our numbers, or take what is as good. Returns how many were taken.
template <class Read>
int replace_each(const Bytes& whole, const Read& read) {
  const Bytes others[] = {{},
                          {0xf6},                                                  // null
                          {0xf5},                                                  // true
                          {0x20},                                                  // -1
                          {0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},  // the greatest number
                          {0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},  // beyond it
                          {0x41, 0x00},                                            // bytes
                          {0x61, 0x61},                                            // text
                          {0x62, 0xc3, 0x28},                                      // no text
                          {0x80},                                                  // []
                          {0x83, 0x01, 0x02, 0x03},                                // [1, 2, 3]
                          {0xa0},                                                  // {}
                          {0xa1, 0x01, 0x02},                                      // {1: 2}
                          {0xa1, 0x02, 0x01},                                      // {2: 1}
                          {0xd2, 0x01},                                            // 18(1)
                          {0x18, 0x01}};                                           // not the shortest form
  int taken = 0;
  for (const auto& [begin, end] : items_of(whole))
    for (const Bytes& other : others) {
      Bytes bent(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(begin));
      append(bent, other);
      append(bent, BytesView(whole).subspan(end));
      if (bent == whole) continue;
      const auto result = read(bent);
      if (result)
        ++taken;
      else
        CHECK(find_code(static_cast<std::uint16_t>(result.error().code)));
    }
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(read(BytesView(whole).first(size)));
  Bytes longer = whole;
  longer.push_back(0xf6);
  CHECK_FALSE(read(longer));
  CHECK(read(whole));
  return taken;
}

const PrivateKey& device() {
  static const PrivateKey key = PrivateKey::from_secret(Algorithm::kEd25519, Bytes(32, 2)).value();
  return key;
}
const PrivateKey& office() {
  static const PrivateKey key = PrivateKey::from_secret(Algorithm::kEd25519, Bytes(32, 1)).value();
  return key;
}

Bytes change_set_payload() {
  const Bytes visit(16, 0xaa);
  ChangesBuilder rows;
  for (std::int64_t n = 1; n <= 3; ++n)
    rows.insert("note", {visit, std::int64_t{1}, n, n == 2 ? Value() : Value(std::string("S1")), std::string("整洁"),
                         Value(), std::string("D001"), std::int64_t{1'767'232'800'000 + n * 1'000}, std::int64_t{480},
                         std::int64_t{5'000 + n * n * 1'000}});
  rows.update("visit", {visit}, {{13, std::string("READY")}});
  rows.update("answer", {visit, std::string("S1"), std::string("D001")}, {{3, std::int64_t{1}}, {6, Value()}});
  ChangeSet set;
  set.seq = 1;
  set.seen = {3, sha256(view("x"))};
  set.hlc = 1;
  set.schema_version = 1;
  set.changes = rows.changes();
  return write_change_set(set);
}

Bytes statement(BytesView payload) {
  return sign_statement({StatementType::kChangeSet, "d1", "1", 1'767'232'803}, payload, device().public_key(),
                        [](BytesView message) { return Result<Bytes>(device().sign(message)); })
      .value();
}

struct ShortLog {
  std::map<std::pair<int, std::int64_t>, Hash> nodes;
  std::vector<Bytes> entries;
  NodeReader read = [this](int level, std::int64_t position) { return Result<Hash>(nodes.at({level, position})); };
  ShortLog() {
    for (int n = 0; n < 11; ++n) {
      entries.push_back({static_cast<std::uint8_t>(n)});
      REQUIRE(append_leaf(n, leaf_hash(entries.back()), read,
                          [&](int level, std::int64_t position, const Hash& hash) -> Status {
                            nodes[{level, position}] = hash;
                            return {};
                          }));
    }
  }
};

}  // namespace

TEST_CASE("each part of a statement replaced by another kind is refused, and the signature fits nothing else") {
  const Bytes good = statement(change_set_payload());
  const auto verified = [](BytesView bytes) {
    return open_statement(bytes, StatementType::kChangeSet, device().public_key());
  };
  CHECK(replace_each(good, verified) == 0);
  // The same inside the protected header, which is an encoding inside a byte string.
  CborReader in(good);
  REQUIRE(in.tag(18));
  REQUIRE(in.array());
  const Bytes header = to_bytes(in.bytes().value());
  REQUIRE(good[2] == 0x58);
  CHECK(replace_each(header, [&](BytesView bent) {
          CborWriter out;
          out.tag(18);
          out.array(4);
          out.bytes(bent);
          Bytes whole = std::move(out).take();
          append(whole, BytesView(good).subspan(4 + header.size()));
          return verified(whole);
        }) == 0);
}

TEST_CASE("each part of a payload replaced by another kind is refused or stands for itself") {
  replace_each(change_set_payload(), &read_change_set);
  Genesis genesis{"example/log", Algorithm::kEd25519, office().public_key().raw(), 1};
  replace_each(write_genesis(genesis), &read_genesis);
  EnrolmentRequest asked{Algorithm::kEd25519, device().public_key().raw(), "平板", "I001", {}, 1};
  replace_each(write_enrolment_request(asked), &read_enrolment_request);
  Enrolment enrolment{1, Algorithm::kEd25519, device().public_key().raw(), "I001", "平板", 1, "王处长"};
  replace_each(write_enrolment(enrolment), &read_enrolment);
  Revocation revocation{1, 2, sha256(view("x")), "丢失", "王处长"};
  replace_each(write_revocation(revocation), &read_revocation);
  DrawStep step;
  step.draw = "D1";
  step.stage = DrawStage::kVoid;
  step.reason = "x";
  step.actor = "王处长";
  replace_each(write_draw_step(step), &read_draw_step);
  SyncRequest request;
  request.device = 1;
  replace_each(write_sync_request(request), &read_sync_request);
  FeedPage page;
  page.device = 1;
  page.to = 2;
  page.refusals.push_back({1, 4102, "x", true});
  replace_each(write_feed_page(page), &read_feed_page);
}

TEST_CASE("each part of a pack replaced by another kind is refused or gives another statement") {
  const Bytes good = pack_statements(std::vector<Bytes>{statement(change_set_payload())}, 1, device().public_key());
  REQUIRE(good[0] >> 5U == 4);
  const int taken = replace_each(good, [](BytesView bytes) -> Result<std::vector<Bytes>> {
    auto out = unpack_statements(bytes, 1, device().public_key(), 10, 1u << 20);
    // What follows a pack is the next statement, looked at later; nothing at all is no statements.
    if (out && out->size() != 1) return fail(Code::kCborEnd);
    return out;
  });
  CHECK(taken > 0);  // Values of cells, which only the signature holds.
}

TEST_CASE("each part of an answer and of a receipt replaced by another kind is refused") {
  ShortLog log;
  const BatchHead head{11, 1'767'236'400};
  const Hash root = *tree_root(11, log.read);
  const Bytes signature = office().sign(batch_to_be_signed(head, root, "example/log", office().public_key()));
  const BatchReceipt batch{head, signature, 6, 1, *range_proof(6, 1, 11, log.read)};
  const auto receipts = expand_receipts(batch, {BytesView(log.entries[6])}, "example/log", office().public_key());
  REQUIRE(receipts);
  CHECK(replace_each(receipts->receipts.front(), [&](BytesView bytes) {
          return verify_receipt(bytes, log.entries[6], office().public_key());
        }) == 0);

  CborWriter of_batch;
  write_batch_receipt(of_batch, batch);
  const auto read_batch = [](BytesView bytes) -> Result<BatchReceipt> {
    CborReader in(bytes);
    DUDAO_TRY(auto read, read_batch_receipt(in));
    DUDAO_CHECK(in.finish());
    return read;
  };
  Bytes bent = of_batch.written();
  CHECK(replace_each(bent, read_batch) > 0);  // Its signature is checked later.
  for (const int change : {1, -1}) {
    bent[0] = static_cast<std::uint8_t>(of_batch.written()[0] + change);
    CHECK(read_batch(bent).error().code == Code::kReceiptForm);
  }

  SyncAnswer answer;
  const Bytes page = bare_statement(statement(change_set_payload()));
  answer.page = page;
  answer.receipts.emplace_back(1, batch);
  answer.growth = LogGrowth{11, root, signature, {root, root}};
  replace_each(write_sync_answer(answer), &read_sync_answer);
  replace_each(page, &read_bare_statement);
  replace_each(write_error_answer({4102, "x", 1, Nonce{}}), &read_error_answer);
}

TEST_CASE("a tree whose nodes cannot be read says so at each of them, and makes no proof") {
  ShortLog log;
  for (int fails_at = 0; fails_at < 40; ++fails_at) {
    int asked = 0;
    const NodeReader broken = [&](int level, std::int64_t position) -> Result<Hash> {
      if (asked++ == fails_at) return fail(Code::kDatabaseIo);
      return log.read(level, position);
    };
    const auto came_out = [&](const auto& result) {
      CHECK(result.has_value() == (asked <= fails_at));
      if (!result) CHECK(result.error().code == Code::kDatabaseIo);
      asked = 0;
    };
    came_out(tree_root(11, broken));
    came_out(tree_peaks(11, broken));
    came_out(inclusion_proof(6, 11, broken));
    came_out(range_proof(3, 2, 11, broken));
    came_out(growth_proof(3, 11, std::vector<HeldRange>{{5, 2, 9}}, broken));
    came_out(append_leaf(11, leaf_hash(view("x")), broken, [](int, std::int64_t, const Hash&) { return Status(); }));
    int written = 0;
    const Status appended =
        append_leaf(7, leaf_hash(view("x")), log.read, [&](int, std::int64_t, const Hash&) -> Status {
          if (written++ == fails_at) return fail(Code::kDatabaseFull);
          return {};
        });
    CHECK(appended.has_value() == (written <= fails_at));
  }
}

TEST_CASE("a statement's type is one of ours, its signature has 64 bytes, and only an empty header is signed as none") {
  const auto header = [](std::int64_t type) {
    CborWriter out;
    out.map(4);
    out.integer(1);
    out.integer(-8);
    out.integer(4);
    out.bytes(key_id(device().public_key()));
    out.integer(15);
    out.map(3);
    out.integer(1);
    out.text("d1");
    out.integer(2);
    out.text("1");
    out.integer(6);
    out.integer(1);
    out.integer(16);
    out.integer(type);
    return std::move(out).take();
  };
  const auto parsed = [&](std::int64_t type, std::size_t signature_bytes) {
    CborWriter out;
    out.tag(18);
    out.array(4);
    out.bytes(header(type));
    out.map(0);
    out.bytes(Bytes{0x01});
    out.bytes(Bytes(signature_bytes, 7));
    const auto statement = parse_statement(out.written());
    return statement ? Code{} : statement.error().code;
  };
  CHECK(parsed(65001, 64) == Code{});
  CHECK(parsed(65010, 64) == Code{});
  CHECK(parsed(65000, 64) == Code::kStatementType);
  CHECK(parsed(65011, 64) == Code::kStatementType);
  CHECK(parsed(65001, 63) == Code::kStatementForm);
  CHECK(parsed(65001, 65) == Code::kStatementForm);

  const Bytes none = sig_structure({}, {}, {});
  CHECK(sig_structure(Bytes{0xa0}, {}, {}) == none);
  CHECK(sig_structure(Bytes{0xa1}, {}, {}) != none);
  CHECK(sig_structure(Bytes{0xa0, 0x00}, {}, {}) != none);
}
