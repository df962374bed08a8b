#pragma once

/// The part of JSON Schema (draft 2020-12) that schema/agent-api.json uses: type, enum, required, properties,
/// additionalProperties: false, items, minLength, maxLength, minimum, maximum, and $ref into #/components/schemas.
/// Integers have 64 bits with a sign; lengths are in code points. Checks requests at the door and, in tests, what comes
/// out of it.

#include "platform/error.hpp"

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

/// `document`: where $ref points into. Error: kParameterWrong; the detail is the place ("params.place.lat") and what is
/// wrong with it.
Status check_json(const nlohmann::json& value, const nlohmann::json& schema, const nlohmann::json& document,
                  const std::string& place);

}  // namespace dudao
