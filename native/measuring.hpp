// Measuring students: cuts networks into blocks of lanes and gives them to threads.
#pragma once

#include "kernels.hpp"
#include "measured.hpp"

namespace methexis {

// Measures all networks that are listed, on so many threads or on as many as the system grants.
// Throws std::bad_alloc.
void measure(const Kernels& kernels, const Measurement& what, int threads);
void measure(const Kernels& kernels, const InputsMeasurement& what, int threads);

}  // namespace methexis
