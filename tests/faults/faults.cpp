/// Cuts the power, fills the disk and breaks it at every call that changes it, at either end, and checks what is left:
/// what was reported as saved is there, what was not is there whole or not at all, and the work goes on to the same
/// end.
///
///     dudao_faults [--every 1] [--images 12] [--scenario NAME] [--fault NAME] [--at N] [--seed N]

#include "tests/faults/county.hpp"
#include "tests/faults/disk.hpp"
#include "tests/simulation/chance.hpp"

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <optional>
#include <set>
#include <string_view>

using namespace dudao;
using namespace dudao::faults;

namespace {

using Do = std::function<Status(World&)>;
struct Step {
  std::string name;
  Do run;
  /// The first thing that it saves is what it reports; the others may come with a later step.
  bool first_counts = false;
  /// Done again though this end has done it, since the other may not know.
  bool again = false;
};

std::vector<Step> recording(int agent, int n) {
  const auto use = [=](std::string name, auto what) {
    const bool seals = name == "submit";
    return Step{std::move(name), [=](World& w) { return w.in_visit(agent, n, what); }, seals};
  };
  return {
      use("check in", [](VisitBook& b, const Bytes& v) { return b.check_in(v, {}, "室内无信号"); }),
      use("answer S1",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S1", {std::int64_t{1}, {}, {}}, {});
          }),
      use("answer S2",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S2", {std::int64_t{12}, {}, {}}, "够");
          }),
      use("answer S3",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S3", {std::string(900, 'x'), {}, {}}, {});
          }),
      use("answer S2 again",
          [](VisitBook& b, const Bytes& v) {
            return b.answer(v, "S2", {std::int64_t{13}, {}, {}}, {});
          }),
      use("add a finding",
          [](VisitBook& b, const Bytes& v) {
            return b.add_finding(v, {"S1", "ADVICE", {}, "通道有杂物", {}, {}}).map([](auto) {});
          }),
      use("add a note", [](VisitBook& b, const Bytes& v) { return b.add_note(v, {}, "校门有保安").map([](auto) {}); }),
      use("finish", [](VisitBook& b, const Bytes& v) { return b.finish(v); }),
      use("feedback", [](VisitBook& b, const Bytes& v) { return b.feedback(v, "已反馈").map([](auto) {}); }),
      use("sign",
          [](VisitBook& b, const Bytes& v) {
            return b.sign(v, {"HEAD", {}, "ABSENT", {}, {}, "外出"});
          }),
      use("submit", [](VisitBook& b, const Bytes& v) { return b.submit(v, "同事未到"); }),
  };
}

struct Scenario {
  std::string name;
  std::string watched;   ///< whose disk breaks
  std::string database;  ///< that is looked at
  std::vector<Step> setup, steps;
  bool only_this_end = false;  ///< the other may have more of what was tried twice
};

Status run_all(World& world, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    Status done = step.run(world);
    if (!done) return fail(done.error().code, step.name + ": " + done.error().detail);
  }
  return {};
}

std::vector<Scenario> scenarios() {
  const Step found{"found the office", [](World& w) -> Status {
                     DUDAO_CHECK(w.open_office());
                     DUDAO_CHECK(w.people());
                     return w.office->publish_template("王处长", kChecklist).map([](auto) {});
                   }};
  const Step enrol_both{"enrol both", [](World& w) -> Status {
                          for (int n = 0; n < 2; ++n) {
                            DUDAO_CHECK(w.open_agent(n));
                            DUDAO_CHECK(w.enrol(n));
                          }
                          return {};
                        }};
  const Step plan_three{"plan three", [](World& w) -> Status {
                          DUDAO_CHECK(w.plan({"I001", "I002"}, 3));
                          DUDAO_CHECK(w.plan({"I002", "I001"}, 3));
                          DUDAO_CHECK(w.sync(0));
                          return w.sync(1);
                        }};
  const auto all_of = [](std::string name, std::vector<Step> steps) {
    return Step{std::move(name), [steps](World& w) { return run_all(w, steps); }};
  };
  const auto sync = [](int agent, PassBudget budget = {}) {
    return Step{"agent " + std::to_string(agent + 1) + " synchronises", [=](World& w) { return w.sync(agent, budget); },
                false, true};
  };
  const Step record_first = all_of("record", recording(0, 0));
  const Step record_second = all_of("record", recording(1, 1));
  const std::string agent_path = "/agent1/agent.db";

  std::vector<Scenario> out;
  const Step seal_first{"seal", [](World& w) { return seal(w.agents[0].platform, *w.agents[0].db).map([](int) {}); }};
  std::vector<Step> records = recording(0, 0);
  records.push_back(seal_first);
  out.push_back({"agent-records", "/agent1/", agent_path, {found, enrol_both, plan_three}, records});
  out.push_back({"agent-synchronises",
                 "/agent1/",
                 agent_path,
                 {found, enrol_both, plan_three, record_first, record_second},
                 {seal_first, all_of("check in elsewhere", {recording(0, 2)[0]}), sync(0, {1, 1}),
                  all_of("answer elsewhere", {recording(0, 2)[1]}), sync(1), sync(0)}});
  out.push_back(
      {"agent-takes-rows",
       "/agent1/",
       agent_path,
       {found, enrol_both, plan_three, record_second},
       {sync(1), sync(0, {1u << 20, 1}), {"plan two more", [](World& w) { return w.plan({"I001"}, 2); }}, sync(0)}});
  out.push_back({"agent-enrols",
                 "/agent1/",
                 agent_path,
                 {found},
                 {{"open", [](World& w) { return w.agents[0].db ? Status() : w.open_agent(0); }},
                  {"enrol",
                   [](World& w) -> Status {
                     DUDAO_TRY(const auto number, integer_setting(*w.agents[0].db, "device"));
                     return number ? Status() : w.enrol(0);
                   }},
                  {"plan", [](World& w) { return w.plan({"I001"}); }},
                  sync(0)},
                 true});
  out.push_back({"office-takes-in",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, record_second},
                 {sync(0), sync(1, {1, 1}), all_of("check in elsewhere", {recording(0, 2)[0]}), sync(0),
                  all_of("answers elsewhere", {recording(1, 2)[0]}), sync(1), sync(0)}});
  out.push_back({"office-decides",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, sync(0)},
                 {{"plan", [](World& w) { return w.plan({"I002"}, 2); }},
                  {"query",
                   [](World& w) -> Status {
                     DUDAO_TRY(const Bytes id, w.visit(0, 0));
                     return w.office->visit_event("王处长", id, "query", "S2", "请说明");
                   }},
                  {"revoke", [](World& w) { return w.office->revoke("王处长", 2, "丢失"); }}}});
  out.push_back({"office-rebuilds",
                 "/office/",
                 kOfficePath,
                 {found, enrol_both, plan_three, record_first, sync(0)},
                 {{"rebuild", [](World& w) { return w.office->rebuild(); }}, sync(1)}});
  return out;
}

// --- Looking.

/// Every row of every table; of no file, nothing. Absent: not a database that can be used.
std::optional<Hash> content_of(const std::string& path) {
  if (!Disk::install().exists(path)) return Hash{};
  const bool office = path.find("office") != std::string::npos;
  auto opened = open_database(path, Database::Mode::kOpen, office ? DatabaseKind::kOffice : DatabaseKind::kDevice);
  if (!opened) return std::nullopt;
  Database& db = **opened;
  const auto sound = db.lookup("PRAGMA integrity_check");
  if (!sound || !*sound || std::get<std::string>(**sound) != "ok") return std::nullopt;
  std::vector<std::string> tables;
  {
    auto q = db.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
    if (!q) return std::nullopt;
    while (true) {
      const auto row = q->step();
      if (!row) return std::nullopt;
      if (!*row) break;
      tables.emplace_back(q->text(0));
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
      std::vector<ValueView> cells;
      for (int i = 0; i < q->columns(); ++i) cells.push_back(q->value(i));
      rows.push_back(encode_key(cells));
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
  std::uint64_t calls = 0;
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

Status open_what_is_there(World& world) {
  Disk& disk = Disk::install();
  if (disk.exists(kOfficePath)) DUDAO_CHECK(world.open_office());
  for (int n = 0; n < 2; ++n)
    if (disk.exists(world.agents[n].path)) DUDAO_CHECK(world.open_agent(n));
  return {};
}

Status run_step(World& world, const Scenario& scenario, std::size_t n) {
  simulation::seed_random_bytes(1'000 + n);
  return scenario.steps[n].run(world);
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
    if (const Status done = open_what_is_there(world); !done) give_up(scenario.name + ": " + done.error().message());
    disk.heal();
    disk.after_sync = see;
    for (std::size_t n = 0; n < scenario.steps.size(); ++n) {
      if (const Status done = run_step(world, scenario, n); !done)
        give_up(scenario.name + ", " + scenario.steps[n].name + ": " + done.error().message());
      see();
      out.after.push_back(out.states.size() - 1);
    }
    disk.after_sync = nullptr;
    out.calls = disk.calls();
  }
  out.end = everything();
  return out;
}

struct Tally {
  std::uint64_t points = 0, images = 0, carried = 0, wrong = 0;
};

struct Run {
  const Scenario& scenario;
  const Golden& golden;
  Tally& tally;
  std::string what;  ///< to find it again

  void wrong(const std::string& why) {
    ++tally.wrong;
    if (tally.wrong <= 5) std::cout << "  WRONG " << what << ": " << why << std::endl;
  }

  /// Where in the undisturbed run this state stands; `step` was under way. Absent, and reported: nowhere that is
  /// allowed.
  std::optional<std::size_t> place(const std::optional<Hash>& state, std::size_t step) {
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
  std::size_t next(std::size_t step, std::size_t position) const {
    if (step == scenario.steps.size() || scenario.steps[step].again) return step;
    const std::size_t first = golden.after[step] + 1;
    const std::size_t last = golden.after[step + 1];
    return last >= first && position >= (scenario.steps[step].first_counts ? first : last) ? step + 1 : step;
  }

  /// From here on nothing fails: the rest of the steps, then everything must be as if nothing had happened.
  void carry_on(World& world, std::size_t step) {
    ++tally.carried;
    for (; step < scenario.steps.size(); ++step)
      if (const Status done = run_step(world, scenario, step); !done)
        return wrong("cannot go on with " + scenario.steps[step].name + ": " + done.error().message());
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
    std::size_t step = 0;
    {
      World world;
      if (const Status done = open_what_is_there(world); !done) return wrong("start: " + done.error().message());
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
    const auto others = disk.all();
    for (std::size_t n = 0; n < found.size(); ++n) {
      ++tally.images;
      disk.heal();
      const auto state = look(scenario, found[n]);
      const auto position = place(state, std::min(step, scenario.steps.size() - 1));
      if (!position || n > 2) continue;
      disk.put_all(others);
      disk.put(found[n]);
      {
        World world;
        if (const Status done = open_what_is_there(world); !done) {
          wrong("cannot be opened again: " + done.error().message());
          continue;
        }
        carry_on(world, next(step, *position));
      }
      check_end();
    }
  }

  void error(Fault fault, std::uint64_t at, bool for_good) {
    Disk& disk = Disk::install();
    disk.put_all(golden.start);
    {
      World world;
      if (const Status done = open_what_is_there(world); !done) return wrong("start: " + done.error().message());
      disk.plan(fault, at, for_good);
      std::size_t step = 0;
      bool failed = false;
      while (step < scenario.steps.size()) {
        if (!run_step(world, scenario, step)) {
          failed = true;
          break;
        }
        ++step;
      }
      if (!disk.happened()) return;
      ++tally.points;
      ++tally.images;
      disk.heal();
      if (failed) {
        if (!place(look(scenario, disk.image(Survives::kEverything, 0)), step)) return;
        // People try again, start the program again, or it was killed meanwhile.
        if (at % 3 != 0) {
          if (at % 3 == 1) disk.freeze();
          world.close();
          disk.heal();
          const auto position = place(look(scenario, disk.image(Survives::kEverything, 0)), step);
          if (!position) return;
          step = next(step, *position);
          if (const Status done = open_what_is_there(world); !done)
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
};

constexpr std::pair<std::string_view, Fault> kFaults[] = {{"power-cut", Fault::kPowerCut},
                                                          {"full", Fault::kFull},
                                                          {"write-error", Fault::kWriteError},
                                                          {"short-write", Fault::kShortWrite},
                                                          {"sync-error", Fault::kSyncError}};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t every = 1;
  std::uint64_t images = 12;
  std::uint64_t only_at = 0;
  std::uint64_t seed = 1;
  std::string scenario_name;
  std::string fault_name;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::string value = argv[i + 1];
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
    else
      give_up("there is no option " + std::string(option) +
              "; the options: --every N --images N --scenario NAME --fault NAME --at N --seed N");
  }
  Tally all;
  std::cout << "scenario, fault             points    images   carried on   wrong\n";
  for (const Scenario& scenario : scenarios()) {
    if (!scenario_name.empty() && scenario.name != scenario_name) continue;
    const Golden golden = play_undisturbed(scenario);
    for (const auto& [name, fault] : kFaults) {
      if (!fault_name.empty() && name != fault_name) continue;
      Tally tally;
      for (std::uint64_t at = only_at ? only_at : 1 + seed % every; at <= (only_at ? only_at : golden.calls);
           at += every) {
        Run run{scenario, golden, tally,
                "--scenario " + scenario.name + " --fault " + std::string(name) + " --at " + std::to_string(at) +
                    " --images " + std::to_string(images) + " --seed " + std::to_string(seed)};
        if (fault == Fault::kPowerCut) {
          run.power_cut(at, images, seed);
          continue;
        }
        run.error(fault, at, false);
        run.error(fault, at, true);
      }
      std::cout << std::left << std::setw(20) << scenario.name << std::setw(12) << name << std::right << std::setw(8)
                << tally.points << std::setw(10) << tally.images << std::setw(13) << tally.carried << std::setw(8)
                << tally.wrong << std::endl;
      all.points += tally.points;
      all.images += tally.images;
      all.carried += tally.carried;
      all.wrong += tally.wrong;
    }
  }
  std::cout << all.points << " points, " << all.images << " images, " << all.carried << " carried on to the end, "
            << all.wrong << " wrong" << std::endl;
  return all.wrong == 0 && all.points > 0 ? 0 : 1;
}
