// The convolution as C++ callers see it: through torch's dispatcher.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>

struct ConvolutionOptions {
    std::int64_t stride;
    std::int64_t padding_left;
    std::int64_t padding_right;
    std::int64_t dilation;
    std::int64_t groups;
    bool channels_last = false;  // in memory, of input and output; shapes are the same
};

// crossscale::conv1d: [batch, in_channels, length] to [batch, out_channels, out_length].
at::Tensor conv1d(const at::Tensor& input, const at::Tensor& weight,
                  const std::optional<at::Tensor>& bias, const ConvolutionOptions& options,
                  bool relu);

// crossscale::conv1d.out: the same into out.
void conv1d_out(const at::Tensor& input, const at::Tensor& weight,
                const std::optional<at::Tensor>& bias, const ConvolutionOptions& options, bool relu,
                at::Tensor& out);

// crossscale::conv1d_backward: the gradients of input, weight and bias that are wanted; of a tensor
// whose values a gradient does not need, the shape alone is read.
std::tuple<at::Tensor, at::Tensor, at::Tensor> conv1d_backward(const at::Tensor& gradient,
                                                               const at::Tensor& input,
                                                               const at::Tensor& weight,
                                                               const ConvolutionOptions& options,
                                                               std::array<bool, 3> wanted);
