// The convolution and its gradients on tensors whose channels lie beside each other: [batch,
// positions, channels]. Over the threads of OpenMP, as drivers.h.
#pragma once

#include "geometry.h"

// Each says whether it was done: false where weights are not finite beside padding, or taps or
// outputs so far apart that the small copies at a row's ends would not be small. Nothing is written
// then, and the definition (drivers.h) has to be used. Throws std::bad_alloc.

// out: [batch, out_length, out_channels]; weight as torch keeps it; bias may be null.
bool forward_channels_last(const Geometry& geometry, const float* input, const float* weight,
                           const float* bias, float* out, bool relu, int num_threads);

// gradient: [batch, out_length, out_channels]; input_gradient: [batch, length, in_channels].
bool input_gradient_channels_last(const Geometry& geometry, const float* gradient,
                                  const float* weight, float* input_gradient, int num_threads);

// gradient as above; weight_gradient: [out_channels, in_channels / groups, kernel]; bias_gradient:
// [out_channels], or null. The same bits each time for one number of threads.
bool weight_gradient_channels_last(const Geometry& geometry, const float* gradient,
                                   const float* input, float* weight_gradient, float* bias_gradient,
                                   int num_threads);
