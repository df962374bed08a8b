#include "schema/document_html.hpp"

#include <string_view>

namespace dudao {
namespace {

/// Sizes of GB/T 9704 where it has them: A4 with a type area of 156 mm by 225 mm, text of 16 pt.
constexpr std::string_view kStyle = R"(
@page {
  size: A4; margin: 37mm 26mm 35mm 28mm;
  @bottom-center { content: counter(page) " / " counter(pages); font: 12pt serif; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 156mm; color: #000; background: #fff; overflow-wrap: anywhere;
  font: 16pt/28pt FangSong, STFangsong, FangSong_GB2312, "Noto Serif CJK SC", "Songti SC", SimSun, serif; }
.issuer { text-align: center; color: #c00; font-weight: bold; font-size: 26pt; line-height: 40pt; margin: 0 0 6pt; }
.number { text-align: center; font-size: 14pt; line-height: 24pt; }
.issuer + .number { border-bottom: 1.5pt solid #c00; padding-bottom: 6pt; margin-bottom: 24pt; }
h1 + .number { font-size: 10.5pt; line-height: 18pt; margin-bottom: 8pt; }
h1 { text-align: center; font-size: 22pt; line-height: 36pt; margin: 0; break-after: avoid; }
h2 { font: bold 16pt/28pt SimHei, "Heiti SC", "Noto Sans CJK SC", sans-serif; margin: 8pt 0 0; break-after: avoid; }
p { margin: 0; text-align: justify; orphans: 2; widows: 2; }
:lang(zh) p.text { text-indent: 2em; }
.addressee { margin-top: 20pt; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 10.5pt; line-height: 16pt; margin: 6pt 0 8pt; }
th, td { border: .6pt solid #000; padding: 3pt 4pt; vertical-align: middle; white-space: pre-line; text-align: left; }
thead { display: table-header-group; }
thead th { text-align: center; background: #f0f0f0; }
tr { break-inside: avoid; }
.mid { text-align: center; }
td.whole { font-weight: bold; background: #f7f7f7; break-after: avoid; }
.facts th { width: 24%; font-weight: normal; background: #f7f7f7; }
.sign { display: flex; align-items: center; border-bottom: .6pt solid #000; min-height: 17mm; font-size: 12pt; line-height: 18pt;
  break-inside: avoid; }
.sign b { width: 34mm; font-weight: normal; }
.sign svg { width: 42mm; height: 15mm; }
.sign span { flex: 1; padding-left: 4mm; }
.closing { text-align: right; break-inside: avoid; margin-top: 28pt; padding-right: 2em; }
.proof { display: flex; align-items: center; break-inside: avoid; margin-top: 16pt; border-top: .6pt solid #000; padding-top: 6pt;
  font: 9pt/14pt "Noto Sans CJK SC", sans-serif; }
.proof svg { width: 30mm; height: 30mm; flex: none; margin-right: 5mm; }
@media screen { body { margin: 12mm auto; } }
)";

class Page {
 public:
  explicit Page(const Document& document)
      : document_(document), head_(document.head()), hash_(to_hex(document.hash())) {}

  std::string make() {
    out_ = head_.chinese ? "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n" : "<!DOCTYPE html>\n<html lang=\"en\">\n";
    out_ +=
        "<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n";
    tag("title", "", head_.number.empty() ? head_.title : head_.title + " " + head_.number);
    out_ += "<style>";
    out_ += kStyle;
    out_ += "@page { @bottom-left { content: \"SHA-256 " + hash_.substr(0, 16) +
            "\"; font: 7.5pt sans-serif; color: #555; } }\n";
    out_ += "</style>\n</head>\n<body>\n";
    if (!head_.issuer.empty()) {
      tag("p", "issuer", head_.issuer);
      tag("p", "number", head_.number);
    }
    tag("h1", "", head_.title);
    if (head_.issuer.empty() && !head_.number.empty()) tag("p", "number", tr("编号：", "No. ") + head_.number);
    if (!head_.addressee.empty()) tag("p", "addressee", head_.addressee + tr("：", ":"));
    for (const Block& block : document_.blocks()) std::visit([this](const auto& one) { add(one); }, as_std(block));
    proof();
    out_ += "</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  template <class... Alternatives>
  static const std::variant<Alternatives...>& as_std(const Variant<Alternatives...>& block) {
    return block;
  }
  std::string tr(std::string_view chinese, std::string_view english) const {
    return std::string(head_.chinese ? chinese : english);
  }

  void text(std::string_view words) { out_ += html_text(words); }
  /// `name` and `style` are ours, `words` anybody's.
  void tag(std::string_view name, std::string_view style, std::string_view words) {
    out_ += "<";
    out_ += name;
    if (!style.empty()) {
      out_ += " class=\"";
      out_ += style;
      out_ += "\"";
    }
    out_ += ">";
    text(words);
    out_ += "</";
    out_ += name;
    out_ += ">\n";
  }

  void add(const Heading& heading) { tag("h2", "", heading.text); }
  void add(const Paragraph& paragraph) {
    for (std::size_t at = 0; at <= paragraph.text.size();) {
      const std::size_t end = std::min(paragraph.text.find('\n', at), paragraph.text.size());
      if (end > at) tag("p", "text", std::string_view(paragraph.text).substr(at, end - at));
      at = end + 1;
    }
  }
  void add(const Facts& facts) {
    out_ += "<table class=\"facts\">\n";
    for (const auto& [label, value] : facts.rows) {
      out_ += "<tr>";
      tag("th", "", label);
      tag("td", "", value);
      out_ += "</tr>\n";
    }
    out_ += "</table>\n";
  }
  void add(const Grid& grid) {
    int all = 0;
    for (const Grid::Column& column : grid.columns) all += column.share;
    out_ += "<table>\n<colgroup>";
    for (const Grid::Column& column : grid.columns)
      out_ += "<col style=\"width:" + std::to_string(column.share * 100 / std::max(all, 1)) + "%\">";
    out_ += "</colgroup>\n<thead><tr>";
    for (const Grid::Column& column : grid.columns) tag("th", "", column.label);
    out_ += "</tr></thead>\n<tbody>\n";
    for (const std::vector<std::string>& row : grid.rows) {
      out_ += "<tr>";
      if (row.size() == 1 && grid.columns.size() > 1) {
        out_ += "<td class=\"whole\" colspan=\"" + std::to_string(grid.columns.size()) + "\">";
        text(row.front());
        out_ += "</td>";
      } else {
        for (std::size_t i = 0; i < row.size(); ++i) tag("td", grid.columns[i].centred ? "mid" : "", row[i]);
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody>\n</table>\n";
  }
  void add(const SignatureLine& line) {
    out_ += "<div class=\"sign\">";
    tag("b", "", line.label);
    const auto strokes = read_strokes(line.strokes);
    if (strokes) draw(*strokes);
    std::string said = line.name;
    for (const std::string& more : {line.outcome, line.remark})
      if (!more.empty()) said += (said.empty() ? "" : tr("　", "  ")) + more;
    tag("span", "", said);
    out_ += "</div>\n";
  }
  void add(const Closing& closing) {
    out_ += "<div class=\"closing\">";
    tag("p", "", closing.issuer);
    tag("p", "", closing.date);
    out_ += "</div>\n";
  }

  void draw(const Strokes& strokes) {
    const int width = std::max(strokes.right - strokes.left, 1);
    const int height = std::max(strokes.bottom - strokes.top, 1);
    out_ += "<svg viewBox=\"" + std::to_string(strokes.left) + " " + std::to_string(strokes.top) + " " +
            std::to_string(width) + " " + std::to_string(height) +
            "\" overflow=\"visible\"><path fill=\"none\" stroke=\"#000\" stroke-width=\"1.4\" stroke-linecap=\"round\" "
            "stroke-linejoin=\"round\" vector-effect=\"non-scaling-stroke\" d=\"";
    for (const auto& line : strokes.lines) {
      bool first = true;
      for (const Strokes::Point& point : line) {
        out_ += (first ? "M" : "L") + std::to_string(point.x) + " " + std::to_string(point.y);
        first = false;
      }
      // A dot has no length; a line to where it stands makes it one.
      if (line.size() == 1) out_ += "h0";
    }
    out_ += "\"/></svg>\n";
  }

  void proof() {
    const QrCode code = qr_code(qr_text(document_));
    const std::string side = std::to_string(code.size + 8);
    out_ += "<div class=\"proof\"><svg viewBox=\"-4 -4 " + side + " " + side +
            "\" shape-rendering=\"crispEdges\"><path d=\"";
    for (int y = 0; y < code.size; ++y)
      for (int x = 0; x < code.size; ++x)
        if (code.at(x, y)) out_ += "M" + std::to_string(x) + " " + std::to_string(y) + "h1v1h-1z";
    out_ += "\"/></svg>\n<div>";
    tag("div", "", tr("编号：", "Number: ") + head_.number);
    tag("div", "hash", "SHA-256: " + hash_);
    tag("div", "",
        tr("哈希由本文件全部内容算出，二维码含编号与哈希，可据此核对。",
           "The hash is worked out from all that stands here; the QR code holds number and hash."));
    out_ += "</div></div>\n";
  }

  const Document& document_;
  const DocumentHead& head_;
  std::string hash_;
  std::string out_;
};

}  // namespace

std::string html_text(std::string_view words) {
  std::string out;
  for (const char c : words) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string document_html(const Document& document) { return Page(document).make(); }

}  // namespace dudao
