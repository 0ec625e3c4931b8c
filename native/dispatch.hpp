// Which kernels this machine can run, and which of them are used.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ceilings.hpp"
#include "kernels.hpp"

namespace methexis {

// The kernels that this machine can run, fastest first.
const std::vector<const Kernels*>& available();

// The kernels of that name; of no name, those that the environment variable METHEXIS_ISA names, and
// without it the fastest. Throws std::invalid_argument for a name that is not available.
const Kernels& select(std::string_view name = {});

// The ceilings of the instruction set that select(name) chooses.
const Ceilings& select_ceilings(std::string_view name = {});

}  // namespace methexis
