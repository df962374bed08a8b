/// A real client, a real listener, and a line that breaks after every byte of every kind of exchange.

#include "agent/sync_job.hpp"
#include "platform/desktop/http.hpp"
#include "tests/network/cutting_proxy.hpp"
#include "tests/sync/office/county.hpp"
#include "tools/office/listener.hpp"

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
  Result<HttpResponse> enrol_request(BytesView code) {
    auto client = make_http_client({});
    REQUIRE(client);
    auto key = device.platform.keys.public_key("device");
    if (!key) key = device.platform.keys.create("device", Algorithm::kEd25519);
    auto body = enrolment_request(device.platform, "device", *key, "I001", "笔记本", code);
    REQUIRE(body);
    HttpRequest request;
    request.method = "POST";
    request.url = proxy.url() + "/v1/enrol";
    request.body = *std::move(body);
    return (*client)->send(request);
  }
  Result<bool> take(const HttpResponse& answer) {
    return take_enrolment(device.platform, *device.db, "device", *device.platform.keys.public_key("device"),
                          answer.status, TestDevice::content_type(answer), answer.body,
                          office.office->key().thumbprint());
  }
  void add_note(const Bytes& visit, std::int64_t n) {
    device.write([&] {
      return device.db->execute("INSERT INTO note VALUES (?, ?, ?, NULL, ?, NULL, 'I001', 1, 480, 1)", BytesView(visit),
                                device.number(), n, std::string_view("记录" + std::to_string(n)));
    });
  }
};

}  // namespace

TEST_CASE("an exchange that breaks after any byte of request or answer loses nothing and doubles nothing") {
  Line line;
  line.office.add_people_and_schools();
  line.device.enrol();
  const Bytes visit = line.office.plan({"I001"});
  REQUIRE_FALSE(line.sync().error);
  line.device.check_in(visit);
  REQUIRE_FALSE(line.sync().error);

  // How many bytes such an exchange has; later ones differ by a few, so both ends are overshot.
  line.add_note(visit, 1);
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
      line.add_note(visit, ++notes);
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

  line.proxy.cut_after(CuttingProxy::kNever, CuttingProxy::kNever);
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
  line.proxy.cut_after(CuttingProxy::kNever, CuttingProxy::kNever);
  CHECK_FALSE(line.sync().error);
}
