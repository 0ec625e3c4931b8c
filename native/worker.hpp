// One student in one block of networks: its weights in cache, and one step of its training.
//
// Two layouts share all of this code. *Across*: a vector holds the same weight of L networks, and
// what differs from network to network costs nothing. *Within*: a vector holds L samples of a batch
// (L columns of a weight matrix in gradients) of one network. Features are rows, samples columns:
//
//   h_i (d_i + bias, batch)     across: entry (f, b) at (f B + b) L      within: at f B' + b
//   W_i (d_i, d_{i-1} + bias)   across: entry (r, c) at (r C + c) L      within: at r C' + c
//
// where primes round up to whole vectors; weights that are stepped by single.hpp lie as it says
// there. Which layout a run has depends on its shapes only.
#pragma once

#include "activations.hpp"
#include "arena.hpp"
#include "gemm.hpp"
#include "losses.hpp"
#include "optimisers.hpp"
#include "single.hpp"
#include "spec.hpp"

namespace methexis::METHEXIS_ISA {

template <class T, int L, bool Within>
class Worker {
 public:
  using V = Vec<T, L>;

  Worker(const Run& the_run, int index, Arena& arena)
      : run(the_run),
        student(the_run.students[index]),
        depth(student.depth),
        batch(run.batch),
        stride(Within ? round_up(batch, L) : ptrdiff_t(batch) * L),
        vectors(Within ? stride / L : batch),
        output(run, student, stride, vectors, arena) {
    const int slots = num_slots(run.optimiser);
    const bool curved = student.activation != Activation::identity;
    const bool sam = run.optimiser == Optimiser::sam;
    ptrdiff_t widest = 0, largest = 0;
    for (int i = 0; i < depth; ++i) {
      const ptrdiff_t size = weight_numbers(i);
      weights[i] = arena.take<T>(size);
      for (int s = 0; s < kMaxSlots; ++s) {
        slot[s][i] = s < slots ? arena.take<T>(size) : nullptr;
      }
      largest = size > largest ? size : largest;
    }
    hidden[0] = nullptr;  // `see` gives these two
    labels = nullptr;
    for (int i = 0; i <= depth; ++i) {
      const ptrdiff_t features = panel_rows(i);
      widest = features > widest ? features : widest;
      if (i > 0) hidden[i] = arena.take<T>(features * stride);
      slope[i] = curved && i > 0 && i < depth ? arena.take<T>(features * stride) : nullptr;
      if (student.bias && i > 0 && arena.base) fill_ones(hidden[i] + student.dims[i] * stride);
    }
    signal[0] = arena.take<T>(widest * stride);
    signal[1] = arena.take<T>(widest * stride);
    for (int i = 0; i < depth; ++i) {
      if (sam) {
        gradient[i] = arena.take<T>(weight_numbers(i));
        moved[i] = arena.take<T>(weight_numbers(i));
      }
    }
    if (!sam) {
      T* shared = arena.take<T>(largest);
      for (int i = 0; i < depth; ++i) gradient[i] = shared;
    }
    turned = Within ? arena.take<T>(stride * round_up(widest, L)) : nullptr;
  }

  // Numbers that the weights of layer i take, padding included.
  ptrdiff_t weight_numbers(int i) const { return student.dims[i + 1] * weight_row(i); }
  ptrdiff_t columns(int i) const { return student.dims[i] + student.bias; }
  ptrdiff_t weight_row(int i) const { return Within ? round_up(columns(i), L) : columns(i) * L; }
  // Where row r of layer i is in `weights` and `slot`, seen from its first network.
  Line weight_line(int i, int r) const {
    if (one_by_one()) return SingleSample<T, L>::line(student.dims[i + 1], columns(i), r);
    return {r * weight_row(i), Within ? 1 : L};
  }

  // Whether steps are those of single.hpp, which store no gradient.
  bool one_by_one() const {
    return !Within && batch == 1 &&
           (run.optimiser == Optimiser::sgd || run.optimiser == Optimiser::heavy_ball ||
            run.optimiser == Optimiser::nesterov);
  }

  // Rows of the panel of layer i: features, a row of ones for biases, and whole blocks to turn.
  ptrdiff_t panel_rows(int i) const {
    return round_up(student.dims[i] + student.bias, Within ? L : 1);
  }
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
      if (one_by_one()) {
        switch (run.optimiser) {
          case Optimiser::heavy_ball:
            return step_single<Optimiser::heavy_ball>(rates, decay);
          case Optimiser::nesterov:
            return step_single<Optimiser::nesterov>(rates, decay);
          default:
            return step_single<Optimiser::sgd>(rates, decay);
        }
      }
    }
    if (run.optimiser == Optimiser::sam) return step_sam(rates);
    forward(weights);
    T* g = signal[0];
    output(hidden[depth], labels, g, true);
    for (int i = depth - 1; i >= 0; --i) {
      T* previous = i > 0 ? pull_back(weights, i, g) : nullptr;
      if (run.optimiser == Optimiser::sgd) {
        weight_gradient(i, g, weights[i], Descend<T, L>{rates});
      } else {
        weight_gradient(i, g, gradient[i], Store<T, L>{});
        apply(i, rates);
      }
      g = previous;
    }
  }

  T* weights[kMaxDepth];
  T* slot[kMaxSlots][kMaxDepth];
  const T* labels;
  const Run& run;
  const Student& student;
  const int depth, batch;
  const ptrdiff_t stride, vectors;  // numbers from one feature to the next; vectors of a batch
  OutputSignal<T, L, Within> output;

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

  // G_i = g_i h_{i-1}^T, handed to `end` a vector at a time, together with its place in `to`.
  template <class End>
  void weight_gradient(int i, const T* g, T* to, const End& end) {
    const int rows = student.dims[i + 1];
    const ptrdiff_t row = weight_row(i);
    if constexpr (!Within) {
      multiply<T, L, Within>(rows, int(row / L), batch, left_view(g), {hidden[i], L, stride},
                             {to, row, L}, end);
      return;
    }
    // A column of biases that would begin a vector of its own is summed without the product.
    const bool alone = student.bias && student.dims[i] % L == 0 && batch % L == 0;
    turn(hidden[i], columns(i) - alone, row);
    multiply<T, L, Within>(rows, int(row / L) - alone, batch, left_view(g), {turned, row, L},
                           {to, row, L}, end);
    if (!alone) return;
    for (int r = 0; r < rows; ++r) {
      V parts{};
      for (ptrdiff_t b = 0; b < stride; b += L) parts += load<V>(g + r * stride + b);
      T sum = 0;
      for (int l = 0; l < L; ++l) sum += parts[l];
      V first{};
      first[0] = sum;
      end.end(to + r * row + student.dims[i], first);
    }
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
    const V length = uphill(rates.rho);
    for (int i = 0; i < depth; ++i) {
      for (ptrdiff_t n = 0; n < weight_numbers(i); n += L) {
        store(moved[i] + n, fma(length, load<V>(gradient[i] + n), load<V>(weights[i] + n)));
      }
    }
    backward(moved, false);
    for (int i = 0; i < depth; ++i) apply(i, rates);
  }

  // rho / |G|, 0 where the gradient is. In double precision: the squares of small gradients would
  // underflow in single.
  V uphill(V rho) const {
    constexpr int parts = sizeof(double) / sizeof(T);
    constexpr int H = L / parts;
    using D = Doubles<H>;
    D square[parts] = {};
    for (int i = 0; i < depth; ++i) {
      for (ptrdiff_t n = 0; n < weight_numbers(i); n += L) {
        for (int p = 0; p < parts; ++p) {
          const D g = __builtin_convertvector(load<Vec<T, H>>(gradient[i] + n + p * H), D);
          square[p] = fma(g, g, square[p]);
        }
      }
    }
    if constexpr (Within) {
      double total = 0;
      for (int l = 0; l < L; ++l) total += square[l / H][l % H];
      for (D& part : square) part = splat<D>(total);
    }
    Vec<T, H> length[parts];
    __builtin_memcpy(length, &rho, sizeof(rho));
    for (int p = 0; p < parts; ++p) {
      const D norm = sqrt(square[p]);
      const D share = __builtin_convertvector(length[p], D) / norm;
      length[p] = __builtin_convertvector(select(norm > 0.0, share, D{}), Vec<T, H>);
    }
    return load<V>(length);
  }

  void backward(T* const* w, bool learn) {
    forward(w);
    T* g = signal[0];
    output(hidden[depth], labels, g, learn);
    for (int i = depth - 1; i >= 0; --i) {
      weight_gradient(i, g, gradient[i], Store<T, L>{});
      if (i > 0) g = pull_back(w, i, g);
    }
  }

  // Batch size 1 with SGD or momentum; see single.hpp.
  template <Optimiser O>
  void step_single(const Rates<T, L>& rates, bool decay) {
    for (int i = 0; i < depth; ++i) forward_single(i);
    T* g = signal[0];
    output(hidden[depth], labels, g, true);
    for (int i = depth - 1; i >= 0; --i) g = backward_single<O>(i, g, rates, decay);
  }

  void forward_single(int i) {
    const int rows = student.dims[i + 1];
    SingleSample<T, L>::forward(rows, columns(i), weights[i], hidden[i], hidden[i + 1]);
    if (slope[i + 1]) {
      activate_all<T, L>(student.activation, hidden[i + 1], slope[i + 1], rows * stride);
    }
  }

  // Updates layer i and returns the signal of the layer below.
  template <Optimiser O>
  T* backward_single(int i, const T* g, const Rates<T, L>& rates, bool decay) {
    using Single = SingleSample<T, L>;
    T* previous = g == signal[0] ? signal[1] : signal[0];
    const typename Single::Layer layer{student.dims[i + 1], student.dims[i], student.bias == 1,
                                       weights[i],          slot[0][i],      hidden[i]};
    if (i > 0) {
      decay ? Single::template backward<O, true, true>(layer, g, previous, rates)
            : Single::template backward<O, true, false>(layer, g, previous, rates);
      scale_by_slope(i, previous);
    } else {
      decay ? Single::template backward<O, false, true>(layer, g, previous, rates)
            : Single::template backward<O, false, false>(layer, g, previous, rates);
    }
    return previous;
  }

  T* hidden[kMaxDepth + 1];
  T* slope[kMaxDepth + 1];
  T* gradient[kMaxDepth];
  T* moved[kMaxDepth];
  T* signal[2];
  T* turned;
};

}  // namespace methexis::METHEXIS_ISA
