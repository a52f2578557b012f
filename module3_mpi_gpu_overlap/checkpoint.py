"""Models and states on disk: whole or not at all."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from crossscale_results.whole_file import whole_file
from module3_mpi_gpu_overlap.flat_model import FlatModel


def save_checkpoint(path: Path, model: FlatModel, about: Mapping[str, str]) -> None:
    """Write `{"state": state_dict, **about}`, readable with `torch.load(weights_only=True)`.

    Raises:
        OSError: it cannot be written; a file of that name is as it was.
    """
    state = {name: t.detach().cpu().clone() for name, t in model.module.state_dict().items()}
    write_whole(path, as_bytes({"state": state, **about}))


def as_bytes(content: Mapping[str, Any]) -> bytes:
    """A file of torch's, in memory."""
    file = io.BytesIO()
    torch.save(dict(content), file)
    return file.getvalue()


def write_whole(path: Path, data: bytes) -> None:
    """Write to a temporary name, force it to the disk, and rename it; folders are made.

    Raises:
        OSError: it cannot be written; a file of that name is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too, before anything older is removed
    finally:
        os.close(folder)
