// One policy per optimiser: what one weight does with its gradient.
//
// Every policy is applied number by number, so the layout of the weights does not matter to it.
// `Rates` holds what all weights of a network share at one step; its entries are vectors because
// lanes may be networks with hyper-parameters of their own.
#pragma once

#include "math.hpp"
#include "spec.hpp"

namespace methexis::METHEXIS_ISA {

template <class T, int L>
struct Rates {
  using V = Vec<T, L>;
  V lr, keep, l2, momentum, beta1, beta2, eps, rho;
  V complement1, complement2;  // 1 - beta^(t+1) of Adam
};

constexpr int num_slots(Optimiser optimiser) {
  switch (optimiser) {
    case Optimiser::heavy_ball:
    case Optimiser::nesterov:
    case Optimiser::rmsprop:
      return 1;
    case Optimiser::adam:
      return 2;
    default:
      return 0;
  }
}

template <Optimiser O, class T, int L>
METHEXIS_INLINE void update(Vec<T, L>& w, Vec<T, L> gradient, Vec<T, L>& a, Vec<T, L>& b,
                            const Rates<T, L>& rates) {
  using V = Vec<T, L>;
  V g = fma(rates.l2, w, gradient);
  if constexpr (O == Optimiser::sgd || O == Optimiser::sam) {
    w = fnma(rates.lr, g, rates.keep * w);
  } else if constexpr (O == Optimiser::heavy_ball) {
    a = fma(rates.momentum, a, g);
    w = fnma(rates.lr, a, rates.keep * w);
  } else if constexpr (O == Optimiser::nesterov) {
    a = fma(rates.momentum, a, g);
    w = fnma(rates.lr, fma(rates.momentum, a, g), rates.keep * w);
  } else if constexpr (O == Optimiser::adam) {
    a = fma(rates.beta1, a, (T(1) - rates.beta1) * g);
    b = fma(rates.beta2, b, (T(1) - rates.beta2) * g * g);
    V size = sqrt(b / rates.complement2) + rates.eps;
    w = fnma(rates.lr, a / rates.complement1 / size, rates.keep * w);
  } else if constexpr (O == Optimiser::rmsprop) {
    a = fma(rates.beta2, a, (T(1) - rates.beta2) * g * g);
    w = fnma(rates.lr, g / (sqrt(a) + rates.eps), rates.keep * w);
  } else {
    V sign = select(g > T(0), splat<V>(T(1)), select(g < T(0), splat<V>(T(-1)), g));
    w = fnma(rates.lr, sign, rates.keep * w);
  }
}

// SGD as the end of a product: the gradient is used where it arises and never stored.
template <class T, int L>
struct Descend {
  const Rates<T, L>& rates;
  METHEXIS_INLINE Vec<T, L> begin(const T*) const { return Vec<T, L>{}; }
  METHEXIS_INLINE void end(T* c, Vec<T, L> gradient) const {
    Vec<T, L> w = load<Vec<T, L>>(c), none{};
    update<Optimiser::sgd, T, L>(w, gradient, none, none, rates);
    store(c, w);
  }
};

template <Optimiser O, class T, int L>
void update_all(T* w, const T* gradient, T* a, T* b, ptrdiff_t count, const Rates<T, L>& rates) {
  using V = Vec<T, L>;
  constexpr int slots = num_slots(O);
  for (ptrdiff_t i = 0; i < count; i += L) {
    V weight = load<V>(w + i), first{}, second{};
    if constexpr (slots > 0) first = load<V>(a + i);
    if constexpr (slots > 1) second = load<V>(b + i);
    update<O, T, L>(weight, load<V>(gradient + i), first, second, rates);
    store(w + i, weight);
    if constexpr (slots > 0) store(a + i, first);
    if constexpr (slots > 1) store(b + i, second);
  }
}

template <class T, int L>
void update_all(Optimiser optimiser, T* w, const T* gradient, T* a, T* b, ptrdiff_t count,
                const Rates<T, L>& rates) {
  switch (optimiser) {
    case Optimiser::sgd:
    case Optimiser::sam:
      return update_all<Optimiser::sgd, T, L>(w, gradient, a, b, count, rates);
    case Optimiser::heavy_ball:
      return update_all<Optimiser::heavy_ball, T, L>(w, gradient, a, b, count, rates);
    case Optimiser::nesterov:
      return update_all<Optimiser::nesterov, T, L>(w, gradient, a, b, count, rates);
    case Optimiser::adam:
      return update_all<Optimiser::adam, T, L>(w, gradient, a, b, count, rates);
    case Optimiser::rmsprop:
      return update_all<Optimiser::rmsprop, T, L>(w, gradient, a, b, count, rates);
    case Optimiser::sign:
      return update_all<Optimiser::sign, T, L>(w, gradient, a, b, count, rates);
  }
}

}  // namespace methexis::METHEXIS_ISA
