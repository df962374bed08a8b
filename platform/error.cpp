#include "platform/error.hpp"

#include <array>

namespace dudao {
namespace {

constexpr auto kCodes = std::to_array<CodeInfo>({
#define DUDAO_ERROR(number, name, cls, english, chinese) {Code::name, #name, ErrorClass::cls, english, chinese},
#include "platform/errors.def"
#undef DUDAO_ERROR
});

}  // namespace

const CodeInfo* find_code(std::uint16_t number) noexcept {
  for (const CodeInfo& row : kCodes)
    if (static_cast<std::uint16_t>(row.code) == number) return &row;
  return nullptr;
}

const CodeInfo& info(Code code) noexcept {
  const CodeInfo* row = find_code(static_cast<std::uint16_t>(code));
  return row ? *row : kCodes.front();
}

std::string_view to_string(ErrorClass cls) noexcept {
  switch (cls) {
    case ErrorClass::kRetry:
      return "retry";
    case ErrorClass::kFixInput:
      return "fix input";
    case ErrorClass::kTampered:
      return "tampered";
    case ErrorClass::kBug:
      return "bug";
  }
  return "bug";
}

std::string Error::message() const {
  std::string text = std::to_string(static_cast<std::uint16_t>(code));
  text.append(" ").append(info(code).english);
  if (!detail.empty()) text.append(" (").append(detail).append(")");
  return text;
}

}  // namespace dudao
