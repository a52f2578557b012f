// Outputs larger than the caches on their way to memory. They are staged in L1, block by block, and
// written past the caches: a plain store would read every line before it is overwritten. A few
// lines go after each tile of the next block, so that the memory works while the core computes.
//
// Included by each instruction set's file after `Vec`, in the anonymous namespace, without STL.
#pragma once

#include "slab.h"

namespace {

class Outflow {
  public:
    // Of runs that start and end anywhere; all that came before must have been written.
    inline void begin(const float* from, float* to, std::int64_t runs, std::int64_t length,
                      std::int64_t to_row) {
        from_ = from;
        to_ = to;
        runs_ = runs;
        length_ = length;
        left_ = length;
        skipped_ = to_row - length;
    }

    std::int64_t lines() const { return divided_up(runs_ * length_, kLine); }

    // Writes about so many lines, or what is left.
    inline void write(std::int64_t lines) {
        while (runs_ > 0 && lines > 0) {
            const std::int64_t past = static_cast<std::int64_t>(
                reinterpret_cast<std::uintptr_t>(to_) / sizeof(float) % kLine);
            if (past > 0) {
                copy_some(smaller(left_, kLine - past));
            }
            for (; left_ >= kLine && lines > 0; --lines) {
                for (std::int64_t lane = 0; lane < kLine; lane += Vec::kLanes) {
                    Vec::stream(to_ + lane, Vec::load(from_ + lane));
                }
                advance(kLine);
            }
            if (left_ < kLine) {
                copy_some(left_);
                to_ += skipped_;
                left_ = length_;
                --runs_;
            }
        }
    }

    inline void write_rest() { write(lines() + runs_); }

  private:
    static constexpr std::int64_t kLine = 64 / sizeof(float);

    inline void copy_some(std::int64_t n) {
        copy(to_, from_, n);
        advance(n);
    }
    inline void advance(std::int64_t n) {
        to_ += n;
        from_ += n;
        left_ -= n;
    }

    const float* from_ = nullptr;
    float* to_ = nullptr;
    std::int64_t runs_ = 0;
    std::int64_t length_ = 0;
    std::int64_t left_ = 0;     // of the run at hand
    std::int64_t skipped_ = 0;  // from a run's end to the next one
};

}  // namespace
