#include "platform/bytes.hpp"

#include <catch2/catch.hpp>

using namespace dudao;

TEST_CASE("hex and base64 come back as they were, for every length") {
  Bytes bytes;
  for (int n = 0; n < 40; ++n) {
    CHECK(from_hex(to_hex(bytes)) == bytes);
    CHECK(from_base64(to_base64(bytes)) == bytes);
    bytes.push_back(static_cast<std::uint8_t>(n * 37 + 250));
  }
  CHECK(to_base64(view("dudao")) == "ZHVkYW8=");
}

TEST_CASE("text that is not exactly hex or base64 is refused") {
  for (const char* bad : {"0", "0g", " 00", "0x00"}) CHECK_FALSE(from_hex(bad));
  for (const char* bad : {"Z", "ZHVkYW8", "ZHVkYW9=x", "ZHVkYW8=\n", "ZHV=YW8=", "ZHVkYW9=", "====", "Z===", "-_-_"})
    CHECK_FALSE(from_base64(bad));
}

TEST_CASE("UTF-8 is checked as RFC 3629 says") {
  for (const char* good : {"", "ascii", "督导", "é", "\U0001F3EB", "\U0010FFFF"}) CHECK(is_utf8(view(good)));
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf8\x88\x80\x80\x80", "\xe7\x9d"})
    CHECK_FALSE(is_utf8(view(bad)));
}

TEST_CASE("an excerpt ends where a character ends and never holds what is not UTF-8") {
  CHECK(excerpt("abc", 10) == "abc");
  CHECK(excerpt("abc", 2) == "ab");
  CHECK(excerpt("督导", 6) == "督导");
  CHECK(excerpt("督导", 5) == "督");
  CHECK(excerpt("督导", 2).empty());
  CHECK(excerpt("a\xff"
                "b",
                10) == "a");
  CHECK(excerpt("", 10).empty());
}
