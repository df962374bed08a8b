#include "sync/author.hpp"

#include "schema/checklist.hpp"

#include <algorithm>

namespace dudao {
namespace {

constexpr std::int64_t kTolerance_ms = 5 * 60 * 1000;
constexpr std::size_t kChecksumBytes = 8;

/// SQLite reads a cut changeset without end, so the journal says itself whether it is whole.
Bytes with_checksum(Bytes changeset) {
  const Hash hash = sha256(changeset);
  append(changeset, BytesView(hash).first(kChecksumBytes));
  return changeset;
}

Result<Bytes> checked(BytesView stored) {
  if (stored.size() < kChecksumBytes) return fail(Code::kChangesetBroken, "journal");
  const BytesView changeset = stored.first(stored.size() - kChecksumBytes);
  const Hash hash = sha256(changeset);
  if (!std::equal(hash.begin(), hash.begin() + kChecksumBytes, stored.end() - kChecksumBytes))
    return fail(Code::kChangesetBroken, "journal");
  return to_bytes(changeset);
}

Result<std::optional<Value>> setting(Database& db, std::string_view name) {
  return db.lookup("SELECT value FROM setting WHERE name = ?", name);
}

template <class T>
Result<std::optional<T>> typed_setting(Database& db, std::string_view name) {
  DUDAO_TRY(auto found, setting(db, name));
  if (!found) return std::optional<T>();
  auto* value = std::get_if<T>(&*found);
  if (!value) return fail(Code::kDatabaseCorrupt, std::string(name));
  return std::optional<T>(std::move(*value));
}

template <class T>
Result<T> needed(Result<std::optional<T>> found) {
  if (!found) return fail(std::move(found).error());
  if (!*found) return fail(Code::kNotEnrolled);
  return std::move(**found);
}

/// The next stamp after everything this device has ever stamped; the wall clock may be anywhere.
Result<std::uint64_t> tick(Database& db, Clock& clock) {
  DUDAO_TRY(const auto stored, integer_setting(db, "hlc"));
  const auto last = static_cast<std::uint64_t>(stored.value_or(0));
  const std::int64_t wall = std::clamp<std::int64_t>(clock.wall_utc_ms(), 0, (std::int64_t{1} << 47) - 1);
  const std::uint64_t hlc = std::max(last + 1, static_cast<std::uint64_t>(wall) << 16);
  DUDAO_CHECK(put_setting(db, "hlc", static_cast<std::int64_t>(hlc)));
  return hlc;
}

struct Head {
  std::uint64_t seq = 0;
  Hash id{};
};

Result<Head> head(Database& db) {
  DUDAO_TRY(const auto seq, integer_setting(db, "chain_seq"));
  DUDAO_TRY(const auto id, bytes_setting(db, "chain_head"));
  const auto hash = id ? to_array<32>(*id) : std::nullopt;
  if (!seq || !hash) return fail(Code::kNotEnrolled);
  return Head{static_cast<std::uint64_t>(*seq), *hash};
}

/// One step of the journal that no statement holds yet.
struct Step {
  std::int64_t n;
  Bytes changeset;
};

Result<std::vector<Step>> unsealed_steps(Database& db) {
  DUDAO_TRY(auto q, db.query("SELECT n, changeset FROM journal WHERE sealed_in IS NULL ORDER BY n"));
  std::vector<Step> out;
  while (true) {
    DUDAO_TRY(const bool row, q.step());
    if (!row) return out;
    DUDAO_TRY(auto changeset, checked(q.blob(1)));
    out.push_back({q.integer(0), std::move(changeset)});
  }
}

Result<Bytes> sign_portion(Platform& platform, Database& db, const Identity& who, const ChangesBuilder& builder,
                           const Head& before) {
  ChangeSet change_set;
  change_set.seq = before.seq + 1;
  change_set.prev = before.id;
  DUDAO_TRY(const auto seen_size, integer_setting(db, "seen_size"));
  DUDAO_TRY(const auto seen_root, bytes_setting(db, "seen_root"));
  if (seen_size && seen_root) {
    const auto root = to_array<32>(*seen_root);
    if (!root) return fail(Code::kDatabaseCorrupt, "seen_root");
    change_set.seen = {static_cast<std::uint64_t>(*seen_size), *root};
  }
  DUDAO_TRY(change_set.hlc, tick(db, platform.clock));
  change_set.schema_version = kSchemaVersion;
  change_set.changes = builder.changes();
  const StatementHeader header{.type = StatementType::kChangeSet,
                               .issuer = "d" + std::to_string(who.device),
                               .subject = std::to_string(change_set.seq),
                               .issued_utc_s = std::max<std::int64_t>(0, platform.clock.wall_utc_ms() / 1000)};
  return sign_statement(header, write_change_set(change_set), *who.device_key,
                        [&](BytesView message) { return platform.keys.sign(who.key_name, message); });
}

/// True if a finding was made, or became, one of immediate danger.
bool reports_danger(const Changes& changes) {
  const auto is_danger = [](const ValueView& severity) {
    const auto* name = std::get_if<std::string_view>(&severity);
    return name && *name == to_string(Severity::kDanger);
  };
  for (const TableChanges& table : changes.tables) {
    if (table.table->name != "finding") continue;
    const std::size_t severity = table.table->column("severity");
    for (std::size_t n = 0; n < table.inserted_rows(); ++n)
      if (is_danger(table.row(n)[severity])) return true;
    for (const RowUpdate& update : table.updated)
      for (const auto& [column, value] : update.cells)
        if (column == severity && is_danger(value)) return true;
  }
  return false;
}

Status put_into_outbox(Database& db, const Head& made, BytesView bytes, bool urgent, std::int64_t sealed_utc_ms,
                       std::int64_t last_step) {
  DUDAO_CHECK(db.execute("INSERT INTO outbox (seq, id, urgent, bytes, sealed_utc_ms) VALUES (?, ?, ?, ?, ?)",
                         static_cast<std::int64_t>(made.seq), BytesView(made.id), std::int64_t{urgent}, bytes,
                         sealed_utc_ms));
  DUDAO_CHECK(db.execute("UPDATE journal SET sealed_in = ? WHERE sealed_in IS NULL AND n <= ?",
                         static_cast<std::int64_t>(made.seq), last_step));
  DUDAO_CHECK(put_setting(db, "chain_seq", static_cast<std::int64_t>(made.seq)));
  return put_setting(db, "chain_head", BytesView(made.id));
}

}  // namespace

Result<std::optional<std::int64_t>> integer_setting(Database& db, std::string_view name) {
  return typed_setting<std::int64_t>(db, name);
}
Result<std::optional<std::string>> text_setting(Database& db, std::string_view name) {
  return typed_setting<std::string>(db, name);
}
Result<std::optional<Bytes>> bytes_setting(Database& db, std::string_view name) {
  return typed_setting<Bytes>(db, name);
}
Status put_setting(Database& db, std::string_view name, const ValueView& value) {
  return db.execute("INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value);
}

Result<Author> author(Database& db) {
  Author who;
  DUDAO_TRY(who.device, needed(integer_setting(db, "device")));
  DUDAO_TRY(who.inspector, needed(text_setting(db, "inspector")));
  return who;
}

Result<Identity> identity(Database& db) {
  Identity who;
  DUDAO_TRY(static_cast<Author&>(who), author(db));
  DUDAO_TRY(who.key_name, needed(text_setting(db, "key_name")));
  DUDAO_TRY(who.origin, needed(text_setting(db, "origin")));
  DUDAO_TRY(const Bytes office_key, needed(bytes_setting(db, "office_key")));
  DUDAO_TRY(who.office_key, PublicKey::from_raw(Algorithm::kEd25519, office_key));
  DUDAO_TRY(const std::int64_t algorithm, needed(integer_setting(db, "device_algorithm")));
  DUDAO_TRY(const Bytes device_key, needed(bytes_setting(db, "device_key")));
  DUDAO_TRY(who.device_key, PublicKey::from_raw(static_cast<Algorithm>(algorithm), device_key));
  return who;
}

Moment now(Clock& clock) { return {clock.wall_utc_ms(), clock.utc_offset_min(), clock.boot_ms()}; }

std::string_view to_string(ClockQuality quality) noexcept {
  switch (quality) {
    case ClockQuality::kChecked:
      return "CHECKED";
    case ClockQuality::kUnchecked:
      return "UNCHECKED";
    case ClockQuality::kWrong:
      return "WRONG";
  }
  return "UNCHECKED";
}

Result<ClockQuality> clock_quality(Database& db, Clock& clock) {
  const std::int64_t wall = clock.wall_utc_ms();
  DUDAO_TRY(const auto office, integer_setting(db, "office_utc_ms"));
  if (!office) return ClockQuality::kUnchecked;
  // Time does not run backwards: earlier than what the office said is wrong whatever happened in between.
  if (wall < *office - kTolerance_ms) return ClockQuality::kWrong;
  DUDAO_TRY(const auto boot_id, text_setting(db, "office_boot_id"));
  DUDAO_TRY(const auto boot, integer_setting(db, "office_boot_ms"));
  if (!boot || boot_id != clock.boot_id()) return ClockQuality::kUnchecked;
  const std::int64_t expected = *office + (clock.boot_ms() - *boot);
  return std::abs(wall - expected) <= kTolerance_ms ? ClockQuality::kChecked : ClockQuality::kWrong;
}

Result<std::int64_t> likely_utc_ms(Database& db, Clock& clock) {
  const std::int64_t wall = clock.wall_utc_ms();
  DUDAO_TRY(const auto office, integer_setting(db, "office_utc_ms"));
  if (!office) return wall;
  DUDAO_TRY(const auto boot_id, text_setting(db, "office_boot_id"));
  DUDAO_TRY(const auto boot, integer_setting(db, "office_boot_ms"));
  if (!boot || boot_id != clock.boot_id()) return std::max(wall, *office);
  return *office + (clock.boot_ms() - *boot);
}

Status anchor_clock(Database& db, Clock& clock, std::int64_t office_utc_ms) {
  DUDAO_CHECK(put_setting(db, "office_utc_ms", office_utc_ms));
  DUDAO_CHECK(put_setting(db, "office_boot_ms", clock.boot_ms()));
  const std::string boot_id = clock.boot_id();
  return put_setting(db, "office_boot_id", std::string_view(boot_id));
}

namespace {

/// A step is never divided, so alone it must fit into a statement.
Status check_fits(BytesView changeset) {
  constexpr std::size_t kAroundChanges = 1'024;  // Header, chain, signature: a tenth of that.
  if (changeset.size() < kMaxStatementBytes / 2) return {};
  DUDAO_TRY(const Bytes folded, fold_changesets({to_bytes(changeset)}));
  DUDAO_TRY(const ChangesBuilder builder, changes_of(folded));
  ChangeSet change_set;
  change_set.changes = builder.changes();
  const std::size_t bytes = write_change_set(change_set).size();
  return bytes + kAroundChanges <= kMaxStatementBytes ? Status()
                                                      : fail(Code::kChangeTooLarge, std::to_string(bytes) + " bytes");
}

}  // namespace

Status record(Database& db, const std::function<Status()>& change) {
  DUDAO_TRY(auto transaction, Transaction::begin(db));
  {
    DUDAO_TRY(auto capture, Capture::begin(db, synced_table_names()));
    DUDAO_CHECK(change());
    DUDAO_TRY(Bytes changeset, capture.changeset());
    if (!changeset.empty()) {
      DUDAO_CHECK(check_fits(changeset));
      const Bytes stored = with_checksum(std::move(changeset));
      DUDAO_CHECK(db.execute("INSERT INTO journal (changeset) VALUES (?)", BytesView(stored)));
    }
  }
  return transaction.commit();
}

Result<ChangesBuilder> unsealed_changes(Database& db) {
  DUDAO_TRY(const auto steps, unsealed_steps(db));
  std::vector<Bytes> changesets;
  for (const Step& step : steps) changesets.push_back(step.changeset);
  if (changesets.empty()) return ChangesBuilder();
  DUDAO_TRY(const Bytes folded, fold_changesets(changesets));
  return changes_of(folded);
}

Result<int> seal(Platform& platform, Database& db) {
  DUDAO_TRY(const Identity who, identity(db));
  DUDAO_TRY(auto transaction, Transaction::begin(db));
  DUDAO_TRY(const auto steps, unsealed_steps(db));
  DUDAO_TRY(Head last, head(db));
  int sealed = 0;
  std::size_t first = 0;
  std::size_t count = steps.size();  // Taken together at the next try; halved while the statement is too large.
  while (first < steps.size()) {
    count = std::min(count, steps.size() - first);
    std::vector<Bytes> portion;
    for (std::size_t i = first; i < first + count; ++i) portion.push_back(steps[i].changeset);
    DUDAO_TRY(const Bytes folded, fold_changesets(portion));
    DUDAO_TRY(const ChangesBuilder builder, changes_of(folded));
    if (!builder.empty()) {
      auto bytes = sign_portion(platform, db, who, builder, last);
      if (!bytes && bytes.error().code == Code::kStatementTooLarge && count > 1) {
        count = (count + 1) / 2;
        continue;
      }
      if (!bytes && bytes.error().code == Code::kStatementTooLarge)
        return fail(Code::kChangeTooLarge, bytes.error().detail);
      if (!bytes) return fail(std::move(bytes).error());
      DUDAO_TRY(const Statement statement, parse_statement(*bytes));
      last = {last.seq + 1, statement.id};
      DUDAO_CHECK(put_into_outbox(db, last, *bytes, reports_danger(builder.changes()), platform.clock.wall_utc_ms(),
                                  steps[first + count - 1].n));
      ++sealed;
    } else {
      // Edits that cancel each other out leave nothing to tell; the journal keeps them all the same.
      DUDAO_CHECK(db.execute("UPDATE journal SET sealed_in = ? WHERE sealed_in IS NULL AND n <= ?",
                             static_cast<std::int64_t>(last.seq), steps[first + count - 1].n));
    }
    first += count;
  }
  DUDAO_CHECK(transaction.commit());
  return sealed;
}

Result<std::vector<OutboxEntry>> outbox(Database& db, bool waiting_only, std::size_t limit) {
  DUDAO_TRY(
      auto q,
      db.query(waiting_only
                   ? "SELECT seq, id, urgent, sealed_utc_ms, length(bytes), log_index, registered_utc_s, refusal, "
                     "refusal_detail FROM outbox WHERE log_index IS NULL ORDER BY seq LIMIT ?"
                   : "SELECT * FROM (SELECT seq, id, urgent, sealed_utc_ms, length(bytes), log_index, "
                     "registered_utc_s, refusal, refusal_detail FROM outbox ORDER BY seq DESC LIMIT ?) ORDER BY seq"));
  q.bind(limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit));
  std::vector<OutboxEntry> out;
  while (true) {
    DUDAO_TRY(const bool row, q.step());
    if (!row) return out;
    OutboxEntry entry;
    entry.seq = static_cast<std::uint64_t>(q.integer(0));
    entry.id = to_array<32>(q.blob(1)).value_or(Hash{});
    entry.urgent = q.integer(2) != 0;
    entry.sealed_utc_ms = q.integer(3);
    entry.bytes = static_cast<std::size_t>(q.integer(4));
    if (!q.null(5)) entry.log_index = q.integer(5);
    if (!q.null(6)) entry.registered_utc_s = q.integer(6);
    if (!q.null(7)) entry.refusal = static_cast<std::uint16_t>(q.integer(7));
    entry.refusal_detail = q.text(8);
    out.push_back(std::move(entry));
  }
}

Result<StatementAndReceipt> statement_of(Database& db, std::uint64_t seq) {
  DUDAO_TRY(auto q, db.query("SELECT bytes, receipt FROM outbox WHERE seq = ?"));
  q.bind(static_cast<std::int64_t>(seq));
  DUDAO_TRY(const bool found, q.step());
  if (!found) return fail(Code::kStatementUnknown, std::to_string(seq));
  return StatementAndReceipt{to_bytes(q.blob(0)), to_bytes(q.blob(1))};
}

}  // namespace dudao
