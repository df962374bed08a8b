/// The device's journal and outbox, without an office: a process that dies at any moment, a journal that was cut, a
/// disk that is full or may only be read, a key that is away, a clock that is anywhere.

#include "sync/author.hpp"

#include "schema/checklist.hpp"
#include "schema/tables.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/sync/failing_database.hpp"

#include <csignal>
#include <filesystem>
#include <functional>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;

namespace {

const Bytes kVisit(16, 0x17);

std::unique_ptr<Database> open_device(const std::string& path) {
  auto db = open_database(path, Database::Mode::kOpenOrCreate, DatabaseKind::kDevice);
  if (!db) FAIL(db.error().message());
  return std::move(*db);
}

Status note(Database& db, std::int64_t n, std::string_view words) {
  return record(db, [&] {
    return db.execute("INSERT INTO note VALUES (?, 1, ?, NULL, ?, NULL, 'I001', 5, 480, 6)", BytesView(kVisit), n,
                      words);
  });
}

/// An enrolled device that has never met its office again.
struct Alone {
  FakePlatform machine;
  Platform platform = machine.view();
  TempFolder folder;
  std::string path = folder / "agent.db";
  std::unique_ptr<Database> db = open_device(path);

  Alone() {
    const PublicKey key = *machine.keys.create("device", Algorithm::kEd25519);
    const PrivateKey office = PrivateKey::generate(Algorithm::kEd25519);
    const Bytes raw = to_bytes(office.public_key().raw());
    const Bytes own = to_bytes(key.raw());
    const Hash enrolment = sha256(view("enrolment"));
    const std::pair<std::string_view, ValueView> settings[] = {
        {"device", std::int64_t{1}},
        {"inspector", std::string_view("I001")},
        {"key_name", std::string_view("device")},
        {"origin", std::string_view("office.example/log")},
        {"office_key", BytesView(raw)},
        {"device_algorithm", std::int64_t{static_cast<int>(Algorithm::kEd25519)}},
        {"device_key", BytesView(own)},
        {"chain_seq", std::int64_t{0}},
        {"chain_head", BytesView(enrolment)},
    };
    for (const auto& [name, value] : settings) REQUIRE(put_setting(*db, name, value));
  }
  std::int64_t count(const std::string& from) {
    const auto found = db->integer("SELECT count(*) FROM " + from);
    REQUIRE(found);
    return *found;
  }
  /// Number, link, signature and content: what an office would take. Returns how many rows the chain brings.
  std::size_t check_chain() {
    std::size_t rows = 0;
    std::uint64_t seq = 0;
    std::uint64_t hlc = 0;
    Hash head = sha256(view("enrolment"));
    const Identity who = *identity(*db);
    const auto entries = outbox(*db, false);
    REQUIRE(entries);
    for (const OutboxEntry& entry : *entries) {
      const Bytes bytes = statement_of(*db, entry.seq)->statement;
      const auto statement = open_statement(bytes, StatementType::kChangeSet, *who.device_key);
      REQUIRE(statement);
      const auto set = read_change_set(statement->payload);
      REQUIRE(set);
      CHECK(set->seq == ++seq);
      CHECK(set->prev == head);
      CHECK(set->hlc > hlc);
      head = statement->id;
      hlc = set->hlc;
      for (const TableChanges& table : set->changes.tables) rows += table.inserted_rows();
    }
    CHECK(integer_setting(*db, "chain_seq").value() == static_cast<std::int64_t>(seq));
    CHECK(bytes_setting(*db, "chain_head").value() == to_bytes(head));
    return rows;
  }
  /// What somebody finds who starts after the process was killed at this very moment.
  std::unique_ptr<Database> after_a_crash(const TempFolder& place) const {
    for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()))
      std::filesystem::copy(file.path(), place / file.path().filename().string());
    return open_device(place / "agent.db");
  }
  void reopen() {
    db.reset();
    db = open_device(path);
  }
};

/// Does something whenever a key signs.
class WatchedKeys final : public KeyStore {
 public:
  WatchedKeys(KeyStore& keys, std::function<void()> when_signing) : keys_(keys), when_(std::move(when_signing)) {}
  Result<PublicKey> create(std::string_view name, Algorithm algorithm) override {
    return keys_.create(name, algorithm);
  }
  Result<PublicKey> public_key(std::string_view name) override { return keys_.public_key(name); }
  Result<Bytes> sign(std::string_view name, BytesView message) override {
    when_();
    return keys_.sign(name, message);
  }
  Status remove(std::string_view name) override { return keys_.remove(name); }

 private:
  KeyStore& keys_;
  std::function<void()> when_;
};

}  // namespace

TEST_CASE("a process that dies in the middle of recording or sealing leaves the step before it, whole") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  {
    INFO("in the middle of recording");
    std::unique_ptr<Database> found;
    const TempFolder place;
    REQUIRE(record(*device.db, [&]() -> Status {
      DUDAO_CHECK(device.db->execute("INSERT INTO note VALUES (?, 1, 2, NULL, '乙', NULL, 'I001', 5, 480, 6)",
                                     BytesView(kVisit)));
      found = device.after_a_crash(place);
      return {};
    }));
    CHECK(found->integer("SELECT count(*) FROM note") == 1);
    CHECK(found->integer("SELECT count(*) FROM journal") == 1);
  }
  {
    INFO("after recording");
    const TempFolder place;
    const auto found = device.after_a_crash(place);
    CHECK(found->integer("SELECT count(*) FROM note") == 2);
    CHECK(found->integer("SELECT count(*) FROM journal WHERE sealed_in IS NULL") == 2);
    // Whoever goes on from there seals both, once.
    REQUIRE(seal(device.platform, *found).value() == 1);
    CHECK(seal(device.platform, *found).value() == 0);
  }
  {
    INFO("in the middle of sealing, when the key signs");
    std::unique_ptr<Database> found;
    const TempFolder place;
    WatchedKeys keys(device.machine.keys, [&] { found = device.after_a_crash(place); });
    Platform watched{device.machine.clock, keys, device.machine.files, device.machine.connectivity, device.machine.http,
                     device.machine.log};
    REQUIRE(seal(watched, *device.db).value() == 1);
    REQUIRE(found);
    CHECK(found->integer("SELECT count(*) FROM outbox") == 0);
    CHECK(found->integer("SELECT count(*) FROM journal WHERE sealed_in IS NULL") == 2);
    CHECK(integer_setting(*found, "chain_seq").value() == 0);
    CHECK(seal(device.platform, *found).value() == 1);
  }
  {
    INFO("after sealing");
    const TempFolder place;
    const auto found = device.after_a_crash(place);
    CHECK(seal(device.platform, *found).value() == 0);
    CHECK(found->integer("SELECT count(*) FROM outbox") == 1);
    CHECK(statement_of(*found, 1)->statement == statement_of(*device.db, 1)->statement);
  }
  CHECK(device.check_chain() == 2);
}

TEST_CASE("a key that is away refuses the seal and nothing else, and the next one takes everything") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  device.machine.keys.set_locked(true);
  CHECK(seal(device.platform, *device.db).error().code == Code::kKeyStoreLocked);
  REQUIRE(note(*device.db, 2, "乙"));
  CHECK(device.count("outbox") == 0);
  CHECK(integer_setting(*device.db, "chain_seq").value() == 0);
  device.machine.keys.set_locked(false);
  CHECK(seal(device.platform, *device.db).value() == 1);
  CHECK(device.check_chain() == 2);
}

TEST_CASE("whoever is killed without warning has everything that was acknowledged, and half of nothing") {
  for (int round = 0; round < 6; ++round) {
    Alone device;
    device.db.reset();
    int acknowledged[2];
    REQUIRE(pipe(acknowledged) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(acknowledged[0]);
      auto db = open_database(device.path, Database::Mode::kOpen, DatabaseKind::kDevice);
      for (std::int64_t n = 1; db && note(**db, n, "记录"); ++n) {
        if (n % 5 == 0 && !seal(device.platform, **db)) break;
        if (write(acknowledged[1], &n, sizeof n) != sizeof n) break;
      }
      _exit(1);
    }
    close(acknowledged[1]);
    std::int64_t last = 0;
    std::int64_t n = 0;
    // At least so many, and then at a moment that nobody chose.
    while (last < 3 + round * 4 && read(acknowledged[0], &n, sizeof n) == sizeof n) last = n;
    REQUIRE(last >= 3);
    REQUIRE(kill(child, SIGKILL) == 0);
    while (read(acknowledged[0], &n, sizeof n) == sizeof n) last = n;
    close(acknowledged[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    device.db = open_device(device.path);
    const std::int64_t notes = device.count("note");
    INFO("acknowledged " << last << ", found " << notes);
    CHECK((notes == last || notes == last + 1));
    CHECK(device.count("journal") == notes);
    CHECK(device.db->quick_check());
    REQUIRE(seal(device.platform, *device.db));
    CHECK(device.check_chain() == static_cast<std::size_t>(notes));
  }
}

TEST_CASE("a journal that was cut or changed anywhere is noticed, and nothing of it is signed") {
  Alone device;
  REQUIRE(note(*device.db, 1, "短"));
  REQUIRE(note(*device.db, 2, "长"));
  const Bytes good = std::get<Bytes>(**device.db->lookup("SELECT changeset FROM journal WHERE n = 1"));
  const auto refused = [&](BytesView bent) {
    REQUIRE(device.db->execute("UPDATE journal SET changeset = ? WHERE n = 1", bent));
    const auto sealed = seal(device.platform, *device.db);
    REQUIRE_FALSE(sealed);
    CHECK(sealed.error().code == Code::kChangesetBroken);
    CHECK(unsealed_changes(*device.db).error().code == Code::kChangesetBroken);
  };
  for (std::size_t size = 0; size < good.size(); ++size) refused(BytesView(good).first(size));
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bent = good;
    bent[at] ^= 0x10;
    refused(bent);
  }
  CHECK(device.count("outbox") == 0);
  CHECK(device.count("journal WHERE sealed_in IS NULL") == 2);
  CHECK(device.count("note") == 2);
  REQUIRE(device.db->execute("UPDATE journal SET changeset = ? WHERE n = 1", BytesView(good)));
  CHECK(seal(device.platform, *device.db).value() == 1);
  CHECK(device.check_chain() == 2);
}

TEST_CASE("on a full disk recording and sealing leave all as it was, wherever the room ends, and go on with more") {
  Alone device;
  const std::string page(3'000, 'x');
  std::int64_t recorded = 0;
  int refused_notes = 0;
  int refused_seals = 0;
  for (int round = 0; round < 40; ++round) {
    const std::int64_t pages = *device.db->integer("PRAGMA page_count");
    REQUIRE(device.db->script("PRAGMA max_page_count=" + std::to_string(pages + round % 4)));
    const std::int64_t journal = device.count("journal");
    const Status done = note(*device.db, recorded + 1, page);
    if (done) {
      ++recorded;
    } else {
      CHECK(done.error().code == Code::kDatabaseFull);
      ++refused_notes;
      CHECK(device.count("journal") == journal);
    }
    CHECK(device.count("note") == recorded);
    const std::int64_t statements = device.count("outbox");
    const std::int64_t waiting = device.count("journal WHERE sealed_in IS NULL");
    const auto sealed = seal(device.platform, *device.db);
    if (!sealed) {
      CHECK(sealed.error().code == Code::kDatabaseFull);
      ++refused_seals;
      CHECK(device.count("outbox") == statements);
      CHECK(device.count("journal WHERE sealed_in IS NULL") == waiting);
    }
  }
  CHECK(refused_notes > 0);
  CHECK(refused_seals > 0);
  REQUIRE(device.db->script("PRAGMA max_page_count=100000"));
  REQUIRE(seal(device.platform, *device.db));
  CHECK(device.check_chain() == static_cast<std::size_t>(recorded));
}

TEST_CASE("a database that may only be read is read, and every change is refused with its number") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  REQUIRE(seal(device.platform, *device.db));
  REQUIRE(note(*device.db, 2, "乙"));
  device.db.reset();
  auto opened = open_database(device.path, Database::Mode::kReadOnly, DatabaseKind::kDevice);
  REQUIRE(opened);
  device.db = std::move(*opened);
  CHECK(note(*device.db, 3, "丙").error().code == Code::kDatabaseReadOnly);
  CHECK(seal(device.platform, *device.db).error().code == Code::kDatabaseReadOnly);
  CHECK(device.count("note") == 2);
  CHECK(device.check_chain() == 1);
  CHECK(unsealed_changes(*device.db)->rows() == 1);
  device.reopen();
  CHECK(seal(device.platform, *device.db).value() == 1);
  CHECK(device.check_chain() == 2);
}

TEST_CASE("a wall clock that jumps anywhere never lets the device's own order run backwards") {
  Alone device;
  constexpr std::int64_t kTenYears_ms = 3'652LL * 86'400'000;
  const std::int64_t today = device.platform.clock.wall_utc_ms();
  std::int64_t n = 0;
  for (const std::int64_t wall : {today, today + kTenYears_ms, today - kTenYears_ms, today, std::int64_t{0},
                                  std::int64_t{-1}, INT64_MIN / 2, INT64_MAX / 2, today}) {
    device.machine.clock.set_wall(wall);
    REQUIRE(note(*device.db, ++n, "记录"));
    REQUIRE(seal(device.platform, *device.db).value() == 1);
  }
  CHECK(device.check_chain() == static_cast<std::size_t>(n));
}

TEST_CASE("a clock is believed only as far as the office's time carries") {
  Alone device;
  Database& db = *device.db;
  FakeClock& clock = device.machine.clock;
  constexpr std::int64_t kTenYears_ms = 3'652LL * 86'400'000;
  const std::int64_t today = clock.wall_utc_ms();
  CHECK(clock_quality(db, clock).value() == ClockQuality::kUnchecked);
  REQUIRE(anchor_clock(db, clock, today));
  CHECK(clock_quality(db, clock).value() == ClockQuality::kChecked);
  for (const std::int64_t wall : {today + kTenYears_ms, today - kTenYears_ms}) {
    clock.set_wall(wall);
    CHECK(clock_quality(db, clock).value() == ClockQuality::kWrong);
    CHECK(likely_utc_ms(db, clock).value() == today);
  }
  // After a restart the boot clock says nothing: in the past is wrong all the same, in the future nobody knows.
  clock.restart();
  clock.set_wall(today - kTenYears_ms);
  CHECK(clock_quality(db, clock).value() == ClockQuality::kWrong);
  clock.set_wall(today + kTenYears_ms);
  CHECK(clock_quality(db, clock).value() == ClockQuality::kUnchecked);
}

TEST_CASE("a clock five minutes off the office's is believed, and a millisecond more is not") {
  Alone device;
  Database& db = *device.db;
  FakeClock& clock = device.machine.clock;
  constexpr std::int64_t kFiveMinutes_ms = 300'000;
  const std::int64_t today = clock.wall_utc_ms();
  REQUIRE(anchor_clock(db, clock, today));
  const auto quality = [&](std::int64_t off_ms) {
    clock.set_wall(today + off_ms);
    return clock_quality(db, clock).value();
  };
  CHECK(quality(kFiveMinutes_ms) == ClockQuality::kChecked);
  CHECK(quality(kFiveMinutes_ms + 1) == ClockQuality::kWrong);
  CHECK(quality(-kFiveMinutes_ms) == ClockQuality::kChecked);
  CHECK(quality(-kFiveMinutes_ms - 1) == ClockQuality::kWrong);
  clock.restart();
  CHECK(quality(-kFiveMinutes_ms) == ClockQuality::kUnchecked);
  CHECK(quality(-kFiveMinutes_ms - 1) == ClockQuality::kWrong);
}

TEST_CASE("a device that lacks any of what enrolment gave it is not enrolled, and what is of another kind is corrupt") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  const Bytes before = content_of(*device.db);
  const auto sealed = [&] { return seal(device.platform, *device.db).error().code; };
  for (const std::string_view name : {"device", "inspector", "key_name", "origin", "office_key", "device_algorithm",
                                      "device_key", "chain_seq", "chain_head"}) {
    INFO(name);
    const auto value = device.db->lookup("SELECT value FROM setting WHERE name = ?", name);
    REQUIRE((value && *value));
    REQUIRE(device.db->execute("DELETE FROM setting WHERE name = ?", name));
    CHECK(sealed() == Code::kNotEnrolled);
    const bool integer = std::holds_alternative<std::int64_t>(**value);
    REQUIRE(put_setting(*device.db, name, integer ? ValueView(std::string_view("1")) : ValueView(std::int64_t{1})));
    CHECK(sealed() == Code::kDatabaseCorrupt);
    REQUIRE(put_setting(*device.db, name, as_view(**value)));
    CHECK(content_of(*device.db) == before);
  }
  REQUIRE(put_setting(*device.db, "chain_head", BytesView(Bytes(31, 1))));
  CHECK(sealed() == Code::kNotEnrolled);
  CHECK(device.count("outbox") == 0);
}

TEST_CASE("a root of the log that is none is never signed") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  REQUIRE(put_setting(*device.db, "seen_size", std::int64_t{7}));
  CHECK(seal(device.platform, *device.db).value() == 1);
  const Bytes sealed = statement_of(*device.db, 1)->statement;
  CHECK(read_change_set(parse_statement(sealed)->payload)->seen == LogState{});  // a size without its root
  REQUIRE(note(*device.db, 2, "乙"));
  for (const std::size_t size : {0u, 31u, 33u}) {
    REQUIRE(put_setting(*device.db, "seen_root", BytesView(Bytes(size, 1))));
    const Bytes before = content_of(*device.db);
    CHECK(seal(device.platform, *device.db).error().code == Code::kDatabaseCorrupt);
    CHECK(content_of(*device.db) == before);
  }
  REQUIRE(put_setting(*device.db, "seen_root", BytesView(Bytes(32, 1))));
  CHECK(seal(device.platform, *device.db).value() == 1);
}

TEST_CASE("a seal of which any write fails leaves all as it was, and the next one takes everything") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  const Bytes before = content_of(*device.db);
  const auto refused = [&](const std::string& when, Failing::Where where = Failing::Where::kAtOnce) {
    INFO(when);
    const Failing fault(*device.db, when, where);
    const auto sealed = seal(device.platform, *device.db);
    REQUIRE_FALSE(sealed);
    CHECK(sealed.error().code == Code::kDatabaseConstraint);
    CHECK(content_of(*device.db) == before);
  };
  refused("INSERT ON outbox");
  refused("UPDATE ON journal");
  for (const char* name : {"hlc", "chain_seq", "chain_head"})
    refused("INSERT ON setting WHEN NEW.name = '" + std::string(name) + "'");
  refused("INSERT ON outbox", Failing::Where::kAtCommit);
  CHECK(seal(device.platform, *device.db).value() == 1);
  CHECK(device.check_chain() == 1);
}

TEST_CASE("edits that cancel each other out are sealed with nothing, unless the journal cannot be written") {
  Alone device;
  REQUIRE(record(*device.db, [&]() -> Status {
    DUDAO_CHECK(device.db->execute("INSERT INTO note VALUES (?, 1, 1, NULL, '甲', NULL, 'I001', 5, 480, 6)",
                                   BytesView(kVisit)));
    return device.db->execute("DELETE FROM note");
  }));
  {
    const Failing fault(*device.db, "UPDATE ON journal");
    CHECK(seal(device.platform, *device.db).error().code == Code::kDatabaseConstraint);
    CHECK(device.count("journal WHERE sealed_in IS NULL") == 1);
  }
  CHECK(seal(device.platform, *device.db).value() == 0);
  CHECK(device.count("journal WHERE sealed_in IS NULL") == 0);
  CHECK(device.check_chain() == 0);
}

TEST_CASE("a step that just fits into a statement is recorded and sealed, and one byte more is refused at once") {
  Alone device;
  constexpr std::size_t kFits = kMaxStatementBytes - 1'024;  // what is left beside header, chain and signature
  const auto too_large = [&](std::size_t characters) {
    const Bytes before = content_of(*device.db);
    const Status done = note(*device.db, 1, std::string(characters, 'x'));
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::kChangeTooLarge);
    CHECK(content_of(*device.db) == before);
    return std::stoull(done.error().detail);
  };
  const std::size_t around = too_large(kFits) - kFits;
  CHECK(too_large(kFits - around + 1) == kFits + 1);
  REQUIRE(note(*device.db, 1, std::string(kFits - around, 'x')));
  CHECK(seal(device.platform, *device.db).value() == 1);
  CHECK(device.check_chain() == 1);
}

TEST_CASE("a step that no statement can carry is refused by the seal, however it came into the journal") {
  Alone device;
  {
    auto capture = Capture::begin(*device.db, synced_table_names());
    REQUIRE(capture);
    REQUIRE(device.db->execute("INSERT INTO note VALUES (?, 1, 1, NULL, ?, NULL, 'I001', 5, 480, 6)", BytesView(kVisit),
                               std::string_view(std::string(kMaxStatementBytes, 'x'))));
    Bytes step = capture->changeset().value();
    append(step, BytesView(sha256(step)).first(8));
    REQUIRE(device.db->execute("INSERT INTO journal (changeset) VALUES (?)", BytesView(step)));
  }
  REQUIRE(note(*device.db, 2, "乙"));
  const Bytes before = content_of(*device.db);
  CHECK(seal(device.platform, *device.db).error().code == Code::kChangeTooLarge);
  CHECK(content_of(*device.db) == before);
}

TEST_CASE("a statement that the device never made is unknown to it") {
  Alone device;
  REQUIRE(note(*device.db, 1, "甲"));
  REQUIRE(seal(device.platform, *device.db).value() == 1);
  CHECK(statement_of(*device.db, 1));
  for (const std::uint64_t seq : {0u, 2u}) CHECK(statement_of(*device.db, seq).error().code == Code::kStatementUnknown);
}

TEST_CASE("a change that fails half way is recorded not at all") {
  Alone device;
  const Bytes before = content_of(*device.db);
  const Status done = record(*device.db, [&]() -> Status {
    DUDAO_CHECK(device.db->execute("INSERT INTO note VALUES (?, 1, 1, NULL, '甲', NULL, 'I001', 5, 480, 6)",
                                   BytesView(kVisit)));
    return fail(Code::kTransitionNotAllowed);
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kTransitionNotAllowed);
  CHECK(content_of(*device.db) == before);
}

TEST_CASE("steps that together are too large for a statement are sealed in several") {
  Alone device;
  // Text that is the same in all rows would stand there once.
  for (std::int64_t n = 1; n <= 5; ++n)
    REQUIRE(note(*device.db, n, std::string(kMaxStatementBytes * 2 / 5, static_cast<char>('a' + n))));
  CHECK(seal(device.platform, *device.db).value() == 3);
  CHECK(device.check_chain() == 5);
}

TEST_CASE("a statement is urgent only where a finding is or becomes one of immediate danger") {
  Alone device;
  const auto urgent = [&](const std::string& sql) {
    REQUIRE(record(*device.db, [&] { return device.db->script(sql); }));
    REQUIRE(seal(device.platform, *device.db).value() == 1);
    return outbox(*device.db, true)->back().urgent;
  };
  const auto finding = [&](int n, const std::string& severity) {
    return urgent("INSERT INTO finding VALUES (zeroblob(16), 1, " + std::to_string(n) + ", NULL, '" + severity +
                  "', NULL, '通道堵塞', NULL, NULL, 'OPEN', NULL, 'I001', 5, 480, 6)");
  };
  CHECK_FALSE(finding(1, "ORDINARY"));
  CHECK(finding(2, std::string(to_string(Severity::kDanger))));
  CHECK_FALSE(urgent("UPDATE finding SET text = 'DANGER' WHERE n = 1"));
  CHECK_FALSE(urgent("UPDATE finding SET severity = 'SERIOUS' WHERE n = 1"));
  CHECK(urgent("UPDATE finding SET severity = 'DANGER' WHERE n = 1"));
  CHECK_FALSE(urgent("INSERT INTO note VALUES (zeroblob(16), 1, 1, NULL, 'DANGER', NULL, 'I001', 5, 480, 6)"));
}

TEST_CASE("after a restart the likely time is the wall clock's but not before what the office said") {
  Alone device;
  FakeClock& clock = device.machine.clock;
  const std::int64_t today = clock.wall_utc_ms();
  CHECK(likely_utc_ms(*device.db, clock).value() == today);
  REQUIRE(anchor_clock(*device.db, clock, today));
  clock.restart();
  for (const std::int64_t off_ms : {-7'000, 0, 7'000}) {
    clock.set_wall(today + off_ms);
    CHECK(likely_utc_ms(*device.db, clock).value() == std::max(today, today + off_ms));
  }
}
