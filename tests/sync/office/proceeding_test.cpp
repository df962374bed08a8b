/// What follows from a visit: the table is all that is allowed, limits end where the published rules say, and the
/// software proposes what a person then decides.

#include "sync/office/proceeding.hpp"

#include "schema/answer.hpp"
#include "sync/office/follow_up.hpp"
#include "sync/office/jurisdiction.hpp"
#include "sync/office/statistics.hpp"
#include "tests/sync/office/county.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

using namespace dudao;
using namespace dudao::test;

namespace {

using Kind = ProceedingKind;
using State = ProceedingState;
using Event = ProceedingEvent;

std::int64_t day_of(std::string_view date) { return parse_date(date).value(); }

std::string china() {
  std::ifstream in(DUDAO_SOURCE_DIR "/tools/sample/deadlines/china.json");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A school in a county of Shanghai, and a visit to it that the office has accepted.
struct CountyOfCases {
  TestOffice office;
  TestDevice device{office, "I001"};
  Bytes visit;
  std::vector<std::string> highlights;

  /// Minutes of the day at the place at which the visit ends; the place is so far ahead of UTC.
  explicit CountyOfCases(std::string kind = "SPECIAL", std::string_view date = "2026-02-11", int minute = 30,
                         int offset = 480) {
    go(date, 0);
    // Founded on that day: a log whose time goes back is not sound.
    office.office.reset();
    office.open(office.folder / "earlier.db");
    device.machine.clock.set_offset(offset);
    office.add_people_and_schools();
    decide([](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      rows.insert("org_unit", {std::string("310000"), std::string("上海市"), std::string("市"), Value()});
      rows.insert("org_unit", {std::string("310101"), std::string("黄浦区"), std::string("区"), std::string("310000")});
      const Table& schools = *find_table("school");
      std::vector<std::pair<std::size_t, Value>> cells = {
          {schools.column("org_unit"), std::string("310101")},
          {schools.column("head"), std::string("李明校长")},
          {schools.column("superior_unit"), std::string("黄浦区教育局")}};
      std::sort(cells.begin(), cells.end());
      rows.update("school", {std::string("140001")}, cells);
      return rows;
    });
    device.enrol();
    visit = inspect(std::move(kind), date, minute, offset, 1);
  }

  /// Both clocks; minutes of the day in China.
  void go(std::string_view date, int minute = 9 * 60) {
    const std::int64_t utc_ms = begin_of_day_utc_ms(day_of(date), 480) + std::int64_t{minute} * 60'000;
    office.machine.clock.set_wall(utc_ms);
    device.machine.clock.set_wall(utc_ms);
  }
  std::int64_t today() { return local_day(moment().utc_ms, 480); }
  Moment moment() { return now(office.platform.clock); }

  /// A whole visit with so many findings on S1 and with `highlights`, of which "误记" is taken back; received and
  /// accepted.
  Bytes inspect(std::string kind, std::string_view date, int minute, int offset, std::int64_t findings,
                bool accept = true) {
    VisitPlan plan;
    plan.school = "140001";
    plan.kind = std::move(kind);
    plan.template_code = "daily";
    plan.template_version = 1;
    plan.from_day = day_of(date) - 1;
    plan.to_day = day_of(date) + 1;
    plan.team = {"I001", "I002", "I003"};
    plan.announced = true;
    plan.reason = "随访";
    const Bytes id = office->plan("王处长", {plan}).value().front();
    device.must_sync();
    device.check_in(id);
    const std::int64_t utc_ms = begin_of_day_utc_ms(day_of(date), offset) + std::int64_t{minute} * 60'000;
    device.machine.clock.set_wall(utc_ms);
    office.machine.clock.set_wall(utc_ms);
    const Moment at = now(device.platform.clock);
    for (std::int64_t n = 1; n <= findings; ++n)
      device.write([&] {
        return device.db->execute(
            "INSERT INTO finding VALUES (?, ?, ?, 'S1', 'ORDINARY', NULL, '通道堵塞', ?, NULL, 'OPEN', NULL, 'I001', "
            "?, ?, ?)",
            BytesView(id), device.number(), n, day_of(date) + 30, at.utc_ms, at.offset_min, at.boot_ms);
      });
    for (std::size_t n = 0; n < highlights.size(); ++n)
      device.write([&] {
        return device.db->execute("INSERT INTO highlight VALUES (?, ?, ?, NULL, ?, ?, 'I001', ?, ?, ?)", BytesView(id),
                                  device.number(), static_cast<std::int64_t>(n + 1), std::string_view(highlights[n]),
                                  highlights[n] == "误记" ? ValueView("重复") : ValueView(), at.utc_ms, at.offset_min,
                                  at.boot_ms);
      });
    device.write([&] { return device.answer(id, "S1", std::int64_t{0}); });
    device.write([&] { return device.answer(id, "S2", std::int64_t{2}); });
    device.finish_and_submit(id);
    REQUIRE(device.must_sync().refusals.empty());
    REQUIRE(office.visit_state(id) == "RECEIVED");
    if (accept) REQUIRE(office->visit_event("王处长", id, "accept", "", ""));
    return id;
  }

  Code decide(const std::function<Result<ChangesBuilder>(Store&)>& build) {
    const auto done = office->decide("王处长", "test", build);
    if (!done) detail = done.error().detail;
    return done ? Code{} : done.error().code;
  }
  void publish() {
    REQUIRE(decide([&](Store& rows) { return publish_deadlines(rows, "cn", "期限", china(), moment().utc_ms); }) ==
            Code{});
  }
  Code open(const ProceedingOpening& opening) {
    return decide([&](Store& rows) -> Result<ChangesBuilder> {
      ChangesBuilder out;
      DUDAO_TRY(code, open_proceeding(rows, opening, moment(), out));
      return out;
    });
  }
  /// Opened with all that any kind needs; its code.
  std::string opened(Kind kind, std::optional<FindingKey> finding = std::nullopt) {
    ProceedingOpening opening;
    opening.kind = kind;
    opening.visit = visit;
    opening.finding = std::move(finding);
    if (opening.finding) opening.visit.clear();
    opening.basis = "《教育督导条例》第二十五条";
    opening.text = "通道堵塞";
    opening.recipients = {"黄浦区消防救援支队"};
    opening.person = "王处长";
    const Code done = open(opening);
    INFO(detail);
    REQUIRE(done == Code{});
    return code;
  }
  static ProceedingAct whole(std::string of, Event event) {
    ProceedingAct out;
    out.code = std::move(of);
    out.event = event;
    out.person = "王处长";
    out.text = "已办理";
    out.recipients = {"区委", "区政府", "市教育督导委员会"};
    out.document_hash = Bytes(32, 7);
    if (event == Event::kDecide) out.measures = {"CRITICISM"};
    return out;
  }
  Code step(const ProceedingAct& act) {
    return decide([&](Store& rows) -> Result<ChangesBuilder> {
      ChangesBuilder out;
      DUDAO_CHECK(take_proceeding_step(rows, act, moment(), out));
      return out;
    });
  }
  Code step(const std::string& of, Event event, std::string late_reason = "") {
    ProceedingAct act = whole(of, event);
    const ProceedingView at = view(of);
    if (at.kind != Kind::kSanction) act.measures.clear();
    act.late_reason = std::move(late_reason);
    return step(act);
  }
  void steps(const std::string& of, const std::vector<Event>& events) {
    for (const Event event : events) {
      INFO(to_string(event));
      REQUIRE(step(of, event) == Code{});
    }
  }
  template <class T>
  T read(const std::function<Result<T>(Store&)>& look) {
    T out{};
    const auto done = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(out, look(rows));
      return {};
    });
    if (!done) FAIL(done.error().message());
    return out;
  }
  ProceedingView view(const std::string& of) {
    return read<ProceedingView>([&](Store& rows) { return find_proceeding(rows, of); });
  }
  std::string state(const std::string& of) { return std::string(to_string(view(of).state)); }
  /// "PLEA 2026-03-03 SH-PLEA", or nothing.
  std::string due(const std::string& of) {
    const ProceedingView at = view(of);
    if (!at.due_day) return "";
    return std::string(to_string(*at.due_step)) + " " + date_text(*at.due_day) + " " + at.due_rule;
  }
  bool behind(const std::string& of) {
    return read<bool>([&](Store& rows) -> Result<bool> {
      DUDAO_TRY(const DeadlineRules rules, DeadlineRules::published(rows));
      DUDAO_TRY(const ProceedingView one, find_proceeding(rows, of));
      return is_behind(rows, rules, one, today());
    });
  }
  std::vector<ProceedingStepView> history(const std::string& of) {
    return read<std::vector<ProceedingStepView>>([&](Store& rows) { return proceeding_steps(rows, of); });
  }
  /// Of steps that were late: "INVESTIGATION_TEAM 2026-04-13".
  std::vector<std::string> late(const std::string& of) {
    std::vector<std::string> out;
    for (const ProceedingStepView& one : history(of))
      if (one.event == Event::kLate) out.push_back(one.text);
    return out;
  }
  std::vector<std::string> proposed() {
    std::vector<std::string> out;
    for (const Proposal& one : read<std::vector<Proposal>>([&](Store& rows) { return proposals(rows, moment()); })) {
      std::string name = one.name();
      name.erase(name.find(':'));
      out.push_back(name + " " + std::string(to_string(one.reason)) + " " + std::to_string(one.count));
    }
    return out;
  }
  /// "REINSPECTION 2026-04-01", overdue ones with a '!'.
  std::vector<std::string> listed(std::string_view from = "2020-01-01", std::string_view to = "2029-12-31") {
    std::vector<std::string> out;
    for (const DueItem& one : read<std::vector<DueItem>>(
             [&](Store& rows) { return deadlines_due(rows, day_of(from), day_of(to), moment()); }))
      out.push_back(std::string(to_string(one.limit.step)) + " " + date_text(one.limit.day) + (one.overdue ? "!" : ""));
    return out;
  }

  FindingKey finding(std::int64_t n = 1) { return {visit, device.number(), n}; }
  void rectify(const FindingKey& key, FindingEvent event, std::optional<std::int64_t> due_day = std::nullopt) {
    RectificationAct act;
    act.finding = key;
    act.event = event;
    act.actor = event == FindingEvent::kAcknowledge || event == FindingEvent::kPlan || event == FindingEvent::kReport
                    ? Actor::kSchool
                    : Actor::kOffice;
    act.person = "张伟主任";
    act.responsible = "张伟主任";
    act.text = "清理通道";
    act.due_day = due_day;
    const Code done = decide([&](Store& rows) -> Result<ChangesBuilder> {
      RectificationSteps taken(rows, moment().utc_ms, today());
      DUDAO_CHECK(taken.take(act));
      ChangesBuilder out;
      taken.write(out);
      return out;
    });
    INFO(detail);
    REQUIRE(done == Code{});
  }
  void to_reported(const FindingKey& key, std::optional<std::int64_t> due_day = std::nullopt) {
    rectify(key, FindingEvent::kNotice, due_day);
    for (const FindingEvent event : {FindingEvent::kAcknowledge, FindingEvent::kPlan, FindingEvent::kReport})
      rectify(key, event);
  }
  /// What the first proposal is about.
  std::string take_over() {
    REQUIRE(decide([&](Store& rows) -> Result<ChangesBuilder> {
              DUDAO_TRY(const auto all, proposals(rows, moment()));
              DUDAO_TRY(const Proposal one, find_proposal(rows, all.at(0).name(), moment()));
              ProceedingOpening opening;
              opening.kind = one.kind.value();
              opening.visit = one.visit;
              opening.finding = one.finding;
              opening.basis = one.basis();
              opening.text = one.facts();
              opening.person = "王处长";
              ChangesBuilder out;
              DUDAO_TRY(code, open_proceeding(rows, opening, moment(), out));
              return out;
            }) == Code{});
    return code;
  }

  std::string code;    ///< of what was opened last
  std::string detail;  ///< of the last refusal
};

}  // namespace

TEST_CASE("every step of the table may be taken on a proceeding, and no other") {
  CountyOfCases at("ROUTINE");
  // One of each kind in each state, whether it can get there or not.
  const auto name = [](std::size_t kind, std::size_t state) {
    return std::to_string(kind) + "-" + std::to_string(state);
  };
  REQUIRE(at.decide([&](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder out;
    for (std::size_t kind = 1; kind <= kProceedingKinds; ++kind)
      for (std::size_t state = 1; state < kProceedingStates; ++state) {
        const std::string code = name(kind, state);
        const std::string state_name(to_string(static_cast<State>(state)));
        out.insert("proceeding", {code, std::string(to_string(static_cast<Kind>(kind))), state_name, Value(),
                                  std::string("140001"), at.visit, Value(), Value(), std::string("140001"), Value(),
                                  Value(), Value(), at.today(), Value(), Value(), Value()});
        for (std::int64_t n = 1; n <= 2; ++n)
          out.insert("proceeding_step",
                     {code, n, std::string(n == 1 ? "open" : "execute"), state_name, std::string("王处长"), Value(),
                      Value(), Value(), at.today(), Value(), std::int64_t{1}});
      }
    return out;
  }) == Code{});
  std::size_t allowed = 0;
  REQUIRE(at.office->read([&](Store& rows) -> Status {
    for (std::size_t kind = 1; kind <= kProceedingKinds; ++kind)
      for (std::size_t state = 1; state < kProceedingStates; ++state)
        for (std::size_t event = 1; event <= kProceedingEvents; ++event) {
          const ProceedingAct act = [&] {
            ProceedingAct out = CountyOfCases::whole(name(kind, state), static_cast<Event>(event));
            if (static_cast<Kind>(kind) != Kind::kSanction) out.measures.clear();
            return out;
          }();
          ChangesBuilder out;
          const Status done = take_proceeding_step(rows, act, at.moment(), out);
          const auto* const row =
              find_transition(static_cast<Kind>(kind), static_cast<State>(state), static_cast<Event>(event));
          if (done && row) {
            ++allowed;
            continue;
          }
          INFO(act.code << " " << to_string(act.event) << " " << (done ? "" : done.error().message()));
          CHECK_FALSE(row);
          REQUIRE_FALSE(done);
          CHECK(done.error().code == Code::kProceedingTransitionNotAllowed);
          CHECK(out.empty());
        }
    return {};
  }));
  CHECK(allowed == kProceedingTransitions.size() - kProceedingKinds);  // Opening is no step.
  for (std::size_t kind = 1; kind <= kProceedingKinds; ++kind) at.opened(static_cast<Kind>(kind));
  CHECK(at.code == "SANCTION-2026-1");
  CHECK(at.step(CountyOfCases::whole("nobody", Event::kApprove)) == Code::kProceedingUnknown);
  CHECK(at.office->rebuild());
}

TEST_CASE("the names of kinds, states and events are read back, and each limit runs where a step ends it") {
  for (std::size_t i = 1; i <= kProceedingKinds; ++i)
    CHECK(proceeding_kind_from(to_string(static_cast<Kind>(i))) == static_cast<Kind>(i));
  for (std::size_t i = 1; i < kProceedingStates; ++i)
    CHECK(proceeding_state_from(to_string(static_cast<State>(i))) == static_cast<State>(i));
  for (std::size_t i = 1; i < kProceedingEvents; ++i)
    CHECK(proceeding_event_from(to_string(static_cast<Event>(i))) == static_cast<Event>(i));
  CHECK_FALSE(proceeding_state_from("NONE"));
  CHECK_FALSE(proceeding_event_from("late"));
  CHECK_FALSE(proceeding_kind_from("REVENGE"));
  for (const ProceedingTransition& row : kProceedingTransitions) {
    if (!row.ends) continue;
    INFO(to_string(row.kind) << " " << to_string(row.from));
    CHECK(std::any_of(kRunningLimits.begin(), kRunningLimits.end(), [&](const RunningLimit& running) {
      return running.kind == row.kind && running.state == row.from && running.step == *row.ends;
    }));
  }
}

TEST_CASE("a proceeding is over where its table ends, and these limits are others' and no more") {
  const std::set<std::pair<Kind, State>> ends = {{Kind::kReport, State::kPublished},
                                                 {Kind::kOpinion, State::kReviewAnswered},
                                                 {Kind::kCommendation, State::kDeclined},
                                                 {Kind::kCommendation, State::kPublished},
                                                 {Kind::kReferral, State::kClosed},
                                                 {Kind::kInterview, State::kDismissed},
                                                 {Kind::kInterview, State::kFiled},
                                                 {Kind::kNotification, State::kDismissed},
                                                 {Kind::kNotification, State::kAcknowledged},
                                                 {Kind::kSanction, State::kDismissed},
                                                 {Kind::kSanction, State::kClosed}};
  for (const ProceedingTransition& row : kProceedingTransitions) {
    INFO(to_string(row.kind) << " " << to_string(row.to));
    CHECK(is_final(row.kind, row.to) == ends.contains({row.kind, row.to}));
  }
  const std::set<DeadlineStep> of_others = {DeadlineStep::kPlea,          DeadlineStep::kOpinionReviewRequest,
                                            DeadlineStep::kAppeal,        DeadlineStep::kDecisionReviewRequest,
                                            DeadlineStep::kRectification, DeadlineStep::kRectificationReport};
  for (int step = 1; step <= static_cast<int>(DeadlineStep::kAppealCorrection); ++step)
    CHECK(is_of_others(static_cast<DeadlineStep>(step)) == of_others.contains(static_cast<DeadlineStep>(step)));
}

TEST_CASE("a step lacks nothing that the table asks for") {
  CountyOfCases at("ROUTINE");
  ProceedingOpening opening;
  opening.kind = Kind::kSanction;
  opening.text = "拒不整改";
  opening.basis = "《教育督导条例》第二十五条";
  opening.person = "王处长";
  CHECK(at.open(opening) == Code::kProceedingWrong);  // About nobody.
  opening.subject = "栖云县教育局";
  opening.basis.clear();
  CHECK(at.open(opening) == Code::kProceedingWrong);
  opening.basis = "《教育督导条例》第二十五条";
  opening.person.clear();
  CHECK(at.open(opening) == Code::kProceedingWrong);
  opening.person = "王处长";
  opening.text.clear();
  CHECK(at.open(opening) == Code::kProceedingWrong);
  opening.text = "\xff";
  CHECK(at.open(opening) == Code::kTextNotUtf8);
  opening.text = std::string(kMaxProceedingChars + 1, 'x');
  CHECK(at.open(opening) == Code::kTextTooLong);
  opening.text = "拒不整改";
  opening.org_unit = "999999";
  CHECK(at.open(opening) == Code::kUnitUnknown);
  opening.org_unit = "310101";
  opening.school = "140002";
  opening.visit = at.visit;
  CHECK(at.open(opening) == Code::kProceedingWrong);  // The visit was to another school.
  opening.school.clear();
  opening.visit = Bytes(16, 1);
  CHECK(at.open(opening) == Code::kVisitUnknown);
  opening.visit.clear();
  opening.finding = FindingKey{at.visit, 1, 99};
  CHECK(at.open(opening) == Code::kFindingUnknown);
  opening.finding.reset();
  opening.day = at.today() + 1;
  CHECK(at.open(opening) == Code::kProceedingWrong);
  opening.day.reset();
  opening.code = "问责-1";
  CHECK(at.open(opening) == Code{});
  CHECK(at.open(opening) == Code::kProceedingWrong);  // The code is taken.

  opening = {};
  opening.kind = Kind::kOpinion;
  opening.school = "140001";
  opening.text = "初步意见";
  opening.person = "王处长";
  CHECK(at.open(opening) == Code::kProceedingWrong);  // Of no visit.
  opening.kind = Kind::kReferral;
  CHECK(at.open(opening) == Code::kProceedingWrong);  // To nobody.

  at.steps("问责-1", {Event::kFormTeam, Event::kInvestigate, Event::kHearPlea});
  ProceedingAct decision = CountyOfCases::whole("问责-1", Event::kDecide);
  const auto refused = [&](const std::function<void(ProceedingAct&)>& spoil) {
    ProceedingAct act = decision;
    spoil(act);
    return at.step(act);
  };
  CHECK(refused([](auto& act) { act.measures.clear(); }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.measures = {"FLOGGING"}; }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.measures = {"TRANSFER", "TRANSFER"}; }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.measures = {"INDUSTRY_BAN"}; }) == Code::kProceedingWrong);  // Not private.
  CHECK(refused([](auto& act) { act.document_hash.clear(); }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.document_hash = Bytes(31, 1); }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.text.clear(); }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.person.clear(); }) == Code::kProceedingWrong);
  CHECK(refused([](auto& act) { act.recipients = {"区委\n区政府"}; }) == Code::kProceedingWrong);
  CHECK(refused([&](auto& act) { act.day = at.today() + 1; }) == Code::kProceedingWrong);
  CHECK(refused([&](auto& act) { act.day = at.today() - 1; }) == Code::kProceedingWrong);  // Before the step before.
  CHECK(at.step(decision) == Code{});
  at.steps("问责-1", {Event::kServe});
  CHECK(at.step("问责-1", Event::kFile) == Code::kProceedingWrong);  // Nothing was carried out.
  at.steps("问责-1", {Event::kExecute, Event::kFile, Event::kPublish, Event::kClose});
  CHECK(at.view("问责-1").measures == std::vector<std::string>{"CRITICISM"});

  const std::string interview = at.opened(Kind::kInterview);
  at.steps(interview, {Event::kSummon, Event::kHold});
  ProceedingAct filing = CountyOfCases::whole(interview, Event::kFile);
  filing.recipients.pop_back();
  CHECK(at.step(filing) == Code::kProceedingWrong);  // Party committee, government and superior.
  at.steps(interview, {Event::kFile});
}

TEST_CASE("limits end where the published rules say, around the Spring Festival and by the day at the place") {
  // Half past midnight in China is the day before in Greenwich.
  CountyOfCases at("SPECIAL", "2026-02-11", 30);
  at.publish();
  const std::string opinion = at.opened(Kind::kOpinion);
  CHECK(at.due(opinion) == "PRELIMINARY_FEEDBACK 2026-02-11 SH-FEEDBACK");
  at.steps(opinion, {Event::kGiveFeedback});
  // Ten working days: 12, 13, the Saturday 14 that makes up, 24 to 27, the Saturday 28, 2 and 3 March.
  CHECK(at.due(opinion) == "PLEA 2026-03-03 SH-PLEA");
  CHECK(at.listed() == std::vector<std::string>{"PLEA 2026-03-03", "OPINION 2026-03-13", "RECTIFICATION 2026-03-13"});
  CHECK(at.listed("2026-03-04").size() == 2);
  at.go("2026-03-03");
  CHECK(at.step(opinion, Event::kIssue) == Code::kTooEarly);
  CHECK(at.detail == "PLEA 2026-03-04");
  at.steps(opinion, {Event::kPlead});
  CHECK(at.due(opinion) == "OPINION 2026-03-13 SH-OPINION");
  CHECK(at.step(opinion, Event::kIssue) == Code::kProceedingTransitionNotAllowed);  // The plea must be answered.
  at.steps(opinion, {Event::kAnswerPlea});
  CHECK(at.step(opinion, Event::kIssue) == Code::kTooEarly);
  CHECK(at.office->visit_event("王处长", at.visit, "issue_opinion", "", "").error().code ==
        Code::kProceedingTransitionNotAllowed);
  at.go("2026-03-04", 30);  // The third in Greenwich.
  CHECK(at.step(opinion, Event::kPlead) == Code::kTooLate);
  CHECK(at.detail == "PLEA 2026-03-03");
  CHECK(at.office.visit_state(at.visit) == "ACCEPTED");
  at.steps(opinion, {Event::kIssue});
  CHECK(at.office.visit_state(at.visit) == "OPINION_ISSUED");
  CHECK(at.late(opinion).empty());
  CHECK(at.due(opinion).empty());  // Shanghai sets no limit for a review.
  at.steps(opinion, {Event::kRequestReview, Event::kAnswerReview});
  CHECK(at.office->rebuild());
  CHECK(at.office.check().sound());
}

TEST_CASE("the day on which a visit ended is that at its place") {
  CountyOfCases at("SPECIAL", "2026-02-10", 23 * 60 + 30, 360);  // 01:30 of the eleventh in Beijing.
  CHECK(at.read<std::optional<std::int64_t>>([&](Store& rows) { return end_of_visit(rows, at.visit); }) ==
        day_of("2026-02-10"));
  at.publish();
  CHECK(at.due(at.opened(Kind::kOpinion)) == "PRELIMINARY_FEEDBACK 2026-02-10 SH-FEEDBACK");
}

TEST_CASE("a plea after its window needs a reason, a waived one opens the way, and the office's delay is marked") {
  CountyOfCases at;
  at.publish();
  const std::string opinion = at.opened(Kind::kOpinion);
  CHECK(at.step(opinion, Event::kIssue) == Code::kProceedingTransitionNotAllowed);  // Special: feedback first.
  at.go("2026-02-12");
  at.steps(opinion, {Event::kGiveFeedback});
  CHECK(at.late(opinion) == std::vector<std::string>{"PRELIMINARY_FEEDBACK 2026-02-11"});
  CHECK(at.due(opinion) == "PLEA 2026-03-04 SH-PLEA");
  at.go("2026-03-05");
  CHECK(at.step(opinion, Event::kPlead) == Code::kTooLate);
  CHECK(at.history(opinion).size() == 3);
  // It was handed in on the last day, and is recorded on the next.
  ProceedingAct in_time = CountyOfCases::whole(opinion, Event::kPlead);
  in_time.day = day_of("2026-03-04");
  CHECK(at.office->read([&](Store& rows) -> Status {
    ChangesBuilder out;
    return take_proceeding_step(rows, in_time, at.moment(), out);
  }));
  CHECK(at.step(opinion, Event::kPlead, "校长住院") == Code{});
  CHECK(at.late(opinion).back() == "PLEA 2026-03-04: 校长住院");
  CHECK_FALSE(at.behind(opinion));
  at.go("2026-03-14");
  at.steps(opinion, {Event::kAnswerPlea});
  CHECK(at.view(opinion).due_step == DeadlineStep::kPlea);
  CHECK(at.behind(opinion));  // Not by what others let pass, but by the opinion itself.
  CHECK(at.listed("2026-03-04", "2026-03-13") ==
        std::vector<std::string>{"OPINION 2026-03-13!", "RECTIFICATION 2026-03-13!"});
  at.steps(opinion, {Event::kIssue});
  CHECK(at.late(opinion).back() == "OPINION 2026-03-13");

  CountyOfCases other("COMPREHENSIVE");
  other.publish();
  const std::string waived = other.opened(Kind::kOpinion);
  other.steps(waived, {Event::kGiveFeedback});
  CHECK(other.step(waived, Event::kIssue) == Code::kTooEarly);
  other.steps(waived, {Event::kWaivePlea, Event::kIssue});
  CHECK(other.office.visit_state(other.visit) == "OPINION_ISSUED");
}

TEST_CASE("an opinion waits until the visit is accepted, a routine one needs no plea, and nothing is due by no rule") {
  CountyOfCases at("ROUTINE");
  const Bytes early = at.inspect("ROUTINE", "2026-02-11", 40, 480, 0, false);
  at.visit = early;
  const std::string opinion = at.opened(Kind::kOpinion);
  CHECK(at.due(opinion).empty());
  CHECK(at.step(opinion, Event::kIssue) == Code::kTransitionNotAllowed);
  REQUIRE(at.office->visit_event("王处长", early, "accept", "", ""));
  at.steps(opinion, {Event::kIssue});
  CHECK(at.office.visit_state(early) == "OPINION_ISSUED");
  CHECK(at.listed() == std::vector<std::string>{"RECTIFICATION 2026-03-13"});
}

TEST_CASE("a sanction keeps the limits of its investigation, review and appeal, and nobody files past others' rights") {
  CountyOfCases at;
  at.publish();
  const std::string sanction = at.opened(Kind::kSanction, at.finding());
  CHECK(at.due(sanction) == "INVESTIGATION_TEAM 2026-04-13 CN-INVESTIGATE");  // The sixtieth day is a Sunday.
  at.go("2026-04-14");
  CHECK(at.behind(sanction));
  at.steps(sanction, {Event::kFormTeam});
  CHECK(at.late(sanction) == std::vector<std::string>{"INVESTIGATION_TEAM 2026-04-13"});
  CHECK(at.due(sanction).empty());
  at.go("2026-04-20");
  at.steps(sanction, {Event::kInvestigate, Event::kHearPlea, Event::kDecide, Event::kServe, Event::kExecute});
  CHECK(at.due(sanction) == "DECISION_REVIEW_REQUEST 2026-05-20 CN-REVIEW-REQUEST");
  CHECK(at.step(sanction, Event::kFile) == Code::kTooEarly);
  at.go("2026-05-21");
  CHECK(at.step(sanction, Event::kRequestReview) == Code::kTooLate);
  CHECK(at.step(sanction, Event::kRequestReview, "公告送达有误") == Code{});
  CHECK(at.due(sanction) == "DECISION_REVIEW 2026-06-22 CN-REVIEW");  // Past the Dragon Boat Festival.
  at.go("2026-06-23");
  at.steps(sanction, {Event::kExecute, Event::kAnswerReview});
  CHECK(at.late(sanction).back() == "DECISION_REVIEW 2026-06-22");
  CHECK(at.due(sanction) == "APPEAL 2026-07-08 CN-APPEAL");
  CHECK(at.step(sanction, Event::kFile) == Code::kTooEarly);
  at.go("2026-07-08");
  at.steps(sanction, {Event::kReceiveAppeal});
  CHECK(at.due(sanction) == "APPEAL_DECISION 2026-09-07 CN-APPEAL-DECISION");
  at.go("2026-09-01");
  at.steps(sanction, {Event::kGrantAppeal});
  CHECK(at.due(sanction) == "APPEAL_CORRECTION 2026-09-16 CN-APPEAL-CORRECTION");
  at.go("2026-09-16");
  ProceedingAct correction = CountyOfCases::whole(sanction, Event::kCorrect);
  correction.measures = {"SELF_EXAMINATION"};
  CHECK(at.step(correction) == Code{});
  CHECK(at.view(sanction).measures == std::vector<std::string>{"SELF_EXAMINATION"});
  CHECK(at.late(sanction).size() == 3);
  at.steps(sanction, {Event::kFile, Event::kPublish, Event::kClose});
  CHECK(at.state(sanction) == "CLOSED");
  CHECK(is_final(Kind::kSanction, State::kClosed));
  CHECK(at.office->rebuild());
}

TEST_CASE("a later book changes no limit that was set, and a rule made later does not reach back") {
  CountyOfCases at;
  at.publish();
  const std::string opinion = at.opened(Kind::kOpinion);
  at.steps(opinion, {Event::kGiveFeedback});
  std::string book = china();
  const std::string before = R"("anchor": "FEEDBACK_GIVEN", "amount": 10, "unit": "WORKING_DAY", "from": "2020-01-01")";
  const std::size_t place = book.find(before);
  REQUIRE(place != std::string::npos);
  book.replace(place, before.size(),
               R"("anchor": "FEEDBACK_GIVEN", "amount": 1, "unit": "WORKING_DAY", "from": "2020-01-01")");
  REQUIRE(at.decide([&](Store& rows) { return publish_deadlines(rows, "cn", "期限", book, 1); }) == Code{});
  at.go("2026-03-02");
  CHECK(at.step(opinion, Event::kIssue) == Code::kTooEarly);

  const std::string opinion_rule =
      R"("step": "OPINION", "anchor": "VISIT_ENDED", "amount": 30, "unit": "DAY", "from": "2020-01-01")";
  REQUIRE(book.find(opinion_rule) != std::string::npos);
  book.replace(book.find(opinion_rule), opinion_rule.size(),
               R"("step": "OPINION", "anchor": "VISIT_ENDED", "amount": 1, "unit": "DAY", "from": "2026-03-01")");
  REQUIRE(at.decide([&](Store& rows) { return publish_deadlines(rows, "cn", "期限", book, 1); }) == Code{});
  CHECK(at.listed("2026-02-01", "2026-03-03") == std::vector<std::string>{"PLEA 2026-03-03"});
}

TEST_CASE("what is not put right is proposed for interview, then notification, then sanction, each after the other") {
  CountyOfCases at;
  at.rectify(at.finding(), FindingEvent::kNotice, day_of("2026-02-20"));
  at.go("2026-03-22");
  CHECK(at.proposed().empty());  // Thirty days overdue.
  at.go("2026-03-23");
  CHECK(at.proposed() == std::vector<std::string>{"INTERVIEW OVERDUE 31"});
  const std::string interview = at.take_over();
  CHECK(interview == "INTERVIEW-2026-1");
  CHECK(at.view(interview).facts == "问题 1/1 逾期未整改 31 天");
  CHECK(at.proposed().empty());  // Under way.
  at.steps(interview, {Event::kSummon, Event::kHold, Event::kFile});
  CHECK(at.proposed().empty());
  at.go("2026-04-23");
  CHECK(at.proposed() == std::vector<std::string>{"NOTIFICATION OVERDUE 31"});
  const std::string notification = at.take_over();
  at.steps(notification, {Event::kApprove, Event::kSend});
  CHECK(at.proposed().empty());
  // The school reports at last, and it is rejected.
  for (const FindingEvent event : {FindingEvent::kAcknowledge, FindingEvent::kPlan, FindingEvent::kReport})
    at.rectify(at.finding(), event);
  at.go("2026-04-24");
  at.rectify(at.finding(), FindingEvent::kReject);
  CHECK(at.proposed() == std::vector<std::string>{"SANCTION REJECTED 1"});
  const std::string sanction = at.take_over();
  CHECK(at.view(sanction).facts == "问题 1/1 整改未通过 1 次（" + notification + " 之后）");
  at.steps(sanction, {Event::kDismiss});
  CHECK(at.proposed().empty());  // A person has decided about what happened so far.
  at.rectify(at.finding(), FindingEvent::kNotice, day_of("2026-05-01"));
  at.go("2026-06-02");
  CHECK(at.proposed() == std::vector<std::string>{"SANCTION OVERDUE 32"});
  // The place may be more patient.
  REQUIRE(at.decide([&](Store& rows) {
    return settle_policy(rows, Policy::kOverdueDaysBeforeInterview, "310000", at.today(), 60, "本市规定");
  }) == Code{});
  CHECK(at.proposed().empty());
  CHECK(at.office->rebuild());
}

TEST_CASE("a finding that was rejected twice is proposed for interview, one that is put right for nothing") {
  CountyOfCases at;
  at.to_reported(at.finding());
  at.rectify(at.finding(), FindingEvent::kReject);
  CHECK(at.proposed().empty());
  at.to_reported(at.finding(), at.today() + 10);
  at.rectify(at.finding(), FindingEvent::kReject);
  CHECK(at.proposed() == std::vector<std::string>{"INTERVIEW REJECTED 2"});
  CHECK(at.read<Code>([&](Store& rows) -> Result<Code> {
    return find_proposal(rows, "INTERVIEW:nothing", at.moment()).error().code;
  }) == Code::kProceedingUnknown);
  at.to_reported(at.finding(), at.today() + 10);
  at.rectify(at.finding(), FindingEvent::kVerify);
  CHECK(at.proposed().empty());
}

TEST_CASE("a visit with highlights is proposed for a commendation until a person takes that over, or a year long") {
  CountyOfCases at;
  const auto inspect = [&](std::vector<std::string> highlights, std::string_view date, bool accept) {
    at.go(date, 8 * 60);
    at.highlights = std::move(highlights);
    at.visit = at.inspect("ROUTINE", date, 9 * 60, 480, 1, accept);
  };
  inspect({"误记"}, "2026-04-07", true);
  CHECK(at.proposed().empty());
  inspect({"每班每天\n一节阅读课", "误记", "食堂后厨全程直播"}, "2026-04-08", false);
  CHECK(at.proposed().empty());  // The office has not looked at it yet.
  at.device.write([&] {
    return at.device.db->execute(
        "INSERT INTO amendment VALUES (?, 1, 1, 'highlight', '1/3', 'text', zeroblob(32), '食堂后厨周一至周五直播', "
        "'更正', 'I001', 1, 480, 1)",
        BytesView(at.visit));
  });
  REQUIRE(at.device.must_sync().refusals.empty());
  REQUIRE(at.office->visit_event("王处长", at.visit, "accept", "", ""));
  CHECK(at.proposed() == std::vector<std::string>{"COMMENDATION HIGHLIGHT 2"});
  const auto commended = [&] {
    const auto all = at.proposed();
    return std::find(all.begin(), all.end(), "COMMENDATION HIGHLIGHT 2") != all.end();
  };
  at.go("2027-04-08");
  CHECK(commended());
  at.go("2027-04-09");
  CHECK_FALSE(commended());
  at.go("2026-04-08");
  const std::string commendation = at.take_over();
  const ProceedingView taken = at.view(commendation);
  CHECK(taken.facts == "现场记录亮点 2 项\n1. 每班每天 一节阅读课\n2. 食堂后厨全程直播（另有更正）");
  CHECK(taken.basis == "《教育督导条例》第二十四条");
  CHECK((taken.visit == at.visit && taken.school == "140001" && !taken.finding));
  CHECK(at.proposed().empty());
  at.steps(commendation, {Event::kDecline});
  CHECK(at.proposed().empty());

  std::vector<std::string> many;
  for (int i = 1; i <= 11; ++i) many.push_back("亮点" + std::string(1'000, 'x'));
  inspect(many, "2026-04-09", true);
  CHECK(at.proposed() == std::vector<std::string>{"COMMENDATION HIGHLIGHT 11"});
  const std::string facts = at.view(at.take_over()).facts;
  CHECK(facts.size() < 10 * 620);
  CHECK(facts.find("x……\n10. 亮点") != std::string::npos);
  CHECK(facts.find("\n11. ") == std::string::npos);
  CHECK(facts.ends_with("\n……"));
  CHECK(at.office->rebuild());
  CHECK(at.proposed().empty());
}

TEST_CASE("limits of rectification are listed until they are kept: report, re-inspection, check for rebound") {
  CountyOfCases at;
  at.publish();
  at.rectify(at.finding(), FindingEvent::kNotice, day_of("2026-02-27"));
  CHECK(at.listed() == std::vector<std::string>{"RECTIFICATION 2026-02-27"});
  at.go("2026-03-02");
  CHECK(at.listed() == std::vector<std::string>{"RECTIFICATION 2026-02-27!"});
  for (const FindingEvent event : {FindingEvent::kAcknowledge, FindingEvent::kPlan, FindingEvent::kReport})
    at.rectify(at.finding(), event);
  CHECK(at.listed() == std::vector<std::string>{"REINSPECTION 2026-04-01"});
  at.go("2026-04-02");
  CHECK(at.listed() == std::vector<std::string>{"REINSPECTION 2026-04-01!"});
  at.rectify(at.finding(), FindingEvent::kVerify);
  // The next term ends on 29 January 2027, for which no holidays are announced yet.
  CHECK(at.listed() == std::vector<std::string>{"REBOUND_CHECK 2027-01-29"});
  at.go("2026-09-10", 8 * 60);
  at.inspect("ROUTINE", "2026-09-10", 9 * 60, 480, 0);
  CHECK(at.listed().empty());
}

TEST_CASE("a finding on what was put right at the school before is a rebound, proposed for re-inspection") {
  CountyOfCases at;
  at.publish();
  at.to_reported(at.finding());
  at.rectify(at.finding(), FindingEvent::kVerify);
  const auto all = [&] {
    return at.read<std::vector<Rebound>>([&](Store& rows) { return rebounds(rows, at.moment()); });
  };
  CHECK(all().empty());
  at.go("2026-04-08", 8 * 60);
  const FindingKey old = at.finding();
  at.visit = at.inspect("ROUTINE", "2026-04-08", 9 * 60, 480, 1);
  REQUIRE(all().size() == 1);
  CHECK_FALSE(all()[0].finding < at.finding());
  CHECK_FALSE(at.finding() < all()[0].finding);
  CHECK(all()[0].before.visit == old.visit);
  CHECK(all()[0].item == "S1");
  CHECK(at.proposed() == std::vector<std::string>{"REINSPECT REBOUND 56"});
  // A visit that takes it along answers the proposal.
  at.rectify(at.finding(), FindingEvent::kNotice, at.today() + 10);
  VisitPlan plan;
  plan.school = "140001";
  plan.kind = "REINSPECT";
  plan.template_code = "daily";
  plan.template_version = 1;
  plan.from_day = plan.to_day = at.today();
  plan.team = {"I001"};
  plan.findings = {at.finding()};
  REQUIRE(at.office->plan("王处长", {plan}));
  CHECK(at.proposed().empty());
  // After the term that follows it is a new matter.
  at.go("2026-07-13", 8 * 60);
  at.visit = at.inspect("ROUTINE", "2026-07-13", 9 * 60, 480, 1);
  CHECK(all().size() == 1);
}

TEST_CASE("two sanctions within a year are counted, and those that were dismissed are not") {
  CountyOfCases at;
  const auto decided = [&](std::string_view date) {
    at.go(date);
    const std::string code = at.opened(Kind::kSanction);
    at.steps(code, {Event::kFormTeam, Event::kInvestigate, Event::kHearPlea, Event::kDecide});
    return code;
  };
  const auto count = [&](std::string_view date, std::string_view subject = "140001") {
    return at.read<std::int64_t>([&](Store& rows) { return sanctions_in_year(rows, subject, day_of(date)); });
  };
  decided("2026-03-02");
  CHECK(count("2026-03-01") == 0);
  CHECK(count("2026-03-02") == 1);
  CHECK(count("2026-03-02", "140002") == 0);
  const std::string second = decided("2027-03-01");
  CHECK(count("2027-03-01") == kHeavierFrom);
  CHECK(count("2027-03-02") == 1);
  CHECK(count("2028-02-29") == 1);
  at.steps(second, {Event::kServe, Event::kRequestReview, Event::kAnswerReview, Event::kDismiss});
  CHECK(count("2027-03-01") == 1);
}

TEST_CASE("what is published names no person") {
  CountyOfCases at;
  const std::string report = at.opened(Kind::kReport);
  at.steps(report, {Event::kApprove, Event::kSendBack, Event::kRevise, Event::kApprove, Event::kFile});
  CHECK(at.read<std::vector<PublicNotice>>(public_notices).empty());
  ProceedingAct publication = CountyOfCases::whole(report, Event::kPublish);
  publication.text = "督学I001、督学督学I001与李明校长查看了通道，李校长签字。";
  REQUIRE(at.step(publication) == Code{});
  const auto notices = at.read<std::vector<PublicNotice>>(public_notices);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].about == "第1小学");
  CHECK(notices[0].text.find("李明") == std::string::npos);
  CHECK(notices[0].text.find("李校长") == std::string::npos);  // As the feedback was signed.
  CHECK(notices[0].text.find("I001") == std::string::npos);
  CHECK(notices[0].text.find("查看了通道") != std::string::npos);

  ProceedingOpening sanction;
  sanction.kind = Kind::kNotification;
  sanction.subject = "赵铁柱";
  sanction.school = "140001";
  sanction.basis = "《教育督导条例》第二十五条";
  sanction.text = "拒不整改";
  sanction.person = "王处长";
  REQUIRE(at.open(sanction) == Code{});
  at.steps(at.code, {Event::kApprove});
  ProceedingAct sending = CountyOfCases::whole(at.code, Event::kSend);
  sending.text = "赵铁柱拒不整改，予以通报。Ann was there, Annual report follows.";
  sending.person = "Ann";
  REQUIRE(at.step(sending) == Code{});
  const auto both = at.read<std::vector<PublicNotice>>(public_notices);
  REQUIRE(both.size() == 2);
  const auto& sent = both[0].code == at.code ? both[0] : both[1];
  CHECK(sent.about.empty());
  CHECK(sent.text == "某某拒不整改，予以通报。N. N. was there, Annual report follows.");

  sanction.subject = "黄浦区教育局";  // A unit, though no code.
  REQUIRE(at.open(sanction) == Code{});
  at.steps(at.code, {Event::kApprove, Event::kSend});
  const auto all = at.read<std::vector<PublicNotice>>(public_notices);
  CHECK(std::count_if(all.begin(), all.end(), [](const PublicNotice& one) { return one.about == "黄浦区教育局"; }) ==
        1);
}

TEST_CASE("proceedings are counted by unit, kind and state, and lead to the statements that made them") {
  CountyOfCases at;
  at.publish();
  const std::string sanction = at.opened(Kind::kSanction);
  at.opened(Kind::kReport);
  at.go("2026-04-14");
  const auto count = [&](StatisticScope scope) {
    scope.today = at.today();
    return at.read<Statistic>([&](Store& rows) { return count_statistic(rows, StatisticKind::kProceedings, scope); });
  };
  const Statistic all = count({});
  REQUIRE(all.lines.size() == 2);
  CHECK(all.lines[0].group == std::vector<std::string>{"310101", "REPORT", "DRAFT"});
  CHECK(all.lines[0].figures.at(1).value == 0);  // Shanghai sets no limit for the report.
  CHECK(all.lines[1].group == std::vector<std::string>{"310101", "SANCTION", "PROPOSED"});
  CHECK(all.lines[1].figures.at(0).value == 1);
  CHECK(all.lines[1].figures.at(1).value == 1);
  at.steps(sanction, {Event::kFormTeam});
  StatisticScope city;
  city.level = "市";
  const Statistic by_city = count(city);
  CHECK(by_city.lines[1].group == std::vector<std::string>{"310000", "SANCTION", "TEAM_FORMED"});
  CHECK(by_city.lines[1].figures.at(1).value == 0);
  const auto under = at.read<std::vector<StatementUnder>>(
      [&](Store& rows) { return statements_under(rows, by_city.lines[1].figures.at(0).rows); });
  CHECK(under.size() == 2);  // Opening and step.
  StatisticScope outside;
  outside.to_day = day_of("2026-02-10");
  CHECK(count(outside).lines.empty());
}
