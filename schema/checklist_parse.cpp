#include "platform/crypto.hpp"
#include "schema/checklist.hpp"
#include "schema/checklist_impl.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;
using std::int64_t;
using std::size_t;
using std::string;
using std::string_view;

constexpr size_t kMaxNesting = 16;
constexpr size_t kMaxSourceBytes = 1'000'000;
constexpr int64_t kMaxHundredths = 1'000'000;  ///< 10,000.00: weights and points.
constexpr int64_t kDefaultMost = 1'000'000'000;
constexpr int64_t kDefaultChars = 1'000;
constexpr size_t kMaxLanguages = 16;
constexpr size_t kMaxBands = 20;
constexpr size_t kMaxFindings = 8;
constexpr int64_t kMaxPhotos = 20;
constexpr int64_t kMaxVersion = 1'000'000'000;
constexpr string_view kFormats[kChecklistFormats] = {"dudao-checklist-1", "dudao-checklist-2"};

/// Refuses what nlohmann's reader would let pass: names twice in one object (it keeps the last), fractions (floats),
/// and nesting without end.
class StrictReader : public nlohmann::json_sax<json> {
 public:
  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& text) override {
    return refuse("the number " + quotable(text) + " is not whole or too large");
  }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return refuse("binary"); }
  bool start_object(size_t /*count*/) override {
    names_.emplace_back();
    return deeper();
  }
  bool key(string_t& name) override {
    return names_.back().insert(name).second || refuse("'" + quotable(name) + "' stands twice");
  }
  bool end_object() override {
    names_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(size_t /*count*/) override { return deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t position, const string_t& /*token*/, const nlohmann::detail::exception& /*what*/) override {
    return refuse("byte " + std::to_string(position));
  }

 private:
  bool deeper() { return ++depth_ <= kMaxNesting || refuse("nested too deeply"); }
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  std::vector<std::set<std::string>> names_;
  size_t depth_ = 0;
  std::string problem_;
};

Status check_json(string_view bytes) {
  StrictReader reader;
  if (!json::sax_parse(bytes, &reader)) return fail(Code::kChecklistNotJson, reader.problem());
  return {};
}

tl::unexpected<Error> shape(const string& where, string_view what) {
  return fail(Code::kChecklistShape, where + ": " + string(what));
}

/// An object, with exactly these members allowed.
Status check_members(const json& object, const string& where, std::initializer_list<string_view> allowed) {
  if (!object.is_object()) return shape(where, "must be an object");
  for (const auto& [name, value] : object.items())
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
      return shape(where, "'" + quotable(name) + "' is unknown");
  return {};
}

Result<string> read_string(const json& object, const char* name, const string& where) {
  const auto found = object.find(name);
  if (found == object.end()) return shape(where, "'" + string(name) + "' is missing");
  if (!found->is_string()) return shape(where, "'" + string(name) + "' must be text");
  return found->get<string>();
}

Result<bool> read_flag(const json& object, const char* name, bool otherwise, const string& where) {
  const auto found = object.find(name);
  if (found == object.end()) return otherwise;
  if (!found->is_boolean()) return shape(where, "'" + string(name) + "' must be true or false");
  return found->get<bool>();
}

/// A number: whole, or with decimals as text. Scaled by 10^decimals.
Result<int64_t> read_number(const json& value, unsigned decimals, int64_t least, int64_t most, const string& where) {
  std::optional<int64_t> number;
  if (value.is_number_integer()) number = parse_decimal(value.dump(), decimals);
  if (value.is_string() && decimals > 0) number = parse_decimal(value.get<string>(), decimals);
  const bool form = value.is_number_integer() || (value.is_string() && decimals > 0);
  if (!form)
    return shape(where, decimals > 0 ? "must be a whole number, or text like \"2.5\"" : "must be a whole number");
  if (!number || *number < least || *number > most)
    return fail(Code::kChecklistRange, where + ": from " + decimal_text(least, decimals) + " to " +
                                           decimal_text(most, decimals) + ", " + std::to_string(decimals) +
                                           " decimals");
  return *number;
}

Result<int64_t> read_whole(const json& object, const char* name, int64_t otherwise, int64_t least, int64_t most,
                           const string& where) {
  const auto found = object.find(name);
  if (found == object.end()) return otherwise;
  return read_number(*found, 0, least, most, where + " " + name);
}

Result<int64_t> read_hundredths(const json& object, const char* name, int64_t least, int64_t most,
                                const string& where) {
  const auto found = object.find(name);
  if (found == object.end()) return shape(where, "'" + string(name) + "' is missing");
  return read_number(*found, 2, least, most, where + " " + name);
}

Result<const json*> read_array(const json& object, const char* name, size_t most, const string& where) {
  const auto found = object.find(name);
  if (found == object.end()) return shape(where, "'" + string(name) + "' is missing");
  if (!found->is_array() || found->empty()) return shape(where, "'" + string(name) + "' must be a list with entries");
  if (found->size() > most)
    return fail(Code::kChecklistTooBig, where + ": more than " + std::to_string(most) + " " + name);
  return &*found;
}

bool is_code(string_view code) {
  if (code.empty() || code.size() > kMaxCodeBytes) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!letter(code.front())) return false;
  char before = code.front();
  for (const char c : code.substr(1)) {
    if (!letter(c) && !(c >= '0' && c <= '9') && !(c == '.' && before != '.')) return false;
    before = c;
  }
  if (before == '.') return false;
  static constexpr string_view kWords[] = {"and", "or", "not", "in", "div", "mod", "true", "false"};
  return std::find(std::begin(kWords), std::end(kWords), code) == std::end(kWords);
}

/// A code that stands for something outside expressions may also begin with a digit and hold '-'.
bool is_plain_code(string_view code) {
  return !code.empty() && code.size() <= kMaxCodeBytes && std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

Result<string> read_code(const json& object, const string& where, bool (*well_formed)(string_view)) {
  DUDAO_TRY(string code, read_string(object, "code", where));
  if (!well_formed(code)) return fail(Code::kChecklistCodeForm, where + ": '" + quotable(code) + "'");
  return code;
}

class Parser {
 public:
  Result<std::shared_ptr<const Checklist::Impl>> run(string_view bytes) {
    if (bytes.size() > kMaxChecklistBytes)
      return fail(Code::kChecklistTooBig,
                  std::to_string(bytes.size()) + " bytes, at most " + std::to_string(kMaxChecklistBytes));
    DUDAO_CHECK(check_json(bytes));
    const json document = json::parse(bytes);
    list_->hash = sha256(view(bytes));
    DUDAO_CHECK(heading(document));
    DUDAO_TRY(const json* sections, read_array(document, "sections", kMaxChecklistSections, "checklist"));
    for (const json& section : *sections) DUDAO_CHECK(this->section(section, std::nullopt, 0));
    DUDAO_CHECK(expressions());
    DUDAO_CHECK(put_in_order());
    DUDAO_CHECK(check_expressions());
    DUDAO_CHECK(weights(document));
    return std::shared_ptr<const Checklist::Impl>(std::move(list_));
  }

 private:
  Status heading(const json& document) {
    const string where = "checklist";
    DUDAO_CHECK(check_members(document, where,
                              {"$schema", "format", "code", "version", "title", "languages", "bands", "fail_below",
                               "cap", "veto", "weight", "sections"}));
    if (document.contains("$schema")) {
      DUDAO_TRY([[maybe_unused]] const string schema, read_string(document, "$schema", where));
    }
    DUDAO_TRY(const string format, read_string(document, "format", where));
    const auto* known = std::find(std::begin(kFormats), std::end(kFormats), format);
    if (known == std::end(kFormats))
      return shape(where, "'format' must be " + string(kFormats[0]) + " or " + string(kFormats[1]));
    list_->format = static_cast<unsigned>(known - std::begin(kFormats)) + 1;
    DUDAO_TRY(list_->code, read_code(document, where, is_plain_code));
    if (!document.contains("version")) return shape(where, "'version' is missing");
    DUDAO_TRY(list_->version, read_whole(document, "version", 0, 1, kMaxVersion, where));
    DUDAO_TRY(const json* languages, read_array(document, "languages", kMaxLanguages, where));
    for (const json& language : *languages) {
      if (!language.is_string() || !is_plain_code(language.get<string>()))
        return shape(where, "'languages' must be tags like \"zh\"");
      const string tag = language.get<string>();
      if (std::find(list_->languages.begin(), list_->languages.end(), tag) != list_->languages.end())
        return fail(Code::kChecklistCodeTwice, "language " + tag);
      list_->languages.push_back(tag);
    }
    DUDAO_TRY(list_->title, text(document, "title", true, where));
    DUDAO_TRY(list_->veto, read_flag(document, "veto", false, where));
    list_->fail_below = 6'000;
    if (document.contains("fail_below")) {
      DUDAO_TRY(list_->fail_below, read_hundredths(document, "fail_below", 1, kFullScore, where));
    }
    if (document.contains("bands")) DUDAO_CHECK(bands(document));
    if (document.contains("cap")) DUDAO_CHECK(cap(document["cap"]));
    return {};
  }

  Status bands(const json& document) {
    DUDAO_TRY(const json* bands, read_array(document, "bands", kMaxBands, "checklist"));
    for (const json& entry : *bands) {
      const string where = "band " + std::to_string(list_->bands.size() + 1);
      DUDAO_CHECK(check_members(entry, where, {"code", "title", "from"}));
      Band band;
      DUDAO_TRY(band.code, read_code(entry, where, is_plain_code));
      for (const Band& other : list_->bands)
        if (other.code == band.code) return fail(Code::kChecklistCodeTwice, "band " + band.code);
      DUDAO_TRY(band.title, text(entry, "title", true, where));
      DUDAO_TRY(band.from, read_hundredths(entry, "from", 0, kFullScore, where));
      if (!list_->bands.empty() && band.from >= list_->bands.back().from)
        return fail(Code::kChecklistBands, "band " + band.code);
      list_->bands.push_back(std::move(band));
    }
    if (list_->bands.back().from != 0) return fail(Code::kChecklistBands, "band " + list_->bands.back().code);
    return {};
  }

  Status cap(const json& entry) {
    DUDAO_CHECK(check_members(entry, "cap", {"score", "band"}));
    if (entry.empty()) return shape("cap", "needs 'score' or 'band'");
    Cap cap;
    if (entry.contains("score")) {
      DUDAO_TRY(cap.score, read_hundredths(entry, "score", 0, kFullScore, "cap"));
    }
    if (entry.contains("band")) {
      DUDAO_TRY(const string code, read_string(entry, "band", "cap"));
      for (size_t i = 0; i < list_->bands.size(); ++i)
        if (list_->bands[i].code == code) cap.band = i;
      if (!cap.band) return fail(Code::kChecklistBands, "cap: there is no band '" + quotable(code) + "'");
    }
    list_->cap = cap;
    return {};
  }

  static Status check_text(const string& value, const string& where) {
    if (value.find_first_not_of(" \t\r\n") == string::npos) return fail(Code::kChecklistText, where + ": empty");
    if (value.size() > kMaxTextBytes)
      return fail(Code::kChecklistText, where + ": more than " + std::to_string(kMaxTextBytes) + " bytes");
    if (std::any_of(value.begin(), value.end(),
                    [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F; }))
      return fail(Code::kChecklistText, where + ": control character");
    return {};
  }

  Result<Text> text(const json& object, const char* name, bool required, const string& place) const {
    const string where = place + " " + name;
    const auto found = object.find(name);
    if (found == object.end()) {
      if (required) return shape(place, "'" + string(name) + "' is missing");
      return Text();
    }
    if (found->is_string()) {
      DUDAO_CHECK(check_text(found->get<string>(), where));
      return Text({{"", found->get<string>()}});
    }
    if (!found->is_object()) return shape(where, "must be text, or an object with a text for each language");
    for (const auto& [language, value] : found->items())
      if (std::find(list_->languages.begin(), list_->languages.end(), language) == list_->languages.end())
        return fail(Code::kChecklistText, where + ": language '" + quotable(language) + "' is not declared");
    std::vector<std::pair<string, string>> texts;
    for (const string& language : list_->languages) {
      const auto value = found->find(language);
      if (value == found->end()) {
        if (!texts.empty()) continue;
        return fail(Code::kChecklistText, string(where).append(": '").append(language).append("' is missing"));
      }
      if (!value->is_string()) return shape(where, "'" + language + "' must be text");
      DUDAO_CHECK(check_text(value->get<string>(), where));
      texts.emplace_back(language, value->get<string>());
    }
    return Text(std::move(texts));
  }

  Status take_code(const string& code) {
    if (!codes_.insert(code).second) return fail(Code::kChecklistCodeTwice, code);
    return {};
  }

  Status section(const json& entry, std::optional<size_t> parent, size_t depth) {
    const string numbered = "section " + std::to_string(list_->sections.size() + 1);
    DUDAO_CHECK(
        check_members(entry, numbered, {"code", "title", "guidance", "visible_if", "weight", "sections", "items"}));
    Section section;
    DUDAO_TRY(section.code, read_code(entry, numbered, is_code));
    DUDAO_CHECK(take_code(section.code));
    const string where = "section " + section.code;
    DUDAO_TRY(section.title, text(entry, "title", true, where));
    DUDAO_TRY(section.guidance, text(entry, "guidance", false, where));
    section.parent = parent;
    section.depth = depth;
    if (depth >= kMaxChecklistDepth || list_->sections.size() >= kMaxChecklistSections)
      return fail(Code::kChecklistTooBig, where + ": more than " + std::to_string(kMaxChecklistSections) +
                                              " sections or " + std::to_string(kMaxChecklistDepth) + " levels");
    const size_t index = list_->sections.size();
    list_->sections.push_back(std::move(section));
    section_json_.push_back(&entry);
    if (entry.contains("items") == entry.contains("sections"))
      return shape(where, "needs either 'items' or 'sections', not both");
    if (entry.contains("items")) {
      DUDAO_TRY(const json* items, read_array(entry, "items", kMaxChecklistItems, where));
      for (const json& item : *items) DUDAO_CHECK(this->item(item, index));
    } else {
      DUDAO_TRY(const json* sections, read_array(entry, "sections", kMaxChecklistSections, where));
      for (const json& below : *sections) DUDAO_CHECK(this->section(below, index, depth + 1));
    }
    return {};
  }

  Status item(const json& entry, size_t section) {
    const string numbered = "item " + std::to_string(list_->items.size() + 1);
    if (list_->items.size() >= kMaxChecklistItems)
      return fail(Code::kChecklistTooBig, "more than " + std::to_string(kMaxChecklistItems) + " items");
    DUDAO_CHECK(check_members(
        entry, numbered,
        {"code",       "title",      "guidance",           "type",      "options",    "unit",       "decimals", "min",
         "max",        "max_length", "required",           "allow_na",  "statutory",  "clause",     "critical", "veto",
         "visible_if", "constraint", "constraint_message", "calculate", "finding_if", "min_photos", "scoring"}));
    Item item;
    DUDAO_TRY(item.code, read_code(entry, numbered, is_code));
    DUDAO_CHECK(take_code(item.code));
    const string where = "item " + item.code;
    item.section = section;
    DUDAO_TRY(const string type, read_string(entry, "type", where));
    const std::optional<ItemType> known = item_type_from(type);
    if (!known) return shape(where, "there is no type '" + quotable(type) + "'");
    item.type = *known;
    DUDAO_CHECK(fitting(entry, item.type, where));
    DUDAO_TRY(item.title, text(entry, "title", true, where));
    DUDAO_TRY(item.guidance, text(entry, "guidance", false, where));
    DUDAO_TRY(item.unit, text(entry, "unit", false, where));
    DUDAO_TRY(item.clause, text(entry, "clause", false, where));
    DUDAO_TRY(item.constraint_message, text(entry, "constraint_message", false, where));
    if (!item.constraint_message.empty() && !entry.contains("constraint"))
      return shape(where, "'constraint_message' without 'constraint'");
    DUDAO_TRY(item.required, read_flag(entry, "required", item.type != ItemType::kCalculated, where));
    DUDAO_TRY(item.allow_na, read_flag(entry, "allow_na", false, where));
    DUDAO_TRY(item.statutory, read_flag(entry, "statutory", false, where));
    DUDAO_TRY(item.critical, read_flag(entry, "critical", false, where));
    DUDAO_TRY(item.veto, read_flag(entry, "veto", false, where));
    if (item.veto && !list_->veto) return fail(Code::kChecklistVeto, where);
    DUDAO_TRY(const int64_t photos, read_whole(entry, "min_photos", 0, 0, kMaxPhotos, where));
    item.min_photos = static_cast<unsigned>(photos);
    DUDAO_CHECK(range(entry, item, where));
    if (item.type == ItemType::kSingle || item.type == ItemType::kMulti) DUDAO_CHECK(options(entry, item, where));
    DUDAO_CHECK(scoring(entry, item, where));
    if ((item.critical || item.veto) && item.scoring.mode == ScoringMode::kUnscored)
      return fail(Code::kChecklistScoring, where + ": critical or veto, but not scored");
    if (item.critical && !list_->cap) return fail(Code::kChecklistScoring, where + ": critical, but there is no 'cap'");
    list_->index.emplace(item.code, list_->items.size());
    list_->items.push_back(std::move(item));
    item_json_.push_back(&entry);
    return {};
  }

  /// Members that have a meaning for some types only.
  static Status fitting(const json& entry, ItemType type, const string& where) {
    using T = ItemType;
    static const std::pair<const char*, std::set<ItemType>> only_for[] = {
        {"options", {T::kSingle, T::kMulti}},
        {"unit", {T::kScale, T::kInteger, T::kDecimal, T::kCountOf, T::kCalculated}},
        {"decimals", {T::kDecimal, T::kCalculated}},
        {"min", {T::kScale, T::kInteger, T::kDecimal}},
        {"max", {T::kScale, T::kInteger, T::kDecimal, T::kCountOf}},
        {"max_length", {T::kText}},
        {"calculate", {T::kCalculated}}};
    for (const auto& [name, types] : only_for)
      if (entry.contains(name) && !types.contains(type))
        return shape(where, "'" + string(name) + "' has no meaning for " + string(to_string(type)));
    if (type == T::kCalculated) {
      for (const char* name : {"required", "allow_na", "constraint"})
        if (entry.contains(name)) return shape(where, "'" + string(name) + "' has no meaning for calculated");
      if (!entry.contains("calculate")) return shape(where, "'calculate' is missing");
    }
    if (type == T::kScale && (!entry.contains("min") || !entry.contains("max")))
      return shape(where, "a scale needs 'min' and 'max'");
    if (type == T::kDecimal && !entry.contains("decimals")) return shape(where, "'decimals' is missing");
    return {};
  }

  static Status range(const json& entry, Item& item, const string& where) {
    DUDAO_TRY(const int64_t decimals, read_whole(entry, "decimals", 0, 0, kMaxDecimals, where));
    item.decimals = static_cast<unsigned>(decimals);
    if (item.type == ItemType::kDecimal && decimals == 0)
      return fail(Code::kChecklistRange, where + " decimals: at least 1; without decimals it is an integer");
    if (item.type == ItemType::kDate) {
      item.min = *parse_date("0001-01-01");
      item.max = *parse_date("9999-12-31");
    }
    DUDAO_TRY(item.max_chars, read_whole(entry, "max_length", kDefaultChars, 1, kMaxTextAnswerChars, where));
    const bool counts = item.type == ItemType::kCountOf;
    if (!counts && item.type != ItemType::kScale && item.type != ItemType::kInteger && item.type != ItemType::kDecimal)
      return {};
    item.max = *parse_decimal(std::to_string(kDefaultMost), item.decimals);
    item.min = counts ? 0 : -item.max;
    const int64_t furthest = counts ? kDefaultMost : kMaxNumber;
    if (entry.contains("min")) {
      DUDAO_TRY(item.min, read_number(entry["min"], item.decimals, -furthest, furthest, where + " min"));
    }
    if (entry.contains("max")) {
      DUDAO_TRY(item.max, read_number(entry["max"], item.decimals, counts ? 0 : -furthest, furthest, where + " max"));
    }
    if (item.min > item.max) return fail(Code::kChecklistRange, where + ": 'min' above 'max'");
    return {};
  }

  Status options(const json& entry, Item& item, const string& where) const {
    DUDAO_TRY(const json* options, read_array(entry, "options", kMaxItemOptions, where));
    std::set<string> codes;
    for (const json& each : *options) {
      const string place = where + " option " + std::to_string(item.options.size() + 1);
      DUDAO_CHECK(check_members(each, place, {"code", "label", "value", "offered_if"}));
      if (each.contains("offered_if") && list_->format < 2)
        return shape(place, "'offered_if' came with " + string(kFormats[1]));
      Option option;
      DUDAO_TRY(option.code, read_code(each, place, is_plain_code));
      if (!codes.insert(option.code).second) return fail(Code::kChecklistCodeTwice, where + " option " + option.code);
      DUDAO_TRY(option.label, text(each, "label", true, place));
      item.options.push_back(std::move(option));
    }
    return {};
  }

  static Status scoring(const json& entry, Item& item, const string& where) {
    const auto found = entry.find("scoring");
    const bool has_options = !item.options.empty();
    ScoringMode mode = ScoringMode::kUnscored;
    if (found != entry.end()) {
      DUDAO_CHECK(check_members(*found, where + " scoring", {"mode", "weight", "max", "deduct", "met_if"}));
      DUDAO_TRY(const string name, read_string(*found, "mode", where + " scoring"));
      const std::optional<ScoringMode> known = scoring_mode_from(name);
      if (!known) return shape(where + " scoring", "there is no mode '" + quotable(name) + "'");
      mode = *known;
    }
    const auto refuse = [&](string_view what) {
      return fail(Code::kChecklistScoring, where + ": " + string(to_string(mode)) + " " + string(what));
    };
    const bool numeric = item.type == ItemType::kScale || item.type == ItemType::kInteger ||
                         item.type == ItemType::kDecimal || item.type == ItemType::kCalculated;
    const bool counts = item.type == ItemType::kCountOf;
    bool takes_max = false;
    bool takes_deduct = false;
    bool takes_met_if = false;
    switch (mode) {
      case ScoringMode::kUnscored:
        break;
      case ScoringMode::kMet:
        takes_met_if = true;
        if (item.type != ItemType::kYesNo && !found->contains("met_if")) return refuse("needs 'met_if'");
        break;
      case ScoringMode::kPoints:
        if (!has_options && !numeric && !counts) return refuse("does not fit " + string(to_string(item.type)));
        takes_max = !counts;
        break;
      case ScoringMode::kDeduction:
        takes_deduct = !has_options;
        takes_max = true;
        if (!has_options && !counts && item.type != ItemType::kYesNo && (!numeric || item.type == ItemType::kScale))
          return refuse("does not fit " + string(to_string(item.type)));
        break;
      case ScoringMode::kGrade:
        if (item.type != ItemType::kSingle) return refuse("fits single only");
        break;
    }
    item.scoring.mode = mode;
    if (found != entry.end()) {
      const std::pair<const char*, bool> members[] = {{"weight", mode != ScoringMode::kUnscored},
                                                      {"max", takes_max},
                                                      {"deduct", takes_deduct},
                                                      {"met_if", takes_met_if}};
      for (const auto& [name, taken] : members)
        if (found->contains(name) && !taken) return refuse("takes no '" + string(name) + "' here");
    }
    if (mode != ScoringMode::kUnscored) {
      DUDAO_TRY(item.scoring.weight, read_hundredths(*found, "weight", 1, kMaxHundredths, where + " scoring"));
    }
    if (takes_max) {
      DUDAO_TRY(item.scoring.max, read_hundredths(*found, "max", 1, kMaxHundredths, where + " scoring"));
    }
    if (takes_deduct) {
      DUDAO_TRY(item.scoring.deduct, read_hundredths(*found, "deduct", 1, kMaxHundredths, where + " scoring"));
    }
    const bool valued = mode == ScoringMode::kPoints || mode == ScoringMode::kDeduction || mode == ScoringMode::kGrade;
    for (size_t i = 0; i < item.options.size(); ++i) {
      const json& option = entry["options"][i];
      const string place = where + " option " + item.options[i].code;
      if (!valued && option.contains("value")) return refuse("takes no 'value' of options");
      if (!valued) continue;
      const int64_t most = mode == ScoringMode::kGrade ? kFullScore : kMaxHundredths;
      DUDAO_TRY(item.options[i].value, read_hundredths(option, "value", 0, most, place));
    }
    return {};
  }

  /// Reads all expressions, once all codes are known.
  Status expressions() {
    list_->rules.resize(list_->items.size());
    list_->section_visible_if.resize(list_->sections.size());
    for (size_t i = 0; i < list_->sections.size(); ++i)
      DUDAO_CHECK(expression(*section_json_[i], "visible_if", "section " + list_->sections[i].code, std::nullopt,
                             list_->section_visible_if[i]));
    for (size_t i = 0; i < list_->items.size(); ++i) {
      const json& entry = *item_json_[i];
      const string where = "item " + list_->items[i].code;
      ItemRules& rules = list_->rules[i];
      DUDAO_CHECK(expression(entry, "visible_if", where, std::nullopt, rules.visible_if));
      DUDAO_CHECK(expression(entry, "calculate", where, std::nullopt, rules.calculate));
      DUDAO_CHECK(expression(entry, "constraint", where, i, rules.constraint));
      if (entry.contains("scoring")) DUDAO_CHECK(expression(entry["scoring"], "met_if", where, i, rules.met_if));
      for (size_t n = 0; n < list_->items[i].options.size(); ++n) {
        const json& option = entry["options"][n];
        if (!option.contains("offered_if")) continue;
        rules.offered_if.resize(list_->items[i].options.size());
        DUDAO_CHECK(expression(option, "offered_if", where + " option " + list_->items[i].options[n].code, std::nullopt,
                               rules.offered_if[n]));
      }
      if (!entry.contains("finding_if")) continue;
      DUDAO_TRY(const json* findings, read_array(entry, "finding_if", kMaxFindings, where));
      for (const json& finding : *findings) {
        const string place = where + " finding_if " + std::to_string(rules.finding_if.size() + 1);
        DUDAO_CHECK(check_members(finding, place, {"when", "severity", "text", "clause"}));
        FindingRule rule;
        std::optional<Expression> when;
        DUDAO_CHECK(expression(finding, "when", place, i, when));
        if (!when) return shape(place, "'when' is missing");
        rule.when = std::move(*when);
        DUDAO_TRY(const string severity, read_string(finding, "severity", place));
        const std::optional<Severity> known = severity_from(severity);
        if (!known) return shape(place, "there is no severity '" + quotable(severity) + "'");
        rule.severity = *known;
        DUDAO_TRY(rule.text, text(finding, "text", true, place));
        DUDAO_TRY(rule.clause, text(finding, "clause", false, place));
        rules.finding_if.push_back(std::move(rule));
      }
    }
    return {};
  }

  Status expression(const json& object, const char* name, const string& where, std::optional<size_t> self,
                    std::optional<Expression>& out) const {
    if (!object.contains(name)) return {};
    DUDAO_TRY(const string source, read_string(object, name, where));
    const auto find = [this](string_view code) -> std::optional<size_t> {
      const auto found = list_->index.find(code);
      if (found == list_->index.end()) return std::nullopt;
      return found->second;
    };
    Result<Expression> parsed = Expression::parse(source, find, self, list_->format);
    if (!parsed) return fail(parsed.error().code, where + " " + name + ": " + parsed.error().detail);
    out = *std::move(parsed);
    return {};
  }

  std::vector<size_t> dependencies(size_t item) const {
    std::vector<size_t> needed;
    const auto add = [&needed](const std::optional<Expression>& expression) {
      if (expression) needed.insert(needed.end(), expression->references().begin(), expression->references().end());
    };
    add(list_->rules[item].visible_if);
    add(list_->rules[item].calculate);
    for (std::optional<size_t> at = list_->items[item].section; at; at = list_->sections[*at].parent)
      add(list_->section_visible_if[*at]);
    return needed;
  }

  /// Sorts the items so that each comes after those that it depends on, and notes for each which ones those are.
  Status put_in_order() {
    const size_t count = list_->items.size();
    std::vector<std::vector<size_t>> needed(count);
    std::vector<std::vector<size_t>> needed_by(count);
    std::vector<size_t> waiting_for(count, 0);
    for (size_t i = 0; i < count; ++i) {
      needed[i] = dependencies(i);
      waiting_for[i] = needed[i].size();
      for (const size_t other : needed[i]) needed_by[other].push_back(i);
    }
    for (size_t i = 0; i < count; ++i)
      if (waiting_for[i] == 0) list_->order.push_back(i);
    for (size_t next = 0; next < list_->order.size(); ++next)
      for (const size_t other : needed_by[list_->order[next]])
        if (--waiting_for[other] == 0) list_->order.push_back(other);
    if (list_->order.size() < count) return fail(Code::kChecklistCycle, circle(needed, waiting_for));

    std::vector<size_t> place(count);
    for (size_t i = 0; i < count; ++i) place[list_->order[i]] = i;
    for (size_t i = 0; i < count; ++i) {
      std::vector<size_t> open = needed[i];
      if (const auto& constraint = list_->rules[i].constraint)
        open.insert(open.end(), constraint->references().begin(), constraint->references().end());
      for (const auto& offered : list_->rules[i].offered_if)
        if (offered) open.insert(open.end(), offered->references().begin(), offered->references().end());
      std::vector<bool> seen(count, false);
      seen[i] = true;
      std::vector<size_t>& needs = list_->rules[i].needs;
      needs.push_back(i);
      while (!open.empty()) {
        const size_t other = open.back();
        open.pop_back();
        if (seen[other]) continue;
        seen[other] = true;
        needs.push_back(other);
        open.insert(open.end(), needed[other].begin(), needed[other].end());
      }
      std::sort(needs.begin(), needs.end(), [&place](size_t a, size_t b) { return place[a] < place[b]; });
    }
    return {};
  }

  /// "A -> B -> A": one of the circles among the items that still wait.
  string circle(const std::vector<std::vector<size_t>>& needed, const std::vector<size_t>& waiting_for) const {
    size_t at = 0;
    while (waiting_for[at] == 0) ++at;
    std::vector<size_t> path;
    while (std::find(path.begin(), path.end(), at) == path.end()) {
      path.push_back(at);
      at = *std::find_if(needed[at].begin(), needed[at].end(), [&](size_t other) { return waiting_for[other] > 0; });
    }
    path.erase(path.begin(), std::find(path.begin(), path.end(), at));
    constexpr size_t kShown = 8;
    string shown;
    for (size_t i = 0; i < path.size() && i < kShown; ++i) shown += list_->items[path[i]].code + " -> ";
    return shown + (path.size() > kShown ? "... -> " : "") + list_->items[at].code;
  }

  Status check(std::optional<Expression>& expression, const string& where, ExpressionType* type = nullptr) const {
    if (!expression) return {};
    return check(*expression, where, type);
  }

  /// A condition, unless `type` is asked for.
  Status check(Expression& expression, const string& where, ExpressionType* type = nullptr) const {
    Result<ExpressionType> result = expression.check([this](size_t item) -> const Item& { return list_->items[item]; });
    if (!result) return fail(result.error().code, where + ": " + result.error().detail);
    if (type) {
      *type = *result;
    } else if (result->kind != ExpressionKind::kCondition) {
      return fail(Code::kChecklistTypes, where + ": is not a condition");
    }
    return {};
  }

  Status check_expressions() {
    for (const size_t i : list_->order) DUDAO_CHECK(calculation(i));
    for (size_t i = 0; i < list_->sections.size(); ++i)
      DUDAO_CHECK(check(list_->section_visible_if[i], "section " + list_->sections[i].code + " visible_if"));
    for (size_t i = 0; i < list_->items.size(); ++i) {
      const string where = "item " + list_->items[i].code;
      ItemRules& rules = list_->rules[i];
      DUDAO_CHECK(check(rules.visible_if, where + " visible_if"));
      DUDAO_CHECK(check(rules.constraint, where + " constraint"));
      DUDAO_CHECK(check(rules.met_if, where + " met_if"));
      for (size_t n = 0; n < rules.offered_if.size(); ++n)
        DUDAO_CHECK(check(rules.offered_if[n], where + " option " + list_->items[i].options[n].code + " offered_if"));
      for (size_t n = 0; n < rules.finding_if.size(); ++n)
        DUDAO_CHECK(check(rules.finding_if[n].when, where + " finding_if " + std::to_string(n + 1) + " when"));
    }
    return {};
  }

  Status calculation(size_t index) {
    Item& item = list_->items[index];
    ItemRules& rules = list_->rules[index];
    if (!rules.calculate) return {};
    const string where = "item " + item.code + " calculate";
    ExpressionType type;
    DUDAO_CHECK(check(rules.calculate, where, &type));
    if (type.kind != ExpressionKind::kNumber) return fail(Code::kChecklistTypes, where + ": is not a number");
    if (type.decimals > item.decimals)
      return fail(Code::kChecklistTypes, where + ": has " + std::to_string(type.decimals) + " decimals, the item " +
                                             std::to_string(item.decimals) + "; use ratio() to round");
    for (unsigned i = type.decimals; i < item.decimals; ++i) rules.calculate_scale *= 10;
    const int64_t furthest = kMaxNumber / rules.calculate_scale;
    if (type.least < -furthest || type.most > furthest)
      return fail(Code::kChecklistOverflow, where + ": could be more than " + std::to_string(kMaxNumber));
    item.min = type.least * rules.calculate_scale;
    item.max = type.most * rules.calculate_scale;
    return {};
  }

  Status weights(const json& document) {
    std::vector<int64_t> sums(list_->sections.size(), 0);
    int64_t whole = 0;
    for (const Item& item : list_->items) {
      whole += item.scoring.weight;
      for (std::optional<size_t> at = item.section; at; at = list_->sections[*at].parent)
        sums[*at] += item.scoring.weight;
    }
    for (size_t i = 0; i < sums.size(); ++i)
      DUDAO_CHECK(declared(*section_json_[i], sums[i], "section " + list_->sections[i].code));
    return declared(document, whole, "checklist");
  }

  static Status declared(const json& object, int64_t sum, const string& where) {
    if (!object.contains("weight")) return {};
    constexpr auto kMost = static_cast<int64_t>(kMaxChecklistItems) * kMaxHundredths;
    DUDAO_TRY(const int64_t weight, read_hundredths(object, "weight", 0, kMost, where));
    if (weight == sum) return {};
    return fail(Code::kChecklistWeights,
                where + ": declares " + decimal_text(weight, 2) + ", its items have " + decimal_text(sum, 2));
  }

  std::shared_ptr<Checklist::Impl> list_ = std::make_shared<Checklist::Impl>();
  std::vector<const json*> section_json_;
  std::vector<const json*> item_json_;
  std::set<string> codes_;
};

}  // namespace

Result<Checklist> Checklist::parse(string_view json) {
  DUDAO_TRY(std::shared_ptr<const Impl> impl, Parser().run(json));
  auto all = std::make_shared<Chosen>();
  all->asked.resize(impl->items.size(), true);
  for (const Item& item : impl->items) all->items.push_back(&item);
  return Checklist(std::move(impl), std::move(all));
}

Result<string> Checklist::compact(string_view json) {
  if (json.size() > kMaxSourceBytes)
    return fail(Code::kChecklistTooBig,
                std::to_string(json.size()) + " bytes, at most " + std::to_string(kMaxSourceBytes));
  DUDAO_CHECK(check_json(json));
  return nlohmann::ordered_json::parse(json).dump();
}

}  // namespace dudao
