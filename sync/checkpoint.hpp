#pragma once

/// The log's signed size and root, as a C2SP tlog-checkpoint in a signed note: text that other people's tools read.
///
///     origin ⏎ size ⏎ base64(root) ⏎ ⏎ — origin base64(key id ‖ signature) ⏎

#include "platform/crypto.hpp"
#include "platform/error.hpp"
#include "sync/statement.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dudao {

struct Checkpoint {
  std::string origin;
  std::int64_t size = 0;
  Hash root{};
};

/// Errors: those of the signer. REQUIRES: an Ed25519 key; an origin without spaces, plus signs and line ends.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const PublicKey& key, const Signer& signer);

/// Exactly this form, signed by this key under this origin; further signatures by others (witnesses) may follow.
/// Errors: kCheckpointForm, kCheckpointOrigin, kCheckpointSignature.
Result<Checkpoint> open_checkpoint(std::string_view note, std::string_view origin, const PublicKey& key);

}  // namespace dudao
