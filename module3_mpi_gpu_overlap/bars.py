"""`python -m module3_mpi_gpu_overlap.bars`: what module 3 is to reach, and whether it does.

Times are ratios within one bench: of means over rounds on links, of medians elsewhere; the first
round of a run, which warms up what follows, is left out. Accuracies are means over seeds.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
from typing_extensions import Doc

from crossscale_results.cli import run
from module3_mpi_gpu_overlap.accuracy_summary import (
    CENTRAL,
    SUBJECTS,
    final,
    interval_of,
    rounds_to,
    scored,
)
from module3_mpi_gpu_overlap.columns import FAULTS, MODEL, PEERS, ROUND_MODEL, ROUNDS, WIRE
from module3_mpi_gpu_overlap.faults import SIGNALS
from module3_mpi_gpu_overlap.model_columns import WITHIN_PERCENT
from module3_mpi_gpu_overlap.selection import last_run, profile_rows, warm_rounds

EXPOSED_AT_MOST, ROUND_AT_MOST = 0.05, 0.55
OVERHEAD_AT_MOST = 0.02
LESS_THAN_FLOWER = 5.0
AS_DOCUMENTED = "Flower documented"  # its name in peers/flower.py
OF_CENTRAL_AT_LEAST = 0.95
FEWER_BYTES = 4.0
FAULTS_COUNT = 200


@dataclass(frozen=True)
class Bars:
    """Whose bars are told."""

    results_dir: Annotated[Path, Doc("Folder of the CSV files; their last bench counts.")] = Path(
        "results"
    )


def render(results_dir: Path) -> str:
    """Every bar in a line, with its verdict; what has no rows is `not measured`."""
    links = profile_rows(ROUNDS, results_dir, "links")
    bench = profile_rows(ROUNDS, results_dir, "bench")
    peers = profile_rows(PEERS, results_dir)
    told = (
        _told("rounds on links", links, _on_links),
        _told("suite overhead", peers, _overhead),
        _told("drawing batches", bench, _drawing),
        _told("overhead of other runners", peers, _peers),
        _told("communication's share", bench, _share),
        _told("cost model", profile_rows(MODEL, results_dir), _model),
        _told("rounds by the cost model", profile_rows(ROUND_MODEL, results_dir), _round_model),
        _told("accuracy", scored(results_dir), _accuracy),
        _told("int8's bytes", profile_rows(WIRE, results_dir), _bytes),
        _told("random faults", profile_rows(FAULTS, results_dir), _faults),
    )
    return "\n".join(line for lines in told for line in lines)


def _told(
    what: str, rows: pd.DataFrame | None, tell: Callable[[pd.DataFrame], Iterator[str]]
) -> Iterator[str]:
    if rows is None or rows.empty:
        yield f"{what}: not measured"
        return
    yield from tell(rows)


def _on_links(rows: pd.DataFrame) -> Iterator[str]:
    for link, own in warm_rounds(rows).groupby("link", sort=False):
        # A run's last round waits for its own average, whatever the mode.
        inner = own[own["round_index"] < own["rounds"] - 1]
        exposed = inner.groupby("mode")["exposed_communication_s"].mean().astype(float)
        rounds = own.groupby("mode")["round_s"].mean().astype(float)
        mid_run = inner.groupby("mode")["round_s"].mean().astype(float)
        trained = own.groupby("mode")["train_s"].median().astype(float)
        if not {"G0", "G3"} <= set(exposed.index):
            yield f"G3 over G0 on {link}: not measured"
            continue
        alone = float(own.loc[own["mode"] == "G0", "communication_s"].median())
        millions = float(own["averaged_count"].iloc[0]) / 1e6
        yield (
            f"{link}, {millions:.1f} M numbers: G0 trains {trained['G0']:.2f} s and averages "
            f"{alone:.2f} s a round"
        )
        for mode in [name for name in exposed.index if name != "G0"]:
            share = exposed[mode] / exposed["G0"]
            bar = f" (bar: at most {EXPOSED_AT_MOST:g})" if mode == "G3" else ""
            judged = _judged(share <= EXPOSED_AT_MOST) if mode == "G3" else ""
            yield f"exposed communication of {mode} over G0's{bar}: {share:.3f}{judged}"
            ratio = rounds[mode] / rounds["G0"]
            bar = f" (bar: at most {ROUND_AT_MOST:g})" if mode == "G3" else ""
            judged = ""
            if mode == "G3":
                in_mid_run = f" ({mid_run[mode] / mid_run['G0']:.3f} without a run's last round)"
                judged = in_mid_run + _judged(ratio <= ROUND_AT_MOST)
            yield f"round of {mode} over G0's{bar}: {ratio:.3f}{judged}"


def _overhead(rows: pd.DataFrame) -> Iterator[str]:
    # By the other runners' clock, which sees optimiser steps from outside: a round's own parts
    # count what judges and copies models as training or as waiting.
    own = warm_rounds(rows[(rows["role"] == "suite") & ~rows["oversubscribed"].astype(bool)])
    if own.empty:
        yield "suite overhead: not measured with a core for each of 2 ranks"
        return
    own = own.assign(share=own["overhead_s"] / own["round_s"])
    steps = int(own["local_steps"].iloc[0])
    for mode, share in own.groupby("contestant")["share"].median().astype(float).items():
        yield (
            f"all but local steps in a round of {steps}, 2 ranks, {mode}, the wire included (bar: "
            f"at most 2 % without it): {share:.2%}{_judged(share <= OVERHEAD_AT_MOST)}"
        )


def _drawing(rows: pd.DataFrame) -> Iterator[str]:
    own = warm_rounds(rows)
    own = own[(own["world_size"] == 2) & ~own["oversubscribed"].astype(bool)]
    if own.empty:
        yield "drawing batches: not measured with a core for each of 2 ranks"
        return
    own = own.assign(share=own["preparation_s"] / own["rank_round_s"])
    shares = own.groupby("mode")["share"].median().astype(float)
    found = ", ".join(f"{share:.2%} in {mode}" for mode, share in shares.items())
    yield f"drawing batches, of a round of {int(own['local_steps'].iloc[0])} local steps: {found}"


def _peers(rows: pd.DataFrame) -> Iterator[str]:
    # A median of what a runner adds, in its variant that adds least.
    own = warm_rounds(rows[rows["overhead_s"].notna() & ~rows["oversubscribed"].astype(bool)])
    suite, flower = own[own["role"] == "suite"], own[own["library"] == "flwr"]
    if suite.empty or flower.empty:
        yield "overhead of Flower over the suite's: not measured"
        return
    columns = ["overhead_s", "runner_overhead_s"]
    variants = flower.groupby("contestant")[columns].median().astype(float)
    modes = suite.groupby("contestant")[columns].median().astype(float)
    steps = int(own["local_steps"].iloc[0])
    for mode, found in modes.iterrows():
        times = variants.min() / found
        yield (
            f"overhead of Flower over {mode}'s in a round of {steps} local steps (bar: at least "
            f"{LESS_THAN_FLOWER:g}): {_both(times)}"
            f"{_judged(times['overhead_s'] >= LESS_THAN_FLOWER)}"
        )
    for _, documented in variants[variants.index == AS_DOCUMENTED].iterrows():
        for mode, found in modes.iterrows():
            yield f"  as its tutorial sets it up, over {mode}'s: {_both(documented / found)}"


def _both(times: "pd.Series[float]") -> str:
    return f"{times['overhead_s']:.1f}, or {times['runner_overhead_s']:.1f} without drawing batches"


def _share(rows: pd.DataFrame) -> Iterator[str]:
    # One rank has nobody to communicate with: what it spends there is its own copying.
    own = warm_rounds(rows[(rows["mode"] == "G0") & (rows["world_size"] > 1)])
    share = own["exposed_communication_s"] / own["round_s"]
    by_world = share.groupby(own["world_size"]).median().astype(float)
    crowded = own.groupby("world_size")["oversubscribed"].any()
    marks = ["*" if crowd else "" for crowd in crowded]
    shares = zip(by_world.index, marks, by_world, strict=True)
    found = ", ".join(f"{share:.2%} at {world}{mark}" for world, mark, share in shares)
    with_cores = by_world[~crowded.astype(bool)]
    grows = ": not judged, fewer than two such worlds had a core for every rank"
    if len(with_cores) > 1:
        grows = _judged(bool(with_cores.is_monotonic_increasing))
    yield f"communication's share of a round, G0 (bar: grows with the ranks): {found}{grows}"


def _model(rows: pd.DataFrame) -> Iterator[str]:
    held_out = rows[(rows["kind"] == "held out") & rows["error_percent"].notna()]
    own = held_out[held_out["algorithm"] == "auto"]
    for network, sums in own.groupby("network", sort=False):
        off = sums["error_percent"].astype(float).abs()
        within = f"{(off <= WITHIN_PERCENT).sum()} of {len(off)}"
        judged = _judged(bool((off <= WITHIN_PERCENT).all()))
        worlds = ", ".join(str(size) for size in sorted(sums["world_size"].unique()))
        yield (
            f"cost model off its held-out sums on {worlds} ranks, {network} (bar: within "
            f"{WITHIN_PERCENT} %): median {off.median():.0f} %, worst {off.max():.0f} %, "
            f"{within} within{judged}"
        )


def _round_model(rows: pd.DataFrame) -> Iterator[str]:
    last = last_run(rows)
    for network, own in last.groupby("network", sort=False):
        by_world = own.sort_values("world_size")
        shares = [by_world[f"{how}_communication_ratio"] for how in ("measured", "predicted")]
        found = ", ".join(
            f"{seen:.0%} (model {modelled:.0%}) at {world}"
            for world, seen, modelled in zip(by_world["world_size"], *shares, strict=True)
        )
        # Ranks that are no power of two first fold into others: a step of their own.
        whole = [int(world).bit_count() == 1 for world in by_world["world_size"]]
        grows = _judged(all(share[whole].is_monotonic_increasing for share in shares))
        yield (
            f"communication's share of a round, {network} (bar: grows in both by powers of two): "
            f"{found}{grows}"
        )
        off = own.loc[own["kind"] == "held out", "error_percent"].abs()
        if off.empty:
            continue
        yield (
            f"cost model off its held-out rounds, {network} (bar: within {WITHIN_PERCENT} %): "
            f"median {off.median():.0f} %, worst {off.max():.0f} %"
            f"{_judged(bool((off <= WITHIN_PERCENT).all()))}"
        )


def _accuracy(rows: pd.DataFrame) -> Iterator[str]:
    scores = final(rows)
    blocking = interval_of(scores["G0"]) if "G0" in scores else None
    for name, by_seed in scores.items():
        found = interval_of(by_seed)
        of = f"macro-F1 on DS2, {name}: {found.mean:.3f} (1 seed)"
        if found.count > 1:
            between = f"{found.low:.3f} to {found.high:.3f}, {found.count} seeds"
            of = f"macro-F1 on DS2, {name}: {found.mean:.3f} ({between})"
        if blocking is None or blocking.count < 2 or name in (CENTRAL, SUBJECTS, "G0"):
            yield of
        else:
            yield f"{of}; inside G0's interval{_judged(blocking.holds(found.mean))}"
            yield from _paired(by_seed, scores["G0"])
    if {CENTRAL, SUBJECTS} <= set(scores):
        central = float(scores[CENTRAL].mean())
        ratio = float(scores[SUBJECTS].mean()) / central
        needed = rounds_to(rows, SUBJECTS, OF_CENTRAL_AT_LEAST * central)
        when = "never" if needed is None else f"first at round {needed}"
        yield (
            f"every subject a client, over central training (bar: {OF_CENTRAL_AT_LEAST:g}): "
            f"{ratio:.3f}, reached {when}{_judged(ratio >= OF_CENTRAL_AT_LEAST)}"
        )


def _paired(by_seed: "pd.Series[float]", blocking: "pd.Series[float]") -> Iterator[str]:
    """What the bar does not say: G0's interval is wide, and seeds are pairs."""
    apart = interval_of((by_seed - blocking).dropna())
    if apart.count > 1:
        between = f"{apart.low:+.3f} to {apart.high:+.3f}, {apart.count} pairs"
        yield f"  less G0's, seed by seed: {apart.mean:+.3f} ({between})"


def _bytes(rows: pd.DataFrame) -> Iterator[str]:
    largest = rows[rows["elements_count"] == rows["elements_count"].max()]
    payload = largest.groupby("wire")["payload_bytes"].first()
    ratio = float(payload["float32"]) / float(payload["int8"])
    yield (
        f"int8's bytes, times fewer than float32's (bar: {FEWER_BYTES:g}): {ratio:.2f}"
        f"{_judged(ratio >= FEWER_BYTES)}"
    )


def _faults(rows: pd.DataFrame) -> Iterator[str]:
    last = last_run(rows)
    broken = last["promise"].value_counts().drop("kept", errors="ignore")
    found = ", ".join(f"{count} {promise}" for promise, count in broken.items()) or "none broken"
    signals = last[last["kind"].isin(SIGNALS)]
    ended = (
        f"; killed and stopped runs were gone after at most {signals['fault_to_end_s'].max():.1f} s"
    )
    met = broken.empty and len(last) >= FAULTS_COUNT
    yield (
        f"{len(last)} random faults (bar: {FAULTS_COUNT}; no hang past the stated time, no corrupt "
        f"checkpoint, no silent wrong model): {found}{ended if len(signals) else ''}{_judged(met)}"
    )


def _judged(met: bool) -> str:
    return ": met" if met else ": missed"


def show(config: Bars) -> None:
    """Print the bars of the last benches.

    Raises:
        ResultsError: rows cannot be read.
    """
    print(render(config.results_dir))


if __name__ == "__main__":
    sys.exit(run(Bars, show, "python -m module3_mpi_gpu_overlap.bars", __doc__ or ""))
