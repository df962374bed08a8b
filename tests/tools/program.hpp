#pragma once

/// Runs the built programs as a user would: a command line in, exit code and both outputs out. Never waits for ever.

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dudao::test {

struct Ran {
  int exit_code = -1;  ///< 128 + signal when a signal ended it; 124 when it was cut for taking too long
  std::string out;
  std::string err;
};

using Environment = std::map<std::string, std::string>;

/// program: "dudao-audit". The environment is that of the test, in English, with `more` on top.
Ran run_program(const std::string& program, const std::vector<std::string>& arguments, const Environment& more = {},
                int timeout_s = 60);

/// A program that goes on running until it is stopped.
class Running {
 public:
  Running(const std::string& program, const std::vector<std::string>& arguments, const Environment& more = {});
  ~Running();  ///< Kills it if it still runs.
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// The next line of standard output, without its end; empty when none came in time.
  std::string line(int timeout_s = 30);
  pid_t id() const { return id_; }
  /// True once it has ended by itself or by a signal; it is not waited for.
  bool ended() const;
  /// Sends the signal (0: none) and waits; 124 when it did not end in time.
  int stop(int signal, int timeout_s = 30);

 private:
  pid_t id_ = -1;
  int out_ = -1;
  std::string buffer_;
};

std::string slurp(const std::string& path);
void spill(const std::string& path, const std::string& content);

}  // namespace dudao::test
