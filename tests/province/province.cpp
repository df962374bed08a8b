/// A year of a province, played from a seed, and its statistics held against the play's own record. See README.md.

#include "agent/visit_book.hpp"
#include "schema/csv.hpp"
#include "schema/deadline.hpp"
#include "schema/register_import.hpp"
#include "sync/office/follow_up.hpp"
#include "sync/office/inspectors.hpp"
#include "sync/office/office.hpp"
#include "sync/office/proceeding.hpp"
#include "sync/office/statistics.hpp"
#include "sync/pass.hpp"
#include "tests/simulation/chance.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <set>

using namespace dudao;
using dudao::simulation::Chance;
using dudao::test::FakePlatform;
using dudao::test::TempFolder;

namespace {

constexpr std::int64_t kHour_ms = 3'600'000;
constexpr int kOffset_min = 480;
constexpr std::string_view kBoss = "王处长";
constexpr std::string_view kChecklist = R"({"format": "dudao-checklist-1", "code": "year", "version": 1,
  "title": {"zh": "年度督导"}, "languages": ["zh"], "weight": 2, "sections": [{"code": "S", "title": {"zh": "安全"}, "items": [
  {"code": "S1", "type": "yes_no", "title": {"zh": "消防通道畅通"}, "scoring": {"mode": "met", "weight": 1}},
  {"code": "S2", "type": "yes_no", "title": {"zh": "食堂留样齐全"}, "scoring": {"mode": "met", "weight": 1}},
  {"code": "S3", "type": "integer", "min": 0, "max": 100, "title": {"zh": "灭火器数量"}},
  {"code": "S4", "type": "text", "required": false, "title": {"zh": "其他情况"}}]}]})";

struct Settings {
  std::uint64_t seed = 1;
  std::size_t visits = 20'000, inspectors = 240, schools = 1'172;
  std::string register_file;
};

[[noreturn]] void give_up(const std::string& what) {
  std::cerr << "province: " << what << std::endl;
  std::exit(1);
}
template <class T>
T must(Result<T> result, const std::string& what) {
  if (!result) give_up(what + ": " + result.error().message());
  return *std::move(result);
}
void must(const Status& done, const std::string& what) {
  if (!done) give_up(what + ": " + done.error().message());
}

std::string numbered(const char* prefix, std::size_t n, std::size_t digits) {
  std::string number = std::to_string(n);
  return prefix + std::string(digits - std::min(digits, number.size()), '0') + number;
}

// --- What happened, in the play's own words.

enum class Fate : std::uint8_t { kPlanned, kCalledOff, kSubmitted };
struct PlayedFinding {
  std::int64_t number = 0, day = 0, due_day = 0;
  int rejections = 0;
  std::string item, severity, state;
  FindingKey key;
};
struct PlayedVisit {
  Bytes id;
  std::size_t school = 0;
  std::string kind, draw;
  std::vector<std::size_t> team;  ///< the lead first
  std::int64_t day = 0;           ///< on which it is done
  Fate fate = Fate::kPlanned;
  bool let_in = true, asked_back = false;
  std::vector<PlayedFinding> findings;
  std::vector<std::pair<std::size_t, std::size_t>> carried;  ///< visit and finding that it looks at again
};
struct PlayedSchool {
  std::string code, name, unit;
  std::int64_t pupils = 0;
  bool open = true;
};
struct PlayedInspector {
  std::string code, unit;
  std::int64_t hours = 0;
};
struct PlayedProceeding {
  std::string unit, kind, state;
};

using Lines = std::map<std::vector<std::string>, std::vector<std::int64_t>>;

// --- The machines.

struct Device {
  FakePlatform machine;
  Platform platform = machine.view();
  std::unique_ptr<Database> db;
  std::unique_ptr<VisitBook> book;
  std::int64_t number = 0;
};

class Year {
 public:
  explicit Year(const Settings& settings) : settings_(settings), chance_(settings.seed) {
    simulation::seed_random_bytes(settings.seed);
    office_machine_.clock.set_wall(begin_of_day_utc_ms(first_day_, kOffset_min));
    set_day(first_day_);
    give_key(office_machine_, "office");
    office_ =
        must(Office::open(office_platform_, {.database = folder_ / "office.db", .origin = "province.example/2026"}),
             "opening the office");
  }

  void play() {
    fill_registers();
    enrol();
    for (int month = 1; month <= 12; ++month) {
      month_begins_ = months_after(first_day_, month - 1);
      month_ends_ = months_after(first_day_, month) - 1;
      set_day(month_begins_);
      const std::size_t first = visits_.size();
      plan(month);
      visit(first);
      review(first);
      follow_up();
      hold_to_account();
      std::cout << "month " << month << ": visits " << visits_.size() << ", findings " << findings() << ", log "
                << log_size() << std::endl;
    }
    set_day(last_day_);
  }

  /// True: every statistic is what the record says.
  bool compare() {
    bool equal = true;
    for (const StatisticKind kind : kStatisticKinds) {
      StatisticScope scope;
      scope.today = last_day_;
      Statistic counted;
      must(office_->read([&](Store& rows) -> Status {
        DUDAO_TRY(counted, count_statistic(rows, kind, scope));
        return {};
      }),
           "counting");
      Lines theirs;
      for (const StatisticLine& line : counted.lines)
        for (const Figure& figure : line.figures) theirs[line.group].push_back(figure.value);
      const Lines ours = expected(kind);
      const bool same = theirs == ours;
      equal = equal && same;
      std::cout << to_string(kind) << ": " << ours.size() << " lines " << (same ? "agree" : "DIFFER") << std::endl;
      if (!same) tell_first_difference(ours, theirs);
    }
    must(office_->rebuild(), "rebuilding from the ledger");
    Request asked;
    asked.method = "GET";
    asked.path = "/v1/checkpoint";
    std::cout << "rebuilt from the ledger: equal; fingerprint of its checkpoint "
              << to_hex(sha256(office_->handle(asked).body)).substr(0, 16) << std::endl;
    return equal;
  }

  std::string summary() const {
    std::size_t submitted = 0, off = 0;
    for (const PlayedVisit& visit : visits_) {
      submitted += visit.fate == Fate::kSubmitted;
      off += visit.fate == Fate::kCalledOff;
    }
    return std::to_string(schools_.size()) + " schools, " + std::to_string(inspectors_.size()) + " inspectors, " +
           std::to_string(visits_.size()) + " visits (" + std::to_string(submitted) + " took place, " +
           std::to_string(off) + " called off), " + std::to_string(findings()) + " findings, " +
           std::to_string(proceedings_.size()) + " proceedings";
  }

 private:
  // --- Time.

  void set_day(std::int64_t day, std::int64_t hour = 9) {
    now_utc_ms_ = begin_of_day_utc_ms(day, kOffset_min) + hour * kHour_ms;
    today_ = day;
    wake(office_machine_);
  }
  void wake(FakePlatform& machine) const { machine.clock.advance(now_utc_ms_ - machine.clock.wall_utc_ms()); }
  Moment moment() { return now(office_platform_.clock); }

  void decide(std::string_view action, const std::function<Result<ChangesBuilder>(Store& rows)>& build) {
    must(office_->decide(kBoss, action, build), std::string(action));
  }

  /// One that follows from the seed, so that the whole log does.
  void give_key(FakePlatform& machine, const std::string& name) {
    const Hash secret = sha256(view(std::to_string(settings_.seed) + "/" + std::to_string(keys_++)));
    machine.keys.put(name, must(PrivateKey::from_secret(Algorithm::kEd25519, secret), "a key"));
  }

  // --- The beginning of the year.

  void fill_registers() {
    std::vector<std::array<std::string, 3>> names;  // school, city, county
    if (!settings_.register_file.empty()) {
      std::ifstream file(settings_.register_file, std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      if (content.empty()) give_up(settings_.register_file + " cannot be read");
      std::vector<std::string> head;
      must(read_csv(content, TextEncoding::kUtf8,
                    [&](CsvRow& row) -> Status {
                      if (head.empty()) {
                        head = row.cells;
                        return {};
                      }
                      std::array<std::string, 3> one;
                      for (std::size_t i = 0; i < std::min(head.size(), row.cells.size()); ++i)
                        for (std::size_t part = 0; part < 3; ++part)
                          if (head[i] == std::array{"name", "city", "area"}[part]) one[part] = row.cells[i];
                      names.push_back(std::move(one));
                      return {};
                    }),
           "reading the register");
    }
    while (names.size() < settings_.schools && settings_.register_file.empty()) {
      const std::size_t n = names.size();
      names.push_back(
          {"第" + std::to_string(n + 1) + "学校", "市" + std::to_string(n % 11), "县" + std::to_string(n % 97)});
    }
    decide("register.import", [&](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      rows.insert("org_unit", {std::string("14"), std::string("省"), std::string("省"), Value()});
      std::map<std::string, std::string> units;
      const auto unit = [&](const std::string& key, const std::string& name, const char* level,
                            const std::string& above) {
        auto [found, fresh] = units.emplace(key, "");
        if (!fresh) return found->second;
        found->second = numbered("14", units.size(), 4);
        rows.insert("org_unit", {found->second, name.empty() ? "未注明" : name, std::string(level), above});
        return found->second;
      };
      for (const auto& [name, city, county] : names) {
        const std::string above = unit(city, city, "市", "14");
        PlayedSchool school;
        school.code = numbered("14", schools_.size() + 1, 8);
        school.name = name;
        school.unit = unit(city + "/" + county, county, "县", above);
        school.pupils = static_cast<std::int64_t>(200 + chance_.below(2'500));
        school.open = !chance_.one_in(60);
        rows.insert("school", {school.code, school.name, school.unit, Value(), Value(), school.pupils, Value(), Value(),
                               Value(), Value(), std::string(school.open ? "OPEN" : "CLOSED"), std::int64_t{1}, Value(),
                               std::string("教育局") + school.unit});
        schools_.push_back(std::move(school));
      }
      for (std::size_t n = 0; n < settings_.inspectors; ++n) {
        PlayedInspector who;
        who.code = numbered("I", n + 1, 4);
        who.unit = schools_[n * schools_.size() / settings_.inspectors].unit;
        rows.insert("inspector", {who.code, "督学" + std::to_string(n + 1), std::int64_t{1}, std::int64_t{1}, Value(),
                                  Value(), std::int64_t{0}, std::string("ACTIVE")});
        rows.insert("inspector_profile", {who.code, who.unit, std::int64_t{1}, std::int64_t{12}, Value()});
        inspectors_.push_back(std::move(who));
      }
      for (std::size_t n = 0; n < schools_.size(); ++n)
        rows.insert("zone", {inspectors_[owner(n)].code, schools_[n].code, Value()});
      return rows;
    });
    must(office_->publish_template(kBoss, kChecklist), "publishing the checklist");
    for (PlayedInspector& who : inspectors_) {
      const std::size_t courses = chance_.below(4);
      for (std::size_t i = 0; i < courses; ++i) {
        TrainingEntry entry;
        entry.day = first_day_;
        entry.hours = static_cast<std::int64_t>(4 + chance_.below(20));
        entry.title = "法治与安全";
        entry.person = kBoss;
        who.hours += entry.hours;
        decide("training.add",
               [&](Store& rows) { return add_training(rows, who.code, entry, moment().utc_ms, today_); });
      }
    }
  }
  std::size_t owner(std::size_t school) const { return school * inspectors_.size() / schools_.size(); }

  void enrol() {
    for (const PlayedInspector& who : inspectors_) {
      auto device = std::make_unique<Device>();
      device->machine.clock.set_wall(now_utc_ms_);
      Device& at = *device;
      at.machine.http.set_handler([this](const HttpRequest& request) {
        Request out;
        out.method = request.method;
        out.path = request.url.substr(request.url.find("/v1"));
        out.headers = request.headers;
        out.body = request.body;
        Response in = office_->handle(out);
        HttpResponse answer;
        answer.status = in.status;
        answer.headers = std::move(in.headers);
        answer.body = std::move(in.body);
        return answer;
      });
      at.db = must(open_database(folder_ / (who.code + ".db"), Database::Mode::kOpenOrCreate, DatabaseKind::kDevice),
                   "opening a device");
      const Bytes code = must(office_->offer_enrolment(kBoss, who.code), "offering");
      give_key(at.machine, "device");
      const PublicKey key = must(at.platform.keys.public_key("device"), "its key");
      const HttpResponse answer =
          post(at, "/v1/enrol", must(enrolment_request(at.platform, "device", key, who.code, "平板", code), "asking"));
      if (!must(take_enrolment(at.platform, *at.db, "device", key, answer.status, content_type(answer), answer.body,
                               office_->key().thumbprint()),
                "enrolling"))
        give_up("not enrolled");
      at.number = must(identity(*at.db), "identity").device;
      at.book = std::make_unique<VisitBook>(at.platform, *at.db);
      devices_.push_back(std::move(device));
    }
  }
  static HttpResponse post(Device& device, std::string_view path, Bytes body) {
    HttpRequest request;
    request.method = "POST";
    request.url = "http://office" + std::string(path);
    request.body = std::move(body);
    return must(device.platform.http.send(request), "the network");
  }
  static std::string content_type(const HttpResponse& answer) {
    const auto found = answer.headers.find("content-type");
    return found == answer.headers.end() ? "" : found->second;
  }
  void sync(Device& device) {
    wake(device.machine);
    SyncPass pass(device.platform, *device.db);
    while (true) {
      const HttpResponse answer = post(device, kSyncPath, must(pass.request(), "sealing"));
      const PassReport report =
          must(pass.take_answer(answer.status, content_type(answer), answer.body), "taking the answer");
      for (const Refusal& refusal : report.refusals)
        give_up("refused " + std::to_string(refusal.code) + " " + refusal.detail);
      if (!report.again) return;
    }
  }

  // --- A month.

  void plan(int month) {
    const std::size_t whole = settings_.visits * static_cast<std::size_t>(month) / 12;
    if (month % 3 == 1) draw(month);
    look_again();
    std::vector<VisitPlan> plans;
    std::vector<PlayedVisit> played;
    while (visits_.size() + played.size() < whole) {
      PlayedVisit visit;
      visit.school = chance_.below(schools_.size());
      if (!schools_[visit.school].open) continue;
      const bool special = chance_.one_in(40) && inspectors_.size() >= 3;
      visit.kind = special ? "SPECIAL" : "ROUTINE";
      const std::size_t lead = owner(visit.school);
      for (std::size_t i = 0; i < (special ? 3U : 1U); ++i) visit.team.push_back((lead + i) % inspectors_.size());
      plans.push_back(plan_of(visit));
      played.push_back(std::move(visit));
    }
    for (std::size_t at = 0; at < plans.size(); at += 200) {
      const std::vector<VisitPlan> some(plans.begin() + static_cast<std::ptrdiff_t>(at),
                                        plans.begin() + static_cast<std::ptrdiff_t>(std::min(plans.size(), at + 200)));
      const auto ids = must(office_->plan(kBoss, some), "planning");
      for (std::size_t i = 0; i < ids.size(); ++i) {
        played[at + i].id = ids[i];
        visits_.push_back(std::move(played[at + i]));
      }
    }
  }
  VisitPlan plan_of(const PlayedVisit& visit) const {
    VisitPlan plan;
    plan.school = schools_[visit.school].code;
    plan.kind = visit.kind;
    plan.announced = visit.kind == "SPECIAL";
    plan.template_code = "year";
    plan.template_version = 1;
    plan.from_day = month_begins_;
    plan.to_day = month_ends_;
    for (const std::size_t who : visit.team) plan.team.push_back(inspectors_[who].code);
    plan.reason = "年度安排";
    return plan;
  }
  void draw(int month) {
    const std::string code = "SX-2026-" + std::to_string(month);
    std::vector<FrameEntry> frame;
    for (const PlayedSchool& school : schools_)
      frame.push_back({school.code, "ALL", 1, school.open ? FrameStatus::kEligible : FrameStatus::kClosed});
    std::vector<PoolEntry> pool;
    for (const PlayedInspector& who : inspectors_) pool.push_back({who.code, 2, true});
    const auto quota = static_cast<std::uint32_t>(std::max<std::size_t>(1, inspectors_.size() / 4));
    const DrawFiles files = must(freeze_draw(code, {{"ALL", quota}}, 2, "lottery", frame, pool, {}), "freezing");
    must(office_->commit_draw(kBoss, code, files), "committing");
    PlayedVisit pattern;
    pattern.kind = "RANDOM";
    VisitPlan plan = plan_of(pattern);
    plan.reason.clear();
    plan.unseal_at_utc_ms = now_utc_ms_ + kHour_ms;
    const std::string entropy =
        std::to_string(1 + chance_.below(30)) + "." + std::to_string(31 + chance_.below(9)) + "./";
    const Draw drawn = must(office_->run_draw(kBoss, code, entropy, plan), "drawing");
    // What the draw came to is on the notice board; that the visits are those, the devices will see.
    std::map<std::string, Bytes> ids;
    must(office_->read([&](Store& rows) {
      return rows.each_row(*find_table("visit"), [&](const StoredRow& row) -> Status {
        if (row.cells[find_table("visit")->column("draw")] == Value(code))
          ids[std::get<std::string>(row.cells[1])] = std::get<Bytes>(row.cells[0]);
        return {};
      });
    }),
         "reading the plan");
    for (const DrawnStratum& stratum : drawn.strata()) {
      for (const DrawnSchool& school : stratum.schools) {
        if (school.state != DrawnState::kSelected) continue;
        PlayedVisit visit = pattern;
        const std::string& name = drawn.inputs().frame[school.school].school;
        visit.school = static_cast<std::size_t>(
            std::find_if(schools_.begin(), schools_.end(), [&](const PlayedSchool& s) { return s.code == name; }) -
            schools_.begin());
        visit.id = ids.at(name);
        visit.draw = code;
        const auto lead = drawn.lead_of(school);
        if (lead) visit.team.push_back(place_of(drawn.inputs().pool[*lead].inspector));
        for (const std::uint32_t who : school.team)
          if (who != lead) visit.team.push_back(place_of(drawn.inputs().pool[who].inspector));
        visits_.push_back(std::move(visit));
      }
    }
    draws_[code] = "COMMITTED";
  }
  std::size_t place_of(std::string_view inspector) const {
    return static_cast<std::size_t>(std::find_if(inspectors_.begin(), inspectors_.end(),
                                                 [&](const PlayedInspector& who) { return who.code == inspector; }) -
                                    inspectors_.begin());
  }

  /// What schools reported last month is seen on the spot by some.
  void look_again() {
    const std::size_t before = visits_.size();
    for (std::size_t v = 0; v < before; ++v) {
      PlayedVisit again;
      for (std::size_t f = 0; f < visits_[v].findings.size(); ++f)
        if (visits_[v].findings[f].state == "REPORTED" && chance_.one_in(3)) again.carried.emplace_back(v, f);
      if (again.carried.empty()) continue;
      again.kind = "REINSPECT";
      again.school = visits_[v].school;
      again.team = {owner(again.school)};
      VisitPlan plan = plan_of(again);
      for (const auto& [visit, finding] : again.carried) plan.findings.push_back(visits_[visit].findings[finding].key);
      again.id = must(office_->plan(kBoss, {plan}), "planning a re-inspection").front();
      visits_.push_back(std::move(again));
    }
  }

  void visit(std::size_t first) {
    for (std::size_t v = first; v < visits_.size(); ++v) {
      if (!visits_[v].draw.empty() || !chance_.one_in(50)) continue;
      must(office_->visit_event(kBoss, visits_[v].id, "cancel", "", "学校停课"), "calling off");
      visits_[v].fate = Fate::kCalledOff;
    }
    // The seals of the draw are open by then.
    std::map<std::int64_t, std::vector<std::size_t>> by_day;
    std::set<std::size_t> travelling;
    for (std::size_t v = first; v < visits_.size(); ++v) {
      if (visits_[v].fate != Fate::kPlanned) continue;
      visits_[v].day = month_begins_ + 1 + static_cast<std::int64_t>(chance_.below(20));
      by_day[visits_[v].day].push_back(v);
      travelling.insert(visits_[v].team.front());
    }
    set_day(month_begins_ + 1, 8);
    for (const std::size_t who : travelling) sync(*devices_[who]);
    for (const auto& [day, visits] : by_day) {
      set_day(day, 10);
      for (const std::size_t v : visits) record(visits_[v]);
    }
    set_day(month_begins_ + 22);
    for (const std::size_t who : travelling) sync(*devices_[who]);
  }

  void record(PlayedVisit& visit) {
    Device& device = *devices_[visit.team.front()];
    wake(device.machine);
    VisitBook& book = *device.book;
    const std::string waived = visit.team.size() > 1 ? "成员意见已并入组长记录" : "";
    visit.fate = Fate::kSubmitted;
    if (visit.carried.empty() && chance_.one_in(80)) {
      visit.let_in = false;
      must(chance_.one_in(2) ? book.refuse_entry(visit.id, {}, "门卫不让进") : book.no_access(visit.id, {}, "学校放假"),
           "turned away");
      must(book.add_note(visit.id, "", "门口照片已存"), "noting");
      must(book.submit(visit.id, waived), "submitting");
      return;
    }
    must(book.check_in(visit.id, Place{361234567, 1124567890, 800}, ""), "checking in");
    AnswerValue answer;
    for (const char* item : {"S1", "S2"}) {
      answer.value = static_cast<std::int64_t>(chance_.below(2));
      must(book.answer(visit.id, item, answer, ""), "answering");
    }
    answer.value = static_cast<std::int64_t>(chance_.below(40));
    must(book.answer(visit.id, "S3", answer, ""), "answering");
    const std::size_t found = chance_.below(3) == 0 ? 1 + chance_.below(2) : 0;
    for (std::size_t i = 0; i < found; ++i) {
      static constexpr const char* kSeverities[] = {"ADVICE", "ORDINARY", "ORDINARY", "COMPLEX", "SERIOUS"};
      PlayedFinding finding;
      finding.item = chance_.one_in(2) ? "S1" : "S2";
      finding.severity = kSeverities[chance_.below(std::size(kSeverities))];
      finding.day = today_;
      finding.due_day = today_ + 20 + static_cast<std::int64_t>(chance_.below(40));
      const EntryId id = must(book.add_finding(visit.id, {.item = finding.item,
                                                          .severity = finding.severity,
                                                          .clause = "",
                                                          .text = "不符合要求",
                                                          .due_day = finding.due_day,
                                                          .superior_unit = ""}),
                              "finding");
      finding.key = {visit.id, id.author, id.n};
      finding.state = "OPEN";
      if (chance_.one_in(12)) {
        must(book.void_finding(visit.id, id, "看错了"), "voiding");
        continue;
      }
      if (chance_.one_in(6)) {
        must(book.fix_finding_on_site(visit.id, id), "fixing on site");
        finding.state = "FIXED_ON_SITE";
      }
      visit.findings.push_back(std::move(finding));
    }
    if (found == 0 && chance_.one_in(30))
      must(book.add_highlight(visit.id, "", "全员参与的阅读课"), "noting a highlight");
    for (const auto& [v, f] : visit.carried) {
      PlayedFinding& finding = visits_[v].findings[f];
      const bool good = !chance_.one_in(4);
      must(book.judge_finding(visit.id, finding.key.visit, {finding.key.author, finding.key.n},
                              good ? "VERIFIED" : "REJECTED", good ? "" : "仍有堆放"),
           "judging");
      results_[visit.id].emplace_back(v, f, good);
    }
    must(book.finish(visit.id), "finishing");
    must(book.feedback(visit.id, "请按期整改"), "feedback");
    must(book.sign(visit.id, {.role = "HEAD",
                              .name = "李校长",
                              .outcome = "SIGNED",
                              .strokes = Bytes{1, 2, 3},
                              .witness = "",
                              .reason = ""}),
         "signing");
    must(book.submit(visit.id, waived), "submitting");
  }

  void review(std::size_t first) {
    set_day(month_begins_ + 23);
    for (std::size_t v = first; v < visits_.size(); ++v) {
      PlayedVisit& visit = visits_[v];
      if (visit.fate != Fate::kSubmitted) continue;
      if (visit.let_in && chance_.one_in(60)) {
        must(office_->visit_event(kBoss, visit.id, "query", "S3", "请核对数量"), "asking back");
        Device& device = *devices_[visit.team.front()];
        sync(device);
        must(device.book->amend(visit.id, "answer", "S3/" + inspectors_[visit.team.front()].code, "value",
                                std::int64_t{7}, "复核后更正"),
             "amending");
        sync(device);
        visit.asked_back = true;
      }
      if (chance_.one_in(30)) continue;  // Not yet.
      must(office_->visit_event(kBoss, visit.id, "accept", "", ""), "accepting");
      for (const auto& [at, f, good] : results_[visit.id]) {
        PlayedFinding& finding = visits_[at].findings[f];
        if (finding.state != "REPORTED") continue;
        finding.state = good ? "VERIFIED" : "REJECTED";
        finding.rejections += !good;
      }
    }
  }

  /// One step of the school's or the office's on what is open, some of it late or never.
  void follow_up() {
    set_day(month_begins_ + 25);
    std::vector<std::pair<RectificationAct, PlayedFinding*>> acts;
    const auto act = [&](PlayedFinding& finding, FindingEvent event, Actor actor, const char* state) {
      RectificationAct one;
      one.finding = finding.key;
      one.event = event;
      one.actor = actor;
      one.person = actor == Actor::kOffice ? std::string(kBoss) : "李校长";
      one.text = "见附件";
      if (event == FindingEvent::kPlan) one.responsible = "张主任";
      if (event == FindingEvent::kNotice) {
        one.due_day = std::max(finding.due_day, today_ + 5);
        finding.due_day = *one.due_day;
      }
      finding.state = state;
      acts.emplace_back(std::move(one), &finding);
    };
    for (PlayedVisit& visit : visits_) {
      for (PlayedFinding& finding : visit.findings) {
        if (finding.state == "OPEN" || finding.state == "REJECTED") {
          if (finding.state == "OPEN" && chance_.one_in(40))
            act(finding, FindingEvent::kRefer, Actor::kOffice, "REFERRED");
          else if (!chance_.one_in(10))
            act(finding, FindingEvent::kNotice, Actor::kOffice, "NOTICED");
          if (finding.state != "NOTICED" || chance_.one_in(4)) continue;  // The school is silent for a month.
          act(finding, FindingEvent::kAcknowledge, Actor::kSchool, "ACKNOWLEDGED");
          act(finding, FindingEvent::kPlan, Actor::kSchool, "PLANNED");
          if (chance_.one_in(3)) continue;
          act(finding, FindingEvent::kReport, Actor::kSchool, "REPORTED");
        } else if (finding.state == "NOTICED" && chance_.one_in(3)) {
          act(finding, FindingEvent::kAcknowledge, Actor::kSchool, "ACKNOWLEDGED");
        } else if (finding.state == "ACKNOWLEDGED" && chance_.one_in(2)) {
          act(finding, FindingEvent::kPlan, Actor::kSchool, "PLANNED");
        } else if (finding.state == "PLANNED" && chance_.one_in(2)) {
          act(finding, FindingEvent::kReport, Actor::kSchool, "REPORTED");
        } else if (finding.state == "REPORTED" && chance_.one_in(2)) {
          const bool good = !chance_.one_in(5);
          act(finding, good ? FindingEvent::kVerify : FindingEvent::kReject, Actor::kOffice,
              good ? "VERIFIED" : "REJECTED");
          finding.rejections += !good;
        }
      }
    }
    for (std::size_t at = 0; at < acts.size();) {
      // Steps on one finding stay together.
      std::size_t end = std::min(acts.size(), at + 50);
      while (end < acts.size() && acts[end].second == acts[end - 1].second) ++end;
      decide("finding.step", [&](Store& rows) -> Result<ChangesBuilder> {
        RectificationSteps steps(rows, moment().utc_ms, today_);
        for (std::size_t i = at; i < end; ++i) DUDAO_CHECK(steps.take(acts[i].first));
        ChangesBuilder out;
        steps.write(out);
        return out;
      });
      at = end;
    }
  }

  /// The office takes over what is proposed, and goes on with what it began.
  void hold_to_account() {
    set_day(month_begins_ + 26);
    std::vector<Proposal> proposed;
    must(office_->read([&](Store& rows) -> Status {
      DUDAO_TRY(proposed, proposals(rows, moment()));
      return {};
    }),
         "reading proposals");
    for (auto& [code, proceeding] : proceedings_) {
      if (proceeding.kind == "INTERVIEW" && proceeding.state == "PROPOSED")
        step(code, proceeding, ProceedingEvent::kSummon, "SUMMONED");
      else if (proceeding.kind == "INTERVIEW" && proceeding.state == "SUMMONED")
        step(code, proceeding, ProceedingEvent::kHold, "HELD");
      else if (proceeding.kind == "INTERVIEW" && proceeding.state == "HELD")
        step(code, proceeding, ProceedingEvent::kFile, "FILED");
    }
    for (const Proposal& one : proposed) {
      if (!one.kind || !chance_.one_in(5)) continue;
      std::string code;
      decide("proceeding.open", [&](Store& rows) -> Result<ChangesBuilder> {
        ProceedingOpening opening;
        opening.kind = *one.kind;
        opening.visit = one.visit;
        opening.finding = one.finding;
        opening.basis = one.basis();
        opening.text = one.facts();
        opening.person = kBoss;
        ChangesBuilder out;
        DUDAO_TRY(code, open_proceeding(rows, opening, moment(), out));
        return out;
      });
      proceedings_[code] = {one.unit, std::string(to_string(*one.kind)), "PROPOSED"};
    }
    for (auto& [code, state] : draws_) {
      if (state != "COMMITTED") continue;
      must(office_->reveal_draw(kBoss, code), "revealing");
      state = "REVEALED";
    }
  }
  void step(const std::string& code, PlayedProceeding& proceeding, ProceedingEvent event, const char* state) {
    decide("proceeding.step", [&](Store& rows) -> Result<ChangesBuilder> {
      ProceedingAct act;
      act.code = code;
      act.event = event;
      act.person = kBoss;
      act.text = "记录在案";
      act.recipients = {"县委教育工作领导小组", "县人民政府", "市教育督导委员会"};
      act.document_hash = to_bytes(BytesView(sha256(view(code))));
      ChangesBuilder out;
      DUDAO_CHECK(take_proceeding_step(rows, act, moment(), out));
      return out;
    });
    proceeding.state = state;
  }

  // --- What it must come to.

  Lines expected(StatisticKind kind) const {
    Lines out;
    const auto add = [&](std::vector<std::string> group, std::size_t measure, std::size_t measures,
                         std::int64_t n = 1) {
      auto& line = out[std::move(group)];
      line.resize(measures);
      line[measure] += n;
    };
    switch (kind) {
      case StatisticKind::kCoverage: {
        std::map<std::string, std::set<std::string>> kinds;
        std::map<std::vector<std::string>, std::set<std::size_t>> visited;
        for (const PlayedVisit& visit : visits_) {
          if (visit.fate != Fate::kSubmitted) continue;
          const std::string& unit = schools_[visit.school].unit;
          kinds[unit].insert(visit.kind);
          visited[{unit, visit.kind}].insert(visit.school);
          add({unit, visit.kind}, 2, 3);
        }
        for (const auto& [group, schools] : visited) add(group, 1, 3, static_cast<std::int64_t>(schools.size()));
        for (const PlayedSchool& school : schools_) {
          if (!school.open) continue;
          if (!kinds.contains(school.unit)) add({school.unit, ""}, 0, 3);
          for (const std::string& each : kinds[school.unit]) add({school.unit, each}, 0, 3);
        }
        break;
      }
      case StatisticKind::kVisits:
        for (const PlayedVisit& visit : visits_) {
          const bool done = visit.fate == Fate::kSubmitted;
          for (std::size_t i = 0; i < visit.team.size(); ++i) {
            const std::vector<std::string> who = {inspectors_[visit.team[i]].code};
            add(who, 0, 6);
            if (done) add(who, 1, 6);
            if (done && i == 0) add(who, 2, 6);
            if (done && !visit.let_in) add(who, 3, 6);
            if (visit.asked_back) add(who, 4, 6);
            if (visit.fate == Fate::kCalledOff) add(who, 5, 6);
          }
        }
        break;
      case StatisticKind::kFindings:
      case StatisticKind::kOpen:
      case StatisticKind::kOverdue:
        for (const PlayedVisit& visit : visits_) {
          for (const PlayedFinding& finding : visit.findings) {
            const bool closed =
                finding.state == "FIXED_ON_SITE" || finding.state == "VERIFIED" || finding.state == "REFERRED";
            const bool late =
                finding.due_day < last_day_ && (finding.state == "OPEN" || finding.state == "NOTICED" ||
                                                finding.state == "ACKNOWLEDGED" || finding.state == "PLANNED");
            const std::int64_t age = last_day_ - finding.day;
            if (kind == StatisticKind::kFindings) {
              add({finding.item, finding.severity, finding.state}, 0, 2);
              if (late) add({finding.item, finding.severity, finding.state}, 1, 2);
            } else if (kind == StatisticKind::kOpen && !closed) {
              add({finding.severity, age <= 30 ? "0-30" : age <= 90 ? "31-90" : age <= 180 ? "91-180" : "181-"}, 0, 1);
            } else if (kind == StatisticKind::kOverdue && late) {
              add({schools_[visit.school].unit, schools_[visit.school].code}, 0, 1);
            }
          }
        }
        break;
      case StatisticKind::kStaffing:
        for (const PlayedSchool& school : schools_)
          if (school.open) add({school.unit}, school.pupils >= 2'000 ? 1 : 0, 5);
        for (const PlayedInspector& who : inspectors_) add({who.unit}, 3, 5);
        for (auto& [unit, line] : out) {
          line[2] = (line[0] + 4) / 5 + line[1];
          line[4] = std::max<std::int64_t>(0, line[2] - line[3]);
        }
        break;
      case StatisticKind::kDraws:
        for (const auto& [code, state] : draws_) add({code, state}, 0, 3, 0);
        for (const PlayedVisit& visit : visits_) {
          if (visit.draw.empty()) continue;
          const std::vector<std::string> group = {visit.draw, draws_.at(visit.draw)};
          add(group, 0, 3);
          add(group, visit.fate == Fate::kSubmitted ? 1 : 2, 3);
        }
        break;
      case StatisticKind::kTraining:
        for (const PlayedInspector& who : inspectors_)
          out[{who.unit, who.code}] = {who.hours, 40, std::max<std::int64_t>(0, 40 - who.hours)};
        break;
      case StatisticKind::kProceedings:
        for (const auto& [code, one] : proceedings_) add({one.unit, one.kind, one.state}, 0, 2);
        break;
    }
    return out;
  }

  static void tell_first_difference(const Lines& ours, const Lines& theirs) {
    std::set<std::vector<std::string>> groups;
    for (const auto& [group, line] : ours) groups.insert(group);
    for (const auto& [group, line] : theirs) groups.insert(group);
    for (const auto& group : groups) {
      const auto a = ours.find(group), b = theirs.find(group);
      if (a != ours.end() && b != theirs.end() && a->second == b->second) continue;
      std::cout << "  ";
      for (const std::string& part : group) std::cout << part << " ";
      for (const auto& [name, at, end] :
           {std::tuple("played", a, ours.end()), std::tuple("counted", b, theirs.end())}) {
        std::cout << name << ":";
        if (at == end)
          std::cout << " nothing";
        else
          for (const std::int64_t value : at->second) std::cout << " " << value;
        std::cout << " ";
      }
      std::cout << std::endl;
      return;
    }
  }

  std::size_t findings() const {
    std::size_t out = 0;
    for (const PlayedVisit& visit : visits_) out += visit.findings.size();
    return out;
  }
  std::int64_t log_size() {
    std::int64_t out = 0;
    must(office_->read([&](Store& rows) -> Status {
      DUDAO_TRY(out, rows.size());
      return {};
    }),
         "reading the log");
    return out;
  }

  const Settings settings_;
  Chance chance_;
  int keys_ = 0;
  const std::int64_t first_day_ = *day_from_date("2026-01-01"), last_day_ = *day_from_date("2026-12-31");
  std::int64_t month_begins_ = 0, month_ends_ = 0, today_ = 0, now_utc_ms_ = 0;
  TempFolder folder_;
  FakePlatform office_machine_;
  Platform office_platform_ = office_machine_.view();
  std::unique_ptr<Office> office_;
  std::vector<std::unique_ptr<Device>> devices_;  ///< as inspectors_

  std::vector<PlayedSchool> schools_;
  std::vector<PlayedInspector> inspectors_;
  std::vector<PlayedVisit> visits_;
  std::map<std::string, std::string> draws_;  ///< code → state
  std::map<std::string, PlayedProceeding> proceedings_;
  std::map<Bytes, std::vector<std::tuple<std::size_t, std::size_t, bool>>> results_;  ///< by re-inspection
};

constexpr std::string_view kUsage =
    "dudao_province [--seed 1] [--visits 20000] [--inspectors 240] [--schools 1172] [--register FILE]\n"
    "Plays a year of a province and compares every statistic with its own record. FILE: CSV with the headings name, "
    "city\n"
    "and area.\n";

}  // namespace

// Only a lack of memory escapes, and ends the play.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) {
      std::cerr << kUsage;
      return 2;
    }
    const char* const value = argv[++i];
    const std::uint64_t number = std::strtoull(value, nullptr, 10);
    if (name == "--seed")
      settings.seed = number;
    else if (name == "--visits")
      settings.visits = number;
    else if (name == "--inspectors")
      settings.inspectors = std::max<std::uint64_t>(2, number);
    else if (name == "--schools")
      settings.schools = std::max<std::uint64_t>(1, number);
    else if (name == "--register")
      settings.register_file = value;
    else {
      std::cerr << kUsage;
      return 2;
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  Year year(settings);
  year.play();
  const bool equal = year.compare();
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  std::cout << "seed " << settings.seed << ": " << year.summary() << "; " << took.count() << " s" << std::endl;
  return equal ? 0 : 1;
}
