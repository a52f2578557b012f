// The operators crossscale::normalised and normalised_backward: batch normalisation, ReLU and
// pooling of a convolution's output in one, and their gradient.

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <ATen/ops/empty.h>

#include <cmath>

#include "block_drivers.h"
#include "operator_tools.h"
#include "output_memory.h"

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check(const char* name, const Tensor& tensor, at::IntArrayRef sizes) {
    check_dense_float32("normalised", name, tensor);
    TORCH_CHECK_VALUE(tensor.sizes() == sizes, "normalised: ", name, " has the shape ",
                      tensor.sizes(), ", not ", sizes);
}

// The task of y [batch, channels, length]; its arrays of one number per channel lie in
// `of_channel`.
struct Task {
    Task(const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, std::int64_t pool,
         bool mean_pool)
        : eps(eps), weight(weight.contiguous()), bias(bias.contiguous()) {
        TORCH_CHECK_VALUE(y.dim() == 3 && y.numel() > 0,
                          "normalised: y must be [batch, channels, length] and not empty, not ",
                          y.sizes());
        TORCH_CHECK_VALUE(pool >= 1 && (mean_pool || pool <= 2), "normalised: pool is ", pool,
                          ", but must be at least 1, and at most 2 for the larger");
        check_dense_float32("normalised", "y", y);
        check("weight", weight, {y.size(1)});
        check("bias", bias, {y.size(1)});
        kept = y.contiguous();
        task.batch = y.size(0);
        task.channels = y.size(1);
        task.length = y.size(2);
        task.pool = pool;
        task.mean_pool = mean_pool;
        task.y = kept.const_data_ptr<float>();
    }

    void normalise_by(const Tensor& mean, const Tensor& variance) {
        const at::IntArrayRef sizes(task.channels);
        check("mean", mean, sizes);
        check("variance", variance, sizes);
        of_channel.resize(4 * task.channels);
        const auto channels = static_cast<std::size_t>(task.channels);
        const Tensor m = mean.contiguous();
        const Tensor v = variance.contiguous();
        for (std::size_t c = 0; c < channels; ++c) {
            const float inverse = static_cast<float>(
                1.0 / std::sqrt(static_cast<double>(v.const_data_ptr<float>()[c]) + eps));
            const float center = m.const_data_ptr<float>()[c];
            const float scale = weight.const_data_ptr<float>()[c] * inverse;
            of_channel[c] = scale;
            of_channel[channels + c] = bias.const_data_ptr<float>()[c] - center * scale;
            of_channel[2 * channels + c] = center;
            of_channel[3 * channels + c] = inverse;
        }
        task.scale = of_channel.data();
        task.shift = task.scale + channels;
        task.mean = task.shift + channels;
        task.inverse_deviation = task.mean + channels;
    }

    double eps;
    Tensor weight;
    Tensor bias;
    Tensor kept;
    std::vector<float> of_channel;
    BlockTask task{};
};

std::tuple<Tensor, Tensor, Tensor> normalised_cpu(const Tensor& y, const Tensor& weight,
                                                  const Tensor& bias,
                                                  const std::optional<Tensor>& running_mean,
                                                  const std::optional<Tensor>& running_variance,
                                                  double eps, std::int64_t pool, bool mean_pool) {
    Task t(y, weight, bias, eps, pool, mean_pool);
    Tensor mean = at::empty({t.task.channels}, y.options());
    Tensor variance = at::empty({t.task.channels}, y.options());
    if (running_mean && running_variance) {
        mean.copy_(*running_mean);
        variance.copy_(*running_variance);
    } else {
        const Moments moments = channel_moments(t.task, usable_threads());
        for (std::int64_t c = 0; c < t.task.channels; ++c) {
            mean.mutable_data_ptr<float>()[c] = static_cast<float>(moments.mean[c]);
            variance.mutable_data_ptr<float>()[c] = static_cast<float>(moments.variance[c]);
        }
    }
    t.normalise_by(mean, variance);
    Tensor out = output({t.task.batch, t.task.channels, t.task.length / pool});
    t.task.out = out.mutable_data_ptr<float>();
    block_forward(t.task, usable_threads());
    return {out, mean, variance};
}

std::tuple<Tensor, Tensor, Tensor> normalised_backward_cpu(const Tensor& gradient, const Tensor& y,
                                                           const Tensor& weight, const Tensor& bias,
                                                           const Tensor& mean,
                                                           const Tensor& variance, double eps,
                                                           std::int64_t pool, bool mean_pool,
                                                           bool batch_statistics) {
    Task t(y, weight, bias, eps, pool, mean_pool);
    check("gradient", gradient, {t.task.batch, t.task.channels, t.task.length / pool});
    t.normalise_by(mean, variance);
    const Tensor g = gradient.contiguous();
    Tensor dy = output(y.sizes());
    t.task.gradient = g.const_data_ptr<float>();
    t.task.dy = dy.mutable_data_ptr<float>();
    const BlockSums sums = block_backward(t.task, batch_statistics, usable_threads());
    Tensor dweight = at::empty({t.task.channels}, y.options());
    Tensor dbias = at::empty({t.task.channels}, y.options());
    std::copy(sums.products.begin(), sums.products.end(), dweight.mutable_data_ptr<float>());
    std::copy(sums.gradients.begin(), sums.gradients.end(), dbias.mutable_data_ptr<float>());
    return {dy, dweight, dbias};
}

struct DifferentiableNormalised : torch::autograd::Function<DifferentiableNormalised> {
    static variable_list forward(AutogradContext* context, const Tensor& y, const Tensor& weight,
                                 const Tensor& bias, const std::optional<Tensor>& running_mean,
                                 const std::optional<Tensor>& running_variance, double eps,
                                 std::int64_t pool, bool mean_pool) {
        static const auto handle =
            operator_handle<decltype(normalised_cpu)>("crossscale::normalised");
        const at::AutoDispatchBelowADInplaceOrView below;
        auto [out, mean, variance] =
            handle.call(y, weight, bias, running_mean, running_variance, eps, pool, mean_pool);
        context->save_for_backward({y, weight, bias, mean, variance});
        context->mark_non_differentiable({mean, variance});
        context->saved_data["eps"] = eps;
        context->saved_data["pool"] = pool;
        context->saved_data["mean_pool"] = mean_pool;
        context->saved_data["batch_statistics"] = !(running_mean && running_variance);
        return {out, mean, variance};
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        variable_list out(8);
        if (!gradients[0].defined()) {
            return out;
        }
        TORCH_CHECK(!at::GradMode::is_enabled(),
                    "normalised: its gradient cannot be differentiated again; use the layers one "
                    "by one");
        static const auto handle =
            operator_handle<decltype(normalised_backward_cpu)>("crossscale::normalised_backward");
        const variable_list saved = context->get_saved_variables();
        auto [dy, dweight, dbias] =
            handle.call(gradients[0], saved[0], saved[1], saved[2], saved[3], saved[4],
                        context->saved_data["eps"].toDouble(), context->saved_data["pool"].toInt(),
                        context->saved_data["mean_pool"].toBool(),
                        context->saved_data["batch_statistics"].toBool());
        out[0] = dy;
        out[1] = dweight;
        out[2] = dbias;
        return out;
    }
};

std::tuple<Tensor, Tensor, Tensor> normalised_autograd(
    const Tensor& y, const Tensor& weight, const Tensor& bias,
    const std::optional<Tensor>& running_mean, const std::optional<Tensor>& running_variance,
    double eps, std::int64_t pool, bool mean_pool) {
    const variable_list out = DifferentiableNormalised::apply(
        y, weight, bias, running_mean, running_variance, eps, pool, mean_pool);
    return {out[0], out[1], out[2]};
}

TORCH_LIBRARY_FRAGMENT(crossscale, library) {
    const std::vector<at::Tag> tags{at::Tag::pt2_compliant_tag};
    library.def(
        "normalised(Tensor y, Tensor weight, Tensor bias, Tensor? running_mean, "
        "Tensor? running_variance, float eps, int pool, bool mean_pool) "
        "-> (Tensor, Tensor, Tensor)",
        tags);
    library.def(
        "normalised_backward(Tensor gradient, Tensor y, Tensor weight, Tensor bias, Tensor mean, "
        "Tensor variance, float eps, int pool, bool mean_pool, bool batch_statistics) "
        "-> (Tensor, Tensor, Tensor)",
        tags);
}

TORCH_LIBRARY_IMPL(crossscale, CPU, library) {
    library.impl("normalised", normalised_cpu);
    library.impl("normalised_backward", normalised_backward_cpu);
}

TORCH_LIBRARY_IMPL(crossscale, Autograd, library) {
    library.impl("normalised", normalised_autograd);
}

}  // namespace
