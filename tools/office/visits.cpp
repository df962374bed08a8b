/// Visits: planned one by one, looked at, followed up. Methods of admin.hpp and their commands.

#include "tools/office/visits.hpp"

#include "schema/register_import.hpp"
#include "sync/office/rows.hpp"
#include "tools/office/findings.hpp"

#include <algorithm>
#include <map>
#include <memory>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::int64_t kDay_ms = 86'400'000;

Result<std::int64_t> instant_from(const std::string& typed, int utc_offset_min) {
  const auto wrong = [&] {
    return fail(Code::kOptionWrong, typed + " must be a time like 2026-03-02T08:00 or 2026-03-02T08:00+08:00");
  };
  const auto two = [&](std::size_t at) -> int {
    if (at + 2 > typed.size() || typed[at] < '0' || typed[at] > '9' || typed[at + 1] < '0' || typed[at + 1] > '9')
      return -1;
    return (typed[at] - '0') * 10 + (typed[at + 1] - '0');
  };
  if (typed.size() < 16 || typed[10] != 'T' || typed[13] != ':') return wrong();
  const auto day = day_from_date(std::string_view(typed).substr(0, 10));
  const int hour = two(11);
  const int minute = two(14);
  if (!day || hour < 0 || hour > 23 || minute < 0 || minute > 59) return wrong();
  int offset_min = utc_offset_min;
  const std::string_view zone = std::string_view(typed).substr(16);
  if (zone == "Z") {
    offset_min = 0;
  } else if (!zone.empty()) {
    const int hours = two(17);
    const int minutes = two(20);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 || hours > 14 ||
        minutes < 0 || minutes > 59)
      return wrong();
    offset_min = (zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  return *day * kDay_ms + (std::int64_t{hour} * 60 + minute - offset_min) * 60'000;
}

Result<json> plan_visit(const AdminCall& call) {
  DUDAO_TRY(VisitPlan plan, visit_plan(call));
  plan.school = call.text("school");
  plan.team = call.texts("team");
  plan.reason = call.text("reason");
  for (const std::string& name : call.texts("findings")) {
    DUDAO_TRY(FindingKey key, finding_from(name));
    plan.findings.push_back(std::move(key));
  }
  DUDAO_TRY(const auto ids, call.office.plan(call.actor, {plan}));
  return json{{"visit", to_hex(ids.front())}};
}

Result<json> list_visits(const AdminCall& call) {
  const std::string state = call.text("state");
  const std::string school = call.text("school");
  const Table& visits = *find_table("visit");
  const Table& team = *find_table("team_member");
  json out = json::array();
  std::map<std::string, std::size_t> places;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
    DUDAO_CHECK(rows.each_row(visits, [&](const StoredRow& row) -> Status {
      if ((!state.empty() && text_in(visits, row, "state") != state) ||
          (!school.empty() && text_in(visits, row, "school") != school))
        return {};
      DUDAO_TRY(const bool within, reach.has_school(rows, text_in(visits, row, "school")));
      if (!within) return {};
      const std::string id = to_hex(std::get<Bytes>(row.cells[0]));
      places[id] = out.size();
      const std::string code = text_in(visits, row, "school");
      DUDAO_TRY(const auto place, row_of(rows, "school", {std::string_view(code)}));
      json one = {{"visit", id},
                  {"state", text_in(visits, row, "state")},
                  {"kind", text_in(visits, row, "kind")},
                  {"school", code},
                  {"school_name", place ? json(text_in(*find_table("school"), *place, "name")) : json()},
                  {"from", day_text(*integer_in(visits, row, "from_day"))},
                  {"to", day_text(*integer_in(visits, row, "to_day"))},
                  {"draw", cell_json(row.cells[visits.column("draw")])},
                  {"clock", cell_json(row.cells[visits.column("clock")])},
                  {"team", json::array()}};
      out.push_back(std::move(one));
      return {};
    }));
    return rows.each_row(team, [&](const StoredRow& row) -> Status {
      const auto found = places.find(to_hex(std::get<Bytes>(row.cells[0])));
      if (found == places.end() || !text_in(team, row, "recusal").empty()) return {};
      json& members = out[found->second]["team"];
      const std::string who = text_in(team, row, "inspector");
      if (text_in(team, row, "role") == "LEAD")
        members.insert(members.begin(), who);
      else
        members.push_back(who);
      return {};
    });
  }));
  return json{{"visits", std::move(out)}};
}

Result<json> show(Office& office, const Bytes& id) {
  json out;
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    const Table& visits = *find_table("visit");
    DUDAO_TRY(const auto row, row_of(rows, "visit", {BytesView(id)}));
    if (!row) return fail(Code::kVisitUnknown, to_hex(id));
    out = row_json(visits, *row);
    for (const Table& table : synced_tables()) {
      if (table.scope != Scope::kVisit || table.name == "visit") continue;
      json& list = out[std::string(table.name)] = json::array();
      DUDAO_CHECK(rows.each_row_of_visit(table, id, 0, [&](const StoredRow& one) -> Status {
        json shown = row_json(table, one);
        shown.erase("visit");
        shown["log_index"] = one.clock.index;
        list.push_back(std::move(shown));
        return {};
      }));
    }
    return {};
  }));
  return out;
}

Result<json> show_visit(const AdminCall& call) {
  DUDAO_TRY(const Bytes id, call.visit());
  return show(call.office, id);
}

Result<json> take_visit_event(const AdminCall& call) {
  DUDAO_TRY(const Bytes id, call.visit());
  DUDAO_CHECK(call.office.visit_event(call.actor, id, call.text("event"), call.text("item"), call.text("reason")));
  return show(call.office, id);
}

struct VisitOptions {
  VisitPattern pattern;
  std::string school, state, visit, item, reason;
  std::vector<std::string> team, findings;
};

int plan(const OfficeCommands& at, const VisitOptions& given) {
  json params = given.pattern.params();
  params["school"] = given.school;
  params["team"] = given.team;
  params["findings"] = given.findings;
  params["reason"] = given.reason;
  return at.tell("plan", std::move(params), [&](const json& done) {
    at.say(at.tr("Planned: visit ", "已计划督导 ") + done.at("visit").get<std::string>());
  });
}

int list_visits(const OfficeCommands& at, const VisitOptions& given) {
  return at.tell("visit list", {{"state", given.state}, {"school", given.school}}, [&](const json& done) {
    for (const json& visit : done.at("visits"))
      at.say(visit.at("visit").get<std::string>() + "  " + visit.at("state").get<std::string>() + "  " +
             visit.at("kind").get<std::string>() + "  " + visit.at("school").get<std::string>() + " " +
             text_in(visit, "school_name") + "  " + visit.at("from").get<std::string>() + ".." +
             visit.at("to").get<std::string>() + "  " + joined(visit.at("team")));
    at.say(at.tr("Visits: ", "督导数：") + std::to_string(done.at("visits").size()));
  });
}

void say_visit(const OfficeCommands& at, const json& visit) {
  at.say(at.tr("Visit ", "督导 ") + text_or_dash(visit, "id") + at.tr(" of school ", "，学校 ") +
         text_or_dash(visit, "school") + ", " + text_or_dash(visit, "kind") + ", " + text_or_dash(visit, "state"));
  for (const auto& [table, rows] : visit.items()) {
    if (!rows.is_array() || rows.empty()) continue;
    at.say(table + " (" + std::to_string(rows.size()) + ")");
    for (const json& row : rows) {
      std::string line;
      for (const auto& [name, value] : row.items()) {
        if (value.is_null() || name.starts_with("at_")) continue;
        line +=
            (line.empty() ? "  " : "; ") + name + " " + (value.is_string() ? value.get<std::string>() : value.dump());
      }
      at.say(line);
    }
  }
}

int take_event(const OfficeCommands& at, const VisitOptions& given, const char* event) {
  return at.tell(
      "visit event", {{"visit", given.visit}, {"event", event}, {"item", given.item}, {"reason", given.reason}},
      [&](const json& visit) {
        at.say(at.tr("Done. The visit's state is now ", "已完成。督导现状态：") + visit.at("state").get<std::string>());
      });
}

void add_event(CLI::App& visit, const OfficeCommands& office, const std::shared_ptr<VisitOptions>& given,
               const char* name, const char* event, bool reason, std::string_view english, std::string_view chinese) {
  const auto* const at = &office;
  CLI::App* command = office.add(visit, name, english, chinese, [=] { return take_event(*at, *given, event); });
  command->add_option("visit", given->visit, office.tr("Visit", "督导编号"))->required();
  command->add_option("--item", given->item, office.tr("Item or inspector that it is about", "涉及的条目或督学"));
  CLI::Option* why = command->add_option("--reason", given->reason, office.tr("Reason in words", "理由"));
  if (reason) why->required();
}

}  // namespace

void VisitPattern::add_options(CLI::App* command, const OfficeCommands& office) {
  command
      ->add_option(
          "--template", checklist_,
          office.tr("Checklist: CODE for its newest version, or CODE@VERSION", "检查表：代码（最新版本）或 代码@版本"))
      ->required();
  command->add_option("--from", from_, office.tr("First day, like 2026-03-02", "起始日期，如 2026-03-02"))->required();
  command->add_option("--to", to_, office.tr("Last day", "截止日期"))->required();
  command->add_option("--unseal-at", unseal_at_,
                      office.tr("Nobody can open it earlier: 2026-03-02T08:00, with Z or +08:00 if not local time",
                                "启封时间：2026-03-02T08:00，非本地时间须带 Z 或 +08:00"));
  command->add_flag("--announced", announced_, office.tr("The school is told beforehand", "事先通知学校"));
  command->add_option("--campaign", campaign_, office.tr("Code of the campaign", "专项编号"));
  command->add_option("--items", items_, office.tr("Only these items of the checklist", "仅使用检查表中的这些条目"))
      ->delimiter(',');
}

json VisitPattern::params() const {
  json out = {{"kind", kind}, {"announced", announced_}, {"template", checklist_}, {"from", from_},
              {"to", to_},    {"campaign", campaign_},   {"items", items_}};
  if (!unseal_at_.empty()) out["unseal_at"] = unseal_at_;
  return out;
}

Result<VisitPlan> visit_plan(const AdminCall& call) {
  VisitPlan plan;
  plan.kind = call.text("kind", "ROUTINE");
  plan.announced = call.params.value("announced", false);
  plan.campaign = call.text("campaign");
  plan.items = call.texts("items");
  const std::string named = call.text("template");
  const std::size_t at = named.rfind('@');
  plan.template_code = named.substr(0, at);
  if (at != std::string::npos) {
    const std::string version = named.substr(at + 1);
    if (version.empty() || version.size() > 9 || version.find_first_not_of("0123456789") != std::string::npos)
      return fail(Code::kOptionWrong, "--template takes CODE or CODE@VERSION");
    plan.template_version = std::stoll(version);
  } else {
    const Table& table = *find_table("template");
    DUDAO_CHECK(call.office.read([&](Store& rows) {
      return rows.each_row(table, [&](const StoredRow& row) -> Status {
        if (text_in(table, row, "code") == plan.template_code)
          plan.template_version = std::max(plan.template_version, *integer_in(table, row, "version"));
        return {};
      });
    }));
  }
  DUDAO_TRY(plan.from_day, call.day("from"));
  DUDAO_TRY(plan.to_day, call.day("to"));
  if (const std::string unseal = call.text("unseal_at"); !unseal.empty()) {
    DUDAO_TRY(const std::int64_t at_utc_ms, instant_from(unseal, call.platform.clock.utc_offset_min()));
    plan.unseal_at_utc_ms = at_utc_ms;
  }
  return plan;
}

const AdminArea& visit_methods() {
  static const AdminArea methods = {
      {"plan", plan_visit}, {"visit list", list_visits}, {"visit show", show_visit}, {"visit event", take_visit_event}};
  return methods;
}

void add_visit_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<VisitOptions>();
  const auto* const at = &office;
  CLI::App* plan_command = office.add(
      app, "plan", "Plan and assign a visit", "计划并指派督导", [=] { return plan(*at, *given); },
      "dudao-office plan --school 9901210001 --team D001 --template routine-visit --from 2026-03-02 --to 2026-03-06");
  plan_command->add_option("--school", given->school, office.tr("School", "学校代码"))->required();
  plan_command->add_option("--team", given->team, office.tr("Inspectors, the lead first", "督学，组长在前"))
      ->delimiter(',');
  plan_command->add_option("--kind", given->pattern.kind, office.tr("Kind", "类型"))
      ->check(CLI::IsMember({"ROUTINE", "RANDOM", "SPECIAL", "COMPREHENSIVE", "REINSPECT", "COMPLAINT", "EMERGENCY"}))
      ->default_val("ROUTINE");
  plan_command->add_option(
      "--finding", given->findings,
      office.tr("Finding to look at again: VISIT:DEVICE/COUNT", "需复查的问题：督导编号:设备号/序号"));
  plan_command->add_option(
      "--reason", given->reason,
      office.tr("Why, although the school has other visits in these weeks", "该校此期间另有督导时，再次督导的理由"));
  given->pattern.add_options(plan_command, office);

  CLI::App* visit = office.group(app, "visit", "Look at visits and follow them up", "查看与跟进督导");
  CLI::App* list_command =
      office.add(*visit, "list", "All visits", "所有督导", [=] { return list_visits(*at, *given); });
  list_command->add_option("--state", given->state, office.tr("Only in this state", "仅限此状态"));
  list_command->add_option("--school", given->school, office.tr("Only of this school", "仅限此学校"));
  office
      .add(
          *visit, "show", "Everything that the office holds of a visit", "督导办掌握的该督导的全部内容",
          [=] {
            return at->tell("visit show", {{"visit", given->visit}}, [&](const json& shown) { say_visit(*at, shown); });
          })
      ->add_option("visit", given->visit, office.tr("Visit", "督导编号"))
      ->required();
  add_event(*visit, office, given, "query", "query", true, "Ask the team about an item", "就某条目向督导组提问");
  add_event(*visit, office, given, "accept", "accept", false, "Accept what the team sent", "审核通过");
  add_event(*visit, office, given, "issue-opinion", "issue_opinion", false, "The opinion went out", "督导意见已下发");
  add_event(*visit, office, given, "close", "close", false, "Every finding is closed", "所有问题已销号");
  add_event(*visit, office, given, "cancel", "cancel", true, "Call a visit off", "取消督导");
}

}  // namespace dudao
