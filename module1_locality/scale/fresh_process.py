"""`python -m module1_locality.scale.fresh_process <task>`: one raw sample in a process of its own.

The task comes, and the outcome goes, as JSON. A process that has measured something else before has
caches, heap and mapped pages of that.
"""

import json
import os
import subprocess
import sys
import tracemalloc
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

import torch

from crossscale_results import UserError
from module1_locality.epoch import Epoch, rows_in_order
from module1_locality.feed import open_feed
from module1_locality.host_counters import HostCounters
from module1_locality.lanes import HostLane
from module1_locality.measure import batch_bytes
from module1_locality.rungs import RUNGS, Rung
from module1_locality.scale.page_cache import cached_ratio, cool
from module1_locality.scale.process_memory import resident
from module1_locality.scale.tiled import open_tiled
from module1_locality.shuffle_buffer import BlockShuffle
from module1_locality.steady_memory import keep_freed_memory
from module1_locality.stopwatch import Stopwatch
from module1_locality.training_windows import TrainingWindows, touch

WARMUP_BATCHES = 2
_LONGEST_S = 600


@dataclass(frozen=True)
class Task:
    """What to feed, and from where."""

    shard: str
    rung: str
    cache: Literal["warm", "cold", "limited"]
    batch_size: int
    fragment_windows: int
    block_windows: int
    buffer_blocks: int
    depth: int
    seed: int
    epoch: int
    group: str | None = None  # `cgroup.procs` of the memory group to join


@dataclass(frozen=True)
class Outcome:
    """What was measured."""

    cooled_by: str | None  # None: it could not be, and nothing was measured
    samples_per_s: float = 0.0
    gb_per_s: float = 0.0
    cached_before: float = 0.0
    minor_faults: int = 0
    major_faults: int = 0
    peak_rss: int = 0
    anonymous: int = 0
    file_backed: int = 0
    feed: int = 0
    order: int = 0


def in_fresh_process(task: Task) -> Outcome:
    """Run a task in a process of its own.

    Raises:
        UserError: it failed, with what it said last.
    """
    command = [
        sys.executable,
        "-m",
        "module1_locality.scale.fresh_process",
        json.dumps(asdict(task)),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        fewer = "--fragment-windows" if task.cache == "warm" else "--disk-windows"
        raise UserError(
            f"{task.rung} was not done in {_LONGEST_S} s from the {task.cache} shard: give smaller "
            f"{fewer}, or a faster disk by --scratch-dir"
        ) from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        raise UserError(f"the process that fed {task.rung} failed: {said[-1]}")
    return Outcome(**json.loads(done.stdout))


def feed_once(task: Task) -> Outcome:
    """Do a task in this process."""
    if task.group is not None:
        Path(task.group).write_text(str(os.getpid()))
    torch.set_num_threads(1)
    keep_freed_memory()
    path = Path(task.shard)
    windows = open_tiled(path)
    # Once it is open, since reading its labels reads ahead. Under a limit too: pages that are
    # already cached count for whoever read them first.
    cooled_by = "none" if task.cache == "warm" else cool(path)
    if cooled_by is None:
        return Outcome(None)
    if task.cache != "cold":
        touch(windows)
    return _timed(task, windows, path, cooled_by)


def _timed(task: Task, windows: TrainingWindows, path: Path, cooled_by: str) -> Outcome:
    shuffle = BlockShuffle(task.block_windows, task.buffer_blocks, task.seed, task.epoch)
    epoch = Epoch(windows, task.batch_size, shuffle, workers=1, depth=task.depth)
    cached_before = cached_ratio(path)
    before = resident()
    samples, size_bytes = 0, 0
    with closing(open_feed(RUNGS[task.rung], epoch, HostLane(), Stopwatch())) as feed:
        # Cold, the first reads are what is measured.
        for _ in range(0 if task.cache == "cold" else WARMUP_BATCHES):
            next(feed)
        counters = HostCounters()
        start = perf_counter()
        while samples < task.fragment_windows:
            batch = next(feed)
            samples += len(batch[1])
            size_bytes += batch_bytes(batch)
        elapsed_s = perf_counter() - start
        counts = counters.so_far()
        after = resident()
    return Outcome(
        cooled_by,
        samples / elapsed_s,
        size_bytes / elapsed_s / 1e9,
        cached_before,
        counts.minor_faults,
        counts.major_faults,
        after.peak,
        after.anonymous,
        after.file_backed,
        max(0, after.anonymous - before.anonymous),
        _order_bytes(RUNGS[task.rung], epoch),
    )


def _order_bytes(rung: Rung, epoch: Epoch) -> int:
    """Memory that an epoch's order takes, measured as it is made once more."""
    tracemalloc.start()
    order = rows_in_order(rung, epoch)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del order
    return held


if __name__ == "__main__":
    print(json.dumps(asdict(feed_once(Task(**json.loads(sys.argv[1]))))))
