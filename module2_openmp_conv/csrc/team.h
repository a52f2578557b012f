// How work items are shared by a team of OpenMP threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "geometry.h"
#include "problem.h"

// Waking a team costs about 2 us, as much as a core's 100,000 multiply-adds: two threads are worth
// it from some 160,000 on, as measured on one to sixteen channels.
constexpr std::int64_t kLeastMultiplyAddsPerThread = 80'000;
constexpr std::int64_t kMultiplyAddsOfOutput = 4;  // what an output costs beyond its taps
constexpr std::int64_t kItemsPerThread = 4;        // for an even share of uneven items

// A larger copy of a tile's input (taps or outputs are very far apart) would cost more than the
// plain kernels, and could ask for more memory than there is.
constexpr std::int64_t kMostSlabFloats = std::int64_t{1} << 24;

// Outputs of more bytes are written past the caches.
constexpr std::int64_t kMostCachedBytes = std::int64_t{24} << 20;

inline std::int64_t work_of(const Geometry& g) {
    return multiply_adds(g) + kMultiplyAddsOfOutput * outputs(g);
}

inline int team_size(std::int64_t work, std::int64_t items, int num_threads) {
    const std::int64_t worthwhile = work / kLeastMultiplyAddsPerThread;
    const std::int64_t most = std::min<std::int64_t>({num_threads, items, worthwhile});
    return static_cast<int>(std::max<std::int64_t>(most, 1));
}

// Floats of all threads' sums of weights, or of their spectra: 256 MiB. A single thread's may be
// more.
constexpr std::int64_t kMostSums = std::int64_t{64} << 20;

// Of a team for the gradient of the weights, those whose sums of so many floats each may be kept:
// by sizes alone, since the bits of a sum depend on it.
inline int summing_team_size(int threads, std::int64_t sums_floats) {
    const std::int64_t most = kMostSums / std::max<std::int64_t>(sums_floats, 1);
    return static_cast<int>(std::clamp<std::int64_t>(most, 1, threads));
}

// Calls body(rank, first, last) on each thread of a team: the items, shared evenly and in order.
// Returns how many threads there were.
template <class Body>
int run_team(int threads, std::int64_t items, const Body& body) {
    if (threads == 1) {
        body(0, std::int64_t{0}, items);
        return 1;
    }
    int team = 1;
#pragma omp parallel num_threads(threads) default(none) shared(items, body, team)
    {
        const std::int64_t size = omp_get_num_threads();
        const std::int64_t rank = omp_get_thread_num();
        if (rank == 0) {
            team = static_cast<int>(size);
        }
        body(static_cast<int>(rank), items * rank / size, items * (rank + 1) / size);
    }
    return team;
}

// What a core does in some 40 us: with less at hand, chunks would cost more than they even out.
constexpr std::int64_t kMultiplyAddsWorthSharing = 4'000'000;
constexpr std::int64_t kChunksOfShare = 8;
constexpr int kMostSharing = 64;

// The same for items whose results do not depend on who computes them: a thread that has done its
// own share helps with the others', so that a core that is slowed down is not waited for. Shares
// come first, since what a thread read in the last call may still be in its cache.
template <class Body>
int run_sharing_team(int threads, std::int64_t items, std::int64_t work, const Body& body) {
    if (threads == 1 || threads > kMostSharing || work < threads * kMultiplyAddsWorthSharing) {
        return run_team(threads, items, body);
    }
    struct alignas(64) Share {
        std::atomic<std::int64_t> next;
        std::int64_t end;
    } shares[kMostSharing];
    for (std::int64_t rank = 0; rank < threads; ++rank) {
        shares[rank].next = items * rank / threads;
        shares[rank].end = items * (rank + 1) / threads;
    }
    const std::int64_t chunk = divided_up(items, threads * kChunksOfShare);
    return run_team(threads, threads, [&](int rank, std::int64_t, std::int64_t) {
        for (int n = 0; n < threads; ++n) {
            Share& share = shares[(rank + n) % threads];
            for (std::int64_t first; (first = share.next.fetch_add(chunk)) < share.end;) {
                body(rank, first, std::min(first + chunk, share.end));
            }
        }
    });
}

// Floats of one channel's slab for so many positions, in whole cache lines.
inline std::int64_t slab_row_of(const Reach& r, std::int64_t positions) {
    return rounded_up(r.stride * phase_row(r, positions), 16);
}
