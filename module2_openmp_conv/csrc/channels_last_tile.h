// The forward convolution of tensors whose channels lie beside each other, [batch, length,
// channels], as they come from an interleaved recording or a network that keeps this layout.
//
// All that an output reads for one tap, and without dilation for all taps, is one run of memory, so
// that the convolution is a product of matrices, input · weights, in which rows of the input
// overlap: nothing is unfolded, laid out anew or shifted, and an output's channels are stored as
// whole lines.
//
// Blocking: OV vectors of output channels × P positions stay in registers over all terms; a load of
// the weights serves P multiply-adds, a broadcast input OV. Bound aimed at: the multiply-adds; for
// few terms memory. Depthwise, inputs are loaded, a vector of channels each, not broadcast.
//
// Each output is summed in the order (tap, input channel), in chains of at most kLongest
// terms (chain.h): the bits depend neither on the tile nor on the number of threads.
//
// Included by each instruction set's file after `Vec` and `LastTiles`, in the anonymous namespace,
// without STL.
#pragma once

#include "channels_last_call.h"

namespace {

template <int OV, int P, LastInput kInput, bool kChained>
[[gnu::always_inline]] inline void one_last_tile(const LastTileCall& c, const LastPlace& place) {
    constexpr std::int64_t L = Vec::kLanes;
    constexpr bool kDepthwise = kInput != LastInput::kBroadcast;
    static_assert(!kDepthwise || OV == 1);
    LastSums<OV, P> sum;
    set_to_zero<OV, P>(sum);
    LastChains<OV, P, kChained> chains;
    LastAhead<OV, P> ahead(c, place);
    const int lanes = static_cast<int>(c.channels);
    const float* w = c.w;
    for (std::int64_t run = 0; run < c.runs; ++run) {
        PositionsOf<P> x(place.x + run * c.tap_row, c.position);
        std::int64_t n = 0;
        for (std::int64_t left = c.terms; left > 0; left -= n) {
            n = kChained ? smaller(left, kLongest) : left;
            chains.before(n, sum);
            for (std::int64_t i = 0; i < n; ++i, w += OV * L) {
                ahead.ask();
                Vec::Reg tap[OV];
#pragma GCC unroll 4
                for (int v = 0; v < OV; ++v) {
                    tap[v] = Vec::load(w + v * L);
                }
#pragma GCC unroll 32
                for (int p = 0; p < P; ++p) {
                    const Vec::Reg in = last_input<kInput>(x.at(p), lanes);
#pragma GCC unroll 4
                    for (int v = 0; v < OV; ++v) {
                        sum[p][v] = Vec::multiply_add(in, tap[v], sum[p][v]);
                    }
                }
                x.advance(kDepthwise ? c.tap_row : 1);
            }
        }
    }
    chains.end(sum);
    store_last<OV, P>(c, place.y, sum);
}

template <int OV, int P, LastInput kInput, bool kChained>
[[gnu::noinline]] void last_tile(const LastTileCall& c) {
    LastPlace place(c);
    for (std::int64_t n = 0; n < c.tiles; ++n) {
        one_last_tile<OV, P, kInput, kChained>(c, place);
        place.advance(c, P);
    }
}

}  // namespace
