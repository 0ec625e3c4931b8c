// The engine: owns what a run is, cuts its networks into blocks, and gives the blocks to threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels.hpp"

namespace methexis {

// Constant data of a run with its storage; `run` points into it.
struct OwnedRun {
  OwnedRun() = default;
  OwnedRun(const OwnedRun&) = delete;
  OwnedRun& operator=(const OwnedRun&) = delete;

  // A copy of `bytes` bytes that lives as long as this object.
  const void* keep(const void* from, std::size_t bytes);

  Run run{};
  std::vector<Student> students;

 private:
  std::vector<std::unique_ptr<char[]>> storage_;
};

struct BlockOf {
  const Kernel* kernel;
  std::int64_t first;
  int count;
};

struct Free {
  void operator()(char* memory) const;
};

// Zeroed memory of a block, aligned to 64 bytes. Throws std::bad_alloc.
std::unique_ptr<char, Free> aligned_memory(std::size_t bytes);

class Engine {
 public:
  // `lanes` is the number of networks of a block, 0 for the best by shapes and number of networks.
  // Throws std::invalid_argument if there is no such kernel.
  Engine(std::unique_ptr<OwnedRun> owned, const Kernels& kernels, bool single, int lanes);

  const Run& run() const { return owned_->run; }
  const Kernels& kernels() const { return kernels_; }
  bool single() const { return single_; }
  int lanes() const { return lanes_; }
  std::size_t block_bytes() const { return bytes_; }

  // Advances all networks, on so many threads or on as many as the system grants. `call.orders` is
  // filled in here. Calls wait for each other. Throws std::bad_alloc.
  void advance(Call call, int threads);

 private:
  void require(int lanes) const;
  void cut(int lanes);

  std::unique_ptr<OwnedRun> owned_;
  const Kernels& kernels_;
  bool single_;
  int lanes_ = 1;
  std::size_t bytes_ = 0;
  std::vector<BlockOf> blocks_;
  std::mutex busy_;                                  // what follows belongs to one call at a time
  std::vector<std::unique_ptr<char, Free>> memory_;  // of each thread
  std::vector<Order> orders_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace methexis
