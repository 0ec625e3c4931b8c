// What is measured of students, as plain numbers and pointers: all that the kernels know.
//
// Linear ones are measured in closed form (`Measurement`), others on reference inputs
// (`InputsMeasurement`). Filled by module_measuring.cpp and module_on_inputs.cpp from checked
// arrays and shared by the kernels of all instruction sets, so it holds no vector types and no
// functions. Matrices are row-major. Results are written for the networks in the order in which
// they are listed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spec.hpp"

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

// One student on reference inputs: shapes, what is frozen, its weights, and where its results go.
struct InputsStudent {
  int depth;
  const int* dims;
  int bias;  // 1 if weights have a last column of biases
  Activation activation;
  int num_labels;
  const double* inputs;           // (num_inputs, d_0)
  const double* embed_out;        // (p, d_D): null for the identity
  const double* labels;           // (p, num_inputs)
  const std::int64_t* likeliest;  // (num_inputs): classes of the labels; null for squares
  double noise;                   // part of the loss that no input shows
  const void* const* weights;     // [layer] -> (networks, d_i, d_{i-1} + bias), double or float
  double* loss;                   // (count); null if none is asked for
  double* accuracy;               // (count); null likewise
  double* const* spectra;         // [hidden layer] -> (count, d_i), descending; null likewise
};

struct InputsMeasurement {
  int num_students;
  const InputsStudent* students;
  int num_inputs;
  int single;  // whether weights are floats
  std::int64_t count;
  const std::int64_t* networks;  // (count): places on the first axis of the weights
  int num_layers;                // hidden layers of all students
  double* alignment;             // (count, num_layers, num_layers)
};

}  // namespace methexis
