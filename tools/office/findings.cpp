#include "tools/office/findings.hpp"

#include "schema/answer.hpp"
#include "schema/register_import.hpp"
#include "sync/office/access.hpp"
#include "sync/office/school_desk.hpp"

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

std::string param(const json& params, const char* name) {
  const auto found = params.find(name);
  return found != params.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string name_of(const FindingKey& key) {
  return to_hex(key.visit) + ":" + std::to_string(key.author) + "/" + std::to_string(key.n);
}

json shown(const FindingView& finding, std::int64_t today) {
  json out = finding_json(finding, today);
  out["finding"] = name_of(finding.key);
  out["school"] = finding.school;
  out["item"] = finding.item.empty() ? json() : json(finding.item);
  return out;
}

}  // namespace

Result<FindingKey> finding_from(std::string_view name) {
  const auto wrong = [] { return fail(Code::kOptionWrong, "a finding is named VISIT:DEVICE/COUNT, e.g. 0199…:3/1"); };
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return wrong();
  const auto visit = from_hex(name.substr(0, colon));
  if (!visit || visit->size() != 16) return wrong();
  auto key = finding_key(*visit, name.substr(colon + 1));
  if (!key) return wrong();
  return *std::move(key);
}

Result<json> list_findings(Office& office, const json& params, std::int64_t today, std::string_view unit) {
  const std::string school = param(params, "school");
  const std::string state = param(params, "state");
  const std::string only_visit = param(params, "visit");
  const bool overdue = params.value("overdue", false);
  if (!state.empty() && !finding_state_from(state)) return fail(Code::kOptionWrong, "--state " + state);
  json out = json::array();
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    std::vector<Bytes> visits;
    DUDAO_TRY(const Reach reach, Reach::of(rows, unit));
    DUDAO_CHECK(rows.each_row(*find_table("visit"), [&](const StoredRow& row) -> Status {
      const auto& id = std::get<Bytes>(row.cells[0]);
      DUDAO_TRY(const bool within, reach.has_school(rows, std::get<std::string>(row.cells[1])));
      if (!within) return {};
      if ((school.empty() || std::get<std::string>(row.cells[1]) == school) &&
          (only_visit.empty() || to_hex(id) == only_visit))
        visits.push_back(id);
      return {};
    }));
    for (const Bytes& visit : visits) {
      DUDAO_TRY(const auto findings, findings_of(rows, visit));
      for (const FindingView& finding : findings)
        if ((state.empty() || to_string(finding.state) == state) && (!overdue || finding.overdue(today)))
          out.push_back(shown(finding, today));
    }
    return {};
  }));
  return json{{"findings", std::move(out)}};
}

Result<json> show_finding(Office& office, const json& params, std::int64_t today) {
  DUDAO_TRY(const FindingKey key, finding_from(param(params, "finding")));
  json out;
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const FindingView finding, find_finding(rows, key));
    out = shown(finding, today);
    out["steps"] = json::array();
    const Table& table = *find_table("rectification_step");
    DUDAO_TRY(const auto steps, rectification_steps(rows, key));
    for (const StoredRow& step : steps) {
      const auto text = [&](const char* column) {
        const auto* value = std::get_if<std::string>(&step.cells[table.column(column)]);
        return value ? json(*value) : json();
      };
      const auto integer = [&](const char* column) {
        const auto* value = std::get_if<std::int64_t>(&step.cells[table.column(column)]);
        return value ? std::optional(*value) : std::nullopt;
      };
      const auto* reinspection = std::get_if<Bytes>(&step.cells[table.column("reinspection")]);
      const auto due = integer("due_day");
      out["steps"].push_back({{"event", text("event")},
                              {"round", *integer("round")},
                              {"actor", text("actor")},
                              {"person", text("person")},
                              {"text", text("text")},
                              {"due", due ? json(date_text(*due)) : json()},
                              {"reinspection", reinspection ? json(to_hex(*reinspection)) : json()},
                              {"at_utc_ms", *integer("at_utc_ms")},
                              {"log_index", step.clock.index}});
    }
    return {};
  }));
  return out;
}

Result<json> act_on_finding(Office& office, Clock& clock, const std::string& actor, const json& params,
                            std::int64_t today) {
  RectificationAct act;
  DUDAO_TRY(act.finding, finding_from(param(params, "finding")));
  const auto event = finding_event_from(param(params, "event"));
  if (!event) return fail(Code::kOptionWrong, "event");
  act.event = *event;
  const std::string by = param(params, "by");
  if (by == "school")
    act.actor = Actor::kSchool;
  else if (by == "inspector")
    act.actor = Actor::kInspector;
  else if (!by.empty() && by != "office")
    return fail(Code::kOptionWrong, "--by takes office, school or inspector");
  act.person = act.actor == Actor::kOffice ? actor : param(params, "person");
  act.text = param(params, "text");
  act.route = param(params, "route");
  act.superior_unit = param(params, "superior_unit");
  act.responsible = param(params, "responsible");
  if (const std::string due = param(params, "due"); !due.empty()) {
    act.due_day = day_from_date(due);
    if (!act.due_day) return fail(Code::kOptionWrong, "--due takes a day like 2026-04-30");
  }
  DUDAO_CHECK(
      office.decide(actor, "finding." + std::string(to_string(act.event)), [&](Store& rows) -> Result<ChangesBuilder> {
        RectificationSteps steps(rows, clock.wall_utc_ms(), today);
        DUDAO_CHECK(steps.take(act));
        ChangesBuilder out;
        steps.write(out);
        return out;
      }));
  return show_finding(office, params, today);
}

}  // namespace dudao
