// The loop over the work items of a convolution with channels last: which positions are read in
// place, which from a small copy, and the tiles over both.
//
// An item's input stays in L1 while one block of channels after the other is computed from it;
// weights stream from L2. Depthwise with few taps, no block reads what another one does, and an
// item stays in L2.
//
// Included by each instruction set's file after `Vec` and `LastTiles`, without STL.
#pragma once

#include "channels_last_few.h"
#include "channels_last_held.h"
#include "channels_last_rolled.h"
#include "channels_last_tile.h"

namespace {

// Neighbouring output positions whose inputs lie in one array.
struct LastPiece {
    const float* x;         // tap 0 of the first position, channel 0 of the group
    std::int64_t position;  // floats from an input position to the next one, times the stride
    std::int64_t tap_row;   // floats from a tap to the next one
    std::int64_t t;
    std::int64_t positions;
};

constexpr int kMostLastPieces = 3;

// Copies what outputs [t, t + positions) read of some channels of a row of `row` channels.
inline void fill_last_slab(const Reach& r, const float* input, std::int64_t row,
                           std::int64_t channels, std::int64_t t, std::int64_t positions,
                           float* slab) {
    const std::int64_t from = t * r.stride - r.padding;
    const std::int64_t to = from + (positions - 1) * r.stride + (r.kernel - 1) * r.dilation;
    for (std::int64_t at = from; at <= to; ++at, slab += channels) {
        if (at >= 0 && at < r.length * r.upsampling && at % r.upsampling == 0) {
            copy(slab, input + at / r.upsampling * row, channels);
        } else {
            for (std::int64_t i = 0; i < channels; ++i) {
                slab[i] = 0.0f;
            }
        }
    }
}

// Splits [begin, end) of a tile's group: the middle is read in place, what reaches past the row's
// ends from slabs. Ends are whole tiles where they can be: `width` positions.
inline int split_last(const LastShape& p, const float* input, std::int64_t begin, std::int64_t end,
                      std::int64_t width, float* slabs, LastPiece* pieces) {
    const Reach& r = p.reach;
    const std::int64_t reach = (r.kernel - 1) * r.dilation;
    const std::int64_t row = p.groups * p.group_in;
    std::int64_t inner_begin = end;
    std::int64_t inner_end = end;
    if (r.upsampling == 1) {
        const std::int64_t first = larger(0, divided_up(larger(r.padding, 0), r.stride));
        const std::int64_t room = r.length - 1 - reach + r.padding;
        const std::int64_t past = room < 0 ? 0 : room / r.stride + 1;  // first that reads beyond
        inner_begin = smaller(end, begin + rounded_up(larger(0, first - begin), width));
        inner_end = larger(inner_begin, end - rounded_up(larger(0, end - past), width));
        if (inner_end <= inner_begin) {
            inner_begin = inner_end = end;
        }
    }
    int count = 0;
    visit_parts(begin, inner_begin, inner_end, end,
                [&](bool inside, std::int64_t t, std::int64_t positions) {
                    if (inside) {
                        pieces[count++] = {input + (t * r.stride - r.padding) * row, r.stride * row,
                                           r.dilation * row, t, positions};
                        return;
                    }
                    fill_last_slab(r, input, row, p.tile_in, t, positions, slabs);
                    pieces[count++] = {slabs, r.stride * p.tile_in, r.dilation * p.tile_in, t,
                                       positions};
                    slabs += p.slab_floats;
                });
    return count;
}

// The tile for the next of `left` positions: the narrowest that holds them, or the widest, but none
// wider than the `all` that there are, since it may begin before the next one.
template <int OV, int P, LastInput kInput, bool kChained>
LastTile last_tile_of(std::int64_t left, std::int64_t all) {
    if constexpr (P > 1) {
        if (left <= P / 2 || all < P) {
            return last_tile_of<OV, P / 2, kInput, kChained>(left, all);
        }
    }
    if constexpr (kInput == LastInput::kHeldVector) {
        return {last_held_tile<P>, P};
    } else {
        return {last_tile<OV, P, kInput, kChained>, P};
    }
}

// Positions of the widest tile of the first block.
inline std::int64_t last_width(const LastShape& p) {
    return p.few_outputs ? Vec::kLanes
           : p.rolled    ? 1
           : p.depthwise ? LastTiles::kHeldPositions
                         : LastTiles::positions(last_vectors(p, Vec::kLanes, p.tile_out));
}

inline LastTile last_tile_of(const LastShape& p, std::int64_t channels, std::int64_t left,
                             std::int64_t all) {
    constexpr LastInput kBroadcast = LastInput::kBroadcast;
    const bool is_chained = p.runs * p.terms > kLongest;
    if (p.depthwise) {
        constexpr int P = LastTiles::kHeldPositions;
        return channels < Vec::kLanes
                   ? last_tile_of<1, P, LastInput::kFirstOfVector, false>(left, all)
               : p.rolled ? LastTile{last_rolled_of(p.reach.kernel), 1}
               : p.reach.stride == p.reach.dilation
                   ? last_tile_of<1, P, LastInput::kHeldVector, false>(left, all)
                   : last_tile_of<1, P, LastInput::kVector, false>(left, all);
    }
    if (channels > Vec::kLanes) {
        constexpr int P = LastTiles::positions(2);
        return is_chained ? last_tile_of<2, P, kBroadcast, true>(left, all)
                          : last_tile_of<2, P, kBroadcast, false>(left, all);
    }
    constexpr int P = LastTiles::positions(1);
    return is_chained ? last_tile_of<1, P, kBroadcast, true>(left, all)
                      : last_tile_of<1, P, kBroadcast, false>(left, all);
}

// What an item's pieces are computed from and into, of one group.
struct LastPart {
    const float* input;  // the sample's
    const LastPiece* pieces;
    int count;
    const float* w;
    const float* bias;
    float* out;  // of position 0, the group's first channel
};

// One block of channels after the other, over all positions. Depthwise, it reads its own channels.
inline void last_blocks(const LastTask& p, const LastPart& part, LastTileCall call) {
    const Reach& r = p.reach;
    call.w = part.w;
    call.bias = part.bias;
    for (std::int64_t o = 0; o < p.tile_out;) {
        const std::int64_t block = last_vectors(p, Vec::kLanes, p.tile_out - o) * Vec::kLanes;
        call.channels = smaller(block, p.tile_out - o);
        for (int n = 0; n < part.count; ++n) {
            const LastPiece& piece = part.pieces[n];
            call.position = piece.position;
            call.tap_row = piece.tap_row;
            for (std::int64_t t = 0; t < piece.positions;) {
                const LastTile tile =
                    last_tile_of(p, call.channels, piece.positions - t, piece.positions);
                const std::int64_t at = smaller(t, piece.positions - tile.positions);
                call.x = piece.x + at * piece.position + (p.depthwise ? o : 0);
                call.y = part.out + (piece.t + at) * call.y_row + o;
                // What this tile does not read yet, once for all blocks.
                const std::int64_t unread = (piece.t + at + tile.positions) * r.stride - r.padding +
                                            (r.kernel - 1) * r.dilation;
                call.ahead =
                    o == 0 && !p.depthwise ? part.input + unread * p.groups * p.group_in : nullptr;
                call.tiles = larger((piece.positions - t) / tile.positions, 1);
                tile.compute(call);
                t += call.tiles * tile.positions;
            }
        }
        call.w += r.kernel * p.group_in * block;
        call.bias += block;
        o += block;
    }
}

// One output channel after the other: lanes run over what is read.
inline void last_few(const LastTask& p, const LastPart& part, LastTileCall call) {
    call.w = part.w;
    call.bias = part.bias;
    for (std::int64_t o = 0; o < p.tile_out; ++o, call.w += p.runs * p.terms, ++call.bias) {
        for (int n = 0; n < part.count; ++n) {
            const LastPiece& piece = part.pieces[n];
            call.position = piece.position;
            call.tap_row = piece.tap_row;
            const LastTile tile = few_tile_of(piece.positions);
            for (std::int64_t t = 0; t < piece.positions; t += tile.positions) {
                const std::int64_t at = smaller(t, piece.positions - tile.positions);
                call.x = piece.x + at * piece.position;
                call.y = part.out + (piece.t + at) * call.y_row + o;
                tile.compute(call);
            }
        }
    }
}

// Depthwise, all channels of a tile's positions before the next positions, so that what is read and
// written lies side by side.
inline void last_depthwise(const LastTask& p, const LastPart& part, LastTileCall call) {
    constexpr std::int64_t L = Vec::kLanes;
    const Reach& r = p.reach;
    call.tiles = 1;
    for (int n = 0; n < part.count; ++n) {
        const LastPiece& piece = part.pieces[n];
        call.position = piece.position;
        call.tap_row = piece.tap_row;
        std::int64_t positions = 0;  // of a tile, whatever its channels
        for (std::int64_t t = 0; t < piece.positions; t += positions) {
            const std::int64_t left = piece.positions - t;
            positions = last_tile_of(p, L, left, piece.positions).positions;
            const std::int64_t at = smaller(t, piece.positions - positions);
            // The next tile's positions, each block its share of them.
            const std::int64_t next = piece.t + at + positions;
            const std::int64_t unread = next * r.stride - r.padding + (r.kernel - 1) * r.dilation;
            for (std::int64_t o = 0; o < p.tile_out; o += L) {
                call.channels = smaller(L, p.tile_out - o);
                call.w = part.w + o * r.kernel;
                call.bias = part.bias + o;
                call.x = piece.x + at * piece.position + o;
                call.y = part.out + (piece.t + at) * call.y_row + o;
                call.ahead = part.input + unread * p.groups + o * positions * r.stride;
                call.ahead_out = part.out + next * call.y_row + o * positions;
                last_tile_of(p, call.channels, left, piece.positions).compute(call);
            }
        }
    }
}

void channels_last_items(const LastTask& p, float* slabs, std::int64_t first, std::int64_t last) {
    const Reach& r = p.reach;
    const std::int64_t in_row = p.groups * p.group_in;
    const std::int64_t out_row = p.groups * p.group_out;
    const std::int64_t width = last_width(p);
    const std::int64_t group_channels = packed_outputs(p, Vec::kLanes);
    LastTileCall call{};
    call.runs = p.runs;
    call.terms = p.terms;
    call.y_row = out_row;
    call.relu = p.relu;
    call.stream = p.stream;
    call.ahead_row = r.stride * in_row;

    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t begin = item % p.position_items * p.positions_per_item;
        const std::int64_t end = smaller(begin + p.positions_per_item, r.out_length);
        const std::int64_t sample = item / p.position_items;
        const float* input = p.input + sample * r.length * in_row;
        for (std::int64_t group = 0; group < p.tile_groups; ++group) {
            LastPiece pieces[kMostLastPieces];
            const LastPart part{
                input,
                pieces,
                split_last(p, input + group * p.tile_in, begin, end, width, slabs, pieces),
                p.packed + group * group_channels * r.kernel * p.group_in,
                p.packed_bias + group * group_channels,
                p.out + sample * r.out_length * out_row + group * p.tile_out};
            if (p.few_outputs) {
                last_few(p, part, call);
            } else if (p.depthwise && !p.rolled) {
                last_depthwise(p, part, call);
            } else {
                last_blocks(p, part, call);
            }
        }
    }
    if (p.stream) {
        Vec::fence();
    }
}

}  // namespace
