#include "drivers.h"

#include <dlfcn.h>

#include <algorithm>

#include "instruction_sets.h"
#include "many_taps.h"
#include "packing.h"
#include "scratch.h"
#include "team.h"

namespace {

constexpr std::int64_t kItemInputBytes = 16 * 1024;  // stays in L1 beside the weights
constexpr std::int64_t kStagedBytes = 36 * 1024;     // output of a block: 16 rows of 500, whole

// Of a sum, for lanes over output channels: fewer do not pay for laying the outputs back into rows.
constexpr std::int64_t kLeastTerms = 14;

// Input channels with which a tile's own overhead shows, and terms of one chain.
bool has_few_inputs(const ForwardTask& p, const InstructionSet& isa) {
    return p.group_out > 1 && p.reach.stride == 1 && p.reach.upsampling == 1 &&
           p.group_in <= isa.few_inputs && p.group_in * p.reach.kernel <= kLongest;
}

// Fills in the partition of the task, and whether its output is streamed if that is not asked for.
void partition(ForwardTask& p, const InstructionSet& isa, int threads) {
    const Reach& r = p.reach;
    constexpr std::int64_t kFloat = sizeof(float);
    p.stream |= p.batch * p.groups * p.group_out * r.out_length * kFloat > kMostCachedBytes;
    const bool few_inputs = has_few_inputs(p, isa);
    p.held_inputs =
        few_inputs && p.group_in == 1 && r.kernel <= (p.stream ? isa.streamed_taps : isa.held_taps);
    p.padded_rows = few_inputs && (p.held_inputs || !p.stream);
    const bool staged = p.stream && !p.held_inputs;
    const bool over_channels = isa.over_channels && !p.padded_rows && r.stride == 1 &&
                               tile_dilation(r) > 0 && p.group_out >= isa.lanes &&
                               p.group_in * r.kernel >= kLeastTerms;
    const std::int64_t largest = over_channels ? isa.lanes : isa.channel_block;
    const std::int64_t block = block_channels(largest, p.group_out);
    p.channel_block = p.held_inputs ? 1 : largest;
    p.tile_vectors = isa.tile_vectors(static_cast<int>(block));
    const std::int64_t width = p.tile_vectors * isa.lanes;
    const std::int64_t tiles = divided_up(p.reach.out_length, width);
    // Streamed, a tile that holds its inputs reads up to a vector beyond its item.
    const std::int64_t beyond = p.held_inputs && p.stream ? isa.lanes : 0;
    p.slab_row = slab_row_of(p.reach, width + beyond);
    std::int64_t in_l1 =
        std::min(kItemInputBytes / kFloat / width, kMostSlabFloats / p.slab_row) / p.group_in;
    if (staged) {
        in_l1 = std::min(in_l1, kStagedBytes / kFloat / (block * width));
    }
    const std::int64_t rows = p.batch * p.groups;
    const std::int64_t wanted = divided_up(kItemsPerThread * threads, rows);
    const std::int64_t even = 2 * wanted > tiles ? tiles : wanted;  // not some of two, some of one
    p.tile_items = std::max(divided_up(tiles, std::clamp<std::int64_t>(in_l1, 1, kMostTiles)),
                            threads == 1 ? 1 : even);
    p.tiles_per_item = divided_up(tiles, p.tile_items);
    p.tile_items = divided_up(tiles, p.tiles_per_item);
    const bool few = threads > 1 && rows * p.tile_items < kItemsPerThread * threads;
    p.channels_per_item = few ? block : p.group_out;
    p.channel_items = divided_up(p.group_out, p.channels_per_item);
    p.staged_floats = staged ? 2 * block * p.tiles_per_item * width : 0;
}

// packs(channel_block, packed) packs the weights; finite: they all are.
template <class Packs>
int run_forward(ForwardTask p, const Weights& weights, bool reads_padding, std::int64_t work,
                int num_threads, const Packs& packs) {
    const std::int64_t weight_floats =
        weights.groups * weights.group_out * weights.group_in * weights.kernel;
    const InstructionSet& isa = current_isa();
    partition(p, isa, team_size(work, num_threads, num_threads));
    if (p.slab_row > kMostSlabFloats / p.group_in || (reads_padding && !all_finite(weights))) {
        float* packed = scratch(weight_floats);
        packs(1, packed);
        p.packed = packed;
        const std::int64_t items = p.batch * p.groups * p.group_out;
        return run_team(
            team_size(work, items, num_threads), items,
            [&p](int, std::int64_t first, std::int64_t last) { plain_forward(p, first, last); });
    }
    const std::int64_t items = p.batch * p.groups * p.tile_items * p.channel_items;
    const int threads = team_size(work, items, num_threads);
    const std::int64_t packed_floats = rounded_up(weight_floats, 16);
    const std::int64_t slab_floats = p.tiles_per_item * p.group_in * p.slab_row + p.staged_floats;
    float* packed = scratch(packed_floats + threads * slab_floats);
    packs(p.channel_block, packed);
    p.packed = packed;
    float* slabs = packed + packed_floats;
    return run_sharing_team(threads, items, work,
                            [&](int rank, std::int64_t first, std::int64_t last) {
                                isa.forward(p, slabs + rank * slab_floats, first, last);
                            });
}

}  // namespace

int forward(const Geometry& g, const float* input, const float* weight, const float* bias,
            float* out, bool relu, Method method, int num_threads) {
    const bool tiles = method == Method::kTiled || method == Method::kStreamed;
    if (tiles && g.kernel > kMostTaps) {
        return forward_of_many_taps(g, input, weight, bias, out, relu, num_threads);
    }
    ForwardTask p{};
    static_cast<Shape&>(p) = shape_of(g);
    p.input = input;
    p.bias = bias;
    p.out = out;
    p.relu = relu;
    const std::int64_t work = work_of(g);
    if (tiles) {
        p.stream = method == Method::kStreamed;
        const Weights weights{weight, p.groups, p.group_in, p.group_out, g.kernel};
        return run_forward(
            p, weights, reads_padding(g), work, num_threads,
            [&](std::int64_t block, float* packed) { pack(weights, block, packed); });
    }
    p.packed = weight;
    const bool taps_loop = method == Method::kTapsLoop;
    const std::int64_t items = taps_loop ? g.batch : g.batch * g.out_channels;
    const auto kernel = taps_loop ? current_isa().taps_loop : plain_forward;
    return run_team(team_size(work, items, num_threads), items,
                    [&](int, std::int64_t first, std::int64_t last) { kernel(p, first, last); });
}

int input_gradient(const Geometry& g, const float* gradient, const float* weight,
                   float* input_gradient, int num_threads) {
    if (g.kernel > kMostTaps) {
        return input_gradient_of_many_taps(g, gradient, weight, input_gradient, num_threads);
    }
    ForwardTask p{};
    static_cast<Shape&>(p) = input_gradient_shape_of(g);
    const Weights weights{weight, p.groups, p.group_out, p.group_in, g.kernel};
    p.input = gradient;
    p.out = input_gradient;
    return run_forward(
        p, weights, true, work_of(g), num_threads,
        [&](std::int64_t block, float* packed) { pack_reversed(weights, block, packed); });
}

const char* openmp_library() {
    Dl_info info{};
    const bool found = dladdr(reinterpret_cast<void*>(&omp_get_num_threads), &info) != 0;
    return found && info.dli_fname ? info.dli_fname : "";
}
