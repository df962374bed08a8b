#include "sync/payloads.hpp"

namespace dudao {
namespace {

/// Reads a map whose keys are 1, 2, 3 … in order: every payload is one.
class Fields {
 public:
  static Result<Fields> open(BytesView payload) {
    Fields fields(payload);
    DUDAO_TRY(const std::uint64_t count, fields.in_.map());
    fields.count_ = static_cast<std::int64_t>(std::min<std::uint64_t>(count, 64));
    return fields;
  }
  std::int64_t count() const { return count_; }

  Result<CborReader*> next() {
    DUDAO_TRY(const std::int64_t key, in_.integer());
    if (key != ++last_) return fail(Code::kPayloadShape, "field " + std::to_string(last_));
    return &in_;
  }
  Result<std::int64_t> integer() {
    DUDAO_TRY(CborReader * in, next());
    return in->integer();
  }
  /// An integer that counts something.
  Result<std::uint64_t> number() {
    DUDAO_TRY(const std::int64_t value, integer());
    if (value < 0) return fail(Code::kPayloadShape, "field " + std::to_string(last_));
    return static_cast<std::uint64_t>(value);
  }
  Result<std::string_view> text() {
    DUDAO_TRY(CborReader * in, next());
    return in->text();
  }
  Result<BytesView> bytes() {
    DUDAO_TRY(CborReader * in, next());
    return in->bytes();
  }
  template <std::size_t N>
  Result<std::array<std::uint8_t, N>> fixed() {
    DUDAO_TRY(const BytesView found, bytes());
    const auto array = to_array<N>(found);
    if (!array) return fail(Code::kPayloadShape, "field " + std::to_string(last_));
    return *array;
  }
  Result<LogState> log_state() {
    DUDAO_TRY(CborReader * in, next());
    DUDAO_TRY(const std::uint64_t parts, in->array());
    if (parts != 2) return fail(Code::kPayloadShape, "field " + std::to_string(last_));
    DUDAO_TRY(const std::int64_t size, in->integer());
    DUDAO_TRY(const BytesView root, in->bytes());
    const auto hash = to_array<32>(root);
    if (size < 0 || !hash) return fail(Code::kPayloadShape, "field " + std::to_string(last_));
    return LogState{static_cast<std::uint64_t>(size), *hash};
  }
  Result<Algorithm> algorithm() {
    DUDAO_TRY(const std::int64_t number, integer());
    if (number != static_cast<int>(Algorithm::kEd25519) && number != static_cast<int>(Algorithm::kEs256))
      return fail(Code::kPayloadShape, "algorithm");
    return static_cast<Algorithm>(number);
  }
  Status end() const { return in_.finish(); }
  Status expect(std::int64_t fields) const {
    if (count_ != fields) return fail(Code::kPayloadShape, std::to_string(count_) + " fields");
    return {};
  }

 private:
  explicit Fields(BytesView payload) : in_(payload) {}
  CborReader in_;
  std::int64_t count_ = 0;
  std::int64_t last_ = 0;
};

/// Writes such a map.
class FieldWriter {
 public:
  explicit FieldWriter(std::size_t count) { out_.map(count); }
  CborWriter& next() {
    out_.integer(++last_);
    return out_;
  }
  FieldWriter& integer(std::int64_t value) {
    next().integer(value);
    return *this;
  }
  FieldWriter& number(std::uint64_t value) { return integer(static_cast<std::int64_t>(value)); }
  FieldWriter& text(std::string_view value) {
    next().text(value);
    return *this;
  }
  FieldWriter& bytes(BytesView value) {
    next().bytes(value);
    return *this;
  }
  FieldWriter& log_state(const LogState& state) {
    next().array(2);
    out_.integer(static_cast<std::int64_t>(state.size));
    out_.bytes(state.root);
    return *this;
  }
  Bytes take() { return std::move(out_).take(); }

 private:
  CborWriter out_;
  std::int64_t last_ = 0;
};

}  // namespace

Bytes write_change_set(const ChangeSet& change_set) {
  const bool decision = !change_set.action.empty();
  FieldWriter out(decision ? 8 : 6);
  out.number(change_set.seq)
      .bytes(change_set.prev)
      .log_state(change_set.seen)
      .number(change_set.hlc)
      .integer(change_set.schema_version);
  write_changes(out.next(), change_set.changes);
  if (decision) out.text(change_set.actor).text(change_set.action);
  return out.take();
}

Result<ChangeSet> read_change_set(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  if (in.count() != 8) DUDAO_CHECK(in.expect(6));
  ChangeSet out;
  DUDAO_TRY(out.seq, in.number());
  if (out.seq == 0) return fail(Code::kPayloadShape, "seq");
  DUDAO_TRY(out.prev, in.fixed<32>());
  DUDAO_TRY(out.seen, in.log_state());
  DUDAO_TRY(out.hlc, in.number());
  DUDAO_TRY(const std::int64_t version, in.integer());
  if (version < 1) return fail(Code::kPayloadShape, "schema version");
  if (version > kSchemaVersion) return fail(Code::kSchemaNewer, std::to_string(version));
  out.schema_version = static_cast<int>(version);
  DUDAO_TRY(CborReader * changes, in.next());
  DUDAO_TRY(out.changes, read_changes(*changes));
  if (in.count() == 8) {
    DUDAO_TRY(out.actor, in.text());
    DUDAO_TRY(out.action, in.text());
    if (out.action.empty()) return fail(Code::kPayloadShape, "action");
  }
  DUDAO_CHECK(in.end());
  return out;
}

Result<ChainLink> read_chain_link(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  ChainLink out;
  DUDAO_TRY(out.seq, in.number());
  DUDAO_TRY(out.prev, in.fixed<32>());
  if (out.seq == 0) return fail(Code::kPayloadShape, "seq");
  return out;
}

Bytes write_genesis(const Genesis& genesis) {
  FieldWriter out(4);
  out.text(genesis.origin)
      .integer(static_cast<int>(genesis.algorithm))
      .bytes(genesis.public_key)
      .integer(genesis.created_utc_ms);
  return out.take();
}

Result<Genesis> read_genesis(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(4));
  Genesis out;
  DUDAO_TRY(out.origin, in.text());
  DUDAO_TRY(out.algorithm, in.algorithm());
  DUDAO_TRY(out.public_key, in.bytes());
  DUDAO_TRY(out.created_utc_ms, in.integer());
  DUDAO_CHECK(in.end());
  return out;
}

Hash prove_code(const Hash& code_hash, const PublicKey& device_key) {
  Bytes message(view("dudao-enrol-1").begin(), view("dudao-enrol-1").end());
  append(message, device_key.thumbprint());
  return hmac_sha256(code_hash, message);
}

Bytes write_enrolment_request(const EnrolmentRequest& request) {
  FieldWriter out(6);
  out.integer(static_cast<int>(request.algorithm))
      .bytes(request.public_key)
      .text(request.device_name)
      .text(request.inspector);
  out.bytes(request.code_proof).integer(request.made_utc_ms);
  return out.take();
}

Result<EnrolmentRequest> read_enrolment_request(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(6));
  EnrolmentRequest out;
  DUDAO_TRY(out.algorithm, in.algorithm());
  DUDAO_TRY(out.public_key, in.bytes());
  DUDAO_TRY(out.device_name, in.text());
  DUDAO_TRY(out.inspector, in.text());
  DUDAO_TRY(out.code_proof, in.bytes());
  DUDAO_TRY(out.made_utc_ms, in.integer());
  if (!out.code_proof.empty() && out.code_proof.size() != Hash().size()) return fail(Code::kPayloadShape, "code proof");
  DUDAO_CHECK(in.end());
  return out;
}

Bytes write_enrolment(const Enrolment& enrolment) {
  FieldWriter out(7);
  out.integer(enrolment.device).integer(static_cast<int>(enrolment.algorithm)).bytes(enrolment.public_key);
  out.text(enrolment.inspector).text(enrolment.device_name).integer(enrolment.expires_utc_s).text(enrolment.actor);
  return out.take();
}

Result<Enrolment> read_enrolment(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(7));
  Enrolment out;
  DUDAO_TRY(out.device, in.integer());
  if (out.device < 1) return fail(Code::kPayloadShape, "device");
  DUDAO_TRY(out.algorithm, in.algorithm());
  DUDAO_TRY(out.public_key, in.bytes());
  DUDAO_TRY(out.inspector, in.text());
  DUDAO_TRY(out.device_name, in.text());
  DUDAO_TRY(out.expires_utc_s, in.integer());
  DUDAO_TRY(out.actor, in.text());
  DUDAO_CHECK(in.end());
  return out;
}

Bytes write_revocation(const Revocation& revocation) {
  FieldWriter out(5);
  out.integer(revocation.device)
      .number(revocation.cut_seq)
      .bytes(revocation.cut_id)
      .text(revocation.reason)
      .text(revocation.actor);
  return out.take();
}

Result<Revocation> read_revocation(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(5));
  Revocation out;
  DUDAO_TRY(out.device, in.integer());
  DUDAO_TRY(out.cut_seq, in.number());
  DUDAO_TRY(out.cut_id, in.fixed<32>());
  DUDAO_TRY(out.reason, in.text());
  DUDAO_TRY(out.actor, in.text());
  DUDAO_CHECK(in.end());
  return out;
}

Bytes write_draw_step(const DrawStep& step) {
  FieldWriter out(11);
  out.text(step.draw)
      .integer(static_cast<int>(step.stage))
      .text(step.file)
      .integer(step.part)
      .integer(step.parts)
      .text(step.content);
  out.bytes(step.commitment).bytes(step.secret).text(step.entropy).text(step.reason).text(step.actor);
  return out.take();
}

Result<DrawStep> read_draw_step(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(11));
  DrawStep out;
  DUDAO_TRY(out.draw, in.text());
  DUDAO_TRY(const std::int64_t stage, in.integer());
  if (stage < 1 || stage > 4) return fail(Code::kPayloadShape, "stage");
  out.stage = static_cast<DrawStage>(stage);
  DUDAO_TRY(out.file, in.text());
  DUDAO_TRY(out.part, in.integer());
  DUDAO_TRY(out.parts, in.integer());
  DUDAO_TRY(out.content, in.text());
  DUDAO_TRY(out.commitment, in.bytes());
  DUDAO_TRY(out.secret, in.bytes());
  DUDAO_TRY(out.entropy, in.text());
  DUDAO_TRY(out.reason, in.text());
  DUDAO_TRY(out.actor, in.text());
  DUDAO_CHECK(in.end());
  const bool committed = out.stage == DrawStage::kCommit;
  const bool revealed = out.stage == DrawStage::kReveal;
  if (out.draw.empty() || (committed ? out.commitment.size() != 32 : !out.commitment.empty()) ||
      (revealed ? out.secret.size() != 32 : !out.secret.empty()) ||
      (out.stage == DrawStage::kVoid && out.reason.empty()) ||
      (out.stage == DrawStage::kFile && (out.file.empty() || out.part < 0 || out.part >= out.parts)))
    return fail(Code::kPayloadShape, "draw step");
  return out;
}

Bytes write_sync_request(const SyncRequest& request) {
  FieldWriter out(8);
  out.integer(request.device)
      .bytes(request.nonce)
      .integer(request.now_utc_ms)
      .number(request.cursor)
      .log_state(request.checkpoint);
  out.number(request.head_seq).bytes(request.head_id).number(request.feed_budget_bytes);
  return out.take();
}

Result<SyncRequest> read_sync_request(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(8));
  SyncRequest out;
  DUDAO_TRY(out.device, in.integer());
  DUDAO_TRY(out.nonce, in.fixed<16>());
  DUDAO_TRY(out.now_utc_ms, in.integer());
  DUDAO_TRY(out.cursor, in.number());
  DUDAO_TRY(out.checkpoint, in.log_state());
  DUDAO_TRY(out.head_seq, in.number());
  DUDAO_TRY(out.head_id, in.fixed<32>());
  DUDAO_TRY(out.feed_budget_bytes, in.number());
  DUDAO_CHECK(in.end());
  return out;
}

Bytes write_feed_page(const FeedPage& page) {
  FieldWriter out(9);
  out.integer(page.device)
      .bytes(page.nonce)
      .integer(page.office_utc_ms)
      .number(page.from)
      .number(page.to)
      .integer(page.more ? 1 : 0);
  out.number(page.accepted_seq);
  CborWriter& refusals = out.next();
  refusals.array(page.refusals.size());
  for (const Refusal& refusal : page.refusals) {
    refusals.array(4);
    refusals.integer(static_cast<std::int64_t>(refusal.seq));
    refusals.integer(refusal.code);
    refusals.text(excerpt(refusal.detail, kMaxDetailBytes));
    refusals.integer(refusal.registered ? 1 : 0);
  }
  write_changes(out.next(), page.rows);
  return out.take();
}

Result<FeedPage> read_feed_page(BytesView payload) {
  DUDAO_TRY(auto in, Fields::open(payload));
  DUDAO_CHECK(in.expect(9));
  FeedPage out;
  DUDAO_TRY(out.device, in.integer());
  DUDAO_TRY(out.nonce, in.fixed<16>());
  DUDAO_TRY(out.office_utc_ms, in.integer());
  DUDAO_TRY(out.from, in.number());
  DUDAO_TRY(out.to, in.number());
  DUDAO_TRY(const std::int64_t more, in.integer());
  if (more != 0 && more != 1) return fail(Code::kPayloadShape, "more");
  out.more = more == 1;
  DUDAO_TRY(out.accepted_seq, in.number());
  DUDAO_TRY(CborReader * refusals, in.next());
  DUDAO_TRY(const std::uint64_t count, refusals->array());
  for (std::uint64_t i = 0; i < count; ++i) {
    Refusal refusal;
    DUDAO_TRY(const std::uint64_t parts, refusals->array());
    if (parts != 4) return fail(Code::kPayloadShape, "refusal");
    DUDAO_TRY(const std::int64_t seq, refusals->integer());
    DUDAO_TRY(const std::int64_t code, refusals->integer());
    DUDAO_TRY(const std::string_view detail, refusals->text());
    DUDAO_TRY(const std::int64_t registered, refusals->integer());
    if (seq < 0 || code < 1 || code > 65535 || (registered != 0 && registered != 1))
      return fail(Code::kPayloadShape, "refusal");
    out.refusals.push_back(
        {static_cast<std::uint64_t>(seq), static_cast<std::uint16_t>(code), std::string(detail), registered == 1});
  }
  DUDAO_TRY(CborReader * rows, in.next());
  DUDAO_TRY(out.rows, read_changes(*rows, kMaxFeedRows));
  DUDAO_CHECK(in.end());
  return out;
}

}  // namespace dudao
