#include "tests/bench/baselines.hpp"

#include "sync/cbor.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <zstd.h>

namespace dudao::test {
namespace {

void run(sqlite3* db, const std::string& sql) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) give_up(sqlite3_errmsg(db));
}
void step(sqlite3* db, sqlite3_stmt* statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) give_up(sqlite3_errmsg(db));
  sqlite3_reset(statement);
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

Bytes frame_of(BytesView plain) {
  Bytes out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 19));
  return out;
}
Bytes unframed(BytesView frame) {
  Bytes out(ZSTD_getFrameContentSize(frame.data(), frame.size()));
  if (ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size()) != out.size()) give_up("frame");
  return out;
}

std::string json_lines(const std::vector<MadeVisit>& work) {
  std::string lines;
  for (const MadeVisit& visit : work) {
    nlohmann::json line = {{"lat", visit.lat_e7}, {"lon", visit.lon_e7}, {"note", visit.note}};
    for (const MadeAnswer& each : visit.answers)
      line["answers"].push_back({{"item", each.item}, {"value", each.value}, {"note", each.note}});
    for (const MadeFinding& each : visit.findings)
      line["findings"].push_back({{"item", each.item}, {"severity", each.severity}, {"text", each.text}});
    lines += line.dump() + "\n";
  }
  return lines;
}

}  // namespace

PlainAgent::PlainAgent(Database& agent, bool with_session) : agent_(agent), with_session_(with_session) {
  must(agent.copy_to(folder_ / "plain.db"), "copy");
  if (sqlite3_open((folder_ / "plain.db").c_str(), &db_) != SQLITE_OK) give_up("sqlite");
  run(db_,
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
      "CREATE TABLE changes_of_transaction (n INTEGER PRIMARY KEY, changes BLOB)");
  begin_ = prepared("BEGIN IMMEDIATE");
  commit_ = prepared("COMMIT");
  keep_ = prepared("INSERT INTO changes_of_transaction (changes) VALUES (?)");
}

PlainAgent::~PlainAgent() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

double PlainAgent::write_s() {
  const auto transactions = must(read(), "journal");
  const auto began = Steady::now();
  for (const auto& transaction : transactions) {
    const bool several = with_session_ || transaction.size() > 1;
    if (several) step(db_, begin_);
    sqlite3_session* session = nullptr;
    if (with_session_ && (sqlite3session_create(db_, "main", &session) != SQLITE_OK ||
                          sqlite3session_attach(session, nullptr) != SQLITE_OK))
      give_up("session");
    for (const auto& [statement, cells] : transaction) {
      int at = 0;
      for (const Value& cell : cells) bind(statement, ++at, cell);
      step(db_, statement);
    }
    if (with_session_) keep_changes(session);
    if (several) step(db_, commit_);
  }
  return seconds_since(began);
}

void PlainAgent::keep_changes(sqlite3_session* session) {
  int bytes = 0;
  void* changes = nullptr;
  if (sqlite3session_changeset(session, &bytes, &changes) != SQLITE_OK) give_up("changeset");
  sqlite3session_delete(session);
  sqlite3_bind_blob(keep_, 1, changes, bytes, sqlite3_free);
  step(db_, keep_);
}

sqlite3_stmt* PlainAgent::prepared(const std::string& sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (!statement && sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    give_up(sqlite3_errmsg(db_));
  return statement;
}

PlainAgent::Write PlainAgent::write_of(const RowChange& change) {
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

Result<std::vector<std::vector<PlainAgent::Write>>> PlainAgent::read() {
  std::vector<std::vector<Write>> out;
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

PlainOffice::PlainOffice(const std::string& office_db, Database& shapes) { must(read(office_db, shapes), "rows"); }

double PlainOffice::insert_s() const {
  const TempFolder folder;
  sqlite3* db = nullptr;
  if (sqlite3_open((folder / "plain.db").c_str(), &db) != SQLITE_OK) give_up("sqlite");
  // As sync/office/sqlite_store.cpp has it.
  run(db,
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
      "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000");
  std::vector<sqlite3_stmt*> inserts;
  for (const Shape& shape : shapes_) {
    run(db, shape.create);
    inserts.push_back(nullptr);
    if (sqlite3_prepare_v2(db, shape.insert.c_str(), -1, &inserts.back(), nullptr) != SQLITE_OK)
      give_up(sqlite3_errmsg(db));
  }
  const double taken_s = seconds_of([&] {
    for (const auto& transaction : transactions_) {
      run(db, "BEGIN");
      for (const auto& [shape, cells] : transaction) {
        sqlite3_stmt* insert = inserts[shape];
        int at = 0;
        for (const Value& cell : cells) bind(insert, ++at, cell);
        step(db, insert);
      }
      run(db, "COMMIT");
    }
  });
  for (sqlite3_stmt* insert : inserts) sqlite3_finalize(insert);
  sqlite3_close(db);
  return taken_s;
}

std::size_t PlainOffice::rows() const {
  std::size_t all = 0;
  for (const auto& transaction : transactions_) all += transaction.size();
  return all;
}

Status PlainOffice::read(const std::string& office_db, Database& shapes) {
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

namespace {

/// The visits in columns, one after the other: how many and how many findings each has, then the content.
Bytes columns_of(const std::vector<MadeVisit>& work) {
  CborWriter counts;
  CborWriter positions;
  CborWriter notes;
  CborWriter values;
  CborWriter remarks;
  CborWriter findings;
  CborWriter words;
  const MadeVisit* last = &work.front();
  const auto value = [](CborWriter& out, const std::string& text) {
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
      out.integer(std::stoll(text));
    else
      out.text(text);
  };
  counts.integer(static_cast<std::int64_t>(work.size()));
  // A column for each item: what stands in one is of one kind.
  for (std::size_t item = 0; item < work.front().answers.size(); ++item)
    for (const MadeVisit& visit : work) value(values, visit.answers.at(item).value);
  for (const MadeVisit& visit : work) {
    counts.integer(static_cast<std::int64_t>(visit.findings.size()));
    positions.integer(visit.lat_e7 - last->lat_e7);
    positions.integer(visit.lon_e7 - last->lon_e7);
    last = &visit;
    notes.text(visit.note);
    for (const MadeAnswer& answer : visit.answers) remarks.text(answer.note);
    for (const MadeFinding& finding : visit.findings) {
      findings.text(finding.item);
      findings.text(finding.severity);
      words.text(finding.text);
    }
  }
  // What differences are to.
  CborWriter origin;
  origin.integer(work.front().lat_e7);
  origin.integer(work.front().lon_e7);
  Bytes all;
  for (const CborWriter* column : {&counts, &origin, &positions, &values, &findings, &notes, &remarks, &words})
    append(all, column->written());
  return all;
}

/// An empty database that takes such columns.
class FloorOffice {
 public:
  FloorOffice() {
    if (sqlite3_open((folder_ / "floor.db").c_str(), &db_) != SQLITE_OK) give_up("sqlite");
    // As sync/office/sqlite_store.cpp has it.
    run(db_,
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
        "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000; "
        "CREATE TABLE visit (n INTEGER PRIMARY KEY, lat_e7, lon_e7, note); "
        "CREATE TABLE answer (visit, item, value, note, PRIMARY KEY (visit, item)) WITHOUT ROWID; "
        "CREATE TABLE finding (visit, n, item, severity, text, PRIMARY KEY (visit, n)) WITHOUT ROWID");
    for (const auto& [statement, sql] : {std::pair{&visit_, "INSERT INTO visit VALUES (?, ?, ?, ?)"},
                                         {&answer_, "INSERT INTO answer VALUES (?, ?, ?, ?)"},
                                         {&finding_, "INSERT INTO finding VALUES (?, ?, ?, ?, ?)"}})
      if (sqlite3_prepare_v2(db_, sql, -1, statement, nullptr) != SQLITE_OK) give_up(sqlite3_errmsg(db_));
  }
  ~FloorOffice() {
    for (sqlite3_stmt* each : {visit_, answer_, finding_}) sqlite3_finalize(each);
    sqlite3_close(db_);
  }
  FloorOffice(const FloorOffice&) = delete;
  FloorOffice& operator=(const FloorOffice&) = delete;

  /// One transaction, durable when it returns.
  void take(BytesView columns, std::size_t items) {
    CborReader in(columns);
    const auto integer = [&] { return must(in.integer(), "floor"); };
    const auto text = [&] { return std::string(must(in.text(), "floor")); };
    const auto visits = static_cast<std::size_t>(integer());
    std::vector<std::vector<Value>> rows(visits);
    std::vector<std::vector<std::vector<Value>>> answers(visits, std::vector<std::vector<Value>>(items));
    std::vector<std::vector<std::vector<Value>>> findings(visits);
    for (auto& of : findings) of.resize(static_cast<std::size_t>(integer()));
    std::int64_t lat_e7 = integer();
    std::int64_t lon_e7 = integer();
    for (std::size_t n = 0; n < visits; ++n) {
      lat_e7 += integer();
      lon_e7 += integer();
      rows[n] = {static_cast<std::int64_t>(n), lat_e7, lon_e7};
    }
    for (std::size_t item = 0; item < items; ++item)
      for (std::size_t n = 0; n < visits; ++n) {
        const bool score = must(in.peek(), "floor") == CborType::kInteger;
        answers[n][item] = {static_cast<std::int64_t>(n), static_cast<std::int64_t>(item),
                            score ? Value(integer()) : Value(text())};
      }
    for (std::size_t n = 0; n < visits; ++n)
      for (std::size_t i = 0; i < findings[n].size(); ++i) {
        Value item = text();
        findings[n][i] = {static_cast<std::int64_t>(n), static_cast<std::int64_t>(i), std::move(item), text()};
      }
    for (auto& row : rows) row.emplace_back(text());
    for (auto& of : answers)
      for (auto& row : of) row.push_back(text());
    for (auto& of : findings)
      for (auto& row : of) row.push_back(text());
    run(db_, "BEGIN");
    const auto insert = [&](sqlite3_stmt* statement, const std::vector<Value>& cells) {
      int at = 0;
      for (const Value& cell : cells) bind(statement, ++at, cell);
      step(db_, statement);
    };
    for (std::size_t n = 0; n < visits; ++n) {
      insert(visit_, rows[n]);
      for (const auto& row : answers[n]) insert(answer_, row);
      for (const auto& row : findings[n]) insert(finding_, row);
    }
    run(db_, "COMMIT");
  }

 private:
  const TempFolder folder_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt *visit_ = nullptr, *answer_ = nullptr, *finding_ = nullptr;
};

}  // namespace

std::size_t floor_bytes(const std::vector<MadeVisit>& work) { return frame_of(columns_of(work)).size(); }

Posted send_floor(const std::vector<MadeVisit>& work) {
  FloorOffice office;
  ListenerOptions options;
  options.handler_threads = 1;
  const auto server = must(Listener::start(options,
                                           [&](const Request& request) {
                                             office.take(unframed(request.body), work.front().answers.size());
                                             Response answer;
                                             answer.status = 204;
                                             return answer;
                                           }),
                           "server");
  const auto http = must(make_http_client({}), "http");
  const auto began = Steady::now();
  HttpRequest request;
  request.method = "POST";
  request.url = Field::url_at(server->port()) + "/floor";
  request.body = frame_of(columns_of(work));
  const HttpResponse answer = must(http->send(request), "floor");
  const double seconds = seconds_since(began);
  if (answer.status != 204) give_up("the floor was refused");
  server->stop();
  return {seconds, answer.sent_bytes + answer.received_bytes, 1};
}

std::size_t json_bytes(const std::vector<MadeVisit>& work) { return frame_of(view(json_lines(work))).size(); }

Posted post_as_open_rosa(const std::vector<MadeVisit>& work) {
  const TempFolder folder;
  sqlite3* db = nullptr;
  if (sqlite3_open((folder / "server.db").c_str(), &db) != SQLITE_OK) give_up("sqlite");
  run(db,
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE submission (n INTEGER PRIMARY KEY, body "
      "BLOB)");
  sqlite3_stmt* insert = nullptr;
  if (sqlite3_prepare_v2(db, "INSERT INTO submission (body) VALUES (?)", -1, &insert, nullptr) != SQLITE_OK)
    give_up(sqlite3_errmsg(db));
  ListenerOptions options;
  options.handler_threads = 1;
  const auto server = must(Listener::start(options,
                                           [&](const Request& request) {
                                             Response answer;
                                             answer.status = 204;
                                             if (request.method != "POST") return answer;
                                             sqlite3_bind_blob(insert, 1, request.body.data(),
                                                               static_cast<int>(request.body.size()), SQLITE_STATIC);
                                             step(db, insert);
                                             answer.status = 201;
                                             answer.body = to_bytes(
                                                 view("<OpenRosaResponse xmlns=\"http://openrosa.org/http/response\">"
                                                      "<message>ok</message></OpenRosaResponse>"));
                                             return answer;
                                           }),
                           "server");
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
    return out;
  };
  const auto element = [&](const std::string& name, const std::string& text) {
    return "<" + name + ">" + escaped(text) + "</" + name + ">";
  };
  const auto http = must(make_http_client({}), "http");
  Posted out;
  const auto began = Steady::now();
  const auto send = [&](const std::string& method, const std::string& body) {
    HttpRequest request;
    request.method = method;
    request.url = Field::url_at(server->port()) + "/submission";
    request.headers = {{"content-type", "multipart/form-data; boundary=----form"}, {"x-openrosa-version", "1.0"}};
    request.body = to_bytes(view(body));
    const HttpResponse answer = must(http->send(request), "submission");
    if (answer.status != 201 && answer.status != 204) give_up("submission refused");
    out.bytes += answer.sent_bytes + answer.received_bytes;
    ++out.round_trips;
  };
  send("HEAD", "");
  for (std::size_t n = 0; n < work.size(); ++n) {
    std::string xml = "<?xml version='1.0'?><data id=\"workload\" version=\"1\"><meta>" +
                      element("instanceID", "uuid:00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + n)) +
                      "</meta>" +
                      element("place", std::to_string(work[n].lat_e7) + " " + std::to_string(work[n].lon_e7) + " 0 8") +
                      element("note", work[n].note);
    for (const MadeAnswer& answer : work[n].answers) {
      xml += element(answer.item, answer.value);
      if (!answer.note.empty()) xml += element(answer.item + "_note", answer.note);
    }
    for (const MadeFinding& finding : work[n].findings)
      xml += "<finding>" + element("item", finding.item) + element("severity", finding.severity) +
             element("text", finding.text) + "</finding>";
    send("POST",
         "------form\r\nContent-Disposition: form-data; name=\"xml_submission_file\"; filename=\"visit.xml\"\r\n"
         "Content-Type: text/xml\r\n\r\n" +
             xml + "</data>\r\n------form--\r\n");
  }
  out.seconds = seconds_since(began);
  server->stop();
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return out;
}

Replicated replicate_by_pouchdb(const std::vector<MadeVisit>& work, const std::string& script) {
  const TempFolder folder;
  std::ofstream(folder / "visits.jsonl") << json_lines(work);
  FILE* const child = popen(("node '" + script + "' '" + (folder / "visits.jsonl") + "'").c_str(), "r");
  std::string printed;
  for (int c = 0; child && (c = std::fgetc(child)) != EOF;) printed.push_back(static_cast<char>(c));
  const auto found = nlohmann::json::parse(printed, nullptr, false);
  if (!child || pclose(child) != 0 || found.is_discarded()) give_up("PouchDB: " + script);
  const auto phase = [&](const char* name) {
    const auto& of = found.at(name);
    return Posted{of.at("seconds"), of.at("bytes"), of.at("requests")};
  };
  return {phase("write"), phase("sync"), phase("nothing"), phase("edit"), found.at("memory_kib").get<double>() / 1024};
}

}  // namespace dudao::test
