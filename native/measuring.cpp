// See measuring.hpp. Compiled for the least machine of the architecture.
#include "measuring.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "engine.hpp"

namespace methexis {

namespace {

// Blocks of at most `lanes` networks on at most `wanted` threads, each in memory of its own.
template <class What>
void in_blocks(const What& what, std::int64_t lanes, std::int64_t wanted, std::size_t bytes,
               void (*measure_block)(const What&, std::int64_t, int, char*)) {
  const std::int64_t blocks = (what.count + lanes - 1) / lanes;
  std::atomic<std::int64_t> next{0};
  const auto work = [&](char* memory) {
    for (std::int64_t i = next++; i < blocks; i = next++) {
      const std::int64_t first = i * lanes;
      measure_block(what, first, static_cast<int>(std::min(lanes, what.count - first)), memory);
    }
  };
  std::vector<std::unique_ptr<char, Free>> memory;
  for (std::int64_t i = 0; i < wanted; ++i) memory.push_back(aligned_memory(bytes));
  std::vector<std::thread> others;
  try {
    for (std::size_t i = 1; i < memory.size(); ++i) others.emplace_back(work, memory[i].get());
  } catch (const std::exception&) {
    // The system grants no more threads; those that there are do all the work.
  }
  work(memory[0].get());
  for (std::thread& thread : others) thread.join();
}

}  // namespace

void measure(const Kernels& kernels, const Measurement& what, int threads) {
  const std::int64_t lanes = kernels.measured_lanes, blocks = (what.count + lanes - 1) / lanes;
  // A thread costs as much as a block of small networks: a few blocks for each.
  constexpr std::int64_t kBlocksPerThread = 4;
  const std::int64_t wanted = std::clamp<std::int64_t>(blocks / kBlocksPerThread, 1, threads);
  in_blocks(what, lanes, wanted, kernels.measured_bytes(what), kernels.measure);
}

void measure(const Kernels& kernels, const InputsMeasurement& what, int threads) {
  // Networks are measured one by one but for their spectra, whose lanes may be few.
  const std::int64_t wanted = std::clamp<std::int64_t>(what.count, 1, threads);
  const std::int64_t share = (what.count + wanted - 1) / wanted;
  const std::int64_t lanes = std::clamp<std::int64_t>(share, 1, kernels.measured_lanes);
  in_blocks(what, lanes, wanted, kernels.inputs_bytes(what), kernels.measure_inputs);
}

}  // namespace methexis
