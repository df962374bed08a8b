#include "schema/document.hpp"

#include "platform/crypto.hpp"
#include "schema/document_html.hpp"
#include "tests/support/has.hpp"
#include "tests/support/text_file.hpp"

#include <sstream>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

/// The example of schema/DOCUMENT.md.
Document example() {
  Document document({.kind = DocumentKind::kNotice,
                     .chinese = true,
                     .number = document_number("栖教督", DocumentKind::kNotice, 2026, 12),
                     .issuer = "栖霞县教育督导办",
                     .title = "整改通知书",
                     .addressee = "第一小学",
                     .date = "2026-03-08"});
  document.paragraph("\n第一行\r\n第二行 \n");
  document.paragraph(" \n");
  document.heading("一、问题");
  document.facts({{{"学校", "第一小学"}, {"校长", ""}}});
  document.facts({});
  document.grid({{{"序号", 1, true}, {"问题", 5, false}}, {{"校园安全"}, {"1", "C:\\temp"}}});
  document.signature({"校长", "李明", "已签字", "见证人：张强", to_bytes(view("0,0"))});
  document.closing({"督导办", "2026年3月8日"});
  return document;
}

Document titled(std::string title, std::string number = {}, bool chinese = true) {
  DocumentHead head;
  head.title = std::move(title);
  head.number = std::move(number);
  head.chinese = chinese;
  return Document(std::move(head));
}

Document with_text(std::string text) {
  Document document = titled(text);
  document.heading(text);
  document.paragraph(text);
  document.facts({{{text, text}}});
  document.grid({{{text, 1, false}, {text, 2, false}}, {{text, text}, {text}}});
  document.signature({text, text, text, text, {}});
  document.closing({text, text});
  return document;
}

}  // namespace

TEST_CASE("the canonical form and hash of a document are those of the page") {
  const Document document = example();
  CHECK(to_hex(document.hash()) == "66c37196d25783df6be952302c6655c0869cc89f1684be32d0b91d3931b59255");
  CHECK(document.hash() == sha256(view(document.canonical())));

  const std::string page = test::read_text(DUDAO_SOURCE_DIR "/schema/DOCUMENT.md");
  std::string shown;
  std::istringstream lines(document.canonical());
  for (std::string line; std::getline(lines, line);) shown += "    " + line + "\n";
  CHECK(has(page, shown));
  CHECK(has(page, to_hex(document.hash())));
}

TEST_CASE("whatever is content changes the hash, and how it looks does not") {
  const Hash before = example().hash();
  Document more = example();
  more.paragraph("x");
  CHECK(more.hash() != before);
  // What a field holds can never be taken for another field or line.
  Document one = titled("t");
  one.facts({{{"a", "b\nfact\tc\td"}}});
  Document two = titled("t");
  two.facts({{{"a", "b"}, {"c", "d"}}});
  CHECK(one.hash() != two.hash());
  Document wide = titled("t");
  wide.grid({{{"a", 1, true}, {"b", 9, false}}, {{"1", "2"}}});
  Document narrow = titled("t");
  narrow.grid({{{"a", 5, false}, {"b", 5, false}}, {{"1", "2"}}});
  CHECK(wide.hash() == narrow.hash());
}

TEST_CASE("text that cannot be printed or turns other text around is replaced where it stands") {
  const auto printed = [](std::string_view text) {
    Document document = titled("");
    document.paragraph(text);
    return std::get<Paragraph>(document.blocks().front()).text;
  };
  const std::string gone = "\xef\xbf\xbd";
  CHECK(printed("a\tb\r\nc") == "a b\nc");
  CHECK(printed(std::string_view("a\0b\x1b[31mc\x7f", 10)) == "a" + gone + "b" + gone + "[31mc" + gone);
  CHECK(printed("x\xc2\x85y") == "x" + gone + "y");
  CHECK(printed("a\xe2\x80\xae"
                "fdp.exe\xe2\x81\xa6") == "a" + gone + "fdp.exe" + gone);
  CHECK(printed("\xff\xfe好\xe5\xa5") == gone + gone + "好" + gone + gone);
  CHECK(printed("\xef\xbf\xbf𠮷é") == gone + "𠮷é");
  CHECK(printed("lone\rreturn") == "lone" + gone + "return");
  const Document head = titled("two\nlines");
  CHECK(head.head().title == "two lines");
}

TEST_CASE("numbers, titles and days are as offices write them") {
  CHECK(document_number("栖教督", DocumentKind::kNotice, 2026, 12) == "栖教督整〔2026〕12号");
  CHECK(document_number("X", DocumentKind::kFeedback, 2026, 1) == "X反〔2026〕1号");
  CHECK(document_number("X", DocumentKind::kOpinion, 2026, 1) == "X意〔2026〕1号");
  CHECK(document_number("X", DocumentKind::kReport, 2026, 1) == "X报〔2026〕1号");
  for (const DocumentKind kind :
       {DocumentKind::kFeedback, DocumentKind::kNotice, DocumentKind::kOpinion, DocumentKind::kReport}) {
    CHECK(document_kind_from(to_string(kind)) == kind);
    CHECK(document_title(kind, true) != document_title(kind, false));
  }
  CHECK_FALSE(document_kind_from("letter"));
  CHECK(day_in_words(20'520, true) == "2026年3月8日");
  CHECK(day_in_words(20'520, false) == "8 March 2026");
  CHECK(day_in_words(std::int64_t{1} << 60, true).empty());
}

TEST_CASE("drawn signatures are read strictly, and nothing else is taken for one") {
  const auto read = [](std::string_view text) { return read_strokes(view(text)); };
  const auto two = read("0,5;10,-5/3,3");
  REQUIRE(two);
  REQUIRE(two->lines.size() == 2);
  CHECK(two->lines[0].size() == 2);
  CHECK(two->lines[1].front().x == 3);
  CHECK((two->left == 0 && two->right == 10 && two->top == -5 && two->bottom == 5));
  CHECK(read("0,0;1,1;")->lines.front().size() == 2);
  CHECK(read("0,0;1,1\n")->lines.front().size() == 2);
  for (const char* wrong : {"", "\n", "1", "1,", "a,b", "1,2,3", "1.5,2", " 1,2", "1,2 ;3,4", "100001,0", "0,-100001",
                            "99999999999999999999,0", ";", "/", "1,2;;3,4", "\x01\x02\x03"})
    CHECK_FALSE(read(wrong));
}

TEST_CASE("the QR code holds hash and number, and its HTML and any other drawing share it") {
  const Document document = example();
  CHECK(qr_text(document) == "DUDAO-DOCUMENT-1|" + to_hex(document.hash()) + "|栖教督整〔2026〕12号");
  const QrCode code = qr_code(qr_text(document));
  REQUIRE(code.size >= 21);
  CHECK(code.dark.size() == static_cast<std::size_t>(code.size) * static_cast<std::size_t>(code.size));
  // Three corners have the pattern by which a camera finds it.
  for (const auto& [x, y] : {std::pair{0, 0}, {code.size - 7, 0}, {0, code.size - 7}}) {
    CHECK(code.at(x, y));
    CHECK_FALSE(code.at(x + 1, y + 1));
    CHECK(code.at(x + 3, y + 3));
  }
  const std::string html = document_html(document);
  std::string path;
  for (int y = 0; y < code.size; ++y)
    for (int x = 0; x < code.size; ++x)
      if (code.at(x, y)) path += "M" + std::to_string(x) + " " + std::to_string(y) + "h1v1h-1z";
  CHECK(has(html, "d=\"" + path + "\""));
  const Document endless = titled("", std::string(5'000, 'x'));
  CHECK(qr_text(endless).size() < 300);
  CHECK(qr_code(qr_text(endless)).size > code.size);
}

TEST_CASE("hostile text stays text in HTML") {
  const std::string hostile = "</style></title><script>alert('x')</script>\" onload=\"x & <img src=x onerror=y> &amp;";
  const std::string html = document_html(with_text(hostile));
  CHECK_FALSE(has(html, "<script"));
  CHECK_FALSE(has(html, "<img"));
  CHECK_FALSE(has(html, "onload=\""));
  CHECK(has(html,
            "&lt;/style&gt;&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;x "
            "&amp; &lt;img src=x onerror=y&gt; &amp;amp;"));
  CHECK(html.find("</style>") == html.rfind("</style>"));
}

TEST_CASE("the page loads nothing, runs nothing, and is the same every time") {
  const Document document = example();
  const std::string html = document_html(document);
  CHECK(html == document_html(document));
  CHECK(html.starts_with("<!DOCTYPE html>\n<html lang=\"zh-CN\">"));
  CHECK(is_utf8(view(html)));
  CHECK(has(html, "default-src 'none'"));
  for (const char* outside : {"http:", "https:", "//", "url(", "@import", "<link", "<script", "<iframe"})
    CHECK_FALSE(has(html, outside));
  CHECK(has(html, "@page"));
  CHECK(has(html, "table-header-group"));
  CHECK(has(html, to_hex(document.hash())));
  CHECK(has(html, "<svg"));
  CHECK(has(html, "<p class=\"text\">第一行</p>\n<p class=\"text\">第二行</p>"));
  CHECK(has(html, "colspan=\"2\">校园安全"));
  CHECK(has(html, "M0 0h0"));
  CHECK(has(document_html(titled("", "", false)), "<html lang=\"en\">"));
}

TEST_CASE("very long and empty documents are made as well") {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "督";
  const Document document = with_text(text);
  CHECK(has(document_html(document), text));
  CHECK(document.canonical().size() > 10 * text.size());
  const Document empty = titled("");
  CHECK(empty.blocks().empty());
  CHECK(has(document_html(empty), to_hex(empty.hash())));
}
