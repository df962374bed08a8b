#include "tools/office/gate.hpp"

#include "schema/draw.hpp"
#include "tools/office/findings.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

std::string text_of(const json& params, const char* name) {
  const auto found = params.find(name);
  return found != params.end() && found->is_string() ? found->get<std::string>() : std::string();
}

tl::unexpected<Error> outside(std::string what) { return fail(Code::kOutsideUnit, std::move(what)); }

Result<bool> is_there(Store& rows, std::string_view table, const ValueView& key) {
  DUDAO_TRY(const auto row, rows.row(*find_table(table), std::span(&key, 1)));
  return row.has_value();
}

/// `within`, or not there at all.
Status pass(Store& rows, std::string_view table, const ValueView& key, const Result<bool>& within, std::string what) {
  DUDAO_TRY(const bool inside, within);
  if (inside) return {};
  DUDAO_TRY(const bool there, is_there(rows, table, key));
  return there ? Status(outside(std::move(what))) : Status();
}

Status check_visit(Store& rows, const Reach& reach, BytesView visit) {
  return pass(rows, "visit", visit, reach.has_visit(rows, visit), "visit " + to_hex(visit));
}

Status check_school(Store& rows, const Reach& reach, std::string_view school) {
  return pass(rows, "school", school, reach.has_school(rows, school), "school " + std::string(excerpt(school, 40)));
}

/// An inspector without profile is nobody's, so that only the whole office enrols their devices.
Status check_inspector(Store& rows, const Reach& reach, std::string_view inspector) {
  return pass(rows, "inspector", inspector, reach.has_inspector(rows, inspector),
              "inspector " + std::string(excerpt(inspector, 40)));
}

/// By its school; of one that is about no school by its unit.
Status check_proceeding(Store& rows, const Reach& reach, std::string_view code) {
  const Table& proceedings = *find_table("proceeding");
  const ValueView key = code;
  DUDAO_TRY(const auto row, rows.row(proceedings, std::span(&key, 1)));
  if (!row) return {};
  const auto* const school = std::get_if<std::string>(&row->cells[proceedings.column("school")]);
  const auto* const unit = std::get_if<std::string>(&row->cells[proceedings.column("org_unit")]);
  DUDAO_TRY(const bool within,
            school ? reach.has_school(rows, *school) : Result<bool>(unit != nullptr && reach.has_unit(*unit)));
  return within ? Status() : outside("proceeding " + std::string(excerpt(code, 40)));
}

/// A draw is of those whose schools are in it.
Status check_draw(Store& rows, const Reach& reach, const DrawFiles& files) {
  DUDAO_TRY(const DrawInputs inputs, read_draw(files));
  for (const FrameEntry& entry : inputs.frame) {
    DUDAO_TRY(const bool within, reach.has_school(rows, entry.school));
    if (!within) return outside("draw " + inputs.manifest.draw + ", school " + entry.school);
  }
  return {};
}

Result<std::vector<Bytes>> visits_named(const json& params) {
  std::vector<Bytes> out;
  if (const std::string id = text_of(params, "visit"); !id.empty()) out.push_back(from_hex(id).value_or(Bytes()));
  std::vector<std::string> names = params.value("findings", std::vector<std::string>());
  if (const std::string one = text_of(params, "finding"); !one.empty()) names.push_back(one);
  for (const std::string& name : names) {
    DUDAO_TRY(const FindingKey key, finding_from(name));
    out.push_back(key.visit);
  }
  return out;
}

/// What a call would be about, read outside of the store.
struct Named {
  std::string school, unit, person, campaign, authority, proceeding;
  std::vector<Bytes> visits;  ///< also those of findings and of what is proposed
  std::vector<std::string> inspectors;
  std::optional<DrawFiles> draw;
};

Result<Named> named_in(Office& office, std::string_view method, Right right, const json& params) {
  Named out;
  out.school = text_of(params, "school");
  DUDAO_TRY(out.visits, visits_named(params));
  // The figures of every jurisdiction are everybody's to read.
  if (method != "policy list") out.unit = text_of(params, "unit");
  if (right == Right::kPeople) out.person = text_of(params, "person");
  if (right == Right::kPlan && method.starts_with("campaign ")) out.campaign = text_of(params, "campaign");
  out.authority = text_of(params, "authority");
  if (right == Right::kPlan && params.contains("files")) {
    const json& files = params.at("files");
    out.draw = DrawFiles{files.at("manifest.txt"), files.at("frame.txt"), files.at("pool.txt"), files.at("recuse.txt")};
  } else if (const std::string draw = text_of(params, "draw"); right == Right::kPlan && !draw.empty()) {
    const auto publication = office.draw_publication(draw);
    if (!publication && publication.error().code != Code::kDrawNotThere) return fail(publication.error());
    if (publication) {
      out.draw.emplace();
      for (const auto& [name, content] : *publication) {
        if (name == "manifest.txt") out.draw->manifest = content;
        if (name == "frame.txt") out.draw->frame = content;
        if (name == "pool.txt") out.draw->pool = content;
        if (name == "recuse.txt") out.draw->recuse = content;
      }
    }
  }
  if (method == "proceeding step" || method == "proceeding show") out.proceeding = text_of(params, "code");
  if (const std::string proposal = text_of(params, "proposal"); !proposal.empty()) {
    const std::string about = proposal.substr(proposal.find(':') + 1);
    if (about.find(':') == std::string::npos) {
      out.visits.push_back(from_hex(about).value_or(Bytes()));
    } else {
      DUDAO_TRY(const FindingKey key, finding_from(about));
      out.visits.push_back(key.visit);
    }
  }
  if (right != Right::kEnrol && !method.starts_with("inspector ")) return out;
  if (const std::string inspector = text_of(params, "inspector"); !inspector.empty())
    out.inspectors.push_back(inspector);
  if (const std::string typed = plain_thumbprint(text_of(params, "thumbprint")); !typed.empty()) {
    // Also the one that the device claims: its request is taken away from whoever waits for it.
    DUDAO_TRY(const auto waiting, office.pending_enrolments());
    for (const PendingEnrolment& one : waiting)
      if (one.thumbprint.starts_with(typed)) out.inspectors.push_back(one.inspector);
  }
  if (const auto device = params.find("device"); device != params.end() && device->is_number_integer()) {
    DUDAO_TRY(const auto devices, office.devices());
    for (const Device& one : devices)
      if (one.no == device->get<std::int64_t>()) out.inspectors.push_back(one.inspector);
  }
  return out;
}

}  // namespace

std::string plain_thumbprint(std::string typed) {
  typed.erase(std::remove_if(typed.begin(), typed.end(), [](char c) { return c == ' ' || c == ':' || c == '-'; }),
              typed.end());
  return typed;
}

Status check_reach(Office& office, std::string_view unit, std::string_view method, Right right, const json& params) {
  if (unit.empty()) return {};
  DUDAO_TRY(const Named named, named_in(office, method, right, params));
  return office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Reach reach, Reach::of(rows, unit));
    if (!named.school.empty()) DUDAO_CHECK(check_school(rows, reach, named.school));
    for (const Bytes& visit : named.visits) DUDAO_CHECK(check_visit(rows, reach, visit));
    for (const std::string& inspector : named.inspectors) DUDAO_CHECK(check_inspector(rows, reach, inspector));
    if (named.draw) DUDAO_CHECK(check_draw(rows, reach, *named.draw));
    // Nothing named stands for the whole, which is what a figure of the nation and a person of the whole office are.
    if (!named.proceeding.empty()) DUDAO_CHECK(check_proceeding(rows, reach, named.proceeding));
    const bool of_no_place = named.school.empty() && named.visits.empty();
    const bool sets_unit = method == "policy set" || method == "person add" || method == "campaign add" ||
                           (method == "proceeding open" && of_no_place) ||
                           (method == "person change" && params.contains("unit") && !params.at("unit").is_null());
    if ((sets_unit || !named.unit.empty()) && !reach.has_unit(named.unit))
      return outside("unit " + std::string(excerpt(named.unit, 40)));
    // A campaign is of whoever ordered it, so nobody orders in the name of those above.
    if (method == "campaign add" && !named.authority.empty() && !reach.has_unit(named.authority))
      return outside("unit " + std::string(excerpt(named.authority, 40)));
    if (!named.campaign.empty())
      DUDAO_CHECK(pass(rows, "campaign", std::string_view(named.campaign), reach.has_campaign(rows, named.campaign),
                       "campaign " + std::string(excerpt(named.campaign, 40))));
    if (!named.person.empty() && method != "person add") {
      const auto person = active_person(rows, named.person);
      if (!person && person.error().code != Code::kPersonUnknown) return fail(person.error());
      if (person && !reach.has_unit(person->unit)) return outside("person " + person->code);
    }
    return {};
  });
}

Result<Admitted> admit(Office& office, Logins& logins, std::string_view method, const json& params) {
  const MethodRight* const needed = find_right(method, text_of(params, "event"));
  Admitted out;
  bool founding = false;
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    DUDAO_TRY(founding, is_founding(rows));
    return {};
  }));
  if (founding) {
    out.actor = text_of(params, "actor");
    if (out.actor.empty()) out.actor = "office";
    return out;
  }
  if (needed && needed->right == Right::kOpen) return out;
  const auto token = from_hex(text_of(params, "session"));
  if (!token || token->size() != 32) return fail(Code::kSessionOver);
  out.token = *token;
  DUDAO_TRY(out.caller, logins.who(out.token));
  const Person& person = out.caller->person;
  out.actor = person.code;
  if (!needed) return fail(Code::kNotAllowed, std::string(excerpt(method, 40)));
  if (needed->right == Right::kSelf) return out;
  if (out.caller->confined()) return fail(Code::kSecondFactorMissing, "dudao-office person second-factor");
  if (!person.may(needed->right)) return fail(Code::kNotAllowed, std::string(to_string(needed->right)));
  if (needed->whole && !person.unit.empty()) return outside(std::string(method));
  DUDAO_CHECK(check_reach(office, person.unit, method, needed->right, params));
  return out;
}

}  // namespace dudao
