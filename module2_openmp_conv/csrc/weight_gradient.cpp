// The driver of the weights' and bias' gradients: partition, threads, and the threads' sums.

#include <algorithm>
#include <cstring>

#include "drivers.h"
#include "instruction_sets.h"
#include "many_taps.h"
#include "packing.h"
#include "scratch.h"
#include "team.h"

namespace {

constexpr std::int64_t kPositionsOverChannels = 128;   // a transposed block of 32 channels is 16 KB
constexpr std::int64_t kPositionsOverOneVector = 256;  // of 16 channels, too
constexpr std::int64_t kPositionsOverPositions = 1024;

// Lanes over positions where few channels would leave lanes over channels idle, or where there is
// too little work per gradient to pay for turning it over.
bool lanes_over_positions(const WeightTask& p, const InstructionSet& isa) {
    const std::int64_t lanes = isa.lanes;
    const std::int64_t padded = rounded_up(p.group_out, lanes);
    return 2 * p.group_out <= padded || p.group_in * p.reach.kernel < 24;
}

void partition(WeightTask& p, const InstructionSet& isa, int threads) {
    p.over_positions = lanes_over_positions(p, isa);
    const std::int64_t most = p.over_positions           ? kPositionsOverPositions
                              : p.group_out <= isa.lanes ? kPositionsOverOneVector
                                                         : kPositionsOverChannels;
    const std::int64_t wanted =
        divided_up(kItemsPerThread * threads, std::max<std::int64_t>(p.batch, 1));
    const std::int64_t least = divided_up(p.reach.out_length, most);
    const std::int64_t parts =
        threads == 1 ? least : std::max(least, std::min(wanted, p.reach.out_length / 64));
    p.positions_per_item = rounded_up(divided_up(p.reach.out_length, parts), isa.lanes);
    p.position_items = divided_up(p.reach.out_length, p.positions_per_item);
    p.slab_row = slab_row_of(p.reach, p.positions_per_item);
    const std::int64_t rows =
        p.over_positions ? p.group_out * isa.lanes : rounded_up(p.group_out, isa.lanes);
    p.group_sums = rows * p.group_in * p.reach.kernel;
}

// Where a thread's sum of one weight lies among its group's: see the layouts in
// weight_over_channels.h and weight_over_positions.h.
std::int64_t place(const WeightTask& p, std::int64_t lanes, std::int64_t o, std::int64_t i,
                   std::int64_t k) {
    const std::int64_t taps = p.group_in * p.reach.kernel;
    const std::int64_t tap = i * p.reach.kernel + k;
    if (p.over_positions) {
        return (o * taps + tap) * lanes;
    }
    const std::int64_t begin = o / (2 * lanes) * (2 * lanes);
    const std::int64_t block = p.group_out - begin > lanes ? 2 * lanes : lanes;
    return begin * taps + tap * block + (o - begin);
}

// The sum of all threads' sums of each weight, in the order of the threads.
void add_up(const WeightTask& p, std::int64_t lanes, const float* sums, std::int64_t sums_floats,
            int team, std::int64_t first, std::int64_t last, float* weight_gradient) {
    const std::int64_t kernel = p.reach.kernel;
    for (std::int64_t channel = first; channel < last; ++channel) {
        const float* of_group = sums + channel / p.group_out * p.group_sums;
        float* to = weight_gradient + channel * p.group_in * kernel;
        for (std::int64_t i = 0; i < p.group_in; ++i) {
            for (std::int64_t k = 0; k < kernel; ++k) {
                const float* from = of_group + place(p, lanes, channel % p.group_out, i, k);
                double sum = 0.0;
                for (int rank = 0; rank < team; ++rank, from += sums_floats) {
                    for (std::int64_t lane = 0; lane < (p.over_positions ? lanes : 1); ++lane) {
                        sum += from[lane];
                    }
                }
                to[i * kernel + k] = static_cast<float>(sum);
            }
        }
    }
}

void plain_bias_gradient(const WeightTask& p, float* bias_gradient) {
    const std::int64_t channels = p.groups * p.group_out;
    for (std::int64_t channel = 0; channel < channels; ++channel) {
        double sum = 0.0;
        for (std::int64_t sample = 0; sample < p.batch; ++sample) {
            const float* g = p.gradient + (sample * channels + channel) * p.reach.out_length;
            for (std::int64_t t = 0; t < p.reach.out_length; ++t) {
                sum += g[t];
            }
        }
        bias_gradient[channel] = static_cast<float>(sum);
    }
}

}  // namespace

int weight_gradient(const Geometry& g, const float* gradient, const float* input,
                    float* weight_gradient, float* bias_gradient, int num_threads) {
    if (g.kernel > kMostTaps) {
        return weight_gradient_of_many_taps(g, gradient, input, weight_gradient, bias_gradient,
                                            num_threads);
    }
    WeightTask p{};
    static_cast<Shape&>(p) = shape_of(g);
    p.input = input;
    p.gradient = gradient;
    p.bias = bias_gradient != nullptr;
    const std::int64_t work = work_of(g);
    const int most = team_size(work, num_threads, num_threads);
    const InstructionSet& isa = current_isa();
    partition(p, isa, most);
    if (p.slab_row > kMostSlabFloats / p.group_in) {
        if (bias_gradient) {
            plain_bias_gradient(p, bias_gradient);
        }
        return run_team(most, g.out_channels, [&](int, std::int64_t first, std::int64_t last) {
            plain_weight_gradient(p, weight_gradient, first, last);
        });
    }
    const std::int64_t items = p.batch * p.position_items;
    const std::int64_t lanes = isa.lanes;
    const std::int64_t weight_sums = p.groups * p.group_sums;
    const std::int64_t sums_floats = rounded_up(weight_sums + g.out_channels, 16);
    const int helpers = team_size(work, items, most);  // whose own sums may be too many
    const int threads = summing_team_size(helpers, sums_floats);
    const std::int64_t own_floats =
        rounded_up(p.positions_per_item * 2 * lanes + 2 * p.group_in * p.slab_row, 16);
    float* sums = scratch(threads * (sums_floats + own_floats));
    float* own = sums + threads * sums_floats;
    const int team = run_team(threads, items, [&](int rank, std::int64_t first, std::int64_t last) {
        float* to = sums + rank * sums_floats;
        std::memset(to, 0, static_cast<std::size_t>(sums_floats) * sizeof(float));
        isa.weight_gradient(p, own + rank * own_floats, to, first, last);
    });
    run_team(helpers, g.out_channels, [&](int, std::int64_t first, std::int64_t last) {
        add_up(p, lanes, sums, sums_floats, team, first, last, weight_gradient);
    });
    for (std::int64_t channel = 0; bias_gradient && channel < g.out_channels; ++channel) {
        double sum = 0.0;
        for (int rank = 0; rank < team; ++rank) {
            sum += sums[rank * sums_floats + weight_sums + channel];
        }
        bias_gradient[channel] = static_cast<float>(sum);
    }
    // The tiles multiply gradients by padding, and 0 · inf is NaN; the definition leaves it out.
    if (reads_padding(g) &&
        !all_finite({weight_gradient, p.groups, p.group_in, p.group_out, g.kernel})) {
        run_team(threads, g.out_channels, [&](int, std::int64_t first, std::int64_t last) {
            plain_weight_gradient(p, weight_gradient, first, last);
        });
    }
    return team;
}
