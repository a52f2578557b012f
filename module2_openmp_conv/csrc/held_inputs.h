// The convolution of one input channel to several output channels, of few taps.
//
// Blocking: what all taps of V vectors of positions read stays in registers, K × V inputs, while
// the output channels go by. A sum of few taps is stored as often as it is added to: stores that
// come one by one, between the multiply-adds, hide behind these; those of a whole tile at its end
// do not (Zen 4: 12 multiply-adds and 4 stores take 3.3 ns with the stores between them, 5.0 ns
// with these at the end). Bound aimed at: the multiply-adds.
#pragma once

#include "chain.h"
#include "padded_call.h"
#include "slab.h"

namespace {

// How a tile's outputs are stored: whole vectors, the first lanes of the last ones, or whole
// vectors past the caches.
enum class HeldStore { kPlain, kMasked, kStreamed };

// The first n lanes, if any. Masked stores to lines that are not in a cache are slow on Zen 4.
inline void store_lanes(float* to, Vec::Reg out, std::int64_t n) {
    alignas(64) float lanes[Vec::kLanes];
    Vec::store(lanes, out);
    std::int64_t lane = 0;
    for (; lane + 4 <= n; lane += 4) {
        __builtin_memcpy(to + lane, lanes + lane, 4 * sizeof(float));
    }
    for (; lane < n; ++lane) {
        to[lane] = lanes[lane];
    }
}

// Tiles from position `begin` on; only a masked one may reach past `end`.
template <int K, int V, HeldStore kStore, bool kRelu>
[[gnu::noinline]] void held_tiles(const PaddedCall& call, std::int64_t begin, std::int64_t end) {
    const PaddedCall c = call;  // no store of an output can change this one
    for (std::int64_t t = begin; t < end; t += V * Vec::kLanes) {
        Vec::Reg in[K][V];
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                in[k][v] = Vec::load(c.x + t + k * c.dilation + v * Vec::kLanes);
            }
        }
        const float* w = c.w;
        const float* b = c.bias;
        float* y = c.y + t;
        for (std::int64_t o = 0; o < c.channels; ++o, w += K * c.channel_step, y += c.y_row) {
            const Vec::Reg bias = b ? Vec::broadcast(b[o * c.channel_step]) : Vec::zero();
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                Vec::Reg sum = Vec::zero();
#pragma GCC unroll 16
                for (int k = 0; k < K; ++k) {
                    sum = Vec::multiply_add(Vec::broadcast(w[k]), in[k][v], sum);
                }
                const Vec::Reg out = output_of(sum, bias, kRelu);
                float* to = y + v * Vec::kLanes;
                const std::int64_t left = end - t - v * Vec::kLanes;
                if constexpr (kStore == HeldStore::kStreamed) {
                    Vec::stream(to, out);
                } else if (kStore == HeldStore::kPlain || left >= Vec::kLanes) {
                    Vec::store(to, out);
                } else {
                    store_lanes(to, out, left);
                }
            }
        }
    }
}

template <int K, int V, HeldStore kStore>
inline void held_tiles(const PaddedCall& c, std::int64_t begin, std::int64_t end) {
    if (c.relu) {
        held_tiles<K, V, kStore, true>(c, begin, end);
    } else {
        held_tiles<K, V, kStore, false>(c, begin, end);
    }
}

template <int K>
void held_item(const PaddedCall& c) {
    visit_tiles<Tiles::kHeldVectors>(
        c.positions, [&c](auto tile, std::int64_t t, std::int64_t end) {
            constexpr HeldStore kStore = tile.kMasked ? HeldStore::kMasked : HeldStore::kPlain;
            held_tiles<K, tile.kVectors, kStore>(c, t, end);
        });
}

// The same past the caches, of rows that lie alike in their lines: tiles are those whole lines.
// Reads up to a vector beyond the item.
template <int K>
void streamed_item(const PaddedCall& c) {
    constexpr std::int64_t kLine = 64 / sizeof(float);
    constexpr int V = Vec::kLanes == kLine ? Tiles::kHeldVectors : kLine / Vec::kLanes;
    const std::int64_t past =
        static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(c.y) / sizeof(float) % kLine);
    std::int64_t t = smaller((kLine - past) % kLine, c.positions);
    if (t > 0) {
        held_tiles<K, 1, HeldStore::kMasked>(c, 0, t);
    }
    const std::int64_t whole = t + (c.positions - t) / (V * Vec::kLanes) * (V * Vec::kLanes);
    held_tiles<K, V, HeldStore::kStreamed>(c, t, whole);
    const std::int64_t lines = whole + (c.positions - whole) / kLine * kLine;
    if constexpr (V * Vec::kLanes > kLine) {
        held_tiles<K, 1, HeldStore::kStreamed>(c, whole, lines);
    }
    if (lines < c.positions) {
        held_tiles<K, 1, HeldStore::kMasked>(c, lines, c.positions);
    }
}

using HeldFunction = void (*)(const PaddedCall&);

// That of K taps or fewer.
template <int K>
HeldFunction held_function_of(std::int64_t taps, bool streams) {
    if constexpr (K > 1) {
        if (taps < K) {
            return held_function_of<K - 1>(taps, streams);
        }
    }
    if constexpr (K > Tiles::kHeldTaps) {
        return streamed_item<K>;
    } else {
        return streams ? streamed_item<K> : held_item<K>;
    }
}

// The channels of an item, so many at a time. Those of one call are `apart` channels apart.
inline void held_channels(const PaddedCall& all, HeldFunction held, std::int64_t apart,
                          std::int64_t at_once) {
    for (std::int64_t first = 0; first < smaller(apart, all.channels); ++first) {
        for (std::int64_t c = first; c < all.channels; c += apart * at_once) {
            PaddedCall call = all;
            call.w += c * call.kernel;
            call.bias += call.bias ? c : 0;
            call.channel_step = apart;
            call.y += c * call.y_row;
            call.y_row *= apart;
            call.channels = smaller(at_once, divided_up(all.channels - c, apart));
            held(call);
        }
    }
}

}  // namespace
