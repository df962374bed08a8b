#pragma once

/// What the core asks of the machine it runs on: one small interface each, passed in together. The core never asks the
/// system itself for time, randomness, keys, files or the network, so that a test or an app can put its own in place.

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace dudao {

/// The machine's clocks. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// What the machine believes: milliseconds since 1970-01-01 UTC, leap seconds not counted. May jump either way.
  virtual std::int64_t wall_utc_ms() = 0;
  /// Minutes to add to UTC for the local time of the place, e.g. 480 in China.
  virtual int utc_offset_min() = 0;
  /// Milliseconds since the machine started, running on while it sleeps. Never jumps within one boot_id().
  virtual std::int64_t boot_ms() = 0;
  /// Changes at every start of the machine.
  virtual std::string boot_id() = 0;
};

/// Holds private keys; they never leave it. Thread-safe.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  /// Makes a key under this name ([a-z0-9-]{1,40}), durable when it returns.
  /// Errors: kKeyName, kKeyExists (the old one stays), kKeyStoreLocked, file errors.
  virtual Result<PublicKey> create(std::string_view name, Algorithm algorithm) = 0;
  /// Errors: kKeyName, kKeyMissing, kKeyStoreLocked, kSealBroken, kKeyFileNewer, file errors.
  virtual Result<PublicKey> public_key(std::string_view name) = 0;
  /// 64 bytes over message, as PrivateKey::sign. Errors: as public_key().
  virtual Result<Bytes> sign(std::string_view name, BytesView message) = 0;
  /// Forgets the key for good; works on a locked store too. Absence is no error. Errors: kKeyName, file errors.
  virtual Status remove(std::string_view name) = 0;
};

/// Files outside the database. All writing of files goes through here. Thread-safe.
class Files {
 public:
  virtual ~Files() = default;
  /// The whole file. Errors: kFileMissing, kFileRead, kFileTooLarge (over max_bytes).
  virtual Result<Bytes> read(const std::string& path, std::size_t max_bytes) = 0;
  /// Replaces the file as one step: temporary file beside it, synced, renamed, folder synced. When it returns the new
  /// content survives loss of power; when it fails the old content stands. owner_only: mode 0600.
  /// Errors: kDiskFull, kFileWrite, kFileReadOnly.
  virtual Status write(const std::string& path, BytesView content, bool owner_only = false) = 0;
  /// Gives a file its other name as one step, content synced before and folder after, in place of what has that name.
  /// Both names in one folder. Errors: kFileMissing, kDiskFull, kFileWrite, kFileReadOnly.
  virtual Status move(const std::string& from, const std::string& to) = 0;
  /// Absence is no error. Errors: kFileWrite, kFileReadOnly.
  virtual Status remove(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  /// Makes the folder and its parents, mode 0700 for new ones. Existing folders are no error. Errors: kFileWrite.
  virtual Status make_folder(const std::string& path) = 0;
};

/// Whether it is worth trying, and what it costs. A hint: only an answer from the office proves a connection.
/// Thread-safe.
class Connectivity {
 public:
  virtual ~Connectivity() = default;
  enum class Link : std::uint8_t { kNone, kMetered, kUnmetered };
  virtual Link link() = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;                             ///< http or https
  std::map<std::string, std::string> headers;  ///< names in lower case
  Bytes body;
  std::int64_t connect_timeout_ms = 20'000;
  std::int64_t idle_timeout_ms = 60'000;  ///< no byte moved for so long; a slow link that moves is not cut
  std::size_t max_response_bytes = 8u << 20;
  /// Polled during the transfer; true stops it with kCancelled. May be empty.
  std::function<bool()> cancelled;
  /// Bytes sent and received so far, for a progress display. May be empty.
  std::function<void(std::uint64_t sent, std::uint64_t received)> progress;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; of several with one name, the last
  Bytes body;
  std::uint64_t sent_bytes = 0;      ///< on the wire: request line, headers and body, TLS aside
  std::uint64_t received_bytes = 0;  ///< on the wire: status line, headers and body, TLS aside
};

/// One exchange at a time; blocks. Redirects are never followed. Not thread-safe: one object for each thread.
/// A status of 200 says nothing about who answered: a captive portal does so too. Errors: kNoConnection, kTimedOut,
/// kTlsRefused, kServerKeyChanged, kResponseTooLarge, kAnswerCutShort, kCancelled, kUrlNotValid.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

/// Ids, codes and sizes only: never names, answers, positions or other contents of a record. Thread-safe.
class Log {
 public:
  enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };
  virtual ~Log() = default;
  virtual void write(Level level, std::string_view event, std::string_view ids) = 0;
};

/// Everything together. None is null; the owner keeps all alive for longer than what uses them.
struct Platform {
  Clock& clock;
  KeyStore& keys;
  Files& files;
  Connectivity& connectivity;
  HttpClient& http;
  Log& log;
};

}  // namespace dudao
