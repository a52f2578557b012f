// The convolution of one input channel to several output channels, of few taps.
//
// Blocking: what all taps of V vectors of positions read stays in registers, K × V inputs, while
// the output channels go by. A sum of few taps is stored as often as it is added to: stores that
// come one by one, between the multiply-adds, hide behind these; those of a whole tile at its end
// do not (Zen 4: 12 multiply-adds and 4 stores take 3.3 ns with the stores between them, 5.0 ns
// with these at the end). Bound aimed at: the multiply-adds.
#pragma once

#include "chain.h"
#include "padded_call.h"
#include "slab.h"

namespace {

// Tiles from position `begin` on; only a masked one may reach past `end`.
template <int K, int V, bool kMasked, bool kRelu>
[[gnu::noinline]] void held_tiles(const PaddedCall& call, std::int64_t begin, std::int64_t end) {
    const PaddedCall c = call;  // no store of an output can change this one
    for (std::int64_t t = begin; t < end; t += V * Vec::kLanes) {
        Vec::Reg in[K][V];
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                in[k][v] = Vec::load(c.x + t + k * c.dilation + v * Vec::kLanes);
            }
        }
        const float* w = c.w;
        float* y = c.y + t;
        for (std::int64_t o = 0; o < c.channels; ++o, w += K, y += c.y_row) {
            const Vec::Reg bias = c.bias ? Vec::broadcast(c.bias[o]) : Vec::zero();
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                Vec::Reg sum = Vec::zero();
#pragma GCC unroll 16
                for (int k = 0; k < K; ++k) {
                    sum = Vec::multiply_add(Vec::broadcast(w[k]), in[k][v], sum);
                }
                const Vec::Reg out = output_of(sum, bias, kRelu);
                const std::int64_t left = end - t - v * Vec::kLanes;
                if (!kMasked || left >= Vec::kLanes) {
                    Vec::store(y + v * Vec::kLanes, out);
                } else {
                    Vec::store_first(y + v * Vec::kLanes, out, static_cast<int>(larger(left, 0)));
                }
            }
        }
    }
}

template <int K, int V, bool kMasked>
inline void held_tiles(const PaddedCall& c, std::int64_t begin, std::int64_t end) {
    if (c.relu) {
        held_tiles<K, V, kMasked, true>(c, begin, end);
    } else {
        held_tiles<K, V, kMasked, false>(c, begin, end);
    }
}

template <int K, int V>
inline void held_rest(const PaddedCall& c, std::int64_t begin) {
    if constexpr (V > 1) {
        if (c.positions - begin <= (V - 1) * Vec::kLanes) {
            held_rest<K, V - 1>(c, begin);
            return;
        }
    }
    if (c.positions < V * Vec::kLanes) {
        held_tiles<K, V, true>(c, begin, c.positions);
    } else {
        held_tiles<K, V, false>(c, c.positions - V * Vec::kLanes, c.positions);
    }
}

template <int K>
void held_item(const PaddedCall& c) {
    constexpr int V = Tiles::kHeldVectors;
    const std::int64_t whole = c.positions / (V * Vec::kLanes) * (V * Vec::kLanes);
    held_tiles<K, V, false>(c, 0, whole);
    if (whole < c.positions) {
        held_rest<K, V>(c, whole);
    }
}

using HeldFunction = void (*)(const PaddedCall&);

// That of K taps or fewer.
template <int K>
HeldFunction held_function_of(std::int64_t taps) {
    if constexpr (K > 1) {
        return taps == K ? held_item<K> : held_function_of<K - 1>(taps);
    }
    return held_item<1>;
}

}  // namespace
