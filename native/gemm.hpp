// Products of small matrices, C(i, j) = sum_k A(i, k) B(k, j), the only heavy work of a step.
//
// Every entry of B and C is a vector; an entry of A is either a vector (each lane is another
// network with weights of its own) or one number for all lanes (lanes are samples of one network,
// or networks that share A). Strides are free, so transposes cost nothing. Sums run over k in
// order, one fused multiply-add each, whatever the tile: an entry of C has the same bits for any
// tiling and any number of lanes.
#pragma once

#include "simd.hpp"

namespace methexis::METHEXIS_ISA {

// A matrix operand: address of entry (r, c) is data + r * row + c * column, in numbers.
template <class T>
struct View {
  T* data;
  ptrdiff_t row, column;
  View<T> transposed() const { return {data, column, row}; }
};

// What becomes of a finished sum: it is stored, or added to what was there.
template <class T, int L>
struct Store {
  bool accumulate = false;
  METHEXIS_INLINE Vec<T, L> begin(const T* c) const {
    return accumulate ? load<Vec<T, L>>(c) : Vec<T, L>{};
  }
  METHEXIS_INLINE void end(T* c, Vec<T, L> sum) const { store(c, sum); }
};

template <class T, int L, bool Shared, int M, int N, class End>
METHEXIS_INLINE void tile(int depth, View<const T> a, View<const T> b, View<T> c, const End& end) {
  using V = Vec<T, L>;
  V sum[M][N];
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      sum[i][j] = end.begin(c.data + i * c.row + j * c.column);
    }
  }
  const T* left = a.data;
  const T* right = b.data;
#pragma GCC unroll 1
  for (int k = 0; k < depth; ++k) {
    V entry[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) entry[j] = load<V>(right + j * b.column);
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) {
      V factor;
      if constexpr (Shared) {
        factor = splat<V>(left[i * a.row]);
      } else {
        factor = load<V>(left + i * a.row);
      }
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sum[i][j] = fma(factor, entry[j], sum[i][j]);
    }
    left += a.column;
    right += b.row;
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) end.end(c.data + i * c.row + j * c.column, sum[i][j]);
  }
}

template <class T, int L, bool Shared, int N, int M, class End>
METHEXIS_INLINE void tile_rows(int rows, int depth, View<const T> a, View<const T> b, View<T> c,
                               const End& end) {
  if (rows == M) {
    tile<T, L, Shared, M, N>(depth, a, b, c, end);
  } else if constexpr (M > 1) {
    tile_rows<T, L, Shared, N, M - 1>(rows, depth, a, b, c, end);
  }
}

// Columns of tiles of width N: as many rows at a time as there are registers for.
template <class T, int L, bool Shared, int N, class End>
__attribute__((noinline)) void panel(int rows, int depth, View<const T> a, View<const T> b,
                                     View<T> c, End end) {
  constexpr int most = kManyRegisters ? (N >= 4 ? 6 : 8) : (N == 1 ? 8 : N == 2 ? 6 : 4);
  int left = rows;
  while (left >= most) {
    // The last two tiles share the rest evenly, so that none is thin.
    if (left > most && left < 2 * most) break;
    tile<T, L, Shared, most, N>(depth, a, b, c, end);
    a.data += most * a.row;
    c.data += most * c.row;
    left -= most;
  }
  while (left > 0) {
    int take = left > most ? (left + 1) / 2 : left;
    tile_rows<T, L, Shared, N, most>(take, depth, a, b, c, end);
    a.data += take * a.row;
    c.data += take * c.row;
    left -= take;
  }
}

// `columns` counts vectors.
template <class T, int L, bool Shared, class End = Store<T, L>>
void multiply(int rows, int columns, int depth, View<const T> a, View<const T> b, View<T> c,
              End end = {}) {
  constexpr int widest = kManyRegisters ? 4 : 3;
  while (columns > 0) {
    int take = columns >= widest ? widest : columns;
    if (columns == widest + 1) take = (columns + 1) / 2;
    switch (take) {
      case 1:
        panel<T, L, Shared, 1>(rows, depth, a, b, c, end);
        break;
      case 2:
        panel<T, L, Shared, 2>(rows, depth, a, b, c, end);
        break;
      case 3:
        panel<T, L, Shared, 3>(rows, depth, a, b, c, end);
        break;
      default:
        if constexpr (widest >= 4) panel<T, L, Shared, 4>(rows, depth, a, b, c, end);
    }
    b.data += take * b.column;
    c.data += take * c.column;
    columns -= take;
  }
}

}  // namespace methexis::METHEXIS_ISA
