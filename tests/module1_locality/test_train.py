"""`train` on a database: rows for DS2 whole and by record, the same again, DS2 untouched in CV."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from crossscale_data.labels import CLASSES
from crossscale_data.packed_inputs import load_packed_inputs
from crossscale_data.records import DS1, DS2
from crossscale_data.source import Source
from crossscale_results import read_table
from module1_locality import train as train_module
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.classifier_figure import draw_classifiers
from module1_locality.classifier_report import render_report
from module1_locality.rungs import RungName
from module1_locality.train import train
from module1_locality.train_config import Feeding, Recipe, Train

BRIEF = Recipe(epochs=1, batch_size=128)
SCORES = [f"{name}_{score}" for name in "nsvf" for score in ("f1", "sensitivity", "precision")]


@pytest.fixture(scope="module", autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def rows_of(source: Source, results_dir: Path, **options: object) -> pd.DataFrame:
    config = Train(
        data_dir=source.directory,
        results_dir=results_dir,
        recipe=BRIEF,
        threads=1,
        **options,  # type: ignore[arg-type]
    )
    train(config)
    return read_table(CLASSIFIER_TABLE, results_dir)


@pytest.fixture(scope="module")
def results_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def tested(short_synthetic: Source, results_dir: Path) -> pd.DataFrame:
    return rows_of(short_synthetic, results_dir, models=("beatnet", "tinyecg"), seeds=(3,))


def test_ds2_is_scored_whole_disjoint_and_by_record(tested: pd.DataFrame) -> None:
    for model in ("beatnet", "tinyecg"):
        scored = tested[tested["model"] == model]["scored_on"].tolist()
        assert scored[:2] == ["DS2", "DS2-disjoint"]
        assert scored[2:] == [f"record {record}" for record in sorted(DS2)]
    assert set(tested["dataset"]) == {"synthetic"}
    assert set(tested["seed"]) == {3}
    assert (tested["parameters_count"] < 100_000).all()


def test_counts_of_records_add_up_to_ds2_and_scores_follow_from_them(tested: pd.DataFrame) -> None:
    rows = tested[tested["model"] == "beatnet"]
    counts = [f"{a}_as_{b}_count".lower() for a in CLASSES for b in CLASSES]
    whole = rows[rows["scored_on"] == "DS2"].iloc[0]
    by_record = rows[rows["scored_on"].str.startswith("record ")]
    assert (by_record[counts].sum() == whole[counts].astype(int)).all()
    hits = sum(whole[f"{name.lower()}_as_{name.lower()}_count"] for name in CLASSES)
    assert whole["accuracy_ratio"] == pytest.approx(hits / whole[counts].sum())


def test_rows_say_which_rung_fed_and_how_fast(tested: pd.DataFrame) -> None:
    assert set(tested["rung"]) == {"A5"}
    assert set(tested["device"]) <= {"cpu", "cuda", "xpu"}
    assert (tested["block_windows_count"] == 16).all()
    assert (tested["trained_samples_per_s"] > 0).all()


@pytest.mark.parametrize("rung", ["A0", "A2"])
def test_any_rung_feeds_the_training(
    tested: pd.DataFrame, short_synthetic: Source, tmp_path: Path, rung: RungName
) -> None:
    rows = rows_of(
        short_synthetic, tmp_path, models=("beatnet",), seeds=(3,), feeding=Feeding(rung=rung)
    )
    assert set(rows["rung"]) == {rung}
    by_a5 = tested[tested["model"] == "beatnet"]
    same = rows[SCORES].reset_index(drop=True).equals(by_a5[SCORES].reset_index(drop=True))
    assert same == (rung == "A2")


def test_the_same_seed_gives_the_same_scores(
    tested: pd.DataFrame, short_synthetic: Source, tmp_path: Path
) -> None:
    again = rows_of(short_synthetic, tmp_path, models=("beatnet",), seeds=(3,))
    before = tested[tested["model"] == "beatnet"]
    pd.testing.assert_frame_equal(
        again[SCORES].reset_index(drop=True), before[SCORES].reset_index(drop=True)
    )


def test_the_report_and_the_figure_show_the_run(
    tested: pd.DataFrame, results_dir: Path, tmp_path: Path
) -> None:
    report = render_report(results_dir, "test")
    assert "de Chazal et al. 2004: S 75.9/38.5, V 77.7/81.9" in report
    assert report.count("macro-F1 of N, S, V, F") == 4  # DS2 and DS2-disjoint of two models
    assert "DS2, seed 3: true class down" in report
    first = {path.name: path.read_bytes() for path in draw_classifiers(results_dir, tmp_path)}
    assert set(first) == {"module1_classifier.png", "module1_classifier.pdf"}
    again = {path.name: path.read_bytes() for path in draw_classifiers(results_dir, tmp_path)}
    assert again == first


def test_without_rows_there_is_no_figure(tmp_path: Path) -> None:
    assert draw_classifiers(tmp_path, tmp_path) == []


def test_cross_validation_never_touches_ds2_nor_scores_a_patient_it_trained_on(
    short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    scored: list[set[int]] = []
    real_train, real_predict = train_module.train_by_rung, train_module.predict
    record = load_packed_inputs(short_synthetic, "record").record

    def spying_train(training, windows, *arguments):  # type: ignore[no-untyped-def]
        seen.append(set(np.unique(record[windows.rows]).tolist()))
        return real_train(training, windows, *arguments)

    def spying_predict(network, inputs, rows):  # type: ignore[no-untyped-def]
        scored.append(set(np.unique(record[rows]).tolist()))
        return real_predict(network, inputs, rows)

    monkeypatch.setattr(train_module, "train_by_rung", spying_train)
    monkeypatch.setattr(train_module, "predict", spying_predict)
    rows = rows_of(
        short_synthetic, tmp_path, protocol="cross-validation", models=("tinyecg",), seeds=(0,)
    )
    assert rows["scored_on"].tolist() == ["DS1", *(f"record {r}" for r in sorted(DS1))]
    assert [s | held for s, held in zip(seen, scored, strict=True)] == [set(DS1)] * 5
    assert all(not s & held for s, held in zip(seen, scored, strict=True))


def test_a_mistake_is_one_sentence_and_no_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "module1_locality.train", "--data-dir", "nowhere"]
    done = subprocess.run(
        [*command, "--results-dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no folder nowhere")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_rung_that_cannot_train_is_one_sentence_and_no_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "module1_locality.train", "--rung", "C0"]
    done = subprocess.run(
        [*command, "--results-dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: --rung C0 cannot train: it serves one batch")
    assert not list(tmp_path.iterdir())
