// The cipher against its published answers, orders against a sort of the same keys.
#include <algorithm>
#include <vector>

#include "check.hpp"
#include "kernels.hpp"
#include "orders.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

constexpr int L = kMaxVectorBytes / 8;

// Philox4x32-10 of counter and key, from the file kat_vectors of Random123 (Salmon et al., 2011).
struct Answer {
  uint32_t counter[4], key[2], words[4];
};
constexpr Answer kAnswers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

TEST(philox_gives_the_published_answers) {
  for (int turn = 0; turn < 3; ++turn) {  // every answer in every lane, with others beside it
    Words<L> counter[4] = {}, key[2] = {}, words[4];
    for (int l = 0; l < L; ++l) {
      const Answer& answer = kAnswers[(l + turn) % 3];
      for (int j = 0; j < 4; ++j) counter[j][l] = answer.counter[j];
      for (int j = 0; j < 2; ++j) key[j][l] = answer.key[j];
    }
    philox<L>(counter[0], counter[1], counter[2], counter[3], RoundKeys<L>(key[0], key[1]), words);
    for (int l = 0; l < L; ++l) {
      for (int j = 0; j < 4; ++j) CHECK(words[j][l] == kAnswers[(l + turn) % 3].words[j]);
    }
  }
}

// The 64-bit sort keys of an epoch: two words of a sample each, the first one above.
std::vector<uint64_t> sort_keys(const uint32_t* pair, uint64_t epoch, std::size_t count) {
  std::vector<uint64_t> keys;
  const RoundKeys<L> key(pair);
  for (uint64_t block = 0; keys.size() < count; ++block) {
    Words<L> words[4];
    words_of<L>(key, epoch, splat<Words<L>>(block), words);
    keys.push_back(words[0][0] << 32 | words[1][0]);
    keys.push_back(words[2][0] << 32 | words[3][0]);
  }
  keys.resize(count);
  return keys;
}

// Compares with a stable sort; returns how many neighbours in the order share their high halves.
int check_order(std::size_t count, uint64_t epoch) {
  const uint32_t pair[2] = {1, 2};
  std::vector<uint64_t> scratch(kernels.order_scratch(int64_t(count)));
  std::vector<uint32_t> order(count), expected(count);
  kernels.order(pair, epoch, int64_t(count), scratch.data(), order.data());
  const std::vector<uint64_t> keys = sort_keys(pair, epoch, count);
  for (std::size_t i = 0; i < count; ++i) expected[i] = uint32_t(i);
  std::stable_sort(expected.begin(), expected.end(),
                   [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  CHECK(order == expected);
  int num_equal = 0;
  for (std::size_t i = 1; i < count; ++i) {
    num_equal += keys[expected[i]] >> 32 == keys[expected[i - 1]] >> 32;
  }
  return num_equal;
}

TEST(orders_are_those_of_a_stable_sort) {
  for (const std::size_t count : {1, 2, 3, 63, 64, 65, 1000}) {
    for (const uint64_t epoch : {uint64_t(0), uint64_t(3), uint64_t(1) << 40}) {
      check_order(count, epoch);
    }
  }
}

TEST(equal_high_halves_are_put_in_order_by_the_low_ones) {
  // Of 2^18 words of 32 bits 8 pairs are equal in the mean.
  CHECK(check_order(std::size_t(1) << 18, 0) > 0);
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
