#include "geometry.h"

#include <initializer_list>
#include <stdexcept>
#include <string>

namespace {

// Keeps every product of two sizes, and position + padding, inside 64 bits.
constexpr std::int64_t kLargestSize = (std::int64_t{1} << 31) - 1;
constexpr std::int64_t kLargestArray = std::int64_t{1} << 60;  // elements

struct Named {
    const char* name;
    std::int64_t value;
    std::int64_t least;
};

void check_array(const char* name, std::initializer_list<std::int64_t> sizes) {
    std::int64_t elements = 1;
    for (const std::int64_t size : sizes) {
        if (size > 0 && elements > kLargestArray / size) {
            throw std::invalid_argument(std::string(name) + " would have too many elements");
        }
        elements *= size;
    }
}

}  // namespace

Geometry checked(Geometry g) {
    for (const Named& size : {
             Named{"batch", g.batch, 0},
             Named{"in_channels", g.in_channels, 1},
             Named{"out_channels", g.out_channels, 1},
             Named{"length", g.length, 1},
             Named{"kernel", g.kernel, 1},
             Named{"stride", g.stride, 1},
             Named{"padding_left", g.padding_left, 0},
             Named{"padding_right", g.padding_right, 0},
             Named{"dilation", g.dilation, 1},
             Named{"groups", g.groups, 1},
         }) {
        if (size.value < size.least || size.value > kLargestSize) {
            throw std::invalid_argument(std::string(size.name) + " is " +
                                        std::to_string(size.value) + ", but must lie in [" +
                                        std::to_string(size.least) + ", " +
                                        std::to_string(kLargestSize) + "]");
        }
    }
    if (g.in_channels % g.groups != 0 || g.out_channels % g.groups != 0) {
        throw std::invalid_argument("groups must divide in_channels and out_channels");
    }
    const std::int64_t padded = g.length + g.padding_left + g.padding_right;
    const std::int64_t reach = g.dilation * (g.kernel - 1) + 1;
    if (reach > padded) {
        throw std::invalid_argument("the kernel reaches over " + std::to_string(reach) +
                                    " positions, but the padded input has " +
                                    std::to_string(padded));
    }
    g.out_length = (padded - reach) / g.stride + 1;
    check_array("input", {g.batch, g.in_channels, g.length});
    check_array("weight", {g.out_channels, g.in_channels, g.kernel});
    check_array("out", {g.batch, g.out_channels, g.out_length});
    return g;
}

Shape shape_of(const Geometry& g) {
    return {{g.length, g.kernel, g.stride, g.dilation, g.padding_left, 1, g.out_length},
            g.batch,
            g.groups,
            g.in_channels / g.groups,
            g.out_channels / g.groups};
}

Shape input_gradient_shape_of(const Geometry& g) {
    const std::int64_t padding = (g.kernel - 1) * g.dilation - g.padding_left;
    return {{g.out_length, g.kernel, 1, g.dilation, padding, g.stride, g.length},
            g.batch,
            g.groups,
            g.out_channels / g.groups,
            g.in_channels / g.groups};
}

bool reads_padding(const Geometry& g) {
    const std::int64_t last = (g.out_length - 1) * g.stride + (g.kernel - 1) * g.dilation;
    return g.padding_left > 0 || last >= g.length + g.padding_left;
}

std::int64_t multiply_adds(const Geometry& g) {
    return outputs(g) * (g.in_channels / g.groups) * g.kernel;
}

std::int64_t outputs(const Geometry& g) {
    return g.batch * g.out_channels * g.out_length;
}
