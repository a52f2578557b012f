// The gradient of the weights of a convolution with channels last: products of what an output
// position reads and of its gradients, summed over positions. Both lie in memory as they are
// needed: OV vectors of gradients times J terms, which are neighbours, so that nothing is turned
// over.
//
// Blocking: OV × J sums stay in registers over all positions of an item. Bound aimed at: the
// multiply-adds. Depthwise, the terms are taps and inputs are loaded, a vector of channels each;
// few taps are summed for kPhases neighbouring positions apart, since one chain would be waited
// for.
//
// Every item starts from zero and adds its sums to the thread's: two short sums round less than one
// long one.
//
// Included by each instruction set's file after `Vec` and `LastTiles`, without STL.
#pragma once

#include "channels_last_items.h"
#include "weight_pieces.h"

namespace {

struct LastWeightCall {
    const LastPiece* pieces;
    int piece_count;
    std::int64_t tap;       // of the tile's first term
    std::int64_t place;     // of it, among what is read for this tap
    const float* gradient;  // of position 0, first channel of the block
    std::int64_t gradient_row;
    std::int64_t channels;  // of the block, at most OV · lanes
    float* sums;            // [J][OV · lanes]
};

using LastWeightFunction = void (*)(const LastWeightCall&);

inline void add_to(float* to, Vec::Reg sum) {
    Vec::store(to, Vec::add(Vec::load(to), sum));
}

template <int OV, int J>
void last_weight_tile(const LastWeightCall& c) {
    constexpr int L = Vec::kLanes;
    const int lanes = static_cast<int>(c.channels);
    Vec::Reg sum[J][OV]{};
    for (int n = 0; n < c.piece_count; ++n) {
        const LastPiece& piece = c.pieces[n];
        const float* x = piece.x + c.tap * piece.tap_row + c.place;
        const float* g = c.gradient + piece.t * c.gradient_row;
        for (std::int64_t t = 0; t < piece.positions; ++t) {
            Vec::Reg gradient[OV];
#pragma GCC unroll 4
            for (int v = 0; v < OV; ++v) {
                gradient[v] = OV > 1 ? Vec::load(g + v * L) : Vec::load_first(g, lanes);
            }
#pragma GCC unroll 32
            for (int j = 0; j < J; ++j) {
                const Vec::Reg in = Vec::broadcast(x[j]);
#pragma GCC unroll 4
                for (int v = 0; v < OV; ++v) {
                    sum[j][v] = Vec::multiply_add(in, gradient[v], sum[j][v]);
                }
            }
            x += piece.position;
            g += c.gradient_row;
        }
    }
#pragma GCC unroll 32
    for (int j = 0; j < J; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < OV; ++v) {
            add_to(c.sums + (j * OV + v) * L, sum[j][v]);
        }
    }
}

template <int J>
void last_depthwise_weight_tile(const LastWeightCall& c) {
    constexpr int kPhases = J > 4 ? 1 : 4;
    const int lanes = static_cast<int>(c.channels);
    Vec::Reg sum[J][kPhases]{};
    for (int n = 0; n < c.piece_count; ++n) {
        const LastPiece& piece = c.pieces[n];
        const float* x = piece.x + c.tap * piece.tap_row + c.place;
        const float* g = c.gradient + piece.t * c.gradient_row;
        std::int64_t t = 0;
        for (; t + kPhases <= piece.positions; t += kPhases) {
#pragma GCC unroll 4
            for (int phase = 0; phase < kPhases; ++phase) {
                const Vec::Reg gradient = Vec::load_first(g, lanes);
#pragma GCC unroll 8
                for (int j = 0; j < J; ++j) {
                    sum[j][phase] = Vec::multiply_add(Vec::load_first(x + j * piece.tap_row, lanes),
                                                      gradient, sum[j][phase]);
                }
                x += piece.position;
                g += c.gradient_row;
            }
        }
        for (; t < piece.positions; ++t) {
            const Vec::Reg gradient = Vec::load_first(g, lanes);
#pragma GCC unroll 8
            for (int j = 0; j < J; ++j) {
                sum[j][0] = Vec::multiply_add(Vec::load_first(x + j * piece.tap_row, lanes),
                                              gradient, sum[j][0]);
            }
            x += piece.position;
            g += c.gradient_row;
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < J; ++j) {
#pragma GCC unroll 4
        for (int phase = 1; phase < kPhases; ++phase) {
            sum[j][0] = Vec::add(sum[j][0], sum[j][phase]);
        }
        add_to(c.sums + j * Vec::kLanes, sum[j][0]);
    }
}

template <int OV, int J>
LastWeightFunction last_weight_tile_of(std::int64_t terms) {
    if constexpr (J > 1) {
        if (terms < J) {
            return last_weight_tile_of<OV, J - 1>(terms);
        }
    }
    return last_weight_tile<OV, J>;
}

constexpr int kMostDepthwiseTaps = 8;

template <int J>
LastWeightFunction last_depthwise_weight_tile_of(std::int64_t taps) {
    if constexpr (J > 1) {
        if (taps < J) {
            return last_depthwise_weight_tile_of<J - 1>(taps);
        }
    }
    return last_depthwise_weight_tile<J>;
}

struct LastWeightTile {
    LastWeightFunction compute;
    std::int64_t terms;
};

// The tile for the next of so many terms of a block of so many vectors.
inline LastWeightTile last_weight_tile_of(const LastShape& p, std::int64_t vectors,
                                          std::int64_t left) {
    constexpr int kOne = LastTiles::positions(1);
    constexpr int kTwo = LastTiles::positions(2);
    if (p.depthwise) {
        const std::int64_t taps = even_share(left, kMostDepthwiseTaps);
        return {last_depthwise_weight_tile_of<kMostDepthwiseTaps>(taps), taps};
    }
    const std::int64_t terms = even_share(left, vectors == 2 ? kTwo : kOne);
    return {
        vectors == 2 ? last_weight_tile_of<2, kTwo>(terms) : last_weight_tile_of<1, kOne>(terms),
        terms};
}

// The sums of a block's gradients themselves.
inline void add_last_gradients(const float* g, std::int64_t row, std::int64_t positions,
                               std::int64_t channels, float* sums) {
    for (std::int64_t c = 0; c < channels; c += Vec::kLanes, g += Vec::kLanes) {
        const int lanes = static_cast<int>(smaller(Vec::kLanes, channels - c));
        Vec::Reg sum[4]{};
        for (std::int64_t t = 0; t < positions; ++t) {
            sum[t % 4] = Vec::add(sum[t % 4], Vec::load_first(g + t * row, lanes));
        }
        add_to(sums + c, Vec::add(Vec::add(sum[0], sum[1]), Vec::add(sum[2], sum[3])));
    }
}

// Adds the items [first, last) to sums.
void channels_last_weight_items(const LastWeightTask& p, float* slabs, float* sums,
                                std::int64_t first, std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const Reach& r = p.reach;
    const std::int64_t in_row = p.groups * p.group_in;
    const std::int64_t out_row = p.groups * p.group_out;
    LastPiece pieces[kMostLastPieces];
    LastWeightCall call{};
    call.pieces = pieces;
    call.gradient_row = out_row;

    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t begin = item % p.position_items * p.positions_per_item;
        const std::int64_t end = smaller(begin + p.positions_per_item, r.out_length);
        const std::int64_t sample = item / p.position_items;
        const float* input = p.input + sample * r.length * in_row;
        const float* gradient = p.gradient + sample * r.out_length * out_row;
        float* bias_sums = sums + p.weight_sums;
        call.sums = sums;
        for (std::int64_t group = 0; group < p.tile_groups; ++group) {
            call.piece_count =
                split_last(p, input + group * p.tile_in, begin, end, 1, slabs, pieces);
            for (std::int64_t o = 0; o < p.tile_out;) {
                const std::int64_t block = last_vectors(p, L, p.tile_out - o) * L;
                call.channels = smaller(block, p.tile_out - o);
                call.gradient = gradient + group * p.tile_out + o;
                for (std::int64_t run = 0; run < p.runs; ++run) {
                    for (std::int64_t term = 0; term < p.terms;) {
                        const LastWeightTile tile =
                            last_weight_tile_of(p, block / L, p.terms - term);
                        call.tap = p.depthwise ? term : run;
                        call.place = p.depthwise ? o : term;
                        tile.compute(call);
                        call.sums += tile.terms * block;
                        term += tile.terms;
                    }
                }
                if (p.bias) {
                    add_last_gradients(call.gradient + begin * out_row, out_row, end - begin,
                                       call.channels, bias_sums);
                }
                bias_sums += block;
                o += block;
            }
        }
    }
}

}  // namespace
