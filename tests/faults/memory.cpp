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

// The other forms of new and delete end in these.
void* operator new(std::size_t bytes) {
  if (dudao::faults::Memory::fails()) throw std::bad_alloc();
  if (void* const found = std::malloc(bytes > 0 ? bytes : 1)) return found;
  throw std::bad_alloc();
}
void operator delete(void* bytes) noexcept { std::free(bytes); }
void operator delete(void* bytes, std::size_t) noexcept { std::free(bytes); }
