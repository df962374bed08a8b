#pragma once

/// How change sets travel: many of them laid out together, column by column, without what the receiver can work out
/// again. Unpacking gives back every statement to the byte, so what is signed and kept never depends on how it
/// travelled. The bytes stand in sync/PROTOCOL.md, section "Packing".

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace dudao {

/// Statements of one device in the order of their numbers, as they follow the sync request in a body. Those of which a
/// pack could not give back every byte go as they are.
Bytes pack_statements(std::span<const Bytes> statements, std::int64_t device, const PublicKey& device_key);

/// Calls work(0) to work(count - 1), in any order and on any threads, and returns when all is done.
using CallEach = std::function<void(std::size_t count, const std::function<void(std::size_t)>& work)>;
void call_in_turn(std::size_t count, const std::function<void(std::size_t)>& work);

/// The statements again. Nothing is verified but that they are laid out as the protocol says: a pack can only give
/// what the device signed, or something whose signature does not fit. Memory is bounded by `max_bytes` of statements
/// and some hundred bytes for each of at most kMaxPackedCells cells.
/// `each` is given what can be done for one statement without the others.
/// Errors: CBOR errors, kPackForm, kTooManyStatements, kCompressedTooLarge (more than max_bytes).
Result<std::vector<Bytes>> unpack_statements(BytesView packed, std::int64_t device, const PublicKey& device_key,
                                             std::size_t most, std::size_t max_bytes,
                                             const CallEach& each = call_in_turn);

/// Of one pack, counting every cell of its rows and updates.
inline constexpr std::size_t kMaxPackedCells = 1'000'000;

}  // namespace dudao
