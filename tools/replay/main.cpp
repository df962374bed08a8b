/// dudao-replay: real visits made again through agents in processes of their own, synchronised to one dudao-office, and
/// compared field by field with their source.

#include "agent/agent.hpp"
#include "platform/desktop/desktop.hpp"
#include "platform/desktop/files.hpp"
#include "schema/answer.hpp"
#include "sync/ledger_file.hpp"
#include "sync/office/office.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"
#include "sync/statement.hpp"
#include "tools/console/console.hpp"
#include "tools/replay/inspector.hpp"
#include "tools/replay/nigeria.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dudao::replay {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxSourceBytes = 256u << 20;
constexpr std::size_t kMaxSmallFileBytes = 1u << 20;
constexpr std::size_t kPlansAtOnce = 500;
constexpr std::size_t kShownProblems = 20;
constexpr const char* kOrigin = "replay.dudao/visits";

/// Another program with its standard output on a pipe. It ends when this one does.
struct Child {
  pid_t id = -1;
  int out = -1;
  std::string unread;
};

Result<Child> start(const std::string& program, const std::vector<std::string>& arguments, bool hears_interrupts) {
  int ends[2];
  if (pipe(ends) != 0) return fail(Code::kInternal, "pipe");
  const pid_t parent = getpid();
  const pid_t id = fork();
  if (id < 0) return fail(Code::kInternal, "fork");
  if (id == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
    if (!hears_interrupts) setpgid(0, 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    std::vector<std::string> copies = {program};
    copies.insert(copies.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& argument : copies) argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  close(ends[1]);
  return Child{id, ends[0], {}};
}

int wait_for(Child& child) {
  int status = 0;
  while (waitpid(child.id, &status, 0) < 0 && errno == EINTR) {
  }
  if (child.out >= 0) close(child.out);
  child = {};
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Complete lines that have come, without waiting longer than this. False: the other end closed.
bool read_lines(Child& child, int timeout_ms, const std::function<void(const std::string&)>& take) {
  pollfd waiting{child.out, POLLIN, 0};
  if (poll(&waiting, 1, timeout_ms) <= 0) return true;
  char buffer[4096];
  const ssize_t got = ::read(child.out, buffer, sizeof buffer);
  if (got <= 0) return got < 0 && errno == EINTR;
  child.unread.append(buffer, static_cast<std::size_t>(got));
  for (std::size_t end = child.unread.find('\n'); end != std::string::npos; end = child.unread.find('\n')) {
    take(child.unread.substr(0, end));
    child.unread.erase(0, end + 1);
  }
  return true;
}

std::string text_at(const Table& table, const StoredRow& row, std::string_view column) {
  const auto* value = std::get_if<std::string>(&row.cells[table.column(column)]);
  return value ? *value : std::string();
}
std::int64_t integer_at(const Table& table, const StoredRow& row, std::string_view column) {
  const auto* value = std::get_if<std::int64_t>(&row.cells[table.column(column)]);
  return value ? *value : 0;
}

class Replay {
 public:
  Replay(int argc, char** argv)
      : console_("dudao-replay", "Real visits, made again through agents and compared with their source.",
                 "用真实督导数据重放：经终端录入、同步并逐项核对。", argc, argv),
        programs_(std::filesystem::read_symlink("/proc/self/exe").parent_path().string()) {
    CLI::App& app = console_.app();
    CLI::App* run_command = console_.command(
        app, "run", "Record, synchronise, compare; goes on where it was stopped", "录入、同步、核对；可中断后继续",
        [this] { return run(); },
        "dudao-replay run --data ../shared/data --state build/replay\n"
        "dudao-replay run --data ../shared/data --state build/replay-60 --visits 60 --agents 3");
    run_command->add_option("--data", data_, tr("Folder that holds nigeria-visits and nigeria-form", "数据文件夹"))
        ->default_val("../shared/data");
    run_command->add_option("--state", state_, tr("Folder for office and agents", "督导办与各终端的文件夹"))
        ->required();
    run_command->add_option("--agents", agents_, tr("How many agents", "终端数"))
        ->check(CLI::Range(1, 200))
        ->default_val(20);
    run_command->add_option("--visits", limit_, tr("Only the first so many; 0: all", "仅前若干次；0 表示全部"))
        ->check(CLI::Range(0, 1'000'000))
        ->default_val(0);
    run_command
        ->add_option("--at-once", at_once_,
                     tr("How many agents record at once; 0: one for each core", "同时录入的终端数；0 表示每核一个"))
        ->check(CLI::Range(0, 200))
        ->default_val(0);

    CLI::App* one = console_.command(app, "inspector", "One agent; started by run", "单个终端，由 run 启动", [this] {
      const Status done = run_inspector(assignment_);
      return done ? kExitDone : console_.fail(done.error());
    });
    one->add_option("--folder", assignment_.folder)->required();
    one->add_option("--inspector", assignment_.inspector)->required();
    one->add_option("--url", assignment_.office_url)->required();
    one->add_option("--key", assignment_.office_key)->required();
    one->add_option("--code", assignment_.one_time_code);
    one->add_flag("--send", assignment_.send);
    one->group("");
  }

  int main() { return console_.run(); }

 private:
  std::string tr(std::string_view english, std::string_view chinese) const { return console_.tr(english, chinese); }

  int run() {
    stop_on_signals();
    if (at_once_ == 0) at_once_ = std::max(1u, std::thread::hardware_concurrency());
    const Status done = [&]() -> Status {
      DUDAO_CHECK(read_sources());
      DUDAO_CHECK(prepare());
      DUDAO_CHECK(serve());
      const Status sent = [&]() -> Status {
        DUDAO_CHECK(all_inspectors(false, at_once_, tr("visits recorded", "已录入督导")));
        const double cpu_before_s = office_cpu_s();
        const auto began = Clock::now();
        DUDAO_CHECK(all_inspectors(true, agents_, tr("agents synchronised", "已同步终端")));
        send_s_ = seconds_since(began);
        send_cpu_s_ = office_cpu_s() - cpu_before_s;
        return {};
      }();
      office_peak_kib_ = peak_memory_kib(std::to_string(served_.id));
      stop_serving();
      DUDAO_CHECK(sent);
      return verify();
    }();
    stop_serving();
    if (!done) return console_.fail(done.error());
    return report();
  }

  // --- What is to be done.

  Result<Bytes> read(const std::string& name) { return files_.read(data_ + "/" + name, kMaxSourceBytes); }

  Status read_sources() {
    DUDAO_TRY(const Bytes survey, read("nigeria-form/Education_17_04_2012__survey.csv"));
    DUDAO_TRY(const Bytes choices, read("nigeria-form/Education_17_04_2012__choices.csv"));
    DUDAO_TRY(const Bytes lgas, read("nigeria-visits/lgas.csv"));
    DUDAO_TRY(const Bytes visits, read("nigeria-visits/visits_top3states.csv"));
    DUDAO_TRY(template_, make_template(text(survey), text(choices), text(visits)));
    DUDAO_TRY(auto checklist, Checklist::parse(template_));
    checklist_.emplace(std::move(checklist));
    DUDAO_TRY(source_, read_source(text(lgas), text(visits), *checklist_));
    if (limit_ > 0 && source_.visits.size() > limit_) source_.visits.resize(limit_);
    return {};
  }

  std::string agent_folder(std::size_t agent) const {
    const std::string number = std::to_string(agent + 1);
    return state_ + "/agents/" + std::string(3 - std::min<std::size_t>(3, number.size()), '0') + number;
  }
  static std::string inspector(std::size_t agent) { return "R" + std::to_string(agent + 1); }
  std::size_t agent_of(std::size_t visit) const { return visit * agents_ / source_.visits.size(); }

  Status open_office() {
    DesktopOptions options;
    options.keys.folder = state_ + "/office/keys";
    options.keys.data_folder = state_ + "/office";
    options.keys.machine_secret_file = state_ + "/secret/office";
    options.log.least = Log::Level::kWarning;
    DUDAO_TRY(desktop_, open_desktop_platform(std::move(options)));
    platform_.emplace(desktop_->view());
    Office::Options office;
    office.database = state_ + "/office/office.db";
    office.origin = kOrigin;
    DUDAO_TRY(office_, Office::open(*platform_, office));
    return {};
  }
  void close_office() {
    office_.reset();
    platform_.reset();
    desktop_.reset();
  }

  /// Founds the office with its own program, enters what it lacks, and writes down for each agent what to answer.
  Status prepare() {
    DUDAO_CHECK(files_.make_folder(state_));
    const std::string shape = json{{"agents", agents_}, {"visits", source_.visits.size()}}.dump();
    const auto before = files_.read(state_ + "/replay.json", kMaxSmallFileBytes);
    if (before && text(*before) != shape)
      return fail(Code::kOptionWrong, state_ + ": " + std::string(text(*before)) + ", not " + shape);
    if (!before) {
      DUDAO_CHECK(files_.write(state_ + "/replay.json", view(shape)));
    }
    if (!files_.exists(state_ + "/office/office.json")) {
      DUDAO_TRY(Child init, start(programs_ + "/dudao-office", with_office({"init", "--origin", kOrigin}), false));
      if (const int code = wait_for(init); code != kExitDone) return fail(Code::kOfficeMissing, state_ + "/office");
    }
    DUDAO_CHECK(open_office());
    DUDAO_CHECK(enter_registers());
    DUDAO_CHECK(plan());
    for (std::size_t agent = 0; agent < agents_; ++agent) {
      DUDAO_CHECK(write_work(agent));
      DUDAO_TRY(const Bytes code, office_->offer_enrolment("replay", inspector(agent)));
      codes_.push_back(to_hex(code));
    }
    office_key_ = to_hex(office_->key().thumbprint());
    close_office();
    return {};
  }

  Status enter_registers() {
    std::vector<std::pair<std::string_view, std::vector<Value>>> wanted;
    for (const OrgUnit& unit : source_.units) wanted.emplace_back("org_unit", row_of(unit));
    for (const SourceVisit& visit : source_.visits) wanted.emplace_back("school", row_of(visit.school));
    for (std::size_t agent = 0; agent < agents_; ++agent) {
      Inspector person;
      person.code = person.name = inspector(agent);
      person.lead = true;
      wanted.emplace_back("inspector", row_of(person));
    }
    DUDAO_CHECK(office_->decide("replay", "register.import", [&](Store& rows) -> Result<ChangesBuilder> {
      ChangesBuilder missing;
      for (auto& [table, cells] : wanted) {
        const ValueView key = std::string_view(std::get<std::string>(cells.front()));
        DUDAO_TRY(const auto there, rows.row(*find_table(table), std::span(&key, 1)));
        if (!there) missing.insert(table, std::move(cells));
      }
      return missing;
    }));
    DUDAO_CHECK(office_->publish_template("replay", template_));
    return {};
  }

  Status plan() {
    std::set<std::string> planned;
    const Table& visits = *find_table("visit");
    DUDAO_CHECK(office_->read([&](Store& rows) {
      return rows.each_row(visits, [&](const StoredRow& row) -> Status {
        planned.insert(text_at(visits, row, "school"));
        return {};
      });
    }));
    std::vector<VisitPlan> plans;
    for (std::size_t i = 0; i < source_.visits.size(); ++i) {
      const SourceVisit& visit = source_.visits[i];
      if (!planned.contains(visit.school.code)) {
        VisitPlan plan;
        plan.school = visit.school.code;
        plan.kind = "ROUTINE";
        plan.template_code = checklist_->code();
        plan.template_version = checklist_->version();
        plan.from_day = plan.to_day = visit.day;
        plan.team = {inspector(agent_of(i))};
        plan.reason = "replay";
        plans.push_back(std::move(plan));
      }
      if (plans.size() == kPlansAtOnce || i + 1 == source_.visits.size()) {
        if (!plans.empty()) DUDAO_CHECK(office_->plan("replay", plans));
        plans.clear();
        console_.progress(tr("visits planned", "已计划督导"), i + 1, source_.visits.size());
      }
    }
    return {};
  }

  Status write_work(std::size_t agent) {
    json work = json::object();
    for (std::size_t i = 0; i < source_.visits.size(); ++i) {
      if (agent_of(i) != agent) continue;
      const SourceVisit& visit = source_.visits[i];
      json answers = json::array();
      for (const Item* item : checklist_->items())
        if (const auto answer = visit.answers.find(item->code); answer != visit.answers.end())
          answers.push_back({{"item", item->code}, {"value", answer_to_json(*item, answer->second)}});
      work[visit.school.code] = {{"place",
                                  {{"lat", decimal_text(visit.school.lat_e7.value_or(0), 7)},
                                   {"lon", decimal_text(visit.school.lon_e7.value_or(0), 7)},
                                   {"accuracy_cm", visit.accuracy_cm}}},
                                 {"answers", std::move(answers)}};
    }
    DUDAO_CHECK(files_.make_folder(agent_folder(agent)));
    return files_.write(agent_folder(agent) + "/work.json", view(work.dump()));
  }

  // --- The processes.

  std::vector<std::string> with_office(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "--data", state_ + "/office", "--secret", state_ + "/secret/office"});
    return arguments;
  }

  Status serve() {
    DUDAO_TRY(served_,
              start(programs_ + "/dudao-office",
                    with_office({"serve", "--listen", "127.0.0.1:0", "--log", state_ + "/office.log"}), false));
    std::string said;
    const auto url = [&] {
      const json document = json::parse(said, nullptr, false);
      return document.is_object() ? document.value("url", "") : std::string();
    };
    while (url().empty())
      if (!read_lines(served_, 1000, [&](const std::string& line) { said += line + '\n'; }))
        return fail(Code::kOfficeMissing, "dudao-office serve: " + said);
    url_ = url();
    return {};
  }
  void stop_serving() {
    if (served_.id < 0) return;
    kill(served_.id, SIGTERM);
    wait_for(served_);
  }
  double office_cpu_s() {
    const auto stat = files_.read("/proc/" + std::to_string(served_.id) + "/stat", kMaxSmallFileBytes);
    if (!stat) return 0;
    const std::string all(text(*stat).substr(text(*stat).rfind(')') + 2));
    std::size_t at = 0;
    double ticks = 0;
    for (int field = 3; field <= 15; ++field) {
      const std::size_t end = all.find(' ', at);
      if (field >= 14) ticks += std::stod(all.substr(at, end - at));
      at = end + 1;
    }
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

  /// Runs every agent's process, some at a time. Stops all, and starts no more, when one failed or somebody asked to.
  Status all_inspectors(bool send, std::size_t at_once, const std::string& what) {
    std::deque<std::size_t> waiting;
    for (std::size_t agent = 0; agent < agents_; ++agent) waiting.push_back(agent);
    struct Running {
      std::size_t agent;
      Child child;
    };
    std::vector<Running> running;
    std::vector<std::uint64_t> finished(agents_, 0);
    sent_here_ = 0;
    std::size_t ended = 0;
    std::optional<Error> failed;
    bool stopping = false;
    while (!waiting.empty() || !running.empty()) {
      if (!stopping && (stop_asked() || failed)) {
        stopping = true;
        waiting.clear();
        for (const Running& one : running) kill(one.child.id, SIGTERM);
        continue;
      }
      if (!waiting.empty() && running.size() < at_once) {
        const std::size_t agent = waiting.front();
        waiting.pop_front();
        std::vector<std::string> arguments = {"inspector",
                                              "--folder",
                                              agent_folder(agent),
                                              "--inspector",
                                              inspector(agent),
                                              "--url",
                                              url_,
                                              "--key",
                                              office_key_,
                                              "--code",
                                              codes_[agent],
                                              "--lang",
                                              console_.chinese() ? "zh" : "en"};
        if (send) arguments.emplace_back("--send");
        DUDAO_TRY(Child child, start("/proc/self/exe", arguments, true));
        running.push_back({agent, std::move(child)});
        continue;
      }
      for (auto one = running.begin(); one != running.end();) {
        const bool open = read_lines(one->child, running.size() > 1 ? 10 : 100,
                                     [&](const std::string& line) { finished[one->agent] = std::stoull(line); });
        if (open) {
          ++one;
          continue;
        }
        if (const int code = wait_for(one->child); code != kExitDone && !stopping && !failed)
          failed = Error{Code::kAgentStopped, inspector(one->agent) + ": " + std::to_string(code)};
        ++ended;
        one = running.erase(one);
      }
      std::uint64_t done = ended;
      if (!send) {
        done = 0;
        for (const std::uint64_t each : finished) done += each;
      }
      console_.progress(what, done, send ? agents_ : source_.visits.size());
    }
    if (failed) return fail(*failed);
    if (stop_asked()) return fail(Code::kCancelled);
    if (send)
      for (const std::uint64_t each : finished) sent_here_ += each;
    return {};
  }

  // --- The proof.

  Status verify() {
    DUDAO_CHECK(open_office());
    Bytes ledger;
    DUDAO_CHECK(office_->export_ledger([&](BytesView piece) -> Status {
      append(ledger, piece);
      return {};
    }));
    DUDAO_CHECK(files_.write(state_ + "/ledger", ledger));
    ledger_report_ = check_ledger(ledger, office_->key().thumbprint());
    DUDAO_CHECK(verify_receipts());
    return office_->read([&](Store& rows) { return compare_all(rows); });
  }

  /// Which visits' submissions stand in statements whose receipts verify, from the agents' own databases.
  Status verify_receipts() {
    for (std::size_t agent = 0; agent < agents_; ++agent) {
      DesktopOptions options;
      options.log.least = Log::Level::kError;
      DUDAO_TRY(const auto desktop, open_desktop_platform(std::move(options)));
      Platform platform = desktop->view();
      DUDAO_TRY(const auto opened, Agent::open(platform, agent_folder(agent) + "/data/agent.db"));
      for (std::int64_t seq = 1;; ++seq) {
        const json answer = json::parse(opened->call(
            json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", "statement.get"}, {"params", {{"seq", seq}}}}.dump()));
        if (answer.contains("error")) break;
        ++statements_;
        const json& found = answer["result"];
        if (found["receipt"].is_null()) continue;
        const auto bytes = from_base64(found["statement"].get<std::string>());
        const auto receipt = from_base64(found["receipt"].get<std::string>());
        if (!bytes || !receipt || !verify_receipt(*receipt, *bytes, office_->key())) continue;
        DUDAO_TRY(const Statement statement, parse_statement(*bytes));
        DUDAO_TRY(const ChangeSet change_set, read_change_set(statement.payload));
        ++receipts_;
        for (const TableChanges& table : change_set.changes.tables)
          if (table.table->name == "submission")
            for (std::size_t i = 0; i < table.inserted_rows(); ++i) {
              const auto id = std::get<BytesView>(table.row(i)[0]);
              receipted_.emplace(id.begin(), id.end());
            }
      }
      console_.progress(tr("agents' receipts checked", "已核验终端回执"), agent + 1, agents_);
    }
    return {};
  }

  Status compare_all(Store& rows) {
    std::map<std::string, StoredRow> visit_of;
    const Table& visits = *find_table("visit");
    DUDAO_CHECK(rows.each_row(visits, [&](const StoredRow& row) -> Status {
      visit_of.emplace(text_at(visits, row, "school"), row);
      return {};
    }));
    std::size_t done = 0;
    for (const SourceVisit& visit : source_.visits) {
      if (++done % 100 == 0 || done == source_.visits.size())
        console_.progress(tr("visits compared", "已核对督导"), done, source_.visits.size());
      const auto found = visit_of.find(visit.school.code);
      std::vector<std::string> differing = {tr("is not at the office", "督导办没有此督导")};
      if (found != visit_of.end()) {
        DUDAO_TRY(const StoredVisit stored, stored_visit(rows, found->second));
        differing = compare(visit, source_, stored);
        if (const std::string state = text_at(visits, found->second, "state"); state != "RECEIVED")
          differing.push_back(tr("its state is ", "状态为 ") + state);
        if (!receipted_.contains(std::get<Bytes>(found->second.cells[0])))
          differing.push_back(tr("it has no receipt that verifies", "没有可核验的回执"));
      }
      if (differing.empty())
        ++equal_;
      else
        different_.emplace_back(visit.line, std::move(differing));
    }
    return {};
  }

  static Result<StoredVisit> stored_visit(Store& rows, const StoredRow& row) {
    StoredVisit out;
    const Table& visits = *find_table("visit");
    const Bytes id = std::get<Bytes>(row.cells[0]);
    out.school = text_at(visits, row, "school");
    out.day = integer_at(visits, row, "from_day");
    const Table& schools = *find_table("school");
    const Table& units = *find_table("org_unit");
    const ValueView school_key = std::string_view(out.school);
    DUDAO_TRY(const auto school, rows.row(schools, std::span(&school_key, 1)));
    if (school) {
      out.school_name = text_at(schools, *school, "name");
      out.unit = text_at(schools, *school, "org_unit");
    }
    for (std::string code = out.unit; !code.empty();) {
      const ValueView key = std::string_view(code);
      DUDAO_TRY(const auto unit, rows.row(units, std::span(&key, 1)));
      if (!unit) break;
      out.place.insert(out.place.begin(), text_at(units, *unit, "name"));
      code = text_at(units, *unit, "parent");
    }
    const Table& events = *find_table("visit_event");
    DUDAO_CHECK(rows.each_row_of_visit(events, id, 0, [&](const StoredRow& event) -> Status {
      if (text_at(events, event, "event") != "check_in") return {};
      out.lat_e7 = integer_at(events, event, "lat_e7");
      out.lon_e7 = integer_at(events, event, "lon_e7");
      out.accuracy_cm = integer_at(events, event, "accuracy_cm");
      return {};
    }));
    const Table& answers = *find_table("answer");
    DUDAO_CHECK(rows.each_row_of_visit(answers, id, 0, [&](const StoredRow& answer) -> Status {
      AnswerValue& value = out.answers[text_at(answers, answer, "item")];
      const Value& cell = answer.cells[answers.column("value")];
      if (const auto* number = std::get_if<std::int64_t>(&cell)) value.value = *number;
      if (const auto* words = std::get_if<std::string>(&cell)) value.value = *words;
      if (const auto* total = std::get_if<std::int64_t>(&answer.cells[answers.column("total")])) value.total = *total;
      value.na_reason = text_at(answers, answer, "na_reason");
      return {};
    }));
    const Table& findings = *find_table("finding");
    DUDAO_CHECK(rows.each_row_of_visit(findings, id, 0, [&](const StoredRow& finding) -> Status {
      if (text_at(findings, finding, "void_reason").empty())
        out.finding_items.push_back(text_at(findings, finding, "item"));
      return {};
    }));
    return out;
  }

  // --- What came out.

  int report() {
    Figures all;
    for (std::size_t agent = 0; agent < agents_; ++agent) {
      const auto file = files_.read(agent_folder(agent) + "/figures.json", kMaxSmallFileBytes);
      if (!file) continue;
      const Figures one = figures_from(json::parse(text(*file), nullptr, false));
      all.visits += one.visits;
      all.saves += one.saves;
      all.record_s += one.record_s;
      all.slowest_save_s = std::max(all.slowest_save_s, one.slowest_save_s);
      all.exchanges += one.exchanges;
      all.sent_bytes += one.sent_bytes;
      all.received_bytes += one.received_bytes;
      all.peak_memory_kib = std::max(all.peak_memory_kib, one.peak_memory_kib);
      all.database_bytes += one.database_bytes;
    }
    std::error_code ignored;
    const auto office_bytes =
        static_cast<std::int64_t>(std::filesystem::file_size(state_ + "/office/office.db", ignored));
    const auto visits = static_cast<double>(source_.visits.size());
    const bool proven = different_.empty() && ledger_report_.sound() && receipts_ == statements_;
    json refused = json::array();
    for (const RefusedRow& row : source_.refused)
      refused.push_back({{"line", row.line}, {"error", console_.words(row.error)}});
    json different = json::array();
    for (const auto& [line, fields] : different_) different.push_back({{"line", line}, {"fields", fields}});
    console_.print({{"visits", source_.visits.size()},
                    {"equal", equal_},
                    {"different", different},
                    {"refused", refused},
                    {"statements", statements_},
                    {"receipts_verified", receipts_},
                    {"ledger_statements", ledger_report_.statements},
                    {"ledger_sound", ledger_report_.sound()},
                    {"agents", to_json(all)},
                    {"at_once", std::min(at_once_, agents_)},
                    {"recorded_here", all.visits},
                    {"office",
                     {{"receipted_here", sent_here_},
                      {"send_s", send_s_},
                      {"send_cpu_s", send_cpu_s_},
                      {"peak_memory_kib", office_peak_kib_},
                      {"database_bytes", office_bytes}}}});
    for (const RefusedRow& row : source_.refused)
      say(tr("  not taken, line ", "  未采用，第 "), row.line, tr(": ", " 行：") + console_.words(row.error));
    say(tr("Rows not taken, each listed above with its reason: ", "未采用的行（原因见上）："), source_.refused.size());
    say(tr("Visits: ", "督导数："), source_.visits.size(),
        tr("; equal field by field at the office: ", "；督导办逐项一致：") + std::to_string(equal_));
    for (std::size_t i = 0; i < std::min(different_.size(), kShownProblems); ++i) {
      std::string fields;
      for (const std::string& field : different_[i].second) fields += (fields.empty() ? "" : ", ") + field;
      say(tr("  differs, line ", "  不一致，第 "), different_[i].first, tr(": ", " 行：") + fields);
    }
    say(tr("Statements of the agents: ", "终端声明："), statements_,
        tr("; with a receipt that verifies: ", "；回执可核验：") + std::to_string(receipts_));
    say(tr("Statements in the office's ledger: ", "账本声明："), ledger_report_.statements,
        ledger_report_.sound() ? tr("; the ledger is sound", "；账本完好")
                               : tr("; the ledger is NOT sound", "；账本不完好"));
    for (const LedgerProblem& problem : ledger_report_.problems) console_.say("  " + console_.words(problem.error));
    if (all.visits > 0) {
      const auto recorded = static_cast<double>(all.visits);
      const std::string together = std::to_string(std::min(at_once_, agents_));
      say_figure(tr("Agent: durable visits a second, each of " + together + " at once on this disk",
                    "终端：每秒可靠保存督导（本盘同时 " + together + " 个终端，每个）"),
                 recorded / all.record_s);
      say_figure(tr("Agent: durable saves a second, each of " + together + " at once on this disk",
                    "终端：每秒可靠保存次数（本盘同时 " + together + " 个终端，每个）"),
                 static_cast<double>(all.saves) / all.record_s);
      say_figure(tr("Agent: slowest save, ms", "终端：最慢一次保存，毫秒"), all.slowest_save_s * 1000);
    }
    say_figure(tr("Wire: bytes a visit, up", "线路：每次督导上行字节"), static_cast<double>(all.sent_bytes) / visits);
    say_figure(tr("Wire: bytes a visit, down", "线路：每次督导下行字节"),
               static_cast<double>(all.received_bytes) / visits);
    say_figure(tr("Wire: round trips, all agents", "线路：往返次数合计"), static_cast<double>(all.exchanges));
    // Of this run alone: what an earlier one sent took time that is not known here.
    if (sent_here_ >= source_.visits.size() && send_s_ > 0) {
      say_figure(tr("Office: visits a second, agents on the same machine", "督导办：每秒接收督导"), visits / send_s_);
      if (send_cpu_s_ > 0)
        say_figure(tr("Office: visits a second of its own processor time", "督导办：每处理器秒接收督导"),
                   visits / send_cpu_s_);
    } else {
      console_.say(tr("Office: visits a second: not told, since an earlier run sent some of them",
                      "督导办：每秒接收督导：部分已由先前的运行发送，故不计"));
    }
    say_figure(tr("Memory: agent's peak, MiB", "内存：终端峰值 MiB"), static_cast<double>(all.peak_memory_kib) / 1024);
    say_figure(tr("Memory: office's peak, MiB", "内存：督导办峰值 MiB"), static_cast<double>(office_peak_kib_) / 1024);
    say_figure(tr("Database: agents together, MiB", "数据库：终端合计 MiB"),
               static_cast<double>(all.database_bytes) / 1048576);
    say_figure(tr("Database: office, MiB", "数据库：督导办 MiB"), static_cast<double>(office_bytes) / 1048576);
    if (all.visits < static_cast<std::int64_t>(source_.visits.size()))
      console_.say(
          tr("Some visits were recorded by runs that did not end by themselves; the figures are of the others.",
             "部分督导由未正常结束的运行录入，以上数字不含这些运行。"));
    return proven ? kExitDone : kExitAlarm;
  }
  void say(const std::string& before, std::size_t number, const std::string& after = {}) const {
    console_.say(before + std::to_string(number) + after);
  }
  void say(const std::string& before, std::int64_t number, const std::string& after = {}) const {
    console_.say(before + std::to_string(number) + after);
  }
  void say_figure(const std::string& what, double value) const {
    char number[32];
    std::snprintf(number, sizeof number, value < 100 ? "%.2f" : "%.0f", value);
    console_.say(what + ": " + number);
  }

  Console console_;
  std::string programs_;
  DesktopFiles files_;
  Assignment assignment_;
  std::string data_, state_;
  std::size_t agents_ = 20, limit_ = 0, at_once_ = 0;

  std::string template_;
  std::optional<Checklist> checklist_;
  Source source_;
  std::unique_ptr<DesktopPlatform> desktop_;
  std::optional<Platform> platform_;
  std::unique_ptr<Office> office_;
  std::vector<std::string> codes_;
  std::string office_key_, url_;
  Child served_;

  std::uint64_t sent_here_ = 0;  // Statements that this run brought to the office.
  double send_s_ = 0, send_cpu_s_ = 0;
  std::int64_t office_peak_kib_ = 0;
  LedgerReport ledger_report_;
  std::int64_t statements_ = 0, receipts_ = 0;
  std::set<Bytes> receipted_;
  std::size_t equal_ = 0;
  std::vector<std::pair<std::size_t, std::vector<std::string>>> different_;
};

}  // namespace
}  // namespace dudao::replay

// Only what fails before anything was done can escape, such as memory for the options.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return dudao::replay::Replay(argc, argv).main(); }
