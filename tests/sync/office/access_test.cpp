/// People of the office: who may do what and where, and how they prove who they are.

#include "sync/office/access.hpp"

#include "sync/office/jurisdiction.hpp"
#include "sync/office/login.hpp"
#include "sync/office/one_time_code.hpp"
#include "tests/sync/office/county.hpp"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr PasswordCost kCheap{8, 1, 1};
const std::string kPassword = "正确的马电池订书钉啊啊啊";
const std::string kOther = "another long password";

Bytes ascii(std::string_view text) { return to_bytes(view(text)); }

/// An office with a small tree: province 99, city 9901, counties 990121 and 990122.
struct Bureau {
  TestOffice office;
  Logins logins{office.platform, *office.office, kCheap};

  Bureau() {
    office.add_people_and_schools();
    decide([](Store&) -> Result<ChangesBuilder> {
      ChangesBuilder rows;
      const auto unit = [&](const char* code, Value parent) {
        rows.insert("org_unit", {std::string(code), std::string(code), std::string("级"), std::move(parent)});
      };
      unit("99", Value());
      unit("9901", std::string("99"));
      unit("990121", std::string("9901"));
      unit("990122", std::string("9901"));
      const std::size_t place = find_table("school")->column("org_unit");
      rows.update("school", {std::string("140001")}, {{place, std::string("990121")}});
      rows.update("school", {std::string("140002")}, {{place, std::string("990122")}});
      return rows;
    });
  }
  void decide(const std::function<Result<ChangesBuilder>(Store&)>& build) {
    const auto done = office->decide("王处长", "register.import", build);
    if (!done) FAIL(done.error().message());
  }
  static Person person(const std::string& code, std::vector<Role> roles, std::string unit = "") {
    return {code, "姓名" + code, std::move(roles), std::move(unit), true};
  }
  void enter(const Person& who) {
    const auto entered = logins.enter("王处长", who, kPassword);
    if (!entered) FAIL(entered.error().message());
  }
  Code entering(const Person& who, const std::string& password = kPassword) {
    const auto entered = logins.enter("王处长", who, password);
    return entered ? Code{} : entered.error().code;
  }
  Code change(PersonChange change) {
    const auto done =
        office->decide("王处长", "person.change", [&](Store& rows) { return change_person(rows, change); });
    return done ? Code{} : done.error().code;
  }
  Code leave(std::string_view code) {
    const auto done = logins.leave("王处长", code);
    return done ? Code{} : done.error().code;
  }
  Bytes in(std::string_view who, std::string_view password = kPassword, std::string_view code = {}) {
    auto token = logins.login(who, password, code);
    if (!token) FAIL(token.error().message());
    return *std::move(token);
  }
  Error refused(std::string_view who, std::string_view password = kPassword, std::string_view code = {}) {
    const auto token = logins.login(who, password, code);
    REQUIRE_FALSE(token);
    return token.error();
  }
  Code who(BytesView token) {
    const auto found = logins.who(token);
    return found ? Code{} : found.error().code;
  }
  std::int64_t step() { return office.machine.clock.wall_utc_ms() / kOneTimeStep_ms; }
  /// Sets up and confirms a second factor; returns the secret.
  Bytes second_factor(BytesView token) {
    REQUIRE(logins.begin_second_factor(token, kPassword, {}, "office.example/log"));
    const Bytes secret = secret_of(logins.who(token)->person.code);
    REQUIRE(logins.confirm_second_factor(token, one_time_code(secret, step())));
    return secret;
  }
  Bytes secret_of(std::string_view code) {
    Bytes secret;
    const auto looked = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(const auto credential, rows.credential(code));
      if (credential && credential->totp_secret) secret = *credential->totp_secret;
      return {};
    });
    REQUIRE(looked);
    return secret;
  }
  template <class T>
  T look(const std::function<Result<T>(Store&)>& ask) {
    T out{};
    const auto looked = office->read([&](Store& rows) -> Status {
      DUDAO_TRY(out, ask(rows));
      return {};
    });
    if (!looked) FAIL(looked.error().message());
    return out;
  }
};

}  // namespace

TEST_CASE("each role allows what its row of the table says and nothing else") {
  using R = Right;
  const std::map<Role, std::set<Right>> expected = {
      {Role::kAdministrator, {R::kLook, R::kRegister, R::kEnrol, R::kPublish, R::kPeople, R::kKeep}},
      {Role::kPlanner, {R::kLook, R::kPlan, R::kRegister, R::kPublish}},
      {Role::kReviewer, {R::kLook, R::kFollowUp}},
      {Role::kCountyOfficer, {R::kLook, R::kPlan, R::kFollowUp, R::kRegister, R::kEnrol}},
      {Role::kAuditor, {R::kLook}},
  };
  REQUIRE(expected.size() == std::size(kRoles));
  for (const Role role : kRoles) {
    CHECK(role_from(to_string(role)) == role);
    for (const Right right : kRights) {
      INFO(to_string(role) << " " << to_string(right));
      const bool always = right == R::kOpen || right == R::kSelf;
      CHECK(allows(role, right) == (always || expected.at(role).contains(right)));
      CHECK(Bureau::person("A", {role}).may(right) == allows(role, right));
    }
  }
  CHECK_FALSE(role_from("OWNER"));
  CHECK_FALSE(role_from(""));
  // Several roles add up.
  CHECK(Bureau::person("A", {Role::kPlanner, Role::kReviewer}).may(Right::kFollowUp));
  CHECK_FALSE(Bureau::person("A", {}).may(Right::kLook));
}

TEST_CASE("the methods of the rights table are sorted, named once, and an unlisted one is nobody's") {
  const MethodRight* before = nullptr;
  for (const MethodRight& row : method_rights()) {
    if (before) CHECK(std::pair(before->method, before->event) < std::pair(row.method, row.event));
    before = &row;
    CHECK(find_right(row.method, row.event) == &row);
  }
  CHECK(find_right("drop tables") == nullptr);
  CHECK(find_right("") == nullptr);
  CHECK(find_right("visit event", "accept")->right == Right::kFollowUp);
  CHECK(find_right("visit event", "cancel")->right == Right::kPlan);
  CHECK(find_right("plan", "cancel")->right == Right::kPlan);
}

TEST_CASE("the first person administers everything, and there is always one who does") {
  Bureau at;
  CHECK(at.look<bool>(is_founding));
  CHECK(at.entering(Bureau::person("LI", {Role::kPlanner})) == Code::kPersonWrong);
  CHECK(at.entering(Bureau::person("LI", {Role::kAdministrator}, "990121")) == Code::kPersonWrong);
  CHECK(at.look<bool>(is_founding));
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  CHECK_FALSE(at.look<bool>(is_founding));
  at.enter(Bureau::person("LI", {Role::kAdministrator}, "990121"));

  CHECK(at.leave("WANG") == Code::kLastAdministrator);
  CHECK(at.change({"WANG", {}, std::vector{Role::kPlanner}, {}}) == Code::kLastAdministrator);
  CHECK(at.change({"WANG", {}, {}, "990121"}) == Code::kLastAdministrator);
  CHECK(at.change({"WANG", "王局长", {}, {}}) == Code{});
  CHECK(at.office.cell("person", {std::string_view("WANG")}, "name") == "王局长");
  CHECK(at.office.cell("person", {std::string_view("WANG")}, "roles") == "ADMINISTRATOR");

  at.enter(Bureau::person("ZHAO", {Role::kAdministrator, Role::kPlanner}));
  CHECK(at.office.cell("person", {std::string_view("ZHAO")}, "roles") == "ADMINISTRATOR,PLANNER");
  CHECK(at.leave("WANG") == Code{});
  CHECK(at.leave("WANG") == Code::kPersonUnknown);
  CHECK(at.change({"WANG", "王", {}, {}}) == Code::kPersonUnknown);
  CHECK(at.leave("ZHAO") == Code::kLastAdministrator);
  CHECK(at.leave("NOBODY") == Code::kPersonUnknown);
}

TEST_CASE("a person has a code that means nobody else, a name, roles and a unit of the tree") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  const Person good = Bureau::person("LI-2", {Role::kReviewer}, "990121");
  const auto with = [&](const std::function<void(Person&)>& spoil) {
    Person person = good;
    spoil(person);
    return at.entering(person);
  };
  CHECK(with([](Person& p) { p.code = ""; }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.code = "li"; }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.code = "李"; }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.code = std::string(41, 'A'); }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.name = ""; }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.name = "a\nb"; }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.name = "\xff"; }) == Code::kTextNotUtf8);
  CHECK(with([](Person& p) { p.name = std::string(101, 'x'); }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.roles.clear(); }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.unit = "000000"; }) == Code::kUnitUnknown);
  CHECK(with([](Person&) {}) == Code{});
  CHECK(with([](Person&) {}) == Code::kPersonWrong);  // there already
  CHECK(at.leave("LI-2") == Code{});
  CHECK(with([](Person& p) { p.name = "别人"; }) == Code::kPersonWrong);
  CHECK(with([](Person& p) { p.roles = {Role::kPlanner}; }) == Code{});
  CHECK(at.office.cell("person", {std::string_view("LI-2")}, "status") == "ACTIVE");
  CHECK(roles_from("REVIEWER,PLANNER,REVIEWER") == std::vector{Role::kPlanner, Role::kReviewer});
  CHECK(roles_from("REVIEWER,").value() == std::vector{Role::kReviewer});
  CHECK(roles_from("")->empty());
  CHECK(roles_from("REVIEWER,OWNER").error().code == Code::kPersonWrong);
}

TEST_CASE("people follow from the ledger, what opens doors does not and stays through a rebuild") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  at.enter(Bureau::person("LI", {Role::kReviewer}, "990121"));
  const Bytes token = at.in("LI");
  REQUIRE(at.office->rebuild());
  CHECK(at.office.cell("person", {std::string_view("LI")}, "org_unit") == "990121");
  CHECK(at.who(token) == Code{});
  CHECK(at.in("LI") != token);
  CHECK(at.office.check().sound());
  const Bytes ledger = at.office.ledger();
  const Bytes kept = ascii("argon2id");
  CHECK(std::search(ledger.begin(), ledger.end(), kept.begin(), kept.end()) == ledger.end());
}

TEST_CASE("a password has 12 to 128 characters and is neither code nor name") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  const Person li{"LI-1234567890", "一二三四五六七八九十一二三", {Role::kAuditor}, "", true};
  CHECK(at.entering(li, "") == Code::kPasswordWeak);
  CHECK(at.entering(li, "一二三四五六七八九十一") == Code::kPasswordWeak);
  CHECK(at.entering(li, std::string(129, 'x')) == Code::kPasswordWeak);
  CHECK(at.entering(li, li.code) == Code::kPasswordWeak);
  CHECK(at.entering(li, li.name) == Code::kPasswordWeak);
  CHECK(at.entering(li, std::string(20, '\xff')) == Code::kTextNotUtf8);
  CHECK(at.office.cell("person", {std::string_view(li.code)}, "name") == "absent");
  CHECK(at.entering(li, std::string(128, 'x')) == Code{});
  at.in(li.code, std::string(128, 'x'));
}

TEST_CASE("what is kept of a password is Argon2id as RFC 9106 writes it, with a salt of its own") {
  const PasswordCost usual;
  CHECK(usual.memory_kib == 65'536);
  CHECK(usual.passes == 3);
  CHECK(usual.lanes == 1);
  const std::string one = hash_password("hunter2hunter2", usual).value();
  CHECK(one.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"));
  CHECK(password_matches(one, "hunter2hunter2").value());
  CHECK_FALSE(password_matches(one, "hunter2hunter3").value());
  CHECK_FALSE(password_matches(one, "").value());
  const std::string two = hash_password("hunter2hunter2", kCheap).value();
  CHECK(two != hash_password("hunter2hunter2", kCheap).value());
  CHECK(password_matches("hunter2hunter2", "hunter2hunter2").error().code == Code::kInternal);
}

TEST_CASE("wrong tries slow down by doubling, a right one begins anew, and nobody is told apart from somebody") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  FakeClock& clock = at.office.machine.clock;
  for (const std::string who : {"WANG", "NOBODY"}) {
    INFO(who);
    for (int i = 0; i < 5; ++i) CHECK(at.refused(who, kOther).code == Code::kLoginWrong);
    std::int64_t wait_ms = 30'000;
    for (int i = 0; i < 9; ++i) {
      INFO(i);
      const Error slowed = at.refused(who, kPassword);  // the right one, too
      CHECK(slowed.code == Code::kLoginSlowed);
      CHECK(slowed.retryable());
      clock.advance(wait_ms - 1);
      CHECK(at.refused(who, kOther).code == Code::kLoginSlowed);
      clock.advance(1);
      CHECK(at.refused(who, kOther).code == Code::kLoginWrong);
      wait_ms = std::min<std::int64_t>(wait_ms * 2, 3'600'000);
    }
    clock.advance(3'600'000);
  }
  at.in("WANG");
  for (int i = 0; i < 4; ++i) CHECK(at.refused("WANG", kOther).code == Code::kLoginWrong);
  at.in("WANG");
  for (int i = 0; i < 5; ++i) CHECK(at.refused("WANG", kOther).code == Code::kLoginWrong);
  // At nine o'clock of the place the sixth wrong try: a minute.
  clock.set_wall(1'772'413'200'000);
  CHECK(at.refused("WANG", kOther).code == Code::kLoginWrong);
  CHECK(at.refused("WANG").detail == "2026-03-02 09:01:00");
  at.office.restart();
  Logins again(at.office.platform, *at.office.office, kCheap);
  CHECK(again.login("WANG", kPassword, {}).error().code == Code::kLoginSlowed);
  // A clock that is set back by days locks nobody out for days.
  clock.set_wall(1'772'413'200'000 - 86'400'000);
  CHECK(again.login("WANG", kPassword, {}));
  CHECK(at.office.machine.log.contains("person=WANG"));
  CHECK_FALSE(at.office.machine.log.contains("NOBODY"));
  CHECK_FALSE(at.office.machine.log.contains(kOther));
}

TEST_CASE("many who try at once are slowed down as one is") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  std::atomic<int> wrong = 0;
  std::atomic<int> slowed = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 3; ++n) {
        const auto token = at.logins.login("WANG", kOther, {});
        if (!token && token.error().code == Code::kLoginWrong) ++wrong;
        if (!token && token.error().code == Code::kLoginSlowed) ++slowed;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 5);
  CHECK(slowed == 19);
}

TEST_CASE("a try for nobody takes as long as one for somebody") {
  Bureau at;
  Logins logins(at.office.platform, *at.office.office, {16 * 1024, 2, 1});
  REQUIRE(logins.enter("王处长", Bureau::person("WANG", {Role::kAdministrator}), kPassword));
  const auto fastest = [&](std::string_view who) {
    auto least = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 4; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      CHECK(logins.login(who, kOther, {}).error().code == Code::kLoginWrong);
      least = std::min(least, std::chrono::steady_clock::now() - begun);
    }
    return least;
  };
  const auto somebody = fastest("WANG");
  const auto nobody = fastest("NOBODY");
  // Without the hash it would be a thousandth; what is left to the machine's mood is no factor of four.
  CHECK(nobody * 4 > somebody);
  CHECK(somebody * 4 > nobody);
}

TEST_CASE("one-time codes are those of RFC 6238, appendix B") {
  const Bytes secret = ascii("12345678901234567890");
  const std::pair<std::int64_t, const char*> vectors[] = {{59, "94287082"},
                                                          {1'111'111'109, "07081804"},
                                                          {1'111'111'111, "14050471"},
                                                          {1'234'567'890, "89005924"},
                                                          {2'000'000'000, "69279037"},
                                                          {20'000'000'000, "65353130"}};
  for (const auto& [utc_s, code] : vectors) {
    INFO(utc_s);
    CHECK(one_time_code(secret, utc_s / 30, 8) == code);
    CHECK(one_time_code(secret, utc_s / 30) == std::string(code).substr(2));
  }
  // A step to either side, none that was used.
  const std::int64_t at_ms = 1'111'111'109'000;
  const std::int64_t step = at_ms / kOneTimeStep_ms;
  for (std::int64_t off = -3; off <= 3; ++off) {
    const auto found = one_time_step(secret, one_time_code(secret, step + off), at_ms, 0);
    CHECK(found.has_value() == (off >= -1 && off <= 1));
    if (found) CHECK(*found == step + off);
  }
  CHECK_FALSE(one_time_step(secret, one_time_code(secret, step), at_ms, step));
  CHECK(one_time_step(secret, one_time_code(secret, step + 1), at_ms, step));
  for (const char* wrong : {"", "08180", "0818040", "081804 ", "x81804"})
    CHECK_FALSE(one_time_step(secret, wrong, at_ms, 0));
  // RFC 4648, section 10.
  CHECK(to_base32(ascii("")).empty());
  CHECK(to_base32(ascii("f")) == "MY");
  CHECK(to_base32(ascii("fo")) == "MZXQ");
  CHECK(to_base32(ascii("foo")) == "MZXW6");
  CHECK(to_base32(ascii("foob")) == "MZXW6YQ");
  CHECK(to_base32(ascii("fooba")) == "MZXW6YTB");
  CHECK(to_base32(ascii("foobar")) == "MZXW6YTBOI");
  CHECK(
      otpauth_uri("office.example/log", "LI-2", ascii("foobar")) ==
      "otpauth://totp/office.example%2Flog:LI-2?secret=MZXW6YTBOI&issuer=office.example%2Flog&algorithm=SHA1&digits=6&"
      "period=30");
}

TEST_CASE("an administrator has to set up the second factor, and no code of it counts twice") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  at.enter(Bureau::person("LI", {Role::kAuditor}));
  FakeClock& clock = at.office.machine.clock;
  CHECK_FALSE(at.logins.who(at.in("LI"))->confined());
  const Bytes token = at.in("WANG");
  CHECK(at.logins.who(token)->confined());
  CHECK(at.logins.confirm_second_factor(token, "123456").error().code == Code::kSecondFactorMissing);  // none begun
  CHECK(at.logins.begin_second_factor(token, kOther, {}, "o").error().code == Code::kLoginWrong);
  const auto offer = at.logins.begin_second_factor(token, kPassword, {}, "o");
  REQUIRE(offer);
  const Bytes secret = at.secret_of("WANG");
  CHECK(offer->secret == to_base32(secret));
  CHECK(at.logins.who(token)->confined());  // until it is confirmed
  CHECK(at.logins.who(at.in("WANG"))->confined());
  CHECK(at.logins.confirm_second_factor(token, one_time_code(secret, at.step() + 5)).error().code == Code::kLoginWrong);
  REQUIRE(at.logins.confirm_second_factor(token, one_time_code(secret, at.step())));
  CHECK_FALSE(at.logins.who(token)->confined());

  CHECK(at.refused("WANG").code == Code::kSecondFactorMissing);
  CHECK(at.refused("WANG", kOther).code == Code::kLoginWrong);  // says nothing of the code
  CHECK(at.refused("WANG", kPassword, one_time_code(secret, at.step())).code == Code::kLoginWrong);  // used to confirm
  clock.advance(kOneTimeStep_ms);
  const std::string now_code = one_time_code(secret, at.step());
  CHECK_FALSE(at.logins.who(at.in("WANG", kPassword, now_code))->confined());
  CHECK(at.refused("WANG", kPassword, now_code).code == Code::kLoginWrong);
  CHECK(at.refused("WANG", kPassword, one_time_code(secret, at.step() - 1)).code == Code::kLoginWrong);
  at.in("WANG", kPassword, one_time_code(secret, at.step() + 1));

  // Wrong codes count as wrong passwords do.
  clock.advance(10 * kOneTimeStep_ms);
  for (int i = 0; i < 5; ++i) CHECK(at.refused("WANG", kPassword, "000000").code == Code::kLoginWrong);
  CHECK(at.refused("WANG", kPassword, one_time_code(secret, at.step())).code == Code::kLoginSlowed);
  clock.advance(30'000);

  // Another device takes the code of the one before; a lost one takes an administrator.
  const Bytes in = at.in("WANG", kPassword, one_time_code(secret, at.step()));
  CHECK(at.logins.begin_second_factor(in, kPassword, {}, "o").error().code == Code::kSecondFactorMissing);
  clock.advance(kOneTimeStep_ms);
  REQUIRE(at.logins.begin_second_factor(in, kPassword, one_time_code(secret, at.step()), "o"));
  CHECK(at.secret_of("WANG") != secret);
  REQUIRE(at.logins.drop_second_factor("WANG"));
  CHECK(at.secret_of("WANG").empty());
  CHECK(at.who(in) == Code::kSessionOver);
  CHECK(at.logins.who(at.in("WANG"))->confined());
  CHECK(at.logins.drop_second_factor("NOBODY").error().code == Code::kPersonUnknown);
}

TEST_CASE("a session ends after 8 hours without use, after 24 in any case, by logout and when the person leaves") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  at.enter(Bureau::person("LI", {Role::kReviewer}));
  FakeClock& clock = at.office.machine.clock;
  constexpr std::int64_t kHour_ms = 3'600'000;
  const Bytes idle = at.in("LI");
  CHECK(idle.size() == 32);
  CHECK(at.logins.who(idle)->person.code == "LI");
  CHECK(at.who(Bytes(32, 0)) == Code::kSessionOver);
  CHECK(at.who({}) == Code::kSessionOver);
  const Bytes used = at.in("LI");
  for (int hour = 7; hour <= 21; hour += 7) {
    clock.advance(7 * kHour_ms);
    CHECK(at.who(used) == Code{});
  }
  CHECK(at.who(idle) == Code::kSessionOver);
  clock.advance(3 * kHour_ms - 1);
  CHECK(at.who(used) == Code{});
  CHECK(at.logins.who(used)->ends_utc_ms == clock.wall_utc_ms() + 1);
  clock.advance(1);
  CHECK(at.who(used) == Code::kSessionOver);

  const Bytes once = at.in("LI");
  clock.advance(8 * kHour_ms - 1);
  const Bytes second = at.in("LI");
  CHECK(at.who(once) == Code{});  // and was used by that
  clock.advance(8 * kHour_ms);
  CHECK(at.who(once) == Code::kSessionOver);
  CHECK(at.who(second) == Code::kSessionOver);

  const Bytes one = at.in("LI");
  const Bytes two = at.in("LI");
  REQUIRE(at.logins.logout(one));
  REQUIRE(at.logins.logout(one));
  CHECK(at.who(one) == Code::kSessionOver);
  CHECK(at.who(two) == Code{});
  at.office.restart();
  Logins again(at.office.platform, *at.office.office, kCheap);
  CHECK(again.who(two));
  // Roles count as they are now, not as they were at the login.
  REQUIRE(at.change({"LI", {}, std::vector{Role::kAuditor}, {}}) == Code{});
  CHECK(again.who(two)->person.roles == std::vector{Role::kAuditor});
  REQUIRE(again.leave("WANG", "LI"));
  CHECK(again.who(two).error().code == Code::kSessionOver);
  CHECK(again.login("LI", kPassword, {}).error().code == Code::kLoginWrong);
  // Somebody who sets the clock back does not get a longer session.
  const auto admin = again.login("WANG", kPassword, {});
  REQUIRE(admin);
  clock.set_wall(clock.wall_utc_ms() - 60'000);
  CHECK(again.who(*admin));
  clock.set_wall(clock.wall_utc_ms() - 10 * 60'000);
  CHECK(again.who(*admin).error().code == Code::kSessionOver);
}

TEST_CASE("a password is changed by who knows it, or set by an administrator, and other sessions end") {
  Bureau at;
  at.enter(Bureau::person("WANG", {Role::kAdministrator}));
  at.enter(Bureau::person("LI", {Role::kReviewer}));
  const Bytes one = at.in("LI");
  const Bytes two = at.in("LI");
  CHECK(at.logins.change_password(one, kOther, "a third long password").error().code == Code::kLoginWrong);
  CHECK(at.logins.change_password(one, kPassword, "short").error().code == Code::kPasswordWeak);
  CHECK(at.logins.change_password(Bytes(32, 1), kPassword, kOther).error().code == Code::kSessionOver);
  REQUIRE(at.logins.change_password(one, kPassword, kOther));
  CHECK(at.who(one) == Code{});
  CHECK(at.who(two) == Code::kSessionOver);
  CHECK(at.refused("LI", kPassword).code == Code::kLoginWrong);
  at.in("LI", kOther);
  for (int i = 0; i < 6; ++i) CHECK_FALSE(at.logins.login("LI", kPassword, {}));
  REQUIRE(at.logins.set_password("LI", kPassword));
  CHECK(at.who(one) == Code::kSessionOver);
  at.in("LI");  // not slowed any more
  CHECK(at.logins.set_password("NOBODY", kPassword).error().code == Code::kPersonUnknown);
  CHECK(at.logins.set_password("LI", "short").error().code == Code::kPasswordWeak);
}

TEST_CASE("a unit reaches itself and what is below, and what belongs to no unit is the whole office's") {
  Bureau at;
  const Bytes ours = at.office.plan({"I001"}, "140001");
  const Bytes theirs = at.office.plan({"I001"}, "140002");
  const Bytes nobodys = at.office.plan({"I001"}, "140003");
  at.decide([](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.insert("inspector_profile",
                {std::string("I001"), std::string("990121"), std::int64_t{3}, std::int64_t{10}, Value()});
    const auto campaign = [&](const char* code, Value authority) {
      rows.insert("campaign", {std::string(code), std::string("专项"), std::string("SPECIAL"), std::move(authority),
                               std::int64_t{1}, Value(), Value(), Value()});
    };
    campaign("P", std::string("99"));
    campaign("C", std::string("990121"));
    campaign("N", Value());
    return rows;
  });
  const auto sees = [&](const std::string& unit, const std::function<Result<bool>(const Reach&, Store&)>& ask) {
    return at.look<bool>([&](Store& rows) -> Result<bool> {
      DUDAO_TRY(const Reach reach, Reach::of(rows, unit));
      return ask(reach, rows);
    });
  };
  // Columns: the whole office, the province, the city, the county, its neighbour, a unit that is not there.
  const std::string units[] = {"", "99", "9901", "990121", "990122", "000000"};
  const auto row = [&](const std::function<Result<bool>(const Reach&, Store&)>& ask) {
    std::string out;
    for (const std::string& unit : units) out += sees(unit, ask) ? '1' : '0';
    return out;
  };
  const auto unit = [&](const std::string& code) {
    return row([code](const Reach& reach, Store&) { return Result<bool>(reach.has_unit(code)); });
  };
  CHECK(unit("99") == "110000");
  CHECK(unit("9901") == "111000");
  CHECK(unit("990121") == "111100");
  CHECK(unit("990122") == "111010");
  CHECK(unit("") == "100000");
  const auto school = [&](const std::string& code) {
    return row([code](const Reach& reach, Store& rows) { return reach.has_school(rows, code); });
  };
  CHECK(school("140001") == "111100");
  CHECK(school("140002") == "111010");
  CHECK(school("140003") == "100000");
  CHECK(school("none") == "100000");
  const auto visit = [&](const Bytes& id) {
    return row([&](const Reach& reach, Store& rows) { return reach.has_visit(rows, id); });
  };
  CHECK(visit(ours) == "111100");
  CHECK(visit(theirs) == "111010");
  CHECK(visit(nobodys) == "100000");
  CHECK(visit(Bytes(16, 7)) == "100000");
  const auto inspector = [&](const std::string& code) {
    return row([code](const Reach& reach, Store& rows) { return reach.has_inspector(rows, code); });
  };
  CHECK(inspector("I001") == "111100");
  CHECK(inspector("I002") == "100000");
  const auto campaign = [&](const std::string& code) {
    return row([code](const Reach& reach, Store& rows) { return reach.has_campaign(rows, code); });
  };
  CHECK(campaign("P") == "110000");
  CHECK(campaign("C") == "111100");
  CHECK(campaign("N") == "100000");
  const auto cells = [&](std::string_view table, const std::vector<Value>& values) {
    return row(
        [table, values](const Reach& reach, Store& rows) { return reach.has_row(rows, *find_table(table), values); });
  };
  const auto school_row = [&](const char* code, Value place) {
    return cells("school", {std::string(code), std::string("校"), std::move(place), Value(), Value(), Value(), Value(),
                            Value(), Value(), Value(), std::string("OPEN"), std::int64_t{1}, Value(), Value()});
  };
  CHECK(school_row("140001", std::string("990121")) == "111100");
  CHECK(school_row("140002", std::string("990121")) == "111000");  // taken from the neighbour
  CHECK(school_row("140009", std::string("990121")) == "111100");
  CHECK(school_row("140009", Value()) == "100000");
  const auto unit_row = [&](const char* code, Value parent) {
    return cells("org_unit", {std::string(code), std::string("名"), std::string("县"), std::move(parent)});
  };
  CHECK(unit_row("990121", std::string("9901")) == "111000");  // itself
  CHECK(unit_row("990121100", std::string("990121")) == "111100");
  CHECK(unit_row("98", Value()) == "100000");
  CHECK(cells("zone", {std::string("I002"), std::string("140001"), Value()}) == "111100");
  CHECK(cells("inspector", {std::string("I009"), std::string("某"), std::int64_t{1}, std::int64_t{1}, Value(), Value(),
                            std::int64_t{20}, std::string("ACTIVE")}) == "100000");

  // A tree that bites its own tail does not hold anybody up.
  at.decide([](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder rows;
    rows.update("org_unit", {std::string("99")}, {{3, std::string("990122")}});
    return rows;
  });
  CHECK(unit("990121") == "111110");
}
