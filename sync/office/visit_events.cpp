#include "sync/office/visit_events.hpp"

#include "schema/deadline.hpp"
#include "sync/office/proceeding.hpp"
#include "sync/office/rectification.hpp"
#include "sync/office/rows.hpp"

#include <algorithm>

namespace dudao {

Result<ChangesBuilder> visit_change(Store& rows, BytesView visit, VisitEvent event, std::string_view item,
                                    std::string_view reason, const Moment& at) {
  const Table& visits = table_of("visit");
  DUDAO_TRY(const auto row, row_of(rows, "visit", {visit}));
  if (!row) return fail(Code::kVisitUnknown, to_hex(visit));
  const auto state = visit_state_from(text_in(visits, *row, "state"));
  if (!state) return fail(Code::kStateUnknown, to_hex(visit));
  const bool needs_reason = event == VisitEvent::kCancel || event == VisitEvent::kQuery || event == VisitEvent::kRecuse;
  if (needs_reason && reason.empty()) return fail(Code::kReasonMissing, std::string(to_string(event)));
  ChangesBuilder out;
  std::vector<std::pair<std::size_t, Value>> cells;
  if (event == VisitEvent::kCancel && resolve_cancel(*state).late) {
    // The field's work stands; the cancellation is on record all the same.
    cells.emplace_back(visits.column("reason"), "late cancellation: " + std::string(reason));
  } else {
    DUDAO_TRY(const VisitState to, advance(*state, event, Actor::kOffice));
    cells.emplace_back(visits.column("state"), std::string(to_string(to)));
    if (!reason.empty() && event == VisitEvent::kCancel)
      cells.emplace_back(visits.column("reason"), std::string(reason));
  }
  std::sort(cells.begin(), cells.end());
  out.update("visit", {to_bytes(visit)}, std::move(cells));
  if (event == VisitEvent::kClose) DUDAO_CHECK(check_findings_closed(rows, visit));
  if (event == VisitEvent::kIssueOpinion) DUDAO_CHECK(check_no_opinion_pending(rows, visit));
  if (event == VisitEvent::kAccept) {
    RectificationSteps steps(rows, at.utc_ms, local_day(at.utc_ms, static_cast<int>(at.offset_min)));
    DUDAO_CHECK(take_results(rows, visit, steps));
    steps.write(out);
  }
  if (event == VisitEvent::kQuery) {
    std::int64_t n = 1;
    DUDAO_CHECK(rows.each_row_of_visit(table_of("question"), visit, 0, [&](const StoredRow& question) -> Status {
      n = std::max(n, std::get<std::int64_t>(question.cells[1]) + 1);
      return {};
    }));
    out.insert("question", {to_bytes(visit), n, or_null(std::string(item)), std::string(reason), at.utc_ms});
  }
  if (event == VisitEvent::kRecuse)
    out.update("team_member", {to_bytes(visit), std::string(item)},
               {{table_of("team_member").column("recusal"), std::string(reason)}});
  return out;
}

}  // namespace dudao
