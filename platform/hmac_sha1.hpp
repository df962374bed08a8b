#pragma once

/// HMAC with SHA-1, apart from crypto.hpp so that nobody takes it for anything but the one-time codes of RFC 6238,
/// which every app computes with it. Pure; may be called from any thread.

#include "platform/bytes.hpp"

#include <array>
#include <cstdint>

namespace dudao {

std::array<std::uint8_t, 20> hmac_sha1(BytesView key, BytesView data);

}  // namespace dudao
