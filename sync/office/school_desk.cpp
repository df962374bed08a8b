#include "sync/office/school_desk.hpp"

#include "schema/answer.hpp"
#include "schema/deadline.hpp"
#include "sync/author.hpp"

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

Response answer_with(int status, const json& document) {
  const std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
  return {status,
          {{"content-type", "application/json; charset=utf-8"}, {"cache-control", "no-store"}},
          to_bytes(view(text))};
}
Response refuse(const Error& error) {
  const CodeInfo& known = info(error.code);
  const int status = error.code == Code::kSchoolCode ? 403 : error.retryable() ? 503 : 400;
  return answer_with(status, {{"error",
                               {{"number", static_cast<int>(error.code)},
                                {"en", known.english},
                                {"zh", known.chinese},
                                {"detail", error.detail}}}});
}

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

/// What a request says; everything else in it is refused.
struct Asked {
  Hash code_hash{};
  std::string deed;
  std::optional<FindingEvent> event;  ///< where it is a step
  std::string finding;                ///< "3/1"
  std::string person, responsible, text;
  std::vector<Hash> before, after;
  Bytes data;
  Hash photo{};
};

Result<Hash> read_hash(const json& value) {
  return photo_hash_from(value.is_string() ? value.get_ref<const std::string&>() : std::string());
}

Result<Asked> read_request(const Request& request) {
  if (request.body.size() > kMaxSchoolRequestBytes) return fail(Code::kRequestTooLarge);
  const json document = json::parse(request.body.begin(), request.body.end(), nullptr, false);
  if (!document.is_object()) return fail(Code::kRequestNotJson);
  Asked out;
  std::string code;
  std::string data;
  for (const auto& [name, value] : document.items()) {
    if (name == "before" || name == "after") {
      if (!value.is_array()) return fail(Code::kParameterWrong, name);
      for (const json& one : value) {
        DUDAO_TRY(const Hash hash, read_hash(one));
        (name == "before" ? out.before : out.after).push_back(hash);
      }
      continue;
    }
    if (name == "photo") {
      DUDAO_TRY(out.photo, read_hash(value));
      continue;
    }
    std::string* const to = name == "code"          ? &code
                            : name == "do"          ? &out.deed
                            : name == "data"        ? &data
                            : name == "finding"     ? &out.finding
                            : name == "person"      ? &out.person
                            : name == "responsible" ? &out.responsible
                            : name == "text"        ? &out.text
                                                    : nullptr;
    if (!to || !value.is_string()) return fail(Code::kParameterWrong, name.substr(0, 40));
    *to = value.get<std::string>();
  }
  const auto bytes = from_hex(code);
  if (!bytes || bytes->size() != 16) return fail(Code::kSchoolCode);
  out.code_hash = sha256(*bytes);
  if (out.deed == "show" || out.deed == "see") return out;
  if (out.deed == "photo") {
    auto body = from_base64(data);
    if (!body) return fail(Code::kParameterWrong, "data");
    out.data = *std::move(body);
    return out;
  }
  out.event = finding_event_from(out.deed);
  if (out.event != FindingEvent::kAcknowledge && out.event != FindingEvent::kPlan && out.event != FindingEvent::kReport)
    return fail(Code::kParameterWrong, "do");
  return out;
}

Result<json> serve(Office& office, Clock& clock, const Request& request) {
  DUDAO_TRY(const Asked asked, read_request(request));
  const Moment at = now(clock);
  const std::int64_t today = local_day(at.utc_ms, static_cast<int>(at.offset_min));
  Bytes visit;
  json school;
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const auto code, rows.school_code(asked.code_hash));
    if (!code || code->expires_utc_ms < at.utc_ms) return fail(Code::kSchoolCode);
    visit = code->visit;
    const Table& visits = *find_table("visit");
    const ValueView id = BytesView(visit);
    DUDAO_TRY(const auto row, rows.row(visits, std::span(&id, 1)));
    if (!row) return fail(Code::kVisitUnknown, to_hex(visit));
    school["code"] = std::get<std::string>(row->cells[visits.column("school")]);
    const ValueView key = std::string_view(school["code"].get_ref<const std::string&>());
    const Table& schools = *find_table("school");
    DUDAO_TRY(const auto place, rows.row(schools, std::span(&key, 1)));
    if (place) school["name"] = std::get<std::string>(place->cells[schools.column("name")]);
    return {};
  }));
  const std::string actor = "school " + school["code"].get<std::string>();
  if (asked.deed == "photo") {
    DUDAO_TRY(const Hash kept, keep_photo(office, clock, actor, visit, asked.data));
    return json{{"photo", to_hex(kept)}};
  }
  if (asked.deed == "see") return show_photo(office, visit, asked.photo);
  if (asked.event) {
    DUDAO_CHECK(office.decide(actor, "finding." + std::string(to_string(*asked.event)),
                              [&](Store& rows) -> Result<ChangesBuilder> {
                                const auto finding = finding_key(visit, asked.finding);
                                if (!finding) return fail(Code::kFindingUnknown, "finding");
                                RectificationAct act;
                                act.finding = *finding;
                                act.event = *asked.event;
                                act.actor = Actor::kSchool;
                                act.person = asked.person;
                                act.responsible = asked.responsible;
                                act.text = asked.text;
                                act.before = asked.before;
                                act.after = asked.after;
                                RectificationSteps steps(rows, at.utc_ms, today);
                                DUDAO_CHECK(steps.take(act));
                                ChangesBuilder out;
                                steps.write(out);
                                return out;
                              }));
  }
  json out = {{"school", std::move(school)}, {"visit", to_hex(visit)}, {"findings", json::array()}};
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const auto findings, findings_of(rows, visit));
    for (const FindingView& finding : findings)
      if (finding.round > 0) out["findings"].push_back(finding_json(finding, today));
    return {};
  }));
  return out;
}

}  // namespace

Result<json> show_photo(Office& office, BytesView visit, const Hash& hash) {
  json out;
  DUDAO_CHECK(office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Bytes body, photo_body(rows, visit, hash));
    out = {{"photo", to_hex(hash)}, {"media", photo_media(body)}, {"data", to_base64(body)}};
    return {};
  }));
  return out;
}

json finding_json(const FindingView& finding, std::int64_t today) {
  json photos = json::array();
  for (const ReportPhoto& photo : finding.photos)
    photos.push_back(
        {{"photo", to_hex(photo.sha256)}, {"shows", photo.shows}, {"media", photo.media}, {"size", photo.size}});
  return {{"finding", std::to_string(finding.key.author) + "/" + std::to_string(finding.key.n)},
          {"severity", finding.severity},
          {"text", finding.text},
          {"clause", text_or_null(finding.clause)},
          {"state", to_string(finding.state)},
          {"round", finding.round},
          {"route", finding.route},
          {"superior_unit", finding.superior_unit},
          {"demand", text_or_null(finding.demand)},
          {"due", finding.due_day ? json(date_text(*finding.due_day)) : json()},
          {"overdue", finding.overdue(today)},
          {"responsible", text_or_null(finding.responsible)},
          {"plan", text_or_null(finding.plan)},
          {"report", text_or_null(finding.report)},
          {"photos", std::move(photos)}};
}

Result<Bytes> offer_school_code(Office& office, Clock& clock, std::string_view actor, BytesView visit) {
  Bytes code = random_bytes(16);
  // Nothing that stands in the log; the decision's transaction keeps the hash.
  DUDAO_CHECK(office.decide(actor, "school.code", [&](Store& rows) -> Result<ChangesBuilder> {
    const ValueView id = visit;
    DUDAO_TRY(const auto row, rows.row(*find_table("visit"), std::span(&id, 1)));
    if (!row) return fail(Code::kVisitUnknown, to_hex(visit));
    DUDAO_CHECK(rows.put_school_code({sha256(code), to_bytes(visit), clock.wall_utc_ms() + kSchoolCodeLife_ms}));
    return ChangesBuilder();
  }));
  return code;
}

Response serve_school(Office& office, Clock& clock, const Request& request) {
  const auto done = serve(office, clock, request);
  return done ? answer_with(200, *done) : refuse(done.error());
}

}  // namespace dudao
