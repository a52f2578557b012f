"""Rows of a bench that was never run, for tests of what reads rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.columns import (
    ALLREDUCE,
    FAULTS,
    ROUNDS,
    SCORES,
    WIRE,
    AllreduceKey,
    AllreduceMeasurement,
    RoundKey,
    RoundMeasurement,
    ScoreKey,
    ScoreMeasurement,
)
from module3_mpi_gpu_overlap.fault_columns import FaultKey, FaultMeasurement
from module3_mpi_gpu_overlap.peer_columns import PEERS, PeerMeasurement, PeerRun
from module3_mpi_gpu_overlap.report import NO_ACCELERATOR, ONE_RANK
from module3_mpi_gpu_overlap.wire_columns import WireKey, WireMeasurement

PROGRESS = ("mpi_progress_percent", "polling_progress_percent", "thread_progress_percent")


def write_rounds(
    results_dir: Path,
    profile: str,
    exposed_s: dict[int, float],
    crowded: tuple[int, ...] = (),
    round_s: float = 1.0,
    accelerator: str = "none",
    **config: Any,
) -> None:
    """Two runs of two rounds of each mode and world size; the last rank waits for nobody.

    With an accelerator's name, which should say that it is none, they are rows as of a GPU.
    """
    provenance = replace(collect("mitdb", profile), accelerator=accelerator)
    for number, (world, mode) in enumerate((w, m) for w in exposed_s for m in ("G0", "G1", "G2")):
        for repeat in range(2):
            rows = [
                _round_row(world, mode, rank, index, repeat, exposed_s[world], crowded, round_s)
                for index in range(2)
                for rank in range(world)
            ]
            rows = [replace(row, config=replace(row.config, **config)) for row in rows]
            if accelerator != "none":
                rows = [_on_accelerator(row) for row in rows]
            append_rows(ROUNDS, results_dir, replace(provenance, run_id=f"{number}-{repeat}"), rows)


def _on_accelerator(row: Row) -> Row:
    measured = replace(
        row.measurement,
        mpi_transfer="staged",
        accelerator_copies_s=1e-3,
        accelerator_memory_bytes=1 << 20,
    )
    reasons = {k: why for k, why in row.not_measured.items() if why != NO_ACCELERATOR}
    config = replace(row.config, device_type="cuda")
    return replace(row, config=config, measurement=measured, not_measured=reasons)


def write_allreduce(
    results_dir: Path, profile: str, samples: int = 3, fixed_point: float = 1.0, repeat: int = 0
) -> None:
    """Calls of two sizes in worlds of 1, 2 and 8, the last one crowded; a fixed-point sum takes
    `fixed_point` times as long."""
    times = {"mpi": 1.0, "fixed-point": fixed_point}
    rows = [
        Row(
            AllreduceKey(
                world_size=world,
                oversubscribed=world > 2,
                link="one node",
                elements_count=size,
                sum=how,  # type: ignore[arg-type]
                sample_index=i,
            ),
            AllreduceMeasurement(1e-8 * size * world * (1 + 0.1 * i) * times[how]),
            seed=0,
            repeat=repeat,
        )
        for world in (1, 2, 8)
        for size in (1_000, 1_000_000)
        for how in times
        for i in range(samples)
    ]
    append_rows(ALLREDUCE, results_dir, collect("mitdb", profile), rows)


def write_wire(results_dir: Path, samples: int, int8: float) -> None:
    """Averages of 1,000 numbers between 2 ranks; int8 takes `int8` times as long as float32."""
    rows = [
        Row(
            WireKey(
                wire=wire,  # type: ignore[arg-type]
                sent_ratio=1.0,
                world_size=2,
                oversubscribed=False,
                elements_count=1_000,
                sample_index=i,
            ),
            WireMeasurement(1.0 * times, 1.0, 0.1, 0.1, 0.1, 4_000, 4_000, 0.0, 0),
            seed=0,
            repeat=0,
        )
        for wire, times in {"float32": 1.0, "int8": int8}.items()
        for i in range(samples)
    ]
    append_rows(WIRE, results_dir, collect("mitdb", "paper"), rows)


def write_link_rounds(results_dir: Path, modes: dict[str, tuple[float, float]]) -> None:
    """Four rounds on a slow link of each mode's (exposed_s, round_s); the outer ones are longer."""
    provenance = collect("mitdb", "paper")
    for number, (mode, (exposed_s, round_s)) in enumerate(modes.items()):
        rows = []
        for index in range(4):
            outer = 1.0 if index in (0, 3) else 0.0  # the first warms up, the last waits
            row = _round_row(4, mode, 0, index, 0, exposed_s + outer, (4,), round_s)
            link = {"experiment": "links", "link": "4 hosts, 100 Mbit/s", "rounds": 4}
            rows.append(replace(row, config=replace(row.config, **link)))
        append_rows(ROUNDS, results_dir, replace(provenance, run_id=f"l{number}"), rows)


def write_link_scaling(
    results_dir: Path,
    worlds: dict[int, tuple[float, float]],
    link: str = "100 Mbit/s",
    shared_steps: int = 48,
    profile: str = "quick",
) -> None:
    """Three rounds of each world's (computing_s, exposed_s); the first takes twice as long."""
    provenance = collect("mitdb", profile)
    for world, (computing_s, exposed_s) in worlds.items():
        shared = {
            "experiment": "link-scaling",
            "link": f"{world} hosts, {link}",
            "local_steps": shared_steps // world,
            "rounds": 3,
        }
        rows = []
        for index in range(3):
            round_s = (computing_s + exposed_s) * (2 if index == 0 else 1)
            for rank in range(world):
                row = _round_row(world, "G1", rank, index, 0, exposed_s, (), round_s)
                rows.append(replace(row, config=replace(row.config, **shared)))
        append_rows(ROUNDS, results_dir, replace(provenance, run_id=f"w{world}{link[0]}"), rows)


def write_accuracy(results_dir: Path, scores: dict[str, list[float]]) -> None:
    """Each federation's last macro-F1 by seed; half of it five rounds before."""
    provenance = collect("mitdb", "paper")
    for name, by_seed in scores.items():
        world = 1 if name == "central" else 2
        asked: dict[str, Any] = {"mode": name} if name[0] == "G" else {"mode": "G1"}
        asked |= {"clients": "subjects"} if name == "subjects" else {}
        shared: dict[str, Any] = {
            "experiment": "accuracy",
            "rounds": 10,
            "world_size": world,
            "link": "one node",
            "oversubscribed": False,
            "congestion_control": "reno",
            "device_type": "cpu",
            "memory_kept": True,
            "averaged_count": 39_000,
        }
        for seed, score in enumerate(by_seed):
            run = replace(provenance, run_id=f"{name}-{seed}")
            kept = [
                Row(
                    ScoreKey(**asked, **shared, round_index=index, test_set="DS2"),
                    ScoreMeasurement(f1, f1, f1, f1, f1, f1, f1, f1, f1, f1, f1, f1),
                    seed,
                    0,
                )
                for index, f1 in ((4, score / 2), (9, score))
            ]
            append_rows(SCORES, results_dir, run, kept)
            row = _round_row(world, str(asked["mode"]), 0, 0, 0, 0.1, (), 1.0)
            key = replace(row.config, **asked, **shared)
            append_rows(ROUNDS, results_dir, run, [replace(row, config=key, seed=seed)])


def write_faults(results_dir: Path, promises: list[str]) -> None:
    """A command's faults, and what became of each one's promises."""
    rows = [
        Row(
            FaultKey(
                kind="stopped rank",
                mode="G1",
                world_size=2,
                rank=0,
                moment="after round 3 was kept",
                try_index=index,
            ),
            FaultMeasurement(3.5, 13.0, 2, promise, "told"),  # type: ignore[arg-type]
            seed=0,
            repeat=0,
        )
        for index, promise in enumerate(promises)
    ]
    append_rows(FAULTS, results_dir, collect("mitdb", "paper"), rows)


def write_peers(results_dir: Path, overheads_s: dict[str, tuple[float, float]]) -> None:
    """Two rounds of one second of each runner's (overhead, and that without drawing batches)."""
    rows = []
    for name, (overhead_s, runner_s) in overheads_s.items():
        for index in range(2):
            warm_up_s = 0.0 if index else 0.3
            overhead, runner = overhead_s + warm_up_s, runner_s + warm_up_s
            key = PeerRun(
                contestant=name,
                role="suite" if name[0] == "G" else "peer",
                library="flwr" if name.startswith("Flower") else "torch",
                library_version="1",
                settings="made up",
                clients_count=2,
                processes_count=2,
                oversubscribed=False,
                congestion_control="reno",
                memory_kept=True,
                rounds=2,
                local_steps=50,
                batch_size=256,
                averaged_count=39_000,
                round_index=index,
            )
            measurement = PeerMeasurement(
                round_s=1.0,
                train_s=1.0 - overhead,
                preparation_s=overhead - runner,
                overhead_s=overhead,
                runner_overhead_s=runner,
                exposed_communication_s=runner / 2,
                model_difference_ratio=0.0,
            )
            rows.append(Row(key, measurement, 0, 0))
    append_rows(PEERS, results_dir, collect("mitdb", "paper"), rows)


def _round_row(
    world: int,
    mode: str,
    rank: int,
    index: int,
    repeat: int,
    exposed_s: float,
    crowded: tuple[int, ...],
    round_s: float,
) -> Row:
    idle_s = 0.01 * (world - 1 - rank)
    alone = dict.fromkeys(PROGRESS, ONE_RANK) if world == 1 else {}
    measurement = RoundMeasurement(
        round_s=round_s,
        rank_round_s=round_s,
        train_s=round_s - exposed_s - idle_s,
        straggler_idle_s=idle_s,
        blocked_idle_s=idle_s,
        exposed_communication_s=exposed_s,
        preparation_s=0.0,
        communication_s=exposed_s,
        throughput_samples_per_s=1000.0,
        train_loss=0.5,
        trained_count=1,
        screened_count=0,
        payload_bytes=4 * 39_000,
        weight_ratio=1 / world,
        clock_offset_s=0.0,
        **dict.fromkeys(PROGRESS, None if world == 1 else 5.0),
        progress_method="none",
        mpi_transfer="none",
        accelerator_copies_s=None,
        accelerator_memory_bytes=None,
    )
    key = RoundKey(
        mode=mode,  # type: ignore[arg-type]
        experiment="bench",
        link="one node",
        world_size=world,
        oversubscribed=world in crowded,
        congestion_control="reno",
        device_type="cpu",
        memory_kept=True,
        averaged_count=39_000,
        round_index=index,
        rank=rank,
    )
    accelerator = dict.fromkeys(
        ("accelerator_copies_s", "accelerator_memory_bytes"), NO_ACCELERATOR
    )
    return Row(key, measurement, 0, repeat, {**alone, **accelerator})
