#pragma once

/// What the office's rows come to, and of each figure the rows that were counted, so that anybody can follow it to the
/// signed statements that made them. Nothing here is kept: every figure is counted anew from the rows, which follow
/// from the ledger alone.

#include "sync/office/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// What is counted. A school is of the organisational unit that its register names, or of the one of
/// StatisticScope::level above that.
///
/// - coverage, by unit and kind of visit: open schools, schools visited, visits that took place
/// - visits, by inspector: assigned, took place, led, nobody let in, returned, cancelled
/// - findings, by item, severity and state of their rectification: findings, and how many of them are overdue
/// - open, by severity and age (up to 30, 90, 180 days, longer): findings that are not closed
/// - overdue, by unit and school: findings whose day has passed before the school reported
/// - staffing, by unit: normal schools, large ones, inspectors needed, there, missing. One inspector is needed for so
///   many normal schools as the unit settled (SCHOOLS_PER_INSPECTOR), and one for each large one. An active inspector
///   is there in the unit of their profile; without one in each unit that a school of their zone is of
/// - draws, by draw and its state: visits drawn, took place, outstanding
/// - training, by unit and inspector in office: hours (学时) of the year of StatisticScope::to_day or today, the
///   minimum of the inspector's unit, hours missing
/// - proceedings, by unit, kind and state: proceedings, and of how many the office is behind
enum class StatisticKind : std::uint8_t {
  kCoverage = 1,
  kVisits,
  kFindings,
  kOpen,
  kOverdue,
  kStaffing,
  kDraws,
  kTraining,
  kProceedings
};
inline constexpr StatisticKind kStatisticKinds[] = {
    StatisticKind::kCoverage, StatisticKind::kVisits,   StatisticKind::kFindings,
    StatisticKind::kOpen,     StatisticKind::kOverdue,  StatisticKind::kStaffing,
    StatisticKind::kDraws,    StatisticKind::kTraining, StatisticKind::kProceedings};
/// "coverage". Static storage.
std::string_view to_string(StatisticKind kind) noexcept;
std::optional<StatisticKind> statistic_kind_from(std::string_view name) noexcept;

struct StatisticScope {
  std::string unit;   ///< it and all below it; empty: everything
  std::string level;  ///< as the register writes it, e.g. 县: units of this level stand for all below them
  /// Days on which a visit took place, both included: the day of its check-in at the place; of one that did not begin,
  /// the first day of its window. Findings count with their visit, proceedings with the day on which they were opened.
  std::optional<std::int64_t> from_day, to_day;
  std::int64_t today = 0;
  /// From so many pupils on a school needs an inspector of its own; absent: as each unit settled
  /// (LARGE_SCHOOL_PUPILS).
  std::optional<std::int64_t> large_school_pupils;
};

/// A row that was counted.
struct CountedRow {
  const Table* table = nullptr;
  std::vector<Value> key;
};
struct Figure {
  std::int64_t value = 0;
  std::vector<CountedRow> rows;  ///< under `value`; where that is worked out of others, theirs
};
struct StatisticLine {
  std::vector<std::string> group;  ///< one for each of Statistic::groups
  std::vector<Figure> figures;     ///< one for each of Statistic::measures
};
struct Statistic {
  std::vector<std::string_view> groups;    ///< "unit", "kind"
  std::vector<std::string_view> measures;  ///< "schools", "visited", "visits"
  std::vector<StatisticLine> lines;        ///< by rising groups
};

/// Voided findings and members who withdrew do not count; a visit took place once the office holds its submission.
/// Errors: kUnitUnknown, database errors.
Result<Statistic> count_statistic(Store& rows, StatisticKind kind, const StatisticScope& scope);

/// A signed statement that wrote a row, or a cell of it.
struct StatementUnder {
  std::int64_t index = 0;  ///< in the log
  Hash id{};
  std::int64_t author = 0;  ///< device, or kOfficeAuthor
  std::int64_t registered_utc_ms = 0;
  std::vector<std::string> rows;  ///< "visit 0199…", "answer S1/I001", the visit's hex where it is part of the key
};
/// In the order of the log: every statement from which the rows are what they are now. Errors: database errors,
/// kLedgerBroken.
Result<std::vector<StatementUnder>> statements_under(Store& rows, const std::vector<CountedRow>& counted);

/// The log indices of the statements that made this row what it is, rising.
Result<std::vector<std::int64_t>> written_by(Store& rows, const Table& table, const StoredRow& row);

}  // namespace dudao
