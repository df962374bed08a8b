#include "schema/register_import.hpp"

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

namespace dudao {
namespace {

using std::optional;
using std::string;
using std::string_view;

constexpr std::size_t kMaxTextBytes = 1000;
constexpr std::size_t kMaxCodeBytes = 64;
constexpr std::int64_t kMaxPupils = 1'000'000;
constexpr char kJoin = '\x1f';  // Cannot stand in a tidied text.

bool is_code(string_view s) noexcept {
  if (s.empty() || s.size() > kMaxCodeBytes) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// One word of a register and ours for it.
struct Word {
  string_view theirs;
  string_view ours;
};
constexpr Word kStageWords[] = {
    {"KINDERGARTEN", "KINDERGARTEN"},
    {"PRE-PRIMARY", "KINDERGARTEN"},
    {"幼儿园", "KINDERGARTEN"},
    {"PRIMARY", "PRIMARY"},
    {"小学", "PRIMARY"},
    {"JUNIOR", "JUNIOR"},
    {"JUNIOR SECONDARY", "JUNIOR"},
    {"初中", "JUNIOR"},
    {"SENIOR", "SENIOR"},
    {"SENIOR SECONDARY", "SENIOR"},
    {"高中", "SENIOR"},
    {"SECONDARY", "JUNIOR,SENIOR"},
    {"完全中学", "JUNIOR,SENIOR"},
    {"九年一贯制", "PRIMARY,JUNIOR"},
    {"十二年一贯制", "PRIMARY,JUNIOR,SENIOR"},
    {"VOCATIONAL", "VOCATIONAL"},
    {"中职", "VOCATIONAL"},
    {"职业高中", "VOCATIONAL"},
    {"SPECIAL", "SPECIAL"},
    {"特殊教育", "SPECIAL"},
    {"HIGHER", "HIGHER"},
    {"高等教育", "HIGHER"},
};
constexpr Word kOwnershipWords[] = {
    {"PUBLIC", "PUBLIC"}, {"公办", "PUBLIC"}, {"PRIVATE", "PRIVATE"}, {"民办", "PRIVATE"}};
constexpr Word kStatusWords[] = {{"OPEN", "OPEN"}, {"正常", "OPEN"}, {"CLOSED", "CLOSED"}, {"停办", "CLOSED"}};
constexpr Word kInspectorWords[] = {{"ACTIVE", "ACTIVE"},  {"在任", "ACTIVE"},   {"SUSPENDED", "SUSPENDED"},
                                    {"暂停", "SUSPENDED"}, {"EXITED", "EXITED"}, {"退出", "EXITED"}};
constexpr Word kBooleanWords[] = {{"1", "1"}, {"YES", "1"}, {"TRUE", "1"},  {"是", "1"},
                                  {"0", "0"}, {"NO", "0"},  {"FALSE", "0"}, {"否", "0"}};
constexpr Word kDatumWords[] = {{"WGS-84", "WGS-84"}, {"WGS84", "WGS-84"}, {"GCJ-02", "GCJ-02"},
                                {"GCJ02", "GCJ-02"},  {"BD-09", "BD-09"},  {"BD09", "BD-09"}};
constexpr Word kReasonWords[] = {{"R1", "R1"}, {"R2", "R2"}, {"R3", "R3"}, {"R4", "R4"}, {"R5", "R5"}};

string upper(string_view s) {
  string out(s);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

optional<string_view> our_word(std::span<const Word> words, string_view theirs) {
  const string key = upper(theirs);
  for (const Word& word : words)
    if (word.theirs == key) return word.ours;
  return std::nullopt;
}

string derived_code(string_view prefix, string_view joined) {
  return string(prefix) + upper(to_hex(sha256(view(joined)))).substr(0, 16);
}

/// What a kind of register may have: its fields, and those that a row must have.
struct Kind {
  std::vector<string_view> required;
  std::vector<string_view> optional_fields;
};

/// One row on its way to a record. The first thing that is wrong is kept; all later questions are harmless.
class Row {
 public:
  Row(const ColumnMap& map, const std::map<string, std::size_t, std::less<>>& columns, const CsvRow& row)
      : map_(map), columns_(columns), row_(row) {}

  optional<string> text(string_view field) {
    const auto source = map_.fields().find(field);
    if (source == map_.fields().end()) return std::nullopt;
    if (source->second.constant) return checked(field, *source->second.constant);
    return checked(field, row_.cells[columns_.find(source->second.columns.front())->second]);
  }
  string need(string_view field) {
    auto value = text(field);
    if (!value) refuse(Code::kRowMissing, field);
    return std::move(value).value_or(string());
  }
  /// The names of a path up to the first empty one.
  std::vector<string> path(string_view field) {
    std::vector<string> names;
    const auto source = map_.fields().find(field);
    if (source == map_.fields().end()) return names;
    for (const string& column : source->second.columns) {
      auto name = checked(field, row_.cells[columns_.find(column)->second]);
      if (!name) break;
      names.push_back(*std::move(name));
    }
    return names;
  }
  optional<string> code(string_view field) {
    auto value = text(field);
    if (value && !is_code(*value)) refuse(Code::kRowCode, field);
    return value;
  }
  string need_code(string_view field) {
    const string value = need(field);
    if (!error_ && !is_code(value)) refuse(Code::kRowCode, field);
    return value;
  }
  optional<std::int64_t> integer(string_view field, std::int64_t least, std::int64_t most) {
    const auto value = text(field);
    if (!value) return std::nullopt;
    std::int64_t n = 0;
    const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), n);
    if (problem != std::errc{} || end != value->data() + value->size() || n < least || n > most)
      refuse(Code::kRowNumber, field);
    return n;
  }
  optional<string> word(string_view field, std::span<const Word> words) {
    const auto value = text(field);
    if (!value) return std::nullopt;
    const auto ours = our_word(words, *value);
    if (!ours) {
      refuse(Code::kRowValue, field);
      return std::nullopt;
    }
    return string(*ours);
  }
  bool flag(string_view field) { return word(field, kBooleanWords) == "1"; }
  optional<std::int64_t> day(string_view field) {
    const auto value = text(field);
    if (!value) return std::nullopt;
    const auto day = day_from_date(*value);
    if (!day) refuse(Code::kRowValue, field);
    return day;
  }

  void refuse(Code code, string_view what) {
    if (!error_) error_ = Error{code, string(what)};
  }
  const optional<Error>& error() const noexcept { return error_; }

 private:
  optional<string> checked(string_view field, string_view raw) {
    string value = tidied(raw);
    if (value.empty()) return std::nullopt;
    if (value.size() > kMaxTextBytes ||
        std::any_of(value.begin(), value.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
      refuse(Code::kRowText, field);
    return value;
  }

  const ColumnMap& map_;
  const std::map<string, std::size_t, std::less<>>& columns_;
  const CsvRow& row_;
  optional<Error> error_;
};

Status check_fields(const ColumnMap& map, const Kind& kind) {
  for (const string_view field : kind.required)
    if (!map.fields().contains(field)) return fail(Code::kColumnMap, string(field) + " is needed");
  for (const auto& [field, source] : map.fields()) {
    const auto is = [&field = field](string_view name) { return name == field; };
    if (std::none_of(kind.required.begin(), kind.required.end(), is) &&
        std::none_of(kind.optional_fields.begin(), kind.optional_fields.end(), is))
      return fail(Code::kColumnMap, "there is no field " + field);
    if (field != "place" && source.columns.size() > 1) return fail(Code::kColumnMap, field + " takes one column");
    if (field == "place" && source.constant) return fail(Code::kColumnMap, "place takes columns");
  }
  return {};
}

/// Reads the file row by row: `read` makes a record, `key` names it.
template <class Record, class Read, class Key>
Status import_rows(string_view bytes, TextEncoding encoding, const ColumnMap& map, const Kind& kind,
                   Import<Record>& out, Read read, Key key) {
  DUDAO_CHECK(check_fields(map, kind));
  std::map<string, std::size_t, std::less<>> columns;
  std::size_t width = 0;
  std::unordered_map<string, std::pair<std::size_t, std::size_t>> seen;  // Key to place and line.
  DUDAO_CHECK(read_csv(bytes, encoding, [&](CsvRow& csv) -> Status {
    if (width == 0) {
      width = csv.cells.size();
      for (std::size_t i = 0; i < width; ++i) csv.cells[i] = tidied(csv.cells[i]);
      for (const auto& [field, source] : map.fields())
        for (const string& column : source.columns) {
          if (std::count(csv.cells.begin(), csv.cells.end(), column) != 1)
            return fail(Code::kCsvHeader, "column " + column);
          columns[column] =
              static_cast<std::size_t>(std::find(csv.cells.begin(), csv.cells.end(), column) - csv.cells.begin());
        }
      return {};
    }
    ++out.rows;
    if (csv.cells.size() != width) {
      out.refused.push_back({csv.line, {Code::kRowWidth, std::to_string(csv.cells.size()) + " cells"}});
      return {};
    }
    Row row(map, columns, csv);
    Record record = read(row);
    if (!row.error()) {
      const auto [place, is_new] = seen.try_emplace(key(record), out.records.size(), csv.line);
      const auto& [index, line] = place->second;
      if (is_new) {
        out.records.push_back(std::move(record));
        return {};
      }
      row.refuse(out.records[index] == record ? Code::kRowRepeated : Code::kRowConflict,
                 "as in line " + std::to_string(line));
    }
    out.refused.push_back({csv.line, *row.error()});
    return {};
  }));
  if (width == 0) return fail(Code::kCsvHeader, "the file is empty");
  return {};
}

/// Finds and makes units by their path of names.
class Tree {
 public:
  Tree(const SchoolImportOptions& options, const ColumnMap& map) : options_(options) {
    for (const OrgUnit& unit : options.known) add(unit);
    if (const auto place = map.fields().find("place"); place != map.fields().end()) levels_ = place->second.columns;
  }

  bool has(const string& code) const { return names_.contains(code); }

  /// The code of the unit at the end of the path. Error: kRowPlace.
  Result<string> resolve(const std::vector<string>& path) {
    string at = options_.root;
    string shown;
    for (std::size_t depth = 0; depth < path.size(); ++depth) {
      shown += (depth ? " > " : "") + path[depth];
      const auto children = named(at, path[depth]);
      if (children.size() > 1) return fail(Code::kRowPlace, shown + " is there more than once");
      if (children.size() == 1) {
        at = children.front();
      } else if (const auto own = names_.find(at); own != names_.end() && own->second == path[depth]) {
        continue;
      } else if (options_.make_units) {
        OrgUnit unit{derived_code("U-", "unit|" + options_.root + "|" + joined(path, depth + 1)), path[depth],
                     depth < levels_.size() ? levels_[depth] : string(), std::nullopt};
        if (!at.empty()) unit.parent = at;
        at = unit.code;
        add(unit);
        made_.push_back(std::move(unit));
      } else {
        return fail(Code::kRowPlace, shown);
      }
    }
    if (at.empty()) return fail(Code::kRowPlace, "no place is given");
    return at;
  }

  static string joined(const std::vector<string>& path, std::size_t names) {
    string text;
    for (std::size_t i = 0; i < names; ++i) text += (i ? "|" : "") + path[i];
    return text;
  }

  std::vector<OrgUnit> take_made() { return std::move(made_); }

 private:
  static bool is_placeholder(string_view name) {
    return name == "市辖区" || name == "县" || name == "省直辖县级行政区划" || name == "自治区直辖县级行政区划";
  }
  void add(const OrgUnit& unit) {
    names_[unit.code] = unit.name;
    const string parent = unit.parent.value_or(string());
    children_[parent + kJoin + unit.name].push_back(unit.code);
    if (is_placeholder(unit.name)) placeholders_[parent].push_back(unit.code);
  }
  std::vector<string> named(const string& parent, const string& name) const {
    std::vector<string> found;
    const auto look = [&](const string& at) {
      if (const auto row = children_.find(at + kJoin + name); row != children_.end())
        found.insert(found.end(), row->second.begin(), row->second.end());
    };
    look(parent);
    if (!found.empty()) return found;
    if (const auto row = placeholders_.find(parent); row != placeholders_.end())
      for (const string& placeholder : row->second) look(placeholder);
    return found;
  }

  const SchoolImportOptions& options_;
  std::vector<string> levels_;
  std::unordered_map<string, string> names_;
  std::unordered_map<string, std::vector<string>> children_;
  std::unordered_map<string, std::vector<string>> placeholders_;
  std::vector<OrgUnit> made_;
};

/// "小学、初中" or "Primary" as "PRIMARY,JUNIOR", in the order of kStages.
optional<string> stages(Row& row) {
  const auto value = row.text("stages");
  if (!value) return std::nullopt;
  std::set<string_view> found;
  string_view rest = *value;
  while (!rest.empty()) {
    std::size_t end = rest.size(), next = rest.size();
    for (const string_view separator : {"、", ",", ";", "/", "+", "，", "；"})
      if (const std::size_t at = rest.find(separator); at < end) end = at, next = at + separator.size();
    auto ours = our_word(kStageWords, tidied(rest.substr(0, end)));
    rest.remove_prefix(next);
    if (!ours) {
      row.refuse(Code::kRowValue, "stages");
      return std::nullopt;
    }
    while (!ours->empty()) {
      const std::size_t comma = std::min(ours->find(','), ours->size());
      found.insert(ours->substr(0, comma));
      ours->remove_prefix(std::min(comma + 1, ours->size()));
    }
  }
  string text;
  for (const string_view stage : kStages)
    if (found.contains(stage)) text.append(text.empty() ? "" : ",").append(stage);
  return text;
}

void read_position(Row& row, School& school) {
  const auto lat = row.text("lat"), lon = row.text("lon"), datum = row.word("datum", kDatumWords);
  if (!lat && !lon) return;
  const auto lat_e7 = lat ? degrees_e7(*lat, 90) : std::nullopt;
  const auto lon_e7 = lon ? degrees_e7(*lon, 180) : std::nullopt;
  // Zero and zero lie in the sea; registers write them where they know nothing.
  if (!lat_e7 || !lon_e7 || (*lat_e7 == 0 && *lon_e7 == 0)) return row.refuse(Code::kRowPosition, "lat, lon");
  if (!datum) return row.refuse(Code::kRowMissing, "datum");
  school.lat_e7 = lat_e7;
  school.lon_e7 = lon_e7;
  school.datum = datum;
}

const auto kPairKey = [](const InspectorSchool& row) { return row.inspector + kJoin + row.school; };

template <class T>
Value or_null(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}

}  // namespace

string tidied(string_view text) {
  string out;
  bool blank = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t skip = 0;
    if (const char c = text[i]; c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      skip = 1;
    } else {
      for (const string_view wide : {"\xc2\xa0", "\xe3\x80\x80", "\xef\xbb\xbf", "\xe2\x80\x8b"})
        if (text.substr(i).starts_with(wide)) skip = wide.size();
    }
    if (skip != 0) {
      blank = true;
      i += skip;
      continue;
    }
    if (blank && !out.empty()) out.push_back(' ');
    blank = false;
    out.push_back(text[i++]);
  }
  return out;
}

optional<std::int64_t> degrees_e7(string_view text, std::int64_t limit_degrees) noexcept {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  // Statistics programs write a school on the equator as -6.5e-05.
  int exponent = 0;
  if (const std::size_t at = text.find_first_of("eE"); at != string_view::npos) {
    string_view power = text.substr(at + 1);
    const bool down = power.starts_with('-');
    if (down || power.starts_with('+')) power.remove_prefix(1);
    if (power.empty() || power.size() > 2) return std::nullopt;
    for (const char c : power) {
      if (c < '0' || c > '9') return std::nullopt;
      exponent = exponent * 10 + (c - '0');
    }
    if (down) exponent = -exponent;
    text = text.substr(0, at);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  if (point == 0 || text.size() > 40 || point + 1 == text.size()) return std::nullopt;
  // Digit by digit; `place` is the power of ten of the digit in units of 1e-7 degrees.
  std::int64_t value = 0;
  bool round_up = false;
  int place = static_cast<int>(point) - 1 + exponent + 7;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == point) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    const int digit = text[i] - '0';
    if (place >= 0) value = value * 10 + digit;
    if (place == -1) round_up = digit >= 5;
    if (value > limit_degrees * 10'000'000) return std::nullopt;
    --place;
  }
  for (; place >= 0; --place) {
    value *= 10;
    if (value > limit_degrees * 10'000'000) return std::nullopt;
  }
  if (round_up) ++value;
  if (value > limit_degrees * 10'000'000) return std::nullopt;
  return negative ? -value : value;
}

optional<std::int64_t> day_from_date(string_view text) noexcept {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int n = 0;
    for (std::size_t i = at; i < at + length; ++i) {
      if (text[i] < '0' || text[i] > '9') return -1;
      n = n * 10 + (text[i] - '0');
    }
    return n;
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  if (!date.ok() || number(0, 4) < 1900 || number(0, 4) > 2999) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

Result<ColumnMap> ColumnMap::parse(const std::vector<string>& assignments) {
  ColumnMap map;
  for (const string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == string::npos || equals == 0) return fail(Code::kColumnMap, assignment);
    const bool constant = assignment[equals - 1] == ':';
    const string field = assignment.substr(0, constant ? equals - 1 : equals);
    const string_view value = string_view(assignment).substr(equals + 1);
    Source source;
    if (constant) {
      source.constant = string(value);
    } else {
      for (std::size_t from = 0; from <= value.size();) {
        const std::size_t end = std::min(value.find('>', from), value.size());
        source.columns.push_back(tidied(value.substr(from, end - from)));
        from = end + 1;
      }
      for (const string& column : source.columns)
        if (column.empty()) return fail(Code::kColumnMap, assignment);
    }
    if (field.empty() || !map.fields_.emplace(field, std::move(source)).second)
      return fail(Code::kColumnMap, assignment);
  }
  return map;
}

Result<ColumnMap> ColumnMap::parse(string_view lines) {
  std::vector<string> assignments;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    string line = tidied(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line.empty() && line[0] != '#') assignments.push_back(std::move(line));
  }
  return parse(assignments);
}

Result<Import<OrgUnit>> import_org_units(string_view bytes, TextEncoding encoding, const ColumnMap& map,
                                         const std::vector<OrgUnit>& known) {
  Import<OrgUnit> out;
  std::set<string> codes;
  for (const OrgUnit& unit : known) codes.insert(unit.code);
  const auto read = [&](Row& row) {
    OrgUnit unit{row.need_code("code"), row.need("name"), row.need("level"), row.code("parent")};
    if (unit.parent && !codes.contains(*unit.parent)) row.refuse(Code::kRowPlace, "parent");
    if (!row.error()) codes.insert(unit.code);
    return unit;
  };
  DUDAO_CHECK(import_rows(bytes, encoding, map, Kind{{"code", "name", "level"}, {"parent"}}, out, read,
                          [](const OrgUnit& unit) { return unit.code; }));
  return out;
}

Result<SchoolImport> import_schools(string_view bytes, TextEncoding encoding, const ColumnMap& map,
                                    const SchoolImportOptions& options) {
  const bool by_path = map.fields().contains("place");
  if (by_path == map.fields().contains("org_unit")) return fail(Code::kColumnMap, "either org_unit or place is needed");
  SchoolImport out;
  Tree tree(options, map);
  if (!options.root.empty() && !tree.has(options.root)) return fail(Code::kColumnMap, "root " + options.root);
  const auto read = [&](Row& row) {
    School school;
    school.name = row.need("name");
    const auto path = row.path("place");
    if (map.fields().contains("code"))
      school.code = row.need_code("code");
    else
      school.code = derived_code("N-", "school|" + Tree::joined(path, path.size()) + "|" + school.name);
    school.stages = stages(row);
    school.ownership = row.word("ownership", kOwnershipWords);
    school.pupils = row.integer("pupils", 0, kMaxPupils);
    school.classes = row.integer("classes", 0, kMaxPupils);
    read_position(row, school);
    school.status = row.word("status", kStatusWords).value_or("OPEN");
    school.weight = row.integer("weight", 1, 10'000).value_or(1);
    school.head = row.text("head");
    school.superior_unit = row.text("superior_unit");
    if (by_path && !row.error()) {
      auto unit = tree.resolve(path);
      if (unit)
        school.org_unit = *std::move(unit);
      else
        row.refuse(unit.error().code, unit.error().detail);
    } else if (!by_path) {
      school.org_unit = row.need_code("org_unit");
      if (!tree.has(*school.org_unit)) row.refuse(Code::kRowPlace, "org_unit");
    }
    return school;
  };
  const Kind kind{{"name"},
                  {"code", "org_unit", "place", "stages", "ownership", "pupils", "classes", "lat", "lon", "datum",
                   "status", "weight", "head", "superior_unit"}};
  DUDAO_CHECK(import_rows<School>(bytes, encoding, map, kind, out, read, [](const School& s) { return s.code; }));
  out.made_units = tree.take_made();
  return out;
}

Result<Import<Inspector>> import_inspectors(string_view bytes, TextEncoding encoding, const ColumnMap& map) {
  Import<Inspector> out;
  const auto read = [](Row& row) {
    Inspector inspector;
    inspector.code = row.need_code("code");
    inspector.name = row.need("name");
    inspector.full_time = row.flag("full_time");
    inspector.lead = row.flag("lead");
    inspector.credential = row.text("credential");
    inspector.credential_until_day = row.day("credential_until");
    row.need("capacity");
    inspector.capacity = row.integer("capacity", 0, 10'000).value_or(0);
    inspector.status = row.word("status", kInspectorWords).value_or("ACTIVE");
    return inspector;
  };
  DUDAO_CHECK(
      import_rows(bytes, encoding, map,
                  Kind{{"code", "name", "capacity"}, {"full_time", "lead", "credential", "credential_until", "status"}},
                  out, read, [](const Inspector& inspector) { return inspector.code; }));
  return out;
}

Result<Import<InspectorSchool>> import_zones(string_view bytes, TextEncoding encoding, const ColumnMap& map) {
  Import<InspectorSchool> out;
  const auto read = [](Row& row) {
    return InspectorSchool{row.need_code("inspector"), row.need_code("school"), std::nullopt, row.day("until")};
  };
  DUDAO_CHECK(import_rows(bytes, encoding, map, Kind{{"inspector", "school"}, {"until"}}, out, read, kPairKey));
  return out;
}

Result<Import<InspectorSchool>> import_conflicts(string_view bytes, TextEncoding encoding, const ColumnMap& map) {
  Import<InspectorSchool> out;
  const auto read = [](Row& row) {
    row.need("reason");
    return InspectorSchool{row.need_code("inspector"), row.need_code("school"), row.word("reason", kReasonWords),
                           row.day("until")};
  };
  DUDAO_CHECK(
      import_rows(bytes, encoding, map, Kind{{"inspector", "school", "reason"}, {"until"}}, out, read, kPairKey));
  return out;
}

std::vector<Value> row_of(const OrgUnit& unit) { return {unit.code, unit.name, unit.level, or_null(unit.parent)}; }
std::vector<Value> row_of(const School& s) {
  return {s.code,
          s.name,
          or_null(s.org_unit),
          or_null(s.stages),
          or_null(s.ownership),
          or_null(s.pupils),
          or_null(s.classes),
          or_null(s.lat_e7),
          or_null(s.lon_e7),
          or_null(s.datum),
          s.status,
          s.weight,
          or_null(s.head),
          or_null(s.superior_unit)};
}
std::vector<Value> row_of(const Inspector& i) {
  return {i.code,
          i.name,
          std::int64_t{i.full_time},
          std::int64_t{i.lead},
          or_null(i.credential),
          or_null(i.credential_until_day),
          i.capacity,
          i.status};
}

}  // namespace dudao
