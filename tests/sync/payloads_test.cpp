// What each field of each payload may be, and what it is refused with.

#include "sync/payloads.hpp"

#include "sync/answer.hpp"
#include "sync/cbor.hpp"

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

Bytes number(std::int64_t value) {
  CborWriter out;
  out.integer(value);
  return std::move(out).take();
}
Bytes word(std::string_view value) {
  CborWriter out;
  out.text(value);
  return std::move(out).take();
}
Bytes bytes(std::size_t count) {
  CborWriter out;
  out.bytes(Bytes(count, 7));
  return std::move(out).take();
}
Bytes list(const std::vector<Bytes>& items) {
  CborWriter out;
  out.array(items.size());
  for (const Bytes& item : items) out.raw(item);
  return std::move(out).take();
}
Bytes no_changes() {
  CborWriter out;
  write_changes(out, Changes());
  return std::move(out).take();
}

/// The detail of the refusal, or "taken".
template <class Read>
std::string verdict(const Read& read, const std::vector<Bytes>& fields) {
  CborWriter out;
  out.map(fields.size());
  for (std::size_t n = 0; n < fields.size(); ++n) {
    out.integer(static_cast<std::int64_t>(n + 1));
    out.raw(fields[n]);
  }
  const auto result = read(out.written());
  if (!result) CHECK(result.error().code == Code::kPayloadShape);
  return result ? "taken" : result.error().detail;
}

std::vector<Bytes> with(std::vector<Bytes> fields, std::size_t field, Bytes value) {
  fields.at(field - 1) = std::move(value);
  return fields;
}

const Bytes kState = list({number(1), bytes(32)});
const Bytes kEd25519 = number(static_cast<int>(Algorithm::kEd25519));
const std::vector<Bytes> kChangeSet{number(1), bytes(32), kState, number(1), number(1), no_changes()};
const std::vector<Bytes> kGenesis{word("example/log"), kEd25519, bytes(32), number(1)};
const std::vector<Bytes> kRequest{kEd25519, bytes(32), word("tablet"), word("I001"), bytes(0), number(1)};
const std::vector<Bytes> kEnrolment{number(1),      kEd25519,  bytes(32),   word("I001"),
                                    word("tablet"), number(1), word("Wang")};
const std::vector<Bytes> kRevocation{number(1), number(0), bytes(32), word("lost"), word("Wang")};
const std::vector<Bytes> kSync{number(1), bytes(16), number(1), number(0), kState, number(0), bytes(32), number(0)};
const std::vector<Bytes> kPage{number(1), bytes(16), number(1), number(0),   number(0),
                               number(0), number(0), list({}),  no_changes()};

std::vector<Bytes> draw_fields(std::int64_t stage) {
  return {word("D1"), number(stage), word(""), number(0), number(0),   word(""),
          bytes(0),   bytes(0),      word(""), word("x"), word("Wang")};
}

}  // namespace

TEST_CASE("a payload has its fields, and not one more or less") {
  const auto counted = [](const auto& read, std::vector<Bytes> fields) {
    const std::size_t count = fields.size();
    CHECK(verdict(read, fields) == "taken");
    fields.push_back(number(0));
    CHECK(verdict(read, fields) == std::to_string(count + 1) + " fields");
    fields.resize(count - 1);
    CHECK(verdict(read, fields) == std::to_string(count - 1) + " fields");
  };
  counted(&read_change_set, kChangeSet);
  counted(&read_genesis, kGenesis);
  counted(&read_enrolment_request, kRequest);
  counted(&read_enrolment, kEnrolment);
  counted(&read_revocation, kRevocation);
  counted(&read_draw_step, draw_fields(static_cast<int>(DrawStage::kVoid)));
  counted(&read_sync_request, kSync);
  counted(&read_feed_page, kPage);
}

TEST_CASE("the fields of a payload are numbered one after the other") {
  CborWriter out;
  out.map(5);
  for (const std::int64_t key : {1, 2, 3, 4, 6}) {
    out.integer(key);
    out.raw(kRevocation[static_cast<std::size_t>(std::min<std::int64_t>(key, 5)) - 1]);
  }
  CHECK(read_revocation(out.written()).error().detail == "field 5");
}

TEST_CASE("what counts something is not negative, and hashes and states of the log have their form") {
  CHECK(verdict(&read_revocation, with(kRevocation, 2, number(-1))) == "field 2");
  CHECK(verdict(&read_revocation, with(kRevocation, 3, bytes(31))) == "field 3");
  CHECK(verdict(&read_sync_request, with(kSync, 2, bytes(17))) == "field 2");
  for (const Bytes& state : {list({number(1)}), list({number(1), bytes(32), number(1)}), list({number(-1), bytes(32)}),
                             list({number(1), bytes(33)})})
    CHECK(verdict(&read_sync_request, with(kSync, 5, state)) == "field 5");
  CHECK(verdict(&read_sync_request, with(kSync, 5, list({number(0), bytes(32)}))) == "taken");
}

TEST_CASE("a change set has a number from 1, a schema of ours, and an action where it names an actor") {
  CHECK(verdict(&read_change_set, with(kChangeSet, 1, number(0))) == "seq");
  CHECK(verdict(&read_chain_link, with(kChangeSet, 1, number(0))) == "seq");
  CHECK(verdict(&read_chain_link, kChangeSet) == "taken");
  CHECK(verdict(&read_change_set, with(kChangeSet, 5, number(0))) == "schema version");
  std::vector<Bytes> decision = kChangeSet;
  decision.push_back(word("Wang"));
  decision.push_back(word("visit.assign"));
  CHECK(verdict(&read_change_set, decision) == "taken");
  CHECK(verdict(&read_change_set, with(decision, 8, word(""))) == "action");
}

TEST_CASE(
    "keys are of an algorithm that we have, devices are numbered from 1, and a proof of a code is a hash or none") {
  CHECK(verdict(&read_genesis, with(kGenesis, 2, number(static_cast<int>(Algorithm::kEs256)))) == "taken");
  CHECK(verdict(&read_genesis, with(kGenesis, 2, number(0))) == "algorithm");
  CHECK(verdict(&read_enrolment, with(kEnrolment, 1, number(0))) == "device");
  CHECK(verdict(&read_enrolment_request, with(kRequest, 5, bytes(32))) == "taken");
  CHECK(verdict(&read_enrolment_request, with(kRequest, 5, bytes(31))) == "code proof");
}

TEST_CASE("a step of a draw has what its stage needs, and nothing of another stage") {
  const auto step = [](const std::vector<Bytes>& fields) { return verdict(&read_draw_step, fields); };
  CHECK(step(draw_fields(0)) == "stage");
  CHECK(step(draw_fields(5)) == "stage");
  const auto voided = draw_fields(static_cast<int>(DrawStage::kVoid));
  CHECK(step(voided) == "taken");
  CHECK(step(with(voided, 1, word(""))) == "draw step");
  CHECK(step(with(voided, 7, bytes(32))) == "draw step");
  CHECK(step(with(voided, 8, bytes(32))) == "draw step");
  CHECK(step(with(voided, 10, word(""))) == "draw step");
  const auto commit = with(draw_fields(static_cast<int>(DrawStage::kCommit)), 7, bytes(32));
  CHECK(step(commit) == "taken");
  CHECK(step(with(commit, 7, bytes(31))) == "draw step");
  CHECK(step(with(commit, 8, bytes(32))) == "draw step");
  CHECK(step(with(commit, 10, word(""))) == "taken");
  const auto reveal = with(draw_fields(static_cast<int>(DrawStage::kReveal)), 8, bytes(32));
  CHECK(step(reveal) == "taken");
  CHECK(step(with(reveal, 8, bytes(31))) == "draw step");
  CHECK(step(with(reveal, 7, bytes(32))) == "draw step");
  auto file = with(draw_fields(static_cast<int>(DrawStage::kFile)), 3, word("frame"));
  CHECK(step(file) == "draw step");  // no parts at all
  file = with(file, 5, number(2));
  CHECK(step(file) == "taken");
  CHECK(step(with(file, 4, number(1))) == "taken");
  CHECK(step(with(file, 4, number(2))) == "draw step");
  CHECK(step(with(file, 4, number(-1))) == "draw step");
  CHECK(step(with(file, 3, word(""))) == "draw step");
}

TEST_CASE("a feed page's refusals have a number, a code and a yes or no") {
  const auto page = [](const std::vector<Bytes>& fields) { return verdict(&read_feed_page, fields); };
  CHECK(page(with(kPage, 6, number(1))) == "taken");
  CHECK(page(with(kPage, 6, number(2))) == "more");
  CHECK(page(with(kPage, 6, number(-1))) == "more");
  const auto refusal = [&](std::int64_t seq, std::int64_t code, std::int64_t registered) {
    return page(with(kPage, 8, list({list({number(seq), number(code), word("x"), number(registered)})})));
  };
  CHECK(refusal(0, 1, 0) == "taken");
  CHECK(refusal(7, 65'535, 1) == "taken");
  CHECK(refusal(-1, 1, 0) == "refusal");
  CHECK(refusal(0, 0, 0) == "refusal");
  CHECK(refusal(0, 65'536, 0) == "refusal");
  CHECK(refusal(0, 1, 2) == "refusal");
  CHECK(refusal(0, 1, -1) == "refusal");
  CHECK(page(with(kPage, 8, list({list({number(1), number(1), word("x")})}))) == "refusal");
  CHECK(page(with(kPage, 8, list({list({number(1), number(1), word("x"), number(1), number(1)})}))) == "refusal");
  FeedPage told;
  told.refusals = {{7, 4102, "x", true}, {8, 4102, "y", false}};
  const Bytes written = write_feed_page(told);
  const FeedPage read = read_feed_page(written).value();
  REQUIRE(read.refusals.size() == 2);
  CHECK(read.refusals[0].registered);
  CHECK_FALSE(read.refusals[1].registered);
  CHECK_FALSE(read.more);
  told.more = true;
  const Bytes not_all = write_feed_page(told);
  CHECK(read_feed_page(not_all)->more);
}

TEST_CASE("an answer's receipts and its growth of the log have their form") {
  const Bytes batch = list({number(4), number(9), bytes(64), number(3), number(1), list({})});
  const auto answer = [&](const Bytes& runs, const Bytes& growth) {
    CborWriter out;
    out.raw(list({}));
    out.raw(runs);
    out.raw(growth);
    const auto read = read_sync_answer(out.written());
    if (read) return std::string("taken");
    return read.error().code == Code::kReceiptForm ? read.error().detail : std::string("other");
  };
  const Bytes null{0xf6};
  CHECK(answer(list({}), null) == "taken");
  CHECK(answer(list({list({number(1), batch})}), null) == "taken");
  CHECK(answer(list({list({number(0), batch})}), null) == "run");
  CHECK(answer(list({list({number(1)})}), null) == "run");
  CHECK(answer(list({list({number(1), batch, number(1)})}), null) == "run");
  CHECK(answer(list(std::vector<Bytes>(10'000, number(0))), null) == "other");
  CHECK(answer(list(std::vector<Bytes>(10'001, number(0))), null) == "runs");
  CHECK(answer(list({}), list({number(1), bytes(0), bytes(64), list({})})) == "taken");
  CHECK(answer(list({}), list({number(1), bytes(32), bytes(64), list({})})) == "taken");
  CHECK(answer(list({}), list({number(0), bytes(32), bytes(64), list({})})) == "growth");
  CHECK(answer(list({}), list({number(1), bytes(31), bytes(64), list({})})) == "growth");
  CHECK(answer(list({}), list({number(1), bytes(32), bytes(63), list({})})) == "growth");
  CHECK(answer(list({}), list({number(1), bytes(32), bytes(64)})) == "growth");
  CHECK(answer(list({}), list({number(1), bytes(32), bytes(64), list({}), number(1)})) == "growth");
}

TEST_CASE("an answer with an error has four fields and a code that can be one") {
  const auto answer = [](const std::vector<std::int64_t>& keys, std::int64_t code) {
    CborWriter out;
    out.map(keys.size());
    const std::vector<Bytes> values{number(code), word("x"), number(1), bytes(16), number(0)};
    for (std::size_t n = 0; n < keys.size(); ++n) {
      out.integer(keys[n]);
      out.raw(values[n]);
    }
    const auto read = read_error_answer(out.written());
    return read ? Code::kInternal : read.error().code;
  };
  CHECK(answer({1, 2, 3, 4}, 1) == Code::kInternal);  // taken
  CHECK(answer({1, 2, 3, 4}, 65'535) == Code::kInternal);
  for (const std::int64_t code : {-1, 0, 65'536}) CHECK(answer({1, 2, 3, 4}, code) == Code::kPayloadShape);
  for (const std::vector<std::int64_t>& keys :
       {std::vector<std::int64_t>{1, 2, 3}, {1, 2, 3, 4, 5}, {0, 2, 3, 4}, {1, 3, 4, 5}, {1, 2, 4, 5}, {1, 2, 3, 5}})
    CHECK(answer(keys, 1) == Code::kPayloadShape);
}

TEST_CASE("statements are taken out of a body up to as many as there may be") {
  const Bytes body{0x01, 0x02, 0x03};
  CHECK(split_statements(body, 3)->size() == 3);
  CHECK(split_statements(body, 2).error().code == Code::kTooManyStatements);
  CHECK(split_statements({}, 0)->empty());
}
