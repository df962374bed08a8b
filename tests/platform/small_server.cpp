#include "tests/platform/small_server.hpp"

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"

#include <chrono>
#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dudao::test {
namespace {

template <auto free_it>
struct Freer {
  template <class T>
  void operator()(T* thing) const {
    free_it(thing);
  }
};

void need(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

}  // namespace

struct TlsIdentity::Native {
  std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>> key;
  std::unique_ptr<X509, Freer<X509_free>> certificate;
};

TlsIdentity::TlsIdentity(const std::string& subject) : native_(std::make_unique<Native>()) {
  native_->key.reset(EVP_EC_gen("P-256"));
  native_->certificate.reset(X509_new());
  X509* certificate = native_->certificate.get();
  need(native_->key && certificate, "no key");
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, native_->key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  for (const auto& [id, value] : {std::pair<int, std::string>{NID_subject_alt_name, subject},
                                  std::pair<int, std::string>{NID_basic_constraints, "critical,CA:TRUE"}}) {
    const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
    need(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "no extension");
  }
  need(X509_sign(certificate, native_->key.get(), EVP_sha256()) > 0, "no signature");
}

TlsIdentity::~TlsIdentity() = default;

std::string TlsIdentity::certificate_pem() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509(native_->certificate.get(), &der);
  need(size > 0, "no certificate");
  const std::string base64 = to_base64({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) pem.append(base64, at, 64).append("\n");
  return pem + "-----END CERTIFICATE-----\n";
}

std::string TlsIdentity::pin() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(native_->key.get(), &der);
  need(size > 0, "no public key");
  const Hash hash = sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return "sha256//" + to_base64(hash);
}

struct SmallServer::Context {
  std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>> tls;
};

class SmallServer::Plain : public Connection {
 public:
  Plain(SmallServer& server, int fd) : server_(server), fd_(fd) {}

  std::string read_request() override {
    std::size_t need_bytes = std::string::npos;
    for (;;) {
      if (const auto end = pending_.find("\r\n\r\n"); end != std::string::npos) {
        need_bytes = end + 4;
        if (const auto at = pending_.find("Content-Length: "); at < end)
          need_bytes += static_cast<std::size_t>(std::stoul(pending_.substr(at + 16)));
      }
      if (pending_.size() >= need_bytes) break;
      char piece[65536];
      const long n = readable() ? take(piece, sizeof piece) : 0;
      if (n <= 0) return {};
      server_.read_bytes_ += static_cast<std::uint64_t>(n);
      pending_.append(piece, static_cast<std::size_t>(n));
    }
    std::string request = pending_.substr(0, need_bytes);
    pending_.erase(0, need_bytes);
    return request;
  }

  std::size_t skip(std::size_t most) override {
    std::string piece(most, '\0');
    const long n = readable() ? take(piece.data(), most) : 0;
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      pollfd one{fd_, POLLOUT, 0};
      if (server_.ending_) return false;
      if (::poll(&one, 1, 20) <= 0) continue;
      const long n = give(bytes.data(), std::min<std::size_t>(bytes.size(), 4096));
      if (n <= 0) return false;
      server_.sent_bytes_ += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  bool wait_ms(int ms) override {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    while (!server_.ending_ && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return !server_.ending_;
  }

 protected:
  virtual long take(char* to, std::size_t bytes) { return ::recv(fd_, to, bytes, 0); }
  virtual long give(const char* from, std::size_t bytes) { return ::send(fd_, from, bytes, MSG_NOSIGNAL); }
  virtual bool buffered() { return false; }

 private:
  bool readable() {
    while (!server_.ending_) {
      if (buffered()) return true;
      pollfd one{fd_, POLLIN, 0};
      if (::poll(&one, 1, 20) > 0) return true;
    }
    return false;
  }

  SmallServer& server_;
  const int fd_;
  std::string pending_;
};

class SmallServer::Secured final : public Plain {
 public:
  Secured(SmallServer& server, int fd, SSL* ssl) : Plain(server, fd), ssl_(ssl) {}

 private:
  long take(char* to, std::size_t bytes) override { return SSL_read(ssl_, to, static_cast<int>(bytes)); }
  long give(const char* from, std::size_t bytes) override { return SSL_write(ssl_, from, static_cast<int>(bytes)); }
  bool buffered() override { return SSL_pending(ssl_) > 0; }
  SSL* ssl_;
};

SmallServer::SmallServer(Script script) : script_(std::move(script)) { start(); }

SmallServer::SmallServer(Script script, Tls tls) : script_(std::move(script)), context_(std::make_unique<Context>()) {
  context_->tls.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = context_->tls.get();
  need(context && SSL_CTX_use_certificate(context, tls.identity.native_->certificate.get()) == 1 &&
           SSL_CTX_use_PrivateKey(context, tls.identity.native_->key.get()) == 1,
       "no TLS");
  if (tls.only_1_2) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  start();
}

SmallServer::~SmallServer() {
  ending_ = true;
  thread_.join();
  ::close(listening_);
}

std::string SmallServer::url(const std::string& path) const {
  return (context_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_) + path;
}

void SmallServer::start() {
  listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // So that what the script does not read waits at the client, as behind a slow link.
  const int buffer_bytes = 16 << 10;
  ::setsockopt(listening_, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  need(listening_ >= 0 && ::bind(listening_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
           ::listen(listening_, 16) == 0 &&
           ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
       "no socket");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

void SmallServer::serve() {
  // OpenSSL writes to a client that has gone without asking to be spared the signal.
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_only, nullptr);
  while (!ending_) {
    pollfd one{listening_, POLLIN, 0};
    if (::poll(&one, 1, 20) <= 0) continue;
    const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    // A client that stops in the middle of a handshake must not hold the end of the test up.
    const timeval limit{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (context_) {
      const std::unique_ptr<SSL, Freer<SSL_free>> ssl(SSL_new(context_->tls.get()));
      SSL_set_fd(ssl.get(), fd);
      if (SSL_accept(ssl.get()) == 1) {
        Secured connection(*this, fd, ssl.get());
        script_(connection);
        SSL_shutdown(ssl.get());
      }
    } else {
      Plain connection(*this, fd);
      script_(connection);
    }
    ::shutdown(fd, SHUT_WR);
    ::close(fd);
  }
}

}  // namespace dudao::test
