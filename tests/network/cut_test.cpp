/// A real client, a real listener, and a line that breaks after every byte of every kind of exchange; of what is long,
/// in strides behind its head unless DUDAO_EVERY_BYTE is set.

#include "agent/sync_job.hpp"
#include "platform/desktop/http.hpp"
#include "schema/deadline.hpp"
#include "sync/office/rectification.hpp"
#include "sync/office/school_desk.hpp"
#include "tests/network/cutting_proxy.hpp"
#include "tests/sync/office/county.hpp"
#include "tools/office/listener.hpp"

#include <cstdlib>
#include <set>

#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

/// The device of a county, but with sockets in between.
struct Line {
  TestOffice office;
  std::unique_ptr<Listener> listener = listen();
  CuttingProxy proxy{listener->port()};
  TestDevice device{office, "I001"};

  std::unique_ptr<Listener> listen() {
    auto started = Listener::start({}, [this](const Request& request) { return office.office->handle(request); });
    REQUIRE(started);
    return *std::move(started);
  }

  /// Each try on a connection of its own, so that the count of bytes begins anew.
  SyncReport sync() {
    auto client = make_http_client({});
    REQUIRE(client);
    FakePlatform& fakes = device.machine;
    Platform platform{fakes.clock, fakes.keys, fakes.files, fakes.connectivity, **client, fakes.log};
    const auto report = run_sync(platform, *device.db, {proxy.url(), {}, {}});
    REQUIRE(report);
    return *report;
  }
  /// One request on a connection of its own.
  Result<HttpResponse> send(std::string method, std::string_view path, Bytes body = {}) {
    auto client = make_http_client({});
    REQUIRE(client);
    HttpRequest request;
    request.method = std::move(method);
    request.url = proxy.url() + std::string(path);
    request.body = std::move(body);
    return (*client)->send(request);
  }
  Result<HttpResponse> enrol_request(BytesView code) {
    auto key = device.platform.keys.public_key("device");
    if (!key) key = device.platform.keys.create("device", Algorithm::kEd25519);
    auto body = enrolment_request(device.platform, "device", *key, "I001", "笔记本", code);
    REQUIRE(body);
    return send("POST", "/v1/enrol", *std::move(body));
  }
  Result<bool> take(const HttpResponse& answer) {
    return take_enrolment(device.platform, *device.db, "device", *device.platform.keys.public_key("device"),
                          answer.status, TestDevice::content_type(answer), answer.body,
                          office.office->key().thumbprint());
  }
  /// All that one device has to fetch or send, page after page on one connection. Nothing: it broke.
  std::optional<PassReport> exchange(PassBudget budget) {
    auto client = make_http_client({});
    REQUIRE(client);
    SyncPass pass(device.platform, *device.db, budget);
    PassReport all;
    while (true) {
      auto body = pass.request();
      REQUIRE(body);
      HttpRequest request;
      request.method = "POST";
      request.url = proxy.url() + std::string(kSyncPath);
      request.body = *std::move(body);
      const auto answer = (*client)->send(request);
      if (!answer) {
        CHECK(answer.error().retryable());
        return std::nullopt;
      }
      const auto taken = pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body);
      REQUIRE(taken);
      all.receipted += taken->receipted;
      all.rows += taken->rows;
      if (!taken->again) return all;
    }
  }
  /// A visit whose team has checked in, which both ends know.
  Bytes begun_visit() {
    office.add_people_and_schools();
    device.enrol();
    Bytes visit = office.plan({"I001"});
    REQUIRE_FALSE(sync().error);
    device.check_in(visit);
    REQUIRE_FALSE(sync().error);
    return visit;
  }
  void cut_nothing() { proxy.cut_after(CuttingProxy::kNever, CuttingProxy::kNever); }
};

/// Where to cut what has so many bytes: after every byte of the first ones, where the head stands, and then in strides,
/// or with DUDAO_EVERY_BYTE in the environment after every byte of all.
std::vector<std::uint64_t> cuts(std::uint64_t bytes, std::uint64_t every = 300, std::uint64_t stride = 7) {
  static const bool all = std::getenv("DUDAO_EVERY_BYTE") != nullptr;
  if (all) stride = 1;
  std::vector<std::uint64_t> out;
  for (std::uint64_t k = 0; k < bytes; k += k < every ? 1 : stride) out.push_back(k);
  return out;
}

}  // namespace

TEST_CASE("an exchange that breaks after any byte of request or answer loses nothing and doubles nothing") {
  Line line;
  const Bytes visit = line.begun_visit();

  // How many bytes such an exchange has; later ones differ by a few, so both ends are overshot.
  line.device.add_note(visit, 1);
  REQUIRE_FALSE(line.sync().error);
  const std::uint64_t up = line.proxy.up() + 40;
  const std::uint64_t down = line.proxy.down() + 40;
  REQUIRE(up > 300);
  REQUIRE(down > 300);

  std::int64_t notes = 1;
  std::size_t broken = 0;
  std::size_t whole = 0;
  const auto try_cut = [&](std::uint64_t up_limit, std::uint64_t down_limit) {
    if (line.device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NULL").value() == 0)
      line.device.add_note(visit, ++notes);
    line.proxy.cut_after(up_limit, down_limit);
    const SyncReport report = line.sync();
    if (report.error) {
      INFO("cut " << up_limit << "/" << down_limit << ": " << report.error->message());
      CHECK(report.error->retryable());
      CHECK(report.receipted == 0);
      ++broken;
    } else {
      CHECK(report.waiting == 0);
      ++whole;
    }
  };
  for (std::uint64_t k = 0; k < up; ++k) try_cut(k, CuttingProxy::kNever);
  for (std::uint64_t k = 0; k < down; ++k) try_cut(CuttingProxy::kNever, k);
  CHECK(broken > 600);
  CHECK(whole > 10);

  line.cut_nothing();
  REQUIRE_FALSE(line.sync().error);
  CHECK(line.device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NULL").value() == 0);
  CHECK(line.device.db->integer("SELECT count(*) FROM outbox WHERE refusal IS NOT NULL").value() == 0);
  std::int64_t held = 0;
  REQUIRE(line.office->read([&](Store& rows) {
    return rows.each_row(*find_table("note"), [&](const StoredRow&) -> Status {
      ++held;
      return {};
    });
  }));
  CHECK(held == notes);
  const LedgerReport report = line.office.check();
  CHECK(report.sound());
  CHECK(report.change_sets == line.device.db->integer("SELECT count(*) FROM outbox").value());
  CHECK(line.office->rebuild());
}

TEST_CASE("an enrolment that breaks after any byte is asked for again and enrols one device") {
  Line line;
  line.office.add_people_and_schools();
  const Bytes code = *line.office->offer_enrolment("王处长", "I001");
  std::size_t broken = 0;
  for (std::uint64_t k = 0; k < 700; ++k) {
    line.proxy.cut_after(k, CuttingProxy::kNever);
    if (!line.enrol_request(code)) ++broken;
  }
  std::optional<HttpResponse> answer;
  for (std::uint64_t k = 0; k < 1'500 && !answer; ++k) {
    line.proxy.cut_after(CuttingProxy::kNever, k);
    const auto got = line.enrol_request(code);
    if (got)
      answer = *got;
    else
      ++broken;
  }
  CHECK(broken > 500);
  REQUIRE(answer);
  CHECK(line.take(*answer).value());
  CHECK(line.office->devices()->size() == 1);
  CHECK(line.office.check().sound());
  line.cut_nothing();
  CHECK_FALSE(line.sync().error);
}

TEST_CASE("a checkpoint or key that is asked for and breaks off after any byte is no answer") {
  Line line;
  for (const std::string path : {"/v1/checkpoint", "/v1/key"}) {
    line.cut_nothing();
    REQUIRE(line.send("GET", path));
    const std::uint64_t up = line.proxy.up();
    const std::uint64_t down = line.proxy.down();
    REQUIRE(up > 30);
    REQUIRE(down > 60);
    const auto no_answer = [&](std::uint64_t up_limit, std::uint64_t down_limit) {
      line.proxy.cut_after(up_limit, down_limit);
      const auto got = line.send("GET", path);
      INFO(path << " cut " << up_limit << "/" << down_limit);
      REQUIRE_FALSE(got);
      CHECK(got.error().retryable());
    };
    for (std::uint64_t k = 0; k < up; ++k) no_answer(k, CuttingProxy::kNever);
    for (std::uint64_t k = 0; k < down; ++k) no_answer(CuttingProxy::kNever, k);
  }
}

TEST_CASE("an enrolment that waits for approval and breaks off after any byte waits once") {
  Line line;
  line.office.add_people_and_schools();
  REQUIRE(line.enrol_request({}));
  const std::uint64_t up = line.proxy.up();
  const std::uint64_t down = line.proxy.down();
  for (std::uint64_t k = 0; k < up; ++k) {
    line.proxy.cut_after(k, CuttingProxy::kNever);
    CHECK_FALSE(line.enrol_request({}));
  }
  for (std::uint64_t k = 0; k < down; ++k) {
    line.proxy.cut_after(CuttingProxy::kNever, k);
    CHECK_FALSE(line.enrol_request({}));
  }
  CHECK(line.office->devices()->empty());
  const auto waiting = line.office->pending_enrolments();
  REQUIRE(waiting->size() == 1);
  line.cut_nothing();
  CHECK_FALSE(line.take(line.enrol_request({}).value()).value());
  REQUIRE(line.office->approve_enrolment("王处长", waiting->front().thumbprint, "I001"));
  CHECK(line.take(line.enrol_request({}).value()).value());
  CHECK_FALSE(line.sync().error);
}

TEST_CASE("a refusal that breaks off after any byte refuses nothing, and changes nothing at either end") {
  Line line;
  const Bytes visit = line.begun_visit();
  line.device.seal_note(visit, 1);
  const auto request = [&] {
    SyncPass pass(line.device.platform, *line.device.db);
    return pass.request().value();
  };
  const auto refused = [&](const char* method, const char* path, const Bytes& body, int status) {
    line.cut_nothing();
    const auto whole = line.send(method, path, body);
    REQUIRE(whole);
    REQUIRE(whole->status == status);
    const std::uint64_t up = line.proxy.up();
    const std::uint64_t down = line.proxy.down();
    const Bytes ledger = line.office.ledger();
    const std::size_t apart = line.office->quarantine()->size();
    const auto no_answer = [&](std::uint64_t up_limit, std::uint64_t down_limit) {
      line.proxy.cut_after(up_limit, down_limit);
      const auto got = line.send(method, path, body);
      INFO(status << " cut " << up_limit << "/" << down_limit);
      REQUIRE_FALSE(got);
      CHECK(got.error().retryable());
    };
    for (const std::uint64_t k : cuts(up)) no_answer(k, CuttingProxy::kNever);
    for (std::uint64_t k = 0; k < down; ++k) no_answer(CuttingProxy::kNever, k);
    CHECK(line.office.ledger() == ledger);
    CHECK(line.office->quarantine()->size() == apart);
    line.cut_nothing();
  };
  refused("POST", "/v1/sync", {0x2a}, 400);
  refused("POST", "/v2/sync", {}, 404);
  refused("GET", "/v1/sync", {}, 405);
  refused("POST", "/v1/enrol", Bytes(5'000, 7), 413);
  const std::int64_t seen = integer_setting(*line.device.db, "checkpoint_size")->value();
  REQUIRE(put_setting(*line.device.db, "checkpoint_size", std::int64_t{1'000'000}));
  refused("POST", "/v1/sync", request(), 409);
  REQUIRE(put_setting(*line.device.db, "checkpoint_size", seen));
  CHECK(line.sync().receipted == 1);
  line.device.seal_note(visit, 2);
  REQUIRE(line.office->revoke("王处长", line.device.number(), "平板丢失"));
  refused("POST", "/v1/sync", request(), 403);
  CHECK(line.office->quarantine()->size() == 1);
  CHECK(line.office.check().sound());
  CHECK(line.office->rebuild());
}

TEST_CASE(
    "an exchange under the office's time that breaks off anywhere in its two requests and answers goes on later") {
  Line line;
  const Bytes visit = line.begun_visit();
  line.device.machine.clock.set_wall(line.device.machine.clock.wall_utc_ms() - 3'600'000);
  line.device.seal_note(visit, 1);
  REQUIRE_FALSE(line.sync().error);
  // Two requests and two answers on one connection.
  const std::uint64_t up = line.proxy.up();
  const std::uint64_t down = line.proxy.down();
  std::int64_t notes = 1;
  std::size_t broken = 0;
  const auto try_cut = [&](std::uint64_t up_limit, std::uint64_t down_limit) {
    if (outbox(*line.device.db, true)->empty()) line.device.seal_note(visit, ++notes);
    line.proxy.cut_after(up_limit, down_limit);
    const SyncReport report = line.sync();
    INFO("cut " << up_limit << "/" << down_limit);
    if (!report.error) return;
    CHECK(report.error->retryable());
    CHECK(report.receipted == 0);
    ++broken;
  };
  for (const std::uint64_t k : cuts(up, up / 2)) try_cut(k, CuttingProxy::kNever);
  for (const std::uint64_t k : cuts(down, down / 2)) try_cut(CuttingProxy::kNever, k);
  CHECK(broken > 400);
  line.cut_nothing();
  REQUIRE_FALSE(line.sync().error);
  CHECK(outbox(*line.device.db, true)->empty());
  CHECK(line.office.log_of(line.device.number()) == line.device.statements());
  CHECK(line.office.check().sound());
  CHECK(line.office->rebuild());
}

TEST_CASE("a first sync of several pages that breaks off anywhere keeps the whole pages and fetches the rest") {
  Line line;
  line.office.add_people_and_schools();
  line.device.enrol();
  constexpr std::int64_t kVisits = 12;
  for (std::int64_t i = 0; i < kVisits; ++i) line.office.plan({"I001"}, "14000" + std::to_string(1 + i % 3));
  constexpr PassBudget kSmallPages{.up_bytes = 1u << 20, .down_bytes = 600};
  const std::unique_ptr<Database> fresh = std::move(line.device.db);
  TempFolder copies;
  int next = 0;
  const auto begin_anew = [&] {
    const std::string path = copies / std::to_string(++next);
    REQUIRE(fresh->copy_to(path));
    line.device.take_database(path);
  };
  const auto rows = [&] {
    return line.device.db
        ->integer(
            "SELECT (SELECT count(*) FROM visit) + (SELECT count(*) FROM school) + (SELECT "
            "count(*) FROM team_member)")
        .value();
  };
  begin_anew();
  const std::uint64_t requests = line.office->counters().requests;
  const auto whole = line.exchange(kSmallPages);
  REQUIRE(whole);
  REQUIRE(line.office->counters().requests - requests > 3);
  const std::uint64_t up = line.proxy.up();
  const std::uint64_t down = line.proxy.down();
  const std::int64_t all_rows = rows();
  std::set<std::int64_t> stopped_with_rows;
  std::size_t broken = 0;
  const auto try_cut = [&](std::uint64_t up_limit, std::uint64_t down_limit) {
    INFO("cut " << up_limit << "/" << down_limit);
    begin_anew();
    line.proxy.cut_after(up_limit, down_limit);
    // A later request that finds its connection gone is sent once more on a new one, and may come through.
    if (!line.exchange(kSmallPages)) ++broken;
    stopped_with_rows.insert(rows());
    line.cut_nothing();
    REQUIRE(line.exchange(kSmallPages));
    CHECK(rows() == all_rows);
  };
  for (const std::uint64_t k : cuts(up, 0, 41)) try_cut(k, CuttingProxy::kNever);
  for (const std::uint64_t k : cuts(down, 0, 41)) try_cut(CuttingProxy::kNever, k);
  // After none of the pages, after the first, the second and so on.
  CHECK(stopped_with_rows.size() > 3);
  CHECK(broken > 40);
}

TEST_CASE("receipts of many batches that break off anywhere are all asked for again, and each comes as it was") {
  Line line;
  const Bytes visit = line.begun_visit();
  // Each registered by a request of its own whose answer was lost.
  constexpr std::int64_t kBatches = 12;
  for (std::int64_t n = 1; n <= kBatches; ++n) {
    line.device.seal_note(visit, n);
    line.device.machine.http.plan(LoopbackHttp::Fault::kLoseAnswer);
    REQUIRE_FALSE(line.device.sync());
  }
  const Bytes ledger = line.office.ledger();
  TempFolder copies;
  REQUIRE(line.device.db->copy_to(copies / "agent.db"));
  REQUIRE(line.exchange({}).value().receipted == kBatches);
  const std::uint64_t up = line.proxy.up();
  const std::uint64_t down = line.proxy.down();
  const auto receipts = [&] {
    std::vector<Bytes> out;
    for (std::uint64_t seq = 2; seq < 2 + kBatches; ++seq)
      out.push_back(statement_of(*line.device.db, seq).value().receipt);
    return out;
  };
  const std::vector<Bytes> all = receipts();
  line.device.take_database(copies / "agent.db");
  const auto try_cut = [&](std::uint64_t up_limit, std::uint64_t down_limit) {
    INFO("cut " << up_limit << "/" << down_limit);
    line.proxy.cut_after(up_limit, down_limit);
    CHECK_FALSE(line.exchange({}));
    CHECK(outbox(*line.device.db, true)->size() == kBatches);
  };
  for (const std::uint64_t k : cuts(up)) try_cut(k, CuttingProxy::kNever);
  for (const std::uint64_t k : cuts(down)) try_cut(CuttingProxy::kNever, k);
  line.cut_nothing();
  CHECK(line.exchange({}).value().receipted == kBatches);
  CHECK(receipts() == all);
  CHECK(line.office.ledger() == ledger);
}

TEST_CASE("what a school sends and breaks off after any byte is done whole and once, or not at all") {
  Line line;
  const Bytes visit = line.begun_visit();
  const Moment at = now(line.device.platform.clock);
  const std::int64_t today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  line.device.write([&] {
    return line.device.db->execute(
        "INSERT INTO finding VALUES (?, ?, 1, 'S1', 'DANGER', NULL, '通道堵塞', ?, NULL, 'OPEN', NULL, 'I001', ?, ?, "
        "?)",
        BytesView(visit), line.device.number(), today + 30, at.utc_ms, at.offset_min, at.boot_ms);
  });
  REQUIRE_FALSE(line.sync().error);
  Office& office = *line.office.office;
  Clock& clock = line.office.platform.clock;
  const FindingKey key{visit, line.device.number(), 1};
  REQUIRE(office.decide("王处长", "register.import", [](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.update("school", {std::string("140001")},
                {{find_table("school")->column("superior_unit"), std::string("栖云县教育局")}});
    return rows;
  }));
  REQUIRE(office.decide("王处长", "finding.notice", [&](Store& rows) -> Result<ChangesBuilder> {
    RectificationSteps steps(rows, now(clock).utc_ms, today);
    RectificationAct notice;
    notice.finding = key;
    notice.event = FindingEvent::kNotice;
    notice.person = "王处长";
    DUDAO_CHECK(steps.take(notice));
    ChangesBuilder out;
    steps.write(out);
    return out;
  }));
  const std::string code = to_hex(offer_school_code(office, clock, "王处长", visit).value());
  const auto state = [&] {
    FindingView view;
    REQUIRE(office.read([&](Store& rows) -> Status {
      DUDAO_TRY(view, find_finding(rows, key));
      return {};
    }));
    return view.state;
  };
  const auto ask = [&](nlohmann::json request, std::uint64_t up_limit, std::uint64_t down_limit) {
    request["code"] = code;
    line.proxy.cut_after(up_limit, down_limit);
    return line.send("POST", kSchoolPath, to_bytes(view(request.dump())));
  };
  const std::string picture = "\xFF\xD8\xFF" + std::string(120, 'x');
  const nlohmann::json photo = {{"do", "photo"}, {"data", to_base64(view(picture))}};
  const nlohmann::json see = {{"do", "see"}, {"photo", to_hex(sha256(view(picture)))}};
  const nlohmann::json step = {
      {"do", "acknowledge"}, {"finding", std::to_string(line.device.number()) + "/1"}, {"person", "李校长"}};

  // How many bytes the requests have; those of the answers are met by going on until one comes whole.
  const auto bytes_up = [&](const nlohmann::json& request) {
    const Result<HttpResponse> answer = ask(request, CuttingProxy::kNever, 0);
    REQUIRE_FALSE(answer);
    return line.proxy.up();
  };
  const auto cut_request = [&](const nlohmann::json& request, std::uint64_t bytes) {
    for (std::uint64_t k = 0; k < bytes; ++k) {
      INFO("request cut after " << k);
      const auto answer = ask(request, k, CuttingProxy::kNever);
      REQUIRE_FALSE(answer);
      CHECK(answer.error().retryable());
    }
  };
  const auto cut_answer = [&](const nlohmann::json& request) {
    int broken = 0;
    for (std::uint64_t k = 0; k < 5'000; ++k) {
      const auto answer = ask(request, CuttingProxy::kNever, k);
      if (answer) break;
      CHECK(answer.error().retryable());
      ++broken;
    }
    return broken;
  };

  // A request of the same length that changes nothing tells how long the one is.
  nlohmann::json same_length = step;
  same_length["do"] = "acknowledgf";
  cut_request(step, bytes_up(same_length));
  CHECK(state() == FindingState::kNoticed);
  const auto before = line.office.check().statements;
  CHECK(cut_answer(step) > 100);
  CHECK(state() == FindingState::kAcknowledged);
  CHECK(line.office.check().statements == before + 1);

  nlohmann::json other = photo;
  other["do"] = "phot0";
  cut_request(photo, bytes_up(other));
  line.cut_nothing();
  CHECK(ask(see, CuttingProxy::kNever, CuttingProxy::kNever).value().status == 400);
  CHECK(cut_answer(photo) > 100);
  CHECK(ask(see, CuttingProxy::kNever, CuttingProxy::kNever).value().status == 200);
  CHECK(cut_answer({{"do", "show"}}) > 100);
  CHECK(line.office.check().sound());
  CHECK(line.office->rebuild());
}
