#include "schema/pattern.hpp"

#include <random>
#include <regex>
#include <string>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

bool matches(const std::string& pattern, const std::string& text) {
  const auto read = Pattern::parse(pattern);
  INFO(pattern << " " << (read ? "" : read.error().detail));
  REQUIRE(read);
  return read->matches(text);
}

}  // namespace

TEST_CASE("a pattern is for the whole text") {
  CHECK(matches("[0-9]{11}", "13800138000"));
  CHECK_FALSE(matches("[0-9]{11}", "138001380001"));
  CHECK(matches("^[0-9]+$", "7"));
  CHECK_FALSE(matches("[0-9]+", ""));
  CHECK(matches("", ""));
  CHECK_FALSE(matches("", "x"));
  CHECK(matches("a|bc|", "bc"));
  CHECK(matches("a|bc|", ""));
  CHECK_FALSE(matches("a|bc", "abc"));
  CHECK(matches("(?:ab)*c?", "ababc"));
  CHECK(matches("(a|b(c|d)){2}e", "bdae"));
  CHECK(matches("x{2,3}", "xx"));
  CHECK_FALSE(matches("x{2,3}", "xxxx"));
  CHECK(matches("x{2,}", "xxxxx"));
  CHECK(matches("x{0}", ""));
  CHECK(matches("(a*)*b", "aaab"));
  CHECK(matches(".*@.*\\..+", "li@example.cn"));
  CHECK(matches("\\d\\w\\s\\D\\W\\S", "1_ x-y"));
  CHECK(matches("[\\d.-]+", "1.5-2"));
  CHECK(matches("[a\\-z]+", "a-z"));
  CHECK_FALSE(matches("[a\\-z]+", "b"));
  CHECK(matches("[^督]导", "督导") == false);
  CHECK(matches("[一-龥]{2}", "督导"));
  CHECK(matches(".{2}", "督导"));
}

TEST_CASE("what is no pattern here is refused with its place") {
  for (const char* text :
       {"(",    ")",      "a)",      "[",  "[]",  "[z-a]", "[\\D]", "*",   "a**", "a+?", "{2}",          "a{",
        "a{x}", "a{3,2}", "a{9999}", "\\", "\\b", "\\1",   "(?=a)", "a$b", "a^",  "]",   "(a{100}){100}"}) {
    const auto read = Pattern::parse(text);
    INFO(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Code::kChecklistExpression);
    CHECK(read.error().detail.starts_with("pattern byte "));
  }
  CHECK_FALSE(Pattern::parse(std::string(kMaxPatternBytes + 1, 'a')));
  CHECK_FALSE(Pattern::parse(std::string(200, '(')));
}

TEST_CASE("patterns that make others go astray end in time") {
  CHECK_FALSE(matches("(a|a)*(a|a)*b", std::string(4'000, 'a')));
  CHECK_FALSE(matches("(a*)*(a*)*c{0,200}b", std::string(4'000, 'a')));
}

TEST_CASE("patterns agree with the standard library on random ones") {
  std::mt19937 random(3);
  const std::string alphabet = "aab|()*+?.";
  int compared = 0;
  for (int round = 0; round < 4'000; ++round) {
    std::string pattern;
    for (std::size_t n = random() % 8; n > 0; --n) pattern += alphabet[random() % alphabet.size()];
    const auto read = Pattern::parse(pattern);
    if (!read) continue;
    try {
      const std::regex same(pattern, std::regex::extended);
      for (int k = 0; k < 5; ++k) {
        std::string text;
        for (std::size_t n = random() % 5; n > 0; --n) text += random() % 3 == 0 ? 'b' : 'a';
        INFO(pattern << " on " << text);
        CHECK(read->matches(text) == std::regex_match(text, same));
        ++compared;
      }
    } catch (const std::regex_error&) {
      continue;  // Theirs has rules of its own for what stands empty.
    }
  }
  CHECK(compared > 1'000);
}
