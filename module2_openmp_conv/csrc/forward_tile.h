// The forward convolution's register tile and its loop over work items, written once for every
// instruction set. Included by each one's file after `Vec` and `Tiles`, without STL: no function
// compiled for one instruction set may be merged by the linker into another's path.
//
// Blocking: OC output channels × V vectors of output positions stay in registers while all input
// channels and taps are summed; one load of the input serves OC multiply-adds, one broadcast
// weight serves V. Weights are packed in the order they are read. An item's tiles are computed for
// one block of channels after the other, so that its input stays in L1 while weights stream from
// L2. Each output is summed in the order (input channel, tap), whatever the tile, in chains of
// about kChain terms (chain.h): the bits depend neither on the tile nor on the number of threads.
//
// An output larger than the caches is staged and written past them (outflow.h).
//
// Padding is not copied with the whole input: only the tiles whose taps reach past an end of a row
// read from a slab (slab.h), all others read in place.
#pragma once

#include "chain.h"
#include "channel_tile.h"
#include "outflow.h"
#include "padded_rows.h"
#include "row_tile.h"
#include "slab.h"
#include "tile_call.h"

namespace {

// kChained: the sum is of more terms than one chain may have. The number of taps is no parameter:
// unrolled for 3, 5 or 7 of them, GCC spills registers (AVX2: 67–81 % of the peak instead of
// 79–91 %).
template <int OC, int V, bool kChained>
void tile(const TileCall& c) {
    const std::int64_t kernel = c.kernel;
    Vec::Reg sum[OC][V];
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            sum[o][v] = Vec::zero();
        }
    }
    [[maybe_unused]] Chains<kChained ? OC : 1, kChained ? V : 1> chains;
    const std::int64_t chain = kChained ? chain_channels(kernel) : c.in_channels;
    const float* x = c.x;
    const float* w = c.w;
    const std::int64_t* offsets = c.offsets;
    const std::int64_t row = c.row;
    // The next tile's input is asked for channel by channel, while this one's is multiplied: all at
    // once it would be waited for. A tile that starts inside a line ends in one more.
    constexpr std::int64_t kAhead = V * Vec::kLanes + 64 / sizeof(float);
    const float* ahead = c.ahead;
    for (std::int64_t left = c.in_channels; left > 0; left -= chain) {
        for (std::int64_t i = smaller(left, chain); i > 0; --i, x += row) {
            if (ahead != nullptr) {
                prefetch_rows(ahead, 0, 1, kAhead);
                ahead += c.ahead_row;
            }
#pragma GCC unroll 8
            for (std::int64_t k = 0; k < kernel; ++k, w += OC) {
                add_tap(x + offsets[k], w, sum);
            }
        }
        if constexpr (kChained) {
            chains.add(sum, left == c.in_channels, left <= chain);
        }
    }
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
        float* y = c.y + o * c.y_row;
        const Vec::Reg bias = c.bias ? Vec::broadcast(c.bias[o]) : Vec::zero();
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            const Vec::Reg out = output_of(sum[o][v], bias, c.relu);
            const std::int64_t left = c.positions - v * Vec::kLanes;
            if (left >= Vec::kLanes) {
                Vec::store(y + v * Vec::kLanes, out);
            } else {
                Vec::store_first(y + v * Vec::kLanes, out, static_cast<int>(larger(left, 0)));
            }
        }
    }
}

// The tile for so many channels, the least of its widths that holds `vectors`.
template <int OC, int V, bool kChained>
TileFunction tile_function(std::int64_t channels, std::int64_t vectors) {
    if constexpr (OC > 1) {
        if (channels < OC) {
            return tile_function<OC / 2, Tiles::vectors(OC / 2), kChained>(channels, vectors);
        }
    }
    if constexpr (V > 1) {
        if (vectors < V) {
            return tile_function<OC, V - 1, kChained>(channels, vectors);
        }
    }
    return tile<OC, V, kChained>;
}

// Whether a block of so many channels is computed with its lanes over them. Blocks of a vector are
// made for that alone (drivers.cpp): all others are smaller.
constexpr bool over_channels(std::int64_t block) {
    static_assert(!Tiles::kOverChannels || Tiles::kMostChannels < Vec::kLanes);
    return Tiles::kOverChannels && block == Vec::kLanes;
}

TileFunction tile_function_of(const ForwardTask& p, std::int64_t channels, std::int64_t vectors) {
    if constexpr (Tiles::kOverChannels) {
        if (over_channels(channels)) {
            const bool is_chained = chained(p.group_in, p.reach.kernel);
            switch (tile_dilation(p.reach)) {
                case 2:
                    return channel_tile_for<2>(is_chained);
                case 4:
                    return channel_tile_for<4>(is_chained);
                default:
                    return channel_tile_for<1>(is_chained);
            }
        }
    }
    constexpr int OC = Tiles::kMostChannels;
    constexpr int V = Tiles::vectors(OC);
    return chained(p.group_in, p.reach.kernel) ? tile_function<OC, V, true>(channels, vectors)
                                               : tile_function<OC, V, false>(channels, vectors);
}

// Where the first tile of an item that comes later reads, for prefetching: a place in its input.
inline const float* first_read(const ForwardTask& p, std::int64_t item) {
    const Reach& r = p.reach;
    const std::int64_t span = p.tiles_per_item * p.tile_vectors * Vec::kLanes;
    const std::int64_t part = item / p.channel_items;
    const std::int64_t at = (part % p.tile_items * span * r.stride - r.padding) / r.upsampling;
    return p.input + part / p.tile_items * p.group_in * r.length + larger(at, 0);
}

void forward_items(const ForwardTask& p, float* slabs, std::int64_t first, std::int64_t last) {
    if (const RowFunction row_function = row_function_of(p)) {
        row_items(p, row_function, first, last);
        return;
    }
    if (p.padded_rows) {
        padded_items(p, slabs, first, last);
        return;
    }
    struct Placed {
        const float* x;
        std::int64_t row;
        std::int64_t t;
        std::int64_t positions;
    } placed[kMostTiles];
    const Reach& r = p.reach;
    const std::int64_t width = p.tile_vectors * Vec::kLanes;
    const std::int64_t reach = (r.kernel - 1) * r.dilation;
    std::int64_t offsets[kMostTaps];
    fill_offsets(r, width, offsets);
    float* staged = slabs + p.tiles_per_item * p.group_in * p.slab_row;
    float* staged_next = staged + p.staged_floats / 2;
    Outflow outflow;

    for (std::int64_t item = first; item < last; ++item) {
        std::int64_t rest = item;
        const std::int64_t channel_begin = rest % p.channel_items * p.channels_per_item;
        const std::int64_t channel_end = smaller(channel_begin + p.channels_per_item, p.group_out);
        rest /= p.channel_items;
        const std::int64_t begin = rest % p.tile_items * p.tiles_per_item * width;
        const std::int64_t end = smaller(begin + p.tiles_per_item * width, r.out_length);
        rest /= p.tile_items;
        const std::int64_t group = rest % p.groups;
        const std::int64_t sample = rest / p.groups;

        const float* input = p.input + (sample * p.groups + group) * p.group_in * r.length;
        std::int64_t tiles = 0;
        for (std::int64_t t = begin; t < end; t += width, ++tiles) {
            const std::int64_t at = t - r.padding;
            Placed& to = placed[tiles];
            to.t = t;
            to.positions = smaller(width, end - t);
            if (reads_in_place(r) && at >= 0 && at + width + reach <= r.length) {
                to.x = input + at;
                to.row = r.length;
            } else {
                float* slab = slabs + tiles * p.group_in * p.slab_row;
                // Strided runs lie where a whole tile's would: its offsets are used.
                const std::int64_t read =
                    r.stride > 1 ? width : rounded_up(to.positions, Vec::kLanes);
                fill_slab(r, input, p.group_in, t, read, slab, p.slab_row);
                to.x = slab;
                to.row = p.slab_row;
            }
        }
        for (std::int64_t c = channel_begin; c < channel_end;) {
            const std::int64_t block = block_channels(p.channel_block, channel_end - c);
            const std::int64_t o = group * p.group_out + c;
            TileCall call{};
            call.offsets = offsets;
            call.in_channels = p.group_in;
            call.kernel = r.kernel;
            call.w = p.packed + o * p.group_in * r.kernel;
            call.bias = p.bias ? p.bias + o : nullptr;
            call.y_row = r.out_length;
            call.ahead_row = r.length;
            call.relu = p.relu;
            float* y = p.out + (sample * p.groups * p.group_out + o) * r.out_length;
            float* y_at_begin = y + begin;
            if (p.stream) {
                call.y_row = end - begin;
                y = staged - begin;
            }
            const std::int64_t lines = p.stream ? divided_up(outflow.lines(), tiles) : 0;
            const TileFunction full = tile_function_of(p, block, p.tile_vectors);
            for (std::int64_t n = 0; n < tiles; ++n) {
                call.x = placed[n].x;
                call.row = placed[n].row;
                call.y = y + placed[n].t;
                call.positions = placed[n].positions;
                // The input that comes next, once, while the first block of channels is computed.
                if (c > channel_begin) {
                    call.ahead = nullptr;
                } else if (n + 1 < tiles) {
                    call.ahead =
                        input + larger(placed[n + 1].t * r.stride - r.padding, 0) / r.upsampling;
                } else {
                    call.ahead = item + p.channel_items < last
                                     ? first_read(p, item + p.channel_items)
                                     : nullptr;
                }
                if (call.positions == width) {
                    full(call);
                } else {
                    const std::int64_t vectors = divided_up(call.positions, Vec::kLanes);
                    tile_function_of(p, block, vectors)(call);
                }
                outflow.write(lines);
            }
            if (p.stream) {
                outflow.write_rest();
                // Whole rows of neighbouring channels are one run: fewer broken lines.
                const std::int64_t runs = end - begin == r.out_length ? 1 : block;
                outflow.begin(staged, y_at_begin, runs, (end - begin) * (block / runs),
                              r.out_length);
                float* const written = staged;
                staged = staged_next;
                staged_next = written;
            }
            c += block;
        }
    }
    if (p.stream) {
        outflow.write_rest();
        Vec::fence();
    }
}

}  // namespace
