/// Campaigns, teams, what is due, seals. Methods of admin.hpp and their commands.

#include "schema/answer.hpp"
#include "sync/office/planning.hpp"
#include "sync/office/rows.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/visits.hpp"

#include <memory>

namespace dudao {
namespace {

using nlohmann::json;

Result<json> add_campaign(const AdminCall& call) {
  CampaignPlan plan;
  plan.code = call.text("campaign");
  plan.title = call.text("title");
  plan.kind = call.text("kind");
  plan.authority = call.text("authority").empty() ? call.unit : call.text("authority");
  plan.justification = call.text("justification");
  plan.on_annual_list = call.params.value("on_annual_list", true);
  plan.org_unit = call.text("unit");
  plan.scope = plan.kind == "COMPREHENSIVE" ? "COMPREHENSIVE" : "SPECIAL";
  plan.trigger = plan.kind == "RANDOM" ? "RANDOM" : "SCHEDULED";
  if (const std::string focus = call.text("focus"); !focus.empty()) plan.focus = focus;
  if (const std::string intent = call.text("intent"); !intent.empty()) plan.intent = intent;
  plan.template_code = call.text("template");
  plan.template_version = call.params.value("version", std::int64_t{1});
  plan.items = call.texts("items");
  if (const auto quota = call.params.value("quota", std::int64_t{0}); quota != 0) plan.quota = quota;
  DUDAO_TRY(plan.from_day, call.given_day("from"));
  DUDAO_TRY(plan.to_day, call.given_day("to"));
  DUDAO_TRY(const auto indices,
            call.office.decide(call.actor, "campaign.enter", [&](Store& rows) { return enter_campaign(rows, plan); }));
  return json{{"campaign", plan.code}, {"index", indices.front()}};
}

Result<json> list_campaigns(const AdminCall& call) {
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    const Table& campaigns = *find_table("campaign");
    const Table& designs = *find_table("campaign_design");
    return rows.each_row(campaigns, [&](const StoredRow& row) -> Status {
      const ValueView key = as_view(row.cells[0]);
      DUDAO_TRY(const auto design, rows.row(designs, std::span(&key, 1)));
      json one = {{"campaign", cell_json(row.cells[0])},
                  {"title", cell_json(row.cells[1])},
                  {"kind", cell_json(row.cells[2])},
                  {"authority", cell_json(row.cells[3])},
                  {"on_annual_list", row.cells[4] != Value(std::int64_t{0})},
                  {"justification", cell_json(row.cells[5])},
                  {"from", date_or_null(integer_in(campaigns, row, "from_day"))},
                  {"to", date_or_null(integer_in(campaigns, row, "to_day"))}};
      for (std::size_t i = 1; design && i < designs.columns.size(); ++i)
        one[designs.columns[i].name] = cell_json(design->cells[i]);
      out.push_back(std::move(one));
      return {};
    });
  }));
  return json{{"campaigns", std::move(out)}};
}

Result<json> assign(const AdminCall& call) {
  DUDAO_TRY(const Bytes visit, call.visit());
  DUDAO_CHECK(call.office.assign(call.actor, visit, call.texts("team")));
  return json{{"visit", to_hex(visit)}};
}

Result<json> replace_drawn(const AdminCall& call) {
  DUDAO_TRY(const Bytes visit, call.visit());
  DUDAO_TRY(const Bytes stands,
            call.office.replace_drawn(call.actor, visit, call.text("inspector"), call.text("reason")));
  json out = {{"visit", to_hex(stands)}, {"same", stands == visit}, {"team", json::array()}};
  DUDAO_CHECK(call.office.read([&](Store& rows) {
    return rows.each_row_of_visit(*find_table("team_member"), stands, 0, [&](const StoredRow& member) -> Status {
      if (std::holds_alternative<std::monostate>(member.cells[3])) out["team"].push_back(cell_json(member.cells[1]));
      return {};
    });
  }));
  return out;
}

Result<json> unseal_code(const AdminCall& call) {
  DUDAO_TRY(const Bytes visit, call.visit());
  DUDAO_TRY(const std::string code, call.office.unseal_code(call.actor, visit, call.text("reason")));
  return json{{"visit", to_hex(visit)}, {"code", code}};
}

Result<json> list_due(const AdminCall& call) {
  DUDAO_TRY(const std::int64_t from_day, call.day("from", call.today));
  DUDAO_TRY(const std::int64_t to_day, call.day("to", from_day + 30));
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const auto all, visits_due(rows, call.scope(), from_day, to_day));
    for (const DueVisit& one : all)
      out.push_back({{"school", one.school},
                     {"kind", one.kind},
                     {"inspector", text_or_null(one.inspector)},
                     {"done", one.done},
                     {"required", one.required},
                     {"last", date_or_null(one.last_day)}});
    return {};
  }));
  return json{{"due", std::move(out)}, {"from", date_text(from_day)}, {"to", date_text(to_day)}};
}

Result<json> plan_what_is_due(const AdminCall& call) {
  DUDAO_TRY(VisitPlan pattern, visit_plan(call));
  pattern.reason = call.text("reason");
  DUDAO_TRY(const PlannedDue due, call.office.plan_due(call.actor, call.scope(), pattern));
  json out = {{"visits", json::array()}, {"left", json::array()}};
  for (const Bytes& id : due.visits.ids) out["visits"].push_back(to_hex(id));
  for (const PlannedDue::Left& one : due.left) {
    json left = error_json(one.why);
    left["school"] = one.school;
    left["from"] = date_text(one.window.from_day);
    left["to"] = date_text(one.window.to_day);
    out["left"].push_back(std::move(left));
  }
  return out;
}

Result<json> merge_visits(const AdminCall& call) {
  DUDAO_TRY(const Bytes visit, call.visit());
  const auto other = from_hex(call.text("other"));
  if (!other || other->size() != visit.size()) return fail(Code::kOptionWrong, "other");
  DUDAO_CHECK(call.office.merge(call.actor, visit, *other));
  return json{{"visit", to_hex(visit)}};
}

struct PlanOptions {
  VisitPattern pattern;
  std::string inspector, code, title, kind, authority, justification, unit, focus, intent, checklist, from, to, visit,
      reason, other;
  std::vector<std::string> items, team;
  std::int64_t version = 1, quota = 0;
};

}  // namespace

const AdminArea& plan_methods() {
  static const AdminArea methods = {{"campaign add", add_campaign},
                                    {"campaign list", list_campaigns},
                                    {"assign", assign},
                                    {"unseal-code", unseal_code},
                                    {"due", list_due},
                                    {"merge", merge_visits},
                                    {"plan-due", plan_what_is_due},
                                    {"replace", replace_drawn}};
  return methods;
}

void add_plan_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<PlanOptions>();
  const auto* const at = &office;
  CLI::App* campaign = office.group(app, "campaign", "Campaigns of the year", "年度专项");
  CLI::App* enter = office.add(
      *campaign, "add", "Enter a campaign, or change one that has no visits yet", "登记专项，或修改尚无督导的专项",
      [=] {
        return at->tell("campaign add",
                        {{"campaign", given->code},
                         {"title", given->title},
                         {"kind", given->kind},
                         {"authority", given->authority},
                         {"on_annual_list", given->justification.empty()},
                         {"justification", given->justification},
                         {"unit", given->unit},
                         {"focus", given->focus},
                         {"intent", given->intent},
                         {"template", given->checklist},
                         {"version", given->version},
                         {"items", given->items},
                         {"quota", given->quota},
                         {"from", given->from},
                         {"to", given->to}},
                        [&](const json& done) {
                          at->say(at->tr("Entered: campaign ", "已登记专项 ") + given->code +
                                  at->tr(", statement ", "，声明 ") + done.at("index").dump());
                        });
      },
      "dudao-office campaign add FIRE-2026 --title 校园消防专项 --kind SPECIAL --from 2026-03-01 --to 2026-05-31\n"
      "dudao-office campaign add FLOOD-2026 --title 防汛检查 --kind SPECIAL --off-list 市防指通知");
  enter->add_option("code", given->code, office.tr("Code: A-Z, 0-9, hyphen", "编号：A-Z、0-9、连字符"))->required();
  enter->add_option("--title", given->title, office.tr("Title", "名称"))->required();
  enter->add_option("--kind", given->kind, office.tr("Kind of its visits", "督导类型"))
      ->required()
      ->check(CLI::IsMember({"ROUTINE", "RANDOM", "SPECIAL", "COMPREHENSIVE", "REINSPECT", "COMPLAINT", "EMERGENCY"}));
  enter->add_option("--off-list", given->justification,
                    office.tr("It is not on the annual list, for this reason", "未列入年度清单的理由"));
  enter->add_option("--authority", given->authority,
                    office.tr("Unit that ordered it; otherwise your own", "发起机关代码；默认本机构"));
  enter->add_option("--unit", given->unit, office.tr("Whose schools it is about; otherwise all", "实施范围；默认全部"));
  enter->add_option("--focus", given->focus, office.tr("PROCESS or RESULT", "侧重：PROCESS 过程，RESULT 结果"))
      ->check(CLI::IsMember({"PROCESS", "RESULT"}));
  enter->add_option("--intent", given->intent, office.tr("SUPERVISE or GUIDE", "目的：SUPERVISE 督，GUIDE 导"))
      ->check(CLI::IsMember({"SUPERVISE", "GUIDE"}));
  enter->add_option("--template", given->checklist, office.tr("Its checklist; otherwise any", "检查表；默认不限"));
  enter->add_option("--version", given->version, office.tr("Version of the checklist", "检查表版本"));
  enter->add_option("--items", given->items, office.tr("Only these items of it", "仅使用这些条目"))->delimiter(',');
  enter->add_option("--quota", given->quota,
                    office.tr("Visits at most; otherwise any number", "督导次数上限；默认不限"));
  enter->add_option("--from", given->from, office.tr("First day", "起始日期"));
  enter->add_option("--to", given->to, office.tr("Last day", "截止日期"));
  office.add(*campaign, "list", "All campaigns", "所有专项", [=] {
    return at->tell("campaign list", json::object(), [&](const json& done) {
      for (const json& one : done.at("campaigns")) {
        const auto cell = [&](const char* name) { return text_or_dash(one, name); };
        at->say(cell("campaign") + "  " + cell("title") + "  " + cell("kind") + "  " + cell("from") + ".." +
                cell("to") +
                (one.at("on_annual_list").get<bool>()
                     ? std::string()
                     : at->tr("  off the annual list: ", "  未列入年度清单：") + cell("justification")));
      }
      at->say(at->tr("Campaigns: ", "专项数：") + std::to_string(done.at("campaigns").size()));
    });
  });

  CLI::App* assigned = office.add(
      app, "assign", "Give a planned visit its team", "为已计划的督导指派小组",
      [=] {
        return at->tell("assign", {{"visit", given->visit}, {"team", given->team}}, [&](const json& done) {
          at->say(at->tr("Assigned: visit ", "已指派督导 ") + done.at("visit").get<std::string>());
        });
      },
      "dudao-office assign 0199… --team D001,D002");
  assigned->add_option("visit", given->visit, office.tr("Visit", "督导编号"))->required();
  assigned->add_option("--team", given->team, office.tr("Inspectors, the lead first", "督学，组长在前"))
      ->required()
      ->delimiter(',');

  CLI::App* replaced = office.add(
      app, "replace", "Recuse an inspector of a drawn visit; the next of the draw takes the place",
      "回避抽中的督学，由抽查名单依次递补",
      [=] {
        return at->tell("replace",
                        {{"visit", given->visit}, {"inspector", given->inspector}, {"reason", given->reason}},
                        [&](const json& done) {
                          if (!done.at("same").get<bool>())
                            at->say(at->tr("Nobody fits there: the next school takes its place.",
                                           "该校无人可递补，由下一所备选学校替代。"));
                          at->say(at->tr("Visit ", "督导 ") + done.at("visit").get<std::string>() +
                                  at->tr(", team ", "，小组 ") + joined(done.at("team")));
                        });
      },
      "dudao-office replace 0199… D001 R1");
  replaced->add_option("visit", given->visit, office.tr("Visit", "督导编号"))->required();
  replaced->add_option("inspector", given->inspector, office.tr("Who is recused", "回避的督学"))->required();
  replaced->add_option("reason", given->reason, office.tr("R1 to R5", "理由 R1 至 R5"))
      ->required()
      ->check(CLI::IsMember({"R1", "R2", "R3", "R4", "R5"}));

  CLI::App* unsealed = office.add(
      app, "unseal-code", "The code that opens a sealed visit, to be told by telephone", "启封码，供电话告知督学",
      [=] {
        return at->tell("unseal-code", {{"visit", given->visit}, {"reason", given->reason}}, [&](const json& done) {
          at->say(at->tr("Code: ", "启封码：") + done.at("code").get<std::string>());
        });
      },
      "dudao-office unseal-code 0199…");
  unsealed->add_option("visit", given->visit, office.tr("Visit", "督导编号"))->required();
  unsealed->add_option("--reason", given->reason, office.tr("Why it is opened before its time", "提前启封的理由"));

  CLI::App* due = office.add(
      app, "due", "Schools whose visits are due", "应安排督导的学校",
      [=] {
        return at->tell(
            "due", {{"unit", given->unit}, {"from", given->from}, {"to", given->to}}, [&](const json& done) {
              for (const json& one : done.at("due"))
                at->say(one.at("school").get<std::string>() + "  " + one.at("kind").get<std::string>() + "  " +
                        one.at("done").dump() + "/" + one.at("required").dump() + "  " +
                        text_or_dash(one, "inspector") +
                        (one.at("last").is_string() ? at->tr("  last ", "  上次 ") + one.at("last").get<std::string>()
                                                    : std::string()));
              at->say(at->tr("Due: ", "应督导：") + std::to_string(done.at("due").size()));
            });
      },
      "dudao-office due --unit 140200 --from 2026-03-01 --to 2026-03-31");
  due->add_option("--unit", given->unit, office.tr("Only this unit and all below it", "仅限该机构及其下级"));
  due->add_option("--from", given->from, office.tr("First day; otherwise today", "起始日期；默认今天"));
  due->add_option("--to", given->to, office.tr("Last day; otherwise 30 days later", "截止日期；默认 30 天后"));

  CLI::App* plan_due = office.add(
      app, "plan-due", "Plan what is due, each school's visits where they lack", "按应督导清单批量安排督导",
      [=] {
        json params = given->pattern.params();
        params["unit"] = given->unit;
        params["reason"] = given->reason;
        return at->tell("plan-due", std::move(params), [&](const json& done) {
          for (const json& one : done.at("left"))
            at->say(at->tr("Left: ", "未安排：") + text_in(one, "school") + "  " + text_in(one, "from") + ".." +
                    text_in(one, "to") + "  " + text_in(one, "code") + " " +
                    at->tr(text_in(one, "english"), text_in(one, "chinese")) + " (" + text_in(one, "detail") + ")");
          at->say(at->tr("Planned: ", "已安排：") + std::to_string(done.at("visits").size()) +
                  at->tr(", left: ", "，未安排：") + std::to_string(done.at("left").size()));
        });
      },
      "dudao-office plan-due --unit 140200 --template routine-visit --from 2026-03-01 --to 2026-06-30");
  plan_due->add_option("--unit", given->unit, office.tr("Only this unit and all below it", "仅限该机构及其下级"));
  plan_due->add_option("--kind", given->pattern.kind, office.tr("ROUTINE or COMPREHENSIVE", "ROUTINE 或 COMPREHENSIVE"))
      ->check(CLI::IsMember({"ROUTINE", "COMPREHENSIVE"}))
      ->default_val("ROUTINE");
  plan_due->add_option(
      "--reason", given->reason,
      office.tr("Why, also where a school has other visits in these weeks", "学校此期间另有督导时，再次督导的理由"));
  given->pattern.add_options(plan_due, office);

  CLI::App* merged = office.add(
      app, "merge", "Make one visit of two to a school: the second is called off, the first looks at what both would",
      "将同校的两次督导合并：取消后者，其内容并入前者",
      [=] {
        return at->tell("merge", {{"visit", given->visit}, {"other", given->other}}, [&](const json& done) {
          at->say(at->tr("Merged: visit ", "已合并为督导 ") + text_in(done, "visit"));
        });
      },
      "dudao-office merge 0199… 019a…");
  merged->add_option("visit", given->visit, office.tr("Visit that stands", "保留的督导编号"))->required();
  merged->add_option("other", given->other, office.tr("Visit that is called off", "并入并取消的督导编号"))->required();
}

}  // namespace dudao
