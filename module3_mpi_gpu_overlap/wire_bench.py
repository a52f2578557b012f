"""The wire formats: `mpiexec -n 2 python -m module3_mpi_gpu_overlap.wire_bench`.

What an average costs in each format, in time and bytes, and how wrong it is. The formats and
MPI_Allreduce take turns: each turn runs every one of them once.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from torch import Tensor
from typing_extensions import Doc

from crossscale_results.errors import UserError
from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.client_data import open_in_turn
from module3_mpi_gpu_overlap.config import (
    ProcessStart,
    Ranks,
    ResultsDir,
    RunProfile,
    ShapingDataDir,
)
from module3_mpi_gpu_overlap.device import choose_device
from module3_mpi_gpu_overlap.launch import World, agreed, require_ranks, run_on_ranks
from module3_mpi_gpu_overlap.models import classifier_numbers
from module3_mpi_gpu_overlap.wire import Codec, codec_of
from module3_mpi_gpu_overlap.wire_columns import WIRE, WireKey, WireMeasurement
from module3_mpi_gpu_overlap.wire_format import WireFormat

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.compressed_average import CompressedAveraging

FORMATS: tuple[WireFormat, ...] = ("float32", "bf16", "fp16", "int8", "top-k")
WARM_UPS = 2
LAYER_ELEMENTS = 1000  # runs of numbers of one magnitude, as a network's layers have


@dataclass(frozen=True, kw_only=True)
class WireBenchConfig:
    """The formats over several vector sizes."""

    sizes: Annotated[tuple[int, ...], Doc("Parameter counts; 0 stands for the classifier's.")] = (
        0,
        1_000_000,
        10_000_000,
    )
    top_k_share: Annotated[float, Doc("Part of the numbers that top-k sends.")] = 0.01
    samples: Annotated[int, Doc("Timed turns of each size, after two for warm-up.")] = 5
    data_dir: ShapingDataDir = None
    results_dir: ResultsDir = Path("results")
    profile: RunProfile = "custom"
    seed: Annotated[int, Doc("Seed of the vectors' contents.")] = 0
    repeat: ProcessStart = 0
    ranks: Ranks = 0


def measure(world: World, config: WireBenchConfig) -> None:
    """Time every size and format; rank 0 writes the rows. Collective."""
    agreed(world, lambda: require_ranks(world, config.ranks))
    codecs = agreed(world, lambda: _codecs(config))
    source, beats = open_in_turn(world, config.data_dir)
    print(source)
    choose_device(world, "cpu")  # as many threads as in a round
    classifier = agreed(world, lambda: classifier_numbers(beats))
    rows: list[Row] = []
    for elements in (size or classifier for size in config.sizes):
        rows += size_rows(world, config, codecs, elements)

    def keep() -> None:
        path = append_rows(WIRE, config.results_dir, collect(source.dataset, config.profile), rows)
        print(f"rows appended to {path}")

    agreed(world, lambda: keep() if world.rank == 0 else None)


def size_rows(
    world: World, config: WireBenchConfig, codecs: dict[WireFormat, Codec], elements: int
) -> list[Row]:
    """A row for each format and turn; collective."""
    from module3_mpi_gpu_overlap.compressed_average import CompressedAveraging, fresh_state

    delta = made_up_delta(elements, config.seed, world.rank)
    exact = sum_over_ranks(world, delta) / world.size
    norm = float(torch.linalg.vector_norm(exact))
    vector, averagings, errors, saturated = torch.empty_like(delta), {}, {}, {}
    for wire, codec in codecs.items():
        state = fresh_state(delta, error_feedback=True)
        averagings[wire] = CompressedAveraging(world.comm, vector, 1 / world.size, codec, state)
        vector.copy_(delta)
        _average(averagings[wire])
        off = float(torch.linalg.vector_norm(vector.double() - exact))
        errors[wire] = off / norm if norm else 0.0
        saturated[wire] = int(world.comm.allreduce(state.saturated_count))
    rows = []
    for turn in range(-WARM_UPS, config.samples):
        allreduce_ms = _allreduce_ms(world, delta)
        copy_ms = _copy_ms(world, delta)
        for wire, codec in codecs.items():
            vector.copy_(delta)
            average_ms = _slowest_ms(world, partial(_average, averagings[wire]))
            received_bytes = max(world.comm.allgather(averagings[wire].received_bytes))
            encode_ms, decode_ms = _codec_ms(world, codec, delta)
            key = WireKey(
                wire=wire,
                sent_ratio=config.top_k_share if wire == "top-k" else 1.0,
                world_size=world.size,
                oversubscribed=world.oversubscribed,
                elements_count=elements,
                sample_index=turn,
            )
            measurement = WireMeasurement(
                average_ms=average_ms,
                allreduce_ms=allreduce_ms,
                encode_ms=encode_ms,
                decode_ms=decode_ms,
                copy_ms=copy_ms,
                payload_bytes=codec.payload_bytes(elements),
                received_bytes=received_bytes,
                error_ratio=errors[wire],
                saturated_count=saturated[wire],
            )
            if turn >= 0:
                rows.append(Row(key, measurement, config.seed, config.repeat))
                print(
                    f"{elements} numbers, {wire}: {average_ms:.3f} ms, {received_bytes} bytes, "
                    f"error {errors[wire]:.1e} (Allreduce {allreduce_ms:.3f} ms)"
                )
    return rows


def made_up_delta(elements: int, seed: int, rank: int) -> Tensor:
    """A change as training makes them, float32 [elements]: layers of unlike magnitudes."""
    random = np.random.default_rng([seed, rank])
    layers = -(-elements // LAYER_ELEMENTS)
    magnitude = np.random.default_rng(seed).lognormal(np.log(1e-3), 1.0, layers)
    numbers = random.standard_normal(elements, dtype=np.float32)
    numbers *= np.repeat(magnitude, LAYER_ELEMENTS)[:elements].astype(np.float32)
    return torch.from_numpy(numbers)


def sum_over_ranks(world: World, vector: Tensor) -> Tensor:
    """The sum in float64, float64 [n]; collective."""
    total = np.empty(len(vector), np.float64)
    world.comm.Allreduce(vector.double().numpy(), total)
    return torch.from_numpy(total)


def _average(averaging: "CompressedAveraging") -> None:
    averaging.start()
    averaging.finish()


def _allreduce_ms(world: World, delta: Tensor) -> float:
    from mpi4py import MPI

    total = delta.numpy().copy()
    return _slowest_ms(world, lambda: world.comm.Allreduce(MPI.IN_PLACE, total, MPI.SUM))


def _copy_ms(world: World, delta: Tensor) -> float:
    target = delta.clone()
    return _slowest_ms(world, lambda: target.copy_(delta))


def _codec_ms(world: World, codec: Codec, delta: Tensor) -> tuple[float, float]:
    payload = torch.zeros(codec.payload_bytes(len(delta)), dtype=torch.uint8)
    residual, total = delta.clone(), delta.clone()

    def encode() -> None:
        codec.encode(residual, payload)
        codec.add_decoded(payload, residual, sign=-1.0)

    encode_ms = _slowest_ms(world, encode)
    return encode_ms, _slowest_ms(world, lambda: codec.add_decoded(payload, total))


def _slowest_ms(world: World, work: Callable[[], object]) -> float:
    from module3_mpi_gpu_overlap.clock import slowest_s  # starts MPI, so not on import

    return slowest_s(world.comm, work) * 1e3


def _codecs(config: WireBenchConfig) -> dict[WireFormat, Codec]:
    if not config.sizes or min(config.sizes) < 0:
        raise UserError("--sizes must be one or more numbers that are not negative")
    if config.samples < 1:
        raise UserError("--samples must be at least 1")
    return {name: codec_of(name, config.top_k_share) for name in FORMATS}


def main() -> int:
    """Parse the command line and measure."""
    return run_on_ranks(
        WireBenchConfig,
        measure,
        prog="python -m module3_mpi_gpu_overlap.wire_bench",
        description="Time the average of a vector over the ranks in every wire format.",
    )


if __name__ == "__main__":
    sys.exit(main())
