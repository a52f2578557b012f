// The tiled convolution for AVX-512 (F, VL, BW, DQ). Compiled with those flags; run only where
// CPUID and the system allow it.
//
// 32 zmm registers hold tiles of 8 channels × 48 positions (24 sums, 3 inputs, weights broadcast
// from memory), 4 × 96, 2 × 128 or 1 × 128. Bound aimed at: the multiply-adds of 16 lanes for many
// channels (a tile asks for 11 loads per 24 multiply-adds); for one channel, the loads: as many per
// vector of outputs as taps, three of four of them across a cache line.

#include <immintrin.h>

#include "kernels.h"

namespace {

struct Vec {
    static constexpr int kLanes = 16;
    using Reg = __m512;
    using Mask = __mmask16;

    static inline Reg broadcast(float a) { return _mm512_set1_ps(a); }
    static inline Reg load(const float* p) { return _mm512_loadu_ps(p); }
    static inline void store(float* p, Reg a) { _mm512_storeu_ps(p, a); }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
    // maxps gives its second operand when one is NaN: the sum must come second.
    static inline Reg relu(Reg a) { return _mm512_max_ps(_mm512_setzero_ps(), a); }

    static inline Mask mask(int first, int last) {
        return static_cast<Mask>((1u << last) - (1u << first));
    }
    static inline Reg load_masked(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
    static inline Reg multiply_add_masked(Reg a, Reg b, Reg c, Mask m) {
        return _mm512_mask3_fmadd_ps(a, b, c, m);
    }
    static inline void store_masked(float* p, Reg a, Mask m) { _mm512_mask_storeu_ps(p, m, a); }
    static inline float add_lanes(Reg a) { return _mm512_reduce_add_ps(a); }
};

struct Tiles {
    static constexpr int kMostChannels = 8;
    static constexpr int vectors(int channels) { return channels == 8 ? 3 : channels == 4 ? 6 : 8; }
};

}  // namespace

#include "taps_loop.h"
#include "tiled.h"

const InstructionSet kAvx512{"avx512", tiled_range, taps_loop_range};
