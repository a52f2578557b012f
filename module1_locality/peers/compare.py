"""The comparison: the same windows, threads and cores for all, another one first each repeat."""

import tempfile
import warnings
from dataclasses import replace
from itertools import count
from pathlib import Path

from tqdm import tqdm

from crossscale_results import Row, append_rows
from crossscale_results.libraries import version_of, why_absent
from crossscale_results.rows import void_row
from module1_locality.conditions import Conditions, set_up
from module1_locality.measure import copy_in_order
from module1_locality.peer_columns import PEERS_TABLE, PeerMeasurement, PeerRun
from module1_locality.peers.config import Peers, bench_of
from module1_locality.peers.contestant import Contestant, Job
from module1_locality.peers.contestants import CONTESTANTS
from module1_locality.peers.entries import Entry, entries_of
from module1_locality.peers.fragment import Fragment, assemble
from module1_locality.peers.same_windows import fingerprints_of

_OWN_FILES = ("preparation_s", "on_disk_bytes")
_READS_SHARD = "it reads the suite's shard"


def compare_peers(config: Peers) -> Conditions:
    """Measure every contestant, and append the raw rows to the results.

    Raises:
        UserError: the configuration or the data do not allow it, or results cannot be written.
    """
    conditions = set_up(bench_of(config))
    provenance = replace(conditions.provenance, profile=config.profile_name)
    conditions = replace(conditions, provenance=provenance)
    chosen = [contestant for contestant in CONTESTANTS if contestant.name in config.contestants]
    with warnings.catch_warnings():
        # Libraries hand out read-only memory; a copy to please torch would be held against them.
        warnings.filterwarnings("ignore", message=r".*not writable")
        warnings.filterwarnings("ignore", category=UserWarning, module="streaming")
        for batch_size in conditions.grid.batch_sizes:
            with tempfile.TemporaryDirectory(dir=config.scratch_dir, prefix="peers-") as folder:
                _compare_at(batch_size, chosen, conditions, Path(folder))
    return conditions


def _compare_at(
    batch_size: int, chosen: list[Contestant], conditions: Conditions, folder: Path
) -> None:
    expected = fingerprints_of(conditions.windows)
    bench = conditions.bench
    entries: list[Entry] = []
    places = count()
    for contestant in tqdm(chosen, desc="preparing and checking", unit="contestant"):
        if reason := why_absent(contestant.module):
            entries.append(Entry(contestant, "default", contestant.default, None, None, reason))
            continue
        job = Job(
            conditions.windows, batch_size, bench.seed, bench.workers, folder / str(next(places))
        )
        entries += entries_of(contestant, conditions, job, expected)
    refused = [entry for entry in entries if entry.refused]
    _append([_void_row(entry, conditions, batch_size) for entry in refused], conditions)
    timed = [entry for entry in entries if entry.open_epoch]
    for repeat in tqdm(range(conditions.grid.repeats), desc="timing", unit="round"):
        _append(_round(timed, conditions, batch_size, repeat), conditions)


def _round(entries: list[Entry], conditions: Conditions, batch_size: int, repeat: int) -> list[Row]:
    """Every entry once, on one epoch, beside the memcpy of the same round."""
    epoch = conditions.epoch(repeat, batch_size)
    windows, warmup = conditions.grid.assembly_windows, conditions.bench.warmup_steps
    memcpy = copy_in_order(epoch, warmup, windows // batch_size)
    rows = [_memcpy_row(memcpy.samples_per_s, memcpy.gb_per_s, conditions, batch_size, repeat)]
    first = repeat % len(entries) if entries else 0
    for entry in entries[first:] + entries[:first]:
        assert entry.open_epoch
        fragment = assemble(entry.open_epoch, epoch, warmup, windows)
        rows.append(_row(entry, fragment, memcpy.gb_per_s, conditions, batch_size, repeat))
    return rows


def _row(
    entry: Entry,
    fragment: Fragment,
    memcpy_gb_per_s: float,
    conditions: Conditions,
    batch_size: int,
    repeat: int,
) -> Row:
    files = entry.written
    measurement = PeerMeasurement(
        assembled_samples_per_s=fragment.samples_per_s,
        assembled_gb_per_s=fragment.gb_per_s,
        memcpy_gb_per_s=memcpy_gb_per_s,
        memcpy_share_ratio=fragment.gb_per_s / memcpy_gb_per_s,
        first_batch_ms=fragment.first_batch_ms,
        preparation_s=files.seconds if files else None,
        on_disk_bytes=files.size_bytes if files else None,
    )
    return Row(
        _run(entry, conditions, batch_size, fragment.windows),
        measurement,
        seed=conditions.bench.seed,
        repeat=repeat,
        not_measured={} if files else dict.fromkeys(_OWN_FILES, _READS_SHARD),
    )


def _memcpy_row(
    samples_per_s: float, gb_per_s: float, conditions: Conditions, batch_size: int, repeat: int
) -> Row:
    run = PeerRun(
        contestant="memcpy",
        library_version="none",
        role="bound",
        choice="default",
        settings="the shard's runs copied in its own order into one reused buffer",
        order="shard",
        batch_size=batch_size,
        memory_kept=conditions.memory_kept,
        warmup_batches_count=conditions.bench.warmup_steps,
        fragment_windows_count=conditions.grid.assembly_windows,
    )
    measurement = PeerMeasurement(samples_per_s, gb_per_s, gb_per_s, 1.0, None, None, None)
    reasons = {"first_batch_ms": "it has no epochs"} | dict.fromkeys(_OWN_FILES, _READS_SHARD)
    return Row(run, measurement, conditions.bench.seed, repeat, reasons)


def _void_row(entry: Entry, conditions: Conditions, batch_size: int) -> Row:
    assert entry.refused
    run = _run(entry, conditions, batch_size, windows=0)
    return void_row(run, PeerMeasurement, entry.refused, conditions.bench.seed)


def _run(entry: Entry, conditions: Conditions, batch_size: int, windows: int) -> PeerRun:
    return PeerRun(
        contestant=entry.contestant.name,
        library_version=version_of(entry.contestant.distribution),
        role=entry.contestant.role,
        choice=entry.choice,
        settings=entry.way.settings,
        order=entry.way.order,
        batch_size=batch_size,
        memory_kept=conditions.memory_kept,
        warmup_batches_count=conditions.bench.warmup_steps,
        fragment_windows_count=windows,
    )


def _append(rows: list[Row], conditions: Conditions) -> None:
    if rows:
        append_rows(PEERS_TABLE, conditions.bench.results_dir, conditions.provenance, rows)
