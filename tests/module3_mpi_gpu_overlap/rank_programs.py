"""What the tests' ranks run: federations of toy models on made-up beats, and faults on purpose.

Rank 0 prints one line of JSON. Started by mpiexec (see conftest.py); no test itself.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap import client_data
from module3_mpi_gpu_overlap.agreement import handshake, verify_same_model
from module3_mpi_gpu_overlap.client_data import Clients
from module3_mpi_gpu_overlap.clients import place_clients
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


def kill_at_step(module: nn.Module, step: int) -> None:
    """Die like a crashed node at that training step."""
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        steps += module.training
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)

    module.register_forward_pre_hook(count)


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


def clients_of(world: World, everything: BeatInputs, counts: list[int]) -> Clients:
    """Clients of so many beats each, one after the other; by rank if there are as many."""
    ends = np.cumsum(counts).tolist()
    one_each = len(counts) == world.size
    owner = tuple(range(world.size)) if one_each else place_clients(counts, world.size)
    own = {
        k: rows_of(everything, slice(end - count, end))
        for k, (count, end) in enumerate(zip(counts, ends, strict=True))
        if count and owner[k] == world.rank
    }
    return Clients(own, tuple(counts), owner)


def equal_counts(world: World, beats: int) -> list[int]:
    """Each rank's share of the rows: equal ones where that is possible."""
    cuts = [beats * rank // world.size for rank in range(world.size + 1)]
    return np.diff(cuts).tolist()


def federate(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """A federation over clients of made-up beats; by default each rank is one."""
    from module3_mpi_gpu_overlap import federation, mpi_progress
    from module3_mpi_gpu_overlap.federated import federate as run_federation
    from module3_mpi_gpu_overlap.run_state import KeptRun

    mpi_progress.TRIALS = 1  # what it finds is not looked at here
    options = dict(options)
    beats, kind, seed = options.pop("beats", 240), options.pop("module", "normalised"), 7
    counts = options.pop("counts", None) or equal_counts(world, beats)
    broken, far = options.pop("broken_clients", ()), options.pop("far_clients", ())
    killed_rank, kill_step = options.pop("killed_rank", -1), options.pop("kill_step", 3)
    state_dir, resume = options.pop("state_dir", None), options.pop("resume", False)
    overwrite = options.pop("overwrite_with_average", False)
    evaluate_every = options.pop("evaluate_every", 1)
    settings = Settings(**options)
    everything = made_up_beats(sum(counts))
    clients = clients_of(world, everything, counts)
    for client, inputs in clients.own.items():
        if client in broken:
            inputs.waveform[:] = np.nan
        if client in far:
            inputs.waveform[:] *= 1e6
    test = rows_of(made_up_beats(sum(counts)), shard(world, sum(counts)))  # all of them whole
    torch.manual_seed(seed + world.rank)  # unlike starts: rank 0's must win
    torch.set_num_threads(1)
    module = MODULES[kind]()
    if world.rank == killed_rank:
        kill_at_step(module, kill_step)
    about = {"--batch-size": str(settings.batch_size)}
    kept = KeptRun(Path(state_dir), 1, about, settings.rounds, resume) if state_dir else None
    correct = federation.correct
    if overwrite:
        federation.correct = lambda parameters, average, own: parameters.copy_(
            average[: len(parameters)]
        )
    run = run_federation(
        world,
        settings,
        module,
        clients,
        test,
        CPU,
        seed,
        evaluate_every=evaluate_every,
        kept=kept,
    )
    federation.correct = correct
    model = run.model
    return {
        "digests": world.comm.allgather(model.digest()),
        "vector": model.host_vector().tolist(),
        "weights": [report.weight for reports in run.rounds[:1] for report in reports],
        "beats": [[report.beats for report in reports] for reports in run.rounds],
        "screened": [[list(report.screened) for report in reports] for reports in run.rounds],
        "counters": world.comm.allgather(
            [int(b) for n, b in module.named_buffers() if n.endswith("num_batches_tracked")]
        ),
        "tested": [{k: int(c.sum()) for k, c in r.items()} for r in run.confusions.values()],
        "scored_rounds": list(run.confusions),
        "right": int(np.trace(run.confusions[settings.rounds - 1]["DS2"])),
        "losses": [[report.loss for report in reports] for reports in run.rounds],
        "final_loss": final_loss(module, everything),
        "progress_percent": run.self_test and run.self_test.unaided_percent,
        "progress_method": run.progress_method,
        "clock_offsets_s": run.clock_offsets_s,
        "train_s": [
            [r.timeline.arrival_s - r.timeline.begin_s for r in reports] for reports in run.rounds
        ],
        "blocked_s": [
            [sum(b - a for a, b in report.timeline.blocked) for report in reports]
            for reports in run.rounds
        ],
    }


def shard(world: World, beats: int) -> slice:
    """This rank's rows to score."""
    ends = np.cumsum([0, *equal_counts(world, beats)]).tolist()
    return slice(ends[world.rank], ends[world.rank + 1])


@torch.inference_mode()
def final_loss(module: nn.Module, inputs: BeatInputs) -> float:
    """Mean cross-entropy over the beats, in nats."""
    module.eval()
    waveform, context = torch.from_numpy(inputs.waveform), torch.from_numpy(inputs.context)
    label = torch.from_numpy(inputs.label.astype(np.int64))
    return float(nn.functional.cross_entropy(module(waveform, context), label))


def train_alone(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """The same numbers in a plain loop: no flat vector, no rounds, no MPI."""
    from module3_mpi_gpu_overlap.client_training import random_seed
    from module3_mpi_gpu_overlap.local_training import (
        BatchStream,
        LocalOptimizer,
        class_weights,
        train_locally,
    )

    steps, batch_size, seed = options["steps"], options["batch_size"], 7
    inputs = made_up_beats(options["beats"])
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    module = MODULES[options["module"]]()
    weights = class_weights(np.bincount(inputs.label, minlength=5), balanced=True)
    optimizer = LocalOptimizer(module, Settings(), CPU)
    torch.manual_seed(random_seed(seed, 0))
    batches = BatchStream(inputs, batch_size, CPU, [seed, 0]).prepare(steps)
    train_locally(module, optimizer, batches, weights, "float32")
    return {"digest": FlatModel(module, CPU).digest()}


def average(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Random vectors averaged in every mode: greatest error, and whether all ranks agree."""
    from module3_mpi_gpu_overlap.averaging import Averaging, buckets
    from module3_mpi_gpu_overlap.ladder import LADDER
    from module3_mpi_gpu_overlap.totals import TOTALS

    worst, same_ranks = 0.0, True
    digests: dict[str, list[bytes]] = {f"{mode} {how}": [] for mode in LADDER for how in TOTALS}
    for case in range(20):
        random = np.random.default_rng(case)
        length, width = (int(random.integers(1, high)) for high in (3000, 4000))
        own = random.standard_normal((world.size, length)).astype(np.float32)
        beats = random.integers(1, 1000, world.size)
        weights = beats / beats.sum()
        expected = (weights[:, None] * own.astype(np.float64)).sum(axis=0)
        for key in digests:
            mode, how = key.split()
            total = TOTALS[how](world.comm, torch.empty(length))
            pieces = buckets(length, 4 * width)
            averaging = Averaging(world.comm, total, pieces, LADDER[mode].blocking, 1)
            for _ in range(2):  # the second time, what is left of the first must not matter
                averaging.clear()
                total.add(torch.from_numpy(own[world.rank]), float(weights[world.rank]))
                averaging.tally[0] = world.rank
                averaging.start()
                averaging.poll()
                averaging.finish()
            assert averaging.tally[0] == sum(range(world.size))
            worst = max(worst, float(np.abs(averaging.average.numpy() - expected).max()))
            bits = averaging.average.numpy().tobytes()
            same_ranks &= len(set(world.comm.allgather(bits))) == 1
            digests[key].append(bits)
    return {
        "worst_error": worst,
        "same_on_all_ranks": bool(same_ranks),
        "same_in_all_modes": len({tuple(digests[f"{mode} mpi"]) for mode in LADDER}) == 1,
        "fixed_point_same": len({tuple(digests[f"{mode} fixed-point"]) for mode in LADDER}) == 1,
    }


def sum_of_clients(world: World, options: dict[str, Any]) -> dict[str, str]:
    """Eight clients' vectors, dealt to the ranks, summed in buckets of several sizes."""
    from module3_mpi_gpu_overlap.averaging import Averaging, buckets
    from module3_mpi_gpu_overlap.totals import TOTALS

    random = np.random.default_rng(3)
    vectors = random.standard_normal((8, 1001)) * 10.0 ** random.integers(-6, 4, (8, 1001))
    shares = random.dirichlet(np.ones(8))
    digests = {}
    for bucket in (80, 800, 1 << 20):
        total = TOTALS["fixed-point"](world.comm, torch.empty(1001))
        averaging = Averaging(world.comm, total, buckets(1001, bucket, 8), bucket > 100)
        averaging.clear()
        for client in range(world.rank, 8, world.size):
            total.add(torch.from_numpy(vectors[client].astype(np.float32)), float(shares[client]))
        averaging.start()
        averaging.finish()
        digests[str(bucket)] = hashlib.sha256(averaging.average.numpy().tobytes()).hexdigest()
    return digests


def secure_total(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """A secure average, twice, and what MPI was given to add up."""
    from crossscale_data.classifier import TinyECG
    from module3_mpi_gpu_overlap import secure_sum
    from module3_mpi_gpu_overlap.averaging import averaging_of
    from module3_mpi_gpu_overlap.flat_model import FlatModel
    from module3_mpi_gpu_overlap.secure_total import SecureTotal

    model = FlatModel(TinyECG(), CPU)
    length = len(model.vector)
    own = np.random.default_rng(5).standard_normal((world.size, length)).astype(np.float32)
    weights = np.arange(1, world.size + 1) / np.arange(1, world.size + 1).sum()
    expected = (weights[:, None] * own.astype(np.float64)).sum(axis=0)
    sent: list[np.ndarray] = []
    mask = secure_sum.Client.mask

    def noted(*arguments: Any) -> Any:
        sent.append(mask(*arguments))
        return sent[-1]

    secure_sum.Client.mask = noted  # type: ignore[method-assign]
    averaging = averaging_of(Settings(sum="secure"), world.comm, model, model.vector.clone())
    errors = []
    for _ in range(2):
        averaging.clear()
        averaging.add(torch.from_numpy(own[world.rank]), float(weights[world.rank]))
        averaging.start()
        averaging.finish()
        errors.append(float(np.abs(averaging.average.numpy() - expected).max()))
    total = SecureTotal(world.comm, model.vector)
    bits = np.unpackbits(sent[0].view(np.uint8))
    return {
        "errors": errors,
        "resolution": total._encoding.resolution,
        "sums": len(sent),
        "same_mask_twice": bool(np.array_equal(*sent)),
        "ones_ratio": float(bits.mean()),
        "holds": [total.holds(torch.full((1,), value)) for value in (64.0, -64.1)],
    }


def secure_totals_of_few(world: World, options: dict[str, Any]) -> list[Any]:
    """What a secure sum says or is where so many ranks add something."""
    from module3_mpi_gpu_overlap.launch import AgreedError
    from module3_mpi_gpu_overlap.secure_total import SecureTotal

    total, told = SecureTotal(world.comm, torch.empty(3)), []
    for adding in range(world.size + 1):
        total.clear()
        if world.rank < adding:
            total.add(torch.full((3,), 1.0), 1.0)
        try:
            total.reduce(slice(0, 3))
            told.append(total.average.tolist())
        except AgreedError as error:
            told.append(str(error))
    return told


def screened_silent_rank(world: World, options: dict[str, Any]) -> list[float]:
    """A rank adds nothing to a sum in whose memory something lay."""
    from module3_mpi_gpu_overlap.totals import FloatTotal

    total, whole = FloatTotal(world.comm, torch.empty(3)), slice(0, 3)
    total.add(torch.full((3,), 5.0), 1.0)
    total.clear()
    if world.rank == 0:
        total.add(torch.ones(3), 0.5)
    total.reduce(whole)
    told: list[float] = total.average.tolist()
    return told


def progress(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """The self-test, and what is chosen on request."""
    from module3_mpi_gpu_overlap.mpi_progress import self_test

    found = self_test(world.comm)
    requested = [self_test(world.comm, how).chosen for how in ("library", "polling", "thread")]
    threads = [thread.name for thread in threading.enumerate()]
    return {**asdict(found), "requested": requested, "threads": threads}


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


def get_on(world: World, options: dict[str, Any]) -> str:
    """Ranks that take longer than the limit, step by step; the last one may hang after that."""
    from module3_mpi_gpu_overlap.stall_watch import watched

    with watched(world, options["stall_limit_s"]):
        world.heartbeat.beat("its own steps")
        for _ in range(10):
            time.sleep(options["stall_limit_s"] / 5)
            world.heartbeat.beat()
        world.heartbeat.beat("the others' sum")
        if options["hangs"] and world.rank == world.size - 1:
            time.sleep(60)
        world.comm.Barrier()
    return "all got on"


def too_few_patients(world: World, options: dict[str, Any]) -> None:
    """More ranks than patients: the split leaves one patient to train on."""
    client_data.TRAIN = (101,)
    client_data.load_client_data(world, Path(options["data_dir"]), Settings(), 0)


def load_data(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """How the clients of several choices are made and placed."""
    told = {}
    for name, choice in options["choices"].items():
        data = client_data.load_client_data(world, Path(options["data_dir"]), Settings(**choice), 5)
        own = {
            client: [len(inputs.label), np.unique(inputs.record).tolist()]
            for client, inputs in data.clients.own.items()
        }
        digests = {k: hashlib.sha256(i.waveform).hexdigest() for k, i in data.clients.own.items()}
        told[name] = {
            "beats": data.clients.beats,
            "rank": data.clients.rank,
            "own": {k: v for part in world.comm.allgather(own) for k, v in part.items()},
            "digests": {k: v for part in world.comm.allgather(digests) for k, v in part.items()},
        }
    return told


def several(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Programs one after the other on the same ranks: starting ranks takes most of a test."""
    return {key: PROGRAMS[name](world, own_options) for key, (name, own_options) in options.items()}


def refused(world: World, options: dict[str, Any]) -> dict[str, list[str]]:
    """Programs that must refuse what they are asked for: what each says, rank by rank."""
    told: dict[str, list[str]] = {}
    for key, (name, own_options) in options.items():
        sentence = "nothing was refused"
        try:
            PROGRAMS[name](world, own_options)
        except UserError as error:
            sentence = str(error)
        told[key] = world.comm.allgather(sentence)
    return told


PROGRAMS = {
    program.__name__: program
    for program in (
        *(federate, train_alone, average, sum_of_clients, screened_silent_rank, progress),
        *(secure_total, secure_totals_of_few, shake_hands, load_data),
        *(differ_at_the_end, fail_unforeseen, fail_to_read, too_few_patients, several, refused),
        get_on,
    )
}


def main(world: World, program: Program) -> None:
    print(json.dumps(PROGRAMS[program.name](world, json.loads(program.options))))


if __name__ == "__main__":
    sys.exit(run_on_ranks(Program, main, "rank_programs.py", "ranks of the tests"))
