// The gather as C++ callers see it: through torch's dispatcher.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

// crossscale::gather_rows: out[i] = source[rows[i]]; the rows in `soon` are read ahead.
void gather_rows(const at::Tensor& source, const at::Tensor& rows, at::Tensor& out,
                 const std::optional<at::Tensor>& soon);
