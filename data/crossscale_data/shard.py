"""A shard: named arrays in one file, behind a versioned header, opened by mapping it to memory.

bytes 0–7    magic `CSECGSHD`
bytes 8–19   uint32 version, uint32 header length, uint32 CRC-32 of the header (little-endian)
then         the header, JSON: what the shard is, its length, and each array's dtype, shape
             and offset
then         the arrays, each at a multiple of 4096 bytes, in C order
"""

import json
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crossscale_data.errors import DataError
from crossscale_results.whole_file import whole_file

VERSION = 1
ALIGNMENT_BYTES = 4096
_MAGIC = b"CSECGSHD"
_PREFIX = struct.Struct("<8sIII")
_REMEDY = "remove it, it is prepared again when needed"

ArraySpec = tuple[str, tuple[int, ...]]  # dtype, shape


@dataclass(frozen=True)
class Shard:
    """An open shard: `about` is what the writer said of it, `arrays` are read-only maps."""

    about: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]


@contextmanager
def new_shard(
    path: Path, about: Mapping[str, Any], arrays: Mapping[str, ArraySpec]
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Writable maps of a new shard's arrays; it appears at `path` once the block has ended well.

    Args:
        about: JSON values kept in the header; `open_shard` compares them.
        arrays: dtype and shape of each array.
    """
    header = _layout(about, arrays)
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        with unfinished.open("wb") as file:
            file.write(_PREFIX.pack(_MAGIC, VERSION, len(text), zlib.crc32(text)) + text)
            file.flush()
            # Reserved, not only sized: a full disk must fail here, not kill us in a mapped page.
            os.posix_fallocate(file.fileno(), 0, header["file_bytes"])
        yield _map(unfinished, header["arrays"], "r+")


def open_shard(path: Path, about: Mapping[str, Any]) -> Shard:
    """Open a shard without copying it.

    Args:
        about: what the caller needs the header to say; a difference means that it is stale.

    Raises:
        DataError: not a shard, of another version, damaged, truncated, or stale.
    """
    header = _read_header(path)
    for key, needed in about.items():
        if header["about"].get(key) != needed:
            raise DataError(
                f"{path} is stale: it was prepared with {key}={header['about'].get(key)}, needed "
                f"is {key}={needed}; {_REMEDY}"
            )
    return Shard(header["about"], _map(path, header["arrays"], "r"))


def _read_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        actual_bytes = os.fstat(file.fileno()).st_size
        prefix = file.read(_PREFIX.size)
        if len(prefix) < _PREFIX.size or not prefix.startswith(_MAGIC):
            raise DataError(f"{path} is not a prepared file of this suite: {_REMEDY}")
        _, version, header_bytes, crc = _PREFIX.unpack(prefix)
        if version != VERSION:
            raise DataError(
                f"{path} is a prepared file of version {version}, this suite reads version "
                f"{VERSION}: {_REMEDY}"
            )
        text = file.read(min(header_bytes, actual_bytes))  # a damaged length may be gigabytes
    header = _parse_header(text) if zlib.crc32(text) == crc else None
    if header is None:
        raise DataError(f"{path} has a damaged header: {_REMEDY}")
    if actual_bytes != header["file_bytes"]:
        raise DataError(
            f"{path} holds {actual_bytes} bytes where its header announces "
            f"{header['file_bytes']}: it is truncated or damaged; {_REMEDY}"
        )
    return header


def _parse_header(text: bytes) -> dict[str, Any] | None:
    """The header, or None where `new_shard` would not have written it.

    All of it follows from what the shard is, and from its arrays' dtypes and shapes.
    """
    try:
        read = json.loads(text)
        arrays = {name: (entry["dtype"], entry["shape"]) for name, entry in read["arrays"].items()}
        header = _layout(read["about"], arrays)
    except Exception:  # json and numpy raise many kinds
        return None
    return header if header == read else None


def _layout(about: Mapping[str, Any], arrays: Mapping[str, ArraySpec]) -> dict[str, Any]:
    """The header: length of the whole file, and dtype, shape and offset of each array."""
    # Arrays without memory: numpy says what is no dtype or shape, and counts the bytes.
    hollow = {
        name: np.broadcast_to(np.empty((), dtype), shape) for name, (dtype, shape) in arrays.items()
    }
    if any(array.dtype.hasobject for array in hollow.values()):
        raise ValueError("a shard holds numbers and text, not Python objects")
    entries: dict[str, dict[str, Any]] = {
        name: {"dtype": array.dtype.str, "shape": list(array.shape), "offset": 0}
        for name, array in hollow.items()
    }
    header = {"about": dict(about), "file_bytes": 0, "arrays": entries}
    # The header's length depends on the offsets in it: a spare page makes room for their digits.
    position = _align(_PREFIX.size + len(json.dumps(header)) + ALIGNMENT_BYTES)
    for name, array in hollow.items():
        entries[name]["offset"] = position
        position = _align(position + array.nbytes)
    header["file_bytes"] = position
    return header


def _map(path: Path, entries: Mapping[str, Any], mode: Any) -> dict[str, npt.NDArray[Any]]:
    return {
        name: np.memmap(path, entry["dtype"], mode, entry["offset"], tuple(entry["shape"]))
        if math.prod(entry["shape"])
        else np.empty(entry["shape"], entry["dtype"])  # nothing to map
        for name, entry in entries.items()
    }


def _align(position: int) -> int:
    return -(-position // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
