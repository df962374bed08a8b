#pragma once

/// What is measured on: an office behind a real listener, an enrolled agent with its visits assigned, and the taps of
/// an inspector.

#include "agent/sync_job.hpp"
#include "agent/visit_book.hpp"
#include "platform/desktop/http.hpp"
#include "sync/office/office.hpp"
#include "tests/bench/workload.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/temp_folder.hpp"
#include "tools/office/listener.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dudao::test {

using Steady = std::chrono::steady_clock;
double seconds_since(Steady::time_point began);
double seconds_of(const std::function<void()>& work);

/// Between the two nearest ranks in proportion: part 0.5 is the median, of an even number the mean of the middle two.
/// REQUIRES: at least one value.
double percentile(std::vector<double> values, double part);
double median(std::vector<double> values);

/// Nothing here can go on after an error.
[[noreturn]] void give_up(const std::string& what);
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) give_up(std::string(what) + ": " + result.error().message());
  return *std::move(result);
}
void must(const Status& status, const char* what);

class Field {
 public:
  /// The checklist is made for `work`; one visit is assigned for each of it. The device's key is made in `keys`, where
  /// given, and its secret is known otherwise.
  explicit Field(const std::vector<MadeVisit>& work, KeyStore* keys = nullptr);

  void plan(std::size_t count);
  std::string url() const { return url_at(listener->port()); }
  static std::string url_at(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }
  /// Gives up unless everything arrived and nothing was refused.
  SyncReport sync(const SyncJobOptions& options);
  SyncReport sync() { return sync({url(), {}, {}}); }

  /// Remembers both ends as they are now, so that what follows can be measured more than once.
  void keep();
  /// Puts both ends back to where they were kept, the office behind a new port.
  void again();
  std::string agent_path() const { return folder / "agent.db"; }
  std::string kept_agent_path() const { return folder / "kept-agent.db"; }
  std::string kept_office_path() const { return folder / "kept-office.db"; }

  FakePlatform office_machine, device_machine;
  TempFolder folder;
  Platform office_platform = office_machine.view();
  std::unique_ptr<Office> office;
  std::mutex requests_lock;
  std::vector<Bytes> requests;  ///< bodies of what came to be synced
  double handled_s = 0;         ///< that the office took for them
  std::unique_ptr<Listener> listener;
  std::unique_ptr<HttpClient> http = must(make_http_client({}), "http");
  Platform device_platform;
  Bytes device_secret;  ///< of its key, where that is known
  std::unique_ptr<Database> db;
  std::vector<Bytes> visits;

 private:
  void open_office();
};

/// As the agent calls its key, so that another process can go on as the device.
inline constexpr std::string_view kDeviceKeyName = "device";

AnswerValue answer_of(const MadeAnswer& made);

/// One visit, as it is tapped. Appends the seconds of each durable step to taps, where given; returns how many there
/// were.
int record_visit(VisitBook& book, const Bytes& id, const MadeVisit& made, std::vector<double>* taps);

}  // namespace dudao::test
