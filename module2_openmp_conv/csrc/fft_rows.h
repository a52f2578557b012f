// Segments of rows into vectors over channels, and back. Rows of contiguous tensors are turned over
// in registers, in blocks of lanes × lanes; with channels last nothing is.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "slab.h"

namespace {

// Channels of a vector, and where their rows lie.
struct FftRows {
    std::int64_t channels;  // not more than lanes
    std::int64_t length;
    Strides strides;
};

// Positions [at, at + N) of rows, zeros outside: x is the first channel's position 0. `loudness`
// hears what is read.
template <int N, class Loudness>
inline void load_positions(const float* x, const FftRows& rows, std::int64_t at, Vec::Reg* to,
                           Loudness& loudness) {
    constexpr int L = Vec::kLanes;
    if (rows.strides.position != 1) {
        const int channels = static_cast<int>(rows.channels);
        for (int n = 0; n < N; ++n) {
            const std::int64_t position = at + n;
            const float* from = x + position * rows.strides.position;
            if (position < 0 || position >= rows.length) {
                to[n] = Vec::zero();
            } else {
                to[n] = channels == L ? Vec::load(from) : Vec::load_first(from, channels);
            }
        }
        loudness.hear_positions(to);
        return;
    }
    for (int n = 0; n < N; n += L) {
        Vec::Reg block[L];
        const std::int64_t begin = at + n;
        const float* from = x + begin;
        if (rows.channels == L && begin >= 0 && begin + L <= rows.length) {
#pragma GCC unroll 16
            for (int c = 0; c < L; ++c) {
                block[c] = Vec::load(from + c * rows.strides.channel);
            }
        } else {
            const LaneRange inside = lanes_inside(rows.length, begin);
            for (int c = 0; c < L; ++c) {
                block[c] = c < rows.channels && inside.first < inside.last
                               ? Vec::load_between(from + c * rows.strides.channel, inside.first,
                                                   inside.last)
                               : Vec::zero();
            }
        }
        loudness.hear_rows(n, block);
        Vec::transpose(block);
#pragma GCC unroll 16
        for (int c = 0; c < L; ++c) {
            to[n + c] = block[c];
        }
    }
}

// Positions [0, count) into rows: y is the first channel's position 0. Of `from`, whole vectors of
// positions are read.
template <class Epilogue>
inline void store_positions(const Vec::Reg* from, std::int64_t count, const FftRows& rows, float* y,
                            Epilogue& epilogue) {
    constexpr int L = Vec::kLanes;
    const int channels = static_cast<int>(rows.channels);
    if (rows.strides.position != 1) {
        for (std::int64_t n = 0; n < count; ++n, y += rows.strides.position) {
            const Vec::Reg out = epilogue(from[n], static_cast<int>(n % 4));
            if (channels == L) {
                Vec::store(y, out);
            } else {
                Vec::store_first(y, out, channels);
            }
        }
        return;
    }
    for (std::int64_t n = 0; n < count; n += L) {
        Vec::Reg block[L];
        const int positions = static_cast<int>(smaller(L, count - n));
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) {
            block[i] = i < positions ? epilogue(from[n + i], i % 4) : Vec::zero();
        }
        Vec::transpose(block);
        if (channels == L && positions == L) {
#pragma GCC unroll 16
            for (int c = 0; c < L; ++c) {
                Vec::store(y + n + c * rows.strides.channel, block[c]);
            }
        } else {
            for (int c = 0; c < channels; ++c) {
                Vec::store_first(y + n + c * rows.strides.channel, block[c], positions);
            }
        }
    }
}

}  // namespace
