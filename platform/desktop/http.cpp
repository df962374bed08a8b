#include "platform/desktop/http.hpp"

#include "platform/desktop/files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>

#include <curl/curl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

namespace dudao {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64u << 10;
constexpr int kPollMs = 100;

using Steady = std::chrono::steady_clock;

template <auto free_it>
struct Freer {
  template <class T>
  void operator()(T* thing) const {
    free_it(thing);
  }
};
using EasyHandle = std::unique_ptr<CURL, Freer<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Freer<curl_multi_cleanup>>;
using UrlHandle = std::unique_ptr<CURLU, Freer<curl_url_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Freer<curl_slist_free_all>>;
using CurlText = std::unique_ptr<char, Freer<curl_free>>;

bool start_curl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

bool is_token(std::string_view text) {  // RFC 9110 section 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  // libcurl has brought every way to write an IPv4 address into the form with four decimal numbers.
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

struct Target {
  std::string host;
  bool loopback = false;
};

Result<Target> check_url(const std::string& url, bool allow_plain_http) {
  const UrlHandle parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK || url.find('\0') < url.size())
    return fail(Code::kUrlNotValid);
  const auto part = [&](CURLUPart which) {
    char* raw = nullptr;
    const bool found = curl_url_get(parsed.get(), which, &raw, 0) == CURLUE_OK;
    const CurlText owner(raw);
    return found && raw ? std::string(raw) : std::string();
  };
  Target target{part(CURLUPART_HOST), false};
  target.loopback = is_loopback(target.host);
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return fail(Code::kUrlNotValid, scheme);
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
    return fail(Code::kUrlNotValid, "an address must not hold a password");
  if (scheme == "http" && !target.loopback && !allow_plain_http) return fail(Code::kUrlNotValid, target.host);
  return target;
}

/// What one transfer has seen so far; the callbacks of libcurl write to it.
struct Transfer {
  const HttpRequest& request;
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool connected = false;
  bool answered = false;        // a byte of the answer came
  bool has_header = false;      // all of the final answer's header came
  std::optional<Code> stopped;  // why a callback made libcurl stop
  const std::set<curl_socket_t>& sockets;
  std::uint64_t moved_before = 0;
  int queued_before = 0;
  Steady::time_point moved_at{};

  Transfer(const HttpRequest& asked, const std::set<curl_socket_t>& open_ones) : request(asked), sockets(open_ones) {}
};

/// Of a status line that libcurl has accepted: "HTTP/1.1 200 OK".
int status_of(std::string_view line) {
  int status = 0;
  const auto space = line.find(' ');
  if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  return status;
}

std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, bytes);
  transfer.header_bytes += bytes;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.stopped = Code::kResponseTooLarge;
    return 0;
  }
  transfer.answered = true;
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // What came before belonged to an interim answer (1xx).
    transfer.response.status = status_of(line);
  } else if (line == "\r\n" || line == "\n") {
    transfer.has_header = transfer.response.status >= 200;
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    transfer.response.headers[lower(trimmed(line.substr(0, colon)))] = trimmed(line.substr(colon + 1));
  }
  return bytes;
}

std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  Bytes& body = transfer.response.body;
  if (bytes > transfer.request.max_response_bytes - body.size()) {
    transfer.stopped = Code::kResponseTooLarge;
    return 0;
  }
  append(body, view({data, bytes}));
  return bytes;
}

/// The only place where libcurl shows what goes over the wire, framing included.
int on_wire(CURL*, curl_infotype type, char*, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT) transfer.response.sent_bytes += bytes;
  if (type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN) transfer.response.received_bytes += bytes;
  return 0;
}

int on_connected(void* user, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.connected = true;
  transfer.moved_at = Steady::now();
  return CURL_PREREQFUNC_OK;
}

/// Bytes that the system took but the other end has not acknowledged yet. On a slow link they are minutes of movement
/// that libcurl knows nothing of.
int queued_bytes(const std::set<curl_socket_t>& sockets) {
  int all = 0;
#ifdef SIOCOUTQ
  for (const curl_socket_t one : sockets)
    if (int queued = 0; ::ioctl(one, SIOCOUTQ, &queued) == 0) all += queued;
#else
  (void)sockets;
#endif
  return all;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  const HttpRequest& request = transfer.request;
  const std::uint64_t moved = transfer.response.sent_bytes + transfer.response.received_bytes;
  if (request.cancelled && request.cancelled()) {
    transfer.stopped = Code::kCancelled;
    return 1;
  }
  if (request.progress && moved != transfer.moved_before)
    request.progress(transfer.response.sent_bytes, transfer.response.received_bytes);
  const int queued = queued_bytes(transfer.sockets);
  const auto now = Steady::now();
  if (moved != transfer.moved_before || queued != transfer.queued_before) transfer.moved_at = now;
  transfer.moved_before = moved;
  transfer.queued_before = queued;
  if (transfer.connected && now - transfer.moved_at >= std::chrono::milliseconds(request.idle_timeout_ms)) {
    transfer.stopped = Code::kTimedOut;
    return 1;
  }
  return 0;
}

class CurlHttpClient final : public HttpClient {
 public:
  CurlHttpClient(HttpOptions options, EasyHandle easy, MultiHandle multi)
      : options_(std::move(options)), multi_(std::move(multi)), easy_(std::move(easy)) {}
  ~CurlHttpClient() override {
    // Closing a kept connection calls back; what it calls is a member, so it must happen before members go.
    easy_.reset();
    multi_.reset();
  }

  Result<HttpResponse> send(const HttpRequest& request) override;

 private:
  template <class T>
  void set(CURLoption option, T value) {
    if (set_result_ == CURLE_OK) set_result_ = curl_easy_setopt(easy_.get(), option, value);
  }
  Status set_up(const HttpRequest& request, const Target& target, Transfer& transfer, HeaderList& headers);
  CURLcode run();
  Error explain(CURLcode result, const Target& target, const Transfer& transfer) const;

  static curl_socket_t on_open(void* user, curlsocktype purpose, curl_sockaddr* address);
  static int on_close(void* user, curl_socket_t socket);

  const HttpOptions options_;
  std::set<curl_socket_t> sockets_;  // open ones, kept connections included
  MultiHandle multi_;                // keeps the connections
  EasyHandle easy_;
  CURLcode set_result_ = CURLE_OK;
  char message_[CURL_ERROR_SIZE] = "";
};

curl_socket_t CurlHttpClient::on_open(void* user, curlsocktype, curl_sockaddr* address) {
  const curl_socket_t made = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (made >= 0) static_cast<CurlHttpClient*>(user)->sockets_.insert(made);
  return made;
}

int CurlHttpClient::on_close(void* user, curl_socket_t socket) {
  static_cast<CurlHttpClient*>(user)->sockets_.erase(socket);
  return ::close(socket);
}

Status CurlHttpClient::set_up(const HttpRequest& request, const Target& target, Transfer& transfer,
                              HeaderList& headers) {
  if (!is_token(request.method)) return fail(Code::kHttpSettings, "method");
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (!longer) return false;
    (void)headers.release();
    headers.reset(longer);
    return true;
  };
  // What libcurl would add by itself, said only if the caller says it.
  for (const char* name : {"accept", "content-type", "expect"})
    if (!request.headers.contains(name) && !add(std::string(name) + ":")) return fail(Code::kInternal);
  for (const auto& [name, value] : request.headers) {
    // The frame of a message is libcurl's to set: another length would let one request pass for two.
    const std::string small = lower(name);
    if (!is_token(name) || !is_field_value(value) || small == "content-length" || small == "transfer-encoding")
      return fail(Code::kHttpSettings, "header " + (is_token(name) ? name : std::string("name")));
    if (!add(trimmed(value).empty() ? name + ";" : name + ": " + value)) return fail(Code::kInternal);
  }

  curl_easy_reset(easy_.get());
  set_result_ = CURLE_OK;
  message_[0] = '\0';
  set(CURLOPT_ERRORBUFFER, message_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);

  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_3));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options_.ca_file.empty()) {
    set(CURLOPT_CAINFO, options_.ca_file.c_str());
    // The system's folder of certificates would be trusted besides.
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  if (!options_.pinned_keys.empty()) set(CURLOPT_PINNEDPUBLICKEY, options_.pinned_keys.c_str());

  if (target.loopback || (options_.proxy.empty() && options_.ignore_environment_proxy))
    set(CURLOPT_PROXY, "");
  else if (!options_.proxy.empty())
    set(CURLOPT_PROXY, options_.proxy.c_str());

  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(request.connect_timeout_ms, 1)));
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request.max_response_bytes));
  set(CURLOPT_OPENSOCKETFUNCTION, &CurlHttpClient::on_open);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  set(CURLOPT_CLOSESOCKETFUNCTION, &CurlHttpClient::on_close);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
  set(CURLOPT_PREREQFUNCTION, &on_connected);
  set(CURLOPT_PREREQDATA, static_cast<void*>(&transfer));
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_DEBUGFUNCTION, &on_wire);
  set(CURLOPT_DEBUGDATA, static_cast<void*>(&transfer));

  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data()));
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    set(CURLOPT_HTTPGET, 1L);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  // A security option that this libcurl cannot set must not be left out in silence.
  if (set_result_ != CURLE_OK) return fail(Code::kHttpSettings, curl_easy_strerror(set_result_));
  return {};
}

CURLcode CurlHttpClient::run() {
  if (curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode result = CURLE_FAILED_INIT;
  // Not curl_easy_perform(): it looks at cancelling only once a second.
  for (bool done = false; !done;) {
    int running = 0;
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      result = message->data.result;  // NOLINT(cppcoreguidelines-pro-type-union-access): so libcurl gives it
      done = true;
    }
    if (!done && curl_multi_poll(multi_.get(), nullptr, 0, kPollMs, nullptr) != CURLM_OK) break;
  }
  curl_multi_remove_handle(multi_.get(), easy_.get());
  return result;
}

Error CurlHttpClient::explain(CURLcode result, const Target& target, const Transfer& transfer) const {
  const auto error = [&](Code code) { return Error{code, target.host + ": " + curl_easy_strerror(result)}; };
  if (transfer.stopped) return {*transfer.stopped, target.host};
  switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
      return error(transfer.connected ? Code::kTimedOut : Code::kNoConnection);
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return error(Code::kServerKeyChanged);
    case CURLE_SSL_CONNECT_ERROR:
      // Also what a connection that breaks during the handshake gives; OpenSSL has a number for real refusals only.
      if (std::string_view(message_).find("error:") == std::string_view::npos ||
          std::string_view(message_).find("unexpected eof") != std::string_view::npos)
        return error(Code::kNoConnection);
      return error(Code::kTlsRefused);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return error(Code::kTlsRefused);
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
      return {Code::kHttpSettings, options_.ca_file};
    case CURLE_FILESIZE_EXCEEDED:
      return error(Code::kResponseTooLarge);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return error(transfer.answered ? Code::kAnswerCutShort : Code::kNoConnection);
    case CURLE_UNSUPPORTED_PROTOCOL:  // After connecting: HTTP/0.9, that is, anything at all.
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
      return error(transfer.connected ? Code::kAnswerNotHttp : Code::kUrlNotValid);
    case CURLE_URL_MALFORMAT:
      return error(Code::kUrlNotValid);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return error(Code::kInternal);
    default:
      return error(Code::kNoConnection);
  }
}

Result<HttpResponse> CurlHttpClient::send(const HttpRequest& request) {
  DUDAO_TRY(const Target target, check_url(request.url, options_.allow_plain_http));
  if (request.cancelled && request.cancelled()) return fail(Code::kCancelled, target.host);
  Transfer transfer(request, sockets_);
  HeaderList headers;
  DUDAO_CHECK(set_up(request, target, transfer, headers));
  const CURLcode result = run();
  curl_easy_reset(easy_.get());  // Lets go of what lives only in this call.
  if (result != CURLE_OK) return fail(explain(result, target, transfer));
  // libcurl is content with a header that ends in the middle.
  if (!transfer.has_header) return fail(Code::kAnswerCutShort, target.host);
  if (request.progress) request.progress(transfer.response.sent_bytes, transfer.response.received_bytes);
  return std::move(transfer.response);
}

bool are_pins(std::string_view pins) {
  while (!pins.empty()) {
    const auto end = std::min(pins.find(';'), pins.size());
    const std::string_view one = pins.substr(0, end);
    if (!one.starts_with("sha256//")) return false;
    const auto hash = from_base64(one.substr(8));
    if (!hash || hash->size() != 32 || end + 1 == pins.size()) return false;
    pins.remove_prefix(std::min(end + 1, pins.size()));
  }
  return true;
}

bool is_proxy(std::string_view proxy) {
  constexpr std::array<std::string_view, 4> kSchemes = {"http://", "https://", "socks5://", "socks5h://"};
  return std::ranges::any_of(
      kSchemes, [&](std::string_view scheme) { return proxy.starts_with(scheme) && proxy.size() > scheme.size(); });
}

}  // namespace

Result<std::unique_ptr<HttpClient>> make_http_client(const HttpOptions& options) {
  if (!are_pins(options.pinned_keys)) return fail(Code::kHttpSettings, "pinned key");
  if (!options.proxy.empty() && !is_proxy(options.proxy)) return fail(Code::kHttpSettings, "proxy");
  if (!options.ca_file.empty()) {
    const auto certificates = DesktopFiles().read(options.ca_file, 4u << 20);
    if (!certificates || text(*certificates).find("-----BEGIN CERTIFICATE-----") == std::string_view::npos)
      return fail(Code::kHttpSettings, options.ca_file);
  }
  if (!start_curl()) return fail(Code::kInternal, "libcurl");
  EasyHandle easy(curl_easy_init());
  MultiHandle multi(curl_multi_init());
  if (!easy || !multi) return fail(Code::kInternal, "libcurl");
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, 4L);
  return std::make_unique<CurlHttpClient>(options, std::move(easy), std::move(multi));
}

}  // namespace dudao
