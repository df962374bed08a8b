#pragma once

#include "platform/bytes.hpp"

#include <map>
#include <string>

namespace dudao {

/// One HTTP request as the office sees it: framing, sizes and time-outs were judged before (tools/office/listener.hpp),
/// the meaning of what is in it was not.
struct Request {
  std::string method;  ///< upper case, e.g. "POST"
  std::string path;    ///< starts with '/'; as sent: percent-encoded, not normalised
  std::string query;   ///< what followed the first '?', as sent; empty when there was none
  std::map<std::string, std::string>
      headers;       ///< names in lower case; several with one name joined by ", " (RFC 9110 5.3)
  Bytes body;        ///< transfer coding removed, content coding (zstd …) not
  std::string peer;  ///< address of who connected, without the port; for the log only
};

struct Response {
  int status = 200;
  /// Names in lower case. content-length, connection and date are the listener's; it ignores them here.
  std::map<std::string, std::string> headers;
  Bytes body;
};

}  // namespace dudao
