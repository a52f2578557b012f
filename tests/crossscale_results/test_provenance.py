"""What every row of a run shares: collected once, checked, and nothing of anybody's in it."""

import platform
import re
import subprocess
import sys
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest
import torch

from crossscale_results import ResultsError, append_rows, collect, provenance, read_table
from crossscale_results.provenance import DATASETS, PROFILES, Provenance


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_known_dataset_and_profile_are_kept(dataset: str, profile: str) -> None:
    found = collect(dataset, profile)
    assert (found.dataset, found.profile) == (dataset, profile)


@pytest.mark.parametrize(
    ("dataset", "profile", "said"),
    [
        ("MITDB", "quick", "dataset must be one of mitdb, synthetic, not 'MITDB'"),
        ("", "quick", "dataset must be one of mitdb, synthetic, not ''"),
        ("mitdb", "fast", "profile must be one of quick, paper, custom, not 'fast'"),
    ],
)
def test_another_dataset_or_profile_is_refused(dataset: str, profile: str, said: str) -> None:
    with pytest.raises(ResultsError, match=said):
        collect(dataset, profile)


def test_every_column_has_a_value_of_its_type() -> None:
    found = collect("synthetic", "quick")
    types = get_type_hints(Provenance)
    for field in fields(Provenance):
        assert type(getattr(found, field.name)) is types[field.name], field.name
    assert "" not in asdict(found).values()
    assert found.cpu_isa in ("avx512", "avx2", "portable")
    assert found.cores_count >= 1
    assert found.threads_count == torch.get_num_threads()
    assert found.torch_version == torch.__version__
    assert found.python_version == platform.python_version()


def test_the_commit_is_the_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "git_state", lambda: ("abcdef012345", True))
    found = collect("mitdb", "paper")
    assert (found.git_revision, found.git_dirty) == ("abcdef012345", True)


def test_the_time_is_now_in_utc() -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    begun = datetime.fromisoformat(collect("mitdb", "quick").time_utc)
    assert begun.utcoffset() == timedelta(0)
    assert before <= begun <= datetime.now(UTC)


def test_each_run_has_its_own_name_on_the_same_machine() -> None:
    first, second = (collect("mitdb", "quick") for _ in range(2))
    assert first.run_id != second.run_id
    assert re.fullmatch("[0-9a-f]{12}", first.run_id)
    assert first.machine_id == second.machine_id


def test_what_is_collected_here_may_be_written(toy: Any, tmp_path: Path) -> None:
    found = collect("synthetic", "custom")
    append_rows(toy.TOY, tmp_path, found, [toy.toy_row()])
    (row,) = read_table(toy.TOY, tmp_path).to_dict("records")
    assert {name: row[name] for name in asdict(found)} == asdict(found)


@pytest.mark.parametrize(
    ("mpi", "said"),
    [
        (None, "none"),
        (SimpleNamespace(Is_initialized=lambda: False), "none"),
        (
            SimpleNamespace(Is_initialized=lambda: True, get_vendor=lambda: ("MPICH", (4, 3, 0))),
            "MPICH 4.3.0",
        ),
    ],
)
def test_only_an_mpi_that_runs_is_named(
    monkeypatch: pytest.MonkeyPatch, mpi: SimpleNamespace | None, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", mpi)
    assert collect("mitdb", "quick").mpi_version == said


def test_asking_starts_no_mpi() -> None:
    code = (
        "import sys; from crossscale_results import collect; "
        "print(collect('mitdb', 'quick').mpi_version, 'mpi4py' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "none False\n"
