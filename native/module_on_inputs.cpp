// methexis._native.measure_on_inputs: checks what comes from Python and hands it to the kernels.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <deque>

#include "arrays.hpp"
#include "dispatch.hpp"
#include "measuring.hpp"
#include "module_measuring.hpp"
#include "spec.hpp"

namespace methexis {
namespace {

// Storage of what `InputsMeasurement` points to and Python does not own.
struct Lists {
  std::deque<std::vector<int>> dims;
  std::deque<std::vector<const void*>> weights;
  std::deque<std::vector<double*>> spectra;
};

std::vector<int> layer_sizes(const nb::dict& from) {
  std::vector<int> dims;
  if (!nb::try_cast(entry(from, "dims"), dims) || dims.size() < 3 || dims.size() > kMaxDepth + 1) {
    throw nb::value_error("dims: expected 3 or more layer sizes");
  }
  for (const int d : dims) {
    if (d < 1 || d > kLargestSide) throw nb::value_error("dims: expected sizes from 1 to 2^12");
  }
  return dims;
}

const std::int64_t* read_classes(const nb::dict& from, std::int64_t inputs) {
  const nb::object value = entry(from, "likeliest");
  if (value.is_none()) return nullptr;
  return static_cast<const std::int64_t*>(
      array(value, "likeliest", nb::dtype<std::int64_t>(), "int64", {inputs}, false).data());
}

InputsStudent read_student(const nb::dict& from, const InputsMeasurement& what,
                           std::int64_t networks, Lists& lists) {
  lists.dims.push_back(layer_sizes(from));
  const std::vector<int>& dims = lists.dims.back();
  const std::int64_t inputs = what.num_inputs;
  InputsStudent student{};
  student.depth = int(dims.size()) - 1;
  student.dims = dims.data();
  student.bias = int(integer(from, "bias", 0, 1));
  student.activation = Activation(integer(from, "activation", 0, 5));
  student.num_labels = int(integer(from, "num_labels", 1, kLargestSide));
  const std::int64_t p = student.num_labels;
  student.inputs = needed(from, "inputs", {inputs, dims.front()});
  student.embed_out = read(from, "embed_out", {p, dims.back()});
  if (!student.embed_out && p != dims.back()) {
    throw nb::value_error("embed_out: expected an array, got None beside labels of another size");
  }
  student.labels = needed(from, "labels", {p, inputs});
  student.likeliest = read_classes(from, inputs);
  if (!nb::try_cast(entry(from, "noise"), student.noise)) {
    throw nb::value_error("noise: expected a number");
  }
  const nb::list weights = listed(from, "weights", student.depth);
  lists.weights.emplace_back();
  for (int i = 0; i < student.depth; ++i) {
    const Shape shape = {networks, dims[std::size_t(i) + 1], dims[std::size_t(i)] + student.bias};
    lists.weights.back().push_back(
        what.single
            ? array(weights[i], "weights", nb::dtype<float>(), "float32", shape, false).data()
            : array(weights[i], "weights", nb::dtype<double>(), "float64", shape, false).data());
  }
  student.weights = lists.weights.back().data();
  if (!entry(from, "loss").is_none()) {
    student.loss = written<double>(entry(from, "loss"), "loss", {what.count});
    if (student.likeliest) {
      student.accuracy = written<double>(entry(from, "accuracy"), "accuracy", {what.count});
    }
  }
  if (!entry(from, "spectra").is_none()) {
    const nb::list spectra = listed(from, "spectra", student.depth - 1);
    lists.spectra.emplace_back();
    for (int i = 1; i < student.depth; ++i) {
      const std::int64_t modes = dims[std::size_t(i)];
      lists.spectra.back().push_back(
          written<double>(spectra[std::size_t(i - 1)], "spectra", {what.count, modes}));
    }
    student.spectra = lists.spectra.back().data();
  }
  return student;
}

void measure_on_inputs(
    const nb::list& students, std::int64_t num_inputs, std::int64_t num_networks,
    const nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& networks,
    const nb::handle alignment, bool single, int threads, const std::string& isa) {
  if (threads < 1) throw nb::value_error("threads: expected at least 1");
  if (num_inputs < 1 || num_inputs > (1 << 24)) {
    throw nb::value_error("num_inputs: expected from 1 to 2^24");
  }
  InputsMeasurement what{};
  what.num_inputs = int(num_inputs);
  what.single = single;
  what.count = std::int64_t(networks.shape(0));
  what.networks = networks.data();
  for (std::int64_t i = 0; i < what.count; ++i) {
    if (what.networks[i] < 0 || what.networks[i] >= num_networks) {
      throw nb::value_error("networks: expected places on the axis of networks");
    }
  }
  Lists lists;
  std::vector<InputsStudent> found;
  for (const nb::handle item : students) {
    nb::dict one;
    if (!nb::try_cast(item, one)) throw nb::type_error("students: expected dictionaries");
    found.push_back(read_student(one, what, num_networks, lists));
    what.num_layers += found.back().depth - 1;
  }
  if (found.empty()) throw nb::value_error("students: expected at least one");
  what.num_students = int(found.size());
  what.students = found.data();
  const std::int64_t layers = what.num_layers;
  what.alignment = written<double>(alignment, "alignment", {what.count, layers, layers});
  const Kernels& kernels = select(isa);
  const nb::gil_scoped_release release;
  if (what.count) measure(kernels, what, threads);
}

}  // namespace

void define_on_inputs(nb::module_& m) {
  m.def("measure_on_inputs", &measure_on_inputs, nb::arg("students"), nb::arg("num_inputs"),
        nb::arg("num_networks"), nb::arg("networks"), nb::arg("alignment"), nb::arg("single"),
        nb::arg("threads"), nb::arg("isa") = "",
        "Measure students on reference inputs; results go into the arrays that are given.");
}

}  // namespace methexis
