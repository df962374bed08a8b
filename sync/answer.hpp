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

/// The statements of a request, one after the other, the sync-request first. Views point into the body.
Result<std::vector<BytesView>> split_statements(BytesView body, std::size_t most);

/// What stands in a 200 answer.
struct SyncAnswer {
  BytesView page;  ///< signed feed page
  /// Receipts for neighbouring statements: number of the first, then the batch.
  std::vector<std::pair<std::uint64_t, BatchReceipt>> receipts;
  std::optional<std::string> checkpoint;  ///< absent: the log has not grown since the device's
  std::vector<Hash> consistency;          ///< from the device's checkpoint to this one
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
