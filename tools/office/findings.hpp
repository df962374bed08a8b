#pragma once

/// Findings are named as people read them: VISIT:DEVICE/COUNT, e.g. "0199…:3/1".

#include "platform/error.hpp"
#include "sync/office/office.hpp"

#include <string>
#include <string_view>

namespace dudao {

/// Error: kOptionWrong.
Result<FindingKey> finding_from(std::string_view name);
std::string name_of(const FindingKey& key);

}  // namespace dudao
