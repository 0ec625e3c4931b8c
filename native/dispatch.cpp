// See dispatch.hpp. Compiled for the least machine of the architecture.
#include "dispatch.hpp"

#include <cstdlib>
#include <initializer_list>
#include <stdexcept>

namespace methexis {
namespace {

std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  // These ask the operating system too, whether it saves the wide registers.
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
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
