#pragma once

/// zstd (RFC 8878) as bodies of the exchange carry it: one frame, nothing around it.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <cstdint>

namespace dudao {

/// What the sender spends: an office answers many at once, a device waits for its line anyway.
enum class Effort : std::uint8_t { kQuick, kThorough };

Bytes compress(BytesView plain, Effort effort = Effort::kQuick);
/// Never makes more than max_bytes, whatever the frame claims or hides. Errors: kCompressedBroken, kCompressedTooLarge.
Result<Bytes> decompress(BytesView compressed, std::size_t max_bytes);

}  // namespace dudao
