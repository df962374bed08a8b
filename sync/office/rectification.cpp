#include "sync/office/rectification.hpp"

#include "schema/checklist.hpp"
#include "sync/office/photos.hpp"
#include "sync/office/rows.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace dudao {
namespace {

std::vector<ValueView> key_cells(const FindingKey& key) { return {BytesView(key.visit), key.author, key.n}; }
std::string name_of(const FindingKey& key) {
  return to_hex(key.visit) + " " + std::to_string(key.author) + "/" + std::to_string(key.n);
}

Result<std::string> route_of(const RectificationAct& act, const FindingView& finding) {
  static constexpr std::string_view kRoutes[] = {"ADVICE", "NOTICE", "CONSULTATION", "ESCALATION"};
  if (!act.route.empty()) {
    if (std::find(std::begin(kRoutes), std::end(kRoutes), act.route) == std::end(kRoutes))
      return fail(Code::kRouteUnknown, act.route.substr(0, 40));
    return act.route;
  }
  switch (severity_from(finding.severity).value_or(Severity::kSerious)) {
    case Severity::kAdvice:
      return std::string(kRoutes[0]);
    case Severity::kOrdinary:
      return std::string(kRoutes[1]);
    case Severity::kComplex:
      return std::string(kRoutes[2]);
    default:
      return std::string(kRoutes[3]);
  }
}

/// Of the finding's newest report.
Result<std::vector<ReportPhoto>> photos_of_report(Store& rows, const FindingKey& key, std::int64_t report) {
  const Table& table = table_of("rectification_photo");
  std::vector<ReportPhoto> out;
  DUDAO_CHECK(rows.each_row_of_visit(table, key.visit, 0, [&](const StoredRow& row) -> Status {
    if (integer_in(table, row, "author") != key.author || integer_in(table, row, "n") != key.n ||
        integer_in(table, row, "step") != report)
      return {};
    const auto hash = to_array<32>(bytes_in(table, row, "sha256"));
    if (!hash) return fail(Code::kDatabaseCorrupt, "rectification_photo");
    out.push_back({*hash, text_in(table, row, "shows"), text_in(table, row, "media"),
                   integer_in(table, row, "size").value_or(0)});
    return {};
  }));
  return out;
}

Result<FindingView> read_finding(Store& rows, const StoredRow& finding, std::string school, std::string superior_unit) {
  const Table& findings = table_of("finding");
  FindingView out;
  out.key = {std::get<Bytes>(finding.cells[0]), std::get<std::int64_t>(finding.cells[1]),
             std::get<std::int64_t>(finding.cells[2])};
  out.school = std::move(school);
  out.item = text_in(findings, finding.cells, "item");
  out.severity = text_in(findings, finding.cells, "severity");
  out.clause = text_in(findings, finding.cells, "clause");
  out.text = text_in(findings, finding.cells, "text");
  out.superior_unit = text_in(findings, finding.cells, "superior_unit");
  if (out.superior_unit.empty()) out.superior_unit = std::move(superior_unit);
  out.due_day = integer_in(findings, finding.cells, "due_day");
  std::string state = text_in(findings, finding.cells, "state");
  const Table& rectifications = table_of("rectification");
  DUDAO_TRY(const auto row, rows.row(rectifications, key_cells(out.key)));
  if (row) {
    state = text_in(rectifications, row->cells, "state");
    out.round = integer_in(rectifications, row->cells, "round").value_or(0);
    out.route = text_in(rectifications, row->cells, "route");
    out.superior_unit = text_in(rectifications, row->cells, "superior_unit");
    out.due_day = integer_in(rectifications, row->cells, "due_day");
    out.responsible = text_in(rectifications, row->cells, "responsible");
    out.plan = text_in(rectifications, row->cells, "plan");
    out.report = text_in(rectifications, row->cells, "report");
    const Table& steps = table_of("rectification_step");
    DUDAO_TRY(const auto taken, rectification_steps(rows, out.key));
    std::int64_t report = 0;
    for (const StoredRow& step : taken) {
      const auto event = finding_event_from(text_in(steps, step.cells, "event"));
      if (event == FindingEvent::kNotice) out.demand = text_in(steps, step.cells, "text");
      if (event == FindingEvent::kReport) report = integer_in(steps, step.cells, "step").value_or(0);
    }
    if (!out.report.empty()) {
      DUDAO_TRY(out.photos, photos_of_report(rows, out.key, report));
    }
  }
  const auto known = finding_state_from(state);
  if (!known) return fail(Code::kStateUnknown, name_of(out.key));
  out.state = *known;
  return out;
}

struct SchoolOfVisit {
  std::string code, superior_unit;
  VisitState state{};
};
Result<SchoolOfVisit> school_of(Store& rows, BytesView visit) {
  const Table& visits = table_of("visit");
  const ValueView id = visit;
  DUDAO_TRY(const auto row, rows.row(visits, std::span(&id, 1)));
  if (!row) return fail(Code::kVisitUnknown, to_hex(visit));
  SchoolOfVisit out;
  out.code = text_in(visits, row->cells, "school");
  out.state = visit_state_from(text_in(visits, row->cells, "state")).value_or(VisitState::kNone);
  const ValueView code = std::string_view(out.code);
  DUDAO_TRY(const auto school, rows.row(table_of("school"), std::span(&code, 1)));
  if (school) out.superior_unit = text_in(table_of("school"), school->cells, "superior_unit");
  return out;
}

bool voided(const StoredRow& finding) {
  return !std::holds_alternative<std::monostate>(finding.cells[table_of("finding").column("void_reason")]);
}

}  // namespace

std::optional<FindingKey> finding_key(Bytes visit, std::string_view entry) {
  FindingKey out{std::move(visit), 0, 0};
  const char* const end = entry.data() + entry.size();
  const auto author = std::from_chars(entry.data(), end, out.author);
  if (author.ec != std::errc() || author.ptr == end || *author.ptr != '/') return std::nullopt;
  const auto n = std::from_chars(author.ptr + 1, end, out.n);
  if (n.ec != std::errc() || n.ptr != end) return std::nullopt;
  return out;
}

Result<FindingView> find_finding(Store& rows, const FindingKey& key) {
  DUDAO_TRY(const auto finding, rows.row(table_of("finding"), key_cells(key)));
  if (!finding || voided(*finding)) return fail(Code::kFindingUnknown, name_of(key));
  DUDAO_TRY(auto school, school_of(rows, key.visit));
  return read_finding(rows, *finding, std::move(school.code), std::move(school.superior_unit));
}

Result<std::vector<FindingView>> findings_of(Store& rows, BytesView visit) {
  DUDAO_TRY(const auto school, school_of(rows, visit));
  std::vector<StoredRow> found;
  DUDAO_CHECK(rows.each_row_of_visit(table_of("finding"), visit, 0, [&](const StoredRow& row) -> Status {
    if (!voided(row)) found.push_back(row);
    return {};
  }));
  std::vector<FindingView> out;
  for (const StoredRow& row : found) {
    DUDAO_TRY(auto one, read_finding(rows, row, school.code, school.superior_unit));
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::vector<StoredRow>> rectification_steps(Store& rows, const FindingKey& key) {
  std::vector<StoredRow> out;
  DUDAO_CHECK(rows.each_row_of_visit(table_of("rectification_step"), key.visit, 0, [&](const StoredRow& row) -> Status {
    if (std::get<std::int64_t>(row.cells[1]) == key.author && std::get<std::int64_t>(row.cells[2]) == key.n)
      out.push_back(row);
    return {};
  }));
  return out;
}

Result<RectificationSteps::Changed*> RectificationSteps::changed(const FindingKey& key) {
  const auto found = changed_.find(key);
  if (found != changed_.end()) return &found->second;
  Changed out;
  DUDAO_TRY(out.view, find_finding(rows_, key));
  DUDAO_TRY(auto row, rows_.row(table_of("rectification"), key_cells(key)));
  out.fresh = !row;
  if (row) out.row = std::move(row->cells);
  DUDAO_TRY(const auto steps, rectification_steps(rows_, key));
  if (!steps.empty()) out.last_step = std::get<std::int64_t>(steps.back().cells[3]);
  return &changed_.emplace(key, std::move(out)).first->second;
}

Result<std::vector<ReportPhoto>> RectificationSteps::photos_of(const RectificationAct& act) {
  const auto wrong = [&](const std::string& what) { return fail(Code::kPhotosNamedWrong, what); };
  if (act.event != FindingEvent::kReport && act.before.size() + act.after.size() > 0)
    return wrong(std::string(to_string(act.event)));
  std::vector<ReportPhoto> out;
  std::set<Hash> once;
  for (const auto& [shows, hashes] : {std::pair("BEFORE", &act.before), std::pair("AFTER", &act.after)}) {
    if (hashes->size() > kMaxPhotosOfReport) return wrong(shows);
    for (const Hash& hash : *hashes) {
      const auto body = photo_body(rows_, act.finding.visit, hash);
      if (!body && body.error().code != Code::kPhotoUnknown) return fail(body.error());
      if (!body || !once.insert(hash).second) return wrong(to_hex(hash));
      out.push_back({hash, shows, std::string(photo_media(*body)), static_cast<std::int64_t>(body->size())});
    }
  }
  return out;
}

Status RectificationSteps::take(const RectificationAct& act) {
  DUDAO_TRY(Changed* const at, changed(act.finding));
  FindingView next = at->view;
  if (act.event == FindingEvent::kFixOnSite)  // Recorded on the visit, by those who were there.
    return fail(Code::kFindingTransitionNotAllowed, std::string(to_string(act.event)));
  DUDAO_TRY(next.state, advance(at->view.state, act.event, act.actor));
  DUDAO_CHECK(check_words(act.text, kMaxRectificationChars, "text"));
  DUDAO_CHECK(check_words(act.person, kMaxRectificationNameChars, "person"));
  DUDAO_CHECK(check_words(act.superior_unit, kMaxRectificationNameChars, "superior unit"));
  DUDAO_CHECK(check_words(act.responsible, kMaxRectificationNameChars, "responsible"));
  if (act.person.empty()) return fail(Code::kWordsMissing, "person");
  const bool needs_words = act.event == FindingEvent::kPlan || act.event == FindingEvent::kReport ||
                           act.event == FindingEvent::kReject || act.event == FindingEvent::kRefer;
  if (needs_words && act.text.empty()) return fail(Code::kWordsMissing, std::string(to_string(act.event)));
  const bool names_superior = act.event == FindingEvent::kNotice || act.event == FindingEvent::kRefer;
  if (names_superior && !act.superior_unit.empty()) next.superior_unit = act.superior_unit;
  if (names_superior && next.superior_unit.empty()) return fail(Code::kSuperiorUnitMissing, name_of(act.finding));
  DUDAO_TRY(auto photos, photos_of(act));
  std::optional<std::int64_t> set_day;
  switch (act.event) {
    case FindingEvent::kNotice: {
      DUDAO_TRY(const auto visit, school_of(rows_, act.finding.visit));
      // What is being recorded may still change; hazards to life do not wait for that.
      if (!may_amend(visit.state) && next.severity != to_string(Severity::kDanger))
        return fail(Code::kVisitNotSubmitted, std::string(to_string(visit.state)));
      DUDAO_TRY(next.route, route_of(act, next));
      next.due_day = act.due_day ? act.due_day : next.round == 0 ? next.due_day : std::nullopt;
      if (!next.due_day || *next.due_day < today_) return fail(Code::kDueDayWrong, name_of(act.finding));
      ++next.round;
      next.plan.clear();
      next.report.clear();
      next.photos.clear();
      set_day = next.due_day;
      break;
    }
    case FindingEvent::kPlan:
      if (act.responsible.empty()) return fail(Code::kWordsMissing, "responsible");
      next.plan = act.text;
      next.responsible = act.responsible;
      break;
    case FindingEvent::kReport:
      next.report = act.text;
      next.photos = std::move(photos);
      break;
    default:
      break;
  }
  if (next.route.empty()) {  // Referred without any notice.
    DUDAO_TRY(next.route, route_of({}, next));
  }
  const FindingKey& key = act.finding;
  at->row = {key.visit,
             key.author,
             key.n,
             std::string(to_string(next.state)),
             next.round,
             next.route,
             next.superior_unit,
             or_null(next.due_day),
             or_null(next.responsible),
             or_null(next.plan),
             or_null(next.report)};
  at->steps.push_back({key.visit, key.author, key.n, ++at->last_step, std::string(to_string(act.event)), next.round,
                       std::string(to_string(act.actor)), act.person, or_null(act.text), or_null(set_day),
                       act.reinspection.empty() ? Value() : Value(act.reinspection), utc_ms_});
  if (act.event == FindingEvent::kReport)
    for (const ReportPhoto& photo : next.photos)
      at->photos.push_back(
          {key.visit, key.author, key.n, at->last_step, to_bytes(photo.sha256), photo.shows, photo.media, photo.size});
  at->view = std::move(next);
  return {};
}

Status RectificationSteps::take_result(const FindingKey& finding, FindingState outcome, std::string_view text,
                                       std::string_view inspector, BytesView reinspection) {
  RectificationAct act;
  act.finding = finding;
  act.actor = Actor::kInspector;
  act.person = inspector;
  DUDAO_TRY(Changed* const at, changed(finding));
  act.text = text.empty() ? to_string(outcome) : text;
  // The school said nothing, and the inspector saw it for themselves.
  while (awaits_school(at->view.state)) {
    act.event = at->view.state == FindingState::kNoticed        ? FindingEvent::kAcknowledge
                : at->view.state == FindingState::kAcknowledged ? FindingEvent::kPlan
                                                                : FindingEvent::kReport;
    act.responsible = act.event == FindingEvent::kPlan ? std::string(inspector) : "";
    DUDAO_CHECK(take(act));
  }
  act.event = outcome == FindingState::kVerified ? FindingEvent::kVerify : FindingEvent::kReject;
  act.responsible.clear();
  act.reinspection = to_bytes(reinspection);
  return take(act);
}

void RectificationSteps::write(ChangesBuilder& out) const {
  const std::size_t keys = table_of("rectification").key_columns;
  for (const auto& [key, one] : changed_) {
    if (one.steps.empty()) continue;
    if (one.fresh) {
      out.insert("rectification", one.row);
    } else {
      std::vector<std::pair<std::size_t, Value>> cells;
      for (std::size_t i = keys; i < one.row.size(); ++i) cells.emplace_back(i, one.row[i]);
      out.update("rectification", {key.visit, key.author, key.n}, std::move(cells));
    }
    for (const auto& step : one.steps) out.insert("rectification_step", step);
    for (const auto& photo : one.photos) out.insert("rectification_photo", photo);
  }
}

Status carry_findings(Store& rows, BytesView visit, std::string_view school, const std::vector<FindingKey>& findings,
                      ChangesBuilder& out) {
  std::set<FindingKey> once;
  for (const FindingKey& key : findings) {
    if (!once.insert(key).second) return fail(Code::kCarriedFinding, name_of(key) + " twice");
    DUDAO_TRY(const FindingView finding, find_finding(rows, key));
    if (finding.school != school) return fail(Code::kCarriedFinding, name_of(key) + " at " + finding.school);
    if (!awaits_school(finding.state) && finding.state != FindingState::kReported)
      return fail(Code::kCarriedFinding, name_of(key) + " " + std::string(to_string(finding.state)));
    out.insert("carried_finding", {to_bytes(visit), key.visit, key.author, key.n, or_null(finding.item),
                                   finding.severity, or_null(finding.clause), finding.text, finding.round,
                                   or_null(finding.due_day), or_null(finding.plan), or_null(finding.report)});
  }
  return {};
}

Status take_results(Store& rows, BytesView visit, RectificationSteps& steps) {
  const Table& results = table_of("reinspection_result");
  std::vector<StoredRow> found;
  DUDAO_CHECK(rows.each_row_of_visit(results, visit, 0, [&](const StoredRow& row) -> Status {
    found.push_back(row);
    return {};
  }));
  for (const StoredRow& row : found) {
    const FindingKey key{std::get<Bytes>(row.cells[1]), std::get<std::int64_t>(row.cells[2]),
                         std::get<std::int64_t>(row.cells[3])};
    const auto outcome = result_from(text_in(results, row.cells, "outcome"));
    if (!outcome) return fail(Code::kStateUnknown, name_of(key));
    const auto finding = find_finding(rows, key);
    if (!finding && finding.error().code == Code::kFindingUnknown) continue;
    if (!finding) return fail(finding.error());
    if (!awaits_school(finding->state) && finding->state != FindingState::kReported) continue;
    DUDAO_CHECK(steps.take_result(key, *outcome, text_in(results, row.cells, "text"),
                                  text_in(results, row.cells, "inspector"), visit));
  }
  return {};
}

Status check_findings_closed(Store& rows, BytesView visit) {
  DUDAO_TRY(const auto all, findings_of(rows, visit));
  for (const FindingView& finding : all)
    if (!is_final(finding.state))
      return fail(Code::kFindingsOpen, name_of(finding.key) + " " + std::string(to_string(finding.state)));
  return {};
}

}  // namespace dudao
