// What the files that register operators have in common.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

// Throws torch's TypeError, naming operator and argument.
void check_dense_float32(const char* operator_name, const char* name, const at::Tensor& tensor);

// Lets autograd see that a tensor was written. For kernels of ADInplaceOrView, which inference mode
// does not leave out, as it does those of Autograd.
void tell_written(const at::Tensor& tensor);

// Threads for a call: torch's, but one inside a parallel region of torch's.
int usable_threads();

template <class Signature>
c10::TypedOperatorHandle<Signature> operator_handle(const char* name, const char* overload = "") {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}
