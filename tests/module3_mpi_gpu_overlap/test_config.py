"""What a mode sets, and what is asked for beside it."""

import pytest

from module3_mpi_gpu_overlap.config import Settings, TrainConfig
from module3_mpi_gpu_overlap.ladder import LADDER


@pytest.mark.parametrize("mode", LADDER)
def test_auto_is_what_the_mode_sets(mode: str) -> None:
    settings, rung = Settings(mode=mode), LADDER[mode]
    assert (settings.precision, settings.wire, settings.exchange) == (
        rung.precision,
        rung.wire,
        rung.exchange,
    )


def test_each_rung_above_g3_adds_one_thing_to_the_rung_below() -> None:
    below = LADDER["G3"]
    for mode in ("G4", "G5", "G6"):
        rung = LADDER[mode]
        changed = {name for name in vars(rung) if getattr(rung, name) != getattr(below, name)}
        assert len(changed - {"change"}) == 1
        below = rung


def test_what_is_asked_for_beside_a_mode_is_kept() -> None:
    config = TrainConfig(mode="G6", precision="float32", wire="top-k", exchange="flat")
    assert (config.precision, config.wire, config.exchange) == ("float32", "top-k", "flat")
