#pragma once

/// What the office's events do to a visit: query, accept, issue_opinion, close, cancel, recuse. Which of them a state
/// allows stands in schema/visit_state.hpp; what they need besides, and what follows for findings, stands here.

#include "schema/visit_state.hpp"
#include "sync/author.hpp"
#include "sync/changes.hpp"
#include "sync/office/store.hpp"

#include <string_view>

namespace dudao {

/// The rows of one such decision. `item`: the item that is asked about (kQuery), the inspector (kRecuse).
/// Errors: those of Office::visit_event().
Result<ChangesBuilder> visit_change(Store& rows, BytesView visit, VisitEvent event, std::string_view item,
                                    std::string_view reason, const Moment& at);

}  // namespace dudao
