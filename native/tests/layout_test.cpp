// Numbers that only move: turned blocks, interleaved vectors, pieces of memory.
#include <cstdint>
#include <vector>

#include "batches.hpp"
#include "check.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

template <class T, int L>
void check_transpose() {
  Vec<T, L> rows[L];
  for (int i = 0; i < L; ++i) {
    for (int l = 0; l < L; ++l) rows[i][l] = T(i * L + l);
  }
  transpose<T, L>(rows);
  for (int i = 0; i < L; ++i) {
    for (int l = 0; l < L; ++l) CHECK(rows[i][l] == T(l * L + i));
  }
}

TEST(a_transposed_block_has_rows_for_columns) {
  check_transpose<double, kMaxVectorBytes / 8>();
  check_transpose<float, kMaxVectorBytes / 4>();
}

TEST(zip_interleaves) {
  constexpr int L = kMaxVectorBytes / 8;
  Doubles<L> a, b;
  for (int l = 0; l < L; ++l) {
    a[l] = 2 * l;
    b[l] = 2 * l + 1;
  }
  zip<L>(a, b);
  for (int l = 0; l < L; ++l) {
    CHECK(a[l] == l);
    CHECK(b[l] == L + l);
  }
}

TEST(pieces_of_an_arena_are_aligned_and_as_large_as_was_counted) {
  Arena counted;
  for (const std::size_t count : {3, 0, 17}) counted.take<float>(count);
  std::vector<char> memory(counted.used + 64);
  Arena arena;
  arena.base = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
  for (const std::size_t count : {3, 0, 17}) {
    float* piece = arena.take<float>(count);
    CHECK(reinterpret_cast<std::uintptr_t>(piece) % 64 == 0);
    for (std::size_t i = 0; i < count; ++i) piece[i] = 1.0f;
#if defined(__SANITIZE_ADDRESS__)
    CHECK(__asan_address_is_poisoned(piece + count) == 1);
    CHECK(__asan_region_is_poisoned(piece, count * sizeof(float)) == nullptr);
#endif
  }
  CHECK(arena.used == counted.used);
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(memory.data(), memory.size());
#endif
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
