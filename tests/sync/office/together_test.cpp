#include "tests/sync/office/county.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

using namespace dudao;
using namespace dudao::test;

TEST_CASE("devices that arrive together share commits, and each gets its own receipts") {
  TestOffice office;
  office.add_people_and_schools();
  constexpr int kDevices = 6;
  constexpr int kRounds = 5;
  std::vector<std::unique_ptr<TestDevice>> devices;
  std::vector<std::vector<Bytes>> visits(kDevices);
  for (int i = 0; i < kDevices; ++i) {
    devices.push_back(std::make_unique<TestDevice>(office, "I00" + std::to_string(1 + i % 3)));
    devices.back()->enrol();
    for (int round = 0; round < kRounds; ++round)
      visits[static_cast<std::size_t>(i)].push_back(
          office.plan({devices.back()->inspector}, "14000" + std::to_string(1 + round % 3)));
  }
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kDevices; ++i) {
    threads.emplace_back([&, i] {
      TestDevice& device = *devices[static_cast<std::size_t>(i)];
      if (!device.sync()) ++failures;
      for (const Bytes& visit : visits[static_cast<std::size_t>(i)]) {
        // Two devices of one inspector have the same visits; each does its own.
        if (!record(*device.db, [&]() -> Status {
              DUDAO_CHECK(device.event(visit, "verify_package", "READY"));
              return device.event(visit, "check_in", "IN_PROGRESS");
            }))
          ++failures;
        const auto report = device.sync();
        if (!report || !report->refusals.empty()) ++failures;
      }
    });
  }
  // Meanwhile the office goes on deciding and people go on looking.
  for (int i = 0; i < 10; ++i) {
    office.plan({"I001"});
    static_cast<void>(office->counters());
    if (!office->devices()) ++failures;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  for (const auto& device : devices) CHECK(outbox(*device->db, true)->empty());
  const OfficeCounters counters = office->counters();
  CHECK(counters.registered == kDevices * kRounds);
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("many statements of one request are judged on several threads and registered in their order by one commit") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice device(office, "I001");
  device.enrol();
  constexpr int kStatements = 24;
  std::vector<Bytes> visits;
  for (int i = 0; i < kStatements; ++i) visits.push_back(office.plan({"I001"}));
  device.must_sync();
  for (const Bytes& visit : visits) {
    device.check_in(visit);
    REQUIRE(seal(device.platform, *device.db).value() == 1);
  }
  const OfficeCounters before = office->counters();
  const auto report = device.sync();
  REQUIRE(report);
  CHECK(report->refusals.empty());
  CHECK(office->counters().registered == before.registered + kStatements);
  CHECK(office->counters().commits == before.commits + 1);
  for (const Bytes& visit : visits) CHECK(office.visit_state(visit) == "IN_PROGRESS");
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a hundred devices back at once after thirty days get every receipt, and the office loses nothing") {
  constexpr int kDevices = 100;
  constexpr int kDays = 30;
  constexpr std::int64_t kDay_ms = 86'400'000;
  TestOffice office;
  office.add_people_and_schools(kDevices);
  std::vector<std::unique_ptr<TestDevice>> devices;
  std::vector<Bytes> visits;
  for (int i = 0; i < kDevices; ++i) {
    devices.push_back(std::make_unique<TestDevice>(office, TestOffice::inspector(1 + i)));
    devices.back()->enrol();
    visits.push_back(office.plan({devices.back()->inspector}, "14000" + std::to_string(1 + i % 3)));
    devices.back()->must_sync();
    devices.back()->check_in(visits.back());
  }
  office.machine.clock.advance(kDays * kDay_ms);
  for (int i = 0; i < kDevices; ++i) {
    TestDevice& device = *devices[static_cast<std::size_t>(i)];
    // No power is cut while they work; when they come back everything is as it always is.
    REQUIRE(device.db->script("PRAGMA synchronous=OFF"));
    for (int day = 1; day <= kDays; ++day) {
      device.machine.clock.advance(kDay_ms);
      device.write([&] { return device.answer(visits[static_cast<std::size_t>(i)], "S2", std::int64_t{day}); });
      device.add_note(visits[static_cast<std::size_t>(i)], day);
      REQUIRE(seal(device.platform, *device.db).value() == 1);
    }
    REQUIRE(device.db->script("PRAGMA synchronous=FULL"));
  }
  const LedgerReport before = office.check();

  std::atomic<bool> now = false;
  std::atomic<int> failures = 0;
  std::vector<std::int64_t> waited_ms(kDevices);
  std::vector<std::thread> threads;
  threads.reserve(kDevices);
  for (int i = 0; i < kDevices; ++i) {
    threads.emplace_back([&, i] {
      now.wait(false);
      const auto begun = std::chrono::steady_clock::now();
      const auto report = devices[static_cast<std::size_t>(i)]->sync({.up_bytes = 8 << 10});
      if (!report || !report->refusals.empty() || report->receipted != kDays) ++failures;
      waited_ms[static_cast<std::size_t>(i)] =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
    });
  }
  now = true;
  now.notify_all();
  for (std::thread& thread : threads) thread.join();
  std::sort(waited_ms.begin(), waited_ms.end());
  // How long depends on the machine and what else it does; that nobody is left out does not.
  WARN("100 devices, " << kDevices * kDays << " statements, " << office->counters().commits << " commits: receipts of "
                       << "the median device after " << waited_ms[kDevices / 2] << " ms, p99 after "
                       << waited_ms[kDevices - 2] << " ms, all after " << waited_ms.back() << " ms");
  CHECK(failures == 0);
  const LedgerReport after = office.check();
  CHECK(after.sound());
  CHECK(after.change_sets == before.change_sets + kDevices * kDays);
  std::set<std::int64_t> places;
  for (int i = 0; i < kDevices; ++i) {
    TestDevice& device = *devices[static_cast<std::size_t>(i)];
    CHECK(outbox(*device.db, true)->empty());
    for (std::uint64_t seq = 1; seq <= kDays; ++seq) {
      const auto held = statement_of(*device.db, seq);
      REQUIRE(held);
      const auto receipt = verify_receipt(held->receipt, held->statement, office->key());
      REQUIRE(receipt);
      CHECK(places.insert(receipt->index).second);
    }
    CHECK(office.cell("answer",
                      {BytesView(visits[static_cast<std::size_t>(i)]), std::string_view("S2"),
                       std::string_view(device.inspector)},
                      "value") == std::to_string(kDays));
  }
  CHECK(office->rebuild());
}
