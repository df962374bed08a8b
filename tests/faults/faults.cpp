/// Cuts the power, fills the disk and breaks it at every call that changes it, at either end, and checks what is left:
/// what was reported as saved is there, what was not is there whole or not at all, and the work goes on to the same
/// end. Lets memory run out likewise, takes logs away from between two runs, and flips bits.
///
///     dudao_faults [--every 1] [--images 12] [--scenario NAME] [--fault NAME] [--at N] [--seed N]

#include "sync/ledger_file.hpp"
#include "tests/faults/county.hpp"
#include "tests/faults/disk.hpp"
#include "tests/faults/memory.hpp"
#include "tests/faults/scenarios.hpp"
#include "tests/simulation/chance.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::faults;

namespace {

// --- Looking.

/// Every row of every table, or of those that hold records; of no file, nothing. Absent: not a database that can be
/// used.
std::optional<Hash> content_of(const std::string& path, bool records_only = false) {
  if (!Disk::install().exists(path)) return Hash{};
  const bool office = path.find("office") != std::string::npos;
  auto opened = open_database(path, Database::Mode::kOpen, office ? DatabaseKind::kOffice : DatabaseKind::kDevice);
  if (!opened) return std::nullopt;
  Database& db = **opened;
  const auto sound = db.lookup("PRAGMA integrity_check");
  if (!sound || !*sound || std::get<std::string>(**sound) != "ok") return std::nullopt;
  std::vector<std::string> tables;
  {
    auto q =
        db.query("SELECT lower(name) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1");
    if (!q) return std::nullopt;
    while (true) {
      const auto row = q->step();
      if (!row) return std::nullopt;
      if (!*row) break;
      if (!records_only || find_table(q->text(0))) tables.emplace_back(q->text(0));
    }
  }
  Hash out = sha256(BytesView());
  for (const std::string& table : tables) {
    std::vector<Bytes> rows;
    auto q = db.query("SELECT * FROM \"" + table + "\"");
    if (!q) return std::nullopt;
    while (true) {
      const auto row = q->step();
      if (!row) return std::nullopt;
      if (!*row) break;
      Bytes cells;
      for (int i = 0; i < q->columns(); ++i) {
        const ValueView cell = q->value(i);
        std::string text;  // Of whatever bytes there are, which after a flip need not be text.
        if (const auto* integer = std::get_if<std::int64_t>(&cell)) text = std::to_string(*integer);
        if (const auto* is = std::get_if<std::string_view>(&cell)) text = *is;
        if (const auto* blob = std::get_if<BytesView>(&cell)) text = std::string(dudao::text(*blob));
        append(cells, view(std::to_string(cell.index()) + ":" + std::to_string(text.size()) + ":" + text));
      }
      rows.push_back(std::move(cells));
    }
    std::sort(rows.begin(), rows.end());
    out = sha256({out, view(table)});
    for (const Bytes& row : rows) out = sha256({out, row});
  }
  return out;
}

/// What stands on a disk image. Absent: a database that cannot be used.
std::optional<Hash> look(const Scenario& scenario, const Disk::Image& image) {
  Disk& disk = Disk::install();
  disk.remove_all("/look/");
  disk.put_beside(image, "/look/");
  const auto content = content_of("/look/" + scenario.database.substr(scenario.watched.size()));
  disk.remove_all("/look/");
  return content;
}

// --- Running.

struct Golden {
  std::map<std::string, Bytes> start;
  std::vector<Hash> states;         ///< that the watched disk goes through, in order
  std::vector<std::size_t> after;   ///< position in `states` before the first step and after each
  std::map<std::string, Hash> end;  ///< content of every database
  /// Of each kind that can fail.
  std::uint64_t calls = 0, reads = 0, allocations = 0;
};

[[noreturn]] void give_up(const std::string& what) {
  std::cerr << "faults: " << what << std::endl;
  std::exit(2);
}

std::map<std::string, Hash> everything() {
  std::map<std::string, Hash> out;
  for (const char* path : {"/office/office.db", "/agent1/agent.db", "/agent2/agent.db"})
    out[path] = content_of(path).value_or(Hash{});
  return out;
}

Status open_what_is_there(World& world, const Scenario& scenario) {
  Disk& disk = Disk::install();
  world.spare_office = scenario.watched != "/office/";
  if (disk.exists(kOfficePath)) DUDAO_CHECK(world.open_office());
  for (int n = 0; n < 2; ++n)
    if (disk.exists(world.agents[n].path)) DUDAO_CHECK(world.open_agent(n));
  return {};
}

/// Memory that runs out ends a step as any other failure does: each program's outermost loop catches it.
Status run_step(World& world, const Scenario& scenario, std::size_t n) {
  simulation::seed_random_bytes(1'000 + n);
  return without_throwing([&] { return scenario.steps[n].run(world); });
}

Golden play_undisturbed(const Scenario& scenario) {
  Disk& disk = Disk::install();
  disk.watch(scenario.watched);
  disk.heal();
  disk.put_all({});
  {
    World world;
    simulation::seed_random_bytes(7);
    if (const Status done = run_all(world, scenario.setup); !done)
      give_up(scenario.name + ": " + done.error().message());
  }
  Golden out;
  out.start = disk.all();
  disk.put_all(out.start);
  const auto see = [&] {
    const auto state = look(scenario, disk.image(Survives::kEverything, 0));
    if (!state) give_up(scenario.name + ": not a sound database");
    if (out.states.empty() || out.states.back() != *state) out.states.push_back(*state);
  };
  see();
  out.after.push_back(0);
  {
    World world;
    if (const Status done = open_what_is_there(world, scenario); !done)
      give_up(scenario.name + ": " + done.error().message());
    disk.heal();
    Memory::heal();
    disk.after_sync = [&] {
      const Memory::Spare spare;
      see();
    };
    for (std::size_t n = 0; n < scenario.steps.size(); ++n) {
      if (const Status done = run_step(world, scenario, n); !done)
        give_up(scenario.name + ", " + scenario.steps[n].name + ": " + done.error().message());
      const Memory::Spare spare;
      see();
      out.after.push_back(out.states.size() - 1);
    }
    disk.after_sync = nullptr;
    out.calls = disk.calls();
    out.reads = disk.reads();
    out.allocations = Memory::calls();
  }
  out.end = everything();
  return out;
}

struct Tally {
  std::uint64_t points = 0, images = 0, carried = 0, died = 0, wrong = 0;
  /// Of files that were changed behind the program's back: without effect, noticed, and how.
  std::uint64_t harmless = 0, refused = 0, earlier = 0, audited = 0, shown = 0;
  void add(const Tally& other) {
    points += other.points;
    images += other.images;
    carried += other.carried;
    died += other.died;
    harmless += other.harmless;
    refused += other.refused;
    earlier += other.earlier;
    audited += other.audited;
    shown += other.shown;
    wrong += other.wrong;
  }
};

struct Run {
  const Scenario& scenario;
  const Golden& golden;
  Tally& tally;
  std::string what;      ///< to find it again
  std::size_t step = 0;  ///< that is under way

  void wrong(const std::string& why) {
    ++tally.wrong;
    if (tally.wrong <= 5) std::cout << "  WRONG " << what << ": " << why << std::endl;
  }

  /// Where in the undisturbed run this state stands, given the step that was under way. Absent, and reported: nowhere
  /// that is allowed.
  std::optional<std::size_t> place(const std::optional<Hash>& state) {
    const std::size_t least =
        step > 0 && scenario.steps[step - 1].first_counts ? golden.after[step - 1] + 1 : golden.after[step];
    const std::size_t most = golden.after[std::min(step + 1, golden.after.size() - 1)];
    if (state)
      for (std::size_t at = most + 1; at-- > least;)
        if (golden.states[at] == *state) return at;
    const std::string name = step < scenario.steps.size() ? scenario.steps[step].name : "the end";
    if (!state)
      wrong("the database cannot be used, in " + name);
    else if (std::find(golden.states.begin(), golden.states.end(), *state) != golden.states.end())
      wrong("something that was saved is lost, in " + name);
    else
      wrong("something is there by half, in " + name);
    return std::nullopt;
  }

  /// Where to go on when the state is at this position: with the step that was under way, unless it was done.
  std::size_t next(std::size_t position) const {
    if (step == scenario.steps.size() || scenario.steps[step].again) return step;
    const std::size_t first = golden.after[step] + 1;
    const std::size_t last = golden.after[step + 1];
    return last >= first && position >= (scenario.steps[step].first_counts ? first : last) ? step + 1 : step;
  }

  /// From here on nothing fails: the rest of the steps, then everything must be as if nothing had happened.
  void carry_on(World& world, std::size_t from) {
    ++tally.carried;
    for (; from < scenario.steps.size(); ++from)
      if (const Status done = run_step(world, scenario, from); !done)
        return wrong("cannot go on with " + scenario.steps[from].name + ": " + done.error().message());
  }
  void check_end() {
    for (const auto& [path, content] : everything())
      if (content != golden.end.at(path) && (!scenario.only_this_end || path.starts_with(scenario.watched)))
        wrong(path + " is another at the end");
  }

  void power_cut(std::uint64_t at, std::uint64_t images, std::uint64_t seed) {
    Disk& disk = Disk::install();
    disk.put_all(golden.start);
    std::vector<Disk::Image> found;
    step = 0;
    {
      World world;
      if (const Status done = open_what_is_there(world, scenario); !done)
        return wrong("start: " + done.error().message());
      disk.plan(Fault::kPowerCut, at, true);
      while (step < scenario.steps.size() && !disk.happened()) {
        if (!run_step(world, scenario, step)) break;
        ++step;
      }
      if (!disk.happened()) {
        // The last calls are those of closing.
        world.close();
      }
      found.push_back(disk.image(Survives::kNothing, 0));
      found.push_back(disk.image(Survives::kEverything, 0));
      for (std::uint64_t n = 2; n < images; ++n)
        found.push_back(disk.image(Survives::kRandomSectors, seed + at * 1'000 + n));
    }
    ++tally.points;
    step = std::min(step, scenario.steps.size() - 1);
    const auto others = disk.all();
    for (std::size_t n = 0; n < found.size(); ++n) {
      ++tally.images;
      disk.heal();
      const auto state = look(scenario, found[n]);
      const auto position = place(state);
      if (!position || n > 2) continue;
      disk.put_all(others);
      disk.put(found[n]);
      {
        World world;
        if (const Status done = open_what_is_there(world, scenario); !done) {
          wrong("cannot be opened again: " + done.error().message());
          continue;
        }
        carry_on(world, next(*position));
      }
      check_end();
    }
  }

  /// `fault` absent: memory runs out.
  void error(std::optional<Fault> fault, std::uint64_t at, bool for_good) {
    Disk& disk = Disk::install();
    const auto heal = [&] {
      Memory::heal();
      disk.heal();
    };
    disk.put_all(golden.start);
    {
      World world;
      if (const Status done = open_what_is_there(world, scenario); !done)
        return wrong("start: " + done.error().message());
      disk.heal();
      if (fault)
        disk.plan(*fault, at, for_good);
      else
        Memory::plan(at, for_good);
      step = 0;
      bool failed = false;
      while (step < scenario.steps.size()) {
        if (!run_step(world, scenario, step)) {
          failed = true;
          break;
        }
        ++step;
      }
      const bool happened = fault ? disk.happened() : Memory::happened();
      heal();
      if (!happened) return;
      ++tally.points;
      ++tally.images;
      if (failed) {
        if (!place(look(scenario, disk.image(Survives::kEverything, 0)))) return;
        // People try again, start the program again, or it was killed meanwhile.
        if (at % 3 != 0) {
          if (at % 3 == 1) disk.freeze();
          world.close();
          disk.heal();
          const auto position = place(look(scenario, disk.image(Survives::kEverything, 0)));
          if (!position) return;
          step = next(*position);
          if (const Status done = open_what_is_there(world, scenario); !done)
            return wrong("cannot be opened again: " + done.error().message());
        }
        carry_on(world, step);
      }
      // Whatever was reported as done since must hold without power too.
      ++tally.images;
      if (look(scenario, disk.image(Survives::kNothing, 0)) != golden.states.back())
        wrong("what was saved after the fault does not survive a power cut");
    }
    check_end();
  }

  /// The files as they are when the process is killed after `done` steps.
  std::optional<Disk::Image> killed_after(std::size_t done) {
    Disk& disk = Disk::install();
    disk.put_all(golden.start);
    disk.heal();
    World world;
    if (const Status opened = open_what_is_there(world, scenario); !opened) {
      wrong("start: " + opened.error().message());
      return std::nullopt;
    }
    for (step = 0; step < done; ++step) {
      if (const Status run = run_step(world, scenario, step); !run) {
        wrong(scenario.steps[step].name + ": " + run.error().message());
        return std::nullopt;
      }
    }
    disk.freeze();
    return disk.image(Survives::kEverything, 0);
  }

  /// The end whose files were changed tells the other what it has.
  void sync_all(World& world) {
    for (int n = 0; n < 2; ++n)
      if (world.agents[n].db && (scenario.watched == "/office/" || world.agents[n].path.starts_with(scenario.watched)))
        static_cast<void>(without_throwing([&] { return world.sync(n); }));
  }

  /// Both ends go on with files that were changed behind their backs. What the office keeps must stay sound, whatever
  /// it is sent; true: and it is what it would have been.
  bool office_stays_sound(bool rebuilds) {
    World world;
    if (!open_what_is_there(world, scenario) || !world.office) {
      ++tally.refused;
      return true;
    }
    sync_all(world);
    Bytes ledger;
    const Status exported = without_throwing([&] {
      return world.office->export_ledger([&](BytesView piece) -> Status {
        ledger.insert(ledger.end(), piece.begin(), piece.end());
        return {};
      });
    });
    const LedgerReport report = exported ? check_ledger(ledger, std::nullopt) : LedgerReport();
    if (!exported || !report.sound()) {
      ++tally.audited;
      return scenario.watched == "/office/";
    }
    // Rows that do not follow from the ledger are found by deriving them again.
    if (rebuilds && !without_throwing([&] { return world.office->rebuild(); })) {
      ++tally.audited;
      return true;
    }
    return false;
  }

  /// The log of a killed process is gone, or cut short, before the next one starts: what is left is an earlier state.
  void log_lost(std::size_t done, std::uint64_t images, std::uint64_t seed) {
    const auto found = killed_after(done);
    if (!found) return;
    ++tally.points;
    const std::string log = scenario.database + "-wal";
    if (!found->files.contains(log)) return;
    std::mt19937_64 chance(seed * 1'000 + done);
    for (std::uint64_t n = 0; n < images; ++n) {
      ++tally.images;
      Disk::Image image = *found;
      Bytes& bytes = image.files.at(log);
      if (n == 0)
        image.files.erase(log);
      else
        bytes.resize(n == 1 ? 0 : chance() % (bytes.size() + 1));
      Disk::install().heal();
      const auto state = look(scenario, image);
      const auto at = state ? std::find(golden.states.begin(), golden.states.end(), *state) : golden.states.end();
      if (!state)
        ++tally.refused;
      else if (at == golden.states.end() ||
               at - golden.states.begin() > static_cast<std::ptrdiff_t>(golden.after[done]))
        wrong("with its log cut short the database is in a state that never was");
      else if (*state == golden.states[golden.after[done]])
        ++tally.harmless;
      else
        ++tally.earlier;
    }
  }

  /// Bits flip while nobody looks. Noticed, or without effect on what the office keeps.
  void bits_flipped(std::size_t done, std::uint64_t images, std::uint64_t seed) {
    const auto found = killed_after(done);
    if (!found || found->files.empty()) return;
    ++tally.points;
    Disk& disk = Disk::install();
    disk.heal();
    const auto others = disk.all();
    const auto before = look(scenario, *found);
    disk.put_all(others);
    disk.put(*found);
    const auto sound_start = content_of(kOfficePath, true);
    {
      World world;
      if (!open_what_is_there(world, scenario)) return wrong("cannot be opened");
      sync_all(world);
    }
    const auto sound_end = content_of(kOfficePath, true);
    std::mt19937_64 chance(seed * 1'000 + done);
    for (std::uint64_t n = 0; n < images; ++n) {
      ++tally.images;
      Disk::Image image = *found;
      auto file = image.files.begin();
      std::advance(file, static_cast<std::ptrdiff_t>(chance() % image.files.size()));
      if (file->second.empty()) continue;
      for (std::uint64_t bits = 1 + chance() % 64; bits > 0; --bits)
        file->second[chance() % file->second.size()] ^= static_cast<std::uint8_t>(1u << chance() % 8);
      disk.heal();
      const auto state = look(scenario, image);
      if (!state) {
        ++tally.refused;
        continue;
      }
      if (state == before) {
        ++tally.harmless;
        continue;
      }
      if (std::find(golden.states.begin(), golden.states.end(), *state) != golden.states.end()) {
        ++tally.earlier;
        continue;
      }
      disk.put_all(others);
      disk.put(image);
      if (office_stays_sound(scenario.watched == "/office/")) continue;
      const auto kept = content_of(kOfficePath, true);
      if (kept == sound_end)
        ++tally.shown;
      else if (kept == sound_start)
        ++tally.refused;  // Nothing was sent, or nothing was taken.
      else
        wrong("flipped bits got into what the office keeps, image " + std::to_string(n));
    }
  }

  /// The process dies in the step that is under way, as nlohmann/json's destructor does when it finds no memory. To the
  /// disk it is a kill.
  void dies() {
    Memory::heal();
    Disk& disk = Disk::install();
    disk.heal();
    ++tally.points;
    ++tally.images;
    ++tally.died;
    const auto position = place(look(scenario, disk.image(Survives::kEverything, 0)));
    if (!position) return;
    {
      World world;
      if (const Status done = open_what_is_there(world, scenario); !done)
        return wrong("cannot be opened again: " + done.error().message());
      carry_on(world, next(*position));
    }
    check_end();
  }

  /// Lets memory run out in a child of this process, since it may die of it.
  void memory(std::uint64_t at, bool for_good) {
    int ends[2];
    if (::pipe(ends) != 0) give_up("no pipe");
    const pid_t child = ::fork();
    if (child < 0) give_up("no child process");
    if (child == 0) {
      static Run* run;
      static int report;
      run = this;
      report = ends[1];
      tally = {};
      static constexpr auto end = [] {
        if (::write(report, &run->tally, sizeof run->tally) < 0) std::abort();
        ::_exit(0);
      };
      std::set_terminate([] {
        run->dies();
        end();
      });
      // SQLite 3.40 does not survive every allocation that fails within its session extension.
      std::signal(SIGSEGV, [](int) {
        run->dies();
        end();
      });
      error(std::nullopt, at, for_good);
      end();
    }
    ::close(ends[1]);
    Tally found;
    if (::read(ends[0], &found, sizeof found) != sizeof found) wrong("the process ended without a word");
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    tally.add(found);
  }
};

constexpr std::pair<std::string_view, std::optional<Fault>> kFaults[] = {{"power-cut", Fault::kPowerCut},
                                                                         {"full", Fault::kFull},
                                                                         {"write-error", Fault::kWriteError},
                                                                         {"short-write", Fault::kShortWrite},
                                                                         {"sync-error", Fault::kSyncError},
                                                                         {"read-error", Fault::kReadError},
                                                                         {"memory", std::nullopt}};
/// So many allocations of a scenario fail when each call is asked for; there are too many to fail all of them.
constexpr std::uint64_t kMemoryPoints = 2'000;

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t every = 1;
  std::uint64_t images = 12;
  std::uint64_t only_at = 0;
  std::uint64_t seed = 1;
  std::string scenario_name;
  std::string fault_name;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--scenario")
      scenario_name = value;
    else if (option == "--fault")
      fault_name = value;
    else if (option == "--every")
      every = std::max(1ULL, std::strtoull(value.c_str(), nullptr, 10));
    else if (option == "--images")
      images = std::max(3ULL, std::strtoull(value.c_str(), nullptr, 10));
    else if (option == "--at")
      only_at = std::strtoull(value.c_str(), nullptr, 10);
    else if (option == "--seed")
      seed = std::strtoull(value.c_str(), nullptr, 10);
    else  // also --help
      give_up("there is no option " + std::string(option) +
              "; the options: --every N --images N --scenario NAME --fault NAME --at N --seed N");
  }
  Memory::install();
  Tally all;
  std::map<std::string_view, Tally> of_end;
  std::cout << "scenario, fault             points    images   carried on    died   wrong\n";
  for (const Scenario& scenario : scenarios()) {
    if (!scenario_name.empty() && scenario.name != scenario_name) continue;
    const Golden golden = play_undisturbed(scenario);
    for (const auto& [name, fault] : kFaults) {
      if (!fault_name.empty() && name != fault_name) continue;
      Tally tally;
      const std::uint64_t calls = !fault                       ? golden.allocations
                                  : fault == Fault::kReadError ? golden.reads
                                                               : golden.calls;
      const std::uint64_t stride = fault ? every : every * (calls / kMemoryPoints + 1);
      for (std::uint64_t at = only_at ? only_at : 1 + seed % stride; at <= (only_at ? only_at : calls); at += stride) {
        Run run{scenario, golden, tally,
                "--scenario " + scenario.name + " --fault " + std::string(name) + " --at " + std::to_string(at) +
                    " --images " + std::to_string(images) + " --seed " + std::to_string(seed)};
        if (fault == Fault::kPowerCut) {
          run.power_cut(at, images, seed);
          continue;
        }
        for (const bool for_good : {false, true})
          if (fault)
            run.error(fault, at, for_good);
          else
            run.memory(at, for_good);
      }
      std::cout << std::left << std::setw(20) << scenario.name << std::setw(12) << name << std::right << std::setw(8)
                << tally.points << std::setw(10) << tally.images << std::setw(13) << tally.carried << std::setw(8)
                << tally.died << std::setw(8) << tally.wrong << std::endl;
      all.add(tally);
      of_end[scenario.watched == "/office/" ? "office" : "agent"].add(tally);
    }
  }
  for (const auto& [name, decay] :
       {std::pair{"log-lost", &Run::log_lost}, std::pair{"bits-flipped", &Run::bits_flipped}}) {
    if (!fault_name.empty() && name != fault_name) continue;
    std::cout << name << "                    images  harmless   refused   earlier   by audit   only shown   wrong\n";
    for (const Scenario& scenario : scenarios()) {
      if (!scenario_name.empty() && scenario.name != scenario_name) continue;
      const Golden golden = play_undisturbed(scenario);
      Tally tally;
      for (std::size_t done = 0; done <= scenario.steps.size(); ++done) {
        if (only_at && done != only_at) continue;
        Run run{scenario, golden, tally,
                "--scenario " + scenario.name + " --fault " + name + " --at " + std::to_string(done) + " --images " +
                    std::to_string(images) + " --seed " + std::to_string(seed)};
        (run.*decay)(done, images, seed);
      }
      std::cout << std::left << std::setw(20) << scenario.name << std::right << std::setw(14) << tally.images
                << std::setw(10) << tally.harmless << std::setw(10) << tally.refused << std::setw(10) << tally.earlier
                << std::setw(11) << tally.audited << std::setw(13) << tally.shown << std::setw(8) << tally.wrong
                << std::endl;
      all.add(tally);
    }
  }
  for (const auto& [end, tally] : of_end)
    std::cout << end << ": " << tally.points << " points, " << tally.images << " images" << std::endl;
  // What a whole run must have tried at least; how many calls there are follows from the code under test.
  const bool whole = every == 1 && only_at == 0 && scenario_name.empty() && fault_name.empty();
  if (whole && (of_end["agent"].points < 500 || of_end["office"].images < 10'000))
    give_up("too few points at the agent, or too few images at the office");
  std::cout << all.points << " points, " << all.images << " images, " << all.carried << " carried on to the end, "
            << all.died << " died, " << all.wrong << " wrong" << std::endl;
  return all.wrong == 0 && all.points > 0 ? 0 : 1;
}
