#include "schema/csv.hpp"

#include "platform/bytes.hpp"

#include <new>
#include <optional>
#include <utility>

#include <csv.h>
#include <iconv.h>

namespace dudao {
namespace {

using std::string;
using std::string_view;

constexpr std::size_t kChunkBytes = 1U << 16U;
constexpr string_view kByteOrderMark = "\xef\xbb\xbf";

string at_line(std::size_t line) { return "line " + std::to_string(line); }

/// Line by line into UTF-8. No byte of a GB18030 character looks like a line break, so that lines may be cut first.
class Converter {
 public:
  static Result<Converter> open(TextEncoding encoding) {
    Converter converter;
    if (encoding == TextEncoding::kGb18030) {
      converter.handle_ = iconv_open("UTF-8", "GB18030");
      if (converter.handle_ == kClosed) return fail(Code::kEncodingMissing, "GB18030");
    }
    return converter;
  }
  Converter(Converter&& other) noexcept : handle_(std::exchange(other.handle_, kClosed)) {}
  Converter& operator=(Converter&&) = delete;
  ~Converter() {
    if (handle_ != kClosed) iconv_close(handle_);
  }

  /// The line in UTF-8; valid until the next call and as long as the bytes. Nothing if it is not text.
  std::optional<string_view> line(string_view bytes) {
    string_view text = bytes;
    if (handle_ != kClosed) {
      // Four bytes of GB18030 are at most four of UTF-8, two are at most three, one is one.
      buffer_.resize(bytes.size() * 2 + 8);
      char* in = const_cast<char*>(bytes.data());  // NOLINT: iconv's signature; it does not write there.
      char* out = buffer_.data();
      std::size_t in_left = bytes.size(), out_left = buffer_.size();
      iconv(handle_, nullptr, nullptr, nullptr, nullptr);
      if (iconv(handle_, &in, &in_left, &out, &out_left) == static_cast<std::size_t>(-1) || in_left != 0)
        return std::nullopt;
      text = string_view(buffer_.data(), buffer_.size() - out_left);
    }
    if (!is_utf8(view(text)) || text.find('\0') != string_view::npos) return std::nullopt;
    return text;
  }

 private:
  Converter() = default;
  inline static const iconv_t kClosed = reinterpret_cast<iconv_t>(-1);  // NOLINT: so says POSIX.
  iconv_t handle_ = kClosed;
  string buffer_;
};

/// libcsv with what its callbacks need.
struct Parser {
  csv_parser csv{};
  const std::function<Status(CsvRow&)>* take = nullptr;
  CsvRow row{0, {}};
  std::size_t line = 0;
  std::size_t row_bytes = 0;
  Status status;

  Parser() {
    // CSV_STRICT: a quote in the middle of a cell is an error instead of a guess.
    if (csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI) != 0) throw std::bad_alloc();
    csv_set_space_func(&csv, [](unsigned char) { return 0; });
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { csv_free(&csv); }

  static void on_cell(void* cell, std::size_t bytes, void* self) {
    auto& parser = *static_cast<Parser*>(self);
    if (!parser.status) return;
    if (bytes > kMaxCsvCellBytes || parser.row.cells.size() >= kMaxCsvCells) {
      parser.status = fail(Code::kCsvTooLarge, at_line(parser.row.line));
      return;
    }
    parser.row.cells.emplace_back(static_cast<const char*>(cell), bytes);
  }
  static void on_row(int, void* self) {
    auto& parser = *static_cast<Parser*>(self);
    if (parser.status) parser.status = (*parser.take)(parser.row);
    parser.row.cells.clear();
    parser.row_bytes = 0;
  }

  /// Takes one line with its break.
  Status feed(string_view text) {
    if (row_bytes == 0 && text.find_first_not_of("\r\n") == string_view::npos) return {};
    while (!text.empty()) {
      const string_view chunk = text.substr(0, kChunkBytes);
      text.remove_prefix(chunk.size());
      if (row_bytes == 0) row.line = line;
      row_bytes += chunk.size();
      if (csv_parse(&csv, chunk.data(), chunk.size(), on_cell, on_row, this) != chunk.size()) return broken();
      DUDAO_CHECK(status);
      if (row_bytes > kMaxCsvRowBytes) return fail(Code::kCsvTooLarge, at_line(row.line));
    }
    return {};
  }
  Status finish() {
    if (csv_fini(&csv, on_cell, on_row, this) != 0) return broken();
    return status;
  }
  Status broken() {
    if (csv_error(&csv) != CSV_EPARSE) throw std::bad_alloc();
    return fail(Code::kCsvQuotes, at_line(row.line));
  }
};

}  // namespace

Status read_csv(string_view bytes, TextEncoding encoding, const std::function<Status(CsvRow&)>& take) {
  DUDAO_TRY(auto converter, Converter::open(encoding));
  if (encoding == TextEncoding::kUtf8 && bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  Parser parser;
  parser.take = &take;
  while (!bytes.empty()) {
    ++parser.line;
    std::size_t end = bytes.find_first_of("\r\n");
    if (end == string_view::npos) {
      end = bytes.size();
    } else {
      end += bytes.substr(end, 2) == "\r\n" ? 2U : 1U;
    }
    if (end > kMaxCsvRowBytes) return fail(Code::kCsvTooLarge, at_line(parser.line));
    const auto text = converter.line(bytes.substr(0, end));
    if (!text) return fail(Code::kTextNotValid, at_line(parser.line));
    DUDAO_CHECK(parser.feed(*text));
    bytes.remove_prefix(end);
  }
  return parser.finish();
}

}  // namespace dudao
