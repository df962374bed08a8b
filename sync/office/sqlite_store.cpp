#include "sync/office/store.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>

namespace dudao {
namespace {

constexpr int kClockColumns = 5;
constexpr std::string_view kClocks = "_index, _author, _hlc, _feed, _feed_author";
/// Rows in one INSERT: ten take two thirds of the time of ten INSERTs.
constexpr std::size_t kMaxRowsAtOnce = 32;

/// The statements that a table needs, written once.
struct TableSql {
  std::string select_row, select_all, select_from, select_visit;
};

TableSql sql_for(const Table& table) {
  TableSql sql;
  const std::string name(table.name);
  std::string columns;
  std::string key_match;
  std::string key_order;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i].name;
    columns += column + ", ";
    if (i >= table.key_columns) continue;
    key_match += (i ? " AND " : "") + column + " = ?";
    key_order += (i ? ", " : "") + column;
  }
  const std::string select = "SELECT " + columns + std::string(kClocks) + " FROM " + name;
  sql.select_row = select + " WHERE " + key_match;
  sql.select_all = select + " ORDER BY " + key_order;
  sql.select_from = select + " WHERE _feed >= ?";
  sql.select_visit = select + " WHERE " + table.columns[0].name + " = ? AND _feed >= ? ORDER BY " + key_order;
  return sql;
}

std::string put_sql(const Table& table, std::size_t rows) {
  std::string columns;
  std::string updates;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i].name;
    columns += column + ", ";
    if (i >= table.key_columns) updates += column + " = excluded." + column + ", ";
  }
  std::string row = "(";
  for (std::size_t i = 1; i < table.columns.size() + kClockColumns; ++i) row += "?, ";
  row += "?)";
  std::string all = row;
  for (std::size_t i = 1; i < rows; ++i) all += ", " + row;
  return "INSERT INTO " + std::string(table.name) + " (" + columns + std::string(kClocks) + ") VALUES " + all +
         " ON CONFLICT DO UPDATE SET " + updates +
         "_index = excluded._index, _author = excluded._author, _hlc = excluded._hlc, _feed = excluded._feed, "
         "_feed_author = excluded._feed_author";
}

const TableSql& table_sql(const Table& table) {
  static const std::vector<TableSql> all = [] {
    std::vector<TableSql> made;
    for (const Table& each : synced_tables()) made.push_back(sql_for(each));
    return made;
  }();
  return all[static_cast<std::size_t>(table.id - 1)];
}

StoredRow read_row(const Query& q) {
  StoredRow row;
  const int columns = q.columns() - kClockColumns;
  row.cells.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) row.cells.push_back(to_value(q.value(i)));
  row.clock = {q.integer(columns), q.integer(columns + 1), q.integer(columns + 2), q.integer(columns + 3),
               q.integer(columns + 4)};
  return row;
}

Hash hash_at(const Query& q, int column) { return to_array<32>(q.blob(column)).value_or(Hash{}); }

/// Of a row t of team_member: its inspector may know of the visit.
constexpr std::string_view kReadable =
    "NOT EXISTS (SELECT 1 FROM sealed_assignment s WHERE s.inspector = t.inspector AND s.visit = t.visit AND "
    "s.seal_key IS NULL)";

/// Collects what read makes of each row.
template <class Read>
auto collect(Query& q, Read read) -> Result<std::vector<decltype(read(q))>> {
  std::vector<decltype(read(q))> out;
  while (true) {
    DUDAO_TRY(const bool found, q.step());
    if (!found) return out;
    out.push_back(read(q));
  }
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<Database> database) : db_(std::move(database)) {}

  Status begin() override { return db_->begin(); }
  Status commit() override { return db_->execute("COMMIT"); }
  void rollback() override {
    last_device_.reset();
    last_batch_.reset();
    db_->rollback();
  }

  Result<std::int64_t> size() override { return db_->integer("SELECT coalesce(max(log_index) + 1, 0) FROM ledger"); }

  Status append(const LedgerEntry& entry) override {
    std::optional<std::int64_t> refusal;
    std::optional<std::string_view> detail;
    if (entry.refusal) {
      refusal = *entry.refusal;
      detail = entry.refusal_detail;
    }
    return db_->execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entry.index, BytesView(entry.id),
                        static_cast<std::int64_t>(entry.type), entry.author, static_cast<std::int64_t>(entry.seq),
                        BytesView(entry.bytes), refusal, detail);
  }

  Result<std::optional<std::int64_t>> find(const Hash& id) override {
    DUDAO_TRY(auto found, db_->lookup("SELECT log_index FROM ledger WHERE id = ?", BytesView(id)));
    if (!found) return std::optional<std::int64_t>();
    return std::optional<std::int64_t>(std::get<std::int64_t>(*found));
  }

  Result<std::optional<LedgerEntry>> entry(std::int64_t index) override {
    DUDAO_TRY(auto q, db_->query("SELECT log_index, id, type, author, seq, bytes, refusal, refusal_detail FROM ledger "
                                 "WHERE log_index = ?"));
    q.bind(index);
    return one_entry(q);
  }

  Result<std::optional<LedgerEntry>> entry_of(std::int64_t author, std::uint64_t seq) override {
    DUDAO_TRY(auto q, db_->query("SELECT log_index, id, type, author, seq, bytes, refusal, refusal_detail FROM ledger "
                                 "WHERE author = ? AND seq = ?"));
    q.bind(author).bind(static_cast<std::int64_t>(seq));
    return one_entry(q);
  }

  Result<std::optional<LedgerEntry>> last_of(std::int64_t author) override {
    DUDAO_TRY(auto q, db_->query("SELECT log_index, id, type, author, seq, bytes, refusal, refusal_detail FROM ledger "
                                 "WHERE author = ? ORDER BY seq DESC LIMIT 1"));
    q.bind(author);
    return one_entry(q);
  }

  Status set_refusal(std::int64_t index, std::uint16_t code, std::string_view detail) override {
    return db_->execute("UPDATE ledger SET refusal = ?, refusal_detail = ? WHERE log_index = ?", std::int64_t{code},
                        detail, index);
  }

  Status put_node(int level, std::int64_t position, const Hash& hash) override {
    return db_->execute("INSERT INTO node VALUES (?, ?, ?)", level, position, BytesView(hash));
  }
  Result<Hash> node(int level, std::int64_t position) override {
    DUDAO_TRY(auto found, db_->lookup("SELECT hash FROM node WHERE level = ? AND position = ?", level, position));
    const auto hash = found ? to_array<32>(std::get<Bytes>(*found)) : std::nullopt;
    if (!hash) return fail(Code::kLedgerBroken, "node " + std::to_string(level) + "/" + std::to_string(position));
    return *hash;
  }

  Status put_batch(const Batch& batch) override {
    return db_->execute("INSERT INTO batch VALUES (?, ?)", batch.size, batch.registered_utc_ms);
  }
  Result<Batch> batch_of(std::int64_t index) override {
    DUDAO_TRY(auto found, batches(index, 1));
    if (found.empty()) return fail(Code::kLedgerBroken, "no batch holds " + std::to_string(index));
    return found.front();
  }
  Result<std::vector<Batch>> batches(std::int64_t above_size, std::size_t limit) override {
    if (limit != 1) return read_batches(above_size, limit);
    // The statements of an upload mostly saw the same log. A batch stays what it is.
    if (last_batch_ && last_batch_->first == above_size) return std::vector{last_batch_->second};
    DUDAO_TRY(auto found, read_batches(above_size, 1));
    if (!found.empty()) last_batch_.emplace(above_size, found.front());
    return found;
  }

  Status put_device(const Device& device) override {
    last_device_.reset();
    const KeyId kid = key_id(device.key);
    std::optional<std::int64_t> cut;
    if (device.cut_seq) cut = static_cast<std::int64_t>(*device.cut_seq);
    DUDAO_CHECK(db_->execute(
        "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (no) DO UPDATE SET state = "
        "excluded.state, "
        "head_seq = excluded.head_seq, head_id = excluded.head_id, cut_seq = excluded.cut_seq, reason = "
        "excluded.reason",
        device.no, BytesView(kid), static_cast<std::int64_t>(device.key.algorithm()), device.key.raw(),
        std::string_view(device.inspector), std::string_view(device.name), to_string(device.state),
        device.enrolled_index, device.expires_utc_s, static_cast<std::int64_t>(device.head_seq),
        BytesView(device.head_id), cut, std::string_view(device.reason)));
    last_device_ = device;
    return {};
  }
  Result<std::optional<Device>> device(std::int64_t no) override {
    if (last_device_ && last_device_->no == no) return last_device_;
    DUDAO_TRY(auto q, db_->query(std::string(kSelectDevice) + " WHERE no = ?"));
    q.bind(no);
    DUDAO_TRY(last_device_, one_device(q));
    return last_device_;
  }
  Result<std::optional<Device>> device(const KeyId& kid) override {
    DUDAO_TRY(auto q, db_->query(std::string(kSelectDevice) + " WHERE kid = ?"));
    q.bind(BytesView(kid));
    return one_device(q);
  }
  Result<std::vector<Device>> devices() override {
    DUDAO_TRY(auto q, db_->query(std::string(kSelectDevice) + " ORDER BY no"));
    std::vector<Device> out;
    while (true) {
      DUDAO_TRY(auto found, one_device(q));
      if (!found) return out;
      out.push_back(std::move(*found));
    }
  }

  Result<std::optional<StoredRow>> row(const Table& table, std::span<const ValueView> key) override {
    DUDAO_TRY(auto q, db_->query(table_sql(table).select_row));
    for (const ValueView& cell : key) q.bind(cell);
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<StoredRow>();
    return std::optional<StoredRow>(read_row(q));
  }
  Status put_rows(const Table& table, std::span<const StoredRow* const> rows) override {
    while (!rows.empty()) {
      const std::size_t count = std::bit_floor(std::min(rows.size(), kMaxRowsAtOnce));
      // Most of what the office does to its database is this, so that even to look the statement up would be felt.
      auto& q = put_[static_cast<std::size_t>(table.id)][static_cast<std::size_t>(std::countr_zero(count))];
      if (!q) {
        DUDAO_TRY(auto prepared, db_->query(put_sql(table, count)));
        q.emplace(std::move(prepared));
      }
      for (const StoredRow* row : rows.first(count)) {
        for (const Value& cell : row->cells) q->bind(as_view(cell));
        const RowClock& clock = row->clock;
        q->bind(clock.index).bind(clock.author).bind(clock.hlc).bind(clock.feed).bind(clock.feed_author);
      }
      DUDAO_CHECK(q->run());
      rows = rows.subspan(count);
    }
    return {};
  }
  Result<std::optional<RowClock>> cell_clock(const Table& table, BytesView row_key, std::size_t column) override {
    DUDAO_TRY(
        auto q,
        db_->query(
            "SELECT log_index, author, hlc FROM cell_clock WHERE table_id = ? AND row_key = ? AND column_no = ?"));
    q.bind(table.id).bind(row_key).bind(static_cast<std::int64_t>(column));
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<RowClock>();
    return std::optional<RowClock>(RowClock{q.integer(0), q.integer(1), q.integer(2), 0, 0});
  }
  Status put_cell_clock(const Table& table, BytesView row_key, std::size_t column, const RowClock& clock) override {
    return db_->execute(
        "INSERT INTO cell_clock VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET log_index = excluded.log_index, "
        "author = excluded.author, hlc = excluded.hlc",
        table.id, row_key, static_cast<std::int64_t>(column), clock.index, clock.author, clock.hlc);
  }
  Status each_row_of_visit(const Table& table, BytesView visit, std::int64_t from_feed,
                           const RowVisitor& visitor) override {
    DUDAO_TRY(auto q, db_->query(table_sql(table).select_visit));
    q.bind(visit).bind(from_feed);
    return each(q, visitor);
  }
  Status each_row_from(const Table& table, std::int64_t from_feed, const RowVisitor& visitor) override {
    DUDAO_TRY(auto q, db_->query(table_sql(table).select_from));
    q.bind(from_feed);
    return each(q, visitor);
  }
  Status each_row(const Table& table, const RowVisitor& visitor) override {
    DUDAO_TRY(auto q, db_->query(table_sql(table).select_all));
    return each(q, visitor);
  }
  Result<std::vector<Bytes>> visits_of_school(std::string_view school) override {
    DUDAO_TRY(auto q, db_->query("SELECT id FROM visit WHERE school = ? ORDER BY id"));
    q.bind(school);
    return collect(q, [](const Query& r) { return to_bytes(r.blob(0)); });
  }
  Result<std::vector<Bytes>> visits_of_inspector(std::string_view inspector) override {
    DUDAO_TRY(auto q,
              db_->query("SELECT visit FROM team_member WHERE inspector = ? AND recusal IS NULL ORDER BY visit"));
    q.bind(inspector);
    return collect(q, [](const Query& r) { return to_bytes(r.blob(0)); });
  }
  Result<std::vector<Bytes>> changed_visits(std::string_view inspector, std::int64_t from_feed,
                                            std::int64_t device) override {
    DUDAO_TRY(auto q, db_->query("SELECT DISTINCT t.visit FROM team_member t JOIN visit_touch c ON c.visit = t.visit "
                                 "WHERE t.inspector = ? AND t.recusal IS NULL AND c.feed >= ? AND c.feed_author <> ? "
                                 "AND " +
                                 std::string(kReadable) + " ORDER BY t.visit"));
    q.bind(inspector).bind(from_feed).bind(device);
    return collect(q, [](const Query& r) { return to_bytes(r.blob(0)); });
  }
  Result<std::vector<std::string>> colleagues_of(std::string_view inspector) override {
    DUDAO_TRY(auto q,
              db_->query("SELECT DISTINCT m.inspector FROM team_member t JOIN team_member m ON m.visit = t.visit "
                         "WHERE t.inspector = ? AND t.recusal IS NULL AND " +
                         std::string(kReadable)));
    q.bind(inspector);
    return collect(q, [](const Query& r) { return std::string(r.text(0)); });
  }
  Result<std::vector<std::string>> schools_of_inspector(std::string_view inspector, std::int64_t today) override {
    DUDAO_TRY(
        auto q,
        db_->query("SELECT school FROM zone WHERE inspector = ?1 AND (until_day IS NULL OR until_day >= ?2) UNION "
                   "SELECT v.school FROM team_member t JOIN visit v ON v.id = t.visit "
                   "WHERE t.inspector = ?1 AND t.recusal IS NULL AND " +
                   std::string(kReadable) + " ORDER BY 1"));
    q.bind(inspector).bind(today);
    return collect(q, [](const Query& r) { return std::string(r.text(0)); });
  }
  Result<std::vector<VisitTouch>> touches_of(BytesView visit) override {
    DUDAO_TRY(auto q, db_->query("SELECT feed_author, feed, tables FROM visit_touch WHERE visit = ?"));
    q.bind(visit);
    return collect(q, [](const Query& r) { return VisitTouch{r.integer(0), r.integer(1), r.integer(2)}; });
  }
  Status put_touch(BytesView visit, const VisitTouch& touch) override {
    return db_->execute(
        "INSERT INTO visit_touch VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET feed = excluded.feed, tables = "
        "excluded.tables",
        visit, touch.feed_author, touch.feed, touch.tables);
  }

  Result<bool> quarantine(const Quarantined& item) override {
    DUDAO_CHECK(
        db_->execute("INSERT INTO quarantine (id, device, seq, code, detail, received_utc_ms, bytes) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                     BytesView(item.id), item.device, static_cast<std::int64_t>(item.seq), std::int64_t{item.code},
                     std::string_view(item.detail), item.received_utc_ms, BytesView(item.bytes)));
    return db_->rows_changed() > 0;
  }
  Result<std::vector<Quarantined>> quarantined(std::size_t limit) override {
    DUDAO_TRY(
        auto q,
        db_->query("SELECT id, device, seq, code, detail, received_utc_ms, bytes FROM quarantine ORDER BY n LIMIT ?"));
    q.bind(static_cast<std::int64_t>(limit));
    return collect(q, [](const Query& r) {
      return Quarantined{hash_at(r, 0),
                         r.integer(1),
                         static_cast<std::uint64_t>(r.integer(2)),
                         static_cast<std::uint16_t>(r.integer(3)),
                         std::string(r.text(4)),
                         r.integer(5),
                         to_bytes(r.blob(6))};
    });
  }
  Result<std::optional<Value>> setting(std::string_view name) override {
    return db_->lookup("SELECT value FROM setting WHERE name = ?", name);
  }
  Status put_setting(std::string_view name, const ValueView& value) override {
    return db_->execute("INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name,
                        value);
  }
  Status put_offer(const Offer& offer) override {
    return db_->execute("INSERT INTO offer VALUES (?, ?, ?)", BytesView(offer.code_hash),
                        std::string_view(offer.inspector), offer.expires_utc_ms);
  }
  Result<std::vector<Offer>> offers() override {
    DUDAO_TRY(auto q, db_->query("SELECT code_hash, inspector, expires_utc_ms FROM offer"));
    return collect(q, [](const Query& r) { return Offer{hash_at(r, 0), std::string(r.text(1)), r.integer(2)}; });
  }
  Status put_school_code(const SchoolCode& code) override {
    DUDAO_CHECK(db_->execute("DELETE FROM school_code WHERE visit = ?", BytesView(code.visit)));
    return db_->execute("INSERT INTO school_code VALUES (?, ?, ?)", BytesView(code.code_hash), BytesView(code.visit),
                        code.expires_utc_ms);
  }
  Result<std::optional<SchoolCode>> school_code(const Hash& code_hash) override {
    DUDAO_TRY(auto q, db_->query("SELECT visit, expires_utc_ms FROM school_code WHERE code_hash = ?"));
    q.bind(BytesView(code_hash));
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<SchoolCode>();
    return std::optional(SchoolCode{code_hash, to_bytes(q.blob(0)), q.integer(1)});
  }
  Status put_photo(const Photo& photo) override {
    return db_->execute("INSERT INTO photo VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                        BytesView(photo.visit), BytesView(photo.sha256), BytesView(photo.body), photo.received_utc_ms);
  }
  Result<std::optional<Photo>> photo(BytesView visit, const Hash& sha256) override {
    DUDAO_TRY(auto q, db_->query("SELECT body, received_utc_ms FROM photo WHERE visit = ? AND sha256 = ?"));
    q.bind(visit).bind(BytesView(sha256));
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<Photo>();
    return std::optional(Photo{to_bytes(visit), sha256, to_bytes(q.blob(0)), q.integer(1)});
  }
  Result<std::int64_t> photos_of(BytesView visit) override {
    return db_->integer("SELECT count(*) FROM photo WHERE visit = ?", visit);
  }
  Status put_credential(const Credential& credential) override {
    std::optional<BytesView> secret;
    if (credential.totp_secret) secret = *credential.totp_secret;
    return db_->execute(
        "INSERT INTO credential VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET password = excluded.password, "
        "totp_secret = excluded.totp_secret, totp_last = excluded.totp_last, failures = excluded.failures, "
        "not_before_utc_ms = excluded.not_before_utc_ms",
        std::string_view(credential.person), std::string_view(credential.password), secret, credential.totp_last,
        credential.failures, credential.not_before_utc_ms);
  }
  Result<std::optional<Credential>> credential(std::string_view person) override {
    DUDAO_TRY(auto q, db_->query("SELECT password, totp_secret, totp_last, failures, not_before_utc_ms FROM credential "
                                 "WHERE person = ?"));
    q.bind(person);
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<Credential>();
    Credential out{std::string(person), std::string(q.text(0)), {}, q.integer(2), q.integer(3), q.integer(4)};
    if (!q.null(1)) out.totp_secret = to_bytes(q.blob(1));
    return std::optional(std::move(out));
  }
  Status put_login_session(const LoginSession& session) override {
    return db_->execute(
        "INSERT INTO login_session VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used_utc_ms = excluded.used_utc_ms",
        BytesView(session.token_hash), std::string_view(session.person), session.begun_utc_ms, session.used_utc_ms);
  }
  Result<std::optional<LoginSession>> login_session(const Hash& token_hash) override {
    DUDAO_TRY(auto q, db_->query("SELECT person, begun_utc_ms, used_utc_ms FROM login_session WHERE token_hash = ?"));
    q.bind(BytesView(token_hash));
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<LoginSession>();
    return std::optional(LoginSession{token_hash, std::string(q.text(0)), q.integer(1), q.integer(2)});
  }
  Status remove_login_session(const Hash& token_hash) override {
    return db_->execute("DELETE FROM login_session WHERE token_hash = ?", BytesView(token_hash));
  }
  Status remove_login_sessions_of(std::string_view person) override {
    return db_->execute("DELETE FROM login_session WHERE person = ?", person);
  }
  Status remove_old_login_sessions(std::int64_t begun_utc_ms, std::int64_t used_utc_ms) override {
    return db_->execute("DELETE FROM login_session WHERE begun_utc_ms < ? OR used_utc_ms < ?", begun_utc_ms,
                        used_utc_ms);
  }
  Status remove_offer(const Hash& code_hash) override {
    return db_->execute("DELETE FROM offer WHERE code_hash = ?", BytesView(code_hash));
  }
  Status put_enrolment_request(const KeyId& kid, BytesView bytes, std::int64_t received_utc_ms) override {
    return db_->execute(
        "INSERT INTO enrolment_request VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, "
        "received_utc_ms = excluded.received_utc_ms",
        BytesView(kid), bytes, received_utc_ms);
  }
  Result<std::vector<Bytes>> enrolment_requests() override {
    DUDAO_TRY(auto q, db_->query("SELECT bytes FROM enrolment_request ORDER BY received_utc_ms"));
    return collect(q, [](const Query& r) { return to_bytes(r.blob(0)); });
  }
  Status remove_enrolment_request(const KeyId& kid) override {
    return db_->execute("DELETE FROM enrolment_request WHERE kid = ?", BytesView(kid));
  }
  Status put_draw_secret(std::string_view draw, BytesView secret) override {
    return db_->execute("INSERT INTO draw_secret VALUES (?, ?)", draw, secret);
  }
  Result<std::optional<Bytes>> draw_secret(std::string_view draw) override {
    DUDAO_TRY(auto found, db_->lookup("SELECT secret FROM draw_secret WHERE draw = ?", draw));
    if (!found) return std::optional<Bytes>();
    return std::optional<Bytes>(std::get<Bytes>(*found));
  }

  Status forget_derived() override {
    last_device_.reset();
    for (const Table& table : synced_tables()) DUDAO_CHECK(db_->execute("DELETE FROM " + std::string(table.name)));
    for (const char* table : {"device", "cell_clock", "visit_touch"})
      DUDAO_CHECK(db_->execute("DELETE FROM " + std::string(table)));
    return db_->execute("UPDATE ledger SET refusal = NULL, refusal_detail = NULL WHERE refusal IS NOT NULL");
  }
  Status copy_to(const std::string& path) override { return db_->copy_to(path); }
  std::int64_t size_bytes() override { return db_->file_bytes(); }

 private:
  Result<std::vector<Batch>> read_batches(std::int64_t above_size, std::size_t limit) {
    DUDAO_TRY(auto q, db_->query("SELECT size, registered_utc_ms FROM batch WHERE size > ? ORDER BY size LIMIT ?"));
    q.bind(above_size).bind(static_cast<std::int64_t>(limit));
    return collect(q, [](const Query& r) { return Batch{r.integer(0), r.integer(1)}; });
  }

  static constexpr std::string_view kSelectDevice =
      "SELECT no, algorithm, public_key, inspector, name, state, enrolled_index, expires_utc_s, head_seq, head_id, "
      "cut_seq, reason "
      "FROM device";

  static Result<std::optional<LedgerEntry>> one_entry(Query& q) {
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<LedgerEntry>();
    LedgerEntry entry;
    entry.index = q.integer(0);
    entry.id = hash_at(q, 1);
    entry.type = static_cast<StatementType>(q.integer(2));
    entry.author = q.integer(3);
    entry.seq = static_cast<std::uint64_t>(q.integer(4));
    entry.bytes = to_bytes(q.blob(5));
    if (!q.null(6)) entry.refusal = static_cast<std::uint16_t>(q.integer(6));
    entry.refusal_detail = q.text(7);
    return std::optional<LedgerEntry>(std::move(entry));
  }

  Result<std::optional<Device>> one_device(Query& q) {
    DUDAO_TRY(const bool found, q.step());
    if (!found) return std::optional<Device>();
    DUDAO_TRY(const PublicKey key, key_of(static_cast<Algorithm>(q.integer(1)), q.blob(2)));
    const std::string_view state = q.text(5);
    std::optional<std::uint64_t> cut;
    if (!q.null(10)) cut = static_cast<std::uint64_t>(q.integer(10));
    return std::optional<Device>(Device{.no = q.integer(0),
                                        .key = key,
                                        .inspector = std::string(q.text(3)),
                                        .name = std::string(q.text(4)),
                                        .state = state == "REVOKED"  ? DeviceState::kRevoked
                                                 : state == "FORKED" ? DeviceState::kForked
                                                                     : DeviceState::kActive,
                                        .enrolled_index = q.integer(6),
                                        .expires_utc_s = q.integer(7),
                                        .head_seq = static_cast<std::uint64_t>(q.integer(8)),
                                        .head_id = hash_at(q, 9),
                                        .cut_seq = cut,
                                        .reason = std::string(q.text(11))});
  }

  /// Checking that a key is sound costs more than a whole row; each is checked once.
  Result<PublicKey> key_of(Algorithm algorithm, BytesView raw) {
    const auto found = keys_.find(to_bytes(raw));
    if (found != keys_.end() && found->second.algorithm() == algorithm) return found->second;
    DUDAO_TRY(auto key, PublicKey::from_raw(algorithm, raw));
    keys_.insert_or_assign(to_bytes(raw), key);
    return key;
  }

  static Status each(Query& q, const RowVisitor& visitor) {
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) return {};
      DUDAO_CHECK(visitor(read_row(q)));
    }
  }

  std::unique_ptr<Database> db_;
  /// By table number, for 1, 2, 4 … kMaxRowsAtOnce rows.
  using PutRows = std::array<std::optional<Query>, std::bit_width(kMaxRowsAtOnce)>;
  std::vector<PutRows> put_ = std::vector<PutRows>(synced_tables().size() + 1);
  std::map<Bytes, PublicKey> keys_;
  // What every statement of an upload asks for; forgotten when a transaction is undone.
  std::optional<Device> last_device_;
  std::optional<std::pair<std::int64_t, Batch>> last_batch_;  ///< with the size that it is above
};

}  // namespace

std::string_view to_string(DeviceState state) noexcept {
  switch (state) {
    case DeviceState::kActive:
      return "ACTIVE";
    case DeviceState::kRevoked:
      return "REVOKED";
    case DeviceState::kForked:
      return "FORKED";
  }
  return "ACTIVE";
}

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path) {
  DUDAO_TRY(auto database, open_database(path, Database::Mode::kOpenOrCreate, DatabaseKind::kOffice));
  // SQLite's own 2 MB do not hold what one upload touches, so that pages are written in the middle of a transaction and
  // read again; and a log of 4 MB is copied back into the database after every upload.
  DUDAO_CHECK(database->script("PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=8000;"));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(database)));
}

}  // namespace dudao
