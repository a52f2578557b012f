#include "conv1d_cpu.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "channels_last.h"
#include "drivers.h"
#include "fft_convolution.h"
#include "operator_tools.h"
#include "output_memory.h"
#include "team.h"
#include "team_cost.h"

namespace {

using at::Tensor;

Tensor readable(const Tensor& tensor) {
    return tensor.is_neg() ? tensor.resolve_neg().contiguous() : tensor.contiguous();
}

// Of [batch, channels, positions], its memory as [batch, positions, channels]: a view if it is so.
Tensor readable_channels_last(const Tensor& tensor) {
    return readable(tensor.transpose(1, 2));
}

Tensor output_channels_last(std::int64_t batch, std::int64_t channels, std::int64_t positions) {
    return output({batch, positions, channels}).transpose(1, 2);
}

Geometry geometry_of(const Tensor& input, const Tensor& weight, const ConvolutionOptions& o) {
    TORCH_CHECK_VALUE(input.dim() == 3 && weight.dim() == 3,
                      "conv1d: input and weight must have three dimensions, not ", input.dim(),
                      " and ", weight.dim());
    TORCH_CHECK_VALUE(o.groups > 0 && input.size(1) == weight.size(1) * o.groups,
                      "conv1d: ", o.groups, " groups of ", weight.size(1),
                      " channels do not make the input's ", input.size(1));
    try {
        return checked({input.size(0), input.size(1), weight.size(0), input.size(2), weight.size(2),
                        o.stride, o.padding_left, o.padding_right, o.dilation, o.groups, 0});
    } catch (const std::invalid_argument& error) {
        TORCH_CHECK_VALUE(false, "conv1d: ", error.what());
    }
}

void check_out(const Tensor& out, const Geometry& g, bool channels_last,
               std::initializer_list<Tensor> others) {
    const at::IntArrayRef sizes = out.sizes();
    TORCH_CHECK(sizes.size() == 3 && sizes[0] == g.batch && sizes[1] == g.out_channels &&
                    sizes[2] == g.out_length,
                "conv1d: out has the shape ", sizes, ", not [", g.batch, ", ", g.out_channels, ", ",
                g.out_length, "] (without its first number where input is not batched)");
    TORCH_CHECK((channels_last ? out.transpose(1, 2) : out).is_contiguous() && !out.is_neg(),
                "conv1d: out must be contiguous", channels_last ? " with its channels last" : "");
    const char* begin = static_cast<const char*>(out.const_data_ptr());
    const char* end = begin + out.nbytes();
    for (const Tensor& other : others) {
        if (other.defined()) {
            const char* from = static_cast<const char*>(other.const_data_ptr());
            TORCH_CHECK(from >= end || from + other.nbytes() <= begin,
                        "conv1d: out shares memory with input, weight or bias");
        }
    }
}

ConvolutionOptions contiguous(ConvolutionOptions options) {
    options.channels_last = false;
    return options;
}

Tensor convolved(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                 const ConvolutionOptions& options, bool relu, const Tensor* out) {
    check_dense_float32("conv1d", "input", input);
    check_dense_float32("conv1d", "weight", weight);
    const Geometry g = geometry_of(input, weight, options);
    const bool last = options.channels_last;
    const Tensor x = last ? readable_channels_last(input) : readable(input);
    const Tensor w = readable(weight);
    Tensor b;
    if (bias && bias->defined()) {
        check_dense_float32("conv1d", "bias", *bias);
        TORCH_CHECK_VALUE(bias->dim() == 1 && bias->size(0) == g.out_channels,
                          "conv1d: bias has the shape ", bias->sizes(), ", not [", g.out_channels,
                          "]");
        b = readable(*bias);
    }
    Tensor y;
    if (out) {
        check_dense_float32("conv1d", "out", *out);
        check_out(*out, g, last, {x, w, b});
        y = *out;
    } else {
        y = last ? output_channels_last(g.batch, g.out_channels, g.out_length)
                 : output({g.batch, g.out_channels, g.out_length});
    }
    if (y.numel() == 0) {
        return y;
    }
    const float* bias_data = b.defined() ? b.const_data_ptr<float>() : nullptr;
    const int threads = threads_worth_calling(work_of(g), usable_threads());
    const auto run = [&](const auto& kernels, auto... layout) {
        return kernels(g, x.const_data_ptr<float>(), w.const_data_ptr<float>(), bias_data,
                       y.mutable_data_ptr<float>(), relu, layout..., threads);
    };
    if (run(forward_by_fft, last)) {
        return y;
    }
    if (!last) {
        run(forward, Method::kTiled);
    } else if (!run(forward_channels_last)) {
        y.copy_(convolved(input, weight, bias, contiguous(options), relu, nullptr));
    }
    return y;
}

Tensor input_gradient_of(const Geometry& g, const Tensor& gradient, const Tensor& weight,
                         bool channels_last) {
    const Tensor dx = channels_last ? output_channels_last(g.batch, g.in_channels, g.length)
                                    : output({g.batch, g.in_channels, g.length});
    if (dx.numel() == 0) {
        return dx;
    }
    const Tensor dy = channels_last ? readable_channels_last(gradient) : readable(gradient);
    const Tensor w = readable(weight);
    const int threads = threads_worth_calling(work_of(g), usable_threads());
    const auto run = [&](const auto& kernels, auto... layout) {
        return kernels(g, dy.const_data_ptr<float>(), w.const_data_ptr<float>(),
                       dx.mutable_data_ptr<float>(), layout..., threads);
    };
    if (run(input_gradient_by_fft, channels_last)) {
        return dx;
    }
    if (!channels_last) {
        run(input_gradient);
    } else if (!run(input_gradient_channels_last)) {
        dx.copy_(input_gradient_of(g, gradient, weight, false));
    }
    return dx;
}

// Into dw, and into db where it is defined.
void weight_gradient_of(const Geometry& g, const Tensor& gradient, const Tensor& input,
                        bool channels_last, const Tensor& dw, const Tensor& db) {
    const auto run = [&](const auto& kernels, bool last, auto... layout) {
        const Tensor dy = last ? readable_channels_last(gradient) : readable(gradient);
        const Tensor x = last ? readable_channels_last(input) : readable(input);
        return kernels(
            g, dy.const_data_ptr<float>(), x.const_data_ptr<float>(), dw.mutable_data_ptr<float>(),
            db.defined() ? db.mutable_data_ptr<float>() : nullptr, layout..., usable_threads());
    };
    if (!run(weight_gradient_by_fft, channels_last, channels_last) &&
        !(channels_last && run(weight_gradient_channels_last, true))) {
        run(weight_gradient, false);
    }
}

}  // namespace

Geometry geometry_of(const at::Tensor& gradient, const Tensor& input, const Tensor& weight,
                     const ConvolutionOptions& options) {
    check_dense_float32("conv1d", "gradient", gradient);
    check_dense_float32("conv1d", "input", input);
    check_dense_float32("conv1d", "weight", weight);
    const Geometry g = geometry_of(input, weight, options);
    TORCH_CHECK_VALUE(gradient.dim() == 3 && gradient.size(0) == g.batch &&
                          gradient.size(1) == g.out_channels && gradient.size(2) == g.out_length,
                      "conv1d: the output's gradient has the shape ", gradient.sizes(), ", not [",
                      g.batch, ", ", g.out_channels, ", ", g.out_length, "]");
    return g;
}

Tensor conv1d_cpu(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                  std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                  std::int64_t dilation, std::int64_t groups, bool relu, bool channels_last) {
    return convolved(input, weight, bias,
                     {stride, padding_left, padding_right, dilation, groups, channels_last}, relu,
                     nullptr);
}

void conv1d_out_cpu(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                    std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                    std::int64_t dilation, std::int64_t groups, bool relu, bool channels_last,
                    Tensor& out) {
    convolved(input, weight, bias,
              {stride, padding_left, padding_right, dilation, groups, channels_last}, relu, &out);
}

std::tuple<Tensor, Tensor, Tensor> conv1d_backward_cpu(
    const Tensor& gradient, const Tensor& input, const Tensor& weight, std::int64_t stride,
    std::int64_t padding_left, std::int64_t padding_right, std::int64_t dilation,
    std::int64_t groups, std::array<bool, 3> wanted, bool channels_last) {
    const Geometry g =
        geometry_of(gradient, input, weight,
                    {stride, padding_left, padding_right, dilation, groups, channels_last});
    std::tuple<Tensor, Tensor, Tensor> out;
    auto& [dx, dw, db] = out;
    if (wanted[0]) {
        dx = input_gradient_of(g, gradient, weight, channels_last);
    }
    if (wanted[1] || wanted[2]) {
        dw = at::empty(weight.sizes(), gradient.options());
        db = wanted[2] ? at::empty({g.out_channels}, gradient.options()) : Tensor();
        weight_gradient_of(g, gradient, input, channels_last, dw, db);
    }
    if (!wanted[1]) {
        dw = Tensor();
    }
    return out;
}

namespace {

TORCH_LIBRARY_IMPL(crossscale, CPU, library) {
    library.impl("conv1d", conv1d_cpu);
    library.impl("conv1d.out", conv1d_out_cpu);
    library.impl("conv1d_backward", conv1d_backward_cpu);
}

}  // namespace
