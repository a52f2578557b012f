// The operators' kernels on the CPU, and their checks. Arguments are those of operators.cpp's
// schemas.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>

#include "geometry.h"
#include "operators.h"

at::Tensor conv1d_cpu(const at::Tensor& input, const at::Tensor& weight,
                      const std::optional<at::Tensor>& bias, std::int64_t stride,
                      std::int64_t padding_left, std::int64_t padding_right, std::int64_t dilation,
                      std::int64_t groups, bool relu, bool channels_last);

void conv1d_out_cpu(const at::Tensor& input, const at::Tensor& weight,
                    const std::optional<at::Tensor>& bias, std::int64_t stride,
                    std::int64_t padding_left, std::int64_t padding_right, std::int64_t dilation,
                    std::int64_t groups, bool relu, bool channels_last, at::Tensor& out);

std::tuple<at::Tensor, at::Tensor, at::Tensor> conv1d_backward_cpu(
    const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
    std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
    std::int64_t dilation, std::int64_t groups, std::array<bool, 3> wanted, bool channels_last);

// The geometry of a backward pass, its tensors checked against each other. Throws torch's TypeError
// or ValueError.
Geometry geometry_of(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
                     const ConvolutionOptions& options);
