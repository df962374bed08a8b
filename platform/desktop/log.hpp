#pragma once

#include "platform/platform.hpp"

#include <mutex>

namespace dudao {

struct LogOptions {
  Log::Level least = Log::Level::kInfo;
  std::string file = {};  ///< mode 0600, appended to; empty: standard error
  std::uint64_t max_file_bytes =
      8 << 20;  ///< then it becomes "<file>.1", in place of an older one, and a new one begins
};

/// One line for each record: "2026-03-02T01:00:00.000Z info sync.done device=3 sent=120". Control characters in event
/// or ids are written as \xNN, so that a record is always one line. A log that cannot be written stops nobody: the
/// record is dropped. Thread-safe; one file belongs to one process.
class DesktopLog final : public Log {
 public:
  /// clock must outlive the log. Error: kFileReadOnly or kFileWrite if the file cannot be opened.
  static Result<std::unique_ptr<DesktopLog>> open(LogOptions options, Clock& clock);
  ~DesktopLog() override;
  void write(Level level, std::string_view event, std::string_view ids) override;

 private:
  DesktopLog(LogOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
  Status open_file();

  const LogOptions options_;
  Clock& clock_;
  std::mutex mutex_;
  int fd_ = -1;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace dudao
