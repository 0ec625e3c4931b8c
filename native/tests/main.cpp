// Runs the tests of one instruction set. Compiled for the least machine, so that it can say that
// this machine lacks the instruction set (exit status 77, which ctest counts as skipped).
#include <cstring>

#include "check.hpp"
#include "dispatch.hpp"

#define METHEXIS_STRING(text) METHEXIS_STRING_OF(text)
#define METHEXIS_STRING_OF(text) #text

namespace methexis::testing {

constinit Test* first = nullptr;
constinit int num_failures = 0;

}  // namespace methexis::testing

int main() {
  using namespace methexis;
  bool found = false;
  for (const Kernels* kernels : available()) {
    found = found || std::strcmp(kernels->name, METHEXIS_STRING(METHEXIS_ISA)) == 0;
  }
  if (!found) {
    std::printf("this machine lacks " METHEXIS_STRING(METHEXIS_ISA) "\n");
    return 77;
  }
  int num_failed = 0;
  int num_passed = 0;
  for (const testing::Test* test = testing::first; test != nullptr; test = test->next) {
    const int before = testing::num_failures;
    test->run();
    const bool passed = testing::num_failures == before;
    num_passed += passed ? 1 : 0;
    num_failed += passed ? 0 : 1;
    std::printf("%s %s\n", passed ? "passed" : "FAILED", test->name);
  }
  std::printf("%d passed, %d failed\n", num_passed, num_failed);
  return num_failed == 0 && num_passed > 0 ? 0 : 1;
}
