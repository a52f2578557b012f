#include "block_drivers.h"

#include "instruction_sets.h"
#include "scratch.h"
#include "team.h"

namespace {

using Kernel = void (*)(const BlockTask&, float*, std::int64_t, std::int64_t);

// buffers: a row for each thread.
void over_rows(const BlockTask& p, Kernel kernel, float* buffers, int num_threads) {
    const std::int64_t rows = p.batch * p.channels;
    run_team(team_size(kMultiplyAddsOfOutput * rows * p.length, rows, num_threads), rows,
             [&](int rank, std::int64_t first, std::int64_t last) {
                 kernel(p, buffers + rank * rounded_up(p.length, 16), first, last);
             });
}

// Scratch for the buffers of over_rows and more beside.
float* buffers_and(const BlockTask& p, std::int64_t floats, int num_threads) {
    return scratch(num_threads * rounded_up(p.length, 16) + floats);
}

}  // namespace

Moments channel_moments(BlockTask p, int num_threads) {
    float* buffers = buffers_and(p, 2 * p.batch * p.channels, num_threads);
    p.row_sums = buffers + num_threads * rounded_up(p.length, 16);
    over_rows(p, current_isa().block_moments, buffers, num_threads);
    Moments all{std::vector<double>(p.channels), std::vector<double>(p.channels)};
    const double row_length = static_cast<double>(p.length);
    const double count = row_length * static_cast<double>(p.batch);
    for (std::int64_t channel = 0; channel < p.channels; ++channel) {
        const float* row = p.row_sums + 2 * channel;
        double sum = 0.0;
        double deviations = 0.0;  // from the rows' own means
        for (std::int64_t sample = 0; sample < p.batch; ++sample) {
            sum += row[2 * sample * p.channels];
            deviations += row[2 * sample * p.channels + 1];
        }
        const double row_sum = sum / static_cast<double>(p.batch);
        double gaps = 0.0;  // of the rows' sums from what they would be at the common mean
        for (std::int64_t sample = 0; sample < p.batch; ++sample) {
            const double gap = row[2 * sample * p.channels] - row_sum;
            gaps += gap * gap;
        }
        all.mean[channel] = sum / count;
        all.variance[channel] = (deviations + gaps / row_length) / count;
    }
    return all;
}

void block_forward(const BlockTask& p, int num_threads) {
    over_rows(p, current_isa().block_forward, buffers_and(p, 0, num_threads), num_threads);
}

BlockSums block_backward(BlockTask p, bool batch_statistics, int num_threads) {
    const std::int64_t row_floats = 2 * p.batch * p.channels;
    float* buffers = buffers_and(p, row_floats + 2 * p.channels, num_threads);
    p.row_sums = buffers + num_threads * rounded_up(p.length, 16);
    over_rows(p, current_isa().block_sums, buffers, num_threads);
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
    over_rows(p, current_isa().block_gradient, buffers, num_threads);
    return sums;
}
