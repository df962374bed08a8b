#include "agent/agent.hpp"

#include "agent/agent_api.hpp"
#include "agent/json_schema.hpp"
#include "agent/sync_job.hpp"
#include "schema/document_html.hpp"
#include "sync/pass.hpp"

#include <map>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRequestBytes = 4u << 20;
constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxBatch = 1'000;
constexpr std::size_t kMaxNotifications = 1'000;

// JSON-RPC 2.0, section 5.1.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
/// "Server error": ours, with the number in data.
constexpr int kOurs = -32000;

const json& api() {
  static const json document = json::parse(agent_api());
  return document;
}

const json* described(const std::string& method) {
  static const std::map<std::string, const json*> methods = [] {
    std::map<std::string, const json*> out;
    for (const json& each : api().at("methods")) out.emplace(each.at("name").get<std::string>(), &each);
    return out;
  }();
  const auto found = methods.find(method);
  return found == methods.end() ? nullptr : found->second;
}

json error_object(int code, const Error& error) {
  const CodeInfo& known = info(error.code);
  return {{"code", code},
          {"message", error.message()},
          {"data",
           {{"number", static_cast<int>(error.code)},
            {"class", std::string(to_string(known.error_class))},
            {"en", std::string(known.english)},
            {"zh", std::string(known.chinese)},
            {"detail", error.detail}}}};
}

/// Depth of brackets outside strings: what the parser would recurse into.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kMaxDepth) return true;
  }
  return false;
}

/// detail texts may quote what came in; invalid UTF-8 must not make the answer fail.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

Result<Bytes> visit_id(const json& params) {
  const auto id = from_hex(params.at("visit").get<std::string>());
  if (!id || id->size() != 16) return fail(Code::kParameterWrong, "params.visit must be 32 hex digits");
  return *id;
}

std::string text(const json& params, const char* name) { return params.value(name, std::string()); }

Result<std::optional<Place>> place(const json& params) {
  if (!params.contains("place") || params["place"].is_null()) return std::optional<Place>();
  const json& given = params["place"];
  Place out;
  const auto lat = parse_decimal(given.at("lat").get<std::string>(), 7);
  const auto lon = parse_decimal(given.at("lon").get<std::string>(), 7);
  if (!lat || !lon)
    return fail(Code::kParameterWrong, "params.place must be degrees with at most 7 digits after the point");
  out.lat_e7 = *lat;
  out.lon_e7 = *lon;
  out.accuracy_cm = given.value("accuracy_cm", std::int64_t{0});
  return std::optional<Place>(out);
}

Result<std::optional<std::int64_t>> day(const json& params, const char* name) {
  if (!params.contains(name) || params[name].is_null()) return std::optional<std::int64_t>();
  const auto found = parse_date(params[name].get<std::string>());
  if (!found) return fail(Code::kParameterWrong, "params." + std::string(name) + " must be a day like 2026-09-01");
  return std::optional<std::int64_t>(*found);
}

Result<NewFinding> finding(const json& params) {
  NewFinding out;
  out.item = text(params, "item");
  out.severity = text(params, "severity");
  out.clause = text(params, "clause");
  out.text = text(params, "text");
  out.superior_unit = text(params, "superior_unit");
  DUDAO_TRY(out.due_day, day(params, "due"));
  return out;
}

EntryId entry(const json& params) {
  return {params.at("author").get<std::int64_t>(), params.at("n").get<std::int64_t>()};
}
json entry_json(const EntryId& id) { return {{"author", id.author}, {"n", id.n}}; }
json done() { return {{"done", true}}; }
json null_or(const std::string& value) { return value.empty() ? json() : json(value); }

json cell_json(const Query& q, int column) {
  if (q.null(column)) return {};
  const ValueView value = q.value(column);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* bytes = std::get_if<BytesView>(&value)) return to_hex(*bytes);
  return std::string(q.text(column));
}

}  // namespace

/// One function a method; each gets parameters that already fit the description.
class AgentMethods {
 public:
  using Method = Result<json> (AgentMethods::*)(const json& params);

  explicit AgentMethods(Agent& agent)
      : agent_(agent), platform_(agent.platform_), db_(*agent.db_), book_(agent.book_) {}

  static const std::map<std::string, Method>& table() {
    static const std::map<std::string, Method> methods = {
        {"rpc.discover", &AgentMethods::discover},
        {"agent.status", &AgentMethods::status},
        {"office.set", &AgentMethods::set_office},
        {"enrol.request", &AgentMethods::enrol},
        {"visit.list", &AgentMethods::list_visits},
        {"visit.unseal", &AgentMethods::unseal},
        {"visit.get", &AgentMethods::get_visit},
        {"visit.prepare", &AgentMethods::prepare},
        {"visit.check_in", &AgentMethods::check_in},
        {"visit.pause", &AgentMethods::pause},
        {"visit.resume", &AgentMethods::resume},
        {"visit.refuse_entry", &AgentMethods::refuse_entry},
        {"visit.no_access", &AgentMethods::no_access},
        {"visit.answer", &AgentMethods::answer},
        {"visit.reconcile", &AgentMethods::reconcile},
        {"visit.draw_classes", &AgentMethods::draw_classes},
        {"visit.finish", &AgentMethods::finish},
        {"visit.feedback", &AgentMethods::feedback},
        {"visit.feedback_sheet", &AgentMethods::feedback_sheet},
        {"visit.sign", &AgentMethods::sign},
        {"visit.submit", &AgentMethods::submit},
        {"visit.amend", &AgentMethods::amend},
        {"visit.recuse", &AgentMethods::recuse},
        {"finding.add", &AgentMethods::add_finding},
        {"finding.change", &AgentMethods::change_finding},
        {"finding.void", &AgentMethods::void_finding},
        {"finding.fix_on_site", &AgentMethods::fix_finding},
        {"finding.judge", &AgentMethods::judge_finding},
        {"finding.take_derived", &AgentMethods::take_derived},
        {"note.add", &AgentMethods::add_note},
        {"note.change", &AgentMethods::change_note},
        {"note.void", &AgentMethods::void_note},
        {"highlight.add", &AgentMethods::add_highlight},
        {"highlight.change", &AgentMethods::change_highlight},
        {"highlight.void", &AgentMethods::void_highlight},
        {"checklist.get", &AgentMethods::get_checklist},
        {"school.list", &AgentMethods::list_schools},
        {"sync.run", &AgentMethods::run_sync_now},
        {"statement.list", &AgentMethods::list_statements},
        {"statement.get", &AgentMethods::get_statement},
    };
    return methods;
  }

  Result<json> call(const std::string& method, const json& params) { return (this->*table().at(method))(params); }

 private:
  Result<json> discover(const json&) { return api(); }

  Result<json> status(const json&) {
    json out = {
        {"enrolled", false}, {"device", nullptr}, {"inspector", nullptr}, {"origin", nullptr}, {"office_url", nullptr}};
    const auto who = identity(db_);
    if (!who && who.error().code != Code::kNotEnrolled) return fail(who.error());
    if (who) {
      out["enrolled"] = true;
      out["device"] = who->device;
      out["inspector"] = who->inspector;
      out["origin"] = who->origin;
    }
    DUDAO_TRY(const auto url, text_setting(db_, "office_url"));
    if (url) out["office_url"] = *url;
    DUDAO_TRY(out["waiting"], db_.integer("SELECT count(*) FROM outbox WHERE log_index IS NULL"));
    DUDAO_TRY(out["receipted"], db_.integer("SELECT count(*) FROM outbox WHERE log_index IS NOT NULL"));
    DUDAO_TRY(out["refused"], db_.integer("SELECT count(*) FROM outbox WHERE refusal IS NOT NULL"));
    DUDAO_TRY(const std::int64_t unsealed, db_.integer("SELECT count(*) FROM journal WHERE sealed_in IS NULL"));
    out["unsealed"] = unsealed;
    DUDAO_TRY(const ClockQuality clock, clock_quality(db_, platform_.clock));
    out["clock"] = std::string(to_string(clock));
    DUDAO_TRY(const auto last, integer_setting(db_, "last_sync_utc_ms"));
    out["last_sync_utc_ms"] = last ? json(*last) : json();
    return out;
  }

  Result<json> set_office(const json& params) {
    const std::string url = params.at("url").get<std::string>();
    if (!(url.starts_with("https://") || url.starts_with("http://")) || url.ends_with("/"))
      return fail(Code::kParameterWrong, "params.url must be like https://dudao.example");
    const std::string pin = text(params, "key");
    const auto thumbprint = from_hex(pin);
    if (!pin.empty() && (!thumbprint || thumbprint->size() != 32))
      return fail(Code::kParameterWrong, "params.key must be 64 hex digits");
    DUDAO_TRY(auto transaction, Transaction::begin(db_));
    DUDAO_CHECK(put_setting(db_, "office_url", std::string_view(url)));
    DUDAO_CHECK(put_setting(db_, "office_pin", pin.empty() ? ValueView() : ValueView(std::string_view(pin))));
    DUDAO_CHECK(transaction.commit());
    return done();
  }

  Result<json> enrol(const json& params) {
    DUDAO_TRY(const std::string url, office_url());
    const std::string code_text = text(params, "code");
    const auto code = from_hex(code_text);
    if (!code || (!code->empty() && code->size() != 16))
      return fail(Code::kParameterWrong, "params.code must be 32 hex digits");
    auto key = platform_.keys.public_key(kDeviceKeyName);
    if (!key && key.error().code == Code::kKeyMissing) key = platform_.keys.create(kDeviceKeyName, Algorithm::kEd25519);
    if (!key) return fail(key.error());
    HttpRequest request;
    request.method = "POST";
    request.url = url + "/v1/enrol";
    request.headers = {{"content-type", "application/cose"}};
    request.cancelled = agent_.cancelled_;
    DUDAO_TRY(request.body,
              enrolment_request(platform_, kDeviceKeyName, *key, params.at("inspector").get<std::string>(),
                                params.at("device_name").get<std::string>(), *code));
    DUDAO_TRY(const HttpResponse answer, platform_.http.send(request));
    std::optional<Hash> pin;
    DUDAO_TRY(const auto pinned, text_setting(db_, "office_pin"));
    if (pinned) {
      pin = to_array<32>(from_hex(*pinned).value_or(Bytes()));
      if (!pin) return fail(Code::kDatabaseCorrupt, "office_pin");  // Never to be taken for "not pinned".
    }
    const auto type = answer.headers.find("content-type");
    DUDAO_TRY(const bool enrolled, take_enrolment(platform_, db_, kDeviceKeyName, *key, answer.status,
                                                  type == answer.headers.end() ? "" : type->second, answer.body, pin));
    return json{{"enrolled", enrolled}, {"thumbprint", to_hex(key->thumbprint())}};
  }

  Result<std::string> office_url() {
    DUDAO_TRY(const auto url, text_setting(db_, "office_url"));
    if (!url) return fail(Code::kOfficeNotSet);
    return *url;
  }

  Result<json> list_visits(const json& params) {
    const std::string state = text(params, "state");
    DUDAO_TRY(
        auto q,
        db_.query("SELECT v.id, v.state, v.kind, v.school, s.name, v.template, v.template_version, v.from_day, "
                  "v.to_day, m.role "
                  "FROM visit v LEFT JOIN school s ON s.code = v.school JOIN team_member m ON m.visit = v.id "
                  "WHERE m.inspector = (SELECT value FROM setting WHERE name = 'inspector') AND m.recusal IS NULL "
                  "AND (?1 = '' OR v.state = ?1) ORDER BY v.from_day, v.id"));
    q.bind(std::string_view(state));
    json out = json::array();
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) break;
      out.push_back({{"visit", to_hex(q.blob(0))},
                     {"state", std::string(q.text(1))},
                     {"kind", std::string(q.text(2))},
                     {"school", std::string(q.text(3))},
                     {"school_name", cell_json(q, 4)},
                     {"template", std::string(q.text(5))},
                     {"template_version", q.integer(6)},
                     {"from", date_text(q.integer(7))},
                     {"to", date_text(q.integer(8))},
                     {"role", std::string(q.text(9))}});
    }
    json sealed = json::array();
    DUDAO_TRY(auto waiting,
              db_.query("SELECT visit, unseal_at_utc_ms FROM sealed_assignment WHERE seal_key IS NULL AND "
                        "inspector = (SELECT value FROM setting WHERE name = 'inspector') ORDER BY 2, 1"));
    while (true) {
      DUDAO_TRY(const bool found, waiting.step());
      if (!found) return json{{"visits", std::move(out)}, {"sealed", std::move(sealed)}};
      sealed.push_back({{"visit", to_hex(waiting.blob(0))}, {"unseal_at_utc_ms", waiting.integer(1)}});
    }
  }

  Result<json> unseal(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.unseal(id, text(params, "code")));
    return get_visit(params);
  }

  /// Rows of one of the visit's tables, a member a column but the visit's id.
  Result<json> rows_of(const char* table, BytesView visit) {
    const Table& described_table = *find_table(std::string_view(table));
    std::string columns;
    for (std::size_t i = 1; i < described_table.columns.size(); ++i)
      columns += (i > 1 ? ", " : "") + described_table.columns[i].name;
    DUDAO_TRY(auto q, db_.query("SELECT " + columns + " FROM " + table + " WHERE visit = ? ORDER BY 1, 2"));
    q.bind(visit);
    json out = json::array();
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) return out;
      json row = json::object();
      for (int i = 0; i < q.columns(); ++i)
        row[described_table.columns[static_cast<std::size_t>(i) + 1].name] = cell_json(q, i);
      out.push_back(std::move(row));
    }
  }

  Result<json> get_visit(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const VisitView view_of, book_.look(id));
    json out = {{"visit", to_hex(view_of.id)},
                {"state", std::string(to_string(view_of.state))},
                {"role", view_of.actor == Actor::kLead ? "LEAD" : "MEMBER"},
                {"school", view_of.school},
                {"kind", view_of.kind},
                {"template", view_of.template_code},
                {"template_version", view_of.template_version},
                {"from", date_text(view_of.from_day)},
                {"to", date_text(view_of.to_day)},
                {"unseal_at_utc_ms", view_of.unseal_at_utc_ms ? json(*view_of.unseal_at_utc_ms) : json()},
                {"reason", null_or(view_of.reason)},
                {"clock", null_or(view_of.clock)},
                {"visible", view_of.visible},
                {"missing", view_of.missing}};
    json answers = json::object();
    if (const auto list = book_.checklist(id))
      for (const auto& [item, answer_value] : view_of.own)
        if (const Item* described_item = list->item(item))
          answers[item] = answer_to_json(*described_item, answer_value);
    out["answers"] = std::move(answers);
    out["violations"] = json::array();
    for (const Violation& violation : view_of.violations)
      out["violations"].push_back({{"item", violation.item}, {"message", violation.error.message()}});
    out["derived"] = json::array();
    for (const DerivedFinding& derived : view_of.derived)
      out["derived"].push_back({{"item", derived.item},
                                {"severity", std::string(to_string(derived.severity))},
                                {"text", std::string(derived.text.in("zh"))}});
    out["score"] = view_of.score.score ? json(*view_of.score.score) : json();
    out["band"] = view_of.score.band ? json(*view_of.score.band) : json();
    out["open_items"] = view_of.score.open;
    out["next"] = json::array();
    for (const VisitEvent event : view_of.allowed) out["next"].push_back(std::string(to_string(event)));
    for (const auto& [member, table] : {std::pair{"events", "visit_event"},
                                        {"findings", "finding"},
                                        {"carried_findings", "carried_finding"},
                                        {"results", "reinspection_result"},
                                        {"rectifications", "rectification"},
                                        {"rectification_steps", "rectification_step"},
                                        {"rectification_photos", "rectification_photo"},
                                        {"notes", "note"},
                                        {"highlights", "highlight"},
                                        {"feedback", "feedback"},
                                        {"signatures", "signature"},
                                        {"class_draws", "class_draw"},
                                        {"amendments", "amendment"},
                                        {"questions", "question"},
                                        {"disagreements", "disagreement"},
                                        {"team", "team_member"}}) {
      DUDAO_TRY(out[member], rows_of(table, id));
    }
    return out;
  }

  Result<json> prepare(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.prepare(id));
    return done();
  }
  Result<json> check_in(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const auto where, place(params));
    DUDAO_CHECK(book_.check_in(id, where, text(params, "reason")));
    return done();
  }
  Result<json> pause(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.pause(id, text(params, "reason")));
    return done();
  }
  Result<json> resume(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.resume(id));
    return done();
  }
  Result<json> refuse_entry(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const auto where, place(params));
    DUDAO_CHECK(book_.refuse_entry(id, where, text(params, "reason")));
    return done();
  }
  Result<json> no_access(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const auto where, place(params));
    DUDAO_CHECK(book_.no_access(id, where, text(params, "reason")));
    return done();
  }

  Result<json> answer(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const Checklist list, book_.checklist(id));
    const std::string code = params.at("item").get<std::string>();
    const Item* item = list.item(code);
    if (!item) return fail(Code::kAnswerUnknownItem, code.substr(0, 64));
    DUDAO_TRY(const AnswerValue value, answer_from_json(*item, params.at("value")));
    DUDAO_CHECK(book_.answer(id, code, value, text(params, "note")));
    return done();
  }

  Result<json> reconcile(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const Checklist list, book_.checklist(id));
    const std::string code = params.at("item").get<std::string>();
    const Item* item = list.item(code);
    if (!item) return fail(Code::kAnswerUnknownItem, code.substr(0, 64));
    DUDAO_TRY(const AnswerValue value, answer_from_json(*item, params.at("value")));
    DUDAO_CHECK(book_.reconcile(id, code, params.at("observer").get<std::string>(), value, text(params, "note")));
    return done();
  }

  Result<json> draw_classes(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const auto picked, book_.draw_classes(id, params.at("classes").get<std::vector<std::string>>(),
                                                    params.at("pick").get<std::size_t>()));
    return json{{"picked", picked}};
  }
  Result<json> finish(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.finish(id));
    return done();
  }
  Result<json> feedback(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const Hash document, book_.feedback(id, params.at("text").get<std::string>()));
    return json{{"document_hash", to_hex(document)}};
  }
  Result<json> feedback_sheet(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const Document sheet, book_.feedback_sheet(id, params.value("language", "zh") == "zh"));
    return json{{"number", sheet.head().number}, {"hash", to_hex(sheet.hash())}, {"html", document_html(sheet)}};
  }
  Result<json> sign(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    NewSignature signature;
    signature.role = text(params, "role");
    signature.name = text(params, "name");
    signature.outcome = text(params, "outcome");
    signature.witness = text(params, "witness");
    signature.reason = text(params, "reason");
    const auto strokes = from_base64(text(params, "strokes"));
    if (!strokes) return fail(Code::kParameterWrong, "params.strokes must be base64");
    signature.strokes = *strokes;
    DUDAO_CHECK(book_.sign(id, signature));
    return done();
  }
  Result<json> submit(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.submit(id, text(params, "waived")));
    return done();
  }
  Result<json> amend(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    const json& given = params.at("value");
    Value value;
    if (given.is_number_integer()) value = given.get<std::int64_t>();
    if (given.is_string()) value = given.get<std::string>();
    DUDAO_CHECK(book_.amend(id, params.at("target").get<std::string>(), params.at("key").get<std::string>(),
                            params.at("field").get<std::string>(), value, params.at("reason").get<std::string>()));
    return done();
  }
  Result<json> recuse(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.recuse(id, params.at("code").get<std::string>()));
    return done();
  }

  Result<json> add_finding(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const NewFinding given, finding(params));
    DUDAO_TRY(const EntryId made, book_.add_finding(id, given));
    return entry_json(made);
  }
  Result<json> change_finding(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const NewFinding given, finding(params));
    DUDAO_CHECK(book_.change_finding(id, entry(params), given));
    return done();
  }
  Result<json> void_finding(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.void_finding(id, entry(params), params.at("reason").get<std::string>()));
    return done();
  }
  Result<json> judge_finding(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    const auto found_on = from_hex(params.at("finding_visit").get<std::string>());
    if (!found_on || found_on->size() != 16) return fail(Code::kParameterWrong, "finding_visit");
    DUDAO_CHECK(book_.judge_finding(id, *found_on, entry(params), params.at("outcome").get<std::string>(),
                                    text(params, "text")));
    return done();
  }
  Result<json> fix_finding(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.fix_finding_on_site(id, entry(params)));
    return done();
  }
  Result<json> take_derived(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const int taken, book_.take_derived_findings(id, params.value("language", "zh")));
    return json{{"taken", taken}};
  }
  Result<json> add_note(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const EntryId made, book_.add_note(id, text(params, "item"), params.at("text").get<std::string>()));
    return entry_json(made);
  }
  Result<json> change_note(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.change_note(id, entry(params), params.at("text").get<std::string>()));
    return done();
  }
  Result<json> void_note(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.void_note(id, entry(params), params.at("reason").get<std::string>()));
    return done();
  }
  Result<json> add_highlight(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const EntryId made, book_.add_highlight(id, text(params, "item"), params.at("text").get<std::string>()));
    return entry_json(made);
  }
  Result<json> change_highlight(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.change_highlight(id, entry(params), params.at("text").get<std::string>()));
    return done();
  }
  Result<json> void_highlight(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_CHECK(book_.void_highlight(id, entry(params), params.at("reason").get<std::string>()));
    return done();
  }

  Result<json> get_checklist(const json& params) {
    DUDAO_TRY(const Bytes id, visit_id(params));
    DUDAO_TRY(const Checklist list, book_.checklist(id));
    const std::string language = params.value("language", "zh");
    json items = json::array();
    for (const Item* item : list.items()) {
      json options = json::array();
      for (const Option& option : item->options)
        options.push_back({{"code", option.code}, {"label", std::string(option.label.in(language))}});
      items.push_back({{"item", item->code},
                       {"type", std::string(to_string(item->type))},
                       {"title", std::string(item->title.in(language))},
                       {"guidance", std::string(item->guidance.in(language))},
                       {"section", std::string(list.sections()[item->section].title.in(language))},
                       {"options", std::move(options)},
                       {"unit", std::string(item->unit.in(language))},
                       {"decimals", item->decimals},
                       {"required", item->required},
                       {"allow_na", item->allow_na}});
    }
    return json{{"code", list.code()},
                {"version", list.version()},
                {"title", std::string(list.title().in(language))},
                {"hash", to_hex(list.hash())},
                {"items", std::move(items)}};
  }

  Result<json> list_schools(const json&) {
    DUDAO_TRY(auto q, db_.query("SELECT code, name, org_unit, stages, pupils, classes, status, head, superior_unit "
                                "FROM school ORDER BY code"));
    json out = json::array();
    while (true) {
      DUDAO_TRY(const bool found, q.step());
      if (!found) return json{{"schools", std::move(out)}};
      out.push_back({{"school", cell_json(q, 0)},
                     {"name", cell_json(q, 1)},
                     {"org_unit", cell_json(q, 2)},
                     {"stages", cell_json(q, 3)},
                     {"pupils", cell_json(q, 4)},
                     {"classes", cell_json(q, 5)},
                     {"status", cell_json(q, 6)},
                     {"head", cell_json(q, 7)},
                     {"superior_unit", cell_json(q, 8)}});
    }
  }

  Result<json> run_sync_now(const json&) {
    SyncJobOptions options;
    DUDAO_TRY(options.office_url, office_url());
    options.cancelled = agent_.cancelled_;
    options.progress = [&](const SyncReport& so_far) {
      notify("sync.progress", {{"receipted", so_far.receipted}, {"rows", so_far.rows}});
    };
    DUDAO_TRY(const SyncReport report, run_sync(platform_, db_, options));
    json refusals = json::array();
    for (const Refusal& refusal : report.refusals) {
      const CodeInfo* known = find_code(refusal.code);
      refusals.push_back({{"seq", refusal.seq},
                          {"number", refusal.code},
                          {"message", known ? std::string(known->chinese) : ""},
                          {"detail", refusal.detail},
                          {"registered", refusal.registered}});
    }
    return json{{"complete", !report.error.has_value()},
                {"error", report.error ? error_object(kOurs, *report.error)["data"] : json()},
                {"exchanges", report.exchanges},
                {"sent", report.sent},
                {"receipted", report.receipted},
                {"rows", report.rows},
                {"waiting", report.waiting},
                {"refusals", std::move(refusals)},
                {"sent_bytes", report.sent_bytes},
                {"received_bytes", report.received_bytes},
                {"next_try_utc_ms", report.next_try_utc_ms}};
  }

  Result<json> list_statements(const json& params) {
    DUDAO_TRY(const auto entries, outbox(db_, params.value("waiting", false), params.value("limit", std::size_t{100})));
    json out = json::array();
    for (const OutboxEntry& each : entries)
      out.push_back({{"seq", each.seq},
                     {"id", to_hex(each.id)},
                     {"state", each.refusal     ? "REFUSED"
                               : each.log_index ? "RECEIPTED"
                                                : "ONLY_HERE"},
                     {"urgent", each.urgent},
                     {"sealed_utc_ms", each.sealed_utc_ms},
                     {"bytes", each.bytes},
                     {"log_index", each.log_index ? json(*each.log_index) : json()},
                     {"registered_utc_s", each.registered_utc_s ? json(*each.registered_utc_s) : json()},
                     {"refusal", each.refusal ? json(*each.refusal) : json()},
                     {"refusal_detail", null_or(each.refusal_detail)}});
    return json{{"statements", std::move(out)}};
  }

  Result<json> get_statement(const json& params) {
    DUDAO_TRY(const StatementAndReceipt found, statement_of(db_, params.at("seq").get<std::uint64_t>()));
    return json{{"statement", to_base64(found.statement)},
                {"receipt", found.receipt.empty() ? json() : json(to_base64(found.receipt))}};
  }

  void notify(const char* method, json params) {
    if (agent_.notifications_.size() == kMaxNotifications) agent_.notifications_.pop_front();
    agent_.notifications_.push_back(dump({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}}));
  }

  Agent& agent_;
  Platform& platform_;
  Database& db_;
  VisitBook& book_;
};

namespace {

/// The answer to one request, or null for a notification.
json answer_one(AgentMethods& methods, const json& request) {
  const auto reply = [](const json& id, const char* member, json value) {
    return json{{"jsonrpc", "2.0"}, {"id", id}, {member, std::move(value)}};
  };
  const bool form = request.is_object() && request.value("jsonrpc", json()) == "2.0" && request.contains("method") &&
                    request["method"].is_string() &&
                    (!request.contains("id") || request["id"].is_string() || request["id"].is_number_integer() ||
                     request["id"].is_null()) &&
                    (!request.contains("params") || request["params"].is_object());
  if (!form) return reply(json(), "error", error_object(kInvalidRequest, {Code::kRequestWrong, {}}));
  const json id = request.value("id", json());
  const bool wants_answer = request.contains("id");
  const std::string method = request["method"].get<std::string>();
  const json* description = described(method);
  if (!description || !AgentMethods::table().contains(method))
    return wants_answer
               ? reply(id, "error", error_object(kMethodNotFound, {Code::kMethodNotThere, method.substr(0, 60)}))
               : json();
  json schema = {
      {"type", "object"}, {"properties", json::object()}, {"required", json::array()}, {"additionalProperties", false}};
  for (const json& param : description->at("params")) {
    schema["properties"][param.at("name").get<std::string>()] = param.at("schema");
    if (param.value("required", false)) schema["required"].push_back(param.at("name"));
  }
  const json params = request.value("params", json::object());
  if (const Status fits = check_json(params, schema, api(), "params"); !fits)
    return wants_answer ? reply(id, "error", error_object(kInvalidParams, fits.error())) : json();
  const Result<json> result = without_throwing([&] { return methods.call(method, params); });
  if (!wants_answer) return {};
  if (result) return reply(id, "result", *result);
  return reply(id, "error",
               error_object(result.error().code == Code::kParameterWrong ? kInvalidParams : kOurs, result.error()));
}

}  // namespace

std::string_view agent_api() { return kAgentApi; }

Result<std::unique_ptr<Agent>> Agent::open(Platform& platform, const std::string& database_path) {
  DUDAO_TRY(auto db, open_database(database_path, Database::Mode::kOpenOrCreate, DatabaseKind::kDevice));
  return std::unique_ptr<Agent>(new Agent(platform, std::move(db)));
}

Agent::~Agent() = default;

std::string Agent::call(std::string_view request) {
  const auto broken = [](Code code, int number) {
    return dump({{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", error_object(number, {code, {}})}});
  };
  if (request.size() > kMaxRequestBytes || too_deep(request)) return broken(Code::kRequestTooLarge, kInvalidRequest);
  const json parsed = json::parse(request, nullptr, false);
  if (parsed.is_discarded()) return broken(Code::kRequestNotJson, kParseError);
  AgentMethods methods(*this);
  if (!parsed.is_array()) {
    const json answer = answer_one(methods, parsed);
    return answer.is_null() ? std::string() : dump(answer);
  }
  if (parsed.empty() || parsed.size() > kMaxBatch) return broken(Code::kRequestWrong, kInvalidRequest);
  json answers = json::array();
  for (const json& each : parsed)
    if (json answer = answer_one(methods, each); !answer.is_null()) answers.push_back(std::move(answer));
  return answers.empty() ? std::string() : dump(answers);
}

std::string Agent::poll() {
  if (notifications_.empty()) return {};
  std::string oldest = std::move(notifications_.front());
  notifications_.pop_front();
  return oldest;
}

}  // namespace dudao
