// Working memory of a block: one allocation, cut into pieces in the order in which they are asked for.
#pragma once

#include "simd.hpp"

namespace methexis::METHEXIS_ISA {

// Hands out aligned pieces of one allocation; without one it only counts bytes.
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
  template <class T>
  T* take_zeros(size_t count) {
    T* piece = take<T>(count);
    if (piece) __builtin_memset(piece, 0, count * sizeof(T));
    return piece;
  }
};

constexpr ptrdiff_t round_up(ptrdiff_t count, ptrdiff_t unit) {
  return (count + unit - 1) / unit * unit;
}

}  // namespace methexis::METHEXIS_ISA
