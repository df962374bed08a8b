#include "tools/console/console.hpp"

#include "platform/bytes.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace dudao {
namespace {

bool says_chinese(const char* value) { return value != nullptr && std::string_view(value).starts_with("zh"); }

bool chosen_chinese(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--lang" && i + 1 < argc) return says_chinese(argv[i + 1]);
    if (argument.starts_with("--lang=")) return says_chinese(argv[i] + 7);
  }
  for (const char* name : {"DUDAO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return says_chinese(value);
  }
  return false;
}

void line_to(std::FILE* out, std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), out);
  std::fputc('\n', out);
  std::fflush(out);
}

}  // namespace

Console::Console(std::string name, std::string_view english, std::string_view chinese, int argc, char** argv)
    : name_(std::move(name)), argc_(argc), argv_(argv), chinese_(chosen_chinese(argc, argv)) {
  app_ = std::make_unique<CLI::App>(tr(english, chinese), name_);
  app_->require_subcommand(1);
  app_->fallthrough();
  app_->set_help_flag("-h,--help", tr("Explain this command", "说明此命令"));
  app_->add_option("--lang", language_, tr("Language: en or zh", "语言：en 或 zh"))
      ->type_name("LANG")
      ->check(CLI::IsMember({"en", "zh"}));
  app_->add_flag("--json", json_, tr("One JSON document on standard output", "在标准输出给出一份 JSON"));
  const auto shell = std::make_shared<std::string>();
  CLI::App* completion = command(
      *app_, "completion", "Print a completion script for a shell", "输出命令行补全脚本",
      [this, shell] {
        const Shell which = *shell == "bash" ? Shell::kBash : *shell == "zsh" ? Shell::kZsh : Shell::kFish;
        const std::string script = completion_script(*app_, name_, which);
        std::fwrite(script.data(), 1, script.size(), stdout);
        return kExitDone;
      },
      "source <(" + name_ + " completion bash)\n" + name_ + " completion zsh > ~/.zfunc/_" + name_ + "\n" + name_ +
          " completion fish > ~/.config/fish/completions/" + name_ + ".fish");
  completion->add_option("shell", *shell, tr("bash, zsh or fish", "bash、zsh 或 fish"))
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

Console::~Console() = default;

CLI::App* Console::command(CLI::App& parent, std::string name, std::string_view english, std::string_view chinese,
                           std::function<int()> run, std::string_view examples) {
  CLI::App* made = parent.add_subcommand(std::move(name), tr(english, chinese));
  if (!examples.empty()) {
    std::string footer = tr("Examples:", "示例：");
    for (std::size_t at = 0; at <= examples.size();) {
      const std::size_t end = std::min(examples.find('\n', at), examples.size());
      footer.append("\n  ").append(examples.substr(at, end - at));
      at = end + 1;
    }
    made->footer(footer);
  }
  actions_[made] = std::move(run);
  return made;
}

CLI::App* Console::group(CLI::App& parent, std::string name, std::string_view english, std::string_view chinese) {
  CLI::App* made = parent.add_subcommand(std::move(name), tr(english, chinese));
  made->require_subcommand(1);
  return made;
}

int Console::parse() {
  try {
    app_->parse(argc_, argv_);
    return -1;
  } catch (const CLI::CallForHelp&) {
    std::fputs(app_->help().c_str(), stdout);
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    // The deepest command that was recognised is the one to read about.
    std::string path = name_;
    for (const CLI::App* at = app_.get(); !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      path += " " + at->get_name();
    }
    warn(error.what());
    warn(tr("See: ", "请参阅：") + path + " --help");
    return kExitUsage;
  }
}

int Console::run() {
  try {
    const int parsed = parse();
    if (parsed >= 0) return parsed;
    const CLI::App* at = app_.get();
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return actions_.at(at)();
  } catch (const std::bad_alloc&) {
    return fail(Error{Code::kOutOfMemory, {}});
  } catch (const std::exception& error) {
    return fail(Error{Code::kInternal, error.what()});
  }
}

void Console::say(std::string_view line) const {
  if (!json_) line_to(stdout, line);
}

void Console::print(const nlohmann::json& document) const {
  if (json_) line_to(stdout, document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Console::warn(std::string_view line) const { line_to(stderr, line); }

void Console::progress(std::string_view what, std::uint64_t done, std::uint64_t all) const {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r%.*s %llu/%llu%s", static_cast<int>(what.size()), what.data(),
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(all), done == all ? "\n" : "");
  std::fflush(stderr);
}

std::string Console::words(const Error& error) const {
  if (!chinese_) return error.message();
  std::string text =
      std::to_string(static_cast<std::uint16_t>(error.code)) + " " + std::string(info(error.code).chinese);
  if (!error.detail.empty()) text += "（" + error.detail + "）";
  return text;
}

int Console::exit_code(const Error& error) {
  switch (info(error.code).error_class) {
    case ErrorClass::kRetry:
      return kExitLater;
    case ErrorClass::kTampered:
      return kExitAlarm;
    case ErrorClass::kFixInput:
    case ErrorClass::kBug:
      break;
  }
  return kExitRefused;
}

nlohmann::json Console::described(const Error& error) {
  const CodeInfo& row = info(error.code);
  return {{"error",
           {{"code", static_cast<std::uint16_t>(error.code)},
            {"name", row.name},
            {"class", to_string(row.error_class)},
            {"english", row.english},
            {"chinese", row.chinese},
            {"detail", error.detail}}}};
}

int Console::fail(const Error& error) const {
  warn(words(error));
  print(described(error));
  return exit_code(error);
}

std::string utc_text(std::int64_t utc_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds(utc_ms)};
  const auto day = floor<days>(at);
  const hh_mm_ss time{floor<seconds>(at - day)};
  const year_month_day date{day};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

std::string day_text(std::int64_t day) { return utc_text(day * 86'400'000).substr(0, 10); }

std::int64_t day_of(std::int64_t utc_ms, int utc_offset_min) {
  const std::int64_t local_ms = utc_ms + std::int64_t{utc_offset_min} * 60'000;
  return (local_ms - ((local_ms % 86'400'000) + 86'400'000) % 86'400'000) / 86'400'000;
}

std::optional<std::int64_t> duration_ms(std::string_view text) {
  if (text == "0") return 0;
  if (text.size() < 2 || text.size() > 6) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  switch (text.back()) {
    case 's':
      return number * 1000;
    case 'm':
      return number * 60'000;
    case 'h':
      return number * 3'600'000;
    case 'd':
      return number * 86'400'000;
    default:
      return std::nullopt;
  }
}

}  // namespace dudao
