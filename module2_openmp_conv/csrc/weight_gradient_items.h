// The gradient of the weights and of the bias, written once for every instruction set:
//   dw[o][i][k] = Σ over batch and positions t of gradient[o][t] · input[i][tap k of t].
//
// Two blockings, chosen by the driver: weight_over_channels.h and weight_over_positions.h. Every
// item starts its sums from zero and adds them to the thread's totals: two short sums round less
// than one long one.
#pragma once

#include "weight_over_channels.h"
#include "weight_over_positions.h"

namespace {

inline float row_sum(const float* g, std::int64_t n) {
    Vec::Reg sums[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
    std::int64_t t = 0;
    for (; t + 4 * Vec::kLanes <= n; t += 4 * Vec::kLanes) {
        for (int v = 0; v < 4; ++v) {
            sums[v] = Vec::add(sums[v], Vec::load(g + t + v * Vec::kLanes));
        }
    }
    for (; t < n; t += Vec::kLanes) {
        const int rest = static_cast<int>(smaller(Vec::kLanes, n - t));
        sums[0] = Vec::add(sums[0], Vec::load_first(g + t, rest));
    }
    return Vec::add_lanes(Vec::add(Vec::add(sums[0], sums[1]), Vec::add(sums[2], sums[3])));
}

// Smaller tensors stay in L2, where asking for them would only cost. So it does where a group has
// one output row: rows are then read one behind the other.
constexpr std::int64_t kLeastAskedOverPositions = std::int64_t{1} << 20;

void weight_gradient_items(const WeightTask& p, float* scratch, float* sums, std::int64_t first,
                           std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const Reach& r = p.reach;
    float* bias_sums = sums + p.groups * p.group_sums;
    const bool asks = p.group_out > 1 && tensor_bytes(p) >= kLeastAskedOverPositions;
    float* slabs = scratch + (p.over_positions ? 0 : p.positions_per_item * 2 * L);
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t begin = item % p.position_items * p.positions_per_item;
        const std::int64_t end = smaller(begin + p.positions_per_item, r.out_length);
        const std::int64_t sample = item / p.position_items;
        std::int64_t offsets[kMostPieces][kMostTaps];
        for (std::int64_t group = 0; group < p.groups; ++group) {
            const std::int64_t o = (sample * p.groups + group) * p.group_out;
            const std::int64_t i = (sample * p.groups + group) * p.group_in;
            const float* gradient = p.gradient + o * r.out_length;
            Piece pieces[kMostPieces];
            WeightCall call{};
            call.pieces = pieces;
            call.piece_count =
                split_into_pieces(p, p.input + i * r.length, begin, end, slabs, pieces);
            call.offsets = offsets;
            call.begin = begin;
            if (p.over_positions) {
                // The next group's rows, or the next sample's first, lie behind these.
                const std::int64_t next = sample * p.groups + group + 1;
                if (asks && next < p.batch * p.groups) {
                    call.ahead = {p.input + next * p.group_in * r.length,
                                  p.gradient + next * p.group_out * r.out_length, 0};
                }
            } else if (item + 1 < last) {
                const std::int64_t next = (item + 1) % p.position_items * p.positions_per_item;
                const std::int64_t rows = (item + 1) / p.position_items * p.groups + group;
                const std::int64_t at = larger(next * r.stride - r.padding, 0);
                call.ahead = {p.input + rows * p.group_in * r.length + at,
                              p.gradient + rows * p.group_out * r.out_length + next,
                              smaller(p.positions_per_item, r.out_length - next)};
            }
            // All groups of an item have pieces alike.
            for (int n = 0; group == 0 && n < call.piece_count; ++n) {
                fill_offsets(r, pieces[n].positions, offsets[n]);
            }
            if (p.over_positions) {
                group_over_positions(p, call, gradient, sums + group * p.group_sums);
            } else {
                group_over_channels(p, call, gradient, begin, end, scratch,
                                    sums + group * p.group_sums);
            }
            for (std::int64_t c = 0; p.bias && c < p.group_out; ++c) {
                bias_sums[group * p.group_out + c] +=
                    row_sum(gradient + c * r.out_length + begin, end - begin);
            }
        }
    }
}

}  // namespace
