// The tiled convolution for AVX2 and FMA. Compiled with -mavx2 -mfma; run only where CPUID and the
// system allow it.
//
// 16 ymm registers hold tiles of 4 channels × 24 positions (12 sums, 3 inputs, 1 weight), 2 × 48 or
// 1 × 64. Bound aimed at: two multiply-adds of 8 lanes a cycle for many channels (a tile asks for 7
// loads per 12 multiply-adds); for one channel, the loads: as many per vector of outputs as taps.

#include <immintrin.h>

#include "kernels.h"

namespace {

struct Vec {
    static constexpr int kLanes = 8;
    using Reg = __m256;
    using Mask = __m256i;  // all bits of a lane, or none

    static inline Reg broadcast(float a) { return _mm256_set1_ps(a); }
    static inline Reg load(const float* p) { return _mm256_loadu_ps(p); }
    static inline void store(float* p, Reg a) { _mm256_storeu_ps(p, a); }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
    // maxps gives its second operand when one is NaN: the sum must come second.
    static inline Reg relu(Reg a) { return _mm256_max_ps(_mm256_setzero_ps(), a); }

    static inline Mask mask(int first, int last) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i from_first = _mm256_cmpgt_epi32(lane, _mm256_set1_epi32(first - 1));
        const __m256i before_last = _mm256_cmpgt_epi32(_mm256_set1_epi32(last), lane);
        return _mm256_and_si256(from_first, before_last);
    }
    static inline Reg load_masked(const float* p, Mask m) { return _mm256_maskload_ps(p, m); }
    static inline Reg multiply_add_masked(Reg a, Reg b, Reg c, Mask m) {
        return _mm256_blendv_ps(c, _mm256_fmadd_ps(a, b, c), _mm256_castsi256_ps(m));
    }
    static inline void store_masked(float* p, Reg a, Mask m) { _mm256_maskstore_ps(p, m, a); }
    static inline float add_lanes(Reg a) {
        __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
        return _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
    }
};

struct Tiles {
    static constexpr int kMostChannels = 4;
    static constexpr int vectors(int channels) { return channels == 4 ? 3 : channels == 2 ? 6 : 8; }
};

}  // namespace

#include "taps_loop.h"
#include "tiled.h"

const InstructionSet kAvx2{"avx2", tiled_range, taps_loop_range};
