// The spectra of weights, and the gradient of the weights by products of spectra: summed over all
// segments as spectra (of outputs' gradients × of inputs), and transformed back once.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "fft_items.h"

namespace {

// The spectra of weights [first, last): items are groups × vectors of output channels × inputs.
template <int N>
void fft_weights(const FftWeights& p, std::int64_t first, std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const std::int64_t vectors = divided_up(p.group_out, L);
    const std::int64_t bin = FftLayout(p).weight_bin;
    const Vec::Reg scale = Vec::broadcast(1.0f / N);
    const Vec::Reg scale_imaginary = Vec::broadcast((p.correlates ? -1.0f : 1.0f) / N);
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t i = item % p.group_in;
        const std::int64_t v = item / p.group_in % vectors;
        const std::int64_t group = item / p.group_in / vectors;
        Vec::Reg values[N];
        Unheard unheard;
        load_positions<N>(p.weights + group * p.group + v * L * p.output + i * p.input,
                          {smaller(L, p.group_out - v * L), p.reach.kernel, {0, p.output, 1}}, 0,
                          values, unheard);
        float* to = p.spectra + group * fft_weight_spectra(p, L) + (v * p.group_in + i) * 2 * L;
        real_transform<N, 1>(values, [&](int slot, Vec::Reg a) {
            const bool real = slot < 2 || slot % 2 == 0;
            Vec::store(to + slot / 2 * bin + slot % 2 * L,
                       Vec::multiply(a, real ? scale : scale_imaginary));
        });
    }
}

// Adds so many segments' sums of all positions, bin 0 of their spectra, or begins with them.
inline void add_bias_sums(const float* spectra, std::int64_t channels, std::int64_t segments,
                          bool adds, double* to) {
    constexpr int L = Vec::kLanes;
    for (std::int64_t c = 0; c < channels; c += L, to += L) {
        double sum[L];
        for (int lane = 0; lane < L; ++lane) {
            sum[lane] = adds ? to[lane] : 0.0;
        }
        for (std::int64_t s = 0; s < segments; ++s) {
            for (int lane = 0; lane < L; ++lane) {
                sum[lane] += spectra[s * 2 * channels + c + lane];
            }
        }
        for (int lane = 0; lane < L; ++lane) {
            to[lane] = sum[lane];
        }
    }
}

// The sums of the items [first, last) of the weights' gradient, which lie as the weights' spectra,
// then those of the bias, in double, of each group's vectors.
template <int N>
void fft_weight_sums(const FftWeightTask& p, float* scratch, float* sums, std::int64_t first,
                     std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const FftLayout at(p);
    float* of_inputs = scratch;
    float* of_gradients = scratch + N / 2 * at.in_bin;
    Unheard unheard;
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t begin = item * p.segments_per_item;
        const std::int64_t end = smaller(begin + p.segments_per_item, p.batch * p.segments);
        const bool adds = item > first;
        for (std::int64_t group = 0; group < p.groups; ++group) {
            transform_segments<N>(p, p.input + group * p.group_in * p.in.channel, p.in,
                                  p.reach.length, p.group_in, N, -p.reach.padding, begin, end,
                                  of_inputs, unheard);
            transform_segments<N>(p, p.gradient + group * p.group_out * p.to.channel, p.to,
                                  p.reach.out_length, p.group_out, p.outputs, 0, begin, end,
                                  of_gradients, unheard);
            float* to = sums + group * fft_weight_spectra(p, L);
            for (int k = 0; k < N / 2; ++k) {
                const FftProductCall call{of_gradients + k * at.out_bin,
                                          at.out_imaginary,
                                          L,
                                          2 * at.out_imaginary,
                                          of_inputs + k * at.in_bin,
                                          at.in_imaginary,
                                          1,
                                          2 * at.in_imaginary,
                                          end - begin,
                                          to + k * at.weight_bin,
                                          L,
                                          at.weight_vector,
                                          2 * L,
                                          adds};
                multiply_bin<true>(call, k == 0, at.out_imaginary / L, p.group_in);
            }
            add_bias_sums(of_gradients, at.out_imaginary, end - begin, adds,
                          fft_bias_sums(p, L, sums) + group * at.out_imaginary);
        }
    }
}

// From the sums of spectra to the weights' gradient itself; items as of fft_weights.
template <int N>
void fft_weight_gradients(const FftWeights& p, float* gradient, std::int64_t first,
                          std::int64_t last) {
    constexpr std::int64_t L = Vec::kLanes;
    const std::int64_t vectors = divided_up(p.group_out, L);
    const std::int64_t bin = FftLayout(p).weight_bin;
    const Vec::Reg scale = Vec::broadcast(1.0f / N);
    for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t i = item % p.group_in;
        const std::int64_t v = item / p.group_in % vectors;
        const std::int64_t group = item / p.group_in / vectors;
        const float* from =
            p.spectra + group * fft_weight_spectra(p, L) + (v * p.group_in + i) * 2 * L;
        Vec::Reg values[N];
        inverse_real_transform<N, 1>(
            [&p, from, bin, scale](int slot) {
                const float* one = from + slot / 2 * bin + slot % 2 * L;
                Vec::Reg sum = Vec::load(one);
                for (std::int64_t n = 1; n < p.summands; ++n) {
                    sum = Vec::add(sum, Vec::load(one + n * p.summand));
                }
                return Vec::multiply(scale, sum);
            },
            values);
        const auto as_it_is = [](Vec::Reg a, int) { return a; };
        store_positions(values, p.reach.kernel,
                        {smaller(L, p.group_out - v * L), p.reach.kernel, {0, p.output, 1}},
                        gradient + group * p.group + v * L * p.output + i * p.input, as_it_is);
    }
}

template <int N>
constexpr FftKernels fft_kernels() {
    return {fft_weights<N>, fft_convolve<N>, fft_weight_sums<N>, fft_weight_gradients<N>};
}

}  // namespace
