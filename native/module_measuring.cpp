// methexis._native.measure: checks what comes from Python and hands it to the kernels.
#include "module_measuring.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <deque>

#include "arrays.hpp"
#include "dispatch.hpp"
#include "measuring.hpp"
#include "spec.hpp"

namespace methexis {
namespace {

// Storage of what `Measurement` points to and Python does not own.
struct Lists {
  std::deque<std::vector<int>> dims;
  std::deque<std::vector<const void*>> weights;
  std::deque<std::vector<double*>> spectra;
};

MeasuredStudent read_student(const nb::dict& from, const Measurement& what, std::int64_t networks,
                             Lists& lists) {
  std::vector<int> dims;
  if (!nb::try_cast(entry(from, "dims"), dims) || dims.size() < 3 || dims.size() > kMaxDepth + 1) {
    throw nb::value_error("dims: expected 3 or more layer sizes");
  }
  for (const int d : dims) {
    if (d < 1 || d > kLargestSide) throw nb::value_error("dims: expected sizes from 1 to 2^12");
  }
  lists.dims.push_back(dims);
  MeasuredStudent student{};
  student.depth = int(dims.size()) - 1;
  student.dims = lists.dims.back().data();
  student.num_inputs = int(integer(from, "num_inputs", what.num_shared, kLargestSide));
  student.num_labels = int(integer(from, "num_labels", 1, kLargestSide));
  const std::int64_t n = student.num_inputs, p = student.num_labels, hidden = student.depth - 1;
  student.embed_in = needed(from, "embed_in", {dims.front(), n});
  student.embed_out = needed(from, "embed_out", {p, dims.back()});
  student.target = needed(from, "target", {p, n});
  student.cov_x = needed(from, "cov_x", {n, n});
  student.cov_noise = needed(from, "cov_noise", {p, p});
  student.root_x = needed(from, "root_x", {n, n});
  student.excess = read(from, "excess", {n});
  student.kernel = read(from, "kernel", {n, n});
  if (!nb::try_cast(entry(from, "kernel_norm"), student.kernel_norm)) {
    throw nb::value_error("kernel_norm: expected a number");
  }
  const nb::list weights = listed(from, "weights", student.depth);
  lists.weights.emplace_back();
  for (int i = 0; i < student.depth; ++i) {
    const Shape shape = {networks, dims[std::size_t(i) + 1], dims[std::size_t(i)]};
    lists.weights.back().push_back(
        what.single
            ? array(weights[i], "weights", nb::dtype<float>(), "float32", shape, false).data()
            : array(weights[i], "weights", nb::dtype<double>(), "float64", shape, false).data());
  }
  student.weights = lists.weights.back().data();
  student.loss = written<double>(entry(from, "loss"), "loss", {what.count});
  student.entropy = written<double>(entry(from, "entropy"), "entropy", {what.count});
  student.trace = written<double>(entry(from, "trace"), "trace", {what.count});
  student.imbalance = written<double>(entry(from, "imbalance"), "imbalance", {what.count, hidden});
  if (student.kernel) {
    student.theory = written<double>(entry(from, "theory"), "theory", {what.count, hidden});
  }
  const nb::list spectra = listed(from, "spectra", int(hidden));
  lists.spectra.emplace_back();
  for (int i = 0; i < hidden; ++i) {
    const std::int64_t modes = std::min<std::int64_t>(dims[std::size_t(i) + 1], n);
    lists.spectra.back().push_back(written<double>(spectra[i], "spectra", {what.count, modes}));
  }
  student.spectra = lists.spectra.back().data();
  return student;
}

void measure_students(
    const nb::list& students, std::int64_t num_shared, std::int64_t num_networks,
    const nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& networks,
    const nb::handle alignment, bool single, int threads, const std::string& isa) {
  if (threads < 1) throw nb::value_error("threads: expected at least 1");
  if (num_shared < 1 || num_shared > kLargestSide) {
    throw nb::value_error("num_shared: expected from 1 to 2^12");
  }
  Measurement what{};
  what.num_shared = int(num_shared);
  what.single = single;
  what.count = std::int64_t(networks.shape(0));
  what.networks = networks.data();
  for (std::int64_t i = 0; i < what.count; ++i) {
    if (what.networks[i] < 0 || what.networks[i] >= num_networks) {
      throw nb::value_error("networks: expected places on the axis of networks");
    }
  }
  Lists lists;
  std::vector<MeasuredStudent> found;
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

void define_measuring(nb::module_& m) {
  m.def("measure", &measure_students, nb::arg("students"), nb::arg("num_shared"),
        nb::arg("num_networks"), nb::arg("networks"), nb::arg("alignment"), nb::arg("single"),
        nb::arg("threads"), nb::arg("isa") = "",
        "Measure linear students in closed form; results go into the arrays that are given.");
}

}  // namespace methexis
