// Checked arguments from Python: names, types, shapes and strides of what the extension is given.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace methexis {

namespace nb = nanobind;

using AnyArray = nb::ndarray<nb::ro, nb::device::cpu>;
using Shape = std::vector<std::int64_t>;

constexpr std::int64_t kLargestSide = 1 << 12;  // of any matrix that is measured

inline std::string text(const Shape& shape) {
  std::string result = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    result += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return result + (shape.size() == 1 ? ",)" : ")");
}

inline nb::object entry(const nb::dict& from, const std::string& name) {
  if (!from.contains(name.c_str())) {
    throw nb::value_error((name + ": expected a value, got none").c_str());
  }
  return nb::object(from[name.c_str()]);
}

inline std::int64_t integer(const nb::dict& from, const char* name, std::int64_t least,
                            std::int64_t most) {
  std::int64_t value = 0;
  if (!nb::try_cast(entry(from, name), value) || value < least || value > most) {
    const std::string range = std::to_string(least) + " to " + std::to_string(most);
    throw nb::value_error((std::string(name) + ": expected an integer from " + range).c_str());
  }
  return value;
}

// A C-contiguous array of that dtype and shape; anything else is refused with both named.
inline AnyArray array(const nb::handle value, const std::string& name, nb::dlpack::dtype dtype,
                      const char* dtype_name, const Shape& shape, bool writeable) {
  AnyArray found;
  if (!nb::try_cast(value, found)) {
    throw nb::type_error((name + ": expected a NumPy array").c_str());
  }
  Shape got(found.ndim());
  for (std::size_t i = 0; i < found.ndim(); ++i) got[i] = std::int64_t(found.shape(i));
  if (found.dtype() != dtype || got != shape) {
    throw nb::value_error((name + ": expected " + dtype_name + " of shape " + text(shape) +
                           ", got shape " + text(got) +
                           (found.dtype() != dtype ? " of another dtype" : ""))
                              .c_str());
  }
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] > 1 && found.stride(i) != stride) {
      throw nb::value_error((name + ": expected a C-contiguous array").c_str());
    }
    stride *= shape[i];
  }
  if (writeable && !nb::cast<bool>(value.attr("flags").attr("writeable"))) {
    throw nb::value_error((name + ": expected a writeable array").c_str());
  }
  return found;
}

template <class T>
const char* name_of() {
  if constexpr (std::is_same_v<T, double>) return "float64";
  if constexpr (std::is_same_v<T, float>) return "float32";
  if constexpr (std::is_same_v<T, std::uint32_t>) return "uint32";
  if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
}

template <class T>
T* written(const nb::handle value, const std::string& name, const Shape& shape) {
  return static_cast<T*>(
      const_cast<void*>(array(value, name, nb::dtype<T>(), name_of<T>(), shape, true).data()));
}

// Numbers that may be None.
inline const double* read(const nb::dict& from, const char* name, const Shape& shape) {
  const nb::object value = entry(from, name);
  if (value.is_none()) return nullptr;
  return static_cast<const double*>(
      array(value, name, nb::dtype<double>(), "float64", shape, false).data());
}

inline const double* needed(const nb::dict& from, const char* name, const Shape& shape) {
  const double* found = read(from, name, shape);
  if (!found) throw nb::value_error((std::string(name) + ": expected an array, got None").c_str());
  return found;
}

inline nb::list listed(const nb::dict& from, const char* name, int count) {
  nb::list found;
  if (!nb::try_cast(entry(from, name), found) || nb::len(found) != std::size_t(count)) {
    throw nb::value_error(
        (std::string(name) + ": expected " + std::to_string(count) + " arrays").c_str());
  }
  return found;
}

}  // namespace methexis
