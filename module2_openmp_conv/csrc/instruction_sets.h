// Which kernels this CPU can run, and which are in use.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

// Names, from the least to the most capable.
std::vector<std::string> known_isas();
std::vector<std::string> supported_isas();

// The one in use: at first the most capable that is supported.
const InstructionSet& current_isa();

// Throws std::invalid_argument if the name is unknown or this machine does not support it.
void use_isa(const std::string& name);
