#include "platform/desktop/log.hpp"

#include <cerrno>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dudao {
namespace {

std::string_view name_of(Log::Level level) {
  switch (level) {
    case Log::Level::kDebug:
      return "debug";
    case Log::Level::kInfo:
      return "info";
    case Log::Level::kWarning:
      return "warning";
    case Log::Level::kError:
      return "error";
  }
  return "error";
}

void append_printable(std::string& line, std::string_view piece) {
  for (const char c : piece) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte != 0x7f)
      line.push_back(c);
    else
      line.append("\\x").append(to_hex(BytesView(&byte, 1)));
  }
}

std::string time_text(std::int64_t utc_ms) {
  const std::int64_t part_ms = ((utc_ms % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((utc_ms - part_ms) / 1000);
  std::tm utc{};
  char text[64] = "";
  if (::gmtime_r(&seconds, &utc)) {
    const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(part_ms));
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<DesktopLog>> DesktopLog::open(LogOptions options, Clock& clock) {
  std::unique_ptr<DesktopLog> log(new DesktopLog(std::move(options), clock));
  if (log->options_.file.empty())
    log->fd_ = STDERR_FILENO;
  else
    DUDAO_CHECK(log->open_file());
  return log;
}

DesktopLog::~DesktopLog() {
  if (fd_ >= 0 && fd_ != STDERR_FILENO) ::close(fd_);
}

Status DesktopLog::open_file() {
  fd_ = ::open(options_.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    const bool forbidden = errno == EACCES || errno == EPERM || errno == EROFS;
    return fail(forbidden ? Code::kFileReadOnly : Code::kFileWrite, options_.file);
  }
  struct stat status {};
  file_bytes_ = ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  return {};
}

void DesktopLog::write(Level level, std::string_view event, std::string_view ids) {
  if (level < options_.least) return;
  std::string line = time_text(clock_.wall_utc_ms());
  line.append(" ").append(name_of(level)).append(" ");
  append_printable(line, event);
  if (!ids.empty()) append_printable(line.append(" "), ids);
  line.push_back('\n');

  const std::lock_guard lock(mutex_);
  if (!options_.file.empty() && file_bytes_ > 0 && file_bytes_ + line.size() > options_.max_file_bytes) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    ::rename(options_.file.c_str(), (options_.file + ".1").c_str());
    if (!open_file()) return;  // Tried again with the next record, because the size still says so.
  }
  // One write: lines of two threads or two programs on standard error do not mix.
  if (fd_ >= 0 && ::write(fd_, line.data(), line.size()) > 0) file_bytes_ += line.size();
}

}  // namespace dudao
