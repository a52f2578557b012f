"""Which device and how many threads a rank gets."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from module3_mpi_gpu_overlap import device
from module3_mpi_gpu_overlap.launch import World


def world(local_rank: int, local_size: int, node_cores: int) -> World:
    return World(None, local_rank, local_size, local_rank, local_size, node_cores)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("own_cores", "local_size", "node_cores", "threads"),
    [
        (8, 1, 8, 8),
        (8, 2, 8, 4),
        (8, 3, 8, 2),
        (2, 8, 2, 1),  # oversubscribed
        (1, 2, 2, 1),  # mpiexec bound each rank to a core of its own
    ],
)
def test_ranks_divide_the_nodes_cores(
    monkeypatch: pytest.MonkeyPatch,
    own_cores: int,
    local_size: int,
    node_cores: int,
    threads: int,
) -> None:
    monkeypatch.setattr(device, "usable_cores", lambda: own_cores)
    assert device.choose_device(world(0, local_size, node_cores), "cpu") == torch.device("cpu")
    assert torch.get_num_threads() == threads


def test_ranks_take_turns_at_the_nodes_accelerators(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    pretend = {
        "is_available": lambda: True,
        "current_accelerator": lambda: torch.device("cuda"),
        "device_count": lambda: 2,
        "set_device_index": chosen.append,
    }
    for name, value in pretend.items():
        monkeypatch.setattr(torch.accelerator, name, value)
    found = [device.choose_device(world(rank, 3, 3), "auto").index for rank in range(3)]
    assert found == chosen == [0, 1, 0]
    assert device.choose_device(world(0, 3, 3), "cpu").type == "cpu"


def test_a_cpu_has_no_accelerator_memory() -> None:
    cpu = torch.device("cpu")
    device.synchronize(cpu)  # nothing to wait for
    assert device.peak_memory_bytes(cpu) is None


@pytest.mark.parametrize(
    ("uuids", "shared"), [(["a", "b"], False), (["a", "a"], True), (["a", "b", "a"], True)]
)
def test_ranks_on_one_accelerator_are_found_by_its_uuid(
    monkeypatch: pytest.MonkeyPatch, uuids: list[str], shared: bool
) -> None:
    backend = SimpleNamespace(get_device_properties=lambda _: SimpleNamespace(uuid=uuids[0]))
    monkeypatch.setattr(torch, "get_device_module", lambda _: backend)
    comm = SimpleNamespace(allgather=lambda own: uuids)
    ranks = replace(world(0, len(uuids), 8), comm=comm)  # type: ignore[arg-type]
    assert device.shares_accelerator(ranks, torch.device("cuda", 0)) == shared
    assert not device.shares_accelerator(ranks, torch.device("cpu"))


@pytest.mark.parametrize("ranks", [1, 2])
def test_where_accelerators_tell_nothing_of_themselves_a_node_has_one(
    monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    monkeypatch.setattr(torch, "get_device_module", lambda _: SimpleNamespace())  # as torch.mps
    shared = device.shares_accelerator(world(0, ranks, 8), torch.device("mps", 0))
    assert shared == (ranks > 1)
