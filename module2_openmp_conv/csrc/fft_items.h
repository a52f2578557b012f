// Convolution by products of spectra, in overlapping segments of a row (overlap-save: Oppenheim &
// Schafer, Discrete-Time Signal Processing, section 8.7.3). A transform of N positions gives
// N − kernel + 1 outputs for 2 N − 2 multiply-adds a pair of channels, where the taps themselves
// would take kernel each. Lanes run over channels. Bound aimed at: the multiply-adds of the
// products; an item's scratch stays in L2.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "fft_loudness.h"
#include "fft_product.h"
#include "fft_rows.h"
#include "fft_transform.h"

namespace {

// Where a segment lies.
struct FftSegment {
    std::int64_t sample;
    std::int64_t begin;  // its first output in the row
};

inline FftSegment segment_of(const FftShape& p, std::int64_t index) {
    return {index / p.segments, index % p.segments * p.outputs};
}

// Floats from one part of an item's spectra, and of the weights', to the next one.
struct FftLayout {
    std::int64_t in_imaginary;  // whole vectors of channels
    std::int64_t out_imaginary;
    std::int64_t in_bin;
    std::int64_t out_bin;
    std::int64_t weight_vector;
    std::int64_t weight_bin;

    inline explicit FftLayout(const FftShape& p)
        : in_imaginary(rounded_up(p.group_in, Vec::kLanes)),
          out_imaginary(rounded_up(p.group_out, Vec::kLanes)),
          in_bin(fft_bin_floats(p, p.group_in, Vec::kLanes)),
          out_bin(fft_bin_floats(p, p.group_out, Vec::kLanes)),
          weight_vector(p.group_in * 2 * Vec::kLanes),
          weight_bin(out_imaginary / Vec::kLanes * weight_vector) {}
};

// The spectra of an item's segments, [bin][segment][2][channels]: of `taken` positions from
// `offset` after a segment's first output on, zeros behind them. `loudness` hears one segment after
// the other.
template <int N, class Loudness>
inline void transform_segments(const FftShape& p, const float* x, const Strides& strides,
                               std::int64_t length, std::int64_t channels, std::int64_t taken,
                               std::int64_t offset, std::int64_t first, std::int64_t last,
                               float* spectra, Loudness& loudness) {
    constexpr std::int64_t L = Vec::kLanes;
    const std::int64_t padded = rounded_up(channels, L);
    const std::int64_t bin = fft_bin_floats(p, channels, L);
    for (std::int64_t s = first; s < last; ++s) {
        const FftSegment at = segment_of(p, s);
        const std::int64_t end = smaller(length, at.begin + offset + taken);
        float* to_segment = spectra + (s - first) * 2 * padded;
        loudness.begin();
        for (std::int64_t c = 0; c < channels; c += L) {
            Vec::Reg values[N];
            load_positions<N>(x + at.sample * strides.sample + c * strides.channel,
                              {smaller(L, channels - c), end, strides}, at.begin + offset, values,
                              loudness);
            float* to = to_segment + c;
            real_transform<N, 1>(values, [to, bin, padded](int slot, Vec::Reg a) {
                Vec::store(to + slot / 2 * bin + slot % 2 * padded, a);
            });
        }
        loudness.end(p.reach.kernel, smaller(p.outputs, p.reach.out_length - at.begin), s - first);
    }
}

// What is done to outputs on their way.
struct FftEpilogue {
    Vec::Reg bias;
    bool relu;
    // 0 · y of all outputs y, in chains that do not wait for each other: NaN if one is not finite.
    Vec::Reg doubtful[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};

    [[gnu::always_inline]] inline Vec::Reg operator()(Vec::Reg sum, int chain) {
        const Vec::Reg y = Vec::add(sum, bias);
        doubtful[chain] = Vec::multiply_add(y, Vec::zero(), doubtful[chain]);
        return relu ? Vec::relu(y) : y;
    }
    inline bool all_finite() const {
        return Vec::add_lanes(Vec::add(Vec::add(doubtful[0], doubtful[1]),
                                       Vec::add(doubtful[2], doubtful[3]))) == 0.0f;
    }
};

// The outputs of an item's segments of one group from their spectra.
template <int N>
inline void store_segments(const FftTask& p, std::int64_t group, std::int64_t first,
                           std::int64_t last, const float* spectra, const float* windows) {
    constexpr std::int64_t L = Vec::kLanes;
    const std::int64_t padded = rounded_up(p.group_out, L);
    const std::int64_t bin = fft_bin_floats(p, p.group_out, L);
    for (std::int64_t s = first; s < last; ++s) {
        const FftSegment at = segment_of(p, s);
        const std::int64_t count = smaller(p.outputs, p.reach.out_length - at.begin);
        FftEpilogue epilogue{Vec::zero(), p.relu};
        for (std::int64_t c = 0; c < p.group_out; c += L) {
            const float* from = spectra + (s - first) * 2 * padded + c;
            Vec::Reg values[N + L];
            inverse_real_transform<N, 1>(
                [from, bin, padded](int slot) {
                    return Vec::load(from + slot / 2 * bin + slot % 2 * padded);
                },
                values);
            silence<N>(windows + (s - first) * kWindowFloats<N>, count, values + p.offset,
                       epilogue.doubtful[0]);
            const std::int64_t channels = smaller(L, p.group_out - c);
            const std::int64_t channel = group * p.group_out + c;
            if (p.bias) {
                epilogue.bias = Vec::load_first(p.bias + channel, static_cast<int>(channels));
            }
            store_positions(
                values + p.offset, count, {channels, p.reach.out_length, p.to},
                p.out + at.sample * p.to.sample + channel * p.to.channel + at.begin * p.to.position,
                epilogue);
        }
        if (!epilogue.all_finite() || is_quiet<N>(windows + (s - first) * kWindowFloats<N>)) {
            __atomic_store_n(p.doubtful + at.sample, true, __ATOMIC_RELAXED);
        }
    }
}

// The items [first, last) of a convolution; marks the samples that are doubtful.
template <int N>
void fft_convolve(const FftTask& p, float* scratch, std::int64_t first, std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const FftLayout at(p);
    float* of_inputs = scratch;
    float* of_outputs = scratch + N / 2 * at.in_bin;
    Loudness<N> loudness(of_outputs + N / 2 * at.out_bin);
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t begin = item * p.segments_per_item;
        const std::int64_t end = smaller(begin + p.segments_per_item, p.batch * p.segments);
        for (std::int64_t group = 0; group < p.groups; ++group) {
            transform_segments<N>(p, p.input + group * p.group_in * p.in.channel, p.in,
                                  p.reach.length, p.group_in, N, -p.reach.padding, begin, end,
                                  of_inputs, loudness);
            const float* weights = p.spectra + group * fft_weight_spectra(p, L);
            for (int k = 0; k < N / 2; ++k) {
                const FftProductCall call{weights + k * at.weight_bin,
                                          L,
                                          at.weight_vector,
                                          2 * L,
                                          of_inputs + k * at.in_bin,
                                          at.in_imaginary,
                                          2 * at.in_imaginary,
                                          1,
                                          p.group_in,
                                          of_outputs + k * at.out_bin,
                                          at.out_imaginary,
                                          L,
                                          2 * at.out_imaginary,
                                          false};
                multiply_bin<false>(call, k == 0, at.out_imaginary / L, end - begin);
            }
            store_segments<N>(p, group, begin, end, of_outputs, loudness.windows());
        }
    }
}

}  // namespace
