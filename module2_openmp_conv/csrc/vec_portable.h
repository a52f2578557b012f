// 4 lanes of GCC's vector type: SSE2 on x86-64, NEON on AArch64.
#pragma once

#include <cstdint>
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
    // Lanes [first, last) of p, 0 ≤ first ≤ last ≤ 4; the others are not touched, they are zero.
    static inline Reg load_between(const float* p, int first, int last) {
        Reg a{};
        for (int lane = first; lane < last; ++lane) {
            a[lane] = p[lane];
        }
        return a;
    }
    // Four neighbours from the Shift-th on of the 8 in a, b; 0 < Shift < 4.
    template <int Shift>
    static inline Reg shifted(Reg a, Reg b) {
        typedef std::int32_t Lanes __attribute__((vector_size(16)));
        return __builtin_shuffle(a, b, Lanes{Shift, Shift + 1, Shift + 2, Shift + 3});
    }
    // Whether a tap's inputs are loaded rather than shifted: they are in the cache.
    static constexpr bool loads_tap(int /*taps*/, int /*k*/) { return true; }
    static inline void stream(float* p, Reg a) { store(p, a); }
    static inline void fence() {}
    static inline Reg add(Reg a, Reg b) { return a + b; }
    static inline Reg subtract(Reg a, Reg b) { return a - b; }
    static inline Reg multiply(Reg a, Reg b) { return a * b; }
    static inline Reg multiply_add(Reg a, Reg b, Reg c) { return a * b + c; }
    // c − a · b.
    static inline Reg multiply_subtract(Reg a, Reg b, Reg c) { return c - a * b; }
    static inline Reg magnitude(Reg a) { return a < 0.0f ? -a : a; }
    static inline Reg relu(Reg a) { return a < 0.0f ? Reg{} : a; }  // NaN is not < 0: it stays

    // The larger, or what is not a number.
    static inline Reg larger(Reg a, Reg b) {
        const Reg most = b > a ? b : a;
        return b != b ? b : most;
    }
    // g where a > b, else zero; and g where not a > b.
    static inline Reg where_greater(Reg a, Reg b, Reg g) { return a > b ? g : Reg{}; }
    static inline Reg where_not_greater(Reg a, Reg b, Reg g) { return a > b ? Reg{} : g; }
    // Of the 8 neighbours a, b: those at even places, those at odd places; and back.
    static inline void split(Reg a, Reg b, Reg* even, Reg* odd) {
        *even = Reg{a[0], a[2], b[0], b[2]};
        *odd = Reg{a[1], a[3], b[1], b[3]};
    }
    static inline void join(Reg even, Reg odd, Reg* a, Reg* b) {
        *a = Reg{even[0], odd[0], even[1], odd[1]};
        *b = Reg{even[2], odd[2], even[3], odd[3]};
    }

    // Of the 8 neighbours a, b, those at 4 places.
    typedef std::int32_t Places __attribute__((vector_size(16)));
    static inline Places places(const std::int32_t* p) {
        Places at;
        std::memcpy(&at, p, sizeof at);
        return at;
    }
    static inline Reg pick(Reg a, Reg b, Places at) { return __builtin_shuffle(a, b, at); }

    // The first n lanes of a, 0 ≤ n ≤ 4; the others are zero.
    static inline Reg keep_first(Reg a, int n) {
        for (int lane = n; lane < kLanes; ++lane) {
            a[lane] = 0.0f;
        }
        return a;
    }
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

    // Four rows of four become columns.
    static inline void transpose(Reg (&r)[4]) {
        for (int row = 0; row < 4; ++row) {
            for (int column = 0; column < row; ++column) {
                const float below = r[row][column];
                r[row][column] = r[column][row];
                r[column][row] = below;
            }
        }
    }
};

}  // namespace
