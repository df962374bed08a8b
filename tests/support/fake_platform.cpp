#include "tests/support/fake_platform.hpp"

#include <algorithm>

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
  return std::ranges::any_of(records_, [&](const Record& record) {
    return record.event.find(text) != std::string::npos || record.ids.find(text) != std::string::npos;
  });
}

}  // namespace dudao::test
