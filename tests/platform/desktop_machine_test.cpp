#include "platform/desktop/clock.hpp"
#include "platform/desktop/desktop.hpp"
#include "platform/desktop/files.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temp_folder.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace dudao;
using namespace dudao::test;

namespace {

std::string content(const std::string& path) { return std::string(text(*DesktopFiles().read(path, 1 << 20))); }

std::unique_ptr<DesktopLog> open_log(const LogOptions& options, Clock& clock) {
  auto made = DesktopLog::open(options, clock);
  REQUIRE(made);
  return std::move(*made);
}

}  // namespace

TEST_CASE("the desktop's clocks agree with the system's") {
  DesktopClock clock;
  const auto system_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = system_ms();
  const auto wall = clock.wall_utc_ms();
  CHECK(wall >= before);
  CHECK(wall <= system_ms());
  const auto boot = clock.boot_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK(clock.boot_ms() - boot >= 29);
  CHECK(clock.boot_id() == DesktopClock().boot_id());
}

TEST_CASE("the offset of the place is that of the machine's time zone") {
  const char* before = std::getenv("TZ");
  const std::string zone = before ? before : "";
  const auto offset_in = [](const char* name) {
    ::setenv("TZ", name, 1);
    return DesktopClock().utc_offset_min();
  };
  CHECK(offset_in("CST-8") == 480);
  CHECK(offset_in("NPT-5:45") == 345);
  CHECK(offset_in("XXX3:30") == -210);
  CHECK(offset_in("UTC0") == 0);
  before ? ::setenv("TZ", zone.c_str(), 1) : ::unsetenv("TZ");
  ::tzset();
}

TEST_CASE("a default route is found in the kernel's tables, and nothing else is taken for one") {
  const std::string head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
  const std::string local = "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  const std::string beyond = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
  const std::string down = "eth0\t00000000\t0102A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n";
  const std::string half = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n";
  CHECK(has_default_route(head + local + beyond, ""));
  CHECK_FALSE(has_default_route(head + local, ""));
  CHECK_FALSE(has_default_route(head + down, ""));
  CHECK_FALSE(has_default_route(head + half, ""));
  CHECK_FALSE(has_default_route(head, ""));
  CHECK_FALSE(has_default_route("", ""));
  CHECK_FALSE(has_default_route("eth0\t00000000\t0102A8C0\tzz\t0\t0\t0\t00000000", "\n\n \n"));

  const std::string zero(32, '0');
  const auto ipv6 = [&](const std::string& flags, const std::string& device) {
    return zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 " + flags + " " +
           device + "\n";
  };
  CHECK(has_default_route("", ipv6("00000003", "    eth0")));
  CHECK_FALSE(has_default_route("", ipv6("00200200", "      lo")));
  CHECK_FALSE(has_default_route("", ipv6("00000001", "      lo")));
  CHECK_FALSE(has_default_route("", ipv6("00000201", "    eth0")));
}

TEST_CASE("what a link costs is what the user said") {
  const auto free = DesktopConnectivity(false).link();
  const auto paid = DesktopConnectivity(true).link();
  CHECK((free == Connectivity::Link::kNone) == (paid == Connectivity::Link::kNone));
  CHECK(free != Connectivity::Link::kMetered);
  CHECK(paid != Connectivity::Link::kUnmetered);
}

TEST_CASE("a record of the log is one line with time, level, event and ids") {
  const TempFolder folder;
  FakeClock clock;
  const std::string file = folder / "dudao.log";
  {
    const auto log = open_log({.file = file}, clock);
    log->write(Log::Level::kInfo, "sync.done", "device=3 sent=120");
    clock.advance(7);
    log->write(Log::Level::kError, "sync.failed", "");
    log->write(Log::Level::kDebug, "too.small", "");
    log->write(Log::Level::kWarning, "bad\nevent", "a=1\r\x1b[2J\x7f");
    clock.set_wall(-1);
    log->write(Log::Level::kInfo, "early", "");
  }
  CHECK(content(file) ==
        "2026-03-02T01:00:00.000Z info sync.done device=3 sent=120\n"
        "2026-03-02T01:00:00.007Z error sync.failed\n"
        "2026-03-02T01:00:00.007Z warning bad\\x0aevent a=1\\x0d\\x1b[2J\\x7f\n"
        "1969-12-31T23:59:59.999Z info early\n");
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777u) == 0600);
  open_log({.file = file}, clock)->write(Log::Level::kInfo, "again", "");
  CHECK(content(file).ends_with("info again\n"));
  CHECK(content(file).starts_with("2026-03-02"));
}

TEST_CASE("the log keeps to its size and keeps the newest records") {
  const TempFolder folder;
  FakeClock clock;
  const std::string file = folder / "dudao.log";
  const auto log = open_log({.file = file, .max_file_bytes = 1000}, clock);
  for (int i = 0; i < 200; ++i) log->write(Log::Level::kInfo, "event", "n=" + std::to_string(i));
  CHECK(content(file).size() <= 1000);
  CHECK(content(file + ".1").size() <= 1000);
  CHECK(content(file).ends_with("n=199\n"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("lines of several threads do not mix") {
  const TempFolder folder;
  FakeClock clock;
  const std::string file = folder / "dudao.log";
  const auto log = open_log({.file = file}, clock);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) log->write(Log::Level::kInfo, "event", std::string(50, 'x'));
    });
  for (std::thread& thread : threads) thread.join();
  const std::string line = "2026-03-02T01:00:00.000Z info event " + std::string(50, 'x') + "\n";
  std::string all;
  for (int i = 0; i < 400; ++i) all += line;
  CHECK(content(file) == all);
}

TEST_CASE("the desktop's machine opens with everything in place, and names what cannot be used") {
  const TempFolder folder;
  DesktopOptions options;
  options.keys = {.folder = folder / "data/keys", .pass_phrase = "one", .cost_log2 = 10};
  options.log.file = folder / "dudao.log";
  const auto machine = open_desktop_platform(options);
  REQUIRE(machine);
  const Platform platform = (*machine)->view();
  platform.log.write(Log::Level::kInfo, "start", "");
  CHECK(content(folder / "dudao.log").ends_with("start\n"));
  REQUIRE(platform.keys.create("device", Algorithm::kEd25519));
  REQUIRE(platform.files.write(folder / "x", view("x")));
  CHECK(platform.clock.boot_ms() > 0);
  CHECK(platform.http.send({}).error().code == Code::kUrlNotValid);

  const auto code = [](const DesktopOptions& wrong) {
    const auto opened = open_desktop_platform(wrong);
    return opened ? Code::kInternal : opened.error().code;
  };
  DesktopOptions wrong = options;
  wrong.log.file = folder / "no/dudao.log";
  CHECK(code(wrong) == Code::kFileWrite);
  wrong = options;
  wrong.http.pinned_keys = "abc";
  CHECK(code(wrong) == Code::kHttpSettings);
  wrong = options;
  wrong.keys.pass_phrase.reset();
  wrong.keys.machine_secret_file = folder / "data/keys/secret";
  CHECK(code(wrong) == Code::kMachineSecretUnsafe);
}
