#include "schema/sqlite.hpp"

#include <algorithm>

#include <sqlite3.h>

namespace dudao {
namespace {

// SQLite aligns what it allocates; its column functions give null for an empty blob.
BytesView blob_view(const void* data, int bytes) {
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(bytes)};
}

// Text is asked for as a blob too: as text SQLite puts a zero behind it, for which there may be no memory, and then
// says that there is no text.
std::string_view text_view(const void* data, int bytes) {
  return {data ? static_cast<const char*>(data) : "", static_cast<std::size_t>(bytes)};
}

ValueView cell(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_value_int64(value)};
    case SQLITE_TEXT:
      return text_view(sqlite3_value_blob(value), sqlite3_value_bytes(value));
    case SQLITE_BLOB:
      return blob_view(sqlite3_value_blob(value), sqlite3_value_bytes(value));
    default:
      return std::monostate{};
  }
}

Code code_of(int rc) {
  switch (rc & 0xff) {
    case SQLITE_FULL:
      return Code::kDatabaseFull;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Code::kDatabaseReadOnly;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kDatabaseInUse;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kDatabaseCorrupt;
    case SQLITE_IOERR:
      return Code::kDatabaseIo;
    case SQLITE_CANTOPEN:
      return Code::kDatabaseMissing;
    case SQLITE_CONSTRAINT:
      return Code::kDatabaseConstraint;
    case SQLITE_NOMEM:
      return Code::kOutOfMemory;
    default:
      return Code::kInternal;
  }
}

}  // namespace

ValueView as_view(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* text = std::get_if<std::string>(&value)) return std::string_view(*text);
  if (const auto* bytes = std::get_if<Bytes>(&value)) return BytesView(*bytes);
  return std::monostate{};
}

Value to_value(ValueView value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (const auto* bytes = std::get_if<BytesView>(&value)) return to_bytes(*bytes);
  return std::monostate{};
}

bool equal(const ValueView& a, const ValueView& b) {
  if (a.index() != b.index()) return false;
  if (const auto* integer = std::get_if<std::int64_t>(&a)) return *integer == std::get<std::int64_t>(b);
  if (const auto* text = std::get_if<std::string_view>(&a)) return *text == std::get<std::string_view>(b);
  if (const auto* bytes = std::get_if<BytesView>(&a)) {
    const BytesView other = std::get<BytesView>(b);
    return std::equal(bytes->begin(), bytes->end(), other.begin(), other.end());
  }
  return true;
}

// --- Query

Query::Query(Query&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      lent_(other.lent_),
      next_parameter_(other.next_parameter_) {}

Query::~Query() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *lent_ = false;
}

Query& Query::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_, next_parameter_++, value);
  return *this;
}
Query& Query::bind(std::string_view text) {
  // A null pointer would bind NULL; an empty text is not NULL.
  sqlite3_bind_text64(statement_, next_parameter_++, text.data() ? text.data() : "", text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}
Query& Query::bind(BytesView blob) {
  if (blob.empty())
    sqlite3_bind_zeroblob(statement_, next_parameter_++, 0);
  else
    sqlite3_bind_blob64(statement_, next_parameter_++, blob.data(), blob.size(), SQLITE_STATIC);
  return *this;
}
Query& Query::bind(std::nullptr_t) {
  sqlite3_bind_null(statement_, next_parameter_++);
  return *this;
}
Query& Query::bind_value(const ValueView& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return bind(*integer);
  if (const auto* text = std::get_if<std::string_view>(&value)) return bind(*text);
  if (const auto* bytes = std::get_if<BytesView>(&value)) return bind(*bytes);
  return bind(nullptr);
}

Result<bool> Query::step() {
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  const Error error = database_->error(rc, sqlite3_sql(statement_));
  sqlite3_reset(statement_);
  next_parameter_ = 1;
  database_->failed_ = error;
  return fail(error);
}

Status Query::run() {
  while (true) {
    DUDAO_TRY(const bool row, step());
    if (!row) break;
  }
  // Ready for the next set of parameters, so that a loop can use one Query.
  sqlite3_reset(statement_);
  next_parameter_ = 1;
  return {};
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
std::string_view Query::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return text_view(data, sqlite3_column_bytes(statement_, column));
}
BytesView Query::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return blob_view(data, sqlite3_column_bytes(statement_, column));
}
bool Query::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
ValueView Query::value(int column) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_TEXT:
      return text(column);
    case SQLITE_BLOB:
      return blob(column);
    default:
      return std::monostate{};
  }
}
int Query::columns() const { return sqlite3_column_count(statement_); }

// --- Database

struct Database::Cached {
  sqlite3_stmt* statement = nullptr;
  bool lent = false;
  ~Cached() { sqlite3_finalize(statement); }
};

namespace {

/// After a sync of the log that failed, Linux counts its pages as written though they are not: the next process reads
/// them and believes them, and when the power goes they are lost, with all that was saved behind them. So whatever a
/// process finds in the log it writes once more. After an orderly end there is no log.
int write_log_again(sqlite3* handle) {
  sqlite3_file* log = nullptr;
  int rc = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (rc != SQLITE_OK || !log || !log->pMethods) return rc;
  sqlite3_int64 size = 0;
  rc = log->pMethods->xFileSize(log, &size);
  std::vector<char> piece(64 * 1024);
  for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size;) {
    const int bytes = static_cast<int>(std::min<sqlite3_int64>(size - at, static_cast<sqlite3_int64>(piece.size())));
    rc = log->pMethods->xRead(log, piece.data(), bytes, at);
    if (rc == SQLITE_OK) rc = log->pMethods->xWrite(log, piece.data(), bytes, at);
    at += bytes;
  }
  return rc == SQLITE_OK && size > 0 ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode, std::int32_t application_id) {
  std::unique_ptr<Database> database(new Database());
  database->path_ = path;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::kReadOnly       ? SQLITE_OPEN_READONLY
                     : mode == Mode::kOpenOrCreate ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                   : SQLITE_OPEN_READWRITE);
  if (const int rc = sqlite3_open_v2(path.c_str(), &database->handle_, flags, nullptr); rc != SQLITE_OK)
    return fail(code_of(rc), path);
  sqlite3* handle = database->handle_;
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 64 << 20);
  // Before anything is read: without the right to write SQLite cannot read a WAL database alone either, and calls that
  // an I/O error.
  if (mode != Mode::kReadOnly && sqlite3_db_readonly(handle, "main") == 1) return fail(Code::kDatabaseReadOnly, path);
  // Exclusive before WAL: the index of the log then lives in our memory and a second process cannot come in.
  if (mode != Mode::kReadOnly) DUDAO_CHECK(database->script("PRAGMA locking_mode=EXCLUSIVE;"));
  DUDAO_TRY(const std::int64_t found_id, database->integer("PRAGMA application_id"));
  DUDAO_TRY(const std::int64_t tables, database->integer("SELECT count(*) FROM sqlite_schema"));
  if (found_id != application_id && (found_id != 0 || tables != 0)) return fail(Code::kDatabaseForeign, path);
  if (mode == Mode::kReadOnly) return database;
  // BEGIN IMMEDIATE takes the lock now rather than at the first save.
  DUDAO_CHECK(
      database->script("PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
                       "PRAGMA cell_size_check=ON;PRAGMA temp_store=MEMORY;BEGIN IMMEDIATE;COMMIT;"));
  if (const int rc = write_log_again(handle); rc != SQLITE_OK) return fail(database->error(rc, path));
  if (found_id == 0) DUDAO_CHECK(database->script("PRAGMA application_id=" + std::to_string(application_id)));
  return database;
}

Database::~Database() {
  sqlite3_finalize(rollback_);
  cache_.clear();
  sqlite3_close_v2(handle_);
}

Error Database::error(int rc, std::string_view what) const {
  // SQLite's own text names tables and columns, never values; the statement's first words help to find the place.
  std::string detail = sqlite3_errmsg(handle_);
  if (code_of(rc) == Code::kInternal) detail.append(" in ").append(what.substr(0, 80));
  return Error{code_of(rc), std::move(detail)};
}

Result<Query> Database::query(std::string_view sql) {
  const auto [first, last] = cache_.equal_range(sql);
  const auto idle = std::find_if(first, last, [](const auto& entry) { return !entry.second->lent; });
  if (idle != last) {
    Cached& cached = *idle->second;
    cached.lent = true;
    return Query(*this, cached.statement, &cached.lent);
  }
  auto made = std::make_unique<Cached>();
  const int rc = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                    &made->statement, nullptr);
  if (rc != SQLITE_OK) return fail(error(rc, sql));
  Cached& cached = *cache_.emplace(sql, std::move(made))->second;
  cached.lent = true;
  return Query(*this, cached.statement, &cached.lent);
}

Status Database::script(std::string_view sql) {
  // It may change the tables; then SQLite would prepare the statement again just when there is no memory.
  sqlite3_finalize(std::exchange(rollback_, nullptr));
  const std::string text(sql);
  const int rc = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
  if (rc == SQLITE_OK) return {};
  failed_ = error(rc, sql);
  return fail(*failed_);
}

std::int64_t Database::rows_changed() const { return sqlite3_changes64(handle_); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Status Database::begin() {
  if (!rollback_)
    if (const int rc = sqlite3_prepare_v3(handle_, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &rollback_, nullptr);
        rc != SQLITE_OK)
      return fail(error(rc, "ROLLBACK"));
  return execute("BEGIN IMMEDIATE");
}

void Database::rollback() noexcept {
  if (!in_transaction()) return;
  if (!rollback_) {
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
    return;
  }
  sqlite3_step(rollback_);
  sqlite3_reset(rollback_);
}

Status Database::quick_check() {
  DUDAO_TRY(auto q, query("PRAGMA quick_check(1)"));
  DUDAO_TRY(const bool row, q.step());
  if (!row || q.text(0) != "ok") return fail(Code::kDatabaseCorrupt, path_);
  return {};
}

Status Database::copy_to(const std::string& path) { return execute("VACUUM INTO ?", std::string_view(path)); }

std::int64_t Database::file_bytes() {
  const auto pages = integer("PRAGMA page_count");
  const auto size = integer("PRAGMA page_size");
  return pages && size ? *pages * *size : 0;
}

// --- Transaction

Result<Transaction> Transaction::begin(Database& database) {
  DUDAO_CHECK(database.begin());
  return Transaction(database);
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already; that is the state we want.
  if (database_) database_->rollback();
}

Status Transaction::commit() {
  DUDAO_CHECK(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

// --- Capture

namespace {

/// As SQLite writes lengths into changesets: seven bits a byte, the highest first.
void put_length(Bytes& out, std::size_t length) {
  int bits = 0;
  while (bits < 28 && length >> (bits + 7) != 0) bits += 7;
  for (; bits > 0; bits -= 7) out.push_back(static_cast<std::uint8_t>(0x80 | (length >> bits & 0x7f)));
  out.push_back(static_cast<std::uint8_t>(length & 0x7f));
}

constexpr std::uint8_t kUndefined = 0;

void put_value(Bytes& out, const ValueView& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    out.push_back(SQLITE_INTEGER);
    for (int shift = 56; shift >= 0; shift -= 8)
      out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(*integer) >> shift));
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    out.push_back(SQLITE_TEXT);
    put_length(out, text->size());
    append(out, view(*text));
  } else if (const auto* blob = std::get_if<BytesView>(&value)) {
    out.push_back(SQLITE_BLOB);
    put_length(out, blob->size());
    append(out, *blob);
  } else {
    out.push_back(SQLITE_NULL);
  }
}

}  // namespace

struct Capture::State {
  State(Database& at, const std::vector<std::string_view>& watched) : database(at), tables(watched) {}

  Database& database;
  const std::vector<std::string_view>& tables;
  Bytes out = {};
  std::string table = {};  ///< of the last header in `out`
  std::optional<Code> failed = {};

  static void before_change(void* self, sqlite3*, int operation, const char*, const char* table_name, sqlite3_int64,
                            sqlite3_int64) noexcept {
    auto& state = *static_cast<State*>(self);
    try {
      state.note(operation, table_name);
    } catch (const std::bad_alloc&) {
      state.failed = Code::kOutOfMemory;
    } catch (...) {
      state.failed = Code::kInternal;
    }
  }

  void note(int operation, std::string_view table_name) {
    if (std::find(tables.begin(), tables.end(), table_name) == tables.end()) return;
    const Bytes& key = database.key_places_.find(table_name)->second;
    const std::size_t size_before = out.size();
    if (table != table_name) {
      out.push_back('T');
      put_length(out, key.size());
      append(out, key);
      append(out, view(table_name));
      out.push_back(0);
    }
    out.push_back(static_cast<std::uint8_t>(operation));
    out.push_back(0);  // Nobody's trigger.
    bool changed = operation != SQLITE_UPDATE;
    if (operation != SQLITE_INSERT) {
      for (std::size_t column = 0; column < key.size(); ++column) {
        const auto old = value_of(sqlite3_preupdate_old, column);
        bool tell = true;
        if (operation == SQLITE_UPDATE) {
          const bool differs = !equal(old, value_of(sqlite3_preupdate_new, column));
          changed = changed || differs;
          tell = differs || key[column] != 0;
        }
        tell ? put_value(out, old) : out.push_back(kUndefined);
      }
    }
    if (operation != SQLITE_DELETE) {
      for (std::size_t column = 0; column < key.size(); ++column) {
        const auto fresh = value_of(sqlite3_preupdate_new, column);
        const bool tell = operation == SQLITE_INSERT || !equal(fresh, value_of(sqlite3_preupdate_old, column));
        tell ? put_value(out, fresh) : out.push_back(kUndefined);
      }
    }
    if (changed)
      table = table_name;
    else
      out.resize(size_before);
  }

  /// Valid until the hook returns.
  template <class Read>
  ValueView value_of(Read read, std::size_t column) {
    sqlite3_value* value = nullptr;
    if (const int rc = read(database.handle(), static_cast<int>(column), &value); rc != SQLITE_OK) failed = code_of(rc);
    if (!value) return std::monostate{};
    if (sqlite3_value_type(value) == SQLITE_FLOAT) failed = Code::kInternal;
    return cell(value);
  }
};

Capture::Capture(std::unique_ptr<State> state) : state_(std::move(state)) {}
Capture::Capture(Capture&& other) noexcept = default;
Capture::~Capture() {
  if (state_) sqlite3_preupdate_hook(state_->database.handle(), nullptr, nullptr);
}

Result<Capture> Capture::begin(Database& database, const std::vector<std::string_view>& tables) {
  for (const std::string_view table : tables) {
    if (database.key_places_.contains(table)) continue;
    Bytes key;
    DUDAO_TRY(auto q, database.query("SELECT pk FROM pragma_table_info(?) ORDER BY cid"));
    q.bind(table);
    while (true) {
      DUDAO_TRY(const bool row, q.step());
      if (!row) break;
      key.push_back(static_cast<std::uint8_t>(q.integer(0)));
    }
    database.key_places_.emplace(table, std::move(key));
  }
  database.failed_.reset();
  auto state = std::make_unique<State>(database, tables);
  sqlite3_preupdate_hook(database.handle(), State::before_change, state.get());
  return Capture(std::move(state));
}

Result<Bytes> Capture::changeset() {
  if (state_->database.failed_) return fail(*state_->database.failed_);
  if (state_->failed) return fail(*state_->failed, "capture");
  return std::move(state_->out);
}

namespace {

tl::unexpected<Error> not_read(int rc) {
  return code_of(rc) == Code::kOutOfMemory ? fail(Code::kOutOfMemory, "changeset")
                                           : fail(Code::kChangesetBroken, std::to_string(rc));
}

}  // namespace

Result<Bytes> fold_changesets(const std::vector<Bytes>& changesets) {
  sqlite3_changegroup* group = nullptr;
  if (sqlite3changegroup_new(&group) != SQLITE_OK) return fail(Code::kOutOfMemory, "changegroup");
  int rc = SQLITE_OK;
  for (const Bytes& changeset : changesets) {
    if (changeset.empty()) continue;
    rc = sqlite3changegroup_add(group, static_cast<int>(changeset.size()), const_cast<std::uint8_t*>(changeset.data()));
    if (rc != SQLITE_OK) break;
  }
  int size = 0;
  void* data = nullptr;
  if (rc == SQLITE_OK) rc = sqlite3changegroup_output(group, &size, &data);
  sqlite3changegroup_delete(group);
  if (rc != SQLITE_OK) return not_read(rc);
  Bytes out = to_bytes(blob_view(data, size));
  sqlite3_free(data);
  return out;
}

Status for_each_change(BytesView changeset, const std::function<Status(const RowChange&)>& visit) {
  if (changeset.empty()) return {};
  sqlite3_changeset_iter* raw = nullptr;
  if (const int rc =
          sqlite3changeset_start(&raw, static_cast<int>(changeset.size()), const_cast<std::uint8_t*>(changeset.data()));
      rc != SQLITE_OK)
    return not_read(rc);
  struct Finalizer {
    void operator()(sqlite3_changeset_iter* iter) const { sqlite3changeset_finalize(iter); }
  };
  const std::unique_ptr<sqlite3_changeset_iter, Finalizer> iter(raw);
  RowChange change{};
  int rc = SQLITE_OK;
  while ((rc = sqlite3changeset_next(raw)) == SQLITE_ROW) {
    const char* table = nullptr;
    int columns = 0;
    int operation = 0;
    sqlite3changeset_op(raw, &table, &columns, &operation, nullptr);
    unsigned char* key = nullptr;
    sqlite3changeset_pk(raw, &key, nullptr);
    const auto count = static_cast<std::size_t>(columns);
    change.table = table;
    change.kind = operation == SQLITE_INSERT   ? RowChange::Kind::kInsert
                  : operation == SQLITE_UPDATE ? RowChange::Kind::kUpdate
                                               : RowChange::Kind::kDelete;
    change.before.assign(count, std::nullopt);
    change.after.assign(count, std::nullopt);
    change.key.assign(count, false);
    for (int column = 0; column < columns; ++column) {
      const auto at = static_cast<std::size_t>(column);
      change.key[at] = key[column] != 0;
      sqlite3_value* value = nullptr;
      if (operation != SQLITE_INSERT && sqlite3changeset_old(raw, column, &value) == SQLITE_OK && value)
        change.before[at] = cell(value);
      if (operation != SQLITE_DELETE && sqlite3changeset_new(raw, column, &value) == SQLITE_OK && value)
        change.after[at] = cell(value);
    }
    DUDAO_CHECK(visit(change));
  }
  if (rc != SQLITE_DONE) return not_read(rc);
  return {};
}

}  // namespace dudao
