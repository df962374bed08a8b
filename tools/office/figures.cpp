#include "tools/office/figures.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>
#include <xlsxwriter.h>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxWorkbookBytes = std::size_t{64} << 20U;

struct Heading {
  std::string_view word, english, chinese;
};
constexpr auto kHeadings = std::to_array<Heading>({
    {"unit", "Unit", "机构"},
    {"kind", "Kind of visit", "督导类型"},
    {"inspector", "Inspector", "督学"},
    {"item", "Item", "条目"},
    {"severity", "Severity", "严重程度"},
    {"state", "State", "状态"},
    {"age_days", "Age in days", "天数"},
    {"school", "School", "学校"},
    {"draw", "Draw", "抽查"},
    {"proceeding", "Proceeding", "程序类型"},
    {"schools", "Schools", "学校数"},
    {"visited", "Schools visited", "已督导学校数"},
    {"visits", "Visits", "督导次数"},
    {"assigned", "Assigned", "指派"},
    {"took_place", "Took place", "已完成"},
    {"led", "Led", "任组长"},
    {"not_let_in", "Nobody let in", "未能进入"},
    {"returned", "Asked back", "被质询"},
    {"cancelled", "Cancelled", "已取消"},
    {"findings", "Findings", "问题数"},
    {"proceedings", "Proceedings", "程序数"},
    {"overdue", "Overdue", "逾期"},
    {"normal", "Schools, several to one", "一般学校"},
    {"large", "Schools, one to one", "规模大的学校"},
    {"needed", "Inspectors needed", "应配督学"},
    {"there", "Inspectors there", "在岗督学"},
    {"missing", "Missing", "缺额"},
    {"drawn", "Drawn", "抽中"},
    {"outstanding", "Outstanding", "待完成"},
    {"hours", "Hours of training", "培训学时"},
    {"minimum", "Hours asked for", "规定学时"},
});

std::string quoted(const std::string& cell) {
  std::string text = cell;
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) text.insert(0, "'");
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

}  // namespace

std::string figure_heading(std::string_view word, bool chinese) {
  const auto found =
      std::find_if(kHeadings.begin(), kHeadings.end(), [&](const Heading& each) { return each.word == word; });
  return std::string(found == kHeadings.end() ? word : chinese ? found->chinese : found->english);
}

std::vector<std::vector<std::string>> figure_rows(const json& statistic, bool chinese) {
  const auto groups = statistic.at("groups").get<std::vector<std::string>>();
  const json& names = statistic.at("names");
  std::vector<std::vector<std::string>> rows(1);
  for (const char* part : {"groups", "measures"})
    for (const json& word : statistic.at(part)) rows[0].push_back(figure_heading(word.get<std::string>(), chinese));
  for (const json& line : statistic.at("lines")) {
    std::vector<std::string>& row = rows.emplace_back();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::string code = line.at("group").at(i);
      const auto named = names.find(groups[i]);
      const bool known = named != names.end() && named->contains(code);
      row.push_back(known ? code + " " + named->at(code).get<std::string>() : code);
    }
    for (const json& figure : line.at("figures")) row.push_back(figure.dump());
  }
  return rows;
}

std::string figures_csv(const json& statistic, bool chinese) {
  std::string out = "\xEF\xBB\xBF";
  for (const auto& row : figure_rows(statistic, chinese)) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += (i > 0 ? "," : "") + quoted(row[i]);
    out += line + "\r\n";
  }
  return out;
}

Status write_figures_workbook(Files& files, const std::string& path, const json& statistic, bool chinese) {
  // The library writes by itself, and not durably.
  const std::string part = path + ".part";
  lxw_workbook* book = workbook_new(part.c_str());
  lxw_worksheet* sheet =
      book ? workbook_add_worksheet(book, statistic.at("statistic").get<std::string>().c_str()) : nullptr;
  if (!sheet) return fail(Code::kFileWrite, path);
  lxw_format* bold = workbook_add_format(book);
  format_set_bold(bold);
  const std::size_t texts = statistic.at("groups").size();
  const auto rows = figure_rows(statistic, chinese);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    for (std::size_t x = 0; x < rows[y].size(); ++x) {
      const auto row = static_cast<lxw_row_t>(y);
      const auto column = static_cast<lxw_col_t>(x);
      if (y > 0 && x >= texts)
        worksheet_write_number(sheet, row, column, std::stod(rows[y][x]), nullptr);
      else
        worksheet_write_string(sheet, row, column, rows[y][x].c_str(), y == 0 ? bold : nullptr);
    }
  }
  worksheet_freeze_panes(sheet, 1, 0);
  worksheet_set_column(sheet, 0, static_cast<lxw_col_t>(texts - 1), 24, nullptr);
  const bool written = workbook_close(book) == LXW_NO_ERROR;
  const auto bytes = files.read(part, kMaxWorkbookBytes);
  const Status removed = files.remove(part);
  if (!written || !bytes) return fail(Code::kFileWrite, path);
  DUDAO_CHECK(removed);
  return files.write(path, *bytes);
}

}  // namespace dudao
