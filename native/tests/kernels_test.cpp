// Tests of the kernels of one instruction set, compiled and run once for each.
#include "kernels.hpp"

#include "check.hpp"

namespace methexis::METHEXIS_ISA {

TEST(orders_are_permutations) {
  const std::uint32_t key[2] = {1, 2};
  std::uint64_t scratch[300];
  std::uint32_t order[100];
  CHECK_NEAR(static_cast<double>(kernels.order_scratch(100) <= 300), 1.0, 0.0);
  kernels.order(key, 3, 100, scratch, order);
  bool seen[100] = {};
  for (std::uint32_t position : order) seen[position] = true;
  for (bool found : seen) CHECK_NEAR(static_cast<double>(found), 1.0, 0.0);
}

}  // namespace methexis::METHEXIS_ISA
