/// Checklists: published for good, and made of what other people keep, forms and systems of indicators. Methods of
/// admin.hpp and their commands.

#include "schema/checklist.hpp"
#include "schema/csv.hpp"
#include "schema/indicators.hpp"
#include "schema/xlsform.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/spreadsheet.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace dudao {
namespace {

using nlohmann::json;

Result<json> publish_template(const AdminCall& call) {
  const auto bytes = from_base64(call.text("content"));
  if (!bytes) return fail(Code::kInternal, "content");
  DUDAO_TRY(const Checklist checklist, Checklist::parse(text(*bytes)));
  DUDAO_TRY(const std::int64_t index, call.office.publish_template(call.actor, text(*bytes)));
  return json{{"code", checklist.code()}, {"version", checklist.version()}, {"index", index}};
}

Result<Sheet> sheet_from_csv(BytesView csv, TextEncoding encoding) {
  Sheet sheet;
  DUDAO_CHECK(read_csv(text(csv), encoding, [&](CsvRow& row) -> Status {
    sheet.push_back({row.line, std::move(row.cells)});
    return {};
  }));
  return sheet;
}

Sheet sheet_from_rows(SpreadsheetRows& rows) {
  Sheet sheet;
  for (std::size_t i = 0; i < rows.size(); ++i) sheet.push_back({i + 1, std::move(rows[i])});
  return sheet;
}

json remarks_json(const std::vector<FormRemark>& remarks) {
  json out = json::array();
  for (const FormRemark& remark : remarks) {
    out.push_back(error_json(remark.error));
    out.back()["sheet"] = remark.sheet;
    out.back()["row"] = remark.row;
  }
  return out;
}

struct ChecklistOptions {
  std::string path, encoding, survey, choices, settings, title, code, out;
  std::string language = "zh";  ///< of texts that name none; only if it is empty the form's own counts
  std::int64_t version = 1;
  bool publish = false;
};

/// The commands, with what they share.
class ChecklistCommands {
 public:
  explicit ChecklistCommands(const OfficeCommands& office) : office_(office) {}

  int publish() {
    const auto content = office_.read(given.path, kMaxImportBytes);
    if (!content) return office_.console.fail(content.error());
    return office_.tell("publish-template", {{"content", to_base64(*content)}}, [&](const json& done) {
      say(tr("Published: checklist ", "已发布检查表 ") + done.at("code").get<std::string>() +
          tr(" version ", " 版本 ") + done.at("version").dump() + tr(", statement ", "，声明 ") +
          done.at("index").dump() + tr(" of the log", ""));
    });
  }

  int import_form() {
    json document;
    const auto done = [&]() -> Status {
      DUDAO_TRY(const FormSheets sheets, form_sheets());
      DUDAO_TRY(const FormImport form,
                import_xlsform(sheets, {given.code, given.version, given.title, given.language}));
      document = {{"rows", form.rows},
                  {"items", form.items},
                  {"sections", form.sections},
                  {"bytes", form.checklist.size()},
                  {"refused", remarks_json(form.refused)},
                  {"remarks", remarks_json(form.remarks)}};
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

  int import_system() {
    json document;
    const auto done = [&]() -> Status {
      DUDAO_TRY(const Bytes content, office_.read(given.path, kMaxImportBytes));
      DUDAO_TRY(const IndicatorImport system, import_indicators(text(content), {given.code, given.version}));
      document = {{"indicators", system.indicators}, {"data", system.data},         {"documents", system.documents},
                  {"items", system.items},           {"sections", system.sections}, {"bytes", system.checklist.size()},
                  {"remarks", json::array()}};
      for (const IndicatorRemark& remark : system.remarks) {
        document["remarks"].push_back(error_json(remark.error));
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

  ChecklistOptions given;

 private:
  std::string tr(std::string_view english, std::string_view chinese) const { return office_.tr(english, chinese); }
  void say(std::string_view line) const { office_.say(line); }

  /// Of a workbook, or of the CSV of its sheets.
  Result<FormSheets> form_sheets() const {
    FormSheets form;
    if (!given.path.empty()) {
      DUDAO_TRY(const Bytes workbook, office_.read(given.path, kMaxImportBytes));
      DUDAO_TRY(auto sheets, read_spreadsheet(workbook));
      if (!sheets.contains("survey")) return fail(Code::kFormSheet, "survey");
      form.survey = sheet_from_rows(sheets["survey"]);
      form.choices = sheet_from_rows(sheets["choices"]);
      form.settings = sheet_from_rows(sheets["settings"]);
      return form;
    }
    const TextEncoding encoding = given.encoding == "gb18030" ? TextEncoding::kGb18030 : TextEncoding::kUtf8;
    Bytes survey, choices, settings;
    for (const auto& [path, into] : {std::pair(&given.survey, &survey), std::pair(&given.choices, &choices),
                                     std::pair(&given.settings, &settings)}) {
      if (path->empty()) continue;
      DUDAO_TRY(*into, office_.read(*path, kMaxImportBytes));
    }
    DUDAO_TRY(form.survey, sheet_from_csv(survey, encoding));
    DUDAO_TRY(form.choices, sheet_from_csv(choices, encoding));
    DUDAO_TRY(form.settings, sheet_from_csv(settings, encoding));
    return form;
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
              one.at(office_.console.chinese() ? "chinese" : "english").get<std::string>());
        const std::string where = place(one);
        const std::string detail = one.at("detail").get<std::string>();
        say("    " + where + (where.empty() || detail.empty() ? "" : ": ") + detail);
      }
    }
  }

  /// Writes the template that an import made and publishes it, as was asked, and adds to the document what was done.
  Status deliver(const std::string& checklist, json& document) const {
    if (!given.out.empty()) {
      DUDAO_CHECK(office_.files.write(given.out, view(checklist + "\n")));
      document["out"] = given.out;
    }
    if (given.publish) {
      DUDAO_TRY(document["published"], office_.ask("publish-template", {{"content", to_base64(view(checklist))}}));
    }
    return {};
  }

  void say_delivered(const json& document) const {
    if (document.contains("out")) say(tr("Written: ", "已写入 ") + given.out);
    if (document.contains("published"))
      say(tr("Published: checklist ", "已发布检查表 ") + document.at("published").at("code").get<std::string>() +
          tr(" version ", " 版本 ") + document.at("published").at("version").dump());
    if (!document.contains("out") && !document.contains("published"))
      say(tr("Nothing was written: give --out or --publish.", "未写入任何内容：请给出 --out 或 --publish。"));
  }

  /// The end of an import: its document with the error in it, so that the lists are there also when it failed.
  int finish(const Status& done, json& document, const std::function<void()>& words) const {
    if (!done && document.is_null()) return office_.console.fail(done.error());
    if (!done) document["error"] = error_json(done.error());
    office_.console.print(document);
    if (!done) {
      office_.console.warn(office_.console.words(done.error()));
      return Console::exit_code(done.error());
    }
    if (office_.console.json()) return kExitDone;
    words();
    say_delivered(document);
    return kExitDone;
  }

  const OfficeCommands& office_;
};

void add_delivery(CLI::App* command, const OfficeCommands& office, ChecklistOptions& given, bool needs_code) {
  CLI::Option* code =
      command->add_option("--code", given.code,
                          office.tr("Code of the checklist", "检查表代码") +
                              (needs_code ? "" : office.tr("; otherwise the form's own", "；默认为表单自带代码")));
  if (needs_code) code->required();
  command->add_option("--version", given.version, office.tr("Version of the checklist", "检查表版本"))
      ->check(CLI::Range(1, 1'000'000'000))
      ->default_val(1);
  command->add_option("--out", given.out, office.tr("File to write the checklist to", "检查表输出文件"));
  command->add_flag("--publish", given.publish, office.tr("Publish it for good", "直接发布（发布后不可更改）"));
}

}  // namespace

const AdminArea& checklist_methods() {
  static const AdminArea methods = {{"publish-template", publish_template}};
  return methods;
}

void add_checklist_commands(CLI::App& app, const OfficeCommands& office) {
  const auto at = std::make_shared<ChecklistCommands>(office);
  ChecklistOptions& given = at->given;
  office
      .add(
          app, "publish-template", "Publish a checklist for good", "发布检查表（发布后不可更改）",
          [at] { return at->publish(); }, "dudao-office publish-template routine-visit.json")
      ->add_option("file", given.path, office.tr("Checklist, JSON", "检查表 JSON 文件"))
      ->required();

  CLI::App* form = office.add(
      app, "import-xlsform", "Make a checklist of an XLSForm, whole or not at all",
      "由 XLSForm 表单生成检查表，要么全部导入，要么都不导入", [at] { return at->import_form(); },
      "dudao-office import-xlsform form.xlsx --code school-survey --version 1 --out school-survey.json\n"
      "dudao-office import-xlsform --survey survey.csv --choices choices.csv --code school-survey --version 1 "
      "--publish");
  CLI::Option* workbook = form->add_option("file", given.path, office.tr("Workbook, .xlsx", ".xlsx 工作簿"));
  form->add_option("--survey", given.survey, office.tr("CSV of sheet survey", "survey 工作表的 CSV"))
      ->excludes(workbook);
  form->add_option("--choices", given.choices, office.tr("CSV of sheet choices", "choices 工作表的 CSV"))
      ->excludes(workbook);
  form->add_option("--settings", given.settings, office.tr("CSV of sheet settings", "settings 工作表的 CSV"))
      ->excludes(workbook);
  form->add_option("--encoding", given.encoding,
                   office.tr("Of the CSV: utf-8 or gb18030", "CSV 编码：utf-8 或 gb18030"))
      ->check(CLI::IsMember({"utf-8", "gb18030"}))
      ->default_val("utf-8");
  form->add_option("--title", given.title, office.tr("Title; otherwise the form's own", "标题；默认为表单自带标题"));
  form->add_option("--language", given.language,
                   office.tr("Language of texts that name none, like en", "未注明语言的文字所用语言，如 zh"));
  add_delivery(form, office, given, false);

  CLI::App* indicators = office.add(
      app, "import-indicators", "Make a checklist of a system of indicators in JSON", "由 JSON 指标体系生成检查表",
      [at] { return at->import_system(); },
      "dudao-office import-indicators system.json --code county-balance --version 1 --out county-balance.json");
  indicators->add_option("file", given.path, office.tr("System of indicators, JSON", "指标体系 JSON 文件"))->required();
  add_delivery(indicators, office, given, true);
}

}  // namespace dudao
