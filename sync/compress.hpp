#pragma once

/// zstd (RFC 8878) as bodies of the exchange carry it: one frame, nothing around it.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

namespace dudao {

Bytes compress(BytesView plain);
/// Never makes more than max_bytes, whatever the frame claims or hides. Errors: kCompressedBroken, kCompressedTooLarge.
Result<Bytes> decompress(BytesView compressed, std::size_t max_bytes);

}  // namespace dudao
