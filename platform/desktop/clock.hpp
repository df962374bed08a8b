#pragma once

#include "platform/platform.hpp"

namespace dudao {

/// The clocks of a Linux machine: CLOCK_REALTIME, the time zone of the machine, CLOCK_BOOTTIME and the kernel's boot
/// id. Where the kernel tells no boot id, a random one is made for this object: boot times of two runs are then never
/// compared with each other, which is the safe side. Thread-safe.
class DesktopClock final : public Clock {
 public:
  DesktopClock();
  std::int64_t wall_utc_ms() override;
  int utc_offset_min() override;
  std::int64_t boot_ms() override;
  std::string boot_id() override { return boot_id_; }

 private:
  std::string boot_id_;
};

}  // namespace dudao
