// What a register tile of the forward convolution is told.
//
// Included in the anonymous namespace's files, without STL.
#pragma once

#include <cstdint>

namespace {

struct TileCall {
    const float* x;    // first channel of the group, at tap 0 of the tile's first position
    std::int64_t row;  // floats from one channel to the next
    const std::int64_t* offsets;  // of the taps
    std::int64_t in_channels;
    std::int64_t kernel;
    const float* w;     // packed [in_channels][kernel][OC]
    const float* bias;  // [OC], or null
    float* y;
    std::int64_t y_row;
    std::int64_t positions;  // to be stored, at most V vectors
    bool relu;
    const float* ahead;      // channel 0 of the input that is read next, or null
    std::int64_t ahead_row;  // floats from one of its channels to the next
};

// Adds one tap of an input channel to OC output channels × V vectors of positions.
template <int OC, int V>
[[gnu::always_inline]] inline void add_tap(const float* at, const float* w,
                                           Vec::Reg (&sum)[OC][V]) {
    Vec::Reg in[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
        in[v] = Vec::load(at + v * Vec::kLanes);
    }
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
        const Vec::Reg tap = Vec::broadcast(w[o]);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            sum[o][v] = Vec::multiply_add(tap, in[v], sum[o][v]);
        }
    }
}

using TileFunction = void (*)(const TileCall&);

}  // namespace
