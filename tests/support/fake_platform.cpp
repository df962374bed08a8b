#include "tests/support/fake_platform.hpp"

namespace dudao::test {

void MemoryLog::write(Level level, std::string_view event, std::string_view ids) {
  const std::lock_guard lock(mutex_);
  records_.push_back({level, std::string(event), std::string(ids)});
}

std::vector<MemoryLog::Record> MemoryLog::records() {
  const std::lock_guard lock(mutex_);
  return records_;
}

bool MemoryLog::contains(std::string_view text) {
  const std::lock_guard lock(mutex_);
  for (const Record& record : records_)
    if (record.event.find(text) != std::string::npos || record.ids.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace dudao::test
