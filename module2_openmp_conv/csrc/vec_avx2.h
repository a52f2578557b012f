// 8 lanes of AVX2 with FMA.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace {

struct Vec {
    static constexpr int kLanes = 8;
    using Reg = __m256;

    static inline Reg zero() { return _mm256_setzero_ps(); }
    static inline Reg broadcast(float a) { return _mm256_set1_ps(a); }
    static inline Reg load(const float* p) { return _mm256_loadu_ps(p); }
    static inline void store(float* p, Reg a) { _mm256_storeu_ps(p, a); }
    // Lanes [first, last) of p, 0 ≤ first ≤ last ≤ 8; the others are not touched, they are zero.
    static inline Reg load_between(const float* p, int first, int last) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(first), lane);
        const __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(last), lane);
        return _mm256_maskload_ps(p, _mm256_andnot_si256(before, inside));
    }
    // Eight neighbours from the Shift-th on of the 16 in a, b; 0 < Shift < 8.
    template <int Shift>
    static inline Reg shifted(Reg a, Reg b) {
        const __m256i middle = _mm256_castps_si256(_mm256_permute2f128_ps(a, b, 0x21));
        if constexpr (Shift < 4) {
            return _mm256_castsi256_ps(
                _mm256_alignr_epi8(middle, _mm256_castps_si256(a), 4 * Shift));
        } else if constexpr (Shift == 4) {
            return _mm256_castsi256_ps(middle);
        } else {
            return _mm256_castsi256_ps(
                _mm256_alignr_epi8(_mm256_castps_si256(b), middle, 4 * (Shift - 4)));
        }
    }
    // Whether a tap's inputs are loaded rather than shifted: a third of them balances the ports.
    static constexpr bool loads_tap(int /*taps*/, int k) { return k % 3 == 1; }
    // To a multiple of 32 bytes, past the caches; fence() before others read it.
    static inline void stream(float* p, Reg a) { _mm256_stream_ps(p, a); }
    static inline void fence() { _mm_sfence(); }
    static inline Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
    static inline Reg subtract(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
    static inline Reg multiply(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
    // c − a · b.
    static inline Reg multiply_subtract(Reg a, Reg b, Reg c) { return _mm256_fnmadd_ps(a, b, c); }
    static inline Reg magnitude(Reg a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    // maxps gives its second operand when one is NaN: the sum must come second.
    static inline Reg relu(Reg a) { return _mm256_max_ps(_mm256_setzero_ps(), a); }

    // The larger, or what is not a number.
    static inline Reg larger(Reg a, Reg b) {
        const Reg most = _mm256_max_ps(a, b);  // b if one is NaN
        return _mm256_blendv_ps(most, a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    }
    // g where a > b, else zero; and g where not a > b.
    static inline Reg where_greater(Reg a, Reg b, Reg g) {
        return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), g);
    }
    static inline Reg where_not_greater(Reg a, Reg b, Reg g) {
        return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_NGT_UQ), g);
    }
    // Of the 16 neighbours a, b: those at even places, those at odd places; and back.
    static inline void split(Reg a, Reg b, Reg* even, Reg* odd) {
        const Reg low = _mm256_permute2f128_ps(a, b, 0x20);   // a0-3 b0-3
        const Reg high = _mm256_permute2f128_ps(a, b, 0x31);  // a4-7 b4-7
        *even = _mm256_shuffle_ps(low, high, 0x88);           // a0 a2 a4 a6 | b0 b2 b4 b6
        *odd = _mm256_shuffle_ps(low, high, 0xdd);
    }
    static inline void join(Reg even, Reg odd, Reg* a, Reg* b) {
        const Reg low = _mm256_unpacklo_ps(even, odd);   // e0 o0 e1 o1 | e4 o4 e5 o5
        const Reg high = _mm256_unpackhi_ps(even, odd);  // e2 o2 e3 o3 | e6 o6 e7 o7
        *a = _mm256_permute2f128_ps(low, high, 0x20);
        *b = _mm256_permute2f128_ps(low, high, 0x31);
    }

    // Of the 16 neighbours a, b, those at 8 places.
    using Places = __m256i;
    static inline Places places(const std::int32_t* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    static inline Reg pick(Reg a, Reg b, Places at) {
        const __m256 in_b = _mm256_castsi256_ps(_mm256_slli_epi32(at, 28));  // bit 3 is the sign
        return _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, at), _mm256_permutevar8x32_ps(b, at),
                                in_b);
    }

    // The first n lanes of a, 0 ≤ n ≤ 8; the others are zero.
    static inline Reg keep_first(Reg a, int n) {
        return _mm256_and_ps(a, _mm256_castsi256_ps(first(n)));
    }
    // The first n lanes, 0 ≤ n ≤ 8; memory of the other lanes is not touched, they are zero.
    static inline Reg load_first(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }
    static inline void store_first(float* p, Reg a, int n) { _mm256_maskstore_ps(p, first(n), a); }
    static inline float add_lanes(Reg a) {
        __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
        return _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
    }

    // Eight rows of eight become columns.
    static inline void transpose(Reg (&r)[8]) {
        Reg s[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i += 2) {
            s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
            s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i += 4) {
#pragma GCC unroll 2
            for (int j = 0; j < 2; ++j) {
                r[i + 2 * j] = _mm256_shuffle_ps(s[i + j], s[i + j + 2], 0x44);
                r[i + 2 * j + 1] = _mm256_shuffle_ps(s[i + j], s[i + j + 2], 0xee);
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            s[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
            s[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            r[i] = s[i];
        }
    }

  private:
    static inline __m256i first(int n) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane);
    }
};

}  // namespace
