/// The gate before everything that people at the office do: every method and every role, and each its own part of the
/// tree.

#include "tools/office/admin.hpp"

#include "sync/office/jurisdiction.hpp"
#include "sync/office/one_time_code.hpp"
#include "sync/payloads.hpp"
#include "sync/statement.hpp"
#include "tests/sync/office/county.hpp"
#include "tools/office/gate.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;
using nlohmann::json;

namespace {

const std::string kPassword = "a long enough password";

/// An office with people: WANG administers it; each other is named by role, and those with a number see that county
/// only.
struct Staff {
  TestOffice office;
  Admin admin{office.platform, *office.office, false, PasswordCost{8, 1, 1}};
  std::map<std::string, std::string> sessions;
  Bytes here, there;

  Staff() {
    office.add_people_and_schools();
    const auto done = office->decide("王处长", "register.import", [](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      const auto unit = [&](const char* code, Value parent) {
        rows.insert("org_unit", {std::string(code), std::string(code), std::string("县"), std::move(parent)});
      };
      unit("99", Value());
      unit("990121", std::string("99"));
      unit("990122", std::string("99"));
      const std::size_t place = find_table("school")->column("org_unit");
      rows.update("school", {std::string("140001")}, {{place, std::string("990121")}});
      rows.update("school", {std::string("140002")}, {{place, std::string("990122")}});
      rows.insert("school", {std::string("140004"), std::string("第四小学"), std::string("990121"), Value(), Value(),
                             std::int64_t{400}, Value(), Value(), Value(), Value(), std::string("OPEN"),
                             std::int64_t{1}, Value(), Value()});
      for (const char* inspector : {"I001", "I002"})
        rows.insert("inspector_profile",
                    {std::string(inspector), std::string(inspector == std::string("I001") ? "990121" : "990122"),
                     std::int64_t{3}, std::int64_t{10}, Value()});
      return rows;
    });
    if (!done) FAIL(done.error().message());
    here = office.plan({"I001"}, "140001");
    there = office.plan({"I001"}, "140002");
  }
  /// As whoever runs the machine.
  Result<json> call(std::string_view method, json params = json::object()) {
    return admin.call(method, params, [](std::string_view, std::uint64_t, std::uint64_t) {});
  }
  Result<json> as(const std::string& who, std::string_view method, json params = json::object()) {
    params["session"] = sessions.at(who);
    params["actor"] = "somebody else";
    return call(method, std::move(params));
  }
  Code code(const std::string& who, std::string_view method, json params = json::object()) {
    const auto done = as(who, method, std::move(params));
    return done ? Code{} : done.error().code;
  }
  void log_in(const std::string& who) {
    const auto in = call("login", {{"person", who}, {"password", kPassword}});
    if (!in) FAIL(in.error().message());
    sessions[who] = in->at("session");
  }
  void found() {
    const auto entered = call("person add", {{"person", "WANG"},
                                             {"name", "王处长"},
                                             {"roles", "ADMINISTRATOR"},
                                             {"next", kPassword},
                                             {"actor", "founder"}});
    if (!entered) FAIL(entered.error().message());
    log_in("WANG");
    set_up_second_factor("WANG");
  }
  void set_up_second_factor(const std::string& who) {
    REQUIRE(as(who, "second-factor", {{"password", kPassword}}));
    Bytes secret;
    REQUIRE(office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto credential, rows.credential(who));
      secret = *credential->totp_secret;
      return {};
    }));
    const std::string digits = one_time_code(secret, office.machine.clock.wall_utc_ms() / kOneTimeStep_ms);
    REQUIRE(as(who, "second-factor", {{"confirm", digits}}));
  }
  void add(const std::string& who, const std::string& roles, const std::string& unit = "") {
    const auto entered =
        as("WANG", "person add",
           {{"person", who}, {"name", "姓名" + who}, {"roles", roles}, {"unit", unit}, {"next", kPassword}});
    if (!entered) FAIL(entered.error().message());
    log_in(who);
    if (roles.find("ADMINISTRATOR") != std::string::npos) set_up_second_factor(who);
  }
  json must(const std::string& who, std::string_view method, json params = json::object()) {
    auto done = as(who, method, std::move(params));
    if (!done) FAIL(done.error().message());
    return *std::move(done);
  }
  /// Of every decision in the log, in order.
  std::vector<std::string> actors() {
    const Bytes file = office.ledger();
    std::vector<std::string> out;
    for (CborReader in(file); !in.at_end();) {
      CborReader record(in.item().value());
      REQUIRE(record.array());
      if (record.integer().value() != 1) continue;
      const Statement statement = parse_statement(record.bytes().value()).value();
      if (statement.type != StatementType::kOfficeDecision) continue;
      out.emplace_back(read_change_set(statement.payload).value().actor);
    }
    return out;
  }
};

}  // namespace

TEST_CASE("no method of the office is missing from the table of rights, and the table names no other") {
  std::vector<std::string_view> methods = Admin::methods();
  std::sort(methods.begin(), methods.end());
  CHECK(std::adjacent_find(methods.begin(), methods.end()) == methods.end());
  std::set<std::string_view> listed;
  for (const MethodRight& row : method_rights()) listed.insert(row.method);
  CHECK(std::vector<std::string_view>(listed.begin(), listed.end()) == methods);
}

TEST_CASE("whoever runs the machine founds the office, and from the first person on nobody decides without a session") {
  Staff at;
  CHECK(at.call("whoami")->at("founding") == true);
  CHECK(at.call("visit list")->at("visits").size() == 2);
  CHECK(at.call("login", {{"person", "WANG"}, {"password", kPassword}}).error().code == Code::kLoginWrong);
  CHECK(at.call("second-factor", {{"password", kPassword}}).error().code == Code::kSessionOver);
  CHECK(at.call("person add", {{"person", "LI"}, {"name", "李"}, {"roles", "PLANNER"}, {"next", kPassword}})
            .error()
            .code == Code::kPersonWrong);
  at.found();
  CHECK(at.actors().back() == "founder");
  for (const std::string_view method : Admin::methods()) {
    INFO(method);
    for (const json& session : {json(), json(""), json("00"), json(std::string(64, '0')), json(7)}) {
      const auto done = at.call(method, {{"session", session}, {"actor", "founder"}});
      REQUIRE_FALSE(done);
      CHECK(done.error().code == (method == "login" ? Code::kLoginWrong : Code::kSessionOver));
    }
  }
}

TEST_CASE("every role may call the methods that its rights allow and is refused all others") {
  Staff at;
  at.found();
  for (const Role role : kRoles)
    if (role != Role::kAdministrator) at.add(std::string(to_string(role)).substr(0, 4), std::string(to_string(role)));
  for (const Role role : kRoles) {
    const std::string who = role == Role::kAdministrator ? "WANG" : std::string(to_string(role)).substr(0, 4);
    for (const MethodRight& row : method_rights()) {
      // Those would end what the others are asked with.
      if (row.right == Right::kOpen || row.method == "logout") continue;
      INFO(to_string(role) << " " << row.method << " " << row.event);
      // Without parameters hardly anything is done: what counts is who says no.
      json params = {{"path", at.office.folder / "copy"}};
      if (!row.event.empty()) params["event"] = row.event;
      const Code said = at.code(who, row.method, params);
      CHECK((said == Code::kNotAllowed) == !allows(role, row.right));
      CHECK(said != Code::kSessionOver);
      CHECK(said != Code::kOutsideUnit);
    }
  }
}

TEST_CASE("an administrator without second factor may set it up and nothing else") {
  Staff at;
  REQUIRE(at.call("person add",
                  {{"person", "WANG"}, {"name", "王"}, {"roles", "ADMINISTRATOR,PLANNER"}, {"next", kPassword}}));
  at.log_in("WANG");
  for (const MethodRight& row : method_rights()) {
    if (row.right == Right::kOpen || row.method == "logout") continue;
    INFO(row.method);
    const auto done = at.as("WANG", row.method);
    const bool own = row.right == Right::kSelf;
    if (!own) REQUIRE_FALSE(done);
    if (!own) CHECK(done.error().code == Code::kSecondFactorMissing);
  }
  CHECK(at.must("WANG", "whoami").at("confined") == true);
  CHECK(at.must("WANG", "whoami").at("rights").empty());
  at.office.machine.clock.advance(3'600'000);
  at.set_up_second_factor("WANG");
  CHECK(at.must("WANG", "whoami").at("confined") == false);
  CHECK(at.as("WANG", "visit list"));
}

TEST_CASE("what a person decides stands in the log under their code, whatever the command line says") {
  Staff at;
  at.found();
  at.add("LI", "PLANNER,REVIEWER");
  REQUIRE(at.as("LI", "policy set", {{"policy", "TRAINING_HOURS"}, {"value", 30}, {"source", "某条"}, {"from", ""}}));
  CHECK(at.actors().back() == "LI");
  REQUIRE(at.as("LI", "visit event", {{"visit", to_hex(at.here)}, {"event", "cancel"}, {"reason", "停课"}}));
  CHECK(at.actors().back() == "LI");
  REQUIRE(at.as("WANG", "person change", {{"person", "LI"}, {"roles", "AUDITOR"}}));
  CHECK(at.actors().back() == "WANG");
  CHECK(at.code("LI", "visit event", {{"visit", to_hex(at.there)}, {"event", "cancel"}, {"reason", "停课"}}) ==
        Code::kNotAllowed);
  REQUIRE(at.as("WANG", "person leave", {{"person", "LI"}}));
  CHECK(at.code("LI", "visit list") == Code::kSessionOver);
  for (const std::string& actor : at.actors()) CHECK(actor != "somebody else");
}

TEST_CASE("people of a unit see and change what belongs to it and nothing of its neighbours") {
  Staff at;
  at.found();
  at.add("LI", "COUNTY_OFFICER,PLANNER,ADMINISTRATOR", "990121");
  const std::string here = to_hex(at.here);
  const std::string there = to_hex(at.there);
  const std::string finding_there = there + ":1/1";

  SECTION("lists") {
    const json visits = at.must("LI", "visit list").at("visits");
    REQUIRE(visits.size() == 1);
    CHECK(visits.at(0).at("visit") == here);
    CHECK(at.must("WANG", "visit list").at("visits").size() == 2);
    CHECK(at.code("LI", "visit list", {{"school", "140002"}}) == Code::kOutsideUnit);
    CHECK(at.must("LI", "finding list").at("findings").empty());
    const json whole = at.must("WANG", "statistics", {{"statistic", "coverage"}});
    const json part = at.must("LI", "statistics", {{"statistic", "coverage"}});
    CHECK(part.at("lines").size() < whole.at("lines").size());
    for (const json& line : part.at("lines")) CHECK(line.at("group").at(0) == "990121");
    CHECK(at.code("LI", "statistics", {{"statistic", "coverage"}, {"unit", "990122"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "statistics", {{"statistic", "coverage"}, {"unit", "99"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "explain", {{"statistic", "coverage"}, {"unit", "99"}}) == Code::kOutsideUnit);
    CHECK(at.as("LI", "policy list", {{"unit", "99"}}));
    const json status = at.must("LI", "status");
    CHECK(status.at("rows").at("org_unit") == 1);
    CHECK(status.at("rows").at("school") == 2);
    CHECK(status.at("rows").at("visit") == 1);
    CHECK(status.at("visit_states") == json({{"ASSIGNED", 1}}));
    CHECK(at.must("WANG", "status").at("visit_states") == json({{"ASSIGNED", 2}}));
    const json people = at.must("LI", "person list").at("people");
    REQUIRE(people.size() == 1);
    CHECK(people.at(0).at("person") == "LI");
  }
  SECTION("devices") {
    TestDevice one(at.office, "I001");
    TestDevice two(at.office, "I002");
    TestDevice three(at.office, "I001");
    one.enrol();
    two.enrol();
    REQUIRE_FALSE(three.enrol_with({}).value());
    one.must_sync();
    CHECK(one.db->integer("SELECT count(*) FROM org_unit").value() == 3);
    CHECK(one.db->integer("SELECT count(*) FROM person").value() == 0);  // who works at the office stays there
    const json devices = at.must("LI", "devices").at("devices");
    REQUIRE(devices.size() == 1);
    CHECK(devices.at(0).at("inspector") == "I001");
    CHECK(at.must("WANG", "devices").at("devices").size() == 2);
    CHECK(at.code("LI", "revoke", {{"device", 2}, {"reason", "丢失"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "revoke", {{"device", 9}, {"reason", "丢失"}}) == Code::kDeviceUnknown);
    CHECK(at.code("LI", "revoke", {{"device", 1}, {"reason", "丢失"}}) == Code{});
    CHECK(at.must("LI", "quarantine").at("quarantine").empty());
    CHECK(at.code("LI", "enrol offer", {{"inspector", "I002"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "enrol offer", {{"inspector", "I003"}}) == Code::kOutsideUnit);  // nobody's
    CHECK(at.code("LI", "enrol offer", {{"inspector", "I001"}}) == Code{});
    const json waiting = at.must("LI", "enrol list").at("waiting");
    REQUIRE(waiting.size() == 1);
    const std::string thumbprint = waiting.at(0).at("thumbprint");
    CHECK(at.code("LI", "enrol approve", {{"thumbprint", thumbprint}, {"inspector", "I002"}}) == Code::kOutsideUnit);
    at.add("ZHAO", "COUNTY_OFFICER", "990122");
    CHECK(at.must("ZHAO", "enrol list").at("waiting").empty());
    CHECK(at.code("ZHAO", "enrol approve", {{"thumbprint", thumbprint}, {"inspector", "I002"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "enrol approve", {{"thumbprint", thumbprint.substr(0, 8)}}) == Code{});
  }
  SECTION("visits and findings") {
    for (const char* method : {"visit show", "visit event", "school-code", "document"}) {
      INFO(method);
      const json params = {{"visit", there}, {"event", "accept"}, {"kind", "feedback"}};
      CHECK(at.code("LI", method, params) == Code::kOutsideUnit);
    }
    CHECK(at.code("LI", "visit show", {{"visit", here}}) == Code{});
    CHECK(at.code("LI", "visit show", {{"visit", std::string(32, '0')}}) == Code::kVisitUnknown);
    CHECK(at.code("LI", "visit show", {{"visit", "x"}}) == Code::kOptionWrong);
    CHECK(at.code("LI", "finding show", {{"finding", finding_there}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "finding act", {{"finding", finding_there}, {"event", "notice"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "finding keep-photo", {{"finding", finding_there}, {"data", ""}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "finding photo", {{"finding", finding_there}, {"photo", ""}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "finding show", {{"finding", here + ":1/1"}}) == Code::kFindingUnknown);
    for (const std::string& proposal : {"INTERVIEW:" + finding_there, "COMMENDATION:" + there})
      CHECK(at.code("LI", "proceeding open", {{"proposal", proposal}}) == Code::kOutsideUnit);
    for (const std::string& proposal : {"COMMENDATION:" + here, std::string("COMMENDATION:x")}) {
      CHECK(at.code("LI", "proceeding open", {{"proposal", proposal}}) == Code::kProceedingUnknown);
      // One that is within reach opens nothing else.
      CHECK(at.code("LI", "visit show", {{"visit", there}, {"proposal", proposal}}) == Code::kOutsideUnit);
    }
    const auto plan = [&](const char* school, json findings = json::array()) {
      return at.code("LI", "plan",
                     {{"school", school},
                      {"team", {"I002"}},
                      {"template", "daily"},
                      {"from", "2026-03-02"},
                      {"to", "2026-03-06"},
                      {"reason", "随访"},
                      {"findings", std::move(findings)}});
    };
    CHECK(plan("140002") == Code::kOutsideUnit);
    CHECK(plan("140003") == Code::kOutsideUnit);
    CHECK(plan("140009") == Code::kSchoolUnknown);
    CHECK(plan("140001", {finding_there}) == Code::kOutsideUnit);
    CHECK(plan("140001") == Code{});
  }
  SECTION("registers") {
    const auto take = [&](const char* kind, const std::string& csv, const json& map) {
      return at.code("LI", "import",
                     {{"kind", kind}, {"content", to_base64(view(csv))}, {"encoding", "utf-8"}, {"map", map}});
    };
    const json schools = {"code=c", "name=n", "org_unit=u"};
    CHECK(take("schools", "c,n,u\n140006,新校,990121\n", schools) == Code{});
    CHECK(take("schools", "c,n,u\n140005,新校,990121\n140002,抢来,990121\n", schools) == Code::kOutsideUnit);
    CHECK(at.office.cell("school", {std::string_view("140005")}, "name") == "absent");
    CHECK(take("schools", "c,n,u\n140005,新校,990122\n", schools) == Code::kOutsideUnit);
    CHECK(take("zones", "i,s\nI001,140002\n", {"inspector=i", "school=s"}) == Code::kOutsideUnit);
    CHECK(take("zones", "i,s\nI002,140001\n", {"inspector=i", "school=s"}) == Code{});
  }
  SECTION("draws are of those whose schools are in them") {
    REQUIRE(at.office->decide("王处长", "policy.settle",
                              [](Store& rows) { return settle_policy(rows, Policy::kTeamRandom, "", 0, 1, "test"); }));
    const json frozen =
        at.must("LI", "draw freeze", {{"draw", "D-1"}, {"quota", {"1"}}, {"team", 1}, {"event", "lottery"}});
    CHECK(frozen.at("files").at("frame.txt").get<std::string>().find("140002") == std::string::npos);
    REQUIRE(at.as("LI", "draw commit", {{"files", frozen.at("files")}}));
    at.add("SUN", "PLANNER");
    const json whole =
        at.must("SUN", "draw freeze", {{"draw", "D-2"}, {"quota", {"1"}}, {"team", 1}, {"event", "lottery"}});
    CHECK(whole.at("files").at("frame.txt").get<std::string>().find("140002") != std::string::npos);
    CHECK(at.code("LI", "draw commit", {{"files", whole.at("files")}}) == Code::kOutsideUnit);
    REQUIRE(at.as("SUN", "draw commit", {{"files", whole.at("files")}}));
    CHECK(at.code("LI", "draw void", {{"draw", "D-2"}, {"reason", "不合适"}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "draw void", {{"draw", "D-9"}, {"reason", "不合适"}}) == Code::kDrawNotThere);
    CHECK(at.code("LI", "draw files", {{"draw", "D-2"}}) == Code{});  // published, so everybody's to read
    CHECK(at.must("LI", "draw list").at("draws").size() == 2);
    CHECK(at.code("LI", "draw void", {{"draw", "D-1"}, {"reason", "不合适"}}) == Code{});
  }
  SECTION("people, figures, and what concerns the whole office") {
    CHECK(at.code("LI", "policy set", {{"policy", "TRAINING_HOURS"}, {"value", 30}, {"source", "某条"}}) ==
          Code::kOutsideUnit);
    CHECK(at.code("LI", "policy set",
                  {{"policy", "TRAINING_HOURS"}, {"value", 30}, {"source", "某条"}, {"unit", "99"}}) ==
          Code::kOutsideUnit);
    CHECK(at.code("LI", "policy set",
                  {{"policy", "TRAINING_HOURS"}, {"value", 30}, {"source", "某条"}, {"unit", "990121"}}) == Code{});
    const auto add = [&](const char* unit) {
      return at.code("LI", "person add",
                     {{"person", "QIAN"}, {"name", "钱"}, {"roles", "AUDITOR"}, {"unit", unit}, {"next", kPassword}});
    };
    CHECK(add("") == Code::kOutsideUnit);
    CHECK(add("990122") == Code::kOutsideUnit);
    CHECK(add("990121") == Code{});
    CHECK(at.code("LI", "person change", {{"person", "QIAN"}, {"unit", ""}}) == Code::kOutsideUnit);
    CHECK(at.code("LI", "person change", {{"person", "QIAN"}, {"name", "钱二"}}) == Code{});
    for (const char* method : {"person change", "person leave", "person password", "person second-factor"}) {
      INFO(method);
      CHECK(at.code("LI", method, {{"person", "WANG"}, {"name", "x"}, {"next", "another long password"}}) ==
            Code::kOutsideUnit);
      CHECK(at.code("LI", method, {{"person", "NOBODY"}, {"next", "another long password"}}) == Code::kPersonUnknown);
    }
    for (const char* method : {"person password", "person second-factor"})
      CHECK(at.code("LI", method, {{"person", "LI"}, {"next", "another long password"}}) == Code::kOptionWrong);
    for (const MethodRight& row : method_rights()) {
      INFO(row.method);
      if (row.whole) CHECK(at.code("LI", row.method) == Code::kOutsideUnit);
    }
  }
}

TEST_CASE("campaigns of a higher level are read below and changed above only") {
  Staff at;
  REQUIRE(at.office->decide("王处长", "campaign", [](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    for (const auto& [code, unit] : {std::pair("P", "99"), std::pair("C", "990121")})
      rows.insert("campaign", {std::string(code), std::string("专项"), std::string("SPECIAL"), std::string(unit),
                               std::int64_t{1}, Value(), Value(), Value()});
    return rows;
  }));
  const auto check = [&](const char* campaign, Right right, const char* method) {
    const auto done = check_reach(*at.office.office, "990121", method, right, {{"campaign", campaign}});
    return done ? Code{} : done.error().code;
  };
  CHECK(check("P", Right::kLook, "campaign show") == Code{});
  CHECK(check("P", Right::kPlan, "campaign change") == Code::kOutsideUnit);
  CHECK(check("C", Right::kPlan, "campaign change") == Code{});
  CHECK(check("NEW", Right::kPlan, "campaign change") == Code{});
  CHECK(check("P", Right::kPlan, "plan") == Code{});  // a county's visits are part of it

  at.found();
  at.add("LI", "PLANNER", "990121");
  at.add("SUN", "PLANNER", "990122");
  const auto enter = [&](const char* who, json more) {
    json campaign = {{"campaign", "FIRE-2026"}, {"title", "消防"}, {"kind", "SPECIAL"}};
    campaign.update(more);
    return at.code(who, "campaign add", std::move(campaign));
  };
  CHECK(enter("LI", json::object()) == Code::kOutsideUnit);  // of the whole tree
  CHECK(enter("LI", {{"unit", "990122"}}) == Code::kOutsideUnit);
  CHECK(enter("LI", {{"unit", "990121"}, {"authority", "99"}}) == Code::kOutsideUnit);
  CHECK(enter("LI", {{"unit", "990121"}}) == Code{});
  CHECK(at.office.cell("campaign", {std::string_view("FIRE-2026")}, "authority") == "990121");
  CHECK(enter("LI", {{"unit", "990121"}, {"title", "校园消防"}}) == Code{});
  CHECK(enter("SUN", {{"unit", "990122"}}) == Code::kOutsideUnit);
  CHECK(at.must("SUN", "campaign list").at("campaigns").size() == 3);
}
