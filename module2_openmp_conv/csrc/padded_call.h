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

}  // namespace
