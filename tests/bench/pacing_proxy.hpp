#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace dudao::test {

/// A line as the country has them. Delay is of the round trip. A lost segment of 1,400 bytes is sent again after one
/// round trip and holds up all behind it, as TCP does; loss does not slow the sender beyond that, so real lines are no
/// better.
struct Link {
  std::string name;
  double bits_per_s = 0;
  double round_trip_s = 0;
  double loss = 0;  ///< 0 to 1, of segments
};

/// Stands between a client and a server on 127.0.0.1 and lets bytes through as such a line would, at most 64 KiB of
/// them under way in a direction. One connection at a time; making it costs a round trip.
class PacingProxy {
 public:
  PacingProxy(std::uint16_t target_port, Link link);
  ~PacingProxy();
  PacingProxy(const PacingProxy&) = delete;
  PacingProxy& operator=(const PacingProxy&) = delete;

  std::uint16_t port() const { return port_; }
  /// Breaks the connection, if there is one, wherever it is: what is under way is lost.
  void cut() { cut_ = true; }

 private:
  void run();
  void forward(int client);

  std::uint16_t target_port_;
  Link link_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false}, cut_{false};
  std::thread thread_;
};

}  // namespace dudao::test
