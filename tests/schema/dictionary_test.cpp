#include "schema/tables.hpp"
#include "tests/support/temp_folder.hpp"

#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

struct Said {
  std::string type;
  bool may_be_null = false;
  bool operator==(const Said&) const = default;
};
using Columns = std::vector<std::pair<std::string, Said>>;

struct Page {
  std::map<std::string, Columns> tables;
  std::map<std::string, std::string> headings;  ///< what stands behind the name
  std::vector<std::string> faults;
};

Page read_page() {
  Page page;
  std::ifstream in(DUDAO_SOURCE_DIR "/schema/DICTIONARY.md");
  REQUIRE(in);
  const std::regex heading("### `([a-z_]+)` (.*)");
  const std::regex row("\\| `([a-z0-9_]+)` \\| ([^|]+) \\| (TEXT|INTEGER|BLOB|any) \\| ([^|]+) \\|([^|]*)\\|");
  std::string line;
  std::string table;
  while (std::getline(in, line)) {
    std::smatch found;
    if (std::regex_match(line, found, heading)) {
      table = found[1];
      if (!page.tables.emplace(table, Columns()).second) page.faults.push_back(table + " is described twice");
      page.headings[table] = found[2];
    } else if (line.starts_with("## ")) {
      table.clear();
    } else if (line.starts_with("| `")) {
      if (table.empty() || !std::regex_match(line, found, row))
        page.faults.push_back("not a column: " + line);
      else
        page.tables[table].emplace_back(found[1], Said{found[3], found[4] != "-"});
    }
  }
  return page;
}

/// The columns that the database really has; row clocks left out.
std::map<std::string, Columns> read_database(DatabaseKind kind) {
  const TempFolder folder;
  auto db = open_database(folder / "x.db", Database::Mode::kOpenOrCreate, kind);
  REQUIRE(db);
  std::map<std::string, Columns> tables;
  auto q = (*db)->query(
      "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
      "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid");
  REQUIRE(q);
  while (*q->step()) {
    const std::string column(q->text(1));
    if (column.starts_with('_')) continue;
    const std::string type(q->text(2));
    tables[std::string(q->text(0))].emplace_back(
        column, Said{type.empty() ? "any" : type, q->integer(3) == 0 && q->integer(4) == 0});
  }
  return tables;
}

}  // namespace

TEST_CASE("the data dictionary describes every table and column, as they are, and no others") {
  const Page page = read_page();
  for (const std::string& fault : page.faults) FAIL_CHECK(fault);
  std::map<std::string, Columns> real = read_database(DatabaseKind::kDevice);
  for (auto& [table, columns] : read_database(DatabaseKind::kOffice)) {
    const auto [there, fresh] = real.emplace(table, columns);
    INFO(table);
    if (!fresh) CHECK(there->second == columns);
  }
  for (const auto& [table, columns] : real) {
    INFO(table);
    REQUIRE(page.tables.contains(table));
    const Columns& said = page.tables.at(table);
    CHECK(said.size() == columns.size());
    for (std::size_t i = 0; i < std::min(said.size(), columns.size()); ++i) {
      INFO(columns[i].first);
      CHECK(said[i].first == columns[i].first);
      CHECK(said[i].second.type == columns[i].second.type);
      CHECK(said[i].second.may_be_null == columns[i].second.may_be_null);
    }
  }
  for (const auto& [table, columns] : page.tables) {
    INFO(table);
    CHECK(real.contains(table));
  }
}

TEST_CASE("the data dictionary says who writes a synced table and who gets it, and its number") {
  const Page page = read_page();
  const char* const scopes[] = {"everybody", "school", "inspector", "visit", "nobody"};
  for (const Table& table : synced_tables()) {
    std::ostringstream meta;
    meta << "(id " << table.id << ", " << (table.writer == Writer::kOffice ? "office" : "device") << ", scope "
         << scopes[static_cast<int>(table.scope)];
    if (!table.device_may_update.empty()) meta << "; device: `" << table.device_may_update.front() << "`";
    meta << ")";
    INFO(table.name);
    REQUIRE(table.device_may_update.size() <= 1);
    const auto heading = page.headings.find(std::string(table.name));
    REQUIRE(heading != page.headings.end());
    CHECK(heading->second.find(meta.str()) != std::string::npos);
  }
}
