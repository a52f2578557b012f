// What follows a convolution in a classifier's block, in one pass over its output: batch
// normalisation, ReLU and, if asked for, the larger of each two neighbours; and the way back.
//
// Included by each instruction set's file, in the anonymous namespace, without STL. The compiler
// vectorises these loops; the bound is memory: forward, a row is read and its half written;
// backward, the convolution's output and the gradient are read twice and one array is written.
#pragma once

#include "problem.h"

namespace {

// ReLU and max as torch has them: what is not a number stays so.
inline float rectified(float a) {
    return a < 0.0f ? 0.0f : a;
}

inline float larger_or_nan(float a, float b) {
    return b > a || b != b ? b : a;
}

// For each row [first, last) of batch × channels: sum, and sum of squared deviations from the row's
// mean, in two passes for the sake of digits.
void block_moments_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
        const float* y = p.y + row * p.length;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t t = 0; t < p.length; ++t) {
            sum += y[t];
        }
        const float mean = sum / static_cast<float>(p.length);
        float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
        for (std::int64_t t = 0; t < p.length; ++t) {
            squares += (y[t] - mean) * (y[t] - mean);
        }
        p.row_sums[2 * row] = sum;
        p.row_sums[2 * row + 1] = squares;
    }
}

// The outputs of rows [first, last).
void block_forward_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    const std::int64_t pooled = p.length / p.pool;
    for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t channel = row % p.channels;
        const float scale = p.scale[channel];
        const float shift = p.shift[channel];
        const float* y = p.y + row * p.length;
        float* out = p.out + row * pooled;
        if (p.pool == 1) {
            for (std::int64_t t = 0; t < pooled; ++t) {
                out[t] = rectified(y[t] * scale + shift);
            }
        } else {
            for (std::int64_t t = 0; t < pooled; ++t) {
                const float a = rectified(y[2 * t] * scale + shift);
                const float b = rectified(y[2 * t + 1] * scale + shift);
                out[t] = larger_or_nan(a, b);
            }
        }
    }
}

// For each row: the sums of the normalised output's gradient, and of gradient × normalised value.
void block_sums_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    const std::int64_t pooled = p.length / p.pool;
    for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t channel = row % p.channels;
        const float scale = p.scale[channel];
        const float shift = p.shift[channel];
        const float mean = p.mean[channel];
        const float* y = p.y + row * p.length;
        const float* gradient = p.gradient + row * pooled;
        float sum = 0.0f;
        float product = 0.0f;
        if (p.pool == 1) {
#pragma omp simd reduction(+ : sum, product)
            for (std::int64_t t = 0; t < pooled; ++t) {
                const float g = y[t] * scale + shift > 0.0f ? gradient[t] : 0.0f;
                sum += g;
                product += g * (y[t] - mean);
            }
        } else {
#pragma omp simd reduction(+ : sum, product)
            for (std::int64_t t = 0; t < pooled; ++t) {
                const float a = y[2 * t] * scale + shift;
                const float b = y[2 * t + 1] * scale + shift;
                const float at = b > a ? y[2 * t + 1] : y[2 * t];
                const float g = larger_or_nan(a, b) > 0.0f ? gradient[t] : 0.0f;
                sum += g;
                product += g * (at - mean);
            }
        }
        p.row_sums[2 * row] = sum;
        p.row_sums[2 * row + 1] = product * p.inverse_deviation[channel];
    }
}

// The gradient of the convolution's output, from the channels' sums over the whole batch:
// scale · (g − mean of g − normalised value · mean of g × normalised value); see Ioffe and Szegedy,
// Batch Normalization, 2015. Without batch statistics both means are zero.
void block_gradient_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    const std::int64_t pooled = p.length / p.pool;
    for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t channel = row % p.channels;
        const float scale = p.scale[channel];
        const float shift = p.shift[channel];
        const float slope = -scale * p.mean_products[channel] * p.inverse_deviation[channel];
        const float offset = -scale * p.mean_gradients[channel] - slope * p.mean[channel];
        const float* y = p.y + row * p.length;
        const float* gradient = p.gradient + row * pooled;
        float* dy = p.dy + row * p.length;
        if (p.pool == 1) {
            for (std::int64_t t = 0; t < pooled; ++t) {
                const float g = y[t] * scale + shift > 0.0f ? gradient[t] * scale : 0.0f;
                dy[t] = g + (y[t] * slope + offset);
            }
            continue;
        }
        for (std::int64_t t = 0; t < pooled; ++t) {
            const float a = y[2 * t] * scale + shift;
            const float b = y[2 * t + 1] * scale + shift;
            const float g = gradient[t] * scale;
            const float first_g = !(b > a) && a > 0.0f ? g : 0.0f;
            const float second_g = b > a && b > 0.0f ? g : 0.0f;
            dy[2 * t] = first_g + (y[2 * t] * slope + offset);
            dy[2 * t + 1] = second_g + (y[2 * t + 1] * slope + offset);
        }
        if (p.length % 2 != 0) {
            dy[p.length - 1] = y[p.length - 1] * slope + offset;
        }
    }
}

}  // namespace
