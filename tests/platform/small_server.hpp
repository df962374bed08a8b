#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace dudao::test {

/// A key with a certificate that it signed itself, made anew: its own CA.
class TlsIdentity {
 public:
  /// subject: as in subjectAltName, e.g. "DNS:localhost,IP:127.0.0.1".
  explicit TlsIdentity(const std::string& subject);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  std::string certificate_pem() const;
  std::string pin() const;  ///< "sha256//…"

 private:
  friend class SmallServer;
  struct Native;
  std::unique_ptr<Native> native_;
};

/// The worst server that a client can meet: on 127.0.0.1, one connection at a time, each handed to a script that sends
/// what it likes. Runs in its own thread until destroyed.
class SmallServer {
 public:
  class Connection {
   public:
    virtual ~Connection() = default;
    /// Reads one request with the body that its content-length announces; empty when the client has gone.
    virtual std::string read_request() = 0;
    /// Takes at most so many bytes off the socket and forgets them; their number, 0 when the client has gone.
    virtual std::size_t skip(std::size_t most) = 0;
    /// False when the client has gone.
    virtual bool send(std::string_view bytes) = 0;
    /// Waits, but not longer than the server lives. False when it is ending.
    virtual bool wait_ms(int ms) = 0;
  };
  using Script = std::function<void(Connection&)>;
  struct Tls {
    const TlsIdentity& identity;
    bool only_1_2 = false;
  };

  explicit SmallServer(Script script);
  SmallServer(Script script, Tls tls);
  ~SmallServer();
  SmallServer(const SmallServer&) = delete;
  SmallServer& operator=(const SmallServer&) = delete;

  /// "http://127.0.0.1:<port>" or "https://localhost:<port>", and then path.
  std::string url(const std::string& path = "/") const;
  int port() const { return port_; }
  int connections() const { return connections_; }          ///< accepted so far
  std::uint64_t read_bytes() const { return read_bytes_; }  ///< of requests, TLS aside
  std::uint64_t sent_bytes() const { return sent_bytes_; }  ///< of answers, TLS aside

 private:
  class Plain;
  class Secured;
  struct Context;
  void start();
  void serve();

  Script script_;
  std::unique_ptr<Context> context_;
  int listening_ = -1;
  int port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  std::atomic<std::uint64_t> sent_bytes_ = 0;
  std::thread thread_;
};

}  // namespace dudao::test
