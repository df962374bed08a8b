#include "sync/compress.hpp"

#include <catch2/catch.hpp>
#include <zstd.h>

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

}  // namespace

TEST_CASE("what is compressed comes back, at most as much as is allowed") {
  for (const std::size_t size : {0u, 1u, 100u, 65'535u, 65'536u, 65'537u, 1'000'000u}) {
    Bytes plain(size);
    for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<std::uint8_t>(i * i >> 3);
    const Bytes packed = compress(plain);
    CHECK(decompress(packed, size + 1).value() == plain);
    if (size > 0) CHECK(refused(packed, size - 1) == Code::kCompressedTooLarge);
  }
}

TEST_CASE("a frame that unfolds to far more than it is never takes more than is allowed") {
  // 1 GiB of zeros in some 30 kB, whether the frame says its size or hides it.
  constexpr std::size_t kAll = 1u << 30;
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  const bool with_size = GENERATE(true, false);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, with_size ? 1 : 0);
  if (with_size) ZSTD_CCtx_setPledgedSrcSize(context.get(), kAll);
  const Bytes zeros(1u << 20);
  Bytes bomb(1u << 20);
  ZSTD_outBuffer out{bomb.data(), bomb.size(), 0};
  for (std::size_t done = 0; done < kAll; done += zeros.size()) {
    ZSTD_inBuffer in{zeros.data(), zeros.size(), 0};
    const auto mode = done + zeros.size() == kAll ? ZSTD_e_end : ZSTD_e_continue;
    REQUIRE_FALSE(ZSTD_isError(ZSTD_compressStream2(context.get(), &out, &in, mode)));
    REQUIRE(in.pos == in.size);
  }
  bomb.resize(out.pos);
  REQUIRE(bomb.size() < 200'000);
  CHECK(refused(bomb, 16u << 20) == Code::kCompressedTooLarge);
}

TEST_CASE("a frame that asks for a large window gets none") {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 27);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  const Bytes plain(100'000, 7);
  Bytes packed(ZSTD_compressBound(plain.size()));
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  // In two portions, so that the window cannot be made as small as the content.
  for (const auto& [from, to, mode] : {std::tuple{0u, 50'000u, ZSTD_e_flush}, {50'000u, 100'000u, ZSTD_e_end}}) {
    ZSTD_inBuffer in{plain.data() + from, to - from, 0};
    REQUIRE_FALSE(ZSTD_isError(ZSTD_compressStream2(context.get(), &out, &in, mode)));
  }
  packed.resize(out.pos);
  CHECK(refused(packed, 1u << 20) == Code::kCompressedBroken);
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
