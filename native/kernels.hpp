// What a set of kernels offers, the same for every instruction set.
//
// Plain data and function pointers only. This header is seen by code of every instruction set, so
// it must not define a function: see the rule in kernels.cpp.
#pragma once

#include "measured.hpp"
#include "spec.hpp"

namespace methexis {

// One kernel per dtype, layout and number of lanes.
struct Kernel {
  int lanes;  // networks of a block; 1 in the layout within networks
  std::size_t (*bytes)(const Run&);
  // Advances networks first ... first + count - 1 in `memory`, which is aligned to 64 bytes.
  void (*advance)(const Run&, const Call&, std::int64_t first, int count, char* memory);
};

constexpr int kMaxKernels = 3;

struct Kernels {
  const char* name;      // of the instruction set
  int bytes_per_vector;  // 16, 32 or 64
  // By dtype (0: float64, 1: float32). Across networks, widest first; and within one network.
  int num_across[2];
  Kernel across[2][kMaxKernels];
  Kernel within[2];
  // The random streams of one key: `count` normals of a step, one order of `count` samples.
  void (*normals)(const std::uint32_t* key, std::uint64_t step, std::int64_t count, double* out);
  void (*order)(const std::uint32_t* key, std::uint64_t epoch, std::int64_t count,
                std::uint64_t* scratch, std::uint32_t* out);
  std::size_t (*order_scratch)(std::int64_t count);
  // Measures networks first ... first + count - 1 of those listed, at most so many, in `memory` of
  // so many bytes, which is aligned to 64 bytes.
  int measured_lanes;
  std::size_t (*measured_bytes)(const Measurement&);
  void (*measure)(const Measurement&, std::int64_t first, int count, char* memory);
  std::size_t (*inputs_bytes)(const InputsMeasurement&);
  void (*measure_inputs)(const InputsMeasurement&, std::int64_t first, int count, char* memory);
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
