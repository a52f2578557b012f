// The operator crossscale::gather_rows: rows of an array copied to their places in a batch.
//
// Bound: memory bandwidth. A byte is read once and written once, nothing is computed; the source
// is larger than the caches, the batch is not. What keeps a gather from that bound is that rows
// come in no order the hardware's prefetcher could follow: the rows that are copied next are asked
// for some kilobytes ahead, into L2, which has more reads on their way at once than L1.
// Tried by hand: batches of 256 rows of 2000 bytes, shuffled in buffers of 512 KB, into a ring of
// four batches, on one thread of an Intel Xeon with AMX; medians over a memcpy of a whole batch
// into the same ring. Nothing asked for 0.7 to 1.0; two rows ahead into L1 0.97; four to eight
// ahead into L2 1.05 to 1.16. No faster: a batch's rows sorted by address, writes asked for ahead,
// copies by AVX-512. Slower: the whole next buffer read ahead in its own order 0.84 to 0.95, and
// stores past the caches 0.8 to 0.9, whose batch the reader then misses. The string copy, which
// need not read what it overwrites, gave a tenth on an AMD EPYC and nothing here.

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gather.h"
#include "operator_tools.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace {

using at::Tensor;

constexpr std::int64_t kLineBytes = 64;
constexpr std::int64_t kBytesAhead = 8192;
constexpr std::int64_t kMostRowsAhead = 16;
constexpr std::size_t kStringCopyBytes = 512;  // shorter rows do not pay for its start

void check_contiguous(const char* name, const Tensor& tensor) {
    TORCH_CHECK_TYPE(tensor.is_cpu(), "gather_rows: ", name, " is on ", tensor.device(),
                     ", but only tensors on the CPU are taken here");
    TORCH_CHECK_VALUE(tensor.dim() >= 1 && tensor.is_contiguous(), "gather_rows: ", name,
                      " must have a dimension and be contiguous");
}

// Which rows: of the source's, checked before anything is written.
const std::int64_t* indices(const Tensor& rows, std::int64_t source_rows) {
    TORCH_CHECK_TYPE(rows.scalar_type() == at::kLong && rows.dim() == 1,
                     "gather_rows: rows must be one-dimensional int64, not ", rows.dim(),
                     "-dimensional ", rows.scalar_type());
    const std::int64_t* const index = rows.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
        TORCH_CHECK_INDEX(index[i] >= 0 && index[i] < source_rows, "gather_rows: row ", index[i],
                          " is not one of the source's ", source_rows);
    }
    return index;
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

void prefetch_into_l2(const char* row, std::int64_t bytes) {
    for (std::int64_t at = 0; at < bytes; at += kLineBytes) {
        __builtin_prefetch(row + at, 0, 2);
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

void gather_rows_cpu(const Tensor& source, const Tensor& rows, Tensor& out) {
    check(source, rows, out);
    const std::int64_t* const row = indices(rows, source.size(0));
    if (out.numel() == 0) {
        return;
    }
    const std::int64_t count = rows.numel();
    const std::int64_t row_bytes = out.numel() / count * out.element_size();
    const std::int64_t ahead = std::clamp(kBytesAhead / row_bytes, std::int64_t{1}, kMostRowsAhead);
    const char* const from = static_cast<const char*>(source.const_data_ptr());
    char* const to = static_cast<char*>(out.mutable_data_ptr());
    for (std::int64_t i = 0; i < count; ++i) {
        if (i + ahead < count) {
            prefetch_into_l2(from + row[i + ahead] * row_bytes, row_bytes);
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

void gather_rows_autograd(const Tensor& source, const Tensor& rows, Tensor& out) {
    TORCH_CHECK(!at::GradMode::is_enabled() || (!source.requires_grad() && !out.requires_grad()),
                "gather_rows: has no gradient, and cannot be used where a tensor requires one");
    const at::AutoDispatchBelowADInplaceOrView below;
    gather_operator().call(source, rows, out);
    if (!out.is_inference()) {
        torch::autograd::impl::bump_version(out);  // autograd must see that it was written
    }
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

}  // namespace

void gather_rows(const Tensor& source, const Tensor& rows, Tensor& out) {
    gather_operator().call(source, rows, out);
}
