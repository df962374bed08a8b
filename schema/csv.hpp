#pragma once

/// Reading registers that other people's programs wrote as CSV (RFC 4180). The only user of libcsv and of iconv.

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// How a file's bytes are to be read. Never guessed: a guess that is wrong once in a thousand files ruins names.
enum class TextEncoding : std::uint8_t {
  kUtf8,     ///< With or without a byte order mark.
  kGb18030,  ///< What Chinese spreadsheets save as plain CSV; GBK and GB2312 are parts of it.
};

inline constexpr std::size_t kMaxCsvRowBytes = 1U << 20U;  ///< In UTF-8.
inline constexpr std::size_t kMaxCsvCellBytes = 1U << 16U;
inline constexpr std::size_t kMaxCsvCells = 1000;  ///< Of one row.

struct CsvRow {
  std::size_t line;                ///< Where the row begins in the file, counted from 1.
  std::vector<std::string> cells;  ///< UTF-8, exactly as written: blanks and line breaks inside quotes are kept.
};

/// Hands every row to `take` in order, the header too; blank lines are passed over. LF, CRLF and CR end a row. Reading
/// ends with the first error that `take` returns. Memory: one row. Pure; any thread.
/// Errors: kCsvQuotes, kTextNotValid, kCsvTooLarge, each with the line; kEncodingMissing if this machine cannot read
/// the encoding.
Status read_csv(std::string_view bytes, TextEncoding encoding, const std::function<Status(CsvRow&)>& take);

}  // namespace dudao
