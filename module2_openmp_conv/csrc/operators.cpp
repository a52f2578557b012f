// The operators crossscale::conv1d, conv1d.out and conv1d_backward: what torch's dispatcher,
// autograd, autocast and compiler see of the kernels. Registered in C++, because an operator
// registered from Python costs as much per call as a small convolution.

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "drivers.h"
#include "operators.h"
#include "output_memory.h"

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_dense_float32(const char* name, const Tensor& tensor) {
    TORCH_CHECK_TYPE(
        tensor.scalar_type() == at::kFloat && tensor.is_cpu() && tensor.layout() == at::kStrided,
        "conv1d: ", name, " is ", tensor.scalar_type(), " on ", tensor.device(), " (",
        tensor.layout(), "), but only dense float32 on the CPU is convolved here");
}

Tensor readable(const Tensor& tensor) {
    return tensor.is_neg() ? tensor.resolve_neg().contiguous() : tensor.contiguous();
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

// Of a backward pass.
Geometry geometry_of(const Tensor& gradient, const Tensor& input, const Tensor& weight,
                     const ConvolutionOptions& options) {
    check_dense_float32("gradient", gradient);
    check_dense_float32("input", input);
    check_dense_float32("weight", weight);
    const Geometry g = geometry_of(input, weight, options);
    TORCH_CHECK_VALUE(gradient.dim() == 3 && gradient.size(0) == g.batch &&
                          gradient.size(1) == g.out_channels && gradient.size(2) == g.out_length,
                      "conv1d: the output's gradient has the shape ", gradient.sizes(), ", not [",
                      g.batch, ", ", g.out_channels, ", ", g.out_length, "]");
    return g;
}

int usable_threads() {
    return at::in_parallel_region() ? 1 : at::get_num_threads();
}

void check_out(const Tensor& out, const Geometry& g, std::initializer_list<Tensor> others) {
    const at::IntArrayRef sizes = out.sizes();
    TORCH_CHECK(sizes.size() == 3 && sizes[0] == g.batch && sizes[1] == g.out_channels &&
                    sizes[2] == g.out_length,
                "conv1d: out has the shape ", sizes, ", not [", g.batch, ", ", g.out_channels, ", ",
                g.out_length, "] (without its first number where input is not batched)");
    TORCH_CHECK(out.is_contiguous() && !out.is_neg(), "conv1d: out must be contiguous");
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

Tensor convolved(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                 const ConvolutionOptions& options, bool relu, const Tensor* out) {
    check_dense_float32("input", input);
    check_dense_float32("weight", weight);
    const Geometry g = geometry_of(input, weight, options);
    const Tensor x = readable(input);
    const Tensor w = readable(weight);
    Tensor b;
    if (bias && bias->defined()) {
        check_dense_float32("bias", *bias);
        TORCH_CHECK_VALUE(bias->dim() == 1 && bias->size(0) == g.out_channels,
                          "conv1d: bias has the shape ", bias->sizes(), ", not [", g.out_channels,
                          "]");
        b = readable(*bias);
    }
    Tensor y;
    if (out) {
        check_dense_float32("out", *out);
        check_out(*out, g, {x, w, b});
        y = *out;
    } else {
        y = output({g.batch, g.out_channels, g.out_length});
    }
    if (y.numel() > 0) {
        forward(g, x.const_data_ptr<float>(), w.const_data_ptr<float>(),
                b.defined() ? b.const_data_ptr<float>() : nullptr, y.mutable_data_ptr<float>(),
                relu, Method::kTiled, usable_threads());
    }
    return y;
}

Tensor conv1d_cpu(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                  std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                  std::int64_t dilation, std::int64_t groups, bool relu) {
    return convolved(input, weight, bias, {stride, padding_left, padding_right, dilation, groups},
                     relu, nullptr);
}

void conv1d_out_cpu(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                    std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                    std::int64_t dilation, std::int64_t groups, bool relu, Tensor& out) {
    convolved(input, weight, bias, {stride, padding_left, padding_right, dilation, groups}, relu,
              &out);
}

std::tuple<Tensor, Tensor, Tensor> conv1d_backward_cpu(const Tensor& gradient, const Tensor& input,
                                                       const Tensor& weight, std::int64_t stride,
                                                       std::int64_t padding_left,
                                                       std::int64_t padding_right,
                                                       std::int64_t dilation, std::int64_t groups,
                                                       std::array<bool, 3> wanted) {
    const Geometry g = geometry_of(gradient, input, weight,
                                   {stride, padding_left, padding_right, dilation, groups});
    const Tensor dy = readable(gradient);
    const int threads = usable_threads();
    std::tuple<Tensor, Tensor, Tensor> out;
    auto& [dx, dw, db] = out;
    if (wanted[0]) {
        dx = output(input.sizes());
        if (g.batch > 0) {
            input_gradient(g, dy.const_data_ptr<float>(), readable(weight).const_data_ptr<float>(),
                           dx.mutable_data_ptr<float>(), threads);
        }
    }
    if (wanted[1] || wanted[2]) {
        dw = at::empty(weight.sizes(), dy.options());
        db = wanted[2] ? at::empty({g.out_channels}, dy.options()) : Tensor();
        weight_gradient(g, dy.const_data_ptr<float>(), readable(input).const_data_ptr<float>(),
                        dw.mutable_data_ptr<float>(),
                        wanted[2] ? db.mutable_data_ptr<float>() : nullptr, threads);
    }
    if (!wanted[1]) {
        dw = Tensor();
    }
    return out;
}

// Gradients that can be differentiated again: torch's own.
std::tuple<Tensor, Tensor, Tensor> torchs_backward(const Tensor& gradient, const Tensor& input,
                                                   const Tensor& weight,
                                                   const ConvolutionOptions& o,
                                                   std::array<bool, 3> wanted) {
    geometry_of(gradient, input, weight, o);
    // torch pads both sides alike.
    const std::int64_t both = std::min(o.padding_left, o.padding_right);
    const Tensor padded =
        at::constant_pad_nd(input, {o.padding_left - both, o.padding_right - both});
    Tensor dx, dw;
    if (wanted[0] || wanted[1]) {
        std::tie(dx, dw, std::ignore) = at::convolution_backward(
            gradient, padded, weight, std::nullopt, {o.stride}, {both}, {o.dilation}, false, {0},
            o.groups, {wanted[0], wanted[1], false});
    }
    // Not of convolution_backward, which fails in turn when this alone is wanted of it.
    const Tensor db = wanted[2] ? at::sum(gradient, {0, 2}) : Tensor();
    if (dx.defined()) {
        dx = dx.narrow(2, o.padding_left - both, input.size(2));
    }
    if (dw.defined()) {
        dw = dw.reshape(weight.sizes());  // torch leaves the dimension it had put in
    }
    return {dx, dw, db};
}

template <class Signature>
c10::TypedOperatorHandle<Signature> operator_handle(const char* name, const char* overload) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

const auto& conv1d_operator() {
    static const auto handle = operator_handle<decltype(conv1d_cpu)>("crossscale::conv1d", "");
    return handle;
}

const auto& out_operator() {
    static const auto handle =
        operator_handle<decltype(conv1d_out_cpu)>("crossscale::conv1d", "out");
    return handle;
}

const auto& backward_operator() {
    static const auto handle =
        operator_handle<decltype(conv1d_backward_cpu)>("crossscale::conv1d_backward", "");
    return handle;
}

struct DifferentiableConv1d : torch::autograd::Function<DifferentiableConv1d> {
    static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight,
                          const std::optional<Tensor>& bias, std::int64_t stride,
                          std::int64_t padding_left, std::int64_t padding_right,
                          std::int64_t dilation, std::int64_t groups, bool relu) {
        const at::AutoDispatchBelowADInplaceOrView below;
        Tensor out = conv1d_operator().call(input, weight, bias, stride, padding_left,
                                            padding_right, dilation, groups, relu);
        context->save_for_backward({input, weight, relu ? out : Tensor()});
        context->saved_data["options"] =
            c10::List<std::int64_t>({stride, padding_left, padding_right, dilation, groups});
        context->saved_data["bias"] = bias && bias->defined() && bias->requires_grad();
        return out;
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const auto options = context->saved_data["options"].toIntVector();
        const ConvolutionOptions o{options[0], options[1], options[2], options[3], options[4]};
        const std::array<bool, 3> wanted{context->needs_input_grad(0), context->needs_input_grad(1),
                                         context->saved_data["bias"].toBool()};
        Tensor gradient = gradients[0];
        if (!gradient.defined()) {
            return variable_list(9);
        }
        if (saved[2].defined()) {
            gradient = at::threshold_backward(gradient, saved[2], 0);
        }
        const auto [dx, dw, db] =
            backward_operator().call(gradient, saved[0], saved[1], o.stride, o.padding_left,
                                     o.padding_right, o.dilation, o.groups, wanted);
        variable_list out(9);
        out[0] = dx;
        out[1] = dw;
        out[2] = db;
        return out;
    }
};

// A forward-mode derivative counts, too: DifferentiableConv1d refuses it, where the kernels alone
// would lose it without a word.
bool any_requires_grad(std::initializer_list<Tensor> tensors) {
    return std::any_of(tensors.begin(), tensors.end(), [](const Tensor& t) {
        return t.defined() && ((at::GradMode::is_enabled() && t.requires_grad()) ||
                               t._fw_grad(/*level=*/0).defined());
    });
}

Tensor conv1d_autograd(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                       std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                       std::int64_t dilation, std::int64_t groups, bool relu) {
    if (any_requires_grad({input, weight, bias.value_or(Tensor())})) {
        return DifferentiableConv1d::apply(input, weight, bias, stride, padding_left, padding_right,
                                           dilation, groups, relu);
    }
    const at::AutoDispatchBelowADInplaceOrView below;
    return conv1d_operator().call(input, weight, bias, stride, padding_left, padding_right,
                                  dilation, groups, relu);
}

void conv1d_out_autograd(const Tensor& input, const Tensor& weight,
                         const std::optional<Tensor>& bias, std::int64_t stride,
                         std::int64_t padding_left, std::int64_t padding_right,
                         std::int64_t dilation, std::int64_t groups, bool relu, Tensor& out) {
    TORCH_CHECK(!any_requires_grad({input, weight, bias.value_or(Tensor()), out}),
                "conv1d: out= cannot be used where a tensor requires grad");
    const at::AutoDispatchBelowADInplaceOrView below;
    out_operator().call(input, weight, bias, stride, padding_left, padding_right, dilation, groups,
                        relu, out);
    if (!out.is_inference()) {
        torch::autograd::impl::bump_version(out);  // autograd must see that it was written
    }
}

std::tuple<Tensor, Tensor, Tensor> conv1d_backward_autograd(
    const Tensor& gradient, const Tensor& input, const Tensor& weight, std::int64_t stride,
    std::int64_t padding_left, std::int64_t padding_right, std::int64_t dilation,
    std::int64_t groups, std::array<bool, 3> wanted) {
    if (any_requires_grad({gradient, input, weight})) {
        return torchs_backward(gradient, input, weight,
                               {stride, padding_left, padding_right, dilation, groups}, wanted);
    }
    const at::AutoDispatchBelowADInplaceOrView below;
    return backward_operator().call(gradient, input, weight, stride, padding_left, padding_right,
                                    dilation, groups, wanted);
}

// Under autocast the kernels stay in float32, whatever the layer before has put out.
Tensor conv1d_autocast(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                       std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                       std::int64_t dilation, std::int64_t groups, bool relu) {
    const c10::impl::ExcludeDispatchKeyGuard without(c10::DispatchKey::AutocastCPU);
    const auto float32 = [](const Tensor& tensor) {
        return at::autocast::cached_cast(at::kFloat, tensor, at::kCPU);
    };
    const std::optional<Tensor> b = bias && bias->defined() ? std::optional(float32(*bias)) : bias;
    return conv1d_operator().call(float32(input), float32(weight), b, stride, padding_left,
                                  padding_right, dilation, groups, relu);
}

TORCH_LIBRARY(crossscale, library) {
    const std::vector<at::Tag> tags{at::Tag::pt2_compliant_tag};
    library.def(
        "conv1d(Tensor input, Tensor weight, Tensor? bias, int stride, int padding_left, "
        "int padding_right, int dilation, int groups, bool relu) -> Tensor",
        tags);
    library.def(
        "conv1d.out(Tensor input, Tensor weight, Tensor? bias, int stride, int padding_left, "
        "int padding_right, int dilation, int groups, bool relu, *, Tensor(a!) out) -> ()",
        tags);
    library.def(
        "conv1d_backward(Tensor gradient, Tensor input, Tensor weight, int stride, "
        "int padding_left, int padding_right, int dilation, int groups, bool[3] wanted) "
        "-> (Tensor, Tensor, Tensor)",
        tags);
}

TORCH_LIBRARY_IMPL(crossscale, CPU, library) {
    library.impl("conv1d", conv1d_cpu);
    library.impl("conv1d.out", conv1d_out_cpu);
    library.impl("conv1d_backward", conv1d_backward_cpu);
}

TORCH_LIBRARY_IMPL(crossscale, Autograd, library) {
    library.impl("conv1d", conv1d_autograd);
    library.impl("conv1d.out", conv1d_out_autograd);
    library.impl("conv1d_backward", conv1d_backward_autograd);
}

TORCH_LIBRARY_IMPL(crossscale, AutocastCPU, library) {
    library.impl("conv1d", conv1d_autocast);
}

}  // namespace

Tensor conv1d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              const ConvolutionOptions& o, bool relu) {
    return conv1d_operator().call(input, weight, bias, o.stride, o.padding_left, o.padding_right,
                                  o.dilation, o.groups, relu);
}

void conv1d_out(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                const ConvolutionOptions& o, bool relu, Tensor& out) {
    out_operator().call(input, weight, bias, o.stride, o.padding_left, o.padding_right, o.dilation,
                        o.groups, relu, out);
}
