#include "agent/visit_book.hpp"

#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

AnswerValue number(std::int64_t value) {
  AnswerValue out;
  out.value = value;
  return out;
}

struct Inspector : TestDevice {
  using TestDevice::TestDevice;
  VisitBook book{platform, *db};
  void must(const Status& done) {
    if (!done) FAIL(done.error().message());
  }
};

/// A visit that one inspector is to make, and has on their device.
struct OwnVisit {
  TestOffice office;
  Inspector inspector{office, "I001"};
  Bytes visit;

  OwnVisit() {
    office.add_people_and_schools();
    inspector.enrol();
    visit = office.plan({"I001"});
    inspector.must_sync();
  }
};

}  // namespace

TEST_CASE("an inspector does a whole visit, and the office receives it") {
  OwnVisit at;
  auto& [office, inspector, visit] = at;
  VisitBook& book = inspector.book;

  CHECK(book.check_in(visit, {}, "").error().code == Code::kPlaceOrReason);
  CHECK(book.answer(visit, "S1", number(1), "").error().code == Code::kVisitNotOpen);
  inspector.must(book.check_in(visit, Place{361234567, 1124567890, 800}, ""));
  CHECK(inspector.state(visit) == "IN_PROGRESS");
  CHECK(book.recuse(visit, "R1").error().code == Code::kTransitionNotAllowed);
  CHECK(book.answer(visit, "S9", number(1), "").error().code == Code::kAnswerUnknownItem);
  CHECK(book.answer(visit, "S2", number(5000), "").error().code == Code::kAnswerRange);
  CHECK(book.answer(visit, "S1", number(1), std::string("\xff")).error().code == Code::kTextNotUtf8);
  inspector.must(book.answer(visit, "S1", number(0), "北门堆放杂物"));
  CHECK(book.finish(visit).error().code == Code::kAnswersMissing);
  inspector.must(book.answer(visit, "S2", number(12), ""));
  const auto finding = book.add_finding(visit, {.item = "S1",
                                                .severity = "ORDINARY",
                                                .clause = "消防法第十六条",
                                                .text = "北门消防通道堆放杂物",
                                                .due_day = 20'530,
                                                .superior_unit = "县教育局"});
  REQUIRE(finding);
  const auto wrong = book.add_finding(
      visit, {.item = "", .severity = "ADVICE", .clause = "", .text = "误记", .due_day = {}, .superior_unit = ""});
  REQUIRE(wrong);
  CHECK(book.void_finding(visit, *wrong, "").error().code == Code::kWordsMissing);
  inspector.must(book.void_finding(visit, *wrong, "记错学校"));
  CHECK(book.void_finding(visit, *wrong, "再次").error().code == Code::kRowUnknown);
  inspector.must(book.fix_finding_on_site(visit, *finding));
  REQUIRE(book.add_note(visit, "S1", "已当场清理"));
  CHECK(book.add_finding(
                visit,
                {.item = "", .severity = "TERRIBLE", .clause = "", .text = "x", .due_day = {}, .superior_unit = ""})
            .error()
            .code == Code::kSeverityUnknown);
  CHECK(book.draw_classes(visit, {"1-1", "1-2"}, 1).error().code == Code::kNoClassSeed);
  inspector.must(book.finish(visit));
  const NewSignature signature{
      .role = "HEAD", .name = "李校长", .outcome = "SIGNED", .strokes = Bytes{1, 2, 3}, .witness = "", .reason = ""};
  CHECK(book.sign(visit, signature).error().code == Code::kFeedbackMissing);
  const auto document = book.feedback(visit, "消防通道须保持畅通，已当场整改。");
  REQUIRE(document);
  CHECK(book.sign(visit, {.role = "HEAD", .name = "", .outcome = "REFUSED", .strokes = {}, .witness = "", .reason = ""})
            .error()
            .code == Code::kSignatureWrong);
  inspector.must(book.sign(visit, signature));
  CHECK(book.answer(visit, "S2", number(13), "").error().code == Code::kVisitNotOpen);
  inspector.must(book.submit(visit));
  CHECK(book.submit(visit).error().code == Code::kTransitionNotAllowed);
  CHECK(book.answer(visit, "S2", number(13), "").error().code == Code::kVisitSubmitted);
  CHECK(outbox(*inspector.db, true)->size() == 1);

  const PassReport report = inspector.must_sync();
  CHECK(report.refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  const std::int64_t device = inspector.number();
  CHECK(office.cell("finding", {BytesView(visit), device, std::int64_t{1}}, "state") == "FIXED_ON_SITE");
  CHECK(office.cell("finding", {BytesView(visit), device, std::int64_t{2}}, "void_reason") == "记错学校");

  // The office asks; the answer is an amendment, and the old value stays.
  REQUIRE(office->visit_event("王处长", visit, "query", "S2", "灭火器数量是否含宿舍？"));
  inspector.must_sync();
  CHECK(inspector.state(visit) == "RETURNED");
  CHECK(book.amend(visit, "answer", "S2/I001", "value", std::int64_t{14}, "").error().code == Code::kWordsMissing);
  CHECK(book.amend(visit, "answer", "S7/I001", "value", std::int64_t{14}, "x").error().code == Code::kRowUnknown);
  CHECK(book.amend(visit, "visit", "S2/I001", "state", std::int64_t{14}, "x").error().code == Code::kRowUnknown);
  inspector.must(book.amend(visit, "answer", "S2/I001", "value", std::int64_t{14}, "含宿舍两具"));
  CHECK(inspector.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office.cell("answer", {BytesView(visit), std::string_view("S2"), std::string_view("I001")}, "value") == "12");
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a highlight is part of what the school signs and the lead submits, and stays as it was") {
  OwnVisit at;
  auto& [office, inspector, visit] = at;
  VisitBook& book = inspector.book;
  CHECK(book.add_highlight(visit, "", "早了").error().code == Code::kVisitNotOpen);
  inspector.must(book.check_in(visit, {}, "室内无信号"));
  inspector.must(book.answer(visit, "S1", number(1), ""));
  inspector.must(book.answer(visit, "S2", number(3), ""));
  const auto root = [&] { return *visit_root(*at.inspector.db, at.visit); };
  const Hash without = root();
  const EntryId first = book.add_highlight(visit, "S1", "通道每日巡查").value();
  const Hash with = root();
  CHECK(with != without);
  CHECK(book.add_highlight(visit, "", "").error().code == Code::kWordsMissing);
  CHECK(book.change_highlight(visit, {first.author, 9}, "x").error().code == Code::kRowUnknown);
  inspector.must(book.finish(visit));
  REQUIRE(book.feedback(visit, "总体良好。"));
  CHECK(book.feedback_sheet(visit, true)->canonical().find("通道每日巡查") != std::string::npos);
  inspector.must(book.change_highlight(visit, first, "通道每日巡查并公示"));
  CHECK(root() != with);
  CHECK(book.feedback_sheet(visit, true).error().code == Code::kFeedbackOutdated);
  REQUIRE(book.feedback(visit, "总体良好。"));
  inspector.must(book.sign(
      visit, {.role = "HEAD", .name = {}, .outcome = "ABSENT", .strokes = {}, .witness = {}, .reason = "外出"}));
  inspector.must(book.submit(visit));
  CHECK(book.void_highlight(visit, first, "重复").error().code == Code::kVisitSubmitted);
  inspector.must(
      book.amend(visit, "highlight", std::to_string(first.author) + "/1", "text", std::string("每日两次"), "更正"));
  CHECK(inspector.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office.cell("highlight", {BytesView(visit), first.author, first.n}, "text") == "通道每日巡查并公示");
  CHECK(office.check().sound());
  CHECK(office->rebuild());
}

TEST_CASE("a school that lets nobody in is a visit with evidence") {
  OwnVisit at;
  auto& [office, inspector, visit] = at;
  inspector.must(inspector.book.prepare(visit));
  CHECK(inspector.book.refuse_entry(visit, {}, "").error().code == Code::kWordsMissing);
  inspector.must(inspector.book.refuse_entry(visit, {}, "门卫称校长不在，不予开门"));
  CHECK(inspector.book.submit(visit).error().code == Code::kEvidenceMissing);
  REQUIRE(inspector.book.add_note(visit, "", "09:12 至 09:40 在校门口等候"));
  inspector.must(inspector.book.submit(visit));
  CHECK(inspector.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
}

TEST_CASE("a refused signature needs a witness or words, and the visit goes on") {
  OwnVisit at;
  auto& [office, inspector, visit] = at;
  VisitBook& book = inspector.book;
  inspector.must(book.check_in(visit, {}, "室内无信号"));
  inspector.must(book.pause(visit, "次日继续"));
  inspector.must(book.resume(visit));
  inspector.must(book.answer(visit, "S1", number(1), ""));
  inspector.must(book.answer(visit, "S2", number(3), ""));
  inspector.must(book.finish(visit));
  REQUIRE(book.feedback(visit, "总体良好。"));
  inspector.must(book.sign(visit, {.role = "HEAD",
                                   .name = "李校长",
                                   .outcome = "REFUSED",
                                   .strokes = {},
                                   .witness = "张副校长",
                                   .reason = "对第一项有异议"}));
  inspector.must(book.submit(visit));
  CHECK(inspector.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
}

TEST_CASE("an inspector recuses themselves before preparing, and the office sees it") {
  OwnVisit at;
  auto& [office, inspector, visit] = at;
  CHECK(inspector.book.recuse(visit, "R9").error().code == Code::kReasonCode);
  inspector.must(inspector.book.recuse(visit, "R2"));
  CHECK(inspector.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "PLANNED");
  CHECK(office.cell("team_member", {BytesView(visit), std::string_view("I001")}, "recusal") == "R2");
  CHECK(inspector.book.check_in(visit, {}, "x").error().code == Code::kVisitNotHere);
}

TEST_CASE("danger is sealed at once") {
  OwnVisit at;
  auto& [office, inspector, visit] = at;
  inspector.must(inspector.book.check_in(visit, {}, "室内无信号"));
  REQUIRE(inspector.book.add_finding(visit, {.item = "",
                                             .severity = "DANGER",
                                             .clause = "",
                                             .text = "教学楼外墙砖脱落",
                                             .due_day = {},
                                             .superior_unit = ""}));
  REQUIRE(outbox(*inspector.db, true)->size() == 1);
  CHECK(outbox(*inspector.db, true)->front().urgent);
}

TEST_CASE("classes of a drawn visit are drawn offline, the same from any order of the list") {
  TestOffice office;
  office.add_people_and_schools();
  Inspector inspector(office, "I001");
  inspector.enrol();
  VisitPlan plan;
  plan.school = "140001";
  plan.kind = "RANDOM";
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = 20'500;
  plan.to_day = 20'520;
  plan.team = {"I001", "I002"};
  plan.class_seed = Bytes(32, 7);
  const auto visit = office->plan("王处长", {plan});
  REQUIRE(visit);
  inspector.must_sync();
  inspector.must(inspector.book.check_in(visit->front(), {}, "室内无信号"));
  const auto one = inspector.book.draw_classes(visit->front(), {"1-1", "1-2", "2-1"}, 2);
  const auto two = inspector.book.draw_classes(visit->front(), {"2-1", "1-2", "1-1"}, 2);
  REQUIRE(one);
  CHECK(*one == *two);
  CHECK(inspector.book.draw_classes(visit->front(), {"1-1", "1-1"}, 1).error().code == Code::kClassList);
  CHECK(inspector.must_sync().refusals.empty());
}

TEST_CASE("the lead settles what the team observed differently, and submits with everybody's part or says why not") {
  TestOffice office;
  office.add_people_and_schools();
  Inspector lead(office, "I001");
  Inspector member(office, "I002");
  lead.enrol();
  member.enrol();
  const Bytes visit = office.plan({"I001", "I002", "I003"});
  lead.must_sync();
  member.must_sync();
  lead.must(lead.book.check_in(visit, {}, "室内无信号"));
  member.must(member.book.check_in(visit, {}, "室内无信号"));
  lead.must(lead.book.answer(visit, "S1", number(1), ""));
  lead.must(lead.book.answer(visit, "S2", number(4), ""));
  member.must(member.book.answer(visit, "S1", number(0), "南侧楼梯堆物"));
  member.must_sync();
  CHECK(lead.book.reconcile(visit, "S1", "I002", number(1), "").error().code == Code::kRowUnknown);
  lead.must_sync();
  lead.must(lead.book.reconcile(visit, "S1", "I002", number(1), "复查时已清空"));
  CHECK(member.book.reconcile(visit, "S1", "I001", number(0), "").error().code == Code::kNotYours);
  lead.must(lead.book.finish(visit));
  REQUIRE(lead.book.feedback(visit, "总体良好"));
  lead.must(lead.book.sign(
      visit, {.role = "HEAD", .name = "", .outcome = "ABSENT", .strokes = {}, .witness = "", .reason = "外出开会"}));
  const Status without = lead.book.submit(visit);
  REQUIRE_FALSE(without);
  CHECK(without.error().code == Code::kPartsMissing);
  CHECK(without.error().detail == "I003");
  lead.must(lead.book.submit(visit, "I003 临时抽调"));
  CHECK(lead.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office.cell("answer", {BytesView(visit), std::string_view("S1"), std::string_view("I002")}, "note") ==
        "复查时已清空");
  CHECK(office.cell("submission", {BytesView(visit)}, "waived") == "I003 临时抽调");
  // The member, not knowing, goes on: refused, kept with its reason, and the visit stands as submitted.
  member.must(member.book.answer(visit, "S2", number(9), ""));
  const PassReport late = member.must_sync();
  REQUIRE(late.refusals.size() == 1);
  CHECK(late.refusals[0].code == static_cast<int>(Code::kVisitSubmitted));
  CHECK(office.visit_state(visit) == "RECEIVED");
  CHECK(office->rebuild());
}

TEST_CASE("who joined a visit that was under way has given their part with an answer or a highlight") {
  const bool answers = GENERATE(true, false);
  TestOffice office;
  office.add_people_and_schools();
  Inspector lead(office, "I001");
  Inspector member(office, "I002");
  lead.enrol();
  member.enrol();
  const Bytes visit = office.plan({"I001", "I002"});
  lead.must_sync();
  lead.must(lead.book.check_in(visit, {}, "室内无信号"));
  lead.must_sync();
  member.must_sync();
  CHECK(member.book.check_in(visit, {}, "x").error().code == Code::kTransitionNotAllowed);
  if (answers)
    member.must(member.book.answer(visit, "S2", number(5), ""));
  else
    REQUIRE(member.book.add_highlight(visit, "", "每班每天一节阅读课"));
  lead.must(lead.book.answer(visit, "S1", number(1), ""));
  lead.must(lead.book.answer(visit, "S2", number(5), ""));
  lead.must(lead.book.finish(visit));
  REQUIRE(lead.book.feedback(visit, "总体良好"));
  lead.must(lead.book.sign(
      visit, {.role = "HEAD", .name = "", .outcome = "ABSENT", .strokes = {}, .witness = "", .reason = "外出开会"}));
  CHECK(lead.book.submit(visit).error().code == Code::kPartsMissing);
  CHECK(member.must_sync().refusals.empty());
  lead.must_sync();
  lead.must(lead.book.submit(visit));
  CHECK(lead.must_sync().refusals.empty());
  CHECK(office.visit_state(visit) == "RECEIVED");
}
