// The original paper's method, written afresh as a contestant of the benchmark: one output at a
// time, the vector lanes run across the taps, then the lanes are added up. Parallel over batch.
//
// Included once by each conv1d_<isa>.cpp after `Vec`, in the anonymous namespace, without STL.
// Bound: one horizontal sum per output (a chain of log2(lanes) shuffles and adds), and lanes idle
// beyond the last tap: with 5 taps, 5 lanes of 16 work.

#include "kernels.h"

namespace {

void taps_loop_range(const Geometry& g, const Buffers& b, std::int64_t first, std::int64_t last) {
    const std::int64_t group_in = g.in_channels / g.groups;
    const std::int64_t group_out = g.out_channels / g.groups;
    for (std::int64_t sample = first; sample < last; ++sample) {
        for (std::int64_t o = 0; o < g.out_channels; ++o) {
            const std::int64_t channel = sample * g.in_channels + o / group_out * group_in;
            const float* x = b.input + channel * g.length;
            const float* w = b.weight + o * group_in * g.kernel;
            float* y = b.out + (sample * g.out_channels + o) * g.out_length;
            for (std::int64_t t = 0; t < g.out_length; ++t) {
                const std::int64_t at = t - g.padding_left;
                const std::int64_t tap_begin = at < 0 ? -at : 0;
                const std::int64_t tap_end = at + g.kernel > g.length ? g.length - at : g.kernel;
                Vec::Reg sum = Vec::broadcast(0.0f);
                for (std::int64_t i = 0; i < group_in; ++i) {
                    const float* xi = x + i * g.length + at;
                    const float* wi = w + i * g.kernel;
                    for (std::int64_t k = tap_begin; k < tap_end; k += Vec::kLanes) {
                        const std::int64_t left = tap_end - k;
                        const int lanes = left < Vec::kLanes ? static_cast<int>(left) : Vec::kLanes;
                        const Vec::Mask mask = Vec::mask(0, lanes);
                        const Vec::Reg taps = Vec::load_masked(wi + k, mask);
                        const Vec::Reg in = Vec::load_masked(xi + k, mask);
                        sum = Vec::multiply_add(taps, in, sum);
                    }
                }
                const float total = Vec::add_lanes(sum) + (b.bias ? b.bias[o] : 0.0f);
                y[t] = b.relu && total < 0.0f ? 0.0f : total;
            }
        }
    }
}

}  // namespace
