// The shape of one 1-D convolution, and the addresses it works on. Plain structs: no STL here,
// because files compiled for one instruction set include this header.
#pragma once

#include <cstdint>

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

struct Buffers {
    const float* input;   // [batch, in_channels, length]
    const float* weight;  // [out_channels, in_channels / groups, kernel]
    const float* bias;    // [out_channels], or null
    float* out;           // [batch, out_channels, out_length]
    bool relu;            // max(0, y) before the store; NaN stays NaN
};

// Fills in out_length. Throws std::invalid_argument, naming what is wrong, if there is no such
// convolution or if an index into it could overflow.
Geometry checked(Geometry geometry);

// Multiply-adds of the whole convolution, taps on padding included.
std::int64_t multiply_adds(const Geometry& geometry);
