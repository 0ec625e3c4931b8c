// One matrix for all lanes times a single vector of each: C h - t.
//
// The tiles of gemm.hpp pay for products of many columns; of one column most of their time would go
// into addresses. Here the matrix is copied once into bands of kRows rows, column after column, as
// weights lie in single.hpp, so that one pointer reads it from beginning to end. Sums run as in
// gemm.hpp: over columns in order, one fused multiply-add each.
#pragma once

#include "simd.hpp"

namespace methexis::METHEXIS_ISA {

template <class T, int L>
class SharedMatrix {
 public:
  using V = Vec<T, L>;
  static constexpr int kRows = kManyRegisters ? 8 : 4;

  // Brings a row-major matrix into the order in which it is read.
  static void pack(int rows, int columns, const T* from, T* to) {
    for (int band = 0; band < rows; band += kRows) {
      const int end = rows - band < kRows ? rows : band + kRows;
      for (int c = 0; c < columns; ++c) {
        for (int r = band; r < end; ++r) *to++ = from[r * columns + c];
      }
    }
  }

  // out = C h - t, C as `pack` left it.
  static void apply(int rows, ptrdiff_t columns, const T* c, const T* h, const T* t, T* out) {
    for (; rows >= kRows; rows -= kRows, c += kRows * columns, t += kRows * L, out += kRows * L) {
      apply_rows<kRows>(columns, c, h, t, out);
    }
    apply_rest<kRows - 1>(rows, columns, c, h, t, out);
  }

 private:
  template <int R>
  static METHEXIS_INLINE void apply_rest(int rows, ptrdiff_t columns, const T* c, const T* h,
                                         const T* t, T* out) {
    if (rows == R) {
      apply_rows<R>(columns, c, h, t, out);
    } else if constexpr (R > 1) {
      apply_rest<R - 1>(rows, columns, c, h, t, out);
    }
  }

  template <int R>
  static METHEXIS_INLINE void apply_rows(ptrdiff_t columns, const T* c, const T* h, const T* t,
                                         T* out) {
    V sum[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r] = -load<V>(t + r * L);
    const T* end = h + columns * L;
#pragma GCC unroll 1
    for (; h != end; h += L, c += R) {
      const V input = load<V>(h);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r] = fma(splat<V>(c[r]), input, sum[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store(out + r * L, sum[r]);
  }
};

}  // namespace methexis::METHEXIS_ISA
