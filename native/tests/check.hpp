// A test framework of one page: TEST registers a function, CHECK counts what does not hold.
#pragma once

#include <cmath>
#include <cstdio>

namespace methexis::testing {

struct Test {
  const char* name;
  void (*run)();
  Test* next;
};

extern Test* first;       // list of all tests, defined in main.cpp
extern int num_failures;  // of checks so far

struct Registration {
  explicit Registration(Test* test) {
    test->next = first;
    first = test;
  }
};

}  // namespace methexis::testing

#define TEST(name)                                                                \
  static void name();                                                             \
  static methexis::testing::Test test_##name = {#name, name, nullptr};            \
  static const methexis::testing::Registration registration_##name(&test_##name); \
  static void name()

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      ++methexis::testing::num_failures;                                   \
      std::printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
    }                                                                      \
  } while (false)

#define CHECK_NEAR(value, expected, tolerance)                                                 \
  do {                                                                                         \
    const double got_ = (value), want_ = (expected);                                           \
    if (!(std::fabs(got_ - want_) <= (tolerance))) {                                           \
      ++methexis::testing::num_failures;                                                       \
      std::printf("%s:%d: %s: expected %.17g, got %.17g\n", __FILE__, __LINE__, #value, want_, \
                  got_);                                                                       \
    }                                                                                          \
  } while (false)
