// The gather as C++ callers see it: through torch's dispatcher.
#pragma once

#include <ATen/core/Tensor.h>

// crossscale::gather_rows: out[i] = source[rows[i]].
void gather_rows(const at::Tensor& source, const at::Tensor& rows, at::Tensor& out);
