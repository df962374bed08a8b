#pragma once

/// What the office keeps, whatever keeps it: the ledger with its tree, the registry of devices, the rows that follow
/// from the ledger, and quarantine. One implementation on embedded SQLite (sqlite_store.cpp); a PostgreSQL one answers
/// the same.
///
/// One Store is used by one thread at a time; the Office serialises its calls.

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"
#include "schema/tables.hpp"
#include "sync/statement.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dudao {

/// The author number of the office itself; devices count from 1.
inline constexpr std::int64_t kOfficeAuthor = 0;

struct LedgerEntry {
  std::int64_t index = 0;  ///< leaf number in the log's tree
  Hash id{};
  StatementType type{};
  std::int64_t author = kOfficeAuthor;
  std::uint64_t seq = 0;  ///< the author's own number; 0 for types without one
  Bytes bytes;
  /// Set when a rule refused its effects, or those on one of several visits: it is registered, has a receipt, and
  /// changes nothing there.
  std::optional<std::uint16_t> refusal;
  std::string refusal_detail;
};

/// A group commit: the entries from the batch before up to size, registered together.
struct Batch {
  std::int64_t size = 0;
  std::int64_t registered_utc_ms = 0;
};

enum class DeviceState : std::uint8_t { kActive = 1, kRevoked = 2, kForked = 3 };
std::string_view to_string(DeviceState state) noexcept;

struct Device {
  std::int64_t no = 0;
  PublicKey key;
  std::string inspector;
  std::string name;
  DeviceState state = DeviceState::kActive;
  std::int64_t enrolled_index = 0;
  std::int64_t expires_utc_s = 0;
  std::uint64_t head_seq = 0;  ///< last statement of its chain in the ledger
  Hash head_id{};              ///< its id; of the enrolment when there is none
  std::optional<std::uint64_t> cut_seq;
  std::string reason;
};

/// Who wrote a row or a cell last, for merging and for the feed.
struct RowClock {
  std::int64_t index = 0;  ///< of the ledger entry that wrote it
  std::int64_t author = 0;
  std::int64_t hlc = 0;
  /// Place in the feed: the entry that last changed the row or brought somebody new into its scope.
  std::int64_t feed = 0;
  /// The device that already holds exactly this row and needs no copy of it; 0 for nobody.
  std::int64_t feed_author = 0;
};
struct StoredRow {
  std::vector<Value> cells;
  RowClock clock;
};

/// What one feed author (RowClock::feed_author) has to do with a visit: lets whoever asks for changes or rows of the
/// visit know without looking at them that there are none.
struct VisitTouch {
  std::int64_t feed_author = 0;
  std::int64_t feed = 0;    ///< the newest place in the feed that a row got under this author
  std::int64_t tables = 0;  ///< bit n is set: some row of table number n was ever under this author
  bool has(const Table& table) const { return (tables >> table.id & 1) != 0; }
  void add(const Table& table, std::int64_t place) {
    feed = std::max(feed, place);
    tables |= std::int64_t{1} << table.id;
  }
};

/// Kept for people to look at; never applied, never dropped.
struct Quarantined {
  Hash id{};
  std::int64_t device = 0;
  std::uint64_t seq = 0;
  std::uint16_t code = 0;
  std::string detail;
  std::int64_t received_utc_ms = 0;
  Bytes bytes;
};

/// A single-use code that lets one device of an inspector enrol from afar.
struct Offer {
  Hash code_hash{};  ///< SHA-256 of the code; the code itself is nowhere
  std::string inspector;
  std::int64_t expires_utc_ms = 0;
};

/// A code with which a school looks at the findings of one visit and says what it does about them.
struct SchoolCode {
  Hash code_hash{};  ///< SHA-256 of the code; the code itself is nowhere
  Bytes visit;
  std::int64_t expires_utc_ms = 0;
};

/// A photograph that a school sent; a report names it by its hash.
struct Photo {
  Bytes visit;
  Hash sha256{};
  Bytes body;
  std::int64_t received_utc_ms = 0;
};

/// How a person of the office proves who they are (login.hpp).
struct Credential {
  std::string person;
  std::string password;              ///< encoded hash, as password.hpp makes it
  std::optional<Bytes> totp_secret;  ///< of the second factor
  std::int64_t totp_last = 0;  ///< newest step of which a code was used; kSecondFactorUnconfirmed before the first
  std::int64_t failures = 0;   ///< wrong tries since the last right one
  std::int64_t not_before_utc_ms = 0;
};
inline constexpr std::int64_t kSecondFactorUnconfirmed = -1;

struct LoginSession {
  Hash token_hash{};  ///< SHA-256 of the token; the token itself is nowhere
  std::string person;
  std::int64_t begun_utc_ms = 0;
  std::int64_t used_utc_ms = 0;
};

/// Errors of every function: those of Database::execute.
class Store {
 public:
  virtual ~Store() = default;

  /// A transaction around everything until commit(), which is durable when it returns.
  virtual Status begin() = 0;
  virtual Status commit() = 0;
  virtual void rollback() = 0;  ///< harmless when none is open

  // The ledger and its tree.
  virtual Result<std::int64_t> size() = 0;
  virtual Status append(const LedgerEntry& entry) = 0;
  virtual Result<std::optional<std::int64_t>> find(const Hash& id) = 0;
  virtual Result<std::optional<LedgerEntry>> entry(std::int64_t index) = 0;
  virtual Result<std::optional<LedgerEntry>> entry_of(std::int64_t author, std::uint64_t seq) = 0;
  /// The author's newest.
  virtual Result<std::optional<LedgerEntry>> last_of(std::int64_t author) = 0;
  virtual Status set_refusal(std::int64_t index, std::uint16_t code, std::string_view detail) = 0;
  virtual Status put_node(int level, std::int64_t position, const Hash& hash) = 0;
  virtual Result<Hash> node(int level, std::int64_t position) = 0;
  virtual Status put_batch(const Batch& batch) = 0;
  virtual Result<Batch> batch_of(std::int64_t index) = 0;
  virtual Result<std::vector<Batch>> batches(std::int64_t above_size, std::size_t limit) = 0;

  // The registry.
  virtual Status put_device(const Device& device) = 0;
  virtual Result<std::optional<Device>> device(std::int64_t no) = 0;
  virtual Result<std::optional<Device>> device(const KeyId& kid) = 0;
  virtual Result<std::vector<Device>> devices() = 0;

  // Rows of the synced tables.
  virtual Result<std::optional<StoredRow>> row(const Table& table, std::span<const ValueView> key) = 0;
  /// Inserts or replaces.
  virtual Status put_rows(const Table& table, std::span<const StoredRow* const> rows) = 0;
  Status put_row(const Table& table, const StoredRow& row) {
    const StoredRow* const one = &row;
    return put_rows(table, std::span(&one, 1));
  }
  virtual Result<std::optional<RowClock>> cell_clock(const Table& table, BytesView row_key, std::size_t column) = 0;
  virtual Status put_cell_clock(const Table& table, BytesView row_key, std::size_t column, const RowClock& clock) = 0;
  using RowVisitor = std::function<Status(const StoredRow& row)>;
  /// Rows of one visit whose place in the feed is from_feed or later, in key order. REQUIRES: table.scope is kVisit.
  virtual Status each_row_of_visit(const Table& table, BytesView visit, std::int64_t from_feed,
                                   const RowVisitor& visitor) = 0;
  /// Rows of a table whose place in the feed is from_feed or later.
  virtual Status each_row_from(const Table& table, std::int64_t from_feed, const RowVisitor& visitor) = 0;
  /// All rows of a table in key order.
  virtual Status each_row(const Table& table, const RowVisitor& visitor) = 0;
  virtual Result<std::vector<Bytes>> visits_of_school(std::string_view school) = 0;
  /// Those of the inspector's teams from which they were not recused, sealed ones as well.
  virtual Result<std::vector<Bytes>> visits_of_inspector(std::string_view inspector) = 0;
  // What a sealed assignment hides (planning.hpp) counts in none of the three, until it is opened.
  /// Visits of the inspector's teams of which rows changed from from_feed on, other than those that the device holds.
  virtual Result<std::vector<Bytes>> changed_visits(std::string_view inspector, std::int64_t from_feed,
                                                    std::int64_t device) = 0;
  /// Everybody who is or was in a team with the inspector, who is one of them.
  virtual Result<std::vector<std::string>> colleagues_of(std::string_view inspector) = 0;
  virtual Result<std::vector<std::string>> schools_of_inspector(std::string_view inspector, std::int64_t today) = 0;
  virtual Result<std::vector<VisitTouch>> touches_of(BytesView visit) = 0;
  virtual Status put_touch(BytesView visit, const VisitTouch& touch) = 0;

  // Beside the log.
  virtual Result<bool> quarantine(const Quarantined& item) = 0;  ///< false: was there already
  virtual Result<std::vector<Quarantined>> quarantined(std::size_t limit) = 0;
  virtual Result<std::optional<Value>> setting(std::string_view name) = 0;
  virtual Status put_setting(std::string_view name, const ValueView& value) = 0;
  virtual Status put_offer(const Offer& offer) = 0;
  virtual Result<std::vector<Offer>> offers() = 0;
  virtual Status remove_offer(const Hash& code_hash) = 0;
  /// In place of the visit's code before it, if there was one.
  virtual Status put_school_code(const SchoolCode& code) = 0;
  virtual Result<std::optional<SchoolCode>> school_code(const Hash& code_hash) = 0;
  /// In place of the visit's file of that name before it.
  virtual Status put_photo(const Photo& photo) = 0;
  virtual Result<std::optional<Photo>> photo(BytesView visit, const Hash& sha256) = 0;
  virtual Result<std::int64_t> photos_of(BytesView visit) = 0;  ///< how many
  /// In place of the person's credential before it.
  virtual Status put_credential(const Credential& credential) = 0;
  virtual Result<std::optional<Credential>> credential(std::string_view person) = 0;
  /// Inserts or replaces.
  virtual Status put_login_session(const LoginSession& session) = 0;
  virtual Result<std::optional<LoginSession>> login_session(const Hash& token_hash) = 0;
  virtual Status remove_login_session(const Hash& token_hash) = 0;
  virtual Status remove_login_sessions_of(std::string_view person) = 0;
  /// Those that began or were used before.
  virtual Status remove_old_login_sessions(std::int64_t begun_utc_ms, std::int64_t used_utc_ms) = 0;
  virtual Status put_enrolment_request(const KeyId& kid, BytesView bytes, std::int64_t received_utc_ms) = 0;
  virtual Result<std::vector<Bytes>> enrolment_requests() = 0;
  virtual Status remove_enrolment_request(const KeyId& kid) = 0;
  virtual Status put_draw_secret(std::string_view draw, BytesView secret) = 0;
  virtual Result<std::optional<Bytes>> draw_secret(std::string_view draw) = 0;

  /// Forgets every row, cell clock, device and refusal; keeps ledger, tree, batches and what is not derived from them.
  virtual Status forget_derived() = 0;
  virtual Status copy_to(const std::string& path) = 0;
  virtual std::int64_t size_bytes() = 0;
};

/// Errors: those of open_database. A new file has an empty ledger.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path);

}  // namespace dudao
