// The convolution of few input channels to several output channels.
//
// Blocking: the register tile of forward_tile.h, OC output channels × V vectors of positions. With
// few multiply-adds a tile's own overhead would bind: tiles are a loop within one function, and no
// tile is at an end: where an item reads padding, its input rows are copied with it, few as they
// are. A row's last tile ends where the row does and overlaps the one before; masks are for items
// shorter than it. Few taps of one input channel have tiles of their own: held_inputs.h. Bound
// aimed at: the multiply-adds.
#pragma once

#include "chain.h"
#include "held_inputs.h"
#include "padded_call.h"
#include "slab.h"
#include "tile_call.h"

namespace {

template <int OC, int V, bool kMasked, bool kRelu>
[[gnu::always_inline]] inline void store_tile(const Vec::Reg (&sum)[OC][V],
                                              const Vec::Reg (&bias)[OC], float* y,
                                              std::int64_t y_row, std::int64_t positions) {
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o, y += y_row) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            const Vec::Reg out = output_of(sum[o][v], bias[o], kRelu);
            const std::int64_t left = positions - v * Vec::kLanes;
            if (!kMasked || left >= Vec::kLanes) {
                Vec::store(y + v * Vec::kLanes, out);
            } else {
                Vec::store_first(y + v * Vec::kLanes, out, static_cast<int>(larger(left, 0)));
            }
        }
    }
}

// Tiles from position `begin` on; only a masked one may reach past `end`. The call is a value of
// this function's own: no store of an output can change it.
template <int OC, int V, bool kMasked>
[[gnu::noinline]] void padded_tiles(const PaddedCall& call, std::int64_t begin, std::int64_t end) {
    const PaddedCall c = call;
    Vec::Reg bias[OC];
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
        bias[o] = c.bias ? Vec::broadcast(c.bias[o]) : Vec::zero();
    }
    for (std::int64_t t = begin; t < end; t += V * Vec::kLanes) {
        Vec::Reg sum[OC][V];
#pragma GCC unroll 16
        for (int o = 0; o < OC; ++o) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                sum[o][v] = Vec::zero();
            }
        }
        const float* w = c.w;
        const float* x = c.x + t;
        for (std::int64_t i = c.in_channels; i > 0; --i, x += c.row) {
            const float* at = x;
            for (std::int64_t k = c.kernel; k > 0; --k, at += c.dilation, w += OC) {
                add_tap(at, w, sum);
            }
        }
        float* y = c.y + t;
        if (c.relu) {
            store_tile<OC, V, kMasked, true>(sum, bias, y, c.y_row, end - t);
        } else {
            store_tile<OC, V, kMasked, false>(sum, bias, y, c.y_row, end - t);
        }
    }
}

template <int OC>
void padded_block(const PaddedCall& c) {
    if constexpr (OC > 1) {
        if (c.channels < OC) {
            padded_block<OC / 2>(c);
            return;
        }
    }
    visit_tiles<Tiles::vectors(OC)>(c.positions, [&c](auto tile, std::int64_t t, std::int64_t end) {
        padded_tiles<OC, tile.kVectors, tile.kMasked>(c, t, end);
    });
}

// Copies n floats of a row from a place of it on, in whole vectors; what lies outside is zero.
// For long rows: fill_slab, which has masks for all rows at once, takes a tenth longer with 1→16.
inline void copy_padded(const float* row, std::int64_t length, std::int64_t at, std::int64_t n,
                        float* to) {
    const std::int64_t inside = smaller(n, length - at) / Vec::kLanes * Vec::kLanes;
    std::int64_t j = 0;
    for (; j < n && at + j < 0; j += Vec::kLanes) {
        Vec::store(to + j, load_window(row, length, at + j));
    }
    for (; j < inside; j += Vec::kLanes) {
        Vec::store(to + j, Vec::load(row + at + j));
    }
    for (; j < n; j += Vec::kLanes) {
        Vec::store(to + j, load_window(row, length, at + j));
    }
}

// The items [first, last) of such a task. rows: an item's copied input.
inline void padded_items(const ForwardTask& p, float* rows, std::int64_t first, std::int64_t last) {
    const Reach& r = p.reach;
    const std::int64_t span = p.tiles_per_item * p.tile_vectors * Vec::kLanes;
    const HeldFunction held =
        p.held_inputs ? held_function_of<Tiles::kStreamedTaps>(r.kernel, p.stream) : nullptr;
    // So that a line that two tiles share stays in L1 from one to the other: of rows whole pages
    // apart, all would lie in one set of it.
    const std::int64_t at_once = r.out_length % 1024 == 0 ? 4 : 64;
    // What is streamed is whole lines: of rows that lie alike in these.
    constexpr std::int64_t kLine = 64 / sizeof(float);
    const std::int64_t lowest_bit = r.out_length & -r.out_length;
    const std::int64_t apart = p.stream ? kLine / smaller(lowest_bit, kLine) : 1;
    for (std::int64_t item = first; item < last; ++item) {
        std::int64_t rest = item;
        const std::int64_t channel_begin = rest % p.channel_items * p.channels_per_item;
        const std::int64_t channel_end = smaller(channel_begin + p.channels_per_item, p.group_out);
        rest /= p.channel_items;
        const std::int64_t begin = rest % p.tile_items * span;
        rest /= p.tile_items;  // sample · groups + group
        PaddedCall call{};
        call.in_channels = p.group_in;
        call.kernel = r.kernel;
        call.dilation = r.dilation;
        call.y_row = r.out_length;
        call.positions = smaller(span, r.out_length - begin);
        call.relu = p.relu;
        const float* input = p.input + rest * p.group_in * r.length;
        const std::int64_t at = begin - r.padding;
        // A masked tile reads whole vectors.
        const std::int64_t read = p.stream ? call.positions + Vec::kLanes
                                  : call.positions < Tiles::vectors(1) * Vec::kLanes
                                      ? rounded_up(call.positions, Vec::kLanes)
                                      : call.positions;
        if (at >= 0 && at + phase_row(r, read) <= r.length) {
            call.x = input + at;
            call.row = r.length;
        } else {
            call.x = rows;
            call.row = rounded_up(phase_row(r, read), Vec::kLanes);
            for (std::int64_t i = 0; i < p.group_in; ++i) {
                copy_padded(input + i * r.length, r.length, at, call.row, rows + i * call.row);
            }
        }
        for (std::int64_t c = channel_begin; c < channel_end; c += call.channels) {
            const std::int64_t o = rest % p.groups * p.group_out + c;
            call.w = p.packed + o * p.group_in * r.kernel;
            call.bias = p.bias ? p.bias + o : nullptr;
            call.y = p.out + (rest * p.group_out + c) * r.out_length + begin;
            if (held) {
                call.channels = channel_end - c;
                held_channels(call, held, apart, at_once);
            } else {
                call.channels = block_channels(p.channel_block, channel_end - c);
                padded_block<Tiles::kMostChannels>(call);
            }
        }
    }
    if (p.stream) {
        Vec::fence();
    }
}

}  // namespace
