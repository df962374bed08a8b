#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace dudao {

/// What a caller does about an error; the answer to "try again?" is a pure function of the code.
enum class ErrorClass : std::uint8_t {
  kRetry,     ///< Nothing is wrong with the input; the same call may succeed later.
  kFixInput,  ///< The call can never succeed as it is; a person or the calling program must change something.
  kTampered,  ///< Data do not prove what they claim; keep them, tell the office, trust nothing that follows from them.
  kBug,       ///< A promise of the program itself is broken; report it with the code.
};

/// Every error that dudao reports. Numbers are never reused; the list with texts is platform/errors.def.
enum class Code : std::uint16_t {
#define DUDAO_ERROR(number, name, cls, english, chinese) name = number,
#include "platform/errors.def"
#undef DUDAO_ERROR
};

/// One row of the list. All views have static storage.
struct CodeInfo {
  Code code;
  std::string_view name;  ///< Stable identifier, e.g. "kDiskFull".
  ErrorClass error_class;
  std::string_view english;  ///< What happened and what to do, in plain words.
  std::string_view chinese;
};

/// The row for a code. Cannot fail: an unknown code gives the row of kInternal.
const CodeInfo& info(Code code) noexcept;
/// The row with this number, if there is one. Used where a number arrives from the wire.
const CodeInfo* find_code(std::uint16_t number) noexcept;

std::string_view to_string(ErrorClass cls) noexcept;

/// An expected failure. `detail` names the thing (an id, a column, a line), never record contents.
struct Error {
  Code code;
  std::string detail;

  /// "3105 statement: signature does not verify … (detail)" in English.
  std::string message() const;
  bool retryable() const noexcept { return info(code).error_class == ErrorClass::kRetry; }
};

/// Either a value or an Error. Failures that a caller can meet in life are returned so; exceptions mean a bug
/// or no memory and are caught only at a program's outer edge.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
};
using Status = Result<void>;

/// `return fail(Code::kDiskFull, path);`
inline tl::unexpected<Error> fail(Code code, std::string detail = {}) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// What work() returns; in place of an exception kOutOfMemory where there was not enough, else kInternal. For an outer
/// edge, and where half of something must be undone.
template <class Work>
auto without_throwing(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return fail(Code::kOutOfMemory);
  } catch (const std::exception& bug) {
    return fail(Code::kInternal, bug.what());
  }
}

}  // namespace dudao

#define DUDAO_CONCAT_(a, b) a##b
#define DUDAO_CONCAT(a, b) DUDAO_CONCAT_(a, b)
#define DUDAO_TRY_IMPL_(tmp, declaration, expression)                      \
  auto tmp = (expression);                                                 \
  if (!tmp) return tl::unexpected<::dudao::Error>(std::move(tmp).error()); \
  declaration = *std::move(tmp)
/// `DUDAO_TRY(auto bytes, read_file(path));` returns the error to the caller or binds the value. A statement of its
/// own: not the body of an if without braces.
#define DUDAO_TRY(declaration, expression) \
  DUDAO_TRY_IMPL_(DUDAO_CONCAT(dudao_try_, __COUNTER__), declaration, (expression))
#define DUDAO_CHECK_IMPL_(tmp, expression)                                                            \
  do {                                                                                                \
    if (auto tmp = (expression); !tmp) return tl::unexpected<::dudao::Error>(std::move(tmp).error()); \
  } while (false)
/// `DUDAO_CHECK(write_file(path, bytes));` the same for a Status.
#define DUDAO_CHECK(expression) DUDAO_CHECK_IMPL_(DUDAO_CONCAT(dudao_status_, __COUNTER__), expression)
