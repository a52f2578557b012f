"""What the tests' ranks run: federations of toy models on made-up beats, and faults on purpose.

Rank 0 prints one line of JSON. Started by mpiexec (see conftest.py); no test itself.
"""

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crossscale_data.classifier_inputs import BeatInputs
from module3_mpi_gpu_overlap import client_data
from module3_mpi_gpu_overlap.agreement import handshake, verify_same_model
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.launch import World, agreed, run_on_ranks

CPU = torch.device("cpu")
CHANNELS, LENGTH, FEATURES = 2, 12, 3


@dataclass(frozen=True)
class Program:
    """Which program, and its options as JSON."""

    name: str
    options: str = "{}"


class Plain(nn.Module):
    """Neither normalisation nor dropout: a batch's gradient is the mean of its beats'."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(CHANNELS * LENGTH + FEATURES, 5)

    def forward(self, waveform: Tensor, context: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.cat([waveform.flatten(1), context], dim=1))
        return logits


class Normalised(nn.Module):
    """Batch normalisation, its integer counter, and dropout: as the suite's classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(CHANNELS, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3)
        )
        self.head = nn.Linear(4 * (LENGTH - 2) + FEATURES, 5)

    def forward(self, waveform: Tensor, context: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.cat([self.features(waveform), context], dim=1))
        return logits


class KillsItself(Plain):
    """Dies like a crashed node at its third training step."""

    steps = 0

    def forward(self, waveform: Tensor, context: Tensor) -> Tensor:
        self.steps += 1
        if self.steps == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(waveform, context)


MODULES = {"plain": Plain, "normalised": Normalised}


def made_up_beats(beats: int, seed: int = 0) -> BeatInputs:
    """Noise whose label can be learned from it."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 5, beats).astype(np.uint8)
    waveform = random.standard_normal((beats, CHANNELS, LENGTH)).astype(np.float32)
    waveform[:, 0, :5] += 2 * np.eye(5, dtype=np.float32)[label]
    context = random.standard_normal((beats, FEATURES)).astype(np.float32)
    record = np.where(np.arange(beats) % 2, 202, 100).astype(np.int16)
    return BeatInputs(waveform, context, label, record)


def rows_of(inputs: BeatInputs, rows: slice) -> BeatInputs:
    return BeatInputs(
        inputs.waveform[rows], inputs.context[rows], inputs.label[rows], inputs.record[rows]
    )


def shard(world: World, beats: int) -> slice:
    """This rank's share of the rows: equal ones where that is possible."""
    cuts = [beats * rank // world.size for rank in range(world.size + 1)]
    return slice(cuts[world.rank], cuts[world.rank + 1])


def federate(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """A federation over shards of `beats` made-up beats."""
    from module3_mpi_gpu_overlap.federated import federate as run_federation

    beats, kind, seed = options.pop("beats", 240), options.pop("module", "normalised"), 7
    broken_rank, killed_rank = options.pop("broken_rank", -1), options.pop("killed_rank", -1)
    settings = Settings(**options)
    everything = made_up_beats(beats)
    train = rows_of(everything, shard(world, beats))
    if world.rank == broken_rank:
        train.waveform[:] = np.nan
    torch.manual_seed(seed + world.rank)  # unlike starts: rank 0's must win
    torch.set_num_threads(1)
    module = KillsItself() if world.rank == killed_rank else MODULES[kind]()
    run = run_federation(world, settings, module, train, train, CPU, seed, evaluate_every=1)
    model = run.model
    return {
        "digests": world.comm.allgather(model.digest()),
        "vector": model.host_vector().tolist(),
        "weights": run.weights,
        "counters": world.comm.allgather(
            [int(b) for n, b in module.named_buffers() if n.endswith("num_batches_tracked")]
        ),
        "tested": [{k: int(c.sum()) for k, c in r.items()} for r in run.confusions.values()],
        "losses": [[report.loss for report in reports] for reports in run.rounds],
        "progress_percent": run.progress_percent,
        "clock_offsets_s": run.clock_offsets_s,
        "blocked_s": [
            [sum(b - a for a, b in report.timeline.blocked) for report in reports]
            for reports in run.rounds
        ],
    }


def train_alone(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """The same numbers in a plain loop: no flat vector, no rounds, no MPI."""
    from module3_mpi_gpu_overlap.federated import rank_seed
    from module3_mpi_gpu_overlap.local_training import BatchStream, class_weights, train_locally

    steps, batch_size, seed = options["steps"], options["batch_size"], 7
    inputs = made_up_beats(options["beats"])
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    module = MODULES[options["module"]]()
    weights = class_weights(np.bincount(inputs.label, minlength=5), balanced=True)
    optimizer = torch.optim.AdamW(module.parameters(), lr=Settings().learning_rate)
    torch.manual_seed(rank_seed(seed, 0))
    batches = BatchStream(inputs, batch_size, CPU, seed, 0).prepare(steps)
    train_locally(module, optimizer, batches, weights, "float32")
    return {"digest": FlatModel(module, CPU).digest()}


def average(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Random vectors averaged in every mode: greatest error, and whether all ranks agree."""
    from module3_mpi_gpu_overlap.averaging import LADDER, Averaging, buckets

    worst, same_ranks, digests = 0.0, True, {mode: [] for mode in LADDER}
    for case in range(20):
        random = np.random.default_rng(case)
        length, width = (int(random.integers(1, high)) for high in (3000, 4000))
        own = random.standard_normal((world.size, length)).astype(np.float32)
        beats = random.integers(1, 1000, world.size)
        weights = beats / beats.sum()
        expected = (weights[:, None] * own.astype(np.float64)).sum(axis=0)
        for mode, rung in LADDER.items():
            vector = torch.from_numpy(own[world.rank].copy())
            pieces = buckets(length, 4 * width)
            averaging = Averaging(
                world.comm, vector, float(weights[world.rank]), pieces, rung.blocking
            )
            averaging.start()
            averaging.poll()
            averaging.finish()
            worst = max(worst, float(np.abs(vector.numpy() - expected).max()))
            bits = vector.numpy().tobytes()
            same_ranks &= len(set(world.comm.allgather(bits))) == 1
            digests[mode].append(bits)
    return {
        "worst_error": worst,
        "same_on_all_ranks": bool(same_ranks),
        "same_in_all_modes": digests["G0"] == digests["G1"] == digests["G2"],
    }


def shake_hands(world: World, options: dict[str, Any]) -> None:
    """Rank 1 has another torch."""
    handshake(world, {"suite version": "1", "torch": f"2.{world.rank}"})


def differ_at_the_end(world: World, options: dict[str, Any]) -> None:
    """The last rank holds another model."""
    verify_same_model(world, "aaaa" if world.rank < world.size - 1 else "bbbb")


def fail_unforeseen(world: World, options: dict[str, Any]) -> None:
    """Rank 1 has a bug; rank 0 waits for it."""
    if world.rank == 1:
        raise RuntimeError("a bug")
    world.comm.Barrier()


def fail_to_read(world: World, options: dict[str, Any]) -> None:
    """Rank 1 lacks a file."""
    agreed(world, lambda: open("/no/such/file") if world.rank == 1 else None)  # noqa: PTH123, SIM115


def too_few_patients(world: World, options: dict[str, Any]) -> None:
    """More ranks than patients: the split leaves one patient to train on."""
    client_data.TRAIN = (101,)
    client_data.load_client_data(world, Path(options["data_dir"]), "record")


def several(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Programs one after the other on the same ranks: starting ranks takes most of a test."""
    return {key: PROGRAMS[name](world, own_options) for key, (name, own_options) in options.items()}


PROGRAMS = {
    program.__name__: program
    for program in (
        *(federate, train_alone, average, shake_hands),
        *(differ_at_the_end, fail_unforeseen, fail_to_read, too_few_patients, several),
    )
}


def main(world: World, program: Program) -> None:
    print(json.dumps(PROGRAMS[program.name](world, json.loads(program.options))))


if __name__ == "__main__":
    sys.exit(run_on_ranks(Program, main, "rank_programs.py", "ranks of the tests"))
