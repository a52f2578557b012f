// The convolution and its gradients by products of spectra (fft_items.h), for contiguous tensors
// and for those with channels last. Over the threads of OpenMP, as drivers.h.
#pragma once

#include "geometry.h"

// Each says whether it was done. It is not where the taps themselves are faster, and where the
// weights' gradient is not finite: what was written is to be overwritten then, by the kernels of
// drivers.h or channels_last.h. Samples in which something is not finite, or would lose too many
// digits (fft_loudness.h), are computed by these, too. Arrays are theirs. Throws std::bad_alloc.
bool forward_by_fft(const Geometry& geometry, const float* input, const float* weight,
                    const float* bias, float* out, bool relu, bool channels_last, int num_threads);

bool input_gradient_by_fft(const Geometry& geometry, const float* gradient, const float* weight,
                           float* input_gradient, bool channels_last, int num_threads);

bool weight_gradient_by_fft(const Geometry& geometry, const float* gradient, const float* input,
                            float* weight_gradient, float* bias_gradient, bool channels_last,
                            int num_threads);
