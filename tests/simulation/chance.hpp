#pragma once

/// Where all chance in a simulation comes from: one 64-bit number. The same number gives the same story on every
/// machine and with every compiler, which the generators of <random> with their distributions do not.

#include <cstdint>
#include <initializer_list>

namespace dudao::simulation {

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose what happens next.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// 0 <= result < n. REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// From here on random_bytes() on this thread gives what follows from the seed: the program is linked so that
/// OpenSSL's RAND_bytes is ours (CMakeLists.txt, --wrap).
void seed_random_bytes(std::uint64_t seed);

}  // namespace dudao::simulation
