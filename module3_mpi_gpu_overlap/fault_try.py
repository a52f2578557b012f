"""One fault injected into one small federated run, and all that can be seen of it afterwards.

A run that a fault ended is resumed, and what it ends with is compared with the model of a run that
nothing happened to.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import copytree

import torch
from torch import Tensor

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import options_of
from module3_mpi_gpu_overlap.faults import AT_ANY_TIME, DAMAGES, POISONS, SIGNALS, Fault
from module3_mpi_gpu_overlap.ladder import Mode
from module3_mpi_gpu_overlap.marked_job import MarkedJob, start_job
from module3_mpi_gpu_overlap.mpiexec import YIELDING
from module3_mpi_gpu_overlap.poisoned_train import VARIABLE
from module3_mpi_gpu_overlap.run_state import intact_rounds, kept_rounds

ROUNDS, ROUNDS_BEFORE_DAMAGE = 6, 3
LOCAL_STEPS, BATCH_SIZE = 4, 32
STALL_LIMIT_S = 6.0  # where a rank is lost: it may spend half of it on loading parts of torch
GRACE_S = 10.0  # on top of it, to end all processes on a busy machine
RUN_LIMIT_S = 120.0  # of a run that loses no rank, on a busy machine: no rank gives up before
SOON_S = 0.05  # about what a round of these takes
STARTS = 5  # of a run that was over before the fault's moment: each waits half as long as the last
TRAIN, POISONED = "module3_mpi_gpu_overlap.train", "module3_mpi_gpu_overlap.poisoned_train"

Model = dict[str, Tensor]


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    status: int  # mpiexec's; negative: the signal that ended it
    in_time: bool
    seconds: float  # from the fault, or from the job's start
    out: str
    err: str
    model: Model | None  # that it saved
    torn: bool = False  # whether what it saved cannot be read


@dataclass(frozen=True)
class Observed:
    """What was seen of a try."""

    fault: Fault
    moment: str  # in words
    limit_s: float  # that the job had to end in
    ended: Ended
    expected: Model  # of the run that nothing happened to
    kept_before: int = -1  # last round that was on the disk when the fault came
    kept: Sequence[int] = ()  # rounds on the disk afterwards
    intact: Sequence[int] = ()  # those of them whose seals hold
    damaged: str = ""  # name of the file that was
    resumed: Ended | None = None  # the run that went on; None if there was nothing to go on with


@dataclass(frozen=True)
class Reference:
    """A run that nothing happened to."""

    model: Model
    run_s: float  # from its start to its end
    rounds_s: float  # from its data's being loaded to its end
    half_way: Path  # folder of the state that a shorter one left


@dataclass
class Runs:
    """Where runs find their data and leave what they write, and the references so far."""

    data_dir: Path
    folder: Path
    references: dict[tuple[int, Mode], Reference] = field(default_factory=dict)
    newest: MarkedJob | None = None

    def start(
        self,
        fault: Fault,
        folder: Path,
        rounds: int = ROUNDS,
        resume: bool = False,
        poisoned: bool = False,
        stall_limit_s: float = RUN_LIMIT_S,
    ) -> MarkedJob:
        """Start the fault's run in a folder of its own."""
        given = {
            "mode": fault.mode,
            "model": "tinyecg",  # scoring takes most of so short a run
            "ranks": fault.ranks,
            "rounds": rounds,
            "local-steps": LOCAL_STEPS,
            "batch-size": BATCH_SIZE,
            "data-dir": self.data_dir,
            "state-dir": folder / "state",
            "checkpoint": folder / "model.pt",
            "results-dir": folder,
            "stall-limit-s": stall_limit_s,
        }
        arguments = ["-m", POISONED if poisoned else TRAIN, *options_of(given)]
        variables = YIELDING | ({VARIABLE: json.dumps(asdict(fault))} if poisoned else {})
        folder.mkdir(exist_ok=True)
        (folder / "model.pt").unlink(missing_ok=True)
        arguments += ["--resume"] if resume else []
        self.newest = start_job(fault.ranks, arguments, folder, variables)
        return self.newest

    def close(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.newest is not None:
            self.newest.kill()

    def reference(self, fault: Fault) -> Reference:
        """The run like the fault's that nothing happens to; made on first use.

        Raises:
            UserError: it failed.
        """
        key = fault.ranks, fault.mode
        if key not in self.references:
            name = f"reference-{fault.ranks}-{fault.mode}"
            half_way = self.folder / f"{name}-half-way"
            half = end_of(self.start(fault, half_way, ROUNDS_BEFORE_DAMAGE), RUN_LIMIT_S)
            start_s, job = time.monotonic(), self.start(fault, self.folder / name)
            job.wait_until(lambda: _has_loaded(job))
            loading_s = time.monotonic() - start_s
            whole = end_of(job, RUN_LIMIT_S)
            for ended in (half, whole):
                if ended.status or ended.model is None:
                    raise UserError(f"a run without any fault failed: {ended.err.strip()}")
            assert whole.model is not None
            self.references[key] = Reference(
                whole.model, loading_s + whole.seconds, whole.seconds, half_way / "state"
            )
        return self.references[key]


def try_fault(runs: Runs, fault: Fault, index: int) -> Observed:
    """Start a run, let the fault happen to it, and go on with what it left.

    Raises:
        UserError: a run without any fault failed, or was always over before the fault's moment.
    """
    folder = runs.folder / f"try-{index}"
    if fault.kind in SIGNALS:
        return _try_signal(runs, fault, folder)
    if fault.kind in POISONS:
        return _try_poison(runs, fault, folder)
    assert fault.kind in DAMAGES
    return _try_damage(runs, fault, folder)


def end_of(job: MarkedJob, limit_s: float) -> Ended:
    """Wait for a job's end, or end it."""
    start_s = time.monotonic()
    in_time = job.wait_for_end(limit_s)
    seconds = time.monotonic() - start_s
    checkpoint = job.out.parent / "model.pt"
    model, torn = None, False
    if checkpoint.is_file():
        try:
            model = torch.load(checkpoint, weights_only=True)["state"]
        except Exception:  # what torch raises depends on where it is torn
            torn = True
    out, err = (path.read_text(errors="replace") for path in (job.out, job.err))
    return Ended(job.mpiexec.returncode, in_time, seconds, out, err, model, torn)


def _try_signal(runs: Runs, fault: Fault, folder: Path) -> Observed:
    reference, limit_s = runs.reference(fault), STALL_LIMIT_S + GRACE_S
    for start in range(STARTS):
        own = folder.with_name(f"{folder.name}-{start}")
        job, state = runs.start(fault, own, stall_limit_s=STALL_LIMIT_S), own / "state"
        moment = _wait_for_moment(job, fault, state, reference, fault.fraction / 2**start)
        kept_before = max(kept_rounds(state), default=-1)
        if moment and _send(job, fault):
            return Observed(
                fault,
                moment,
                limit_s,
                ended=end_of(job, limit_s),
                expected=reference.model,
                kept_before=kept_before,
                kept=kept_rounds(state),
                intact=intact_rounds(state),
                resumed=_go_on(runs, fault, own),
            )
        job.wait_for_end(RUN_LIMIT_S)
    raise UserError(f"{STARTS} runs were over before a fault could be injected: {fault}")


def _wait_for_moment(
    job: MarkedJob, fault: Fault, state: Path, reference: Reference, fraction: float
) -> str:
    """What the moment is called; empty if the job ended before it came."""
    if fault.round_index != AT_ANY_TIME:
        what, longest_s = f"round {fault.round_index} was kept", SOON_S
        there = job.wait_until(lambda: max(kept_rounds(state), default=-1) >= fault.round_index)
    elif fault.kind == "stopped rank":
        # Until the data are loaded, which may take an hour, nobody is given up.
        what, longest_s = "the data were loaded", reference.rounds_s
        there = job.wait_until(lambda: _has_loaded(job))
    else:
        what, longest_s = "the ranks' start", reference.run_s
        there = job.pid_of(fault.ranks - 1) > 0
    wait_s = fraction * longest_s
    end_s = time.monotonic() + wait_s
    in_time = there and job.wait_until(lambda: time.monotonic() >= end_s)
    return f"{wait_s:.3f} s after {what}" if in_time else ""


def _has_loaded(job: MarkedJob) -> bool:
    """Whether its ranks have their data: what rank 0 says first."""
    return b" ranks, " in job.out.read_bytes()


def _send(job: MarkedJob, fault: Fault) -> bool:
    """Whether the signal reached a process that was there."""
    pid = job.mpiexec.pid if fault.kind == "killed mpiexec" else job.pid_of(fault.rank)
    if pid < 0:
        return False
    try:
        os.kill(pid, signal.SIGSTOP if fault.kind == "stopped rank" else signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _try_poison(runs: Runs, fault: Fault, folder: Path) -> Observed:
    reference = runs.reference(fault)
    ended = end_of(runs.start(fault, folder, poisoned=True), RUN_LIMIT_S)
    state = folder / "state"
    return Observed(
        fault,
        f"in round {fault.round_index}",
        RUN_LIMIT_S,
        ended,
        reference.model,
        kept=kept_rounds(state),
        intact=intact_rounds(state),
    )


def _try_damage(runs: Runs, fault: Fault, folder: Path) -> Observed:
    reference = runs.reference(fault)
    state = copytree(reference.half_way, folder / "state")
    files = sorted(state.iterdir())
    # One number chooses file and place: what is left of the first choice is the second.
    which, place = divmod(fault.fraction * len(files), 1.0)
    damaged = files[int(which)]
    whole = damaged.read_bytes()
    at = int(place * len(whole))
    bit = int(place * len(whole) * 8) % 8
    if fault.kind == "flipped bit":
        changed = bytes([whole[at] ^ 1 << bit])
        damaged.write_bytes(whole[:at] + changed + whole[at + 1 :])
        moment = f"between two runs: bit {bit} of byte {at} of {damaged.name}"
    else:
        damaged.write_bytes(whole[:at])
        moment = f"between two runs: {damaged.name} cut from {len(whole)} to {at} bytes"
    ended = end_of(runs.start(fault, folder, resume=True), RUN_LIMIT_S)
    intact = intact_rounds(state)
    damaged.write_bytes(whole)
    return Observed(
        fault,
        moment,
        RUN_LIMIT_S,
        ended,
        reference.model,
        kept_before=ROUNDS_BEFORE_DAMAGE - 1,
        kept=kept_rounds(state),
        intact=intact,
        damaged=damaged.name,
        resumed=_go_on(runs, fault, folder),
    )


def _go_on(runs: Runs, fault: Fault, folder: Path) -> Ended:
    """The same run once more: resumed if any round is complete, else begun in the same folder."""
    resume = bool(kept_rounds(folder / "state"))
    return end_of(runs.start(fault, folder, resume=resume), RUN_LIMIT_S)
