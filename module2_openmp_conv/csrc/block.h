// What follows a convolution in a classifier's block, in one pass over its output: batch
// normalisation, ReLU and pooling; and the way back.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
// Works row by row in L1. Bound: memory; forward, a row is read (twice, if its moments are needed)
// and its pooled half written; backward, the convolution's output and the gradient are read twice
// and one array is written.
#pragma once

#include "problem.h"

namespace {

constexpr int kLanes = Vec::kLanes;

// Of a vector, where so many floats are left, or none.
inline int lanes_of(std::int64_t left) {
    return left >= kLanes ? kLanes : left > 0 ? static_cast<int>(left) : 0;
}

// A row in steps of a vector: the last may be a part of one.
inline Vec::Reg load_part(const float* p, int lanes) {
    return lanes == kLanes ? Vec::load(p) : Vec::load_first(p, lanes);
}

inline void store_part(float* p, Vec::Reg a, int lanes) {
    if (lanes == kLanes) {
        Vec::store(p, a);
    } else {
        Vec::store_first(p, a, lanes);
    }
}

// For each row [first, last) of batch × channels: sum, and sum of squared deviations from the row's
// mean, in two passes for the sake of digits.
void block_moments_rows(const BlockTask& p, float*, std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
        const float* y = p.y + row * p.length;
        Vec::Reg sums[2] = {Vec::zero(), Vec::zero()};
        int turn = 0;
        for (std::int64_t t = 0; t < p.length; t += kLanes, turn ^= 1) {
            sums[turn] = Vec::add(sums[turn], load_part(y + t, lanes_of(p.length - t)));
        }
        const float sum = Vec::add_lanes(Vec::add(sums[0], sums[1]));
        const Vec::Reg minus_mean = Vec::broadcast(-sum / static_cast<float>(p.length));
        Vec::Reg squares[2] = {Vec::zero(), Vec::zero()};
        std::int64_t t = 0;
        for (turn = 0; t + kLanes <= p.length; t += kLanes, turn ^= 1) {
            const Vec::Reg gap = Vec::add(Vec::load(y + t), minus_mean);
            squares[turn] = Vec::multiply_add(gap, gap, squares[turn]);
        }
        if (t < p.length) {
            const int rest = lanes_of(p.length - t);
            float gaps[kLanes];
            Vec::store(gaps, Vec::add(Vec::load_first(y + t, rest), minus_mean));
            const Vec::Reg gap = Vec::load_first(gaps, rest);  // zero in the lanes beyond
            squares[0] = Vec::multiply_add(gap, gap, squares[0]);
        }
        p.row_sums[2 * row] = sum;
        p.row_sums[2 * row + 1] = Vec::add_lanes(Vec::add(squares[0], squares[1]));
    }
}

// The outputs of rows [first, last). buffer: one row.
void block_forward_rows(const BlockTask& p, float* buffer, std::int64_t first, std::int64_t last) {
    const std::int64_t pooled = p.length / p.pool;
    for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t channel = row % p.channels;
        const Vec::Reg scale = Vec::broadcast(p.scale[channel]);
        const Vec::Reg shift = Vec::broadcast(p.shift[channel]);
        const float* y = p.y + row * p.length;
        float* out = p.out + row * pooled;
        float* rectified = p.pool == 1 ? out : buffer;
        for (std::int64_t t = 0; t < p.length; t += kLanes) {
            const int lanes = lanes_of(p.length - t);
            const Vec::Reg n = Vec::multiply_add(load_part(y + t, lanes), scale, shift);
            store_part(rectified + t, Vec::relu(n), lanes);
        }
        if (p.pool == 1) {
            continue;
        }
        if (p.mean_pool) {
            const float share = 1.0f / static_cast<float>(p.pool);
            for (std::int64_t t = 0; t < pooled; ++t) {
                float sum = 0.0f;
                for (std::int64_t j = 0; j < p.pool; ++j) {
                    sum += rectified[t * p.pool + j];
                }
                out[t] = sum * share;
            }
            continue;
        }
        for (std::int64_t t = 0; t < pooled; t += kLanes) {
            const std::int64_t left = 2 * (pooled - t);
            Vec::Reg even;
            Vec::Reg odd;
            Vec::split(load_part(buffer + 2 * t, lanes_of(left)),
                       load_part(buffer + 2 * t + kLanes, lanes_of(left - kLanes)), &even, &odd);
            store_part(out + t, Vec::larger(even, odd), lanes_of(pooled - t));
        }
    }
}

// The gradient before pooling: of the mean's inputs; or of the larger of two, where it is positive.
inline void unpool(const BlockTask& p, const float* y, const float* gradient, Vec::Reg scale,
                   Vec::Reg shift, float* buffer) {
    const std::int64_t pooled = p.length / p.pool;
    if (p.mean_pool) {
        const float share = 1.0f / static_cast<float>(p.pool);
        for (std::int64_t t = 0; t < pooled; ++t) {
            for (std::int64_t j = 0; j < p.pool; ++j) {
                buffer[t * p.pool + j] = gradient[t] * share;
            }
        }
    } else {
        for (std::int64_t t = 0; t < pooled; t += kLanes) {
            const std::int64_t left = 2 * (pooled - t);
            const int first = lanes_of(left);
            const int second = lanes_of(left - kLanes);
            Vec::Reg even;
            Vec::Reg odd;
            Vec::split(Vec::multiply_add(load_part(y + 2 * t, first), scale, shift),
                       Vec::multiply_add(load_part(y + 2 * t + kLanes, second), scale, shift),
                       &even, &odd);
            const Vec::Reg g = load_part(gradient + t, lanes_of(pooled - t));
            Vec::Reg a;
            Vec::Reg b;
            Vec::join(Vec::where_not_greater(odd, even, g), Vec::where_greater(odd, even, g), &a,
                      &b);
            store_part(buffer + 2 * t, a, first);
            store_part(buffer + 2 * t + kLanes, b, second);
        }
    }
    for (std::int64_t t = pooled * p.pool; t < p.length; ++t) {
        buffer[t] = 0.0f;
    }
}

// A row on the way back.
struct BackwardRow {
    const float* y;
    const float* gradient;  // before pooling, of the ReLU's output
    Vec::Reg scale;
    Vec::Reg shift;

    // The normalised output's gradient, in the lanes from position t on.
    inline Vec::Reg normalised_gradient(std::int64_t t, Vec::Reg value, int lanes) const {
        return Vec::where_greater(Vec::multiply_add(value, scale, shift), Vec::zero(),
                                  load_part(gradient + t, lanes));
    }
};

inline BackwardRow backward_row(const BlockTask& p, float* buffer, std::int64_t row) {
    const std::int64_t channel = row % p.channels;
    BackwardRow r{p.y + row * p.length, p.gradient + row * (p.length / p.pool),
                  Vec::broadcast(p.scale[channel]), Vec::broadcast(p.shift[channel])};
    if (p.pool > 1) {
        unpool(p, r.y, r.gradient, r.scale, r.shift, buffer);
        r.gradient = buffer;
    }
    return r;
}

// For each row: the sums of the normalised output's gradient, and of gradient × normalised value.
void block_sums_rows(const BlockTask& p, float* buffer, std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
        const BackwardRow r = backward_row(p, buffer, row);
        const std::int64_t channel = row % p.channels;
        const Vec::Reg minus_mean = Vec::broadcast(-p.mean[channel]);
        Vec::Reg sum = Vec::zero();
        Vec::Reg product = Vec::zero();
        for (std::int64_t t = 0; t < p.length; t += kLanes) {
            const int lanes = lanes_of(p.length - t);
            const Vec::Reg value = load_part(r.y + t, lanes);
            const Vec::Reg g = r.normalised_gradient(t, value, lanes);
            sum = Vec::add(sum, g);
            product = Vec::multiply_add(g, Vec::add(value, minus_mean), product);
        }
        p.row_sums[2 * row] = Vec::add_lanes(sum);
        p.row_sums[2 * row + 1] = Vec::add_lanes(product) * p.inverse_deviation[channel];
    }
}

// The gradient of the convolution's output, from the channels' sums over the whole batch:
// scale · (g − mean of g − normalised value · mean of g × normalised value); see Ioffe and Szegedy,
// Batch Normalization, 2015. Without batch statistics both means are zero.
void block_gradient_rows(const BlockTask& p, float* buffer, std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
        const BackwardRow r = backward_row(p, buffer, row);
        const std::int64_t channel = row % p.channels;
        const float slope =
            -p.scale[channel] * p.mean_products[channel] * p.inverse_deviation[channel];
        const Vec::Reg slopes = Vec::broadcast(slope);
        const Vec::Reg offset =
            Vec::broadcast(-p.scale[channel] * p.mean_gradients[channel] - slope * p.mean[channel]);
        float* dy = p.dy + row * p.length;
        for (std::int64_t t = 0; t < p.length; t += kLanes) {
            const int lanes = lanes_of(p.length - t);
            const Vec::Reg value = load_part(r.y + t, lanes);
            const Vec::Reg g = r.normalised_gradient(t, value, lanes);
            const Vec::Reg level = Vec::multiply_add(value, slopes, offset);
            store_part(dy + t, Vec::multiply_add(g, r.scale, level), lanes);
        }
    }
}

}  // namespace
