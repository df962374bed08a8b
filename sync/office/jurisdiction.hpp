#pragma once

/// What holds at a place: the units above it, the figures that the nearest of them settled, the limits of time.

#include "schema/deadline.hpp"
#include "schema/policy.hpp"
#include "sync/changes.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// The unit and all above it, nearest first; none for the empty code. A tree that bites its own tail is cut there.
/// Error: kUnitUnknown, database errors.
Result<std::vector<std::string>> units_from(Store& rows, std::string_view unit);
/// True for the unit itself and all below it; everything is within the empty code. Errors: as units_from().
Result<bool> is_within(Store& rows, std::string_view unit, std::string_view whole);
/// Of the school, empty where its register names none. Error: kSchoolUnknown, database errors.
Result<std::string> unit_of_school(Store& rows, std::string_view school);

struct PolicyValue {
  std::int64_t value = 0;
  std::string jurisdiction;  ///< that settled it; empty: the nation, or nobody did
  std::string source;
  std::optional<std::int64_t> from_day;  ///< with the jurisdiction the key of its row; absent: nobody settled it
};
/// What counts on the day for the unit; for the nation where it is empty or not in the tree. Errors: database errors.
Result<PolicyValue> policy_for(Store& rows, Policy policy, std::string_view unit, std::int64_t day);
/// Settles it from the day on. Errors: kPolicyUnknown (out of bounds), kUnitUnknown, kReasonMissing (no source).
Result<ChangesBuilder> settle_policy(Store& rows, Policy policy, std::string_view jurisdiction, std::int64_t from_day,
                                     std::int64_t value, std::string_view source);

/// The rules and calendar that were published last. Errors: kDeadlineBookMissing, those of DeadlineBook::parse.
Result<DeadlineBook> published_deadlines(Store& rows);
/// The next version under the code. Errors: those of DeadlineBook::parse, kWordsMissing (code, title).
Result<ChangesBuilder> publish_deadlines(Store& rows, std::string_view code, std::string_view title,
                                         std::string_view json, std::int64_t utc_ms);

}  // namespace dudao
