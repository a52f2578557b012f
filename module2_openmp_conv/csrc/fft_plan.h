// Which convolutions are done by products of spectra (fft_items.h), and how they are cut up.
#pragma once

#include <string>
#include <vector>

#include "geometry.h"
#include "kernels.h"

// `auto` (where it is faster), `direct` (none) or `fft` (all that can be).
std::vector<std::string> known_methods();
std::string current_method();

// Throws std::invalid_argument if the name is unknown.
void use_method(const std::string& name);

// Positions of the transform that such an operation is done by (`forward`, `input_gradient` or
// `weight_gradient`), 0 if it is not. Throws std::invalid_argument if there is no such operation.
std::int64_t transform_of(const Geometry& geometry, const std::string& operation);

// Fill in the transform and its segments; say whether the convolution, or the gradient of its
// weights, is to be done.
bool plan_outputs(FftShape& shape, const InstructionSet& isa);
bool plan_sums(FftShape& shape, const InstructionSet& isa);

// Fill in the partition for a team of so many threads.
void partition_outputs(FftShape& shape, const InstructionSet& isa, int threads);
void partition_sums(FftShape& shape, const InstructionSet& isa, int threads);
