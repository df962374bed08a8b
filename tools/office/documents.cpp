/// Documents about a visit, as PDF or HTML. Methods of admin.hpp and their commands.

#include "schema/answer.hpp"
#include "schema/document_html.hpp"
#include "schema/visit_documents.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"
#include "tools/office/document_pdf.hpp"

#include <memory>
#include <span>

namespace dudao {
namespace {

using nlohmann::json;

Result<VisitRecord> visit_record(const AdminCall& call) {
  DUDAO_TRY(const Bytes id, call.visit());
  std::optional<VisitRecord> out;
  DUDAO_CHECK(call.office.read([&](Store& store) -> Status {
    VisitRows rows;
    rows.row = [&](const Table& table, std::span<const ValueView> key) -> Result<std::optional<std::vector<Value>>> {
      DUDAO_TRY(auto found, store.row(table, key));
      if (!found) return std::optional<std::vector<Value>>();
      return std::optional(std::move(found->cells));
    };
    rows.of_visit = [&](const Table& table, const auto& take) {
      return store.each_row_of_visit(table, id, 0, [&](const StoredRow& row) { return take(row.cells); });
    };
    DUDAO_TRY(out, read_visit(id, rows));
    return {};
  }));
  return *std::move(out);
}

/// What the office adds to a document beside its feedback sheet.
Result<IssueWords> issue_words(const AdminCall& call, DocumentKind kind) {
  IssueWords words;
  DUDAO_TRY(words.day, call.day("date", call.today));
  DUDAO_TRY(words.due_day, call.given_day("due"));
  const std::string year = date_text(words.day).substr(0, 4);
  words.number =
      document_number(call.text("word"), kind, std::stoll(year), call.params.at("number").get<std::int64_t>());
  words.issuer = call.text("issuer");
  words.addressee = call.text("addressee");
  words.basis = call.text("basis");
  words.text = call.text("text");
  return words;
}

Result<Document> written(const AdminCall& call, DocumentKind kind) {
  const bool chinese = call.text("language", "zh") == "zh";
  DUDAO_TRY(const VisitRecord visit, visit_record(call));
  if (kind == DocumentKind::kFeedback) return feedback_sheet(visit, chinese);
  DUDAO_TRY(const IssueWords words, issue_words(call, kind));
  if (kind == DocumentKind::kNotice) return rectification_notice(visit, words, chinese);
  return kind == DocumentKind::kOpinion ? opinion_letter(visit, words, chinese)
                                        : inspection_report(visit, words, chinese);
}

Result<json> make_document(const AdminCall& call) {
  const auto kind = document_kind_from(call.text("kind"));
  if (!kind) return fail(Code::kInternal, "kind");
  DUDAO_TRY(const Document document, written(call, *kind));
  json out = {{"kind", std::string(to_string(*kind))},
              {"title", document.head().title},
              {"number", document.head().number},
              {"date", document.head().date},
              {"hash", to_hex(document.hash())}};
  if (call.params.value("html", false)) {
    out["content"] = to_base64(view(document_html(document)));
    return out;
  }
  DUDAO_TRY(const Bytes pdf, document_pdf(document));
  out["content"] = to_base64(pdf);
  return out;
}

struct DocumentOptions {
  std::string visit, out, language, word, issuer, addressee, basis, path, date, due;
  std::int64_t number = 0;
  bool html = false;
};

int write_document(const OfficeCommands& at, const DocumentOptions& given, const std::string& kind) {
  json params = {
      {"kind", kind},           {"visit", given.visit}, {"html", given.html},     {"language", given.language},
      {"number", given.number}, {"word", given.word},   {"issuer", given.issuer}, {"addressee", given.addressee},
      {"basis", given.basis},   {"date", given.date},   {"due", given.due}};
  const auto made = [&]() -> Result<json> {
    if (!given.path.empty()) {
      DUDAO_TRY(const Bytes words, at.read(given.path));
      if (!is_utf8(words)) return fail(Code::kTextNotUtf8, given.path);
      params["text"] = std::string(text(words));
    }
    DUDAO_TRY(json done, at.ask("document", params));
    const auto content = from_base64(done.at("content").get<std::string>());
    if (!content) return fail(Code::kInternal, "content");
    const std::string file =
        !given.out.empty() ? given.out : kind + "-" + given.visit + (given.html ? ".html" : ".pdf");
    DUDAO_CHECK(at.files.write(file, *content));
    done.erase("content");
    done["file"] = file;
    done["bytes"] = content->size();
    return done;
  }();
  if (!made) return at.console.fail(made.error());
  at.console.print(*made);
  const auto cell = [&](const char* name) { return made->at(name).get<std::string>(); };
  at.say(cell("title") + at.tr(", number ", "，编号 ") + cell("number"));
  at.say("SHA-256 " + cell("hash"));
  at.say(at.tr("Written: ", "已写入 ") + cell("file"));
  return kExitDone;
}

CLI::App* add_document(CLI::App& documents, const OfficeCommands& office, const std::shared_ptr<DocumentOptions>& given,
                       const char* kind, std::string_view english, std::string_view chinese,
                       std::string_view examples) {
  const auto* const at = &office;
  CLI::App* command = office.add(
      documents, kind, english, chinese, [=] { return write_document(*at, *given, kind); }, examples);
  command->add_option("visit", given->visit, office.tr("Visit", "督导编号"))->required();
  command->add_option("--out", given->out,
                      office.tr("File to write; otherwise named here after kind and visit",
                                "输出文件；默认写入当前文件夹，以种类和督导编号命名"));
  command->add_flag("--html", given->html, office.tr("As a page of HTML instead of PDF", "输出 HTML 页面而非 PDF"));
  command->add_option("--language", given->language, office.tr("It is written in: zh or en", "文书语言：zh 或 en"))
      ->check(CLI::IsMember({"zh", "en"}))
      ->default_val("zh");
  return command;
}

void add_issued(CLI::App& documents, const OfficeCommands& office, const std::shared_ptr<DocumentOptions>& given,
                const char* kind, std::string_view english, std::string_view chinese, std::string_view examples = {}) {
  CLI::App* command = add_document(documents, office, given, kind, english, chinese, examples);
  command->add_option("--number", given->number, office.tr("Running number of the year", "当年流水号"))
      ->check(CLI::Range(1, 999'999))
      ->required();
  command
      ->add_option("--word", given->word,
                   office.tr("Word of the unit in its numbers, e.g. 栖教督", "发文机关代字，如 栖教督"))
      ->envname("DUDAO_WORD")
      ->required();
  command->add_option("--issuer", given->issuer, office.tr("Who issues it, in full", "发文机关全称"))
      ->envname("DUDAO_ISSUER")
      ->required();
  command->add_option(
      "--addressee", given->addressee,
      office.tr("To whom; otherwise the school, and nobody for a report", "主送机关；默认学校，报告默认不写"));
  command->add_option(
      "--basis", given->basis,
      office.tr("Law that it stands on; otherwise the national one", "依据的法规名称；默认《教育督导条例》"));
  command->add_option("--text", given->path, office.tr("File with the office's own words", "督导办补充意见的文本文件"));
  command->add_option("--date", given->date, office.tr("Day of issue; otherwise today", "发文日期；默认今天"));
  command->add_option("--due", given->due, office.tr("Day for findings that name none", "未注明期限的问题的整改期限"));
}

}  // namespace

const AdminArea& document_methods() {
  static const AdminArea methods = {{"document", make_document}};
  return methods;
}

void add_document_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<DocumentOptions>();
  CLI::App* documents =
      office.group(app, "document", "Write documents about a visit, as PDF or HTML", "生成督导文书（PDF 或 HTML）");
  add_document(*documents, office, given, "feedback",
               "The feedback sheet, with the hash of the one that the device printed",
               "现场反馈单，哈希与设备打印的一致", "dudao-office document feedback 0199… --out feedback.pdf");
  add_issued(*documents, office, given, "notice", "Notice of what has to be rectified", "整改通知书",
             "dudao-office document notice 0199… --number 12 --word 栖教督 --issuer 栖霞县人民政府教育督导委员会办公室 "
             "--due 2026-04-30 --out notice.pdf");
  add_issued(*documents, office, given, "opinion", "Opinion letter to the school", "督导意见书");
  add_issued(*documents, office, given, "report", "Report on the visit", "督导报告");
}

}  // namespace dudao
