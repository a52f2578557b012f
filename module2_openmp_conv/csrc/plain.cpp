// The definitions, in scalar code: the path of what the tiles do not take (taps or outputs that are
// very far apart, weights that are not finite beside padding), and the benchmark's contestant
// `naive`. Bound: the latency of one addition per tap that reads no padding.

#include <algorithm>
#include <cstdint>

#include "kernels.h"

namespace {

// The taps of an output that read no padding: every step-th of [first, end). The first one reads
// position `at`, each further one `stride` positions behind the one before.
struct Taps {
    std::int64_t first;
    std::int64_t end;
    std::int64_t step;
    std::int64_t at;
    std::int64_t stride;
};

std::int64_t common_divisor(std::int64_t a, std::int64_t b) {
    return b == 0 ? a : common_divisor(b, a % b);
}

// Of output 0. Between upsampled samples lie zeros, which not every tap meets in turn.
Taps taps_of(const Reach& r) {
    const std::int64_t shared = common_divisor(r.upsampling, r.dilation);
    return {0, 0, r.upsampling / shared, 0, r.dilation / shared};
}

// Those of output t. No division where nothing is padding and nothing upsampled.
void find_taps(const Reach& r, std::int64_t t, Taps& taps) {
    const std::int64_t begin = t * r.stride - r.padding;  // of tap 0, between upsampled samples
    const std::int64_t left = r.length * r.upsampling - begin;
    taps.first = begin < 0 ? divided_up(-begin, r.dilation) : 0;
    taps.end = left > (r.kernel - 1) * r.dilation ? r.kernel : divided_up(left, r.dilation);
    taps.at = begin + taps.first * r.dilation;
    if (r.upsampling > 1) {
        while (taps.first < taps.end && taps.at % r.upsampling != 0) {
            ++taps.first;
            taps.at += r.dilation;
        }
        taps.at /= r.upsampling;
    }
}

}  // namespace

void plain_forward(const ForwardTask& p, std::int64_t first, std::int64_t last) {
    const Reach& r = p.reach;
    const std::int64_t out_channels = p.groups * p.group_out;
    Taps taps = taps_of(r);
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t sample = item / out_channels;
        const std::int64_t o = item % out_channels;
        const float* x = p.input + (sample * p.groups + o / p.group_out) * p.group_in * r.length;
        const float* w = p.packed + o * p.group_in * r.kernel;
        float* y = p.out + item * r.out_length;
        for (std::int64_t t = 0; t < r.out_length; ++t) {
            find_taps(r, t, taps);
            float sum = 0.0f;
            for (std::int64_t i = 0; i < p.group_in; ++i) {
                float part = 0.0f;  // short sums of short sums round less than one long one
                std::int64_t at = i * r.length + taps.at;
                for (std::int64_t k = taps.first; k < taps.end; k += taps.step) {
                    part += w[i * r.kernel + k] * x[at];
                    at += taps.stride;
                }
                sum += part;
            }
            sum += p.bias ? p.bias[o] : 0.0f;
            y[t] = p.relu && sum < 0.0f ? 0.0f : sum;
        }
    }
}

void plain_weight_gradient(const WeightTask& p, float* weight_gradient, std::int64_t first,
                           std::int64_t last) {
    const Reach& r = p.reach;
    for (std::int64_t o = first; o < last; ++o) {
        for (std::int64_t i = 0; i < p.group_in; ++i) {
            for (std::int64_t k = 0; k < r.kernel; ++k) {
                const std::int64_t at = k * r.dilation - r.padding;  // of output 0
                const std::int64_t begin = at < 0 ? divided_up(-at, r.stride) : 0;
                const std::int64_t end =
                    std::min(r.out_length, divided_up(r.length - at, r.stride));
                double sum = 0.0;
                for (std::int64_t sample = 0; sample < p.batch; ++sample) {
                    const std::int64_t group = sample * p.groups + o / p.group_out;
                    const float* x = p.input + (group * p.group_in + i) * r.length;
                    const float* g =
                        p.gradient + (sample * p.groups * p.group_out + o) * r.out_length;
                    for (std::int64_t t = begin; t < end; ++t) {
                        sum += static_cast<double>(g[t]) * x[at + t * r.stride];
                    }
                }
                weight_gradient[(o * p.group_in + i) * r.kernel + k] = static_cast<float>(sum);
            }
        }
    }
}
