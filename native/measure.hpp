// Measures linear students in closed form, L networks at a time: a lane is a network.
//
// With B_i the map from the inputs to layer i, A_i the map from its output to the prediction and
// D = (F - V) cov_x, everything follows from three matrices per layer,
//   C_i = B_i cov_x B_i^T,   S_i = A_i^T R A_i with R = cov_noise + D (F - V)^T,
//   T_i = A_i^T D B_i^T,
// because the second moments of a sample's gradient are
//   E[G_i G_i^T] = 4 (Tr C_i S_i + 2 T_i T_i^T),   E[G_i^T G_i] = 4 (Tr S_i C_i + 2 T_i^T T_i),
// plus a term of the inputs' kurtosis (docs/theory.md, section 4; theory/moments.py has the same
// with other groupings, and is what this is tested against).
#pragma once

#include "arena.hpp"
#include "gemm.hpp"
#include "measured.hpp"
#include "spectra.hpp"

namespace methexis::METHEXIS_ISA {

template <int L>
class Measured {
 public:
  Measured(const Measurement& what, int64_t first, int count, char* memory)
      : what_(what), first_(first), count_(count) {
    arena_.base = memory;
    students_ = arena_.take<Maps>(size_t(what.num_students));
    size_t largest = 2;
    for (int s = 0; s < what.num_students; ++s) {
      const MeasuredStudent& student = what.students[s];
      Maps maps{};
      maps.layers = arena_.take<Layer>(size_t(student.depth));
      for (int i = 0; i < student.depth; ++i) {
        const int in = student.dims[i], out = student.dims[i + 1];
        Layer layer{};
        layer.weights = take(out, in);
        layer.before = take(in, student.num_inputs);
        layer.before_cov = take(in, student.num_inputs);
        layer.gram = take(in, in);
        layer.after = take(student.num_labels, out);
        if (memory) maps.layers[i] = layer;
        const int sides[] = {in, out, student.num_inputs, student.num_labels};
        for (const int a : sides) {
          largest = size_t(a) > largest ? size_t(a) : largest;
        }
      }
      if (memory) students_[s] = maps;
    }
    largest_ = int(largest);
    for (double*& piece : scratch_) piece = arena_.take<double>(largest * largest * L);
    sizes_ = arena_.take<double>(2 * largest * L);
    beside_ = arena_.take<double>(2 * largest * L);
    norms_ = arena_.take<double>(size_t(what.num_layers) * L);
  }

  static size_t bytes(const Measurement& what) {
    return Measured(what, 0, 1, nullptr).arena_.used + 64;
  }

  void measure() {
    for (int s = 0; s < what_.num_students; ++s) {
      prepare(s);
      moments(s);
      layers(s);
    }
    align();
  }

 private:
  using V = Vec<double, L>;
  using In = View<const double>;

  struct Matrix {
    double* data;
    int rows, columns;
    View<double> out() const { return {data, ptrdiff_t(columns) * L, L}; }
    In in() const { return {data, ptrdiff_t(columns) * L, L}; }
    int size() const { return rows * columns; }
  };

  // Layer i: W_i, B_i, B_i cov_x, C_i and A_i of the comment above.
  struct Layer {
    Matrix weights, before, before_cov, gram, after;
  };

  struct Maps {
    Layer* layers;
  };

  Matrix take(int rows, int columns) {
    return {arena_.take<double>(size_t(rows) * size_t(columns) * L), rows, columns};
  }

  Matrix scratch(int number, int rows, int columns) const {
    return {scratch_[number], rows, columns};
  }

  static In fixed(const double* data, int columns) { return {data, columns, 1}; }

  // Products of matrices of the lanes, and with a matrix that all lanes share on either side.
  static void product(In a, In b, Matrix c, int depth) {
    multiply<double, L, false>(c.rows, c.columns, depth, a, b, c.out());
  }
  static void fixed_left(In a, In b, Matrix c, int depth) {
    multiply<double, L, true>(c.rows, c.columns, depth, a, b, c.out());
  }
  static void fixed_right(In a, In b, Matrix c, int depth) {
    multiply<double, L, true>(c.columns, c.rows, depth, b.transposed(), a.transposed(),
                              c.out().transposed());
  }

  static V at(const double* data, ptrdiff_t i) { return load<V>(data + i * L); }
  static void put(double* data, ptrdiff_t i, V value) { store(data + i * L, value); }

  static V dot(const double* a, const double* b, int count) {
    V sum[4] = {};
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      for (int k = 0; k < 4; ++k) sum[k] = fma(at(a, i + k), at(b, i + k), sum[k]);
    }
    for (; i < count; ++i) sum[0] = fma(at(a, i), at(b, i), sum[0]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
  static V square(Matrix a) { return dot(a.data, a.data, a.size()); }
  static V trace(Matrix a) {
    V sum{};
    for (int i = 0; i < a.rows; ++i) sum += at(a.data, i * a.columns + i);
    return sum;
  }

  // Lane by lane to where the results of this block begin.
  void write(double* to, int64_t stride, V value) const {
    for (int l = 0; l < count_; ++l) to[(first_ + l) * stride] = value[l];
  }

  template <class T>
  void gather(const T* from, Matrix to) const {
    const int size = to.size();
    for (int l = 0; l < L; ++l) {
      // Lanes beyond the last network hold the first, so that they are finite where it is.
      const T* own = from + what_.networks[first_ + (l < count_ ? l : 0)] * size;
      for (int i = 0; i < size; ++i) to.data[i * L + l] = double(own[i]);
    }
  }

  // Weights, partial products from both ends, and C_i.
  void prepare(int s) {
    const MeasuredStudent& student = what_.students[s];
    Layer* layers = students_[s].layers;
    const int n = student.num_inputs, last = student.depth - 1;
    for (int i = 0; i <= last; ++i) {
      const void* from = student.weights[i];
      if (what_.single) {
        gather(static_cast<const float*>(from), layers[i].weights);
      } else {
        gather(static_cast<const double*>(from), layers[i].weights);
      }
    }
    spread(student.embed_in, layers[0].before);
    for (int i = 0; i <= last; ++i) {
      Layer& layer = layers[i];
      if (i) {
        const Layer& previous = layers[i - 1];
        product(previous.weights.in(), previous.before.in(), layer.before, student.dims[i - 1]);
      }
      fixed_right(layer.before.in(), fixed(student.cov_x, n), layer.before_cov, n);
      product(layer.before_cov.in(), layer.before.in().transposed(), layer.gram, n);
    }
    spread(student.embed_out, layers[last].after);
    for (int i = last; i > 0; --i) {
      product(layers[i].after.in(), layers[i].weights.in(), layers[i - 1].after,
              student.dims[i + 1]);
    }
  }

  static void spread(const double* from, Matrix to) {
    for (int i = 0; i < to.size(); ++i) put(to.data, i, splat<V>(from[i]));
  }

  // Loss, entropy, trace and balance. Of scratch: 0 is F - V, 1 is D, 2 is R; 3 and 4 are E[G G^T]
  // of the layer before an interface and E[G^T G] of the layer behind it; the others are T_i, S_i
  // and what leads to them.
  void moments(int s) {
    const MeasuredStudent& student = what_.students[s];
    const Layer* layers = students_[s].layers;
    const int n = student.num_inputs, p = student.num_labels;
    const Layer& top = layers[student.depth - 1];
    const Matrix error = scratch(0, p, n), moved = scratch(1, p, n), residual = scratch(2, p, p);
    const Matrix hidden = scratch(5, student.dims[student.depth], n);
    product(top.weights.in(), top.before.in(), hidden, student.dims[student.depth - 1]);
    product(top.after.in(), hidden.in(), error, student.dims[student.depth]);
    for (int i = 0; i < p * n; ++i) put(error.data, i, at(error.data, i) - student.target[i]);
    fixed_right(error.in(), fixed(student.cov_x, n), moved, n);
    product(moved.in(), error.in().transposed(), residual, n);
    V noise{};
    for (int i = 0; i < p * p; ++i) {
      put(residual.data, i, at(residual.data, i) + student.cov_noise[i]);
    }
    for (int i = 0; i < p; ++i) noise += student.cov_noise[i * p + i];
    write(student.loss, 1, dot(moved.data, error.data, p * n) + noise);
    V entropy{}, curvature{};
    for (int i = 0; i < student.depth; ++i) {
      const Layer& layer = layers[i];
      const int in = student.dims[i], out = student.dims[i + 1];
      const Matrix out_moment = scratch(3, out, out), in_moment = scratch(4, in, in);
      const Matrix weighted = scratch(5, p, out), spread_error = scratch(6, out, out);
      const Matrix signal = scratch(7, out, n), turned = scratch(8, out, in);
      product(residual.in(), layer.after.in(), weighted, p);
      product(layer.after.in().transposed(), weighted.in(), spread_error, p);
      product(layer.after.in().transposed(), moved.in(), signal, p);
      product(signal.in(), layer.before.in().transposed(), turned, n);
      const V power = trace(layer.gram), strength = trace(spread_error);
      curvature += square(layer.after) * power;
      entropy += power * strength + 2.0 * square(turned);
      product(turned.in().transposed(), turned.in(), in_moment, out);
      combine(in_moment, layer.gram, strength);
      const Matrix kurtosis_out = scratch(9, out, n), kurtosis_in = scratch(10, in, n);
      if (student.excess) entropy += fourth_moments(student, layer, error, signal, i);
      if (student.excess) add_squares(kurtosis_in, in_moment, 0);
      if (i) balance(student, i, in_moment);
      product(turned.in(), turned.in().transposed(), out_moment, in);
      combine(out_moment, spread_error, power);
      if (student.excess) add_squares(kurtosis_out, out_moment, 1);
    }
    write(student.entropy, 1, 4.0 * entropy);
    write(student.trace, 1, 2.0 * curvature);
  }

  // moment -> factor other + 2 moment.
  static void combine(Matrix moment, Matrix other, V factor) {
    for (int i = 0; i < moment.size(); ++i) {
      put(moment.data, i, fma(factor, at(other.data, i), 2.0 * at(moment.data, i)));
    }
  }

  // What inputs that are not Gaussian add: with U = A_i^T (F - V) root and W = B_i root, and sums
  // of squares u_a, w_a of their columns, U diag(k_a w_a) U^T to E[G G^T] / 4, W diag(k_a u_a) W^T
  // to E[G^T G] / 4, and sum_a k_a u_a w_a to the entropy. Scratch 9 and 10 are left as U and W,
  // their weights as rows of scratch 11.
  V fourth_moments(const MeasuredStudent& student, const Layer& layer, Matrix error, Matrix signal,
                   int i) {
    const int n = student.num_inputs, in = student.dims[i], out = student.dims[i + 1];
    const Matrix u = scratch(9, out, n), w = scratch(10, in, n), weights = scratch(11, 2, n);
    product(layer.after.in().transposed(), error.in(), signal, student.num_labels);
    fixed_right(signal.in(), fixed(student.root_x, n), u, n);
    fixed_right(layer.before.in(), fixed(student.root_x, n), w, n);
    V total{};
    for (int a = 0; a < n; ++a) {
      V of_u{}, of_w{};
      for (int r = 0; r < out; ++r) of_u = fma(at(u.data, r * n + a), at(u.data, r * n + a), of_u);
      for (int r = 0; r < in; ++r) of_w = fma(at(w.data, r * n + a), at(w.data, r * n + a), of_w);
      put(weights.data, a, student.excess[a] * of_u);
      put(weights.data, n + a, student.excess[a] * of_w);
      total += student.excess[a] * of_u * of_w;
    }
    return total;
  }

  // moment -> moment + matrix diag(weights) matrix^T, with a row of scratch 11 for the weights.
  void add_squares(Matrix matrix, Matrix moment, int row) {
    const int n = matrix.columns;
    const double* weights = scratch_[11] + ptrdiff_t(row) * n * L;
    const Matrix scaled = scratch(7, matrix.rows, n);
    for (int r = 0; r < matrix.rows; ++r) {
      for (int a = 0; a < n; ++a) {
        put(scaled.data, r * n + a, at(matrix.data, r * n + a) * at(weights, a));
      }
    }
    multiply<double, L, false>(moment.rows, moment.columns, n, scaled.in(),
                               matrix.in().transposed(), moment.out(), Store<double, L>{true});
  }

  // Relative difference of the moments on both sides of interface i, of which the one before is
  // still in scratch 3.
  void balance(const MeasuredStudent& student, int i, Matrix in_moment) const {
    const Matrix out_moment = scratch(3, in_moment.rows, in_moment.columns);
    V apart{};
    for (int k = 0; k < in_moment.size(); ++k) {
      const V difference = at(out_moment.data, k) - at(in_moment.data, k);
      apart = fma(difference, difference, apart);
    }
    const V size = 0.5 * (sqrt(square(out_moment)) + sqrt(square(in_moment)));
    write(student.imbalance + (i - 1), student.depth - 1, sqrt(apart) / size);
  }

  // Of every hidden layer: its alignment with the universal kernel, and its spectrum.
  void layers(int s) {
    const MeasuredStudent& student = what_.students[s];
    const int n = student.num_inputs;
    for (int i = 1; i < student.depth; ++i) {
      const Layer& layer = students_[s].layers[i];
      const int d = student.dims[i];
      if (student.kernel) {
        const Matrix turned = scratch(0, d, n);
        fixed_right(layer.before.in(), fixed(student.kernel, n), turned, n);
        const V found = dot(turned.data, layer.before.data, d * n);
        const V size = sqrt(square(layer.gram)) * student.kernel_norm;
        write(student.theory + (i - 1), student.depth - 1, found / size);
      }
      const Matrix white = d <= n ? scratch(0, d, n) : scratch(0, n, d);
      if (d <= n) {
        fixed_right(layer.before.in(), fixed(student.root_x, n), white, n);
      } else {
        fixed_left(fixed(student.root_x, n), layer.before.in().transposed(), white, n);
      }
      spectrum(white, student.spectra[i - 1]);
    }
  }

  // Squared singular values. Those of two diagonals, (a_0, a_1, ...) and (b_0, b_1, ...) below, are
  // the squared eigenvalues of the symmetric matrix with a_0, b_0, a_1, b_1, ... beside a diagonal
  // of zeros: small ones are as accurate as if nothing had been squared.
  void spectrum(Matrix a, double* to) {
    const int r = a.rows;
    const V size = sqrt(square(a));
    V scale;
    for (int l = 0; l < L; ++l) scale[l] = power_near(size[l]);
    const V inverse = 1.0 / scale;
    for (int i = 0; i < a.size(); ++i) put(a.data, i, inverse * at(a.data, i));
    bidiagonal<L>(a.data, r, a.columns, sizes_, beside_);
    for (int i = 0; i < 2 * r; ++i) put(sizes_, i, V{});
    eigenvalues<L>(2 * r, sizes_, beside_);
    const V unit = scale + (size - size);  // not a number where the matrix is none
    for (int l = 0; l < count_; ++l) {
      double* values = to + (first_ + l) * r;
      descending<L>(sizes_, l, 2 * r, r, values);
      for (int i = 0; i < r; ++i) {
        const double value = values[i] * unit[l];
        values[i] = value * value;
      }
    }
  }

  // Cosines of the Gram matrices of all pairs of hidden layers. Private inputs of two students are
  // independent, so that only what both see counts.
  void align() {
    int a = 0;
    for (int s = 0; s < what_.num_students; ++s) {
      for (int i = 1; i < what_.students[s].depth; ++i, ++a) {
        const Matrix gram = students_[s].layers[i].gram;
        const V own = square(gram), norm = sqrt(own);
        put(norms_, a, norm);
        pair(a, a, own);
        int b = 0;
        for (int t = 0; t <= s; ++t) {
          for (int j = 1; j < what_.students[t].depth && b < a; ++j, ++b) {
            pair(a, b, overlap(s, i, t, j));
          }
        }
      }
    }
  }

  V overlap(int s, int i, int t, int j) {
    const Layer &one = students_[s].layers[i], &other = students_[t].layers[j];
    const int common = s == t ? what_.students[s].num_inputs : what_.num_shared;
    const Matrix found = scratch(0, one.before.rows, other.before.rows);
    product(one.before_cov.in(), other.before.in().transposed(), found, common);
    return square(found);
  }

  void pair(int a, int b, V inner) {
    const V cosine = inner / (at(norms_, a) * at(norms_, b));
    const int64_t k = what_.num_layers;
    write(what_.alignment + a * k + b, k * k, cosine);
    if (a != b) write(what_.alignment + b * k + a, k * k, cosine);
  }

  const Measurement& what_;
  const int64_t first_;
  const int count_;
  int largest_ = 1;
  Arena arena_;
  Maps* students_;
  double* scratch_[12];
  double *sizes_, *beside_;
  double* norms_;
};

}  // namespace methexis::METHEXIS_ISA
