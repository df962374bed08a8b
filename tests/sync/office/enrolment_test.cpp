#include "sync/payloads.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

/// An enrolment request under any key with any proof, as somebody with the right tools would make it.
Response ask(TestOffice& office, const PrivateKey& key, BytesView proof, std::string_view inspector = "I001") {
  EnrolmentRequest request;
  request.algorithm = key.public_key().algorithm();
  const PublicKey& own = key.public_key();
  request.public_key = own.raw();
  request.device_name = "平板";
  request.inspector = inspector;
  request.code_proof = proof;
  const StatementHeader header{
      .type = StatementType::kEnrolmentRequest, .issuer = "new", .subject = to_hex(key_id(own)), .issued_utc_s = 1};
  auto body = sign_statement(header, write_enrolment_request(request), own,
                             [&](BytesView message) { return Result<Bytes>(key.sign(message)); });
  REQUIRE(body);
  Request http;
  http.method = "POST";
  http.path = "/v1/enrol";
  http.body = *std::move(body);
  return office.office->handle(http);
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
