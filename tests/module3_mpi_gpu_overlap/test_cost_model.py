"""The cost model from rows to rows: what it may see, what it says, and its figures."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from crossscale_results.errors import UserError
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.columns import ALLREDUCE
from module3_mpi_gpu_overlap.cost_model import CostModelConfig, model
from module3_mpi_gpu_overlap.launch import ONE_NODE
from module3_mpi_gpu_overlap.link_columns import LINKS
from module3_mpi_gpu_overlap.link_figure import draw_links
from module3_mpi_gpu_overlap.model_columns import MODEL
from module3_mpi_gpu_overlap.model_figures import draw_model
from module3_mpi_gpu_overlap.round_model_columns import ROUND_MODEL


@pytest.fixture(scope="module")
def results_dir(made_up_links: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of the made-up sweep, and of the model that was fitted to them."""
    folder = tmp_path_factory.mktemp("results")
    made_up_links.write_links(folder)
    model(CostModelConfig(results_dir=folder, train_s=0.5))
    return folder


@pytest.fixture(scope="module")
def modelled(results_dir: Path) -> pd.DataFrame:
    return read_table(MODEL, results_dir)


def test_only_mpichs_choice_for_two_ranks_is_calibration(modelled: pd.DataFrame) -> None:
    seen = {
        kind: set(of_kind[["algorithm", "world_size"]].itertuples(index=False, name=None))
        for kind, of_kind in modelled.groupby("kind")
    }
    assert seen["calibration"] == {("auto", 2)}
    assert ("auto", 2) not in seen["held out"]
    assert {("auto", 4), ("auto", 5), ("ring", 2), ("ring", 5)} <= seen["held out"]


def test_times_of_a_known_network_are_predicted_on_worlds_that_were_held_out(
    modelled: pd.DataFrame,
) -> None:
    held_out = modelled[modelled["kind"] == "held out"]
    assert len(held_out) == 2 * (4 * 3 - 1) * 3  # links, algorithms times worlds but one, sizes
    assert held_out["error_percent"].abs().max() < 3
    again = 100 * (held_out["predicted_s"] / held_out["measured_s"] - 1)
    pd.testing.assert_series_equal(again, held_out["error_percent"], check_names=False)


def test_held_out_times_do_not_move_the_fit(
    made_up_links: ModuleType, modelled: pd.DataFrame, tmp_path: Path
) -> None:
    made_up_links.write_links(tmp_path)
    path = tmp_path / f"{LINKS.name}.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    fitted = (frame["algorithm"] == "auto") & (frame["world_size"] == "2")
    frame.loc[(frame["operation"] == "allreduce") & ~fitted, "elapsed_s"] = "123.0"
    frame.to_csv(path, index=False)
    model(CostModelConfig(results_dir=tmp_path))
    found = read_table(MODEL, tmp_path)
    for column in ("message_alpha_s", "message_gb_per_s", "exchange_alpha_s", "exchange_gb_per_s"):
        assert set(found[column]) == set(modelled[column]), column


def test_a_projection_says_so_and_has_nothing_measured(modelled: pd.DataFrame) -> None:
    projection = modelled[modelled["kind"] == "projection"]
    assert projection["world_size"].max() == 4096
    assert projection["measured_s"].isna().all()
    assert projection["error_percent"].isna().all()
    assert any(name.startswith("stated: ") for name in projection["network"])
    assert not projection["oversubscribed"].any()


def test_communication_is_its_share_of_a_round(modelled: pd.DataFrame) -> None:
    expected = modelled["predicted_s"] / (modelled["predicted_s"] + 0.5)
    pd.testing.assert_series_equal(modelled["communication_ratio"], expected, check_names=False)


def test_without_rows_of_the_sweep_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="link_sweep"):
        model(CostModelConfig(results_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_no_training_time_leaves_the_share_empty_and_a_senseless_one_is_refused(
    made_up_links: ModuleType, tmp_path: Path
) -> None:
    made_up_links.write_links(tmp_path)
    with pytest.raises(UserError, match="--train-s"):
        model(CostModelConfig(results_dir=tmp_path, train_s=0.0))
    model(CostModelConfig(results_dir=tmp_path))
    assert read_table(MODEL, tmp_path)["communication_ratio"].isna().all()


def test_figures_are_drawn_the_same_each_time(results_dir: Path, tmp_path: Path) -> None:
    first, second = (
        [*draw_links(results_dir, tmp_path / name), *draw_model(results_dir, tmp_path / name)]
        for name in ("first", "second")
    )
    names = [
        f"module3_{what}.{kind}"
        for what in ("links", "model", "projection")
        for kind in ("png", "pdf")
    ]
    assert [path.name for path in first] == names
    for left, right in zip(first, second, strict=True):
        assert left.read_bytes() == right.read_bytes()


def test_without_rows_nothing_is_drawn(tmp_path: Path) -> None:
    assert draw_links(tmp_path, tmp_path / "figures") == []
    assert draw_model(tmp_path, tmp_path / "figures") == []


def test_of_one_node_only_mpis_own_sums_count(
    made_up_links: ModuleType, rows: Any, tmp_path: Path
) -> None:
    made_up_links.write_links(tmp_path)
    rows.write_allreduce(tmp_path, "quick")
    path = tmp_path / f"{ALLREDUCE.name}.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.loc[frame["sum"] == "fixed-point", "allreduce_s"] = "123.0"
    elsewhere = frame.assign(link="several nodes", allreduce_s="456.0")
    pd.concat([frame, elsewhere]).to_csv(path, index=False)
    model(CostModelConfig(results_dir=tmp_path))
    modelled = read_table(MODEL, tmp_path)
    measured_s = modelled.loc[modelled["network"] == ONE_NODE, "measured_s"].dropna()
    assert len(measured_s) == 4  # two sizes of two worlds
    assert measured_s.max() < 1


def test_the_model_is_of_the_machine_that_was_measured(
    rows: Any, made_up_links: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up_links.write_links(tmp_path)
    path = tmp_path / f"{LINKS.name}.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.assign(machine_id="elsewhere", cpu_model="Another").to_csv(path, index=False)
    rows.write_link_scaling(tmp_path, {2: (0.2, 0.1), 4: (0.2, 0.1)})
    model(CostModelConfig(results_dir=tmp_path))
    first = read_table(MODEL, tmp_path).iloc[0]
    assert (first["machine_id"], first["cpu_model"]) == ("elsewhere", "Another")
    assert "rounds are left out" in capsys.readouterr().out
    assert not (tmp_path / f"{ROUND_MODEL.name}.csv").exists()
