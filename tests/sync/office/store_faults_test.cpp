/// A store or key store whose n-th call fails, for every n of everything that the office does: it says so, keeps
/// nothing of it, and does it when it is asked again.

#include "sync/answer.hpp"
#include "sync/office/rectification.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

/// Which call fails, counted from 0; none while it is negative.
struct Fault {
  std::int64_t at = -1;
  bool happened = false;
  std::string where;
  Code code = Code::kDatabaseIo;
  bool now(const char* call) {
    if (at < 0 || at-- != 0) return false;
    happened = true;
    where = call;
    return true;
  }
};

class FailingStore final : public Store {
 public:
  FailingStore(std::unique_ptr<Store> inner, Fault& fault) : inner_(std::move(inner)), fault_(fault) {}

#define DUDAO_PASS_ON(call)                                           \
  {                                                                   \
    if (fault_.now(__func__)) return fail(fault_.code, "on purpose"); \
    return inner_->call;                                              \
  }
  Status begin() override DUDAO_PASS_ON(begin());
  Status commit() override DUDAO_PASS_ON(commit());
  void rollback() override { inner_->rollback(); }
  Result<std::int64_t> size() override DUDAO_PASS_ON(size());
  Status append(const LedgerEntry& entry) override DUDAO_PASS_ON(append(entry));
  Result<std::optional<std::int64_t>> find(const Hash& id) override DUDAO_PASS_ON(find(id));
  Result<std::optional<LedgerEntry>> entry(std::int64_t index) override DUDAO_PASS_ON(entry(index));
  Result<std::optional<LedgerEntry>> entry_of(std::int64_t author, std::uint64_t seq) override
      DUDAO_PASS_ON(entry_of(author, seq));
  Result<std::optional<LedgerEntry>> last_of(std::int64_t author) override DUDAO_PASS_ON(last_of(author));
  Status set_refusal(std::int64_t index, std::uint16_t code, std::string_view detail) override
      DUDAO_PASS_ON(set_refusal(index, code, detail));
  Status put_node(int level, std::int64_t position, const Hash& hash) override
      DUDAO_PASS_ON(put_node(level, position, hash));
  Result<Hash> node(int level, std::int64_t position) override DUDAO_PASS_ON(node(level, position));
  Status put_batch(const Batch& batch) override DUDAO_PASS_ON(put_batch(batch));
  Result<Batch> batch_of(std::int64_t index) override DUDAO_PASS_ON(batch_of(index));
  Result<std::vector<Batch>> batches(std::int64_t above_size, std::size_t limit) override
      DUDAO_PASS_ON(batches(above_size, limit));
  Status put_device(const Device& device) override DUDAO_PASS_ON(put_device(device));
  Result<std::optional<Device>> device(std::int64_t no) override DUDAO_PASS_ON(device(no));
  Result<std::optional<Device>> device(const KeyId& kid) override DUDAO_PASS_ON(device(kid));
  Result<std::vector<Device>> devices() override DUDAO_PASS_ON(devices());
  Result<std::optional<StoredRow>> row(const Table& table, std::span<const ValueView> key) override
      DUDAO_PASS_ON(row(table, key));
  Status put_rows(const Table& table, std::span<const StoredRow* const> rows) override
      DUDAO_PASS_ON(put_rows(table, rows));
  Result<std::optional<RowClock>> cell_clock(const Table& table, BytesView row_key, std::size_t column) override
      DUDAO_PASS_ON(cell_clock(table, row_key, column));
  Status put_cell_clock(const Table& table, BytesView row_key, std::size_t column, const RowClock& clock) override
      DUDAO_PASS_ON(put_cell_clock(table, row_key, column, clock));
  Status each_row_of_visit(const Table& table, BytesView visit, std::int64_t from, const RowVisitor& visitor) override
      DUDAO_PASS_ON(each_row_of_visit(table, visit, from, visitor));
  Status each_row_from(const Table& table, std::int64_t from, const RowVisitor& visitor) override
      DUDAO_PASS_ON(each_row_from(table, from, visitor));
  Status each_row(const Table& table, const RowVisitor& visitor) override DUDAO_PASS_ON(each_row(table, visitor));
  Result<std::vector<Bytes>> visits_of_school(std::string_view school) override DUDAO_PASS_ON(visits_of_school(school));
  Result<std::vector<Bytes>> visits_of_inspector(std::string_view inspector) override
      DUDAO_PASS_ON(visits_of_inspector(inspector));
  Result<std::vector<Bytes>> changed_visits(std::string_view inspector, std::int64_t from, std::int64_t no) override
      DUDAO_PASS_ON(changed_visits(inspector, from, no));
  Result<std::vector<std::string>> colleagues_of(std::string_view inspector) override
      DUDAO_PASS_ON(colleagues_of(inspector));
  Result<std::vector<std::string>> schools_of_inspector(std::string_view inspector, std::int64_t today) override
      DUDAO_PASS_ON(schools_of_inspector(inspector, today));
  Result<std::vector<VisitTouch>> touches_of(BytesView visit) override DUDAO_PASS_ON(touches_of(visit));
  Status put_touch(BytesView visit, const VisitTouch& touch) override DUDAO_PASS_ON(put_touch(visit, touch));
  Result<bool> quarantine(const Quarantined& item) override DUDAO_PASS_ON(quarantine(item));
  Result<std::vector<Quarantined>> quarantined(std::size_t limit) override DUDAO_PASS_ON(quarantined(limit));
  Result<std::optional<Value>> setting(std::string_view name) override DUDAO_PASS_ON(setting(name));
  Status put_setting(std::string_view name, const ValueView& value) override DUDAO_PASS_ON(put_setting(name, value));
  Status put_offer(const Offer& offer) override DUDAO_PASS_ON(put_offer(offer));
  Result<std::vector<Offer>> offers() override DUDAO_PASS_ON(offers());
  Status remove_offer(const Hash& code_hash) override DUDAO_PASS_ON(remove_offer(code_hash));
  Status put_school_code(const SchoolCode& code) override DUDAO_PASS_ON(put_school_code(code));
  Result<std::optional<SchoolCode>> school_code(const Hash& hash) override DUDAO_PASS_ON(school_code(hash));
  Status put_photo(const Photo& photo) override DUDAO_PASS_ON(put_photo(photo));
  Result<std::optional<Photo>> photo(BytesView visit, const Hash& hash) override DUDAO_PASS_ON(photo(visit, hash));
  Result<std::int64_t> photos_of(BytesView visit) override DUDAO_PASS_ON(photos_of(visit));
  Status put_credential(const Credential& credential) override DUDAO_PASS_ON(put_credential(credential));
  Result<std::optional<Credential>> credential(std::string_view person) override DUDAO_PASS_ON(credential(person));
  Status put_login_session(const LoginSession& session) override DUDAO_PASS_ON(put_login_session(session));
  Result<std::optional<LoginSession>> login_session(const Hash& hash) override DUDAO_PASS_ON(login_session(hash));
  Status remove_login_session(const Hash& hash) override DUDAO_PASS_ON(remove_login_session(hash));
  Status remove_login_sessions_of(std::string_view person) override DUDAO_PASS_ON(remove_login_sessions_of(person));
  Status remove_old_login_sessions(std::int64_t begun, std::int64_t used) override
      DUDAO_PASS_ON(remove_old_login_sessions(begun, used));
  Status put_enrolment_request(const KeyId& kid, BytesView bytes, std::int64_t received) override
      DUDAO_PASS_ON(put_enrolment_request(kid, bytes, received));
  Result<std::vector<Bytes>> enrolment_requests() override DUDAO_PASS_ON(enrolment_requests());
  Status remove_enrolment_request(const KeyId& kid) override DUDAO_PASS_ON(remove_enrolment_request(kid));
  Status put_draw_secret(std::string_view draw, BytesView secret) override DUDAO_PASS_ON(put_draw_secret(draw, secret));
  Result<std::optional<Bytes>> draw_secret(std::string_view draw) override DUDAO_PASS_ON(draw_secret(draw));
  Status forget_derived() override DUDAO_PASS_ON(forget_derived());
  Status copy_to(const std::string& path) override DUDAO_PASS_ON(copy_to(path));
  std::int64_t size_bytes() override { return inner_->size_bytes(); }
#undef DUDAO_PASS_ON

 private:
  std::unique_ptr<Store> inner_;
  Fault& fault_;
};

class FailingKeys final : public KeyStore {
 public:
  FailingKeys(KeyStore& inner, Fault& fault) : inner_(inner), fault_(fault) {}
  Result<PublicKey> create(std::string_view name, Algorithm algorithm) override {
    return inner_.create(name, algorithm);
  }
  Result<PublicKey> public_key(std::string_view name) override {
    return fault_.now("public_key") ? fail(fault_.code) : inner_.public_key(name);
  }
  Result<Bytes> sign(std::string_view name, BytesView message) override {
    return fault_.now("sign") ? fail(fault_.code) : inner_.sign(name, message);
  }
  Status remove(std::string_view name) override { return inner_.remove(name); }

 private:
  KeyStore& inner_;
  Fault& fault_;
};

template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status{} : fail(result.error());
}
template <class Answer>
Status status_of(const Answer& answer, int status) {
  return answer.status == status ? Status{} : fail(static_cast<Code>(read_error_answer(answer.body).value().code));
}

struct FailingCounty {
  TestOffice office;
  Fault fault;
  FailingKeys keys{office.machine.keys, fault};
  FakePlatform& machine = office.machine;
  Platform platform{machine.clock, keys, machine.files, machine.connectivity, machine.http, machine.log};

  FailingCounty() {
    office.add_people_and_schools(5);
    office.office.reset();
    REQUIRE(open());
  }
  Status open(const char* name = "office.db") {
    auto store = open_sqlite_store(office.folder / name);
    REQUIRE(store);
    auto opened = Office::open(platform, {.database = {}, .origin = "office.example/log"},
                               std::make_unique<FailingStore>(std::move(*store), fault));
    if (!opened) return fail(opened.error());
    office.office = std::move(*opened);
    return {};
  }

  /// All that the office keeps, as one hash.
  Hash everything() {
    Hash out = sha256(office.ledger());
    const auto add = [&](BytesView more) { out = sha256({out, more}); };
    const auto number = [&](std::int64_t value) { add(view(std::to_string(value) + ";")); };
    REQUIRE(office->read([&](Store& rows) -> Status {
      for (const Table& table : synced_tables())
        DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
          std::vector<ValueView> cells;
          for (const Value& cell : row.cells) cells.push_back(as_view(cell));
          cells.emplace_back(row.clock.feed);
          add(encode_key(cells));
          return {};
        }));
      DUDAO_TRY(const auto devices, rows.devices());
      for (const Device& device : devices) {
        number(static_cast<std::int64_t>(device.state));
        number(static_cast<std::int64_t>(device.head_seq));
      }
      DUDAO_TRY(const auto offers, rows.offers());
      for (const Offer& offer : offers) add(offer.code_hash);
      DUDAO_TRY(const auto waiting, rows.enrolment_requests());
      for (const Bytes& request : waiting) add(request);
      DUDAO_TRY(const auto apart, rows.quarantined(1'000));
      for (const Quarantined& item : apart) add(item.id);
      for (const char* part : {"manifest", "frame", "pool", "recuse", "entropy", "result", "recused"}) {
        DUDAO_TRY(const auto kept, rows.setting("draw:D-1:" + std::string(part)));
        if (kept) add(view(std::get<std::string>(*kept)));
      }
      return {};
    }));
    return out;
  }

  /// Does it with a fault at each of its calls in turn, and then whole. `lasting`: it may fail once it is durable, as
  /// an exchange whose answer cannot be made, and then goes on from there.
  void at_every_call(const std::function<Status()>& what, bool lasting = false) {
    Hash before = everything();
    bool durable = false;
    for (std::int64_t n = 0;; ++n) {
      // The first and the last number of a database's troubles: none of them is a statement's fault.
      fault = {n, false, {}, n % 2 == 0 ? Code::kDatabaseMissing : Code::kChangesetBroken};
      const Status done = what();
      const Fault met = std::exchange(fault, {});
      INFO("call " << n << ": " << met.where);
      if (!met.happened) {
        INFO((done ? std::string() : done.error().message()));
        REQUIRE(done);
        break;
      }
      REQUIRE_FALSE(done);
      CHECK(done.error().code == met.code);
      const Hash after = everything();
      if (lasting && !durable && after != before) {
        durable = true;
        before = after;
        n = -1;  // The same again takes fewer calls.
      }
      REQUIRE(after == before);
    }
    CHECK(office.check().sound());
    CHECK(office->rebuild());
  }
  Status decide(const std::function<Result<ChangesBuilder>(Store&)>& build) {
    return office->decide("王处长", "test", build).map([](auto&&) {});
  }
  /// The same request again and again, until the office answers it.
  void at_every_call_of_exchange(TestDevice& device) {
    SyncPass pass(device.platform, *device.db);
    const Bytes body = pass.request().value();
    std::optional<HttpResponse> answer;
    at_every_call(
        [&]() -> Status {
          answer = device.post(kSyncPath, body).value();
          return status_of(*answer, 200);
        },
        true);
    REQUIRE(pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body));
  }
};

}  // namespace

TEST_CASE("an office is founded whole or not at all, and opened likewise") {
  FailingCounty county;
  for (const bool anew : {false, true}) {
    for (std::int64_t n = 0;; ++n) {
      const std::string name = anew ? "new" + std::to_string(n) + ".db" : "office.db";
      INFO(name << ", call " << n);
      county.office.office.reset();
      county.fault = {n, false, {}};
      const Status done = county.open(name.c_str());
      const Fault met = std::exchange(county.fault, {});
      if (!met.happened) {
        REQUIRE(done);
        break;
      }
      REQUIRE_FALSE(done);
      CHECK(done.error().code == met.code);
      REQUIRE(county.open(name.c_str()));
    }
  }
  REQUIRE(county.open());
  CHECK(county.office.check().sound());
}

TEST_CASE("whichever call to its store fails, a decision stands whole or not at all") {
  FailingCounty county;
  Office& office = *county.office.office;
  VisitPlan plan = daily_plan("ROUTINE");
  plan.reason = "随访";
  Bytes visit;
  county.at_every_call([&]() -> Status {
    DUDAO_TRY(const auto ids, office.plan("王处长", {plan}));
    visit = ids.front();
    return {};
  });
  county.at_every_call([&] { return office.assign("王处长", visit, {"I001", "I002"}); });
  county.at_every_call([&] { return office.visit_event("王处长", visit, "recuse", "I002", "R1"); });
  county.at_every_call([&] { return office.assign("王处长", visit, {"I001", "I003"}); });
  plan.from_day = 20'510;
  const Bytes other = office.plan("王处长", {plan}).value().front();
  county.at_every_call([&] { return office.merge("王处长", visit, other); });
  plan.from_day = 20'600;
  plan.to_day = 20'660;
  county.at_every_call([&] { return status_of(office.plan_due("王处长", "", plan)); });
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + 3'600'000;
  plan.team = {"I001"};
  county.at_every_call([&]() -> Status {
    DUDAO_TRY(const auto ids, office.plan("王处长", {plan}));
    visit = ids.front();
    return {};
  });
  county.at_every_call([&] { return status_of(office.unseal_code("王处长", visit, "演练")); });
  county.at_every_call([&] { return office.visit_event("王处长", visit, "cancel", "", "停课"); });
  const std::string checklist = [&] {
    std::string text(kChecklist);
    return text.replace(text.find("\"version\": 1"), 12, "\"version\": 2");
  }();
  county.at_every_call([&] { return status_of(office.publish_template("王处长", checklist)); });
  // More than fits one statement.
  county.at_every_call([&] {
    return county.decide([](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      for (int i = 0; i < 40; ++i)
        rows.insert("org_unit", {"U" + std::to_string(100 + i), std::string(2'000, 'x'), std::string("县"), Value()});
      return rows;
    });
  });
}

TEST_CASE("whichever call to its store fails, devices are offered a place, enrolled, approved and revoked or not") {
  FailingCounty county;
  Office& office = *county.office.office;
  Bytes code;
  county.at_every_call([&]() -> Status {
    DUDAO_TRY(code, office.offer_enrolment("王处长", "I001"));
    return {};
  });
  const auto enrolled = [&](TestDevice& device, BytesView with) {
    return [&device, with = to_bytes(with)]() -> Status { return status_of(device.enrol_with(with)); };
  };
  TestDevice at_once(county.office, "I001");
  county.at_every_call(enrolled(at_once, code), true);
  TestDevice waiting(county.office, "I002");
  county.at_every_call(enrolled(waiting, {}), true);
  const auto requests = office.pending_enrolments();
  REQUIRE(requests);
  REQUIRE(requests->size() == 1);
  county.at_every_call(
      [&] { return status_of(office.approve_enrolment("王处长", requests->front().thumbprint, "I002")); });
  county.at_every_call(enrolled(waiting, {}));
  // An offer that nobody took goes when the next one is made.
  REQUIRE(office.offer_enrolment("王处长", "I003"));
  county.office.machine.clock.advance(std::int64_t{73} * 3'600'000);
  county.at_every_call([&] { return status_of(office.offer_enrolment("王处长", "I003")); });
  county.at_every_call([&] { return office.revoke("王处长", waiting.number(), "遗失"); });
}

TEST_CASE("whichever call to its store fails, an exchange is answered when it is asked again, and counted once") {
  FailingCounty county;
  Office& office = *county.office.office;
  TestDevice lead(county.office, "I001");
  TestDevice member(county.office, "I002");
  lead.enrol();
  member.enrol();
  VisitPlan plan = daily_plan("ROUTINE", {"I001", "I002"});
  plan.unseal_at_utc_ms = county.office.machine.clock.wall_utc_ms() + 1'000;
  const Bytes visit = office.plan("王处长", {plan}).value().front();
  const Bytes alone = county.office.plan({"I002"}, "140002");
  county.at_every_call_of_exchange(lead);
  // The seal is opened by the next exchange.
  county.office.machine.clock.advance(2'000);
  county.at_every_call_of_exchange(lead);
  member.must_sync();
  lead.check_in(visit);
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{1}); });
  county.at_every_call_of_exchange(lead);
  // Two visits in one statement.
  for (const Bytes& each : {visit, alone}) member.check_in(each);
  member.write([&]() -> Status {
    const Moment at = now(member.platform.clock);
    DUDAO_CHECK(
        member.db->execute("INSERT INTO finding VALUES (?, ?, 1, 'S1', 'ORDINARY', NULL, '通道堆放杂物', NULL, "
                           "NULL, 'OPEN', NULL, 'I002', ?, ?, ?)",
                           visit, member.number(), at.utc_ms, at.offset_min, at.boot_ms));
    return member.answer(visit, "S2", std::int64_t{12});
  });
  county.at_every_call_of_exchange(member);
  lead.must_sync();
  // Two that do not know of each other write one cell, twice, and then one who knows it all.
  TestDevice second(county.office, "I001");
  second.enrol();
  second.must_sync();
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{0}); });
  lead.must_sync();
  second.machine.clock.advance(1'000);
  second.write([&] { return second.answer(visit, "S1", ValueView()); });
  second.must_sync();
  lead.machine.clock.advance(2'000);
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{1}); });
  county.at_every_call_of_exchange(lead);
  lead.must_sync();
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{0}); });
  county.at_every_call_of_exchange(lead);
  // A word that whoever submits has not heard.
  member.write([&] { return member.answer(visit, "S2", std::int64_t{13}); });
  member.must_sync();
  lead.write([&] { return lead.answer(visit, "S3", std::string_view("楼道整洁")); });
  lead.finish_and_submit(visit);
  county.at_every_call_of_exchange(lead);
  REQUIRE(county.office.cell("disagreement", {BytesView(visit), std::int64_t{3}}, "field") == "root");
  // What comes too late is registered and shown for what it is.
  lead.write([&] { return lead.answer(visit, "S1", std::int64_t{1}); });
  county.at_every_call_of_exchange(lead);
  county.at_every_call([&] { return office.visit_event("王处长", visit, "query", "S1", "请补充"); });
  member.must_sync();
  // A copy of the device, whose other branch is kept apart.
  const std::string copy = member.folder / "copy.db";
  REQUIRE(member.db->copy_to(copy));
  member.seal_note(visit, 1, "一");
  county.at_every_call_of_exchange(member);
  member.take_database(copy);
  member.seal_note(visit, 1, "二");
  SyncPass pass(member.platform, *member.db);
  const Bytes body = pass.request().value();
  county.at_every_call([&]() -> Status { return status_of(member.post(kSyncPath, body).value(), 403); }, true);
  CHECK(office.devices()->at(1).state == DeviceState::kForked);
}

TEST_CASE("whichever call to its store fails, a finding takes each of its steps whole or not at all") {
  FailingCounty county;
  Office& office = *county.office.office;
  TestDevice device(county.office, "I001");
  device.enrol();
  const std::int64_t today = 20'510;
  const auto inspect = [&](BytesView visit, const std::function<Status(const Moment&)>& found) {
    device.check_in(visit);
    const Moment at = now(device.platform.clock);
    device.write([&] { return found(at); });
    device.write([&] { return device.answer(visit, "S1", std::int64_t{0}); });
    device.write([&] { return device.answer(visit, "S2", std::int64_t{2}); });
    device.finish_and_submit(visit);
    device.must_sync();
  };
  const Bytes visit = county.office.plan({"I001"});
  device.must_sync();
  inspect(visit, [&](const Moment& at) {
    return device.db->execute(
        "INSERT INTO finding VALUES (?, ?, 1, 'S1', 'ORDINARY', NULL, '通道堵塞', ?, NULL, 'OPEN', NULL, 'I001', ?, ?, "
        "?)",
        visit, device.number(), today + 30, at.utc_ms, at.offset_min, at.boot_ms);
  });
  county.at_every_call([&] { return office.visit_event("王处长", visit, "accept", "", ""); });
  RectificationAct act;
  act.finding = {visit, device.number(), 1};
  act.person = "王处长";
  act.superior_unit = "栖云县教育局";
  act.due_day = today + 30;
  const auto take = [&](FindingEvent event, Actor actor) {
    act.event = event;
    act.actor = actor;
    county.at_every_call([&] {
      return county.decide([&](Store& rows) -> Result<ChangesBuilder> {
        RectificationSteps steps(rows, now(county.office.platform.clock).utc_ms, today);
        DUDAO_CHECK(steps.take(act));
        ChangesBuilder out;
        steps.write(out);
        return out;
      });
    });
  };
  take(FindingEvent::kNotice, Actor::kOffice);
  act.person = "李校长";
  act.superior_unit.clear();
  act.due_day.reset();
  take(FindingEvent::kAcknowledge, Actor::kSchool);
  act.text = "清理通道";
  act.responsible = "张主任";
  take(FindingEvent::kPlan, Actor::kSchool);
  act.responsible.clear();
  take(FindingEvent::kReport, Actor::kSchool);

  VisitPlan plan = daily_plan("REINSPECT", {"I001"});
  plan.findings = {act.finding};
  Bytes again;
  county.at_every_call([&]() -> Status {
    DUDAO_TRY(const auto ids, office.plan("王处长", {plan}));
    again = ids.front();
    return {};
  });
  device.must_sync();
  inspect(again, [&](const Moment& at) {
    return device.db->execute(
        "INSERT INTO reinspection_result VALUES (?, ?, ?, 1, 'VERIFIED', '已清理', 'I001', ?, ?, ?)", again, visit,
        device.number(), at.utc_ms, at.offset_min, at.boot_ms);
  });
  county.at_every_call([&] { return office.visit_event("王处长", again, "accept", "", ""); });
  county.at_every_call([&] { return office.visit_event("王处长", visit, "close", "", ""); });
}

TEST_CASE("whichever call to its store fails, a draw takes each of its steps whole or not at all") {
  FailingCounty county;
  Office& office = *county.office.office;
  std::vector<FrameEntry> frame;
  for (const char* school : {"140001", "140002", "140003"}) frame.push_back({school, "U", 1, FrameStatus::kEligible});
  const auto files = freeze_draw("D-1", {{"U", 1}}, 2, "lottery", frame,
                                 {{"I001", 2, true}, {"I002", 2, true}, {"I003", 2, true}}, {});
  REQUIRE(files);
  const VisitPlan pattern = daily_plan("RANDOM");
  county.at_every_call([&] { return office.commit_draw("王处长", "D-1", *files); });
  county.at_every_call([&] { return status_of(office.run_draw("王处长", "D-1", "2.5./", pattern)); });
  Bytes visit;
  std::string who;
  REQUIRE(office.read([&](Store& rows) {
    return rows.each_row(*find_table("team_member"), [&](const StoredRow& row) -> Status {
      visit = std::get<Bytes>(row.cells[0]);
      who = std::get<std::string>(row.cells[1]);
      return {};
    });
  }));
  county.at_every_call([&] { return status_of(office.replace_drawn("王处长", visit, who, "R1")); });
  county.at_every_call([&] { return office.reveal_draw("王处长", "D-1"); });
  const auto again = freeze_draw("D-2", {{"U", 1}}, 2, "lottery", frame, {{"I004", 2, true}, {"I005", 2, true}}, {});
  REQUIRE(office.commit_draw("王处长", "D-2", *again));
  county.at_every_call([&] { return office.void_draw("王处长", "D-2", "摇号机故障"); });
}

TEST_CASE("whichever call to its store fails, rebuilding and looking change nothing") {
  FailingCounty county;
  Office& office = *county.office.office;
  TestDevice device(county.office, "I001");
  device.enrol();
  const Bytes visit = county.office.plan({"I001"});
  device.must_sync();
  device.whole_visit(visit);
  device.must_sync();
  device.write([&] { return device.answer(visit, "S2", std::int64_t{13}); });
  REQUIRE(device.must_sync().refusals.size() == 1);
  county.at_every_call([&] { return office.rebuild(); });
  county.at_every_call([&] { return office.export_ledger([](BytesView) -> Status { return {}; }); });
  county.at_every_call([&] { return status_of(office.devices()); });
  county.at_every_call([&] { return status_of(office.quarantine()); });
  county.at_every_call([&] { return status_of(office.pending_enrolments()); });
  county.at_every_call([&]() -> Status {
    Request request;
    request.method = "GET";
    request.path = "/v1/checkpoint";
    return status_of(office.handle(request), 200);
  });
  // What takes the pieces of a ledger may fail as well.
  std::int64_t pieces = 0;
  for (std::int64_t n = 0;; ++n) {
    pieces = 0;
    const Status done =
        office.export_ledger([&](BytesView) -> Status { return pieces++ == n ? fail(Code::kDatabaseFull) : Status{}; });
    if (pieces <= n) {
      REQUIRE(done);
      break;
    }
    INFO("piece " << n);
    REQUIRE(done.error().code == Code::kDatabaseFull);
    REQUIRE(pieces == n + 1);
  }
}
