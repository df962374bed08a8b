#pragma once

/// A statistic, as Admin gives it, for people: lines at a terminal, CSV, and a workbook. The only user of libxlsxwriter
/// outside tests. One thread.

#include "platform/error.hpp"
#include "platform/platform.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

/// "unit", "took_place" as a heading; the word itself where it is none of ours.
std::string figure_heading(std::string_view word, bool chinese);
/// The headings, then a row for each line: its groups, each with the name behind the code where there is one, then its
/// figures.
std::vector<std::vector<std::string>> figure_rows(const nlohmann::json& statistic, bool chinese);
/// RFC 4180 in UTF-8. Begins with a byte order mark, without which spreadsheets take Chinese for something else; a
/// text that they would take for a formula gets an apostrophe in front.
std::string figures_csv(const nlohmann::json& statistic, bool chinese);
/// Writes an .xlsx with numbers as numbers; `path` is whole or not there. Errors: kFileWrite and others of Files.
Status write_figures_workbook(Files& files, const std::string& path, const nlohmann::json& statistic, bool chinese);

}  // namespace dudao
