// The Python face of the native engine: methexis._native. Types are in src/methexis/_native.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <stdexcept>
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

// Seconds that a measurement of a ceiling may ask for; more would say nothing new.
double checked(double seconds) {
  if (!(seconds >= 0.0 && seconds <= 60.0)) {
    throw std::invalid_argument("seconds: expected a number in [0, 60]");
  }
  return seconds;
}

double fma_rate(bool single_precision, double seconds, const std::string& name) {
  return select_ceilings(name).fma_rate(single_precision, checked(seconds));
}

double memory_rate(std::size_t bytes, bool store, bool single_precision, double seconds,
                   const std::string& name) {
  if (bytes == 0 || bytes > std::size_t{1} << 30) {
    throw std::invalid_argument("bytes: expected from 1 to 2**30");
  }
  const Ceilings& of = select_ceilings(name);
  const auto rate = store ? of.update_rate : of.load_rate;
  return rate(bytes, single_precision, checked(seconds));
}

}  // namespace
}  // namespace methexis

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of the native engine.";
  m.def("instruction_sets", &methexis::instruction_sets,
        "Return the instruction sets that this machine can run, fastest first.");
  m.def("instruction_set", &methexis::instruction_set, nb::arg("name") = "",
        "Return the instruction set in use: `name`, else METHEXIS_ISA, else the fastest.");
  m.def("fma_rate", &methexis::fma_rate, nb::arg("single_precision"), nb::arg("seconds") = 0.1,
        nb::arg("name") = "", nb::call_guard<nb::gil_scoped_release>(),
        "Return the flops per second of multiply-adds from registers, one thread.");
  m.def("memory_rate", &methexis::memory_rate, nb::arg("bytes"), nb::arg("store"),
        nb::arg("single_precision"), nb::arg("seconds") = 0.1, nb::arg("name") = "",
        nb::call_guard<nb::gil_scoped_release>(),
        "Return bytes per second to and from a working set: two loads per store, or only loads.");
}
