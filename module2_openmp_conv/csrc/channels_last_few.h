// The tile for few output channels, such as the gradient of a first layer's input: lanes run over
// the terms of a sum, which lie side by side, since few channels would leave lanes over these idle.
//
// Blocking: as many positions as lanes stay in registers, a vector each, over all terms of one
// output channel; then they are turned, and the vectors added up are one vector of positions. Bound
// aimed at: loads of the input, one for each multiply-add.
//
// Each output is summed in the order (lane of the term's place in its run, run, term), then over
// the lanes: the bits depend neither on the tile nor on the number of threads.
//
// Included by each instruction set's file after `Vec` and `LastTiles`, without STL.
#pragma once

#include "channels_last_call.h"

namespace {

template <int P>
[[gnu::always_inline]] inline void add_few_terms(const LastTileCall& c, LastSums<1, P>& sum) {
    constexpr int L = Vec::kLanes;
    const float* w = c.w;
    for (std::int64_t run = 0; run < c.runs; ++run, w += c.terms) {
        PositionsOf<P> x(c.x + run * c.tap_row, c.position);
        std::int64_t i = 0;
        for (; i + L <= c.terms; i += L) {
            const Vec::Reg weight = Vec::load(w + i);
#pragma GCC unroll 16
            for (int p = 0; p < P; ++p) {
                sum[p][0] = Vec::multiply_add(Vec::load(x.at(p)), weight, sum[p][0]);
            }
            x.advance(L);
        }
        if (i < c.terms) {
            const int rest = static_cast<int>(c.terms - i);
            const Vec::Reg weight = Vec::load_first(w + i, rest);
#pragma GCC unroll 16
            for (int p = 0; p < P; ++p) {
                const Vec::Reg in = Vec::load_first(x.at(p), rest);
                sum[p][0] = Vec::multiply_add(in, weight, sum[p][0]);
            }
        }
    }
}

// One output channel of as many positions as lanes.
[[gnu::noinline]] void few_tile(const LastTileCall& c) {
    constexpr int L = Vec::kLanes;
    LastSums<1, L> sum;
    set_to_zero<1, L>(sum);
    add_few_terms<L>(c, sum);
    Vec::Reg turned[L];
#pragma GCC unroll 16
    for (int p = 0; p < L; ++p) {
        turned[p] = sum[p][0];
    }
    Vec::transpose(turned);
    Vec::Reg total = turned[0];
#pragma GCC unroll 16
    for (int lane = 1; lane < L; ++lane) {
        total = Vec::add(total, turned[lane]);
    }
    total = output_of(total, Vec::broadcast(c.bias[0]), c.relu);
    if (c.y_row == 1) {
        Vec::store(c.y, total);
        return;
    }
    float lanes[L];
    Vec::store(lanes, total);
    for (int p = 0; p < L; ++p) {
        c.y[p * c.y_row] = lanes[p];
    }
}

// The same of one position: where a row has fewer than lanes.
[[gnu::noinline]] void few_position(const LastTileCall& c) {
    constexpr int L = Vec::kLanes;
    LastSums<1, 1> sum;
    set_to_zero<1, 1>(sum);
    add_few_terms<1>(c, sum);
    float lanes[L];
    Vec::store(lanes, sum[0][0]);
    float total = lanes[0];
    for (int lane = 1; lane < L; ++lane) {
        total += lanes[lane];
    }
    Vec::store(lanes, output_of(Vec::broadcast(total), Vec::broadcast(c.bias[0]), c.relu));
    c.y[0] = lanes[0];
}

inline LastTile few_tile_of(std::int64_t all) {
    return all < Vec::kLanes ? LastTile{few_position, 1} : LastTile{few_tile, Vec::kLanes};
}

}  // namespace
