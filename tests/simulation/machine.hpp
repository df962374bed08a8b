#pragma once

/// One simulated machine: its clock, its keys, its network, its disk, and its death in the midst of something.

#include "platform/platform.hpp"
#include "tests/support/fake_platform.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace dudao::simulation {

/// The world's time, as this machine believes it to be.
class MachineClock final : public Clock {
 public:
  MachineClock(const std::int64_t& world_utc_ms, std::function<void()> touched)
      : world_utc_ms_(world_utc_ms), touched_(std::move(touched)), booted_utc_ms_(world_utc_ms - 3'600'000) {}
  std::int64_t wall_utc_ms() override {
    touched_();
    return world_utc_ms_ + wrong_ms;
  }
  int utc_offset_min() override { return 480; }
  std::int64_t boot_ms() override { return world_utc_ms_ - booted_utc_ms_; }
  std::string boot_id() override { return "start-" + std::to_string(starts_); }
  void reboot() {
    booted_utc_ms_ = world_utc_ms_;
    ++starts_;
  }

  std::int64_t wrong_ms = 0;

 private:
  const std::int64_t& world_utc_ms_;
  std::function<void()> touched_;
  std::int64_t booted_utc_ms_;
  int starts_ = 1;
};

class MachineKeys final : public KeyStore {
 public:
  explicit MachineKeys(std::function<void()> touched) : touched_(std::move(touched)) {}
  Result<PublicKey> create(std::string_view name, Algorithm algorithm) override;
  Result<PublicKey> public_key(std::string_view name) override;
  Result<Bytes> sign(std::string_view name, BytesView message) override;
  Status remove(std::string_view name) override;
  void copy_from(const MachineKeys& other);
  /// The only key, locked or not; null when there is none.
  const PublicKey* own() const { return keys_.empty() ? nullptr : &keys_.begin()->second.public_key(); }

  bool locked = false;

 private:
  Result<PrivateKey*> find(std::string_view name);
  std::function<void()> touched_;
  std::map<std::string, PrivateKey, std::less<>> keys_;
};

class MachineHttp final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest& request) override { return network(request); }
  std::function<Result<HttpResponse>(const HttpRequest&)> network;
};

/// A file of a database with its write-ahead log, as kill -9 would leave them at this moment.
void copy_database(const std::string& from, const std::string& to);

/// REQUIRES: does not move.
struct Machine {
  explicit Machine(const std::int64_t& world_utc_ms)
      : clock(world_utc_ms, [this] { touch(); }), keys([this] { touch(); }) {}

  /// The code that runs on the machine asks it for something: here it can die.
  void touch();
  /// Dies at so many touches from now in what runs until end(); at its end if it has fewer.
  void begin();
  /// True: it died, and `image` is its database as it was then.
  bool end();
  bool dead() const { return image_taken_; }

  MachineClock clock;
  MachineKeys keys;
  test::MemoryFiles files;
  test::FakeConnectivity connectivity;
  MachineHttp http;
  test::MemoryLog log;
  Platform platform{clock, keys, files, connectivity, http, log};

  std::string database;           ///< path of its file
  std::string image;              ///< path for the copy at the moment of death
  std::optional<int> dies_after;  ///< touches, in what comes next
 private:
  std::optional<int> left_;
  bool image_taken_ = false;
};

}  // namespace dudao::simulation
