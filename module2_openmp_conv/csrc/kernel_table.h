// The table of an instruction set's kernels: constant, so that nothing compiled for it runs before
// it is chosen.
//
// Included last by each instruction set's file, in the anonymous namespace, without STL.
#pragma once

#include "block.h"
#include "channels_last_items.h"
#include "channels_last_weights.h"
#include "fft_weights.h"
#include "forward_tile.h"
#include "taps_loop.h"
#include "weight_gradient_items.h"

namespace {

constexpr InstructionSet instruction_set(const char* name) {
    return {name,
            Vec::kLanes,
            Tiles::kMostChannels,
            Tiles::kOverChannels,
            Tiles::kFewInputs,
            Tiles::kHeldTaps,
            Tiles::kStreamedTaps,
            Tiles::vectors,
            LastTiles::kRolled,
            last_width,
            forward_items,
            channels_last_items,
            channels_last_weight_items,
            weight_gradient_items,
            {fft_kernels<16>(), fft_kernels<32>(), fft_kernels<64>(), fft_kernels<128>()},
            block_moments_rows,
            block_forward_rows,
            block_sums_rows,
            block_gradient_rows,
            taps_loop_items};
}

}  // namespace
