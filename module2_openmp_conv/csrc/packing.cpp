#include "packing.h"

#include <cstring>

namespace {

// Packs what `weight(group, output, input, tap)` tells.
template <class Weight>
void pack_blocks(std::int64_t groups, std::int64_t inputs, std::int64_t outputs,
                 std::int64_t kernel, std::int64_t channel_block, float* packed,
                 const Weight& weight) {
    for (std::int64_t group = 0; group < groups; ++group) {
        for (std::int64_t o = 0; o < outputs;) {
            const std::int64_t block = block_channels(channel_block, outputs - o);
            for (std::int64_t i = 0; i < inputs; ++i) {
                for (std::int64_t k = 0; k < kernel; ++k) {
                    for (std::int64_t c = 0; c < block; ++c) {
                        *packed++ = weight(group, o + c, i, k);
                    }
                }
            }
            o += block;
        }
    }
}

}  // namespace

bool all_finite(const Weights& w) {
    const std::int64_t count = w.groups * w.group_out * w.group_in * w.kernel;
    std::uint32_t carries = 0;  // from an exponent of all ones into the sign's place
    for (std::int64_t i = 0; i < count; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, w.data + i, sizeof bits);
        carries |= (bits & 0x7fffffff) + 0x00800000;
    }
    return (carries >> 31) == 0;
}

void pack(const Weights& w, std::int64_t channel_block, float* packed) {
    pack_blocks(w.groups, w.group_in, w.group_out, w.kernel, channel_block, packed,
                [&w](std::int64_t group, std::int64_t o, std::int64_t i, std::int64_t k) {
                    return weight_of(w, group, o, i, k);
                });
}

void pack_reversed(const Weights& w, std::int64_t channel_block, float* packed) {
    pack_blocks(w.groups, w.group_out, w.group_in, w.kernel, channel_block, packed,
                [&w](std::int64_t group, std::int64_t o, std::int64_t i, std::int64_t k) {
                    return reversed_weight_of(w, group, o, i, k);
                });
}
