#include "sync/compress.hpp"

#include <catch2/catch.hpp>
using namespace dudao;

namespace {

Code refused(BytesView compressed, std::size_t most) {
  const auto plain = decompress(compressed, most);
  return plain ? Code::kInternal : plain.error().code;
}

Bytes joined(Bytes first, const Bytes& second) {
  append(first, second);
  return first;
}

constexpr std::uint8_t kEightMebibytes = 13 << 3;  // Window descriptors of RFC 8878 section 3.1.1.1.2.
constexpr std::uint8_t k128Mebibytes = 17 << 3;

/// A frame of zeros, put together by hand: so many blocks of 128 KiB, four bytes each. The size stands in the header or
/// is left open.
Bytes zeros(std::size_t blocks, std::uint8_t window, bool with_size) {
  Bytes out{0x28, 0xb5, 0x2f, 0xfd, static_cast<std::uint8_t>(with_size ? 0xc0 : 0), window};
  constexpr std::size_t kBlock = 128 * 1024;
  for (std::size_t i = 0; with_size && i < 8; ++i) out.push_back(static_cast<std::uint8_t>(blocks * kBlock >> 8 * i));
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t head = (i + 1 == blocks ? 1u : 0u) | 1u << 1 | kBlock << 3;
    for (std::size_t byte = 0; byte < 3; ++byte) out.push_back(static_cast<std::uint8_t>(head >> 8 * byte));
    out.push_back(0);
  }
  return out;
}

}  // namespace

TEST_CASE("what is compressed comes back, at most as much as is allowed") {
  for (const std::size_t size : {0u, 1u, 100u, 65'535u, 65'536u, 65'537u, 1'000'000u}) {
    Bytes plain(size);
    for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<std::uint8_t>(i * i >> 3);
    const Bytes packed = compress(plain);
    CHECK(decompress(packed, size + 1).value() == plain);
    CHECK(decompress(compress(plain, Effort::kThorough), size + 1).value() == plain);
    if (size > 0) CHECK(refused(packed, size - 1) == Code::kCompressedTooLarge);
  }
}

TEST_CASE("what is compressed thoroughly is smaller") {
  std::string plain;
  for (std::uint32_t i = 0, chance = 1; i < 20'000; ++i, chance = chance * 1'664'525 + 1'013'904'223)
    plain += std::to_string(chance >> 26);
  CHECK(compress(view(plain), Effort::kThorough).size() < compress(view(plain)).size());
}

TEST_CASE("a frame that unfolds to far more than it is never takes more than is allowed") {
  const bool with_size = GENERATE(true, false);
  CHECK(decompress(zeros(8, kEightMebibytes, with_size), 2u << 20).value() == Bytes(1u << 20));
  const Bytes bomb = zeros(8'192, kEightMebibytes, with_size);  // A gibibyte in 32 KiB.
  CHECK(bomb.size() < 33'000);
  CHECK(refused(bomb, 16u << 20) == Code::kCompressedTooLarge);
  CHECK(refused(bomb, 0) == Code::kCompressedTooLarge);
}

TEST_CASE("a frame that asks for a large window gets none") {
  CHECK(refused(zeros(8, k128Mebibytes, false), 2u << 20) == Code::kCompressedBroken);
  CHECK(refused(zeros(8, k128Mebibytes, true), 2u << 20) == Code::kCompressedBroken);
  CHECK(refused(zeros(8, 0xff, false), 2u << 20) == Code::kCompressedBroken);
}

TEST_CASE("one frame, with nothing in front, between or behind") {
  const Bytes frame = compress(Bytes(500, 3));
  const Bytes skippable{0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2};
  CHECK(refused(joined(frame, frame), 5'000) == Code::kCompressedBroken);
  CHECK(refused(joined(frame, {0}), 5'000) == Code::kCompressedBroken);
  CHECK(refused(joined(frame, skippable), 5'000) == Code::kCompressedBroken);
  CHECK(refused(joined(skippable, frame), 5'000) == Code::kCompressedBroken);
  CHECK(refused({}, 5'000) == Code::kCompressedBroken);
}

TEST_CASE("a frame with any byte changed or cut is refused or gives something else than it was, never more") {
  Bytes plain(2'000);
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<std::uint8_t>(i % 97 * i);
  const Bytes good = compress(plain);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      Bytes bent = good;
      bent[at] ^= static_cast<std::uint8_t>(change);
      const auto out = decompress(bent, 4'000);
      if (out) CHECK(out->size() <= 4'000);
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(refused(BytesView(good).first(size), 4'000) == Code::kCompressedBroken);
}
