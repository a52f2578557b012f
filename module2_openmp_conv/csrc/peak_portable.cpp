// The peak loop for SSE2 or NEON, whatever the architecture always has.

namespace {

constexpr int kLanes = 4;
constexpr int kChains = 12;
using Vec = float __attribute__((vector_size(sizeof(float) * kLanes)));

}  // namespace

#if defined(__x86_64__)
#define PEAK_KEEP(v) asm volatile("" : "+x"(v))
#elif defined(__aarch64__)
#define PEAK_KEEP(v) asm volatile("" : "+w"(v))
#else
#define PEAK_KEEP(v) asm volatile("" : "+m"(v))
#endif
#include "peak_run.h"

const PeakLoop kPeakPortable{"portable", kFlopPerRound, peak_run};
