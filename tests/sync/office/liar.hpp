#pragma once

/// A device that is truly enrolled and says whatever it likes, and what the office answered.

#include "sync/answer.hpp"
#include "tests/sync/office/county.hpp"

namespace dudao::test {

/// What came back for one request.
struct Outcome {
  int status = 0;
  Code error{};  ///< of an error answer
  std::optional<Nonce> nonce;
  FeedPage page;  ///< its views are not to be read
  std::vector<Refusal> refusals;
  std::optional<LogGrowth> growth;
  std::vector<std::pair<std::uint64_t, Bytes>> receipts;  ///< as sent, by the number of the first

  Code refusal() const { return refusals.size() == 1 ? static_cast<Code>(refusals.front().code) : Code::kInternal; }
};

/// A device that holds a valid key and says whatever it likes.
struct Liar : OneVisit {
  std::uint64_t seq = 0;
  Hash head{};

  Liar() { head = *to_array<32>(**bytes_setting(*device.db, "chain_head")); }

  Signer signer() {
    return [this](BytesView message) { return device.platform.keys.sign("device", message); };
  }
  PublicKey key() { return *device.platform.keys.public_key("device"); }

  SyncRequest request() {
    SyncRequest out;
    out.device = device.number();
    const Bytes random = random_bytes(16);
    out.nonce = *to_array<16>(random);
    out.now_utc_ms = device.platform.clock.wall_utc_ms();
    out.feed_budget_bytes = 1u << 20;
    return out;
  }
  Bytes signed_request(const SyncRequest& request, StatementType type = StatementType::kSyncRequest) {
    auto bytes = sign_statement({type, "d" + std::to_string(request.device), office.office->origin(),
                                 std::max<std::int64_t>(0, request.now_utc_ms / 1000)},
                                write_sync_request(request), key(), signer());
    REQUIRE(bytes);
    return bare_statement(*bytes);
  }

  ChangeSet empty_set() {
    ChangeSet out;
    out.seq = seq + 1;
    out.prev = head;
    out.hlc = (seq + 1) << 16;
    out.schema_version = 1;
    return out;
  }
  Bytes statement(const ChangeSet& change_set, std::int64_t issued_utc_s = 1'767'225'600) {
    auto bytes = sign_statement({StatementType::kChangeSet, "d" + std::to_string(device.number()),
                                 std::to_string(change_set.seq), issued_utc_s},
                                write_change_set(change_set), key(), signer());
    REQUIRE(bytes);
    return *std::move(bytes);
  }
  Bytes statement(const ChangesBuilder& rows) {
    ChangeSet out = empty_set();
    out.changes = rows.changes();
    return statement(out);
  }
  /// As if it had been taken: the next statement continues it.
  void go_on(const Bytes& statement) {
    ++seq;
    head = parse_statement(statement)->id;
  }
  /// A note, which needs an open visit: the smallest thing that a rule looks at.
  ChangesBuilder note(std::int64_t n, std::string text = "记录") {
    ChangesBuilder out;
    out.insert("note", {visit, device.number(), n, Value(), std::move(text), Value(), std::string("I001"),
                        std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
    return out;
  }
  void event(ChangesBuilder& rows, std::int64_t n, const std::string& name, std::int64_t author = 0) {
    rows.insert("visit_event",
                {visit, author ? author : device.number(), n, name, std::string("I001"), std::string("CHECKED"),
                 Value(), Value(), Value(), std::string("室内"), std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
  }
  /// The visit is open at the office afterwards.
  void check_in() {
    ChangesBuilder rows;
    event(rows, 1, "verify_package");
    event(rows, 2, "check_in");
    const Bytes bytes = statement(rows);
    const Outcome out = send({bytes});
    REQUIRE(out.status == 200);
    REQUIRE(out.refusals.empty());
    go_on(bytes);
    REQUIRE(office.visit_state(visit) == "IN_PROGRESS");
  }

  Outcome post(Bytes body, const char* path = "/v1/sync") {
    Request http;
    http.method = "POST";
    http.path = path;
    http.body = std::move(body);
    const Response answer = office.office->handle(http);
    Outcome out;
    out.status = answer.status;
    if (answer.status != 200) {
      CHECK(answer.headers.at("content-type") == kErrorContentType);
      const auto error = read_error_answer(answer.body);
      REQUIRE(error);
      out.error = static_cast<Code>(error->code);
      out.nonce = error->nonce;
      return out;
    }
    const auto plain = decompress(answer.body, kMaxSyncPlainBytes);
    REQUIRE(plain);
    const auto read = read_sync_answer(*plain);
    REQUIRE(read);
    const auto page = read_bare_statement(read->page);
    REQUIRE(page);
    const auto content = read_feed_page(page->payload);
    REQUIRE(content);
    out.page = *content;
    out.refusals = content->refusals;
    out.growth = read->growth;
    for (const auto& [first, batch] : read->receipts) {
      CborWriter written;
      write_batch_receipt(written, batch);
      for (std::int64_t i = 0; i < batch.count; ++i)
        out.receipts.emplace_back(first + static_cast<std::uint64_t>(i), written.written());
    }
    return out;
  }
  Outcome send(const std::vector<Bytes>& statements) {
    Bytes body = signed_request(request());
    for (const Bytes& each : statements) append(body, each);
    return post(compress(body));
  }

  /// Nothing that was refused may leave a trace in the log or in rows.
  std::int64_t entries() { return office.check().statements; }
  void still_sound() {
    CHECK(office.check().sound());
    CHECK(office.office->rebuild());
  }
  /// After all of it an honest statement is taken.
  void still_takes_honest_ones() {
    const Outcome out = send({statement(empty_set())});
    REQUIRE(out.status == 200);
    CHECK(out.refusals.empty());
    CHECK(out.receipts.size() == 1);
    still_sound();
  }
};

}  // namespace dudao::test
