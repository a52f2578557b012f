// The original paper's method, written afresh as a contestant of the benchmark: one output at a
// time, the vector lanes run across the taps, then the lanes are added up. Parallel over batch.
//
// Included by each isa_*.cpp after `Vec`, in the anonymous namespace, without STL.
// Bound: one horizontal sum per output (a chain of log2(lanes) shuffles and adds), and lanes idle
// beyond the last tap: with 5 taps, 5 lanes of 16 work.

#include "problem.h"

namespace {

void taps_loop_items(const ForwardTask& p, std::int64_t first, std::int64_t last) {
    const Reach& r = p.reach;
    const std::int64_t out_channels = p.groups * p.group_out;
    for (std::int64_t sample = first; sample < last; ++sample) {
        for (std::int64_t o = 0; o < out_channels; ++o) {
            const std::int64_t group = sample * p.groups + o / p.group_out;
            const float* x = p.input + group * p.group_in * r.length;
            const float* w = p.packed + o * p.group_in * r.kernel;
            float* y = p.out + (sample * out_channels + o) * r.out_length;
            for (std::int64_t t = 0; t < r.out_length; ++t) {
                const std::int64_t at = t - r.padding;
                const std::int64_t tap_begin = at < 0 ? -at : 0;
                const std::int64_t tap_end = at + r.kernel > r.length ? r.length - at : r.kernel;
                Vec::Reg sum = Vec::zero();
                for (std::int64_t i = 0; i < p.group_in; ++i) {
                    const float* xi = x + i * r.length + at;
                    const float* wi = w + i * r.kernel;
                    for (std::int64_t k = tap_begin; k < tap_end; k += Vec::kLanes) {
                        const std::int64_t left = tap_end - k;
                        const int lanes = left < Vec::kLanes ? static_cast<int>(left) : Vec::kLanes;
                        const Vec::Reg taps = Vec::load_first(wi + k, lanes);
                        const Vec::Reg in = Vec::load_first(xi + k, lanes);
                        sum = Vec::multiply_add(taps, in, sum);
                    }
                }
                const float total = Vec::add_lanes(sum) + (p.bias ? p.bias[o] : 0.0f);
                y[t] = p.relu && total < 0.0f ? 0.0f : total;
            }
        }
    }
}

}  // namespace
