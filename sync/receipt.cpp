#include "sync/receipt.hpp"

#include "sync/merkle.hpp"

namespace dudao {
namespace {

constexpr std::int64_t kVerifiableDataStructure = 395;
constexpr std::int64_t kVerifiableDataProof = 396;
constexpr std::int64_t kRfc9162Sha256 = 1;
constexpr std::int64_t kInclusion = -1;
constexpr std::size_t kMaxProofHashes = 64;
constexpr std::size_t kMaxRangeHashes = 128;

Bytes protected_header(const BatchHead& head, std::string_view origin, const PublicKey& log_key) {
  CborWriter out;
  out.map(4);
  out.integer(1);
  out.integer(static_cast<std::int64_t>(log_key.algorithm()));
  out.integer(4);
  out.bytes(key_id(log_key));
  out.integer(15);
  out.map(3);
  out.integer(1);
  out.text(origin);
  out.integer(2);
  out.text(origin);
  out.integer(6);
  out.integer(head.registered_utc_s);
  out.integer(kVerifiableDataStructure);
  out.integer(kRfc9162Sha256);
  return std::move(out).take();
}

Bytes make_receipt(BytesView protected_bytes, std::int64_t size, std::int64_t index, const std::vector<Hash>& path,
                   BytesView signature) {
  CborWriter proof;
  proof.array(3);
  proof.integer(size);
  proof.integer(index);
  proof.array(path.size());
  for (const Hash& hash : path) proof.bytes(hash);
  CborWriter out;
  out.tag(kCoseSign1Tag);
  out.array(4);
  out.bytes(protected_bytes);
  out.map(1);
  out.integer(kVerifiableDataProof);
  out.map(1);
  out.integer(kInclusion);
  out.array(1);
  out.bytes(proof.written());
  out.null();
  out.bytes(signature);
  return std::move(out).take();
}

/// Header labels of anybody's receipt; what we do not know is passed over, since it is signed all the same.
struct ProtectedReceipt {
  std::optional<std::int64_t> algorithm;
  std::optional<std::int64_t> structure;
  std::int64_t issued = 0;
  std::string issuer;
};

/// Calls each(label, value) for every entry of a map whose label is a number.
template <class Each>
Status for_each_label(CborReader& in, const Each& each) {
  DUDAO_TRY(const std::uint64_t entries, in.unordered_map());
  for (std::uint64_t i = 0; i < entries; ++i) {
    const BytesView label = in.item().value();  // unordered_map() has looked at every one
    const BytesView value = in.item().value();
    if (const auto number = CborReader(label).integer()) DUDAO_CHECK(each(*number, CborReader(value)));
  }
  return {};
}

Result<ProtectedReceipt> read_protected(BytesView bytes) {
  ProtectedReceipt out;
  const auto claim = [&](std::int64_t label, CborReader value) -> Status {
    if (label == 1) return value.text().map([&](std::string_view issuer) { out.issuer = issuer; });
    if (label == 6) return value.integer().map([&](std::int64_t issued) { out.issued = issued; });
    return {};
  };
  CborReader in(bytes);
  DUDAO_CHECK(for_each_label(in, [&](std::int64_t label, CborReader value) -> Status {
    if (label == 1) return value.integer().map([&](std::int64_t number) { out.algorithm = number; });
    if (label == kVerifiableDataStructure)
      return value.integer().map([&](std::int64_t number) { out.structure = number; });
    return label == 15 ? for_each_label(value, claim) : Status();
  }));
  DUDAO_CHECK(in.finish());
  return out;
}

bool same_algorithm(std::int64_t number, Algorithm algorithm) {
  return algorithm == Algorithm::kEd25519 ? number == -8 || number == -19 : number == -7 || number == -9;
}

}  // namespace

Bytes batch_to_be_signed(const BatchHead& head, const Hash& root, std::string_view origin, const PublicKey& log_key) {
  return sig_structure(protected_header(head, origin, log_key), {}, root);
}

void write_hashes(CborWriter& out, std::span<const Hash> hashes) {
  out.array(hashes.size());
  for (const Hash& hash : hashes) out.bytes(hash);
}

Result<std::vector<Hash>> read_hashes(CborReader& in, std::size_t most) {
  DUDAO_TRY(const std::uint64_t count, in.array());
  if (count > most) return fail(Code::kReceiptForm, "proof");
  std::vector<Hash> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    DUDAO_TRY(const BytesView bytes, in.bytes());
    const auto hash = to_array<32>(bytes);
    if (!hash) return fail(Code::kReceiptForm, "proof");
    out.push_back(*hash);
  }
  return out;
}

void write_batch_receipt(CborWriter& out, const BatchReceipt& receipt) {
  out.array(6);
  out.integer(receipt.head.size);
  out.integer(receipt.head.registered_utc_s);
  out.bytes(receipt.signature);
  out.integer(receipt.first);
  out.integer(receipt.count);
  write_hashes(out, receipt.proof);
}

Result<BatchReceipt> read_batch_receipt(CborReader& in) {
  DUDAO_TRY(const std::uint64_t parts, in.array());
  if (parts != 6) return fail(Code::kReceiptForm, "parts");
  BatchReceipt out;
  DUDAO_TRY(out.head.size, in.integer());
  DUDAO_TRY(out.head.registered_utc_s, in.integer());
  DUDAO_TRY(const BytesView signature, in.bytes());
  out.signature = to_bytes(signature);
  DUDAO_TRY(out.first, in.integer());
  DUDAO_TRY(out.count, in.integer());
  DUDAO_TRY(out.proof, read_hashes(in, kMaxRangeHashes));
  if (out.signature.size() != 64 || out.first < 0 || out.count < 1 || out.count > out.head.size ||
      out.first > out.head.size - out.count || out.head.registered_utc_s < 0)
    return fail(Code::kReceiptForm, "numbers");
  return out;
}

Result<ExpandedReceipts> expand_receipts(const BatchReceipt& batch, const std::vector<BytesView>& entries,
                                         std::string_view origin, const PublicKey& log_key) {
  if (static_cast<std::int64_t>(entries.size()) != batch.count) return fail(Code::kReceiptForm, "count");
  std::vector<Hash> leaves;
  for (const BytesView entry : entries) leaves.push_back(leaf_hash(entry));
  DUDAO_TRY(const ProvenRange range, expand_range(batch.first, batch.head.size, leaves, batch.proof));
  if (!log_key.verify(batch_to_be_signed(batch.head, range.root, origin, log_key), batch.signature))
    return fail(Code::kReceiptSignature);
  const Bytes protected_bytes = protected_header(batch.head, origin, log_key);
  ExpandedReceipts out{range.root, {}};
  for (std::size_t i = 0; i < entries.size(); ++i)
    out.receipts.push_back(make_receipt(protected_bytes, batch.head.size, batch.first + static_cast<std::int64_t>(i),
                                        range.inclusion[i], batch.signature));
  return out;
}

Result<Receipt> verify_receipt(BytesView receipt, BytesView statement, const PublicKey& log_key, EntryRule rule) {
  CborReader in(receipt);
  DUDAO_CHECK(in.tag(kCoseSign1Tag));
  DUDAO_TRY(const std::uint64_t parts, in.array());
  if (parts != 4) return fail(Code::kReceiptForm, "parts");
  DUDAO_TRY(const BytesView protected_bytes, in.bytes());
  DUDAO_TRY(const ProtectedReceipt header, read_protected(protected_bytes));
  if (!header.algorithm || !same_algorithm(*header.algorithm, log_key.algorithm()))
    return fail(Code::kReceiptForm, "algorithm");
  if (header.structure != kRfc9162Sha256) return fail(Code::kReceiptForm, "kind of tree");
  DUDAO_TRY(const std::uint64_t labels, in.map());
  if (labels != 1) return fail(Code::kReceiptForm, "unprotected header");
  DUDAO_TRY(const std::int64_t label, in.integer());
  DUDAO_TRY(const std::uint64_t kinds, in.map());
  if (label != kVerifiableDataProof || kinds != 1) return fail(Code::kReceiptForm, "proof");
  DUDAO_TRY(const std::int64_t kind, in.integer());
  DUDAO_TRY(const std::uint64_t proofs, in.array());
  if (kind != kInclusion || proofs != 1) return fail(Code::kReceiptForm, "proof");
  DUDAO_TRY(const BytesView proof_bytes, in.bytes());
  // SPEC: RFC 9942: the payload is detached; an attached one is never trusted.
  if (!in.null()) return fail(Code::kReceiptForm, "payload attached");
  DUDAO_TRY(const BytesView signature, in.bytes());
  DUDAO_CHECK(in.finish());

  CborReader proof(proof_bytes);
  DUDAO_TRY(const std::uint64_t fields, proof.array());
  if (fields != 3) return fail(Code::kReceiptForm, "proof");
  Receipt out;
  DUDAO_TRY(out.size, proof.integer());
  DUDAO_TRY(out.index, proof.integer());
  DUDAO_TRY(const std::vector<Hash> path, read_hashes(proof, kMaxProofHashes));
  DUDAO_CHECK(proof.finish());

  const Hash digest = sha256(statement);
  const Hash leaf = leaf_hash(rule == EntryRule::kStatement ? statement : BytesView(digest));
  DUDAO_TRY(const Hash root, root_of_inclusion(leaf, out.index, out.size, path));
  if (!log_key.verify(sig_structure(protected_bytes, {}, root), signature)) return fail(Code::kReceiptSignature);
  out.registered_utc_s = header.issued;
  out.issuer = header.issuer;
  out.root = root;
  return out;
}

}  // namespace dudao
