#include "platform/variant.hpp"

#include <new>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

/// Copies of it find no memory left.
struct Reluctant {
  Reluctant() = default;
  Reluctant(const Reluctant& /*unused*/) { throw std::bad_alloc(); }
  Reluctant(Reluctant&&) noexcept = default;
  Reluctant& operator=(const Reluctant&) = default;
  Reluctant& operator=(Reluctant&&) noexcept = default;
  ~Reluctant() = default;
};

using Cell = Variant<std::monostate, int, std::string, std::vector<Reluctant>>;

Cell with_one() {
  std::vector<Reluctant> one(1);
  return one;
}

}  // namespace

TEST_CASE("a variant whose copy finds no memory leaves both sides as they were") {
  const Cell full = with_one();
  CHECK_THROWS_AS(Cell(full), std::bad_alloc);
  CHECK(std::get<std::vector<Reluctant>>(full).size() == 1);

  Cell other = std::string("a text too long to stand within the string itself");
  CHECK_THROWS_AS(other = full, std::bad_alloc);
  CHECK(std::get<std::string>(other) == "a text too long to stand within the string itself");

  std::vector<Cell> several(3, Cell(7));
  several.push_back(with_one());
  CHECK_THROWS_AS(std::vector<Cell>(several), std::bad_alloc);
}

TEST_CASE("a variant is copied, moved, compared and visited as the standard's is") {
  const Variant<std::monostate, int, std::string> text = std::string("as it was");
  auto copy = text;
  CHECK(copy == text);
  const auto moved = std::move(copy);
  CHECK(moved == text);
  copy = 7;
  CHECK(copy != text);
  CHECK(copy.index() == 1);
  CHECK(std::visit([](const auto& value) { return sizeof value; }, copy) == sizeof(int));
}
