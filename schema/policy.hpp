#pragma once

/// Figures that the rules ask for and each jurisdiction may settle for itself: how many schools an inspector answers
/// for, how much training a year, how large a team. Each has bounds and a value that counts where nobody settled it.
/// Pure, any thread.

#include <cstdint>
#include <optional>
#include <string_view>

namespace dudao {

enum class Policy : std::uint8_t {
  kSchoolsPerInspector = 1,     ///< schools of ordinary size that one inspector answers for
  kLargeSchoolPupils,           ///< from so many pupils on a school has an inspector of its own
  kTrainingHours,               ///< 学时 a year
  kEducationYears,              ///< years of work in education before somebody becomes an inspector
  kTermYears,                   ///< of a part-time inspector
  kTermsInARow,                 ///< of a part-time inspector
  kTeamRoutine,                 ///< inspectors of a routine visit, at least
  kTeamRandom,                  ///< of a visit that was drawn
  kTeamSpecial,                 ///< of a special or comprehensive visit
  kRoutineVisitsPerTerm,        ///< to each school, at least
  kRoutineVisitsPerMonth,       ///< to each school, as a rule
  kComprehensiveYears,          ///< years within which each school has a comprehensive visit
  kUnannouncedComprehensive,    ///< 1: special and comprehensive visits may come without notice
  kBurdenDays,                  ///< another visit to the school within so many days is asked about
  kRejectionsBeforeInterview,   ///< rejected rectifications after which an interview is proposed
  kOverdueDaysBeforeInterview,  ///< days overdue after which an interview is proposed
};

struct PolicyInfo {
  Policy policy{};
  std::string_view name;   ///< "TRAINING_HOURS"; stored and sent by it
  std::int64_t value = 0;  ///< where nobody settled it
  std::int64_t least = 0, most = 0;
  std::string_view source;  ///< of the value
};

/// Never fails for the enumerators above.
const PolicyInfo& info(Policy policy) noexcept;
std::optional<Policy> policy_from(std::string_view name) noexcept;
inline constexpr std::uint8_t kPolicies = 16;

}  // namespace dudao
