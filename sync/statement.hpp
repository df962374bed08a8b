#pragma once

/// What is signed: COSE_Sign1 (RFC 9052), tag 18, as a SCITT Signed Statement (RFC 9943). Its bytes stand in
/// sync/PROTOCOL.md, section "Statements". Signing and verifying stand in this one pair of files.

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace dudao {

/// Protected header 16 (typ, RFC 9596): one type can never pass for another. Numbers of the experimental range of CoAP
/// content formats (RFC 7252 section 12.3) instead of media types: three bytes instead of forty.
enum class StatementType : std::uint16_t {
  kChangeSet = 65001,
  kEnrolment = 65002,
  kRevocation = 65003,
  kKeyRotation = 65004,
  kSyncRequest = 65005,
  kFeedPage = 65006,
  kDraw = 65007,
  kOfficeDecision = 65008,
  kGenesis = 65009,
  kEnrolmentRequest = 65010,
};

/// A statement stands whole in a log tile, whose entries are at most this long (tlog-tiles).
inline constexpr std::size_t kMaxStatementBytes = 65'535;
/// A feed page stands in no log. It holds all that one log entry brought into a device's scope, which may be much.
inline constexpr std::size_t kMaxFeedPageBytes = 8u << 20;
constexpr std::size_t max_statement_bytes(StatementType type) noexcept {
  return type == StatementType::kFeedPage ? kMaxFeedPageBytes : kMaxStatementBytes;
}

/// First half of the RFC 9679 thumbprint.
using KeyId = std::array<std::uint8_t, 16>;
KeyId key_id(const PublicKey& key);

struct StatementHeader {
  StatementType type{};
  std::string issuer;             ///< "d17" for device 17, the log's origin for the office; 1 to 200 bytes
  std::string subject;            ///< what it is about: a change set's number, a draw, a device; 1 to 200 bytes
  std::int64_t issued_utc_s = 0;  ///< the signer's own clock, not negative
};

/// A statement taken apart. Views point into the bytes that it was parsed from.
struct Statement {
  StatementType type{};
  Algorithm algorithm{};
  KeyId kid{};
  std::string_view issuer, subject;
  std::int64_t issued_utc_s = 0;
  BytesView payload;
  BytesView signature;
  Bytes to_be_signed;  ///< RFC 9052 Sig_structure
  /// SHA-256 of the Sig_structure: link of the chain and key of idempotency. The signature is left out of it, since for
  /// ECDSA one statement can have many.
  Hash id{};
};

/// What a signature is computed over (RFC 9052 section 4.4). An empty protected header is the empty string, also where
/// the message spelled it as an empty map.
Bytes sig_structure(BytesView protected_header, BytesView external_aad, BytesView payload);

using Signer = std::function<Result<Bytes>(BytesView message)>;

/// The statement's bytes. Errors: kStatementTooLarge, those of the signer.
Result<Bytes> sign_statement(const StatementHeader& header, BytesView payload, const PublicKey& key,
                             const Signer& signer);

/// A statement whose header follows from where it stands travels as [payload, signature].
Bytes bare_statement(BytesView statement);
/// And is made whole again. Errors: CBOR errors, kStatementForm, kStatementTooLarge.
Result<Bytes> whole_statement(BytesView bare, const StatementHeader& header, const PublicKey& key);
struct BareStatement {
  BytesView payload, signature;
};
Result<BareStatement> read_bare_statement(BytesView bare);

/// Form only. Errors: CBOR errors, kStatementTooLarge, kStatementForm, kStatementHeader, kStatementType,
/// kStatementAlgorithm.
Result<Statement> parse_statement(BytesView bytes);

/// Whose it is: the key's id, the key's algorithm, the signature. Errors: kStatementKey, kStatementAlgorithm,
/// kStatementSignature.
Status verify_statement(const Statement& statement, const PublicKey& key);

/// parse, type, verify. Errors: of both, kStatementType.
Result<Statement> open_statement(BytesView bytes, StatementType type, const PublicKey& key);

}  // namespace dudao
