// The tiled convolution, written once for every instruction set.
//
// Included once by each conv1d_<isa>.cpp, after that file has defined `Vec` and `Tiles` in its
// anonymous namespace. Everything here is in that namespace too, and uses no STL: no function
// compiled for one instruction set can be merged by the linker into another's path.
//
// Blocking: OC output channels × V vectors of output positions stay in registers while all input
// channels and taps are summed; one load of the input serves OC multiply-adds, one broadcast
// weight serves V. Each output is summed in the order (input channel, tap), whatever the tile, so
// the bits depend neither on the tile nor on the number of threads.
//
// Padding is never copied: a vector that touches it takes a masked load and skips, by the same
// mask, the multiply-add of padded lanes (infinite weights times padding stay out of the sum).

#include "kernels.h"

namespace {

// One batch element, some output channels of one group.
struct Rows {
    const float* x;     // first input channel of the group
    const float* w;     // first of the output channels
    const float* bias;  // same, or null
    float* y;           // same
    std::int64_t in_channels;
    std::int64_t length;
    std::int64_t kernel;
    std::int64_t dilation;
    std::int64_t padding;
    std::int64_t out_length;
    bool relu;
};

inline std::int64_t smaller(std::int64_t a, std::int64_t b) {
    return a < b ? a : b;
}
inline std::int64_t larger(std::int64_t a, std::int64_t b) {
    return a > b ? a : b;
}

// A tile all of whose taps fall on real input and whose positions all exist.
// K > 0: that many taps, dilation 1; K = 0: both read at run time.
template <int OC, int V, int K>
inline void inner_tile(const Rows& r, std::int64_t t) {
    const std::int64_t kernel = K > 0 ? K : r.kernel;
    const std::int64_t dilation = K > 0 ? 1 : r.dilation;
    const std::int64_t w_row = r.in_channels * kernel;
    Vec::Reg sum[OC][V];
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
        const Vec::Reg start = r.bias ? Vec::broadcast(r.bias[o]) : Vec::broadcast(0.0f);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            sum[o][v] = start;
        }
    }
    const float* x = r.x + t - r.padding;
    const float* w = r.w;
    for (std::int64_t i = 0; i < r.in_channels; ++i, x += r.length, w += kernel) {
#pragma GCC unroll 8
        for (std::int64_t k = 0; k < kernel; ++k) {
            Vec::Reg in[V];
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                in[v] = Vec::load(x + k * dilation + v * Vec::kLanes);
            }
#pragma GCC unroll 16
            for (int o = 0; o < OC; ++o) {
                const Vec::Reg tap = Vec::broadcast(w[o * w_row + k]);
#pragma GCC unroll 16
                for (int v = 0; v < V; ++v) {
                    sum[o][v] = Vec::multiply_add(tap, in[v], sum[o][v]);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            const Vec::Reg y = r.relu ? Vec::relu(sum[o][v]) : sum[o][v];
            Vec::store(r.y + o * r.out_length + t + v * Vec::kLanes, y);
        }
    }
}

// One vector of positions, some of which lie past the end or have taps on padding.
template <int OC>
inline void edge_tile(const Rows& r, std::int64_t t) {
    const std::int64_t w_row = r.in_channels * r.kernel;
    const int positions = static_cast<int>(smaller(Vec::kLanes, r.out_length - t));
    Vec::Reg sum[OC];
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
        sum[o] = r.bias ? Vec::broadcast(r.bias[o]) : Vec::broadcast(0.0f);
    }
    for (std::int64_t i = 0; i < r.in_channels; ++i) {
        const float* x = r.x + i * r.length;
        const float* w = r.w + i * r.kernel;
        for (std::int64_t k = 0; k < r.kernel; ++k) {
            const std::int64_t at = t + k * r.dilation - r.padding;  // input of lane 0
            const std::int64_t first = larger(0, -at);
            const std::int64_t last = smaller(positions, r.length - at);
            if (first >= last) {
                continue;
            }
            const Vec::Mask lanes = Vec::mask(static_cast<int>(first), static_cast<int>(last));
            const Vec::Reg in = Vec::load_masked(x + at, lanes);
#pragma GCC unroll 16
            for (int o = 0; o < OC; ++o) {
                const Vec::Reg tap = Vec::broadcast(w[o * w_row + k]);
                sum[o] = Vec::multiply_add_masked(tap, in, sum[o], lanes);
            }
        }
    }
    const Vec::Mask kept = Vec::mask(0, positions);
#pragma GCC unroll 16
    for (int o = 0; o < OC; ++o) {
        const Vec::Reg y = r.relu ? Vec::relu(sum[o]) : sum[o];
        Vec::store_masked(r.y + o * r.out_length + t, y, kept);
    }
}

// Output positions [begin, end) of OC output channels.
template <int OC, int K>
void tiles(const Rows& r, std::int64_t begin, std::int64_t end) {
    constexpr int V = Tiles::vectors(OC);
    const std::int64_t reach = (r.kernel - 1) * r.dilation;
    const std::int64_t inner_begin = r.padding;
    const std::int64_t inner_end = smaller(end, r.length + r.padding - reach);
    std::int64_t t = begin;
    while (t < end) {
        if (t >= inner_begin && t + V * Vec::kLanes <= inner_end) {
            inner_tile<OC, V, K>(r, t);
            t += V * Vec::kLanes;
        } else if (t >= inner_begin && t + Vec::kLanes <= inner_end) {
            inner_tile<OC, 1, K>(r, t);
            t += Vec::kLanes;
        } else {
            edge_tile<OC>(r, t);
            t += Vec::kLanes;
        }
    }
}

template <int OC>
void tiles_of_kernel(const Rows& r, std::int64_t begin, std::int64_t end) {
    switch (r.dilation == 1 ? r.kernel : 0) {
        case 3:
            return tiles<OC, 3>(r, begin, end);
        case 5:
            return tiles<OC, 5>(r, begin, end);
        case 7:
            return tiles<OC, 7>(r, begin, end);
        default:
            return tiles<OC, 0>(r, begin, end);
    }
}

// Takes as many of the channels as one tile can, and says how many.
template <int OC>
std::int64_t channels_step(const Rows& r, std::int64_t left, std::int64_t begin, std::int64_t end) {
    if constexpr (OC > 1) {
        if (left < OC) {
            return channels_step<OC / 2>(r, left, begin, end);
        }
    }
    tiles_of_kernel<OC>(r, begin, end);
    return OC;
}

void tiled_range(const Geometry& g, const Buffers& b, std::int64_t first, std::int64_t last) {
    const std::int64_t group_in = g.in_channels / g.groups;
    const std::int64_t group_out = g.out_channels / g.groups;
    const std::int64_t channel_items = (group_out + kItemChannels - 1) / kItemChannels;
    const std::int64_t position_items = (g.out_length + kItemPositions - 1) / kItemPositions;
    for (std::int64_t item = first; item < last; ++item) {
        std::int64_t rest = item;
        const std::int64_t begin = (rest % position_items) * kItemPositions;
        rest /= position_items;
        const std::int64_t channel = (rest % channel_items) * kItemChannels;
        rest /= channel_items;
        const std::int64_t group = rest % g.groups;
        const std::int64_t sample = rest / g.groups;

        const std::int64_t end = smaller(begin + kItemPositions, g.out_length);
        const std::int64_t channel_end = smaller(channel + kItemChannels, group_out);
        for (std::int64_t c = channel; c < channel_end;) {
            const std::int64_t o = group * group_out + c;
            const Rows rows{
                b.input + (sample * g.in_channels + group * group_in) * g.length,
                b.weight + o * group_in * g.kernel,
                b.bias ? b.bias + o : nullptr,
                b.out + (sample * g.out_channels + o) * g.out_length,
                group_in,
                g.length,
                g.kernel,
                g.dilation,
                g.padding_left,
                g.out_length,
                b.relu,
            };
            c += channels_step<Tiles::kMostChannels>(rows, channel_end - c, begin, end);
        }
    }
}

}  // namespace
