#include "tools/office/form.hpp"

#include "tools/office/spreadsheet.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

Result<Sheet> sheet_from_csv(BytesView csv, TextEncoding encoding) {
  Sheet sheet;
  DUDAO_CHECK(read_csv(text(csv), encoding, [&](CsvRow& row) -> Status {
    sheet.push_back({row.line, std::move(row.cells)});
    return {};
  }));
  return sheet;
}

Sheet sheet_from_rows(SpreadsheetRows& rows) {
  Sheet sheet;
  for (std::size_t i = 0; i < rows.size(); ++i) sheet.push_back({i + 1, std::move(rows[i])});
  return sheet;
}

nlohmann::json entries(const std::vector<FormRemark>& remarks) {
  nlohmann::json out = nlohmann::json::array();
  for (const FormRemark& remark : remarks) {
    out.push_back(error_document(remark.error));
    out.back()["sheet"] = remark.sheet;
    out.back()["row"] = remark.row;
  }
  return out;
}

}  // namespace

Result<FormSheets> read_form(const FormFiles& files) {
  FormSheets form;
  if (files.workbook) {
    DUDAO_TRY(auto sheets, read_spreadsheet(*files.workbook));
    if (!sheets.contains("survey")) return fail(Code::kFormSheet, "survey");
    form.survey = sheet_from_rows(sheets["survey"]);
    form.choices = sheet_from_rows(sheets["choices"]);
    form.settings = sheet_from_rows(sheets["settings"]);
    return form;
  }
  DUDAO_TRY(form.survey, sheet_from_csv(files.survey, files.encoding));
  DUDAO_TRY(form.choices, sheet_from_csv(files.choices, files.encoding));
  DUDAO_TRY(form.settings, sheet_from_csv(files.settings, files.encoding));
  return form;
}

nlohmann::json form_report(const FormImport& form) {
  return {{"rows", form.rows},
          {"items", form.items},
          {"sections", form.sections},
          {"bytes", form.checklist.size()},
          {"refused", entries(form.refused)},
          {"remarks", entries(form.remarks)}};
}

nlohmann::json error_document(const Error& error) {
  return {{"code", static_cast<int>(error.code)},
          {"english", info(error.code).english},
          {"chinese", info(error.code).chinese},
          {"detail", error.detail}};
}

}  // namespace dudao
