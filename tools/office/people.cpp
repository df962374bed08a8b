/// People of the office: who works there, how they log in. Methods of admin.hpp and their commands.

#include "tools/console/console.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/secret_input.hpp"

#include <filesystem>
#include <memory>

#include <unistd.h>

namespace dudao {
namespace {

using nlohmann::json;

// --- Methods.

json person_json(const Person& person) {
  json roles = json::array();
  for (const Role role : person.roles) roles.push_back(to_string(role));
  return {{"person", person.code},
          {"name", person.name},
          {"roles", std::move(roles)},
          {"unit", person.unit},
          {"status", person.active ? "ACTIVE" : "LEFT"}};
}

json caller_json(const LoggedIn& caller) {
  json out = person_json(caller.person);
  out["rights"] = json::array();
  for (const Right right : kRights)
    if (right != Right::kOpen && right != Right::kSelf && !caller.confined() && caller.person.may(right))
      out["rights"].push_back(to_string(right));
  out["second_factor"] = caller.second_factor;
  out["confined"] = caller.confined();
  out["begun_utc"] = utc_text(caller.begun_utc_ms);
  out["ends_utc"] = utc_text(caller.ends_utc_ms);
  return out;
}

Result<json> log_in(const AdminCall& call) {
  DUDAO_TRY(const Bytes token, call.logins.login(call.text("person"), call.text("password"), call.text("code")));
  DUDAO_TRY(const LoggedIn caller, call.logins.who(token));
  json out = caller_json(caller);
  out["session"] = to_hex(token);
  return out;
}

Result<json> log_out(const AdminCall& call) {
  DUDAO_CHECK(call.logins.logout(call.token));
  return json::object();
}

Result<json> who_am_i(const AdminCall& call) {
  if (!call.caller) return json{{"person", nullptr}, {"founding", true}, {"actor", call.actor}};
  return caller_json(*call.caller);
}

Result<json> list_people(const AdminCall& call) {
  json out = json::array();
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
    DUDAO_TRY(const auto all, people(rows));
    for (const Person& person : all) {
      if (!reach.has_unit(person.unit)) continue;
      DUDAO_TRY(const auto credential, rows.credential(person.code));
      out.push_back(person_json(person));
      out.back()["second_factor"] =
          credential && credential->totp_secret && credential->totp_last != kSecondFactorUnconfirmed;
    }
    return {};
  }));
  return json{{"people", std::move(out)}};
}

Result<json> add_person(const AdminCall& call) {
  Person person;
  person.code = call.text("person");
  person.name = call.text("name");
  person.unit = call.text("unit");
  DUDAO_TRY(person.roles, roles_from(call.text("roles")));
  DUDAO_TRY(const std::int64_t index, call.logins.enter(call.actor, person, call.text("next")));
  json out = person_json(person);
  out["index"] = index;
  return out;
}

Result<json> change_person_of(const AdminCall& call) {
  PersonChange change;
  change.code = call.text("person");
  const auto given = [&](const char* name) { return call.params.contains(name) && !call.params.at(name).is_null(); };
  if (given("name")) change.name = call.text("name");
  if (given("unit")) change.unit = call.text("unit");
  if (given("roles")) {
    DUDAO_TRY(change.roles, roles_from(call.text("roles")));
  }
  json out;
  DUDAO_TRY(const auto indices,
            call.office.decide(call.actor, "person.change", [&](Store& rows) { return change_person(rows, change); }));
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Person person, active_person(rows, change.code));
    out = person_json(person);
    return {};
  }));
  out["index"] = indices.front();
  return out;
}

Result<json> let_person_leave(const AdminCall& call) {
  DUDAO_TRY(const std::int64_t index, call.logins.leave(call.actor, call.text("person")));
  return json{{"person", call.text("person")}, {"index", index}};
}

/// What one does for oneself asks for the present password: a session may be of a screen that was left open.
Status not_oneself(const AdminCall& call, std::string_view instead) {
  if (call.text("person") == call.actor) return fail(Code::kOptionWrong, std::string(instead));
  return {};
}

Result<json> set_password_of(const AdminCall& call) {
  DUDAO_CHECK(not_oneself(call, "your own password: dudao-office person password, without a code"));
  DUDAO_CHECK(call.logins.set_password(call.text("person"), call.text("next")));
  return json{{"person", call.text("person")}};
}

Result<json> change_own_password(const AdminCall& call) {
  DUDAO_CHECK(call.logins.change_password(call.token, call.text("password"), call.text("next")));
  return json{{"person", call.actor}};
}

Result<json> drop_second_factor_of(const AdminCall& call) {
  DUDAO_CHECK(not_oneself(call, "your own second factor: replace it, or ask another administrator"));
  DUDAO_CHECK(call.logins.drop_second_factor(call.text("person")));
  return json{{"person", call.text("person")}, {"second_factor", false}};
}

Result<json> own_second_factor(const AdminCall& call) {
  if (const std::string code = call.text("confirm"); !code.empty()) {
    DUDAO_CHECK(call.logins.confirm_second_factor(call.token, code));
    return json{{"person", call.actor}, {"second_factor", true}};
  }
  DUDAO_TRY(const SecondFactorOffer offer, call.logins.begin_second_factor(call.token, call.text("password"),
                                                                           call.text("code"), call.office.origin()));
  return json{{"person", call.actor}, {"second_factor", false}, {"secret", offer.secret}, {"uri", offer.uri}};
}

// --- Commands.

struct PersonOptions {
  std::string person, name, roles, unit, password_file, new_password_file, code, confirm;
  bool remove = false;
};

constexpr const char* kPasswordVariable = "DUDAO_OFFICE_PASSWORD";
constexpr const char* kNewPasswordVariable = "DUDAO_OFFICE_NEW_PASSWORD";

/// The commands, with what they share.
class PeopleCommands {
 public:
  PeopleCommands(const OfficeCommands& office, std::function<std::string()> session_file)
      : office_(office), session_file_(std::move(session_file)) {}

  int log_in() {
    const auto done = [&]() -> Result<json> {
      DUDAO_TRY(std::string password, present_password());
      json params = {{"person", given.person}, {"password", password}, {"code", given.code}};
      auto answer = office_.ask("login", params);
      // Whoever sits there is asked for what is still missing.
      if (!answer && answer.error().code == Code::kSecondFactorMissing && given.code.empty() && asks()) {
        params["code"] = read_shown(tr("Code that your device shows: ", "设备显示的动态口令："));
        answer = office_.ask("login", params);
      }
      wipe(password);
      DUDAO_TRY(json out, std::move(answer));
      const std::string path = session_file_();
      if (const std::string folder = std::filesystem::path(path).parent_path().string(); !folder.empty())
        DUDAO_CHECK(office_.files.make_folder(folder));
      DUDAO_CHECK(office_.files.write(path, view(out.at("session").get<std::string>() + "\n"), true));
      out.erase("session");
      return out;
    }();
    if (!done) return office_.console.fail(done.error());
    office_.console.print(*done);
    if (office_.console.json()) return kExitDone;
    office_.say(tr("Logged in: ", "已登录：") + described(*done));
    if (done->at("confined").get<bool>())
      office_.say(tr("An administrator needs a second factor. Set it up: dudao-office person second-factor",
                     "管理员须使用动态口令。请设置：dudao-office person second-factor"));
    return kExitDone;
  }

  int log_out() {
    // The token goes also where the office no longer knows it.
    const auto answer = office_.ask("logout", json::object());
    if (!answer && answer.error().code != Code::kSessionOver) return office_.console.fail(answer.error());
    if (const Status removed = office_.files.remove(session_file_()); !removed)
      return office_.console.fail(removed.error());
    office_.console.print(json::object());
    office_.say(tr("Logged out.", "已退出登录。"));
    return kExitDone;
  }

  int who_am_i() {
    return office_.tell("whoami", json::object(), [&](const json& who) {
      if (who.at("person").is_null()) {
        office_.say(tr("Nobody was entered yet: the office is being founded, and ",
                       "尚未登记任何人员：督导办处于建立阶段，决定人为 ") +
                    who.at("actor").get<std::string>() + tr(" decides.", "。"));
        return;
      }
      office_.say(described(who));
      office_.say(tr("The session ends ", "登录有效至 ") + who.at("ends_utc").get<std::string>());
    });
  }

  int list() {
    return office_.tell("person list", json::object(), [&](const json& done) {
      for (const json& one : done.at("people"))
        office_.say(described(one) + "  " + one.at("status").get<std::string>() +
                    (one.at("second_factor").get<bool>() ? tr("  second factor", "  动态口令") : std::string()));
      office_.say(tr("People: ", "人数：") + std::to_string(done.at("people").size()));
    });
  }

  int add() {
    auto password = new_password(given.password_file);
    if (!password) return office_.console.fail(password.error());
    return office_.tell("person add",
                        {{"person", given.person},
                         {"name", given.name},
                         {"roles", given.roles},
                         {"unit", given.unit},
                         {"next", *password}},
                        [&](const json& done) { say_decided(tr("Entered: ", "已登记："), done); });
  }

  int change() {
    json params = {{"person", given.person}};
    if (new_name->count() > 0) params["name"] = given.name;
    if (new_roles->count() > 0) params["roles"] = given.roles;
    if (new_unit->count() > 0) params["unit"] = given.unit;
    return office_.tell("person change", std::move(params),
                        [&](const json& done) { say_decided(tr("Changed: ", "已变更："), done); });
  }

  int leave() {
    return office_.tell("person leave", {{"person", given.person}}, [&](const json& done) {
      office_.say(tr("Left: ", "已离任：") + given.person + tr(", statement ", "，声明 ") + done.at("index").dump());
    });
  }

  int password() {
    json params;
    const auto read = [&]() -> Status {
      if (!given.person.empty()) {
        params["person"] = given.person;
      } else {
        DUDAO_TRY(params["password"], present_password());
      }
      DUDAO_TRY(params["next"], new_password(given.new_password_file));
      return {};
    }();
    if (!read) return office_.console.fail(read.error());
    return office_.tell(given.person.empty() ? "password" : "person password", std::move(params),
                        [&](const json&) { office_.say(tr("The password is set.", "密码已设置。")); });
  }

  int second_factor() {
    if (given.remove)
      return office_.tell("person second-factor", {{"person", given.person}}, [&](const json&) {
        office_.say(tr("Without second factor now: ", "已取消动态口令：") + given.person);
      });
    if (!given.person.empty())
      return office_.console.fail({Code::kOptionWrong, "CODE goes with --remove: people set up their own"});
    if (!given.confirm.empty()) return confirm(given.confirm);
    const auto begun = [&]() -> Result<json> {
      DUDAO_TRY(const std::string password, present_password());
      return office_.ask("second-factor", {{"password", password}, {"code", given.code}});
    }();
    if (!begun) return office_.console.fail(begun.error());
    office_.console.print(*begun);
    if (office_.console.json()) return kExitDone;
    office_.say(tr("Type this secret into your authenticator app: ", "请在动态口令应用中输入密钥：") +
                begun->at("secret").get<std::string>());
    office_.say("  " + begun->at("uri").get<std::string>());
    const std::string code =
        asks() ? read_shown(tr("Code that it shows now: ", "应用当前显示的动态口令：")) : std::string();
    if (!code.empty()) return confirm(code);
    office_.say(tr("Then: dudao-office person second-factor --confirm CODE",
                   "然后执行：dudao-office person second-factor --confirm 动态口令"));
    return kExitDone;
  }

  PersonOptions given;
  // Of `person change`: nothing given is not the same as given empty.
  const CLI::Option* new_name = nullptr;
  const CLI::Option* new_roles = nullptr;
  const CLI::Option* new_unit = nullptr;

 private:
  std::string tr(std::string_view english, std::string_view chinese) const { return office_.tr(english, chinese); }
  /// True where a person sits who can be asked.
  bool asks() const { return !office_.console.json() && isatty(STDIN_FILENO) != 0; }
  static void wipe(std::string& secret) {
    dudao::wipe({reinterpret_cast<std::uint8_t*>(secret.data()), secret.size()});
  }

  Result<std::string> present_password() {
    return read_secret(office_.files,
                       {given.password_file, kPasswordVariable, tr("Your password: ", "您的密码："), false});
  }
  Result<std::string> new_password(const std::string& file) {
    return read_secret(office_.files, {file, kNewPasswordVariable, tr("New password: ", "新密码："), true});
  }

  static std::string described(const json& person) {
    std::string roles;
    for (const json& role : person.at("roles")) roles += (roles.empty() ? "" : ",") + role.get<std::string>();
    const std::string unit = person.at("unit").get<std::string>();
    return person.at("person").get<std::string>() + "  " + person.at("name").get<std::string>() + "  " + roles + "  " +
           (unit.empty() ? "-" : unit);
  }
  void say_decided(std::string_view what, const json& done) const {
    office_.say(std::string(what) + described(done) + tr(", statement ", "，声明 ") + done.at("index").dump());
  }
  int confirm(const std::string& code) {
    return office_.tell("second-factor", {{"confirm", code}}, [&](const json&) {
      office_.say(tr("From now on you log in with password and code.", "此后登录须同时提供密码和动态口令。"));
    });
  }

  const OfficeCommands& office_;
  std::function<std::string()> session_file_;
};

}  // namespace

const AdminArea& people_methods() {
  static const AdminArea methods = {{"login", log_in},
                                    {"logout", log_out},
                                    {"whoami", who_am_i},
                                    {"password", change_own_password},
                                    {"second-factor", own_second_factor},
                                    {"person list", list_people},
                                    {"person add", add_person},
                                    {"person change", change_person_of},
                                    {"person leave", let_person_leave},
                                    {"person password", set_password_of},
                                    {"person second-factor", drop_second_factor_of}};
  return methods;
}

void add_people_commands(CLI::App& app, const OfficeCommands& office,
                         const std::function<std::string()>& session_file) {
  const auto at = std::make_shared<PeopleCommands>(office, session_file);
  PersonOptions& given = at->given;
  const auto password_file = [&](CLI::App* command, std::string_view english, std::string_view chinese) {
    command->add_option("--password-file", given.password_file, office.tr(english, chinese));
  };

  CLI::App* login = office.add(
      app, "login", "Log in; what you decide from then on stands under your code", "登录，此后的决定记在您的名下",
      [at] { return at->log_in(); }, "dudao-office login WANG\ndudao-office login WANG --code 123456");
  login->add_option("person", given.person, office.tr("Your code", "您的编号"))->required();
  login->add_option("--code", given.code, office.tr("The six digits of your second factor", "六位动态口令"));
  password_file(login, "File with your password; otherwise DUDAO_OFFICE_PASSWORD, or you are asked",
                "密码文件；否则取 DUDAO_OFFICE_PASSWORD，或在终端输入");
  office.add(app, "logout", "End your session", "退出登录", [at] { return at->log_out(); });
  office.add(app, "whoami", "Who is logged in, and what they may do", "当前登录人员及其权限",
             [at] { return at->who_am_i(); });

  CLI::App* person = office.group(app, "person", "People of the office: roles, passwords", "督导办人员：角色与密码");
  CLI::App* add = office.add(
      *person, "add", "Enter a person. The first one ends the founding and has to be an administrator of everything",
      "登记人员。首名人员须为全局管理员，登记后建立阶段即告结束", [at] { return at->add(); },
      "dudao-office person add WANG --name 王处长 --roles ADMINISTRATOR\n"
      "dudao-office person add LI --name 李科长 --roles COUNTY_OFFICER --unit 990121 --password-file li.txt");
  add->add_option("person", given.person, office.tr("Code: A-Z, 0-9 and hyphens", "编号：A-Z、0-9 和连字符"))
      ->required();
  add->add_option("--name", given.name, office.tr("Name", "姓名"))->required();
  add->add_option("--roles", given.roles,
                  office.tr("ADMINISTRATOR, PLANNER, REVIEWER, COUNTY_OFFICER, AUDITOR; joined by ','",
                            "角色：ADMINISTRATOR、PLANNER、REVIEWER、COUNTY_OFFICER、AUDITOR，以逗号连接"))
      ->required();
  add->add_option("--unit", given.unit,
                  office.tr("Code of the unit of which they see all; otherwise everything", "所辖机构代码；默认全部"));
  password_file(add, "File with the person's first password; otherwise DUDAO_OFFICE_NEW_PASSWORD, or you are asked",
                "该人员初始密码的文件；否则取 DUDAO_OFFICE_NEW_PASSWORD，或在终端输入");

  CLI::App* change = office.add(
      *person, "change", "Change name, roles or unit", "变更姓名、角色或机构", [at] { return at->change(); },
      "dudao-office person change LI --roles PLANNER,REVIEWER\ndudao-office person change LI --unit ''");
  change->add_option("person", given.person, office.tr("Code", "编号"))->required();
  at->new_name = change->add_option("--name", given.name, office.tr("Name", "姓名"));
  at->new_roles = change->add_option("--roles", given.roles, office.tr("All roles from now on", "此后的全部角色"));
  at->new_unit =
      change->add_option("--unit", given.unit, office.tr("Code of the unit; '' for everything", "机构代码；'' 为全部"));

  office.add(*person, "list", "Everybody, also who has left", "全部人员，含已离任", [at] { return at->list(); });
  office
      .add(*person, "leave", "A person leaves; what they decided stays", "人员离任，其决定保留",
           [at] { return at->leave(); })
      ->add_option("person", given.person, office.tr("Code", "编号"))
      ->required();

  CLI::App* password = office.add(
      *person, "password", "Set your password, or that of somebody who forgot it", "设置本人密码，或为忘记密码者重设",
      [at] { return at->password(); }, "dudao-office person password\ndudao-office person password LI");
  password->add_option("person", given.person, office.tr("Whose; otherwise your own", "人员编号；默认本人"));
  password_file(password, "File with your present password; otherwise DUDAO_OFFICE_PASSWORD, or you are asked",
                "现密码文件；否则取 DUDAO_OFFICE_PASSWORD，或在终端输入");
  password->add_option("--new-password-file", given.new_password_file,
                       office.tr("File with the new one; otherwise DUDAO_OFFICE_NEW_PASSWORD, or you are asked",
                                 "新密码文件；否则取 DUDAO_OFFICE_NEW_PASSWORD，或在终端输入"));

  CLI::App* factor = office.add(
      *person, "second-factor", "Set up the codes of an authenticator app, which an administrator must have",
      "设置动态口令，管理员必须设置", [at] { return at->second_factor(); },
      "dudao-office person second-factor\ndudao-office person second-factor --confirm 123456\n"
      "dudao-office person second-factor LI --remove");
  CLI::Option* whose =
      factor->add_option("person", given.person, office.tr("Whose, with --remove", "人员编号，用于 --remove"));
  factor->add_flag("--remove", given.remove, office.tr("For somebody who lost the device", "为丢失设备者取消"))
      ->needs(whose);
  factor->add_option("--confirm", given.confirm,
                     office.tr("The first code that the app shows; from then on it is asked for",
                               "应用首次显示的动态口令；确认后即生效"));
  factor->add_option("--code", given.code, office.tr("Code of the second factor that is replaced", "被替换的动态口令"));
  password_file(factor, "File with your password; otherwise DUDAO_OFFICE_PASSWORD, or you are asked",
                "密码文件；否则取 DUDAO_OFFICE_PASSWORD，或在终端输入");
}

}  // namespace dudao
