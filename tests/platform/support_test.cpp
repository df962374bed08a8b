#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"

#include <filesystem>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;
using Fault = LoopbackHttp::Fault;

namespace {

HttpRequest post(std::string_view body) {
  HttpRequest request;
  request.method = "POST";
  request.url = "https://office.example/v1/sync";
  request.body = to_bytes(view(body));
  return request;
}

HttpResponse echo(const HttpRequest& request) {
  HttpResponse response;
  response.status = 200;
  response.body = request.body;
  return response;
}

}  // namespace

TEST_CASE("the loopback network loses, cuts and doubles what it was told to, in that order, and then nothing") {
  LoopbackHttp http(echo);
  for (const Fault fault : {Fault::kLoseRequest, Fault::kTimeOut, Fault::kLoseAnswer, Fault::kCutAnswer,
                            Fault::kTruncatedBody, Fault::kPortalPage, Fault::kServerError, Fault::kDoubleRequest})
    http.plan(fault);
  CHECK(http.send(post("abcd")).error().code == Code::kNoConnection);
  CHECK(http.send(post("abcd")).error().code == Code::kTimedOut);
  CHECK(http.handled() == 0);
  CHECK(http.send(post("abcd")).error().code == Code::kTimedOut);
  CHECK(http.handled() == 1);
  CHECK(http.send(post("abcd")).error().code == Code::kAnswerCutShort);
  CHECK(text(http.send(post("abcd"))->body) == "ab");
  CHECK(http.handled() == 3);
  const auto portal = http.send(post("abcd"));
  CHECK(portal->status == 200);
  CHECK(text(portal->body).find("<html>") != std::string_view::npos);
  CHECK(http.send(post("abcd"))->status == 503);
  CHECK(http.handled() == 3);
  CHECK(text(http.send(post("abcd"))->body) == "abcd");
  CHECK(http.handled() == 5);
  CHECK(text(http.send(post("abcd"))->body) == "abcd");
  CHECK(http.handled() == 6);
  CHECK(http.sends() == 9);
}

TEST_CASE("the loopback network keeps the promises of an HTTP client: sizes, cancelling, addresses") {
  LoopbackHttp http(echo);
  HttpRequest request = post("abcd");
  request.max_response_bytes = 3;
  CHECK(http.send(request).error().code == Code::kResponseTooLarge);
  request = post("abcd");
  request.cancelled = [] { return true; };
  CHECK(http.send(request).error().code == Code::kCancelled);
  CHECK(http.handled() == 1);
  request = post("abcd");
  request.url = "ftp://office.example/";
  CHECK(http.send(request).error().code == Code::kUrlNotValid);
  LoopbackHttp nothing;
  CHECK(nothing.send(post("abcd")).error().code == Code::kNoConnection);
}

TEST_CASE("a full, failing or read-only disk in memory changes no file") {
  MemoryFiles files;
  REQUIRE(files.make_folder("/data"));
  REQUIRE(files.write("/data/a", view("old")));
  files.set_space(7);
  CHECK(files.write("/data/a", view("longer")).error().code == Code::kDiskFull);
  files.set_space(SIZE_MAX);
  files.fail_next(MemoryFiles::Operation::kWrite, Code::kFileWrite, 1);
  CHECK(files.write("/data/b", view("x")));
  CHECK(files.write("/data/a", view("new")).error().code == Code::kFileWrite);
  files.set_read_only(true);
  CHECK(files.write("/data/a", view("new")).error().code == Code::kFileReadOnly);
  CHECK(files.remove("/data/a").error().code == Code::kFileReadOnly);
  CHECK(text(*files.read("/data/a", 100)) == "old");
  files.set_read_only(false);
  CHECK(files.write("/data/a", view("new")));
  CHECK(text(*files.read("/data/a", 100)) == "new");
}

TEST_CASE("the fake clock shows a moved wall clock and a restart, as real ones do") {
  FakeClock clock;
  const auto wall = clock.wall_utc_ms();
  const auto boot = clock.boot_ms();
  const auto id = clock.boot_id();
  clock.advance(500);
  CHECK(clock.wall_utc_ms() == wall + 500);
  CHECK(clock.boot_ms() == boot + 500);
  clock.set_wall(wall - 1000);
  CHECK(clock.boot_ms() == boot + 500);
  CHECK(clock.boot_id() == id);
  clock.restart(20'000);
  CHECK(clock.wall_utc_ms() == wall + 19'000);
  CHECK(clock.boot_ms() == 0);
  CHECK(clock.boot_id() != id);
}

TEST_CASE("a temporary folder is there and is gone afterwards") {
  std::string path;
  {
    const TempFolder folder;
    path = folder.path();
    CHECK(std::filesystem::is_directory(path));
    std::filesystem::create_directory(folder / "inside");
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("the fake machine hands out its parts, and its log can be searched") {
  FakePlatform machine;
  const Platform platform = machine.view();
  platform.log.write(Log::Level::kInfo, "sync.done", "device=3 sent=120");
  CHECK(machine.log.contains("sent=120"));
  CHECK_FALSE(machine.log.contains("Zhang"));
  REQUIRE(platform.keys.create("device", Algorithm::kEd25519));
  const auto signature = platform.keys.sign("device", view("m"));
  REQUIRE(signature);
  CHECK(platform.keys.public_key("device")->verify(view("m"), *signature));
}
