"""Random faults on real runs: `python -m module3_mpi_gpu_overlap.fault_injection`.

Each try starts a small run with kept states, lets one random fault happen to it, goes on with what
is left, and holds what came out against three promises (`fault_verdict`).
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Literal

from tqdm import tqdm
from typing_extensions import Doc

from crossscale_results.cli import run
from crossscale_results.errors import UserError
from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.config import DataDir, ResultsDir
from module3_mpi_gpu_overlap.fault_columns import FAULTS, FaultKey, FaultMeasurement
from module3_mpi_gpu_overlap.fault_try import ROUNDS, Observed, Runs, try_fault
from module3_mpi_gpu_overlap.fault_verdict import Verdict, judge
from module3_mpi_gpu_overlap.faults import Fault, draw_faults
from module3_mpi_gpu_overlap.prepared_source import prepared_source

TRIES = {"quick": 10, "paper": 200}


@dataclass(frozen=True, kw_only=True)
class FaultInjectionConfig:
    """How many faults, and where their rows go."""

    profile: Annotated[Literal["quick", "paper"], Doc("`quick`: 10 faults; `paper`: 200.")] = (
        "quick"
    )
    tries: Annotated[int | None, Doc("Faults to inject; the profile's number if none.")] = None
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    seed: Annotated[int, Doc("Seed of the faults.")] = 0


def inject(config: FaultInjectionConfig) -> None:
    """Inject the faults; each is a row as soon as it has been judged.

    Raises:
        UserError: a promise was broken, or a run without any fault failed.
    """
    tries = TRIES[config.profile] if config.tries is None else config.tries
    if tries < 1:
        raise UserError("--tries must be at least 1")
    source = prepared_source(config.data_dir)
    provenance = collect(source.dataset, config.profile)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="crossscale-faults-") as folder:
        runs = Runs(source.directory.resolve(), Path(folder))
        faults = draw_faults(tries, ROUNDS, config.seed)
        with closing(runs):
            for index, seen in _tried(runs, faults, tries):
                verdict = judge(seen)
                counts[verdict.promise] += 1
                if verdict.promise != "kept":
                    about = f"{_named(seen.fault)}, {seen.moment}"
                    print(f"{about}: {verdict.promise}: {verdict.message}")
                row = _row(seen, verdict, config.seed, index)
                path = append_rows(FAULTS, config.results_dir, provenance, [row])
    print(f"{counts['kept']} of {tries} faults left all promises kept; rows are in {path}")
    if broken := tries - counts["kept"]:
        raise UserError(f"{broken} of {tries} faults broke a promise: they are told above")


def _tried(runs: Runs, faults: Iterator[Fault], tries: int) -> Iterator[tuple[int, Observed]]:
    with tqdm(faults, total=tries, desc="faults", unit="fault") as bar:
        for index, fault in enumerate(bar):
            bar.set_postfix_str(_named(fault))
            yield index, try_fault(runs, fault, index)
            for left in runs.folder.glob(f"try-{index}*"):
                rmtree(left)


def _named(fault: Fault) -> str:
    return f"{fault.kind}, {fault.ranks} ranks, {fault.mode}"


def _row(seen: Observed, verdict: Verdict, seed: int, index: int) -> Row:
    fault = seen.fault
    key = FaultKey(
        kind=fault.kind,
        mode=fault.mode,
        world_size=fault.ranks,
        rank=fault.rank,
        moment=seen.moment,
        try_index=index,
    )
    measurement = FaultMeasurement(
        fault_to_end_s=seen.ended.seconds,
        limit_s=seen.limit_s,
        exit_status=seen.ended.status,
        promise=verdict.promise,
        message=verdict.message,
    )
    return Row(key, measurement, seed, repeat=0)


def main() -> int:
    """Parse the command line and inject."""
    return run(
        FaultInjectionConfig,
        inject,
        prog="python -m module3_mpi_gpu_overlap.fault_injection",
        description="Kill, stop and poison small federated runs at random, and see what is left.",
    )


if __name__ == "__main__":
    sys.exit(main())
