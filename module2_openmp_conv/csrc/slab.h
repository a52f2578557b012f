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

// Lanes [first, last) of a vector.
struct LaneRange {
    int first, last;
};

// Those that lie inside a row, of the vector at a place of it.
inline LaneRange lanes_inside(std::int64_t length, std::int64_t at) {
    const std::int64_t first = smaller(larger(0, -at), Vec::kLanes);
    const std::int64_t last = larger(first, smaller(Vec::kLanes, length - at));
    return {static_cast<int>(first), static_cast<int>(last)};
}

// The vector at a place of a row; what lies outside the row is zero.
inline Vec::Reg load_window(const float* x, std::int64_t length, std::int64_t at) {
    if (at >= 0 && at + Vec::kLanes <= length) {
        return Vec::load(x + at);
    }
    const LaneRange inside = lanes_inside(length, at);
    return Vec::load_between(x + at, inside.first, inside.last);
}

// Calls visit(inside, t, positions) for the part between two ends of [begin, end) and for these,
// where they are not empty.
template <class Visit>
inline void visit_parts(std::int64_t begin, std::int64_t inner_begin, std::int64_t inner_end,
                        std::int64_t end, const Visit& visit) {
    const std::int64_t bounds[4] = {begin, inner_begin, inner_end, end};
    for (int part = 0; part < 3; ++part) {
        if (bounds[part] < bounds[part + 1]) {
            visit(part == 1, bounds[part], bounds[part + 1] - bounds[part]);
        }
    }
}

// Copies what outputs [t, t + positions) of so many channels read: `input` is the first one's row.
// In place, vector by vector: all rows begin and end alike, and what is stored as whole vectors can
// be read at once.
inline void fill_slab(const Reach& r, const float* input, std::int64_t channels, std::int64_t t,
                      std::int64_t positions, float* slab, std::int64_t slab_row) {
    const std::int64_t run = phase_row(r, positions);
    if (reads_in_place(r)) {
        for (std::int64_t j = 0; j < run; j += Vec::kLanes) {
            const std::int64_t at = t - r.padding + j;
            const LaneRange inside = lanes_inside(r.length, at);  // for all rows at once
            const float* from = input + at;
            float* to = slab + j;
            for (std::int64_t i = 0; i < channels; ++i, from += r.length, to += slab_row) {
                Vec::store(to, Vec::load_between(from, inside.first, inside.last));
            }
        }
        return;
    }
    for (std::int64_t i = 0; i < channels; ++i, input += r.length, slab += slab_row) {
        float* to = slab;
        for (std::int64_t phase = 0; phase < r.stride; ++phase, to += run) {
            const std::int64_t at = t * r.stride + phase - r.padding;  // before upsampling
            for (std::int64_t j = 0; j < run; ++j) {
                const std::int64_t from = at + j * r.stride;
                const bool inside = from >= 0 && from < r.length * r.upsampling;
                to[j] = inside && from % r.upsampling == 0 ? input[from / r.upsampling] : 0.0f;
            }
        }
    }
}

// Asks for n floats of each of so many rows, which lie in pages of their own: the hardware does not
// foresee them.
inline void prefetch_rows(const float* p, std::int64_t row, std::int64_t rows, std::int64_t n) {
    constexpr std::int64_t kLine = 64 / sizeof(float);
    for (std::int64_t i = 0; i < rows; ++i, p += row) {
        for (std::int64_t at = 0; at < n; at += kLine) {
            __builtin_prefetch(p + at, 0, 2);
        }
    }
}

}  // namespace
