// The functions of math.hpp, and what is made of them, against the long double of the C library.
//
// Errors are in units in the last place of the exact result (ulp). Bounds are what 10^6 points
// showed with any instruction set, rounded up; here there are fewer.
#include "math.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "activations.hpp"
#include "check.hpp"
#include "random.hpp"

namespace methexis::METHEXIS_ISA {
namespace {

constexpr int L = kMaxVectorBytes / 8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr long double kPi = 3.14159265358979323846264338327950288L;

// Distance between numbers of type T around x.
template <class T>
long double unit(long double x) {
  const int least = std::numeric_limits<T>::min_exponent - 1;
  const int exponent = x == 0.0L ? least : std::max(std::ilogb(x), least);
  return std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits + 1);
}

// Largest error so far, in units at the exact value, or at `least` if that is larger.
class Worst {
 public:
  template <class T>
  void see(T got, long double exact, long double least = 0.0L) {
    const long double scale = std::max(std::fabs(exact), least);
    const auto error = double(std::fabs(got - exact) / unit<T>(scale));
    if (!(error <= ulps)) ulps = error;  // NaN too
  }

  double ulps = 0.0;
};

// Numbers from `low` to `high`, evenly spaced, and others crowding around zero.
std::vector<double> points(double low, double high) {
  std::vector<double> found;
  constexpr int count = 10000;
  for (int i = 0; i <= count; ++i) {
    const double share = double(i) / count;
    found.push_back(low + (high - low) * share);
    for (const double end : {low, high}) {
      const double near = end * std::exp2(-60.0 * share);
      if (low <= near && near <= high) found.push_back(near);
    }
  }
  while (found.size() % (kMaxVectorBytes / 4)) found.push_back(high);
  return found;
}

// Largest error of a function of vectors of doubles.
template <class Function, class Exact>
double worst(double low, double high, Function function, Exact exact) {
  Worst found;
  const std::vector<double> at = points(low, high);
  for (std::size_t i = 0; i < at.size(); i += L) {
    const Doubles<L> value = function(load<Doubles<L>>(&at[i]));
    for (int l = 0; l < L; ++l) found.see(double(value[l]), exact(at[i + std::size_t(l)]));
  }
  return found.ulps;
}

// The value of such a function at one point.
template <class Function>
double at(double x, Function function) {
  return function(splat<Doubles<L>>(x))[0];
}

TEST(logarithms) {
  const auto function = [](Doubles<L> x) { return log<L>(x); };
  const auto exact = [](long double x) { return std::log(x); };
  CHECK_NEAR(worst(0.5, 2.0, function, exact), 0.0, 3.0);
  CHECK_NEAR(worst(1e-300, 1e300, function, exact), 0.0, 3.0);
}

TEST(exponentials) {
  const auto function = [](Doubles<L> x) { return exp<L>(x); };
  const auto exact = [](long double x) { return std::exp(x); };
  CHECK_NEAR(worst(-708.0, 709.78, function, exact), 0.0, 1.5);
  CHECK_NEAR(worst(-1.0, 1.0, function, exact), 0.0, 1.5);
  CHECK(at(0.0, function) == 1.0);
  CHECK(at(709.79, function) == kInfinity);
  CHECK(at(kInfinity, function) == kInfinity);
  CHECK(at(-708.1, function) == 0.0);
  CHECK(at(-kInfinity, function) == 0.0);
  CHECK(std::isnan(at(kNaN, function)));
}

TEST(exponentials_less_one) {
  const auto function = [](Doubles<L> x) { return expm1<L>(x); };
  const auto exact = [](long double x) { return std::expm1(x); };
  CHECK_NEAR(worst(-1.0, 1.0, function, exact), 0.0, 2.0);
  CHECK_NEAR(worst(-800.0, 700.0, function, exact), 0.0, 2.0);
}

TEST(logarithms_of_one_and_more) {
  const auto function = [](Doubles<L> x) { return log1p_unit<L>(x); };
  const auto exact = [](long double x) { return std::log1p(x); };
  CHECK_NEAR(worst(0.0, 1.0, function, exact), 0.0, 4.0);
}

TEST(hyperbolic_tangents) {
  const auto function = [](Doubles<L> x) { return tanh<L>(x); };
  const auto exact = [](long double x) { return std::tanh(x); };
  CHECK_NEAR(worst(-25.0, 25.0, function, exact), 0.0, 3.0);
  CHECK_NEAR(worst(-0.5, 0.5, function, exact), 0.0, 3.0);
  CHECK(at(kInfinity, function) == 1.0);
  CHECK(at(-kInfinity, function) == -1.0);
  CHECK(at(0.0, function) == 0.0 && std::signbit(at(-0.0, function)));
  CHECK(std::isnan(at(kNaN, function)));
}

// e^(x^2) erfc(x) of x >= 0: by its factors, or by Laplace's continued fraction where they lose.
long double scaled_erfc_exact(long double x) {
  if (x < 3.0L) return std::exp(x * x) * std::erfc(x);
  long double rest = x;
  for (int k = 200; k > 0; --k) rest = x + 0.5L * k / rest;
  return 1.0L / (std::sqrt(kPi) * rest);
}

// e^(-x^2 / 2), with what the square loses by rounding put back.
long double gauss(long double x) {
  const long double square = x * x;
  return std::exp(-0.5L * square) * (1.0L - 0.5L * std::fma(x, x, -square));
}

long double density_exact(long double x) { return gauss(x) / std::sqrt(2.0L * kPi); }

long double below_exact(long double x) {
  const long double upper = 0.5L * gauss(x) * scaled_erfc_exact(std::fabs(x) / std::sqrt(2.0L));
  return x < 0.0L ? upper : 1.0L - upper;
}

TEST(normal_law_and_error_function) {
  const auto erfc_of = [](Doubles<L> x) { return scaled_erfc<L>(x); };
  const auto below_of = [](Doubles<L> x) {
    Doubles<L> below, density;
    normal_law<L>(x, below, density);
    return below;
  };
  const auto density_of = [](Doubles<L> x) {
    Doubles<L> below, density;
    normal_law<L>(x, below, density);
    return density;
  };
  CHECK_NEAR(worst(0.0, 28.3, erfc_of, scaled_erfc_exact), 0.0, 6.0);
  CHECK_NEAR(worst(-37.6, 40.0, below_of, below_exact), 0.0, 6.0);
  CHECK_NEAR(worst(-37.6, 37.6, density_of, density_exact), 0.0, 4.0);
}

// Words spread over all turns, and all around multiples of a quarter turn.
std::vector<uint64_t> words() {
  std::vector<uint64_t> found;
  for (uint64_t i = 0; i < 20000; ++i) found.push_back(i * 0x9E3779B97F4A7C15 >> 32);
  for (uint64_t quarter = 0; quarter < 4; ++quarter) {
    for (uint64_t i = 0; i < 64; ++i) found.push_back(((quarter << 30) + i - 32) & 0xFFFFFFFF);
  }
  return found;
}

long double uniform_exact(uint64_t word) { return (word + 0.5L) * 0x1p-32L; }

// Cosine and sine of 2 pi u; the angle is measured from the nearest quarter turn.
struct Turn {
  long double cosine, sine;
};

Turn turn_exact(uint64_t word) {
  const uint64_t quarter = (word + (uint64_t(1) << 29)) >> 30;
  const long double angle = 2.0L * kPi * (uniform_exact(word) - 0.25L * quarter);
  const long double c = std::cos(angle), s = std::sin(angle);
  const Turn turns[] = {{c, s}, {-s, c}, {-c, -s}, {s, -c}};
  return turns[quarter % 4];
}

long double law_exact(Law law, uint64_t first, uint64_t second) {
  const long double u = uniform_exact(first);
  switch (law) {
    case Law::uniform:
      return std::sqrt(12.0L) * (u - 0.5L);
    case Law::laplace:
      return (u < 0.5L ? std::log(2.0L * u) : -std::log(2.0L * (1.0L - u))) / std::sqrt(2.0L);
    case Law::student_t:
      return std::sqrt(3.0L * std::expm1(-0.4L * std::log(u))) * turn_exact(second).cosine;
    case Law::gaussian:
      break;
  }
  return std::sqrt(-2.0L * std::log(u)) * turn_exact(second).cosine;
}

TEST(turns_and_numbers_of_every_law) {
  Worst turns, normals, laws[4];
  const std::vector<uint64_t> all = words();
  for (std::size_t i = 0; i + L <= all.size(); i += L) {
    const auto first = load<Words<L>>(&all[i]);
    const auto second = load<Words<L>>(&all[7 * i % (all.size() - L)]);
    Doubles<L> c, s, numbers[4], normal[4];
    cosine_sine_turn<L>(second, c, s);
    normals_of<L>({first, second, second, first}, normal);
    for (int law = 0; law < 4; ++law) numbers[law] = standardised<L>(Law(law), first, second);
    for (int l = 0; l < L; ++l) {
      const Turn turn = turn_exact(second[l]);
      const long double radius = std::sqrt(-2.0L * std::log(uniform_exact(first[l])));
      turns.see(double(c[l]), turn.cosine);
      turns.see(double(s[l]), turn.sine);
      normals.see(double(normal[0][l]), radius * turn.cosine);
      normals.see(double(normal[1][l]), radius * turn.sine);
      const Turn other = turn_exact(first[l]);
      const long double length = std::sqrt(-2.0L * std::log(uniform_exact(second[l])));
      normals.see(double(normal[2][l]), length * other.cosine);
      normals.see(double(normal[3][l]), length * other.sine);
      for (int law = 0; law < 4; ++law) {
        laws[law].see(double(numbers[law][l]), law_exact(Law(law), first[l], second[l]));
      }
    }
  }
  CHECK_NEAR(turns.ulps, 0.0, 2.0);
  CHECK_NEAR(normals.ulps, 0.0, 4.0);
  CHECK_NEAR(laws[0].ulps, 0.0, 4.0);
  CHECK_NEAR(laws[1].ulps, 0.0, 2.0);
  CHECK_NEAR(laws[2].ulps, 0.0, 4.0);
  CHECK_NEAR(laws[3].ulps, 0.0, 7.0);
}

// Value and slope of a smooth activation function.
struct Graph {
  long double value, slope;
};

Graph exact(Activation activation, long double x) {
  const long double e = std::exp(-std::fabs(x));
  switch (activation) {
    case Activation::tanh:
      return {std::tanh(x), 1.0L / (std::cosh(x) * std::cosh(x))};
    case Activation::gelu:
      return {x * below_exact(x), below_exact(x) + x * density_exact(x)};
    default:
      return {std::max(x, 0.0L) + std::log1p(e), (x < 0.0L ? e : 1.0L) / (1.0L + e)};
  }
}

// Slopes are sums of numbers up to 1, so small ones are measured in units of what was summed.
template <class T, Activation A>
void check_activation(double value_bound, double slope_bound) {
  constexpr int width = kMaxVectorBytes / sizeof(T);
  using V = Vec<T, width>;
  Worst values, slopes;
  const std::vector<double> all = points(-30.0, 30.0);
  for (std::size_t i = 0; i < all.size(); i += width) {
    V x, value, slope;
    for (int l = 0; l < width; ++l) x[l] = T(all[i + std::size_t(l)]);
    activate<A, T, width>(x, value, slope);
    for (int l = 0; l < width; ++l) {
      const Graph want = exact(A, x[l]);
      values.see(T(value[l]), want.value);
      slopes.see(T(slope[l]), want.slope, 0.5L);
    }
  }
  CHECK_NEAR(values.ulps, 0.0, value_bound);
  CHECK_NEAR(slopes.ulps, 0.0, slope_bound);
  V value, slope;
  activate<A, T, width>(splat<V>(T(kNaN)), value, slope);
  CHECK(std::isnan(value[0]) && std::isnan(slope[0]));
}

TEST(smooth_activations) {
  check_activation<double, Activation::tanh>(3.0, 4.0);
  check_activation<double, Activation::gelu>(8.0, 4.0);
  check_activation<double, Activation::softplus>(4.0, 2.0);
  constexpr double once = 0.5001;  // a double, rounded once
  check_activation<float, Activation::tanh>(once, once);
  check_activation<float, Activation::gelu>(once, once);
  check_activation<float, Activation::softplus>(once, once);
}

}  // namespace
}  // namespace methexis::METHEXIS_ISA
