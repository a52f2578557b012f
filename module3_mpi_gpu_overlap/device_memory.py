"""Numbers between an accelerator and MPI: straight where MPI can read its memory, else staged.

Whether MPI can is asked of the library itself. Non-blocking reductions of accelerator memory have
crashed in libraries whose blocking ones work, so what is sent beside other work is always staged:
copied to page-locked host memory on a stream of its own, so that training's stream goes on.
"""

import ctypes
from typing import Any, Literal

import torch
from mpi4py import MPI
from torch import Tensor

Transfer = Literal["none", "direct", "staged"]
# MPICH's names for kinds of memory in MPIX_GPU_query_support, and Open MPI's function for each.
_MPICH_KIND = {"cuda": 0, "xpu": 1, "hip": 2}
_OPEN_MPI_QUERY = {"cuda": "MPIX_Query_cuda_support", "hip": "MPIX_Query_rocm_support"}


def mpi_reads(device: torch.device) -> bool:
    """Whether this MPI library says that it can be handed memory of the device; a CPU's it can."""
    if device.type == "cpu":
        return True
    kind = "hip" if device.type == "cuda" and torch.version.hip else device.type
    library = ctypes.CDLL(MPI.__file__)  # finds what the MPI library brings with it
    if kind in _MPICH_KIND and (query := getattr(library, "MPIX_GPU_query_support", None)):
        supported = ctypes.c_int(0)
        query(ctypes.c_int(_MPICH_KIND[kind]), ctypes.byref(supported))
        return bool(supported.value)
    query = getattr(library, _OPEN_MPI_QUERY.get(kind, "no_such_function"), None)
    return bool(query and query())


class Staging:
    """Page-locked host memory beside a vector of an accelerator, and the stream that copies."""

    def __init__(self, vector: Tensor, stream: Any = None, pinned: bool = True) -> None:
        """For float32 [n]; `stream` is a torch.Stream of its device, made if none is given."""
        self.host = torch.empty(vector.shape, dtype=torch.float32, pin_memory=pinned)
        self._vector = vector
        self._stream = torch.Stream(vector.device) if stream is None else stream

    def to_host(self, piece: slice) -> None:
        """Copy a piece to the host after all that was computed so far; it is there on return."""
        self._copy(self._vector[piece], self.host[piece])
        self._stream.synchronize()  # MPI reads it next, and knows nothing of streams

    def to_device(self, piece: slice) -> None:
        """Copy a piece back; what is computed from now on sees it, and the host goes on."""
        self._copy(self.host[piece], self._vector[piece])
        self._computing().wait_stream(self._stream)

    def _copy(self, source: Tensor, target: Tensor) -> None:
        self._stream.wait_stream(self._computing())
        with self._stream:
            target.copy_(source, non_blocking=True)

    def _computing(self) -> Any:
        return torch.accelerator.current_stream(self._vector.device)
