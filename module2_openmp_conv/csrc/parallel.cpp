#include "parallel.h"

#include <dlfcn.h>
#include <omp.h>

#include "instruction_sets.h"

namespace {

// Waking a team costs some microseconds: less work than this stays on the calling thread.
constexpr std::int64_t kLeastMultiplyAddsPerThread = 16384;

std::int64_t divided_up(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

std::int64_t tiled_items(const Geometry& g) {
    return g.batch * g.groups * divided_up(g.out_channels / g.groups, kItemChannels) *
           divided_up(g.out_length, kItemPositions);
}

int team_size(const Geometry& g, std::int64_t items, int num_threads) {
    std::int64_t threads = num_threads;
    threads = items < threads ? items : threads;
    const std::int64_t worthwhile = multiply_adds(g) / kLeastMultiplyAddsPerThread;
    threads = worthwhile < threads ? worthwhile : threads;
    return threads < 1 ? 1 : static_cast<int>(threads);
}

}  // namespace

int run(const Geometry& g, const Buffers& b, Method method, int num_threads) {
    RangeKernel kernel = plain_range;
    std::int64_t items = g.batch * g.out_channels;
    if (method == Method::kTiled && g.stride == 1) {
        kernel = current_isa().tiled;
        items = tiled_items(g);
    } else if (method == Method::kTapsLoop) {
        kernel = current_isa().taps_loop;
        items = g.batch;
    }
    if (items == 0) {
        return 0;
    }
    const int threads = team_size(g, items, num_threads);
    if (threads == 1) {
        kernel(g, b, 0, items);
        return 1;
    }
    int team = 1;
#pragma omp parallel num_threads(threads) default(none) shared(g, b, kernel, items, team)
    {
        const std::int64_t size = omp_get_num_threads();
        const std::int64_t rank = omp_get_thread_num();
        if (rank == 0) {
            team = static_cast<int>(size);
        }
        kernel(g, b, items * rank / size, items * (rank + 1) / size);
    }
    return team;
}

const char* openmp_library() {
    Dl_info info{};
    const bool found = dladdr(reinterpret_cast<void*>(&omp_get_num_threads), &info) != 0;
    return found && info.dli_fname ? info.dli_fname : "";
}
