"""A small table of the tests' own, with one column of every kind."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from typing_extensions import Doc

from crossscale_results.provenance import Provenance
from crossscale_results.rows import Row
from crossscale_results.table import Table


@dataclass(frozen=True)
class ToyRun:
    """What was run."""

    kernel: Annotated[str, Doc("Name of the kernel.")]
    mode: Annotated[Literal["fast", "slow"], Doc("How it ran.")]
    warm: Annotated[bool, Doc("Whether it was warm.")]
    batch_size: Annotated[int, Doc("Samples in a batch.")]


@dataclass(frozen=True)
class ToyMeasurement:
    """What was measured."""

    step_s: Annotated[float, Doc("Time of a step.")]
    other_step_s: Annotated[float | None, Doc("Time of another step.")]
    moved_bytes: Annotated[int | None, Doc("Bytes moved.")]
    note: Annotated[str | None, Doc("What was seen.")]


TOY = Table("toy", "One step.", ToyRun, ToyMeasurement)

PROVENANCE = Provenance(
    run_id="0123456789ab",
    time_utc="2026-01-02T03:04:05+00:00",
    suite_version="0.1.0",
    git_revision="abcdef012345",
    git_dirty=False,
    dataset="mitdb",
    machine_id="ba9876543210",
    cpu_model="Example CPU w/ Graphics @ 2.00GHz",
    cpu_isa="avx2",
    cores_count=4,
    threads_count=2,
    accelerator="none",
    python_version="3.11.0",
    torch_version="2.13.0+cpu",
    mpi_version="none",
    profile="quick",
)
RUN = ToyRun("reference", "fast", True, 32)
MEASUREMENT = ToyMeasurement(0.25, 0.5, 1024, "steady")


def toy_row(repeat: int = 0, seed: int = 0, not_measured: Any = None, **changed: Any) -> Row:
    """A right row with some columns changed."""
    run = {name: value for name, value in changed.items() if hasattr(RUN, name)}
    measured = {name: value for name, value in changed.items() if name not in run}
    return Row(
        replace(RUN, **run), replace(MEASUREMENT, **measured), seed, repeat, not_measured or {}
    )
