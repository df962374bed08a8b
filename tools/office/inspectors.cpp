/// Inspectors from nomination to exit, what they have learned, and what their years came to. Methods of admin.hpp and
/// their commands.

#include "sync/office/inspectors.hpp"

#include "sync/office/jurisdiction.hpp"
#include "sync/office/statistics.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"

#include <map>
#include <memory>
#include <optional>

namespace dudao {
namespace {

using nlohmann::json;

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

template <class T>
std::optional<T> given(const AdminCall& call, const char* name) {
  const auto found = call.params.find(name);
  return found == call.params.end() || found->is_null() ? std::nullopt : std::optional(found->get<T>());
}

/// A row with its days as dates.
json dated(const Table& table, const StoredRow& row) {
  json out = row_json(table, row);
  for (auto& [name, cell] : out.items())
    if (name.ends_with("day") && cell.is_number()) cell = day_text(cell.get<std::int64_t>());
  return out;
}
json dated(std::string_view table, const std::vector<StoredRow>& rows) {
  json out = json::array();
  for (const StoredRow& row : rows) out.push_back(dated(*find_table(table), row));
  return out;
}
/// Rows of a table that has the inspector in its first column.
Result<json> rows_of(Store& rows, std::string_view name, std::string_view inspector) {
  const Table& table = *find_table(name);
  std::vector<StoredRow> out;
  DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
    if (std::get<std::string>(row.cells[0]) == inspector) out.push_back(row);
    return {};
  }));
  return dated(name, out);
}

json shown(const TrainingYear& training) {
  return {{"year", training.year},
          {"hours", training.hours},
          {"minimum", training.minimum},
          {"missing", training.missing()},
          {"warned", training.warned}};
}

/// Everything that one looks at in a list.
Result<json> summary(Store& rows, const InspectorView& who, const std::string& unit, std::int64_t zone_schools,
                     std::int64_t today) {
  DUDAO_TRY(const TrainingYear training, training_of(rows, who.code, unit, year_of(today), today));
  DUDAO_TRY(const auto terms, terms_of(rows, who.code));
  std::optional<std::int64_t> term_until;
  for (const TermOfOffice& term : terms)
    if (term.running(today)) term_until = term.last_day();
  return json{{"inspector", who.code},
              {"name", who.name},
              {"state", to_string(who.state)},
              {"full_time", who.full_time},
              {"lead", who.lead},
              {"unit", unit},
              {"capacity", who.capacity},
              {"credential", who.credential},
              {"credential_until", date_or_null(who.credential_until_day)},
              {"term_until", date_or_null(term_until)},
              {"zone_schools", zone_schools},
              {"zone_beyond_rule", zone_schools > kZoneSchoolsAsARule},
              {"training", shown(training)}};
}

Result<std::map<std::string, std::int64_t>> zone_sizes(Store& rows, std::int64_t today) {
  const Table& zones = *find_table("zone");
  std::map<std::string, std::int64_t> out;
  DUDAO_CHECK(rows.each_row(zones, [&](const StoredRow& row) -> Status {
    const auto* until_day = std::get_if<std::int64_t>(&row.cells[zones.column("until_day")]);
    if (!until_day || *until_day >= today) ++out[std::get<std::string>(row.cells[0])];
    return {};
  }));
  return out;
}

/// Units that have fewer inspectors than their schools need.
Result<json> gaps(Store& rows, const std::string& unit, const std::string& level, std::int64_t today) {
  StatisticScope scope;
  scope.unit = unit;
  scope.level = level;
  scope.today = today;
  DUDAO_TRY(const Statistic counted, count_statistic(rows, StatisticKind::kStaffing, scope));
  json out = json::array();
  for (const StatisticLine& line : counted.lines) {
    json one = {{"unit", line.group[0]}};
    for (std::size_t i = 0; i < counted.measures.size(); ++i)
      one[std::string(counted.measures[i])] = line.figures[i].value;
    if (one.at("missing") != 0) out.push_back(std::move(one));
  }
  return out;
}

Result<json> list_inspectors(const AdminCall& call) {
  const std::string unit = call.scope();
  const std::string state = call.text("state");
  const bool only_short = call.params.value("short_of_training", false);
  json out = {{"inspectors", json::array()}};
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    if (!unit.empty()) DUDAO_CHECK(units_from(rows, unit));
    DUDAO_TRY(const auto units, units_of_inspectors(rows, call.today));
    DUDAO_TRY(const auto sizes, zone_sizes(rows, call.today));
    std::vector<std::string> codes;
    DUDAO_CHECK(rows.each_row(*find_table("inspector"), [&](const StoredRow& row) -> Status {
      codes.push_back(std::get<std::string>(row.cells[0]));
      return {};
    }));
    for (const std::string& code : codes) {
      DUDAO_TRY(const InspectorView who, find_inspector(rows, code));
      if (!state.empty() && state != to_string(who.state)) continue;
      const auto place = units.find(code);
      const std::string at = place == units.end() ? std::string() : place->second;
      if (!unit.empty()) {
        const auto within = at.empty() ? Result<bool>(false) : is_within(rows, at, unit);
        if (!within && within.error().code != Code::kUnitUnknown) return fail(within.error());
        if (!within || !*within) continue;
      }
      const auto size = sizes.find(code);
      DUDAO_TRY(json one, summary(rows, who, at, size == sizes.end() ? 0 : size->second, call.today));
      if (only_short && (!in_office(who.state) || one.at("training").at("missing") == 0)) continue;
      out["inspectors"].push_back(std::move(one));
    }
    if (call.params.value("gap", false)) {
      DUDAO_TRY(out["gap"], gaps(rows, unit, call.text("level"), call.today));
    }
    return {};
  }));
  return out;
}

Result<json> show_inspector(const AdminCall& call) {
  const std::string code = call.text("inspector");
  json out;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const InspectorView who, find_inspector(rows, code));
    DUDAO_TRY(const std::string unit, unit_of_inspector(rows, code, call.today));
    DUDAO_TRY(const auto sizes, zone_sizes(rows, call.today));
    const auto size = sizes.find(code);
    DUDAO_TRY(out, summary(rows, who, unit, size == sizes.end() ? 0 : size->second, call.today));
    out["profile"] = {{"unit", who.unit},
                      {"degree", who.degree},
                      {"education_years", who.education_years},
                      {"subjects", who.subjects}};
    DUDAO_TRY(const auto steps, inspector_steps(rows, code));
    out["steps"] = dated("inspector_step", steps);
    DUDAO_TRY(const auto entries, training_entries(rows, code));
    out["training_entries"] = dated("training", entries);
    for (const auto& [name, table] : {std::pair("terms", "term_of_office"),
                                      {"zone", "zone"},
                                      {"conflicts", "conflict_of_interest"},
                                      {"assessments", "assessment"}}) {
      DUDAO_TRY(out[name], rows_of(rows, table, code));
    }
    for (json& one : out["assessments"]) one["inputs"] = json::parse(one.at("inputs").get<std::string>());
    out["next"] = json::array();
    for (const InspectorEvent event : allowed(who.state)) out["next"].push_back(to_string(event));
    return {};
  }));
  return out;
}

/// Decides, and tells under which number it stands in the log: null where there was nothing to change.
Result<json> decided(const AdminCall& call, std::string_view action, json out,
                     const std::function<Result<ChangesBuilder>(Store& rows)>& build) {
  DUDAO_TRY(const auto indices, call.office.decide(call.actor, action, build));
  out["inspector"] = call.text("inspector");
  out["index"] = indices.empty() ? json() : json(indices.front());
  return out;
}

Result<json> change_inspector_profile(const AdminCall& call) {
  ProfileChange change;
  change.unit = given<std::string>(call, "unit");
  change.subjects = given<std::string>(call, "subjects");
  change.credential = given<std::string>(call, "credential");
  change.degree = given<bool>(call, "degree");
  change.lead = given<bool>(call, "lead");
  change.education_years = given<std::int64_t>(call, "education_years");
  change.capacity = given<std::int64_t>(call, "capacity");
  DUDAO_TRY(change.credential_until_day, call.given_day("credential-until"));
  return decided(call, "inspector.profile", json::object(),
                 [&](Store& rows) { return change_profile(rows, call.text("inspector"), change); });
}

Result<json> step_inspector(const AdminCall& call) {
  InspectorAct act;
  act.inspector = call.text("inspector");
  const auto event = inspector_event_from(call.text("event"));
  if (!event) return fail(Code::kInspectorTransitionNotAllowed, call.text("event").substr(0, 40));
  act.event = *event;
  act.person = call.actor;
  act.reason = call.text("reason");
  act.cause = exit_cause_from(call.text("cause"));
  DUDAO_TRY(act.day, call.day("day", call.today));
  DUDAO_TRY(act.from_day, call.given_day("from"));
  DUDAO_TRY(act.to_day, call.given_day("to"));
  act.name = call.text("name");
  act.full_time = call.params.value("full_time", false);
  act.lead = call.params.value("lead", false);
  act.capacity = call.params.value("capacity", std::int64_t{0});
  DUDAO_TRY(json out, decided(call, "inspector." + std::string(to_string(*event)), {{"event", to_string(*event)}},
                              [&](Store& rows) {
                                return take_inspector_step(rows, act, call.platform.clock.wall_utc_ms(), call.today);
                              }));
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const InspectorView who, find_inspector(rows, act.inspector));
    out["state"] = to_string(who.state);
    return {};
  }));
  return out;
}

Result<json> record_inspector_term(const AdminCall& call) {
  DUDAO_TRY(const std::int64_t from_day, call.day("from", call.today));
  DUDAO_TRY(const std::int64_t to_day, call.day("to", call.today));
  return decided(call, "inspector.term", {{"from", day_text(from_day)}, {"to", day_text(to_day)}},
                 [&](Store& rows) { return record_term(rows, call.text("inspector"), from_day, to_day, call.today); });
}

Result<json> declare_inspector_conflict(const AdminCall& call) {
  DUDAO_TRY(const auto until_day, call.given_day("until"));
  return decided(
      call, "inspector.conflict", {{"school", call.text("school")}, {"reason", call.text("reason")}}, [&](Store& rows) {
        return declare_conflict(rows, call.text("inspector"), call.text("school"), call.text("reason"), until_day);
      });
}

Result<json> train_inspector(const AdminCall& call) {
  TrainingEntry entry;
  DUDAO_TRY(entry.day, call.day("day", call.today));
  entry.hours = call.params.at("hours").get<std::int64_t>();
  entry.title = call.text("title");
  entry.provider = call.text("provider");
  entry.person = call.actor;
  DUDAO_TRY(json out, decided(call, "training.add", json::object(), [&](Store& rows) {
              return add_training(rows, call.text("inspector"), entry, call.platform.clock.wall_utc_ms(), call.today);
            }));
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    const std::string code = call.text("inspector");
    DUDAO_TRY(const auto entries, training_entries(rows, code));
    DUDAO_TRY(const std::string unit, unit_of_inspector(rows, code, call.today));
    DUDAO_TRY(const TrainingYear year, training_of(rows, code, unit, year_of(entry.day), call.today));
    out["n"] = entries.size();
    out["training"] = shown(year);
    return {};
  }));
  return out;
}

Result<json> void_inspector_training(const AdminCall& call) {
  const auto n = call.params.at("n").get<std::int64_t>();
  return decided(call, "training.void", {{"n", n}},
                 [&](Store& rows) { return void_training(rows, call.text("inspector"), n, call.text("reason")); });
}

Result<json> assess_inspector(const AdminCall& call) {
  const auto year = call.params.at("year").get<std::int64_t>();
  const std::string code = call.text("inspector");
  json out;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const AssessmentInputs inputs, assess(rows, code, year, call.today));
    const std::int64_t score = assessment_score(inputs);
    out = {{"inspector", code},
           {"year", year},
           {"inputs", json::parse(assessment_json(inputs))},
           {"score", score},
           {"proposed", to_string(proposed_grade(score))},
           {"decided", nullptr}};
    const ValueView key[] = {std::string_view(code), year};
    const Table& table = *find_table("assessment");
    DUDAO_TRY(const auto before, rows.row(table, key));
    if (before) out["decided"] = std::get<std::string>(before->cells[table.column("decided")]);
    return {};
  }));
  return out;
}

Result<json> decide_inspector_assessment(const AdminCall& call) {
  const auto year = call.params.at("year").get<std::int64_t>();
  return decided(call, "assessment.decide", {{"year", year}, {"decided", call.text("grade")}}, [&](Store& rows) {
    return decide_assessment(rows, call.text("inspector"), year, call.text("grade"), call.actor, call.text("reason"),
                             call.platform.clock.wall_utc_ms(), call.today);
  });
}

// --- Words.

void say_summary(const OfficeCommands& office, const json& one) {
  const json& training = one.at("training");
  std::string line = text_in(one, "inspector") + "  " + text_in(one, "name") + "  " + text_in(one, "state") + "  " +
                     text_in(one, "unit") + "  " + training.at("hours").dump() + "/" + training.at("minimum").dump() +
                     office.tr(" hours", " 学时");
  if (training.at("warned") == true) line += office.tr("  SHORT OF TRAINING", "  培训学时不足");
  if (!one.at("term_until").is_null()) line += office.tr("  term until ", "  任期至 ") + text_in(one, "term_until");
  if (one.at("zone_beyond_rule") == true)
    line += office.tr("  schools of the zone: ", "  责任区学校数：") + one.at("zone_schools").dump();
  office.say(line);
}

void say_inspector(const OfficeCommands& office, const json& shown) {
  say_summary(office, shown);
  const json& profile = shown.at("profile");
  office.say(office.tr("  degree: ", "  本科以上：") +
             (profile.at("degree") == true ? office.tr("yes", "是") : office.tr("no", "否")) +
             office.tr(", years in education: ", "，教育工作年限：") + profile.at("education_years").dump() +
             office.tr(", visits a month: ", "，每月可承担次数：") + shown.at("capacity").dump());
  for (const json& step : shown.at("steps"))
    office.say("  " + text_in(step, "day") + "  " + text_in(step, "event") + " → " + text_in(step, "state") + "  " +
               text_in(step, "person") + "  " + text_in(step, "reason"));
  for (const json& term : shown.at("terms"))
    office.say(office.tr("  term ", "  任期 ") + text_in(term, "n") + "  " + text_in(term, "from_day") + " – " +
               text_in(term, term.at("ended_day").is_null() ? "to_day" : "ended_day"));
  for (const json& entry : shown.at("training_entries"))
    office.say(office.tr("  training ", "  培训 ") + text_in(entry, "n") + "  " + text_in(entry, "day") + "  " +
               text_in(entry, "hours") + office.tr(" hours  ", " 学时  ") + text_in(entry, "title") +
               (entry.at("void_reason").is_null()
                    ? std::string()
                    : office.tr("  void: ", "  已作废：") + text_in(entry, "void_reason")));
  for (const json& conflict : shown.at("conflicts"))
    office.say(office.tr("  recused at ", "  须回避 ") + text_in(conflict, "school") + "  " +
               text_in(conflict, "reason"));
  for (const json& one : shown.at("assessments"))
    office.say(office.tr("  assessment ", "  年度考核 ") + text_in(one, "year") + "  " + text_in(one, "decided"));
}

struct InspectorOptions {
  std::string code, unit, level, state, subjects, credential, credential_until, degree, lead, name, day, from, to,
      reason, cause, school, until, title, provider, grade;
  std::optional<std::int64_t> education_years, capacity;
  std::int64_t hours = 0, n = 0, year = 0, first_capacity = 0;
  bool short_of_training = false, gap = false, full_time = false, may_lead = false;
  // What was given at all: an empty text takes back.
  CLI::Option *has_unit = nullptr, *has_subjects = nullptr, *has_credential = nullptr;
};

json when_given(const CLI::Option* option, const std::string& text) {
  return option->count() > 0 ? json(text) : json();
}
json yes_or_no(const std::string& word) { return word.empty() ? json() : json(word == "yes"); }

void say_taken(const OfficeCommands& office, const json& done) {
  office.say(done.at("index").is_null() ? office.tr("Nothing to change.", "无需改动。")
                                        : office.tr("Recorded: statement ", "已记录：声明 ") + done.at("index").dump());
}

void add_looking(CLI::App& inspector, const OfficeCommands& office, const std::shared_ptr<InspectorOptions>& given) {
  const auto* const at = &office;
  CLI::App* list = office.add(
      inspector, "list", "Inspectors, their state and training", "督学名册、状态与培训",
      [=] {
        return at->tell("inspector list",
                        {{"unit", given->unit},
                         {"level", given->level},
                         {"state", given->state},
                         {"short_of_training", given->short_of_training},
                         {"gap", given->gap}},
                        [&](const json& done) {
                          for (const json& one : done.at("inspectors")) say_summary(*at, one);
                          if (!done.contains("gap")) return;
                          for (const json& one : done.at("gap"))
                            at->say(one.at("unit").get<std::string>() + at->tr("  needed ", "  应配 ") +
                                    one.at("needed").dump() + at->tr(", there ", "，在岗 ") + one.at("there").dump() +
                                    at->tr(", missing ", "，缺额 ") + one.at("missing").dump());
                        });
      },
      "dudao-office inspector list --short-of-training\ndudao-office inspector list --gap --level 县");
  list->add_option("--unit", given->unit, office.tr("Only of this unit and all below it", "仅限该机构及其下级"));
  list->add_option("--state", given->state, office.tr("Only in this state, e.g. ACTIVE", "仅限此状态，如 ACTIVE"));
  list->add_flag("--short-of-training", given->short_of_training,
                 office.tr("Only those whose hours of this year are short", "仅限本年度培训学时不足的督学"));
  list->add_flag("--gap", given->gap,
                 office.tr("Also the units that have fewer inspectors than they need", "同时列出督学缺额的机构"));
  list->add_option("--level", given->level,
                   office.tr("Count gaps by units of this level, e.g. 县", "按该层级的机构统计缺额，如 县"));
  office
      .add(inspector, "show", "All that is on record of an inspector", "督学的全部登记信息",
           [=] {
             return at->tell("inspector show", {{"inspector", given->code}},
                             [&](const json& shown) { say_inspector(*at, shown); });
           })
      ->add_option("inspector", given->code, office.tr("Code of the inspector", "督学编号"))
      ->required();
}

CLI::App* add_for_one(CLI::App& parent, const OfficeCommands& office, const std::shared_ptr<InspectorOptions>& given,
                      const char* name, std::string_view english, std::string_view chinese, std::function<int()> run,
                      std::string_view examples = {}) {
  CLI::App* command = office.add(parent, name, english, chinese, std::move(run), examples);
  command->add_option("inspector", given->code, office.tr("Code of the inspector", "督学编号"))->required();
  return command;
}

void add_steps(CLI::App& inspector, const OfficeCommands& office, const std::shared_ptr<InspectorOptions>& given) {
  const auto* const at = &office;
  const auto add = [&](InspectorEvent event, std::string_view english, std::string_view chinese,
                       std::string_view examples = {}) {
    CLI::App* step = add_for_one(
        inspector, office, given, std::string(to_string(event)).c_str(), english, chinese,
        [=] {
          return at->tell("inspector step",
                          {{"inspector", given->code},
                           {"event", to_string(event)},
                           {"day", given->day},
                           {"reason", given->reason},
                           {"cause", given->cause},
                           {"from", given->from},
                           {"to", given->to},
                           {"name", given->name},
                           {"full_time", given->full_time},
                           {"lead", given->may_lead},
                           {"capacity", given->first_capacity}},
                          [&](const json& done) {
                            at->say(given->code + ": " + done.at("state").get<std::string>() +
                                    at->tr(", statement ", "，声明 ") + done.at("index").dump());
                          });
        },
        examples);
    step->add_option("--day", given->day, office.tr("Takes effect; otherwise today", "生效日；默认今天"));
    CLI::Option* reason = step->add_option("--reason", given->reason, office.tr("Why, in words", "理由"));
    if (event == InspectorEvent::kSuspend || event == InspectorEvent::kReject) reason->required();
    return step;
  };
  CLI::App* nominate = add(InspectorEvent::kNominate, "Nominate somebody as inspector", "提名督学",
                           "dudao-office inspector nominate D021 --name 王小明 --capacity 4");
  nominate->add_option("--name", given->name, office.tr("Name, of somebody new", "姓名（新录入时）"));
  nominate->add_flag("--full-time", given->full_time, office.tr("Full time, of somebody new", "专职（新录入时）"));
  nominate->add_flag("--lead", given->may_lead, office.tr("May lead teams, of somebody new", "可任组长（新录入时）"));
  nominate->add_option("--capacity", given->first_capacity,
                       office.tr("Visits a month, of somebody new", "每月可承担次数（新录入时）"));
  add(InspectorEvent::kReview, "The nomination was reviewed", "审核通过");
  add(InspectorEvent::kPublicise, "The public may object", "公示");
  CLI::App* appoint = add(InspectorEvent::kAppoint, "Appoint, or appoint once more", "聘任或续聘",
                          "dudao-office inspector appoint D021 --from 2026-09-01");
  appoint->add_option("--from", given->from, office.tr("First day of the term", "任期起始日"));
  appoint->add_option("--to", given->to,
                      office.tr("Last day; otherwise as long as is allowed", "任期截止日；默认为规定的最长任期"));
  add(InspectorEvent::kActivate, "Begins to work", "到任");
  add(InspectorEvent::kSuspend, "May not work for now", "暂停履职");
  add(InspectorEvent::kResume, "Works again", "恢复履职");
  add(InspectorEvent::kExit, "Leaves", "退出", "dudao-office inspector exit D003 --cause RESIGNED")
      ->add_option("--cause", given->cause, office.tr("What for", "退出原因"))
      ->required()
      ->check(CLI::IsMember({"TERM_LIMIT", "FAILED_ASSESSMENT", "VIOLATION", "RESIGNED"}));
  add(InspectorEvent::kReject, "Turned down before appointment", "未予聘任");
  CLI::App* term = add_for_one(
      inspector, office, given, "term", "Record a term that began before", "补录此前开始的任期",
      [=] {
        return at->tell("inspector term", {{"inspector", given->code}, {"from", given->from}, {"to", given->to}},
                        [&](const json& done) { say_taken(*at, done); });
      },
      "dudao-office inspector term D003 --from 2025-09-01 --to 2028-08-31");
  term->add_option("--from", given->from, office.tr("First day", "起始日"))->required();
  term->add_option("--to", given->to, office.tr("Last day", "截止日"))->required();
}

void add_records(CLI::App& inspector, const OfficeCommands& office, const std::shared_ptr<InspectorOptions>& given) {
  const auto* const at = &office;
  CLI::App* profile = add_for_one(
      inspector, office, given, "profile", "What an inspector brings along, and may do", "督学资历与履职条件",
      [=] {
        return at->tell("inspector profile",
                        {{"inspector", given->code},
                         {"unit", when_given(given->has_unit, given->unit)},
                         {"subjects", when_given(given->has_subjects, given->subjects)},
                         {"credential", when_given(given->has_credential, given->credential)},
                         {"credential-until", given->credential_until},
                         {"degree", yes_or_no(given->degree)},
                         {"lead", yes_or_no(given->lead)},
                         {"education_years", or_null(given->education_years)},
                         {"capacity", or_null(given->capacity)}},
                        [&](const json& done) { say_taken(*at, done); });
      },
      "dudao-office inspector profile D003 --unit 990121 --degree yes --years 15 --subjects 语文,安全");
  given->has_unit = profile->add_option("--unit", given->unit, office.tr("Whose inspector it is", "所属机构代码"));
  profile->add_option("--degree", given->degree, office.tr("Has a degree", "本科以上学历"))
      ->check(CLI::IsMember({"yes", "no"}));
  profile->add_option("--years", given->education_years, office.tr("Years of work in education", "教育工作年限"));
  given->has_subjects =
      profile->add_option("--subjects", given->subjects, office.tr("Subjects, joined by ','", "学科专长，以逗号分隔"));
  profile->add_option("--lead", given->lead, office.tr("May lead teams", "可任组长"))
      ->check(CLI::IsMember({"yes", "no"}));
  profile->add_option("--capacity", given->capacity, office.tr("Visits a month", "每月可承担次数"));
  given->has_credential =
      profile->add_option("--credential", given->credential, office.tr("Number of the credential", "督学证号"));
  profile->add_option("--credential-until", given->credential_until, office.tr("Its last day", "证件有效期"));

  CLI::App* conflict = add_for_one(
      inspector, office, given, "conflict", "Recuse an inspector from a school", "登记回避情形",
      [=] {
        return at->tell(
            "inspector conflict",
            {{"inspector", given->code}, {"school", given->school}, {"reason", given->reason}, {"until", given->until}},
            [&](const json& done) { say_taken(*at, done); });
      },
      "dudao-office inspector conflict D003 9901210003 --reason R2");
  conflict->add_option("school", given->school, office.tr("Code of the school", "学校标识码"))->required();
  conflict->add_option("--reason", given->reason, office.tr("R1 to R5", "回避情形 R1 至 R5"))->required();
  conflict->add_option("--until", given->until, office.tr("Last day; otherwise for ever", "截止日；默认长期"));

  CLI::App* train = add_for_one(
      inspector, office, given, "train", "Enter hours of training", "登记培训学时",
      [=] {
        return at->tell("inspector train",
                        {{"inspector", given->code},
                         {"hours", given->hours},
                         {"day", given->day},
                         {"title", given->title},
                         {"provider", given->provider}},
                        [&](const json& done) {
                          const json& year = done.at("training");
                          at->say(at->tr("Entry ", "第 ") + done.at("n").dump() + at->tr("; of ", " 条；") +
                                  year.at("year").dump() + at->tr(": ", " 年度：") + year.at("hours").dump() + "/" +
                                  year.at("minimum").dump() + at->tr(" hours", " 学时"));
                        });
      },
      "dudao-office inspector train D003 --hours 16 --title 督学集中培训 --day 2026-05-20");
  train->add_option("--hours", given->hours, office.tr("Hours (学时)", "学时"))->required();
  train->add_option("--title", given->title, office.tr("What it was about", "内容"))->required();
  train->add_option("--day", given->day, office.tr("Last day of it; otherwise today", "结束日；默认今天"));
  train->add_option("--provider", given->provider, office.tr("Who held it", "举办单位"));
  CLI::App* give_up =
      add_for_one(inspector, office, given, "void-training", "Void an entry of training", "作废培训记录", [=] {
        return at->tell("inspector void-training",
                        {{"inspector", given->code}, {"n", given->n}, {"reason", given->reason}},
                        [&](const json& done) { say_taken(*at, done); });
      });
  give_up->add_option("entry", given->n, office.tr("Number of the entry", "序号"))->required();
  give_up->add_option("--reason", given->reason, office.tr("Why", "理由"))->required();

  CLI::App* assess = add_for_one(
      inspector, office, given, "assess", "Count what a year came to, and propose a grade", "计算年度考核并建议等次",
      [=] {
        return at->tell("inspector assess", {{"inspector", given->code}, {"year", given->year}}, [&](const json& done) {
          const json& inputs = done.at("inputs");
          for (const auto& [name, share] : inputs.at("shares").items())
            at->say("  " + name + "  " + share.at("part").dump() + " / " + share.at("whole").dump() +
                    at->tr("  weight ", "  权重 ") + share.at("weight").dump());
          at->say(at->tr("  recusal breaches  ", "  违反回避  ") + inputs.at("recusal_breaches").dump());
          at->say(at->tr("Score in hundredths: ", "得分（百分之一分）：") + done.at("score").dump() +
                  at->tr(", proposed: ", "，建议等次：") + done.at("proposed").get<std::string>());
          if (!done.at("decided").is_null())
            at->say(at->tr("Decided: ", "已评定：") + done.at("decided").get<std::string>());
        });
      },
      "dudao-office inspector assess D003 --year 2026");
  assess->add_option("--year", given->year, office.tr("Year", "年度"))->required();
  CLI::App* assessment =
      office.group(inspector, "assessment", "The yearly assessment, which a person decides", "年度考核评定");
  CLI::App* decide = add_for_one(
      *assessment, office, given, "decide", "Decide the grade of a year", "评定年度等次",
      [=] {
        return at->tell(
            "inspector assessment decide",
            {{"inspector", given->code}, {"year", given->year}, {"grade", given->grade}, {"reason", given->reason}},
            [&](const json& done) { say_taken(*at, done); });
      },
      "dudao-office inspector assessment decide D003 --year 2026 --grade GOOD");
  decide->add_option("--year", given->year, office.tr("Year", "年度"))->required();
  decide->add_option("--grade", given->grade, office.tr("EXCELLENT, GOOD, PASS or FAIL", "等次"))->required();
  decide->add_option("--reason", given->reason,
                     office.tr("Needed where it differs from what is proposed", "与建议等次不同时须填写"));
}

}  // namespace

const AdminArea& inspector_methods() {
  static const AdminArea methods = {{"inspector list", list_inspectors},
                                    {"inspector show", show_inspector},
                                    {"inspector profile", change_inspector_profile},
                                    {"inspector step", step_inspector},
                                    {"inspector term", record_inspector_term},
                                    {"inspector conflict", declare_inspector_conflict},
                                    {"inspector train", train_inspector},
                                    {"inspector void-training", void_inspector_training},
                                    {"inspector assess", assess_inspector},
                                    {"inspector assessment decide", decide_inspector_assessment}};
  return methods;
}

void add_inspector_commands(CLI::App& app, const OfficeCommands& office) {
  const auto options = std::make_shared<InspectorOptions>();
  CLI::App* inspector = office.group(app, "inspector", "Inspectors from nomination to exit", "督学从提名到退出");
  add_looking(*inspector, office, options);
  add_steps(*inspector, office, options);
  add_records(*inspector, office, options);
}

}  // namespace dudao
