// Products against sums in long double, for every remainder of rows and columns. Operands are on
// the heap and exactly as large as they are said to be.
#include "gemm.hpp"

#include <vector>

#include "check.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

// A number in [-1, 1) for every index.
template <class T>
std::vector<T> numbers(std::size_t count, uint64_t seed) {
  std::vector<T> values(count);
  uint64_t state = seed;
  for (T& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = T(double(int64_t(state) >> 11) * 0x1p-52);
  }
  return values;
}

struct Shape {
  int rows, columns, depth;  // columns count vectors
  bool turned;               // whether the left factor is stored column by column
  bool accumulate;
};

// A left factor has one number per entry, or L: one per lane.
template <class T, int L, bool Shared>
void check_product(const Shape& shape) {
  constexpr int width = Shared ? 1 : L;
  const auto [rows, columns, depth, turned, accumulate] = shape;
  const std::vector<T> a = numbers<T>(std::size_t(rows * depth * width), 1);
  const std::vector<T> b = numbers<T>(std::size_t(depth * columns * L), 2);
  std::vector<T> c = numbers<T>(std::size_t(rows * columns * L), 3);
  const std::vector<T> before = c;
  const View<const T> stored = {a.data(), (turned ? rows : depth) * width, width};
  const View<const T> left = turned ? stored.transposed() : stored;
  multiply<T, L, Shared>(rows, columns, depth, left, {b.data(), columns * L, L},
                         {c.data(), columns * L, L}, Store<T, L>{accumulate});
  // Every one of `depth` additions rounds a sum of at most depth + 1 numbers below 1.
  const double unit = sizeof(T) == 8 ? 0x1p-53 : 0x1p-24;
  const double tolerance = 2 * unit * depth * (depth + 1);
  for (int i = 0; i < rows; ++i) {
    for (int n = 0; n < columns * L; ++n) {
      const std::size_t at = std::size_t(i * columns * L + n);
      long double sum = accumulate ? before[at] : T(0);
      for (int k = 0; k < depth; ++k) {
        const ptrdiff_t entry = i * left.row + k * left.column + (Shared ? 0 : n % L);
        sum +=
            static_cast<long double>(a[std::size_t(entry)]) * b[std::size_t(k * columns * L + n)];
      }
      CHECK_NEAR(double(c[at]), double(sum), tolerance);
    }
  }
}

template <class T>
void check_products() {
  constexpr int L = kMaxVectorBytes / sizeof(T);
  for (const int rows : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 17}) {
    for (const int columns : {0, 1, 2, 3, 4, 5, 6, 9}) {
      for (const int depth : {0, 1, 2, 7}) {
        const int turn = rows + columns + depth;  // each way for some remainder of each kind
        const Shape shape = {rows, columns, depth, turn % 2 == 1, turn / 2 % 2 == 1};
        check_product<T, L, false>(shape);
        check_product<T, L, true>(shape);
      }
    }
  }
}

TEST(products_are_those_of_long_double) {
  check_products<double>();
  check_products<float>();
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
