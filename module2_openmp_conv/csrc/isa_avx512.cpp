// The kernels for AVX-512 (F, VL, BW, DQ). Compiled with those flags; run only where CPUID and the
// system allow it.
//
// 32 zmm registers hold forward tiles of 8 channels × 48 positions (24 sums, 3 inputs, a weight),
// 4 × 96, 2 × 128 or 1 × 128; or, with lanes over channels, 16 × 16 (16 sums, up to 8 taps). Bound
// aimed at: the multiply-adds of 16 lanes; for many channels see channel_tile.h (an 8 × 48 tile
// asks for 11 loads per 24 multiply-adds), for one channel row_tile.h, for few
// input channels padded_rows.h.

#include "kernels.h"
#include "vec_avx512.h"

namespace {

struct Tiles {
    static constexpr int kMostChannels = 8;
    static constexpr bool kOverChannels = true;
    static constexpr int vectors(int channels) { return channels >= 8 ? 3 : channels == 4 ? 6 : 8; }
    // Input channels of padded_rows.h, at most: 16 gain in L2 and lose by a fifth past it, where
    // the other tiles ask for their rows ahead.
    static constexpr int kFewInputs = 4;
    // Of held_inputs.h, at most: of more, 8 × 48 is quicker; past the caches they are quick enough.
    static constexpr int kHeldTaps = 11;
    static constexpr int kStreamedTaps = 15;
    static constexpr int kHeldVectors = 2;
};

// Positions of a tile with channels last, beside so many vectors of these.
struct LastTiles {
    static constexpr std::int64_t positions(std::int64_t vectors) { return vectors == 2 ? 14 : 28; }
    static constexpr int kRolled = 15;  // depthwise: taps of channels_last_rolled.h, at most
    // Of more, positions of a vector of channels, beside which so many taps are held.
    static constexpr int kHeldPositions = 20;
    static constexpr int kHeld = 8;
};

// Vectors of output channels of a product of spectra, beside 6 segments.
struct SpectraTiles {
    static constexpr int kVectors = 2;
};

// Sums in registers: 2 vectors × 12 taps, 2 × 2 input channels × 6 taps; 4 channels × 6 taps.
struct WeightTiles {
    static constexpr int kTaps = 12;
    static constexpr int kTapsInPairs = 6;
    static constexpr bool kHoldsGradients = true;
    static constexpr int kChannels = 4;
    static constexpr int kTapsOfChannels = 6;
};

}  // namespace

#include "kernel_table.h"

constexpr InstructionSet kAvx512 = instruction_set("avx512");
