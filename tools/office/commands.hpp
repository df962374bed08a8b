#pragma once

/// What the commands of one area stand on: the terminal, and the office that answers. An area adds its commands to the
/// program's and keeps the options that they read in memory of its own, held by the functions that run them.

#include "platform/platform.hpp"
#include "tools/console/console.hpp"

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace dudao {

/// Used by one thread.
class OfficeCommands {
 public:
  using Ask = std::function<Result<nlohmann::json>(std::string_view method, nlohmann::json params)>;
  using Read = std::function<Result<Bytes>(const std::string& path)>;
  /// `asks` calls a method of admin.hpp; `reads` gives the content of a file that was named, of 1 MiB at most.
  OfficeCommands(Console& terminal, Ask asks, Read reads)
      : console(terminal), ask(std::move(asks)), read(std::move(reads)) {}

  std::string tr(std::string_view english, std::string_view chinese) const { return console.tr(english, chinese); }
  void say(std::string_view line) const { console.say(line); }
  /// Asks, prints the document or `words` of it, gives the exit code.
  int tell(std::string_view method, nlohmann::json params,
           const std::function<void(const nlohmann::json&)>& words) const {
    const auto answer = ask(method, std::move(params));
    if (!answer) return console.fail(answer.error());
    console.print(*answer);
    if (!console.json()) words(*answer);
    return kExitDone;
  }
  CLI::App* add(CLI::App& parent, const char* name, std::string_view english, std::string_view chinese,
                std::function<int()> run, std::string_view examples = {}) const {
    return console.command(parent, name, english, chinese, std::move(run), examples);
  }
  CLI::App* group(CLI::App& parent, const char* name, std::string_view english, std::string_view chinese) const {
    return console.group(parent, name, english, chinese);
  }

  Console& console;
  const Ask ask;
  const Read read;
};

void add_inspector_commands(CLI::App& app, const OfficeCommands& office);
void add_jurisdiction_commands(CLI::App& app, const OfficeCommands& office);
void add_plan_commands(CLI::App& app, const OfficeCommands& office);
/// After add_jurisdiction_commands(), whose group "deadlines" it adds to.
void add_proceeding_commands(CLI::App& app, const OfficeCommands& office);
/// `session_file`: where the token of who is logged in is kept, known once the command line was read.
void add_people_commands(CLI::App& app, const OfficeCommands& office, Files& files,
                         const std::function<std::string()>& session_file);

}  // namespace dudao
