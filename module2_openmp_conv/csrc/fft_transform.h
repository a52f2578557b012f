// The discrete Fourier transform of real numbers and its inverse: N positions in vectors, whose
// lanes are N transforms side by side (of so many channels), so that nothing is shuffled.
//
// By halves (decimation in time): the transforms of even and odd positions become that of all
// positions by N / 4 butterflies. Up to 16 positions it stays in registers; beyond, each halving
// goes through L1. Packed: slots 0 and 1 hold the bins 0 and N / 2, which are real; slots 2 k and
// 2 k + 1 the real and imaginary part of bin k < N / 2.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "problem.h"

namespace {

constexpr double kPi = 3.14159265358979323846;

// Taylor's series, for 0 ≤ angle ≤ π / 2.
constexpr double sine_of(double angle) {
    double term = angle;
    double sum = angle;
    for (int i = 1; i < 13; ++i) {
        term *= -angle * angle / ((2 * i) * (2 * i + 1));
        sum += term;
    }
    return sum;
}

// exp(−2πi k / N) = cosine − i · sine.
template <int N>
struct Twiddles {
    float cosine[N / 4];
    float sine[N / 4];
    constexpr Twiddles() : cosine(), sine() {
        for (int k = 0; k < N / 4; ++k) {
            cosine[k] = static_cast<float>(sine_of(2 * kPi * (N / 4 - k) / N));
            sine[k] = static_cast<float>(sine_of(2 * kPi * k / N));
        }
    }
};

template <int N>
constexpr Twiddles<N> kTwiddles{};

// Calls put(slot, value) with the spectrum of N positions, from those of the even and odd ones.
template <int N, class Put>
[[gnu::always_inline]] inline void join_halves(const Vec::Reg* even, const Vec::Reg* odd,
                                               const Put& put) {
    put(0, Vec::add(even[0], odd[0]));
    put(1, Vec::subtract(even[0], odd[0]));
    if constexpr (N >= 4) {
        put(N / 2, even[1]);
        put(N / 2 + 1, Vec::subtract(Vec::zero(), odd[1]));
    }
#pragma GCC unroll 8
    for (int k = 1; k < N / 4; ++k) {
        const Vec::Reg c = Vec::broadcast(kTwiddles<N>.cosine[k]);
        const Vec::Reg s = Vec::broadcast(kTwiddles<N>.sine[k]);
        const Vec::Reg re = odd[2 * k];
        const Vec::Reg im = odd[2 * k + 1];
        const Vec::Reg turned_re = Vec::multiply_add(s, im, Vec::multiply(c, re));
        const Vec::Reg turned_im = Vec::multiply_subtract(s, re, Vec::multiply(c, im));
        put(2 * k, Vec::add(even[2 * k], turned_re));
        put(2 * k + 1, Vec::add(even[2 * k + 1], turned_im));
        put(N - 2 * k, Vec::subtract(even[2 * k], turned_re));
        put(N - 2 * k + 1, Vec::subtract(turned_im, even[2 * k + 1]));
    }
}

// The way back, times 2: from get(slot) of a spectrum to those of the even and odd positions.
template <int N, class Get>
[[gnu::always_inline]] inline void part_halves(const Get& get, Vec::Reg* even, Vec::Reg* odd) {
    const Vec::Reg first = get(0);
    const Vec::Reg last = get(1);
    even[0] = Vec::add(first, last);
    odd[0] = Vec::subtract(first, last);
    if constexpr (N >= 4) {
        const Vec::Reg re = get(N / 2);
        const Vec::Reg im = Vec::subtract(Vec::zero(), get(N / 2 + 1));
        even[1] = Vec::add(re, re);
        odd[1] = Vec::add(im, im);
    }
#pragma GCC unroll 8
    for (int k = 1; k < N / 4; ++k) {
        const Vec::Reg c = Vec::broadcast(kTwiddles<N>.cosine[k]);
        const Vec::Reg s = Vec::broadcast(kTwiddles<N>.sine[k]);
        const Vec::Reg re = get(2 * k);
        const Vec::Reg im = get(2 * k + 1);
        const Vec::Reg mirrored_re = get(N - 2 * k);
        const Vec::Reg mirrored_im = get(N - 2 * k + 1);
        even[2 * k] = Vec::add(re, mirrored_re);
        even[2 * k + 1] = Vec::subtract(im, mirrored_im);
        const Vec::Reg difference_re = Vec::subtract(re, mirrored_re);
        const Vec::Reg difference_im = Vec::add(im, mirrored_im);
        odd[2 * k] = Vec::multiply_subtract(s, difference_im, Vec::multiply(c, difference_re));
        odd[2 * k + 1] = Vec::multiply_add(s, difference_re, Vec::multiply(c, difference_im));
    }
}

// The spectrum of x[0], x[S] … x[(N − 1) S], by put(slot, value).
template <int N, int S, class Put>
[[gnu::always_inline]] inline void real_transform(const Vec::Reg* x, const Put& put) {
    Vec::Reg even[N / 2];
    Vec::Reg odd[N / 2];
    if constexpr (N == 2) {
        even[0] = x[0];
        odd[0] = x[S];
    } else {
        real_transform<N / 2, 2 * S>(x, [&even](int slot, Vec::Reg a) { even[slot] = a; });
        real_transform<N / 2, 2 * S>(x + S, [&odd](int slot, Vec::Reg a) { odd[slot] = a; });
    }
    join_halves<N>(even, odd, put);
}

// The inverse, times N: from get(slot) to x[0], x[S] … x[(N − 1) S].
template <int N, int S, class Get>
[[gnu::always_inline]] inline void inverse_real_transform(const Get& get, Vec::Reg* x) {
    Vec::Reg even[N / 2];
    Vec::Reg odd[N / 2];
    part_halves<N>(get, even, odd);
    if constexpr (N == 2) {
        x[0] = even[0];
        x[S] = odd[0];
    } else {
        inverse_real_transform<N / 2, 2 * S>([&even](int slot) { return even[slot]; }, x);
        inverse_real_transform<N / 2, 2 * S>([&odd](int slot) { return odd[slot]; }, x + S);
    }
}

}  // namespace
