// How loud a segment is beside the outputs' own terms. A product of spectra rounds in proportion to
// the largest values of a segment: an output that reads far smaller ones would keep few right
// digits, and one that reads nothing but zeros would not be exactly zero. The first is marked, so
// that its sample is computed from the taps; the second is set right.
//
// Cost: two instructions for each vector that is read, and some forty for a segment.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "slab.h"

namespace {

// Bits of an output's 24 that the loudest position of its segment may take: 8.
constexpr float kQuietest = 1.0f / 256;

// For each segment: the loudness of each output's window, then whether one is silent or quiet.
template <int N>
constexpr std::int64_t kWindowFloats = N + kFftMarks;

template <int N>
class Loudness {
  public:
    inline explicit Loudness(float* windows) : windows_(windows) {}
    inline const float* windows() const { return windows_; }

    inline void begin() {
        for (int n = 0; n < kVectors; ++n) {
            of_positions_[n] = Vec::zero();
        }
        over_channels_ = false;
    }

    // L rows, from position n on.
    inline void hear_rows(int n, const Vec::Reg (&rows)[Vec::kLanes]) {
        Vec::Reg sum[2] = {of_positions_[n / L], Vec::zero()};
#pragma GCC unroll 16
        for (int c = 0; c < L; ++c) {
            sum[c % 2] = Vec::add(sum[c % 2], Vec::magnitude(rows[c]));
        }
        of_positions_[n / L] = Vec::add(sum[0], sum[1]);
    }

    // N positions of L channels.
    inline void hear_positions(const Vec::Reg* positions) {
        for (int n = 0; n < N; ++n) {
            const Vec::Reg size = Vec::magnitude(positions[n]);
            of_channels_[n] = over_channels_ ? Vec::add(of_channels_[n], size) : size;
        }
        over_channels_ = true;
    }

    // Works out the windows of a segment with so many outputs.
    inline void end(std::int64_t kernel, std::int64_t outputs, std::int64_t segment) {
        float* window = windows_ + segment * kWindowFloats<N>;
        Vec::Reg loudest = Vec::zero();
        for (int n = 0; n < kVectors; ++n) {
            if (over_channels_) {
                of_positions_[n] = summed(of_channels_ + n * L);
            }
            loudest = Vec::larger(loudest, of_positions_[n]);
            Vec::store(window + n * L, of_positions_[n]);
        }
        const Vec::Reg limit = Vec::broadcast(largest_lane(loudest) * kQuietest);
        std::int64_t span = 1;  // a window's loudest position, of so many
        for (; 2 * span <= kernel; span *= 2) {
            widen(window, span);
        }
        widen(window, kernel - span);
        Vec::Reg silent = Vec::zero();
        Vec::Reg quiet = Vec::zero();
        const Vec::Reg one = Vec::broadcast(1.0f);
        for (std::int64_t n = 0; n < outputs; n += L) {
            const int lanes = static_cast<int>(smaller(L, outputs - n));
            const Vec::Reg loudness = Vec::load(window + n);
            const Vec::Reg is_silent = Vec::where_not_greater(loudness, Vec::zero(), one);
            const Vec::Reg is_low = Vec::where_greater(limit, loudness, one);
            silent = Vec::larger(silent, Vec::keep_first(is_silent, lanes));
            quiet = Vec::larger(
                quiet, Vec::keep_first(Vec::where_greater(loudness, Vec::zero(), is_low), lanes));
        }
        window[N] = largest_lane(silent);
        window[N + 1] = largest_lane(quiet);
    }

  private:
    static constexpr int L = Vec::kLanes;
    static constexpr int kVectors = N / L;

    // Each window becomes the larger of itself and the one `by` later, as far as there is one.
    static inline void widen(float* window, std::int64_t by) {
        if (by == 0) {
            return;
        }
        std::int64_t n = 0;
        for (; n + L + by <= N; n += L) {
            Vec::store(window + n, Vec::larger(Vec::load(window + n), Vec::load(window + n + by)));
        }
        for (; n + by < N; ++n) {
            window[n] = window[n] < window[n + by] ? window[n + by] : window[n];
        }
    }

    static inline Vec::Reg summed(const Vec::Reg* positions) {
        Vec::Reg block[L];
        for (int i = 0; i < L; ++i) {
            block[i] = positions[i];
        }
        Vec::transpose(block);
        Vec::Reg sum = block[0];
        for (int i = 1; i < L; ++i) {
            sum = Vec::add(sum, block[i]);
        }
        return sum;
    }

    static inline float largest_lane(Vec::Reg a) {
        float lanes[L];
        Vec::store(lanes, a);
        float largest = lanes[0];
        for (int i = 1; i < L; ++i) {
            largest = lanes[i] > largest ? lanes[i] : largest;
        }
        return largest;
    }

    float* windows_;
    Vec::Reg of_positions_[kVectors];
    Vec::Reg of_channels_[N];
    bool over_channels_ = false;
};

// Where nobody asks: of weights, and of sums over all positions.
struct Unheard {
    inline void begin() {}
    inline void hear_rows(int, const Vec::Reg (&)[Vec::kLanes]) {}
    inline void hear_positions(const Vec::Reg*) {}
    inline void end(std::int64_t, std::int64_t, std::int64_t) {}
};

template <int N>
inline bool is_quiet(const float* window) {
    return window[N + 1] != 0.0f;
}

// Sets outputs to zero that read nothing but zeros; `doubtful` hears of what they were, since a
// weight may be no number.
template <int N>
inline void silence(const float* window, std::int64_t count, Vec::Reg* outputs,
                    Vec::Reg& doubtful) {
    if (window[N] == 0.0f) {
        return;
    }
    for (std::int64_t n = 0; n < count; ++n) {
        if (window[n] == 0.0f) {
            doubtful = Vec::multiply_add(outputs[n], Vec::zero(), doubtful);
            outputs[n] = Vec::zero();
        }
    }
}

}  // namespace
