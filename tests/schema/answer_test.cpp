#include "schema/answer.hpp"

#include "tests/schema/checklist_builder.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using dudao::test::code_of;
using nlohmann::json;

namespace {

Item item_of(ItemType type) {
  Item item;
  item.code = "X1";
  item.type = type;
  item.decimals = type == ItemType::kDecimal ? 2 : 0;
  return item;
}

}  // namespace

TEST_CASE("every kind of answer goes from the API's form to the stored form and back") {
  struct Row {
    ItemType type;
    const char* given;
    AnswerValue stored;
    const char* shown;
  };
  using test::count;
  using test::na;
  using test::number;
  using test::text;
  const Row rows[] = {
      {ItemType::kYesNo, "true", number(1), "true"},
      {ItemType::kYesNo, "false", number(0), "false"},
      {ItemType::kSingle, R"("partly")", text("partly"), R"("partly")"},
      {ItemType::kMulti, R"(["b","a","B"])", text("B,a,b"), R"(["B","a","b"])"},
      {ItemType::kMulti, "[]", text(""), "[]"},
      {ItemType::kScale, "4", number(4), "4"},
      {ItemType::kInteger, "-12", number(-12), "-12"},
      {ItemType::kDecimal, R"("12.5")", number(1250), R"("12.50")"},
      {ItemType::kDecimal, R"("-0.05")", number(-5), R"("-0.05")"},
      {ItemType::kDecimal, "7", number(700), R"("7.00")"},
      {ItemType::kDate, R"("1970-01-01")", number(0), R"("1970-01-01")"},
      {ItemType::kDate, R"("2026-09-01")", number(20697), R"("2026-09-01")"},
      {ItemType::kDate, R"("0001-01-01")", number(-719162), R"("0001-01-01")"},
      {ItemType::kText, R"("操场有积水")", text("操场有积水"), R"("操场有积水")"},
      {ItemType::kCountOf, R"({"present":18,"of":20})", count(18, 20), R"({"of":20,"present":18})"},
      {ItemType::kScale, R"({"na":"当日无课"})", na("当日无课"), R"({"na":"当日无课"})"},
      {ItemType::kScale, "null", AnswerValue{}, "null"},
  };
  for (const Row& row : rows) {
    INFO(row.given);
    const auto read = answer_from_json(item_of(row.type), json::parse(row.given));
    REQUIRE(read);
    CHECK(*read == row.stored);
    CHECK(answer_to_json(item_of(row.type), *read).dump() == row.shown);
  }
}

TEST_CASE("an answer of the wrong form is refused by number") {
  struct Row {
    ItemType type;
    const char* given;
    Code code;
  };
  const Row rows[] = {
      {ItemType::kYesNo, "1", Code::kAnswerType},
      {ItemType::kYesNo, R"("yes")", Code::kAnswerType},
      {ItemType::kSingle, "true", Code::kAnswerType},
      {ItemType::kSingle, R"(["a"])", Code::kAnswerType},
      {ItemType::kMulti, R"("a")", Code::kAnswerType},
      {ItemType::kMulti, R"([1])", Code::kAnswerType},
      {ItemType::kMulti, R"(["a","a"])", Code::kAnswerOption},
      {ItemType::kMulti, R"(["a,b"])", Code::kAnswerOption},
      {ItemType::kMulti, R"([""])", Code::kAnswerOption},
      {ItemType::kInteger, "1.5", Code::kAnswerType},
      {ItemType::kInteger, "1e3", Code::kAnswerType},
      {ItemType::kInteger, R"("12")", Code::kAnswerType},
      {ItemType::kInteger, "18446744073709551615", Code::kAnswerType},
      {ItemType::kDecimal, R"("12.505")", Code::kAnswerType},
      {ItemType::kDecimal, R"("12,5")", Code::kAnswerType},
      {ItemType::kDecimal, R"(" 12")", Code::kAnswerType},
      {ItemType::kDecimal, R"("+12")", Code::kAnswerType},
      {ItemType::kDecimal, R"("")", Code::kAnswerType},
      {ItemType::kDecimal, R"("-")", Code::kAnswerType},
      {ItemType::kDecimal, R"("1.")", Code::kAnswerType},
      {ItemType::kDecimal, R"(".5")", Code::kAnswerType},
      {ItemType::kDecimal, "12.5", Code::kAnswerType},
      {ItemType::kDecimal, R"("99999999999999999999")", Code::kAnswerType},
      {ItemType::kDate, R"("2026-02-29")", Code::kAnswerType},
      {ItemType::kDate, R"("2026-9-1")", Code::kAnswerType},
      {ItemType::kDate, R"("2026-09-01T00")", Code::kAnswerType},
      {ItemType::kDate, R"("0000-01-01")", Code::kAnswerType},
      {ItemType::kDate, R"("20a6-01-01")", Code::kAnswerType},
      {ItemType::kDate, "20697", Code::kAnswerType},
      {ItemType::kText, "5", Code::kAnswerType},
      {ItemType::kCountOf, "18", Code::kAnswerType},
      {ItemType::kCountOf, R"({"present":18})", Code::kAnswerType},
      {ItemType::kCountOf, R"({"present":18,"of":20,"x":1})", Code::kAnswerType},
      {ItemType::kCountOf, R"({"present":"18","of":20})", Code::kAnswerType},
      {ItemType::kYesNo, R"({"na":""})", Code::kAnswerReasonMissing},
      {ItemType::kYesNo, R"({"na":"  \t "})", Code::kAnswerReasonMissing},
      {ItemType::kYesNo, R"({"na":true})", Code::kAnswerReasonMissing},
      {ItemType::kYesNo, R"({"na":"why","value":true})", Code::kAnswerType},
      {ItemType::kCalculated, "5", Code::kAnswerCalculated},
      {ItemType::kCalculated, "null", Code::kAnswerCalculated},
  };
  for (const Row& row : rows) {
    INFO(row.given);
    const auto read = answer_from_json(item_of(row.type), json::parse(row.given));
    REQUIRE_FALSE(read);
    CHECK(read.error().code == row.code);
    CHECK(read.error().detail.starts_with("X1"));
  }
}

TEST_CASE("a stored answer that does not fit its item shows as not answered") {
  CHECK(answer_to_json(item_of(ItemType::kYesNo), test::text("yes")).is_null());
  CHECK(answer_to_json(item_of(ItemType::kText), test::number(1)).is_null());
  CHECK(answer_to_json(item_of(ItemType::kCountOf), test::number(1)).is_null());
  CHECK(answer_to_json(item_of(ItemType::kDate), test::number(99'999'999)).is_null());
}

TEST_CASE("every day of eight centuries reads back from its text") {
  for (std::int64_t day = -200'000; day < 100'000; day += 7) {
    const std::string shown = date_text(day);
    REQUIRE(parse_date(shown) == day);
  }
}

TEST_CASE("decimals are exact up to fifteen digits") {
  CHECK(decimal_text(0, 2) == "0.00");
  CHECK(decimal_text(-5, 1) == "-0.5");
  CHECK(decimal_text(123, 0) == "123");
  CHECK(parse_decimal("1000000000", 6) == 1'000'000'000'000'000);
  CHECK_FALSE(parse_decimal("1000000000.000001", 6));
  CHECK(parse_decimal("-0", 3) == 0);
  for (std::int64_t value = -1'000; value <= 1'000; ++value)
    for (unsigned decimals = 0; decimals <= kMaxDecimals; ++decimals)
      REQUIRE(parse_decimal(decimal_text(value, decimals), decimals) == value);
}
