#include "scratch.h"

#include <cstdlib>
#include <memory>
#include <new>

namespace {

struct Free {
    void operator()(float* p) const { std::free(p); }
};

}  // namespace

float* scratch(std::int64_t floats) {
    thread_local std::unique_ptr<float, Free> kept;
    thread_local std::int64_t size = 0;
#ifdef __SANITIZE_ADDRESS__
    size = 0;  // no more than was asked for, so that what is touched beyond it is seen
#endif
    if (floats > size || !kept) {
        constexpr std::size_t kLine = 64;
        const std::size_t bytes = (floats * sizeof(float) / kLine + 1) * kLine;
        kept.reset();
        size = 0;
        kept.reset(static_cast<float*>(std::aligned_alloc(kLine, bytes)));
        if (!kept) {
            throw std::bad_alloc();
        }
        size = floats;
    }
    return kept.get();
}
