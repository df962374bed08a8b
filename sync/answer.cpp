#include "sync/answer.hpp"

namespace dudao {
namespace {

constexpr std::size_t kMaxRuns = 10'000;
/// Between any two of them, at most twice the height of the tallest tree.
constexpr std::size_t kMaxGrowthHashes = 128 * kMaxRuns;

}  // namespace

Result<std::vector<BytesView>> split_statements(BytesView body, std::size_t most) {
  CborReader in(body);
  std::vector<BytesView> out;
  while (!in.at_end()) {
    if (out.size() == most) return fail(Code::kTooManyStatements, std::to_string(most));
    DUDAO_TRY(const BytesView item, in.item());
    out.push_back(item);
  }
  return out;
}

Bytes write_sync_answer(const SyncAnswer& answer) {
  CborWriter out;
  out.raw(answer.page);
  out.array(answer.receipts.size());
  for (const auto& [seq, batch] : answer.receipts) {
    out.array(2);
    out.integer(static_cast<std::int64_t>(seq));
    write_batch_receipt(out, batch);
  }
  if (answer.growth) {
    out.array(4);
    out.integer(answer.growth->size);
    out.bytes(answer.growth->root ? BytesView(*answer.growth->root) : BytesView());
    out.bytes(answer.growth->signature);
    write_hashes(out, answer.growth->proof);
  } else {
    out.null();
  }
  return std::move(out).take();
}

Result<SyncAnswer> read_sync_answer(BytesView body) {
  CborReader in(body);
  SyncAnswer out;
  DUDAO_TRY(out.page, in.item());
  DUDAO_TRY(const std::uint64_t runs, in.array());
  if (runs > kMaxRuns) return fail(Code::kReceiptForm, "runs");
  for (std::uint64_t i = 0; i < runs; ++i) {
    DUDAO_TRY(const std::uint64_t parts, in.array());
    if (parts != 2) return fail(Code::kReceiptForm, "run");
    DUDAO_TRY(const std::int64_t seq, in.integer());
    if (seq < 1) return fail(Code::kReceiptForm, "run");
    DUDAO_TRY(auto batch, read_batch_receipt(in));
    out.receipts.emplace_back(static_cast<std::uint64_t>(seq), std::move(batch));
  }
  DUDAO_TRY(const CborType type, in.peek());
  if (type == CborType::kNull) {
    static_cast<void>(in.null());  // which it is
  } else {
    DUDAO_TRY(const std::uint64_t parts, in.array());
    if (parts != 4) return fail(Code::kReceiptForm, "growth");
    LogGrowth growth;
    DUDAO_TRY(growth.size, in.integer());
    DUDAO_TRY(const BytesView root, in.bytes());
    growth.root = to_array<32>(root);
    DUDAO_TRY(const BytesView signature, in.bytes());
    if (growth.size < 1 || (!growth.root && !root.empty()) || signature.size() != 64)
      return fail(Code::kReceiptForm, "growth");
    growth.signature = to_bytes(signature);
    DUDAO_TRY(growth.proof, read_hashes(in, kMaxGrowthHashes));
    out.growth = std::move(growth);
  }
  DUDAO_CHECK(in.finish());
  return out;
}

Bytes write_error_answer(const ErrorAnswer& answer) {
  CborWriter out;
  out.map(4);
  out.integer(1);
  out.integer(answer.code);
  out.integer(2);
  out.text(answer.detail);
  out.integer(3);
  out.integer(answer.office_utc_ms);
  out.integer(4);
  out.bytes(answer.nonce ? BytesView(*answer.nonce) : BytesView());
  return std::move(out).take();
}

Result<ErrorAnswer> read_error_answer(BytesView body) {
  CborReader in(body);
  ErrorAnswer out;
  DUDAO_TRY(const std::uint64_t fields, in.map());
  if (fields != 4) return fail(Code::kPayloadShape, "error answer");
  const auto key = [&](std::int64_t expected) -> Status {
    DUDAO_TRY(const std::int64_t found, in.integer());
    return found == expected ? Status() : fail(Code::kPayloadShape, "error answer");
  };
  DUDAO_CHECK(key(1));
  DUDAO_TRY(const std::int64_t code, in.integer());
  if (code < 1 || code > 65535) return fail(Code::kPayloadShape, "error answer");
  out.code = static_cast<std::uint16_t>(code);
  DUDAO_CHECK(key(2));
  DUDAO_TRY(const std::string_view detail, in.text());
  out.detail = detail;
  DUDAO_CHECK(key(3));
  DUDAO_TRY(out.office_utc_ms, in.integer());
  DUDAO_CHECK(key(4));
  DUDAO_TRY(const BytesView nonce, in.bytes());
  out.nonce = to_array<16>(nonce);
  DUDAO_CHECK(in.finish());
  return out;
}

}  // namespace dudao
