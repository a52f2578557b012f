"""What the paper says of scaling, and what was measured of it here."""

from pathlib import Path

import pandas as pd

from crossscale_results.claims import Claim
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.ratios import share_ratio
from module3_mpi_gpu_overlap.selection import crowded_words, on_device, per_round, profile_rows

MODULE = "module 3"
COMMAND = "python -m module3_mpi_gpu_overlap.bench --profile paper"
DOMINATES = "Communication comes to dominate a round as the number of ranks grows"
STILL_PAYS = "Optimising local training still pays when ranks communicate"
MODE = "G0"  # the baseline: nothing of its communication is hidden


def claims(results_dir: Path) -> list[Claim]:
    """Both claims, judged at the largest world of several ranks that had a core for each.

    Whether communication comes to dominate as ranks are added takes two such worlds.
    """
    rows = profile_rows(ROUNDS, results_dir, "bench")
    if rows is None or MODE not in set(rows["mode"]):
        missing = "the bench was not run" if rows is None else f"the bench had no {MODE}"
        return [_not_measured(paper, missing) for paper in (DOMINATES, STILL_PAYS)]
    rows, link = _last_link(rows[rows["mode"] == MODE])
    communication = _shares(rows, "exposed_communication_s")
    training = _shares(rows, "train_s")
    on, words = on_device(rows), crowded_words(rows)
    trusted = [w for w in communication.index if w > 1 and not communication["crowded"][w]]
    if not trusted:
        told = _told(communication, words)
        reason = f"every world of 2 or more ranks had {words}; {told}"
        return [_not_measured(paper, reason) for paper in (DOMINATES, STILL_PAYS)]
    largest = max(trusted)
    communication_share, training_share = (
        frame["median"][largest] for frame in (communication, training)
    )
    verdict = "reproduced" if communication_share > 0.5 else "not reproduced"
    told = f"exposed communication in a round, {link}{on}, {MODE}: {_told(communication, words)}"
    if len(trusted) == 1:
        verdict = "not measured"
        told = (
            f"growth takes two worlds of 2 or more ranks without {words}, and only that of "
            f"{largest} ranks was one; {told}"
        )
    return [
        Claim(
            MODULE,
            DOMINATES,
            told,
            verdict,
            COMMAND,
            tuple(share_ratio(rows, "exposed_communication_s", largest)),
        ),
        Claim(
            MODULE,
            STILL_PAYS,
            f"local training in a round{on}, which is what can be won: {_told(training, words)}",
            "reproduced" if training_share > communication_share else "not reproduced",
            COMMAND,
            tuple(share_ratio(rows, "train_s", largest)),
        ),
    ]


def _last_link(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows on what connected several ranks last, with those of one rank, and its name."""
    several = rows[rows["world_size"] > 1]
    link = str((rows if several.empty else several)["link"].iloc[-1])
    return rows[(rows["link"] == link) | (rows["world_size"] == 1)], link


def _shares(rows: pd.DataFrame, part: str) -> pd.DataFrame:
    """By world size: median share of a round, count of rounds, and whether it was crowded."""
    rounds = per_round(rows, [part])
    by_world = (rounds[part] / rounds["round_s"]).groupby("world_size")
    crowded = rows.groupby("world_size")["oversubscribed"].any()
    return pd.DataFrame({"median": by_world.median(), "n": by_world.count(), "crowded": crowded})


def _told(shares: pd.DataFrame, crowded_words: str) -> str:
    parts = [
        f"{row['median']:.2%} at {world}{'*' if row['crowded'] else ''} (n = {row['n']} rounds)"
        for world, row in shares.iterrows()
    ]
    note = f"; * {crowded_words}, not judged" if shares["crowded"].any() else ""
    return f"median {', '.join(parts)} rank(s){note}"


def _not_measured(paper: str, reason: str) -> Claim:
    return Claim(MODULE, paper, reason, "not measured", COMMAND)
