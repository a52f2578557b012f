// The gradient of the weights, lanes over output channels, from a transposed copy of the item's
// gradients: OV vectors of them × IT input channels × KT taps of sums stay in registers over all
// positions of the item, each input sample is broadcast. Bound aimed at: multiply-add throughput.
#pragma once

#include "weight_pieces.h"

namespace {

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

template <int OV, int IT, int KT>
WeightTile channels_tile(std::int64_t taps) {
    if constexpr (KT > 1) {
        if (taps < KT) {
            return channels_tile<OV, IT, KT - 1>(taps);
        }
    }
    return tile_over_channels<OV, IT, KT>;
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
            if (o == 0 && call.ahead.x != nullptr) {
                const std::int64_t done = i + (pair ? 2 : 1);
                const std::int64_t o_begin = p.group_out * i / p.group_in;
                const std::int64_t o_end = p.group_out * done / p.group_in;
                prefetch_rows<false>(call.ahead.x + i * r.length, r.length, done - i,
                                     call.ahead.positions);
                prefetch_rows<false>(call.ahead.gradient + o_begin * r.out_length, r.out_length,
                                     o_end - o_begin, call.ahead.positions);
            }
            i += pair ? 2 : 1;
        }
        sums += p.group_in * call.sums_row;
        o += vectors * L;
    }
}

}  // namespace
