#pragma once

#include "platform/platform.hpp"

#include <deque>

namespace dudao::test {

/// The network as one function call: each request goes to the handler, which is the other end. Faults are lived through
/// in the order in which they were planned, one for each send(). Not thread-safe, as HttpClient.
class LoopbackHttp final : public HttpClient {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  enum class Fault : std::uint8_t {
    kNone,
    kLoseRequest,    ///< The handler never sees it: kNoConnection.
    kTimeOut,        ///< The handler never sees it: kTimedOut.
    kLoseAnswer,     ///< The handler did its work, its answer is lost: kTimedOut.
    kCutAnswer,      ///< The handler did its work, the connection broke in its answer: kAnswerCutShort.
    kTruncatedBody,  ///< The handler did its work, half of its body arrives and looks complete.
    kPortalPage,     ///< The handler never sees it; somebody else answers 200 with a page to log in.
    kDoubleRequest,  ///< The handler sees it twice; its second answer arrives.
    kServerError,    ///< The handler never sees it; a proxy answers 503 with a page.
  };

  /// An empty handler is a machine without a network.
  explicit LoopbackHttp(Handler handler = {}) : handler_(std::move(handler)) {}
  Result<HttpResponse> send(const HttpRequest& request) override;

  void set_handler(Handler handler) { handler_ = std::move(handler); }
  /// Plans the fault for the next send() that has none yet.
  void plan(Fault fault) { faults_.push_back(fault); }
  /// What happens to every send() for which nothing is planned.
  void set_weather(Fault fault) { weather_ = fault; }

  std::size_t sends() const { return sends_; }                 ///< calls of send()
  std::size_t handled() const { return handled_; }             ///< calls of the handler
  std::uint64_t sent_bytes() const { return sent_bytes_; }     ///< of all requests, bodies only
  std::uint64_t received_bytes() const { return got_bytes_; }  ///< of all answers that arrived, bodies only
  const HttpRequest& last_request() const { return last_; }    ///< as the caller gave it

 private:
  Handler handler_;
  std::deque<Fault> faults_;
  Fault weather_ = Fault::kNone;
  std::size_t sends_ = 0;
  std::size_t handled_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t got_bytes_ = 0;
  HttpRequest last_;
};

}  // namespace dudao::test
