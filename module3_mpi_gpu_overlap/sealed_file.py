"""Files of torch's under a seal: a bit that changed, or bytes that are missing, are found.

A sealed file is a line that names the format, a line with the SHA-256 of all that follows in
hexadecimal digits, and what `torch.save` writes.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.checkpoint import as_bytes, write_whole

FORMAT = "crossscale-ecg federated run, 2"


def save_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write it whole, or not at all.

    Raises:
        OSError: it cannot be written; a file of that name is as it was.
    """
    data = as_bytes(content)
    write_whole(path, _head(data) + data)


def load_sealed(path: Path) -> dict[str, Any]:
    """What was saved, to the bit, its tensors on the CPU; nothing in it is run.

    Raises:
        UserError: the file is missing, damaged, or of another format.
        OSError: it cannot be read.
    """
    try:
        whole = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: all ranks must see the folder of the state") from error
    data = whole[len(_head(b"")) :]
    if not whole.startswith(_head(data)):
        raise UserError(
            f"{path} is damaged or was not kept by a federated run of this version: put back a "
            "copy, or start without --resume, in another folder"
        )
    try:
        content: dict[str, Any] = torch.load(
            io.BytesIO(data), map_location="cpu", weights_only=True
        )
    except Exception as error:  # a seal keeps nobody from sealing something else
        raise UserError(
            f"{path} holds more than tensors and plain values, which is not run"
        ) from error
    return content


def _head(data: bytes) -> bytes:
    return f"{FORMAT}\n{hashlib.sha256(data).hexdigest()}\n".encode()
