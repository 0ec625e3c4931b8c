# Which instruction sets the kernels are compiled for, and with which flags.
#
# Sets METHEXIS_INSTRUCTION_SETS, METHEXIS_FLAGS_<name> for each of them and METHEXIS_LEAST_MACHINE,
# the flags of everything else. native/dispatch.cpp knows the same names and how to detect them. The
# least machine is named explicitly because CXXFLAGS or a distribution's compiler may ask for more.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(METHEXIS_INSTRUCTION_SETS baseline avx2 avx512)
  set(METHEXIS_LEAST_MACHINE -march=x86-64 -mtune=generic)
  set(METHEXIS_FLAGS_baseline "")
  set(METHEXIS_FLAGS_avx2 -mavx2 -mfma)
  set(METHEXIS_FLAGS_avx512 ${METHEXIS_FLAGS_avx2} -mavx512f -mavx512dq -mavx512vl -mavx512bw
                            -mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(METHEXIS_INSTRUCTION_SETS neon) # part of every such machine
  set(METHEXIS_LEAST_MACHINE "")
  set(METHEXIS_FLAGS_neon "")
else()
  set(METHEXIS_INSTRUCTION_SETS baseline)
  set(METHEXIS_LEAST_MACHINE "")
  set(METHEXIS_FLAGS_baseline "")
endif()
