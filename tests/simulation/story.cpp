#include "tests/simulation/story.hpp"

#include "tests/simulation/chance.hpp"

#include <algorithm>
#include <array>

namespace dudao::simulation {
namespace {

struct Weight {
  Kind kind;
  std::string_view name;
  int usual;
  bool always;  ///< in every story
};
constexpr std::array<Weight, kKinds> kWeights = {{{Kind::kWork, "work", 60, true},
                                                  {Kind::kSync, "sync", 16, true},
                                                  {Kind::kAsk, "ask", 8, false},
                                                  {Kind::kTake, "take", 8, false},
                                                  {Kind::kCrash, "crash", 6, false},
                                                  {Kind::kReboot, "reboot", 1, false},
                                                  {Kind::kClock, "clock", 2, false},
                                                  {Kind::kLockKeys, "lock-keys", 2, false},
                                                  {Kind::kBackup, "backup", 3, false},
                                                  {Kind::kRestore, "restore", 1, false},
                                                  {Kind::kByHand, "by-hand", 2, false},
                                                  {Kind::kClone, "clone", 1, false},
                                                  {Kind::kEnrol, "enrol", 2, false},
                                                  {Kind::kPlan, "plan", 4, true},
                                                  {Kind::kDecide, "decide", 10, true},
                                                  {Kind::kFollow, "follow", 10, true},
                                                  {Kind::kJoin, "join", 3, false},
                                                  {Kind::kRegister, "register", 2, false},
                                                  {Kind::kPublish, "publish", 1, false},
                                                  {Kind::kRevoke, "revoke", 1, false},
                                                  {Kind::kCrashOffice, "crash-office", 4, false},
                                                  {Kind::kRestartOffice, "restart-office", 2, false},
                                                  {Kind::kRebuildOffice, "rebuild-office", 1, false}}};

}  // namespace

std::string_view to_string(Kind kind) { return kWeights[static_cast<std::size_t>(kind)].name; }

Story make_story(std::uint64_t seed, std::size_t length) {
  Chance chance(seed);
  Story story{seed, {}};
  std::array<std::uint64_t, kKinds> weights{};
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < kKinds; ++i) {
    const bool in = kWeights[i].always || chance.one_in(2);
    weights[i] = in ? static_cast<std::uint64_t>(kWeights[i].usual) * (1 + chance.below(3)) : 0;
    all += weights[i];
  }
  const auto draw = [&] { return static_cast<std::uint32_t>(chance.next()); };
  while (story.actions.size() < length) {
    std::uint64_t at = chance.below(all);
    std::size_t kind = 0;
    while (at >= weights[kind]) at -= weights[kind++];
    Action action{static_cast<Kind>(kind), draw(), draw(), draw(), draw(), 0};
    // People stay with a visit for a while; a visit would come to no end otherwise.
    const std::uint64_t repeats = action.kind == Kind::kWork ? 1 + chance.below(8) : 1;
    for (std::uint64_t i = 0; i < repeats && story.actions.size() < length; ++i) {
      action.number = static_cast<std::uint32_t>(story.actions.size());
      story.actions.push_back(action);
      action.how = draw();
      action.more = draw();
    }
  }
  return story;
}

Story shorten(Story story, const std::function<bool(const Story&)>& fails) {
  for (std::size_t piece = std::max<std::size_t>(1, story.actions.size() / 2);;) {
    bool shorter = false;
    for (std::size_t at = 0; at < story.actions.size();) {
      Story without{story.seed, {}};
      const std::size_t end = std::min(at + piece, story.actions.size());
      for (std::size_t i = 0; i < story.actions.size(); ++i)
        if (i < at || i >= end) without.actions.push_back(story.actions[i]);
      if (fails(without)) {
        story = std::move(without);
        shorter = true;
      } else {
        at = end;
      }
    }
    if (piece > 1)
      piece /= 2;
    else if (!shorter)
      return story;
  }
}

}  // namespace dudao::simulation
