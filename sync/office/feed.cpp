#include "sync/office/feed.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace dudao {
namespace {

std::size_t weight(const std::vector<Value>& cells) {
  std::size_t bytes = 4;
  for (const Value& cell : cells) {
    bytes += 2;
    if (const auto* text = std::get_if<std::string>(&cell)) bytes += text->size();
    if (const auto* blob = std::get_if<Bytes>(&cell)) bytes += blob->size();
    if (std::holds_alternative<std::int64_t>(cell)) bytes += 4;
  }
  return bytes;
}

struct Candidate {
  std::int64_t feed;
  const Table* table;
  std::vector<Value> cells;
};

}  // namespace

Result<FeedRows> feed_for(Store& store, const Device& device, std::int64_t from, std::int64_t size, std::int64_t today,
                          std::size_t budget_bytes) {
  std::vector<Candidate> candidates;
  const auto take = [&](const Table& table) {
    return [&, table_ptr = &table](const StoredRow& row) -> Status {
      if (row.clock.feed_author != device.no) candidates.push_back({row.clock.feed, table_ptr, row.cells});
      return {};
    };
  };

  DUDAO_TRY(const std::vector<Bytes> visits, store.changed_visits(device.inspector, from, device.no));
  // Asked for only when a row depends on them, which is rare.
  std::optional<std::set<std::string>> known_inspectors;
  std::optional<std::set<std::string>> known_schools;
  const auto concerns = [&](const Table& table, const std::string& code) -> Result<bool> {
    if (table.scope == Scope::kSchool) {
      if (!known_schools) {
        DUDAO_TRY(const auto schools, store.schools_of_inspector(device.inspector, today));
        known_schools.emplace(schools.begin(), schools.end());
      }
      return known_schools->contains(code);
    }
    // Of colleagues a device needs the name, not their zones and conflicts.
    if (code == device.inspector || table.name != "inspector") return code == device.inspector;
    if (!known_inspectors) {
      DUDAO_TRY(const auto colleagues, store.colleagues_of(device.inspector));
      known_inspectors.emplace(colleagues.begin(), colleagues.end());
    }
    return known_inspectors->contains(code);
  };

  for (const Table& table : synced_tables()) {
    switch (table.scope) {
      case Scope::kEverybody:
        DUDAO_CHECK(store.each_row_from(table, from, take(table)));
        break;
      case Scope::kSchool:
      case Scope::kInspector:
        DUDAO_CHECK(store.each_row_from(table, from, [&](const StoredRow& row) -> Status {
          DUDAO_TRY(const bool wanted, concerns(table, std::get<std::string>(row.cells[0])));
          return wanted ? take(table)(row) : Status();
        }));
        break;
      case Scope::kVisit:
        for (const Bytes& visit : visits) DUDAO_CHECK(store.each_row_of_visit(table, visit, from, take(table)));
        break;
      case Scope::kOffice:
        break;
    }
  }

  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.feed < b.feed; });
  FeedRows out;
  out.to = size;
  std::size_t bytes = 0;
  std::size_t taken = 0;
  while (taken < candidates.size()) {
    const std::int64_t entry = candidates[taken].feed;
    std::size_t end = taken;
    std::size_t entry_bytes = 0;
    while (end < candidates.size() && candidates[end].feed == entry) entry_bytes += weight(candidates[end++].cells);
    if (taken > 0 && (bytes + entry_bytes > budget_bytes || end > kMaxFeedRows)) {
      out.to = entry;
      out.more = true;
      break;
    }
    for (; taken < end; ++taken) out.rows.insert(candidates[taken].table->name, std::move(candidates[taken].cells));
    bytes += entry_bytes;
  }
  return out;
}

}  // namespace dudao
