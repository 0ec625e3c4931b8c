// The part of the extension's module that measures.
#pragma once

#include <nanobind/nanobind.h>

namespace methexis {

// Adds `measure` to the module.
void define_measuring(nanobind::module_& m);

// Adds `measure_on_inputs`.
void define_on_inputs(nanobind::module_& m);

}  // namespace methexis
