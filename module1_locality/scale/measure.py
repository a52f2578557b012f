"""Every size, rung and state of the page cache in turn, each in a fresh process."""

import tempfile
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from crossscale_data import find_source
from crossscale_results import Provenance, Row, append_rows, collect
from crossscale_results.rows import void_row
from module1_locality.rungs import RungName
from module1_locality.scale.config import Scale, check
from module1_locality.scale.fresh_process import Outcome, Task, in_fresh_process
from module1_locality.scale.memory_group import NoMemoryGroupError, memory_group
from module1_locality.scale.tiled import write_tiled
from module1_locality.scale_columns import SCALE_TABLE, ScaleMeasurement, ScaleRun
from module1_locality.training_windows import load_training_windows, touch

_LEAST_LIMIT_BYTES = 640 * 2**20  # Python and torch need about half of it themselves
_NO_LIMIT = "no limit was set"


@dataclass(frozen=True)
class _Case:
    rung: RungName
    copies: int
    cache: Literal["warm", "cold", "limited"]


@dataclass(frozen=True)
class _Shard:
    path: Path
    windows: int
    size_bytes: int


def measure_scale(config: Scale) -> Provenance:
    """Write the shards, feed from them, append the raw rows, and remove the shards.

    Raises:
        UserError: the configuration, the data or the disk do not allow it.
    """
    source = find_source(config.data_dir)
    print(source)
    windows = load_training_windows(source)
    check(config, len(windows))
    touch(windows)  # and refuse samples that are no numbers
    provenance = collect(source.dataset, config.profile_name)
    filled = config.filled()
    with tempfile.TemporaryDirectory(dir=config.scratch_dir, prefix="scale-") as folder:
        shards = {}
        for copies in tqdm(filled.copies, desc="tiling", unit="shard"):
            path = Path(folder) / f"{copies}.shard"
            size_bytes = write_tiled(windows, copies, path)
            shards[copies] = _Shard(path, copies * len(windows), size_bytes)
        cases = _cases(config)
        for repeat in tqdm(range(filled.repeats), desc="feeding", unit="round"):
            first = repeat % len(cases)
            for case in tqdm(cases[first:] + cases[:first], unit="process", leave=False):
                row = _row(case, shards[case.copies], config, repeat)
                append_rows(SCALE_TABLE, config.results_dir, provenance, [row])
    return provenance


def _cases(config: Scale) -> list[_Case]:
    """Warm and cold at every size; under a limit where the shard is largest."""
    copies = config.filled().copies
    states: tuple[Literal["warm", "cold"], ...] = ("warm", "cold")
    return [
        *(_Case(rung, n, cache) for n, cache, rung in product(copies, states, config.rungs)),
        *(_Case(rung, max(copies), "limited") for rung in config.rungs),
    ]


def _row(case: _Case, shard: _Shard, config: Scale, repeat: int) -> Row:
    task = Task(
        shard=str(shard.path),
        rung=case.rung,
        cache=case.cache,
        batch_size=config.batch_size,
        fragment_windows=_windows(case, config),
        block_windows=config.block_windows,
        buffer_blocks=config.buffer_blocks,
        depth=config.depth,
        seed=config.seed,
        epoch=repeat,
    )
    if case.cache != "limited":
        outcome = in_fresh_process(task)
        return _measured(case, shard, config, repeat, outcome, None)
    limit_bytes = shard.size_bytes // 4
    if limit_bytes < _LEAST_LIMIT_BYTES:
        reason = "a quarter of the shard is less memory than a process needs: give more copies"
        return _void(case, shard, config, repeat, reason)
    try:
        with memory_group(limit_bytes) as group:
            outcome = in_fresh_process(replace(task, group=str(group)))
    except NoMemoryGroupError as error:
        return _void(case, shard, config, repeat, str(error))
    return _measured(case, shard, config, repeat, outcome, limit_bytes)


def _measured(
    case: _Case,
    shard: _Shard,
    config: Scale,
    repeat: int,
    outcome: Outcome,
    limit_bytes: int | None,
) -> Row:
    if outcome.cooled_by is None:
        reason = "the shard's pages did not leave the page cache"
        return _void(case, shard, config, repeat, reason)
    measurement = ScaleMeasurement(
        assembled_samples_per_s=outcome.samples_per_s,
        assembled_gb_per_s=outcome.gb_per_s,
        cached_before_ratio=outcome.cached_before,
        minor_faults_count=outcome.minor_faults,
        major_faults_count=outcome.major_faults,
        peak_rss_bytes=outcome.peak_rss,
        anonymous_bytes=outcome.anonymous,
        file_backed_bytes=outcome.file_backed,
        feed_bytes=outcome.feed,
        order_bytes=outcome.order,
        memory_limit_bytes=limit_bytes,
    )
    return Row(
        _run(case, shard, config, outcome.cooled_by),
        measurement,
        seed=config.seed,
        repeat=repeat,
        not_measured={} if limit_bytes else {"memory_limit_bytes": _NO_LIMIT},
    )


def _void(case: _Case, shard: _Shard, config: Scale, repeat: int, reason: str) -> Row:
    run = _run(case, shard, config, "none")
    return void_row(run, ScaleMeasurement, reason, config.seed, repeat)


def _windows(case: _Case, config: Scale) -> int:
    """Windows of a raw sample."""
    if case.cache == "warm":
        return config.fragment_windows
    return config.filled().disk_windows


def _run(case: _Case, shard: _Shard, config: Scale, cooled_by: str) -> ScaleRun:
    return ScaleRun(
        rung=case.rung,
        copies_count=case.copies,
        shard_windows_count=shard.windows,
        shard_bytes=shard.size_bytes,
        cache=case.cache,
        cooled_by=cooled_by,
        batch_size=config.batch_size,
        block_windows_count=config.block_windows,
        buffer_blocks_count=config.buffer_blocks,
        depth_count=config.depth,
        fragment_windows_count=_windows(case, config),
    )
