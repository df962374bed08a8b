#pragma once

/// What happens in one simulation, chosen beforehand from the seed: each action says who and what only by numbers that
/// are taken modulo what there is when its turn comes, so that a story from which actions were taken out still plays.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao::simulation {

enum class Kind : std::uint8_t {
  kWork,           ///< an inspector does one thing in a visit
  kSync,           ///< a whole run of synchronisation, with faults
  kAsk,            ///< the first half of an exchange: the request goes out, the answer stays on its way
  kTake,           ///< the second half: the answer arrives
  kCrash,          ///< the device dies in the midst of what it does next
  kReboot,         ///< the device is switched off and on
  kClock,          ///< somebody sets the device's clock
  kLockKeys,       ///< the device's key store is locked, or opened again
  kBackup,         ///< a copy of the device's data is put aside
  kRestore,        ///< and put in the place of what is there
  kByHand,         ///< somebody changes the device's records with another program, past every rule of ours
  kClone,          ///< a second machine begins with a copy of data and keys
  kEnrol,          ///< another device, or the next try of one that is not enrolled yet
  kPlan,           ///< the office plans a visit
  kDecide,         ///< the office asks, accepts, cancels …
  kFollow,         ///< the office, or a school through it, takes a step on a finding
  kJoin,           ///< the office takes somebody into a team
  kRegister,       ///< the office changes the register
  kPublish,        ///< the office publishes a new version of the checklist
  kRevoke,         ///< the office revokes a device
  kCrashOffice,    ///< the office dies in the midst of what it does next
  kRestartOffice,  ///< it is stopped and started
  kRebuildOffice,  ///< it derives everything again
};
inline constexpr std::size_t kKinds = 23;
std::string_view to_string(Kind kind);

struct Action {
  Kind kind{};
  std::uint32_t who = 0;   ///< the device
  std::uint32_t what = 0;  ///< the visit
  std::uint32_t how = 0;
  std::uint32_t more = 0;
  std::uint32_t number = 0;  ///< in the whole story; chance inside the action comes from it
};

struct Story {
  std::uint64_t seed = 0;
  std::vector<Action> actions;
};

/// `length` actions. Each story leaves out some kinds of action and favours others, so that not all of them are alike.
Story make_story(std::uint64_t seed, std::size_t length);

/// The shortest story that still fails, as far as taking actions out leads: no single one of what is left can go.
Story shorten(Story story, const std::function<bool(const Story&)>& fails);

}  // namespace dudao::simulation
