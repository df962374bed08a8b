/// What follows from visits: proceedings with their steps and limits, proposals, public notices. Methods of admin.hpp
/// and their commands.

#include "platform/crypto.hpp"
#include "schema/answer.hpp"
#include "schema/document_html.hpp"
#include "schema/register_import.hpp"
#include "sync/office/follow_up.hpp"
#include "sync/office/jurisdiction.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/findings.hpp"

#include <algorithm>
#include <memory>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::int64_t kDaysAhead = 30;

json finding_or_null(const std::optional<FindingKey>& key) { return key ? json(name_of(*key)) : json(); }

Result<Bytes> bytes_given(const AdminCall& call, const char* name, std::size_t size) {
  const std::string hex = call.text(name);
  if (hex.empty()) return Bytes();
  auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != size)
    return fail(Code::kOptionWrong, std::string(name) + " takes " + std::to_string(2 * size) + " hex digits");
  return *std::move(bytes);
}

json view_json(const ProceedingView& one, bool behind) {
  return {{"code", one.code},
          {"kind", to_string(one.kind)},
          {"state", to_string(one.state)},
          {"unit", text_or_null(one.org_unit)},
          {"school", text_or_null(one.school)},
          {"visit", one.visit.empty() ? json() : json(to_hex(one.visit))},
          {"finding", finding_or_null(one.finding)},
          {"subject", one.subject},
          {"basis", text_or_null(one.basis)},
          {"facts", text_or_null(one.facts)},
          {"measures", one.measures},
          {"opened", date_text(one.opened_day)},
          {"due", date_or_null(one.due_day)},
          {"due_step", one.due_step ? json(to_string(*one.due_step)) : json()},
          {"due_rule", text_or_null(one.due_rule)},
          {"overdue", behind}};
}

json step_json(const ProceedingStepView& step) {
  return {{"n", step.n},
          {"event", to_string(step.event)},
          {"state", to_string(step.state)},
          {"person", step.person},
          {"text", text_or_null(step.text)},
          {"recipients", step.recipients},
          {"document_hash", step.document_hash.empty() ? json() : json(to_hex(step.document_hash))},
          {"day", date_text(step.day)},
          {"due", date_or_null(step.due_day)},
          {"at_utc_ms", step.at_utc_ms},
          {"log_index", step.log_index}};
}

json whole(const ProceedingView& one, const std::vector<ProceedingStepView>& steps,
           const std::vector<OpenLimit>& limits, bool behind) {
  json out = view_json(one, behind);
  out["steps"] = json::array();
  bool late = false;
  for (const ProceedingStepView& step : steps) {
    late = late || step.event == ProceedingEvent::kLate;
    out["steps"].push_back(step_json(step));
  }
  out["late"] = late;
  out["limits"] = json::array();
  for (const OpenLimit& limit : limits)
    out["limits"].push_back({{"step", to_string(limit.step)},
                             {"day", date_text(limit.day)},
                             {"rule", text_or_null(limit.rule)},
                             {"of_others", is_of_others(limit.step)},
                             {"provisional", limit.provisional}});
  out["next"] = json::array();
  for (const ProceedingTransition& row : kProceedingTransitions)
    if (row.kind == one.kind && row.from == one.state) out["next"].push_back(to_string(row.event));
  return out;
}

Result<json> show(Office& office, const std::string& code, std::int64_t today) {
  json out;
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const ProceedingView one, find_proceeding(rows, code));
    DUDAO_TRY(const auto steps, proceeding_steps(rows, code));
    DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
    DUDAO_TRY(const auto limits, running_limits(rows, rules, one, today));
    DUDAO_TRY(const bool behind, is_behind(rows, rules, one, today));
    out = whole(one, steps, limits, behind);
    if (one.kind == ProceedingKind::kSanction) {
      const auto decided = std::find_if(steps.begin(), steps.end(), [](const ProceedingStepView& step) {
        return step.event == ProceedingEvent::kDecide;
      });
      const bool counts = decided != steps.end() && one.state != ProceedingState::kDismissed;
      DUDAO_TRY(const std::int64_t count, sanctions_in_year(rows, one.subject, counts ? decided->day : today));
      out["sanctions_in_year"] = count;
      // With this one, where it is not among them yet.
      out["heavier"] = count + (counts ? 0 : 1) >= kHeavierFrom;
    }
    return {};
  }));
  return out;
}

Result<json> show_proceeding(const AdminCall& call) { return show(call.office, call.text("code"), call.today); }

Result<json> open_one(const AdminCall& call) {
  ProceedingOpening opening;
  opening.code = call.text("code");
  opening.school = call.text("school");
  opening.org_unit = call.text("unit");
  opening.subject = call.text("subject");
  opening.basis = call.text("basis");
  opening.text = call.text("text");
  opening.measures = call.texts("measures");
  opening.recipients = call.texts("recipients");
  opening.person = call.text("person").empty() ? call.actor : call.text("person");
  DUDAO_TRY(opening.visit, bytes_given(call, "visit", 16));
  DUDAO_TRY(opening.document_hash, bytes_given(call, "document_hash", 32));
  DUDAO_TRY(opening.day, call.given_day("day"));
  if (const std::string name = call.text("finding"); !name.empty()) {
    DUDAO_TRY(auto key, finding_from(name));
    opening.finding = std::move(key);
  }
  const std::string proposal = call.text("proposal");
  const std::string kind = call.text("kind");
  if (proposal.empty()) {
    const auto known = proceeding_kind_from(kind);
    if (!known) return fail(Code::kOptionWrong, "there is no kind " + kind.substr(0, 40));
    opening.kind = *known;
  }
  const Moment at = now(call.platform.clock);
  std::string code;
  DUDAO_CHECK(call.office.decide(call.actor, "proceeding.open", [&](Store& rows) -> Result<ChangesBuilder> {
    ProceedingOpening made = opening;
    if (!proposal.empty()) {
      DUDAO_TRY(const Proposal taken, find_proposal(rows, proposal, at));
      if (!taken.kind) return fail(Code::kProceedingWrong, "a re-inspection is planned as a visit: " + proposal);
      made.kind = *taken.kind;
      if (!made.visit.empty() && made.visit != taken.visit)
        return fail(Code::kProceedingWrong, "open: the proposal is about visit " + to_hex(taken.visit));
      made.visit = taken.visit;
      made.finding = taken.finding;
      if (made.basis.empty()) made.basis = taken.basis();
      made.text = taken.facts() + (opening.text.empty() ? "" : "\n" + opening.text);
    }
    ChangesBuilder out;
    DUDAO_TRY(code, open_proceeding(rows, made, at, out));
    return out;
  }));
  return show(call.office, code, call.today);
}

Result<json> take_step(const AdminCall& call) {
  ProceedingAct act;
  act.code = call.text("code");
  const std::string event = call.text("event");
  const auto known = proceeding_event_from(event);
  if (!known) return fail(Code::kOptionWrong, "there is no step " + event.substr(0, 40));
  act.event = *known;
  act.person = call.text("person").empty() ? call.actor : call.text("person");
  act.text = call.text("text");
  act.recipients = call.texts("recipients");
  act.measures = call.texts("measures");
  act.late_reason = call.text("reason");
  DUDAO_TRY(act.document_hash, bytes_given(call, "document_hash", 32));
  DUDAO_TRY(act.day, call.given_day("day"));
  const Moment at = now(call.platform.clock);
  DUDAO_CHECK(call.office.decide(call.actor, "proceeding." + event, [&](Store& rows) -> Result<ChangesBuilder> {
    ChangesBuilder out;
    DUDAO_CHECK(take_proceeding_step(rows, act, at, out));
    return out;
  }));
  return show(call.office, act.code, call.today);
}

Result<json> list_proceedings(const AdminCall& call) {
  const std::string kind = call.text("kind"), state = call.text("state"), school = call.text("school");
  const std::string unit = call.scope();
  const bool overdue = call.params.value("overdue", false);
  if (!kind.empty() && !proceeding_kind_from(kind)) return fail(Code::kOptionWrong, "--kind " + kind.substr(0, 40));
  if (!state.empty() && !proceeding_state_from(state))
    return fail(Code::kOptionWrong, "--state " + state.substr(0, 40));
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    if (!unit.empty()) DUDAO_CHECK(units_from(rows, unit));
    DUDAO_TRY(const auto all, all_proceedings(rows));
    DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
    for (const ProceedingView& one : all) {
      if ((!kind.empty() && to_string(one.kind) != kind) || (!state.empty() && to_string(one.state) != state) ||
          (!school.empty() && one.school != school))
        continue;
      DUDAO_TRY(const bool behind, is_behind(rows, rules, one, call.today));
      if (overdue && !behind) continue;
      if (!unit.empty()) {
        DUDAO_TRY(const auto above, DeadlineRules::jurisdictions(rows, one.org_unit));
        if (std::find(above.begin(), above.end(), unit) == above.end()) continue;
      }
      out.push_back(view_json(one, behind));
    }
    return {};
  }));
  return json{{"proceedings", std::move(out)}};
}

Result<json> list_proposals(const AdminCall& call) {
  json out = json::array(), back = json::array();
  const Moment at = now(call.platform.clock);
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
    DUDAO_TRY(const auto all, proposals(rows, at));
    for (const Proposal& one : all) {
      DUDAO_TRY(const bool within, reach.has_school(rows, one.school));
      if (!within) continue;
      out.push_back({{"proposal", one.name()},
                     {"kind", one.kind ? json(to_string(*one.kind)) : json("REINSPECT")},
                     {"visit", to_hex(one.visit)},
                     {"finding", finding_or_null(one.finding)},
                     {"school", one.school},
                     {"unit", text_or_null(one.unit)},
                     {"reason", to_string(one.reason)},
                     {"count", one.count},
                     {"limit", one.limit},
                     {"source", text_or_null(one.source)},
                     {"after", text_or_null(one.after)},
                     {"before", finding_or_null(one.before)},
                     {"facts", one.facts()}});
    }
    DUDAO_TRY(const auto rebound, rebounds(rows, at));
    for (const Rebound& one : rebound) {
      DUDAO_TRY(const bool within, reach.has_school(rows, one.school));
      if (!within) continue;
      back.push_back({{"finding", name_of(one.finding)},
                      {"before", name_of(one.before)},
                      {"school", one.school},
                      {"item", one.item},
                      {"verified", date_text(one.verified_day)},
                      {"found", date_text(one.found_day)}});
    }
    return {};
  }));
  return json{{"proposals", std::move(out)}, {"rebounds", std::move(back)}};
}

Result<json> list_notices(const AdminCall& call) {
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const auto all, public_notices(rows));
    for (const PublicNotice& one : all)
      out.push_back({{"code", one.code},
                     {"kind", to_string(one.kind)},
                     {"about", text_or_null(one.about)},
                     {"day", date_text(one.day)},
                     {"text", one.text},
                     {"measures", one.measures}});
    return {};
  }));
  return json{{"notices", std::move(out)}};
}

Result<json> list_deadlines_due(const AdminCall& call) {
  DUDAO_TRY(const std::int64_t from_day, call.day("from", 0));
  DUDAO_TRY(const std::int64_t to_day, call.day("to", call.today + kDaysAhead));
  json out = json::array();
  const Moment at = now(call.platform.clock);
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
    DUDAO_TRY(const auto all, deadlines_due(rows, from_day, to_day, at));
    for (const DueItem& one : all) {
      DUDAO_TRY(const bool within,
                one.school.empty() ? Result<bool>(reach.has_unit(one.unit)) : reach.has_school(rows, one.school));
      if (!within) continue;
      out.push_back({{"day", date_text(one.limit.day)},
                     {"step", to_string(one.limit.step)},
                     {"rule", text_or_null(one.limit.rule)},
                     {"provisional", one.limit.provisional},
                     {"of_others", one.of_others},
                     {"overdue", one.overdue},
                     {"proceeding", text_or_null(one.proceeding)},
                     {"finding", finding_or_null(one.finding)},
                     {"school", text_or_null(one.school)},
                     {"unit", text_or_null(one.unit)}});
    }
    return {};
  }));
  return json{{"to", date_text(to_day)}, {"due", std::move(out)}};
}

/// What is typed on the command line.
struct ProceedingOptions {
  std::string kind, code, event, school, unit, subject, basis, text, visit, finding, proposal, day, person, reason;
  std::string document, state, from, to;
  std::vector<std::string> measures, recipients;
  bool overdue = false, html = false;

  json shared() const {
    return {{"code", code},    {"text", text}, {"measures", measures}, {"day", day}, {"recipients", recipients},
            {"person", person}};
  }
};

void say_proceeding(const OfficeCommands& at, const json& one) {
  std::string line = one.at("code").get<std::string>() + "  " + one.at("state").get<std::string>() + "  " +
                     one.at("subject").get<std::string>();
  if (!one.at("due").is_null())
    line += at.tr("  due ", "  期限 ") + text_in(one, "due") + " " + text_in(one, "due_step") +
            (one.at("overdue").get<bool>() ? at.tr("  OVERDUE", "  已逾期") : std::string());
  at.say(line);
}

void say_whole(const OfficeCommands& at, const json& one) {
  say_proceeding(at, one);
  for (const json& step : one.at("steps"))
    at.say("  " + step.at("n").dump() + "  " + text_in(step, "day") + "  " + text_in(step, "event") + "  " +
           text_in(step, "person") + (step.at("text").is_null() ? std::string() : "  " + text_in(step, "text")));
  if (!one.at("next").empty()) at.say(at.tr("Next: ", "下一步：") + joined(one.at("next")));
  if (one.value("heavier", false))
    at.say(
        at.tr("Two or more within a year: the rules ask for a heavier one", "一年内两次及以上被问责：依规应从重问责"));
}

void add_step_options(CLI::App* command, const OfficeCommands& office,
                      const std::shared_ptr<ProceedingOptions>& given) {
  command->add_option("--text", given->text, office.tr("Words: facts, minutes, plea, answer, decision", "说明内容"));
  command->add_option("--to", given->recipients, office.tr("Recipient; several times for several", "送达单位，可多次"));
  command->add_option("--measure", given->measures,
                      office.tr("Measure of a sanction, e.g. CRITICISM; several times", "问责措施代码，可多次"));
  command->add_option(
      "--document", given->document,
      office.tr("File whose hash is recorded, of 1 MiB at most", "文书文件（记录其哈希，不超过 1 MiB）"));
  command->add_option("--day", given->day,
                      office.tr("Day on which it took effect; today when left out", "生效日；默认今天"));
  command->add_option("--person", given->person,
                      office.tr("Who does it; otherwise whoever decides", "经办人；默认操作人"));
}

/// The parameters with the hash of the file that was named.
Result<json> with_document(const OfficeCommands& at, const ProceedingOptions& given, json params) {
  if (given.document.empty()) return params;
  DUDAO_TRY(const Bytes body, at.read(given.document));
  params["document_hash"] = to_hex(sha256(body));
  return params;
}

void add_open(CLI::App& group, const OfficeCommands& office, const std::shared_ptr<ProceedingOptions>& given) {
  const auto* const at = &office;
  CLI::App* open = office.add(
      group, "open", "Open a proceeding, or take a proposal over", "立项，或采纳系统建议",
      [=] {
        json params = given->shared();
        params.update({{"kind", given->kind},
                       {"school", given->school},
                       {"unit", given->unit},
                       {"subject", given->subject},
                       {"basis", given->basis},
                       {"visit", given->visit},
                       {"finding", given->finding},
                       {"proposal", given->proposal}});
        auto whole = with_document(*at, *given, std::move(params));
        if (!whole) return at->console.fail(whole.error());
        return at->tell("proceeding open", *std::move(whole), [&](const json& done) { say_whole(*at, done); });
      },
      "dudao-office proceeding open OPINION --visit 0199… --text '消防通道堵塞'\n"
      "dudao-office proceeding open --proposal INTERVIEW:0199…:3/1");
  open->add_option("kind", given->kind,
                   office.tr("REPORT, OPINION, COMMENDATION, REFERRAL, INTERVIEW, NOTIFICATION or SANCTION",
                             "类型：REPORT 报告、OPINION 反馈意见、COMMENDATION 激励、REFERRAL 移送、INTERVIEW 约谈、"
                             "NOTIFICATION 通报、SANCTION 问责"));
  open->add_option("--code", given->code, office.tr("Code; otherwise the next free one", "编号；默认自动编号"));
  open->add_option("--proposal", given->proposal,
                   office.tr("As proceeding proposals names it", "建议名称，见 proposals"));
  open->add_option("--visit", given->visit, office.tr("Visit, hex", "督导编号"));
  open->add_option("--finding", given->finding, office.tr("VISIT:DEVICE/COUNT", "问题，形如 督导:设备/序号"));
  open->add_option("--school", given->school, office.tr("Code of the school", "学校代码"));
  open->add_option("--unit", given->unit,
                   office.tr("Code of the unit; otherwise the school's", "机构代码；默认学校所属"));
  open->add_option("--subject", given->subject,
                   office.tr("Unit or person that it is about or goes to; otherwise the school", "对象；默认该校"));
  open->add_option("--basis", given->basis, office.tr("Law and article", "依据"));
  add_step_options(open, office, given);
}

void add_step(CLI::App& group, const OfficeCommands& office, const std::shared_ptr<ProceedingOptions>& given) {
  const auto* const at = &office;
  CLI::App* step = office.add(
      group, "step", "Take a step", "办理一个步骤",
      [=] {
        json params = given->shared();
        params.update({{"event", given->event}, {"reason", given->reason}});
        auto whole = with_document(*at, *given, std::move(params));
        if (!whole) return at->console.fail(whole.error());
        return at->tell("proceeding step", *std::move(whole), [&](const json& done) { say_whole(*at, done); });
      },
      "dudao-office proceeding step INTERVIEW-2026-1 hold --text '约谈记录' --document minutes.pdf\n"
      "dudao-office proceeding step INTERVIEW-2026-1 file --to 县委 --to 县政府 --to 市教育督导委员会");
  step->add_option("code", given->code, office.tr("Code of the proceeding", "程序编号"))->required();
  step->add_option("event", given->event,
                   office.tr("Step, as proceeding show names what is next", "步骤，见 show 的下一步"))
      ->required();
  step->add_option("--reason", given->reason,
                   office.tr("Why a step of others is taken although its limit has run out", "逾期仍办理的理由"));
  add_step_options(step, office, given);
}

void add_looks(CLI::App& group, const OfficeCommands& office, const std::shared_ptr<ProceedingOptions>& given) {
  const auto* const at = &office;
  CLI::App* show_command = office.add(group, "show", "A proceeding with all its steps", "查看程序及全部步骤", [=] {
    return at->tell("proceeding show", {{"code", given->code}}, [&](const json& done) { say_whole(*at, done); });
  });
  show_command->add_option("code", given->code, office.tr("Code of the proceeding", "程序编号"))->required();
  CLI::App* list = office.add(group, "list", "Proceedings and where they stand", "程序清单", [=] {
    return at->tell("proceeding list",
                    {{"kind", given->kind},
                     {"state", given->state},
                     {"school", given->school},
                     {"unit", given->unit},
                     {"overdue", given->overdue}},
                    [&](const json& done) {
                      for (const json& one : done.at("proceedings")) say_proceeding(*at, one);
                      at->say(at->tr("Proceedings: ", "程序数：") + std::to_string(done.at("proceedings").size()));
                    });
  });
  list->add_option("--kind", given->kind, office.tr("Only of this kind", "仅该类型"));
  list->add_option("--state", given->state, office.tr("Only in this state", "仅该状态"));
  list->add_option("--school", given->school, office.tr("Only about this school", "仅该校"));
  list->add_option("--unit", given->unit, office.tr("Only of this unit and all below it", "仅限该机构及其下级"));
  list->add_flag("--overdue", given->overdue, office.tr("Only where the office is behind", "仅已逾期"));
  office.add(group, "proposals", "What is proposed; a person decides", "系统建议（由人决定）", [=] {
    return at->tell("proceeding proposals", json::object(), [&](const json& done) {
      for (const json& one : done.at("proposals")) {
        const auto facts = one.at("facts").get<std::string>();
        at->say(one.at("proposal").get<std::string>() + "  " + one.at("school").get<std::string>() + "  " +
                facts.substr(0, facts.find('\n')));
      }
      at->say(at->tr("Proposals: ", "建议数：") + std::to_string(done.at("proposals").size()));
    });
  });
  CLI::App* notices = office.add(
      group, "publish-list", "What the public may read, without names of persons", "可公开的清单（隐去人名）",
      [=] {
        return at->tell("proceeding publish-list", json::object(), [&](const json& done) {
          if (given->html)
            at->say("<!doctype html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><title>" +
                    at->tr("Public notice", "教育督导公告") + "</title></head><body>");
          for (const json& one : done.at("notices")) {
            const std::string title = text_in(one, "day") + "  " + text_in(one, "code") + "  " + text_in(one, "about");
            at->say(given->html ? "<section><h2>" + html_text(title) + "</h2><p style=\"white-space:pre-wrap\">" +
                                      html_text(text_in(one, "text")) + "</p></section>"
                                : title + "\n  " + text_in(one, "text"));
          }
          if (given->html) at->say("</body></html>");
        });
      },
      "dudao-office proceeding publish-list --html > notice.html");
  notices->add_flag("--html", given->html, office.tr("As a page", "输出为网页"));
}

}  // namespace

const AdminArea& proceeding_methods() {
  static const AdminArea methods = {{"proceeding open", open_one},
                                    {"proceeding step", take_step},
                                    {"proceeding show", show_proceeding},
                                    {"proceeding list", list_proceedings},
                                    {"proceeding proposals", list_proposals},
                                    {"proceeding publish-list", list_notices},
                                    {"deadlines due", list_deadlines_due}};
  return methods;
}

void add_proceeding_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<ProceedingOptions>();
  const auto* const at = &office;
  CLI::App* group =
      office.group(app, "proceeding", "Report, opinion, commendation, referral, interview, notification, sanction",
                   "报告、反馈、激励、移送、约谈、通报、问责");
  add_open(*group, office, given);
  add_step(*group, office, given);
  add_looks(*group, office, given);
  CLI::App* due_command = office.add(
      *app.get_subcommand("deadlines"), "due", "Limits that run, by day", "期限清单",
      [=] {
        return at->tell("deadlines due", {{"from", given->from}, {"to", given->to}}, [&](const json& done) {
          for (const json& one : done.at("due"))
            at->say(text_in(one, "day") + "  " + text_in(one, "step") + "  " +
                    (one.at("proceeding").is_null() ? text_in(one, "finding") : text_in(one, "proceeding")) + "  " +
                    text_in(one, "school") +
                    (one.at("overdue").get<bool>() ? at->tr("  OVERDUE", "  已逾期") : std::string()));
          at->say(at->tr("Limits: ", "期限数：") + std::to_string(done.at("due").size()));
        });
      },
      "dudao-office deadlines due --from 2026-03-01 --to 2026-03-31");
  due_command->add_option("--from", given->from, office.tr("First day; otherwise all before", "起始日；默认不限"));
  due_command->add_option("--to", given->to,
                          office.tr("Last day; otherwise thirty days from now", "截止日；默认今后三十天"));
}

}  // namespace dudao
