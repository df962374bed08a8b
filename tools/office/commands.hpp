#pragma once

/// What the commands of one area stand on: the terminal, and the office that answers. An area adds its commands to the
/// program's and keeps the options that they read in memory of its own, held by the functions that run them.

#include "platform/platform.hpp"
#include "tools/console/console.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace dudao {

inline constexpr std::size_t kMaxImportBytes = std::size_t{256} << 20U;
inline constexpr std::size_t kMaxSmallFileBytes = std::size_t{1} << 20U;

/// Used by one thread.
class OfficeCommands {
 public:
  using Ask = std::function<Result<nlohmann::json>(std::string_view method, nlohmann::json params)>;
  /// `asks` calls a method of admin.hpp.
  OfficeCommands(Console& terminal, Files& on_disk, Ask asks)
      : console(terminal), files(on_disk), ask(std::move(asks)) {}

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
  /// A file that was named on the command line, and that an error names again.
  Result<Bytes> read(const std::string& path, std::size_t most = kMaxSmallFileBytes) const {
    auto bytes = files.read(path, most);
    if (!bytes && bytes.error().detail.empty()) bytes.error().detail = path;
    return bytes;
  }
  CLI::App* add(CLI::App& parent, const char* name, std::string_view english, std::string_view chinese,
                std::function<int()> run, std::string_view examples = {}) const {
    return console.command(parent, name, english, chinese, std::move(run), examples);
  }
  CLI::App* group(CLI::App& parent, const char* name, std::string_view english, std::string_view chinese) const {
    return console.group(parent, name, english, chinese);
  }

  Console& console;
  Files& files;
  const Ask ask;
};

/// Of a file that the office writes: one that is running stands in another folder.
inline std::string absolute(const std::string& path) { return std::filesystem::absolute(path).string(); }

// A document's cells as they stand in a line at the terminal.
/// Empty for null; what is no text as JSON has it.
inline std::string text_in(const nlohmann::json& one, const char* name) {
  const nlohmann::json& cell = one.at(name);
  return cell.is_null() ? std::string() : cell.is_string() ? cell.get<std::string>() : cell.dump();
}
/// "-" where there is no text.
inline std::string text_or_dash(const nlohmann::json& one, const char* name) {
  const auto cell = one.find(name);
  return cell != one.end() && cell->is_string() ? cell->get<std::string>() : "-";
}
/// "D001, D002".
inline std::string joined(const nlohmann::json& texts) {
  std::string out;
  for (const nlohmann::json& text : texts) out += (out.empty() ? "" : ", ") + text.get<std::string>();
  return out;
}

// Each adds to the help in the order in which it is called.
void add_register_commands(CLI::App& app, const OfficeCommands& office);
void add_checklist_commands(CLI::App& app, const OfficeCommands& office);
void add_visit_commands(CLI::App& app, const OfficeCommands& office);
void add_finding_commands(CLI::App& app, const OfficeCommands& office);
void add_inspector_commands(CLI::App& app, const OfficeCommands& office);
/// `session_file`: where the token of who is logged in is kept, known once the command line was read.
void add_people_commands(CLI::App& app, const OfficeCommands& office, const std::function<std::string()>& session_file);
void add_jurisdiction_commands(CLI::App& app, const OfficeCommands& office);
void add_plan_commands(CLI::App& app, const OfficeCommands& office);
/// After add_jurisdiction_commands(), whose group "deadlines" it adds to.
void add_proceeding_commands(CLI::App& app, const OfficeCommands& office);
void add_document_commands(CLI::App& app, const OfficeCommands& office);
void add_draw_commands(CLI::App& app, const OfficeCommands& office);
void add_device_commands(CLI::App& app, const OfficeCommands& office);
void add_figure_commands(CLI::App& app, const OfficeCommands& office);

}  // namespace dudao
