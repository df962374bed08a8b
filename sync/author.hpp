#pragma once

/// The device's side of the record: every use case becomes one durable step of the journal, journal steps become signed
/// statements in the outbox, and what the office proves to hold leaves the outbox.
///
///     record() … record()  →  seal()  →  sync/pass.hpp sends and takes receipts
///
/// All functions work on the agent's one Database, on one thread at a time.

#include "platform/platform.hpp"
#include "schema/sqlite.hpp"
#include "sync/payloads.hpp"
#include "sync/statement.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dudao {

/// Small values that the agent keeps beside the records (table setting). Absence is no error.
Result<std::optional<std::int64_t>> integer_setting(Database& db, std::string_view name);
Result<std::optional<std::string>> text_setting(Database& db, std::string_view name);
Result<std::optional<Bytes>> bytes_setting(Database& db, std::string_view name);
Status put_setting(Database& db, std::string_view name, const ValueView& value);

/// Who writes on this device, once it is enrolled.
struct Author {
  std::int64_t device = 0;  ///< number in every row that it writes
  std::string inspector;    ///< code
};
/// Without looking at keys, which costs more than the rest of a save. Error: kNotEnrolled.
Result<Author> author(Database& db);

/// Who the device is to the office. What it pins is never changed by anything that arrives later.
struct Identity : Author {
  std::string key_name;  ///< in the key store
  std::string origin;    ///< name of the office's log
  std::optional<PublicKey> office_key;
  std::optional<PublicKey> device_key;
};
/// Errors: kNotEnrolled, kKeyNotValid.
Result<Identity> identity(Database& db);

/// When and where on the clock something was done, as every row that a device writes holds it.
struct Moment {
  std::int64_t utc_ms = 0;
  std::int64_t offset_min = 0;
  std::int64_t boot_ms = 0;
};
Moment now(Clock& clock);

/// How far the device's clock can be believed.
enum class ClockQuality : std::uint8_t {
  kChecked,    ///< within five minutes of the office's time, carried on by the boot clock since the last answer
  kUnchecked,  ///< never compared, or the machine was restarted since; not known to be wrong
  kWrong,  ///< certainly wrong: more than five minutes off the office's time, or earlier than something already seen
};
std::string_view to_string(ClockQuality quality) noexcept;
Result<ClockQuality> clock_quality(Database& db, Clock& clock);
/// The best that is known of the time: the office's, carried on by the boot clock; after a restart of the machine the
/// wall clock, but never earlier than what the office has already said; the wall clock where nothing was heard yet.
Result<std::int64_t> likely_utc_ms(Database& db, Clock& clock);
/// Remembers the office's time as just heard, for clock_quality. To be called inside a transaction.
Status anchor_clock(Database& db, Clock& clock, std::int64_t office_utc_ms);

/// Runs `change` as one durable step: what it writes to synced tables and its entry in the journal are committed
/// together, or nothing is. An error from `change` undoes everything and is returned. Errors: those of `change` and of
/// the database.
/// kChangeTooLarge: a step that no statement could carry is refused now, since it would keep everything after it here.
Status record(Database& db, const std::function<Status()>& change);

/// What was recorded and is not yet in a statement, folded.
Result<ChangesBuilder> unsealed_changes(Database& db);

/// Folds what was recorded since the last seal into one statement, or a few when one would be too large, links it to
/// the chain, signs it and puts it into the outbox: one transaction, before a byte can leave. Returns how many
/// statements. Nothing to seal is no error. Errors: kNotEnrolled, key-store errors, kChangeTooLarge, database errors.
Result<int> seal(Platform& platform, Database& db);

/// Where one statement of this device stands.
struct OutboxEntry {
  std::uint64_t seq = 0;
  Hash id{};
  bool urgent = false;  ///< reports a finding of immediate danger, so that synchronising should not wait
  std::int64_t sealed_utc_ms = 0;
  std::size_t bytes = 0;
  std::optional<std::int64_t> log_index;         ///< set by a verified receipt
  std::optional<std::int64_t> registered_utc_s;  ///< set by a verified receipt
  std::optional<std::uint16_t> refusal;          ///< why the office did not apply it
  std::string refusal_detail;
};
/// Newest last; limit 0 for all.
Result<std::vector<OutboxEntry>> outbox(Database& db, bool waiting_only, std::size_t limit = 0);
/// The statement's bytes and, when it has one, its RFC 9942 receipt. Error: kStatementUnknown.
struct StatementAndReceipt {
  Bytes statement;
  Bytes receipt;
};
Result<StatementAndReceipt> statement_of(Database& db, std::uint64_t seq);

}  // namespace dudao
