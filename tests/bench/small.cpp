#include "tests/bench/small.hpp"

#include "sync/changes.hpp"
#include "sync/payloads.hpp"
#include "sync/statement.hpp"
#include "tests/bench/field.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include <benchmark/benchmark.h>

namespace dudao::test {
namespace {

/// A device with one finished visit that is sealed and not sent.
class OneVisit {
 public:
  OneVisit() : work_(make_workload(1, 1)), field(work_) {
    field.sync();
    VisitBook book(field.device_platform, *field.db);
    record_visit(book, field.visits[0], work_[0], nullptr);
    must(seal(field.device_platform, *field.db), "seal");
    auto q = must(field.db->query("SELECT bytes FROM outbox WHERE log_index IS NULL ORDER BY seq"), "outbox");
    if (!must(q.step(), "outbox")) give_up("nothing sealed");
    statement = to_bytes(q.blob(0));
  }

 private:
  std::vector<MadeVisit> work_;

 public:
  Field field;
  Bytes statement;
};

OneVisit& one_visit() {
  static OneVisit visit;
  return visit;
}

void read_change_set_of_a_visit(benchmark::State& state) {
  const Statement statement = must(parse_statement(one_visit().statement), "statement");
  for (auto _ : state) benchmark::DoNotOptimize(must(read_change_set(statement.payload), "change set"));
}
BENCHMARK(read_change_set_of_a_visit)->Unit(benchmark::kMicrosecond);

void write_change_set_of_a_visit(benchmark::State& state) {
  const Statement statement = must(parse_statement(one_visit().statement), "statement");
  const ChangeSet change_set = must(read_change_set(statement.payload), "change set");
  for (auto _ : state) benchmark::DoNotOptimize(write_change_set(change_set));
}
BENCHMARK(write_change_set_of_a_visit)->Unit(benchmark::kMicrosecond);

void sign_statement_of_a_visit(benchmark::State& state) {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const Statement statement = must(parse_statement(one_visit().statement), "statement");
  const StatementHeader header{StatementType::kChangeSet, "d1", "visit", 1'790'000'000};
  for (auto _ : state)
    benchmark::DoNotOptimize(must(sign_statement(header, statement.payload, key.public_key(),
                                                 [&](BytesView m) { return Result<Bytes>(key.sign(m)); }),
                                  "sign"));
}
BENCHMARK(sign_statement_of_a_visit)->Unit(benchmark::kMicrosecond);

void verify_statement_of_a_visit(benchmark::State& state) {
  OneVisit& visit = one_visit();
  const PublicKey key = must(visit.field.device_machine.keys.public_key(kDeviceKeyName), "key");
  for (auto _ : state) {
    const Statement statement = must(parse_statement(visit.statement), "statement");
    must(verify_statement(statement, key), "verify");
  }
}
BENCHMARK(verify_statement_of_a_visit)->Unit(benchmark::kMicrosecond);

/// An inspector changes one answer: captured, journalled, durable.
void tap_answer(benchmark::State& state) {
  Field field(make_workload(1, 1));
  field.sync();
  VisitBook book(field.device_platform, *field.db);
  must(book.check_in(field.visits[0], Place{1, 1, 1}, {}), "check in");
  std::int64_t n = 0;
  AnswerValue answer;
  for (auto _ : state) {
    answer.value = ++n % 100;
    must(book.answer(field.visits[0], "A1.01", answer, {}), "answer");
  }
}
BENCHMARK(tap_answer)->Unit(benchmark::kMicrosecond);

/// Beside tap_answer: a row of the same table changed in a durable transaction of its own.
void plain_row(benchmark::State& state) {
  Field field(make_workload(1, 1));
  field.sync();
  VisitBook book(field.device_platform, *field.db);
  must(book.check_in(field.visits[0], Place{1, 1, 1}, {}), "check in");
  AnswerValue answer;
  answer.value = std::int64_t{1};
  must(book.answer(field.visits[0], "A1.01", answer, {}), "answer");
  std::int64_t n = 0;
  for (auto _ : state)
    must(field.db->execute("UPDATE answer SET value = ? WHERE visit = ? AND item = 'A1.01'", ++n % 100,
                           BytesView(field.visits[0])),
         "update");
}
BENCHMARK(plain_row)->Unit(benchmark::kMicrosecond);

void seal_rows(benchmark::State& state) {
  Field field(make_workload(1, 1));
  field.sync();
  const Bytes id = field.visits[0];
  VisitBook book(field.device_platform, *field.db);
  must(book.check_in(id, Place{1, 1, 1}, {}), "check in");
  {
    auto fill = must(Transaction::begin(*field.db), "transaction");
    for (std::int64_t n = 1; n <= state.range(0); ++n)
      must(
          field.db->execute("INSERT INTO note VALUES (?, 1, ?, NULL, '记录', NULL, 'B1', 1, 480, 1)", BytesView(id), n),
          "fill");
    must(fill.commit(), "fill");
  }
  std::int64_t round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    ++round;
    must(record(*field.db,
                [&] { return field.db->execute("UPDATE note SET text = ? WHERE visit = ?", round, BytesView(id)); }),
         "change");
    state.ResumeTiming();
    must(seal(field.device_platform, *field.db), "seal");
  }
}
BENCHMARK(seal_rows)->Arg(10)->Arg(1'000)->Unit(benchmark::kMicrosecond);

/// A whole visit arrives: verified, applied, in the log, receipted, durable.
void office_takes_a_visit(benchmark::State& state) {
  const std::vector<MadeVisit> work = make_workload(1, 1);
  Field field(work);
  field.sync();
  {
    VisitBook book(field.device_platform, *field.db);
    record_visit(book, field.visits[0], work[0], nullptr);
  }
  const std::string before = field.folder / "before.db";
  must(field.office->backup(before), "backup");
  field.requests.clear();
  field.sync();
  Request request;
  request.method = "POST";
  request.path = kSyncPath;
  request.body = field.requests.at(0);
  const std::string copy = field.folder / "again.db";
  for (auto _ : state) {
    state.PauseTiming();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(copy + end);
    std::filesystem::copy_file(before, copy);
    auto office = must(Office::open(field.office_platform, {copy, "bench.dudao/office"}), "office");
    state.ResumeTiming();
    if (office->handle(request).status != 200) give_up("the office refused a visit");
    state.PauseTiming();
    office.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(office_takes_a_visit)->Unit(benchmark::kMicrosecond);

/// Keeps what each benchmark took in each round.
class Collected final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& report) override {
    for (const Run& run : report) {
      if (run.run_type != Run::RT_Iteration) continue;
      const std::string name = run.run_name.function_name + (run.run_name.args.empty() ? "" : " " + run.run_name.args);
      if (!taken_us.contains(name)) order.push_back(name);
      taken_us[name].push_back(run.GetAdjustedRealTime());
    }
  }

  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> taken_us;
};

}  // namespace

void measure_small(Figures& figures, int rounds, bool brief) {
  std::string name = "dudao_bench";
  std::string least_time = brief ? "--benchmark_min_time=0.05" : "--benchmark_min_time=0.5";
  std::string repetitions = "--benchmark_repetitions=" + std::to_string(rounds);
  char* arguments[] = {name.data(), least_time.data(), repetitions.data()};
  int count = 3;
  benchmark::Initialize(&count, arguments);
  Collected collected;
  benchmark::RunSpecifiedBenchmarks(&collected);
  for (const std::string& each : collected.order) {
    if (each == "plain_row") continue;
    Figure figure;
    figure.name = "small: " + each;
    std::replace(figure.name.begin(), figure.name.end(), '_', ' ');
    figure.unit = "µs";
    figure.ours = median(collected.taken_us[each]);
    if (each == "tap_answer") {
      figure.baseline_is = "SQLite, such a row changed in a durable transaction";
      figure.baseline = median(collected.taken_us["plain_row"]);
    }
    figures.add(std::move(figure));
  }
}

}  // namespace dudao::test
