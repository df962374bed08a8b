#include "platform/error.hpp"

#include "platform/bytes.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace dudao;

TEST_CASE("every error has its own number, a name, and advice in both languages") {
  const CodeInfo rows[] = {
#define DUDAO_ERROR(number, name, cls, english, chinese) {Code::name, #name, ErrorClass::cls, english, chinese},
#include "platform/errors.def"
#undef DUDAO_ERROR
  };
  std::set<std::uint16_t> numbers;
  std::uint16_t last = 0;
  for (const CodeInfo& row : rows) {
    const auto number = static_cast<std::uint16_t>(row.code);
    INFO(number << " " << row.name);
    CHECK(numbers.insert(number).second);
    CHECK(number > last);
    last = number;
    CHECK(row.english.ends_with('.'));
    CHECK(row.chinese.ends_with("。"));
    CHECK(is_utf8(view(row.chinese)));
    REQUIRE(find_code(number));
    CHECK(find_code(number)->name == row.name);
  }
  CHECK_FALSE(find_code(65535));
}

TEST_CASE("a message starts with the number and ends with the thing concerned") {
  const Error error{Code::kCancelled, "import of schools.csv"};
  CHECK(error.message().starts_with("2 Cancelled"));
  CHECK(error.message().ends_with("(import of schools.csv)"));
  CHECK(error.retryable());
}
