#include "tests/simulation/tally.hpp"

#include <iomanip>
#include <string_view>

namespace dudao::simulation {
namespace {

template <class Key>
void add_all(std::map<Key, std::uint64_t>& to, const std::map<Key, std::uint64_t>& from) {
  for (const auto& [key, count] : from) to[key] += count;
}

constexpr Code kAllCodes[] = {
#define DUDAO_ERROR(number, name, cls, english, chinese) Code::name,
#include "platform/errors.def"
#undef DUDAO_ERROR
};

/// With which the office refuses a device's change set or the part of a visit in it. What is no statement, not of its
/// sender, or of a newer program is tried one by one in tests/sync/office/refusal_test.cpp.
constexpr Code kRefusals[] = {
    Code::kChangesShape,     Code::kVisitUnknown,       Code::kNotInTeam,          Code::kTransitionNotAllowed,
    Code::kEventOrder,       Code::kNotYours,           Code::kVisitNotOpen,       Code::kVisitSubmitted,
    Code::kAmendTooEarly,    Code::kRowUnknown,         Code::kAnswerType,         Code::kAnswerUnknownItem,
    Code::kAnswerRange,      Code::kStateNotFollowed,   Code::kRootMissing,        Code::kRootWrong,
    Code::kChainGap,         Code::kStatementSignature, Code::kResultWrong,        Code::kAnswerOption,
    Code::kAnswerTextBad,    Code::kAnswerConstraint,   Code::kAnswerNaNotAllowed, Code::kAnswerReasonMissing,
    Code::kAnswerCalculated,
};
/// With which the office refuses a device whatever it asks.
constexpr Code kTurnedAway[] = {Code::kDeviceRevoked, Code::kDeviceForked, Code::kClockNotAgreed};

template <class State, class Event>
std::string name(const std::tuple<State, Event, Actor>& transition) {
  const auto& [state, event, actor] = transition;
  return std::string(to_string(state)) + " " + std::string(to_string(event)) + " (" + std::string(to_string(actor)) +
         ")";
}

void line(std::ostream& out, std::uint64_t count, const std::string& what) {
  out << std::setw(10) << count << "  " << what << "\n";
}

}  // namespace

void Tally::add(const Tally& other) {
  add_all(errors, other.errors);
  add_all(refusals, other.refusals);
  add_all(transitions, other.transitions);
  add_all(finding_steps, other.finding_steps);
  add_all(faults, other.faults);
  add_all(actions, other.actions);
  add_all(sizes, other.sizes);
}

void Tally::print(std::ostream& out) const {
  const auto table = [&](std::string_view title, const std::map<std::string, std::uint64_t>& rows) {
    out << title << "\n";
    for (const auto& [what, count] : rows) line(out, count, what);
  };
  table("actions", actions);
  table("faults", faults);
  table("sizes", sizes);
  out << "errors that somebody was told, and refusals of statements\n";
  for (const Code code : kAllCodes) {
    const auto told = errors.find(code);
    const auto refused = refusals.find(code);
    if (told != errors.end()) line(out, told->second, "error " + std::string(info(code).name));
    if (refused != refusals.end()) line(out, refused->second, "refusal " + std::string(info(code).name));
  }
  out << "transitions\n";
  for (const VisitTransition& row : kVisitTransitions)
    for (const Actor actor : {Actor::kOffice, Actor::kInspector, Actor::kLead, Actor::kSchool}) {
      const auto found = transitions.find({row.from, row.event, actor});
      if (found != transitions.end()) line(out, found->second, name(found->first));
    }
  out << "steps on findings\n";
  for (const auto& [step, count] : finding_steps) line(out, count, name(step));
  const auto never = missing();
  if (!never.empty()) out << "never reached\n";
  for (const std::string& what : never) out << "            " << what << "\n";
}

std::vector<std::string> Tally::missing() const {
  std::vector<std::string> out;
  for (const Code code : kRefusals)
    if (!refusals.contains(code)) out.push_back("refusal " + std::string(info(code).name));
  for (const Code code : kTurnedAway)
    if (!errors.contains(code)) out.push_back("refusal of a device " + std::string(info(code).name));
  for (const VisitTransition& row : kVisitTransitions)
    for (const Actor actor : {Actor::kOffice, Actor::kInspector, Actor::kLead})
      if ((row.actors & bit(actor)) != 0 && !transitions.contains({row.from, row.event, actor}))
        out.push_back("transition " + name(std::tuple{row.from, row.event, actor}));
  for (const FindingTransition& row : kFindingTransitions)
    for (const Actor actor : {Actor::kOffice, Actor::kInspector, Actor::kLead, Actor::kSchool})
      if ((row.actors & bit(actor)) != 0 && !finding_steps.contains({row.from, row.event, actor}))
        out.push_back("step on a finding " + name(std::tuple{row.from, row.event, actor}));
  for (const std::string_view fault : kFaults)
    if (!faults.contains(std::string(fault))) out.push_back("fault " + std::string(fault));
  return out;
}

}  // namespace dudao::simulation
