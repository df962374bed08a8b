#include "tests/support/fake_clock.hpp"

namespace dudao::test {

std::int64_t FakeClock::wall_utc_ms() {
  const std::lock_guard lock(mutex_);
  return wall_utc_ms_;
}

int FakeClock::utc_offset_min() {
  const std::lock_guard lock(mutex_);
  return offset_min_;
}

std::int64_t FakeClock::boot_ms() {
  const std::lock_guard lock(mutex_);
  return boot_ms_;
}

std::string FakeClock::boot_id() {
  const std::lock_guard lock(mutex_);
  return "start-" + std::to_string(starts_);
}

void FakeClock::advance(std::int64_t ms) {
  const std::lock_guard lock(mutex_);
  wall_utc_ms_ += ms;
  boot_ms_ += ms;
}

void FakeClock::set_wall(std::int64_t utc_ms) {
  const std::lock_guard lock(mutex_);
  wall_utc_ms_ = utc_ms;
}

void FakeClock::set_offset(int minutes) {
  const std::lock_guard lock(mutex_);
  offset_min_ = minutes;
}

void FakeClock::restart(std::int64_t off_ms) {
  const std::lock_guard lock(mutex_);
  wall_utc_ms_ += off_ms;
  boot_ms_ = 0;
  ++starts_;
}

}  // namespace dudao::test
