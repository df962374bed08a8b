#pragma once

/// The sheets of an .xlsx workbook as plain rows of cells. The only user of liborcus.
///
/// A workbook comes from strangers, and the library that reads it was not written for hostile ones. So it runs in a
/// process of its own with bounded memory and time; whatever it does there, the caller gets rows or a numbered error.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dudao {

inline constexpr std::size_t kMaxSpreadsheetBytes = std::size_t{16} << 20U;          ///< Of the file.
inline constexpr std::uint64_t kMaxSpreadsheetUnpacked = std::uint64_t{128} << 20U;  ///< As its directory declares.
inline constexpr std::size_t kMaxSpreadsheetText = std::size_t{32} << 20U;           ///< Of all cells together.
inline constexpr std::size_t kMaxSpreadsheetRows = 100'000;                          ///< Of one sheet, blank ones too.
inline constexpr std::size_t kMaxSpreadsheetColumns = 1'000;

/// One sheet: row 1 of the spreadsheet first, blank rows too, cells up to the last that holds something. Numbers are
/// written in their shortest form, a truth value as TRUE or FALSE, a formula as its stored result.
using SpreadsheetRows = std::vector<std::vector<std::string>>;

/// By the sheet's name in small letters. Starts a process by fork and waits for it, so it is for a program that has one
/// thread at the time. Errors: kSpreadsheetNotRead,
/// kSpreadsheetTooLarge.
Result<std::map<std::string, SpreadsheetRows>> read_spreadsheet(BytesView xlsx);

}  // namespace dudao
