#include "tools/console/console.hpp"

#include <CLI/CLI.hpp>

namespace dudao {
namespace {

struct Word {
  std::string text;
  std::string about;
};
/// The words that may follow a command, by the command's path ("draw commit"; empty for the program itself).
using Words = std::map<std::string, std::vector<Word>>;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void collect(const CLI::App& app, const std::string& path, std::vector<Word> inherited, Words& words) {
  std::vector<Word>& here = words[path];
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    here.push_back({sub->get_name(), first_line(sub->get_description())});
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const Word word{"--" + name, first_line(option->get_description())};
      here.push_back(word);
      if (path.empty() && name != "help") inherited.push_back(word);
    }
  }
  if (!path.empty()) here.insert(here.end(), inherited.begin(), inherited.end());
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), inherited, words);
}

/// In single quotes, which shells leave alone.
std::string in_quotes(std::string_view text, bool fish = false) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += fish ? "\\'" : "'\\''";
    else if (c == '\\' && fish)
      out += "\\\\";
    else
      out += c;
  }
  return out + "'";
}

std::string identifier(std::string_view program) {
  std::string out = "_";
  for (const char c : program) out += c == '-' ? '_' : c;
  return out;
}

std::string bash_script(const Words& words, std::string_view program) {
  const std::string name = identifier(program);
  std::string out = "# bash completion for " + std::string(program) + "\n" + name + "_words() {\n  case \"$1\" in\n";
  for (const auto& [path, list] : words) {
    out += "    " + in_quotes(path) + ") echo '";
    for (const Word& word : list) out += word.text + " ";
    out.back() = '\'';
    out += " ;;\n";
  }
  out += "    *) return 1 ;;\n  esac\n}\n" + name +
         "() {\n"
         "  local path='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    local longer=\"${path:+$path }${COMP_WORDS[i]}\"\n"
         "    " +
         name +
         "_words \"$longer\" >/dev/null && path=$longer\n"
         "  done\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$(" +
         name + "_words \"$path\")\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\ncomplete -o default -F " + name + " " +
         std::string(program) + "\n";
  return out;
}

std::string zsh_script(const Words& words, std::string_view program) {
  const std::string name = identifier(program);
  std::string out = "#compdef " + std::string(program) + "\n" + name + "() {\n  local -A known\n  known=( '' 1";
  for (const auto& entry : words)
    if (!entry.first.empty()) out += " " + in_quotes(entry.first) + " 1";
  out += " )\n";
  out +=
      "  local path_='' i\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    local longer=\"${path_:+$path_ }${words[i]}\"\n"
      "    [[ -n ${known[$longer]} ]] && path_=$longer\n"
      "  done\n"
      "  local -a choices\n"
      "  case \"$path_\" in\n";
  for (const auto& [path, list] : words) {
    out += "    " + in_quotes(path) + ") choices=(";
    for (const Word& word : list) {
      std::string about = word.about;
      for (std::size_t at = 0; (at = about.find(':', at)) != std::string::npos; at += 2) about.insert(at, "\\");
      out += " " + in_quotes(word.text + ":" + about);
    }
    out += " ) ;;\n";
  }
  out += "  esac\n  _describe -t commands " + std::string(program) + " choices || _files\n}\ncompdef " + name + " " +
         std::string(program) + "\n";
  return out;
}

std::string fish_script(const Words& words, std::string_view program) {
  const std::string name = "_" + identifier(program);
  std::string out = "# fish completion for " + std::string(program) + "\nfunction " + name +
                    "_path\n"
                    "  set -l path ''\n"
                    "  for word in (commandline -opc)[2..-1]\n"
                    "    set -l longer (string trim -- \"$path $word\")\n"
                    "    contains -- $longer";
  for (const auto& entry : words)
    if (!entry.first.empty()) out += " " + in_quotes(entry.first, true);
  out += "; and set path $longer\n  end\n  test \"$path\" = \"$argv[1]\"\nend\n";
  for (const auto& [path, list] : words) {
    for (const Word& word : list) {
      const bool option = word.text.starts_with("--");
      out += "complete -c " + std::string(program) + " -n " + in_quotes(name + "_path " + in_quotes(path, true), true) +
             (option ? " -l " + word.text.substr(2) : " -f -a " + word.text) + " -d " + in_quotes(word.about, true) +
             "\n";
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view program, Shell shell) {
  Words words;
  collect(app, "", {}, words);
  switch (shell) {
    case Shell::kBash:
      return bash_script(words, program);
    case Shell::kZsh:
      return zsh_script(words, program);
    case Shell::kFish:
      break;
  }
  return fish_script(words, program);
}

}  // namespace dudao
