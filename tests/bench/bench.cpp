/// Times and bytes of the main job, each figure beside its baseline in the same run. Machines are noisy: believe the
/// ratios, not the seconds.

#include "tests/bench/baselines.hpp"
#include "tests/bench/field.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/pacing_proxy.hpp"
#include "tests/bench/small.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;

namespace {

struct Options {
  std::size_t visits = 1'000;
  std::size_t link_visits = 100;
  std::size_t opened_visits = 5'000;
  int rounds = 5;
  std::string workload, pouchdb, json, picture, phase = "all", program;
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

std::uint64_t wire_bytes(const SyncReport& report) { return report.sent_bytes + report.received_bytes; }

/// The write phase, some visits at a time: first as they are tapped, then SQLite alone with the same rows, so that what
/// else the machine does falls on all. Medians, taken for the whole; some visits fill the log more than once.
void measure_write(Field& field, VisitBook& book, const std::vector<MadeVisit>& work) {
  const std::size_t parts = std::max<std::size_t>(1, work.size() / 20);
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
  const auto whole = [&](const std::vector<double>& some) {
    return percentile(some, 0.5) * static_cast<double>(parts);
  };
  std::cout << steps << " durable steps in " << work.size() << " visits" << std::endl;
  figures.add(with_goal(beside("write, each tap its own durable transaction", "s", whole(ours),
                               "SQLite, the same rows and transactions", whole(theirs)),
                        1.5, true));
  figures.add(beside("  the same", "s", whole(ours), "SQLite that notes what changes (session extension)",
                     whole(theirs_with_session)));
  figures.add(with_goal(beside("  slowest tap of a hundred", "ms", percentile(taps, 0.99) * 1000, "the median tap",
                               percentile(taps, 0.5) * 1000),
                        50));
}

/// The office alone: what came over the wire is given again to a copy of what it was before, and the rows that come of
/// it to SQLite alone.
void measure_office(Field& field, const std::string& before_sync, std::size_t visits, int rounds) {
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int round = 0; round < rounds; ++round) {
    const TempFolder folder;
    const std::string copy = folder / "office.db";
    std::filesystem::copy_file(before_sync, copy);
    {
      const auto office = must(Office::open(field.office_platform, {copy, "bench.dudao/office"}), "office");
      Request request;
      request.method = "POST";
      request.path = kSyncPath;
      const auto began = Steady::now();
      for (const Bytes& body : field.requests) {
        request.body = body;
        if (office->handle(request).status != 200) give_up("the office refused a sync that it took before");
      }
      ours.push_back(seconds_since(began));
      if (office->counters().registered != visits) give_up("not a change set a visit");
    }
    const PlainOffice plain(copy, *field.db);
    theirs.push_back(plain.insert_s());
    if (round == 0)
      std::cout << visits << " change sets, " << plain.rows() << " rows in " << plain.transactions() << " transactions"
                << std::endl;
  }
  const auto count = static_cast<double>(visits);
  Figure figure = with_goal(beside("office: change sets a second", "/s", count / percentile(ours, 0.5),
                                   "SQLite, the same rows and transactions", count / percentile(theirs, 0.5)),
                            0.4, true);
  figure.more_is_better = true;
  figures.add(figure);
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
  field.db = must(open_database(field.folder / "agent.db", Database::Mode::kOpen, DatabaseKind::kDevice), "database");
  return static_cast<double>(kib) / 1024;
}

void measure_main_job(const std::vector<MadeVisit>& work, const Options& options) {
  Field field(work);
  field.sync();  // the tasks
  {
    VisitBook book(field.device_platform, *field.db);
    measure_write(field, book, work);
  }
  if (options.phase == "write") return;

  const std::string before_sync = field.folder / "before.db";
  must(field.office->backup(before_sync), "backup");
  must(field.db->copy_to(field.folder / "unsent.db"), "copy");
  field.requests.clear();
  const auto began = Steady::now();
  const SyncReport up = field.sync();
  const double sync_s = seconds_since(began);
  const Posted posted = post_as_open_rosa(work);
  figures.add(with_goal(beside("sync on loopback, receipted and durable", "s", sync_s,
                               "OpenRosa's way: an XML form a POST, unsigned", posted.seconds),
                        1.55 / 2));
  const auto wire = static_cast<double>(wire_bytes(up));
  figures.add(
      with_goal(beside("bytes both ways, HTTP and receipts with it", "B", wire,
                       "the floor: columns in one zstd frame, unsigned", static_cast<double>(floor_bytes(work))),
                1.25, true));
  figures.add(
      beside("  the same", "B", wire, "JSON lines in one zstd frame, unsigned", static_cast<double>(json_bytes(work))));
  figures.add(beside("  the same", "B", wire, "OpenRosa's way", static_cast<double>(posted.bytes)));
  figures.add(beside("  round trips", "", up.exchanges, "OpenRosa's way", posted.round_trips));
  const std::string pouchdb_is = "PouchDB, a document a visit, unsigned";
  std::optional<Replicated> pouchdb;
  if (!options.pouchdb.empty()) pouchdb = replicate_by_pouchdb(work, options.pouchdb);
  if (pouchdb) {
    figures.add(beside("sync on loopback: bytes", "B", wire, pouchdb_is, static_cast<double>(pouchdb->sync.bytes)));
    figures.add(beside("  seconds", "s", sync_s, pouchdb_is, pouchdb->sync.seconds));
    figures.add(beside("  round trips", "", up.exchanges, pouchdb_is, pouchdb->sync.round_trips));
  }
  measure_office(field, before_sync, work.size(), options.rounds);

  const SyncReport nothing = field.sync();
  figures.add(alone("nothing new: bytes", "B", static_cast<double>(wire_bytes(nothing)), 600));
  figures.add(alone("  round trips", "", nothing.exchanges, 1));
  if (pouchdb)
    figures.add(beside("  bytes", "B", static_cast<double>(wire_bytes(nothing)), pouchdb_is,
                       static_cast<double>(pouchdb->nothing.bytes)));
  {
    VisitBook book(field.device_platform, *field.db);
    field.plan(1);
    field.sync();
    must(book.check_in(field.visits.back(), Place{1, 1, 1}, {}), "check in");
    must(book.answer(field.visits.back(), work[0].answers[0].item, answer_of(work[0].answers[0]), {}), "answer");
    field.sync();
    MadeAnswer other = work[0].answers[0];
    other.value = other.value == "50" ? "51" : "50";
    must(book.answer(field.visits.back(), other.item, answer_of(other), {}), "answer");
  }
  const SyncReport edit = field.sync();
  figures.add(alone("one answer edited: bytes", "B", static_cast<double>(wire_bytes(edit)), 900));
  figures.add(alone("  round trips", "", edit.exchanges, 1));
  if (pouchdb) {
    figures.add(beside("  bytes", "B", static_cast<double>(wire_bytes(edit)), pouchdb_is,
                       static_cast<double>(pouchdb->edit.bytes)));
    figures.add(beside("  round trips", "", edit.exchanges, pouchdb_is, pouchdb->edit.round_trips));
  }
}

/// A process that has everything still to send.
void measure_memory(const std::vector<MadeVisit>& work, const Options& options) {
  Field field(work);
  field.sync();
  {
    VisitBook book(field.device_platform, *field.db);
    for (std::size_t i = 0; i < work.size(); ++i) record_visit(book, field.visits[i], work[i], nullptr);
  }
  figures.add(alone("device's memory while it sends all", "MiB", sync_memory_mib(field, options.program), 30));
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

/// Some visits over a line of the country, beside what the line itself takes for as many bytes and two round trips.
void measure_link(const Link& link, const std::vector<MadeVisit>& work) {
  Field field(work);
  field.sync();
  VisitBook book(field.device_platform, *field.db);
  for (std::size_t i = 0; i < work.size(); ++i) record_visit(book, field.visits[i], work[i], nullptr);
  const PacingProxy line(field.listener->port(), link);
  field.http = must(make_http_client({}), "http");
  RunningClock clock(field.device_machine.clock);
  Platform platform{
      clock,       field.device_machine.keys, field.device_machine.files, field.device_machine.connectivity,
      *field.http, field.device_machine.log};
  double longest_s = 0;
  const auto began = Steady::now();
  auto exchange_began = began;
  const auto progress = [&](const SyncReport&) {
    longest_s = std::max(longest_s, seconds_since(exchange_began));
    exchange_began = Steady::now();
  };
  const SyncReport report = must(run_sync(platform, *field.db, {Field::url_at(line.port()), {}, progress}), "sync");
  const double seconds = seconds_since(began);
  if (report.error || report.receipted != static_cast<int>(work.size())) give_up("sync over " + link.name);
  const auto bytes = static_cast<double>(wire_bytes(report));
  figures.add(with_goal(beside(link.name + ": " + std::to_string(work.size()) + " visits", "s", seconds,
                               "the line for " + std::to_string(wire_bytes(report)) + " bytes and two round trips",
                               bytes * 8 / link.bits_per_s + 2 * link.round_trip_s),
                        1.25, true));
  figures.add(alone("  longest exchange: what a cut loses at most", "s", longest_s, 10));
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
  const auto began = Steady::now();
  must(seal(field.device_platform, *field.db), "seal");
  return seconds_since(began) * 1000;
}

/// From nothing to the list of visits that an inspector sees first.
double open_ms(std::size_t visits) {
  const std::vector<MadeVisit> work = make_workload(1, 1);
  Field field(work);
  field.plan(visits);
  field.sync();
  field.db.reset();
  const auto began = Steady::now();
  const auto db = must(open_database(field.folder / "agent.db", Database::Mode::kOpen, DatabaseKind::kDevice), "open");
  auto list =
      must(db->query("SELECT id, school, state, from_day, to_day FROM visit ORDER BY from_day LIMIT 50"), "list");
  while (must(list.step(), "list")) {
  }
  return seconds_since(began) * 1000;
}

/// The shell program without symbols, in MiB.
double stripped_mib(const std::string& program) {
  const TempFolder folder;
  const std::string to = folder / "dudao";
  const std::string from = std::filesystem::path(program).parent_path() / "dudao";
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
  app.add_option("--rounds", options.rounds, "of the office's part")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--phase", options.phase, "only this part")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "write", "small"}));
  app.add_option("--json", options.json, "write the figures to this file");
  app.add_option("--svg", options.picture, "draw the figures into this file");
  app.add_flag("--short", brief, "some minutes: 300 visits, 30 over each line, 2 rounds");
  app.add_option("--as-device", device_folder)->group("");
  app.add_option("--url", url)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!device_folder.empty()) return sync_as_device(device_folder, url);
  if (brief) {
    if (visits->empty()) options.visits = 300;
    if (links->empty()) options.link_visits = 30;
    options.rounds = 2;
  }

  if (options.phase != "write") measure_small(brief);
  if (options.phase != "small") {
    const std::vector<MadeVisit> work = options.workload.empty() ? make_workload(options.visits, 20240901)
                                                                 : read_workload(options.workload, options.visits);
    if (work.empty()) give_up("no workload in " + options.workload);
    measure_main_job(work, options);
    if (options.phase == "all") {
      measure_memory(work, options);
      const std::vector<MadeVisit> some(
          work.begin(), work.begin() + static_cast<std::ptrdiff_t>(std::min(work.size(), options.link_visits)));
      if (!some.empty()) {
        measure_link({"64 kbit/s, 500 ms", 64'000, 0.5, 0}, some);
        measure_link({"23 kbit/s, 600 ms, 5 % lost", 23'000, 0.6, 0.05}, some);
      }
      const double small = seal_ms(10'000);
      figures.add(with_goal(
          beside("seal 1,000 changed rows among a million", "ms", seal_ms(1'000'000), "among ten thousand", small),
          10));
      figures.add(alone("open a database of " + std::to_string(options.opened_visits) + " visits, list 50", "ms",
                        open_ms(options.opened_visits), 40));
      figures.add(alone("dudao, the program, stripped", "MiB", stripped_mib(options.program), 3));
    }
    figures.print(std::cout);
  }
  if (!options.json.empty()) figures.write_json(options.json);
  if (!options.picture.empty()) figures.write_picture(options.picture);
  return 0;
}
