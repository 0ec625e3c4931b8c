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

void measure(const Kernels& kernels, const Measurement& what, int threads) {
  const std::int64_t lanes = kernels.measured_lanes;
  const std::int64_t blocks = (what.count + lanes - 1) / lanes;
  const std::size_t bytes = kernels.measured_bytes(what);
  std::atomic<std::int64_t> next{0};
  const auto work = [&](char* memory) {
    for (std::int64_t i = next++; i < blocks; i = next++) {
      const std::int64_t first = i * lanes;
      kernels.measure(what, first, static_cast<int>(std::min(lanes, what.count - first)), memory);
    }
  };
  // A thread costs as much as a block of small networks: a few blocks for each.
  constexpr std::int64_t kBlocksPerThread = 4;
  const std::int64_t wanted = std::clamp<std::int64_t>(blocks / kBlocksPerThread, 1, threads);
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

}  // namespace methexis
