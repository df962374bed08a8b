#include "schema/register_import.hpp"

#include "schema/draw.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

constexpr auto kUtf8 = TextEncoding::kUtf8;

ColumnMap columns(const std::vector<std::string>& assignments) {
  auto map = ColumnMap::parse(assignments);
  REQUIRE(map);
  return *std::move(map);
}

const std::vector<OrgUnit> kTree = {{"14", "山西省", "province", {}},       {"1499", "临川市", "city", "14"},
                                    {"149901", "城区", "county", "1499"},   {"149921", "云岭县", "county", "1499"},
                                    {"1490", "市辖区", "city", "14"},       {"149001", "直管县", "county", "1490"},
                                    {"1498", "东川市", "city", "14"},       {"149801", "城区", "county", "1498"},
                                    {"149802", "双名区", "county", "1498"}, {"149803", "双名区", "county", "1498"}};

const std::vector<std::string> kAll = {"code=c",   "name=n",    "org_unit=o", "stages=s",       "ownership=w",
                                       "pupils=p", "classes=k", "lat=y",      "lon=x",          "datum=d",
                                       "status=t", "weight=g",  "head=h",     "superior_unit=u"};
const std::string kHead = "c,n,o,s,w,p,k,y,x,d,t,g,h,u\n";

Result<SchoolImport> schools(const std::string& bytes, const std::vector<std::string>& map = kAll) {
  return import_schools(bytes, kUtf8, columns(map), {kTree, "", false});
}

void check_refused(const std::string& row, Code code, std::string_view detail) {
  INFO(row);
  const auto got = schools(kHead + "A1,甲小学,149901,,,,,,,,,,,\n" + row + "A2,乙小学,149901,,,,,,,,,,,\n");
  REQUIRE(got);
  CHECK(got->rows == 3);
  CHECK(got->records.size() == 2);
  REQUIRE(got->refused.size() == 1);
  CHECK(got->refused[0].line == 3);
  CHECK(got->refused[0].error.code == code);
  CHECK(got->refused[0].error.detail == detail);
}

std::optional<std::string> shared(const std::string& path) {
  std::ifstream in(std::string(DUDAO_SHARED_DIR) + path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

template <class T>
std::map<Code, std::size_t> count(const Import<T>& import) {
  std::map<Code, std::size_t> counts;
  for (const auto& row : import.refused) ++counts[row.error.code];
  return counts;
}

}  // namespace

TEST_CASE("a row of a school register becomes a school, with every field as it was") {
  const auto got =
      schools(kHead +
              "1499010001,\" 城关　小学\n(南校区) \",149901,小学、初中,公办,1200,24,35.1234567,-112.5,GCJ02,正常,3,"
              "王某,149901\n1499010002,乙小学,149901,,,,,,,,,,,\n");
  REQUIRE(got);
  CHECK(got->refused.empty());
  REQUIRE(got->records.size() == 2);
  const School expected{"1499010001", "城关 小学 (南校区)", "149901", "PRIMARY,JUNIOR", "PUBLIC", 1200,   24,
                        351234567,    -1125000000,          "GCJ-02", "OPEN",           3,        "王某", "149901"};
  CHECK(got->records[0] == expected);
  School bare;
  bare.code = "1499010002";
  bare.name = "乙小学";
  bare.org_unit = "149901";
  CHECK(got->records[1] == bare);
}

TEST_CASE("each row that cannot be taken is refused with its line and reason, and its neighbours are taken") {
  check_refused("A3,丙,149901,,,,,,,,,,\n", Code::kRowWidth, "13 cells");
  check_refused("A3,丙,149901,,,,,,,,,,,,\n", Code::kRowWidth, "15 cells");
  check_refused("A3, \t,149901,,,,,,,,,,,\n", Code::kRowMissing, "name");
  check_refused(",丙,149901,,,,,,,,,,,\n", Code::kRowMissing, "code");
  check_refused("a3,丙,149901,,,,,,,,,,,\n", Code::kRowCode, "code");
  check_refused("A 3,丙,149901,,,,,,,,,,,\n", Code::kRowCode, "code");
  check_refused(std::string(65, 'A') + ",丙,149901,,,,,,,,,,,\n", Code::kRowCode, "code");
  check_refused("A3,丙\x01,149901,,,,,,,,,,,\n", Code::kRowText, "name");
  check_refused("A3," + std::string(1001, 'x') + ",149901,,,,,,,,,,,\n", Code::kRowText, "name");
  check_refused("A3,丙,149901,,,12a,,,,,,,,\n", Code::kRowNumber, "pupils");
  check_refused("A3,丙,149901,,,-1,,,,,,,,\n", Code::kRowNumber, "pupils");
  check_refused("A3,丙,149901,,,1000001,,,,,,,,\n", Code::kRowNumber, "pupils");
  check_refused("A3,丙,149901,,,,1.5,,,,,,,\n", Code::kRowNumber, "classes");
  check_refused("A3,丙,149901,,,,,,,,,0,,\n", Code::kRowNumber, "weight");
  check_refused("A3,丙,149901,,,,,,,,,10001,,\n", Code::kRowNumber, "weight");
  check_refused("A3,丙,149901,,,,,,,,,99999999999999999999,,\n", Code::kRowNumber, "weight");
  check_refused("A3,丙,149901,大学堂,,,,,,,,,,\n", Code::kRowValue, "stages");
  check_refused("A3,丙,149901,小学、,半公办,,,,,,,,,\n", Code::kRowValue, "ownership");
  check_refused("A3,丙,149901,,,,,,,,maybe,,,\n", Code::kRowValue, "status");
  check_refused("A3,丙,149901,,,,,35.1,112.5,XGJ,,,,\n", Code::kRowValue, "datum");
  check_refused("A3,丙,149901,,,,,35.1,112.5,,,,,\n", Code::kRowMissing, "datum");
  check_refused("A3,丙,149901,,,,,35.1,,WGS-84,,,,\n", Code::kRowPosition, "lat, lon");
  check_refused("A3,丙,149901,,,,,,112.5,WGS-84,,,,\n", Code::kRowPosition, "lat, lon");
  check_refused("A3,丙,149901,,,,,0,0.0,WGS-84,,,,\n", Code::kRowPosition, "lat, lon");
  check_refused("A3,丙,149901,,,,,112.5,35.1,WGS-84,,,,\n", Code::kRowPosition, "lat, lon");
  check_refused("A3,丙,,,,,,,,,,,,\n", Code::kRowMissing, "org_unit");
  check_refused("A3,丙,149902,,,,,,,,,,,\n", Code::kRowPlace, "org_unit");
  check_refused("A1,甲小学,149901,,,,,,,,,,,\n", Code::kRowRepeated, "as in line 2");
  check_refused("A1,甲小学,149901,,,,,,,,停办,,,\n", Code::kRowConflict, "as in line 2");
}

TEST_CASE("a school without a code gets one from its place and name, the same in every file") {
  const std::vector<std::string> map = {"name=n", "place=p>c>a"};
  const auto first =
      schools("n,p,c,a\n甲小学,山西省,临川市,城区\n甲小学,山西省,东川市,城区\n甲小学,山西省,临川市,城区\n", map);
  REQUIRE(first);
  REQUIRE(first->records.size() == 2);
  CHECK(first->records[0].org_unit == "149901");
  CHECK(first->records[1].org_unit == "149801");
  CHECK(first->records[0].code != first->records[1].code);
  // From the sentence in the header, by another program: SHA-256 of "school|山西省|临川市|城区|甲小学".
  CHECK(first->records[0].code == "N-63D6C8519D21318B");
  REQUIRE(first->refused.size() == 1);
  CHECK(first->refused[0].error.code == Code::kRowRepeated);
  CHECK(first->refused[0].line == 4);
  const auto second = schools("a,c,n,p\r\n 城区 ,东川市,甲小学,山西省\r\n城区,临川市,\"甲小学\n\",山西省\r\n", map);
  REQUIRE(second);
  REQUIRE(second->records.size() == 2);
  CHECK(second->records[0] == first->records[1]);
  CHECK(second->records[1] == first->records[0]);
}

TEST_CASE("a path of names leads through placeholder levels and past repeated names, and nowhere else") {
  const auto place = [](const std::string& path) {
    const auto got = schools("n,p,c,a\n甲," + path + "\n", {"name=n", "place=p>c>a"});
    REQUIRE(got);
    if (got->records.size() == 1) return *got->records[0].org_unit;
    CHECK(got->refused.at(0).error.code == Code::kRowPlace);
    return got->refused[0].error.detail;
  };
  CHECK(place("山西省,临川市,云岭县") == "149921");
  CHECK(place("山西省,临川市,") == "1499");
  CHECK(place("山西省,,云岭县") == "14");
  CHECK(place("山西省,直管县,") == "149001");
  CHECK(place("山西省,山西省,直管县") == "149001");
  CHECK(place("山西省,市辖区,直管县") == "149001");
  CHECK(place("山西省,临川市,临川市") == "1499");
  CHECK(place("山西省,临川市,南区") == "山西省 > 临川市 > 南区");
  CHECK(place("山西省,东川市,双名区") == "山西省 > 东川市 > 双名区 is there more than once");
  CHECK(place("云岭县,,") == "云岭县");
  CHECK(place(",,") == "no place is given");
}

TEST_CASE("units that a path names are made when asked, once, parents before children") {
  const std::string file = "n,county,ward\na,Lowland,East\nb,Lowland,West\nc,Lowland,East\nd,,East\ne,Upland,\n";
  const std::vector<OrgUnit> known = {{"XX", "Country", "country", {}}};
  const auto got = import_schools(file, kUtf8, columns({"name=n", "place=county>ward"}), {known, "XX", true});
  REQUIRE(got);
  CHECK(got->refused.empty());
  REQUIRE(got->made_units.size() == 4);
  std::set<std::string> seen = {"XX"};
  for (const auto& unit : got->made_units) {
    REQUIRE(unit.parent);
    CHECK(seen.count(*unit.parent) == 1);
    CHECK(seen.insert(unit.code).second);
    CHECK(unit.level == (unit.name.size() == 4 ? "ward" : "county"));
  }
  CHECK(got->records[0].org_unit == got->records[2].org_unit);
  CHECK(got->records[0].org_unit != got->records[1].org_unit);
  CHECK(got->records[3].org_unit == "XX");
  auto more = known;
  more.insert(more.end(), got->made_units.begin(), got->made_units.end());
  const auto again = import_schools(file, kUtf8, columns({"name=n", "place=county>ward"}), {more, "XX", true});
  REQUIRE(again);
  CHECK(again->made_units.empty());
  CHECK(again->records == got->records);
}

TEST_CASE("units need a parent that is known or stands before them") {
  const auto map = columns({"code=code", "name=name", "level:=county", "parent=up"});
  const auto got = import_org_units(
      "code,name,up\n149999,新区,1499\n1499990,新区一,149999\n15,甲,77\n16,乙,17\n17,丙,\n", kUtf8, map, kTree);
  REQUIRE(got);
  CHECK(got->records == std::vector<OrgUnit>{{"149999", "新区", "county", "1499"},
                                             {"1499990", "新区一", "county", "149999"},
                                             {"17", "丙", "county", {}}});
  REQUIRE(got->refused.size() == 2);
  CHECK(got->refused[0].line == 4);
  CHECK(got->refused[0].error.code == Code::kRowPlace);
  CHECK(got->refused[1].line == 5);
}

TEST_CASE("inspectors, their zones and their conflicts are read, and what does not fit is refused") {
  const auto people = import_inspectors(
      "no,name,ft,lead,cred,until,cap,st\nD1,甲,是,1,Z-1,2027-12-31,8,在任\nD2,乙,否,no,,,0,\nD3,丙,也许,,,,1,\nD4,丁,,"
      ",,2027-02-29,1,\n"
      "D5,戊,,,,,,\nD6,己,,,,,10001,\n",
      kUtf8,
      columns({"code=no", "name=name", "full_time=ft", "lead=lead", "credential=cred", "credential_until=until",
               "capacity=cap", "status=st"}));
  REQUIRE(people);
  CHECK(people->records == std::vector<Inspector>{{"D1", "甲", true, true, "Z-1", 21183, 8, "ACTIVE"},
                                                  {"D2", "乙", false, false, {}, {}, 0, "ACTIVE"}});
  CHECK(count(*people) ==
        std::map<Code, std::size_t>{{Code::kRowValue, 2}, {Code::kRowMissing, 1}, {Code::kRowNumber, 1}});

  const auto zones = import_zones("i,s,u\nD1,A1,\nD1,A2,2026-08-31\nD1,A1,\nD1,,\n", kUtf8,
                                  columns({"inspector=i", "school=s", "until=u"}));
  REQUIRE(zones);
  CHECK(zones->records == std::vector<InspectorSchool>{{"D1", "A1", {}, {}}, {"D1", "A2", {}, 20696}});
  CHECK(count(*zones) == std::map<Code, std::size_t>{{Code::kRowRepeated, 1}, {Code::kRowMissing, 1}});

  const auto conflicts = import_conflicts("i,s,r\nD1,A1,R1\nD1,A1,R2\nD2,A1,R6\nD2,A1,\n", kUtf8,
                                          columns({"inspector=i", "school=s", "reason=r"}));
  REQUIRE(conflicts);
  CHECK(conflicts->records == std::vector<InspectorSchool>{{"D1", "A1", "R1", {}}});
  CHECK(count(*conflicts) ==
        std::map<Code, std::size_t>{{Code::kRowConflict, 1}, {Code::kRowValue, 1}, {Code::kRowMissing, 1}});
}

TEST_CASE("a column map that says too little, too much or nothing sensible is refused") {
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
           {"name"}, {"=n"}, {":=n"}, {"name="}, {"name=n", "name=m"}, {"place=a>>b"}, {"place=a>"}})
    CHECK(ColumnMap::parse(bad).error().code == Code::kColumnMap);
  CHECK(ColumnMap::parse(std::string_view("# a remark\r\n\r\n name=n \r\ndatum:=WGS-84"))->fields().size() == 2);
  CHECK(ColumnMap::parse(std::string_view("name=n\nname=n\n")).error().code == Code::kColumnMap);
  const std::string file = "n,o,o2\n甲,149901,x\n";
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"name=n"},
                                             {"org_unit=o"},
                                             {"name=n", "org_unit=o", "place=o"},
                                             {"name=n", "org_unit=o", "colour=o2"},
                                             {"name=n>o2", "org_unit=o"},
                                             {"name=n", "place:=x"}})
    CHECK(schools(file, bad).error().code == Code::kColumnMap);
  CHECK(import_schools(file, kUtf8, columns({"name=n", "org_unit=o"}), {kTree, "77", false}).error().code ==
        Code::kColumnMap);
}

TEST_CASE("a file whose header lacks a column of the map, or has it twice, is refused whole") {
  const std::vector<std::string> map = {"name=n", "org_unit=o"};
  for (const char* bad : {"", "\n\n", "n,x\n甲,149901\n", "n,o,n\n甲,149901,乙\n", "甲,149901\n"}) {
    INFO(bad);
    CHECK(schools(bad, map).error().code == Code::kCsvHeader);
  }
  CHECK(schools("n,o\n甲,\xff\n", map).error().code == Code::kTextNotValid);
  CHECK(schools("n,o\n\"甲,149901\n", map).error().code == Code::kCsvQuotes);
  CHECK(schools("\xef\xbb\xbf n , o\r\n", map)->rows == 0);
}

TEST_CASE("degrees become whole numbers without a float in between") {
  CHECK(degrees_e7("0", 90) == 0);
  CHECK(degrees_e7("35.1234567", 90) == 351234567);
  CHECK(degrees_e7("35.12345674", 90) == 351234567);
  CHECK(degrees_e7("35.12345675", 90) == 351234568);
  CHECK(degrees_e7("-35.12345675", 90) == -351234568);
  CHECK(degrees_e7("-0.00000004999", 90) == 0);
  CHECK(degrees_e7("+1.5", 90) == 15000000);
  CHECK(degrees_e7("90.0000000", 90) == 900000000);
  CHECK(degrees_e7("-180", 180) == -1800000000);
  CHECK(degrees_e7("007.1", 90) == 71000000);
  CHECK(degrees_e7("-6.5e-05", 90) == -650);
  CHECK(degrees_e7("3.7E-7", 90) == 4);
  CHECK(degrees_e7("4.9e-8", 90) == 0);
  CHECK(degrees_e7("9e1", 90) == 900000000);
  CHECK(degrees_e7("0.09e+03", 90) == 900000000);
  CHECK(degrees_e7("0e99", 90) == 0);
  for (const char* bad : {"",       "-",
                          ".",      ".5",
                          "5.",     "1,5",
                          "1e2",    "nan",
                          "1e",     "1e+",
                          "e5",     "1e100",
                          "1e-x",   "1.e1",
                          "9e99",   "91e0",
                          "0.91e2", "90.00000005",
                          "-91",    "1234",
                          " 1",     "1 ",
                          "--1",    "1.2.3",
                          "0x1",    "1.0000000000000000000000000000000000000000",
                          "35°12'"}) {
    INFO(bad);
    CHECK_FALSE(degrees_e7(bad, 90));
  }
}

TEST_CASE("dates become days, and days that do not exist become nothing") {
  CHECK(day_from_date("1970-01-01") == 0);
  CHECK(day_from_date("1969-12-31") == -1);
  CHECK(day_from_date("2000-02-29") == 11016);
  CHECK(day_from_date("2026-11-23") == 20780);
  for (const char* bad : {"", "2026-2-28", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026/01/01",
                          "26-01-01", "2026-01-01 ", "1899-12-31", "3000-01-01", "2026-01-0x"}) {
    INFO(bad);
    CHECK_FALSE(day_from_date(bad));
  }
}

TEST_CASE("the project's own sample registers are taken whole, fit each other, and can be drawn from") {
  const auto text = [](const std::string& name) {
    std::ifstream in(std::string(DUDAO_SOURCE_DIR) + "/tools/sample/" + name, std::ios::binary);
    REQUIRE(in);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto map = [&](const std::string& name) {
    const std::string lines = text(name + ".columns");
    const auto parsed = ColumnMap::parse(std::string_view(lines));
    REQUIRE(parsed);
    return *parsed;
  };
  const auto units = import_org_units(text("org_units.csv"), kUtf8, map("org_units"), {});
  REQUIRE(units);
  CHECK(units->refused.empty());
  const auto schools =
      import_schools(text("schools.csv"), kUtf8, map("schools"), SchoolImportOptions{units->records, "", false});
  REQUIRE(schools);
  CHECK(schools->refused.empty());
  CHECK(schools->records.size() == 60);
  const auto inspectors = import_inspectors(text("inspectors.csv"), kUtf8, map("inspectors"));
  REQUIRE(inspectors);
  CHECK(inspectors->refused.empty());
  CHECK(inspectors->records.size() == 8);
  const auto zones = import_zones(text("zones.csv"), kUtf8, map("zones"));
  REQUIRE(zones);
  CHECK(zones->refused.empty());
  const auto conflicts = import_conflicts(text("conflicts.csv"), kUtf8, map("conflicts"));
  REQUIRE(conflicts);
  CHECK(conflicts->refused.empty());

  std::set<std::string> school_codes, inspector_codes, served;
  std::vector<FrameEntry> frame;
  for (const auto& school : schools->records) {
    school_codes.insert(school.code);
    CHECK(school.lat_e7);
    CHECK(school.stages);
    CHECK(school.pupils);
    frame.push_back({school.code, school.org_unit->substr(0, 6), static_cast<std::uint32_t>(school.weight),
                     school.status == "OPEN" ? FrameStatus::kEligible : FrameStatus::kClosed});
  }
  std::vector<PoolEntry> pool;
  for (const auto& inspector : inspectors->records) {
    inspector_codes.insert(inspector.code);
    pool.push_back({inspector.code, static_cast<std::uint32_t>(inspector.capacity), inspector.lead});
  }
  for (const auto& zone : zones->records) {
    CHECK(inspector_codes.count(zone.inspector) == 1);
    CHECK(school_codes.count(zone.school) == 1);
    CHECK(served.insert(zone.school).second);
  }
  CHECK(served == school_codes);
  std::vector<Recusal> recusals;
  for (const auto& conflict : conflicts->records)
    recusals.push_back({conflict.inspector, conflict.school, static_cast<std::uint8_t>(conflict.reason->at(1) - '0')});
  const auto files = freeze_draw("CC-2026-09", {{"990121", 3}, {"990122", 3}}, 2, "an event", frame, pool, recusals);
  REQUIRE(files);
  const auto draw = Draw::run(*read_draw(*files), Hash{});
  REQUIRE(draw);
  for (const auto& stratum : draw->strata())
    for (std::size_t i = 0; i < 3; ++i) CHECK(stratum.schools[i].state == DrawnState::kSelected);
}

TEST_CASE("the registers of a province and of a country are taken, and every row is accounted for") {
  const auto provinces = shared("/data/china-divisions/provinces.csv");
  if (!provinces) {
    WARN("skipped: the shared data are not beside this checkout");
    return;
  }
  std::vector<OrgUnit> tree;
  const auto grow = [&](const std::string& file, const std::vector<std::string>& map, std::size_t rows) {
    const auto units = import_org_units(*shared("/data/china-divisions/" + file), kUtf8, columns(map), tree);
    REQUIRE(units);
    CHECK(units->refused.empty());
    CHECK(units->records.size() == rows);
    tree.insert(tree.end(), units->records.begin(), units->records.end());
  };
  grow("provinces.csv", {"code=code", "name=name", "level:=province"}, 31);
  grow("cities.csv", {"code=code", "name=name", "level:=city", "parent=provinceCode"}, 342);
  grow("areas.csv", {"code=code", "name=name", "level:=county", "parent=cityCode"}, 2978);

  const auto shanxi = import_schools(*shared("/data/china-schools/shanxi_schools.csv"), kUtf8,
                                     columns({"name=name", "place=province>city>area"}), {tree, "", false});
  REQUIRE(shanxi);
  CHECK(shanxi->rows == 1172);
  CHECK(shanxi->records.size() + shanxi->refused.size() == 1172);
  CHECK(count(*shanxi) == std::map<Code, std::size_t>{{Code::kRowPlace, 21}, {Code::kRowRepeated, 80}});

  const auto kenya = shared("/data/kenya-schools/kenya_schools.csv");
  const auto map = columns({"code=objectid", "name=school_name", "place=county>sub_county>ward", "stages=level",
                            "ownership=status", "lat=y_coord", "lon=x_coord", "datum:=WGS-84"});
  const auto schools = import_schools(*kenya, kUtf8, map, {{{"KE", "Kenya", "country", {}}}, "KE", true});
  REQUIRE(schools);
  CHECK(schools->rows == 37'930);
  CHECK(schools->records.size() == 37'930);
  CHECK(count(*schools).empty());
  std::set<std::string> codes;
  for (const auto& school : schools->records) {
    CHECK(codes.insert(school.code).second);
    REQUIRE(school.lat_e7);
  }
  CHECK(std::count_if(schools->made_units.begin(), schools->made_units.end(),
                      [](const OrgUnit& unit) { return unit.parent == "KE"; }) == 50);

  // The ministry's own codes repeat: the second of each is refused, since it says something else.
  const auto repeated = import_schools(
      *kenya, kUtf8,
      columns({"code=code", "name=school_name", "place=county", "lat=y_coord", "lon=x_coord", "datum:=WGS-84"}),
      {{{"KE", "Kenya", "country", {}}}, "KE", true});
  REQUIRE(repeated);
  CHECK(repeated->records.size() + repeated->refused.size() == 37'930);
  CHECK(count(*repeated)[Code::kRowConflict] > 0);
}
