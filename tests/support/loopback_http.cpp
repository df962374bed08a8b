#include "tests/support/loopback_http.hpp"

namespace dudao::test {
namespace {

constexpr std::string_view kPortal =
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Buy an hour of Internet to go on.</body></html>";

HttpResponse page(int status) {
  HttpResponse response;
  response.status = status;
  response.headers["content-type"] = "text/html; charset=utf-8";
  response.body = to_bytes(view(kPortal));
  return response;
}

std::uint64_t wire_bytes(const std::map<std::string, std::string>& headers, std::size_t body_bytes) {
  std::uint64_t bytes = 2 + body_bytes;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size() + 4;
  return bytes;
}

}  // namespace

Result<HttpResponse> LoopbackHttp::send(const HttpRequest& request) {
  ++sends_;
  last_ = request;
  if (!request.url.starts_with("https://") && !request.url.starts_with("http://"))
    return fail(Code::kUrlNotValid, request.url);
  if (request.cancelled && request.cancelled()) return fail(Code::kCancelled);
  Fault fault = weather_;
  if (!faults_.empty()) {
    fault = faults_.front();
    faults_.pop_front();
  }
  if (!handler_ || fault == Fault::kLoseRequest) return fail(Code::kNoConnection);
  sent_bytes_ += request.body.size();
  if (fault == Fault::kTimeOut) return fail(Code::kTimedOut);

  HttpResponse response;
  if (fault == Fault::kPortalPage) {
    response = page(200);
  } else if (fault == Fault::kServerError) {
    response = page(503);
  } else {
    if (fault == Fault::kDoubleRequest) {
      ++handled_;
      handler_(request);
    }
    ++handled_;
    response = handler_(request);
  }
  if (fault == Fault::kLoseAnswer) return fail(Code::kTimedOut);
  if (fault == Fault::kCutAnswer) return fail(Code::kAnswerCutShort);
  if (fault == Fault::kTruncatedBody) response.body.resize(response.body.size() / 2);
  if (response.body.size() > request.max_response_bytes) return fail(Code::kResponseTooLarge);

  const std::size_t line_bytes = request.method.size() + request.url.size() + 12;
  response.sent_bytes = line_bytes + wire_bytes(request.headers, request.body.size());
  response.received_bytes = 17 + wire_bytes(response.headers, response.body.size());
  got_bytes_ += response.body.size();
  if (request.progress) request.progress(response.sent_bytes, response.received_bytes);
  if (request.cancelled && request.cancelled()) return fail(Code::kCancelled);
  return response;
}

}  // namespace dudao::test
