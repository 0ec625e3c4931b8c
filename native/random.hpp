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

// Philox4x32-10. Products replace the words that they are the low halves of; what they carry in
// their high halves is ignored by the next product and cut off at the end.
template <int L>
METHEXIS_INLINE void philox(Words<L> x0, Words<L> x1, Words<L> x2, Words<L> x3,
                            const RoundKeys<L>& key, Words<L> (&out)[4]) {
  using U = Words<L>;
  const U m0 = splat<U>(uint64_t(0xD2511F53)), m1 = splat<U>(uint64_t(0xCD9E8D57));
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    U p0 = multiply_low(x0, m0), p1 = multiply_low(x2, m1);
    x0 = (p1 >> 32) ^ x1 ^ key.k0[round];
    x2 = (p0 >> 32) ^ x3 ^ key.k1[round];
    x1 = p1;
    x3 = p0;
  }
  constexpr uint64_t low = 0xFFFFFFFF;
  out[0] = x0 & low;
  out[1] = x1 & low;
  out[2] = x2 & low;
  out[3] = x3 & low;
}

// Words of block `block` of a step.
template <int L>
METHEXIS_INLINE void words_of(const RoundKeys<L>& key, uint64_t step, Words<L> block,
                              Words<L> (&out)[4]) {
  using U = Words<L>;
  philox<L>(splat<U>(step & 0xFFFFFFFF), splat<U>(step >> 32), block, U{}, key, out);
}

// word + 1/2, exactly.
template <int L>
METHEXIS_INLINE Doubles<L> centred(Words<L> word) {
  constexpr uint64_t magic = 0x4330000000000000;  // 2^52 as a double
  return bits<Doubles<L>>(word | magic) - (4503599627370496.0 - 0.5);
}

template <int L>
METHEXIS_INLINE Doubles<L> uniform_of(Words<L> word) {
  return centred<L>(word) * 0x1p-32;
}

// The Box-Muller transform of two words.
template <int L>
METHEXIS_INLINE void normals_of(Words<L> first, Words<L> second, Doubles<L>& a, Doubles<L>& b) {
  Doubles<L> radius = sqrt(minus_two_log<L>(centred<L>(first), 32));
  Doubles<L> cosine, sine;
  cosine_sine_turn<L>(second, cosine, sine);
  a = radius * cosine;
  b = radius * sine;
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
