#pragma once

/// Memory that runs out: the n-th allocation of this thread fails, in C++ (operator new throws std::bad_alloc) and in
/// SQLite (SQLITE_NOMEM). Other libraries are not touched.

#include <cstdint>

namespace dudao::faults {

class Memory {
 public:
  /// Takes the place of SQLite's allocator. REQUIRES: SQLite was not used before.
  static void install();
  /// The allocation with this number, counted from 1 from now on, fails; `for_good`: and all after it.
  static void plan(std::uint64_t at, bool for_good);
  /// From now on everything succeeds; counting starts again.
  static void heal();
  static std::uint64_t calls();
  /// True: the planned failure has happened.
  static bool happened();

  /// While it lives, allocations of this thread neither count nor fail: for what only stands in for a machine.
  class Spare {
   public:
    explicit Spare(bool really = true) : by_(really ? 1 : 0) { depth_ += by_; }
    ~Spare() { depth_ -= by_; }
    Spare(const Spare&) = delete;
    Spare& operator=(const Spare&) = delete;

   private:
    friend class Memory;
    int by_;
    static inline thread_local int depth_ = 0;
  };

  /// True: this allocation is to fail.
  static bool fails();
};

}  // namespace dudao::faults
