#include "sync/pass.hpp"

#include "schema/visit_state.hpp"
#include "sync/answer.hpp"
#include "sync/checkpoint.hpp"
#include "sync/compress.hpp"
#include "sync/merkle.hpp"
#include "sync/pack.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dudao {
namespace {

Result<LogState> log_state(Database& db, const std::string& name) {
  DUDAO_TRY(const auto size, integer_setting(db, name + "_size"));
  DUDAO_TRY(const auto root, bytes_setting(db, name + "_root"));
  if (!size || !root) return LogState{};
  const auto hash = to_array<32>(*root);
  if (!hash) return fail(Code::kDatabaseCorrupt, name);
  return LogState{static_cast<std::uint64_t>(*size), *hash};
}

Status put_log_state(Database& db, const std::string& name, const LogState& state) {
  DUDAO_CHECK(put_setting(db, name + "_size", static_cast<std::int64_t>(state.size)));
  return put_setting(db, name + "_root", BytesView(state.root));
}

/// What an answer that is no success says. Only an office that speaks our protocol is believed even that far.
Error refusal_of(int http_status, std::string_view content_type, BytesView body, std::optional<ErrorAnswer>& answer) {
  if (content_type == kErrorContentType) {
    if (auto read = read_error_answer(body)) {
      answer = *read;
      const CodeInfo* known = find_code(read->code);
      return Error{known ? known->code : Code::kOfficeRefused,
                   known ? read->detail : std::to_string(read->code) + " " + read->detail};
    }
  }
  return Error{http_status >= 500 ? Code::kOfficeTrouble : Code::kNotTheOffice, "HTTP " + std::to_string(http_status)};
}

/// Cells that this device changed and of which it has no receipt yet: they stay on top of what the feed brings.
class Unsent {
 public:
  static Result<Unsent> collect(Database& db) {
    Unsent out;
    {
      DUDAO_TRY(auto q, db.query("SELECT bytes FROM outbox WHERE log_index IS NULL ORDER BY seq"));
      while (true) {
        DUDAO_TRY(const bool found, q.step());
        if (!found) break;
        DUDAO_TRY(const Statement statement, parse_statement(q.blob(0)));
        DUDAO_TRY(const ChangeSet change_set, read_change_set(statement.payload));
        out.add(change_set.changes);
      }
    }
    DUDAO_TRY(const ChangesBuilder unsealed, unsealed_changes(db));
    out.add(unsealed.changes());
    return out;
  }
  bool has(const Table& table, const Bytes& key, std::size_t column) const {
    const auto found = cells_.find({table.id, key});
    return found != cells_.end() && found->second.contains(column);
  }
  bool has(const Table& table, const Bytes& key) const { return cells_.contains({table.id, key}); }

 private:
  void add(const Changes& changes) {
    for (const TableChanges& table : changes.tables) {
      for (std::size_t n = 0; n < table.inserted_rows(); ++n) {
        auto& columns = cells_[{table.table->id, encode_key(table.row(n).first(table.table->key_columns))}];
        for (std::size_t i = table.table->key_columns; i < table.table->columns.size(); ++i) columns.insert(i);
      }
      for (const RowUpdate& update : table.updated) {
        auto& columns = cells_[{table.table->id, encode_key(update.key)}];
        for (const auto& [column, value] : update.cells) columns.insert(column);
      }
    }
  }
  std::map<std::pair<int, Bytes>, std::set<std::size_t>> cells_;
};

struct FeedSql {
  std::string select, insert, update;
};
FeedSql feed_sql(const Table& table) {
  FeedSql sql;
  std::string columns;
  std::string marks;
  std::string sets;
  std::string match;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    columns += (i ? ", " : "") + table.columns[i].name;
    marks += i ? ", ?" : "?";
    if (i < table.key_columns)
      match += (i ? " AND " : "") + table.columns[i].name + " = ?";
    else
      sets += (i > table.key_columns ? ", " : "") + table.columns[i].name + " = ?";
  }
  sql.select = "SELECT " + columns + " FROM " + std::string(table.name) + " WHERE " + match;
  sql.insert = "INSERT INTO " + std::string(table.name) + " (" + columns + ") VALUES (" + marks + ")";
  if (!sets.empty()) sql.update = "UPDATE " + std::string(table.name) + " SET " + sets + " WHERE " + match;
  return sql;
}

using Receipts = decltype(SyncAnswer::receipts);

/// One that the growth from the known checkpoint has to prove.
bool is_new(const BatchReceipt& batch, const LogState& known) {
  return static_cast<std::uint64_t>(batch.first) >= known.size;
}

/// What the receipts are for, run by run: only of what this request held. Error: kReceiptWrong.
Result<std::vector<std::vector<Bytes>>> statements_of(Database& db, const Receipts& receipts,
                                                      const std::vector<std::uint64_t>& sent) {
  std::vector<std::vector<Bytes>> out;
  for (const auto& [first_seq, batch] : receipts) {
    out.emplace_back();
    for (std::int64_t i = 0; i < batch.count; ++i) {
      const std::uint64_t seq = first_seq + static_cast<std::uint64_t>(i);
      if (!std::binary_search(sent.begin(), sent.end(), seq)) return fail(Code::kReceiptWrong, std::to_string(seq));
      DUDAO_TRY(auto found, statement_of(db, seq));
      out.back().push_back(std::move(found.statement));
    }
  }
  return out;
}

Result<GrownTree> grow(Database& db, const LogState& known, const LogGrowth& growth, const Receipts& receipts,
                       const std::vector<std::vector<Bytes>>& statements) {
  std::vector<Hash> peaks;
  DUDAO_TRY(const auto kept, bytes_setting(db, "checkpoint_peaks"));
  for (std::size_t at = 0; kept && at + 32 <= kept->size(); at += 32)
    peaks.push_back(*to_array<32>(BytesView(*kept).subspan(at, 32)));
  std::vector<HeldRange> held;
  std::vector<Hash> leaves;
  for (std::size_t n = 0; n < receipts.size(); ++n) {
    const BatchReceipt& batch = receipts[n].second;
    if (!is_new(batch, known)) continue;
    held.push_back({batch.first, batch.count, batch.head.size});
    for (const Bytes& statement : statements[n]) leaves.push_back(leaf_hash(statement));
  }
  return GrownTree::grow(static_cast<std::int64_t>(known.size), peaks, growth.size, held, leaves, growth.proof);
}

/// Takes back what a refused statement wrote, but for rows with edits that the office has not judged yet. Those that
/// the office has all the same come with the feed: it hands out again, under the statement's own index, whatever the
/// statement spoke of.
Status withdraw(Database& db, const Unsent& unsent, BytesView statement_bytes) {
  DUDAO_TRY(const Statement statement, parse_statement(statement_bytes));
  DUDAO_TRY(const ChangeSet change_set, read_change_set(statement.payload));
  for (const TableChanges& changes : change_set.changes.tables) {
    const Table& table = *changes.table;
    if (table.writer != Writer::kDevice) continue;
    std::string sql = "DELETE FROM " + std::string(table.name) + " WHERE ";
    for (std::size_t i = 0; i < table.key_columns; ++i) sql += (i ? " AND " : "") + table.columns[i].name + " = ?";
    const auto remove = [&](std::span<const ValueView> key) -> Status {
      if (unsent.has(table, encode_key(key))) return {};
      DUDAO_TRY(auto q, db.query(sql));
      for (const ValueView& cell : key) q.bind(cell);
      return q.run();
    };
    for (std::size_t n = 0; n < changes.inserted_rows(); ++n)
      DUDAO_CHECK(remove(changes.row(n).first(table.key_columns)));
    for (const RowUpdate& update : changes.updated) DUDAO_CHECK(remove(update.key));
  }
  return {};
}

/// The office derives RECEIVED from a submission that it takes; so does the device once it holds the receipt, and the
/// row need not come back.
Status derive_received(Database& db, BytesView statement_bytes) {
  DUDAO_TRY(const Statement statement, parse_statement(statement_bytes));
  DUDAO_TRY(const ChangeSet change_set, read_change_set(statement.payload));
  const auto received = next(VisitState::kSubmitted, VisitEvent::kReceive, Actor::kOffice);
  for (const TableChanges& table : change_set.changes.tables) {
    if (table.table->name != "submission") continue;
    for (std::size_t n = 0; n < table.inserted_rows(); ++n)
      DUDAO_CHECK(db.execute("UPDATE visit SET state = ? WHERE id = ? AND state = ?", to_string(*received),
                             std::get<BytesView>(table.row(n)[0]), to_string(VisitState::kSubmitted)));
  }
  return {};
}

}  // namespace

struct SyncPass::Opened {
  Bytes plain;
  SyncAnswer answer;
  FeedPage page;
  std::optional<LogState> checkpoint;
  std::string note;
  Bytes peaks;  ///< of the log at the checkpoint
  struct Taken {
    std::uint64_t seq;
    std::int64_t log_index;
    std::int64_t registered_utc_s;
    Bytes receipt;
    Bytes statement;
  };
  std::vector<Taken> taken;
};

Result<Bytes> SyncPass::request() {
  DUDAO_CHECK(seal(platform_, db_));
  DUDAO_TRY(const Identity who, identity(db_));
  const Bytes random = random_bytes(16);
  nonce_ = lent_nonce_.value_or(*to_array<16>(random));
  SyncRequest request;
  request.device = who.device;
  request.nonce = nonce_;
  request.now_utc_ms = platform_.clock.wall_utc_ms();
  DUDAO_TRY(const auto cursor, integer_setting(db_, "cursor"));
  request.cursor = static_cast<std::uint64_t>(cursor.value_or(0));
  DUDAO_TRY(request.checkpoint, log_state(db_, "checkpoint"));
  DUDAO_TRY(const auto seq, integer_setting(db_, "chain_seq"));
  DUDAO_TRY(const auto head, bytes_setting(db_, "chain_head"));
  const auto head_id = head ? to_array<32>(*head) : std::nullopt;
  if (!seq || !head_id) return fail(Code::kNotEnrolled);
  request.head_seq = static_cast<std::uint64_t>(*seq);
  request.head_id = *head_id;
  request.feed_budget_bytes = budget_.down_bytes;
  const StatementHeader header{.type = StatementType::kSyncRequest,
                               .issuer = "d" + std::to_string(who.device),
                               .subject = who.origin,
                               .issued_utc_s = std::max<std::int64_t>(0, request.now_utc_ms / 1000)};
  DUDAO_TRY(Bytes body, sign_statement(header, write_sync_request(request), *who.device_key,
                                       [&](BytesView message) { return platform_.keys.sign(who.key_name, message); }));
  sent_.clear();
  sent_bytes_ = 0;
  std::vector<Bytes> statements;
  DUDAO_TRY(auto q, db_.query("SELECT seq, bytes FROM outbox WHERE log_index IS NULL ORDER BY seq"));
  while (sent_.size() < kMaxStatementsPerRequest) {
    DUDAO_TRY(const bool found, q.step());
    if (!found) break;
    const BytesView statement = q.blob(1);
    if (!sent_.empty() && sent_bytes_ + statement.size() > budget_.up_bytes) break;
    sent_bytes_ += statement.size();
    sent_.push_back(static_cast<std::uint64_t>(q.integer(0)));
    statements.push_back(to_bytes(statement));
  }
  body = bare_statement(body);
  append(body, pack_statements(statements, who.device, *who.device_key));
  return compress(body, Effort::kThorough);
}

Result<SyncPass::Opened> SyncPass::open_answer(BytesView body) const {
  DUDAO_TRY(const Identity who, identity(db_));
  Opened out;
  auto plain = decompress(body, kMaxSyncPlainBytes);
  if (!plain) return fail(Code::kNotTheOffice, "body");
  out.plain = std::move(*plain);
  DUDAO_TRY(out.answer, read_sync_answer(out.plain));
  const auto bare = read_bare_statement(out.answer.page);
  if (!bare) return fail(Code::kAnswerForged, bare.error().message());
  DUDAO_TRY(out.page, read_feed_page(bare->payload));
  const auto whole = whole_statement(out.answer.page,
                                     {.type = StatementType::kFeedPage,
                                      .issuer = who.origin,
                                      .subject = "d" + std::to_string(who.device),
                                      .issued_utc_s = std::max<std::int64_t>(0, out.page.office_utc_ms / 1000)},
                                     *who.office_key);
  const auto page_statement =
      whole ? open_statement(*whole, StatementType::kFeedPage, *who.office_key) : fail(whole.error());
  if (!page_statement) return fail(Code::kAnswerForged, page_statement.error().message());
  // An answer to another device or to another request is somebody's replay.
  if (out.page.device != who.device || out.page.nonce != nonce_)
    return fail(Code::kAnswerForged, "not an answer to this request");

  DUDAO_TRY(const LogState known, log_state(db_, "checkpoint"));
  LogState newest = known;
  std::optional<GrownTree> tree;
  DUDAO_TRY(std::vector<std::vector<Bytes>> statements, statements_of(db_, out.answer.receipts, sent_));
  if (const auto& growth = out.answer.growth) {
    // Where a root is claimed, it must be signed before anything is held against it.
    const auto note_of = [&](const Hash& root) -> Status {
      DUDAO_TRY(out.note, sign_checkpoint({who.origin, growth->size, root}, *who.office_key,
                                          [&](BytesView) { return Result<Bytes>(growth->signature); }));
      return open_checkpoint(out.note, who.origin, *who.office_key).map([](const Checkpoint&) {});
    };
    if (growth->root) DUDAO_CHECK(note_of(*growth->root));
    if (static_cast<std::uint64_t>(growth->size) < known.size)
      return fail(Code::kLogShrunk, std::to_string(growth->size) + " after " + std::to_string(known.size));
    auto grown = grow(db_, known, *growth, out.answer.receipts, statements);
    const auto root = grown ? tree_root(growth->size, grown->reader()) : fail(grown.error());
    if (!root) return fail(Code::kLogForked, root.error().message());
    if (growth->root ? *growth->root != *root : !note_of(*root)) return fail(Code::kLogForked, "root");
    newest = {static_cast<std::uint64_t>(growth->size), *root};
    tree = std::move(*grown);
    DUDAO_TRY(const std::vector<Hash> peaks, tree_peaks(growth->size, tree->reader()));
    for (const Hash& peak : peaks) append(out.peaks, peak);
    out.checkpoint = newest;
  }
  if (out.page.to > newest.size) return fail(Code::kAnswerForged, "page beyond the checkpoint");
  DUDAO_TRY(const auto cursor, integer_setting(db_, "cursor"));
  if (out.page.from != static_cast<std::uint64_t>(cursor.value_or(0)) || out.page.to < out.page.from)
    return fail(Code::kAnswerForged, "page out of order");

  for (std::size_t n = 0; n < out.answer.receipts.size(); ++n) {
    const std::uint64_t first_seq = out.answer.receipts[n].first;
    BatchReceipt& batch = out.answer.receipts[n].second;
    if (is_new(batch, known)) {
      if (!tree || !batch.proof.empty()) return fail(Code::kReceiptWrong, "proof");
      DUDAO_TRY(batch.proof, range_proof(batch.first, batch.count, batch.head.size, tree->reader()));
    }
    const std::vector<BytesView> entries(statements[n].begin(), statements[n].end());
    auto expanded = expand_receipts(batch, entries, who.origin, *who.office_key);
    if (!expanded) return fail(Code::kReceiptWrong, expanded.error().message());
    // The receipt's own tree is one that the checkpoint speaks of, and where it is the same size it is the same tree.
    if (static_cast<std::uint64_t>(batch.head.size) > newest.size ||
        (static_cast<std::uint64_t>(batch.head.size) == newest.size && expanded->root != newest.root))
      return fail(Code::kLogForked, "receipt against checkpoint");
    for (std::size_t i = 0; i < entries.size(); ++i)
      out.taken.push_back({first_seq + i, batch.first + static_cast<std::int64_t>(i), batch.head.registered_utc_s,
                           std::move(expanded->receipts[i]), std::move(statements[n][i])});
  }
  return out;
}

Result<PassReport> SyncPass::take_answer(int http_status, std::string_view content_type, BytesView body) {
  if (http_status != 200) {
    std::optional<ErrorAnswer> answer;
    const Error refused = refusal_of(http_status, content_type, body, answer);
    if (refused.code == Code::kClockNotAgreed && answer && answer->nonce && !lent_nonce_) {
      // The office's nonce proves that the next request is fresh in place of a clock that does not.
      lent_nonce_ = answer->nonce;
      return fail(Code::kClockAgreed);
    }
    return fail(refused);
  }
  if (content_type != kSyncContentType)
    return fail(Code::kNotTheOffice, "content type " + std::string(content_type.substr(0, 80)));
  DUDAO_TRY(const Opened opened, open_answer(body));
  DUDAO_TRY(const LogState known, log_state(db_, "checkpoint"));
  const FeedPage& page = opened.page;
  PassReport report;
  report.sent = static_cast<int>(sent_.size());
  report.plain_bytes = sent_bytes_ + opened.plain.size();
  report.refusals = page.refusals;

  DUDAO_TRY(const auto chain_seq, integer_setting(db_, "chain_seq"));
  if (page.accepted_seq > static_cast<std::uint64_t>(chain_seq.value_or(0)))
    return fail(Code::kDeviceBehind,
                std::to_string(page.accepted_seq) + " after " + std::to_string(chain_seq.value_or(0)));
  // An office that does not know what it gave a receipt for goes on from another log, even where that is as long.
  DUDAO_TRY(const std::int64_t receipted,
            db_.integer("SELECT coalesce(max(seq), 0) FROM outbox WHERE log_index IS NOT NULL"));
  if (page.accepted_seq < static_cast<std::uint64_t>(receipted))
    return fail(Code::kLogForked, "statement " + std::to_string(receipted) + " is not there any more");

  DUDAO_TRY(auto transaction, Transaction::begin(db_));
  for (const Opened::Taken& taken : opened.taken) {
    DUDAO_CHECK(db_.execute(
        "UPDATE outbox SET log_index = ?, receipt = ?, registered_utc_s = ?, refusal = NULL, refusal_detail = NULL "
        "WHERE seq = ? AND log_index IS NULL",
        taken.log_index, BytesView(taken.receipt), taken.registered_utc_s, static_cast<std::int64_t>(taken.seq)));
    if (db_.rows_changed() > 0) ++report.receipted;
  }
  std::set<std::uint64_t> without_effect;
  for (const Refusal& refusal : page.refusals) {
    if (refusal.registered) without_effect.insert(refusal.seq);
    DUDAO_CHECK(db_.execute("UPDATE outbox SET refusal = ?, refusal_detail = ? WHERE seq = ?",
                            std::int64_t{refusal.code}, std::string_view(refusal.detail),
                            static_cast<std::int64_t>(refusal.seq)));
  }
  std::uint64_t cursor = page.to;
  for (const Opened::Taken& taken : opened.taken) {
    if (!without_effect.contains(taken.seq)) DUDAO_CHECK(derive_received(db_, taken.statement));
    // Where the feed passed a statement before its receipt was here, this device's own cells stood in the way of the
    // rows; they must come once more.
    if (static_cast<std::uint64_t>(taken.log_index) < page.from)
      cursor = std::min(cursor, static_cast<std::uint64_t>(taken.log_index));
  }
  DUDAO_CHECK(apply_feed(page, report.rows));
  DUDAO_CHECK(put_setting(db_, "cursor", static_cast<std::int64_t>(cursor)));
  const LogState newest = opened.checkpoint.value_or(known);
  if (opened.checkpoint) {
    DUDAO_CHECK(put_log_state(db_, "checkpoint", newest));
    DUDAO_CHECK(put_setting(db_, "checkpoint_note", std::string_view(opened.note)));
    DUDAO_CHECK(put_setting(db_, "checkpoint_peaks", BytesView(opened.peaks)));
  }
  // Only with all rows up to the checkpoint in hand may the device say that it has seen them.
  if (!page.more && cursor == newest.size) DUDAO_CHECK(put_log_state(db_, "seen", newest));
  DUDAO_CHECK(anchor_clock(db_, platform_.clock, page.office_utc_ms));
  DUDAO_TRY(const std::int64_t waiting, db_.integer("SELECT count(*) FROM outbox WHERE log_index IS NULL"));
  DUDAO_CHECK(transaction.commit());
  lent_nonce_.reset();
  // Going on makes sense only while each exchange gets something done.
  report.again = page.more || cursor < page.to || (waiting > 0 && report.receipted > 0);
  return report;
}

Status SyncPass::apply_feed(const FeedPage& page, int& rows) {
  std::vector<Bytes> refused;
  {
    DUDAO_TRY(auto q,
              db_.query("SELECT bytes FROM outbox WHERE refusal IS NOT NULL AND log_index >= ? AND log_index < ?"));
    q.bind(static_cast<std::int64_t>(page.from)).bind(static_cast<std::int64_t>(page.to));
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) break;
      refused.push_back(to_bytes(q.blob(0)));
    }
  }
  if (page.rows.empty() && refused.empty()) return {};
  DUDAO_TRY(const Unsent unsent, Unsent::collect(db_));
  for (const Bytes& statement : refused) DUDAO_CHECK(withdraw(db_, unsent, statement));
  for (const TableChanges& changes : page.rows.tables) {
    const Table& table = *changes.table;
    if (!changes.updated.empty()) return fail(Code::kPayloadShape, "feed");
    const FeedSql sql = feed_sql(table);
    for (std::size_t n = 0; n < changes.inserted_rows(); ++n, ++rows) {
      const auto row = changes.row(n);
      const auto key = row.first(table.key_columns);
      std::vector<Value> kept;
      {
        DUDAO_TRY(auto q, db_.query(sql.select));
        for (const ValueView& cell : key) q.bind(cell);
        DUDAO_TRY(const bool found, q.step());
        for (int i = 0; found && i < q.columns(); ++i) kept.push_back(to_value(q.value(i)));
      }
      if (kept.empty()) {
        DUDAO_TRY(auto q, db_.query(sql.insert));
        for (const ValueView& cell : row) q.bind(cell);
        DUDAO_CHECK(q.run());
        continue;
      }
      if (sql.update.empty()) continue;
      const Bytes row_key = encode_key(key);
      DUDAO_TRY(auto q, db_.query(sql.update));
      for (std::size_t i = table.key_columns; i < row.size(); ++i)
        q.bind(unsent.has(table, row_key, i) ? as_view(kept[i]) : row[i]);
      for (const ValueView& cell : key) q.bind(cell);
      DUDAO_CHECK(q.run());
    }
  }
  return {};
}

Result<Bytes> enrolment_request(Platform& platform, std::string_view key_name, const PublicKey& key,
                                std::string_view inspector, std::string_view device_name, BytesView code) {
  EnrolmentRequest request;
  request.algorithm = key.algorithm();
  request.public_key = key.raw();
  request.device_name = device_name;
  request.inspector = inspector;
  Hash proof;
  if (!code.empty()) {
    proof = prove_code(sha256(code), key);
    request.code_proof = proof;
  }
  request.made_utc_ms = platform.clock.wall_utc_ms();
  const StatementHeader header{.type = StatementType::kEnrolmentRequest,
                               .issuer = "new",
                               .subject = to_hex(key_id(key)),
                               .issued_utc_s = std::max<std::int64_t>(0, request.made_utc_ms / 1000)};
  return sign_statement(header, write_enrolment_request(request), key,
                        [&](BytesView message) { return platform.keys.sign(key_name, message); });
}

Result<bool> take_enrolment(Platform& platform, Database& db, std::string_view key_name, const PublicKey& key,
                            int http_status, std::string_view content_type, BytesView body,
                            const std::optional<Hash>& pinned_office) {
  if (http_status == 202) return false;
  if (http_status != 200) {
    std::optional<ErrorAnswer> answer;
    return fail(refusal_of(http_status, content_type, body, answer));
  }
  if (content_type != kSyncContentType)
    return fail(Code::kNotTheOffice, "content type " + std::string(content_type.substr(0, 80)));
  auto plain = decompress(body, kMaxSyncPlainBytes);
  if (!plain) return fail(Code::kNotTheOffice, "body");
  DUDAO_TRY(const auto statements, split_statements(*plain, 2));
  if (statements.size() != 2) return fail(Code::kAnswerForged, "enrolment");
  // The genesis statement names the log and its key; the key is believed because it is pinned, or on first use.
  DUDAO_TRY(const Statement first, parse_statement(statements[0]));
  if (first.type != StatementType::kGenesis) return fail(Code::kAnswerForged, "genesis");
  DUDAO_TRY(const Genesis genesis, read_genesis(first.payload));
  DUDAO_TRY(const PublicKey office_key, PublicKey::from_raw(genesis.algorithm, genesis.public_key));
  if (office_key.algorithm() != Algorithm::kEd25519) return fail(Code::kAnswerForged, "office key");
  if (pinned_office && office_key.thumbprint() != *pinned_office)
    return fail(Code::kOfficeNotPinned, to_hex(office_key.thumbprint()));
  DUDAO_CHECK(verify_statement(first, office_key));
  DUDAO_TRY(const Statement second, open_statement(statements[1], StatementType::kEnrolment, office_key));
  DUDAO_TRY(const Enrolment enrolment, read_enrolment(second.payload));
  if (enrolment.algorithm != key.algorithm() ||
      !std::equal(enrolment.public_key.begin(), enrolment.public_key.end(), key.raw().begin(), key.raw().end()))
    return fail(Code::kAnswerForged, "enrolment of another key");
  DUDAO_TRY(auto transaction, Transaction::begin(db));
  DUDAO_TRY(const auto enrolled, integer_setting(db, "device"));
  if (enrolled)
    return *enrolled == enrolment.device ? Result<bool>(true) : fail(Code::kAlreadyEnrolled, std::to_string(*enrolled));
  const std::pair<std::string_view, ValueView> settings[] = {
      {"device", enrolment.device},     {"inspector", enrolment.inspector},
      {"key_name", key_name},           {"origin", genesis.origin},
      {"office_key", office_key.raw()}, {"device_algorithm", std::int64_t{static_cast<int>(key.algorithm())}},
      {"device_key", key.raw()},        {"enrolment", statements[1]},
      {"chain_seq", std::int64_t{0}},   {"chain_head", BytesView(second.id)},
  };
  for (const auto& [name, value] : settings) DUDAO_CHECK(put_setting(db, name, value));
  DUDAO_CHECK(transaction.commit());
  platform.log.write(Log::Level::kInfo, "enrolled", "device " + std::to_string(enrolment.device));
  return true;
}

}  // namespace dudao
