#pragma once

/// One office and two agents of which every run makes the same bytes, given the same chance: keys and clocks stand
/// still.

#include "agent/visit_book.hpp"
#include "sync/office/office.hpp"
#include "sync/pass.hpp"
#include "tests/faults/memory.hpp"
#include "tests/support/fake_platform.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dudao::faults {

using namespace dudao::test;

inline constexpr std::string_view kChecklist = R"({"format": "dudao-checklist-1", "code": "daily", "version": 1,
  "title": {"zh": "日常督导"}, "languages": ["zh"], "weight": 1, "sections": [{"code": "S", "title": {"zh": "安全"}, "items": [
  {"code": "S1", "type": "yes_no", "title": {"zh": "消防通道畅通"}, "scoring": {"mode": "met", "weight": 1}},
  {"code": "S2", "type": "integer", "min": 0, "max": 100, "title": {"zh": "灭火器数量"}},
  {"code": "S3", "type": "text", "required": false, "title": {"zh": "其他情况"}}]}]})";

inline const std::string kOfficePath = "/office/office.db";

inline PrivateKey fixed_key(std::uint8_t n) {
  const Bytes secret(32, n);
  auto key = PrivateKey::from_secret(Algorithm::kEd25519, secret);
  if (!key) std::abort();
  return *std::move(key);
}

struct Agent {
  FakePlatform machine;
  Platform platform = machine.view();
  std::unique_ptr<Database> db;
  std::string path;
  std::string inspector;
};

/// One office and two agents. Keys, clocks and chance are the same every time, so every run writes the same bytes.
struct World {
  FakePlatform office_machine;
  Platform office_platform = office_machine.view();
  std::unique_ptr<Office> office;
  Agent agents[2];
  bool spare_office = false;  ///< memory does not run out there

  World() {
    office_machine.keys.put("office", fixed_key(1));
    for (std::uint8_t n = 0; n < 2; ++n) {
      Agent& agent = agents[n];
      agent.machine.keys.put("device", fixed_key(static_cast<std::uint8_t>(2 + n)));
      agent.path = "/agent" + std::to_string(n + 1) + "/agent.db";
      agent.inspector = "I00" + std::to_string(n + 1);
      agent.machine.http.set_handler([this](const HttpRequest& request) -> HttpResponse {
        if (!office) return {};
        const Memory::Spare spare(spare_office);
        Request in;
        in.method = request.method;
        in.path = request.url.substr(request.url.find("/v1"));
        in.headers = request.headers;
        in.body = request.body;
        Response out = office->handle(in);
        HttpResponse answer;
        answer.status = out.status;
        answer.headers = std::move(out.headers);
        answer.body = std::move(out.body);
        return answer;
      });
    }
  }

  Status open_office() {
    DUDAO_TRY(office, Office::open(office_platform, {.database = kOfficePath, .origin = "office.example/log"}));
    return {};
  }
  Status open_agent(int n) {
    Agent& agent = agents[n];
    DUDAO_TRY(agent.db, open_database(agent.path, Database::Mode::kOpenOrCreate, DatabaseKind::kDevice));
    return {};
  }
  void close() {
    office.reset();
    for (Agent& agent : agents) agent.db.reset();
  }

  Result<HttpResponse> post(Agent& agent, std::string_view path, Bytes body) {
    HttpRequest request;
    request.method = "POST";
    request.url = "http://office" + std::string(path);
    request.body = std::move(body);
    return agent.platform.http.send(request);
  }
  static std::string content_type(const HttpResponse& answer) {
    const auto found = answer.headers.find("content-type");
    return found == answer.headers.end() ? "" : found->second;
  }
  Result<Bytes> offer(const Agent& agent) {
    const Memory::Spare spare(spare_office);
    auto code = office->offer_enrolment("王处长", agent.inspector);
    // Chance is the same when a step is tried again; in life it is not, and the next code is another.
    return code ? code : office->offer_enrolment("王处长", agent.inspector);
  }
  Status enrol(int n) {
    Agent& agent = agents[n];
    DUDAO_TRY(const Bytes code, offer(agent));
    DUDAO_TRY(const PublicKey key, agent.platform.keys.public_key("device"));
    DUDAO_TRY(Bytes body, enrolment_request(agent.platform, "device", key, agent.inspector, "平板", code));
    DUDAO_TRY(const HttpResponse answer, post(agent, "/v1/enrol", std::move(body)));
    DUDAO_TRY(const bool enrolled, take_enrolment(agent.platform, *agent.db, "device", key, answer.status,
                                                  content_type(answer), answer.body, {}));
    return enrolled ? Status() : fail(Code::kNotEnrolled);
  }
  Status sync(int n, PassBudget budget = {}) {
    Agent& agent = agents[n];
    SyncPass pass(agent.platform, *agent.db, budget);
    while (true) {
      DUDAO_TRY(Bytes body, pass.request());
      DUDAO_TRY(const HttpResponse answer, post(agent, kSyncPath, std::move(body)));
      DUDAO_TRY(const PassReport report, pass.take_answer(answer.status, content_type(answer), answer.body));
      if (!report.again) return {};
    }
  }

  Status people() {
    return office
        ->decide("王处长", "register.import",
                 [](Store&) -> Result<ChangesBuilder> {
                   ChangesBuilder rows;
                   for (const char* code : {"I001", "I002"})
                     rows.insert("inspector", {std::string(code), std::string("督学"), std::int64_t{1}, std::int64_t{1},
                                               Value(), Value(), std::int64_t{10'000}, std::string("ACTIVE")});
                   for (int i = 1; i <= 3; ++i)
                     rows.insert("school", {"14000" + std::to_string(i), std::string("小学"), Value(), Value(), Value(),
                                            std::int64_t{400}, Value(), Value(), Value(), Value(), std::string("OPEN"),
                                            std::int64_t{1}, Value(), Value()});
                   return rows;
                 })
        .map([](const auto&) {});
  }
  Status plan(std::vector<std::string> team, int visits = 1) {
    const Memory::Spare spare(spare_office);
    VisitPlan plan;
    plan.school = "140001";
    plan.kind = "ROUTINE";
    plan.template_code = "daily";
    plan.template_version = 1;
    plan.from_day = 20'500;
    plan.to_day = 20'520;
    plan.team = std::move(team);
    plan.reason = "随访";
    return office->plan("王处长", std::vector<VisitPlan>(static_cast<std::size_t>(visits), plan)).map([](const auto&) {
    });
  }
  /// The n-th visit that the agent's inspector leads, in the order of their ids.
  Result<Bytes> visit(int agent, int n) {
    DUDAO_TRY(const auto found,
              agents[agent].db->lookup("SELECT visit FROM team_member WHERE inspector = ? AND role = 'LEAD' "
                                       "ORDER BY visit LIMIT 1 OFFSET ?",
                                       std::string_view(agents[agent].inspector), std::int64_t{n}));
    if (!found) return fail(Code::kVisitNotHere);
    return std::get<Bytes>(*found);
  }
  template <class Use>
  Status in_visit(int agent, int n, const Use& use) {
    DUDAO_TRY(const Bytes id, visit(agent, n));
    VisitBook book(agents[agent].platform, *agents[agent].db);
    return use(book, id);
  }
};

}  // namespace dudao::faults
