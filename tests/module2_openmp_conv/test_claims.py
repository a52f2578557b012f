"""Claims and speed-ups: medians of paired ratios, and verdicts at the claim's edges."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from module2_openmp_conv.claims import _verdict, claims
from module2_openmp_conv.grid import PAPER
from module2_openmp_conv.speedup import CELL, latest_run, speedups


def samples(**call_us: list[float]) -> pd.DataFrame:
    cell = dict(zip(CELL, ("forward", "warm", 2, 64, 1, 1, 1, 3, 1, 500), strict=True))
    return pd.DataFrame(
        [
            {**cell, "contestant": name, "repeat": repeat, "call_us": time}
            for name, times in call_us.items()
            for repeat, time in enumerate(times)
        ]
    )


def test_speedup_is_the_median_of_paired_ratios_over_the_best() -> None:
    frame = samples(
        torch=[40.0, 40.0, 40.0], torch_out=[20.0, 30.0, 24.0], crossscale=[10.0, 10.0, 8.0]
    )
    row = speedups(frame).iloc[0]
    assert (row["best"], row["median"], row["n"]) == ("torch_out", 3.0, 3)
    assert (row["low"], row["high"]) == (2.5, 3.0)
    assert speedups(frame, ("torch",)).iloc[0]["median"] == 4.0


def test_only_the_latest_run_counts() -> None:
    frame = pd.DataFrame(
        {"run_id": ["b", "a", "b"], "time_utc": ["2026-01-02", "2026-01-01", "2026-01-02"]}
    )
    assert list(latest_run(frame)["run_id"]) == ["b", "b"]


@pytest.mark.parametrize(
    ("least", "verdict"),
    [(1.99, "not reproduced"), (2.0, "reproduced"), (3.5, "reproduced"), (3.6, "exceeded")],
)
def test_verdict(least: float, verdict: str) -> None:
    assert _verdict(least) == verdict


def test_claims_without_rows_are_not_measured(tmp_path: Path) -> None:
    (claim,) = claims(tmp_path)
    assert claim.verdict == "not measured"
    assert "module2_openmp_conv.bench" in claim.command


@pytest.mark.parametrize(
    ("lost", "verdicts"), [((), {"exceeded"}), ((1,), {"not measured"}), ((0, 5), {"not measured"})]
)
def test_only_the_whole_grid_has_a_verdict(
    made_rows: Callable[..., pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lost: tuple[int, ...],
    verdicts: set[str],
) -> None:
    cells = [cell for index, cell in enumerate(PAPER) if index not in lost]
    rows = made_rows({cell: {"torch": 40.0, "crossscale": 10.0} for cell in cells})
    # A cell that was begun and not ended has nothing to compare.
    rows = pd.concat([rows, made_rows({PAPER[index]: {"torch": 40.0} for index in lost})])
    monkeypatch.setattr("module2_openmp_conv.claims.has_rows", lambda *_: True)
    monkeypatch.setattr("module2_openmp_conv.claims.read_table", lambda *_: rows)
    found = claims(tmp_path)
    assert {claim.verdict for claim in found} == verdicts
    begins = f"{len(cells)} of the 12 cells of the paper's grid: median" if lost else "median"
    assert all(claim.measured.startswith(begins) for claim in found)


def test_claims_name_machine_threads_and_samples(results_dir: Path) -> None:
    for claim in claims(results_dir):
        assert claim.verdict == "not measured"  # the tiny bench has a quarter of the paper's grid
        assert claim.measured.startswith("3 of the 12 cells of the paper's grid: median")
        assert "(3 cells, n = 2 each, threads: 1" in claim.measured
        (ratio,) = claim.evidence
        assert (ratio.name, len(ratio.samples)) == (
            "torch's time over ours, geometric mean, 3 cells",
            2,
        )
