"""Secure sums as a round's average, on real ranks."""

from pathlib import Path
from typing import Any

import pytest
import torch

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.mpiexec import run_ranks
from module3_mpi_gpu_overlap.privacy_extra import require_secure

pytest.importorskip("cryptography")

pytestmark = pytest.mark.mpi

RANKS = 3
LIMIT_S = 120.0
SHORT = ("--rounds", "2", "--local-steps", "3", "--batch-size", "16", "--model", "tinyecg")


@pytest.fixture(scope="module")
def told(run_program: Any) -> Any:
    return run_program("secure_total", RANKS)


def test_the_average_is_off_by_half_a_step_of_each_rank_at_most(told: dict[str, Any]) -> None:
    assert len(told["errors"]) == 2
    # A weighted term is rounded to float32 before it is written in steps.
    assert max(told["errors"]) <= RANKS * (told["resolution"] / 2 + 2.0**-22)


def test_an_average_is_one_sum_and_its_masks_are_used_once(told: dict[str, Any]) -> None:
    assert told["sums"] == 2
    assert not told["same_mask_twice"]


def test_what_is_sent_looks_like_noise(told: dict[str, Any]) -> None:
    assert told["ones_ratio"] == pytest.approx(0.5, abs=0.02)


def test_a_sum_that_would_be_one_ranks_part_is_refused(run_program: Any) -> None:
    nobody, one, *more = run_program("secure_totals_of_few", RANKS)
    assert nobody.startswith("0 of 3 ranks has anything in this round's secure sum")
    assert one.startswith("1 of 3 ranks has anything in this round's secure sum")
    assert [numbers[0] for numbers in more] == pytest.approx([2.0, 3.0], abs=1e-5)


def test_numbers_beyond_the_bound_are_not_held(told: dict[str, Any]) -> None:
    assert told["holds"] == [True, False]


def test_training_ends_with_the_model_of_a_sum_in_the_clear(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    for how in ("mpi", "secure"):
        asked = ("--sum", how, "--checkpoint", str(tmp_path / how), *SHORT, *where)
        run_ranks(2, ["-m", "module3_mpi_gpu_overlap.train", *asked], LIMIT_S)
    models = [torch.load(tmp_path / how, weights_only=True)["state"] for how in ("mpi", "secure")]
    for name, clear in models[0].items():
        torch.testing.assert_close(models[1][name], clear, rtol=0, atol=1e-3)
    assert read_table(ROUNDS, tmp_path)["sum"].unique().tolist() == ["mpi", "secure"]


def test_one_rank_has_nobody_to_hide_among() -> None:
    with pytest.raises(UserError, match="needs 2 ranks or more"):
        require_secure(1)
