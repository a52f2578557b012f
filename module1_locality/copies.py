"""Copies of the training windows that some rungs read instead of the shard.

A copy is made once a process, before anything is timed, and holds the training rows alone. Copies
that stand for a shard are shards: files, mapped to memory as the shard is. They have no name any
more once they are open, so that nothing is left behind however the process ends.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from crossscale_data.errors import DataError
from crossscale_data.shard import new_shard, open_shard
from module1_locality.epoch import Epoch
from module1_locality.gather import check_rows
from module1_locality.huge_pages import empty_in_huge_pages
from module1_locality.orders import Rows, preshuffled
from module1_locality.rungs import Rung
from module1_locality.training_windows import TrainingWindows, touch

_AT_A_TIME = 4096  # windows
_INT16_STEPS = 32767


@dataclass(frozen=True, eq=False)
class Copy:
    """Windows to read, and where among them each row of the shard is."""

    windows: TrainingWindows
    place: Rows  # [shard rows]
    step_mv: float | None = None  # int16 samples: what one step stands for
    error_mv: float = 0.0  # largest difference of a sample from the shard's


@dataclass(frozen=True, eq=False)
class ResidentDataset:
    """All training windows on the device."""

    samples: Tensor  # float32 [n, L]
    label: Tensor  # int64 [n]
    place: Rows  # [shard rows]


def copy_for(rung: Rung, epoch: Epoch) -> Copy | None:
    """The copy that the rung reads; None if it reads the shard itself.

    Raises:
        DataError: a sample is not finite, where int16 ones are asked for.
        OSError: huge pages are asked for and cannot be had, or a temporary file cannot be written.
    """
    windows, seed = epoch.windows, epoch.shuffle.seed
    if rung.order == "preshuffled":
        return _kept(windows, (rung.order, seed), lambda: _preshuffled(windows, seed))
    if rung.store == "int16":
        return _kept(windows, rung.store, lambda: _as_int16(windows))
    if rung.store == "huge pages":
        return _kept(windows, rung.store, lambda: _in_huge_pages(_compact(windows)))
    if rung.store == "int16 in huge pages":
        return _kept(windows, rung.store, lambda: _in_huge_pages(_as_int16(windows)))
    return None


def resident_dataset(windows: TrainingWindows, device: torch.device) -> ResidentDataset:
    """All training windows on the device; on the CPU, in ordinary memory.

    Raises:
        IndexError: a row is none of the shard's.
    """

    def make() -> ResidentDataset:
        rows = torch.from_numpy(windows.rows)
        samples = windows.samples_tensor.index_select(0, rows)
        label = windows.label_tensor.index_select(0, rows)
        return ResidentDataset(samples.to(device), label.to(device), _places(windows, windows.rows))

    return _kept(windows, device, make)


_copies: "WeakKeyDictionary[TrainingWindows, dict[Hashable, Any]]" = WeakKeyDictionary()


def _kept(windows: TrainingWindows, what: Hashable, make: Callable[[], Any]) -> Any:
    check_rows(windows, windows.rows)
    made = _copies.setdefault(windows, {})
    if what not in made:
        made[what] = make()
    return made[what]


def _preshuffled(windows: TrainingWindows, seed: int) -> Copy:
    order = preshuffled(windows.rows, seed)
    samples = _mapped(
        {"preshuffled": seed}, "<f4", windows, (windows.samples[rows] for rows in _parts(order))
    )
    return _copy(windows, order, samples)


def _as_int16(windows: TrainingWindows) -> Copy:
    """Samples as multiples of the largest one's 32767th part.

    A sample is off by half a step at most (MIT-BIH: under a thousandth of the recorder's own step).
    """
    largest_mv = max((float(np.abs(part).max()) for part in _read(windows)), default=0.0)
    if not np.isfinite(largest_mv):
        raise DataError("a training window holds a sample that is not finite: prepare it again")
    step_mv = np.float32(largest_mv / _INT16_STEPS or 1.0)
    error_mv = 0.0

    def steps() -> Iterator[npt.NDArray[np.int16]]:
        nonlocal error_mv
        for part in _read(windows):
            rounded = np.rint(part / step_mv).clip(-_INT16_STEPS, _INT16_STEPS).astype(np.int16)
            error_mv = max(error_mv, float(np.abs(rounded * step_mv - part).max()))
            yield rounded

    samples = _mapped({"step_mv": float(step_mv)}, "<i2", windows, steps())
    copy = _copy(windows, windows.rows, samples)
    return replace(copy, step_mv=float(step_mv), error_mv=error_mv)


def _compact(windows: TrainingWindows) -> Copy:
    return _copy(windows, windows.rows, windows.samples[windows.rows])


def _in_huge_pages(copy: Copy) -> Copy:
    """The same copy in other memory."""
    mapped = copy.windows
    samples = empty_in_huge_pages(mapped.samples.shape, mapped.samples.dtype)
    samples[:] = mapped.samples
    samples.flags.writeable = False
    return replace(copy, windows=replace(mapped, samples=samples))


def _copy(windows: TrainingWindows, order: Rows, samples: npt.NDArray[Any]) -> Copy:
    record = None if windows.record is None else windows.record[order]
    label = windows.label[order]
    copied = TrainingWindows(samples, label, np.arange(len(order)), record)
    touch(copied)
    return Copy(copied, _places(windows, order))


def _places(windows: TrainingWindows, order: Rows) -> Rows:
    place = np.full(len(windows.samples), -1, np.int64)
    place[order] = np.arange(len(order))
    return place


def _parts(order: Rows) -> Iterator[Rows]:
    return (order[start : start + _AT_A_TIME] for start in range(0, len(order), _AT_A_TIME))


def _read(windows: TrainingWindows) -> Iterator[npt.NDArray[np.float32]]:
    return (windows.samples[rows] for rows in _parts(windows.rows))


def _mapped(
    about: Mapping[str, Any],
    dtype: str,
    windows: TrainingWindows,
    parts: Iterator[npt.NDArray[Any]],
) -> npt.NDArray[Any]:
    """The parts one after another in a nameless shard, mapped to memory."""
    shape = len(windows), windows.samples.shape[1]
    with TemporaryDirectory(prefix="crossscale-") as folder:
        path = Path(folder) / "copy.shard"
        with new_shard(path, about, {"samples": (dtype, shape)}) as arrays:
            start = 0
            for part in parts:
                arrays["samples"][start : start + len(part)] = part
                start += len(part)
        return np.asarray(open_shard(path, about).arrays["samples"])
