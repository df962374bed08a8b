#include "schema/visit_documents.hpp"

#include "schema/visit_state.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace dudao {
namespace {

constexpr std::int64_t kMinute_ms = 60'000;
constexpr std::int64_t kDay_ms = 1'440 * kMinute_ms;

using Cells = std::span<const Value>;

std::string text_of(const Table& table, Cells cells, std::string_view column) {
  const auto* found = std::get_if<std::string>(&cells[table.column(column)]);
  return found ? *found : std::string();
}
Bytes bytes_of(const Table& table, Cells cells, std::string_view column) {
  const auto* found = std::get_if<Bytes>(&cells[table.column(column)]);
  return found ? *found : Bytes();
}
std::optional<std::int64_t> integer_of(const Table& table, Cells cells, std::string_view column) {
  const auto* found = std::get_if<std::int64_t>(&cells[table.column(column)]);
  return found ? std::optional(*found) : std::nullopt;
}
std::int64_t number_of(const Table& table, Cells cells, std::string_view column) {
  return integer_of(table, cells, column).value_or(0);
}

std::int64_t local_ms(std::int64_t utc_ms, std::int64_t offset_min) { return utc_ms + offset_min * kMinute_ms; }
std::int64_t day_at(std::int64_t utc_ms, std::int64_t offset_min) {
  const std::int64_t ms = local_ms(utc_ms, offset_min);
  return ms / kDay_ms - (ms % kDay_ms < 0 ? 1 : 0);
}

// --- Reading.

class RecordReader {
 public:
  RecordReader(const VisitRows& rows, VisitRecord& out) : rows_(rows), out_(out) {}

  Status read() {
    const ValueView id = BytesView(out_.id);
    DUDAO_TRY(const auto visit, rows_.row(table("visit"), std::span(&id, 1)));
    if (!visit) return fail(Code::kVisitUnknown, to_hex(out_.id));
    const Table& visits = table("visit");
    out_.kind = text_of(visits, *visit, "kind");
    out_.school = text_of(visits, *visit, "school");
    out_.from_day = number_of(visits, *visit, "from_day");
    out_.to_day = number_of(visits, *visit, "to_day");
    DUDAO_CHECK(school());
    DUDAO_CHECK(checklist(text_of(visits, *visit, "template"), number_of(visits, *visit, "template_version"),
                          text_of(visits, *visit, "items")));
    DUDAO_CHECK(team());
    DUDAO_CHECK(recorded());
    return feedback();
  }

 private:
  static const Table& table(std::string_view name) { return *find_table(name); }

  Result<std::optional<std::vector<Value>>> coded(std::string_view name, const std::string& code) {
    const ValueView key = std::string_view(code);
    return rows_.row(table(name), std::span(&key, 1));
  }

  Status school() {
    DUDAO_TRY(const auto row, coded("school", out_.school));
    if (!row) return {};
    const Table& schools = table("school");
    out_.school_name = text_of(schools, *row, "name");
    out_.head = text_of(schools, *row, "head");
    out_.superior_unit = text_of(schools, *row, "superior_unit");
    const std::string unit = text_of(schools, *row, "org_unit");
    if (unit.empty()) return {};
    DUDAO_TRY(const auto of, coded("org_unit", unit));
    if (of) out_.unit_name = text_of(table("org_unit"), *of, "name");
    return {};
  }

  Status checklist(const std::string& code, std::int64_t version, const std::string& items) {
    const std::array<ValueView, 2> key = {std::string_view(code), version};
    DUDAO_TRY(const auto row, rows_.row(table("template"), key));
    if (!row) return fail(Code::kTemplateUnknown, code + " " + std::to_string(version));
    DUDAO_TRY(out_.checklist, Checklist::parse(text_of(table("template"), *row, "body")));
    if (items.empty()) return {};
    std::vector<std::string> chosen;
    for (std::size_t at = 0; at <= items.size();) {
      const std::size_t comma = std::min(items.find(',', at), items.size());
      chosen.push_back(items.substr(at, comma - at));
      at = comma + 1;
    }
    DUDAO_TRY(out_.checklist, out_.checklist->subset(chosen));
    return {};
  }

  Status team() {
    const Table& members = table("team_member");
    DUDAO_CHECK(rows_.of_visit(members, [&](Cells cells) -> Status {
      if (!text_of(members, cells, "recusal").empty()) return {};
      VisitRecord::Member member;
      member.code = text_of(members, cells, "inspector");
      member.lead = text_of(members, cells, "role") == "LEAD";
      out_.team.push_back(std::move(member));
      return {};
    }));
    std::stable_partition(out_.team.begin(), out_.team.end(), [](const auto& member) { return member.lead; });
    for (VisitRecord::Member& member : out_.team) {
      DUDAO_TRY(const auto row, coded("inspector", member.code));
      member.name = row ? text_of(table("inspector"), *row, "name") : member.code;
    }
    return {};
  }

  Status recorded() {
    const Table& events = table("visit_event");
    DUDAO_CHECK(rows_.of_visit(events, [&](Cells cells) -> Status {
      const auto event = visit_event_from(text_of(events, cells, "event"));
      if (!event || *event < VisitEvent::kCheckIn || *event > VisitEvent::kFinish) return {};
      const std::int64_t day = day_at(number_of(events, cells, "at_utc_ms"), number_of(events, cells, "at_offset_min"));
      out_.began_day = std::min(out_.began_day.value_or(day), day);
      out_.ended_day = std::max(out_.ended_day.value_or(day), day);
      return {};
    }));
    const Table& answers = table("answer");
    DUDAO_CHECK(rows_.of_visit(answers, [&](Cells cells) -> Status {
      const std::string item = text_of(answers, cells, "item");
      const std::string observer = text_of(answers, cells, "observer");
      AnswerValue value;
      const Value& cell = cells[answers.column("value")];
      if (const auto* integer = std::get_if<std::int64_t>(&cell)) value.value = *integer;
      if (const auto* words = std::get_if<std::string>(&cell)) value.value = *words;
      value.total = integer_of(answers, cells, "total");
      value.na_reason = text_of(answers, cells, "na_reason");
      out_.answers.by_observer[observer][item] = std::move(value);
      if (std::string note = text_of(answers, cells, "note"); !note.empty())
        out_.answers.notes[{item, observer}] = std::move(note);
      return {};
    }));
    const Table& findings = table("finding");
    DUDAO_CHECK(rows_.of_visit(findings, [&](Cells cells) -> Status {
      if (!text_of(findings, cells, "void_reason").empty()) return {};
      VisitRecord::Found found;
      found.item = text_of(findings, cells, "item");
      found.clause = text_of(findings, cells, "clause");
      found.text = text_of(findings, cells, "text");
      found.superior_unit = text_of(findings, cells, "superior_unit");
      found.severity = severity_from(text_of(findings, cells, "severity")).value_or(Severity::kOrdinary);
      found.due_day = integer_of(findings, cells, "due_day");
      // Of all states only this one is reached before the sheet is made, and for good.
      found.fixed_on_site = finding_state_from(text_of(findings, cells, "state")) == FindingState::kFixedOnSite;
      out_.findings.push_back(std::move(found));
      return {};
    }));
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const auto& a, const auto& b) { return a.severity > b.severity; });
    const Table& highlights = table("highlight");
    DUDAO_CHECK(rows_.of_visit(highlights, [&](Cells cells) -> Status {
      if (text_of(highlights, cells, "void_reason").empty())
        out_.highlights.push_back({text_of(highlights, cells, "item"), text_of(highlights, cells, "text")});
      return {};
    }));
    DUDAO_CHECK(looked_at_again());
    const Table& draws = table("class_draw");
    return rows_.of_visit(draws, [&](Cells cells) -> Status {
      out_.drawn_classes += text_of(draws, cells, "picked");
      return {};
    });
  }

  Status looked_at_again() {
    using Key = std::vector<Value>;
    const auto key_of = [](const Table& of, Cells cells) {
      return Key(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(of.key_columns));
    };
    std::vector<Key> keys;
    const Table& carried = table("carried_finding");
    DUDAO_CHECK(rows_.of_visit(carried, [&](Cells cells) -> Status {
      keys.push_back(key_of(carried, cells));
      out_.again.push_back({text_of(carried, cells, "item"),
                            text_of(carried, cells, "text"),
                            number_of(carried, cells, "round"),
                            {},
                            {}});
      return {};
    }));
    const Table& results = table("reinspection_result");
    return rows_.of_visit(results, [&](Cells cells) -> Status {
      const auto found = std::find(keys.begin(), keys.end(), key_of(results, cells));
      if (found == keys.end()) return {};
      VisitRecord::Again& one = out_.again[static_cast<std::size_t>(found - keys.begin())];
      one.outcome = text_of(results, cells, "outcome");
      one.remark = text_of(results, cells, "text");
      return {};
    });
  }

  Status feedback() {
    const Table& feedbacks = table("feedback");
    DUDAO_CHECK(rows_.of_visit(feedbacks, [&](Cells cells) -> Status {
      VisitRecord::Feedback given;
      given.author = number_of(feedbacks, cells, "author");
      given.n = number_of(feedbacks, cells, "n");
      given.text = text_of(feedbacks, cells, "text");
      given.document_hash = bytes_of(feedbacks, cells, "document_hash");
      given.at_utc_ms = number_of(feedbacks, cells, "at_utc_ms");
      given.at_offset_min = number_of(feedbacks, cells, "at_offset_min");
      // As VisitBook::sign() orders them: the newest moment, of equal ones the lowest device, of one device the last.
      const auto newer = [&](const VisitRecord::Feedback& than) {
        if (given.at_utc_ms != than.at_utc_ms) return given.at_utc_ms > than.at_utc_ms;
        return given.author == than.author ? given.n > than.n : given.author < than.author;
      };
      if (!out_.feedback || newer(*out_.feedback)) out_.feedback = std::move(given);
      return {};
    }));
    if (!out_.feedback) return {};
    const Table& signatures = table("signature");
    return rows_.of_visit(signatures, [&](Cells cells) -> Status {
      if (bytes_of(signatures, cells, "document_hash") != out_.feedback->document_hash) return {};
      VisitRecord::Signature given;
      given.role = text_of(signatures, cells, "role");
      given.name = text_of(signatures, cells, "name");
      given.outcome = text_of(signatures, cells, "outcome");
      given.witness = text_of(signatures, cells, "witness");
      given.reason = text_of(signatures, cells, "reason");
      given.strokes = bytes_of(signatures, cells, "strokes");
      given.at_utc_ms = number_of(signatures, cells, "at_utc_ms");
      given.at_offset_min = number_of(signatures, cells, "at_offset_min");
      out_.signatures.push_back(std::move(given));
      return {};
    });
  }

  const VisitRows& rows_;
  VisitRecord& out_;
};

// --- Writing.

struct Words {
  std::string_view name, chinese, english;
};
constexpr std::array<Words, 7> kVisitKinds = {{
    {"ROUTINE", "经常性督导", "Routine visit"},
    {"RANDOM", "随机抽查", "Random visit"},
    {"SPECIAL", "专项督导", "Special inspection"},
    {"COMPREHENSIVE", "综合督导", "Comprehensive inspection"},
    {"REINSPECT", "整改复查", "Re-inspection"},
    {"COMPLAINT", "投诉核查", "Visit after a complaint"},
    {"EMERGENCY", "应急督导", "Emergency visit"},
}};
constexpr std::array<Words, 5> kSeverities = {{
    {"ADVICE", "建议", "Advice"},
    {"ORDINARY", "一般", "Ordinary"},
    {"COMPLEX", "复杂", "Complex"},
    {"SERIOUS", "严重", "Serious"},
    {"DANGER", "险情", "Danger"},
}};
constexpr std::array<Words, 5> kRoles = {{
    {"HEAD", "校长（负责人）", "Head"},
    {"DEPUTY", "副校长", "Deputy head"},
    {"TEACHER", "教师", "Teacher"},
    {"INSPECTOR", "督学", "Inspector"},
    {"OTHER", "其他在场人", "Other person present"},
}};
constexpr std::array<Words, 3> kOutcomes = {{
    {"SIGNED", "已签字", "Signed"},
    {"REFUSED", "拒绝签字", "Refused to sign"},
    {"ABSENT", "不在场，未签字", "Absent, not signed"},
}};

std::string school_of(const VisitRecord& visit) { return visit.school_name.empty() ? visit.school : visit.school_name; }

/// One document being written, in one language.
class Draft {
 public:
  Draft(const VisitRecord& visit, bool chinese, DocumentHead head)
      : visit_(visit), chinese_(chinese), document_(std::move(head)) {}

  std::string tr(std::string_view chinese, std::string_view english) const {
    return std::string(chinese_ ? chinese : english);
  }
  std::string word(std::span<const Words> list, std::string_view name) const {
    for (const Words& each : list)
      if (each.name == name) return tr(each.chinese, each.english);
    return std::string(name);
  }
  std::string severity(Severity level) const { return word(kSeverities, to_string(level)); }
  std::string kind() const { return word(kVisitKinds, visit_.kind); }
  std::string_view language() const { return chinese_ ? "zh" : "en"; }
  std::string day(std::int64_t on) const { return day_in_words(on, chinese_); }
  std::string moment(std::int64_t utc_ms, std::int64_t offset_min) const {
    const std::int64_t on = day_at(utc_ms, offset_min);
    const std::int64_t minutes = (local_ms(utc_ms, offset_min) - on * kDay_ms) / kMinute_ms;
    const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return day(on) + " " + two(minutes / 60) + ":" + two(minutes % 60);
  }
  std::string school() const { return school_of(visit_); }
  /// When the team was there; else when it was to be.
  std::string days() const {
    const std::int64_t first = visit_.began_day.value_or(visit_.from_day);
    const std::int64_t last = visit_.ended_day.value_or(visit_.began_day ? *visit_.began_day : visit_.to_day);
    return first == last ? day(first) : day(first) + tr("至", " to ") + day(last);
  }
  std::string team() const {
    std::string out;
    for (const VisitRecord::Member& member : visit_.team)
      out += (out.empty() ? "" : tr("、", ", ")) + member.name + (member.lead ? tr("（组长）", " (lead)") : "");
    return out;
  }

  void heading(std::string_view chinese, std::string_view english) {
    static constexpr std::array<std::string_view, 10> kNumerals = {"一", "二", "三", "四", "五",
                                                                   "六", "七", "八", "九", "十"};
    const std::size_t n = headings_++;
    document_.heading(chinese_ ? std::string(kNumerals.at(n)) + "、" + std::string(chinese)
                               : std::to_string(n + 1) + ". " + std::string(english));
  }
  void paragraph(std::string_view chinese, std::string_view english) { document_.paragraph(tr(chinese, english)); }
  Document& document() { return document_; }

  void visit_facts() {
    Facts facts;
    facts.rows = {{tr("学校", "School"), school() + (chinese_ ? "（" : " (") + visit_.school + (chinese_ ? "）" : ")")},
                  {tr("校长", "Head"), visit_.head},
                  {tr("主管部门", "Answers to"), visit_.superior_unit},
                  {tr("督导类型", "Kind of visit"), kind()},
                  {tr("督导时间", "Date of visit"), days()},
                  {tr("督导组", "Team"), team()},
                  {tr("检查表", "Checklist"), checklist_name()},
                  {tr("随机抽取班级", "Classes drawn"), drawn_classes()}};
    document_.facts(facts);
  }

  /// With its heading; nothing where none was recorded.
  void highlights_table() {
    if (visit_.highlights.empty()) return;
    heading("亮点与经验", "Highlights");
    Grid grid;
    grid.columns = {{tr("序号", "No."), 9, true}, {tr("亮点", "What others could learn"), 109}};
    std::size_t n = 0;
    for (const VisitRecord::Highlight& one : visit_.highlights)
      grid.rows.push_back({std::to_string(++n), about(one.item, one.text)});
    document_.grid(std::move(grid));
  }

  /// Nothing where there is none to show: the caller says so in its own words.
  bool findings_table(const std::vector<VisitRecord::Found>& findings, const std::optional<std::int64_t>& due_day) {
    if (findings.empty()) return false;
    Grid grid;
    grid.columns = {{tr("序号", "No."), 9, true},
                    {tr("问题", "Finding"), 42},
                    {tr("程度", "Severity"), chinese_ ? 10 : 14, true},
                    {tr("依据", "Clause"), 26},
                    {tr("整改期限", "Due"), 19, true},
                    {tr("主管单位", "Answers to"), 21}};
    std::size_t n = 0;
    for (const VisitRecord::Found& found : findings) {
      std::string said = about(found.item, found.text);
      if (found.fixed_on_site) said += tr("（已当场整改）", " (put right at once)");
      std::vector<std::string> row = {std::to_string(++n), std::move(said), severity(found.severity), found.clause};
      const bool asked = !found.fixed_on_site && found.severity != Severity::kAdvice;
      const auto due = !found.due_day && asked ? due_day : found.due_day;
      row.push_back(due ? date_text(*due) : "-");
      row.push_back(found.superior_unit.empty() ? tr("本校", "The school") : found.superior_unit);
      grid.rows.push_back(std::move(row));
    }
    document_.grid(std::move(grid));
    return true;
  }

  /// What became of the findings of earlier visits; nothing where the visit took none along.
  void again_table() {
    if (visit_.again.empty()) return;
    heading("复查结果", "Looked at again");
    Grid grid;
    grid.columns = {{tr("序号", "No."), 9, true},
                    {tr("原问题", "Finding"), 48},
                    {tr("轮次", "Round"), 12, true},
                    {tr("结果", "Result"), 22, true},
                    {tr("说明", "Remark"), 27}};
    std::size_t n = 0;
    for (const VisitRecord::Again& one : visit_.again)
      grid.rows.push_back({std::to_string(++n), about(one.item, one.text), std::to_string(one.round),
                           one.outcome == to_string(FindingState::kVerified)   ? tr("已整改到位", "Put right")
                           : one.outcome == to_string(FindingState::kRejected) ? tr("未整改到位", "Not put right")
                                                                               : tr("未查看", "Not looked at"),
                           one.remark});
    document_.grid(std::move(grid));
  }

  void answers_table() {
    const Checklist& list = *visit_.checklist;
    std::map<std::string, std::set<std::string>> visible;  // items by observer
    std::map<std::string, std::map<std::string, std::int64_t>> calculated;
    for (const auto& [observer, answers] : visit_.answers.by_observer) {
      const std::vector<std::string> shown = list.visible(answers);
      visible[observer] = {shown.begin(), shown.end()};
      calculated[observer] = list.calculated(answers);
    }
    Grid grid;
    grid.columns = {{tr("条目", "Item"), 12, true},
                    {tr("检查内容", "What was asked"), 48},
                    {tr("检查结果", "Answer"), 34},
                    {tr("备注", "Remark"), 24}};
    std::optional<std::size_t> section;
    for (const Item* item : list.items()) {
      std::vector<std::pair<std::string, std::string>> said;  // by whom, what
      std::string remarks;
      bool asked = visit_.answers.by_observer.empty();
      for (const auto& [observer, answers] : visit_.answers.by_observer) {
        if (!visible[observer].contains(item->code)) continue;
        asked = true;
        std::string words;
        if (item->type == ItemType::kCalculated) {
          if (const auto value = calculated[observer].find(item->code); value != calculated[observer].end())
            words = decimal_text(value->second, item->decimals) + std::string(item->unit.in(language()));
        } else if (const auto answer = answers.find(item->code); answer != answers.end()) {
          words = answer_words(*item, answer->second);
        }
        if (!words.empty()) said.emplace_back(observer, std::move(words));
        if (const auto note = visit_.answers.notes.find({item->code, observer}); note != visit_.answers.notes.end())
          remarks += (remarks.empty() ? "" : "\n") + note->second;
      }
      if (!asked) continue;
      if (section != item->section) {
        section = item->section;
        grid.rows.push_back({std::string(list.sections()[item->section].title.in(language()))});
      }
      std::string answer;
      const bool agree =
          std::all_of(said.begin(), said.end(), [&](const auto& one) { return one.second == said.front().second; });
      for (const auto& [observer, words] : said) {
        if (agree) {
          answer = words;
          break;
        }
        answer += (answer.empty() ? "" : "\n") + name_of(observer) + tr("：", ": ") + words;
      }
      if (answer.empty()) answer = tr("未作答", "Not answered");
      grid.rows.push_back({item->code, std::string(item->title.in(language())), std::move(answer), std::move(remarks)});
    }
    document_.grid(std::move(grid));
  }

  /// "86.50" of the lead's answers with its band; nothing where nothing is scored.
  std::string score() const {
    const std::optional<Score> worked = lead_score();
    if (!worked || !worked->score) return {};
    std::string out = decimal_text(*worked->score, 2);
    for (const Band& band : visit_.checklist->bands())
      if (worked->band == band.code) out += tr("分，等次：", ", band: ") + std::string(band.title.in(language()));
    return out + (chinese_ && !worked->band ? "分" : "");
  }

  bool score_table() {
    const std::optional<Score> worked = lead_score();
    if (!worked || !worked->score) return false;
    Grid grid;
    grid.columns = {{tr("项目", "Section"), 60}, {tr("权重", "Weight"), 20, true}, {tr("得分", "Score"), 20, true}};
    for (const SectionScore& one : worked->sections) {
      if (!one.score) continue;
      for (const Section& section : visit_.checklist->sections())
        if (section.code == one.section)
          grid.rows.push_back(
              {std::string(section.title.in(language())), decimal_text(one.weight, 2), decimal_text(*one.score, 2)});
    }
    grid.rows.push_back({tr("总分", "Total"), {}, decimal_text(*worked->score, 2)});
    document_.grid(std::move(grid));
    return true;
  }

  /// "严重 1 项，一般 3 项".
  std::string counts(const std::vector<VisitRecord::Found>& findings) const {
    std::string out;
    for (std::size_t level = kSeverities.size(); level-- > 0;) {
      const auto count = std::count_if(findings.begin(), findings.end(), [&](const auto& found) {
        return found.severity == static_cast<Severity>(level);
      });
      if (count == 0) continue;
      out += (out.empty() ? "" : tr("，", ", ")) + severity(static_cast<Severity>(level)) + tr("", ": ") +
             std::to_string(count) + tr("项", "");
    }
    return out;
  }

  void signature_lines() {
    std::set<std::string> roles;
    for (const VisitRecord::Signature& given : visit_.signatures) {
      roles.insert(given.role);
      SignatureLine line;
      line.label = word(kRoles, given.role);
      line.name = given.name;
      line.outcome = word(kOutcomes, given.outcome);
      const auto remark = [&](const std::string& words) {
        line.remark += (line.remark.empty() ? "" : tr("；", "; ")) + words;
      };
      if (!given.reason.empty()) remark(tr("理由：", "Reason: ") + given.reason);
      if (!given.witness.empty()) remark(tr("见证人：", "Witness: ") + given.witness);
      if (!given.strokes.empty() && !read_strokes(given.strokes)) remark(tr("笔迹存于系统", "drawing kept as data"));
      remark(moment(given.at_utc_ms, given.at_offset_min));
      line.strokes = given.strokes;
      document_.signature(std::move(line));
    }
    for (const std::string_view role : {"HEAD", "INSPECTOR"})
      if (!roles.contains(std::string(role))) document_.signature({word(kRoles, role), {}, {}, {}, {}});
  }

  std::vector<VisitRecord::Found> to_rectify() const {
    std::vector<VisitRecord::Found> out;
    for (const VisitRecord::Found& found : visit_.findings)
      if (found.severity != Severity::kAdvice && !found.fixed_on_site) out.push_back(found);
    return out;
  }

  void close(const IssueWords& words) { document_.closing({words.issuer, day(words.day)}); }

  std::string basis(const IssueWords& words) const {
    return words.basis.empty() ? tr("《教育督导条例》", "the law on school inspection") : words.basis;
  }

 private:
  std::string checklist_name() const {
    const Checklist& list = *visit_.checklist;
    return std::string(list.title().in(language())) + tr("（第", " (version ") + std::to_string(list.version()) +
           tr("版）", ")");
  }
  std::string drawn_classes() const {
    std::string out;
    for (const char c : visit_.drawn_classes) {
      if (c == '\n')
        out += tr("、", ", ");
      else
        out += c;
    }
    const std::size_t separator = tr("、", ", ").size();
    return out.empty() ? out : out.substr(0, out.size() - separator);
  }
  static std::string about(const std::string& item, const std::string& text) {
    return item.empty() ? text : "[" + item + "] " + text;
  }
  std::string name_of(const std::string& observer) const {
    for (const VisitRecord::Member& member : visit_.team)
      if (member.code == observer) return member.name;
    return observer;
  }
  std::optional<Score> lead_score() const {
    if (visit_.team.empty()) return std::nullopt;
    const auto answers = visit_.answers.by_observer.find(visit_.team.front().code);
    if (answers == visit_.answers.by_observer.end()) return std::nullopt;
    return visit_.checklist->score(answers->second);
  }

  std::string answer_words(const Item& item, const AnswerValue& answer) const {
    if (answer.is_na()) return tr("不适用：", "Not applicable: ") + answer.na_reason;
    const auto* number = std::get_if<std::int64_t>(&answer.value);
    const auto* words = std::get_if<std::string>(&answer.value);
    const auto label = [&](std::string_view code) {
      for (const Option& option : item.options)
        if (option.code == code) return std::string(option.label.in(language()));
      return std::string(code);
    };
    const std::string unit(item.unit.in(language()));
    const std::string after = unit.empty() ? "" : " " + unit;
    switch (item.type) {
      case ItemType::kYesNo:
        return number ? (*number != 0 ? tr("是", "Yes") : tr("否", "No")) : std::string();
      case ItemType::kSingle:
        return words ? label(*words) : std::string();
      case ItemType::kMulti: {
        if (!words) return {};
        if (words->empty()) return tr("均未选择", "None");
        std::string out;
        for (std::size_t at = 0; at <= words->size();) {
          const std::size_t comma = std::min(words->find(',', at), words->size());
          out += (out.empty() ? "" : tr("、", ", ")) + label(std::string_view(*words).substr(at, comma - at));
          at = comma + 1;
        }
        return out;
      }
      case ItemType::kScale:
      case ItemType::kInteger:
        return number ? std::to_string(*number) + after : std::string();
      case ItemType::kDecimal:
      case ItemType::kCalculated:
        return number ? decimal_text(*number, item.decimals) + after : std::string();
      case ItemType::kDate:
        return number ? day(*number) : std::string();
      case ItemType::kText:
        return words ? *words : std::string();
      case ItemType::kCountOf:
        return number && answer.total
                   ? std::to_string(*number) + tr("（共", " of ") + std::to_string(*answer.total) + tr("）", "") + after
                   : std::string();
    }
    return {};
  }

  const VisitRecord& visit_;
  bool chinese_;
  Document document_;
  std::size_t headings_ = 0;
};

DocumentHead head_of(DocumentKind kind, const IssueWords& words, bool chinese, const std::string& addressee) {
  return {.kind = kind,
          .chinese = chinese,
          .number = words.number,
          .issuer = words.issuer,
          .title = std::string(document_title(kind, chinese)),
          .addressee = words.addressee.empty() ? addressee : words.addressee,
          .date = date_text(words.day)};
}

}  // namespace

Result<VisitRecord> read_visit(BytesView visit, const VisitRows& rows) {
  VisitRecord out;
  out.id = to_bytes(visit);
  DUDAO_CHECK(RecordReader(rows, out).read());
  return out;
}

Result<Document> feedback_sheet(const VisitRecord& visit, bool chinese) {
  if (!visit.feedback) return fail(Code::kFeedbackMissing, to_hex(visit.id));
  const VisitRecord::Feedback& feedback = *visit.feedback;
  DocumentHead head;
  head.kind = DocumentKind::kFeedback;
  head.chinese = chinese;
  head.number = to_hex(visit.id) + "-" + std::to_string(feedback.author) + "-" + std::to_string(feedback.n);
  head.title = document_title(head.kind, chinese);
  head.date = date_text(day_at(feedback.at_utc_ms, feedback.at_offset_min));
  Draft out(visit, chinese, std::move(head));
  out.visit_facts();
  out.heading("反馈意见", "Feedback");
  out.document().paragraph(feedback.text);
  out.highlights_table();
  out.heading("发现的问题", "Findings");
  if (!out.findings_table(visit.findings, {})) out.paragraph("未发现问题。", "Nothing was found amiss.");
  out.again_table();
  out.heading("检查情况", "What was looked at");
  out.answers_table();
  out.heading("签字", "Signatures");
  out.document().facts({{{out.tr("反馈时间", "Feedback given"), out.moment(feedback.at_utc_ms, feedback.at_offset_min)},
                         {out.tr("签字内容哈希", "Hash of what is signed"), to_hex(feedback.document_hash)}}});
  out.signature_lines();
  return std::move(out.document());
}

Result<Document> rectification_notice(const VisitRecord& visit, const IssueWords& words, bool chinese) {
  Draft out(visit, chinese, head_of(DocumentKind::kNotice, words, chinese, school_of(visit)));
  const std::vector<VisitRecord::Found> findings = out.to_rectify();
  if (findings.empty()) return fail(Code::kNothingToRectify, to_hex(visit.id));
  out.paragraph("根据" + out.basis(words) + "，督导组于" + out.days() + "对你校进行了" + out.kind() +
                    "。督导中发现的下列问题须予整改，现将有关事项通知如下。",
                "Under " + out.basis(words) + ", the team visited your school on " + out.days() + " (" + out.kind() +
                    "). The following has to be put right.");
  out.heading("问题及整改期限", "Findings and when they are due");
  out.findings_table(findings, words.due_day);
  out.heading("整改要求", "What is asked of the school");
  out.document().paragraph(words.text);
  out.paragraph(
      "请你校对照上述问题逐项制定措施、明确责任人，于期限届满前完成整改，并提交整改报告及佐证材料。存在安全隐患的，"
      "应当立即采取防护措施。",
      "Set out for each finding what will be done and by whom, put it right before it is due, and send a report with "
      "proof. Where people are in danger, protect them at once.");
  out.paragraph(
      "你校主管单位应当督促整改落实。整改报告提交后将组织复查；逾期未整改或者整改不到位的，依照规定处理。",
      "The body that the school answers to sees to it. What was done will be checked on site; where it is late "
      "or not enough, the rules apply.");
  out.close(words);
  return std::move(out.document());
}

Document opinion_letter(const VisitRecord& visit, const IssueWords& words, bool chinese) {
  Draft out(visit, chinese, head_of(DocumentKind::kOpinion, words, chinese, school_of(visit)));
  const std::vector<VisitRecord::Found> findings = out.to_rectify();
  out.paragraph("根据" + out.basis(words) + "，督导组（" + out.team() + "）于" + out.days() + "对你校进行了" +
                    out.kind() + "。现提出督导意见如下。",
                "Under " + out.basis(words) + ", the team (" + out.team() + ") visited your school on " + out.days() +
                    " (" + out.kind() + "). This is the opinion.");
  out.heading("总体评价", "In general");
  if (const std::string score = out.score(); !score.empty())
    out.paragraph("按照检查表评分，督导结果为" + score + "。", "By the checklist the result is " + score + ".");
  if (visit.feedback) out.document().paragraph(visit.feedback->text);
  out.document().paragraph(words.text);
  if (!visit.feedback && words.text.empty()) out.paragraph("无。", "None.");
  out.highlights_table();
  out.heading("存在的问题", "Findings");
  if (!out.findings_table(visit.findings, words.due_day)) out.paragraph("未发现问题。", "Nothing was found amiss.");
  out.heading("整改意见", "What is asked of the school");
  if (findings.empty())
    out.paragraph("本次督导未提出限期整改的事项，请你校继续改进工作。",
                  "Nothing has to be put right by a date; go on improving.");
  else
    out.paragraph("上述问题中，须限期整改的有：" + out.counts(findings) +
                      "。请你校按照所列期限完成整改，并书面报告整改情况；标为“建议”的事项，请结合实际研究改进。",
                  "To be put right by the dates given (" + out.counts(findings) +
                      "). Report in writing what was done. What is marked as advice is for the school to consider.");
  out.close(words);
  return std::move(out.document());
}

Document inspection_report(const VisitRecord& visit, const IssueWords& words, bool chinese) {
  Draft out(visit, chinese, head_of(DocumentKind::kReport, words, chinese, {}));
  const std::vector<VisitRecord::Found> findings = out.to_rectify();
  out.heading("督导概况", "The visit");
  out.paragraph(
      "根据" + out.basis(words) + "，督导组于" + out.days() + "对" + out.school() + "进行了" + out.kind() + "。",
      "Under " + out.basis(words) + ", the team visited " + out.school() + " on " + out.days() + " (" + out.kind() +
          ").");
  out.visit_facts();
  out.heading("评估结果", "Result");
  if (!out.score_table()) out.paragraph("本次督导未评分。", "This visit was not scored.");
  out.heading("督导情况", "What the team saw");
  if (visit.feedback) out.document().paragraph(visit.feedback->text);
  out.document().paragraph(words.text);
  if (!visit.feedback && words.text.empty()) out.paragraph("无。", "None.");
  out.highlights_table();
  out.heading("发现的问题", "Findings");
  if (visit.findings.empty()) {
    out.paragraph("未发现问题。", "Nothing was found amiss.");
  } else {
    out.paragraph("共发现问题" + std::to_string(visit.findings.size()) + "项：" + out.counts(visit.findings) + "。",
                  "Findings: " + std::to_string(visit.findings.size()) + " (" + out.counts(visit.findings) + ").");
    out.findings_table(visit.findings, words.due_day);
  }
  out.again_table();
  out.heading("处理情况", "What follows");
  if (findings.empty())
    out.paragraph("没有须限期整改的事项。", "Nothing has to be put right by a date.");
  else
    out.paragraph("须限期整改" + std::to_string(findings.size()) + "项，由学校整改、主管单位督促，到期组织复查。",
                  std::to_string(findings.size()) +
                      " to be put right by the school, seen to by the body it answers to, and checked when due.");
  out.close(words);
  out.document().heading(out.tr("附：检查项目及结果", "Annex: items and answers"));
  out.answers_table();
  return std::move(out.document());
}

}  // namespace dudao
