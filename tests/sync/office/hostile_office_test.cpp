#include "sync/answer.hpp"
#include "sync/checkpoint.hpp"
#include "sync/compress.hpp"
#include "sync/merkle.hpp"
#include "tests/sync/office/county.hpp"

#include <algorithm>
#include <bit>

using namespace dudao;
using namespace dudao::test;

namespace {

/// A device with a finished visit to send, and an office whose answers can be bent on the way.
struct Bent {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes visit;

  Bent() {
    office.add_people_and_schools();
    device.enrol();
    visit = office.plan({"I001"});
    device.must_sync();
    device.whole_visit(visit);
    REQUIRE(seal(device.platform, *device.db));
  }
  /// The honest answer to the pass's next request.
  HttpResponse answer_to(SyncPass& pass) {
    auto body = pass.request();
    REQUIRE(body);
    auto answer = device.post(kSyncPath, *std::move(body));
    REQUIRE(answer);
    return *std::move(answer);
  }
  static Bytes plain(const HttpResponse& answer) {
    auto out = decompress(answer.body, kMaxSyncPlainBytes);
    REQUIRE(out);
    return *std::move(out);
  }
  Bytes office_signs(BytesView message) { return office.platform.keys.sign("office", message).value(); }
  /// The answer with another page, which the office itself has signed.
  Bytes with_page(SyncAnswer answer, const FeedPage& page) {
    const Bytes whole = sign_statement({StatementType::kFeedPage, office->origin(),
                                        "d" + std::to_string(device.number()), page.office_utc_ms / 1000},
                                       write_feed_page(page), office->key(),
                                       [&](BytesView message) { return Result<Bytes>(office_signs(message)); })
                            .value();
    const Bytes bare = bare_statement(whole);
    answer.page = bare;
    return write_sync_answer(answer);
  }
  std::string all_of_it() {
    std::string out;
    for (const char* table : {"outbox", "setting", "visit", "answer", "journal", "visit_event"}) {
      const auto rows = device.db->integer(std::string("SELECT count(*) FROM ") + table);
      out += table + std::to_string(*rows) + " ";
    }
    out += std::to_string(*device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NOT NULL")) + " ";
    for (const char* name : {"cursor", "checkpoint_size", "seen_size"})
      out += std::to_string(integer_setting(*device.db, name)->value_or(-1)) + " ";
    return out + device.state(visit);
  }
  /// Refused with one of our numbers, and nothing changed.
  Code refused(SyncPass& pass, const Bytes& plain_body) {
    const std::string before = all_of_it();
    const auto taken = pass.take_answer(200, kSyncContentType, compress(plain_body));
    REQUIRE_FALSE(taken);
    CHECK(all_of_it() == before);
    return taken.error().code;
  }
};

}  // namespace

TEST_CASE("the device refuses an answer with any bit changed or cut anywhere, whole, and takes the honest one") {
  Bent bent;
  SyncPass pass(bent.device.platform, *bent.device.db);
  const HttpResponse answer = bent.answer_to(pass);
  const Bytes good = Bent::plain(answer);
  Bytes bad = good;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    if (pass.take_answer(200, kSyncContentType, compress(bad)))
      FAIL_CHECK("bit " << bit % 8 << " of byte " << bit / 8 << " of " << good.size());
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(pass.take_answer(200, kSyncContentType, compress(BytesView(good).first(size))));
  CHECK(bent.device.state(bent.visit) == "SUBMITTED");
  CHECK(bent.device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NOT NULL").value() == 0);
  const auto taken = pass.take_answer(answer.status, kSyncContentType, answer.body);
  REQUIRE(taken);
  CHECK(taken->receipted == 1);
  CHECK_FALSE(taken->again);  // There is nothing more to send or to fetch.
  CHECK(bent.device.state(bent.visit) == "RECEIVED");
}

TEST_CASE("of a receipt from before the checkpoint the device takes no changed bit but another size of its tree") {
  Bent bent;
  TestDevice& device = bent.device;
  device.must_sync();
  const Bytes visit = bent.office.plan({"I001"});
  device.must_sync();
  // Two statements reach the office and the answer is lost. The next request has room for the first alone, and its
  // answer moves the checkpoint beyond both, so that the receipt of the second comes with a proof of its own.
  device.check_in(visit);
  REQUIRE(seal(device.platform, *device.db).value() == 1);
  device.write([&] { return device.answer(visit, "S1", std::int64_t{1}); });
  REQUIRE(seal(device.platform, *device.db).value() == 1);
  SyncPass pass(device.platform, *device.db);
  static_cast<void>(bent.answer_to(pass));
  pass.set_budget({.up_bytes = 1});
  const HttpResponse first = bent.answer_to(pass);
  REQUIRE(pass.take_answer(first.status, kSyncContentType, first.body).value().receipted == 1);

  const HttpResponse answer = bent.answer_to(pass);
  const Bytes good = Bent::plain(answer);
  const SyncAnswer honest = read_sync_answer(good).value();
  REQUIRE(honest.receipts.size() == 1);
  const std::uint64_t seq = honest.receipts.front().first;
  const BatchReceipt& batch = honest.receipts.front().second;
  REQUIRE(batch.first < integer_setting(*device.db, "checkpoint_size")->value());
  REQUIRE_FALSE(batch.proof.empty());
  const std::int64_t cursor = integer_setting(*device.db, "cursor")->value();
  const auto forget = [&] {
    REQUIRE(
        device.db->execute("UPDATE outbox SET log_index = NULL, receipt = NULL, registered_utc_s = NULL WHERE seq = ?",
                           static_cast<std::int64_t>(seq)));
    REQUIRE(put_setting(*device.db, "cursor", cursor));
  };
  const PublicKey& office_key = bent.office.office->key();
  Bytes bad = good;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    if (pass.take_answer(200, kSyncContentType, compress(bad))) {
      // The size is not signed with the root; it only says how to fold, and some sizes fold alike. Place and time are
      // the honest ones, and dudao-audit, which has the ledger, refuses the size.
      const auto kept = statement_of(*device.db, seq);
      REQUIRE(kept);
      const auto receipt = verify_receipt(kept->receipt, kept->statement, office_key);
      REQUIRE(receipt);
      CHECK(receipt->index == batch.first);
      CHECK(receipt->registered_utc_s == batch.head.registered_utc_s);
      CHECK(receipt->size != batch.head.size);
      forget();
    }
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  // A receipt that stands there twice counts once.
  SyncAnswer doubled = honest;
  doubled.receipts.push_back(doubled.receipts.front());
  CHECK(pass.take_answer(200, kSyncContentType, compress(write_sync_answer(doubled))).value().receipted == 1);
  forget();
  CHECK(pass.take_answer(answer.status, kSyncContentType, answer.body).value().receipted == 1);
  CHECK(outbox(*device.db, true)->empty());
}

TEST_CASE("an answer to another request or another device is a replay to the device") {
  Bent bent;
  SyncPass first(bent.device.platform, *bent.device.db);
  const HttpResponse old = bent.answer_to(first);
  SyncPass second(bent.device.platform, *bent.device.db);
  const HttpResponse honest = bent.answer_to(second);
  CHECK(bent.refused(second, Bent::plain(old)) == Code::kAnswerForged);
  TestDevice other(bent.office, "I002");
  other.enrol();
  SyncPass theirs(other.platform, *other.db);
  auto body = theirs.request();
  const auto answer = other.post(kSyncPath, *std::move(body));
  CHECK(bent.refused(second, Bent::plain(*answer)) == Code::kAnswerForged);
  CHECK(second.take_answer(200, kSyncContentType, honest.body));
}

TEST_CASE("an office that leaves out receipts or gives those of others moves nothing out of the device's outbox") {
  Bent bent;
  SyncPass pass(bent.device.platform, *bent.device.db);
  const Bytes good = Bent::plain(bent.answer_to(pass));
  auto answer = read_sync_answer(good);
  REQUIRE(answer);
  SECTION("left out") {
    answer->receipts.clear();
    // With the leaf in the proof, as of somebody else's statement.
    answer->growth->proof = {leaf_hash(statement_of(*bent.device.db, 1)->statement)};
    const auto taken = pass.take_answer(200, kSyncContentType, compress(write_sync_answer(*answer)));
    REQUIRE(taken);
    CHECK(taken->receipted == 0);
    CHECK_FALSE(taken->again);  // Asking again at once would go on for ever.
    CHECK(bent.device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NULL").value() == 1);
    CHECK(bent.device.state(bent.visit) == "SUBMITTED");
  }
  SECTION("of another number") {
    answer->receipts.front().first = 9;
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kReceiptWrong);
  }
  SECTION("of another place in the log") {
    answer->receipts.front().second.first -= 1;
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
    answer->receipts.front().second.first += 2;
    answer->receipts.front().second.head.size += 1;
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
  }
  SECTION("with an earlier time") {
    answer->receipts.front().second.head.registered_utc_s -= 86'400;
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kReceiptWrong);
  }
  SECTION("with a proof beside the one of the growth, or new in a log that has not grown") {
    answer->receipts.front().second.proof = {Hash{}};
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kReceiptWrong);
    answer->receipts.front().second.proof.clear();
    answer->growth.reset();
    FeedPage page = read_feed_page(read_bare_statement(answer->page).value().payload).value();
    page.to = page.from;
    CHECK(bent.refused(pass, bent.with_page(*answer, page)) == Code::kReceiptWrong);
  }
  SECTION("of another log that is as large, or larger") {
    // As if it had been there since before the checkpoint, in the first place, with neighbours that nobody knows.
    const std::vector<Hash> leaves{leaf_hash(statement_of(*bent.device.db, 1)->statement)};
    answer->growth->proof = leaves;
    BatchReceipt& batch = answer->receipts.front().second;
    batch.first = 0;
    for (const std::int64_t size : {answer->growth->size, answer->growth->size + 1}) {
      batch.head.size = size;
      batch.proof.assign(static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(size - 1))), Hash{});
      const Hash root = expand_range(0, size, leaves, batch.proof).value().root;
      batch.signature =
          bent.office_signs(batch_to_be_signed(batch.head, root, bent.office->origin(), bent.office->key()));
      CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
    }
  }
  SECTION("for more than was sent") {
    answer->receipts.front().second.count += 1;
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kReceiptForm);
  }
}

TEST_CASE("an office that shows another log than before is found out by the device") {
  Bent bent;
  SyncPass pass(bent.device.platform, *bent.device.db);
  const Bytes good = Bent::plain(bent.answer_to(pass));
  auto answer = read_sync_answer(good);
  REQUIRE(answer);
  REQUIRE(answer->growth);
  LogGrowth& growth = *answer->growth;
  const auto claim = [&](std::string origin, std::int64_t size, std::uint8_t root, const Signer& signer) {
    growth.size = size;
    growth.root.emplace().fill(root);
    REQUIRE(sign_checkpoint({std::move(origin), size, *growth.root}, bent.office.office->key(),
                            [&](BytesView message) -> Result<Bytes> {
                              growth.signature = *signer(message);
                              return growth.signature;
                            }));
  };
  const Signer own = [&](BytesView m) { return bent.office.platform.keys.sign("office", m); };
  const std::string origin = bent.office.office->origin();
  SECTION("with its own signature, but no proof that it continues the one before") {
    claim(origin, 100, 7, own);
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
  }
  SECTION("of the right size") {
    claim(origin, growth.size, 7, own);
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
  }
  SECTION("as long as before, with another root") {
    answer->receipts.clear();
    growth.proof.clear();
    claim(origin, **integer_setting(*bent.device.db, "checkpoint_size"), 7, own);
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
  }
  SECTION("a shorter one") {
    claim(origin, 1, 7, own);
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogShrunk);
  }
  SECTION("of a size that there cannot be") {
    claim(origin, INT64_MAX, 7, own);
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kLogForked);
  }
  SECTION("without the proof, or with more than it takes") {
    bent.office.plan({"I001"});
    SyncPass later(bent.device.platform, *bent.device.db);
    const Bytes other = Bent::plain(bent.answer_to(later));
    auto longer = read_sync_answer(other);
    REQUIRE(longer->growth->proof.size() > 0);
    longer->growth->proof.push_back({});
    CHECK(bent.refused(later, write_sync_answer(*longer)) == Code::kLogForked);
    longer->growth->proof.clear();
    CHECK(bent.refused(later, write_sync_answer(*longer)) == Code::kLogForked);
  }
  SECTION("somebody else's signature") {
    const PrivateKey other = PrivateKey::generate(Algorithm::kEd25519);
    claim(origin, 100, 7, [&](BytesView m) { return Result<Bytes>(other.sign(m)); });
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kCheckpointSignature);
  }
  SECTION("another origin") {
    claim("other.example/log", 100, 7, own);
    CHECK(bent.refused(pass, write_sync_answer(*answer)) == Code::kCheckpointSignature);
  }
}

TEST_CASE("rows that an office signs in disorder the device refuses, missing or altered ones differ from the ledger") {
  Bent bent;
  bent.office.plan({"I001"}, "140002");
  bent.office.plan({"I001"}, "140002");
  SyncPass pass(bent.device.platform, *bent.device.db);
  const Bytes good = Bent::plain(bent.answer_to(pass));
  const SyncAnswer honest = read_sync_answer(good).value();
  FeedPage page = read_feed_page(read_bare_statement(honest.page).value().payload).value();
  const auto visits = std::find_if(page.rows.tables.begin(), page.rows.tables.end(),
                                   [](const TableChanges& table) { return table.table->name == "visit"; });
  REQUIRE(visits != page.rows.tables.end());
  REQUIRE(visits->inserted_rows() == 2);
  const Bytes first = to_bytes(std::get<BytesView>(visits->row(0)[0]));
  const Bytes second = to_bytes(std::get<BytesView>(visits->row(1)[0]));
  const auto columns = static_cast<std::ptrdiff_t>(visits->table->columns.size());
  const auto signed_by_the_office = [&] { return bent.with_page(honest, page); };
  const auto school_of = [&](const Bytes& visit) {
    const auto found = bent.device.db->lookup("SELECT school FROM visit WHERE id = ?", BytesView(visit));
    return found && *found ? std::get<std::string>(**found) : "absent";
  };
  const auto taken = [&] {
    const auto report = pass.take_answer(200, kSyncContentType, compress(signed_by_the_office()));
    REQUIRE(report);
    // Nothing in a row proves itself; the statements of the ledger do, and who derives the rows from them sees it.
    CHECK(bent.office.check().sound());
    CHECK(bent.office->rebuild());
    CHECK(bent.office.cell("visit", {BytesView(first)}, "school") == "140002");
    CHECK(school_of(second) == "140002");
  };
  SECTION("another order of rows") {
    std::rotate(visits->inserted.begin(), visits->inserted.begin() + columns, visits->inserted.end());
    CHECK(bent.refused(pass, signed_by_the_office()) == Code::kChangesShape);
  }
  SECTION("a row twice") {
    const std::vector<ValueView> row(visits->inserted.begin() + columns, visits->inserted.end());
    visits->inserted.insert(visits->inserted.end(), row.begin(), row.end());
    CHECK(bent.refused(pass, signed_by_the_office()) == Code::kChangesShape);
  }
  SECTION("another order of tables") {
    std::reverse(page.rows.tables.begin(), page.rows.tables.end());
    CHECK(bent.refused(pass, signed_by_the_office()) == Code::kChangesTable);
  }
  SECTION("a row left out") {
    visits->inserted.erase(visits->inserted.begin(), visits->inserted.begin() + columns);
    taken();
    CHECK(school_of(first) == "absent");
  }
  SECTION("a row altered") {
    visits->inserted[visits->table->column("school")] = std::string_view("140001");
    taken();
    CHECK(school_of(first) == "140001");
  }
}

TEST_CASE("a page that cannot be read, does not go on from the device's, leaves the log or edits rows is refused") {
  Bent bent;
  bent.office.plan({"I001"}, "140002");
  SyncPass pass(bent.device.platform, *bent.device.db);
  const Bytes good = Bent::plain(bent.answer_to(pass));
  const SyncAnswer honest = read_sync_answer(good).value();
  const FeedPage page = read_feed_page(read_bare_statement(honest.page).value().payload).value();
  SyncAnswer answer = honest;
  const Bytes nothing{0x80};
  answer.page = nothing;
  CHECK(bent.refused(pass, write_sync_answer(answer)) == Code::kAnswerForged);

  const auto refused = [&](std::uint64_t from, std::uint64_t to) {
    FeedPage other = page;
    other.from = from;
    other.to = to;
    return bent.refused(pass, bent.with_page(honest, other));
  };
  CHECK(refused(page.from - 1, page.to) == Code::kAnswerForged);
  CHECK(refused(page.from + 1, page.to) == Code::kAnswerForged);
  CHECK(refused(page.from, page.from - 1) == Code::kAnswerForged);
  CHECK(refused(page.from, page.to + 1) == Code::kAnswerForged);

  FeedPage editing = page;
  const Table* visits = find_table("visit");
  editing.rows.tables = {
      {visits, {}, {{{BytesView(bent.visit)}, {{visits->column("state"), std::string_view("CLOSED")}}}}}};
  CHECK(bent.refused(pass, bent.with_page(honest, editing)) == Code::kPayloadShape);
  CHECK(pass.take_answer(200, kSyncContentType, compress(bent.with_page(honest, page))));
}

TEST_CASE("rows written into the office's database past the ledger are found by rebuilding, which changes nothing") {
  Bent bent;
  bent.device.must_sync();
  REQUIRE(bent.office->rebuild());
  TempFolder copies;
  REQUIRE(bent.office->backup(copies / "honest.db"));
  const Bytes ledger = bent.office.ledger();
  int next = 0;
  const auto tampered = [&](const std::string& sql) {
    INFO(sql);
    bent.office.open(copies / "honest.db");
    const std::string path = copies / std::to_string(++next);
    REQUIRE(bent.office->backup(path));
    {
      auto past_the_office = open_database(path, Database::Mode::kOpen, DatabaseKind::kOffice);
      REQUIRE(past_the_office);
      REQUIRE((*past_the_office)->script(sql));
    }
    bent.office.open(path);
  };
  for (const char* sql : {"UPDATE answer SET value = 0 WHERE item = 'S1'", "DELETE FROM answer WHERE item = 'S3'",
                          "UPDATE visit SET state = 'CLOSED'", "UPDATE school SET name = '别名' WHERE code = '140001'",
                          "DELETE FROM team_member", "UPDATE visit_event SET event = 'no_access' WHERE n = 2",
                          "UPDATE device SET inspector = 'I002'", "UPDATE device SET head_seq = head_seq + 1"}) {
    tampered(sql);
    for (int again = 0; again < 2; ++again) {
      const Status rebuilt = bent.office->rebuild();
      REQUIRE_FALSE(rebuilt);
      CHECK(rebuilt.error().code == Code::kRebuildDiffers);
    }
    CHECK(bent.office.ledger() == ledger);
  }
  // What is written into the ledger itself, the auditor finds, and what is taken from its end the device, too.
  tampered("UPDATE ledger SET bytes = (SELECT bytes FROM ledger WHERE log_index = 1) WHERE log_index = 2");
  CHECK_FALSE(bent.office.check().sound());
  tampered("DELETE FROM ledger WHERE log_index = (SELECT max(log_index) FROM ledger)");
  CHECK_FALSE(bent.device.sync());
  bent.office.open(copies / "honest.db");
  CHECK(bent.office->rebuild());
  CHECK(bent.device.sync());
}

TEST_CASE("whatever answers in place of the office is told apart from it by the device, whatever status it gives") {
  Bent bent;
  SyncPass pass(bent.device.platform, *bent.device.db);
  const HttpResponse honest = bent.answer_to(pass);
  const std::string before = bent.all_of_it();
  const std::string page = "<html><body>Please log in</body></html>";
  const auto refused = [&](int status, std::string_view type, BytesView body) {
    const auto taken = pass.take_answer(status, type, body);
    REQUIRE_FALSE(taken);
    CHECK(bent.all_of_it() == before);
    return taken.error().code;
  };
  CHECK(refused(200, "text/html", view(page)) == Code::kNotTheOffice);
  CHECK(refused(200, "text/html", honest.body) == Code::kNotTheOffice);
  CHECK(refused(200, kSyncContentType, view(page)) == Code::kNotTheOffice);
  CHECK(refused(200, "", {}) == Code::kNotTheOffice);
  CHECK(refused(302, "text/html", view(page)) == Code::kNotTheOffice);
  CHECK(refused(404, "text/html", view(page)) == Code::kNotTheOffice);
  CHECK(refused(499, "text/html", view(page)) == Code::kNotTheOffice);
  CHECK(refused(500, "text/html", view(page)) == Code::kOfficeTrouble);
  CHECK(refused(511, "text/html", view(page)) == Code::kOfficeTrouble);
  CHECK(refused(503, kErrorContentType, view(page)) == Code::kOfficeTrouble);
  CHECK(refused(400, kErrorContentType, write_error_answer({9'999, "of tomorrow", 0, {}})) == Code::kOfficeRefused);
  // A nonce in place of a time is believed where the time is refused, and nowhere else.
  const ErrorAnswer revoked{static_cast<std::uint16_t>(Code::kDeviceRevoked), "", 0, Nonce{}};
  CHECK(refused(403, kErrorContentType, write_error_answer(revoked)) == Code::kDeviceRevoked);
  CHECK(refused(200, kSyncContentType, compress(Bytes(kMaxSyncPlainBytes + 1, 0))) == Code::kNotTheOffice);
  CHECK(refused(200, kSyncContentType, compress(Bytes(100'000, 0x81))) == Code::kCborDepth);
  CHECK(bent.device.sync());
}

TEST_CASE("both ends may be restarted between any two steps, and the end is the same") {
  // Steps: 0 nothing restarted, then a restart of the device, the office or both after each step of the way.
  const auto journey = [](int restart_at, bool device_too, bool office_too) {
    TestOffice office;
    office.add_people_and_schools();
    TestDevice device(office, "I001");
    int step = 0;
    const auto after_step = [&] {
      if (++step != restart_at) return;
      if (device_too) device.restart();
      if (office_too) office.restart();
    };
    device.enrol();
    after_step();
    const Bytes visit = office.plan({"I001"});
    after_step();
    device.must_sync();
    after_step();
    device.check_in(visit);
    after_step();
    device.write([&] { return device.answer(visit, "S1", std::int64_t{1}); });
    after_step();
    device.write([&] { return device.answer(visit, "S2", std::int64_t{12}); });
    after_step();
    device.finish_and_submit(visit);
    after_step();
    REQUIRE(seal(device.platform, *device.db));
    after_step();
    {
      // The request goes out and its answer is lost with whoever was restarted.
      SyncPass pass(device.platform, *device.db);
      auto body = pass.request();
      REQUIRE(body);
      const auto lost = device.post(kSyncPath, *body);
      REQUIRE(lost);
      CHECK(lost->status == 200);
    }
    after_step();
    {
      SyncPass pass(device.platform, *device.db);
      REQUIRE(device.exchange(pass));
    }
    after_step();
    device.must_sync();
    after_step();
    CHECK(device.state(visit) == "RECEIVED");
    CHECK(office.visit_state(visit) == "RECEIVED");
    CHECK(device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NULL").value() == 0);
    CHECK(office.check().sound());
    CHECK(office.check().change_sets == 1);
    CHECK(office->rebuild());
    return step;
  };
  const int steps = journey(0, false, false);
  for (int at = 1; at <= steps; ++at) {
    INFO("restart after step " << at);
    journey(at, true, false);
    journey(at, false, true);
    journey(at, true, true);
  }
}
