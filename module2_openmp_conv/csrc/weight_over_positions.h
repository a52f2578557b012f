// The gradient of the weights, lanes over positions, for few output channels: OC channels × KT taps
// of sums, whose lanes are added up only at the very end. Bound aimed at: multiply-add throughput;
// of few taps, the loads, most of them across a cache line; of many groups, memory.
#pragma once

#include "weight_pieces.h"

namespace {

template <int OC, int KT>
void tile_over_positions(const WeightCall& c) {
    TileSums<OC, KT, 1> sum{};
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
            const std::int64_t at = piece.t + t;
            if (c.ahead.x != nullptr) {
                __builtin_prefetch(c.ahead.x + at, 0, 2);
            }
            if (c.ahead.gradient != nullptr) {
#pragma GCC unroll 16
                for (int o = 0; o < OC; ++o) {
                    __builtin_prefetch(c.ahead.gradient + o * c.gradient_row + at, 0, 2);
                }
            }
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
                    sum[o][k][0] = Vec::multiply_add(in, gradient[o], sum[o][k][0]);
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
                    sum[o][k][0] = Vec::multiply_add(in, gradient, sum[o][k][0]);
                }
            }
        }
    }
    add_to_sums<OC, KT, 1>(c, sum);
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

// One group of one item. sums: [o][i][k][lanes].
inline void group_over_positions(const WeightTask& p, WeightCall call, const float* gradient,
                                 float* sums) {
    constexpr int OC = WeightTiles::kChannels;
    constexpr int kTogether = WeightTiles::kTapsOfChannels;
    constexpr int kAlone = 8;
    const Reach& r = p.reach;
    call.gradient_row = r.out_length;
    call.sums_row = p.group_in * r.kernel * Vec::kLanes;
    const Ahead ahead = call.ahead;
    for (std::int64_t o = 0; o < p.group_out;) {
        const bool together = o + OC <= p.group_out;
        call.gradient = gradient + o * r.out_length;
        for (std::int64_t i = 0; i < p.group_in; ++i) {
            call.i = i;
            for (std::int64_t k = 0; k < r.kernel;) {
                const std::int64_t taps = even_share(r.kernel - k, together ? kTogether : kAlone);
                // Each line of the next group's rows is asked for once.
                const bool asks_x = ahead.x != nullptr && o == 0 && k == 0;
                const bool asks_gradient = ahead.gradient != nullptr && i == 0 && k == 0;
                call.ahead.x = asks_x ? ahead.x + i * r.length : nullptr;
                call.ahead.gradient = asks_gradient ? ahead.gradient + o * r.out_length : nullptr;
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

}  // namespace
