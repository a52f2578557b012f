// The convolution to one output channel (a group's only one), for common numbers of taps.
//
// Blocking: V vectors of output positions stay in registers. Inputs are loaded once; a tap's
// neighbours are shifted out of two of them, or loaded where `Vec::loads_tap` says so: shuffles and
// loads that cross a cache line have ports of their own, and each alone would be the bottleneck.
// Bound aimed at: the multiply-adds; for few taps, the stores and the caches.
//
// Tiles at the ends of a row, with their masks, are functions of their own: in one loop with the
// others they cost each of them, too. A row's last tile ends where the row does and overlaps the
// one before, so that only vectors past the row's end are masked. Nothing is asked for ahead: rows
// lie one behind the other, and the hardware sees that.
#pragma once

#include "chain.h"
#include "slab.h"

namespace {

struct RowCall {
    const float* x;  // first input channel of the group
    std::int64_t length;
    std::int64_t padding;
    std::int64_t in_channels;
    const float* w;  // [in_channels][taps]
    float bias;
    bool relu;
    float* y;  // position 0 of the output row
    std::int64_t out_length;
    std::int64_t begin;  // positions to be computed
    std::int64_t end;
};

// Adds tap k, and those after it, of one input channel to the sums. at: the first tap's first
// input, or null where inputs are known by their vectors alone.
template <int K, int V, bool kEdge, int k = 0>
[[gnu::always_inline]] inline void add_taps(const float* w, const float* at, const Vec::Reg* window,
                                            Vec::Reg* sum) {
    if constexpr (k < K) {
        constexpr int kWhole = k / Vec::kLanes;
        constexpr int kShift = k % Vec::kLanes;
        const Vec::Reg tap = Vec::broadcast(w[k]);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            Vec::Reg in = window[v + kWhole];
            if constexpr (kShift > 0 && !kEdge && Vec::loads_tap(K, k)) {
                in = Vec::load(at + k + v * Vec::kLanes);
            } else if constexpr (kShift > 0) {
                in = Vec::template shifted<kShift>(in, window[v + kWhole + 1]);
            }
            sum[v] = Vec::multiply_add(tap, in, sum[v]);
        }
        add_taps<K, V, kEdge, k + 1>(w, at, window, sum);
    }
}

constexpr int kRowVectors = 4;

constexpr int row_windows(int taps) {
    return kRowVectors + (taps - 1 + Vec::kLanes - 1) / Vec::kLanes;
}

// Where a row's tiles lie: inside; where the first taps, or the last, reach past the row's end;
// anywhere, the last of them shorter than the others.
enum class RowPart { kInside, kFirst, kLast, kAny };

// Tiles from `begin` on. kChained: more input channels than one chain has.
template <int K, bool kChained, RowPart kPart>
[[gnu::noinline]] void row_tiles(const RowCall& c, std::int64_t begin, std::int64_t end) {
    constexpr int V = kRowVectors;
    constexpr int kWindows = row_windows(K);
    constexpr std::int64_t kChannels = kChained ? chain_channels(K) : 1;
    for (std::int64_t t = begin; t < end; t += V * Vec::kLanes) {
        Vec::Reg sum[1][V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            sum[0][v] = Vec::zero();
        }
        [[maybe_unused]] Chains<1, kChained ? V : 1> chains;
        const float* x = c.x;
        const float* w = c.w;
        const std::int64_t at = t - c.padding;
        for (std::int64_t left = c.in_channels; left > 0; left -= kChained ? kChannels : left) {
            const std::int64_t channels = kChained ? smaller(left, kChannels) : left;
            for (std::int64_t i = channels; i > 0; --i, x += c.length, w += K) {
                Vec::Reg window[kWindows];
#pragma GCC unroll 16
                for (int n = 0; n < kWindows; ++n) {
                    const std::int64_t from = at + n * Vec::kLanes;
                    const bool is_masked = kPart == RowPart::kAny ||
                                           (kPart == RowPart::kFirst && n < kWindows - V) ||
                                           (kPart == RowPart::kLast && n >= V);
                    window[n] = is_masked ? load_window(x, c.length, from) : Vec::load(x + from);
                }
                constexpr bool kEdge = kPart != RowPart::kInside;
                add_taps<K, V, kEdge>(w, kEdge ? nullptr : x + at, window, sum[0]);
            }
            if constexpr (kChained) {
                chains.add(sum, left == c.in_channels, left <= kChannels);
            }
        }
        const Vec::Reg bias = Vec::broadcast(c.bias);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            const Vec::Reg out = output_of(sum[0][v], bias, c.relu);
            const std::int64_t left = end - t - v * Vec::kLanes;
            if (kPart != RowPart::kAny || left >= Vec::kLanes) {
                Vec::store(c.y + t + v * Vec::kLanes, out);
            } else if (left > 0) {
                Vec::store_first(c.y + t + v * Vec::kLanes, out, static_cast<int>(left));
            }
        }
    }
}

template <int K, bool kChained>
void row_tile(const RowCall& c) {
    constexpr std::int64_t kWidth = kRowVectors * Vec::kLanes;
    constexpr std::int64_t kRead = row_windows(K) * Vec::kLanes;
    // A short row, or one padded by more than its taps reach.
    if (c.end - larger(c.begin, c.padding) < kWidth || c.length < kRead || c.padding >= K ||
        c.out_length > c.length + c.padding) {
        row_tiles<K, kChained, RowPart::kAny>(c, c.begin, c.end);
        return;
    }
    std::int64_t t = c.begin;
    for (; t < c.end && t < c.padding; t += kWidth) {
        const std::int64_t at = smaller(t, c.end - kWidth);
        row_tiles<K, kChained, RowPart::kFirst>(c, at, at + kWidth);
    }
    // Whole tiles that read nothing but the row.
    const std::int64_t most = smaller(c.end, c.length + c.padding - kRead + kWidth);
    const std::int64_t inside = larger(most - t, 0) / kWidth * kWidth;
    row_tiles<K, kChained, RowPart::kInside>(c, t, t + inside);
    for (t += inside; t < c.end; t += kWidth) {
        const std::int64_t at = smaller(t, c.end - kWidth);
        row_tiles<K, kChained, RowPart::kLast>(c, at, at + kWidth);
    }
}

using RowFunction = void (*)(const RowCall&);

template <int K>
RowFunction row_tile_for(const ForwardTask& p) {
    return chained(p.group_in, K) ? row_tile<K, true> : row_tile<K, false>;
}

// Null where there is none for so many taps.
inline RowFunction row_function_of(const ForwardTask& p) {
    if (p.group_out != 1 || !reads_in_place(p.reach) || p.reach.dilation != 1 || p.stream) {
        return nullptr;
    }
    switch (p.reach.kernel) {
        case 3:
            return row_tile_for<3>(p);
        case 5:
            return row_tile_for<5>(p);
        case 7:
            return row_tile_for<7>(p);
        case 15:
            return row_tile_for<15>(p);
        case 31:
            return row_tile_for<31>(p);
        default:
            return nullptr;
    }
}

// The items [first, last) of such a task: one after the other in memory, so that none is looked up.
inline void row_items(const ForwardTask& p, RowFunction function, std::int64_t first,
                      std::int64_t last) {
    const Reach& r = p.reach;
    const std::int64_t span = p.tiles_per_item * p.tile_vectors * Vec::kLanes;
    std::int64_t part = first % p.tile_items;
    const std::int64_t row = first / p.tile_items;
    std::int64_t group = row % p.groups;
    RowCall call{};
    call.x = p.input + row * p.group_in * r.length;
    call.length = r.length;
    call.padding = r.padding;
    call.in_channels = p.group_in;
    call.relu = p.relu;
    call.out_length = r.out_length;
    call.y = p.out + row * r.out_length;
    for (std::int64_t item = first; item < last; ++item) {
        call.w = p.packed + group * p.group_in * r.kernel;
        call.bias = p.bias ? p.bias[group] : 0.0f;
        call.begin = part * span;
        call.end = smaller(call.begin + span, r.out_length);
        function(call);
        if (++part == p.tile_items) {
            part = 0;
            call.x += p.group_in * r.length;
            call.y += r.out_length;
            group = group + 1 == p.groups ? 0 : group + 1;
        }
    }
}

}  // namespace
