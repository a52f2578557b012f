// The extension `_kernels`. Tensors come as addresses: conv1d.py has checked their dtype, device,
// shape and contiguity against the Geometry; this file checks everything an address lets it check.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "instruction_sets.h"
#include "parallel.h"

namespace py = pybind11;

namespace {

float* address_of(const char* name, std::uintptr_t address) {
    if (address == 0 || address % alignof(float) != 0) {
        throw std::invalid_argument(std::string(name) + " is not the address of float32 data");
    }
    return reinterpret_cast<float*>(address);
}

template <Method method>
int forward(const Geometry& geometry, std::uintptr_t input, std::uintptr_t weight,
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
    const Buffers buffers{address_of("input", input), address_of("weight", weight),
                          bias == 0 ? nullptr : address_of("bias", bias), address_of("out", out),
                          relu};
    py::gil_scoped_release release;
    return run(geometry, buffers, method, num_threads);
}

template <Method method>
void def_forward(py::module_& module, const char* name) {
    module.def(name, &forward<method>, py::arg("geometry"), py::arg("input"), py::arg("weight"),
               py::arg("bias"), py::arg("out"), py::arg("relu"), py::arg("num_threads"));
}

}  // namespace

PYBIND11_MODULE(_kernels, module) {
    module.doc() = "Forward 1-D convolutions in float32; call them through conv1d.";

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

    def_forward<Method::kTiled>(module, "forward");
    def_forward<Method::kTapsLoop>(module, "forward_taps_loop");
    def_forward<Method::kNaive>(module, "forward_naive");

    module.def("known_isas", &known_isas);
    module.def("supported_isas", &supported_isas);
    module.def("isa", [] { return current_isa().name; });
    module.def("use_isa", &use_isa, py::arg("name"));
    module.def("openmp_library", &openmp_library);
}
