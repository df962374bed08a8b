#include "tests/simulation/chance.hpp"

namespace dudao::simulation {
namespace {
thread_local Chance bytes_of_this_thread(0);
}

void seed_random_bytes(std::uint64_t seed) { bytes_of_this_thread = Chance(seed); }

}  // namespace dudao::simulation

/// What the linker puts in the place of OpenSSL's function in the files of this program.
extern "C" int __wrap_RAND_bytes(unsigned char* out, int size) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(dudao::simulation::bytes_of_this_thread.next());
  return 1;
}
