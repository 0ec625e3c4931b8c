// What a set of kernels offers, the same for every instruction set.
//
// Plain data and function pointers only. This header is seen by code of every instruction set, so
// it must not define a function: see the rule in kernels.cpp.
#pragma once

#include <cstddef>

namespace methexis {

struct Kernels {
  const char* name;      // of the instruction set
  int bytes_per_vector;  // 16, 32 or 64
  double (*dot)(const double* a, const double* b, std::size_t size);
};

// One table per instruction set; dispatch.cpp knows which of them this machine can use.
namespace baseline {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
namespace neon {
extern const Kernels kernels;
}

}  // namespace methexis
