"""What privacy costs: `python -m module3_mpi_gpu_overlap.privacy_bench`.

Secure sums of made-up vectors, all clients one after the other in this process: what each of them
and the server have to compute and to send. Every sum is checked against the vectors in the clear.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
from typing_extensions import Doc

from crossscale_data.prepared import load_beats
from crossscale_data.source import find_source
from crossscale_results.cli import run
from crossscale_results.errors import UserError
from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.config import ResultsDir, RunProfile, ShapingDataDir
from module3_mpi_gpu_overlap.differential_privacy import (
    ClientPrivacy,
    clip,
    noise_generator,
    private_mean,
)
from module3_mpi_gpu_overlap.fixed_point import FixedPoint
from module3_mpi_gpu_overlap.models import classifier_numbers
from module3_mpi_gpu_overlap.privacy_columns import PRIVACY, PrivacyKey, PrivacyMeasurement
from module3_mpi_gpu_overlap.privacy_extra import require_privacy_extra

Result = TypeVar("Result")

BOUND = 1.0  # of the made-up numbers
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class PrivacyBenchConfig:
    """Secure sums over client counts and vector sizes."""

    clients: Annotated[tuple[int, ...], Doc("Client counts.")] = (2, 5, 10, 20)
    sizes: Annotated[tuple[int, ...], Doc("Parameter counts; 0 stands for the classifier's.")] = (
        0,
        1_000_000,
    )
    samples: Annotated[int, Doc("Timed sums of each kind, after one for warm-up.")] = 3
    data_dir: ShapingDataDir = None
    results_dir: ResultsDir = Path("results")
    profile: RunProfile = "custom"
    seed: Annotated[int, Doc("Seed of the vectors; keys and masks are never seeded.")] = 0


def measure(config: PrivacyBenchConfig) -> None:
    """Time every sum and write the rows.

    Raises:
        UserError: sizes, samples or clients that make no sum, or a library is missing.
    """
    require_privacy_extra("cryptography")
    from module3_mpi_gpu_overlap.secure_aggregation import default_threshold, require_clients

    if not config.sizes or min(config.sizes) < 0 or config.samples < 1 or not config.clients:
        raise UserError("--sizes, --samples and --clients must be one or more positive numbers")
    for clients in config.clients:
        require_clients(clients, default_threshold(clients))
    source = find_source(config.data_dir)
    print(source)
    classifier = classifier_numbers(load_beats(source))
    rows = []
    for key in _keys(config, classifier):
        measurement = secure_sum_cost(key, config.seed)
        print(
            f"{key.clients_count} clients ({key.dropped_count} dropped), {key.elements_count} "
            f"numbers: a client {measurement.share_ms + measurement.mask_ms:.1f} ms, the server "
            f"{measurement.unmask_ms:.1f} ms, {measurement.upload_bytes} bytes from each client"
        )
        if key.sample_index >= 0:
            rows.append(Row(key, measurement, config.seed, repeat=0))
    path = append_rows(PRIVACY, config.results_dir, collect(source.dataset, config.profile), rows)
    print(f"rows appended to {path}")


def secure_sum_cost(key: PrivacyKey, seed: int) -> PrivacyMeasurement:
    """One secure sum, timed and checked."""
    from module3_mpi_gpu_overlap.secure_aggregation import Client, unmask, upload_bytes

    clients, threshold, elements = key.clients_count, key.threshold_count, key.elements_count
    everyone, arrived = range(clients), range(key.dropped_count, clients)
    random = np.random.default_rng([seed, key.sample_index + 1])
    encoding = FixedPoint(BOUND, clients)
    vectors = [random.uniform(-BOUND, BOUND, elements).astype(np.float32) for _ in everyone]

    def prepare() -> tuple[list[Client], list[dict[int, bytes]]]:
        members = [Client(index, clients, threshold) for index in everyone]
        keys = [member.public_keys() for member in members]
        return members, [member.share_secrets(keys) for member in members]

    (members, messages), share_ms = _timed(prepare)
    keys = [member.public_keys() for member in members]
    sealed = {to: {by: messages[by][to] for by in everyone if by != to} for to in everyone}
    total, mask_ms = np.zeros(elements, np.uint32), 0.0
    for index in arrived:
        masked, own_ms = _timed(
            lambda i=index: members[i].mask(encoding.to_words(vectors[i]), sealed[i])  # type: ignore[misc]
        )
        total += masked
        mask_ms += own_ms
    revealed, reveal_ms = _timed(lambda: {i: members[i].reveal(arrived) for i in arrived})
    words, unmask_ms = _timed(lambda: unmask(total, arrived, keys, revealed, threshold))
    plain, plain_ms = _timed(lambda: _plain_sum([vectors[index] for index in arrived]))
    exact = np.sum([vectors[i] for i in arrived], axis=0, dtype=np.float64)
    worst = np.abs(words.view(np.int32) * encoding.resolution - exact).max(initial=0.0)

    privacy = ClientPrivacy(clip_norm=1.0)
    vector, generator = torch.from_numpy(vectors[0]), noise_generator(CPU)
    _, clip_ms = _timed(lambda: clip(vector, privacy.clip_norm))
    clear = torch.from_numpy(plain)
    _, noise_ms = _timed(lambda: private_mean(clear, len(arrived), privacy, generator))
    return PrivacyMeasurement(
        share_ms=share_ms / clients,
        mask_ms=mask_ms / len(arrived),
        reveal_ms=reveal_ms / len(arrived),
        unmask_ms=unmask_ms,
        plain_sum_ms=plain_ms,
        clip_ms=clip_ms,
        noise_ms=noise_ms,
        upload_bytes=upload_bytes(elements, clients),
        plain_bytes=4 * elements,
        error_ratio=float(worst / (len(arrived) * encoding.resolution / 2)),
    )


def _keys(config: PrivacyBenchConfig, classifier: int) -> Iterator[PrivacyKey]:
    """Sums in the order they are run; index -1 is for warm-up."""
    from module3_mpi_gpu_overlap.secure_aggregation import default_threshold

    for sample in range(-1, config.samples):
        for clients in config.clients:
            threshold = default_threshold(clients)
            for dropped in sorted({0, clients - threshold}):
                for size in config.sizes:
                    yield PrivacyKey(
                        clients_count=clients,
                        dropped_count=dropped,
                        threshold_count=threshold,
                        elements_count=size or classifier,
                        sample_index=sample,
                    )


def _plain_sum(vectors: list[np.ndarray]) -> np.ndarray:
    total = vectors[0].copy()
    for vector in vectors[1:]:
        total += vector
    return total


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start_s = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - start_s) * 1e3


def main() -> int:
    """Parse the command line and measure."""
    return run(
        PrivacyBenchConfig,
        measure,
        prog="python -m module3_mpi_gpu_overlap.privacy_bench",
        description="Time secure sums and differential privacy by clients and vector size.",
    )


if __name__ == "__main__":
    sys.exit(main())
