// Vectors of `L` numbers of type `T`, and the few operations that GCC's and Clang's vector
// extensions lack: fused multiply-add, square roots, wide integer products and conversions.
//
// Everything lives in a namespace named after the instruction set. This header is compiled once per
// set, with other compiler flags each time; without the namespace the linker would keep one of the
// copies for all of them. For the same reason kernels use no inline function of the C++ library.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef METHEXIS_ISA
#error "METHEXIS_ISA must name the instruction set that this file is compiled for"
#endif

#define METHEXIS_INLINE inline __attribute__((always_inline))

namespace methexis::METHEXIS_ISA {

using std::int64_t;
using std::ptrdiff_t;
using std::size_t;
using std::uint32_t;
using std::uint64_t;

#if defined(__AVX512F__)
inline constexpr int kMaxVectorBytes = 64;
inline constexpr bool kManyRegisters = true;
#elif defined(__AVX2__)
inline constexpr int kMaxVectorBytes = 32;
inline constexpr bool kManyRegisters = false;
#elif defined(__aarch64__)
inline constexpr int kMaxVectorBytes = 16;
inline constexpr bool kManyRegisters = true;
#else
inline constexpr int kMaxVectorBytes = 16;
inline constexpr bool kManyRegisters = false;
#endif

template <class T, int L>
struct VecOf {
  typedef T type __attribute__((vector_size(sizeof(T) * L)));
};
template <class T, int L>
using Vec = typename VecOf<T, L>::type;

template <class T>
struct IntOf;
template <>
struct IntOf<double> {
  using type = int64_t;
};
template <>
struct IntOf<float> {
  using type = std::int32_t;
};

template <class V>
METHEXIS_INLINE V load(const void* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof(V));
  return v;
}

template <class V>
METHEXIS_INLINE void store(void* to, V v) {
  __builtin_memcpy(to, &v, sizeof(V));
}

// `value - 0` is the value itself, also for -0, so nothing is computed; `0 + value` would be a sum.
template <class V, class T>
METHEXIS_INLINE V splat(T value) {
  return value - V{};
}

template <class To, class From>
METHEXIS_INLINE To bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

// a b + c, rounded once where the instruction set can, and always in the same way within one set.
template <class V>
METHEXIS_INLINE V fma(V a, V b, V c) {
#if defined(__FMA__)
  constexpr bool is_double = sizeof(decltype(a[0])) == 8;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) {
    if constexpr (is_double) {
      return bits<V>(_mm512_fmadd_pd(bits<__m512d>(a), bits<__m512d>(b), bits<__m512d>(c)));
    } else {
      return bits<V>(_mm512_fmadd_ps(bits<__m512>(a), bits<__m512>(b), bits<__m512>(c)));
    }
  }
#endif
  if constexpr (sizeof(V) == 32) {
    if constexpr (is_double) {
      return bits<V>(_mm256_fmadd_pd(bits<__m256d>(a), bits<__m256d>(b), bits<__m256d>(c)));
    } else {
      return bits<V>(_mm256_fmadd_ps(bits<__m256>(a), bits<__m256>(b), bits<__m256>(c)));
    }
  } else if constexpr (sizeof(V) == 16) {
    if constexpr (is_double) {
      return bits<V>(_mm_fmadd_pd(bits<__m128d>(a), bits<__m128d>(b), bits<__m128d>(c)));
    } else {
      return bits<V>(_mm_fmadd_ps(bits<__m128>(a), bits<__m128>(b), bits<__m128>(c)));
    }
  }
#elif defined(__aarch64__)
  if constexpr (sizeof(decltype(a[0])) == 8) {
    return bits<V>(vfmaq_f64(bits<float64x2_t>(c), bits<float64x2_t>(a), bits<float64x2_t>(b)));
  } else {
    return bits<V>(vfmaq_f32(bits<float32x4_t>(c), bits<float32x4_t>(a), bits<float32x4_t>(b)));
  }
#else
  return a * b + c;  // -ffp-contract=off: two roundings, always
#endif
}

template <class V>
METHEXIS_INLINE V fnma(V a, V b, V c) {
  return fma(-a, b, c);
}

// a^2 - square of doubles, where `square` is a^2 rounded: exact, also without fused multiply-add.
template <class V>
METHEXIS_INLINE V lost_in_square(V a, V square) {
#if defined(__FMA__) || defined(__aarch64__)
  return fma(a, a, -square);
#else
  using U = Vec<uint64_t, sizeof(V) / 8>;
  const V high = bits<V>(bits<U>(a) & ~((uint64_t(1) << 27) - 1));  // whose square is exact
  const V low = a - high;
  return ((high * high - square) + 2.0 * high * low) + low * low;
#endif
}

template <class V>
METHEXIS_INLINE V sqrt(V a) {
  constexpr bool is_double = sizeof(decltype(a[0])) == 8;
#if defined(__x86_64__)
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) {
    if constexpr (is_double) {
      return bits<V>(_mm512_sqrt_pd(bits<__m512d>(a)));
    } else {
      return bits<V>(_mm512_sqrt_ps(bits<__m512>(a)));
    }
  }
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32) {
    if constexpr (is_double) {
      return bits<V>(_mm256_sqrt_pd(bits<__m256d>(a)));
    } else {
      return bits<V>(_mm256_sqrt_ps(bits<__m256>(a)));
    }
  }
#endif
  if constexpr (sizeof(V) == 16) {
    if constexpr (is_double) {
      return bits<V>(_mm_sqrt_pd(bits<__m128d>(a)));
    } else {
      return bits<V>(_mm_sqrt_ps(bits<__m128>(a)));
    }
  }
#elif defined(__aarch64__)
  if constexpr (is_double) {
    return bits<V>(vsqrtq_f64(bits<float64x2_t>(a)));
  } else {
    return bits<V>(vsqrtq_f32(bits<float32x4_t>(a)));
  }
#endif
}

// Lane by lane `mask ? a : b`, mask as comparisons of vectors give it.
template <class M, class V>
METHEXIS_INLINE V select(M mask, V a, V b) {
  return mask ? a : b;
}

template <class V>
METHEXIS_INLINE V maximum(V a, V b) {
  return a > b ? a : b;
}

template <class V>
METHEXIS_INLINE V minimum(V a, V b) {
  return a < b ? a : b;
}

template <class V>
METHEXIS_INLINE V absolute(V a) {
  using T = decltype(V{}[0] + V{}[0]);
  using I = Vec<typename IntOf<T>::type, sizeof(V) / sizeof(T)>;
  constexpr typename IntOf<T>::type all = ~(typename IntOf<T>::type(1) << (8 * sizeof(T) - 1));
  return bits<V>(bits<I>(a) & all);
}

// Full 64-bit products of the low 32 bits of each 64-bit lane.
template <class U>
METHEXIS_INLINE U multiply_low(U a, U b) {
#if defined(__x86_64__)
#if defined(__AVX512F__)
  if constexpr (sizeof(U) == 64) {
    return bits<U>(_mm512_mul_epu32(bits<__m512i>(a), bits<__m512i>(b)));
  }
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(U) == 32) {
    return bits<U>(_mm256_mul_epu32(bits<__m256i>(a), bits<__m256i>(b)));
  }
#endif
  if constexpr (sizeof(U) == 16) {
    return bits<U>(_mm_mul_epu32(bits<__m128i>(a), bits<__m128i>(b)));
  }
#elif defined(__aarch64__)
  return bits<U>(vmull_u32(vmovn_u64(bits<uint64x2_t>(a)), vmovn_u64(bits<uint64x2_t>(b))));
#endif
}

// Keeps a vector in a register here: the compiler may not load it from memory once more instead.
template <class V>
METHEXIS_INLINE void pin(V& v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__x86_64__)
  asm("" : "+x"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
}

// Integers below 2^52, held in 64-bit lanes, as doubles; exact.
template <int L>
METHEXIS_INLINE Vec<double, L> to_double(Vec<uint64_t, L> a) {
  constexpr uint64_t magic = 0x4330000000000000;  // 2^52 as a double
  return bits<Vec<double, L>>(a | magic) - 4503599627370496.0;
}

// The numbers 0 ... N - 1 as arguments of a template.
template <int... I>
struct Indices {};
template <int N, int... I>
struct IndicesUpTo : IndicesUpTo<N - 1, N - 1, I...> {};
template <int... I>
struct IndicesUpTo<0, I...> {
  using type = Indices<I...>;
};

// Exchanges, between rows S apart, the blocks of S lanes that lie off the diagonal.
template <class T, int L, int S, int... I>
METHEXIS_INLINE void transpose_blocks(Vec<T, L> (&rows)[L], Indices<I...> lanes) {
  Vec<T, L> next[L];
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) {
    if ((i & S) == 0) {
      next[i] = __builtin_shufflevector(rows[i], rows[i ^ S], (I & S ? L + (I ^ S) : I)...);
      next[i ^ S] = __builtin_shufflevector(rows[i], rows[i ^ S], (I & S ? L + I : I ^ S)...);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) rows[i] = next[i];
  if constexpr (2 * S < L) transpose_blocks<T, L, 2 * S>(rows, lanes);
}

// Transposes an L x L block held in L vectors.
template <class T, int L>
METHEXIS_INLINE void transpose(Vec<T, L> (&rows)[L]) {
  transpose_blocks<T, L, 1>(rows, typename IndicesUpTo<L>::type{});
}

}  // namespace methexis::METHEXIS_ISA
