// The check of a ledger file, on ledgers made by hand, so that each can be wrong in one place.

#include "sync/cbor.hpp"
#include "sync/checkpoint.hpp"
#include "sync/ledger_file.hpp"
#include "sync/merkle.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"

#include <functional>
#include <map>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

constexpr std::string_view kOrigin = "example/log";

/// A log whose every batch is one statement.
struct Ledger {
  PrivateKey office = PrivateKey::generate(Algorithm::kEd25519);
  PrivateKey device = PrivateKey::generate(Algorithm::kEd25519);
  Bytes file = write_ledger_head(kOrigin, office.public_key());
  std::map<std::pair<int, std::int64_t>, Hash> nodes;
  std::int64_t size = 0;
  std::int64_t now_utc_ms = 1'790'000'000'000;
  NodeReader read = [this](int level, std::int64_t position) { return Result<Hash>(nodes.at({level, position})); };

  void add(const Bytes& statement) {
    append(file, write_ledger_entry(statement));
    REQUIRE(append_leaf(size++, leaf_hash(statement), read,
                        [&](int level, std::int64_t position, const Hash& hash) -> Status {
                          nodes[{level, position}] = hash;
                          return {};
                        }));
  }
  void mark(std::int64_t of_size, std::int64_t registered_utc_ms) {
    const Hash root = tree_root(size, read).value();
    append(file, write_ledger_batch(of_size, registered_utc_ms,
                                    office.sign(batch_to_be_signed({of_size, registered_utc_ms / 1000}, root, kOrigin,
                                                                   office.public_key()))));
  }
  void batch(const Bytes& statement) {
    add(statement);
    mark(size, now_utc_ms += 1'000);
  }
  Bytes statement(StatementType type, BytesView payload, const PrivateKey& key) const {
    return sign_statement({type, "x", "1", 1'790'000'000}, payload, key.public_key(),
                          [&](BytesView message) { return Result<Bytes>(key.sign(message)); })
        .value();
  }
  void genesis(std::string_view origin = kOrigin) {
    const PublicKey key = office.public_key();
    batch(statement(StatementType::kGenesis, write_genesis({std::string(origin), key.algorithm(), key.raw(), 1}),
                    office));
  }
  void enrol(std::int64_t number) {
    const PublicKey key = device.public_key();
    const Bytes made =
        statement(StatementType::kEnrolment,
                  write_enrolment({number, key.algorithm(), key.raw(), "I001", "tablet", 1, "Wang"}), office);
    head = parse_statement(made)->id;
    batch(made);
  }
  void revoke(std::int64_t number, std::uint64_t cut) {
    batch(statement(StatementType::kRevocation, write_revocation({number, cut, head, "lost", "Wang"}), office));
  }
  Bytes change_set(std::uint64_t seq, const Hash& prev, const PrivateKey& key) const {
    ChangeSet set;
    set.seq = seq;
    set.prev = prev;
    set.hlc = 1;
    set.schema_version = 1;
    return statement(StatementType::kChangeSet, write_change_set(set), key);
  }
  void write(std::uint64_t seq) {
    const Bytes made = change_set(seq, head, device);
    head = parse_statement(made)->id;
    batch(made);
  }
  Bytes ended(std::int64_t of_size, const Hash& root) const {
    Bytes out = file;
    append(out, write_ledger_end(
                    sign_checkpoint({std::string(kOrigin), of_size, root}, office.public_key(), [&](BytesView message) {
                      return Result<Bytes>(office.sign(message));
                    }).value()));
    return out;
  }
  Bytes ended() const { return ended(size, tree_root(size, read).value()); }
  Hash head{};
};

/// Codes and details of what was found, one after the other; empty: sound.
std::string found(BytesView file, const std::optional<Hash>& pinned = {}) {
  std::string out;
  for (const LedgerProblem& problem : check_ledger(file, pinned).problems) {
    if (!out.empty()) out += "; ";
    out += std::string(info(problem.error.code).name) + " " + problem.error.detail;
  }
  return out;
}

Bytes record(std::size_t parts, std::int64_t kind, const std::function<void(CborWriter&)>& rest) {
  CborWriter out;
  out.array(parts);
  out.integer(kind);
  rest(out);
  return std::move(out).take();
}

}  // namespace

TEST_CASE("a ledger made by hand is sound, whoever's key it is, unless another is known") {
  Ledger ledger;
  ledger.genesis();
  ledger.enrol(1);
  ledger.write(1);
  ledger.write(2);
  ledger.revoke(1, 2);
  CHECK(found(ledger.ended()) == "");
  CHECK(found(ledger.ended(), ledger.office.public_key().thumbprint()) == "");
  CHECK(found(ledger.ended(), ledger.device.public_key().thumbprint()).starts_with("kOfficeNotPinned"));
}

TEST_CASE("a ledger begins with a head that has its four fields, and each is what it must be") {
  const Ledger ledger;
  const Bytes raw = to_bytes(ledger.office.public_key().raw());
  const auto head = [&](const std::vector<std::int64_t>& keys, std::string_view format, std::size_t parts = 2,
                        std::int64_t kind = 0) {
    return found(record(parts, kind, [&](CborWriter& out) {
      out.map(keys.size());
      for (std::size_t n = 0; n < keys.size(); ++n) {
        out.integer(keys[n]);
        if (n == 0) out.text(format);
        if (n == 1) out.text(kOrigin);
        if (n == 2) out.integer(-8);
        if (n == 3) out.bytes(raw);
        if (n == 4) out.null();
      }
      for (std::size_t n = 2; n < parts; ++n) out.null();
    }));
  };
  CHECK(head({1, 2, 3, 4}, "dudao-ledger-1") == "kLedgerFile no checkpoint at the end");
  CHECK(head({1, 2, 3, 4}, "dudao-ledger-2") == "kLedgerFile format");
  for (const std::vector<std::int64_t>& keys :
       {std::vector<std::int64_t>{1, 2, 3}, {1, 2, 3, 4, 5}, {0, 2, 3, 4}, {1, 3, 4, 5}, {1, 2, 4, 5}, {1, 2, 3, 5}})
    CHECK(head(keys, "dudao-ledger-1") == "kLedgerFile head");
  CHECK(head({1, 2, 3, 4}, "dudao-ledger-1", 3) == "kLedgerFile no head");
  CHECK(head({1, 2, 3, 4}, "dudao-ledger-1", 2, 1) == "kLedgerFile no head");
}

TEST_CASE("every record of a ledger has a kind that we know and as many parts as that has") {
  for (const auto& [parts, kind] : {std::pair<std::size_t, std::int64_t>{3, 1}, {3, 2}, {5, 2}, {3, 3}, {2, 4}}) {
    Ledger ledger;
    ledger.genesis();
    append(ledger.file, record(parts, kind, [n = parts](CborWriter& out) {
             for (std::size_t i = 1; i < n; ++i) out.null();
           }));
    CHECK(found(ledger.ended()) == "kLedgerFile record " + std::to_string(kind));
  }
  Ledger ledger;
  ledger.genesis();
  Bytes after = ledger.ended();
  append(after, write_ledger_entry(Bytes{0}));
  CHECK(found(after) == "kLedgerFile records after the checkpoint");
}

TEST_CASE("a ledger's end speaks of all its statements, and all of them are in a batch") {
  Ledger ledger;
  ledger.genesis();
  ledger.enrol(1);
  const Hash root = tree_root(2, ledger.read).value();
  CHECK(found(Ledger().ended(0, {})).starts_with("kProofWrong"));
  CHECK(found(ledger.ended(1, root)) == "kLedgerFile the checkpoint speaks of 1 statements");
  CHECK(found(ledger.ended(2, ledger.head)) == "kProofWrong checkpoint");
  ledger.add(ledger.change_set(1, ledger.head, ledger.device));
  CHECK(found(ledger.ended()) == "kLedgerFile statements without a batch at the end");
  ledger.mark(2, ledger.now_utc_ms);
  CHECK(found(ledger.ended()).starts_with("kLedgerFile batch of size 2;"));
  ledger.mark(3, ledger.now_utc_ms);
  ledger.mark(3, ledger.now_utc_ms);
  CHECK(found(ledger.ended()) == "kLedgerFile batch of size 2; kLedgerFile batch of size 3");
}

TEST_CASE("a batch is registered in a whole second that does not come before the last one's") {
  Ledger ledger;
  ledger.genesis();
  ledger.now_utc_ms -= 1'000;
  ledger.enrol(1);
  CHECK(found(ledger.ended()) == "");  // the same second
  ledger.now_utc_ms -= 2'000;
  ledger.write(1);
  CHECK(found(ledger.ended()) == "kLedgerFile registered before the batch in front of it");
  ledger.now_utc_ms += 1;
  ledger.write(2);
  CHECK(found(ledger.ended()).ends_with("kLedgerFile registered between two seconds"));
}

TEST_CASE("the first statement and no other founds the log, under its own name") {
  Ledger other;
  other.genesis("another/log");
  CHECK(found(other.ended()) == "kLedgerFile origin");
  Ledger twice;
  twice.genesis();
  twice.genesis();
  CHECK(found(twice.ended()) == "kLedgerFile genesis");
  Ledger none;
  none.enrol(1);
  CHECK(found(none.ended()) == "kLedgerFile genesis");
}

TEST_CASE("statements are of whom they say, in their order, and of nobody whose time is over") {
  Ledger ledger;
  ledger.genesis();
  const PrivateKey stranger = PrivateKey::generate(Algorithm::kEd25519);
  ledger.batch(ledger.change_set(1, {}, stranger));
  CHECK(found(ledger.ended()) == "kStatementKey " + to_hex(key_id(stranger.public_key())));

  Ledger forged;
  forged.genesis();
  forged.enrol(1);
  Bytes bent = forged.change_set(1, forged.head, forged.device);
  bent.back() ^= 1;
  forged.batch(bent);
  CHECK(found(forged.ended()).starts_with("kStatementSignature"));
  Bytes office =
      forged.statement(StatementType::kRevocation, write_revocation({1, 9, {}, "lost", "Wang"}), forged.office);
  office.back() ^= 1;
  forged.batch(office);
  CHECK(found(forged.ended()).find("; kStatementSignature") != std::string::npos);

  Ledger gap;
  gap.genesis();
  gap.enrol(1);
  gap.write(2);
  gap.write(3);
  CHECK(found(gap.ended()) == "kChainBroken number 2, expected 1");
  gap.head = {};
  gap.write(4);
  CHECK(found(gap.ended()) == "kChainBroken number 2, expected 1; kChainBroken number 4, expected 4");

  Ledger cut;
  cut.genesis();
  cut.enrol(1);
  cut.revoke(2, 1);
  CHECK(found(cut.ended()) == "kDeviceUnknown 2");
  cut.revoke(1, 1);
  cut.write(1);
  CHECK(found(cut.ended()) == "kDeviceUnknown 2");
  cut.write(2);
  CHECK(found(cut.ended()) == "kDeviceUnknown 2; kDeviceRevoked 2");
  cut.enrol(3);
  CHECK(found(cut.ended()).ends_with("kLedgerFile key enrolled twice"));
}

TEST_CASE("what is rightly signed and cannot be read, or belongs into no log, is told where it stands") {
  const Bytes nothing{0x80};  // an array where fields should be
  for (const StatementType type :
       {StatementType::kEnrolment, StatementType::kRevocation, StatementType::kDraw, StatementType::kOfficeDecision}) {
    Ledger ledger;
    ledger.genesis();
    ledger.batch(ledger.statement(type, nothing, ledger.office));
    INFO(static_cast<int>(type));
    CHECK(found(ledger.ended()).starts_with("kCborType"));
  }
  Ledger founded_on_nothing;
  founded_on_nothing.batch(founded_on_nothing.statement(StatementType::kGenesis, nothing, founded_on_nothing.office));
  CHECK(found(founded_on_nothing.ended()).starts_with("kCborType"));

  Ledger unlinked;
  unlinked.genesis();
  unlinked.enrol(1);
  unlinked.batch(unlinked.statement(StatementType::kChangeSet, nothing, unlinked.device));
  CHECK(found(unlinked.ended()).starts_with("kCborType"));

  Ledger keyless;
  keyless.genesis();
  const Bytes short_key(31, 7);
  keyless.batch(keyless.statement(StatementType::kEnrolment,
                                  write_enrolment({1, Algorithm::kEd25519, short_key, "I001", "tablet", 1, "Wang"}),
                                  keyless.office));
  CHECK(found(keyless.ended()) == "kKeyNotValid 31 bytes");

  Ledger misplaced;
  misplaced.genesis();
  misplaced.batch(misplaced.statement(StatementType::kSyncRequest, nothing, misplaced.office));
  CHECK(found(misplaced.ended()).starts_with("kTypeNotLogged"));
}

TEST_CASE("words where a ledger has numbers are told, in its head and in its batches") {
  const Bytes algorithm = record(2, 0, [](CborWriter& out) {
    out.map(4);
    out.integer(1);
    out.text("dudao-ledger-1");
    out.integer(2);
    out.text(kOrigin);
    out.integer(3);
    out.text("Ed25519");
    out.integer(4);
    out.bytes({});
  });
  CHECK(found(algorithm).starts_with("kCborType"));
  const Bytes named = record(2, 0, [&](CborWriter& out) {
    out.map(4);
    for (const std::string_view key : {"a", "b", "c", "d"}) {
      out.text(key);
      out.null();
    }
  });
  CHECK(found(named).starts_with("kCborType"));
  Ledger timeless;
  timeless.genesis();
  append(timeless.file, record(4, 2, [](CborWriter& out) {
           out.integer(1);
           out.text("noon");
           out.bytes({});
         }));
  CHECK(found(timeless.ended()).starts_with("kCborType"));
}

TEST_CASE("of a ledger that is wrong everywhere the first hundred problems are told") {
  Ledger ledger;
  ledger.genesis();
  for (int n = 0; n < 101; ++n) append(ledger.file, record(2, 4, [](CborWriter& out) { out.null(); }));
  CHECK(check_ledger(ledger.ended(), {}).problems.size() == 100);
}
