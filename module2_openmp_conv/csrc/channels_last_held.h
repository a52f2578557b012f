// The depthwise tile of more taps than channels_last_rolled.h has room for, whose stride and
// dilation are the same, too.
//
// Blocking: a vector of channels × P positions stay in registers, up to kHeld taps are held beside
// them, and an input, loaded once, serves all that meet it: 20 positions of 31 taps ask for 138
// loads per 620 multiply-adds, where the plain tile would ask for 651. Bound aimed at: memory.
//
// Each output is summed in the order of the taps.
//
// Included by each instruction set's file after `Vec` and `LastTiles`, without STL.
#pragma once

#include "channels_last_call.h"

namespace {

// Adds taps [k, k + Held).
template <int P, int Held>
[[gnu::always_inline]] inline void add_last_held(const LastTileCall& c, std::int64_t k,
                                                 LastSums<1, P>& sum) {
    constexpr int L = Vec::kLanes;
    const PositionsOf<P + Held - 1> x(c.x + k * c.tap_row, c.position);
    const float* w = c.w + k * L;
    Vec::Reg tap[Held];
#pragma GCC unroll 8
    for (int h = 0; h < Held; ++h) {
        tap[h] = Vec::load(w + h * L);
    }
#pragma GCC unroll 32
    for (int at = 0; at < P + Held - 1; ++at) {
        if (k == 0 && at < P) {
            __builtin_prefetch(c.ahead + at * L, 0, 2);
            __builtin_prefetch(c.ahead_out + at * L, 1, 2);
        }
        const Vec::Reg in = Vec::load(x.at(at));
#pragma GCC unroll 8
        for (int h = 0; h < Held; ++h) {
            if (const int p = at - h; p >= 0 && p < P) {
                sum[p][0] = Vec::multiply_add(in, tap[h], sum[p][0]);
            }
        }
    }
}

// Adds the taps that are left, fewer than Held.
template <int P, int Held>
[[gnu::always_inline]] inline void add_last_rest(const LastTileCall& c, std::int64_t k,
                                                 LastSums<1, P>& sum) {
    if constexpr (Held > 1) {
        if (c.terms - k == Held - 1) {
            add_last_held<P, Held - 1>(c, k, sum);
        } else {
            add_last_rest<P, Held - 1>(c, k, sum);
        }
    }
}

template <int P>
[[gnu::noinline]] void last_held_tile(const LastTileCall& c) {
    constexpr int kHeld = LastTiles::kHeld;
    LastSums<1, P> sum;
    set_to_zero<1, P>(sum);
    std::int64_t k = 0;
    for (; k + kHeld <= c.terms; k += kHeld) {
        add_last_held<P, kHeld>(c, k, sum);
    }
    add_last_rest<P, kHeld>(c, k, sum);
    store_last<1, P>(c, c.y, sum);
}

}  // namespace
