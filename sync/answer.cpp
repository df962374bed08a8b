#include "sync/answer.hpp"

namespace dudao {
namespace {

constexpr std::size_t kMaxConsistencyHashes = 128;
constexpr std::size_t kMaxRuns = 10'000;

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
  if (answer.checkpoint)
    out.text(*answer.checkpoint);
  else
    out.null();
  out.array(answer.consistency.size());
  for (const Hash& hash : answer.consistency) out.bytes(hash);
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
    DUDAO_CHECK(in.null());
  } else {
    DUDAO_TRY(const std::string_view note, in.text());
    out.checkpoint = std::string(note);
  }
  DUDAO_TRY(const std::uint64_t hashes, in.array());
  if (hashes > kMaxConsistencyHashes) return fail(Code::kReceiptForm, "consistency");
  for (std::uint64_t i = 0; i < hashes; ++i) {
    DUDAO_TRY(const BytesView bytes, in.bytes());
    const auto hash = to_array<32>(bytes);
    if (!hash) return fail(Code::kReceiptForm, "consistency");
    out.consistency.push_back(*hash);
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
