#include "agent/visit_book.hpp"
#include "tests/sync/office/county.hpp"

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr std::string_view kWithFindings = R"({"format": "dudao-checklist-1", "code": "safety", "version": 1,
  "title": {"zh": "安全", "en": "Safety"}, "languages": ["zh", "en"], "weight": 2,
  "sections": [{"code": "S", "title": {"zh": "安全", "en": "Safety"}, "items": [
  {"code": "S1", "type": "yes_no", "title": {"zh": "消防通道畅通", "en": "Ways out are free"},
   "scoring": {"mode": "met", "weight": 1},
   "finding_if": [{"when": ". = 'no'", "severity": "SERIOUS", "text": {"zh": "消防通道堵塞", "en": "A way out is blocked"}}]},
  {"code": "S2", "type": "yes_no", "title": {"zh": "应急灯完好", "en": "Lamps work"},
   "scoring": {"mode": "met", "weight": 1},
   "finding_if": [{"when": ". = 'no'", "severity": "ORDINARY", "text": {"zh": "应急灯不亮", "en": "Lamps are dark"}}]}]}]})";

AnswerValue number(std::int64_t value) {
  AnswerValue out;
  out.value = value;
  return out;
}

/// So many characters of three bytes each.
std::string words(std::size_t characters) {
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += "查";
  return out;
}

NewFinding finding(std::string severity, std::string text) {
  NewFinding out;
  out.severity = std::move(severity);
  out.text = std::move(text);
  return out;
}

/// An office, an inspector who leads one visit, and the book.
struct Visiting {
  TestOffice office;
  TestDevice device{office, "I001"};
  VisitBook book{device.platform, *device.db};
  Bytes visit;

  explicit Visiting(std::string_view checklist = kChecklist) {
    office.add_people_and_schools();
    device.enrol();
    VisitPlan plan;
    plan.school = "140001";
    plan.kind = "ROUTINE";
    plan.template_code = checklist == kChecklist ? "daily" : "safety";
    plan.template_version = 1;
    plan.from_day = 20'500;
    plan.to_day = 20'520;
    plan.team = {"I001"};
    if (checklist != kChecklist) must(office->publish_template("王处长", checklist).map([](auto&&...) {}));
    const auto ids = office->plan("王处长", {plan});
    if (!ids) FAIL(ids.error().message());
    visit = ids->front();
    device.must_sync();
  }
  void must(const Status& done) {
    if (!done) FAIL(done.error().message());
  }
  void begin() { must(book.check_in(visit, {}, "室内无信号")); }
  std::int64_t rows(const std::string& table) { return *device.db->integer("SELECT count(*) FROM " + table); }
  std::string text(const std::string& sql) {
    const auto found = device.db->lookup(sql);
    return found && *found && std::holds_alternative<std::string>(**found) ? std::get<std::string>(**found) : "";
  }
};

}  // namespace

TEST_CASE("texts are measured in characters, so that Chinese has as many as English") {
  Visiting at;
  at.begin();
  at.must(at.book.answer(at.visit, "S1", number(1), words(2'000)));
  CHECK(at.book.answer(at.visit, "S1", number(1), words(2'001)).error().code == Code::kTextTooLong);
  REQUIRE(at.book.add_note(at.visit, "", words(10'000)));
  CHECK(at.book.add_note(at.visit, "", words(10'001)).error().code == Code::kTextTooLong);
  REQUIRE(at.book.add_finding(at.visit, finding("ADVICE", words(4'000))));
  CHECK(at.book.add_finding(at.visit, finding("ADVICE", words(4'001))).error().code == Code::kTextTooLong);
  CHECK(at.rows("note") == 1);
  CHECK(at.rows("finding") == 1);
}
