"""Other runners beside the suite's rounds: `python -m module3_mpi_gpu_overlap.peer_bench`.

Two clients of one thread each train the same classifier on the same batches from the same weights,
on a loopback device of their own where that may be made: all but MPI speak TCP over it.
Everyone is checked first: after two short rounds its average must be the one that the suite's `G0`
made. Every run is a fresh set of processes; contestants take turns, another one first each repeat.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm
from typing_extensions import Doc

from crossscale_data.source import Source
from crossscale_results.cli import run
from crossscale_results.errors import UserError
from crossscale_results.libraries import version_of, why_absent
from crossscale_results.provenance import Provenance, collect, usable_cores
from crossscale_results.reader import read_table
from crossscale_results.rows import Row, first_reason, void_row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.child_process import options_of
from module3_mpi_gpu_overlap.config import DataDir, ResultsDir
from module3_mpi_gpu_overlap.congestion_control import UNKNOWN, own_loopback
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec, run_ranks
from module3_mpi_gpu_overlap.peer_columns import PEERS, PeerMeasurement, PeerRun
from module3_mpi_gpu_overlap.peers.contestant import RANKS, Contestant, ranks_of
from module3_mpi_gpu_overlap.peers.contestants import CONTESTANTS, REFERENCE
from module3_mpi_gpu_overlap.prepared_source import prepared_source
from module3_mpi_gpu_overlap.selection import warm_rounds

CHILD_LIMIT_S = 600.0
BATCH_SIZE = 256
# Runners add up in another order, and Adam makes steps out of the last bits of tiny gradients: in
# hundreds of them these grow to a tenth of what training moved. A check is two rounds: an average
# that the clients go on from.
DIFFERENCE_AT_MOST = 1e-3
EVERY_STEP = "gradients are averaged within every step"
ANOTHER_ALGORITHM = "it averages gradients: another model, whose gradients were checked"


@dataclass(frozen=True, kw_only=True)
class PeerBenchConfig:
    """Other runners beside the suite's, interleaved, each run in fresh processes."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick`: short rounds, once; `paper`: 50 local steps.")
    ] = "quick"
    repeats: Annotated[int | None, Doc("Runs of each; the profile's if none.")] = None
    contestants: Annotated[tuple[str, ...], Doc(f"Who is compared; {REFERENCE} always is.")] = (
        tuple(CONTESTANTS)
    )
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    seed: Annotated[int, Doc("Seed of weights, batches and dropout.")] = 0


@dataclass(frozen=True)
class PeerGrid:
    """What a profile runs."""

    rounds: int
    local_steps: int
    repeats: int


CHECK = PeerGrid(rounds=2, local_steps=10, repeats=1)
GRIDS = {
    "quick": PeerGrid(rounds=3, local_steps=10, repeats=1),
    "paper": PeerGrid(rounds=6, local_steps=50, repeats=5),
}


@dataclass(frozen=True)
class Told:
    """What a contestant's worker wrote."""

    rounds: list[dict[str, Any]]
    averaged: npt.NDArray[np.float32]  # [n]
    start: npt.NDArray[np.float32]  # [n], what training began with
    congestion_control: str
    memory_kept: bool
    mpi_version: str


def peer_bench(config: PeerBenchConfig) -> None:
    """Run every contestant that agrees with `G0` once a repeat, and append its rows.

    Raises:
        UserError: there is no mpiexec, no such contestant, or the suite's own modes disagree.
    """
    names = tuple(dict.fromkeys((REFERENCE, *config.contestants)))
    if unknown := [name for name in names if name not in CONTESTANTS]:
        raise UserError(f"{unknown[0]!r} is no contestant: choose of {', '.join(CONTESTANTS)}")
    find_mpiexec()
    source = prepared_source(config.data_dir)
    grid = GRIDS[config.profile]
    provenance = replace(collect(source.dataset, config.profile), threads_count=1)
    loopback = own_loopback()
    if not loopback:
        print("no loopback device of our own may be made here: TCP is spoken as the machine does")
    present = [CONTESTANTS[name] for name in names if why_absent(CONTESTANTS[name].module) is None]
    told = {}
    for contestant in tqdm(present, desc="checking peers", unit="run"):
        told[contestant.name] = _run(contestant, config, CHECK, source, loopback)
    reference = told[REFERENCE]
    assert isinstance(reference, Told)
    provenance = replace(provenance, mpi_version=reference.mpi_version)
    differences: dict[str, float | None] = {}
    for contestant in (CONTESTANTS[name] for name in names):
        outcome = why_absent(contestant.module) or _checked(
            contestant, told[contestant.name], reference
        )
        if isinstance(outcome, str):
            print(f"{contestant.name} is left out: {outcome}")
            _keep_void(contestant, config, grid, provenance, outcome)
        else:
            differences[contestant.name] = outcome
    turns = [CONTESTANTS[name] for name in differences]
    repeats = config.repeats or grid.repeats
    with tqdm(total=repeats * len(turns), desc="peers", unit="run") as bar:
        for repeat in range(repeats):
            first = repeat % len(turns)
            for contestant in turns[first:] + turns[:first]:
                bar.set_postfix_str(contestant.name)
                own = _run(contestant, config, grid, source, loopback)
                if isinstance(own, str):
                    _keep_void(contestant, config, grid, provenance, own, repeat)
                else:
                    difference = differences[contestant.name]
                    rows = _rows(contestant, grid, own, difference, config.seed, repeat)
                    append_rows(PEERS, config.results_dir, provenance, list(rows))
                bar.update()
    print(render(config.results_dir, provenance.run_id))


def _run(
    contestant: Contestant,
    config: PeerBenchConfig,
    grid: PeerGrid,
    source: Source,
    loopback: Sequence[str],
) -> Told | str:
    """What the contestant's ranks told; of another library, why they could not."""
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        out = Path(folder) / "told.json"
        given = {
            "contestant": contestant.name,
            "rounds": grid.rounds,
            "local-steps": grid.local_steps,
            "batch-size": BATCH_SIZE,
            "data-dir": source.directory,
            "seed": config.seed,
            "out": out,
        }
        worker = ["-m", "module3_mpi_gpu_overlap.peers.worker", *options_of(given)]
        try:
            run_ranks(ranks_of(contestant), worker, CHILD_LIMIT_S, loopback)
        except UserError as error:
            if contestant.role == "suite":
                raise
            return f"it failed: {error}"
        told = json.loads(out.read_text())
    vectors = {name: np.array(told[name], np.float32) for name in ("averaged", "start")}
    return Told(**{**told, **vectors})


def _checked(contestant: Contestant, told: Told | str, reference: Told) -> float | str | None:
    """How far its average is off `G0`'s, None if it makes another; why it must not be timed.

    Raises:
        UserError: the suite's own modes disagree.
    """
    if isinstance(told, str) or not contestant.local_sgd:
        return told if isinstance(told, str) else None
    difference = difference_ratio(told, reference)
    if difference <= DIFFERENCE_AT_MOST:
        return difference
    refused = f"refused, since its average is off G0's by {difference:.2g} of the training"
    if contestant.role == "suite":
        raise UserError(f"{contestant.name} is {refused}")
    return refused


def _keep_void(
    contestant: Contestant,
    config: PeerBenchConfig,
    grid: PeerGrid,
    provenance: Provenance,
    reason: str,
    repeat: int = 0,
) -> None:
    """A row that says why there are no times."""
    row = void_row(_key(contestant, grid, None, 0), PeerMeasurement, reason, config.seed, repeat)
    append_rows(PEERS, config.results_dir, provenance, [row])


def difference_ratio(told: Told, reference: Told) -> float:
    """How far the averages are from each other, over how far the reference's came from its start.

    Infinite where they have not one length, or began with other weights.
    """
    if told.averaged.shape != reference.averaged.shape or (told.start != reference.start).any():
        return float("inf")
    moved = np.linalg.norm(reference.averaged - reference.start)
    return float(np.linalg.norm(told.averaged - reference.averaged) / moved)


def _rows(
    contestant: Contestant,
    grid: PeerGrid,
    told: Told,
    difference: float | None,
    seed: int,
    repeat: int,
) -> Iterator[Row]:
    for index, own in enumerate(told.rounds):
        train_s, both_s = own["train_s"], own["train_and_preparation_s"]
        measurement = PeerMeasurement(
            round_s=own["round_s"],
            train_s=train_s,
            preparation_s=own["preparation_s"],
            overhead_s=None if train_s is None else own["round_s"] - train_s,
            runner_overhead_s=None if both_s is None else own["round_s"] - both_s,
            exposed_communication_s=own["exposed_communication_s"],
            model_difference_ratio=difference,
        )
        parts = ("train_s", "overhead_s", "runner_overhead_s", "exposed_communication_s")
        reasons = {name: EVERY_STEP for name in parts if getattr(measurement, name) is None}
        if difference is None:
            reasons["model_difference_ratio"] = ANOTHER_ALGORITHM
        key = _key(contestant, grid, told, index)
        yield Row(key, measurement, seed, repeat, reasons)


def _key(contestant: Contestant, grid: PeerGrid, told: Told | None, index: int) -> PeerRun:
    return PeerRun(
        contestant=contestant.name,
        role=contestant.role,
        library=contestant.distribution,
        library_version=version_of(contestant.distribution),
        settings=contestant.settings,
        clients_count=RANKS,
        processes_count=ranks_of(contestant),
        oversubscribed=usable_cores() < RANKS,
        congestion_control=told.congestion_control if told else UNKNOWN,
        memory_kept=told is not None and told.memory_kept,
        rounds=grid.rounds,
        local_steps=grid.local_steps,
        batch_size=BATCH_SIZE,
        averaged_count=len(told.averaged) if told else 0,
        round_index=index,
    )


def render(results_dir: Path, run_id: str) -> str:
    """Medians of a bench over its rounds but the first, the least overhead first."""
    frame = read_table(PEERS, results_dir)
    frame = frame[frame["run_id"] == run_id]
    head = ("contestant", "round", "local steps", "overhead", "without drawing", "exposed")
    lines = [_line(*head)]
    for name, own in warm_rounds(frame).groupby("contestant", sort=False):
        columns = ("round_s", "train_s", "overhead_s", "runner_overhead_s")
        told = [_ms(own, column) for column in (*columns, "exposed_communication_s")]
        lines.append(_line(str(name), *told))
    for row in frame[frame["round_s"].isna()].itertuples():
        reason = first_reason(str(row.not_measured), PEERS.optional)
        lines.append(f"{row.contestant:<18} not measured: {reason}")
    return "\n".join(lines)


def _line(contestant: str, *cells: str) -> str:
    return f"{contestant:<18}" + "".join(f"{cell:>16}" for cell in cells)


def _ms(rows: pd.DataFrame, column: str) -> str:
    median_s = rows[column].astype(float).median()
    return "" if pd.isna(median_s) else f"{median_s * 1e3:.2f} ms"


def main() -> int:
    """Parse the command line and run the bench."""
    return run(
        PeerBenchConfig,
        peer_bench,
        prog="python -m module3_mpi_gpu_overlap.peer_bench",
        description="The suite's rounds beside torch.distributed's and Flower's.",
    )


if __name__ == "__main__":
    sys.exit(main())
