"""`scripts/report` and `scripts/guard` from the shell."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results.machine import cpu_isa, usable_cores

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE = CHECKOUT / "results" / "reference"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKOUT / "scripts" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A folder with the smallest table of the reference that has a ratio."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(REFERENCE / "module2_training.csv", folder)
    return folder


def test_a_report_is_written_where_it_is_asked_for(training: Path, tmp_path: Path) -> None:
    done = run("report", str(training), "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.splitlines()] == ["report.html", "report.md"]
    assert "torch's time over ours, an epoch of beatnet" in (tmp_path / "out/report.md").read_text()


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    for done in (
        run("report", str(tmp_path / "missing"), "--output", str(tmp_path / "out")),
        run("guard", str(tmp_path / "missing")),
    ):
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_one_sentence(training: Path) -> None:
    done = run("report", str(training), "--output", str(training / "module2_training.csv"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_the_guard_passes_the_reference_and_fails_what_is_much_slower(
    training: Path, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    head, *lines = (training / "module2_training.csv").read_text().splitlines()
    kernel, epoch_s = head.split(",").index("kernel"), head.split(",").index("epoch_s")
    rows = [line.split(",") for line in lines]
    for row in rows:
        row[epoch_s] = str(float(row[epoch_s]) * (10 if row[kernel] == "crossscale_fused" else 1))
    (slow / "module2_training.csv").write_text("\n".join([head, *map(",".join, rows), ""]))
    passed = run("guard", str(training), str(training))
    assert passed.returncode == 0, passed.stderr
    assert passed.stdout.endswith("1 ratios compared, 0 worse by more than 50 %\n")
    failed = run("guard", str(slow), str(training))
    assert failed.returncode == 1
    assert failed.stderr.startswith("worse: module 2, torch's time over ours, an epoch of beatnet")
    assert failed.stderr.count("\n") == 1


def test_the_guard_fails_a_run_without_one_of_the_references_modules(
    training: Path, tmp_path: Path
) -> None:
    for table in (training / "module2_training.csv", REFERENCE / "module1_assembly.csv"):
        shutil.copy(table, tmp_path)
    failed = run("guard", str(training), str(tmp_path))
    assert failed.returncode == 1
    assert failed.stderr.startswith("missing: module 1 has ratios in ")
    assert failed.stderr.count("\n") == 1
    assert run("guard", str(training), str(tmp_path), "--modules", "2").returncode == 0


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(900)  # half a minute, but many times that where others use the cores
@pytest.mark.skipif(cpu_isa() != "avx512", reason="the reference's kernels are for another CPU")
@pytest.mark.skipif(usable_cores() < 2, reason="the reference's rows are from two threads")
def test_our_kernel_is_not_three_times_as_bad_as_in_the_reference(
    short_synthetic: Source, tmp_path: Path
) -> None:
    fresh, reference = tmp_path / "fresh", tmp_path / "reference"
    reference.mkdir()
    shutil.copy(REFERENCE / "module2_convolution.csv", reference)
    grid = ["--slices", "paper", "--repeats", "5", "--threads", "2"]
    places = ["--data-dir", str(short_synthetic.directory), "--results-dir", str(fresh)]
    bench = [sys.executable, "-m", "module2_openmp_conv.bench", *grid, *places]
    subprocess.run(bench, check=True, capture_output=True)
    done = run("guard", str(fresh), str(reference), "--tolerance", "0.67")
    assert done.returncode == 0, done.stderr
    assert "1 ratios compared" in done.stdout
