#pragma once

/// From a register as somebody else keeps it to records of ours: bytes and a column map in, records and refused rows
/// out. Nothing is written here; a row that cannot be taken is never dropped in silence. The same file twice gives the
/// same records with the same codes. Pure; any thread; memory in proportion to the file.
///
/// Texts are tidied on the way in: runs of blanks, no-break and ideographic blanks and line breaks become one blank,
/// blanks at the ends go. An empty cell is no value.

#include "platform/error.hpp"
#include "schema/csv.hpp"
#include "schema/sqlite.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// The records, named as in the tables; a text or number that is not known is absent.
struct OrgUnit {
  std::string code;
  std::string name;
  std::string level;
  std::optional<std::string> parent;
  bool operator==(const OrgUnit&) const = default;
};

struct School {
  std::string code;
  std::string name;
  std::optional<std::string> org_unit;
  std::optional<std::string> stages;     ///< of kStages, joined by ','
  std::optional<std::string> ownership;  ///< PUBLIC or PRIVATE
  std::optional<std::int64_t> pupils;
  std::optional<std::int64_t> classes;
  std::optional<std::int64_t> lat_e7;  ///< 1e-7 degrees; both or neither
  std::optional<std::int64_t> lon_e7;
  std::optional<std::string> datum;  ///< WGS-84, GCJ-02 or BD-09; there if and only if there is a position
  std::string status = "OPEN";       ///< OPEN or CLOSED
  std::int64_t weight = 1;           ///< in a draw, 1 to 10,000
  std::optional<std::string> head;
  std::optional<std::string> superior_unit;
  bool operator==(const School&) const = default;
};
inline constexpr std::string_view kStages[] = {"KINDERGARTEN", "PRIMARY", "JUNIOR", "SENIOR",
                                               "VOCATIONAL",   "SPECIAL", "HIGHER"};

struct Inspector {
  std::string code;
  std::string name;
  bool full_time = false;
  bool lead = false;
  std::optional<std::string> credential;
  std::optional<std::int64_t> credential_until_day;  ///< days since 1970-01-01
  std::int64_t capacity = 0;                         ///< visits a month
  std::string status = "ACTIVE";                     ///< ACTIVE, SUSPENDED or EXITED
  bool operator==(const Inspector&) const = default;
};

/// An inspector's responsibility for a school, or a reason to stay away from it.
struct InspectorSchool {
  std::string inspector;
  std::string school;
  std::optional<std::string> reason;  ///< R1 to R5 in a conflict of interest
  std::optional<std::int64_t> until_day;
  bool operator==(const InspectorSchool&) const = default;
};

/// Which column of the file holds which field. A field may have a constant instead, for the whole file.
class ColumnMap {
 public:
  /// "name=school_name" takes the field from the column with that heading, "datum:=WGS-84" is a constant, and for
  /// "place" a path of columns may be given: "place=province>city>area". Error: kColumnMap.
  static Result<ColumnMap> parse(const std::vector<std::string>& assignments);
  /// The same from a file with one assignment a line; empty lines and lines that begin with '#' are passed over.
  static Result<ColumnMap> parse(std::string_view lines);

  struct Source {
    std::vector<std::string> columns;
    std::optional<std::string> constant;
  };
  const std::map<std::string, Source, std::less<>>& fields() const noexcept { return fields_; }

 private:
  std::map<std::string, Source, std::less<>> fields_;
};

struct RefusedRow {
  std::size_t line = 0;
  Error error;
};

template <class Record>
struct Import {
  std::size_t rows = 0;  ///< without the header: records.size() + refused.size()
  std::vector<Record> records;
  std::vector<RefusedRow> refused;
};

// The functions below return an error only when no row can be trusted: kColumnMap (a field that the kind does not have
// or that it needs), kCsvHeader (no header, a column of the map is missing or there twice), and those of read_csv.
// Rows are refused with: kRowWidth, kRowMissing, kRowCode, kRowText, kRowNumber, kRowValue, kRowPosition, kRowPlace,
// kRowRepeated (the same row once more: harmless), kRowConflict (the same code, but something else in the row).

/// Fields: code, name, level; parent. A parent must stand in `known` or earlier in the file.
Result<Import<OrgUnit>> import_org_units(std::string_view bytes, TextEncoding encoding, const ColumnMap& map,
                                         const std::vector<OrgUnit>& known);

struct SchoolImportOptions {
  std::vector<OrgUnit> known;  ///< the organisation tree as it is
  /// Where paths of names begin: a code of `known`, to which a school with an empty path then belongs; or empty, for
  /// units without a parent.
  std::string root;
  /// Units that a path names and the tree lacks are made. Otherwise such rows are refused.
  bool make_units = false;
};
struct SchoolImport : Import<School> {
  std::vector<OrgUnit> made_units;  ///< parents before children
};
/// Fields: name, and org_unit (a code) or place (a path of names); code, stages, ownership, pupils, classes, lat, lon,
/// datum, status, weight, head, superior_unit.
///
/// Without code, a school's code is "N-" and the first 16 digits of the upper-case hex SHA-256 of "school", the names
/// of its path and its own name, joined by '|', as tidied: stable for as long as the register spells them alike.
/// A made unit's code is likewise "U-" and 16 digits of "unit", the root and the path. A path ends at its first empty
/// name. Placeholder levels of the Chinese lists (市辖区, 县, 省直辖县级行政区划, 自治区直辖县级行政区划) are stepped
/// through when the path does not name them, and a name that repeats its parent's is passed over.
Result<SchoolImport> import_schools(std::string_view bytes, TextEncoding encoding, const ColumnMap& map,
                                    const SchoolImportOptions& options);

/// Fields: code, name, capacity; full_time, lead, credential, credential_until (YYYY-MM-DD), status.
Result<Import<Inspector>> import_inspectors(std::string_view bytes, TextEncoding encoding, const ColumnMap& map);
/// Fields: inspector, school; until (YYYY-MM-DD).
Result<Import<InspectorSchool>> import_zones(std::string_view bytes, TextEncoding encoding, const ColumnMap& map);
/// Fields: inspector, school, reason; until.
Result<Import<InspectorSchool>> import_conflicts(std::string_view bytes, TextEncoding encoding, const ColumnMap& map);

/// A record's cells in the order of its table.
std::vector<Value> row_of(const OrgUnit& unit);
std::vector<Value> row_of(const School& school);
std::vector<Value> row_of(const Inspector& inspector);

/// Decimal degrees as text ("-1.28333", "36.8", "-6.5e-05") in 1e-7 degrees, rounded half away from zero, with no float
/// in between; nothing if it is not a number or beyond ±limit degrees.
std::optional<std::int64_t> degrees_e7(std::string_view text, std::int64_t limit_degrees) noexcept;

/// "2026-02-28" as days since 1970-01-01; nothing if there is no such day from year 1900 to 2999.
std::optional<std::int64_t> day_from_date(std::string_view text) noexcept;

/// A text as it is kept: see the head of this file.
std::string tidied(std::string_view text);

}  // namespace dudao
