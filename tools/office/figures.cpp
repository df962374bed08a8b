/// Figures of what was done and found, and the signed statements under them. Methods of admin.hpp and their commands.

#include "tools/office/figures.hpp"

#include "sync/office/rows.hpp"
#include "sync/office/statistics.hpp"
#include "tools/console/console.hpp"
#include "tools/office/admin.hpp"
#include "tools/office/commands.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include <xlsxwriter.h>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxWorkbookBytes = std::size_t{64} << 20U;

struct ColumnHeading {
  std::string_view word, english, chinese;
};
constexpr auto kHeadings = std::to_array<ColumnHeading>({
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

Result<StatisticKind> statistic_kind(const AdminCall& call) {
  const std::string name = call.text("statistic");
  const auto kind = statistic_kind_from(name);
  if (!kind) return fail(Code::kOptionWrong, "there is no statistic " + name.substr(0, 40));
  return *kind;
}
Result<StatisticScope> statistic_scope(const AdminCall& call) {
  StatisticScope scope;
  scope.unit = call.scope();
  scope.level = call.text("level");
  DUDAO_TRY(scope.from_day, call.given_day("from"));
  DUDAO_TRY(scope.to_day, call.given_day("to"));
  DUDAO_TRY(scope.today, call.day("today", call.today));
  if (call.params.contains("large")) scope.large_school_pupils = call.params.at("large").get<std::int64_t>();
  return scope;
}
/// Codes are what is counted by; people know the names.
Result<json> names_in(const AdminCall& call, const Statistic& counted) {
  static constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
      {"unit", "org_unit"}, {"school", "school"}, {"inspector", "inspector"}};
  json out = json::object();
  for (const auto& named : kNamed) {
    const std::string group(named.first);
    const auto at = std::find(counted.groups.begin(), counted.groups.end(), group);
    if (at == counted.groups.end()) continue;
    const Table& table = *find_table(named.second);
    DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
      for (const StatisticLine& line : counted.lines) {
        const std::string& code = line.group[static_cast<std::size_t>(at - counted.groups.begin())];
        const ValueView key = std::string_view(code);
        DUDAO_TRY(const auto row, rows.row(table, std::span(&key, 1)));
        if (row) out[group][code] = text_in(table, *row, "name");
      }
      return {};
    }));
  }
  return out;
}

Result<json> count_figures(const AdminCall& call) {
  DUDAO_TRY(const StatisticKind kind, statistic_kind(call));
  DUDAO_TRY(const StatisticScope scope, statistic_scope(call));
  Statistic counted;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(counted, count_statistic(rows, kind, scope));
    return {};
  }));
  DUDAO_TRY(json names, names_in(call, counted));
  json lines = json::array();
  for (const StatisticLine& line : counted.lines) {
    json figures = json::array();
    for (const Figure& figure : line.figures) figures.push_back(figure.value);
    lines.push_back({{"group", line.group}, {"figures", std::move(figures)}});
  }
  return json{{"statistic", std::string(to_string(kind))},
              {"today", day_text(scope.today)},
              {"groups", counted.groups},
              {"measures", counted.measures},
              {"lines", std::move(lines)},
              {"names", std::move(names)}};
}

/// From one figure to the signed statements under it.
Result<json> explain_figure(const AdminCall& call) {
  DUDAO_TRY(const StatisticKind kind, statistic_kind(call));
  DUDAO_TRY(const StatisticScope scope, statistic_scope(call));
  const std::string measure = call.text("measure");
  const auto group = call.texts("group");
  Figure figure;
  std::vector<StatementUnder> under;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    DUDAO_TRY(const Statistic counted, count_statistic(rows, kind, scope));
    const auto at = std::find(counted.measures.begin(), counted.measures.end(), measure);
    if (at == counted.measures.end())
      return fail(Code::kOptionWrong, std::string(to_string(kind)) + " has no measure " + measure.substr(0, 40));
    const auto line = std::find_if(counted.lines.begin(), counted.lines.end(),
                                   [&](const StatisticLine& one) { return one.group == group; });
    if (line == counted.lines.end()) return fail(Code::kOptionWrong, "there is no line of this --group");
    figure = line->figures[static_cast<std::size_t>(at - counted.measures.begin())];
    DUDAO_TRY(under, statements_under(rows, figure.rows));
    return {};
  }));
  DUDAO_TRY(const auto all, call.office.devices());
  std::map<std::int64_t, std::string> inspectors;
  for (const Device& device : all) inspectors[device.no] = device.inspector;
  json statements = json::array();
  for (const StatementUnder& one : under) {
    json shown = {{"index", one.index},
                  {"id", to_hex(one.id)},
                  {"registered_utc", utc_text(one.registered_utc_ms)},
                  {"device", one.author == kOfficeAuthor ? json() : json(one.author)},
                  {"inspector", one.author == kOfficeAuthor ? json() : json(inspectors[one.author])},
                  {"rows", one.rows}};
    statements.push_back(std::move(shown));
  }
  return json{{"value", figure.value}, {"rows", figure.rows.size()}, {"statements", std::move(statements)}};
}

/// Every row with the statements that made it, a line each.
Result<json> export_records(const AdminCall& call) {
  const std::string path = call.text("path");
  std::string out;
  std::uint64_t count = 0;
  DUDAO_CHECK(call.office.read([&](Store& rows) -> Status {
    for (const Table& table : synced_tables()) {
      DUDAO_CHECK(rows.each_row(table, [&](const StoredRow& row) -> Status {
        json line = {{"table", std::string(table.name)}, {"row", row_json(table, row)}, {"statements", json::array()}};
        DUDAO_TRY(const auto indices, written_by(rows, table, row));
        for (const std::int64_t index : indices) {
          DUDAO_TRY(const auto entry, rows.entry(index));
          if (!entry) return fail(Code::kLedgerBroken, std::to_string(index));
          line["statements"].push_back({{"index", index}, {"id", to_hex(entry->id)}});
        }
        out += line.dump() + "\n";
        ++count;
        return {};
      }));
    }
    return {};
  }));
  DUDAO_CHECK(call.platform.files.write(path, view(out)));
  return json{{"path", path}, {"records", count}, {"bytes", out.size()}};
}

struct FigureOptions {
  std::string statistic, unit, level, from, to, today, csv, xlsx, measure, path;
  std::vector<std::string> group;
  std::int64_t large = 0;
};

json statistic(const FigureOptions& given) {
  json out = {{"statistic", given.statistic}, {"unit", given.unit}, {"level", given.level},
              {"from", given.from},           {"to", given.to},     {"today", given.today}};
  if (given.large > 0) out["large"] = given.large;
  return out;
}

int show(const OfficeCommands& at, const FigureOptions& given) {
  const auto counted = [&]() -> Result<json> {
    DUDAO_TRY(json document, at.ask("statistics", statistic(given)));
    if (!given.csv.empty()) DUDAO_CHECK(at.files.write(given.csv, view(figures_csv(document, at.console.chinese()))));
    if (!given.xlsx.empty()) DUDAO_CHECK(write_figures_workbook(at.files, given.xlsx, document, at.console.chinese()));
    return document;
  }();
  if (!counted) return at.console.fail(counted.error());
  at.console.print(*counted);
  for (const auto& row : figure_rows(*counted, at.console.chinese())) {
    std::string line;
    for (const std::string& cell : row) line += (line.empty() ? "" : "  ") + (cell.empty() ? "-" : cell);
    at.say(line);
  }
  for (const std::string& file : {given.csv, given.xlsx})
    if (!file.empty()) at.say(at.tr("Written: ", "已写入 ") + file);
  return kExitDone;
}

int explain(const OfficeCommands& at, const FigureOptions& given) {
  json params = statistic(given);
  params["measure"] = given.measure;
  params["group"] = json::array();
  for (const std::string& group : given.group) params["group"].push_back(group == "-" ? "" : group);
  return at.tell("explain", std::move(params), [&](const json& under) {
    at.say(figure_heading(given.measure, at.console.chinese()) + ": " + under.at("value").dump() +
           at.tr(", counted from rows: ", "，来自记录 ") + under.at("rows").dump() +
           at.tr(", made by signed statements: ", "，出自签名声明 ") + std::to_string(under.at("statements").size()));
    for (const json& one : under.at("statements")) {
      const std::string who = one.at("device").is_null() ? at.tr("the office", "督导办")
                                                         : at.tr("device ", "设备 ") + one.at("device").dump() + " " +
                                                               one.at("inspector").get<std::string>();
      at.say("  " + one.at("index").dump() + "  " + one.at("id").get<std::string>() + "  " +
             one.at("registered_utc").get<std::string>() + "  " + who);
      for (const json& row : one.at("rows")) at.say("      " + row.get<std::string>());
    }
  });
}

void add_statistic(CLI::App* command, const OfficeCommands& office, FigureOptions& given) {
  std::vector<std::string> names;
  for (const StatisticKind kind : kStatisticKinds) names.emplace_back(to_string(kind));
  command->add_option("statistic", given.statistic, office.tr("Which statistic", "统计项目"))
      ->required()
      ->check(CLI::IsMember(names));
  command->add_option("--unit", given.unit, office.tr("Only this unit and all below it", "仅限该机构及其下级"));
  command->add_option(
      "--level", given.level,
      office.tr("Count by units of this level, as the register writes it, e.g. 县", "按该层级的机构汇总，如 县"));
  command->add_option("--from", given.from, office.tr("Visits from this day on", "督导起始日"));
  command->add_option("--to", given.to, office.tr("Visits up to this day", "督导截止日"));
  command->add_option("--today", given.today,
                      office.tr("Overdue as of this day; today when left out", "以该日判断逾期，默认今天"));
  command->add_option(
      "--large", given.large,
      office.tr("Pupils from which a school needs an inspector of its own; otherwise as each unit settled",
                "一校一督学的学生数标准；默认按各地规定"));
}

}  // namespace

std::string figure_heading(std::string_view word, bool chinese) {
  const auto found =
      std::find_if(kHeadings.begin(), kHeadings.end(), [&](const ColumnHeading& each) { return each.word == word; });
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

const AdminArea& figure_methods() {
  static const AdminArea methods = {
      {"statistics", count_figures}, {"explain", explain_figure}, {"export-records", export_records}};
  return methods;
}

void add_figure_commands(CLI::App& app, const OfficeCommands& office) {
  const auto given = std::make_shared<FigureOptions>();
  const auto* const at = &office;
  CLI::App* figures = office.add(
      app, "statistics", "Figures of what was done and found", "督导工作统计", [=] { return show(*at, *given); },
      "dudao-office statistics coverage --from 2026-03-01 --to 2026-06-30 --xlsx coverage.xlsx\n"
      "dudao-office statistics staffing --level 县");
  add_statistic(figures, office, *given);
  figures->add_option("--csv", given->csv, office.tr("Write them as CSV, too", "另存为 CSV 文件"));
  figures->add_option("--xlsx", given->xlsx, office.tr("Write them as a workbook, too", "另存为 Excel 工作簿"));
  CLI::App* explained = office.add(
      app, "explain", "The signed statements under a figure", "查看统计数字所依据的签名声明",
      [=] { return explain(*at, *given); }, "dudao-office explain coverage visits --group 990121,ROUTINE");
  add_statistic(explained, office, *given);
  explained
      ->add_option("measure", given->measure,
                   office.tr("Which figure of the line, e.g. visits", "该行的哪个数字，如 visits"))
      ->required();
  explained
      ->add_option(
          "--group", given->group,
          office.tr("The line: what it is grouped by, in order, - for nothing", "哪一行：依次给出分组值，空值写 -"))
      ->delimiter(',')
      ->required();
  office
      .add(
          app, "export-records", "Write every record as JSON lines, each with the statements that made it",
          "以 JSON 行导出全部记录，并附所依据的声明",
          [=] {
            return at->tell("export-records", {{"path", absolute(given->path)}}, [&](const json& done) {
              at->say(at->tr("Written: ", "已写入 ") + given->path + at->tr(", records: ", "，记录数 ") +
                      done.at("records").dump());
            });
          },
          "dudao-office export-records records.jsonl")
      ->add_option("file", given->path, office.tr("File to write", "输出文件"))
      ->required();
}

}  // namespace dudao
