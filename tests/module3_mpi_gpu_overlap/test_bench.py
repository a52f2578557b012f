"""The order in which the bench runs its contestants."""

from collections import Counter

from module3_mpi_gpu_overlap.bench import _jobs
from module3_mpi_gpu_overlap.config import GRIDS


def test_contestants_take_turns() -> None:
    jobs = list(_jobs(GRIDS["paper"], 3))
    repeats = [repeat for _, repeat, _ in jobs]
    assert repeats == sorted(repeats)
    in_one_repeat = Counter((ranks, tuple(what)) for ranks, repeat, what in jobs if repeat == 0)
    assert set(in_one_repeat.values()) == {1}
    for repeat in set(repeats):
        assert in_one_repeat == Counter((r, tuple(w)) for r, k, w in jobs if k == repeat)


def options_given(arguments: list[str]) -> dict[str, str]:
    return dict(zip(arguments[1::2], arguments[2::2], strict=False))


def test_in_strong_scaling_all_worlds_make_as_many_steps_together() -> None:
    steps: dict[int, set[int]] = {}
    for ranks, _, what in _jobs(GRIDS["paper"], 1):
        options = options_given(what)
        if options.get("--experiment") == "strong-scaling":
            steps.setdefault(ranks, set()).add(ranks * int(options["--local-steps"]))
    grid = GRIDS["paper"]
    assert steps == {ranks: {grid.shared_steps} for ranks in grid.world_sizes}


def test_every_world_size_runs_every_mode_and_one_rank_only_one_of_a_precision() -> None:
    modes: dict[int, list[str]] = {}
    for ranks, repeat, what in _jobs(GRIDS["paper"], 3):
        options = options_given(what)
        if repeat == 0 and options.get("--experiment") == "bench":
            modes.setdefault(ranks, []).append(options["--mode"])
    grid = GRIDS["paper"]
    assert modes.keys() == set(grid.world_sizes)
    assert modes[1] == ["G0", "G4"]
    assert all(tuple(modes[ranks]) == grid.modes for ranks in grid.world_sizes[1:])
