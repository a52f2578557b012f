// The depthwise sums of few taps, whose stride and dilation are the same: an input that one tap of
// an output reads is one that another tap of its neighbour reads.
//
// Blocking: a vector of channels; as many sums as taps stay in registers, and of the taps those
// for which there is room. An input, loaded once, serves the K outputs that it meets; one of them
// is then whole, and the next one takes its register. K multiply-adds, a load and a store per
// output, and nothing else: asking for lines ahead cost more than it saved. Bound aimed at: memory.
//
// Each output is summed in the order of the taps.
//
// Included by each instruction set's file after `Vec` and `LastTiles`, without STL.
#pragma once

#include "channels_last_call.h"

namespace {

// Adds an input, whose first tap is that of output `first`; output n is summed in sum[n % K].
template <int K>
[[gnu::always_inline]] inline void add_rolled(Vec::Reg in, const Vec::Reg (&tap)[K], int first,
                                              int taps, Vec::Reg (&sum)[K]) {
    sum[first % K] = Vec::multiply(in, tap[0]);
#pragma GCC unroll 16
    for (int h = 1; h < taps; ++h) {
        sum[(first - h) % K] = Vec::multiply_add(in, tap[h], sum[(first - h) % K]);
    }
}

template <int K>
[[gnu::noinline]] void last_rolled(const LastTileCall& c) {
    constexpr int L = Vec::kLanes;
    Vec::Reg tap[K];
#pragma GCC unroll 16
    for (int h = 0; h < K; ++h) {
        tap[h] = Vec::load(c.w + h * L);
    }
    const Vec::Reg bias = Vec::load(c.bias);
    const float* x = c.x;
    float* y = c.y;
    Vec::Reg sum[K];
#pragma GCC unroll 16
    for (int first = 0; first < K - 1; ++first, x += c.position) {
        add_rolled<K>(Vec::load(x), tap, first, first + 1, sum);
    }
    for (std::int64_t left = c.tiles;; left -= K) {
#pragma GCC unroll 16
        for (int n = 0; n < K; ++n, x += c.position, y += c.y_row) {
            if (left == n) {
                return;
            }
            add_rolled<K>(Vec::load(x), tap, n + K - 1, K, sum);
            const Vec::Reg out = output_of(sum[n], bias, c.relu);
            if (c.stream) {
                Vec::stream(y, out);
            } else {
                Vec::store(y, out);
            }
        }
    }
}

// That of K taps, or of fewer.
template <int K = LastTiles::kRolled>
LastTileFunction last_rolled_of(std::int64_t taps) {
    if constexpr (K > 1) {
        return taps == K ? last_rolled<K> : last_rolled_of<K - 1>(taps);
    }
    return last_rolled<1>;
}

}  // namespace
