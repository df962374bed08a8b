#include "tools/office/document_pdf.hpp"

#include "schema/document_html.hpp"
#include "tests/schema/long_visit.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <cstdio>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

Bytes pdf_of(const Document& document) {
  auto made = document_pdf(document);
  if (!made) FAIL(made.error().message());
  return *std::move(made);
}

/// What a program of poppler-utils or zbar says of the file; nothing where it is not installed.
std::optional<std::string> asked(const std::string& command) {
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  char piece[4096];
  for (std::size_t n = 0; (n = fread(piece, 1, sizeof piece, pipe)) > 0;) out.append(piece, n);
  const int status = pclose(pipe);
  if (status == 127 * 256) {
    WARN("skipped: " << command.substr(0, command.find(' ')) << " is not installed");
    return std::nullopt;
  }
  return out;
}

std::string without_space(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "　") i += 3;
    if (i < text.size() && static_cast<unsigned char>(text[i]) > ' ') out += text[i];
  }
  return out;
}

/// A document's PDF on disk, and what can be read back from it.
struct Printed {
  TempFolder folder;
  std::string path = folder / "document.pdf";

  explicit Printed(const Document& document) { spill(path, std::string(text(pdf_of(document)))); }
  /// The text of each page, in the order in which it was drawn.
  std::optional<std::vector<std::string>> pages() const {
    const auto all = asked("pdftotext -raw -enc UTF-8 '" + path + "' -");
    if (!all) return std::nullopt;
    std::vector<std::string> out;
    for (std::size_t at = 0; at < all->size();) {
      const std::size_t end = std::min(all->find('\f', at), all->size());
      out.push_back(all->substr(at, end - at));
      at = end + 1;
    }
    return out;
  }
  std::optional<std::string> flat() const {
    const auto found = pages();
    if (!found) return std::nullopt;
    std::string out;
    for (const std::string& page : *found) out += without_space(page);
    return out;
  }
};

/// Every text of a document, as it must be found in the print.
std::vector<std::string> texts_of(const Document& document) {
  std::vector<std::string> out = {document.head().title, document.head().number, document.head().issuer};
  for (const Block& block : document.blocks()) {
    if (const auto* one = std::get_if<Heading>(&block)) out.push_back(one->text);
    if (const auto* one = std::get_if<Facts>(&block))
      for (const auto& [label, value] : one->rows) {
        out.push_back(label);
        out.push_back(value);
      }
    if (const auto* one = std::get_if<Grid>(&block))
      for (const auto& row : one->rows) out.insert(out.end(), row.begin(), row.end());
    if (const auto* one = std::get_if<SignatureLine>(&block))
      out.insert(out.end(), {one->label, one->outcome, one->remark});
    if (const auto* one = std::get_if<Closing>(&block)) out.insert(out.end(), {one->issuer, one->date});
  }
  return out;
}

Document plain(std::string title = "通知") {
  DocumentHead head;
  head.title = std::move(title);
  head.date = "2026-03-08";
  return Document(std::move(head));
}

std::vector<Document> all_kinds() {
  const VisitRecord visit = long_visit();
  return {*feedback_sheet(visit, true), *feedback_sheet(visit, false),
          *rectification_notice(visit, issue_words(DocumentKind::kNotice), true),
          opinion_letter(visit, issue_words(DocumentKind::kOpinion), true),
          inspection_report(visit, issue_words(DocumentKind::kReport), true)};
}

}  // namespace

TEST_CASE("the same document gives the same PDF, which says no other time than the document's day") {
  const Document document = *feedback_sheet(long_visit(), true);
  const Bytes once = pdf_of(document);
  CHECK(once == pdf_of(document));
  const std::string pdf(text(once));
  CHECK(pdf.starts_with("%PDF-"));
  CHECK(has(pdf, "/CreationDate (20260304000000Z)"));
  CHECK_FALSE(has(pdf, "/ModDate"));
  CHECK(pdf_of(plain("另一份")) != pdf_of(plain("又一份")));
}

TEST_CASE("fonts are embedded, and only as subsets") {
  for (const Document& document : all_kinds()) {
    const Printed printed(document);
    const auto fonts = asked("pdffonts '" + printed.path + "'");
    if (!fonts) return;
    int count = 0;
    for (std::size_t at = fonts->find("Noto"); at != std::string::npos; at = fonts->find("Noto", at + 1), ++count) {
      const std::string line = fonts->substr(at, fonts->find('\n', at) - at);
      INFO(line);
      CHECK(has(line, "yes yes yes"));
      CHECK((*fonts)[at - 1] == '+');
    }
    CHECK(count >= 2);
    CHECK_FALSE(has(*fonts, "Type 3"));
    CHECK(pdf_of(document).size() < 2'000'000);
  }
}

TEST_CASE("the text of every kind can be read back whole, with page numbers and heads of tables on every page") {
  for (const Document& document : all_kinds()) {
    const Printed printed(document);
    const auto pages = printed.pages();
    if (!pages) return;
    const std::string all = *printed.flat();
    for (const std::string& text : texts_of(document)) {
      INFO(document.head().title << ": " << text);
      CHECK(has(all, without_space(text)));
    }
    CHECK(has(all, to_hex(document.hash())));
    for (std::size_t i = 0; i < pages->size(); ++i)
      CHECK(has((*pages)[i], std::to_string(i + 1) + " / " + std::to_string(pages->size())));
    if (document.head().kind == DocumentKind::kFeedback && document.head().chinese) {
      REQUIRE(pages->size() > 3);
      CHECK(has((*pages)[3], "检查内容"));
    }
  }
}

TEST_CASE("the sheet of the device and the PDF of the office carry one hash and one QR code") {
  const Document sheet = *feedback_sheet(long_visit(), true);
  CHECK(has(document_html(sheet), to_hex(sheet.hash())));
  const Printed printed(sheet);
  if (const auto all = printed.flat()) CHECK(has(*all, to_hex(sheet.hash())));
  if (!asked("pdftoppm -r 150 -png '" + printed.path + "' '" + printed.folder / "page" + "'")) return;
  if (const auto read = asked("zbarimg --raw -q '" + printed.folder.path() + "'/page*.png"))
    CHECK(has(*read, qr_text(sheet)));
}

TEST_CASE("markup, control characters and other scripts are printed as text") {
  const std::string hostile = "<b>粗</b> &amp; <span foreground='red'>x</span> </markup> (x) \\n %PDF";
  Document document = plain(hostile);
  document.paragraph(hostile + " العربية ไทย 😀 \xf0\xa0\xae\xb7");
  document.grid({{{hostile, 1, false}, {hostile, 3, true}}, {{hostile, hostile}, {hostile}}});
  document.facts({{{hostile, hostile}}});
  document.signature({hostile, hostile, hostile, hostile, to_bytes(view("5,5"))});
  document.closing({hostile, hostile});
  const Printed printed(document);
  const auto all = printed.flat();
  if (!all) return;
  std::size_t count = 0;
  for (std::size_t at = 0; (at = all->find(without_space(hostile), at)) != std::string::npos; ++at) ++count;
  CHECK(count >= 12);
}

TEST_CASE("text of any length is printed to its end, also in one row of a table") {
  std::string endless;
  for (int i = 0; i < 12'000; ++i) endless += "督导";
  Document document = plain();
  document.paragraph(endless + "段落终");
  document.grid({{{"序号", 1, true}, {"问题", 5, false}}, {{"1", endless + "单元格终"}, {"第二行"}, {"2", "完"}}});
  document.signature({"校长", "", "拒绝签字", endless + "签字终", {}});
  const Printed printed(document);
  const auto pages = printed.pages();
  if (!pages) return;
  CHECK(pages->size() > 60);
  const std::string all = *printed.flat();
  CHECK(has(all, "段落终"));
  CHECK(has(all, "单元格终"));
  CHECK(has(all, "第二行"));
  CHECK(has(all, "签字终"));
  const Printed empty(plain(""));
  CHECK(empty.pages()->size() == 1);
}

TEST_CASE("no heading ends a page, no line stands alone, and a closing stands below text wherever pages break") {
  for (int filler = 1; filler <= 46; ++filler) {
    Document document = plain();
    for (int i = 0; i < filler; ++i) document.paragraph("填充");
    document.heading("一、标题");
    document.paragraph("甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲甲乙乙乙");
    document.heading("二、表格");
    document.grid({{{"列", 1, false}, {"列", 1, false}}, {{"分节"}, {"首行", "首行"}}});
    document.heading("三、尾部");
    document.paragraph("丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丙丁丁丁");
    document.closing({"落款单位", "2026年3月8日"});
    const Printed printed(document);
    const auto pages = printed.pages();
    if (!pages) return;
    INFO(filler);
    for (const std::string& page : *pages) {
      CHECK(has(page, "标题") == has(page, "甲"));
      CHECK(has(page, "甲") == has(page, "乙"));
      CHECK(has(page, "表格") == has(page, "首行"));
      CHECK(has(page, "分节") == has(page, "首行"));
      if (has(page, "三、尾部")) CHECK(has(page, "丙"));
      if (has(page, "落款单位")) CHECK(has(page, "丁"));
    }
  }
}
