#include "tests/bench/field.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <utility>

namespace dudao::test {

double seconds_since(Steady::time_point began) { return std::chrono::duration<double>(Steady::now() - began).count(); }

double seconds_of(const std::function<void()>& work) {
  const auto began = Steady::now();
  work();
  return seconds_since(began);
}

double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double place = part * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}
double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

void give_up(const std::string& what) {
  std::cerr << "bench: " << what << std::endl;
  std::_Exit(1);
}
void must(const Status& status, const char* what) {
  if (!status) give_up(std::string(what) + ": " + status.error().message());
}

Field::Field(const std::vector<MadeVisit>& work, KeyStore* keys)
    : device_platform{device_machine.clock,
                      keys ? *keys : device_machine.keys,
                      device_machine.files,
                      device_machine.connectivity,
                      *http,
                      device_machine.log} {
  open_office();
  must(office->decide(
           "bench", "register.import",
           [](Store&) -> Result<ChangesBuilder> {
             ChangesBuilder rows;
             rows.insert("inspector", {std::string("B1"), std::string("督学"), std::int64_t{1}, std::int64_t{1},
                                       Value(), Value(), std::int64_t{0}, std::string("ACTIVE")});
             rows.insert("school", {std::string("S1"), std::string("小学"), Value(), Value(), Value(), Value(), Value(),
                                    Value(), Value(), Value(), std::string("OPEN"), std::int64_t{1}, Value(), Value()});
             return rows;
           }),
       "registers");
  must(office->publish_template("bench", workload_checklist(work)), "checklist");
  db = must(open_database(agent_path(), Database::Mode::kOpenOrCreate, DatabaseKind::kDevice), "database");
  if (!keys) {
    PrivateKey secret = PrivateKey::generate(Algorithm::kEd25519);
    device_secret = secret.secret();
    device_machine.keys.put(kDeviceKeyName, std::move(secret));
  }
  const PublicKey key = must(
      keys ? keys->create(kDeviceKeyName, Algorithm::kEd25519) : device_machine.keys.public_key(kDeviceKeyName), "key");
  const Bytes code = must(office->offer_enrolment("bench", "B1"), "offer");
  HttpRequest request;
  request.method = "POST";
  request.url = url() + "/v1/enrol";
  request.body = must(enrolment_request(device_platform, kDeviceKeyName, key, "B1", "bench", code), "enrolment");
  const HttpResponse answer = must(http->send(request), "enrolment");
  must(take_enrolment(device_platform, *db, kDeviceKeyName, key, answer.status, answer.headers.at("content-type"),
                      answer.body, {}),
       "enrolment");
  plan(work.size());
}

void Field::open_office() {
  office = must(Office::open(office_platform, {folder / "office.db", "bench.dudao/office"}), "office");
  listener = must(Listener::start({},
                                  [this](const Request& request) {
                                    const auto began = Steady::now();
                                    Response answer = office->handle(request);
                                    if (request.path == kSyncPath) {
                                      const std::lock_guard guard(requests_lock);
                                      requests.push_back(request.body);
                                      handled_s += seconds_since(began);
                                    }
                                    return answer;
                                  }),
                  "listener");
}

void Field::keep() {
  must(office->backup(kept_office_path()), "backup");
  must(db->copy_to(kept_agent_path()), "copy");
}

void Field::again() {
  listener.reset();
  office.reset();
  db.reset();
  const auto put_back = [&](const std::string& kept, const std::string& path) {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
    std::filesystem::copy_file(kept, path);
  };
  put_back(kept_office_path(), folder / "office.db");
  put_back(kept_agent_path(), agent_path());
  requests.clear();
  handled_s = 0;
  open_office();
  db = must(open_database(agent_path(), Database::Mode::kOpen, DatabaseKind::kDevice), "database");
}

void Field::plan(std::size_t count) {
  VisitPlan plan;
  plan.school = "S1";
  plan.kind = "ROUTINE";
  plan.template_code = "workload";
  plan.template_version = 1;
  plan.from_day = 20'000;
  plan.to_day = 21'000;
  plan.team = {"B1"};
  plan.reason = "bench";
  const auto planned = must(office->plan("bench", std::vector<VisitPlan>(count, plan)), "plan");
  visits.insert(visits.end(), planned.begin(), planned.end());
}

SyncReport Field::sync(const SyncJobOptions& options) {
  SyncReport report = must(run_sync(device_platform, *db, options), "sync");
  if (report.error) give_up("sync: " + report.error->message());
  if (!report.refusals.empty()) give_up("sync: something was refused");
  return report;
}

AnswerValue answer_of(const MadeAnswer& made) {
  AnswerValue out;
  if (made.value.find_first_not_of("0123456789") == std::string::npos)
    out.value = std::int64_t{std::stoll(made.value)};
  else
    out.value = made.value;
  return out;
}

int record_visit(VisitBook& book, const Bytes& id, const MadeVisit& made, std::vector<double>* taps) {
  int steps = 0;
  const auto tap = [&](const std::function<Status()>& what) {
    const auto began = Steady::now();
    must(what(), "tap");
    ++steps;
    if (taps) taps->push_back(seconds_since(began));
  };
  tap([&] { return book.check_in(id, Place{made.lat_e7, made.lon_e7, 800}, {}); });
  for (const MadeAnswer& each : made.answers)
    tap([&] { return book.answer(id, each.item, answer_of(each), each.note); });
  for (const MadeFinding& each : made.findings)
    tap([&] { return book.add_finding(id, {each.item, each.severity, {}, each.text, {}, {}}).map([](auto) {}); });
  tap([&] { return book.add_note(id, {}, made.note).map([](auto) {}); });
  tap([&] { return book.finish(id); });
  tap([&] { return book.feedback(id, "已反馈").map([](auto) {}); });
  tap([&] { return book.sign(id, {"HEAD", {}, "ABSENT", {}, {}, "校长外出"}); });
  tap([&] { return book.submit(id); });
  return steps;
}

}  // namespace dudao::test
