// One block of networks through a stretch of steps, without leaving the cache.
//
// A block is the unit of work of a thread: up to L networks (or one, in the layout within networks)
// of all students. Its weights are brought into the layout of `Worker` once, do all their steps
// there, and go back. No number depends on which networks share a block, on the lanes they have,
// or on where a stretch begins and ends.
#pragma once

#include "batches.hpp"
#include "worker.hpp"

namespace methexis::METHEXIS_ISA {

template <class T, int L, bool Within>
class Block {
 public:
  Block(const Run& the_run, const Call& the_call, int64_t the_first, int the_count, char* memory)
      : run(the_run), call(the_call), first(the_first), count(the_count) {
    arena.base = memory;
    workers = arena.take<Worker<T, L, Within>>(run.num_students);
    for (int s = 0; s < run.num_students; ++s) {
      if (memory) {
        new_worker(workers + s, s);
      } else {
        Worker<T, L, Within>(run, s, arena);
      }
    }
    ahead = steps_ahead();
  }

  // Bytes that a block needs.
  static size_t bytes(const Run& run) {
    Call none{};
    Block block(run, none, 0, 1, nullptr);
    Batches<T, L, Within>(run, none, 0, 1, block.ahead, block.arena);
    return block.arena.used + 64;
  }

  void advance() {
    if (all_lost()) return;
    Batches<T, L, Within> batches(run, call, first, count, ahead, arena);
    for (int s = 0; s < run.num_students; ++s) {
      move_all(s, true);
      batches.prepare_full(s, workers[s]);
    }
    prepare_rates();
    int64_t step = call.first_step;
    const int64_t end = step + call.num_steps;
    while (step < end) {
      int64_t edge = (step / run.check_interval + 1) * run.check_interval;
      edge = edge < end ? edge : end;
      const int num = int(edge - step < ahead ? edge - step : ahead);
      for (int s = 0; s < run.num_students; ++s) {
        batches.prepare(s, step, num);
        for (int t = 0; t < num; ++t) {
          set_rates(step + t);
          batches.show(s, step + t, workers[s]);
          workers[s].step(rates, decay);
        }
      }
      step += num;
      if (step % run.check_interval == 0 || step == run.total_steps) {
        if (check(step)) break;
      }
    }
    for (int s = 0; s < run.num_students; ++s) move_all(s, false);
  }

 private:
  using V = Vec<T, L>;
  static constexpr int kLanes = Within ? 1 : L;

  void new_worker(Worker<T, L, Within>* place, int s) {
    Worker<T, L, Within> made(run, s, arena);
    __builtin_memcpy(static_cast<void*>(place), &made, sizeof(made));
  }

  // Samples are drawn so many steps ahead that weights of several students need not take turns in
  // the first-level cache at every step, and no more than keeps the samples themselves in it.
  // Single samples are read once, in order, so that they may lie in the second level; what costs
  // time there is to begin to draw.
  int steps_ahead() const {
    const size_t sample_bytes = run.batch == 1 ? 32768 : 16384;
    const size_t each = sizeof(T) * kLanes * run.batch * (run.width > 4 ? run.width : 4);
    size_t most = sample_bytes / each;
    most = most < 1 ? 1 : most;
    return int(most < size_t(run.check_interval) ? most : run.check_interval);
  }

  int lane(int l) const { return l < count ? l : 0; }

  bool all_lost() const {
    for (int l = 0; l < count; ++l) {
      if (call.diverged[first + l] < 0 && call.collapsed[first + l] < 0) return false;
    }
    return true;
  }

  // Between the caller's arrays (network, row, column) and layer i in the layout of a worker.
  template <bool In>
  void move(const Worker<T, L, Within>& worker, int i, T* outside, T* inside) {
    const int rows = worker.student.dims[i + 1], columns = int(worker.columns(i));
    for (int l = 0; l < (In ? kLanes : count); ++l) {
      T* from = outside + (first + lane(l)) * ptrdiff_t(rows) * columns;
      for (int r = 0; r < rows; ++r, from += columns) {
        const Line line = worker.weight_line(i, r);
        T* to = inside + line.begin + l;
        for (int c = 0; c < columns; ++c) {
          if constexpr (In) {
            to[c * line.step] = from[c];
          } else {
            from[c] = to[c * line.step];
          }
        }
        if constexpr (In && Within) {  // a lost network may have left NaN in the padding
          for (ptrdiff_t c = columns; c < worker.weight_row(i); ++c) to[c] = T(0);
        }
      }
    }
  }

  void move_all(int s, bool in) {
    Worker<T, L, Within>& worker = workers[s];
    const Student& student = worker.student;
    int at = 0;
    for (int before = 0; before < s; ++before) at += run.students[before].depth;
    const int slots = num_slots(run.optimiser);
    for (int i = 0; i < student.depth; ++i) {
      for (int k = -1; k < slots; ++k) {
        T* outside = static_cast<T*>(k < 0 ? call.weights[at + i]
                                           : call.slots[(at * slots) + k * student.depth + i]);
        T* inside = k < 0 ? worker.weights[i] : worker.slot[k][i];
        in ? move<true>(worker, i, outside, inside) : move<false>(worker, i, outside, inside);
      }
    }
    if (run.loss == Loss::whitened_running) move_covariance(s, in);
  }

  void move_covariance(int s, bool in) {
    const int p = run.students[s].num_labels;
    for (int l = 0; l < (in ? L : count); ++l) {
      double* outside = call.residual_cov[s] + (first + (Within ? 0 : lane(l))) * ptrdiff_t(p) * p;
      T* inside = workers[s].output.covariance + l;
      for (int n = 0; n < p * p; ++n) {
        if (in) {
          inside[n * L] = T(outside[n]);
        } else {
          outside[n] = double(inside[n * L]);
        }
      }
    }
  }

  double hyper(Hyper which, int l) const {
    return run.hyper[int(which) * run.num_networks + first + (Within ? 0 : lane(l))];
  }

  V hyper_vector(Hyper which) const {
    V v{};
    for (int l = 0; l < L; ++l) v[l] = T(hyper(which, l));
    return v;
  }

  void prepare_rates() {
    rates.l2 = hyper_vector(Hyper::l2);
    rates.momentum = hyper_vector(Hyper::momentum);
    rates.beta1 = hyper_vector(Hyper::beta1);
    rates.beta2 = hyper_vector(Hyper::beta2);
    rates.eps = hyper_vector(Hyper::eps);
    rates.rho = hyper_vector(Hyper::rho);
    weight_decay = hyper_vector(Hyper::weight_decay);
    decay = false;
    for (int l = 0; l < L; ++l) {
      lr[l] = hyper(Hyper::lr, l);
      log_beta[0][l] = __builtin_log(hyper(Hyper::beta1, l));
      log_beta[1][l] = __builtin_log(hyper(Hyper::beta2, l));
    }
    // Without decay there is a multiplication by one less, which changes no bit.
    for (int l = 0; l < L; ++l) {
      decay = decay || hyper(Hyper::l2, l) != 0.0 || hyper(Hyper::weight_decay, l) != 0.0;
    }
  }

  void set_rates(int64_t step) {
    const double factor = call.factors[step - call.first_step];
    if (factor == last_factor && run.optimiser != Optimiser::adam) return;
    last_factor = factor;
    for (int l = 0; l < L; ++l) rates.lr[l] = T(lr[l] * factor);
    rates.keep = T(1) - rates.lr * weight_decay;
    if (run.optimiser == Optimiser::adam) {
      for (int l = 0; l < L; ++l) {
        rates.complement1[l] = T(-__builtin_expm1(double(step + 1) * log_beta[0][l]));
        rates.complement2[l] = T(-__builtin_expm1(double(step + 1) * log_beta[1][l]));
      }
    }
  }

  // Marks networks that have diverged or collapsed since the last check and fills them with NaN.
  // Returns whether none is left.
  bool check(int64_t step) {
    bool diverged[kLanes] = {}, collapsed[kLanes] = {};
    for (int s = 0; s < run.num_students; ++s) {
      double most[L];
      largest(s, most);
      for (int l = 0; l < count; ++l) {
        const double size = largest_of(most, l);
        const int64_t at = s * run.num_networks + first + l;
        diverged[l] = diverged[l] || !(size <= run.upper[at]);
        collapsed[l] = collapsed[l] || size <= run.lower[at];
      }
    }
    bool left = false;
    for (int l = 0; l < count; ++l) {
      const int64_t network = first + l;
      if (call.diverged[network] >= 0 || call.collapsed[network] >= 0) continue;
      if (!diverged[l] && !collapsed[l]) {
        left = true;
        continue;
      }
      (diverged[l] ? call.diverged : call.collapsed)[network] = step;
      for (int s = 0; s < run.num_students; ++s) lose(s, l);
    }
    return !left;
  }

  // Largest size of a weight of each network (within a network: of each lane); NaN if there is one.
  void largest(int s, double (&most)[L]) const {
    const Worker<T, L, Within>& worker = workers[s];
    V size{}, nan{};
    for (int i = 0; i < worker.depth; ++i) {
      const ptrdiff_t count_of = worker.weight_numbers(i);
      for (ptrdiff_t n = 0; n < count_of; n += L) {
        const V value = absolute(load<V>(worker.weights[i] + n));
        size = maximum(value, size);
        nan = select(value == value, nan, value);
      }
    }
    for (int l = 0; l < L; ++l) most[l] = nan[l] == nan[l] ? double(size[l]) : double(nan[l]);
  }

  // The same of one network.
  static double largest_of(const double (&most)[L], int l) {
    if constexpr (!Within) return most[l];
    double all = 0.0;
    for (int n = 0; n < L; ++n) {
      if (!(most[n] <= all)) all = most[n];
      if (all != all) break;
    }
    return all;
  }

  void lose(int s, int l) {
    const Worker<T, L, Within>& worker = workers[s];
    for (int i = 0; i < worker.depth; ++i) {
      const ptrdiff_t size = worker.weight_numbers(i);
      for (ptrdiff_t n = l; n < size; n += kLanes) worker.weights[i][n] = T(__builtin_nan(""));
    }
  }

  const Run& run;
  const Call& call;
  const int64_t first;
  const int count;
  Arena arena;
  Worker<T, L, Within>* workers;
  int ahead = 1;
  bool decay = false;
  Rates<T, L> rates;
  V weight_decay;
  double last_factor = -1.0;  // no schedule has it
  double lr[L], log_beta[2][L];
};

}  // namespace methexis::METHEXIS_ISA
