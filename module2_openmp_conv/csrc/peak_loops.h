// Loops that reach the peak of an instruction set. No STL here: files compiled for one instruction
// set include this header.
#pragma once

#include <cstdint>

// Multiply-adds on registers alone. The chains are independent and at least as many as latency ×
// ports, so that nothing but the ports binds them.
struct PeakLoop {
    const char* isa;
    std::int64_t flop_per_round;
    float (*run)(std::int64_t rounds);  // the result only keeps the compiler from skipping the work
};

extern const PeakLoop kPeakPortable;
#ifdef CROSSSCALE_X86_KERNELS
extern const PeakLoop kPeakAvx2;
extern const PeakLoop kPeakAvx512;
#endif
