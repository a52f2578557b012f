"""Module 3's ratios within one bench: parts of a round, modes over G0, wires, sums and scores.

A sample is of one start: its own rounds and turns are alike in what differs from start to start.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from crossscale_results.ratios import Ratio, ratio_from, ratio_of
from module3_mpi_gpu_overlap.accuracy_summary import TEST_SET, final, scored
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS, WIRE
from module3_mpi_gpu_overlap.selection import on_device, profile_rows, warm_rounds

MODULE = "module 3"
_ROUND = ["repeat", "round_index"]


def ratios(results_dir: Path) -> list[Ratio]:
    """All that there are rows for, each of the last bench of its table.

    Worlds of more ranks than cores are left out: what they measure is the operating system.
    """
    found: list[Ratio] = []
    bench = profile_rows(ROUNDS, results_dir, "bench")
    if bench is not None:
        found += mode_ratios(bench[~_crowded(bench) & (bench["world_size"] > 1)])
    links = profile_rows(ROUNDS, results_dir, "links")
    if links is not None:
        found += mode_ratios(links)
        found += exposed_ratios(links)
    found += [*_wires(results_dir), *_sums(results_dir), *_scores(results_dir)]
    return found


def training_shares(results_dir: Path) -> list[Ratio]:
    """Local training's share of a round by world size, for findings.

    Not among `ratios`: a slower training step raises it, so it is neither better nor worse.
    """
    bench = profile_rows(ROUNDS, results_dir, "bench")
    if bench is None:
        return []
    worlds = sorted(bench.loc[~_crowded(bench), "world_size"].unique())
    return [ratio for world in worlds for ratio in share_ratio(bench, "train_s", int(world))]


def share_ratio(rows: pd.DataFrame, part: str, world: int) -> list[Ratio]:
    """That part's share of a round of G0, mean over the ranks, as the claims take it.

    A sample is the median of a start's rounds.

    Args:
        rows: rows of the rounds' table, of one bench.
        part: `train_s` or `exposed_communication_s`.
        world: ranks.
    """
    own = rows[(rows["mode"] == "G0") & (rows["world_size"] == world)]
    if own.empty:
        return []
    names = {"train_s": "local training", "exposed_communication_s": "exposed communication"}
    steps = own["local_steps"].iloc[0]
    where = f"{_ranks(world)}, {steps} local steps{on_device(rows)}"
    name = f"share of a round, {names[part]}, G0, {where}"
    means = own.groupby(_ROUND)[[part, "round_s"]].mean()
    shares = _by_start(means[part] / means["round_s"])
    return ratio_from(MODULE, name, shares, part == "train_s")


def mode_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """A round of G3 over one of G0 in the same repeat, by link and world size.

    A sample is of a run's mean round: in G3 the last one waits for what the others put off.
    """
    return [
        ratio
        for (link, world, steps), own in warm_rounds(rows).groupby(
            ["link", "world_size", "local_steps"]
        )
        for ratio in ratio_of(
            MODULE,
            f"time of a round, G3 over G0, {link}, {_ranks(world)}, {steps} local steps"
            f"{on_device(own)}",
            _by_run(own, "G3"),
            _by_run(own, "G0"),
            greater_is_better=False,
        )
    ]


def exposed_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """Exposed communication of G3 over G0's, by link; a run's last round waits for its average."""
    inner = warm_rounds(rows)
    inner = inner[inner["round_index"] < inner["rounds"] - 1]
    return [
        ratio
        for (link, steps), own in inner.groupby(["link", "local_steps"])
        for ratio in ratio_of(
            MODULE,
            f"exposed communication, G3 over G0, {link}, {steps} local steps",
            _by_start(_by_round(own, "G3", "exposed_communication_s")),
            _by_start(_by_round(own, "G0", "exposed_communication_s")),
            greater_is_better=False,
        )
    ]


def _wires(results_dir: Path) -> Iterator[Ratio]:
    rows = profile_rows(WIRE, results_dir)
    if rows is None:
        return
    for (world, numbers), own in rows[~_crowded(rows)].groupby(["world_size", "elements_count"]):
        int8 = own[own["wire"] == "int8"].set_index(["repeat", "sample_index"])
        for what, column in (("time of an average", "average_ms"), ("bytes", "payload_bytes")):
            full = own[own["wire"] == "float32"].set_index(["repeat", "sample_index"])[column]
            yield from ratio_from(
                MODULE,
                f"{what}, int8 over float32, {_ranks(world)}, {numbers:,} numbers",
                _by_start(int8[column] / full),  # the wires took turns
                greater_is_better=False,
            )


def _sums(results_dir: Path) -> Iterator[Ratio]:
    rows = profile_rows(ALLREDUCE, results_dir)
    if rows is None:
        return
    several = rows[~_crowded(rows) & (rows["world_size"] > 1)]
    for (world, numbers), own in several.groupby(["world_size", "elements_count"]):
        times = own.pivot_table(
            index=["repeat", "sample_index"], columns="sum", values="allreduce_s"
        )
        if {"mpi", "fixed-point"} <= set(times):
            yield from ratio_of(
                MODULE,
                f"time of a sum, fixed-point over MPI's, {_ranks(world)}, {numbers:,} numbers",
                _by_start(times["fixed-point"]),
                _by_start(times["mpi"]),
                greater_is_better=False,
            )


def _scores(results_dir: Path) -> Iterator[Ratio]:
    rows = scored(results_dir)
    if rows is None or rows.empty:
        return
    for name, by_seed in final(rows).items():
        first = rows[rows["federation"] == name].iloc[0]
        yield Ratio(
            MODULE,
            f"macro-F1 on {TEST_SET} of {first['dataset']}, {name}, {first['rounds']} rounds",
            tuple(by_seed),
        )


def _by_run(rows: pd.DataFrame, mode: str) -> pd.Series:
    return rows[rows["mode"] == mode].groupby("repeat")["round_s"].mean()


def _by_round(rows: pd.DataFrame, mode: str, column: str) -> pd.Series:
    return rows[rows["mode"] == mode].groupby(_ROUND)[column].mean()


def _by_start(samples: pd.Series) -> pd.Series:
    return samples.groupby("repeat").median()


def _crowded(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["oversubscribed"].astype(bool)


def _ranks(world: object) -> str:
    return f"{world} rank{'' if world == 1 else 's'}"
