// Activation functions: value and slope of a vector at once.
#pragma once

#include "math.hpp"
#include "spec.hpp"

namespace methexis::METHEXIS_ISA {

constexpr double kLeak = 0.01;

template <Activation A, int L>
METHEXIS_INLINE void smooth(Doubles<L> x, Doubles<L>& value, Doubles<L>& slope) {
  using V = Doubles<L>;
  if constexpr (A == Activation::tanh) {
    value = tanh<L>(x);
    slope = fnma(value, value, splat<V>(1.0));
  } else if constexpr (A == Activation::gelu) {
    V below, density;
    normal_law<L>(x, below, density);
    value = x * below;
    slope = fma(x, density, below);
  } else {
    V e = exp<L>(-absolute(x));
    value = maximum(x, V{}) + log1p_unit<L>(e);
    value = select(x == x, value, x);
    slope = select(x < 0.0, e, splat<V>(1.0)) / (1.0 + e);
  }
}

template <Activation A, class T, int L>
METHEXIS_INLINE void activate(Vec<T, L> x, Vec<T, L>& value, Vec<T, L>& slope) {
  using V = Vec<T, L>;
  if constexpr (A == Activation::relu || A == Activation::leaky_relu) {
    const V leak = splat<V>(T(A == Activation::relu ? 0.0 : kLeak));
    slope = select(x > T(0), splat<V>(T(1)), leak);
    // Not x * slope alone: a NaN must stay one, and relu(-inf) is 0.
    value = A == Activation::relu ? select(x <= T(0), V{}, x) : x * slope;
  } else if constexpr (sizeof(T) == 8) {
    smooth<A, L>(x, value, slope);
  } else {
    constexpr int H = L / 2;
    Vec<T, H> part[2], values[2], slopes[2];
    __builtin_memcpy(part, &x, sizeof(x));
    for (int i = 0; i < 2; ++i) {
      Doubles<H> v, s;
      smooth<A, H>(__builtin_convertvector(part[i], Doubles<H>), v, s);
      values[i] = __builtin_convertvector(v, Vec<T, H>);
      slopes[i] = __builtin_convertvector(s, Vec<T, H>);
    }
    __builtin_memcpy(&value, values, sizeof(value));
    __builtin_memcpy(&slope, slopes, sizeof(slope));
  }
}

template <Activation A, class T, int L>
void activate_all(T* values, T* slopes, ptrdiff_t count) {
  using V = Vec<T, L>;
  for (ptrdiff_t i = 0; i < count; i += L) {
    V value, slope;
    activate<A, T, L>(load<V>(values + i), value, slope);
    store(values + i, value);
    store(slopes + i, slope);
  }
}

// Replaces `count` numbers by their activations and writes the slopes.
template <class T, int L>
void activate_all(Activation activation, T* values, T* slopes, ptrdiff_t count) {
  switch (activation) {
    case Activation::identity:
      break;
    case Activation::relu:
      return activate_all<Activation::relu, T, L>(values, slopes, count);
    case Activation::leaky_relu:
      return activate_all<Activation::leaky_relu, T, L>(values, slopes, count);
    case Activation::tanh:
      return activate_all<Activation::tanh, T, L>(values, slopes, count);
    case Activation::gelu:
      return activate_all<Activation::gelu, T, L>(values, slopes, count);
    case Activation::softplus:
      return activate_all<Activation::softplus, T, L>(values, slopes, count);
  }
}

// e^x of a vector of either type.
template <class T, int L>
METHEXIS_INLINE Vec<T, L> exponential(Vec<T, L> x) {
  if constexpr (sizeof(T) == 8) {
    return exp<L>(x);
  } else {
    constexpr int H = L / 2;
    Vec<T, H> part[2];
    __builtin_memcpy(part, &x, sizeof(x));
    for (int i = 0; i < 2; ++i) {
      part[i] =
          __builtin_convertvector(exp<H>(__builtin_convertvector(part[i], Doubles<H>)), Vec<T, H>);
    }
    Vec<T, L> value;
    __builtin_memcpy(&value, part, sizeof(value));
    return value;
  }
}

}  // namespace methexis::METHEXIS_ISA
