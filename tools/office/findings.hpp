#pragma once

/// What people at the office do about findings, as methods of admin.hpp: parameters in, a plain document out. Findings
/// are named as people read them: VISIT:DEVICE/COUNT, e.g. "0199…:3/1".

#include "platform/platform.hpp"
#include "sync/office/office.hpp"

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

/// Error: kOptionWrong.
Result<FindingKey> finding_from(std::string_view name);

/// Filters of `params`: visit, school, state, overdue; and nothing outside of `unit`, where one is given. Errors:
/// kOptionWrong, database errors.
Result<nlohmann::json> list_findings(Office& office, const nlohmann::json& params, std::int64_t today,
                                     std::string_view unit);
/// One finding with every step that was taken. Errors: kOptionWrong, kFindingUnknown.
Result<nlohmann::json> show_finding(Office& office, const nlohmann::json& params, std::int64_t today);
/// A step: event, finding, text, route, superior_unit, responsible, due; by: office, which is the actor, or school or
/// inspector, for whom `person` is named. Errors: kOptionWrong, those of RectificationSteps::take.
Result<nlohmann::json> act_on_finding(Office& office, Clock& clock, const std::string& actor,
                                      const nlohmann::json& params, std::int64_t today);

}  // namespace dudao
