// What the two blockings of the weights' gradient have in common: where an item's inputs lie.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "slab.h"

namespace {

// Neighbouring positions whose inputs lie in one array.
struct Piece {
    const float* x;  // tap 0 of its first position, first channel of the group
    std::int64_t row;
    std::int64_t t;
    std::int64_t positions;
};

constexpr int kMostPieces = 3;

// Splits [begin, end): the middle is read in place, what reaches past the row's ends from slabs.
inline int split_into_pieces(const WeightTask& p, const float* input, std::int64_t begin,
                             std::int64_t end, float* slabs, Piece* pieces) {
    const Reach& r = p.reach;
    const std::int64_t reach = (r.kernel - 1) * r.dilation;
    std::int64_t inner_begin = end;
    std::int64_t inner_end = end;
    if (reads_in_place(r)) {
        const std::int64_t lost = larger(0, r.padding - begin);
        inner_begin = begin + rounded_up(lost, Vec::kLanes);
        inner_end = smaller(end, r.length - reach + r.padding);
        const std::int64_t whole = (inner_end - inner_begin) / Vec::kLanes * Vec::kLanes;
        if (inner_end < end) {
            inner_end = inner_begin + whole;
        }
        if (whole <= 0) {
            inner_begin = inner_end = end;
        }
    }
    int count = 0;
    visit_parts(begin, inner_begin, inner_end, end,
                [&](bool inside, std::int64_t t, std::int64_t positions) {
                    if (inside) {
                        pieces[count++] = {input + t - r.padding, r.length, t, positions};
                        return;
                    }
                    fill_slab(r, input, p.group_in, t, positions, slabs, p.slab_row);
                    pieces[count++] = {slabs, p.slab_row, t, positions};
                    slabs += p.group_in * p.slab_row;
                });
    return count;
}

// What is read next, for prefetching: over channels, by the next item; over positions, for the next
// group, at the positions of this one.
struct Ahead {
    const float* x;         // first channel of the group, null if nothing is asked for
    const float* gradient;  // the same
    std::int64_t positions;
};

struct WeightCall {
    const Piece* pieces;
    int piece_count;
    const std::int64_t (*offsets)[kMostTaps];  // of the taps, for each piece
    std::int64_t begin;                        // first position of the item
    Ahead ahead;
    const float* gradient;  // over channels: transposed; else a row of channel 0
    std::int64_t gradient_row;
    std::int64_t i;         // first input channel
    std::int64_t k;         // first tap
    float* sums;            // of (i, k)
    std::int64_t sums_row;  // floats to the next input channel's or output channel's sums
};

using WeightTile = void (*)(const WeightCall&);

// What a tile sums in registers: channels × taps × vectors.
template <int C, int K, int V>
using TileSums = Vec::Reg[C][K][V];

// Adds a tile's sums to the thread's.
template <int C, int K, int V>
[[gnu::always_inline]] inline void add_to_sums(const WeightCall& call,
                                               const TileSums<C, K, V>& sum) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                float* to = call.sums + c * call.sums_row + (k * V + v) * Vec::kLanes;
                Vec::store(to, Vec::add(Vec::load(to), sum[c][k][v]));
            }
        }
    }
}

// So many of the taps left that all tiles are alike.
inline std::int64_t even_share(std::int64_t left, std::int64_t most) {
    return divided_up(left, divided_up(left, most));
}

}  // namespace
