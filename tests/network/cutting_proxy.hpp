#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>

namespace dudao::test {

/// Stands between a client and a server on 127.0.0.1 and breaks connections off at a chosen byte. One connection at a
/// time; each forwards both ways until a limit is reached, then both ends are closed hard.
class CuttingProxy {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  explicit CuttingProxy(std::uint16_t target_port);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// For connections from now on: forward so many bytes to the server, so many back, then break.
  void cut_after(std::uint64_t up, std::uint64_t down) {
    up_limit_ = up;
    down_limit_ = down;
  }
  /// Bytes forwarded on the newest connection.
  std::uint64_t up() const { return up_; }
  std::uint64_t down() const { return down_; }

 private:
  void run();
  void forward(int client);

  std::uint16_t target_port_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> up_limit_{kNever}, down_limit_{kNever};
  std::atomic<std::uint64_t> up_{0}, down_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dudao::test
