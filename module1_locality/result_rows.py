"""Measurements as rows of the tables, with the reason for everything that was not measured."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from crossscale_results import Row, rows
from module1_locality.columns import AssemblyMeasurement, AssemblyRun, LadderMeasurement, LadderRun
from module1_locality.conditions import Conditions
from module1_locality.config import Bench
from module1_locality.copies import copy_for
from module1_locality.host_counters import HostCounts
from module1_locality.lanes import Lane
from module1_locality.measure import Assembly, Fragment
from module1_locality.perf_events import EVENTS, Unavailable
from module1_locality.rungs import Rung, control_of, usual_of
from module1_locality.variety import Variety, batch_variety

MEMCPY = "memcpy"
_COPY_COLUMNS = ("copy_ms", "exposed_copy_ms", "copied_gb_per_s")
_FED_COLUMNS = (
    "wait_ms",
    "assembly_ms",
    "exposed_ms",
    "exposed_assembly_ms",
    "overlap_ratio",
    "fed_gb_per_s",
    *_COPY_COLUMNS,
    "sample_error_mv",
)
_LEARNED_COLUMNS = ("first_loss", "last_loss", "classes_per_batch_count", "records_per_batch_count")


def ladder_rows(
    fragments: Mapping[Rung, Fragment], conditions: Conditions, batch_size: int, repeat: int
) -> list[Row]:
    """A round's rows; each stands beside the control of its own round."""
    epoch = conditions.epoch(repeat, batch_size)
    found = []
    for rung, fragment in fragments.items():
        variety = batch_variety(rung, epoch)
        copy = copy_for(rung, epoch)
        measurement = _ladder_measurement(
            rung, fragment, fragments, variety, 0.0 if copy is None else copy.error_mv
        )
        reasons = {"records_per_batch_count": "it is not known which window is whose"}
        reasons |= empty_columns_of(rung, conditions.bench, conditions.lane, fragment.counts)
        found.append(
            Row(
                _ladder_run(rung, conditions, batch_size),
                measurement,
                seed=conditions.bench.seed,
                repeat=repeat,
                not_measured=_of_empty_columns(measurement, reasons),
            )
        )
    return found


def void_row(rung: Rung, conditions: Conditions, batch_size: int, reason: str) -> Row:
    """The row of a rung that means nothing on this machine."""
    run = _ladder_run(rung, conditions, batch_size)
    return rows.void_row(run, LadderMeasurement, reason, conditions.bench.seed)


def assembly_rows(
    memcpy: Assembly,
    assemblies: Mapping[Rung, Assembly],
    conditions: Conditions,
    batch_size: int,
    repeat: int,
) -> list[Row]:
    """A round's rows; each stands beside the memcpy of its own round."""
    bench = conditions.bench

    def row(method: str, rung: Rung | None, assembly: Assembly) -> Row:
        run = AssemblyRun(
            method=method,
            batch_size=batch_size,
            page_locked=rung is not None and rung.ring and conditions.lane.has_accelerator,
            workers_count=bench.workers if rung is not None and rung.in_workers else 0,
            block_windows_count=bench.block_windows,
            buffer_blocks_count=bench.buffer_blocks,
            memory_kept=conditions.memory_kept,
            warmup_batches_count=bench.warmup_steps,
            batches_count=conditions.grid.assembly_windows // batch_size,
        )
        measurement = AssemblyMeasurement(
            batch_ms=assembly.batch_ms,
            assembled_samples_per_s=assembly.samples_per_s,
            assembled_gb_per_s=assembly.gb_per_s,
            memcpy_gb_per_s=memcpy.gb_per_s,
            **_counts(assembly.counts),
        )
        reasons = _of_empty_columns(measurement, count_reasons(assembly.counts))
        return Row(run, measurement, seed=bench.seed, repeat=repeat, not_measured=reasons)

    return [
        row(MEMCPY, None, memcpy),
        *(row(rung.name, rung, assembly) for rung, assembly in assemblies.items()),
    ]


def _ladder_run(rung: Rung, conditions: Conditions, batch_size: int) -> LadderRun:
    bench = conditions.bench
    return LadderRun(
        rung=rung.name,
        device=conditions.lane.device.type,
        page_locked=rung.ring and conditions.lane.has_accelerator,
        batch_size=batch_size,
        workers_count=bench.workers if rung.in_workers else 0,
        block_windows_count=bench.block_windows,
        buffer_blocks_count=bench.buffer_blocks,
        depth_count=bench.depth,
        memory_kept=conditions.memory_kept,
        warmup_steps_count=bench.warmup_steps,
        steps_count=conditions.grid.fragment_windows // batch_size,
    )


def _ladder_measurement(
    rung: Rung,
    fragment: Fragment,
    fragments: Mapping[Rung, Fragment],
    variety: Variety,
    sample_error_mv: float,
) -> LadderMeasurement:
    fed = not rung.is_control
    control, usual = fragments[control_of(rung)], fragments.get(usual_of(rung))
    bytes_per_ms = 1e6  # 1 GB/s
    losses = fragment.losses
    exposed_ms = fragment.step_ms - control.step_ms
    assembly_ms, copy_ms = fragment.assembly_ms, fragment.copy_ms
    hideable_ms = None if assembly_ms is None else assembly_ms + (copy_ms or 0.0)
    return LadderMeasurement(
        step_ms=fragment.step_ms,
        wait_ms=fragment.wait_ms if fed else None,
        assembly_ms=assembly_ms,
        copy_ms=copy_ms,
        compute_ms=fragment.compute_ms,
        compute_only_step_ms=control.step_ms,
        exposed_ms=exposed_ms if fed else None,
        exposed_copy_ms=fragment.exposed_copy_ms,
        exposed_assembly_ms=_exposed_assembly_ms(fragment, exposed_ms) if fed else None,
        overlap_ratio=1 - exposed_ms / hideable_ms if fed and hideable_ms else None,
        ceiling_ratio=None if usual is None else usual.step_ms / control.step_ms - 1,
        batch_bytes=fragment.batch_bytes,
        fed_gb_per_s=fragment.batch_bytes / fragment.step_ms / bytes_per_ms if fed else None,
        copied_gb_per_s=fragment.batch_bytes / copy_ms / bytes_per_ms if copy_ms else None,
        trained_samples_per_s=fragment.samples_per_s,
        first_loss=losses[0] if fed else None,
        last_loss=_mean_of_last_quarter(losses) if fed else None,
        sample_error_mv=sample_error_mv if fed else None,
        classes_per_batch_count=variety.classes if fed else None,
        records_per_batch_count=variety.records if fed else None,
        **_counts(fragment.counts),
    )


def _exposed_assembly_ms(fragment: Fragment, exposed_ms: float) -> float | None:
    """All that is exposed where nothing is copied; unknown where only the copy's share is."""
    if fragment.copy_ms is None:
        return exposed_ms
    if fragment.exposed_copy_ms is None:
        return None
    return exposed_ms - fragment.exposed_copy_ms


def empty_columns_of(rung: Rung, bench: Bench, lane: Lane, counts: HostCounts) -> dict[str, str]:
    """The columns that this rung leaves empty on this machine, whatever the data, and why."""
    reasons = count_reasons(counts)
    usual = usual_of(rung).name
    if usual not in bench.rungs:
        reasons["ceiling_ratio"] = f"{usual} was not asked for"
    if rung.is_control:
        fed = dict.fromkeys(_FED_COLUMNS, "control: nothing is fed")
        return reasons | fed | dict.fromkeys(_LEARNED_COLUMNS, "control: one batch over and over")
    if rung.in_workers:
        unseen = "made in other processes, out of this one's sight"
        reasons |= dict.fromkeys(("assembly_ms", "overlap_ratio"), unseen)
    if not lane.has_accelerator:
        reasons |= dict.fromkeys(_COPY_COLUMNS, "no accelerator: nothing is copied")
    elif rung.store == "device":
        on_device = "the dataset is on the device: nothing is copied, and gathers are compute"
        reasons |= dict.fromkeys((*_COPY_COLUMNS, "assembly_ms", "overlap_ratio"), on_device)
    elif rung.side_stream and not rung.ring:
        pageable = "of copies from pageable memory on a side stream, events tell no truth"
        reasons |= dict.fromkeys(("exposed_copy_ms", "exposed_assembly_ms"), pageable)
    return reasons


def _counts(counts: HostCounts) -> dict[str, Any]:
    """As columns: what was not counted is None."""
    found = {field.name: getattr(counts, field.name) for field in fields(counts)}
    return {
        f"{name}_count": None if isinstance(value, Unavailable) else value
        for name, value in found.items()
    }


def count_reasons(counts: HostCounts) -> dict[str, str]:
    """Why what the kernel does not let us count is not counted, by column."""
    found = {name: getattr(counts, name) for name in EVENTS}
    return {
        f"{name}_count": value.reason
        for name, value in found.items()
        if isinstance(value, Unavailable)
    }


def _of_empty_columns(measurement: Any, reasons: Mapping[str, str]) -> dict[str, str]:
    """The reasons that are needed; a column that is empty without one is a mistake of ours."""
    return {name: reasons[name] for name in rows.empty_columns(measurement)}


def _mean_of_last_quarter(losses: list[float]) -> float:
    last = losses[-max(1, len(losses) // 4) :]
    return sum(last) / len(last)
