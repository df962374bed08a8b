#include "tests/fuzz/targets.hpp"

#include "agent/agent.hpp"
#include "schema/checklist.hpp"
#include "schema/csv.hpp"
#include "schema/indicators.hpp"
#include "schema/register_import.hpp"
#include "schema/xlsform.hpp"
#include "sync/answer.hpp"
#include "sync/checkpoint.hpp"
#include "sync/compress.hpp"
#include "sync/ledger_file.hpp"
#include "sync/pack.hpp"
#include "sync/receipt.hpp"
#include "tests/faults/county.hpp"
#include "tests/faults/disk.hpp"
#include "tests/simulation/chance.hpp"
#include "tools/office/listener.hpp"

#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace dudao::fuzz {
namespace {

using faults::World;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// A refusal is one of ours and never "the program is at fault".
void must_be_known(const Error& error) {
  must(find_code(static_cast<std::uint16_t>(error.code)) != nullptr, "an error has a number of ours");
  must(error.code != Code::kInternal, "nobody's input is an internal error");
}
template <class T>
bool good(const Result<T>& result) {
  if (!result) must_be_known(result.error());
  return result.has_value();
}

bool same(BytesView a, BytesView b) { return std::ranges::equal(a, b); }

// --- The county that seeds are made in and live input is thrown at.

struct County {
  World world;
  Bytes visit;

  County() {
    faults::Disk& disk = faults::Disk::install();
    disk.watch("/nothing/");
    disk.put_all({});
    simulation::seed_random_bytes(7);
    must_do(world.open_office());
    must_do(world.people());
    must_do(world.office->publish_template("王处长", faults::kChecklist).map([](auto) {}));
    must_do(world.open_agent(0));
    must_do(world.enrol(0));
    must_do(world.plan({"I001"}, 2));
    must_do(world.sync(0));
    visit = world.visit(0, 0).value();
    // The second visit is done, so that there is something of everything.
    must_do(record(1));
  }
  static void must_do(const Status& status) {
    if (!status) std::fprintf(stderr, "%s\n", status.error().message().c_str());
    must(status.has_value(), "the county can be set up");
  }
  Status record(int n) {
    return world.in_visit(0, n, [](VisitBook& book, const Bytes& id) -> Status {
      DUDAO_CHECK(book.check_in(id, {}, "室内无信号"));
      DUDAO_CHECK(book.answer(id, "S1", {std::int64_t{1}, {}, {}}, {}));
      DUDAO_CHECK(book.answer(id, "S2", {std::int64_t{12}, {}, {}}, "够"));
      DUDAO_CHECK(book.add_finding(id, {"S1", "ADVICE", {}, "通道有杂物", {}, {}}).map([](auto) {}));
      DUDAO_CHECK(book.add_note(id, {}, "校门有保安").map([](auto) {}));
      DUDAO_CHECK(book.finish(id));
      DUDAO_CHECK(book.feedback(id, "已反馈").map([](auto) {}));
      DUDAO_CHECK(book.sign(id, {"HEAD", {}, "ABSENT", {}, {}, "外出"}));
      return book.submit(id);
    });
  }
  const PublicKey& device_key() { return *key_; }
  Bytes statement() { return statement_of(*world.agents[0].db, 1)->statement; }

 private:
  std::optional<PublicKey> key_ = world.agents[0].platform.keys.public_key("device").value();
};

/// Made anew after some hundred inputs, so that it does not fill up, and for each that uses it up in another way.
County& county(std::string_view use = {}) {
  static std::unique_ptr<County> made;
  static std::string_view used;
  static int left = 0;
  if (left-- <= 0 || used != use) {
    made.reset();
    made = std::make_unique<County>();
    used = use;
    left = 300;
  }
  return *made;
}

Bytes request_body(County& in) {
  SyncPass pass(in.world.agents[0].platform, *in.world.agents[0].db, {});
  return decompress(*pass.request(), kMaxSyncPlainBytes).value();
}
/// What the office answers to what the device has to send.
Bytes answer_body(County& in) {
  SyncPass pass(in.world.agents[0].platform, *in.world.agents[0].db, {});
  const auto answer = in.world.post(in.world.agents[0], kSyncPath, *pass.request());
  return decompress(answer->body, kMaxSyncPlainBytes).value();
}

// --- CBOR.

void write_again(CborReader& in, CborWriter& out) {
  switch (*in.peek()) {
    case CborType::kInteger:
      return out.integer(*in.integer());
    case CborType::kBytes:
      return out.bytes(*in.bytes());
    case CborType::kText:
      return out.text(*in.text());
    case CborType::kBoolean:
      return out.boolean(*in.boolean());
    case CborType::kArray: {
      const std::uint64_t items = *in.array();
      out.array(items);
      for (std::uint64_t i = 0; i < items; ++i) write_again(in, out);
      return;
    }
    case CborType::kMap: {
      const std::uint64_t entries = *in.map();
      out.map(entries);
      for (std::uint64_t i = 0; i < 2 * entries; ++i) write_again(in, out);
      return;
    }
    case CborType::kTag:
      must(in.tag(kCoseSign1Tag).has_value(), "the only tag");
      out.tag(kCoseSign1Tag);
      return write_again(in, out);
    default:
      must(in.null().has_value(), "null");
      return out.null();
  }
}

void run_cbor(BytesView input) {
  CborReader check(input);
  while (!check.at_end())
    if (!good(check.item())) return;
  CborReader in(input);
  CborWriter out;
  while (!in.at_end()) write_again(in, out);
  must(same(out.written(), input), "what is accepted is written the same");
}
std::vector<Bytes> seed_cbor() {
  return {county().statement(), {0x01}, {0xa2, 0x01, 0x02, 0x20, 0xf6}, {0x82, 0xf4, 0x61, 0x61}};
}

// --- Statements and payloads.

template <class Value>
void read_and_write(BytesView input, Result<Value> (*read)(BytesView), Bytes (*write)(const Value&)) {
  const auto value = read(input);
  if (good(value)) must(same(write(*value), input), "a payload that is accepted is written the same");
}
/// Columns may be laid out in several ways; writing chooses one.
template <class Value>
void read_and_settle(BytesView input, Result<Value> (*read)(BytesView), Bytes (*write)(const Value&)) {
  const auto value = read(input);
  if (!good(value)) return;
  const Bytes once = write(*value);
  const auto again = read(once);
  must(again.has_value(), "what was written can be read");
  must(write(*again) == once, "and is written the same");
}

void run_statement(BytesView input) {
  const auto statement = parse_statement(input);
  if (!good(statement)) return;
  CborReader in(input);
  must(in.item().has_value() && in.at_end(), "a statement is one item");
  must(!verify_statement(*statement, county().device_key()) || same(input, county().statement()) ||
           statement->payload.size() != parse_statement(county().statement())->payload.size(),
       "nobody can sign for the device");
  read_and_settle(statement->payload, &read_change_set, &write_change_set);
}
std::vector<Bytes> seed_statement() {
  std::vector<Bytes> out{county().statement()};
  must(county()
           .world.office
           ->export_ledger([&](BytesView piece) -> Status {
             CborReader in(piece);
             if (in.array() && in.integer())
               if (const auto bytes = in.bytes()) out.push_back(to_bytes(*bytes));
             return {};
           })
           .has_value(),
       "the ledger can be read");
  return out;
}

void run_payload(BytesView input) {
  if (input.empty()) return;
  const BytesView payload = input.subspan(1);
  switch (input[0] % 8) {
    case 0:
      return read_and_settle(payload, &read_change_set, &write_change_set);
    case 1:
      return read_and_write(payload, &read_genesis, &write_genesis);
    case 2:
      return read_and_write(payload, &read_enrolment_request, &write_enrolment_request);
    case 3:
      return read_and_write(payload, &read_enrolment, &write_enrolment);
    case 4:
      return read_and_write(payload, &read_revocation, &write_revocation);
    case 5:
      return read_and_write(payload, &read_draw_step, &write_draw_step);
    case 6:
      return read_and_write(payload, &read_sync_request, &write_sync_request);
    default:
      return read_and_settle(payload, &read_feed_page, &write_feed_page);
  }
}
std::vector<Bytes> seed_payload() {
  std::vector<Bytes> out;
  const auto add = [&](std::uint8_t kind, BytesView payload) {
    out.push_back({kind});
    append(out.back(), payload);
  };
  for (const Bytes& each : seed_statement()) {
    const auto statement = parse_statement(each);
    if (!statement) continue;
    const StatementType type = statement->type;
    add(type == StatementType::kGenesis      ? 1
        : type == StatementType::kEnrolment  ? 3
        : type == StatementType::kRevocation ? 4
        : type == StatementType::kDraw       ? 5
                                             : 0,
        statement->payload);
  }
  CborReader request(request_body(county()));
  const Bytes body = request_body(county());
  add(6, read_bare_statement(*CborReader(body).item())->payload);
  const Bytes answer = answer_body(county());
  add(7, read_bare_statement(*CborReader(answer).item())->payload);
  return out;
}

void run_pack(BytesView input) {
  const PublicKey& key = county().device_key();
  const auto statements = unpack_statements(input, 1, key, 2'000, 1u << 20);
  if (!good(statements)) return;
  const Bytes packed = pack_statements(*statements, 1, key);
  const auto again = unpack_statements(packed, 1, key, 2'000, 2u << 20);
  must(again.has_value() && *again == *statements, "what was unpacked comes out of a pack the same");
}
std::vector<Bytes> seed_pack() {
  const Bytes body = request_body(county());
  CborReader in(body);
  const std::size_t head = in.item()->size();
  return {{body.begin() + static_cast<std::ptrdiff_t>(head), body.end()}, county().statement()};
}

void run_answer(BytesView input) {
  const auto answer = read_sync_answer(input);
  if (good(answer)) must(same(write_sync_answer(*answer), input), "an answer that is accepted is written the same");
}
std::vector<Bytes> seed_answer() { return {answer_body(county())}; }

void run_receipt(BytesView input) {
  const auto receipt = verify_receipt(input, view("another statement"), county().world.office->key());
  must(!receipt, "no receipt proves another statement");
  must_be_known(receipt.error());
}
std::vector<Bytes> seed_receipt() {
  County in;
  County::must_do(in.world.sync(0));
  return {statement_of(*in.world.agents[0].db, 1)->receipt};
}

void run_checkpoint(BytesView input) {
  const PublicKey& key = county().world.office->key();
  const auto opened = open_checkpoint(text(input), "office.example/log", key);
  if (good(opened)) must(opened->size <= 100, "the office signed no such checkpoint");
}
std::vector<Bytes> seed_checkpoint() {
  Request request;
  request.method = "GET";
  request.path = "/v1/checkpoint";
  return {county().world.office->handle(request).body};
}

void run_ledger(BytesView input) {
  const LedgerReport report = check_ledger(input, county().world.office->key().thumbprint());
  for (const LedgerProblem& each : report.problems) must_be_known(each.error);
}
std::vector<Bytes> seed_ledger() {
  Bytes out;
  must(county()
           .world.office
           ->export_ledger([&](BytesView piece) -> Status {
             append(out, piece);
             return {};
           })
           .has_value(),
       "the ledger can be read");
  return {out};
}

// --- Files of other people.

void run_csv(BytesView input) {
  if (input.empty()) return;
  const TextEncoding encoding = input[0] % 2 == 0 ? TextEncoding::kUtf8 : TextEncoding::kGb18030;
  const std::string_view file = text(input.subspan(1));
  std::size_t last = 0;
  const Status read = read_csv(file, encoding, [&](CsvRow& row) -> Status {
    must(row.line > last, "rows come in order");
    last = row.line;
    must(row.cells.size() <= kMaxCsvCells, "no more cells than are allowed");
    for (const std::string& cell : row.cells) must(is_utf8(view(cell)), "cells are text");
    return {};
  });
  if (!read) must_be_known(read.error());
  const auto map = ColumnMap::parse({"code=学校标识码", "name=学校名称", "lat=纬度", "lon=经度"});
  must(map.has_value(), "the map is good");
  static_cast<void>(good(import_schools(file, encoding, *map, {})));
}
std::vector<Bytes> seed_csv() {
  const std::string good_file =
      "\xef\xbb\xbf学校标识码,学校名称,纬度,经度\r\n140001,\"第一\"\"小学\"\"\",37.87,112.55\r\n140002,第二小学,,"
      "\r\n\r\n140001,重复,1,1\n";
  Bytes utf8{0};
  append(utf8, view(good_file));
  Bytes chinese{1, 0xd1, 0xa7, 0xd0, 0xa3, ',', 'a', '\n', 0x81, 0x30, 0x81, 0x30, ',', '"', 'x', '\n', 'y', '"'};
  return {utf8, chinese};
}

void run_template(BytesView input) {
  const auto checklist = Checklist::parse(text(input));
  if (!good(checklist)) return;
  const auto compact = Checklist::compact(text(input));
  must(compact.has_value(), "a checklist that is good can be made compact");
  must(Checklist::parse(*compact).has_value(), "and is good then");
  must(*Checklist::compact(*compact) == *compact, "and stays as it is");
  if (const Status fit = checklist->check_publishable(); !fit) must_be_known(fit.error());
}
constexpr std::string_view kEveryKind = R"x({"format":"dudao-checklist-1","code":"c","version":2,"title":{"en":"C"},
"languages":["en"],"weight":1,"sections":[{"code":"A","title":{"en":"A"},"items":[{"code":"A1","type":"single",
"title":{"en":"a"},"options":[{"code":"x","title":{"en":"x"}},{"code":"y","title":{"en":"y"}}],"required":false},
{"code":"A2","type":"decimal","decimals":2,"title":{"en":"b"},"visible_if":"A1 == 'x' and (A3 > 2 or not A3 < 1)"},
{"code":"A3","type":"calculated","title":{"en":"c"},"value":"A2 * 2 + 1"}]}]})x";

std::vector<Bytes> seed_template() { return {to_bytes(view(faults::kChecklist)), to_bytes(view(kEveryKind))}; }

/// What an import made must be a checklist that the office would publish.
void must_be_publishable(const std::string& bytes) {
  const auto checklist = Checklist::parse(bytes);
  must(checklist.has_value(), "what was made is a checklist");
  must(checklist->check_publishable().has_value(), "that may be published");
}

/// The CSV of survey and of choices, with a form feed in between.
void run_form(BytesView input) {
  FormSheets form;
  Sheet* into = &form.survey;
  std::string_view rest = text(input);
  for (const std::size_t cut = rest.find('\f'); into != nullptr;
       into = into == &form.survey ? &form.choices : nullptr) {
    const std::string_view part = into == &form.survey            ? rest.substr(0, cut)
                                  : cut == std::string_view::npos ? std::string_view()
                                                                  : rest.substr(cut + 1);
    const Status read = read_csv(part, TextEncoding::kUtf8, [&](CsvRow& row) -> Status {
      into->push_back({row.line, std::move(row.cells)});
      return {};
    });
    if (!read) return must_be_known(read.error());
  }
  const auto made = import_xlsform(form, {"form", 1, "Form", ""});
  if (!good(made)) return;
  must(made->checklist.empty() == !made->refused.empty(), "taken whole or not at all");
  for (const FormRemark& one : made->refused) must_be_known(one.error);
  for (const FormRemark& one : made->remarks) must_be_known(one.error);
  if (!made->checklist.empty()) must_be_publishable(made->checklist);
}
std::vector<Bytes> seed_form() {
  return {to_bytes(view(
      "type,name,label,relevant,constraint,calculation,required,choice_filter\nstart,start,,,,,,\n"
      "select_one yn or_other,a,A,,,,yes,\nbegin group,g,G,${a} = 'yes',,,,\ninteger,b,B,,. >= 0 and . < 9,,,\n"
      "note,n,N,${b} > 3,,,,\nend group,,,,,,,\ncalculate,c,,,,round(${b} div 3) + if(${a} = '', 0, 1),,\n"
      "select_multiple pow,m,M,not(${c} != 2),\".='none' or not(selected(., 'none'))\",,,w = ${a}\ngps,p,P,,,,,\n"
      "text,t,T,,\"regex(., '[0-9]{3}|x+') and string-length(.) < 9\",,,\n\f"
      "list_name,name,label,w\nyn,yes,Yes,\nyn,no,No,\npow,grid,Grid,yes\npow,none,None,no\npow,none,Nothing,no\n"))};
}

void run_indicators(BytesView input) {
  const auto made = import_indicators(text(input), {"system", 1});
  if (!good(made)) return;
  for (const IndicatorRemark& one : made->remarks) must_be_known(one.error);
  must_be_publishable(made->checklist);
}
std::vector<Bytes> seed_indicators() {
  return {to_bytes(
      view(R"x({"name":"S","description":"d","tree":[{"code":"1","name":"D","weight":10,"children":[{"code":"1.1",
"name":"I","dataIndicators":[{"code":"1.1-D1","name":"F","dataType":"数字","threshold":">= 5%","precision":1,"unit":"%"},
{"code":"1.1-D2","name":"T","dataType":"文本","threshold":"<= 1:15"},{"code":"1.1-D3","name":"J","dataType":"逻辑",
"threshold":"x","thresholdType":"tiered"}],"supportingMaterials":[{"code":"1.1-M1","name":"P","required":true}]}]}],
"gradingCriteria":{"name":"G","totalIndicators":1,"levels":[{"level":1,"name":"L","minQualified":1,
"maxBasicallyQualified":0,"maxUnqualified":0}],"failureCondition":{"maxUnqualified":0}}})x"))};
}

// --- The agent's door, the office, the device, the listener.

void run_json_rpc(BytesView input) {
  static int left = 0;
  static std::unique_ptr<test::FakePlatform> machine;
  static std::unique_ptr<Platform> platform;
  static std::unique_ptr<Agent> agent;
  if (left-- <= 0) {
    agent.reset();
    faults::Disk::install().remove_all("/door/");
    machine = std::make_unique<test::FakePlatform>();
    platform = std::make_unique<Platform>(machine->view());
    agent = std::move(*Agent::open(*platform, "/door/agent.db"));
    left = 200;
  }
  const std::string answer = agent->call(text(input));
  if (answer.empty()) return;
  const auto json = nlohmann::json::parse(answer, nullptr, false);
  must(!json.is_discarded(), "the answer is JSON");
  for (const auto& each : json.is_array() ? json : nlohmann::json::array({json})) {
    must(each.at("jsonrpc") == "2.0" && each.contains("id"), "the answer is JSON-RPC");
    if (!each.contains("error") || !each["error"].contains("data")) continue;
    const auto number = each["error"]["data"].at("number").get<std::uint16_t>();
    must(find_code(number) != nullptr, "an error has a number of ours");
    must(number != static_cast<std::uint16_t>(Code::kInternal), "nobody's input is an internal error");
  }
}
std::vector<Bytes> seed_json_rpc() {
  std::vector<Bytes> out{
      to_bytes(view(R"([{"jsonrpc":"2.0","id":1,"method":"rpc.discover"},{"jsonrpc":"2.0","method":"x"}])"))};
  const auto api = nlohmann::json::parse(agent_api());
  for (const auto& method : api["methods"]) {
    nlohmann::json params = nlohmann::json::object();
    for (const auto& param : method["params"]) {
      static const std::map<std::string, nlohmann::json> kExamples = {
          {"integer", 1}, {"boolean", true}, {"object", nlohmann::json::object()}, {"array", nlohmann::json::array()}};
      const auto type = param["schema"].find("type");
      const auto example = type != param["schema"].end() && type->is_string() ? kExamples.find(*type) : kExamples.end();
      params[param["name"].get<std::string>()] = example == kExamples.end() ? nlohmann::json("x") : example->second;
    }
    out.push_back(to_bytes(
        view(nlohmann::json{{"jsonrpc", "2.0"}, {"id", "a"}, {"method", method["name"]}, {"params", params}}.dump())));
  }
  return out;
}

/// An enrolled device that may write what it likes: the input is what it says has changed.
void run_office(BytesView input) {
  CborReader in(input);
  const auto changes = read_changes(in);
  if (!good(changes) || !in.at_end()) return;
  County& county_now = county("office");
  World& world = county_now.world;
  Platform& platform = world.agents[0].platform;
  const std::int64_t seq = static_cast<std::int64_t>(world.office->devices()->front().head_seq) + 1;
  ChangeSet set;
  set.seq = static_cast<std::uint64_t>(seq);
  set.prev = world.office->devices()->front().head_id;
  set.hlc = static_cast<std::uint64_t>(seq) << 16;
  set.schema_version = 1;
  set.changes = *changes;
  const PublicKey& key = county_now.device_key();
  const Signer signer = [&](BytesView message) { return platform.keys.sign("device", message); };
  const auto statement =
      sign_statement({StatementType::kChangeSet, "d1", std::to_string(seq), 1}, write_change_set(set), key, signer);
  if (!statement) return;
  SyncRequest request;
  request.device = 1;
  request.now_utc_ms = platform.clock.wall_utc_ms();
  request.feed_budget_bytes = 1u << 20;
  Bytes body = bare_statement(*sign_statement(
      {StatementType::kSyncRequest, "d1", "office.example/log", std::max<std::int64_t>(0, request.now_utc_ms / 1000)},
      write_sync_request(request), key, signer));
  append(body, pack_statements(std::vector<Bytes>{*statement}, 1, key));
  const auto answer = world.post(world.agents[0], kSyncPath, compress(body));
  must(answer->status == 200, "whatever a device says has changed, the office answers");
  const auto page = read_feed_page(
      read_bare_statement(read_sync_answer(*decompress(answer->body, kMaxSyncPlainBytes))->page)->payload);
  for (const Refusal& refusal : page->refusals)
    must(find_code(refusal.code) && refusal.code != static_cast<int>(Code::kInternal),
         "a refusal has a number of ours");
  static int asked = 0;
  if (++asked % 50 == 0) must(world.office->rebuild().has_value(), "the tables are what the ledger says");
}
Bytes changes_of_statement(BytesView statement) {
  const auto parsed = parse_statement(statement);
  CborWriter out;
  write_changes(out, read_change_set(parsed->payload)->changes);
  return std::move(out).take();
}
std::vector<Bytes> seed_office() {
  County& in = county();
  const auto changes = [](ChangesBuilder rows) {
    CborWriter out;
    write_changes(out, rows.changes());
    return std::move(out).take();
  };
  const auto event = [&](std::int64_t n, const char* name) {
    return std::vector<Value>{
        in.visit,       std::int64_t{1}, n,       std::string(name),   std::string("I001"), std::string("CHECKED"),
        Value(),        Value(),         Value(), std::string("室内"), std::int64_t{1},     std::int64_t{480},
        std::int64_t{1}};
  };
  ChangesBuilder steps;
  steps.insert("visit_event", event(1, "verify_package"));
  steps.insert("visit_event", event(2, "check_in"));
  steps.update("visit", {in.visit}, {{13, std::string("IN_PROGRESS")}});
  steps.insert("answer", {in.visit, std::string("S2"), std::string("I001"), std::int64_t{1}, Value(), Value(), Value(),
                          std::int64_t{1}, std::int64_t{480}, std::int64_t{1}});
  ChangesBuilder recuse;
  recuse.update("team_member", {in.visit, std::string("I001")}, {{3, std::string("R1")}});
  return {changes_of_statement(in.statement()), changes(steps), changes(recuse)};
}

/// An office that signs whatever it likes: the input is the rows of its page.
void run_device(BytesView input) {
  CborReader in(input);
  const auto rows = read_changes(in, kMaxFeedRows);
  if (!good(rows) || !in.at_end()) return;
  County& county_now = county("device");
  World& world = county_now.world;
  faults::Agent& agent = world.agents[0];
  SyncPass pass(agent.platform, *agent.db, {});
  const auto answer = world.post(agent, kSyncPath, *pass.request());
  const Bytes honest = *decompress(answer->body, kMaxSyncPlainBytes);
  auto read = *read_sync_answer(honest);
  FeedPage page = *read_feed_page(read_bare_statement(read.page)->payload);
  page.rows = *rows;
  const auto signed_page = sign_statement(
      {StatementType::kFeedPage, "office.example/log", "d1", std::max<std::int64_t>(0, page.office_utc_ms / 1000)},
      write_feed_page(page), world.office->key(),
      [&](BytesView m) { return world.office_platform.keys.sign("office", m); });
  if (!signed_page) return;
  const Bytes bare = bare_statement(*signed_page);
  read.page = bare;
  const auto before = agent.db->integer("SELECT count(*) FROM visit");
  const auto taken = pass.take_answer(200, kSyncContentType, compress(write_sync_answer(read)));
  if (good(taken)) return;
  must(*agent.db->integer("SELECT count(*) FROM visit") == *before, "what is refused leaves nothing");
}
std::vector<Bytes> seed_device() {
  County in;
  County::must_do(in.world.plan({"I001"}, 1));
  const Bytes answer = answer_body(in);
  const auto read = read_sync_answer(answer);
  const auto bare = read_bare_statement(read->page);
  CborWriter out;
  write_changes(out, read_feed_page(bare->payload)->rows);
  return {out.written(), changes_of_statement(in.statement())};
}

/// Bytes to a real listener. Whatever comes back is HTTP.
void run_http(BytesView input) {
  static const std::unique_ptr<Listener> listener = [] {
    ListenerOptions options;
    options.io_threads = 1;
    options.handler_threads = 1;
    auto started = Listener::start(options, [](const Request& request) {
      must(request.body.size() <= 8u << 20, "no body larger than is allowed");
      must(request.path.starts_with("/"), "a path begins at the root");
      Response out;
      out.status = 200;
      return out;
    });
    must(started.has_value(), "the listener starts");
    return std::move(*started);
  }();
  const int line = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(::connect(line, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
       "the listener takes the connection");
  static_cast<void>(::send(line, input.data(), input.size(), MSG_NOSIGNAL));
  ::shutdown(line, SHUT_WR);
  std::string heard;
  char piece[4096];
  for (ssize_t n = 0; (n = ::recv(line, piece, sizeof piece, 0)) > 0;) heard.append(piece, static_cast<std::size_t>(n));
  ::close(line);
  must(heard.empty() || heard.starts_with("HTTP/1.1 "), "the answer is HTTP");
}
std::vector<Bytes> seed_http() {
  std::vector<Bytes> out;
  for (const std::string_view each :
       {"POST /v1/sync HTTP/1.1\r\nHost: a\r\ncontent-type: x/y\r\nContent-Length: 4\r\n\r\nbody",
        "GET /v1/checkpoint HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST http://a/v1/sync HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "HEAD /v1/key HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"})
    out.push_back(to_bytes(view(each)));
  return out;
}

constexpr Target kTargets[] = {
    {"cbor", run_cbor, seed_cbor},
    {"statement", run_statement, seed_statement},
    {"payload", run_payload, seed_payload},
    {"pack", run_pack, seed_pack},
    {"answer", run_answer, seed_answer},
    {"receipt", run_receipt, seed_receipt},
    {"checkpoint", run_checkpoint, seed_checkpoint},
    {"ledger", run_ledger, seed_ledger},
    {"csv", run_csv, seed_csv},
    {"template", run_template, seed_template},
    {"form", run_form, seed_form},
    {"indicators", run_indicators, seed_indicators},
    {"json-rpc", run_json_rpc, seed_json_rpc},
    {"office", run_office, seed_office},
    {"device", run_device, seed_device},
    {"http", run_http, seed_http},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  const auto found = std::ranges::find(kTargets, name, &Target::name);
  return found == std::end(kTargets) ? nullptr : &*found;
}

}  // namespace dudao::fuzz
