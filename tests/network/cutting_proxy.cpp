#include "tests/network/cutting_proxy.hpp"

#include <algorithm>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dudao::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void no_delay(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Closed with a reset, as a link that is gone, not with a polite end.
void break_off(int socket) {
  const linger hard{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(socket);
}

}  // namespace

CuttingProxy::CuttingProxy(std::uint16_t target_port) : target_port_(target_port) {
  listening_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listening_, 16) != 0 ||
      getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  stopping_ = true;
  thread_.join();
  close(listening_);
}

void CuttingProxy::run() {
  while (!stopping_) {
    pollfd waiting{listening_, POLLIN, 0};
    if (poll(&waiting, 1, 20) <= 0) continue;
    const int client = accept(listening_, nullptr, nullptr);
    if (client >= 0) forward(client);
  }
}

void CuttingProxy::forward(int client) {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(target_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  no_delay(client);
  no_delay(server);
  up_ = down_ = 0;
  const std::uint64_t up_limit = up_limit_;
  const std::uint64_t down_limit = down_limit_;
  char buffer[16 * 1024];
  // True: the direction goes on. What is over the limit is never passed on.
  const auto pass = [&](int from, int to, std::atomic<std::uint64_t>& passed, std::uint64_t limit) {
    const std::uint64_t room = limit - passed;
    if (room == 0) return false;
    const ssize_t got = recv(from, buffer, std::min<std::uint64_t>(sizeof buffer, room), 0);
    if (got <= 0) return false;
    // Counted first: who has received them may ask at once how many they were.
    passed += static_cast<std::uint64_t>(got);
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t n = send(to, buffer + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += n;
    }
    return true;
  };
  while (!stopping_) {
    if (up_ == up_limit || down_ == down_limit) break;
    // A new connection of the client means that it has given this one up.
    pollfd waiting[3] = {{client, POLLIN, 0}, {server, POLLIN, 0}, {listening_, POLLIN, 0}};
    if (poll(waiting, 3, 20) <= 0) continue;
    if (waiting[0].revents != 0 && !pass(client, server, up_, up_limit)) break;
    if (waiting[1].revents != 0 && !pass(server, client, down_, down_limit)) break;
    if (waiting[2].revents != 0 && waiting[0].revents == 0 && waiting[1].revents == 0) break;
  }
  break_off(client);
  break_off(server);
}

}  // namespace dudao::test
