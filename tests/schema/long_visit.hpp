#pragma once

/// A long visit as it happens in life: 36 items in six sections, two observers, findings of every severity, a refusal
/// and a signature. Invented.

#include "schema/visit_documents.hpp"

#include <array>
#include <string>

#include <catch2/catch.hpp>

namespace dudao::test {

inline std::string long_checklist() {
  struct Section {
    const char* title;
    std::array<const char*, 6> items;
  };
  static constexpr std::array<Section, 6> kSections = {{
      {"校务管理",
       {"章程、发展规划和主要管理制度已在校内公开，教职工知晓查询途径", "校务公开栏内容及时更新",
        "收费项目、标准、依据和监督电话已公示，票据与公示一致", "采购与食堂账目按月公示",
        "校长带头听课，本学期听课记录完整", "家长委员会按章程产生并正常开展工作"}},
      {"课程与教学",
       {"国家课程开齐开足，课程表与当天实际上课情况一致", "体育与健康课每周课时达标，每天综合体育活动不少于两小时",
        "实验课开出率达到课程标准要求", "无违规组织统一考试或公布学生成绩排名", "教辅材料“一科一辅”且自愿购买",
        "课后服务由家长自愿选择，无变相讲授新课"}},
      {"学生发展",
       {"作业公示制度落实，书面作业总量符合规定", "手机管理制度落实，课堂无学生使用手机",
        "学生体质健康测试数据真实完整", "心理健康教育教师配备到位，个别辅导记录保密保管", "控辍保学台账与学籍系统一致",
        "留守儿童和困境儿童“一人一档”"}},
      {"教师队伍",
       {"师德师风承诺书签订并存档", "无在职教师有偿补课线索", "教师持证上岗率达到百分之百",
        "新教师入职查询记录（准入查询）完整", "教研活动每周开展并有记录", "班主任津贴按月发放"}},
      {"校园安全",
       {"门卫值守与来访登记规范，一键报警装置可用", "消防通道和安全出口畅通，应急照明完好",
        "灭火器压力正常且在有效期内", "危险化学品双人双锁，领用登记完整", "校车驾驶人与照管员资质齐备",
        "每月一次应急疏散演练并有总结"}},
      {"食堂与宿舍",
       {"食品留样每种不少于125克、保存48小时以上", "从业人员健康证有效", "陪餐制度落实，陪餐记录有意见和整改",
        "大宗食材定点采购，索证索票齐全", "宿舍夜间值班到岗，女生宿舍有女性管理人员", "饮用水水质检测报告在有效期内"}},
  }};
  std::string out =
      R"({"format":"dudao-checklist-1","code":"long","version":3,"title":{"zh":"中小学校综合督导检查表","en":"Comprehensive inspection"},)"
      R"("languages":["zh","en"],"weight":36,"bands":[{"code":"A","title":{"zh":"优秀","en":"Excellent"},"from":90},)"
      R"({"code":"B","title":{"zh":"良好","en":"Good"},"from":75},{"code":"C","title":{"zh":"合格","en":"Adequate"},"from":0}],"sections":[)";
  for (std::size_t s = 0; s < kSections.size(); ++s) {
    const std::string letter(1, static_cast<char>('A' + s));
    out += std::string(s == 0 ? "" : ",") + R"({"code":")" + letter + R"(","weight":6,"title":{"zh":")" +
           kSections[s].title + R"(","en":"Section )" + letter + R"("},"items":[)";
    for (std::size_t i = 0; i < kSections[s].items.size(); ++i)
      out += std::string(i == 0 ? "" : ",") + R"({"code":")" + letter + "1.0" + std::to_string(i + 1) +
             R"(","type":"yes_no","allow_na":true,"title":{"zh":")" + kSections[s].items[i] + R"(","en":"Question )" +
             letter + std::to_string(i + 1) + R"("},"scoring":{"mode":"met","weight":1}})";
    out += "]}";
  }
  return out + "]}";
}

inline VisitRecord long_visit() {
  VisitRecord visit;
  visit.id = *from_hex("019a2f3e5b7c7d1e8f90a1b2c3d4e5f6");
  visit.kind = "COMPREHENSIVE";
  visit.school = "9901210001";
  visit.school_name = "栖霞县云麓镇第一中学";
  visit.head = "李建国";
  visit.superior_unit = "栖霞县教育局";
  visit.unit_name = "栖霞县";
  visit.from_day = 20'514;
  visit.to_day = 20'518;
  visit.began_day = 20'515;
  visit.ended_day = 20'516;
  visit.team = {{"D001", "王秀兰", true}, {"D002", "张明远", false}, {"D003", "赵丽", false}};
  auto list = Checklist::parse(long_checklist());
  if (!list) FAIL(list.error().message());
  visit.checklist = *list;
  std::size_t n = 0;
  for (const Item* item : list->items()) {
    AnswerValue value;
    value.value = std::int64_t{n % 7 == 5 ? 0 : 1};
    if (item->code == "E1.05") value = {{}, {}, "本校无校车"};
    visit.answers.by_observer["D001"][item->code] = value;
    ++n;
  }
  visit.answers.by_observer["D002"]["A1.01"].value = std::int64_t{1};
  visit.answers.by_observer["D002"]["E1.02"].value = std::int64_t{1};
  visit.answers.by_observer["D001"]["E1.02"].value = std::int64_t{0};
  visit.answers.notes[{"E1.02", "D001"}] = "教学楼二层东侧出口锁闭，课间由值班教师开启";
  visit.answers.notes[{"B1.03", "D001"}] = "八年级物理第3、5、7号学生实验无记录";
  const auto found = [&](Severity severity, const char* item, const char* clause, const char* text,
                         std::optional<std::int64_t> due, bool fixed = false) {
    visit.findings.push_back({item, clause, text, "栖霞县教育局", severity, due, fixed});
  };
  found(Severity::kDanger, "E1.04", "《危险化学品安全管理条例》第二十四条",
        "化学实验室危险化学品柜未落实双人双锁，浓硫酸领用登记与实际库存相差约200毫升，去向不明，须立即封存并核查。",
        20'517);
  found(Severity::kSerious, "A1.03", "《中华人民共和国义务教育法》第二十五条",
        "七年级以“资料费”名义向学生收取每人120元，未列入公示项目，且未开具票据。", 20'530);
  found(Severity::kComplex, "F1.06", "《学校卫生工作条例》第七条",
        "自备水源井距旱厕不足30米，水质检测报告已过期7个月，须会同卫生健康、水利部门研究解决。", 20'575);
  found(Severity::kOrdinary, "E1.02", "《中华人民共和国消防法》第二十八条",
        "教学楼二层东侧安全出口锁闭，通道堆放课桌椅18套。", 20'520);
  found(Severity::kOrdinary, "B1.03", "", "八年级物理学生分组实验开出率为百分之七十六，低于课程标准要求。", {});
  found(Severity::kOrdinary, "F1.01", "《学校食品安全与营养健康管理规定》第四十条",
        "食品留样两种不足125克，现场已补足并重新登记。", {}, true);
  found(Severity::kAdvice, "C1.01", "", "建议将作业公示由班级微信群改为校内公示栏与班级并行，便于家长查询。", {});
  visit.drawn_classes = "八（3）班\n七（1）班\n";
  VisitRecord::Feedback feedback;
  feedback.author = 3;
  feedback.n = 2;
  feedback.text =
      "督导组查阅资料42份，推门听课6节，访谈教师12人、学生24人、家长8人，回收问卷186份。\n学校办学思想端正，"
      "领导班子团结务实，近三年持续改善办学条件，新建综合楼一栋，教师队伍结构趋于合理；课后服务特色鲜明，"
      "“云麓书院”阅读课程受到学生欢迎。\n同时，校园安全和收费管理方面存在明显薄弱环节，尤其是危险化学品管理"
      "责任不清、自备水源存在隐患，须高度重视。Wi-Fi 覆盖率 100%，监控 64 路（H.264），存储期 30 天。";
  feedback.document_hash = *from_hex("5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8");
  feedback.at_utc_ms = 20'516 * std::int64_t{86'400'000} + 8 * 3'600'000 + 12 * 60'000;
  feedback.at_offset_min = 480;
  visit.feedback = feedback;
  std::string drawn;
  for (int i = 0; i < 60; ++i)
    drawn += (i == 0 ? "" : i % 20 == 0 ? "/" : ";") + std::to_string(i * 6) + "," + std::to_string(60 + i * i % 47);
  visit.signatures = {
      {"HEAD", "", "REFUSED", "陈副校长", "对收费问题的认定有异议", {}, feedback.at_utc_ms + 900'000, 480},
      {"DEPUTY", "陈志强", "SIGNED", "", "", to_bytes(view(drawn)), feedback.at_utc_ms + 960'000, 480},
      {"TEACHER", "", "ABSENT", "", "外出培训", {}, feedback.at_utc_ms + 960'000, 480},
      {"INSPECTOR", "王秀兰", "SIGNED", "", "", Bytes{1, 2, 3}, feedback.at_utc_ms + 990'000, 480}};
  return visit;
}

inline IssueWords issue_words(DocumentKind kind) {
  IssueWords words;
  words.number = document_number("栖教督", kind, 2026, 12);
  words.issuer = "栖霞县人民政府教育督导委员会办公室";
  words.day = 20'520;
  words.due_day = 20'580;
  return words;
}

}  // namespace dudao::test
