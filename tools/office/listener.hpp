#pragma once

/// HTTP/1.1 (RFC 9112) and TLS 1.3 between the network and Office::handle. The listener judges framing, sizes and time;
/// what a request means is the handler's matter.
///
/// Refused with a numbered error as text/plain, before the handler sees anything, and the connection is closed:
///   400 no or two Host fields, folded or otherwise malformed header, bare CR or LF, two Content-Length, Content-Length
///       with Transfer-Encoding, a target that is not a path       413 body over the limit, declared or chunked
///   417 an expectation other than 100-continue                     431 header over the limit
///   501 any Transfer-Encoding but exactly "chunked"                503 no room; Retry-After says when to come again
/// Cut without an answer: a handshake, header, body or reader that is too slow, and what stays idle for too long.
/// Several requests sent at once on one connection are answered one after the other, in order.

#include "platform/error.hpp"
#include "platform/platform.hpp"
#include "sync/office/http_message.hpp"

#include <functional>
#include <memory>
#include <string>

namespace dudao {

/// Called from several threads at once. May block (for a durable commit) without stopping the reading of other
/// requests. An exception is answered with 500 and logged as kInternal.
using Handler = std::function<Response(const Request&)>;

struct ListenerOptions {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6 address, no name; "0.0.0.0" or "::" for all
  std::uint16_t port = 0;             ///< 0: any free one, see Listener::port()

  /// PEM; both or neither. The chain starts with the office's own certificate. Only TLS 1.3 is spoken.
  std::string certificate_chain_pem;
  std::string private_key_pem;  ///< not encrypted
  /// Without TLS only loopback is taken, unless a proxy on a trusted network does the TLS and this says so.
  bool plain_beyond_loopback = false;

  int io_threads = 0;        ///< 0: one for each core
  int handler_threads = 16;  ///< how many handlers run at once; further requests wait their turn

  /// When full, the longest idle one makes room; when none is idle: 503. The process's limit of open files is raised to
  /// what this needs, as far as the system lets it, and where that is not enough there are fewer.
  std::size_t max_connections = 4096;
  std::size_t max_header_bytes = 16u << 10;
  std::size_t max_body_bytes = 8u << 20;
  std::size_t max_all_bodies_bytes = 256u << 20;  ///< of all requests being read or handled

  std::int64_t idle_timeout_ms = 75'000;    ///< between requests of one connection
  std::int64_t header_timeout_ms = 20'000;  ///< from its first byte to its last; also for the TLS handshake
  std::int64_t stall_timeout_ms = 30'000;   ///< a body or an answer of which no byte moves
  std::int64_t min_rate_bytes_per_s =
      256;  ///< a body or an answer that is slower than this, the first stall_timeout_ms aside
  std::int64_t stop_grace_ms = 10'000;  ///< how long stop() lets begun requests finish

  Log* log = nullptr;  ///< refusals with code and peer; may be null, otherwise outlives the listener
};

/// Thread-safe. The handler may be running until stop() has returned.
class Listener {
 public:
  /// Accepts connections when it returns.
  /// Errors: kListenAddress, kListenPlainNetwork, kListenCertificate, kListenPortTaken, kListenFailed.
  static Result<std::unique_ptr<Listener>> start(const ListenerOptions& options, Handler handler);
  ~Listener();  ///< stop()

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const noexcept;

  /// Blocks until SIGTERM or SIGINT arrives, or another thread calls stop(). While a Listener lives these signals end
  /// this call and nothing else. It does not stop the listener.
  void wait();

  /// Accepts no more, closes idle connections, lets begun requests finish for at most stop_grace_ms, cuts the rest, and
  /// returns when no handler runs any more: a handler that never returns holds it up. A repeat is harmless.
  void stop();

 private:
  class Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dudao
