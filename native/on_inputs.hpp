// Measures students of any kind on reference inputs, one network after another.
//
// The outputs of all hidden layers of all students stand side by side, a row for every input: then
// a layer is one product of shared numbers with vectors of its weights, H_i = H_{i-1} W_i^T, and
// all second moments are another, M = H^T H, of which half is computed. Some inputs at a time, so
// that what they give stays in the cache. Vectors hold units; those beyond a layer's width are of
// no meaning and nobody reads them. The losses turn the last layer's outputs, so that there vectors
// hold inputs.
#pragma once

#include "activations.hpp"
#include "arena.hpp"
#include "gemm.hpp"
#include "measured.hpp"
#include "spectra.hpp"

namespace methexis::METHEXIS_ISA {

template <int L>
class OnInputs {
 public:
  OnInputs(const InputsMeasurement& what, int64_t first, int count, char* memory)
      : what_(what), first_(first), count_(count) {
    arena_.base = memory;
    students_ = arena_.take<Student>(size_t(what.num_students));
    ptrdiff_t widest = L, most_labels = L;
    int modes = 0;
    for (int s = 0; s < what.num_students; ++s) {
      const InputsStudent& from = what.students[s];
      Student student{};
      student.layers = arena_.take<Layer>(size_t(from.depth));
      for (int i = 0; i < from.depth; ++i) {
        const int in = from.dims[i], out = from.dims[i + 1];
        Layer layer{};
        layer.row = round_up(out, L);
        layer.weights = arena_.take<double>(size_t(in + from.bias) * size_t(layer.row));
        if (i + 1 < from.depth) {
          layer.at = stacked_;
          stacked_ += layer.row;
          if (from.spectra) modes = out > modes ? out : modes;
        } else {
          widest = layer.row > widest ? layer.row : widest;
        }
        if (memory) student.layers[i] = layer;
      }
      const ptrdiff_t labels = round_up(from.num_labels, L);
      most_labels = labels > most_labels ? labels : most_labels;
      student.embed_out = arena_.take<double>(size_t(from.dims[from.depth]) * size_t(labels));
      if (memory) students_[s] = student;
    }
    row_ = stacked_ / L % 2 ? stacked_ : stacked_ + L;
    hidden_ = arena_.take<double>(size_t(kInputs) * size_t(row_));
    last_ = arena_.take<double>(size_t(kInputs) * size_t(widest));
    outputs_ = arena_.take<double>(size_t(kInputs) * size_t(most_labels));
    turned_ = arena_.take<double>(size_t(kInputs) * size_t(most_labels));
    labels_ = arena_.take<double>(size_t(kInputs) * size_t(most_labels));
    moments_ = arena_.take<double>(size_t(stacked_) * size_t(stacked_));
    squares_ = arena_.take<double>(size_t(what.num_layers) * size_t(what.num_layers));
    const ptrdiff_t row = round_up(modes, L);
    matrix_ = arena_.take<double>(size_t(row) * size_t(row));
    work_ = arena_.take<double>(3 * size_t(row));
    for (int s = 0; s < what.num_students; ++s) {
      const InputsStudent& from = what.students[s];
      for (int i = 1; from.spectra && i < from.depth; ++i) {
        double* diagonal = arena_.take<double>(size_t(from.dims[i]) * L);
        double* beside = arena_.take<double>(size_t(from.dims[i]) * L);
        double* scale = arena_.take<double>(L);
        if (!memory) continue;
        Layer& layer = students_[s].layers[i - 1];
        layer.diagonal = diagonal;
        layer.beside = beside;
        layer.scale = scale;
      }
    }
  }

  static size_t bytes(const InputsMeasurement& what) {
    return OnInputs(what, 0, 1, nullptr).arena_.used + 64;
  }

  void measure() {
    for (int s = 0; s < what_.num_students; ++s) turn_embedding(s);
    for (int lane = 0; lane < count_; ++lane) one(lane);
    for (int s = 0; s < what_.num_students; ++s) spectra(s);
  }

 private:
  using V = Vec<double, L>;
  using M = Vec<int64_t, L>;

  //: Inputs at a time: so few that a few columns of what they give stay in the first-level cache,
  //: so many that fetching the moments from the second costs little. Whole vectors.
  static constexpr int kInputs = 64;

  // W_i^T, with a last row of biases; where its outputs stand among all hidden ones; and the three
  // diagonals of its moments, of which the numbers of a network are a lane.
  struct Layer {
    double* weights;
    ptrdiff_t row, at;
    double *diagonal, *beside, *scale;
  };

  struct Student {
    Layer* layers;
    double* embed_out;  // transposed
    V loss, right, spoilt;
  };

  void one(int lane) {
    const int64_t network = what_.networks[first_ + lane];
    for (int s = 0; s < what_.num_students; ++s) {
      const InputsStudent& from = what_.students[s];
      for (int i = 0; i < from.depth; ++i) {
        if (what_.single) {
          turn(static_cast<const float*>(from.weights[i]), network, from, i,
               students_[s].layers[i]);
        } else {
          turn(static_cast<const double*>(from.weights[i]), network, from, i,
               students_[s].layers[i]);
        }
      }
      students_[s].loss = students_[s].right = students_[s].spoilt = V{};
    }
    for (int first = 0; first < what_.num_inputs; first += kInputs) {
      const int left = what_.num_inputs - first, count = left < kInputs ? left : kInputs;
      for (int s = 0; s < what_.num_students; ++s) {
        forward(s, first, count);
        if (what_.students[s].loss) loss(s, first, count);
      }
      add_moments(count, first > 0);
    }
    for (int s = 0; s < what_.num_students; ++s) {
      const InputsStudent& to = what_.students[s];
      if (!to.loss) continue;
      const double share = 1.0 / what_.num_inputs;
      to.loss[first_ + lane] = share * sum(students_[s].loss) + to.noise;
      if (to.accuracy) {
        to.accuracy[first_ + lane] = share * (sum(students_[s].right) + sum(students_[s].spoilt));
      }
    }
    mirror();
    align(lane);
    for (int s = 0; s < what_.num_students; ++s) reduce(s, lane);
  }

  // W^T in double precision, rows of whole vectors with zeros at their ends.
  template <class T>
  static void turn(const T* from, int64_t network, const InputsStudent& student, int i,
                   const Layer& to) {
    const int rows = student.dims[i + 1], columns = student.dims[i] + student.bias;
    turn(from + network * rows * columns, columns, rows, columns, to.weights, to.row);
  }

  // A matrix (rows, columns) transposed, block by block and then its edges.
  template <class T>
  static void turn(const T* from, ptrdiff_t row, int rows, int columns, double* to,
                   ptrdiff_t to_row) {
    const int whole_rows = rows / L * L, whole_columns = columns / L * L;
    for (int r = 0; r < whole_rows; r += L) {
      for (int c = 0; c < whole_columns; c += L) {
        V block[L];
        for (int l = 0; l < L; ++l) {
          block[l] = __builtin_convertvector(load<Vec<T, L>>(from + (r + l) * row + c), V);
        }
        transpose<double, L>(block);
        for (int l = 0; l < L; ++l) store(to + (c + l) * to_row + r, block[l]);
      }
    }
    for (int r = 0; r < rows; ++r) {
      const int first = r < whole_rows ? whole_columns : 0;
      for (int c = first; c < columns; ++c) to[c * to_row + r] = double(from[r * row + c]);
    }
  }

  void turn_embedding(int s) {
    const InputsStudent& student = what_.students[s];
    if (!student.embed_out) return;
    const int rows = student.num_labels, columns = student.dims[student.depth];
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        students_[s].embed_out[c * round_up(rows, L) + r] = student.embed_out[r * columns + c];
      }
    }
  }

  // H_i = act(H_{i-1} W_i^T + b_i) of some inputs; the last layer's outputs go elsewhere.
  void forward(int s, int first, int count) {
    const InputsStudent& student = what_.students[s];
    View<const double> from = {student.inputs + ptrdiff_t(first) * student.dims[0], student.dims[0],
                               1};
    for (int i = 0; i < student.depth; ++i) {
      const Layer& layer = students_[s].layers[i];
      const bool last = i + 1 == student.depth;
      const ptrdiff_t row = last ? layer.row : row_;
      double* to = last ? last_ : hidden_ + layer.at;
      if (student.bias) {
        const double* bias = layer.weights + student.dims[i] * layer.row;
        for (int r = 0; r < count; ++r) {
          for (ptrdiff_t j = 0; j < layer.row; j += L) {
            store(to + r * row + j, load<V>(bias + j));
          }
        }
      }
      multiply<double, L, true>(count, int(layer.row / L), student.dims[i], from,
                                {layer.weights, layer.row, L}, {to, row, L},
                                Store<double, L>{student.bias == 1});
      if (!last) activate(student.activation, to, row, count, layer.row);
      from = {to, row, 1};
    }
  }

  static void activate(Activation activation, double* data, ptrdiff_t row, int rows,
                       ptrdiff_t columns) {
    switch (activation) {
      case Activation::identity:
        break;
      case Activation::relu:
        return activate<Activation::relu>(data, row, rows, columns);
      case Activation::leaky_relu:
        return activate<Activation::leaky_relu>(data, row, rows, columns);
      case Activation::tanh:
        return activate<Activation::tanh>(data, row, rows, columns);
      case Activation::gelu:
        return activate<Activation::gelu>(data, row, rows, columns);
      case Activation::softplus:
        return activate<Activation::softplus>(data, row, rows, columns);
    }
  }

  template <Activation A>
  static void activate(double* data, ptrdiff_t row, int rows, ptrdiff_t columns) {
    for (int r = 0; r < rows; ++r) {
      for (ptrdiff_t j = 0; j < columns; j += L) {
        V value, slope;
        methexis::METHEXIS_ISA::activate<A, double, L>(load<V>(data + r * row + j), value, slope);
        store(data + r * row + j, value);
      }
    }
  }

  // M += H^T H, all that is below its diagonal and some of what is above: of wide columns where
  // nothing is above, of narrow ones beside the diagonal.
  void add_moments(int count, bool more) {
    constexpr ptrdiff_t columns = 4 * L, narrow = 2 * L;
    for (ptrdiff_t j = 0; j < stacked_; j += columns) {
      const ptrdiff_t end = j + columns < stacked_ ? j + columns : stacked_;
      for (ptrdiff_t c = j; c < end; c += narrow) {
        add_moments(c, end, c, c + narrow < end ? c + narrow : end, count, more);
      }
      add_moments(end, stacked_, j, end, count, more);
    }
  }

  // Some rows and columns of it.
  void add_moments(ptrdiff_t row, ptrdiff_t last_row, ptrdiff_t column, ptrdiff_t last_column,
                   int count, bool more) {
    multiply<double, L, true>(int(last_row - row), int((last_column - column) / L), count,
                              {hidden_ + row, 1, row_}, {hidden_ + column, row_, L},
                              {moments_ + row * stacked_ + column, stacked_, L},
                              Store<double, L>{more});
  }

  // Adds up a loss of some inputs, as vectors of inputs. Those beyond the last have labels, outputs
  // and a class of nothing.
  void loss(int s, int first, int count) {
    const InputsStudent& student = what_.students[s];
    Student& sums = students_[s];
    const int p = student.num_labels, d = student.dims[student.depth];
    const ptrdiff_t row = round_up(p, L), inputs = round_up(count, L);
    const double* outputs = last_;
    if (student.embed_out) {
      multiply<double, L, true>(count, int(row / L), d, {last_, round_up(d, L), 1},
                                {sums.embed_out, row, L}, {outputs_, row, L});
      outputs = outputs_;
    }
    turn(outputs, row, count, int(row), turned_, inputs);
    for (int c = 0; c < p; ++c) {
      double *f = turned_ + c * inputs, *y = labels_ + c * inputs;
      const double* labels = student.labels + ptrdiff_t(c) * what_.num_inputs + first;
      for (int r = 0; r < count; ++r) y[r] = labels[r];
      for (ptrdiff_t r = count; r < inputs; ++r) f[r] = y[r] = 0.0;
    }
    for (ptrdiff_t r = 0; r < inputs; r += L) {
      student.likeliest ? cross_entropy(student, sums, r, inputs, first, count)
                        : squares(student, sums, r, inputs);
    }
  }

  void squares(const InputsStudent& student, Student& sums, ptrdiff_t r, ptrdiff_t inputs) const {
    V total{};
    for (int c = 0; c < student.num_labels; ++c) {
      const V apart = load<V>(turned_ + c * inputs + r) - load<V>(labels_ + c * inputs + r);
      total = fma(apart, apart, total);
    }
    sums.loss += total;
  }

  // -sum_c y_c ln softmax(f)_c, and whether the first of the largest is that of the labels.
  void cross_entropy(const InputsStudent& student, Student& sums, ptrdiff_t r, ptrdiff_t inputs,
                     int first, int count) const {
    const double *f = turned_ + r, *y = labels_ + r;
    V top = load<V>(f), place{}, spoilt = top - top;
    for (int c = 1; c < student.num_labels; ++c) {
      const V own = load<V>(f + c * inputs);
      const M more = own > top;
      top = select(more, own, top);
      place = select(more, splat<V>(double(c)), place);
      spoilt += own - own;  // not a number where it is not finite
    }
    V total{};
    for (int c = 0; c < student.num_labels; ++c) total += exp<L>(load<V>(f + c * inputs) - top);
    const V normal = log<L>(total);
    V cost = spoilt;
    for (int c = 0; c < student.num_labels; ++c) {
      cost = fma(load<V>(y + c * inputs), normal - (load<V>(f + c * inputs) - top), cost);
    }
    V likeliest;
    for (int l = 0; l < L; ++l) {
      likeliest[l] = r + l < count ? double(student.likeliest[first + r + l]) : -1.0;
    }
    sums.loss += cost;
    sums.right += select(place == likeliest, splat<V>(1.0), V{});
    sums.spoilt += spoilt;
  }

  // What is above the diagonal from what is below.
  void mirror() {
    for (ptrdiff_t i = 0; i < stacked_; i += L) {
      for (ptrdiff_t j = 0; j <= i; j += L) {
        V block[L];
        for (int l = 0; l < L; ++l) block[l] = load<V>(moments_ + (i + l) * stacked_ + j);
        transpose<double, L>(block);
        for (int l = 0; l < L; ++l) store(moments_ + (j + l) * stacked_ + i, block[l]);
      }
    }
  }

  // Cosines of the Gram matrices of all pairs of layers: sums of squares of blocks of M.
  void align(int lane) {
    const int64_t k = what_.num_layers;
    each_layer([&](int64_t a, int width, ptrdiff_t at) {
      each_layer([&](int64_t b, int other, ptrdiff_t from) {
        if (b <= a) squares_[a * k + b] = squared(at, width, from, other);
      });
    });
    double* to = what_.alignment + (first_ + lane) * k * k;
    for (int64_t a = 0; a < k; ++a) {
      for (int64_t b = 0; b <= a; ++b) {
        const double norms =
            __builtin_sqrt(squares_[a * k + a]) * __builtin_sqrt(squares_[b * k + b]);
        to[a * k + b] = to[b * k + a] = squares_[a * k + b] / norms;
      }
    }
  }

  template <class F>
  void each_layer(const F& see) const {
    int64_t number = 0;
    for (int s = 0; s < what_.num_students; ++s) {
      for (int i = 1; i < what_.students[s].depth; ++i) {
        see(number++, what_.students[s].dims[i], students_[s].layers[i - 1].at);
      }
    }
  }

  double squared(ptrdiff_t row, int rows, ptrdiff_t column, int columns) const {
    V sums[2] = {};
    double rest = 0.0;
    for (int r = 0; r < rows; ++r) {
      const double* from = moments_ + (row + r) * stacked_ + column;
      int c = 0;
      for (; c + L <= columns; c += L) {
        const V x = load<V>(from + c);
        sums[c / L % 2] = fma(x, x, sums[c / L % 2]);
      }
      for (; c < columns; ++c) rest += from[c] * from[c];
    }
    return sum(sums[0] + sums[1]) + rest;
  }

  static double sum(V parts) {
    double total = 0.0;
    for (int l = 0; l < L; ++l) total += parts[l];
    return total;
  }

  // Three diagonals of the moments of a student's hidden layers, scaled, as a lane.
  void reduce(int s, int lane) {
    const InputsStudent& student = what_.students[s];
    for (int i = 1; student.spectra && i < student.depth; ++i) {
      const Layer& layer = students_[s].layers[i - 1];
      const int d = student.dims[i];
      const ptrdiff_t row = round_up(d, L);
      const double* from = moments_ + layer.at * stacked_ + layer.at;
      double trace = 0.0;
      for (int r = 0; r < d; ++r) trace += from[r * stacked_ + r];
      const double scale = power_near(trace), inverse = 1.0 / scale;
      for (int r = 0; r < d; ++r) {
        for (ptrdiff_t c = 0; c < row; ++c) {
          matrix_[r * row + c] = c < d ? inverse * from[r * stacked_ + c] : 0.0;
        }
      }
      // A trace that is not finite leaves its lane as it is found then: not a number.
      layer.scale[lane] = (scale + (trace - trace)) / what_.num_inputs;
      Tridiagonal<L>(matrix_, d, row, work_).reduce(layer.diagonal + lane, layer.beside + lane, L);
    }
  }

  void spectra(int s) {
    const InputsStudent& student = what_.students[s];
    for (int i = 1; student.spectra && i < student.depth; ++i) {
      const Layer& layer = students_[s].layers[i - 1];
      const int d = student.dims[i];
      eigenvalues<L>(d, layer.diagonal, layer.beside);
      for (int lane = 0; lane < count_; ++lane) {
        double* to = student.spectra[i - 1] + (first_ + lane) * d;
        descending<L>(layer.diagonal, lane, d, d, to);
        for (int r = 0; r < d; ++r) to[r] *= layer.scale[lane];
      }
    }
  }

  const InputsMeasurement& what_;
  const int64_t first_;
  const int count_;
  Arena arena_;
  Student* students_;
  ptrdiff_t stacked_ = 0;
  // Numbers from one input to the next: an odd number of vectors, because columns whose rows are a
  // power of two apart share few lines of the cache.
  ptrdiff_t row_ = 0;
  double *hidden_, *last_, *outputs_, *turned_, *labels_, *moments_, *squares_, *matrix_, *work_;
};

}  // namespace methexis::METHEXIS_ISA
