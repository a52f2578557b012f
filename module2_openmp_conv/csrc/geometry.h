// The shape of one 1-D convolution.
#pragma once

#include <cstdint>

#include "problem.h"

struct Geometry {
    std::int64_t batch;
    std::int64_t in_channels;
    std::int64_t out_channels;
    std::int64_t length;  // positions of an input row, without padding
    std::int64_t kernel;  // taps
    std::int64_t stride;
    std::int64_t padding_left;
    std::int64_t padding_right;
    std::int64_t dilation;
    std::int64_t groups;
    std::int64_t out_length;  // follows from the rest
};

// Fills in out_length. Throws std::invalid_argument, naming what is wrong, if there is no such
// convolution or if an index into it could overflow.
Geometry checked(Geometry geometry);

// As the forward kernels see it.
Shape shape_of(const Geometry& geometry);

// The same of the gradient of its input: a convolution of the output's gradient, with the weights'
// channels exchanged and their taps in reverse order.
Shape input_gradient_shape_of(const Geometry& geometry);

// Whether any tap of any output reads padding.
bool reads_padding(const Geometry& geometry);

// Multiply-adds of the whole convolution, taps on padding included.
std::int64_t multiply_adds(const Geometry& geometry);

// Values that it puts out.
std::int64_t outputs(const Geometry& geometry);
