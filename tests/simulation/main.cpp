/// Plays many stories, each from its seed, and says which promise broke in which, as short as the story can be made.

#include "tests/simulation/world.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>

using namespace dudao::simulation;

namespace {

constexpr std::string_view kUsage =
    "dudao_simulate [--seeds 200] [--first 1] [--length 100] [--jobs N] [--quiet] [--complete]\n"
    "               --seed N [--whole]\n"
    "Plays stories of an office and its devices under faults and checks that every promise holds. --seed plays one of\n"
    "them, shortens it if it fails (not with --whole) and tells it. --complete fails where a\n"
    "refusal, transition or fault was never met. A seed is the same story only with the same "
    "length.\n";

thread_local std::uint64_t playing = 0;

/// A crash of the program itself is a finding too; it must at least say by which seed.
void say_seed(int signal) {
  std::fprintf(stderr, "seed %llu ended by signal %d\n", static_cast<unsigned long long>(playing), signal);
  std::_Exit(1);
}

void tell(const Outcome& outcome) {
  std::size_t n = 0;
  for (const std::string& line : outcome.told) std::cout << "  " << ++n << ". " << line << "\n";
  if (outcome.broken)
    std::cout << "broken: " << outcome.broken->promise << "\n        " << outcome.broken->what << "\n";
}

/// True: every promise held.
bool play_one(std::uint64_t seed, std::size_t length, bool whole) {
  Tally tally;
  Story story = make_story(seed, length);
  Outcome outcome = play(story, tally);
  if (outcome.broken && !whole) {
    const std::string promise = outcome.broken->promise;
    std::cout << "seed " << seed << " breaks \"" << promise << "\"; looking for its shortest story" << std::endl;
    story = shorten(story, [&](const Story& shorter) {
      const Outcome again = play(shorter, tally);
      return again.broken && again.broken->promise == promise;
    });
    outcome = play(story, tally);
  }
  std::cout << "seed " << seed << ", " << story.actions.size() << " actions\n";
  tell(outcome);
  return !outcome.broken;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t length = 100;
  std::uint64_t jobs = std::max(1u, std::thread::hardware_concurrency());
  std::uint64_t chosen = 0;
  bool one = false;
  bool whole = false;
  bool quiet = false;
  bool complete = false;
  const std::map<std::string_view, std::uint64_t*> numbers = {
      {"--seeds", &seeds}, {"--first", &first}, {"--length", &length}, {"--jobs", &jobs}, {"--seed", &chosen}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto number = numbers.find(option);
    if (number != numbers.end() && i + 1 < argc &&
        std::string_view(argv[i + 1]).find_first_not_of("0123456789") == std::string_view::npos) {
      one = one || option == "--seed";
      *number->second = std::strtoull(argv[++i], nullptr, 10);
    } else if (option == "--whole") {
      whole = true;
    } else if (option == "--complete") {
      complete = true;
    } else if (option == "--quiet") {
      quiet = true;
    } else {
      std::cerr << kUsage;
      return 2;
    }
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS}) std::signal(signal, say_seed);
  // Databases in memory: what a disk does to them is the business of other tests.
  if (!std::getenv("TMPDIR") && std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);

  if (one) {
    playing = chosen;
    return play_one(chosen, length, whole) ? 0 : 1;
  }
  const auto begun = std::chrono::steady_clock::now();
  std::mutex lock;
  Tally tally;
  std::map<std::string, std::vector<std::uint64_t>> broken;
  std::atomic<std::uint64_t> next = first;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::min<std::uint64_t>(jobs, seeds); ++i)
    threads.emplace_back([&] {
      for (std::uint64_t mine = next++; mine < first + seeds; mine = next++) {
        playing = mine;
        Tally own;
        const Outcome outcome = play(make_story(mine, length), own);
        const std::lock_guard guard(lock);
        tally.add(own);
        if (outcome.broken) broken[outcome.broken->promise].push_back(mine);
      }
    });
  for (std::thread& each : threads) each.join();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (!quiet) tally.print(std::cout);
  std::cout << seeds << " stories of " << length << " actions in " << seconds << " s\n";
  bool held = true;
  for (const auto& [promise, which] : broken) {
    std::cout << "broken in " << which.size() << " stories: " << promise << " (seeds";
    for (std::size_t i = 0; i < which.size() && i < 10; ++i) std::cout << " " << which[i];
    std::cout << ")\n";
    held = false;
  }
  for (const auto& [promise, which] : broken) play_one(which.front(), length, false);
  std::cout << (held ? "every promise held\n" : "NOT every promise held\n");
  if (complete && !tally.missing().empty()) {
    std::cout << "NOT everything was met:\n";
    for (const std::string& what : tally.missing()) std::cout << "  " << what << "\n";
    return 1;
  }
  return held ? 0 : 1;
}
