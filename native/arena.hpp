// Working memory of a block: one allocation, cut into pieces in the order in which they are asked
// for.
#pragma once

#include "simd.hpp"

namespace methexis::METHEXIS_ISA {

// Hands out aligned pieces of one allocation; without one it only counts bytes. The allocation is
// zero at first. Later blocks find what earlier ones of the same shape left, which is finite
// wherever a vector reaches past the numbers that it is read for.
struct Arena {
  char* base = nullptr;
  size_t used = 0;
  template <class T>
  T* take(size_t count) {
    used = (used + 63) & ~size_t(63);
    T* piece = base ? reinterpret_cast<T*>(base + used) : nullptr;
    used += count * sizeof(T);
    return piece;
  }
};

constexpr ptrdiff_t round_up(ptrdiff_t count, ptrdiff_t unit) {
  return (count + unit - 1) / unit * unit;
}

}  // namespace methexis::METHEXIS_ISA
