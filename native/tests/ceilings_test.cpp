// The ceilings of one instruction set: that they are rates, not how high they are.
#include "ceilings.hpp"

#include <initializer_list>

#include "check.hpp"

namespace methexis::METHEXIS_ISA {

TEST(ceilings_are_positive_and_finite) {
  for (const bool single_precision : {false, true}) {
    const double flops = ceilings.fma_rate(single_precision, 0.0);
    CHECK(flops > 0.0 && std::isfinite(flops));
    // One byte is less than the least working set; the last is no multiple of a vector.
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{100001}}) {
      const double update = ceilings.update_rate(bytes, single_precision, 0.0);
      CHECK(update > 0.0 && std::isfinite(update));
      const double load = ceilings.load_rate(bytes, single_precision, 0.0);
      CHECK(load > 0.0 && std::isfinite(load));
      const double pull = ceilings.pull_rate(bytes, single_precision, 0.0);
      CHECK(pull > 0.0 && std::isfinite(pull));
    }
  }
}

}  // namespace methexis::METHEXIS_ISA
