#include "packing.h"

#include <cstring>

namespace {

// Where the weight of a group's first input and given output channel lies at the first tap, as it
// is packed, and how far from it those of the next ones do.
struct Order {
    const float* first;
    std::int64_t input;
    std::int64_t output;
    std::int64_t tap;
};

// A block of output channels, of a number that the compiler knows if kBlock is not 0.
template <int kBlock>
float* pack_block(const Order& from, std::int64_t inputs, std::int64_t kernel, std::int64_t block,
                  float* packed) {
    const std::int64_t channels = kBlock > 0 ? kBlock : block;
    for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t k = 0; k < kernel; ++k, packed += channels) {
            const float* weight = from.first + i * from.input + k * from.tap;
            for (std::int64_t c = 0; c < channels; ++c) {
                packed[c] = weight[c * from.output];
            }
        }
    }
    return packed;
}

// order(group, output): that of the block which begins with this output channel.
template <class OrderOf>
void pack_blocks(std::int64_t groups, std::int64_t inputs, std::int64_t outputs,
                 std::int64_t kernel, std::int64_t channel_block, float* packed,
                 const OrderOf& order) {
    for (std::int64_t group = 0; group < groups; ++group) {
        for (std::int64_t o = 0; o < outputs;) {
            const std::int64_t block = block_channels(channel_block, outputs - o);
            const auto pack = block == 16  ? pack_block<16>
                              : block == 8 ? pack_block<8>
                              : block == 4 ? pack_block<4>
                                           : pack_block<0>;
            packed = pack(order(group, o), inputs, kernel, block, packed);
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
                [&w](std::int64_t group, std::int64_t o) {
                    return Order{&weight_of(w, group, o, 0, 0), w.kernel, w.group_in * w.kernel, 1};
                });
}

void pack_reversed(const Weights& w, std::int64_t channel_block, float* packed) {
    pack_blocks(w.groups, w.group_out, w.group_in, w.kernel, channel_block, packed,
                [&w](std::int64_t group, std::int64_t o) {
                    return Order{&reversed_weight_of(w, group, o, 0, 0), w.group_in * w.kernel,
                                 w.kernel, -1};
                });
}
