// The kernels for any CPU, by GCC's 4-lane vector type. 16 registers (of x86-64; AArch64 has 32)
// hold forward tiles of 4 channels × 8 positions, 2 × 16 or 1 × 32.
//
// Bound aimed at: multiply and add throughput for many channels; for one channel, the loads: each
// vector of outputs loads as many input vectors as there are taps.

#include "kernels.h"
#include "vec_portable.h"

namespace {

struct Tiles {
    static constexpr int kMostChannels = 4;
    static constexpr bool kOverChannels = false;
    static constexpr int vectors(int channels) { return 8 / channels; }
    static constexpr int kFewInputs = 16;    // of padded_rows.h, at most
    static constexpr int kHeldTaps = 3;      // of held_inputs.h, at most
    static constexpr int kStreamedTaps = 3;  // the same past the caches
    static constexpr int kHeldVectors = 3;
};

// Positions of a tile with channels last, beside so many vectors of these.
struct LastTiles {
    static constexpr std::int64_t positions(std::int64_t vectors) { return vectors == 2 ? 4 : 8; }
    static constexpr int kRolled = 7;  // depthwise: taps of channels_last_rolled.h, at most
    // Of more, positions of a vector of channels, beside which so many taps are held.
    static constexpr int kHeldPositions = 8;
    static constexpr int kHeld = 4;
};

// Vectors of output channels of a product of spectra, beside 6 segments.
struct SpectraTiles {
    static constexpr int kVectors = 1;
};

// Sums in registers: 2 vectors × 5 taps, 2 × 2 input channels × 2 taps; 2 channels × 4 taps.
struct WeightTiles {
    static constexpr int kTaps = 5;
    static constexpr int kTapsInPairs = 2;
    static constexpr bool kHoldsGradients = false;
    static constexpr int kChannels = 2;
    static constexpr int kTapsOfChannels = 4;
};

}  // namespace

#include "kernel_table.h"

constexpr InstructionSet kPortable = instruction_set("portable");
