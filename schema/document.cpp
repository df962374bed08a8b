#include "schema/document.hpp"

#include "platform/crypto.hpp"
#include "schema/answer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <new>
#include <stdexcept>

#include <qrencode.h>

namespace dudao {
namespace {

struct KindWords {
  std::string_view name, word, chinese, english;
};
constexpr std::array<KindWords, 4> kKinds = {{
    {"feedback", "反", "现场反馈单", "Feedback sheet"},
    {"notice", "整", "整改通知书", "Rectification notice"},
    {"opinion", "意", "督导意见书", "Opinion letter"},
    {"report", "报", "督导报告", "Inspection report"},
}};
const KindWords& words_of(DocumentKind kind) { return kKinds[static_cast<std::size_t>(kind) - 1]; }

constexpr std::size_t kMaxQrNumberBytes = 200;
constexpr int kMaxCoordinate = 100'000;

/// Line feeds are the only control characters that are left; U+202A–E and U+2066–9 turn text around, U+FFFE and U+FFFF
/// are in no XML.
bool printable(char32_t c) {
  if (c == U'\n') return true;
  return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
         c != 0xfffe && c != 0xffff;
}

std::string clean(std::string_view in) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  out.reserve(in.size());
  for (std::size_t i = 0; i < in.size();) {
    const auto lead = static_cast<unsigned char>(in[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::string_view one = in.substr(i, length);
    if (!is_utf8(view(one))) {
      out += kReplacement;
      ++i;
      continue;
    }
    i += one.size();
    char32_t c = length == 1 ? lead : static_cast<char32_t>(lead & (0xffU >> (length + 1)));
    for (std::size_t k = 1; k < one.size(); ++k) c = c << 6U | (static_cast<unsigned char>(one[k]) & 0x3fU);
    if (c == U'\r' && i < in.size() && in[i] == '\n') continue;
    if (c == U'\t')
      out += ' ';
    else if (printable(c))
      out += one;
    else
      out += kReplacement;
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

/// One line of the canonical form: a word and its fields.
class Lines {
 public:
  template <class... Fields>
  void add(std::string_view word, const Fields&... fields) {
    out_ += word;
    (field(fields), ...);
    out_ += '\n';
  }
  void begin(std::string_view word) { out_ += word; }
  void field(std::string_view text) {
    out_ += '\t';
    for (const char c : text) {
      if (c == '\\')
        out_ += "\\\\";
      else if (c == '\n')
        out_ += "\\n";
      else
        out_ += c;
    }
  }
  void end() { out_ += '\n'; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace

std::string_view to_string(DocumentKind kind) noexcept { return words_of(kind).name; }
std::optional<DocumentKind> document_kind_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kKinds.size(); ++i)
    if (kKinds[i].name == name) return static_cast<DocumentKind>(i + 1);
  return std::nullopt;
}
std::string_view document_title(DocumentKind kind, bool chinese) noexcept {
  return chinese ? words_of(kind).chinese : words_of(kind).english;
}

std::string document_number(std::string_view unit_word, DocumentKind kind, std::int64_t year, std::int64_t running) {
  std::string out(unit_word);
  out += words_of(kind).word;
  return out + "〔" + std::to_string(year) + "〕" + std::to_string(running) + "号";
}

Document::Document(DocumentHead head) : head_(std::move(head)) {
  for (std::string* text : {&head_.number, &head_.issuer, &head_.title, &head_.addressee, &head_.date}) {
    *text = clean(*text);
    std::replace(text->begin(), text->end(), '\n', ' ');
  }
}

void Document::heading(std::string_view text) { blocks_.emplace_back(Heading{clean(text)}); }

void Document::paragraph(std::string_view text) {
  const std::string cleaned = clean(text);
  if (const std::string_view words = trimmed(cleaned); !words.empty())
    blocks_.emplace_back(Paragraph{std::string(words)});
}

void Document::facts(const Facts& facts) {
  Facts out;
  for (const auto& [label, value] : facts.rows)
    if (!value.empty()) out.rows.emplace_back(clean(label), clean(value));
  if (!out.rows.empty()) blocks_.emplace_back(std::move(out));
}

void Document::grid(Grid grid) {
  for (Grid::Column& column : grid.columns) column.label = clean(column.label);
  for (std::vector<std::string>& row : grid.rows) {
    if (row.size() != 1) row.resize(grid.columns.size());
    for (std::string& cell : row) cell = clean(cell);
  }
  blocks_.emplace_back(std::move(grid));
}

void Document::signature(SignatureLine line) {
  for (std::string* text : {&line.label, &line.name, &line.outcome, &line.remark}) *text = clean(*text);
  blocks_.emplace_back(std::move(line));
}

void Document::closing(Closing closing) {
  closing.issuer = clean(closing.issuer);
  closing.date = clean(closing.date);
  blocks_.emplace_back(std::move(closing));
}

std::string Document::canonical() const {
  Lines out;
  out.add("document", "dudao-document-1");
  out.add("kind", to_string(head_.kind));
  out.add("language", head_.chinese ? "zh" : "en");
  out.add("number", head_.number);
  out.add("issuer", head_.issuer);
  out.add("title", head_.title);
  out.add("addressee", head_.addressee);
  out.add("date", head_.date);
  for (const Block& block : blocks_) {
    if (const auto* heading = std::get_if<Heading>(&block)) out.add("heading", heading->text);
    if (const auto* paragraph = std::get_if<Paragraph>(&block)) out.add("paragraph", paragraph->text);
    if (const auto* facts = std::get_if<Facts>(&block)) {
      out.add("facts");
      for (const auto& [label, value] : facts->rows) out.add("fact", label, value);
    }
    if (const auto* grid = std::get_if<Grid>(&block)) {
      out.begin("table");
      for (const Grid::Column& column : grid->columns) out.field(column.label);
      out.end();
      for (const std::vector<std::string>& row : grid->rows) {
        out.begin("row");
        for (const std::string& cell : row) out.field(cell);
        out.end();
      }
    }
    if (const auto* line = std::get_if<SignatureLine>(&block))
      out.add("signature", line->label, line->name, line->outcome, line->remark, to_hex(line->strokes));
    if (const auto* closing = std::get_if<Closing>(&block)) out.add("closing", closing->issuer, closing->date);
  }
  return out.take();
}

Hash Document::hash() const { return sha256(view(canonical())); }

std::string qr_text(const Document& document) {
  return "DUDAO-DOCUMENT-1|" + to_hex(document.hash()) + "|" +
         std::string(excerpt(document.head().number, kMaxQrNumberBytes));
}

QrCode qr_code(std::string_view text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> made(
      QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()), 0,
                        QR_ECLEVEL_M),
      &QRcode_free);
  if (!made) {
    if (errno == ENOMEM) throw std::bad_alloc();
    throw std::invalid_argument("qr_code: " + std::to_string(text.size()) + " bytes");
  }
  QrCode out;
  out.size = made->width;
  const auto modules = static_cast<std::size_t>(out.size) * static_cast<std::size_t>(out.size);
  out.dark.reserve(modules);
  for (std::size_t i = 0; i < modules; ++i) out.dark.push_back((made->data[i] & 1U) != 0);
  return out;
}

std::optional<Strokes> read_strokes(BytesView strokes) {
  Strokes out;
  const std::string_view all = text(strokes);
  const char* at = all.data();
  const char* const end = at + all.size();
  std::vector<Strokes::Point> line;
  bool first = true;
  const auto number = [&](int& value) {
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value < -kMaxCoordinate || value > kMaxCoordinate) return false;
    at = next;
    return true;
  };
  const auto close = [&] {
    if (!line.empty()) out.lines.push_back(std::move(line));
    line.clear();
  };
  while (at != end && *at != '\n') {
    Strokes::Point point;
    if (!number(point.x) || at == end || *at++ != ',' || !number(point.y)) return std::nullopt;
    out.left = first ? point.x : std::min(out.left, point.x);
    out.right = first ? point.x : std::max(out.right, point.x);
    out.top = first ? point.y : std::min(out.top, point.y);
    out.bottom = first ? point.y : std::max(out.bottom, point.y);
    first = false;
    line.push_back(point);
    if (at == end || *at == '\n') break;
    if (*at == '/') close();
    if (*at != '/' && *at != ';') return std::nullopt;
    ++at;
  }
  close();
  if (out.lines.empty()) return std::nullopt;
  return out;
}

std::string day_in_words(std::int64_t day, bool chinese) {
  constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                        "May",       "June",     "July",     "August",
                                                        "September", "October",  "November", "December"};
  const std::string date = date_text(day);
  if (date.empty()) return date;
  const auto part = [&](std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(date.data() + at, date.data() + at + length, value);  // digits, as date_text() wrote them
    return value;
  };
  const int year = part(0, 4);
  const int month = part(5, 2);
  const int day_of_month = part(8, 2);
  if (chinese) return std::to_string(year) + "年" + std::to_string(month) + "月" + std::to_string(day_of_month) + "日";
  return std::to_string(day_of_month) + " " + std::string(kMonths.at(static_cast<std::size_t>(month) - 1)) + " " +
         std::to_string(year);
}

}  // namespace dudao
