"""What an Allreduce would cost on more ranks: `python -m module3_mpi_gpu_overlap.cost_model`.

Reads the rows of the link sweep (and of the bench, for one node), fits alpha, beta and gamma to
messages, sums and MPICH's choice for two ranks, compares with all that the fit has not seen (whole
rounds too, where `link_scaling` was run), and projects.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from typing_extensions import Doc

from crossscale_results.cli import run
from crossscale_results.errors import UserError
from crossscale_results.machine import machine_id
from crossscale_results.provenance import Provenance, collect, usable_cores
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.collective_costs import (
    ALGORITHMS,
    FLOAT_BYTES,
    Network,
    Wire,
    communication_share,
    hierarchical_s,
)
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS
from module3_mpi_gpu_overlap.config import ResultsDir
from module3_mpi_gpu_overlap.cost_fit import LARGEST_FITTED_WORLD, Sample, fit_gamma, fit_network
from module3_mpi_gpu_overlap.launch import ONE_NODE
from module3_mpi_gpu_overlap.link_columns import LINKS
from module3_mpi_gpu_overlap.model_columns import (
    MODEL,
    WITHIN_PERCENT,
    Kind,
    ModelKey,
    ModelPrediction,
)
from module3_mpi_gpu_overlap.round_model import compared_rounds, told_rounds
from module3_mpi_gpu_overlap.round_model_columns import ROUND_MODEL
from module3_mpi_gpu_overlap.selection import profile_rows

HIERARCHICAL = "hierarchical"
FITTED = "auto"  # MPICH's own choice; every forced algorithm is held out, worlds of two included
# Published figures of such networks, not measurements of ours: latency and bytes per second.
STATED = {"stated: 100 Gbit/s, 2 us": (2e-6, 12.5e9), "stated: 1 Gbit/s, 20 ms": (0.02, 0.125e9)}
PROJECTED_WORLDS = (*(2**k for k in range(4, 13)), 3_000)
PROJECTED_BYTES = tuple(FLOAT_BYTES * n for n in (3_000, 40_000, 1_000_000, 10_000_000))
PROJECTED_RANKS_PER_NODE = 8
GROUP = ["network", "algorithm", "world_size", "oversubscribed", "message_bytes"]


@dataclass(frozen=True, kw_only=True)
class CostModelConfig:
    """Which results are modelled."""

    results_dir: ResultsDir = Path("results")
    train_s: Annotated[
        float | None, Doc("Seconds of local training in a round, for communication's share of it.")
    ] = None


def model(config: CostModelConfig) -> None:
    """Fit, validate, project; appends the rows and says how far off the model is.

    Raises:
        UserError: there are no rows of the link sweep, or too few to fit.
    """
    if config.train_s is not None and config.train_s <= 0:
        raise UserError("--train-s must be a positive number of seconds")
    links = profile_rows(LINKS, config.results_dir)
    if links is None:
        raise UserError(
            f"{config.results_dir} has no rows of the link sweep: run "
            "`python -m module3_mpi_gpu_overlap.link_sweep` first"
        )
    measured = pd.concat([_of_links(links), *_of_one_node(config.results_dir)])
    networks = fitted_networks(links, measured)
    rows = [*compared(networks, measured, config.train_s), *projected(networks, config.train_s)]
    provenance = _of_the_same_machine(links)
    print(f"rows appended to {append_rows(MODEL, config.results_dir, provenance, rows)}")
    print("\n".join(told(networks, rows)))
    rounds = profile_rows(ROUNDS, config.results_dir, "link-scaling")
    if rounds is None:
        return
    if provenance.machine_id != machine_id():
        print("rounds are left out: how they share cores is known on the machine that ran them")
        return
    if whole := list(compared_rounds(networks, rounds, usable_cores())):
        append_rows(ROUND_MODEL, config.results_dir, provenance, whole)
        print("\n".join(told_rounds(whole)))


def fitted_networks(links: pd.DataFrame, measured: pd.DataFrame) -> dict[str, Network]:
    """A network for each link of the sweep, and for one node where the bench was run."""
    sums = links[links["operation"] == "local-reduction"]
    gamma_s = fit_gamma(sums["message_bytes"].tolist(), sums["elapsed_s"].tolist())
    networks = {}
    for name, own in measured.groupby("network", sort=False):
        pairs = own[(own["world_size"] == LARGEST_FITTED_WORLD) & (own["algorithm"] == FITTED)]
        messages = links[(links["operation"] == "ping-pong") & (links["link"] == name)]
        networks[str(name)] = fit_network(
            [Sample(n, s) for n, s in _times(messages)],
            [
                Sample(n, s, str(a))
                for (n, s), a in zip(_times(pairs), pairs["algorithm"], strict=True)
            ],
            gamma_s,
        )
    return networks


def compared(
    networks: dict[str, Network], measured: pd.DataFrame, train_s: float | None
) -> Iterator[Row]:
    """A row for each measured Allreduce of two ranks and more: calibration or held out."""
    shared = measured[measured["world_size"] > 1].groupby(GROUP)[["elapsed_s"]]
    for row in shared.median().reset_index().to_dict("records"):
        name, world, algorithm = str(row["network"]), int(row["world_size"]), str(row["algorithm"])
        network, size = networks[name], int(row["message_bytes"])
        fitted = world == LARGEST_FITTED_WORLD and algorithm == FITTED
        kind: Kind = "calibration" if fitted else "held out"
        key = _key(kind, name, network, algorithm, world, 1, bool(row["oversubscribed"]), size)
        predicted_s = ALGORITHMS[algorithm](network, world, size)
        yield _row(key, predicted_s, float(row["elapsed_s"]), train_s)


def projected(networks: dict[str, Network], train_s: float | None) -> Iterator[Row]:
    """Rows of worlds that nobody has measured, up to 4,096 ranks, on fitted and stated networks."""
    gamma_s = next(iter(networks.values())).gamma_s
    stated = {
        name: _stated(Wire(alpha, 1 / rate), gamma_s) for name, (alpha, rate) in STATED.items()
    }
    inside = networks.get(ONE_NODE)
    for name, network in {**networks, **stated}.items():
        if name == ONE_NODE:
            continue  # no node has 4,096 cores
        for world in PROJECTED_WORLDS:
            for size in PROJECTED_BYTES:
                for algorithm, cost in ALGORITHMS.items():
                    key = _key("projection", name, network, algorithm, world, 1, False, size)
                    yield _row(key, cost(network, world, size), None, train_s)
                if inside is not None and world % PROJECTED_RANKS_PER_NODE == 0:
                    each = PROJECTED_RANKS_PER_NODE
                    key = _key("projection", name, network, HIERARCHICAL, world, each, False, size)
                    predicted_s = hierarchical_s(network, inside, world // each, each, size)
                    yield _row(key, predicted_s, None, train_s)


def told(networks: dict[str, Network], rows: list[Row]) -> list[str]:
    """The networks, and the held-out errors, in lines."""
    lines = [
        f"{name}: {what} alpha {wire.alpha_s * 1e6:.1f} us, {1e-9 / wire.beta_s:.4g} GB/s"
        for name, network in networks.items()
        for what, wire in (("message", network.message), ("exchange", network.exchange))
    ]
    errors = pd.DataFrame(
        [
            (r.config.network, r.config.algorithm, abs(r.measurement.error_percent))
            for r in rows
            if r.config.kind == "held out"
        ],
        columns=["network", "algorithm", "error"],
    )
    for (name, algorithm), own in errors.groupby(["network", "algorithm"])["error"]:
        within = (own <= WITHIN_PERCENT).mean()
        lines.append(
            f"held out, {name}, {algorithm}: median error {own.median():.1f} %, worst "
            f"{own.max():.1f} %, {within:.0%} of {len(own)} within {WITHIN_PERCENT} %"
        )
    return lines


def _of_the_same_machine(links: pd.DataFrame) -> Provenance:
    """Today's code, on whatever machine; what it speaks of is the machine of the link sweep.

    A host's rank has a core of its own in these rows: how many there are is not theirs to tell.
    """
    first = links.iloc[0]
    told = collect(str(first["dataset"]), str(first["profile"]))
    names = ("machine_id", "cpu_model", "cpu_isa", "accelerator", "mpi_version")
    measured: dict[str, Any] = {name: str(first[name]) for name in names}
    return replace(told, **measured)


def _of_links(links: pd.DataFrame) -> pd.DataFrame:
    rows = links[links["operation"] == "allreduce"]
    return rows.rename(columns={"link": "network"})[[*GROUP, "elapsed_s"]]


def _of_one_node(results_dir: Path) -> list[pd.DataFrame]:
    rows = profile_rows(ALLREDUCE, results_dir)
    if rows is None:
        return []
    rows = rows[(rows["link"] == ONE_NODE) & (rows["sum"] == "mpi")]  # as the links' sums are
    if not (rows["world_size"] == LARGEST_FITTED_WORLD).any():
        return []
    named = rows.assign(
        network=ONE_NODE,
        algorithm="auto",
        message_bytes=rows["elements_count"] * FLOAT_BYTES,
        elapsed_s=rows["allreduce_s"],
    )
    return [named[[*GROUP, "elapsed_s"]]]


def _stated(wire: Wire, gamma_s: float) -> Network:
    return Network(wire, wire, gamma_s)


def _times(rows: pd.DataFrame) -> list[tuple[int, float]]:
    sizes, seconds = rows["message_bytes"].tolist(), rows["elapsed_s"].tolist()
    return list(zip(sizes, seconds, strict=True))


def _key(
    kind: Kind,
    name: str,
    network: Network,
    algorithm: str,
    world: int,
    ranks_per_node: int,
    oversubscribed: bool,
    size: int,
) -> ModelKey:
    return ModelKey(
        kind=kind,
        network=name,
        algorithm=algorithm,
        world_size=world,
        ranks_per_node=ranks_per_node,
        oversubscribed=oversubscribed,
        message_bytes=size,
        message_alpha_s=network.message.alpha_s,
        message_gb_per_s=1e-9 / network.message.beta_s,
        exchange_alpha_s=network.exchange.alpha_s,
        exchange_gb_per_s=1e-9 / network.exchange.beta_s,
        reduction_gb_per_s=1e-9 / network.gamma_s if network.gamma_s else None,
    )


def _row(key: ModelKey, predicted_s: float, measured_s: float | None, train_s: float | None) -> Row:
    reasons: dict[str, str] = {}
    if measured_s is None:
        reasons |= dict.fromkeys(("measured_s", "error_percent"), "a projection")
    if train_s is None:
        reasons["communication_ratio"] = "no time of local training was given"
    if key.reduction_gb_per_s is None:
        reasons["reduction_gb_per_s"] = "sums took no time that could be seen"
    prediction = ModelPrediction(
        predicted_s=predicted_s,
        measured_s=measured_s,
        error_percent=None if measured_s is None else 100 * (predicted_s / measured_s - 1),
        communication_ratio=None if train_s is None else communication_share(predicted_s, train_s),
    )
    return Row(key, prediction, seed=0, repeat=0, not_measured=reasons)


def main() -> int:
    """Parse the command line and model."""
    return run(
        CostModelConfig,
        model,
        prog="python -m module3_mpi_gpu_overlap.cost_model",
        description="Fit, validate and project the cost of an Allreduce.",
    )


if __name__ == "__main__":
    sys.exit(main())
