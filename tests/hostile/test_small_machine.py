"""One core and 2 GiB of memory: what each module does first works."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from module1_locality.scale.memory_group import NoMemoryGroupError, memory_group

Command = Callable[..., subprocess.CompletedProcess[str]]
MEMORY_BYTES = 2 * 2**30

SMALLEST = {
    "module 1": (
        *("module1_locality.bench", "--batch-sizes", "32", "--repeats", "1", "--device", "cpu"),
        *("--fragment-windows", "256", "--assembly-windows", "256", "--block-windows", "16"),
        *("--buffer-blocks", "4"),
    ),
    "module 2": ("module2_openmp_conv.train", "--model", "tinyecg", "--epochs", "1"),
    "module 3": ("module3_mpi_gpu_overlap.train", "--local-steps", "2", "--rounds", "2"),
}


@pytest.fixture
def small_machine() -> Iterator[tuple[str, ...]]:
    """What a command line begins with to be on such a machine."""
    if not shutil.which("taskset"):
        pytest.skip("no taskset")
    core = str(min(os.sched_getaffinity(0)))
    try:
        with memory_group(MEMORY_BYTES) as processes:
            join = 'echo $$ > "$0" && exec taskset --cpu-list "$@"'
            yield ("sh", "-c", join, str(processes), core)
    except NoMemoryGroupError as error:
        pytest.skip(str(error))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("module", SMALLEST)
def test_each_module_runs_on_one_core_and_two_gibibytes(
    module: str,
    command: Command,
    small_machine: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    name, *options = SMALLEST[module]
    places = ("--results-dir", tmp_path)
    done = command("-m", name, *options, *places, start=small_machine)
    assert done.returncode == 0, done.stderr
    tables = sorted(tmp_path.glob("*.csv"))
    assert tables
    for table in tables:
        head, *rows = table.read_text().splitlines()
        cores = head.split(",").index("cores_count")
        assert {row.split(",")[cores] for row in rows} == {"1"}
