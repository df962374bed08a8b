#include "tools/office/secret_input.hpp"

#include <cerrno>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace dudao {
namespace {

constexpr std::size_t kMaxSecretBytes = 4'096;

std::string first_line(std::string_view content) {
  content = content.substr(0, content.find('\n'));
  if (content.ends_with('\r')) content.remove_suffix(1);
  return std::string(content);
}

/// The terminal of this process, whatever its standard input is; its echo comes back when this ends.
class Terminal {
 public:
  explicit Terminal(bool hidden) : fd_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    if (!hidden || fd_ < 0 || tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    hidden_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~Terminal() {
    if (hidden_) tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool there() const { return fd_ >= 0; }
  bool hides() const { return hidden_; }

  std::optional<std::string> ask(const std::string& prompt) const {
    if (!put(prompt)) return std::nullopt;
    std::string line;
    while (line.size() <= kMaxSecretBytes) {
      char c = 0;
      const ssize_t n = read(fd_, &c, 1);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      if (c == '\n') break;
      line += c;
    }
    if (hidden_) static_cast<void>(put("\n"));
    return line;
  }

 private:
  bool put(const std::string& words) const {
    return write(fd_, words.data(), words.size()) == static_cast<ssize_t>(words.size());
  }

  int fd_;
  termios before_{};
  bool hidden_ = false;
};

}  // namespace

Result<std::string> read_secret(Files& files, const SecretSource& source) {
  if (!source.file.empty()) {
    auto content = files.read(source.file, kMaxSecretBytes);
    if (!content) return fail(content.error().code, source.file);
    std::string line = first_line(text(*content));
    wipe(*content);
    return line;
  }
  if (const char* value = std::getenv(source.variable.c_str()); value != nullptr && *value != '\0')
    return std::string(value);
  const Terminal terminal(true);
  const auto typed = terminal.hides() ? terminal.ask(source.prompt) : std::nullopt;
  if (!typed) return fail(Code::kOptionWrong, "no terminal, no file with a password, no " + source.variable);
  if (source.twice && terminal.ask(source.prompt) != typed)
    return fail(Code::kOptionWrong, "the two passwords are not the same");
  return *typed;
}

std::string read_shown(const std::string& prompt) {
  const Terminal terminal(false);
  return terminal.there() ? terminal.ask(prompt).value_or(std::string()) : std::string();
}

}  // namespace dudao
