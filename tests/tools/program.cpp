#include "tests/tools/program.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dudao::test {
namespace {

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Forks with the given descriptors as standard output and error; -1 keeps the test's.
pid_t start(const std::string& program, const std::vector<std::string>& arguments, const Environment& more, int out,
            int err) {
  const std::string path = std::string(DUDAO_PROGRAMS) + "/" + program;
  const pid_t id = fork();
  if (id != 0) return id;
  // What a test started ends with it, also when the test crashes: else CTest would wait for its output for ever.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (out >= 0) dup2(out, STDOUT_FILENO);
  if (err >= 0) dup2(err, STDERR_FILENO);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  setenv("DUDAO_LANG", "en", 1);
  for (const auto& [name, value] : more) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  std::string name = program;
  argv.push_back(name.data());
  std::vector<std::string> copies = arguments;
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  _exit(127);
}

int wait_for(pid_t id, Clock::time_point deadline) {
  int status = 0;
  while (waitpid(id, &status, WNOHANG) == 0) {
    if (left_ms(deadline) == 0) {
      kill(id, SIGKILL);
      waitpid(id, &status, 0);
      return 124;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return code_of(status);
}

}  // namespace

Ran run_program(const std::string& program, const std::vector<std::string>& arguments, const Environment& more,
                int timeout_s) {
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return {};
  const auto deadline = Clock::now() + std::chrono::seconds(timeout_s);
  const pid_t id = start(program, arguments, more, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  Ran ran;
  pollfd waiting[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  while ((waiting[0].fd >= 0 || waiting[1].fd >= 0) && left_ms(deadline) > 0) {
    if (poll(waiting, 2, left_ms(deadline)) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t n = read(waiting[i].fd, buffer, sizeof buffer);
      if (n <= 0)
        waiting[i].fd = -1;
      else
        (i == 0 ? ran.out : ran.err).append(buffer, static_cast<std::size_t>(n));
    }
  }
  ran.exit_code = wait_for(id, deadline);
  close(out[0]);
  close(err[0]);
  return ran;
}

Running::Running(const std::string& program, const std::vector<std::string>& arguments, const Environment& more) {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) return;
  id_ = start(program, arguments, more, out[1], -1);
  close(out[1]);
  out_ = out[0];
}

Running::~Running() {
  if (id_ > 0) stop(SIGKILL);
  if (out_ >= 0) close(out_);
}

std::string Running::line(int timeout_s) {
  const auto deadline = Clock::now() + std::chrono::seconds(timeout_s);
  while (buffer_.find('\n') == std::string::npos && left_ms(deadline) > 0) {
    pollfd waiting{out_, POLLIN, 0};
    if (poll(&waiting, 1, left_ms(deadline)) <= 0) continue;
    char piece[4096];
    const ssize_t n = read(out_, piece, sizeof piece);
    if (n <= 0) break;
    buffer_.append(piece, static_cast<std::size_t>(n));
  }
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return {};
  std::string first = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return first;
}

bool Running::ended() const {
  siginfo_t about{};
  return waitid(P_PID, static_cast<id_t>(id_), &about, WEXITED | WNOHANG | WNOWAIT) != 0 || about.si_pid == id_;
}

int Running::stop(int signal, int timeout_s) {
  kill(id_, signal);
  const int code = wait_for(id_, Clock::now() + std::chrono::seconds(timeout_s));
  id_ = -1;
  return code;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void spill(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
}

}  // namespace dudao::test
