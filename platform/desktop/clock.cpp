#include "platform/desktop/clock.hpp"

#include "platform/desktop/files.hpp"

#include <ctime>

namespace dudao {
namespace {

std::int64_t milliseconds(clockid_t which) {
  timespec now{};
  ::clock_gettime(which, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

DesktopClock::DesktopClock() {
  ::tzset();
  if (const auto id = DesktopFiles().read("/proc/sys/kernel/random/boot_id", 100)) {
    boot_id_ = text(*id);
    while (!boot_id_.empty() && boot_id_.back() == '\n') boot_id_.pop_back();
  }
  if (boot_id_.empty()) boot_id_ = "run-" + to_hex(random_bytes(16));
}

std::int64_t DesktopClock::wall_utc_ms() { return milliseconds(CLOCK_REALTIME); }

std::int64_t DesktopClock::boot_ms() { return milliseconds(CLOCK_BOOTTIME); }

int DesktopClock::utc_offset_min() {
  const auto now = static_cast<std::time_t>(wall_utc_ms() / 1000);
  std::tm local{};
  if (!::localtime_r(&now, &local)) return 0;
  return static_cast<int>(local.tm_gmtoff / 60);
}

}  // namespace dudao
