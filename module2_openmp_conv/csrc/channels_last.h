// The convolution and its gradients on tensors whose channels lie beside each other: [batch,
// positions, channels]. Over the threads of OpenMP, as drivers.h.
#pragma once

#include "geometry.h"

// Each says whether it was done. It is not where weights or their gradients are not finite beside
// padding, where taps or outputs are so far apart that the small copies at a row's ends would not
// be small, and with more than kMostTaps taps depthwise, which would be one long chain of rounding:
// what was written is to be overwritten then, by the kernels of drivers.h. Throws std::bad_alloc.

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
