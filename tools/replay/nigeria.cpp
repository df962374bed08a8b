#include "tools/replay/nigeria.hpp"

#include "schema/csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

namespace dudao::replay {
namespace {

using std::optional;
using std::string;
using std::string_view;

enum class Kind : std::uint8_t { kTree, kYesNo, kInteger, kText, kDate, kSingle };

struct ColumnRule {
  string_view name;
  Kind kind;
  string_view section;
  string_view question = {};  ///< The form's, where it has another name.
};

/// What an inspector is asked stands in sections A to F, what the survey's staff added in R.
constexpr ColumnRule kColumns[] = {
    {"uuid", Kind::kText, "R"},
    {"lga", Kind::kTree, ""},
    {"state", Kind::kTree, ""},
    {"zone", Kind::kTree, ""},
    {"gps", Kind::kText, "A"},
    {"facility_name", Kind::kText, "A", "school_name"},
    {"facility_type", Kind::kSingle, "A", "level_of_education"},
    {"unique_lga", Kind::kTree, ""},
    {"lga_id", Kind::kTree, ""},
    {"formhub_photo_id", Kind::kText, "R"},
    {"src", Kind::kInteger, "R"},
    {"education_type", Kind::kSingle, "A"},
    {"num_tchrs_total", Kind::kInteger, "C"},
    {"num_students_total", Kind::kInteger, "B"},
    {"num_classrms_total", Kind::kInteger, "D"},
    {"chalkboard_each_classroom_yn", Kind::kYesNo, "D"},
    {"num_classrms_need_maj_repairs", Kind::kInteger, "D"},
    {"natl_curriculum_yn", Kind::kYesNo, "E"},
    {"functional_water", Kind::kYesNo, "F"},
    {"potable_water", Kind::kYesNo, "F"},
    {"num_classrms_need_min_repairs", Kind::kInteger, "D"},
    {"covered_roof_good_condi", Kind::kYesNo, "D"},
    {"class_held_outside", Kind::kYesNo, "D", "classes_outside_yn"},
    {"two_shifts_yn", Kind::kYesNo, "B"},
    {"num_tchrs_attended_training", Kind::kInteger, "C"},
    {"num_tchrs_with_nce", Kind::kInteger, "C"},
    {"provide_exercise_books_yn", Kind::kYesNo, "E"},
    {"provide_pens_yn", Kind::kYesNo, "E"},
    {"teacher_guide_yn", Kind::kYesNo, "E"},
    {"functioning_library_yn", Kind::kYesNo, "D"},
    {"students_living_3kmplus_school", Kind::kInteger, "B"},
    {"community", Kind::kText, "A"},
    {"ward", Kind::kText, "A"},
    {"date_of_survey", Kind::kDate, "A"},
    {"num_tchrs_male", Kind::kInteger, "C"},
    {"num_tchrs_female", Kind::kInteger, "C"},
    {"num_students_female", Kind::kInteger, "B"},
    {"num_students_male", Kind::kInteger, "B"},
    {"num_toilets_total", Kind::kInteger, "F"},
    {"management", Kind::kSingle, "A", "school_managed"},
    {"improved_water_supply", Kind::kYesNo, "F"},
    {"improved_sanitation", Kind::kYesNo, "F"},
    {"phcn_electricity", Kind::kYesNo, "F"},
    {"facility_type_display", Kind::kText, "R"},
    {"school_1kmplus_catchment_area", Kind::kYesNo, "A"},
    {"num_textbooks", Kind::kInteger, "E"},
    {"textbook_to_pupil_ratio", Kind::kText, "R"},
    {"school_1kmplus_secondary_school", Kind::kYesNo, "A"},
    {"male_to_female_student_ratio", Kind::kText, "R"},
    {"gender_separated_toilets_yn", Kind::kYesNo, "F"},
    {"pupil_toilet_ratio_facility", Kind::kText, "R"},
    {"power_access", Kind::kYesNo, "F"},
    {"access_clinic_dispensary", Kind::kYesNo, "F"},
    {"access_first_aid", Kind::kYesNo, "F"},
    {"wall_fence_good_condi", Kind::kYesNo, "D"},
    {"pupil_classrm_ratio", Kind::kText, "R"},
    {"multigrade_classrms", Kind::kYesNo, "D"},
    {"pupil_bench_ratio", Kind::kText, "R"},
    {"pupil_desk_ratio", Kind::kText, "R"},
    {"pupil_tchr_ratio", Kind::kText, "R"},
    {"teacher_nonteachingstaff_ratio", Kind::kText, "R"},
    {"tchr_pay_delay", Kind::kYesNo, "C"},
    {"tchr_pay_miss", Kind::kYesNo, "C"},
    {"lga_valid", Kind::kInteger, "R"},
    {"lga_orig", Kind::kInteger, "R"},
    {"dist_euc", Kind::kText, "R"},
    {"dist_fake", Kind::kText, "R"},
    {"sector", Kind::kText, "R"},
    {"nmis_lga_id", Kind::kInteger, "R"},
    {"facility_ID", Kind::kTree, ""},
    {"fcl_uuid", Kind::kText, "R"},
};

constexpr std::pair<string_view, string_view> kSections[] = {
    {"A", "The school"},   {"B", "Pupils"},   {"C", "Teachers"},
    {"D", "Buildings"},    {"E", "Teaching"}, {"F", "Water, sanitation, power, health"},
    {"R", "Survey record"}};

/// What is a finding without inventing anything.
struct FindingRule {
  string_view column;
  string_view cell;
  string_view when;
  string_view severity;
  string_view text;
};
constexpr FindingRule kFindings[] = {
    {"covered_roof_good_condi", "FALSE", ". = 'no'", "ORDINARY", "The roof is missing or not in good condition."},
    {"improved_water_supply", "FALSE", ". = 'no'", "ORDINARY", "There is no improved source of water."},
    {"improved_sanitation", "FALSE", ". = 'no'", "ORDINARY", "There is no improved sanitation."},
    {"power_access", "FALSE", ". = 'no'", "ADVICE", "There is no power."},
    {"class_held_outside", "TRUE", ". = 'yes'", "ORDINARY", "Classes are held outside for want of classrooms."},
    {"tchr_pay_delay", "TRUE", ". = 'yes'", "COMPLEX", "Teachers are paid late."},
    {"num_toilets_total", "0", ". = 0", "SERIOUS", "There are no toilets."},
};

/// The data's words for choices of the form that have other codes there.
constexpr std::pair<string_view, string_view> kEducationTypes[] = {
    {"Formal Only", "formal_educ"}, {"Integrated", "religious_with_formal"}, {"Religious Only", "religious_only"}};

string option_code(string_view column, string_view cell) {
  if (column == "education_type")
    for (const auto& [word, code] : kEducationTypes)
      if (word == cell) return string(code);
  return string(cell);
}
string cell_of_option(string_view column, string_view code) {
  if (column == "education_type")
    for (const auto& [word, own] : kEducationTypes)
      if (own == code) return string(word);
  return string(code);
}

/// A whole CSV file by column name.
struct Sheet {
  std::vector<string> columns;
  std::vector<CsvRow> rows;

  static Result<Sheet> read(string_view bytes, const std::vector<string_view>& needed) {
    Sheet sheet;
    DUDAO_CHECK(read_csv(bytes, TextEncoding::kUtf8, [&](CsvRow& row) -> Status {
      if (sheet.columns.empty()) {
        sheet.columns = std::move(row.cells);
        return {};
      }
      sheet.rows.push_back(std::move(row));
      return {};
    }));
    for (const string_view name : needed)
      if (std::count(sheet.columns.begin(), sheet.columns.end(), name) != 1)
        return fail(Code::kCsvHeader, "column " + string(name));
    return sheet;
  }
  std::size_t at(string_view column) const {
    return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
  }
  string cell(const CsvRow& row, string_view column) const {
    const std::size_t i = at(column);
    return i < row.cells.size() ? row.cells[i] : string();
  }
};

std::vector<string_view> needed_columns() {
  std::vector<string_view> names;
  for (const ColumnRule& rule : kColumns) names.push_back(rule.name);
  return names;
}

/// One question of the form.
struct Question {
  string type;
  string label;
  string hint;
  string calculation;
  string constraint;
  string message;
};

/// A condition of the form in our language; nothing if it has something that ours lacks, or names another question
/// than `known` items. Calculated questions are put in place of their names.
optional<string> translated(string_view text, const std::map<string, Question>& form,
                            const std::set<string_view>& known, unsigned depth = 0) {
  string out;
  const auto word = [&](string_view w) { out.append(out.empty() ? "" : " ").append(w); };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto digit = [](char d) { return d >= '0' && d <= '9'; };
    if (c == ' ' || c == '\t' || static_cast<unsigned char>(c) == 0xc2 || static_cast<unsigned char>(c) == 0xa0) {
      ++i;
    } else if (c == '$') {
      const std::size_t open = text.find('{', i), close = text.find('}', i);
      if (open == string_view::npos || close == string_view::npos || open > close) return std::nullopt;
      const string name = tidied(text.substr(open + 1, close - open - 1));
      if (known.contains(name)) {
        word(name);
      } else {
        const auto question = form.find(name);
        if (question == form.end() || question->second.calculation.empty() || depth > 4) return std::nullopt;
        const auto inner = translated(question->second.calculation, form, known, depth + 1);
        if (!inner) return std::nullopt;
        word("(" + *inner + ")");
      }
      i = close + 1;
    } else if (digit(c)) {
      std::size_t end = i;
      while (end < text.size() && digit(text[end])) ++end;
      word(text.substr(i, end - i));
      i = end;
    } else if (c == '<' || c == '>' || c == '!') {
      std::size_t next = i + 1;
      while (next < text.size() && text[next] == ' ') ++next;
      const bool equals = next < text.size() && text[next] == '=';
      if (c == '!' && !equals) return std::nullopt;
      word(string(1, c) + (equals ? "=" : ""));
      i = equals ? next + 1 : i + 1;
    } else if (c == '=' || c == '+' || c == '-' || c == '*' || c == '(' || c == ')' || c == '.') {
      word(string(1, c));
      ++i;
    } else if (text.substr(i).starts_with("or ") || text.substr(i).starts_with("and ")) {
      const std::size_t length = c == 'o' ? 2 : 3;
      word(text.substr(i, length));
      i += length;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::map<string, Question> questions(const Sheet& survey) {
  std::map<string, Question> form;
  for (const CsvRow& row : survey.rows) {
    const string name = tidied(survey.cell(row, "name"));
    if (name.empty()) continue;
    form[name] = {tidied(survey.cell(row, "type")),    tidied(survey.cell(row, "label")),
                  tidied(survey.cell(row, "hint")),    survey.cell(row, "calculation"),
                  survey.cell(row, "bind:constraint"), tidied(survey.cell(row, "constraint_message"))};
  }
  return form;
}

/// "covered_roof_good_condi" as "Covered roof good condi".
string title_from(string_view name) {
  string title(name);
  std::replace(title.begin(), title.end(), '_', ' ');
  if (!title.empty() && title[0] >= 'a' && title[0] <= 'z') title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

nlohmann::ordered_json options(const ColumnRule& rule, string_view list_name, const Sheet& choices,
                               const Sheet& visits) {
  std::map<string, string> labels;
  for (const CsvRow& row : choices.rows)
    if (tidied(choices.cell(row, "list name")) == list_name)
      labels.emplace(tidied(choices.cell(row, "name")), tidied(choices.cell(row, "label")));
  std::set<string> codes;
  for (const CsvRow& row : visits.rows)
    if (const string cell = visits.cell(row, rule.name); !cell.empty()) codes.insert(option_code(rule.name, cell));
  // A choice that no visit took is offered all the same, but for a question whose data have a list of their own.
  if (rule.name != "management")
    for (const auto& [code, label] : labels) codes.insert(code);
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const string& code : codes) {
    const auto label = labels.find(code);
    out.push_back({{"code", code}, {"label", label == labels.end() ? title_from(code) : label->second}});
  }
  return out;
}

optional<std::int64_t> whole_number(string_view cell) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), n);
  if (error != std::errc{} || end != cell.data() + cell.size() || std::to_string(n) != cell) return std::nullopt;
  return n;
}

/// The answer that a cell stands for; nothing if it stands for none.
optional<AnswerValue> answer_from_cell(const ColumnRule& rule, const string& cell) {
  switch (rule.kind) {
    case Kind::kYesNo:
      if (cell != "TRUE" && cell != "FALSE") return std::nullopt;
      return AnswerValue{std::int64_t{cell == "TRUE"}, {}, {}};
    case Kind::kInteger:
      if (const auto n = whole_number(cell)) return AnswerValue{*n, {}, {}};
      return std::nullopt;
    case Kind::kDate:
      if (const auto day = day_from_date(cell)) return AnswerValue{*day, {}, {}};
      return std::nullopt;
    case Kind::kSingle:
      return AnswerValue{option_code(rule.name, cell), {}, {}};
    case Kind::kText:
      return AnswerValue{cell, {}, {}};
    case Kind::kTree:
      return std::nullopt;
  }
  return std::nullopt;
}

/// The inverse; something that no cell can be if the answer does not fit.
string cell_from_answer(const ColumnRule& rule, const Answers& answers) {
  const auto found = answers.find(rule.name);
  if (found == answers.end() || found->second.is_empty()) return {};
  const string other = "\x01not the answer of such a cell";
  if (found->second.is_na() || found->second.total) return other;
  const auto* number = std::get_if<std::int64_t>(&found->second.value);
  const auto* text = std::get_if<string>(&found->second.value);
  switch (rule.kind) {
    case Kind::kYesNo:
      return number && *number == 1 ? "TRUE" : number && *number == 0 ? "FALSE" : other;
    case Kind::kInteger:
      return number ? std::to_string(*number) : other;
    case Kind::kDate:
      return number ? date_text(*number) : other;
    case Kind::kSingle:
      return text ? cell_of_option(rule.name, *text) : other;
    case Kind::kText:
      return text ? *text : other;
    case Kind::kTree:
      return other;
  }
  return other;
}

string lower(string_view s) {
  string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}
string upper_code(string_view s) {
  string out;
  for (const char c : s) {
    if (c >= 'a' && c <= 'z')
      out.push_back(static_cast<char>(c - 'a' + 'A'));
    else
      out.push_back((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '-');
  }
  return out;
}
/// "Oyo", "Ibadan North-East" as "oyo_ibadan_north_east".
string unique_name(string_view state, string_view lga) {
  string name = lower(string(state) + "_" + string(lga));
  for (char& c : name)
    if (c == ' ' || c == '-' || c == '/') c = '_';
  return name;
}

/// Latitude, longitude, height and accuracy, as the phone wrote them in one cell.
struct Fix {
  std::int64_t lat_e7, lon_e7, accuracy_cm;
};
optional<Fix> fix_from(string_view gps) {
  std::array<string_view, 4> parts;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t end = gps.find(' ');
    if ((end == string_view::npos) != (i == 3)) return std::nullopt;
    parts[i] = gps.substr(0, end);
    gps.remove_prefix(i == 3 ? gps.size() : end + 1);
  }
  const auto lat = degrees_e7(parts[0], 90), lon = degrees_e7(parts[1], 180);
  // Accuracy in metres has the same form as degrees; 1e-7 m is 1e-5 cm.
  const auto accuracy_e7 = degrees_e7(parts[3], 1'000'000);
  if (!lat || !lon || !accuracy_e7 || *accuracy_e7 < 0 || (*lat == 0 && *lon == 0)) return std::nullopt;
  return Fix{*lat, *lon, (*accuracy_e7 + 50'000) / 100'000};
}

Result<std::map<string, std::array<string, 3>>> read_districts(string_view lgas, std::vector<OrgUnit>& units) {
  DUDAO_TRY(const Sheet sheet, Sheet::read(lgas, {"lga_id", "state", "lga", "unique_lga", "zone"}));
  std::map<string, std::array<string, 3>> districts;
  std::map<string, OrgUnit> zones, states, leaves;
  for (const CsvRow& row : sheet.rows) {
    const string zone = sheet.cell(row, "zone"), state = sheet.cell(row, "state"), lga = sheet.cell(row, "lga"),
                 id = sheet.cell(row, "lga_id");
    const string zone_code = "ZONE-" + upper_code(zone), state_code = "STATE-" + upper_code(state);
    zones[zone_code] = {zone_code, zone, "zone", std::nullopt};
    states[state_code] = {state_code, state, "state", zone_code};
    leaves["LGA-" + id] = {"LGA-" + id, lga, "lga", state_code};
    districts[id] = {zone, state, lga};
  }
  for (const auto* level : {&zones, &states, &leaves})
    for (const auto& [code, unit] : *level) units.push_back(unit);
  return districts;
}

/// What a cell of the tree's columns says, from the tree.
string tree_cell(string_view column, string_view school, string_view unit, const std::vector<string>& place) {
  if (place.size() != 3) return "\x01no district";
  if (column == "zone") return place[0];
  if (column == "state") return place[1];
  if (column == "lga") return place[2];
  if (column == "unique_lga") return unique_name(place[1], place[2]);
  if (column == "lga_id") return string(unit.substr(std::min(unit.find('-') + 1, unit.size())));
  return "E:" + lower(school.substr(std::min<std::size_t>(2, school.size())));
}

}  // namespace

Result<string> make_template(string_view survey_csv, string_view choices_csv, string_view visits_csv) {
  DUDAO_TRY(const Sheet survey, Sheet::read(survey_csv, {"type", "name", "label", "hint", "calculation",
                                                         "bind:constraint", "constraint_message"}));
  DUDAO_TRY(const Sheet choices, Sheet::read(choices_csv, {"list name", "name", "label"}));
  DUDAO_TRY(const Sheet visits, Sheet::read(visits_csv, needed_columns()));
  const auto form = questions(survey);
  std::set<string_view> numbers;
  for (const ColumnRule& rule : kColumns)
    if (rule.kind == Kind::kInteger) numbers.insert(rule.name);

  nlohmann::ordered_json json = {{"format", "dudao-checklist-1"},
                                 {"code", "NG-EDUCATION"},
                                 {"version", 1},
                                 {"title", {{"en", "Survey of schools"}}},
                                 {"languages", {"en"}},
                                 {"sections", nlohmann::ordered_json::array()}};
  for (const auto& [section, section_title] : kSections) {
    nlohmann::ordered_json items = nlohmann::ordered_json::array();
    for (const ColumnRule& rule : kColumns) {
      if (rule.section != section) continue;
      const auto question = form.find(string(rule.question.empty() ? rule.name : rule.question));
      const Question* asked = question == form.end() ? nullptr : &question->second;
      constexpr std::array<string_view, 6> kTypes = {"", "yes_no", "integer", "text", "date", "single"};
      nlohmann::ordered_json item = {{"code", rule.name},
                                     {"type", kTypes[static_cast<std::size_t>(rule.kind)]},
                                     {"title", asked && !asked->label.empty() ? asked->label : title_from(rule.name)}};
      if (asked && !asked->hint.empty()) item["guidance"] = asked->hint;
      if (rule.kind == Kind::kSingle) {
        const string type = asked ? asked->type : string();
        item["options"] =
            options(rule, string_view(type).substr(std::min(type.find(' ') + 1, type.size())), choices, visits);
      }
      if (rule.kind == Kind::kInteger) {
        item["min"] = 0;
        item["max"] = 100'000;
      }
      item["required"] = false;  // The rows have gaps everywhere.
      if (rule.kind == Kind::kInteger && asked && !asked->constraint.empty() &&
          rule.name != "num_tchrs_attended_training") {
        if (const auto constraint = translated(asked->constraint, form, numbers)) {
          item["constraint"] = *constraint;
          if (!asked->message.empty()) item["constraint_message"] = asked->message;
        }
      }
      for (const FindingRule& finding : kFindings)
        if (finding.column == rule.name)
          item["finding_if"] = {{{"when", finding.when}, {"severity", finding.severity}, {"text", finding.text}}};
      items.push_back(std::move(item));
    }
    json["sections"].push_back({{"code", section}, {"title", section_title}, {"items", std::move(items)}});
  }
  string bytes = json.dump();
  DUDAO_TRY(const Checklist checked, Checklist::parse(bytes));
  return bytes;
}

Result<Source> read_source(string_view lgas, string_view visits_csv, const Checklist& checklist) {
  Source source;
  DUDAO_TRY(const auto districts, read_districts(lgas, source.units));
  DUDAO_TRY(Sheet sheet, Sheet::read(visits_csv, needed_columns()));
  source.columns = sheet.columns;
  const std::int64_t first_day = *day_from_date("2010-01-01"), last_day = *day_from_date("2013-12-31");
  std::unordered_map<string, std::size_t> seen;  // uuid to line
  std::set<string> schools;

  const auto read = [&](CsvRow& row) -> Result<SourceVisit> {
    if (row.cells.size() != sheet.columns.size())
      return fail(Code::kRowWidth, std::to_string(row.cells.size()) + " cells");
    const auto cell = [&](string_view column) -> const string& { return row.cells[sheet.at(column)]; };
    if (cell("uuid").empty()) return fail(Code::kRowMissing, "uuid");
    if (const auto before = seen.find(cell("uuid")); before != seen.end())
      return fail(Code::kRowRepeated, "uuid as in line " + std::to_string(before->second));
    SourceVisit visit{row.line, {}, {}, 0, 0, {}};
    const auto fix = fix_from(cell("gps"));
    if (!fix) return fail(Code::kRowPosition, "gps");
    const auto day = day_from_date(cell("date_of_survey"));
    if (!day || *day < first_day || *day > last_day) return fail(Code::kRowValue, "date_of_survey");
    visit.day = *day;
    visit.accuracy_cm = fix->accuracy_cm;

    const auto district = districts.find(cell("lga_id"));
    if (district == districts.end()) return fail(Code::kRowPlace, "lga_id " + cell("lga_id"));
    visit.school.code = upper_code(cell("facility_ID"));
    visit.school.name = tidied(cell("facility_name"));
    if (visit.school.name.empty()) visit.school.name = cell("facility_ID");
    visit.school.org_unit = "LGA-" + cell("lga_id");
    visit.school.lat_e7 = fix->lat_e7;
    visit.school.lon_e7 = fix->lon_e7;
    visit.school.datum = "WGS-84";
    const std::vector<string> place(district->second.begin(), district->second.end());
    for (const ColumnRule& rule : kColumns) {
      const string& text = cell(rule.name);
      if (rule.kind == Kind::kTree) {
        if (tree_cell(rule.name, visit.school.code, *visit.school.org_unit, place) != text)
          return fail(Code::kRowPlace, string(rule.name));
        continue;
      }
      if (text.empty()) continue;
      const auto answer = answer_from_cell(rule, text);
      if (!answer) return fail(Code::kRowValue, string(rule.name));
      visit.answers.emplace(rule.name, *answer);
    }
    for (const auto& [item, answer] : visit.answers) DUDAO_CHECK(checklist.check_answer(item, answer, visit.answers));
    if (!schools.insert(visit.school.code).second) return fail(Code::kRowConflict, "facility_ID");
    seen.emplace(cell("uuid"), row.line);
    visit.cells = std::move(row.cells);
    return visit;
  };
  for (CsvRow& row : sheet.rows) {
    const std::size_t line = row.line;
    auto visit = read(row);
    if (visit)
      source.visits.push_back(*std::move(visit));
    else
      source.refused.push_back({line, visit.error()});
  }
  return source;
}

StoredVisit expected(const SourceVisit& visit, const Source& source) {
  StoredVisit stored;
  stored.school = visit.school.code;
  stored.school_name = visit.school.name;
  stored.unit = visit.school.org_unit.value_or("");
  for (string code = stored.unit; !code.empty();) {
    const auto unit = std::find_if(source.units.begin(), source.units.end(),
                                   [&](const OrgUnit& candidate) { return candidate.code == code; });
    if (unit == source.units.end()) break;
    stored.place.insert(stored.place.begin(), unit->name);
    code = unit->parent.value_or("");
  }
  stored.day = visit.day;
  stored.lat_e7 = visit.school.lat_e7.value_or(0);
  stored.lon_e7 = visit.school.lon_e7.value_or(0);
  stored.accuracy_cm = visit.accuracy_cm;
  stored.answers = visit.answers;
  for (const FindingRule& rule : kFindings) {
    const auto column = std::find(source.columns.begin(), source.columns.end(), rule.column);
    if (visit.cells[static_cast<std::size_t>(column - source.columns.begin())] == rule.cell)
      stored.finding_items.emplace_back(rule.column);
  }
  return stored;
}

std::vector<string> compare(const SourceVisit& visit, const Source& source, const StoredVisit& stored) {
  std::vector<string> differing;
  for (std::size_t i = 0; i < source.columns.size(); ++i) {
    const auto rule = std::find_if(std::begin(kColumns), std::end(kColumns),
                                   [&](const ColumnRule& candidate) { return candidate.name == source.columns[i]; });
    if (rule == std::end(kColumns)) continue;
    const string written = rule->kind == Kind::kTree ? tree_cell(rule->name, stored.school, stored.unit, stored.place)
                                                     : cell_from_answer(*rule, stored.answers);
    if (written != visit.cells[i]) differing.push_back(source.columns[i]);
  }
  for (const auto& [item, answer] : stored.answers)
    if (!visit.answers.contains(item) && !answer.is_empty() &&
        std::find(differing.begin(), differing.end(), item) == differing.end())
      differing.push_back("an answer to " + item);
  const StoredVisit own = expected(visit, source);
  if (stored.school_name != own.school_name) differing.emplace_back("the school's name");
  if (stored.day != own.day) differing.emplace_back("the day");
  if (stored.lat_e7 != own.lat_e7 || stored.lon_e7 != own.lon_e7) differing.emplace_back("the position");
  if (stored.accuracy_cm != own.accuracy_cm) differing.emplace_back("the position's accuracy");
  auto findings = stored.finding_items, own_findings = own.finding_items;
  std::sort(findings.begin(), findings.end());
  std::sort(own_findings.begin(), own_findings.end());
  if (findings != own_findings) differing.emplace_back("the findings");
  return differing;
}

}  // namespace dudao::replay
