#include "sync/answer.hpp"
#include "sync/payloads.hpp"
#include "tests/support/bad_keys.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

Response post(TestOffice& office, Bytes body) {
  Request http;
  http.method = "POST";
  http.path = "/v1/enrol";
  http.body = std::move(body);
  return office.office->handle(http);
}
/// Of an error answer.
Code code_of(const Response& answer) {
  const auto error = read_error_answer(answer.body);
  REQUIRE(error);
  return static_cast<Code>(error->code);
}

/// An enrolment request that this key signs, as somebody with the right tools would make it.
Response ask_for(const EnrolmentRequest& request, TestOffice& office, const PrivateKey& key,
                 StatementType type = StatementType::kEnrolmentRequest) {
  const StatementHeader header{
      .type = type, .issuer = "new", .subject = to_hex(key_id(key.public_key())), .issued_utc_s = 1};
  auto body = sign_statement(header, write_enrolment_request(request), key.public_key(),
                             [&](BytesView message) { return Result<Bytes>(key.sign(message)); });
  REQUIRE(body);
  return post(office, *std::move(body));
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
  SECTION("to the last millisecond, also when others were offered meanwhile") {
    office.machine.clock.advance(72 * 3'600'000);
    REQUIRE(office->offer_enrolment("王处长", "I002"));
    REQUIRE(ask(office, mine, proof).status == 200);
    CHECK(office->devices()->front().inspector == "I001");
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

TEST_CASE("what is too large, unreadable or another kind of statement enrols nobody and waits for nobody") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes code = *office.office->offer_enrolment("王处长", "I001");
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const Bytes ledger = office.ledger();
  const auto refused = [](const Response& answer, int status, Code expected) {
    CHECK(answer.status == status);
    CHECK(code_of(answer) == expected);
  };
  refused(post(office, Bytes(4'097, 0)), 413, Code::kStatementTooLarge);
  refused(post(office, Bytes(4'096, 0)), 400, Code::kStatementForm);
  refused(post(office, {}), 400, Code::kCborEnd);
  const PublicKey& own = key.public_key();
  for (const Bytes& proof : {Bytes(), to_bytes(prove_code(sha256(code), own))})
    for (const StatementType type : {StatementType::kSyncRequest, StatementType::kChangeSet, StatementType::kEnrolment})
      refused(ask_for({own.algorithm(), own.raw(), "平板", "I001", proof, 0}, office, key, type), 400,
              Code::kStatementType);
  CHECK(office->devices()->empty());
  CHECK(office->pending_enrolments()->empty());
  CHECK(office.ledger() == ledger);
}

TEST_CASE("a code is offered to inspectors of the register alone") {
  TestOffice office;
  office.add_people_and_schools();
  CHECK(office->offer_enrolment("王处长", "I999").error().code == Code::kInspectorUnknown);
  REQUIRE(office->read([](Store& rows) -> Status {
    CHECK(rows.offers()->empty());
    return {};
  }));
}

TEST_CASE("a thousand devices may wait to be enrolled, no more, and who has a code need not wait") {
  TestOffice office;
  office.add_people_and_schools();
  const auto waiting = [&] {
    std::size_t out = 0;
    REQUIRE(office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto all, rows.enrolment_requests());
      out = all.size();
      return {};
    }));
    return out;
  };
  REQUIRE(office->read([](Store& rows) -> Status {
    DUDAO_CHECK(rows.begin());
    for (int i = 0; i < 999; ++i) {
      const KeyId kid{static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256)};
      DUDAO_CHECK(rows.put_enrolment_request(kid, Bytes{1}, 0));
    }
    return rows.commit();
  }));
  const PrivateKey last = PrivateKey::generate(Algorithm::kEd25519);
  CHECK(ask(office, last, {}).status == 202);
  CHECK(waiting() == 1'000);
  CHECK(ask(office, last, {}).status == 202);  // It waits on.
  const PrivateKey late = PrivateKey::generate(Algorithm::kEd25519);
  const Response answer = ask(office, late, {});
  CHECK(answer.status == 503);
  CHECK(code_of(answer) == Code::kTooManyEnrolments);
  CHECK(waiting() == 1'000);
  const Bytes code = *office.office->offer_enrolment("王处长", "I001");
  CHECK(ask(office, late, prove_code(sha256(code), late.public_key())).status == 200);
}

TEST_CASE("an office whose log misses the enrolment says so, and sends none by halves") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes code = *office.office->offer_enrolment("王处长", "I001");
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const Hash proof = prove_code(sha256(code), key.public_key());
  REQUIRE(ask(office, key, proof).status == 200);
  office.plan({"I001"});
  const std::int64_t index = office->devices()->front().enrolled_index;
  office.office.reset();
  {
    auto database = open_database(office.folder / "office.db", Database::Mode::kOpen, DatabaseKind::kOffice);
    REQUIRE(database);
    REQUIRE((*database)->execute("DELETE FROM ledger WHERE log_index = ?", index));
  }
  office.open();
  const Response answer = ask(office, key, proof);
  CHECK(answer.status == 403);
  CHECK(code_of(answer) == Code::kLedgerBroken);
}

TEST_CASE("the office enrols no key that anyone could sign for, that is none, or that is not the one that signed") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes code = *office.office->offer_enrolment("王处长", "I001");
  const PrivateKey mine = PrivateKey::generate(Algorithm::kEd25519);
  const PrivateKey hardware = PrivateKey::generate(Algorithm::kEs256);
  const PrivateKey other = PrivateKey::generate(Algorithm::kEd25519);
  const Bytes ledger = office.ledger();
  const auto refused = [&](const PrivateKey& signer, Algorithm algorithm, BytesView raw, int status, Code expected) {
    // With the proof of the code for the key that signs, and without one.
    for (const Bytes& proof : {Bytes(), to_bytes(prove_code(sha256(code), signer.public_key()))}) {
      const Response answer = ask_for({algorithm, raw, "平板", "I001", proof, 0}, office, signer);
      CHECK(answer.status == status);
      CHECK(code_of(answer) == expected);
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
