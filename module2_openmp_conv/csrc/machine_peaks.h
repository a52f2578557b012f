// What this machine can do at most: multiply-adds from registers, and bytes from and to memory.
#pragma once

#include <pybind11/pybind11.h>

// Adds peak_gflop_per_s and stream_gb_per_s to the extension.
void def_machine_peaks(pybind11::module_& module);
