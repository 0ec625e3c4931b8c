// The signal that starts a backward pass: the gradient of the loss by the last layer's output.
//
//   squared             g = C h_D - t,  C = (2/B) M^T M,  t = (2/B) M^T y
//   cross-entropy       g = M^T (softmax(M h_D) / B - y / B)
//   running whitening   g = (2/B) M^T P (M h_D - y),  P the inverse of the running covariance of
//   past
//                       residuals with a small ridge
#pragma once

#include "activations.hpp"
#include "arena.hpp"
#include "gemm.hpp"
#include "shared.hpp"
#include "spec.hpp"

namespace methexis::METHEXIS_ISA {

// A sum less a number that lies `distance` numbers from where it goes.
template <class T, int L>
struct Less {
  ptrdiff_t distance;
  METHEXIS_INLINE Vec<T, L> begin(const T* c) const { return -load<Vec<T, L>>(c + distance); }
  METHEXIS_INLINE void end(T* c, Vec<T, L> sum) const { store(c, sum); }
};

template <class T, int L, bool Within>
class OutputSignal {
 public:
  using V = Vec<T, L>;

  OutputSignal(const Run& the_run, const Student& the_student, ptrdiff_t the_stride,
               ptrdiff_t the_vectors, Arena& arena)
      : run(the_run), student(the_student), stride(the_stride), vectors(the_vectors) {
    const ptrdiff_t p = student.num_labels;
    if (student.embed_out) residual = arena.take<T>(p * stride);
    if (single()) {
      const ptrdiff_t rows = student.dims[student.depth];
      packed = arena.take<T>(rows * rows);
      if (arena.base) Shared::pack(rows, rows, static_cast<const T*>(student.curvature), packed);
    }
    if (run.loss == Loss::whitened_running) {
      covariance = arena.take<T>(p * p * L);
      factor = arena.take<T>(p * p * L);
    }
  }

  // Writes g_D for the output `out` and the labels. `learn` says whether a running covariance takes
  // in this batch.
  void operator()(const T* out, const T* labels, T* g, bool learn) {
    const int rows = student.dims[student.depth];
    switch (run.loss) {
      case Loss::squared:
        return squared_signal(out, labels, g, rows);
      case Loss::cross_entropy: {
        if (!student.embed_out) return softmax_signal(out, labels, g, rows);
        const int p = student.num_labels;
        const T* embed = static_cast<const T*>(student.embed_out);
        multiply<T, L, true>(p, vectors, rows, {embed, rows, 1}, panel(out), {residual, stride, L});
        softmax_signal(residual, labels, residual, p);
        return multiply<T, L, true>(rows, vectors, p, {embed, 1, rows}, panel(residual),
                                    {g, stride, L});
      }
      case Loss::whitened_running:
        return whitened_signal(out, labels, g, rows, learn);
    }
  }

  T* covariance = nullptr;

 private:
  using Shared = SharedMatrix<T, L>;

  // Whether a single vector goes through the curvature, where it is no multiple of the identity.
  bool single() const {
    return !Within && run.batch == 1 && run.loss == Loss::squared && !student.plain_curvature;
  }
  View<const T> panel(const T* data) const { return {data, stride, L}; }

  void squared_signal(const T* out, const T* labels, T* g, int rows) const {
    const T* curvature = static_cast<const T*>(student.curvature);
    const ptrdiff_t count = rows * stride;
    if (student.plain_curvature) {
      const V scale = splat<V>(curvature[0]);
      for (ptrdiff_t n = 0; n < count; n += L) {
        store(g + n, fma(scale, load<V>(out + n), -load<V>(labels + n)));
      }
      return;
    }
    if (packed) return Shared::apply(rows, rows, packed, out, labels, g);
    multiply<T, L, true>(rows, vectors, rows, {curvature, rows, 1}, panel(out), {g, stride, L},
                         Less<T, L>{labels - g});
  }

  // (softmax(f) - y) / B, which may replace f; the labels already are y / B.
  void softmax_signal(const T* out, const T* labels, T* g, int rows) const {
    const V share = splat<V>(T(1) / T(run.batch));
    for (ptrdiff_t b = 0; b < stride; b += L) {
      V top = load<V>(out + b);
      for (int r = 1; r < rows; ++r) top = maximum(top, load<V>(out + r * stride + b));
      V sum{};
      for (int r = 0; r < rows; ++r) {
        V e = exponential<T, L>(load<V>(out + r * stride + b) - top);
        store(g + r * stride + b, e);
        sum += e;
      }
      const V scale = share / sum;
      for (int r = 0; r < rows; ++r) {
        T* at = g + r * stride + b;
        store(at, fma(load<V>(at), scale, -load<V>(labels + r * stride + b)));
      }
    }
  }

  // g = (2/B) M^T P (M h - y), P the inverse of the running residual covariance with its ridge.
  void whitened_signal(const T* out, const T* labels, T* g, int rows, bool learn) {
    const int p = student.num_labels;
    const T* embed = static_cast<const T*>(student.embed_out);
    multiply<T, L, true>(p, vectors, rows, {embed, rows, 1}, panel(out), {residual, stride, L});
    for (ptrdiff_t n = 0; n < p * stride; n += L) {
      store(residual + n, load<V>(residual + n) - load<V>(labels + n));
    }
    if (learn) {  // the second gradient of a SAM step whitens as the first one did
      factorise(p);
      take_in(p);
    }
    const V scale = splat<V>(T(2) / T(run.batch));
    for (ptrdiff_t b = 0; b < stride; b += L) {
      for (int r = 0; r < p; ++r) {  // L z = r
        V sum = load<V>(residual + r * stride + b);
        for (int c = 0; c < r; ++c) {
          sum = fnma(load<V>(factor + (r * p + c) * L), load<V>(residual + c * stride + b), sum);
        }
        store(residual + r * stride + b, sum / load<V>(factor + (r * p + r) * L));
      }
      for (int r = p - 1; r >= 0; --r) {  // L^T x = z
        V sum = load<V>(residual + r * stride + b);
        for (int c = r + 1; c < p; ++c) {
          sum = fnma(load<V>(factor + (c * p + r) * L), load<V>(residual + c * stride + b), sum);
        }
        store(residual + r * stride + b, sum / load<V>(factor + (r * p + r) * L));
      }
      for (int r = 0; r < p; ++r) {
        T* at = residual + r * stride + b;
        store(at, scale * load<V>(at));
      }
    }
    multiply<T, L, true>(rows, vectors, p, {embed, 1, rows}, panel(residual), {g, stride, L});
  }

  // Cholesky factor of the running covariance plus its ridge; lanes are networks (or all the same).
  void factorise(int p) {
    V trace{};
    for (int r = 0; r < p; ++r) trace += load<V>(covariance + (r * p + r) * L);
    // Without residuals there is nothing to whiten: the identity.
    const V share = trace * T(run.ridge / p);
    const V ridge = select(share == T(0), splat<V>(T(1)), share);
    for (int r = 0; r < p; ++r) {
      for (int c = 0; c <= r; ++c) {
        V sum = load<V>(covariance + (r * p + c) * L);
        if (r == c) sum += ridge;
        for (int k = 0; k < c; ++k) {
          sum = fnma(load<V>(factor + (r * p + k) * L), load<V>(factor + (c * p + k) * L), sum);
        }
        store(factor + (r * p + c) * L,
              r == c ? sqrt(sum) : sum / load<V>(factor + (c * p + c) * L));
      }
    }
  }

  // covariance <- covariance + a (mean over the batch of r r^T - covariance)
  void take_in(int p) {
    const V weight = splat<V>(T(run.average[&student - run.students]));
    const V share = splat<V>(T(1) / T(run.batch));
    for (int r = 0; r < p; ++r) {
      for (int c = 0; c <= r; ++c) {
        V sum{};
        if constexpr (Within) {
          T total = 0;
          for (int b = 0; b < run.batch; ++b) {
            total += residual[r * stride + b] * residual[c * stride + b];
          }
          sum += total;
        } else {
          for (ptrdiff_t b = 0; b < stride; b += L) {
            sum = fma(load<V>(residual + r * stride + b), load<V>(residual + c * stride + b), sum);
          }
        }
        const V old = load<V>(covariance + (r * p + c) * L);
        const V now = fma(weight, fma(sum, share, -old), old);
        store(covariance + (r * p + c) * L, now);
        store(covariance + (c * p + r) * L, now);
      }
    }
  }

  const Run& run;
  const Student& student;
  const ptrdiff_t stride, vectors;
  T* packed = nullptr;
  T* residual = nullptr;
  T* factor = nullptr;
};

}  // namespace methexis::METHEXIS_ISA
