// One student in one block of networks: its weights in cache, and one step of its training.
//
// Two layouts share all of this code. *Across*: a vector holds the same weight of L networks, and
// what differs from network to network costs nothing. *Within*: a vector holds L samples of a batch
// (L columns of a weight matrix in gradients) of one network. Features are rows, samples columns:
//
//   h_i (d_i + bias, batch)     across: entry (f, b) at (f B + b) L      within: at f B' + b
//   W_i (d_i, d_{i-1} + bias)   across: entry (r, c) at (r C + c) L      within: at r C' + c
//
// where primes round up to whole vectors. Which layout a run has depends on its shapes only.
#pragma once

#include "activations.hpp"
#include "gemm.hpp"
#include "optimisers.hpp"
#include "spec.hpp"

namespace methexis::METHEXIS_ISA {

// Hands out aligned pieces of one allocation; without one it only counts bytes.
struct Arena {
  char* base = nullptr;
  size_t used = 0;
  template <class T>
  T* take(size_t count) {
    used = (used + 63) & ~size_t(63);
    T* piece = base ? reinterpret_cast<T*>(base + used) : nullptr;
    used += count * sizeof(T);
    return piece;
  }
  template <class T>
  T* take_zeros(size_t count) {
    T* piece = take<T>(count);
    if (piece) __builtin_memset(piece, 0, count * sizeof(T));
    return piece;
  }
};

constexpr ptrdiff_t round_up(ptrdiff_t count, ptrdiff_t unit) { return (count + unit - 1) / unit * unit; }

template <class T, int L, bool Within>
class Worker {
 public:
  using V = Vec<T, L>;

  Worker(const Run& the_run, int index, Arena& arena)
      : run(the_run), student(the_run.students[index]), depth(student.depth), batch(run.batch) {
    stride = Within ? round_up(batch, L) : ptrdiff_t(batch) * L;
    vectors = Within ? stride / L : batch;
    const int slots = num_slots(run.optimiser);
    const bool curved = student.activation != Activation::identity;
    const bool sam = run.optimiser == Optimiser::sam;
    ptrdiff_t widest = 0, largest = 0;
    for (int i = 0; i < depth; ++i) {
      const ptrdiff_t size = weight_numbers(i);
      weights[i] = arena.take_zeros<T>(size);
      for (int s = 0; s < slots; ++s) slot[s][i] = arena.take_zeros<T>(size);
      largest = size > largest ? size : largest;
    }
    hidden[0] = nullptr;  // `see` gives these two
    labels = nullptr;
    for (int i = 0; i <= depth; ++i) {
      const ptrdiff_t features = panel_rows(i);
      widest = features > widest ? features : widest;
      if (i > 0) hidden[i] = arena.take_zeros<T>(features * stride);
      slope[i] = curved && i > 0 && i < depth ? arena.take_zeros<T>(features * stride) : nullptr;
      if (student.bias && i > 0 && arena.base) fill_ones(hidden[i] + student.dims[i] * stride);
    }
    signal[0] = arena.take_zeros<T>(widest * stride);
    signal[1] = arena.take_zeros<T>(widest * stride);
    for (int i = 0; i < depth; ++i) {
      if (sam) {
        gradient[i] = arena.take_zeros<T>(weight_numbers(i));
        moved[i] = arena.take_zeros<T>(weight_numbers(i));
      }
    }
    if (!sam) {
      T* shared = arena.take_zeros<T>(largest);
      for (int i = 0; i < depth; ++i) gradient[i] = shared;
    }
    turned = Within ? arena.take_zeros<T>(stride * round_up(widest, L)) : nullptr;
    if (student.embed_out) residual = arena.take_zeros<T>(student.num_labels * stride);
    if (run.loss == Loss::whitened_running) {
      const ptrdiff_t p = student.num_labels;
      covariance = arena.take_zeros<T>(p * p * L);
      factor = arena.take_zeros<T>(p * p * L);
    }
  }

  // Numbers that the weights of layer i take, padding included.
  ptrdiff_t weight_numbers(int i) const { return student.dims[i + 1] * weight_row(i); }
  ptrdiff_t columns(int i) const { return student.dims[i] + student.bias; }
  ptrdiff_t weight_row(int i) const { return Within ? round_up(columns(i), L) : columns(i) * L; }

  // Rows of the panel of layer i: features, a row of ones for biases, and whole blocks to turn.
  ptrdiff_t panel_rows(int i) const {
    return round_up(student.dims[i] + student.bias, Within ? L : 1);
  }
  ptrdiff_t feature_stride() const { return stride; }
  ptrdiff_t batch_vectors() const { return vectors; }
  void fill_ones(T* row) const {
    for (ptrdiff_t b = 0; b < stride; b += L) store(row + b, splat<V>(T(1)));
  }

  // Where h_0, with its row of ones, and the labels of the next step are.
  void see(T* inputs, const T* label) {
    hidden[0] = inputs;
    labels = label;
  }

  // `decay` says whether any weight decay or L2 is not zero.
  void step(const Rates<T, L>& rates, bool decay) {
    if constexpr (!Within) {
      if (run.optimiser == Optimiser::sgd && batch == 1) return step_single(rates, decay);
    }
    if (run.optimiser == Optimiser::sam) return step_sam(rates);
    forward(weights);
    T* g = output_signal(true);
    for (int i = depth - 1; i >= 0; --i) {
      weight_gradient(i, g);
      T* previous = i > 0 ? pull_back(weights, i, g) : nullptr;
      apply(i, rates);
      g = previous;
    }
  }

  T* weights[kMaxDepth];
  T* slot[kMaxSlots][kMaxDepth];
  const T* labels;
  T* covariance = nullptr;
  const Run& run;
  const Student& student;
  const int depth, batch;

 private:
  View<const T> weight_view(T* const* from, int i) const {
    return {from[i], weight_row(i), Within ? 1 : L};
  }
  // Features by samples as the right factor and as a result: columns are counted in vectors.
  template <class U>
  View<U> panel_view(U* data) const {
    return {data, stride, L};
  }
  // Features by samples as the left factor.
  View<const T> left_view(const T* data) const { return {data, stride, Within ? 1 : L}; }

  void forward(T* const* w) {
    for (int i = 0; i < depth; ++i) {
      const int rows = student.dims[i + 1];
      multiply<T, L, Within>(rows, vectors, columns(i), weight_view(w, i),
                             panel_view<const T>(hidden[i]), panel_view(hidden[i + 1]));
      if (slope[i + 1]) {
        activate_all<T, L>(student.activation, hidden[i + 1], slope[i + 1], rows * stride);
      }
    }
  }

  // `multiply` for one column, without the detour through views: out = W h.
  METHEXIS_INLINE void matrix_vector(int rows, ptrdiff_t depth_in, const T* w, ptrdiff_t jump,
                                     const T* h, T* out) {
    constexpr int most = kManyRegisters ? 8 : 4;
    for (; rows >= most; rows -= most, w += most * jump, out += most * L) {
      rows_times_vector<most>(depth_in * L, w, jump, h, out);
    }
    rest_times_vector<most - 1>(rows, depth_in * L, w, jump, h, out);
  }

  template <int R>
  METHEXIS_INLINE void rest_times_vector(int rows, ptrdiff_t end, const T* w, ptrdiff_t jump,
                                         const T* h, T* out) {
    if (rows == R) {
      rows_times_vector<R>(end, w, jump, h, out);
    } else if constexpr (R > 1) {
      rest_times_vector<R - 1>(rows, end, w, jump, h, out);
    }
  }

  template <int R>
  METHEXIS_INLINE void rows_times_vector(ptrdiff_t end, const T* w, ptrdiff_t jump, const T* h,
                                         T* out) {
    V sum[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r] = V{};
#pragma GCC unroll 1
    for (ptrdiff_t c = 0; c < end; c += L) {
      const V input = load<V>(h + c);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r] = fma(load<V>(w + r * jump + c), input, sum[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store(out + r * L, sum[r]);
  }

  // g_D from h_D and the labels. `learn` says whether a running covariance takes in this batch.
  T* output_signal(bool learn) {
    const int rows = student.dims[depth];
    T* g = signal[0];
    const T* out = hidden[depth];
    switch (run.loss) {
      case Loss::squared: {
        const T* curvature = static_cast<const T*>(student.curvature);
        if (student.plain_curvature) {
          const V scale = splat<V>(curvature[0]);
          for (ptrdiff_t n = 0; n < rows * stride; n += L) {
            store(g + n, fma(scale, load<V>(out + n), -load<V>(labels + n)));
          }
        } else {
          multiply<T, L, true>(rows, vectors, rows, {curvature, rows, 1},
                               panel_view<const T>(out), panel_view(g));
          for (ptrdiff_t n = 0; n < rows * stride; n += L) {
            store(g + n, load<V>(g + n) - load<V>(labels + n));
          }
        }
        break;
      }
      case Loss::cross_entropy: {
        if (!student.embed_out) {
          softmax_signal(out, g, rows);
          break;
        }
        const int p = student.num_labels;
        const T* embed = static_cast<const T*>(student.embed_out);
        multiply<T, L, true>(p, vectors, rows, {embed, rows, 1}, panel_view<const T>(out),
                             panel_view(residual));
        softmax_signal(residual, residual, p);
        multiply<T, L, true>(rows, vectors, p, {embed, 1, rows}, panel_view<const T>(residual),
                             panel_view(g));
        break;
      }
      case Loss::whitened_running:
        whitened_signal(out, g, rows, learn);
        break;
    }
    return g;
  }

  // (softmax(f) - y) / B, which may replace f; the labels already are y / B.
  void softmax_signal(const T* out, T* g, int rows) {
    const V share = splat<V>(T(1) / T(batch));
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
  void whitened_signal(const T* out, T* g, int rows, bool learn) {
    const int p = student.num_labels;
    const T* embed = static_cast<const T*>(student.embed_out);
    multiply<T, L, true>(p, vectors, rows, {embed, rows, 1}, panel_view<const T>(out),
                         panel_view(residual));
    for (ptrdiff_t n = 0; n < p * stride; n += L) {
      store(residual + n, load<V>(residual + n) - load<V>(labels + n));
    }
    if (learn) {  // the second gradient of a SAM step whitens as the first one did
      factorise(p);
      take_in(p);
    }
    const V scale = splat<V>(T(2) / T(batch));
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
    multiply<T, L, true>(rows, vectors, p, {embed, 1, rows}, panel_view<const T>(residual),
                         panel_view(g));
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
    const V share = splat<V>(T(1) / T(batch));
    for (int r = 0; r < p; ++r) {
      for (int c = 0; c <= r; ++c) {
        V sum{};
        if constexpr (Within) {
          T total = 0;
          for (int b = 0; b < batch; ++b) {
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

  // G_i = g_i h_{i-1}^T
  void weight_gradient(int i, const T* g) {
    View<const T> right;
    if constexpr (Within) {
      turn(hidden[i], columns(i), weight_row(i));
      right = {turned, weight_row(i), L};
    } else {
      right = {hidden[i], L, stride};
    }
    multiply<T, L, Within>(student.dims[i + 1], weight_row(i) / L, batch, left_view(g), right,
                           {gradient[i], weight_row(i), L});
  }

  // turned <- transpose of `features` rows of `from`, in whole blocks.
  void turn(const T* from, ptrdiff_t features, ptrdiff_t row) {
    for (ptrdiff_t f = 0; f < features; f += L) {
      for (ptrdiff_t b = 0; b < stride; b += L) {
        V block[L];
        for (int l = 0; l < L; ++l) block[l] = load<V>(from + (f + l) * stride + b);
        transpose<T, L>(block);
        for (int l = 0; l < L; ++l) store(turned + (b + l) * row + f, block[l]);
      }
    }
  }

  // g_{i-1} = (W_i^T g_i) * slope_{i-1}
  T* pull_back(T* const* w, int i, T* g) {
    T* previous = g == signal[0] ? signal[1] : signal[0];
    const int rows = student.dims[i];
    multiply<T, L, Within>(rows, vectors, student.dims[i + 1], weight_view(w, i).transposed(),
                           panel_view<const T>(g), panel_view(previous));
    scale_by_slope(i, previous);
    return previous;
  }

  void scale_by_slope(int i, T* g) {
    if (!slope[i]) return;
    const ptrdiff_t count = student.dims[i] * stride;
    for (ptrdiff_t n = 0; n < count; n += L) store(g + n, load<V>(g + n) * load<V>(slope[i] + n));
  }

  void apply(int i, const Rates<T, L>& rates) {
    update_all<T, L>(run.optimiser, weights[i], gradient[i], slot[0][i], slot[1][i],
                     weight_numbers(i), rates);
  }

  // The gradient at W + rho G / |G|, G the gradient of the same batch at W.
  void step_sam(const Rates<T, L>& rates) {
    backward(weights, true);
    V square{};
    for (int i = 0; i < depth; ++i) {
      for (ptrdiff_t n = 0; n < weight_numbers(i); n += L) {
        const V g = load<V>(gradient[i] + n);
        square = fma(g, g, square);
      }
    }
    if constexpr (Within) {
      T total = 0;
      for (int l = 0; l < L; ++l) total += square[l];
      square = splat<V>(total);
    }
    const V norm = sqrt(square);
    const V length = select(norm > T(0), rates.rho / norm, V{});
    for (int i = 0; i < depth; ++i) {
      for (ptrdiff_t n = 0; n < weight_numbers(i); n += L) {
        store(moved[i] + n, fma(length, load<V>(gradient[i] + n), load<V>(weights[i] + n)));
      }
    }
    backward(moved, false);
    for (int i = 0; i < depth; ++i) apply(i, rates);
  }

  void backward(T* const* w, bool learn) {
    forward(w);
    T* g = output_signal(learn);
    for (int i = depth - 1; i >= 0; --i) {
      weight_gradient(i, g);
      if (i > 0) g = pull_back(w, i, g);
    }
  }

  // SGD at batch size 1: G_i is an outer product, so it is never stored. Each weight is read twice
  // and written once per step, in the pass that also pulls g back through it. Both kinds of decay
  // are one factor: W - lr (G + l2 W) - lr decay W = (1 - lr decay - lr l2) W - lr G.
  void step_single(const Rates<T, L>& rates, bool decay) {
    for (int i = 0; i < depth; ++i) {
      const int rows = student.dims[i + 1];
      matrix_vector(rows, columns(i), weights[i], weight_row(i), hidden[i], hidden[i + 1]);
      if (slope[i + 1]) {
        activate_all<T, L>(student.activation, hidden[i + 1], slope[i + 1], rows * stride);
      }
    }
    T* g = output_signal(true);
    for (int i = depth - 1; i >= 0; --i) {
      T* previous = g == signal[0] ? signal[1] : signal[0];
      if (i > 0) {
        decay ? outer_update<true, true>(i, g, previous, rates)
              : outer_update<true, false>(i, g, previous, rates);
        scale_by_slope(i, previous);
      } else {
        decay ? outer_update<false, true>(i, g, previous, rates)
              : outer_update<false, false>(i, g, previous, rates);
      }
      g = previous;
    }
  }

  template <bool Pull, bool Decay>
  void outer_update(int i, const T* g, T* previous, const Rates<T, L>& rates) {
    constexpr int most = kManyRegisters ? 8 : 4;
    int row = 0;
    const int rows = student.dims[i + 1];
    while (rows - row >= most) {
      outer_rows<Pull, Decay, most>(i, row, g, previous, rates);
      row += most;
    }
    outer_rest<Pull, Decay, most - 1>(rows - row, i, row, g, previous, rates);
  }

  template <bool Pull, bool Decay, int R>
  METHEXIS_INLINE void outer_rest(int rows, int i, int row, const T* g, T* previous,
                                  const Rates<T, L>& rates) {
    if (rows == R) {
      outer_rows<Pull, Decay, R>(i, row, g, previous, rates);
    } else if constexpr (R > 1) {
      outer_rest<Pull, Decay, R - 1>(rows, i, row, g, previous, rates);
    }
  }

  template <bool Pull, bool Decay, int R>
  METHEXIS_INLINE void outer_rows(int i, int row, const T* g, T* previous,
                                  const Rates<T, L>& rates) {
    const ptrdiff_t jump = weight_row(i);
    T* w = weights[i] + row * jump;
    const T* h = hidden[i];
    const V shrink = rates.keep - rates.lr * rates.l2;
    V error[R], move[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      error[r] = load<V>(g + (row + r) * L);
      move[r] = rates.lr * error[r];
    }
    const ptrdiff_t end = ptrdiff_t(student.dims[i]) * L;
#pragma GCC unroll 1
    for (ptrdiff_t c = 0; c < end; c += L) {
      const V input = load<V>(h + c);
      V sum{};
      if (Pull && row > 0) sum = load<V>(previous + c);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V value = load<V>(w + r * jump + c);
        pin(value);
        if constexpr (Pull) sum = fma(value, error[r], sum);
        if constexpr (Decay) value = shrink * value;
        store(w + r * jump + c, fnma(move[r], input, value));
      }
      if constexpr (Pull) store(previous + c, sum);
    }
    if (student.bias) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V value = load<V>(w + r * jump + end);
        if constexpr (Decay) value = shrink * value;
        store(w + r * jump + end, value - move[r]);
      }
    }
  }

  ptrdiff_t stride, vectors;
  T* hidden[kMaxDepth + 1];
  T* slope[kMaxDepth + 1];
  T* gradient[kMaxDepth];
  T* moved[kMaxDepth];
  T* signal[2];
  T* turned;
  T* residual = nullptr;
  T* factor = nullptr;
};

}  // namespace methexis::METHEXIS_ISA
