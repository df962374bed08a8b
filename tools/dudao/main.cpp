// dudao: the inspector's agent from a shell. Its commands are made from the description of the agent's one door
// (schema/agent-api.json), so that whatever an app can do, a shell can do: the method noun.verb is the command
// `dudao noun verb`, required parameters in their order, the others as options.

#include "agent/agent.hpp"
#include "platform/desktop/desktop.hpp"
#include "platform/desktop/files.hpp"
#include "tools/console/console.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <list>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace dudao;
using nlohmann::json;

constexpr std::size_t kMaxStrokesFileBytes = 1 << 20;
constexpr std::size_t kMaxPassPhraseFileBytes = 4096;

// All that a signal handler reaches. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t interrupted = 0;

std::string default_home() {
  if (const char* home = std::getenv("DUDAO_HOME")) return home;
  const char* user = std::getenv("HOME");
  return std::string(user ? user : ".") + "/.local/share/dudao";
}

/// What a person typed for a parameter, as the API takes it.
Result<json> typed(const std::string& name, const std::string& text, const json& schema, const json& api) {
  if (schema.contains("$ref")) {
    const std::string pointer = schema["$ref"].get<std::string>().substr(1);
    return typed(name, text, api.at(json::json_pointer(pointer)), api);
  }
  const auto wrong = [&](const std::string& form) { return fail(Code::kParameterWrong, name + ": " + form); };
  const auto has = [&](const char* type) {
    if (!schema.contains("type")) return std::string_view(type) == "string";
    const json& types = schema["type"];
    return types.is_string() ? types == type : std::find(types.begin(), types.end(), type) != types.end();
  };
  if (name == "place") {
    const std::size_t first = text.find(',');
    if (first == std::string::npos) return wrong("latitude,longitude[,accuracy in metres], like 36.1234,112.4567,8");
    const std::size_t second = text.find(',', first + 1);
    json place = {{"lat", text.substr(0, first)}, {"lon", text.substr(first + 1, second - first - 1)}};
    if (second != std::string::npos) {
      const auto metres = parse_decimal(text.substr(second + 1), 2);
      if (!metres) return wrong("accuracy in metres, like 8 or 8.50");
      place["accuracy_cm"] = *metres;
    }
    return place;
  }
  if (name == "strokes" && text.starts_with('@')) {
    DUDAO_TRY(const Bytes file, DesktopFiles().read(text.substr(1), kMaxStrokesFileBytes));
    return json(to_base64(file));
  }
  if (has("array") && !has("string")) {
    json list = json::array();
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      list.push_back(text.substr(at, comma - at));
      at = comma + 1;
    }
    return list;
  }
  // An answer is JSON where it reads as JSON, and text otherwise: 12, true, ["a","b"], {"present":18,"of":20},
  // 楼道整洁.
  const json parsed = json::parse(text, nullptr, false);
  if (has("array") && has("string")) return parsed.is_discarded() || parsed.is_number_float() ? json(text) : parsed;
  if (has("integer") && !has("string"))
    return parsed.is_number_integer() ? Result<json>(parsed) : Result<json>(wrong("a whole number"));
  if (has("integer") && parsed.is_number_integer()) return parsed;
  if (has("boolean") && parsed.is_boolean()) return parsed;
  return json(text);
}

std::string cell(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

/// Columns that a terminal needs: wide characters take two.
std::size_t width(const std::string& text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    columns += lead >= 0xe1 ? 2 : 1;
    i += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  }
  return columns;
}

/// A moment is shown as people write it; --json keeps the number.
std::string shown(const std::string& name, const json& value) {
  const std::int64_t unit = name.ends_with("_utc_ms") ? 1000 : name.ends_with("_utc_s") ? 1 : 0;
  if (unit == 0 || !value.is_number_integer() || value == 0) return cell(value);
  const std::time_t moment = value.get<std::int64_t>() / unit;
  std::tm local = {};
  localtime_r(&moment, &local);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local)};
}

/// Columns in which no row has anything are left out.
void print_table(const json& rows) {
  std::vector<std::string> names;
  std::vector<std::size_t> widths;
  for (const auto& [name, first] : rows.front().items()) {
    std::size_t widest = 0;
    for (const json& row : rows)
      if (!row.value(name, json()).is_null()) widest = std::max(widest, width(shown(name, row[name])));
    if (widest == 0) continue;
    names.push_back(name);
    widths.push_back(std::min<std::size_t>(std::max(widest, width(name)), 60));
  }
  const auto line = [&](const auto& text_of) {
    std::string out = "  ";
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string text = text_of(names[i]);
      out += text + std::string(width(text) < widths[i] ? widths[i] - width(text) + 2 : 2, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    std::cout << out << '\n';
  };
  line([](const std::string& name) { return name; });
  for (const json& row : rows) line([&](const std::string& name) { return shown(name, row.value(name, json())); });
}

void print_for_people(const json& result) {
  // A page is for a browser or a printer: `> sheet.html`.
  if (result.contains("html")) {
    std::cout << result["html"].get_ref<const std::string&>();
    return;
  }
  for (const auto& [name, value] : result.items()) {
    if (value.is_array() && !value.empty() && value.front().is_object()) {
      std::cout << name << ":\n";
      print_table(value);
    } else if (value.is_array() && (value.empty() || value.front().is_string())) {
      std::cout << name << ':';
      for (const json& each : value) std::cout << ' ' << each.get<std::string>();
      std::cout << (value.empty() ? " -\n" : "\n");
    } else if (value.is_object()) {
      std::cout << name << ":\n";
      for (const auto& [inner, content] : value.items())
        std::cout << "  " << inner << ": " << shown(inner, content) << '\n';
    } else {
      std::cout << name << ": " << shown(name, value) << '\n';
    }
  }
}

/// The agent of this home, opened when the first command needs it.
class Home {
 public:
  explicit Home(Console& console) : console_(console) {}
  std::string folder = default_home();
  std::string pass_phrase_file;
  std::string ca_file;
  bool verbose = false;

  /// `signs`: what follows will sign for certain.
  Result<Agent*> agent(bool signs = false) {
    if (agent_) return agent_.get();
    DesktopOptions options;
    options.keys.folder = folder + "/keys";
    options.keys.data_folder = folder + "/data";
    options.keys.machine_secret_file = folder + "/machine-secret";
    if (!pass_phrase_file.empty()) {
      DUDAO_TRY(const Bytes file, DesktopFiles().read(pass_phrase_file, kMaxPassPhraseFileBytes));
      std::string line(file.begin(),
                       std::find_if(file.begin(), file.end(), [](auto c) { return c == '\n' || c == '\r'; }));
      if (line.empty()) return fail(Code::kFileMissing, pass_phrase_file);
      options.keys.pass_phrase = std::move(line);
    }
    options.http.ca_file = ca_file;
    options.log.least = verbose ? Log::Level::kDebug : Log::Level::kError;
    DUDAO_TRY(desktop_, open_desktop_platform(std::move(options)));
    platform_.emplace(desktop_->view());
    DUDAO_CHECK(platform_->files.make_folder(folder + "/data"));
    // Opening the key takes most of the memory that it ever needs, so that comes while there is little else. Whether it
    // can be opened says who needs it.
    if (signs) static_cast<void>(platform_->keys.public_key(kDeviceKeyName));
    DUDAO_TRY(agent_, Agent::open(*platform_, folder + "/data/agent.db"));
    agent_->set_cancelled([] { return interrupted != 0; });
    return agent_.get();
  }

  /// Calls a method; `result` gets what came back.
  int call(const std::string& method, json params, json& result) {
    const auto opened = agent(method == "sync.run");
    if (!opened) return console_.fail(opened.error());
    const json answer = json::parse(
        (*opened)->call(json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}}.dump()));
    if (!answer.contains("error")) {
      result = answer["result"];
      return kExitDone;
    }
    const json& data = answer["error"]["data"];
    const CodeInfo* known = find_code(data["number"].get<std::uint16_t>());
    return console_.fail({known ? known->code : Code::kInternal, data["detail"].get<std::string>()});
  }

  /// The whole id of a visit from its first characters, as people type it.
  int whole_visit(std::string& typed_id) {
    if (typed_id.size() == 32) return kExitDone;
    json visits;
    if (const int code = call("visit.list", json::object(), visits); code != kExitDone) return code;
    std::vector<std::string> fitting;
    for (const char* list : {"visits", "sealed"})
      for (const json& visit : visits[list])
        if (const auto id = visit["visit"].get<std::string>(); id.starts_with(typed_id) || id.ends_with(typed_id))
          fitting.push_back(id);
    if (fitting.size() != 1)
      return console_.fail({Code::kVisitNotHere, typed_id + ": " + std::to_string(fitting.size()) + " fit"});
    typed_id = fitting.front();
    return kExitDone;
  }

 private:
  Console& console_;
  std::unique_ptr<DesktopPlatform> desktop_;
  std::optional<Platform> platform_;
  std::unique_ptr<Agent> agent_;
};

/// What one parameter's text was, kept until the command runs.
struct Slot {
  std::string name;
  json schema;
  std::string text;
  CLI::Option* option = nullptr;
};

const char* example_of(const std::string& method) {
  static const std::map<std::string, const char*> examples = {
      {"office.set", "dudao office set https://dudao.example --key 3f9a…"},
      {"enrol.request", "dudao enrol request D001 '平板 3' --code 7c41…"},
      {"visit.list", "dudao visit list --state ASSIGNED"},
      {"visit.unseal", "dudao visit unseal 0199 7K3M-Q8ZD-0R2V-X5TN"},
      {"visit.check_in",
       "dudao visit check_in 0199 --place 36.7610,112.4139,8\n  dudao visit check_in 0199 --reason '室内无信号'"},
      {"visit.answer",
       "dudao visit answer 0199 A1.01 true\n  dudao visit answer 0199 A2.03 '{\"present\":18,\"of\":20}'\n  dudao "
       "visit answer 0199 "
       "A3.02 '{\"na\":\"本校无住宿生\"}'"},
      {"finding.add", "dudao finding add 0199 ORDINARY '北门消防通道堆放杂物' --item A1.01 --due 2026-03-20"},
      {"visit.sign",
       "dudao visit sign 0199 HEAD SIGNED --name 李校长 --strokes @signature.bin\n  dudao visit sign 0199 HEAD REFUSED "
       "--witness 张副校长"},
      {"visit.feedback_sheet", "dudao visit feedback_sheet 0199 > sheet.html"},
      {"sync.run", "dudao sync run"},
      {"statement.get", "dudao --json statement get 3"},
  };
  const auto found = examples.find(method);
  return found == examples.end() ? "" : found->second;
}

}  // namespace

// Only what fails before anything was done can escape, such as memory for the options.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  Console console("dudao",
                  "The inspector's agent: records visits with no network, and sends them signed when there is one.",
                  "督学的督导助手：没有网络也能记录，联网后签名上报。", argc, argv);
  Home home(console);
  console.app()
      .add_option("--home", home.folder,
                  console.tr("Folder of this agent (or DUDAO_HOME)", "本机数据文件夹（或环境变量 DUDAO_HOME）"))
      ->capture_default_str();
  console.app().add_option("--pass-phrase-file", home.pass_phrase_file,
                           console.tr("File with the pass phrase of the key", "密钥口令文件"));
  console.app().add_option("--ca-file", home.ca_file,
                           console.tr("Certificates to trust beside the system's", "额外信任的证书文件"));
  console.app().add_flag("--verbose", home.verbose,
                         console.tr("Log what happens, without contents", "输出日志（不含内容）"));
  std::signal(SIGINT, [](int) { interrupted = 1; });

  const json api = json::parse(agent_api());
  std::map<std::string, CLI::App*> groups;
  std::list<std::list<Slot>> all_slots;
  for (const json& described : api["methods"]) {
    const std::string method = described["name"];
    const std::size_t dot = method.find('.');
    const std::string noun = method.substr(0, dot);
    if (noun == "rpc") continue;
    if (!groups.contains(noun))
      groups[noun] = console.group(console.app(), noun, "Commands about: " + noun, "相关命令：" + noun);
    std::list<Slot>& slots = all_slots.emplace_back();
    CLI::App* command = console.command(
        *groups[noun], method.substr(dot + 1), described["summary"].get<std::string>(),
        described["summary"].get<std::string>(),
        [&, method]() -> int {
          json params = json::object();
          for (Slot& slot : slots) {
            if (slot.option->count() == 0) continue;
            if (slot.name == "visit")
              if (const int code = home.whole_visit(slot.text); code != kExitDone) return code;
            auto value = typed(slot.name, slot.text, slot.schema, api);
            if (!value) return console.fail(value.error());
            params[slot.name] = std::move(*value);
          }
          json result;
          if (const int code = home.call(method, std::move(params), result); code != kExitDone) return code;
          const json error = method == "sync.run" ? result["error"] : json();
          if (console.json()) {
            console.print(result);
          } else {
            if (method == "sync.run") result.erase("error");  // said below, as every error is
            print_for_people(result);
          }
          // A run that did not get everything through is no success, whatever it did get through.
          if (error.is_null()) return kExitDone;
          const CodeInfo* known = find_code(error["number"].get<std::uint16_t>());
          return console.fail({known ? known->code : Code::kInternal, error["detail"].get<std::string>()});
        },
        example_of(method));
    for (const json& param : described["params"]) {
      Slot& slot = slots.emplace_back(Slot{param["name"], param["schema"], {}, nullptr});
      const bool required = param.value("required", false);
      std::string help = param["description"];
      if (param["schema"].contains("enum")) help += " " + param["schema"]["enum"].dump();
      slot.option = command->add_option(required ? slot.name : "--" + slot.name, slot.text, help);
      if (required) slot.option->required();
    }
  }

  std::string method;
  std::string params_text = "{}";
  CLI::App* call = console.command(
      console.app(), "call", "Passes one method straight to the agent's JSON-RPC door", "直接调用 JSON-RPC 方法",
      [&]() -> int {
        const json params = json::parse(params_text, nullptr, false);
        if (!params.is_object()) return console.fail({Code::kRequestNotJson, "PARAMS"});
        json result;
        if (const int code = home.call(method, params, result); code != kExitDone) return code;
        std::cout << result.dump(2) << '\n';
        return kExitDone;
      },
      "dudao call visit.list '{\"state\": \"READY\"}'");
  call->add_option("method", method, console.tr("Like visit.get", "如 visit.get"))->required();
  call->add_option("params", params_text, console.tr("A JSON object", "JSON 对象"));

  return console.run();
}
