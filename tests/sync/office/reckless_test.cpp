/// Whatever a device with a valid key writes, in the form that the protocol asks for: the office answers, stays whole,
/// comes out the same when it is rebuilt, and serves everybody else.

#include "schema/visit_state.hpp"
#include "tests/sync/office/liar.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

struct Reckless {
  Liar liar;
  Bytes other_visit = liar.office.plan({"I002"}, "140002");
  Dice dice;

  explicit Reckless(std::uint32_t seed) : dice(seed) {}

  Bytes some_visit() {
    if (dice.one_in(20)) return other_visit;
    if (dice.one_in(20)) return Bytes(dice.one_in(2) ? 16 : 3, 9);
    return liar.visit;
  }
  std::string some_text() {
    static const std::string kTexts[] = {"",
                                         "S1",
                                         "S2",
                                         "S3",
                                         "I001",
                                         "I002",
                                         "DANGER",
                                         "WRONG",
                                         "SIGNED",
                                         "督导",
                                         std::string("a\0b", 3),
                                         "'); DROP TABLE visit; --",
                                         "1",
                                         "-9223372036854775809",
                                         std::string(3'000, 'x')};
    static constexpr VisitState kStates[] = {VisitState::kAssigned, VisitState::kInProgress, VisitState::kSubmitted,
                                             VisitState::kReceived, VisitState::kCancelled};
    if (dice.one_in(5)) return std::string(to_string(dice.of(kStates)));
    return dice.of(kTexts);
  }
  Value some_cell(const Column& column, std::size_t at, const Table& table) {
    static constexpr std::int64_t kNumbers[] = {INT64_MIN,         INT64_MIN + 1, -1,       0, 1, 2, 12, 480,
                                                1'772'413'200'000, INT64_MAX - 1, INT64_MAX};
    if (at == 0) return some_visit();
    if (!column.required && dice.one_in(3)) return {};
    // Mostly in its own name, so that more gets through than stops at the first check.
    if ((column.name == "inspector" || column.name == "observer") && !dice.one_in(10)) return std::string("I001");
    if (column.name == "author" && !dice.one_in(10)) return liar.device.number();
    if (column.name == "item" && dice.one_in(2)) return std::string(dice.one_in(2) ? "S1" : "S3");
    if (column.name == "n" && dice.one_in(2)) return static_cast<std::int64_t>(1 + dice.below(5));
    if (column.name == "event" && table.name == "visit_event" && !dice.one_in(10)) {
      static constexpr const char* kEvents[] = {"verify_package", "check_in", "pause",  "resume", "finish",
                                                "sign",           "submit",   "reopen", "amend",  "no_access"};
      return std::string(dice.of(kEvents));
    }
    switch (column.kind == CellKind::kAny ? static_cast<CellKind>(dice.below(3)) : column.kind) {
      case CellKind::kInteger:
        return dice.of(kNumbers);
      case CellKind::kText:
        return some_text();
      default:
        return Bytes(dice.one_in(2) ? 32 : dice.below(40), static_cast<std::uint8_t>(dice.below(256)));
    }
  }
  void add_row(ChangesBuilder& rows) {
    const auto& tables = synced_tables();
    // Mostly what devices write.
    static constexpr const char* kWritten[] = {"visit_event", "answer",    "finding",    "note",       "highlight",
                                               "feedback",    "signature", "class_draw", "submission", "amendment"};
    const Table& table = dice.one_in(30) ? tables[dice.below(tables.size())] : *find_table(dice.of(kWritten));
    std::vector<Value> cells;
    for (std::size_t i = 0; i < table.columns.size(); ++i) cells.push_back(some_cell(table.columns[i], i, table));
    if (!dice.one_in(3)) {
      rows.insert(table.name, std::move(cells));
      return;
    }
    std::vector<Value> key(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(table.key_columns));
    std::vector<std::pair<std::size_t, Value>> changed;
    for (std::size_t i = table.key_columns; i < cells.size(); ++i)
      if (dice.one_in(4)) changed.emplace_back(i, std::move(cells[i]));
    if (!changed.empty()) rows.update(table.name, std::move(key), std::move(changed));
  }
  Bytes statement() {
    ChangesBuilder rows;
    const std::size_t count = 1 + dice.below(3);
    for (std::size_t i = 0; i < count; ++i) add_row(rows);
    if (dice.one_in(10)) rows.update("visit", {some_visit()}, {{find_table("visit")->column("state"), some_text()}});
    // Ends its part in the visit where it gets through.
    if (dice.one_in(400)) rows.update("team_member", {liar.visit, std::string("I001")}, {{3, some_text()}});
    ChangeSet out = liar.empty_set();
    out.changes = rows.changes();
    if (dice.one_in(4)) out.hlc = static_cast<std::uint64_t>(dice.one_in(2) ? INT64_MAX : 1);
    if (dice.one_in(3)) out.seen.size = dice.below(liar.seq + 10);
    return liar.statement(out);
  }
};

}  // namespace

TEST_CASE("whatever an enrolled device writes, the office answers, stays whole and serves its colleagues") {
  const std::uint32_t seed = GENERATE(range(1u, 7u));
  Reckless reckless(seed);
  Liar& liar = reckless.liar;
  TestDevice colleague(liar.office, "I002");
  colleague.enrol();
  liar.check_in();
  std::size_t taken = 0;
  std::map<int, int> refusals;
  for (int round = 0; round < 60; ++round) {
    INFO("seed " << seed << " round " << round);
    std::vector<Bytes> together;
    const std::size_t count = 1 + reckless.dice.below(4);
    for (std::size_t i = 0; i < count; ++i) {
      together.push_back(reckless.statement());
      liar.go_on(together.back());
    }
    const Outcome out = liar.send(together);
    REQUIRE(out.status == 200);
    REQUIRE(out.page.accepted_seq == liar.seq);
    taken += count - out.refusals.size();
    for (const Refusal& refusal : out.refusals) {
      CHECK(refusal.registered);
      // None of them may read as the office's own trouble.
      CHECK(refusal.code != static_cast<int>(Code::kInternal));
      CHECK(refusal.code != static_cast<int>(Code::kDatabaseConstraint));
      CHECK(refusal.code != static_cast<int>(Code::kLedgerBroken));
      ++refusals[refusal.code];
    }
  }
  for (const auto& [code, count] : refusals) UNSCOPED_INFO(code << ": " << count);
  CHECK(taken > 5);
  CHECK(refusals.size() > 5);
  CHECK(colleague.must_sync().refusals.empty());
  liar.still_sound();
  liar.office.restart();
  liar.still_takes_honest_ones();
}
