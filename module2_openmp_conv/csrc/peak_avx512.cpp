// The peak loop for AVX-512.

namespace {

constexpr int kLanes = 16;
constexpr int kChains = 24;
using Vec = float __attribute__((vector_size(sizeof(float) * kLanes)));

}  // namespace

#define PEAK_KEEP(v) asm volatile("" : "+v"(v))
#include "peak_run.h"

const PeakLoop kPeakAvx512{"avx512", kFlopPerRound, peak_run};
