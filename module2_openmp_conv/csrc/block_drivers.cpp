#include "block_drivers.h"

#include "instruction_sets.h"
#include "scratch.h"
#include "team.h"

namespace {

using Kernel = void (*)(const BlockTask&, std::int64_t, std::int64_t);

void over_rows(const BlockTask& p, Kernel kernel, int num_threads) {
    const std::int64_t rows = p.batch * p.channels;
    run_team(team_size(rows * p.length, rows, num_threads), rows,
             [&](int, std::int64_t first, std::int64_t last) { kernel(p, first, last); });
}

}  // namespace

Moments channel_moments(BlockTask p, int num_threads) {
    p.row_sums = scratch(2 * p.batch * p.channels);
    over_rows(p, current_isa().block_moments, num_threads);
    Moments all{std::vector<double>(p.channels), std::vector<double>(p.channels)};
    const double row_length = static_cast<double>(p.length);
    for (std::int64_t channel = 0; channel < p.channels; ++channel) {
        double sum = 0.0;
        double deviations = 0.0;  // from the mean of what has been merged, Chan et al. 1979
        for (std::int64_t sample = 0; sample < p.batch; ++sample) {
            const float* row = p.row_sums + 2 * (sample * p.channels + channel);
            const double before = row_length * static_cast<double>(sample);
            const double gap = sample == 0 ? 0.0 : row[0] / row_length - sum / before;
            deviations += row[1] + gap * gap * before * row_length / (before + row_length);
            sum += row[0];
        }
        const double count = row_length * static_cast<double>(p.batch);
        all.mean[channel] = sum / count;
        all.variance[channel] = deviations / count;
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
    float* means = p.row_sums + row_floats;
    const double count = static_cast<double>(p.batch) * static_cast<double>(p.length);
    BlockSums sums{std::vector<float>(p.channels), std::vector<float>(p.channels)};
    for (std::int64_t channel = 0; channel < p.channels; ++channel) {
        double gradients = 0.0;
        double products = 0.0;
        for (std::int64_t sample = 0; sample < p.batch; ++sample) {
            const float* row = p.row_sums + 2 * (sample * p.channels + channel);
            gradients += row[0];
            products += row[1];
        }
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
