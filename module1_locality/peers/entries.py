"""From contestants to entries: formats written, each way checked, the fastest chosen."""

import shutil
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Literal

from crossscale_results import UserError
from module1_locality.conditions import Conditions
from module1_locality.peers.contestant import Contestant, Format, Job, OpenEpoch, Way
from module1_locality.peers.fragment import assemble
from module1_locality.peers.same_windows import Fingerprints, why_refused

_FIRST_TRIAL_EPOCH = 1_000_000  # orders that no timed epoch has
_TRIALS = 3
_ROOM = 4  # a library's formats together, in sizes of the data


@dataclass(frozen=True)
class Written:
    """A library's own files."""

    seconds: float
    size_bytes: int


@dataclass(frozen=True)
class Entry:
    """A way that takes part, or the reason why it does not."""

    contestant: Contestant
    choice: Literal["default", "best"]
    way: Way
    written: Written | None  # None: it reads the suite's shard
    open_epoch: OpenEpoch | None
    refused: str | None = None


def entries_of(
    contestant: Contestant, conditions: Conditions, job: Job, expected: Fingerprints
) -> list[Entry]:
    """The default and the fastest way of each order, with an epoch of each checked.

    A way that delivers other windows than the shard's, or fails, is not timed: its entry says why.
    """
    written: dict[Format, Written] = {}
    epoch = conditions.epoch(_FIRST_TRIAL_EPOCH, job.batch_size)

    def opened(choice: Literal["default", "best"], way: Way) -> Entry:
        entry = Entry(contestant, choice, way, None, None)
        try:
            part = _with_files(way, job, written)
            open_epoch = way.open(part)
            reason = why_refused(open_epoch(epoch), expected, job.batch_size)
        except (OSError, UserError):
            raise
        except Exception as error:
            if contestant.role == "suite":
                raise
            return replace(entry, refused=f"it failed: {type(error).__name__}")
        files = written[way.format] if way.format else None
        if reason is not None:
            return replace(entry, written=files, refused=f"refused, since {reason}")
        return replace(entry, written=files, open_epoch=open_epoch)

    default = opened("default", contestant.default)
    candidates = [opened("best", way) for way in contestant.candidates]
    sound = [entry for entry in (default, *candidates) if entry.open_epoch]
    chosen = [default, *(entry for entry in candidates if entry.refused)]
    for order in dict.fromkeys(entry.way.order for entry in sound):
        rivals = [entry for entry in sound if entry.way.order == order]
        fastest = _fastest(rivals, conditions, job)
        if fastest is not default:
            chosen.append(fastest)
    return chosen


def _fastest(rivals: list[Entry], conditions: Conditions, job: Job) -> Entry:
    if len(rivals) == 1:
        return rivals[0]
    rates: dict[int, list[float]] = {i: [] for i in range(len(rivals))}
    for trial in range(_TRIALS):
        epoch = conditions.epoch(_FIRST_TRIAL_EPOCH + 1 + trial, job.batch_size)
        for i, entry in enumerate(rivals):
            assert entry.open_epoch
            windows = conditions.grid.assembly_windows
            fragment = assemble(entry.open_epoch, epoch, conditions.bench.warmup_steps, windows)
            rates[i].append(fragment.samples_per_s)
    return rivals[max(rates, key=lambda i: median(rates[i]))]


def _with_files(way: Way, job: Job, written: dict[Format, Written]) -> Job:
    """The job in the folder of the way's format, written if it is not there yet."""
    if way.format is None:
        return job
    names = [form.name for form in written]
    at = names.index(way.format.name) if way.format.name in names else len(names)
    part = replace(job, folder=job.folder / str(at))
    if way.format not in written:
        part.folder.mkdir(parents=True)
        _check_room(part)
        start = perf_counter()
        way.format.write(part)
        seconds = perf_counter() - start
        size = sum(path.stat().st_size for path in part.folder.rglob("*") if path.is_file())
        written[way.format] = Written(seconds, size)
    return part


def _check_room(job: Job) -> None:
    needed = _ROOM * len(job.windows) * job.windows.samples.itemsize * job.windows.samples.shape[1]
    free = shutil.disk_usage(job.folder).free
    if free < needed:
        raise UserError(
            f"the folder for them has {free / 1e9:.1f} GB free where the libraries' own files "
            f"may need {needed / 1e9:.1f} GB: name another place with --scratch-dir"
        )
