// The kernels of one instruction set: compiled once for each, with METHEXIS_ISA its name.
//
// The rule that keeps them apart: everything defined here, or in a header included here, lives in
// namespace methexis::METHEXIS_ISA. An inline function or template of std:: or of a shared header
// would be compiled once per instruction set under one name, the linker would keep any one of the
// copies, and an old machine could be handed the new machine's. Hence C headers and templates of
// our own only, and no initialisation at run time, which would run on every machine that loads the
// extension. tests/native/test_symbols.py enforces both.
#include "kernels.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kBytesPerVector = 64;
#elif defined(__AVX2__)
constexpr int kBytesPerVector = 32;
#else
constexpr int kBytesPerVector = 16;
#endif

#define METHEXIS_STRING(text) METHEXIS_STRING_OF(text)
#define METHEXIS_STRING_OF(text) #text

double dot(const double* a, const double* b, std::size_t size) {
  double sum = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

}  // namespace

constinit const Kernels kernels = {METHEXIS_STRING(METHEXIS_ISA), kBytesPerVector, dot};

}  // namespace methexis::METHEXIS_ISA
