/// Times and bytes of the main job beside those of plain SQLite doing the same writes on the same disk in the same run.
/// Machines are noisy: believe the ratios, not the seconds.
///
///     dudao_bench [--visits 1000] [--workload FILE.tsv] [--links 100] [--rounds 5] [--json FILE] [--phase write]

#include "agent/sync_job.hpp"
#include "agent/visit_book.hpp"
#include "platform/desktop/http.hpp"
#include "sync/compress.hpp"
#include "sync/office/office.hpp"
#include "tests/bench/pacing_proxy.hpp"
#include "tests/bench/workload.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"
#include "tools/office/listener.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>

#include <nlohmann/json.hpp>
#include <sqlite3.h>

using namespace dudao;
using namespace dudao::test;

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

[[noreturn]] void give_up(const std::string& what) {
  std::cerr << "bench: " << what << std::endl;
  std::_Exit(1);
}
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) give_up(std::string(what) + ": " + result.error().message());
  return *std::move(result);
}
void must(const Status& status, const char* what) {
  if (!status) give_up(std::string(what) + ": " + status.error().message());
}

struct Line {
  std::string name;
  double ours, baseline;
  std::string unit, baseline_is;
};
std::vector<Line> lines;
void row(std::string name, double ours, double baseline, std::string unit, std::string baseline_is) {
  lines.push_back({std::move(name), ours, baseline, std::move(unit), std::move(baseline_is)});
}

void bind(sqlite3_stmt* s, int at, const Value& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell))
    sqlite3_bind_int64(s, at, *integer);
  else if (const auto* text = std::get_if<std::string>(&cell))
    sqlite3_bind_text(s, at, text->data(), static_cast<int>(text->size()), SQLITE_STATIC);
  else if (const auto* blob = std::get_if<Bytes>(&cell))
    sqlite3_bind_blob(s, at, blob->data(), static_cast<int>(blob->size()), SQLITE_STATIC);
  else
    sqlite3_bind_null(s, at);
}

/// SQLite alone, as durable as the agent: writes to a copy of its database, into the same tables with the same indexes,
/// the rows that stand in the agent's journal, a transaction for each of the journal's.
class Plain {
 public:
  explicit Plain(Database& agent) : agent_(agent) {
    must(agent.copy_to(folder_ / "plain.db"), "copy");
    if (sqlite3_open((folder_ / "plain.db").c_str(), &db_) != SQLITE_OK) give_up("sqlite");
    run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    begin_ = prepared("BEGIN IMMEDIATE");
    commit_ = prepared("COMMIT");
  }
  ~Plain() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  /// Seconds for what the agent has written since the last time.
  double write_s() {
    const auto transactions = must(read(), "journal");
    const auto began = Clock::now();
    for (const auto& transaction : transactions) {
      if (transaction.size() > 1) step(begin_);
      for (const auto& [statement, cells] : transaction) {
        int at = 0;
        for (const Value& cell : cells) bind(statement, ++at, cell);
        step(statement);
      }
      if (transaction.size() > 1) step(commit_);
    }
    return seconds_since(began);
  }

 private:
  using Writes = std::vector<std::pair<sqlite3_stmt*, std::vector<Value>>>;

  void run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) give_up(sqlite3_errmsg(db_));
  }
  void step(sqlite3_stmt* statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) give_up(sqlite3_errmsg(db_));
    sqlite3_reset(statement);
  }
  sqlite3_stmt* prepared(const std::string& sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (!statement && sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      give_up(sqlite3_errmsg(db_));
    return statement;
  }
  std::pair<sqlite3_stmt*, std::vector<Value>> write_of(const RowChange& change) {
    const bool insert = change.kind == RowChange::Kind::kInsert;
    std::string set;
    std::string match;
    std::vector<Value> cells;
    std::vector<Value> key;
    for (std::size_t i = 0; i < change.key.size(); ++i) {
      const std::string& column = find_table(change.table)->columns[i].name;
      if (change.after[i]) {
        set += (set.empty() ? "" : ", ") + (insert ? "?" : column + " = ?");
        cells.push_back(to_value(*change.after[i]));
      }
      if (!insert && change.key[i]) {
        match += (match.empty() ? "" : " AND ") + column + " = ?";
        key.push_back(to_value(*change.before[i]));
      }
    }
    std::move(key.begin(), key.end(), std::back_inserter(cells));
    const std::string table(change.table);
    return {prepared(insert ? "INSERT INTO " + table + " VALUES (" + set + ")"
                            : "UPDATE " + table + " SET " + set + " WHERE " + match),
            std::move(cells)};
  }
  Result<std::vector<Writes>> read() {
    std::vector<Writes> out;
    DUDAO_TRY(auto q, agent_.query("SELECT n, changeset FROM journal WHERE n > ? ORDER BY n"));
    q.bind(read_to_);
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) return out;
      read_to_ = q.integer(0);
      // Behind the changeset stand eight bytes of its hash.
      DUDAO_CHECK(for_each_change(q.blob(1).first(q.blob(1).size() - 8),
                                  [&, first = true](const RowChange& change) mutable -> Status {
                                    if (std::exchange(first, false)) out.emplace_back();
                                    out.back().push_back(write_of(change));
                                    return {};
                                  }));
    }
  }

  Database& agent_;
  const TempFolder folder_;
  sqlite3* db_ = nullptr;
  std::map<std::string, sqlite3_stmt*> statements_;
  sqlite3_stmt *begin_ = nullptr, *commit_ = nullptr;
  std::int64_t read_to_ = 0;
};

/// An office behind a real listener, and one enrolled agent with all visits assigned.
struct Field {
  FakePlatform office_machine, device_machine;
  TempFolder folder;
  Platform office_platform = office_machine.view();
  std::unique_ptr<Office> office;
  std::mutex requests_lock;
  std::vector<Bytes> requests;  ///< bodies of what came to be synced
  std::unique_ptr<Listener> listener;
  std::unique_ptr<HttpClient> http = must(make_http_client({}), "http");
  Platform device_platform{
      device_machine.clock, device_machine.keys, device_machine.files, device_machine.connectivity, *http,
      device_machine.log};
  std::unique_ptr<Database> db;
  std::vector<Bytes> visits;

  explicit Field(const std::vector<MadeVisit>& work) {
    office = must(Office::open(office_platform, {folder / "office.db", "bench.dudao/office"}), "office");
    must(office->decide("bench", "register.import",
                        [](Store&) -> Result<ChangesBuilder> {
                          ChangesBuilder rows;
                          rows.insert("inspector",
                                      {std::string("B1"), std::string("督学"), std::int64_t{1}, std::int64_t{1},
                                       Value(), Value(), std::int64_t{0}, std::string("ACTIVE")});
                          rows.insert("school", {std::string("S1"), std::string("小学"), Value(), Value(), Value(),
                                                 Value(), Value(), Value(), Value(), Value(), std::string("OPEN"),
                                                 std::int64_t{1}, Value(), Value()});
                          return rows;
                        }),
         "registers");
    must(office->publish_template("bench", workload_checklist(work)), "checklist");
    listener = must(Listener::start({},
                                    [this](const Request& request) {
                                      if (request.path == kSyncPath) {
                                        const std::lock_guard guard(requests_lock);
                                        requests.push_back(request.body);
                                      }
                                      return office->handle(request);
                                    }),
                    "listener");
    db = must(open_database(folder / "agent.db", Database::Mode::kOpenOrCreate, DatabaseKind::kDevice), "database");
    const PublicKey key = must(device_platform.keys.create("device", Algorithm::kEd25519), "key");
    const Bytes code = must(office->offer_enrolment("bench", "B1"), "offer");
    HttpRequest request;
    request.method = "POST";
    request.url = url() + "/v1/enrol";
    request.body = must(enrolment_request(device_platform, "device", key, "B1", "bench", code), "enrolment");
    const HttpResponse answer = must(http->send(request), "enrolment");
    must(take_enrolment(device_platform, *db, "device", key, answer.status, answer.headers.at("content-type"),
                        answer.body, {}),
         "enrolment");
    plan(work.size());
  }
  void plan(std::size_t count) {
    VisitPlan plan;
    plan.school = "S1";
    plan.kind = "ROUTINE";
    plan.template_code = "workload";
    plan.template_version = 1;
    plan.from_day = 20'000;
    plan.to_day = 21'000;
    plan.team = {"B1"};
    const auto planned = must(office->plan("bench", std::vector<VisitPlan>(count, plan)), "plan");
    visits.insert(visits.end(), planned.begin(), planned.end());
  }
  std::uint16_t via_port = 0;  ///< of what stands between
  std::string url() const { return "http://127.0.0.1:" + std::to_string(via_port != 0 ? via_port : listener->port()); }
  SyncReport sync() {
    const SyncReport report = must(run_sync(device_platform, *db, {url(), {}, {}}), "sync");
    if (report.error || !report.refusals.empty()) give_up("sync did not complete");
    return report;
  }
};

int rounds = 5;
bool write_only = false;

double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

AnswerValue answer_of(const MadeAnswer& made) {
  AnswerValue out;
  if (made.value.find_first_not_of("0123456789") == std::string::npos)
    out.value = std::int64_t{std::stoll(made.value)};
  else
    out.value = made.value;
  return out;
}

/// One visit, as it is tapped. Returns how many durable steps that were.
int record_visit(VisitBook& book, const Bytes& id, const MadeVisit& made, std::vector<double>* taps) {
  int steps = 0;
  const auto tap = [&](const Status& done) {
    must(done, "tap");
    ++steps;
  };
  const auto timed = [&](const std::function<Status()>& what) {
    const auto began = Clock::now();
    tap(what());
    if (taps) taps->push_back(seconds_since(began));
  };
  timed([&] { return book.check_in(id, Place{made.lat_e7, made.lon_e7, 800}, {}); });
  for (const MadeAnswer& each : made.answers)
    timed([&] { return book.answer(id, each.item, answer_of(each), each.note); });
  for (const MadeFinding& each : made.findings)
    timed([&] { return book.add_finding(id, {each.item, each.severity, {}, each.text, {}, {}}).map([](auto) {}); });
  timed([&] { return book.add_note(id, {}, made.note).map([](auto) {}); });
  timed([&] { return book.finish(id); });
  timed([&] { return book.feedback(id, "已反馈").map([](auto) {}); });
  timed([&] { return book.sign(id, {"HEAD", {}, "ABSENT", {}, {}, "校长外出"}); });
  timed([&] { return book.submit(id); });
  return steps;
}

/// Rows as the office holds them after a sync, a list for each of its transactions: what SQLite alone is given to
/// write.
class SameRows {
 public:
  SameRows(const std::string& office_db, Database& shapes) { must(read(office_db, shapes), "rows"); }

  double insert_s() const {
    const TempFolder folder;
    sqlite3* db = nullptr;
    if (sqlite3_open((folder / "plain.db").c_str(), &db) != SQLITE_OK) give_up("sqlite");
    const auto run = [&](const std::string& sql) {
      if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) give_up(sqlite3_errmsg(db));
    };
    // As sync/office/sqlite_store.cpp has it.
    run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
        "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000");
    std::vector<sqlite3_stmt*> inserts;
    for (const Shape& shape : shapes_) {
      run(shape.create);
      inserts.push_back(nullptr);
      if (sqlite3_prepare_v2(db, shape.insert.c_str(), -1, &inserts.back(), nullptr) != SQLITE_OK)
        give_up(sqlite3_errmsg(db));
    }
    const auto began = Clock::now();
    for (const auto& transaction : transactions_) {
      run("BEGIN");
      for (const auto& [shape, cells] : transaction) {
        sqlite3_stmt* insert = inserts[shape];
        int at = 0;
        for (const Value& cell : cells) bind(insert, ++at, cell);
        if (sqlite3_step(insert) != SQLITE_DONE) give_up(sqlite3_errmsg(db));
        sqlite3_reset(insert);
      }
      run("COMMIT");
    }
    const double taken = seconds_since(began);
    for (sqlite3_stmt* insert : inserts) sqlite3_finalize(insert);
    sqlite3_close(db);
    return taken;
  }
  std::size_t rows() const {
    std::size_t all = 0;
    for (const auto& transaction : transactions_) all += transaction.size();
    return all;
  }
  std::size_t transactions() const { return transactions_.size(); }

 private:
  struct Shape {
    std::string create, insert;
  };

  Status read(const std::string& office_db, Database& shapes) {
    DUDAO_TRY(auto db, open_database(office_db, Database::Mode::kOpen, DatabaseKind::kOffice));
    // Statements in the log's order, so that rows are written in the order in which the office wrote them.
    std::map<std::int64_t, std::vector<std::pair<std::size_t, std::vector<Value>>>> by_statement;
    for (const Table& table : synced_tables()) {
      if (table.scope != Scope::kVisit) continue;
      std::string columns;
      std::string marks;
      for (const Column& column : table.columns) {
        columns += (columns.empty() ? "" : ", ") + column.name;
        marks += marks.empty() ? "?" : ", ?";
      }
      const std::string name(table.name);
      DUDAO_TRY(const auto create, shapes.lookup("SELECT sql FROM sqlite_schema WHERE name = ?", table.name));
      shapes_.push_back(
          {std::get<std::string>(create.value()), "INSERT INTO " + name + " (" + columns + ") VALUES (" + marks + ")"});
      DUDAO_TRY(auto q, db->query("SELECT " + columns + ", _feed FROM " + name +
                                  " WHERE _feed IN (SELECT log_index FROM ledger WHERE author <> 0)"));
      while (true) {
        DUDAO_TRY(const bool found, q.step());
        if (!found) break;
        std::vector<Value> cells;
        for (int i = 0; i + 1 < q.columns(); ++i) cells.push_back(to_value(q.value(i)));
        by_statement[q.integer(q.columns() - 1)].emplace_back(shapes_.size() - 1, std::move(cells));
      }
    }
    DUDAO_TRY(auto q, db->query("SELECT size FROM batch ORDER BY size"));
    auto next = by_statement.begin();
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) return {};
      transactions_.emplace_back();
      for (; next != by_statement.end() && next->first < q.integer(0); ++next)
        std::move(next->second.begin(), next->second.end(), std::back_inserter(transactions_.back()));
      if (transactions_.back().empty()) transactions_.pop_back();
    }
  }

  std::vector<Shape> shapes_;
  std::vector<std::vector<std::pair<std::size_t, std::vector<Value>>>> transactions_;
};

/// The office alone: what came over the wire is given again to a copy of what it was before, and the rows that come of
/// it to SQLite alone. Medians of several rounds, seconds.
std::pair<double, double> measure_office(Field& field, const std::string& before_sync, std::size_t visits) {
  std::vector<double> ours;
  std::vector<double> plain;
  for (int round = 0; round < rounds; ++round) {
    const TempFolder folder;
    const std::string copy = folder / "office.db";
    std::filesystem::copy_file(before_sync, copy);
    {
      const auto office = must(Office::open(field.office_platform, {copy, "bench.dudao/office"}), "office");
      Request request;
      request.method = "POST";
      request.path = kSyncPath;
      const auto began = Clock::now();
      for (const Bytes& body : field.requests) {
        request.body = body;
        if (office->handle(request).status != 200) give_up("the office refused a sync that it took before");
      }
      ours.push_back(seconds_since(began));
      if (office->counters().registered != visits) give_up("not a change set a visit");
    }
    const SameRows rows(copy, *field.db);
    plain.push_back(rows.insert_s());
    if (round == 0)
      std::cout << visits << " change sets, " << rows.rows() << " rows in " << rows.transactions() << " transactions"
                << std::endl;
  }
  std::cout << "best rounds: " << percentile(ours, 0) << " s, SQLite " << percentile(plain, 0) << " s" << std::endl;
  return {percentile(ours, 0.5), percentile(plain, 0.5)};
}

/// The write phase, some visits at a time: first as they are tapped, then SQLite alone with the same rows, so that what
/// else the machine does falls on both. Medians, taken for the whole; some visits fill the log more than once.
void measure_write(Field& field, VisitBook& book, const std::vector<MadeVisit>& work) {
  const std::size_t parts = std::max<std::size_t>(1, work.size() / 20);
  Plain plain(*field.db);
  std::vector<double> taps;
  std::vector<double> ours;
  std::vector<double> theirs;
  int steps = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto began = Clock::now();
    for (std::size_t i = part * work.size() / parts; i < (part + 1) * work.size() / parts; ++i)
      steps += record_visit(book, field.visits[i], work[i], &taps);
    ours.push_back(seconds_since(began));
    theirs.push_back(plain.write_s());
  }
  row("write, each tap its own durable transaction", percentile(ours, 0.5) * static_cast<double>(parts),
      percentile(theirs, 0.5) * static_cast<double>(parts), "s", "SQLite, the same rows and transactions");
  row("  slowest tap of a hundred", percentile(taps, 0.99) * 1000, percentile(taps, 0.5) * 1000, "ms",
      "the median tap");
  std::cout << steps << " durable steps in " << work.size() << " visits" << std::endl;
}

void measure_main_job(const std::vector<MadeVisit>& work) {
  Field field(work);
  field.sync();  // the tasks
  VisitBook book(field.device_platform, *field.db);
  measure_write(field, book, work);
  if (write_only) return;

  const std::string before_sync = field.folder / "before.db";
  must(field.office->backup(before_sync), "backup");
  field.requests.clear();
  const auto began = Clock::now();
  const SyncReport up = field.sync();
  const double sync_s = seconds_since(began);
  const auto [office_s, plain_office_s] = measure_office(field, before_sync, work.size());
  const auto visits = static_cast<double>(work.size());
  row("office: change sets a second", visits / office_s, visits / plain_office_s, "1/s",
      "SQLite, the same rows and transactions");
  row("sync, loopback, receipted and durable", sync_s, plain_office_s, "s", "SQLite, the office's rows only");

  // What the same content weighs as JSON lines and as the best that a general compressor makes of them.
  std::string json_lines;
  for (const MadeVisit& visit : work) {
    nlohmann::json line = {{"lat", visit.lat_e7}, {"lon", visit.lon_e7}, {"note", visit.note}};
    for (const MadeAnswer& each : visit.answers)
      line["answers"].push_back({{"item", each.item}, {"value", each.value}, {"note", each.note}});
    for (const MadeFinding& each : visit.findings)
      line["findings"].push_back({{"item", each.item}, {"severity", each.severity}, {"text", each.text}});
    json_lines += line.dump() + "\n";
  }
  const auto wire = static_cast<double>(up.sent_bytes + up.received_bytes);
  row("wire, both ways, HTTP and receipts with it", wire, static_cast<double>(compress(view(json_lines)).size()),
      "bytes", "JSON lines in one zstd frame, unsigned");
  row("  round trips", up.exchanges, 1, "", "one");

  const SyncReport nothing = field.sync();
  row("noop: bytes", static_cast<double>(nothing.sent_bytes + nothing.received_bytes), 600, "bytes", "the goal");
  row("  round trips", nothing.exchanges, 1, "", "one");

  field.plan(1);
  field.sync();
  must(book.check_in(field.visits.back(), Place{1, 1, 1}, {}), "check in");
  must(book.answer(field.visits.back(), work[0].answers[0].item, answer_of(work[0].answers[0]), {}), "answer");
  field.sync();
  MadeAnswer other = work[0].answers[0];
  other.value = other.value == "50" ? "51" : "50";
  must(book.answer(field.visits.back(), other.item, answer_of(other), {}), "answer");
  const SyncReport edit = field.sync();
  row("one answer edited: bytes", static_cast<double>(edit.sent_bytes + edit.received_bytes), 900, "bytes", "the goal");
  row("  round trips", edit.exchanges, 1, "", "one");
}

/// Some visits over a line of the country, beside what the line itself takes for as many bytes and two round trips.
void measure_link(const Link& link, const std::vector<MadeVisit>& work) {
  Field field(work);
  field.sync();
  VisitBook book(field.device_platform, *field.db);
  for (std::size_t i = 0; i < work.size(); ++i) record_visit(book, field.visits[i], work[i], nullptr);
  const PacingProxy line(field.listener->port(), link);
  field.via_port = line.port();
  field.http = must(make_http_client({}), "http");
  Platform platform{field.device_machine.clock,
                    field.device_machine.keys,
                    field.device_machine.files,
                    field.device_machine.connectivity,
                    *field.http,
                    field.device_machine.log};
  const auto began = Clock::now();
  const SyncReport report = must(run_sync(platform, *field.db, {field.url(), {}, {}}), "sync");
  const double seconds = seconds_since(began);
  if (report.error || report.receipted != static_cast<int>(work.size())) give_up("sync over " + link.name);
  const auto bytes = static_cast<double>(report.sent_bytes + report.received_bytes);
  row(link.name + ", " + std::to_string(work.size()) + " visits", seconds,
      bytes * 8 / link.bits_per_s + 2 * link.round_trip_s, "s",
      "the line for " + std::to_string(static_cast<int>(bytes)) + " bytes and two round trips");
  row("  round trips", report.exchanges, 1, "", "one");
}

/// A thousand changed rows sealed into a statement, in a small and in a large database.
double seal_ms(std::int64_t rows) {
  const std::vector<MadeVisit> work = make_workload(1, 1);
  Field field(work);
  field.sync();
  const Bytes id = field.visits[0];
  VisitBook book(field.device_platform, *field.db);
  must(book.check_in(id, Place{1, 1, 1}, {}), "check in");
  field.sync();
  {
    auto fill = must(Transaction::begin(*field.db), "transaction");
    for (std::int64_t n = 1; n <= rows; ++n)
      must(
          field.db->execute("INSERT INTO note VALUES (?, 1, ?, NULL, '记录', NULL, 'B1', 1, 480, 1)", BytesView(id), n),
          "fill");
    must(fill.commit(), "fill");
  }
  must(record(*field.db,
              [&] {
                return field.db->execute("UPDATE note SET text = 'x' WHERE visit = ? AND n <= 1000", BytesView(id));
              }),
       "change");
  const auto began = Clock::now();
  must(seal(field.device_platform, *field.db), "seal");
  return seconds_since(began) * 1000;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t visits = 1'000;
  std::size_t links = 100;
  std::string workload;
  std::string json_file;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--visits") visits = std::stoul(argv[i + 1]);
    if (option == "--links") links = std::stoul(argv[i + 1]);
    if (option == "--workload") workload = argv[i + 1];
    if (option == "--phase") write_only = std::string_view(argv[i + 1]) == "write";
    if (option == "--rounds") rounds = std::max(1, std::stoi(argv[i + 1]));
    if (option == "--json") json_file = argv[i + 1];
  }
  const std::vector<MadeVisit> work =
      workload.empty() ? make_workload(visits, 20240901) : read_workload(workload, visits);
  if (work.empty()) give_up("no workload in " + workload);
  measure_main_job(work);
  if (!write_only) {
    const double small = seal_ms(10'000);
    const std::vector<MadeVisit> some(work.begin(),
                                      work.begin() + static_cast<std::ptrdiff_t>(std::min(work.size(), links)));
    if (!some.empty()) {
      measure_link({"64 kbit/s, 500 ms", 64'000, 0.5, 0}, some);
      measure_link({"23 kbit/s, 600 ms, 5 % lost", 23'000, 0.6, 0.05}, some);
    }
    row("seal 1,000 changed rows among a million", seal_ms(1'000'000), small, "ms", "among ten thousand");
  }

  std::printf("%-46s %12s %12s %8s  %s\n", "", "dudao", "baseline", "ratio", "baseline is");
  nlohmann::json out = nlohmann::json::array();
  for (const Line& line : lines) {
    std::printf("%-46s %12.6g %12.6g %8.2f  %s (%s)\n", line.name.c_str(), line.ours, line.baseline,
                line.ours / line.baseline, line.baseline_is.c_str(), line.unit.c_str());
    out.push_back({{"name", line.name},
                   {"dudao", line.ours},
                   {"baseline", line.baseline},
                   {"unit", line.unit},
                   {"baseline_is", line.baseline_is}});
  }
  if (!json_file.empty()) std::ofstream(json_file) << out.dump(2) << "\n";
  return 0;
}
