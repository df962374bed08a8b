#include "sync/answer.hpp"
#include "sync/checkpoint.hpp"
#include "sync/office/jurisdiction.hpp"
#include "tests/sync/office/county.hpp"

#include <set>

using namespace dudao;
using namespace dudao::test;

TEST_CASE("a visit recorded offline arrives whole, receipted, and the audit accepts it") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice device(office, "I001");
  device.enrol();
  const Bytes visit = office.plan({"I001"});
  const Bytes other = office.plan({"I002"}, "140002");
  device.must_sync();
  CHECK(device.state(visit) == "ASSIGNED");
  CHECK(device.state(other) == "absent");
  CHECK(device.db->integer("SELECT count(*) FROM school") == 1);
  CHECK(device.db->integer("SELECT count(*) FROM template") == 1);

  device.whole_visit(visit);
  CHECK(office.visit_state(visit) == "ASSIGNED");
  const PassReport report = device.must_sync();
  CHECK(report.refusals.empty());
  CHECK(report.sent == 1);
  CHECK(report.receipted == 1);
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(device.state(visit) == "RECEIVED");
  const Bytes id = visit;
  CHECK(office.cell("answer", {BytesView(id), std::string_view("S3"), std::string_view("I001")}, "value") ==
        "楼道整洁");
  CHECK(office.cell("visit", {BytesView(id)}, "clock") == "null");

  const auto kept = statement_of(*device.db, 1);
  REQUIRE(kept);
  const auto receipt = verify_receipt(kept->receipt, kept->statement, office->key());
  REQUIRE(receipt);
  const LedgerReport audit = office.check();
  for (const LedgerProblem& problem : audit.problems) UNSCOPED_INFO(problem.error.message());
  CHECK(audit.sound());
  CHECK(audit.change_sets == 1);
  CHECK(office->rebuild());

  const PassReport nothing = device.must_sync();
  CHECK(nothing.sent == 0);
  CHECK(nothing.rows == 0);
}

TEST_CASE(
    "an answer lost after the office committed, doubled requests and restarts leave one record and the same receipt") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.whole_visit(visit);
  device.machine.http.plan(LoopbackHttp::Fault::kLoseAnswer);
  CHECK(device.sync().error().code == Code::kTimedOut);
  CHECK(device.state(visit) == "SUBMITTED");
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(outbox(*device.db, true)->size() == 1);
  device.restart();
  office.restart();
  const std::int64_t before = office.check().statements;
  device.machine.http.plan(LoopbackHttp::Fault::kDoubleRequest);
  const PassReport report = device.must_sync();
  CHECK(report.receipted == 1);
  CHECK(device.state(visit) == "RECEIVED");
  CHECK(office.check().statements == before);
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a portal, a server in trouble, a cut answer and no network change nothing on the device") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.whole_visit(visit);
  using Fault = LoopbackHttp::Fault;
  const std::pair<Fault, Code> cases[] = {{Fault::kPortalPage, Code::kNotTheOffice},
                                          {Fault::kServerError, Code::kOfficeTrouble},
                                          {Fault::kTruncatedBody, Code::kNotTheOffice},
                                          {Fault::kLoseRequest, Code::kNoConnection}};
  for (const auto& [fault, code] : cases) {
    device.machine.http.plan(fault);
    const auto report = device.sync();
    REQUIRE_FALSE(report);
    CHECK(report.error().code == code);
    CHECK(report.error().retryable());
    CHECK(device.state(visit) == "SUBMITTED");
    CHECK(outbox(*device.db, true)->size() == 1);
  }
  CHECK(device.must_sync().receipted == 1);
}

TEST_CASE("what was recorded before the team learned that the visit is cancelled is kept, and the visit goes on") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.check_in(visit);
  device.add_note(visit, 1);
  REQUIRE(office->visit_event("王处长", visit, "cancel", "", "停课"));
  REQUIRE(office.visit_state(visit) == "CANCELLED");
  CHECK(device.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "IN_PROGRESS");
  CHECK(office.cell("note", {BytesView(visit), device.number(), std::int64_t{1}}, "text") == "记录");
  CHECK(device.state(visit) == "IN_PROGRESS");
  CHECK(office->rebuild());
}

TEST_CASE("a clock ten years off in either direction records, synchronises, and is marked as not to be trusted") {
  for (const std::int64_t years : {-10, 10}) {
    TestOffice office;
    office.add_people_and_schools();
    TestDevice device(office, "I001");
    device.enrol();
    const Bytes visit = office.plan({"I001"});
    device.must_sync();
    device.machine.clock.set_wall(device.machine.clock.wall_utc_ms() + years * 365 * 86'400'000LL);
    device.whole_visit(visit);
    const PassReport report = device.must_sync();
    CHECK(report.receipted == 1);
    CHECK(office.visit_state(visit) == "RECEIVED");
    CHECK(office.cell("visit", {BytesView(visit)}, "clock") == "WRONG");
    CHECK(device.db->lookup("SELECT clock FROM visit_event LIMIT 1").value() == Value(std::string("WRONG")));
    device.must_sync();
    CHECK(device.db->lookup("SELECT clock FROM visit").value() == Value(std::string("WRONG")));
  }
}

TEST_CASE(
    "two agents of one team work at once: both observations are kept, the later word wins a cell, the lead decides") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice lead(office, "I001");
  TestDevice member(office, "I002");
  lead.enrol();
  member.enrol();
  const Bytes visit = office.plan({"I001", "I002"});
  lead.must_sync();
  member.must_sync();
  lead.check_in(visit);
  member.check_in(visit);
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{1}); });
  member.write([&] { return member.answer(visit, "S1", std::int64_t{0}); });
  lead.must_sync();
  CHECK(member.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "IN_PROGRESS");
  lead.must_sync();
  CHECK(lead.db->integer("SELECT count(*) FROM answer WHERE item = 'S1'") == 2);
  CHECK(member.db->integer("SELECT count(*) FROM answer WHERE item = 'S1'") == 2);

  // The lead corrects the member's answer while the member changes it too.
  member.machine.clock.advance(60'000);
  member.write([&] { return member.answer(visit, "S1", std::int64_t{1}); });
  lead.write([&] {
    return lead.db->execute(
        "UPDATE answer SET value = 0, note = '复核' WHERE visit = ? AND item = 'S1' AND observer = 'I002'",
        BytesView(visit));
  });
  lead.must_sync();
  member.must_sync();
  lead.must_sync();
  const Bytes id = visit;
  const std::vector<ValueView> key{BytesView(id), std::string_view("S1"), std::string_view("I002")};
  CHECK(office.cell("answer", key, "value") == "1");
  CHECK(lead.db->integer("SELECT value FROM answer WHERE item = 'S1' AND observer = 'I002'") == 1);
  CHECK(member.db->lookup("SELECT note FROM answer WHERE item = 'S1' AND observer = 'I002'").value() ==
        Value(std::string("复核")));
  const auto office_row = office.cell("answer", key, "note");
  CHECK(office_row == "复核");
  lead.write([&] { return lead.answer(visit, "S2", std::int64_t{3}); });
  lead.must_sync();
  lead.finish_and_submit(visit);
  const PassReport report = lead.must_sync();
  CHECK(report.refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a device is sent nothing of what it wrote itself") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.must_sync();
  device.check_in(visit);
  CHECK(device.must_sync().rows == 0);
  device.write([&] { return device.answer(visit, "S1", std::int64_t{1}); });
  CHECK(device.must_sync().rows == 0);
  device.write([&] { return device.answer(visit, "S1", std::int64_t{0}); });
  CHECK(device.must_sync().rows == 0);
  device.write([&] { return device.event(visit, "pause", "IN_PROGRESS"); });
  CHECK(device.must_sync().rows == 0);
  CHECK(device.must_sync().rows == 0);
}

TEST_CASE("that a clock is not to be believed a device is told once for each visit") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.machine.clock.set_wall(device.machine.clock.wall_utc_ms() + 86'400'000);
  device.check_in(visit);
  device.must_sync();
  device.must_sync();
  REQUIRE(device.db->lookup("SELECT clock FROM visit").value() == Value(std::string("WRONG")));
  device.write([&] { return device.event(visit, "pause", "IN_PROGRESS"); });
  CHECK(device.must_sync().rows == 0);
}

TEST_CASE("whoever decides one disagreement leaves open all others and those that they have not seen") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice early(office, "I001");
  TestDevice late(office, "I001");
  early.enrol();
  late.enrol();
  const Bytes visit = office.plan({"I001"});
  early.must_sync();
  early.check_in(visit);
  early.write([&] { return early.answer(visit, "S1", std::int64_t{1}); });
  early.write([&] { return early.answer(visit, "S2", std::int64_t{1}); });
  early.add_note(visit, 1);
  early.must_sync();
  late.must_sync();
  const auto remark = [&](TestDevice& device, const char* item, const char* words) {
    device.write([&] {
      return device.db->execute("UPDATE answer SET note = ? WHERE item = ?", std::string_view(words),
                                std::string_view(item));
    });
  };
  std::int64_t value = 1;
  for (TestDevice* device : {&early, &late}) {
    if (device == &late) late.machine.clock.advance(1'000);
    device->write([&] { return device->answer(visit, "S2", ++value); });
    for (const char* item : {"S1", "S2"}) remark(*device, item, std::to_string(value).c_str());
    device->write([&] { return device->db->execute("UPDATE note SET text = ?", value); });
    REQUIRE(device->must_sync().refusals.empty());
  }
  late.must_sync();
  const auto open = [&] {
    std::multiset<std::string> out;
    REQUIRE(office->read([&](Store& rows) {
      const Table& table = *find_table("disagreement");
      return rows.each_row(table, [&](const StoredRow& row) -> Status {
        if (row.cells[table.column("resolved")] == Value(std::int64_t{0}))
          out.insert(std::get<std::string>(row.cells[table.column("target_key")]) + " " +
                     std::get<std::string>(row.cells[table.column("field")]));
        return {};
      });
    }));
    return out;
  };
  REQUIRE(open() == std::multiset<std::string>{"S1/I001 note", "S2/I001 note", "S2/I001 value", "1/1 text"});
  remark(late, "S2", "decided");
  REQUIRE(late.must_sync().refusals.empty());
  CHECK(open() == std::multiset<std::string>{"S1/I001 note", "S2/I001 value", "1/1 text"});
  remark(late, "S1", "decided");
  REQUIRE(late.must_sync().refusals.empty());
  CHECK(open() == std::multiset<std::string>{"S2/I001 value", "1/1 text"});
  remark(early, "S1", "otherwise");
  REQUIRE(early.must_sync().refusals.empty());
  remark(late, "S1", "once more");
  REQUIRE(late.must_sync().refusals.empty());
  CHECK(office.cell("answer", {BytesView(visit), std::string_view("S1"), std::string_view("I001")}, "note") ==
        "once more");
  CHECK(open() == std::multiset<std::string>{"S1/I001 note", "S2/I001 value", "1/1 text"});
  CHECK(office->rebuild());
}

TEST_CASE("a member's word that was the first thing which the lead had not seen holds no submission up") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice lead(office, "I001");
  TestDevice member(office, "I002");
  lead.enrol();
  member.enrol();
  const Bytes visit = office.plan({"I001", "I002"});
  lead.must_sync();
  lead.check_in(visit);
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{1}); });
  lead.write([&] { return lead.answer(visit, "S2", std::int64_t{12}); });
  lead.must_sync();
  member.must_sync();
  lead.must_sync();
  REQUIRE(integer_setting(*lead.db, "seen_size")->value() == office.check().statements);
  member.write([&] { return member.answer(visit, "S1", std::int64_t{0}); });
  REQUIRE(member.must_sync().refusals.empty());
  lead.finish_and_submit(visit);
  CHECK(lead.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office.cell("disagreement", {BytesView(visit), std::int64_t{1}}, "field") == "root");
  CHECK(office->rebuild());
}

TEST_CASE("what a rule refuses is registered, kept with its reason at both ends, and does not block what follows") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice device(office, "I001");
  device.enrol();
  const Bytes visit = office.plan({"I001"});
  const Bytes second = office.plan({"I001"}, "140003");
  device.must_sync();
  device.check_in(visit);
  device.write([&] { return device.answer(visit, "S2", std::int64_t{5000}); });  // Beyond the checklist's limit.
  const PassReport report = device.must_sync();
  CHECK(report.receipted == 1);
  REQUIRE(report.refusals.size() == 1);
  CHECK(report.refusals[0].code == static_cast<int>(Code::kAnswerRange));
  CHECK(report.refusals[0].registered);
  CHECK(office.visit_state(visit) == "ASSIGNED");
  CHECK(outbox(*device.db, false)->front().refusal == static_cast<int>(Code::kAnswerRange));
  device.whole_visit(second);
  const PassReport next = device.must_sync();
  CHECK(next.refusals.empty());
  CHECK(office.visit_state(second) == "RECEIVED");
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("of a revoked device the office takes nothing past its cut, and keeps apart what it signed before") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.whole_visit(visit);
  REQUIRE(seal(device.platform, *device.db).value() == 1);
  REQUIRE(office->revoke("王处长", device.number(), "平板丢失"));
  const auto report = device.sync();
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kDeviceRevoked);
  CHECK(office.visit_state(visit) == "ASSIGNED");
  REQUIRE(office->quarantine()->size() == 1);
  CHECK(office->quarantine()->front().code == static_cast<int>(Code::kDeviceRevoked));
  static_cast<void>(device.sync());
  CHECK(office->quarantine()->size() == 1);
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a cloned device is found by the office, which keeps both branches and marks the device") {
  OneVisit one;
  auto& [office, device, visit] = one;
  TempFolder copy;
  REQUIRE(device.db->copy_to(copy / "agent.db"));
  device.check_in(visit);
  device.must_sync();
  // The copy goes its own way from the same number.
  device.take_database(copy / "agent.db");
  device.machine.clock.advance(5'000);
  device.check_in(visit);
  const auto report = device.sync();
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kDeviceForked);
  REQUIRE(office->quarantine()->size() == 1);
  CHECK(office->quarantine()->front().code == static_cast<int>(Code::kChainFork));
  CHECK(office->devices()->front().state == DeviceState::kForked);
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a device restored from a backup finds out by itself before it signs a number twice") {
  OneVisit one;
  auto& [office, device, visit] = one;
  TempFolder backup;
  REQUIRE(device.db->copy_to(backup / "agent.db"));
  device.check_in(visit);
  device.must_sync();
  device.take_database(backup / "agent.db");
  CHECK(device.sync().error().code == Code::kDeviceBehind);
  CHECK(office->devices()->front().state == DeviceState::kActive);
}

TEST_CASE("an office restored from yesterday's copy is noticed by the device, which keeps everything") {
  OneVisit one;
  auto& [office, device, visit] = one;
  TempFolder backup;
  REQUIRE(office->backup(backup / "office.db"));
  device.whole_visit(visit);
  device.must_sync();
  office.open(backup / "office.db");
  CHECK(device.sync().error().code == Code::kLogShrunk);
  CHECK(statement_of(*device.db, 1));
}

TEST_CASE("the office shows its key and the newest checkpoint of its log to whoever gets them") {
  TestOffice office;
  office.add_people_and_schools();
  const auto ask = [&](const char* method, const char* path) {
    Request http;
    http.method = method;
    http.path = path;
    return office.office->handle(http);
  };
  const auto refused = [](const Response& answer, int status) {
    CHECK(answer.status == status);
    const auto error = read_error_answer(answer.body);
    REQUIRE(error);
    return static_cast<Code>(error->code);
  };
  const Response key = ask("GET", "/v1/key");
  CHECK(key.status == 200);
  CHECK(text(key.body) == to_hex(office->key().thumbprint()) + "\n");
  const Response note = ask("GET", "/v1/checkpoint");
  CHECK(note.status == 200);
  const auto checkpoint = open_checkpoint(text(note.body), office->origin(), office->key());
  REQUIRE(checkpoint);
  CHECK(checkpoint->size == office.check().statements);
  for (const char* path : {"/v1/key", "/v1/checkpoint"}) CHECK(refused(ask("POST", path), 405) == Code::kMethodUnknown);
  office.machine.keys.set_locked(true);
  CHECK(refused(ask("GET", "/v1/checkpoint"), 503) == Code::kKeyStoreLocked);
  CHECK(ask("GET", "/v1/key").status == 200);
}

TEST_CASE("feed pages smaller than what is owed come one after the other and miss nothing") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice device(office, "I001");
  device.enrol();
  for (int i = 0; i < 30; ++i) office.plan({"I001"}, "14000" + std::to_string(1 + i % 3));
  const auto report = device.sync({.up_bytes = 1000, .down_bytes = 300});
  REQUIRE(report);
  CHECK(device.db->integer("SELECT count(*) FROM visit") == 30);
  CHECK(device.db->integer("SELECT count(*) FROM school") == 3);
  CHECK(integer_setting(*device.db, "seen_size").value() == integer_setting(*device.db, "checkpoint_size").value());
}

TEST_CASE("a member who joins later gets the whole visit, and one who is recused gets no more") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice lead(office, "I001");
  TestDevice late(office, "I002");
  lead.enrol();
  late.enrol();
  const Bytes visit = office.plan({"I001"});
  lead.must_sync();
  late.must_sync();
  lead.check_in(visit);
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{1}); });
  lead.must_sync();
  CHECK(late.state(visit) == "absent");
  REQUIRE(office->decide("王处长", "team.join", [&](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.insert("team_member", {visit, std::string("I002"), std::string("MEMBER"), Value()});
    return rows;
  }));
  late.must_sync();
  CHECK(late.state(visit) == "IN_PROGRESS");
  CHECK(late.db->integer("SELECT count(*) FROM answer") == 1);
  CHECK(late.db->integer("SELECT count(*) FROM school") == 1);
  CHECK(office->rebuild());
}

TEST_CASE("the draw is committed, run, revealed, and anyone can check it") {
  TestOffice office;
  office.add_people_and_schools();
  std::vector<FrameEntry> frame;
  for (int i = 1; i <= 3; ++i) frame.push_back({"14000" + std::to_string(i), "U", 1, FrameStatus::kEligible});
  const auto files = freeze_draw("SX-2026-01", {{"U", 2}}, 1, "welfare lottery 2026030", frame,
                                 {{"I001", 2, true}, {"I002", 2, true}}, {});
  REQUIRE(files);
  CHECK(office->commit_draw("王处长", "SX-2026-01", *files).error().code == Code::kTeamTooSmall);
  REQUIRE(office->decide("王处长", "policy.settle",
                         [](Store& rows) { return settle_policy(rows, Policy::kTeamRandom, "", 0, 1, "test"); }));
  REQUIRE(office->commit_draw("王处长", "SX-2026-01", *files));
  CHECK(office->commit_draw("王处长", "SX-2026-01", *files).error().code == Code::kDrawExists);
  CHECK(office->reveal_draw("王处长", "SX-2026-01").error().code == Code::kDrawStage);
  VisitPlan pattern;
  pattern.template_code = "daily";
  pattern.template_version = 1;
  pattern.from_day = 20'500;
  pattern.to_day = 20'520;
  const auto draw = office->run_draw("王处长", "SX-2026-01", "2.5.8.10.12./", pattern);
  REQUIRE(draw);
  CHECK(office->run_draw("王处长", "SX-2026-01", "1.2./", pattern).error().code == Code::kDrawStage);
  REQUIRE(office->reveal_draw("王处长", "SX-2026-01"));
  std::map<std::string, std::string> published;
  const auto publication = office->draw_publication("SX-2026-01");
  REQUIRE(publication);
  for (const auto& [name, content] : *publication) published[name] = content;
  const auto trim = [](std::string text) { return text.substr(0, text.find('\n')); };
  PublishedDraw check{
      {published["manifest.txt"], published["frame.txt"], published["pool.txt"], published["recuse.txt"]},
      *to_array<32>(*from_hex(trim(published["commitment.txt"]))),
      *from_hex(trim(published["secret.txt"])),
      trim(published["entropy.txt"]),
      "",
      published["result.txt"]};
  CHECK(verify_draw(check).agrees());
  CHECK(office.check().draws == 5);
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("what one decision brings an inspector comes in one page, however much it is") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice device(office, "I001");
  device.enrol();
  VisitPlan plan;
  plan.school = "140001";
  plan.kind = "ROUTINE";
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = 20'500;
  plan.to_day = 20'520;
  plan.team = {"I001"};
  REQUIRE(office.office->plan("王处长", std::vector<VisitPlan>(1'500, plan)));
  device.must_sync();
  CHECK(device.db->integer("SELECT count(*) FROM visit") == 1'500);
  PassBudget narrow;
  narrow.down_bytes = 1'000;
  TestDevice slow(office, "I001");
  slow.enrol();
  REQUIRE(slow.sync(narrow));
  CHECK(slow.db->integer("SELECT count(*) FROM visit") == 1'500);
}
