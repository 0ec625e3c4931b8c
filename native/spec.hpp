// What a run is, as plain numbers and pointers: all that kernels know of it.
//
// `Run` is filled once by module.cpp from checked arrays; `Call` once per stretch of steps. Both
// are shared by the copies of the kernels for all instruction sets, so they hold no vector types
// and no inline functions. Matrices are row-major; `network` is always the first axis.
#pragma once

#include <cstddef>
#include <cstdint>

namespace methexis {

constexpr int kNumHyper = 8;  // lr, weight_decay, l2, momentum, beta1, beta2, eps, rho
enum class Hyper : int { lr, weight_decay, l2, momentum, beta1, beta2, eps, rho };
enum class Optimiser : int { sgd, heavy_ball, nesterov, adam, rmsprop, sign, sam };
enum class Activation : int { identity, relu, leaky_relu, tanh, gelu, softplus };
enum class Loss : int { squared, whitened_running, cross_entropy };
// Where the batches come from: fresh samples of a teacher, rows of a table by random indices, rows
// in shuffled epochs, or all rows of a table at every step.
enum class Sampling : int { online, replace, shuffle, full };

constexpr int kMaxDepth = 128;
constexpr int kMaxSlots = 2;

// One student: shapes and everything frozen. Labels are what `g = curvature f - label` needs for
// the squared loss, `(2/B) M^T y`; the labels themselves otherwise.
struct Student {
  int depth;        // layers
  const int* dims;  // d_0 ... d_D
  int bias;         // 1 if h is extended by a one, so that W has a last column of biases
  Activation activation;
  int num_labels;           // length of a label: d_D, or p for running whitening
  const void* curvature;    // (d_D, d_D) = (2/B) M^T M; squared loss
  int plain_curvature;      // whether it is (2/B) times the identity
  const void* embed_out;    // (p, d_D): M, null for the identity; not for the squared loss
  const void* input_map;    // (d_0, width): from standardised numbers to h_0; online
  const void* label_map;    // (num_labels, width); online
  const void* private_map;  // (d_0, num_private); online, null if there are none
  int num_private;
  const void* noise_map;  // (num_labels, num_noise): from label noise to labels
  const void* inputs;     // (num_samples, d_0); tables
  const void* labels;     // (num_samples, num_labels); tables
};

struct Run {
  int num_students;
  const Student* students;
  std::int64_t num_networks;
  std::int64_t num_samples;  // rows of the tables
  int batch;
  int num_inputs;  // standardised numbers of a sample that are inputs; the others are noise
  int width;       // standardised numbers of a sample
  int num_noise;   // label-noise numbers of a sample, 0 without label noise
  Sampling sampling;
  Loss loss;
  Optimiser optimiser;
  int wide;  // addressing of standardised numbers, see random.hpp
  int law_x, law_noise;
  int paired;
  int within;  // layout: lanes within one network (1) or across networks (0)
  std::int64_t total_steps;
  int check_interval;
  // Keys (network, 2) per student; all students point to the same array where streams are shared.
  const std::uint32_t* const* sample_keys;
  const std::uint32_t* const* private_keys;
  const std::uint32_t* const* noise_keys;
  const double* hyper;        // (kNumHyper, network)
  const double* label_noise;  // (network)
  const double* upper;        // (student, network): larger weights have diverged
  const double* lower;        // (student, network): smaller weights have collapsed
  double ridge;               // of the running covariance, times its mean eigenvalue
  const double* average;      // (student): weight of a new batch in the running covariance
};

// Epoch orders that outlive a call: one entry per (student, network).
struct Order {
  std::int64_t epoch;        // -1: none
  std::uint32_t* positions;  // (num_samples)
};

struct Call {
  std::int64_t first_step;
  std::int64_t num_steps;
  const double* factors;        // (num_steps) of the learning rate
  void* const* weights;         // [student][layer] -> (network, rows, columns), flattened
  void* const* slots;           // [student][slot][layer]
  double* const* residual_cov;  // [student] -> (network, p, p)
  std::int64_t* diverged;       // (network), -1 while healthy
  std::int64_t* collapsed;
  Order* orders;  // [student][network]
};

}  // namespace methexis
