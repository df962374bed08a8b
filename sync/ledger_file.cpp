#include "sync/ledger_file.hpp"

#include "sync/cbor.hpp"
#include "sync/checkpoint.hpp"
#include "sync/merkle.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"

#include <map>

namespace dudao {
namespace {

constexpr std::string_view kFormat = "dudao-ledger-1";
enum Record : std::int64_t { kHead, kEntry, kBatch, kEnd };
constexpr std::size_t kMaxProblems = 100;

/// What the log has said so far about an author.
struct KnownAuthor {
  PublicKey key;
  std::uint64_t seq = 0;
  Hash head{};
  std::optional<std::uint64_t> cut;
};

class Checker {
 public:
  explicit Checker(const std::optional<Hash>& pinned) : pinned_(pinned) {}

  LedgerReport run(BytesView file) {
    CborReader in(file);
    bool ended = false;
    while (!in.at_end()) {
      const auto item = in.item();
      if (!item) {
        problem(std::nullopt, item.error());
        return std::move(report_);
      }
      if (ended) {
        problem(std::nullopt, {Code::kLedgerFile, "records after the checkpoint"});
        break;
      }
      if (const Status done = record(*item, ended); !done) problem(std::nullopt, done.error());
      if (!report_.office_key) return std::move(report_);
    }
    if (!ended) problem(std::nullopt, {Code::kLedgerFile, "no checkpoint at the end"});
    return std::move(report_);
  }

 private:
  void problem(std::optional<std::int64_t> index, Error error) {
    if (report_.problems.size() < kMaxProblems) report_.problems.push_back({index, std::move(error)});
  }

  Status record(BytesView item, bool& ended) {
    CborReader in(item);
    DUDAO_TRY(const std::uint64_t parts, in.array());
    DUDAO_TRY(const std::int64_t kind, in.integer());
    if (!report_.office_key) {
      if (kind != kHead || parts != 2) return fail(Code::kLedgerFile, "no head");
      return head(in);
    }
    if (kind == kEntry && parts == 2) {
      DUDAO_TRY(const BytesView bytes, in.bytes());
      const std::int64_t index = report_.statements++;
      if (const Status sound = entry(bytes, index); !sound) problem(index, sound.error());
      return append_leaf(index, leaf_hash(bytes), read_,
                         [this](int level, std::int64_t position, const Hash& hash) -> Status {
                           nodes_[{level, position}] = hash;
                           return {};
                         });
    }
    if (kind == kBatch && parts == 4) return batch(in);
    if (kind == kEnd && parts == 2) {
      ended = true;
      DUDAO_TRY(const std::string_view note, in.text());
      DUDAO_TRY(const Checkpoint checkpoint, open_checkpoint(note, report_.origin, *report_.office_key));
      const Hash root = root_of(report_.statements);
      if (checkpoint.size != report_.statements)
        return fail(Code::kLedgerFile, "the checkpoint speaks of " + std::to_string(checkpoint.size) + " statements");
      if (checkpoint.root != root) return fail(Code::kProofWrong, "checkpoint");
      if (batched_ != report_.statements) return fail(Code::kLedgerFile, "statements without a batch at the end");
      return {};
    }
    return fail(Code::kLedgerFile, "record " + std::to_string(kind));
  }

  Status head(CborReader& in) {
    DUDAO_TRY(const std::uint64_t fields, in.map());
    if (fields != 4) return fail(Code::kLedgerFile, "head");
    const auto key = [&](std::int64_t expected) -> Status {
      DUDAO_TRY(const std::int64_t found, in.integer());
      if (found != expected) return fail(Code::kLedgerFile, "head");
      return {};
    };
    DUDAO_CHECK(key(1));
    DUDAO_TRY(const std::string_view format, in.text());
    if (format != kFormat) return fail(Code::kLedgerFile, "format");
    DUDAO_CHECK(key(2));
    DUDAO_TRY(const std::string_view origin, in.text());
    DUDAO_CHECK(key(3));
    DUDAO_TRY(const std::int64_t algorithm, in.integer());
    DUDAO_CHECK(key(4));
    DUDAO_TRY(const BytesView raw, in.bytes());
    DUDAO_TRY(auto office_key, PublicKey::from_raw(static_cast<Algorithm>(algorithm), raw));
    if (pinned_ && office_key.thumbprint() != *pinned_)
      return fail(Code::kOfficeNotPinned, to_hex(office_key.thumbprint()));
    report_.origin = origin;
    report_.office_key = std::move(office_key);
    return {};
  }

  Status entry(BytesView bytes, std::int64_t index) {
    DUDAO_TRY(const Statement statement, parse_statement(bytes));
    if ((index == 0) != (statement.type == StatementType::kGenesis)) return fail(Code::kLedgerFile, "genesis");
    if (statement.type == StatementType::kChangeSet) return device_statement(statement);
    DUDAO_CHECK(verify_statement(statement, *report_.office_key));
    switch (statement.type) {
      case StatementType::kGenesis:
        return genesis(statement);
      case StatementType::kEnrolment:
        return enrolment(statement);
      case StatementType::kRevocation:
        return revocation(statement);
      case StatementType::kDraw:
        ++report_.draws;
        return read_draw_step(statement.payload).map([](const auto&) {});
      case StatementType::kOfficeDecision: {
        ++report_.decisions;
        DUDAO_TRY(const ChangeSet decision, read_change_set(statement.payload));
        return link(office_seq_, office_head_, decision, statement.id);
      }
      default:
        return fail(Code::kTypeNotLogged, std::to_string(static_cast<int>(statement.type)));
    }
  }

  Status genesis(const Statement& statement) {
    DUDAO_TRY(const Genesis genesis, read_genesis(statement.payload));
    if (genesis.origin != report_.origin) return fail(Code::kLedgerFile, "origin");
    office_head_ = statement.id;
    return {};
  }

  Status enrolment(const Statement& statement) {
    ++report_.devices;
    DUDAO_TRY(const Enrolment enrolment, read_enrolment(statement.payload));
    DUDAO_TRY(auto key, PublicKey::from_raw(enrolment.algorithm, enrolment.public_key));
    const KeyId kid = key_id(key);
    by_number_[enrolment.device] = kid;
    if (!authors_.try_emplace(kid, KnownAuthor{std::move(key), 0, statement.id, {}}).second)
      return fail(Code::kLedgerFile, "key enrolled twice");
    return {};
  }

  Status revocation(const Statement& statement) {
    ++report_.revocations;
    DUDAO_TRY(const Revocation revocation, read_revocation(statement.payload));
    const auto device = by_number_.find(revocation.device);
    if (device == by_number_.end()) return fail(Code::kDeviceUnknown, std::to_string(revocation.device));
    authors_.at(device->second).cut = revocation.cut_seq;
    return {};
  }

  Status device_statement(const Statement& statement) {
    ++report_.change_sets;
    const auto found = authors_.find(statement.kid);
    if (found == authors_.end()) return fail(Code::kStatementKey, to_hex(statement.kid));
    KnownAuthor& author = found->second;
    DUDAO_CHECK(verify_statement(statement, author.key));
    // Its number and link stand in front, so they can be read even where the rest was refused.
    DUDAO_TRY(const ChainLink chain, read_chain_link(statement.payload));
    ChangeSet position;
    position.seq = chain.seq;
    position.prev = chain.prev;
    if (author.cut && chain.seq > *author.cut) return fail(Code::kDeviceRevoked, std::to_string(chain.seq));
    return link(author.seq, author.head, position, statement.id);
  }

  static Status link(std::uint64_t& seq, Hash& head, const ChangeSet& next, const Hash& id) {
    const bool fits = next.seq == seq + 1 && next.prev == head;
    const std::uint64_t expected = seq + 1;
    // One broken link is one problem; what follows it is judged from there.
    seq = next.seq;
    head = id;
    if (!fits)
      return fail(Code::kChainBroken, "number " + std::to_string(next.seq) + ", expected " + std::to_string(expected));
    return {};
  }

  Status batch(CborReader& in) {
    ++report_.batches;
    DUDAO_TRY(const std::int64_t size, in.integer());
    DUDAO_TRY(const std::int64_t registered_utc_ms, in.integer());
    DUDAO_TRY(const BytesView signature, in.bytes());
    if (size != report_.statements || size <= batched_)
      return fail(Code::kLedgerFile, "batch of size " + std::to_string(size));
    batched_ = size;
    if (registered_utc_ms % 1000 != 0) problem(size - 1, {Code::kLedgerFile, "registered between two seconds"});
    if (registered_utc_ms < last_registered_utc_ms_)
      problem(size - 1, {Code::kLedgerFile, "registered before the batch in front of it"});
    last_registered_utc_ms_ = registered_utc_ms;
    const Hash root = root_of(size);
    report_.roots[size] = root;
    if (!report_.office_key->verify(
            batch_to_be_signed({size, registered_utc_ms / 1000}, root, report_.origin, *report_.office_key), signature))
      problem(size - 1, {Code::kReceiptSignature, "batch of size " + std::to_string(size)});
    return {};
  }

  Hash root_of(std::int64_t size) const { return tree_root(size, read_).value(); }  // read_ has all of it

  std::optional<Hash> pinned_;
  LedgerReport report_;
  std::map<std::pair<int, std::int64_t>, Hash> nodes_;
  // Of the tree of all statements so far, whose nodes are all there.
  NodeReader read_ = [this](int level, std::int64_t position) -> Result<Hash> { return nodes_.at({level, position}); };
  std::map<KeyId, KnownAuthor> authors_;
  std::map<std::int64_t, KeyId> by_number_;
  std::uint64_t office_seq_ = 0;
  Hash office_head_{};
  std::int64_t batched_ = 0;
  std::int64_t last_registered_utc_ms_ = 0;
};

}  // namespace

Bytes write_ledger_head(std::string_view origin, const PublicKey& office_key) {
  CborWriter out;
  out.array(2);
  out.integer(kHead);
  out.map(4);
  out.integer(1);
  out.text(kFormat);
  out.integer(2);
  out.text(origin);
  out.integer(3);
  out.integer(static_cast<int>(office_key.algorithm()));
  out.integer(4);
  out.bytes(office_key.raw());
  return std::move(out).take();
}

Bytes write_ledger_entry(BytesView statement) {
  CborWriter out;
  out.array(2);
  out.integer(kEntry);
  out.bytes(statement);
  return std::move(out).take();
}

Bytes write_ledger_batch(std::int64_t size, std::int64_t registered_utc_ms, BytesView signature) {
  CborWriter out;
  out.array(4);
  out.integer(kBatch);
  out.integer(size);
  out.integer(registered_utc_ms);
  out.bytes(signature);
  return std::move(out).take();
}

Bytes write_ledger_end(std::string_view checkpoint) {
  CborWriter out;
  out.array(2);
  out.integer(kEnd);
  out.text(checkpoint);
  return std::move(out).take();
}

LedgerReport check_ledger(BytesView file, const std::optional<Hash>& pinned) { return Checker(pinned).run(file); }

}  // namespace dudao
