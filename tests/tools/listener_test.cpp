#include "tools/office/listener.hpp"

#include "platform/bytes.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;

namespace {

using namespace std::chrono_literals;

/// A client that sends exactly the bytes it is told to.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer_bytes = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer_bytes > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  int socket() const { return socket_; }

  /// False when the other end has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Until the other end closes, resets, or nothing has come for 20 s (then the text says so).
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(pending_, {});
  }

  /// Head and body of the next answer.
  std::string answer(bool to_head = false) {
    std::size_t head;
    while ((head = pending_.find("\r\n\r\n")) == pending_.npos)
      if (!receive()) return std::exchange(pending_, {});
    std::size_t size = head + 4;
    if (const auto at = pending_.find("content-length: "); at < head && !to_head)
      size += std::stoul(pending_.substr(at + 16));
    while (pending_.size() < size)
      if (!receive()) break;
    std::string out = pending_.substr(0, size);
    pending_.erase(0, size);
    return out;
  }

 private:
  bool receive() {
    std::array<char, 65536> piece{};
    const auto count = ::recv(socket_, piece.data(), piece.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) pending_ += "<still open after 20 s>";
    if (count <= 0) return false;
    pending_.append(piece.data(), static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string pending_;
};

int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}
std::string body_of(const std::string& answer) {
  const auto head = answer.find("\r\n\r\n");
  return head == answer.npos ? std::string() : answer.substr(head + 4);
}

Response reply(std::string_view body, int status = 200) { return {status, {}, to_bytes(view(body))}; }
Response echo(const Request& request) {
  return reply(request.method + " " + request.path + "?" + request.query + " " + std::string(text(request.body)));
}

std::unique_ptr<Listener> listen(const ListenerOptions& options, Handler handler) {
  auto listener = Listener::start(options, std::move(handler));
  if (!listener) FAIL(listener.error().message());
  return std::move(*listener);
}

/// Something that a thread waits for and another lets happen.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: office\r\n\r\n";

/// Proof that what came before did no harm.
void check_still_serves(const Listener& listener) {
  Client client(listener.port());
  client.send(kGet);
  CHECK(status_of(client.answer()) == 200);
}

struct Certificate {
  std::string certificate_pem;
  std::string key_pem;
  std::string encrypted_key_pem;
};

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

/// A fresh P-256 key and a certificate that it signs itself.
Certificate make_certificate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());

  BIO* certificate_out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_out, certificate);
  BIO* key_out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO* encrypted_out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(encrypted_out, key, EVP_aes_256_cbc(), reinterpret_cast<const unsigned char*>("secret"), 6,
                           nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {text_of(certificate_out), text_of(key_out), text_of(encrypted_out)};
}

/// Sends over TLS with at most this version; empty when the handshake was refused.
std::string exchange_tls(std::uint16_t port, int version, std::string_view request) {
  Client client(port);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, version);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, client.socket());
  std::string out;
  if (SSL_connect(ssl) == 1 && SSL_write(ssl, request.data(), static_cast<int>(request.size())) > 0) {
    std::array<char, 4096> piece{};
    int count = 0;
    while ((count = SSL_read(ssl, piece.data(), piece.size())) > 0)
      out.append(piece.data(), static_cast<std::size_t>(count));
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  return out;
}

class CollectingLog final : public Log {
 public:
  void write(Level, std::string_view event, std::string_view ids) override {
    const std::lock_guard lock(mutex_);
    text_.append(event).append(" ").append(ids).append("\n");
    changed_.notify_all();
  }
  /// Whether the line has come so often, or comes soon.
  bool wait_for(std::string_view line, int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] {
      int count = 0;
      for (std::size_t at = 0; (at = text_.find(line, at)) != text_.npos; at += line.size()) ++count;
      return count == times;
    });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

}  // namespace

TEST_CASE("the handler sees a request in its parts, header names in lower case, repeated ones joined") {
  Request seen;
  const auto listener = listen({}, [&](const Request& request) {
    seen = request;
    Response response = reply("done", 201);
    response.headers["content-type"] = "application/cbor";
    response.headers["content-length"] = "999";
    return response;
  });
  Client client(listener->port());
  client.send(
      "POST /v1/sync?a=1&b=%20?c HTTP/1.1\r\nHOST: office\r\nX-One: 1\r\nx-one:  2 \r\nContent-Length: 3\r\n\r\nabc");
  const std::string answer = client.answer();
  CHECK(answer.starts_with("HTTP/1.1 201 Created\r\ndate: "));
  CHECK(answer.find("content-type: application/cbor\r\n") != answer.npos);
  CHECK(answer.find("content-length: 4\r\n") != answer.npos);
  CHECK(answer.find("999") == answer.npos);
  CHECK(body_of(answer) == "done");
  CHECK(seen.method == "POST");
  CHECK(seen.path == "/v1/sync");
  CHECK(seen.query == "a=1&b=%20?c");
  CHECK(seen.headers.at("host") == "office");
  CHECK(seen.headers.at("x-one") == "1, 2");
  CHECK(text(seen.body) == "abc");
  CHECK(seen.peer == "127.0.0.1");
}

TEST_CASE("a connection serves many requests until one side asks for its end") {
  const auto listener = listen({}, echo);
  Client client(listener->port());
  for (int i = 0; i < 50; ++i) {
    client.send("POST /n HTTP/1.1\r\nHost: o\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i));
    REQUIRE(body_of(client.answer()) == "POST /n? " + std::to_string(10 + i));
  }
  client.send("GET /last HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n");
  const std::string last = client.rest();
  CHECK(last.find("connection: close\r\n") != last.npos);
  CHECK(body_of(last) == "GET /last? ");

  Client old(listener->port());
  old.send("GET /old HTTP/1.0\r\nHost: o\r\n\r\n");
  CHECK(body_of(old.rest()) == "GET /old? ");
}

TEST_CASE("requests sent at once are answered in their order") {
  const auto listener = listen({}, echo);
  Client client(listener->port());
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: o\r\nContent-Length: 1\r\n\r\nx";
  client.send(all);
  for (int i = 0; i < 100; ++i) REQUIRE(body_of(client.answer()) == "POST /" + std::to_string(i) + "? x");
}

TEST_CASE("a request that comes byte by byte is the same request") {
  const auto listener = listen({}, echo);
  Client client(listener->port());
  for (const char c : std::string("POST /slow HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2;note=1\r\nde\r\n0\r\nHost: other\r\n\r\n"))
    REQUIRE(client.send(std::string_view(&c, 1)));
  CHECK(body_of(client.answer()) == "POST /slow? abcde");
  client.send(kGet);
  CHECK(body_of(client.answer()) == "GET /a? ");
}

TEST_CASE("trailers do not become headers, and the absolute form is a path") {
  Request seen;
  const auto listener = listen({}, [&](const Request& request) {
    seen = request;
    return reply("");
  });
  Client client(listener->port());
  client.send(
      "PUT http://office:80/p?q HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nAuthorization: "
      "me\r\n\r\n");
  CHECK(status_of(client.answer()) == 200);
  CHECK(seen.path == "/p");
  CHECK(seen.query == "q");
  CHECK(seen.headers.count("authorization") == 0);
}

TEST_CASE("HEAD and 204 have no body, and what a handler does wrong is a 500 that reveals nothing") {
  CollectingLog log;
  ListenerOptions options;
  options.log = &log;
  const auto listener = listen(options, [](const Request& request) {
    if (request.path == "/throw") throw std::runtime_error("the secret note");
    if (request.path == "/split") return Response{200, {{"x", "a\r\nset-cookie: b"}}, {}};
    if (request.path == "/status") return Response{42, {}, {}};
    return reply("body", request.path == "/none" ? 204 : 200);
  });
  Client client(listener->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: o\r\n\r\n");
  CHECK(client.answer(true).find("content-length: 4\r\n") != std::string::npos);
  client.send("GET /none HTTP/1.1\r\nHost: o\r\n\r\n");
  const std::string none = client.answer();
  CHECK(status_of(none) == 204);
  CHECK(none.find("content-length") == none.npos);
  for (const std::string path : {"/throw", "/split", "/status"}) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: o\r\n\r\n");
    const std::string answer = client.answer();
    CHECK(status_of(answer) == 500);
    CHECK(body_of(answer).starts_with("1 "));
    CHECK(answer.find("secret") == answer.npos);
    CHECK(answer.find("set-cookie") == answer.npos);
  }
  CHECK(log.text() ==
        "http.handler_threw code=1 peer=127.0.0.1\nhttp.answer_unsound code=1 peer=127.0.0.1\n"
        "http.answer_unsound code=1 peer=127.0.0.1\n");
}

TEST_CASE("what is not plain HTTP/1.1 is refused with its number, and never reaches the handler") {
  struct Case {
    const char* what;
    const char* bytes;
    int status;
    Code code;
  };
  const auto cases = std::to_array<Case>({
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400, Code::kHttpMalformed},
      {"no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", 400, Code::kHttpMalformed},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, Code::kHttpMalformed},
      {"two different lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400,
       Code::kHttpMalformed},
      {"two equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400,
       Code::kHttpMalformed},
      {"a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400, Code::kHttpMalformed},
      {"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400, Code::kHttpMalformed},
      {"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nabc", 400, Code::kHttpMalformed},
      {"hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400, Code::kHttpMalformed},
      {"length beyond 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400,
       Code::kHttpMalformed},
      {"length and chunked",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       Code::kHttpMalformed},
      {"chunked and length",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400,
       Code::kHttpMalformed},
      {"chunked from 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       Code::kHttpMalformed},
      {"another coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, Code::kHttpNotSupported},
      {"a coding before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       501, Code::kHttpNotSupported},
      {"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501,
       Code::kHttpNotSupported},
      {"two codings",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       Code::kHttpMalformed},
      {"an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501,
       Code::kHttpNotSupported},
      {"a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400, Code::kHttpMalformed},
      {"folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n", 400, Code::kHttpMalformed},
      {"folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400, Code::kHttpMalformed},
      {"one bare LF", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400, Code::kHttpMalformed},
      {"bare CR", "GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", 400, Code::kHttpMalformed},
      {"empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, Code::kHttpMalformed},
      {"control character", "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400, Code::kHttpMalformed},
      {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400, Code::kHttpMalformed},
      {"no name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400, Code::kHttpMalformed},
      {"no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"a target that is no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"connect", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, Code::kHttpMalformed},
      {"version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400, Code::kHttpMalformed},
      {"TLS on a plain port", "\x16\x03\x01\x02", 400, Code::kHttpMalformed},
      {"chunk size that is none", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
       Code::kHttpMalformed},
      {"chunk size beyond 64 bits",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n", 400,
       Code::kHttpMalformed},
      {"chunk longer than it says",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400,
       Code::kHttpMalformed},
      {"huge chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n", 413,
       Code::kHttpTooLarge},
      {"another expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 3\r\n\r\n", 417,
       Code::kHttpNotSupported},
  });
  std::atomic<int> handled{0};
  const auto listener = listen({}, [&](const Request& request) {
    if (request.path != "/a") ++handled;
    return reply("");
  });
  for (const Case& row : cases) {
    INFO(row.what);
    Client client(listener->port());
    client.send(row.bytes);
    const std::string answer = client.rest();
    CHECK(status_of(answer) == row.status);
    CHECK(body_of(answer).starts_with(std::to_string(static_cast<unsigned>(row.code)) + " "));
    CHECK(answer.find("connection: close") != answer.npos);
  }
  CHECK(handled == 0);
  check_still_serves(*listener);
}

TEST_CASE("nothing after a refused request on its connection is taken for a request") {
  std::atomic<int> handled{0};
  const auto listener = listen({}, [&](const Request&) {
    ++handled;
    return reply("");
  });
  Client client(listener->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
              std::string(kGet));
  CHECK(status_of(client.rest()) == 400);
  CHECK(handled == 0);
}

TEST_CASE("a header may be as long as the limit and not longer") {
  ListenerOptions options;
  options.max_header_bytes = 2000;
  const auto listener = listen(options, echo);
  const auto header_of = [](std::size_t bytes) {
    const std::string fixed = "GET / HTTP/1.1\r\nHost: o\r\nX: \r\n\r\n";
    return "GET / HTTP/1.1\r\nHost: o\r\nX: " + std::string(bytes - fixed.size(), 'x') + "\r\n\r\n";
  };
  Client fits(listener->port());
  fits.send(header_of(2000));
  CHECK(status_of(fits.answer()) == 200);
  Client over(listener->port());
  over.send(header_of(2001));
  const std::string answer = over.rest();
  CHECK(status_of(answer) == 431);
  CHECK(body_of(answer).starts_with("6011 "));
  Client endless(listener->port());
  endless.send("GET / HTTP/1.1\r\nHost: o\r\nX: " + std::string(1 << 20, 'x'));
  CHECK(status_of(endless.rest()) == 431);
  Client chunk(listener->port());
  chunk.send("POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3;" + std::string(1 << 20, 'x'));
  CHECK(status_of(chunk.rest()) / 100 == 4);
  Client trailer(listener->port());
  trailer.send("POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(1 << 20, 'x'));
  CHECK(status_of(trailer.rest()) / 100 == 4);
  check_still_serves(*listener);
}

TEST_CASE("a body may be as long as the limit and not longer, declared or in chunks") {
  ListenerOptions options;
  options.max_body_bytes = 100'000;
  std::atomic<std::size_t> handled_bytes{0};
  const auto listener = listen(options, [&](const Request& request) {
    handled_bytes = request.body.size();
    return reply("");
  });
  const std::string body(100'000, 'x');
  Client declared(listener->port());
  declared.send("POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 100000\r\n\r\n" + body);
  CHECK(status_of(declared.answer()) == 200);
  CHECK(handled_bytes == 100'000);
  declared.send("POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 100001\r\n\r\n");
  const std::string over = declared.rest();
  CHECK(status_of(over) == 413);
  CHECK(body_of(over).starts_with("6011 "));

  handled_bytes = 0;
  Client chunked(listener->port());
  chunked.send("POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n" + body.substr(0, 50'000) +
               "\r\nc350\r\n" + body.substr(0, 50'000) + "\r\n0\r\n\r\n");
  CHECK(status_of(chunked.answer()) == 200);
  CHECK(handled_bytes == 100'000);
  handled_bytes = 0;
  Client endless(listener->port());
  endless.send("POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 200 && endless.send("1000\r\n" + std::string(4096, 'x') + "\r\n"); ++i) {
  }
  CHECK(status_of(endless.rest()) == 413);
  CHECK(handled_bytes == 0);
  check_still_serves(*listener);
}

TEST_CASE("bodies on their way share one limit, and what is over it is told to come again") {
  ListenerOptions options;
  options.max_all_bodies_bytes = 150'000;
  Gate handling;
  Gate gate;
  const auto listener = listen(options, [&](const Request&) {
    handling.open();
    return reply(gate.wait() ? "finished" : "waited in vain");
  });
  const std::string request =
      "POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x');
  Client first(listener->port());
  first.send(request);
  REQUIRE(handling.wait());
  Client second(listener->port());
  second.send(request);
  const std::string refused = second.rest();
  CHECK(status_of(refused) == 503);
  CHECK(refused.find("retry-after: 30\r\n") != refused.npos);
  CHECK(body_of(refused).starts_with("6013 "));
  gate.open();
  CHECK(body_of(first.answer()) == "finished");
  Client again(listener->port());
  again.send(request);
  CHECK(status_of(again.answer()) == 200);
}

TEST_CASE("a client that asks first is told to continue, or that its body is too large") {
  ListenerOptions options;
  options.max_body_bytes = 10;
  const auto listener = listen(options, echo);
  Client client(listener->port());
  client.send("POST /e HTTP/1.1\r\nHost: o\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(client.answer() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  CHECK(body_of(client.answer()) == "POST /e? abc");
  client.send("POST /e HTTP/1.1\r\nHost: o\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  CHECK(status_of(client.rest()) == 413);
}

TEST_CASE("handlers run at the same time, and slow ones stop nobody's reading") {
  ListenerOptions options;
  options.io_threads = 1;
  options.handler_threads = 4;
  Gate gate;
  const auto listener = listen(options, [&](const Request& request) {
    if (request.path == "/open") gate.open();
    if (request.path == "/wait") return reply(gate.wait() ? "opened" : "waited in vain");
    return reply("");
  });
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(std::make_unique<Client>(listener->port()));
    waiting.back()->send("GET /wait HTTP/1.1\r\nHost: o\r\n\r\n");
  }
  Client opener(listener->port());
  opener.send("GET /open HTTP/1.1\r\nHost: o\r\n\r\n");
  CHECK(status_of(opener.answer()) == 200);
  for (const auto& client : waiting) CHECK(body_of(client->answer()) == "opened");
}

TEST_CASE("who is too slow with handshake, header, body or reading is cut, and others are served meanwhile") {
  ListenerOptions options;
  options.idle_timeout_ms = 300;
  options.header_timeout_ms = 300;
  options.stall_timeout_ms = 1'000;
  options.min_rate_bytes_per_s = 1'000'000;
  CollectingLog log;
  options.log = &log;
  const auto listener = listen(options, [](const Request&) { return reply(std::string(32u << 20, 'x')); });
  Client silent(listener->port());
  Client header(listener->port());
  header.send("GET / HTTP/1.1\r\nHost: o\r\n");
  Client stalled(listener->port());
  stalled.send("POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 10\r\n\r\nabc");
  Client half_chunk(listener->port());
  half_chunk.send("POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");

  // Each byte comes within the time of a stall; together they are below the rate.
  Client crawling(listener->port());
  crawling.send("POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 1000000\r\n\r\n");
  std::atomic<bool> crawled_out{false};
  std::thread crawler([&] {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < end && crawling.send("x")) std::this_thread::sleep_for(20ms);
    crawled_out = std::chrono::steady_clock::now() < end;
  });
  // A header of which a byte comes now and then does not last longer either.
  Client loris(listener->port());
  std::atomic<bool> loris_out{false};
  std::thread slow_loris([&] {
    const auto end = std::chrono::steady_clock::now() + 10s;
    loris.send("GET / HTTP/1.1\r\nX: ");
    while (std::chrono::steady_clock::now() < end && loris.send("x")) std::this_thread::sleep_for(20ms);
    loris_out = std::chrono::steady_clock::now() < end;
  });

  CHECK(silent.rest().empty());
  CHECK(header.rest().empty());
  CHECK(stalled.rest().empty());
  CHECK(half_chunk.rest().empty());
  crawler.join();
  slow_loris.join();
  CHECK(crawled_out);
  CHECK(loris_out);
  CHECK(log.wait_for("http.cut code=6014 peer=127.0.0.1\n", 5));

  // Asks for much and reads nothing of it: what the kernel holds for it arrives, the rest does not.
  Client deaf(listener->port(), 4096);
  deaf.send(kGet);
  CHECK(log.wait_for("http.cut code=6014 peer=127.0.0.1\n", 6));
  CHECK(deaf.rest().size() < (32u << 20));
  // Who reads what was asked for gets it, also on a machine that is busy with other things for seconds.
  options.stall_timeout_ms = 10'000;
  const auto patient = listen(options, [](const Request&) { return reply(std::string(32u << 20, 'x')); });
  Client greedy(patient->port());
  greedy.send(kGet);
  CHECK(body_of(greedy.answer()).size() == (32u << 20));
}

TEST_CASE("ten thousand idle connections cost nobody the answer") {
  rlimit files{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &files) == 0);
  // Both ends stand in this process.
  const std::size_t most = ListenerOptions().max_connections;
  const std::size_t count = std::min<std::size_t>(10'000, files.rlim_max - std::min(files.rlim_max, most + 500));
  if (count < 10'000) WARN("only " << count << " connections: the system allows " << files.rlim_max << " open files");
  const auto listener = listen({}, echo);
  std::vector<std::unique_ptr<Client>> idle;
  for (std::size_t i = 0; i < count; ++i) {
    idle.push_back(std::make_unique<Client>(listener->port()));
    REQUIRE(idle.back()->connected());
  }
  check_still_serves(*listener);
  // Those that came last are there, though in wait of their first request.
  for (std::size_t i = count - std::min(count, most / 2); i < count; ++i) {
    idle[i]->send(kGet);
    REQUIRE(status_of(idle[i]->answer()) == 200);
  }
  check_still_serves(*listener);
}

TEST_CASE("where the system allows few open files there are few connections, and whoever comes is served") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{200, 200};
    setrlimit(RLIMIT_NOFILE, &few);
    const auto listener = Listener::start({}, echo);
    const std::uint16_t port = listener ? (*listener)->port() : 0;
    if (::write(pipe[1], &port, sizeof port) == sizeof port) ::pause();
    ::_exit(0);
  }
  std::uint16_t port = 0;
  REQUIRE(::read(pipe[0], &port, sizeof port) == sizeof port);
  REQUIRE(port != 0);
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 400; ++i) {
    idle.push_back(std::make_unique<Client>(port));
    CHECK(idle.back()->connected());
  }
  Client client(port);
  client.send(kGet);
  CHECK(status_of(client.answer()) == 200);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (const int end : pipe) ::close(end);
}

TEST_CASE("when all connections are taken the longest idle one makes room, and without an idle one it is 503") {
  ListenerOptions options;
  options.max_connections = 3;
  options.io_threads = 1;
  Gate gate;
  std::atomic<int> waiting{0};
  Gate all_wait;
  const auto listener = listen(options, [&](const Request& request) {
    if (request.path == "/wait") {
      if (++waiting == 3) all_wait.open();
      gate.wait();
    }
    return reply("");
  });
  Client first(listener->port());
  first.send(kGet);
  CHECK(status_of(first.answer()) == 200);
  std::vector<std::unique_ptr<Client>> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(std::make_unique<Client>(listener->port()));
    busy.back()->send("GET /wait HTTP/1.1\r\nHost: o\r\n\r\n");
  }
  CHECK(all_wait.wait());
  CHECK(first.rest().empty());
  Client late(listener->port());
  const std::string answer = late.rest();
  CHECK(status_of(answer) == 503);
  CHECK(answer.find("retry-after: 30\r\n") != answer.npos);
  gate.open();
  for (const auto& client : busy) CHECK(status_of(client->answer()) == 200);
}

TEST_CASE("stopping lets the running request finish, closes the idle ones, and takes no new ones") {
  Gate running;
  Gate gate;
  auto listener = listen({}, [&](const Request&) {
    running.open();
    return reply(gate.wait() ? "finished" : "waited in vain");
  });
  Client idle(listener->port());
  Client client(listener->port());
  client.send(kGet);
  REQUIRE(running.wait());
  std::thread stopper([&] { listener->stop(); });
  CHECK(idle.rest().empty());
  while (Client(listener->port()).connected()) {
  }
  gate.open();
  const std::string answer = client.rest();
  CHECK(body_of(answer) == "finished");
  CHECK(answer.find("connection: close\r\n") != answer.npos);
  stopper.join();
  listener->stop();
}

TEST_CASE("stopping does not wait for ever for a request that never ends") {
  ListenerOptions options;
  options.stop_grace_ms = 200;
  const auto listener = listen(options, echo);
  Client client(listener->port());
  client.send("POST / HTTP/1.1\r\nHost: o\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  REQUIRE(status_of(client.answer()) == 100);
  const auto began = std::chrono::steady_clock::now();
  listener->stop();
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  CHECK(client.rest().empty());
}

TEST_CASE("SIGTERM and SIGINT end the waiting and nothing else") {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto listener = listen({}, echo);
    auto waited = std::async(std::launch::async, [&] { listener->wait(); });
    check_still_serves(*listener);
    ::kill(::getpid(), signal);
    CHECK(waited.wait_for(20s) == std::future_status::ready);
    check_still_serves(*listener);
    listener->stop();
    listener->wait();
  }
}

TEST_CASE("what cannot be listened on is refused with its number") {
  const auto code_of = [](const ListenerOptions& options) {
    const auto listener = Listener::start(options, echo);
    return listener ? Code::kInternal : listener.error().code;
  };
  ListenerOptions options;
  options.address = "localhost.example";
  CHECK(code_of(options) == Code::kListenAddress);
  options.address = "0.0.0.0";
  CHECK(code_of(options) == Code::kListenPlainNetwork);
  options.address = "::";
  CHECK(code_of(options) == Code::kListenPlainNetwork);
  options.address = "192.0.2.1";
  options.plain_beyond_loopback = true;
  CHECK(code_of(options) == Code::kListenFailed);

  const auto listener = listen({}, echo);
  ListenerOptions taken;
  taken.port = listener->port();
  CHECK(code_of(taken) == Code::kListenPortTaken);
  check_still_serves(*listener);

  const Certificate certificate = make_certificate();
  const Certificate other = make_certificate();
  ListenerOptions tls;
  tls.certificate_chain_pem = certificate.certificate_pem;
  CHECK(code_of(tls) == Code::kListenCertificate);
  tls.private_key_pem = other.key_pem;
  CHECK(code_of(tls) == Code::kListenCertificate);
  tls.private_key_pem = certificate.encrypted_key_pem;
  CHECK(code_of(tls) == Code::kListenCertificate);
  tls.private_key_pem = certificate.key_pem;
  tls.certificate_chain_pem = "nonsense";
  CHECK(code_of(tls) == Code::kListenCertificate);
}

TEST_CASE("the port is free again at once after a stop") {
  auto listener = listen({}, echo);
  ListenerOptions options;
  options.port = listener->port();
  check_still_serves(*listener);
  listener.reset();
  listener = listen(options, echo);
  check_still_serves(*listener);
}

TEST_CASE("TLS 1.3 is spoken with the given certificate, TLS 1.2 and plain HTTP are not") {
  const Certificate certificate = make_certificate();
  ListenerOptions options;
  options.certificate_chain_pem = certificate.certificate_pem;
  options.private_key_pem = certificate.key_pem;
  options.header_timeout_ms = 500;
  std::atomic<int> handled{0};
  const auto listener = listen(options, [&](const Request& request) {
    ++handled;
    return echo(request);
  });
  const std::string body(200'000, 'x');
  const std::string request =
      "POST /s HTTP/1.1\r\nHost: o\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" + body;
  CHECK(body_of(exchange_tls(listener->port(), TLS1_3_VERSION, request)) == "POST /s? " + body);
  CHECK(handled == 1);
  CHECK(exchange_tls(listener->port(), TLS1_2_VERSION, request).empty());
  Client plain(listener->port());
  plain.send(kGet);
  CHECK(status_of(plain.rest()) == 0);
  Client silent(listener->port());
  CHECK(silent.rest().empty());
  CHECK(handled == 1);
  CHECK(status_of(exchange_tls(listener->port(), TLS1_3_VERSION, "GET / HTTP/1.1\r\n\r\n")) == 400);
}
