// Steps of single samples: a gradient is an outer product and is never stored.
//
// Each weight is read twice and written once per step: going forward, and in the pass that updates
// it and pulls the error signal back through it. Momentum takes one more array along. With m = lr
// g_i and c = 1 - lr decay - lr l2, SGD is W <- c W - m h^T; heavy ball subtracts lr beta V (the
// velocity before the step) from c W, Nesterov lr beta V (the one after it), so that momentum 0
// gives the bits of SGD.
//
// Weights lie in bands of kRows rows, the last band having what is left, and in a band of R rows
// column after column: entry (r, c) of a band is its vector c R + r. A pass reads a layer from
// beginning to end by one pointer: no address is computed, no two rows compete for a line of the
// cache, and what comes next is where the processor looks for it.
#pragma once

#include "gemm.hpp"
#include "optimisers.hpp"

namespace methexis::METHEXIS_ISA {

// Entries of one row in memory: where the first is, and numbers from one to the next.
struct Line {
  ptrdiff_t begin, step;
};

template <class T, int L>
class SingleSample {
 public:
  using V = Vec<T, L>;
  static constexpr int kRows = kManyRegisters ? 8 : 4;

  // Where row r of `rows` begins and how far its columns are apart, in numbers.
  static Line line(int rows, ptrdiff_t columns, int r) {
    const int band = r / kRows * kRows;
    const int height = rows - band < kRows ? rows - band : kRows;
    return {(band * columns + r - band) * L, ptrdiff_t(height) * L};
  }

  // out = W h.
  static METHEXIS_INLINE void forward(int rows, ptrdiff_t columns, const T* w, const T* h, T* out) {
    for (; rows >= kRows; rows -= kRows, w += kRows * columns * L, out += kRows * L) {
      forward_rows<kRows>(columns, w, h, out);
    }
    forward_rest<kRows - 1>(rows, columns, w, h, out);
  }

  // One layer: weights and velocities (null without momentum) of `rows` rows, whose first `columns`
  // have inputs in the layer below and the last, if `bias`, does not.
  struct Layer {
    int rows;
    ptrdiff_t columns;
    bool bias;
    T* w;
    T* velocity;
    const T* h;
  };

  // Updates a layer with the signal g and, with Pull, writes W^T g of the weights before it.
  template <Optimiser O, bool Pull, bool Decay>
  static void backward(Layer layer, const T* g, T* previous, const Rates<T, L>& rates) {
    const ptrdiff_t band = kRows * (layer.columns + layer.bias) * L;
    bool first = true;
    while (layer.rows >= kRows) {
      backward_rows<O, Pull, Decay, kRows>(layer, g, previous, first, rates);
      layer.rows -= kRows;
      layer.w += band;
      if constexpr (O != Optimiser::sgd) layer.velocity += band;
      g += kRows * L;
      first = false;
    }
    backward_rest<O, Pull, Decay, kRows - 1>(layer, g, previous, first, rates);
  }

 private:
  template <int R>
  static METHEXIS_INLINE void forward_rest(int rows, ptrdiff_t columns, const T* w, const T* h,
                                           T* out) {
    if (rows == R) {
      forward_rows<R>(columns, w, h, out);
    } else if constexpr (R > 1) {
      forward_rest<R - 1>(rows, columns, w, h, out);
    }
  }

  template <int R>
  static METHEXIS_INLINE void forward_rows(ptrdiff_t columns, const T* w, const T* h, T* out) {
    V sum[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r] = V{};
    const T* end = h + columns * L;
#pragma GCC unroll 1
    for (; h != end; h += L, w += R * L) {
      const V input = load<V>(h);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r] = fma(load<V>(w + r * L), input, sum[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store(out + r * L, sum[r]);
  }

  template <Optimiser O, bool Pull, bool Decay, int R>
  static METHEXIS_INLINE void backward_rest(const Layer& layer, const T* g, T* previous, bool first,
                                            const Rates<T, L>& rates) {
    if (layer.rows == R) {
      backward_rows<O, Pull, Decay, R>(layer, g, previous, first, rates);
    } else if constexpr (R > 1) {
      backward_rest<O, Pull, Decay, R - 1>(layer, g, previous, first, rates);
    }
  }

  template <Optimiser O>
  static METHEXIS_INLINE T* velocity_at(T* velocity, ptrdiff_t offset) {
    if constexpr (O == Optimiser::sgd) return nullptr;
    return velocity + offset;
  }

  // The weight after the step; lr g h is given as m and h.
  template <Optimiser O, bool Decay>
  static METHEXIS_INLINE V moved(V w, V error, V m, V h, T* velocity, V shrink,
                                 const Rates<T, L>& rates) {
    V kept = Decay ? shrink * w : w;
    if constexpr (O != Optimiser::sgd) {
      const V old = load<V>(velocity);
      V gradient = error * h;
      if constexpr (Decay) gradient = fma(rates.l2, w, gradient);
      const V now = fma(rates.momentum, old, gradient);
      store(velocity, now);
      kept = fnma(rates.lr * rates.momentum, O == Optimiser::nesterov ? now : old, kept);
    }
    return fnma(m, h, kept);
  }

  template <Optimiser O, bool Pull, bool Decay, int R>
  static METHEXIS_INLINE void backward_rows(const Layer& layer, const T* g, T* previous, bool first,
                                            const Rates<T, L>& rates) {
    T* w = layer.w;
    T* velocity = layer.velocity;
    const T* h = layer.h;
    const V shrink = rates.keep - rates.lr * rates.l2;
    V error[R], m[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      error[r] = load<V>(g + r * L);
      m[r] = rates.lr * error[r];
    }
    const T* end = h + layer.columns * L;
#pragma GCC unroll 1
    for (; h != end; h += L, w += R * L) {
      const V input = load<V>(h);
      V sum{};
      if (Pull && !first) sum = load<V>(previous);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V value = load<V>(w + r * L);
        pin(value);
        if constexpr (Pull) sum = fma(value, error[r], sum);
        store(w + r * L, moved<O, Decay>(value, error[r], m[r], input,
                                         velocity_at<O>(velocity, r * L), shrink, rates));
      }
      if constexpr (O != Optimiser::sgd) velocity += R * L;
      if constexpr (Pull) {
        store(previous, sum);
        previous += L;
      }
    }
    if (layer.bias) {
      const V one = splat<V>(T(1));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const V value = load<V>(w + r * L);
        store(w + r * L, moved<O, Decay>(value, error[r], m[r], one,
                                         velocity_at<O>(velocity, r * L), shrink, rates));
      }
    }
  }
};

}  // namespace methexis::METHEXIS_ISA
