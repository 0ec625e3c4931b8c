// The Python face of the native engine: methexis._native. Types are in src/methexis/_native.pyi.
//
// All that comes from Python is checked here, once: names, types, shapes, strides. Nothing below
// this file looks at an argument again.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "dispatch.hpp"
#include "engine.hpp"
#include "module_measuring.hpp"

namespace methexis {
namespace {

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels* kernels : available()) {
    names.emplace_back(kernels->name);
  }
  return names;
}

std::string instruction_set(const std::string& name) { return select(name).name; }

template <class T>
const T* kept(OwnedRun& owned, const nb::handle value, const std::string& name,
              const Shape& shape) {
  const AnyArray found = array(value, name, nb::dtype<T>(), name_of<T>(), shape, false);
  return static_cast<const T*>(owned.keep(found.data(), found.nbytes()));
}

// An array of the run's dtype, or null for None.
const void* matrix(OwnedRun& owned, const nb::dict& from, const char* name, bool single,
                   const Shape& shape) {
  const nb::object value = entry(from, name);
  if (value.is_none()) return nullptr;
  if (single) return kept<float>(owned, value, name, shape);
  return kept<double>(owned, value, name, shape);
}

const std::uint32_t* const* key_lists(OwnedRun& owned, const nb::dict& from, const char* name) {
  const nb::object value = entry(from, name);
  if (value.is_none()) return nullptr;
  nb::list lists;
  if (!nb::try_cast(value, lists) || nb::len(lists) != std::size_t(owned.run.num_students)) {
    throw nb::value_error((std::string(name) + ": expected one array per student").c_str());
  }
  std::vector<const std::uint32_t*> pointers;
  for (const nb::handle item : lists) {
    pointers.push_back(kept<std::uint32_t>(owned, item, name, {owned.run.num_networks, 2}));
  }
  return static_cast<const std::uint32_t* const*>(
      owned.keep(pointers.data(), pointers.size() * sizeof(pointers[0])));
}

Student read_student(OwnedRun& owned, const nb::dict& from, bool single) {
  const Run& run = owned.run;
  Student student{};
  std::vector<int> dims;
  if (!nb::try_cast(entry(from, "dims"), dims) || dims.size() < 3 || dims.size() > kMaxDepth + 1) {
    throw nb::value_error(
        ("dims: expected 3 to " + std::to_string(kMaxDepth + 1) + " layer sizes").c_str());
  }
  for (const int d : dims) {
    if (d < 1 || d > (1 << 24)) throw nb::value_error("dims: expected sizes from 1 to 2^24");
  }
  student.depth = int(dims.size()) - 1;
  student.dims = static_cast<const int*>(owned.keep(dims.data(), dims.size() * sizeof(int)));
  student.bias = int(integer(from, "bias", 0, 1));
  student.activation = Activation(integer(from, "activation", 0, 5));
  student.num_labels = int(integer(from, "num_labels", 1, 1 << 24));
  student.plain_curvature = int(integer(from, "plain_curvature", 0, 1));
  student.num_private = int(integer(from, "num_private", 0, 1 << 24));
  const std::int64_t first = dims.front(), last = dims.back(), labels = student.num_labels;
  if (run.loss == Loss::squared && labels != last) {
    throw nb::value_error("num_labels: expected the size of the last layer");
  }
  student.curvature = matrix(owned, from, "curvature", single, {last, last});
  student.embed_out = matrix(owned, from, "embed_out", single, {labels, last});
  student.input_map = matrix(owned, from, "input_map", single, {first, run.width});
  student.label_map = matrix(owned, from, "label_map", single, {labels, run.width});
  student.private_map = matrix(owned, from, "private_map", single, {first, student.num_private});
  student.noise_map = matrix(owned, from, "noise_map", single, {labels, run.num_noise});
  student.inputs = matrix(owned, from, "inputs", single, {run.num_samples, first});
  student.labels = matrix(owned, from, "labels", single, {run.num_samples, labels});
  const bool online = run.sampling == Sampling::online;
  const struct {
    const char* name;
    const void* pointer;
    bool needed;
  } parts[] = {
      {"curvature", student.curvature, run.loss == Loss::squared},
      {"embed_out", student.embed_out,
       run.loss == Loss::whitened_running || (run.loss == Loss::cross_entropy && labels != last)},
      {"input_map", student.input_map, online},
      {"label_map", student.label_map, online},
      {"private_map", student.private_map, student.num_private > 0},
      {"noise_map", student.noise_map, run.num_noise > 0},
      {"inputs", student.inputs, !online},
      {"labels", student.labels, !online},
  };
  for (const auto& part : parts) {
    if (part.needed && !part.pointer) {
      throw nb::value_error((std::string(part.name) + ": expected an array, got None").c_str());
    }
  }
  return student;
}

class PyEngine {
 public:
  PyEngine(const nb::dict& config, const nb::list& students, const std::string& isa, bool single,
           int lanes) {
    auto owned = std::make_unique<OwnedRun>();
    Run& run = owned->run;
    run.num_students = int(nb::len(students));
    if (run.num_students < 1) throw nb::value_error("students: expected at least one");
    run.num_networks = integer(config, "num_networks", 1, std::int64_t(1) << 40);
    run.num_samples = integer(config, "num_samples", 0, std::int64_t(1) << 32);
    run.batch = int(integer(config, "batch", 1, 1 << 30));
    run.num_inputs = int(integer(config, "num_inputs", 0, 1 << 24));
    run.width = int(integer(config, "width", run.num_inputs, 1 << 25));
    run.num_noise = int(integer(config, "num_noise", 0, 1 << 24));
    run.sampling = Sampling(integer(config, "sampling", 0, 3));
    run.loss = Loss(integer(config, "loss", 0, 2));
    run.optimiser = Optimiser(integer(config, "optimiser", 0, 6));
    run.wide = int(integer(config, "wide", 0, 1));
    run.law_x = int(integer(config, "law_x", 0, 3));
    run.law_noise = int(integer(config, "law_noise", 0, 3));
    run.paired = int(integer(config, "paired", 0, 1));
    run.within = int(integer(config, "within", 0, 1));
    run.total_steps = integer(config, "total_steps", 1, std::int64_t(1) << 62);
    run.check_interval = int(integer(config, "check_interval", 1, 1 << 30));
    const std::int64_t n = run.num_networks, s = run.num_students;
    run.sample_keys = key_lists(*owned, config, "sample_keys");
    run.private_keys = key_lists(*owned, config, "private_keys");
    run.noise_keys = key_lists(*owned, config, "noise_keys");
    run.hyper = kept<double>(*owned, entry(config, "hyper"), "hyper", {kNumHyper, n});
    run.label_noise = kept<double>(*owned, entry(config, "label_noise"), "label_noise", {n});
    run.upper = kept<double>(*owned, entry(config, "upper"), "upper", {s, n});
    run.lower = kept<double>(*owned, entry(config, "lower"), "lower", {s, n});
    run.average = kept<double>(*owned, entry(config, "average"), "average", {s});
    if (!nb::try_cast(entry(config, "ridge"), run.ridge)) {
      throw nb::value_error("ridge: expected a number");
    }
    const bool table = run.sampling != Sampling::online;
    if (table && run.num_samples < 1) throw nb::value_error("num_samples: expected at least 1");
    if (run.sampling == Sampling::full && run.batch != run.num_samples) {
      throw nb::value_error("batch: expected all samples with full sampling");
    }
    if (run.sampling != Sampling::full && !run.sample_keys) {
      throw nb::value_error("sample_keys: expected one array per student, got None");
    }
    if (run.num_noise && !run.noise_keys) {
      throw nb::value_error("noise_keys: expected one array per student, got None");
    }
    for (const nb::handle item : students) {
      nb::dict one;
      if (!nb::try_cast(item, one)) throw nb::type_error("students: expected dictionaries");
      owned->students.push_back(read_student(*owned, one, single));
      if (owned->students.back().num_private && !run.private_keys) {
        throw nb::value_error("private_keys: expected one array per student, got None");
      }
    }
    run.students = owned->students.data();
    const Kernels& kernels = select(isa);
    engine_ = std::make_unique<Engine>(std::move(owned), kernels, single, lanes);
  }

  void advance(std::int64_t first_step,
               const nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>& factors,
               const nb::list& weights, const nb::list& slots, const nb::list& residual_cov,
               const nb::handle diverged, const nb::handle collapsed, int threads) {
    const Run& run = engine_->run();
    const std::int64_t n = run.num_networks;
    if (threads < 1) throw nb::value_error("threads: expected at least 1");
    Call call{};
    call.first_step = first_step;
    call.num_steps = std::int64_t(factors.shape(0));
    if (first_step < 0 || call.num_steps < 1 || first_step > run.total_steps - call.num_steps) {
      throw nb::value_error("factors: expected one per step, inside the run");
    }
    call.factors = factors.data();
    const std::vector<void*> layers = matrices(weights, "weights", 1);
    const std::vector<void*> kept_slots = matrices(slots, "slots", num_slots());
    std::vector<double*> covariances;
    if (run.loss == Loss::whitened_running) {
      if (nb::len(residual_cov) != std::size_t(run.num_students)) {
        throw nb::value_error("residual_cov: expected one array per student");
      }
      for (int s = 0; s < run.num_students; ++s) {
        const std::int64_t p = run.students[s].num_labels;
        covariances.push_back(written<double>(residual_cov[s], "residual_cov", {n, p, p}));
      }
    }
    call.weights = layers.data();
    call.slots = kept_slots.data();
    call.residual_cov = covariances.data();
    call.diverged = written<std::int64_t>(diverged, "diverged", {n});
    call.collapsed = written<std::int64_t>(collapsed, "collapsed", {n});
    const nb::gil_scoped_release release;
    engine_->advance(call, threads);
  }

  int lanes() const { return engine_->lanes(); }
  std::size_t block_bytes() const { return engine_->block_bytes(); }
  std::string isa() const { return engine_->kernels().name; }

  int num_slots() const {
    switch (engine_->run().optimiser) {
      case Optimiser::adam:
        return 2;
      case Optimiser::heavy_ball:
      case Optimiser::nesterov:
      case Optimiser::rmsprop:
        return 1;
      default:
        return 0;
    }
  }

 private:
  // Weights or slots, flat: students, then slots, then layers.
  std::vector<void*> matrices(const nb::list& from, const char* name, int per_student) const {
    const Run& run = engine_->run();
    std::size_t expected = 0;
    for (int s = 0; s < run.num_students; ++s) {
      expected += std::size_t(run.students[s].depth) * std::size_t(per_student);
    }
    if (nb::len(from) != expected) {
      throw nb::value_error((std::string(name) + ": expected " + std::to_string(expected) +
                             " arrays, got " + std::to_string(nb::len(from)))
                                .c_str());
    }
    std::vector<void*> found;
    for (int s = 0; s < run.num_students; ++s) {
      const Student& student = run.students[s];
      for (int k = 0; k < per_student * student.depth; ++k) {
        const int i = k % student.depth;
        const Shape shape = {run.num_networks, student.dims[i + 1], student.dims[i] + student.bias};
        const nb::handle item = from[found.size()];
        found.push_back(engine_->single() ? static_cast<void*>(written<float>(item, name, shape))
                                          : static_cast<void*>(written<double>(item, name, shape)));
      }
    }
    return found;
  }

  std::unique_ptr<Engine> engine_;
};

nb::object float64_array(std::vector<double>&& values) {
  auto* held = new std::vector<double>(std::move(values));
  const nb::capsule owner(held,
                          [](void* p) noexcept { delete static_cast<std::vector<double>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, double, nb::ndim<1>>(held->data(), {held->size()}, owner));
}

nb::object normals(std::uint32_t k0, std::uint32_t k1, std::uint64_t step, std::int64_t count,
                   const std::string& isa) {
  if (count < 0) throw nb::value_error("count: expected at least 0");
  const std::uint32_t key[2] = {k0, k1};
  auto out = std::make_unique_for_overwrite<double[]>(static_cast<std::size_t>(count));
  select(isa).normals(key, step, count, out.get());
  double* held = out.release();
  const nb::capsule owner(held, [](void* p) noexcept { delete[] static_cast<double*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, double, nb::ndim<1>>(held, {std::size_t(count)}, owner));
}

nb::object order(std::uint32_t k0, std::uint32_t k1, std::uint64_t epoch, std::int64_t count,
                 const std::string& isa) {
  if (count < 1 || count > (std::int64_t(1) << 31)) {
    throw nb::value_error("count: expected 1 to 2^31");
  }
  const std::uint32_t key[2] = {k0, k1};
  const Kernels& kernels = select(isa);
  std::vector<std::uint64_t> scratch(kernels.order_scratch(count));
  std::vector<std::uint32_t> out(static_cast<std::size_t>(count));
  kernels.order(key, epoch, count, scratch.data(), out.data());
  return float64_array(std::vector<double>(out.begin(), out.end()));
}

// Seconds that a measurement of a ceiling may ask for; more would say nothing new.
double checked(double seconds) {
  if (!(seconds >= 0.0 && seconds <= 60.0)) {
    throw std::invalid_argument("seconds: expected a number in [0, 60]");
  }
  return seconds;
}

double fma_rate(bool single_precision, double seconds, const std::string& name) {
  return select_ceilings(name).fma_rate(single_precision, checked(seconds));
}

void check_bytes(std::size_t bytes) {
  if (bytes == 0 || bytes > std::size_t{1} << 30) {
    throw std::invalid_argument("bytes: expected from 1 to 2**30");
  }
}

double memory_rate(std::size_t bytes, bool store, bool single_precision, double seconds,
                   const std::string& name) {
  check_bytes(bytes);
  const Ceilings& of = select_ceilings(name);
  const auto rate = store ? of.update_rate : of.load_rate;
  return rate(bytes, single_precision, checked(seconds));
}

double pull_rate(std::size_t bytes, bool single_precision, double seconds,
                 const std::string& name) {
  check_bytes(bytes);
  return select_ceilings(name).pull_rate(bytes, single_precision, checked(seconds));
}

}  // namespace
}  // namespace methexis

NB_MODULE(_native, m) {
  using namespace methexis;
  m.doc() = "Compiled kernels of the native engine.";
  m.def("instruction_sets", &instruction_sets,
        "Return the instruction sets that this machine can run, fastest first.");
  m.def("instruction_set", &instruction_set, nb::arg("name") = "",
        "Return the instruction set in use: `name`, else METHEXIS_ISA, else the fastest.");
  m.def("normals", &normals, nb::arg("k0"), nb::arg("k1"), nb::arg("step"), nb::arg("count"),
        nb::arg("isa") = "", "Return the first normals of one step of a stream.");
  m.def("order", &order, nb::arg("k0"), nb::arg("k1"), nb::arg("epoch"), nb::arg("count"),
        nb::arg("isa") = "", "Return the order of the samples in one epoch of a stream.");
  m.def("fma_rate", &fma_rate, nb::arg("single_precision"), nb::arg("seconds") = 0.1,
        nb::arg("name") = "", nb::call_guard<nb::gil_scoped_release>(),
        "Return the flops per second of multiply-adds from registers, one thread.");
  m.def("memory_rate", &memory_rate, nb::arg("bytes"), nb::arg("store"),
        nb::arg("single_precision"), nb::arg("seconds") = 0.1, nb::arg("name") = "",
        nb::call_guard<nb::gil_scoped_release>(),
        "Return bytes per second to and from a working set: two loads per store, or only loads.");
  m.def("pull_rate", &pull_rate, nb::arg("bytes"), nb::arg("single_precision"),
        nb::arg("seconds") = 0.1, nb::arg("name") = "", nb::call_guard<nb::gil_scoped_release>(),
        "Return weights per second that are summed and updated in one pass over a working set.");
  nb::class_<PyEngine>(m, "Engine")
      .def(nb::init<const nb::dict&, const nb::list&, const std::string&, bool, int>(),
           nb::arg("config"), nb::arg("students"), nb::arg("isa") = "", nb::arg("single") = false,
           nb::arg("lanes") = 0)
      .def("advance", &PyEngine::advance, nb::arg("first_step"), nb::arg("factors"),
           nb::arg("weights"), nb::arg("slots"), nb::arg("residual_cov"), nb::arg("diverged"),
           nb::arg("collapsed"), nb::arg("threads"))
      .def_prop_ro("lanes", &PyEngine::lanes)
      .def_prop_ro("block_bytes", &PyEngine::block_bytes)
      .def_prop_ro("isa", &PyEngine::isa);
  define_measuring(m);
  define_on_inputs(m);
}
