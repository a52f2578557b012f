// Copies of the little input that a tile cannot read in place: where its taps reach past the ends
// of a row, or where the outputs are strided or the input is upsampled.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "problem.h"

namespace {

inline std::int64_t smaller(std::int64_t a, std::int64_t b) {
    return a < b ? a : b;
}
inline std::int64_t larger(std::int64_t a, std::int64_t b) {
    return a > b ? a : b;
}

inline bool reads_in_place(const Reach& r) {
    return r.stride == 1 && r.upsampling == 1;
}

// Offsets of the taps from output 0 in a row (in place) or in a slab for so many positions.
inline void fill_offsets(const Reach& r, std::int64_t positions, std::int64_t* offsets) {
    for (std::int64_t k = 0; k < r.kernel; ++k) {
        const std::int64_t at = k * r.dilation;
        offsets[k] = at % r.stride * phase_row(r, positions) + at / r.stride;
    }
}

// The vector-wise copy of n floats; may not write past to + n.
inline void copy(float* to, const float* from, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
        Vec::store(to + i, Vec::load(from + i));
    }
    if (i < n) {
        const int rest = static_cast<int>(n - i);
        Vec::store_first(to + i, Vec::load_first(from + i, rest), rest);
    }
}

inline void clear(float* to, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
        to[i] = 0.0f;
    }
}

// Copies what outputs [t, t + positions) of one channel read: `row` is that channel's input.
inline void fill_slab_row(const Reach& r, const float* row, std::int64_t t, std::int64_t positions,
                          float* slab) {
    const std::int64_t run = phase_row(r, positions);
    for (std::int64_t phase = 0; phase < r.stride; ++phase, slab += run) {
        const std::int64_t at = t * r.stride + phase - r.padding;  // of slab[0], before upsampling
        if (reads_in_place(r)) {
            const std::int64_t begin = smaller(larger(0, -at), run);
            const std::int64_t end = larger(begin, smaller(run, r.length - at));
            clear(slab, begin);
            copy(slab + begin, row + at + begin, end - begin);
            clear(slab + end, run - end);
            continue;
        }
        for (std::int64_t j = 0; j < run; ++j) {
            const std::int64_t from = at + j * r.stride;
            const bool inside = from >= 0 && from < r.length * r.upsampling;
            slab[j] = inside && from % r.upsampling == 0 ? row[from / r.upsampling] : 0.0f;
        }
    }
}

// Asks for n floats of each of so many rows, which lie in pages of their own: the hardware does not
// foresee them.
template <bool kToWrite>
inline void prefetch_rows(const float* p, std::int64_t row, std::int64_t rows, std::int64_t n) {
    constexpr std::int64_t kLine = 64 / sizeof(float);
    for (std::int64_t i = 0; i < rows; ++i, p += row) {
        for (std::int64_t at = 0; at < n; at += kLine) {
            __builtin_prefetch(p + at, kToWrite, 2);
        }
    }
}

}  // namespace
