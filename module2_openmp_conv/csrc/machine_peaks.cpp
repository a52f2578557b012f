#include "machine_peaks.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "instruction_sets.h"
#include "peak_loops.h"

namespace py = pybind11;

namespace {

using Clock = std::chrono::steady_clock;
using RangeWork = void (*)(float* a, const float* b, const float* c, std::int64_t first,
                           std::int64_t last);

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void check_threads(int num_threads) {
    if (num_threads < 1) {
        throw std::invalid_argument("num_threads must be at least 1");
    }
}

const PeakLoop& peak_loop(const std::string& isa) {
    const std::vector<std::string> supported = supported_isas();
    if (std::find(supported.begin(), supported.end(), isa) != supported.end()) {
#ifdef CROSSSCALE_X86_KERNELS
        for (const PeakLoop* loop : {&kPeakAvx2, &kPeakAvx512}) {
            if (isa == loop->isa) {
                return *loop;
            }
        }
#endif
        if (isa == kPeakPortable.isa) {
            return kPeakPortable;
        }
    }
    throw std::invalid_argument("this machine has no peak loop for '" + isa + "'");
}

// Wall time from the moment all threads are there until the last one is done.
double timed_peak(const PeakLoop& loop, std::int64_t rounds, int num_threads) {
    Clock::time_point start;
#pragma omp parallel num_threads(num_threads)
    {
#pragma omp barrier
#pragma omp master
        start = Clock::now();
        const float result = loop.run(rounds);
        asm volatile("" : : "m"(result));  // used
    }
    return seconds_since(start);
}

// Rounds that take `least_s` where nothing interferes: by the quickest of several short runs.
std::int64_t rounds_filling(const PeakLoop& loop, double least_s) {
    constexpr std::int64_t kTried = 1 << 15;
    double quickest_s = timed_peak(loop, kTried, 1);
    for (int again = 0; again < 4; ++again) {
        quickest_s = std::min(quickest_s, timed_peak(loop, kTried, 1));
    }
    return std::max<std::int64_t>(kTried, static_cast<std::int64_t>(least_s / quickest_s * kTried));
}

double peak_gflop_per_s(const std::string& isa, int num_threads, double least_s) {
    check_threads(num_threads);
    const PeakLoop& loop = peak_loop(isa);
    py::gil_scoped_release release;
    const std::int64_t rounds = rounds_filling(loop, least_s);
    const double elapsed_s = timed_peak(loop, rounds, num_threads);
    return 1e-9 * static_cast<double>(loop.flop_per_round * rounds) * num_threads / elapsed_s;
}

void copy_range(float* __restrict a, const float* __restrict b, const float*, std::int64_t first,
                std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
        a[i] = b[i];
    }
}

void triad_range(float* __restrict a, const float* __restrict b, const float* __restrict c,
                 std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
        a[i] = b[i] + 3.0f * c[i];
    }
}

// Stores that pass the caches by, where there are such: no line is read to be overwritten.
void fill_range(float* a, const float*, const float*, std::int64_t first, std::int64_t last) {
#ifdef __SSE2__
    const __m128 value = _mm_set1_ps(1.0f);
    for (; first + 4 <= last; first += 4) {
        _mm_stream_ps(a + first, value);
    }
    _mm_sfence();
#endif
    for (; first < last; ++first) {
        a[first] = 1.0f;
    }
}

struct Probe {
    const char* name;
    RangeWork work;
    int arrays;  // that it reads and writes, each once
};

const Probe& probe_named(const std::string& name) {
    static const Probe probes[] = {
        {"copy", copy_range, 2}, {"triad", triad_range, 3}, {"fill", fill_range, 1}};
    for (const Probe& probe : probes) {
        if (name == probe.name) {
            return probe;
        }
    }
    throw std::invalid_argument("there is no stream probe '" + name +
                                "': choose one of copy, triad, fill");
}

struct Freed {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using Array = std::unique_ptr<float[], Freed>;

std::vector<double> stream_gb_per_s(const std::string& name, std::int64_t array_bytes,
                                    int num_threads, int repeats) {
    check_threads(num_threads);
    const Probe& probe = probe_named(name);
    // A thread's share is whole cache lines: two threads never write to one.
    const std::int64_t lines = array_bytes / 64;
    if (lines < num_threads || repeats < 1) {
        throw std::invalid_argument("array_bytes or repeats is too small");
    }
    py::gil_scoped_release release;
    Array arrays[3];
    for (int i = 0; i < probe.arrays; ++i) {
        arrays[i].reset(new (std::align_val_t{64}) float[lines * 16]);
    }
    float *a = arrays[0].get(), *b = arrays[1].get(), *c = arrays[2].get();
    std::vector<double> rates;
    // Passes over small arrays are timed together: each sample moves 64 MiB or more.
    const std::int64_t passes = std::max<std::int64_t>(1, (1 << 20) / lines);
    for (int repeat = -1; repeat < repeats; ++repeat) {
        Clock::time_point start;
#pragma omp parallel num_threads(num_threads)
        {
            const std::int64_t size = omp_get_num_threads();
            const std::int64_t rank = omp_get_thread_num();
            const std::int64_t first = lines * rank / size * 16;
            const std::int64_t last = lines * (rank + 1) / size * 16;
            if (repeat < 0) {  // each thread touches its share first: pages come to its memory
                for (float* array : {a, b, c}) {
                    if (array) {
                        std::fill(array + first, array + last, 1.0f);
                    }
                }
            }
#pragma omp barrier
#pragma omp master
            start = Clock::now();
            for (std::int64_t pass = 0; pass < passes; ++pass) {
                probe.work(a, b, c, first, last);
                asm volatile("" : : : "memory");  // no pass may be merged with the next
            }
        }
        const double elapsed_s = seconds_since(start);
        if (repeat >= 0) {
            rates.push_back(1e-9 * 64.0 * static_cast<double>(lines * probe.arrays * passes) /
                            elapsed_s);
        }
    }
    return rates;
}

py::list stream(const std::string& name, std::int64_t array_bytes, int num_threads, int repeats) {
    py::list list;
    try {
        for (const double rate : stream_gb_per_s(name, array_bytes, num_threads, repeats)) {
            list.append(rate);
        }
    } catch (const std::bad_alloc&) {
        throw std::runtime_error("there is not enough memory for the stream probe");
    }
    return list;
}

}  // namespace

void def_machine_peaks(py::module_& module) {
    module.def("peak_gflop_per_s", &peak_gflop_per_s, py::arg("isa"), py::arg("num_threads"),
               py::arg("least_s"));
    module.def("stream_gb_per_s", &stream, py::arg("probe"), py::arg("array_bytes"),
               py::arg("num_threads"), py::arg("repeats"));
}
