#pragma once

/// What a device is owed: the latest rows of its scope that changed since its cursor. Rows that changed several times
/// come once, as they are now; the first sync is the same call with cursor 0.

#include "sync/changes.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <vector>

namespace dudao {

struct FeedRows {
  ChangesBuilder rows;  ///< whole rows
  std::int64_t to = 0;  ///< the page holds what changed below this log index
  bool more = false;
};

/// `today`: days since 1970-01-01, for zones that end. Rows of the device's scope in log entries [from, size). One
/// entry's rows always stay together, so the page may exceed the budget by one entry. Errors: database errors.
Result<FeedRows> feed_for(Store& store, const Device& device, std::int64_t from, std::int64_t size, std::int64_t today,
                          std::size_t budget_bytes);

}  // namespace dudao
