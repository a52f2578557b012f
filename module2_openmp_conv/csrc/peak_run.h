// The loop behind every PeakLoop, without STL. Included once by each peak_<isa>.cpp after `Vec` (a
// vector type), kLanes, kChains and PEAK_KEEP(v), which pins v to a register.

#include "peak_loops.h"

namespace {

float peak_run(std::int64_t rounds) {
    Vec sums[kChains];
#pragma GCC unroll 32  // everywhere: an index known to the compiler keeps sums in registers
    for (int c = 0; c < kChains; ++c) {
        sums[c] = Vec{} + static_cast<float>(c);
    }
    // Each chain settles at 1: neither overflow nor denormals slow it down.
    const Vec factor = Vec{} + 0.5f;
    const Vec summand = Vec{} + 0.5f;
    for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
        for (int c = 0; c < kChains; ++c) {
            sums[c] = sums[c] * factor + summand;
            PEAK_KEEP(sums[c]);
        }
    }
    float total = 0.0f;
#pragma GCC unroll 32
    for (int c = 0; c < kChains; ++c) {
        total += sums[c][0];
    }
    return total;
}

constexpr std::int64_t kFlopPerRound = 2 * std::int64_t{kChains} * kLanes;

}  // namespace
