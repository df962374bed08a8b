#include "schema/policy.hpp"

#include <algorithm>
#include <iterator>

namespace dudao {
namespace {

constexpr PolicyInfo kAll[] = {
    {Policy::kSchoolsPerInspector, "SCHOOLS_PER_INSPECTOR", 5, 1, 100, "中小学校责任督学挂牌督导：每人约 5 校"},
    {Policy::kLargeSchoolPupils, "LARGE_SCHOOL_PUPILS", 2'000, 1, 100'000, "本软件默认值"},
    {Policy::kTrainingHours, "TRAINING_HOURS", 40, 0, 400, "督学管理规定：每年集中培训不少于 40 学时"},
    {Policy::kEducationYears, "EDUCATION_YEARS", 10, 0, 40, "《教育督导条例》第七条"},
    {Policy::kTermYears, "TERM_YEARS", 3, 1, 10, "《教育督导条例》第六条"},
    {Policy::kTermsInARow, "TERMS_IN_A_ROW", 3, 1, 20, "《教育督导条例》第六条"},
    {Policy::kTeamRoutine, "TEAM_ROUTINE", 1, 1, 20, "《教育督导条例》第十五条"},
    {Policy::kTeamRandom, "TEAM_RANDOM", 2, 1, 20, "本软件默认值"},
    {Policy::kTeamSpecial, "TEAM_SPECIAL", 3, 1, 50, "《教育督导条例》第十六条"},
    {Policy::kRoutineVisitsPerTerm, "ROUTINE_VISITS_PER_TERM", 2, 0, 50, "《教育督导条例》第十四条"},
    {Policy::kRoutineVisitsPerMonth, "ROUTINE_VISITS_PER_MONTH", 1, 0, 20, "责任督学挂牌督导：每月不少于 1 次"},
    {Policy::kComprehensiveYears, "COMPREHENSIVE_YEARS", 5, 1, 20, "《教育督导条例》第十四条：三至五年"},
    {Policy::kUnannouncedComprehensive, "UNANNOUNCED_COMPREHENSIVE", 0, 0, 1, "《教育督导条例》第十七条"},
    {Policy::kBurdenDays, "BURDEN_DAYS", 14, 0, 366, "本软件默认值"},
    {Policy::kRejectionsBeforeInterview, "REJECTIONS_BEFORE_INTERVIEW", 2, 1, 20, "本软件默认值"},
    {Policy::kOverdueDaysBeforeInterview, "OVERDUE_DAYS_BEFORE_INTERVIEW", 30, 1, 366, "本软件默认值"},
};
static_assert(std::size(kAll) == kPolicies);

}  // namespace

const PolicyInfo& info(Policy policy) noexcept { return kAll[static_cast<std::size_t>(policy) - 1]; }

std::optional<Policy> policy_from(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(std::begin(kAll), std::end(kAll), [&](const PolicyInfo& one) { return one.name == name; });
  return found == std::end(kAll) ? std::nullopt : std::optional(found->policy);
}

}  // namespace dudao
