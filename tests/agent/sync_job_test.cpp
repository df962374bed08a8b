#include "agent/sync_job.hpp"

#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

using Fault = LoopbackHttp::Fault;

constexpr std::int64_t kFirstBudget_bytes = 64 * 1024;
constexpr std::int64_t kSmallestBudget_bytes = 16 * 1024;

/// An enrolled device with one visit open, whose link to the office can be made slow.
struct OnTheRoad {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes visit;
  std::int64_t exchange_ms = 0;  ///< how long each takes

  OnTheRoad() {
    office.add_people_and_schools();
    device.enrol();
    visit = office.plan({"I001"});
    device.must_sync();
    device.check_in(visit);
    device.must_sync();
    const LoopbackHttp::Handler direct = [this](const HttpRequest& request) {
      Request in;
      in.method = request.method;
      in.path = request.url.substr(request.url.find("/v1"));
      in.headers = request.headers;
      in.body = request.body;
      Response out = office->handle(in);
      device.machine.clock.advance(exchange_ms);
      office.machine.clock.advance(exchange_ms);
      HttpResponse answer;
      answer.status = out.status;
      answer.headers = std::move(out.headers);
      answer.body = std::move(out.body);
      return answer;
    };
    device.machine.http.set_handler(direct);
  }
  SyncReport run(std::function<bool()> cancelled = {}) {
    SyncJobOptions options;
    options.office_url = "http://office";
    options.cancelled = std::move(cancelled);
    const auto report = run_sync(device.platform, *device.db, options);
    if (!report) FAIL(report.error().message());
    return *report;
  }
  SyncReport run_through(Fault fault) {
    device.machine.http.plan(fault);
    return run();
  }
  std::int64_t budget_bytes() { return integer_setting(*device.db, "sync_budget_bytes")->value_or(kFirstBudget_bytes); }
  /// Statements of about 20,000 bytes that do not compress.
  void record(int statements) {
    for (int i = 0; i < statements; ++i) {
      device.write([&]() -> Status {
        const std::string words = to_hex(random_bytes(10'000));
        return device.answer(visit, "S3", std::string_view(words));
      });
      REQUIRE(seal(device.platform, *device.db));
    }
  }
};

}  // namespace

TEST_CASE("a request that timed out or was cut is halved down to a floor, for the next run too") {
  OnTheRoad road;
  road.record(1);
  CHECK(road.run_through(Fault::kTimeOut).error->code == Code::kTimedOut);
  CHECK(road.budget_bytes() == kFirstBudget_bytes / 2);
  CHECK(road.run_through(Fault::kCutAnswer).error->code == Code::kAnswerCutShort);
  CHECK(road.budget_bytes() == kFirstBudget_bytes / 4);
  CHECK(road.run_through(Fault::kLoseAnswer).error->code == Code::kTimedOut);
  CHECK(road.budget_bytes() == kSmallestBudget_bytes);
  road.device.restart();
  CHECK(road.budget_bytes() == kSmallestBudget_bytes);
  // Where there is no connection at all, nothing was learnt of it.
  CHECK(road.run_through(Fault::kLoseRequest).error->code == Code::kNoConnection);
  CHECK(road.budget_bytes() == kSmallestBudget_bytes);
  const SyncReport report = road.run();
  CHECK_FALSE(report.error);
  CHECK(report.waiting == 0);
}

TEST_CASE("after time-outs less goes into a request, and more again as it succeeds") {
  OnTheRoad road;
  road.record(24);
  for (int i = 0; i < 2; ++i) CHECK(road.run_through(Fault::kTimeOut).receipted == 0);
  REQUIRE(road.budget_bytes() == kSmallestBudget_bytes);
  std::vector<std::int64_t> budgets;
  std::vector<int> receipted;
  SyncJobOptions options;
  options.office_url = "http://office";
  options.progress = [&](const SyncReport& so_far) {
    budgets.push_back(road.budget_bytes());
    receipted.push_back(so_far.receipted);
  };
  const auto report = run_sync(road.device.platform, *road.device.db, options);
  REQUIRE(report);
  CHECK_FALSE(report->error);
  CHECK(report->receipted == 24);
  REQUIRE(receipted.size() >= 3);
  CHECK(receipted[0] == 1);  // One goes always, however small the budget.
  CHECK(budgets[0] == 16 * kSmallestBudget_bytes);
  CHECK(budgets[1] == 64 * kSmallestBudget_bytes);
  CHECK(receipted[1] - receipted[0] > 1);
}

TEST_CASE("what was learned of a fast link is not risked on the next, which may be another") {
  OnTheRoad road;
  road.record(12);
  CHECK_FALSE(road.run().error);
  REQUIRE(road.budget_bytes() > kFirstBudget_bytes);
  road.record(12);
  int first = 0;
  SyncJobOptions options;
  options.office_url = "http://office";
  options.progress = [&](const SyncReport& so_far) {
    if (first == 0) first = so_far.sent;
  };
  const auto report = run_sync(road.device.platform, *road.device.db, options);
  REQUIRE(report);
  CHECK(report->receipted == 12);
  CHECK(first == 3);  // of 20,000 bytes each
}

TEST_CASE("a slow link makes requests smaller before it breaks") {
  OnTheRoad road;
  road.record(4);
  road.exchange_ms = 40'000;
  CHECK_FALSE(road.run().error);
  CHECK(road.budget_bytes() < kFirstBudget_bytes / 2);
  CHECK(road.budget_bytes() >= kSmallestBudget_bytes);
}

TEST_CASE("each failure in a row waits longer, at most half an hour, and a success forgets them") {
  OnTheRoad road;
  road.record(1);
  FakeClock& clock = road.device.machine.clock;
  std::int64_t whole_ms = 5'000;
  for (int i = 0; i < 12; ++i) {
    const std::int64_t wait_ms = road.run_through(Fault::kLoseRequest).next_try_utc_ms - clock.wall_utc_ms();
    CHECK(wait_ms >= whole_ms / 2);
    CHECK(wait_ms <= whole_ms);
    whole_ms = std::min<std::int64_t>(whole_ms * 2, 30 * 60 * 1'000);
  }
  const SyncReport success = road.run();
  CHECK(success.next_try_utc_ms == 0);
  road.record(1);
  CHECK(road.run_through(Fault::kLoseRequest).next_try_utc_ms - clock.wall_utc_ms() <= 5'000);
}

TEST_CASE("a portal's page, a proxy's error and a body cut in half confirm nothing, and the next run completes") {
  OnTheRoad road;
  road.record(2);
  for (const Fault fault : {Fault::kPortalPage, Fault::kServerError, Fault::kTruncatedBody}) {
    const SyncReport report = road.run_through(fault);
    REQUIRE(report.error);
    CHECK(report.receipted == 0);
    CHECK(report.waiting == 2);
  }
  CHECK(road.run().waiting == 0);
  CHECK(road.office.check().sound());
}

TEST_CASE("a run that is cancelled says so and keeps what was receipted") {
  OnTheRoad road;
  road.record(20);
  int asked = 0;
  const SyncReport report = road.run([&] { return ++asked > 4; });
  REQUIRE(report.error);
  CHECK(report.error->code == Code::kCancelled);
  CHECK(report.receipted + report.waiting == 20);
  CHECK(road.run().waiting == 0);
}
