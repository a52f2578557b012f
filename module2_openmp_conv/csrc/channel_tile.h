// The forward convolution's other register tile: lanes run over output channels, not positions.
//
// Blocking: a vector of channels × as many positions stay in registers while all input channels and
// taps are summed, up to kMostHeld taps at a time: a broadcast input serves all taps that are held,
// and no load crosses a cache line, wherever the tile begins. Sums are laid back into rows in
// registers. Bound aimed at: the multiply-adds; with 7 taps and 16 lanes an input channel asks for
// 29 loads per 112 of them, where a tile with lanes over positions asks for 77 per 168, a fifth of
// which cross a line.
//
// Each output is summed in the order (block of taps, input channel, tap), in chains of about kChain
// terms (chain.h): the bits depend neither on the tile nor on the number of threads.
//
// Laid back in pieces beside the next part's sums, through memory, outputs took as long: what moves
// them uses the ports of the multiply-adds.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "chain.h"
#include "slab.h"
#include "tile_call.h"

namespace {

constexpr int kMostHeld = 8;
constexpr int kFew = Vec::kLanes / 4;  // a row's last positions: 500 samples end in 4

// What a tile is computed in: one vector of channels, as many positions.
struct TilePart {
    const float* x;      // first channel, at tap 0 of the first position
    const float* ahead;  // channel 0 of a line that is read later, or null
    float* y;
    std::int64_t positions;  // to be stored
};
template <int P>
using PartSums = Vec::Reg[P][1];

// Adds taps [k, k + Held) of all input channels. D: the dilation, at most P.
template <int P, int Held, int D, bool kChained>
[[gnu::always_inline]] inline void add_held_taps(const TileCall& c, const TilePart& part,
                                                 std::int64_t k, PartSums<P>& sum,
                                                 Chains<kChained ? P : 1, 1>& chains) {
    const float* x = part.x + k * D;
    const float* w = c.w + k * Vec::kLanes;
    const float* ahead = k == 0 ? part.ahead : nullptr;
    // The line in which the next part's row ends: one a channel, all at once would be waited for.
    const float* written = part.y + 2 * Vec::kLanes - 1;
    std::int64_t rows = k == 0 ? Vec::kLanes : 0;
    const std::int64_t chain = kChained ? kChain / Held : c.in_channels;
    for (std::int64_t left = c.in_channels; left > 0; left -= chain) {
        for (std::int64_t i = smaller(left, chain); i > 0; --i) {
            if (ahead != nullptr) {
                __builtin_prefetch(ahead, 0, 2);
                ahead += c.ahead_row;
            }
            if (rows > 0) {
                __builtin_prefetch(written, 1, 2);
                written += c.y_row;
                --rows;
            }
            Vec::Reg tap[Held];
#pragma GCC unroll 8
            for (int n = 0; n < Held; ++n) {
                tap[n] = Vec::load(w + n * Vec::kLanes);
            }
#pragma GCC unroll 64
            for (int at = 0; at < P + (Held - 1) * D; ++at) {
                const Vec::Reg in = Vec::broadcast(x[at]);
#pragma GCC unroll 8
                for (int n = 0; n < Held; ++n) {
                    if (const int t = at - n * D; t >= 0 && t < P) {
                        sum[t][0] = Vec::multiply_add(in, tap[n], sum[t][0]);
                    }
                }
            }
            x += c.row;
            w += c.kernel * Vec::kLanes;
        }
        if constexpr (kChained) {
            chains.add(sum, k == 0 && left == c.in_channels, k + Held == c.kernel && left <= chain);
        }
    }
}

// Adds the taps that are left, fewer than Held.
template <int P, int Held, int D, bool kChained>
[[gnu::always_inline]] inline void add_last_taps(const TileCall& c, const TilePart& part,
                                                 std::int64_t k, PartSums<P>& sum,
                                                 Chains<kChained ? P : 1, 1>& chains) {
    if constexpr (Held > 1) {
        if (c.kernel - k == Held - 1) {
            add_held_taps<P, Held - 1, D, kChained>(c, part, k, sum, chains);
        } else {
            add_last_taps<P, Held - 1, D, kChained>(c, part, k, sum, chains);
        }
    }
}

// P positions, no more than a vector's lanes.
template <int P, int D, bool kChained>
[[gnu::noinline]] void channel_tile_part(const TileCall& c, const TilePart& part) {
    PartSums<P> sum;
#pragma GCC unroll 16
    for (int t = 0; t < P; ++t) {
        sum[t][0] = Vec::zero();
    }
    Chains<kChained ? P : 1, 1> chains;
    std::int64_t k = 0;
    for (; k + kMostHeld <= c.kernel; k += kMostHeld) {
        add_held_taps<P, kMostHeld, D, kChained>(c, part, k, sum, chains);
    }
    add_last_taps<P, kMostHeld, D, kChained>(c, part, k, sum, chains);

    const Vec::Reg bias = c.bias ? Vec::load(c.bias) : Vec::zero();
    Vec::Reg row[Vec::kLanes];
#pragma GCC unroll 16
    for (int t = 0; t < Vec::kLanes; ++t) {
        row[t] = t < P ? output_of(sum[t][0], bias, c.relu) : Vec::zero();
    }
    Vec::transpose(row);
    float* y = part.y;
    if (part.positions >= Vec::kLanes) {
#pragma GCC unroll 16
        for (int o = 0; o < Vec::kLanes; ++o, y += c.y_row) {
            Vec::store(y, row[o]);
        }
    } else {
#pragma GCC unroll 16
        for (int o = 0; o < Vec::kLanes; ++o, y += c.y_row) {
            Vec::store_first(y, row[o], static_cast<int>(part.positions));
        }
    }
}

// One vector of channels.
template <int D, bool kChained>
void channel_tile(const TileCall& c) {
    for (std::int64_t t = 0; t < c.positions; t += Vec::kLanes) {
        const TilePart part{c.x + t, c.ahead == nullptr ? nullptr : c.ahead + t, c.y + t,
                            c.positions - t};
        if (part.positions > kFew) {
            channel_tile_part<Vec::kLanes, D, kChained>(c, part);
        } else {
            channel_tile_part<kFew, D, kChained>(c, part);
        }
    }
}

template <int D>
TileFunction channel_tile_for(bool is_chained) {
    return is_chained ? channel_tile<D, true> : channel_tile<D, false>;
}

}  // namespace
