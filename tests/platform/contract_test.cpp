// What every implementation of an interface of platform/platform.hpp must do: run on the desktop's and on the fakes,
// and to be run on every port's.
#include "platform/desktop/clock.hpp"
#include "platform/desktop/connectivity.hpp"
#include "platform/desktop/files.hpp"
#include "platform/desktop/http.hpp"
#include "platform/desktop/key_store.hpp"
#include "platform/desktop/log.hpp"
#include "tests/platform/small_server.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"

#include <thread>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

struct FakeFiles {
  MemoryFiles files;
  std::string root = "/data";
  FakeFiles() { REQUIRE(files.make_folder(root)); }
};

struct RealFiles {
  TempFolder folder;
  DesktopFiles files;
  std::string root = folder.path();
};

struct FakeKeys {
  MemoryKeyStore made;
  KeyStore& keys = made;
};

struct KeysByPassPhrase {
  TempFolder folder;
  std::unique_ptr<KeyStore> made =
      *DesktopKeyStore::open({.folder = folder / "keys", .pass_phrase = "督导 pass", .cost_log2 = 10});
  KeyStore& keys = *made;
};

struct KeysByMachineSecret {
  TempFolder folder;
  std::unique_ptr<KeyStore> made = *DesktopKeyStore::open({.folder = folder / "data/keys",
                                                           .data_folder = folder / "data",
                                                           .machine_secret_file = folder / "etc/secret",
                                                           .cost_log2 = 10});
  KeyStore& keys = *made;
};

using Handler = LoopbackHttp::Handler;

struct FakeHttp {
  explicit FakeHttp(Handler handler) : made(std::move(handler)) {}
  LoopbackHttp made;
  HttpClient& http = made;
  std::string url = "https://office.example/v1/sync";
};

/// The same handler behind a real socket.
struct RealHttp {
  explicit RealHttp(Handler handler)
      : server([handler = std::move(handler)](SmallServer::Connection& connection) {
          const std::string request = connection.read_request();
          if (request.empty()) return;
          HttpRequest asked;
          asked.method = request.substr(0, request.find(' '));
          asked.body = to_bytes(view(request.substr(request.find("\r\n\r\n") + 4)));
          const HttpResponse response = handler(asked);
          std::string reply = "HTTP/1.1 " + std::to_string(response.status) + " x\r\n";
          for (const auto& [name, value] : response.headers) reply += name + ": " + value + "\r\n";
          reply += "content-length: " + std::to_string(response.body.size()) + "\r\n\r\n";
          connection.send(reply.append(text(response.body)));
        }) {}
  SmallServer server;
  std::unique_ptr<HttpClient> made = *make_http_client({});
  HttpClient& http = *made;
  std::string url = server.url("/v1/sync");
};

struct FakeTime {
  FakeClock clock;
};

struct RealTime {
  DesktopClock clock;
};

}  // namespace

TEMPLATE_TEST_CASE("files: what was written is read back, and replaces what was there", "", FakeFiles, RealFiles) {
  TestType end;
  Files& files = end.files;
  const std::string path = end.root + "/督导.bin";
  CHECK_FALSE(files.exists(path));
  CHECK(files.read(path, 10).error().code == Code::kFileMissing);
  for (const std::string& content :
       {std::string("long enough"), std::string(), std::string("a\0b", 3), std::string("x")}) {
    REQUIRE(files.write(path, view(content), true));
    CHECK(files.exists(path));
    CHECK(text(*files.read(path, 1000)) == content);
  }
  const std::string large(300'000, 'y');
  REQUIRE(files.write(path, view(large)));
  CHECK(text(*files.read(path, large.size())) == large);
  CHECK(files.read(path, large.size() - 1).error().code == Code::kFileTooLarge);
  CHECK(files.read(path, 0).error().code == Code::kFileTooLarge);
}

TEMPLATE_TEST_CASE("files: folders are made with their parents, and are no files", "", FakeFiles, RealFiles) {
  TestType end;
  Files& files = end.files;
  const std::string folder = end.root + "/a/b/c";
  CHECK(files.write(folder + "/x", view("x")).error().code == Code::kFileWrite);
  REQUIRE(files.make_folder(folder));
  REQUIRE(files.make_folder(folder));
  REQUIRE(files.make_folder(folder + "/"));
  CHECK(files.exists(end.root + "/a/b"));
  CHECK(files.write(folder + "/x", view("x")));
  CHECK(files.write(folder, view("x")).error().code == Code::kFileWrite);
  CHECK(files.read(folder, 10).error().code == Code::kFileRead);
  CHECK(files.remove(folder).error().code == Code::kFileWrite);
  CHECK(files.make_folder(folder + "/x").error().code == Code::kFileWrite);
  CHECK(files.make_folder(folder + "/x/y").error().code == Code::kFileWrite);
  CHECK(text(*files.read(folder + "/x", 10)) == "x");
}

TEMPLATE_TEST_CASE("files: a moved file has its other name only, in place of what had it", "", FakeFiles, RealFiles) {
  TestType end;
  Files& files = end.files;
  REQUIRE(files.write(end.root + "/a.part", view("new")));
  REQUIRE(files.write(end.root + "/a", view("old")));
  REQUIRE(files.move(end.root + "/a.part", end.root + "/a"));
  CHECK(text(*files.read(end.root + "/a", 100)) == "new");
  CHECK_FALSE(files.exists(end.root + "/a.part"));
  CHECK(files.move(end.root + "/a.part", end.root + "/a").error().code == Code::kFileMissing);
  CHECK(text(*files.read(end.root + "/a", 100)) == "new");
}

TEMPLATE_TEST_CASE("files: removing is done once and absent is no error", "", FakeFiles, RealFiles) {
  TestType end;
  Files& files = end.files;
  const std::string path = end.root + "/gone";
  REQUIRE(files.write(path, view("x")));
  REQUIRE(files.remove(path));
  CHECK_FALSE(files.exists(path));
  CHECK(files.remove(path));
  CHECK(files.remove(end.root + "/never/was"));
}

TEMPLATE_TEST_CASE("files: a reader meets the old or the new content whole, while another thread writes", "", FakeFiles,
                   RealFiles) {
  TestType end;
  Files& files = end.files;
  const std::string path = end.root + "/shared";
  const std::string one(20'000, '1');
  const std::string two(30'000, '2');
  REQUIRE(files.write(path, view(one)));
  std::atomic<int> failed = 0;
  std::thread writer([&] {
    for (int i = 0; i < 40; ++i)
      if (!files.write(path, view(i % 2 ? one : two))) ++failed;
  });
  int whole = 0;
  for (int i = 0; i < 200; ++i) {
    const auto content = files.read(path, 100'000);
    if (content && (text(*content) == one || text(*content) == two)) ++whole;
  }
  writer.join();
  CHECK(failed == 0);
  CHECK(whole == 200);
}

TEMPLATE_TEST_CASE("key store: a made key signs under its public key until it is removed", "", FakeKeys,
                   KeysByPassPhrase, KeysByMachineSecret) {
  TestType end;
  KeyStore& keys = end.keys;
  CHECK(keys.public_key("device").error().code == Code::kKeyMissing);
  CHECK(keys.sign("device", view("m")).error().code == Code::kKeyMissing);
  const Algorithm algorithm = GENERATE(Algorithm::kEd25519, Algorithm::kEs256);
  const auto made = keys.create("device", algorithm);
  REQUIRE(made);
  CHECK(made->algorithm() == algorithm);
  CHECK(*keys.public_key("device") == *made);
  const auto signature = keys.sign("device", view("message"));
  REQUIRE(signature);
  CHECK(signature->size() == 64);
  CHECK(made->verify(view("message"), *signature));
  CHECK_FALSE(made->verify(view("massage"), *signature));
  REQUIRE(keys.remove("device"));
  CHECK(keys.sign("device", view("m")).error().code == Code::kKeyMissing);
  CHECK(keys.remove("device"));
  const auto again = keys.create("device", algorithm);
  REQUIRE(again);
  CHECK_FALSE(*again == *made);
}

TEMPLATE_TEST_CASE("key store: a second key of the same name is refused and the first stays", "", FakeKeys,
                   KeysByPassPhrase, KeysByMachineSecret) {
  TestType end;
  KeyStore& keys = end.keys;
  const auto first = keys.create("device", Algorithm::kEd25519);
  REQUIRE(first);
  CHECK(keys.create("device", Algorithm::kEs256).error().code == Code::kKeyExists);
  CHECK(*keys.public_key("device") == *first);
  const auto other = keys.create("office", Algorithm::kEd25519);
  REQUIRE(other);
  CHECK_FALSE(*other == *first);
}

TEMPLATE_TEST_CASE("key store: a name that could be a path or two names is refused", "", FakeKeys, KeysByPassPhrase,
                   KeysByMachineSecret) {
  TestType end;
  KeyStore& keys = end.keys;
  for (const std::string& name : {std::string(), std::string("../device"), std::string("Device"), std::string("a b"),
                                  std::string("a\0b", 3), std::string("督导"), std::string(41, 'a')}) {
    CHECK(keys.create(name, Algorithm::kEd25519).error().code == Code::kKeyName);
    CHECK(keys.public_key(name).error().code == Code::kKeyName);
    CHECK(keys.sign(name, view("m")).error().code == Code::kKeyName);
    CHECK(keys.remove(name).error().code == Code::kKeyName);
  }
  CHECK(keys.create(std::string(40, 'a'), Algorithm::kEd25519));
}

TEMPLATE_TEST_CASE("key store: many threads may sign at once", "", FakeKeys, KeysByPassPhrase, KeysByMachineSecret) {
  TestType end;
  KeyStore& keys = end.keys;
  const auto made = keys.create("device", Algorithm::kEd25519);
  REQUIRE(made);
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        const auto signature = keys.sign("device", view("m"));
        if (signature && made->verify(view("m"), *signature)) ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 80);
}

TEMPLATE_TEST_CASE("HTTP: body and status come back, and bytes are counted", "", FakeHttp, RealHttp) {
  TestType end([](const HttpRequest& request) {
    HttpResponse response;
    response.status = request.method == "POST" ? 201 : 405;
    response.headers["x-answer"] = "yes";
    response.body = request.body;
    return response;
  });
  HttpRequest request;
  request.method = "POST";
  request.url = end.url;
  request.body = Bytes(5000, 7);
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  request.progress = [&](std::uint64_t up, std::uint64_t down) {
    sent = up;
    received = down;
  };
  const auto response = end.http.send(request);
  REQUIRE(response);
  CHECK(response->status == 201);
  CHECK(response->headers.at("x-answer") == "yes");
  CHECK(response->body == request.body);
  CHECK(response->sent_bytes > 5000);
  CHECK(response->sent_bytes < 5500);
  CHECK(response->received_bytes > 5000);
  CHECK(response->received_bytes < 5500);
  CHECK(sent == response->sent_bytes);
  CHECK(received == response->received_bytes);
}

TEMPLATE_TEST_CASE("HTTP: too large, cancelled and impossible requests have their errors", "", FakeHttp, RealHttp) {
  TestType end([](const HttpRequest&) {
    HttpResponse response;
    response.status = 200;
    response.body = Bytes(100, 7);
    return response;
  });
  HttpRequest request;
  request.url = end.url;
  request.max_response_bytes = 99;
  CHECK(end.http.send(request).error().code == Code::kResponseTooLarge);
  request.max_response_bytes = 100;
  CHECK(end.http.send(request));
  request.cancelled = [] { return true; };
  CHECK(end.http.send(request).error().code == Code::kCancelled);
  request.cancelled = nullptr;
  request.url = "ftp://office.example/";
  CHECK(end.http.send(request).error().code == Code::kUrlNotValid);
  request.url = end.url;
  CHECK(end.http.send(request));
}

TEMPLATE_TEST_CASE("clock: boot time never goes back and its id stays, and the offset is one that exists", "", FakeTime,
                   RealTime) {
  TestType end;
  Clock& clock = end.clock;
  const std::string id = clock.boot_id();
  CHECK_FALSE(id.empty());
  std::int64_t last = clock.boot_ms();
  CHECK(last >= 0);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t now = clock.boot_ms();
    REQUIRE(now >= last);
    last = now;
  }
  CHECK(clock.boot_id() == id);
  CHECK(clock.wall_utc_ms() > 1'600'000'000'000);
  CHECK(clock.utc_offset_min() >= -12 * 60);
  CHECK(clock.utc_offset_min() <= 14 * 60);
}
