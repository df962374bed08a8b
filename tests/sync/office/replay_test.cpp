/// Whatever went over the line once comes again: later, in any order, as often as somebody likes.

#include "tests/sync/office/liar.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

/// A line on which somebody writes down what goes over it.
struct Tapped {
  TestOffice office;
  TestDevice device{office, "I001"};
  struct Exchange {
    HttpRequest request;
    HttpResponse answer;
  };
  std::vector<Exchange> tape;

  Tapped() {
    device.machine.http.set_handler([this](const HttpRequest& request) {
      tape.push_back({request, device.carry(request)});
      return tape.back().answer;
    });
  }
  static bool is_sync(const Exchange& each) { return each.request.url.ends_with(kSyncPath); }
};

Code error_of(const HttpResponse& answer) {
  CHECK(TestDevice::content_type(answer) == kErrorContentType);
  const auto error = read_error_answer(answer.body);
  REQUIRE(error);
  return static_cast<Code>(error->code);
}

struct Told {
  Bytes plain;
  SyncAnswer answer;
  FeedPage page;
};
Told told(const HttpResponse& response) {
  Told out;
  out.plain = decompress(response.body, kMaxSyncPlainBytes).value();
  out.answer = read_sync_answer(out.plain).value();
  out.page = read_feed_page(read_bare_statement(out.answer.page).value().payload).value();
  return out;
}

}  // namespace

TEST_CASE("a whole session played to the office again, in any order, changes nothing there and is answered as it was") {
  Tapped at;
  TestDevice& device = at.device;
  at.office.add_people_and_schools();
  // A device that waits to be approved, with a clock that is an hour slow.
  device.machine.clock.set_wall(device.machine.clock.wall_utc_ms() - 3'600'000);
  CHECK_FALSE(device.enrol_with({}).value());
  CHECK_FALSE(device.enrol_with({}).value());
  REQUIRE(at.office->approve_enrolment("王处长", at.office->pending_enrolments()->front().thumbprint, "I001"));
  REQUIRE(device.enrol_with({}).value());
  const std::size_t enrolling = at.tape.size();
  const Bytes visit = at.office.plan({"I001"});
  device.must_sync();
  device.check_in(visit);
  device.must_sync();
  at.office.plan({"I001"}, "140002");
  device.seal_note(visit, 1);
  device.seal_note(visit, 2);
  device.must_sync();
  device.finish_and_submit(visit);
  device.must_sync();
  device.write([&] { return device.answer(visit, "S2", std::int64_t{13}); });
  REQUIRE(device.must_sync().refusals.size() == 1);
  const std::vector<Tapped::Exchange> tape = std::move(at.tape);
  const Bytes enrolled = tape[enrolling - 1].answer.body;

  const Bytes ledger = at.office.ledger();
  const std::uint64_t registered = at.office->counters().registered;
  const auto play = [&](std::uint32_t seed, bool fresh) {
    std::vector<std::size_t> order(tape.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    Dice(seed).shuffle(order);
    for (const std::size_t i : order) {
      INFO("seed " << seed << " exchange " << i << " of " << tape.size());
      const HttpResponse again = device.carry(tape[i].request);
      const HttpResponse& first = tape[i].answer;
      if (!Tapped::is_sync(tape[i])) {
        // Also where it once had to wait.
        CHECK(again.status == 200);
        CHECK(again.body == enrolled);
      } else if (!fresh || first.status == 401) {
        CHECK(again.status == 401);
        CHECK(error_of(again) == Code::kClockNotAgreed);
      } else {
        REQUIRE(again.status == 200);
        const Told then = told(first);
        const Told now = told(again);
        CHECK(now.page.device == then.page.device);
        CHECK(now.page.nonce == then.page.nonce);
        REQUIRE(now.page.refusals.size() == then.page.refusals.size());
        for (std::size_t n = 0; n < then.page.refusals.size(); ++n) {
          CHECK(now.page.refusals[n].seq == then.page.refusals[n].seq);
          CHECK(now.page.refusals[n].code == then.page.refusals[n].code);
        }
        REQUIRE(now.answer.receipts.size() == then.answer.receipts.size());
        for (std::size_t n = 0; n < then.answer.receipts.size(); ++n) {
          CborWriter one;
          CborWriter other;
          write_batch_receipt(one, then.answer.receipts[n].second);
          write_batch_receipt(other, now.answer.receipts[n].second);
          CHECK(one.written() == other.written());
        }
      }
    }
    CHECK(at.office.ledger() == ledger);
    CHECK(at.office->counters().registered == registered);
    CHECK(at.office->devices()->size() == 1);
    CHECK(at.office->devices()->front().state == DeviceState::kActive);
    CHECK(at.office->pending_enrolments()->empty());
    CHECK(at.office->quarantine()->empty());
  };
  for (std::uint32_t seed = 1; seed <= 30; ++seed) play(seed, true);
  // Later a request that was signed then is not believed any more, whoever sends it.
  at.office.machine.clock.advance(30 * 60'000);
  for (std::uint32_t seed = 1; seed <= 30; ++seed) play(seed, false);
  CHECK(at.office->rebuild());
  device.machine.clock.advance(30 * 60'000);
  CHECK(device.must_sync().sent == 0);
}

TEST_CASE("an answer of a whole session played to the device again is not taken, by the device's own check") {
  Tapped at;
  TestDevice& device = at.device;
  at.office.add_people_and_schools();
  device.enrol();
  const Bytes visit = at.office.plan({"I001"});
  device.must_sync();
  device.check_in(visit);
  device.must_sync();
  device.seal_note(visit, 1);
  device.must_sync();
  const std::vector<Tapped::Exchange> tape = std::move(at.tape);
  device.seal_note(visit, 2);
  SyncPass pass(device.platform, *device.db);
  auto body = pass.request();
  REQUIRE(body);
  const auto honest = device.post(kSyncPath, *std::move(body));
  REQUIRE(honest);
  for (const Tapped::Exchange& each : tape) {
    const auto taken = pass.take_answer(each.answer.status, TestDevice::content_type(each.answer), each.answer.body);
    REQUIRE_FALSE(taken);
    // An answer to an enrolment is not even of this form.
    if (Tapped::is_sync(each)) CHECK(taken.error().code == Code::kAnswerForged);
    CHECK(outbox(*device.db, true)->size() == 1);
  }
  const auto taken = pass.take_answer(honest->status, TestDevice::content_type(*honest), honest->body);
  REQUIRE(taken);
  CHECK(taken->receipted == 1);
}

TEST_CASE("an answer shows that the log grew only where it did and its root only where no receipt shows it") {
  Liar liar;
  const Bytes statement = liar.statement(liar.empty_set());
  const Outcome at_once = liar.send({statement});
  REQUIRE(at_once.growth);
  CHECK_FALSE(at_once.growth->root);
  liar.office.plan({"I001"}, "140002");
  const Outcome later = liar.send({statement});
  REQUIRE(later.growth);
  CHECK(later.growth->root);
  SyncRequest request = liar.request();
  request.checkpoint.size = static_cast<std::uint64_t>(later.growth->size);
  CHECK_FALSE(liar.post(compress(liar.signed_request(request))).growth);
}

TEST_CASE("an answer lost after the commit and asked for a thousand times is one registration and the same receipt") {
  Liar liar;
  liar.check_in();
  std::vector<Bytes> statements;
  for (std::int64_t n = 1; n <= 3; ++n) {
    statements.push_back(liar.statement(liar.note(n)));
    liar.go_on(statements.back());
  }
  const std::vector<BytesView> entries(statements.begin(), statements.end());
  REQUIRE(liar.send(statements).receipts.size() == 3);
  const Bytes ledger = liar.office.ledger();
  // From a device that has seen nothing, and from one that has seen all: then the receipt brings its own proof.
  SyncRequest seen = liar.request();
  seen.checkpoint.size = static_cast<std::uint64_t>(liar.entries());
  const auto body_of = [&](const SyncRequest& request) {
    Bytes body = liar.signed_request(request);
    for (const Bytes& each : statements) append(body, each);
    return compress(body);
  };
  const Bytes same_bytes = body_of(seen);
  std::optional<std::vector<Bytes>> receipts;
  std::optional<Outcome> unseen;
  for (int i = 0; i < 1'000; ++i) {
    INFO("time " << i + 1);
    if (i % 100 == 99) liar.office.restart();
    if (i % 4 == 0) {
      const Outcome out = liar.send(statements);
      REQUIRE(out.status == 200);
      if (unseen)
        CHECK(out.receipts == unseen->receipts);
      else
        unseen = out;
      continue;
    }
    SyncRequest anew = liar.request();
    anew.checkpoint = seen.checkpoint;
    const Outcome out = liar.post(i % 2 == 0 ? same_bytes : body_of(anew));
    REQUIRE(out.status == 200);
    REQUIRE(out.refusals.empty());
    REQUIRE(out.receipts.size() == 3);
    CborReader travelling(out.receipts.front().second);
    const auto batch = read_batch_receipt(travelling);
    REQUIRE(batch);
    auto expanded = expand_receipts(*batch, entries, liar.office->origin(), liar.office->key());
    REQUIRE(expanded);
    if (receipts)
      CHECK(expanded->receipts == *receipts);
    else
      receipts = std::move(expanded->receipts);
  }
  CHECK(liar.office.ledger() == ledger);
  CHECK(liar.office.log_of(liar.device.number()).size() == 4);
  liar.still_sound();
}
