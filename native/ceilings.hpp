// The machine's own ceilings, as a micro-benchmark reaches them; one table per instruction set.
//
// A kernel cannot do more arithmetic per second than a loop that does nothing else, from registers,
// and cannot move more bytes per second between registers and a cache than a loop that does only
// that. All rates are of one thread, the best of many short repetitions: what the machine can do,
// not what it does on average. Plain data and function pointers only, as in kernels.hpp.
#pragma once

#include <cstddef>

namespace methexis {

struct Ceilings {
  const char* name;  // of the instruction set

  // Floating-point operations per second of multiply-adds that depend on registers only, a multiply
  // and an add counting as two (fused where the instruction set has that).
  double (*fma_rate)(bool single_precision, double seconds);

  // Bytes per second of w[i] -= a * g[i], the update of weights: two loads for one store, all three
  // counted, over arrays w and g of `bytes` in all.
  double (*update_rate)(std::size_t bytes, bool single_precision, double seconds);

  // Bytes per second of loads alone, from an array of that size.
  double (*load_rate)(std::size_t bytes, bool single_precision, double seconds);

  // Weights per second that are loaded once, multiplied into a sum, subtracted from and stored: a
  // multiply-add, a subtraction, a load and a store each. The way back of a step of a single sample
  // multiplies what it subtracts.
  double (*pull_rate)(std::size_t bytes, bool single_precision, double seconds);
};

namespace baseline {
extern const Ceilings ceilings;
}
namespace avx2 {
extern const Ceilings ceilings;
}
namespace avx512 {
extern const Ceilings ceilings;
}
namespace neon {
extern const Ceilings ceilings;
}

}  // namespace methexis
