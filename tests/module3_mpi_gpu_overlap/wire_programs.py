"""What the ranks of the tests of wire formats and secure sums run; no test itself.

Rank 0 prints one line of JSON. Started by mpiexec (see test_compressed_average.py).
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mpi4py import MPI
from torch import Tensor

from crossscale_data.classifier import TinyECG
from module3_mpi_gpu_overlap.change_averaging import ChangeAveraging
from module3_mpi_gpu_overlap.compressed_average import (
    CompressedAveraging,
    WireState,
    fresh_state,
)
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.launch import AgreedError, World, run_on_ranks
from module3_mpi_gpu_overlap.wire import Codec, codec_of

FORMATS = ("float32", "bf16", "fp16", "int8", "top-k")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Program:
    """Which program, and its options as JSON."""

    name: str
    options: str = "{}"


def compressed_average(
    comm: MPI.Intracomm, delta: Tensor, weight: float, codec: Codec, state: WireState
) -> Tensor:
    """The sum over ranks of weight * delta, float32 [n]; collective."""
    average = delta.clone()
    averaging = CompressedAveraging(comm, average, weight, codec, state)
    averaging.start()
    averaging.finish()
    return average


class CountingComm:
    """A communicator that adds up the bytes that this rank receives from other ranks."""

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._comm, self.received_bytes = comm, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._comm, name)

    def Ialltoallv(self, send: Any, receive: Any) -> MPI.Request:  # noqa: N802 (MPI's name)
        self._count(receive[1])
        return self._comm.Ialltoallv(send, receive)

    def Iallgatherv(self, send: Any, receive: Any) -> MPI.Request:  # noqa: N802 (MPI's name)
        self._count(receive[1])
        return self._comm.Iallgatherv(send, receive)

    def _count(self, counts: list[int]) -> None:
        self.received_bytes += sum(counts) - counts[self._comm.rank]


def averages(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Rounds of averages in every format: what comes out, what is kept, what it cost."""
    told: dict[str, Any] = {}
    for name in FORMATS:
        for length in options["lengths"]:
            told[f"{name} {length}"] = _rounds(world, codec_of(name, 0.1), length)
    return told


def _rounds(world: World, codec: Codec, length: int, rounds: int = 5) -> dict[str, Any]:
    comm = CountingComm(world.comm)
    state = fresh_state(torch.zeros(length), error_feedback=True)
    weights = np.arange(1, world.size + 1) / np.arange(1, world.size + 1).sum()
    given_in, given_out = np.zeros(length), np.zeros(length)
    vector, weight = torch.empty(length), float(weights[world.rank])
    averaging = CompressedAveraging(comm, vector, weight, codec, state)  # type: ignore[arg-type]
    same, first_error, scale = True, 0.0, 0.0
    for index in range(rounds):
        deltas = [
            np.random.default_rng([index, rank]).standard_normal(length).astype(np.float32)
            for rank in range(world.size)
        ]
        exact = sum(w * d.astype(np.float64) for w, d in zip(weights, deltas, strict=True))
        vector.copy_(torch.from_numpy(deltas[world.rank]))
        averaging.start()
        averaging.finish()
        out = vector.clone()
        given_in += exact
        given_out += out.numpy()
        same &= len(set(world.comm.allgather(out.numpy().tobytes()))) == 1
        if index == 0:
            first_error = float(np.abs(out.numpy() - exact).max(initial=0.0))
            scale = float(np.abs(exact).max(initial=0.0))
    assert state.residual is not None
    residuals = np.zeros(length)
    world.comm.Allreduce(state.residual.double().numpy(), residuals, MPI.SUM)
    return {
        "same_on_all_ranks": same,
        "first_error": first_error,
        "largest": scale,
        "unaccounted": float(np.abs(given_in - given_out - residuals).max(initial=0.0)),
        "residual": float(np.abs(residuals).max(initial=0.0)),
        "counted_bytes": world.comm.allgather(comm.received_bytes),
        "stated_bytes": world.comm.allgather(rounds * averaging.received_bytes),
        "rounds": rounds,
    }


def polled(world: World, options: dict[str, Any]) -> bool:
    """Polling to the end gives the same bits as waiting for it."""
    delta = torch.from_numpy(
        np.random.default_rng(world.rank).standard_normal(5000).astype(np.float32)
    )
    codec = codec_of("int8")
    waited = compressed_average(world.comm, delta, 0.25, codec, fresh_state(delta, True))
    averaging = CompressedAveraging(world.comm, delta, 0.25, codec, fresh_state(delta, True))
    averaging.poll()  # before the start there is nothing to do
    averaging.start()
    for _ in range(1000):
        averaging.poll()
    averaging.finish()
    averaging.poll()
    return bool(world.comm.allreduce(torch.equal(waited, delta), MPI.LAND))


def changes(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Models averaged by what they changed by, flat and over made-up nodes, in several rounds."""
    told: dict[str, Any] = {}
    for name in options["formats"]:
        for ranks_per_node in options["ranks_per_node"]:
            for blocking in (True, False):
                case = f"{name} {ranks_per_node} {'blocking' if blocking else 'beside'}"
                told[case] = _changes(world, codec_of(name, 0.1), ranks_per_node, blocking)
    return told


def _changes(world: World, codec: Codec, ranks_per_node: int, blocking: bool) -> dict[str, Any]:
    """`ranks_per_node` 0 is a flat exchange. The second round leaves rank 0's model out."""
    length, node = 3001, None
    if ranks_per_node:
        own = world.comm.Split(world.rank // ranks_per_node, world.rank)
        leads = 0 if own.rank == 0 else MPI.UNDEFINED
        node = own, world.comm.Split(leads, world.rank)
    base = torch.from_numpy(np.random.default_rng(99).standard_normal(length).astype(np.float32))
    averaging = ChangeAveraging(world.comm, base, codec, blocking, 2, node)
    weights = np.arange(1, world.size + 1) / np.arange(1, world.size + 1).sum()
    errors, bits, asked, tallies = [], [], np.zeros(length), []
    for index in range(4):
        deltas = [
            1e-3 * np.random.default_rng([index, rank]).standard_normal(length)
            for rank in range(world.size)
        ]
        taking_part = [rank for rank in range(world.size) if rank or index != 1]
        exact = sum(weights[r] * (base.double().numpy() + deltas[r]) for r in taking_part)
        averaging.clear()
        if world.rank in taking_part:
            model = base + torch.from_numpy(deltas[world.rank].astype(np.float32))
            averaging.add(model, float(weights[world.rank]))
            averaging.tally[:] = world.rank, 1.0
        averaging.start()
        averaging.poll()
        averaging.finish()
        errors.append(float(np.abs(averaging.average.numpy() - exact).max()))
        asked += averaging.average.double().numpy() - exact
        tallies.append(averaging.tally.tolist())
        bits.append(averaging.average.numpy().tobytes())
        base.copy_(averaging.average).div_(sum(weights[r] for r in taking_part))
    kept = averaging.kept(resend=False)
    exchange = averaging._exchange
    shared = exchange is not None and exchange._comm == world.comm
    averaging.close()
    return {
        "on_the_ranks_own_communicator": shared,
        "same_on_all_ranks": len(set(world.comm.allgather(b"".join(bits)))) == 1,
        "errors": errors,
        "summed_error": float(np.abs(asked).max()),
        "tallies": tallies,
        "has_residual": world.comm.allgather("residual" in kept),
    }


def statistics(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Large numbers and, behind them, small variances: rounds in which these fall towards theirs.

    Each rank's variances follow its own beats, whatever was averaged, as they do in delayed modes.
    """
    large, small, rounds = 700, 40, 5
    told: dict[str, Any] = {}
    for name in FORMATS:
        base = torch.cat([torch.zeros(large), torch.ones(small)])
        averaging = ChangeAveraging(world.comm, base, codec_of(name), False, 0, None, large)
        errors, least = [], 1.0
        for index in range(rounds):
            own = [_model_of(rank, index, large, small) for rank in range(world.size)]
            averaging.clear()
            averaging.add(own[world.rank], 1 / world.size)
            averaging.start()
            averaging.finish()
            base.copy_(averaging.average)
            exact = torch.stack(own).double().mean(0)[large:]
            errors.append(float((base[large:] / exact - 1).abs().max()))
            least = min(least, float(base[large:].min()))
        digests = world.comm.allgather(base.numpy().tobytes())
        told[name] = {
            "relative_error": max(errors),
            "least": least,
            "same_on_all_ranks": len(set(digests)) == 1,
            "payload_bytes": averaging.payload_bytes,
            "encoded_bytes": codec_of(name).payload_bytes(large),
        }
        averaging.close()
    return {"formats": told, "exact_bytes": 8 * small}


def _model_of(rank: int, index: int, large: int, small: int) -> Tensor:
    rng = np.random.default_rng([rank, index])
    variances = 0.002 + 0.9**index * rng.uniform(0.0, 0.01, small)
    numbers = np.concatenate([rng.standard_normal(large), variances])
    return torch.from_numpy(numbers.astype(np.float32))


def unholdable_by_nodes(world: World, options: dict[str, Any]) -> list[str]:
    """Changes whose sum is beyond float32: told on every rank, also on those that lead no node."""
    own = world.comm.Split(world.rank // 2, world.rank)
    node = own, world.comm.Split(0 if own.rank == 0 else MPI.UNDEFINED, world.rank)
    base = torch.zeros(5)
    averaging = ChangeAveraging(world.comm, base, codec_of("int8"), False, 0, node)
    averaging.add(torch.full((5,), 3e38), 1.0)
    averaging.start()
    try:
        averaging.finish()
    except AgreedError as error:
        return world.comm.allgather(str(error))
    return world.comm.allgather("")


def refused(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """One rank's NaN is refused on all ranks, in every format; the next average works."""
    told: dict[str, Any] = {}
    for name in FORMATS:
        for what in ("nan", "inf", "overflow"):
            state = fresh_state(torch.zeros(7), error_feedback=True)
            assert state.residual is not None
            state.residual += 0.5
            delta = torch.ones(7)
            if what == "overflow":
                delta *= 3e38
            elif world.rank == world.size - 1:
                delta[3] = float(what)
            try:
                compressed_average(world.comm, delta, 1.0, codec_of(name, 1.0), state)
                message = "accepted"
            except AgreedError as error:
                message = str(error)
            kept = bool((state.residual == 0.5).all()) and state.saturated_count == 0
            again = compressed_average(
                world.comm, torch.ones(7), 1.0, codec_of(name, 1.0), fresh_state(delta, True)
            )
            told[f"{name} {what}"] = {
                "messages": world.comm.allgather(message),
                "kept": world.comm.allgather(kept),
                "works_again": torch.allclose(again, torch.full((7,), float(world.size))),
            }
    return told


def least_squares(world: World, options: dict[str, Any]) -> dict[str, float]:
    """Excess loss, of that at the start, of federated gradient descent on a convex problem.

    The ranks' own optima lie far apart: their changes stay large where their sum becomes zero, and
    so does what a format loses of them.
    """
    random = np.random.default_rng([5, world.rank])
    columns = 200
    matrix = random.standard_normal((400, columns))
    gram = matrix.T @ matrix / 400
    moment = gram @ random.standard_normal(columns) * np.geomspace(1, options["spread"], columns)
    mean_gram, mean_moment = (world.comm.allreduce(x) / world.size for x in (gram, moment))
    best = np.linalg.solve(mean_gram, mean_moment)
    step = options["step"] / np.linalg.norm(mean_gram, 2)

    def excess(x: np.ndarray) -> float:
        return float((x - best) @ mean_gram @ (x - best))

    def run(average: Callable[[Tensor], Tensor]) -> float:
        x = np.zeros(columns)
        for _ in range(options["rounds"]):
            delta = -step * (gram @ x - moment)
            x += average(torch.from_numpy(delta.astype(np.float32))).double().numpy()
        return excess(x) / excess(np.zeros(columns))

    share = options["share"]
    return {name: run(average) for name, average in _averages(world, columns, share)}


def tiny_ecg(world: World, options: dict[str, Any]) -> dict[str, float]:
    """Training loss over all ranks' made-up beats after some rounds, by format and feedback."""
    random = np.random.default_rng([1, world.rank])
    label = random.integers(0, 5, 60)
    waveform = 0.3 * random.standard_normal((60, 1, 40)).astype(np.float32)
    time = np.arange(40) / 40
    waveform[:, 0] += np.sin(2 * np.pi * (1 + label[:, None]) * time).astype(np.float32)
    inputs, labels = torch.from_numpy(waveform), torch.from_numpy(label)

    def run(average: Callable[[Tensor], Tensor]) -> float:
        torch.manual_seed(0)
        model = FlatModel(TinyECG(), CPU)
        agreed = model.vector.clone()
        for _ in range(options["rounds"]):
            optimizer = torch.optim.SGD(model.module.parameters(), lr=0.1)
            for _ in range(2):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model.module(inputs), labels).backward()
                optimizer.step()
            agreed += average(model.vector - agreed)
            model.vector.copy_(agreed)
        with torch.no_grad():
            own = float(torch.nn.functional.cross_entropy(model.module(inputs), labels))
        mean: float = world.comm.allreduce(own) / world.size
        return mean

    length = FlatModel(TinyECG(), CPU).vector.numel()
    return {name: run(average) for name, average in _averages(world, length, options["share"])}


def secure(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Secure sums over the ranks, with ranks that drop out and numbers that do not fit."""
    from module3_mpi_gpu_overlap.fixed_point import FixedPoint
    from module3_mpi_gpu_overlap.secure_sum import secure_sum

    length, size = 1000, world.size
    encoding = FixedPoint(1.0, size)
    vectors = [
        np.random.default_rng([9, rank]).uniform(-1, 1, length).astype(np.float32)
        for rank in range(size)
    ]
    told: dict[str, Any] = {}
    for dropped in options["dropped"]:
        own = None if world.rank in dropped else vectors[world.rank]
        summed = secure_sum(world.comm, own, length, encoding, options["threshold"])
        there = [vector for rank, vector in enumerate(vectors) if rank not in dropped]
        exact = np.sum(there, axis=0, dtype=np.float64)
        told[f"without {dropped}"] = {
            "arrived": summed.arrived,
            "error_in_steps": float(np.abs(summed.numbers - exact).max() / encoding.resolution),
            "same": len(set(world.comm.allgather(summed.numbers.tobytes()))) == 1,
        }

    def refusal(own: Any, threshold: int) -> list[str]:
        try:
            secure_sum(world.comm, own, length, encoding, threshold)
            message = "accepted"
        except AgreedError as error:
            message = str(error)
        everyone: list[str] = world.comm.allgather(message)
        return everyone

    last = world.rank == size - 1
    told["too few"] = refusal(None if world.rank == 0 else vectors[world.rank], size)
    told["too large"] = refusal(vectors[world.rank] + np.float32(3 * last), 2)
    told["misshapen"] = refusal(vectors[world.rank][: length - int(last)], 2)
    return told


def _averages(
    world: World, length: int, share: float
) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """Averaging in float32, int8 and top-k, with and without error feedback."""

    def of(codec: Codec, state: WireState) -> Callable[[Tensor], Tensor]:
        return lambda delta: compressed_average(world.comm, delta, 1 / world.size, codec, state)

    return [
        (
            name + (" with feedback" if feedback else ""),
            of(codec_of(name, share), fresh_state(torch.zeros(length), feedback)),
        )
        for name in ("float32", "int8", "top-k")
        for feedback in (True, False)
    ]


PROGRAMS = {
    program.__name__: program
    for program in (
        *(averages, polled, changes, statistics, unholdable_by_nodes, refused),
        *(least_squares, tiny_ecg, secure),
    )
}


def main(world: World, program: Program) -> None:
    torch.set_num_threads(1)
    print(json.dumps(PROGRAMS[program.name](world, json.loads(program.options))))


if __name__ == "__main__":
    sys.exit(run_on_ranks(Program, main, "wire_programs.py", "ranks of the tests"))
