#pragma once

/// The synced tables: what both ends keep, what a change set may speak of, and who may write it. Their columns are read
/// from schema/sql/records_*.sql itself, so that SQL stays the only place where they are listed.

#include "schema/sqlite.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// What a device must be allowed to see to get a row of the table.
enum class Scope : std::uint8_t {
  kEverybody,  ///< no person's or school's business: organisation tree, checklists, campaigns
  kSchool,     ///< the row's school is in the inspector's zone or visited by one of their teams
  kInspector,  ///< the row is about the inspector or a member of one of their teams
  kVisit,      ///< the inspector is in the visit's team
  kOffice,     ///< nobody: it stays at the office
};

/// Who may write rows of the table. Whatever a device may write, the office may not, but for the columns below.
enum class Writer : std::uint8_t { kOffice, kDevice };

/// What a column takes beside NULL; SQLite itself would take anything anywhere.
enum class CellKind : std::uint8_t { kInteger, kText, kBytes, kAny };

struct Column {
  std::string name;
  CellKind kind;
  bool key;
  bool required;  ///< NOT NULL

  /// True for NULL where the column takes it, and for what is of its kind.
  bool takes(const ValueView& cell) const;
};

struct Table {
  int id;  ///< on the wire; never reused
  std::string_view name;
  Scope scope;
  Writer writer;
  /// Where a device may change single columns of a row that the office made.
  std::vector<std::string_view> device_may_update;
  std::vector<Column> columns;  ///< on the wire by position; later versions append
  std::size_t key_columns;      ///< the key is always the first columns

  std::size_t column(std::string_view column_name) const;  ///< position; REQUIRES: the column exists
};

/// In order of id. Made at first use; cannot fail; thread-safe.
const std::vector<Table>& synced_tables();
const Table* find_table(std::int64_t id);
const Table* find_table(std::string_view name);
/// Names of all synced tables, for Capture.
const std::vector<std::string_view>& synced_table_names();

/// The version of the records that this program writes, and the newest that it understands.
inline constexpr int kSchemaVersion = 2;

inline constexpr std::int32_t kDeviceApplicationId = 0x64756461;  ///< "duda" in a file's header
inline constexpr std::int32_t kOfficeApplicationId = 0x6475646f;  ///< "dudo"

enum class DatabaseKind : std::uint8_t { kDevice, kOffice };

/// Opens and brings to this version, one transaction a step; killed in between it continues at the next start.
/// Errors: those of Database::open, kDatabaseNewer.
Result<std::unique_ptr<Database>> open_database(const std::string& path, Database::Mode mode, DatabaseKind kind);

}  // namespace dudao
