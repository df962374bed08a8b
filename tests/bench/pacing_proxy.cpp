#include "tests/bench/pacing_proxy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <random>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dudao::test {
namespace {

constexpr std::size_t kSegmentBytes = 1'400;
constexpr std::size_t kMostUnderWay_bytes = 64 * 1024;

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// What is under way from one end to the other.
class Direction {
 public:
  Direction(int from, int to, const Link& link, double open_at_s)
      : from_(from), to_(to), link_(link), free_s_(open_at_s), arrived_s_(open_at_s) {}

  bool wants_more() const { return !ended_ && bytes_ < kMostUnderWay_bytes; }
  /// Seconds until the next delivery; a negative number: nothing is under way.
  double due_in_s() const { return segments_.empty() ? -1 : std::max(0.0, segments_.front().first - now_s()); }
  bool done() const { return ended_ && segments_.empty(); }

  void take() {
    char piece[kSegmentBytes];
    const ssize_t got = recv(from_, piece, sizeof piece, 0);
    if (got <= 0) {
      ended_ = true;
      return;
    }
    const double sending_s = static_cast<double>(got) * 8 / link_.bits_per_s;
    free_s_ = std::max(free_s_, now_s()) + sending_s;
    double arrives_s = free_s_ + link_.round_trip_s / 2;
    while (std::uniform_real_distribution<double>(0, 1)(chance_) < link_.loss) {
      free_s_ += sending_s;
      arrives_s += link_.round_trip_s + sending_s;
    }
    arrived_s_ = std::max(arrived_s_, arrives_s);
    segments_.emplace_back(arrived_s_, std::string(piece, static_cast<std::size_t>(got)));
    bytes_ += static_cast<std::size_t>(got);
  }
  /// False: the other end is gone.
  bool deliver() {
    for (; !segments_.empty() && segments_.front().first <= now_s(); segments_.pop_front()) {
      const std::string& bytes = segments_.front().second;
      for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t n = send(to_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return false;
        sent += static_cast<std::size_t>(n);
      }
      bytes_ -= bytes.size();
    }
    return true;
  }

 private:
  int from_, to_;
  const Link& link_;
  double free_s_;     ///< when the line has sent all that it was given
  double arrived_s_;  ///< when the last of it arrives
  std::deque<std::pair<double, std::string>> segments_;
  std::size_t bytes_ = 0;
  bool ended_ = false;
  std::mt19937 chance_{7};
};

}  // namespace

PacingProxy::PacingProxy(std::uint16_t target_port, Link link) : target_port_(target_port), link_(std::move(link)) {
  listening_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listening_, 16) != 0 ||
      getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

PacingProxy::~PacingProxy() {
  stopping_ = true;
  thread_.join();
  close(listening_);
}

void PacingProxy::run() {
  while (!stopping_) {
    pollfd waiting{listening_, POLLIN, 0};
    if (poll(&waiting, 1, 20) <= 0) continue;
    const int client = accept(listening_, nullptr, nullptr);
    if (client >= 0) forward(client);
  }
}

void PacingProxy::forward(int client) {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(target_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  for (const int each : {client, server}) {
    const int on = 1;
    setsockopt(each, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // So that the sender's own system holds little: what it took is under way only here.
    const int small = 16 * 1024;
    setsockopt(each, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  const double open_at_s = now_s() + link_.round_trip_s;
  Direction up(client, server, link_, open_at_s);
  Direction down(server, client, link_, open_at_s);
  cut_ = false;
  while (!stopping_ && !cut_ && !up.done() && !down.done()) {
    pollfd waiting[3] = {{up.wants_more() ? client : -1, POLLIN, 0},
                         {down.wants_more() ? server : -1, POLLIN, 0},
                         {listening_, POLLIN, 0}};
    double due_s = 0.02;
    for (const Direction* each : {&up, &down})
      if (each->due_in_s() >= 0) due_s = std::min(due_s, each->due_in_s());
    const timespec wait{0, static_cast<long>(due_s * 1e9)};
    ppoll(waiting, 3, &wait, nullptr);
    if (waiting[0].revents != 0) up.take();
    if (waiting[1].revents != 0) down.take();
    if (!up.deliver() || !down.deliver()) break;
    // A new connection means that the client has given this one up.
    if (waiting[2].revents != 0 && up.due_in_s() < 0 && down.due_in_s() < 0) break;
  }
  close(client);
  close(server);
}

}  // namespace dudao::test
