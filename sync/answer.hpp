#pragma once

/// The two bodies of the exchange as both ends write and read them, before compression. sync/PROTOCOL.md has the bytes.

#include "platform/bytes.hpp"
#include "platform/error.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// Statements one after the other, as an answer to an enrolment has them. Views point into the body.
Result<std::vector<BytesView>> split_statements(BytesView body, std::size_t most);

/// How the log went on from the device's checkpoint.
struct LogGrowth {
  std::int64_t size = 0;
  /// Absent: a receipt that goes with it is of a batch that ends at this size, and signs it.
  std::optional<Hash> root;
  Bytes signature;          ///< of the checkpoint
  std::vector<Hash> proof;  ///< growth_proof over the receipts that are not from before
};

/// What stands in a 200 answer.
struct SyncAnswer {
  BytesView page;  ///< feed page as a bare statement
  /// Receipts for neighbouring statements: number of the first, then the batch. The proof of one from after the
  /// device's checkpoint is empty: the growth proof has what is missing.
  std::vector<std::pair<std::uint64_t, BatchReceipt>> receipts;
  std::optional<LogGrowth> growth;  ///< absent: the log has not grown since the device's checkpoint
};
Bytes write_sync_answer(const SyncAnswer& answer);
/// Errors: CBOR errors, kReceiptForm.
Result<SyncAnswer> read_sync_answer(BytesView body);

/// What stands in every other answer. Not signed: it can only make a device wait or ask again.
struct ErrorAnswer {
  std::uint16_t code = 0;
  std::string detail;
  std::int64_t office_utc_ms = 0;
  std::optional<Nonce> nonce;  ///< to sign in place of a time, when the device's clock is wrong
};
Bytes write_error_answer(const ErrorAnswer& answer);
Result<ErrorAnswer> read_error_answer(BytesView body);

}  // namespace dudao
