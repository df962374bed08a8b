#include "schema/xpath.hpp"

#include <random>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

/// The tree as text: (operator left right), name(arguments), ${question}, 'text', column.
std::string shown(const XPathNode& node) {
  using Kind = XPathNode::Kind;
  std::string below;
  for (const XPathNode& each : node.below) below += " " + shown(each);
  switch (node.kind) {
    case Kind::kNumber:
    case Kind::kColumn:
      return node.text;
    case Kind::kText:
      return "'" + node.text + "'";
    case Kind::kSelf:
      return ".";
    case Kind::kQuestion:
      return "${" + node.text + "}";
    case Kind::kCall:
      return node.text + "[" + below + " ]";
    case Kind::kOperator:
      return "(" + node.text + below + ")";
  }
  return "";
}

std::string read(const std::string& text) {
  const auto xpath = parse_xpath(text);
  return xpath ? shown(xpath->root) : "refused: " + xpath.error().detail;
}

}  // namespace

TEST_CASE("expressions of forms are read by XPath's own precedence") {
  CHECK(read("${a}+${b} * 2") == "(+ ${a} (* ${b} 2))");
  CHECK(read("1 or 2 and 3 = 4 < 5") == "(or 1 (and 2 (= 3 (< 4 5))))");
  CHECK(read("(1 or 2) and 3") == "(and (or 1 2) 3)");
  CHECK(read("1 - 2 - 3") == "(- (- 1 2) 3)");
  CHECK(read("- 1 div 2 mod 3") == "(mod (div (neg 1) 2) 3)");
  CHECK(read("not(selected(., 'none'))") == "not[ selected[ . 'none' ] ]");
  CHECK(read("count-selected(${a}) >= .5") == "(>= count-selected[ ${a} ] 0.5)");
  CHECK(read("true()") == "true[ ]");
  CHECK(read("state=${state}") == "(= state ${state})");
  CHECK(read("${div} div ${mod}") == "(div ${div} ${mod})");
  CHECK(read("\"it's\" = ''") == "(= 'it's' '')");
}

TEST_CASE("paths name the question that they end at") {
  CHECK(read("../age > 5") == "(> ${age} 5)");
  CHECK(read("/data/group/age") == "${age}");
  CHECK(read("current()/../age") == "${age}");
  CHECK(read("./age") == "${age}");
  CHECK(read("current()") == ".");
  CHECK(read("..").starts_with("refused"));
}

TEST_CASE("slips of real forms are read as they were meant, and said") {
  const auto mended = [](const std::string& text) {
    const auto xpath = parse_xpath(text);
    REQUIRE(xpath);
    return xpath->mended.size();
  };
  CHECK(read("${a\xC2\xA0}=\xC2\xA0 1") == "(= ${a} 1)");
  CHECK(mended("${a\xC2\xA0}=\xC2\xA0 1") == 0);
  CHECK(read(". < = $ {a}") == "(<= . ${a})");
  CHECK(mended(". < = $ {a}") == 2);
  CHECK(read(".=999 or  . >=") == "(or (= . 999) (>= . 0))");
  CHECK(mended(".=999 or  . >=") == 1);
  CHECK(read("\xE2\x80\x98x\xE2\x80\x99 = \xE2\x80\x9Dy\xE2\x80\x9D") == "(= 'x' 'y')");
}

TEST_CASE("what cannot be read is refused with its position") {
  for (const char* text :
       {"",   "  ",    "1 +", "(1", "1)",    "selected(", "selected(a,)", "selected(a b)", "${",  "${}",
        "$a", "'open", "1 2", "!",  "a ! b", "#",         "1 and",        ". >= and 1",    "{a}", "${last-saved#a}"}) {
    const auto xpath = parse_xpath(text);
    INFO(text);
    REQUIRE_FALSE(xpath);
    CHECK(xpath.error().code == Code::kFormXPath);
    CHECK(xpath.error().detail.starts_with("position "));
  }
  CHECK_FALSE(parse_xpath(std::string(kMaxXPathBytes + 1, ' ')));
  CHECK_FALSE(parse_xpath(std::string(1'000, '(') + "1" + std::string(1'000, ')')));
  CHECK_FALSE(parse_xpath(std::string(1'000, '-') + "1"));
}

TEST_CASE("random bytes in place of XPath are refused or read, and never more") {
  std::mt19937 random(7);
  const std::string alphabet = "()${}.,'\"<>=!+-*/ ab1\xE2\x80\x99\xC2\xA0";
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (std::size_t n = random() % 24; n > 0; --n) text += alphabet[random() % alphabet.size()];
    if (const auto xpath = parse_xpath(text)) CHECK_FALSE(shown(xpath->root).empty());
  }
}
