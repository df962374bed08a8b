#pragma once

/// The only door to cryptography; crypto.cpp is the only file that includes OpenSSL. All functions are pure, may be
/// called from any thread, and hold no state. Nothing here writes to a file or a log.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <initializer_list>
#include <memory>
#include <optional>

namespace dudao {

Hash sha256(BytesView data);
/// SHA-256 over the parts one after the other, without joining them first.
Hash sha256(std::initializer_list<BytesView> parts);
Hash hmac_sha256(BytesView key, BytesView data);

/// Compares in time that depends on the lengths only.
bool equal_constant_time(BytesView a, BytesView b) noexcept;
/// Overwrites memory that held a secret; the compiler may not remove it.
void wipe(std::span<std::uint8_t> secret) noexcept;

/// n bytes from the operating system's generator. Aborts if it has none: there is no safe way on.
Bytes random_bytes(std::size_t n);

/// COSE algorithm numbers (RFC 9053, RFC 9864). A key has one algorithm for its whole life.
enum class Algorithm : std::int8_t {
  kEd25519 = -8,  ///< Written as -8 (EdDSA); -19 is read as the same.
  kEs256 = -7,    ///< ECDSA P-256 with SHA-256; -9 (ESP256) is read as the same.
};

/// A public key that passed the checks that verifying a signature does not make: for Ed25519 the canonical encoding of
/// a point on the curve (RFC 8032 section 5.1.3) that is not of small order, for P-256 a point on the curve.
class PublicKey {
 public:
  /// raw: 32 bytes for Ed25519; 64 bytes (x then y) for P-256. Error: kKeyNotValid.
  static Result<PublicKey> from_raw(Algorithm algorithm, BytesView raw);

  Algorithm algorithm() const noexcept { return algorithm_; }
  BytesView raw() const noexcept { return raw_; }
  /// RFC 9679 COSE Key Thumbprint with SHA-256.
  const Hash& thumbprint() const noexcept { return thumbprint_; }

  /// True if signature (64 bytes for both algorithms; r then s for ECDSA) is this key's over message.
  bool verify(BytesView message, BytesView signature) const;

  bool operator==(const PublicKey& other) const { return algorithm_ == other.algorithm_ && raw_ == other.raw_; }

 private:
  PublicKey() = default;
  Algorithm algorithm_{};
  struct Native;  // OpenSSL's own form, made once: loading it costs as much as a tenth of a check.
  Bytes raw_;
  Hash thumbprint_{};
  std::shared_ptr<const Native> native_;
};

/// A private key in memory. Only key stores and tests hold one; wiped when destroyed; movable, not copyable.
class PrivateKey {
 public:
  static PrivateKey generate(Algorithm algorithm);
  /// secret: 32 bytes (Ed25519 seed, or P-256 scalar). Error: kKeyNotValid.
  static Result<PrivateKey> from_secret(Algorithm algorithm, BytesView secret);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  const PublicKey& public_key() const noexcept { return *public_key_; }
  /// 64 bytes. Deterministic for Ed25519, randomised for P-256.
  Bytes sign(BytesView message) const;
  /// The 32 secret bytes; the caller wipes them.
  Bytes secret() const;

 private:
  PrivateKey() = default;
  Bytes secret_;
  std::optional<PublicKey> public_key_;
};

/// Authenticated encryption: AES-256-GCM with a random 96-bit nonce in front. key: 32 bytes.
/// `context` is authenticated too and must be given again to open.
Bytes seal(BytesView key, BytesView plain, BytesView context);
/// Error: kSealBroken (wrong key, wrong context or a changed byte; which one cannot be known).
Result<Bytes> open_sealed(BytesView key, BytesView sealed, BytesView context);

/// scrypt (RFC 7914) with r 8: 2^cost_log2 KiB of memory, so 16 MiB for 14, and `lanes` (p) times the work one after
/// the other in the same memory.
Hash scrypt(BytesView pass_phrase, BytesView salt, unsigned cost_log2, unsigned lanes);

}  // namespace dudao
