#include "tools/office/spreadsheet.hpp"

#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <random>
#include <string>

#include <catch2/catch.hpp>
#include <xlsxwriter.h>

using namespace dudao;
using namespace dudao::test;

namespace {

/// A workbook as other programs write it: shared texts, numbers, truth values, a formula, a gap.
std::string workbook(const TempFolder& folder) {
  const std::string path = folder / "book.xlsx";
  lxw_workbook* book = workbook_new(path.c_str());
  lxw_worksheet* survey = workbook_add_worksheet(book, "Survey");
  worksheet_write_string(survey, 0, 0, "type", nullptr);
  worksheet_write_string(survey, 0, 1, "督导", nullptr);
  worksheet_write_number(survey, 2, 0, 12, nullptr);
  worksheet_write_number(survey, 2, 1, 2.5, nullptr);
  worksheet_write_boolean(survey, 2, 2, 1, nullptr);
  worksheet_write_formula_num(survey, 2, 4, "=A3*2", nullptr, 24);
  worksheet_write_string(workbook_add_worksheet(book, "choices"), 0, 0, "list_name", nullptr);
  REQUIRE(workbook_close(book) == LXW_NO_ERROR);
  return slurp(path);
}

Code refusal(const std::string& bytes) {
  const auto sheets = read_spreadsheet(view(bytes));
  REQUIRE_FALSE(sheets);
  return sheets.error().code;
}

/// Every place where the archive's directory has an entry.
std::vector<std::size_t> entries(const std::string& zip) {
  std::vector<std::size_t> places;
  const std::string mark("PK\x01\x02", 4);
  for (std::size_t at = zip.find(mark); at != std::string::npos; at = zip.find(mark, at + 1)) places.push_back(at);
  return places;
}

}  // namespace

TEST_CASE("a workbook gives the rows of its sheets as text") {
  const TempFolder folder;
  const std::string bytes = workbook(folder);
  const auto sheets = read_spreadsheet(view(bytes));
  INFO((sheets ? "" : sheets.error().message()));
  REQUIRE(sheets);
  REQUIRE(sheets->contains("survey"));
  REQUIRE(sheets->contains("choices"));
  const SpreadsheetRows& rows = sheets->at("survey");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == std::vector<std::string>{"type", "督导"});
  CHECK(rows[1].empty());
  CHECK(rows[2] == std::vector<std::string>{"12", "2.5", "TRUE", "", "24"});
}

TEST_CASE("what is no workbook is refused by number") {
  const TempFolder folder;
  const std::string good = workbook(folder);
  CHECK(refusal("") == Code::kSpreadsheetNotRead);
  CHECK(refusal("type,name,label\ntext,a,A\n") == Code::kSpreadsheetNotRead);
  CHECK(refusal(std::string(100'000, '\0')) == Code::kSpreadsheetNotRead);
  // An archive without anything in it.
  CHECK(refusal(std::string("PK\x05\x06") + std::string(18, '\0')) == Code::kSpreadsheetNotRead);
  for (const std::size_t kept : {good.size() / 4, good.size() / 2, good.size() - 30, good.size() - 1}) {
    INFO(kept);
    CHECK(refusal(good.substr(0, kept)) == Code::kSpreadsheetNotRead);
  }
  CHECK(refusal(std::string(kMaxSpreadsheetBytes + 1, 'x')) == Code::kSpreadsheetTooLarge);
}

TEST_CASE("an archive that unpacks to more than is taken is refused before it is unpacked") {
  const TempFolder folder;
  std::string bytes = workbook(folder);
  REQUIRE(entries(bytes).size() > 5);
  bytes.replace(entries(bytes)[0] + 24, 4, "\xFF\xFF\xFF\x7F", 4);
  CHECK(refusal(bytes) == Code::kSpreadsheetTooLarge);
  // One that declares less than it holds gets no more room for that.
  bytes = workbook(folder);
  for (const std::size_t entry : entries(bytes)) bytes.replace(entry + 24, 4, std::string("\x05\0\0\0", 4));
  CHECK(refusal(bytes) == Code::kSpreadsheetNotRead);
}

TEST_CASE("a small file that holds more text than is taken is refused") {
  const TempFolder folder;
  const std::string path = folder / "bomb.xlsx";
  lxw_workbook* book = workbook_new(path.c_str());
  lxw_worksheet* survey = workbook_add_worksheet(book, "survey");
  for (lxw_row_t row = 0; row * 32'000 < kMaxSpreadsheetText + 32'000; ++row)
    worksheet_write_string(survey, row, 0, (std::to_string(row) + std::string(32'000, 'a')).c_str(), nullptr);
  REQUIRE(workbook_close(book) == LXW_NO_ERROR);
  const std::string bytes = slurp(path);
  CHECK(bytes.size() < 500'000);
  CHECK(refusal(bytes) == Code::kSpreadsheetTooLarge);
}

TEST_CASE("a cell far out does not make a sheet as large as it claims") {
  const TempFolder folder;
  for (const auto& [row, column] : {std::pair<lxw_row_t, lxw_col_t>(1'048'575, 0), {0, 16'383}}) {
    const std::string path = folder / "far.xlsx";
    lxw_workbook* book = workbook_new(path.c_str());
    worksheet_write_string(workbook_add_worksheet(book, "survey"), row, column, "x", nullptr);
    REQUIRE(workbook_close(book) == LXW_NO_ERROR);
    CHECK(refusal(slurp(path)) == Code::kSpreadsheetTooLarge);
  }
}

TEST_CASE("a workbook whose texts the library would pass over is refused, not read without them") {
  const TempFolder folder;
  const std::string path = folder / "inline.xlsx";
  lxw_workbook_options options{};
  options.constant_memory = LXW_TRUE;
  lxw_workbook* book = workbook_new_opt(path.c_str(), &options);
  worksheet_write_string(workbook_add_worksheet(book, "survey"), 0, 0, "type", nullptr);
  REQUIRE(workbook_close(book) == LXW_NO_ERROR);
  const auto sheets = read_spreadsheet(view(slurp(path)));
  REQUIRE_FALSE(sheets);
  CHECK(sheets.error().code == Code::kSpreadsheetNotRead);
  CHECK(sheets.error().detail.find("inlineStr") != std::string::npos);
}

TEST_CASE("a damaged workbook is read or refused, and never more") {
  const TempFolder folder;
  const std::string good = workbook(folder);
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    std::string bytes = good;
    for (int n = 0; n < 4; ++n) bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    const auto sheets = read_spreadsheet(view(bytes));
    if (!sheets)
      CHECK((sheets.error().code == Code::kSpreadsheetNotRead || sheets.error().code == Code::kSpreadsheetTooLarge));
  }
}
