#include "sync/office/feed.hpp"

#include <algorithm>
#include <set>

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

  DUDAO_TRY(const std::vector<Bytes> visits, store.visits_of_inspector(device.inspector));
  std::set<std::string> inspectors{device.inspector};
  for (const Bytes& visit : visits) {
    const Table& members = *find_table("team_member");
    DUDAO_CHECK(store.each_row_of_visit(members, visit, 0, [&](const StoredRow& row) -> Status {
      inspectors.insert(std::get<std::string>(row.cells[1]));
      return {};
    }));
  }
  DUDAO_TRY(const std::vector<std::string> school_list, store.schools_of_inspector(device.inspector, today));
  const std::set<std::string> schools(school_list.begin(), school_list.end());

  for (const Table& table : synced_tables()) {
    switch (table.scope) {
      case Scope::kEverybody:
        DUDAO_CHECK(store.each_row_from(table, from, take(table)));
        break;
      case Scope::kSchool:
        DUDAO_CHECK(store.each_row_from(table, from, [&](const StoredRow& row) -> Status {
          return schools.contains(std::get<std::string>(row.cells[0])) ? take(table)(row) : Status();
        }));
        break;
      case Scope::kInspector:
        DUDAO_CHECK(store.each_row_from(table, from, [&](const StoredRow& row) -> Status {
          // Of colleagues a device needs the name, not their zones and conflicts.
          const auto& inspector = std::get<std::string>(row.cells[0]);
          const bool wanted =
              table.name == "inspector" ? inspectors.contains(inspector) : inspector == device.inspector;
          return wanted ? take(table)(row) : Status();
        }));
        break;
      case Scope::kVisit:
        for (const Bytes& visit : visits) {
          DUDAO_TRY(const std::int64_t touched, store.visit_touched(visit));
          if (touched >= from) DUDAO_CHECK(store.each_row_of_visit(table, visit, from, take(table)));
        }
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
