#include "agent/sync_job.hpp"

#include <algorithm>

namespace dudao {
namespace {

constexpr std::int64_t kExchange_ms = 10'000;
constexpr std::size_t kSmallestBudget_bytes = 16 * 1024;
/// Before compression, as all budgets are: a request of it is over in ten seconds on a line of 23 kbit/s.
constexpr std::size_t kFirstBudget_bytes = 64 * 1024;
/// 4 MiB would save a twentieth of the bytes and take 16 MiB more of memory.
constexpr std::size_t kLargestBudget_bytes = 1u << 20;
constexpr std::int64_t kFirstWait_ms = 5'000;
constexpr std::int64_t kLongestWait_ms = 30 * 60 * 1000;

/// After an exchange: what the link would have carried in ten seconds, but at most sixteen times as much, since what is
/// larger is untried. From the first budget that is the largest: a good link costs one round trip to find out.
std::size_t after_success(std::size_t budget_bytes, std::size_t plain_bytes, std::int64_t elapsed_ms) {
  if (plain_bytes < kSmallestBudget_bytes) return budget_bytes;  // Too little moved to learn from.
  const std::size_t carried_bytes = plain_bytes * static_cast<std::size_t>(kExchange_ms) /
                                    static_cast<std::size_t>(std::max<std::int64_t>(elapsed_ms, 1));
  return std::clamp(std::min(carried_bytes, budget_bytes * 16), kSmallestBudget_bytes, kLargestBudget_bytes);
}

/// After a break that says of the link only that this was too much for it.
std::size_t after_break(std::size_t budget_bytes) { return std::max(budget_bytes / 2, kSmallestBudget_bytes); }

bool was_too_much(Code code) { return code == Code::kTimedOut || code == Code::kAnswerCutShort; }

/// Doubling waits, each between half and the whole of its length by chance, so that devices that were cut off together
/// do not come back together.
Result<std::int64_t> wait_after_failure(Database& db) {
  DUDAO_TRY(const auto failures, integer_setting(db, "sync_failures"));
  const std::int64_t count = failures.value_or(0);
  DUDAO_CHECK(put_setting(db, "sync_failures", count + 1));
  const std::int64_t whole = std::min(kLongestWait_ms, kFirstWait_ms << std::min<std::int64_t>(count, 10));
  const Bytes chance = random_bytes(2);
  return whole / 2 + whole / 2 * (chance[0] * 256 + chance[1]) / 65'536;
}

std::string content_type_of(const HttpResponse& answer) {
  const auto found = answer.headers.find("content-type");
  return found == answer.headers.end() ? std::string() : found->second;
}

}  // namespace

Result<SyncReport> run_sync(Platform& platform, Database& db, const SyncJobOptions& options) {
  SyncReport report;
  DUDAO_TRY(const auto remembered, integer_setting(db, "sync_budget_bytes"));
  // Never more than the first: what was learned may have been of another link.
  std::size_t budget = std::clamp(static_cast<std::size_t>(remembered.value_or(kFirstBudget_bytes)),
                                  kSmallestBudget_bytes, kFirstBudget_bytes);
  const auto remember = [&](std::size_t bytes) {
    budget = bytes;
    return put_setting(db, "sync_budget_bytes", static_cast<std::int64_t>(budget));
  };
  SyncPass pass(platform, db, {budget, budget});
  const auto exchange = [&]() -> Result<bool> {
    if (options.cancelled && options.cancelled()) return fail(Code::kCancelled);
    pass.set_budget({budget, budget});
    HttpRequest request;
    request.method = "POST";
    request.url = options.office_url + std::string(kSyncPath);
    request.headers = {{"content-type", std::string(kSyncContentType)}};
    DUDAO_TRY(request.body, pass.request());
    request.max_response_bytes = kMaxSyncPlainBytes;
    request.cancelled = options.cancelled;
    const std::int64_t begun = platform.clock.boot_ms();
    const Result<HttpResponse> arrived = platform.http.send(request);
    if (!arrived) {
      if (was_too_much(arrived.error().code)) DUDAO_CHECK(remember(after_break(budget)));
      return fail(arrived.error());
    }
    const HttpResponse& answer = *arrived;
    ++report.exchanges;
    report.sent_bytes += answer.sent_bytes;
    report.received_bytes += answer.received_bytes;
    auto taken = pass.take_answer(answer.status, content_type_of(answer), answer.body);
    if (!taken && taken.error().code == Code::kClockAgreed) return true;
    if (!taken) return fail(taken.error());
    report.sent += taken->sent;
    report.receipted += taken->receipted;
    report.rows += taken->rows;
    report.refusals.insert(report.refusals.end(), taken->refusals.begin(), taken->refusals.end());
    DUDAO_CHECK(remember(after_success(budget, taken->plain_bytes, platform.clock.boot_ms() - begun)));
    if (options.progress) options.progress(report);
    return taken->again;
  };
  while (true) {
    const auto again = exchange();
    if (!again) {
      report.error = again.error();
      break;
    }
    if (!*again) break;
  }
  DUDAO_TRY(report.waiting, db.integer("SELECT count(*) FROM outbox WHERE log_index IS NULL"));
  if (report.error && report.error->retryable()) {
    DUDAO_TRY(const std::int64_t wait, wait_after_failure(db));
    report.next_try_utc_ms = platform.clock.wall_utc_ms() + wait;
  } else if (!report.error) {
    DUDAO_CHECK(put_setting(db, "sync_failures", std::int64_t{0}));
    DUDAO_CHECK(put_setting(db, "last_sync_utc_ms", platform.clock.wall_utc_ms()));
  }
  platform.log.write(report.error ? Log::Level::kWarning : Log::Level::kInfo, "sync",
                     std::to_string(report.receipted) + " receipted, " + std::to_string(report.waiting) + " waiting" +
                         (report.error ? ", error " + std::to_string(static_cast<int>(report.error->code)) : ""));
  return report;
}

}  // namespace dudao
