// The operators crossscale::conv1d, conv1d.out and conv1d_backward: what torch's dispatcher,
// autograd, autocast and compiler see of the kernels. Registered in C++, because an operator
// registered from Python costs as much per call as a small convolution.

#include <ATen/autocast_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "conv1d_cpu.h"
#include "operator_tools.h"
#include "operators.h"

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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
    // IntArrayRef by name: up to torch 2.11, braces could also be a list of names.
    const Tensor db = wanted[2] ? at::sum(gradient, at::IntArrayRef{0, 2}) : Tensor();
    if (dx.defined()) {
        dx = dx.narrow(2, o.padding_left - both, input.size(2));
    }
    if (dw.defined()) {
        dw = dw.reshape(weight.sizes());  // torch leaves the dimension it had put in
    }
    return {dx, dw, db};
}

const auto& conv1d_operator() {
    static const auto handle = operator_handle<decltype(conv1d_cpu)>("crossscale::conv1d");
    return handle;
}

const auto& out_operator() {
    static const auto handle =
        operator_handle<decltype(conv1d_out_cpu)>("crossscale::conv1d", "out");
    return handle;
}

const auto& backward_operator() {
    static const auto handle =
        operator_handle<decltype(conv1d_backward_cpu)>("crossscale::conv1d_backward");
    return handle;
}

struct DifferentiableConv1d : torch::autograd::Function<DifferentiableConv1d> {
    static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight,
                          const std::optional<Tensor>& bias, std::int64_t stride,
                          std::int64_t padding_left, std::int64_t padding_right,
                          std::int64_t dilation, std::int64_t groups, bool relu,
                          bool channels_last) {
        const at::AutoDispatchBelowADInplaceOrView below;
        Tensor out = conv1d_operator().call(input, weight, bias, stride, padding_left,
                                            padding_right, dilation, groups, relu, channels_last);
        context->save_for_backward({input, weight, relu ? out : Tensor()});
        context->saved_data["options"] = c10::List<std::int64_t>(
            {stride, padding_left, padding_right, dilation, groups, channels_last});
        context->saved_data["bias"] = bias && bias->defined() && bias->requires_grad();
        return out;
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const auto options = context->saved_data["options"].toIntVector();
        const ConvolutionOptions o{options[0], options[1], options[2],
                                   options[3], options[4], options[5] != 0};
        const std::array<bool, 3> wanted{context->needs_input_grad(0), context->needs_input_grad(1),
                                         context->saved_data["bias"].toBool()};
        Tensor gradient = gradients[0];
        if (!gradient.defined()) {
            return variable_list(10);
        }
        if (saved[2].defined()) {
            gradient = at::threshold_backward(gradient, saved[2], 0);
        }
        const auto [dx, dw, db] = backward_operator().call(
            gradient, saved[0], saved[1], o.stride, o.padding_left, o.padding_right, o.dilation,
            o.groups, wanted, o.channels_last);
        variable_list out(10);
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
                       std::int64_t dilation, std::int64_t groups, bool relu, bool channels_last) {
    if (any_requires_grad({input, weight, bias.value_or(Tensor())})) {
        return DifferentiableConv1d::apply(input, weight, bias, stride, padding_left, padding_right,
                                           dilation, groups, relu, channels_last);
    }
    const at::AutoDispatchBelowADInplaceOrView below;
    return conv1d_operator().call(input, weight, bias, stride, padding_left, padding_right,
                                  dilation, groups, relu, channels_last);
}

void conv1d_out_autograd(const Tensor& input, const Tensor& weight,
                         const std::optional<Tensor>& bias, std::int64_t stride,
                         std::int64_t padding_left, std::int64_t padding_right,
                         std::int64_t dilation, std::int64_t groups, bool relu, bool channels_last,
                         Tensor& out) {
    TORCH_CHECK(!any_requires_grad({input, weight, bias.value_or(Tensor()), out}),
                "conv1d: out= cannot be used where a tensor requires grad");
    const at::AutoDispatchBelowAutograd below;
    out_operator().call(input, weight, bias, stride, padding_left, padding_right, dilation, groups,
                        relu, channels_last, out);
}

void conv1d_out_in_place(const Tensor& input, const Tensor& weight,
                         const std::optional<Tensor>& bias, std::int64_t stride,
                         std::int64_t padding_left, std::int64_t padding_right,
                         std::int64_t dilation, std::int64_t groups, bool relu, bool channels_last,
                         Tensor& out) {
    const at::AutoDispatchBelowADInplaceOrView below;
    out_operator().call(input, weight, bias, stride, padding_left, padding_right, dilation, groups,
                        relu, channels_last, out);
    tell_written(out);
}

std::tuple<Tensor, Tensor, Tensor> conv1d_backward_autograd(
    const Tensor& gradient, const Tensor& input, const Tensor& weight, std::int64_t stride,
    std::int64_t padding_left, std::int64_t padding_right, std::int64_t dilation,
    std::int64_t groups, std::array<bool, 3> wanted, bool channels_last) {
    if (any_requires_grad({gradient, input, weight})) {
        return torchs_backward(
            gradient, input, weight,
            {stride, padding_left, padding_right, dilation, groups, channels_last}, wanted);
    }
    const at::AutoDispatchBelowADInplaceOrView below;
    return backward_operator().call(gradient, input, weight, stride, padding_left, padding_right,
                                    dilation, groups, wanted, channels_last);
}

// Under autocast the kernels stay in float32, whatever the layer before has put out.
Tensor conv1d_autocast(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                       std::int64_t stride, std::int64_t padding_left, std::int64_t padding_right,
                       std::int64_t dilation, std::int64_t groups, bool relu, bool channels_last) {
    const c10::impl::ExcludeDispatchKeyGuard without(c10::DispatchKey::AutocastCPU);
    const auto float32 = [](const Tensor& tensor) {
        return at::autocast::cached_cast(at::kFloat, tensor, at::kCPU);
    };
    const std::optional<Tensor> b = bias && bias->defined() ? std::optional(float32(*bias)) : bias;
    return conv1d_operator().call(float32(input), float32(weight), b, stride, padding_left,
                                  padding_right, dilation, groups, relu, channels_last);
}

TORCH_LIBRARY(crossscale, library) {
    const std::vector<at::Tag> tags{at::Tag::pt2_compliant_tag};
    library.def(
        "conv1d(Tensor input, Tensor weight, Tensor? bias, int stride, int padding_left, "
        "int padding_right, int dilation, int groups, bool relu, bool channels_last=False) -> "
        "Tensor",
        tags);
    library.def(
        "conv1d.out(Tensor input, Tensor weight, Tensor? bias, int stride, int padding_left, "
        "int padding_right, int dilation, int groups, bool relu, bool channels_last=False, *, "
        "Tensor(a!) out) -> ()",
        tags);
    library.def(
        "conv1d_backward(Tensor gradient, Tensor input, Tensor weight, int stride, "
        "int padding_left, int padding_right, int dilation, int groups, bool[3] wanted, bool "
        "channels_last=False) "
        "-> (Tensor, Tensor, Tensor)",
        tags);
}

TORCH_LIBRARY_IMPL(crossscale, Autograd, library) {
    library.impl("conv1d", conv1d_autograd);
    library.impl("conv1d.out", conv1d_out_autograd);
    library.impl("conv1d_backward", conv1d_backward_autograd);
}

TORCH_LIBRARY_IMPL(crossscale, ADInplaceOrView, library) {
    library.impl("conv1d.out", conv1d_out_in_place);
}

TORCH_LIBRARY_IMPL(crossscale, AutocastCPU, library) {
    library.impl("conv1d", conv1d_autocast);
}

}  // namespace

Tensor conv1d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              const ConvolutionOptions& o, bool relu) {
    return conv1d_operator().call(input, weight, bias, o.stride, o.padding_left, o.padding_right,
                                  o.dilation, o.groups, relu, o.channels_last);
}

void conv1d_out(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                const ConvolutionOptions& o, bool relu, Tensor& out) {
    out_operator().call(input, weight, bias, o.stride, o.padding_left, o.padding_right, o.dilation,
                        o.groups, relu, o.channels_last, out);
}

std::tuple<Tensor, Tensor, Tensor> conv1d_backward(const Tensor& gradient, const Tensor& input,
                                                   const Tensor& weight,
                                                   const ConvolutionOptions& o,
                                                   std::array<bool, 3> wanted) {
    return backward_operator().call(gradient, input, weight, o.stride, o.padding_left,
                                    o.padding_right, o.dilation, o.groups, wanted, o.channels_last);
}
