/// dudao-office: the central office on one machine. `serve` answers devices; every other command does one thing, in the
/// office that is running if one is, otherwise on its database directly.

#include "platform/desktop/desktop.hpp"
#include "sync/office/office.hpp"
#include "tools/console/console.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/admin_socket.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/listener.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSessionFileBytes = 200;
constexpr std::uint16_t kDefaultPort = 8740;

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::string(value) : otherwise;
}

std::string home() { return environment("HOME", "."); }

/// An office that was opened here, with all that it stands on. Destroyed from the last member to the first.
struct Opened {
  std::unique_ptr<DesktopPlatform> desktop;
  std::unique_ptr<Platform> platform;
  std::unique_ptr<Office> office;
};

class OfficeProgram {
 public:
  OfficeProgram(int argc, char** argv)
      : console_("dudao-office",
                 "The central office: registers devices, plans and draws visits, receives what inspectors recorded and "
                 "proves it.",
                 "督导办：登记设备，计划与随机抽取督导，接收督导记录并出具回执。", argc, argv) {
    CLI::App& app = console_.app();
    app.add_option("--data", data_, tr("Folder of the office", "督导办数据文件夹"))
        ->envname("DUDAO_OFFICE_DATA")
        ->default_val(home() + "/.local/share/dudao-office");
    app.add_option(
           "--secret", secret_,
           tr("File that opens the office's key on this machine; never inside the data folder. With a pass phrase "
              "in DUDAO_OFFICE_PASS_PHRASE that counts instead",
              "本机用于开启密钥的文件，不得位于数据文件夹内；若设置了 DUDAO_OFFICE_PASS_PHRASE 则以口令为准"))
        ->envname("DUDAO_OFFICE_SECRET")
        ->default_val(home() + "/.config/dudao-office/machine.secret");
    app.add_option("--session", session_file_,
                   tr("File with the token of who is logged in; otherwise \"session\" beside the secret",
                      "登录令牌文件；默认为密钥文件旁的 session"))
        ->envname("DUDAO_OFFICE_SESSION");
    app.add_option("--actor", actor_,
                   tr("Who decides while the office is being founded; afterwards it is who is logged in",
                      "建立督导办期间的决定人；此后以登录人员为准"))
        ->envname("DUDAO_ACTOR")
        ->default_val(environment("USER", "office"));
    add_commands();
  }

  int run() { return console_.run(); }

 private:
  std::string tr(std::string_view english, std::string_view chinese) const { return console_.tr(english, chinese); }
  void say(std::string_view line) const { console_.say(line); }

  // --- Opening.

  Result<std::string> origin() {
    const auto file = files_.read(data_ + "/office.json", kMaxSmallFileBytes);
    if (!file) return fail(file.error().code == Code::kFileMissing ? Error{Code::kOfficeMissing, data_} : file.error());
    const json settings = json::parse(text(*file), nullptr, false);
    if (!settings.is_object() || !settings.contains("origin") || !settings["origin"].is_string())
      return fail(Code::kSettingsFile, data_ + "/office.json: origin");
    return settings["origin"].get<std::string>();
  }

  Result<Opened> open(const std::string& origin, Log::Level least, const std::string& log_file) {
    namespace fs = std::filesystem;
    DesktopOptions options;
    options.keys.folder = data_ + "/keys";
    options.keys.data_folder = data_;
    options.keys.machine_secret_file = secret_;
    if (const char* phrase = std::getenv("DUDAO_OFFICE_PASS_PHRASE"); phrase != nullptr && *phrase != '\0')
      options.keys.pass_phrase = phrase;
    else if (const std::string parent = fs::path(secret_).parent_path().string(); !parent.empty())
      DUDAO_CHECK(files_.make_folder(parent));
    options.log.least = least;
    options.log.file = log_file;
    Opened opened;
    DUDAO_TRY(opened.desktop, open_desktop_platform(std::move(options)));
    opened.platform = std::make_unique<Platform>(opened.desktop->view());
    Office::Options office;
    office.database = data_ + "/office.db";
    office.origin = origin;
    DUDAO_TRY(opened.office, Office::open(*opened.platform, office));
    return opened;
  }

  std::string session_file() const {
    if (!session_file_.empty()) return session_file_;
    return (std::filesystem::path(secret_).parent_path() / "session").string();
  }

  /// Through the running office, or on the database.
  Result<json> ask(std::string_view method, json params) {
    params["actor"] = actor_;
    if (const auto token = files_.read(session_file(), kMaxSessionFileBytes)) {
      const std::string_view line = text(*token);
      params["session"] = line.substr(0, line.find('\n'));
    } else if (token.error().code != Code::kFileMissing) {
      return fail(token.error());
    }
    const AdminProgress progress = [this](std::string_view what, std::uint64_t done, std::uint64_t all) {
      console_.progress(what == "rows" ? tr("rows", "行") : std::string(what), done, all);
    };
    DUDAO_TRY(auto answered, ask_running_office(data_, method, params, progress));
    if (answered) return *std::move(answered);
    DUDAO_TRY(const std::string name, origin());
    DUDAO_TRY(const Opened opened, open(name, Log::Level::kWarning, ""));
    Admin admin(*opened.platform, *opened.office, false);
    return admin.call(method, params, progress);
  }

  // --- Founding and serving.

  int init() {
    const auto done = [&]() -> Status {
      if (files_.exists(data_ + "/office.json")) return fail(Code::kOfficeThere, data_);
      // What stands in every signature and checkpoint of the log, so it has to be one plain word.
      if (origin_.empty() || origin_.size() > 100 || origin_.find_first_of(" \t\r\n+") != std::string::npos)
        return fail(Code::kOptionWrong, "--origin " + origin_);
      DUDAO_CHECK(files_.make_folder(data_));
      DUDAO_TRY(const Opened opened, open(origin_, Log::Level::kWarning, ""));
      const json settings = {{"origin", origin_}};
      DUDAO_CHECK(files_.write(data_ + "/office.json", view(settings.dump(2) + "\n")));
      const std::string key = to_hex(opened.office->key().thumbprint());
      console_.print({{"origin", origin_}, {"office_key", key}, {"data", data_}});
      say(tr("The office ", "督导办 ") + origin_ + tr(" stands in ", " 已建立于 ") + data_);
      say(tr("Fingerprint of its key: ", "密钥指纹：") + key);
      say(tr("Give it to inspectors on paper or by telephone; their devices compare it.",
             "请以纸面或电话告知督学，由其设备核对。"));
      return {};
    }();
    return done ? kExitDone : console_.fail(done.error());
  }

  int serve() {
    const auto served = [&]() -> Status {
      ListenerOptions options;
      DUDAO_CHECK(read_listen(options));
      if (!certificate_.empty()) {
        DUDAO_TRY(const Bytes chain, commands_.read(certificate_));
        DUDAO_TRY(const Bytes key, commands_.read(private_key_));
        options.certificate_chain_pem = text(chain);
        options.private_key_pem = text(key);
      }
      options.plain_beyond_loopback = behind_proxy_;
      DUDAO_TRY(const std::string name, origin());
      DUDAO_TRY(const Opened opened, open(name, Log::Level::kInfo, log_file_));
      options.log = &opened.platform->log;
      Admin admin(*opened.platform, *opened.office, true);
      DUDAO_TRY(const auto socket, AdminSocket::start(data_, admin));
      DUDAO_TRY(const auto listener,
                Listener::start(options, [&](const Request& request) { return opened.office->handle(request); }));
      const bool v6 = options.address.find(':') != std::string::npos;
      const std::string url = (certificate_.empty() ? "http://" : "https://") +
                              (v6 ? "[" + options.address + "]" : options.address) + ":" +
                              std::to_string(listener->port());
      const std::string key = to_hex(opened.office->key().thumbprint());
      console_.print({{"url", url}, {"origin", name}, {"office_key", key}, {"process", getpid()}});
      say(tr("Listening on ", "正在监听 ") + url);
      say(tr("Office ", "督导办 ") + name + tr(", fingerprint of its key ", "，密钥指纹 ") + key);
      opened.platform->log.write(Log::Level::kInfo, "office.serving", "port=" + std::to_string(listener->port()));
      listener->wait();
      say(tr("Stopping: requests that have begun are finished.", "正在停止：已开始的请求将处理完毕。"));
      listener->stop();
      opened.platform->log.write(Log::Level::kInfo, "office.stopped", "");
      return {};
    }();
    return served ? kExitDone : console_.fail(served.error());
  }

  /// ADDRESS:PORT, [ADDRESS]:PORT, ADDRESS or :PORT.
  Status read_listen(ListenerOptions& options) const {
    std::string address = listen_;
    std::string port;
    if (address.starts_with('[')) {
      const std::size_t end = address.find(']');
      if (end == std::string::npos) return fail(Code::kListenAddress, listen_);
      port = address.substr(end + 1);
      address = address.substr(1, end - 1);
      if (!port.empty() && port.front() != ':') return fail(Code::kListenAddress, listen_);
      if (!port.empty()) port.erase(0, 1);
    } else if (const std::size_t colon = address.find(':');
               colon != std::string::npos && address.find(':', colon + 1) == std::string::npos) {
      port = address.substr(colon + 1);
      address.resize(colon);
    }
    if (!address.empty()) options.address = address;
    options.port = kDefaultPort;
    if (!port.empty()) {
      if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65'535)
        return fail(Code::kListenAddress, listen_);
      options.port = static_cast<std::uint16_t>(std::stoi(port));
    }
    return {};
  }

  // --- The office as a whole.

  int status() {
    return commands_.tell("status", json::object(), [&](const json& done) {
      say(tr("Office ", "督导办 ") + done.at("origin").get<std::string>() +
          (done.at("serving").get<bool>() ? tr(", running", "，正在运行") : tr(", not running", "，未运行")));
      say(tr("Fingerprint of its key: ", "密钥指纹：") + done.at("office_key").get<std::string>());
      say(tr("Statements in the log: ", "日志中的声明：") + done.at("statements").dump() +
          tr("; database ", "；数据库 ") + std::to_string(done.at("database_bytes").get<std::int64_t>() / 1024) +
          " KiB");
      const json& rows = done.at("rows");
      say(tr("Schools ", "学校 ") + rows.at("school").dump() + tr(", inspectors ", "，督学 ") +
          rows.at("inspector").dump() + tr(", checklists ", "，检查表 ") + rows.at("template").dump() +
          tr(", draws ", "，抽查 ") + rows.at("draw").dump() + tr(", visits ", "，督导 ") + rows.at("visit").dump());
      for (const auto& [state, count] : done.at("visit_states").items()) say("  " + state + " " + count.dump());
      say(tr("Devices ", "设备 ") + done.at("devices").dump() + tr(", waiting to be enrolled ", "，等待登记 ") +
          done.at("enrolments_waiting").dump() + tr(", statements kept apart ", "，隔离的声明 ") +
          done.at("quarantined").dump());
    });
  }

  int export_ledger() {
    return commands_.tell("export-ledger", {{"path", absolute(path_)}}, [&](const json& done) {
      say(tr("Written: ", "已写入 ") + path_ + ", " + done.at("bytes").dump() +
          tr(" bytes. Anybody can check it:", " 字节。任何人都可核验："));
      say("  dudao-audit ledger " + path_ + " --office-key " + done.at("office_key").get<std::string>());
    });
  }

  // --- The command line.

  void add_commands() {
    CLI::App& app = console_.app();
    CLI::App* init_command = commands_.add(
        app, "init", "Found an office: its key, its log, its database", "建立督导办：密钥、日志、数据库",
        [this] { return init(); }, "dudao-office init --origin dudao.edu.sx.cn/2026");
    init_command
        ->add_option("--origin", origin_,
                     tr("Name of the log, for ever; a domain that is yours, and a year or purpose",
                        "日志名称，不可更改；建议使用自有域名加年份或用途"))
        ->required();

    CLI::App* serve_command = commands_.add(
        app, "serve", "Answer devices until SIGTERM or SIGINT", "为设备提供服务，直至收到 SIGTERM 或 SIGINT",
        [this] { return serve(); },
        "dudao-office serve\ndudao-office serve --listen 0.0.0.0:443 --cert chain.pem --key key.pem");
    serve_command
        ->add_option("--listen", listen_,
                     tr("ADDRESS:PORT; port 0 takes any free one", "地址:端口；端口 0 表示任一空闲端口"))
        ->default_val("127.0.0.1:" + std::to_string(kDefaultPort));
    CLI::Option* certificate =
        serve_command->add_option("--cert", certificate_, tr("Certificate chain, PEM", "证书链，PEM"));
    CLI::Option* key = serve_command->add_option("--key", private_key_, tr("Private key, PEM", "私钥，PEM"));
    certificate->needs(key);
    key->needs(certificate);
    serve_command->add_flag("--behind-proxy", behind_proxy_,
                            tr("A proxy in front does the encryption", "由前置代理负责加密"));
    serve_command->add_option("--log", log_file_,
                              tr("Log file; otherwise standard error", "日志文件；默认标准错误输出"));

    commands_.add(app, "status", "How the office stands", "督导办现状", [this] { return status(); });

    add_register_commands(app, commands_);
    add_checklist_commands(app, commands_);
    add_visit_commands(app, commands_);
    add_finding_commands(app, commands_);
    add_inspector_commands(app, commands_);
    add_people_commands(app, commands_, [this] { return session_file(); });
    add_jurisdiction_commands(app, commands_);
    add_plan_commands(app, commands_);
    add_proceeding_commands(app, commands_);
    add_document_commands(app, commands_);
    add_draw_commands(app, commands_);
    add_device_commands(app, commands_);
    add_figure_commands(app, commands_);

    commands_
        .add(
            app, "export-ledger", "Write the whole log as a file that anybody can check", "导出可供任何人核验的账本",
            [this] { return export_ledger(); }, "dudao-office export-ledger office.ledger")
        ->add_option("file", path_, tr("File to write", "输出文件"))
        ->required();
    commands_.add(app, "rebuild", "Derive every row from the log again and compare", "由日志重建全部记录并比较",
                  [this] {
                    return commands_.tell("rebuild", json::object(), [this](const json&) {
                      say(tr("Equal: every row follows from the log.", "一致：全部记录均可由日志得出。"));
                    });
                  });
    commands_
        .add(
            app, "backup", "Copy the database while it is in use; the key is never in it",
            "在线备份数据库，其中不含密钥",
            [this] {
              return commands_.tell("backup", {{"path", absolute(path_)}},
                                    [this](const json&) { say(tr("Written: ", "已写入 ") + path_); });
            },
            "dudao-office backup /media/usb/office-2026-03-02.db")
        ->add_option("file", path_, tr("File to write", "输出文件"))
        ->required();
  }

  Console console_;
  DesktopFiles files_;
  OfficeCommands commands_{console_, files_,
                           [this](std::string_view method, json params) { return ask(method, std::move(params)); }};
  std::string data_, secret_, session_file_, actor_, origin_, listen_, certificate_, private_key_, log_file_, path_;
  bool behind_proxy_ = false;
};

}  // namespace
}  // namespace dudao

// Only what fails before anything was done can escape, such as memory for the options.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return dudao::OfficeProgram(argc, argv).run(); }
