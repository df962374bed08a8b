#include "sync/statement.hpp"

#include "sync/cbor.hpp"

#include <algorithm>

namespace dudao {
namespace {

// COSE and CWT labels (RFC 9052 section 3.1, RFC 9597, RFC 8392, RFC 9596).
constexpr std::int64_t kAlg = 1;
constexpr std::int64_t kKid = 4;
constexpr std::int64_t kCwtClaims = 15;
constexpr std::int64_t kTyp = 16;
constexpr std::int64_t kIss = 1;
constexpr std::int64_t kSub = 2;
constexpr std::int64_t kIat = 6;
constexpr std::size_t kMaxNameBytes = 200;

Bytes protected_header(const StatementHeader& header, const PublicKey& key) {
  CborWriter out;
  out.map(4);
  out.integer(kAlg);
  out.integer(static_cast<std::int64_t>(key.algorithm()));
  out.integer(kKid);
  out.bytes(key_id(key));
  out.integer(kCwtClaims);
  out.map(3);
  out.integer(kIss);
  out.text(header.issuer);
  out.integer(kSub);
  out.text(header.subject);
  out.integer(kIat);
  out.integer(header.issued_utc_s);
  out.integer(kTyp);
  out.integer(static_cast<std::int64_t>(header.type));
  return std::move(out).take();
}

Result<Algorithm> algorithm_of(std::int64_t number) {
  switch (number) {
    case -8:
    case -19:
      return Algorithm::kEd25519;
    case -7:
    case -9:
      return Algorithm::kEs256;
    default:
      return fail(Code::kStatementAlgorithm, std::to_string(number));
  }
}

Status expect(CborReader& in, std::int64_t label) {
  DUDAO_TRY(const std::int64_t found, in.integer());
  if (found != label) return fail(Code::kStatementHeader, std::to_string(found));
  return {};
}

Status read_protected(BytesView bytes, Statement& out) {
  CborReader in(bytes);
  DUDAO_TRY(const std::uint64_t entries, in.map());
  if (entries != 4) return fail(Code::kStatementHeader, std::to_string(entries) + " entries");
  DUDAO_CHECK(expect(in, kAlg));
  DUDAO_TRY(const std::int64_t algorithm, in.integer());
  DUDAO_TRY(out.algorithm, algorithm_of(algorithm));
  DUDAO_CHECK(expect(in, kKid));
  DUDAO_TRY(const BytesView kid, in.bytes());
  const auto fixed = to_array<16>(kid);
  if (!fixed) return fail(Code::kStatementHeader, "kid");
  out.kid = *fixed;
  DUDAO_CHECK(expect(in, kCwtClaims));
  DUDAO_TRY(const std::uint64_t claims, in.map());
  if (claims != 3) return fail(Code::kStatementHeader, "claims");
  DUDAO_CHECK(expect(in, kIss));
  DUDAO_TRY(out.issuer, in.text());
  DUDAO_CHECK(expect(in, kSub));
  DUDAO_TRY(out.subject, in.text());
  DUDAO_CHECK(expect(in, kIat));
  DUDAO_TRY(out.issued_utc_s, in.integer());
  for (const std::string_view name : {out.issuer, out.subject})
    if (name.empty() || name.size() > kMaxNameBytes) return fail(Code::kStatementHeader, "claims");
  if (out.issued_utc_s < 0) return fail(Code::kStatementHeader, "iat");
  DUDAO_CHECK(expect(in, kTyp));
  DUDAO_TRY(const std::int64_t type, in.integer());
  if (type < static_cast<int>(StatementType::kChangeSet) || type > static_cast<int>(StatementType::kEnrolmentRequest))
    return fail(Code::kStatementType, std::to_string(type));
  out.type = static_cast<StatementType>(type);
  return in.finish();
}

}  // namespace

KeyId key_id(const PublicKey& key) {
  KeyId out;
  std::copy_n(key.thumbprint().begin(), out.size(), out.begin());
  return out;
}

Bytes sig_structure(BytesView protected_header_bytes, BytesView external_aad, BytesView payload) {
  // SPEC: RFC 9052 section 4.4: a protected header that is an empty map goes in as a zero-length string.
  const bool empty = protected_header_bytes.size() == 1 && protected_header_bytes[0] == 0xa0;
  CborWriter out;
  out.array(4);
  out.text("Signature1");
  out.bytes(empty ? BytesView() : protected_header_bytes);
  out.bytes(external_aad);
  out.bytes(payload);
  return std::move(out).take();
}

Result<Bytes> sign_statement(const StatementHeader& header, BytesView payload, const PublicKey& key,
                             const Signer& signer) {
  const Bytes protected_bytes = protected_header(header, key);
  DUDAO_TRY(const Bytes signature, signer(sig_structure(protected_bytes, {}, payload)));
  CborWriter out;
  out.tag(kCoseSign1Tag);
  out.array(4);
  out.bytes(protected_bytes);
  out.map(0);
  out.bytes(payload);
  out.bytes(signature);
  if (out.written().size() > max_statement_bytes(header.type))
    return fail(Code::kStatementTooLarge, std::to_string(out.written().size()) + " bytes");
  return std::move(out).take();
}

Bytes bare_statement(BytesView statement) {
  const Statement parsed = parse_statement(statement).value();
  CborWriter out;
  out.array(2);
  out.bytes(parsed.payload);
  out.bytes(parsed.signature);
  return std::move(out).take();
}

Result<BareStatement> read_bare_statement(BytesView bare) {
  CborReader in(bare);
  const auto parts = in.array();
  if (!parts || *parts != 2) return fail(Code::kStatementForm, "parts");
  BareStatement out;
  DUDAO_TRY(out.payload, in.bytes());
  DUDAO_TRY(out.signature, in.bytes());
  DUDAO_CHECK(in.finish());
  return out;
}

Result<Bytes> whole_statement(BytesView bare, const StatementHeader& header, const PublicKey& key) {
  DUDAO_TRY(const BareStatement parts, read_bare_statement(bare));
  return sign_statement(header, parts.payload, key,
                        [&](BytesView) { return Result<Bytes>(to_bytes(parts.signature)); });
}

Result<Statement> parse_statement(BytesView bytes) {
  const auto too_large = [&] { return fail(Code::kStatementTooLarge, std::to_string(bytes.size()) + " bytes"); };
  if (bytes.size() > kMaxFeedPageBytes) return too_large();
  CborReader in(bytes);
  // SPEC: RFC 9942 and our profile: always tagged.
  if (const Status tagged = in.tag(kCoseSign1Tag); !tagged)
    return fail(tagged.error().code == Code::kCborType ? Code::kStatementForm : tagged.error().code, "tag");
  DUDAO_TRY(const std::uint64_t parts, in.array());
  if (parts != 4) return fail(Code::kStatementForm, "parts");
  DUDAO_TRY(const BytesView protected_bytes, in.bytes());
  DUDAO_TRY(const std::uint64_t unprotected, in.map());
  // SPEC: RFC 9943 section 6.3: empty, since it is not signed.
  if (unprotected != 0) return fail(Code::kStatementForm, "unprotected header");
  Statement out;
  DUDAO_TRY(out.payload, in.bytes());
  DUDAO_TRY(out.signature, in.bytes());
  DUDAO_CHECK(in.finish());
  if (out.signature.size() != 64) return fail(Code::kStatementForm, "signature");
  DUDAO_CHECK(read_protected(protected_bytes, out));
  if (bytes.size() > max_statement_bytes(out.type)) return too_large();
  out.to_be_signed = sig_structure(protected_bytes, {}, out.payload);
  out.id = sha256(out.to_be_signed);
  return out;
}

Status verify_statement(const Statement& statement, const PublicKey& key) {
  if (statement.kid != key_id(key)) return fail(Code::kStatementKey, to_hex(statement.kid));
  if (statement.algorithm != key.algorithm()) return fail(Code::kStatementAlgorithm, "not the key's");
  if (!key.verify(statement.to_be_signed, statement.signature))
    return fail(Code::kStatementSignature, to_hex(statement.id));
  return {};
}

Result<Statement> open_statement(BytesView bytes, StatementType type, const PublicKey& key) {
  DUDAO_TRY(auto statement, parse_statement(bytes));
  if (statement.type != type) return fail(Code::kStatementType, std::to_string(static_cast<int>(statement.type)));
  DUDAO_CHECK(verify_statement(statement, key));
  return statement;
}

}  // namespace dudao
