#pragma once

/// The device's half of the exchange: one request, one answer, as a pure step function. No threads, no timers, no
/// sockets: agent/sync_job.hpp decides when, and carries the bytes.
///
///     pass.request()  →  POST /v1/sync  →  pass.take_answer()   again while it says so

#include "platform/platform.hpp"
#include "sync/author.hpp"
#include "sync/payloads.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dudao {

inline constexpr std::string_view kSyncPath = "/v1/sync";
inline constexpr std::string_view kSyncContentType = "application/vnd.dudao+zstd";
inline constexpr std::string_view kErrorContentType = "application/vnd.dudao.error+cbor";
inline constexpr std::size_t kMaxSyncBodyBytes = 4u << 20;    ///< as sent
inline constexpr std::size_t kMaxSyncPlainBytes = 16u << 20;  ///< after decompression
inline constexpr std::size_t kMaxStatementsPerRequest = 2'000;

struct PassBudget {
  std::size_t up_bytes = 1u << 20;    ///< of statements, before compression; one statement always goes
  std::size_t down_bytes = 1u << 20;  ///< of feed rows, before compression; one log entry's rows always come
};

/// What one exchange came to. Every number counts what is proven and durable on this device.
struct PassReport {
  int sent = 0;       ///< statements in the request
  int receipted = 0;  ///< statements that now have a verified receipt
  int rows = 0;       ///< rows taken from the feed
  std::vector<Refusal> refusals;
  std::size_t plain_bytes = 0;  ///< of statements sent and of the answer, before compression
  bool again = false;           ///< more waits to go up or to come down: make another request now
};

class SyncPass {
 public:
  /// The database must be enrolled. Both outlive the pass.
  SyncPass(Platform& platform, Database& db, PassBudget budget = {}) : platform_(platform), db_(db), budget_(budget) {}

  void set_budget(PassBudget budget) { budget_ = budget; }

  /// Seals what is unsealed and builds the body of the next request. Errors: those of seal().
  Result<Bytes> request();

  /// Takes the answer to the last request(): everything is verified first, then applied in one transaction; on any
  /// error nothing is changed. A lost or doubled answer is harmless: the next request asks the same again. Errors:
  /// kNotTheOffice (a portal or another server answered), kAnswerForged, kLogForked, kLogShrunk (alarm: the office's
  /// log is not the one seen before), kReceiptWrong, kDeviceBehind (this database was restored from a backup),
  /// kClockAgreed (retry: the office lent a nonce because the clocks differ), whatever the office refused with,
  /// database errors.
  Result<PassReport> take_answer(int http_status, std::string_view content_type, BytesView body);

 private:
  struct Opened;
  Result<Opened> open_answer(BytesView body) const;
  Status apply_feed(const FeedPage& page, int& rows);

  Platform& platform_;
  Database& db_;
  PassBudget budget_;
  Nonce nonce_{};
  std::optional<Nonce> lent_nonce_;
  std::vector<std::uint64_t> sent_;  ///< numbers of the statements in the request, rising
  std::size_t sent_bytes_ = 0;       ///< of these statements, before compression
};

/// Enrolment: what the device sends to `POST /v1/enrol`, signed with its new key. code: 16 bytes the office gave, or
/// empty when somebody at the office will approve the thumbprint; it is proven, not sent.
Result<Bytes> enrolment_request(Platform& platform, std::string_view key_name, const PublicKey& key,
                                std::string_view inspector, std::string_view device_name, BytesView code);

/// Takes the answer: a signed enrolment of exactly this key, then pins the office's key and the log. `pinned_office` is
/// the thumbprint that the inspector was given beforehand, where there is one. False: not approved yet, ask again
/// later. Errors: kNotTheOffice, kAnswerForged, kOfficeNotPinned, kAlreadyEnrolled, whatever the office refused with.
Result<bool> take_enrolment(Platform& platform, Database& db, std::string_view key_name, const PublicKey& key,
                            int http_status, std::string_view content_type, BytesView body,
                            const std::optional<Hash>& pinned_office);

}  // namespace dudao
