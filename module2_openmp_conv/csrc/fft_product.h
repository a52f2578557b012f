// Products of spectra, bin by bin: complex matrix products whose lanes run over output channels.
//
// Blocking: OV vectors of output channels × 6 segments (of outputs) or input channels (of sums of
// the weights' gradient), each a real and an imaginary sum in registers. Bound aimed at: the
// multiply-adds; of 24 complex ones 16 loads, 12 of them broadcasts.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "problem.h"

namespace {

constexpr std::int64_t kLongestOfSpectra = 48;  // sum that stays one chain
constexpr std::int64_t kChainOfSpectra = 32;

// Bin 0 holds two real bins, which are multiplied on their own.
enum class Bin { kReal, kComplex };

// Vectors of output channels and rows that a tile holds, and how the terms of its sums lie.
struct FftProductCall {
    const float* vectors;           // the real parts of term 0
    std::int64_t vector_imaginary;  // floats to the imaginary parts,
    std::int64_t vector;            // to the next vector of output channels,
    std::int64_t vector_term;       // and to the next term
    const float* scalars;           // the real part of term 0, row 0
    std::int64_t scalar_imaginary;
    std::int64_t scalar_row;
    std::int64_t scalar_term;
    std::int64_t terms;
    float* to;  // the real parts of row 0
    std::int64_t to_imaginary;
    std::int64_t to_vector;
    std::int64_t to_row;
    bool adds;  // to what is there
};

// to[row][channel] = Σ vector · scalar, or, of the weights' gradient, Σ conj(vector) · scalar.
template <Bin kBin, bool kGradient, int OV, int R>
inline void multiply_spectra(const FftProductCall& c) {
    Vec::Reg re[R][OV];
    Vec::Reg im[R][OV];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < OV; ++v) {
            re[r][v] = im[r][v] = Vec::zero();
        }
    }
    const float* vectors = c.vectors;
    const float* scalars = c.scalars;
    const std::int64_t vector = c.vector;
    const std::int64_t row = c.scalar_row;
    const std::int64_t imaginary = c.scalar_imaginary;
    for (std::int64_t term = 0; term < c.terms; ++term) {
        Vec::Reg w_re[OV];
        Vec::Reg w_im[OV];
#pragma GCC unroll 4
        for (int v = 0; v < OV; ++v) {
            w_re[v] = Vec::load(vectors + v * vector);
            w_im[v] = Vec::load(vectors + v * vector + c.vector_imaginary);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const Vec::Reg x_re = Vec::broadcast(scalars[r * row]);
            const Vec::Reg x_im = Vec::broadcast(scalars[r * row + imaginary]);
#pragma GCC unroll 4
            for (int v = 0; v < OV; ++v) {
                re[r][v] = Vec::multiply_add(w_re[v], x_re, re[r][v]);
                if constexpr (kBin == Bin::kReal) {
                    im[r][v] = Vec::multiply_add(w_im[v], x_im, im[r][v]);
                } else if constexpr (kGradient) {
                    im[r][v] = Vec::multiply_add(w_re[v], x_im, im[r][v]);
                    re[r][v] = Vec::multiply_add(w_im[v], x_im, re[r][v]);
                    im[r][v] = Vec::multiply_subtract(w_im[v], x_re, im[r][v]);
                } else {
                    im[r][v] = Vec::multiply_add(w_re[v], x_im, im[r][v]);
                    re[r][v] = Vec::multiply_subtract(w_im[v], x_im, re[r][v]);
                    im[r][v] = Vec::multiply_add(w_im[v], x_re, im[r][v]);
                }
            }
        }
        vectors += c.vector_term;
        scalars += c.scalar_term;
    }
    float* to = c.to;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r, to += c.to_row) {
#pragma GCC unroll 4
        for (int v = 0; v < OV; ++v) {
            float* real = to + v * c.to_vector;
            float* imaginary_part = real + c.to_imaginary;
            if (c.adds) {
                re[r][v] = Vec::add(re[r][v], Vec::load(real));
                im[r][v] = Vec::add(im[r][v], Vec::load(imaginary_part));
            }
            Vec::store(real, re[r][v]);
            Vec::store(imaginary_part, im[r][v]);
        }
    }
}

// All rows, in tiles of 6, 3, 2 or 1.
template <Bin kBin, bool kGradient, int OV>
inline void multiply_rows(FftProductCall c, std::int64_t rows) {
    while (rows > 0) {
        std::int64_t done = 6;
        if (rows >= 6) {
            multiply_spectra<kBin, kGradient, OV, 6>(c);
        } else if (rows >= 3) {
            done = 3;
            multiply_spectra<kBin, kGradient, OV, 3>(c);
        } else if (rows == 2) {
            done = 2;
            multiply_spectra<kBin, kGradient, OV, 2>(c);
        } else {
            done = 1;
            multiply_spectra<kBin, kGradient, OV, 1>(c);
        }
        rows -= done;
        c.scalars += done * c.scalar_row;
        c.to += done * c.to_row;
    }
}

// All vectors of output channels.
template <Bin kBin, bool kGradient>
inline void multiply_vectors(FftProductCall c, std::int64_t vectors, std::int64_t rows) {
    while (vectors > 0) {
        const bool two = SpectraTiles::kVectors == 2 && vectors >= 2;
        if (two) {
            multiply_rows<kBin, kGradient, SpectraTiles::kVectors>(c, rows);
        } else {
            multiply_rows<kBin, kGradient, 1>(c, rows);
        }
        const std::int64_t done = two ? 2 : 1;
        vectors -= done;
        c.vectors += done * c.vector;
        c.to += done * c.to_vector;
    }
}

// A bin: all terms, in chains that do not round as one long one would (chain.h).
template <bool kGradient>
inline void multiply_bin(FftProductCall c, bool real, std::int64_t vectors, std::int64_t rows) {
    const std::int64_t all = c.terms;
    const std::int64_t chains = all <= kLongestOfSpectra ? 1 : divided_up(all, kChainOfSpectra);
    for (std::int64_t chain = 0; chain < chains; ++chain) {
        c.terms = all * (chain + 1) / chains - all * chain / chains;
        if (real) {
            multiply_vectors<Bin::kReal, kGradient>(c, vectors, rows);
        } else {
            multiply_vectors<Bin::kComplex, kGradient>(c, vectors, rows);
        }
        c.vectors += c.terms * c.vector_term;
        c.scalars += c.terms * c.scalar_term;
        c.adds = true;
    }
}

}  // namespace
