"""What a machine lacks, and which rungs then are not measured."""

from typing import NoReturn

import pytest

from crossscale_data import Source
from module1_locality import conditions
from module1_locality.conditions import set_up, why_not_here
from module1_locality.config import Bench
from module1_locality.lanes import HostLane
from module1_locality.rungs import LADDER
from module2_openmp_conv import KernelsError


def reasons() -> dict[str, str]:
    found = {rung.name: why_not_here(rung, HostLane()) for rung in LADDER}
    return {name: reason for name, reason in found.items() if reason}


def test_without_huge_pages_two_rungs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "why_no_huge_pages", lambda: None)
    before = set(reasons())
    monkeypatch.setattr(conditions, "why_no_huge_pages", lambda: "switched off")
    assert set(reasons()) - before == {"A6-hugepages", "A6-both"}
    assert reasons()["A6-hugepages"] == "switched off"


def test_without_the_kernels_the_native_gather_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unusable() -> NoReturn:
        raise KernelsError("the kernels are not built")

    monkeypatch.setattr(conditions, "why_no_huge_pages", lambda: None)
    before = set(reasons())
    monkeypatch.setattr(conditions, "isa", unusable)
    native = {rung.name for rung in LADDER if rung.gather == "native" and not rung.captured}
    assert set(reasons()) - before == native
    assert reasons()["A6-gather"] == "the kernels are not built"


def test_all_rungs_of_a_round_have_one_epoch(short_synthetic: Source) -> None:
    found = set_up(
        Bench(
            data_dir=short_synthetic.directory,
            fragment_windows=512,
            assembly_windows=512,
            batch_sizes=(64,),
            device="cpu",
        )
    )
    epoch = found.epoch(repeat=3, batch_size=64)
    assert epoch.windows is found.windows
    assert (epoch.shuffle.epoch, epoch.shuffle.seed, epoch.batch_size) == (3, 0, 64)
    assert epoch.windows.record is not None
    assert len(epoch.windows.record) == len(epoch.windows.samples)
