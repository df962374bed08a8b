#include "tests/sync/office/county.hpp"

#include <atomic>
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
