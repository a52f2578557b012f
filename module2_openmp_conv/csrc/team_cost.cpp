#include "team_cost.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include "team.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kCalls = 4;
constexpr int kRoundTrips = 16;
constexpr microseconds kPatience{50};  // with a thread whose core does something else
constexpr milliseconds kValid{20};
constexpr milliseconds kAwake{3};  // for so long OpenMP's threads wait for the next team in a loop

// Two threads were found to be worth calling from some 200,000 multiply-adds on where a call with
// its round trips takes 1.7 us, and from 1.2 million on where it takes 6 (AMD Zen 4, 1 and 16
// channels): what is beyond the call itself counts.
constexpr double kCallMicroseconds = 1;
constexpr double kMultiplyAddsOfMicrosecond = 120'000;

// Multiply-adds a thread from which on a team is called in any case: some 40 us of a core's.
constexpr std::int64_t kSurelyWorthCalling = 2'000'000;

// A team's call in which its first and last thread hand a line to and fro.
double microseconds_of_call(int threads) {
    constexpr int kGivenUp = -1;
    alignas(64) std::atomic<int> turn{0};
    const auto begin = Clock::now();
    run_team(threads, threads, [&](int rank, std::int64_t first, std::int64_t last) {
        if (last - first > 1) {
            return;  // fewer threads than were called
        }
        for (int trip = 0; rank == 0 && trip < kRoundTrips; ++trip) {
            turn = 2 * trip + 1;
            while (turn != 2 * trip + 2) {
                if (Clock::now() - begin > kPatience) {
                    turn = kGivenUp;
                    return;
                }
            }
        }
        while (rank == threads - 1) {
            int seen = turn;
            if (seen == kGivenUp || seen == 2 * kRoundTrips) {
                return;
            }
            if (seen % 2 == 1) {
                turn.compare_exchange_strong(seen, seen + 1);
            }
        }
    });
    return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

std::atomic<bool> is_called_always{false};

struct Cost {
    Clock::time_point measured{};
    Clock::time_point asked{};
    std::int64_t share = kSurelyWorthCalling;  // multiply-adds that a thread is worth calling for
};

}  // namespace

int threads_worth_calling(std::int64_t work, int num_threads) {
    const int most = team_size(work, num_threads, num_threads);
    if (most == 1 || work >= most * kSurelyWorthCalling || is_called_always) {
        return num_threads;
    }
    thread_local std::vector<Cost> costs;  // by the number of threads
    if (costs.size() <= static_cast<std::size_t>(most)) {
        costs.resize(most + 1);
    }
    Cost& cost = costs[most];
    const auto now = Clock::now();
    const bool awake = now - cost.asked < kAwake;
    cost.asked = now;
    if (!awake) {
        return 1;
    }
    if (now - cost.measured > kValid) {
        // The quickest of a few: the first one wakes threads that had nothing to do.
        double call = microseconds_of_call(most);
        for (int n = 1; n < kCalls; ++n) {
            call = std::min(call, microseconds_of_call(most));
        }
        const double away = call - kCallMicroseconds;
        cost.share = static_cast<std::int64_t>(std::clamp(
            kMultiplyAddsOfMicrosecond * away, static_cast<double>(kLeastMultiplyAddsPerThread),
            static_cast<double>(kSurelyWorthCalling)));
        cost.measured = Clock::now();
        cost.asked = cost.measured;
    }
    return static_cast<int>(std::clamp<std::int64_t>(work / cost.share, 1, most));
}

void call_teams_always(bool always) {
    is_called_always = always;
}
