"""The bench on a database's files, found, prepared and read as a user's are."""

from pathlib import Path

from crossscale_data import Source
from crossscale_results import read_table
from module1_locality.bench import bench
from module1_locality.columns import LADDER_TABLE
from module1_locality.config import Bench


def test_the_bench_runs_on_a_database(short_synthetic: Source, tmp_path: Path) -> None:
    bench(
        Bench(
            data_dir=short_synthetic.directory,
            results_dir=tmp_path,
            batch_sizes=(32,),
            repeats=1,
            fragment_windows=256,
            assembly_windows=256,
            block_windows=16,
            buffer_blocks=4,
            device="cpu",
        )
    )
    ladder = read_table(LADDER_TABLE, tmp_path)
    assert (ladder["dataset"] == short_synthetic.dataset).all()
    assert ladder.loc[ladder["rung"] == "A0", "last_loss"].notna().all()
