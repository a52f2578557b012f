#include "fft_convolution.h"

#include <algorithm>
#include <vector>

#include "channels_last.h"
#include "drivers.h"
#include "fft_plan.h"
#include "instruction_sets.h"
#include "packing.h"
#include "scratch.h"
#include "team.h"

namespace {

Strides strides_of(std::int64_t channels, std::int64_t positions, bool channels_last) {
    return channels_last ? Strides{channels * positions, 1, channels}
                         : Strides{channels * positions, positions, 1};
}

const FftKernels& kernels_of(const FftShape& p, const InstructionSet& isa) {
    int size = 0;
    while (kLeastTransform << size < p.transform) {
        ++size;
    }
    return isa.fft[size];
}

// Where torch's weights lie (or their gradient), for outputs that are their output channels or, of
// the gradient of the input, their input channels.
FftWeights weights_of(const Shape& p, const float* weight, bool correlates) {
    FftWeights w{};
    w.weights = weight;
    w.group = p.group_out * p.group_in * p.reach.kernel;
    w.output = (correlates ? p.group_in : 1) * p.reach.kernel;
    w.input = (correlates ? 1 : p.group_out) * p.reach.kernel;
    w.correlates = correlates;
    return w;
}

std::int64_t weight_items(const FftShape& p, const InstructionSet& isa) {
    return p.groups * divided_up(p.group_out, isa.lanes) * p.group_in;
}

// `weights` tells how they lie; direct(batch, input, out) computes so many samples from the taps
// and says whether it did.
template <class Direct>
bool run(FftTask p, FftWeights weights, std::int64_t work, int num_threads, const Direct& direct) {
    const InstructionSet& isa = current_isa();
    if (!plan_outputs(p, isa)) {
        return false;
    }
    const FftKernels& kernels = kernels_of(p, isa);
    const int most = team_size(work, num_threads, num_threads);
    partition_outputs(p, isa, most);
    const int threads = team_size(work, p.items, most);
    const std::int64_t spectra_floats = rounded_up(p.groups * fft_weight_spectra(p, isa.lanes), 16);
    const std::int64_t item_floats = rounded_up(fft_item_floats(p, isa.lanes), 16);
    float* spectra = scratch(spectra_floats + threads * item_floats +
                             divided_up(p.batch, std::int64_t{sizeof(float)}));
    float* own = spectra + spectra_floats;
    static_cast<FftShape&>(weights) = p;
    weights.spectra = spectra;
    p.spectra = spectra;
    p.offset = weights.correlates ? 0 : p.reach.kernel - 1;
    p.doubtful = reinterpret_cast<bool*>(own + threads * item_floats);
    std::fill_n(p.doubtful, p.batch, false);
    run_team(threads, weight_items(p, isa), [&](int, std::int64_t first, std::int64_t last) {
        kernels.weights(weights, first, last);
    });
    run_sharing_team(threads, p.items, work, [&](int rank, std::int64_t first, std::int64_t last) {
        kernels.convolve(p, own + rank * item_floats, first, last);
    });
    if (std::none_of(p.doubtful, p.doubtful + p.batch, [](bool one) { return one; })) {
        return true;
    }
    // The taps' kernels work in the same scratch.
    const std::vector<bool> doubtful(p.doubtful, p.doubtful + p.batch);
    for (auto first = doubtful.begin(); first != doubtful.end();) {
        first = std::find(first, doubtful.end(), true);
        const auto last = std::find(first, doubtful.end(), false);
        const std::int64_t sample = first - doubtful.begin();
        if (first != last &&
            !direct(last - first, p.input + sample * p.in.sample, p.out + sample * p.to.sample)) {
            return false;
        }
        first = last;
    }
    return true;
}

}  // namespace

bool forward_by_fft(const Geometry& g, const float* input, const float* weight, const float* bias,
                    float* out, bool relu, bool channels_last, int num_threads) {
    FftTask p{};
    static_cast<Shape&>(p) = shape_of(g);
    p.input = input;
    p.bias = bias;
    p.out = out;
    p.relu = relu;
    p.in = strides_of(g.in_channels, g.length, channels_last);
    p.to = strides_of(g.out_channels, g.out_length, channels_last);
    const auto direct = [&](std::int64_t batch, const float* x, float* y) {
        Geometry part = g;
        part.batch = batch;
        if (channels_last) {
            return forward_channels_last(part, x, weight, bias, y, relu, num_threads);
        }
        return forward(part, x, weight, bias, y, relu, Method::kTiled, num_threads) > 0;
    };
    return run(p, weights_of(p, weight, true), work_of(g), num_threads, direct);
}

bool input_gradient_by_fft(const Geometry& g, const float* gradient, const float* weight,
                           float* input_gradient, bool channels_last, int num_threads) {
    FftTask p{};
    static_cast<Shape&>(p) = input_gradient_shape_of(g);
    p.input = gradient;
    p.out = input_gradient;
    p.in = strides_of(g.out_channels, g.out_length, channels_last);
    p.to = strides_of(g.in_channels, g.length, channels_last);
    const auto direct = [&](std::int64_t batch, const float* dy, float* dx) {
        Geometry part = g;
        part.batch = batch;
        if (channels_last) {
            return input_gradient_channels_last(part, dy, weight, dx, num_threads);
        }
        return ::input_gradient(part, dy, weight, dx, num_threads) > 0;
    };
    // Taps in reverse order.
    return run(p, weights_of(p, weight, false), work_of(g), num_threads, direct);
}

bool weight_gradient_by_fft(const Geometry& g, const float* gradient, const float* input,
                            float* weight_gradient, float* bias_gradient, bool channels_last,
                            int num_threads) {
    FftWeightTask p{};
    static_cast<Shape&>(p) = shape_of(g);
    p.input = input;
    p.gradient = gradient;
    p.in = strides_of(g.in_channels, g.length, channels_last);
    p.to = strides_of(g.out_channels, g.out_length, channels_last);
    const InstructionSet& isa = current_isa();
    if (!plan_sums(p, isa)) {
        return false;
    }
    const FftKernels& kernels = kernels_of(p, isa);
    const std::int64_t work = work_of(g);
    const int most = team_size(work, num_threads, num_threads);
    partition_sums(p, isa, most);
    const int threads = team_size(work, p.items, most);
    const std::int64_t sums_floats = fft_sums_floats(p, isa.lanes);
    const std::int64_t item_floats = fft_item_floats(p, isa.lanes);
    if (threads * sums_floats > kMostSums) {
        return false;
    }
    float* sums = scratch(threads * (sums_floats + item_floats));
    float* own = sums + threads * sums_floats;
    const int team =
        run_team(threads, p.items, [&](int rank, std::int64_t first, std::int64_t last) {
            kernels.weight_sums(p, own + rank * item_floats, sums + rank * sums_floats, first,
                                last);
        });
    FftWeights w = weights_of(p, nullptr, true);
    static_cast<FftShape&>(w) = p;
    w.spectra = sums;
    w.summands = team;
    w.summand = sums_floats;
    run_team(team, weight_items(p, isa), [&](int, std::int64_t first, std::int64_t last) {
        kernels.weight_gradients(w, weight_gradient, first, last);
    });
    for (std::int64_t channel = 0; bias_gradient && channel < g.out_channels; ++channel) {
        const std::int64_t place =
            channel / p.group_out * rounded_up(p.group_out, isa.lanes) + channel % p.group_out;
        double sum = 0.0;
        for (int rank = 0; rank < team; ++rank) {
            sum += fft_bias_sums(p, isa.lanes, sums + rank * sums_floats)[place];
        }
        bias_gradient[channel] = static_cast<float>(sum);
    }
    return all_finite({weight_gradient, p.groups, p.group_in, p.group_out, g.kernel});
}
