// The extension `_kernels`: the short way from Python to the operators, the instruction sets, and
// the benchmark's contestants. Importing it registers the operators.

#include <ATen/ops/empty.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/csrc/autograd/python_variable.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "drivers.h"
#include "fft_plan.h"
#include "gather.h"
#include "instruction_sets.h"
#include "machine_peaks.h"
#include "operators.h"
#include "output_memory.h"
#include "row_filler.h"
#include "team.h"
#include "team_cost.h"

namespace py = pybind11;

namespace {

const at::Tensor& any_tensor_of(const char* operator_name, const char* name, py::handle object) {
    if (!THPVariable_Check(object.ptr())) {
        throw py::type_error(std::string(operator_name) + ": " + name + " is no tensor but a " +
                             std::string(py::str(py::type::of(object))));
    }
    return THPVariable_Unpack(object.ptr());
}

at::Tensor tensor_of(const char* name, py::handle object) {
    const at::Tensor& tensor = any_tensor_of("conv1d", name, object);
    // The dispatcher's own complaint about a layout or device without a kernel fills a page.
    TORCH_CHECK_TYPE((tensor.is_cpu() || tensor.is_meta()) && tensor.layout() == at::kStrided,
                     "conv1d: ", name, " is on ", tensor.device(), " (", tensor.layout(),
                     "), but only dense float32 on the CPU is taken here");
    return tensor;
}

// Calls `work`, whose errors become Python's without torch's trace of C++ frames.
template <class Work>
void translating_errors(const Work& work) {
    try {
        work();
    } catch (const c10::TypeError& error) {
        throw py::type_error(error.what_without_backtrace());
    } catch (const c10::ValueError& error) {
        throw py::value_error(error.what_without_backtrace());
    } catch (const c10::IndexError& error) {
        throw py::index_error(error.what_without_backtrace());
    } catch (const c10::Error& error) {
        throw std::runtime_error(error.what_without_backtrace());
    }
}

// The tensor that `work` makes, as Python's.
template <class Work>
py::object tensor_from(const Work& work) {
    at::Tensor made;
    translating_errors([&] { made = work(); });
    return py::reinterpret_steal<py::object>(THPVariable_Wrap(std::move(made)));
}

py::object conv1d_of_objects(py::handle input, py::handle weight, py::handle bias,
                             std::int64_t stride, std::int64_t padding_left,
                             std::int64_t padding_right, std::int64_t dilation, std::int64_t groups,
                             bool relu, bool channels_last, py::handle out) {
    const ConvolutionOptions options{stride,   padding_left, padding_right,
                                     dilation, groups,       channels_last};
    return tensor_from([&] {
        const at::Tensor x = tensor_of("input", input);
        const at::Tensor w = tensor_of("weight", weight);
        const std::optional<at::Tensor> b =
            bias.is_none() ? std::nullopt : std::optional(tensor_of("bias", bias));
        if (out.is_none()) {
            const py::gil_scoped_release release;
            return conv1d(x, w, b, options, relu);
        }
        at::Tensor y = tensor_of("out", out);
        const py::gil_scoped_release release;
        conv1d_out(x, w, b, options, relu, y);
        return y;
    });
}

at::Tensor three_dimensions_of(const char* name, py::handle object) {
    const at::Tensor tensor = tensor_of(name, object);
    TORCH_CHECK_VALUE(tensor.dim() == 3, "conv1d: ", name, " has ", tensor.dim(),
                      " dimensions, not 3");
    return tensor;
}

// A tensor of that shape without memory of its own, where the shape alone counts.
at::Tensor shaped(const at::Tensor& like, at::IntArrayRef shape) {
    return at::empty({}, like.options()).expand(shape);
}

py::object input_gradient_of_objects(py::handle gradient, py::handle weight,
                                     std::int64_t input_length, std::int64_t stride,
                                     std::int64_t padding_left, std::int64_t padding_right,
                                     std::int64_t dilation, std::int64_t groups,
                                     bool channels_last) {
    return tensor_from([&] {
        const at::Tensor dy = three_dimensions_of("gradient", gradient);
        const at::Tensor w = three_dimensions_of("weight", weight);
        const py::gil_scoped_release release;
        return std::get<0>(
            conv1d_backward(dy, shaped(dy, {dy.size(0), w.size(1) * groups, input_length}), w,
                            {stride, padding_left, padding_right, dilation, groups, channels_last},
                            {true, false, false}));
    });
}

py::object weight_gradient_of_objects(py::handle gradient, py::handle input,
                                      std::int64_t kernel_width, std::int64_t stride,
                                      std::int64_t padding_left, std::int64_t padding_right,
                                      std::int64_t dilation, std::int64_t groups,
                                      bool channels_last) {
    return tensor_from([&] {
        const at::Tensor dy = three_dimensions_of("gradient", gradient);
        const at::Tensor x = three_dimensions_of("input", input);
        TORCH_CHECK_VALUE(groups > 0, "conv1d: groups is ", groups, ", not 1 or more");
        const py::gil_scoped_release release;
        return std::get<1>(
            conv1d_backward(dy, x, shaped(dy, {dy.size(1), x.size(1) / groups, kernel_width}),
                            {stride, padding_left, padding_right, dilation, groups, channels_last},
                            {false, true, false}));
    });
}

at::Tensor gatherable(const char* name, py::handle object) {
    const at::Tensor& tensor = any_tensor_of("gather_rows", name, object);
    TORCH_CHECK_TYPE(tensor.is_cpu() && tensor.layout() == at::kStrided, "gather_rows: ", name,
                     " is on ", tensor.device(), " (", tensor.layout(),
                     "), but only dense tensors on the CPU are taken here");
    return tensor;
}

void gather_rows_of_objects(py::handle source, py::handle rows, py::handle out) {
    translating_errors([&] {
        const at::Tensor from = gatherable("source", source);
        const at::Tensor which = gatherable("rows", rows);
        at::Tensor to = gatherable("out", out);
        py::gil_scoped_release release;
        gather_rows(from, which, to);
    });
}

// A filler of arrays, each (source, slots).
std::unique_ptr<RowFiller> filler_of_objects(
    const std::vector<std::pair<py::object, std::vector<py::object>>>& arrays, py::handle rows) {
    std::unique_ptr<RowFiller> made;
    translating_errors([&] {
        std::vector<FilledArray> filled;
        for (const auto& [source, slots] : arrays) {
            filled.push_back({gatherable("source", source), {}});
            for (const py::object& slot : slots) {
                filled.back().slots.push_back(gatherable("out", slot));
            }
        }
        made = std::make_unique<RowFiller>(std::move(filled), gatherable("rows", rows));
    });
    return made;
}

py::object next_of(RowFiller& filler) {
    const std::optional<Filled> filled = [&] {
        const py::gil_scoped_release release;
        return filler.next();
    }();
    if (!filled) {
        return py::none();
    }
    return py::make_tuple(filled->slot, filled->count, filled->start_s, filled->end_s);
}

float* address_of(const char* name, std::uintptr_t address) {
    if (address == 0 || address % alignof(float) != 0) {
        throw std::invalid_argument(std::string(name) + " is not the address of float32 data");
    }
    return reinterpret_cast<float*>(address);
}

template <Method method>
int forward_at(const Geometry& geometry, std::uintptr_t input, std::uintptr_t weight,
               std::uintptr_t bias, std::uintptr_t out, bool relu, int num_threads) {
    if (num_threads < 1) {
        throw std::invalid_argument("num_threads must be at least 1");
    }
    if (method == Method::kTapsLoop && (geometry.stride != 1 || geometry.dilation != 1)) {
        throw std::invalid_argument("taps_loop is written for stride 1 and dilation 1");
    }
    if (geometry.batch == 0) {
        return 0;  // torch gives a tensor without elements the address 0
    }
    const float* x = address_of("input", input);
    const float* w = address_of("weight", weight);
    const float* b = bias == 0 ? nullptr : address_of("bias", bias);
    float* y = address_of("out", out);
    py::gil_scoped_release release;
    return forward(geometry, x, w, b, y, relu, method, num_threads);
}

template <Method method>
void def_forward_at(py::module_& module, const char* name) {
    module.def(name, &forward_at<method>, py::arg("geometry"), py::arg("input"), py::arg("weight"),
               py::arg("bias"), py::arg("out"), py::arg("relu"), py::arg("num_threads"));
}

}  // namespace

PYBIND11_MODULE(_kernels, module) {
    module.doc() = "1-D convolutions in float32, their gradients, and a gather of rows.";

    module.def("conv1d", &conv1d_of_objects);
    module.def("conv1d_input_gradient", &input_gradient_of_objects);
    module.def("conv1d_weight_gradient", &weight_gradient_of_objects);
    module.def("gather_rows", &gather_rows_of_objects);

    py::class_<Geometry>(module, "Geometry")
        .def(py::init([](std::int64_t batch, std::int64_t in_channels, std::int64_t out_channels,
                         std::int64_t length, std::int64_t kernel, std::int64_t stride,
                         std::int64_t padding_left, std::int64_t padding_right,
                         std::int64_t dilation, std::int64_t groups) {
                 return checked({batch, in_channels, out_channels, length, kernel, stride,
                                 padding_left, padding_right, dilation, groups, 0});
             }),
             py::kw_only(), py::arg("batch"), py::arg("in_channels"), py::arg("out_channels"),
             py::arg("length"), py::arg("kernel"), py::arg("stride"), py::arg("padding_left"),
             py::arg("padding_right"), py::arg("dilation"), py::arg("groups"))
        .def_readonly("out_length", &Geometry::out_length)
        .def_property_readonly("multiply_adds", &multiply_adds);

    py::class_<RowFiller>(module, "RowFiller")
        .def(py::init(&filler_of_objects))
        .def("next", &next_of)
        .def("release", [](RowFiller& filler) { translating_errors([&] { filler.release(); }); })
        .def("close", &RowFiller::close, py::call_guard<py::gil_scoped_release>());

    def_forward_at<Method::kTiled>(module, "forward");
    def_forward_at<Method::kStreamed>(module, "forward_streamed");
    def_forward_at<Method::kTapsLoop>(module, "forward_taps_loop");
    def_forward_at<Method::kNaive>(module, "forward_naive");

    module.def("known_isas", &known_isas);
    module.def("supported_isas", &supported_isas);
    module.def("isa", [] { return current_isa().name; });
    module.def("use_isa", &use_isa, py::arg("name"));
    module.def("known_methods", &known_methods);
    module.def("method", &current_method);
    module.def("transform_of", &transform_of, py::arg("geometry"), py::arg("operation"));
    module.def("use_method", &use_method, py::arg("name"));
    module.def("openmp_library", &openmp_library);
    module.def("threads_worth_calling", &threads_worth_calling, py::arg("work"),
               py::arg("num_threads"), py::call_guard<py::gil_scoped_release>());
    module.def("summing_team_size", &summing_team_size, py::arg("threads"), py::arg("sums_floats"));
    module.def("call_teams_always", &call_teams_always, py::arg("always"));
    module.def("kept_output_bytes", &kept_output_bytes);
    def_machine_peaks(module);
}
