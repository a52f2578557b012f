// The kernels of each instruction set, as functions over a range of work items.
#pragma once

#include <cstdint>

#include "geometry.h"

// Computes the work items [first, last); any two ranges can run at the same time.
using RangeKernel = void (*)(const Geometry&, const Buffers&, std::int64_t first,
                             std::int64_t last);

struct InstructionSet {
    const char* name;
    RangeKernel tiled;      // stride 1; items: see tiled_items()
    RangeKernel taps_loop;  // stride 1, dilation 1; items: batch
};

// A work item of the tiled kernels: this many output channels of one group over this many output
// positions of one batch element. 768 is a multiple of every tile width (48, 96, 128 …), and its
// input rows stay in L1 for up to ten input channels, in L2 beyond.
constexpr std::int64_t kItemChannels = 8;
constexpr std::int64_t kItemPositions = 768;

extern const InstructionSet kPortable;
#ifdef CROSSSCALE_X86_KERNELS
extern const InstructionSet kAvx2;
extern const InstructionSet kAvx512;
#endif

// One output at a time, straight from the definition: any stride, dilation and grouping.
// Items: batch × output channels.
void plain_range(const Geometry&, const Buffers&, std::int64_t first, std::int64_t last);
