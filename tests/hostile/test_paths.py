"""Folders whose names hold spaces, letters beyond ASCII, or bytes that are no text."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results import read_table
from module1_locality.classifier_columns import CLASSIFIER_TABLE

Command = Callable[..., subprocess.CompletedProcess[str]]


NAME = os.fsdecode("a space, \u00e9 and ".encode() + b"\xff")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_command_works_in_folders_of_any_name(
    command: Command,
    refusal: Callable[..., str],
    training: tuple[str, ...],
    short_synthetic: Source,
    tmp_path: Path,
) -> None:
    top = tmp_path / NAME
    top.mkdir()
    database = top / "database"
    shutil.copytree(short_synthetic.directory, database)
    out, home = top / "results", top / "home"
    places = ("--results-dir", out, "--checkpoint", top / "kept")
    told = [
        command(*training, *places, data=database, home=home),
        command("-m", "crossscale_data", "verify", data=database, home=home),
        command("scripts/figures", "--results-dir", out, "--out", top / "figures"),
        command("scripts/report", out, "--output", top / "report"),
    ]
    for done in told:
        assert done.returncode == 0, done.stderr
    assert len(read_table(CLASSIFIER_TABLE, out)) > 0
    assert len(list((top / "figures").glob("*.png"))) == 1
    assert sorted(path.name for path in (top / "report").iterdir()) == ["report.html", "report.md"]
    assert "is there already" in refusal(*training, *places, data=database, home=home)
