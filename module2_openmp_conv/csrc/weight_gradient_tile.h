// The gradient of the weights and of the bias, written once for every instruction set:
//   dw[o][i][k] = Σ over batch and positions t of gradient[o][t] · input[i][tap k of t].
//
// Two blockings, chosen by the driver. `over channels`: the lanes hold output channels, from a
// transposed copy of the item's gradients; OV vectors of them × IT input channels × KT taps of sums
// stay in registers over all positions of the item, each input sample is broadcast. `over
// positions`, for few output channels: the lanes hold positions; OC channels × KT taps of sums,
// whose lanes are added up only at the very end.
//
// Bound aimed at: multiply-add throughput. Every item starts its sums from zero and adds them to
// the thread's totals: two short sums round less than one long one.
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
        inner_begin = begin + (lost + Vec::kLanes - 1) / Vec::kLanes * Vec::kLanes;
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
    const std::int64_t bounds[4] = {begin, inner_begin, inner_end, end};
    for (int part = 0; part < 3; ++part) {
        const std::int64_t t = bounds[part];
        const std::int64_t positions = bounds[part + 1] - t;
        if (positions <= 0) {
            continue;
        }
        if (part == 1) {
            pieces[count++] = {input + t - r.padding, r.length, t, positions};
            continue;
        }
        float* slab = slabs;
        slabs += p.group_in * p.slab_row;
        for (std::int64_t i = 0; i < p.group_in; ++i) {
            fill_slab_row(r, input + i * r.length, t, positions, slab + i * p.slab_row);
        }
        pieces[count++] = {slab, p.slab_row, t, positions};
    }
    return count;
}

struct WeightCall {
    const Piece* pieces;
    int piece_count;
    const std::int64_t (*offsets)[kMostTaps];  // of the taps, for each piece
    std::int64_t begin;                        // first position of the item
    const float* gradient;                     // over channels: transposed; else a row of channel 0
    std::int64_t gradient_row;
    std::int64_t i;         // first input channel
    std::int64_t k;         // first tap
    float* sums;            // of (i, k)
    std::int64_t sums_row;  // floats to the next input channel's or output channel's sums
};

// Lanes over output channels.
template <int OV, int IT, int KT>
void tile_over_channels(const WeightCall& c) {
    Vec::Reg sum[IT][KT][OV];
#pragma GCC unroll 16
    for (int i = 0; i < IT; ++i) {
#pragma GCC unroll 16
        for (int k = 0; k < KT; ++k) {
#pragma GCC unroll 16
            for (int v = 0; v < OV; ++v) {
                sum[i][k][v] = Vec::zero();
            }
        }
    }
    for (int n = 0; n < c.piece_count; ++n) {
        const Piece& piece = c.pieces[n];
        const float* x[IT][KT];
#pragma GCC unroll 16
        for (int i = 0; i < IT; ++i) {
#pragma GCC unroll 16
            for (int k = 0; k < KT; ++k) {
                x[i][k] = piece.x + (c.i + i) * piece.row + c.offsets[n][c.k + k];
            }
        }
        const float* g = c.gradient + (piece.t - c.begin) * OV * Vec::kLanes;
        for (std::int64_t t = 0; t < piece.positions; ++t, g += OV * Vec::kLanes) {
            Vec::Reg gradient[OV];
#pragma GCC unroll 16
            for (int v = 0; v < OV; ++v) {
                gradient[v] = Vec::load(g + v * Vec::kLanes);
            }
#pragma GCC unroll 16
            for (int i = 0; i < IT; ++i) {
#pragma GCC unroll 16
                for (int k = 0; k < KT; ++k) {
                    const Vec::Reg in = Vec::broadcast(x[i][k][t]);
#pragma GCC unroll 16
                    for (int v = 0; v < OV; ++v) {
                        sum[i][k][v] = Vec::multiply_add(in, gradient[v], sum[i][k][v]);
                    }
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < IT; ++i) {
#pragma GCC unroll 16
        for (int k = 0; k < KT; ++k) {
#pragma GCC unroll 16
            for (int v = 0; v < OV; ++v) {
                float* to = c.sums + i * c.sums_row + (k * OV + v) * Vec::kLanes;
                Vec::store(to, Vec::add(Vec::load(to), sum[i][k][v]));
            }
        }
    }
}

// Lanes over positions.
template <int OC, int KT>
void tile_over_positions(const WeightCall& c) {
    Vec::Reg sum[OC][KT];
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
#pragma GCC unroll 16
        for (int k = 0; k < KT; ++k) {
            sum[o][k] = Vec::zero();
        }
    }
    for (int n = 0; n < c.piece_count; ++n) {
        const Piece& piece = c.pieces[n];
        const float* x[KT];
#pragma GCC unroll 16
        for (int k = 0; k < KT; ++k) {
            x[k] = piece.x + c.i * piece.row + c.offsets[n][c.k + k];
        }
        const float* g = c.gradient + piece.t;
        std::int64_t t = 0;
        for (; t + Vec::kLanes <= piece.positions; t += Vec::kLanes) {
            Vec::Reg gradient[OC];
#pragma GCC unroll 16
            for (int o = 0; o < OC; ++o) {
                gradient[o] = Vec::load(g + o * c.gradient_row + t);
            }
#pragma GCC unroll 16
            for (int k = 0; k < KT; ++k) {
                const Vec::Reg in = Vec::load(x[k] + t);
#pragma GCC unroll 16
                for (int o = 0; o < OC; ++o) {
                    sum[o][k] = Vec::multiply_add(in, gradient[o], sum[o][k]);
                }
            }
        }
        if (t < piece.positions) {
            const int rest = static_cast<int>(piece.positions - t);
#pragma GCC unroll 16
            for (int k = 0; k < KT; ++k) {
                const Vec::Reg in = Vec::load_first(x[k] + t, rest);
#pragma GCC unroll 16
                for (int o = 0; o < OC; ++o) {
                    const Vec::Reg gradient = Vec::load_first(g + o * c.gradient_row + t, rest);
                    sum[o][k] = Vec::multiply_add(in, gradient, sum[o][k]);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
#pragma GCC unroll 16
        for (int k = 0; k < KT; ++k) {
            float* to = c.sums + o * c.sums_row + k * Vec::kLanes;
            Vec::store(to, Vec::add(Vec::load(to), sum[o][k]));
        }
    }
}

using WeightTile = void (*)(const WeightCall&);

template <int OV, int IT, int KT>
WeightTile channels_tile(std::int64_t taps) {
    if constexpr (KT > 1) {
        if (taps < KT) {
            return channels_tile<OV, IT, KT - 1>(taps);
        }
    }
    return tile_over_channels<OV, IT, KT>;
}

template <int OC, int KT>
WeightTile positions_tile(std::int64_t taps) {
    if constexpr (KT > 1) {
        if (taps < KT) {
            return positions_tile<OC, KT - 1>(taps);
        }
    }
    return tile_over_positions<OC, KT>;
}

// So many of the taps left that all tiles are alike.
inline std::int64_t even_share(std::int64_t left, std::int64_t most) {
    const std::int64_t tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

// Copies gradients [channels][positions] to [positions][lanes], zeros in the channels beyond.
inline void transpose_gradient(const float* g, std::int64_t row, std::int64_t channels,
                               std::int64_t positions, float* to, std::int64_t to_row) {
    constexpr int L = Vec::kLanes;
    for (std::int64_t t = 0; t < positions; t += L) {
        if (channels >= L && t + L <= positions) {
            Vec::transpose(g + t, row, to + t * to_row, to_row);
            continue;
        }
        float whole[L * L];
        const int width = static_cast<int>(smaller(L, positions - t));
        for (int o = 0; o < L; ++o) {
            const Vec::Reg values =
                o < channels ? Vec::load_first(g + o * row + t, width) : Vec::zero();
            Vec::store(whole + o * L, values);
        }
        float turned[L * L];
        Vec::transpose(whole, L, turned, L);
        for (int j = 0; j < width; ++j) {
            Vec::store(to + (t + j) * to_row, Vec::load(turned + j * L));
        }
    }
}

inline float row_sum(const float* g, std::int64_t n) {
    Vec::Reg sums[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
    std::int64_t t = 0;
    for (; t + 4 * Vec::kLanes <= n; t += 4 * Vec::kLanes) {
        for (int v = 0; v < 4; ++v) {
            sums[v] = Vec::add(sums[v], Vec::load(g + t + v * Vec::kLanes));
        }
    }
    for (; t < n; t += Vec::kLanes) {
        const int rest = static_cast<int>(smaller(Vec::kLanes, n - t));
        sums[0] = Vec::add(sums[0], Vec::load_first(g + t, rest));
    }
    return Vec::add_lanes(Vec::add(Vec::add(sums[0], sums[1]), Vec::add(sums[2], sums[3])));
}

// One group of one item, lanes over output channels. sums: [block][i][k][block's channels].
inline void group_over_channels(const WeightTask& p, WeightCall call, const float* gradient,
                                std::int64_t begin, std::int64_t end, float* turned, float* sums) {
    constexpr int L = Vec::kLanes;
    const Reach& r = p.reach;
    for (std::int64_t o = 0; o < p.group_out;) {
        const std::int64_t left = p.group_out - o;
        const int vectors = left > L ? 2 : 1;
        for (int v = 0; v < vectors; ++v) {
            transpose_gradient(gradient + (o + v * L) * r.out_length + begin, r.out_length,
                               left - v * L, end - begin, turned + v * L, vectors * L);
        }
        call.gradient = turned;
        call.sums_row = r.kernel * vectors * L;
        const bool paired = r.kernel <= WeightTiles::kTapsInPairs;
        for (std::int64_t i = 0; i < p.group_in;) {
            const bool pair = paired && i + 1 < p.group_in;
            call.i = i;
            for (std::int64_t k = 0; k < r.kernel;) {
                constexpr int kTwo = WeightTiles::kTapsInPairs;
                constexpr int kOne = WeightTiles::kTaps;
                const std::int64_t taps = even_share(r.kernel - k, pair ? kTwo : kOne);
                const WeightTile tile = vectors == 2 ? (pair ? channels_tile<2, 2, kTwo>(taps)
                                                             : channels_tile<2, 1, kOne>(taps))
                                                     : (pair ? channels_tile<1, 2, kTwo>(taps)
                                                             : channels_tile<1, 1, kOne>(taps));
                call.k = k;
                call.sums = sums + i * call.sums_row + k * vectors * L;
                tile(call);
                k += taps;
            }
            i += pair ? 2 : 1;
        }
        sums += p.group_in * call.sums_row;
        o += vectors * L;
    }
}

// The same, lanes over positions. sums: [o][i][k][lanes].
inline void group_over_positions(const WeightTask& p, WeightCall call, const float* gradient,
                                 float* sums) {
    constexpr int OC = WeightTiles::kChannels;
    constexpr int kTogether = WeightTiles::kTapsOfChannels;
    constexpr int kAlone = 8;
    const Reach& r = p.reach;
    call.gradient_row = r.out_length;
    call.sums_row = p.group_in * r.kernel * Vec::kLanes;
    for (std::int64_t o = 0; o < p.group_out;) {
        const bool together = o + OC <= p.group_out;
        call.gradient = gradient + o * r.out_length;
        for (std::int64_t i = 0; i < p.group_in; ++i) {
            call.i = i;
            for (std::int64_t k = 0; k < r.kernel;) {
                const std::int64_t taps = even_share(r.kernel - k, together ? kTogether : kAlone);
                call.k = k;
                call.sums = sums + ((o * p.group_in + i) * r.kernel + k) * Vec::kLanes;
                (together ? positions_tile<OC, kTogether>(taps)
                          : positions_tile<1, kAlone>(taps))(call);
                k += taps;
            }
        }
        o += together ? OC : 1;
    }
}

void weight_gradient_items(const WeightTask& p, float* scratch, float* sums, std::int64_t first,
                           std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const Reach& r = p.reach;
    const std::int64_t padded_out = (p.group_out + L - 1) / L * L;
    const std::int64_t group_sums =
        (p.over_positions ? p.group_out * L : padded_out) * p.group_in * r.kernel;
    float* bias_sums = sums + p.groups * group_sums;
    float* slabs = scratch + (p.over_positions ? 0 : p.positions_per_item * 2 * L);
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t begin = item % p.position_items * p.positions_per_item;
        const std::int64_t end = smaller(begin + p.positions_per_item, r.out_length);
        const std::int64_t sample = item / p.position_items;
        for (std::int64_t group = 0; group < p.groups; ++group) {
            const std::int64_t o = (sample * p.groups + group) * p.group_out;
            const std::int64_t i = (sample * p.groups + group) * p.group_in;
            const float* gradient = p.gradient + o * r.out_length;
            Piece pieces[kMostPieces];
            std::int64_t offsets[kMostPieces][kMostTaps];
            WeightCall call{};
            call.pieces = pieces;
            call.piece_count =
                split_into_pieces(p, p.input + i * r.length, begin, end, slabs, pieces);
            call.offsets = offsets;
            call.begin = begin;
            for (int n = 0; n < call.piece_count; ++n) {
                fill_offsets(r, pieces[n].positions, offsets[n]);
            }
            if (p.over_positions) {
                group_over_positions(p, call, gradient, sums + group * group_sums);
            } else {
                group_over_channels(p, call, gradient, begin, end, scratch,
                                    sums + group * group_sums);
            }
            for (std::int64_t c = 0; p.bias && c < p.group_out; ++c) {
                bias_sums[group * p.group_out + c] +=
                    row_sum(gradient + c * r.out_length + begin, end - begin);
            }
        }
    }
}

}  // namespace
