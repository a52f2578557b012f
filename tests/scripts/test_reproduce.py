"""Every part is run once, in order; what is done stays done; what fails is said in a sentence."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from crossscale_results.tables import all_tables

FakePython = Callable[[str], Path]
Calls = Callable[[], list[str]]

# Writes the tables of whatever part it is asked to run, as the real commands would.
WRITES_TABLES = """
results=$(echo "$@" | sed 's/.*--results-dir //; s/ .*//')
case "$2" in
  module1_locality.bench) touch "$results/module1_ladder.csv" "$results/module1_assembly.csv";;
  module1_locality.peers) touch "$results/module1_peers.csv";;
  module1_locality.scale) touch "$results/module1_scale.csv";;
  module1_locality.train) touch "$results/module1_classifier.csv";;
  module1_locality.order_accuracy) touch "$results/module1_orders.csv";;
  module2_openmp_conv.bench)
    touch "$results/module2_convolution.csv" "$results/module2_machine.csv";;
  module2_openmp_conv.train) touch "$results/module2_training.csv";;
  module3_mpi_gpu_overlap.bench)
    touch "$results/module3_rounds.csv" "$results/module3_scores.csv" \
      "$results/module3_allreduce.csv" "$results/module3_wire.csv";;
  module3_mpi_gpu_overlap.privacy_bench) touch "$results/module3_privacy.csv";;
esac
"""
# Finds what `database` beside its environment says, in the folder that it is given or its own.
FINDS_DATA = """
if [ "$3" = source ]; then
  folder=/found; [ -z "$5" ] || folder=$5
  printf '{"directory": "%s", "dataset": "%s", "checksum": "%s"}\\n' "$folder" $(cat "DATABASE")
fi
"""
MODULES = [
    "module1_locality.bench",
    "module1_locality.peers",
    "module1_locality.scale",
    "module1_locality.train",
    "module1_locality.order_accuracy",
    "module2_openmp_conv.bench",
    "module2_openmp_conv.train",
    "module3_mpi_gpu_overlap.bench",
    "module3_mpi_gpu_overlap.privacy_bench",
]


@pytest.fixture
def run(
    reproduce: ModuleType,
    environment: ModuleType,
    fake_python: FakePython,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., int]:
    """`run(*arguments)`: the script with a fake Python, its results in a folder of the test's."""
    (tmp_path / "database").write_text("mitdb 0123456789abcdef")
    finds = FINDS_DATA.replace("DATABASE", str(tmp_path / "database"))
    fails = f'\n[ -e "{tmp_path}/fail-$2" ] && exit 3\nexit 0'
    python = fake_python(finds + WRITES_TABLES + fails)
    monkeypatch.setattr(environment, "prepare", lambda extras: python)

    def as_user(*arguments: str) -> int:
        status: int = reproduce.main(["--results-dir", str(tmp_path / "results"), *arguments])
        return status

    return as_user


def modules_run(calls: Calls) -> list[str]:
    return [line.split()[1] for line in calls() if line.startswith("-m module")]


def test_all_parts_run_in_order_then_figures_claims_and_report(
    run: Callable[..., int], calls: Calls
) -> None:
    assert run() == 0
    assert modules_run(calls) == MODULES
    assert calls()[:2] == [
        "-m crossscale_data source",
        "-m crossscale_data info --data-dir /found",
    ]
    made = ["scripts/figures", "scripts/claims", "scripts/report"]
    assert [line.split()[0] for line in calls()[-3:]] == made
    assert all("--profile quick" in line for line in calls() if line.startswith("-m module"))


def test_a_finished_part_is_not_run_again_unless_asked_to(
    run: Callable[..., int], calls: Calls
) -> None:
    run()
    assert run() == 0
    assert modules_run(calls) == MODULES
    run("--again", "module2_bench")
    assert modules_run(calls)[len(MODULES) :] == ["module2_openmp_conv.bench"]
    run("--again")
    assert modules_run(calls)[len(MODULES) + 1 :] == MODULES


def test_another_profile_is_another_part(run: Callable[..., int], calls: Calls) -> None:
    run()
    run("--profile", "paper")
    assert modules_run(calls) == MODULES * 2
    assert calls()[-4].endswith("--profile paper --results-dir " + calls()[-2].split()[-1])


def test_a_part_whose_table_is_gone_is_run_again(
    run: Callable[..., int], calls: Calls, tmp_path: Path
) -> None:
    run()
    (tmp_path / "results" / "module2_training.csv").unlink()
    run()
    assert modules_run(calls)[len(MODULES) :] == ["module2_openmp_conv.train"]


def test_a_part_that_fails_ends_it_with_one_sentence_and_the_rest_goes_on_later(
    run: Callable[..., int],
    calls: Calls,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "fail-module2_openmp_conv.bench"
    broken.touch()
    assert run() == 2
    broken_at = MODULES.index("module2_openmp_conv.bench")
    assert modules_run(calls) == MODULES[: broken_at + 1]
    error = capsys.readouterr().err
    assert error.startswith("error: `python -m module2_openmp_conv.bench")
    assert error.count("\n") == 1
    broken.unlink()
    assert run() == 0
    assert modules_run(calls)[broken_at + 1 :] == MODULES[broken_at:]


@pytest.mark.parametrize("content", ["", "[1, 2]", "{torn", "\x00\xff"])
def test_a_damaged_note_of_what_is_done_is_as_good_as_none(
    run: Callable[..., int], calls: Calls, tmp_path: Path, content: str
) -> None:
    run()
    (tmp_path / "results" / "reproduce.json").write_bytes(content.encode("latin-1"))
    assert run() == 0
    assert modules_run(calls) == MODULES * 2
    noted = json.loads((tmp_path / "results" / "reproduce.json").read_text())
    assert len(noted) == len(MODULES)


def test_the_databases_folder_reaches_every_part(
    run: Callable[..., int], calls: Calls, tmp_path: Path
) -> None:
    run("--data-dir", str(tmp_path))
    given = [line for line in calls() if line.startswith("-m ")]
    assert all(f"--data-dir {tmp_path}" in line for line in given)


def test_what_was_found_once_is_every_parts(run: Callable[..., int], calls: Calls) -> None:
    """A network that comes back meanwhile must not give parts different databases."""
    run()
    parts = [line for line in calls() if line.startswith("-m module")]
    assert len(parts) == len(MODULES)
    assert all("--data-dir /found " in line for line in parts)
    assert [line for line in calls() if "source" in line] == ["-m crossscale_data source"]


@pytest.mark.parametrize("other", ["mitdb fedcba9876543210", "synthetic 0123456789abcdef"])
def test_what_is_done_on_another_database_is_not_done(
    run: Callable[..., int], calls: Calls, tmp_path: Path, other: str
) -> None:
    (tmp_path / "database").write_text(other)
    run()
    (tmp_path / "database").write_text("mitdb 0123456789abcdef")
    run()
    assert modules_run(calls) == MODULES * 2
    (tmp_path / "database").write_text(other)  # which is still done
    run()
    assert modules_run(calls) == MODULES * 2


def test_notes_that_name_no_database_do_not_count(
    run: Callable[..., int], calls: Calls, tmp_path: Path
) -> None:
    run()
    state = tmp_path / "results" / "reproduce.json"
    old = {" ".join(key.split()[:2]): when for key, when in json.loads(state.read_text()).items()}
    assert "module1_bench quick" in old
    state.write_text(json.dumps(old))
    run()
    assert modules_run(calls) == MODULES * 2


@pytest.mark.parametrize("said", ["", "hello", "[]", '{"directory": "/found"}'])
def test_a_source_that_cannot_be_read_is_one_sentence(
    reproduce: ModuleType,
    environment: ModuleType,
    fake_python: FakePython,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: str,
) -> None:
    python = fake_python(f"echo '{said}'")
    monkeypatch.setattr(environment, "prepare", lambda extras: python)
    assert reproduce.main(["--results-dir", str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: `python -m crossscale_data source` said")
    assert error.count("\n") == 1


def test_an_interruption_is_one_sentence(
    run: Callable[..., int],
    reproduce: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "run_parts", interrupted)
    assert run() == 130
    assert capsys.readouterr().err.startswith("error: interrupted")


def test_a_results_folder_that_cannot_be_is_one_sentence(
    reproduce: ModuleType,
    environment: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(environment, "prepare", lambda extras: Path(sys.executable))
    (tmp_path / "file").touch()
    assert reproduce.main(["--results-dir", str(tmp_path / "file" / "results")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_every_table_of_the_suite_is_some_parts(reproduce: ModuleType) -> None:
    written = [table for part in reproduce.PARTS for table in part.tables]
    assert sorted([*written, *reproduce.LEFT_OUT]) == sorted(table.name for table in all_tables())


def test_scripts_can_be_started() -> None:
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    for name in ("reproduce", "test", "figures", "claims", "report", "guard", "kill_trials"):
        assert (scripts / name).stat().st_mode & stat.S_IXUSR
    options = dict.fromkeys(("reproduce", "figures", "claims"), "results-dir")
    for name, option in {**options, "report": "--output", "guard": "--tolerance"}.items():
        helped = subprocess.run(
            [sys.executable, scripts / name, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert option in helped.stdout
