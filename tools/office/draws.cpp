/// Draws that anybody can check: frozen, committed to, run, revealed. Methods of admin.hpp and their commands.

#include "schema/draw.hpp"
#include "schema/visit_state.hpp"
#include "sync/office/rows.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/visits.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace dudao {
namespace {

using nlohmann::json;

Result<json> rows_of(Office& office, std::string_view name) {
  const Table& table = *find_table(name);
  json out = json::array();
  DUDAO_CHECK(office.read([&](Store& rows) {
    return rows.each_row(table, [&](const StoredRow& row) -> Status {
      out.push_back(row_json(table, row));
      return {};
    });
  }));
  return out;
}

/// The unit of the wanted level that a school belongs to, or the nearest one above it; "NONE" without any.
std::string stratum_of(const std::map<std::string, OrgUnit>& units, std::string at, const std::string& level) {
  std::string newest = at.empty() ? "NONE" : at;
  for (int steps = 0; steps < 10; ++steps) {
    const auto unit = units.find(at);
    if (unit == units.end()) break;
    newest = at;
    if (unit->second.level == level || !unit->second.parent) break;
    at = *unit->second.parent;
  }
  return newest;
}

/// "3" for every stratum, or "990121=3" for one; strata without a quota draw nobody.
Result<std::vector<DrawManifest::Quota>> quotas_of(const std::vector<std::string>& all_typed,
                                                   const std::vector<FrameEntry>& frame) {
  std::uint32_t each = 0;
  std::map<std::string, std::uint32_t> quotas;
  for (const std::string& typed : all_typed) {
    const std::size_t equals = typed.find('=');
    const std::string number = equals == std::string::npos ? typed : typed.substr(equals + 1);
    if (number.empty() || number.size() > 6 || number.find_first_not_of("0123456789") != std::string::npos)
      return fail(Code::kOptionWrong, "--quota " + typed);
    const auto schools = static_cast<std::uint32_t>(std::stoul(number));
    if (equals == std::string::npos)
      each = schools;
    else
      quotas[typed.substr(0, equals)] = schools;
  }
  std::set<std::string> strata;
  for (const FrameEntry& entry : frame) strata.insert(entry.stratum);
  std::vector<DrawManifest::Quota> list;
  for (const std::string& stratum : strata) {
    const auto own = quotas.find(stratum);
    list.push_back({stratum, own == quotas.end() ? each : own->second});
  }
  for (const auto& [stratum, schools] : quotas)
    if (!strata.contains(stratum)) return fail(Code::kOptionWrong, "--quota " + stratum + ": there is no such stratum");
  return list;
}

Result<json> freeze_files(const AdminCall& call) {
  const std::string draw = call.text("draw");
  const std::string by = call.text("by", "none");
  const std::int64_t interval_days = call.params.value("interval_days", std::int64_t{0});
  const auto team = call.params.value("team", std::uint32_t{2});
  DUDAO_TRY(const auto known, known_units(call.office));
  std::map<std::string, OrgUnit> units;
  for (const OrgUnit& unit : known) units.emplace(unit.code, unit);
  const std::int64_t now_day = call.today;

  std::vector<FrameEntry> frame;
  std::vector<PoolEntry> pool;
  std::vector<Recusal> recusals;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    std::set<std::string> planned;
    std::map<std::string, std::int64_t> visited;  // newest day
    const Table& visits = *find_table("visit");
    DUDAO_CHECK(rows.each_row(visits, [&](const StoredRow& row) -> Status {
      const auto state = visit_state_from(text_in(visits, row, "state"));
      const std::string school = text_in(visits, row, "school");
      if (!state || *state == VisitState::kCancelled) return {};
      if (*state < VisitState::kSubmitted) {
        planned.insert(school);
      } else {
        std::int64_t& day = visited[school];
        day = std::max(day, *integer_in(visits, row, "to_day"));
      }
      return {};
    }));
    const Table& schools = *find_table("school");
    std::set<std::string> framed;
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
    DUDAO_CHECK(rows.each_row(schools, [&](const StoredRow& row) -> Status {
      if (!reach.has_unit(text_in(schools, row, "org_unit"))) return {};
      FrameEntry entry;
      entry.school = text_in(schools, row, "code");
      const std::string stages = text_in(schools, row, "stages");
      entry.stratum = by == "none"    ? "ALL"
                      : by == "stage" ? (stages.empty() ? "NONE" : stages.substr(0, stages.find(',')))
                                      : stratum_of(units, text_in(schools, row, "org_unit"), by);
      entry.weight = static_cast<std::uint32_t>(integer_in(schools, row, "weight").value_or(1));
      const auto last = visited.find(entry.school);
      entry.status = text_in(schools, row, "status") != "OPEN"                         ? FrameStatus::kClosed
                     : planned.contains(entry.school)                                  ? FrameStatus::kAlreadyPlanned
                     : last != visited.end() && last->second + interval_days > now_day ? FrameStatus::kMinimumInterval
                                                                                       : FrameStatus::kEligible;
      framed.insert(entry.school);
      frame.push_back(std::move(entry));
      return {};
    }));
    const Table& inspectors = *find_table("inspector");
    std::set<std::string> pooled;
    DUDAO_CHECK(rows.each_row(inspectors, [&](const StoredRow& row) -> Status {
      const auto until = integer_in(inspectors, row, "credential_until_day");
      if (text_in(inspectors, row, "status") != "ACTIVE" || (until && *until < now_day)) return {};
      const std::string code = text_in(inspectors, row, "code");
      pool.push_back({code, static_cast<std::uint32_t>(*integer_in(inspectors, row, "capacity")),
                      *integer_in(inspectors, row, "lead") != 0});
      pooled.insert(code);
      return {};
    }));
    const Table& conflicts = *find_table("conflict_of_interest");
    return rows.each_row(conflicts, [&](const StoredRow& row) -> Status {
      const auto until = integer_in(conflicts, row, "until_day");
      Recusal recusal{text_in(conflicts, row, "inspector"), text_in(conflicts, row, "school"), 5};
      const std::string reason = text_in(conflicts, row, "reason");
      if (reason.size() == 2 && reason[1] >= '1' && reason[1] <= '5')
        recusal.reason = static_cast<std::uint8_t>(reason[1] - '0');
      if ((!until || *until >= now_day) && pooled.contains(recusal.inspector) && framed.contains(recusal.school))
        recusals.push_back(std::move(recusal));
      return {};
    });
  }));

  DUDAO_TRY(const auto list, quotas_of(call.texts("quota"), frame));
  DUDAO_TRY(const DrawFiles files, freeze_draw(draw, list, team, call.text("event"), frame, pool, recusals));
  json counted = json::array();
  for (const auto& quota : list) {
    const auto of = [&](bool eligible) {
      return std::count_if(frame.begin(), frame.end(), [&](const FrameEntry& entry) {
        return entry.stratum == quota.stratum && (entry.status == FrameStatus::kEligible) == eligible;
      });
    };
    counted.push_back(
        {{"stratum", quota.stratum}, {"quota", quota.schools}, {"eligible", of(true)}, {"excluded", of(false)}});
  }
  return json{{"draw", draw},
              {"strata", std::move(counted)},
              {"inspectors", pool.size()},
              {"recusals", recusals.size()},
              {"files",
               {{"manifest.txt", files.manifest},
                {"frame.txt", files.frame},
                {"pool.txt", files.pool},
                {"recuse.txt", files.recuse}}}};
}

Result<json> commit_files(const AdminCall& call) {
  const json& given = call.params.at("files");
  const DrawFiles files{given.at("manifest.txt"), given.at("frame.txt"), given.at("pool.txt"), given.at("recuse.txt")};
  DUDAO_TRY(const DrawManifest manifest, parse_manifest(files.manifest));
  DUDAO_CHECK(call.office.commit_draw(call.actor, manifest.draw, files));
  DUDAO_TRY(const auto publication, call.office.draw_publication(manifest.draw));
  json out = {
      {"draw", manifest.draw}, {"manifest_hash", to_hex(manifest_hash(files.manifest))}, {"event", manifest.entropy}};
  for (const auto& [name, content] : publication)
    if (name == "commitment.txt") out["commitment"] = content.substr(0, content.find('\n'));
  return out;
}

Result<json> run_committed(const AdminCall& call) {
  DUDAO_TRY(VisitPlan plan, visit_plan(call));
  std::string entropy = call.text("numbers");
  if (call.params.contains("sources")) {
    DUDAO_TRY(entropy, canonical_entropy(call.params.at("sources").get<std::vector<std::vector<std::uint64_t>>>()));
  }
  const std::string code = call.text("draw");
  DUDAO_TRY(const Draw draw, call.office.run_draw(call.actor, code, entropy, plan));
  DUDAO_TRY(const auto schools, rows_of(call.office, "school"));
  std::map<std::string, std::string> names;
  for (const json& school : schools) names[school.at("code")] = school.at("name");
  json drawn = json::array();
  for (const DrawnStratum& stratum : draw.strata()) {
    for (const DrawnSchool& school : stratum.schools) {
      if (school.state != DrawnState::kSelected) continue;
      const std::string& place = draw.inputs().frame[school.school].school;
      const auto lead = draw.lead_of(school);
      json team = json::array();
      if (lead) team.push_back(draw.inputs().pool[*lead].inspector);
      for (const std::uint32_t member : school.team)
        if (member != lead) team.push_back(draw.inputs().pool[member].inspector);
      drawn.push_back({{"stratum", stratum.stratum}, {"school", place}, {"school_name", names[place]}, {"team", team}});
    }
  }
  return json{{"draw", code}, {"numbers", entropy}, {"schools", std::move(drawn)}};
}

Result<json> reveal_secret(const AdminCall& call) {
  const std::string code = call.text("draw");
  DUDAO_CHECK(call.office.reveal_draw(call.actor, code));
  return json{{"draw", code}};
}

Result<json> declare_void(const AdminCall& call) {
  const std::string code = call.text("draw");
  DUDAO_CHECK(call.office.void_draw(call.actor, code, call.text("reason")));
  return json{{"draw", code}};
}

Result<json> show_files(const AdminCall& call) {
  const std::string code = call.text("draw");
  DUDAO_TRY(const auto publication, call.office.draw_publication(code));
  json files = json::object();
  for (const auto& [name, content] : publication) files[name] = content;
  return json{{"draw", code}, {"files", std::move(files)}};
}

Result<json> list_draws(const AdminCall& call) {
  DUDAO_TRY(json rows, rows_of(call.office, "draw"));
  for (json& row : rows) row.erase("manifest");
  return json{{"draws", std::move(rows)}};
}

struct DrawOptions {
  VisitPattern pattern;
  std::string draw, by, event, out, path, numbers, reason;
  std::vector<std::string> quota, sources;
  std::uint32_t team_size = 2;
  std::int64_t interval_days = 0;
};

/// Writes a draw's files into --out, so that they can be looked at, handed on and audited.
Status write_files(const OfficeCommands& at, const DrawOptions& given, const json& files) {
  DUDAO_CHECK(at.files.make_folder(given.out));
  for (const auto& [name, content] : files.items())
    DUDAO_CHECK(at.files.write(given.out + "/" + name, view(content.get_ref<const std::string&>())));
  return {};
}

int freeze(const OfficeCommands& at, const DrawOptions& given) {
  const auto frozen = at.ask("draw freeze", {{"draw", given.draw},
                                             {"by", given.by},
                                             {"quota", given.quota},
                                             {"team", given.team_size},
                                             {"event", given.event},
                                             {"interval_days", given.interval_days}});
  if (!frozen) return at.console.fail(frozen.error());
  if (const Status written = write_files(at, given, frozen->at("files")); !written)
    return at.console.fail(written.error());
  at.console.print(*frozen);
  for (const json& stratum : frozen->at("strata"))
    at.say(at.tr("  stratum ", "  层 ") + stratum.at("stratum").get<std::string>() + at.tr(": to draw ", "：应抽 ") +
           stratum.at("quota").dump() + at.tr(" of ", "，可抽 ") + stratum.at("eligible").dump() +
           at.tr(" eligible schools; left out with a reason: ", " 所；因故排除 ") + stratum.at("excluded").dump());
  at.say(
      at.tr("Frozen in ", "已冻结于 ") + given.out + at.tr(": inspectors ", "：督学 ") +
      frozen->at("inspectors").dump() + at.tr(", recusals ", "，回避 ") + frozen->at("recusals").dump() +
      at.tr(". Look at the files, then: dudao-office draw commit ", "。请核对文件后执行：dudao-office draw commit ") +
      given.out);
  return kExitDone;
}

int commit(const OfficeCommands& at, const DrawOptions& given) {
  json files = json::object();
  for (const char* name : {"manifest.txt", "frame.txt", "pool.txt", "recuse.txt"}) {
    const auto content = at.read(given.path + "/" + name, kMaxImportBytes);
    if (!content) return at.console.fail(content.error());
    if (!is_utf8(*content)) return at.console.fail(Error{Code::kDrawLine, std::string(name)});
    files[name] = std::string(text(*content));
  }
  return at.tell("draw commit", {{"files", std::move(files)}}, [&](const json& done) {
    at.say(at.tr("Draw ", "抽查 ") + done.at("draw").get<std::string>() +
           at.tr(" is committed. Publish these two lines now, before the event:",
                 " 已承诺。请在公共事件之前公布以下两行："));
    at.say("  manifest    " + done.at("manifest_hash").get<std::string>());
    at.say("  commitment  " + done.at("commitment").get<std::string>());
    at.say(at.tr("The public event: ", "公共事件：") + done.at("event").get<std::string>());
  });
}

int run(const OfficeCommands& at, const DrawOptions& given) {
  json params = given.pattern.params();
  params["kind"] = "RANDOM";
  params["draw"] = given.draw;
  if (!given.numbers.empty()) params["numbers"] = given.numbers;
  if (!given.sources.empty()) {
    json sources = json::array();
    for (const std::string& source : given.sources) {
      json numbers = json::array();
      std::string number;
      for (const char c : source + ",") {
        if (c >= '0' && c <= '9') {
          number += c;
        } else if (!number.empty()) {
          if (number.size() > 18) return at.console.fail(Error{Code::kDrawEntropy, source});
          numbers.push_back(std::stoull(number));
          number.clear();
        } else if (c != ' ' && c != ',') {
          return at.console.fail(Error{Code::kDrawEntropy, source});
        }
      }
      sources.push_back(std::move(numbers));
    }
    params["sources"] = std::move(sources);
  }
  return at.tell("draw run", std::move(params), [&](const json& done) {
    at.say(at.tr("Drawn with the event's numbers ", "按公共事件号码抽取：") + done.at("numbers").get<std::string>());
    for (const json& school : done.at("schools"))
      at.say("  " + school.at("stratum").get<std::string>() + "  " + school.at("school").get<std::string>() + " " +
             school.at("school_name").get<std::string>() + "  " + joined(school.at("team")));
    at.say(at.tr("The visits are planned. Reveal the secret after the last one.",
                 "督导已列入计划。最后一次督导结束后请公布秘密。"));
  });
}

int write_published(const OfficeCommands& at, const DrawOptions& given) {
  const auto files = at.ask("draw files", {{"draw", given.draw}});
  if (!files) return at.console.fail(files.error());
  if (const Status written = write_files(at, given, files->at("files")); !written)
    return at.console.fail(written.error());
  at.console.print(*files);
  for (const auto& [name, content] : files->at("files").items()) at.say("  " + given.out + "/" + name);
  at.say(at.tr("Anybody can check them: dudao-audit draw ", "任何人都可核验：dudao-audit draw ") + given.out);
  return kExitDone;
}

int list_draws(const OfficeCommands& at) {
  return at.tell("draw list", json::object(), [&](const json& done) {
    for (const json& draw : done.at("draws"))
      at.say(draw.at("code").get<std::string>() + "  " + draw.at("state").get<std::string>());
    at.say(at.tr("Draws: ", "抽查数：") + std::to_string(done.at("draws").size()));
  });
}

}  // namespace

const AdminArea& draw_methods() {
  static const AdminArea methods = {{"draw freeze", freeze_files}, {"draw commit", commit_files},
                                    {"draw run", run_committed},   {"draw reveal", reveal_secret},
                                    {"draw void", declare_void},   {"draw files", show_files},
                                    {"draw list", list_draws}};
  return methods;
}

void add_draw_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<DrawOptions>();
  const auto* const at = &office;
  CLI::App* draw =
      office.group(app, "draw", "Draw schools and inspectors so that anybody can check it", "可核验的随机抽查");
  CLI::App* freeze_command = office.add(
      *draw, "freeze", "Write the files of a draw from the registers, to look at", "由名册生成抽查文件，供核对",
      [=] { return freeze(*at, *given); },
      "dudao-office draw freeze DUDAO-2026-03 --by 县 --quota 2 --team 2 --event 'welfare lottery of 2026-03-01' "
      "--out draw/");
  freeze_command->add_option("draw", given->draw, office.tr("Code of the draw, used once", "抽查编号，只用一次"))
      ->required();
  freeze_command
      ->add_option(
          "--by", given->by,
          office.tr("Strata: none, stage, or a level of the organisation tree as its register writes it, e.g. 县",
                    "分层方式：none、stage，或名册中的机构层级，如 县"))
      ->default_val("none");
  freeze_command
      ->add_option("--quota", given->quota,
                   office.tr("Schools to draw: N from each stratum, or STRATUM=N", "抽取学校数：每层 N，或 层=N"))
      ->required()
      ->allow_extra_args(false);
  freeze_command->add_option("--team", given->team_size, office.tr("Inspectors of one visit", "每次督导的督学人数"))
      ->check(CLI::Range(1, 20))
      ->default_val(2);
  freeze_command
      ->add_option(
          "--event", given->event,
          office.tr("The future public event whose numbers will be used, in words", "将使用其号码的未来公共事件"))
      ->required();
  freeze_command
      ->add_option("--interval-days", given->interval_days,
                   office.tr("Leave out schools that were visited less long ago", "排除此天数内已督导的学校"))
      ->check(CLI::Range(0, 3650))
      ->default_val(0);
  freeze_command->add_option("--out", given->out, office.tr("Folder for the files", "文件输出文件夹"))->required();
  office
      .add(
          *draw, "commit", "Fix the files and commit to a secret, before the event", "在公共事件之前固定文件并承诺秘密",
          [=] { return commit(*at, *given); }, "dudao-office draw commit draw/")
      ->add_option("folder", given->path, office.tr("Folder with the frozen files", "冻结文件所在文件夹"))
      ->required();
  CLI::App* run_command = office.add(
      *draw, "run", "Draw with the event's numbers and plan the visits", "按公共事件号码抽取并列入计划",
      [=] { return run(*at, *given); },
      "dudao-office draw run DUDAO-2026-03 --source 5,12,18,22,27,31 --template routine-visit --from 2026-03-02 --to "
      "2026-03-06");
  run_command->add_option("draw", given->draw, office.tr("Code of the draw", "抽查编号"))->required();
  CLI::Option* source = run_command
                            ->add_option("--source", given->sources,
                                         office.tr("The numbers of one source, e.g. 5,12,18; once for each source",
                                                   "一个来源的号码，如 5,12,18；每个来源给出一次"))
                            ->allow_extra_args(false);
  CLI::Option* numbers = run_command->add_option("--numbers", given->numbers,
                                                 office.tr("All sources in canonical form, e.g. 9319./2.5.8.10.12./",
                                                           "规范形式的全部号码，如 9319./2.5.8.10.12./"));
  source->excludes(numbers);
  given->pattern.add_options(run_command, office);
  office
      .add(*draw, "reveal", "After the last visit: publish the secret", "最后一次督导后公布秘密",
           [=] {
             return at->tell("draw reveal", {{"draw", given->draw}}, [&](const json&) {
               at->say(at->tr("The secret of draw ", "已公布抽查秘密：") + given->draw +
                       at->tr(" is in the log. Hand out the files: dudao-office draw files ",
                              "。请发布文件：dudao-office draw files ") +
                       given->draw + " --out …");
             });
           })
      ->add_option("draw", given->draw, office.tr("Code of the draw", "抽查编号"))
      ->required();
  CLI::App* give_up = office.add(
      *draw, "void", "Declare a draw void; it stays visible with its reason", "宣布抽查作废，理由公开保留", [=] {
        return at->tell("draw void", {{"draw", given->draw}, {"reason", given->reason}},
                        [&](const json&) { at->say(at->tr("Void: ", "已作废：") + given->draw); });
      });
  give_up->add_option("draw", given->draw, office.tr("Code of the draw", "抽查编号"))->required();
  give_up->add_option("--reason", given->reason, office.tr("Why", "理由"))->required();
  CLI::App* files = office.add(*draw, "files", "Write what is published of a draw", "输出抽查的公布文件",
                               [=] { return write_published(*at, *given); });
  files->add_option("draw", given->draw, office.tr("Code of the draw", "抽查编号"))->required();
  files->add_option("--out", given->out, office.tr("Folder for the files", "文件输出文件夹"))->required();
  office.add(*draw, "list", "All draws", "所有抽查", [=] { return list_draws(*at); });
}

}  // namespace dudao
