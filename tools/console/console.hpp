#pragma once

/// What the three programs have in common at a terminal: the language, plain words for errors, exit codes, dates, and
/// shell completion made from the program's own commands.
///
/// Exit codes of dudao and dudao-office: 0 done; 1 refused, something must be changed first; 2 the command line is
/// wrong; 3 alarm, data do not prove what they claim; 75 try again later. dudao-audit has its own three.

#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}  // namespace CLI

namespace dudao {

inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitAlarm = 3;
inline constexpr int kExitLater = 75;  ///< EX_TEMPFAIL of sysexits.h

/// One program at a terminal. Used by one thread.
class Console {
 public:
  /// Reads the language from --lang in the arguments, then from DUDAO_LANG, LC_ALL, LC_MESSAGES and LANG; English when
  /// none says Chinese. `about`: what the program is, in both languages.
  Console(std::string name, std::string_view english, std::string_view chinese, int argc, char** argv);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// The text of the language that is spoken.
  std::string tr(std::string_view english, std::string_view chinese) const {
    return std::string(chinese_ ? chinese : english);
  }
  bool chinese() const noexcept { return chinese_; }
  /// True when --json was given: then standard output holds one JSON document and nothing else.
  bool json() const noexcept { return json_; }

  CLI::App& app() { return *app_; }
  /// A command below `parent` that does `run` when it is chosen and returns its exit code. The examples stand at the
  /// end of its help.
  CLI::App* command(CLI::App& parent, std::string name, std::string_view english, std::string_view chinese,
                    std::function<int()> run, std::string_view examples = {});
  /// A command that only holds others.
  CLI::App* group(CLI::App& parent, std::string name, std::string_view english, std::string_view chinese);

  /// Parses the command line, does what was asked, returns the exit code. What escapes as an exception is printed as
  /// kInternal.
  int run();

  /// A line on standard output; nothing when --json was given.
  void say(std::string_view line) const;
  /// The one document on standard output, when --json was given.
  void print(const nlohmann::json& document) const;
  /// A line on standard error.
  void warn(std::string_view line) const;
  /// How far something is; only where a person watches standard error.
  void progress(std::string_view what, std::uint64_t done, std::uint64_t all) const;
  /// The error in the spoken language: what happened, what to do, its number. With --json also on standard output.
  /// Returns the exit code of its class.
  int fail(const Error& error) const;
  /// What fail() prints as JSON.
  static nlohmann::json described(const Error& error);

  static int exit_code(const Error& error);
  /// "5001 …" in the spoken language.
  std::string words(const Error& error) const;

 private:
  int parse();
  std::string name_;
  int argc_;
  char** argv_;
  bool chinese_ = false;
  bool json_ = false;
  std::string language_;
  std::unique_ptr<CLI::App> app_;
  std::map<const CLI::App*, std::function<int()>> actions_;
};

/// "2026-03-02T01:00:00Z".
std::string utc_text(std::int64_t utc_ms);
/// "2026-03-02" of days since 1970-01-01.
std::string day_text(std::int64_t day);
/// Today as days since 1970-01-01, by the machine's wall clock and UTC offset.
std::int64_t day_of(std::int64_t utc_ms, int utc_offset_min);
/// How long, in ms: "90m", "36h", "10d", or "0".  Nothing if it is none of these.
std::optional<std::int64_t> duration_ms(std::string_view text);

enum class Shell : std::uint8_t { kBash, kZsh, kFish };
/// A script for the shell that completes the program's commands and options, generated from `app`.
std::string completion_script(const CLI::App& app, std::string_view program, Shell shell);

}  // namespace dudao
