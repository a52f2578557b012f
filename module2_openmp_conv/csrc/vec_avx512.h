// 16 lanes of AVX-512 (F, VL, BW, DQ).
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace {

struct Vec {
    static constexpr int kLanes = 16;
    using Reg = __m512;

    static inline Reg zero() { return _mm512_setzero_ps(); }
    static inline Reg broadcast(float a) { return _mm512_set1_ps(a); }
    static inline Reg load(const float* p) { return _mm512_loadu_ps(p); }
    static inline void store(float* p, Reg a) { _mm512_storeu_ps(p, a); }
    // Lanes [first, last) of p, 0 ≤ first ≤ last ≤ 16; the others are not touched, they are zero.
    static inline Reg load_between(const float* p, int first, int last) {
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << last) - (1u << first)), p);
    }
    // Sixteen neighbours from the Shift-th on of the 32 in a, b; 0 < Shift < 16.
    template <int Shift>
    static inline Reg shifted(Reg a, Reg b) {
        return _mm512_castsi512_ps(
            _mm512_alignr_epi32(_mm512_castps_si512(b), _mm512_castps_si512(a), Shift));
    }
    // Whether a tap's inputs are loaded rather than shifted: a third of them balances the ports.
    static constexpr bool loads_tap(int taps, int k) { return taps > 3 && k % 3 == 1; }
    // To a multiple of 64 bytes, past the caches; fence() before others read it.
    static inline void stream(float* p, Reg a) { _mm512_stream_ps(p, a); }
    static inline void fence() { _mm_sfence(); }
    static inline Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
    static inline Reg subtract(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
    static inline Reg multiply(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
    // c − a · b.
    static inline Reg multiply_subtract(Reg a, Reg b, Reg c) { return _mm512_fnmadd_ps(a, b, c); }
    static inline Reg magnitude(Reg a) { return _mm512_abs_ps(a); }
    // maxps gives its second operand when one is NaN: the sum must come second.
    static inline Reg relu(Reg a) { return _mm512_max_ps(_mm512_setzero_ps(), a); }

    // The larger, or what is not a number.
    static inline Reg larger(Reg a, Reg b) {
        const Reg most = _mm512_max_ps(a, b);  // b if one is NaN
        return _mm512_mask_mov_ps(most, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
    }
    // g where a > b, else zero; and g where not a > b.
    static inline Reg where_greater(Reg a, Reg b, Reg g) {
        return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), g);
    }
    static inline Reg where_not_greater(Reg a, Reg b, Reg g) {
        return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_NGT_UQ), g);
    }
    // Of the 32 neighbours a, b: those at even places, those at odd places; and back.
    static inline void split(Reg a, Reg b, Reg* even, Reg* odd) {
        const __m512i two = _mm512_set1_epi32(2);
        const __m512i lane =
            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m512i places = _mm512_mullo_epi32(lane, two);
        *even = _mm512_permutex2var_ps(a, places, b);
        *odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(places, _mm512_set1_epi32(1)), b);
    }
    static inline void join(Reg even, Reg odd, Reg* a, Reg* b) {
        const __m512i first =
            _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        *a = _mm512_permutex2var_ps(even, first, odd);
        *b = _mm512_permutex2var_ps(even, _mm512_add_epi32(first, _mm512_set1_epi32(8)), odd);
    }

    // Of the 32 neighbours a, b, those at 16 places.
    using Places = __m512i;
    static inline Places places(const std::int32_t* p) { return _mm512_loadu_si512(p); }
    static inline Reg pick(Reg a, Reg b, Places at) { return _mm512_permutex2var_ps(a, at, b); }

    // The first n lanes of a, 0 ≤ n ≤ 16; the others are zero.
    static inline Reg keep_first(Reg a, int n) { return _mm512_maskz_mov_ps(first(n), a); }
    // The first n lanes, 0 ≤ n ≤ 16; memory of the other lanes is not touched, they are zero.
    static inline Reg load_first(const float* p, int n) {
        return _mm512_maskz_loadu_ps(first(n), p);
    }
    static inline void store_first(float* p, Reg a, int n) {
        _mm512_mask_storeu_ps(p, first(n), a);
    }
    static inline float add_lanes(Reg a) { return _mm512_reduce_add_ps(a); }

    // Sixteen rows of sixteen become columns.
    static inline void transpose(Reg (&r)[16]) {
        Reg s[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i += 2) {
            s[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
            s[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < 16; i += 4) {
#pragma GCC unroll 2
            for (int j = 0; j < 2; ++j) {
                const __m512d low = _mm512_castps_pd(s[i + j]);
                const __m512d high = _mm512_castps_pd(s[i + j + 2]);
                r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
                r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            s[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
            s[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
            s[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
            s[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            r[i] = _mm512_shuffle_f32x4(s[i], s[i + 8], 0x88);
            r[i + 8] = _mm512_shuffle_f32x4(s[i], s[i + 8], 0xdd);
        }
    }

  private:
    static inline __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
};

}  // namespace
