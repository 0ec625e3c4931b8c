// See engine.hpp. Compiled for the least machine of the architecture.
#include "engine.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#if defined(_WIN32)
#include <malloc.h>
#endif

namespace methexis {
namespace {

// Second-level cache that the weights of a block may count on, in bytes. Only speed depends on it.
// Leaving the first level costs a few per cent, less than half as wide vectors do.
constexpr std::size_t kSecondLevel = 512 * 1024;

// Bytes of the weights of one network that every step reads and writes.
std::size_t weight_bytes(const Run& run, bool single) {
  std::size_t count = 0;
  for (int s = 0; s < run.num_students; ++s) {
    const Student& student = run.students[s];
    for (int i = 0; i < student.depth; ++i) {
      count += static_cast<std::size_t>(student.dims[i] + student.bias) *
               static_cast<std::size_t>(student.dims[i + 1]);
    }
  }
  return count * (single ? 4 : 8);
}

}  // namespace

std::unique_ptr<char, Free> aligned_memory(std::size_t bytes) {
#if defined(_WIN32)
  auto* memory = static_cast<char*>(_aligned_malloc(bytes + 64, 64));
#else
  auto* memory = static_cast<char*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
#endif
  if (!memory) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  return std::unique_ptr<char, Free>(memory);
}

void Free::operator()(char* memory) const {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

const void* OwnedRun::keep(const void* from, std::size_t bytes) {
  // One vector more than asked for, zeroed: kernels may read whole vectors past the end of a row.
  storage_.push_back(std::make_unique<char[]>(bytes + 64));
  if (bytes) std::memcpy(storage_.back().get(), from, bytes);
  return storage_.back().get();
}

Engine::Engine(std::unique_ptr<OwnedRun> owned, const Kernels& kernels, bool single, int lanes)
    : owned_(std::move(owned)), kernels_(kernels), single_(single) {
  cut(lanes);
  const Run& run = owned_->run;
  if (run.sampling == Sampling::shuffle) {
    const std::size_t rows = (run.paired ? 1 : run.num_students) * run.num_networks;
    positions_.resize(rows * static_cast<std::size_t>(run.num_samples));
    for (std::size_t i = 0; i < rows; ++i) {
      orders_.push_back({-1, positions_.data() + i * static_cast<std::size_t>(run.num_samples)});
    }
  }
}

void Engine::require(int lanes) const {
  const bool within = owned_->run.within;
  std::string known;
  for (int k = 0; k < (within ? 1 : kernels_.num_across[single_]); ++k) {
    const int own = within ? kernels_.within[single_].lanes : kernels_.across[single_][k].lanes;
    if (own == lanes) return;
    known += ", " + std::to_string(own);
  }
  throw std::invalid_argument("lanes: expected one of 0" + known + ", got " +
                              std::to_string(lanes));
}

// A wide block does more per instruction, a narrow one fits a smaller cache and leaves more blocks
// for the threads. Bits depend on neither, so this is free to follow the number of networks too.
void Engine::cut(int lanes) {
  const Run& run = owned_->run;
  const Kernel* across = kernels_.across[single_];
  const int num_across = kernels_.num_across[single_];
  if (lanes) require(lanes);
  if (run.within) {
    const Kernel* kernel = &kernels_.within[single_];
    lanes_ = 1;
    bytes_ = kernel->bytes(run);
    for (std::int64_t n = 0; n < run.num_networks; ++n) blocks_.push_back({kernel, n, 1});
    return;
  }
  int chosen = 0;  // where weights leave the second-level cache anyway
  for (int k = 0; k < num_across; ++k) {
    const bool fits = weight_bytes(run, single_) * across[k].lanes <= kSecondLevel;
    if (lanes ? across[k].lanes == lanes : across[k].lanes <= run.num_networks && fits) {
      chosen = k;
      break;
    }
  }
  lanes_ = across[chosen].lanes;
  bytes_ = 0;
  for (std::int64_t first = 0; first < run.num_networks;) {
    const std::int64_t left = run.num_networks - first;
    // The rest goes to the narrowest kernel that holds it, or to the widest that it fills.
    int k = chosen;
    while (k + 1 < num_across && across[k].lanes > left && across[k + 1].lanes >= left) ++k;
    const int count = static_cast<int>(std::min<std::int64_t>(across[k].lanes, left));
    blocks_.push_back({&across[k], first, count});
    bytes_ = std::max(bytes_, across[k].bytes(run));
    first += count;
  }
}

void Engine::advance(Call call, int threads) {
  const std::lock_guard alone(busy_);
  call.orders = orders_.data();
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failed;
  const auto work = [&](char* memory) {
    try {
      for (std::size_t i = next++; i < blocks_.size(); i = next++) {
        const BlockOf& block = blocks_[i];
        block.kernel->advance(owned_->run, call, block.first, block.count, memory);
      }
    } catch (...) {
      const std::lock_guard lock(failed);
      failure = std::current_exception();
    }
  };
  const auto wanted = std::min<std::size_t>(static_cast<std::size_t>(threads), blocks_.size());
  while (memory_.size() < wanted) memory_.push_back(aligned_memory(bytes_));
  std::vector<std::thread> others;
  try {
    for (std::size_t i = 1; i < wanted; ++i) others.emplace_back(work, memory_[i].get());
  } catch (const std::exception&) {
    // The system grants no more threads; those that there are do all the work.
  }
  work(memory_[0].get());
  for (std::thread& thread : others) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace methexis
