// The kernels for AVX2 and FMA. Compiled with -mavx2 -mfma; run only where CPUID and the system
// allow it.
//
// 16 ymm registers hold forward tiles of 4 channels × 24 positions (12 sums, 3 inputs, a weight),
// 2 × 48 or 1 × 64. Bound aimed at: two multiply-adds of 8 lanes a cycle for many channels (a tile
// asks for 7 loads per 12 multiply-adds); for one channel see row_tile.h, for few input
// channels padded_rows.h.

#include "kernels.h"
#include "vec_avx2.h"

namespace {

struct Tiles {
    static constexpr int kMostChannels = 4;
    static constexpr bool kOverChannels = false;
    static constexpr int vectors(int channels) { return channels == 4 ? 3 : channels == 2 ? 6 : 8; }
    static constexpr int kFewInputs = 16;    // of padded_rows.h, at most
    static constexpr int kHeldTaps = 3;      // of held_inputs.h, at most
    static constexpr int kStreamedTaps = 7;  // the same past the caches
    static constexpr int kHeldVectors = 3;
};

// Positions of a tile with channels last, beside so many vectors of these.
struct LastTiles {
    static constexpr std::int64_t positions(std::int64_t vectors) { return vectors == 2 ? 6 : 12; }
    static constexpr int kRolled = 7;  // depthwise: taps of channels_last_rolled.h, at most
    // Of more, positions of a vector of channels, beside which so many taps are held.
    static constexpr int kHeldPositions = 10;
    static constexpr int kHeld = 4;
};

// Vectors of output channels of a product of spectra, beside 6 segments.
struct SpectraTiles {
    static constexpr int kVectors = 1;
};

// Sums in registers: 2 vectors × 6 taps, 2 × 2 input channels × 3 taps; 2 channels × 6 taps.
struct WeightTiles {
    static constexpr int kTaps = 6;
    static constexpr int kTapsInPairs = 3;
    static constexpr bool kHoldsGradients = false;
    static constexpr int kChannels = 2;
    static constexpr int kTapsOfChannels = 6;
};

}  // namespace

#include "kernel_table.h"

constexpr InstructionSet kAvx2 = instruction_set("avx2");
