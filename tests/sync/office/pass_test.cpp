/// The device's half of the exchange and of the enrolment: how much it asks for at once, what it refuses, and what
/// becomes of it where its own database fails.

#include "sync/answer.hpp"
#include "tests/sync/failing_database.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

/// A device that is about to be enrolled by whatever answers it.
struct Enrolling {
  FakePlatform machine;
  Platform platform = machine.view();
  TempFolder folder;
  std::unique_ptr<Database> db =
      open_database(folder / "agent.db", Database::Mode::kOpenOrCreate, DatabaseKind::kDevice).value();
  PublicKey key = machine.keys.create("device", Algorithm::kEd25519).value();
  PrivateKey office = PrivateKey::generate(Algorithm::kEd25519);

  Bytes statement(StatementType type, BytesView payload, const PrivateKey& by) const {
    return sign_statement({type, "office.example/log", "1", 1}, payload, by.public_key(),
                          [&](BytesView message) { return Result<Bytes>(by.sign(message)); })
        .value();
  }
  Bytes genesis(const PrivateKey& of, const PrivateKey& by, StatementType type = StatementType::kGenesis) const {
    const PublicKey own = of.public_key();
    return statement(type, write_genesis({"office.example/log", own.algorithm(), own.raw(), 1}), by);
  }
  Bytes genesis() const { return genesis(office, office); }
  Bytes enrolment(std::int64_t number, Algorithm algorithm, BytesView raw, const PrivateKey& by) const {
    return statement(StatementType::kEnrolment, write_enrolment({number, algorithm, raw, "I001", "平板", 1, "王处长"}),
                     by);
  }
  Bytes enrolment(std::int64_t number = 1) const { return enrolment(number, key.algorithm(), key.raw(), office); }
  static Bytes joined(std::initializer_list<Bytes> all) {
    Bytes out;
    for (const Bytes& each : all) append(out, each);
    return out;
  }
  Result<bool> take(int status, std::string_view type, BytesView body, const std::optional<Hash>& pinned = {}) {
    return take_enrolment(platform, *db, "device", key, status, type, body, pinned);
  }
  Result<bool> take(std::initializer_list<Bytes> statements, const std::optional<Hash>& pinned = {}) {
    return take(200, kSyncContentType, compress(joined(statements)), pinned);
  }
};

}  // namespace

TEST_CASE("a request holds as many statements as fit, by number and by size, and always one") {
  TestOffice office;
  office.add_people_and_schools();
  TestDevice device(office, "I001");
  device.enrol();
  // Two bytes each, which a pack cannot hold, so that they go as they are.
  REQUIRE(device.db->script(
      "WITH RECURSIVE many (seq) AS (VALUES (1) UNION ALL SELECT seq + 1 FROM many WHERE seq < 2001) "
      "INSERT INTO outbox (seq, id, urgent, bytes, sealed_utc_ms) SELECT seq, zeroblob(32), 0, x'1818', 0 FROM many"));
  const auto sent = [&](std::size_t up_bytes) {
    SyncPass pass(device.platform, *device.db, {.up_bytes = up_bytes});
    const Bytes body = decompress(pass.request().value(), kMaxSyncPlainBytes).value();
    std::size_t count = 0;
    for (CborReader in(body); !in.at_end(); ++count) REQUIRE(in.item());
    return count - 1;  // In front stands the request itself.
  };
  CHECK(sent(1u << 20) == kMaxStatementsPerRequest);
  CHECK(sent(6) == 3);
  CHECK(sent(7) == 3);
  CHECK(sent(5) == 2);
  CHECK(sent(0) == 1);
}

TEST_CASE("nothing is asked for where what was recorded cannot be sealed, or what is known of the log is no root") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.add_note(visit, 1);
  SyncPass pass(device.platform, *device.db);
  const Bytes before = content_of(*device.db);
  {
    const Failing fault(*device.db, "UPDATE ON journal");
    CHECK(pass.request().error().code == Code::kDatabaseConstraint);
    CHECK(content_of(*device.db) == before);
  }
  const Bytes root = bytes_setting(*device.db, "checkpoint_root")->value();
  REQUIRE(device.db->execute("DELETE FROM setting WHERE name = 'checkpoint_root'"));
  CHECK(pass.request());  // as of a device that knows no log
  REQUIRE(put_setting(*device.db, "checkpoint_root", BytesView(root).first(31)));
  CHECK(pass.request().error().code == Code::kDatabaseCorrupt);
  REQUIRE(put_setting(*device.db, "checkpoint_root", BytesView(root)));
  CHECK(pass.request());
}

TEST_CASE("an answer of which any write fails changes nothing, and is taken once the database is sound again") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.whole_visit(visit);
  {
    const Failing fault(*device.db, "UPDATE ON visit WHEN NEW.state = 'RECEIVED'");
    CHECK(device.sync().error().code == Code::kDatabaseConstraint);
    CHECK(device.state(visit) == "SUBMITTED");
  }
  device.must_sync();
  REQUIRE(device.state(visit) == "RECEIVED");
  // The office registers without effect what comes after the submission, so the device takes both back. A school that
  // it knows gets another name, and it hears of a visit.
  device.write([&]() -> Status {
    DUDAO_CHECK(device.answer(visit, "S2", std::int64_t{13}));
    return device.db->execute("INSERT INTO note VALUES (?, ?, 1, NULL, '晚了', NULL, 'I001', 1, 480, 1)",
                              BytesView(visit), device.number());
  });
  REQUIRE(office->decide("王处长", "register.import", [&](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.update("school", {std::string("140001")}, {{find_table("school")->column("name"), std::string("实验小学")}});
    return rows;
  }));
  office.plan({"I001"});
  SyncPass pass(device.platform, *device.db);
  const HttpResponse answer = device.post(kSyncPath, pass.request().value()).value();
  const auto take = [&] { return pass.take_answer(answer.status, TestDevice::content_type(answer), answer.body); };

  const Bytes before = content_of(*device.db);
  const auto refused = [&](const std::string& when, Failing::Where where = Failing::Where::kAtOnce) {
    INFO(when);
    const Failing fault(*device.db, when, where);
    const auto taken = take();
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == Code::kDatabaseConstraint);
    CHECK(content_of(*device.db) == before);
  };
  refused("UPDATE ON outbox WHEN NEW.receipt IS NOT NULL AND NEW.refusal IS NULL");
  refused("UPDATE ON outbox WHEN NEW.refusal IS NOT NULL");
  refused("DELETE ON note");
  refused("DELETE ON answer");
  refused("INSERT ON answer");
  refused("INSERT ON visit");
  refused("UPDATE ON school");
  for (const char* name : {"cursor", "checkpoint_size", "checkpoint_root", "checkpoint_note", "checkpoint_peaks",
                           "seen_size", "seen_root", "office_utc_ms", "office_boot_ms", "office_boot_id"})
    refused("INSERT ON setting WHEN NEW.name = '" + std::string(name) + "'");
  refused("UPDATE ON outbox", Failing::Where::kAtCommit);

  const auto taken = take();
  REQUIRE(taken);
  CHECK(taken->receipted == 1);
  CHECK(taken->refusals.size() == 1);
  CHECK(device.db->integer("SELECT count(*) FROM note").value() == 0);
  CHECK(device.db->integer("SELECT value FROM answer WHERE item = 'S2'").value() == 12);
  CHECK(device.db->integer("SELECT count(*) FROM school WHERE name = '实验小学'").value() == 1);
  CHECK(device.db->integer("SELECT count(*) FROM visit").value() == 2);
}

TEST_CASE("what is recorded between a request and its answer stays on top of what else comes of the row") {
  const bool sealed = GENERATE(false, true);
  OneVisit one;
  auto& [office, device, visit] = one;
  REQUIRE(office->decide("王处长", "test", [&](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.update("visit", {visit}, {{find_table("visit")->column("to_day"), std::int64_t{20'530}}});
    return rows;
  }));
  SyncPass pass(device.platform, *device.db);
  const HttpResponse answer = device.post(kSyncPath, pass.request().value()).value();
  device.check_in(visit);
  if (sealed) REQUIRE(seal(device.platform, *device.db).value() == 1);
  REQUIRE(pass.take_answer(answer.status, TestDevice::content_type(answer), answer.body));
  CHECK(device.state(visit) == "IN_PROGRESS");
  CHECK(device.db->integer("SELECT to_day FROM visit").value() == 20'530);
}

TEST_CASE("a visit is received with the receipt of its submission and not with one of what came before") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.check_in(visit);
  REQUIRE(seal(device.platform, *device.db).value() == 1);
  device.write([&] { return device.answer(visit, "S1", std::int64_t{1}); });
  device.write([&] { return device.answer(visit, "S2", std::int64_t{12}); });
  device.finish_and_submit(visit);
  SyncPass pass(device.platform, *device.db, {.up_bytes = 1});
  CHECK(device.exchange(pass).value().again);
  CHECK(device.state(visit) == "SUBMITTED");
  CHECK_FALSE(device.exchange(pass).value().again);
  CHECK(device.state(visit) == "RECEIVED");
}

TEST_CASE("a device says that it has seen the log only up to where all rows are in its hands") {
  OneVisit one;
  auto& [office, device, visit] = one;
  device.seal_note(visit, 1);
  device.seal_note(visit, 2);
  SyncPass pass(device.platform, *device.db);
  REQUIRE(device.post(kSyncPath, pass.request().value()));  // Both are registered, and the answer is lost.
  pass.set_budget({.up_bytes = 1});
  const auto seen = [&] { return integer_setting(*device.db, "seen_size").value(); };
  CHECK(device.exchange(pass).value().again);
  const auto before = seen();
  office.plan({"I001"});
  // Now the feed goes on behind the second note, whose receipt comes only here: what it spoke of must come once more.
  CHECK(device.exchange(pass).value().again);
  CHECK(seen() == before);
  CHECK_FALSE(device.exchange(pass).value().again);
  CHECK(seen() == integer_setting(*device.db, "checkpoint_size").value());
}

TEST_CASE("an answer to an enrolment in which anything is wrong pins nothing, and the right one everything") {
  Enrolling device;
  const PrivateKey stranger = PrivateKey::generate(Algorithm::kEd25519);
  const PrivateKey hardware = PrivateKey::generate(Algorithm::kEs256);
  const Bytes genesis = device.genesis();
  const Bytes enrolment = device.enrolment();
  const Bytes good = compress(Enrolling::joined({genesis, enrolment}));
  const Bytes before = content_of(*device.db);
  const auto code = [&](const Result<bool>& taken) {
    CHECK(content_of(*device.db) == before);
    REQUIRE_FALSE(taken);
    return taken.error().code;
  };
  CHECK_FALSE(device.take(202, kSyncContentType, good).value());
  CHECK(content_of(*device.db) == before);
  // Not from an office, or an office that says no.
  CHECK(code(device.take(302, kSyncContentType, good)) == Code::kNotTheOffice);
  CHECK(code(device.take(500, kSyncContentType, good)) == Code::kOfficeTrouble);
  const ErrorAnswer no{static_cast<std::uint16_t>(Code::kEnrolmentUnknown), "", 0, {}};
  CHECK(code(device.take(403, kErrorContentType, write_error_answer(no))) == Code::kEnrolmentUnknown);
  CHECK(code(device.take(200, "text/html", good)) == Code::kNotTheOffice);
  CHECK(code(device.take(200, kSyncContentType, Enrolling::joined({genesis, enrolment}))) == Code::kNotTheOffice);
  // Other statements than the two.
  CHECK(code(device.take({})) == Code::kAnswerForged);
  CHECK(code(device.take({genesis})) == Code::kAnswerForged);
  CHECK(code(device.take({genesis, enrolment, enrolment})) == Code::kTooManyStatements);
  CHECK(code(device.take({enrolment, genesis})) == Code::kAnswerForged);
  CHECK(code(device.take({genesis, genesis})) == Code::kStatementType);
  CHECK(code(device.take({device.genesis(device.office, device.office, StatementType::kOfficeDecision), enrolment})) ==
        Code::kAnswerForged);
  // Of another office, or of none.
  const Bytes of_hardware = device.enrolment(1, device.key.algorithm(), device.key.raw(), hardware);
  CHECK(code(device.take({device.genesis(hardware, hardware), of_hardware})) == Code::kAnswerForged);
  CHECK(code(device.take({genesis, enrolment}, stranger.public_key().thumbprint())) == Code::kOfficeNotPinned);
  CHECK(code(device.take({device.genesis(device.office, stranger), enrolment})) == Code::kStatementKey);
  Bytes bent = genesis;
  bent.back() ^= 1;
  CHECK(code(device.take({bent, enrolment})) == Code::kStatementSignature);
  const Bytes by_stranger = device.enrolment(1, device.key.algorithm(), device.key.raw(), stranger);
  CHECK(code(device.take({genesis, by_stranger})) == Code::kStatementKey);
  // For another key.
  CHECK(code(device.take({genesis, device.enrolment(1, Algorithm::kEd25519, stranger.public_key().raw(),
                                                    device.office)})) == Code::kAnswerForged);
  CHECK(code(device.take({genesis, device.enrolment(1, Algorithm::kEs256, device.key.raw(), device.office)})) ==
        Code::kAnswerForged);

  REQUIRE(device.take({genesis, enrolment}, device.office.public_key().thumbprint()).value());
  const Identity who = identity(*device.db).value();
  CHECK(who.device == 1);
  CHECK(who.inspector == "I001");
  CHECK(who.key_name == "device");
  CHECK(who.origin == "office.example/log");
  CHECK(who.office_key->thumbprint() == device.office.public_key().thumbprint());
  CHECK(who.device_key->thumbprint() == device.key.thumbprint());
}

TEST_CASE(
    "an enrolled device takes its own enrolment again and never another, and of one that fails it keeps nothing") {
  Enrolling device;
  const Bytes before = content_of(*device.db);
  const auto fails = [&](const std::string& when, Failing::Where where) {
    INFO(when);
    const Failing fault(*device.db, when, where);
    const auto taken = device.take({device.genesis(), device.enrolment()});
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == Code::kDatabaseConstraint);
    CHECK(content_of(*device.db) == before);
  };
  for (const char* name : {"device", "inspector", "key_name", "origin", "office_key", "device_algorithm", "device_key",
                           "enrolment", "chain_seq", "chain_head"})
    fails("INSERT ON setting WHEN NEW.name = '" + std::string(name) + "'", Failing::Where::kAtOnce);
  fails("INSERT ON setting", Failing::Where::kAtCommit);
  REQUIRE(device.take({device.genesis(), device.enrolment()}).value());
  const Bytes enrolled = content_of(*device.db);
  CHECK(device.take({device.genesis(), device.enrolment()}).value());
  CHECK(content_of(*device.db) == enrolled);
  CHECK(device.take({device.genesis(), device.enrolment(2)}).error().code == Code::kAlreadyEnrolled);
  CHECK(content_of(*device.db) == enrolled);
}
