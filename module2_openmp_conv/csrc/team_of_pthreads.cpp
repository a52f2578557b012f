// What the compiler makes of `#pragma omp parallel`, with threads that are made and joined each
// time. Linked into ThreadSanitizer's build alone: it cannot see the barriers of libgomp, which is
// not built with it, and would report every team as a race.

#include <omp.h>

#include <thread>
#include <vector>

namespace {

thread_local int my_rank = 0;
thread_local int my_team = 1;

}  // namespace

extern "C" {

int omp_get_num_threads() noexcept {
    return my_team;
}

int omp_get_thread_num() noexcept {
    return my_rank;
}

void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned) {
    const int team = static_cast<int>(threads);
    const auto work = [=](int rank) {
        my_rank = rank;
        my_team = team;
        body(data);
        my_rank = 0;
        my_team = 1;
    };
    std::vector<std::thread> others;
    for (int rank = 1; rank < team; ++rank) {
        others.emplace_back(work, rank);
    }
    work(0);
    for (std::thread& other : others) {
        other.join();
    }
}
}
