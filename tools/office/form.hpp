#pragma once

/// Checklists from what other people keep: forms and systems of indicators read from the content of files, and what
/// came of them as one plain document, which dudao-office prints.

#include "platform/bytes.hpp"
#include "schema/csv.hpp"
#include "schema/xlsform.hpp"

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

/// Either a workbook, or the CSV of its sheets.
struct FormFiles {
  std::optional<Bytes> workbook;
  Bytes survey, choices, settings;
  TextEncoding encoding = TextEncoding::kUtf8;  ///< Of the CSV.
};

/// Errors: those of read_spreadsheet and read_csv; kFormSheet.
Result<FormSheets> read_form(const FormFiles& files);

/// {"rows", "items", "sections", "bytes", "refused": [...], "remarks": [...]}, each entry with sheet, row, code,
/// english, chinese, detail. `bytes` is the template's size, 0 where none was made.
nlohmann::json form_report(const FormImport& form);

/// {"code", "english", "chinese", "detail"}.
nlohmann::json error_document(const Error& error);

}  // namespace dudao
