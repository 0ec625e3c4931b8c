// Tests of the kernels of one instruction set, compiled and run once for each.
#include "kernels.hpp"

#include "check.hpp"

namespace methexis::METHEXIS_ISA {

TEST(dot_of_whole_numbers_is_exact) {
  double a[37];
  double b[37];
  double expected = 0.0;
  for (int i = 0; i < 37; ++i) {
    a[i] = i;
    b[i] = 2 * i - 5;
    expected += a[i] * b[i];
    CHECK_NEAR(kernels.dot(a, b, static_cast<std::size_t>(i) + 1), expected, 0.0);
  }
  CHECK_NEAR(kernels.dot(a, b, 0), 0.0, 0.0);
}

}  // namespace methexis::METHEXIS_ISA
