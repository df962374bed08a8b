#pragma once

/// Who works at the office and what they may do there: roles, what each allows, and the part of the tree of units that
/// a person sees. People are rows that follow from signed decisions; how they prove who they are is login.hpp.

#include "sync/changes.hpp"
#include "sync/office/store.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

enum class Role : std::uint8_t { kAdministrator = 1, kPlanner, kReviewer, kCountyOfficer, kAuditor };
inline constexpr Role kRoles[] = {Role::kAdministrator, Role::kPlanner, Role::kReviewer, Role::kCountyOfficer,
                                  Role::kAuditor};
/// "COUNTY_OFFICER". Static storage.
std::string_view to_string(Role role) noexcept;
std::optional<Role> role_from(std::string_view name) noexcept;

/// What a method of the office asks of whoever calls it.
enum class Right : std::uint8_t {
  kOpen = 1,  ///< nothing: it is how a session begins
  kSelf,      ///< a session, whatever the role: it is about nobody else
  kLook,      ///< to see what is recorded
  kPlan,      ///< visits, campaigns and draws
  kFollowUp,  ///< reviewing what came in, and what becomes of findings
  kRegister,  ///< schools, units, inspectors
  kEnrol,     ///< devices
  kPublish,   ///< checklists, limits of time, figures of a jurisdiction
  kPeople,    ///< people of the office
  kKeep,      ///< backups, exports, rebuilding
};
inline constexpr Right kRights[] = {Right::kOpen,     Right::kSelf,  Right::kLook,    Right::kPlan,   Right::kFollowUp,
                                    Right::kRegister, Right::kEnrol, Right::kPublish, Right::kPeople, Right::kKeep};
/// "FOLLOW_UP". Static storage.
std::string_view to_string(Right right) noexcept;

/// True for kOpen and kSelf whatever the role. An administrator neither plans nor reviews and an auditor only looks;
/// whoever does several of these works holds several roles.
bool allows(Role role, Right right) noexcept;

/// What a method asks. `whole`: it concerns the whole office, so that nobody may call it who sees only a part.
struct MethodRight {
  std::string_view method;  ///< as tools/office names it
  std::string_view event;   ///< with this parameter `event` only; empty: with every other one
  Right right;
  bool whole = false;
};
/// All of them, sorted by method. Static storage.
std::span<const MethodRight> method_rights() noexcept;
/// The row for a call; none for a method that is not listed, which nobody may call.
const MethodRight* find_right(std::string_view method, std::string_view event = {}) noexcept;

/// A row of the table `person`.
struct Person {
  std::string code;
  std::string name;
  std::vector<Role> roles;  ///< rising, each once
  std::string unit;         ///< they see it and what is below; empty for the whole tree
  bool active = true;

  bool has(Role role) const noexcept;
  /// Of the roles alone.
  bool may(Right right) const noexcept;
};

/// "PLANNER,REVIEWER" in any order. Error: kPersonWrong.
Result<std::vector<Role>> roles_from(std::string_view joined);
std::string join_roles(std::span<const Role> roles);

/// Everybody who ever worked there, by code. Errors: database errors.
Result<std::vector<Person>> people(Store& rows);
/// Errors: kPersonUnknown (also who has left), database errors.
Result<Person> active_person(Store& rows, std::string_view code);
/// True until the first person was entered: nobody is there yet who could allow anything. Errors: database errors.
Result<bool> is_founding(Store& rows);

// Decisions about people; `rows` as Office::decide gives them. From the first person on there is always an active
// ADMINISTRATOR of the whole tree, so that nobody has to be asked who cannot answer.
/// Enters a person, or takes back one who left under the same name: a code never means two people. Errors: kPersonWrong
/// (code, name, roles; the code is somebody's; the first is no ADMINISTRATOR of the whole tree), kUnitUnknown.
Result<ChangesBuilder> enter_person(Store& rows, const Person& person);
struct PersonChange {
  std::string code;
  std::optional<std::string> name;
  std::optional<std::vector<Role>> roles;
  std::optional<std::string> unit;
};
/// Errors: kPersonUnknown, kPersonWrong, kUnitUnknown, kLastAdministrator.
Result<ChangesBuilder> change_person(Store& rows, const PersonChange& change);
/// The person leaves; what they decided keeps their code. Errors: kPersonUnknown, kLastAdministrator.
Result<ChangesBuilder> part_with_person(Store& rows, std::string_view code);

/// The part of the office that a unit sees: itself and all below it. What belongs to no known unit is seen by the whole
/// office only. A copy of the tree as it was; used while the rows stay as they are.
class Reach {
 public:
  /// Empty: the whole office. A unit that is not in the tree reaches nothing. Errors: database errors.
  static Result<Reach> of(Store& rows, std::string_view unit);

  bool whole() const noexcept { return whole_; }
  bool has_unit(std::string_view unit) const;
  /// Of what is not there: false, but for the whole office. Errors: database errors.
  Result<bool> has_school(Store& rows, std::string_view school) const;
  Result<bool> has_visit(Store& rows, BytesView visit) const;
  /// By the unit of the inspector's profile.
  Result<bool> has_inspector(Store& rows, std::string_view inspector) const;
  /// By the unit that decreed it.
  Result<bool> has_campaign(Store& rows, std::string_view campaign) const;
  /// A row of a register: what it says of its place must be within, and what stands under its key until now as well.
  Result<bool> has_row(Store& rows, const Table& table, std::span<const Value> cells) const;

 private:
  bool whole_ = true;
  std::set<std::string, std::less<>> units_;
};

}  // namespace dudao
