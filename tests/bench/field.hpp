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
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dudao::test {

using Steady = std::chrono::steady_clock;
double seconds_since(Steady::time_point began);

/// The nearest rank: part 0.5 is the median.
double percentile(std::vector<double> values, double part);

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
  /// The checklist is made for `work`; one visit is assigned for each of it.
  explicit Field(const std::vector<MadeVisit>& work);

  void plan(std::size_t count);
  std::string url() const { return url_at(listener->port()); }
  static std::string url_at(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }
  /// Gives up unless everything arrived and nothing was refused.
  SyncReport sync(const SyncJobOptions& options);
  SyncReport sync() { return sync({url(), {}, {}}); }

  FakePlatform office_machine, device_machine;
  TempFolder folder;
  Platform office_platform = office_machine.view();
  std::unique_ptr<Office> office;
  std::mutex requests_lock;
  std::vector<Bytes> requests;  ///< bodies of what came to be synced
  std::unique_ptr<Listener> listener;
  std::unique_ptr<HttpClient> http = must(make_http_client({}), "http");
  Platform device_platform{
      device_machine.clock, device_machine.keys, device_machine.files, device_machine.connectivity, *http,
      device_machine.log};
  Bytes device_secret;  ///< of its key
  std::unique_ptr<Database> db;
  std::vector<Bytes> visits;
};

/// A device's key that is known, so that another process can go on as the device.
inline constexpr std::string_view kDeviceKeyName = "device";

AnswerValue answer_of(const MadeAnswer& made);

/// One visit, as it is tapped. Appends the seconds of each durable step to taps, where given; returns how many there
/// were.
int record_visit(VisitBook& book, const Bytes& id, const MadeVisit& made, std::vector<double>* taps);

}  // namespace dudao::test
