// Where outputs live: memory that is kept when a tensor dies and given to the next of its size.
//
// A large fresh allocation is mapped page by page as it is first written, which costs several times
// the convolution of few channels; torch frees and maps it anew with every call.
#pragma once

#include <ATen/core/Tensor.h>

// An uninitialised contiguous float32 tensor on the CPU, like at::empty's in everything but where
// its memory comes from.
at::Tensor output(at::IntArrayRef sizes);

// Bytes that are kept for outputs to come.
std::int64_t kept_output_bytes();
