#pragma once

/// From an XLSForm, as ODK, Kobo and their kin are given it, to a checklist: rows of cells in, a template's JSON and a
/// list of remarks out. A form is taken whole or not at all: where one row asks for something that a checklist does not
/// have, the list says which rows and why, and no template is made. An expression means here what it meant there, also
/// beside questions that are not answered: XPath takes them as empty, and so do the conditions that are made of it.
/// schema/CHECKLIST.md says what becomes of each type and function. Pure; any thread; memory in proportion to the form.

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dudao {

struct SheetRow {
  std::size_t number = 0;  ///< As a person would name it: the spreadsheet's row, or the line of a CSV file; from 1.
  std::vector<std::string> cells;  ///< UTF-8.
};
using Sheet = std::vector<SheetRow>;

/// The first row of each is its header. `settings` may be empty; `choices` too, where no question has any.
struct FormSheets {
  Sheet survey;
  Sheet choices;
  Sheet settings;
};

struct FormOptions {
  std::string code;          ///< Of the checklist; empty: the form's own form_id.
  std::int64_t version = 1;  ///< Of the checklist.
  std::string title;         ///< Empty: the form's own, else the code.
  std::string language;      ///< Tag of texts without a language; empty: the form's default_language, else "und".
};

struct FormRemark {
  std::string sheet;    ///< survey, choices or settings
  std::size_t row = 0;  ///< 0: the sheet as a whole
  Error error;          ///< Its code says what, its detail names the question.
};

struct FormImport {
  std::string checklist;            ///< The template, compact; empty if something was refused.
  std::size_t rows = 0;             ///< Of survey that are not blank.
  std::size_t items = 0;            ///< Of the template.
  std::size_t sections = 0;         ///< Of the template.
  std::vector<FormRemark> refused;  ///< kFormType to kFormTooBig, or a 21xx of the template that would come out.
  std::vector<FormRemark> remarks;  ///< kFormElsewhere to kFormMerged: what is not as it was written, and how it is.
};

/// Error: kFormSheet (survey is missing, or has no columns type and name).
Result<FormImport> import_xlsform(const FormSheets& form, const FormOptions& options);

}  // namespace dudao
