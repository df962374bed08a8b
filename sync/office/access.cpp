#include "sync/office/access.hpp"

#include "sync/office/jurisdiction.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace dudao {
namespace {

constexpr std::size_t kMaxCodeChars = 40;
constexpr std::size_t kMaxNameChars = 100;

constexpr std::uint32_t bit(Right right) { return 1U << static_cast<unsigned>(right); }
constexpr std::uint32_t any_of_these(std::initializer_list<Right> rights) {
  std::uint32_t out = 0;
  for (const Right right : rights) out |= bit(right);
  return out;
}

// The one table of what who may do.
struct RoleRow {
  Role role;
  std::string_view name;
  std::uint32_t rights;
};
constexpr RoleRow kRoleTable[] = {
    {Role::kAdministrator, "ADMINISTRATOR",
     any_of_these({Right::kLook, Right::kRegister, Right::kEnrol, Right::kPublish, Right::kPeople, Right::kKeep})},
    {Role::kPlanner, "PLANNER", any_of_these({Right::kLook, Right::kPlan, Right::kRegister, Right::kPublish})},
    {Role::kReviewer, "REVIEWER", any_of_these({Right::kLook, Right::kFollowUp})},
    // In a county one person does the daily work.
    {Role::kCountyOfficer, "COUNTY_OFFICER",
     any_of_these({Right::kLook, Right::kPlan, Right::kFollowUp, Right::kRegister, Right::kEnrol})},
    {Role::kAuditor, "AUDITOR", any_of_these({Right::kLook})},
};

constexpr std::string_view kRightNames[] = {"OPEN",     "SELF",  "LOOK",    "PLAN",   "FOLLOW_UP",
                                            "REGISTER", "ENROL", "PUBLISH", "PEOPLE", "KEEP"};

constexpr MethodRight kMethods[] = {
    {"assign", "", Right::kPlan},
    {"backup", "", Right::kKeep, true},
    {"campaign add", "", Right::kPlan},
    {"campaign list", "", Right::kLook},
    {"deadlines due", "", Right::kLook},
    {"deadlines list", "", Right::kLook},
    {"deadlines publish", "", Right::kPublish, true},
    {"devices", "", Right::kLook},
    {"document", "", Right::kFollowUp},
    {"draw commit", "", Right::kPlan},
    {"draw files", "", Right::kLook},
    {"draw freeze", "", Right::kPlan},
    {"draw list", "", Right::kLook},
    {"draw reveal", "", Right::kPlan},
    {"draw run", "", Right::kPlan},
    {"draw void", "", Right::kPlan},
    {"due", "", Right::kLook},
    {"enrol approve", "", Right::kEnrol},
    {"enrol list", "", Right::kLook},
    {"enrol offer", "", Right::kEnrol},
    {"explain", "", Right::kLook},
    {"export-ledger", "", Right::kKeep, true},
    {"export-records", "", Right::kKeep, true},
    {"finding act", "", Right::kFollowUp},
    {"finding keep-photo", "", Right::kFollowUp},
    {"finding list", "", Right::kLook},
    {"finding photo", "", Right::kLook},
    {"finding show", "", Right::kLook},
    {"import", "", Right::kRegister},
    {"inspector assess", "", Right::kLook},
    {"inspector assessment decide", "", Right::kRegister},
    {"inspector conflict", "", Right::kRegister},
    {"inspector list", "", Right::kLook},
    {"inspector profile", "", Right::kRegister},
    {"inspector show", "", Right::kLook},
    {"inspector step", "", Right::kRegister},
    {"inspector term", "", Right::kRegister},
    {"inspector train", "", Right::kRegister},
    {"inspector void-training", "", Right::kRegister},
    {"login", "", Right::kOpen},
    {"logout", "", Right::kSelf},
    {"merge", "", Right::kPlan},
    {"password", "", Right::kSelf},
    {"person add", "", Right::kPeople},
    {"person change", "", Right::kPeople},
    {"person leave", "", Right::kPeople},
    {"person list", "", Right::kLook},
    {"person password", "", Right::kPeople},
    {"person second-factor", "", Right::kPeople},
    {"plan", "", Right::kPlan},
    {"plan-due", "", Right::kPlan},
    {"policy list", "", Right::kLook},
    {"policy set", "", Right::kPublish},
    {"proceeding list", "", Right::kLook},
    {"proceeding open", "", Right::kFollowUp},
    {"proceeding proposals", "", Right::kLook},
    {"proceeding publish-list", "", Right::kLook},
    {"proceeding show", "", Right::kLook},
    {"proceeding step", "", Right::kFollowUp},
    {"publish-template", "", Right::kPublish, true},
    {"quarantine", "", Right::kLook},
    {"rebuild", "", Right::kKeep, true},
    {"replace", "", Right::kPlan},
    {"revoke", "", Right::kEnrol},
    {"school-code", "", Right::kFollowUp},
    {"second-factor", "", Right::kSelf},
    {"statistics", "", Right::kLook},
    {"status", "", Right::kLook},
    {"unseal-code", "", Right::kPlan},
    {"visit event", "", Right::kFollowUp},
    // Calling a visit off and changing its team undo what planning did.
    {"visit event", "cancel", Right::kPlan},
    {"visit event", "recuse", Right::kPlan},
    {"visit list", "", Right::kLook},
    {"visit show", "", Right::kLook},
    {"whoami", "", Right::kSelf},
};

std::string text_or_empty(const Value& cell) {
  const auto* text = std::get_if<std::string>(&cell);
  return text ? *text : std::string();
}

Person person_of(const StoredRow& row) {
  Person out;
  out.code = text_or_empty(row.cells[0]);
  out.name = text_or_empty(row.cells[1]);
  // What a newer office wrote and this one does not know gives no right here.
  const std::string roles = text_or_empty(row.cells[2]);
  for (std::size_t at = 0; at < roles.size();) {
    const std::size_t end = std::min(roles.find(',', at), roles.size());
    if (const auto role = role_from(std::string_view(roles).substr(at, end - at))) out.roles.push_back(*role);
    at = end + 1;
  }
  out.unit = text_or_empty(row.cells[3]);
  out.active = text_or_empty(row.cells[4]) == "ACTIVE";
  return out;
}

Result<std::optional<Person>> find_person(Store& rows, std::string_view code) {
  const ValueView key = code;
  DUDAO_TRY(const auto row, rows.row(*find_table("person"), std::span(&key, 1)));
  if (!row) return std::optional<Person>();
  return std::optional(person_of(*row));
}

Status check_person(Store& rows, const Person& person) {
  const bool code = !person.code.empty() && person.code.size() <= kMaxCodeChars &&
                    std::all_of(person.code.begin(), person.code.end(),
                                [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
  if (!code) return fail(Code::kPersonWrong, "code");
  if (!is_utf8(view(person.name))) return fail(Code::kTextNotUtf8, "name");
  const bool controls = std::any_of(person.name.begin(), person.name.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (person.name.empty() || controls || count_characters(person.name) > kMaxNameChars)
    return fail(Code::kPersonWrong, "name");
  if (person.roles.empty()) return fail(Code::kPersonWrong, "roles");
  if (!person.unit.empty()) DUDAO_CHECK(units_from(rows, person.unit));
  return {};
}

bool administers_all(const Person& person) {
  return person.active && person.unit.empty() && person.has(Role::kAdministrator);
}

/// Whether somebody else than `code` could still administer everything.
Result<bool> others_administer(Store& rows, std::string_view code) {
  DUDAO_TRY(const auto all, people(rows));
  return std::any_of(all.begin(), all.end(),
                     [&](const Person& each) { return each.code != code && administers_all(each); });
}

std::vector<Value> cells_of(const Person& person) {
  return {person.code, person.name, join_roles(person.roles), person.unit,
          std::string(person.active ? "ACTIVE" : "LEFT")};
}

ChangesBuilder update_of(const Person& person) {
  ChangesBuilder out;
  const std::vector<Value> cells = cells_of(person);
  std::vector<std::pair<std::size_t, Value>> changed;
  for (std::size_t i = 1; i < cells.size(); ++i) changed.emplace_back(i, cells[i]);
  out.update("person", {person.code}, std::move(changed));
  return out;
}

Result<std::optional<std::string>> text_in(Store& rows, std::string_view table_name, const ValueView& key,
                                           std::string_view column) {
  const Table& table = *find_table(table_name);
  DUDAO_TRY(const auto row, rows.row(table, std::span(&key, 1)));
  if (!row) return std::optional<std::string>();
  return std::optional(text_or_empty(row->cells[table.column(column)]));
}

}  // namespace

std::string_view to_string(Role role) noexcept {
  const auto* const row = std::find_if(std::begin(kRoleTable), std::end(kRoleTable),
                                       [&](const RoleRow& each) { return each.role == role; });
  return row == std::end(kRoleTable) ? std::string_view() : row->name;
}

std::optional<Role> role_from(std::string_view name) noexcept {
  for (const RoleRow& row : kRoleTable)
    if (row.name == name) return row.role;
  return std::nullopt;
}

std::string_view to_string(Right right) noexcept { return kRightNames[static_cast<std::size_t>(right) - 1]; }

bool allows(Role role, Right right) noexcept {
  if (right == Right::kOpen || right == Right::kSelf) return true;
  for (const RoleRow& row : kRoleTable)
    if (row.role == role) return (row.rights & bit(right)) != 0;
  return false;
}

std::span<const MethodRight> method_rights() noexcept { return kMethods; }

const MethodRight* find_right(std::string_view method, std::string_view event) noexcept {
  const MethodRight* found = nullptr;
  for (const MethodRight& row : kMethods) {
    if (row.method != method) continue;
    if (row.event == event) return &row;
    if (row.event.empty()) found = &row;
  }
  return found;
}

bool Person::has(Role role) const noexcept { return std::find(roles.begin(), roles.end(), role) != roles.end(); }

bool Person::may(Right right) const noexcept {
  return std::any_of(roles.begin(), roles.end(), [&](Role role) { return allows(role, right); });
}

Result<std::vector<Role>> roles_from(std::string_view joined) {
  std::set<Role> found;
  for (std::size_t at = 0; at < joined.size();) {
    const std::size_t end = std::min(joined.find(',', at), joined.size());
    const std::string_view name = joined.substr(at, end - at);
    const auto role = role_from(name);
    if (!role) return fail(Code::kPersonWrong, std::string(excerpt(name, 40)));
    found.insert(*role);
    at = end + 1;
  }
  return std::vector<Role>(found.begin(), found.end());
}

std::string join_roles(std::span<const Role> roles) {
  std::string out;
  for (const Role role : roles) out += (out.empty() ? "" : ",") + std::string(to_string(role));
  return out;
}

Result<std::vector<Person>> people(Store& rows) {
  std::vector<Person> out;
  DUDAO_CHECK(rows.each_row(*find_table("person"), [&](const StoredRow& row) -> Status {
    out.push_back(person_of(row));
    return {};
  }));
  return out;
}

Result<Person> active_person(Store& rows, std::string_view code) {
  DUDAO_TRY(auto found, find_person(rows, code));
  if (!found || !found->active) return fail(Code::kPersonUnknown, std::string(excerpt(code, kMaxCodeChars)));
  return *std::move(found);
}

Result<bool> is_founding(Store& rows) {
  DUDAO_TRY(const auto all, people(rows));
  return std::none_of(all.begin(), all.end(), [](const Person& each) { return each.active; });
}

Result<ChangesBuilder> enter_person(Store& rows, const Person& person) {
  DUDAO_CHECK(check_person(rows, person));
  DUDAO_TRY(const bool others, others_administer(rows, person.code));
  if (!others && !administers_all(person))
    return fail(Code::kPersonWrong, "the first has to be an ADMINISTRATOR of the whole tree");
  DUDAO_TRY(const auto before, find_person(rows, person.code));
  if (before && (before->active || before->name != person.name))
    return fail(Code::kPersonWrong, person.code + " is somebody's");
  if (before) return update_of(person);
  ChangesBuilder out;
  out.insert("person", cells_of(person));
  return out;
}

Result<ChangesBuilder> change_person(Store& rows, const PersonChange& change) {
  DUDAO_TRY(Person person, active_person(rows, change.code));
  if (change.name) person.name = *change.name;
  if (change.roles) person.roles = *change.roles;
  if (change.unit) person.unit = *change.unit;
  DUDAO_CHECK(check_person(rows, person));
  DUDAO_TRY(const bool others, others_administer(rows, person.code));
  if (!others && !administers_all(person)) return fail(Code::kLastAdministrator, person.code);
  return update_of(person);
}

Result<ChangesBuilder> part_with_person(Store& rows, std::string_view code) {
  DUDAO_TRY(Person person, active_person(rows, code));
  DUDAO_TRY(const bool others, others_administer(rows, code));
  if (!others) return fail(Code::kLastAdministrator, person.code);
  person.active = false;
  return update_of(person);
}

Result<Reach> Reach::of(Store& rows, std::string_view unit) {
  Reach out;
  if (unit.empty()) return out;
  out.whole_ = false;
  std::map<std::string, std::string> parents;
  const Table& units = *find_table("org_unit");
  DUDAO_CHECK(rows.each_row(units, [&](const StoredRow& row) -> Status {
    parents[text_or_empty(row.cells[0])] = text_or_empty(row.cells[units.column("parent")]);
    return {};
  }));
  for (const auto& [code, parent] : parents) {
    std::string at = code;
    // No way up is longer than there are units, also where a tree bites its own tail.
    for (std::size_t steps = 0; steps <= parents.size() && !at.empty(); ++steps) {
      if (at == unit) {
        out.units_.insert(code);
        break;
      }
      const auto above = parents.find(at);
      at = above == parents.end() ? std::string() : above->second;
    }
  }
  return out;
}

bool Reach::has_unit(std::string_view unit) const { return whole_ || units_.contains(unit); }

Result<bool> Reach::has_school(Store& rows, std::string_view school) const {
  if (whole_) return true;
  DUDAO_TRY(const auto unit, text_in(rows, "school", school, "org_unit"));
  return unit && has_unit(*unit);
}

Result<bool> Reach::has_visit(Store& rows, BytesView visit) const {
  if (whole_) return true;
  DUDAO_TRY(const auto school, text_in(rows, "visit", visit, "school"));
  if (!school) return false;
  return has_school(rows, *school);
}

Result<bool> Reach::has_inspector(Store& rows, std::string_view inspector) const {
  if (whole_) return true;
  DUDAO_TRY(const auto unit, text_in(rows, "inspector_profile", inspector, "org_unit"));
  return unit && has_unit(*unit);
}

Result<bool> Reach::has_campaign(Store& rows, std::string_view campaign) const {
  if (whole_) return true;
  DUDAO_TRY(const auto unit, text_in(rows, "campaign", campaign, "authority"));
  return unit && has_unit(*unit);
}

Result<bool> Reach::has_row(Store& rows, const Table& table, std::span<const Value> cells) const {
  if (whole_) return true;
  if (table.name == "zone" || table.name == "conflict_of_interest")
    return has_school(rows, text_or_empty(cells[table.column("school")]));
  if (table.name != "org_unit" && table.name != "school") return false;
  // A unit stands below its parent: that a county makes villages is its own matter, that it moves itself is not.
  const std::size_t place = table.column(table.name == "school" ? "org_unit" : "parent");
  if (!has_unit(text_or_empty(cells[place]))) return false;
  const ValueView key = as_view(cells[0]);
  DUDAO_TRY(const auto before, rows.row(table, std::span(&key, 1)));
  return !before || has_unit(text_or_empty(before->cells[place]));
}

}  // namespace dudao
