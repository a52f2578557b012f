// Memory that a call works in: kept by the calling thread from call to call, so that the hot path
// allocates nothing. It grows to the largest need seen.
#pragma once

#include <cstdint>

// At least so many floats, at a multiple of 64 bytes; the last call's are given up. Throws
// std::bad_alloc.
float* scratch(std::int64_t floats);
