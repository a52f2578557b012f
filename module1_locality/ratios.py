"""Module 1's ratios within one run: rungs over A0, over memcpy, over other loaders, and scores."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from crossscale_results.ratios import Ratio, ratio_of
from crossscale_results.reader import has_rows
from module1_locality.bars import OURS, TOP
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.classifier_report import latest_classifiers
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.order_config import DEFAULT
from module1_locality.order_summary import BASELINE, by_order, scored_orders
from module1_locality.peer_columns import PEERS_TABLE
from module1_locality.rungs import RUNGS, STEPS, usual_of
from module1_locality.scale_columns import SCALE_TABLE
from module1_locality.summary import latest_rows

MODULE = "module 1"


def ratios(results_dir: Path) -> list[Ratio]:
    """All that there are rows for, each of the last run of its table."""
    tables = (
        (LADDER_TABLE, training_ratios),
        (ASSEMBLY_TABLE, assembly_ratios),
        (PEERS_TABLE, peer_ratios),
        (SCALE_TABLE, scale_ratios),
    )
    found = []
    for table, ratios_in in tables:
        rows = latest_rows(table, results_dir)
        found += [] if rows is None else ratios_in(rows)
    return [*found, *order_ratios(results_dir), *score_ratios(results_dir)]


def training_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """Training throughput over A0's, by rung and batch size."""
    rungs = [name + step for step in STEPS for name in TOP]
    return throughput_ratios(rows, [(name, usual_of(RUNGS[name]).name) for name in rungs])


def throughput_ratios(rows: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> list[Ratio]:
    """Training throughput of each pair's first rung over its second's, by batch size."""
    device = rows["device"].iloc[0]
    return [
        ratio
        for size, part in rows.groupby("batch_size")
        for rung, other in pairs
        for ratio in ratio_of(
            MODULE,
            f"training throughput on {device}, {rung} over {other}, batch {size}",
            _by_repeat(part, "rung", rung, "trained_samples_per_s"),
            _by_repeat(part, "rung", other, "trained_samples_per_s"),
        )
    ]


def assembly_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """Host assembly over memcpy and over A0, by rung and batch size."""
    rate = "assembled_gb_per_s"
    return [
        ratio
        for size, part in rows.groupby("batch_size")
        for rung in OURS
        for other in ("memcpy", "A0")
        for ratio in ratio_of(
            MODULE,
            f"host assembly, {rung} over {other}, batch {size}",
            _by_repeat(part, "method", rung, rate),
            _by_repeat(part, "method", other, rate),
        )
    ]


def peer_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """Host assembly over the fastest other library's fastest settings, by batch size."""
    rate, found = "assembled_samples_per_s", []
    for size, part in rows[rows[rate].notna()].groupby("batch_size"):
        peers = part[part["role"] == "peer"]
        if peers.empty:
            continue
        ways = [way for _, way in peers.groupby(["contestant", "settings"])]
        best = max(ways, key=lambda way: float(way[rate].median()))
        for rung in TOP:
            found += ratio_of(
                MODULE,
                f"host assembly, {rung} over the fastest other loader, batch {size}",
                _by_repeat(part, "contestant", rung, rate),
                best.groupby("repeat")[rate].median(),
            )
    return found


def scale_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """Host assembly from the largest shard over that from the smallest, both warm, by rung."""
    rate = "assembled_samples_per_s"
    warm = rows[(rows["cache"] == "warm") & rows[rate].notna()]
    least, most = warm["copies_count"].min(), warm["copies_count"].max()
    return [
        ratio
        for rung, part in warm.groupby("rung")
        for ratio in ratio_of(
            MODULE,
            f"host assembly, {rung}, from {most} times the data over {least} times",
            _by_repeat(part, "copies_count", most, rate),
            _by_repeat(part, "copies_count", least, rate),
        )
    ]


def order_ratios(results_dir: Path) -> list[Ratio]:
    """Macro-F1 in A2's order over that in A0's, seed by seed."""
    rows = scored_orders(results_dir)
    if rows is None:
        return []
    orders = by_order(rows)
    if DEFAULT not in orders or BASELINE not in orders:
        return []
    first = rows.iloc[0]
    ours, base = (orders[order].set_index("seed")["macro_4_f1"] for order in (DEFAULT, BASELINE))
    return ratio_of(
        MODULE,
        f"macro-F1 on DS2 of {first['dataset']}, A2's order over A0's, {first['model']}, "
        f"{first['epochs']} epochs",
        ours.dropna(),
        base.dropna(),
    )


def score_ratios(results_dir: Path) -> list[Ratio]:
    """Macro-F1 on DS2 of each classifier; a score is a ratio in itself, one sample a seed."""
    if not has_rows(CLASSIFIER_TABLE, results_dir):
        return []
    rows = latest_classifiers(results_dir, protocol="test")
    rows = rows[(rows["scored_on"] == "DS2") & rows["macro_4_f1"].notna()]
    return [
        Ratio(
            MODULE,
            f"macro-F1 on DS2 of {part['dataset'].iloc[0]}, {model}, RR: {reference}, "
            f"{part['epochs'].iloc[0]} epochs",
            tuple(part["macro_4_f1"].astype(float)),
        )
        for (model, reference), part in rows.groupby(["model", "rr_reference"], sort=False)
    ]


def _by_repeat(rows: pd.DataFrame, column: str, value: object, measured: str) -> pd.Series:
    own = rows[(rows[column] == value) & rows[measured].notna()]
    return own.groupby("repeat")[measured].median()
