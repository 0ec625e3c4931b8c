// The Python face of the native engine: methexis._native. Types are in src/methexis/_native.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "dispatch.hpp"

namespace nb = nanobind;

namespace methexis {
namespace {

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels* kernels : available()) {
    names.emplace_back(kernels->name);
  }
  return names;
}

std::string instruction_set(const std::string& name) { return select(name).name; }

}  // namespace
}  // namespace methexis

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of the native engine.";
  m.def("instruction_sets", &methexis::instruction_sets,
        "Return the instruction sets that this machine can run, fastest first.");
  m.def("instruction_set", &methexis::instruction_set, nb::arg("name") = "",
        "Return the instruction set in use: `name`, else METHEXIS_ISA, else the fastest.");
}
