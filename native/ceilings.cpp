// Rates that bound any kernel of one instruction set; compiled like kernels.cpp, whose rule holds,
// except that here, where no bits matter, the compiler fuses multiply-adds (CMakeLists.txt).
#include "ceilings.hpp"

#include <stdlib.h>
#include <time.h>
#if defined(_WIN32)
#include <malloc.h>
#endif

namespace methexis::METHEXIS_ISA {
namespace {

#define METHEXIS_STRING(text) METHEXIS_STRING_OF(text)
#define METHEXIS_STRING_OF(text) #text

// Independent chains of multiply-adds must cover latency times throughput (8 on today's x86, 16 on
// wide ARM cores) and still fit the registers beside the operands.
#if defined(__AVX512F__)
constexpr int kBytesPerVector = 64;
constexpr int kChains = 16;
#elif defined(__AVX2__)
constexpr int kBytesPerVector = 32;
constexpr int kChains = 12;
#elif defined(__aarch64__)
constexpr int kBytesPerVector = 16;
constexpr int kChains = 16;
#else
constexpr int kBytesPerVector = 16;
constexpr int kChains = 10;
#endif

template <class T>
struct VectorOf;
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(kBytesPerVector)));
};
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(kBytesPerVector)));
};
template <class T>
using Vector = typename VectorOf<T>::type;

double now() {
  timespec at;
#if defined(_WIN32)
  timespec_get(&at, TIME_UTC);
#else
  clock_gettime(CLOCK_MONOTONIC, &at);
#endif
  return static_cast<double>(at.tv_sec) + 1e-9 * static_cast<double>(at.tv_nsec);
}

// Operands come from here and results go here, so that no loop is foreseen or without consequence.
volatile double source = 0.25;
volatile double sink;

template <class T>
void keep(const Vector<T>* values, int count) {
  Vector<T> sum = values[0];
  for (int i = 1; i < count; ++i) {
    sum += values[i];
  }
  double total = 0.0;
  for (std::size_t i = 0; i < sizeof(sum) / sizeof(T); ++i) {
    total += static_cast<double>(sum[i]);
  }
  sink = total;
}

// The best rate of `work(repetitions)`, which returns what it did (operations or bytes).
template <class Work>
double best_rate(double seconds, Work work) {
  constexpr double kShortest = 2e-4;  // of one measurement: many ticks of the clock
  const double began = now();
  std::size_t repetitions = 1;
  double best = 0.0;
  double at = began;
  do {
    const double done = work(repetitions);
    const double end = now();
    const double took = end - at;
    if (took >= kShortest) {
      const double rate = done / took;
      best = rate > best ? rate : best;
    } else {
      repetitions *= 2;
    }
    at = end;
  } while (at - began < seconds || best == 0.0);
  return best;
}

template <class T>
double fma_rate(double seconds) {
  constexpr int kRounds = 64;
  Vector<T> chains[kChains];
  const Vector<T> summand = Vector<T>{} + static_cast<T>(source);
  const Vector<T> factor = T(1) - summand;  // the chains converge to one
  for (int c = 0; c < kChains; ++c) {
    chains[c] = Vector<T>{} + static_cast<T>(source) * T(c);
  }
  return best_rate(seconds, [&](std::size_t repetitions) {
    Vector<T> held[kChains];
    for (int c = 0; c < kChains; ++c) {
      held[c] = chains[c];
    }
    for (std::size_t r = 0; r < repetitions * kRounds; ++r) {
      for (int c = 0; c < kChains; ++c) {
        held[c] = held[c] * factor + summand;
      }
    }
    for (int c = 0; c < kChains; ++c) {
      chains[c] = held[c];
    }
    keep<T>(chains, kChains);
    constexpr double kLanes = sizeof(Vector<T>) / sizeof(T);
    return 2.0 * kLanes * kChains * kRounds * static_cast<double>(repetitions);
  });
}

// Vectors in an array of at most that many bytes, a multiple of the unrolling.
constexpr std::size_t kUnroll = 8;

std::size_t count_vectors(std::size_t bytes) {
  const std::size_t most = bytes / kBytesPerVector / kUnroll * kUnroll;
  return most > kUnroll ? most : kUnroll;
}

template <class T>
Vector<T>* allocate(std::size_t count) {
#if defined(_WIN32)
  void* memory = _aligned_malloc(count * sizeof(Vector<T>), 4096);
  if (memory == nullptr) {
    abort();
  }
#else
  void* memory = nullptr;
  if (posix_memalign(&memory, 4096, count * sizeof(Vector<T>)) != 0) {
    abort();
  }
#endif
  auto* vectors = static_cast<Vector<T>*>(memory);
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = Vector<T>{};
  }
  return vectors;
}

void release(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  free(memory);
#endif
}

template <class T>
double update_rate(std::size_t bytes, double seconds) {
  const std::size_t count = count_vectors(bytes / 2);
  Vector<T>* w = allocate<T>(2 * count);
  Vector<T>* g = w + count;
  const Vector<T> rate = Vector<T>{} + static_cast<T>(source);
  const double best = best_rate(seconds, [&](std::size_t repetitions) {
    for (std::size_t r = 0; r < repetitions; ++r) {
      for (std::size_t i = 0; i < count; i += kUnroll) {
        for (std::size_t j = i; j < i + kUnroll; ++j) {
          w[j] -= rate * g[j];
        }
      }
    }
    keep<T>(w, 1);
    return 3.0 * sizeof(Vector<T>) * static_cast<double>(count * repetitions);
  });
  release(w);
  return best;
}

template <class T>
double load_rate(std::size_t bytes, double seconds) {
  const std::size_t count = count_vectors(bytes);
  Vector<T>* values = allocate<T>(count);
  const double best = best_rate(seconds, [&](std::size_t repetitions) {
    Vector<T> sums[kUnroll] = {};
    for (std::size_t r = 0; r < repetitions; ++r) {
      for (std::size_t i = 0; i < count; i += kUnroll) {
        for (std::size_t j = 0; j < kUnroll; ++j) {
          sums[j] += values[i + j];
        }
      }
    }
    keep<T>(sums, kUnroll);
    return 1.0 * sizeof(Vector<T>) * static_cast<double>(count * repetitions);
  });
  release(values);
  return best;
}

// The sums are as many chains as vectors are unrolled, so that no latency counts.
template <class T>
double pull_rate(std::size_t bytes, double seconds) {
  const std::size_t count = count_vectors(bytes);
  Vector<T>* w = allocate<T>(count);
  const Vector<T> rate = Vector<T>{} + static_cast<T>(source);
  const Vector<T> signal = T(1) - rate;
  const double best = best_rate(seconds, [&](std::size_t repetitions) {
    Vector<T> sums[kUnroll] = {};
    for (std::size_t r = 0; r < repetitions; ++r) {
      for (std::size_t i = 0; i < count; i += kUnroll) {
        for (std::size_t j = 0; j < kUnroll; ++j) {
          const Vector<T> value = w[i + j];
          sums[j] += value * signal;
          w[i + j] = value - rate * signal;
        }
      }
    }
    keep<T>(sums, kUnroll);
    return 1.0 * sizeof(Vector<T>) / sizeof(T) * static_cast<double>(count * repetitions);
  });
  release(w);
  return best;
}

double fma_of(bool single_precision, double seconds) {
  return single_precision ? fma_rate<float>(seconds) : fma_rate<double>(seconds);
}

double update_of(std::size_t bytes, bool single_precision, double seconds) {
  return single_precision ? update_rate<float>(bytes, seconds)
                          : update_rate<double>(bytes, seconds);
}

double load_of(std::size_t bytes, bool single_precision, double seconds) {
  return single_precision ? load_rate<float>(bytes, seconds) : load_rate<double>(bytes, seconds);
}

double pull_of(std::size_t bytes, bool single_precision, double seconds) {
  return single_precision ? pull_rate<float>(bytes, seconds) : pull_rate<double>(bytes, seconds);
}

}  // namespace

constinit const Ceilings ceilings = {METHEXIS_STRING(METHEXIS_ISA), fma_of, update_of, load_of,
                                     pull_of};

}  // namespace methexis::METHEXIS_ISA
