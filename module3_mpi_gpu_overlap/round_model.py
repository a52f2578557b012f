"""Whole rounds by the cost model: computing as two hosts need it, communication as fitted.

A world's local steps are taken to last as long as those of two hosts, times the ranks that share a
core; the average is a blocking sum of each bucket, by MPICH's choice of algorithm on the fitted
network. So nothing of a world beyond two ranks is seen, and its round is held out.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import pandas as pd

from crossscale_results.rows import Row
from module3_mpi_gpu_overlap.averaging import buckets
from module3_mpi_gpu_overlap.collective_costs import (
    FLOAT_BYTES,
    Network,
    communication_share,
    mpich_s,
)
from module3_mpi_gpu_overlap.cost_fit import LARGEST_FITTED_WORLD
from module3_mpi_gpu_overlap.round_model_columns import RoundKind, RoundModelKey, RoundPrediction
from module3_mpi_gpu_overlap.selection import per_round, warm_rounds


def compared_rounds(
    networks: Mapping[str, Network], rounds: pd.DataFrame, cores: int
) -> Iterator[Row]:
    """A row for each world of each link that is fitted and has rounds of two hosts.

    Args:
        networks: as fitted, by the link's name.
        rounds: rows of `link_scaling`.
        cores: what the hosts share.
    """
    warm = warm_rounds(rounds)
    links = warm["link"].astype(str).str.partition(", ")[2]
    for name, own in warm.groupby(links, sort=False):
        pair = own[own["world_size"] == LARGEST_FITTED_WORLD]
        if name not in networks or pair.empty:
            continue
        # As long as a step of theirs would take on a core of its own.
        step_s = computing_s(pair) / int(pair["local_steps"].iloc[0])
        step_s /= _turns(LARGEST_FITTED_WORLD, cores)
        for world in sorted(own["world_size"].unique()):
            held = own[own["world_size"] == world]
            key = _key(str(name), held.iloc[0].to_dict())
            own_s = step_s * key.local_steps * _turns(key.world_size, cores)
            yield Row(key, predicted(key, networks[str(name)], own_s, held), seed=0, repeat=0)


def computing_s(rounds: pd.DataFrame) -> float:
    """A round's local steps and next batches on its slowest rank, median over the rounds."""
    spent = rounds["train_s"] + rounds["preparation_s"]
    return float(spent.groupby([rounds["run_id"], rounds["round_index"]]).max().median())


def predicted(
    key: RoundModelKey, network: Network, own_s: float, measured: pd.DataFrame
) -> RoundPrediction:
    """The model's round beside the measured ones.

    Args:
        key: the world.
        network: its link, as fitted.
        own_s: the local steps with all that belongs to them.
        measured: the world's rounds, rank by rank.
    """
    pieces = buckets(key.averaged_count, key.bucket_bytes)
    sent = [FLOAT_BYTES * (piece.stop - piece.start) for piece in pieces]
    average_s = sum(mpich_s(network, key.world_size, size) for size in sent)
    rounds = per_round(measured, ["exposed_communication_s"])
    round_s = float(rounds["round_s"].median())
    shares = rounds["exposed_communication_s"] / rounds["round_s"]
    return RoundPrediction(
        predicted_computing_s=own_s,
        predicted_communication_s=average_s,
        predicted_round_s=own_s + average_s,
        measured_round_s=round_s,
        error_percent=100 * ((own_s + average_s) / round_s - 1),
        predicted_communication_ratio=communication_share(average_s, own_s),
        measured_communication_ratio=float(shares.median()),
    )


def told_rounds(rows: Sequence[Row]) -> list[str]:
    """Each world's round, in a line."""
    lines = []
    for row in rows:
        key, found = row.config, row.measurement
        assert isinstance(found, RoundPrediction)
        modelled, seen = found.predicted_communication_ratio, found.measured_communication_ratio
        lines.append(
            f"{key.kind}, {key.network}, a round of {key.world_size} hosts: "
            f"{found.predicted_round_s:.2f} s, measured {found.measured_round_s:.2f} s "
            f"({found.error_percent:+.1f} %); communication {modelled:.0%}, measured {seen:.0%}"
        )
    return lines


def _turns(hosts: int, cores: int) -> int:
    """Ranks that share the fullest core, and take turns on it."""
    return ceil(hosts / cores)


def _key(network: str, row: Mapping[Any, Any]) -> RoundModelKey:
    world = int(row["world_size"])
    kind: RoundKind = "calibration" if world == LARGEST_FITTED_WORLD else "held out"
    return RoundModelKey(
        kind=kind,
        network=network,
        mode=str(row["mode"]),
        world_size=world,
        local_steps=int(row["local_steps"]),
        averaged_count=int(row["averaged_count"]),
        bucket_bytes=int(row["bucket_bytes"]),
    )
