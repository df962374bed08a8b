/// Devices that were restored, copied or revoked, and offices that were restored: whose log goes on from where, and who
/// notices that it cannot.

#include "sync/office/apply.hpp"
#include "tests/sync/office/liar.hpp"

#include <algorithm>
#include <set>

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr std::int64_t kNotes = 20;

/// A device with an open visit; the office has `notes` statements of it after the arrival, each a note.
struct Recording : OneVisit {
  TempFolder copies;
  std::int64_t notes = 0;

  Recording() {
    device.check_in(visit);
    device.must_sync();
  }
  /// Notes from the next one on, each its own statement, and none of them sent.
  void seal_notes(std::int64_t count, std::string_view words = "记录") {
    for (std::int64_t i = 0; i < count; ++i) device.seal_note(visit, ++notes, words);
  }
  std::string copy(const std::string& name) {
    const std::string path = copies / name;
    const auto copied = device.db->copy_to(path);
    if (!copied) FAIL(copied.error().message());
    return path;
  }
  std::set<Bytes> apart() {
    const auto all = office->quarantine();
    REQUIRE(all);
    std::set<Bytes> out;
    for (const Quarantined& each : *all) out.insert(each.bytes);
    return out;
  }
  std::set<Bytes> logged() {
    const std::vector<Bytes> all = office.log_of(device.number());
    std::set<Bytes> out(all.begin(), all.end());
    CHECK(out.size() == all.size());
    return out;
  }
  void still_sound() {
    CHECK(office.check().sound());
    CHECK(office->rebuild());
  }
};

bool all_in(const std::vector<Bytes>& some, const std::set<Bytes>& all) {
  return std::all_of(some.begin(), some.end(), [&](const Bytes& each) { return all.contains(each); });
}

/// What refuses a statement of the office's that stands in the log whatever its rules say.
std::optional<Error> applied(TestOffice& office, StatementType type, const Bytes& payload) {
  const auto bytes = sign_statement({type, office->origin(), "d2", 1}, payload, office->key(),
                                    [&](BytesView message) { return office.platform.keys.sign("office", message); });
  REQUIRE(bytes);
  std::optional<Error> refused;
  REQUIRE(office->read([&](Store& rows) -> Status {
    DUDAO_TRY(const Statement statement, parse_statement(*bytes));
    Registration where;
    DUDAO_TRY(where.index, rows.size());
    DUDAO_TRY(refused, Applier(rows).apply(statement, where));
    return {};
  }));
  return refused;
}

}  // namespace

TEST_CASE("a device restored from a backup of any age finds out from the answer, before it signs a number twice") {
  Recording at;
  std::vector<std::string> sealed{at.copy("sealed0")};
  std::vector<std::string> synced{at.copy("synced0")};
  for (std::int64_t k = 1; k <= kNotes; ++k) {
    at.seal_notes(1);
    sealed.push_back(at.copy("sealed" + std::to_string(k)));
    at.device.must_sync();
    synced.push_back(at.copy("synced" + std::to_string(k)));
  }
  const std::vector<Bytes> all = at.device.statements();
  const Bytes last_receipt = statement_of(*at.device.db, all.size()).value().receipt;
  const Bytes ledger = at.office.ledger();
  for (std::size_t k = 0; k < kNotes; ++k) {
    INFO(kNotes - k << " statements behind");
    for (const std::string& backup : {sealed[k], synced[k]}) {
      at.device.take_database(backup);
      const std::vector<Bytes> before = at.device.statements();
      const auto report = at.device.sync();
      REQUIRE_FALSE(report);
      CHECK(report.error().code == Code::kDeviceBehind);
      CHECK(at.device.statements() == before);
      CHECK(all_in(before, {all.begin(), all.end()}));
    }
  }
  // As old as the newest statement is not old: what was sealed is sent again and gets the receipt that it had.
  at.device.take_database(sealed.back());
  CHECK(at.device.must_sync().receipted == 1);
  CHECK(statement_of(*at.device.db, all.size()).value().receipt == last_receipt);
  at.device.take_database(synced.back());
  CHECK(at.device.must_sync().sent == 0);
  CHECK(at.office->devices()->front().state == DeviceState::kActive);
  CHECK(at.office->quarantine()->empty());
  CHECK(at.office.ledger() == ledger);
}

TEST_CASE("a device restored from a backup that records on is found by the office, which keeps both branches") {
  Dice dice(20260302);
  for (std::int64_t k = 0; k <= kNotes; ++k) {
    Recording at;
    at.seal_notes(k);
    at.device.must_sync();
    const std::string backup = at.copy("backup");
    const auto ahead = static_cast<std::int64_t>(1 + dice.below(4));
    const auto own = static_cast<std::int64_t>(1 + dice.below(4));
    INFO("after " << k << " notes " << ahead << " more, then " << own << " by the restored one");
    at.seal_notes(ahead);
    at.device.must_sync();
    const std::vector<Bytes> first = at.device.statements();

    at.device.take_database(backup);
    at.notes = k;
    at.seal_notes(own, "备份恢复后");
    const std::vector<Bytes> second = at.device.statements();
    const auto report = at.device.sync();
    REQUIRE_FALSE(report);
    CHECK(report.error().code == Code::kDeviceForked);
    CHECK(at.office->devices()->front().state == DeviceState::kForked);
    CHECK(at.office.log_of(at.device.number()) == first);
    CHECK(at.apart() == std::set<Bytes>(second.end() - own, second.end()));
    CHECK(at.office->quarantine()->front().code == static_cast<int>(Code::kChainFork));
    CHECK(at.device.statements() == second);
    at.still_sound();
  }
}

TEST_CASE("of a device and its copy the office takes one branch, keeps the other apart and marks the device") {
  std::size_t forks = 0;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    Recording at;
    at.seal_notes(static_cast<std::int64_t>(seed % (kNotes + 1)));
    at.device.must_sync();
    const std::size_t common = at.device.statements().size();
    std::unique_ptr<Database> other =
        open_database(at.copy("clone"), Database::Mode::kOpen, DatabaseKind::kDevice).value();
    std::int64_t other_notes = at.notes;
    std::string_view words = "原机";
    std::string_view other_words = "副本";
    const auto to_the_other = [&] {
      std::swap(at.device.db, other);
      std::swap(at.notes, other_notes);
      std::swap(words, other_words);
    };
    for (std::size_t step = 0; step < 8; ++step) {
      if (dice.one_in(2)) to_the_other();
      if (dice.one_in(2))
        at.seal_notes(1, words);
      else
        static_cast<void>(at.device.sync());
    }
    // Each of the two comes to the office at least once with all that it has.
    static_cast<void>(at.device.sync());
    std::vector<Bytes> one = at.device.statements();
    to_the_other();
    static_cast<void>(at.device.sync());
    std::vector<Bytes> two = at.device.statements();

    const std::set<Bytes> logged = at.logged();
    const std::set<Bytes> apart = at.apart();
    const bool diverged = one.size() > common && two.size() > common;
    CHECK((at.office->devices()->front().state == DeviceState::kForked) == diverged);
    CHECK(apart.empty() == !diverged);
    for (const std::vector<Bytes>* branch : {&one, &two})
      for (const Bytes& each : *branch) CHECK(logged.contains(each) != apart.contains(each));
    // What is in the log is one of the two, from its beginning on.
    const std::vector<Bytes> main = at.office.log_of(at.device.number());
    const auto begins_with_main = [&](const std::vector<Bytes>& branch) {
      return branch.size() >= main.size() && std::equal(main.begin(), main.end(), branch.begin());
    };
    CHECK((begins_with_main(one) || begins_with_main(two)));
    at.still_sound();
    forks += diverged ? 1 : 0;
  }
  CHECK(forks > 20);
}

TEST_CASE("of a revoked device the office lets nothing beyond the cut in, whatever is mixed with old statements") {
  std::size_t sent = 0;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    Liar liar;
    liar.check_in();
    std::vector<Bytes> old;
    for (std::size_t i = 0; i < 10; ++i) {
      old.push_back(liar.statement(liar.note(static_cast<std::int64_t>(i + 1))));
      liar.go_on(old.back());
    }
    REQUIRE(liar.send(old).receipts.size() == old.size());
    const std::vector<Bytes> before = liar.office.log_of(liar.device.number());
    REQUIRE(liar.office->revoke("王处长", liar.device.number(), "平板丢失"));
    const std::int64_t entries = liar.entries();

    // What it signed before and after it was revoked looks alike. Besides, other statements under numbers that are
    // taken, and numbers beyond the next.
    std::vector<Bytes> later;
    const std::uint64_t cut = liar.seq;
    for (std::size_t i = 0; i < 30; ++i) {
      later.push_back(liar.statement(liar.note(static_cast<std::int64_t>(i + 11))));
      liar.go_on(later.back());
    }
    for (std::uint64_t i = 0; i < 30; ++i) {
      ChangeSet stray = liar.empty_set();
      stray.seq = i < 10 ? 1 + dice.below(cut) : cut + 1 + dice.below(60);
      stray.hlc = (100 + i) << 16;
      later.push_back(liar.statement(stray));
    }
    std::set<Bytes> kept;
    while (sent < 500 * seed) {
      std::vector<Bytes> together;
      for (std::size_t count = 1 + dice.below(20); count > 0; --count) {
        const bool new_one = dice.one_in(2);
        together.push_back(new_one ? later[dice.below(later.size())] : old[dice.below(old.size())]);
        if (new_one) kept.insert(together.back());
      }
      sent += together.size();
      const Outcome out = liar.send(together);
      CHECK(out.status == 403);
      CHECK(out.error == Code::kDeviceRevoked);
    }
    CHECK(liar.entries() == entries);
    CHECK(liar.office.log_of(liar.device.number()) == before);
    const auto quarantine = liar.office->quarantine();
    REQUIRE(quarantine);
    std::set<Bytes> apart;
    for (const Quarantined& each : *quarantine) {
      CHECK(each.code == static_cast<int>(Code::kDeviceRevoked));
      apart.insert(each.bytes);
    }
    CHECK(apart == kept);
    liar.still_sound();
  }
  CHECK(sent >= 10'000);
}

TEST_CASE("a device is revoked once, for a reason, and none is revoked that was never enrolled") {
  Recording at;
  const Bytes ledger = at.office.ledger();
  CHECK(at.office->revoke("王处长", at.device.number(), "").error().code == Code::kReasonMissing);
  CHECK(at.office->revoke("王处长", at.device.number() + 1, "平板丢失").error().code == Code::kDeviceUnknown);
  CHECK(at.office->devices()->front().state == DeviceState::kActive);
  CHECK(at.office.ledger() == ledger);
  REQUIRE(at.office->revoke("王处长", at.device.number(), "平板丢失"));
  const Bytes revoked = at.office.ledger();
  CHECK(at.office->revoke("王处长", at.device.number(), "找到后又丢失").error().code == Code::kDeviceRevoked);
  CHECK(at.office->devices()->front().reason == "revoked: 平板丢失");
  CHECK(at.office.ledger() == revoked);
  at.still_sound();
}

TEST_CASE("a revoked device is told so though its enrolment has run out since") {
  Recording at;
  REQUIRE(at.office->revoke("王处长", at.device.number(), "平板丢失"));
  for (FakePlatform* machine : {&at.office.machine, &at.device.machine})
    machine->clock.set_wall((at.office->devices()->front().expires_utc_s + 1) * 1000);
  CHECK(at.device.sync().error().code == Code::kDeviceRevoked);
}

TEST_CASE("a revocation in the log of a device that is not in it has no effect and a number") {
  Recording at;
  Revocation revocation;
  revocation.device = at.device.number() + 1;
  revocation.reason = "revoked: 平板丢失";
  revocation.actor = "王处长";
  const auto refused = applied(at.office, StatementType::kRevocation, write_revocation(revocation));
  REQUIRE(refused);
  CHECK(refused->code == Code::kDeviceUnknown);
  CHECK(at.office->devices()->size() == 1);
  at.still_sound();
}

TEST_CASE("a step of a draw in the log that was not its turn has no effect and a number") {
  TestOffice office;
  const auto takes = [&](DrawStage stage, std::string_view file = {}) {
    const Bytes hash(32, 1);
    DrawStep step;
    step.draw = "D-1";
    step.stage = stage;
    step.file = file;
    step.parts = 1;
    if (stage == DrawStage::kCommit) step.commitment = hash;
    if (stage == DrawStage::kReveal) step.secret = hash;
    step.reason = "摇号机故障";
    step.actor = "王处长";
    const auto refused = applied(office, StatementType::kDraw, write_draw_step(step));
    if (refused) CHECK(refused->code == Code::kDrawStage);
    return !refused;
  };
  const auto state = [&] { return office.cell("draw", {std::string_view("D-1")}, "state"); };
  for (const DrawStage stage : {DrawStage::kReveal, DrawStage::kVoid}) CHECK_FALSE(takes(stage));
  CHECK_FALSE(takes(DrawStage::kFile, kRecusedLater));
  CHECK(takes(DrawStage::kFile, "frame"));
  CHECK(state() == "absent");
  CHECK(takes(DrawStage::kCommit));
  CHECK_FALSE(takes(DrawStage::kCommit));
  CHECK_FALSE(takes(DrawStage::kFile, "frame"));
  CHECK(takes(DrawStage::kFile, kRecusedLater));
  CHECK(state() == "COMMITTED");
  CHECK(takes(DrawStage::kReveal));
  for (const DrawStage stage : {DrawStage::kReveal, DrawStage::kVoid}) CHECK_FALSE(takes(stage));
  CHECK_FALSE(takes(DrawStage::kFile, kRecusedLater));
  CHECK(state() == "REVEALED");
}

TEST_CASE("a device finds an office restored from an old copy though it grew past what was seen, and nothing is lost") {
  for (const int growth : {0, 1, 2, 3, 7, 20}) {
    for (const bool something_waits : {false, true}) {
      INFO("grown " << growth << " past, " << (something_waits ? "something" : "nothing") << " waits");
      Recording at;
      TestDevice colleague(at.office, "I002");
      colleague.enrol();
      colleague.must_sync();
      const std::string old = at.copies / "office.db";
      REQUIRE(at.office->backup(old));
      const std::int64_t then = at.office.check().statements;
      at.seal_notes(5);
      at.device.must_sync();
      const std::int64_t seen = integer_setting(*at.device.db, "checkpoint_size")->value();
      REQUIRE(seen == then + 5);

      // Yesterday's copy is put in place and goes on with decisions of its own and with a colleague who saw no more.
      at.office.open(old);
      const Bytes theirs = at.office.plan({"I002"}, "140003");
      colleague.must_sync();
      colleague.check_in(theirs);
      CHECK(colleague.must_sync().receipted == 1);
      while (at.office.check().statements < seen + growth) at.office.plan({"I001"}, "140002");
      if (something_waits) at.seal_notes(1);
      const std::vector<Bytes> before = at.device.statements();
      const std::int64_t receipted =
          at.device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NOT NULL").value();
      const std::int64_t visits = at.device.db->integer("SELECT count(*) FROM visit").value();
      // Where the other log is exactly as long nothing is said of its root: there it is that the office has less of the
      // device than it gave receipts for.
      const auto report = at.device.sync();
      REQUIRE_FALSE(report);
      CHECK(report.error().code == Code::kLogForked);
      CHECK(at.device.statements() == before);
      CHECK(at.device.db->integer("SELECT count(*) FROM outbox WHERE receipt IS NOT NULL").value() == receipted);
      CHECK(at.device.db->integer("SELECT count(*) FROM visit").value() == visits);
      CHECK(integer_setting(*at.device.db, "checkpoint_size")->value() == seen);
      // Work goes on offline, whatever the office is at.
      at.seal_notes(2);
      CHECK(at.device.sync().error().code == Code::kLogForked);

      // The good database is put back: the device sends what waits, and every statement that it ever made is there.
      at.office.open();
      CHECK(at.device.must_sync().refusals.empty());
      CHECK(outbox(*at.device.db, true)->empty());
      CHECK(at.office.log_of(at.device.number()) == at.device.statements());
      at.still_sound();
      // The colleague, who dealt with the wrong log, finds out now, and has what they did with the office's receipt.
      const auto theirs_report = colleague.sync();
      REQUIRE_FALSE(theirs_report);
      CHECK((theirs_report.error().code == Code::kLogForked || theirs_report.error().code == Code::kLogShrunk));
      const auto kept = statement_of(*colleague.db, 1);
      REQUIRE(kept);
      CHECK(verify_receipt(kept->receipt, kept->statement, at.office->key()));
    }
  }
}
