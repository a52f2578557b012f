"""Measurements as rows of the tables, with the reason for everything that was not measured."""

from collections.abc import Mapping
from dataclasses import fields

from crossscale_results import Row
from module1_locality.columns import AssemblyMeasurement, AssemblyRun, LadderMeasurement, LadderRun
from module1_locality.conditions import Conditions
from module1_locality.lanes import Lane
from module1_locality.measure import Assembly, Fragment
from module1_locality.rungs import CONTROL, Rung

MEMCPY = "memcpy"
_NO_COPY = "no accelerator: nothing is copied"
_CONTROL = "control: nothing is fed"


def ladder_rows(
    fragments: Mapping[Rung, Fragment], conditions: Conditions, batch_size: int, repeat: int
) -> list[Row]:
    """A round's rows; each stands beside the control of its own round."""
    control = fragments[CONTROL]
    return [
        Row(
            _ladder_run(rung, conditions, batch_size),
            _ladder_measurement(rung, fragment, control),
            seed=conditions.bench.seed,
            repeat=repeat,
            not_measured=_ladder_reasons(rung, conditions.lane),
        )
        for rung, fragment in fragments.items()
    ]


def void_row(rung: Rung, conditions: Conditions, batch_size: int, reason: str) -> Row:
    """The row of a rung that means nothing on this machine."""
    names = [field.name for field in fields(LadderMeasurement)]
    return Row(
        _ladder_run(rung, conditions, batch_size),
        LadderMeasurement(**dict.fromkeys(names)),
        seed=conditions.bench.seed,
        repeat=0,
        not_measured=dict.fromkeys(names, reason),
    )


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
        )
        return Row(run, measurement, seed=bench.seed, repeat=repeat)

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


def _ladder_measurement(rung: Rung, fragment: Fragment, control: Fragment) -> LadderMeasurement:
    fed = rung is not CONTROL
    bytes_per_ms = 1e6  # 1 GB/s
    losses = fragment.losses
    return LadderMeasurement(
        step_ms=fragment.step_ms,
        wait_ms=fragment.wait_ms if fed else None,
        assembly_ms=fragment.assembly_ms,
        copy_ms=fragment.copy_ms,
        compute_ms=fragment.compute_ms,
        compute_only_step_ms=control.step_ms,
        exposed_ms=fragment.step_ms - control.step_ms if fed else None,
        batch_bytes=fragment.batch_bytes,
        fed_gb_per_s=fragment.batch_bytes / fragment.step_ms / bytes_per_ms if fed else None,
        copied_gb_per_s=fragment.batch_bytes / fragment.copy_ms / bytes_per_ms
        if fragment.copy_ms
        else None,
        trained_samples_per_s=fragment.samples_per_s,
        first_loss=losses[0] if fed else None,
        last_loss=_mean_of_last_quarter(losses) if fed else None,
    )


def _ladder_reasons(rung: Rung, lane: Lane) -> dict[str, str]:
    if rung is CONTROL:
        fed = ("wait_ms", "assembly_ms", "copy_ms", "exposed_ms", "fed_gb_per_s", "copied_gb_per_s")
        learned = "control: one batch over and over"
        return dict.fromkeys(fed, _CONTROL) | dict.fromkeys(("first_loss", "last_loss"), learned)
    reasons = {}
    if rung.in_workers:
        reasons["assembly_ms"] = "made in other processes, out of this one's sight"
    if not lane.has_accelerator:
        reasons |= {"copy_ms": _NO_COPY, "copied_gb_per_s": _NO_COPY}
    return reasons


def _mean_of_last_quarter(losses: list[float]) -> float:
    last = losses[-max(1, len(losses) // 4) :]
    return sum(last) / len(last)
