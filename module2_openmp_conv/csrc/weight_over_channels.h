// The gradient of the weights, lanes over output channels, from a transposed copy of the item's
// gradients: OV vectors of them × IT input channels × KT taps of sums stay in registers over all
// positions of the item, each input sample is broadcast. Bound aimed at: multiply-add throughput.
//
// One vector alone would ask for an input per multiply-add. Where taps are neighbours, the
// gradients of kHeld positions are held and an input serves all of these that it meets: with 2
// channels and 7 taps, 24 loads per 56 multiply-adds.
#pragma once

#include "weight_pieces.h"

namespace {

template <int OV, int IT, int KT>
void tile_over_channels(const WeightCall& c) {
    TileSums<IT, KT, OV> sum{};
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
    add_to_sums<IT, KT, OV>(c, sum);
}

// One vector of output channels; taps are neighbours in the input.
template <int IT, int KT>
void tile_of_held_gradients(const WeightCall& c) {
    constexpr int kHeld = 4;
    TileSums<IT, KT, 1> sum{};
    for (int n = 0; n < c.piece_count; ++n) {
        const Piece& piece = c.pieces[n];
        const float* x[IT];
#pragma GCC unroll 16
        for (int i = 0; i < IT; ++i) {
            x[i] = piece.x + (c.i + i) * piece.row + c.k;
        }
        const float* g = c.gradient + (piece.t - c.begin) * Vec::kLanes;
        std::int64_t t = 0;
        for (; t + kHeld <= piece.positions; t += kHeld, g += kHeld * Vec::kLanes) {
            Vec::Reg gradient[kHeld];
#pragma GCC unroll 16
            for (int h = 0; h < kHeld; ++h) {
                gradient[h] = Vec::load(g + h * Vec::kLanes);
            }
#pragma GCC unroll 16
            for (int i = 0; i < IT; ++i) {
#pragma GCC unroll 32
                for (int at = 0; at < kHeld + KT - 1; ++at) {
                    const Vec::Reg in = Vec::broadcast(x[i][t + at]);
#pragma GCC unroll 16
                    for (int h = 0; h < kHeld; ++h) {
                        if (at >= h && at - h < KT) {
                            sum[i][at - h][0] =
                                Vec::multiply_add(in, gradient[h], sum[i][at - h][0]);
                        }
                    }
                }
            }
        }
        for (; t < piece.positions; ++t, g += Vec::kLanes) {
            const Vec::Reg gradient = Vec::load(g);
#pragma GCC unroll 16
            for (int i = 0; i < IT; ++i) {
#pragma GCC unroll 16
                for (int k = 0; k < KT; ++k) {
                    sum[i][k][0] =
                        Vec::multiply_add(Vec::broadcast(x[i][t + k]), gradient, sum[i][k][0]);
                }
            }
        }
    }
    add_to_sums<IT, KT, 1>(c, sum);
}

template <int IT, int KT>
WeightTile held_tile(std::int64_t taps) {
    if constexpr (KT > 1) {
        if (taps < KT) {
            return held_tile<IT, KT - 1>(taps);
        }
    }
    return tile_of_held_gradients<IT, KT>;
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

// Input channels that one tile takes, its most taps, and the tile for so many of these.
struct ChannelBlock {
    int channels;
    int most_taps;
    WeightTile (*tile)(std::int64_t taps);
};

inline ChannelBlock channel_block(const Reach& r, int vectors, std::int64_t channels_left) {
    constexpr int kTwo = WeightTiles::kTapsInPairs;
    constexpr int kOne = WeightTiles::kTaps;
    if constexpr (WeightTiles::kHoldsGradients) {
        if (vectors == 1 && reads_in_place(r) && r.dilation == 1 && channels_left > 1) {
            if (r.kernel <= kTwo && channels_left > 3) {
                return {4, kTwo, held_tile<4, kTwo>};
            }
            return {2, kOne, held_tile<2, kOne>};
        }
    }
    const bool pair = r.kernel <= kTwo && channels_left > 1;
    if (vectors == 2) {
        return pair ? ChannelBlock{2, kTwo, channels_tile<2, 2, kTwo>}
                    : ChannelBlock{1, kOne, channels_tile<2, 1, kOne>};
    }
    return pair ? ChannelBlock{2, kTwo, channels_tile<1, 2, kTwo>}
                : ChannelBlock{1, kOne, channels_tile<1, 1, kOne>};
}

// Copies gradients [channels][positions] to [positions][lanes], zeros in the channels beyond.
inline void transpose_gradient(const float* g, std::int64_t row, std::int64_t channels,
                               std::int64_t positions, float* to, std::int64_t to_row) {
    constexpr int L = Vec::kLanes;
    for (std::int64_t t = 0; t < positions; t += L) {
        const int width = static_cast<int>(smaller(L, positions - t));
        Vec::Reg turned[L];
#pragma GCC unroll 16
        for (int o = 0; o < L; ++o) {
            const float* from = g + o * row + t;
            turned[o] = o >= channels ? Vec::zero()
                        : width == L  ? Vec::load(from)
                                      : Vec::load_first(from, width);
        }
        Vec::transpose(turned);
#pragma GCC unroll 16
        for (int j = 0; j < L; ++j) {
            if (j < width) {
                Vec::store(to + (t + j) * to_row, turned[j]);
            }
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
        for (std::int64_t i = 0; i < p.group_in;) {
            const ChannelBlock block = channel_block(r, vectors, p.group_in - i);
            call.i = i;
            for (std::int64_t k = 0; k < r.kernel;) {
                const std::int64_t taps = even_share(r.kernel - k, block.most_taps);
                call.k = k;
                call.sums = sums + i * call.sums_row + k * vectors * L;
                block.tile(taps)(call);
                k += taps;
            }
            if (o == 0 && call.ahead.x != nullptr) {
                const std::int64_t done = i + block.channels;
                const std::int64_t o_begin = p.group_out * i / p.group_in;
                const std::int64_t o_end = p.group_out * done / p.group_in;
                prefetch_rows(call.ahead.x + i * r.length, r.length, done - i,
                              call.ahead.positions);
                prefetch_rows(call.ahead.gradient + o_begin * r.out_length, r.out_length,
                              o_end - o_begin, call.ahead.positions);
            }
            i += block.channels;
        }
        sums += p.group_in * call.sums_row;
        o += vectors * L;
    }
}

}  // namespace
