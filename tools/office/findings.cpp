/// Findings until they are closed, and the code with which a school answers. Methods of admin.hpp and their commands.

#include "tools/office/findings.hpp"

#include "schema/answer.hpp"
#include "schema/register_import.hpp"
#include "sync/office/access.hpp"
#include "sync/office/rows.hpp"
#include "sync/office/school_desk.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"

#include <algorithm>
#include <map>
#include <memory>

namespace dudao {
namespace {

using nlohmann::json;

std::string param(const AdminCall& call, const char* name) {
  const auto found = call.params.find(name);
  return found != call.params.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json shown(const FindingView& finding, std::int64_t today) {
  json out = finding_json(finding, today);
  out["finding"] = name_of(finding.key);
  out["school"] = finding.school;
  out["item"] = finding.item.empty() ? json() : json(finding.item);
  return out;
}

Result<json> list_findings(const AdminCall& call) {
  const std::string school = param(call, "school");
  const std::string state = param(call, "state");
  const std::string only_visit = param(call, "visit");
  const bool overdue = call.params.value("overdue", false);
  if (!state.empty() && !finding_state_from(state)) return fail(Code::kOptionWrong, "--state " + state);
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    std::vector<Bytes> visits;
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
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
        if ((state.empty() || to_string(finding.state) == state) && (!overdue || finding.overdue(call.today)))
          out.push_back(shown(finding, call.today));
    }
    return {};
  }));
  return json{{"findings", std::move(out)}};
}

Result<json> show_finding(const AdminCall& call) {
  DUDAO_TRY(const FindingKey key, finding_from(param(call, "finding")));
  json out;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const FindingView finding, find_finding(rows, key));
    out = shown(finding, call.today);
    out["steps"] = json::array();
    const Table& table = *find_table("rectification_step");
    DUDAO_TRY(const auto steps, rectification_steps(rows, key));
    for (const StoredRow& step : steps) {
      const auto cell = [&](const char* column) { return cell_json(step.cells[table.column(column)]); };
      out["steps"].push_back({{"event", cell("event")},
                              {"round", cell("round")},
                              {"actor", cell("actor")},
                              {"person", cell("person")},
                              {"text", cell("text")},
                              {"due", date_or_null(integer_in(table, step, "due_day"))},
                              {"reinspection", cell("reinspection")},
                              {"at_utc_ms", cell("at_utc_ms")},
                              {"log_index", step.clock.index}});
    }
    return {};
  }));
  return out;
}

Result<json> act_on_finding(const AdminCall& call) {
  RectificationAct act;
  DUDAO_TRY(act.finding, finding_from(param(call, "finding")));
  const auto event = finding_event_from(param(call, "event"));
  if (!event) return fail(Code::kOptionWrong, "event");
  act.event = *event;
  const std::string by = param(call, "by");
  if (by == "school")
    act.actor = Actor::kSchool;
  else if (by == "inspector")
    act.actor = Actor::kInspector;
  else if (!by.empty() && by != "office")
    return fail(Code::kOptionWrong, "--by takes office, school or inspector");
  act.person = act.actor == Actor::kOffice ? call.actor : param(call, "person");
  act.text = param(call, "text");
  act.route = param(call, "route");
  act.superior_unit = param(call, "superior_unit");
  act.responsible = param(call, "responsible");
  for (const auto& [name, to] : {std::pair("before", &act.before), std::pair("after", &act.after)})
    for (const std::string& hex : call.texts(name)) {
      DUDAO_TRY(const Hash hash, photo_hash_from(hex));
      to->push_back(hash);
    }
  if (const std::string due = param(call, "due"); !due.empty()) {
    act.due_day = day_from_date(due);
    if (!act.due_day) return fail(Code::kOptionWrong, "--due takes a day like 2026-04-30");
  }
  DUDAO_CHECK(call.office.decide(call.actor, "finding." + std::string(to_string(act.event)),
                                 [&](Store& rows) -> Result<ChangesBuilder> {
                                   RectificationSteps steps(rows, call.platform.clock.wall_utc_ms(), call.today);
                                   DUDAO_CHECK(steps.take(act));
                                   ChangesBuilder out;
                                   steps.write(out);
                                   return out;
                                 }));
  return show_finding(call);
}

Result<json> keep_photo_of(const AdminCall& call) {
  DUDAO_TRY(const FindingKey key, finding_from(param(call, "finding")));
  const auto body = from_base64(param(call, "data"));
  if (!body) return fail(Code::kOptionWrong, "data");
  DUDAO_TRY(const Hash hash, keep_photo(call.office, call.platform.clock, call.actor, key.visit, *body));
  return json{{"photo", to_hex(hash)}};
}

Result<json> photo_of(const AdminCall& call) {
  DUDAO_TRY(const FindingKey key, finding_from(param(call, "finding")));
  DUDAO_TRY(const Hash hash, photo_hash_from(param(call, "photo")));
  return show_photo(call.office, key.visit, hash);
}

Result<json> make_school_code(const AdminCall& call) {
  DUDAO_TRY(const Bytes id, call.visit());
  DUDAO_TRY(const Bytes code, offer_school_code(call.office, call.platform.clock, call.actor, id));
  return json{{"visit", to_hex(id)}, {"code", to_hex(code)}, {"path", kSchoolPath}};
}

struct FindingOptions {
  std::string finding, visit, school, state, by, person, text, route, superior, responsible, due, out;
  std::vector<std::string> before, after;  ///< files
  bool overdue = false;
};

void say_finding(const OfficeCommands& at, const json& one) {
  at.say(text_or_dash(one, "finding") + "  " + text_or_dash(one, "severity") + "  " + text_or_dash(one, "state") +
         (one.at("overdue").get<bool>() ? at.tr(" OVERDUE", "（已逾期）") : std::string()) + "  " +
         text_or_dash(one, "due") + "  " + text_or_dash(one, "school") + "  " + text_or_dash(one, "text"));
}

int list_findings(const OfficeCommands& at, const FindingOptions& given) {
  return at.tell("finding list",
                 {{"visit", given.visit}, {"school", given.school}, {"state", given.state}, {"overdue", given.overdue}},
                 [&](const json& done) {
                   for (const json& one : done.at("findings")) say_finding(at, one);
                   at.say(at.tr("Findings: ", "问题数：") + std::to_string(done.at("findings").size()));
                 });
}

void say_steps(const OfficeCommands& at, const json& one) {
  say_finding(at, one);
  for (const json& step : one.at("steps"))
    at.say(
        "  " + std::to_string(step.at("round").get<int>()) + "  " + step.at("event").get<std::string>() + "  " +
        step.at("person").get<std::string>() +
        (step.at("due").is_string() ? at.tr("  due ", "  期限 ") + step.at("due").get<std::string>() : std::string()) +
        (step.at("text").is_string() ? "  " + step.at("text").get<std::string>() : std::string()));
  if (const std::size_t photos = one.at("photos").size(); photos > 0)
    at.say(at.tr("  Photographs with the report: ", "  整改报告所附照片：") + std::to_string(photos));
}

/// Hands the files over one by one; gives their hashes.
Result<json> send_photos(const OfficeCommands& at, const std::string& finding, const std::vector<std::string>& files) {
  json hashes = json::array();
  for (const std::string& file : files) {
    DUDAO_TRY(const Bytes body, at.read(file, kMaxPhotoBytes));
    auto kept = at.ask("finding keep-photo", {{"finding", finding}, {"data", to_base64(body)}});
    if (!kept) return fail(kept.error().code, kept.error().detail.empty() ? file : kept.error().detail);
    hashes.push_back(kept->at("photo"));
  }
  return hashes;
}

/// "before-1.jpg": as many files as the newest report has photographs.
Result<json> write_photos(const OfficeCommands& at, const FindingOptions& given) {
  DUDAO_TRY(const json finding, at.ask("finding show", {{"finding", given.finding}}));
  json written = json::array();
  std::map<std::string, int> count;
  for (const json& photo : finding.at("photos")) {
    DUDAO_TRY(const json file, at.ask("finding photo", {{"finding", given.finding}, {"photo", photo.at("photo")}}));
    const auto body = from_base64(file.at("data").get<std::string>());
    if (!body) return fail(Code::kInternal, "data");
    const std::string shows = photo.at("shows") == "BEFORE" ? "before" : "after";
    const std::string media = file.at("media").get<std::string>();
    const std::string path = given.out + "/" + shows + "-" + std::to_string(++count[shows]) + "." +
                             (media == "image/jpeg" ? "jpg" : media.substr(media.find('/') + 1));
    DUDAO_CHECK(at.files.write(path, *body));
    written.push_back({{"file", path}, {"photo", photo.at("photo")}});
  }
  return json{{"finding", given.finding}, {"photos", std::move(written)}};
}

int take_step(const OfficeCommands& at, const FindingOptions& given, const char* event, bool schools) {
  const auto before = send_photos(at, given.finding, given.before);
  if (!before) return at.console.fail(before.error());
  const auto after = send_photos(at, given.finding, given.after);
  if (!after) return at.console.fail(after.error());
  return at.tell("finding act",
                 {{"finding", given.finding},
                  {"event", event},
                  {"by", schools ? given.by : "office"},
                  {"person", given.person},
                  {"text", given.text},
                  {"route", given.route},
                  {"superior_unit", given.superior},
                  {"responsible", given.responsible},
                  {"due", given.due},
                  {"before", *before},
                  {"after", *after}},
                 [&](const json& done) { say_steps(at, done); });
}

/// `schools`: the school's own step, which an inspector or the office enters on its behalf.
CLI::App* add_step(CLI::App& finding, const OfficeCommands& office, const std::shared_ptr<FindingOptions>& given,
                   const char* event, bool words, bool schools, std::string_view english, std::string_view chinese,
                   std::string_view examples = {}) {
  const auto* const at = &office;
  CLI::App* command = office.add(
      finding, event, english, chinese, [=] { return take_step(*at, *given, event, schools); }, examples);
  command->add_option("finding", given->finding, office.tr("Finding: VISIT:DEVICE/COUNT", "问题：督导编号:设备号/序号"))
      ->required();
  CLI::Option* text = command->add_option("--text", given->text, office.tr("In words", "文字说明"));
  if (words) text->required();
  if (schools) {
    command->add_option("--by", given->by, office.tr("Whose step it is", "由谁办理"))
        ->check(CLI::IsMember({"school", "inspector"}))
        ->default_val("school");
    command->add_option("--person", given->person, office.tr("Who said so", "经办人"))->required();
  }
  return command;
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

std::string name_of(const FindingKey& key) {
  return to_hex(key.visit) + ":" + std::to_string(key.author) + "/" + std::to_string(key.n);
}

const AdminArea& finding_methods() {
  static const AdminArea methods = {{"finding list", list_findings},       {"finding show", show_finding},
                                    {"finding keep-photo", keep_photo_of}, {"finding photo", photo_of},
                                    {"finding act", act_on_finding},       {"school-code", make_school_code}};
  return methods;
}

void add_finding_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<FindingOptions>();
  const auto* const at = &office;
  CLI::App* finding = office.group(app, "finding", "Follow findings until they are closed", "跟踪问题直至销号");
  CLI::App* all = office.add(
      *finding, "list", "Findings and where they stand", "问题清单与整改进度",
      [=] { return list_findings(*at, *given); }, "dudao-office finding list --overdue");
  all->add_option("--visit", given->visit, office.tr("Only of this visit", "仅限此督导"));
  all->add_option("--school", given->school, office.tr("Only of this school", "仅限此学校"));
  all->add_option("--state", given->state, office.tr("Only in this state", "仅限此状态"));
  all->add_flag("--overdue", given->overdue, office.tr("Only those that are overdue", "仅限逾期"));
  office
      .add(*finding, "show", "A finding and every step that was taken", "问题及其全部整改过程",
           [=] {
             return at->tell("finding show", {{"finding", given->finding}},
                             [&](const json& done) { say_steps(*at, done); });
           })
      ->add_option("finding", given->finding, office.tr("Finding: VISIT:DEVICE/COUNT", "问题：督导编号:设备号/序号"))
      ->required();
  CLI::App* notice =
      add_step(*finding, office, given, "notice", false, false, "Give notice: it has to be put right by a day",
               "下发通知，限期整改", "dudao-office finding notice 0199…:3/1 --due 2026-04-30 --text 限期清理消防通道");
  notice->add_option(
      "--due", given->due,
      office.tr("Last day; otherwise the one that the inspector proposed", "整改期限；默认采用督学建议的期限"));
  notice->add_option("--superior", given->superior,
                     office.tr("Unit that answers for the school; otherwise as on record", "主管部门；默认按登记信息"));
  notice
      ->add_option("--route", given->route,
                   office.tr("How it is handled; otherwise as its severity asks for", "处理方式；默认按严重程度"))
      ->check(CLI::IsMember({"ADVICE", "NOTICE", "CONSULTATION", "ESCALATION"}));
  add_step(*finding, office, given, "refer", true, false, "Hand it to another body", "移交其他部门");
  add_step(*finding, office, given, "acknowledge", false, true, "The school has read the notice", "学校已签收通知");
  add_step(*finding, office, given, "plan", true, true, "What the school will do", "学校整改方案")
      ->add_option("--responsible", given->responsible, office.tr("Who sees to it at the school", "学校责任人"))
      ->required();
  CLI::App* report =
      add_step(*finding, office, given, "report", true, true, "What the school has done", "学校整改报告",
               "dudao-office finding report 0199…:3/1 --person 李校长 --text 通道已清理 --before 1.jpg --after 2.jpg");
  report->add_option(
      "--before", given->before,
      office.tr("Photographs from before it was put right", "整改前照片（JPEG、PNG、WebP，不超过 2 MiB）"));
  report->add_option("--after", given->after, office.tr("Photographs from after it", "整改后照片"));
  CLI::App* photos = office.add(
      *finding, "photos", "Writes the photographs of the newest report into a folder", "导出整改报告所附照片",
      [=] {
        const auto written = write_photos(*at, *given);
        if (!written) return at->console.fail(written.error());
        at->console.print(*written);
        if (!at->console.json())
          for (const json& one : written->at("photos")) at->say(one.at("file").get<std::string>());
        return kExitDone;
      },
      "dudao-office finding photos 0199…:3/1 --out photos");
  photos->add_option("finding", given->finding, office.tr("Finding: VISIT:DEVICE/COUNT", "问题：督导编号:设备号/序号"))
      ->required();
  photos->add_option("--out", given->out, office.tr("Folder that is there", "已有的文件夹"))
      ->required()
      ->check(CLI::ExistingDirectory);
  add_step(*finding, office, given, "verify", false, false, "It is put right: closed", "核验到位，销号");
  add_step(*finding, office, given, "reject", true, false, "It is not put right: another notice follows",
           "未整改到位，退回");
  office
      .add(
          app, "school-code", "A code with which the school sees its findings and answers", "生成学校整改代码",
          [=] {
            return at->tell("school-code", {{"visit", given->visit}}, [&](const json& done) {
              at->say(at->tr("The school's code, for 90 days: ", "学校整改代码（90 天内有效）：") +
                      done.at("code").get<std::string>());
            });
          },
          "dudao-office school-code 0199…")
      ->add_option("visit", given->visit, office.tr("Visit", "督导编号"))
      ->required();
}

}  // namespace dudao
