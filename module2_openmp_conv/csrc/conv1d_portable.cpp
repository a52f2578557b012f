// The tiled convolution for any CPU: GCC's 4-lane vector type, which is SSE2 on x86-64 and NEON on
// AArch64, whose 16 (or more) registers hold tiles of 4 channels × 8 positions, 2 × 16 or 1 × 32.
//
// Bound aimed at: multiply and add throughput for many channels; for one channel, the loads: each
// vector of outputs loads as many input vectors as there are taps.

#include <cstring>

#include "kernels.h"

namespace {

struct Vec {
    static constexpr int kLanes = 4;
    typedef float Reg __attribute__((vector_size(16)));
    struct Mask {
        int first;
        int last;
    };

    static inline Reg broadcast(float a) { return Reg{a, a, a, a}; }
    static inline Reg load(const float* p) {
        Reg a;
        std::memcpy(&a, p, sizeof a);
        return a;
    }
    static inline void store(float* p, Reg a) { std::memcpy(p, &a, sizeof a); }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return a * b + c; }
    static inline Reg relu(Reg a) { return a < 0.0f ? Reg{} : a; }  // NaN is not < 0: it stays

    static inline Mask mask(int first, int last) { return {first, last}; }
    static inline Reg load_masked(const float* p, Mask m) {
        Reg a{};
        for (int lane = m.first; lane < m.last; ++lane) {
            a[lane] = p[lane];
        }
        return a;
    }
    static inline Reg multiply_add_masked(Reg a, Reg b, Reg c, Mask m) {
        for (int lane = m.first; lane < m.last; ++lane) {
            c[lane] = a[lane] * b[lane] + c[lane];
        }
        return c;
    }
    static inline void store_masked(float* p, Reg a, Mask m) {
        for (int lane = m.first; lane < m.last; ++lane) {
            p[lane] = a[lane];
        }
    }
    static inline float add_lanes(Reg a) { return (a[0] + a[2]) + (a[1] + a[3]); }
};

struct Tiles {
    static constexpr int kMostChannels = 4;
    static constexpr int vectors(int channels) { return 8 / channels; }
};

}  // namespace

#include "taps_loop.h"
#include "tiled.h"

const InstructionSet kPortable{"portable", tiled_range, taps_loop_range};
