/// libFuzzer's way in: the target is named by DUDAO_FUZZ. With DUDAO_FUZZ_SEEDS its seeds are written there first.

#include "tests/fuzz/targets.hpp"

#include <cstdlib>
#include <fstream>

namespace {
const dudao::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("DUDAO_FUZZ");
  chosen = name ? dudao::fuzz::find_target(name) : nullptr;
  if (!chosen) std::abort();
  if (const char* folder = std::getenv("DUDAO_FUZZ_SEEDS")) {
    int n = 0;
    for (const dudao::Bytes& seed : chosen->seeds()) {
      std::ofstream out(std::string(folder) + "/seed-" + std::to_string(++n), std::ios::binary);
      out.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({data, size});
  return 0;
}
