// What follows a convolution in a block, and the way back, over the threads of OpenMP.
#pragma once

#include <cstdint>
#include <vector>

#include "problem.h"

// Mean and variance (of the population, not of a sample) of each channel of y over batch and
// positions. Reads batch, channels, length and y of the task.
struct Moments {
    std::vector<double> mean;
    std::vector<double> variance;
};
Moments channel_moments(BlockTask task, int num_threads);

// Fills in out.
void block_forward(const BlockTask& task, int num_threads);

// What the normalisation's own parameters get, by channel; fills in dy. If batch_statistics, mean
// and deviation are functions of y, too.
struct BlockSums {
    std::vector<float> gradients;  // Σ of the normalised output's gradient: of shift
    std::vector<float> products;   // Σ of the same × normalised value: of the factor
};
BlockSums block_backward(BlockTask task, bool batch_statistics, int num_threads);
