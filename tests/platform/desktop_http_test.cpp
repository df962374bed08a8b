#include "platform/desktop/files.hpp"
#include "platform/desktop/http.hpp"
#include "tests/platform/small_server.hpp"
#include "tests/support/temp_folder.hpp"

#include <chrono>
#include <cstdlib>
#include <mutex>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;
using Connection = SmallServer::Connection;

namespace {

std::unique_ptr<HttpClient> client(const HttpOptions& options = {}) {
  auto made = make_http_client(options);
  REQUIRE(made);
  return std::move(*made);
}

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.connect_timeout_ms = 3000;
  request.idle_timeout_ms = 3000;
  return request;
}

HttpRequest post(const std::string& url, std::string_view body) {
  HttpRequest request = get(url);
  request.method = "POST";
  request.body = to_bytes(view(body));
  return request;
}

std::string answer(std::string_view body, const std::string& headers = "", const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

/// Reads one request, says one thing, closes.
SmallServer::Script says(std::string bytes) {
  return [bytes = std::move(bytes)](Connection& connection) {
    if (!connection.read_request().empty()) connection.send(bytes);
  };
}

std::int64_t ms_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
}

/// What a server was asked, written in its thread.
class Heard {
 public:
  void add(std::string request) {
    const std::lock_guard lock(mutex_);
    last_ = std::move(request);
    ++count_;
  }
  std::string last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::string last_;
  int count_ = 0;
};

}  // namespace

TEST_CASE("a request goes out as it was asked and no header is added but what HTTP needs") {
  Heard heard;
  SmallServer server([&](Connection& connection) {
    heard.add(connection.read_request());
    connection.send(answer("fine", "X-Two: a\r\nx-two:  b \r\nContent-Type: text/plain\r\n"));
  });
  HttpRequest request = post(server.url("/v1/sync?x=1"), "body");
  request.headers["content-type"] = "application/cbor-seq";
  request.headers["x-empty"] = "";
  const auto response = client()->send(request);
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(text(response->body) == "fine");
  CHECK(response->headers.at("x-two") == "b");
  CHECK(response->headers.at("content-type") == "text/plain");
  CHECK(heard.last() == "POST /v1/sync?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                            "\r\ncontent-type: application/cbor-seq\r\nx-empty:\r\nContent-Length: 4\r\n\r\nbody");
}

TEST_CASE("the bytes on the wire are counted as the other end counts them") {
  const auto [body, reply] = GENERATE(table<std::string, std::string>({
      {"", answer("")},
      {"short", answer("fine", "Server: x\r\n")},
      {std::string(300'000, 'u'), answer(std::string(200'000, 'd'))},
      {"short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6\r\npedia \r\n0\r\n\r\n"},
  }));
  SmallServer server(says(reply));
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  HttpRequest request = post(server.url(), body);
  request.progress = [&](std::uint64_t up, std::uint64_t down) {
    CHECK(up >= sent);
    CHECK(down >= received);
    sent = up;
    received = down;
  };
  const auto response = client()->send(request);
  REQUIRE(response);
  CHECK(response->sent_bytes == server.read_bytes());
  CHECK(response->received_bytes == reply.size());
  CHECK(sent == response->sent_bytes);
  CHECK(received == response->received_bytes);
}

TEST_CASE("a chunked body arrives whole, without its chunks") {
  SmallServer server(
      says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6\r\npedia \r\n0\r\n\r\n"));
  CHECK(text(client()->send(get(server.url()))->body) == "Wikipedia ");
}

TEST_CASE("a compressed body stays as it came, so that it cannot grow") {
  SmallServer server(says(answer("\x1f\x8b not really", "Content-Encoding: gzip\r\n")));
  CHECK(text(client()->send(get(server.url()))->body) == "\x1f\x8b not really");
}

TEST_CASE("the connection is kept for the next request, and made anew when the other end dropped it") {
  Heard heard;
  SmallServer server([&](Connection& connection) {
    for (int i = 0; i < 2; ++i) {
      std::string request = connection.read_request();
      if (request.empty()) return;
      heard.add(std::move(request));
      connection.send(answer("fine"));
    }
  });
  const auto http = client();
  for (int i = 0; i < 4; ++i) {
    const auto response = http->send(post(server.url(), "again"));
    REQUIRE(response);
    CHECK(text(response->body) == "fine");
  }
  CHECK(heard.count() == 4);
  CHECK(server.connections() == 2);
}

TEST_CASE("an answer over the size bound is dropped as soon as that is known") {
  const std::string reply = GENERATE(
      answer(std::string(5000, 'x')),                      // announced
      "HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'),  // until the end
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + std::string(5000, 'x') + "\r\n0\r\n\r\n");
  SmallServer server(says(reply));
  HttpRequest request = get(server.url());
  request.max_response_bytes = 4999;
  CHECK(client()->send(request).error().code == Code::kResponseTooLarge);
  request.max_response_bytes = 5000;
  const auto response = client()->send(request);
  REQUIRE(response);
  CHECK(response->body.size() == 5000);
}

TEST_CASE("an answer that never ends is cut at the bound, in its body and in its header") {
  const bool in_header = GENERATE(false, true);
  SmallServer server([&](Connection& connection) {
    connection.read_request();
    connection.send(in_header ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
    const std::string more = "x-more: " + std::string(1000, 'x') + "\r\n";
    while (connection.send(more)) {
    }
  });
  CHECK(client()->send(get(server.url())).error().code == Code::kResponseTooLarge);
  CHECK(server.sent_bytes() < 30'000'000);
}

TEST_CASE("a server that falls silent is given up after the idle time") {
  const std::string before = GENERATE("", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour");
  SmallServer server([&](Connection& connection) {
    connection.read_request();
    connection.send(before);
    connection.wait_ms(20'000);
  });
  HttpRequest request = get(server.url());
  request.idle_timeout_ms = 400;
  std::optional<Code> code;
  const auto ms = ms_of([&] { code = client()->send(request).error().code; });
  CHECK(code == Code::kTimedOut);
  CHECK(ms >= 400);
  CHECK(ms < 5000);
}

TEST_CASE("a server that takes no more of a long request is given up after the idle time") {
  SmallServer server([](Connection& connection) { connection.wait_ms(20'000); });
  HttpRequest request = post(server.url(), std::string(20'000'000, 'u'));
  request.idle_timeout_ms = 500;
  CHECK(client()->send(request).error().code == Code::kTimedOut);
}

TEST_CASE("a request that the system took but that goes out slowly is not cut") {
  constexpr std::size_t kBody = 1'500'000;
  SmallServer server([](Connection& connection) {
    std::size_t all = 0;
    while (all < kBody) {
      const std::size_t n = connection.skip(8192);
      if (n == 0 || !connection.wait_ms(10)) return;
      all += n;
    }
    connection.send(answer("slow"));
  });
  HttpRequest request = post(server.url(), std::string(kBody, 'u'));
  request.idle_timeout_ms = 700;
  std::optional<Result<HttpResponse>> response;
  const auto ms = ms_of([&] { response = client()->send(request); });
  REQUIRE(*response);
  CHECK(text((*response)->body) == "slow");
  CHECK(ms > 1500);
}

TEST_CASE("a slow server that keeps moving is not cut") {
  SmallServer server([](Connection& connection) {
    connection.read_request();
    for (const char c : answer("slow"))
      if (!connection.wait_ms(30) || !connection.send({&c, 1})) return;
  });
  HttpRequest request = get(server.url());
  request.idle_timeout_ms = 700;
  std::string body;
  const auto ms = ms_of([&] {
    const auto response = client()->send(request);
    REQUIRE(response);
    body = text(response->body);
  });
  CHECK(body == "slow");
  CHECK(ms > 900);
}

TEST_CASE("an answer that breaks off is no answer, wherever it breaks") {
  const std::string reply =
      GENERATE("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", "HTTP/1.1 200 OK\r\nContent-Le",
               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nonly this",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfour\r\n0\r\n\r\n");
  INFO(reply);
  SmallServer server(says(reply));
  const auto response = client()->send(get(server.url()));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Code::kAnswerCutShort);
}

TEST_CASE("a server that closes without a word, or is not there, is no connection") {
  {
    SmallServer server([](Connection& connection) { connection.read_request(); });
    CHECK(client()->send(get(server.url())).error().code == Code::kNoConnection);
  }
  std::string url;
  {
    SmallServer gone(says(""));
    url = gone.url();
  }
  CHECK(client()->send(get(url)).error().code == Code::kNoConnection);
  CHECK(client()->send(get("https://nobody.invalid/")).error().code == Code::kNoConnection);
}

TEST_CASE("something that does not speak HTTP is told apart from an office") {
  SmallServer server(says("SSH-2.0-OpenSSH_9.2\r\nmore\r\n"));
  CHECK(client()->send(get(server.url())).error().code == Code::kAnswerNotHttp);
}

TEST_CASE("a redirect is shown, not followed") {
  SmallServer other(says(answer("elsewhere")));
  SmallServer server(says(answer("", "Location: " + other.url() + "\r\n", "302 Found")));
  const auto response = client()->send(get(server.url()));
  REQUIRE(response);
  CHECK(response->status == 302);
  CHECK(response->headers.at("location") == other.url());
  CHECK(other.connections() == 0);
}

TEST_CASE("a captive portal's page comes back as the page that it is") {
  SmallServer server(says(answer("<html>Log in</html>", "Content-Type: text/html\r\n")));
  const auto response = client()->send(post(server.url("/v1/sync"), "statements"));
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->headers.at("content-type") == "text/html");
  CHECK(text(response->body) == "<html>Log in</html>");
}

TEST_CASE("headers of an interim answer do not stand in the final one") {
  SmallServer server(says("HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n" + answer("fine", "", "201 Created")));
  const auto response = client()->send(get(server.url()));
  REQUIRE(response);
  CHECK(response->status == 201);
  CHECK_FALSE(response->headers.contains("link"));
}

TEST_CASE("HEAD and answers without a body do not wait for one") {
  SmallServer server([](Connection& connection) {
    const std::string request = connection.read_request();
    connection.send(request.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
                                                : "HTTP/1.1 204 No Content\r\n\r\n");
    connection.wait_ms(300);
  });
  HttpRequest request = get(server.url());
  request.method = "HEAD";
  const auto head = client()->send(request);
  REQUIRE(head);
  CHECK(head->headers.at("content-length") == "1000");
  CHECK(head->body.empty());
  request.method = "DELETE";
  CHECK(client()->send(request)->status == 204);
}

TEST_CASE("a transfer stops within a moment of being cancelled") {
  SmallServer server([](Connection& connection) {
    connection.read_request();
    connection.wait_ms(20'000);
  });
  HttpRequest request = get(server.url());
  request.idle_timeout_ms = 20'000;
  const auto begin = std::chrono::steady_clock::now();
  request.cancelled = [&] { return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(300); };
  std::optional<Code> code;
  const auto ms = ms_of([&] { code = client()->send(request).error().code; });
  CHECK(code == Code::kCancelled);
  CHECK(ms < 2000);

  const int before = server.connections();
  request.cancelled = [] { return true; };
  CHECK(client()->send(request).error().code == Code::kCancelled);
  CHECK(server.connections() == before);
}

TEST_CASE("an address that must not be used is refused before anything is sent") {
  const std::string url = GENERATE("", "office.example", "ftp://office.example/", "file:///etc/passwd", "https://",
                                   "http://office.example/", "http://127.0.0.1.office.example/", "http://128.0.0.1/",
                                   "https://user:word@office.example/", "http://localhost.example/",
                                   "https://office.example:99999/", "gopher://127.0.0.1/");
  INFO(url);
  CHECK(client()->send(get(url)).error().code == Code::kUrlNotValid);
}

TEST_CASE("an address with a hidden end is refused") {
  std::string url = "https://office.example/";
  url.push_back('\0');
  CHECK(client()->send(get(url + "x")).error().code == Code::kUrlNotValid);
}

TEST_CASE("a method or header that would change the frame of the message is refused") {
  Heard heard;
  SmallServer server([&](Connection& connection) { heard.add(connection.read_request()); });
  const auto refused = [&](const std::string& method, const std::string& name, const std::string& value) {
    HttpRequest request = get(server.url());
    request.method = method;
    if (!name.empty()) request.headers[name] = value;
    return client()->send(request).error().code == Code::kHttpSettings;
  };
  CHECK(refused("", "", ""));
  CHECK(refused("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "", ""));
  CHECK(refused("GET", "x", "a\r\nY: b"));
  CHECK(refused("GET", "x", std::string("a\0b", 3)));
  CHECK(refused("GET", "x y", "a"));
  CHECK(refused("GET", "x:", "a"));
  CHECK(refused("POST", "content-length", "0"));
  CHECK(refused("POST", "transfer-encoding", "chunked"));
  CHECK(server.connections() == 0);
}

TEST_CASE("settings that cannot be used are refused when the client is made") {
  const TempFolder folder;
  REQUIRE(DesktopFiles().write(folder / "not.pem", view("nothing")));
  const auto code = [](const HttpOptions& options) {
    const auto made = make_http_client(options);
    return made ? Code::kInternal : made.error().code;
  };
  CHECK(code({.ca_file = folder / "missing.pem"}) == Code::kHttpSettings);
  CHECK(code({.ca_file = folder / "not.pem"}) == Code::kHttpSettings);
  CHECK(code({.pinned_keys = "sha256//AAAA"}) == Code::kHttpSettings);
  CHECK(code({.pinned_keys = "md5//AAAA"}) == Code::kHttpSettings);
  CHECK(code({.pinned_keys = TlsIdentity("DNS:x").pin() + ";"}) == Code::kHttpSettings);
  CHECK(code({.proxy = "office.example:3128"}) == Code::kHttpSettings);
}

TEST_CASE("a given proxy is used, but never for this machine itself") {
  Heard heard;
  SmallServer proxy([&](Connection& connection) {
    heard.add(connection.read_request());
    connection.send(answer("by proxy"));
  });
  SmallServer server(says(answer("direct")));
  const auto http = client({.proxy = proxy.url(""), .allow_plain_http = true});
  CHECK(text(http->send(get("http://office.invalid/x"))->body) == "by proxy");
  CHECK(heard.last().starts_with("GET http://office.invalid/x HTTP/1.1\r\n"));
  CHECK(text(http->send(get(server.url()))->body) == "direct");
  CHECK(heard.count() == 1);
}

TEST_CASE("the environment's proxy is used unless it shall be ignored, and never for this machine itself") {
  SmallServer proxy(says(answer("by proxy")));
  SmallServer server(says(answer("direct")));
  const auto set = [](const char* name, const std::string& value) {
    const char* old = std::getenv(name);
    std::string before = old ? old : "";
    ::setenv(name, value.c_str(), 1);
    return before;
  };
  const std::string proxy_before = set("http_proxy", proxy.url(""));
  const std::string none_before = set("no_proxy", "");
  CHECK(text(client({.allow_plain_http = true})->send(get("http://office.invalid/"))->body) == "by proxy");
  CHECK(text(client()->send(get(server.url()))->body) == "direct");
  const auto ignoring = client({.ignore_environment_proxy = true, .allow_plain_http = true});
  CHECK(ignoring->send(get("http://office.invalid/")).error().code == Code::kNoConnection);
  set("http_proxy", proxy_before);
  set("no_proxy", none_before);
}

TEST_CASE("a proxy that refuses the tunnel is no connection, and its page is not the office's answer") {
  SmallServer proxy(says(answer("log in first", "", "407 Proxy Authentication Required")));
  const auto http = client({.proxy = proxy.url("")});
  CHECK(http->send(get("https://office.invalid/")).error().code == Code::kNoConnection);
}

TEST_CASE("TLS: a server is trusted by its certificate, its name and its pinned key together") {
  const TempFolder folder;
  const TlsIdentity office("DNS:localhost");
  const TlsIdentity other("DNS:localhost");
  REQUIRE(DesktopFiles().write(folder / "office.pem", view(office.certificate_pem())));
  REQUIRE(DesktopFiles().write(folder / "other.pem", view(other.certificate_pem())));
  Heard heard;
  SmallServer server(
      [&](Connection& connection) {
        std::string request = connection.read_request();
        if (request.empty()) return;
        heard.add(std::move(request));
        connection.send(answer("secret"));
      },
      {office});
  const auto ask = [&](const HttpOptions& options) { return client(options)->send(post(server.url(), "statements")); };

  SECTION("own CA") { CHECK(text(ask({.ca_file = folder / "office.pem"})->body) == "secret"); }
  SECTION("own CA and the pinned key") {
    CHECK(ask({.ca_file = folder / "office.pem", .pinned_keys = office.pin()}));
    CHECK(ask({.ca_file = folder / "office.pem", .pinned_keys = other.pin() + ";" + office.pin()}));
  }
  SECTION("the system's CAs do not know it") {
    CHECK(ask({}).error().code == Code::kTlsRefused);
    CHECK(heard.count() == 0);
  }
  SECTION("the pinned key does not replace the certificate") {
    CHECK(ask({.pinned_keys = office.pin()}).error().code == Code::kTlsRefused);
    CHECK(heard.count() == 0);
  }
  SECTION("another CA") {
    CHECK(ask({.ca_file = folder / "other.pem"}).error().code == Code::kTlsRefused);
    CHECK(heard.count() == 0);
  }
  SECTION("another key than the pinned one") {
    const auto response = ask({.ca_file = folder / "office.pem", .pinned_keys = other.pin()});
    CHECK(response.error().code == Code::kServerKeyChanged);
    CHECK(heard.count() == 0);
  }
  SECTION("bytes are counted without TLS") {
    const auto response = ask({.ca_file = folder / "office.pem"});
    REQUIRE(response);
    CHECK(response->sent_bytes == server.read_bytes());
    CHECK(response->received_bytes == answer("secret").size());
  }
}

TEST_CASE("TLS: a server that goes away kills nobody: not the next request on its connection, not the client's end") {
  const TempFolder folder;
  const TlsIdentity office("DNS:localhost");
  REQUIRE(DesktopFiles().write(folder / "office.pem", view(office.certificate_pem())));
  for (int i = 0; i < 10; ++i) {
    const bool again = i % 2 == 0;
    const auto http = client({.ca_file = folder / "office.pem"});
    std::string url;
    {
      SmallServer server(says(answer("fine")), {office});
      url = server.url();
      REQUIRE(http->send(get(url)));
    }
    if (again) CHECK(http->send(post(url, std::string(1'000'000, 'u'))).error().code == Code::kNoConnection);
  }
}

TEST_CASE("TLS: a server that goes away in the middle of a request kills nobody") {
  const TempFolder folder;
  const TlsIdentity office("DNS:localhost");
  REQUIRE(DesktopFiles().write(folder / "office.pem", view(office.certificate_pem())));
  SmallServer server([](Connection&) {}, {office});
  const auto http = client({.ca_file = folder / "office.pem"});
  for (int i = 0; i < 10; ++i) {
    const auto response = http->send(post(server.url(), std::string(5'000'000, 'u')));
    REQUIRE_FALSE(response);
    CHECK(response.error().code == Code::kNoConnection);
  }
}

TEST_CASE("TLS: a certificate for another name is refused") {
  const TempFolder folder;
  const TlsIdentity office("DNS:office.example");
  REQUIRE(DesktopFiles().write(folder / "office.pem", view(office.certificate_pem())));
  SmallServer server(says(answer("secret")), {office});
  CHECK(client({.ca_file = folder / "office.pem"})->send(get(server.url())).error().code == Code::kTlsRefused);
}

TEST_CASE("TLS: anything older than 1.3 is refused") {
  const TempFolder folder;
  const TlsIdentity office("DNS:localhost");
  REQUIRE(DesktopFiles().write(folder / "office.pem", view(office.certificate_pem())));
  SmallServer server(says(answer("secret")), {office, true});
  CHECK(client({.ca_file = folder / "office.pem"})->send(get(server.url())).error().code == Code::kTlsRefused);
}

TEST_CASE(
    "TLS: a connection that breaks in the handshake is no connection, and one that does not speak TLS is refused") {
  SmallServer silent([](Connection& connection) { connection.wait_ms(50); });
  const auto https = [](const SmallServer& server) { return "https://localhost:" + std::to_string(server.port()); };
  CHECK(client()->send(get(https(silent))).error().code == Code::kNoConnection);
  SmallServer plain([](Connection& connection) { connection.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  CHECK(client()->send(get(https(plain))).error().code == Code::kTlsRefused);
}
