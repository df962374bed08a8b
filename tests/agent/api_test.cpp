#include "agent/agent.hpp"
#include "agent/json_schema.hpp"
#include "tests/sync/office/county.hpp"

#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

/// An agent that talks to a TestOffice through its one door only, and whose every answer is held against the
/// description.
struct Door {
  TestOffice& office;
  TestDevice wires;  // Only for its loopback to the office.
  TempFolder folder;
  std::unique_ptr<Agent> agent;
  std::set<std::string> used;

  explicit Door(TestOffice& at) : office(at), wires(at, "I001") { open(); }
  void open() {
    auto opened = Agent::open(wires.platform, folder / "agent.db");
    if (!opened) FAIL(opened.error().message());
    agent = std::move(*opened);
  }
  json raw(const std::string& method, json params = json::object()) {
    const json request = {{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", std::move(params)}};
    const json answer = json::parse(agent->call(request.dump()));
    CHECK(answer.at("id") == 7);
    CHECK(answer.at("jsonrpc") == "2.0");
    return answer;
  }
  json ok(const std::string& method, json params = json::object()) {
    const json answer = raw(method, std::move(params));
    if (answer.contains("error")) FAIL(method << ": " << answer["error"].dump());
    used.insert(method);
    const json api = json::parse(agent_api());
    for (const json& described : api["methods"]) {
      if (described["name"] != method) continue;
      const Status fits = check_json(answer["result"], described["result"]["schema"], api, "result");
      if (!fits) FAIL(method << ": " << fits.error().message());
    }
    return answer["result"];
  }
  int refused(const std::string& method, json params = json::object()) {
    const json answer = raw(method, std::move(params));
    REQUIRE(answer.contains("error"));
    const json& data = answer["error"]["data"];
    CHECK(find_code(data["number"].get<std::uint16_t>()));
    CHECK_FALSE(data["en"].get<std::string>().empty());
    CHECK_FALSE(data["zh"].get<std::string>().empty());
    return data["number"];
  }
  std::string enrol() {
    ok("office.set", {{"url", "http://office"}, {"key", to_hex(office->key().thumbprint())}});
    const auto code = office->offer_enrolment("王处长", "I001");
    CHECK(ok("enrol.request", {{"inspector", "I001"}, {"device_name", "平板"}, {"code", to_hex(*code)}})["enrolled"] ==
          true);
    return to_hex(*code);
  }
};

json error_of(Agent& agent, std::string_view request) { return json::parse(agent.call(request))["error"]; }

}  // namespace

TEST_CASE(
    "every method is described, each with words for itself and its parameters, and every description can be called") {
  TestOffice office;
  Door door(office);
  const json api = door.ok("rpc.discover");
  CHECK(api["openrpc"] == "1.3.2");
  std::set<std::string> names;
  for (const json& method : api["methods"]) {
    const std::string name = method["name"];
    INFO(name);
    CHECK(names.insert(name).second);
    CHECK(method["summary"].get<std::string>().ends_with('.'));
    for (const json& param : method["params"]) CHECK(param["description"].get<std::string>().size() > 2);
    const json answer = door.raw(name, {{"no_such_parameter", 1}});
    REQUIRE(answer.contains("error"));
    CHECK(answer["error"]["code"] == -32602);  // Known, and strict about parameters.
  }
  CHECK(names.size() > 30);
  CHECK(door.refused("visit.conjure") == static_cast<int>(Code::kMethodNotThere));
}

TEST_CASE("every required parameter is required, and of the described kind") {
  TestOffice office;
  Door door(office);
  const json api = json::parse(agent_api());
  const auto sample = [&](json schema) -> json {
    if (schema.contains("$ref")) schema = api.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
    if (schema.contains("enum")) return schema["enum"][0];
    const std::string type =
        schema["type"].is_string() ? schema["type"].get<std::string>() : schema["type"][0].get<std::string>();
    if (type == "integer") return schema.value("minimum", 1);
    if (type == "array") return json::array({"1-1"});
    if (type == "object") return {{"lat", "1.0"}, {"lon", "2.0"}};
    if (type == "boolean") return true;
    return std::string(schema.value("minLength", std::size_t{1}), '0');
  };
  for (const json& method : api["methods"]) {
    json whole = json::object();
    for (const json& param : method["params"])
      if (param.value("required", false)) whole[param["name"].get<std::string>()] = sample(param["schema"]);
    for (const json& param : method["params"]) {
      const std::string name = param["name"];
      INFO(method["name"] << "." << name);
      if (param.value("required", false)) {
        json without = whole;
        without.erase(name);
        CHECK(door.raw(method["name"], without)["error"]["code"] == -32602);
      }
      if (name == "value") continue;  // Any kind of answer.
      json wrong = whole;
      wrong[name] = 1.5;
      CHECK(door.raw(method["name"], wrong)["error"]["code"] == -32602);
    }
  }
}

TEST_CASE("a whole visit goes through the door, and every answer is as described") {
  TestOffice office;
  office.add_people_and_schools();
  Door door(office);
  CHECK(door.ok("agent.status")["enrolled"] == false);
  CHECK(door.refused("enrol.request", {{"inspector", "I001"}, {"device_name", "平板"}}) ==
        static_cast<int>(Code::kOfficeNotSet));
  CHECK(door.refused("sync.run") == static_cast<int>(Code::kOfficeNotSet));
  door.enrol();
  const std::string visit = to_hex(office.plan({"I001"}));
  const std::string second = to_hex(office.plan({"I001"}, "140002"));
  CHECK(door.ok("sync.run")["complete"] == true);
  CHECK(door.ok("visit.list")["visits"].size() == 2);
  CHECK(door.ok("visit.list", {{"state", "READY"}})["visits"].empty());
  CHECK(door.ok("school.list")["schools"].size() == 2);
  const json v = {{"visit", visit}};
  const auto with = [&](json more) {
    more["visit"] = visit;
    return more;
  };
  door.ok("visit.prepare", v);
  CHECK(door.refused("visit.check_in", with({{"place", {{"lat", "91"}, {"lon", "0"}}}})) ==
        static_cast<int>(Code::kPlaceWrong));
  CHECK(door.refused("visit.check_in", with({{"place", {{"lat", "36.12345678"}, {"lon", "0"}}}})) ==
        static_cast<int>(Code::kParameterWrong));
  door.ok("visit.check_in", with({{"place", {{"lat", "36.1234567"}, {"lon", "112.4567"}, {"accuracy_cm", 800}}}}));
  CHECK(door.ok("checklist.get", v)["items"].size() == 3);
  door.ok("visit.answer", with({{"item", "S1"}, {"value", false}, {"note", "北门堆放杂物"}}));
  door.ok("visit.answer", with({{"item", "S2"}, {"value", 12}}));
  CHECK(door.refused("visit.answer", with({{"item", "S2"}, {"value", "many"}})) == static_cast<int>(Code::kAnswerType));
  door.ok("visit.answer", with({{"item", "S3"}, {"value", "楼道\"整洁\"\u0000\n"}}));
}

TEST_CASE("the door takes a visit to its end and shows honestly where everything stands") {
  TestOffice office;
  office.add_people_and_schools();
  Door door(office);
  door.enrol();
  const std::string visit = to_hex(office.plan({"I001"}));
  const std::string recused = to_hex(office.plan({"I001"}, "140003"));
  door.ok("sync.run");
  const json v = {{"visit", visit}};
  const auto with = [&](json more) {
    more["visit"] = visit;
    return more;
  };
  door.ok("visit.recuse", {{"visit", recused}, {"code", "R1"}});
  door.ok("visit.check_in", with({{"reason", "室内无信号"}}));
  door.ok("visit.pause", v);
  door.ok("visit.resume", v);
  door.ok("visit.answer", with({{"item", "S1"}, {"value", true}}));
  door.ok("visit.answer", with({{"item", "S2"}, {"value", 3}}));
  const json made =
      door.ok("finding.add", with({{"severity", "ORDINARY"}, {"text", "应急灯不亮"}, {"due", "2026-03-20"}}));
  json entry = with(made);
  json changed = entry;
  changed["severity"] = "SERIOUS";
  changed["text"] = "三处应急灯不亮";
  door.ok("finding.change", changed);
  door.ok("finding.fix_on_site", entry);
  const json other = with(door.ok("finding.add", with({{"severity", "ADVICE"}, {"text", "误记"}})));
  json voided = other;
  voided["reason"] = "记错";
  door.ok("finding.void", voided);
  CHECK(door.ok("finding.take_derived", v)["taken"] == 0);
  json note = with(door.ok("note.add", with({{"text", "随访两间教室"}})));
  json longer = note;
  longer["text"] = "随访三间教室";
  door.ok("note.change", longer);
  std::string chinese;
  for (int i = 0; i < 10'000; ++i) chinese += "字";
  longer["text"] = chinese;
  door.ok("note.change", longer);
  longer["text"] = chinese + "字";
  CHECK(door.refused("note.change", longer) == static_cast<int>(Code::kParameterWrong));
  note["reason"] = "重复";
  door.ok("note.void", note);
  json highlight = with(door.ok("highlight.add", with({{"item", "S1"}, {"text", "通道每日巡查并公示"}})));
  highlight["text"] = "通道每日巡查，结果公示";
  door.ok("highlight.change", highlight);
  json second = with(door.ok("highlight.add", with({{"text", "误记"}})));
  second["reason"] = "重复";
  door.ok("highlight.void", second);
  CHECK(door.refused("highlight.add", with({{"item", "S9"}, {"text", "x"}})) ==
        static_cast<int>(Code::kAnswerUnknownItem));
  CHECK(door.refused("highlight.add", with({{"text", ""}})) == static_cast<int>(Code::kParameterWrong));
  second.erase("reason");
  second["text"] = "又改";
  CHECK(door.refused("highlight.change", second) == static_cast<int>(Code::kRowUnknown));
  const json highlights = door.ok("visit.get", v)["highlights"];
  REQUIRE(highlights.size() == 2);
  CHECK(highlights[0]["text"] == "通道每日巡查，结果公示");
  CHECK(highlights[1]["void_reason"] == "重复");
  CHECK(door.refused("visit.feedback_sheet", v) == static_cast<int>(Code::kFeedbackMissing));
  door.ok("visit.finish", v);
  CHECK(door.ok("visit.feedback", with({{"text", "总体良好"}}))["document_hash"].get<std::string>().size() == 64);
  const json unsigned_sheet = door.ok("visit.feedback_sheet", v);
  door.ok("visit.answer", with({{"item", "S2"}, {"value", 2}}));
  CHECK(door.refused("visit.feedback_sheet", v) == static_cast<int>(Code::kFeedbackOutdated));
  door.ok("visit.answer", with({{"item", "S2"}, {"value", 3}}));
  door.ok("visit.feedback", with({{"text", "总体良好"}}));
  door.ok("visit.sign", with({{"role", "HEAD"}, {"outcome", "SIGNED"}, {"name", "李校长"}, {"strokes", "AQID"}}));
  const json sheet = door.ok("visit.feedback_sheet", v);
  CHECK(sheet["hash"] != unsigned_sheet["hash"]);
  CHECK(sheet["number"] == visit + "-1-2");
  CHECK(sheet["html"].get<std::string>().find(sheet["hash"].get<std::string>()) != std::string::npos);
  CHECK(sheet["html"].get<std::string>().find("三处应急灯不亮（已当场整改）") != std::string::npos);
  CHECK(door.ok("visit.feedback_sheet", with({{"language", "en"}}))["hash"] != sheet["hash"]);
  door.ok("visit.submit", v);
  CHECK(door.ok("statement.list", {{"waiting", true}})["statements"].size() == 1);
  CHECK(door.ok("statement.list")["statements"][0]["state"] == "ONLY_HERE");
  CHECK(door.ok("agent.status")["waiting"] == 1);

  door.wires.machine.http.plan(LoopbackHttp::Fault::kLoseRequest);
  const json offline = door.ok("sync.run");
  CHECK(offline["complete"] == false);
  CHECK(offline["waiting"] == 1);
  CHECK(offline["next_try_utc_ms"] > door.wires.machine.clock.wall_utc_ms());
  CHECK(offline["error"]["class"] == "retry");

  const json online = door.ok("sync.run");
  CHECK(online["complete"] == true);
  CHECK(online["waiting"] == 0);
  CHECK(online["refusals"].empty());
  CHECK(json::parse(door.agent->poll())["method"] == "sync.progress");
  CHECK(door.ok("statement.list")["statements"][0]["state"] == "RECEIPTED");
  const json kept = door.ok("statement.get", {{"seq", 1}});
  CHECK(verify_receipt(*from_base64(kept["receipt"].get<std::string>()),
                       *from_base64(kept["statement"].get<std::string>()), office->key()));
  const json seen = door.ok("visit.get", v);
  CHECK(seen["state"] == "RECEIVED");
  CHECK(seen["findings"].size() == 2);
  CHECK(seen["answers"]["S2"] == 3);
  door.ok("visit.amend",
          with({{"target", "answer"}, {"key", "S2/I001"}, {"field", "value"}, {"value", 4}, {"reason", "漏数一具"}}));
  CHECK(door.refused("visit.amend", with({{"target", "answer"},
                                          {"key", "S2/I001"},
                                          {"field", "value"},
                                          {"value", 18'446'744'073'709'551'615U},
                                          {"reason", "x"}})) == static_cast<int>(Code::kParameterWrong));
  CHECK(door.ok("sync.run")["refusals"].empty());
  CHECK(door.ok("visit.feedback_sheet", v)["hash"] == sheet["hash"]);  // An amendment leaves it as it was handed over.
}

TEST_CASE("a damaged pin of the office's key is never taken for none") {
  TestOffice office;
  office.add_people_and_schools();
  Door door(office);
  door.ok("office.set", {{"url", "http://office"}, {"key", to_hex(office->key().thumbprint())}});
  door.agent.reset();
  {
    auto db = open_database(door.folder / "agent.db", Database::Mode::kOpen, DatabaseKind::kDevice);
    REQUIRE(db);
    REQUIRE((*db)->execute("UPDATE setting SET value = 'abc' WHERE name = 'office_pin'"));
  }
  door.open();
  const auto code = office->offer_enrolment("王处长", "I001");
  CHECK(door.refused("enrol.request", {{"inspector", "I001"}, {"device_name", "平板"}, {"code", to_hex(*code)}}) ==
        static_cast<int>(Code::kDatabaseCorrupt));
  CHECK(door.ok("agent.status")["enrolled"] == false);
}

TEST_CASE("what is no request, too large or too deep is answered as JSON-RPC says, and does nothing") {
  TestOffice office;
  Door door(office);
  Agent& agent = *door.agent;
  CHECK(error_of(agent, "{")["code"] == -32700);
  CHECK(error_of(agent, "")["code"] == -32700);
  CHECK(error_of(agent, "\xff\xfe")["code"] == -32700);
  CHECK(error_of(agent, "1")["code"] == -32600);
  CHECK(error_of(agent, "[]")["code"] == -32600);
  CHECK(error_of(agent, R"({"jsonrpc":"1.0","id":1,"method":"agent.status"})")["code"] == -32600);
  CHECK(error_of(agent, R"({"jsonrpc":"2.0","id":1,"method":"agent.status","params":[]})")["code"] == -32600);
  CHECK(error_of(agent, std::string(200'000, '['))["data"]["number"] == static_cast<int>(Code::kRequestTooLarge));
  CHECK(error_of(agent, std::string(5u << 20, ' '))["data"]["number"] == static_cast<int>(Code::kRequestTooLarge));
  CHECK(agent.call(R"({"jsonrpc":"2.0","method":"agent.status"})").empty());
  const json batch = json::parse(agent.call(
      R"([{"jsonrpc":"2.0","id":"a","method":"agent.status"},{"jsonrpc":"2.0","method":"agent.status"},5])"));
  REQUIRE(batch.size() == 2);
  CHECK(batch[0]["id"] == "a");
  CHECK(batch[1]["error"]["code"] == -32600);
}

TEST_CASE("the log never holds what was recorded") {
  TestOffice office;
  office.add_people_and_schools();
  Door door(office);
  door.enrol();
  const std::string visit = to_hex(office.plan({"I001"}));
  door.ok("sync.run");
  door.ok("visit.check_in", {{"visit", visit}, {"reason", "门口SECRETWORD"}});
  door.ok("visit.answer", {{"visit", visit}, {"item", "S3"}, {"value", "SECRETWORD"}});
  door.ok("note.add", {{"visit", visit}, {"text", "SECRETWORD"}});
  door.refused("visit.answer", {{"visit", visit}, {"item", "S2"}, {"value", "SECRETWORD"}});
  door.ok("sync.run");
  CHECK_FALSE(door.wires.machine.log.contains("SECRETWORD"));
  CHECK_FALSE(office.machine.log.contains("SECRETWORD"));
}
