"""`order_accuracy` on a database: a row for each order and seed, resumed, DS2 untouched in CV."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from crossscale_data.packed_inputs import load_packed_inputs
from crossscale_data.records import DS1
from crossscale_data.source import Source
from crossscale_results import UserError, read_table
from module1_locality import order_accuracy as command
from module1_locality.order_accuracy import order_accuracy
from module1_locality.order_columns import ORDER_TABLE
from module1_locality.order_config import OrderAccuracy

SCORES = ["macro_4_f1", "n_f1", "s_f1", "v_f1", "f_f1", "accuracy_ratio"]


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def config_of(source: Source, results_dir: Path, **options: object) -> OrderAccuracy:
    given: dict[str, object] = {
        "data_dir": source.directory,
        "results_dir": results_dir,
        "orders": ("global", "two-level", "block-only", "unshuffled", "pre-shuffled"),
        "block_windows": (16,),
        "buffer_blocks": (4,),
        "seeds": (0, 1),
        "epochs": 1,
        "batch_size": 64,
        "threads": 1,
        "device": "cpu",
    }
    return OrderAccuracy(**(given | options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def results(short_synthetic: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a whole run."""
    folder = tmp_path_factory.mktemp("results")
    before = torch.get_num_threads()
    order_accuracy(config_of(short_synthetic, folder))
    torch.set_num_threads(before)
    return folder


def rows_in(results_dir: Path) -> pd.DataFrame:
    return read_table(ORDER_TABLE, results_dir)


def test_every_order_has_a_row_for_each_seed(results: Path) -> None:
    rows = rows_in(results)
    assert len(rows) == 10
    assert rows.groupby("order")["seed"].apply(sorted).tolist() == [[0, 1]] * 5
    assert set(rows["scored_on"]) == {"DS2"}
    assert set(rows["profile"]) == {"custom"}
    sizes = rows.set_index("order")[["block_windows_count", "buffer_blocks_count"]]
    assert sizes.loc["two-level"].iloc[0].tolist() == [16, 4]
    assert sizes.loc["block-only"].iloc[0].tolist() == [16, 0]
    assert sizes.loc["global"].iloc[0].tolist() == [0, 0]


def test_patients_in_a_batch_tell_the_orders_apart(results: Path) -> None:
    rows = rows_in(results)
    patients = rows.groupby("order")["patients_per_batch_count"].mean()
    # A batch of 64 out of 22 patients: nearly all, those of 4 blocks, and of a boundary.
    assert patients["global"] > 18
    assert 3 < patients["block-only"] <= 6
    assert patients["block-only"] < patients["two-level"] < patients["global"]
    assert 1 <= patients["unshuffled"] < 3
    assert patients["pre-shuffled"] == pytest.approx(patients["global"], abs=1)
    assert rows["classes_per_batch_count"].between(1, 5).all()
    assert (rows["assembled_samples_per_s"] > 0).all()


def test_an_interrupted_run_goes_on_under_its_name(
    results: Path,
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = command.train_in_order
    left = iter(range(7, -1, -1))

    def failing(*arguments):  # type: ignore[no-untyped-def]
        if next(left) == 0:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(command, "train_in_order", failing)
        with pytest.raises(KeyboardInterrupt):
            order_accuracy(config_of(short_synthetic, tmp_path))
    assert len(rows_in(tmp_path)) == 7
    order_accuracy(config_of(short_synthetic, tmp_path, resume=True))
    assert "3 trainings are left" in capsys.readouterr().out
    found, expected = rows_in(tmp_path), rows_in(results)
    assert found["run_id"].nunique() == 1
    key = ["seed", "order", *SCORES, "patients_per_batch_count"]
    pd.testing.assert_frame_equal(found[key], expected[key])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 2}, "its epochs is 1, here it is 2"),
        ({"model": "tinyecg"}, "its model is beatnet, here it is tinyecg"),
        ({"protocol": "cross-validation"}, "its protocol is test"),
    ],
)
def test_another_configuration_is_not_resumed(
    results: Path, short_synthetic: Source, options: dict[str, object], message: str
) -> None:
    before = (results / "module1_orders.csv").read_bytes()
    with pytest.raises(UserError, match=f"cannot be resumed: {message}"):
        order_accuracy(config_of(short_synthetic, results, resume=True, **options))
    assert (results / "module1_orders.csv").read_bytes() == before


def test_without_a_run_there_is_nothing_to_resume(short_synthetic: Source, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        order_accuracy(config_of(short_synthetic, tmp_path, resume=True))


def test_cross_validation_never_touches_ds2(
    short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = load_packed_inputs(short_synthetic, "record").record
    looked_at: set[int] = set()
    real_gather, real_predict = command.gathered_batches, command.predict

    def spying_gather(windows, rows, *arguments):  # type: ignore[no-untyped-def]
        looked_at.update(np.unique(record[rows]).tolist())
        return real_gather(windows, rows, *arguments)

    def spying_predict(network, inputs, rows):  # type: ignore[no-untyped-def]
        looked_at.update(np.unique(record[rows]).tolist())
        return real_predict(network, inputs, rows)

    monkeypatch.setattr(command, "gathered_batches", spying_gather)
    monkeypatch.setattr(command, "predict", spying_predict)
    config = config_of(
        short_synthetic,
        tmp_path,
        protocol="cross-validation",
        orders=("block-only",),
        model="tinyecg",
        seeds=(0,),
    )
    order_accuracy(config)
    assert looked_at == set(DS1)
    assert rows_in(tmp_path)["scored_on"].tolist() == ["DS1"]
