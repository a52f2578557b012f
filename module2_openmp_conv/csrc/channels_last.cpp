#include "channels_last.h"

#include <algorithm>
#include <cstring>

#include "instruction_sets.h"
#include "packing.h"
#include "scratch.h"
#include "team.h"

namespace {

constexpr std::int64_t kFloat = sizeof(float);
constexpr std::int64_t kLine = 64 / kFloat;
constexpr std::int64_t kItemBytes = 16 * 1024;         // stay in L1 beside the weights
constexpr std::int64_t kRolledItemBytes = 256 * 1024;  // input and output stay in L2

// Fills in how the tiles see the convolution.
void describe(LastShape& p, const InstructionSet& isa) {
    p.depthwise = p.group_in == 1 && p.group_out == 1 && p.groups > 1;
    p.tile_groups = p.depthwise ? 1 : p.groups;
    p.tile_in = p.depthwise ? p.groups : p.group_in;
    p.tile_out = p.depthwise ? p.groups : p.group_out;
    const bool one_run = p.depthwise || (p.groups == 1 && p.reach.dilation == 1);
    p.runs = one_run ? 1 : p.reach.kernel;
    p.terms = p.group_in * p.reach.kernel / p.runs;
    p.rolled = p.depthwise && p.reach.stride == p.reach.dilation &&
               p.reach.kernel <= isa.rolled_taps && p.tile_out >= isa.lanes;
}

// So few output channels that lanes over these would be idle, and terms enough to fill them, but
// not so many that a lane's would make too long a chain (chain.h).
bool few_outputs(const LastShape& p, std::int64_t lanes) {
    return !p.depthwise && 4 * p.tile_out <= lanes && p.terms >= lanes &&
           p.runs * divided_up(p.terms, lanes) <= kLongest;
}

// Fills in the partition: items of so many positions that what is read for them stays in a cache,
// `row` floats for each, and of whole tiles where there are some. The gradient of the weights is
// quicker by items for L2, too, where the forward pass is.
void partition(LastShape& p, const InstructionSet& isa, std::int64_t row, int threads) {
    const Reach& r = p.reach;
    const std::int64_t width = isa.last_width(p);
    const std::int64_t bytes = p.rolled && r.upsampling == 1 ? kRolledItemBytes : kItemBytes;
    const std::int64_t in_cache = std::max<std::int64_t>(bytes / kFloat / row, 1);
    const std::int64_t wanted =
        divided_up(kItemsPerThread * threads, std::max<std::int64_t>(p.batch, 1));
    const std::int64_t parts = std::max(divided_up(r.out_length, rounded_up(in_cache, width)),
                                        threads == 1 ? 1 : std::min(wanted, r.out_length));
    const std::int64_t even = divided_up(r.out_length, parts);
    p.positions_per_item = even < width ? even : rounded_up(even, width);
    p.position_items = divided_up(r.out_length, p.positions_per_item);
    p.slab_floats = rounded_up(
        ((p.positions_per_item - 1) * r.stride + (r.kernel - 1) * r.dilation + 1) * p.tile_in,
        kLine);
}

// Calls visit(place, group, output, input, tap) for each weight, and then bias(place, channel of
// all groups) for each output channel, with the places where packed ones lie.
template <class Visit, class Bias>
void visit_packed(const LastShape& p, std::int64_t lanes, const Visit& visit, const Bias& bias) {
    std::int64_t place = 0;
    std::int64_t bias_place = 0;
    for (std::int64_t group = 0; group < p.tile_groups; ++group) {
        for (std::int64_t o = 0; o < p.tile_out;) {
            const std::int64_t block =
                p.few_outputs ? 1 : last_vectors(p, lanes, p.tile_out - o) * lanes;
            const std::int64_t channels = std::min(block, p.tile_out - o);
            for (std::int64_t k = 0; k < p.reach.kernel; ++k) {
                for (std::int64_t i = 0; i < p.group_in; ++i, place += block) {
                    for (std::int64_t c = 0; c < channels; ++c) {
                        visit(place + c, p.depthwise ? o + c : group, p.depthwise ? 0 : o + c, i,
                              k);
                    }
                }
            }
            for (std::int64_t c = 0; c < channels; ++c) {
                bias(bias_place + c, group * p.tile_out + o + c);
            }
            bias_place += block;
            o += block;
        }
    }
}

// weight(weights, group, output, input, tap) tells a weight.
template <class Weight>
bool run(LastTask p, const Weights& weights, const float* bias, bool reads_padding,
         std::int64_t work, int num_threads, const Weight& weight) {
    const InstructionSet& isa = current_isa();
    describe(p, isa);
    p.few_outputs = few_outputs(p, isa.lanes);
    partition(p, isa, p.groups * (p.group_in * p.reach.stride + (p.depthwise ? 1 : 0)),
              team_size(work, num_threads, num_threads));
    if (p.slab_floats > kMostSlabFloats || (reads_padding && !all_finite(weights)) ||
        (p.depthwise && p.reach.kernel > kMostTaps)) {
        return false;
    }
    p.stream = p.batch * p.reach.out_length * p.groups * p.group_out * kFloat > kMostCachedBytes &&
               p.tile_out % kLine == 0 && (!p.depthwise || isa.lanes == kLine) &&
               reinterpret_cast<std::uintptr_t>(p.out) % (kLine * kFloat) == 0;
    const std::int64_t items = p.batch * p.position_items;
    const int threads = team_size(work, items, num_threads);
    const std::int64_t channels = p.tile_groups * packed_outputs(p, isa.lanes);
    const std::int64_t weight_floats = channels * p.group_in * p.reach.kernel;
    const std::int64_t packed_floats = rounded_up(weight_floats + channels, kLine);
    float* packed = scratch(packed_floats + threads * 2 * p.slab_floats);
    float* packed_bias = packed + weight_floats;
    if (p.tile_out % isa.lanes != 0) {
        std::memset(packed, 0, static_cast<std::size_t>(packed_floats) * sizeof(float));
    }
    visit_packed(
        p, isa.lanes,
        [&](std::int64_t place, std::int64_t group, std::int64_t o, std::int64_t i,
            std::int64_t k) { packed[place] = weight(weights, group, o, i, k); },
        [&](std::int64_t place, std::int64_t channel) {
            packed_bias[place] = bias ? bias[channel] : 0.0f;
        });
    p.packed = packed;
    p.packed_bias = packed_bias;
    float* slabs = packed + packed_floats;
    run_sharing_team(threads, items, work, [&](int rank, std::int64_t first, std::int64_t last) {
        isa.channels_last(p, slabs + rank * 2 * p.slab_floats, first, last);
    });
    return true;
}

}  // namespace

bool forward_channels_last(const Geometry& g, const float* input, const float* weight,
                           const float* bias, float* out, bool relu, int num_threads) {
    LastTask p{};
    static_cast<Shape&>(p) = shape_of(g);
    p.input = input;
    p.out = out;
    p.relu = relu;
    const Weights w{weight, p.groups, p.group_in, p.group_out, g.kernel};
    return run(p, w, bias, reads_padding(g), work_of(g), num_threads, weight_of);
}

bool input_gradient_channels_last(const Geometry& g, const float* gradient, const float* weight,
                                  float* input_gradient, int num_threads) {
    LastTask p{};
    static_cast<Shape&>(p) = input_gradient_shape_of(g);
    p.input = gradient;
    p.out = input_gradient;
    const Weights w{weight, p.groups, p.group_out, p.group_in, g.kernel};
    return run(p, w, nullptr, true, work_of(g), num_threads, reversed_weight_of);
}

bool weight_gradient_channels_last(const Geometry& g, const float* gradient, const float* input,
                                   float* weight_gradient, float* bias_gradient, int num_threads) {
    LastWeightTask p{};
    static_cast<Shape&>(p) = shape_of(g);
    p.input = input;
    p.gradient = gradient;
    p.bias = bias_gradient != nullptr;
    const InstructionSet& isa = current_isa();
    const std::int64_t work = work_of(g);
    const int most = team_size(work, num_threads, num_threads);
    describe(p, isa);
    partition(p, isa, g.in_channels * g.stride + std::min<std::int64_t>(g.out_channels, 32), most);
    if (p.slab_floats > kMostSlabFloats) {
        return false;
    }
    const std::int64_t items = p.batch * p.position_items;
    const std::int64_t channels = p.tile_groups * packed_outputs(p, isa.lanes);
    p.weight_sums = channels * p.group_in * g.kernel;
    const std::int64_t sums_floats = rounded_up(p.weight_sums + channels, kLine);
    const int threads = summing_team_size(team_size(work, items, most), sums_floats);
    float* sums = scratch(threads * (sums_floats + 2 * p.slab_floats));
    float* slabs = sums + threads * sums_floats;
    const int team = run_team(threads, items, [&](int rank, std::int64_t first, std::int64_t last) {
        float* to = sums + rank * sums_floats;
        std::memset(to, 0, static_cast<std::size_t>(sums_floats) * sizeof(float));
        isa.channels_last_weights(p, slabs + rank * 2 * p.slab_floats, to, first, last);
    });
    const auto total = [&](std::int64_t place) {  // in the order of the threads
        double sum = 0.0;
        for (int rank = 0; rank < team; ++rank) {
            sum += sums[rank * sums_floats + place];
        }
        return static_cast<float>(sum);
    };
    visit_packed(
        p, isa.lanes,
        [&](std::int64_t place, std::int64_t group, std::int64_t o, std::int64_t i,
            std::int64_t k) {
            const std::int64_t row = (group * p.group_out + o) * p.group_in + i;
            weight_gradient[row * g.kernel + k] = total(place);
        },
        [&](std::int64_t place, std::int64_t channel) {
            if (bias_gradient) {
                bias_gradient[channel] = total(p.weight_sums + place);
            }
        });
    // The tiles multiply gradients by padding, and 0 · inf is NaN; the definition leaves it out.
    return !reads_padding(g) ||
           all_finite({weight_gradient, p.groups, p.group_in, p.group_out, g.kernel});
}
