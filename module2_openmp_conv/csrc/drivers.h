// The convolution and its gradients over the threads of OpenMP.
#pragma once

#include "geometry.h"
#include "kernels.h"

enum class Method {
    kTiled,     // the kernels of this module
    kStreamed,  // the same, written past the caches whatever the output's size
    kTapsLoop,  // contestant: the original paper's method; stride 1, dilation 1
    kNaive,     // contestant: the definition
};

// Each runs on at most num_threads threads and says how many took part. No output depends on
// num_threads, except the bits of the weights' and bias' gradients: they are sums over the batch,
// the same each time for one number of threads. All arrays are contiguous; out-gradients have the
// shape [batch, out_channels, out_length]. Throws std::bad_alloc.

// out: [batch, out_channels, out_length]; bias may be null.
int forward(const Geometry& geometry, const float* input, const float* weight, const float* bias,
            float* out, bool relu, Method method, int num_threads);

// input_gradient: [batch, in_channels, length].
int input_gradient(const Geometry& geometry, const float* gradient, const float* weight,
                   float* input_gradient, int num_threads);

// weight_gradient: [out_channels, in_channels / groups, kernel]; bias_gradient: [out_channels], or
// null.
int weight_gradient(const Geometry& geometry, const float* gradient, const float* input,
                    float* weight_gradient, float* bias_gradient, int num_threads);

// The file the OpenMP calls of this extension go to, as the dynamic linker names it.
const char* openmp_library();
