// The definitions, in scalar code: the path of what the tiles do not take (more than 64 taps,
// weights that are not finite beside padding), and the benchmark's contestant `naive`.
// Bound: the latency of one addition per tap.

#include "kernels.h"

namespace {

// Where a tap reads, or -1 if that is padding.
std::int64_t position(const Reach& r, std::int64_t t, std::int64_t k) {
    const std::int64_t at = t * r.stride + k * r.dilation - r.padding;
    return at >= 0 && at < r.length * r.upsampling && at % r.upsampling == 0 ? at / r.upsampling
                                                                             : -1;
}

}  // namespace

void plain_forward(const ForwardTask& p, std::int64_t first, std::int64_t last) {
    const Reach& r = p.reach;
    const std::int64_t out_channels = p.groups * p.group_out;
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t sample = item / out_channels;
        const std::int64_t o = item % out_channels;
        const float* x = p.input + (sample * p.groups + o / p.group_out) * p.group_in * r.length;
        const float* w = p.packed + o * p.group_in * r.kernel;
        float* y = p.out + item * r.out_length;
        for (std::int64_t t = 0; t < r.out_length; ++t) {
            float sum = 0.0f;
            for (std::int64_t i = 0; i < p.group_in; ++i) {
                float part = 0.0f;  // short sums of short sums round less than one long one
                for (std::int64_t k = 0; k < r.kernel; ++k) {
                    const std::int64_t at = position(r, t, k);
                    if (at >= 0) {
                        part += w[i * r.kernel + k] * x[i * r.length + at];
                    }
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
                double sum = 0.0;
                for (std::int64_t sample = 0; sample < p.batch; ++sample) {
                    const std::int64_t group = sample * p.groups + o / p.group_out;
                    const float* x = p.input + (group * p.group_in + i) * r.length;
                    const float* g =
                        p.gradient + (sample * p.groups * p.group_out + o) * r.out_length;
                    for (std::int64_t t = 0; t < r.out_length; ++t) {
                        const std::int64_t at = position(r, t, k);
                        if (at >= 0) {
                            sum += static_cast<double>(g[t]) * x[at];
                        }
                    }
                }
                weight_gradient[(o * p.group_in + i) * r.kernel + k] = static_cast<float>(sum);
            }
        }
    }
}
