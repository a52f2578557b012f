// 4 lanes of GCC's vector type: SSE2 on x86-64, NEON on AArch64.
#pragma once

#include <cstring>

namespace {

struct Vec {
    static constexpr int kLanes = 4;
    typedef float Reg __attribute__((vector_size(16)));

    static inline Reg zero() { return Reg{}; }
    static inline Reg broadcast(float a) { return Reg{a, a, a, a}; }
    static inline Reg load(const float* p) {
        Reg a;
        std::memcpy(&a, p, sizeof a);
        return a;
    }
    static inline void store(float* p, Reg a) { std::memcpy(p, &a, sizeof a); }
    static inline Reg add(Reg a, Reg b) { return a + b; }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return a * b + c; }
    static inline Reg relu(Reg a) { return a < 0.0f ? Reg{} : a; }  // NaN is not < 0: it stays

    // The first n lanes, 0 ≤ n ≤ 4; memory of the other lanes is not touched, they are zero.
    static inline Reg load_first(const float* p, int n) {
        Reg a{};
        for (int lane = 0; lane < n; ++lane) {
            a[lane] = p[lane];
        }
        return a;
    }
    static inline void store_first(float* p, Reg a, int n) {
        for (int lane = 0; lane < n; ++lane) {
            p[lane] = a[lane];
        }
    }
    static inline float add_lanes(Reg a) { return (a[0] + a[2]) + (a[1] + a[3]); }

    // Four rows of four, at distance `stride`, to four columns at distance `to_stride`.
    static inline void transpose(const float* from, std::int64_t stride, float* to,
                                 std::int64_t to_stride) {
        for (int row = 0; row < 4; ++row) {
            for (int column = 0; column < 4; ++column) {
                to[column * to_stride + row] = from[row * stride + column];
            }
        }
    }
};

}  // namespace
