#include "sync/office/planning.hpp"

#include "platform/crypto.hpp"
#include "schema/answer.hpp"
#include "schema/checklist.hpp"
#include "schema/deadline.hpp"
#include "sync/office/inspectors.hpp"
#include "sync/office/jurisdiction.hpp"
#include "sync/office/rows.hpp"
#include "sync/office/visit_events.hpp"
#include "sync/sealed_assignment.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

namespace dudao {
namespace {

constexpr std::size_t kMaxReasonChars = 2'000;
constexpr std::size_t kMaxTitleChars = 200;

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& one : all) out += (out.empty() ? "" : ",") + one;
  return out;
}

bool overlap(std::int64_t from, std::int64_t to, std::int64_t other_from, std::int64_t other_to) {
  return from <= other_to && other_from <= to;
}
bool overlap(const Window& one, const Window& other) {
  return overlap(one.from_day, one.to_day, other.from_day, other.to_day);
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

bool is_kind(std::string_view kind) {
  return is_one_of(kind, {"ROUTINE", "RANDOM", "SPECIAL", "COMPREHENSIVE", "REINSPECT", "COMPLAINT", "EMERGENCY"});
}
/// What a school is asked for by the year; re-inspections, complaints and emergencies cannot wait for others.
bool is_burden(std::string_view kind) { return is_one_of(kind, {"ROUTINE", "RANDOM", "SPECIAL", "COMPREHENSIVE"}); }
bool needs_notice(std::string_view kind) { return is_one_of(kind, {"SPECIAL", "COMPREHENSIVE"}); }

/// A visit as its row says it.
struct Row {
  Bytes id;
  std::string school, kind, campaign;
  VisitState state{};
  std::int64_t from_day = 0, to_day = 0;
};
Row read_visit(const StoredRow& row) {
  const Table& visits = *find_table("visit");
  return {std::get<Bytes>(row.cells[0]),
          text_in(visits, row, "school"),
          text_in(visits, row, "kind"),
          text_in(visits, row, "campaign"),
          visit_state_from(text_in(visits, row, "state")).value_or(VisitState::kNone),
          integer_in(visits, row, "from_day").value_or(0),
          integer_in(visits, row, "to_day").value_or(0)};
}

Result<std::int64_t> team_size(Store& rows, const VisitPlan& plan, std::string_view unit) {
  const Policy policy = needs_notice(plan.kind) ? Policy::kTeamSpecial
                        : plan.kind == "RANDOM" ? Policy::kTeamRandom
                                                : Policy::kTeamRoutine;
  DUDAO_TRY(const PolicyValue least, policy_for(rows, policy, unit, plan.from_day));
  return least.value;
}

/// What a decision has planned so far.
struct SoFar {
  std::map<std::pair<std::string, std::string>, std::int64_t> assigned;  ///< visits by inspector and month
  std::map<std::string, std::int64_t> of_campaign;  ///< of those with a quota, with the visits that there were before
};

std::string month_of(const VisitPlan& plan) { return date_text(plan.from_day).substr(0, 7); }

Status check_team(Store& rows, const VisitPlan& plan, SoFar& so_far) {
  std::set<std::string_view> members;
  for (const std::string& inspector : plan.team) {
    DUDAO_TRY(const auto person, row_of(rows, "inspector", {std::string_view(inspector)}));
    if (!person) return fail(Code::kInspectorUnknown, inspector);
    if (!members.insert(inspector).second) return fail(Code::kTeamWrong, inspector + " twice");
    const Table& inspectors = *find_table("inspector");
    const std::int64_t also = so_far.assigned[{inspector, month_of(plan)}]++;
    DUDAO_CHECK(check_available(rows, inspector, plan.from_day, plan.to_day, also));
    if (members.size() == 1 && integer_in(inspectors, *person, "lead") == 0)
      return fail(Code::kTeamWrong, inspector + " may not lead");
    DUDAO_TRY(const auto interest,
              row_of(rows, "conflict_of_interest", {std::string_view(inspector), std::string_view(plan.school)}));
    const auto until_day =
        interest ? integer_in(*find_table("conflict_of_interest"), *interest, "until_day") : std::nullopt;
    if (interest && (!until_day || *until_day >= plan.from_day))
      return fail(Code::kRecused, inspector + " at " + plan.school);
  }
  DUDAO_TRY(const std::string unit, unit_of_school(rows, plan.school));
  DUDAO_TRY(const std::int64_t least, team_size(rows, plan, unit));
  if (static_cast<std::int64_t>(plan.team.size()) < least)
    return fail(Code::kTeamTooSmall, std::to_string(plan.team.size()) + " < " + std::to_string(least));
  return {};
}

Status check_campaign(Store& rows, const VisitPlan& plan, std::string_view unit, SoFar& so_far) {
  DUDAO_TRY(const auto row, row_of(rows, "campaign", {std::string_view(plan.campaign)}));
  if (!row) return fail(Code::kCampaignUnknown, plan.campaign);
  const Table& campaigns = *find_table("campaign");
  if (text_in(campaigns, *row, "kind") != plan.kind) return fail(Code::kOutsideCampaign, "kind " + plan.kind);
  const auto from_day = integer_in(campaigns, *row, "from_day");
  const auto to_day = integer_in(campaigns, *row, "to_day");
  if ((from_day && plan.from_day < *from_day) || (to_day && plan.to_day > *to_day))
    return fail(Code::kOutsideCampaign, "window");
  DUDAO_TRY(const auto design, row_of(rows, "campaign_design", {std::string_view(plan.campaign)}));
  if (!design) return {};
  const Table& designs = *find_table("campaign_design");
  if (const std::string whole = text_in(designs, *design, "org_unit"); !whole.empty()) {
    DUDAO_TRY(const bool within, unit.empty() ? Result<bool>(false) : is_within(rows, unit, whole));
    if (!within) return fail(Code::kOutsideCampaign, plan.school + " is not of " + whole);
  }
  if ((text_in(designs, *design, "trigger") == "RANDOM") != (plan.kind == "RANDOM" || !plan.draw.empty()))
    return fail(Code::kOutsideCampaign, "trigger");
  const std::string checklist = text_in(designs, *design, "template");
  if (!checklist.empty() &&
      (checklist != plan.template_code || integer_in(designs, *design, "template_version") != plan.template_version))
    return fail(Code::kOutsideCampaign, "checklist " + checklist);
  if (const std::string items = text_in(designs, *design, "items"); !items.empty() && items != joined(plan.items))
    return fail(Code::kOutsideCampaign, "items");
  const auto quota = integer_in(designs, *design, "quota");
  if (!quota) return {};
  auto [count, fresh] = so_far.of_campaign.emplace(plan.campaign, 0);
  if (fresh)
    DUDAO_CHECK(rows.each_row(*find_table("visit"), [&, visits = &count->second](const StoredRow& each) -> Status {
      const Row visit = read_visit(each);
      *visits += visit.campaign == plan.campaign && visit.state != VisitState::kCancelled;
      return {};
    }));
  if (count->second >= *quota) return fail(Code::kOutsideCampaign, "quota " + std::to_string(*quota));
  ++count->second;
  return {};
}

Status check_plan(Store& rows, const VisitPlan& plan, SoFar& so_far) {
  if (!is_kind(plan.kind)) return fail(Code::kPlanWrong, "kind " + plan.kind);
  if (plan.to_day < plan.from_day) return fail(Code::kPlanWrong, "the window ends before it begins");
  if (!plan.class_seed.empty() && plan.class_seed.size() != 32) return fail(Code::kPlanWrong, "class seed");
  DUDAO_CHECK(check_words(plan.reason, kMaxReasonChars, "reason"));
  DUDAO_TRY(const std::string unit, unit_of_school(rows, plan.school));
  DUDAO_TRY(const auto checklist_row,
            row_of(rows, "template", {std::string_view(plan.template_code), plan.template_version}));
  if (!checklist_row)
    return fail(Code::kTemplateUnknown, plan.template_code + " " + std::to_string(plan.template_version));
  if (!plan.items.empty()) {
    DUDAO_TRY(const Checklist checklist, Checklist::parse(std::get<std::string>(checklist_row->cells[3])));
    DUDAO_CHECK(checklist.subset(plan.items));
  }
  if (needs_notice(plan.kind) && !plan.announced) {
    DUDAO_TRY(const PolicyValue allowed, policy_for(rows, Policy::kUnannouncedComprehensive, unit, plan.from_day));
    if (allowed.value == 0) return fail(Code::kUnannouncedComprehensive, plan.kind);
  }
  if (!plan.campaign.empty()) DUDAO_CHECK(check_campaign(rows, plan, unit, so_far));
  if (!plan.team.empty()) DUDAO_CHECK(check_team(rows, plan, so_far));
  // Who is drawn was not chosen, and the frame of the draw left out those who have visits already.
  if (!is_burden(plan.kind) || !plan.draw.empty() || plan.kind == "RANDOM" || !plan.reason.empty()) return {};
  DUDAO_TRY(const PolicyValue days, policy_for(rows, Policy::kBurdenDays, unit, plan.from_day));
  if (days.value == 0) return {};
  DUDAO_TRY(const auto others, other_visits(rows, plan.school, plan.from_day - days.value, plan.to_day + days.value));
  if (!others.empty())
    return fail(Code::kOtherVisits, plan.school + ": " + others.front().kind + " " + to_hex(others.front().visit));
  return {};
}

std::vector<Value> visit_cells(const Bytes& id, const VisitPlan& plan, VisitState state) {
  return {id,
          plan.school,
          plan.kind,
          std::int64_t{plan.announced},
          or_null(plan.campaign),
          or_null(plan.draw),
          plan.template_code,
          plan.template_version,
          or_null(joined(plan.items)),
          plan.from_day,
          plan.to_day,
          or_null(plan.unseal_at_utc_ms),
          plan.class_seed.empty() ? Value() : Value(plan.class_seed),
          std::string(to_string(state)),
          or_null(plan.reason),
          Value()};
}

/// The rows that the team needs to begin, for each of them; `visit` holds those of the visit.
Status seal_for_team(Store& rows, const Bytes& id, std::string_view school, std::int64_t unseal_at_utc_ms,
                     const std::vector<std::string>& team, const ChangesBuilder& visit, const ChangesBuilder& carried,
                     const PlanningDesk& desk, ChangesBuilder& out) {
  ChangesBuilder package = visit;
  DUDAO_TRY(const auto place, row_of(rows, "school", {school}));
  if (place) package.insert("school", place->cells);
  for (const std::string& member : team) {
    DUDAO_TRY(const auto person, row_of(rows, "inspector", {std::string_view(member)}));
    if (person) package.insert("inspector", person->cells);
  }
  ChangesBuilder whole = package;
  whole.add(carried);
  const Bytes code = seal_code(desk.seal_secret, id);
  for (const std::string& member : team) {
    const SealedFor whom{id, member, unseal_at_utc_ms};
    Bytes body = seal_assignment(code, whom, whole.changes());
    // Long findings of earlier visits come with the first exchange after the seal is open.
    if (body.size() > kMaxSealedBodyBytes) body = seal_assignment(code, whom, package.changes());
    if (body.size() > kMaxSealedBodyBytes) return fail(Code::kPlanWrong, "too large to be sealed");
    out.insert("sealed_assignment", {member, id, unseal_at_utc_ms, std::move(body), Value()});
  }
  return {};
}

/// UUIDv7 (RFC 9562 section 5.7): sorts by time, made without asking anybody.
Bytes uuid_v7(std::int64_t utc_ms) {
  Bytes id = random_bytes(16);
  for (int i = 0; i < 6; ++i) id[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(utc_ms >> (40 - 8 * i));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0f) | 0x70);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3f) | 0x80);
  return id;
}

void add_team(const Bytes& id, const std::vector<std::string>& team, ChangesBuilder& out) {
  for (std::size_t i = 0; i < team.size(); ++i)
    out.insert("team_member", {id, team[i], std::string(i == 0 ? "LEAD" : "MEMBER"), Value()});
}

}  // namespace

Result<std::vector<OtherVisit>> other_visits(Store& rows, std::string_view school, std::int64_t from_day,
                                             std::int64_t to_day) {
  DUDAO_TRY(const auto ids, rows.visits_of_school(school));
  std::vector<OtherVisit> out;
  for (const Bytes& id : ids) {
    DUDAO_TRY(const auto row, row_of(rows, "visit", {BytesView(id)}));
    if (!row) continue;
    Row visit = read_visit(*row);
    if (visit.state == VisitState::kCancelled || !is_burden(visit.kind) ||
        !overlap(visit.from_day, visit.to_day, from_day, to_day))
      continue;
    out.push_back({std::move(visit.id), std::move(visit.kind), std::string(to_string(visit.state)),
                   std::move(visit.campaign), visit.from_day, visit.to_day});
  }
  return out;
}

namespace {

/// The rows of a plan that was checked.
Status enter_visit(Store& rows, const VisitPlan& plan, const PlanningDesk& desk, PlannedVisits& out) {
  const Bytes id = uuid_v7(desk.at.utc_ms);
  ChangesBuilder visit;
  visit.insert("visit", visit_cells(id, plan, plan.team.empty() ? VisitState::kPlanned : VisitState::kAssigned));
  add_team(id, plan.team, visit);
  ChangesBuilder carried;
  DUDAO_CHECK(carry_findings(rows, id, plan.school, plan.findings, carried));
  if (plan.unseal_at_utc_ms && *plan.unseal_at_utc_ms > desk.at.utc_ms)
    DUDAO_CHECK(
        seal_for_team(rows, id, plan.school, *plan.unseal_at_utc_ms, plan.team, visit, carried, desk, out.rows));
  out.rows.add(visit);
  out.rows.add(carried);
  out.ids.push_back(id);
  return {};
}

}  // namespace

Result<PlannedVisits> plan_visits(Store& rows, const std::vector<VisitPlan>& plans, const PlanningDesk& desk) {
  PlannedVisits out;
  SoFar so_far;
  for (const VisitPlan& plan : plans) {
    DUDAO_CHECK(check_plan(rows, plan, so_far));
    DUDAO_CHECK(enter_visit(rows, plan, desk, out));
  }
  return out;
}

Status check_drawn_team(Store& rows, const std::vector<std::string>& schools, std::int64_t team,
                        const PlanningDesk& desk) {
  std::set<std::string> units;
  for (const std::string& school : schools) {
    DUDAO_TRY(std::string unit, unit_of_school(rows, school));
    if (!units.insert(unit).second) continue;
    DUDAO_TRY(const PolicyValue least, policy_for(rows, Policy::kTeamRandom, unit,
                                                  local_day(desk.at.utc_ms, static_cast<int>(desk.at.offset_min))));
    if (team < least.value)
      return fail(Code::kTeamTooSmall, std::to_string(team) + " < " + std::to_string(least.value));
  }
  return {};
}

VisitPlan pattern_of(const StoredRow& row) {
  const Table& visits = *find_table("visit");
  VisitPlan plan;
  plan.school = text_in(visits, row, "school");
  plan.kind = text_in(visits, row, "kind");
  plan.announced = integer_in(visits, row, "announced") != 0;
  plan.campaign = text_in(visits, row, "campaign");
  plan.draw = text_in(visits, row, "draw");
  plan.template_code = text_in(visits, row, "template");
  plan.template_version = integer_in(visits, row, "template_version").value_or(0);
  const std::string items = text_in(visits, row, "items");
  for (std::size_t at = 0; at < items.size();) {
    const std::size_t end = std::min(items.find(',', at), items.size());
    plan.items.push_back(items.substr(at, end - at));
    at = end + 1;
  }
  plan.from_day = integer_in(visits, row, "from_day").value_or(0);
  plan.to_day = integer_in(visits, row, "to_day").value_or(0);
  plan.unseal_at_utc_ms = integer_in(visits, row, "unseal_at_utc_ms");
  return plan;
}

namespace {

/// From the team that there is to another one. Whoever is named no more is recused by the office: R5, if nothing else.
Result<ChangesBuilder> change_team(Store& rows, const StoredRow& row, VisitState to,
                                   const std::vector<std::string>& team, std::string_view reason,
                                   const PlanningDesk& desk) {
  const Table& visits = *find_table("visit");
  const auto& id = std::get<Bytes>(row.cells[0]);
  VisitPlan plan = pattern_of(row);
  plan.team = team;
  if (team.empty()) return fail(Code::kTeamTooSmall, "0");
  ChangesBuilder out;
  std::set<std::string> before;
  SoFar so_far;
  DUDAO_CHECK(rows.each_row_of_visit(*find_table("team_member"), id, 0, [&](const StoredRow& member) -> Status {
    const auto& inspector = std::get<std::string>(member.cells[1]);
    before.insert(inspector);
    const bool stays = std::holds_alternative<std::monostate>(member.cells[3]);
    const auto at = std::find(team.begin(), team.end(), inspector);
    if (!stays && at != team.end()) return fail(Code::kRecused, inspector);
    if (!stays) return {};
    --so_far.assigned[{inspector, month_of(plan)}];  // This visit counts among theirs already.
    if (at == team.end())
      out.update("team_member", {id, inspector}, {{3, std::string(reason)}});
    else if (const std::string role = at == team.begin() ? "LEAD" : "MEMBER"; member.cells[2] != Value(role))
      out.update("team_member", {id, inspector}, {{2, role}});
    return {};
  }));
  DUDAO_CHECK(check_team(rows, plan, so_far));
  for (std::size_t i = 0; i < team.size(); ++i)
    if (!before.contains(team[i]))
      out.insert("team_member", {id, team[i], std::string(i == 0 ? "LEAD" : "MEMBER"), Value()});
  std::vector<Value> cells = row.cells;
  cells[visits.column("state")] = std::string(to_string(to));
  if (cells != row.cells) out.update("visit", {id}, {{visits.column("state"), cells[visits.column("state")]}});
  if (!plan.unseal_at_utc_ms || *plan.unseal_at_utc_ms <= desk.at.utc_ms) return out;
  std::vector<std::string> fresh;
  for (const std::string& member : team) {
    DUDAO_TRY(const auto sealed, row_of(rows, "sealed_assignment", {std::string_view(member), BytesView(id)}));
    if (!sealed) fresh.push_back(member);
  }
  ChangesBuilder package;
  package.insert("visit", std::move(cells));
  add_team(id, team, package);
  DUDAO_CHECK(seal_for_team(rows, id, plan.school, *plan.unseal_at_utc_ms, fresh, package, {}, desk, out));
  return out;
}

}  // namespace

Result<ChangesBuilder> assign_team(Store& rows, BytesView id, const std::vector<std::string>& team,
                                   const PlanningDesk& desk) {
  DUDAO_TRY(const auto row, row_of(rows, "visit", {id}));
  if (!row) return fail(Code::kVisitUnknown, to_hex(id));
  DUDAO_TRY(const VisitState to, advance(read_visit(*row).state, VisitEvent::kAssign, Actor::kOffice));
  return change_team(rows, *row, to, team, "R5", desk);
}

Result<VisitState> state_after_recusal(Store& rows, BytesView id, std::string_view recused) {
  DUDAO_TRY(const auto row, row_of(rows, "visit", {id}));
  if (!row) return fail(Code::kVisitUnknown, to_hex(id));
  DUDAO_TRY(const auto member, row_of(rows, "team_member", {id, recused}));
  if (!member) return fail(Code::kNotInTeam, std::string(recused));
  const VisitState state = read_visit(*row).state;
  const bool said = !std::holds_alternative<std::monostate>(member->cells[3]);
  return said && state == VisitState::kPlanned ? Result<VisitState>(state)
                                               : advance(state, VisitEvent::kRecuse, Actor::kOffice);
}

Result<ChangesBuilder> replace_team(Store& rows, BytesView id, std::string_view recused, std::string_view reason,
                                    const std::vector<std::string>& team, const PlanningDesk& desk) {
  DUDAO_TRY(const VisitState without, state_after_recusal(rows, id, recused));
  DUDAO_TRY(const VisitState to, advance(without, VisitEvent::kAssign, Actor::kOffice));
  DUDAO_TRY(const auto row, row_of(rows, "visit", {id}));
  return change_team(rows, *row, to, team, reason, desk);
}

Result<std::optional<std::int64_t>> next_unsealing(Store& rows) {
  std::optional<std::int64_t> out;
  DUDAO_CHECK(rows.each_row(*find_table("sealed_assignment"), [&](const StoredRow& row) -> Status {
    const auto at_utc_ms = std::get<std::int64_t>(row.cells[2]);
    if (std::holds_alternative<std::monostate>(row.cells[4])) out = std::min(out.value_or(at_utc_ms), at_utc_ms);
    return {};
  }));
  return out;
}

Result<ChangesBuilder> unseal_due(Store& rows, const PlanningDesk& desk) {
  ChangesBuilder out;
  DUDAO_CHECK(rows.each_row(*find_table("sealed_assignment"), [&](const StoredRow& row) -> Status {
    if (!std::holds_alternative<std::monostate>(row.cells[4]) || std::get<std::int64_t>(row.cells[2]) > desk.at.utc_ms)
      return {};
    const auto& visit = std::get<Bytes>(row.cells[1]);
    out.update("sealed_assignment", {row.cells[0], visit}, {{4, seal_code(desk.seal_secret, visit)}});
    return {};
  }));
  return out;
}

Result<ChangesBuilder> unseal_visit(Store& rows, BytesView id, std::string_view reason, const PlanningDesk& desk) {
  const Table& visits = *find_table("visit");
  DUDAO_TRY(const auto visit, row_of(rows, "visit", {id}));
  if (!visit) return fail(Code::kVisitUnknown, to_hex(id));
  DUDAO_CHECK(check_words(reason, kMaxReasonChars, "reason"));
  ChangesBuilder out;
  bool sealed = false;
  DUDAO_CHECK(rows.each_row_of_visit(*find_table("team_member"), id, 0, [&](const StoredRow& member) -> Status {
    DUDAO_TRY(const auto assignment,
              row_of(rows, "sealed_assignment", {std::string_view(std::get<std::string>(member.cells[1])), id}));
    if (!assignment) return {};
    sealed = true;
    if (std::holds_alternative<std::monostate>(assignment->cells[4]))
      out.update("sealed_assignment", {member.cells[1], to_bytes(id)}, {{4, seal_code(desk.seal_secret, id)}});
    return {};
  }));
  if (!sealed) return fail(Code::kNotSealed, to_hex(id));
  if (out.empty() || integer_in(visits, *visit, "unseal_at_utc_ms") <= desk.at.utc_ms) return out;
  if (reason.empty()) return fail(Code::kReasonMissing, "its time has not come");
  out.update("visit", {to_bytes(id)}, {{visits.column("reason"), std::string(reason)}});
  return out;
}

Result<ChangesBuilder> enter_campaign(Store& rows, const CampaignPlan& plan) {
  const auto wrong = [](std::string what) { return fail(Code::kCampaignWrong, std::move(what)); };
  if (plan.code.empty() || plan.code.size() > 40 ||
      plan.code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != std::string::npos)
    return wrong("code");
  DUDAO_CHECK(check_words(plan.title, kMaxTitleChars, "title"));
  DUDAO_CHECK(check_words(plan.justification, kMaxReasonChars, "justification"));
  if (plan.title.empty()) return wrong("title");
  if (!is_kind(plan.kind)) return wrong("kind " + plan.kind);
  if (plan.from_day && plan.to_day && *plan.to_day < *plan.from_day) return wrong("the window ends before it begins");
  if (!is_one_of(plan.scope, {"COMPREHENSIVE", "SPECIAL"})) return wrong("scope " + plan.scope);
  if (!is_one_of(plan.focus, {"PROCESS", "RESULT"})) return wrong("focus " + plan.focus);
  if (!is_one_of(plan.trigger, {"SCHEDULED", "RANDOM"})) return wrong("trigger " + plan.trigger);
  if (!is_one_of(plan.intent, {"SUPERVISE", "GUIDE"})) return wrong("intent " + plan.intent);
  if ((plan.kind == "COMPREHENSIVE") != (plan.scope == "COMPREHENSIVE")) return wrong("scope and kind");
  if ((plan.kind == "RANDOM") != (plan.trigger == "RANDOM")) return wrong("trigger and kind");
  if (!plan.on_annual_list && plan.justification.empty()) return fail(Code::kNotOnAnnualList, plan.code);
  for (const std::string* unit : {&plan.authority, &plan.org_unit})
    if (!unit->empty()) DUDAO_CHECK(units_from(rows, *unit));
  if (!plan.template_code.empty()) {
    DUDAO_TRY(const auto checklist_row,
              row_of(rows, "template", {std::string_view(plan.template_code), plan.template_version}));
    if (!checklist_row) return fail(Code::kTemplateUnknown, plan.template_code);
    if (!plan.items.empty()) {
      DUDAO_TRY(const Checklist checklist, Checklist::parse(std::get<std::string>(checklist_row->cells[3])));
      DUDAO_CHECK(checklist.subset(plan.items));
    }
  } else if (!plan.items.empty()) {
    return wrong("items without a checklist");
  }
  if (plan.quota && *plan.quota < 1) return wrong("quota");
  const std::vector<Value> campaign = {plan.code,
                                       plan.title,
                                       plan.kind,
                                       or_null(plan.authority),
                                       std::int64_t{plan.on_annual_list},
                                       or_null(plan.justification),
                                       or_null(plan.from_day),
                                       or_null(plan.to_day)};
  const std::vector<Value> design = {plan.code,
                                     or_null(plan.org_unit),
                                     plan.scope,
                                     plan.focus,
                                     plan.trigger,
                                     plan.intent,
                                     or_null(plan.template_code),
                                     plan.template_code.empty() ? Value() : Value(plan.template_version),
                                     or_null(joined(plan.items)),
                                     or_null(plan.quota)};
  bool has_visits = false;
  DUDAO_CHECK(rows.each_row(*find_table("visit"), [&](const StoredRow& row) -> Status {
    has_visits = has_visits || read_visit(row).campaign == plan.code;
    return {};
  }));
  ChangesBuilder out;
  const auto put = [&](std::string_view table, const std::vector<Value>& cells) -> Status {
    DUDAO_TRY(const auto before, row_of(rows, table, {std::string_view(plan.code)}));
    if (!before) {
      out.insert(table, cells);
      return {};
    }
    if (has_visits) return fail(Code::kCampaignWrong, plan.code + " has visits already");
    std::vector<std::pair<std::size_t, Value>> changed;
    for (std::size_t i = 1; i < cells.size(); ++i) changed.emplace_back(i, cells[i]);
    out.update(table, {plan.code}, std::move(changed));
    return {};
  };
  DUDAO_CHECK(put("campaign", campaign));
  DUDAO_CHECK(put("campaign_design", design));
  return out;
}

namespace {

/// The months that begin on the first of these days, as many as end within them, and one in any case.
std::vector<Window> months_in(const Window& asked) {
  std::vector<Window> out;
  do {
    const auto n = static_cast<std::int64_t>(out.size());
    const std::int64_t next = months_after(asked.from_day, n + 1);
    out.push_back({months_after(asked.from_day, n), std::min(next - 1, asked.to_day)});
  } while (months_after(asked.from_day, static_cast<std::int64_t>(out.size()) + 1) <= asked.to_day + 1);
  return out;
}

/// Where visits are missing, if each month has so many parts and each of these visits fills one that it falls into.
std::vector<Window> lacking(std::vector<Window> visits, const std::vector<Window>& months, std::int64_t per_month) {
  std::sort(visits.begin(), visits.end(),
            [](const Window& one, const Window& other) { return one.from_day < other.from_day; });
  std::vector<Window> out;
  for (const Window& month : months) {
    std::vector<Window> parts;
    const std::int64_t days = month.to_day - month.from_day + 1;
    for (std::int64_t n = 0; n < per_month; ++n)
      parts.push_back(
          {month.from_day + days * n / per_month,
           std::max(month.from_day + days * n / per_month, month.from_day + days * (n + 1) / per_month - 1)});
    for (auto visit = visits.begin(); visit != visits.end() && !parts.empty();) {
      auto part = std::find_if(parts.begin(), parts.end(), [&](const Window& one) { return overlap(one, *visit); });
      if (part == parts.end() && overlap(month, *visit)) part = parts.begin();
      if (part == parts.end()) {
        ++visit;
        continue;
      }
      parts.erase(part);
      visit = visits.erase(visit);
    }
    out.insert(out.end(), parts.begin(), parts.end());
  }
  return out;
}

}  // namespace

Result<std::vector<DueVisit>> visits_due(Store& rows, std::string_view unit, std::int64_t from_day,
                                         std::int64_t to_day) {
  if (to_day < from_day) return fail(Code::kPlanWrong, "the window ends before it begins");
  if (!unit.empty()) DUDAO_CHECK(units_from(rows, unit));
  const Window asked{from_day, to_day};
  struct Done {
    std::vector<Window> routine;
    std::optional<std::int64_t> last_routine, last_comprehensive;
  };
  std::map<std::string, Done> by_school;
  DUDAO_CHECK(rows.each_row(*find_table("visit"), [&](const StoredRow& row) -> Status {
    const Row visit = read_visit(row);
    if (visit.state == VisitState::kCancelled) return {};
    Done& done = by_school[visit.school];
    if (const Window window{visit.from_day, visit.to_day}; visit.kind == "ROUTINE" && overlap(window, asked))
      done.routine.push_back(window);
    auto* const last = visit.kind == "ROUTINE"         ? &done.last_routine
                       : visit.kind == "COMPREHENSIVE" ? &done.last_comprehensive
                                                       : nullptr;
    if (last && visit.from_day <= to_day) *last = std::max(last->value_or(visit.from_day), visit.from_day);
    return {};
  }));
  std::map<std::string, std::string> responsible;
  DUDAO_CHECK(rows.each_row(*find_table("zone"), [&](const StoredRow& row) -> Status {
    const auto until_day = integer_in(*find_table("zone"), row, "until_day");
    if (!until_day || *until_day >= from_day)
      responsible.emplace(std::get<std::string>(row.cells[1]), std::get<std::string>(row.cells[0]));
    return {};
  }));
  const std::vector<Window> months = months_in(asked);
  std::map<std::string, std::array<std::int64_t, 2>> policies;  // by unit: visits a month, years
  std::vector<DueVisit> out;
  const Table& schools = *find_table("school");
  DUDAO_CHECK(rows.each_row(schools, [&](const StoredRow& row) -> Status {
    if (text_in(schools, row, "status") != "OPEN") return {};
    const std::string code = std::get<std::string>(row.cells[0]);
    const std::string place = text_in(schools, row, "org_unit");
    if (!unit.empty()) {
      const auto within = place.empty() ? Result<bool>(false) : is_within(rows, place, unit);
      if (!within && within.error().code != Code::kUnitUnknown) return fail(within.error());
      if (!within || !*within) return {};
    }
    auto known = policies.find(place);
    if (known == policies.end()) {
      DUDAO_TRY(const PolicyValue month, policy_for(rows, Policy::kRoutineVisitsPerMonth, place, from_day));
      DUDAO_TRY(const PolicyValue years, policy_for(rows, Policy::kComprehensiveYears, place, from_day));
      known = policies.emplace(place, std::array{month.value, years.value}).first;
    }
    const Done& done = by_school[code];
    const auto who = responsible.find(code);
    const std::string inspector = who == responsible.end() ? std::string() : who->second;
    const auto had = static_cast<std::int64_t>(done.routine.size());
    if (const std::int64_t required = known->second[0] * static_cast<std::int64_t>(months.size()); had < required) {
      std::vector<Window> windows = lacking(done.routine, months, known->second[0]);
      windows.resize(std::min(windows.size(), static_cast<std::size_t>(required - had)));
      out.push_back({code, "ROUTINE", inspector, had, required, done.last_routine, std::move(windows)});
    }
    const std::int64_t since = months_after(to_day, -12 * known->second[1]);
    if (!done.last_comprehensive || *done.last_comprehensive < since)
      out.push_back({code, "COMPREHENSIVE", inspector, 0, 1, done.last_comprehensive, {asked}});
    return {};
  }));
  return out;
}

namespace {

/// Whether it is about one school or inspector, and not about all that is to be planned.
bool is_of_one(Code code) {
  switch (code) {
    case Code::kTeamWrong:
    case Code::kTeamTooSmall:
    case Code::kInspectorUnknown:
    case Code::kCredentialOver:
    case Code::kCapacityFull:
    case Code::kRecused:
    case Code::kOutsideCampaign:
    case Code::kOtherVisits:
      return true;
    default:
      return false;
  }
}

/// Routine visits before and after are what the rule asks for, which is the reason then; others are somebody's to
/// weigh.
Status give_reason(Store& rows, VisitPlan& plan, std::string_view unit) {
  if (!plan.reason.empty() || plan.kind != "ROUTINE") return {};
  DUDAO_TRY(const PolicyValue days, policy_for(rows, Policy::kBurdenDays, unit, plan.from_day));
  DUDAO_TRY(const auto others, other_visits(rows, plan.school, plan.from_day - days.value, plan.to_day + days.value));
  for (const OtherVisit& other : others)
    if (other.kind != plan.kind) return {};
  if (!others.empty()) plan.reason = info(Policy::kRoutineVisitsPerMonth).name;
  return {};
}

}  // namespace

Result<PlannedDue> plan_due(Store& rows, std::string_view unit, const VisitPlan& pattern, const PlanningDesk& desk) {
  if (!is_one_of(pattern.kind, {"ROUTINE", "COMPREHENSIVE"})) return fail(Code::kPlanWrong, "kind " + pattern.kind);
  DUDAO_TRY(const auto due, visits_due(rows, unit, pattern.from_day, pattern.to_day));
  PlannedDue out;
  SoFar so_far;
  for (const DueVisit& one : due) {
    if (one.kind != pattern.kind) continue;
    DUDAO_TRY(const std::string place, unit_of_school(rows, one.school));
    for (const Window& window : one.windows) {
      VisitPlan plan = pattern;
      plan.school = one.school;
      plan.from_day = window.from_day;
      plan.to_day = window.to_day;
      DUDAO_TRY(const std::int64_t least, team_size(rows, plan, place));
      if (least <= 1 && !one.inspector.empty()) plan.team = {one.inspector};
      DUDAO_CHECK(give_reason(rows, plan, place));
      SoFar with_this = so_far;
      if (const Status fits = check_plan(rows, plan, with_this); fits) {
        so_far = std::move(with_this);
        DUDAO_CHECK(enter_visit(rows, plan, desk, out.visits));
      } else if (is_of_one(fits.error().code)) {
        out.left.push_back({one.school, window, fits.error()});
      } else {
        return fail(fits.error());
      }
    }
  }
  return out;
}

namespace {

Result<std::set<FindingKey>> findings_to_look_at(Store& rows, BytesView visit) {
  std::set<FindingKey> out;
  DUDAO_CHECK(rows.each_row_of_visit(table_of("carried_finding"), visit, 0, [&](const StoredRow& row) -> Status {
    out.insert(
        {std::get<Bytes>(row.cells[1]), std::get<std::int64_t>(row.cells[2]), std::get<std::int64_t>(row.cells[3])});
    return {};
  }));
  return out;
}

}  // namespace

Result<ChangesBuilder> merge_visits(Store& rows, BytesView id, BytesView other, const PlanningDesk& desk) {
  VisitPlan plan, also;
  for (const auto& [which, read] : {std::pair(id, &plan), std::pair(other, &also)}) {
    DUDAO_TRY(const auto row, row_of(rows, "visit", {which}));
    if (!row) return fail(Code::kVisitUnknown, to_hex(which));
    const VisitState state = read_visit(*row).state;
    if (state != VisitState::kPlanned && state != VisitState::kAssigned)
      return fail(Code::kTransitionNotAllowed, std::string(to_string(state)));
    *read = pattern_of(*row);
    if (!read->draw.empty()) return fail(Code::kNotMergeable, "drawn: " + read->draw);
    if (read->unseal_at_utc_ms && *read->unseal_at_utc_ms > desk.at.utc_ms) return fail(Code::kNotMergeable, "sealed");
  }
  if (std::equal(id.begin(), id.end(), other.begin(), other.end())) return fail(Code::kNotMergeable, "the same visit");
  if (plan.school != also.school) return fail(Code::kNotMergeable, "schools");
  if (plan.template_code != also.template_code || plan.template_version != also.template_version)
    return fail(Code::kNotMergeable, "checklists");
  // A campaign asks for its visits as they are, and counts them.
  if (!also.campaign.empty() && also.campaign != plan.campaign) return fail(Code::kNotMergeable, also.campaign);
  // What asks for a notice and a larger team, or cannot wait, is not looked after on the way.
  if (also.kind != plan.kind && (needs_notice(also.kind) || is_one_of(also.kind, {"COMPLAINT", "EMERGENCY"})))
    return fail(Code::kNotMergeable, also.kind);
  std::vector<std::string> items = plan.items;
  for (const std::string& item : also.items)
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
  if (plan.items.empty() || also.items.empty()) items.clear();
  if (!plan.campaign.empty() && items != plan.items) return fail(Code::kNotMergeable, plan.campaign);
  const Window days{std::max(plan.from_day, also.from_day), std::min(plan.to_day, also.to_day)};

  const Table& visits = *find_table("visit");
  std::vector<std::pair<std::size_t, Value>> cells;
  if (items != plan.items) cells.emplace_back(visits.column("items"), or_null(joined(items)));
  if (days.from_day <= days.to_day && days.from_day != plan.from_day)
    cells.emplace_back(visits.column("from_day"), days.from_day);
  if (days.from_day <= days.to_day && days.to_day != plan.to_day)
    cells.emplace_back(visits.column("to_day"), days.to_day);
  ChangesBuilder out;
  if (!cells.empty()) out.update("visit", {to_bytes(id)}, std::move(cells));
  DUDAO_TRY(const std::set<FindingKey> here, findings_to_look_at(rows, id));
  DUDAO_TRY(const std::set<FindingKey> there, findings_to_look_at(rows, other));
  std::vector<FindingKey> fresh;
  std::set_difference(there.begin(), there.end(), here.begin(), here.end(), std::back_inserter(fresh));
  DUDAO_CHECK(carry_findings(rows, id, plan.school, fresh, out));
  DUDAO_TRY(const ChangesBuilder called_off,
            visit_change(rows, other, VisitEvent::kCancel, {}, "merged into " + to_hex(id), desk.at));
  out.add(called_off);
  return out;
}

}  // namespace dudao
