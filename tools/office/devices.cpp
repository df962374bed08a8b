/// Devices: taken in, looked at, revoked; what of theirs was kept apart. Methods of admin.hpp and their commands.

#include "tools/console/console.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/gate.hpp"

#include <memory>
#include <set>

namespace dudao {
namespace {

using nlohmann::json;

Result<json> offer_enrolment(const AdminCall& call) {
  const std::string inspector = call.text("inspector");
  DUDAO_TRY(const Bytes code, call.office.offer_enrolment(call.actor, inspector));
  return json{{"inspector", inspector}, {"code", to_hex(code)}, {"office_key", to_hex(call.office.key().thumbprint())}};
}

/// Those of whom the caller may know.
Result<std::set<std::string>> inspectors_seen(const AdminCall& call, std::set<std::string> inspectors) {
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Reach reach, Reach::of(rows, call.unit));
    for (auto at = inspectors.begin(); at != inspectors.end();) {
      DUDAO_TRY(const bool within, reach.has_inspector(rows, *at));
      at = within ? std::next(at) : inspectors.erase(at);
    }
    return {};
  }));
  return inspectors;
}
Result<std::set<std::string>> inspectors_seen(const AdminCall& call, const std::vector<Device>& devices) {
  std::set<std::string> all;
  for (const Device& device : devices) all.insert(device.inspector);
  return inspectors_seen(call, std::move(all));
}

Result<json> list_enrolments(const AdminCall& call) {
  DUDAO_TRY(const auto waiting, call.office.pending_enrolments());
  std::set<std::string> claimed;
  for (const PendingEnrolment& one : waiting) claimed.insert(one.inspector);
  DUDAO_TRY(const auto seen, inspectors_seen(call, std::move(claimed)));
  json out = json::array();
  for (const PendingEnrolment& one : waiting)
    if (seen.contains(one.inspector))
      out.push_back({{"thumbprint", one.thumbprint}, {"device_name", one.device_name}, {"inspector", one.inspector}});
  return json{{"waiting", std::move(out)}};
}

/// The thumbprint may be shortened to what is unique, but not below 8 digits: the inspector reads it out.
Result<json> approve_enrolment(const AdminCall& call) {
  const std::string typed = plain_thumbprint(call.text("thumbprint"));
  if (typed.size() < 8) return fail(Code::kOptionWrong, "at least the first 8 digits of the fingerprint");
  DUDAO_TRY(const auto waiting, call.office.pending_enrolments());
  const PendingEnrolment* found = nullptr;
  for (const PendingEnrolment& one : waiting) {
    if (!one.thumbprint.starts_with(typed)) continue;
    if (found) return fail(Code::kOptionWrong, "several devices begin with " + typed);
    found = &one;
  }
  if (!found) return fail(Code::kEnrolmentUnknown, typed);
  const std::string inspector = call.text("inspector", found->inspector);
  DUDAO_TRY(const std::int64_t number, call.office.approve_enrolment(call.actor, found->thumbprint, inspector));
  return json{{"device", number}, {"inspector", inspector}, {"thumbprint", found->thumbprint}};
}

Result<json> list_devices(const AdminCall& call) {
  DUDAO_TRY(const auto all, call.office.devices());
  DUDAO_TRY(const auto seen, inspectors_seen(call, all));
  json out = json::array();
  for (const Device& device : all) {
    if (!seen.contains(device.inspector)) continue;
    json one = {{"device", device.no},
                {"inspector", device.inspector},
                {"name", device.name},
                {"state", to_string(device.state)},
                {"thumbprint", to_hex(device.key.thumbprint())},
                {"statements", device.head_seq},
                {"expires_utc", utc_text(device.expires_utc_s * 1000)}};
    if (device.cut_seq) one["cut"] = *device.cut_seq;
    if (!device.reason.empty()) one["reason"] = device.reason;
    out.push_back(std::move(one));
  }
  return json{{"devices", std::move(out)}};
}

Result<json> revoke_device(const AdminCall& call) {
  const auto device = call.params.at("device").get<std::int64_t>();
  DUDAO_CHECK(call.office.revoke(call.actor, device, call.text("reason")));
  return json{{"device", device}};
}

Result<json> list_quarantine(const AdminCall& call) {
  DUDAO_TRY(const auto kept, call.office.quarantine());
  DUDAO_TRY(const auto devices, call.office.devices());
  DUDAO_TRY(const auto seen, inspectors_seen(call, devices));
  std::set<std::int64_t> numbers;
  for (const Device& device : devices)
    if (seen.contains(device.inspector)) numbers.insert(device.no);
  json out = json::array();
  for (const Quarantined& one : kept)
    if (call.unit.empty() || numbers.contains(one.device))
      out.push_back({{"id", to_hex(one.id)},
                     {"device", one.device},
                     {"seq", one.seq},
                     {"code", one.code},
                     {"english", find_code(one.code) ? find_code(one.code)->english : ""},
                     {"chinese", find_code(one.code) ? find_code(one.code)->chinese : ""},
                     {"received_utc", utc_text(one.received_utc_ms)},
                     {"bytes", one.bytes.size()}});
  return json{{"quarantine", std::move(out)}};
}

struct DeviceOptions {
  std::string inspector, thumbprint, reason;
  std::int64_t device = 0;
};

int offer(const OfficeCommands& at, const DeviceOptions& given) {
  return at.tell("enrol offer", {{"inspector", given.inspector}}, [&](const json& done) {
    at.say(at.tr("One-time code for one device of ", "供一台设备使用的一次性代码，督学 ") +
           done.at("inspector").get<std::string>() + at.tr(", valid 72 hours: ", "，72 小时内有效：") +
           done.at("code").get<std::string>());
    at.say(at.tr("Fingerprint of the office's key: ", "督导办密钥指纹：") + done.at("office_key").get<std::string>());
  });
}

int list_waiting(const OfficeCommands& at) {
  return at.tell("enrol list", json::object(), [&](const json& done) {
    for (const json& one : done.at("waiting"))
      at.say(one.at("thumbprint").get<std::string>() + "  " + one.at("inspector").get<std::string>() + "  " +
             one.at("device_name").get<std::string>());
    at.say(at.tr("Devices that wait: ", "等待登记的设备：") + std::to_string(done.at("waiting").size()));
    if (!done.at("waiting").empty())
      at.say(
          at.tr("Let the inspector read out the fingerprint; if it is the same: dudao-office enrol approve FINGERPRINT",
                "请督学读出指纹，一致时执行：dudao-office enrol approve 指纹"));
  });
}

int approve(const OfficeCommands& at, const DeviceOptions& given) {
  json params = {{"thumbprint", given.thumbprint}};
  if (!given.inspector.empty()) params["inspector"] = given.inspector;
  return at.tell("enrol approve", std::move(params), [&](const json& done) {
    at.say(at.tr("Device ", "设备 ") + done.at("device").dump() + at.tr(" of ", "，督学 ") +
           done.at("inspector").get<std::string>() + at.tr(" is enrolled.", "，已登记。"));
  });
}

int list_devices(const OfficeCommands& at) {
  return at.tell("devices", json::object(), [&](const json& done) {
    for (const json& one : done.at("devices"))
      at.say(one.at("device").dump() + "  " + one.at("state").get<std::string>() + "  " +
             one.at("inspector").get<std::string>() + "  " + one.at("name").get<std::string>() +
             at.tr("  statements ", "  声明 ") + one.at("statements").dump() +
             (one.contains("reason") ? "  " + one.at("reason").get<std::string>() : ""));
    at.say(at.tr("Devices: ", "设备数：") + std::to_string(done.at("devices").size()));
  });
}

int list_apart(const OfficeCommands& at) {
  return at.tell("quarantine", json::object(), [&](const json& done) {
    for (const json& one : done.at("quarantine"))
      at.say(at.tr("device ", "设备 ") + one.at("device").dump() + at.tr(", number ", "，序号 ") +
             one.at("seq").dump() + ", " + one.at("received_utc").get<std::string>() + ": " + one.at("code").dump() +
             " " + one.at(at.console.chinese() ? "chinese" : "english").get<std::string>());
    at.say(at.tr("Kept apart: ", "隔离保存：") + std::to_string(done.at("quarantine").size()));
  });
}

}  // namespace

const AdminArea& device_methods() {
  static const AdminArea methods = {
      {"enrol offer", offer_enrolment}, {"enrol list", list_enrolments}, {"enrol approve", approve_enrolment},
      {"devices", list_devices},        {"revoke", revoke_device},       {"quarantine", list_quarantine}};
  return methods;
}

void add_device_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<DeviceOptions>();
  const auto* const at = &office;
  CLI::App* enrol = office.group(app, "enrol", "Take devices in", "登记设备");
  CLI::App* offer_command = office.add(
      *enrol, "offer", "Make a one-time code for one device of an inspector", "为督学的一台设备生成一次性代码",
      [=] { return offer(*at, *given); }, "dudao-office enrol offer D001");
  offer_command->add_option("inspector", given->inspector, office.tr("Code of the inspector", "督学编号"))->required();
  office.add(*enrol, "list", "Devices that ask to be enrolled", "申请登记的设备", [=] { return list_waiting(*at); });
  CLI::App* approve_command = office.add(
      *enrol, "approve", "Enrol a device whose fingerprint the inspector read out", "核对指纹后登记设备",
      [=] { return approve(*at, *given); }, "dudao-office enrol approve 3f9a61c2");
  approve_command
      ->add_option("thumbprint", given->thumbprint,
                   office.tr("Fingerprint, at least its first 8 digits", "指纹，至少前 8 位"))
      ->required();
  approve_command->add_option(
      "--inspector", given->inspector,
      office.tr("Whose device it is; otherwise as the device says", "设备所属督学；默认以设备申报为准"));
  office.add(app, "devices", "All devices", "所有设备", [=] { return list_devices(*at); });
  CLI::App* revoke = office.add(
      app, "revoke", "From now on nothing of this device comes in", "吊销设备，此后不再接收其内容",
      [=] {
        return at->tell("revoke", {{"device", given->device}, {"reason", given->reason}}, [&](const json&) {
          at->say(at->tr("Revoked: device ", "已吊销设备 ") + std::to_string(given->device));
        });
      },
      "dudao-office revoke 3 --reason 'tablet lost'");
  revoke->add_option("device", given->device, office.tr("Number of the device", "设备编号"))->required();
  revoke->add_option("--reason", given->reason, office.tr("Why; stands in the log", "理由，记入日志"))->required();
  office.add(app, "quarantine", "What was kept apart, and why", "隔离保存的内容及原因",
             [=] { return list_apart(*at); });
}

}  // namespace dudao
