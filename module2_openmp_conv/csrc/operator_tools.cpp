#include "operator_tools.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/variable.h>

void check_dense_float32(const char* operator_name, const char* name, const at::Tensor& tensor) {
    TORCH_CHECK_TYPE(
        tensor.scalar_type() == at::kFloat && tensor.is_cpu() && tensor.layout() == at::kStrided,
        operator_name, ": ", name, " is ", tensor.scalar_type(), " on ", tensor.device(), " (",
        tensor.layout(), "), but only dense float32 on the CPU is taken here");
}

void tell_written(const at::Tensor& tensor) {
    if (!tensor.is_inference()) {  // those have no version
        torch::autograd::impl::bump_version(tensor);
    }
}

int usable_threads() {
    return at::in_parallel_region() ? 1 : at::get_num_threads();
}
