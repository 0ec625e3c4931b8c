// Measuring on reference inputs of odd numbers and sizes, for the sanitizers and for what results
// must not depend on; and eigenvalues that are known. That results are right is tested from Python,
// against NumPy.
#include "on_inputs.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "dispatch.hpp"
#include "measuring.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

constexpr int kLanes = kMaxVectorBytes / 8;
constexpr int kInputs = 70;  // one part of whole size and a rest

std::vector<double> numbers(std::size_t count, uint64_t seed) {
  std::vector<double> values(count);
  uint64_t state = seed;
  for (double& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = double(int64_t(state) >> 11) * 0x1p-52;
  }
  return values;
}

// All results of the networks that are listed: alignments, then losses, accuracies and spectra.
std::vector<double> measured(const std::vector<std::int64_t>& networks, int threads) {
  const std::size_t count = networks.size(), all = 40;
  const std::vector<int> dims = {3, 9, 2, 5};
  const std::vector<double> inputs = numbers(kInputs * 3, 1), labels = numbers(5 * kInputs, 2);
  std::vector<std::int64_t> likeliest(kInputs);
  for (std::size_t i = 0; i < kInputs; ++i) likeliest[i] = std::int64_t(i % 5);
  std::vector<std::vector<double>> weights;
  std::vector<const void*> pointers;
  for (std::size_t i = 0; i < 3; ++i) {
    weights.push_back(numbers(all * std::size_t(dims[i + 1] * (dims[i] + 1)), 3 + i));
  }
  for (const auto& w : weights) pointers.push_back(w.data());
  std::vector<double> alignment(4 * count), loss(count), accuracy(count);
  std::vector<std::vector<double>> spectra = {std::vector<double>(9 * count),
                                              std::vector<double>(2 * count)};
  double* const modes[] = {spectra[0].data(), spectra[1].data()};
  const InputsStudent student = {3,
                                 dims.data(),
                                 1,
                                 Activation::gelu,
                                 5,
                                 inputs.data(),
                                 nullptr,
                                 labels.data(),
                                 likeliest.data(),
                                 0.0,
                                 pointers.data(),
                                 loss.data(),
                                 accuracy.data(),
                                 modes};
  const InputsMeasurement what = {
      1, &student, kInputs, 0, std::int64_t(count), networks.data(), 2, alignment.data()};
  measure(kernels, what, threads);
  std::vector<double> results = alignment;
  for (const auto* values : {&loss, &accuracy, &spectra[0], &spectra[1]}) {
    results.insert(results.end(), values->begin(), values->end());
  }
  return results;
}

TEST(on_inputs_results_do_not_depend_on_lanes_or_threads) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < 2 * kLanes + 3; ++i) all.push_back(i);
  const std::size_t count = all.size();
  const std::vector<double> together = measured(all, 3);
  for (const double value : together) CHECK(std::isfinite(value));
  for (const std::size_t network : {std::size_t(0), std::size_t(2 * kLanes + 2)}) {
    const std::vector<double> alone = measured({std::int64_t(network)}, 1);
    CHECK(std::memcmp(alone.data(), &together[4 * network], 4 * sizeof(double)) == 0);
    CHECK(alone[4] == together[4 * count + network]);
    CHECK(alone[5] == together[5 * count + network]);
    CHECK(std::memcmp(&alone[6], &together[6 * count + 9 * network], 9 * sizeof(double)) == 0);
  }
}

// A chain of ones beside a diagonal of zeros has eigenvalues 2 cos(pi k / (n + 1)).
TEST(eigenvalues_of_chains) {
  for (const int size : {1, 2, 7, 33}) {
    std::vector<double> diagonal(std::size_t(size * kLanes)), squares(std::size_t(size * kLanes));
    for (int i = 0; i + 1 < size; ++i) {
      for (int l = 0; l < kLanes; ++l) squares[std::size_t(i * kLanes + l)] = l * l;
    }
    eigenvalues<kLanes>(size, diagonal.data(), squares.data());
    for (int l = 0; l < kLanes; ++l) {
      std::vector<double> found(std::size_t(size), 0.0);
      descending<kLanes>(diagonal.data(), l, size, size, found.data());
      for (int k = 0; k < size; ++k) {
        const double expected = 2.0 * l * std::cos(std::acos(-1.0) * (k + 1) / (size + 1));
        CHECK_NEAR(found[std::size_t(k)], expected, 1e-14 * (1 + l));
      }
    }
  }
}

// Traces and sums of squares are those of the matrix that was reduced.
TEST(reductions_keep_what_is_invariant) {
  for (const int size : {1, 2, 3, 8, 21, 70}) {
    const ptrdiff_t row = round_up(size, kLanes);
    std::vector<double> matrix(std::size_t(size * row)), work(std::size_t(3 * row));
    const std::vector<double> given = numbers(std::size_t(size * size), 5);
    double trace = 0, total = 0;
    for (int i = 0; i < size; ++i) {
      for (int j = 0; j < size; ++j) {
        const double value = given[std::size_t(i > j ? i * size + j : j * size + i)];
        matrix[std::size_t(i * row + j)] = value;
        total += value * value;
        if (i == j) trace += value;
      }
    }
    std::vector<double> diagonal(std::size_t(size), 0.0), squares(std::size_t(size), 0.0);
    Tridiagonal<kLanes>(matrix.data(), size, row, work.data())
        .reduce(diagonal.data(), squares.data(), 1);
    for (int i = 0; i < size; ++i) {
      trace -= diagonal[std::size_t(i)];
      total -= diagonal[std::size_t(i)] * diagonal[std::size_t(i)];
      if (i + 1 < size) total -= 2 * squares[std::size_t(i)];
    }
    CHECK_NEAR(trace, 0.0, 1e-13 * size);
    CHECK_NEAR(total, 0.0, 1e-13 * size * size);
  }
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
