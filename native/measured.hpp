// What is measured of linear students, as plain numbers and pointers: all that the kernels know.
//
// Filled by module_measuring.cpp from checked arrays and shared by the kernels of all instruction
// sets, so it holds no vector types and no functions. Matrices are row-major. Results are written
// for the networks in the order in which they are listed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace methexis {

// One student: shapes, what is frozen, its weights, and where its results go.
struct MeasuredStudent {
  int depth;                   // layers
  const int* dims;             // d_0 ... d_D
  int num_inputs, num_labels;  // n, p
  const double* embed_in;      // (d_0, n)
  const double* embed_out;     // (p, d_D)
  const double* target;        // (p, n)
  const double* cov_x;         // (n, n)
  const double* cov_noise;     // (p, p)
  const double* root_x;        // (n, n)
  const double* excess;        // (n): excess kurtosis of the inputs; null if they are Gaussian
  const double* kernel;        // (n, n): cov_x K cov_x of the universal kernel K; null without one
  double kernel_norm;          // sqrt(Tr[K cov_x K cov_x])
  const void* const* weights;  // [layer] -> (networks, d_i, d_{i-1}), double or float
  double* loss;                // (count), like the next two
  double* entropy;
  double* trace;
  double* imbalance;       // (count, depth - 1)
  double* theory;          // (count, depth - 1); null without a universal kernel
  double* const* spectra;  // [hidden layer] -> (count, min(d_i, n)), descending
};

struct Measurement {
  int num_students;
  const MeasuredStudent* students;
  int num_shared;  // inputs that all students see; those after them are private
  int single;      // whether weights are floats
  std::int64_t count;
  const std::int64_t* networks;  // (count): places on the first axis of the weights
  int num_layers;                // hidden layers of all students
  double* alignment;             // (count, num_layers, num_layers)
};

}  // namespace methexis
