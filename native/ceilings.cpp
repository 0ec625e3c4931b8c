// Rates that bound any kernel of one instruction set; compiled like kernels.cpp, whose rule holds.
#include "ceilings.hpp"

namespace methexis::METHEXIS_ISA {}
