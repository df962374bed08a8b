#pragma once

/// Carries passes (sync/pass.hpp) over HTTP until nothing waits, and says when to try again. Success is said only where
/// a verified receipt is in the database.

#include "platform/platform.hpp"
#include "schema/sqlite.hpp"
#include "sync/pass.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dudao {

/// What one run came to; true even when it ended with an error, since each exchange stands for itself.
struct SyncReport {
  int exchanges = 0;
  int sent = 0, receipted = 0, rows = 0;
  std::vector<Refusal> refusals;
  std::uint64_t sent_bytes = 0, received_bytes = 0;  ///< on the wire
  std::int64_t waiting = 0;                          ///< statements that still have no receipt
  std::optional<Error> error;                        ///< why it ended before everything was done
  std::int64_t next_try_utc_ms = 0;                  ///< when trying again makes sense; 0: when there is something new
};

struct SyncJobOptions {
  std::string office_url;           ///< "https://dudao.example", without a path
  std::function<bool()> cancelled;  ///< asked between and during exchanges
  std::function<void(const SyncReport& so_far)> progress;
};

/// One run. The request's size follows the link: each exchange should take about ten seconds, so that a break loses no
/// more. It is halved after each time-out or cut answer, grows at most eightfold after each success, and is remembered;
/// but a run, whose link may be another than the last one's, begins with 64 KiB at most. Errors stand in the report;
/// returned are only those of the database while the report is made.
Result<SyncReport> run_sync(Platform& platform, Database& db, const SyncJobOptions& options);

}  // namespace dudao
