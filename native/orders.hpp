// Epoch orders: core.random.streams.permutations, one network and epoch at a time.
#pragma once

#include "random.hpp"

namespace methexis::METHEXIS_ISA {

// Words needed by `make_order` as scratch space, in 64-bit numbers, for `count` samples.
inline size_t order_scratch(int64_t count) { return 2 * size_t(count) + (size_t(count) + 1) / 2; }

// The stable order of 64-bit sort keys, sample i having words 2i and 2i + 1 of the epoch as high
// and low half. Sorted by the high half in three passes of a radix sort that carries the sample's
// number in the low half of each element; the few equal high halves are then put in order by the
// low ones. A short order is put in order by the last of these steps alone.
inline void make_order(const uint32_t* pair, uint64_t epoch, int64_t count, uint64_t* scratch,
                       uint32_t* positions) {
  constexpr int L = kMaxVectorBytes / 8;
  using U = Words<L>;
  uint64_t* from = scratch;
  uint64_t* to = scratch + count;
  uint32_t* low = reinterpret_cast<uint32_t*>(scratch + 2 * count);
  const RoundKeys<L> key(pair);
  U lanes{};
  for (int l = 0; l < L; ++l) lanes[l] = l;
  for (int64_t block = 0; 2 * block < count; block += L) {
    U words[4];
    words_of<L>(key, epoch, lanes + uint64_t(block), words);
    for (int l = 0; l < L; ++l) {
      for (int half = 0; half < 2; ++half) {
        const int64_t sample = 2 * (block + l) + half;
        if (sample >= count) break;
        from[sample] = words[2 * half][l] << 32 | uint64_t(sample);
        low[sample] = uint32_t(words[2 * half + 1][l]);
      }
    }
  }
  constexpr int bits_per_pass = 11;
  constexpr int64_t short_order = 64;
  uint32_t place[1 << bits_per_pass];
  for (int shift = count <= short_order ? 64 : 32; shift < 64; shift += bits_per_pass) {
    __builtin_memset(place, 0, sizeof(place));
    constexpr uint64_t mask = (1 << bits_per_pass) - 1;
    for (int64_t i = 0; i < count; ++i) ++place[from[i] >> shift & mask];
    uint32_t sum = 0;
    for (uint32_t& p : place) {
      const uint32_t here = p;
      p = sum;
      sum += here;
    }
    for (int64_t i = 0; i < count; ++i) to[place[from[i] >> shift & mask]++] = from[i];
    uint64_t* swap = from;
    from = to;
    to = swap;
  }
  for (int64_t i = 1; i < count; ++i) {
    const uint64_t element = from[i], high = element >> 32;
    int64_t j = i;
    while (j > 0) {
      const uint64_t before = from[j - 1];
      if (before >> 32 < high) break;
      if (before >> 32 == high && low[uint32_t(before)] <= low[uint32_t(element)]) break;
      from[j] = before;
      --j;
    }
    from[j] = element;
  }
  for (int64_t i = 0; i < count; ++i) positions[i] = uint32_t(from[i]);
}

}  // namespace methexis::METHEXIS_ISA
