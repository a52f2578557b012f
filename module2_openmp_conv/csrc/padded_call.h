// What the tiles of a convolution of few input channels are told: padded_rows.h.
//
// Included in the anonymous namespace's files, without STL.
#pragma once

#include <cstdint>

namespace {

struct PaddedCall {
    const float* x;    // an item's input, at tap 0 of position 0
    std::int64_t row;  // floats from one input channel to the next
    std::int64_t in_channels;
    std::int64_t kernel;
    std::int64_t dilation;
    const float* w;             // packed [in_channels][kernel][channels]
    const float* bias;          // [channels], or null
    std::int64_t channel_step;  // channels from one of this call to the next
    float* y;
    std::int64_t y_row;
    std::int64_t channels;
    std::int64_t positions;  // of the item
    bool relu;
};

// So many vectors of positions, which may reach past an item's end.
template <int V, bool kMayReachPast>
struct TileOf {
    static constexpr int kVectors = V;
    static constexpr bool kMasked = kMayReachPast;
};

// Of an item's rest, of at most V vectors.
template <int V, class Visit>
inline void visit_rest(std::int64_t begin, std::int64_t positions, const Visit& visit) {
    if constexpr (V > 1) {
        if (positions - begin <= (V - 1) * Vec::kLanes) {
            visit_rest<V - 1>(begin, positions, visit);
            return;
        }
    }
    if (positions < V * Vec::kLanes) {
        visit(TileOf<V, true>{}, begin, positions);
    } else {
        visit(TileOf<V, false>{}, positions - V * Vec::kLanes, positions);
    }
}

// Calls visit(tile, begin, end) for an item's whole tiles, then for one that ends where the item
// does and overlaps them.
template <int V, class Visit>
inline void visit_tiles(std::int64_t positions, const Visit& visit) {
    const std::int64_t whole = positions / (V * Vec::kLanes) * (V * Vec::kLanes);
    visit(TileOf<V, false>{}, 0, whole);
    if (whole < positions) {
        visit_rest<V>(whole, positions, visit);
    }
}

}  // namespace
