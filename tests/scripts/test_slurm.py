"""SLURM's scripts with a scheduler that only notes what it is asked: the commands must parse."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tyro

from module3_mpi_gpu_overlap.claims import claims
from module3_mpi_gpu_overlap.config import AllreduceConfig, TrainConfig

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "slurm"
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash")
JOBS = {"train": TrainConfig, "allreduce": AllreduceConfig}


@pytest.fixture
def bash(tmp_path: Path) -> Any:
    """`bash(script, arguments, **variables)`: what it gave to srun or sbatch, call by call."""
    for name in ("srun", "sbatch", "mpiexec"):
        fake = tmp_path / name
        fake.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls.txt"\n')
        fake.chmod(0o755)

    def run(script: str, *arguments: str, **variables: str) -> list[str]:
        (tmp_path / "calls.txt").write_text("")
        subprocess.run(
            [str(BASH), str(FOLDER / script), *arguments],
            check=True,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", **variables},
            timeout=20,
            stdout=subprocess.DEVNULL,
        )
        return (tmp_path / "calls.txt").read_text().splitlines()

    return run


def made_up_rows() -> Any:
    """Module 3's tests' `made_up_rows.py`."""
    path = FOLDER.parents[1] / "tests" / "module3_mpi_gpu_overlap" / "made_up_rows.py"
    spec = importlib.util.spec_from_file_location("made_up_rows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parsed(call: str, name: str) -> Any:
    """A noted call's options, read by the command's own parser."""
    _, arguments = call.split(f"python -m module3_mpi_gpu_overlap.{name} ")
    return tyro.cli(JOBS[name], args=arguments.split())


@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.iterdir()))
def test_bash_and_shellcheck_find_nothing(script: str) -> None:
    subprocess.run([str(BASH), "-n", str(FOLDER / script)], check=True, timeout=20)
    if checker := shutil.which("shellcheck"):
        subprocess.run([checker, str(FOLDER / script)], check=True, timeout=60)


def test_an_array_runs_every_mode_in_every_repeat_once(bash: Any) -> None:
    configs = []
    for element in range(6):
        variables = {"SLURM_ARRAY_TASK_ID": str(element), "MODES": "G0 G1 G2"}
        (call,) = bash("train.sbatch", SLURM_NTASKS="8", **variables)
        assert call.startswith("srun python ")
        configs.append(parsed(call, "train"))
    found = [(config.mode, config.repeat) for config in configs]
    assert found == [(mode, repeat) for repeat in (0, 1) for mode in ("G0", "G1", "G2")]
    assert {config.ranks for config in configs} == {8}
    assert {config.profile for config in configs} == {"paper"}


def test_as_a_plain_job_it_is_one_run_of_the_first_mode(bash: Any) -> None:
    (call,) = bash("train.sbatch")
    config = parsed(call, "train")
    assert (config.mode, config.repeat, config.ranks) == ("G0", 0, 0)


def test_another_launcher_starts_the_ranks(bash: Any) -> None:
    (call,) = bash("train.sbatch", LAUNCHER="mpiexec -n 4")
    assert call.startswith("mpiexec -n 4 python ")


def test_the_collective_alone_has_its_sizes(bash: Any) -> None:
    (call,) = bash("allreduce.sbatch", SIZES="0 1000", SLURM_ARRAY_TASK_ID="2")
    config = parsed(call, "allreduce")
    assert (config.sizes, config.repeat) == ((0, 1000), 2)


def test_the_sweep_submits_both_jobs_for_every_world_size(bash: Any) -> None:
    calls = bash("sweep", "--partition=fast", RANKS="2 16", MODES="G0 G2", REPEATS="3")
    expected = [
        f"sbatch --job-name=crossscale-sweep --dependency=singleton --ntasks={ranks} "
        f"--array=0-{last}%1 --partition=fast {FOLDER}/{job}.sbatch"
        for ranks in (2, 16)
        for job, last in (("train", 5), ("allreduce", 2))
    ]
    assert calls == expected


def test_no_two_of_the_sweeps_jobs_run_at_once(bash: Any) -> None:
    """A singleton waits for all others of its name, and an array's limit is of one element."""
    calls = [call.split() for call in bash("sweep", RANKS="1 2 4")]
    assert len(calls) == 6
    for call in calls:
        assert "--dependency=singleton" in call
        assert [option for option in call if option.endswith("%1")]
    names = {option for call in calls for option in call if option.startswith("--job-name=")}
    assert len(names) == 1


def test_what_the_user_gives_comes_last_so_that_it_counts(bash: Any) -> None:
    (call, *_) = bash("sweep", "--dependency=afterok:1", RANKS="2")
    options = call.split()
    assert options.index("--dependency=afterok:1") > options.index("--dependency=singleton")


def test_rows_of_these_jobs_are_judged_as_the_benchs(bash: Any, tmp_path: Path) -> None:
    for ranks in (1, 2, 4):
        (call,) = bash("train.sbatch", SLURM_NTASKS=str(ranks))
        config = parsed(call, "train")
        made_up_rows().write_rounds(
            tmp_path / "results",
            config.profile,
            {config.ranks: 0.2 * ranks},
            experiment=config.experiment,
            link="one node" if ranks == 1 else "several nodes",
        )
    dominates, pays = claims(tmp_path / "results")
    assert (dominates.verdict, pays.verdict) == ("reproduced", "not reproduced")
    assert "in a round, several nodes, G0: median 20.00% at 1" in dominates.measured


def test_a_dry_run_submits_nothing(bash: Any) -> None:
    assert bash("sweep", DRY_RUN="1") == []
