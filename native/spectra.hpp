// Eigenvalues of small symmetric matrices, and singular values of small matrices: reduced to three
// diagonals by reflections, which then are turned into one by the root-free QL iteration of Pal,
// Walker and Kahan.
//
// Errors are those of any orthogonal reduction: rounding, times the largest eigenvalue. The
// reduction works within one matrix; the iteration, a chain of divisions that wait for one another,
// takes a matrix per lane.
#pragma once

#include "simd.hpp"

namespace methexis::METHEXIS_ISA {

// A power of two near `size`, by which matrices are scaled so that squares neither overflow nor
// vanish; 1 for 0 and what is not finite.
inline double power_near(double size) {
  constexpr uint64_t exponent = uint64_t(0x7ff) << 52;
  const uint64_t found = bits<uint64_t>(size) & exponent;
  // Kept from where its inverse would be no normal number.
  constexpr uint64_t least = uint64_t(64) << 52, most = uint64_t(0x7fe - 64) << 52;
  if (size == 0.0 || found == exponent) return 1.0;
  return bits<double>(found < least ? least : found > most ? most : found);
}

// One symmetric matrix of whole vectors in a row, both halves of it given; columns beyond its size
// are zero. It is overwritten.
template <int L>
class Tridiagonal {
 public:
  using V = Vec<double, L>;

  // `work` has room for three rows.
  Tridiagonal(double* matrix, int size, ptrdiff_t row, double* work)
      : a_(matrix), n_(size), row_(row), v_(work), p_(work + row), w_(work + 2 * row) {}

  // Writes the diagonal and the squares of what stands beside it, every `stride` numbers.
  void reduce(double* diagonal, double* squares, ptrdiff_t stride) {
    for (int k = 0; k < n_; ++k) {
      diagonal[k * stride] = a_[k * row_ + k];
      if (k + 1 < n_) squares[k * stride] = k + 2 < n_ ? reflect(k) : square(a_[k * row_ + k + 1]);
    }
  }

 private:
  static double square(double x) { return x * x; }

  static double sum(V parts) {
    double total = 0.0;
    for (int l = 0; l < L; ++l) total += parts[l];
    return total;
  }

  // Rows and columns from k + 1 on are reflected such that row k has one number behind its own,
  // whose square is returned: with v the reflected vector and p = b A v, b = 2 / |v|^2,
  // A <- A - v w^T - w v^T, w = p - (b / 2) (v^T p) v.
  double reflect(int k) {
    const ptrdiff_t begin = (k + 1) / L * L;
    const double* from = a_ + k * row_;
    V parts{};
    for (ptrdiff_t j = begin; j < row_; j += L) store(v_ + j, load<V>(from + j));
    for (ptrdiff_t j = begin; j <= k; ++j) v_[j] = 0.0;
    for (ptrdiff_t j = begin; j < row_; j += L) {
      const V x = load<V>(v_ + j);
      parts = fma(x, x, parts);
    }
    const double length = sum(parts), first = v_[k + 1], rest = length - square(first);
    if (!(rest > 0.0)) return length;
    const double root = __builtin_sqrt(length);
    v_[k + 1] = first < 0.0 ? first - root : first + root;
    const double scale = 1.0 / (length + root * __builtin_fabs(first));
    for (ptrdiff_t j = begin; j < row_; j += 8 * L) {
      const ptrdiff_t left = (row_ - j) / L;
      left >= 8 ? times<8>(k + 1, j, scale) : times_few(int(left), k + 1, j, scale);
    }
    V inner{};
    for (ptrdiff_t j = begin; j < row_; j += L) {
      inner = fma(load<V>(v_ + j), load<V>(p_ + j), inner);
    }
    const V half = splat<V>(0.5 * scale * sum(inner));
    for (ptrdiff_t j = begin; j < row_; j += L) {
      store(w_ + j, fnma(half, load<V>(v_ + j), load<V>(p_ + j)));
    }
    for (int i = k + 1; i < n_; ++i) {
      const V v = splat<V>(v_[i]), w = splat<V>(w_[i]);
      double* to = a_ + i * row_;
      for (ptrdiff_t j = begin; j < row_; j += L) {
        store(to + j, fnma(v, load<V>(w_ + j), fnma(w, load<V>(v_ + j), load<V>(to + j))));
      }
    }
    return length;
  }

  // N vectors of p = scale A v from column j on, as a sum of rows.
  template <int N>
  void times(int first, ptrdiff_t j, double scale) {
    V sums[N] = {};
    for (int i = first; i < n_; ++i) {
      const V v = splat<V>(v_[i]);
      const double* row = a_ + i * row_ + j;
#pragma GCC unroll 8
      for (int c = 0; c < N; ++c) sums[c] = fma(v, load<V>(row + c * L), sums[c]);
    }
    for (int c = 0; c < N; ++c) store(p_ + j + c * L, scale * sums[c]);
  }

  template <int N = 7>
  void times_few(int vectors, int first, ptrdiff_t j, double scale) {
    if (vectors == N) {
      times<N>(first, j, scale);
    } else if constexpr (N > 1) {
      times_few<N - 1>(vectors, first, j, scale);
    }
  }

  double* a_;
  const int n_;
  const ptrdiff_t row_;
  double *v_, *p_, *w_;
};

// Length and factor 2 / |v|^2 of the reflection that takes x to a multiple of its first entry, lane
// by lane; v is x with another first entry, which is returned in its place. The factor is 0 where
// there is nothing to reflect.
template <class V>
struct Reflection {
  V first, factor;
  METHEXIS_INLINE Reflection(V x, V length) {
    const V root = sqrt(length), rest = fnma(x, x, length);
    first = x + select(x < V{}, -root, root);
    const V full = fma(root, absolute(x), length);
    factor = select(rest > V{}, 1.0 / select(full > V{}, full, splat<V>(1.0)), V{});
  }
};

// Reflects L matrices (rows, columns) from both sides, one per lane and no more rows than columns,
// until they have a diagonal and one below it, and writes the squares of both, alternating:
// 2 rows - 1 of them. `work` has room for a row. The matrices are overwritten.
template <int L>
void bidiagonal(double* matrix, int rows, int columns, double* work, double* squares) {
  using V = Vec<double, L>;
  const auto entry = [=](int i, int j) { return matrix + (ptrdiff_t(i) * columns + j) * L; };
  for (int k = 0; k < rows; ++k) {
    V length{};
    for (int j = k; j < columns; ++j) {
      const V x = load<V>(entry(k, j));
      length = fma(x, x, length);
    }
    store(squares + ptrdiff_t(2 * k) * L, length);
    if (k + 1 == rows) return;
    // From the right: row k has nothing behind its diagonal.
    const Reflection<V> across(load<V>(entry(k, k)), length);
    store(entry(k, k), across.first);
    length = V{};
    for (int i = k + 1; i < rows; ++i) {
      V parts[2] = {};
      for (int j = k; j < columns; ++j) {
        parts[(j - k) % 2] = fma(load<V>(entry(k, j)), load<V>(entry(i, j)), parts[(j - k) % 2]);
      }
      const V by = across.factor * (parts[0] + parts[1]);
      for (int j = k; j < columns; ++j) {
        store(entry(i, j), fnma(by, load<V>(entry(k, j)), load<V>(entry(i, j))));
      }
      length = fma(load<V>(entry(i, k)), load<V>(entry(i, k)), length);
    }
    store(squares + ptrdiff_t(2 * k + 1) * L, length);
    if (k + 2 == rows) continue;
    // From the left: column k has one number below its diagonal.
    const Reflection<V> down(load<V>(entry(k + 1, k)), length);
    store(entry(k + 1, k), down.first);
    for (int j = k + 1; j < columns; ++j) store(work + ptrdiff_t(j) * L, V{});
    for (int i = k + 1; i < rows; ++i) {
      const V v = load<V>(entry(i, k));
      for (int j = k + 1; j < columns; ++j) {
        double* to = work + ptrdiff_t(j) * L;
        store(to, fma(v, load<V>(entry(i, j)), load<V>(to)));
      }
    }
    for (int i = k + 1; i < rows; ++i) {
      const V by = down.factor * load<V>(entry(i, k));
      for (int j = k + 1; j < columns; ++j) {
        store(entry(i, j), fnma(by, load<V>(work + ptrdiff_t(j) * L), load<V>(entry(i, j))));
      }
    }
  }
}

// Eigenvalues of L symmetric matrices of three diagonals, one per lane: `diagonal` (size, L) is
// replaced by them, in no order; `squares` (size, L) of what stands beside it is overwritten. No
// lane's numbers depend on another's. Lanes that are not finite stay so.
template <int L>
void eigenvalues(int size, double* diagonal, double* squares) {
  using V = Vec<double, L>;
  using M = Vec<int64_t, L>;
  constexpr int most = 40;  // iterations for an eigenvalue, of which two or three are the rule
  const auto at = [](double* data, int i) { return load<V>(data + ptrdiff_t(i) * L); };
  const V one = splat<V>(1.0);
  V largest{};
  for (int i = 0; i < size; ++i) {
    largest = maximum(largest, absolute(at(diagonal, i)));
    if (i + 1 < size) largest = maximum(largest, sqrt(at(squares, i)));
  }
  // Below rounding of the largest number: nothing.
  const V negligible = (largest * 0x1p-53) * (largest * 0x1p-53);
  for (int l = 0; l + 1 < size; ++l) {
    for (int iteration = 0; iteration < most; ++iteration) {
      const V beside = at(squares, l);
      const M active = beside > negligible;
      bool any = false;
      for (int lane = 0; lane < L; ++lane) any |= active[lane] != 0;
      if (!any) break;
      // The eigenvalue of the first two rows that is nearer to the first.
      const V own = at(diagonal, l), root = sqrt(select(active, beside, one));
      const V apart = (at(diagonal, l + 1) - own) / (2.0 * root);
      const V length = sqrt(fma(apart, apart, one));
      const V shift = own - root / (apart + select(apart < V{}, -length, length));
      V cosine = one, sine{};  // squares of them
      V gamma = at(diagonal, size - 1) - shift, p = gamma * gamma;
      for (int i = size - 2; i >= l; --i) {
        const V b = at(squares, i), r = p + b, before = cosine, gamma_before = gamma;
        // Both quotients at once: what follows waits for them. Where p is nothing, gamma^2 over the
        // cosine is the limit of it.
        const M nothing = r == V{}, flat = p < 1e-280;
        const V inverse = one / select(nothing, one, r), ratio = r / select(flat, one, p);
        if (i + 2 < size) {
          store(squares + ptrdiff_t(i + 1) * L, select(active, sine * r, at(squares, i + 1)));
        }
        cosine = select(nothing, one, p * inverse);
        sine = b * inverse;
        const V alpha = at(diagonal, i);
        gamma = fnma(sine, gamma_before, cosine * (alpha - shift));
        store(diagonal + ptrdiff_t(i + 1) * L,
              select(active, gamma_before + (alpha - gamma), at(diagonal, i + 1)));
        p = select(flat, before * b, gamma * gamma * ratio);
      }
      store(squares + ptrdiff_t(l) * L, select(active, sine * p, beside));
      store(diagonal + ptrdiff_t(l) * L, select(active, shift + gamma, own));
    }
  }
}

// One lane of `values` (size, L) into `to`, the largest first; all but the first `kept` are left
// out.
template <int L>
void descending(const double* values, int lane, int size, int kept, double* to) {
  int held = 0;
  for (int i = 0; i < size; ++i) {
    const double value = values[ptrdiff_t(i) * L + lane];
    int k = held < kept ? held++ : kept;
    if (k == kept) {
      if (!(to[kept - 1] < value)) continue;
      --k;
    }
    for (; k > 0 && to[k - 1] < value; --k) to[k] = to[k - 1];
    to[k] = value;
  }
}

}  // namespace methexis::METHEXIS_ISA
