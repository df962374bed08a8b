#include "sync/office/draws.hpp"

#include "sync/office/rows.hpp"
#include "sync/office/visit_events.hpp"

#include <algorithm>
#include <set>

namespace dudao {
namespace {

constexpr std::size_t kDrawPartBytes = 40'000;

std::string setting_name(std::string_view draw, std::string_view part) {
  return "draw:" + std::string(draw) + ":" + std::string(part);
}

Status keep(Store& rows, std::string_view draw, std::string_view part, std::string_view text) {
  return rows.put_setting(setting_name(draw, part), text);
}

/// Empty when nothing was kept under this name.
Result<std::string> kept(Store& rows, std::string_view draw, std::string_view part) {
  DUDAO_TRY(const auto found, rows.setting(setting_name(draw, part)));
  const auto* text = found ? std::get_if<std::string>(&*found) : nullptr;
  return text ? *text : std::string();
}

Result<StoredRow> draw_row(Store& rows, std::string_view draw) {
  DUDAO_TRY(auto row, row_of(rows, "draw", {draw}));
  if (!row) return fail(Code::kDrawNotThere, std::string(draw));
  return std::move(*row);
}

/// A draw that was not revealed or declared void.
Status check_committed(Store& rows, std::string_view draw) {
  DUDAO_TRY(const StoredRow row, draw_row(rows, draw));
  const std::string state = text_in(table_of("draw"), row, "state");
  return state == "COMMITTED" ? Status{} : fail(Code::kDrawStage, state);
}

Result<DrawFiles> draw_files(Store& rows, std::string_view draw) {
  DrawFiles files;
  DUDAO_TRY(files.manifest, kept(rows, draw, "manifest"));
  DUDAO_TRY(files.frame, kept(rows, draw, "frame"));
  DUDAO_TRY(files.pool, kept(rows, draw, "pool"));
  DUDAO_TRY(files.recuse, kept(rows, draw, "recuse"));
  return files;
}

Result<Hash> draw_secret(Store& rows, std::string_view draw) {
  DUDAO_TRY(const auto bytes, rows.draw_secret(draw));
  const auto secret = bytes ? to_array<32>(*bytes) : std::nullopt;
  if (!secret) return fail(Code::kDrawNotThere, std::string(draw));
  return *secret;
}

/// The draw as these numbers decide it, with the recusals since.
Result<Draw> drawn(Store& rows, std::string_view code, std::string_view entropy) {
  DUDAO_TRY(const DrawFiles files, draw_files(rows, code));
  DUDAO_TRY(DrawInputs inputs, read_draw(files));
  DUDAO_TRY(const Hash secret, draw_secret(rows, code));
  const Hash manifest = manifest_hash(files.manifest);
  DUDAO_TRY(const Hash seed, draw_seed(manifest, draw_commitment(manifest, secret), secret, entropy));
  DUDAO_TRY(Draw draw, Draw::run(std::move(inputs), seed));
  DUDAO_TRY(const std::string recused, kept(rows, code, "recused"));
  DUDAO_CHECK(draw.recuse_all(recused));
  return draw;
}

const std::string& code_of(const Draw& draw, const DrawnSchool& school) {
  return draw.inputs().frame[school.school].school;
}

std::vector<const DrawnSchool*> schools_in(const Draw& draw, DrawnState state) {
  std::vector<const DrawnSchool*> out;
  for (const DrawnStratum& stratum : draw.strata())
    for (const DrawnSchool& school : stratum.schools)
      if (school.state == state) out.push_back(&school);
  return out;
}

/// A visit to a school that was drawn, otherwise as the pattern says.
VisitPlan drawn_visit(const Draw& draw, const DrawnSchool& school, const VisitPlan& pattern) {
  VisitPlan plan = pattern;
  plan.school = code_of(draw, school);
  plan.kind = "RANDOM";
  plan.draw = draw.inputs().manifest.draw;
  plan.team.clear();
  const auto lead = draw.lead_of(school);
  if (lead) plan.team.push_back(draw.inputs().pool[*lead].inspector);
  for (const std::uint32_t member : school.team)
    if (member != lead) plan.team.push_back(draw.inputs().pool[member].inspector);
  plan.class_seed = to_bytes(visit_seed(draw.seed(), plan.draw, plan.school));
  return plan;
}

DrawStep file_step(std::string_view draw, std::string_view file, std::string_view content) {
  DrawStep step;
  step.draw = draw;
  step.stage = DrawStage::kFile;
  step.file = file;
  step.parts = 1;
  step.content = content;
  return step;
}

}  // namespace

Status commit_draw(Store& rows, std::string_view draw, const DrawFiles& files, const PlanningDesk& desk,
                   const DrawLog& log) {
  DUDAO_TRY(const DrawInputs inputs, read_draw(files));
  if (inputs.manifest.draw != draw) return fail(Code::kDrawManifest, "draw=" + inputs.manifest.draw);
  DUDAO_TRY(const auto existing, row_of(rows, "draw", {draw}));
  if (existing) return fail(Code::kDrawExists, std::string(draw));
  // What the plan of its visits would refuse after the event is refused before it.
  std::vector<std::string> schools;
  for (const FrameEntry& entry : inputs.frame) schools.push_back(entry.school);
  DUDAO_CHECK(check_drawn_team(rows, schools, inputs.manifest.team, desk));
  const Hash secret = *to_array<32>(random_bytes(32));
  DUDAO_CHECK(rows.put_draw_secret(draw, secret));
  DUDAO_CHECK(keep(rows, draw, "manifest", files.manifest));
  for (const auto& [name, content] : {std::pair<std::string_view, const std::string&>{"frame", files.frame},
                                      {"pool", files.pool},
                                      {"recuse", files.recuse}}) {
    DUDAO_CHECK(keep(rows, draw, name, content));
    // The files are ASCII (schema/draw.hpp), so a cut anywhere leaves text.
    DrawStep step = file_step(draw, name, {});
    step.parts =
        static_cast<std::int64_t>(std::max<std::size_t>(1, (content.size() + kDrawPartBytes - 1) / kDrawPartBytes));
    for (; step.part < step.parts; ++step.part) {
      step.content =
          std::string_view(content).substr(static_cast<std::size_t>(step.part) * kDrawPartBytes, kDrawPartBytes);
      DUDAO_CHECK(log(step));
    }
  }
  const Hash commitment = draw_commitment(manifest_hash(files.manifest), secret);
  DrawStep step;
  step.draw = draw;
  step.stage = DrawStage::kCommit;
  step.content = files.manifest;
  step.commitment = commitment;
  return log(step);
}

Result<DrawnVisits> run_draw(Store& rows, std::string_view code, std::string_view entropy, const VisitPlan& pattern,
                             const PlanningDesk& desk) {
  DUDAO_CHECK(check_committed(rows, code));
  DUDAO_TRY(const std::string before, kept(rows, code, "entropy"));
  if (!before.empty()) return fail(Code::kDrawStage, "was run already");
  DUDAO_TRY(Draw draw, drawn(rows, code, entropy));
  std::vector<VisitPlan> plans;
  for (const DrawnSchool* school : schools_in(draw, DrawnState::kSelected))
    plans.push_back(drawn_visit(draw, *school, pattern));
  DUDAO_TRY(PlannedVisits visits, plan_visits(rows, plans, desk));
  DUDAO_CHECK(keep(rows, code, "entropy", entropy));
  DUDAO_CHECK(keep(rows, code, "result", draw.text()));
  return DrawnVisits{std::move(draw), std::move(visits)};
}

Result<ReplacedVisit> replace_drawn(Store& rows, BytesView visit, std::string_view inspector, std::string_view reason,
                                    const PlanningDesk& desk, const DrawLog& log) {
  DUDAO_TRY(const auto row, row_of(rows, "visit", {visit}));
  if (!row) return fail(Code::kVisitUnknown, to_hex(visit));
  const std::string code = text_in(table_of("visit"), *row, "draw");
  if (code.empty()) return fail(Code::kDrawStage, "the visit was not drawn");
  if (reason.size() != 2 || reason[0] != 'R') return fail(Code::kReasonCode, std::string(reason.substr(0, 20)));
  DUDAO_CHECK(check_committed(rows, code));
  DUDAO_TRY(const std::string entropy, kept(rows, code, "entropy"));
  if (entropy.empty()) return fail(Code::kDrawStage, "was not run yet");
  DUDAO_TRY(const std::string before, kept(rows, code, "recused"));
  DUDAO_TRY(Draw draw, drawn(rows, code, entropy));
  std::set<std::string> reserves;
  for (const DrawnSchool* school : schools_in(draw, DrawnState::kReserve)) reserves.insert(code_of(draw, *school));
  const std::string school = text_in(table_of("visit"), *row, "school");
  DUDAO_CHECK(draw.recuse(school, inspector, static_cast<std::uint8_t>(reason[1] - '0')));
  const std::string recused = before + school + "|" + std::string(inspector) + "|" + std::string(reason) + "\n";
  DUDAO_CHECK(state_after_recusal(rows, visit, inspector));
  DUDAO_CHECK(keep(rows, code, "recused", recused));
  DUDAO_CHECK(keep(rows, code, "result", draw.text()));
  DUDAO_CHECK(log(file_step(code, kRecusedLater, recused)));

  const VisitPlan pattern = pattern_of(*row);
  ReplacedVisit out{{}, to_bytes(visit)};
  const DrawnSchool& now_drawn = *draw.find(school);
  if (now_drawn.state == DrawnState::kSelected) {
    DUDAO_TRY(out.rows, replace_team(rows, visit, inspector, reason, drawn_visit(draw, now_drawn, pattern).team, desk));
    return out;
  }
  // Nobody fits there any more: the school next in the draw takes its place.
  DUDAO_TRY(out.rows, visit_change(rows, visit, VisitEvent::kCancel, {}, "X4: " + std::string(inspector), desk.at));
  std::vector<VisitPlan> next;
  for (const DrawnSchool* each : schools_in(draw, DrawnState::kSelected))
    if (reserves.contains(code_of(draw, *each))) next.push_back(drawn_visit(draw, *each, pattern));
  DUDAO_TRY(const PlannedVisits planned, plan_visits(rows, next, desk));
  out.rows.add(planned.rows);
  if (!planned.ids.empty()) out.visit = planned.ids.front();
  return out;
}

Status reveal_draw(Store& rows, std::string_view code, const DrawLog& log) {
  DUDAO_CHECK(check_committed(rows, code));
  DUDAO_TRY(const std::string entropy, kept(rows, code, "entropy"));
  if (entropy.empty()) return fail(Code::kDrawStage, "was not run yet");
  DUDAO_TRY(const std::string result, kept(rows, code, "result"));
  DUDAO_TRY(const Hash secret, draw_secret(rows, code));
  const std::string result_hash = to_hex(sha256(view(result)));
  DrawStep step;
  step.draw = code;
  step.stage = DrawStage::kReveal;
  step.secret = secret;
  step.entropy = entropy;
  step.content = result_hash;
  return log(step);
}

Status void_draw(Store& rows, std::string_view code, std::string_view reason, const DrawLog& log) {
  DUDAO_CHECK(check_committed(rows, code));
  if (reason.empty()) return fail(Code::kReasonMissing);
  DrawStep step;
  step.draw = code;
  step.stage = DrawStage::kVoid;
  step.reason = reason;
  return log(step);
}

Result<std::vector<std::pair<std::string, std::string>>> draw_publication(Store& rows, std::string_view code) {
  const Table& table = table_of("draw");
  DUDAO_TRY(const StoredRow row, draw_row(rows, code));
  DUDAO_TRY(const DrawFiles files, draw_files(rows, code));
  std::vector<std::pair<std::string, std::string>> out = {
      {"manifest.txt", files.manifest},
      {"frame.txt", files.frame},
      {"pool.txt", files.pool},
      {"recuse.txt", files.recuse},
      {"commitment.txt", to_hex(bytes_in(table, row, "commitment")) + "\n"}};
  if (text_in(table, row, "state") == "REVEALED") {
    DUDAO_TRY(const std::string result, kept(rows, code, "result"));
    out.emplace_back("entropy.txt", text_in(table, row, "entropy") + "\n");
    out.emplace_back("secret.txt", to_hex(bytes_in(table, row, "secret")) + "\n");
    out.emplace_back("result.txt", result);
    DUDAO_TRY(const std::string recused, kept(rows, code, "recused"));
    if (!recused.empty()) out.emplace_back(std::string(kRecusedLater) + ".txt", recused);
  }
  return out;
}

}  // namespace dudao
