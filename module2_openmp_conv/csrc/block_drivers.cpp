#include "block_drivers.h"

#include "instruction_sets.h"
#include "scratch.h"
#include "team.h"

namespace {

using Kernel = void (*)(const BlockTask&, std::int64_t, std::int64_t);

void over_rows(const BlockTask& p, Kernel kernel, int num_threads) {
    const std::int64_t rows = p.batch * p.channels;
    run_team(team_size(kMultiplyAddsOfOutput * rows * p.length, rows, num_threads), rows,
             [&](int, std::int64_t first, std::int64_t last) { kernel(p, first, last); });
}

// The rows' pairs of sums, summed over the batch: [2 · channels]. Channels are neighbours, so that
// their sums are made beside each other, not one after the other.
std::vector<double> channel_sums(const BlockTask& p) {
    std::vector<double> sums(2 * p.channels);
    for (std::int64_t sample = 0; sample < p.batch; ++sample) {
        const float* rows = p.row_sums + 2 * sample * p.channels;
        for (std::int64_t i = 0; i < 2 * p.channels; ++i) {
            sums[i] += rows[i];
        }
    }
    return sums;
}

}  // namespace

Moments channel_moments(BlockTask p, int num_threads) {
    p.row_sums = scratch(2 * p.batch * p.channels);
    over_rows(p, current_isa().block_moments, num_threads);
    const std::vector<double> sums = channel_sums(p);  // and of deviations from the rows' own means
    const double row_length = static_cast<double>(p.length);
    const double count = row_length * static_cast<double>(p.batch);
    Moments all{std::vector<double>(p.channels), std::vector<double>(p.channels)};
    for (std::int64_t channel = 0; channel < p.channels; ++channel) {
        all.mean[channel] = sums[2 * channel] / count;
    }
    std::vector<double> gaps(p.channels);  // of the rows' sums from what they would be at the mean
    for (std::int64_t sample = 0; sample < p.batch; ++sample) {
        const float* rows = p.row_sums + 2 * sample * p.channels;
        for (std::int64_t channel = 0; channel < p.channels; ++channel) {
            const double gap = rows[2 * channel] - all.mean[channel] * row_length;
            gaps[channel] += gap * gap;
        }
    }
    for (std::int64_t channel = 0; channel < p.channels; ++channel) {
        all.variance[channel] = (sums[2 * channel + 1] + gaps[channel] / row_length) / count;
    }
    return all;
}

void block_forward(const BlockTask& p, int num_threads) {
    over_rows(p, current_isa().block_forward, num_threads);
}

BlockSums block_backward(BlockTask p, bool batch_statistics, int num_threads) {
    const std::int64_t row_floats = 2 * p.batch * p.channels;
    p.row_sums = scratch(row_floats + 2 * p.channels);
    over_rows(p, current_isa().block_sums, num_threads);
    const std::vector<double> totals = channel_sums(p);
    float* means = p.row_sums + row_floats;
    const double count = static_cast<double>(p.batch) * static_cast<double>(p.length);
    BlockSums sums{std::vector<float>(p.channels), std::vector<float>(p.channels)};
    for (std::int64_t channel = 0; channel < p.channels; ++channel) {
        const double gradients = totals[2 * channel];
        const double products = totals[2 * channel + 1];
        sums.gradients[channel] = static_cast<float>(gradients);
        sums.products[channel] = static_cast<float>(products);
        means[channel] = batch_statistics ? static_cast<float>(gradients / count) : 0.0f;
        means[p.channels + channel] =
            batch_statistics ? static_cast<float>(products / count) : 0.0f;
    }
    p.mean_gradients = means;
    p.mean_products = means + p.channels;
    over_rows(p, current_isa().block_gradient, num_threads);
    return sums;
}
