#include "sync/compress.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include <zstd.h>

namespace dudao {
namespace {

/// Measured on packed visits: level 16 saves a tenth over 9 and takes six times as long, 0.2 s a megabyte; 19 saves a
/// fiftieth more.
constexpr int kQuickLevel = 9;
constexpr int kThoroughLevel = 16;
/// 2^18 entries in each of the thorough level's two tables. It would take 2^22 of them: 32 MiB more of a phone's memory
/// and a third more time, for bodies that are a hundredth smaller.
constexpr int kTableLog = 18;
/// 8 MiB of window: more than either level uses for bodies of our size, and all that a hostile frame can make us keep.
constexpr int kWindowLog = 23;

}  // namespace

Bytes compress(BytesView plain, Effort effort) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  if (!context) throw std::bad_alloc();
  const bool thorough = effort == Effort::kThorough;
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, thorough ? kThoroughLevel : kQuickLevel);
  if (thorough) {
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_hashLog, kTableLog);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_chainLog, kTableLog);
  }
  Bytes out(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), plain.data(), plain.size());
  if (ZSTD_isError(size)) throw std::bad_alloc();  // Nothing else can go wrong with room for the worst.
  out.resize(size);
  return out;
}

Result<Bytes> decompress(BytesView compressed, std::size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog);
  Bytes out;
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  std::size_t left = 1;  // 0 when a frame is complete.
  while (left != 0) {
    if (out.size() == max_bytes) return fail(Code::kCompressedTooLarge, std::to_string(max_bytes) + " bytes");
    const std::size_t before = out.size();
    out.resize(std::min(max_bytes, std::max<std::size_t>(before * 2, 64 * 1024)));
    ZSTD_outBuffer to{out.data(), out.size(), before};
    left = ZSTD_decompressStream(context.get(), &to, &in);
    const bool stuck = to.pos == before && in.pos == in.size;
    out.resize(to.pos);
    if (ZSTD_isError(left) || (left != 0 && stuck)) return fail(Code::kCompressedBroken);
  }
  if (in.pos != in.size) return fail(Code::kCompressedBroken, "bytes after the end");
  return out;
}

}  // namespace dudao
