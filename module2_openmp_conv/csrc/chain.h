// Sums of sums: a sum of n terms in one chain is off by about √n units in the last place, a sum of
// sums of kChain terms by about √kChain. Cost: a load, an add and a store for each kChain of them.
// A bias is added to the total: a sum that began with a large one would be rounded to its digits.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "slab.h"

namespace {

constexpr std::int64_t kChain = 48;

// Input channels of a chain.
constexpr std::int64_t chain_channels(std::int64_t taps) {
    return taps < kChain ? kChain / taps : 1;
}

constexpr bool chained(std::int64_t in_channels, std::int64_t taps) {
    return in_channels * taps > kLongest && in_channels > chain_channels(taps);
}

// Of OC × V registers: the sums of the chains that are done.
template <int OC, int V>
class Chains {
  public:
    // The compiler must not keep these in registers, which it needs for the chain at hand.
    Chains() { asm("" : "+r"(done_)); }

    // Adds a chain's sums to those before; they go on from zero, or end with the total.
    inline void add(Vec::Reg (&sum)[OC][V], bool first, bool last) {
#pragma GCC unroll 32
        for (int o = 0; o < OC; ++o) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                float* to = done_ + (o * V + v) * Vec::kLanes;
                const Vec::Reg total = first ? sum[o][v] : Vec::add(Vec::load(to), sum[o][v]);
                Vec::store(to, total);
                sum[o][v] = last ? total : Vec::zero();
            }
        }
    }

  private:
    float memory_[OC * V * Vec::kLanes];
    float* done_ = memory_;
};

// What a sum comes to: its bias is added last, and ReLU comes after.
inline Vec::Reg output_of(Vec::Reg sum, Vec::Reg bias, bool relu) {
    const Vec::Reg total = Vec::add(sum, bias);
    return relu ? Vec::relu(total) : total;
}

}  // namespace
