#pragma once

#include "platform/platform.hpp"

namespace dudao {

struct HttpOptions {
  /// Certificates (PEM) that are trusted instead of the system's. Empty: the system's.
  std::string ca_file = {};
  /// The server's public key must be one of these: "sha256//" and base64 of SHA-256 over its SubjectPublicKeyInfo,
  /// several parted by ';'. Asked in addition to a valid certificate. Empty: any.
  std::string pinned_keys = {};
  /// http, https, socks5 or socks5h address. Empty: what the environment says (https_proxy, no_proxy …). Requests to
  /// this machine itself never use one.
  std::string proxy = {};
  bool ignore_environment_proxy = false;
  /// Without it plain http is spoken with this machine itself (localhost, 127.0.0.0/8, [::1]) only.
  bool allow_plain_http = false;
};

/// HTTP/1.1 on libcurl: TLS 1.3 or later with certificate and name checked, http and https only, no redirects, no
/// cookies, no passwords, no decompression. Connections are kept for the next request; if the other end closed a kept
/// one before it answered a byte, the request is sent once more on a new one, so it may arrive twice.
///
/// The answer's header may take 64 KiB, its body request.max_response_bytes; both are checked as they arrive.
/// `cancelled` and the time-outs are looked at about ten times a second. Idle time runs only once connected; a byte
/// that the other end's system acknowledged counts as moved. Nothing is known to have been sent with kNoConnection
/// while connecting (refused, not found, connect_timeout_ms over); after that the other end may have acted, whatever
/// the error.
///
/// More errors than HttpClient has: kAnswerNotHttp (something else answered), kHttpSettings (a method or header that
/// HTTP does not allow). Error of this function: kHttpSettings.
Result<std::unique_ptr<HttpClient>> make_http_client(const HttpOptions& options);

}  // namespace dudao
