// What the networks of one block see: h_0 and labels of every step, drawn a few steps ahead.
//
// Numbers are addressed as in methexis.training.engines.batches: sample b of a step takes `width`
// standardised numbers from number b * width on, inputs first, then noise.
#pragma once

#include "gemm.hpp"
#include "orders.hpp"
#include "worker.hpp"

namespace methexis::METHEXIS_ISA {

// Interleaves the lanes of two vectors: a0 b0 a1 b1 ...
template <int L, int... I>
METHEXIS_INLINE void zip(Doubles<L>& a, Doubles<L>& b, Indices<I...>) {
  const Doubles<L> x = a, y = b;
  a = __builtin_shufflevector(x, y, (I % 2 * L + I / 2)...);
  b = __builtin_shufflevector(x, y, (I % 2 * L + I / 2 + L / 2)...);
}

template <int L>
METHEXIS_INLINE void zip(Doubles<L>& a, Doubles<L>& b) {
  zip<L>(a, b, typename IndicesUpTo<L>::type{});
}

// The four normals of L blocks, a vector per place in a block, in the order of the stream.
template <int L>
METHEXIS_INLINE void in_order(Doubles<L> (&normal)[4]) {
  zip<L>(normal[0], normal[2]);
  zip<L>(normal[1], normal[3]);
  zip<L>(normal[0], normal[1]);
  zip<L>(normal[2], normal[3]);
}

template <class T, int L>
METHEXIS_INLINE void store_as(T* to, Doubles<L> value) {
  if constexpr (sizeof(T) == 8) {
    store(to, value);
  } else {
    store(to, __builtin_convertvector(value, Vec<T, L>));
  }
}

template <class T, int L, bool Within>
class Batches {
 public:
  using Student_ = Worker<T, L, Within>;
  static constexpr int W = kMaxVectorBytes / 8;  // 64-bit lanes of the widest vector
  static constexpr int kLanes = Within ? 1 : L;
  static constexpr int kParts = L > W ? L / W : 1;  // vectors of 64-bit lanes for the networks
  static constexpr int kSteps = L < W ? W / L : 1;  // steps that fill one such vector
  static constexpr int64_t kPortion = 16;           // blocks of words that wait for their transform

  Batches(const Run& the_run, const Call& the_call, int64_t the_first, int the_count, int the_ahead,
          Arena& arena)
      : run(the_run), call(the_call), first(the_first), count(the_count), ahead(the_ahead) {
    const int64_t batch = run.batch;
    const bool tables = run.sampling == Sampling::replace || run.sampling == Sampling::shuffle;
    int64_t most_private = 0, widest = run.width > run.num_noise ? run.width : run.num_noise;
    seen = arena.take<Seen>(run.num_students);
    // Single samples come `ahead` steps at a time, so that the maps to h_0 and labels, which all
    // steps share, are applied to many samples at once.
    together = !Within && batch == 1 && !tables && run.sampling != Sampling::full ? ahead : 1;
    stride = Within ? round_up(batch, L) : batch * L;
    for (int s = 0; s < run.num_students; ++s) {
      const Student& student = run.students[s];
      Seen made{};
      made.input_size = round_up(student.dims[0] + student.bias, Within ? L : 1) * stride;
      made.label_size = student.num_labels * stride;
      made.inputs = arena.take<T>(together * made.input_size);
      made.labels = arena.take<T>(together * made.label_size);
      if (run.sampling == Sampling::full && run.num_noise) {
        made.base = arena.take<T>(made.label_size);
      }
      if (arena.base) {
        seen[s] = made;
        if (student.bias) {
          for (int t = 0; t < together; ++t) {
            T* ones = made.inputs + t * made.input_size + student.dims[0] * stride;
            for (ptrdiff_t b = 0; b < stride; b += L) store(ones + b, splat<Vec<T, L>>(T(1)));
          }
        }
      }
      const int64_t own[] = {student.dims[0], student.num_labels, student.num_private};
      for (const int64_t n : own) widest = n > widest ? n : widest;
      most_private = student.num_private > most_private ? student.num_private : most_private;
    }
    if (run.sampling == Sampling::online) {
      numbers = take_numbers(arena, batch * run.width);
      if (most_private) privates = take_numbers(arena, batch * most_private);
      const int64_t most = run.width > most_private ? run.width : most_private;
      words = arena.take<uint64_t>(words_of_call(batch * most));
    } else if (tables) {
      rows = arena.take<uint32_t>(size_t(ahead) * batch * kLanes);
      if (run.sampling == Sampling::shuffle) {
        scratch = arena.take<uint64_t>(order_scratch(run.num_samples));
      }
    }
    if (run.num_noise) {
      noises = take_numbers(arena, batch * run.num_noise);
      noise_words = arena.take<uint64_t>(words_of_call(batch * run.num_noise));
    }
    if constexpr (Within) {
      staged = arena.take<T>((stride + L) * (widest + L));
      turned = arena.take<T>(stride * round_up(widest, L));
    }
  }

  // All rows of a table, which stay the same for all steps.
  void prepare_full(int s, Student_& worker) {
    if (run.sampling != Sampling::full) return;
    const Student& student = run.students[s];
    T* labels = seen[s].base ? seen[s].base : seen[s].labels;
    for (ptrdiff_t b = 0; b < run.batch; ++b) {
      for (int l = 0; l < kLanes; ++l) {
        place(student.inputs, student.dims[0], b, b, l, seen[s].inputs);
        place(student.labels, student.num_labels, b, b, l, labels);
      }
    }
    worker.see(seen[s].inputs, seen[s].labels);
  }

  // Draws what student s sees in steps [step, step + num).
  void prepare(int s, int64_t step, int num) {
    begun = step;
    const int64_t batch = run.batch;
    const bool own = s == 0 || !run.paired;
    const int num_private = run.students[s].num_private;
    if (run.sampling == Sampling::online) {
      if (own) draw(run.sample_keys[s], step, num, batch * run.width, run.wide, numbers, words);
      if (num_private) {
        draw(run.private_keys[s], step, num, batch * num_private, 0, privates, words);
      }
    } else if (run.sampling != Sampling::full && own) {
      run.sampling == Sampling::replace ? draw_rows(s, step, num) : walk_orders(s, step, num);
    }
    if (run.num_noise && own) {
      draw(run.noise_keys[s], step, num, batch * run.num_noise, 0, noises, noise_words);
      scale_noise(num);
    }
    if (together > 1) map_online(s, 0, num);
  }

  // Shows `worker` the batch of one prepared step.
  void show(int s, int64_t step, Student_& worker) {
    const Student& student = run.students[s];
    const int t = int(step - begun);
    const Seen& own = seen[s];
    if (together > 1) {
      worker.see(own.inputs + t * own.input_size, own.labels + t * own.label_size);
      return;
    }
    if (run.sampling == Sampling::online) {
      map_online(s, t, 1);
    } else if (run.sampling == Sampling::full) {
      if (!run.num_noise) return;
      __builtin_memcpy(own.labels, own.base, sizeof(T) * own.label_size);
      add_label_noise(s, t, 1);
    } else {
      const uint32_t* row = rows + ptrdiff_t(t) * run.batch * kLanes;
      if constexpr (Within) {
        gather(student.inputs, student.dims[0], row, own.inputs);
        gather(student.labels, student.num_labels, row, own.labels);
      } else {
        for (ptrdiff_t b = 0; b < run.batch; ++b) {
          for (int l = 0; l < L; ++l) {
            const uint32_t sample = row[b * L + l];
            place(student.inputs, student.dims[0], sample, b, l, own.inputs);
            place(student.labels, student.num_labels, sample, b, l, own.labels);
          }
        }
      }
      add_label_noise(s, t, 1);
    }
    worker.see(own.inputs, own.labels);
  }

 private:
  // What one student sees: its h_0 (with ones) and labels, of one step or of several.
  struct Seen {
    T* inputs;
    T* labels;
    T* base;  // labels without their noise, where all rows are seen at every step
    ptrdiff_t input_size, label_size;
  };

  // Numbers of one step in memory: blocks of four, and whole vectors of blocks within one network.
  ptrdiff_t per_step(int64_t amount) const {
    return Within ? round_up(amount, 4 * W) : round_up(amount, 4) * L;
  }

  T* take_numbers(Arena& arena, int64_t amount) {
    // Blocks are turned whole, so a little more than the last number may be read.
    return arena.take<T>(ahead * per_step(amount) + (Within ? (L + 1) * amount : 0));
  }

  // Words drawn before any becomes a number. Two passes keep the cipher's chain of ten rounds and
  // the transform's divisions and roots apart, so that each fills the processor by itself.
  size_t words_of_call(int64_t amount) const {
    if constexpr (!Within && kSteps == 1) return kPortion * 4 * W;
    const size_t steps = size_t(ahead + kSteps - 1) / kSteps;
    return steps * size_t(per_step(amount)) * (Within ? 1 : W) / (Within ? 1 : L) + 4 * W;
  }

  int lane(int l) const { return l < count ? l : 0; }

  void draw(const uint32_t* keys, int64_t step, int num, int64_t amount, int wide, T* to,
            uint64_t* buffer) const {
    if (wide) {
      for (int t = 0; t < num; ++t) {
        for (int l = 0; l < kLanes; ++l) {
          draw_wide(keys + 2 * (first + lane(l)), step + t, amount, to + t * per_step(amount) + l);
        }
      }
    } else if constexpr (Within) {
      for (int t = 0; t < num; ++t) {
        draw_within(RoundKeys<W>(keys + 2 * first), step + t, per_step(amount) / 4, buffer,
                    to + t * per_step(amount));
      }
    } else {
      for (int part = 0; part < kParts; ++part) {
        Words<W> k0{}, k1{};
        for (int l = 0; l < W; ++l) {
          const int64_t network = first + lane(part * W + l % L);
          k0[l] = keys[2 * network];
          k1[l] = keys[2 * network + 1];
        }
        draw_across(RoundKeys<W>(k0, k1), step, num, (amount + 3) / 4, buffer, to + part * W);
      }
    }
  }

  // Lanes are networks, or, of narrow blocks, the networks at several consecutive steps. Numbers of
  // a step are L apart.
  __attribute__((noinline)) void draw_across(const RoundKeys<W>& key, int64_t step, int num,
                                             int64_t blocks, uint64_t* buffer, T* to) const {
    if constexpr (kSteps == 1) return draw_portions(key, step, num, blocks, buffer, to);
    using U = Words<W>;
    uint64_t* at = buffer;
    for (int t = 0; t < num; t += kSteps) {
      U low{}, high{};
      for (int l = 0; l < W; ++l) {
        const uint64_t mine = uint64_t(step + t + l / L);
        low[l] = mine & 0xFFFFFFFF;
        high[l] = mine >> 32;
      }
      words_of<W>(key, low, high, U{}, 1, blocks, at);
      at += blocks * 4 * W;
    }
    at = buffer;
    for (int t = 0; t < num; t += kSteps) {
      const int some = num - t < kSteps ? num - t : kSteps;
      for (int64_t block = 0; block < blocks; ++block, at += 4 * W) {
        Doubles<W> normal[4];
        normals_of<W>(at, normal);
        for (int n = 0; n < 4; ++n) {
          Doubles<L> parts[kSteps];
          __builtin_memcpy(parts, &normal[n], sizeof(normal[n]));
          for (int k = 0; k < some; ++k) {
            store_as<T, L>(to + ((t + k) * blocks * 4 + 4 * block + n) * L, parts[k]);
          }
        }
      }
    }
  }

  // The same where one step fills a vector. A few blocks at a time: words that wait for their
  // transform displace no weights from the nearest cache.
  void draw_portions(const RoundKeys<W>& key, int64_t step, int num, int64_t blocks,
                     uint64_t* buffer, T* to) const {
    using U = Words<W>;
    int64_t block = 0;
    for (int64_t left = num * blocks; left > 0;) {
      const int64_t some = left < kPortion ? left : kPortion;
      const uint64_t* end = buffer + some * 4 * W;
      for (uint64_t* at = buffer; at != end;) {
        const U low = splat<U>(uint64_t(step) & kLowHalf), high = splat<U>(uint64_t(step) >> 32);
        const int64_t room = (end - at) / (4 * W);
        const int64_t take = blocks - block < room ? blocks - block : room;
        words_of<W>(key, low, high, splat<U>(uint64_t(block)), 1, take, at);
        at += take * 4 * W;
        block += take;
        if (block == blocks) {
          block = 0;
          ++step;
        }
      }
      for (const uint64_t* at = buffer; at != end; at += 4 * W, to += 4 * L) {
        Doubles<W> normal[4];
        normals_of<W>(at, normal);
        for (int j = 0; j < 4; ++j) store_as<T, W>(to + j * L, normal[j]);
      }
      left -= some;
    }
  }

  // Lanes are consecutive blocks of one step of one network.
  __attribute__((noinline)) void draw_within(const RoundKeys<W>& key, int64_t step, int64_t blocks,
                                             uint64_t* buffer, T* to) const {
    using U = Words<W>;
    U lanes{};
    for (int l = 0; l < W; ++l) lanes[l] = l;
    const uint64_t now = uint64_t(step);
    words_of<W>(key, splat<U>(now & kLowHalf), splat<U>(now >> 32), lanes, W, blocks / W, buffer);
    const uint64_t* end = buffer + 4 * blocks;
    for (const uint64_t* at = buffer; at != end; at += 4 * W, to += 4 * W) {
      Doubles<W> normal[4];
      normals_of<W>(at, normal);
      in_order<W>(normal);
      for (int j = 0; j < 4; ++j) store_as<T, W>(to + j * W, normal[j]);
    }
  }

  // Two words a number, any law; one network.
  __attribute__((noinline)) void draw_wide(const uint32_t* pair, int64_t step, int64_t amount,
                                           T* to) const {
    using U = Words<W>;
    const RoundKeys<W> key(pair);
    U lanes{};
    for (int l = 0; l < W; ++l) lanes[l] = l;
    for (int64_t block = 0; 2 * block < amount; block += W) {
      U drawn[4];
      words_of<W>(key, step, lanes + uint64_t(block), drawn);
      for (int half = 0; half < 2; ++half) {
        const Law laws[] = {Law(run.law_x), Law(run.law_noise)};
        Doubles<W> values[2];
        for (int n = 0; n < 2; ++n) {
          values[n] = standardised<W>(laws[n], drawn[2 * half], drawn[2 * half + 1]);
        }
        for (int l = 0; l < W; ++l) {
          const int64_t number = 2 * (block + l) + half;
          const bool noise = number % run.width >= run.num_inputs;
          if (number < amount) to[number * kLanes] = T(values[noise][l]);
        }
      }
    }
  }

  // h_0 and labels of `num` drawn steps from the t-th on.
  void map_online(int s, int t, int num) {
    const Student& student = run.students[s];
    const Seen& own = seen[s];
    T* inputs = own.inputs + (num > 1 ? t * own.input_size : 0);
    T* labels = own.labels + (num > 1 ? t * own.label_size : 0);
    const View<const T> samples = arrange(numbers, run.width, t);
    product(student.dims[0], run.num_inputs, student.input_map, run.width, samples, inputs,
            own.input_size, num, false);
    product(student.num_labels, run.width, student.label_map, run.width, samples, labels,
            own.label_size, num, false);
    if (const int n = student.num_private) {
      product(student.dims[0], n, student.private_map, n, arrange(privates, n, t), inputs,
              own.input_size, num, true);
    }
    add_label_noise(s, t, num);
  }

  void add_label_noise(int s, int t, int num) {
    if (!run.num_noise) return;
    const Student& student = run.students[s];
    product(student.num_labels, run.num_noise, student.noise_map, run.num_noise,
            arrange(noises, run.num_noise, t),
            seen[s].labels + (num > 1 ? t * seen[s].label_size : 0), seen[s].label_size, num, true);
  }

  void scale_noise(int num) {
    const ptrdiff_t each = per_step(int64_t(run.batch) * run.num_noise);
    for (ptrdiff_t n = 0; n < num * each; ++n) {
      noises[n] *= T(run.label_noise[first + (Within ? 0 : lane(int(n % L)))]);
    }
  }

  void draw_rows(int s, int64_t step, int num) {
    constexpr int K = W;
    using U = Words<K>;
    U lanes{};
    for (int l = 0; l < K; ++l) lanes[l] = l;
    for (int l = 0; l < kLanes; ++l) {
      const uint32_t* pair = run.sample_keys[s] + 2 * (first + lane(l));
      const RoundKeys<K> key(pair);
      for (int t = 0; t < num; ++t) {
        uint32_t* to = rows + (ptrdiff_t(t) * run.batch) * kLanes + l;
        for (ptrdiff_t block = 0; 4 * block < run.batch; block += K) {
          U words[4];
          words_of<K>(key, step + t, lanes + uint64_t(block), words);
          for (int n = 0; n < 4 * K; ++n) {
            const ptrdiff_t b = 4 * block + n;
            if (b >= run.batch) break;
            to[b * kLanes] = uint32_t(words[n % 4][n / 4] * uint64_t(run.num_samples) >> 32);
          }
        }
      }
    }
  }

  // Epochs follow each other without a gap: place p of the run is sample p mod N of epoch p / N.
  void walk_orders(int s, int64_t step, int num) {
    const int64_t samples = run.num_samples;
    for (int l = 0; l < kLanes; ++l) {
      if (l >= count) {  // a lane without a network does as the first one
        for (ptrdiff_t i = 0; i < ptrdiff_t(num) * run.batch; ++i) {
          rows[i * kLanes + l] = rows[i * kLanes];
        }
        continue;
      }
      const int64_t network = first + l;
      Order& order = call.orders[s * run.num_networks + network];
      int64_t at = step * run.batch;
      uint32_t* to = rows + l;
      for (int64_t left = int64_t(num) * run.batch; left > 0;) {
        const int64_t epoch = at / samples, begin = at % samples;
        if (order.epoch != epoch) {
          const uint32_t* pair = run.sample_keys[s] + 2 * network;
          make_order(pair, epoch, samples, scratch, order.positions);
          order.epoch = epoch;
        }
        const int64_t take = samples - begin < left ? samples - begin : left;
        for (int64_t i = 0; i < take; ++i, to += kLanes) *to = order.positions[begin + i];
        at += take;
        left -= take;
      }
    }
  }

  // One row of a table into column b (and lane l) of a panel.
  void place(const void* table, int length, int64_t row, ptrdiff_t b, int l, T* to) const {
    const T* values = static_cast<const T*>(table) + row * length;
    to += Within ? b : b * L + l;
    for (int k = 0; k < length; ++k) to[k * stride] = values[k];
  }

  void gather(const void* table, int length, const uint32_t* row, T* to) {
    const T* values = static_cast<const T*>(table);
    for (int b = 0; b < run.batch; ++b) {
      __builtin_memcpy(staged + ptrdiff_t(b) * length, values + ptrdiff_t(row[b]) * length,
                       sizeof(T) * length);
    }
    turn(staged, length, to);
  }

  // to(k, b) = from(b, k), in whole blocks; `from` is padded, rows of `to` past `length` are kept.
  void turn(const T* from, int length, T* to) const {
    for (int k = 0; k < length; k += L) {
      const int some = length - k < L ? length - k : L;
      for (ptrdiff_t b = 0; b < stride; b += L) {
        Vec<T, L> block[L];
        for (int l = 0; l < L; ++l) block[l] = load<Vec<T, L>>(from + (b + l) * length + k);
        transpose<T, L>(block);
        for (int l = 0; l < some; ++l) store(to + (k + l) * stride + b, block[l]);
      }
    }
  }

  // Numbers of the t-th step as a right factor (number of the sample, sample). Single samples of
  // the steps that follow are its further columns.
  View<const T> arrange(const T* from, int length, int t) {
    const ptrdiff_t each = per_step(int64_t(run.batch) * length);
    from += t * each;
    if constexpr (Within) {
      turn(from, length, turned);
      return {turned, stride, L};
    } else {
      return {from, L, run.batch == 1 ? each : ptrdiff_t(length) * L};
    }
  }

  // to = map samples, or to += map samples; columns are the samples of a step, or, for single
  // samples, steps.
  void product(int rows_out, int depth, const void* map, int map_row, View<const T> samples, T* to,
               ptrdiff_t to_size, int num, bool accumulate) const {
    const bool single = !Within && run.batch == 1;
    multiply<T, L, true>(rows_out, single ? num : int(stride / L), depth,
                         {static_cast<const T*>(map), map_row, 1}, samples,
                         {to, stride, single ? to_size : L}, Store<T, L>{accumulate});
  }

  const Run& run;
  const Call& call;
  const int64_t first;
  const int count, ahead;
  int together = 1;
  ptrdiff_t stride = 0;
  int64_t begun = 0;
  Seen* seen = nullptr;
  uint64_t* words = nullptr;
  uint64_t* noise_words = nullptr;
  T* numbers = nullptr;
  T* privates = nullptr;
  T* noises = nullptr;
  uint32_t* rows = nullptr;
  uint64_t* scratch = nullptr;
  T* staged = nullptr;
  T* turned = nullptr;
};

}  // namespace methexis::METHEXIS_ISA
