#pragma once

#include "platform/platform.hpp"

#include <mutex>

namespace dudao::test {

/// A clock that stands still until it is told to move. Starts at 2026-03-02T01:00:00Z, in China, an hour after the
/// machine was started. Thread-safe.
class FakeClock final : public Clock {
 public:
  std::int64_t wall_utc_ms() override;
  int utc_offset_min() override;
  std::int64_t boot_ms() override;
  std::string boot_id() override;

  /// Time passes: both clocks move.
  void advance(std::int64_t ms);
  /// Somebody sets the wall clock: the boot clock does not notice.
  void set_wall(std::int64_t utc_ms);
  void set_offset(int minutes);
  /// The machine restarts after being off for so long: the boot clock begins at 0 under a new boot_id().
  void restart(std::int64_t off_ms = 30'000);

 private:
  std::mutex mutex_;
  std::int64_t wall_utc_ms_ = 1'772'413'200'000;
  std::int64_t boot_ms_ = 3'600'000;
  int offset_min_ = 480;
  int starts_ = 1;
};

}  // namespace dudao::test
