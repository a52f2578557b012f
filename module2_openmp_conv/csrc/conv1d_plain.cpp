// The definition, one output at a time, in scalar code: the path of every stride but 1, and the
// benchmark's contestant `naive`. Bound: the latency of one addition per tap.

#include "kernels.h"

void plain_range(const Geometry& g, const Buffers& b, std::int64_t first, std::int64_t last) {
    const std::int64_t group_in = g.in_channels / g.groups;
    const std::int64_t group_out = g.out_channels / g.groups;
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t sample = item / g.out_channels;
        const std::int64_t o = item % g.out_channels;
        const float* x = b.input + (sample * g.in_channels + o / group_out * group_in) * g.length;
        const float* w = b.weight + o * group_in * g.kernel;
        float* y = b.out + item * g.out_length;
        for (std::int64_t t = 0; t < g.out_length; ++t) {
            float sum = b.bias ? b.bias[o] : 0.0f;
            for (std::int64_t i = 0; i < group_in; ++i) {
                for (std::int64_t k = 0; k < g.kernel; ++k) {
                    const std::int64_t at = t * g.stride + k * g.dilation - g.padding_left;
                    if (at >= 0 && at < g.length) {
                        sum += w[i * g.kernel + k] * x[i * g.length + at];
                    }
                }
            }
            y[t] = b.relu && sum < 0.0f ? 0.0f : sum;
        }
    }
}
