/// What an office does to its log behind the backs of its devices, and how dudao-audit shows it from what they hold.

#include "tests/sync/office/county.hpp"
#include "tests/tools/program.hpp"

#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

/// An office that can be put back to what it was and go on otherwise, under the same key and as sound as before.
struct TwoFaced {
  TestOffice office;
  TestDevice first{office, "I001"};
  TestDevice second{office, "I002"};
  Bytes visit;
  TempFolder folder;
  std::string earlier = folder / "earlier.db";
  std::vector<std::string> pinned;

  TwoFaced() {
    office.add_people_and_schools();
    first.enrol();
    second.enrol();
    visit = office.plan({"I001"});
    first.must_sync();
    second.must_sync();
    first.check_in(visit);
    first.must_sync();
    REQUIRE(office->backup(earlier));
    pinned = {"--office-key", to_hex(office->key().thumbprint())};
  }
  std::string keep(const std::string& name, BytesView bytes) const {
    spill(folder / name, std::string(text(bytes)));
    return folder / name;
  }
  std::string ledger(const std::string& name) { return keep(name, office.ledger()); }
  /// Receipt and statement as an inspector hands them in.
  std::vector<std::string> proof(TestDevice& device, std::uint64_t seq, const std::string& name) const {
    const auto held = statement_of(*device.db, seq);
    REQUIRE(held);
    return {keep(name + ".receipt", held->receipt), keep(name + ".statement", held->statement)};
  }
  std::string checkpoint(TestDevice& device, const std::string& name) const {
    return keep(name, view(text_setting(*device.db, "checkpoint_note")->value()));
  }
  Ran audit(std::string command, std::vector<std::string> arguments, const std::vector<std::string>& more = {}) const {
    arguments.insert(arguments.begin(), std::move(command));
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), pinned.begin(), pinned.end());
    return run_program("dudao-audit", arguments);
  }
};

bool says(const Ran& ran, const char* words) { return ran.out.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a record dropped from the log is shown by its receipt, by the auditor who holds it to the ledger") {
  TwoFaced at;
  at.first.seal_note(at.visit, 1, "灭火器过期");
  at.first.must_sync();
  const std::vector<std::string> dropped = at.proof(at.first, 2, "2");
  const std::string whole = at.ledger("whole");
  CHECK(at.audit("ledger", {whole}).exit_code == 0);
  CHECK(at.audit("receipt", dropped, {"--ledger", whole}).exit_code == 0);

  SECTION("cut out of the file: nothing fits any more") {
    Bytes file;
    REQUIRE(at.office->export_ledger([&](BytesView piece) -> Status {
      if (text(piece).find("灭火器过期") == std::string_view::npos) append(file, piece);
      return {};
    }));
    const std::string cut = at.keep("cut", file);
    CHECK(at.audit("ledger", {cut}).exit_code == 1);
    CHECK(at.audit("receipt", dropped, {"--ledger", cut}).exit_code == 1);
  }
  SECTION("never in a log that was made anew: it is sound but for the receipt") {
    at.office.open(at.earlier);
    at.office.plan({"I002"}, "140002");
    at.office.plan({"I003"}, "140003");
    const std::string anew = at.ledger("anew");
    CHECK(at.audit("ledger", {anew}).exit_code == 0);
    const Ran shown = at.audit("receipt", dropped, {"--ledger", anew});
    CHECK(shown.exit_code == 1);
    CHECK(says(shown, "the office office.example/log signed that it holds exactly this statement"));
    CHECK(says(shown, "the ledger does not hold the statement at that place"));
    // What was before is in both.
    CHECK(at.audit("receipt", at.proof(at.first, 1, "1"), {"--ledger", anew}).exit_code == 0);
    // The device finds out by itself as well.
    CHECK(at.first.sync().error().code == Code::kLogForked);
  }
}

TEST_CASE("two views of the log told to two devices are shown by the auditor who compares their checkpoints") {
  TwoFaced at;
  at.first.must_sync();
  at.second.must_sync();
  const std::string before = at.checkpoint(at.second, "before");
  at.first.seal_note(at.visit, 1, "灭火器过期");
  at.first.must_sync();
  const std::string one = at.checkpoint(at.first, "one");
  const std::string told_one = at.ledger("told one");

  // To the second device the office shows a log without that record, and as long.
  at.office.open(at.earlier);
  at.office.plan({"I002"}, "140002");
  at.second.must_sync();
  const std::string other = at.checkpoint(at.second, "other");
  at.office.plan({"I002"}, "140003");
  at.second.must_sync();
  const std::string longer = at.checkpoint(at.second, "longer");
  const std::string told_other = at.ledger("told other");

  // Each view is sound in itself, and continues what was told before.
  for (const auto& [ledger, mine] : {std::pair{told_one, one}, {told_other, other}, {told_other, longer}}) {
    CHECK(at.audit("ledger", {ledger}).exit_code == 0);
    CHECK(at.audit("checkpoint", {before, mine}, {"--ledger", ledger}).exit_code == 0);
  }
  // Side by side they are not of one log, whichever of the two ledgers is handed out, as long or not.
  for (const std::string& ledger : {told_one, told_other}) {
    for (const std::string& theirs : {other, longer}) {
      const Ran shown = at.audit("checkpoint", {one, theirs}, {"--ledger", ledger});
      CHECK(shown.exit_code == 1);
      CHECK(says(shown, "the office signed that its log office.example/log held statements: "));
      CHECK(says(shown, "the ledger does not continue the log that was signed"));
    }
  }
  // Each by itself bears the office's signature, without any ledger.
  const std::vector<std::string> key = {"--key", to_hex(at.office->key().raw()), "--origin", at.office->origin()};
  for (const std::string& each : {one, other, longer}) CHECK(at.audit("checkpoint", {each}, key).exit_code == 0);
  // Receipts tell the same.
  CHECK(at.audit("receipt", at.proof(at.first, 2, "2"), {"--ledger", told_other}).exit_code == 1);
}

TEST_CASE("a receipt of another log is shown by the auditor, though the record stands at the same place of both") {
  TwoFaced at;
  at.first.must_sync();
  at.first.seal_note(at.visit, 1, "灭火器过期");
  const std::string before = at.folder / "first.db";
  REQUIRE(at.first.db->copy_to(before));
  // The same record after another decision of the office each time, in the same second.
  at.office.plan({"I002"}, "140002");
  at.first.must_sync();
  const std::vector<std::string> one = at.proof(at.first, 2, "one");
  const std::string told_one = at.ledger("told one");
  at.office.open(at.earlier);
  at.office.plan({"I003"}, "140003");
  at.first.db = open_database(before, Database::Mode::kOpen, DatabaseKind::kDevice).value();
  at.first.must_sync();
  const std::vector<std::string> other = at.proof(at.first, 2, "other");
  const std::string told_other = at.ledger("told other");
  CHECK(at.audit("receipt", one, {"--ledger", told_one}).exit_code == 0);
  CHECK(at.audit("receipt", other, {"--ledger", told_other}).exit_code == 0);
  for (const auto& [proof, ledger] : {std::pair{one, told_other}, {other, told_one}}) {
    const Ran shown = at.audit("receipt", proof, {"--ledger", ledger});
    CHECK(says(shown, "the ledger holds the statement at that place"));
    CHECK(shown.exit_code == 1);
  }
}

TEST_CASE("a receipt with any bit changed, and one of a batch that the ledger left out, is refused by the auditor") {
  TwoFaced at;
  // So many that other sizes of the tree fold the path of one in the middle alike.
  for (std::int64_t n = 1; n <= 7; ++n) at.first.seal_note(at.visit, n);
  at.first.must_sync();
  at.office.machine.clock.advance(60'000);
  at.office.plan({"I002"}, "140002");
  const std::string ledger = at.ledger("ledger");
  const auto held = statement_of(*at.first.db, 3);
  REQUIRE(held);
  const std::string statement = at.keep("statement", held->statement);
  const auto verdict = [&](BytesView receipt, const std::string& file) {
    return at.audit("receipt", {at.keep("receipt", receipt), statement}, {"--ledger", file}).exit_code;
  };
  CHECK(verdict(held->receipt, ledger) == 0);
  // What does not even verify needs no program; what does, claims another size, and the ledger knows better.
  Bytes receipt = held->receipt;
  int other_sizes = 0;
  for (std::size_t bit = 0; bit < receipt.size() * 8; ++bit) {
    receipt[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    if (verify_receipt(receipt, held->statement, at.office->key())) {
      ++other_sizes;
      CHECK(verdict(receipt, ledger) == 1);
    }
    receipt[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  CHECK(other_sizes > 0);

  // Without the mark of its batch the record passes for registered with the next one, a minute later.
  const Receipt proven = verify_receipt(held->receipt, held->statement, at.office->key()).value();
  Bytes file;
  REQUIRE(at.office->export_ledger([&](BytesView piece) -> Status {
    CborReader record(piece);
    REQUIRE(record.array());
    const bool is_its_batch = record.integer().value() == 2 && record.integer().value() == proven.size;
    if (!is_its_batch) append(file, piece);
    return {};
  }));
  const std::string without = at.keep("without", file);
  CHECK(at.audit("ledger", {without}).exit_code == 0);
  CHECK(verdict(held->receipt, without) == 1);
}
