/// dudao-office: the central office on one machine. `serve` answers devices; every other command does one thing, in the
/// office that is running if one is, otherwise on its database directly.

#include "platform/desktop/desktop.hpp"
#include "schema/indicators.hpp"
#include "schema/xlsform.hpp"
#include "sync/office/office.hpp"
#include "sync/office/statistics.hpp"
#include "tools/console/console.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/admin_socket.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/figures.hpp"
#include "tools/office/form.hpp"
#include "tools/office/listener.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxImportBytes = std::size_t{256} << 20U;
constexpr std::size_t kMaxSmallFileBytes = std::size_t{1} << 20U;
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

  /// Asks, prints the document or `words` of it, gives the exit code.
  int tell(std::string_view method, json params, const std::function<void(const json&)>& words) {
    const auto answer = ask(method, std::move(params));
    if (!answer) return console_.fail(answer.error());
    console_.print(*answer);
    if (!console_.json()) words(*answer);
    return kExitDone;
  }

  void say(std::string_view line) const { console_.say(line); }

  Result<Bytes> read(const std::string& path, std::size_t most) {
    auto bytes = files_.read(path, most);
    if (!bytes && bytes.error().detail.empty()) bytes.error().detail = path;
    return bytes;
  }

  static std::string absolute(const std::string& path) { return std::filesystem::absolute(path).string(); }

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
        DUDAO_TRY(const Bytes chain, read(certificate_, kMaxSmallFileBytes));
        DUDAO_TRY(const Bytes key, read(private_key_, kMaxSmallFileBytes));
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

  // --- Words.

  int import(const char* kind) {
    const auto params = [&]() -> Result<json> {
      DUDAO_TRY(const Bytes content, read(path_, kMaxImportBytes));
      std::vector<std::string> assignments;
      for (const std::string& given : map_) {
        if (given.find('=') != std::string::npos) {
          assignments.push_back(given);
          continue;
        }
        DUDAO_TRY(const Bytes file, read(given, kMaxSmallFileBytes));
        const std::string lines(text(file));
        for (std::size_t at = 0; at < lines.size();) {
          const std::size_t end = std::min(lines.find('\n', at), lines.size());
          std::string line = lines.substr(at, end - at);
          if (!line.empty() && line.back() == '\r') line.pop_back();
          if (!line.empty() && line.front() != '#') assignments.push_back(std::move(line));
          at = end + 1;
        }
      }
      return json{{"kind", kind},  {"content", to_base64(content)}, {"encoding", encoding_}, {"map", assignments},
                  {"root", root_}, {"make_units", make_units_}};
    }();
    if (!params) return console_.fail(params.error());
    return tell("import", *params, [&](const json& done) {
      for (const json& row : done.at("refused")) {
        std::string line = tr("  refused", "  拒收");
        if (row.contains("line"))
          line += tr(" line ", " 第 ") + std::to_string(row.at("line").get<std::size_t>()) + tr("", " 行");
        say(line + ": " + std::to_string(row.at("code").get<int>()) + " " +
            row.at(console_.chinese() ? "chinese" : "english").get<std::string>() +
            (row.at("detail").get<std::string>().empty() ? "" : " (" + row.at("detail").get<std::string>() + ")"));
      }
      if (const std::size_t left = done.at("refused_rows").get<std::size_t>() - done.at("refused").size(); left > 0)
        say(tr("  and more that are not listed: ", "  另有未列出的拒收行：") + std::to_string(left));
      if (done.contains("made_units") && done.at("made_units") != 0)
        say(tr("Units of the organisation tree made on the way: ", "同时新建机构：") + done.at("made_units").dump());
      say(tr("Rows read ", "读取 ") + done.at("rows").dump() + tr(": new ", " 行：新增 ") + done.at("new").dump() +
          tr(", changed ", "，更新 ") + done.at("changed").dump() + tr(", as before ", "，不变 ") +
          done.at("unchanged").dump() + tr(", refused ", "，拒收 ") + done.at("refused_rows").dump());
    });
  }

  int publish_template() {
    const auto content = read(path_, kMaxImportBytes);
    if (!content) return console_.fail(content.error());
    return tell("publish-template", {{"content", to_base64(*content)}}, [&](const json& done) {
      say(tr("Published: checklist ", "已发布检查表 ") + done.at("code").get<std::string>() +
          tr(" version ", " 版本 ") + done.at("version").dump() + tr(", statement ", "，声明 ") +
          done.at("index").dump() + tr(" of the log", ""));
    });
  }

  /// A list of an import, by what is said of the rows: the advice once, then each place.
  void say_list(std::string_view heading, const json& list,
                const std::function<std::string(const json&)>& place) const {
    if (list.empty()) return;
    say(std::string(heading) + " " + std::to_string(list.size()));
    std::vector<int> codes;
    for (const json& one : list)
      if (const int code = one.at("code").get<int>(); std::find(codes.begin(), codes.end(), code) == codes.end())
        codes.push_back(code);
    for (const int code : codes) {
      bool first = true;
      for (const json& one : list) {
        if (one.at("code") != code) continue;
        if (std::exchange(first, false))
          say("  " + std::to_string(code) + " " +
              one.at(console_.chinese() ? "chinese" : "english").get<std::string>());
        const std::string where = place(one);
        const std::string detail = one.at("detail").get<std::string>();
        say("    " + where + (where.empty() || detail.empty() ? "" : ": ") + detail);
      }
    }
  }

  /// Writes the template that an import made and publishes it, as was asked, and adds to the document what was done.
  Status deliver(const std::string& checklist, json& document) {
    if (!out_.empty()) {
      DUDAO_CHECK(files_.write(out_, view(checklist + "\n")));
      document["out"] = out_;
    }
    if (publish_) {
      DUDAO_TRY(document["published"], ask("publish-template", {{"content", to_base64(view(checklist))}}));
    }
    return {};
  }

  void say_delivered(const json& document) const {
    if (document.contains("out")) say(tr("Written: ", "已写入 ") + out_);
    if (document.contains("published"))
      say(tr("Published: checklist ", "已发布检查表 ") + document.at("published").at("code").get<std::string>() +
          tr(" version ", " 版本 ") + document.at("published").at("version").dump());
    if (!document.contains("out") && !document.contains("published"))
      say(tr("Nothing was written: give --out or --publish.", "未写入任何内容：请给出 --out 或 --publish。"));
  }

  Result<FormFiles> form_files() {
    FormFiles files;
    files.encoding = encoding_ == "gb18030" ? TextEncoding::kGb18030 : TextEncoding::kUtf8;
    if (!path_.empty()) {
      DUDAO_TRY(files.workbook, read(path_, kMaxImportBytes));
      return files;
    }
    for (const auto& [path, into] : {std::pair(&survey_, &files.survey), std::pair(&choices_, &files.choices),
                                     std::pair(&settings_, &files.settings)}) {
      if (path->empty()) continue;
      DUDAO_TRY(*into, read(*path, kMaxImportBytes));
    }
    return files;
  }

  int import_xlsform() {
    json document;
    const auto done = [&]() -> Status {
      DUDAO_TRY(const FormFiles files, form_files());
      DUDAO_TRY(const FormSheets sheets, read_form(files));
      DUDAO_TRY(const FormImport form, dudao::import_xlsform(sheets, {code_, version_, title_, language_}));
      document = form_report(form);
      if (form.refused.empty()) return deliver(form.checklist, document);
      return fail(Code::kFormNotTaken, std::to_string(form.refused.size()));
    }();
    if (!document.is_null()) {
      const auto place = [&](const json& one) {
        const std::string sheet = one.at("sheet").get<std::string>();
        return one.at("row") == 0 ? sheet : sheet + tr(" row ", " 行 ") + one.at("row").dump();
      };
      say_list(tr("Not taken:", "未能导入："), document.at("refused"), place);
      say_list(tr("Taken otherwise than written:", "导入方式与原文不同："), document.at("remarks"), place);
    }
    return finish(done, document, [&] {
      say(tr("Rows of the form ", "表单行数 ") + document.at("rows").dump() + tr(": items ", "：检查点 ") +
          document.at("items").dump() + tr(", sections ", "，分组 ") + document.at("sections").dump() +
          tr(", bytes ", "，字节 ") + document.at("bytes").dump());
    });
  }

  int import_indicators() {
    json document;
    const auto done = [&]() -> Status {
      DUDAO_TRY(const Bytes content, read(path_, kMaxImportBytes));
      DUDAO_TRY(const IndicatorImport system, dudao::import_indicators(text(content), {code_, version_}));
      document = {{"indicators", system.indicators}, {"data", system.data},         {"documents", system.documents},
                  {"items", system.items},           {"sections", system.sections}, {"bytes", system.checklist.size()},
                  {"remarks", json::array()}};
      for (const IndicatorRemark& remark : system.remarks) {
        document["remarks"].push_back(error_document(remark.error));
        document["remarks"].back()["place"] = remark.place;
      }
      return deliver(system.checklist, document);
    }();
    if (!document.is_null())
      say_list(tr("Taken otherwise than written:", "导入方式与原文不同："), document.at("remarks"),
               [](const json& one) { return one.at("place").get<std::string>(); });
    return finish(done, document, [&] {
      say(tr("Indicators ", "末级指标 ") + document.at("indicators").dump() + tr(", data ", "，数据指标 ") +
          document.at("data").dump() + tr(", documents ", "，佐证材料 ") + document.at("documents").dump() +
          tr(": items ", "：检查点 ") + document.at("items").dump() + tr(", sections ", "，分组 ") +
          document.at("sections").dump() + tr(", bytes ", "，字节 ") + document.at("bytes").dump());
    });
  }

  /// The end of an import: its document with the error in it, so that the lists are there also when it failed.
  int finish(const Status& done, json& document, const std::function<void()>& words) {
    if (!done && document.is_null()) return console_.fail(done.error());
    if (!done) document["error"] = error_document(done.error());
    console_.print(document);
    if (!done) {
      console_.warn(console_.words(done.error()));
      return Console::exit_code(done.error());
    }
    if (console_.json()) return kExitDone;
    words();
    say_delivered(document);
    return kExitDone;
  }

  json pattern() const {
    json out = {{"kind", kind_}, {"announced", announced_}, {"template", template_}, {"from", from_},
                {"to", to_},     {"campaign", campaign_},   {"items", items_}};
    if (!unseal_at_.empty()) out["unseal_at"] = unseal_at_;
    return out;
  }

  int plan() {
    json params = pattern();
    params["school"] = school_;
    params["team"] = team_;
    params["findings"] = findings_;
    params["reason"] = reason_;
    return tell("plan", std::move(params), [&](const json& done) {
      say(tr("Planned: visit ", "已计划督导 ") + done.at("visit").get<std::string>());
    });
  }

  int visits() {
    return tell("visit list", {{"state", state_}, {"school", school_}}, [&](const json& done) {
      for (const json& visit : done.at("visits")) {
        std::string team;
        for (const json& who : visit.at("team")) team += (team.empty() ? "" : ", ") + who.get<std::string>();
        const std::string name = visit.at("school_name").is_string() ? visit.at("school_name").get<std::string>() : "";
        say(visit.at("visit").get<std::string>() + "  " + visit.at("state").get<std::string>() + "  " +
            visit.at("kind").get<std::string>() + "  " + visit.at("school").get<std::string>() + " " + name + "  " +
            visit.at("from").get<std::string>() + ".." + visit.at("to").get<std::string>() + "  " + team);
      }
      say(tr("Visits: ", "督导数：") + std::to_string(done.at("visits").size()));
    });
  }

  void show_visit(const json& visit) const {
    const auto cell = [&](const char* name) {
      return visit.at(name).is_string() ? visit.at(name).get<std::string>() : std::string("-");
    };
    say(tr("Visit ", "督导 ") + cell("id") + tr(" of school ", "，学校 ") + cell("school") + ", " + cell("kind") +
        ", " + cell("state"));
    for (const auto& [table, rows] : visit.items()) {
      if (!rows.is_array() || rows.empty()) continue;
      say(table + " (" + std::to_string(rows.size()) + ")");
      for (const json& row : rows) {
        std::string line;
        for (const auto& [name, value] : row.items()) {
          if (value.is_null() || name.starts_with("at_")) continue;
          line +=
              (line.empty() ? "  " : "; ") + name + " " + (value.is_string() ? value.get<std::string>() : value.dump());
        }
        say(line);
      }
    }
  }

  int visit_event(const char* event) {
    return tell(
        "visit event", {{"visit", visit_}, {"event", event}, {"item", item_}, {"reason", reason_}},
        [&](const json& visit) {
          say(tr("Done. The visit's state is now ", "已完成。督导现状态：") + visit.at("state").get<std::string>());
        });
  }

  void say_finding(const json& one) const {
    const auto cell = [&](const char* name) {
      return one.at(name).is_string() ? one.at(name).get<std::string>() : std::string("-");
    };
    say(cell("finding") + "  " + cell("severity") + "  " + cell("state") +
        (one.at("overdue").get<bool>() ? tr(" OVERDUE", "（已逾期）") : std::string()) + "  " + cell("due") + "  " +
        cell("school") + "  " + cell("text"));
  }
  int findings() {
    return tell("finding list", {{"visit", visit_}, {"school", school_}, {"state", state_}, {"overdue", overdue_}},
                [&](const json& done) {
                  for (const json& one : done.at("findings")) say_finding(one);
                  say(tr("Findings: ", "问题数：") + std::to_string(done.at("findings").size()));
                });
  }
  void say_steps(const json& one) const {
    say_finding(one);
    for (const json& step : one.at("steps"))
      say("  " + std::to_string(step.at("round").get<int>()) + "  " + step.at("event").get<std::string>() + "  " +
          step.at("person").get<std::string>() +
          (step.at("due").is_string() ? tr("  due ", "  期限 ") + step.at("due").get<std::string>() : std::string()) +
          (step.at("text").is_string() ? "  " + step.at("text").get<std::string>() : std::string()));
  }
  int finding_step(const char* event, bool schools) {
    return tell("finding act",
                {{"finding", finding_},
                 {"event", event},
                 {"by", schools ? step_by_ : "office"},
                 {"person", person_},
                 {"text", text_},
                 {"route", route_},
                 {"superior_unit", superior_},
                 {"responsible", responsible_},
                 {"due", due_}},
                [&](const json& done) { say_steps(done); });
  }

  int document(const std::string& kind) {
    json params = {{"kind", kind},      {"visit", visit_}, {"html", html_},     {"language", language_},
                   {"number", number_}, {"word", word_},   {"issuer", issuer_}, {"addressee", addressee_},
                   {"basis", basis_},   {"date", date_},   {"due", due_}};
    const auto made = [&]() -> Result<json> {
      if (!path_.empty()) {
        DUDAO_TRY(const Bytes words, read(path_, kMaxSmallFileBytes));
        if (!is_utf8(words)) return fail(Code::kTextNotUtf8, path_);
        params["text"] = std::string(text(words));
      }
      DUDAO_TRY(json done, ask("document", params));
      const auto content = from_base64(done.at("content").get<std::string>());
      if (!content) return fail(Code::kInternal, "content");
      const std::string file = !out_.empty() ? out_ : kind + "-" + visit_ + (html_ ? ".html" : ".pdf");
      DUDAO_CHECK(files_.write(file, *content));
      done.erase("content");
      done["file"] = file;
      done["bytes"] = content->size();
      return done;
    }();
    if (!made) return console_.fail(made.error());
    console_.print(*made);
    const auto cell = [&](const char* name) { return made->at(name).get<std::string>(); };
    say(cell("title") + tr(", number ", "，编号 ") + cell("number"));
    say("SHA-256 " + cell("hash"));
    say(tr("Written: ", "已写入 ") + cell("file"));
    return kExitDone;
  }

  /// Writes a draw's files into --out, so that they can be looked at, handed on and audited.
  Status write_files(const json& files) {
    DUDAO_CHECK(files_.make_folder(out_));
    for (const auto& [name, content] : files.items())
      DUDAO_CHECK(files_.write(out_ + "/" + name, view(content.get_ref<const std::string&>())));
    return {};
  }

  int draw_freeze() {
    const auto frozen = ask("draw freeze", {{"draw", draw_},
                                            {"by", by_},
                                            {"quota", quota_},
                                            {"team", team_size_},
                                            {"event", event_},
                                            {"interval_days", interval_days_}});
    if (!frozen) return console_.fail(frozen.error());
    if (const Status written = write_files(frozen->at("files")); !written) return console_.fail(written.error());
    console_.print(*frozen);
    for (const json& stratum : frozen->at("strata"))
      say(tr("  stratum ", "  层 ") + stratum.at("stratum").get<std::string>() + tr(": to draw ", "：应抽 ") +
          stratum.at("quota").dump() + tr(" of ", "，可抽 ") + stratum.at("eligible").dump() +
          tr(" eligible schools; left out with a reason: ", " 所；因故排除 ") + stratum.at("excluded").dump());
    say(tr("Frozen in ", "已冻结于 ") + out_ + tr(": inspectors ", "：督学 ") + frozen->at("inspectors").dump() +
        tr(", recusals ", "，回避 ") + frozen->at("recusals").dump() +
        tr(". Look at the files, then: dudao-office draw commit ", "。请核对文件后执行：dudao-office draw commit ") +
        out_);
    return kExitDone;
  }

  int draw_commit() {
    json files = json::object();
    for (const char* name : {"manifest.txt", "frame.txt", "pool.txt", "recuse.txt"}) {
      const auto content = read(path_ + "/" + name, kMaxImportBytes);
      if (!content) return console_.fail(content.error());
      if (!is_utf8(*content)) return console_.fail(Error{Code::kDrawLine, std::string(name)});
      files[name] = std::string(text(*content));
    }
    return tell("draw commit", {{"files", std::move(files)}}, [&](const json& done) {
      say(tr("Draw ", "抽查 ") + done.at("draw").get<std::string>() +
          tr(" is committed. Publish these two lines now, before the event:",
             " 已承诺。请在公共事件之前公布以下两行："));
      say("  manifest    " + done.at("manifest_hash").get<std::string>());
      say("  commitment  " + done.at("commitment").get<std::string>());
      say(tr("The public event: ", "公共事件：") + done.at("event").get<std::string>());
    });
  }

  int draw_run() {
    json params = pattern();
    params["kind"] = "RANDOM";
    params["draw"] = draw_;
    if (!numbers_.empty()) params["numbers"] = numbers_;
    if (!sources_.empty()) {
      json sources = json::array();
      for (const std::string& source : sources_) {
        json numbers = json::array();
        std::string number;
        for (const char c : source + ",") {
          if (c >= '0' && c <= '9') {
            number += c;
          } else if (!number.empty()) {
            if (number.size() > 18) return console_.fail(Error{Code::kDrawEntropy, source});
            numbers.push_back(std::stoull(number));
            number.clear();
          } else if (c != ' ' && c != ',') {
            return console_.fail(Error{Code::kDrawEntropy, source});
          }
        }
        sources.push_back(std::move(numbers));
      }
      params["sources"] = std::move(sources);
    }
    return tell("draw run", std::move(params), [&](const json& done) {
      say(tr("Drawn with the event's numbers ", "按公共事件号码抽取：") + done.at("numbers").get<std::string>());
      for (const json& school : done.at("schools")) {
        std::string team;
        for (const json& who : school.at("team")) team += (team.empty() ? "" : ", ") + who.get<std::string>();
        say("  " + school.at("stratum").get<std::string>() + "  " + school.at("school").get<std::string>() + " " +
            school.at("school_name").get<std::string>() + "  " + team);
      }
      say(tr("The visits are planned. Reveal the secret after the last one.",
             "督导已列入计划。最后一次督导结束后请公布秘密。"));
    });
  }

  int draw_files() {
    const auto files = ask("draw files", {{"draw", draw_}});
    if (!files) return console_.fail(files.error());
    if (const Status written = write_files(files->at("files")); !written) return console_.fail(written.error());
    console_.print(*files);
    for (const auto& [name, content] : files->at("files").items()) say("  " + out_ + "/" + name);
    say(tr("Anybody can check them: dudao-audit draw ", "任何人都可核验：dudao-audit draw ") + out_);
    return kExitDone;
  }

  int draws() {
    return tell("draw list", json::object(), [&](const json& done) {
      for (const json& draw : done.at("draws"))
        say(draw.at("code").get<std::string>() + "  " + draw.at("state").get<std::string>());
      say(tr("Draws: ", "抽查数：") + std::to_string(done.at("draws").size()));
    });
  }

  int enrol_offer() {
    return tell("enrol offer", {{"inspector", inspector_}}, [&](const json& done) {
      say(tr("One-time code for one device of ", "供一台设备使用的一次性代码，督学 ") +
          done.at("inspector").get<std::string>() + tr(", valid 72 hours: ", "，72 小时内有效：") +
          done.at("code").get<std::string>());
      say(tr("Fingerprint of the office's key: ", "督导办密钥指纹：") + done.at("office_key").get<std::string>());
    });
  }

  int enrol_list() {
    return tell("enrol list", json::object(), [&](const json& done) {
      for (const json& one : done.at("waiting"))
        say(one.at("thumbprint").get<std::string>() + "  " + one.at("inspector").get<std::string>() + "  " +
            one.at("device_name").get<std::string>());
      say(tr("Devices that wait: ", "等待登记的设备：") + std::to_string(done.at("waiting").size()));
      if (!done.at("waiting").empty())
        say(tr("Let the inspector read out the fingerprint; if it is the same: dudao-office enrol approve FINGERPRINT",
               "请督学读出指纹，一致时执行：dudao-office enrol approve 指纹"));
    });
  }

  int enrol_approve() {
    json params = {{"thumbprint", thumbprint_}};
    if (!inspector_.empty()) params["inspector"] = inspector_;
    return tell("enrol approve", std::move(params), [&](const json& done) {
      say(tr("Device ", "设备 ") + done.at("device").dump() + tr(" of ", "，督学 ") +
          done.at("inspector").get<std::string>() + tr(" is enrolled.", "，已登记。"));
    });
  }

  int devices() {
    return tell("devices", json::object(), [&](const json& done) {
      for (const json& one : done.at("devices"))
        say(one.at("device").dump() + "  " + one.at("state").get<std::string>() + "  " +
            one.at("inspector").get<std::string>() + "  " + one.at("name").get<std::string>() +
            tr("  statements ", "  声明 ") + one.at("statements").dump() +
            (one.contains("reason") ? "  " + one.at("reason").get<std::string>() : ""));
      say(tr("Devices: ", "设备数：") + std::to_string(done.at("devices").size()));
    });
  }

  json statistic() const {
    json out = {{"statistic", statistic_}, {"unit", unit_}, {"level", level_},
                {"from", from_},           {"to", to_},     {"today", today_}};
    if (large_ > 0) out["large"] = large_;
    return out;
  }

  int statistics() {
    const auto counted = [&]() -> Result<json> {
      DUDAO_TRY(json document, ask("statistics", statistic()));
      if (!csv_.empty()) DUDAO_CHECK(files_.write(csv_, view(figures_csv(document, console_.chinese()))));
      if (!xlsx_.empty()) DUDAO_CHECK(write_figures_workbook(files_, xlsx_, document, console_.chinese()));
      return document;
    }();
    if (!counted) return console_.fail(counted.error());
    console_.print(*counted);
    for (const auto& row : figure_rows(*counted, console_.chinese())) {
      std::string line;
      for (const std::string& cell : row) line += (line.empty() ? "" : "  ") + (cell.empty() ? "-" : cell);
      say(line);
    }
    for (const std::string& file : {csv_, xlsx_})
      if (!file.empty()) say(tr("Written: ", "已写入 ") + file);
    return kExitDone;
  }

  int explain() {
    json params = statistic();
    params["measure"] = measure_;
    for (std::string& group : group_)
      if (group == "-") group.clear();
    params["group"] = group_;
    return tell("explain", std::move(params), [&](const json& under) {
      say(figure_heading(measure_, console_.chinese()) + ": " + under.at("value").dump() +
          tr(", counted from rows: ", "，来自记录 ") + under.at("rows").dump() +
          tr(", made by signed statements: ", "，出自签名声明 ") + std::to_string(under.at("statements").size()));
      for (const json& one : under.at("statements")) {
        const std::string who = one.at("device").is_null() ? tr("the office", "督导办")
                                                           : tr("device ", "设备 ") + one.at("device").dump() + " " +
                                                                 one.at("inspector").get<std::string>();
        say("  " + one.at("index").dump() + "  " + one.at("id").get<std::string>() + "  " +
            one.at("registered_utc").get<std::string>() + "  " + who);
        for (const json& row : one.at("rows")) say("      " + row.get<std::string>());
      }
    });
  }

  int quarantine() {
    return tell("quarantine", json::object(), [&](const json& done) {
      for (const json& one : done.at("quarantine"))
        say(tr("device ", "设备 ") + one.at("device").dump() + tr(", number ", "，序号 ") + one.at("seq").dump() +
            ", " + one.at("received_utc").get<std::string>() + ": " + one.at("code").dump() + " " +
            one.at(console_.chinese() ? "chinese" : "english").get<std::string>());
      say(tr("Kept apart: ", "隔离保存：") + std::to_string(done.at("quarantine").size()));
    });
  }

  int status() {
    return tell("status", json::object(), [&](const json& done) {
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
    return tell("export-ledger", {{"path", absolute(path_)}}, [&](const json& done) {
      say(tr("Written: ", "已写入 ") + path_ + ", " + done.at("bytes").dump() +
          tr(" bytes. Anybody can check it:", " 字节。任何人都可核验："));
      say("  dudao-audit ledger " + path_ + " --office-key " + done.at("office_key").get<std::string>());
    });
  }

  // --- The command line.

  CLI::App* add(CLI::App& parent, const char* name, std::string_view english, std::string_view chinese,
                std::function<int()> run, std::string_view examples = {}) {
    return console_.command(parent, name, english, chinese, std::move(run), examples);
  }

  void add_pattern(CLI::App* command) {
    command
        ->add_option(
            "--template", template_,
            tr("Checklist: CODE for its newest version, or CODE@VERSION", "检查表：代码（最新版本）或 代码@版本"))
        ->required();
    command->add_option("--from", from_, tr("First day, like 2026-03-02", "起始日期，如 2026-03-02"))->required();
    command->add_option("--to", to_, tr("Last day", "截止日期"))->required();
    command->add_option("--unseal-at", unseal_at_,
                        tr("Nobody can open it earlier: 2026-03-02T08:00, with Z or +08:00 if not local time",
                           "启封时间：2026-03-02T08:00，非本地时间须带 Z 或 +08:00"));
    command->add_flag("--announced", announced_, tr("The school is told beforehand", "事先通知学校"));
    command->add_option("--campaign", campaign_, tr("Code of the campaign", "专项编号"));
    command->add_option("--items", items_, tr("Only these items of the checklist", "仅使用检查表中的这些条目"))
        ->delimiter(',');
  }

  void add_import(CLI::App& app, const char* name, const char* kind, std::string_view english, std::string_view chinese,
                  std::string_view examples) {
    CLI::App* command = add(
        app, name, english, chinese, [this, kind] { return import(kind); }, examples);
    command->add_option("file", path_, tr("CSV file", "CSV 文件"))->required();
    command
        ->add_option("--map", map_,
                     tr("Which column holds which field: FIELD=HEADING or FIELD:=VALUE, or a file with one a line; may "
                        "be given several times",
                        "字段对应：字段=表头 或 字段:=固定值，或每行一项的文件；可多次给出"))
        ->required()
        ->allow_extra_args(false);
    command->add_option("--encoding", encoding_, tr("utf-8 or gb18030", "utf-8 或 gb18030"))
        ->check(CLI::IsMember({"utf-8", "gb18030"}))
        ->default_val("utf-8");
    if (std::string_view(kind) == "schools") {
      command->add_option("--root", root_, tr("Unit at which paths of names begin", "名称路径的起始机构代码"));
      command->add_flag("--make-units", make_units_,
                        tr("Make units that a path names and the tree lacks", "自动新建路径中缺少的机构"));
    }
  }

  void add_delivery(CLI::App* command, bool needs_code) {
    CLI::Option* code =
        command->add_option("--code", code_,
                            tr("Code of the checklist", "检查表代码") +
                                (needs_code ? "" : tr("; otherwise the form's own", "；默认为表单自带代码")));
    if (needs_code) code->required();
    command->add_option("--version", version_, tr("Version of the checklist", "检查表版本"))
        ->check(CLI::Range(1, 1'000'000'000))
        ->default_val(1);
    command->add_option("--out", out_, tr("File to write the checklist to", "检查表输出文件"));
    command->add_flag("--publish", publish_, tr("Publish it for good", "直接发布（发布后不可更改）"));
  }

  void add_visit_event(CLI::App& visit, const char* name, const char* event, bool reason, std::string_view english,
                       std::string_view chinese) {
    CLI::App* command = add(visit, name, english, chinese, [this, event] { return visit_event(event); });
    command->add_option("visit", visit_, tr("Visit", "督导编号"))->required();
    command->add_option("--item", item_, tr("Item or inspector that it is about", "涉及的条目或督学"));
    CLI::Option* why = command->add_option("--reason", reason_, tr("Reason in words", "理由"));
    if (reason) why->required();
  }

  /// `schools`: the school's own step, which an inspector or the office enters on its behalf.
  CLI::App* add_step(CLI::App& finding, const char* event, bool words, bool schools, std::string_view english,
                     std::string_view chinese, std::string_view examples = {}) {
    CLI::App* command = add(
        finding, event, english, chinese, [this, event, schools] { return finding_step(event, schools); }, examples);
    command->add_option("finding", finding_, tr("Finding: VISIT:DEVICE/COUNT", "问题：督导编号:设备号/序号"))
        ->required();
    CLI::Option* text = command->add_option("--text", text_, tr("In words", "文字说明"));
    if (words) text->required();
    if (schools) {
      command->add_option("--by", step_by_, tr("Whose step it is", "由谁办理"))
          ->check(CLI::IsMember({"school", "inspector"}))
          ->default_val("school");
      command->add_option("--person", person_, tr("Who said so", "经办人"))->required();
    }
    return command;
  }

  CLI::App* add_document(CLI::App& documents, const char* kind, std::string_view english, std::string_view chinese,
                         std::string_view examples) {
    CLI::App* command = add(
        documents, kind, english, chinese, [this, kind] { return document(kind); }, examples);
    command->add_option("visit", visit_, tr("Visit", "督导编号"))->required();
    command->add_option("--out", out_,
                        tr("File to write; otherwise named here after kind and visit",
                           "输出文件；默认写入当前文件夹，以种类和督导编号命名"));
    command->add_flag("--html", html_, tr("As a page of HTML instead of PDF", "输出 HTML 页面而非 PDF"));
    command->add_option("--language", language_, tr("It is written in: zh or en", "文书语言：zh 或 en"))
        ->check(CLI::IsMember({"zh", "en"}))
        ->default_val("zh");
    return command;
  }

  void add_issued(CLI::App& documents, const char* kind, std::string_view english, std::string_view chinese,
                  std::string_view examples = {}) {
    CLI::App* command = add_document(documents, kind, english, chinese, examples);
    command->add_option("--number", number_, tr("Running number of the year", "当年流水号"))
        ->check(CLI::Range(1, 999'999))
        ->required();
    command->add_option("--word", word_, tr("Word of the unit in its numbers, e.g. 栖教督", "发文机关代字，如 栖教督"))
        ->envname("DUDAO_WORD")
        ->required();
    command->add_option("--issuer", issuer_, tr("Who issues it, in full", "发文机关全称"))
        ->envname("DUDAO_ISSUER")
        ->required();
    command->add_option(
        "--addressee", addressee_,
        tr("To whom; otherwise the school, and nobody for a report", "主送机关；默认学校，报告默认不写"));
    command->add_option(
        "--basis", basis_,
        tr("Law that it stands on; otherwise the national one", "依据的法规名称；默认《教育督导条例》"));
    command->add_option("--text", path_, tr("File with the office's own words", "督导办补充意见的文本文件"));
    command->add_option("--date", date_, tr("Day of issue; otherwise today", "发文日期；默认今天"));
    command->add_option("--due", due_, tr("Day for findings that name none", "未注明期限的问题的整改期限"));
  }

  void add_statistic(CLI::App* command) {
    std::vector<std::string> names;
    for (const StatisticKind kind : kStatisticKinds) names.emplace_back(to_string(kind));
    command->add_option("statistic", statistic_, tr("Which statistic", "统计项目"))
        ->required()
        ->check(CLI::IsMember(names));
    command->add_option("--unit", unit_, tr("Only this unit and all below it", "仅限该机构及其下级"));
    command->add_option(
        "--level", level_,
        tr("Count by units of this level, as the register writes it, e.g. 县", "按该层级的机构汇总，如 县"));
    command->add_option("--from", from_, tr("Visits from this day on", "督导起始日"));
    command->add_option("--to", to_, tr("Visits up to this day", "督导截止日"));
    command->add_option("--today", today_,
                        tr("Overdue as of this day; today when left out", "以该日判断逾期，默认今天"));
    command->add_option("--large", large_,
                        tr("Pupils from which a school needs an inspector of its own; otherwise as each unit settled",
                           "一校一督学的学生数标准；默认按各地规定"));
  }

  void add_commands() {
    CLI::App& app = console_.app();
    CLI::App* init_command = add(
        app, "init", "Found an office: its key, its log, its database", "建立督导办：密钥、日志、数据库",
        [this] { return init(); }, "dudao-office init --origin dudao.edu.sx.cn/2026");
    init_command
        ->add_option("--origin", origin_,
                     tr("Name of the log, for ever; a domain that is yours, and a year or purpose",
                        "日志名称，不可更改；建议使用自有域名加年份或用途"))
        ->required();

    CLI::App* serve_command = add(
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

    add(app, "status", "How the office stands", "督导办现状", [this] { return status(); });

    add_import(app, "import-org-units", "org-units", "Take the organisation tree from CSV", "从 CSV 导入机构树",
               "dudao-office import-org-units units.csv --map units.columns");
    add_import(
        app, "import-schools", "schools", "Take schools from CSV", "从 CSV 导入学校",
        "dudao-office import-schools schools.csv --map schools.columns\ndudao-office import-schools schools.csv --map "
        "name=school_name --map 'place=province>city>area' --make-units\ndudao-office import-schools 学校.csv "
        "--encoding "
        "gb18030 --map code=学校标识码 --map name=学校名称 --map org_unit=单位代码");
    add_import(app, "import-inspectors", "inspectors", "Take inspectors from CSV", "从 CSV 导入督学",
               "dudao-office import-inspectors inspectors.csv --map inspectors.columns");
    add_import(app, "import-zones", "zones", "Take from CSV who answers for which school", "从 CSV 导入责任区",
               "dudao-office import-zones zones.csv --map zones.columns");
    add_import(app, "import-conflicts", "conflicts", "Take reasons to recuse from CSV", "从 CSV 导入回避情形",
               "dudao-office import-conflicts conflicts.csv --map conflicts.columns");

    add(
        app, "publish-template", "Publish a checklist for good", "发布检查表（发布后不可更改）",
        [this] { return publish_template(); }, "dudao-office publish-template routine-visit.json")
        ->add_option("file", path_, tr("Checklist, JSON", "检查表 JSON 文件"))
        ->required();

    CLI::App* form = add(
        app, "import-xlsform", "Make a checklist of an XLSForm, whole or not at all",
        "由 XLSForm 表单生成检查表，要么全部导入，要么都不导入", [this] { return import_xlsform(); },
        "dudao-office import-xlsform form.xlsx --code school-survey --version 1 --out school-survey.json\n"
        "dudao-office import-xlsform --survey survey.csv --choices choices.csv --code school-survey --version 1 "
        "--publish");
    CLI::Option* workbook = form->add_option("file", path_, tr("Workbook, .xlsx", ".xlsx 工作簿"));
    form->add_option("--survey", survey_, tr("CSV of sheet survey", "survey 工作表的 CSV"))->excludes(workbook);
    form->add_option("--choices", choices_, tr("CSV of sheet choices", "choices 工作表的 CSV"))->excludes(workbook);
    form->add_option("--settings", settings_, tr("CSV of sheet settings", "settings 工作表的 CSV"))->excludes(workbook);
    form->add_option("--encoding", encoding_, tr("Of the CSV: utf-8 or gb18030", "CSV 编码：utf-8 或 gb18030"))
        ->check(CLI::IsMember({"utf-8", "gb18030"}))
        ->default_val("utf-8");
    form->add_option("--title", title_, tr("Title; otherwise the form's own", "标题；默认为表单自带标题"));
    form->add_option("--language", language_,
                     tr("Language of texts that name none, like en", "未注明语言的文字所用语言，如 zh"));
    add_delivery(form, false);

    CLI::App* indicators = add(
        app, "import-indicators", "Make a checklist of a system of indicators in JSON", "由 JSON 指标体系生成检查表",
        [this] { return import_indicators(); },
        "dudao-office import-indicators system.json --code county-balance --version 1 --out county-balance.json");
    indicators->add_option("file", path_, tr("System of indicators, JSON", "指标体系 JSON 文件"))->required();
    add_delivery(indicators, true);

    CLI::App* plan_command = add(
        app, "plan", "Plan and assign a visit", "计划并指派督导", [this] { return plan(); },
        "dudao-office plan --school 9901210001 --team D001 --template routine-visit --from 2026-03-02 --to 2026-03-06");
    plan_command->add_option("--school", school_, tr("School", "学校代码"))->required();
    plan_command->add_option("--team", team_, tr("Inspectors, the lead first", "督学，组长在前"))->delimiter(',');
    plan_command->add_option("--kind", kind_, tr("Kind", "类型"))
        ->check(CLI::IsMember({"ROUTINE", "RANDOM", "SPECIAL", "COMPREHENSIVE", "REINSPECT", "COMPLAINT", "EMERGENCY"}))
        ->default_val("ROUTINE");
    plan_command->add_option("--finding", findings_,
                             tr("Finding to look at again: VISIT:DEVICE/COUNT", "需复查的问题：督导编号:设备号/序号"));
    plan_command->add_option(
        "--reason", reason_,
        tr("Why, although the school has other visits in these weeks", "该校此期间另有督导时，再次督导的理由"));
    add_pattern(plan_command);

    CLI::App* visit = console_.group(app, "visit", "Look at visits and follow them up", "查看与跟进督导");
    CLI::App* list = add(*visit, "list", "All visits", "所有督导", [this] { return visits(); });
    list->add_option("--state", state_, tr("Only in this state", "仅限此状态"));
    list->add_option("--school", school_, tr("Only of this school", "仅限此学校"));
    add(*visit, "show", "Everything that the office holds of a visit", "督导办掌握的该督导的全部内容",
        [this] {
          return tell("visit show", {{"visit", visit_}}, [this](const json& shown) { show_visit(shown); });
        })
        ->add_option("visit", visit_, tr("Visit", "督导编号"))
        ->required();
    add_visit_event(*visit, "query", "query", true, "Ask the team about an item", "就某条目向督导组提问");
    add_visit_event(*visit, "accept", "accept", false, "Accept what the team sent", "审核通过");
    add_visit_event(*visit, "issue-opinion", "issue_opinion", false, "The opinion went out", "督导意见已下发");
    add_visit_event(*visit, "close", "close", false, "Every finding is closed", "所有问题已销号");
    add_visit_event(*visit, "cancel", "cancel", true, "Call a visit off", "取消督导");

    CLI::App* finding = console_.group(app, "finding", "Follow findings until they are closed", "跟踪问题直至销号");
    CLI::App* all = add(
        *finding, "list", "Findings and where they stand", "问题清单与整改进度", [this] { return findings(); },
        "dudao-office finding list --overdue");
    all->add_option("--visit", visit_, tr("Only of this visit", "仅限此督导"));
    all->add_option("--school", school_, tr("Only of this school", "仅限此学校"));
    all->add_option("--state", state_, tr("Only in this state", "仅限此状态"));
    all->add_flag("--overdue", overdue_, tr("Only those that are overdue", "仅限逾期"));
    add(*finding, "show", "A finding and every step that was taken", "问题及其全部整改过程",
        [this] {
          return tell("finding show", {{"finding", finding_}}, [this](const json& shown) { say_steps(shown); });
        })
        ->add_option("finding", finding_, tr("Finding: VISIT:DEVICE/COUNT", "问题：督导编号:设备号/序号"))
        ->required();
    CLI::App* notice =
        add_step(*finding, "notice", false, false, "Give notice: it has to be put right by a day", "下发通知，限期整改",
                 "dudao-office finding notice 0199…:3/1 --due 2026-04-30 --text 限期清理消防通道");
    notice->add_option(
        "--due", due_,
        tr("Last day; otherwise the one that the inspector proposed", "整改期限；默认采用督学建议的期限"));
    notice->add_option("--superior", superior_,
                       tr("Unit that answers for the school; otherwise as on record", "主管部门；默认按登记信息"));
    notice
        ->add_option("--route", route_,
                     tr("How it is handled; otherwise as its severity asks for", "处理方式；默认按严重程度"))
        ->check(CLI::IsMember({"ADVICE", "NOTICE", "CONSULTATION", "ESCALATION"}));
    add_step(*finding, "refer", true, false, "Hand it to another body", "移交其他部门");
    add_step(*finding, "acknowledge", false, true, "The school has read the notice", "学校已签收通知");
    add_step(*finding, "plan", true, true, "What the school will do", "学校整改方案")
        ->add_option("--responsible", responsible_, tr("Who sees to it at the school", "学校责任人"))
        ->required();
    add_step(*finding, "report", true, true, "What the school has done", "学校整改报告");
    add_step(*finding, "verify", false, false, "It is put right: closed", "核验到位，销号");
    add_step(*finding, "reject", true, false, "It is not put right: another notice follows", "未整改到位，退回");
    add(
        app, "school-code", "A code with which the school sees its findings and answers", "生成学校整改代码",
        [this] {
          return tell("school-code", {{"visit", visit_}}, [this](const json& done) {
            say(tr("The school's code, for 90 days: ", "学校整改代码（90 天内有效）：") +
                done.at("code").get<std::string>());
          });
        },
        "dudao-office school-code 0199…")
        ->add_option("visit", visit_, tr("Visit", "督导编号"))
        ->required();

    add_inspector_commands(app, commands_);
    add_people_commands(app, commands_, files_, [this] { return session_file(); });
    add_jurisdiction_commands(app, commands_);
    add_plan_commands(app, commands_);
    add_proceeding_commands(app, commands_);

    CLI::App* documents =
        console_.group(app, "document", "Write documents about a visit, as PDF or HTML", "生成督导文书（PDF 或 HTML）");
    add_document(*documents, "feedback", "The feedback sheet, with the hash of the one that the device printed",
                 "现场反馈单，哈希与设备打印的一致", "dudao-office document feedback 0199… --out feedback.pdf");
    add_issued(
        *documents, "notice", "Notice of what has to be rectified", "整改通知书",
        "dudao-office document notice 0199… --number 12 --word 栖教督 --issuer 栖霞县人民政府教育督导委员会办公室 "
        "--due 2026-04-30 --out notice.pdf");
    add_issued(*documents, "opinion", "Opinion letter to the school", "督导意见书");
    add_issued(*documents, "report", "Report on the visit", "督导报告");

    CLI::App* draw =
        console_.group(app, "draw", "Draw schools and inspectors so that anybody can check it", "可核验的随机抽查");
    CLI::App* freeze = add(
        *draw, "freeze", "Write the files of a draw from the registers, to look at", "由名册生成抽查文件，供核对",
        [this] { return draw_freeze(); },
        "dudao-office draw freeze DUDAO-2026-03 --by 县 --quota 2 --team 2 --event 'welfare lottery of 2026-03-01' "
        "--out draw/");
    freeze->add_option("draw", draw_, tr("Code of the draw, used once", "抽查编号，只用一次"))->required();
    freeze
        ->add_option("--by", by_,
                     tr("Strata: none, stage, or a level of the organisation tree as its register writes it, e.g. 县",
                        "分层方式：none、stage，或名册中的机构层级，如 县"))
        ->default_val("none");
    freeze
        ->add_option("--quota", quota_,
                     tr("Schools to draw: N from each stratum, or STRATUM=N", "抽取学校数：每层 N，或 层=N"))
        ->required()
        ->allow_extra_args(false);
    freeze->add_option("--team", team_size_, tr("Inspectors of one visit", "每次督导的督学人数"))
        ->check(CLI::Range(1, 20))
        ->default_val(2);
    freeze
        ->add_option("--event", event_,
                     tr("The future public event whose numbers will be used, in words", "将使用其号码的未来公共事件"))
        ->required();
    freeze
        ->add_option("--interval-days", interval_days_,
                     tr("Leave out schools that were visited less long ago", "排除此天数内已督导的学校"))
        ->check(CLI::Range(0, 3650))
        ->default_val(0);
    freeze->add_option("--out", out_, tr("Folder for the files", "文件输出文件夹"))->required();
    add(
        *draw, "commit", "Fix the files and commit to a secret, before the event", "在公共事件之前固定文件并承诺秘密",
        [this] { return draw_commit(); }, "dudao-office draw commit draw/")
        ->add_option("folder", path_, tr("Folder with the frozen files", "冻结文件所在文件夹"))
        ->required();
    CLI::App* run = add(
        *draw, "run", "Draw with the event's numbers and plan the visits", "按公共事件号码抽取并列入计划",
        [this] { return draw_run(); },
        "dudao-office draw run DUDAO-2026-03 --source 5,12,18,22,27,31 --template routine-visit --from 2026-03-02 --to "
        "2026-03-06");
    run->add_option("draw", draw_, tr("Code of the draw", "抽查编号"))->required();
    CLI::Option* source = run->add_option("--source", sources_,
                                          tr("The numbers of one source, e.g. 5,12,18; once for each source",
                                             "一个来源的号码，如 5,12,18；每个来源给出一次"))
                              ->allow_extra_args(false);
    CLI::Option* numbers = run->add_option(
        "--numbers", numbers_,
        tr("All sources in canonical form, e.g. 9319./2.5.8.10.12./", "规范形式的全部号码，如 9319./2.5.8.10.12./"));
    source->excludes(numbers);
    add_pattern(run);
    add(*draw, "reveal", "After the last visit: publish the secret", "最后一次督导后公布秘密",
        [this] {
          return tell("draw reveal", {{"draw", draw_}}, [this](const json&) {
            say(tr("The secret of draw ", "已公布抽查秘密：") + draw_ +
                tr(" is in the log. Hand out the files: dudao-office draw files ",
                   "。请发布文件：dudao-office draw files ") +
                draw_ + " --out …");
          });
        })
        ->add_option("draw", draw_, tr("Code of the draw", "抽查编号"))
        ->required();
    CLI::App* give_up = add(*draw, "void", "Declare a draw void; it stays visible with its reason",
                            "宣布抽查作废，理由公开保留", [this] {
                              return tell("draw void", {{"draw", draw_}, {"reason", reason_}},
                                          [this](const json&) { say(tr("Void: ", "已作废：") + draw_); });
                            });
    give_up->add_option("draw", draw_, tr("Code of the draw", "抽查编号"))->required();
    give_up->add_option("--reason", reason_, tr("Why", "理由"))->required();
    CLI::App* files =
        add(*draw, "files", "Write what is published of a draw", "输出抽查的公布文件", [this] { return draw_files(); });
    files->add_option("draw", draw_, tr("Code of the draw", "抽查编号"))->required();
    files->add_option("--out", out_, tr("Folder for the files", "文件输出文件夹"))->required();
    add(*draw, "list", "All draws", "所有抽查", [this] { return draws(); });

    CLI::App* enrol = console_.group(app, "enrol", "Take devices in", "登记设备");
    CLI::App* offer = add(
        *enrol, "offer", "Make a one-time code for one device of an inspector", "为督学的一台设备生成一次性代码",
        [this] { return enrol_offer(); }, "dudao-office enrol offer D001");
    offer->add_option("inspector", inspector_, tr("Code of the inspector", "督学编号"))->required();
    add(*enrol, "list", "Devices that ask to be enrolled", "申请登记的设备", [this] { return enrol_list(); });
    CLI::App* approve = add(
        *enrol, "approve", "Enrol a device whose fingerprint the inspector read out", "核对指纹后登记设备",
        [this] { return enrol_approve(); }, "dudao-office enrol approve 3f9a61c2");
    approve->add_option("thumbprint", thumbprint_, tr("Fingerprint, at least its first 8 digits", "指纹，至少前 8 位"))
        ->required();
    approve->add_option("--inspector", inspector_,
                        tr("Whose device it is; otherwise as the device says", "设备所属督学；默认以设备申报为准"));
    add(app, "devices", "All devices", "所有设备", [this] { return devices(); });
    CLI::App* revoke = add(
        app, "revoke", "From now on nothing of this device comes in", "吊销设备，此后不再接收其内容",
        [this] {
          return tell("revoke", {{"device", device_}, {"reason", reason_}},
                      [this](const json&) { say(tr("Revoked: device ", "已吊销设备 ") + std::to_string(device_)); });
        },
        "dudao-office revoke 3 --reason 'tablet lost'");
    revoke->add_option("device", device_, tr("Number of the device", "设备编号"))->required();
    revoke->add_option("--reason", reason_, tr("Why; stands in the log", "理由，记入日志"))->required();
    add(app, "quarantine", "What was kept apart, and why", "隔离保存的内容及原因", [this] { return quarantine(); });
    CLI::App* figures = add(
        app, "statistics", "Figures of what was done and found", "督导工作统计", [this] { return statistics(); },
        "dudao-office statistics coverage --from 2026-03-01 --to 2026-06-30 --xlsx coverage.xlsx\n"
        "dudao-office statistics staffing --level 县");
    add_statistic(figures);
    figures->add_option("--csv", csv_, tr("Write them as CSV, too", "另存为 CSV 文件"));
    figures->add_option("--xlsx", xlsx_, tr("Write them as a workbook, too", "另存为 Excel 工作簿"));
    CLI::App* explained = add(
        app, "explain", "The signed statements under a figure", "查看统计数字所依据的签名声明",
        [this] { return explain(); }, "dudao-office explain coverage visits --group 990121,ROUTINE");
    add_statistic(explained);
    explained->add_option("measure", measure_, tr("Which figure of the line, e.g. visits", "该行的哪个数字，如 visits"))
        ->required();
    explained
        ->add_option("--group", group_,
                     tr("The line: what it is grouped by, in order, - for nothing", "哪一行：依次给出分组值，空值写 -"))
        ->delimiter(',')
        ->required();
    add(
        app, "export-records", "Write every record as JSON lines, each with the statements that made it",
        "以 JSON 行导出全部记录，并附所依据的声明",
        [this] {
          return tell("export-records", {{"path", absolute(path_)}}, [this](const json& done) {
            say(tr("Written: ", "已写入 ") + path_ + tr(", records: ", "，记录数 ") + done.at("records").dump());
          });
        },
        "dudao-office export-records records.jsonl")
        ->add_option("file", path_, tr("File to write", "输出文件"))
        ->required();

    add(
        app, "export-ledger", "Write the whole log as a file that anybody can check", "导出可供任何人核验的账本",
        [this] { return export_ledger(); }, "dudao-office export-ledger office.ledger")
        ->add_option("file", path_, tr("File to write", "输出文件"))
        ->required();
    add(app, "rebuild", "Derive every row from the log again and compare", "由日志重建全部记录并比较", [this] {
      return tell("rebuild", json::object(), [this](const json&) {
        say(tr("Equal: every row follows from the log.", "一致：全部记录均可由日志得出。"));
      });
    });
    add(
        app, "backup", "Copy the database while it is in use; the key is never in it", "在线备份数据库，其中不含密钥",
        [this] {
          return tell("backup", {{"path", absolute(path_)}},
                      [this](const json&) { say(tr("Written: ", "已写入 ") + path_); });
        },
        "dudao-office backup /media/usb/office-2026-03-02.db")
        ->add_option("file", path_, tr("File to write", "输出文件"))
        ->required();
  }

  Console console_;
  OfficeCommands commands_{console_,
                           [this](std::string_view method, json params) { return ask(method, std::move(params)); },
                           [this](const std::string& path) { return read(path, kMaxSmallFileBytes); }};
  DesktopFiles files_;
  std::string data_, secret_, session_file_, actor_, origin_, listen_, certificate_, private_key_, log_file_;
  std::string path_, encoding_, root_, school_, kind_, template_, from_, to_, unseal_at_, campaign_, state_, visit_,
      item_, reason_;
  std::string survey_, choices_, settings_, code_, title_;
  std::string statistic_, measure_, unit_, level_, today_, csv_, xlsx_;
  std::vector<std::string> group_, findings_;
  std::string finding_, step_by_, person_, text_, route_, superior_, responsible_;
  std::int64_t large_ = 0;
  std::string draw_, by_, event_, out_, numbers_, inspector_, thumbprint_;
  std::string language_, word_, issuer_, addressee_, basis_, date_, due_;
  std::vector<std::string> map_, team_, items_, quota_, sources_;
  std::uint32_t team_size_ = 2;
  std::int64_t interval_days_ = 0, device_ = 0, number_ = 0, version_ = 1;
  bool publish_ = false;
  bool behind_proxy_ = false, make_units_ = false, announced_ = false, html_ = false, overdue_ = false;
};

}  // namespace
}  // namespace dudao

// Only what fails before anything was done can escape, such as memory for the options.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return dudao::OfficeProgram(argc, argv).run(); }
