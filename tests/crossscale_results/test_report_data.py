"""What is gathered of each folder, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crossscale_results.errors import UserError
from crossscale_results.report_data import run_names, run_report, run_reports

WriteRun = Callable[..., Path]


def test_everything_of_a_folder_is_gathered(write_run: WriteRun) -> None:
    report = run_report(write_run("run"), "run")
    assert len({claim.module for claim in report.claims}) == 3
    assert [len(module.findings) > 1 for module in report.modules] == [True] * 3
    figures = {figure.name for module in report.modules for figure in module.figures}
    assert {"module1_throughput", "module2_speedup", "module3_rounds"} <= figures
    for module in report.modules:
        for figure in module.figures:
            assert figure.png.startswith(b"\x89PNG")
            assert figure.caption.startswith("Dataset synthetic; Example CPU")
            assert figure.width_px > 400


def test_runs_are_named_by_as_little_of_their_path_as_tells_them_apart(tmp_path: Path) -> None:
    assert run_names((tmp_path / "a", tmp_path / "b")) == ["a", "b"]
    assert run_names((tmp_path / "x" / "results", tmp_path / "y" / "results")) == [
        "x/results",
        "y/results",
    ]


def test_mistakes_are_one_sentence(write_run: WriteRun, tmp_path: Path) -> None:
    folder = write_run("run")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="named twice"):
        run_reports((folder, folder / ".." / "run"))
    with pytest.raises(UserError, match="no folder"):
        run_reports((folder, tmp_path / "missing"))
    with pytest.raises(UserError, match="no results"):
        run_reports((tmp_path / "empty",))
