#include "schema/xlsform.hpp"

#include "platform/bytes.hpp"
#include "schema/checklist.hpp"
#include "schema/checklist_impl.hpp"
#include "schema/register_import.hpp"
#include "schema/xlsform_expression.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::ordered_json;
using std::optional;
using std::size_t;
using std::string;
using std::string_view;

string lower(string_view text) {
  string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

bool is_yes(string_view cell) {
  const string low = lower(cell);
  return low == "yes" || low == "true" || low == "true()" || low == "1";
}

/// One text by language; "" is the language of texts that name none.
using Texts = std::map<string, string>;

/// "label::English (en)", "bind:relevant", "List Name" as name and language.
struct Column {
  string name;
  string language;
};

/// What columns are called in forms of all years.
constexpr std::pair<string_view, string_view> kColumnNames[] = {{"list name", "list_name"},
                                                                {"relevance", "relevant"},
                                                                {"calculate", "calculation"},
                                                                {"caption", "label"},
                                                                {"constraint message", "constraint_message"},
                                                                {"jr:constraintmsg", "constraint_message"},
                                                                {"choice filter", "choice_filter"},
                                                                {"value", "name"},
                                                                {"question type", "type"},
                                                                {"title", "form_title"},
                                                                {"id_string", "form_id"},
                                                                {"default language", "default_language"},
                                                                {"read_only", "readonly"},
                                                                {"guidance hint", "guidance_hint"}};

/// Tags of languages that forms write out; others are named by the tag in brackets.
constexpr std::pair<string_view, string_view> kLanguageNames[] = {
    {"english", "en"},  {"chinese", "zh"}, {"中文", "zh"},    {"汉语", "zh"},   {"简体中文", "zh"},   {"french", "fr"},
    {"français", "fr"}, {"spanish", "es"}, {"español", "es"}, {"arabic", "ar"}, {"portuguese", "pt"}, {"hausa", "ha"},
    {"swahili", "sw"},  {"hindi", "hi"},   {"urdu", "ur"},    {"russian", "ru"}};

string language_tag(string_view written) {
  string name = tidied(written);
  if (const size_t open = name.rfind('('); open != string::npos && name.back() == ')') {
    const string tag = tidied(string_view(name).substr(open + 1, name.size() - open - 2));
    if (!tag.empty() && std::all_of(tag.begin(), tag.end(), [](char c) { return is_word(c) || c == '-'; })) return tag;
    name = tidied(string_view(name).substr(0, open));
  }
  name = lower(name);
  for (const auto& [known, tag] : kLanguageNames)
    if (name == known) return string(tag);
  if (name == "default") return "";
  std::erase_if(name, [](char c) { return !is_word(c) && c != '-'; });
  return name.empty() ? "und" : name.substr(0, kMaxCodeBytes);
}

Column column_of(string_view header) {
  string name = tidied(header);
  if (const string low = lower(name); low.starts_with("bind::") || low.starts_with("bind:"))
    name.erase(0, low.starts_with("bind::") ? 6 : 5);
  Column column;
  const string low = lower(name);
  for (const string_view texts : {"label", "hint", "guidance_hint", "constraint_message", "caption"}) {
    if (!low.starts_with(string(texts) + ":")) continue;
    column.language = language_tag(string_view(name).substr(name.find_last_of(':') + 1));
    name = texts;
    break;
  }
  column.name = lower(name);
  for (const auto& [written, known] : kColumnNames)
    if (column.name == written) column.name = known;
  return column;
}

/// A sheet's rows by column.
class Table {
 public:
  explicit Table(const Sheet& sheet) {
    size_t first = 0;
    while (first < sheet.size() && blank(sheet[first])) ++first;
    if (first == sheet.size()) return;
    for (const string& header : sheet[first].cells) columns_.push_back(column_of(header));
    headers_ = sheet[first].cells;
    header_row_ = sheet[first].number;
    for (size_t i = first + 1; i < sheet.size(); ++i) rows_.push_back(&sheet[i]);
  }

  const std::vector<const SheetRow*>& rows() const { return rows_; }
  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<string>& headers() const { return headers_; }
  size_t header_row() const { return header_row_; }
  bool has(string_view name) const {
    return std::any_of(columns_.begin(), columns_.end(), [&](const Column& column) { return column.name == name; });
  }

  /// The first cell of this name that is not blank.
  string cell(const SheetRow& row, string_view name) const {
    for (size_t i = 0; i < columns_.size() && i < row.cells.size(); ++i)
      if (columns_[i].name == name)
        if (string text = tidied(row.cells[i]); !text.empty()) return text;
    return "";
  }
  Texts texts(const SheetRow& row, string_view name) const {
    Texts out;
    for (size_t i = 0; i < columns_.size() && i < row.cells.size(); ++i)
      if (columns_[i].name == name)
        if (string text = tidied(row.cells[i]); !text.empty()) out.emplace(columns_[i].language, std::move(text));
    return out;
  }
  static bool blank(const SheetRow& row) {
    return std::all_of(row.cells.begin(), row.cells.end(), [](const string& cell) { return tidied(cell).empty(); });
  }

 private:
  std::vector<Column> columns_;
  std::vector<string> headers_;
  std::vector<const SheetRow*> rows_;
  size_t header_row_ = 0;
};

struct Choice {
  string name;
  string code;
  Texts label;
  std::map<string, string> cells;  ///< All columns, for choice_filter.
  size_t row = 0;
};
struct ChoiceList {
  std::vector<Choice> choices;
  std::map<string, string> codes;  ///< By name.
};

/// What a row's type stands for.
enum class Role : std::uint8_t {
  kItem,
  kNote,
  kPosition,  ///< gps: two items.
  kPhoto,
  kBeginGroup,
  kEndGroup,
  kBeginRepeat,
  kEndRepeat,
  kElsewhere,  ///< The visit or a register has it.
  kUnknown,
};

struct TypeOf {
  Role role = Role::kUnknown;
  ItemType type{};
  string list;
  bool other = false;  ///< or_other
  string_view why;     ///< kElsewhere: where it is; kUnknown: why it cannot be.
};

struct NamedType {
  string_view name;
  Role role;
  ItemType type;
  string_view why;
};
constexpr string_view kInJournal = "times and the device stand in the visit's own signed journal";
constexpr string_view kNoType = "no type of item";
constexpr NamedType kTypes[] = {{"integer", Role::kItem, ItemType::kInteger, ""},
                                {"int", Role::kItem, ItemType::kInteger, ""},
                                {"decimal", Role::kItem, ItemType::kDecimal, ""},
                                {"range", Role::kItem, ItemType::kInteger, ""},
                                {"text", Role::kItem, ItemType::kText, ""},
                                {"string", Role::kItem, ItemType::kText, ""},
                                {"barcode", Role::kItem, ItemType::kText, ""},
                                {"date", Role::kItem, ItemType::kDate, ""},
                                {"acknowledge", Role::kItem, ItemType::kSingle, ""},
                                {"trigger", Role::kItem, ItemType::kSingle, ""},
                                {"calculate", Role::kItem, ItemType::kCalculated, ""},
                                {"note", Role::kNote, ItemType::kText, ""},
                                {"gps", Role::kPosition, ItemType::kDecimal, ""},
                                {"geopoint", Role::kPosition, ItemType::kDecimal, ""},
                                {"location", Role::kPosition, ItemType::kDecimal, ""},
                                {"photo", Role::kPhoto, ItemType::kText, ""},
                                {"image", Role::kPhoto, ItemType::kText, ""},
                                {"begin group", Role::kBeginGroup, ItemType::kText, ""},
                                {"begin_group", Role::kBeginGroup, ItemType::kText, ""},
                                {"end group", Role::kEndGroup, ItemType::kText, ""},
                                {"end_group", Role::kEndGroup, ItemType::kText, ""},
                                {"begin repeat", Role::kBeginRepeat, ItemType::kText, ""},
                                {"begin_repeat", Role::kBeginRepeat, ItemType::kText, ""},
                                {"begin loop", Role::kBeginRepeat, ItemType::kText, ""},
                                {"end repeat", Role::kEndRepeat, ItemType::kText, ""},
                                {"end_repeat", Role::kEndRepeat, ItemType::kText, ""},
                                {"end loop", Role::kEndRepeat, ItemType::kText, ""},
                                {"start", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"end", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"today", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"deviceid", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"device id", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"subscriberid", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"subscriber id", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"simserial", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"sim id", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"phonenumber", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"phone number", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"username", Role::kElsewhere, ItemType::kText, "the register of inspectors has it"},
                                {"email", Role::kElsewhere, ItemType::kText, "the register of inspectors has it"},
                                {"audit", Role::kElsewhere, ItemType::kText, kInJournal},
                                {"start-geopoint", Role::kElsewhere, ItemType::kText, "the check-in has the position"},
                                {"audio", Role::kUnknown, ItemType::kText, "evidence is photos"},
                                {"video", Role::kUnknown, ItemType::kText, "evidence is photos"},
                                {"file", Role::kUnknown, ItemType::kText, "evidence is photos"},
                                {"time", Role::kUnknown, ItemType::kText, kNoType},
                                {"datetime", Role::kUnknown, ItemType::kText, kNoType},
                                {"geotrace", Role::kUnknown, ItemType::kText, kNoType},
                                {"geoshape", Role::kUnknown, ItemType::kText, kNoType},
                                {"hidden", Role::kUnknown, ItemType::kText, kNoType},
                                {"rank", Role::kUnknown, ItemType::kText, kNoType}};

/// "select one from x", "select_one x or_other", "select all that apply from x".
optional<TypeOf> select_type(const string& written) {
  constexpr std::pair<string_view, ItemType> kBeginnings[] = {
      {"select_one ", ItemType::kSingle},          {"select one from ", ItemType::kSingle},
      {"select one ", ItemType::kSingle},          {"select1 ", ItemType::kSingle},
      {"select_multiple ", ItemType::kMulti},      {"select multiple from ", ItemType::kMulti},
      {"select multiple ", ItemType::kMulti},      {"select all that apply from ", ItemType::kMulti},
      {"select all that apply ", ItemType::kMulti}};
  const string low = lower(written);
  for (const auto& [beginning, type] : kBeginnings) {
    if (!low.starts_with(beginning)) continue;
    TypeOf of{Role::kItem, type, written.substr(beginning.size()), false, ""};
    for (const string_view ending : {" or_other", " or specify other", " or other"}) {
      if (!lower(of.list).ends_with(ending)) continue;
      of.list.erase(of.list.size() - ending.size());
      of.other = true;
      break;
    }
    return of;
  }
  return std::nullopt;
}

TypeOf type_of(const string& written) {
  const string low = lower(written);
  if (low.starts_with("select_one_from_file") || low.starts_with("select_multiple_from_file") ||
      low.starts_with("select_one_external"))
    return {Role::kUnknown, ItemType::kText, "", false, "choices in another file"};
  if (auto select = select_type(written)) return *select;
  if (low.starts_with("cascading_select") || low.starts_with("cascading select"))
    return {Role::kElsewhere, ItemType::kText, "", false, "the place is the school's, in the register"};
  for (const NamedType& known : kTypes)
    if (low == known.name) return {known.role, known.type, "", false, known.why};
  return {Role::kUnknown, ItemType::kText, "", false, "unknown"};
}

/// One row that means something, or a group with what is in it.
struct Entry {
  const SheetRow* row = nullptr;
  TypeOf type;
  string name;
  string code;
  Texts label;
  Texts hint;
  string relevant;
  std::vector<std::unique_ptr<Entry>> below;  ///< Of a group.
  FormQuestion question;
  // Of a calculation, once it was asked for.
  enum class Calculated : std::uint8_t { kNotYet, kBusy, kDone, kFailed } calculated = Calculated::kNotYet;
  FormNumber calculation;
};

/// Columns that this file reads; what else there is, a form's reader can do without.
constexpr string_view kSurveyColumns[] = {"type",         "name",          "label",
                                          "hint",         "guidance_hint", "relevant",
                                          "required",     "constraint",    "constraint_message",
                                          "calculation",  "choice_filter", "parameters",
                                          "repeat_count", "readonly",      "disabled"};

class FormImporter {
 public:
  FormImporter(const FormSheets& form, const FormOptions& options)
      : options_(options), survey_(form.survey), choices_(form.choices), settings_(form.settings) {}

  Result<FormImport> run() {
    for (const char* needed : {"type", "name"})
      if (!survey_.has(needed)) return fail(Code::kFormSheet, string("survey: ") + needed);
    read_settings();
    read_choices();
    columns("survey", survey_);
    read_survey();
    find_languages();
    name_all(root_);
    ordered_json document = heading();
    document["sections"] = sections(root_, "");
    if (out_.refused.empty()) finish(document);
    const auto by_row = [](const FormRemark& a, const FormRemark& b) {
      return std::pair(a.sheet != "survey", a.row) < std::pair(b.sheet != "survey", b.row);
    };
    std::stable_sort(out_.refused.begin(), out_.refused.end(), by_row);
    std::stable_sort(out_.remarks.begin(), out_.remarks.end(), by_row);
    return std::move(out_);
  }

 private:
  // --- The two lists.

  void refuse(const Entry& entry, Error error) {
    error.detail = (entry.name.empty() ? "" : quotable(entry.name) + ": ") + error.detail;
    out_.refused.push_back({"survey", entry.row->number, std::move(error)});
  }
  void refuse(const Entry& entry, Code code, string_view what) { refuse(entry, Error{code, string(what)}); }
  void remark(const Entry& entry, Code code, string_view what) {
    out_.remarks.push_back({"survey", entry.row->number,
                            Error{code, (entry.name.empty() ? "" : quotable(entry.name) + ": ") + string(what)}});
  }

  // --- Sheets.

  void columns(const char* sheet, const Table& table) {
    std::set<string> said;
    for (size_t i = 0; i < table.columns().size(); ++i) {
      const string& name = table.columns()[i].name;
      const bool read =
          std::find(std::begin(kSurveyColumns), std::end(kSurveyColumns), name) != std::end(kSurveyColumns);
      if (read || name.empty() || !said.insert(name).second) continue;
      const bool used = std::any_of(table.rows().begin(), table.rows().end(), [&](const SheetRow* row) {
        return i < row->cells.size() && !tidied(row->cells[i]).empty();
      });
      if (used)
        out_.remarks.push_back({sheet, table.header_row(), Error{Code::kFormColumn, quotable(table.headers()[i])}});
    }
  }

  void read_settings() {
    code_ = options_.code;
    title_ = options_.title;
    string language = options_.language;
    if (!settings_.rows().empty()) {
      const SheetRow& row = *settings_.rows().front();
      if (code_.empty()) code_ = settings_.cell(row, "form_id");
      if (title_.empty()) title_ = settings_.cell(row, "form_title");
      if (const string written = settings_.cell(row, "default_language"); !written.empty()) {
        default_language_ = language_tag(written);
        if (language.empty()) language = default_language_;
      }
    }
    if (title_.empty()) title_ = code_;
    own_language_ = language.empty() ? "und" : language;
  }

  void read_choices() {
    for (const SheetRow* row : choices_.rows()) {
      const string list = choices_.cell(*row, "list_name");
      const string name = choices_.cell(*row, "name");
      if (list.empty() && name.empty()) continue;
      const auto refuse = [&](string_view what) {
        bad_lists_.insert(list);
        out_.refused.push_back({"choices", row->number,
                                Error{Code::kFormList, quotable(list) + "/" + quotable(name) + ": " + string(what)}});
      };
      Choice choice{name, "", choices_.texts(*row, "label"), {}, row->number};
      if (list.empty() || name.empty()) {
        refuse(list.empty() ? "list_name" : "name");
        continue;
      }
      if (choice.label.empty()) choice.label[""] = name;
      for (size_t i = 0; i < choices_.columns().size(); ++i)
        choice.cells[tidied(choices_.headers()[i])] = i < row->cells.size() ? tidied(row->cells[i]) : "";
      choice.cells["name"] = name;
      ChoiceList& into = lists_[list];
      const auto twin = std::find_if(into.choices.begin(), into.choices.end(),
                                     [&](const Choice& other) { return other.name == name; });
      if (twin != into.choices.end()) {
        for (const auto& [language, label] : choice.label)
          if (string& text = twin->label[language]; text != label) text += text.empty() ? label : " / " + label;
        out_.remarks.push_back(
            {"choices", row->number, Error{Code::kFormMerged, quotable(list) + "/" + quotable(name)}});
        continue;
      }
      choice.code = option_code(into, name);
      if (choice.code != name)
        out_.remarks.push_back(
            {"choices", row->number,
             Error{Code::kFormRenamed, quotable(list) + "/" + quotable(name) + " -> " + choice.code}});
      into.codes.emplace(name, choice.code);
      into.choices.push_back(std::move(choice));
    }
  }

  static string option_code(const ChoiceList& list, const string& name) {
    string code;
    for (const char c : name.substr(0, kMaxCodeBytes)) code += is_word(c) || c == '-' || c == '.' ? c : '_';
    if (code == name) return code;
    if (std::all_of(code.begin(), code.end(), [](char c) { return c == '_'; })) code = "option";
    code.resize(std::min(code.size(), kMaxCodeBytes - 5));
    const string wanted = code;
    const auto taken = [&] {
      return std::any_of(list.choices.begin(), list.choices.end(),
                         [&](const Choice& other) { return other.code == code; });
    };
    for (size_t n = list.choices.size() + 1; code == wanted || taken(); ++n) code = wanted + "_" + std::to_string(n);
    return code;
  }

  void read_survey() {
    std::vector<Entry*> open = {&root_};
    size_t repeats = 0;
    const Entry* repeat = nullptr;
    for (const SheetRow* row : survey_.rows()) {
      const string written = survey_.cell(*row, "type");
      const string name = survey_.cell(*row, "name");
      const Texts label = survey_.texts(*row, "label");
      if (written.empty() && name.empty() && label.empty()) continue;
      ++out_.rows;
      auto entry = std::make_unique<Entry>();
      entry->row = row;
      entry->name = name;
      entry->type = type_of(written);
      entry->label = label;
      entry->hint = survey_.texts(*row, "hint");
      for (const auto& [language, text] : survey_.texts(*row, "guidance_hint")) {
        string& hint = entry->hint[language];
        hint += (hint.empty() ? "" : "\n") + text;
      }
      entry->relevant = survey_.cell(*row, "relevant");
      if (is_yes(survey_.cell(*row, "disabled"))) {
        remark(*entry, Code::kFormAdapted, "left out: the form itself has switched it off");
        continue;
      }
      const Role role = entry->type.role;
      if (repeat) {
        repeats += role == Role::kBeginRepeat ? 1 : 0;
        if (role != Role::kEndRepeat || --repeats > 0) continue;
        repeat = nullptr;
        continue;
      }
      switch (role) {
        case Role::kBeginRepeat:
          refuse(*entry, Code::kFormRepeat, "with everything up to its end");
          repeats = 1;
          unasked_.push_back(std::move(entry));
          repeat = unasked_.back().get();
          break;
        case Role::kEndRepeat:
          refuse(*entry, Code::kFormGroup, "there is no repeat to end");
          break;
        case Role::kEndGroup:
          if (open.size() == 1)
            refuse(*entry, Code::kFormGroup, "there is no group to end");
          else
            open.pop_back();
          break;
        case Role::kBeginGroup:
          open.back()->below.push_back(std::move(entry));
          open.push_back(open.back()->below.back().get());
          if (open.size() - 1 > kMaxChecklistDepth) refuse(*open.back(), Code::kFormGroup, "more than four deep");
          break;
        case Role::kUnknown:
          if (written.empty())
            refuse(*entry, Code::kFormType, "the type is missing");
          else
            refuse(*entry, Code::kFormType, quotable(written) + " (" + string(entry->type.why) + ")");
          unasked_.push_back(std::move(entry));
          break;
        case Role::kElsewhere:
          elsewhere(std::move(entry), written);
          break;
        default:
          if (is_uuid(*entry))
            elsewhere(std::move(entry), "uuid()");
          else
            open.back()->below.push_back(std::move(entry));
      }
    }
    if (repeat) refuse(*repeat, Code::kFormGroup, "the repeat does not end");
    for (size_t i = 1; i < open.size(); ++i) refuse(*open[i], Code::kFormGroup, "the group does not end");
  }

  void elsewhere(std::unique_ptr<Entry> entry, const string& written) {
    const string_view why = entry->type.why.empty() ? string_view("every visit has its own number") : entry->type.why;
    remark(*entry, Code::kFormElsewhere, quotable(written) + " (" + string(why) + ")");
    unasked_.push_back(std::move(entry));
  }

  /// calculate with uuid(): the number of the submission.
  bool is_uuid(const Entry& entry) const {
    return entry.type.role == Role::kItem && entry.type.type == ItemType::kCalculated &&
           survey_.cell(*entry.row, "calculation") == "uuid()";
  }

  // --- Languages.

  void find_languages() {
    std::vector<string> found;
    const auto add = [&](const string& tag) {
      const string named = tag.empty() ? own_language_ : tag;
      if (std::find(found.begin(), found.end(), named) == found.end()) found.push_back(named);
    };
    const auto all = [&](const Table& table) {
      for (const Column& column : table.columns())
        if (column.name == "label" || column.name == "hint" || column.name == "constraint_message" ||
            column.name == "guidance_hint")
          add(column.language);
    };
    all(survey_);
    all(choices_);
    if (found.empty()) found.push_back(own_language_);
    // What the form itself puts first comes first, where texts are in it.
    const auto own = std::find(found.begin(), found.end(), default_language_);
    if (own != found.end()) std::rotate(found.begin(), own, own + 1);
    languages_ = std::move(found);
  }

  /// A text of the template; one string where there is one language. Text in other languages only stands for the first.
  ordered_json text(const Texts& texts) const {
    Texts named;
    for (const auto& [language, text] : texts) named[language.empty() ? own_language_ : language] = text;
    if (languages_.size() == 1) return named.begin()->second;
    ordered_json out = ordered_json::object();
    for (const string& language : languages_)
      if (const auto found = named.find(language); found != named.end()) out[language] = found->second;
    if (!out.contains(languages_.front())) {
      const string first = named.begin()->second;
      out[languages_.front()] = first;
    }
    return out;
  }

  bool fits(const Entry& entry, const Texts& texts) {
    for (const auto& [language, text] : texts) {
      if (text.size() <= kMaxTextBytes) continue;
      refuse(entry, Code::kFormText, std::to_string(text.size()) + " bytes");
      return false;
    }
    return true;
  }

  /// ${name} inside a text shows another answer; here the name stands in brackets.
  void without_answers(const Entry& entry, Texts& texts) {
    bool changed = false;
    for (auto& [language, text] : texts)
      for (size_t at = text.find("${"); at != string::npos; at = text.find("${", at)) {
        const size_t end = text.find('}', at);
        if (end == string::npos) break;
        text.replace(at, end + 1 - at, "[" + tidied(string_view(text).substr(at + 2, end - at - 2)) + "]");
        changed = true;
      }
    if (changed) remark(entry, Code::kFormAdapted, "the text names another question in place of its answer");
  }

  // --- Names.

  string item_code(const string& name) {
    string code;
    for (const char c : name.substr(0, kMaxCodeBytes)) code += is_word(c) || c == '.' ? c : '_';
    for (size_t at = code.find(".."); at != string::npos; at = code.find("..")) code.replace(at, 2, "._");
    if (code.empty() || (code.front() >= '0' && code.front() <= '9') || code.front() == '.') code.insert(0, "q");
    if (code.back() == '.') code.back() = '_';
    static const std::set<string_view> kWords = {"and", "or", "not", "in", "div", "mod", "true", "false"};
    if (kWords.contains(code)) code += "_";
    return unused(code);
  }

  string unused(string code) {
    code.resize(std::min(code.size(), kMaxCodeBytes));
    const string wanted = code;
    for (size_t n = 2; !codes_.insert(code).second; ++n)
      code = wanted.substr(0, kMaxCodeBytes - 5) + "_" + std::to_string(n);
    return code;
  }

  void name_all(Entry& group) {
    // All questions first, so that no made code takes one of theirs.
    name_questions(group);
    for (const auto& entry : unasked_)
      if (!entry->name.empty()) by_name_.emplace(entry->name, entry.get());
  }

  void name_questions(Entry& group) {
    for (const auto& entry : group.below) {
      const bool is_group = entry->type.role == Role::kBeginGroup;
      if (entry->name.empty() && !is_group) {
        refuse(*entry, Code::kFormName, "the name is missing");
        continue;
      }
      if (!entry->name.empty()) {
        if (!by_name_.emplace(entry->name, entry.get()).second) {
          refuse(*entry, Code::kFormName, "the name stands twice");
          continue;
        }
        entry->code = item_code(entry->name);
        if (entry->code != entry->name) remark(*entry, Code::kFormRenamed, "-> " + entry->code);
      } else {
        entry->code = unused("group");
      }
      FormQuestion& question = entry->question;
      question.code = entry->code;
      if (entry->type.role == Role::kItem) {
        question.type = entry->type.type;
        question.decimals = question.type == ItemType::kDecimal ? kFormDecimals : 0;
        if (lower(survey_.cell(*entry->row, "type")) == "range") range_type(*entry);
        // A question that is worked out is shown, not asked.
        if (question.type != ItemType::kCalculated && !survey_.cell(*entry->row, "calculation").empty()) {
          if (question.type == ItemType::kInteger || question.type == ItemType::kDecimal)
            question.type = entry->type.type = ItemType::kCalculated;
          else
            refuse(*entry, Code::kFormCell, "calculation of something that is no number");
        }
        if (question.type == ItemType::kSingle || question.type == ItemType::kMulti) find_list(*entry);
      } else {
        question.code = entry->name;  // For an error that says what nothing can look at.
      }
      if (is_group) name_questions(*entry);
    }
  }

  void find_list(Entry& entry) {
    if (entry.type.list.empty()) {  // acknowledge
      static const std::map<string, string> kAcknowledged = {{"OK", "OK"}};
      entry.question.options = &kAcknowledged;
      return;
    }
    const auto list = lists_.find(entry.type.list);
    static const std::map<string, string> kNone;
    entry.question.options = &kNone;
    if (list == lists_.end() || list->second.choices.empty()) {
      if (!bad_lists_.contains(entry.type.list))
        refuse(entry, Code::kFormList, "there is no list '" + quotable(entry.type.list) + "'");
      return;
    }
    if (list->second.choices.size() > kMaxItemOptions)
      refuse(entry, Code::kFormTooBig,
             quotable(entry.type.list) + " has " + std::to_string(list->second.choices.size()) + " choices, at most " +
                 std::to_string(kMaxItemOptions));
    if (entry.type.other) {
      // The choice is added where the list does not have it.
      auto own = std::make_unique<std::map<string, string>>(list->second.codes);
      own->emplace("other", "other");
      entry.question.options = own.get();
      own_options_.push_back(std::move(own));
    } else {
      entry.question.options = &list->second.codes;
    }
  }

  // --- Expressions.

  Result<const FormQuestion*> find(string_view name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return fail(Code::kFormReference, "there is no question '" + quotable(name) + "'");
    Entry& entry = *found->second;
    if (entry.question.type == ItemType::kCalculated) DUDAO_CHECK(calculate(entry));
    if (entry.question.code.empty()) entry.question.code = entry.name;
    return &entry.question;
  }

  FormContext context(const Entry* self = nullptr) {
    return {[this](string_view name) { return find(name); }, self ? &self->question : nullptr, nullptr};
  }

  /// Works out what a calculation is made of, and with it how many decimals it has.
  Status calculate(Entry& entry) {
    using State = Entry::Calculated;
    if (entry.calculated == State::kDone) return {};
    if (entry.calculated == State::kBusy) return fail(Code::kFormReference, "'" + entry.name + "' waits for itself");
    if (entry.calculated == State::kFailed)
      return fail(Code::kFormReference, "the calculation of '" + entry.name + "' cannot be taken");
    entry.calculated = State::kBusy;
    auto made = [&]() -> Result<FormNumber> {
      const string source = survey_.cell(*entry.row, "calculation");
      if (source.empty()) return fail(Code::kFormCell, "the calculation is missing");
      DUDAO_TRY(const XPath xpath, parse_xpath(source));
      mended(entry, "calculation", xpath);
      return form_number(xpath, context());
    }();
    if (!made) {
      entry.calculated = State::kFailed;
      refuse(entry, Error{made.error().code, "calculation " + made.error().detail});
      return fail(Code::kFormReference, "the calculation of '" + entry.name + "' cannot be taken");
    }
    entry.calculated = State::kDone;
    entry.calculation = *std::move(made);
    entry.question.decimals = entry.calculation.decimals;
    newer_ = newer_ || entry.calculation.newer;
    return {};
  }

  void mended(const Entry& entry, string_view column, const XPath& xpath) {
    for (const string& what : xpath.mended) remark(entry, Code::kFormMended, string(column) + ": " + what);
  }

  /// A condition in our words; nothing if there is none or it was refused.
  optional<string> condition(const Entry& entry, const char* column, const string& source, const FormContext& context,
                             Absent absent) {
    if (source.empty()) return std::nullopt;
    auto made = [&]() -> Result<FormNumber> {
      DUDAO_TRY(const XPath xpath, parse_xpath(source));
      mended(entry, column, xpath);
      return form_condition(xpath, context, absent);
    }();
    if (!made) {
      refuse(entry, Error{made.error().code, string(column) + " " + made.error().detail});
      return std::nullopt;
    }
    newer_ = newer_ || made->newer;
    return made->text;
  }

  // --- The template.

  ordered_json heading() {
    ordered_json document;
    document["format"] = "dudao-checklist-1";
    document["code"] = code_;
    document["version"] = options_.version;
    document["title"] = title_.empty() ? code_ : title_;
    document["languages"] = languages_;
    return document;
  }

  Texts title_of(const Entry& entry) {
    Texts title = entry.label;
    if (title.empty()) {
      title[""] = entry.name;
      std::replace(title[""].begin(), title[""].end(), '_', ' ');
      if (tidied(title[""]).empty()) title[""] = entry.code;
      const bool quiet = entry.type.role == Role::kBeginGroup || entry.type.type == ItemType::kCalculated;
      if (!quiet) remark(entry, Code::kFormAdapted, "without a label; the name stands in its place");
    }
    without_answers(entry, title);
    return title;
  }

  /// Whatever is between two groups becomes a section of its own, since a section holds items or sections, not both.
  ordered_json sections(Entry& group, const string& code) {
    ordered_json out = ordered_json::array();
    ordered_json loose = ordered_json::array();
    const auto close = [&] {
      if (loose.empty()) return;
      ordered_json section;
      section["code"] = unused(code.empty() ? "part" : code.substr(0, kMaxCodeBytes - 8) + ".part");
      section["title"] = code.empty() ? ordered_json(title_.empty() ? code_ : title_) : text(title_of(group));
      section["items"] = std::move(loose);
      loose = ordered_json::array();
      ++out_.sections;
      out.push_back(std::move(section));
    };
    Texts waiting;
    for (size_t i = 0; i < group.below.size(); ++i) {
      Entry& entry = *group.below[i];
      if (entry.type.role == Role::kBeginGroup) {
        close();
        if (auto section = this->section(entry)) out.push_back(*std::move(section));
        continue;
      }
      items(group, i, waiting, loose);
    }
    close();
    return out;
  }

  optional<ordered_json> section(Entry& group) {
    ordered_json section;
    section["code"] = group.code;
    section["title"] = text(title_of(group));
    Texts guidance = group.hint;
    if (const auto visible = condition(group, "relevant", group.relevant, context(), Absent::kFalse))
      section["visible_if"] = *visible;
    const bool mixed = std::any_of(group.below.begin(), group.below.end(),
                                   [](const auto& entry) { return entry->type.role == Role::kBeginGroup; });
    // A note that opens the group is about all of it.
    size_t first = 0;
    while (first < group.below.size() && group.below[first]->type.role == Role::kNote &&
           group.below[first]->relevant.empty() && group.below.size() > 1) {
      Entry& note = *group.below[first++];
      append(guidance, title_of(note));
      append(guidance, note.hint);
      remark(note, Code::kFormAdapted, "stands in the guidance of its section");
    }
    if (first > 0) group.below.erase(group.below.begin(), group.below.begin() + static_cast<std::ptrdiff_t>(first));
    if (!guidance.empty() && fits(group, guidance)) {
      without_answers(group, guidance);
      section["guidance"] = text(guidance);
    }
    ++out_.sections;
    if (mixed) {
      section["sections"] = sections(group, group.code);
    } else {
      ordered_json below = ordered_json::array();
      Texts waiting;
      for (size_t i = 0; i < group.below.size(); ++i) items(group, i, waiting, below);
      section["items"] = std::move(below);
    }
    const ordered_json& below = mixed ? section["sections"] : section["items"];
    if (!below.empty()) return section;
    --out_.sections;
    remark(group, Code::kFormAdapted, "left out: nothing is asked in it");
    return std::nullopt;
  }

  static void append(Texts& to, const Texts& more) {
    for (const auto& [language, text] : more) {
      string& own = to[language];
      own += (own.empty() ? "" : "\n") + text;
    }
  }

  /// Adds what row i of the group becomes. `waiting`: notes that stand in the guidance of the next item.
  void items(Entry& group, size_t i, Texts& waiting, ordered_json& into) {
    Entry& entry = *group.below[i];
    if (entry.code.empty()) return;  // refused for its name
    row_ = entry.row->number;
    if (entry.type.role == Role::kNote) {
      const Entry* next = i + 1 < group.below.size() ? group.below[i + 1].get() : nullptr;
      const bool leads = next && next->type.role == Role::kItem && next->type.type != ItemType::kCalculated &&
                         (entry.relevant.empty() || entry.relevant == next->relevant);
      if (leads) {
        append(waiting, title_of(entry));
        append(waiting, entry.hint);
        remark(entry, Code::kFormAdapted, "stands in the guidance of " + quotable(next->name));
        return;
      }
    }
    ordered_json item;
    item["code"] = entry.code;
    const Texts title = title_of(entry);
    if (!fits(entry, title)) return;
    item["title"] = text(title);
    Texts guidance = std::exchange(waiting, {});
    append(guidance, entry.hint);
    if (!guidance.empty() && fits(entry, guidance)) {
      without_answers(entry, guidance);
      item["guidance"] = text(guidance);
    }
    if (const auto visible = condition(entry, "relevant", entry.relevant, context(), Absent::kFalse))
      item["visible_if"] = *visible;
    const bool answered = entry.type.role == Role::kPosition ||
                          (entry.type.role == Role::kItem && entry.question.type != ItemType::kCalculated);
    if (!answered && !survey_.cell(*entry.row, "constraint").empty())
      refuse(entry, Code::kFormCell, "a constraint where nothing is answered");
    if (answered && is_yes(survey_.cell(*entry.row, "readonly")))
      refuse(entry, Code::kFormCell, "readonly: nobody could answer it");
    switch (entry.type.role) {
      case Role::kNote:
        item["type"] = "text";
        item["required"] = false;
        remark(entry, Code::kFormAdapted, "a remark that may be left open, shown when the note was");
        break;
      case Role::kPhoto:
        item["type"] = "text";
        item["required"] = false;
        item["min_photos"] = 1;
        remark(entry, Code::kFormAdapted, "a remark that may be left open, with a photo asked for");
        break;
      case Role::kPosition:
        return position(entry, std::move(item), into);
      default:
        question(entry, item);
    }
    add(into, std::move(item));
    if (entry.type.other) other(entry, into);
  }

  void add(ordered_json& into, ordered_json item) {
    rows_.emplace(item["code"].get<string>(), row_);
    ++out_.items;
    into.push_back(std::move(item));
  }

  void required(const Entry& entry, ordered_json& item) {
    const string cell = lower(survey_.cell(*entry.row, "required"));
    const bool yes = is_yes(cell);
    if (!yes && !cell.empty() && cell != "no" && cell != "false" && cell != "false()" && cell != "0")
      refuse(entry, Code::kFormCell, "required is a condition");
    item["required"] = yes;
  }

  /// Longitude and latitude in items of their own.
  void position(const Entry& entry, ordered_json item, ordered_json& into) {
    if (!survey_.cell(*entry.row, "constraint").empty()) refuse(entry, Code::kFormCell, "constraint of a position");
    item["type"] = "decimal";
    item["decimals"] = kMaxDecimals;
    item["unit"] = "°";
    required(entry, item);
    constexpr std::array<std::array<const char*, 4>, 2> kParts = {
        {{"lat", "90", " (latitude)", "（纬度）"}, {"lon", "180", " (longitude)", "（经度）"}}};
    for (const auto& [ending, limit, english, chinese] : kParts) {
      ordered_json part = item;
      part["code"] = unused(entry.code.substr(0, kMaxCodeBytes - 4) + "." + ending);
      Texts title = title_of(entry);
      for (auto& [language, text] : title) {
        const string& tag = language.empty() ? own_language_ : language;
        text += tag.starts_with("zh") ? chinese : english;
      }
      part["title"] = text(title);
      part["min"] = "-" + string(limit);
      part["max"] = limit;
      add(into, std::move(part));
    }
    remark(entry, Code::kFormAdapted, "two items, latitude and longitude in degrees");
  }

  void question(Entry& entry, ordered_json& item) {
    const ItemType type = *entry.question.type;
    item["type"] = to_string(type);
    if (type == ItemType::kCalculated) {
      if (!calculate(entry)) return;
      if (entry.calculation.decimals > 0) item["decimals"] = entry.calculation.decimals;
      item["calculate"] = entry.calculation.text;
      return;
    }
    if (type == ItemType::kDecimal) item["decimals"] = kFormDecimals;
    if (type == ItemType::kInteger || type == ItemType::kDecimal) bounds(entry, item);
    if (type == ItemType::kSingle || type == ItemType::kMulti) options(entry, item);
    required(entry, item);
    const auto holds =
        condition(entry, "constraint", survey_.cell(*entry.row, "constraint"), context(&entry), Absent::kTrue);
    if (!holds) return;
    item["constraint"] = *holds;
    if (const Texts message = survey_.texts(*entry.row, "constraint_message"); !message.empty() && fits(entry, message))
      item["constraint_message"] = text(message);
  }

  void options(const Entry& entry, ordered_json& item) {
    ordered_json options = ordered_json::array();
    if (entry.type.list.empty()) {
      ordered_json one;
      one["code"] = "OK";
      one["label"] = "OK";
      options.push_back(std::move(one));
    }
    const string filter = survey_.cell(*entry.row, "choice_filter");
    if (const auto list = lists_.find(entry.type.list); list != lists_.end()) {
      for (const Choice& choice : list->second.choices) {
        ordered_json option;
        option["code"] = choice.code;
        if (!fits(entry, choice.label)) return;
        option["label"] = text(choice.label);
        if (!filter.empty()) {
          FormContext seen = context();
          seen.columns = &choice.cells;
          const auto offered = condition(entry, "choice_filter", filter, seen, Absent::kFalse);
          if (!offered) return;
          if (*offered != "true") {
            option["offered_if"] = *offered;
            newer_ = true;
          }
        }
        options.push_back(std::move(option));
      }
    }
    if (entry.type.other && !has_other(entry)) {
      ordered_json option;
      option["code"] = "other";
      option["label"] = other_text("Other", "其他");
      options.push_back(std::move(option));
    }
    item["options"] = std::move(options);
  }

  bool has_other(const Entry& entry) const {
    const auto list = lists_.find(entry.type.list);
    return list != lists_.end() && list->second.codes.contains("other");
  }

  ordered_json other_text(const char* english, const char* chinese) const {
    Texts texts;
    for (const string& language : languages_) texts[language] = language.starts_with("zh") ? chinese : english;
    return text(texts);
  }

  void other(const Entry& entry, ordered_json& into) {
    ordered_json item;
    item["code"] = unused(entry.code.substr(0, kMaxCodeBytes - 6) + "_other");
    item["title"] = other_text("Specify other", "请说明");
    item["type"] = "text";
    item["visible_if"] = "selected(" + entry.code + ", 'other')";
    item["required"] = false;
    add(into, std::move(item));
    remark(entry, Code::kFormAdapted, "with an option for others and a text beside it");
  }

  // --- Bounds.

  static string parameter(const string& cell, string_view name) {
    const size_t at = cell.find(string(name) + "=");
    if (at == string::npos || (at > 0 && is_word(cell[at - 1]))) return "";
    const size_t from = at + name.size() + 1;
    return cell.substr(from, cell.find_first_of(" ,;", from) - from);
  }

  /// range: whole numbers, unless its parameters have a point.
  void range_type(Entry& entry) {
    const string cell = survey_.cell(*entry.row, "parameters");
    if (cell.find('.') == string::npos) return;
    entry.question.type = entry.type.type = ItemType::kDecimal;
    entry.question.decimals = kFormDecimals;
  }

  void bounds(const Entry& entry, ordered_json& item) {
    if (lower(survey_.cell(*entry.row, "type")) == "range") {
      const string cell = survey_.cell(*entry.row, "parameters");
      const auto or_else = [&](const char* name, const char* otherwise) {
        const string given = parameter(cell, name);
        return given.empty() ? string(otherwise) : given;
      };
      const string start = or_else("start", "1");
      const string end = or_else("end", "10");
      const string step = or_else("step", "1");
      const auto least = parse_decimal(start, kFormDecimals);
      const auto most = parse_decimal(end, kFormDecimals);
      const auto width = parse_decimal(step, kFormDecimals);
      if (!least || !most || !width || *least > *most || *width <= 0)
        return refuse(entry, Code::kFormCell, "parameters '" + quotable(cell) + "'");
      put_bound(item, "min", start);
      put_bound(item, "max", end);
      if (step != "1" || entry.question.type == ItemType::kDecimal) {
        if (!survey_.cell(*entry.row, "constraint").empty())
          return refuse(entry, Code::kFormCell, "a step beside a constraint");
        item["constraint"] = "(. - " + (*least < 0 ? "(" + start + ")" : start) + ") mod " + step + " = 0";
      }
      return;
    }
    // What a constraint says plainly about the answer alone keeps calculations provably within their bounds.
    if (const auto xpath = parse_xpath(survey_.cell(*entry.row, "constraint"))) conjuncts(xpath->root, item);
  }

  static void put_bound(ordered_json& item, const char* name, const string& number) {
    if (item["type"] == "decimal")
      item[name] = number;
    else
      item[name] = std::stoll(number);
  }

  static void conjuncts(const XPathNode& node, ordered_json& item) {
    using Kind = XPathNode::Kind;
    if (node.kind != Kind::kOperator || node.below.size() != 2) return;
    if (node.text == "and") {
      for (const XPathNode& side : node.below) conjuncts(side, item);
      return;
    }
    const XPathNode& left = node.below[0];
    const XPathNode& right = node.below[1];
    if (left.kind != Kind::kSelf || right.kind != Kind::kNumber) return;
    const unsigned decimals = item["type"] == "decimal" ? kFormDecimals : 0;
    const auto limit = parse_decimal(right.text, decimals);
    if (!limit || *limit > 1'000'000'000) return;
    if (node.text == ">=" || node.text == ">") put_bound(item, "min", right.text);
    if (node.text == "<=" || node.text == "<") put_bound(item, "max", right.text);
  }

  // --- The end.

  void finish(ordered_json& document) {
    if (newer_) document["format"] = "dudao-checklist-2";
    string bytes = document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    if (bytes.size() > kMaxChecklistBytes) {
      out_.refused.push_back({"survey", 0,
                              Error{Code::kFormTooBig, std::to_string(bytes.size()) + " bytes, at most " +
                                                           std::to_string(kMaxChecklistBytes)}});
      return;
    }
    const auto checked = Checklist::parse(bytes);
    Status status;
    if (!checked)
      status = fail(checked.error());
    else
      status = checked->check_publishable();
    if (!status) {
      out_.refused.push_back({"survey", row_of(status.error().detail), status.error()});
      return;
    }
    out_.checklist = std::move(bytes);
  }

  /// The row of the item that an error of the template names: "item x constraint: …", or "x".
  size_t row_of(string_view detail) const {
    if (detail.starts_with("item ")) detail.remove_prefix(5);
    size_t end = 0;
    while (end < detail.size() && (is_word(detail[end]) || (detail[end] == '.' && end + 1 < detail.size()))) ++end;
    const auto found = rows_.find(detail.substr(0, end));
    return found == rows_.end() ? 0 : found->second;
  }

  const FormOptions& options_;
  Table survey_;
  Table choices_;
  Table settings_;
  string code_, title_, own_language_, default_language_;
  std::vector<string> languages_;
  std::map<string, ChoiceList> lists_;
  std::set<string> bad_lists_;
  std::vector<std::unique_ptr<std::map<string, string>>> own_options_;
  Entry root_;
  std::vector<std::unique_ptr<Entry>> unasked_;
  std::map<string, Entry*, std::less<>> by_name_;
  std::set<string> codes_;
  std::map<string, size_t, std::less<>> rows_;
  size_t row_ = 0;
  bool newer_ = false;
  FormImport out_;
};

}  // namespace

Result<FormImport> import_xlsform(const FormSheets& form, const FormOptions& options) {
  return FormImporter(form, options).run();
}

}  // namespace dudao
