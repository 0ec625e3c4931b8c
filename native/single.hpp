// Steps of single samples: a gradient is an outer product and is never stored.
//
// Each weight is read twice and written once per step: going forward, and in the pass that updates
// it and pulls the error signal back through it. Momentum takes one more array along. With m = lr
// g_i and c = 1 - lr decay - lr l2, SGD is W <- c W - m h^T; heavy ball subtracts lr beta V (the
// velocity before the step) from c W, Nesterov lr beta V (the one after it), so that momentum 0
// gives the bits of SGD.
#pragma once

#include "gemm.hpp"
#include "optimisers.hpp"

namespace methexis::METHEXIS_ISA {

template <class T, int L>
class SingleSample {
 public:
  using V = Vec<T, L>;
  static constexpr int kRows = kManyRegisters ? 8 : 4;

  // out = W h for `rows` rows of `columns` weights, `jump` numbers apart.
  static METHEXIS_INLINE void forward(int rows, ptrdiff_t columns, const T* w, ptrdiff_t jump,
                                      const T* h, T* out) {
    for (; rows >= kRows; rows -= kRows, w += kRows * jump, out += kRows * L) {
      forward_rows<kRows>(columns * L, w, jump, h, out);
    }
    forward_rest<kRows - 1>(rows, columns * L, w, jump, h, out);
  }

  // One layer: weights and velocities (null without momentum) of `rows` rows, whose first `columns`
  // have inputs in the layer below and the last, if `bias`, does not.
  struct Layer {
    int rows;
    ptrdiff_t columns;
    bool bias;
    ptrdiff_t jump;
    T* w;
    T* velocity;
    const T* h;
  };

  // Updates a layer with the signal g and, with Pull, writes W^T g of the weights before it.
  template <Optimiser O, bool Pull, bool Decay>
  static void backward(Layer layer, const T* g, T* previous, const Rates<T, L>& rates) {
    bool first = true;
    while (layer.rows >= kRows) {
      backward_rows<O, Pull, Decay, kRows>(layer, g, previous, first, rates);
      layer.rows -= kRows;
      layer.w += kRows * layer.jump;
      if constexpr (O != Optimiser::sgd) layer.velocity += kRows * layer.jump;
      g += kRows * L;
      first = false;
    }
    backward_rest<O, Pull, Decay, kRows - 1>(layer, g, previous, first, rates);
  }

 private:
  template <int R>
  static METHEXIS_INLINE void forward_rest(int rows, ptrdiff_t end, const T* w, ptrdiff_t jump,
                                           const T* h, T* out) {
    if (rows == R) {
      forward_rows<R>(end, w, jump, h, out);
    } else if constexpr (R > 1) {
      forward_rest<R - 1>(rows, end, w, jump, h, out);
    }
  }

  template <int R>
  static METHEXIS_INLINE void forward_rows(ptrdiff_t end, const T* w, ptrdiff_t jump, const T* h,
                                           T* out) {
    V sum[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r] = V{};
#pragma GCC unroll 1
    for (ptrdiff_t c = 0; c < end; c += L) {
      const V input = load<V>(h + c);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r] = fma(load<V>(w + r * jump + c), input, sum[r]);
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
    const ptrdiff_t jump = layer.jump;
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
    const ptrdiff_t end = layer.columns * L;
#pragma GCC unroll 1
    for (ptrdiff_t c = 0; c < end; c += L) {
      const V input = load<V>(h + c);
      V sum{};
      if (Pull && !first) sum = load<V>(previous + c);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V value = load<V>(w + r * jump + c);
        pin(value);
        if constexpr (Pull) sum = fma(value, error[r], sum);
        store(w + r * jump + c,
              moved<O, Decay>(value, error[r], m[r], input, velocity_at<O>(velocity, r * jump + c),
                              shrink, rates));
      }
      if constexpr (Pull) store(previous + c, sum);
    }
    if (layer.bias) {
      const V one = splat<V>(T(1));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const V value = load<V>(w + r * jump + end);
        store(w + r * jump + end,
              moved<O, Decay>(value, error[r], m[r], one, velocity_at<O>(velocity, r * jump + end),
                              shrink, rates));
      }
    }
  }
};

}  // namespace methexis::METHEXIS_ISA
