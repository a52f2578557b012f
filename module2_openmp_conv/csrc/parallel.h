// The three methods over the threads of OpenMP.
#pragma once

#include "kernels.h"

enum class Method {
    kTiled,     // the kernel of this module: tiled for stride 1, plain otherwise
    kTapsLoop,  // contestant: the original paper's method; stride 1, dilation 1
    kNaive,     // contestant: the definition
};

// Runs the convolution on at most num_threads threads, and says how many took part. Each output is
// computed by one thread in a fixed order: the bits do not depend on num_threads.
int run(const Geometry& geometry, const Buffers& buffers, Method method, int num_threads);

// The file the OpenMP calls of this extension go to, as the dynamic linker names it.
const char* openmp_library();
