"""docs/gpu.md: its plans can be printed here, and what it says of columns and tests is so."""

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from module1_locality.config import Bench
from module1_locality.host_counters import HostCounts
from module1_locality.lanes import HostLane
from module1_locality.result_rows import empty_columns_of as empty_of_rung
from module1_locality.rungs import LADDER, RUNGS, why_not
from module3_mpi_gpu_overlap.report import empty_columns_of as empty_of_rounds

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = (CHECKOUT / "docs" / "gpu.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line
]
PLANS = [line for line in COMMANDS if "--dry-run" in line]
COUNTED = HostCounts(1, 0, 1, 0, 10, 10)


def test_there_is_a_plan_of_each_module() -> None:
    assert sorted(re.findall(r"module\d", " ".join(PLANS))) == ["module1", "module2", "module3"]


@pytest.mark.mpi
@pytest.mark.parametrize("command", PLANS)
def test_plans_are_printed_and_nothing_is_written(command: str, tmp_path: Path) -> None:
    python, *arguments = shlex.split(command)
    assert python == "python"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dry run: ")
    assert "\ndevice: " in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_line_that_looks_for_an_accelerator_runs() -> None:
    (command,) = [line for line in COMMANDS if line.startswith("python -c")]
    code = shlex.split(command)[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("None", "cuda", "xpu")


def test_the_columns_are_those_that_only_an_accelerator_fills() -> None:
    lane = HostLane()
    on_cpu: Mapping[str, str] = empty_of_rung(RUNGS["A1"], Bench(), lane, COUNTED)
    told = {
        "module1_ladder": list(on_cpu),
        "module3_rounds": list(empty_of_rounds(2, "cpu")),
    }
    found = re.search(r"<!-- columns -->\n(.*?)\n<!-- end -->", TEXT, re.DOTALL)
    assert found
    rows = [line.split("|")[1:-1] for line in found[1].splitlines()[2:]]
    assert {table.strip(" `"): re.findall(r"`(\w+)`", cell) for table, cell in rows} == told
    assert empty_of_rounds(2, "cuda") == {}
    lane.has_accelerator = True
    assert empty_of_rung(RUNGS["A1"], Bench(), lane, COUNTED) == {}


def test_the_rungs_that_are_said_to_be_empty_here_are() -> None:
    void = [rung.name for rung in LADDER if why_not(rung, has_accelerator=False)]
    (said,) = re.findall(r"The rows of ([\w,\s-]+) are empty as a whole", TEXT)
    assert re.split(r",\s|\sand\s", said) == void


def test_each_path_names_a_test() -> None:
    table = TEXT.split("## What was tried without a GPU")[1]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 9
    assert all(re.search(r"\]\(\.\./tests/[\w/]+\.py\)", row) for row in rows)
