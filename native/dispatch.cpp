// See dispatch.hpp. Compiled for the least machine of the architecture.
#include "dispatch.hpp"

#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#if defined(_WIN32) && defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace methexis {
namespace {

#if defined(_WIN32) && defined(__x86_64__)
// What the builtins below say: on Windows they ask a library that is not linked there.
__attribute__((target("xsave"))) void detect(bool& has_avx2, bool& has_avx512) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  has_avx2 = has_avx512 = false;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA)) return;
  const auto saved = _xgetbv(0);  // registers that the operating system saves
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (saved & 0x06) != 0x06) return;
  has_avx2 = b & bit_AVX2;
  const unsigned wanted = bit_AVX512F | bit_AVX512DQ | bit_AVX512VL | bit_AVX512BW;
  has_avx512 = has_avx2 && (saved & 0xe6) == 0xe6 && (b & wanted) == wanted;
}
#endif

std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
#if defined(_WIN32)
  bool has_avx2, has_avx512;
  detect(has_avx2, has_avx512);
#else
  // These ask the operating system too, whether it saves the wide registers.
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
  if (has_avx512) {
    found.push_back(&avx512::kernels);
  }
  if (has_avx2) {
    found.push_back(&avx2::kernels);
  }
  found.push_back(&baseline::kernels);
#elif defined(__aarch64__)
  found.push_back(&neon::kernels);
#else
  found.push_back(&baseline::kernels);
#endif
  return found;
}

[[noreturn]] void refuse(std::string_view source, std::string_view name) {
  std::string message = std::string(source) + ": expected one of ";
  for (const Kernels* kernels : available()) {
    message += std::string(kernels->name) + ", ";
  }
  message.resize(message.size() - 2);
  throw std::invalid_argument(message + " on this machine, got '" + std::string(name) + "'");
}

}  // namespace

const std::vector<const Kernels*>& available() {
  static const std::vector<const Kernels*> found = detect();
  return found;
}

const Kernels& select(std::string_view name) {
  std::string_view source = "instruction set";
  if (name.empty()) {
    const char* forced = std::getenv("METHEXIS_ISA");
    if (forced == nullptr || *forced == '\0') {
      return *available().front();
    }
    source = "METHEXIS_ISA";
    name = forced;
  }
  for (const Kernels* kernels : available()) {
    if (name == kernels->name) {
      return *kernels;
    }
  }
  refuse(source, name);
}

const Ceilings& select_ceilings(std::string_view name) {
  [[maybe_unused]] const std::string_view chosen = select(name).name;
#if defined(__x86_64__)
  for (const Ceilings* ceilings : {&avx512::ceilings, &avx2::ceilings}) {
    if (chosen == ceilings->name) {
      return *ceilings;
    }
  }
  return baseline::ceilings;
#elif defined(__aarch64__)
  return neon::ceilings;
#else
  return baseline::ceilings;
#endif
}

}  // namespace methexis
