"""Copies between an accelerator and MPI on simulated streams, and what MPI says it can read."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpi4py import MPI

from module3_mpi_gpu_overlap import device_memory
from module3_mpi_gpu_overlap.device_memory import Staging, mpi_reads
from module3_mpi_gpu_overlap.totals import FloatTotal


class LateStream:
    """A stream whose work is done only when somebody must wait for it."""

    current: "LateStream"

    def __init__(self) -> None:
        self.work: list[Callable[[], object]] = []
        self.before: LateStream | None = None

    def synchronize(self) -> None:
        todo, self.work = self.work, []
        for task in todo:
            task()

    def wait_stream(self, other: "LateStream") -> None:
        so_far, other.work = other.work, []
        done: list[bool] = []

        def once() -> None:
            if not done:
                done.append(True)
                for task in so_far:
                    task()

        other.work.append(once)
        self.work.append(once)

    def __enter__(self) -> None:
        self.before, LateStream.current = LateStream.current, self

    def __exit__(self, *_: object) -> None:
        assert self.before is not None
        LateStream.current = self.before


class LateTensor:
    """As much of a tensor as staging uses; copies join the current stream."""

    def __init__(self, numbers: torch.Tensor) -> None:
        self.numbers, self.device, self.shape = numbers, torch.device("cpu"), numbers.shape

    def __getitem__(self, piece: slice) -> "LateTensor":
        return LateTensor(self.numbers[piece])

    def copy_(self, source: "LateTensor", non_blocking: bool) -> None:
        assert non_blocking
        LateStream.current.work.append(lambda: self.numbers.copy_(source.numbers))


@pytest.fixture
def computing(monkeypatch: pytest.MonkeyPatch) -> LateStream:
    LateStream.current = LateStream()
    monkeypatch.setattr(torch.accelerator, "current_stream", lambda _: LateStream.current)
    return LateStream.current


def staged(vector: torch.Tensor) -> Staging:
    staging = Staging(LateTensor(vector), LateStream(), pinned=False)  # type: ignore[arg-type]
    staging.host = LateTensor(staging.host)  # type: ignore[assignment]
    return staging


def test_mpi_reads_what_was_computed_before_and_only_once_it_is_there(
    computing: LateStream,
) -> None:
    vector = torch.zeros(4)
    staging = staged(vector)
    computing.work.append(lambda: vector.fill_(3.0))  # training's last step
    staging.to_host(slice(0, 2))
    host: Any = staging.host
    assert host.numbers[:2].tolist() == [3.0, 3.0]


def test_what_is_computed_after_sees_the_average_though_the_host_does_not_wait(
    computing: LateStream,
) -> None:
    vector, seen = torch.zeros(4), []
    staging = staged(vector)
    host: Any = staging.host
    host.numbers[:] = 5.0
    computing.work.append(lambda: seen.append(vector.tolist()))  # still reads the old numbers
    staging.to_device(slice(0, 4))
    assert vector.tolist() == [0.0] * 4
    computing.work.append(lambda: seen.append(vector.tolist()))
    computing.synchronize()
    assert seen == [[0.0] * 4, [5.0] * 4]


@pytest.mark.mpi
def test_a_cpus_memory_is_read_and_an_accelerators_only_if_the_library_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert mpi_reads(torch.device("cpu"))
    assert not mpi_reads(torch.device("cuda"))  # pip's MPICH is built without

    class Aware:
        @staticmethod
        def MPIX_GPU_query_support(kind: Any, supported: Any) -> None:  # noqa: N802 (MPI's name)
            supported._obj.value = int(kind.value == 0)

    monkeypatch.setattr(device_memory.ctypes, "CDLL", lambda _: Aware())
    assert mpi_reads(torch.device("cuda"))
    assert not mpi_reads(torch.device("xpu"))


@pytest.mark.mpi
def test_a_staged_sum_has_the_bits_of_one_that_is_not(computing: LateStream) -> None:
    vector = torch.randn(1001, generator=torch.Generator().manual_seed(1))
    found = []
    for stage in (None, lambda average: Staging(average, LateStream(), pinned=False)):
        total = FloatTotal(MPI.COMM_SELF, vector, stage)
        total.clear()
        total.add(vector, 0.5)
        total.add(vector, 0.25)
        total.reduce(slice(0, 400))
        request = total.start(slice(400, 1001))
        request.Wait()
        total.receive(slice(400, 1001))
        found.append(total.average.clone())
    assert torch.equal(*found)
    assert total.transfer == "staged"
