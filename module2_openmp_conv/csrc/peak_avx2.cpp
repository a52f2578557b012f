// The peak loop for AVX2 and FMA.

namespace {

constexpr int kLanes = 8;
constexpr int kChains = 12;
using Vec = float __attribute__((vector_size(sizeof(float) * kLanes)));

}  // namespace

#define PEAK_KEEP(v) asm volatile("" : "+x"(v))
#include "peak_run.h"

const PeakLoop kPeakAvx2{"avx2", kFlopPerRound, peak_run};
