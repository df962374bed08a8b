#include "tools/office/spreadsheet.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <orcus/orcus_xlsx.hpp>
#include <orcus/spreadsheet/import_interface.hpp>
#include <orcus/zip_archive.hpp>
#include <orcus/zip_archive_stream.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dudao {
namespace {

namespace ss = orcus::spreadsheet;
using std::size_t;
using std::string;
using std::string_view;

constexpr rlim_t kMostMemory = rlim_t{1} << 30U;
constexpr rlim_t kMostSeconds = 30;

// --- Before anything is unpacked: what the archive says of itself.

std::uint64_t little(BytesView bytes, size_t at, size_t count) {
  std::uint64_t value = 0;
  for (size_t i = count; i > 0; --i) value = value << 8U | bytes[at + i - 1];
  return value;
}

/// Adds up what the directory at a ZIP's end declares. The library gives each part just the room that is declared, so
/// that this bounds what unpacking can take.
Status check_archive(BytesView zip) {
  constexpr size_t kEndBytes = 22;
  constexpr size_t kEntryBytes = 46;
  constexpr size_t kMostComment = 65'535;
  constexpr std::uint64_t kEndMark = 0x06054b50;
  constexpr std::uint64_t kEntryMark = 0x02014b50;
  if (zip.size() > kMaxSpreadsheetBytes) return fail(Code::kSpreadsheetTooLarge, std::to_string(zip.size()) + " bytes");
  if (zip.size() < kEndBytes) return fail(Code::kSpreadsheetNotRead, "not a ZIP archive");
  size_t end = zip.size() - kEndBytes;
  const size_t first = end > kMostComment ? end - kMostComment : 0;
  while (little(zip, end, 4) != kEndMark) {
    if (end == first) return fail(Code::kSpreadsheetNotRead, "not a ZIP archive, or cut off");
    --end;
  }
  const std::uint64_t entries = little(zip, end + 10, 2);
  std::uint64_t at = little(zip, end + 16, 4);
  std::uint64_t unpacked = 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    if (at + kEntryBytes > zip.size() || little(zip, static_cast<size_t>(at), 4) != kEntryMark)
      return fail(Code::kSpreadsheetNotRead, "the archive's directory is damaged");
    const auto entry = static_cast<size_t>(at);
    unpacked += little(zip, entry + 24, 4);
    at += kEntryBytes + little(zip, entry + 28, 2) + little(zip, entry + 30, 2) + little(zip, entry + 32, 2);
  }
  if (unpacked > kMaxSpreadsheetUnpacked)
    return fail(Code::kSpreadsheetTooLarge, std::to_string(unpacked) + " bytes unpacked");
  return {};
}

// --- In the process of its own.

/// More than is taken. Thrown through the library, which hands exceptions on.
struct TooLarge {};

class Strings : public ss::iface::import_shared_strings {
 public:
  size_t append(string_view text) override { return keep(string(text)); }
  size_t add(string_view text) override { return keep(string(text)); }
  void set_segment_font(size_t /*font*/) override {}
  void set_segment_bold(bool /*on*/) override {}
  void set_segment_italic(bool /*on*/) override {}
  void set_segment_font_name(string_view /*name*/) override {}
  void set_segment_font_size(double /*points*/) override {}
  void set_segment_font_color(ss::color_elem_t /*a*/, ss::color_elem_t /*r*/, ss::color_elem_t /*g*/,
                              ss::color_elem_t /*b*/) override {}
  void append_segment(string_view text) override { segments_ += text; }
  size_t commit_segments() override { return keep(std::exchange(segments_, {})); }

  const string& at(size_t index) const {
    static const string kNone;
    return index < texts_.size() ? texts_[index] : kNone;
  }

 private:
  size_t keep(string text) {
    texts_.push_back(std::move(text));
    return texts_.size() - 1;
  }
  std::vector<string> texts_;
  string segments_;
};

class Sheet : public ss::iface::import_sheet, private ss::iface::import_formula {
 public:
  Sheet(string name, const Strings& strings, size_t& room) : name_(std::move(name)), strings_(strings), room_(room) {}

  const string& name() const { return name_; }
  const SpreadsheetRows& rows() const { return rows_; }

  ss::iface::import_formula* get_formula() override { return this; }
  void set_auto(ss::row_t row, ss::col_t col, string_view text) override { put(row, col, string(text)); }
  void set_string(ss::row_t row, ss::col_t col, ss::string_id_t index) override { put(row, col, strings_.at(index)); }
  void set_value(ss::row_t row, ss::col_t col, double value) override { put(row, col, number(value)); }
  void set_bool(ss::row_t row, ss::col_t col, bool value) override { put(row, col, value ? "TRUE" : "FALSE"); }
  void set_date_time(ss::row_t row, ss::col_t col, int year, int month, int day, int /*hour*/, int /*minute*/,
                     double /*second*/) override {
    const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    put(row, col, std::to_string(year) + "-" + two(month) + "-" + two(day));
  }
  void set_format(ss::row_t /*row*/, ss::col_t /*col*/, size_t /*format*/) override {}
  void set_format(ss::row_t /*row*/, ss::col_t /*col*/, ss::row_t /*to_row*/, ss::col_t /*to_col*/,
                  size_t /*format*/) override {}
  void fill_down_cells(ss::row_t /*row*/, ss::col_t /*col*/, ss::row_t /*count*/) override {}
  ss::range_size_t get_sheet_size() const override {
    ss::range_size_t size{};
    size.rows = static_cast<ss::row_t>(kMaxSpreadsheetRows);
    size.columns = static_cast<ss::col_t>(kMaxSpreadsheetColumns);
    return size;
  }

 private:
  static string number(double value) {
    std::array<char, 64> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc{} ? string(digits.data(), end) : string();
  }

  void put(ss::row_t row, ss::col_t col, string text) {
    if (text.empty()) return;
    if (row < 0 || col < 0 || static_cast<size_t>(row) >= kMaxSpreadsheetRows ||
        static_cast<size_t>(col) >= kMaxSpreadsheetColumns)
      throw TooLarge();
    const auto at = static_cast<size_t>(row);
    if (rows_.size() <= at) {
      take((at + 1 - rows_.size()) * sizeof(std::vector<string>));
      rows_.resize(at + 1);
    }
    std::vector<string>& cells = rows_[at];
    if (cells.size() <= static_cast<size_t>(col)) {
      take((static_cast<size_t>(col) + 1 - cells.size()) * sizeof(string));
      cells.resize(static_cast<size_t>(col) + 1);
    }
    take(text.size());
    cells[static_cast<size_t>(col)] = std::move(text);
  }
  void take(size_t bytes) {
    if (bytes > room_) throw TooLarge();
    room_ -= bytes;
  }

  // A formula counts as what it came to when the workbook was saved.
  void set_position(ss::row_t row, ss::col_t col) override {
    row_ = row;
    col_ = col;
    result_.clear();
  }
  void set_formula(ss::formula_grammar_t /*grammar*/, string_view /*formula*/) override {}
  void set_shared_formula_index(size_t /*index*/) override {}
  void set_result_string(string_view value) override { result_ = value; }
  void set_result_value(double value) override { result_ = number(value); }
  void set_result_bool(bool value) override { result_ = value ? "TRUE" : "FALSE"; }
  void set_result_empty() override { result_.clear(); }
  void commit() override { put(row_, col_, std::exchange(result_, {})); }

  string name_;
  const Strings& strings_;
  size_t& room_;  ///< Shared by all sheets.
  SpreadsheetRows rows_;
  ss::row_t row_ = 0;
  ss::col_t col_ = 0;
  string result_;
};

/// "B3", also as "$B$3" or behind a sheet's name, counted from 0.
class Addresses : public ss::iface::import_reference_resolver {
 public:
  ss::src_address_t resolve_address(string_view written) override {
    if (const size_t name = written.rfind('!'); name != string_view::npos) written.remove_prefix(name + 1);
    ss::src_address_t address{};
    std::int64_t row = 0;
    std::int64_t column = 0;
    for (const char c : written) {
      if (c == '$') continue;
      const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      if (capital >= 'A' && capital <= 'Z' && row == 0)
        column = column * 26 + (capital - 'A' + 1);
      else if (c >= '0' && c <= '9' && column > 0)
        row = row * 10 + (c - '0');
      else
        throw std::invalid_argument("address");
      if (row > kFurthest || column > kFurthest) throw TooLarge();
    }
    if (row == 0 || column == 0) throw std::invalid_argument("address");
    address.row = static_cast<ss::row_t>(row - 1);
    address.column = static_cast<ss::col_t>(column - 1);
    return address;
  }
  ss::src_range_t resolve_range(string_view written) override {
    const size_t colon = written.find(':');
    ss::src_range_t range{};
    range.first = resolve_address(written.substr(0, colon));
    range.last = colon == string_view::npos ? range.first : resolve_address(written.substr(colon + 1));
    return range;
  }

 private:
  static constexpr std::int64_t kFurthest = 10'000'000;
};

class Workbook : public ss::iface::import_factory {
 public:
  ss::iface::import_reference_resolver* get_reference_resolver(ss::formula_ref_context_t /*context*/) override {
    return &addresses_;
  }
  ss::iface::import_shared_strings* get_shared_strings() override { return &strings_; }
  ss::iface::import_sheet* append_sheet(ss::sheet_t /*index*/, string_view name) override {
    sheets_.push_back(std::make_unique<Sheet>(string(name), strings_, room_));
    return sheets_.back().get();
  }
  ss::iface::import_sheet* get_sheet(string_view name) override {
    for (const auto& sheet : sheets_)
      if (sheet->name() == name) return sheet.get();
    return nullptr;
  }
  ss::iface::import_sheet* get_sheet(ss::sheet_t index) override {
    return index < 0 || static_cast<size_t>(index) >= sheets_.size() ? nullptr
                                                                     : sheets_[static_cast<size_t>(index)].get();
  }
  void finalize() override {}
  const std::vector<std::unique_ptr<Sheet>>& sheets() const { return sheets_; }

 private:
  size_t room_ = kMaxSpreadsheetText;
  Strings strings_;
  Addresses addresses_;
  std::vector<std::unique_ptr<Sheet>> sheets_;
};

// How the two processes speak: 'O', then a tree of counts (8 bytes, least first) and texts; or 'L', 'N', 'I' for an
// error.
void put_number(string& to, std::uint64_t number) {
  for (unsigned i = 0; i < 8; ++i) to += static_cast<char>(number >> (8 * i) & 0xFFU);
}
void put_text(string& to, string_view text) {
  put_number(to, text.size());
  to += text;
}

/// Some programs write texts into their cells instead of the workbook's table of texts. The library passes over them,
/// and a form without half its words is worse than none.
bool has_texts_in_cells(BytesView xlsx) {
  orcus::zip_archive_stream_blob stream(xlsx.data(), xlsx.size());
  orcus::zip_archive archive(&stream);
  archive.load();
  std::vector<unsigned char> part;
  for (size_t i = 0; i < archive.get_file_entry_count(); ++i) {
    const string_view name = archive.get_file_entry_name(i);
    if (!name.starts_with("xl/worksheets/") || !archive.read_file_entry(name, part)) continue;
    const string_view xml = text(BytesView(part));
    if (xml.find("\"inlineStr\"") != string_view::npos || xml.find("'inlineStr'") != string_view::npos) return true;
  }
  return false;
}

string worked(BytesView xlsx) {
  try {
    if (has_texts_in_cells(xlsx)) return "I";
    Workbook workbook;
    orcus::orcus_xlsx reader(&workbook);
    reader.read_stream(text(xlsx));
    if (workbook.sheets().empty()) return "N";
    string out = "O";
    put_number(out, workbook.sheets().size());
    for (const auto& sheet : workbook.sheets()) {
      put_text(out, sheet->name());
      put_number(out, sheet->rows().size());
      for (const auto& row : sheet->rows()) {
        put_number(out, row.size());
        for (const string& cell : row) put_text(out, cell);
      }
    }
    return out;
  } catch (const TooLarge&) {
    return "L";
  } catch (const std::bad_alloc&) {
    return "L";
  } catch (...) {
    return "N";
  }
}

[[noreturn]] void work(BytesView xlsx, int pipe) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which need address space without end
  const rlimit memory{kMostMemory, kMostMemory};
  setrlimit(RLIMIT_AS, &memory);
#endif
  const rlimit seconds{kMostSeconds, kMostSeconds};
  setrlimit(RLIMIT_CPU, &seconds);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // What the library prints is nobody's business.
  if (const int null = open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0) {
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
  }
  const string answer = worked(xlsx);
  for (size_t sent = 0; sent < answer.size();) {
    const ssize_t count = write(pipe, answer.data() + sent, answer.size() - sent);
    if (count < 0 && errno != EINTR) break;
    if (count > 0) sent += static_cast<size_t>(count);
  }
  _exit(0);
}

// --- Back with the caller.

class Answer {
 public:
  explicit Answer(string_view bytes) : bytes_(bytes) {}
  bool number(std::uint64_t& out) {
    if (bytes_.size() < 8) return false;
    out = 0;
    for (size_t i = 8; i > 0; --i) out = out << 8U | static_cast<unsigned char>(bytes_[i - 1]);
    bytes_.remove_prefix(8);
    return true;
  }
  /// A count of things that take at least 8 bytes each.
  bool count(std::uint64_t& out) { return number(out) && out <= bytes_.size() / 8; }
  bool text(string& out) {
    std::uint64_t size = 0;
    if (!number(size) || size > bytes_.size()) return false;
    out = string(bytes_.substr(0, static_cast<size_t>(size)));
    bytes_.remove_prefix(static_cast<size_t>(size));
    return true;
  }

 private:
  string_view bytes_;
};

Result<std::map<string, SpreadsheetRows>> sheets_from(string_view bytes) {
  const auto broken = [] { return fail(Code::kSpreadsheetNotRead, "the workbook cannot be read"); };
  if (bytes.starts_with('L')) return fail(Code::kSpreadsheetTooLarge, "rows, columns or text");
  if (bytes.starts_with('I'))
    return fail(Code::kSpreadsheetNotRead,
                "texts stand inside its cells (inlineStr), as spreadsheet programs do not write");
  if (!bytes.starts_with('O')) return broken();
  Answer answer(bytes.substr(1));
  std::map<string, SpreadsheetRows> sheets;
  std::uint64_t count = 0;
  if (!answer.count(count)) return broken();
  for (std::uint64_t i = 0; i < count; ++i) {
    string name;
    std::uint64_t rows = 0;
    if (!answer.text(name) || !answer.count(rows)) return broken();
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    SpreadsheetRows& sheet = sheets[name];
    sheet.resize(static_cast<size_t>(rows));
    for (auto& row : sheet) {
      std::uint64_t cells = 0;
      if (!answer.count(cells)) return broken();
      row.resize(static_cast<size_t>(cells));
      for (string& cell : row) {
        if (!answer.text(cell)) return broken();
        if (!is_utf8(view(cell))) return fail(Code::kSpreadsheetNotRead, "text that is not UTF-8");
      }
    }
  }
  return sheets;
}

}  // namespace

Result<std::map<string, SpreadsheetRows>> read_spreadsheet(BytesView xlsx) {
  DUDAO_CHECK(check_archive(xlsx));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Code::kOutOfMemory, "pipe");
  const pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return fail(Code::kOutOfMemory, "process");
  }
  if (child == 0) {
    close(ends[0]);
    work(xlsx, ends[1]);
  }
  close(ends[1]);
  // Each cell and row comes with a count of 8 bytes, where memory has 24 or 32.
  constexpr size_t kMostAnswer = 2 * kMaxSpreadsheetText;
  string answer;
  std::array<char, 65'536> buffer{};
  while (answer.size() <= kMostAnswer) {
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    answer.append(buffer.data(), static_cast<size_t>(count));
  }
  close(ends[0]);
  if (answer.size() > kMostAnswer) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(Code::kSpreadsheetNotRead, "reading it broke off");
  return sheets_from(answer);
}

}  // namespace dudao
