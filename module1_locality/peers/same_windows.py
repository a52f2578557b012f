"""Did an epoch hold each training window once, whole and with its label?

A window is known by 64 bits: its samples' bit patterns and its label, each times an odd constant of
its place, added up modulo 2^64 (multilinear hashing: Dietzfelbinger 1996). Equal sorted lists of
them are, but for a chance in billions, equal multisets of windows.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from module1_locality.gather import HostBatch
from module1_locality.training_windows import TrainingWindows

Fingerprints = npt.NDArray[np.uint64]
_CHUNK_WINDOWS = 4096


def fingerprints(samples: npt.NDArray[np.float32], label: npt.NDArray[np.int64]) -> Fingerprints:
    """One number a window, uint64 [n], of samples [n, L] and labels [n]."""
    weights = np.random.default_rng(0).integers(2**63, size=samples.shape[1] + 1, dtype=np.uint64)
    weights = weights * np.uint64(2) + np.uint64(1)
    bits = np.ascontiguousarray(samples).view(np.uint32)
    return bits @ weights[:-1] + label.astype(np.uint64) * weights[-1]


def fingerprints_of(windows: TrainingWindows) -> Fingerprints:
    """Those of all training windows, sorted."""
    chunks = [
        windows.rows[start : start + _CHUNK_WINDOWS]
        for start in range(0, len(windows), _CHUNK_WINDOWS)
    ]
    return np.sort(
        np.concatenate([fingerprints(windows.samples[c], windows.label[c]) for c in chunks])
    )


def why_refused(
    batches: Iterable[HostBatch], expected: Fingerprints, batch_size: int
) -> str | None:
    """What is wrong with an epoch's batches; None if they hold exactly the expected windows."""
    found: list[Fingerprints] = []
    for waveform, label in batches:
        if waveform.dtype != torch.float32 or label.dtype != torch.int64:
            return f"batches are of {waveform.dtype} and {label.dtype}, not float32 and int64"
        count = len(label)
        if waveform.ndim != 3 or waveform.shape[:2] != (count, 1) or not 0 < count <= batch_size:
            return f"a batch has shape {tuple(waveform.shape)} and {count} labels"
        found.append(fingerprints(waveform.squeeze(1).numpy(), label.numpy()))
    delivered = np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)
    if len(delivered) != len(expected):
        return f"an epoch holds {len(delivered)} windows instead of {len(expected)}"
    if (delivered != expected).any():
        return "an epoch holds other windows than the shard's, or one of them twice"
    return None
