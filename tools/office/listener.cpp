#include "tools/office/listener.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <sys/resource.h>

namespace dudao {
namespace {

// This is the only file that includes Boost. It takes sockets, TLS and the parser from it: 20 s and 0.8 GB to compile;
// the reading and writing operations of Boost.Beast would make it a minute and 1.3 GB.
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using SteadyTime = std::chrono::steady_clock::time_point;
using boost::system::error_code;
using std::chrono::milliseconds;

SteadyTime now() { return std::chrono::steady_clock::now(); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

/// A header found at the front of what came so far, judged byte by byte where Boost.Beast is lenient.
struct HeaderScan {
  std::size_t seen = 0;             ///< bytes judged so far; a call goes on from there
  std::optional<std::size_t> size;  ///< with the empty line, once it has come
  const char* fault = nullptr;      ///< what is wrong

  void feed(std::string_view bytes) {
    for (; seen < bytes.size() && !size && !fault; ++seen) {
      const char c = bytes[seen];
      const char before = seen > 0 ? bytes[seen - 1] : '\0';
      if (c == '\n') {
        // SPEC: RFC 9112 2.2: a recipient MAY recognise a bare LF as a line terminator: two readers that differ in that
        // can be played against each other, so it is refused.
        if (before != '\r') fault = "bare LF";
        if (seen == 1) fault = "empty line before the request";
        if (seen >= 3 && bytes[seen - 2] == '\n') size = seen + 1;
      } else if (before == '\r') {
        fault = "bare CR";
      } else if (before == '\n' && (c == ' ' || c == '\t')) {
        // SPEC: RFC 9112 5.2: a server that receives an obs-fold MUST reject it or replace it.
        fault = "folded header";
      } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
        fault = "control character in the header";
      }
    }
  }
};

/// What the listener answers by itself.
struct Refusal {
  int status;
  Code code;
  std::string detail;
};

std::string_view reason(int status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

/// SPEC: RFC 9110 6.6.1: an origin server with a clock MUST generate Date. Format: RFC 9110 5.6.7, without any locale.
std::string http_date() {
  using namespace std::chrono;
  const auto at = floor<seconds>(system_clock::now());
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
                static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return out.data();
}

bool is_token(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
}

/// A handler that lets input into a header would let somebody else write the answer.
bool is_sound(const Response& response) {
  if (response.status < 200 || response.status > 599) return false;
  for (const auto& [name, value] : response.headers) {
    if (!is_token(name)) return false;
    for (const char c : value)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

/// Head and body in one piece, so that a small answer is one packet.
Bytes serialize(const Response& response, bool head_only, bool close) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(reason(response.status)).append("\r\ndate: ").append(http_date()).append("\r\n");
  for (const auto& [name, value] : response.headers)
    if (name != "content-length" && name != "connection" && name != "date" && name != "transfer-encoding")
      head.append(name).append(": ").append(value).append("\r\n");
  // SPEC: RFC 9110 8.6: a server MUST NOT send Content-Length in an answer with status 204.
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) head.append("content-length: ").append(std::to_string(response.body.size())).append("\r\n");
  if (close) head.append("connection: close\r\n");
  head.append("\r\n");
  Bytes out = to_bytes(view(head));
  if (!bodiless && !head_only) append(out, response.body);
  return out;
}

/// So many connections as the process may have files open, beside its databases and what else it needs; asks the system
/// for more first. A process without files left could not even take a connection to refuse it.
ListenerOptions within_open_files(ListenerOptions options) {
  constexpr rlim_t kBeside = 128;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return options;
  const rlim_t wanted = options.max_connections + kBeside;
  if (files.rlim_cur < wanted) {
    files.rlim_cur = std::min(wanted, files.rlim_max);
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (files.rlim_cur < wanted) options.max_connections = files.rlim_cur - std::min(files.rlim_cur - 1, kBeside);
  return options;
}

/// What all connections share. Lives longer than any of them.
struct Shared {
  Shared(const ListenerOptions& given, Handler given_handler)
      : options(within_open_files(given)),
        handler(std::move(given_handler)),
        pool(static_cast<std::size_t>(std::max(given.handler_threads, 1))) {}

  void log(Log::Level level, Code code, std::string_view what, std::string_view peer) const {
    if (!options.log) return;
    std::string ids = "code=" + std::to_string(static_cast<unsigned>(code)) + " peer=";
    options.log->write(level, what, ids.append(peer));
  }

  const ListenerOptions options;
  const Handler handler;
  std::optional<asio::ssl::context> tls;
  asio::thread_pool pool;
  /// Set before the first connection is refused, so that whoever saw that one also sees "connection: close".
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> body_bytes{0};
};

class Connection;

/// One thread with its own io_context and the connections that were given to it. All but the constructor and post() is
/// called on that thread, so nothing here is locked.
class Worker {
 public:
  /// share: how many connections it may have. They are dealt out in turn, so that each worker makes room among its own.
  Worker(Shared& shared, std::size_t share)
      : shared_(shared), share_(share), io_(1), guard_(asio::make_work_guard(io_)), grace_(io_) {}

  asio::io_context& io() { return io_; }
  Shared& shared() { return shared_; }
  bool stopping() const { return shared_.stopping; }

  void run() { io_.run(); }
  void take(tcp::socket socket);
  void stop();
  void add(Connection& connection) { connections_.insert(&connection); }
  void remove(Connection& connection);

 private:
  bool evict_one();

  Shared& shared_;
  const std::size_t share_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  asio::steady_timer grace_;
  std::unordered_set<Connection*> connections_;
};

/// What a Worker sees of a connection.
class Connection {
 public:
  explicit Connection(Worker& worker) : worker_(worker) { worker_.add(*this); }
  // What might throw is the cancelling of a timer, which has nothing to fail.
  virtual ~Connection() {  // NOLINT(bugprone-exception-escape)
    worker_.shared().body_bytes -= charged_bytes_;
    worker_.remove(*this);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void begin() = 0;
  virtual void refuse_at_once() = 0;
  virtual void cut() = 0;
  /// Since when it waits for a request of which no byte has come; nothing while it is busy, or once it was evicted.
  std::optional<SteadyTime> idle_since() const { return evicted_ ? std::nullopt : idle_since_; }
  /// It makes room for another: cut() at once, though it may live on for a moment.
  void evict() {
    evicted_ = true;
    cut();
  }

 protected:
  /// Accounts for the body as it stands. False: there is no room for it.
  bool charge(std::size_t body_bytes) {
    auto& all = worker_.shared().body_bytes;
    if (body_bytes > charged_bytes_) {
      const std::size_t more = body_bytes - charged_bytes_;
      if (all.fetch_add(more) + more > worker_.shared().options.max_all_bodies_bytes) {
        all -= more;
        return false;
      }
    } else {
      all -= charged_bytes_ - body_bytes;
    }
    charged_bytes_ = body_bytes;
    return true;
  }

  Worker& worker_;
  std::optional<SteadyTime> idle_since_;

 private:
  std::size_t charged_bytes_ = 0;
  bool evicted_ = false;
};

/// Reads a request, has it handled, writes the answer, and again. One operation is under way at any time; it holds the
/// connection alive, and its end on any error lets go of it.
template <class Stream>
class Session final : public Connection, public std::enable_shared_from_this<Session<Stream>> {
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

 public:
  template <class... Args>
  Session(Worker& worker, std::string peer, Args&&... args)
      : Connection(worker), peer_(std::move(peer)), stream_(std::forward<Args>(args)...), buffer_(buffer_limit()) {
    buffer_.reserve(kReadBytes);
  }

  void begin() override {
    if constexpr (kTls) {
      idle_since_ = now();
      lowest().expires_after(milliseconds(options().header_timeout_ms));
      stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](error_code ec) {
        self->idle_since_.reset();
        if (!ec) self->next_request();
      });
    } else {
      next_request();
    }
  }

  void refuse_at_once() override {
    if constexpr (!kTls) refuse({503, Code::kHttpBusy, "connections"});
  }

  void cut() override { lowest().close(); }

 private:
  static constexpr std::size_t kReadBytes = 16u << 10;
  /// The largest header, and as much again as one read brings.
  std::size_t buffer_limit() const { return options().max_header_bytes + kReadBytes; }

  using Parser = http::request_parser<http::vector_body<std::uint8_t>>;

  std::shared_ptr<Session> self() { return this->shared_from_this(); }
  const ListenerOptions& options() const { return worker_.shared().options; }
  beast::tcp_stream& lowest() {
    if constexpr (kTls)
      return stream_.next_layer();
    else
      return stream_;
  }
  std::string_view buffered() const { return {static_cast<const char*>(buffer_.data().data()), buffer_.size()}; }

  // ---- header

  void next_request() {
    charge(0);
    request_ = {};
    scan_ = {};
    header_began_.reset();
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(static_cast<std::uint32_t>(options().max_header_bytes));
    parser_->body_limit(options().max_body_bytes);
    read_header();
  }

  void read_header() {
    scan_.feed(buffered());
    if (scan_.fault) return refuse({400, Code::kHttpMalformed, scan_.fault});
    if ((scan_.size ? *scan_.size : buffer_.size()) > options().max_header_bytes)
      return refuse({431, Code::kHttpTooLarge, "header"});
    if (scan_.size) return take_header();
    if (buffer_.size() == 0) {
      if (worker_.stopping()) return finish();
      idle_since_ = now();
      lowest().expires_after(milliseconds(options().idle_timeout_ms));
    } else {
      if (!header_began_) header_began_ = now();
      lowest().expires_at(*header_began_ + milliseconds(options().header_timeout_ms));
    }
    read_some([](Session& session) { session.read_header(); });
  }

  template <class Then>
  void read_some(Then then) {
    stream_.async_read_some(buffer_.prepare(std::min(kReadBytes, buffer_limit() - buffer_.size())),
                            [self = self(), then](error_code ec, std::size_t bytes) {
                              const bool idle = std::exchange(self->idle_since_, std::nullopt).has_value();
                              if (ec) return self->gone(ec, idle);
                              self->buffer_.commit(bytes);
                              then(*self);
                            });
  }

  void take_header() {
    error_code ec;
    const std::size_t used = parser_->put(asio::buffer(buffer_.data(), *scan_.size), ec);
    if (ec == http::error::body_limit) return refuse({413, Code::kHttpTooLarge, "body"});
    if (ec == http::error::header_limit) return refuse({431, Code::kHttpTooLarge, "header"});
    if (ec && ec != http::error::need_more) return refuse({400, Code::kHttpMalformed, ec.message()});
    if (!parser_->is_header_done() || used != *scan_.size) return refuse({400, Code::kHttpMalformed, "header"});
    buffer_.consume(used);
    if (const auto refusal = judge_header()) return refuse(*refusal);

    const auto expect = parser_->get().find(http::field::expect);
    if (expect != parser_->get().end()) {
      if (!beast::iequals(expect->value(), "100-continue")) return refuse({417, Code::kHttpNotSupported, "expect"});
      // SPEC: RFC 9110 10.1.1: MAY omit 100 when some of the content has already come; MUST ignore it from HTTP/1.0.
      if (!parser_->is_done() && buffer_.size() == 0 && parser_->get().version() == 11) return send_continue();
    }
    begin_body();
  }

  /// What Boost.Beast leaves to its user, and the request as the handler will see it.
  std::optional<Refusal> judge_header() {
    const auto& message = parser_->get();
    const auto malformed = [](std::string detail) { return Refusal{400, Code::kHttpMalformed, std::move(detail)}; };
    if (message.version() != 10 && message.version() != 11) return Refusal{505, Code::kHttpNotSupported, "version"};
    // SPEC: RFC 9112 3.2: a server MUST respond 400 to a request that lacks a Host field or has more than one.
    if (message.count(http::field::host) != 1) return malformed("host");
    // SPEC: RFC 9112 6.3: an invalid Content-Length MUST be treated as an unrecoverable error. Boost.Beast takes "3, 3"
    // for 3.
    if (message.count(http::field::content_length) > 1 ||
        message[http::field::content_length].find_first_not_of("0123456789") != beast::string_view::npos)
      return malformed("content-length");
    if (const auto count = message.count(http::field::transfer_encoding); count != 0) {
      // SPEC: RFC 9112 6.1: Transfer-Encoding with Content-Length, or from HTTP/1.0, is to be treated as an attack.
      if (message.count(http::field::content_length) != 0 || message.version() == 10)
        return malformed("transfer-encoding");
      // SPEC: RFC 9112 6.1: a coding that is not understood SHOULD be answered with 501.
      if (count != 1 || !beast::iequals(message[http::field::transfer_encoding], "chunked"))
        return Refusal{501, Code::kHttpNotSupported, "transfer-encoding"};
    }

    std::string_view target{message.target().data(), message.target().size()};
    // SPEC: RFC 9112 3.2.2: a server MUST accept the absolute form.
    for (const std::string_view scheme : {"http://", "https://"})
      if (lower(target.substr(0, scheme.size())) == scheme) {
        const auto slash = target.find_first_of("/?", scheme.size());
        target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
      }
    if (!target.starts_with('/') || target.find('#') != std::string_view::npos) return malformed("target");
    const auto question = target.find('?');
    request_.path = target.substr(0, question);
    if (question != std::string_view::npos) request_.query = target.substr(question + 1);
    request_.method = std::string(message.method_string());
    request_.peer = peer_;
    for (const auto& field : message) {
      const auto [at, added] = request_.headers.try_emplace(
          lower({field.name_string().data(), field.name_string().size()}), field.value().data(), field.value().size());
      if (!added) at->second.append(", ").append(field.value().data(), field.value().size());
    }
    return std::nullopt;
  }

  // ---- body

  void send_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    lowest().expires_after(milliseconds(options().stall_timeout_ms));
    asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = self()](error_code ec, std::size_t) {
                        if (!ec) self->begin_body();
                      });
  }

  void begin_body() {
    body_began_ = now();
    body_read_bytes_ = 0;
    read_body();
  }

  void read_body() {
    while (!parser_->is_done() && buffer_.size() > 0) {
      error_code ec;
      const std::size_t used = parser_->put(buffer_.data(), ec);
      buffer_.consume(used);
      body_read_bytes_ += used;
      if (ec == http::error::body_limit || parser_->get().body().size() > options().max_body_bytes)
        return refuse({413, Code::kHttpTooLarge, "body"});
      if (ec == http::error::need_more) {
        // A chunk's size or a trailer, cut; it does not grow beyond a header.
        if (buffer_.size() >= options().max_header_bytes) return refuse({431, Code::kHttpTooLarge, "chunk"});
        break;
      }
      if (ec) return refuse({400, Code::kHttpMalformed, ec.message()});
    }
    if (!charge(parser_->get().body().size())) return refuse({503, Code::kHttpBusy, "bodies"});
    if (parser_->is_done()) return handle();
    lowest().expires_at(slowest(body_began_, body_read_bytes_));
    read_some([](Session& session) { session.read_body(); });
  }

  /// When patience ends with a transfer that began then and has moved so much: neither may it stall, nor crawl.
  SteadyTime slowest(SteadyTime began, std::size_t moved_bytes) const {
    const auto stall = milliseconds(options().stall_timeout_ms);
    const auto fair = milliseconds(static_cast<std::int64_t>(moved_bytes) * 1000 /
                                   std::max<std::int64_t>(options().min_rate_bytes_per_s, 1));
    return std::min(now() + stall, began + fair + stall);
  }

  // ---- answer

  void handle() {
    request_.body = std::move(parser_->get().body());
    const bool keep_alive = parser_->keep_alive();
    lowest().expires_never();
    asio::post(worker_.shared().pool,
               [self = self(), keep_alive, guard = asio::make_work_guard(worker_.io())]() mutable {
                 Response response = self->call_handler();
                 asio::io_context& io = self->worker_.io();
                 asio::post(io, [self = std::move(self), keep_alive, response = std::move(response)]() mutable {
                   self->answer(response, !keep_alive || self->worker_.stopping());
                 });
               });
  }

  /// On a thread of the pool: touches nothing but the request.
  Response call_handler() {
    const Shared& shared = worker_.shared();
    try {
      Response response = shared.handler(request_);
      if (is_sound(response)) return response;
      shared.log(Log::Level::kError, Code::kInternal, "http.answer_unsound", peer_);
    } catch (const std::bad_alloc&) {
      shared.log(Log::Level::kError, Code::kOutOfMemory, "http.handler_threw", peer_);
      return refusal_response({503, Code::kOutOfMemory, {}});
    } catch (const std::exception&) {
      // What it says may hold contents of a record; that it happened is what the log may know.
      shared.log(Log::Level::kError, Code::kInternal, "http.handler_threw", peer_);
    }
    return refusal_response({500, Code::kInternal, {}});
  }

  static Response refusal_response(const Refusal& refusal) {
    Response response;
    response.status = refusal.status;
    response.headers["content-type"] = "text/plain; charset=utf-8";
    if (refusal.status == 503) response.headers["retry-after"] = "30";
    response.body = to_bytes(view(Error{refusal.code, refusal.detail}.message() + "\n"));
    return response;
  }

  void answer(const Response& response, bool close) {
    charge(0);
    out_ = serialize(response, request_.method == "HEAD", close);
    sent_bytes_ = 0;
    write_began_ = now();
    write_some(close);
  }

  // Piece by piece, so that each piece that moves earns the slow reader more time.
  void write_some(bool close) {
    if (sent_bytes_ == out_.size()) {
      out_ = {};
      if (close) return finish();
      return next_request();
    }
    lowest().expires_at(slowest(write_began_, sent_bytes_));
    stream_.async_write_some(asio::buffer(out_.data() + sent_bytes_, out_.size() - sent_bytes_),
                             [self = self(), close](error_code ec, std::size_t bytes) {
                               if (ec) return self->gone(ec, false);
                               self->sent_bytes_ += bytes;
                               self->write_some(close);
                             });
  }

  void refuse(const Refusal& refusal) {
    worker_.shared().log(Log::Level::kWarning, refusal.code, "http.refused", peer_);
    answer(refusal_response(refusal), true);
  }

  // ---- end

  /// Closes so that the peer can read the last answer: what it still sends is read away for a moment, for a socket that
  /// is closed with unread bytes resets the connection and takes the answer with it.
  void finish() {
    buffer_.consume(buffer_.size());
    lowest().expires_after(kLinger);
    if constexpr (kTls) {
      stream_.async_shutdown([self = self()](error_code) { self->half_close(); });
    } else {
      half_close();
    }
  }

  void half_close() {
    error_code ec;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ec);
    if (ec) return;
    lowest().expires_after(kLinger);
    drained_bytes_ = 0;
    drain();
  }

  void drain() {
    lowest().async_read_some(buffer_.prepare(kReadBytes), [self = self()](error_code ec, std::size_t bytes) {
      self->drained_bytes_ += bytes;
      if (!ec && self->drained_bytes_ < kDrainBytes) self->drain();
    });
  }

  void gone(error_code ec, bool idle) {
    if (ec == beast::error::timeout && !idle)
      worker_.shared().log(Log::Level::kInfo, Code::kHttpTooSlow, "http.cut", peer_);
  }

  static constexpr auto kLinger = std::chrono::seconds(2);
  static constexpr std::size_t kDrainBytes = 1u << 20;

  std::string peer_;
  Stream stream_;
  beast::flat_buffer buffer_;
  HeaderScan scan_;
  std::optional<Parser> parser_;
  Request request_;
  std::optional<SteadyTime> header_began_;
  SteadyTime body_began_;
  std::size_t body_read_bytes_ = 0;
  Bytes out_;
  SteadyTime write_began_;
  std::size_t sent_bytes_ = 0;
  std::size_t drained_bytes_ = 0;
};

void Worker::take(tcp::socket socket) {
  if (stopping()) return;
  error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return;
  socket.set_option(tcp::no_delay(true), ec);
  const bool room = connections_.size() < share_ || evict_one();

  std::shared_ptr<Connection> connection;
  if (shared_.tls)
    connection = std::make_shared<Session<asio::ssl::stream<beast::tcp_stream>>>(
        *this, endpoint.address().to_string(), beast::tcp_stream(std::move(socket)), *shared_.tls);
  else
    connection = std::make_shared<Session<beast::tcp_stream>>(*this, endpoint.address().to_string(), std::move(socket));
  if (room)
    connection->begin();
  else
    connection->refuse_at_once();
}

bool Worker::evict_one() {
  Connection* longest = nullptr;
  for (Connection* connection : connections_)
    if (connection->idle_since() && (!longest || *connection->idle_since() < *longest->idle_since()))
      longest = connection;
  if (longest) longest->evict();
  return longest != nullptr;
}

void Worker::remove(Connection& connection) {
  connections_.erase(&connection);
  if (stopping() && connections_.empty()) grace_.cancel();
}

void Worker::stop() {
  guard_.reset();
  for (Connection* connection : connections_)
    if (connection->idle_since()) connection->cut();
  if (connections_.empty()) return;
  grace_.expires_after(milliseconds(shared_.options.stop_grace_ms));
  grace_.async_wait([this](error_code ec) {
    if (ec) return;
    for (Connection* connection : connections_) connection->cut();
  });
}

Status load_certificate(asio::ssl::context& tls, const ListenerOptions& options) {
  error_code ec;
  // Without this OpenSSL would ask for the pass phrase of an encrypted key on the terminal.
  tls.set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, ec);
  if (!ec) tls.use_certificate_chain(asio::buffer(options.certificate_chain_pem), ec);
  if (ec) return fail(Code::kListenCertificate, "certificate: " + ec.message());
  tls.use_private_key(asio::buffer(options.private_key_pem), asio::ssl::context::pem, ec);
  if (ec) return fail(Code::kListenCertificate, "key: " + ec.message());
  // An idle connection keeps no buffers: some 30 KB less for each.
  SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return {};
}

}  // namespace

class Listener::Impl {
 public:
  Impl(const ListenerOptions& options, Handler handler) : shared_(options, std::move(handler)) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    const auto threads = static_cast<std::size_t>(std::max(options.io_threads > 0 ? options.io_threads : cores, 1));
    const std::size_t share = std::max<std::size_t>(1, shared_.options.max_connections / threads);
    for (std::size_t i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>(shared_, share));
    acceptor_.emplace(workers_.front()->io());
    retry_.emplace(workers_.front()->io());
    signals_.emplace(workers_.front()->io());
  }
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    const ListenerOptions& options = shared_.options;
    error_code ec;
    const auto address = asio::ip::make_address(options.address, ec);
    if (ec) return fail(Code::kListenAddress, options.address);
    if (!options.certificate_chain_pem.empty() || !options.private_key_pem.empty()) {
      shared_.tls.emplace(asio::ssl::context::tlsv13_server);
      DUDAO_CHECK(load_certificate(*shared_.tls, options));
    } else if (!address.is_loopback() && !options.plain_beyond_loopback) {
      return fail(Code::kListenPlainNetwork, options.address);
    }

    const tcp::endpoint wanted(address, options.port);
    const std::string name = options.address + " port " + std::to_string(options.port);
    // One acceptor deals connections out to the workers in turn. SO_REUSEPORT, one for each worker, would let a second
    // office take half of this one's connections without either of them noticing.
    acceptor_->open(wanted.protocol(), ec);
    if (!ec) acceptor_->set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_->bind(wanted, ec);
    if (!ec) acceptor_->listen(asio::socket_base::max_listen_connections, ec);
    if (ec == asio::error::address_in_use) return fail(Code::kListenPortTaken, name);
    if (!ec) port_ = acceptor_->local_endpoint(ec).port();
    if (!ec) signals_->add(SIGTERM, ec);
    if (!ec) signals_->add(SIGINT, ec);
    if (ec) return fail(Code::kListenFailed, name + ": " + ec.message());

    signals_->async_wait([this](error_code failed, int) {
      if (!failed) wake();
    });
    accept();
    for (const auto& worker : workers_) threads_.emplace_back([this, &worker = *worker] { run(worker); });
    return {};
  }

  std::uint16_t port() const { return port_; }

  void wait() {
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [this] { return awake_; });
  }

  void stop() {
    wake();
    const std::lock_guard lock(stop_mutex_);
    if (threads_.empty()) return;
    shared_.stopping = true;
    asio::post(workers_.front()->io(), [this] {
      error_code ignored;
      acceptor_->close(ignored);
      retry_->cancel();
      signals_->cancel(ignored);
    });
    for (const auto& worker : workers_) asio::post(worker->io(), [&worker = *worker] { worker.stop(); });
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    shared_.pool.join();
  }

 private:
  void run(Worker& worker) {
    for (;;) {
      try {
        worker.run();
        return;
      } catch (const std::exception&) {
        // Out of memory, as a rule: the connection that needed it is gone, the others go on.
        shared_.log(Log::Level::kError, Code::kInternal, "http.worker_threw", {});
      }
    }
  }

  void accept() {
    next_ = (next_ + 1) % workers_.size();
    acceptor_->async_accept(workers_[next_]->io(), [this, &worker = *workers_[next_]](error_code ec,
                                                                                      tcp::socket socket) {
      if (!acceptor_->is_open()) return;
      if (!ec) {
        asio::post(worker.io(), [&worker, socket = std::move(socket)]() mutable { worker.take(std::move(socket)); });
        return accept();
      }
      // Too many open files, or a peer that left: the first needs a pause, or this would spin.
      retry_->expires_after(milliseconds(100));
      retry_->async_wait([this](error_code cancelled) {
        if (!cancelled && acceptor_->is_open()) accept();
      });
    });
  }

  void wake() {
    {
      const std::lock_guard lock(mutex_);
      awake_ = true;
    }
    woken_.notify_all();
  }

  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Used on the first worker's thread.
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> retry_;
  std::optional<asio::signal_set> signals_;
  std::size_t next_ = 0;

  std::uint16_t port_ = 0;
  std::mutex stop_mutex_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool awake_ = false;
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::start(const ListenerOptions& options, Handler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  DUDAO_CHECK(impl->start());
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

std::uint16_t Listener::port() const noexcept { return impl_->port(); }
void Listener::wait() { impl_->wait(); }
void Listener::stop() { impl_->stop(); }

}  // namespace dudao
