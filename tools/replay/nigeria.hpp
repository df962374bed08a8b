#pragma once

/// Real visits to replay: the schools survey of Nigeria (2010 to 2013) as CSV, the form that it was made with, and the
/// way back from what is stored to what the row said. Every column of a row has a place where it is kept:
///
///   zone, state, lga, unique_lga, lga_id   the school's place in the organisation tree
///   facility_ID                            the school's code, "E:mpkb" as "E-MPKB"
///   all others                             an answer to the item of that name
///
/// and from some of these more follows, as it would on a real visit: the school's name and the place of the check-in,
/// the day of the visit, the findings. Pure functions of bytes; any thread.

#include "schema/checklist.hpp"
#include "schema/register_import.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dudao::replay {

/// One row, ready to be made as a visit.
struct SourceVisit {
  std::size_t line = 0;            ///< in the file
  std::vector<std::string> cells;  ///< as written, in the order of Source::columns
  School school;                   ///< one school a row: the register knows no others
  std::int64_t day = 0;            ///< days since 1970-01-01
  std::int64_t accuracy_cm = 0;    ///< of the position, which is the school's
  Answers answers;                 ///< all that is filled, each taken by the checklist
};

struct Source {
  std::vector<std::string> columns;
  std::vector<OrgUnit> units;  ///< zones, states, districts; parents first
  std::vector<SourceVisit> visits;
  std::vector<RefusedRow> refused;  ///< with visits: every row of the file
};

/// The checklist that the visits answer, as the bytes to publish: the items of the survey with the form's questions,
/// hints, choices and constraints where it has them. A choice that only the data know becomes one too. Left out is the
/// constraint of num_tchrs_attended_training, which 25 of the real rows break.
/// survey, choices: the form's sheets as CSV. Errors: those of read_csv, kCsvHeader, those of Checklist::parse.
Result<std::string> make_template(std::string_view survey, std::string_view choices, std::string_view visits);

/// Reads the visits and finds each a place in the tree. Refused are: a uuid that was there before (kRowRepeated), a
/// position that is none (kRowPosition), a day outside 2010 to 2013, the years of the survey (kRowValue), a district
/// that is not in lgas (kRowPlace), and any answer that the checklist does not take (its error).
/// Errors: those of read_csv, kCsvHeader.
Result<Source> read_source(std::string_view lgas, std::string_view visits, const Checklist& checklist);

/// A visit as it is stored somewhere: on an agent, or at the office.
struct StoredVisit {
  std::string school;
  std::string school_name;
  std::string unit;                ///< code of the school's unit
  std::vector<std::string> place;  ///< names from zone to district
  std::int64_t day = 0;
  std::int64_t lat_e7 = 0, lon_e7 = 0, accuracy_cm = 0;  ///< of the check-in
  Answers answers;
  std::vector<std::string> finding_items;  ///< in any order
};
/// What a faithful copy of the row looks like.
StoredVisit expected(const SourceVisit& visit, const Source& source);

/// Where the stored visit does not say what the row says: every column is written back from what is stored and
/// compared to the byte; name, day, position and findings are worked out from the row alone. Empty if all is equal;
/// else the names of the fields that differ.
std::vector<std::string> compare(const SourceVisit& visit, const Source& source, const StoredVisit& stored);

}  // namespace dudao::replay
