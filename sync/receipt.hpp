#pragma once

/// Receipts of inclusion (RFC 9942 over an RFC 9162 tree), and how a batch of them travels. All receipts of one group
/// commit share size, time and signature, so they are pure functions of where a statement stands: the same bytes at
/// every retry.

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"
#include "sync/cbor.hpp"
#include "sync/statement.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// What the log signs once for a batch: the root of the tree that ends with it.
struct BatchHead {
  std::int64_t size = 0;              ///< of the tree, at the end of the batch
  std::int64_t registered_utc_s = 0;  ///< when the batch was committed, by the office's clock
};
/// Sig_structure over the root: protected {1 alg, 4 kid, 15 {1 iss, 2 sub, 6 iat}, 395: 1}. iss and sub are the origin.
Bytes batch_to_be_signed(const BatchHead& head, const Hash& root, std::string_view origin, const PublicKey& log_key);

void write_hashes(CborWriter& out, std::span<const Hash> hashes);
/// Errors: CBOR errors, kReceiptForm.
Result<std::vector<Hash>> read_hashes(CborReader& in, std::size_t most);

/// A run of neighbouring statements of one batch, as the office sends it.
struct BatchReceipt {
  BatchHead head;
  Bytes signature;
  std::int64_t first = 0;  ///< log index of the first statement
  std::int64_t count = 0;
  std::vector<Hash> proof;  ///< range_proof
};
void write_batch_receipt(CborWriter& out, const BatchReceipt& receipt);
/// Errors: CBOR errors, kReceiptForm.
Result<BatchReceipt> read_batch_receipt(CborReader& in);

/// The receipts of the statements of a batch, verified, each a COSE receipt of its own.
struct ExpandedReceipts {
  Hash root{};
  std::vector<Bytes> receipts;
};
/// entries: the statements' bytes, as many as the batch receipt counts. Errors: kReceiptForm, kProofForm,
/// kReceiptSignature.
Result<ExpandedReceipts> expand_receipts(const BatchReceipt& batch, const std::vector<BytesView>& entries,
                                         std::string_view origin, const PublicKey& log_key);

/// What a receipt proves. Size and index are not signed (they only say how to fold the path): the checkpoint signs the
/// size.
struct Receipt {
  std::int64_t size = 0;
  std::int64_t index = 0;
  std::int64_t registered_utc_s = 0;  ///< 0 when the receipt has no iat (other people's)
  std::string issuer;
  Hash root{};  ///< what the log signed: that of its tree of `size` leaves
};

/// Which bytes of a statement are the log's entry.
enum class EntryRule : std::uint8_t {
  kStatement,        ///< the tagged COSE_Sign1 as it is: ours
  kStatementSha256,  ///< its SHA-256: other people's
};

/// True receipts only. Accepts other people's receipts too: tag, vds 1, extra header labels.
/// Errors: CBOR errors, kReceiptForm, kProofForm, kReceiptSignature.
Result<Receipt> verify_receipt(BytesView receipt, BytesView statement, const PublicKey& log_key,
                               EntryRule rule = EntryRule::kStatement);

}  // namespace dudao
