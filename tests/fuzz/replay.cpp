/// Every seed, every file of the corpus, and some thousand changes of them, without libFuzzer.
///
///     dudao_fuzz [--changes 2000] [TARGET [FILE …]]

#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

using namespace dudao;
using namespace dudao::fuzz;

namespace {

Bytes slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What fuzzers do most: bits, interesting bytes, pieces left out, doubled, or taken from another input.
Bytes changed(const Bytes& from, const Bytes& other, std::mt19937& chance) {
  Bytes out = from;
  for (unsigned times = 1 + chance() % 4; times > 0; --times) {
    const std::size_t at = out.empty() ? 0 : chance() % out.size();
    const auto begin = out.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = std::min<std::size_t>(1 + chance() % 16, out.size() - at);
    switch (chance() % 6) {
      case 0:
        if (!out.empty()) out[at] ^= static_cast<std::uint8_t>(1U << chance() % 8);
        break;
      case 1: {
        constexpr std::uint8_t kBytes[] = {0x00, 0x17, 0x18, 0x1b, 0x3b, 0x5b, 0x7f, 0x80,
                                           0x9b, 0xa0, 0xbb, 0xf6, 0xff, '"',  '{',  ','};
        if (!out.empty()) out[at] = kBytes[chance() % std::size(kBytes)];
        break;
      }
      case 2:
        out.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
        break;
      case 3: {
        const Bytes piece(begin, begin + static_cast<std::ptrdiff_t>(length));
        out.insert(begin, piece.begin(), piece.end());
        break;
      }
      case 4:
        if (!other.empty()) {
          const std::size_t there = chance() % other.size();
          const std::size_t most = std::min<std::size_t>(1 + chance() % 64, other.size() - there);
          out.insert(begin, other.begin() + static_cast<std::ptrdiff_t>(there),
                     other.begin() + static_cast<std::ptrdiff_t>(there + most));
        }
        break;
      default:
        out.resize(at);
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t changes = 2'000;
  std::vector<std::string> named;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--changes" && i + 1 < argc)
      changes = std::strtoull(argv[++i], nullptr, 10);
    else
      named.emplace_back(argv[i]);
  }
  if (!named.empty() && !find_target(named.front())) {
    std::cerr << "there is no target " << named.front() << "; there are:";
    for (const Target& target : targets()) std::cerr << ' ' << target.name;
    std::cerr << std::endl;
    return 2;
  }
  if (named.size() > 1) {
    for (std::size_t i = 1; i < named.size(); ++i) find_target(named.front())->run(slurp(named[i]));
    return 0;
  }
  for (const Target& target : targets()) {
    if (!named.empty() && target.name != named.front()) continue;
    std::vector<Bytes> inputs = target.seeds();
    const std::filesystem::path folder = std::filesystem::path(DUDAO_CORPUS) / target.name;
    std::vector<std::filesystem::path> files;
    if (std::filesystem::exists(folder))
      for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) inputs.push_back(slurp(file));
    for (const Bytes& input : inputs) target.run(input);
    std::mt19937 chance(20261123);
    // A line takes a millisecond, a parser a microsecond.
    const std::uint64_t times = target.name == "http" ? changes / 10 : changes;
    for (std::uint64_t n = 0; n < times; ++n)
      target.run(changed(inputs[chance() % inputs.size()], inputs[chance() % inputs.size()], chance));
    std::cout << target.name << ": " << inputs.size() << " inputs and " << times << " changes of them" << std::endl;
  }
  return 0;
}
