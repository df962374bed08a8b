#include "tests/faults/memory.hpp"

#include <cstdlib>
#include <new>

#include <sqlite3.h>

namespace dudao::faults {
namespace {

struct Plan {
  std::uint64_t calls = 0;
  std::uint64_t at = 0;  ///< 0: never
  bool for_good = false;
  bool happened = false;
};
thread_local Plan plan_of_this_thread;

sqlite3_mem_methods methods;
sqlite3_mem_methods system_methods;

void* on_malloc(int bytes) { return Memory::fails() ? nullptr : system_methods.xMalloc(bytes); }
void* on_realloc(void* old, int bytes) { return Memory::fails() ? nullptr : system_methods.xRealloc(old, bytes); }

}  // namespace

void Memory::install() {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_methods);
  methods = system_methods;
  methods.xMalloc = &on_malloc;
  methods.xRealloc = &on_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) std::abort();
}

void Memory::plan(std::uint64_t at, bool for_good) { plan_of_this_thread = {0, at, for_good, false}; }
void Memory::heal() { plan_of_this_thread = {}; }
std::uint64_t Memory::calls() { return plan_of_this_thread.calls; }
bool Memory::happened() { return plan_of_this_thread.happened; }

bool Memory::fails() {
  if (Spare::depth_ > 0) return false;
  Plan& plan = plan_of_this_thread;
  ++plan.calls;
  if (plan.at == 0 || plan.calls < plan.at || (plan.calls > plan.at && !plan.for_good)) return false;
  plan.happened = true;
  return true;
}

}  // namespace dudao::faults

// All forms, so that what one of them gave never comes to another allocator's free: a sanitizer replaces each by
// itself. None of the source asks for alignment beyond malloc's.
namespace {
void* allocate(std::size_t bytes) noexcept {
  return dudao::faults::Memory::fails() ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
}
void* allocate_or_throw(std::size_t bytes) {
  if (void* const found = allocate(bytes)) return found;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t& /*unused*/) noexcept { return allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t& /*unused*/) noexcept { return allocate(bytes); }
void operator delete(void* bytes) noexcept { std::free(bytes); }
void operator delete[](void* bytes) noexcept { std::free(bytes); }
void operator delete(void* bytes, std::size_t /*unused*/) noexcept { std::free(bytes); }
void operator delete[](void* bytes, std::size_t /*unused*/) noexcept { std::free(bytes); }
void operator delete(void* bytes, const std::nothrow_t& /*unused*/) noexcept { std::free(bytes); }
void operator delete[](void* bytes, const std::nothrow_t& /*unused*/) noexcept { std::free(bytes); }
