// Whole runs of the engine, small and of odd sizes, for the sanitizers and for what bits must not
// depend on. Every array that the engine writes is as large as promised and no larger, on the heap,
// so that AddressSanitizer sees one number too far. That results are right is tested from Python.
#include "engine.hpp"

#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "check.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

constexpr std::int64_t kSteps = 70;  // one check for lost networks and some steps after it
constexpr std::int64_t kSamples = 11;

struct Case {
  Sampling sampling = Sampling::online;
  Loss loss = Loss::squared;
  Optimiser optimiser = Optimiser::sgd;
  Activation activation = Activation::identity;
  std::vector<std::vector<int>> dims = {{3, 5, 2}, {4, 1, 7, 3}};  // of each student
  int bias = 0;
  int batch = 3;  // all samples, where the sampling is full
  int noise = 0;  // label-noise numbers of a sample
  int privates = 0;
  int wide = 0;
  int paired = 1;
  int within = 0;
  int lanes = 0;
  std::int64_t num_networks = 5;
  std::int64_t first = 0;    // networks first ... first + num_networks - 1 of the same experiment
  std::int64_t doomed = -1;  // a network that counts as diverged at once
};

// A number in [-1, 1) that is a function of its address alone (the finaliser of SplitMix64).
double number(std::uint64_t what, std::uint64_t index) {
  std::uint64_t z = what * 0x9E3779B97F4A7C15u + index * 0xD1B54A32D192ED03u + 1;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1.0;
}

int slots_of(Optimiser optimiser) {
  if (optimiser == Optimiser::adam) return 2;
  return optimiser == Optimiser::heavy_ball || optimiser == Optimiser::nesterov ||
         optimiser == Optimiser::rmsprop;
}

// A case's run: constants in `Engine`, weights and all else that it writes here.
template <class T>
class Experiment {
 public:
  explicit Experiment(const Case& the_case) : c_(the_case) {
    auto owned = std::make_unique<OwnedRun>();
    owned_ = owned.get();
    set_run();
    for (std::size_t s = 0; s < c_.dims.size(); ++s) add_student(s);
    owned->run.students = owned->students.data();
    diverged_.assign(networks(), -1);
    collapsed_.assign(networks(), -1);
    engine_ = std::make_unique<Engine>(std::move(owned), kernels, sizeof(T) == 4, c_.lanes);
  }

  void advance(std::int64_t first, std::int64_t num, int threads) {
    const std::vector<double> factors(static_cast<std::size_t>(num), 0.5);
    std::vector<void*> weights, slots;
    for (auto& layer : weights_) weights.push_back(layer.data());
    for (auto& layer : slots_) slots.push_back(layer.data());
    std::vector<double*> covariances;
    for (auto& covariance : covariances_) covariances.push_back(covariance.data());
    engine_->advance({first, num, factors.data(), weights.data(), slots.data(), covariances.data(),
                      diverged_.data(), collapsed_.data(), nullptr},
                     threads);
  }

  // Weights, slots and covariances of one network, one after the other.
  std::vector<double> network(std::int64_t n) const {
    std::vector<double> all;
    const auto append = [&](const auto& arrays) {
      for (const auto& array : arrays) {
        const std::size_t size = array.size() / networks();
        const auto* from = array.data() + static_cast<std::size_t>(n) * size;
        all.insert(all.end(), from, from + size);
      }
    };
    append(weights_);
    append(slots_);
    append(covariances_);
    return all;
  }

  std::int64_t diverged(std::int64_t n) const { return diverged_[static_cast<std::size_t>(n)]; }

 private:
  std::size_t networks() const { return static_cast<std::size_t>(c_.num_networks); }

  // `size` numbers for the life of the run. `what` names them: equal names, equal numbers.
  template <class Number = T>
  const Number* constant(std::uint64_t what, std::int64_t size, double scale = 1.0) {
    std::vector<Number> values(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<Number>(scale * number(what, i));
    }
    return kept(values);
  }

  template <class Number>
  const Number* kept(const std::vector<Number>& values) {
    return static_cast<const Number*>(owned_->keep(values.data(), values.size() * sizeof(Number)));
  }

  // One value per network.
  const double* each(double value) { return kept(std::vector<double>(networks(), value)); }

  const std::uint32_t* const* keys(std::uint64_t what) {
    std::vector<const std::uint32_t*> lists;
    for (std::size_t s = 0; s < c_.dims.size(); ++s) {
      std::vector<std::uint32_t> pairs;
      for (std::int64_t n = c_.first; n < c_.first + c_.num_networks; ++n) {
        pairs.push_back(static_cast<std::uint32_t>(n));
        pairs.push_back(static_cast<std::uint32_t>(what + (c_.paired ? 0 : s)));
      }
      lists.push_back(kept(pairs));
    }
    return static_cast<const std::uint32_t* const*>(
        owned_->keep(lists.data(), lists.size() * sizeof(lists[0])));
  }

  void set_run() {
    Run& run = owned_->run;
    const bool online = c_.sampling == Sampling::online;
    const auto num_students = c_.dims.size();
    run.num_students = static_cast<int>(num_students);
    run.num_networks = c_.num_networks;
    run.num_samples = online ? 0 : kSamples;
    run.batch = c_.sampling == Sampling::full ? static_cast<int>(kSamples) : c_.batch;
    run.num_inputs = online ? 3 : 0;
    run.width = online ? 5 : 0;
    run.num_noise = c_.noise;
    run.sampling = c_.sampling;
    run.loss = c_.loss;
    run.optimiser = c_.optimiser;
    run.wide = c_.wide;
    run.law_x = c_.wide ? 2 : 0;
    run.law_noise = c_.wide ? 3 : 0;
    run.paired = c_.paired;
    run.within = c_.within;
    run.total_steps = kSteps;
    run.check_interval = 64;
    run.sample_keys = keys(100);
    run.private_keys = keys(200);
    run.noise_keys = keys(300);
    std::vector<double> hyper;
    for (const double value : {0.01, 0.1, 0.02, 0.8, 0.9, 0.99, 1e-8, 0.05}) {
      hyper.insert(hyper.end(), networks(), value);
    }
    run.hyper = kept(hyper);
    run.label_noise = each(0.3);
    std::vector<double> upper(num_students * networks(), 1e6);
    if (c_.doomed >= 0) upper[static_cast<std::size_t>(c_.doomed)] = 1e-3;
    run.upper = kept(upper);
    run.lower = kept(std::vector<double>(num_students * networks(), 1e-12));
    run.ridge = 1e-6;
    run.average = kept(std::vector<double>(num_students, 0.05));
  }

  void add_student(std::size_t s) {
    const std::vector<int>& dims = c_.dims[s];
    const std::uint64_t what = 1000 * (s + 1);
    const std::int64_t first = dims.front(), last = dims.back();
    Student student{};
    student.depth = static_cast<int>(dims.size()) - 1;
    student.dims = kept(dims);
    student.bias = c_.bias;
    student.activation = c_.activation;
    student.num_labels = static_cast<int>(last) + (c_.loss == Loss::squared ? 0 : 1);
    const std::int64_t labels = student.num_labels;
    student.num_private = c_.privates;
    std::vector<T> curvature(static_cast<std::size_t>(last * last));
    for (std::int64_t i = 0; i < last; ++i) {
      curvature[static_cast<std::size_t>(i * (last + 1))] = static_cast<T>(0.7);
    }
    student.curvature = kept(curvature);
    student.plain_curvature = s == 0;
    student.embed_out = c_.loss == Loss::squared ? nullptr : constant(what + 1, labels * last);
    if (c_.sampling == Sampling::online) {
      student.input_map = constant(what + 2, first * owned_->run.width);
      student.label_map = constant(what + 3, labels * owned_->run.width, 0.3);
      student.private_map = c_.privates ? constant(what + 4, first * c_.privates) : nullptr;
    } else {
      student.inputs = constant(what + 5, kSamples * first);
      student.labels = constant(what + 6, kSamples * labels, 0.3);
    }
    student.noise_map = c_.noise ? constant(what + 7, labels * c_.noise, 0.1) : nullptr;
    owned_->students.push_back(student);
    for (int slot = -1; slot < slots_of(c_.optimiser); ++slot) {
      for (int i = 0; i < student.depth; ++i) {
        const auto l = static_cast<std::size_t>(i);
        const std::int64_t size = std::int64_t(dims[l + 1]) * (dims[l] + c_.bias);
        std::vector<T> layer(networks() * static_cast<std::size_t>(size));
        for (std::size_t n = 0; slot < 0 && n < layer.size(); ++n) {
          const auto at = static_cast<std::uint64_t>(c_.first * size) + n;
          layer[n] = static_cast<T>(0.4 * number(what + 10 + l, at));
        }
        (slot < 0 ? weights_ : slots_).push_back(layer);
      }
    }
    if (c_.loss == Loss::whitened_running) {
      std::vector<double> covariance(networks() * static_cast<std::size_t>(labels * labels));
      for (std::size_t n = 0; n < covariance.size(); ++n) {
        covariance[n] =
            n % static_cast<std::size_t>(labels * labels) % static_cast<std::size_t>(labels + 1) ==
                    0
                ? 1.0
                : 0.0;
      }
      covariances_.push_back(covariance);
    }
  }

  const Case c_;
  OwnedRun* owned_;
  std::vector<std::vector<T>> weights_, slots_;
  std::vector<std::vector<double>> covariances_;
  std::vector<std::int64_t> diverged_, collapsed_;
  std::unique_ptr<Engine> engine_;
};

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

bool finite(const std::vector<double>& values) {
  for (const double value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

// Runs a case in one piece, in several by three threads, and one of its networks alone.
template <class T>
void run(const Case& c) {
  Experiment<T> whole(c);
  const std::vector<double> before = whole.network(0);
  whole.advance(0, kSteps, 1);
  CHECK(!same(before, whole.network(0)));
  Experiment<T> cut(c);
  cut.advance(0, 1, 3);
  cut.advance(1, 40, 2);
  cut.advance(41, kSteps - 41, 3);
  for (std::int64_t n = 0; n < c.num_networks; ++n) {
    CHECK(finite(whole.network(n)));
    CHECK(same(whole.network(n), cut.network(n)));
    CHECK(whole.diverged(n) == -1);
  }
  Case alone = c;
  alone.first = c.num_networks - 1;
  alone.num_networks = 1;
  Experiment<T> last(alone);
  last.advance(0, kSteps, 1);
  CHECK(same(last.network(0), whole.network(c.num_networks - 1)));
}

// Both dtypes and layouts.
void run_all(Case c) {
  for (c.within = 0; c.within < 2; ++c.within) {
    run<double>(c);
    run<float>(c);
  }
}

TEST(every_optimiser) {
  for (int k = 0; k <= static_cast<int>(Optimiser::sam); ++k) {
    Case c;
    c.optimiser = Optimiser(k);
    run_all(c);
  }
}

TEST(every_activation_with_and_without_bias) {
  for (int k = 0; k <= static_cast<int>(Activation::softplus); ++k) {
    for (int bias = 0; bias < 2; ++bias) {
      Case c;
      c.activation = Activation(k);
      c.bias = bias;
      run_all(c);
    }
  }
}

TEST(every_sampling_with_every_loss) {
  for (int k = 0; k <= static_cast<int>(Sampling::full); ++k) {
    for (const Loss loss : {Loss::squared, Loss::whitened_running, Loss::cross_entropy}) {
      if (Sampling(k) == Sampling::online && loss == Loss::cross_entropy) continue;
      for (int paired = 0; paired < 2; ++paired) {
        Case c;
        c.sampling = Sampling(k);
        c.loss = loss;
        c.paired = paired;
        c.noise = paired ? 0 : 2;
        run_all(c);
      }
    }
  }
}

TEST(heavy_tails_and_private_features) {
  for (int paired = 0; paired < 2; ++paired) {
    Case c;
    c.wide = 1;
    c.privates = 2;
    c.noise = 1;
    c.paired = paired;
    run_all(c);
  }
}

TEST(every_size_around_a_vector) {
  for (int size = 1; size <= 18; ++size) {
    Case c;
    c.dims = {{size, 2 * size + 1, 19 - size}};
    c.num_networks = size;
    c.batch = 19 - size;
    c.bias = size % 2;
    run_all(c);
  }
}

TEST(every_number_of_lanes_gives_the_same_bits) {
  Case c;
  c.num_networks = 21;
  Experiment<double> expected(c);
  expected.advance(0, kSteps, 1);
  for (int k = 0; k < kernels.num_across[0]; ++k) {
    c.lanes = kernels.across[0][k].lanes;
    Experiment<double> got(c);
    got.advance(0, kSteps, 2);
    for (std::int64_t n = 0; n < c.num_networks; ++n) {
      CHECK(same(got.network(n), expected.network(n)));
    }
  }
}

TEST(an_unknown_number_of_lanes_is_refused) {
  for (const int within : {0, 1}) {
    Case c;
    c.within = within;
    c.lanes = 3;
    bool refused = false;
    try {
      Experiment<double> none(c);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    CHECK(refused);
  }
}

TEST(a_lost_network_leaves_its_neighbours_alone) {
  Case c;
  for (c.within = 0; c.within < 2; ++c.within) {
    c.doomed = -1;
    Experiment<double> healthy(c);
    healthy.advance(0, kSteps, 1);
    c.doomed = 2;
    Experiment<double> lost(c);
    lost.advance(0, 64, 1);
    lost.advance(64, kSteps - 64, 1);
    for (std::int64_t n = 0; n < c.num_networks; ++n) {
      CHECK(lost.diverged(n) == (n == c.doomed ? 64 : -1));
      CHECK(same(lost.network(n), healthy.network(n)) == (n != c.doomed));
    }
    CHECK(std::isnan(lost.network(c.doomed).front()));
  }
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
