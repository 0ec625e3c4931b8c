// Working memory of a block: one allocation, cut into pieces in the order in which they are asked
// for.
#pragma once

#include "simd.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace methexis::METHEXIS_ISA {

// Hands out aligned pieces of one allocation; without one it only counts bytes. The allocation is
// zero at first. Later blocks find what earlier ones of the same shape left, which is finite
// wherever a vector reaches past the numbers that it is read for. AddressSanitizer watches the gaps
// between pieces, which are there for it alone.
struct Arena {
  char* base = nullptr;
  size_t used = 0;
  template <class T>
  T* take(size_t count) {
    used = (used + 63) & ~size_t(63);
    T* piece = base ? reinterpret_cast<T*>(base + used) : nullptr;
    used += count * sizeof(T);
    guard(reinterpret_cast<char*>(piece), count * sizeof(T));
    return piece;
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  void guard(char* piece, size_t bytes) {
    constexpr size_t gap = 64;
    used += gap;
    if (!piece) return;
    ASAN_UNPOISON_MEMORY_REGION(piece, bytes);  // an earlier block had its gaps elsewhere
    ASAN_POISON_MEMORY_REGION(piece + bytes, gap);
  }
#else
  void guard(char*, size_t) {}
#endif
};

constexpr ptrdiff_t round_up(ptrdiff_t count, ptrdiff_t unit) {
  return (count + unit - 1) / unit * unit;
}

}  // namespace methexis::METHEXIS_ISA
