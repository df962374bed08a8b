#include "sync/pack.hpp"
#include "tests/sync/office/liar.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

/// A COSE_Sign1 by hand, for headers that the program does not write.
Bytes by_hand(std::int64_t alg, BytesView kid, std::int64_t typ, const Bytes& payload, const Signer& signer,
              std::size_t claims = 3, std::int64_t issued_utc_s = 1) {
  CborWriter header;
  header.map(4);
  header.integer(1);
  header.integer(alg);
  header.integer(4);
  header.bytes(kid);
  header.integer(15);
  header.map(claims);
  header.integer(1);
  header.text("d1");
  header.integer(2);
  header.text("1");
  if (claims == 3) {
    header.integer(6);
    header.integer(issued_utc_s);
  }
  header.integer(16);
  header.integer(typ);
  const auto signature = signer(sig_structure(header.written(), {}, payload));
  REQUIRE(signature);
  CborWriter out;
  out.tag(18);
  out.array(4);
  out.bytes(header.written());
  out.map(0);
  out.bytes(payload);
  out.bytes(*signature);
  return std::move(out).take();
}

/// With what number these rows are refused, if they are.
Code say(Liar& liar, const ChangesBuilder& rows) {
  const Bytes bytes = liar.statement(rows);
  const Outcome out = liar.send({bytes});
  REQUIRE(out.status == 200);
  liar.go_on(bytes);
  return out.refusals.empty() ? Code{} : out.refusal();
}

}  // namespace

TEST_CASE("a request that cannot be read is refused by the office with its number, and nothing of it is taken") {
  Liar liar;
  const std::int64_t before = liar.entries();
  const Bytes good = liar.signed_request(liar.request());
  const auto refused = [&](Bytes body, int status, Code code) {
    const Outcome out = liar.post(std::move(body));
    CHECK(out.status == status);
    CHECK(out.error == code);
  };
  SECTION("empty") { refused({}, 400, Code::kCompressedBroken); }
  SECTION("not compressed") { refused(good, 400, Code::kCompressedBroken); }
  SECTION("a compressed frame cut anywhere") {
    const Bytes whole = compress(good);
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
      refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)}, 400, Code::kCompressedBroken);
  }
  SECTION("bytes after the frame") {
    Bytes body = compress(good);
    body.push_back(0);
    refused(std::move(body), 400, Code::kCompressedBroken);
  }
  SECTION("a bomb") { refused(compress(Bytes(kMaxSyncPlainBytes + 1, 0)), 413, Code::kCompressedTooLarge); }
  SECTION("too large") {
    refused(Bytes(kMaxSyncBodyBytes, 0), 400, Code::kCompressedBroken);  // As large as may be: it is looked at.
    refused(Bytes(kMaxSyncBodyBytes + 1, 0), 413, Code::kCompressedTooLarge);
  }
  SECTION("nothing inside") { refused(compress({}), 400, Code::kCborEnd); }
  SECTION("nested deeply") { refused(compress(Bytes(100'000, 0x81)), 400, Code::kCborDepth); }
  SECTION("a length that is not there") {
    refused(compress(Bytes{0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 400, Code::kCborEnd);
    refused(compress(Bytes{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 400, Code::kCborEnd);
  }
  SECTION("more statements than are taken at once") {
    Bytes body = good;
    for (std::size_t i = 0; i <= kMaxStatementsPerRequest; ++i) body.push_back(0xf6);
    refused(compress(body), 400, Code::kTooManyStatements);
  }
  SECTION("a cut inside a statement") {
    Bytes body = good;
    const Bytes next = liar.statement(liar.empty_set());
    body.insert(body.end(), next.begin(), next.end() - 1);
    refused(compress(body), 400, Code::kCborEnd);
  }
  SECTION("something else than a sync request in front") {
    refused(compress(liar.statement(liar.empty_set())), 400, Code::kStatementForm);
    refused(compress(liar.signed_request(liar.request(), StatementType::kFeedPage)), 403, Code::kStatementSignature);
    refused(compress(Bytes{0x01}), 400, Code::kStatementForm);
    refused(compress(bare_statement(liar.statement(liar.empty_set()))), 400, Code::kPayloadShape);
  }
  SECTION("any bit of the request changed") {
    Bytes body = good;
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      body[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      const Outcome out = liar.post(compress(body));
      if (out.status == 200) FAIL_CHECK("bit " << bit % 8 << " of byte " << bit / 8);
      body[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    }
  }
  SECTION("a key that is not the device's") {
    const PrivateKey other = PrivateKey::generate(Algorithm::kEd25519);
    auto body = sign_statement({StatementType::kSyncRequest, "d1", "x", 1}, write_sync_request(liar.request()),
                               other.public_key(), [&](BytesView m) { return Result<Bytes>(other.sign(m)); });
    refused(compress(bare_statement(*body)), 403, Code::kStatementSignature);
  }
  SECTION("another device's number") {
    SyncRequest request = liar.request();
    request.device = 99;
    refused(compress(liar.signed_request(request)), 403, Code::kDeviceUnknown);
  }
  SECTION("a checkpoint or cursor that the log has not reached") {
    SyncRequest request = liar.request();
    request.checkpoint.size = 1'000'000;
    refused(compress(liar.signed_request(request)), 409, Code::kLogShrunk);
    request = liar.request();
    request.cursor = 1'000'000;
    refused(compress(liar.signed_request(request)), 409, Code::kLogShrunk);
  }
  SECTION("an old request sent again") {
    SyncRequest request = liar.request();
    request.now_utc_ms -= 10 * 60'000;
    const Outcome out = liar.post(compress(liar.signed_request(request)));
    CHECK(out.status == 401);
    CHECK(out.error == Code::kClockNotAgreed);
    REQUIRE(out.nonce);
    request.nonce = *out.nonce;
    CHECK(liar.post(compress(liar.signed_request(request))).status == 200);
    for (FakePlatform* machine : {&liar.office.machine, &liar.device.machine}) machine->clock.advance(25 * 60'000);
    CHECK(liar.post(compress(liar.signed_request(request))).status == 401);
  }
  SECTION("another address or method") {
    CHECK(liar.post(compress(good), "/v2/sync").error == Code::kPathUnknown);
    Request http;
    http.method = "GET";
    http.path = "/v1/sync";
    CHECK(liar.office.office->handle(http).status == 405);
  }
  CHECK(liar.entries() == before);
  liar.still_takes_honest_ones();
}

TEST_CASE("a statement that is not this device's own, whole and untouched is refused alone by the office") {
  Liar liar;
  const std::int64_t before = liar.entries();
  const Bytes honest = liar.statement(liar.empty_set());
  const auto refused = [&](const Bytes& bytes, Code code) {
    const Outcome out = liar.send({bytes});
    REQUIRE(out.status == 200);
    CHECK(out.receipts.empty());
    CHECK(out.refusal() == code);
    CHECK_FALSE(out.refusals.empty());
    if (!out.refusals.empty()) CHECK_FALSE(out.refusals.front().registered);
  };
  const auto kid = key_id(liar.key());
  const Bytes payload = write_change_set(liar.empty_set());
  const auto typ = static_cast<std::int64_t>(StatementType::kChangeSet);
  SECTION("unsigned") {
    Bytes bytes = honest;
    std::fill(bytes.end() - 64, bytes.end(), std::uint8_t{0});
    refused(bytes, Code::kStatementSignature);
  }
  SECTION("every bit changed in turn") {
    Bytes bytes = honest;
    for (std::size_t bit = 0; bit < honest.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      const Outcome out = liar.send({bytes});
      if (!out.receipts.empty() || (out.status != 400 && out.refusals.empty()))
        FAIL_CHECK("bit " << bit % 8 << " of byte " << bit / 8);
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    }
  }
  SECTION("signed by somebody else under this device's kid") {
    const PrivateKey other = PrivateKey::generate(Algorithm::kEd25519);
    refused(by_hand(-8, kid, typ, payload, [&](BytesView m) { return Result<Bytes>(other.sign(m)); }),
            Code::kStatementSignature);
  }
  SECTION("another kid") { refused(by_hand(-8, Bytes(16, 7), typ, payload, liar.signer()), Code::kForeignStatement); }
  SECTION("another device's statement") {
    TestDevice other(liar.office, "I002");
    other.enrol();
    ChangeSet theirs = liar.empty_set();
    theirs.prev = *to_array<32>(**bytes_setting(*other.db, "chain_head"));
    auto bytes = sign_statement({StatementType::kChangeSet, "d2", "1", 1}, write_change_set(theirs),
                                *other.platform.keys.public_key("device"),
                                [&](BytesView m) { return other.platform.keys.sign("device", m); });
    const std::int64_t now = liar.entries();
    refused(*bytes, Code::kForeignStatement);
    CHECK(liar.entries() == now);
    liar.still_takes_honest_ones();
    return;
  }
  SECTION("another alg") { refused(by_hand(-7, kid, typ, payload, liar.signer()), Code::kStatementAlgorithm); }
  SECTION("an alg that is not used here") {
    refused(by_hand(-35, kid, typ, payload, liar.signer()), Code::kStatementAlgorithm);
  }
  SECTION("another typ") {
    for (const std::int64_t other : {65002, 65003, 65005, 65006, 65007, 65008, 65009, 65010})
      refused(by_hand(-8, kid, other, payload, liar.signer()), Code::kStatementType);
    refused(by_hand(-8, kid, 60, payload, liar.signer()), Code::kStatementType);
  }
  SECTION("a header that lacks something") {
    refused(by_hand(-8, kid, typ, payload, liar.signer(), 2), Code::kStatementHeader);
    refused(by_hand(-8, Bytes(15, 7), typ, payload, liar.signer()), Code::kStatementHeader);
  }
  SECTION("too large") {
    refused(by_hand(-8, kid, typ, Bytes(kMaxStatementBytes, 1), liar.signer()), Code::kStatementTooLarge);
  }
  SECTION("a payload that is none") {
    refused(by_hand(-8, kid, typ, Bytes{0xa0}, liar.signer()), Code::kCborEnd);
    refused(by_hand(-8, kid, typ, Bytes{}, liar.signer()), Code::kCborEnd);
  }
  SECTION("made by a newer program") {
    ChangeSet newer = liar.empty_set();
    newer.schema_version = kSchemaVersion + 1;
    refused(liar.statement(newer), Code::kSchemaNewer);
  }
  SECTION("a gap in front") {
    ChangeSet later = liar.empty_set();
    later.seq = 3;
    refused(liar.statement(later), Code::kChainGap);
  }
  CHECK(liar.entries() == before);
  liar.still_takes_honest_ones();
}

TEST_CASE("statements reordered or doubled the office takes once, each in its place, with the same receipt") {
  Liar liar;
  const Bytes first = liar.statement(liar.empty_set());
  liar.go_on(first);
  const Bytes second = liar.statement(liar.empty_set());
  const std::int64_t before = liar.entries();

  const Outcome reversed = liar.send({second, first});
  CHECK(reversed.refusal() == Code::kChainGap);
  REQUIRE(reversed.receipts.size() == 1);
  CHECK(reversed.receipts.front().first == 1);
  const Outcome doubled = liar.send({first, second, first, second, second});
  CHECK(doubled.refusals.empty());
  REQUIRE(doubled.receipts.size() == 2);
  CHECK(doubled.receipts.front().second == reversed.receipts.front().second);
  const Outcome again = liar.send({second, first});
  CHECK(again.receipts == doubled.receipts);
  CHECK(liar.entries() == before + 2);
  liar.go_on(second);
  liar.still_takes_honest_ones();
}

TEST_CASE("an answer that was lost after the commit is asked for again and comes out the same, also after a restart") {
  Liar liar;
  liar.check_in();
  const Bytes bytes = liar.statement(liar.note(1));
  const Outcome lost = liar.send({bytes});
  const std::int64_t entries = liar.entries();
  liar.office.restart();
  const Outcome again = liar.send({bytes});
  CHECK(again.receipts == lost.receipts);
  CHECK(again.page.accepted_seq == lost.page.accepted_seq);
  CHECK(liar.entries() == entries);
  liar.still_sound();
}

TEST_CASE("two statements with one number are both kept by the office, which takes nothing more from the device") {
  Liar liar;
  const Bytes first = liar.statement(liar.note(1, "甲"));
  const Bytes other = liar.statement(liar.note(1, "乙"));
  CHECK(liar.send({first}).status == 200);
  const std::int64_t entries = liar.entries();
  CHECK(liar.send({other}).error == Code::kDeviceForked);
  const auto apart = liar.office.office->quarantine();
  REQUIRE(apart);
  REQUIRE(apart->size() == 1);
  CHECK(apart->front().code == static_cast<int>(Code::kChainFork));
  CHECK(apart->front().bytes == other);
  CHECK(liar.office.office->devices()->front().state == DeviceState::kForked);
  CHECK(liar.entries() == entries + 1);  // The mark stands in the log.
  liar.go_on(first);
  CHECK(liar.send({liar.statement(liar.empty_set())}).error == Code::kDeviceForked);
  CHECK(liar.office.office->quarantine()->size() == 2);
  CHECK(liar.entries() == entries + 1);
  liar.still_sound();
}

TEST_CASE("a number that does not link to what was before is a fork to the office, too") {
  Liar liar;
  ChangeSet unlinked = liar.empty_set();
  unlinked.prev = Hash{};
  CHECK(liar.send({liar.statement(unlinked)}).error == Code::kDeviceForked);
  CHECK(liar.office.office->quarantine()->size() == 1);
  liar.still_sound();
}

TEST_CASE("what breaks a rule the office registers without effect, tells with its number, and lets hold nothing up") {
  Liar liar;
  liar.check_in();
  const Bytes visit = liar.visit;
  const std::int64_t device = liar.device.number();
  const auto answer = [&](const std::string& item, Value value, const std::string& observer = "I001") {
    ChangesBuilder rows;
    rows.insert("answer", {visit, item, observer, std::move(value), Value(), Value(), Value(), std::int64_t{1},
                           std::int64_t{480}, std::int64_t{1}});
    return rows;
  };
  ChangesBuilder rows;
  Code expected{};
  SECTION("a transition that is not allowed") {
    liar.event(rows, 3, "submit");
    expected = Code::kTransitionNotAllowed;
  }
  SECTION("an event that there is not") {
    liar.event(rows, 3, "dance");
    expected = Code::kTransitionNotAllowed;
  }
  SECTION("an event with a number that was not its turn") {
    liar.event(rows, 7, "pause");
    expected = Code::kEventOrder;
  }
  SECTION("an event in the name of another device") {
    liar.event(rows, 3, "pause", 2);
    expected = Code::kNotYours;
  }
  SECTION("an answer outside its constraint") {
    rows = answer("S2", std::int64_t{5'000});
    expected = Code::kAnswerRange;
  }
  SECTION("an answer of the wrong kind") {
    rows = answer("S2", std::string("twelve"));
    expected = Code::kAnswerType;
  }
  SECTION("an answer that is neither number nor words") {
    rows = answer("S2", Bytes{1});
    expected = Code::kAnswerType;
  }
  SECTION("an answer outside its constraint behind one that is not") {
    for (const auto& [item, value] : {std::pair<const char*, std::int64_t>{"S1", 1}, {"S2", 5'000}})
      rows.insert("answer", {visit, std::string(item), std::string("I001"), value, Value(), Value(), Value(),
                             std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
    expected = Code::kAnswerRange;
  }
  SECTION("a state of the visit without anything that happened") {
    rows.update("visit", {visit}, {{find_table("visit")->column("state"), Value(std::string("FEEDBACK"))}});
    expected = Code::kStateNotFollowed;
  }
  SECTION("another state of the visit than what happened leads to") {
    liar.event(rows, 3, "finish");
    rows.update("visit", {visit}, {{find_table("visit")->column("state"), Value(std::string("SIGNED"))}});
    expected = Code::kStateNotFollowed;
  }
  SECTION("an unknown item") {
    rows = answer("Z99", std::int64_t{1});
    expected = Code::kAnswerUnknownItem;
  }
  SECTION("an unknown item without a value") {
    rows = answer("Z99", Value());
    expected = Code::kAnswerUnknownItem;
  }
  SECTION("an answer in the name of a colleague") {
    rows = answer("S1", std::int64_t{1}, "I002");
    expected = Code::kNotYours;
  }
  SECTION("a visit that was never planned") {
    liar.visit = Bytes(16, 9);
    rows = liar.note(1);
    expected = Code::kVisitUnknown;
  }
  SECTION("a visit whose name is too short for one") {
    liar.visit = Bytes(15, 9);
    rows = liar.note(1);
    expected = Code::kChangesShape;
  }
  SECTION("a change in a visit whose name is too short for one") {
    rows.update("note", {Bytes(15, 9), device, std::int64_t{1}}, {{4, Value(std::string("x"))}});
    expected = Code::kChangesShape;
  }
  SECTION("a note on a visit that nobody has begun") {
    liar.visit = liar.office.plan({"I001"}, "140002");
    rows = liar.note(1);
    expected = Code::kVisitNotOpen;
  }
  SECTION("a finding that the office is done with") {
    rows.insert("finding", {visit, device, std::int64_t{1}, Value(), std::string("ORDINARY"), Value(), std::string("x"),
                            Value(), Value(), std::string("VERIFIED"), Value(), std::string("I001"), std::int64_t{1},
                            std::int64_t{480}, std::int64_t{1}});
    expected = Code::kNotYours;
  }
  SECTION("a finding's next state") {
    rows.update("finding", {visit, device, std::int64_t{1}},
                {{find_table("finding")->column("state"), Value(std::string("VERIFIED"))}});
    expected = Code::kNotYours;
  }
  SECTION("a visit of another team") {
    liar.visit = liar.office.plan({"I002"}, "140002");
    rows = liar.note(1);
    expected = Code::kNotInTeam;
  }
  SECTION("a note by another device") {
    rows.insert("note", {visit, device + 1, std::int64_t{1}, Value(), std::string("x"), Value(), std::string("I001"),
                         std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kNotYours;
  }
  SECTION("a highlight by another device") {
    rows.insert("highlight", {visit, device + 1, std::int64_t{1}, Value(), std::string("x"), Value(),
                              std::string("I001"), std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kNotYours;
  }
  SECTION("an inspector who is not the device's") {
    rows.insert("note", {visit, device, std::int64_t{1}, Value(), std::string("x"), Value(), std::string("I002"),
                         std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kNotYours;
  }
  SECTION("a row of the office's") {
    rows.insert("zone", {std::string("I001"), std::string("140002"), Value()});
    expected = Code::kNotYours;
  }
  SECTION("a change to a row of the office's") {
    rows.update("school", {std::string("140001")}, {{1, Value(std::string("x"))}});
    expected = Code::kNotYours;
  }
  SECTION("the office's column of a visit") {
    rows.update("visit", {visit}, {{find_table("visit")->column("to_day"), Value(std::int64_t{99'999})}});
    expected = Code::kNotYours;
  }
  SECTION("a colleague's recusal") {
    rows.update("team_member", {visit, std::string("I002")}, {{3, Value(std::string("R1"))}});
    expected = Code::kNotYours;
  }
  SECTION("a signature that is written again") {
    rows.update("signature", {visit, device, std::int64_t{1}}, {{4, Value(std::string("x"))}});
    expected = Code::kNotYours;
  }
  SECTION("a note that is not there") {
    rows.update("note", {visit, device, std::int64_t{77}}, {{4, Value(std::string("x"))}});
    expected = Code::kRowUnknown;
  }
  SECTION("an amendment before the submission") {
    rows.insert("amendment", {visit, device, std::int64_t{1}, std::string("answer"), std::string("S1/I001"),
                              std::string("value"), Bytes(32, 0), std::int64_t{0}, std::string("x"),
                              std::string("I001"), std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kAmendTooEarly;
  }
  SECTION("a number for the code of an item") {
    rows.insert("answer", {visit, std::int64_t{5}, std::string("I001"), std::int64_t{1}, Value(), Value(), Value(),
                           std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
    expected = Code::kChangesShape;
  }
  SECTION("bytes for the code of an item") {
    rows.insert("answer", {visit, Bytes{0x53, 0x31}, std::string("I001"), std::int64_t{1}, Value(), Value(), Value(),
                           std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
    expected = Code::kChangesShape;
  }
  SECTION("words for the number of a note") {
    rows.insert("note", {visit, device, std::string("first"), Value(), std::string("x"), Value(), std::string("I001"),
                         std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kChangesShape;
  }
  SECTION("words for a time") {
    rows.insert("note", {visit, device, std::int64_t{1}, Value(), std::string("x"), Value(), std::string("I001"),
                         std::string("noon"), std::int64_t{0}, std::int64_t{1}});
    expected = Code::kChangesShape;
  }
  SECTION("bytes for a note's text") {
    rows.insert("note", {visit, device, std::int64_t{1}, Value(), Bytes{0xff}, Value(), std::string("I001"),
                         std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kChangesShape;
  }
  SECTION("a number for the reason of a recusal") {
    rows.update("team_member", {visit, std::string("I001")}, {{3, Value(std::int64_t{1})}});
    expected = Code::kChangesShape;
  }
  SECTION("words for the number of a changed note") {
    rows.update("note", {visit, device, std::string("1")}, {{4, Value(std::string("x"))}});
    expected = Code::kChangesShape;
  }
  SECTION("a submission without the signed hash") {
    for (const auto& [n, name] : {std::pair<std::int64_t, const char*>{3, "finish"}, {4, "sign"}, {5, "submit"}})
      liar.event(rows, n, name);
    expected = Code::kRootMissing;
  }
  SECTION("a submission whose hash leaves a highlight out") {
    rows.insert("highlight", {visit, device, std::int64_t{1}, Value(), std::string("x"), Value(), std::string("I001"),
                              std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    for (const auto& [n, name] : {std::pair<std::int64_t, const char*>{3, "finish"}, {4, "sign"}, {5, "submit"}})
      liar.event(rows, n, name);
    rows.insert("submission", {visit, std::string("I001"), to_bytes(BytesView(*visit_root(*liar.device.db, visit))),
                               Value(), std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kRootWrong;
  }
  SECTION("a submission with the hash of something else") {
    // What the device has just added itself is no excuse.
    rows = liar.note(1);
    for (const auto& [n, name] : {std::pair<std::int64_t, const char*>{3, "finish"}, {4, "sign"}, {5, "submit"}})
      liar.event(rows, n, name);
    rows.insert("submission",
                {visit, std::string("I001"), Bytes(32, 1), Value(), std::int64_t{1}, std::int64_t{0}, std::int64_t{1}});
    expected = Code::kRootWrong;
  }
  const std::string state = liar.office.visit_state(visit);
  const Bytes bytes = liar.statement(rows);
  const Outcome out = liar.send({bytes});
  REQUIRE(out.status == 200);
  REQUIRE(out.refusals.size() == 1);
  CHECK(out.refusal() == expected);
  CHECK(out.refusals.front().registered);
  CHECK(out.receipts.size() == 1);
  CHECK(liar.office.visit_state(visit) == state);
  const Outcome again = liar.send({bytes});
  CHECK(again.receipts == out.receipts);
  CHECK(again.refusal() == expected);
  liar.go_on(bytes);
  liar.still_takes_honest_ones();
}

TEST_CASE("who does not lead a team changes what is theirs, nothing of anybody else, and submits nothing") {
  Liar liar;
  liar.visit = liar.office.plan({"I002", "I001"}, "140002");
  const Bytes visit = liar.visit;
  TestDevice lead(liar.office, "I002");
  lead.enrol();
  lead.must_sync();
  lead.check_in(visit);
  lead.write([&] { return lead.answer(visit, "S2", std::int64_t{12}); });
  lead.add_note(visit, 1, "组长");
  REQUIRE(lead.must_sync().refusals.empty());
  const auto answer_now = [&](const std::string& observer, std::int64_t value) {
    ChangesBuilder rows;
    rows.update("answer", {visit, std::string("S2"), observer}, {{3, Value(value)}});
    return say(liar, rows);
  };
  const auto note_now = [&](std::int64_t author) {
    ChangesBuilder rows;
    rows.update("note", {visit, author, std::int64_t{1}}, {{4, Value(std::string("改"))}});
    return say(liar, rows);
  };
  const auto value_of = [&](std::string_view observer) {
    return liar.office.cell("answer", {BytesView(visit), std::string_view("S2"), observer}, "value");
  };
  const auto note_of = [&](std::int64_t author) {
    return liar.office.cell("note", {BytesView(visit), author, std::int64_t{1}}, "text");
  };
  ChangesBuilder own = liar.note(1);
  own.insert("answer", {visit, std::string("S2"), std::string("I001"), std::int64_t{1}, Value(), Value(), Value(),
                        std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
  REQUIRE(say(liar, own) == Code{});
  CHECK(answer_now("I001", 2) == Code{});
  CHECK(value_of("I001") == "2");
  CHECK(note_now(liar.device.number()) == Code{});
  CHECK(note_of(liar.device.number()) == "改");

  CHECK(answer_now("I002", 2) == Code::kNotYours);
  CHECK(value_of("I002") == "12");
  CHECK(note_now(lead.number()) == Code::kNotYours);
  CHECK(note_of(lead.number()) == "组长");
  ChangesBuilder submission;
  submission.insert("submission", {visit, std::string("I001"), Bytes(32, 1), Value(), std::int64_t{1},
                                   std::int64_t{480}, std::int64_t{1}});
  CHECK(say(liar, submission) == Code::kNotYours);
  CHECK(liar.office.cell("submission", {BytesView(visit)}, "inspector") == "absent");
  liar.still_takes_honest_ones();
}

TEST_CASE("a visit whose checklist is not there, or does not ask what was chosen, takes no answers") {
  Liar liar;
  liar.check_in();
  const Table& visits = *find_table("visit");
  const auto answered_with = [&](const char* column, Value value) {
    const auto decided = liar.office->decide("王处长", "test", [&](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      rows.update("visit", {liar.visit}, {{visits.column(column), std::move(value)}});
      return rows;
    });
    REQUIRE(decided);
    ChangesBuilder rows;
    rows.insert("answer", {liar.visit, std::string("S1"), std::string("I001"), std::int64_t{1}, Value(), Value(),
                           Value(), std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
    return say(liar, rows);
  };
  const auto stands = [&] {
    return liar.office.cell("answer", {BytesView(liar.visit), std::string_view("S1"), std::string_view("I001")},
                            "value");
  };
  CHECK(answered_with("template_version", std::int64_t{2}) == Code::kTemplateUnknown);
  REQUIRE(stands() == "absent");
  CHECK(say(liar, liar.note(1)) == Code{});
  CHECK(answered_with("template_version", std::int64_t{1}) == Code{});
  CHECK(stands() == "1");
  for (const char* items : {"S1,S9", "S1,", ""}) {
    INFO("items " << items);
    CHECK(answered_with("items", std::string(items)) == Code::kChecklistSubset);
  }
  CHECK(answered_with("items", std::string("S1")) == Code{});
  liar.still_takes_honest_ones();
}

TEST_CASE("who claims to have seen more of the log than there is writes without effect, as often as they send it") {
  Liar liar;
  liar.check_in();
  const ChangesBuilder rows = liar.note(1);
  ChangeSet boast = liar.empty_set();
  boast.changes = rows.changes();
  for (const std::uint64_t beyond : {std::uint64_t{1'000'000}, std::uint64_t{INT64_MAX}}) {
    boast.seq = liar.seq + 1;
    boast.prev = liar.head;
    boast.seen.size = beyond;
    const Bytes bytes = liar.statement(boast);
    const Outcome out = liar.send({bytes});
    REQUIRE(out.status == 200);
    CHECK(out.refusal() == Code::kPayloadShape);
    CHECK(liar.send({bytes}).receipts == out.receipts);
    liar.go_on(bytes);
  }
  // What arrives together has not seen each other either, whatever it says.
  const Bytes first = liar.statement(liar.empty_set());
  liar.go_on(first);
  boast.seq = liar.seq + 1;
  boast.prev = liar.head;
  boast.seen.size = static_cast<std::uint64_t>(liar.entries()) + 1;
  const Bytes second = liar.statement(boast);
  liar.go_on(second);
  CHECK(liar.send({first, second}).refusal() == Code::kPayloadShape);
  const std::vector<ValueView> key{BytesView(liar.visit), liar.device.number(), std::int64_t{1}};
  CHECK(liar.office.cell("note", key, "text") == "absent");
  liar.still_takes_honest_ones();
}

TEST_CASE("a request from the beginning or the end of time is answered with the office's time") {
  Liar liar;
  for (const std::int64_t then : {INT64_MIN, INT64_MIN + 1, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
    SyncRequest request = liar.request();
    request.now_utc_ms = then;
    const Outcome out = liar.post(compress(liar.signed_request(request)));
    CHECK(out.error == Code::kClockNotAgreed);
    REQUIRE(out.nonce);
    request.nonce = *out.nonce;
    CHECK(liar.post(compress(liar.signed_request(request))).status == 200);
  }
}

TEST_CASE("a request is fresh for five minutes on either side of the office's time, to the millisecond") {
  Liar liar;
  constexpr std::int64_t kTolerance_ms = 5 * 60 * 1000;
  for (const std::int64_t side : {-1, 1}) {
    SyncRequest request = liar.request();
    request.now_utc_ms = liar.office.machine.clock.wall_utc_ms() + side * kTolerance_ms;
    CHECK(liar.post(compress(liar.signed_request(request))).status == 200);
    request.now_utc_ms += side;
    const Outcome out = liar.post(compress(liar.signed_request(request)));
    CHECK(out.status == 401);
    CHECK(out.error == Code::kClockNotAgreed);
  }
}

TEST_CASE("a device may speak to the last second of its enrolment, and not in the next") {
  Liar liar;
  const std::int64_t last_utc_ms = liar.office->devices()->front().expires_utc_s * 1000 + 999;
  for (FakePlatform* machine : {&liar.office.machine, &liar.device.machine}) machine->clock.set_wall(last_utc_ms);
  const Bytes bytes = liar.statement(liar.empty_set());
  CHECK(liar.send({bytes}).receipts.size() == 1);
  liar.go_on(bytes);
  const std::int64_t entries = liar.entries();
  for (FakePlatform* machine : {&liar.office.machine, &liar.device.machine}) machine->clock.advance(1);
  const Outcome out = liar.send({liar.statement(liar.empty_set())});
  CHECK(out.status == 403);
  CHECK(out.error == Code::kDeviceExpired);
  CHECK(liar.entries() == entries);
}

TEST_CASE("a clock that is five minutes off what its device saw, or off the office's time, is believed, and no more") {
  Liar liar;
  constexpr std::int64_t kTolerance_ms = 5 * 60 * 1000;
  constexpr std::int64_t kHour_ms = 3'600'000;
  const auto judged = [&](bool against_seen, std::int64_t off_ms, const std::string& says = "CHECKED",
                          bool has_seen = true) {
    liar.visit = liar.office.plan({"I001"}, "140002");
    const std::int64_t seen_utc_ms = liar.office.machine.clock.wall_utc_ms();
    for (FakePlatform* machine : {&liar.office.machine, &liar.device.machine}) machine->clock.advance(kHour_ms);
    ChangesBuilder rows;
    rows.insert("visit_event",
                {liar.visit, liar.device.number(), std::int64_t{1}, std::string("verify_package"), std::string("I001"),
                 says, Value(), Value(), Value(), Value(), seen_utc_ms + (against_seen ? 0 : kHour_ms) + off_ms,
                 std::int64_t{480}, std::int64_t{1}});
    ChangeSet change_set = liar.empty_set();
    if (has_seen) change_set.seen.size = static_cast<std::uint64_t>(liar.entries());
    change_set.changes = rows.changes();
    const Bytes bytes = liar.statement(change_set);
    const Outcome out = liar.send({bytes});
    REQUIRE(out.status == 200);
    REQUIRE(out.refusals.empty());
    liar.go_on(bytes);
    return liar.office.cell("visit", {BytesView(liar.visit)}, "clock");
  };
  CHECK(judged(true, -kTolerance_ms) == "null");
  CHECK(judged(true, -kTolerance_ms - 1) == "WRONG");
  CHECK(judged(false, kTolerance_ms) == "null");
  CHECK(judged(false, kTolerance_ms + 1) == "WRONG");
  CHECK(judged(false, 0, "WRONG") == "WRONG");
  CHECK(judged(true, -kTolerance_ms - 1, "CHECKED", false) == "null");
  liar.still_takes_honest_ones();
}

TEST_CASE("a statement signed at any time by its author's clock is registered at the office's time, whatever it says") {
  Liar liar;
  liar.check_in();
  const std::int64_t office_utc_s = liar.office.machine.clock.wall_utc_ms() / 1000;
  constexpr std::int64_t kTenYears_s = 3'652LL * 86'400;
  std::int64_t n = 0;
  for (const std::int64_t issued_utc_s : {std::int64_t{0}, std::int64_t{1}, office_utc_s - kTenYears_s,
                                          office_utc_s + kTenYears_s, INT64_MAX / 1000, INT64_MAX}) {
    INFO("iat " << issued_utc_s);
    ChangeSet change_set = liar.empty_set();
    const ChangesBuilder rows = liar.note(++n);
    change_set.changes = rows.changes();
    const Bytes bytes = liar.statement(change_set, issued_utc_s);
    const Outcome out = liar.send({bytes});
    REQUIRE(out.status == 200);
    CHECK(out.refusals.empty());
    REQUIRE(out.receipts.size() == 1);
    CborReader receipt(out.receipts.front().second);
    CHECK(read_batch_receipt(receipt).value().head.registered_utc_s == office_utc_s);
    liar.go_on(bytes);
  }
  // Before 1970 there is no time.
  const std::int64_t before = liar.entries();
  const Outcome out = liar.send({by_hand(-8, key_id(liar.key()), static_cast<std::int64_t>(StatementType::kChangeSet),
                                         write_change_set(liar.empty_set()), liar.signer(), 3, -1)});
  CHECK(out.refusal() == Code::kStatementHeader);
  CHECK(out.receipts.empty());
  CHECK(liar.entries() == before);
  liar.still_takes_honest_ones();
}

TEST_CASE("whoever puts their order far ahead or behind wins or loses a cell by it, and the office keeps both values") {
  Liar liar;
  liar.check_in();
  TestDevice honest(liar.office, "I001");
  honest.enrol();
  honest.must_sync();
  const auto answer = [&](const std::string& item, std::int64_t value) {
    ChangesBuilder rows;
    rows.insert("answer", {liar.visit, item, std::string("I001"), value, Value(), Value(), Value(), std::int64_t{1},
                           std::int64_t{480}, std::int64_t{1}});
    return rows;
  };
  const auto held = [&](const char* item) {
    return liar.office.cell("answer", {BytesView(liar.visit), std::string_view(item), std::string_view("I001")},
                            "value");
  };
  const auto kept_apart = [&] {
    std::vector<std::int64_t> values;
    REQUIRE(liar.office->read([&](Store& rows) {
      const Table& table = *find_table("disagreement");
      return rows.each_row(table, [&](const StoredRow& row) -> Status {
        if (std::get<std::string>(row.cells[table.column("field")]) == "value")
          values.push_back(std::get<std::int64_t>(row.cells[table.column("other_value")]));
        return {};
      });
    }));
    return values;
  };
  const auto say = [&](const std::string& item, std::int64_t value, std::uint64_t hlc) {
    ChangeSet change_set = liar.empty_set();
    const ChangesBuilder rows = answer(item, value);
    change_set.changes = rows.changes();
    change_set.hlc = hlc;
    const Bytes bytes = liar.statement(change_set);
    const Outcome out = liar.send({bytes});
    REQUIRE(out.status == 200);
    CHECK(out.refusals.empty());
    liar.go_on(bytes);
  };
  honest.write([&] { return honest.answer(liar.visit, "S1", std::int64_t{1}); });
  honest.write([&] { return honest.answer(liar.visit, "S2", std::int64_t{12}); });
  honest.must_sync();
  say("S2", 99, static_cast<std::uint64_t>(INT64_MAX));
  CHECK(held("S2") == "99");
  CHECK(kept_apart() == std::vector<std::int64_t>{12});
  // Behind all that it said before, too: its own order must not go back, but nothing rests on it.
  say("S1", 0, 1);
  CHECK(held("S1") == "1");
  CHECK(kept_apart() == std::vector<std::int64_t>{12, 0});
  // Whoever has seen the cell writes over it, whatever order it claimed.
  honest.must_sync();
  honest.write([&] { return honest.answer(liar.visit, "S2", std::int64_t{12}); });
  CHECK(honest.must_sync().refusals.empty());
  CHECK(held("S2") == "12");
  liar.still_takes_honest_ones();
}

TEST_CASE("after a submission nothing but amendments changes a visit") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.whole_visit(visit);
  device.must_sync();
  REQUIRE(office.visit_state(visit) == "RECEIVED");
  device.write([&] { return device.answer(visit, "S2", std::int64_t{13}); });
  const PassReport report = device.must_sync();
  REQUIRE(report.refusals.size() == 1);
  CHECK(report.refusals.front().code == static_cast<int>(Code::kVisitSubmitted));
  const Bytes id = visit;
  CHECK(office.cell("answer", {BytesView(id), std::string_view("S2"), std::string_view("I001")}, "value") == "12");
  CHECK(office->rebuild());
}

TEST_CASE("the office decides nothing of what is an inspector's to record") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes visit = office.plan({"I001"});
  const Bytes ledger = office.ledger();
  const auto decided = office->decide("王处长", "test", [&](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.update("visit", {visit}, {{find_table("visit")->column("to_day"), Value(std::int64_t{20'530})}});
    rows.insert("note", {visit, std::int64_t{1}, std::int64_t{1}, Value(), std::string("代写"), Value(),
                         std::string("I001"), std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
    return rows;
  });
  REQUIRE_FALSE(decided);
  CHECK(decided.error().code == Code::kNotYours);
  CHECK(office.cell("note", {BytesView(visit), std::int64_t{1}, std::int64_t{1}}, "text") == "absent");
  CHECK(office.cell("visit", {BytesView(visit)}, "to_day") == "20520");
  CHECK(office.ledger() == ledger);
}

TEST_CASE("what happens to a visit at the office needs a visit that is there, and a reason where somebody asks why") {
  TestOffice office;
  office.add_people_and_schools();
  const Bytes visit = office.plan({"I001"});
  const Bytes ledger = office.ledger();
  CHECK(office->visit_event("王处长", Bytes(16, 9), "cancel", "", "停课").error().code == Code::kVisitUnknown);
  CHECK(office->visit_event("王处长", visit, "cancel", "", "").error().code == Code::kReasonMissing);
  CHECK(office->visit_event("王处长", visit, "recuse", "I001", "").error().code == Code::kReasonMissing);
  CHECK(office->visit_event("王处长", visit, "query", "S2", "").error().code == Code::kReasonMissing);
  CHECK(office.visit_state(visit) == "ASSIGNED");
  CHECK(office.ledger() == ledger);
}

TEST_CASE("a checklist that was published is never another one under the same version") {
  TestOffice office;
  office.add_people_and_schools();
  const std::int64_t before = office.check().statements;
  std::string other(kChecklist);
  other.replace(other.find("\"max\": 100"), 10, "\"max\": 200");
  const auto changed = office->publish_template("王处长", other);
  REQUIRE_FALSE(changed);
  CHECK(changed.error().code == Code::kChecklistPublished);
  REQUIRE(office->publish_template("王处长", kChecklist));
  CHECK(office.check().statements == before);
}

TEST_CASE("a checklist with an item that no answers can bring to be asked is not published") {
  TestOffice office;
  std::string checklist(kChecklist);
  checklist.replace(checklist.find("\"required\": false"), 17, "\"visible_if\": \"S2 > 100\"");
  const Bytes ledger = office.ledger();
  const auto published = office->publish_template("王处长", checklist);
  REQUIRE_FALSE(published);
  CHECK(published.error().code == Code::kChecklistUnreachable);
  CHECK(office.ledger() == ledger);
}

TEST_CASE("a statement that waited for one before it stands without its refusal once it is taken") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.check_in(visit);
  REQUIRE(seal(device.platform, *device.db).value() == 1);
  device.write([&] { return device.answer(visit, "S2", std::int64_t{12}); });
  // The last byte of the first statement's signature is changed on the way.
  SyncPass pass(device.platform, *device.db);
  auto body = pass.request();
  REQUIRE(body);
  const Bytes plain = *decompress(*body, kMaxSyncPlainBytes);
  CborReader in(plain);
  Bytes bent_body = to_bytes(in.item().value());
  auto statements = unpack_statements(BytesView(plain).subspan(bent_body.size()), device.number(),
                                      *device.platform.keys.public_key("device"), 10, kMaxSyncPlainBytes);
  REQUIRE(statements);
  REQUIRE(statements->size() == 2);
  statements->front().back() ^= 1;
  for (const Bytes& each : *statements) append(bent_body, each);
  const auto answer = device.post(kSyncPath, compress(bent_body));
  REQUIRE(answer);
  const auto report = pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body);
  REQUIRE(report);
  REQUIRE(report->refusals.size() == 2);
  CHECK(outbox(*device.db, false)->back().refusal == static_cast<int>(Code::kChainGap));
  CHECK(device.must_sync().receipted == 2);
  const auto sent = outbox(*device.db, false);
  REQUIRE(sent);
  for (const OutboxEntry& entry : *sent) {
    CHECK(entry.log_index);
    CHECK_FALSE(entry.refusal);
    CHECK(entry.refusal_detail.empty());
  }
}

TEST_CASE("a device whose work was refused shows what the office has, and its next step is taken") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice first(office, "I001");
  TestDevice second(office, "I001");
  first.enrol();
  second.enrol();
  const Bytes visit = office.plan({"I001"});
  first.must_sync();
  second.must_sync();
  first.whole_visit(visit);
  first.must_sync();
  second.check_in(visit);
  REQUIRE(seal(second.platform, *second.db).value() == 1);
  second.write([&] { return second.answer(visit, "S2", std::int64_t{50}); });
  second.write([&] {
    return second.db->execute(
        "INSERT INTO note (visit, author, n, text, inspector, at_utc_ms, at_offset_min, at_boot_ms) VALUES (?, ?, 1, "
        "'走廊', 'I001', 0, 0, 0)",
        BytesView(visit), second.number());
  });

  SECTION("told at once") {}
  SECTION("told after the rows have already come") {
    // The office takes and refuses both, but the answer is lost; the next request has no room for the second.
    second.machine.http.plan(LoopbackHttp::Fault::kLoseAnswer);
    CHECK(second.sync().error().code == Code::kTimedOut);
    const auto report = second.sync({.up_bytes = 1});
    REQUIRE(report);
    CHECK(report->receipted == 2);
  }
  SECTION("told in pages of one entry each") { REQUIRE(second.sync({.up_bytes = 1000, .down_bytes = 1})); }
  second.must_sync();
  REQUIRE(outbox(*second.db, false)->front().refusal);
  CHECK(second.state(visit) == "RECEIVED");
  CHECK(second.db->integer("SELECT value FROM answer WHERE item = 'S2'") == 12);
  CHECK(second.db->integer("SELECT count(*) FROM note") == 0);
  CHECK(second.db->integer("SELECT count(*) FROM visit_event") ==
        first.db->integer("SELECT count(*) FROM visit_event").value());
  CHECK(second.must_sync().rows == 0);

  REQUIRE(office->visit_event("王处长", visit, "query", "S2", "请说明"));
  CHECK(office.cell("visit", {BytesView(visit)}, "reason") == "随访");
  second.must_sync();
  second.write([&] { return second.event(visit, "amend", "RECEIVED"); });
  CHECK(second.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("an edit made after a refused one stays until the office has judged it too") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice first(office, "I001");
  TestDevice second(office, "I001");
  first.enrol();
  second.enrol();
  const Bytes visit = office.plan({"I001"});
  first.must_sync();
  second.must_sync();
  first.whole_visit(visit);
  first.must_sync();
  second.check_in(visit);
  second.write([&] { return second.answer(visit, "S2", std::int64_t{50}); });
  SyncPass pass(second.platform, *second.db);
  auto body = pass.request();
  REQUIRE(body);
  second.write([&] { return second.answer(visit, "S2", std::int64_t{51}); });
  const auto answer = second.post(kSyncPath, std::move(*body));
  REQUIRE(answer);
  const auto report = pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body);
  REQUIRE(report);
  REQUIRE(report->refusals.size() == 1);
  CHECK(second.db->integer("SELECT value FROM answer WHERE item = 'S2'") == 51);
  CHECK(second.must_sync().refusals.size() == 1);
  CHECK(second.db->integer("SELECT value FROM answer WHERE item = 'S2'") == 12);
  CHECK(office->rebuild());
}

TEST_CASE("what is refused of one visit does not take another visit's work with it") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice first(office, "I001");
  TestDevice second(office, "I001");
  first.enrol();
  second.enrol();
  const Bytes submitted = office.plan({"I001"});
  const Bytes other = office.plan({"I001"}, "140002");
  first.must_sync();
  second.must_sync();
  first.whole_visit(submitted);
  first.must_sync();
  // Both visits in one statement, then the other one's submission under the root of all that it holds.
  second.check_in(submitted);
  second.check_in(other);
  second.write([&] { return second.answer(other, "S1", std::int64_t{1}); });
  second.write([&] { return second.answer(other, "S2", std::int64_t{7}); });
  REQUIRE(seal(second.platform, *second.db).value() == 1);
  second.finish_and_submit(other);
  const PassReport report = second.must_sync();
  REQUIRE(report.refusals.size() == 1);
  CHECK(report.refusals.front().code == static_cast<int>(Code::kTransitionNotAllowed));
  CHECK(report.refusals.front().detail.find(to_hex(submitted)) != std::string::npos);
  CHECK(office.visit_state(other) == "RECEIVED");
  CHECK(second.state(other) == "RECEIVED");
  CHECK(second.state(submitted) == "RECEIVED");
  CHECK(second.db->integer("SELECT value FROM answer WHERE visit = ? AND item = 'S2'", BytesView(other)) == 7);
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a device whose step the office has long passed is told where the visit stands") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice lead(office, "I001");
  TestDevice inspector(office, "I002");
  lead.enrol();
  inspector.enrol();
  const Bytes visit = office.plan({"I001", "I002"});
  lead.must_sync();
  inspector.must_sync();
  inspector.check_in(visit);
  inspector.must_sync();
  SyncPass pass(lead.platform, *lead.db);
  auto body = pass.request();
  REQUIRE(body);
  const auto answer = lead.post(kSyncPath, std::move(*body));
  REQUIRE(answer);
  // Written while the page that tells of the arrival is on its way; the page leaves alone what is not yet sent.
  lead.write([&] { return lead.event(visit, "verify_package", "READY"); });
  REQUIRE(pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body));
  CHECK(lead.state(visit) == "READY");
  CHECK(lead.must_sync().refusals.empty());
  lead.must_sync();
  CHECK(lead.state(visit) == "IN_PROGRESS");
  CHECK(office.visit_state(visit) == "IN_PROGRESS");
  CHECK(office->rebuild());
}
