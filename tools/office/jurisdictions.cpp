/// What jurisdictions settle: figures that rules ask for, limits of time. Methods of admin.hpp and their commands.

#include "schema/answer.hpp"
#include "schema/register_import.hpp"
#include "sync/office/jurisdiction.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"

#include <memory>

namespace dudao {
namespace {

using nlohmann::json;

Result<json> list_policies(const AdminCall& call) {
  const std::string unit = call.text("unit");
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    if (!unit.empty()) DUDAO_CHECK(units_from(rows, unit));
    for (std::uint8_t n = 1; n <= kPolicies; ++n) {
      const PolicyInfo& known = info(static_cast<Policy>(n));
      DUDAO_TRY(const PolicyValue counts, policy_for(rows, known.policy, unit, call.today));
      out.push_back({{"policy", known.name},
                     {"value", counts.value},
                     {"jurisdiction", counts.jurisdiction},
                     {"source", counts.source},
                     {"least", known.least},
                     {"most", known.most}});
    }
    return {};
  }));
  return json{{"unit", unit}, {"policies", std::move(out)}};
}

Result<json> set_policy(const AdminCall& call) {
  const std::string name = call.text("policy");
  const auto policy = policy_from(name);
  if (!policy) return fail(Code::kPolicyUnknown, name.substr(0, 60));
  DUDAO_TRY(const std::int64_t from_day, call.day("from", call.today));
  DUDAO_TRY(const auto indices, call.office.decide(call.actor, "policy.settle", [&](Store& rows) {
    return settle_policy(rows, *policy, call.text("unit"), from_day, call.params.at("value").get<std::int64_t>(),
                         call.text("source"));
  }));
  return json{{"policy", name}, {"index", indices.front()}};
}

Result<json> publish_deadline_rules(const AdminCall& call) {
  const std::string body = call.text("body");
  DUDAO_TRY(const auto indices, call.office.decide(call.actor, "deadlines.publish", [&](Store& rows) {
    return publish_deadlines(rows, call.text("code"), call.text("title"), body, call.platform.clock.wall_utc_ms());
  }));
  DUDAO_TRY(const DeadlineBook book, DeadlineBook::parse(body));
  return json{{"rules", book.rules.size()}, {"index", indices.front()}};
}

Result<json> list_deadline_rules(const AdminCall& call) {
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const DeadlineBook book, published_deadlines(rows));
    for (const DeadlineRule& rule : book.rules)
      out.push_back({{"code", rule.code},
                     {"jurisdiction", rule.jurisdiction},
                     {"step", to_string(rule.step)},
                     {"kinds", rule.visit_kinds},
                     {"anchor", to_string(rule.anchor)},
                     {"amount", rule.amount},
                     {"unit", to_string(rule.unit)},
                     {"source", rule.source}});
    return {};
  }));
  return json{{"rules", std::move(out)}};
}

struct JurisdictionOptions {
  std::string unit, name, from, source, path, code, title;
  std::int64_t value = 0;
};

}  // namespace

const AdminArea& jurisdiction_methods() {
  static const AdminArea methods = {{"policy list", list_policies},
                                    {"policy set", set_policy},
                                    {"deadlines publish", publish_deadline_rules},
                                    {"deadlines list", list_deadline_rules}};
  return methods;
}

void add_jurisdiction_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<JurisdictionOptions>();
  const auto* const at = &office;
  CLI::App* policy =
      office.group(app, "policy", "Figures that each jurisdiction settles for itself", "各地自行规定的指标");
  CLI::App* list = office.add(*policy, "list", "What counts in a unit", "某机构适用的规定", [=] {
    return at->tell("policy list", {{"unit", given->unit}}, [&](const json& done) {
      for (const json& one : done.at("policies"))
        at->say(one.at("policy").get<std::string>() + "  " + one.at("value").dump() + "  " +
                one.at("source").get<std::string>() +
                (one.at("jurisdiction").get<std::string>().empty()
                     ? std::string()
                     : " (" + one.at("jurisdiction").get<std::string>() + ")"));
    });
  });
  list->add_option("--unit", given->unit, office.tr("Code of the unit; otherwise the nation", "机构代码；默认全国"));
  CLI::App* set = office.add(
      *policy, "set", "Settle a figure from a day on", "规定某项指标",
      [=] {
        return at->tell("policy set",
                        {{"policy", given->name},
                         {"value", given->value},
                         {"unit", given->unit},
                         {"from", given->from},
                         {"source", given->source}},
                        [&](const json& done) {
                          at->say(at->tr("Settled: ", "已规定：") + given->name + " " + std::to_string(given->value) +
                                  at->tr(", statement ", "，声明 ") + done.at("index").dump());
                        });
      },
      "dudao-office policy set TRAINING_HOURS 30 --unit 140000 --source '晋政教督〔2021〕1号 第二十条'");
  set->add_option("policy", given->name, office.tr("Which, as policy list names it", "指标名称，见 policy list"))
      ->required();
  set->add_option("value", given->value, office.tr("Figure", "数值"))->required();
  set->add_option("--unit", given->unit, office.tr("Code of the unit; otherwise the nation", "机构代码；默认全国"));
  set->add_option("--from", given->from, office.tr("First day; otherwise today", "生效日；默认今天"));
  set->add_option("--source", given->source, office.tr("Law and article", "依据"))->required();

  CLI::App* deadlines = office.group(app, "deadlines", "Limits of time, by jurisdiction", "各地期限规则");
  CLI::App* publish = office.add(
      *deadlines, "publish", "Publish rules, holidays and terms", "发布期限规则、节假日与学期",
      [=] {
        const auto body = at->read(given->path);
        if (!body) return at->console.fail(body.error());
        return at->tell("deadlines publish", {{"body", text(*body)}, {"code", given->code}, {"title", given->title}},
                        [&](const json& done) {
                          at->say(at->tr("Rules published: ", "已发布期限规则：") + done.at("rules").dump());
                        });
      },
      "dudao-office deadlines publish china.json --code cn --title 教育督导期限");
  publish->add_option("file", given->path, office.tr("Rules, JSON", "规则 JSON 文件"))->required();
  publish->add_option("--code", given->code, office.tr("Code; the next version of it is made", "代码；自动生成新版本"))
      ->required();
  publish->add_option("--title", given->title, office.tr("Title", "标题"))->required();
  office.add(*deadlines, "list", "The rules that count", "现行期限规则", [=] {
    return at->tell("deadlines list", json::object(), [&](const json& done) {
      for (const json& one : done.at("rules"))
        at->say(one.at("code").get<std::string>() + "  " + one.at("step").get<std::string>() + "  " +
                one.at("anchor").get<std::string>() + " + " + one.at("amount").dump() + " " +
                one.at("unit").get<std::string>() + "  " + one.at("source").get<std::string>());
    });
  });
}

}  // namespace dudao
