// What follows a convolution in a classifier's block, in one pass over its output: batch
// normalisation, ReLU and pooling; and the way back.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
// Rows are short: a step takes two vectors of one, in whole pooling windows, and nothing of it
// leaves the registers before it is done. Bound: memory; forward, a row is read (twice, if its
// moments are needed) and its pooled part written; backward, the convolution's output and the
// gradient are read twice and one array is written.
#pragma once

#include "problem.h"

namespace {

constexpr int kLanes = Vec::kLanes;

// Of a vector, where so many floats are left, or none.
inline int lanes_of(std::int64_t left) {
    return left >= kLanes ? kLanes : left > 0 ? static_cast<int>(left) : 0;
}

// A row in steps of a vector: the last may be a part of one.
inline Vec::Reg load_part(const float* p, int lanes) {
    return lanes == kLanes ? Vec::load(p) : Vec::load_first(p, lanes);
}

inline void store_part(float* p, Vec::Reg a, int lanes) {
    if (lanes == kLanes) {
        Vec::store(p, a);
    } else {
        Vec::store_first(p, a, lanes);
    }
}

// For each row [first, last) of batch × channels: sum, and sum of squared deviations from the row's
// mean, in two passes for the sake of digits.
void block_moments_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
        const float* y = p.y + row * p.length;
        Vec::Reg sums[2] = {Vec::zero(), Vec::zero()};
        for (std::int64_t t = 0; t < p.length; t += 2 * kLanes) {
            const std::int64_t left = p.length - t;
            sums[0] = Vec::add(sums[0], load_part(y + t, lanes_of(left)));
            sums[1] = Vec::add(sums[1], load_part(y + t + kLanes, lanes_of(left - kLanes)));
        }
        const float sum = Vec::add_lanes(Vec::add(sums[0], sums[1]));
        const Vec::Reg minus_mean = Vec::broadcast(-sum / static_cast<float>(p.length));
        Vec::Reg squares[2] = {Vec::zero(), Vec::zero()};
        for (std::int64_t t = 0; t < p.length; t += 2 * kLanes) {
            for (int half = 0; half < 2; ++half) {
                const int lanes = lanes_of(p.length - t - half * kLanes);
                const Vec::Reg gap = Vec::keep_first(
                    Vec::add(load_part(y + t + half * kLanes, lanes), minus_mean), lanes);
                squares[half] = Vec::multiply_add(gap, gap, squares[half]);
            }
        }
        p.row_sums[2 * row] = sum;
        p.row_sums[2 * row + 1] = Vec::add_lanes(Vec::add(squares[0], squares[1]));
    }
}

enum class Pooling {
    kNone,
    kLarger,    // of two
    kMean,      // of at most two vectors
    kWideMean,  // of more
};

template <Pooling value>
struct PoolingIs {
    static constexpr Pooling kValue = value;
};

// Calls rows(PoolingIs<…>) with the task's kind of pooling.
template <class Rows>
inline void by_pooling(const BlockTask& p, const Rows& rows) {
    if (p.pool == 1) {
        rows(PoolingIs<Pooling::kNone>{});
    } else if (!p.mean_pool) {
        rows(PoolingIs<Pooling::kLarger>{});
    } else if (p.pool <= 2 * kLanes) {
        rows(PoolingIs<Pooling::kMean>{});
    } else {
        rows(PoolingIs<Pooling::kWideMean>{});
    }
}

// Two vectors of a row, or their gradients.
struct Pair {
    Vec::Reg low;
    Vec::Reg high;
};

// Neighbours in a row: whole windows, but for what is left at its end.
struct Step {
    std::int64_t t;       // of the first
    std::int64_t pooled;  // the first window
    int low;              // floats in each vector
    int high;
    int windows;
};

// A step's windows: how many there are, which of its neighbours a mean's have in them, and which
// window a neighbour is in. Windows of more than a step are none.
class Windows {
  public:
    explicit Windows(const BlockTask& p)
        : pool_(p.pool <= 2 * kLanes ? static_cast<int>(p.pool) : 1), count_(2 * kLanes / pool_) {
        for (int j = 0; j < pool_; ++j) {
            for (int lane = 0; lane < kLanes; ++lane) {
                members_[j][lane] = lane < count_ ? lane * pool_ + j : 0;
            }
        }
        for (int lane = 0; lane < 2 * kLanes; ++lane) {
            window_[lane] = lane / pool_ < kLanes ? lane / pool_ : 0;
        }
    }

    int count() const { return count_; }

    inline Vec::Reg sum(Pair of) const {
        Vec::Reg total = Vec::pick(of.low, of.high, Vec::places(members_[0]));
        for (int j = 1; j < pool_; ++j) {
            total = Vec::add(total, Vec::pick(of.low, of.high, Vec::places(members_[j])));
        }
        return total;
    }

    inline Pair spread(Vec::Reg of_windows) const {
        return {Vec::pick(of_windows, of_windows, Vec::places(window_)),
                Vec::pick(of_windows, of_windows, Vec::places(window_ + kLanes))};
    }

  private:
    int pool_;
    int count_;
    std::int32_t members_[2 * kLanes][kLanes];
    std::int32_t window_[2 * kLanes];
};

// A channel's normalisation of a row's vectors, and ReLU.
struct Norm {
    Vec::Reg scale;
    Vec::Reg shift;

    Norm(const BlockTask& p, std::int64_t channel)
        : scale(Vec::broadcast(p.scale[channel])), shift(Vec::broadcast(p.shift[channel])) {}

    inline Vec::Reg of(Vec::Reg y) const { return Vec::multiply_add(y, scale, shift); }
};

// Calls body(step) for a row's steps, each of so many windows.
template <class Body>
inline void for_steps(const BlockTask& p, int windows, const Body& body) {
    const std::int64_t positions = windows * p.pool;
    Step at{0, 0, lanes_of(positions), lanes_of(positions - kLanes), windows};
    for (; at.t + positions <= p.length; at.t += positions, at.pooled += windows) {
        body(at);
    }
    const std::int64_t left = p.length - at.t;
    if (left > 0) {
        at.low = lanes_of(left);
        at.high = lanes_of(left - kLanes);
        at.windows = static_cast<int>(left / p.pool);
        body(at);
    }
}

// Calls body(row, channel) for the rows [first, last) of batch × channels.
template <class Body>
inline void for_rows(const BlockTask& p, std::int64_t first, std::int64_t last, const Body& body) {
    std::int64_t channel = first % p.channels;
    for (std::int64_t row = first; row < last; ++row) {
        body(row, channel);
        channel = channel + 1 == p.channels ? 0 : channel + 1;
    }
}

template <Pooling pooling>
void forward_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    const Windows windows(p);
    const std::int64_t pooled = p.length / p.pool;
    const Vec::Reg share = Vec::broadcast(1.0f / static_cast<float>(p.pool));
    for_rows(p, first, last, [&](std::int64_t row, std::int64_t channel) {
        const Norm norm(p, channel);
        const float* y = p.y + row * p.length;
        float* out = p.out + row * pooled;
        if constexpr (pooling == Pooling::kWideMean) {
            for (std::int64_t n = 0; n < pooled; ++n, y += p.pool) {
                Vec::Reg sum = Vec::zero();
                for (std::int64_t t = 0; t < p.pool; t += kLanes) {
                    const int lanes = lanes_of(p.pool - t);
                    const Vec::Reg value = Vec::relu(norm.of(load_part(y + t, lanes)));
                    sum = Vec::add(sum, Vec::keep_first(value, lanes));
                }
                out[n] = Vec::add_lanes(sum) / static_cast<float>(p.pool);
            }
            return;
        }
        for_steps(p, windows.count(), [&](const Step& at) {
            const Pair value{Vec::relu(norm.of(load_part(y + at.t, at.low))),
                             Vec::relu(norm.of(load_part(y + at.t + kLanes, at.high)))};
            if constexpr (pooling == Pooling::kNone) {
                store_part(out + at.t, value.low, at.low);
                store_part(out + at.t + kLanes, value.high, at.high);
            } else if constexpr (pooling == Pooling::kLarger) {
                Pair of_two;
                Vec::split(value.low, value.high, &of_two.low, &of_two.high);
                store_part(out + at.pooled, Vec::larger(of_two.low, of_two.high), at.windows);
            } else if constexpr (pooling == Pooling::kMean) {
                store_part(out + at.pooled, Vec::multiply(windows.sum(value), share), at.windows);
            }
        });
    });
}

// The outputs of rows [first, last).
void block_forward_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    by_pooling(p, [&](auto pooling) { forward_rows<pooling.kValue>(p, first, last); });
}

// Calls body(t, lanes, value, g) for each vector of a row: the convolution's outputs, and the
// gradients of their normalised values, which are zero in lanes beyond the row. `gradient`: of the
// row's pooled outputs.
template <Pooling pooling, class Body>
inline void for_gradients(const BlockTask& p, const Windows& windows, const Norm& norm,
                          const float* y, const float* gradient, const Body& body) {
    const auto rectified = [&](std::int64_t t, int lanes, Vec::Reg value, Vec::Reg g) {
        body(t, lanes, value, Vec::where_greater(norm.of(value), Vec::zero(), g));
    };
    const float share = 1.0f / static_cast<float>(p.pool);
    if constexpr (pooling == Pooling::kWideMean) {
        std::int64_t at = 0;
        for (std::int64_t end = p.pool; end <= p.length; end += p.pool) {
            const Vec::Reg g = Vec::broadcast(*gradient++ * share);
            for (; at < end; at += kLanes) {
                const int lanes = lanes_of(end - at);
                rectified(at, lanes, load_part(y + at, lanes), Vec::keep_first(g, lanes));
            }
            at = end;
        }
        for (; at < p.length; at += kLanes) {  // in no window
            const int lanes = lanes_of(p.length - at);
            rectified(at, lanes, load_part(y + at, lanes), Vec::zero());
        }
        return;
    }
    for_steps(p, windows.count(), [&](const Step& at) {
        const Pair value{load_part(y + at.t, at.low), load_part(y + at.t + kLanes, at.high)};
        Pair g{};
        if constexpr (pooling == Pooling::kNone) {
            g = {load_part(gradient + at.t, at.low), load_part(gradient + at.t + kLanes, at.high)};
        } else if constexpr (pooling == Pooling::kLarger) {
            Pair of_two;
            Vec::split(norm.of(value.low), norm.of(value.high), &of_two.low, &of_two.high);
            const Vec::Reg pooled = load_part(gradient + at.pooled, at.windows);
            Vec::join(Vec::where_not_greater(of_two.high, of_two.low, pooled),
                      Vec::where_greater(of_two.high, of_two.low, pooled), &g.low, &g.high);
        } else if constexpr (pooling == Pooling::kMean) {
            const Vec::Reg pooled = load_part(gradient + at.pooled, at.windows);
            g = windows.spread(Vec::multiply(pooled, Vec::broadcast(share)));
        }
        rectified(at.t, at.low, value.low, g.low);
        if (at.high > 0) {
            rectified(at.t + kLanes, at.high, value.high, g.high);
        }
    });
}

template <Pooling pooling>
void sums_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    const Windows windows(p);
    const std::int64_t pooled = p.length / p.pool;
    for_rows(p, first, last, [&](std::int64_t row, std::int64_t channel) {
        const Vec::Reg minus_mean = Vec::broadcast(-p.mean[channel]);
        Vec::Reg sum = Vec::zero();
        Vec::Reg product = Vec::zero();
        for_gradients<pooling>(
            p, windows, Norm(p, channel), p.y + row * p.length, p.gradient + row * pooled,
            [&](std::int64_t, int, Vec::Reg value, Vec::Reg g) {
                sum = Vec::add(sum, g);
                product = Vec::multiply_add(g, Vec::add(value, minus_mean), product);
            });
        p.row_sums[2 * row] = Vec::add_lanes(sum);
        p.row_sums[2 * row + 1] = Vec::add_lanes(product) * p.inverse_deviation[channel];
    });
}

// For each row: the sums of the normalised output's gradient, and of gradient × normalised value.
void block_sums_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    by_pooling(p, [&](auto pooling) { sums_rows<pooling.kValue>(p, first, last); });
}

template <Pooling pooling>
void gradient_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    const Windows windows(p);
    const std::int64_t pooled = p.length / p.pool;
    for_rows(p, first, last, [&](std::int64_t row, std::int64_t channel) {
        const Norm norm(p, channel);
        const float slope =
            -p.scale[channel] * p.mean_products[channel] * p.inverse_deviation[channel];
        const Vec::Reg slopes = Vec::broadcast(slope);
        const Vec::Reg offset =
            Vec::broadcast(-p.scale[channel] * p.mean_gradients[channel] - slope * p.mean[channel]);
        float* dy = p.dy + row * p.length;
        for_gradients<pooling>(p, windows, norm, p.y + row * p.length, p.gradient + row * pooled,
                               [&](std::int64_t t, int lanes, Vec::Reg value, Vec::Reg g) {
                                   const Vec::Reg level = Vec::multiply_add(value, slopes, offset);
                                   store_part(dy + t, Vec::multiply_add(g, norm.scale, level),
                                              lanes);
                               });
    });
}

// The gradient of the convolution's output, from the channels' sums over the whole batch:
// scale · (g − mean of g − normalised value · mean of g × normalised value); see Ioffe and Szegedy,
// Batch Normalization, 2015. Without batch statistics both means are zero.
void block_gradient_rows(const BlockTask& p, std::int64_t first, std::int64_t last) {
    by_pooling(p, [&](auto pooling) { gradient_rows<pooling.kValue>(p, first, last); });
}

}  // namespace
