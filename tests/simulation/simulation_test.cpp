#include "tests/simulation/world.hpp"

#include <catch2/catch.hpp>

using namespace dudao;
using namespace dudao::simulation;

namespace {

/// Plays a whole story up to the check, which is left to the test.
std::unique_ptr<World> settled(std::uint64_t seed, Tally& tally) {
  const Story story = make_story(seed, 40);
  auto world = std::make_unique<World>(story, tally);
  for (const Action& action : story.actions) world->play(action);
  world->settle();
  return world;
}

std::string broken_promise(World& world) {
  try {
    world.check();
  } catch (const Broken& broken) {
    return broken.promise;
  }
  return "none";
}

}  // namespace

TEST_CASE("the same seed tells the same story, and another seed another one") {
  Tally tally;
  const Outcome once = play(make_story(7, 60), tally);
  const Outcome again = play(make_story(7, 60), tally);
  const Outcome other = play(make_story(8, 60), tally);
  CHECK(once.told == again.told);
  CHECK(once.told != other.told);
}

TEST_CASE("a story is shortened to the actions that matter") {
  const auto fails = [](const Story& story) {
    int backups = 0;
    for (const Action& action : story.actions) {
      backups += action.kind == Kind::kSync ? 1 : 0;
      if (action.kind == Kind::kDecide && backups >= 2) return true;
    }
    return false;
  };
  const Story story = make_story(3, 200);
  REQUIRE(fails(story));
  const Story shortest = shorten(story, fails);
  REQUIRE(shortest.actions.size() == 3);
  CHECK(shortest.actions[2].kind == Kind::kDecide);
}

TEST_CASE("the checker sees each kind of damage that is done on purpose") {
  Tally tally;
  auto world = settled(11, tally);
  REQUIRE(broken_promise(*world) == "none");
  Agent& device = world->devices().front();
  REQUIRE_FALSE(device.memory.saves.empty());
  REQUIRE_FALSE(device.end);

  SECTION("a row that the office has and its ledger does not give") {
    REQUIRE(world->office().read([](Store& store) {
      return store.put_row(*find_table("org_unit"),
                           {{std::string("X"), std::string("nobody's"), std::string("COUNTY"), Value()}, {}});
    }));
    CHECK(broken_promise(*world) == "P6 devices end equal to the office");
  }
  SECTION("a cell that is another on a device") {
    REQUIRE(device.db->execute("UPDATE visit SET to_day = to_day + 1"));
    CHECK(broken_promise(*world) == "P6 devices end equal to the office");
  }
  SECTION("a row of somebody else's on a device") {
    REQUIRE(device.db->execute("INSERT INTO zone VALUES ('I009', '140001', NULL)"));
    CHECK(broken_promise(*world) == "P10 nobody gets what is outside their scope");
  }
  SECTION("a save that a device has lost") {
    REQUIRE(device.db->execute("DELETE FROM journal WHERE n = ?", device.memory.saves.back().step));
    CHECK(broken_promise(*world) == "P1 a save that returned survives");
  }
  SECTION("a save that never got into a statement") {
    REQUIRE(device.db->execute("UPDATE journal SET sealed_in = NULL WHERE n = ?", device.memory.saves.back().step));
    CHECK(broken_promise(*world) == "P2 every change stands in a change set");
  }
  SECTION("a refusal that only one end knows of") {
    REQUIRE(device.db->execute("UPDATE outbox SET refusal = 4105 WHERE seq = 1"));
    CHECK(broken_promise(*world) == "P7 a refusal is seen at both ends");
  }
}
