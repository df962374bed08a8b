#include "sync/statement.hpp"

#include "sync/cbor.hpp"

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

Bytes signed_by(const PrivateKey& key, const StatementHeader& header, BytesView payload) {
  auto bytes =
      sign_statement(header, payload, key.public_key(), [&](BytesView m) { return Result<Bytes>(key.sign(m)); });
  REQUIRE(bytes);
  return *std::move(bytes);
}

const StatementHeader kHeader{StatementType::kChangeSet, "d17", "4711", 1'767'225'600};

}  // namespace

TEST_CASE("a statement of either algorithm says what was signed, and costs little more than its payload") {
  for (const Algorithm algorithm : {Algorithm::kEd25519, Algorithm::kEs256}) {
    const PrivateKey key = PrivateKey::generate(algorithm);
    const Bytes payload(300, 0xa5);
    const Bytes bytes = signed_by(key, kHeader, payload);
    CHECK(bytes.size() - payload.size() <= 120);
    const auto statement = open_statement(bytes, StatementType::kChangeSet, key.public_key());
    REQUIRE(statement);
    CHECK(statement->issuer == "d17");
    CHECK(statement->subject == "4711");
    CHECK(statement->issued_utc_s == 1'767'225'600);
    CHECK(to_bytes(statement->payload) == payload);
    CHECK(statement->id == sha256(statement->to_be_signed));
  }
}

TEST_CASE("one statement signed twice with P-256 has two signatures and one id") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEs256);
  const Bytes one = signed_by(key, kHeader, Bytes{1});
  const Bytes two = signed_by(key, kHeader, Bytes{1});
  CHECK(one != two);
  CHECK(parse_statement(one)->id == parse_statement(two)->id);
  CHECK(verify_statement(*parse_statement(two), key.public_key()));
}

TEST_CASE("no single changed bit of a statement is accepted") {
  for (const Algorithm algorithm : {Algorithm::kEd25519, Algorithm::kEs256}) {
    const PrivateKey key = PrivateKey::generate(algorithm);
    const Bytes good = signed_by(key, kHeader, Bytes(20, 7));
    for (std::size_t at = 0; at < good.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        Bytes bytes = good;
        bytes[at] ^= static_cast<std::uint8_t>(1 << bit);
        if (open_statement(bytes, StatementType::kChangeSet, key.public_key()))
          FAIL_CHECK("byte " << at << " bit " << bit);
      }
  }
}

TEST_CASE("no statement that is cut or lengthened is accepted") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const Bytes good = signed_by(key, kHeader, Bytes(20, 7));
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(parse_statement(BytesView(good).first(size)));
  Bytes longer = good;
  longer.push_back(0);
  CHECK(parse_statement(longer).error().code == Code::kCborTrailing);
  CHECK(parse_statement({}).error().code == Code::kCborEnd);
  CHECK(parse_statement(Bytes{0x84}).error().code == Code::kStatementForm);
}

TEST_CASE("type, key and algorithm must be the ones that the place expects") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const PrivateKey other = PrivateKey::generate(Algorithm::kEd25519);
  const PrivateKey hardware = PrivateKey::generate(Algorithm::kEs256);
  const Bytes bytes = signed_by(key, kHeader, Bytes{1});
  CHECK(open_statement(bytes, StatementType::kFeedPage, key.public_key()).error().code == Code::kStatementType);
  CHECK(open_statement(bytes, StatementType::kChangeSet, other.public_key()).error().code == Code::kStatementKey);
  CHECK(open_statement(bytes, StatementType::kChangeSet, hardware.public_key()).error().code == Code::kStatementKey);
}

TEST_CASE("a statement is at most what a log's tile takes, a feed page may be larger") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const auto sign = [&](StatementType type, std::size_t bytes) {
    StatementHeader header = kHeader;
    header.type = type;
    return sign_statement(header, Bytes(bytes, 1), key.public_key(),
                          [&](BytesView m) { return Result<Bytes>(key.sign(m)); });
  };
  const auto exact = sign(StatementType::kChangeSet, kMaxStatementBytes - 121);
  REQUIRE(exact);
  CHECK(parse_statement(*exact));
  CHECK(sign(StatementType::kChangeSet, kMaxStatementBytes).error().code == Code::kStatementTooLarge);
  const auto page = sign(StatementType::kFeedPage, 2 * kMaxStatementBytes);
  REQUIRE(page);
  CHECK(parse_statement(*page));
  // To the byte.
  for (const auto& [type, most] : {std::pair{StatementType::kChangeSet, kMaxStatementBytes},
                                   std::pair{StatementType::kFeedPage, kMaxFeedPageBytes}}) {
    const std::size_t around = sign(type, most - 1'000)->size() - (most - 1'000);
    const auto largest = sign(type, most - around);
    REQUIRE(largest);
    CHECK(largest->size() == most);
    CHECK(parse_statement(*largest));
    CHECK(sign(type, most - around + 1).error().code == Code::kStatementTooLarge);
  }
  CHECK(sign(StatementType::kFeedPage, kMaxFeedPageBytes).error().code == Code::kStatementTooLarge);
  // The page said to be a change set: its type is the last number of the protected header.
  Bytes renamed = *page;
  CborReader in(renamed);
  REQUIRE(in.tag(kCoseSign1Tag));
  REQUIRE(in.array());
  const BytesView header = in.bytes().value();
  renamed[static_cast<std::size_t>(header.data() + header.size() - renamed.data()) - 1] =
      static_cast<std::uint8_t>(StatementType::kChangeSet);
  CHECK(parse_statement(renamed).error().code == Code::kStatementTooLarge);
  CHECK(parse_statement(Bytes(kMaxFeedPageBytes + 1, 0)).error().code == Code::kStatementTooLarge);
}

TEST_CASE("names in the header are there, and not endless") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  for (const std::string& issuer : {std::string(), std::string(201, 'a')}) {
    StatementHeader header = kHeader;
    header.issuer = issuer;
    CHECK(parse_statement(signed_by(key, header, Bytes{1})).error().code == Code::kStatementHeader);
  }
  StatementHeader header = kHeader;
  header.issuer = header.subject = std::string(200, 'a');
  CHECK(parse_statement(signed_by(key, header, Bytes{1})));
  header = kHeader;
  header.issued_utc_s = 0;
  CHECK(parse_statement(signed_by(key, header, Bytes{1})));
  header.issued_utc_s = -1;
  CHECK(parse_statement(signed_by(key, header, Bytes{1})).error().code == Code::kStatementHeader);
}

TEST_CASE("another algorithm number of the same signature is read, another algorithm is not") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const auto with_alg = [&](std::int64_t alg) {
    CborWriter header;
    header.map(4);
    header.integer(1);
    header.integer(alg);
    header.integer(4);
    header.bytes(key_id(key.public_key()));
    header.integer(15);
    header.map(3);
    header.integer(1);
    header.text("d1");
    header.integer(2);
    header.text("1");
    header.integer(6);
    header.integer(1);
    header.integer(16);
    header.integer(65001);
    CborWriter out;
    out.tag(18);
    out.array(4);
    out.bytes(header.written());
    out.map(0);
    out.bytes(Bytes{1});
    out.bytes(key.sign(sig_structure(header.written(), {}, Bytes{1})));
    return std::move(out).take();
  };
  CHECK(open_statement(with_alg(-8), StatementType::kChangeSet, key.public_key()));
  CHECK(open_statement(with_alg(-19), StatementType::kChangeSet, key.public_key()));
  for (const std::int64_t alg : {-7, -9})
    CHECK(open_statement(with_alg(alg), StatementType::kChangeSet, key.public_key()).error().code ==
          Code::kStatementAlgorithm);
  for (const std::int64_t alg : {0, 5, -35, -36, -37, -257, -65535})
    CHECK(parse_statement(with_alg(alg)).error().code == Code::kStatementAlgorithm);
}

TEST_CASE("every label of the header stands where it must, and nothing else is taken in its place") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const auto with = [&](const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& claims) {
    CborWriter header;
    header.map(labels.size());
    header.integer(labels[0]);
    header.integer(-8);
    header.integer(labels[1]);
    header.bytes(key_id(key.public_key()));
    header.integer(labels[2]);
    header.map(claims.size());
    header.integer(claims[0]);
    header.text("d1");
    header.integer(claims[1]);
    header.text("1");
    for (std::size_t n = 2; n < claims.size(); ++n) {
      header.integer(claims[n]);
      header.integer(1);
    }
    for (std::size_t n = 3; n < labels.size(); ++n) {
      header.integer(labels[n]);
      header.integer(65001);
    }
    CborWriter out;
    out.tag(18);
    out.array(4);
    out.bytes(header.written());
    out.map(0);
    out.bytes(Bytes{1});
    out.bytes(key.sign(sig_structure(header.written(), {}, Bytes{1})));
    return std::move(out).take();
  };
  const auto verdict = [&](const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& claims) {
    const auto opened = open_statement(with(labels, claims), StatementType::kChangeSet, key.public_key());
    return opened ? Code::kInternal : opened.error().code;
  };
  CHECK(verdict({1, 4, 15, 16}, {1, 2, 6}) == Code::kInternal);  // taken
  CHECK(verdict({2, 4, 15, 16}, {1, 2, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 5, 15, 16}, {1, 2, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 4, 14, 16}, {1, 2, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 4, 15, 17}, {1, 2, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 4, 15, 16}, {0, 2, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 4, 15, 16}, {1, 3, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 4, 15, 16}, {1, 2, 7}) == Code::kStatementHeader);
  // Nor is one more or less of them.
  CHECK(verdict({1, 4, 15}, {1, 2, 6}) == Code::kStatementHeader);
  CHECK(verdict({1, 4, 15, 16, 17}, {1, 2, 6}) == Code::kStatementHeader);
  for (const auto& claims : {std::vector<std::int64_t>{1, 2}, std::vector<std::int64_t>{1, 2, 6, 7}})
    CHECK(parse_statement(with({1, 4, 15, 16}, claims)).error().detail == "claims");
}

TEST_CASE("a bare statement is a payload and a signature, no more and no less") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const auto of_parts = [](std::size_t parts) {
    CborWriter out;
    out.array(parts);
    for (std::size_t i = 0; i < parts; ++i) out.bytes(Bytes(64, 1));
    return std::move(out).take();
  };
  CHECK(read_bare_statement(of_parts(2)));
  CHECK(read_bare_statement(of_parts(1)).error().code == Code::kStatementForm);
  CHECK(read_bare_statement(of_parts(3)).error().code == Code::kStatementForm);
  CHECK(read_bare_statement(Bytes{0xa0}).error().code == Code::kStatementForm);
  CHECK(whole_statement(Bytes{0xa0}, kHeader, key.public_key()).error().code == Code::kStatementForm);
  const Bytes whole = signed_by(key, kHeader, Bytes{1});
  CHECK(whole_statement(bare_statement(whole), kHeader, key.public_key()).value() == whole);
}
