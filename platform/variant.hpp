#pragma once

/// std::variant that is sound when memory runs out while it is copied.

#include <utility>
#include <variant>

namespace dudao {

/// Up to version 12, libstdc++ takes a variant of strings and vectors for one that always holds a value. When copying
/// one throws std::bad_alloc, it then destroys the value that was never made: undefined behaviour, met as a jump to a
/// random address. Assigning to a whole variant has no such flaw, so a copy is made by assigning. Moving throws
/// nothing.
template <class... Alternatives>
class Variant : public std::variant<Alternatives...> {
  using Base = std::variant<Alternatives...>;

 public:
  using Base::Base;
  using Base::operator=;
  Variant() = default;
  Variant(const Variant& other) : Base() { Base::operator=(other); }
  Variant(Variant&&) noexcept = default;
  Variant& operator=(const Variant&) = default;
  Variant& operator=(Variant&&) noexcept = default;
  ~Variant() = default;
};

}  // namespace dudao
