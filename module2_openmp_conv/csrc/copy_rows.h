// The copying of rows that the gather and the filler have in common.
#pragma once

#include <cstdint>

// Copies row[i] of `from` to the i-th place of `to`, for `count` rows of `row_bytes` >= 1 each.
void copy_rows(const char* from, const std::int64_t* row, std::int64_t count,
               std::int64_t row_bytes, char* to);
