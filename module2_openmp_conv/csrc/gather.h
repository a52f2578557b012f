// The gather as C++ callers see it: through torch's dispatcher.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

// crossscale::gather_rows: out[i] = source[rows[i]].
void gather_rows(const at::Tensor& source, const at::Tensor& rows, at::Tensor& out);

// Throws torch's TypeError or ValueError if the tensors do not fit together; looks at no row.
void check_gather(const at::Tensor& source, const at::Tensor& rows, const at::Tensor& out);

// The rows, all of them known to be the source's; throws torch's IndexError otherwise.
const std::int64_t* checked_rows(const at::Tensor& rows, std::int64_t source_rows);
