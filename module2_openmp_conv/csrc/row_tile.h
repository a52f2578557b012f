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

// What tap k of vector v reads. at: the first tap's first input, or null where inputs are known by
// their vectors alone.
template <int K, bool kEdge, int k>
[[gnu::always_inline]] inline Vec::Reg tap_input(const float* at, const Vec::Reg* window, int v) {
    constexpr int kWhole = k / Vec::kLanes;
    constexpr int kShift = k % Vec::kLanes;
    if constexpr (kShift > 0 && !kEdge && Vec::loads_tap(K, k)) {
        return Vec::load(at + k + v * Vec::kLanes);
    } else if constexpr (kShift > 0) {
        return Vec::template shifted<kShift>(window[v + kWhole], window[v + kWhole + 1]);
    } else {
        return window[v + kWhole];
    }
}

// Adds tap k, and those after it, of one input channel to the sums.
template <int K, int V, bool kEdge, int k = 0>
[[gnu::always_inline]] inline void add_taps(const float* w, const float* at, const Vec::Reg* window,
                                            Vec::Reg* sum) {
    if constexpr (k < K) {
        const Vec::Reg tap = Vec::broadcast(w[k]);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            sum[v] = Vec::multiply_add(tap, tap_input<K, kEdge, k>(at, window, v), sum[v]);
        }
        add_taps<K, V, kEdge, k + 1>(w, at, window, sum);
    }
}

// The same for vector v alone.
template <int K, bool kEdge, int k = 0>
[[gnu::always_inline]] inline Vec::Reg taps_added(const Vec::Reg* tap, const float* at,
                                                  const Vec::Reg* window, int v, Vec::Reg sum) {
    if constexpr (k < K) {
        const Vec::Reg in = tap_input<K, kEdge, k>(at, window, v);
        return taps_added<K, kEdge, k + 1>(tap, at, window, v, Vec::multiply_add(tap[k], in, sum));
    }
    return sum;
}

constexpr int kRowVectors = 4;

constexpr int row_windows(int taps) {
    return kRowVectors + (taps - 1 + Vec::kLanes - 1) / Vec::kLanes;
}

// Where a row's tiles lie: inside; where the first taps, or the last, reach past the row's end;
// anywhere, the last of them shorter than the others.
enum class RowPart { kInside, kFirst, kLast, kAny };

// What the taps of an input channel's V vectors read, from place `at` of its row on. No loop: GCC
// would make a copy in memory of it.
template <int K, RowPart kPart, int n = 0>
[[gnu::always_inline]] inline void load_windows(const float* x, std::int64_t length,
                                                std::int64_t at, Vec::Reg* window) {
    if constexpr (n < row_windows(K)) {
        constexpr int V = kRowVectors;
        constexpr bool kMasked = kPart == RowPart::kAny ||
                                 (kPart == RowPart::kFirst && n < row_windows(K) - V) ||
                                 (kPart == RowPart::kLast && n >= V);
        const std::int64_t from = at + n * Vec::kLanes;
        window[n] = kMasked ? load_window(x, length, from) : Vec::load(x + from);
        load_windows<K, kPart, n + 1>(x, length, at, window);
    }
}

// One vector of outputs, of which so many are left in the row.
template <RowPart kPart>
[[gnu::always_inline]] inline void store_row(float* y, Vec::Reg out, std::int64_t left) {
    if (kPart != RowPart::kAny || left >= Vec::kLanes) {
        Vec::store(y, out);
    } else if (left > 0) {
        Vec::store_first(y, out, static_cast<int>(left));
    }
}

// How an output's terms are summed: of one input channel and few taps, vector by vector, so that
// stores come one by one between the multiply-adds and hide behind them (held_inputs.h); as one
// chain; as several (chain.h).
enum class RowSum { kFewTaps, kChain, kChains };
constexpr int kFewRowTaps = 7;

// Tiles from `begin` on.
template <int K, RowSum kSum, RowPart kPart>
[[gnu::noinline]] void row_tiles(const RowCall& call, std::int64_t begin, std::int64_t end) {
    const RowCall c = call;  // no store of an output can change this one
    constexpr int V = kRowVectors;
    constexpr bool kEdge = kPart != RowPart::kInside;
    constexpr bool kChained = kSum == RowSum::kChains;
    constexpr std::int64_t kChannels = kChained ? chain_channels(K) : 1;
    const Vec::Reg bias = Vec::broadcast(c.bias);
    for (std::int64_t t = begin; t < end; t += V * Vec::kLanes) {
        const float* x = c.x;
        const std::int64_t at = t - c.padding;
        Vec::Reg window[row_windows(K)];
        if constexpr (kSum == RowSum::kFewTaps) {
            Vec::Reg tap[K];
#pragma GCC unroll 16
            for (int k = 0; k < K; ++k) {
                tap[k] = Vec::broadcast(c.w[k]);
            }
            load_windows<K, kPart>(x, c.length, at, window);
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                const Vec::Reg sum =
                    taps_added<K, kEdge>(tap, kEdge ? nullptr : x + at, window, v, Vec::zero());
                store_row<kPart>(c.y + t + v * Vec::kLanes, output_of(sum, bias, c.relu),
                                 end - t - v * Vec::kLanes);
            }
        } else {
            Vec::Reg sum[1][V];
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                sum[0][v] = Vec::zero();
            }
            [[maybe_unused]] Chains<1, kChained ? V : 1> chains;
            const float* w = c.w;
            for (std::int64_t left = c.in_channels; left > 0; left -= kChained ? kChannels : left) {
                const std::int64_t channels = kChained ? smaller(left, kChannels) : left;
                for (std::int64_t i = channels; i > 0; --i, x += c.length, w += K) {
                    load_windows<K, kPart>(x, c.length, at, window);
                    add_taps<K, V, kEdge>(w, kEdge ? nullptr : x + at, window, sum[0]);
                }
                if constexpr (kChained) {
                    chains.add(sum, left == c.in_channels, left <= kChannels);
                }
            }
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                store_row<kPart>(c.y + t + v * Vec::kLanes, output_of(sum[0][v], bias, c.relu),
                                 end - t - v * Vec::kLanes);
            }
        }
    }
}

template <int K, RowSum kSum>
void row_tile(const RowCall& c) {
    constexpr std::int64_t kWidth = kRowVectors * Vec::kLanes;
    constexpr std::int64_t kRead = row_windows(K) * Vec::kLanes;
    // A short row, or one padded by more than its taps reach.
    if (c.end - larger(c.begin, c.padding) < kWidth || c.length < kRead || c.padding >= K ||
        c.out_length > c.length + c.padding) {
        row_tiles<K, kSum, RowPart::kAny>(c, c.begin, c.end);
        return;
    }
    std::int64_t t = c.begin;
    for (; t < c.end && t < c.padding; t += kWidth) {
        const std::int64_t at = smaller(t, c.end - kWidth);
        row_tiles<K, kSum, RowPart::kFirst>(c, at, at + kWidth);
    }
    // Whole tiles that read nothing but the row.
    const std::int64_t most = smaller(c.end, c.length + c.padding - kRead + kWidth);
    const std::int64_t inside = larger(most - t, 0) / kWidth * kWidth;
    row_tiles<K, kSum, RowPart::kInside>(c, t, t + inside);
    for (t += inside; t < c.end; t += kWidth) {
        const std::int64_t at = smaller(t, c.end - kWidth);
        row_tiles<K, kSum, RowPart::kLast>(c, at, at + kWidth);
    }
}

using RowFunction = void (*)(const RowCall&);

template <int K>
RowFunction row_tile_for(const ForwardTask& p) {
    if constexpr (K <= kFewRowTaps) {
        if (p.group_in == 1) {
            return row_tile<K, RowSum::kFewTaps>;
        }
    }
    return chained(p.group_in, K) ? row_tile<K, RowSum::kChains> : row_tile<K, RowSum::kChain>;
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
