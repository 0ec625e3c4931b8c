// Elementary functions of vectors of doubles, without branches or tables.
//
// Arguments are reduced with Cody-Waite constants and polynomials are those that minimise the
// largest error over the reduced range. The errors stated at each function, in units in the last
// place (ulp), are checked against long double by native/tests. Vectors of floats go through
// doubles and are rounded once.
#pragma once

#include "simd.hpp"

namespace methexis::METHEXIS_ISA {

template <int L>
using Doubles = Vec<double, L>;
template <int L>
using Words = Vec<uint64_t, L>;

namespace constants {
inline constexpr double kLn2 = 0x1.62e42fefa39efp-1;
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
inline constexpr double kLog2E = 0x1.71547652b82fep+0;
inline constexpr double kTwoPi = 0x1.921fb54442d18p+2;
}  // namespace constants

template <class V, int N>
METHEXIS_INLINE V horner(V x, const double (&coefficients)[N]) {
  V sum = splat<V>(coefficients[N - 1]);
#pragma GCC unroll 32
  for (int i = N - 2; i >= 0; --i) sum = fma(sum, x, splat<V>(coefficients[i]));
  return sum;
}

// The same of K vectors side by side. Each is a chain of sums that wait for one another, and a
// processor looks only so far ahead: chains overlap that are next to each other in the program.
template <class V, int K, int N>
METHEXIS_INLINE void horner(const V (&x)[K], const double (&coefficients)[N], V (&sum)[K]) {
  for (int k = 0; k < K; ++k) sum[k] = splat<V>(coefficients[N - 1]);
#pragma GCC unroll 32
  for (int i = N - 2; i >= 0; --i) {
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) sum[k] = fma(sum[k], x[k], splat<V>(coefficients[i]));
  }
}

// -2 ln(x 2^-shift) of positive normal numbers. With m in [1/sqrt 2, sqrt 2), x = m 2^k and
// s = (m - 1) / (m + 1), ln m = 2 atanh s; the series in s^2 is cut where it is below rounding.
template <int L, int K>
METHEXIS_INLINE void minus_two_log(const Doubles<L> (&x)[K], int shift, Doubles<L> (&out)[K]) {
  using V = Doubles<L>;
  using U = Words<L>;
  using I = Vec<int64_t, L>;
  // Bits such that the exponent steps at 1/sqrt 2.
  constexpr uint64_t root_half = 0x3fe6a09e667f3bcd;
  V s[K], square[K], power[K];
#pragma GCC unroll 4
  for (int k = 0; k < K; ++k) {
    I exponent = bits<I>(bits<U>(x[k]) - root_half) >> 52;
    V m = bits<V>(bits<U>(x[k]) - (bits<U>(exponent) << 52));
    // Exponents are small: adding 1.5 * 2^52 turns them into doubles exactly.
    power[k] = bits<V>(exponent + 0x4338000000000000) - (6755399441055744.0 + shift);
    s[k] = (m - 1.0) / (m + 1.0);
    square[k] = s[k] * s[k];
  }
  constexpr double series[] = {-4.0,
                               -0x1.5555555555593p+0,
                               -0x1.999999997fa04p-1,
                               -0x1.2492494229359p-1,
                               -0x1.c71c51d8e78afp-2,
                               -0x1.7466496cb03dep-2,
                               -0x1.39a09d078c69fp-2,
                               -0x1.2f112df3e5244p-2};
  horner(square, series, out);
#pragma GCC unroll 4
  for (int k = 0; k < K; ++k) {
    out[k] = fma(s[k], out[k], power[k] * (-2.0 * constants::kLn2));
  }
}

template <int L>
METHEXIS_INLINE Doubles<L> minus_two_log(Doubles<L> x) {
  const Doubles<L> one[] = {x};
  Doubles<L> out[1];
  minus_two_log<L>(one, 0, out);
  return out[0];
}

// Natural logarithm of positive normal numbers, within 3 ulp.
template <int L>
METHEXIS_INLINE Doubles<L> log(Doubles<L> x) {
  return -0.5 * minus_two_log<L>(x);
}

// Cosine and sine of 2 pi (word + 1/2) / 2^32, within 2 ulp, of the low halves. The quarter turn is
// read off the word, so the reduction to [-pi/4, pi/4] is exact and the reduced angle carries one
// rounding.
template <int L, int K>
METHEXIS_INLINE void cosine_sine_turn(const Words<L> (&word)[K], Doubles<L> (&cosine)[K],
                                      Doubles<L> (&sine)[K]) {
  using V = Doubles<L>;
  using U = Words<L>;
  constexpr uint64_t quarter = uint64_t(1) << 30, sign = uint64_t(1) << 63;
  U shifted[K];
  V angle[K], z[K], s[K], c[K];
#pragma GCC unroll 4
  for (int k = 0; k < K; ++k) {
    shifted[k] = word[k] + quarter / 2;
    V part = to_double<L>(shifted[k] & (quarter - 1)) - (536870912.0 - 0.5);
    angle[k] = part * (constants::kTwoPi * 0x1p-32);
    z[k] = angle[k] * angle[k];
  }
  constexpr double sines[] = {-0x1.5555555555549p-3, 0x1.111111110f8a6p-7,   -0x1.a01a019c161d5p-13,
                              0x1.71de357b1fe7dp-19, -0x1.ae5e68a2b9cebp-26, 0x1.5d93a5acfd57cp-33};
  constexpr double cosines[] = {0x1.555555555554cp-5,  -0x1.6c16c16c15177p-10,
                                0x1.a01a019cb159p-16,  -0x1.27e4f809c52adp-22,
                                0x1.1ee9ebdb4b1c4p-29, -0x1.8fae9be8838d4p-37};
  horner(z, sines, s);
  horner(z, cosines, c);
#pragma GCC unroll 4
  for (int k = 0; k < K; ++k) {
    s[k] = fma(angle[k] * z[k], s[k], angle[k]);
    c[k] = fma(z[k] * z[k], c[k], fma(z[k], splat<V>(-0.5), splat<V>(1.0)));
    // Odd quarters exchange the two. The sine is negative in the second half of a turn, the cosine
    // likewise a quarter of a turn earlier.
    auto odd = (shifted[k] & quarter) != 0;
    U half = shifted[k] << 32;
    cosine[k] = bits<V>(bits<U>(select(odd, s[k], c[k])) ^ ((half + (quarter << 32)) & sign));
    sine[k] = bits<V>(bits<U>(select(odd, c[k], s[k])) ^ (half & sign));
  }
}

template <int L>
METHEXIS_INLINE void cosine_sine_turn(Words<L> word, Doubles<L>& cosine, Doubles<L>& sine) {
  const Words<L> one[] = {word};
  Doubles<L> c[1], s[1];
  cosine_sine_turn<L>(one, c, s);
  cosine = c[0];
  sine = s[0];
}

// e^r - 1 for |r| <= ln(2)/2, by Taylor's series: the first term left out is below 2^-57 r.
template <class V>
METHEXIS_INLINE V expm1_reduced(V r) {
  constexpr double series[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                               1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                               1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  return fma(r * r, horner(r, series), r);
}

// Splits x = k ln 2 + r and returns 2^(k + shift), which must be a normal number.
template <int L>
METHEXIS_INLINE Doubles<L> reduce_exponent(Doubles<L> x, Doubles<L>& r, int shift = 0) {
  using V = Doubles<L>;
  using U = Words<L>;
  V shifted = fma(x, splat<V>(constants::kLog2E), splat<V>(6755399441055744.0));
  V k = shifted - 6755399441055744.0;
  r = fnma(k, splat<V>(constants::kLn2Low), fnma(k, splat<V>(constants::kLn2High), x));
  return bits<V>((bits<U>(shifted) + uint64_t(1023 + shift)) << 52);
}

// e^x, within 1.5 ulp: 0 below -708, without gradual underflow; infinity where it overflows; NaN
// stays NaN. It is twice its half, so that all powers of two on the way are finite.
template <int L>
METHEXIS_INLINE Doubles<L> exp(Doubles<L> x) {
  using V = Doubles<L>;
  V r;
  V inside = minimum(maximum(x, splat<V>(-708.0)), splat<V>(710.0));
  V half = reduce_exponent<L>(inside, r, -1);
  V value = 2.0 * fma(half, expm1_reduced(r), half);
  value = select(x < -708.0, V{}, value);
  return select(x == x, value, x);
}

// e^x - 1, within 2 ulp, also where x is small; x <= 700.
template <int L>
METHEXIS_INLINE Doubles<L> expm1(Doubles<L> x) {
  using V = Doubles<L>;
  V r;
  V scale = reduce_exponent<L>(maximum(x, splat<V>(-708.0)), r);
  return fma(scale, expm1_reduced(r), scale - 1.0);
}

// ln(1 + x) for 0 <= x <= 1, within 4 ulp: the rounding error of 1 + x is put back to first order.
template <int L>
METHEXIS_INLINE Doubles<L> log1p_unit(Doubles<L> x) {
  using V = Doubles<L>;
  V u = 1.0 + x;
  return log<L>(u) + (x - (u - 1.0)) / u;
}

// Hyperbolic tangent, within 3 ulp.
template <int L>
METHEXIS_INLINE Doubles<L> tanh(Doubles<L> x) {
  using V = Doubles<L>;
  using U = Words<L>;
  V twice = minimum(2.0 * absolute(x), splat<V>(44.0));
  V e = expm1<L>(twice);
  V value = e / (e + 2.0);
  constexpr uint64_t sign = uint64_t(1) << 63;
  value = bits<V>(bits<U>(value) | (bits<U>(x) & sign));
  return select(x == x, value, x);
}

// e^(x^2) erfc(x) for x >= 0. With t = (x - 4)/(x + 4) the function (1 + 2x) e^(x^2) erfc(x) is
// smooth on the whole half line; its Chebyshev series in t to degree 25 errs by 1e-19.
// Within 6 ulp.
template <int L>
METHEXIS_INLINE Doubles<L> scaled_erfc(Doubles<L> x) {
  using V = Doubles<L>;
  constexpr double series[] = {
      0x1.3ba5916e9fd7fp+0,   -0x1.1df1ad154a28ep-3,  0x1.f7f5df66fd6c2p-7,
      0x1.16ecefcfa5342p-4,   -0x1.9ddb23c3e8a22p-4,  0x1.7fee004e1312cp-4,
      -0x1.0fb06dfe5229fp-4,  0x1.3079edf66992fp-5,   -0x1.0962388397d97p-6,
      0x1.49c6728d8f7d4p-8,   -0x1.8d4a9b00c7997p-11, -0x1.a1df2abbaddf5p-13,
      0x1.3be04bf52bb5ap-13,  -0x1.9958ab3ba5c33p-16, -0x1.78861f18ee7b4p-17,
      0x1.7f2369c34c9fdp-18,  0x1.3981051d34c93p-22,  -0x1.bae01eb0d8aa5p-21,
      0x1.4cbb15f961dcdp-24,  0x1.d8dd577cdf0b1p-24,  -0x1.613ab11aa86acp-26,
      -0x1.f96a93e7cc13ap-27, 0x1.b39ff8659ae03p-29,  0x1.ec1f75354d5ebp-30,
      -0x1.246d137a70e42p-32, -0x1.2e4a1567a5afep-33};
  V t = (x - 4.0) / (x + 4.0);
  return horner(t, series) / fma(splat<V>(2.0), x, splat<V>(1.0));
}

// Distribution function and density of the standard normal law, within 6 and 4 ulp; 0 where they
// are below 1e-308, and those of 40 for NaN.
template <int L>
METHEXIS_INLINE void normal_law(Doubles<L> x, Doubles<L>& below, Doubles<L>& density) {
  using V = Doubles<L>;
  V size = minimum(absolute(x), splat<V>(40.0));
  V square = size * size;
  V gauss =
      exp<L>(-0.5 * square) * fma(lost_in_square(size, square), splat<V>(-0.5), splat<V>(1.0));
  V upper = 0.5 * gauss * scaled_erfc<L>(size * 0x1.6a09e667f3bcdp-1);
  below = select(x < 0.0, upper, 1.0 - upper);
  density = 0x1.9884533d43651p-2 * gauss;
}

}  // namespace methexis::METHEXIS_ISA
