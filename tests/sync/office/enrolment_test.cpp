#include "sync/answer.hpp"
#include "sync/payloads.hpp"
#include "tests/support/bad_keys.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

/// An enrolment request that this key signs, as somebody with the right tools would make it.
Response ask_for(const EnrolmentRequest& request, TestOffice& office, const PrivateKey& key) {
  const StatementHeader header{.type = StatementType::kEnrolmentRequest,
                               .issuer = "new",
                               .subject = to_hex(key_id(key.public_key())),
                               .issued_utc_s = 1};
  auto body = sign_statement(header, write_enrolment_request(request), key.public_key(),
                             [&](BytesView message) { return Result<Bytes>(key.sign(message)); });
  REQUIRE(body);
  Request http;
  http.method = "POST";
  http.path = "/v1/enrol";
  http.body = *std::move(body);
  return office.office->handle(http);
}

/// For this key itself, with any proof.
Response ask(TestOffice& office, const PrivateKey& key, BytesView proof, std::string_view inspector = "I001") {
  const PublicKey& own = key.public_key();
  return ask_for({own.algorithm(), own.raw(), "平板", inspector, proof, 0}, office, key);
}

}  // namespace

TEST_CASE("a one-time code enrols one device, for 72 hours, and what is sent of it serves no other key") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes code = *office.office->offer_enrolment("王处长", "I001");
  const PrivateKey mine = PrivateKey::generate(Algorithm::kEd25519);
  const PrivateKey thief = PrivateKey::generate(Algorithm::kEd25519);
  const Hash proof = prove_code(sha256(code), mine.public_key());

  CHECK(ask(office, thief, proof).status == 403);
  CHECK(ask(office, thief, Bytes(32, 0)).status == 403);
  CHECK(ask(office, thief, code).status == 400);
  CHECK(office.office->devices()->empty());
  SECTION("once") {
    CHECK(ask(office, mine, proof).status == 200);
    const std::int64_t entries = office.check().statements;
    CHECK(ask(office, mine, proof).status == 200);  // the answer was lost: the same again
    CHECK(office.check().statements == entries);
    CHECK(ask(office, thief, prove_code(sha256(code), thief.public_key())).status == 403);
    CHECK(office.office->devices()->size() == 1);
  }
  SECTION("too late") {
    office.machine.clock.advance(72 * 3'600'000 + 1);
    CHECK(ask(office, mine, proof).status == 403);
  }
  SECTION("a P-256 key, as hardware key stores hold") {
    const PrivateKey hardware = PrivateKey::generate(Algorithm::kEs256);
    CHECK(ask(office, hardware, prove_code(sha256(code), hardware.public_key())).status == 200);
    CHECK(office.check().sound());
  }
}

TEST_CASE("a device without a code waits until somebody at the office has compared its fingerprint") {
  TestOffice office;
  office.add_people_and_schools();
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  CHECK(ask(office, key, {}).status == 202);
  CHECK(ask(office, key, {}).status == 202);
  const auto waiting = office.office->pending_enrolments();
  REQUIRE(waiting);
  REQUIRE(waiting->size() == 1);
  const std::string thumbprint = to_hex(key.public_key().thumbprint());
  CHECK(office.office->approve_enrolment("王处长", std::string(64, '0'), "I001").error().code ==
        Code::kEnrolmentUnknown);
  CHECK(office.office->approve_enrolment("王处长", thumbprint, "I999").error().code == Code::kInspectorUnknown);
  CHECK(ask(office, key, {}).status == 202);
  REQUIRE(office.office->approve_enrolment("王处长", thumbprint, "I001"));
  CHECK(ask(office, key, {}).status == 200);
  CHECK(office.office->pending_enrolments()->empty());
}

TEST_CASE("the office enrols no key that anyone could sign for, that is none, or that is not the one that signed") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes code = *office.office->offer_enrolment("王处长", "I001");
  const PrivateKey mine = PrivateKey::generate(Algorithm::kEd25519);
  const PrivateKey hardware = PrivateKey::generate(Algorithm::kEs256);
  const PrivateKey other = PrivateKey::generate(Algorithm::kEd25519);
  const Bytes ledger = office.ledger();
  const auto refused = [&](const PrivateKey& signer, Algorithm algorithm, BytesView raw, int status, Code code_of) {
    // With the proof of the code for the key that signs, and without one.
    for (const Bytes& proof : {Bytes(), to_bytes(prove_code(sha256(code), signer.public_key()))}) {
      const Response answer = ask_for({algorithm, raw, "平板", "I001", proof, 0}, office, signer);
      CHECK(answer.status == status);
      const auto error = read_error_answer(answer.body);
      REQUIRE(error);
      CHECK(static_cast<Code>(error->code) == code_of);
    }
  };
  for (const char* encoding : kBadEd25519Keys) {
    INFO(encoding);
    refused(mine, Algorithm::kEd25519, from_hex(encoding).value(), 400, Code::kKeyNotValid);
  }
  // No point of the curve: neither zero, nor any x and y.
  refused(hardware, Algorithm::kEs256, Bytes(64, 0), 400, Code::kKeyNotValid);
  refused(hardware, Algorithm::kEs256, Bytes(64, 9), 400, Code::kKeyNotValid);
  Bytes off_curve = to_bytes(hardware.public_key().raw());
  off_curve.back() ^= 1;
  refused(hardware, Algorithm::kEs256, off_curve, 400, Code::kKeyNotValid);
  // A key of one kind under the number of the other, and of lengths that no key has.
  refused(mine, Algorithm::kEs256, mine.public_key().raw(), 400, Code::kKeyNotValid);
  refused(hardware, Algorithm::kEd25519, hardware.public_key().raw(), 400, Code::kKeyNotValid);
  for (const std::size_t length : {0u, 1u, 31u, 33u, 63u, 65u})
    for (const Algorithm algorithm : {Algorithm::kEd25519, Algorithm::kEs256})
      refused(mine, algorithm, Bytes(length, 9), 400, Code::kKeyNotValid);
  for (const int number : {0, -19, -35, 7})
    refused(mine, static_cast<Algorithm>(number), mine.public_key().raw(), 400, Code::kPayloadShape);
  // Somebody else's good key: whoever asks has to hold it.
  refused(mine, Algorithm::kEd25519, other.public_key().raw(), 403, Code::kStatementKey);
  refused(mine, Algorithm::kEs256, hardware.public_key().raw(), 403, Code::kStatementKey);

  CHECK(office.office->devices()->empty());
  CHECK(office.office->pending_enrolments()->empty());
  CHECK(office.ledger() == ledger);
  // The code is still good for an honest key.
  CHECK(ask(office, mine, prove_code(sha256(code), mine.public_key())).status == 200);
  CHECK(office.check().sound());
}
