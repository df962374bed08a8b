#include "schema/csv.hpp"

#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

struct Read {
  Status status;
  std::vector<std::size_t> lines;
  std::vector<std::vector<std::string>> rows;
};

Read read(std::string_view bytes, TextEncoding encoding = TextEncoding::kUtf8) {
  Read out;
  out.status = read_csv(bytes, encoding, [&](CsvRow& row) -> Status {
    out.lines.push_back(row.line);
    out.rows.push_back(row.cells);
    return {};
  });
  return out;
}

using Rows = std::vector<std::vector<std::string>>;

std::optional<std::string> shared(const std::string& path) {
  std::ifstream in(std::string(DUDAO_SHARED_DIR) + path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

TEST_CASE("a register is read alike whatever its line ends, mark and last line") {
  const Rows expected = {{"代码", "名称"}, {"1", "东关小学"}, {"2", ""}};
  for (const char* same :
       {"代码,名称\n1,东关小学\n2,\n", "代码,名称\r\n1,东关小学\r\n2,\r\n", "代码,名称\r1,东关小学\r2,\r",
        "\xef\xbb\xbf代码,名称\n1,东关小学\n2,", "\n代码,名称\r\n\r\n1,东关小学\n\n2,\n\n"}) {
    const Read got = read(same);
    CHECK(got.status);
    CHECK(got.rows == expected);
  }
}

TEST_CASE("quotes keep commas, quotes and line breaks, and a row knows the line where it begins") {
  const Read got = read("a,b\n\"x,\"\"y\"\"\r\nz\",\"\n\n\"\n\nlast, 1 \n");
  CHECK(got.status);
  CHECK(got.rows == Rows{{"a", "b"}, {"x,\"y\"\r\nz", "\n\n"}, {"last", " 1 "}});
  CHECK(got.lines == std::vector<std::size_t>{1, 2, 7});
  CHECK(read("").rows.empty());
  CHECK(read("\xef\xbb\xbf").rows.empty());
  CHECK(read("\n\r\n\r").rows.empty());
}

TEST_CASE("GB18030 is read when told, and refused where it is not text") {
  // 督导 in two bytes each, then a four-byte character.
  const std::string gb = "name\r\n\xb6\xbd\xb5\xbc\r\n\x95\x32\x82\x36\r\n";
  const Read got = read(gb, TextEncoding::kGb18030);
  CHECK(got.status);
  CHECK(got.rows == Rows{{"name"}, {"督导"}, {"\U00020000"}});
  const Read utf8 = read(gb);
  REQUIRE_FALSE(utf8.status);
  CHECK(utf8.status.error().code == Code::kTextNotValid);
  CHECK(utf8.status.error().detail == "line 2");
  CHECK(utf8.rows == Rows{{"name"}});
  for (const char* bad : {"a\nb\xff\n", "a\n\xb6\n", "a\n\xb6", "a\n\x95\x32\x82\n"}) {
    const Read broken = read(bad, TextEncoding::kGb18030);
    REQUIRE_FALSE(broken.status);
    CHECK(broken.status.error().code == Code::kTextNotValid);
    CHECK(broken.status.error().detail == "line 2");
  }
}

TEST_CASE("bytes that are not UTF-8 text are refused with the line") {
  for (const std::string& bad : {std::string("a\nb\n\xc3(\n"), std::string("a\nb\n\xed\xa0\x80\n"),
                                 std::string("a\nb\n\xe7\x9d"), std::string("a\nb\nx\0y\n", 8)}) {
    const Read got = read(bad);
    REQUIRE_FALSE(got.status);
    CHECK(got.status.error().code == Code::kTextNotValid);
    CHECK(got.status.error().detail == "line 3");
  }
  const Read utf16 =
      read(std::string("\xff\xfe"
                       "a\0\n\0",
                       6));
  REQUIRE_FALSE(utf16.status);
  CHECK(utf16.status.error().code == Code::kTextNotValid);
}

TEST_CASE("quotes that do not fit are refused with the line of their row, not guessed at") {
  for (const char* bad : {"a,b\n1,2\n\"3,4\n5,6\n", "a,b\n1,2\n3\"x\",4\n", "a,b\n1,2\n\"3\"x,4\n", "a,b\n1,2\n\"3"}) {
    const Read got = read(bad);
    REQUIRE_FALSE(got.status);
    CHECK(got.status.error().code == Code::kCsvQuotes);
    CHECK(got.status.error().detail == "line 3");
    CHECK(got.rows.size() == 2);
  }
}

TEST_CASE("cells, rows and files without end are refused before they fill the memory") {
  CHECK(read("a\n" + std::string(kMaxCsvCellBytes, 'x')).status);
  const std::string wide(kMaxCsvCells - 1, ',');
  CHECK(read(wide + "\n").rows.at(0).size() == kMaxCsvCells);
  for (const std::string& bad : {"a\n" + std::string(kMaxCsvCellBytes + 1, 'x') + "\n", "a\n" + wide + ",\n",
                                 "a\n\"" + std::string(kMaxCsvRowBytes + 100'000, '\n')}) {
    const Read got = read(bad);
    REQUIRE_FALSE(got.status);
    CHECK(got.status.error().code == Code::kCsvTooLarge);
    CHECK(got.status.error().detail == "line 2");
  }
}

TEST_CASE("reading ends with the first error that the taker returns") {
  std::size_t rows = 0;
  const Status status = read_csv("1\n2\n3\n", TextEncoding::kUtf8, [&](CsvRow&) -> Status {
    if (++rows == 2) return fail(Code::kCancelled);
    return {};
  });
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kCancelled);
  CHECK(rows == 2);
}

TEST_CASE("a whole country's register is read with the right number of rows and cells") {
  const auto kenya = shared("/data/kenya-schools/kenya_schools.csv");
  const auto visits = shared("/data/nigeria-visits/visits_top3states.csv");
  if (!kenya || !visits) {
    WARN("skipped: the shared data are not beside this checkout");
    return;
  }
  const Read schools = read(*kenya);
  CHECK(schools.status);
  CHECK(schools.rows.size() == 37'931);
  for (const auto& row : schools.rows) REQUIRE(row.size() == 13);
  const Read rows = read(*visits);
  CHECK(rows.status);
  CHECK(rows.rows.size() == 11'546);
  for (const auto& row : rows.rows) REQUIRE(row.size() == 71);
}
