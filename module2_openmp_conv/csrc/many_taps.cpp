#include "many_taps.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "drivers.h"
#include "team.h"

namespace {

// Positions of the samples that are summed at once, for each thread: so few that the sums of 16
// channels stay in L2, so many that packing the weights for them shows little.
constexpr std::int64_t kPositions = 8192;

// The convolution of some of the taps.
struct Part {
    Geometry geometry;
    std::int64_t first_tap;
};

std::vector<Part> parts_of(const Geometry& g) {
    const std::int64_t taps = divided_up(g.kernel, divided_up(g.kernel, kMostTaps));
    std::vector<Part> parts;
    for (std::int64_t first = 0; first < g.kernel; first += taps) {
        Geometry some = g;
        some.kernel = std::min(taps, g.kernel - first);
        some.padding_left -= first * g.dilation;  // negative where they read nothing of it
        parts.push_back({some, first});
    }
    return parts;
}

std::int64_t weight_rows(const Geometry& g) {
    return g.out_channels * (g.in_channels / g.groups);
}

std::vector<float> weights_of(const Geometry& g, const float* weight, const Part& part) {
    const std::int64_t taps = part.geometry.kernel;
    std::vector<float> some(static_cast<std::size_t>(weight_rows(g) * taps));
    for (std::int64_t row = 0; row < weight_rows(g); ++row) {
        std::copy_n(weight + row * g.kernel + part.first_tap, taps, some.data() + row * taps);
    }
    return some;
}

// The sum of all parts, and what comes after it.
struct Sum {
    float* out;  // [batch, channels, positions]
    std::int64_t channels;
    std::int64_t positions;
    const float* bias;  // or null
    bool relu;
};

// Adds to rows [first, last) of `out`; the last part's are followed by bias and ReLU.
void add_rows(const Sum& sum, const float* addend, float* out, bool is_last, std::int64_t first,
              std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
        const float* from = addend + row * sum.positions;
        float* to = out + row * sum.positions;
        const float bias = is_last && sum.bias ? sum.bias[row % sum.channels] : 0.0f;
        const bool relu = is_last && sum.relu;
        for (std::int64_t t = 0; t < sum.positions; ++t) {
            const float total = to[t] + from[t] + bias;
            to[t] = relu && total < 0.0f ? 0.0f : total;
        }
    }
}

// compute(geometry, weights, first sample, out) convolves a part of some samples and tells the
// team's size.
template <class Compute>
int add_up(const Geometry& g, const float* weight, const Sum& sum, int num_threads,
           const Compute& compute) {
    const std::vector<Part> parts = parts_of(g);
    std::vector<std::vector<float>> weights;
    for (const Part& part : parts) {
        weights.push_back(weights_of(g, weight, part));
    }
    const std::int64_t sample_floats = sum.channels * sum.positions;
    const std::int64_t at_once =
        std::max<std::int64_t>(std::min(kPositions * num_threads / sum.positions, g.batch), 1);
    // Not a vector, which would be filled with zeros first.
    const std::unique_ptr<float[]> addend(new float[at_once * sample_floats]);
    int team = 1;
    for (std::int64_t sample = 0; sample < g.batch; sample += at_once) {
        const std::int64_t samples = std::min(at_once, g.batch - sample);
        float* out = sum.out + sample * sample_floats;
        for (std::size_t n = 0; n < parts.size(); ++n) {
            Geometry some = parts[n].geometry;
            some.batch = samples;
            float* to = n == 0 ? out : addend.get();
            team = std::max(team, compute(some, weights[n].data(), sample, to));
            if (n > 0) {
                const bool is_last = n + 1 == parts.size();
                const std::int64_t rows = samples * sum.channels;
                const std::int64_t work = kMultiplyAddsOfOutput * rows * sum.positions;
                run_team(team_size(work, rows, num_threads), rows,
                         [&](int, std::int64_t first, std::int64_t last) {
                             add_rows(sum, addend.get(), out, is_last, first, last);
                         });
            }
        }
    }
    return team;
}

}  // namespace

int forward_of_many_taps(const Geometry& g, const float* input, const float* weight,
                         const float* bias, float* out, bool relu, int num_threads) {
    return add_up(g, weight, {out, g.out_channels, g.out_length, bias, relu}, num_threads,
                  [&](const Geometry& some, const float* w, std::int64_t sample, float* to) {
                      return forward(some, input + sample * g.in_channels * g.length, w, nullptr,
                                     to, false, Method::kTiled, num_threads);
                  });
}

int input_gradient_of_many_taps(const Geometry& g, const float* gradient, const float* weight,
                                float* input_gradient, int num_threads) {
    return add_up(g, weight, {input_gradient, g.in_channels, g.length, nullptr, false}, num_threads,
                  [&](const Geometry& some, const float* w, std::int64_t sample, float* to) {
                      return ::input_gradient(some,
                                              gradient + sample * g.out_channels * g.out_length, w,
                                              to, num_threads);
                  });
}

int weight_gradient_of_many_taps(const Geometry& g, const float* gradient, const float* input,
                                 float* weight_gradient, float* bias_gradient, int num_threads) {
    int team = 1;
    for (const Part& part : parts_of(g)) {
        const std::int64_t taps = part.geometry.kernel;
        std::vector<float> some(static_cast<std::size_t>(weight_rows(g) * taps));
        float* const bias = part.first_tap == 0 ? bias_gradient : nullptr;
        team = std::max(team, ::weight_gradient(part.geometry, gradient, input, some.data(), bias,
                                                num_threads));
        for (std::int64_t row = 0; row < weight_rows(g); ++row) {
            std::copy_n(some.data() + row * taps, taps,
                        weight_gradient + row * g.kernel + part.first_tap);
        }
    }
    return team;
}
