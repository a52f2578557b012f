"""The command: every kind of fault on real runs, and a row of each."""

from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.columns import FAULTS
from module3_mpi_gpu_overlap.fault_injection import FaultInjectionConfig, inject
from module3_mpi_gpu_overlap.faults import AT_ANY_TIME, DAMAGES, KINDS, POISONS, draw_faults


@pytest.mark.mpi
@pytest.mark.slow
def test_every_kind_of_fault_leaves_the_promises_kept_and_a_row(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inject(
        FaultInjectionConfig(
            tries=len(KINDS), data_dir=short_synthetic.directory, results_dir=tmp_path
        )
    )
    rows = read_table(FAULTS, tmp_path)
    assert sorted(rows["kind"]) == sorted(KINDS)
    assert set(rows["promise"]) == {"kept"}
    assert (rows["fault_to_end_s"] <= rows["limit_s"]).all()
    assert rows["try_index"].tolist() == list(range(len(KINDS)))
    left_out = rows["kind"].isin(["NaN update", "absurd loss"])
    assert set(rows.loc[left_out, "message"]) == {"told of and left out"}
    assert (rows.loc[left_out, "exit_status"] == 0).all()
    damaged = rows["kind"].isin(["flipped bit", "truncated state"])
    assert (rows.loc[damaged, "exit_status"] == 2).all()
    assert rows.loc[damaged, "message"].str.startswith("refused: round-2.").all()
    assert "8 of 8 faults left all promises kept" in capsys.readouterr().out


def test_no_tries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--tries"):
        inject(FaultInjectionConfig(tries=0, results_dir=tmp_path))
    assert not list(tmp_path.iterdir())


def test_faults_are_the_seeds_and_of_every_kind() -> None:
    faults = list(draw_faults(80, 6, 3))
    assert faults == list(draw_faults(80, 6, 3))
    assert faults != list(draw_faults(80, 6, 4))
    assert {kind: sum(f.kind == kind for f in faults) for kind in KINDS} == dict.fromkeys(KINDS, 10)
    for fault in faults:
        nobodys = fault.kind == "killed mpiexec" or fault.kind in DAMAGES
        assert fault.rank == -1 if nobodys else 0 <= fault.rank < fault.ranks
        assert -1 <= fault.round_index < 6
        assert fault.round_index != AT_ANY_TIME or fault.kind not in POISONS
