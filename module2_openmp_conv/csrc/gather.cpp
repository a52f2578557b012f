// The operator crossscale::gather_rows: rows of an array copied to their places in a batch.
//
// Bound: memory bandwidth. A byte is read once and written once, nothing is computed; the source
// is larger than the caches, the batch is not. What keeps a gather from that bound is that rows
// come in no order the hardware's prefetcher could follow. Two remedies:
// - rows that a caller will want soon, given in the order they lie in: they are read ahead in runs
//   into L2, and gathered from there later;
// - else the next rows of this call are asked for while one is copied.
// Medians for 2000-byte rows shuffled in buffers of 512 KB (AMD EPYC, one thread), where one memcpy
// of a whole batch has 17 GB/s: plain 7; next rows asked for 8; read ahead 11, and with the
// processor's string copy, which need not read what it overwrites, 12 to 13. Stores past the caches
// (non-temporal) were slower (9), and whoever asked for the batch reads it next.

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "gather.h"
#include "operator_tools.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace {

using at::Tensor;

constexpr std::int64_t kLineBytes = 64;
constexpr std::int64_t kRowsAhead = 2;
constexpr std::size_t kStringCopyBytes = 512;  // shorter rows do not pay for its start

void check_contiguous(const char* name, const Tensor& tensor) {
    TORCH_CHECK_TYPE(tensor.is_cpu(), "gather_rows: ", name, " is on ", tensor.device(),
                     ", but only tensors on the CPU are taken here");
    TORCH_CHECK_VALUE(tensor.dim() >= 1 && tensor.is_contiguous(), "gather_rows: ", name,
                      " must have a dimension and be contiguous");
}

// Which rows: of the source's, checked before anything is written.
std::pair<const std::int64_t*, std::int64_t> indices(const char* name, const Tensor& tensor,
                                                     std::int64_t source_rows) {
    check_contiguous(name, tensor);
    TORCH_CHECK_TYPE(tensor.scalar_type() == at::kLong && tensor.dim() == 1, "gather_rows: ", name,
                     " must be one-dimensional int64, not ", tensor.dim(), "-dimensional ",
                     tensor.scalar_type());
    const std::int64_t* const index = tensor.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        TORCH_CHECK_INDEX(index[i] >= 0 && index[i] < source_rows, "gather_rows: row ", index[i],
                          " in ", name, " is not one of the source's ", source_rows);
    }
    return {index, tensor.numel()};
}

void check(const Tensor& source, const Tensor& rows, const Tensor& out) {
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

// T0: into L1, for what is copied next. T2: into L2, for what is wanted soon.
enum class Level { kT0 = 3, kT2 = 1 };

template <Level level>
void prefetch(const char* row, std::int64_t bytes) {
    for (std::int64_t at = 0; at < bytes; at += kLineBytes) {
        __builtin_prefetch(row + at, 0, static_cast<int>(level));
    }
}

#ifdef __x86_64__
bool has_fast_string_copy() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    constexpr unsigned kErms = 1u << 9;  // enhanced REP MOVSB
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & kErms);
}

// glibc does the same, but for longer pieces only.
void copy_row(char* to, const char* from, std::size_t bytes) {
    static const bool fast = has_fast_string_copy();
    if (fast && bytes >= kStringCopyBytes) {
        asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
    } else {
        std::memcpy(to, from, bytes);
    }
}
#else
void copy_row(char* to, const char* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
}
#endif

void gather_rows_cpu(const Tensor& source, const Tensor& rows, Tensor& out,
                     const std::optional<Tensor>& soon) {
    check(source, rows, out);
    const auto [row, count] = indices("rows", rows, source.size(0));
    const auto [later, later_count] = soon && soon->defined()
                                          ? indices("soon", *soon, source.size(0))
                                          : std::pair<const std::int64_t*, std::int64_t>{};
    if (out.numel() == 0) {
        return;
    }
    const std::int64_t row_bytes = out.numel() / count * out.element_size();
    const char* const from = static_cast<const char*>(source.const_data_ptr());
    char* const to = static_cast<char*>(out.mutable_data_ptr());
    for (std::int64_t i = 0; i < count; ++i) {
        if (i < later_count) {
            prefetch<Level::kT2>(from + later[i] * row_bytes, row_bytes);
        } else if (i + kRowsAhead < count) {
            prefetch<Level::kT0>(from + row[i + kRowsAhead] * row_bytes, row_bytes);
        }
        copy_row(to + i * row_bytes, from + row[i] * row_bytes,
                 static_cast<std::size_t>(row_bytes));
    }
}

const auto& gather_operator() {
    static const auto handle =
        operator_handle<decltype(gather_rows_cpu)>("crossscale::gather_rows");
    return handle;
}

void gather_rows_autograd(const Tensor& source, const Tensor& rows, Tensor& out,
                          const std::optional<Tensor>& soon) {
    TORCH_CHECK(!at::GradMode::is_enabled() || (!source.requires_grad() && !out.requires_grad()),
                "gather_rows: has no gradient, and cannot be used where a tensor requires one");
    const at::AutoDispatchBelowADInplaceOrView below;
    gather_operator().call(source, rows, out, soon);
    if (!out.is_inference()) {
        torch::autograd::impl::bump_version(out);  // autograd must see that it was written
    }
}

TORCH_LIBRARY_FRAGMENT(crossscale, library) {
    library.def("gather_rows(Tensor source, Tensor rows, Tensor(a!) out, Tensor? soon=None) -> ()",
                {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(crossscale, CPU, library) {
    library.impl("gather_rows", gather_rows_cpu);
}

TORCH_LIBRARY_IMPL(crossscale, Autograd, library) {
    library.impl("gather_rows", gather_rows_autograd);
}

}  // namespace

void gather_rows(const Tensor& source, const Tensor& rows, Tensor& out,
                 const std::optional<Tensor>& soon) {
    gather_operator().call(source, rows, out, soon);
}
