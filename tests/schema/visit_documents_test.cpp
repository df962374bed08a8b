#include "schema/document_html.hpp"
#include "tests/schema/long_visit.hpp"
#include "tests/support/has.hpp"

#include <functional>

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

/// Rows in memory, as either end would give them.
struct Rows {
  std::map<std::string, std::vector<std::vector<Value>>, std::less<>> tables;

  /// Columns by name; the others are NULL.
  void add(std::string_view table, const std::map<std::string, Value>& cells) {
    const Table& of = *find_table(table);
    std::vector<Value> row;
    for (const Column& column : of.columns) {
      const auto found = cells.find(column.name);
      row.push_back(found == cells.end() ? Value() : found->second);
    }
    tables[std::string(table)].push_back(std::move(row));
  }
  VisitRows view_of() const {
    return {
        .row = [this](const Table& table, std::span<const ValueView> key) -> Result<std::optional<std::vector<Value>>> {
          const auto rows = tables.find(table.name);
          if (rows == tables.end()) return std::optional<std::vector<Value>>();
          for (const auto& row : rows->second) {
            bool same = true;
            for (std::size_t i = 0; i < key.size(); ++i) same = same && row[i] == to_value(key[i]);
            if (same) return std::optional(row);
          }
          return std::optional<std::vector<Value>>();
        },
        .of_visit = [this](const Table& table, const auto& take) -> Status {
          const auto rows = tables.find(table.name);
          if (rows == tables.end()) return {};
          for (const auto& row : rows->second) DUDAO_CHECK(take(row));
          return {};
        }};
  }
};

const Bytes kVisit = *from_hex("019a2f3e5b7c7d1e8f90a1b2c3d4e5f6");

Rows small_visit() {
  Rows rows;
  rows.add("visit", {{"id", kVisit},
                     {"school", "140001"},
                     {"kind", "RANDOM"},
                     {"template", "t"},
                     {"template_version", std::int64_t{1}},
                     {"items", "Q1,Q3"},
                     {"from_day", std::int64_t{20'500}},
                     {"to_day", std::int64_t{20'510}}});
  rows.add("school", {{"code", "140001"}, {"name", "第一小学"}, {"org_unit", "1400"}, {"superior_unit", "县教育局"}});
  rows.add("org_unit", {{"code", "1400"}, {"name", "某县"}});
  rows.add("template", {{"code", "t"},
                        {"version", std::int64_t{1}},
                        {"body", R"({"format":"dudao-checklist-1","code":"t","version":1,"title":{"zh":"表"},
    "languages":["zh"],"weight":1,"sections":[{"code":"S","title":{"zh":"节"},"items":[
    {"code":"Q1","type":"count_of","title":{"zh":"到岗人数"},"scoring":{"mode":"points","weight":1}},
    {"code":"Q2","type":"text","title":{"zh":"不在子集"}},
    {"code":"Q3","type":"multi","title":{"zh":"服务"},"options":[{"code":"a","label":{"zh":"甲"}},{"code":"b","label":{"zh":"乙"}}]}]}]})"}});
  rows.add("team_member", {{"visit", kVisit}, {"inspector", "I1"}, {"role", "MEMBER"}});
  rows.add("team_member", {{"visit", kVisit}, {"inspector", "I2"}, {"role", "LEAD"}});
  rows.add("team_member", {{"visit", kVisit}, {"inspector", "I3"}, {"role", "MEMBER"}, {"recusal", "R1"}});
  rows.add("inspector", {{"code", "I2"}, {"name", "王组长"}});
  rows.add("answer", {{"visit", kVisit},
                      {"item", "Q1"},
                      {"observer", "I2"},
                      {"value", std::int64_t{11}},
                      {"total", std::int64_t{12}},
                      {"note", "一人病假"}});
  rows.add("answer", {{"visit", kVisit}, {"item", "Q3"}, {"observer", "I2"}, {"value", "a,b"}});
  return rows;
}

void add_feedback(Rows& rows, std::int64_t author, std::int64_t n, const char* text, std::int64_t at_utc_ms) {
  rows.add("feedback", {{"visit", kVisit},
                        {"author", author},
                        {"n", n},
                        {"text", text},
                        {"document_hash", Bytes(32, static_cast<std::uint8_t>(n))},
                        {"at_utc_ms", at_utc_ms},
                        {"at_offset_min", std::int64_t{480}}});
}

VisitRecord read(const Rows& rows) {
  const auto found = read_visit(kVisit, rows.view_of());
  if (!found) FAIL(found.error().message());
  return *found;
}

}  // namespace

TEST_CASE("a visit is read from its rows: team without those who withdrew, chosen items, the newest feedback") {
  Rows rows = small_visit();
  // 23:30 UTC is the next day's morning there.
  const std::int64_t evening = 20'501 * std::int64_t{86'400'000} + 23 * 3'600'000 + 30 * 60'000;
  rows.add("visit_event",
           {{"visit", kVisit}, {"event", "check_in"}, {"at_utc_ms", evening}, {"at_offset_min", std::int64_t{480}}});
  rows.add("visit_event",
           {{"visit", kVisit}, {"event", "submit"}, {"at_utc_ms", evening * 2}, {"at_offset_min", std::int64_t{480}}});
  rows.add("finding", {{"visit", kVisit}, {"severity", "ADVICE"}, {"text", "一"}, {"state", "OPEN"}});
  rows.add("finding", {{"visit", kVisit}, {"severity", "DANGER"}, {"text", "二"}, {"state", "FIXED_ON_SITE"}});
  rows.add("finding",
           {{"visit", kVisit}, {"severity", "SERIOUS"}, {"text", "三"}, {"state", "OPEN"}, {"void_reason", "误"}});
  rows.add("class_draw", {{"visit", kVisit}, {"picked", "6-2\n1-1\n"}});
  add_feedback(rows, 1, 1, "旧", 1'000);
  add_feedback(rows, 1, 2, "新", 2'000);
  add_feedback(rows, 2, 1, "同时，但设备号更大", 2'000);
  rows.add(
      "signature",
      {{"visit", kVisit}, {"role", "HEAD"}, {"name", "旧签"}, {"outcome", "SIGNED"}, {"document_hash", Bytes(32, 1)}});
  rows.add(
      "signature",
      {{"visit", kVisit}, {"role", "HEAD"}, {"name", "新签"}, {"outcome", "SIGNED"}, {"document_hash", Bytes(32, 2)}});
  const VisitRecord visit = read(rows);
  CHECK(visit.school_name == "第一小学");
  CHECK(visit.unit_name == "某县");
  REQUIRE(visit.team.size() == 2);
  CHECK((visit.team[0].lead && visit.team[0].name == "王组长"));
  CHECK(visit.team[1].name == "I1");
  CHECK(visit.checklist->items().size() == 2);
  CHECK(visit.began_day == 20'502);
  CHECK(visit.ended_day == 20'502);
  REQUIRE(visit.findings.size() == 2);
  CHECK((visit.findings[0].text == "二" && visit.findings[0].fixed_on_site));
  REQUIRE(visit.feedback);
  CHECK(visit.feedback->text == "新");
  REQUIRE(visit.signatures.size() == 1);
  CHECK(visit.signatures[0].name == "新签");

  const auto sheet = feedback_sheet(visit, true);
  REQUIRE(sheet);
  CHECK(sheet->head().number == to_hex(kVisit) + "-1-2");
  const std::string said = sheet->canonical();
  CHECK(has(said, "row\tQ1\t到岗人数\t11（共12）\t一人病假\n"));
  CHECK(has(said, "row\tQ3\t服务\t甲、乙\t\n"));
  CHECK_FALSE(has(said, "不在子集"));
  CHECK(has(said, "fact\t随机抽取班级\t6-2、1-1\n"));
  CHECK(has(said, "fact\t督导时间\t2026年2月18日\n"));
  CHECK(has(said, "（已当场整改）"));
}

TEST_CASE("what is missing is said by its number") {
  Rows rows = small_visit();
  CHECK(feedback_sheet(read(rows), true).error().code == Code::kFeedbackMissing);
  CHECK(rectification_notice(read(rows), {}, true).error().code == Code::kNothingToRectify);
  rows.tables.erase("template");
  CHECK(read_visit(kVisit, rows.view_of()).error().code == Code::kTemplateUnknown);
  rows.tables.erase("visit");
  CHECK(read_visit(kVisit, rows.view_of()).error().code == Code::kVisitUnknown);
}

TEST_CASE("a visit of which nothing else is known still gives every document, in both languages") {
  Rows rows = small_visit();
  for (const char* table : {"school", "org_unit", "inspector", "answer", "team_member"}) rows.tables.erase(table);
  add_feedback(rows, 1, 1, "一切正常", 1'000);
  const VisitRecord visit = read(rows);
  for (const bool chinese : {true, false}) {
    const auto sheet = feedback_sheet(visit, chinese);
    REQUIRE(sheet);
    CHECK(has(sheet->canonical(), chinese ? "paragraph\t未发现问题。" : "paragraph\tNothing was found amiss."));
    CHECK(has(sheet->canonical(), chinese ? "未作答" : "Not answered"));
    CHECK(has(sheet->canonical(), chinese ? "signature\t校长（负责人）\t\t\t\t\n" : "signature\tHead\t\t\t\t\n"));
    const std::string letter = opinion_letter(visit, {}, chinese).canonical();
    CHECK(has(letter, "addressee\t140001\n"));
    const std::string report = inspection_report(visit, {}, chinese).canonical();
    CHECK(has(report, chinese ? "本次督导未评分" : "not scored"));
    CHECK(has(report, "addressee\t\n"));
  }
}

TEST_CASE("a long visit's feedback sheet has it all: observers who differ, NA, remarks, refusal, absence and drawing") {
  const auto sheet = feedback_sheet(long_visit(), true);
  REQUIRE(sheet);
  const std::string said = sheet->canonical();
  CHECK(has(said, "王秀兰：否\\n张明远：是"));
  CHECK(has(said, "row\tA1.01\t章程、发展规划和主要管理制度已在校内公开，教职工知晓查询途径\t是\t\n"));
  CHECK(has(said, "不适用：本校无校车"));
  CHECK(has(said, "row\t校园安全\n"));
  CHECK(has(
      said,
      "signature\t校长（负责人）\t\t拒绝签字\t理由：对收费问题的认定有异议；见证人：陈副校长；2026年3月4日 16:27\t\n"));
  CHECK(has(said, "signature\t教师\t\t不在场，未签字\t理由：外出培训；"));
  CHECK(has(said, "signature\t督学\t王秀兰\t已签字\t笔迹存于系统；2026年3月4日 16:28\t010203\n"));
  for (const char* severity : {"险情", "严重", "复杂", "一般", "建议"})
    CHECK(has(said, std::string("\t") + severity + "\t"));
  CHECK(has(said, "fact\t签字内容哈希\t5e884898"));
  const std::string html = document_html(*sheet);
  CHECK(has(html, "<path fill=\"none\""));
  CHECK(has(html, to_hex(sheet->hash())));
  CHECK(feedback_sheet(long_visit(), true)->hash() == sheet->hash());
  CHECK(feedback_sheet(long_visit(), false)->hash() != sheet->hash());
}

TEST_CASE("a rectification notice asks for what must be put right, and for nothing else") {
  IssueWords words = issue_words(DocumentKind::kNotice);
  words.text = "请于每周五报送进展。";
  const auto notice = rectification_notice(long_visit(), words, true);
  REQUIRE(notice);
  const std::string said = notice->canonical();
  CHECK(notice->head().number == "栖教督整〔2026〕12号");
  CHECK(notice->head().addressee == "栖霞县云麓镇第一中学");
  CHECK(has(said, "根据《教育督导条例》"));
  CHECK(has(said, "\t2026-03-05\t栖霞县教育局\n"));
  CHECK(has(said, "\t2026-05-07\t栖霞县教育局\n"));  // names no day of its own
  CHECK_FALSE(has(said, "[C1.01]"));                 // advice
  CHECK_FALSE(has(said, "[F1.01]"));                 // put right at once
  CHECK(has(said, "请于每周五报送进展。"));
  CHECK(has(said, "closing\t栖霞县人民政府教育督导委员会办公室\t2026年3月8日\n"));
  words.basis = "《某省教育督导条例》";
  CHECK(has(rectification_notice(long_visit(), words, true)->canonical(), "根据《某省教育督导条例》"));
}

TEST_CASE("opinion letter and report carry score, findings and what follows") {
  const std::string letter = opinion_letter(long_visit(), issue_words(DocumentKind::kOpinion), true).canonical();
  CHECK(has(letter, "kind\topinion\n"));
  CHECK(has(letter, "等次：良好"));
  CHECK(has(letter, "险情1项，严重1项，复杂1项，一般2项"));
  CHECK(has(letter, "[C1.01]"));
  const Document report = inspection_report(long_visit(), issue_words(DocumentKind::kReport), true);
  const std::string said = report.canonical();
  CHECK(report.head().addressee.empty());
  CHECK(has(said, "row\t总分\t\t"));
  CHECK(has(said, "共发现问题7项：险情1项，严重1项，复杂1项，一般3项，建议1项。"));
  CHECK(said.find("closing\t") < said.find("heading\t附："));
}

TEST_CASE(
    "highlights stand before the findings of sheet, opinion and report, and without any there is no such heading") {
  Rows rows = small_visit();
  add_feedback(rows, 1, 1, "总体良好", 1'000);
  CHECK_FALSE(has(feedback_sheet(read(rows), true)->canonical(), "亮点"));
  const auto add = [&](std::int64_t n, Value item, const char* text, Value void_reason) {
    rows.add("highlight", {{"visit", kVisit},
                           {"author", std::int64_t{1}},
                           {"n", n},
                           {"item", std::move(item)},
                           {"text", text},
                           {"void_reason", std::move(void_reason)}});
  };
  add(1, "Q1", "全员到岗", Value());
  add(2, Value(), "误记", "重复");
  add(3, Value(), "课后服务有特色", Value());
  const VisitRecord visit = read(rows);
  for (const std::string& said : {feedback_sheet(visit, true)->canonical(), opinion_letter(visit, {}, true).canonical(),
                                  inspection_report(visit, {}, true).canonical()}) {
    const std::size_t heading = said.find("、亮点与经验");
    REQUIRE(heading != std::string::npos);
    CHECK(has(said, "row\t1\t[Q1] 全员到岗\n"));
    CHECK(has(said, "row\t2\t课后服务有特色\n"));
    CHECK_FALSE(has(said, "误记"));
    CHECK(said.find("问题", heading) != std::string::npos);
  }
  const std::string english = feedback_sheet(visit, false)->canonical();
  CHECK(has(english, "2. Highlights"));
  CHECK(has(english, "3. Findings"));
}

TEST_CASE("the sheet of a re-inspection says of each finding that it took along whether it is put right") {
  Rows rows = small_visit();
  add_feedback(rows, 1, 1, "复查", 1'000);
  const std::string without = feedback_sheet(read(rows), true)->canonical();
  CHECK_FALSE(has(without, "复查结果"));
  const Bytes earlier(16, 7);
  for (std::int64_t n = 1; n <= 3; ++n)
    rows.add("carried_finding", {{"visit", kVisit},
                                 {"finding_visit", earlier},
                                 {"finding_author", std::int64_t{1}},
                                 {"finding_n", n},
                                 {"severity", "ORDINARY"},
                                 {"text", "问题" + std::to_string(n)},
                                 {"round", n}});
  for (const auto& [n, outcome] : {std::pair{std::int64_t{1}, "VERIFIED"}, {std::int64_t{3}, "REJECTED"}})
    rows.add("reinspection_result", {{"visit", kVisit},
                                     {"finding_visit", earlier},
                                     {"finding_author", std::int64_t{1}},
                                     {"finding_n", n},
                                     {"outcome", outcome},
                                     {"text", n == 3 ? Value("仍有杂物") : Value()}});
  for (const std::string& said :
       {feedback_sheet(read(rows), true)->canonical(), inspection_report(read(rows), {}, true).canonical()}) {
    CHECK(has(said, "复查结果"));
    CHECK(has(said, "row\t1\t问题1\t1\t已整改到位\t\n"));
    CHECK(has(said, "row\t2\t问题2\t2\t未查看\t\n"));
    CHECK(has(said, "row\t3\t问题3\t3\t未整改到位\t仍有杂物\n"));
  }
}
