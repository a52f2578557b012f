"""Starting MPI where there is none."""

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


def test_importing_the_package_starts_no_mpi() -> None:
    import module3_mpi_gpu_overlap.bench
    import module3_mpi_gpu_overlap.claims
    import module3_mpi_gpu_overlap.figures
    import module3_mpi_gpu_overlap.train

    assert module3_mpi_gpu_overlap.train
    assert "mpi4py.MPI" not in sys.modules


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
