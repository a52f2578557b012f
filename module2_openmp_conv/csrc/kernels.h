// The kernels of each instruction set, as functions over a range of work items.
#pragma once

#include <cstdint>

#include "problem.h"

// Those of one size of transform: fft_items.h. Each over the items [first, last).
struct FftKernels {
    // Items: groups × vectors of output channels × group_in.
    void (*weights)(const FftWeights&, std::int64_t first, std::int64_t last);
    // scratch: fft_item_floats.
    void (*convolve)(const FftTask&, float* scratch, std::int64_t first, std::int64_t last);
    // sums: fft_sums_floats.
    void (*weight_sums)(const FftWeightTask&, float* scratch, float* sums, std::int64_t first,
                        std::int64_t last);
    // Items as of `weights`, whose spectra are the sums.
    void (*weight_gradients)(const FftWeights&, float* gradient, std::int64_t first,
                             std::int64_t last);
};
constexpr std::int64_t kLeastTransform = 16;
constexpr int kTransforms = 4;  // 16, 32, 64, 128

struct InstructionSet {
    const char* name;
    int lanes;
    int channel_block;   // output channels of the largest register tile with lanes over positions
    bool over_channels;  // there is one with lanes over channels, too: channel_tile.h
    int few_inputs;      // channels, at most: padded_rows.h
    int held_taps;       // at most, of one input channel to several: held_inputs.h
    int streamed_taps;   // the same past the caches
    int (*tile_vectors)(int channels);  // vectors of positions beside that many channels
    int rolled_taps;                    // at most, of a depthwise convolution with channels last
    std::int64_t (*last_width)(const LastShape&);  // positions of a tile with channels last

    // Computes the items [first, last) of a forward-shaped task; any two ranges can run at the same
    // time, each with its own slabs: tiles_per_item · group_in · slab_row + staged_floats floats.
    void (*forward)(const ForwardTask&, float* slabs, std::int64_t first, std::int64_t last);

    // The same with channels last; slabs: two of slab_floats.
    void (*channels_last)(const LastTask&, float* slabs, std::int64_t first, std::int64_t last);
    void (*channels_last_weights)(const LastWeightTask&, float* slabs, float* sums,
                                  std::int64_t first, std::int64_t last);

    // Adds the items [first, last) of a weight gradient to sums: groups ·
    // group_sums floats, and one for each output channel.
    void (*weight_gradient)(const WeightTask&, float* scratch, float* sums, std::int64_t first,
                            std::int64_t last);

    FftKernels fft[kTransforms];

    // What follows a convolution in a block, and the way back; items: batch × channels.
    void (*block_moments)(const BlockTask&, std::int64_t first, std::int64_t last);
    void (*block_forward)(const BlockTask&, std::int64_t first, std::int64_t last);
    void (*block_sums)(const BlockTask&, std::int64_t first, std::int64_t last);
    void (*block_gradient)(const BlockTask&, std::int64_t first, std::int64_t last);

    // A contestant of the benchmark; items: batch. Stride 1, dilation 1; weights not packed.
    void (*taps_loop)(const ForwardTask&, std::int64_t first, std::int64_t last);
};

extern const InstructionSet kPortable;
#ifdef CROSSSCALE_X86_KERNELS
extern const InstructionSet kAvx2;
extern const InstructionSet kAvx512;
#endif

// Straight from the definition, for every reach, number of taps and non-finite weight; weights are
// not packed: [groups · group_out][group_in][kernel]. Items: batch × output channels of all groups.
void plain_forward(const ForwardTask&, std::int64_t first, std::int64_t last);

// The same for the gradient of the weights, [groups · group_out][group_in][kernel], summed in
// double. Items: output channels of all groups.
void plain_weight_gradient(const WeightTask&, float* weight_gradient, std::int64_t first,
                           std::int64_t last);
