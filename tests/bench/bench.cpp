/// Times and bytes of the main job, each figure beside its baseline in the same run. Machines are noisy: believe the
/// ratios, not the seconds.

#include "platform/desktop/key_store.hpp"
#include "sync/compress.hpp"
#include "sync/pack.hpp"
#include "tests/bench/baselines.hpp"
#include "tests/bench/field.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/pacing_proxy.hpp"
#include "tests/bench/small.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include <CLI/CLI.hpp>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;

namespace {

/// Of statements before compression that a device sends in one request at most, as agent/sync_job.cpp has it.
constexpr std::size_t kLargestBudget_bytes = 1U << 20U;

struct Options {
  std::size_t visits = 1'000;
  std::size_t link_visits = 100;
  std::size_t opened_visits = 5'000;
  int rounds = 3;
  std::string workload, pouchdb, without_pouchdb = "--pouchdb was not given", json, picture, phase = "all", program;
};

Figures figures;

Figure beside(std::string name, std::string unit, double ours, std::string baseline_is, double baseline) {
  Figure out;
  out.name = std::move(name);
  out.unit = std::move(unit);
  out.ours = ours;
  out.baseline_is = std::move(baseline_is);
  out.baseline = baseline;
  return out;
}
Figure alone(std::string name, std::string unit, double ours, double goal) {
  Figure out;
  out.name = std::move(name);
  out.unit = std::move(unit);
  out.ours = ours;
  out.goal = Figure::Goal{goal, false};
  return out;
}
Figure with_goal(Figure figure, double value, bool of_ratio = false) {
  figure.goal = Figure::Goal{value, of_ratio};
  return figure;
}

/// A part of what stands in the figure above, beside the whole.
Figure part(std::string name, std::string unit, double ours, std::string whole_is, double whole) {
  return beside("    of it: " + std::move(name), std::move(unit), ours, std::move(whole_is), whole);
}
Figure missing(std::string name, std::string why) {
  Figure out;
  out.name = std::move(name);
  out.not_measured = std::move(why);
  return out;
}

/// What each round gives, its median in the end.
template <class Measure>
double median_of(int rounds, const Measure& measure) {
  std::vector<double> all;
  for (int round = 0; round < rounds; ++round) all.push_back(static_cast<double>(measure()));
  return median(std::move(all));
}

std::uint64_t wire_bytes(const SyncReport& report) { return report.sent_bytes + report.received_bytes; }

/// The write phase, some visits at a time: first as they are tapped, then SQLite alone with the same rows, so that what
/// else the machine does falls on all. Medians, taken for the whole; some visits fill the log more than once.
/// Returns the seconds.
double measure_write(Field& field, VisitBook& book, const std::vector<MadeVisit>& work) {
  const std::size_t parts = std::max(std::min<std::size_t>(3, work.size()), work.size() / 20);
  PlainAgent plain(*field.db, false);
  PlainAgent with_session(*field.db, true);
  std::vector<double> taps;
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> theirs_with_session;
  int steps = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto began = Steady::now();
    for (std::size_t i = part * work.size() / parts; i < (part + 1) * work.size() / parts; ++i)
      steps += record_visit(book, field.visits[i], work[i], &taps);
    ours.push_back(seconds_since(began));
    theirs.push_back(plain.write_s());
    theirs_with_session.push_back(with_session.write_s());
  }
  const auto whole = [&](const std::vector<double>& some) { return median(some) * static_cast<double>(parts); };
  std::cout << steps << " durable steps in " << work.size() << " visits" << std::endl;
  figures.add(with_goal(beside("write, each tap its own durable transaction", "s", whole(ours),
                               "SQLite, the same rows and transactions", whole(theirs)),
                        1.5, true));
  figures.add(beside("  the same", "s", whole(ours), "SQLite that notes what changes (session extension)",
                     whole(theirs_with_session)));
  figures.add(with_goal(
      beside("  slowest tap of a hundred", "ms", percentile(taps, 0.99) * 1000, "the median tap", median(taps) * 1000),
      50));
  return whole(ours);
}

std::vector<Bytes> sealed_statements(Database& db) {
  std::vector<Bytes> out;
  auto q = must(db.query("SELECT bytes FROM outbox ORDER BY seq"), "outbox");
  while (must(q.step(), "outbox")) out.push_back(to_bytes(q.blob(0)));
  return out;
}

/// This thread, and those that it starts, on one core until the end of it. Where two run beside each other they often
/// share a core's parts and slow each other down; only what ran alone can be added up.
class OneCore {
 public:
  OneCore() {
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) give_up("sched_getaffinity");
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &before_)) CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) give_up("sched_setaffinity");
  }
  ~OneCore() { sched_setaffinity(0, sizeof before_, &before_); }
  OneCore(const OneCore&) = delete;
  OneCore& operator=(const OneCore&) = delete;

 private:
  cpu_set_t before_;
};

/// What came over the wire, given again to a copy of the office as it was before.
double give_to_office_s(Field& field, const std::string& copy, std::size_t visits) {
  std::filesystem::copy_file(field.kept_office_path(), copy);
  const auto office = must(Office::open(field.office_platform, {copy, "bench.dudao/office"}), "office");
  Request request;
  request.method = "POST";
  request.path = kSyncPath;
  const double spent_s = seconds_of([&] {
    for (const Bytes& body : field.requests) {
      request.body = body;
      if (office->handle(request).status != 200) give_up("the office refused a sync that it took before");
    }
  });
  if (office->counters().registered != visits) give_up("not a change set a visit");
  return spent_s;
}

/// How long the office takes for all visits on one core, and for the parts of it that can be done alone.
struct OfficeWork {
  std::vector<double> all_s, plain_s, unpacking_s, signature_s, reading_s;

  void measure(Field& field, const PlainOffice& plain, std::size_t visits) {
    const OneCore one_core;
    const TempFolder folder;
    all_s.push_back(give_to_office_s(field, folder / "office.db", visits));
    plain_s.push_back(plain.insert_s());
    const std::int64_t device = must(author(*field.db), "author").device;
    const PublicKey key = must(field.device_platform.keys.public_key(kDeviceKeyName), "key");
    const auto take = [](std::vector<double>& into, const auto& work) { into.push_back(seconds_of(work)); };
    take(unpacking_s, [&] {
      for (const Bytes& body : field.requests) {
        const Bytes bytes = must(decompress(body, kMaxSyncPlainBytes), "body");
        const std::size_t request_bytes = must(CborReader(bytes).item(), "request").size();
        must(unpack_statements(BytesView(bytes).subspan(request_bytes), device, key, kMaxStatementsPerRequest,
                               kMaxSyncPlainBytes),
             "pack");
      }
    });
    const std::vector<Bytes> statements = sealed_statements(*field.db);
    std::vector<Statement> parsed;
    take(signature_s, [&] {
      for (const Bytes& bytes : statements)
        must(verify_statement(parsed.emplace_back(must(parse_statement(bytes), "statement")), key), "signature");
    });
    take(reading_s, [&] {
      for (const Statement& statement : parsed) must(read_change_set(statement.payload), "change set");
    });
  }

  void tell(double visits, double passed_us) const {
    const auto us = [&](const std::vector<double>& some_s) { return median(some_s) * 1e6 / visits; };
    const double one_core_us = us(all_s);
    const double plain_us = us(plain_s);
    const std::string whole = "all of it";
    figures.add(beside("  a visit on one core", "µs", one_core_us, "on all of this machine", passed_us));
    figures.add(part("its signature", "µs", us(signature_s), whole, one_core_us));
    figures.add(part("unpacking", "µs", us(unpacking_s), whole, one_core_us));
    figures.add(part("reading what it changes", "µs", us(reading_s), whole, one_core_us));
    figures.add(part("SQLite alone", "µs", plain_us, whole, one_core_us));
    const double in_turn_us = one_core_us - us(signature_s) - us(unpacking_s) - us(reading_s);
    figures.add(part("rules, merging, the log and the rest", "µs", in_turn_us - plain_us, whole, one_core_us));
    // What can be done by other cores is; rows and rules go one after the other.
    for (const unsigned cores : {std::max(1U, std::thread::hardware_concurrency()), 64U})
      figures.add(beside("  the most that " + std::to_string(cores) + " cores allow", "/s",
                         1e6 / std::max(in_turn_us, one_core_us / cores), "SQLite, the same rows", 1e6 / plain_us));
  }
};

/// The office alone, and the rows that come of what it is given to SQLite alone.
void measure_office(Field& field, std::size_t visits, int rounds) {
  std::vector<double> ours_s;
  std::vector<double> theirs_s;
  OfficeWork work;
  for (int round = 0; round < rounds; ++round) {
    const TempFolder folder;
    const std::string copy = folder / "office.db";
    ours_s.push_back(give_to_office_s(field, copy, visits));
    const PlainOffice plain(copy, *field.db);
    theirs_s.push_back(plain.insert_s());
    work.measure(field, plain, visits);
    if (round == 0)
      std::cout << visits << " change sets, " << plain.rows() << " rows in " << plain.transactions() << " transactions"
                << std::endl;
  }
  const auto count = static_cast<double>(visits);
  Figure figure = with_goal(beside("office: change sets a second", "/s", count / median(ours_s),
                                   "SQLite, the same rows and transactions", count / median(theirs_s)),
                            0.7, true);
  figure.more_is_better = true;
  figures.add(figure);
  work.tell(count, median(ours_s) * 1e6 / count);
}

/// Becomes, in a process of its own, the device whose folder this is: what the agent needs and no more.
int sync_as_device(const std::string& folder, const std::string& url) {
  FakePlatform machine;
  std::ifstream file(folder + "/device.secret", std::ios::binary);
  const Bytes secret(std::istreambuf_iterator<char>(file), {});
  machine.keys.put(kDeviceKeyName, must(PrivateKey::from_secret(Algorithm::kEd25519, secret), "key"));
  const auto http = must(make_http_client({}), "http");
  Platform platform{machine.clock, machine.keys, machine.files, machine.connectivity, *http, machine.log};
  const auto db = must(open_database(folder + "/agent.db", Database::Mode::kOpen, DatabaseKind::kDevice), "database");
  const SyncReport report = must(run_sync(platform, *db, {url, {}, {}}), "sync");
  if (report.error || report.waiting > 0) give_up("sync");
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) std::cout << line.substr(6) << std::endl;
  return 0;
}

/// Most that a process had in memory that opened the agent's database and sent everything, in MiB.
double sync_memory_mib(Field& field, const std::string& program) {
  field.again();
  {
    std::ofstream secret(field.folder / "device.secret", std::ios::binary);
    const std::string_view bytes = text(field.device_secret);
    secret.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  field.db.reset();
  const std::string command = "'" + program + "' --as-device '" + field.folder.path() + "' --url '" + field.url() + "'";
  FILE* child = popen(command.c_str(), "r");
  long kib = 0;
  if (!child || std::fscanf(child, "%ld", &kib) != 1 || pclose(child) != 0) give_up("the device's own process");
  return static_cast<double>(kib) / 1024;
}

/// Runs a program and returns the most memory that it had, in MiB, as the kernel counts it until the process ends: what
/// it tells afterwards would count this program's own memory, too, of which the process was a copy at first.
double peak_mib(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& each : command) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    if (!std::freopen("/dev/null", "w", stdout)) _exit(127);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  double most_kib = 0;
  int ended = 0;
  while (waitpid(child, &ended, WNOHANG) == 0) {
    std::error_code ignored;
    const bool started = std::filesystem::equivalent("/proc/" + std::to_string(child) + "/exe", command[0], ignored);
    std::ifstream status("/proc/" + std::to_string(child) + "/status");
    for (std::string line; started && std::getline(status, line);)
      if (line.starts_with("VmHWM:")) most_kib = std::max(most_kib, std::stod(line.substr(6)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (ended != 0) give_up(command[0]);
  return most_kib / 1024;
}

std::string dudao_beside(const std::string& program) { return std::filesystem::path(program).parent_path() / "dudao"; }

/// The real program in a folder of its own with everything still to send, its key in a file that scrypt opens.
void measure_program(const std::vector<MadeVisit>& work, const Options& options) {
  const TempFolder home;
  KeyStoreOptions keys;
  keys.folder = home / "keys";
  keys.data_folder = home / "data";
  keys.machine_secret_file = home / "machine-secret";
  const auto store = must(DesktopKeyStore::open(keys), "key store");
  std::filesystem::create_directory(keys.data_folder);
  Field field(work, store.get());
  field.sync();
  {
    VisitBook book(field.device_platform, *field.db);
    for (std::size_t i = 0; i < work.size(); ++i) record_visit(book, field.visits[i], work[i], nullptr);
  }
  field.keep();
  const std::string dudao = dudao_beside(options.program);
  const std::string database = keys.data_folder + "/agent.db";
  const double most_mib = median_of(options.rounds, [&] {
    field.again();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(database + end);
    std::filesystem::copy_file(field.kept_agent_path(), database);
    peak_mib({dudao, "--home", home.path(), "office", "set", field.url()});
    const double mib = peak_mib({dudao, "--home", home.path(), "sync", "run"});
    if (field.office->counters().registered != work.size()) give_up("dudao did not send everything");
    return mib;
  });
  figures.add(alone("dudao, the program, with its key file: the same", "MiB", most_mib, 30));
}

/// Takes apart the seals of what waits and seals it anew, as many whole visits in a statement as fit into one. Returns
/// how many statements come of it.
int seal_as_few(Field& field) {
  constexpr std::int64_t kOutOfTheWay = 1'000'000;
  constexpr std::size_t kAroundPayload_bytes = 200;
  Database& db = *field.db;
  {
    auto first = must(db.query("SELECT bytes FROM outbox WHERE log_index IS NULL ORDER BY seq"), "outbox");
    if (!must(first.step(), "outbox")) give_up("nothing waits");
    const Bytes bytes = to_bytes(first.blob(0));
    const ChainLink link = must(read_chain_link(must(parse_statement(bytes), "statement").payload), "chain");
    const auto before = static_cast<std::int64_t>(link.seq) - 1;
    must(db.execute("UPDATE journal SET sealed_in = sealed_in + ? WHERE sealed_in > ?", kOutOfTheWay, before),
         "journal");
    must(put_setting(db, "chain_seq", before), "chain");
    must(put_setting(db, "chain_head", BytesView(link.prev)), "chain");
  }
  must(db.execute("DELETE FROM outbox WHERE log_index IS NULL"), "outbox");
  std::vector<std::pair<std::int64_t, std::int64_t>> steps;  // first and last of each visit
  {
    auto q = must(db.query("SELECT min(n), max(n) FROM journal WHERE sealed_in >= ? GROUP BY sealed_in ORDER BY 1"),
                  "journal");
    q.bind(kOutOfTheWay);
    while (must(q.step(), "journal")) steps.emplace_back(q.integer(0), q.integer(1));
  }
  const auto set = [&](std::size_t visit, const ValueView& sealed_in) {
    must(db.execute("UPDATE journal SET sealed_in = ? WHERE n BETWEEN ? AND ?", sealed_in, steps[visit].first,
                    steps[visit].second),
         "journal");
  };
  const auto fits = [&] {
    const ChangesBuilder rows = must(unsealed_changes(db), "changes");
    ChangeSet change_set;
    change_set.changes = rows.changes();
    return write_change_set(change_set).size() + kAroundPayload_bytes <= kMaxStatementBytes;
  };
  int statements = 0;
  std::size_t taken = 0;
  std::size_t usual = 1;
  while (taken < steps.size()) {
    std::size_t next = taken;
    for (; next < std::min(taken + usual, steps.size()); ++next) set(next, {});
    while (next < steps.size() && fits()) set(next++, {});
    while (!fits()) set(--next, kOutOfTheWay);
    usual = next - taken;
    taken = next;
    if (must(seal(field.device_platform, db), "seal") != 1) give_up("more than one statement");
    ++statements;
  }
  return statements;
}

/// Medians of some rounds; nothing where PouchDB is not there.
std::optional<Replicated> replicate_by_pouchdb(const std::vector<MadeVisit>& work, const Options& options) {
  if (options.pouchdb.empty()) return std::nullopt;
  std::vector<Replicated> rounds;
  for (int round = 0; round < options.rounds; ++round) rounds.push_back(replicate_by_pouchdb(work, options.pouchdb));
  const auto of = [&](const auto& figure) {
    std::vector<double> all;
    for (const Replicated& each : rounds) all.push_back(static_cast<double>(figure(each)));
    return median(all);
  };
  const auto phase = [&](Posted Replicated::*of_phase) {
    return Posted{of([&](const Replicated& r) { return (r.*of_phase).seconds; }),
                  static_cast<std::uint64_t>(of([&](const Replicated& r) { return (r.*of_phase).bytes; })),
                  static_cast<int>(of([&](const Replicated& r) { return (r.*of_phase).round_trips; }))};
  };
  return Replicated{phase(&Replicated::write), phase(&Replicated::sync), phase(&Replicated::nothing),
                    phase(&Replicated::edit), of([](const Replicated& r) { return r.memory_mib; })};
}

/// Sends everything, some times from the same beginning: seconds, bytes and round trips.
void measure_sync(Field& field, const std::vector<MadeVisit>& work, const Options& options,
                  const std::optional<Replicated>& pouchdb, const std::string& pouchdb_is) {
  std::vector<double> seconds;
  std::vector<double> office_s;
  std::vector<double> wire;
  std::vector<double> floor_s;
  std::vector<double> posted_s;
  Posted floor;
  Posted posted;
  SyncReport up;
  for (int round = 0; round < options.rounds; ++round) {
    field.again();
    const auto began = Steady::now();
    up = field.sync();
    seconds.push_back(seconds_since(began));
    office_s.push_back(field.handled_s);
    wire.push_back(static_cast<double>(wire_bytes(up)));
    floor = send_floor(work);
    floor_s.push_back(floor.seconds);
    posted = post_as_open_rosa(work);
    posted_s.push_back(posted.seconds);
  }
  const double sync_s = median(seconds);
  const double bytes = median(wire);
  const std::string sync = "sync on loopback, receipted and durable";
  const std::string floor_is = "the floor: columns in one zstd frame, unsigned";
  figures.add(with_goal(beside(sync, "s", sync_s, floor_is + ", sent and inserted", median(floor_s)), 0.5, true));
  // The goal's 1.55 s were taken by a prototype for a thousand visits.
  figures.add(
      with_goal(beside("  the same", "s", sync_s, "OpenRosa's way: an XML form a POST, unsigned", median(posted_s)),
                1.55 / 2 * static_cast<double>(work.size()) / 1'000));
  figures.add(part("the office", "s", median(office_s), sync, sync_s));
  const std::vector<Bytes> statements = sealed_statements(*field.db);
  const std::int64_t device = must(author(*field.db), "author").device;
  const PublicKey key = must(field.device_platform.keys.public_key(kDeviceKeyName), "key");
  const double packing_s = median_of(options.rounds, [&] {
    const auto began = Steady::now();
    compress(pack_statements(statements, device, key), Effort::kThorough);
    return seconds_since(began);
  });
  figures.add(part("packing and compressing, all at once", "s", packing_s, sync, sync_s));

  figures.add(with_goal(beside("bytes both ways, HTTP and receipts with it", "B", bytes, floor_is,
                               static_cast<double>(floor_bytes(work))),
                        1.25, true));
  figures.add(beside("  the same", "B", bytes, "JSON lines in one zstd frame, unsigned",
                     static_cast<double>(json_bytes(work))));
  figures.add(beside("  the same", "B", bytes, "OpenRosa's way", static_cast<double>(posted.bytes)));
  std::size_t plain_bytes = 0;
  for (const Bytes& each : statements) plain_bytes += each.size();
  figures.add(with_goal(beside("  round trips", "", up.exchanges, "OpenRosa's way", posted.round_trips),
                        1 + std::ceil(static_cast<double>(plain_bytes) / static_cast<double>(kLargestBudget_bytes))));
  if (!pouchdb) return;
  figures.add(beside("sync on loopback: bytes", "B", bytes, pouchdb_is, static_cast<double>(pouchdb->sync.bytes)));
  figures.add(beside("  seconds", "s", sync_s, pouchdb_is, pouchdb->sync.seconds));
  figures.add(beside("  round trips", "", up.exchanges, pouchdb_is, pouchdb->sync.round_trips));
}

/// What a device asks for all day: nothing new, one answer, one visit.
void measure_trifles(Field& field, const std::vector<MadeVisit>& work, const Options& options,
                     const std::optional<Replicated>& pouchdb, const std::string& pouchdb_is) {
  struct Trifle {
    std::vector<double> bytes, round_trips;
    void add(const SyncReport& report) {
      bytes.push_back(static_cast<double>(wire_bytes(report)));
      round_trips.push_back(report.exchanges);
    }
  };
  Trifle nothing;
  Trifle edit;
  Trifle visit;
  VisitBook book(field.device_platform, *field.db);
  const MadeAnswer first = work[0].answers[0];
  for (int round = 0; round < options.rounds; ++round) {
    nothing.add(field.sync());
    field.plan(2);
    field.sync();
    const Bytes& edited = field.visits[field.visits.size() - 2];
    must(book.check_in(edited, Place{1, 1, 1}, {}), "check in");
    must(book.answer(edited, first.item, answer_of(first), {}), "answer");
    field.sync();
    const bool score = first.value.find_first_not_of("0123456789") == std::string::npos;
    const MadeAnswer other{
        first.item, score ? (first.value == "50" ? "51" : "50") : (first.value == "A" ? "B" : "A"), {}};
    must(book.answer(edited, other.item, answer_of(other), {}), "answer");
    edit.add(field.sync());
    record_visit(book, field.visits.back(), work[static_cast<std::size_t>(round) % work.size()], nullptr);
    visit.add(field.sync());
  }
  figures.add(alone("nothing new: bytes", "B", median(nothing.bytes), 600));
  figures.add(alone("  round trips", "", median(nothing.round_trips), 1));
  if (pouchdb)
    figures.add(beside("  bytes", "B", median(nothing.bytes), pouchdb_is, static_cast<double>(pouchdb->nothing.bytes)));
  figures.add(alone("one answer edited: bytes", "B", median(edit.bytes), 900));
  figures.add(alone("  round trips", "", median(edit.round_trips), 1));
  if (pouchdb) {
    figures.add(beside("  bytes", "B", median(edit.bytes), pouchdb_is, static_cast<double>(pouchdb->edit.bytes)));
    figures.add(beside("  round trips", "", median(edit.round_trips), pouchdb_is, pouchdb->edit.round_trips));
  }
  figures.add(beside("one visit: bytes", "B", median(visit.bytes), "the floor of one",
                     static_cast<double>(floor_bytes({work[0]}))));
  figures.add(alone("  round trips", "", median(visit.round_trips), 1));
}

void measure_main_job(const std::vector<MadeVisit>& work, const Options& options) {
  Field field(work);
  field.sync();  // the tasks
  const std::string pouchdb_is = "PouchDB, a document a visit, unsigned";
  double write_s = 0;
  {
    VisitBook book(field.device_platform, *field.db);
    write_s = measure_write(field, book, work);
  }
  if (options.phase == "write") return;
  if (options.phase == "office") {
    field.keep();
    field.again();
    field.sync();
    measure_office(field, work.size(), options.rounds);
    return;
  }
  const std::optional<Replicated> pouchdb = replicate_by_pouchdb(work, options);
  if (pouchdb)
    figures.add(beside("write, as above", "s", write_s, pouchdb_is + ", not durable", pouchdb->write.seconds));
  else
    figures.add(missing(pouchdb_is, "not run: " + options.without_pouchdb));
  field.keep();

  measure_sync(field, work, options, pouchdb, pouchdb_is);
  measure_office(field, work.size(), options.rounds);
  measure_trifles(field, work, options, pouchdb, pouchdb_is);

  const double memory_mib = median_of(options.rounds, [&] { return sync_memory_mib(field, options.program); });
  figures.add(alone("device's memory while it sends all", "MiB", memory_mib, 30));
  if (pouchdb) figures.add(beside("  the same", "MiB", memory_mib, pouchdb_is, pouchdb->memory_mib));

  field.again();
  const int statements = seal_as_few(field);
  const std::string floor_is = "the floor: columns in one zstd frame, unsigned";
  const auto floor = static_cast<double>(floor_bytes(work));
  const std::vector<Bytes> few = sealed_statements(*field.db);
  const Bytes body = compress(pack_statements(few, must(author(*field.db), "author").device,
                                              must(field.device_platform.keys.public_key(kDeviceKeyName), "key")),
                              Effort::kThorough);
  figures.add(with_goal(beside("bytes both ways, sealed as " + std::to_string(statements) + " statements, the fewest",
                               "B", static_cast<double>(wire_bytes(field.sync())), floor_is, floor),
                        1.1, true));
  figures.add(with_goal(beside("  the same in one body, without HTTP and receipts", "B",
                               static_cast<double>(body.size()), floor_is, floor),
                        1.1, true));
}

/// A fake clock's time of day, so that office and device agree on it, with real durations: a device learns from them
/// how fast its line is.
class RunningClock final : public Clock {
 public:
  explicit RunningClock(Clock& fake) : fake_(fake) {}
  std::int64_t wall_utc_ms() override { return fake_.wall_utc_ms(); }
  int utc_offset_min() override { return fake_.utc_offset_min(); }
  std::string boot_id() override { return fake_.boot_id(); }
  std::int64_t boot_ms() override { return static_cast<std::int64_t>(seconds_since(began_) * 1000); }

 private:
  Clock& fake_;
  Steady::time_point began_ = Steady::now();
};

/// Visits that are recorded and still to send, for a line of the country.
class SlowLine {
 public:
  explicit SlowLine(const std::vector<MadeVisit>& work) : visits_(work.size()), field_(work) {
    field_.sync();
    {
      VisitBook book(field_.device_platform, *field_.db);
      for (std::size_t i = 0; i < work.size(); ++i) record_visit(book, field_.visits[i], work[i], nullptr);
    }
    field_.keep();
  }

  struct Run {
    double seconds = 0;
    double longest_exchange_s = 0;
    std::vector<double> lost_s;  ///< by each cut: of the exchange that it broke
    std::uint64_t bytes = 0;     ///< of what came through
  };
  /// Sends everything; a run that is cut is followed by another at once. seed: of when the line is cut, or nothing for
  /// one that holds.
  Run run(const Link& link, std::optional<unsigned> seed) {
    field_.again();
    PacingProxy line(field_.listener->port(), link);
    const auto http = must(make_http_client({}), "http");
    RunningClock clock(field_.device_machine.clock);
    Platform platform{
        clock, field_.device_machine.keys, field_.device_machine.files, field_.device_machine.connectivity,
        *http, field_.device_machine.log};
    std::jthread cutter;
    if (seed) cutter = std::jthread([&line, seed](const std::stop_token& stop) { cut_at_random(line, *seed, stop); });
    Run out;
    const auto began = Steady::now();
    auto exchange_began = began;
    const auto progress = [&](const SyncReport&) {
      out.longest_exchange_s = std::max(out.longest_exchange_s, seconds_since(exchange_began));
      exchange_began = Steady::now();
    };
    for (bool done = false; !done;) {
      exchange_began = Steady::now();
      const SyncReport report =
          must(run_sync(platform, *field_.db, {Field::url_at(line.port()), {}, progress}), "sync");
      done = !report.error;
      if (!done && (!seed || !report.error->retryable())) give_up("sync over " + link.name + report.error->message());
      if (!done) out.lost_s.push_back(seconds_since(exchange_began));
      out.bytes += wire_bytes(report);
      if (done && report.waiting > 0) give_up("something still waits");
    }
    out.seconds = seconds_since(began);
    return out;
  }
  std::size_t visits() const { return visits_; }

 private:
  static void cut_at_random(PacingProxy& line, unsigned seed, const std::stop_token& stop) {
    std::mt19937 chance(seed);
    std::uniform_real_distribution<double> pause_s(1, 8);
    for (auto next = Steady::now();;) {
      next += std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(pause_s(chance)));
      for (; Steady::now() < next; std::this_thread::sleep_for(std::chrono::milliseconds(5)))
        if (stop.stop_requested()) return;
      line.cut();
    }
  }

  std::size_t visits_;
  Field field_;
};

/// Beside what the line itself takes for as many bytes and two round trips.
void measure_link(SlowLine& some, const Link& link, int rounds) {
  std::vector<double> seconds;
  std::vector<double> longest_s;
  std::vector<double> bytes;
  for (int round = 0; round < rounds; ++round) {
    const SlowLine::Run run = some.run(link, std::nullopt);
    seconds.push_back(run.seconds);
    longest_s.push_back(run.longest_exchange_s);
    bytes.push_back(static_cast<double>(run.bytes));
  }
  const auto all = static_cast<std::uint64_t>(median(bytes));
  figures.add(with_goal(beside(link.name + ": " + std::to_string(some.visits()) + " visits", "s", median(seconds),
                               "the line for " + std::to_string(all) + " bytes and two round trips",
                               static_cast<double>(all) * 8 / link.bits_per_s + 2 * link.round_trip_s),
                        1.25, true));
  figures.add(alone("  longest exchange: what a cut loses at most", "s", median(longest_s), 10));
}

/// The same over a line that is cut at random times, from 1 to 8 seconds after one another, each round at others.
void measure_cuts(SlowLine& some, const Link& link, int rounds) {
  std::vector<double> seconds;
  std::vector<double> uncut_s;
  std::vector<double> lost_s;
  for (int round = 0; round < rounds; ++round) {
    const SlowLine::Run run = some.run(link, static_cast<unsigned>(round) + 1);
    seconds.push_back(run.seconds);
    lost_s.insert(lost_s.end(), run.lost_s.begin(), run.lost_s.end());
    uncut_s.push_back(some.run(link, std::nullopt).seconds);
  }
  const std::string name = link.name + ", cut at random: " + std::to_string(some.visits()) + " visits";
  figures.add(beside(name, "s", median(seconds), "the same line uncut", median(uncut_s)));
  if (lost_s.empty()) {
    figures.add(missing("  the most that a cut lost", "not measured: all was sent before the first cut"));
    return;
  }
  figures.add(with_goal(beside("  the most that one of " + std::to_string(lost_s.size()) + " cuts lost", "s",
                               percentile(lost_s, 1), "the median cut", median(lost_s)),
                        10));
  double repeated_s = 0;
  for (std::size_t round = 0; round < seconds.size(); ++round) repeated_s += seconds[round] - uncut_s[round];
  figures.add(
      alone("  time that a cut costs in all, on average", "s", repeated_s / static_cast<double>(lost_s.size()), 10));
}

/// A thousand changed rows sealed into a statement, in a small and in a large database.
double seal_ms(std::int64_t rows, int rounds) {
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
  std::int64_t round = 0;
  return median_of(rounds, [&] {
    must(record(*field.db,
                [&] {
                  return field.db->execute("UPDATE note SET text = ? WHERE visit = ? AND n <= 1000", ++round,
                                           BytesView(id));
                }),
         "change");
    const auto began = Steady::now();
    must(seal(field.device_platform, *field.db), "seal");
    return seconds_since(began) * 1000;
  });
}

/// From nothing to the list of visits that an inspector sees first.
double open_ms(std::size_t visits, int rounds) {
  const std::vector<MadeVisit> work = make_workload(1, 1);
  Field field(work);
  field.plan(visits);
  field.sync();
  field.db.reset();
  return median_of(rounds, [&] {
    const auto began = Steady::now();
    const auto db = must(open_database(field.agent_path(), Database::Mode::kOpen, DatabaseKind::kDevice), "open");
    auto list =
        must(db->query("SELECT id, school, state, from_day, to_day FROM visit ORDER BY from_day LIMIT 50"), "list");
    while (must(list.step(), "list")) {
    }
    return seconds_since(began) * 1000;
  });
}

/// The shell program without symbols, in MiB.
double stripped_mib(const std::string& program) {
  const TempFolder folder;
  const std::string to = folder / "dudao";
  const std::string from = dudao_beside(program);
  if (std::system(("strip -o '" + to + "' '" + from + "'").c_str()) != 0) give_up("strip " + from);
  return static_cast<double>(std::filesystem::file_size(to)) / 1048576;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.program = std::filesystem::canonical("/proc/self/exe");
  std::string device_folder;
  std::string url;
  bool brief = false;
  CLI::App app{"Figures of the main job, each beside its baseline in the same run."};
  const auto* visits =
      app.add_option("--visits", options.visits, "made visits")->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--workload", options.workload, "visits from a file of V, R and F lines instead");
  const auto* links =
      app.add_option("--links", options.link_visits, "visits sent over each slow line; 0: none")->capture_default_str();
  app.add_option("--opened", options.opened_visits, "visits in a database that is opened")->capture_default_str();
  app.add_option("--pouchdb", options.pouchdb,
                 "pouchdb/run.mjs where its packages are installed: PouchDB's figures, too");
  app.add_option("--without-pouchdb", options.without_pouchdb, "why its figures are missing")->group("");
  app.add_option("--rounds", options.rounds, "how often each is measured; medians are printed")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--phase", options.phase, "only this part")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "write", "office", "small"}));
  app.add_option("--json", options.json, "write the figures to this file");
  app.add_option("--svg", options.picture, "draw the figures into this file");
  app.add_flag("--short", brief, "some minutes: 300 visits, 30 over each line");
  app.add_option("--as-device", device_folder)->group("");
  app.add_option("--url", url)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!device_folder.empty()) return sync_as_device(device_folder, url);
  if (brief) {
    if (visits->empty()) options.visits = 300;
    if (links->empty()) options.link_visits = 30;
  }

  if (options.phase != "small") {
    const std::vector<MadeVisit> work = options.workload.empty() ? make_workload(options.visits, 20240901)
                                                                 : read_workload(options.workload, options.visits);
    if (work.empty()) give_up("no workload in " + options.workload);
    measure_main_job(work, options);
    if (options.phase == "all") {
      measure_program(work, options);
      if (options.link_visits > 0) {
        const auto first = [&](std::size_t count) {
          return std::vector<MadeVisit>(work.begin(),
                                        work.begin() + static_cast<std::ptrdiff_t>(std::min(work.size(), count)));
        };
        const Link bad{"64 kbit/s, 500 ms", 64'000, 0.5, 0};
        SlowLine some(first(options.link_visits));
        measure_link(some, bad, options.rounds);
        measure_link(some, {"23 kbit/s, 600 ms, 5 % lost", 23'000, 0.6, 0.05}, options.rounds);
        SlowLine more(first(3 * options.link_visits));
        measure_cuts(more, bad, options.rounds);
      }
      const double small = seal_ms(10'000, options.rounds);
      figures.add(with_goal(beside("seal 1,000 changed rows among a million", "ms", seal_ms(1'000'000, options.rounds),
                                   "among ten thousand", small),
                            10));
      figures.add(alone("open a database of " + std::to_string(options.opened_visits) + " visits, list 50", "ms",
                        open_ms(options.opened_visits, options.rounds), 40));
      figures.add(alone("dudao, the program, stripped", "MiB", stripped_mib(options.program), 3));
    }
  }
  if (options.phase == "all" || options.phase == "small") measure_small(figures, options.rounds, brief);
  std::cout << "medians of " << options.rounds << " rounds" << std::endl;
  figures.print(std::cout);
  if (!options.json.empty()) figures.write_json(options.json);
  if (!options.picture.empty()) figures.write_picture(options.picture);
  return 0;
}
