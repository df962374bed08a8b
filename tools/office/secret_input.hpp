#pragma once

/// Passwords come from a terminal that does not show them, from a file, or from the environment; never from the command
/// line, which every user of the machine can list.

#include "platform/platform.hpp"

#include <string>

namespace dudao {

struct SecretSource {
  std::string file;      ///< its first line; empty: none was named
  std::string variable;  ///< of the environment, where it is set
  std::string prompt;    ///< at the terminal, where neither is there
  bool twice = false;    ///< one that nobody can look up later is asked for again
};

/// Blocks while somebody types. Errors: those of Files::read; kOptionWrong where there is no terminal, or where the
/// second time was not the first.
Result<std::string> read_secret(Files& files, const SecretSource& source);

/// A line from the terminal, shown as it is typed: a one-time code. Nothing where there is no terminal.
std::string read_shown(const std::string& prompt);

}  // namespace dudao
