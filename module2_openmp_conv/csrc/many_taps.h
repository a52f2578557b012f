// Convolutions of more taps than the tiles take (kMostTaps), contiguous as drivers.h says it: sums
// of convolutions of some of the taps each. Each says how many threads took part at most.
#pragma once

#include "geometry.h"

int forward_of_many_taps(const Geometry& geometry, const float* input, const float* weight,
                         const float* bias, float* out, bool relu, int num_threads);

int input_gradient_of_many_taps(const Geometry& geometry, const float* gradient,
                                const float* weight, float* input_gradient, int num_threads);

int weight_gradient_of_many_taps(const Geometry& geometry, const float* gradient,
                                 const float* input, float* weight_gradient, float* bias_gradient,
                                 int num_threads);
