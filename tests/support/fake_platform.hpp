#pragma once

#include "platform/platform.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/loopback_http.hpp"
#include "tests/support/memory_files.hpp"
#include "tests/support/memory_key_store.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace dudao::test {

/// Thread-safe.
class FakeConnectivity final : public Connectivity {
 public:
  Link link() override { return link_; }
  void set(Link link) { link_ = link; }

 private:
  std::atomic<Link> link_ = Link::kUnmetered;
};

/// Keeps what was logged. Thread-safe.
class MemoryLog final : public Log {
 public:
  struct Record {
    Level level;
    std::string event;
    std::string ids;
  };
  void write(Level level, std::string_view event, std::string_view ids) override;
  std::vector<Record> records();
  /// True if the text stands anywhere in what was logged: a test proves so that contents were kept out.
  bool contains(std::string_view text);

 private:
  std::mutex mutex_;
  std::vector<Record> records_;
};

/// A whole machine made of fakes. Must outlive what was given its view().
struct FakePlatform {
  FakeClock clock;
  MemoryKeyStore keys;
  MemoryFiles files;
  FakeConnectivity connectivity;
  LoopbackHttp http;
  MemoryLog log;

  Platform view() { return {clock, keys, files, connectivity, http, log}; }
};

}  // namespace dudao::test
