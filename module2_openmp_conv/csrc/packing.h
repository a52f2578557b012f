// The weights in the order in which the forward tiles read them: for each group and block of
// output channels [in_channels][kernel][channels of the block]. A group's blocks are as large as
// the instruction set's tile, then halved until its channels are used up.
#pragma once

#include <cstdint>

#include "problem.h"

// Weights as torch keeps them: [out_channels][in_channels / groups][kernel].
struct Weights {
    const float* data;
    std::int64_t groups;
    std::int64_t group_in;
    std::int64_t group_out;
    std::int64_t kernel;
};

// Of a forward pass: the weight of a group's input and output channel.
inline const float& weight_of(const Weights& w, std::int64_t group, std::int64_t output,
                              std::int64_t input, std::int64_t tap) {
    return w.data[((group * w.group_out + output) * w.group_in + input) * w.kernel + tap];
}

// Of the gradient of the input, a convolution whose input channels are the weights' output channels
// and whose taps are in reverse order.
inline const float& reversed_weight_of(const Weights& w, std::int64_t group, std::int64_t output,
                                       std::int64_t input, std::int64_t tap) {
    return weight_of(w, group, input, output, w.kernel - 1 - tap);
}

bool all_finite(const Weights& weights);

// For the forward pass. packed: as many floats as there are weights.
void pack(const Weights& weights, std::int64_t channel_block, float* packed);

// For the gradient of the input.
void pack_reversed(const Weights& weights, std::int64_t channel_block, float* packed);
