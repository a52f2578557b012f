"""Starting MPI where there is none."""

import subprocess
import sys

import pytest

from module3_mpi_gpu_overlap.launch import MpiError, World, require_ranks, start


def test_no_mpi_library_is_one_sentence_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MpiError, match="pip install mpich") as caught:
        start()
    assert "\n" not in str(caught.value)


def test_importing_the_commands_starts_no_mpi() -> None:
    names = ("bench", "claims", "figures", "train", "allreduce")
    imports = "".join(f"import module3_mpi_gpu_overlap.{name}; " for name in names)
    code = f"import sys; {imports} print('mpi4py.MPI' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("local_size", "node_cores", "crowded"), [(2, 2, False), (3, 2, True)])
def test_oversubscribed_is_more_ranks_than_cores(
    local_size: int, node_cores: int, crowded: bool
) -> None:
    world = World(None, 0, local_size, 0, local_size, node_cores)  # type: ignore[arg-type]
    assert world.oversubscribed == crowded


def test_a_world_of_another_size_is_refused() -> None:
    world = World(None, 0, 1, 0, 1, 2)  # type: ignore[arg-type]
    require_ranks(world, 0)
    require_ranks(world, 1)
    with pytest.raises(MpiError, match="2 ranks were to run but MPI sees 1"):
        require_ranks(world, 2)


def test_a_machine_that_stands_for_all_nodes_is_crowded_by_all_their_ranks() -> None:
    nodes = World(None, 0, 4, 0, 1, 1, "4 hosts, 100 Mbit/s", (4, 2))  # type: ignore[arg-type]
    assert nodes.oversubscribed
    assert not World(None, 0, 4, 0, 1, 1, "several nodes").oversubscribed  # type: ignore[arg-type]
