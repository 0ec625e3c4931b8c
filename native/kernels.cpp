// The kernels of one instruction set: compiled once for each, with METHEXIS_ISA its name.
//
// The rule that keeps them apart: everything defined here, or in a header included here, lives in
// namespace methexis::METHEXIS_ISA. An inline function or template of std:: or of a shared header
// would be compiled once per instruction set under one name, the linker would keep any one of the
// copies, and an old machine could be handed the new machine's. Hence C headers and templates of
// our own only, and no initialisation at run time, which would run on every machine that loads the
// extension. tests/native/test_symbols.py enforces both.
#include "kernels.hpp"

#include "block.hpp"
#include "measure.hpp"
#include "on_inputs.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

#define METHEXIS_STRING(text) METHEXIS_STRING_OF(text)
#define METHEXIS_STRING_OF(text) #text

template <class T, int L, bool Within>
size_t bytes(const Run& run) {
  return Block<T, L, Within>::bytes(run);
}

template <class T, int L, bool Within>
void advance(const Run& run, const Call& call, int64_t first, int count, char* memory) {
  Block<T, L, Within>(run, call, first, count, memory).advance();
}

template <class T, int L, bool Within>
constexpr Kernel kernel() {
  return {Within ? 1 : L, bytes<T, L, Within>, advance<T, L, Within>};
}

template <class T>
constexpr int fill(Kernel (&to)[kMaxKernels]) {
  int count = 0;
  if constexpr (kMaxVectorBytes >= 64) to[count++] = kernel<T, 64 / sizeof(T), false>();
  if constexpr (kMaxVectorBytes >= 32) to[count++] = kernel<T, 32 / sizeof(T), false>();
  to[count++] = kernel<T, 16 / sizeof(T), false>();
  return count;
}

constexpr int L = kMaxVectorBytes / 8;

// Drawn as the engine draws for one network: words of many blocks first, then their transform, in
// the order of the stream.
void normals(const uint32_t* pair, uint64_t step, int64_t count, double* out) {
  using U = Words<L>;
  constexpr int64_t portion = 16;  // vectors of blocks
  const RoundKeys<L> key(pair);
  U block{};
  for (int l = 0; l < L; ++l) block[l] = l;
  const U low = splat<U>(step & kLowHalf), high = splat<U>(step >> 32);
  alignas(64) uint64_t words[portion * 4 * L];
  for (int64_t left = count; left > 0;) {
    const int64_t wanted = (left + 4 * L - 1) / (4 * L);
    const int64_t some = wanted < portion ? wanted : portion;
    words_of<L>(key, low, high, block, L, some, words);
    block += uint64_t(some * L);
    for (int64_t n = 0; n < some; ++n, left -= 4 * L, out += 4 * L) {
      Doubles<L> normal[4];
      normals_of<L>(words + n * 4 * L, normal);
      in_order<L>(normal);
      if (left >= 4 * L) {
        for (int j = 0; j < 4; ++j) store(out + j * L, normal[j]);
      } else {
        __builtin_memcpy(out, normal, sizeof(double) * left);
      }
    }
  }
}

void order(const uint32_t* key, uint64_t epoch, int64_t count, uint64_t* scratch, uint32_t* out) {
  make_order(key, epoch, count, scratch, out);
}

size_t measured_bytes(const Measurement& what) { return Measured<L>::bytes(what); }

void measure(const Measurement& what, int64_t first, int count, char* memory) {
  Measured<L>(what, first, count, memory).measure();
}

size_t inputs_bytes(const InputsMeasurement& what) { return OnInputs<L>::bytes(what); }

void measure_inputs(const InputsMeasurement& what, int64_t first, int count, char* memory) {
  OnInputs<L>(what, first, count, memory).measure();
}

constexpr Kernels make_kernels() {
  Kernels made{};
  made.name = METHEXIS_STRING(METHEXIS_ISA);
  made.bytes_per_vector = kMaxVectorBytes;
  made.num_across[0] = fill<double>(made.across[0]);
  made.num_across[1] = fill<float>(made.across[1]);
  made.within[0] = kernel<double, kMaxVectorBytes / 8, true>();
  made.within[1] = kernel<float, kMaxVectorBytes / 4, true>();
  made.normals = normals;
  made.order = order;
  made.order_scratch = order_scratch;
  made.measured_lanes = L;
  made.measured_bytes = measured_bytes;
  made.measure = measure;
  made.inputs_bytes = inputs_bytes;
  made.measure_inputs = measure_inputs;
  return made;
}

}  // namespace

constinit const Kernels kernels = make_kernels();

}  // namespace methexis::METHEXIS_ISA
