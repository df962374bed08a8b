#include "tests/faults/scenarios.hpp"

#include <utility>

namespace dudao::faults {
namespace {

std::vector<Step> recording(int agent, int n) {
  const auto use = [=](std::string name, auto what) {
    const bool seals = name == "submit";
    return Step{std::move(name), [=](World& w) { return w.in_visit(agent, n, what); }, seals};
  };
  return {
      use("check in", [](VisitBook& b, const Bytes& v) { return b.check_in(v, {}, "室内无信号"); }),
      use("answer S1",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S1", {std::int64_t{1}, {}, {}}, {});
          }),
      use("answer S2",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S2", {std::int64_t{12}, {}, {}}, "够");
          }),
      use("answer S3",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S3", {std::string(900, 'x'), {}, {}}, {});
          }),
      use("answer S2 again",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S2", {std::int64_t{13}, {}, {}}, {});
          }),
      use("add a finding",
          [](VisitBook& b, const Bytes& v) {
            return b.add_finding(v, {"S1", "ADVICE", {}, "通道有杂物", {}, {}}).map([](auto) {});
          }),
      use("add a note", [](VisitBook& b, const Bytes& v) { return b.add_note(v, {}, "校门有保安").map([](auto) {}); }),
      use("add a highlight",
          [](VisitBook& b, const Bytes& v) { return b.add_highlight(v, "S1", "通道每日巡查").map([](auto) {}); }),
      use("finish", [](VisitBook& b, const Bytes& v) { return b.finish(v); }),
      use("feedback", [](VisitBook& b, const Bytes& v) { return b.feedback(v, "已反馈").map([](auto) {}); }),
      use("sign",
          [](VisitBook& b, const Bytes& v) {
            return b.sign(v, {"HEAD", {}, "ABSENT", {}, {}, "外出"});
          }),
      use("submit", [](VisitBook& b, const Bytes& v) { return b.submit(v, "同事未到"); }),
  };
}

}  // namespace

Status run_all(World& world, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    Status done = step.run(world);
    if (!done) return fail(done.error().code, step.name + ": " + done.error().detail);
  }
  return {};
}

/// Brings a database back to the version before this one, whose tables were there already; what opens it next migrates.
Status to_version_before(const std::string& path, DatabaseKind kind) {
  const bool office = kind == DatabaseKind::kOffice;
  DUDAO_TRY(auto database,
            Database::open(path, Database::Mode::kOpen, office ? kOfficeApplicationId : kDeviceApplicationId));
  DUDAO_TRY(auto transaction, Transaction::begin(*database));
  constexpr int kTablesBefore = 21;
  for (const Table& table : synced_tables())
    if (table.id > kTablesBefore) DUDAO_CHECK(database->script("DROP TABLE IF EXISTS " + std::string(table.name)));
  for (const char* table : {"school_code", "photo", "credential", "login_session"})
    if (office) DUDAO_CHECK(database->script(std::string("DROP TABLE IF EXISTS ") + table));
  DUDAO_CHECK(database->script("PRAGMA user_version=" + std::to_string(kSchemaVersion - 1)));
  return transaction.commit();
}

std::vector<Scenario> scenarios() {
  const Step found{"found the office", [](World& w) -> Status {
                     DUDAO_CHECK(w.open_office());
                     DUDAO_CHECK(w.people());
                     return w.office->publish_template("王处长", kChecklist).map([](auto) {});
                   }};
  const Step enrol_both{"enrol both", [](World& w) -> Status {
                          for (int n = 0; n < 2; ++n) {
                            DUDAO_CHECK(w.open_agent(n));
                            DUDAO_CHECK(w.enrol(n));
                          }
                          return {};
                        }};
  const Step plan_three{"plan three", [](World& w) -> Status {
                          DUDAO_CHECK(w.plan({"I001", "I002"}, 3));
                          DUDAO_CHECK(w.plan({"I002", "I001"}, 3));
                          DUDAO_CHECK(w.sync(0));
                          return w.sync(1);
                        }};
  const auto all_of = [](std::string name, std::vector<Step> steps) {
    return Step{std::move(name), [steps](World& w) { return run_all(w, steps); }};
  };
  const auto sync = [](int agent, PassBudget budget = {}) {
    return Step{"agent " + std::to_string(agent + 1) + " synchronises", [=](World& w) { return w.sync(agent, budget); },
                false, true};
  };
  const Step record_first = all_of("record", recording(0, 0));
  const Step record_second = all_of("record", recording(1, 1));
  const std::string agent_path = "/agent1/agent.db";

  std::vector<Scenario> out;
  const Step seal_first{"seal", [](World& w) { return seal(w.agents[0].platform, *w.agents[0].db).map([](int) {}); }};
  std::vector<Step> records = recording(0, 0);
  records.push_back(seal_first);
  out.push_back({"agent-records", "/agent1/", agent_path, {found, enrol_both, plan_three}, records});
  out.push_back({"agent-synchronises",
                 "/agent1/",
                 agent_path,
                 {found, enrol_both, plan_three, record_first, record_second},
                 {seal_first, all_of("check in elsewhere", {recording(0, 2)[0]}), sync(0, {1, 1}),
                  all_of("answer elsewhere", {recording(0, 2)[1]}), sync(1), sync(0)}});
  out.push_back(
      {"agent-takes-rows",
       "/agent1/",
       agent_path,
       {found, enrol_both, plan_three, record_second},
       {sync(1), sync(0, {1u << 20, 1}), {"plan two more", [](World& w) { return w.plan({"I001"}, 2); }}, sync(0)}});
  out.push_back({"agent-enrols",
                 "/agent1/",
                 agent_path,
                 {found},
                 {{"open", [](World& w) { return w.agents[0].db ? Status() : w.open_agent(0); }},
                  {"enrol",
                   [](World& w) -> Status {
                     DUDAO_TRY(const auto number, integer_setting(*w.agents[0].db, "device"));
                     return number ? Status() : w.enrol(0);
                   }},
                  {"plan", [](World& w) { return w.plan({"I001"}); }},
                  sync(0)},
                 true});
  out.push_back({"office-takes-in",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, record_second},
                 {sync(0), sync(1, {1, 1}), all_of("check in elsewhere", {recording(0, 2)[0]}), sync(0),
                  all_of("answers elsewhere", {recording(1, 2)[0]}), sync(1), sync(0)}});
  out.push_back({"office-decides",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, sync(0)},
                 {{"plan", [](World& w) { return w.plan({"I002"}, 2); }},
                  {"query",
                   [](World& w) -> Status {
                     DUDAO_TRY(const Bytes id, w.visit(0, 0));
                     return w.office->visit_event("王处长", id, "query", "S2", "请说明");
                   }},
                  {"revoke", [](World& w) { return w.office->revoke("王处长", 2, "丢失"); }}}});
  out.push_back({"office-rebuilds",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, sync(0)},
                 {{"rebuild", [](World& w) { return w.office->rebuild(); }}, sync(1)}});
  out.push_back({"agent-migrates",
                 "/agent1/",
                 agent_path,
                 {found, enrol_both, plan_three, record_first},
                 {{"migrate",
                   [agent_path](World& w) -> Status {
                     w.agents[0].db.reset();
                     DUDAO_CHECK(to_version_before(agent_path, DatabaseKind::kDevice));
                     return w.open_agent(0);
                   }},
                  sync(0)}});
  out.push_back({"office-migrates",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, sync(0)},
                 {{"migrate",
                   [](World& w) -> Status {
                     w.office.reset();
                     DUDAO_CHECK(to_version_before(kOfficePath, DatabaseKind::kOffice));
                     return w.open_office();
                   }},
                  {"plan", [](World& w) { return w.plan({"I002"}, 2); }}}});
  return out;
}

}  // namespace dudao::faults
