// What the register tiles of the convolution with channels last have in common.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "chain.h"

namespace {

// What a tile is told. A run is what is read for one position without a gap: [taps, channels] of
// the input, or a tap's channels.
struct LastTileCall {
    const float* x;         // term 0 of the tile's first position
    std::int64_t position;  // floats from a position's terms to the next one's
    std::int64_t runs;
    std::int64_t terms;    // of a run
    std::int64_t tap_row;  // floats from a run to the next one; depthwise, from a term
    const float* w;        // packed, zeros beyond the last channel: see LastTask
    const float* bias;     // [OV · lanes], the same
    float* y;
    std::int64_t y_row;     // floats from an output position to the next one
    std::int64_t channels;  // that are read (depthwise) and stored: OV · lanes; fewer if OV is 1
    bool relu;
    bool stream;             // past the caches: all lines are whole
    const float* ahead;      // input that is read later, or null
    std::int64_t ahead_row;  // floats from a position's to the next one's
    const float* ahead_out;  // outputs that are stored later, by a tile that holds taps
    std::int64_t tiles;      // so many, one after the other
};

using LastTileFunction = void (*)(const LastTileCall&);

struct LastTile {
    LastTileFunction compute;
    std::int64_t positions;
};

// Where one of the tiles is.
struct LastPlace {
    const float* x;
    float* y;
    const float* ahead;

    inline explicit LastPlace(const LastTileCall& c) : x(c.x), y(c.y), ahead(c.ahead) {}

    inline void advance(const LastTileCall& c, std::int64_t positions) {
        x += positions * c.position;
        y += positions * c.y_row;
        ahead += ahead == nullptr ? 0 : positions * c.ahead_row;
    }
};

// Positions' places from few registers: p · position is reached by the address mode of an
// instruction, base + {0, 1, 2, 4} · position or base + 3 · position.
template <int P>
class PositionsOf {
  public:
    inline PositionsOf(const float* x, std::int64_t position)
        : one_(position * static_cast<std::int64_t>(sizeof(float))), three_(3 * one_) {
#pragma GCC unroll 8
        for (int i = 0; i < kBases; ++i) {
            base_[i] = reinterpret_cast<const char*>(x) + 5 * i * one_;
            asm("" : "+r"(base_[i]));  // or the compiler derives one from the other, later
        }
    }
    inline const float* at(int p) const {
        const char* base = base_[p / 5];
        switch (p % 5) {
            case 0:
                return reinterpret_cast<const float*>(base);
            case 3:
                return reinterpret_cast<const float*>(base + three_);
            default:
                return reinterpret_cast<const float*>(base + p % 5 * one_);
        }
    }
    inline void advance(std::int64_t floats) {
#pragma GCC unroll 8
        for (int i = 0; i < kBases; ++i) {
            base_[i] += floats * static_cast<std::int64_t>(sizeof(float));
        }
    }

  private:
    static constexpr int kBases = (P + 4) / 5;
    const char* base_[kBases];
    std::int64_t one_;
    std::int64_t three_;
};

// How a term of a position is read: one value for all output channels, or one for each; held, by
// all taps that meet it (channels_last_held.h).
enum class LastInput { kBroadcast, kVector, kFirstOfVector, kHeldVector };

template <LastInput kInput>
inline Vec::Reg last_input(const float* x, [[maybe_unused]] int lanes) {
    if constexpr (kInput == LastInput::kVector) {
        return Vec::load(x);
    } else if constexpr (kInput == LastInput::kFirstOfVector) {
        return Vec::load_first(x, lanes);
    } else {
        return Vec::broadcast(*x);
    }
}

// A tile's sums: P positions, OV vectors of channels.
template <int OV, int P>
using LastSums = Vec::Reg[P][OV];

template <int OV, int P>
[[gnu::always_inline]] inline void set_to_zero(LastSums<OV, P>& sum) {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < OV; ++v) {
            sum[p][v] = Vec::zero();
        }
    }
}

// Folds a tile's sums when the next terms would make a chain longer than kLongest.
template <int OV, int P, bool kChained>
class LastChains {
  public:
    inline void before(std::int64_t terms, LastSums<OV, P>& sum) {
        if constexpr (kChained) {
            if (terms_ + terms > kLongest) {
                chains_.add(sum, first_, false);
                first_ = false;
                terms_ = 0;
            }
            terms_ += terms;
        }
    }
    inline void end(LastSums<OV, P>& sum) {
        if constexpr (kChained) {
            chains_.add(sum, first_, true);
        }
    }

  private:
    Chains<kChained ? P : 1, OV> chains_;
    std::int64_t terms_ = 0;
    bool first_ = true;
};

// Asks for the input that is read later and for the lines that the tile stores to, a few at a time
// between multiply-adds: all at once would be waited for.
template <int OV, int P>
class LastAhead {
  public:
    inline LastAhead(const LastTileCall& c, const LastPlace& at)
        : read_(at.ahead),
          reads_(at.ahead == nullptr ? 0 : P * c.ahead_row / kLine),
          written_(at.y),
          written_row_(c.y_row),
          writes_(c.stream ? 0 : P) {}

    inline void ask() {
        if (reads_ > 0) {
            __builtin_prefetch(read_, 0, 2);
            read_ += kLine;
            --reads_;
        }
        if (writes_ > 0) {
#pragma GCC unroll 4
            for (int v = 0; v < OV; ++v) {
                __builtin_prefetch(written_ + v * Vec::kLanes, 1, 2);
            }
            written_ += written_row_;
            --writes_;
        }
    }

  private:
    static constexpr std::int64_t kLine = 64 / sizeof(float);
    const float* read_;
    std::int64_t reads_;
    const float* written_;
    std::int64_t written_row_;
    std::int64_t writes_;
};

template <int OV, int P>
[[gnu::always_inline]] inline void store_last(const LastTileCall& c, float* y,
                                              const LastSums<OV, P>& sum) {
    constexpr std::int64_t L = Vec::kLanes;
    Vec::Reg bias[OV];
#pragma GCC unroll 4
    for (int v = 0; v < OV; ++v) {
        bias[v] = Vec::load(c.bias + v * L);
    }
    const int lanes = static_cast<int>(c.channels);
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p, y += c.y_row) {
#pragma GCC unroll 4
        for (int v = 0; v < OV; ++v) {
            const Vec::Reg out = output_of(sum[p][v], bias[v], c.relu);
            if (c.stream) {
                Vec::stream(y + v * L, out);
            } else if (OV > 1 || lanes == L) {
                Vec::store(y + v * L, out);
            } else {
                Vec::store_first(y, out, lanes);
            }
        }
    }
}

}  // namespace
