#pragma once

/// A visit that nobody can read before its time, not even who holds the device: its rows travel sealed, and the code
/// that opens them stays at the office until then. It comes with the feed once the time has come, or by telephone to
/// somebody who is at the school gate without a network. sync/PROTOCOL.md, "Sealed assignments".

#include "sync/changes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dudao {

inline constexpr std::size_t kSealCodeBytes = 10;           ///< what one has to guess: 80 bits
inline constexpr std::size_t kMaxSealedBodyBytes = 32'768;  ///< so that a team's bodies fit into a few statements

/// Whose assignment it is; a body opens for nobody else and for no other time.
struct SealedFor {
  BytesView visit;  ///< 16 bytes
  std::string_view inspector;
  std::int64_t unseal_at_utc_ms = 0;
};

/// The same code for the same visit of the same office; nobody without the secret can tell it. secret: 32 bytes.
Bytes seal_code(BytesView secret, BytesView visit);
/// "7K3M-Q8ZD-…": 16 signs in the alphabet that Douglas Crockford made for reading out (no I, L, O, U), four by four.
std::string seal_code_text(BytesView code);
/// What somebody heard and typed: small letters, spaces and hyphens anywhere, O for 0, I and L for 1. Nothing if that
/// is no code.
std::optional<Bytes> seal_code_from(std::string_view typed);

/// Every call gives other bytes. REQUIRES: code has kSealCodeBytes.
Bytes seal_assignment(BytesView code, const SealedFor& whom, const Changes& rows);
/// Error: kUnsealCode (another code, another's assignment, or changed bytes; which one cannot be known).
Result<ChangesBuilder> open_assignment(BytesView code, const SealedFor& whom, BytesView body);

}  // namespace dudao
