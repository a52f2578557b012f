// What the kernels of every instruction set work on, and what they and their drivers must agree on.
// No STL, and functions of this file alone: files compiled for one instruction set include it.
#pragma once

#include <cstdint>

constexpr std::int64_t kMostTaps = 64;   // of the tiles; more are summed in parts: many_taps.cpp
constexpr std::int64_t kMostTiles = 64;  // of an item of the forward tiles
constexpr std::int64_t kLongest = 64;    // sum that stays one chain: chain.h

static constexpr std::int64_t divided_up(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

static constexpr std::int64_t rounded_up(std::int64_t a, std::int64_t b) {
    return divided_up(a, b) * b;
}

// Output channels of the next block, where so many are left: the largest, or halved until it fits.
static constexpr std::int64_t block_channels(std::int64_t largest, std::int64_t left) {
    return largest <= left ? largest : block_channels(largest / 2, left);
}

// How the taps of an output reach into a row: tap k of output t reads position
// (t·stride + k·dilation − padding) / upsampling of the input, if that is a whole number inside it.
// Upsampling (zeros put between the samples) is what makes a strided convolution's gradient a
// convolution; padding is negative where a gradient needs less of its input.
struct Reach {
    std::int64_t length;  // positions of an input row
    std::int64_t kernel;
    std::int64_t stride;
    std::int64_t dilation;
    std::int64_t padding;
    std::int64_t upsampling;
    std::int64_t out_length;
};

// A strided tile's slab (slab.h) holds one run for each phase of the stride, so that the outputs of
// one tap are neighbours in it. Floats of a run, for so many outputs.
static constexpr std::int64_t phase_row(const Reach& r, std::int64_t positions) {
    return positions + (r.kernel - 1) * r.dilation / r.stride;
}

// The dilation of its tiles with their lanes over channels (forward_tile.h); 0 if there are none.
static constexpr std::int64_t tile_dilation(const Reach& r) {
    const std::int64_t dilation = r.kernel == 1 ? 1 : r.dilation;
    return dilation == 1 || dilation == 2 || dilation == 4 ? dilation : 0;
}

// What all convolutions have.
struct Shape {
    Reach reach;
    std::int64_t batch;
    std::int64_t groups;
    std::int64_t group_in;   // input channels of a group
    std::int64_t group_out;  // output channels of a group
};

// Of the input and the output, or of their gradients, together.
static constexpr std::int64_t tensor_bytes(const Shape& s) {
    constexpr std::int64_t kFloat = sizeof(float);
    return kFloat * s.batch * s.groups *
           (s.group_in * s.reach.length + s.group_out * s.reach.out_length);
}

// A forward-shaped convolution: the forward pass itself, or the gradient of its input.
struct ForwardTask : Shape {
    const float* input;          // [batch, groups · group_in, length]
    const float* packed;         // see packing.h
    const float* bias;           // [groups · group_out], or null
    float* out;                  // [batch, groups · group_out, out_length]
    bool relu;                   // max(0, y) before the store; NaN stays NaN
    bool stream;                 // write past the caches, as an out larger than these is
    bool padded_rows;            // few inputs to several outputs: padded_rows.h
    bool held_inputs;            // one of them, of few taps: held_inputs.h
    std::int64_t channel_block;  // of the largest tile: weights are packed in such blocks

    // The partition: an item is one batch element, one group, these many tiles of positions and
    // these many channels. Items: batch × groups × tile_items × channel_items.
    std::int64_t tile_vectors;  // vectors of positions in a full tile
    std::int64_t tiles_per_item;
    std::int64_t tile_items;
    std::int64_t channels_per_item;
    std::int64_t channel_items;
    std::int64_t slab_row;       // floats of one channel of a tile's copied input
    std::int64_t staged_floats;  // of two of the largest block's rows, where they are streamed
};

// A convolution of tensors whose channels lie beside each other (channels_last_tile.h).
struct LastShape : Shape {
    // As the tiles see it: depthwise, a group is all channels, and lanes run over the inputs, too.
    bool few_outputs;  // lanes run over what is read: channels_last_few.h
    bool rolled;       // depthwise, all taps held, neighbours reading alike: channels_last_rolled.h
    bool depthwise;    // one input channel for each output channel
    std::int64_t tile_in;   // input channels of a tile's group
    std::int64_t tile_out;  // output channels of it
    std::int64_t tile_groups;
    // What a position reads: so many runs of terms without a gap.
    std::int64_t runs;
    std::int64_t terms;

    // An item is one batch element and this many output positions.
    std::int64_t positions_per_item;
    std::int64_t position_items;
    std::int64_t slab_floats;  // of one end's copied input; an item has two
};

// Vectors of output channels in the next of a group's blocks.
static constexpr std::int64_t last_vectors(const LastShape& s, std::int64_t lanes,
                                           std::int64_t channels_left) {
    return !s.depthwise && channels_left >= 2 * lanes ? 2 : 1;
}

// Output channels of a group, those that fill its last vector up included.
static constexpr std::int64_t packed_outputs(const LastShape& s, std::int64_t lanes) {
    return s.few_outputs ? s.tile_out : rounded_up(s.tile_out, lanes);
}

struct LastTask : LastShape {
    const float* input;  // [batch, length, groups · group_in]
    // For each group and block: [kernel][group_in][block's channels]; of few outputs
    // [tile_out][kernel][group_in].
    const float* packed;
    const float* packed_bias;  // for each group and block, zeros where there is none
    float* out;                // [batch, out_length, groups · group_out]
    bool relu;
    bool stream;  // write past the caches: all outputs are whole lines
};

// The gradient of its weights; sums lie as packed weights do, then those of the bias.
struct LastWeightTask : LastShape {
    const float* input;     // [batch, length, groups · group_in]
    const float* gradient;  // [batch, out_length, groups · group_out]
    bool bias;              // sum the gradients themselves, too
    std::int64_t weight_sums;
};

// The gradient of the weights: sums over batch and positions of out-gradient × input.
struct WeightTask : Shape {
    const float* input;     // [batch, groups · group_in, length]
    const float* gradient;  // [batch, groups · group_out, out_length]
    bool bias;              // sum the gradients themselves, too
    bool over_positions;    // lanes run over positions (few channels), not over output channels

    // An item is one batch element and this many output positions.
    std::int64_t positions_per_item;
    std::int64_t position_items;
    std::int64_t slab_row;
    std::int64_t group_sums;  // floats of one group's sums; after all groups', the bias' sums
};

// How a tensor lies in memory: floats from one to the next.
struct Strides {
    std::int64_t sample;
    std::int64_t channel;
    std::int64_t position;  // 1, or the channels are beside each other
};

// A convolution by products of spectra: fft_items.h. A row is cut into segments of so many outputs;
// what one reads is transformed, multiplied by the weights' spectra, and transformed back.
struct FftShape : Shape {
    std::int64_t transform;  // positions of a transform, a power of two
    std::int64_t outputs;    // of a segment: transform − kernel + 1
    std::int64_t segments;   // of a row

    // An item is so many segments of all groups, across the batch's rows, one after the other.
    std::int64_t segments_per_item;
    std::int64_t items;

    Strides in;
    Strides to;  // the output's, or its gradient's
};

// The convolution itself or the gradient of its input.
struct FftTask : FftShape {
    const float* input;
    const float* spectra;  // of the weights
    const float* bias;     // [groups · group_out], or null
    float* out;
    bool relu;
    std::int64_t offset;  // of the first output in a segment's transform
    bool* doubtful;       // [batch]: set where something is not finite, or quiet (fft_loudness.h)
};

// The weights, to be transformed.
struct FftWeights : FftShape {
    const float* weights;
    std::int64_t group;   // floats from a group's weights to the next one's
    std::int64_t output;  // from an output channel's to the next one's
    std::int64_t input;
    bool correlates;  // taps in the order of positions, as of a forward pass
    float* spectra;
    // Of the gradient: spectra are sums of so many, which lie so far apart.
    std::int64_t summands;
    std::int64_t summand;
};

// The gradient of the weights.
struct FftWeightTask : FftShape {
    const float* input;
    const float* gradient;
};

// Floats of the spectra of one group's weights (or of their gradients' sums): for each bin and
// vector of output channels [group_in][2][lanes].
static constexpr std::int64_t fft_weight_spectra(const FftShape& s, std::int64_t lanes) {
    return s.transform * s.group_in * rounded_up(s.group_out, lanes);
}

// Floats of a thread's sums for the gradient: those spectra, then the bias', two floats each.
static constexpr std::int64_t fft_sums_floats(const FftShape& s, std::int64_t lanes) {
    return rounded_up(
        s.groups * (fft_weight_spectra(s, lanes) + 2 * rounded_up(s.group_out, lanes)), 16);
}

// Where those of the bias lie, [groups][whole vectors of output channels].
static inline double* fft_bias_sums(const FftShape& s, std::int64_t lanes, float* sums) {
    return reinterpret_cast<double*>(sums + s.groups * fft_weight_spectra(s, lanes));
}

// Floats from a bin to the next one in the spectra of an item's segments, [segments][2][channels];
// bins lie in different sets of a cache.
static constexpr std::int64_t fft_bin_floats(const FftShape& s, std::int64_t channels,
                                             std::int64_t lanes) {
    return rounded_up(s.segments_per_item * 2 * rounded_up(channels, lanes), 16) + 16;
}

constexpr std::int64_t kFftMarks = 16;  // floats after a segment's windows: fft_loudness.h

// Floats that an item works in: the spectra of what it reads, those of what it gives, and the
// windows of its segments.
static constexpr std::int64_t fft_item_floats(const FftShape& s, std::int64_t lanes) {
    return s.transform / 2 *
               (fft_bin_floats(s, s.group_in, lanes) + fft_bin_floats(s, s.group_out, lanes)) +
           s.segments_per_item * (s.transform + kFftMarks);
}

// What follows a convolution in a classifier's block: see block.h. All arrays are contiguous.
struct BlockTask {
    std::int64_t batch;
    std::int64_t channels;
    std::int64_t length;
    std::int64_t pool;               // positions that one output stands for
    bool mean_pool;                  // for their mean; else for the larger of two
    const float* y;                  // [batch, channels, length], the convolution's output
    const float* scale;              // [channels]: y · scale + shift is normalised and affine
    const float* shift;              // [channels]
    const float* mean;               // [channels], of y
    const float* inverse_deviation;  // [channels], of y
    float* row_sums;                 // [batch, channels, 2]
    float* out;                      // [batch, channels, length / pool]

    // On the way back.
    const float* gradient;        // [batch, channels, length / pool], of out
    const float* mean_gradients;  // [channels]
    const float* mean_products;   // [channels]
    float* dy;                    // [batch, channels, length]
};
