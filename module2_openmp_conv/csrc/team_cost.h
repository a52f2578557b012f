// Whether a small problem is worth more than one thread, here and now.
#pragma once

#include <cstdint>

// Of num_threads, how many to call for so many multiply-adds; the same number where the problem is
// large. A team costs what its threads take to begin and to hand each other cache lines, which on a
// virtual machine changes by the second: two of its cores share a cache at one time and are far
// apart at another, by a factor of four. So it is measured, fifty times a second at most, while
// small problems follow each other; where they do not, threads are asleep, and it costs more.
//
// Only for results whose bits do not depend on the number of threads.
int threads_worth_calling(std::int64_t work, int num_threads);

// Whether teams are called for small problems whatever it costs: as tests need it, which are to see
// what several threads compute.
void call_teams_always(bool always);
