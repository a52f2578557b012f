// The operator crossscale::gather_rows: rows of an array copied to their places in a batch.

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "gather.h"

#include <cstdint>

#include "copy_rows.h"
#include "operator_tools.h"

namespace {

using at::Tensor;

void check_contiguous(const char* name, const Tensor& tensor) {
    TORCH_CHECK_TYPE(tensor.is_cpu(), "gather_rows: ", name, " is on ", tensor.device(),
                     ", but only tensors on the CPU are taken here");
    TORCH_CHECK_VALUE(tensor.dim() >= 1 && tensor.is_contiguous(), "gather_rows: ", name,
                      " must have a dimension and be contiguous");
}

}  // namespace

const std::int64_t* checked_rows(const Tensor& rows, std::int64_t source_rows) {
    TORCH_CHECK_TYPE(rows.scalar_type() == at::kLong && rows.dim() == 1,
                     "gather_rows: rows must be one-dimensional int64, not ", rows.dim(),
                     "-dimensional ", rows.scalar_type());
    check_contiguous("rows", rows);
    const std::int64_t* const index = rows.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
        TORCH_CHECK_INDEX(index[i] >= 0 && index[i] < source_rows, "gather_rows: row ", index[i],
                          " is not one of the source's ", source_rows);
    }
    return index;
}

void check_gather(const Tensor& source, const Tensor& rows, const Tensor& out) {
    check_contiguous("source", source);
    check_contiguous("rows", rows);
    check_contiguous("out", out);
    TORCH_CHECK_TYPE(out.scalar_type() == source.scalar_type(), "gather_rows: out is ",
                     out.scalar_type(), " where source is ", source.scalar_type());
    TORCH_CHECK_VALUE(
        out.size(0) == rows.size(0) && out.sizes().slice(1) == source.sizes().slice(1),
        "gather_rows: ", rows.size(0), " rows of a source of shape ", source.sizes(),
        " do not fit an out of shape ", out.sizes());
}

namespace {

void gather_rows_cpu(const Tensor& source, const Tensor& rows, Tensor& out) {
    check_gather(source, rows, out);
    const std::int64_t* const row = checked_rows(rows, source.size(0));
    if (out.numel() == 0) {
        return;
    }
    const std::int64_t count = rows.numel();
    const std::int64_t row_bytes = out.numel() / count * out.element_size();
    copy_rows(static_cast<const char*>(source.const_data_ptr()), row, count, row_bytes,
              static_cast<char*>(out.mutable_data_ptr()));
}

const auto& gather_operator() {
    static const auto handle =
        operator_handle<decltype(gather_rows_cpu)>("crossscale::gather_rows");
    return handle;
}

void gather_rows_autograd(const Tensor& source, const Tensor& rows, Tensor& out) {
    TORCH_CHECK(!at::GradMode::is_enabled() || (!source.requires_grad() && !out.requires_grad()),
                "gather_rows: has no gradient, and cannot be used where a tensor requires one");
    const at::AutoDispatchBelowAutograd below;
    gather_operator().call(source, rows, out);
}

void gather_rows_in_place(const Tensor& source, const Tensor& rows, Tensor& out) {
    const at::AutoDispatchBelowADInplaceOrView below;
    gather_operator().call(source, rows, out);
    tell_written(out);
}

TORCH_LIBRARY_FRAGMENT(crossscale, library) {
    library.def("gather_rows(Tensor source, Tensor rows, Tensor(a!) out) -> ()",
                {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(crossscale, CPU, library) {
    library.impl("gather_rows", gather_rows_cpu);
}

TORCH_LIBRARY_IMPL(crossscale, Autograd, library) {
    library.impl("gather_rows", gather_rows_autograd);
}

TORCH_LIBRARY_IMPL(crossscale, ADInplaceOrView, library) {
    library.impl("gather_rows", gather_rows_in_place);
}

}  // namespace

void gather_rows(const Tensor& source, const Tensor& rows, Tensor& out) {
    gather_operator().call(source, rows, out);
}
