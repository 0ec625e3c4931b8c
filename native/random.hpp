// The random streams of methexis.core.random.streams, many at a time.
//
// A number is a pure function of its address: key (from seed, replica, stream) and counter (step,
// block). Here lanes are either networks, each with its own key, or consecutive blocks of one
// network. Words are equal to those of the Python streams to the bit, so uniforms and indices are
// too; normals agree to a few units in the last place (the Python streams round the angle before
// they reduce it, which the reduction here does not have to).
#pragma once

#include "math.hpp"

namespace methexis::METHEXIS_ISA {

inline constexpr uint64_t kLowHalf = 0xFFFFFFFF;

// The ten round keys of Philox4x32-10: words in the low halves of 64-bit lanes.
template <int L>
struct RoundKeys {
  Words<L> k0[10], k1[10];

  // From the keys of L networks, or one key for all lanes.
  RoundKeys(Words<L> first, Words<L> second) {
    for (int round = 0; round < 10; ++round) {
      k0[round] = first + uint64_t(round) * 0x9E3779B9;
      k1[round] = second + uint64_t(round) * 0xBB67AE85;
    }
  }
  explicit RoundKeys(const uint32_t* pair)
      : RoundKeys(splat<Words<L>>(uint64_t(pair[0])), splat<Words<L>>(uint64_t(pair[1]))) {}
};

// Philox4x32-10 of K vectors of blocks side by side, so that their chains of ten rounds overlap;
// its words are in the low halves. Products replace the words that they are the low halves of; what
// they carry in their high halves is ignored by the next product, and stays.
template <int L, int K>
METHEXIS_INLINE void philox_low(Words<L> (&x)[K][4], const RoundKeys<L>& key) {
  using U = Words<L>;
  const U m0 = splat<U>(uint64_t(0xD2511F53)), m1 = splat<U>(uint64_t(0xCD9E8D57));
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    U p0[K], p1[K];
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) p0[k] = multiply_low(x[k][0], m0);
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) p1[k] = multiply_low(x[k][2], m1);
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) x[k][0] = (p1[k] >> 32) ^ x[k][1] ^ key.k0[round];
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) {
      x[k][2] = (p0[k] >> 32) ^ x[k][3] ^ key.k1[round];
      x[k][1] = p1[k];
      x[k][3] = p0[k];
    }
  }
}

// Philox4x32-10, with nothing in the high halves.
template <int L>
METHEXIS_INLINE void philox(Words<L> x0, Words<L> x1, Words<L> x2, Words<L> x3,
                            const RoundKeys<L>& key, Words<L> (&out)[4]) {
  Words<L> one[][4] = {{x0, x1, x2, x3}};
  philox_low<L>(one, key);
  for (int j = 0; j < 4; ++j) out[j] = one[0][j] & kLowHalf;
}

// Words of block `block` of a step.
template <int L>
METHEXIS_INLINE void words_of(const RoundKeys<L>& key, uint64_t step, Words<L> block,
                              Words<L> (&out)[4]) {
  using U = Words<L>;
  philox<L>(splat<U>(step & 0xFFFFFFFF), splat<U>(step >> 32), block, U{}, key, out);
}

// Words of `count` vectors of blocks of a step, `jump` blocks apart, from `block` on, one vector of
// blocks after the other; what is in their high halves means nothing.
template <int L>
METHEXIS_INLINE void words_of(const RoundKeys<L>& key, Words<L> low, Words<L> high, Words<L> block,
                              uint64_t jump, int64_t count, uint64_t* to) {
  constexpr int most = kManyRegisters ? 4 : 2;
  const auto draw = [&]<int K>(Words<L>(&x)[K][4]) {
    for (int k = 0; k < K; ++k, block += jump) {
      x[k][0] = low;
      x[k][1] = high;
      x[k][2] = block;
      x[k][3] = Words<L>{};
    }
    philox_low<L>(x, key);
    for (int k = 0; k < K; ++k) {
      for (int j = 0; j < 4; ++j, to += L) store(to, x[k][j]);
    }
  };
  for (; count >= most; count -= most) {
    Words<L> x[most][4];
    draw(x);
  }
  for (; count > 0; --count) {
    Words<L> x[1][4];
    draw(x);
  }
}

// word + 1/2, exactly, of the low half.
template <int L>
METHEXIS_INLINE Doubles<L> centred(Words<L> word) {
  constexpr uint64_t magic = 0x4330000000000000;  // 2^52 as a double
  return bits<Doubles<L>>((word & kLowHalf) | magic) - (4503599627370496.0 - 0.5);
}

template <int L>
METHEXIS_INLINE Doubles<L> uniform_of(Words<L> word) {
  return centred<L>(word) * 0x1p-32;
}

// The Box-Muller transform of K pairs of words; their high halves are ignored.
template <int L, int K>
METHEXIS_INLINE void normals_of(const Words<L> (&first)[K], const Words<L> (&second)[K],
                                Doubles<L> (&a)[K], Doubles<L> (&b)[K]) {
  Doubles<L> unit[K], radius[K];
  for (int k = 0; k < K; ++k) unit[k] = centred<L>(first[k]);
  minus_two_log<L>(unit, 32, radius);
  for (int k = 0; k < K; ++k) radius[k] = sqrt(radius[k]);
  cosine_sine_turn<L>(second, a, b);
  for (int k = 0; k < K; ++k) {
    a[k] = radius[k] * a[k];
    b[k] = radius[k] * b[k];
  }
}

// The four normals of a block of words.
template <int L>
METHEXIS_INLINE void normals_of(const Words<L> (&word)[4], Doubles<L> (&normal)[4]) {
  if constexpr (kManyRegisters) {
    Doubles<L> a[2], b[2];
    normals_of<L, 2>({word[0], word[2]}, {word[1], word[3]}, a, b);
    for (int n = 0; n < 4; ++n) normal[n] = n % 2 ? b[n / 2] : a[n / 2];
  } else {
    Doubles<L> a[1], b[1];
    for (int n = 0; n < 4; n += 2) {
      normals_of<L, 1>({word[n]}, {word[n + 1]}, a, b);
      normal[n] = a[0];
      normal[n + 1] = b[0];
    }
  }
}

template <int L>
METHEXIS_INLINE void normals_of(const uint64_t* words, Doubles<L> (&normal)[4]) {
  Words<L> word[4];
  for (int j = 0; j < 4; ++j) word[j] = load<Words<L>>(words + j * L);
  normals_of<L>(word, normal);
}

enum class Law : int { gaussian = 0, uniform = 1, laplace = 2, student_t = 3 };

// One standardised number from two words (`wide` addressing): every law has mean 0, variance 1.
template <int L>
METHEXIS_INLINE Doubles<L> standardised(Law law, Words<L> first, Words<L> second) {
  using V = Doubles<L>;
  V u = uniform_of<L>(first);
  switch (law) {
    case Law::uniform:
      return 3.4641016151377544 * (u - 0.5);
    case Law::laplace: {
      V small = 2.0 * minimum(u, 1.0 - u);
      V size = -0.70710678118654752 * log<L>(small);
      return select(u < 0.5, -size, size);
    }
    case Law::student_t: {
      V cosine, sine;
      cosine_sine_turn<L>(second, cosine, sine);
      return sqrt(3.0 * expm1<L>(-0.4 * log<L>(u))) * cosine;
    }
    case Law::gaussian:
      break;
  }
  V cosine, sine;
  cosine_sine_turn<L>(second, cosine, sine);
  return sqrt(minus_two_log<L>(u)) * cosine;
}

}  // namespace methexis::METHEXIS_ISA
