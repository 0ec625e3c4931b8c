// Measuring of small students of odd sizes, for the sanitizers and for what results must not depend
// on: every array that is written is exactly as large as promised. That results are right is tested
// from Python, against NumPy.
#include "measure.hpp"

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

std::vector<double> numbers(std::size_t count, uint64_t seed) {
  std::vector<double> values(count);
  uint64_t state = seed;
  for (double& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = double(int64_t(state) >> 11) * 0x1p-52;
  }
  return values;
}

std::vector<double> identity(int size) {
  std::vector<double> found(std::size_t(size * size));
  for (int i = 0; i < size; ++i) found[std::size_t(i * size + i)] = 1.0;
  return found;
}

// One student of 3 inputs and 2 labels with layers of any width, and all that is measured of it.
struct Student {
  Student(std::vector<int> the_dims, std::int64_t networks, std::int64_t count, bool excess)
      : dims(std::move(the_dims)) {
    const int depth = int(dims.size()) - 1;
    for (int i = 0; i < depth; ++i) {
      const std::size_t size = std::size_t(dims[std::size_t(i)] * dims[std::size_t(i) + 1]);
      weights.push_back(numbers(size * std::size_t(networks), 7 + uint64_t(i)));
    }
    for (auto& w : weights) pointers.push_back(w.data());
    for (int i = 1; i < depth; ++i) {
      const int modes = dims[std::size_t(i)] < 3 ? dims[std::size_t(i)] : 3;
      spectra.emplace_back(std::size_t(count * modes));
    }
    for (auto& s : spectra) spectra_pointers.push_back(s.data());
    embed_in = numbers(std::size_t(dims.front() * 3), 1);
    embed_out = numbers(std::size_t(2 * dims.back()), 2);
    target = numbers(6, 3);
    per_network.resize(3, std::vector<double>(std::size_t(count)));
    per_layer.resize(2, std::vector<double>(std::size_t(count * (depth - 1))));
    plain = {depth,
             dims.data(),
             3,
             2,
             embed_in.data(),
             embed_out.data(),
             target.data(),
             cov_x.data(),
             cov_noise.data(),
             cov_x.data(),
             excess ? kurtosis.data() : nullptr,
             cov_x.data(),
             std::sqrt(3.0),
             pointers.data(),
             per_network[0].data(),
             per_network[1].data(),
             per_network[2].data(),
             per_layer[0].data(),
             per_layer[1].data(),
             spectra_pointers.data()};
  }
  Student(const Student&) = delete;

  std::vector<int> dims;
  std::vector<std::vector<double>> weights, spectra, per_network, per_layer;
  std::vector<const void*> pointers;
  std::vector<double*> spectra_pointers;
  std::vector<double> embed_in, embed_out, target;
  std::vector<double> cov_x = identity(3), cov_noise = identity(2), kurtosis = {1.0, 0.0, -0.5};
  MeasuredStudent plain;
};

// All results of the networks that are listed, one after another.
std::vector<double> measured(const std::vector<std::int64_t>& networks, bool excess, int threads) {
  const std::int64_t count = std::int64_t(networks.size());
  Student one({2, 5, 1, 4}, 40, count, excess), other({3, 7, 2}, 40, count, excess);
  const MeasuredStudent students[] = {one.plain, other.plain};
  std::vector<double> alignment(std::size_t(count * 9));
  const Measurement what = {2, students, 3, 0, count, networks.data(), 3, alignment.data()};
  measure(kernels, what, threads);
  std::vector<double> found = alignment;
  for (const Student* student : {&one, &other}) {
    for (const auto* lists : {&student->per_network, &student->per_layer, &student->spectra}) {
      for (const auto& values : *lists) found.insert(found.end(), values.begin(), values.end());
    }
  }
  return found;
}

TEST(results_do_not_depend_on_lanes_or_threads) {
  for (const bool excess : {false, true}) {
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < 4 * kLanes + 3; ++i) all.push_back(i);
    const std::vector<double> together = measured(all, excess, 3);
    for (const std::int64_t network : {std::int64_t(0), std::int64_t(4 * kLanes + 2)}) {
      const std::vector<double> alone = measured({network}, excess, 1);
      const std::size_t count = all.size();
      // Alignments come first, nine of a network.
      CHECK(std::memcmp(alone.data(), together.data() + 9 * network, 9 * sizeof(double)) == 0);
      // Then the loss of the first student, one of a network.
      CHECK(alone[9] == together[9 * count + std::size_t(network)]);
    }
  }
}

TEST(a_layer_is_aligned_with_itself) {
  const std::vector<double> found = measured({5, 2}, true, 1);
  for (int n = 0; n < 2; ++n) {
    for (int a = 0; a < 3; ++a) CHECK_NEAR(found[std::size_t(9 * n + 4 * a)], 1.0, 1e-14);
  }
  for (const double value : found) CHECK(std::isfinite(value));
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
