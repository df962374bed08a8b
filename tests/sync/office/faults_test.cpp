/// Disks that fail at either end, clocks of the office that are wrong, keys of hardware, and a ledger that somebody
/// touched.

#include "sync/answer.hpp"
#include "tests/sync/office/county.hpp"

#include <csignal>
#include <filesystem>

#include <sys/resource.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;

namespace {

/// No file grows beyond so many bytes while this stands; for the program it is a disk that takes no more.
class SmallDisk {
 public:
  explicit SmallDisk(std::size_t bytes) : ignored_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, ignored_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  void (*ignored_)(int);
  rlimit before_{};
};

/// A device with a whole visit in its outbox.
struct Ready {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes visit;

  explicit Ready(std::optional<Algorithm> algorithm = {}) {
    office.add_people_and_schools();
    if (algorithm) REQUIRE(device.platform.keys.create("device", *algorithm));
    device.enrol();
    visit = office.plan({"I001"});
    device.must_sync();
    device.whole_visit(visit);
    REQUIRE(seal(device.platform, *device.db).value() == 1);
  }
  /// Everything that the device keeps, as one text.
  std::string all_of_the_device() {
    std::string out;
    auto names = device.db->query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    REQUIRE(names);
    std::vector<std::string> tables;
    while (names->step().value_or(false)) tables.emplace_back(names->text(0));
    for (const std::string& table : tables) {
      if (table.starts_with("sqlite_")) continue;
      auto rows = device.db->query("SELECT * FROM main." + table);
      REQUIRE(rows);
      while (rows->step().value_or(false)) {
        out += table;
        for (int i = 0; i < rows->columns(); ++i) {
          const ValueView cell = rows->value(i);
          out += '|';
          if (const auto* number = std::get_if<std::int64_t>(&cell)) out += std::to_string(*number);
          if (const auto* words = std::get_if<std::string_view>(&cell)) out += *words;
          if (const auto* bytes = std::get_if<BytesView>(&cell)) out += to_hex(*bytes);
        }
        out += '\n';
      }
    }
    return out;
  }
  /// The number with which the office refuses all that the device has to send.
  Code refused_with(int status) {
    SyncPass pass(device.platform, *device.db);
    auto body = pass.request();
    REQUIRE(body);
    const auto answer = device.post(kSyncPath, *std::move(body));
    REQUIRE(answer);
    CHECK(answer->status == status);
    const auto error = read_error_answer(answer->body);
    REQUIRE(error);
    CHECK_FALSE(pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body));
    CHECK(outbox(*device.db, true)->size() == 1);
    return static_cast<Code>(error->code);
  }
  void arrived() {
    CHECK(device.state(visit) == "RECEIVED");
    CHECK(office.visit_state(visit) == "RECEIVED");
    CHECK(outbox(*device.db, true)->empty());
    const auto kept = statement_of(*device.db, 1);
    REQUIRE(kept);
    CHECK(verify_receipt(kept->receipt, kept->statement, office->key()));
    CHECK(office.check().change_sets == 1);
    CHECK(office->rebuild());
  }
};

/// A copy of the office's database, into which this was written past the office.
std::string copy_with(TestOffice& at, const TempFolder& copies, const std::string& sql = "") {
  static int copies_made = 0;
  const std::string path = copies / std::to_string(++copies_made);
  REQUIRE(at.office->backup(path));
  auto database = open_database(path, Database::Mode::kOpen, DatabaseKind::kOffice);
  REQUIRE(database);
  REQUIRE((*database)->script(sql));
  return path;
}

}  // namespace

TEST_CASE("whichever write fails while the answer is taken, nothing of it stands and the next exchange completes") {
  Ready at;
  Database& db = *at.device.db;
  at.office.plan({"I001"}, "140003");  // So that the feed brings rows, too.
  REQUIRE(db.script("CREATE TEMP TABLE allowance (writes INTEGER); INSERT INTO allowance VALUES (1000000)"));
  for (const char* table : {"outbox", "setting", "visit", "school", "team_member"})
    for (const std::string operation : {"INSERT", "UPDATE"})
      REQUIRE(db.script("CREATE TEMP TRIGGER fault_" + std::string(table) + operation + " BEFORE " + operation +
                        " ON main." + table +
                        " BEGIN UPDATE allowance SET writes = writes - 1;"
                        " SELECT RAISE(ABORT, 'fault') FROM allowance WHERE writes < 0; END"));
  SyncPass pass(at.device.platform, db);
  auto body = pass.request();
  REQUIRE(body);
  const auto answer = at.device.post(kSyncPath, *std::move(body));
  REQUIRE(answer);
  const std::string before = at.all_of_the_device();
  int writes = 0;
  while (true) {
    REQUIRE(db.execute("UPDATE allowance SET writes = ?", std::int64_t{writes}));
    const auto taken = pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body);
    if (taken) {
      CHECK(taken->receipted == 1);
      break;
    }
    CHECK(taken.error().code == Code::kDatabaseConstraint);
    REQUIRE(at.all_of_the_device() == before);
    REQUIRE(++writes < 1'000);
  }
  CHECK(writes > 5);
  REQUIRE(db.execute("UPDATE allowance SET writes = 1000000"));
  CHECK(at.device.must_sync().sent == 0);
  at.arrived();
}

TEST_CASE("a device whose disk is full takes no answer by halves, and takes it when there is room") {
  Ready at;
  for (int i = 0; i < 200; ++i) at.office.plan({"I001"}, "140003");
  int refused = 0;
  for (std::int64_t room = 0; room < 60; ++room) {
    const std::int64_t pages = *at.device.db->integer("PRAGMA page_count");
    REQUIRE(at.device.db->script("PRAGMA max_page_count=" + std::to_string(pages + room)));
    const std::string before = at.all_of_the_device();
    const auto report = at.device.sync();
    if (report) break;
    ++refused;
    CHECK(report.error().code == Code::kDatabaseFull);
    CHECK(report.error().retryable());
    CHECK(at.all_of_the_device() == before);
  }
  CHECK(refused > 0);
  REQUIRE(at.device.db->script("PRAGMA max_page_count=100000"));
  at.device.must_sync();
  at.arrived();
  CHECK(at.device.db->integer("SELECT count(*) FROM visit") == 201);
}

TEST_CASE("an office whose disk takes no more registers nothing, says so, and takes everything afterwards") {
  Ready at;
  const LedgerReport before = at.office.check();
  int refused = 0;
  for (const std::size_t bytes : {0u, 1u, 100u, 4'096u, 5'000u, 10'000u, 20'000u, 50'000u}) {
    INFO(bytes << " bytes");
    SyncPass pass(at.device.platform, *at.device.db);
    auto body = pass.request();
    REQUIRE(body);
    const auto answer = [&] {
      const SmallDisk disk(bytes);
      return at.device.post(kSyncPath, *std::move(body));
    }();
    REQUIRE(answer);
    const auto report = pass.take_answer(answer->status, TestDevice::content_type(*answer), answer->body);
    if (report) break;
    ++refused;
    CHECK(answer->status == 503);
    CHECK(report.error().retryable());
    CHECK(at.office.visit_state(at.visit) == "ASSIGNED");
    const LedgerReport now = at.office.check();
    CHECK(now.sound());
    CHECK(now.statements == before.statements);
    CHECK(outbox(*at.device.db, true)->size() == 1);
    CHECK(at.device.state(at.visit) == "SUBMITTED");
  }
  CHECK(refused > 3);
  // Neither does a decision come in by halves.
  {
    const Status decided = [&] {
      const SmallDisk disk(0);
      return at.office->visit_event("王处长", at.visit, "cancel", "", "停课");
    }();
    REQUIRE_FALSE(decided);
    CHECK(decided.error().retryable());
  }
  CHECK(at.office.visit_state(at.visit) == "ASSIGNED");
  CHECK(at.device.must_sync().receipted == 1);
  at.arrived();
  CHECK(at.office.check().sound());
  at.office.restart();
  CHECK(at.office.check().sound());
}

TEST_CASE("a draw for which the disk has no room is not run by halves, and is run when there is room") {
  TestOffice office;
  office.add_people_and_schools();
  std::vector<FrameEntry> frame;
  for (const char* school : {"140001", "140002", "140003"}) frame.push_back({school, "U", 1, FrameStatus::kEligible});
  const auto files =
      freeze_draw("SX-2026-01", {{"U", 1}}, 2, "lottery", frame, {{"I001", 2, true}, {"I002", 2, true}}, {});
  REQUIRE(files);
  REQUIRE(office->commit_draw("王处长", "SX-2026-01", *files));
  const VisitPlan pattern = daily_plan("RANDOM");
  const auto visits = [&] {
    std::int64_t all = 0;
    REQUIRE(office->read([&](Store& rows) {
      return rows.each_row(*find_table("visit"), [&](const StoredRow&) -> Status { return ++all, Status{}; });
    }));
    return all;
  };
  int refused = 0;
  for (std::size_t bytes = 0;; bytes += 1'000) {
    INFO(bytes << " bytes");
    const auto draw = [&] {
      const SmallDisk disk(bytes);
      return office->run_draw("王处长", "SX-2026-01", "2.5./", pattern);
    }();
    if (draw) break;
    ++refused;
    REQUIRE(draw.error().retryable());
    REQUIRE(visits() == 0);
  }
  CHECK(refused > 3);
  CHECK(visits() == 1);
  CHECK(office->reveal_draw("王处长", "SX-2026-01"));
  CHECK(office.check().sound());
}

TEST_CASE("an office whose database can only be read says so, opens nothing and changes nothing") {
  namespace fs = std::filesystem;
  TestOffice office;
  office.add_people_and_schools();
  office.office.reset();
  const fs::path folder = office.folder.path();
  const auto bytes = [&] { return fs::file_size(folder / "office.db"); };
  const auto before = bytes();
  for (const bool folder_too : {false, true}) {
    INFO((folder_too ? "the folder, too" : "the file alone"));
    fs::permissions(folder, folder_too ? fs::perms(0555) : fs::perms(0777));
    fs::permissions(folder / "office.db", fs::perms(0444));
    // Root may write everywhere; nobody may not.
    const bool root = ::geteuid() == 0;
    if (root) REQUIRE(::seteuid(65534) == 0);
    const auto opened =
        Office::open(office.platform, {.database = folder / "office.db", .origin = "office.example/log"});
    if (root) REQUIRE(::seteuid(0) == 0);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Code::kDatabaseReadOnly);
    CHECK(bytes() == before);
  }
  fs::permissions(folder, fs::perms(0700));
  fs::permissions(folder / "office.db", fs::perms(0600));
  office.open();
  CHECK(office.check().sound());
}

TEST_CASE("an office whose clock is ten years slow takes the record, and the audit says that its time ran backwards") {
  Ready at;
  constexpr std::int64_t kTenYears_ms = 3'652LL * 86'400'000;
  const std::int64_t today = at.office.platform.clock.wall_utc_ms();
  at.office.machine.clock.set_wall(today - kTenYears_ms);
  CHECK(at.device.must_sync().receipted == 1);
  at.arrived();
  const LedgerReport report = at.office.check();
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems.front().error.code == Code::kLedgerFile);
  CHECK(report.problems.front().error.detail.find("registered before") != std::string::npos);
  // What the device records under that office is marked: one of the two clocks is wrong, and it cannot know which.
  CHECK(clock_quality(*at.device.db, at.device.platform.clock).value() == ClockQuality::kWrong);

  at.office.machine.clock.set_wall(today + 60'000);
  at.device.machine.clock.advance(60'000);
  const Bytes second = at.office.plan({"I001"}, "140003");
  at.device.must_sync();
  CHECK(clock_quality(*at.device.db, at.device.platform.clock).value() == ClockQuality::kChecked);
  at.device.whole_visit(second);
  CHECK(at.device.must_sync().refusals.empty());
  CHECK(at.office.visit_state(second) == "RECEIVED");
  CHECK(at.office.cell("visit", {BytesView(second)}, "clock") == "null");
  CHECK(at.office.check().problems.size() == 1);
  CHECK(at.office->rebuild());
}

TEST_CASE("an office whose clock is set back by less than a day goes on from the time that it told last") {
  Ready at;
  const std::int64_t told_utc_ms = at.office.machine.clock.wall_utc_ms();
  constexpr std::int64_t kDay_ms = 86'400'000;
  for (const std::int64_t back_ms : {kDay_ms - 1'000, kDay_ms}) {
    at.office.machine.clock.set_wall(told_utc_ms - back_ms);
    at.office.plan({"I001"}, "140003");
    CHECK(at.office.check().problems.size() == (back_ms < kDay_ms ? 0 : 1));
  }
}

TEST_CASE("an office whose clock is ten years fast takes enrolments for expired, and loses nothing by it") {
  Ready at;
  constexpr std::int64_t kTenYears_ms = 3'652LL * 86'400'000;
  const std::int64_t today = at.office.platform.clock.wall_utc_ms();
  const std::int64_t statements = at.office.check().statements;
  at.office.machine.clock.set_wall(today + kTenYears_ms);
  const std::string before = at.all_of_the_device();
  const auto report = at.device.sync();
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kDeviceExpired);
  CHECK(at.all_of_the_device() == before);
  CHECK(at.office.check().statements == statements);
  at.office.machine.clock.set_wall(today);
  CHECK(at.device.must_sync().receipted == 1);
  at.arrived();
  CHECK(at.office.check().sound());
}

TEST_CASE("a device whose key is P-256, as hardware has it, does everything that others do") {
  Ready at(Algorithm::kEs256);
  CHECK(at.office->devices()->front().key.algorithm() == Algorithm::kEs256);
  // Signed anew after a lost answer, the request has another signature; the statement has the one that it was sealed
  // with.
  at.device.machine.http.plan(LoopbackHttp::Fault::kLoseAnswer);
  CHECK(at.device.sync().error().code == Code::kTimedOut);
  at.device.restart();
  CHECK(at.device.must_sync().receipted == 1);
  at.arrived();
  CHECK(at.office.check().sound());
}

TEST_CASE("what the database refuses is the office's trouble, which no statement is blamed for") {
  Ready at;
  const Bytes ledger = at.office.ledger();
  TempFolder copies;
  at.office.open(copy_with(at.office, copies,
                           "CREATE TRIGGER fault BEFORE INSERT ON answer BEGIN SELECT RAISE(ABORT, 'fault'); END"));
  CHECK(at.refused_with(503) == Code::kDatabaseConstraint);
  CHECK(at.office.ledger() == ledger);
  CHECK(at.office.visit_state(at.visit) == "ASSIGNED");
  at.office.open(copy_with(at.office, copies, "DROP TRIGGER fault"));
  CHECK(at.device.must_sync().refusals.empty());
  at.arrived();
}

TEST_CASE("an office whose database or key is not the one that began the log does not open, and changes neither") {
  Ready at;
  const Bytes ledger = at.office.ledger();
  TempFolder copies;
  const auto opened = [&](const Office::Options& options) {
    at.office.office.reset();
    const auto office = Office::open(at.office.platform, options);
    return office ? Code{} : office.error().code;
  };
  const std::string whole = copy_with(at.office, copies);
  CHECK(opened({.database = whole, .origin = "other.example/log"}) == Code::kOriginChanged);
  CHECK(opened({.database = whole, .origin = "office.example/log", .key_name = "other"}) == Code::kOfficeKeyChanged);
  at.office.machine.keys.set_locked(true);
  CHECK(opened({.database = whole, .origin = "office.example/log"}) == Code::kKeyStoreLocked);
  at.office.machine.keys.set_locked(false);
  at.office.open(whole);
  CHECK(at.office.ledger() == ledger);
  for (const char* sql : {"DELETE FROM ledger WHERE log_index = 0", "DELETE FROM setting WHERE name = 'nonce_secret'",
                          "UPDATE setting SET value = NULL WHERE name = 'nonce_secret'",
                          "UPDATE setting SET value = 'secret' WHERE name = 'nonce_secret'"}) {
    INFO(sql);
    const std::string damaged = copy_with(at.office, copies, sql);
    CHECK(opened({.database = damaged, .origin = "office.example/log"}) == Code::kLedgerBroken);
    at.office.open(whole);
  }
  at.device.must_sync();
  at.arrived();
}

TEST_CASE("an office whose log lacks an entry or the author of one rebuilds nothing from it, and exports no gap") {
  Ready at;
  at.device.must_sync();
  TempFolder copies;
  const std::string whole = copy_with(at.office, copies);
  for (const bool gap : {true, false}) {
    at.office.open(whole);
    at.office.open(
        copy_with(at.office, copies,
                  gap ? "DELETE FROM ledger WHERE log_index = 2" : "UPDATE ledger SET author = 99 WHERE author = 1"));
    for (int again = 0; again < 2; ++again) {
      const Status rebuilt = at.office->rebuild();
      REQUIRE_FALSE(rebuilt);
      CHECK(rebuilt.error().code == Code::kLedgerBroken);
    }
    CHECK(at.office.visit_state(at.visit) == "RECEIVED");
    CHECK(at.office->devices()->size() == 1);
    const Status exported = at.office->export_ledger([](BytesView) { return Status(); });
    CHECK(exported.has_value() == !gap);
    if (!exported) CHECK(exported.error().code == Code::kLedgerBroken);
  }
  at.office.open(whole);
  at.arrived();
}

TEST_CASE("an office that lost its register of devices while it ran registers nothing of them") {
  Ready at;
  const Bytes ledger = at.office.ledger();
  REQUIRE(at.office->read([](Store& rows) { return rows.forget_derived(); }));
  CHECK(at.refused_with(503) == Code::kLedgerBroken);
  CHECK(at.office.ledger() == ledger);
}

TEST_CASE("a draw whose secret the office lost is not run") {
  TestOffice office;
  office.add_people_and_schools();
  std::vector<FrameEntry> frame{{"140001", "U", 1, FrameStatus::kEligible}, {"140002", "U", 1, FrameStatus::kEligible}};
  const auto files =
      freeze_draw("SX-2026-01", {{"U", 1}}, 2, "lottery", frame, {{"I001", 2, true}, {"I002", 2, true}}, {});
  REQUIRE(files);
  REQUIRE(office->commit_draw("王处长", "SX-2026-01", *files));
  const Bytes ledger = office.ledger();
  const VisitPlan pattern = daily_plan("RANDOM");
  TempFolder copies;
  const std::string whole = copy_with(office, copies);
  for (const char* sql : {"DELETE FROM draw_secret", "UPDATE draw_secret SET secret = x'01'"}) {
    office.open(whole);
    office.open(copy_with(office, copies, sql));
    CHECK(office->run_draw("王处长", "SX-2026-01", "2.5./", pattern).error().code == Code::kDrawNotThere);
    CHECK(office.ledger() == ledger);
  }
  office.open(whole);
  CHECK(office->run_draw("王处长", "SX-2026-01", "2.5./", pattern));
}

TEST_CASE("a draw whose recusals the office cannot read any more is not drawn from") {
  TestOffice office;
  office.add_people_and_schools();
  std::vector<FrameEntry> frame{{"140001", "U", 1, FrameStatus::kEligible}, {"140002", "U", 1, FrameStatus::kEligible}};
  const auto files = freeze_draw("D-1", {{"U", 1}}, 2, "lottery", frame, {{"I001", 2, true}, {"I002", 2, true}}, {});
  REQUIRE(files);
  REQUIRE(office->commit_draw("王处长", "D-1", *files));
  const Bytes ledger = office.ledger();
  REQUIRE(office->read([](Store& rows) { return rows.put_setting("draw:D-1:recused", std::string_view("I001")); }));
  CHECK_FALSE(office->run_draw("王处长", "D-1", "2.5./", daily_plan("RANDOM")));
  CHECK(office.ledger() == ledger);
}

TEST_CASE("the auditor finds a ledger with any bit changed not sound") {
  // As small as a ledger with one record of a device can be: each of its bits takes a check of all its signatures.
  TestOffice office;
  REQUIRE(office->decide("王处长", "register.import", [](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.insert("inspector", {TestOffice::inspector(1), std::string("督学"), std::int64_t{1}, std::int64_t{1}, Value(),
                              Value(), std::int64_t{20}, std::string("ACTIVE")});
    return rows;
  }));
  TestDevice device(office, "I001");
  device.enrol();
  device.seal_note(Bytes(16, 7), 1);
  CHECK(device.must_sync().receipted == 1);
  Bytes file = office.ledger();
  const Hash pinned = office->key().thumbprint();
  REQUIRE(check_ledger(file, pinned).sound());
  REQUIRE(check_ledger(file, pinned).change_sets == 1);
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    file[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    if (check_ledger(file, pinned).sound()) FAIL_CHECK("bit " << bit % 8 << " of byte " << bit / 8);
    file[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
}

TEST_CASE("the auditor finds a ledger with any byte changed, cut anywhere or with a record less not sound") {
  Ready at;
  at.device.must_sync();
  REQUIRE(at.office->revoke("王处长", at.device.number(), "换机"));
  Bytes file;
  std::vector<std::size_t> ends;
  REQUIRE(at.office->export_ledger([&](BytesView piece) -> Status {
    append(file, piece);
    ends.push_back(file.size());
    return {};
  }));
  const Hash pinned = at.office->key().thumbprint();
  REQUIRE(check_ledger(file, pinned).sound());
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto bit = static_cast<std::uint8_t>(1 << i % 8);
    file[i] ^= bit;
    if (check_ledger(file, pinned).sound()) FAIL_CHECK("byte " << i << " of " << file.size());
    file[i] ^= bit;
  }
  for (std::size_t size = 0; size < file.size(); size += 5)
    if (check_ledger(BytesView(file).first(size), pinned).sound()) FAIL_CHECK("cut at " << size);
  // The mark of a batch can be left out where another follows: its statements then count as registered with those.
  // Nothing else can be, and nothing can stand twice.
  std::size_t marks_left_out = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    Bytes without(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(begin));
    append(without, BytesView(file).subspan(ends[i]));
    const bool is_mark = file[begin] == 0x84;
    if (check_ledger(without, pinned).sound()) {
      CHECK(is_mark);
      ++marks_left_out;
    }
    Bytes doubled(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(ends[i]));
    append(doubled, BytesView(file).subspan(begin));
    if (check_ledger(doubled, pinned).sound()) FAIL_CHECK("record " << i << " twice");
  }
  CHECK(marks_left_out + 1 == static_cast<std::size_t>(check_ledger(file, pinned).batches));
}
